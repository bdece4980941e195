"""scikit-learn's networks and grid search, trained by Opportune.

The classes have scikit-learn's parameters, attributes, warnings and errors, and from the same `random_state` they give its
answers: the same initial weights, splits, orders of rows, steps and stops, up to the rounding of sums.

>>> from sklearn.datasets import load_iris
>>> from opportune.sklearn import MLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = MLPClassifier(hidden_layer_sizes=8, solver="lbfgs", random_state=0).fit(X, y)
>>> bool(model.score(X, y) > 0.95)
True
"""

from ._mlp import MLPClassifier, MLPRegressor
from ._search import GridSearchCV
from ._tune import TuneCV
from ._verdict import Verdict

__all__ = ["GridSearchCV", "MLPClassifier", "MLPRegressor", "TuneCV", "Verdict"]
