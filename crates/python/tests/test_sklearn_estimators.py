"""The networks of `opportune.sklearn` beside scikit-learn's."""

import copy
import doctest
import importlib
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as upstream
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from opportune.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS = load_digits(return_X_y=True)
DIGITS = (DIGITS[0] / 16, DIGITS[1])
PAIRS = {"classifier": (MLPClassifier, upstream.MLPClassifier), "regressor": (MLPRegressor, upstream.MLPRegressor)}


def data(kind):
    if kind == "classifier":
        X, y = DIGITS
        return X[:400], y[:400]
    X, y = load_diabetes(return_X_y=True)
    return X * 20, y / 100


def attributes(model):
    return {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}


def assert_alike(ours, theirs, tolerance=1e-9):
    """All public attributes of a fit."""
    ours, theirs = attributes(ours), attributes(theirs)
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        got = ours[name]
        if isinstance(expected, list) and expected and isinstance(expected[0], np.ndarray):
            for one, other in zip(got, expected, strict=True):
                assert one.dtype == other.dtype
                np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance, err_msg=name)
        elif isinstance(expected, (str, int, type(None))):
            assert got == expected and type(got) is type(expected), name
        elif name == "classes_":
            np.testing.assert_array_equal(got, expected)
        else:
            np.testing.assert_allclose(got, expected, rtol=tolerance, err_msg=name)


@pytest.mark.parametrize("kind", PAIRS)
def test_check_estimator(kind):
    # As scikit-learn checks its own: few epochs, and without what it excuses its own from.
    model = PAIRS[kind][0](max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(model, on_fail=None, on_skip=None)
    wrong = [(result["check_name"], result["exception"]) for result in results if result["status"] == "failed"]
    assert not wrong, wrong
    assert len(results) > 55


def test_upstream_tests_pass_with_our_classes_in_their_place():
    here = pathlib.Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-p", "sklearn_in_place", "-p", "no:cacheprovider", "-q", "-c", os.devnull]
    command += ["--rootdir", str(here), "--pyargs", "sklearn.neural_network.tests.test_mlp"]
    # It differentiates a private function of scikit-learn, from private fields that its own L-BFGS leaves behind.
    command += ["-k", "not test_gradient"]
    # The plug-in lies here.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "58 passed, 1 deselected" in done.stdout, done.stdout


SETTINGS = [
    {"solver": "adam"},
    {"solver": "sgd", "learning_rate_init": 0.01},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05, "nesterovs_momentum": False},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.02, "tol": 0.02, "n_iter_no_change": 1},
    {"solver": "lbfgs"},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"shuffle": False, "batch_size": 17, "alpha": 1.0},
    {"hidden_layer_sizes": (9, 5), "activation": "logistic"},
    {"hidden_layer_sizes": [], "activation": "identity"},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", PAIRS)
def test_all_attributes_are_those_of_scikit_learn(kind, settings):
    X, y = data(kind)
    ours, theirs = (each(hidden_layer_sizes=(12,), max_iter=15).set_params(random_state=3, **settings) for each in PAIRS[kind])
    assert_alike(ours.fit(X, y), theirs.fit(X, y), 1e-7)
    np.testing.assert_allclose(
        *(model.predict(X) if kind == "regressor" else model.predict_proba(X) for model in (ours, theirs)), rtol=1e-6
    )


@pytest.mark.parametrize("kind", PAIRS)
def test_a_generator_goes_on_where_scikit_learn_would_leave_it(kind):
    X, y = data(kind)
    states = [np.random.RandomState(5), np.random.RandomState(5)]
    for model, state in zip(PAIRS[kind], states, strict=True):
        model(hidden_layer_sizes=(5,), max_iter=3, random_state=state, early_stopping=True).fit(X, y)
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("weighted", [False, True])
def test_warm_start_and_partial_fit_go_on_as_upstream(kind, weighted):
    X, y = data(kind)
    weight = np.arange(len(y)) % 3 + 0.5 if weighted else None
    for settings in [{"warm_start": True}, {"warm_start": True, "early_stopping": True, "learning_rate_init": 0.05}]:
        ours, theirs = (each(hidden_layer_sizes=(6,), max_iter=7, random_state=1, **settings) for each in PAIRS[kind])
        for _ in range(3):
            assert_alike(ours.fit(X, y, weight), theirs.fit(X, y, weight), 1e-7)
    for settings in [{}, {"solver": "sgd", "learning_rate": "invscaling"}]:
        ours, theirs = (each(hidden_layer_sizes=(6,), random_state=1, **settings) for each in PAIRS[kind])
        first = {"classes": np.unique(y)} if kind == "classifier" else {}
        for _ in range(3):
            assert_alike(ours.partial_fit(X, y, weight, **first), theirs.partial_fit(X, y, weight, **first), 1e-7)


def test_labels_that_do_not_exclude_each_other_and_several_outputs():
    X, y = DIGITS
    several = np.column_stack([y > 4, y % 2 == 0]).astype(int)
    for early in (False, True):
        ours, theirs = (each(random_state=0, max_iter=5, early_stopping=early) for each in PAIRS["classifier"])
        assert_alike(ours.fit(X, several), theirs.fit(X, several))
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        ours, theirs = (each(random_state=0, max_iter=5, early_stopping=early) for each in PAIRS["regressor"])
        assert_alike(ours.fit(X, several), theirs.fit(X, several))
    ours, theirs = (each(loss="poisson", random_state=0, max_iter=5) for each in PAIRS["regressor"])
    assert_alike(ours.fit(X, several), theirs.fit(X, several))


def test_sparse_rows_are_dense_rows():
    X, y = DIGITS
    one, other = (MLPClassifier(random_state=0, max_iter=3).fit(rows, y) for rows in (X, scipy.sparse.csr_array(X)))
    assert one.loss_curve_ == other.loss_curve_
    np.testing.assert_array_equal(one.predict(X), other.predict(scipy.sparse.csr_array(X)))


def test_single_precision_trains_in_single_precision():
    X, y = DIGITS
    wide, narrow = (MLPClassifier(random_state=0, max_iter=5).fit(X.astype(width), y) for width in ("f8", "f4"))
    assert all(coef.dtype == np.float32 for coef in narrow.coefs_ + narrow.intercepts_)
    assert narrow.predict_proba(X.astype("f4")).dtype == np.float32
    np.testing.assert_allclose(narrow.loss_curve_, wide.loss_curve_, rtol=1e-4)


def test_pickle_copy_and_clone():
    X, y = DIGITS
    model = MLPClassifier(random_state=0, max_iter=3, early_stopping=True, warm_start=True).fit(X, y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
        assert other.fit(X, y).loss_curve_ == copy.deepcopy(model).fit(X, y).loss_curve_
    assert not hasattr(clone(model), "coefs_") and clone(model).get_params() == model.get_params()


def test_many_at_once_give_what_one_gives():
    X, y = DIGITS
    models = [MLPClassifier(random_state=seed, max_iter=3) for seed in range(4)]
    alone = [clone(model).fit(X, y).loss_curve_ for model in models]
    for backend in ("threading", "loky"):
        together = joblib.Parallel(2, backend=backend)(joblib.delayed(model.fit)(X, y) for model in models)
        assert [model.loss_curve_ for model in together] == alone


def test_other_threads_run_while_one_trains():
    X, y = DIGITS
    model = MLPClassifier(max_iter=40, tol=0, n_iter_no_change=1000)
    thread = threading.Thread(target=lambda: model.fit(X, y))
    thread.start()
    counted = 0
    while thread.is_alive():
        counted += 1
        time.sleep(0.001)
    thread.join()
    assert counted > 20


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_network_on_several_cores_has_the_same_bits_as_on_one(solver):
    # Large enough that its products are shared out, where there are cores.
    code = f"""
import hashlib, numpy as np, warnings
from opportune.sklearn import MLPClassifier
warnings.simplefilter("ignore")
generator = np.random.RandomState(0)
X, y = generator.normal(size=(1200, 300)), generator.randint(10, size=1200)
model = MLPClassifier((700, 300), solver={solver!r}, batch_size=400, max_iter=3, random_state=0).fit(X, y)
print(hashlib.sha256(b"".join(part.tobytes() for part in [*model.coefs_, *model.intercepts_])).hexdigest(), model.loss_)
"""
    outputs = []
    for cores in ("1", "2"):
        environment = os.environ | {"OMP_NUM_THREADS": cores}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]


def test_contiguous_rows_are_not_copied():
    code = """
import numpy as np, resource, warnings
from opportune.sklearn import MLPClassifier
warnings.simplefilter("ignore")
X = np.zeros((400_000, 50), dtype=np.float32)
y = np.arange(400_000) % 2
MLPClassifier(2, max_iter=1).fit(X[:1000], y[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
MLPClassifier(2, max_iter=1).fit(X, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / X.nbytes)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # Labels and orders of rows are the rest.
    assert float(done.stdout) < 0.6, done.stdout


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_a_keyboard_interrupt_ends_training():
    X, y = DIGITS
    model = MLPClassifier(max_iter=100_000, tol=0, n_iter_no_change=10**9)
    timer = threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT))
    before = threading.active_count()
    timer.start()
    begun = time.monotonic()
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, y)
    assert time.monotonic() - begun < 1.5 and model.n_iter_ < 100_000
    timer.join()
    assert threading.active_count() <= before
    assert model.score(X, y) > 0.5


def test_warnings_and_errors_are_those_of_scikit_learn():
    X, y = data("classifier")
    cases = [
        ({"batch_size": 1000, "max_iter": 2}, X, y),
        ({"max_iter": 2}, X, y),
        ({"max_iter": 2, "solver": "lbfgs"}, X, y),
        ({"hidden_layer_sizes": (0,)}, X, y),
        ({"activation": "swish"}, X, y),
        ({"learning_rate_init": -1.0}, X, y),
        ({"early_stopping": True, "validation_fraction": 0.001}, X, y),
        ({"early_stopping": True, "validation_fraction": 0.0}, X, y),
        ({"early_stopping": True}, X[:20], np.r_[np.zeros(19), 1]),
        ({"learning_rate_init": 1e200, "solver": "sgd"}, X * 1e100, y),
    ]
    for settings, rows, labels in cases:
        seen = []
        for each in PAIRS["classifier"]:
            with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
                warnings.simplefilter("always")
                try:
                    each(**{"random_state": 0, "max_iter": 2, **settings}).fit(rows, labels)
                    error = None
                except Exception as raised:
                    error = type(raised)
                mine = [one for one in caught if not issubclass(one.category, RuntimeWarning)]
                seen.append((error, {(one.category, str(one.message).split("\n")[0]) for one in mine}))
        assert seen[0] == seen[1], settings


def test_a_pipeline_keeps_names_and_containers():
    frame = load_breast_cancer(as_frame=True)
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), MLPClassifier(random_state=0, max_iter=5))
    model.fit(frame.data, frame.target)
    assert list(model[-1].feature_names_in_) == list(frame.data.columns)
    assert model.score(frame.data, frame.target) > 0.8


def test_reaching_the_last_epoch_is_told():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPClassifier(max_iter=2).fit(*data("classifier"))


@pytest.mark.parametrize("module", ["_mlp", "_search"])
def test_examples_of_the_classes_run(module):
    results = doctest.testmod(importlib.import_module(f"opportune.sklearn.{module}"))
    assert results.failed == 0 and results.attempted > 0
