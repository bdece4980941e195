"""Schedules in Opportune's own form beside PyTorch's."""

import math

from stand_ins import Optimizer

PT = ROWS = None


def write(rows, torch):
    global PT, ROWS
    PT, ROWS = torch, rows
    for some in (exponential, step, linear, cosine, cyclic, sequence):
        some()


def add(text, source, rates, *, base, steps_per_epoch, epochs, clock="epoch", **more):
    ticks = epochs if clock == "epoch" else epochs * steps_per_epoch
    run = dict(base=base, steps_per_epoch=steps_per_epoch, epochs=epochs, clock=clock)
    ROWS.text(text, source, rates[:ticks], **run, **more)


def chained(make, base, ticks):
    """Rates and momenta as a training loop sees them."""
    optimizer = Optimizer(base, 0.9)
    scheduler = make(optimizer)
    rates, momenta = [], []
    for _ in range(ticks):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        momenta.append(float(optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        scheduler.step()
    return rates, momenta


def closed(make, base, ticks):
    """Rates by the scheduler's own formula in t."""
    scheduler = make(Optimizer(base, 0.9))
    rates = []
    for t in range(ticks):
        scheduler.last_epoch = t
        rates.append(float(scheduler._get_closed_form_lr()[0]))
    return rates


def both(text, make, *, base, epochs, steps_per_epoch=3, clock="epoch", chained_tolerance=1e-12):
    """One row for each of PyTorch's two forms."""
    ticks = epochs if clock == "epoch" else epochs * steps_per_epoch
    name = make(Optimizer(base, 0.9)).__class__.__name__
    run = dict(base=base, steps_per_epoch=steps_per_epoch, epochs=epochs, clock=clock)
    add(text, f"{name}, closed", closed(make, base, ticks), **run)
    add(text, f"{name}, chained", chained(make, base, ticks)[0], tolerance=chained_tolerance, **run)


def exponential():
    for base, gamma, epochs in [(0.001, 0.95, 100), (0.1, 0.5, 60), (3.0, 1.0, 5), (0.01, 0.999, 200)]:
        both(f"exponential(gamma={gamma})", lambda o: PT.ExponentialLR(o, gamma), base=base, epochs=epochs)
    # As Keras's LearningRateScheduler and its ExponentialDecay have it.
    add(
        "exponential(gamma=0.95)",
        "LearningRateScheduler(lambda epoch: 0.001 * 0.95**epoch)",
        [0.001 * 0.95**epoch for epoch in range(100)],
        base=0.001,
        steps_per_epoch=5,
        epochs=100,
    )
    add(
        "exponential(gamma=0.9, every=7 steps, per=step)",
        "ExponentialDecay(0.01, decay_steps=7, decay_rate=0.9)",
        [0.01 * 0.9 ** (step / 7) for step in range(60)],
        base=0.01,
        steps_per_epoch=6,
        epochs=10,
        clock="step",
    )
    add(
        "step(every=7 steps, gamma=0.9, per=step)",
        "ExponentialDecay(0.01, decay_steps=7, decay_rate=0.9, staircase=True)",
        [0.01 * 0.9 ** (step // 7) for step in range(60)],
        base=0.01,
        steps_per_epoch=6,
        epochs=10,
        clock="step",
    )


def step():
    for base, every, gamma, epochs in [(0.1, 30, 0.1, 100), (0.05, 1, 0.5, 40), (1.0, 7, 0.9, 60), (0.2, 3, 1.0, 9)]:
        both(
            f"step(every={every}, gamma={gamma})", lambda o: PT.StepLR(o, every, gamma=gamma), base=base, epochs=epochs
        )


def linear():
    for base, start, end, over, epochs in [
        (0.05, 1 / 3, 1.0, 5, 12),
        (0.05, 1.0, 0.0, 10, 15),
        (0.1, 0.1, 1.0, 7, 9),
        (0.3, 1.0, 0.25, 50, 60),
        (0.1, 0.5, 1.0, 1, 3),
    ]:
        both(
            f"linear(from={start!r}, to={end}, over={over})",
            lambda o: PT.LinearLR(o, start, end, over),
            base=base,
            epochs=epochs,
        )
    both(
        "linear(from=0.001, to=1, over=40 steps, per=step)",
        lambda o: PT.LinearLR(o, 0.001, 1.0, 40),
        base=0.2,
        epochs=10,
        steps_per_epoch=8,
        clock="step",
    )


def cosine():
    # One epoch past the end, where PyTorch has not yet begun to rise. Chained, rounding is carried on through the quotient
    # of neighbouring heights, which are small towards the end.
    for base, low, over in [(0.1, 0.0, 100), (0.1, 0.001, 50), (0.5, 0.125, 7), (0.01, 0.0, 1)]:
        both(
            f"cosine(floor={low / base!r}, over={over})",
            lambda o: PT.CosineAnnealingLR(o, over, eta_min=low),
            base=base,
            epochs=over + 1,
            chained_tolerance=1e-11,
        )
    both(
        "cosine(per=step)",
        lambda o: PT.CosineAnnealingLR(o, 80),
        base=0.1,
        epochs=8,
        steps_per_epoch=10,
        clock="step",
        chained_tolerance=1e-11,
    )


def cyclic():
    for base, peak, up, down, mode, gamma, epochs in [
        (1e-4, 1e-2, 20, 20, "triangular", None, 100),
        (1e-4, 1e-2, 20, 20, "triangular2", None, 100),
        (1e-4, 1e-2, 20, 20, "exp_range", 0.99, 100),
        (0.01, 0.1, 5, 13, "triangular", None, 60),
        (0.01, 0.1, 5, 13, "triangular2", None, 60),
        (0.01, 0.1, 5, 13, "exp_range", 0.9, 60),
        (0.5, 2.0, 1, 1, "triangular", None, 6),
        (0.5, 2.0, 1, 2, "triangular2", None, 12),
        (0.5, 0.5, 3, 3, "triangular", None, 7),
    ]:
        for clock in ["epoch", "step"]:
            steps_per_epoch = 4
            ticks = epochs if clock == "epoch" else epochs * steps_per_epoch
            if clock == "step" and epochs > 20:
                continue
            unit = "" if clock == "epoch" else " steps"
            keys = [f"base={base}", f"max={peak}", f"up={up}{unit}", f"down={down}{unit}", f"mode={mode}"]
            if gamma is not None:
                keys += [f"gamma={gamma}"]
            keys += ["momentum=0.8..0.9"] + ([f"per={clock}"] if clock == "step" else [])
            rates, momenta = chained(
                lambda o: PT.CyclicLR(
                    o, base, peak, up, down, mode, gamma or 1.0, base_momentum=0.8, max_momentum=0.9
                ),
                base,
                ticks,
            )
            add(
                f"cyclic({', '.join(keys)})",
                "CyclicLR",
                rates,
                base=None,
                steps_per_epoch=steps_per_epoch,
                epochs=epochs,
                clock=clock,
                momenta=momenta,
            )
    rates, _ = chained(
        lambda o: PT.CyclicLR(o, 0.01, 0.1, 9, 4, "exp_range", 0.97, cycle_momentum=False), 0.01, 60
    )
    add(
        "cyclic(base=0.01, max=0.1, up=9 steps, down=4 steps, mode=exp_range, gamma=0.97, every=1 step, per=step)",
        "CyclicLR",
        rates,
        base=None,
        steps_per_epoch=6,
        epochs=10,
        clock="step",
    )


def sequence():
    def sequential(o, first, second, milestone):
        return PT.SequentialLR(o, [first(o), second(o)], [milestone])

    def row(text, first, second, milestone, **run):
        ticks = run["epochs"] * (run["steps_per_epoch"] if run.get("clock") == "step" else 1)
        rates, _ = chained(lambda o: sequential(o, first, second, milestone), run["base"], ticks)
        add(text, "SequentialLR, chained", rates, tolerance=1e-11, **run)

    row(
        "sequence(linear(from=0.1, to=1, over=5, per=epoch), cosine)",
        lambda o: PT.LinearLR(o, 0.1, 1.0, 5),
        lambda o: PT.CosineAnnealingLR(o, 45),
        5,
        base=0.1,
        steps_per_epoch=3,
        epochs=50,
    )
    row(
        "sequence(linear(from=0.01, to=1, over=1), cosine(floor=0.01, per=step))",
        lambda o: PT.LinearLR(o, 0.01, 1.0, 9),
        lambda o: PT.CosineAnnealingLR(o, 81, eta_min=0.002),
        9,
        base=0.2,
        steps_per_epoch=9,
        epochs=10,
        clock="step",
    )
    row(
        "sequence(constant(over=10), exponential(gamma=0.9))",
        lambda o: PT.ConstantLR(o, 1.0, 10),
        lambda o: PT.ExponentialLR(o, 0.9),
        10,
        base=0.1,
        steps_per_epoch=2,
        epochs=40,
    )
    row(
        "sequence(linear(from=0.2, to=1, over=4, per=epoch), step(every=6, gamma=0.3))",
        lambda o: PT.LinearLR(o, 0.2, 1.0, 4),
        lambda o: PT.StepLR(o, 6, gamma=0.3),
        4,
        base=0.1,
        steps_per_epoch=2,
        epochs=30,
    )
    # The 1 − sqrt decay of Hägele et al. (arXiv:2405.18392) over the last fifth.
    add(
        "sequence(constant, cooldown(20%))",
        "f(n) = 1 - sqrt((n - (N - N_decay)) / N_decay)",
        [0.3 * (1.0 if n < 96 else 1 - math.sqrt((n - 96) / 24)) for n in range(120)],
        base=0.3,
        steps_per_epoch=12,
        epochs=10,
        clock="step",
    )
