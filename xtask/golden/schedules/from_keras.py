"""Constructor calls of keras.optimizers.schedules and keras.callbacks, at each step or epoch."""

from rows import EXACT, SINGLE

# Asked at each of 60 ticks: of 60 epochs, or of 12 epochs of 5 steps.
SCHEDULES = [
    "ExponentialDecay(0.1, 10, 0.9)",
    "ExponentialDecay(initial_learning_rate=0.01, decay_steps=7, decay_rate=0.5, staircase=True)",
    "ExponentialDecay(1e-4, 20, 2.0)",
    "PiecewiseConstantDecay([10, 35], [0.1, 0.05, 0.01])",
    "PiecewiseConstantDecay(boundaries=[3, 20, 21], values=[0.0, 0.05, 0.1, 0.01])",
    "PolynomialDecay(0.01, 40)",
    "PolynomialDecay(0.01, 40, 0.001, 2.0)",
    "PolynomialDecay(initial_learning_rate=0.01, decay_steps=25, end_learning_rate=0.0, power=0.5)",
    "PolynomialDecay(initial_learning_rate=0.01, decay_steps=9, cycle=True)",
    "PolynomialDecay(0.001, 50, end_learning_rate=0.01)",
    "InverseTimeDecay(0.1, 10, 0.5)",
    "InverseTimeDecay(initial_learning_rate=0.1, decay_steps=7, decay_rate=2.0, staircase=True)",
    "CosineDecay(0.1, 50)",
    "CosineDecay(0.1, 30, 0.05)",
    "CosineDecay(initial_learning_rate=0.0, decay_steps=50, warmup_target=0.1, warmup_steps=10)",
    "CosineDecay(0.02, decay_steps=100, alpha=0.1, warmup_target=0.1, warmup_steps=7)",
    "CosineDecay(0.1, 50, warmup_steps=10)",
    "CosineDecayRestarts(0.1, 8)",
    "CosineDecayRestarts(0.1, 8, 1.0, 0.8)",
    "CosineDecayRestarts(initial_learning_rate=0.1, first_decay_steps=10, t_mul=1.0, m_mul=0.7, alpha=0.1)",
    "CosineDecayRestarts(initial_learning_rate=0.1, first_decay_steps=6, m_mul=0.5, alpha=0.05)",
    "CosineDecayRestarts(0.1, 7, t_mul=1.5)",
    "CosineDecayRestarts(0.1, 5, 1.3, 0.8, 0.1)",
    "CosineDecayRestarts(0.1, 4, 3.0, 0.5)",
    "PolynomialDecay(0.0, 30, 0.1, 2.0)",
    "PolynomialDecay(0.01, 7, 0.001, 2.0, True)",
    "PolynomialDecay(0.0, 7, 0.1, 0.5, cycle=True)",
    "CosineDecay(0.1, 40, 1.5)",
    "CosineDecay(0.2, 30, warmup_target=0.1, warmup_steps=20)",
    "CosineDecay(0.2, 30, warmup_target=0.0, warmup_steps=20)",
    "CosineDecay(0.2, 30, warmup_target=0.1)",
    "InverseTimeDecay(0.1, 10, 0.0)",
    "PiecewiseConstantDecay([2.5, 9.5], [0.1, 0.3, 0.2])",
]

# Asked once for each epoch, whatever a tick is.
CALLBACKS = [
    "LearningRateScheduler(lambda epoch: 0.001 * 0.95**epoch)",
    "LearningRateScheduler(schedule=lambda epoch, lr: 0.01 if epoch < 10 else 0.01 * math.exp(0.1 * (10 - epoch)))",
    "LearningRateScheduler(lambda e: float(1e-3 * 10 ** (e / 20)), verbose=0)",
]


def write(rows, keras):
    import math

    known = {name: getattr(keras.optimizers.schedules, name) for name in dir(keras.optimizers.schedules)}
    known |= {"LearningRateScheduler": keras.callbacks.LearningRateScheduler, "math": math}

    for number, call in enumerate(SCHEDULES):
        schedule = eval(call, dict(known))
        run = dict(steps_per_epoch=5, epochs=12, clock="step")
        if number % 2 == 0:
            run = dict(steps_per_epoch=3, epochs=60, clock="epoch")
        rates = [float(schedule(tick)) for tick in range(60)]
        rows.call("keras", call, known[call[: call.index("(")]], rates, lr=None, tolerance=SINGLE, **run)

    for call in CALLBACKS:
        schedule = eval(call, dict(known)).schedule
        by_epoch = [schedule(*[epoch, 0.1][: schedule.__code__.co_argcount]) for epoch in range(40)]
        function = known["LearningRateScheduler"]
        rows.call("keras", call, function, by_epoch, lr=None, steps_per_epoch=3, epochs=40, clock="epoch", tolerance=EXACT)
        by_step = [rate for rate in by_epoch[:10] for _ in range(4)]
        rows.call("keras", call, function, by_step, lr=None, steps_per_epoch=4, epochs=10, clock="step", tolerance=EXACT)
