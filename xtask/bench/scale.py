"""scikit-learn's side of `cargo xtask bench scale`, and the rows of both sides.

    scale.py write FILE ROWS COLUMNS             normal numbers in 32 bits, ten classes that a linear map tells apart
    scale.py fit FILE EPOCHS                     one network of 100 units
    scale.py search FILE RATES FOLDS EPOCHS      GridSearchCV over so many learning rates, on all cores

The last two print one line of JSON. Batches of 200, single precision, every epoch is trained: stop rules are off.
"""

import json
import sys
import warnings

import numpy as np

CLASSES = 10
BLOCK = 100_000


def write(file, rows, columns):
    generator = np.random.default_rng(0)
    x = np.empty((rows, columns), np.float32)
    y = np.empty(rows, np.int64)
    classes = generator.standard_normal((columns, CLASSES), np.float32)
    for start in range(0, rows, BLOCK):
        end = min(start + BLOCK, rows)
        x[start:end] = generator.standard_normal((end - start, columns), np.float32)
        y[start:end] = (x[start:end] @ classes).argmax(axis=1)
    np.savez(file, X=x, y=y)


def network(epochs):
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(hidden_layer_sizes=(100,), batch_size=200, max_iter=epochs, tol=0.0, n_iter_no_change=10**6,
                         random_state=0)


def rates(count):
    """So many learning rates, evenly spaced in their logarithms."""
    return np.geomspace(1e-4, 1e-2, count).tolist()


def main():
    task, file, *counts = sys.argv[1:]
    counts = [int(count) for count in counts]
    if task == "write":
        write(file, *counts)
        return
    import sklearn

    warnings.simplefilter("ignore")  # ConvergenceWarning: it is not meant to converge
    with np.load(file) as arrays:
        x, y = arrays["X"], arrays["y"]
    if task == "fit":
        model = network(*counts).fit(x, y)
        score = model.score(x, y)
    else:
        from sklearn.model_selection import GridSearchCV, StratifiedKFold

        candidates, folds, epochs = counts
        splits = StratifiedKFold(folds, shuffle=True, random_state=0)
        search = GridSearchCV(network(epochs), {"learning_rate_init": rates(candidates)}, cv=splits, n_jobs=-1)
        score = search.fit(x, y).best_score_
    versions = {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    print(json.dumps({"versions": versions, "score": float(score)}))


main()
