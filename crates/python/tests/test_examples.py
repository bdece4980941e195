"""The examples for PyTorch and Keras: as they are upstream and as they are here, only imports differ, and results agree."""

import os
import pathlib
import statistics
import subprocess
import sys

import numpy as np
import pytest

EXAMPLES = pathlib.Path(__file__).parents[3] / "examples/python"
NAMES = ["pytorch_cyclic", "keras_decay"]
SEEDS = [0, 1, 2]


def lines(name, which):
    return (EXAMPLES / name / f"{which}.py").read_text().splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_only_import_lines_differ(name):
    def split(which):
        all_lines = [line for line in lines(name, which) if line]
        imports = [line for line in all_lines if line.startswith(("import ", "from "))]
        return imports, [line for line in all_lines if line not in imports]

    theirs, mine = split("upstream"), split("ours")
    assert mine[1] == theirs[1] and mine[0] != theirs[0]
    changed = set(mine[0]) - set(theirs[0])
    assert changed and all("opportune" in line for line in changed)


def run(name, which, seed):
    """The rates and the accuracy that the example prints."""
    command = [sys.executable, EXAMPLES / name / f"{which}.py", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    rates = [float(line.split()[-1]) for line in printed if line.startswith("Learning rate:")]
    assert len(rates) == 100 and "accuracy:" in printed[-1]
    return rates, float(printed[-1].split()[-1])


@pytest.mark.parametrize("name", NAMES)
def test_rates_and_accuracies_agree(name):
    mine, theirs = [[run(name, which, seed) for seed in SEEDS] for which in ("ours", "upstream")]
    for (a, _), (b, _) in zip(mine, theirs):
        # The same numbers for a network of 32 bits; upstream's cycles gather roundings in 64.
        assert np.array_equal(np.float32(a), np.float32(b))
        assert a == pytest.approx(b, rel=1e-11)
    mean = [statistics.mean(accuracy for _, accuracy in one) for one in (mine, theirs)]
    assert min(mean) > 0.93 and abs(mean[0] - mean[1]) < 0.02
