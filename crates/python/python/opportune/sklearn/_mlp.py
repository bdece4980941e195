"""`MLPClassifier` and `MLPRegressor`."""

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sklearn.neural_network
from scipy.optimize import OptimizeResult
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.optimize import _check_optimize_result
from sklearn.utils.validation import validate_data

from .. import _core
from ._arrays import Array, dense, flatten, unflatten

# How scipy numbers and words the ways in which L-BFGS ends.
_ENDINGS = {
    "gradient": (0, "CONVERGENCE: NORM OF PROJECTED GRADIENT <= PGTOL"),
    "decrease": (0, "CONVERGENCE: RELATIVE REDUCTION OF F <= FACTR*EPSMCH"),
    "iterations": (1, "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT"),
    "evaluations": (1, "STOP: TOTAL NO. OF F,G EVALUATIONS EXCEEDS LIMIT"),
    "line search": (2, "ABNORMAL: "),
    "dropped": (2, "STOP: INTERRUPTED"),
}

_HOOKS = ("_fit", "_fit_stochastic", "_fit_lbfgs", "_forward_pass_fast", "_initialize", "_validate_input")
if missing := [name for name in _HOOKS if not hasattr(sklearn.neural_network.MLPClassifier, name)]:
    raise ImportError(
        f"scikit-learn {sklearn.__version__} lacks {', '.join(missing)}, which opportune.sklearn replaces or calls; "
        "install scikit-learn 1.9"
    )


@dataclass
class _Optimizer:
    """What an optimizer keeps from one `partial_fit` to the next."""

    learning_rate: float
    slots: list[Array] = field(default_factory=list)
    steps: int = 0


class _Native:
    """Trains and predicts in Rust; all else (checks, labels, attributes) is scikit-learn's class that comes behind it."""

    # Of a search, whose clones share what they train.
    _session: Any = None

    def __sklearn_clone__(self) -> Any:
        copy = super().__sklearn_clone__()  # type: ignore[misc]
        if self._session is not None:
            copy._session = self._session
        return copy

    def _fit(self: Any, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        if self._session is None or self.random_state is not None:
            return super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)  # type: ignore[misc]
        self.random_state = self._session.seed
        try:
            return super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)  # type: ignore[misc]
        finally:
            self.random_state = None

    def _shape(self: Any, layer_units: list[int]) -> dict[str, Any]:
        return {
            "inputs": layer_units[0],
            "hidden": layer_units[1:-1],
            "outputs": layer_units[-1],
            "activation": self.activation,
            "out_activation": self.out_activation_,
        }

    def _table(self: Any, X: Any, y: Array, sample_weight: Any, dtype: Any) -> dict[str, Any]:
        exclusive = self.out_activation_ == "softmax"
        return {
            "inputs": dense(X, dtype),
            "targets": y.argmax(axis=1).astype(np.uint32) if exclusive else dense(y, dtype),
            "weights": None if sample_weight is None else dense(sample_weight, dtype),
        }

    def _fit_stochastic(
        self: Any,
        X: Any,
        y: Array,
        sample_weight: Any,
        activations: Any,
        deltas: Any,
        coef_grads: Any,
        intercept_grads: Any,
        layer_units: list[int],
        incremental: bool,
    ) -> None:
        state = self._random_state.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            # A RandomState over another generator: its draws are numpy's alone.
            super()._fit_stochastic(  # type: ignore[misc]
                X, y, sample_weight, activations, deltas, coef_grads, intercept_grads, layer_units, incremental
            )
            return
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = _Optimizer(float(self.learning_rate_init))
        held = math.ceil(self.validation_fraction * X.shape[0]) if self.early_stopping else 0
        if self.batch_size != "auto" and self.batch_size > X.shape[0] - held:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
            )
        dtype, table = X.dtype, self._table(X, y, sample_weight, X.dtype)
        best = self.best_validation_score_ if self.early_stopping else self.best_loss_
        kept_apart = self.early_stopping and self._best_coefs is not self.coefs_
        progress = {
            "parameters": flatten(self.coefs_, self.intercepts_, dtype),
            "slots": [np.asarray(slot, dtype=dtype) for slot in self._optimizer.slots],
            "steps": self._optimizer.steps,
            "rate": self._optimizer.learning_rate,
            "seen": self.t_,
            "stale": self._no_improvement_count,
            "best": best,
            "best_parameters": flatten(self._best_coefs, self._best_intercepts, dtype) if kept_apart else None,
            "key": state["state"]["key"],
            "position": state["state"]["pos"],
        }

        def train(max_iter: int, reads: list[int], interrupt: Any) -> dict[str, Any]:
            return _core.mlp_fit(
                table,
                self._shape(layer_units),
                self._training(max_iter),
                progress,
                reads=reads,
                report=self._report if self.verbose else None,
                interrupt=interrupt,
            )

        self.n_iter_ = 0
        if self._session is None or incremental:
            fitted = train(1 if incremental else self.max_iter, [], None)
        else:
            fitted = self._session.fit(self, table, train)
        state["state"]["key"], state["state"]["pos"] = fitted["key"], fitted["position"]
        self._random_state.set_state(state)
        self._take(fitted, layer_units)
        if fitted["interrupted"]:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        elif self.n_iter_ == self.max_iter and not fitted["stopped"] and not incremental:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _adopt(self: Any, X: Any, y: Any, layers: list[tuple[Array, Array]], losses: list[float]) -> None:
        """Becomes the network that was trained elsewhere on these rows: weights (flat) and biases of each layer, in 64 bits,
        and the loss of each epoch."""
        X, y = self._validate_input(X, y, incremental=False, reset=True)
        widths = [X.shape[1], *(biases.size for _, biases in layers)]
        self._random_state = check_random_state(self.random_state)
        self._initialize(y.reshape(X.shape[0], -1), widths, np.float64)
        self.coefs_ = [weights.reshape(-1, biases.size) for weights, biases in layers]
        self.intercepts_ = [biases for _, biases in layers]
        self.n_iter_, self.t_ = len(losses), len(losses) * X.shape[0]
        self.loss_curve_ = list(losses)
        if losses:
            self.loss_, self.best_loss_ = losses[-1], min(losses)

    def _training(self: Any, max_iter: int) -> dict[str, Any]:
        names = (
            "solver alpha learning_rate learning_rate_init power_t shuffle tol momentum nesterovs_momentum beta_1 beta_2 "
            "epsilon n_iter_no_change"
        )
        return {name: getattr(self, name) for name in names.split()} | {
            "max_iter": max_iter,
            "batch_size": None if self.batch_size == "auto" else self.batch_size,
            "validation_fraction": self.validation_fraction if self.early_stopping else None,
        }

    def _take(self: Any, fitted: dict[str, Any], layer_units: list[int]) -> None:
        """Sets what a stochastic training leaves."""
        self.n_iter_ = len(fitted["losses"])
        self.loss_curve_.extend(fitted["losses"])
        if self.loss_curve_:
            self.loss_ = self.loss_curve_[-1]
        self.t_ = fitted["seen"]
        self._no_improvement_count = fitted["stale"]
        self._optimizer = _Optimizer(fitted["rate"], fitted["slots"], fitted["steps"])
        self.coefs_, self.intercepts_ = unflatten(fitted["parameters"], layer_units, self.coefs_[0].dtype)
        if self.early_stopping:
            self.validation_scores_.extend(fitted["scores"])
            self.best_validation_score_ = fitted["best"]
            # The same lists, as in scikit-learn: a second fit with `warm_start` trains the best themselves.
            self._best_coefs, self._best_intercepts = self.coefs_, self.intercepts_
        else:
            self.best_loss_ = fitted["best"]

    def _report(self: Any, epoch: int, loss: float, score: float | None, turn: str, rate: float | None) -> None:
        """Prints what `verbose` shows of an epoch."""
        print(f"Iteration {epoch}, loss = {loss:.8f}")
        if score is not None:
            print(f"Validation score: {score:f}")
        if turn == "on":
            return
        what = "Validation score did not improve" if score is not None else "Training loss did not improve"
        text = f"{what} more than tol={self.tol:f} for {self.n_iter_no_change:d} consecutive epochs."
        if turn == "lowered":
            print(f"{text} Setting learning rate to {rate:f}")
        elif self.solver == "sgd" and self.learning_rate == "adaptive":
            print(f"{text} Learning rate too small. Stopping.")
        else:
            print(f"{text} Stopping.")

    def _fit_lbfgs(
        self: Any,
        X: Any,
        y: Array,
        sample_weight: Any,
        activations: Any,
        deltas: Any,
        coef_grads: Any,
        intercept_grads: Any,
        layer_units: list[int],
    ) -> None:
        table = self._table(X, y, sample_weight, np.float64)
        start = flatten(self.coefs_, self.intercepts_, np.float64)

        def train(max_iter: int, reads: list[int], interrupt: Any) -> dict[str, Any]:
            return _core.mlp_minimise(
                table,
                self._shape(layer_units),
                start,
                alpha=self.alpha,
                tol=self.tol,
                limits=(max_iter, self.max_fun),
                reads=reads,
                interrupt=interrupt,
            )

        if self._session is None:
            found = train(self.max_iter, [], None)
        else:
            found = self._session.minimise(self, table, train)
        status, message = _ENDINGS[found["ending"]]
        result = OptimizeResult(nit=found["iterations"], status=status, message=message)
        self.n_iter_ = _check_optimize_result("lbfgs", result, self.max_iter)
        self.loss_ = found["loss"]
        self.coefs_, self.intercepts_ = unflatten(found["parameters"], layer_units, np.float64)

    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> Array:
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        dtype = np.result_type(X.dtype, self.coefs_[0].dtype)
        if dtype != np.float32:
            dtype = np.dtype(np.float64)
        layer_units = [self.coefs_[0].shape[0], *(coef.shape[1] for coef in self.coefs_)]
        parameters = flatten(self.coefs_, self.intercepts_, dtype)
        flat: Array = _core.mlp_outputs(dense(X, dtype), self._shape(layer_units), parameters)
        return flat.reshape(X.shape[0], layer_units[-1])


class MLPClassifier(_Native, sklearn.neural_network.MLPClassifier):
    """`sklearn.neural_network.MLPClassifier`, trained by Opportune: its parameters, attributes and answers.

    Parameters and attributes are those of scikit-learn's class. Rows that are contiguous and float32 or float64 are not
    copied; sparse ones are made dense. Training holds no lock of Python, and a keyboard interrupt ends it within a tenth
    of a second.

    Examples
    --------
    >>> from opportune.sklearn import MLPClassifier
    >>> model = MLPClassifier(solver="lbfgs", random_state=0).fit([[0.0, 0.0], [1.0, 1.0]], [0, 1])
    >>> model.predict([[2.0, 2.0], [-1.0, -2.0]]).tolist()
    [1, 0]
    """


class MLPRegressor(_Native, sklearn.neural_network.MLPRegressor):
    """`sklearn.neural_network.MLPRegressor`, trained by Opportune: its parameters, attributes and answers.

    Parameters and attributes are those of scikit-learn's class; what is said of `MLPClassifier` holds here too.

    Examples
    --------
    >>> from opportune.sklearn import MLPRegressor
    >>> model = MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.predict([[1.0]]).round(1).tolist()
    [3.0]
    """
