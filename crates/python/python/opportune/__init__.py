"""Which learning rate, which schedule and how many epochs does a neural network train best with?

- `opportune.sklearn`: scikit-learn's networks and grid search, trained here.
- `opportune.schedules`: every schedule, without any framework.
- `opportune.torch`: schedulers for PyTorch, a range test, early stopping.
- `opportune.keras`: callbacks and schedules for Keras 3.
- `opportune.Study`: ask for points to try, tell what they gave.
"""

from . import schedules
from ._study import Range, Result, Study, Trial

__all__ = ["Range", "Result", "Study", "Trial", "schedules"]
