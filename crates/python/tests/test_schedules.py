"""Schedules without a framework."""

from opportune import schedules


def test_a_text_is_read_and_has_rates():
    resolved = schedules.parse("exponential(gamma=0.5)").resolve(0.1, epochs=3)
    assert resolved.rates() == [0.1, 0.05, 0.025]
