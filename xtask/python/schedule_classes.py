"""Writes `opportune/schedules.py`: a class for every kind of schedule that the core knows, from what it says of them.

    target/python-env/bin/python xtask/python/schedule_classes.py

A test compares the file with what this writes.
"""

import pathlib
import re
import textwrap

FILE = pathlib.Path(__file__).parents[2] / "crates/python/python/opportune/schedules.py"

HEAD = '''"""Every schedule, as a class of its own. Written by `xtask/python/schedule_classes.py` from the core's descriptions.

Lengths are numbers of epochs, or texts with a unit: `"10 steps"`, `"20%"` of the run. Names of parameters are those of the
text form; `from` is a word of Python's own and becomes `from_`. What is left out has its default.

>>> from opportune import schedules
>>> warm = schedules.Sequence(schedules.Linear(from_=0, over=2), schedules.Cosine())
>>> str(warm)
'sequence(linear(from=0, to=1, over=2), cosine)'
>>> warm.rate(2, lr=0.1, epochs=10)
0.1
"""

from __future__ import annotations

from collections.abc import Sequence as _Sequence
from typing import Literal as _Literal

from ._schedule import Length, Schedule, import_schedule, parse

'''


def source(kinds):
    """The whole file."""
    names = sorted(["Length", "Schedule", "import_schedule", "parse"] + [kind["class_name"] for kind in kinds])
    listed = "".join(f'    "{name}",\n' for name in names)
    return HEAD + f"__all__ = [\n{listed}]\n" + "".join(class_of(kind) for kind in kinds)


def class_of(kind):
    name, parameters = kind["class_name"], kind["parameters"]
    if parameters:
        signature = signature_of(kind)
        made = ", ".join(["()", values_of(parameters), *quoted(parameters)])
    else:
        signature, made = ["cls", "*schedules: Schedule"], "schedules, {}"
    head = f"\n\nclass {name}(Schedule):\n" + docstring(kind) + f'\n    kind_name = "{kind["name"]}"\n\n'
    line = f"    def __new__({', '.join(signature)}) -> {name}:\n"
    if len(line) > 121:
        line = "    def __new__(\n" + "".join(f"        {one},\n" for one in signature) + f"    ) -> {name}:\n"
    return head + line + f"        return cls._made({made})\n"


def signature_of(kind):
    written, keyword_only = ["cls"], False
    # The one that may stand without its name comes first.
    first = [one for one in kind["parameters"] if one["name"] == kind["positional"]]
    others = [one for one in kind["parameters"] if one["name"] != kind["positional"]]
    for one in first + others:
        if one not in first and not keyword_only:
            written.append("*")
            keyword_only = True
        needed = one["default"] is None
        written.append(f"{python(one['name'])}: {type_of(one)}" + ("" if needed else " | None = None"))
    return written


def values_of(parameters):
    pairs = [f'"{one["name"]}": {python(one["name"])}' for one in parameters]
    line = "{" + ", ".join(pairs) + "}"
    if len(line) < 75:
        return line
    return "{\n" + "".join(f"            {pair},\n" for pair in pairs) + "        }"


def quoted(parameters):
    """The parameter whose value stands in quotes, where there is one."""
    return [f'"{one["name"]}"' for one in parameters if "in quotes" in one["meaning"]]


def type_of(one):
    meaning = one["meaning"]
    words = WORDS.get(one["name"], lambda meaning: None)(meaning)
    if words:
        return f"_Literal[{', '.join(repr(word).replace(chr(39), chr(34)) for word in words)}]"
    if "true or false" in meaning:
        return "bool"
    if "list of lengths" in meaning:
        return "_Sequence[Length]"
    if "factors" in meaning or "list of rates" in meaning:
        return "_Sequence[float]"
    if "in quotes" in meaning:
        return "str"
    if "a length" in meaning or "the first length" in meaning:
        return "Length"
    if "lowest..highest" in meaning:
        return "tuple[float, float]"
    return "float"


# Parameters whose values are words.
WORDS = {
    "shape": lambda meaning: [word for word in ("linear", "cosine", "sqrt") if word in meaning],
    "warmup_shape": lambda meaning: ["linear", "cosine", "sqrt"],
    "decay_shape": lambda meaning: ["linear", "cosine", "sqrt"],
    "mode": lambda meaning: ["triangular", "triangular2", "exp_range"]
    if "triangular" in meaning
    else ["relative", "absolute"],
    "monitor": lambda meaning: ["loss", "score", "training_loss"],
    "like": lambda meaning: ["torch", "keras"],
    "per": lambda meaning: ["epoch", "step"],
    "phases": lambda meaning: ["two", "three"],
    "ends": lambda meaning: ["last", "after"],
}


def python(name):
    return "from_" if name == "from" else name


def docstring(kind):
    """Raw, since formulas may hold what Python would read as more than itself."""
    from opportune._core import Schedule

    lines = [f'    r"""{kind["summary"]}', "", f'    The rate: {kind["formula"]}.', ""]
    if kind["parameters"]:
        lines += ["    Parameters:"]
    for one in kind["parameters"]:
        default = "" if one["default"] is None else f" (default: {one['default']})"
        entry = f"{python(one['name'])}: {one['meaning']}{default}"
        lines += textwrap.wrap(entry, 115, initial_indent=" " * 8, subsequent_indent=" " * 12)
    if kind["upstream"]:
        lines += ["", *wrapped("Elsewhere: " + ", ".join(kind["upstream"]) + ".")]
    example = Schedule(kind["example"])
    expression = re.sub(r"\b([A-Z]\w*)\(", r"schedules.\1(", repr(example))
    lines += ["", "    >>> from opportune import schedules", f"    >>> schedule = {expression}", "    >>> str(schedule)"]
    lines += [f"    {str(example)!r}", '    """']
    return "\n".join(lines) + "\n"


def wrapped(text):
    return textwrap.wrap(text, 115, initial_indent=" " * 4, subsequent_indent=" " * 4)


if __name__ == "__main__":
    from opportune._core import kinds

    FILE.write_text(source(kinds()))
