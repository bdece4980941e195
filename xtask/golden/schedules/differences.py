"""Where Opportune means to differ: what upstream gives, or how it fails, for docs/schedule-differences.md.

Opportune's own values are pinned in crates/core/tests/schedule_differences.rs, which looks that each of these is another.
"""

import json
import warnings

from from_fastai import Learner
from rows import FOLDER
from stand_ins import Optimizer

# Constructor calls of PyTorch at a rate of 0.1, and the ticks that are looked at.
TORCH = {
    "cosine end": ("CosineAnnealingLR(optimizer, T_max=10)", [10, 15, 20]),
    "one-cycle end": ("OneCycleLR(optimizer, 0.1, total_steps=10)", [9, 10, 11]),
    "one-cycle width": ("OneCycleLR(optimizer, 0.1, total_steps=10, pct_start=0.1)", [0, 9]),
    "one-cycle begin": ("OneCycleLR(optimizer, 0.1, total_steps=10, pct_start=0.0)", [0, 9]),
    "one-cycle rise": ("OneCycleLR(optimizer, 0.1, total_steps=10, pct_start=1.0)", [0, 9]),
    "linear length": ("LinearLR(optimizer, total_iters=0)", [0, 3]),
    "constant length": ("ConstantLR(optimizer, total_iters=0)", [0, 3]),
    "polynomial length": ("PolynomialLR(optimizer, total_iters=0)", [0, 3]),
    "chained lambda": (
        "ChainedScheduler([LambdaLR(optimizer, lambda epoch: 0.5 ** (epoch // 4)), ExponentialLR(optimizer, 0.9)])",
        [1, 2, 5],
    ),
    "chained restarts": (
        "ChainedScheduler([ExponentialLR(optimizer, 0.9), CosineAnnealingWarmRestarts(optimizer, 10)])",
        [1, 5],
    ),
    "chained sequence": (
        "ChainedScheduler([SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=5),"
        " ConstantLR(optimizer, 1.0, 1)], [5]), ExponentialLR(optimizer, 0.9)])",
        [1, 5, 8],
    ),
    "nested sequence": (
        "SequentialLR(optimizer, [SequentialLR(optimizer, [ConstantLR(optimizer, 0.5, 2),"
        " ConstantLR(optimizer, 0.2, 10)], milestones=[2])], milestones=[])",
        [0, 1, 2],
    ),
    "nested sequence later": (
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.1), SequentialLR(optimizer, [ConstantLR(optimizer, 0.5, 2),"
        " ConstantLR(optimizer, 0.2, 10)], milestones=[2])], milestones=[5])",
        [4, 5, 7],
    ),
    "nested chain": (
        "SequentialLR(optimizer, [ChainedScheduler([ExponentialLR(optimizer, 0.5), StepLR(optimizer, 3)]),"
        " ConstantLR(optimizer, 0.2, 10)], milestones=[4])",
        [0, 1, 3, 4],
    ),
    "multiplicative after": (
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.1), MultiplicativeLR(optimizer, lambda epoch: 0.5)], [3])",
        [2, 3],
    ),
}

OPTAX = {
    "optax places": ("cosine_onecycle_schedule(4, 0.1, pct_start=1.0)", [0, 3]),
}


def stepped(make, ticks):
    """What a training loop has at these ticks; from the tick on at which upstream fails, the name of what it raises."""
    values = {}
    optimizer = Optimizer(0.1)
    tick = 0
    try:
        scheduler = make(optimizer)
        for tick in range(max(ticks) + 1):
            values[tick] = float(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    except Exception as error:
        return [values.get(tick, type(error).__name__) for tick in ticks]
    return [values[tick] for tick in ticks]


def write(torch, optax, transformers, timm, fastai):
    warnings.simplefilter("ignore")
    rows = []

    def row(name, what, ticks, values):
        rows.append(dict(name=name, what=what, ticks=ticks, upstream=values))

    for name, (call, ticks) in TORCH.items():
        row(name, call, ticks, stepped(lambda o: eval(call, vars(torch) | {"optimizer": o}), ticks))
    for name, (call, ticks) in OPTAX.items():
        schedule = eval(call, dict(vars(optax)))
        row(name, call, ticks, [float(schedule(tick)) for tick in ticks])

    # The end of the third of cycles that are three times as long each time, and of the fifth.
    optimizer = Optimizer(0.1)
    restarts = torch.CosineAnnealingWarmRestarts(optimizer, 1, 3)
    restarts.step(121)
    row("restarts by logarithm", "CosineAnnealingWarmRestarts(optimizer, 1, 3)", [121], [optimizer.param_groups[0]["lr"]])
    scheduler = timm.CosineLRScheduler(Optimizer(0.1), t_initial=1, cycle_mul=3.0, cycle_limit=100)
    row("timm restarts", "CosineLRScheduler(optimizer, 1, cycle_mul=3.0, cycle_limit=100)", [121], scheduler._get_lr(121))
    scheduler = timm.MultiStepLRScheduler(Optimizer(0.1), decay_t=[10], decay_rate=0.1)
    row("timm milestones", "MultiStepLRScheduler(optimizer, [10], 0.1)", [9, 10], [scheduler._get_lr(t)[0] for t in (9, 10)])
    optimizer = Optimizer(0.1)
    timm.TanhLRScheduler(optimizer, t_initial=10, lb=-1.0)
    row("timm begin", "TanhLRScheduler(optimizer, 10, lb=-1.0)", [0], [optimizer.param_groups[0]["lr"]])

    def cosine(optimizer):
        return transformers.get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=2, num_training_steps=10)

    row("transformers end", "get_cosine_schedule_with_warmup(optimizer, 2, 10)", [10, 14], stepped(cosine, [10, 14]))

    try:
        fastai.fit_sgdr(Learner(), 3, 1, cycle_mult=1)
        failed = None
    except ZeroDivisionError as error:
        failed = type(error).__name__
    row("fastai restarts", "fit_sgdr(3, 1, cycle_mult=1)", [0], [failed])

    path = FOLDER / "schedules_differences.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} bytes")
