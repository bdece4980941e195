"""Writes crates/core/tests/golden/rules.json: what upstream's rules that read the curve do on given curves.

    python -m venv venv
    venv/bin/pip install jax==0.10.2 keras==3.15.1 numpy==2.4.6 scikit-learn==1.9.1
    venv/bin/pip install --no-deps torch==2.15.0 transformers==5.24.0
    venv/bin/python rules.py

The rules are those of PyTorch and transformers (plain Python, loaded with stand-ins for the rest of torch), Keras with its
JAX backend, and scikit-learn. Each row holds a rule as Opportune writes it, the values it reads, and either the rate of each
epoch from which it holds (the first, from 0, no rule has touched) or, for early stopping, the epoch it stops after and the
one whose weights it delivers.
"""

import json
import math
import os
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "jax"
from keras.callbacks import EarlyStopping, ReduceLROnPlateau  # noqa: E402, before torch is stood in for

OUT = Path(__file__).resolve().parents[2] / "crates/core/tests/golden/rules.json"
EPOCHS = 90


class Optimizer:
    """As much of torch's as schedulers need."""

    def __init__(self, lr):
        self.defaults = {"lr": lr}
        self.param_groups = [{"lr": lr, "params": []}]


def load_torch_rules():
    """ReduceLROnPlateau and GreedyLR without torch itself."""
    modules = {name: types.ModuleType(name) for name in ("torch", "torch.optim", "torch.optim.optimizer")}
    modules["torch"].inf, modules["torch"].Tensor = math.inf, type("Tensor", (), {})
    modules["torch.optim.optimizer"].Optimizer = Optimizer
    modules["torch.optim.optimizer"]._to_scalar = lambda value: value
    folder = Path(find_spec("torch").origin).parent
    modules["torch.optim"].__path__ = [str(folder / "optim")]
    sys.modules.update(modules)
    import torch.optim.lr_scheduler as schedulers

    text = (Path(find_spec("transformers").origin).parent / "optimization.py").read_text()
    begin = text.index("class StreamingAverage")
    end = text.index("def get_greedy_schedule")
    names = {"Optimizer": Optimizer, "Any": object}
    exec(compile("from __future__ import annotations\n" + text[begin:end], "optimization.py", "exec"), names)
    return schedulers.ReduceLROnPlateau, names["GreedyLR"]


def curves():
    """Values to be minimised: falling in steps, noisy, turning, flat, below zero, with what is not a number."""
    random = np.random.default_rng(7)
    t = np.arange(EPOCHS)
    noisy = 0.3 + 2 * np.exp(-t / 12) + 0.05 * random.standard_normal(EPOCHS)
    steps = 2.0 / (1 + t // 17) + 1e-5 * random.standard_normal(EPOCHS)
    turning = 0.2 + (t - 30.0) ** 2 / 2000 + 0.01 * random.standard_normal(EPOCHS)
    flat = np.full(EPOCHS, 0.7)
    below = -1 - 0.5 * (1 - np.exp(-t / 10)) + 0.02 * random.standard_normal(EPOCHS)
    broken = noisy.copy()
    broken[[5, 20, 21, 22, 50]] = np.nan
    all_curves = dict(noisy=noisy, steps=steps, turning=turning, flat=flat, below=below, broken=broken)
    return {name: [float(f"{value:.6g}") for value in curve] for name, curve in all_curves.items()}


CURVES = curves()
PLATEAU, GREEDY = load_torch_rules()
ROWS = []


def add(text, source, curve, *, score=False, base=None, rates=None, stopped=None, chosen=None):
    if rates is not None:
        rates = [[epoch, rate] for epoch, rate in enumerate(rates) if epoch == 0 or rate != rates[epoch - 1]]
    row = dict(text=text, source=source, curve=curve, score=score, base=base, rates=rates, stopped=stopped, chosen=chosen)
    ROWS.append({key: value for key, value in row.items() if value is not None})


def rates_of(make, base, values):
    """The rate of each epoch, by a scheduler that is shown the value of each epoch before."""
    optimizer = Optimizer(base)
    scheduler = make(optimizer)
    rates = [base]
    for value in values[:-1]:
        scheduler.step(value)
        rates.append(float(optimizer.param_groups[0]["lr"]))
    return rates


def call(name, **keys):
    words = ", ".join(f"{key}={value}" for key, value in keys.items())
    return f"{name}({words})" if words else name


def plateau():
    for base, keys in [
        (0.1, {}),
        (0.1, dict(factor=0.5, patience=3)),
        (0.01, dict(factor=0.3, patience=0)),
        (0.1, dict(factor=0.5, patience=2, cooldown=4)),
        (0.1, dict(factor=0.5, patience=4, threshold=0.01, cooldown=1)),
        (0.1, dict(factor=0.1, patience=2, min=0.0003)),
        (1e-6, dict(factor=0.1, patience=3)),
        (0.1, dict(factor=0.5, patience=3, threshold=0.02, mode="absolute")),
        (0.1, dict(factor=0.5, patience=3, eps=0.02)),
    ]:
        theirs = {key: value for key, value in keys.items() if key not in ("mode", "min")}
        theirs |= {"threshold_mode": "abs"} if "mode" in keys else {}
        theirs |= {"min_lr": keys["min"]} if "min" in keys else {}
        for name, curve in CURVES.items():
            # Upstream's relative threshold lets values below zero rise.
            if name == "below" and "mode" not in keys:
                continue
            rates = rates_of(lambda o: PLATEAU(o, **theirs), base, curve)
            add(call("on_plateau", **keys), "torch ReduceLROnPlateau", name, base=base, rates=rates)
            if name in ("noisy", "turning") and "mode" in keys:
                rates = rates_of(lambda o: PLATEAU(o, mode="max", **theirs), base, [-value for value in curve])
                text = call("on_plateau", **keys, monitor="score")
                add(text, "torch ReduceLROnPlateau, max", name, score=True, base=base, rates=rates)


def greedy():
    for base, keys in [
        (0.1, {}),
        (0.1, dict(factor=0.8, patience=1)),
        (0.1, dict(factor=0.5, patience=2, cooldown=3, warmup=5)),
        (0.01, dict(factor=0.7, patience=0, min=0.005, max=0.02)),
        (0.1, dict(factor=0.5, patience=1, min=0.05, reset=3)),
        (0.1, dict(factor=0.8, patience=2, window=5)),
        (0.1, dict(factor=0.8, patience=2, threshold=0.01, mode="relative")),
    ]:
        names = {"min": "min_lr", "max": "max_lr", "reset": "reset_start", "window": "window_size"}
        theirs = {"min_lr": 0.0, "max_lr": 1e9}
        theirs |= {names.get(key, key): value for key, value in keys.items() if key != "mode"}
        theirs |= {"smooth": True} if "window" in keys else {}
        theirs |= {"threshold_mode": "rel"} if "mode" in keys else {}
        for name, curve in CURVES.items():
            # Their running sum never forgets what is not a number.
            if (name == "below" and "mode" in keys) or (name == "broken" and "window" in keys):
                continue
            rates = rates_of(lambda o: GREEDY(o, **theirs), base, curve)
            add(call("greedy", **keys), "transformers GreedyLR", name, base=base, rates=rates)


def keras_rules():
    class Variable:
        def __init__(self, value):
            self.value = value

    class Model:
        """As much of Keras's as these callbacks need. Its weights are the epoch they are of."""

        def __init__(self, base):
            self.optimizer = types.SimpleNamespace(learning_rate=base)
            self.stop_training, self.weights, self.metrics = False, 0, []

        def get_weights(self):
            return self.weights

        def set_weights(self, weights):
            self.weights = weights

    for base, keys in [
        (0.1, {}),
        (0.1, dict(factor=0.5, patience=3)),
        (0.1, dict(factor=0.5, patience=1, cooldown=1)),
        (0.1, dict(factor=0.5, patience=2, cooldown=4)),
        (0.1, dict(factor=0.5, patience=4, threshold=0.02, min=0.02)),
    ]:
        theirs = {"min_delta" if key == "threshold" else "min_lr" if key == "min" else key: value
                  for key, value in keys.items()}
        for name, curve in CURVES.items():
            callback = ReduceLROnPlateau(monitor="val_loss", mode="min", **theirs)
            model = Model(base)
            callback.set_model(model)
            callback.on_train_begin()
            rates = [base]
            for epoch, value in enumerate(curve[:-1]):
                callback.on_epoch_end(epoch, {"val_loss": value})
                rates.append(float(model.optimizer.learning_rate))
            text = call("on_plateau", **keys, mode="absolute", like="keras", eps=0)
            add(text, "Keras ReduceLROnPlateau", name, base=base, rates=rates)

    for keys in [
        dict(patience=3),
        dict(patience=1, min_delta=0.01),
        dict(patience=5, baseline=0.35),
        dict(patience=4, baseline=0.5, min_delta=0.05),
        dict(patience=3, start_from_epoch=12),
        dict(patience=6, restore_best_weights=False),
        dict(patience=20),
    ]:
        for name, curve in CURVES.items():
            callback = EarlyStopping(monitor="val_loss", mode="min", **({"restore_best_weights": True} | keys))
            model = Model(0.1)
            callback.set_model(model)
            callback.on_train_begin()
            stopped = None
            for epoch, value in enumerate(curve):
                model.weights = epoch + 1
                callback.on_epoch_end(epoch, {"val_loss": value})
                if model.stop_training:
                    stopped = epoch + 1
                    break
            callback.on_train_end()
            words = ", ".join(f"{key}={str(value).lower()}" for key, value in keys.items())
            add(words, "Keras EarlyStopping", name, stopped=stopped, chosen=model.weights)


def scikit_learn_rules():
    from sklearn.neural_network import MLPClassifier
    from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

    def run(curve, base, tol, epochs, adaptive, score):
        network = MLPClassifier(tol=tol, n_iter_no_change=epochs, early_stopping=score)
        network._no_improvement_count = 0
        network.best_loss_, network.loss_curve_ = np.inf, []
        network.best_validation_score_, network.validation_scores_ = -np.inf, []
        network.coefs_, network.intercepts_, network._best_coefs = [np.zeros(1)], [], [np.zeros(1)]
        optimizer = SGDOptimizer([], base, "adaptive" if adaptive else "constant")
        rates, stopped = [base], None
        scores = iter([-value for value in curve])
        network._score = lambda X, y, **_: next(scores)
        for epoch, value in enumerate(curve):
            network.coefs_ = [np.array([epoch + 1.0])]
            network.loss_curve_.append(value)
            network._update_no_improvement_count(score, None, None, None)
            if network._no_improvement_count > epochs:
                if optimizer.trigger_stopping("", False):
                    stopped = epoch + 1
                    break
                network._no_improvement_count = 0
            rates.append(float(optimizer.learning_rate))
        chosen = int(network._best_coefs[0][0]) if score else stopped or len(curve)
        return rates[:len(curve)], stopped, chosen

    for base, keys in [(0.001, {}), (0.1, dict(tol=0.01, patience=3)), (3e-6, dict(tol=0.05, patience=2)),
                       (0.01, dict(tol=0.0, patience=1))]:
        for name, curve in CURVES.items():
            if name == "broken":
                continue  # a training loss that is not a number ends a run as diverged
            rates, stopped, _ = run(curve, base, keys.get("tol", 1e-4), keys.get("patience", 10), True, False)
            add(call("adaptive", **keys), "scikit-learn adaptive", name, base=base, rates=rates, stopped=stopped)
    for tol, epochs in [(1e-4, 10), (0.01, 3), (0.05, 5)]:
        for name, curve in CURVES.items():
            if name != "broken":
                _, stopped, chosen = run(curve, 0.1, tol, epochs, False, False)
                add(f"tol={tol}, patience={epochs}", "scikit-learn tol", name, stopped=stopped, chosen=chosen)
            _, stopped, chosen = run(curve, 0.1, tol, epochs, False, True)
            add(f"tol={tol}, patience={epochs}", "scikit-learn early_stopping", name, score=True, stopped=stopped,
                chosen=chosen)


plateau()
greedy()
keras_rules()
scikit_learn_rules()
finite = {name: [value if math.isfinite(value) else None for value in curve] for name, curve in CURVES.items()}
lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in ROWS)
OUT.write_text(f'{{"curves":{json.dumps(finite, separators=(",", ":"))},\n"rows":[\n{lines}\n]}}\n')
print(f"{OUT.name}: {len(ROWS)} rows, {OUT.stat().st_size} bytes")
