"""Callbacks whose rates are known ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import keras

from .. import _core, schedules
from ._rate import optimizers, rate_of

Function = Callable[..., float]


class _BySchedule(keras.callbacks.Callback):
    """Sets the rate that a schedule has at each step of `fit`."""

    def __init__(self, schedule: schedules.Schedule, lr: float | None = None, verbose: int = 0) -> None:
        super().__init__()
        self.verbose = verbose
        self._schedule, self._lr = schedule, lr
        self._runs: list[_core.Resolved] = []
        self._bases: list[float] = []
        self._steps: int | None = None
        self._epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Fixes the rates of the run."""
        self._steps = self.params.get("steps")
        if not self._bases:
            # Those of the first run count: a later one would begin with rates that have fallen already.
            self._bases = [self._lr or rate_of(optimizer) for optimizer in optimizers(self.model)]
        self._runs = [self._run(base) for base in self._bases]

    def _run(self, base: float) -> _core.Resolved:
        lr = None if self._schedule.owns_rate else base
        run = self._schedule.resolve(lr, epochs=self.params["epochs"], steps_per_epoch=self._steps or 1)
        if self._steps is None and not run.held_per_epoch:
            raise ValueError(
                f"the rate of {self._schedule} changes at every step, and how many steps an epoch has is not known; "
                "give fit steps_per_epoch"
            )
        return run

    def _set(self, step: int) -> None:
        for optimizer, run in zip(optimizers(self.model), self._runs, strict=True):
            optimizer.learning_rate = run.rate(step)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the rate of the epoch's first step."""
        self._epoch = epoch
        self._set(epoch * (self._steps or 1))
        if self.verbose > 0:
            rates = ", ".join(f"{rate_of(optimizer):.6g}" for optimizer in optimizers(self.model))
            print(f"\nEpoch {epoch + 1}: the learning rate is {rates}.")

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the rate of the step."""
        if self._steps is not None and not all(run.held_per_epoch for run in self._runs):
            self._set(self._epoch * self._steps + batch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the rate into the history."""
        if logs is not None:
            for optimizer in optimizers(self.model):
                several = len(self._runs) > 1
                logs[f"learning_rate_{optimizer.name}" if several else "learning_rate"] = rate_of(optimizer)


class LearningRateScheduler(_BySchedule):
    """Sets the rate at the beginning of each epoch by a function of the epoch, or by a schedule of this project.

    A function is called with the epoch, from 0, and the rate before (or with the epoch alone), as by
    `keras.callbacks.LearningRateScheduler`. A schedule, or its text, multiplies the rate that the optimizer has when `fit` is
    called first, or `lr`; it may change at every step.

    >>> from opportune.keras import LearningRateScheduler
    >>> falling = LearningRateScheduler("exponential(gamma=0.95)")
    >>> with_function = LearningRateScheduler(lambda epoch: 0.001 * 0.95**epoch)
    """

    def __init__(self, schedule: Function | str | schedules.Schedule, verbose: int = 0, *, lr: float | None = None) -> None:
        self.schedule = schedule
        self._function = keras.callbacks.LearningRateScheduler(schedule, verbose) if callable(schedule) else None
        if self._function is not None:
            super().__init__(schedules.Constant(), verbose=verbose)
            return
        super().__init__(schedules.parse(str(schedule)), lr, verbose)
        if self._schedule.reads_curve:
            raise ValueError(f"the rates of {schedule} follow from the curve; take ReduceLROnPlateau")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Fixes the rates of the run."""
        if self._function is None:
            super().on_train_begin(logs)
        else:
            self._function.set_model(self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the rate of the epoch's first step."""
        if self._function is None:
            super().on_epoch_begin(epoch, logs)
        else:
            self._function.on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the rate of the step."""
        if self._function is None:
            super().on_train_batch_begin(batch, logs)


class CyclicLR(_BySchedule):
    """Up from `base_lr` to `max_lr` in `step_size` optimizer steps and down again in as many, over and over.

    `mode` is "triangular", "triangular2" (each cycle half as high as the one before) or "exp_range" (each step `gamma` times as
    high). `step_size_down` gives the fall another length. After Smith (2017), Cyclical Learning Rates for Training Neural
    Networks, with the names of his callback's best known version for Keras.

    >>> from opportune.keras import CyclicLR
    >>> callback = CyclicLR(base_lr=1e-4, max_lr=1e-2, step_size=20)
    """

    def __init__(
        self,
        base_lr: float = 0.001,
        max_lr: float = 0.006,
        step_size: int = 2000,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        *,
        step_size_down: int | None = None,
        verbose: int = 0,
    ) -> None:
        exponential = mode == "exp_range"
        schedule = schedules.Cyclic(
            base=base_lr,
            max=max_lr,
            up=f"{step_size} steps",
            down=None if step_size_down is None else f"{step_size_down} steps",
            mode=mode,
            gamma=gamma if exponential else None,
            every="1 step" if exponential else None,
            per="step",
        )
        super().__init__(schedule, verbose=verbose)


class OneCycle(_BySchedule):
    """Once from a low rate up to `max_lr`, and down to a very low one at the last step of `fit`.

    `div` and `final_div` divide `max_lr` to the first rate and that to the last one; `up` is the rise as a share of the run;
    `phases="three"` comes back to the first rate as slowly as it rose. After Smith and Topin (2018), Super-Convergence, with
    the defaults of PyTorch's OneCycleLR. Momentum is left alone.

    >>> from opportune.keras import OneCycle
    >>> callback = OneCycle(max_lr=0.01)
    """

    def __init__(
        self,
        max_lr: float,
        *,
        div: float = 25.0,
        final_div: float = 1e4,
        up: float = 0.3,
        shape: Literal["cosine", "linear"] = "cosine",
        phases: Literal["two", "three"] = "two",
        verbose: int = 0,
    ) -> None:
        # Without the rounding of the product, 0.07 would become 7.000000000000001%.
        percent = f"{round(up * 100, 9):.12g}%"
        schedule = schedules.OneCycle(max=max_lr, div=div, final_div=final_div, up=percent, shape=shape, phases=phases)
        super().__init__(schedule, verbose=verbose)
