"""Stopping a training that no longer becomes better."""

from __future__ import annotations

from typing import Any, Literal, SupportsFloat

import torch

from .. import _core


class EarlyStopping:
    """Stops after `patience` epochs in a row whose metric was not better than the best by more than `min_delta`.

    `mode` says whether lower ("min") or higher ("max") is better. With a `baseline` only an epoch that is better than that as
    well ends the wait. The first `start_from_epoch` epochs are not looked at. A metric that is not a number is never better.
    As Keras's `EarlyStopping`, which never stops after the first epoch.

    `step` is called after each epoch and says whether to stop. If it is given the model, it keeps a copy of the best epoch's
    weights, which `restore` puts back.

    >>> from opportune.torch import EarlyStopping
    >>> stopping = EarlyStopping(patience=2)
    >>> [stopping.step(loss) for loss in [0.9, 0.5, 0.6, 0.7]]
    [False, False, False, True]
    >>> stopping.best, stopping.best_epoch
    (0.5, 1)
    """

    def __init__(
        self,
        patience: int = 10,
        *,
        min_delta: float = 0.0,
        mode: Literal["min", "max"] = "min",
        baseline: float | None = None,
        start_from_epoch: int = 0,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode is {mode!r}; give 'min' or 'max'")
        self._settings: dict[str, Any] = {
            "patience": patience,
            "min_delta": min_delta,
            "mode": mode,
            "baseline": baseline,
            "start_from_epoch": start_from_epoch,
        }
        self._weights: dict[str, torch.Tensor] | None = None
        self._start()

    def _start(self) -> None:
        settings = self._settings
        self._sign = -1.0 if settings["mode"] == "max" else 1.0
        baseline = None if settings["baseline"] is None else self._sign * settings["baseline"]
        self._watch = _core.PatienceWatch(
            settings["patience"], min_delta=settings["min_delta"], baseline=baseline, start=settings["start_from_epoch"]
        )
        self._observed: list[float] = []
        self.best: float | None = None
        """The best metric so far."""
        self.best_epoch: int | None = None
        """The epoch that has it, from 0."""
        self.should_stop = False
        """Whether the training should stop."""

    def step(self, metric: SupportsFloat, model: torch.nn.Module | None = None) -> bool:
        """Takes the metric of the epoch that has ended. Whether to stop."""
        value = float(metric)
        if not self.should_stop:
            improved = self._show(value)
            if improved and model is not None:
                self._weights = {name: one.detach().clone() for name, one in model.state_dict().items()}
        return self.should_stop

    def _show(self, value: float) -> bool:
        self._observed.append(value)
        self.should_stop = self._watch.observe(self._sign * value)
        if self._watch.improved:
            self.best, self.best_epoch = value, len(self._observed) - 1
        return self._watch.improved

    def restore(self, model: torch.nn.Module) -> None:
        """Puts the best epoch's weights back into the model."""
        if self._weights is None:
            raise ValueError("no weights are kept; give step the model as well")
        model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Numbers, words and, where they are kept, the best epoch's weights."""
        return {"settings": dict(self._settings), "observed": list(self._observed), "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where the one that gave the state was."""
        self._settings = dict(state_dict["settings"])
        self._start()
        for value in state_dict["observed"]:
            self._show(value)
        self._weights = state_dict["weights"]
