"""Writes crates/core/tests/golden/sweep.json: what fastai 2.8.5's `lr_find` suggests for some courses of the loss.

    python -m venv venv
    venv/bin/pip install --no-deps -r requirements.txt
    venv/bin/python sweep.py

Its own `lr_find`, `LRFinder` and suggestions run, in 64 bits: fastai/callback/schedule.py is plain Python that needs of
fastai and torch only the names below. What the loss is at each step comes from here instead of a training.
"""

import contextlib
import functools
import importlib.util
import json
import math
import random
import sys
import types
from collections import namedtuple
from importlib.metadata import version
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parents[3] / "crates/core/tests/golden/sweep.json"
BETA = 0.98


class Array(np.ndarray):
    """As much of a tensor as is used."""

    def log(self):
        return np.log(self)

    def view(self, *shape):
        return self.reshape(*shape)


def tensor(values):
    return np.ndarray.view(np.asarray(values, dtype=np.float64), Array)


class CancelFitException(Exception):
    pass


class Callback:
    def __getattr__(self, name):
        return getattr(self.__dict__["learn"], name)


def load():
    wanted = Path(__file__).with_name("requirements.txt").read_text().split()
    assert wanted == [f"{name}=={version(name)}" for name in ("fastai", "numpy")], f"install {wanted}"

    def store_attr(wanted):
        seen = sys._getframe(1).f_locals
        for name in wanted.split(","):
            setattr(seen["self"], name, seen[name])

    class Suggestions:
        pass

    def mk_class(name, doc=None, **functions):
        for key, function in functions.items():
            setattr(Suggestions, key, staticmethod(function))
        sys._getframe(1).f_globals[name] = Suggestions

    patched = {}

    def patch(function):
        patched[function.__name__] = function
        return function

    torch = types.SimpleNamespace(isnan=np.isnan, nonzero=lambda mask: [int(at) for at in np.flatnonzero(mask)])
    names = {
        "Callback": Callback, "CancelFitException": CancelFitException, "CancelValidException": Exception,
        "store_attr": store_attr, "docs": lambda kind: kind, "patch": patch,
        "delegates": lambda *_: lambda function: function,
        "mk_class": mk_class, "tensor": tensor, "to_np": np.asarray, "torch": torch, "np": np, "math": math,
        "functools": functools, "partial": functools.partial, "is_listy": lambda one: isinstance(one, (list, tuple)),
        "tuplify": tuple, "collections": types.SimpleNamespace(namedtuple=namedtuple),
        "Learner": type("Learner", (), {"fit_one_cycle": None}), "Recorder": type("Recorder", (), {}),
    }

    folder = Path(importlib.util.find_spec("fastai").origin).parent
    fastai, callback = types.ModuleType("fastai"), types.ModuleType("fastai.callback")
    fastai.__path__, callback.__path__ = [str(folder)], [str(folder / "callback")]
    basics, tracker = types.ModuleType("fastai.basics"), types.ModuleType("fastai.callback.tracker")
    basics.__dict__.update(names)
    basics.__all__ = list(names)
    tracker.SaveModelCallback = None
    sys.modules.update(
        {"fastai": fastai, "fastai.callback": callback, "fastai.basics": basics, "fastai.callback.tracker": tracker}
    )
    import fastai.callback.schedule as schedule

    return schedule, patched["lr_find"], Suggestions


SCHEDULE, LR_FIND, SUGGESTIONS = load()


class Learn:
    """A learner whose losses are known beforehand."""

    def __init__(self, loss):
        self.loss = loss
        self.recorder = types.SimpleNamespace(lrs=[], losses=[])
        self.dls = types.SimpleNamespace(train=range(10))
        self.hypers = [{}]
        self.opt = types.SimpleNamespace(
            hypers=self.hypers, set_hyper=lambda name, value: self.hypers[-1].update({name: value})
        )
        self.raw = []

    def no_logging(self):
        return contextlib.nullcontext()

    def fit(self, _, cbs):
        cbs.learn, cbs.hps, cbs.best_loss = self, {"lr": []}, float("inf")
        self.train_iter, average = 0, 0.0
        while True:
            cbs.before_batch()
            loss = self.loss(self.train_iter, self.hypers[-1]["lr"])
            self.raw.append(loss)
            self.train_iter += 1
            # AvgSmoothLoss.
            average = average + (loss - average) * (1 - BETA)
            self.smooth_loss = average / (1 - BETA**self.train_iter)
            self.recorder.lrs.append(self.hypers[-1]["lr"])
            self.recorder.losses.append(self.smooth_loss)
            try:
                cbs.after_batch()
            except CancelFitException:
                return


def bowl(noise, lowest=0.2, start=2.3, middle=1e-3, edge=0.3, seed=1):
    """Falls about `middle`, rises beyond `edge`."""
    source = random.Random(seed)

    def loss(_, rate):
        fallen = lowest + (start - lowest) / (1 + (rate / middle) ** 1.2)
        return round(fallen + (rate / edge) ** 3 + source.gauss(0, noise), 6)

    return loss


def gone(inner, at, value):
    return lambda step, rate: value if step >= at else inner(step, rate)


def spiked(inner, steps, height):
    return lambda step, rate: inner(step, rate) + (height if step in steps else 0)


def noise(seed, around, width):
    source = random.Random(seed)
    return lambda *_: round(source.gauss(around, width), 6)


# name, lowest rate, highest rate, steps, the loss at each step and rate
COURSES = [
    ("smooth", 1e-7, 10, 100, bowl(0)),
    ("noisy", 1e-7, 10, 100, bowl(0.15)),
    ("steep and late", 1e-6, 1, 200, bowl(0.03, lowest=0.01, middle=0.02, edge=0.8, seed=3)),
    ("never rises", 1e-5, 1, 60, bowl(0.02, edge=1e9, seed=4)),
    ("not a number", 1e-7, 10, 100, gone(bowl(0.05, seed=5), 71, float("nan"))),
    ("not a number at once", 1e-7, 10, 100, gone(bowl(0.05, seed=5), 40, float("nan"))),
    ("infinite", 1e-7, 10, 100, gone(bowl(0.05, seed=6), 74, float("inf"))),
    ("early spikes", 1e-7, 10, 100, spiked(bowl(0.05, seed=7), {0, 3, 4}, 2.0)),
    ("late spikes", 1e-7, 10, 100, spiked(bowl(0.05, seed=8), {50, 60, 61}, 3.0)),
    ("flat", 1e-7, 10, 100, lambda *_: 0.0),
    ("noise", 1e-7, 10, 100, noise(9, 2.3, 0.05)),
    ("short", 1e-4, 1, 25, bowl(0.01, middle=0.01, seed=10)),
]


def row(name, low, high, steps, loss, stop=True):
    learn = Learn(loss)
    functions = [SUGGESTIONS.Valley, SUGGESTIONS.Steep, SUGGESTIONS.Minimum, SUGGESTIONS.Slide]
    found = LR_FIND(
        learn, start_lr=low, end_lr=high, num_it=steps, stop_div=stop, show_plot=False, suggest_funcs=functions
    )
    raw = [str(one) if not math.isfinite(one) else one for one in learn.raw]
    finite = [one for one in learn.recorder.losses if math.isfinite(one)]
    # What comes after the first value that is not a number tells nothing more.
    first = next((at for at, one in enumerate(learn.raw) if math.isnan(one)), len(raw) - 1)
    return {
        "name": name, "low": low, "high": high, "steps": steps, "losses": raw[: first + 1],
        "rates": learn.recorder.lrs[: first + 1], "smoothed": finite,
        **{kind: float(getattr(found, kind)) for kind in ("valley", "steep", "minimum", "slide")},
    }


def main():
    rows = [row(*course) for course in COURSES]
    # fastai ends at the first step where the loss is negative, which is no sign of divergence: there without its stop.
    negative = bowl(0.05, lowest=-3.0, start=-1.0, edge=1e9, seed=11)
    rows.append(row("negative", 1e-7, 1, 100, negative, stop=False))
    text = ",\n".join(json.dumps(one) for one in rows)
    OUT.write_text(f"[\n{text}\n]\n")
    for one in rows:
        print(f"{one['name']:22} {len(one['losses']):4}", {kind: f"{one[kind]:.3g}" for kind in list(one)[-4:]})


main()
