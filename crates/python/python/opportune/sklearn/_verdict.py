"""What a search says of what it found."""

from collections.abc import Iterator, Mapping
from typing import Any


class Verdict(Mapping[str, Any]):
    """What a search found and why it is believed: a text to print, and the same as a mapping.

    `str(verdict)` is what `opportune tune` shows on the terminal. As a mapping it has the fields of that program's JSON:
    `headline`, `best`, `epochs`, `score`, `search_score`, `confirmed_on` ("new_division" or "same_division" of the rows, `None`
    if nothing was confirmed), `final_model` (its `rows`; `None` without one), `rate`, `fitting`, `mattered`, `epochs_table`,
    `finalists`, `cost`, `warnings` and others. `dict(verdict)` can be written as JSON.
    """

    def __init__(self, fields: Mapping[str, Any], text: str) -> None:
        self._fields = dict(fields)
        self._text = text

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __str__(self) -> str:
        return self._text

    # In a notebook it is read, not counted.
    __repr__ = __str__
