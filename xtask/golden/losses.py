"""Writes crates/net/tests/golden/losses.json: losses and their gradients as PyTorch has them, and one of scikit-learn's.

    python -m venv venv
    venv/bin/pip install torch==2.15.0 numpy==2.4.6 scikit-learn==1.9.1
    venv/bin/python losses.py

Each case holds outputs of a network before softmax, logistic function or exponential (n x k), targets (classes, or numbers as
the loss reads them), the mean loss over the rows, and its gradient by the outputs. Computed in 64 bits.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
ROWS = 11
random = np.random.default_rng(7)


def case(loss, outputs, targets, mean):
    """`mean` is a function of the outputs that gives PyTorch's mean loss."""
    z = torch.tensor(outputs, requires_grad=True)
    value = mean(z)
    value.backward()
    return {
        "loss": loss,
        "outputs": outputs.tolist(),
        "targets": targets.tolist(),
        "mean": value.item(),
        "gradient": z.grad.tolist(),
    }


def numbers():
    z, y = 1.5 * random.normal(size=(ROWS, 1)), random.normal(size=ROWS)
    z[0, 0] = y[0]
    t = torch.tensor(y)
    yield case("squared", z, y, lambda z: 0.5 * F.mse_loss(z[:, 0], t))
    for delta in [1.0, 0.3, 5.0]:
        yield case(f"huber(delta={delta})", z, y, lambda z: F.huber_loss(z[:, 0], t, delta=delta))
    yield case("absolute", z, y, lambda z: F.l1_loss(z[:, 0], t))
    y = random.poisson(1.3, ROWS).astype(float) / 1.3
    assert (y == 0).any()
    t = torch.tensor(y)
    # PyTorch leaves out what does not depend on the outputs.
    constant = torch.xlogy(t, t) - t
    one = case("poisson", z, y, lambda z: F.poisson_nll_loss(z[:, 0], t, log_input=True) + constant.mean())
    from sklearn.neural_network._base import poisson_loss

    assert np.isclose(one["mean"], poisson_loss(y[:, None], np.exp(z)), rtol=1e-14)
    yield one


def classes():
    for k in [3, 9]:
        z, y = 2 * random.normal(size=(ROWS, k)), random.integers(k, size=ROWS)
        t = torch.tensor(y)
        yield case("softmax", z, y, lambda z: F.cross_entropy(z, t))
    z, y = 2 * random.normal(size=(ROWS, 1)), random.integers(2, size=ROWS)
    yield case("logistic", z, y, lambda z: F.binary_cross_entropy_with_logits(z[:, 0], torch.tensor(y, dtype=float)))


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "crates/net/tests/golden/losses.json"
    cases = [*numbers(), *classes()]
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n")
    print(f"{len(cases)} cases")
