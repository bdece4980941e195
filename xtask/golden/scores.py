"""Expected values of the tests in crates/core/src/score.rs, from sklearn.metrics.

    target/bench-env/bin/python xtask/golden/scores.py

(`cargo xtask bench` makes that environment; any Python with scikit-learn 1.9 does.) The arrays are those of the tests.
"""

import numpy as np
from sklearn import metrics

LABELS = [0, 1, 2, 2, 1, 0]
P = np.array([0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.2, 0.5, 0.3, 0.1, 0.1, 0.8, 0.25, 0.5, 0.25, 0.1, 0.6, 0.3]).reshape(-1, 3)

BINARY_LABELS = [0, 0, 1, 1, 1]
BINARY_P = np.array([0.9, 0.1, 0.4, 0.6, 0.65, 0.35, 0.2, 0.8, 0.4, 0.6]).reshape(-1, 2)

SEVERAL = np.array([1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1]).reshape(-1, 3)
SEVERAL_P = np.array([0.9, 0.2, 0.7, 0.6, 0.7, 0.8, 0.4, 0.9, 0.1, 0.3, 0.6, 0.55]).reshape(-1, 3)

TARGETS = [3.0, -0.5, 2.0, 7.0]
PREDICTIONS = [2.5, 0.0, 2.0, 8.0]


def classes(labels, p):
    """Scores of probabilities. Two classes: of the second one where the score looks at one class."""
    two = p.shape[1] == 2
    said = p.argmax(axis=1)
    return {
        "accuracy": metrics.accuracy_score(labels, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, said),
        "f1": metrics.f1_score(labels, said, average="binary" if two else "macro"),
        "log_loss": metrics.log_loss(labels, p),
        "roc_auc": metrics.roc_auc_score(labels, p[:, 1] if two else p, multi_class="ovr"),
    }


def several(labels, p):
    """Scores of several labels."""
    return {
        "accuracy": metrics.accuracy_score(labels, p > 0.5),
        "f1": metrics.f1_score(labels, p > 0.5, average="macro"),
        "roc_auc": metrics.roc_auc_score(labels, p),
    }


def numbers(targets, predictions):
    return {
        "r2": metrics.r2_score(targets, predictions),
        "rmse": metrics.root_mean_squared_error(targets, predictions),
        "mae": metrics.mean_absolute_error(targets, predictions),
    }


def main():
    for title, scores in [("classes", classes(LABELS, P)), ("two classes", classes(BINARY_LABELS, BINARY_P)),
                          ("several labels", several(SEVERAL, SEVERAL_P)), ("numbers", numbers(TARGETS, PREDICTIONS))]:
        print(title)
        for name, value in scores.items():
            print(f"  {name:18} {float(value)!r}")


main()
