"""ReduceLROnPlateau: it reads a metric after each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, SupportsFloat

from torch.optim import Optimizer
from torch.optim import lr_scheduler as upstream

from .. import _core
from ._scheduler import TICKS, call, floats, for_groups, set_rate


class ReduceLROnPlateau(upstream.ReduceLROnPlateau):
    """Multiplies the rate by `factor` when the metric has not become better for more than `patience` epochs.

    A subclass of PyTorch's, so that training programs hand it the metric. Its state is what it was shown. A metric below zero has
    to fall as one above does by `threshold` of its size; upstream it may rise.

    >>> import torch
    >>> from opportune.torch import ReduceLROnPlateau
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [1.0, 0.8, 0.9, 0.8]:
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.05]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        # Not upstream's constructor: its counters would stand beside the core's and never change.
        lowest = for_groups(optimizer, "min_lr", min_lr)
        self.optimizer = optimizer
        self.mode = mode
        self.last_epoch = 0
        self._texts = [
            call(
                "ReduceLROnPlateau",
                mode=mode,
                factor=factor,
                patience=patience,
                threshold=threshold,
                threshold_mode=threshold_mode,
                cooldown=cooldown,
                min_lr=least,
                eps=eps,
            )
            for least in lowest
        ]
        self._start()
        self._last_lr = self._rates()

    def _start(self) -> None:
        self._observed: list[list[float]] = []
        self._watches = [self._watch(text) for text in self._texts]

    def _watch(self, text: str) -> _core.RateWatch:
        # The rate is read when the watch is shown a metric.
        schedule, _ = _core.import_schedule("torch", text, lr=1.0, ticks=TICKS)
        return _core.RateWatch(schedule, epochs=TICKS)

    def _rates(self) -> list[float]:
        return floats(group["lr"] for group in self.optimizer.param_groups)

    def _show(self, metric: float, rates: Sequence[float]) -> list[float]:
        """Shows the watches an epoch's metric and rates; gives what the rates are to be multiplied by."""
        self._observed.append([metric, *rates])
        times = []
        for watch, rate in zip(self._watches, rates, strict=True):
            before = watch.factor
            watch.observe(-metric if self.mode == "max" else metric, rate)
            times.append(watch.factor / before)
        return times

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:
        """Takes the metric of the epoch that has ended."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        times = self._show(float(metrics), self._rates())
        for group, factor in zip(self.optimizer.param_groups, times, strict=True):
            if factor != 1.0:
                set_rate(group, float(group["lr"]) * factor)
        self._last_lr = self._rates()

    def state_dict(self) -> dict[str, Any]:
        """Numbers and texts that `load_state_dict` takes back."""
        return {
            "last_epoch": self.last_epoch,
            "_last_lr": floats(self._last_lr),
            "mode": self.mode,
            "schedules": list(self._texts),
            "observed": [list(one) for one in self._observed],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where the scheduler that gave the state was, with its parameters, and sets the optimizer's rates."""
        groups = self.optimizer.param_groups
        if len(state_dict["_last_lr"]) != len(groups):
            raise ValueError(
                f"the state is of an optimizer with {len(state_dict['_last_lr'])} groups of parameters, "
                f"and this one has {len(groups)}; give the optimizer the same groups"
            )
        self.last_epoch, self.mode = state_dict["last_epoch"], state_dict["mode"]
        self._texts = list(state_dict["schedules"])
        self._start()
        for metric, *rates in state_dict["observed"]:
            self._show(metric, rates)
        for group, rate in zip(groups, state_dict["_last_lr"], strict=True):
            set_rate(group, rate)
        self._last_lr = self._rates()
