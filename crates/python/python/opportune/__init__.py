"""Which learning rate, which schedule and how many epochs does a neural network train best with?

The parts:

- `opportune.schedules`: every schedule, without any framework;
"""

from . import schedules

__all__ = ["schedules"]
