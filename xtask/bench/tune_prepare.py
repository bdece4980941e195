"""Fixes one random split of a data set, so that both programs see the same rows.

    tune_prepare.py SOURCE DIRECTORY SPLIT

SOURCE is a data set's folder: CSV files with one header, which are put together, or IDX files of images, of which the
first 10,000 to train on are taken. Writes DIRECTORY/train.csv and test.csv, a random fifth that differs from SPLIT to
SPLIT (stratified for classes): a header, cells as they are in SOURCE, the target in the last column. What it wrote is
described in DIRECTORY/shape.json and printed, with a digest of both files by which results are told apart.
"""

import csv
import hashlib
import json
import sys
from pathlib import Path

import idx
import numpy as np
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.2
IMAGES = 10_000
MOST_INTEGER_CLASSES = 20
# Where the target is not the last column.
TARGETS = {"california_housing": "median_house_value"}


def images(folder):
    pixels = idx.read(folder, "train-images-idx3-ubyte")[:IMAGES]
    pixels = pixels.reshape(len(pixels), -1)
    labels = idx.read(folder, "train-labels-idx1-ubyte")[:IMAGES]
    rows = np.column_stack([pixels, labels]).astype(str).tolist()
    return [*(f"p{i}" for i in range(pixels.shape[1])), "label"], rows


def tables(folder):
    header, rows = None, []
    for path in sorted(folder.glob("*.csv")):
        with open(path, newline="") as file:
            first, *more = csv.reader(file)
        if header not in (None, first):
            sys.exit(f"{path}: not the header of the other files")
        header, rows = first, rows + more
    if header is None:
        sys.exit(f"{folder}: there is no .csv file and no IDX file of images to train on")
    at = header.index(TARGETS.get(folder.name, header[-1]))
    header, *rows = [[*row[:at], *row[at + 1:], row[at]] for row in (header, *rows)]
    return header, rows


def is_classes(targets):
    """Texts or at most 20 distinct integers, as the program decides."""
    try:
        numbers = set(map(float, targets))
    except ValueError:
        return True
    return len(numbers) <= MOST_INTEGER_CLASSES and all(number.is_integer() for number in numbers)


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def main():
    source, directory, split = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    header, rows = images(source) if list(source.glob("train-images-idx3-ubyte*")) else tables(source)
    targets = [row[-1] for row in rows]
    classes = is_classes(targets)
    train, test = train_test_split(rows, test_size=TEST_SHARE, stratify=targets if classes else None,
                                   random_state=split)
    write(directory / "train.csv", header, train)
    write(directory / "test.csv", header, test)
    digest = hashlib.sha256()
    for name in ("train.csv", "test.csv"):
        digest.update((directory / name).read_bytes())
    shape = {"task": "classification" if classes else "regression", "train_rows": len(train), "test_rows": len(test),
             "columns": len(header) - 1, "classes": len(set(targets)) if classes else None,
             "digest": digest.hexdigest()[:16]}
    (directory / "shape.json").write_text(json.dumps(shape) + "\n")
    print(json.dumps(shape))


main()
