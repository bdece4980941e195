"""A study for training loops in Python: points to try, and who should stop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from . import _core

Value: TypeAlias = int | float | str | list[int]
"""A value of a parameter: a whole number from 0 up, a number, a text, or widths of layers."""


@dataclass(frozen=True)
class Range:
    """Any number from `low` to `high`, both included; with `whole`, whole ones only.

    With `log` distances are those of logarithms, as suits a learning rate.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Epoch:
    """What an epoch of a trial gave; what was not reported is not a number."""

    epoch: int
    """From 1."""
    loss: float
    score: float
    rate: float
    train_loss: float
    train_score: float
    seconds: float
    """Since the report before it."""


@dataclass(frozen=True)
class Result:
    """A trial that has ended."""

    number: int
    """From 0, in the order in which trials were asked for."""
    config: dict[str, Value]
    """Its value for each parameter."""
    stopped: str
    """Why it ended: complete, early, diverged or failed."""
    epochs: list[Epoch]
    best_epoch: int
    """The epoch with the lowest loss, from 1; 0 if none was reported."""

    @property
    def loss(self) -> float:
        """The lowest loss; infinite where there is none."""
        loss = self.epochs[self.best_epoch - 1].loss if self.best_epoch else math.inf
        return math.inf if math.isnan(loss) else loss


class Trial:
    """A point to try. Used in a `with` block it ends with it: as failed if that raised, otherwise as it came out."""

    def __init__(self, study: Study, number: int, config: dict[str, Value]) -> None:
        self._study, self.number, self.config = study, number, config
        self._last = time.perf_counter()
        self._epochs, self._diverged, self._stopped, self._open = 0, False, False, True

    def report(
        self,
        epoch: int,
        loss: float,
        *,
        score: float | None = None,
        train_loss: float = math.nan,
        train_score: float = math.nan,
        lr: float = 0.0,
        step: int | None = None,
    ) -> None:
        """Tells what an epoch gave; it is stored when this returns.

        `epoch` counts from 1. `loss` is that of validation rows, lower being better; `score` in the units that the study was
        made with, and the loss itself where it was made with none. `lr` and `step` (optimizer steps so far) are only kept.
        """
        now = time.perf_counter()
        value = float(loss)
        self._study._core.report(
            self.number,
            int(epoch),
            value,
            score=(value if self._study.score is None else math.nan) if score is None else float(score),
            train_loss=float(train_loss),
            train_score=float(train_score),
            rate=float(lr),
            step=max(0, int(epoch if step is None else step)),
            seconds=now - self._last,
        )
        self._last, self._diverged = now, not math.isfinite(value)
        self._epochs += 1

    def should_stop(self) -> bool:
        """Whether more epochs are not worth it: others are better, or the loss is no finite number."""
        self._stopped = self._study._core.should_stop(self.number)
        return self._stopped

    def finish(self, *, failed: bool = False) -> None:
        """Ends the trial."""
        if not self._open:
            return
        if failed:
            word = "failed"
        elif self._diverged:
            word = "diverged"
        else:
            word = "early" if self._stopped else "complete"
        self._study._core.end(self.number, word)
        self._open = False

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: object) -> None:
        # Whoever is interrupted asks for the same trial again.
        if kind is None or issubclass(kind, Exception):
            self.finish(failed=kind is not None)


class Study:
    """Asks which point of a space trains best: `ask` gives trials, which report each epoch and are told when to stop.

    `space` has for each parameter the list of its values, or a `Range`. Points are drawn by `sampler` ("sobol" or "random") and
    `seed`, as functions of the trial's number. With `storage` ("sqlite:///FILE", as on the command line, whose `show` shows it)
    everything is kept as it is reported, and a study of the same name and settings goes on: a trial that was not ended is
    handed out again, from its beginning. `score` names what is reported as such: accuracy, f1, r2, rmse, … ; without it the
    loss is all that counts.

    `pruning="halving"` compares trials after `min_epochs` times the powers of `eta` epochs, and one of `eta` goes on, as in
    asynchronous successive halving (Li et al. 2020) with nobody waiting; None stops only what diverged.

    >>> from opportune import Range, Study
    >>> study = Study("quadratic", {"lr": Range(1e-3, 1.0, log=True)})
    >>> for trial in study.trials(20):
    ...     x = 1.0
    ...     for epoch in range(1, 10):
    ...         x -= trial.config["lr"] * 2 * x
    ...         trial.report(epoch, loss=x**2)
    ...         if trial.should_stop():
    ...             break
    >>> 0.1 < study.best.config["lr"] < 0.9
    True
    """

    def __init__(
        self,
        name: str,
        space: Mapping[str, Sequence[Any] | Range],
        *,
        storage: str | None = None,
        score: str | None = None,
        sampler: Literal["sobol", "random"] = "sobol",
        seed: int = 0,
        pruning: Literal["halving"] | None = "halving",
        min_epochs: int = 1,
        eta: int = 3,
    ) -> None:
        if pruning not in ("halving", None):
            raise ValueError(f"pruning is {pruning!r}; give 'halving' or None")
        if min_epochs < 1 or eta < 2:
            raise ValueError(f"min_epochs is {min_epochs} and eta {eta}; give at least 1 and 2")
        self.name, self.score = name, score
        listed = [{"name": key, "domain": _domain(key, values)} for key, values in space.items()]
        halving = None if pruning is None else (min_epochs, eta)
        settings = {
            "file": "a program in Python",
            "score": _known(score),
            "space": listed,
            "sampler": sampler,
            "seed": seed,
            "pruning": halving,
        }
        self._core = _core.Study(
            name,
            json.dumps(settings, sort_keys=True),
            json.dumps(listed),
            storage=storage,
            sampler=sampler,
            seed=seed,
            pruning=halving,
        )

    def ask(self) -> Trial:
        """The next trial. Several can be in work at the same time."""
        number, config = self._core.ask()
        return Trial(self, number, json.loads(config))

    def trials(self, count: int) -> Iterator[Trial]:
        """So many trials, one after the other; each is finished, if it was not, before the next one comes."""
        for _ in range(count):
            with self.ask() as trial:
                yield trial

    @property
    def results(self) -> list[Result]:
        """The trials that have ended, by number."""

        def number(value: float | None) -> float:
            return math.nan if value is None else value

        return [
            Result(
                one["number"],
                one["config"],
                one["stopped"],
                [
                    Epoch(epoch["epoch"], **{key: number(value) for key, value in epoch.items() if key != "epoch"})
                    for epoch in one["epochs"]
                ],
                one["best_epoch"],
            )
            for one in json.loads(self._core.results())
        ]

    @property
    def best(self) -> Result:
        """The trial with the lowest loss, of equals the first."""
        results = [one for one in self.results if math.isfinite(one.loss)]
        if not results:
            raise ValueError(f"no trial of the study '{self.name}' has ended with a loss yet; finish one")
        return min(results, key=lambda one: (one.loss, one.number))


SCORES = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss", "r2", "rmse", "mae")


def _known(score: str | None) -> str:
    if score is None:
        # Lower is better, as of the loss.
        return "log_loss"
    if score not in SCORES:
        raise ValueError(f"score is {score!r}; give one of {', '.join(SCORES)}, or leave it out")
    return score


def _domain(name: str, values: Sequence[Any] | Range) -> dict[str, Any]:
    if isinstance(values, Range):
        low, high = float(values.low), float(values.high)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"space: {name} is no range; give two finite numbers, the lower one first")
        return {"range": {"low": low, "high": high, "log": values.log, "whole": values.whole}}
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} is of the type {type(values).__name__}; give the list of its values, or a Range")
    return {"values": [_value(name, value) for value in values]}


def _value(name: str, value: Any) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and all(_counts(width) for width in value):
        return list(value)
    if _counts(value):
        return int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise TypeError(f"{name} has the value {value!r}; give numbers, texts or lists of widths")


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
