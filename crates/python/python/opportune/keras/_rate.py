"""Reading and setting the rate of a model's optimizer."""

from __future__ import annotations

from typing import Any

import keras


def optimizers(model: Any) -> list[Any]:
    """The optimizer of a model, or those of one that has several."""
    return list(getattr(model.optimizer, "optimizers", [model.optimizer]))


def rate_of(optimizer: Any) -> float:
    """The optimizer's rate, as Keras keeps it."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
