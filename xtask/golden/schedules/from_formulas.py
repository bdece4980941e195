"""Opportune's own forms beside formulas in plain Python, for schedules that none of the libraries here has.

Each formula is written from its paper or from the documentation of the library named, not from Opportune's code.
"""

import math

BASE = 0.1

# The schedule, its source, the rate at tick t, and the run: epochs by the epoch, (epochs, steps per epoch) by the step.
FORMULAS = [
    # arXiv:2107.04197, equation 1: the profile (1 − z)/(1/2 + (1 − z)/2), z the share that has passed.
    ("rex", "REX paper", lambda t: BASE * (1 - t / 40) / (0.5 + 0.5 * (1 - t / 40)), 40),
    ("rex(floor=0.1, over=30)", "REX paper", lambda t: BASE * (0.1 + 0.9 * rex(min(t, 30) / 30)), 35),
    ("rex(per=step)", "REX paper", lambda t: BASE * rex(t / 40), (8, 5)),
    ("sawtooth(every=8)", "restarts in lines", lambda t: BASE * (8 - t % 8) / 8, 40),
    ("sawtooth(every=7, to=0.2)", "restarts in lines", lambda t: BASE * (0.2 + 0.8 * (7 - t % 7) / 7), 40),
    ("sawtooth(every=9 steps, to=0.5, per=step)", "restarts in lines", lambda t: BASE * (1 - 0.5 * (t % 9) / 9), (8, 5)),
    # arXiv:2408.13359: a power of the data seen.
    ("power", "power scheduler paper", lambda t: BASE * min(1, 1 / math.sqrt(max(t, 1))), 40),
    ("power(exponent=0.7, after=5)", "power scheduler paper", lambda t: BASE * (max(t, 5) / 5) ** -0.7, 40),
    ("power(exponent=0.3, after=2, per=step)", "power scheduler paper", lambda t: BASE * (max(t, 10) / 10) ** -0.3, (8, 5)),
    # scikit-learn: effective_learning_rate = learning_rate_init / pow(t, power_t) with t = samples seen + 1.
    ("inverse_scaling(rows=100)", "scikit-learn invscaling", lambda t: BASE / (100 * t + 1) ** 0.5, 40),
    ("inverse_scaling(power=0.3, rows=37)", "scikit-learn invscaling", lambda t: BASE / (37 * t + 1) ** 0.3, 40),
    ("table(rates=[0.1, 0.05, 0.02, 0.01])", "a list", lambda t: [0.1, 0.05, 0.02, 0.01][min(t, 3)], 8),
    ("table(rates=[0.1, 0.3, 0.02], every=2)", "a list", lambda t: [0.1, 0.3, 0.02][min(t // 2, 2)], 10),
    ("table(rates=[0.3, 0.2, 0.1], every=1 step, per=step)", "a list", lambda t: [0.3, 0.2, 0.1][min(t, 2)], (2, 4)),
    # Paddle: NoamDecay, NaturalExpDecay, InverseTimeDecay, as documented.
    ("noam(width=64, warmup=20 steps)", "Paddle NoamDecay", lambda t: BASE * 64**-0.5 * noam(t + 1, 20), (12, 5)),
    ("noam(width=512, warmup=2)", "Paddle NoamDecay", lambda t: BASE * 512**-0.5 * noam(t + 1, 10), (12, 5)),
    ("natural_exponential(gamma=0.1)", "Paddle NaturalExpDecay", lambda t: BASE * math.exp(-0.1 * t), 60),
    (
        "natural_exponential(gamma=0.5, every=8, staircase=true)",
        "Paddle NaturalExpDecay",
        lambda t: BASE * math.exp(-0.5 * (t // 8)),
        40,
    ),
    ("inverse_time(gamma=0.1)", "Paddle InverseTimeDecay", lambda t: BASE / (1 + 0.1 * t), 60),
    (
        "natural_exponential(gamma=0.3, every=7 steps, per=step)",
        "Paddle NaturalExpDecay",
        lambda t: BASE * math.exp(-0.3 * t / 7),
        (8, 5),
    ),
    # MXNet: PolyScheduler with its power of 2 and a final rate.
    ("polynomial(power=2, to=0.1, over=30)", "MXNet PolyScheduler", lambda t: 0.01 + 0.09 * (1 - min(t, 30) / 30) ** 2, 35),
    # What torch and optax have as well, in forms that only Opportune writes.
    (
        "piecewise(at=[4, 25 steps, 50%], factors=[1, 0.5, 2, 0.1], per=step)",
        "a list",
        lambda t: BASE * [1, 0.5, 2, 0.1][(t >= 20) + (t >= 25) + (t >= 30)],
        (12, 5),
    ),
    (
        "interpolate(at=[2, 10, 30], factors=[0.2, 1, 0.1])",
        "lines between points",
        lambda t: BASE * points(t, [(2, 0.2), (10, 1), (30, 0.1)], lambda u: u),
        40,
    ),
    (
        "interpolate(at=[0, 10, 30], factors=[0, 1, 0.1], shape=cosine)",
        "half cosines between points",
        lambda t: BASE * points(t, [(0, 0), (10, 1), (30, 0.1)], lambda u: (1 - math.cos(math.pi * u)) / 2),
        40,
    ),
    ("exponential(gamma=0.8, floor=0.05)", "max(floor, gamma**t)", lambda t: BASE * max(0.05, 0.8**t), 30),
    ("cosine(exponent=3)", "a power of the cosine", lambda t: BASE * ((1 + math.cos(math.pi * t / 40)) / 2) ** 3, 40),
    (
        'formula("0.05 if epoch < 5 else base * 0.9**(epoch // 3)")',
        "the same in Python",
        lambda t: 0.05 if t < 5 else BASE * 0.9 ** (t // 3),
        30,
    ),
    (
        "sequence(constant(over=20), swalr(to=0.5, anneal=8))",
        "half a cosine, then level",
        lambda t: BASE * (1 - 0.5 * (1 - math.cos(math.pi * min(max(t - 20, 0), 8) / 8)) / 2),
        40,
    ),
    ("swalr(to=3, anneal=5, shape=linear)", "a line, then level", lambda t: BASE * (1 + 2 * min(t, 5) / 5), 12),
    (
        "chain(cosine, step(every=10, gamma=0.5))",
        "a product",
        lambda t: BASE * (1 + math.cos(math.pi * t / 40)) / 2 * 0.5 ** (t // 10),
        40,
    ),
    (
        "chain(sequence(linear(from=0.1, to=1, over=5, per=epoch), constant), exponential(gamma=0.9))",
        "a product",
        lambda t: BASE * min(1, 0.1 + 0.9 * t / 5) * 0.9**t,
        40,
    ),
    ("constant_factor(factor=0.2, over=6)", "a factor for a while", lambda t: BASE * (0.2 if t < 6 else 1), 12),
    (
        "sequence(constant, cooldown(8, shape=cosine, floor=0.1))",
        "half a cosine at the end",
        lambda t: BASE * (1 if t < 160 else 0.1 + 0.9 * (1 + math.cos(math.pi * (t - 160) / 40)) / 2),
        (40, 5),
    ),
]


def rex(share):
    return (1 - share) / (0.5 + 0.5 * (1 - share))


def noam(step, warmup):
    return min(step**-0.5, step * warmup**-1.5)


def points(t, places, rise):
    if t <= places[0][0]:
        return places[0][1]
    for (start, a), (end, b) in zip(places, places[1:]):
        if t < end:
            return a + (b - a) * rise((t - start) / (end - start))
    return places[-1][1]


def write(rows):
    for text, source, rate, run in FORMULAS:
        epochs, steps_per_epoch = (run, 3) if isinstance(run, int) else run
        clock = "epoch" if isinstance(run, int) else "step"
        ticks = epochs if clock == "epoch" else epochs * steps_per_epoch
        base = None if text.startswith("table") else BASE
        rates = [rate(t) for t in range(ticks)]
        rows.text(text, source, rates, base=base, steps_per_epoch=steps_per_epoch, epochs=epochs, clock=clock)
