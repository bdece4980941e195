"""Writes crates/net/tests/golden/network.json: activations, gradients of whole networks, clipped gradients and averaged weights.

    cargo xtask golden network

makes the environment (optimizers/requirements.txt) and runs this. Everything is PyTorch's own code, in 64 bits.
"""

import json
import math
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

OUT = Path(__file__).resolve().parents[2] / "crates/net/tests/golden/network.json"
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

ACTIVATIONS = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "logistic": torch.sigmoid,
    "identity": lambda z: z,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "softplus": lambda z: F.softplus(z, threshold=1e9),
}


def wave(count, frequency, size):
    """Numbers that look like noise and are the same everywhere, to nine digits."""
    return [round(size * math.sin(frequency * (i + 1) ** 1.3), 9) for i in range(count)]


def activations():
    """Value and derivative at some places."""
    for name, function in ACTIVATIONS.items():
        z = torch.tensor([i / 8 + 0.01 for i in range(-64, 65)], requires_grad=True)
        value = function(z)
        value.sum().backward()
        yield {"name": name, "z": z.tolist(), "value": value.tolist(), "slope": z.grad.tolist()}


def networks():
    """Mean cross-entropy and its gradients, of networks with two hidden layers."""
    inputs, hidden, outputs, rows = 3, (5, 4), 3, 6
    data = torch.tensor(wave(rows * inputs, 2.1, 1.5)).reshape(rows, inputs)
    labels = torch.tensor([(i * 7 + i // 3) % outputs for i in range(rows)])
    widths = (inputs, *hidden, outputs)
    for name, function in ACTIVATIONS.items():
        for normalised in (False, True):
            numbers, start, tensors = 1.7, [], []
            for layer, (below, above) in enumerate(zip(widths, widths[1:])):
                weight = torch.tensor(wave(below * above, numbers + layer, 0.8)).reshape(below, above)
                tensors += [weight, torch.tensor(wave(above, 0.9 + layer, 0.3))]
                if normalised and layer < len(hidden):
                    tensors += [1 + torch.tensor(wave(above, 1.3 + layer, 0.4)), torch.tensor(wave(above, 2.3 + layer, 0.2))]
            start = torch.cat([one.flatten() for one in tensors]).tolist()
            tensors = [one.requires_grad_() for one in tensors]
            rest, x = list(tensors), data
            for layer, above in enumerate(widths[1:]):
                x = x @ rest.pop(0) + rest.pop(0)
                if layer < len(hidden):
                    if normalised:
                        x = F.layer_norm(x, (above,), rest.pop(0), rest.pop(0))
                    x = function(x)
            loss = F.cross_entropy(x, labels)
            loss.backward()
            yield {
                "activation": name,
                "layer_norm": normalised,
                "hidden": hidden,
                "outputs": outputs,
                "inputs": data.flatten().tolist(),
                "labels": labels.tolist(),
                "parameters": start,
                "loss": loss.item(),
                "gradients": torch.cat([one.grad.flatten() for one in tensors]).tolist(),
            }


def clips():
    """Gradients of several tensors, cut; the norm is that of all."""
    for size in (0.01, 1.0, 30.0):
        for norm, value in ((1.0, None), (None, 0.5), (2.5, 0.7)):
            tensors = [torch.zeros(count, requires_grad=True) for count in (7, 3, 20)]
            for index, one in enumerate(tensors):
                one.grad = torch.tensor(wave(len(one), 1.1 + index, size))
            before = torch.cat([one.grad for one in tensors]).tolist()
            if value is not None:
                clip_grad_value_(tensors, value)
            if norm is not None:
                clip_grad_norm_(tensors, norm)
            after = torch.cat([one.grad for one in tensors]).tolist()
            yield {"norm": norm, "value": value, "before": before, "after": after}


def averages():
    """Averages of a sequence of weights, each taken in as it comes."""
    for text, function in (
        ("ema(decay=0.9)", get_ema_multi_avg_fn(0.9)),
        ("ema(decay=0.999)", get_ema_multi_avg_fn(0.999)),
        ("swa", get_swa_multi_avg_fn()),
    ):
        model = torch.nn.Linear(4, 1, bias=False)
        averaged = AveragedModel(model, multi_avg_fn=function)
        weights, seen = [], []
        for step in range(12):
            weights.append(wave(4, 1.9 + 0.1 * step, 1.0 + step))
            with torch.no_grad():
                model.weight.copy_(torch.tensor([weights[-1]]))
            averaged.update_parameters(model)
            seen.append(averaged.module.weight.flatten().tolist())
        yield {"average": text, "weights": weights, "averaged": seen}


golden = {
    "torch": torch.__version__.split("+")[0],
    "activations": list(activations()),
    "networks": list(networks()),
    "clips": list(clips()),
    "averages": list(averages()),
}
OUT.write_text(json.dumps(golden, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
