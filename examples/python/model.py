"""A trained model without Opportune: `python model.py model.safetensors data.csv` prints a prediction for each row.

Needs numpy and safetensors. docs/model.md explains the file.
"""

import csv
import json
import math
import sys

import numpy as np
from safetensors import safe_open

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z / 2 * (1 + np.vectorize(math.erf)(z / np.sqrt(2))),
    "gelu_tanh": lambda z: z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
    "softplus": lambda z: np.logaddexp(0, z),
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: z,
}
MISSING = {"", "?", "-", ".", "na", "n/a", "nan", "null", "none", "#n/a", "<na>", "-nan"}


def inputs(encoder, rows):
    """What the first layer reads: standardised numbers, then one input for each category."""
    missing = lambda cell: cell.strip().lower() in MISSING
    columns = []
    for one in encoder["numeric"]:
        cells = [row[one["name"]] for row in rows]
        numbers = np.array([one["mean"] if missing(cell) else float(cell) for cell in cells])
        columns.append((numbers - one["mean"]) / one["scale"])
    for one in encoder["categorical"]:
        cells = [row[one["name"]].strip() for row in rows]
        columns += [np.array([cell == level for cell in cells], float) for level in one["levels"]]
        if one["missing"]:
            columns.append(np.array([missing(cell) for cell in cells], float))
    return np.stack(columns, axis=1)


def predict(path, rows):
    """Class labels and probabilities, of several labels (names, None) and probabilities, or None and numbers in the target's
    own units."""
    with safe_open(path, "np") as file:
        head = json.loads(file.metadata()["opportune"])
        layers = range(len(head["network"]["hidden"]) + 1)
        weights = [(file.get_tensor(f"layer{layer}.weight"), file.get_tensor(f"layer{layer}.bias")) for layer in layers]
        norms = [[file.get_tensor(f"layer{layer}.norm.{one}") for one in ("gain", "bias")] for layer in layers[:-1]
                 if head["network"].get("layer_norm")]
    activation = ACTIVATIONS[head["network"]["activation"]]
    x = inputs(head["encoder"], rows).astype(weights[0][0].dtype)
    for layer, (weight, bias) in enumerate(weights):
        x = x @ weight + bias
        if layer < len(norms):
            gain, shift = norms[layer]
            x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) * gain + shift
        if layer < layers[-1]:
            x = activation(x)
    x = x.astype(float)
    if "numbers" in head["target"]:
        target = head["target"]["numbers"]
        numbers = np.exp(x[:, 0]) if head["loss"] == "poisson" else x[:, 0]
        return None, numbers * target["scale"] + target["mean"]
    if "labels" in head["target"]:
        return (head["target"]["labels"]["names"], None), 1 / (1 + np.exp(-x))
    if head["loss"] == "logistic":
        p = 1 / (1 + np.exp(-x[:, 0]))
        return head["target"]["classes"]["labels"], np.stack([1 - p, p], axis=1)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return head["target"]["classes"]["labels"], e / e.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    with open(sys.argv[2], newline="") as file:
        labels, values = predict(sys.argv[1], list(csv.DictReader(file)))
    if labels is None:
        print("prediction", *map(float, values), sep="\n")
    elif isinstance(labels, tuple):
        print(*labels[0], *(f"p_{label}" for label in labels[0]), sep=",")
        for row in values:
            print(*(int(p > 0.5) for p in row), *(f"{p:.6f}" for p in row), sep=",")
    else:
        print("label", *(f"p_{label}" for label in labels), sep=",")
        for row in values:
            print(labels[row.argmax()], *(f"{p:.6f}" for p in row), sep=",")
