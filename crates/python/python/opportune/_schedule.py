"""What all classes of schedules have in common."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeAlias, TypeVar, cast

from . import _core

Length: TypeAlias = int | float | str
"""A number of epochs, or a text with a unit: "10 steps", "20%"."""

Class = TypeVar("Class", bound="Schedule")


class Schedule(_core.Schedule):
    """A learning-rate schedule: the rate at each optimizer step, as a pure function of the step.

    Made from its text, which `str` gives back; each kind has a class of its own as well.

    >>> from opportune import schedules
    >>> schedule = schedules.Exponential(gamma=0.5)
    >>> schedule == schedules.parse("exponential(gamma=0.5)")
    True
    >>> str(schedule), repr(schedule)
    ('exponential(gamma=0.5)', 'Exponential(gamma=0.5)')
    >>> schedule.rates(lr=0.1, epochs=3)
    [0.1, 0.05, 0.025]
    """

    kind_name: ClassVar[str] = ""
    """The name of the kind in texts."""

    _kinds: ClassVar[dict[str, type[Schedule]]] = {}

    def __new__(cls, text: str) -> Schedule:
        return parse(text)

    def __init_subclass__(cls) -> None:
        Schedule._kinds[cls.kind_name] = cls

    @classmethod
    def _made(
        cls: type[Class], parts: Sequence[Schedule], values: Mapping[str, object], quoted: str | None = None
    ) -> Class:
        """Of parameters as the class takes them; what is None is left out. A text for `quoted` stands in quotes."""
        written = [str(part) for part in parts]
        for key, value in values.items():
            if value is not None:
                text = _in_quotes(value) if key == quoted and isinstance(value, str) else _written(key, value)
                written.append(f"{key}={text}")
        return cls._read(f"{cls.kind_name}({', '.join(written)})")

    @classmethod
    def _read(cls: type[Class], text: str) -> Class:
        # What is made is of the class that is asked for.
        return cast(Class, _core.Schedule.__new__(cls, text))

    def __reduce__(self) -> tuple[object, ...]:
        return parse, (self.text,)


def parse(text: str) -> Schedule:
    """The schedule that a text stands for, of the class of its kind.

    >>> parse("cosine(floor=0.1)")
    Cosine(floor=0.1)
    """
    kind = _core.Schedule(text).kind
    return Schedule._kinds[kind]._read(text)


def import_schedule(
    source: str, text: str, *, lr: float | None = None, ticks: int, ticks_per_epoch: int = 1
) -> tuple[Schedule, float | None]:
    """Reads a schedule as PyTorch, Keras or optax construct it (`source`: "torch", "keras", "optax").

    Gives the schedule and the learning rate to resolve it with. `lr` is the optimizer's rate, where upstream multiplies one.
    A tick is a call of `scheduler.step()`, and `ticks` the length of the run. A tick is an epoch unless
    `ticks_per_epoch` says how many optimizer steps are one.

    >>> import_schedule("torch", "StepLR(optimizer, step_size=30)", lr=0.1, ticks=60)
    (Step(every=30), 0.1)
    """
    schedule, base = _core.import_schedule(source, text, lr=lr, ticks=ticks, ticks_per_epoch=ticks_per_epoch)
    return parse(schedule.text), base


def _written(key: str, value: object) -> str:
    """A value as the texts of schedules have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if key == "momentum" and isinstance(value, Sequence) and len(value) == 2:
        return "..".join(_number(key, one) for one in value)
    if isinstance(value, Sequence) or hasattr(value, "__len__") and hasattr(value, "__iter__"):
        return f"[{', '.join(one if isinstance(one, str) else _number(key, one) for one in value)}]"
    return _number(key, value)


def _in_quotes(text: str) -> str:
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"


def _number(key: str, value: object) -> str:
    """Of Python's or numpy's own kinds."""
    try:
        return str(operator.index(value))  # type: ignore[arg-type]
    except TypeError:
        pass
    if not hasattr(value, "__float__"):
        raise TypeError(f"{key} is of the type {type(value).__name__}, where a number is expected")
    return repr(float(value))
