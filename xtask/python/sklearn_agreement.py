"""Prints how far whole fits of `opportune.sklearn` agree with scikit-learn's.

    target/python-env/bin/python xtask/python/sklearn_agreement.py [SEEDS]

after `cargo xtask test`, which makes the environment. Each of digits, breast_cancer and diabetes is trained to the end by
every solver with every activation, with and without early stopping, on three quarters of its rows, from SEEDS seeds (3); the
rest is predicted. Training amplifies differences of the last bits, so that long fits may part: it prints the share of fits of
equal `n_iter_`, the share whose predictions differ by at most one sample (R² by at most 0.001), and the fits that do not.
"""

import sys
import warnings
from itertools import product

import sklearn.neural_network as upstream
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from opportune import sklearn as ours

SOLVERS = [
    {"solver": "adam"},
    {"solver": "sgd", "learning_rate_init": 0.01},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.3},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.01},
    {"solver": "lbfgs"},
]


def table(name):
    X, y = {"digits": load_digits, "breast_cancer": load_breast_cancer, "diabetes": load_diabetes}[name](return_X_y=True)
    return StandardScaler().fit_transform(X), y / 100 if name == "diabetes" else y


def main(seeds):
    warnings.simplefilter("ignore")
    fits, epochs, scores = 0, 0, 0
    for name in ("digits", "breast_cancer", "diabetes"):
        X, y = table(name)
        kind = "MLPRegressor" if name == "diabetes" else "MLPClassifier"
        for solver, activation, early, seed in product(
            SOLVERS, ("relu", "tanh", "logistic", "identity"), (False, True), range(seeds)
        ):
            if early and solver["solver"] == "lbfgs":
                continue
            train, test, y_train, y_test = train_test_split(X, y, random_state=seed)
            settings = {"hidden_layer_sizes": (20,), "activation": activation, "early_stopping": early, **solver}
            one, other = (
                getattr(module, kind)(random_state=seed, **settings).fit(train, y_train) for module in (ours, upstream)
            )
            limit = 0.001 if name == "diabetes" else 1 / len(y_test)
            difference = abs(one.score(test, y_test) - other.score(test, y_test))
            fits += 1
            epochs += one.n_iter_ == other.n_iter_
            scores += difference <= limit * 1.0001
            if one.n_iter_ != other.n_iter_ or difference > limit * 1.0001:
                print(
                    f"{name} {' '.join(map(str, solver.values()))} {activation} early_stopping={early} seed {seed}: "
                    f"{one.n_iter_} or {other.n_iter_} iterations, scores differ by {difference:.4f}",
                    flush=True,
                )
    print(f"{fits} fits; equal n_iter_: {epochs / fits:.1%}; scores within a sample: {scores / fits:.1%}")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
