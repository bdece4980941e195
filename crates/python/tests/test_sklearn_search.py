"""`GridSearchCV` beside scikit-learn's, around the same estimator."""

import os
import pathlib
import signal
import threading
import time

import numpy as np
import pytest
import sklearn.model_selection as upstream
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, r2_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from opportune import sklearn as ours
from opportune.sklearn import GridSearchCV, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NAMES = ("upstream", "ours")
EXAMPLES = pathlib.Path(__file__).parents[3] / "examples/python"
DIGITS = load_digits(return_X_y=True)
DIGITS = (DIGITS[0][:500] / 16, DIGITS[1][:500])


@pytest.fixture
def trained(monkeypatch):
    """How many epochs each training was asked for."""
    counted = []
    whole = ours._mlp._core.mlp_fit

    def counting(table, shape, training, progress, **rest):
        counted.append(training["max_iter"])
        return whole(table, shape, training, progress, **rest)

    monkeypatch.setattr(ours._mlp._core, "mlp_fit", counting)
    return counted


def assert_alike(one, other):
    """All results but times."""
    assert one.keys() == other.keys()
    for name, expected in other.items():
        if "time" in name:
            assert (one[name] >= 0).all()
        elif name == "params":
            assert one[name] == expected
        elif name.startswith("param_"):
            assert isinstance(one[name], np.ma.MaskedArray) and list(one[name]) == list(expected)
        else:
            np.testing.assert_array_equal(one[name], expected, err_msg=name)


def compare(estimator, grid, data, **settings):
    mine, theirs = (search(estimator, grid, **settings).fit(*data) for search in (GridSearchCV, upstream.GridSearchCV))
    assert_alike(mine.cv_results_, theirs.cv_results_)
    for name in ("best_params_", "best_score_", "best_index_", "multimetric_", "n_splits_"):
        assert getattr(mine, name, None) == getattr(theirs, name, None), name
    assert vars(mine).keys() == vars(theirs).keys()
    if mine.refit:
        np.testing.assert_array_equal(mine.predict(data[0]), theirs.predict(data[0]))
        assert mine.best_estimator_.get_params().keys() == theirs.best_estimator_.get_params().keys()
    return mine


GRID = {"max_iter": [2, 7, 4], "learning_rate_init": [0.001, 0.02]}


@pytest.mark.parametrize(
    "settings", [{}, {"early_stopping": True, "n_iter_no_change": 1}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"tol": 10.0}]
)
def test_scores_are_those_of_a_search_without_sharing(settings):
    model = MLPClassifier(hidden_layer_sizes=(8,), random_state=0, n_iter_no_change=3).set_params(**settings)
    compare(model, GRID, DIGITS, cv=3, return_train_score=True)


def test_prefixes_are_trained_once(trained):
    model = MLPClassifier(hidden_layer_sizes=(8,), random_state=0)
    search = GridSearchCV(model, GRID, cv=3, refit=False).fit(*DIGITS)
    # Two rates on three splits, each for the longest time.
    assert trained == [7] * 6
    assert model.get_params() == search.estimator.get_params() and "_session" not in vars(search.estimator)
    trained.clear()
    search = GridSearchCV(model, GRID, cv=3).fit(*DIGITS)
    assert len(trained) == 7 and trained[-1] == search.best_params_["max_iter"]
    assert "_session" not in vars(search.best_estimator_)


def test_a_pipeline_is_searched_with_sharing(trained):
    steps = Pipeline([("scale", StandardScaler()), ("net", MLPClassifier(hidden_layer_sizes=(8,), random_state=0))])
    grid = [
        {"net__max_iter": [3, 6], "scale__with_mean": [True, False]},
        {"net__max_iter": [5], "net__alpha": [0.1]},
    ]
    search = GridSearchCV(steps, grid, cv=3).fit(*DIGITS)
    assert sorted(trained[:-1]) == [5] * 3 + [6] * 6
    compare(steps, grid, DIGITS, cv=3)
    assert "_session" not in vars(search.best_estimator_[-1])


def test_scorers_and_refit_as_upstream():
    X, y = load_diabetes(return_X_y=True)
    data = (X[:200] * 20, y[:200] / 100)
    model = MLPRegressor(hidden_layer_sizes=(6,), random_state=1)
    grid = {"max_iter": [3, 9], "activation": ["relu", "tanh"]}
    scoring = {"r2": make_scorer(r2_score), "error": "neg_mean_absolute_error"}
    compare(model, grid, data, cv=2, scoring=scoring, refit="error")
    compare(model, grid, data, cv=2, scoring=scoring, refit=False)
    compare(model, grid, data, cv=upstream.KFold(3, shuffle=True, random_state=0), scoring="neg_mean_squared_error")
    compare(model, grid, data, cv=2, refit=lambda results: 1, n_jobs=2)


def test_without_a_seed_the_whole_search_has_one():
    search = GridSearchCV(MLPClassifier(hidden_layer_sizes=(8,)), {"max_iter": [3, 3], "alpha": [1e-4]}, cv=3).fit(*DIGITS)
    first, second = ([search.cv_results_[f"split{split}_test_score"][k] for split in range(3)] for k in (0, 1))
    assert first == second and search.best_estimator_.random_state is None


def test_other_estimators_are_searched_as_upstream():
    compare(SVC(), {"C": [0.1, 1.0]}, DIGITS, cv=3)
    compare(Ridge(), {"alpha": [0.1, 1.0]}, DIGITS, cv=3)
    # Networks that the grid itself puts in are trained one by one.
    steps = Pipeline([("scale", StandardScaler()), ("net", SVC())])
    grid = {"net": [SVC(), MLPClassifier(hidden_layer_sizes=(4,), max_iter=3, random_state=0)]}
    compare(steps, grid, DIGITS, cv=3)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_a_keyboard_interrupt_ends_a_search_and_leaves_no_thread():
    model = MLPClassifier(tol=0, n_iter_no_change=10**9, random_state=0)
    search = GridSearchCV(model, {"max_iter": [50_000, 100_000]}, cv=3, n_jobs=2)
    timer = threading.Timer(0.7, lambda: signal.raise_signal(signal.SIGINT))
    before = threading.active_count()
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        search.fit(*DIGITS)
    assert time.monotonic() - begun < 1.7
    time.sleep(0.7)
    assert threading.active_count() <= before


def test_the_example_differs_in_its_imports_alone_and_agrees(capsys):
    texts = [(EXAMPLES / f"grid_search/{name}.py").read_text().splitlines() for name in NAMES]
    rest = [[line for line in text if line and not line.startswith(("import ", "from "))] for text in texts]
    assert rest[0] == rest[1] and texts[0] != texts[1]
    # Fewer epochs: the program itself takes scikit-learn a minute.
    shorter = [(EXAMPLES / f"grid_search/{name}.py").read_text().replace("[100, 200, 300]", "[8, 12, 16]") for name in NAMES]
    found = []
    for text in shorter:
        assert "[8, 12, 16]" in text
        space = {"__name__": "__main__"}
        exec(compile(text, "grid_search.py", "exec"), space)
        found.append(space["grid"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[:3] == printed[3:] and len(printed) == 6
    assert found[0].best_params_ == found[1].best_params_
    # One sample of a fold.
    mean_scores = [search.cv_results_["mean_test_score"] for search in found]
    np.testing.assert_allclose(*mean_scores, atol=1 / 269)
