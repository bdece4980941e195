"""Writes crates/net/tests/golden/sklearn.json: loss curves of scikit-learn's networks, from the same `random_state`.

    cargo xtask golden sklearn

makes the environment (requirements.txt) and runs this. It also writes the two data sets beside the golden values that are
not among the examples: breast_cancer.csv and diabetes.csv. Features are divided by the largest of their column, which is
the same division everywhere; diabetes' targets are divided by 100, for a rate of 0.01 to suit them.
"""

import csv
import json
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.neural_network import MLPClassifier, MLPRegressor

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "crates/net/tests"
EPOCHS = 20
warnings.simplefilter("ignore")


def write(name, X, y):
    with open(TESTS / f"data/{name}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        for x, target in zip(X, y):
            rows.writerow([f"{value:.10g}" for value in [*x, target]])


def read(path, header=0):
    table = np.loadtxt(path, delimiter=",", skiprows=header)
    X, y = table[:, :-1], table[:, -1]
    return X / X.max(axis=0).clip(min=1e-300), y


breast, diabetes = load_breast_cancer(), load_diabetes(scaled=False)
write("breast_cancer", breast.data, breast.target)
write("diabetes", diabetes.data, diabetes.target)

digits = read(ROOT / "examples/data/digits.csv", header=1)
breast = read(TESTS / "data/breast_cancer.csv")
diabetes = read(TESTS / "data/diabetes.csv")
diabetes = (diabetes[0], diabetes[1] / 100)

# Labels that do not exclude each other, and two outputs, made of what is there.
several = (digits[0], np.column_stack([digits[1] > 4, digits[1] % 2 == 0]).astype(int))
paired = (diabetes[0], np.column_stack([diabetes[1], diabetes[0][:, 2]]))

DATA = {"digits": digits, "breast_cancer": breast, "diabetes": diabetes, "digits labels": several, "diabetes paired": paired}
SOLVERS = {
    "adam": dict(solver="adam", learning_rate_init=0.001),
    "sgd constant": dict(solver="sgd", learning_rate_init=0.01),
    "sgd invscaling": dict(
        solver="sgd", learning_rate="invscaling", learning_rate_init=0.02, power_t=0.3, nesterovs_momentum=False
    ),
    "sgd adaptive": dict(
        solver="sgd", learning_rate="adaptive", learning_rate_init=0.02, momentum=0.5, tol=0.01, n_iter_no_change=1
    ),
    "lbfgs": dict(solver="lbfgs", tol=1e-9),
}


def weights(rows):
    """Sample weights that look random and are the same everywhere."""
    return (np.arange(rows) * 7 % 5) / 2 + 0.25


def case(data, objective, solver, activation="tanh", early=False, weighted=False, shuffle=True, seed=0):
    X, y = DATA[data]
    kind = MLPClassifier if objective in ("softmax", "logistic") else MLPRegressor
    extra = dict(loss="poisson") if objective == "poisson" else {}
    model = kind(
        hidden_layer_sizes=(12, 7), activation=activation, alpha=0.01, early_stopping=early, shuffle=shuffle,
        random_state=seed, max_iter=EPOCHS, **SOLVERS[solver], **extra,
    )
    if objective == "poisson" and model.solver == "sgd":
        # Exponential outputs run away at the others' rates.
        model.learning_rate_init /= 10
    weight = weights(len(y)) if weighted else None
    if solver == "lbfgs":
        losses = [model.set_params(max_iter=count).fit(X, y, weight).loss_ for count in range(1, EPOCHS + 1)]
        scores = None
    else:
        model.fit(X, y, sample_weight=weight)
        losses, scores = model.loss_curve_, model.validation_scores_
    return dict(
        data=data, objective=objective, solver=solver, activation=activation, early=early, weighted=weighted,
        shuffle=shuffle, seed=seed, losses=[float(loss) for loss in losses],
        scores=None if scores is None else [float(score) for score in scores],
    )


TASKS = [("digits", "softmax"), ("breast_cancer", "logistic"), ("diabetes", "squared"), ("diabetes", "poisson")]
cases = [
    case(*task, solver, activation, early, seed=seed)
    for seed, (task, solver, activation, early) in enumerate(
        product(TASKS, SOLVERS, ["relu", "tanh", "logistic", "identity"], [False, True])
    )
    if not (early and solver == "lbfgs")
]
for solver in SOLVERS:
    for data, objective in [*TASKS, ("digits labels", "logistic"), ("diabetes paired", "squared")]:
        early = solver == "adam"
        cases.append(case(data, objective, solver, early=early, weighted=True, seed=2**32 - 1))
        if solver != "lbfgs":
            cases.append(case(data, objective, solver, shuffle=False, seed=7))
            cases.append(case(data, objective, solver, early=True, seed=8))

with open(TESTS / "golden/sklearn.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(one, allow_nan=False) for one in cases) + "\n]\n")
print(len(cases), "cases")
