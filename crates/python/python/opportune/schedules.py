from ._core import Schedule

parse = Schedule
