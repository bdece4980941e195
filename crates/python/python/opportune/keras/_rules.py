"""Callbacks that read the curve of a training."""

from __future__ import annotations

from typing import Any

import keras

from .. import _core
from ._rate import optimizers, rate_of


def _lower_is_better(callback: Any, value: float) -> float:
    """The metric, turned so that lower is better."""
    return -float(value) if callback.monitor_op(1.0, 0.0) else float(value)


class ReduceLROnPlateau(keras.callbacks.ReduceLROnPlateau):
    """Multiplies the rate by `factor` when the metric has not become better for `patience` epochs.

    With the parameters of `keras.callbacks.ReduceLROnPlateau`, of which it is a subclass.

    >>> from opportune.keras import ReduceLROnPlateau
    >>> callback = ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self._text = (
            f"ReduceLROnPlateau(factor={factor!r}, patience={patience!r}, min_delta={min_delta!r}, "
            f"cooldown={cooldown!r}, min_lr={min_lr!r})"
        )
        # Mistakes are told here, not at the first epoch.
        self._watch()
        super().__init__(monitor, factor, patience, verbose, mode, min_delta, cooldown, min_lr)

    def _watch(self) -> _core.RateWatch:
        epochs = 2**32 - 1
        schedule, _ = _core.import_schedule("keras", self._text, lr=1.0, ticks=epochs)
        return _core.RateWatch(schedule, epochs=epochs)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begins to count anew."""
        self._watches = [self._watch() for _ in optimizers(self.model)]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes the metric of the epoch."""
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = {} if logs is None else logs
        several = len(self._watches) > 1
        for optimizer in optimizers(self.model):
            logs[f"learning_rate_{optimizer.name}" if several else "learning_rate"] = rate_of(optimizer)
        if logs.get(self.monitor) is None:
            keras.callbacks.ReduceLROnPlateau.on_epoch_end(self, epoch, logs)  # It warns.
            return
        value = _lower_is_better(self, logs[self.monitor])
        for optimizer, watch in zip(optimizers(self.model), self._watches, strict=True):
            before, rate = watch.factor, rate_of(optimizer)
            watch.observe(value, rate)
            if watch.factor != before:
                optimizer.learning_rate = rate * (watch.factor / before)
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: the learning rate falls to {rate_of(optimizer):.6g}.")


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Stops when the metric has not become better by more than `min_delta` for `patience` epochs.

    With the parameters of `keras.callbacks.EarlyStopping`, of which it is a subclass. A first metric that is not a number is
    no best that nothing can be better than.

    >>> from opportune.keras import EarlyStopping
    >>> callback = EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        _core.PatienceWatch(patience, min_delta=abs(min_delta), baseline=baseline)
        super().__init__(
            monitor, min_delta, patience, verbose, mode, baseline, restore_best_weights, start_from_epoch
        )
        self._amount = abs(min_delta)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begins to count anew."""
        super().on_train_begin(logs)
        self._watch: _core.PatienceWatch | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes the metric of the epoch."""
        if self.monitor_op is None:
            self._set_monitor_op()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self._watch is None:
            # Whether higher is better is known only now.
            baseline = None if self.baseline is None else _lower_is_better(self, self.baseline)
            self._watch = _core.PatienceWatch(self.patience, min_delta=self._amount, baseline=baseline)
        if self._watch.observe(_lower_is_better(self, current)):
            self.stopped_epoch = epoch
            self.model.stop_training = True
        elif self._watch.improved:
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
