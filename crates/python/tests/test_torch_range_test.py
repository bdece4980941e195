"""The range test leaves no trace, and says what the sweep of the core says."""

import copy
import random

import numpy as np
import pytest
import torch

from opportune import _core
from opportune.torch import range_test


class Model(torch.nn.Module):
    """With buffers that training changes, random numbers, and a part that is not in training mode."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8)
        self.drop, self.frozen, self.last = torch.nn.Dropout(0.2), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3)
        self.register_buffer("calls", torch.zeros(1), persistent=False)
        self.frozen.eval()

    def forward(self, inputs):
        self.calls += 1
        random.random(), np.random.random()
        return self.last(self.frozen(self.drop(torch.relu(self.norm(self.first(inputs))))))


def loader(**options):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(120, 4, generator=generator)
    rows = torch.utils.data.TensorDataset(inputs, inputs[:, :3].argmax(1))
    return torch.utils.data.DataLoader(rows, batch_size=24, shuffle=True, **options)


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
    "adam with a rate in a tensor": lambda p: torch.optim.Adam(p, lr=torch.tensor(1e-3)),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=2),
}


def everything(model, optimizer, batches):
    """All that could change, as values."""
    generator = batches.generator
    return copy.deepcopy(
        {
            "tensors": [one.detach().tolist() for one in [*model.parameters(), *model.buffers()]],
            "gradients": [None if one.grad is None else one.grad.tolist() for one in model.parameters()],
            "modes": [module.training for module in model.modules()],
            "optimizer": repr(optimizer.state_dict()),
            "random": [torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())],
            "generator": None if generator is None else generator.get_state().tolist(),
        }
    )


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_everything_is_left_as_it_was_found(optimizer, trained):
    torch.manual_seed(0)
    model, batches = Model(), loader(generator=torch.Generator().manual_seed(5))
    step = OPTIMIZERS[optimizer](model.parameters())
    cross_entropy = torch.nn.functional.cross_entropy

    def closure():
        inputs, targets = next(iter(batches))
        step.zero_grad()
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        return loss

    if trained:
        step.step(closure)
    identities = [id(one) for one in model.parameters()] + [id(step.state), id(step.param_groups)]
    before = everything(model, step, batches)
    found = range_test(model, step, cross_entropy, batches, low=1e-4, high=1.0, steps=30)
    assert everything(model, step, batches) == before
    assert [id(one) for one in model.parameters()] + [id(step.state), id(step.param_groups)] == identities
    assert len(found.rates) == len(found.losses) == len(found.table()) > 5
    # A training that follows is the one that would have been.
    torch.manual_seed(9)
    after = float(closure().detach())
    torch.manual_seed(0)
    fresh, fresh_batches = Model(), loader(generator=torch.Generator().manual_seed(5))
    if trained:
        model, batches, first = fresh, fresh_batches, OPTIMIZERS[optimizer](fresh.parameters())
        step = first
        step.step(closure)
    model, batches = fresh, fresh_batches
    torch.manual_seed(9)
    assert float(closure().detach()) == after


def test_it_is_left_as_it_was_found_where_the_run_fails():
    model, batches = Model(), loader()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before, calls = everything(model, optimizer, batches), []

    def loss(output, target):
        calls.append(1)
        if len(calls) == 5:
            raise RuntimeError("a mistake in the loss")
        return torch.nn.functional.cross_entropy(output, target)

    with pytest.raises(RuntimeError, match="a mistake in the loss"):
        range_test(model, optimizer, loss, batches)
    assert everything(model, optimizer, batches) == before


def test_what_it_says_is_what_the_sweep_says_of_its_losses():
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    found = range_test(model, optimizer, torch.nn.functional.cross_entropy, loader(), low=1e-4, high=1e4, steps=60)
    sweep = _core.Sweep(1e-4, 1e4, 60)
    for loss in found.losses:
        sweep.push(loss)
    assert found.suggestions == sweep.suggestions and found.smoothed == sweep.smoothed
    assert found.ended_early and found.tells and 1e-3 < found.suggestion < 100
    # The first steps are those of plain SGD at these rates.
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    batches = iter(loader())
    for rate, expected in zip(found.rates[:5], found.losses[:5]):
        inputs, targets = next(batches)
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= rate * parameter.grad
                parameter.grad = None
    text = str(found)
    assert "valley" in text and "then the loss ran away" in text and "smoothed" in text


def test_groups_keep_their_proportions():
    model, seen = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 3)), []

    class Watched(torch.optim.SGD):
        def step(self, closure):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    groups = [{"params": model[0].parameters(), "lr": 0.01}, {"params": model[1].parameters(), "lr": 0.1}]
    found = range_test(model, Watched(groups, lr=1.0), torch.nn.functional.cross_entropy, loader(), steps=30)
    assert [high for _, high in seen] == found.rates
    assert [low / high for low, high in seen] == pytest.approx([0.1] * len(seen))


def test_a_loss_that_never_falls_suggests_nothing():
    model = torch.nn.Linear(4, 3)
    constant = lambda output, target: output.sum() * 0 + 1.0  # noqa: E731
    found = range_test(model, torch.optim.SGD(model.parameters(), lr=0.1), constant, loader(), steps=40)
    assert not found.tells and found.suggestion is None
    assert "does not fall" in str(found)


@pytest.mark.parametrize(
    "batches, settings, message",
    [
        (iter([]), {}, "can be gone through only once"),
        ([], {}, "the loader gives no batches"),
        ([torch.zeros(2, 4)], {}, "a batch is of the type Tensor"),
        ([], {"low": 1.0, "high": 0.1}, "the sweep goes from 1 to 0.1"),
        ([], {"low": 0.0}, "the sweep goes from 0 to 10"),
        ([], {"steps": 3}, "the sweep has 3 steps; give at least 25"),
    ],
)
def test_mistakes_are_named(batches, settings, message):
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError) as raised:
        range_test(model, optimizer, torch.nn.functional.cross_entropy, batches, **settings)
    assert message in str(raised.value)
