"""Writes crates/net/tests/golden/losses.json: losses and their gradients as PyTorch has them, compared with scikit-learn's.

    python -m venv venv
    venv/bin/pip install torch==2.15.0 numpy==2.4.6 scikit-learn==1.9.1
    venv/bin/python losses.py

Each case holds outputs of a network before softmax, logistic function or exponential (n x k), targets (classes, or numbers as
the loss reads them; of several labels n x k in one list), the share of label smoothing, weights of the rows where they have any, the mean loss over the rows, and its
gradient by the outputs. Computed in 64 bits.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.neural_network._base import binary_log_loss, log_loss, poisson_loss, squared_loss

torch.set_default_dtype(torch.float64)
ROWS = 11
random = np.random.default_rng(7)
WEIGHTS = np.concatenate([[0.0], 3 * random.random(ROWS - 1)])


def case(loss, outputs, targets, each, smoothing=0.0, weights=None):
    """`each` is a function of the outputs that gives PyTorch's loss of each row."""
    z = torch.tensor(outputs, requires_grad=True)
    w = torch.ones(ROWS) if weights is None else torch.tensor(weights)
    value = (w * each(z)).sum() / w.sum()
    value.backward()
    return {
        "loss": loss,
        "outputs": outputs.tolist(),
        "targets": targets.tolist(),
        "smoothing": smoothing,
        "weights": None if weights is None else weights.tolist(),
        "mean": value.item(),
        "gradient": z.grad.tolist(),
    }


def agrees(one, value):
    """The case, if scikit-learn has that loss."""
    assert np.isclose(one["mean"], value, rtol=1e-13), (one["loss"], one["mean"], value)
    return one


def numbers(weights):
    z, y = 1.5 * random.normal(size=(ROWS, 1)), random.normal(size=ROWS)
    z[0, 0] = y[0]
    t = torch.tensor(y)
    one = case("squared", z, y, lambda z: 0.5 * F.mse_loss(z[:, 0], t, reduction="none"), weights=weights)
    yield agrees(one, squared_loss(y[:, None], z, weights))
    for delta in [1.0, 0.3, 5.0]:
        huber = lambda z: F.huber_loss(z[:, 0], t, delta=delta, reduction="none")
        yield case(f"huber(delta={delta})", z, y, huber, weights=weights)
    yield case("absolute", z, y, lambda z: F.l1_loss(z[:, 0], t, reduction="none"), weights=weights)
    y = random.poisson(1.3, ROWS).astype(float) / 1.3
    assert (y == 0).any()
    t = torch.tensor(y)
    # PyTorch leaves out what does not depend on the outputs.
    constant = torch.xlogy(t, t) - t
    poisson = lambda z: F.poisson_nll_loss(z[:, 0], t, log_input=True, reduction="none") + constant
    yield agrees(case("poisson", z, y, poisson, weights=weights), poisson_loss(y[:, None], np.exp(z), weights))


def classes(weights, smoothing):
    for k in [3, 9]:
        z, y = 2 * random.normal(size=(ROWS, k)), random.integers(k, size=ROWS)
        t = torch.tensor(y)
        entropy = lambda z: F.cross_entropy(z, t, label_smoothing=smoothing, reduction="none")
        one = case("softmax", z, y, entropy, smoothing, weights)
        p = torch.softmax(torch.tensor(z), 1).numpy()
        yield one if smoothing else agrees(one, log_loss(np.eye(k)[y], p, weights))
    z, y = 2 * random.normal(size=(ROWS, 1)), random.integers(2, size=ROWS)
    t = torch.tensor(y)
    # One logit is the difference of two.
    both = lambda z: torch.cat([torch.zeros_like(z), z], 1)
    entropy = lambda z: F.cross_entropy(both(z), t, label_smoothing=smoothing, reduction="none")
    one = case("logistic", z, y, entropy, smoothing, weights)
    p = torch.sigmoid(torch.tensor(z)).numpy()
    yield one if smoothing else agrees(one, binary_log_loss(y[:, None], p, weights))


def labels(weights, smoothing):
    """Several labels: PyTorch has no smoothing for them, so they are smoothed by hand; scikit-learn adds them up."""
    z, y = 2 * random.normal(size=(ROWS, 5)), random.integers(2, size=(ROWS, 5))
    t = torch.tensor((1 - smoothing) * y + smoothing / 2)
    entropy = lambda z: F.binary_cross_entropy_with_logits(z, t, reduction="none").sum(1)
    one = case("logistic", z, y.ravel(), entropy, smoothing, weights)
    yield one if smoothing else agrees(one, binary_log_loss(y, torch.sigmoid(torch.tensor(z)).numpy(), weights))


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "crates/net/tests/golden/losses.json"
    cases = []
    for weights in [None, WEIGHTS]:
        cases += numbers(weights)
        for smoothing in [0.0, 0.1, 0.6]:
            cases += classes(weights, smoothing)
            cases += labels(weights, smoothing)
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n")
    print(f"{len(cases)} cases")
