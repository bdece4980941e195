"""One measurement of `cargo xtask bench python`: `python_numbers.py WHAT …` prints one line of JSON.

    grid SIDE WIDTH WORKERS      the third example's GridSearchCV: seconds of its `fit`, what it finds, every fold's score
    fit SIDE DATA WIDTH [DIR]    `MLPClassifier().fit` on digits, 10,000 rows of MNIST (from DIR) or a million rows of 20
                                 numbers (two epochs): seconds, and the memory that comes on top of the rows
    call SIDE                    a fit of one step on ten rows: seconds, of them training, this package's own, and the checks of
                                 rows and parameters, which are scikit-learn's on both sides
    imports                      seconds that this package's modules take on top of those they stand on

SIDE is `opportune` or `scikit-learn`, WIDTH `f32` or `f64`, WORKERS a backend of joblib. What runs once per process (threads,
workers, imports) has run before the clock starts.
"""

import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

import idx
import numpy as np

GRID = {
    "hidden_layer_sizes": [(100,), (50, 50)],
    "learning_rate_init": [0.01, 0.001, 0.0001],
    "max_iter": [100, 200, 300],
}
WIDTHS = {"f32": np.float32, "f64": np.float64}
ROWS, COLUMNS = 1_000_000, 20
CALLS, PROCESSES = 200, 9
# Modules, and what a program that uses them imports anyway.
IMPORTS = {
    "opportune": ("numpy", "numpy"),
    "opportune.sklearn": ("numpy sklearn.neural_network sklearn.model_selection", "sklearn"),
    "opportune.torch": ("numpy torch", "torch"),
    "opportune.keras": ("numpy keras", "keras"),
}


def classes(side):
    """`MLPClassifier` and `GridSearchCV` of one side."""
    if side == "opportune":
        from opportune.sklearn import GridSearchCV, MLPClassifier
    else:
        from sklearn.model_selection import GridSearchCV
        from sklearn.neural_network import MLPClassifier
    return MLPClassifier, GridSearchCV


def timed(function):
    begun = time.perf_counter()
    result = function()
    return result, time.perf_counter() - begun


def grid(side, width, workers):
    import joblib
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    network, search_class = classes(side)
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(WIDTHS[width])
    X, _, y, _ = train_test_split(X, y, random_state=0)

    def search(points):
        return search_class(network(random_state=0), points, cv=5, n_jobs=-1).fit(X, y)

    with joblib.parallel_backend(workers):
        search({"max_iter": [1, 2]})  # Starts the workers.
        found, seconds = timed(lambda: search(GRID))
    results = found.cv_results_
    folds = [results[f"split{fold}_test_score"].tolist() for fold in range(5)]
    return {"seconds": seconds, "best": str(found.best_params_), "score": found.best_score_, "folds": folds}


def mnist(folder):
    """The first 10,000 training images, a row each, from 0 to 1, and what they show."""
    images, labels = (idx.read(Path(folder), f"train-{name}-ubyte")[:10_000] for name in ("images-idx3", "labels-idx1"))
    return images.reshape(len(images), -1) / np.float32(255), labels


def rows_for(data, folder):
    if data == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return X / 16, y
    if data == "mnist":
        return mnist(folder)
    generator = np.random.default_rng(0)
    X = generator.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    return X, (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)


def memory(name):
    """A line of this process's status in MiB; `None` where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def fit(side, data, width, folder=None):
    network, _ = classes(side)
    X, y = rows_for(data, folder)
    X = X.astype(WIDTHS[width])
    settings = {"max_iter": 2} if data == "rows" else {}
    network(max_iter=1).fit(X[:200], y[:200])
    before = memory("VmRSS")
    if before is not None:
        Path("/proc/self/clear_refs").write_text("5")  # The largest so far is forgotten: reading the rows took more.
    model, seconds = timed(lambda: network(random_state=0, **settings).fit(X, y))
    peak = None if before is None else memory("VmHWM") - before
    return {"seconds": seconds, "peak_mib": peak, "epochs": model.n_iter_, "score": model.score(X, y)}


def call(side):
    network, _ = classes(side)
    X = np.random.default_rng(0).standard_normal((10, 2))
    y = np.arange(10) % 2

    def watched(function, seconds):
        def run(*arguments, **named):
            result, took = timed(lambda: function(*arguments, **named))
            seconds.append(took)
            return result

        return run

    hook, training = [], []
    network._fit_stochastic = watched(network._fit_stochastic, hook)
    if side == "opportune":
        from opportune import _core

        _core.mlp_fit = watched(_core.mlp_fit, training)
    model = network(max_iter=1, random_state=0)
    whole = [timed(lambda: model.fit(X, y))[1] for _ in range(CALLS)]
    whole, hook = statistics.median(whole), statistics.median(hook)
    training = statistics.median(training) if training else hook
    return {"seconds": whole, "training": training, "package": hook - training, "checks": whole - hook}


def imports():
    modules = {}
    for name, (before, package) in IMPORTS.items():
        if importlib.util.find_spec(package) is None:
            continue
        clock = "from time import perf_counter as now; begun = now()"
        program = f"import {', '.join(before.split())}\n{clock}\nimport {name}\nprint(now() - begun)"
        command = [sys.executable, "-c", program]
        seconds = [float(subprocess.check_output(command, text=True).split()[-1]) for _ in range(PROCESSES)]
        modules[name] = {"beyond": before, "seconds": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}
    return {"modules": modules}


def main():
    # Not converging is part of the grid, and of short fits; workers are told by the environment.
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.simplefilter("ignore")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    what, *rest = sys.argv[1:]
    answer = {"grid": grid, "fit": fit, "call": call, "imports": imports}[what](*rest)
    versions = {"python": sys.version.split()[0]}
    for package in ("scikit-learn", "numpy", "scipy", "joblib", "torch", "keras"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    print(json.dumps({"versions": versions, **answer}))


main()
