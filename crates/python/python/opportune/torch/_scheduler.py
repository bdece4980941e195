"""What all schedulers have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .. import _core

TICKS = 2**32 - 1
"""Calls of `step()` that a scheduler without an end is prepared for."""

GROWING = 256
"""The same where rates that grow without end are no numbers after so many; doubled as often as is needed."""


class Course(Protocol):
    """The rates and momenta of one group of parameters, by the number of calls of `step()` before."""

    def rate(self, step: int, /) -> float: ...
    def momentum(self, step: int, /) -> float | None: ...


class Scheduler(LRScheduler):
    """Sets the rate of each group of parameters to a function of the number of calls of `step()`.

    The base of this module's schedulers. Its state, `state_dict`, holds numbers and texts only; `load_state_dict` sets the
    optimizer's rates as well, so that nothing is lost where only the scheduler was saved.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._courses: list[Course] | None = None
        super().__init__(optimizer, last_epoch)

    def _make_courses(self) -> list[Course]:
        """One for each group of parameters; `base_lrs` are known."""
        raise NotImplementedError

    def _plain(self) -> dict[str, Any]:
        """What `_make_courses` goes by, as plain values."""
        raise NotImplementedError

    def _restore(self, state: dict[str, Any]) -> None:
        """Takes back what `_plain` gave."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        """The rates of the groups at this step; where momentum is cycled, it is set."""
        if self._courses is None:
            self._courses = self._make_courses()
        step = max(self.last_epoch, 0)
        for group, course in zip(self.optimizer.param_groups, self._courses, strict=True):
            set_momentum(group, course.momentum(step))
        return [course.rate(step) for course in self._courses]

    def _get_closed_form_lr(self) -> list[float]:
        return self.get_lr()

    def state_dict(self) -> dict[str, Any]:
        """Numbers and texts that `load_state_dict` takes back."""
        return {
            "last_epoch": self.last_epoch,
            "_step_count": self._step_count,
            "base_lrs": floats(self.base_lrs),
            "_last_lr": floats(self._last_lr),
            **self._plain(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where the scheduler that gave the state was, with its parameters, and sets the optimizer's rates."""
        groups = self.optimizer.param_groups
        if len(state_dict["base_lrs"]) != len(groups):
            raise ValueError(
                f"the state is of an optimizer with {len(state_dict['base_lrs'])} groups of parameters, "
                f"and this one has {len(groups)}; give the optimizer the same groups"
            )
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = state_dict["_step_count"]
        self.base_lrs = list(state_dict["base_lrs"])
        self._restore(state_dict)
        self._courses = None
        for group, rate in zip(groups, self.get_lr(), strict=True):
            set_rate(group, rate)
        self._last_lr = floats(group["lr"] for group in groups)


class Imported(Scheduler):
    """A scheduler that the core reads as PyTorch would construct it: one text for each group of parameters."""

    def __init__(self, optimizer: Optimizer, texts: Sequence[str], last_epoch: int = -1) -> None:
        self._texts = list(texts)
        self._bases: list[float] | None = None
        super().__init__(optimizer, last_epoch)

    def _make_courses(self) -> list[Course]:
        bases = floats(self.base_lrs) if self._bases is None else self._bases
        return [read(text, base) for text, base in zip(self._texts, bases, strict=True)]

    def _plain(self) -> dict[str, Any]:
        return {"schedules": list(self._texts), "bases": self._bases}

    def _restore(self, state: dict[str, Any]) -> None:
        self._texts, self._bases = list(state["schedules"]), state["bases"]


def read(text: str, lr: float) -> Course:
    """The rates of PyTorch's scheduler, with the optimizer's rate."""

    def of(ticks: int) -> _core.Resolved:
        schedule, base = _core.import_schedule("torch", text, lr=lr, ticks=ticks)
        return schedule.resolve(base, epochs=ticks)

    try:
        return of(TICKS)
    except ValueError:
        # Whatever else is wrong is wrong with fewer steps too.
        return Growing(of)


class Growing:
    """Rates that grow for as long as they are asked for, made for more and more steps."""

    def __init__(self, of: Callable[[int], _core.Resolved]) -> None:
        self._of, self._ticks, self._resolved = of, GROWING, of(GROWING)

    def _at(self, step: int) -> _core.Resolved:
        if step >= self._ticks:
            ticks = max(2 * self._ticks, step + 1)
            try:
                self._resolved, self._ticks = self._of(ticks), ticks
            except ValueError:
                self._resolved, self._ticks = self._of(step + 1), step + 1
        return self._resolved

    def rate(self, step: int) -> float:
        return self._at(step).rate(step)

    def momentum(self, step: int) -> float | None:
        return self._at(step).momentum(step)


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Sets a group's rate, which may be a tensor that a compiled step refers to."""
    if hasattr(group["lr"], "fill_"):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def set_momentum(group: dict[str, Any], momentum: float | None) -> None:
    """Sets a group's momentum or β1; None leaves it alone."""
    if momentum is None:
        return
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def floats(values: Any) -> list[float]:
    """Numbers and tensors of one number as numbers."""
    return [float(value) for value in values]


def for_groups(optimizer: Optimizer, name: str, value: Any) -> list[Any]:
    """One value for each group of parameters, of one for all or a list."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name} has {len(value)} values, and the optimizer {groups} groups of parameters; give one each")
    return list(value)


def call(name: str, **arguments: object) -> str:
    """A constructor's call as a text."""
    return f"{name}({', '.join(f'{key}={written(key, value)}' for key, value in arguments.items())})"


def written(name: str, value: object) -> str:
    """A value as Python writes it; numbers of other libraries, tensors of one number too, as Python's own."""
    if value is None or isinstance(value, (bool, str)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(written(name, one) for one in value)}]"
    if isinstance(value, int):
        return repr(value)
    if not hasattr(value, "__float__"):
        raise TypeError(f"{name} is of the type {type(value).__name__}, where a number is expected")
    return repr(float(value))
