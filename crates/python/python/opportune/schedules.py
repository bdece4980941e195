"""Every schedule, as a class of its own. Written by `xtask/python/schedule_classes.py` from the core's descriptions.

Lengths are numbers of epochs, or texts with a unit: `"10 steps"`, `"20%"` of the run. Names of parameters are those of the
text form; `from` is a word of Python's own and becomes `from_`. What is left out has its default.

>>> from opportune import schedules
>>> warm = schedules.Sequence(schedules.Linear(from_=0, over=2), schedules.Cosine())
>>> str(warm)
'sequence(linear(from=0, to=1, over=2), cosine)'
>>> warm.rate(2, lr=0.1, epochs=10)
0.1
"""

from __future__ import annotations

from collections.abc import Sequence as _Sequence
from typing import Literal as _Literal

from ._schedule import Length, Schedule, import_schedule, parse

__all__ = [
    "Adaptive",
    "Chain",
    "Constant",
    "ConstantFactor",
    "Cooldown",
    "Cosine",
    "CosineRestarts",
    "Cyclic",
    "Exponential",
    "FlatCosine",
    "Formula",
    "Greedy",
    "Interpolate",
    "InverseScaling",
    "InverseSqrt",
    "InverseTime",
    "Length",
    "Linear",
    "MultiStep",
    "NaturalExponential",
    "Noam",
    "OnPlateau",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "Power",
    "Rex",
    "Sawtooth",
    "Schedule",
    "Sequence",
    "Step",
    "Swalr",
    "Table",
    "Tanh",
    "Wsd",
    "import_schedule",
    "parse",
]


class Constant(Schedule):
    r"""The base rate throughout.

    The rate: lr.

    Parameters:
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: optax constant_schedule, transformers get_constant_schedule.

    >>> from opportune import schedules
    >>> schedule = schedules.Constant()
    >>> str(schedule)
    'constant'
    """

    kind_name = "constant"

    def __new__(cls, *, over: Length | None = None, per: _Literal["epoch", "step"] | None = None) -> Constant:
        return cls._made((), {"over": over, "per": per})


class ConstantFactor(Schedule):
    r"""A factor of the base rate for a while, then the base rate.

    The rate: lr·factor while t < over, then lr.

    Parameters:
        factor: the factor, at least 0 (default: 1/3)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch ConstantLR.

    >>> from opportune import schedules
    >>> schedule = schedules.ConstantFactor(factor=0.1, over=10)
    >>> str(schedule)
    'constant_factor(factor=0.1, over=10)'
    """

    kind_name = "constant_factor"

    def __new__(
        cls,
        *,
        factor: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> ConstantFactor:
        return cls._made((), {"factor": factor, "over": over, "per": per})


class Linear(Schedule):
    r"""A straight line from one factor of the base rate to another.

    The rate: lr·(from + (to − from)·t/over).

    Parameters:
        from_: the factor at the beginning, at least 0 (default: 1)
        to: the factor at the end, at least 0 (default: 1 from below 1, otherwise 0)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch LinearLR, optax linear_schedule, paddle LinearLR, burn LinearLrScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Linear(to=0.1)
    >>> str(schedule)
    'linear(to=0.1)'
    """

    kind_name = "linear"

    def __new__(
        cls,
        *,
        from_: float | None = None,
        to: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Linear:
        return cls._made((), {"from": from_, "to": to, "over": over, "per": per})


class Step(Schedule):
    r"""Falls by a factor at regular intervals.

    The rate: lr·gamma^⌊t/every⌋.

    Parameters:
        every: how long each rate holds: a length
        gamma: the factor from one rate to the next, above 0 and at most 1 (default: 0.1)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch StepLR, paddle StepDecay, timm StepLRScheduler, mxnet FactorScheduler, burn StepLrScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Step(every=20, gamma=0.3)
    >>> str(schedule)
    'step(every=20, gamma=0.3)'
    """

    kind_name = "step"

    def __new__(
        cls,
        *,
        every: Length,
        gamma: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Step:
        return cls._made((), {"every": every, "gamma": gamma, "over": over, "per": per})


class MultiStep(Schedule):
    r"""Falls by a factor at each of the places given.

    The rate: lr·gamma^#{m ≤ t}, m the places.

    Parameters:
        at: the places: a list of lengths from the start
        gamma: the factor at each, above 0 and at most 1 (default: 0.1)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch MultiStepLR, paddle MultiStepDecay, timm MultiStepLRScheduler, mxnet MultiFactorScheduler,
    optax piecewise_constant_schedule.

    >>> from opportune import schedules
    >>> schedule = schedules.MultiStep(at=[30, 45, 55], gamma=0.3)
    >>> str(schedule)
    'multi_step(at=[30, 45, 55], gamma=0.3)'
    """

    kind_name = "multi_step"

    def __new__(
        cls,
        *,
        at: _Sequence[Length],
        gamma: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> MultiStep:
        return cls._made((), {"at": at, "gamma": gamma, "over": over, "per": per})


class Piecewise(Schedule):
    r"""Given factors of the base rate, each from one place to the next.

    The rate: lr·factors[#{m ≤ t}], m the places.

    Parameters:
        at: the places: a list of lengths from the start, ascending
        factors: the factors, one more than places, each at least 0
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: keras PiecewiseConstantDecay, paddle PiecewiseDecay, optax piecewise_constant_schedule.

    >>> from opportune import schedules
    >>> schedule = schedules.Piecewise(at=[10, 30, 50], factors=[0.5, 1, 0.3, 0.1])
    >>> str(schedule)
    'piecewise(at=[10, 30, 50], factors=[0.5, 1, 0.3, 0.1])'
    """

    kind_name = "piecewise"

    def __new__(
        cls,
        *,
        at: _Sequence[Length],
        factors: _Sequence[float],
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Piecewise:
        return cls._made((), {"at": at, "factors": factors, "over": over, "per": per})


class Interpolate(Schedule):
    r"""Through given factors at given places, in lines or half cosines.

    The rate: lr·(f + (g − f)·rise(u)) between neighbours f and g, rise u or (1 − cos πu)/2.

    Parameters:
        at: the places: a list of lengths from the start, ascending; the first may be 0
        factors: the factors at these places, each at least 0
        shape: linear or cosine (default: linear)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: optax piecewise_interpolate_schedule.

    >>> from opportune import schedules
    >>> schedule = schedules.Interpolate(at=[0, 10, 40, 60], factors=[0.1, 1, 0.5, 0.01])
    >>> str(schedule)
    'interpolate(at=[0, 10, 40, 60], factors=[0.1, 1, 0.5, 0.01])'
    """

    kind_name = "interpolate"

    def __new__(
        cls,
        *,
        at: _Sequence[Length],
        factors: _Sequence[float],
        shape: _Literal["linear", "cosine"] | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Interpolate:
        return cls._made((), {"at": at, "factors": factors, "shape": shape, "over": over, "per": per})


class Exponential(Schedule):
    r"""Falls by the same factor in every period.

    The rate: lr·max(floor, gamma^(t/every)).

    Parameters:
        gamma: the factor for each period, above 0 and at most 1
        every: the period: a length (default: 1)
        floor: the lowest factor, 0 to 1 (default: 0)
        staircase: whether the rate holds within a period: true or false (default: false)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch ExponentialLR, keras ExponentialDecay, optax exponential_decay, paddle ExponentialDecay, burn
    ExponentialLrScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Exponential(gamma=0.95)
    >>> str(schedule)
    'exponential(gamma=0.95)'
    """

    kind_name = "exponential"

    def __new__(
        cls,
        *,
        gamma: float,
        every: Length | None = None,
        floor: float | None = None,
        staircase: bool | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Exponential:
        return cls._made((), {
            "gamma": gamma,
            "every": every,
            "floor": floor,
            "staircase": staircase,
            "over": over,
            "per": per,
        })


class NaturalExponential(Schedule):
    r"""Falls by a power of e in every period.

    The rate: lr·e^(−gamma·t/every).

    Parameters:
        gamma: the rate of decay for each period, above 0
        every: the period: a length (default: 1)
        staircase: whether the rate holds within a period: true or false (default: false)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: paddle NaturalExpDecay.

    >>> from opportune import schedules
    >>> schedule = schedules.NaturalExponential(gamma=0.05)
    >>> str(schedule)
    'natural_exponential(gamma=0.05)'
    """

    kind_name = "natural_exponential"

    def __new__(
        cls,
        *,
        gamma: float,
        every: Length | None = None,
        staircase: bool | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> NaturalExponential:
        return cls._made((), {
            "gamma": gamma,
            "every": every,
            "staircase": staircase,
            "over": over,
            "per": per,
        })


class InverseTime(Schedule):
    r"""Falls with one over the time.

    The rate: lr/(1 + gamma·t/every).

    Parameters:
        gamma: what is added to the divisor in each period, above 0
        every: the period: a length (default: 1)
        staircase: whether the rate holds within a period: true or false (default: false)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: keras InverseTimeDecay, paddle InverseTimeDecay.

    >>> from opportune import schedules
    >>> schedule = schedules.InverseTime(gamma=0.2)
    >>> str(schedule)
    'inverse_time(gamma=0.2)'
    """

    kind_name = "inverse_time"

    def __new__(
        cls,
        *,
        gamma: float,
        every: Length | None = None,
        staircase: bool | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> InverseTime:
        return cls._made((), {
            "gamma": gamma,
            "every": every,
            "staircase": staircase,
            "over": over,
            "per": per,
        })


class Polynomial(Schedule):
    r"""A power of the share that is left, down to a factor of the base rate.

    The rate: lr·(to + (1 − to)·(1 − t/over)^power).

    Parameters:
        power: the power, above 0 (default: 1)
        to: the factor at the end, at least 0 (default: 0)
        cycle: whether it begins again, each time stretched by first: true or false (default: false)
        first: cycle: the first length (default: needed by cycle)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch PolynomialLR, keras PolynomialDecay, paddle PolynomialDecay, optax polynomial_schedule,
    transformers get_polynomial_decay_schedule_with_warmup, timm PolyLRScheduler, mxnet PolyScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Polynomial(power=2, to=0.01)
    >>> str(schedule)
    'polynomial(power=2, to=0.01)'
    """

    kind_name = "polynomial"

    def __new__(
        cls,
        *,
        power: float | None = None,
        to: float | None = None,
        cycle: bool | None = None,
        first: Length | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Polynomial:
        return cls._made((), {
            "power": power,
            "to": to,
            "cycle": cycle,
            "first": first,
            "over": over,
            "per": per,
        })


class Cosine(Schedule):
    r"""Half a cosine from the base rate down.

    The rate: lr·(floor + (1 − floor)·((1 + cos(2π·cycles·(t/over)^warp))/2)^exponent).

    Parameters:
        floor: the lowest factor, 0 to 1 (default: 0)
        exponent: the power of the cosine, above 0 (default: 1)
        warp: the power of t/over, above 0 (default: 1)
        cycles: how many times down and up again, above 0 (default: 0.5)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch CosineAnnealingLR, keras CosineDecay, optax cosine_decay_schedule, paddle
    CosineAnnealingDecay, timm CosineLRScheduler, transformers get_cosine_schedule_with_warmup, burn
    CosineAnnealingLrScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Cosine(floor=0.01)
    >>> str(schedule)
    'cosine(floor=0.01)'
    """

    kind_name = "cosine"

    def __new__(
        cls,
        *,
        floor: float | None = None,
        exponent: float | None = None,
        warp: float | None = None,
        cycles: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Cosine:
        return cls._made((), {
            "floor": floor,
            "exponent": exponent,
            "warp": warp,
            "cycles": cycles,
            "over": over,
            "per": per,
        })


class CosineRestarts(Schedule):
    r"""Half a cosine down, then up at once and down again.

    The rate: lr·(floor + (decay^i − floor)·(1 + cos πu)/2), u passed of cycle i.

    Parameters:
        period: the first cycle: a length (default: over/cycles)
        mult: how much longer each cycle is than the one before: 1, or from 1.01 up (default: 1)
        decay: how high each begins, in parts of the one before: above 0 and at most 1 (default: 1)
        cycles: after how many cycles the floor is held, 1 to 100000 (default: no limit)
        floor: the lowest factor, 0 to 1 (default: 0)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch CosineAnnealingWarmRestarts, keras CosineDecayRestarts, timm CosineLRScheduler, transformers
    get_cosine_with_hard_restarts_schedule_with_warmup, optax sgdr_schedule, paddle CosineAnnealingWarmRestarts.

    >>> from opportune import schedules
    >>> schedule = schedules.CosineRestarts(period=8, mult=2, decay=0.7)
    >>> str(schedule)
    'cosine_restarts(period=8, mult=2, decay=0.7)'
    """

    kind_name = "cosine_restarts"

    def __new__(
        cls,
        *,
        period: Length | None = None,
        mult: float | None = None,
        decay: float | None = None,
        cycles: float | None = None,
        floor: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> CosineRestarts:
        return cls._made((), {
            "period": period,
            "mult": mult,
            "decay": decay,
            "cycles": cycles,
            "floor": floor,
            "over": over,
            "per": per,
        })


class Tanh(Schedule):
    r"""Near the base rate for long, then down by a hyperbolic tangent.

    The rate: lr·(floor + (1 − floor)·(1 − tanh(lower·(1 − t/over) + upper·t/over))/2).

    Parameters:
        lower: the tangent's argument at the beginning (default: -7)
        upper: the tangent's argument at the end, above lower (default: 3)
        floor: the factor at the end, 0 to 1 (default: 0)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: timm TanhLRScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Tanh()
    >>> str(schedule)
    'tanh'
    """

    kind_name = "tanh"

    def __new__(
        cls,
        *,
        lower: float | None = None,
        upper: float | None = None,
        floor: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Tanh:
        return cls._made((), {"lower": lower, "upper": upper, "floor": floor, "over": over, "per": per})


class Rex(Schedule):
    r"""Falls ever faster, steepest at the end.

    The rate: lr·(floor + (1 − floor)·(1 − u)/(1 − u/2)), u = t/over.

    Parameters:
        floor: the factor at the end, 0 to 1 (default: 0)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    >>> from opportune import schedules
    >>> schedule = schedules.Rex()
    >>> str(schedule)
    'rex'
    """

    kind_name = "rex"

    def __new__(
        cls,
        *,
        floor: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Rex:
        return cls._made((), {"floor": floor, "over": over, "per": per})


class Power(Schedule):
    r"""Level at first, then down with a power of the time.

    The rate: lr while t < after, then lr·(t/after)^−exponent.

    Parameters:
        exponent: the power, above 0 (default: 0.5)
        after: where the fall begins: a length (default: 1)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    >>> from opportune import schedules
    >>> schedule = schedules.Power(after=5)
    >>> str(schedule)
    'power(after=5)'
    """

    kind_name = "power"

    def __new__(
        cls,
        *,
        exponent: float | None = None,
        after: Length | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Power:
        return cls._made((), {"exponent": exponent, "after": after, "over": over, "per": per})


class InverseScaling(Schedule):
    r"""Falls with a power of the training rows seen.

    The rate: lr·(e·rows + 1)^−power in epoch e.

    Parameters:
        power: the power, above 0 (default: 0.5)
        rows: training rows, a whole number from 1 up (default: those of the run)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: sklearn learning_rate=invscaling.

    >>> from opportune import schedules
    >>> schedule = schedules.InverseScaling(power=0.25, rows=1000)
    >>> str(schedule)
    'inverse_scaling(power=0.25, rows=1000)'
    """

    kind_name = "inverse_scaling"

    def __new__(
        cls,
        *,
        power: float | None = None,
        rows: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> InverseScaling:
        return cls._made((), {"power": power, "rows": rows, "over": over, "per": per})


class Sawtooth(Schedule):
    r"""A line down, then up at once and down again.

    The rate: lr·(1 − (1 − to)·(t mod every)/every).

    Parameters:
        every: a tooth: a length
        to: the factor at its end, at least 0 (default: 0)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    >>> from opportune import schedules
    >>> schedule = schedules.Sawtooth(every=15, to=0.1)
    >>> str(schedule)
    'sawtooth(every=15, to=0.1)'
    """

    kind_name = "sawtooth"

    def __new__(
        cls,
        *,
        every: Length,
        to: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Sawtooth:
        return cls._made((), {"every": every, "to": to, "over": over, "per": per})


class Noam(Schedule):
    r"""The transformer's: a line up, then down with one over the root of the steps.

    The rate: lr·width^−½·min(s^−½, s·warmup^−3/2), s = t + 1 steps.

    Parameters:
        width: the width of the model, above 0
        warmup: the rise: a length
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: step)

    Elsewhere: paddle NoamDecay, burn NoamLrScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Noam(width=64, warmup=10)
    >>> str(schedule)
    'noam(width=64, warmup=10)'
    """

    kind_name = "noam"

    def __new__(
        cls,
        *,
        width: float,
        warmup: Length,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Noam:
        return cls._made((), {"width": width, "warmup": warmup, "over": over, "per": per})


class InverseSqrt(Schedule):
    r"""A line up to the base rate, then down with one over the root of the steps.

    The rate: lr·t/warmup, then lr/√((t − warmup + timescale)/timescale).

    Parameters:
        warmup: the rise: a length (default: 0)
        timescale: where the factor is 1/√2, from the rise's end: a length (default: as warmup; 10000 steps without
            one)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: step)

    Elsewhere: transformers get_inverse_sqrt_schedule.

    >>> from opportune import schedules
    >>> schedule = schedules.InverseSqrt(warmup=5)
    >>> str(schedule)
    'inverse_sqrt(warmup=5)'
    """

    kind_name = "inverse_sqrt"

    def __new__(
        cls,
        *,
        warmup: Length | None = None,
        timescale: Length | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> InverseSqrt:
        return cls._made((), {"warmup": warmup, "timescale": timescale, "over": over, "per": per})


class Wsd(Schedule):
    r"""Warm-up, stable, decay: up to the base rate, level, and down at the end.

    The rate: lr·(floor + (1 − floor)·f), f up over warmup, 1, down over decay.

    Parameters:
        warmup: the rise: a length, its shares of over
        decay: the fall: a length, its shares of over
        warmup_shape: linear, cosine or sqrt (default: linear)
        decay_shape: linear, cosine or sqrt (default: linear)
        floor: the lowest factor, 0 to 1 (default: 0)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: step)

    Elsewhere: transformers get_wsd_schedule.

    >>> from opportune import schedules
    >>> schedule = schedules.Wsd(warmup=5, decay="20%")
    >>> str(schedule)
    'wsd(warmup=5, decay=20%)'
    """

    kind_name = "wsd"

    def __new__(
        cls,
        *,
        warmup: Length,
        decay: Length,
        warmup_shape: _Literal["linear", "cosine", "sqrt"] | None = None,
        decay_shape: _Literal["linear", "cosine", "sqrt"] | None = None,
        floor: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Wsd:
        return cls._made((), {
            "warmup": warmup,
            "decay": decay,
            "warmup_shape": warmup_shape,
            "decay_shape": decay_shape,
            "floor": floor,
            "over": over,
            "per": per,
        })


class FlatCosine(Schedule):
    r"""The base rate for most of its length, then half a cosine down.

    The rate: lr while t < flat, then lr·(floor + (1 − floor)·(1 + cos πu)/2).

    Parameters:
        flat: how long it is level: a length, its shares of over (default: 75%)
        floor: the factor at the end, 0 to 1 (default: 1e-5)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: step)

    Elsewhere: fastai fit_flat_cos.

    >>> from opportune import schedules
    >>> schedule = schedules.FlatCosine()
    >>> str(schedule)
    'flat_cosine'
    """

    kind_name = "flat_cosine"

    def __new__(
        cls,
        *,
        flat: Length | None = None,
        floor: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> FlatCosine:
        return cls._made((), {"flat": flat, "floor": floor, "over": over, "per": per})


class Swalr(Schedule):
    r"""For averaging weights: from the rate before it to a factor of that, then level.

    The rate: r·((1 − α) + to·α), r the rate before it, α from 0 to 1 over anneal.

    Parameters:
        to: the factor of the rate before it, at least 0
        anneal: the way there: a length (default: 10)
        shape: cosine or linear (default: cosine)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch SWALR.

    >>> from opportune import schedules
    >>> schedule = schedules.Sequence(schedules.Cosine(floor=0.2, over=40), schedules.Swalr(to=2, anneal=5))
    >>> str(schedule)
    'sequence(cosine(floor=0.2, over=40), swalr(to=2, anneal=5))'
    """

    kind_name = "swalr"

    def __new__(
        cls,
        *,
        to: float,
        anneal: Length | None = None,
        shape: _Literal["linear", "cosine"] | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Swalr:
        return cls._made((), {"to": to, "anneal": anneal, "shape": shape, "over": over, "per": per})


class Cooldown(Schedule):
    r"""The end of a run: from the rate before it down to zero.

    The rate: r·(floor + (1 − floor)·(1 − √(t/over))), r the rate before it.

    Parameters:
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        shape: linear, cosine or sqrt (default: sqrt)
        floor: the factor of the rate before it at the end, 0 to 1 (default: 0)
        per: when the rate changes: epoch or step (default: step)

    Elsewhere: transformers get_wsd_schedule (its 1-sqrt decay).

    >>> from opportune import schedules
    >>> schedule = schedules.Sequence(schedules.Constant(), schedules.Cooldown("20%"))
    >>> str(schedule)
    'sequence(constant, cooldown(20%))'
    """

    kind_name = "cooldown"

    def __new__(
        cls,
        over: Length | None = None,
        *,
        shape: _Literal["linear", "cosine", "sqrt"] | None = None,
        floor: float | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Cooldown:
        return cls._made((), {"over": over, "shape": shape, "floor": floor, "per": per})


class Cyclic(Schedule):
    r"""Up and down between two rates, again and again.

    The rate: base + (max − base)·s·k, s up from 0 to 1 and down again, k = 1, 2^−cycle or gamma^(t/every).

    Parameters:
        base: the lowest rate, above 0
        max: the highest rate, at least base
        up: the rise: a length
        down: the fall: a length (default: as up)
        mode: triangular, triangular2 or exp_range (default: triangular)
        gamma: exp_range: the factor of the height for each period (default: needed by exp_range)
        every: exp_range: the period, a length (default: 1)
        momentum: lowest..highest momentum (or β1), at least 0 and below 1 (default: left alone)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch CyclicLR, paddle CyclicLR.

    >>> from opportune import schedules
    >>> schedule = schedules.Cyclic(base=0.0001, max=0.01, up=10, mode="triangular2")
    >>> str(schedule)
    'cyclic(base=0.0001, max=0.01, up=10, mode=triangular2)'
    """

    kind_name = "cyclic"

    def __new__(
        cls,
        *,
        base: float,
        max: float,
        up: Length,
        down: Length | None = None,
        mode: _Literal["triangular", "triangular2", "exp_range"] | None = None,
        gamma: float | None = None,
        every: Length | None = None,
        momentum: tuple[float, float] | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Cyclic:
        return cls._made((), {
            "base": base,
            "max": max,
            "up": up,
            "down": down,
            "mode": mode,
            "gamma": gamma,
            "every": every,
            "momentum": momentum,
            "over": over,
            "per": per,
        })


class OneCycle(Schedule):
    r"""Once from a low rate up to the highest, and down to a very low one.

    The rate: max/div up to max over up, then down to max/(div·final_div).

    Parameters:
        max: the highest rate, above 0
        div: max/div is the first rate; above 0 (default: 25)
        final_div: the first rate divided by it is the final one; above 0 (default: 1e4)
        up: the rise: a length, its shares of over (default: 30%)
        shape: cosine or linear (default: cosine)
        phases: two, or three: back to the first rate, then on to the final one (default: two)
        momentum: lowest..highest momentum (or β1), at least 0 and below 1 (default: left alone)
        ends: the step that has the final rate: last, or after the last (default: last)
        over: how long it lasts: a length (default: the run; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: step)

    Elsewhere: torch OneCycleLR, fastai fit_one_cycle, optax cosine_onecycle_schedule, paddle OneCycleLR.

    >>> from opportune import schedules
    >>> schedule = schedules.OneCycle(max=0.1)
    >>> str(schedule)
    'one_cycle(max=0.1)'
    """

    kind_name = "one_cycle"

    def __new__(
        cls,
        *,
        max: float,
        div: float | None = None,
        final_div: float | None = None,
        up: Length | None = None,
        shape: _Literal["linear", "cosine"] | None = None,
        phases: _Literal["two", "three"] | None = None,
        momentum: tuple[float, float] | None = None,
        ends: _Literal["last", "after"] | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> OneCycle:
        return cls._made((), {
            "max": max,
            "div": div,
            "final_div": final_div,
            "up": up,
            "shape": shape,
            "phases": phases,
            "momentum": momentum,
            "ends": ends,
            "over": over,
            "per": per,
        })


class Table(Schedule):
    r"""Rates one by one, from a list or a file.

    The rate: rates[⌊t/every⌋], the last one held.

    Parameters:
        rates: a list of rates, each at least 0; or a file in quotes: a rate a line, or a CSV's last column
        every: how long each holds: a length (default: 1)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch LambdaLR, keras LearningRateScheduler, paddle LambdaDecay.

    >>> from opportune import schedules
    >>> schedule = schedules.Table(rates=[0.001, 0.003, 0.01, 0.003, 0.001, 0.0003], every=10)
    >>> str(schedule)
    'table(rates=[0.001, 0.003, 0.01, 0.003, 0.001, 0.0003], every=10)'
    """

    kind_name = "table"

    def __new__(
        cls,
        rates: _Sequence[float],
        *,
        every: Length | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Table:
        return cls._made((), {"rates": rates, "every": every, "over": over, "per": per}, "rates")


class Formula(Schedule):
    r"""A formula for the rate in the epoch, the step and the base rate.

    The rate: what it says.

    Parameters:
        text: in quotes, in epoch, step, base, epochs, steps; Python's operators: "base * 0.9**epoch"
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch LambdaLR, keras LearningRateScheduler, paddle LambdaDecay.

    >>> from opportune import schedules
    >>> schedule = schedules.Formula("0.1 * 0.95**epoch if epoch < 40 else 0.001")
    >>> str(schedule)
    'formula("0.1 * 0.95**epoch if epoch < 40 else 0.001")'
    """

    kind_name = "formula"

    def __new__(cls, text: str, *, over: Length | None = None, per: _Literal["epoch", "step"] | None = None) -> Formula:
        return cls._made((), {"text": text, "over": over, "per": per}, "text")


class OnPlateau(Schedule):
    r"""Lowers the rate whenever the validation loss stops falling.

    The rate: lr·factor^n, n counted up when the curve has not fallen for more than patience epochs.

    Parameters:
        factor: what the rate is multiplied by, above 0 and below 1 (default: 0.1)
        patience: epochs that may pass without getting better (default: 10)
        monitor: what is read: loss (validation), score or training_loss (default: loss)
        threshold: by how much an epoch must be better to count, from 0 up (default: 1e-4)
        mode: the threshold is relative to the best value, or absolute (default: relative)
        cooldown: epochs after a change that are not counted (default: 0)
        min: the lowest rate (default: 0)
        eps: a change by so little is not made (default: 1e-8)
        like: count as torch or as keras (default: torch)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: torch ReduceLROnPlateau, Keras ReduceLROnPlateau, optax contrib.reduce_on_plateau, timm
    PlateauLRScheduler, Paddle ReduceOnPlateau.

    >>> from opportune import schedules
    >>> schedule = schedules.OnPlateau(factor=0.5, patience=5)
    >>> str(schedule)
    'on_plateau(factor=0.5, patience=5)'
    """

    kind_name = "on_plateau"

    def __new__(
        cls,
        *,
        factor: float | None = None,
        patience: float | None = None,
        monitor: _Literal["loss", "score", "training_loss"] | None = None,
        threshold: float | None = None,
        mode: _Literal["relative", "absolute"] | None = None,
        cooldown: float | None = None,
        min: float | None = None,
        eps: float | None = None,
        like: _Literal["torch", "keras"] | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> OnPlateau:
        return cls._made((), {
            "factor": factor,
            "patience": patience,
            "monitor": monitor,
            "threshold": threshold,
            "mode": mode,
            "cooldown": cooldown,
            "min": min,
            "eps": eps,
            "like": like,
            "over": over,
            "per": per,
        })


class Greedy(Schedule):
    r"""Raises the rate as long as the validation loss falls, and lowers it when it does not.

    The rate: lr·factor^n, n counted down while the curve falls and up while it does not.

    Parameters:
        factor: what the rate is multiplied or divided by, above 0 and below 1 (default: 0.95)
        patience: epochs of one sort that may pass without a change (default: 10)
        monitor: what is read: loss (validation), score or training_loss (default: loss)
        threshold: by how much an epoch must be better to count, from 0 up (default: 1e-6)
        mode: the threshold is absolute, or relative to the best value (default: absolute)
        cooldown: epochs after a fall that are not counted (default: 0)
        warmup: epochs after a rise that are not counted (default: 0)
        min: the lowest rate (default: 0)
        max: the highest rate (default: no limit)
        eps: a change by so little is not made (default: 1e-8)
        window: values whose mean is read (default: 1)
        reset: falls at the lowest rate after which it begins anew; 0 never (default: 500)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: transformers GreedyLR.

    >>> from opportune import schedules
    >>> schedule = schedules.Greedy(factor=0.9, patience=3)
    >>> str(schedule)
    'greedy(factor=0.9, patience=3)'
    """

    kind_name = "greedy"

    def __new__(
        cls,
        *,
        factor: float | None = None,
        patience: float | None = None,
        monitor: _Literal["loss", "score", "training_loss"] | None = None,
        threshold: float | None = None,
        mode: _Literal["relative", "absolute"] | None = None,
        cooldown: float | None = None,
        warmup: float | None = None,
        min: float | None = None,
        max: float | None = None,
        eps: float | None = None,
        window: float | None = None,
        reset: float | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Greedy:
        return cls._made((), {
            "factor": factor,
            "patience": patience,
            "monitor": monitor,
            "threshold": threshold,
            "mode": mode,
            "cooldown": cooldown,
            "warmup": warmup,
            "min": min,
            "max": max,
            "eps": eps,
            "window": window,
            "reset": reset,
            "over": over,
            "per": per,
        })


class Adaptive(Schedule):
    r"""Divides the rate by five whenever the training loss stops falling, until it is too low to go on.

    The rate: lr·factor^n, n counted up when the loss has not fallen by tol for more than patience epochs.

    Parameters:
        factor: what the rate is multiplied by, above 0 and below 1 (default: 0.2)
        tol: by how much an epoch must be better to count, from 0 up (default: 1e-4)
        patience: epochs that may pass without getting better (default: 10)
        min: the rate from which on training ends instead (default: 1e-6)
        monitor: what is read: loss (validation), score or training_loss (default: training_loss)
        over: how long it lasts: a length (default: without end; in a sequence the remainder)
        per: when the rate changes: epoch or step (default: epoch)

    Elsewhere: scikit-learn learning_rate="adaptive".

    >>> from opportune import schedules
    >>> schedule = schedules.Adaptive(patience=5)
    >>> str(schedule)
    'adaptive(patience=5)'
    """

    kind_name = "adaptive"

    def __new__(
        cls,
        *,
        factor: float | None = None,
        tol: float | None = None,
        patience: float | None = None,
        min: float | None = None,
        monitor: _Literal["loss", "score", "training_loss"] | None = None,
        over: Length | None = None,
        per: _Literal["epoch", "step"] | None = None,
    ) -> Adaptive:
        return cls._made((), {
            "factor": factor,
            "tol": tol,
            "patience": patience,
            "min": min,
            "monitor": monitor,
            "over": over,
            "per": per,
        })


class Sequence(Schedule):
    r"""One schedule after another.

    The rate: its schedules one after another, each from its own t = 0.


    Elsewhere: torch SequentialLR, optax join_schedules.

    >>> from opportune import schedules
    >>> schedule = schedules.Sequence(schedules.Linear(from_=0, to=1, over=5), schedules.Cosine())
    >>> str(schedule)
    'sequence(linear(from=0, to=1, over=5), cosine)'
    """

    kind_name = "sequence"

    def __new__(cls, *schedules: Schedule) -> Sequence:
        return cls._made(schedules, {})


class Chain(Schedule):
    r"""The product of its schedules, all from the same beginning.

    The rate: the product of its schedules.


    Elsewhere: torch ChainedScheduler, burn ComposedLrScheduler.

    >>> from opportune import schedules
    >>> schedule = schedules.Chain(schedules.Cosine(), schedules.Step(every=20, gamma=0.5))
    >>> str(schedule)
    'chain(cosine, step(every=20, gamma=0.5))'
    """

    kind_name = "chain"

    def __new__(cls, *schedules: Schedule) -> Chain:
        return cls._made(schedules, {})
