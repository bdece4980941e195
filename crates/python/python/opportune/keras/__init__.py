"""Schedules for Keras 3: callbacks that set the rate, one that stops, and schedules as objects of the optimizer.

Callbacks set the optimizer's `learning_rate`, which Keras keeps in 32 bits. Epochs are those of `fit`, so that a training that is
continued with `initial_epoch` has the rates that it would have had.
"""

from ._callbacks import CyclicLR, LearningRateScheduler, OneCycle
from ._rules import EarlyStopping, ReduceLROnPlateau
from ._schedule import Schedule

__all__ = ["CyclicLR", "EarlyStopping", "LearningRateScheduler", "OneCycle", "ReduceLROnPlateau", "Schedule"]
