"""Schedules as objects that an optimizer of Keras takes for its rate."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .. import schedules


@keras.saving.register_keras_serializable(package="opportune")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The rates of a schedule over a run of `epochs` epochs of `steps_per_epoch` optimizer steps; then the last is held.

    `lr` is the rate that the schedule multiplies, left out where it has rates of its own. The rates are tabled when it is made,
    so that compiled training steps can use them on every backend.

    >>> import keras
    >>> from opportune.keras import Schedule
    >>> schedule = Schedule("cosine(floor=0.1)", lr=0.01, epochs=10, steps_per_epoch=50)
    >>> optimizer = keras.optimizers.Adam(learning_rate=schedule)
    >>> round(float(schedule(0)), 6)
    0.01
    """

    def __init__(
        self, schedule: str | schedules.Schedule, lr: float | None = None, *, epochs: int, steps_per_epoch: int = 1
    ) -> None:
        self._schedule = schedules.parse(str(schedule))
        if self._schedule.reads_curve:
            raise ValueError(f"the rates of {schedule} follow from the curve; take the callback ReduceLROnPlateau")
        self._lr, self._epochs, self._steps_per_epoch = lr, epochs, steps_per_epoch
        run = self._schedule.resolve(lr, epochs=epochs, steps_per_epoch=steps_per_epoch)
        self._every = steps_per_epoch if run.held_per_epoch else 1
        # One more than the run has: what is held afterwards is the value at its end.
        steps = range(0, epochs * steps_per_epoch + 1, self._every)
        self._table = np.array([run.rate(step) for step in steps], dtype="float32")

    def __call__(self, step: Any) -> Any:
        """The rate at an optimizer step, from 0."""
        place = keras.ops.cast(step, "int64") // self._every
        place = keras.ops.minimum(place, len(self._table) - 1)
        return keras.ops.take(keras.ops.convert_to_tensor(self._table), place)

    def get_config(self) -> dict[str, Any]:
        """What it was made of."""
        return {
            "schedule": str(self._schedule),
            "lr": self._lr,
            "epochs": self._epochs,
            "steps_per_epoch": self._steps_per_epoch,
        }
