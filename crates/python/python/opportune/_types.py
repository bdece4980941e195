"""Dictionaries that the part in Rust gives; `crates/python/src` has a struct of the same fields for each."""

from typing import TypedDict


class Parameter(TypedDict):
    """A parameter of a kind of schedule."""

    name: str
    default: str | None
    meaning: str


class Kind(TypedDict):
    """What is said of a kind of schedule."""

    name: str
    class_name: str
    summary: str
    formula: str
    parameters: list[Parameter]
    positional: str | None
    own_rates: bool
    per_step: bool
    upstream: list[str]
    example: str


class Suggestions(TypedDict):
    """The rates that a rising sweep suggests; None where too few steps were taken."""

    valley: float | None
    steep: float | None
    minimum: float | None
    slide: float | None
