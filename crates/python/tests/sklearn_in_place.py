"""A plug-in of pytest that puts the networks of `opportune.sklearn` in the place of scikit-learn's.

    python -m pytest -p sklearn_in_place --pyargs sklearn.neural_network.tests.test_mlp
"""

import sklearn.neural_network

from opportune.sklearn import MLPClassifier, MLPRegressor

sklearn.neural_network.MLPClassifier = MLPClassifier
sklearn.neural_network.MLPRegressor = MLPRegressor
