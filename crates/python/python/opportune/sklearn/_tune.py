"""`TuneCV`."""

import json
import os
import warnings
from numbers import Integral
from typing import Any

import numpy as np
import sklearn.neural_network as upstream
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from .. import _core
from . import _scores
from ._arrays import Array, dense
from ._mlp import MLPClassifier, MLPRegressor
from ._verdict import Verdict
from ._words import in_python, of_network, of_search, params_of


def _are_classes(y: Array) -> bool:
    """Whether targets are classes, as the program would tell by the values alone."""
    if y.dtype.kind not in "iuf":
        return True
    values = np.unique(y)
    return bool(np.isfinite(values).all() and (values == np.trunc(values)).all() and values.size <= _core.MOST_INTEGER_CLASSES)


def _has(name: str) -> Any:
    """Whether the network has a method, as far as is known before a fit."""

    def check(self: Any) -> bool:
        network = getattr(self, "best_estimator_", self.estimator)
        # Without an estimator it is the target that decides; an attribute that is missing is the network's error.
        return network is None or getattr(network, name) is not None

    return check


class TuneCV(MetaEstimatorMixin, BaseEstimator):
    """Finds learning rate, schedule and number of epochs of a network by cross-validation, and trains with them.

    The search of the program `opportune tune`, by the same code: a range test brackets the rate; trainings at constant rates
    are compared by synchronous halving on all folds, and those that are good go on; the best are compared again with a
    cooldown and with a cosine schedule; those are confirmed with another seed, on a new division of the rows unless `cv` gives
    the folds; the best is trained on all rows. The same rows, folds, seed and settings give the same answer as on the command
    line, bit for bit.

    Features are standardised inside, by mean and deviation of each fold's training rows, and so are targets that are numbers;
    a `StandardScaler` before it changes nothing but rounding. `best_estimator_` has that folded into its weights and takes
    features as they are.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor, default=None
        Of `opportune.sklearn` or of scikit-learn. Its `hidden_layer_sizes`, `activation`, `alpha`, `batch_size`, `solver`
        ("adam" or "sgd") with the solver's constants, and `loss` hold where they are not searched; its other parameters have
        no part in the search. None is a classifier with the default settings if the target is texts, booleans or at most 20
        different whole numbers, else a regressor.
    hidden_layer_sizes : int, tuple or list of those, default=None
        A network, or a list of several to try. None is the estimator's; so it is of the next three.
    activation : str or list of str, default=None
        "identity", "logistic", "relu" or "tanh".
    alpha : float, list of float or str, default=None
        L2 penalty. A text is a range, as "1e-6..1e-2".
    batch_size : int, list of int or str, default=None
        Rows of a minibatch. A text is a range, as "16..512".
    learning_rate_init : float, list of float or str, default=None
        Rates to try, or a range as "1e-4..1e-1". None: a range test brackets them.
    schedule : str, schedule or list of those, default=None
        How the rate changes, as in `opportune.schedules`. None: constant with a cooldown, and cosine.
    max_iter : int, list of int or str, default=200
        The most epochs there may be; a list is exactly those that may be chosen, a text a range, as "10..200".
    scoring : str, default=None
        "accuracy" (the default for classes), "balanced_accuracy", "f1" (two classes), "f1_macro" (more, or labels), "roc_auc"
        (two classes, or labels), "roc_auc_ovr" (more), "neg_log_loss"; "r2" (the default for numbers),
        "neg_root_mean_squared_error", "neg_mean_absolute_error".
    cv : int, splitter or iterable of (train, test), default=None
        An int is that many folds of the program's own, which are shuffled and have their share of each class. None is five of
        those, from 10,000 rows on a fifth of the rows held out. Folds of a splitter serve for the confirmation as well, with
        another seed.
    n_jobs : int, default=None
        Threads. None and -1 are one for each core.
    random_state : int, RandomState or None, default=None
        Of folds, initial weights and the order of rows; the program's `--seed` and `--split-seed` in one.
    time : float or str, default=None
        How long to search, in seconds or as "30s", "10m" or "2h"; what follows is then kept short. Answers may then depend on
        the machine.
    budget_epochs : int, default=None
        Fold-epochs (one fold, one epoch) to train at the most, confirmation and final model included.
    trials : int, default=None
        Points to try at the most: 48 unless told, 20 for "random" and "sobol", 27 for "halving" and "asha".
    strategy : {"auto", "random", "sobol", "halving", "asha"}, default="auto"
        How is searched. For a grid there is `GridSearchCV`.
    precision : {"f32", "f64"}, default="f32"
        Width of the numbers that are trained.
    refit : bool, default=True
        Whether to train the best on all rows. Without, there is no `best_estimator_`, and nothing can be predicted.
    verbose : int, default=0
        Above 0, prints what `opportune tune` tells while it works.

    Attributes
    ----------
    best_params_ : dict
        `learning_rate_init`, `max_iter` (epochs), each setting that `TuneCV` was given, and `schedule`, a text as in
        `opportune.schedules`, unless the rate is constant.
    best_score_ : float
        Mean score of the best in the confirmation, with a seed and on folds that the search did not see (the same folds, if
        `cv` gives them); in the search if nothing was confirmed. `verdict_["search_score"]` is the latter.
    best_estimator_ : MLPClassifier or MLPRegressor
        The final model, trained on all rows, with the parameters of `best_params_`. Those cannot say a schedule: a clone of it
        trains at a constant rate and on features that are not standardised, while `fit` of a clone of this search, with the same
        `random_state`, gives this model again. Weights are float64; `loss_curve_` is of standardised features and targets.
    best_index_ : int
        Its place in `cv_results_`.
    cv_results_ : dict of arrays
        As scikit-learn's searches have it: `params`, `param_*`, `split*_test_score`, `mean_test_score`, `std_test_score`,
        `rank_test_score`; `epochs`, which were trained; and `confirmed_test_score`. First the trainings at constant rates, each
        as far as it went, then the finalists. The best is the finalist that was confirmed, which need not have rank 1.
    verdict_ : Verdict
        The reasons: `print(search.verdict_)`. Its fields are those of a mapping.
    scorer_ : callable
        What `score` computes.
    n_splits_ : int
        Folds.
    n_iter_ : int
        Epochs of the best.
    classes_ : array
        Of a classifier.
    n_features_in_ : int
        Columns.
    feature_names_in_ : array
        Names of columns, where they are texts.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from opportune.sklearn import MLPClassifier, TuneCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = TuneCV(MLPClassifier(hidden_layer_sizes=8), max_iter=30, random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     search = search.fit(X, y)
    >>> sorted(search.best_params_)
    ['learning_rate_init', 'max_iter', 'schedule']
    >>> search.predict(X[:2]).tolist(), bool(search.best_score_ > 0.9)
    ([0, 0], True)
    >>> print(search.verdict_)  # doctest: +ELLIPSIS
    Train with ...
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        hidden_layer_sizes: Any = None,
        activation: Any = None,
        alpha: Any = None,
        batch_size: Any = None,
        learning_rate_init: Any = None,
        schedule: Any = None,
        max_iter: Any = 200,
        scoring: str | None = None,
        cv: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        time: float | str | None = None,
        budget_epochs: int | None = None,
        trials: int | None = None,
        strategy: str = "auto",
        precision: str = "f32",
        refit: bool = True,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.max_iter = max_iter
        self.scoring = scoring
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.time = time
        self.budget_epochs = budget_epochs
        self.trials = trials
        self.strategy = strategy
        self.precision = precision
        self.refit = refit
        self.verbose = verbose

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, groups: Any = None) -> "TuneCV":
        """Searches, and trains the best on all rows.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Features, without missing values.
        y : array of shape (n_samples,) or (n_samples, n_labels)
            Classes, numbers, or labels of 0 and 1.
        sample_weight : array of shape (n_samples,), default=None
            How much each row counts in the loss; scores count rows alike.
        groups : array of shape (n_samples,), default=None
            For a splitter that wants them.
        """
        if self.strategy == "grid":
            raise ValueError("strategy='grid' is GridSearchCV's; choose another, or leave it out")
        for name in ("best_estimator_", "classes_"):
            self.__dict__.pop(name, None)
        raw_X, raw_y = X, y
        dtypes, sparse = [np.float64, np.float32], ["csr", "csc"]
        X, y = validate_data(self, X, y, accept_sparse=sparse, multi_output=True, dtype=dtypes, ensure_min_samples=2)
        network = self._network(y)
        target, described = self._target(network, y)
        name, score = _scores.find(self.scoring, target)
        seed = self._seed()
        rows = {
            "features": dense(X, X.dtype),
            "columns": X.shape[1],
            "target": described,
            "weights": None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64),
            "folds": None,
        }
        words = ["opportune", "tune", "DATA", *of_network(self, network), *of_search(self, seed), f"--score={score.word}"]
        words.append(f"--threads={self._threads()}")
        if isinstance(self.cv, Integral):
            words.append(f"--folds={int(self.cv)}")
        elif self.cv is not None:
            splits = check_cv(self.cv, y, classifier=target != _scores.NUMBERS).split(X, y, groups)
            places = np.arange(X.shape[0], dtype=np.uint32)
            # As lists of rows, whether they are given so or as masks.
            rows["folds"] = [(np.sort(places[train]), np.sort(places[test])) for train, test in splits]
        if not self.verbose:
            words.append("--quiet")

        def tell(line: str) -> None:
            print(in_python(line))

        try:
            found = _core.search(words, rows, refit=bool(self.refit), tell=tell if self.verbose else None)
        except ValueError as error:
            raise ValueError(in_python(str(error))) from None
        self._take(found, network, score, (raw_X, raw_y))
        self.scorer_ = _scores.scorer(name, getattr(self, "classes_", None))
        return self

    def _network(self, y: Array) -> Any:
        """The estimator, or the one that fits the target, as one of this package."""
        given = self.estimator
        if given is None:
            return MLPClassifier() if y.ndim == 2 and y.shape[1] > 1 or _are_classes(y) else MLPRegressor()
        for ours, theirs in ((MLPClassifier, upstream.MLPClassifier), (MLPRegressor, upstream.MLPRegressor)):
            if isinstance(given, theirs):
                network = ours(**clone(given).get_params())
                network._validate_params()
                return network
        raise TypeError(
            f"TuneCV searches for networks, and estimator is a {type(given).__name__}: give an MLPClassifier or MLPRegressor. "
            "What prepares the features goes before the search: make_pipeline(..., TuneCV())"
        )

    def _target(self, network: Any, y: Array) -> tuple[str, Any]:
        """What the target is, and the target as the search takes it."""
        if is_regressor(network):
            if y.ndim == 2 and y.shape[1] > 1:
                raise ValueError(f"y has {y.shape[1]} columns of numbers; give one, and search for each by itself")
            return _scores.NUMBERS, column_or_1d(y, dtype=np.float64, warn=True)
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            self.classes_ = np.arange(y.shape[1])
            values = np.ascontiguousarray(y, dtype=np.uint8).reshape(-1)
            return _scores.LABELS, (values, [f"label {place}" for place in range(y.shape[1])])
        self.classes_, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        labels = [str(one) for one in self.classes_.tolist()]
        return _scores.BINARY if len(labels) == 2 else _scores.SEVERAL, (codes.astype(np.uint32), labels)

    def _seed(self) -> int:
        generator = check_random_state(self.random_state)
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(generator.randint(np.iinfo(np.int32).max))

    def _threads(self) -> int:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        jobs = -1 if self.n_jobs is None else int(self.n_jobs)
        return max(cores + 1 + jobs, 1) if jobs < 0 else jobs

    def _take(self, found: dict[str, Any], network: Any, score: _scores.Score, data: tuple[Any, Any]) -> None:
        """Sets what a search leaves, and warns of what it warns of."""
        trials, finalists = json.loads(found["trials"]), json.loads(found["candidates"])
        given = {name for name in _SEARCHED if getattr(self, name) is not None}

        def params(one: dict[str, Any]) -> dict[str, Any]:
            every = params_of(one["config"], one.get("until", one["epochs"]))
            return {name: value for name, value in every.items() if name in _FOUND or name in given}

        self.cv_results_ = _results([(params(one), one) for one in trials + finalists], score.sign)
        self.best_index_ = len(trials)
        self.best_params_ = self.cv_results_["params"][self.best_index_]
        self.best_score_ = float(score.sign * _number(finalists[0]["score"]))
        self.n_splits_ = len(finalists[0]["scores"])
        self.n_iter_ = self.best_params_["max_iter"]
        fields = json.loads(found["verdict"])
        fields["warnings"] = [in_python(one) for one in [*found["warnings"], *fields["warnings"]]]
        self.verdict_ = Verdict(fields, in_python(found["text"]))
        for one in fields["warnings"]:
            limit = one.startswith("the best is at the limit")
            warnings.warn(one, ConvergenceWarning if limit else UserWarning, stacklevel=3)
        if self.refit:
            sayable = {name: value for name, value in self.best_params_.items() if name != "schedule"}
            # The search decided what these would.
            plain = {"learning_rate": "constant", "early_stopping": False, "warm_start": False}
            state = self.random_state if isinstance(self.random_state, Integral) else None
            self.best_estimator_ = network.set_params(**sayable, **plain, random_state=state)
            self.best_estimator_._adopt(*data, found["layers"], found["losses"])

    def _best(self) -> Any:
        check_is_fitted(self, "cv_results_")
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("there is no best_estimator_: this search was made with refit=False")
        return self.best_estimator_

    @available_if(_has("predict"))
    def predict(self, X: Any) -> Any:
        """What the final model predicts: classes, labels or numbers."""
        return self._best().predict(X)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Probability of each class or label for each row."""
        return self._best().predict_proba(X)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of the probabilities."""
        return self._best().predict_log_proba(X)

    def score(self, X: Any, y: Any) -> float:
        """The score that was searched by, of the final model on these rows."""
        return float(self.scorer_(self._best(), X, y))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        network = getattr(self, "best_estimator_", self.estimator)
        if network is not None:
            of_network = get_tags(network)
            tags.estimator_type = of_network.estimator_type
            tags.classifier_tags, tags.regressor_tags = of_network.classifier_tags, of_network.regressor_tags
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


# Found by every search; reported if they were given.
_FOUND = ("learning_rate_init", "max_iter", "schedule")
_SEARCHED = ("hidden_layer_sizes", "activation", "alpha", "batch_size")


def _number(value: float | None) -> float:
    """JSON has no number that is not finite."""
    return float("nan") if value is None else value


def _results(rows: list[tuple[dict[str, Any], dict[str, Any]]], sign: float) -> dict[str, Any]:
    """`cv_results_`: of each training its parameters and what it gave."""
    results: dict[str, Any] = {}
    names = sorted({name for params, _ in rows for name in params})
    for name in names:
        there = [name in params for params, _ in rows]
        column = np.ma.MaskedArray(np.empty(len(rows), dtype=object), mask=~np.array(there))
        for place, (params, _) in enumerate(rows):
            if there[place]:
                column[place] = params[name]
        results[f"param_{name}"] = column
    results["params"] = [params for params, _ in rows]
    scores = sign * np.array([[_number(score) for score in one["scores"]] for _, one in rows])
    results |= {f"split{fold}_test_score": scores[:, fold] for fold in range(scores.shape[1])}
    mean = scores.mean(axis=1)
    results["mean_test_score"], results["std_test_score"] = mean, scores.std(axis=1)
    # Trainings without a score come last, as equals.
    worst = np.nanmin(mean) - 1 if np.isfinite(mean).any() else 0.0
    results["rank_test_score"] = rankdata(-np.where(np.isnan(mean), worst, mean), method="min").astype(np.int32)
    results["epochs"] = np.array([one["epochs"] for _, one in rows])
    confirmed = [sign * _number(one["score"]) if one.get("confirmed") else float("nan") for _, one in rows]
    results["confirmed_test_score"] = np.array(confirmed)
    return results
