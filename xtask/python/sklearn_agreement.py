"""Prints how far whole fits of `opportune.sklearn` agree with scikit-learn's.

    target/python-env/bin/python xtask/python/sklearn_agreement.py [SEEDS]

after `cargo xtask test`, which makes the environment. Each of digits, breast_cancer and diabetes is trained to the end by
every solver with every activation, with and without early stopping, on three quarters of its rows, from SEEDS seeds (3); the
rest is predicted. Training amplifies differences of the last bits, so that long fits may part: it prints the fits that do,
then the table of which `docs/scikit-learn.md` has the sums: the fits of equal `n_iter_`, and those whose predictions differ by at most one
sample (R² by at most 0.001).
"""

import sys
import warnings
from collections import Counter
from itertools import product

import sklearn.neural_network as upstream
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from opportune import sklearn as ours

SETS = {"digits": load_digits, "breast_cancer": load_breast_cancer, "diabetes": load_diabetes}
SOLVERS = {
    "adam": {"solver": "adam"},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.01},
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.3},
    "sgd, adaptive": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.01},
    "lbfgs": {"solver": "lbfgs"},
}


def table(name):
    X, y = SETS[name](return_X_y=True)
    return StandardScaler().fit_transform(X), y / 100 if name == "diabetes" else y


def row(title, counts):
    shares = (f"{counts[kind]}, {counts[kind] / counts['fits']:.1%}" for kind in ("epochs", "scores"))
    return f"| {title} | {counts['fits']} | {' | '.join(shares)} |"


def main(seeds):
    warnings.simplefilter("ignore")
    counts = {}
    for name, (title, solver) in product(SETS, SOLVERS.items()):
        X, y = table(name)
        kind = "MLPRegressor" if name == "diabetes" else "MLPClassifier"
        count = counts[name, title] = Counter()
        for activation, early, seed in product(
            ("relu", "tanh", "logistic", "identity"), (False, True), range(seeds)
        ):
            if early and title == "lbfgs":
                continue
            train, test, y_train, y_test = train_test_split(X, y, random_state=seed)
            settings = {"hidden_layer_sizes": (20,), "activation": activation, "early_stopping": early, **solver}
            one, other = (
                getattr(module, kind)(random_state=seed, **settings).fit(train, y_train) for module in (ours, upstream)
            )
            limit = 0.001 if name == "diabetes" else 1.0001 / len(y_test)
            difference = abs(one.score(test, y_test) - other.score(test, y_test))
            epochs, scores = one.n_iter_ == other.n_iter_, difference <= limit
            count.update(fits=1, epochs=epochs, scores=scores)
            if not (epochs and scores):
                print(
                    f"{name} {title} {activation}{' early_stopping' if early else ''} seed {seed}: "
                    f"{one.n_iter_} or {other.n_iter_} iterations, scores differ by {difference:.4f}",
                    flush=True,
                )
    print("\n| | fits | equal `n_iter_` | scores within a sample |\n|---|---|---|---|")
    for (name, title), count in counts.items():
        print(row(f"{name}, {title}", count))
    print(row("all", sum(counts.values(), Counter())))


main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
