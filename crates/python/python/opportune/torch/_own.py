"""Any schedule of this project as a scheduler of PyTorch."""

from __future__ import annotations

from typing import Any, SupportsFloat

from torch.optim import Optimizer

from .. import _core, schedules
from ._scheduler import Course, Scheduler, floats, set_rate


class Schedule(Scheduler):
    """Sets the rates that a schedule has over a run of `epochs` epochs of `steps_per_epoch` optimizer steps.

    `step()` is called after each optimizer step; with `steps_per_epoch=1`, once an epoch. The rate of each group of parameters
    is the one that is multiplied; a schedule with rates of its own overwrites them. After the run the last rate is held.

    A schedule with a rule that reads the curve (`on_plateau`, `greedy`, `adaptive`) is shown the loss of each epoch with
    `observe`, before the last `step()` of the epoch or after it.

    >>> import torch
    >>> from opportune.torch import Schedule
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> scheduler = Schedule(optimizer, "sequence(linear(from=0.5, to=1, over=2), cosine)", epochs=10)
    >>> for epoch in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: str | schedules.Schedule,
        *,
        epochs: int,
        steps_per_epoch: int = 1,
        last_epoch: int = -1,
    ) -> None:
        self._text, self._epochs, self._steps_per_epoch = str(schedule), epochs, steps_per_epoch
        self._start()
        super().__init__(optimizer, last_epoch)

    def _start(self) -> None:
        self._schedule = schedules.parse(self._text)
        self._observed: list[tuple[float, float]] = []
        self._watch: _core.RateWatch | None = None
        if self._schedule.reads_curve:
            self._watch = _core.RateWatch(self._schedule, epochs=self._epochs, steps_per_epoch=self._steps_per_epoch)

    def _make_courses(self) -> list[Course]:
        schedule = self._schedule if self._watch is None else self._watch.written_out()

        def course(lr: float) -> Course:
            base = None if schedule.owns_rate else lr
            return schedule.resolve(base, epochs=self._epochs, steps_per_epoch=self._steps_per_epoch)

        return [course(lr) for lr in floats(self.base_lrs)]

    def observe(self, loss: SupportsFloat) -> bool:
        """Shows the rule the loss of the epoch that has ended; lower is better. Whether the training has converged."""
        if self._watch is None:
            raise ValueError(f"the rates of {self._text} are known ahead; only a rule such as on_plateau reads the curve")
        # The rule looks at the rate of the first group.
        self._observed.append((float(loss), float(self._last_lr[0])))
        converged = self._watch.observe(*self._observed[-1])
        self._courses = None
        for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            set_rate(group, rate)
        self._last_lr = floats(group["lr"] for group in self.optimizer.param_groups)
        return converged

    def _plain(self) -> dict[str, Any]:
        return {
            "schedule": self._text,
            "epochs": self._epochs,
            "steps_per_epoch": self._steps_per_epoch,
            "observed": [list(one) for one in self._observed],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self._text, self._epochs = state["schedule"], state["epochs"]
        self._steps_per_epoch = state["steps_per_epoch"]
        self._start()
        for loss, rate in state["observed"]:
            self._observed.append((loss, rate))
            if self._watch is not None:
                self._watch.observe(loss, rate)
