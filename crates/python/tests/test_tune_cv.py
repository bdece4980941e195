"""`TuneCV`: the search of the program, as scikit-learn shows searches."""

import json
import os
import pathlib
import pickle
import signal
import subprocess
import threading
import time

import numpy as np
import pytest
import sklearn.neural_network as upstream
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from opportune.schedules import Cosine
from opportune.sklearn import MLPClassifier, MLPRegressor, TuneCV, Verdict

DIGITS = load_digits(return_X_y=True)
DIGITS = (DIGITS[0][:300], DIGITS[1][:300])
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
SMALL = {"max_iter": 6, "random_state": 0, "learning_rate_init": [0.003, 0.03]}

WEIGHTS = ["check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data"]

# What a search warns of has a test of its own.
quietly = pytest.mark.filterwarnings("ignore")


def tuned(data, *arguments, **settings):
    return TuneCV(*arguments, **(SMALL | settings)).fit(*data)


@pytest.fixture(scope="module")
def iris():
    with pytest.warns(UserWarning):
        return tuned(IRIS, MLPClassifier(hidden_layer_sizes=8), cv=3)


def command_line(folder, data, *flags):
    """The last line of JSON of the program, and what its model gives for the rows."""
    program = os.environ.get("OPPORTUNE_PROGRAM")
    assert program, "OPPORTUNE_PROGRAM names the program, as cargo xtask test does"
    np.savez(folder / "data.npz", X=data[0], y=data[1])

    def run(*words):
        done = subprocess.run([pathlib.Path(program), *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    finished = run("tune", "data.npz", "--json", "--quiet", *flags)[-1]
    return finished, run("predict", finished["out"], "data.npz", "--json")


@quietly
@pytest.mark.parametrize(
    "data, settings, flags",
    [
        (DIGITS, {"max_iter": 8, "precision": "f64"}, ["--epochs", "8", "--precision", "f64"]),
        (
            DIABETES,
            {"max_iter": 5, "cv": ShuffleSplit(1, test_size=0.25, random_state=0), "hidden_layer_sizes": [6, (4, 3)]},
            ["--epochs", "5", "--fold-file", "folds.json", "--hidden", "6", "--hidden", "4,3", "--task", "regression"],
        ),
    ],
)
def test_the_answer_is_that_of_the_command_line(tmp_path, data, settings, flags):
    if "cv" in settings:
        folds = [{"train": a.tolist(), "validation": b.tolist()} for a, b in settings["cv"].split(*data)]
        (tmp_path / "folds.json").write_text(json.dumps(folds))
    search = TuneCV(random_state=0, **settings).fit(*data)
    finished, rows = command_line(tmp_path, data, *flags)
    of_files = ("event", "study", "next", "out", "test")
    assert search.verdict_.keys() == finished.keys() - set(of_files)
    for name in search.verdict_.keys() - {"cost", "warnings", "judged_by"}:
        assert search.verdict_[name] == finished[name], name
    assert len(search.verdict_["warnings"]) == len(finished["warnings"])
    assert search.best_score_ == finished["score"]["mean"]
    assert search.best_params_["learning_rate_init"] == finished["best"]["lr"]
    assert search.best_params_["schedule"] == finished["best"]["schedule"]
    assert search.best_params_["max_iter"] == finished["until"]
    # What is begun for settings that are overtaken depends on which core is free when.
    timed = ("seconds", "overtaken")
    costs = [{name: value for name, value in one["cost"].items() if name not in timed} for one in (search.verdict_, finished)]
    assert costs[0] == costs[1] and costs[0]["epochs_trained"] > 0
    assert search.verdict_["headline"] in str(search.verdict_).replace("\n", " ")
    if is_classifier(search):
        theirs = [list(row["probabilities"].values()) for row in rows]
        np.testing.assert_allclose(search.predict_proba(data[0]), theirs, rtol=1e-9, atol=1e-12)
    else:
        theirs = [row["prediction"] for row in rows]
        np.testing.assert_allclose(search.predict(data[0]), theirs, rtol=1e-5)


def test_it_is_shaped_as_a_search_of_scikit_learn(iris):
    results = iris.cv_results_
    rows = len(results["params"])
    assert iris.best_params_ == results["params"][iris.best_index_] and iris.n_splits_ == 3
    assert set(iris.best_params_) >= {"learning_rate_init", "max_iter"}
    scores = np.array([results[f"split{fold}_test_score"] for fold in range(3)])
    np.testing.assert_allclose(results["mean_test_score"], scores.mean(axis=0))
    np.testing.assert_allclose(results["std_test_score"], scores.std(axis=0))
    assert results["rank_test_score"].min() == 1
    assert results["rank_test_score"][np.nanargmax(results["mean_test_score"])] == 1
    assert results["epochs"].max() <= 6 and len(results["param_learning_rate_init"]) == rows
    assert isinstance(results["param_learning_rate_init"], np.ma.MaskedArray)
    assert set(results["param_learning_rate_init"][: iris.best_index_]) == {0.003, 0.03}
    assert iris.best_score_ == results["confirmed_test_score"][iris.best_index_]
    assert results["mean_test_score"][iris.best_index_] == pytest.approx(iris.verdict_["search_score"])
    assert iris.classes_.tolist() == [0, 1, 2] and iris.n_features_in_ == 4 and is_classifier(iris)
    X, y = IRIS
    assert iris.predict_proba(X).shape == (150, 3) and iris.predict(X).shape == (150,)
    assert iris.score(X, y) == iris.best_estimator_.score(X, y) > 0.5


def test_the_final_model_is_a_network_of_this_package(iris):
    best = iris.best_estimator_
    assert type(best) is MLPClassifier and best.hidden_layer_sizes == 8 and best.solver == "adam"
    assert best.learning_rate_init == iris.best_params_["learning_rate_init"]
    assert best.max_iter == best.n_iter_ == len(best.loss_curve_) == iris.best_params_["max_iter"]
    assert best.loss_ == best.loss_curve_[-1] and best.best_loss_ == min(best.loss_curve_) and best.t_ == 150 * best.n_iter_
    assert [coef.shape for coef in best.coefs_] == [(4, 8), (8, 3)] and best.coefs_[0].dtype == np.float64
    assert best.out_activation_ == "softmax" and best.n_outputs_ == 3
    # scikit-learn's own arithmetic on the same weights.
    theirs = upstream.MLPClassifier()
    vars(theirs).update({name: value for name, value in vars(best).items() if not name.startswith("_opt")})
    np.testing.assert_allclose(theirs.predict_proba(IRIS[0]), best.predict_proba(IRIS[0]), rtol=1e-9)
    # It can be trained on, at its own rate.
    before = best.coefs_[0].copy()
    more = pickle.loads(pickle.dumps(best)).partial_fit(*IRIS)
    assert np.isfinite(more.loss_) and not np.array_equal(more.coefs_[0], before)


@quietly
def test_standardisation_changes_rounding_alone():
    raw = tuned(DIABETES, precision="f64", cv=3)
    scaled = make_pipeline(StandardScaler(), TuneCV(**SMALL, precision="f64", cv=3)).fit(*DIABETES)
    assert is_regressor(raw) and raw.best_params_ == scaled[-1].best_params_
    np.testing.assert_allclose(raw.predict(DIABETES[0]), scaled.predict(DIABETES[0]), rtol=1e-6)
    assert raw.score(*DIABETES) == pytest.approx(raw.best_estimator_.score(*DIABETES))
    with pytest.raises(AttributeError):
        raw.predict_proba(DIABETES[0])


@quietly
def test_the_same_seed_gives_the_same_bits():
    searches = [tuned(DIGITS, random_state=3, cv=2, n_jobs=jobs) for jobs in (1, 2, -1)]
    for other in searches[1:]:
        assert other.best_params_ == searches[0].best_params_ and other.best_score_ == searches[0].best_score_
        for ours, theirs in zip(other.best_estimator_.coefs_, searches[0].best_estimator_.coefs_, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    np.random.seed(5)
    drawn = [tuned(IRIS, random_state=None, max_iter=2, cv=2).best_estimator_.coefs_[0] for _ in range(2)]
    assert not np.array_equal(*drawn)
    generators = [tuned(IRIS, random_state=np.random.RandomState(1), max_iter=2, cv=2) for _ in range(2)]
    np.testing.assert_array_equal(*(one.best_estimator_.coefs_[0] for one in generators))


def test_a_fitted_search_is_cloned_and_pickled(iris):
    again = pickle.loads(pickle.dumps(iris))
    np.testing.assert_array_equal(again.predict_proba(IRIS[0]), iris.predict_proba(IRIS[0]))
    assert str(again.verdict_) == str(iris.verdict_) and dict(again.verdict_) == dict(iris.verdict_)
    copy = clone(iris)
    assert copy.get_params()["max_iter"] == 6 and copy.get_params()["estimator__hidden_layer_sizes"] == 8
    with pytest.raises(NotFittedError):
        copy.predict(IRIS[0])
    assert copy.set_params(estimator__alpha=0.5, cv=4).estimator.alpha == 0.5


@quietly
@pytest.mark.parametrize("network", [MLPClassifier, MLPRegressor])
def test_the_checks_of_scikit_learn_pass(network):
    search = TuneCV(network(hidden_layer_sizes=5), max_iter=10, cv=2, learning_rate_init=[0.02, 0.1])
    # Rows that count twice are one row of a fold and of a batch.
    apart = dict.fromkeys(WEIGHTS, "folds and batches are drawn among rows")
    results = check_estimator(search, expected_failed_checks=apart, on_fail=None, on_skip=None)
    failed = {one["check_name"]: one["exception"] for one in results if one["status"] == "failed"}
    assert not failed and sum(one["status"] == "passed" for one in results) > 50


@quietly
def test_it_is_cross_validated_itself():
    scores = cross_val_score(TuneCV(MLPClassifier((6,)), **SMALL | {"max_iter": 30}, cv=2), *IRIS, cv=3)
    assert scores.shape == (3,) and scores.mean() > 0.5


@quietly
@pytest.mark.parametrize(
    "cv, groups, folds",
    [
        (4, None, 4),
        (StratifiedKFold(3), None, 3),
        (GroupKFold(2), np.arange(150) % 5, 2),
        ([(np.arange(150) % 3 > 0, np.arange(150) % 3 == 0)], None, 1),
    ],
)
def test_folds_are_the_programs_or_given(cv, groups, folds):
    search = TuneCV(**SMALL | {"max_iter": 2}, cv=cv).fit(*IRIS, groups=groups)
    assert search.n_splits_ == folds and f"split{folds - 1}_test_score" in search.cv_results_
    assert f"split{folds}_test_score" not in search.cv_results_
    # Folds that are given serve for the confirmation as well.
    anew = isinstance(cv, int)
    assert search.verdict_["confirmed_on"] == ("new_division" if anew else "same_division")
    on = "a new division of the rows" if anew else "the same folds" if folds > 1 else "the same validation rows"
    assert f"confirmed on {on} with another seed" in " ".join(str(search.verdict_).split())


@quietly
@pytest.mark.parametrize(
    "scoring, data",
    [
        ("balanced_accuracy", IRIS),
        ("f1_macro", IRIS),
        ("roc_auc_ovr", IRIS),
        ("neg_log_loss", IRIS),
        ("f1", (IRIS[0], np.where(IRIS[1] > 1, "yes", "no"))),
        ("roc_auc", (IRIS[0], IRIS[1] > 1)),
        ("neg_root_mean_squared_error", DIABETES),
        ("neg_mean_absolute_error", DIABETES),
    ],
)
def test_scores_are_scikit_learns(scoring, data):
    split = [next(KFold(3, shuffle=True, random_state=1).split(data[0]))]
    search = TuneCV(**SMALL | {"max_iter": [3]}, cv=split, scoring=scoring, precision="f64", schedule="constant").fit(*data)
    # The final model of the training rows is the one that was scored in the search, at the same rate.
    assert (search.best_score_ < 0) == scoring.startswith("neg")
    (train, test), (X, y) = split[0], data
    mean = search.cv_results_["mean_test_score"]
    assert mean[search.best_index_] == pytest.approx(search.verdict_["search_score"] * (-1 if scoring[:3] == "neg" else 1))
    if scoring != "f1":
        assert search.score(X[test], y[test]) == get_scorer(scoring)(search.best_estimator_, X[test], y[test])
    assert np.isfinite(search.score(X[test], y[test]))
    assert search.verdict_["score"]["name"] in ("balanced_accuracy", "f1", "roc_auc", "log_loss", "rmse", "mae")


@quietly
def test_settings_are_the_estimators_or_searched():
    estimator = upstream.MLPClassifier((7,), solver="sgd", activation="tanh", alpha=0.01, batch_size=32, momentum=0.5)
    search = tuned(IRIS, estimator, cv=2, max_iter=3)
    best = search.verdict_["best"]
    assert (best["hidden"], best["activation"], best["l2"], best["batch"]) == ([7], "tanh", 0.01, 32)
    assert best["optimizer"] == "sgd(momentum=0.5, nesterov=true)"
    assert set(search.best_params_) <= {"learning_rate_init", "max_iter", "schedule"}
    assert type(search.best_estimator_) is MLPClassifier and search.best_estimator_.momentum == 0.5
    more = {"hidden_layer_sizes": [(3, 2), 4], "activation": ["relu", "tanh"], "alpha": [0.1, 0.001], "batch_size": 50}
    search = tuned(IRIS, estimator, **more, cv=2, max_iter=3, trials=6, schedule=[Cosine(floor=0.1), "constant"])
    assert {"hidden_layer_sizes", "activation", "alpha", "batch_size"} < set(search.best_params_)
    assert search.best_params_["batch_size"] == 50 and search.best_params_["alpha"] in (0.1, 0.001)
    assert search.best_params_["hidden_layer_sizes"] in ((3, 2), (4,))
    assert search.best_params_.get("schedule", "cosine(floor=0.1)") == "cosine(floor=0.1)"
    network = clone(estimator).set_params(**{k: v for k, v in search.best_params_.items() if k != "schedule"})
    assert network.hidden_layer_sizes == search.best_estimator_.hidden_layer_sizes


@quietly
def test_other_targets():
    names = np.array(["setosa", "other"])[(IRIS[1] > 0).astype(int)]
    search = tuned((IRIS[0], names), cv=2, max_iter=3)
    assert search.classes_.tolist() == ["other", "setosa"] and set(search.predict(IRIS[0])) <= set(names)
    assert search.best_estimator_.out_activation_ == "logistic" and search.predict_proba(IRIS[0]).shape == (150, 2)
    X, y = make_multilabel_classification(120, 5, n_classes=3, random_state=0)
    search = tuned((X, y), cv=2, max_iter=4)
    assert search.predict(X).shape == (120, 3) and search.score(X, y) == search.best_estimator_.score(X, y)
    counts = np.round(np.exp(3 * DIABETES[0][:, 2] / DIABETES[0][:, 2].max()))
    search = tuned((DIABETES[0], counts), MLPRegressor(hidden_layer_sizes=(5,), loss="poisson"), cv=2, max_iter=4, precision="f64")
    assert search.best_estimator_.out_activation_ == "exp" and (search.predict(DIABETES[0]) > 0).all()


@quietly
def test_rows_can_count_differently():
    weights = np.where(IRIS[1] == 2, 0.0, 1.0)
    search = TuneCV(**SMALL | {"max_iter": 30}, cv=2).fit(*IRIS, sample_weight=weights)
    assert 2 not in search.predict(IRIS[0])


def test_what_it_warns_of_is_a_warning():
    with pytest.warns(UserWarning) as caught:
        search = tuned(DIGITS, max_iter=2, cv=2)
    assert [str(one.message) for one in caught] == search.verdict_["warnings"]
    (limit,) = (str(one.message) for one in caught if one.category is ConvergenceWarning)
    assert limit.startswith("the best is at the limit of 2 epochs") and limit.endswith("max_iter=4")
    assert any("learning_rate_init=[" in str(one.message) for one in caught if one.category is UserWarning)
    assert {one.filename for one in caught} == {__file__}
    assert "--" not in str(search.verdict_) and isinstance(search.verdict_, Verdict)
    with pytest.warns(UserWarning) as caught:
        tuned((IRIS[0][::3], IRIS[1][::3]), max_iter=2, cv=2)
    assert any("rows to train on" in str(one.message) for one in caught)


@quietly
def test_without_a_refit_there_is_no_model():
    search = tuned(IRIS, cv=2, max_iter=3, refit=False)
    assert search.best_score_ > 0 and search.verdict_["cost"]["refit"] == 0
    assert not hasattr(search, "best_estimator_") and search.verdict_["final_model"] is None
    assert "the final model" not in str(search.verdict_) and "no final model was trained" in str(search.verdict_)
    with pytest.raises(AttributeError, match="refit=False"):
        search.predict(IRIS[0])


@quietly
@pytest.mark.parametrize("strategy", ["random", "sobol", "halving", "asha"])
def test_other_strategies(strategy):
    search = tuned(IRIS, strategy=strategy, trials=3, cv=2, max_iter=4, learning_rate_init="1e-3..1e-1")
    assert search.verdict_["epochs_table"] == [] and 1e-3 <= search.best_params_["learning_rate_init"] <= 1e-1


@quietly
def test_limits_and_what_is_told(capfd):
    search = tuned(IRIS, cv=2, max_iter=50, budget_epochs=40, verbose=1)
    assert search.verdict_["cost"]["epochs_trained"] <= 40
    printed = capfd.readouterr()
    assert "judged by 2 folds" in printed.out and printed.err == ""
    search = tuned(IRIS, cv=2, max_iter=50, time=60.0)
    assert search.verdict_["ended_early"] is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "settings, error, message",
    [
        ({"estimator": SVC()}, TypeError, "estimator is a SVC"),
        ({"estimator": make_pipeline(StandardScaler(), MLPClassifier())}, TypeError, r"make_pipeline\(..., TuneCV\(\)\)"),
        ({"estimator": MLPClassifier(solver="lbfgs")}, ValueError, "solver='lbfgs' has no learning rate"),
        ({"estimator": MLPClassifier(alpha=-1)}, ValueError, "alpha"),
        ({"estimator": MLPRegressor(), "scoring": "accuracy"}, ValueError, "does not judge numbers; choose r2"),
        ({"scoring": "neg_brier_score"}, ValueError, "'neg_brier_score' is none that a search judges by.*neg_log_loss"),
        ({"scoring": "f1"}, ValueError, "does not judge several classes; choose accuracy"),
        ({"strategy": "grid"}, ValueError, "GridSearchCV"),
        ({"strategy": "halvin"}, ValueError, "^strategy: unknown strategy 'halvin'; did you mean 'halving'"),
        ({"alpha": "x"}, ValueError, "^alpha: 'x' is not a number"),
        ({"alpha": []}, ValueError, "alpha is an empty list"),
        ({"alpha": object()}, TypeError, "neither a number"),
        ({"max_iter": 0}, ValueError, "^max_iter: 0 epochs"),
        ({"learning_rate_init": [0.1, 0.1]}, ValueError, "^learning_rate_init: 0.1 is given twice"),
        ({"hidden_layer_sizes": [(0,)]}, ValueError, "^hidden_layer_sizes"),
        ({"hidden_layer_sizes": "wide"}, TypeError, "is no network"),
        ({"activation": "gelu"}, ValueError, "activation='gelu' is none of scikit-learn's"),
        ({"schedule": "cosin"}, ValueError, "^schedule: 'cosin': .*did you mean 'cosine'"),
        ({"cv": 1}, ValueError, "^cv: "),
        ({"cv": []}, ValueError, "no folds"),
        ({"cv": [([0, 1], [])]}, ValueError, "fold 0 has no rows"),
        ({"cv": [([0, 1], [999])]}, IndexError, "999"),
        ({"n_jobs": 0}, ValueError, "^n_jobs: 0 threads"),
        ({"time": "soon"}, ValueError, "^time: 'soon' is no time"),
        ({"precision": "f16"}, ValueError, "^precision"),
        ({"random_state": -1}, ValueError, "Seed must be between"),
    ],
)
def test_mistakes_are_said_in_one_line(settings, error, message):
    with pytest.raises(error, match=message) as raised:
        TuneCV(**SMALL | settings).fit(*IRIS)
    assert "\n" not in str(raised.value) and "--" not in str(raised.value)


def test_mistakes_in_the_data():
    X, y = IRIS
    for data, message in [
        ((np.where(X > 7, np.nan, X), y), "NaN"),
        ((X, y * 0), "only one class"),
        ((X, np.where(np.arange(150) == 0, 3, y)), r"the class '3' has 1 row, fewer than the 5 folds; give cv=ShuffleSplit"),
        ((X[:1], y[:1]), "minimum of 2 is required"),
    ]:
        with pytest.raises(ValueError, match=message):
            TuneCV(**SMALL).fit(*data)
    with pytest.raises(ValueError, match="y has 2 columns of numbers"):
        TuneCV(MLPRegressor(), **SMALL).fit(X, X[:, :2])
    with pytest.raises(ValueError, match="Unknown label type"):
        TuneCV(MLPClassifier(), **SMALL).fit(X, X[:, 0])


def test_where_everything_diverges_there_is_no_result():
    settings = SMALL | {"learning_rate_init": [1e6, 1e7]}
    with pytest.raises(ValueError, match="^no result: .*diverged"):
        TuneCV(MLPRegressor(solver="sgd"), **settings, cv=2).fit(*DIABETES)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("options", [{}, {"strategy": "random", "trials": 2, "schedule": [Cosine(per="step")]}])
def test_a_keyboard_interrupt_ends_its_planning(options):
    # 48 million steps on each fold; what is planned first, with a rate for each of them, takes many seconds.
    data = (np.tile(DIGITS[0], (20, 1)), np.tile(DIGITS[1], 20))
    search = TuneCV(MLPClassifier(4), batch_size=1, max_iter=10_000, learning_rate_init=[1e-5], **options)
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data)
    assert time.monotonic() - begun < 0.3 + 1.0
    timer.join()


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("units, batch, after", [(20, 100, 0.5), ((2000, 500), 1, 1.0)])
def test_a_keyboard_interrupt_ends_it_and_leaves_no_thread(units, batch, after):
    # Small epochs, and one that takes far longer than may be waited.
    data = (np.tile(DIGITS[0], (20, 1)), np.tile(DIGITS[1], 20))
    search = TuneCV(MLPClassifier(units), batch_size=batch, max_iter=100 if batch == 1 else 10_000, learning_rate_init=[1e-5])

    def threads():
        return len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else threading.active_count()

    before = threads()
    timer = threading.Timer(after, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data)
    assert time.monotonic() - begun < after + 1.0
    timer.join()
    assert threads() <= before
    with pytest.raises(NotFittedError):
        search.predict(DIGITS[0])
