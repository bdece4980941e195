"""Which learning rate, which schedule and how many epochs does a neural network train best with?

The parts:

- `opportune.schedules`: every schedule, without any framework;
- `opportune.sklearn`: scikit-learn's networks and grid search, trained here;
"""

from . import schedules

__all__ = ["schedules"]
