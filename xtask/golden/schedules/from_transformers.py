"""Opportune's own forms beside transformers' get_…_schedule functions, at each step of 12 epochs of 5."""

from stand_ins import Optimizer

STEPS, BASE = 60, 0.02

# The schedule, the function, its arguments, and the factor of the first argument if that is not 1.
SCHEDULES = [
    ("constant(per=step)", "get_constant_schedule", {}),
    (
        "sequence(linear(from=0, to=1, over=12 steps), constant(per=step))",
        "get_constant_schedule_with_warmup",
        dict(num_warmup_steps=12),
    ),
    (
        "sequence(linear(from=0, to=1, over=12 steps), linear(per=step))",
        "get_linear_schedule_with_warmup",
        dict(num_warmup_steps=12, num_training_steps=STEPS),
    ),
    (
        "sequence(linear(from=0, to=1, over=12 steps), cosine(per=step))",
        "get_cosine_schedule_with_warmup",
        dict(num_warmup_steps=12, num_training_steps=STEPS),
    ),
    (
        "sequence(linear(from=0, to=1, over=6 steps), cosine(cycles=1.75, per=step))",
        "get_cosine_schedule_with_warmup",
        dict(num_warmup_steps=6, num_training_steps=STEPS, num_cycles=1.75),
    ),
    (
        "sequence(linear(from=0, to=1, over=12 steps), cosine_restarts(cycles=3, per=step))",
        "get_cosine_with_hard_restarts_schedule_with_warmup",
        dict(num_warmup_steps=12, num_training_steps=STEPS, num_cycles=3),
    ),
    (
        f"sequence(linear(from=0, to=1, over=10 steps), polynomial(power=2, to={1e-7 / BASE!r}, per=step))",
        "get_polynomial_decay_schedule_with_warmup",
        dict(num_warmup_steps=10, num_training_steps=STEPS, power=2.0),
    ),
    (
        "sequence(linear(from=0, to=1, over=10 steps), polynomial(power=0.5, to=0.1, over=30 steps, per=step))",
        "get_polynomial_decay_schedule_with_warmup",
        dict(num_warmup_steps=10, num_training_steps=40, lr_end=0.1 * BASE, power=0.5),
    ),
    ("inverse_sqrt(warmup=10 steps)", "get_inverse_sqrt_schedule", dict(num_warmup_steps=10)),
    ("inverse_sqrt(warmup=5 steps, timescale=50 steps)", "get_inverse_sqrt_schedule", dict(num_warmup_steps=5, timescale=50)),
    ("inverse_sqrt", "get_inverse_sqrt_schedule", dict(num_warmup_steps=0)),
    (
        "sequence(linear(from=0, to=1, over=9 steps), cosine(floor=0.1, per=step))",
        "get_cosine_with_min_lr_schedule_with_warmup",
        dict(num_warmup_steps=9, num_training_steps=STEPS, min_lr_rate=0.1),
    ),
    (
        "sequence(linear(from=0, to=1, over=9 steps), cosine(floor=0.25, per=step))",
        "get_cosine_with_min_lr_schedule_with_warmup",
        dict(num_warmup_steps=9, num_training_steps=STEPS, min_lr=0.25 * BASE, num_cycles=0.5),
    ),
    # Its warm-up begins one step ahead, and its cosine goes on from that.
    (
        "sequence(linear(from=0.1, to=1, over=9 steps), cosine(floor=0.1, over=50 steps, per=step))",
        "get_cosine_with_min_lr_schedule_with_warmup_lr_rate",
        dict(num_warmup_steps=10, num_training_steps=STEPS, min_lr_rate=0.1),
    ),
]
for warmup, decay, floor in [("linear", "cosine", 0), ("cosine", "linear", 0.1), ("1-sqrt", "1-sqrt", 0.05)]:
    shapes = [name.removeprefix("1-") for name in (warmup, decay)]
    SCHEDULES.append(
        (
            f"wsd(warmup=10 steps, decay=15 steps, warmup_shape={shapes[0]}, decay_shape={shapes[1]}, floor={floor})",
            "get_wsd_schedule",
            dict(num_warmup_steps=10, num_decay_steps=15, num_training_steps=STEPS, min_lr_ratio=floor,
                 warmup_type=warmup, decay_type=decay),
        )  # fmt: skip
    )


def write(rows, transformers):
    for text, name, arguments in SCHEDULES:
        optimizer = Optimizer(BASE)
        scheduler = getattr(transformers, name)(optimizer, **arguments)
        rates = []
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        clock = "epoch" if name == "get_constant_schedule" else "step"
        if clock == "epoch":
            rates = rates[:12]
        rows.text(text, f"transformers {name}", rates, base=BASE, steps_per_epoch=5, epochs=12, clock=clock)
