"""The schedulers of `torch.optim.lr_scheduler` under their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from torch.optim import Optimizer

from ._scheduler import Course, Imported, call, floats, for_groups, read

Function = Callable[[int], float]


def _same(optimizer: Optimizer, text: str) -> list[str]:
    """One schedule for all groups of parameters."""
    return for_groups(optimizer, "text", text)


class StepLR(Imported):
    """Multiplies the rate by `gamma` every `step_size` calls of `step()`.

    >>> import torch
    >>> from opportune.torch import StepLR
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.05]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        text = call("StepLR", step_size=step_size, gamma=gamma)
        super().__init__(optimizer, _same(optimizer, text), last_epoch)


class MultiStepLR(Imported):
    """Multiplies the rate by `gamma` at each of the `milestones`."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        text = call("MultiStepLR", milestones=list(milestones), gamma=gamma)
        super().__init__(optimizer, _same(optimizer, text), last_epoch)


class ConstantLR(Imported):
    """Multiplies the rate by `factor` until `total_iters`."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        text = call("ConstantLR", factor=factor, total_iters=total_iters)
        super().__init__(optimizer, _same(optimizer, text), last_epoch)


class LinearLR(Imported):
    """A straight line from `start_factor` to `end_factor` of the rate, over `total_iters`."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        text = call("LinearLR", start_factor=start_factor, end_factor=end_factor, total_iters=total_iters)
        super().__init__(optimizer, _same(optimizer, text), last_epoch)


class ExponentialLR(Imported):
    """Multiplies the rate by `gamma` at each call of `step()`."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        super().__init__(optimizer, _same(optimizer, call("ExponentialLR", gamma=gamma)), last_epoch)


class PolynomialLR(Imported):
    """A power of what is left of `total_iters`, down to 0."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        text = call("PolynomialLR", total_iters=total_iters, power=power)
        super().__init__(optimizer, _same(optimizer, text), last_epoch)


class CosineAnnealingLR(Imported):
    """Half a cosine down to `eta_min` over `T_max`, which is then held (upstream's climbs back)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        text = call("CosineAnnealingLR", T_max=T_max, eta_min=eta_min)
        super().__init__(optimizer, _same(optimizer, text), last_epoch)


class CosineAnnealingWarmRestarts(Imported):
    """Half a cosine down to `eta_min` over `T_0`, then again and again, each `T_mult` times as long as the one before.

    It is stepped without an argument; for steps within an epoch `T_0` is a number of optimizer steps.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        text = call("CosineAnnealingWarmRestarts", T_0=T_0, T_mult=T_mult, eta_min=eta_min)
        super().__init__(optimizer, _same(optimizer, text), last_epoch)


def _check_momentum(optimizer: Optimizer, cycle_momentum: bool) -> None:
    if cycle_momentum and not any(name in optimizer.defaults for name in ("momentum", "betas")):
        raise ValueError(
            f"{type(optimizer).__name__} has neither momentum nor betas, and cycle_momentum is set; "
            "give cycle_momentum=False"
        )


class CyclicLR(Imported):
    """Up from `base_lr` to `max_lr` and down again, without end, and momentum the other way round.

    A list gives each group of parameters its own rates. `scale_fn` is refused: `mode` has the forms that the core knows.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if scale_fn is not None:
            raise ValueError(
                "scale_fn of CyclicLR is a function of its own, which no form of cyclic has; "
                "take mode='triangular', 'triangular2' or 'exp_range'"
            )
        low, high = for_groups(optimizer, "base_lr", base_lr), for_groups(optimizer, "max_lr", max_lr)
        momenta = zip(
            for_groups(optimizer, "base_momentum", base_momentum), for_groups(optimizer, "max_momentum", max_momentum)
        )
        _check_momentum(optimizer, cycle_momentum)
        texts = [
            call(
                "CyclicLR",
                base_lr=base,
                max_lr=highest,
                step_size_up=step_size_up,
                step_size_down=step_size_down,
                mode=mode,
                gamma=gamma,
                scale_mode=scale_mode,
                cycle_momentum=cycle_momentum,
                base_momentum=low_momentum,
                max_momentum=high_momentum,
            )
            for base, highest, (low_momentum, high_momentum) in zip(low, high, momenta)
        ]
        super().__init__(optimizer, texts, last_epoch)


class OneCycleLR(Imported):
    """Once up from `max_lr / div_factor` to `max_lr` and down to a very low rate, and momentum the other way round.

    One call of `step()` after each optimizer step. After `total_steps` the last rate is held (upstream fails there). A list
    gives each group of parameters its own rates.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        high = for_groups(optimizer, "max_lr", max_lr)
        momenta = zip(
            for_groups(optimizer, "base_momentum", base_momentum), for_groups(optimizer, "max_momentum", max_momentum)
        )
        _check_momentum(optimizer, cycle_momentum)
        texts = [
            call(
                "OneCycleLR",
                max_lr=highest,
                total_steps=total_steps,
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                pct_start=pct_start,
                anneal_strategy=anneal_strategy,
                cycle_momentum=cycle_momentum,
                base_momentum=low_momentum,
                max_momentum=high_momentum,
                div_factor=div_factor,
                final_div_factor=final_div_factor,
                three_phase=three_phase,
            )
            for highest, (low_momentum, high_momentum) in zip(high, momenta)
        ]
        super().__init__(optimizer, texts, last_epoch)
        # Accelerate reads it.
        self.total_steps = total_steps if total_steps is not None else (epochs or 0) * (steps_per_epoch or 0)


class SWALR(Imported):
    """For averaging weights: from the rate that each group has now to `swa_lr` over `anneal_epochs`, then level."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        texts = [
            call("SWALR", swa_lr=rate, anneal_epochs=anneal_epochs, anneal_strategy=anneal_strategy)
            for rate in for_groups(optimizer, "swa_lr", swa_lr)
        ]
        self._from = floats(group["lr"] for group in optimizer.param_groups)
        super().__init__(optimizer, texts, last_epoch)

    def _make_courses(self) -> list[Course]:
        if self._bases is None:
            self._bases = self._from
        return super()._make_courses()


class _Called:
    """The rate times a function of the step."""

    def __init__(self, function: Function, lr: float) -> None:
        self._function, self._lr = function, lr

    def rate(self, step: int) -> float:
        return self._lr * float(self._function(step))

    def momentum(self, step: int) -> None:
        return None


class _Multiplied(_Called):
    """The rate times the function's values at all steps from the first to this one."""

    def __init__(self, function: Function, lr: float) -> None:
        super().__init__(function, lr)
        self._known = (0, lr)

    def rate(self, step: int) -> float:
        at, rate = self._known if self._known[0] <= step else (0, self._lr)
        for later in range(at + 1, step + 1):
            rate *= float(self._function(later))
        self._known = (step, rate)
        return rate


class _Functions(Imported):
    """By functions of Python, or by texts of lambdas, which can be saved and be parts of other schedulers."""

    _name: str
    _course: type[_Called]

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | str | Sequence[Function | str], last_epoch: int = -1
    ) -> None:
        self.lr_lambdas = for_groups(optimizer, "lr_lambda", lr_lambda)
        for function in self.lr_lambdas:
            if not isinstance(function, str) and not callable(function):
                raise TypeError(f"lr_lambda is of the type {type(function).__name__}, where a function is expected")
        # Of a function there is no text.
        texts = [f"{self._name}({one})" if isinstance(one, str) else "" for one in self.lr_lambdas]
        super().__init__(optimizer, texts, last_epoch)

    def _make_courses(self) -> list[Course]:
        return [
            read(text, lr) if text else self._course(function, lr)
            for text, function, lr in zip(self._texts, self.lr_lambdas, floats(self.base_lrs), strict=True)
        ]

    def _restore(self, state: dict[str, Any]) -> None:
        for mine, saved in zip(self._texts, state["schedules"], strict=True):
            if bool(mine) != bool(saved):
                raise ValueError(
                    f"the state of a {self._name} holds texts where this one has functions, or the other way round; "
                    "construct it as the one that was saved"
                )
        super()._restore(state)


class LambdaLR(_Functions):
    """The rate times `lr_lambda` of the number of calls of `step()`; a list has one function for each group.

    A function is not part of the state, as it could only be pickled: give the same when a training is continued. A text such
    as `"lambda epoch: 0.95 ** epoch"` is read by the core, and is.
    """

    _name, _course = "LambdaLR", _Called


class MultiplicativeLR(_Functions):
    """Multiplies the rate by `lr_lambda` of the number of calls of `step()` at each of them; a list has one for each group.

    Functions and texts are as those of `LambdaLR`; a text must give the same factor at every step.
    """

    _name, _course = "MultiplicativeLR", _Multiplied
