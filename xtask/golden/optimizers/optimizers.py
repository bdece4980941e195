"""Writes crates/net/tests/golden/optimizers.json: fifty steps of each optimizer, as upstream takes them.

    cargo xtask golden optimizers

makes the environment (requirements.txt; PyTorch comes with its GPU libraries, some gigabytes) and runs this.

The problem: three inputs, four tanh units, three classes, in 64 bits; twelve rows, of which a step takes five, L-BFGS all. The
rate and, where it is cycled, the momentum differ from step to step. A penalty ½·l2·‖W‖²/rows is part of the loss; decoupled
decay is upstream's own where it has one, else weights are multiplied by 1 − rate·λ before the step. Biases are free of both.

Everything is upstream's own code. Only Muon's Newton–Schulz steps, which PyTorch takes in bfloat16, are taken in 64 bits: by
its own function, with that one word replaced.
"""

import inspect
import json
import math
from pathlib import Path

import torch
import torch.optim._muon as muon
from lion_pytorch import Lion
from prodigyopt import Prodigy
from schedulefree import AdamWScheduleFree, SGDScheduleFree

OUT = Path(__file__).resolve().parents[3] / "crates/net/tests/golden/optimizers.json"
STEPS, ROWS, BATCH = 50, 12, 5
INPUTS, HIDDEN, OUTPUTS = 3, 4, 3
SHOWN = (1, 6, 50)

source = inspect.getsource(muon._zeropower_via_newtonschulz)
assert source.count("torch.bfloat16") == 1
exec(source.replace("torch.bfloat16", "torch.float64"), muon.__dict__)

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def wave(count, frequency, size):
    """Numbers that look like noise and are the same everywhere, to nine digits."""
    return [round(size * math.sin(frequency * (i + 1) ** 1.3), 9) for i in range(count)]


DATA = wave(ROWS * INPUTS, 2.1, 1.5)
LABELS = [(i * 7 + i // 3) % OUTPUTS for i in range(ROWS)]
START = wave((INPUTS + 1) * HIDDEN + (HIDDEN + 1) * OUTPUTS, 1.7, 0.8)
RATES = [round(1 - 0.012 * i + 0.3 * math.sin(i), 6) for i in range(STEPS)]
MOMENTA = [round(0.8 + 0.1 * math.sin(0.4 * i), 6) for i in range(STEPS)]

# The optimizer as Opportune writes it, the base rate, and upstream's class with its arguments.
NONE = {}
CASES = [
    ("sgd", 0.3, torch.optim.SGD, NONE),
    ("sgd(momentum=0.9)", 0.05, torch.optim.SGD, dict(momentum=0.9)),
    ("sgd(momentum=0.9, nesterov=true)", 0.05, torch.optim.SGD, dict(momentum=0.9, nesterov=True)),
    ("sgd(momentum=0.8, dampening=0.3)", 0.2, torch.optim.SGD, dict(momentum=0.8, dampening=0.3)),
    ("adam", 0.02, torch.optim.Adam, NONE),
    ("adam(beta1=0.8, beta2=0.95, eps=1e-3)", 0.02, torch.optim.Adam, dict(betas=(0.8, 0.95), eps=1e-3)),
    ("adam(beta2=0.9, amsgrad=true)", 0.02, torch.optim.Adam, dict(betas=(0.9, 0.9), amsgrad=True)),
    ("adamw", 0.02, torch.optim.AdamW, NONE),
    ("adamw(beta1=0.5, amsgrad=true)", 0.02, torch.optim.AdamW, dict(betas=(0.5, 0.999), amsgrad=True)),
    ("nadam", 0.02, torch.optim.NAdam, dict(decoupled_weight_decay=True)),
    (
        "nadam(beta1=0.8, beta2=0.95, eps=1e-3, momentum_decay=1)", 0.02, torch.optim.NAdam,
        dict(betas=(0.8, 0.95), eps=1e-3, momentum_decay=1.0, decoupled_weight_decay=True),
    ),
    ("radam", 0.02, torch.optim.RAdam, dict(decoupled_weight_decay=True)),
    (
        "radam(beta1=0.8, beta2=0.9, eps=1e-3)", 0.02, torch.optim.RAdam,
        dict(betas=(0.8, 0.9), eps=1e-3, decoupled_weight_decay=True),
    ),
    ("radam(beta2=0.5)", 0.02, torch.optim.RAdam, dict(betas=(0.9, 0.5), decoupled_weight_decay=True)),
    ("adamax", 0.02, torch.optim.Adamax, NONE),
    ("adamax(beta1=0.8, beta2=0.9, eps=1e-2)", 0.02, torch.optim.Adamax, dict(betas=(0.8, 0.9), eps=1e-2)),
    ("rmsprop", 0.01, torch.optim.RMSprop, NONE),
    ("rmsprop(alpha=0.9, eps=1e-3, momentum=0.5)", 0.01, torch.optim.RMSprop, dict(alpha=0.9, eps=1e-3, momentum=0.5)),
    ("rmsprop(centered=true)", 0.002, torch.optim.RMSprop, dict(centered=True)),
    (
        "rmsprop(alpha=0.8, eps=0.1, momentum=0.7, centered=true)", 0.01, torch.optim.RMSprop,
        dict(alpha=0.8, eps=0.1, momentum=0.7, centered=True),
    ),
    ("adagrad", 0.1, torch.optim.Adagrad, NONE),
    (
        "adagrad(lr_decay=0.05, initial_accumulator_value=0.1, eps=1e-3)", 0.2, torch.optim.Adagrad,
        dict(lr_decay=0.05, initial_accumulator_value=0.1, eps=1e-3),
    ),
    ("adadelta", 1.0, torch.optim.Adadelta, NONE),
    ("adadelta(rho=0.7, eps=1e-3)", 1.0, torch.optim.Adadelta, dict(rho=0.7, eps=1e-3)),
    ("lion", 0.01, Lion, NONE),
    ("lion(beta1=0.5, beta2=0.8)", 0.01, Lion, dict(betas=(0.5, 0.8))),
    ("muon", 0.05, torch.optim.Muon, NONE),
    ("muon(momentum=0.8, nesterov=false)", 0.05, torch.optim.Muon, dict(momentum=0.8, nesterov=False)),
    (
        "muon(ns_steps=3, eps=10, match_rms_adamw=true)", 0.05, torch.optim.Muon,
        dict(ns_steps=3, eps=10.0, adjust_lr_fn="match_rms_adamw"),
    ),
    ("schedule_free_sgd", 0.5, SGDScheduleFree, NONE),
    (
        "schedule_free_sgd(momentum=0.5, r=1, weight_lr_power=1)", 0.5, SGDScheduleFree,
        dict(momentum=0.5, r=1.0, weight_lr_power=1.0),
    ),
    ("schedule_free_adamw", 0.05, AdamWScheduleFree, NONE),
    (
        "schedule_free_adamw(beta1=0.7, beta2=0.9, eps=1e-3, r=0.5, weight_lr_power=0)", 0.05, AdamWScheduleFree,
        dict(betas=(0.7, 0.9), eps=1e-3, r=0.5, weight_lr_power=0.0),
    ),
    ("prodigy", 1.0, Prodigy, NONE),
    ("prodigy(d0=1e-3, use_bias_correction=true)", 1.0, Prodigy, dict(d0=1e-3, use_bias_correction=True)),
    (
        "prodigy(beta1=0.5, beta2=0.9, eps=1e-3, d0=1e-2, d_coef=2, safeguard_warmup=true)", 0.5, Prodigy,
        dict(betas=(0.5, 0.9), eps=1e-3, d0=1e-2, d_coef=2.0, safeguard_warmup=True),
    ),
    ("lbfgs", 1.0, torch.optim.LBFGS, dict(history_size=10, line_search_fn="strong_wolfe")),
    ("lbfgs(history_size=2)", 0.5, torch.optim.LBFGS, dict(history_size=2, line_search_fn="strong_wolfe")),
    ("lbfgs(history_size=3, strong_wolfe=false)", 0.2, torch.optim.LBFGS, dict(history_size=3)),
]  # fmt: skip

# These take the decay themselves, decoupled.
OWN_DECAY = (
    torch.optim.AdamW, torch.optim.NAdam, torch.optim.RAdam, torch.optim.Muon, Lion, Prodigy, SGDScheduleFree,
    AdamWScheduleFree,
)  # fmt: skip


def parameters():
    """As Opportune has them: for each layer weights, inputs x outputs, then biases; PyTorch's are outputs x inputs."""
    start, at, all = torch.tensor(START), 0, []
    for inputs, outputs in [(INPUTS, HIDDEN), (HIDDEN, OUTPUTS)]:
        weights = start[at : at + inputs * outputs].reshape(inputs, outputs)
        at += inputs * outputs
        all += [torch.nn.Parameter(weights.T.contiguous().clone()), torch.nn.Parameter(start[at : at + outputs].clone())]
        at += outputs
    return all


def flat(all):
    return [value for p in all for value in (p.T if p.ndim == 2 else p).flatten().tolist()]


def run(text, base, make, arguments, l2, decay, cycled):
    all = parameters()
    weights, biases = all[0::2], all[1::2]
    x, y = torch.tensor(DATA).reshape(ROWS, INPUTS), torch.tensor(LABELS)
    more = []
    if make is torch.optim.LBFGS:
        # Its own order is that of the parameters.
        optimizer = make(all, lr=base, max_iter=1, max_eval=26, **arguments)
    elif make is torch.optim.Muon:
        optimizer = make(weights, lr=base, weight_decay=decay, **arguments)
        more = [torch.optim.AdamW(biases, lr=base, weight_decay=0.0)]
    else:
        own = decay if make in OWN_DECAY else 0.0
        optimizer = make([dict(params=weights, weight_decay=own), dict(params=biases, weight_decay=0.0)], lr=base, **arguments)
    free = make in (SGDScheduleFree, AdamWScheduleFree)
    shown = {}
    for step in range(STEPS):
        rate = base * RATES[step]
        for one in [optimizer, *more]:
            for group in one.param_groups:
                group["lr"] = rate
        if cycled:
            for group in optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (MOMENTA[step], group["betas"][1])
                else:
                    group["momentum"] = MOMENTA[step]
        rows = list(range(ROWS)) if make is torch.optim.LBFGS else [(step * BATCH + i) % ROWS for i in range(BATCH)]

        def closure():
            for p in all:
                p.grad = None
            out = torch.tanh(x[rows] @ all[0].T + all[1]) @ all[2].T + all[3]
            loss = torch.nn.functional.cross_entropy(out, y[rows])
            loss = loss + 0.5 * l2 / len(rows) * sum((w * w).sum() for w in weights)
            loss.backward()
            return loss

        if free:
            optimizer.train()
        if make is torch.optim.LBFGS:
            optimizer.step(closure)
        else:
            closure()
            if make not in OWN_DECAY and decay:
                with torch.no_grad():
                    for w in weights:
                        w.mul_(1 - rate * decay)
            for one in [optimizer, *more]:
                one.step()
        if step + 1 in SHOWN:
            if free:
                optimizer.eval()
            shown[step + 1] = flat(all)
            assert all_finite(shown[step + 1]), text
            if free:
                optimizer.train()
    return dict(
        optimizer=text, source=f"{make.__module__.split('.')[0]} {make.__name__}", base=base, l2=l2, decay=decay,
        cycled=cycled, steps=list(shown), parameters=list(shown.values()),
    )  # fmt: skip


def all_finite(values):
    return all(math.isfinite(value) for value in values)


CYCLED = {"sgd(momentum=0.9)", "adam", "nadam", "radam", "adamax", "rmsprop(alpha=0.9, eps=1e-3, momentum=0.5)", "lion",
          "muon", "prodigy(d0=1e-3, use_bias_correction=true)"}  # fmt: skip
cases = []
for text, base, make, arguments in CASES:
    if make is torch.optim.LBFGS:
        # It has no decay upstream. With a penalty there is a minimum, to which it comes whatever the last digits are.
        cases += [run(text, base, make, arguments, l2, 0.0, False) for l2 in (3.0, 6.0)]
        continue
    cases.append(run(text, base, make, arguments, 0.0, 0.0, False))
    cases.append(run(text, base, make, arguments, 0.3, 0.2, text in CYCLED))
problem = dict(
    inputs=INPUTS, hidden=HIDDEN, outputs=OUTPUTS, rows=ROWS, batch=BATCH, data=DATA, labels=LABELS, start=START,
    rates=RATES, momenta=MOMENTA,
)  # fmt: skip
OUT.parent.mkdir(parents=True, exist_ok=True)
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
OUT.write_text(f'{{"problem":{json.dumps(problem, separators=(",", ":"))},\n"cases":[\n{lines}\n]}}\n')
print(f"{OUT}: {len(cases)} cases")
