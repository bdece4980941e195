"""scikit-learn's side of the grid benchmark: a pipeline, a grid of 18 candidates, given folds, a refit, a test score.

Prints one line of JSON. With --count it also counts the epochs of every fit, the refit included.
"""

import argparse
import json
import os
import sys
import tempfile

import joblib
import numpy as np
import scipy
import sklearn
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

GRID = {
    "hidden_layer_sizes": [(100,), (50, 50)],
    "learning_rate_init": [0.01, 0.001, 0.0001],
    "max_iter": [100, 200, 300],
}


class CountingMLP(MLPClassifier):
    """Appends the number of epochs of each fit to the file that EPOCH_LOG names, across processes."""

    def fit(self, X, y):
        super().fit(X, y)
        with open(os.environ["EPOCH_LOG"], "a") as log:
            log.write(f"{self.n_iter_}\n")
        return self


def read(path, dtype):
    """Features and labels of a CSV file: numbers, the label in the last column."""
    table = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float64)
    return table[:, :-1].astype(dtype), table[:, -1].astype(int)


def search(arguments, network):
    dtype = {"f32": np.float32, "f64": np.float64}[arguments.precision]
    x, y = read(arguments.train, dtype)
    folds = np.loadtxt(arguments.folds, dtype=int)
    pipeline = make_pipeline(StandardScaler(), network(tol=1e-4, random_state=arguments.seed))
    grid = {f"{type(pipeline[-1]).__name__.lower()}__{name}": values for name, values in GRID.items()}
    search = GridSearchCV(pipeline, grid, cv=PredefinedSplit(folds), scoring="accuracy", n_jobs=-1)
    with joblib.parallel_backend(arguments.workers):
        search.fit(x, y)
    return {
        "best": {name.split("__")[1]: value for name, value in search.best_params_.items()},
        "score": search.best_score_,
        "test": search.score(*read(arguments.test, dtype)),
        "candidates": len(search.cv_results_["params"]),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("folds")
    parser.add_argument("--precision", choices=["f32", "f64"], required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", choices=["loky", "threading"], required=True)
    parser.add_argument("--count", action="store_true")
    arguments = parser.parse_args()
    os.environ["PYTHONWARNINGS"] = "ignore"  # the workers' ConvergenceWarnings: not converging is part of the grid
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")
    answer = {"versions": {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__,
                           "numpy": np.__version__, "scipy": scipy.__version__, "joblib": joblib.__version__}}
    if arguments.count:
        with tempfile.NamedTemporaryFile("r") as log:
            os.environ["EPOCH_LOG"] = log.name
            answer |= search(arguments, CountingMLP)
            epochs = [int(line) for line in log]
            answer |= {"fits": len(epochs), "epochs_trained": sum(epochs)}
    else:
        answer |= search(arguments, MLPClassifier)
    print(json.dumps(answer))


main()
