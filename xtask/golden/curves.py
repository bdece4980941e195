"""Writes the excerpts in crates/core/tests/curves/ from the two collections of recorded curves named in its README.

    python -m venv venv
    venv/bin/pip install numpy==2.4.6 pyarrow==26.0.1
    venv/bin/python curves.py deepobs_baselines.parquet taskset_adam8p.npz

One line is one run: what it is of, its learning rate, and the loss before training and after each epoch, to five digits.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

OUT = Path(__file__).resolve().parents[2] / "crates/core/tests/curves"
PROBLEMS = ["fmnist_2c2d", "mnist_vae"]
TASKS = [
    "FixedTextRNNClassification_imdb_patch128_LSTM128_avg_bs64",
    "FixedTextRNNClassification_imdb_patch32_IRNN64_relu_last_bs128",
]
CONFIGS = 192


def line(of, rate, losses):
    number = lambda loss: f"{loss:.5g}".replace("e+", "e")
    return ",".join([of, f"{rate:.5g}", *(number(float("nan") if loss is None else loss) for loss in losses)]) + "\n"


def deepobs(path):
    """Adam at 36 constant rates, one seed; the loss on test rows, the only ones recorded beside the training rows."""
    table = pq.read_table(path).to_pylist()
    runs = {}
    for row in table:
        if row["problem"] in PROBLEMS and row["optimizer"] == "AdamOptimizer" and row["seed"] == 42:
            runs.setdefault((row["problem"], row["learning_rate"]), {})[row["epoch"]] = row["test_loss"]
    lines = [line(of, rate, [by[epoch] for epoch in range(len(by))]) for (of, rate), by in sorted(runs.items())]
    assert len(lines) == 36 * len(PROBLEMS)
    (OUT / "deepobs_adam.csv").write_text("".join(lines))


def taskset(path):
    """The first configurations of each task; the loss on validation rows."""
    data = np.load(path, allow_pickle=False)
    lines = []
    for task in TASKS:
        at = list(data["task"]).index(task)
        rates = data["hp"][at, :, list(data["hp_names"]).index("learning_rate")]
        losses = data["loss"][at, :, list(data["curve_names"]).index("valid")]
        lines += [line(task, rates[config], losses[config].tolist()) for config in range(CONFIGS)]
    (OUT / "taskset_adam8p.csv").write_text("".join(lines))


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    deepobs(sys.argv[1])
    taskset(sys.argv[2])
