"""The range test: one short run whose rate grows at every step."""

from __future__ import annotations

import collections
import contextlib
import copy
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from .. import _core
from ._scheduler import set_rate


@dataclass(frozen=True)
class RangeTest:
    """What a range test found; `print` shows it."""

    rates: list[float]
    """The rate of each step."""
    losses: list[float]
    """The loss of each step's batch, before the step."""
    smoothed: list[float]
    """Their average over the steps before, with falling weights."""
    suggestions: dict[str, float | None]
    """The rates that fastai would suggest: valley, steep, minimum and slide; None where too few steps were taken."""
    tells: bool
    """Whether the loss fell by enough to suggest anything."""
    ended_early: bool
    """Whether the loss ran away before the last step."""

    @property
    def suggestion(self) -> float | None:
        """The rate to begin with: the valley, if the loss tells anything."""
        return self.suggestions["valley"] if self.tells else None

    def table(self) -> list[tuple[float, float, float]]:
        """The rate, the loss and the smoothed loss of each step."""
        return list(zip(self.rates, self.losses, self.smoothed))

    def __str__(self) -> str:
        lines = [f"{'rate':>10}  {'loss':>10}  {'smoothed':>10}"]
        shown = max(1, len(self.rates) // 20)
        lines += [f"{rate:10.3g}  {loss:10.4g}  {mean:10.4g}" for rate, loss, mean in self.table()[::shown]]
        lines.append(f"{len(self.rates)} steps" + (", then the loss ran away" if self.ended_early else ""))
        if not self.tells:
            lines.append("the loss does not fall anywhere by enough to suggest a rate")
            return "\n".join(lines)
        for name, rate in self.suggestions.items():
            lines.append(f"{name:>8}  {'too few steps' if rate is None else f'{rate:.3g}'}")
        return "\n".join(lines)


def range_test(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[Any, Any], torch.Tensor],
    loader: Iterable[Any],
    *,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
) -> RangeTest:
    """Trains for some steps while the rate grows from `low` to `high`, and says which rates the loss suggests.

    `loader` gives batches `(inputs, targets)`, over and over where it is short; `loss(model(inputs), targets)` is the loss of
    one. Batches go to the device of the model. The run ends early where the loss runs away. Where groups of parameters have
    different rates they keep their proportions, and the highest is the rate of the sweep.

    Model, optimizer, gradients, training mode, random numbers and the loader are left as they were found, also where the
    run fails.

    After Smith (2017), Cyclical Learning Rates for Training Neural Networks, as fastai runs it.

    >>> import torch
    >>> from opportune.torch import range_test
    >>> _ = torch.manual_seed(0)
    >>> inputs = torch.randn(200, 3)
    >>> loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True)), 20)
    >>> model = torch.nn.Linear(3, 1)
    >>> found = range_test(model, torch.optim.SGD(model.parameters(), lr=0.1), torch.nn.functional.mse_loss, loader)
    >>> 1e-3 < found.suggestion < 1
    True
    """
    sweep = _core.Sweep(low, high, steps)
    shares = _shares(optimizer)
    with _left_as_found(model, optimizer, loader), torch.enable_grad():
        model.train()
        for inputs, targets in _batches(loader, _device(model)):
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                set_rate(group, share * sweep.next_rate)

            def closure() -> torch.Tensor:
                optimizer.zero_grad()
                value = loss(model(inputs), targets)
                value.backward()
                return value

            value = optimizer.step(closure)
            if not sweep.push(float(value.detach())):
                break
    return RangeTest(
        rates=sweep.rates,
        losses=sweep.losses,
        smoothed=sweep.smoothed,
        suggestions=dict(sweep.suggestions),  # type: ignore[arg-type]
        tells=sweep.tells,
        ended_early=sweep.ended_early,
    )


def _shares(optimizer: torch.optim.Optimizer) -> list[float]:
    """The rate of each group of parameters in parts of the highest."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    highest = max(rates)
    return [rate / highest if highest > 0 else 1.0 for rate in rates]


def _device(model: torch.nn.Module) -> torch.device | None:
    return next((parameter.device for parameter in model.parameters()), None)


def _batches(loader: Iterable[Any], device: torch.device | None) -> Iterator[tuple[Any, Any]]:
    """Inputs and targets without end."""
    if isinstance(loader, Iterator):
        raise ValueError("the loader can be gone through only once, so that it cannot be left as it is; give a DataLoader")
    while True:
        empty = True
        for batch in loader:
            empty = False
            if not isinstance(batch, (list, tuple)) or len(batch) != 2:
                raise ValueError(f"a batch is of the type {type(batch).__name__}; give a loader of (inputs, targets)")
            inputs, targets = batch
            yield _moved(inputs, device), _moved(targets, device)
        if empty:
            raise ValueError("the loader gives no batches; give it some rows")


def _moved(value: Any, device: torch.device | None) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) and device is not None else value


@contextlib.contextmanager
def _left_as_found(model: torch.nn.Module, optimizer: torch.optim.Optimizer, loader: Any) -> Iterator[None]:
    """Whatever a training step changes is what it was, afterwards."""
    tensors = [*model.parameters(), *model.buffers()]
    values = [tensor.detach().clone() for tensor in tensors]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    # The step works on a copy of what the optimizer keeps, and on groups of its own; rates that are tensors are copied too.
    kept, groups = optimizer.state, optimizer.param_groups
    stepped = getattr(optimizer, "_opt_called", None)
    optimizer.state = collections.defaultdict(dict, {key: copy.deepcopy(state) for key, state in kept.items()})
    optimizer.param_groups = [
        {name: value if name == "params" else copy.deepcopy(value) for name, value in group.items()} for group in groups
    ]
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        with _random_numbers(loader):
            yield
    finally:
        optimizer.state, optimizer.param_groups = kept, groups
        if stepped is not None:
            optimizer._opt_called = stepped
        with torch.no_grad():
            for tensor, value in zip(tensors, values, strict=True):
                tensor.copy_(value)
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def _random_numbers(loader: Any) -> Iterator[None]:
    """Every source of random numbers that a training draws from is where it was, afterwards."""
    state = torch.get_rng_state()
    of_cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    of_python = random.getstate()
    numpy = sys.modules.get("numpy")
    of_numpy = numpy.random.get_state() if numpy else None
    holders = (loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None))
    found = {id(one): one for one in (getattr(holder, "generator", None) for holder in holders) if one is not None}
    generators = [(one, one.get_state()) for one in found.values() if isinstance(one, torch.Generator)]
    # Workers that outlive an epoch belong to an iterator, which is the loader's own from then on.
    iterator = getattr(loader, "_iterator", None)
    try:
        yield
    finally:
        torch.set_rng_state(state)
        if of_cuda:
            torch.cuda.set_rng_state_all(of_cuda)
        random.setstate(of_python)
        if numpy:
            numpy.random.set_state(of_numpy)
        for generator, before in generators:
            generator.set_state(before)
        if getattr(loader, "_iterator", None) is not iterator:
            loader._iterator = iterator
