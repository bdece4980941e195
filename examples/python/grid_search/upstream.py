"""A grid over networks, learning rates and numbers of epochs, with cross-validation, on handwritten digits."""

import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)

param_grid = {
    "hidden_layer_sizes": [(100,), (50, 50)],
    "learning_rate_init": [0.01, 0.001, 0.0001],
    "max_iter": [100, 200, 300],
}
grid = GridSearchCV(MLPClassifier(random_state=0), param_grid, cv=5, n_jobs=-1)
grid.fit(X_train, y_train)

print("Best parameters:", grid.best_params_)
print("Cross-validation accuracy:", round(grid.best_score_, 4))
print("Test accuracy:", round(grid.score(X_test, y_test), 4))
