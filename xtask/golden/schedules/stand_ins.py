"""Modules of PyTorch, transformers, timm and fastai without what they drag in.

The wheel of PyTorch on PyPI cannot be imported without gigabytes of GPU libraries. Schedulers are plain Python, which needs
little of it; the stand-ins below are that little. What computes rates is upstream's own code, as installed.
"""

import ast
import functools
import importlib.util
import math
import sys
import types
import typing
from importlib.metadata import version
from pathlib import Path

import numpy as np


def check_versions():
    """The installed packages are those of requirements.txt."""
    for line in Path(__file__).with_name("requirements.txt").read_text().split():
        name, wanted = line.split("==")
        assert version(name) == wanted, f"install {line}"


class Optimizer:
    """One group of parameters with a rate and a momentum."""

    def __init__(self, lr, momentum=0.9):
        self.defaults = {"lr": lr, "momentum": momentum}
        self.param_groups = [dict(self.defaults, params=[])]

    def step(self):
        pass


def folder(package):
    """Where a package lies; nothing of it is run."""
    return Path(importlib.util.find_spec(package).submodule_search_locations[0])


def module(name, **names):
    made = types.ModuleType(name)
    vars(made).update(names)
    sys.modules[name] = made
    return made


def package(name, path, **names):
    """A package whose modules can be imported, without its own beginning."""
    module(name, **names).__path__ = [str(path)]


def definitions(path, names, known):
    """Some classes and functions of a file, run in a namespace of our own."""
    tree = ast.parse(path.read_text())
    wanted = [node for node in tree.body if getattr(node, "name", None) in names]
    assert {node.name for node in wanted} == set(names), f"{path}: {names}"
    exec(compile(ast.Module(wanted, []), str(path), "exec"), known)
    return [known[name] for name in names]


def load_torch():
    """torch.optim.lr_scheduler, with SWALR of torch.optim.swa_utils."""
    where = folder("torch")

    class Tensor:
        pass

    package("torch", where, inf=math.inf, Tensor=Tensor, no_grad=lambda: lambda function: function)
    package("torch.optim", where / "optim", Optimizer=Optimizer)
    module("torch.optim.optimizer", Optimizer=Optimizer, _to_scalar=lambda value: value)
    sys.modules["torch"].optim = sys.modules["torch.optim"]
    import torch.optim.lr_scheduler as schedulers

    [schedulers.SWALR] = definitions(where / "optim/swa_utils.py", ["SWALR"], dict(vars(schedulers)))
    return schedulers


def load_transformers():
    """transformers.optimization."""
    package("transformers", folder("transformers"))
    module("transformers.trainer_pt_utils", LayerWiseDummyOptimizer=None, LayerWiseDummyScheduler=None)

    class Named:
        def __getattr__(self, name):
            return name

    module("transformers.trainer_utils", SchedulerType=Named())

    class Logging:
        def get_logger(self, name):
            return None

    module("transformers.utils", logging=Logging())
    import transformers.optimization as optimization

    return optimization


def load_timm():
    """The schedulers of timm, by name."""
    where = folder("timm")
    package("timm", where)
    package("timm.scheduler", where / "scheduler")
    made = {}
    for name in ("cosine", "tanh", "poly", "step", "multistep", "wsd"):
        made |= vars(importlib.import_module(f"timm.scheduler.{name}_lr"))
    return types.SimpleNamespace(**made)


class Shares(np.ndarray):
    """A tensor as far as fastai's combine_scheds needs one, in 64 bits where fastai itself has 32."""

    def nonzero(self):
        return np.flatnonzero(np.asarray(self))


def load_fastai():
    """fastai's schedules: functions of the share of the run that has passed, and the curves that its fit_… methods follow."""

    def tensor(values):
        return np.array([float(value) for value in values]).view(Shares)

    torch = types.SimpleNamespace(
        all=np.all, cumsum=lambda values, axis: np.cumsum(values, axis).view(Shares), Tensor=np.ndarray
    )

    class Annealer:
        def __init__(self, f, start, end):
            self.f, self.start, self.end = f, start, end

        def __call__(self, position):
            return self.f(self.start, self.end, position)

    class ParamScheduler:
        def __init__(self, schedules):
            self.schedules = schedules

        def __add__(self, others):
            return self

    class Items(list):
        def __init__(self, values=()):
            super().__init__(values or ())

        def __radd__(self, others):
            return others + list(self)

    known = dict(
        math=math, np=np, torch=torch, tensor=tensor, L=Items, _Annealer=Annealer, ParamScheduler=ParamScheduler,
        functools=functools, patch=lambda f: f, Learner=object, typing=typing,
    )  # fmt: skip
    names = [
        "sched_lin", "sched_cos", "sched_no", "sched_exp", "SchedLin", "SchedCos", "SchedNo", "SchedExp", "SchedPoly",
        "combine_scheds", "combined_cos", "fit_one_cycle", "fit_flat_cos", "fit_sgdr",
    ]  # fmt: skip
    found = definitions(folder("fastai") / "callback/schedule.py", names, known)
    return types.SimpleNamespace(**dict(zip(names, found)))
