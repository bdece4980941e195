"""A model file without Opportune: `examples/python/model.py` predicts what the program predicts."""

import csv
import importlib.util
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

ROOT = pathlib.Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/python/model.py"
DIGITS = ROOT / "examples/data/digits.csv"


def _ran(*command, folder):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _predicted(data, *settings, folder):
    """Trains a little and predicts the same rows: the model file, and what the program predicts, as rows of texts."""
    program = os.environ.get("OPPORTUNE_PROGRAM")
    assert program, "OPPORTUNE_PROGRAM names the program, as cargo xtask test does"
    program = pathlib.Path(program).absolute()
    _ran(program, "fit", data, "--hidden", "20", "--epochs", "8", "--name", "model", *settings, folder=folder)
    model = next(folder.glob("opportune-out/*/model.safetensors"))
    _ran(program, "predict", model, data, "--out", "predicted.csv", folder=folder)
    return model, list(csv.reader((folder / "predicted.csv").read_text().splitlines()))


def _diabetes(folder):
    X, y = load_diabetes(return_X_y=True, scaled=False)
    names = [*(f"x{column}" for column in range(X.shape[1])), "y"]
    np.savetxt(folder / "diabetes.csv", np.column_stack([X, y]), "%.10g", ",", header=",".join(names), comments="")
    return folder / "diabetes.csv"


def _images(folder):
    """Ninety images of 4 x 4 pixels: the bright quarter is the class."""
    generator = np.random.default_rng(0)
    labels = np.arange(90, dtype=np.uint8) % 4
    pixels = generator.integers(0, 99, (90, 4, 4), dtype=np.uint8)
    for image, label in zip(pixels, labels):
        image[2 * (label // 2) :, 2 * (label % 2) :][:2, :2] += 150
    (folder / "images").mkdir()
    head = struct.pack(">HBBIII", 0, 8, 3, *pixels.shape)
    for part in ("train", "t10k"):
        (folder / f"images/{part}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        (folder / f"images/{part}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, 90) + labels.tobytes())
    return folder / "images", pixels.reshape(90, 16)


@pytest.mark.parametrize("settings", [[], ["--layer-norm", "--activation", "gelu", "--precision", "f64"]])
def test_classes(settings, tmp_path):
    model, (title, *rows) = _predicted(DIGITS, *settings, folder=tmp_path)
    printed = _ran(sys.executable, EXAMPLE, model, DIGITS, folder=tmp_path)
    other_title, *others = csv.reader(printed.splitlines())
    assert title == other_title and len(rows) == len(others) == 1797
    ours, theirs = (np.array([row[1:] for row in table], float) for table in (rows, others))
    assert np.abs(ours - theirs).max() < 1.5e-6
    # Equal names, but where two classes are as likely as each other.
    clear = np.diff(np.sort(ours)[:, -2:])[:, 0] > 2e-6
    assert clear.mean() > 0.99
    assert [row[0] for row, sure in zip(rows, clear) if sure] == [row[0] for row, sure in zip(others, clear) if sure]


@pytest.mark.parametrize("settings", [[], ["--loss", "poisson", "--precision", "f64"]])
def test_numbers(settings, tmp_path):
    data = _diabetes(tmp_path)
    model, (title, *rows) = _predicted(data, *settings, folder=tmp_path)
    printed = _ran(sys.executable, EXAMPLE, model, data, folder=tmp_path)
    other_title, *others = csv.reader(printed.splitlines())
    assert title == other_title and len(rows) == len(others) == 442
    ours, theirs = (np.array(table, float) for table in (rows, others))
    assert np.std(ours) > 1  # It has learned something.
    assert theirs == pytest.approx(ours, rel=1e-9 if settings else 1e-5)


def test_images(tmp_path):
    data, pixels = _images(tmp_path)
    model, (_, *rows) = _predicted(data, folder=tmp_path)
    spec = importlib.util.spec_from_file_location("model_example", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    images = [{f"pixel_{place}": str(value) for place, value in enumerate(image, 1)} for image in pixels]
    labels, values = example.predict(model, images)
    assert labels == ["0", "1", "2", "3"]
    # Both parts of the folder are these images.
    assert values == pytest.approx(np.array([row[1:] for row in rows[: len(images)]], float), abs=1.5e-6)
