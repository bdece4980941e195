"""Rows of golden values, and the files they are written to.

A row holds a schedule, the run, and the rate (and momentum) at each tick of its clock: an epoch, or an optimizer step.
"""

import ast
import inspect
import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "crates/core/tests/golden"

# What PyTorch works out one from another carries rounding on.
EXACT, CHAINED = 1e-12, 1e-11
# Keras computes in 32 bits.
SINGLE = 2e-6


# Of OneCycleLR: they have defaults, but one or two of them must be given.
ONE_OF = ("total_steps", "epochs", "steps_per_epoch")


class Rows:
    """The rows of one file."""

    def __init__(self, name):
        self.path = FOLDER / name
        self.rows = []

    def text(self, text, source, rates, *, base, steps_per_epoch, epochs, clock="epoch", tolerance=EXACT, momenta=None):
        """A schedule in Opportune's own form."""
        row = dict(text=text, source=source, base=base)
        self._add(row, rates, steps_per_epoch, epochs, clock, tolerance, momenta)

    def call(
        self, source, call, function, rates, *, lr, steps_per_epoch, epochs, clock, tolerance=EXACT, momenta=None
    ):
        """A constructor call of `function`, whose signature tells how its arguments are given."""
        row = dict(source=source, call=call, given=how_given(call, function), lr=lr)
        self._add(row, rates, steps_per_epoch, epochs, clock, tolerance, momenta)

    def _add(self, row, rates, steps_per_epoch, epochs, clock, tolerance, momenta):
        ticks = epochs if clock == "epoch" else epochs * steps_per_epoch
        rates = [float(rate) for rate in rates]
        assert len(rates) == ticks, f"{row}: {len(rates)} of {ticks}"
        row |= dict(steps_per_epoch=steps_per_epoch, epochs=epochs, clock=clock, tolerance=tolerance, rates=rates)
        if momenta is not None:
            assert len(momenta) == ticks
            row["momenta"] = [float(momentum) for momentum in momenta]
        self.rows.append(row)

    def write(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in self.rows)
        self.path.write_text(f"[\n{lines}\n]\n")
        print(f"{self.path.name}: {len(self.rows)} rows, {self.path.stat().st_size} bytes")


def how_given(call, function):
    """How the outermost call gives its arguments: by place, by keyword, and with every default left out."""
    node = ast.parse(call, mode="eval").body
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name not in ("self", "optimizer")]
    positional = [arg for arg in node.args if not (isinstance(arg, ast.Name) and arg.id == "optimizer")]
    keywords = {keyword.arg for keyword in node.keywords}
    left_out = [p for p in parameters[len(positional) :] if p.name not in keywords]
    optional = [p for p in parameters if p.default is not inspect.Parameter.empty and p.name not in ONE_OF]
    left_out = [p for p in left_out if p.name not in ONE_OF]
    given = []
    if positional:
        given.append("positional")
    if keywords:
        given.append("keywords")
    if len(left_out) == len(optional):
        given.append("defaults")
    return given
