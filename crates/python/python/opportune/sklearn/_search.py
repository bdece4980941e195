"""`GridSearchCV`."""

from numbers import Integral
from typing import Any

import joblib
import sklearn.model_selection
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline

from ._mlp import _Native
from ._session import Session

# Threads beyond the cores, for fits that wait for the training of another: with two of them cores are seldom idle, and
# each has rows of its own in memory.
WAITING = 2


def _network(estimator: Any) -> Any:
    """The network that is searched: the estimator itself, or the last step of a pipeline; `None` if it is another's."""
    if isinstance(estimator, Pipeline) and estimator.steps:
        estimator = estimator.steps[-1][1]
    return estimator if isinstance(estimator, _Native) else None


class GridSearchCV(sklearn.model_selection.GridSearchCV):
    """`sklearn.model_selection.GridSearchCV`, faster around a network of `opportune.sklearn`.

    Parameters, attributes and `cv_results_` are those of scikit-learn's class, and so are the scores. Around an
    `MLPClassifier` or `MLPRegressor` of this package, bare or as the last step of a `Pipeline`, trainings that differ in
    `max_iter` alone are one training, read at several epochs, and `n_jobs=None` means all cores: threads of this process,
    among which the data are shared. Any other estimator is searched as scikit-learn does.

    What differs: the fit times of trainings that were read are those of reading, those of others include the wait for a
    core, and with `random_state=None` one number is drawn for the whole search instead of one for each fit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from opportune.sklearn import GridSearchCV, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(hidden_layer_sizes=8, solver="lbfgs", random_state=0)
    >>> search = GridSearchCV(model, {"max_iter": [5, 400], "alpha": [1e-4, 1e-2]}, cv=3)
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     search = search.fit(X, y)
    >>> search.best_params_["max_iter"]
    400
    """

    estimator: Any
    n_jobs: Any

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fits all points of the grid on all splits, then the best on all rows."""
        original = self.estimator
        n_jobs = self.n_jobs
        # What is no number of jobs is refused there.
        if _network(original) is None or not isinstance(n_jobs, (Integral, type(None))):
            return super().fit(X, y, **params)
        with joblib.parallel_config(backend="threading"):
            cores = joblib.effective_n_jobs(-1 if n_jobs is None else n_jobs)
            session = Session(cores)
            self.estimator = clone(original)
            _network(self.estimator)._session = session
            # Of several that read one training all but the first wait for it: others take their cores meanwhile.
            self.n_jobs = cores + WAITING if cores > 1 else 1
            try:
                return super().fit(X, y, **params)
            except BaseException:
                # Threads that still train end at their next step.
                session.interrupt.set()
                raise
            finally:
                self.estimator, self.n_jobs = original, n_jobs
                if (best := _network(getattr(self, "best_estimator_", None))) is not None:
                    best.__dict__.pop("_session", None)

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        session = getattr(_network(self.estimator), "_session", None)
        if session is None:
            super()._run_search(evaluate_candidates, callback_ctx=callback_ctx)
            return
        for candidate in ParameterGrid(self.param_grid):
            network = _network(clone(self.estimator).set_params(**clone(candidate, safe=False)))
            if network is not None:
                session.expect(network)
        try:
            super()._run_search(evaluate_candidates, callback_ctx=callback_ctx)
        finally:
            session.close()
