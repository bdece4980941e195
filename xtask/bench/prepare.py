"""Fixes the rows of the grid benchmark, so that both programs see the same ones.

    prepare.py digits.csv|breast_cancer DIRECTORY

Writes DIRECTORY/train.csv, test.csv (a stratified fifth) and folds.txt (per training row the fold in which it is
validated, 0 to 4; stratified and shuffled). Rows are copied as they are; the label is the last column.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, train_test_split

FOLDS = 5
TEST_SHARE = 0.2


def read(source):
    """Header and rows of a CSV file, or of a data set that scikit-learn brings along."""
    if source == "breast_cancer":
        data = load_breast_cancer()
        rows = [[*map(repr, map(float, x)), str(y)] for x, y in zip(data.data, data.target)]
        return [*data.feature_names, "label"], rows
    with open(source, newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def main():
    source, directory = sys.argv[1], Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    header, rows = read(source)
    labels = np.array([row[-1] for row in rows])
    train, test = train_test_split(np.arange(len(rows)), test_size=TEST_SHARE, stratify=labels, random_state=0)
    fold_of = np.empty(len(train), dtype=int)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for fold, (_, validation) in enumerate(splitter.split(train, labels[train])):
        fold_of[validation] = fold
    write(directory / "train.csv", header, [rows[i] for i in train])
    write(directory / "test.csv", header, [rows[i] for i in test])
    np.savetxt(directory / "folds.txt", fold_of, fmt="%d")
    shape = {"train_rows": len(train), "test_rows": len(test), "features": len(header) - 1,
             "classes": len(set(labels)), "folds": FOLDS}
    print(json.dumps(shape))


main()
