"""Schedules for PyTorch's optimizers, a range test and early stopping.

Schedulers have the names and arguments of `torch.optim.lr_scheduler`, are subclasses of its `LRScheduler`, and are used in the
same way; `Schedule` takes any schedule of this project. Rates are functions of the step, so that a training that is saved
and continued has those that it would have had. Where upstream's rates are a mistake ours differ:
`docs/schedule-differences.md` of the project lists every case.
"""

from ._early_stopping import EarlyStopping
from ._named import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    StepLR,
    SWALR,
)
from ._own import Schedule
from ._plateau import ReduceLROnPlateau
from ._range_test import RangeTest, range_test
from ._scheduler import Scheduler
from ._several import ChainedScheduler, SequentialLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "EarlyStopping",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "RangeTest",
    "ReduceLROnPlateau",
    "SWALR",
    "Schedule",
    "Scheduler",
    "SequentialLR",
    "StepLR",
    "range_test",
]
