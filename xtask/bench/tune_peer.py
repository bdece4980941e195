"""scikit-learn's side of the tuning benchmark: `tune_peer.py DIRECTORY --what KIND` prints one line of JSON.

DIRECTORY is what tune_prepare.py wrote. The kinds: `default`, one MLPClassifier or MLPRegressor with nothing set but
its seed; `grid`, GridSearchCV over 18 candidates; `shared_grid`, what that finds, in half the time (for large data sets;
its seconds are not the grid's); `halving` and `exhaust`, HalvingGridSearchCV over the six of them
that differ in more than their number of epochs. Halving stops once there are fewer candidates left than it divides by:
from 10 epochs on, six of them last two rounds, and the best is trained with the second one's 30. `exhaust` is
scikit-learn's default, which begins as late as makes the last round the longest: 100 and then 300 epochs.

The inputs are those of the program, learned on the training rows of each fold alone: numbers less their mean over
their deviation, missing ones at the mean; a 0-1 input for each category, missing being a category where it occurs.
Columns with one value in the training file are left out. Two things differ, and neither matters: this standardises in
64 bits before it narrows to 32, where the program does all in 32 for small integers, and it has no limit of 128
categories. Images are columns like others, as they are for the program when they come as CSV.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
import scipy
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold, ParameterGrid, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

FOLDS = 5
MISSING = ["", "?"]
NETWORKS = {"hidden_layer_sizes": [(100,), (50, 50)], "learning_rate_init": [0.01, 0.001, 0.0001]}
EPOCHS = [100, 200, 300]


class Counting:
    """Appends the number of epochs of each fit to the file that EPOCH_LOG names, across processes."""

    def fit(self, X, y):
        super().fit(X, y)
        with open(os.environ["EPOCH_LOG"], "a") as log:
            log.write(f"{self.n_iter_}\n")
        return self


class Classifier(Counting, MLPClassifier):
    pass


class Regressor(Counting, MLPRegressor):
    pass


def numbers(column):
    """The column as numbers, missing ones NaN; None if there is a text in it."""
    if column.dtype == float:
        return column
    try:
        return np.where(np.isin(column, MISSING), "nan", column).astype(float)
    except ValueError:
        return None


def features(columns, train_rows):
    """Numeric columns, then one of codes for each categorical one, and how many of them are numeric."""
    numeric, codes = [], []
    for column in columns:
        values = numbers(column)
        is_numeric = values is not None
        if not is_numeric:
            # Codes stand for texts only so that all features are one array: what there is of them in its rows is
            # for each fold to learn.
            values = np.unique(column, return_inverse=True)[1].astype(float)
        if np.nanmin(values[:train_rows]) < np.nanmax(values[:train_rows]):
            (numeric if is_numeric else codes).append(values)
    return np.column_stack(numeric + codes), len(numeric)


def tables(directory):
    """train.csv and test.csv, as numbers where there is nothing else in them, which is much faster to read."""
    paths = [directory / "train.csv", directory / "test.csv"]
    try:
        return [np.loadtxt(path, delimiter=",", skiprows=1) for path in paths]
    except ValueError:
        return [np.loadtxt(path, dtype=str, delimiter=",", quotechar='"', comments=None, skiprows=1) for path in paths]


def read(directory, task):
    """Features and targets of train.csv and test.csv, and the number of numeric features, which come first."""
    train, test = tables(directory)
    table = np.concatenate([train, test])
    x, numeric = features(table[:, :-1].T, len(train))
    # A 64-bit target would make the network's gradients 64 bits wide.
    y = table[:, -1] if task == "classification" else table[:, -1].astype(np.float32)
    return (x[:len(train)], y[:len(train)]), (x[len(train):], y[len(train):]), numeric


def narrow(inputs):
    """32 bits wide and row by row: by columns, as they come, networks train up to 1.4 times slower."""
    return np.ascontiguousarray(inputs, np.float32)


def pipeline(task, columns, numeric, seed, snapshots=False):
    """Inputs and network, and what the names of the network's parameters begin with."""
    scaled = make_pipeline(StandardScaler(), SimpleImputer(strategy="constant", fill_value=0.0))
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    inputs = ColumnTransformer([("numeric", scaled, list(range(numeric))),
                                ("categorical", categories, list(range(numeric, columns)))])
    if task == "classification":
        network, prefix = (SnapshotClassifier if snapshots else Classifier)(random_state=seed), "network__"
    else:
        regressor = (SnapshotRegressor if snapshots else Regressor)(random_state=seed)
        network = TransformedTargetRegressor(regressor, transformer=StandardScaler())
        prefix = "network__regressor__"
    return Pipeline([("inputs", inputs), ("narrow", FunctionTransformer(narrow)), ("network", network)]), prefix


class Snapshots:
    """Remembers the network after each of the shorter numbers of iterations on its way to the longest.

    max_iter ends the training and has no other part in it, so a network that is trained for 300 iterations was, after
    100 of them, bit for bit the one that max_iter=100 gives.
    """

    def fit(self, X, y):
        self.shorter_ = {}
        return super().fit(X, y)

    def _update_no_improvement_count(self, early_stopping, X, y, sample_weight=None):
        super()._update_no_improvement_count(early_stopping, X, y, sample_weight)
        if self.n_iter_ in EPOCHS:
            self.shorter_[self.n_iter_] = [[part.copy() for part in parts] for parts in (self.coefs_, self.intercepts_)]

    def after(self, epochs):
        """The network that max_iter=epochs would have given; itself where it had converged by then."""
        if epochs in self.shorter_:
            self.coefs_, self.intercepts_ = self.shorter_[epochs]
        return min(epochs, self.n_iter_)


class SnapshotClassifier(Snapshots, MLPClassifier):
    pass


class SnapshotRegressor(Snapshots, MLPRegressor):
    pass


def network_of(model):
    """The network of a fitted pipeline."""
    last = model.named_steps["network"]
    return getattr(last, "regressor_", last)


def scores_of(model, parameters, train, test):
    """Scores on one fold after each number of iterations, and how many there were; test only for the last fit."""
    fitted = clone(model).set_params(**parameters).fit(*train)
    network = network_of(fitted)
    longest = (network.coefs_, network.intercepts_)
    found = []
    for epochs in EPOCHS:
        network.coefs_, network.intercepts_ = longest
        trained = network.after(epochs)
        found.append((fitted.score(*test), trained))
    return found


def shared_grid(model, prefix, folds, train, jobs):
    """What GridSearchCV finds over the 18 candidates, with every network trained once: parameters, score and epochs of
    the best candidate, and the epochs that GridSearchCV trains for all of them."""
    grid = list(ParameterGrid({prefix + name: values for name, values in NETWORKS.items()}))
    x, y = train
    work = [(parameters | {prefix + "max_iter": max(EPOCHS)}, rows) for parameters in grid for rows in folds.split(x, y)]
    found = joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(scores_of)(model, parameters, (x[a], y[a]), (x[b], y[b])) for parameters, (a, b) in work)
    found = np.array(found).reshape(len(grid), -1, len(EPOCHS), 2)
    means = found[..., 0].mean(axis=1)
    # In GridSearchCV's order: the keys of its grid sorted, the last changing fastest; the first of equals is the best.
    candidates = [(parameters | {prefix + "max_iter": epochs}, means[i, j])
                  for i, parameters in enumerate(grid) for j, epochs in enumerate(EPOCHS)]
    order = list(ParameterGrid({prefix + name: values for name, values in (NETWORKS | {"max_iter": EPOCHS}).items()}))
    candidates.sort(key=lambda one: order.index(one[0]))
    best = max(range(len(candidates)), key=lambda place: (candidates[place][1], -place))
    return *candidates[best], int(found[..., 1].sum())


def folds_of(task, seed):
    return (StratifiedKFold if task == "classification" else KFold)(FOLDS, shuffle=True, random_state=seed)


def estimator(what, task, model, prefix, seed, jobs):
    if what == "default":
        return model
    folds = folds_of(task, seed)
    common = {"cv": folds, "scoring": "accuracy" if task == "classification" else "r2", "n_jobs": jobs}
    grid = {prefix + name: values for name, values in NETWORKS.items()}
    if what == "grid":
        return GridSearchCV(model, grid | {prefix + "max_iter": EPOCHS}, **common)
    return HalvingGridSearchCV(model, grid, resource=prefix + "max_iter", max_resources=max(EPOCHS), factor=3,
                               min_resources=10 if what == "halving" else "exhaust", return_train_score=False,
                               random_state=seed, **common)


def compare(arguments, task):
    """Fits and scores; what there is to tell but the epochs."""
    train, test, numeric = read(arguments.directory, task)
    model, prefix = pipeline(task, train[0].shape[1], numeric, arguments.seed)
    if arguments.what == "shared_grid":
        snapshots, _ = pipeline(task, train[0].shape[1], numeric, arguments.seed, snapshots=True)
        folds = folds_of(task, arguments.seed)
        with joblib.parallel_backend(arguments.workers):
            best, score, epochs = shared_grid(snapshots, prefix, folds, train, arguments.jobs)
        fitted = model.set_params(**best).fit(*train)
        best = {name.removeprefix(prefix): value for name, value in best.items()}
        return {"test": float(fitted.score(*test)), "cv": float(score), "best": best, "epochs_folds": epochs}
    chosen = estimator(arguments.what, task, model, prefix, arguments.seed, arguments.jobs)
    with joblib.parallel_backend(arguments.workers):
        fitted = chosen.fit(*train)
    answer = {"test": float(fitted.score(*test))}
    if fitted is not model:
        best = {name.removeprefix(prefix): value for name, value in fitted.best_params_.items()}
        answer |= {"cv": float(fitted.best_score_), "best": best}
    return answer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--what", choices=["default", "grid", "shared_grid", "halving", "exhaust"], required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the networks and of the folds")
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time, -1 for as many as there are cores")
    parser.add_argument("--workers", choices=["loky", "threading"], default="loky")
    arguments = parser.parse_args()
    os.environ["PYTHONWARNINGS"] = "ignore"  # the workers' ConvergenceWarnings: not converging is part of the grid
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")
    start = time.perf_counter()
    shape = json.loads((arguments.directory / "shape.json").read_text())
    answer = {"what": arguments.what, "seed": arguments.seed, "jobs": arguments.jobs, "shape": shape}
    with tempfile.NamedTemporaryFile("r") as log:
        os.environ["EPOCH_LOG"] = log.name
        answer |= compare(arguments, shape["task"])
        epochs = [int(line) for line in log]
    # The last fit is the one on all rows. What the grid trains for its folds is counted where networks are shared.
    trained = sum(epochs) + answer.pop("epochs_folds", 0)
    answer |= {"fits": len(epochs), "epochs_trained": trained, "epochs_refit": epochs[-1],
               "seconds": time.perf_counter() - start}
    answer["versions"] = {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__,
                          "numpy": np.__version__, "scipy": scipy.__version__, "joblib": joblib.__version__}
    print(json.dumps(answer))


main()
