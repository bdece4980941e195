"""Schedulers against PyTorch's own, over 200 steps with a save and load in the middle."""

import json
import pickle

import pytest
import torch
from torch.optim import lr_scheduler, swa_utils

import opportune.torch as ours

STEPS = 200
RATES = (0.1, 0.03)


class Upstream:
    """PyTorch's schedulers by name."""

    def __getattr__(self, name):
        return getattr(swa_utils if name == "SWALR" else lr_scheduler, name)


def sgd():
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    return torch.optim.SGD(groups, lr=1.0, momentum=0.9)


def adam():
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    return torch.optim.Adam(groups)


CASES = {
    "step": lambda m, o: m.StepLR(o, step_size=30, gamma=0.5),
    "step by position": lambda m, o: m.StepLR(o, 7, 0.9),
    "step that grows": lambda m, o: m.StepLR(o, 10, gamma=1.5),
    "multi_step": lambda m, o: m.MultiStepLR(o, milestones=[150, 50, 80, 80], gamma=0.3),
    "multi_step of none": lambda m, o: m.MultiStepLR(o, milestones=[]),
    "constant": lambda m, o: m.ConstantLR(o, factor=0.3, total_iters=40),
    "constant as it is": lambda m, o: m.ConstantLR(o),
    "linear": lambda m, o: m.LinearLR(o, start_factor=0.1, total_iters=60),
    "linear down": lambda m, o: m.LinearLR(o, 1.0, 0.2, 150),
    "exponential": lambda m, o: m.ExponentialLR(o, 0.97),
    "exponential that grows": lambda m, o: m.ExponentialLR(o, gamma=1.2),
    "polynomial": lambda m, o: m.PolynomialLR(o, total_iters=150, power=2.0),
    "cosine": lambda m, o: m.CosineAnnealingLR(o, T_max=STEPS, eta_min=1e-4),
    "cosine to zero": lambda m, o: m.CosineAnnealingLR(o, STEPS),
    "restarts": lambda m, o: m.CosineAnnealingWarmRestarts(o, T_0=30),
    "longer restarts": lambda m, o: m.CosineAnnealingWarmRestarts(o, 20, T_mult=2, eta_min=1e-4),
    "cyclic": lambda m, o: m.CyclicLR(o, base_lr=1e-4, max_lr=1e-2, step_size_up=20),
    "cyclic by group": lambda m, o: m.CyclicLR(
        o, [1e-4, 1e-3], [1e-2, 1e-1], 20, 30, base_momentum=0.7, max_momentum=0.95
    ),
    "triangular2": lambda m, o: m.CyclicLR(o, 1e-4, 1e-2, step_size_up=15, mode="triangular2"),
    "exp_range": lambda m, o: m.CyclicLR(o, 1e-4, 1e-2, 15, mode="exp_range", gamma=0.99),
    "cyclic without momentum": lambda m, o: m.CyclicLR(o, 1e-4, 1e-2, 20, cycle_momentum=False),
    "one_cycle": lambda m, o: m.OneCycleLR(o, max_lr=0.1, total_steps=STEPS + 1),
    "one_cycle in three": lambda m, o: m.OneCycleLR(o, 0.1, total_steps=STEPS + 1, three_phase=True),
    "one_cycle by group": lambda m, o: m.OneCycleLR(
        o,
        [0.1, 0.5],
        epochs=21,
        steps_per_epoch=10,
        pct_start=0.25,
        anneal_strategy="linear",
        div_factor=10,
        final_div_factor=100,
    ),
    "one_cycle without momentum": lambda m, o: m.OneCycleLR(o, 0.1, STEPS + 1, cycle_momentum=False),
    "swalr": lambda m, o: m.SWALR(o, swa_lr=0.05, anneal_epochs=50),
    "swalr by group": lambda m, o: m.SWALR(o, [0.05, 0.5], anneal_epochs=20, anneal_strategy="linear"),
    "lambda": lambda m, o: m.LambdaLR(o, lambda epoch: 0.95**epoch),
    "lambda by group": lambda m, o: m.LambdaLR(o, [lambda epoch: 1 / (1 + epoch), lambda epoch: 0.9 ** (epoch // 5)]),
    "multiplicative": lambda m, o: m.MultiplicativeLR(o, lambda epoch: 0.99 if epoch % 2 else 0.98),
    "warm-up, then cosine": lambda m, o: m.SequentialLR(
        o, [m.LinearLR(o, 0.1, total_iters=20), m.CosineAnnealingLR(o, T_max=180)], milestones=[20]
    ),
    "three in a row": lambda m, o: m.SequentialLR(
        o, [m.ConstantLR(o, 0.1, 30), m.ExponentialLR(o, 0.98), m.StepLR(o, 10, 0.5)], [30, 120]
    ),
    "chained": lambda m, o: m.ChainedScheduler([m.ConstantLR(o, 0.1, 20), m.ExponentialLR(o, 0.98)], optimizer=o),
    "chained of three": lambda m, o: m.ChainedScheduler(
        [m.LinearLR(o, 0.5, total_iters=10), m.MultiStepLR(o, [60, 90]), m.StepLR(o, 40, 0.7)]
    ),
}
OPTIMIZERS = {"sgd": sgd, "adam": adam}


def settings(optimizer):
    """What a scheduler sets of each group: the rate, and momentum or β1."""
    groups = optimizer.param_groups
    return [(float(g["lr"]), g["betas"][0] if "betas" in g else g["momentum"]) for g in groups]


def advance(optimizer, scheduler, steps):
    """The settings before each step, and after the last."""
    seen = [settings(optimizer)]
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        seen.append(settings(optimizer))
        assert scheduler.get_last_lr() == [rate for rate, _ in seen[-1]]
    return seen


def close(mine, theirs):
    assert len(mine) == len(theirs)
    for step, (a, b) in enumerate(zip(mine, theirs)):
        for one, other in zip(a, b):
            # Upstream's recursive forms gather roundings on the way.
            assert one == pytest.approx(other, rel=1e-11, abs=1e-14), f"step {step}"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("case", CASES)
def test_rates_are_those_of_torch(case, optimizer):
    mine, theirs = OPTIMIZERS[optimizer](), OPTIMIZERS[optimizer]()
    scheduler = CASES[case](ours, mine)
    assert isinstance(scheduler, lr_scheduler.LRScheduler)
    close(advance(mine, scheduler, STEPS), advance(theirs, CASES[case](Upstream(), theirs), STEPS))


@pytest.mark.parametrize("what", ["both", "optimizer last", "scheduler alone"])
@pytest.mark.parametrize("case", CASES)
def test_a_training_that_is_saved_and_loaded_goes_on_with_the_same_rates(case, what):
    whole = sgd()
    expected = advance(whole, CASES[case](ours, whole), STEPS)
    optimizer = sgd()
    scheduler = CASES[case](ours, optimizer)
    first = advance(optimizer, scheduler, STEPS // 2)
    # Plain values: they pass through JSON.
    kept, of_optimizer = json.loads(json.dumps(scheduler.state_dict())), optimizer.state_dict()

    optimizer = sgd()
    scheduler = CASES[case](ours, optimizer)
    if what == "both":
        optimizer.load_state_dict(of_optimizer)
    scheduler.load_state_dict(kept)
    if what == "optimizer last":
        optimizer.load_state_dict(of_optimizer)
    assert scheduler.get_last_lr() == [rate for rate, _ in first[-1]]
    assert first + advance(optimizer, scheduler, STEPS - STEPS // 2)[1:] == expected


@pytest.mark.parametrize("case", CASES)
def test_any_step_can_be_asked_for(case):
    whole, optimizer = sgd(), sgd()
    expected = advance(whole, CASES[case](ours, whole), 60)
    scheduler = CASES[case](ours, optimizer)
    for step in (50, 20, 60):
        with pytest.warns(UserWarning):
            scheduler.step(step)
        assert settings(optimizer) == expected[step]


def test_a_scheduler_can_begin_in_the_middle():
    whole, optimizer = sgd(), sgd()
    expected = advance(whole, ours.CosineAnnealingLR(whole, 60), 60)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    ours.CosineAnnealingLR(optimizer, 60, last_epoch=29)
    assert settings(optimizer) == expected[30]


def test_rates_that_grow_too_large_are_an_error_when_they_do():
    optimizer = sgd()
    scheduler = ours.ExponentialLR(optimizer, 8.0)
    # 0.1 times 8 to this power is the last number that is finite.
    advance(optimizer, scheduler, 341)
    with pytest.raises(ValueError, match="gives inf"):
        advance(optimizer, scheduler, 1)


def test_lambdas_may_be_texts_which_are_saved():
    optimizer, other = sgd(), sgd()
    texts = ["lambda epoch: 0.95 ** epoch", "lambda epoch: 1 / (1 + epoch)"]
    scheduler = ours.LambdaLR(optimizer, texts)
    functions = [lambda epoch: 0.95**epoch, lambda epoch: 1 / (1 + epoch)]
    close(advance(optimizer, scheduler, 50), advance(other, lr_scheduler.LambdaLR(other, functions), 50))
    assert texts[0] in scheduler.state_dict()["schedules"][0]
    optimizer, other = sgd(), sgd()
    warm = [ours.LambdaLR(optimizer, "lambda epoch: 0.1 + 0.1 * epoch"), ours.ExponentialLR(optimizer, 0.9)]
    theirs = [lr_scheduler.LambdaLR(other, lambda epoch: 0.1 + 0.1 * epoch), lr_scheduler.ExponentialLR(other, 0.9)]
    mine, theirs = ours.SequentialLR(optimizer, warm, [9]), lr_scheduler.SequentialLR(other, theirs, [9])
    close(advance(optimizer, mine, 50), advance(other, theirs, 50))


def test_a_restored_scheduler_has_the_saved_parameters():
    optimizer = sgd()
    saved = ours.StepLR(optimizer, 3, gamma=0.5).state_dict()
    other = ours.StepLR(optimizer, 100)
    other.load_state_dict(saved)
    assert advance(optimizer, other, 3)[3][0][0] == 0.05


def test_a_rate_in_a_tensor_stays_where_it_is():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=torch.tensor(0.1))
    rate = optimizer.param_groups[0]["lr"]
    scheduler = ours.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate and float(rate) == pytest.approx(0.05)
    scheduler.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
    assert optimizer.param_groups[0]["lr"] is rate and float(rate) == pytest.approx(0.05)


def test_the_ends_are_held_where_upstream_climbs_or_fails():
    optimizer = sgd()
    assert advance(optimizer, ours.CosineAnnealingLR(optimizer, 10), 15)[15][0][0] == 0.0
    optimizer = sgd()
    last = advance(optimizer, ours.OneCycleLR(optimizer, 0.1, total_steps=10), 15)
    assert last[15] == last[9] and last[9][0][0] == pytest.approx(4e-7)


def test_a_scheduler_can_be_pickled():
    optimizer = sgd()
    scheduler = ours.StepLR(optimizer, 3)
    advance(optimizer, scheduler, 4)
    again = pickle.loads(pickle.dumps(scheduler.state_dict()))
    assert again == scheduler.state_dict()


@pytest.mark.parametrize(
    "mistake, error, message",
    [
        (lambda o: ours.StepLR(object(), 3), TypeError, "object is not an Optimizer"),
        (lambda o: ours.StepLR(o, 0), ValueError, "step_size of StepLR is 0; give a whole number of at least 1"),
        (lambda o: ours.StepLR(o, "3"), ValueError, "step_size of StepLR is"),
        (lambda o: ours.StepLR(o, object()), TypeError, "step_size is of the type object"),
        (lambda o: ours.StepLR(o, float("nan")), ValueError, "step_size"),
        (lambda o: ours.LinearLR(o, total_iters=0), ValueError, "total_iters"),
        (lambda o: ours.CyclicLR(o, 0.0, 1.0), ValueError, "base"),
        (lambda o: ours.CyclicLR(o, [0.1], [0.2, 0.3]), ValueError, "base_lr has 1 values"),
        (lambda o: ours.CyclicLR(o, 0.1, 0.2, scale_fn=lambda x: x), ValueError, "scale_fn"),
        (lambda o: ours.CyclicLR(o, 0.1, 0.2, mode="up"), ValueError, "unknown mode 'up' of CyclicLR"),
        (lambda o: ours.CyclicLR(torch.optim.Adagrad(o.param_groups), 0.1, 0.2), ValueError, "cycle_momentum=False"),
        (lambda o: ours.OneCycleLR(o, 0.1), ValueError, "OneCycleLR needs total_steps"),
        (lambda o: ours.SequentialLR(o, [], []), ValueError, "no schedulers"),
        (lambda o: ours.SequentialLR(o, [ours.StepLR(o, 3)], [3]), ValueError, "1 schedulers and 1 milestones"),
        (lambda o: ours.SequentialLR(o, [lr_scheduler.StepLR(o, 3)], []), TypeError, "StepLR within SequentialLR"),
        (lambda o: ours.SequentialLR(o, [ours.StepLR(sgd(), 3)], []), ValueError, "another optimizer"),
        (lambda o: ours.ChainedScheduler([]), ValueError, "no schedulers"),
        (lambda o: ours.SequentialLR(o, [ours.LambdaLR(o, lambda x: x)], []), ValueError, "function of Python"),
        (lambda o: ours.LambdaLR(o, 3), TypeError, "lr_lambda is of the type int"),
        (lambda o: ours.LambdaLR(o, "lambda epoch: open()"), ValueError, "torch schedule, character"),
    ],
)
def test_mistakes_are_exceptions_of_one_line(mistake, error, message):
    with pytest.raises(error) as raised:
        mistake(sgd())
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_state_of_another_optimizer_is_refused():
    state = ours.StepLR(sgd(), 3).state_dict()
    one = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(ValueError, match="2 groups of parameters, and this one has 1"):
        ours.StepLR(one, 3).load_state_dict(state)
