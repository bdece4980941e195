"""Opportune's own forms beside timm's schedulers, at each epoch."""

from rows import EXACT
from stand_ins import Optimizer

BASE = 0.1

# The schedule, the scheduler, its arguments, epochs.
SCHEDULES = [
    ("cosine(floor=0.01, over=40)", "CosineLRScheduler", dict(t_initial=40, lr_min=0.001), 45),
    ("cosine(warp=2, over=40)", "CosineLRScheduler", dict(t_initial=40, k_decay=2.0), 45),
    ("cosine(floor=0.1, warp=0.5)", "CosineLRScheduler", dict(t_initial=40, k_decay=0.5, lr_min=0.01), 40),
    (
        "cosine_restarts(period=10, decay=0.5, cycles=3, floor=0.05)",
        "CosineLRScheduler",
        dict(t_initial=10, cycle_decay=0.5, cycle_limit=3, lr_min=0.005),
        40,
    ),
    (
        "cosine_restarts(period=5, mult=2, decay=0.8, cycles=3)",
        "CosineLRScheduler",
        dict(t_initial=5, cycle_mul=2.0, cycle_decay=0.8, cycle_limit=3),
        45,
    ),
    (
        "sequence(linear(from=0.01, to=1, over=6, per=epoch), cosine(over=30))",
        "CosineLRScheduler",
        dict(t_initial=30, warmup_t=6, warmup_lr_init=0.001, warmup_prefix=True),
        40,
    ),
    ("tanh(over=40)", "TanhLRScheduler", dict(t_initial=40), 45),
    (
        "tanh(lower=-4, upper=2, floor=0.1, over=30)",
        "TanhLRScheduler",
        dict(t_initial=30, lb=-4.0, ub=2.0, lr_min=0.01),
        35,
    ),
    ("polynomial(power=0.5, over=40)", "PolyLRScheduler", dict(t_initial=40), 45),
    (
        "polynomial(power=2, to=0.01, over=30)",
        "PolyLRScheduler",
        dict(t_initial=30, power=2.0, lr_min=0.001),
        35,
    ),
    ("step(every=7, gamma=0.5)", "StepLRScheduler", dict(decay_t=7, decay_rate=0.5), 40),
    (
        "sequence(linear(from=0, to=1, over=5, per=epoch), step(every=8))",
        "StepLRScheduler",
        dict(decay_t=8, decay_rate=0.1, warmup_t=5),
        40,
    ),
    # Its milestones fall one tick early, and are meant to.
    ("multi_step(at=[9, 24], gamma=0.3)", "MultiStepLRScheduler", dict(decay_t=[10, 25], decay_rate=0.3), 40),
    (
        "sequence(linear(from=0, to=1, over=6, per=epoch), constant(over=22), cooldown(12, per=epoch))",
        "WSDLRScheduler",
        dict(t_initial=34, decay_t=12, warmup_t=6),
        40,
    ),
    (
        "wsd(warmup=6, decay=12, warmup_shape=linear, decay_shape=cosine, floor=0.1, per=epoch)",
        "WSDLRScheduler",
        dict(t_initial=34, decay_t=12, decay_fn="cosine", warmup_t=6, warmup_lr_init=0.01, lr_min=0.01),
        40,
    ),
]


def write(rows, timm):
    for text, name, arguments, epochs in SCHEDULES:
        optimizer = Optimizer(BASE)
        scheduler = getattr(timm, name)(optimizer, **arguments)
        rates = []
        for epoch in range(epochs):
            # Its own training script leaves the call for epoch 0 out, and the rate is then the optimizer's whatever the curve.
            scheduler.step(epoch)
            rates.append(optimizer.param_groups[0]["lr"])
        rows.text(text, f"timm {name}", rates, base=BASE, steps_per_epoch=3, epochs=epochs, tolerance=EXACT)
