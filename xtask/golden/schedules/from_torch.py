"""Constructor calls of torch.optim.lr_scheduler, stepped as a training loop steps them."""

import warnings

from rows import CHAINED, EXACT
from stand_ins import Optimizer

# Called once for each epoch, with the rate of the optimizer, epochs, and what rounding is carried on.
BY_EPOCH = [
    ("LambdaLR(optimizer, lambda epoch: 0.95 ** epoch)", 0.1, 60, EXACT),
    ("LambdaLR(optimizer, lr_lambda=lambda epoch: 0.5 ** (epoch // 7))", 0.2, 40, EXACT),
    ("LambdaLR(optimizer, lambda e: 1 / (1 + 0.1 * e), last_epoch=-1)", 0.2, 40, EXACT),
    ("LambdaLR(optimizer, lambda t: min(1, (t + 1) / 5) * (0.1 if t >= 20 else 1.0))", 0.3, 30, EXACT),
    ("LambdaLR(optimizer, lambda t: 0.3 if 3 <= t < 6 or t % 4 == 1 else int(t / 3) / 4 + 0.01)", 0.3, 30, EXACT),
    ("MultiplicativeLR(optimizer, lambda epoch: 0.95)", 0.1, 60, EXACT),
    ("MultiplicativeLR(optimizer, lr_lambda=lambda epoch: 9 / 10, last_epoch=-1)", 0.1, 40, EXACT),
    ("StepLR(optimizer, 30)", 0.1, 100, EXACT),
    ("StepLR(optimizer, step_size=7, gamma=0.5)", 0.05, 40, EXACT),
    ("StepLR(optimizer, 3, 1.0)", 0.05, 9, EXACT),
    ("StepLR(optimizer, 5, gamma=2.0)", 1e-4, 30, EXACT),
    ("MultiStepLR(optimizer, [30, 80])", 0.1, 100, EXACT),
    ("MultiStepLR(optimizer, milestones=[8, 3, 8, 20], gamma=0.5)", 0.1, 30, EXACT),
    ("MultiStepLR(optimizer, [0, 4, 9], 0.3)", 0.1, 15, EXACT),
    ("MultiStepLR(optimizer, (4, 9), gamma=1.5)", 0.1, 15, EXACT),
    ("MultiStepLR(optimizer, [])", 0.1, 5, EXACT),
    ("ConstantLR(optimizer)", 0.1, 12, EXACT),
    ("ConstantLR(optimizer, 0.5, 4)", 0.05, 12, EXACT),
    ("ConstantLR(optimizer, factor=0.25, total_iters=7)", 0.05, 12, EXACT),
    ("LinearLR(optimizer)", 0.05, 12, EXACT),
    ("LinearLR(optimizer, 0.1, 1.0, 7)", 0.1, 12, EXACT),
    ("LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=40)", 0.3, 45, EXACT),
    ("LinearLR(optimizer, start_factor=1/3, total_iters=1)", 0.3, 4, EXACT),
    ("ExponentialLR(optimizer, 0.95)", 0.001, 100, EXACT),
    ("ExponentialLR(optimizer, gamma=0.5)", 0.1, 40, EXACT),
    ("ExponentialLR(optimizer, gamma=1.1)", 1e-5, 60, EXACT),
    ("PolynomialLR(optimizer)", 0.001, 8, CHAINED),
    ("PolynomialLR(optimizer, 40, 0.9)", 0.05, 45, CHAINED),
    ("PolynomialLR(optimizer, total_iters=30, power=2.0)", 0.05, 40, CHAINED),
    ("CosineAnnealingLR(optimizer, 60)", 0.1, 61, CHAINED),
    ("CosineAnnealingLR(optimizer, T_max=50, eta_min=0.001)", 0.1, 51, CHAINED),
    ("CosineAnnealingLR(optimizer, 20, 0.2)", 0.1, 21, CHAINED),
    ("CosineAnnealingLR(optimizer, T_max=1)", 0.1, 2, CHAINED),
    ("CosineAnnealingWarmRestarts(optimizer, 10)", 0.1, 45, EXACT),
    ("CosineAnnealingWarmRestarts(optimizer, T_0=5, T_mult=2, eta_min=0.001)", 0.1, 80, EXACT),
    ("CosineAnnealingWarmRestarts(optimizer, 1, 3)", 0.1, 45, EXACT),
    ("SWALR(optimizer, 0.05)", 0.1, 15, CHAINED),
    ("SWALR(optimizer, swa_lr=0.3, anneal_epochs=5, anneal_strategy='linear')", 0.1, 12, CHAINED),
    ("SWALR(optimizer, [0.02], 7, 'cos')", 0.1, 12, CHAINED),
    ("SWALR(optimizer, swa_lr=0.05, anneal_epochs=0)", 0.1, 4, EXACT),
    (
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.1), CosineAnnealingLR(optimizer, T_max=55)], [5])",
        0.1,
        60,
        CHAINED,
    ),
    (
        "SequentialLR(optimizer, schedulers=[ConstantLR(optimizer, factor=0.1, total_iters=20),"
        " ExponentialLR(optimizer, gamma=0.9)], milestones=[20])",
        0.05,
        40,
        EXACT,
    ),
    (
        "SequentialLR(optimizer, [LinearLR(optimizer, total_iters=4), StepLR(optimizer, 6, 0.3),"
        " PolynomialLR(optimizer, 10)], milestones=[4, 20])",
        0.1,
        35,
        CHAINED,
    ),
    # Cut off before their ends, and held after them.
    (
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.1, 0.7, 5), CosineAnnealingLR(optimizer, T_max=60),"
        " LinearLR(optimizer, total_iters=20)], milestones=[9, 30])",
        0.1,
        40,
        CHAINED,
    ),
    (
        "SequentialLR(optimizer, [ConstantLR(optimizer, 0.2, 3), PolynomialLR(optimizer, 30, 2.0),"
        " MultiStepLR(optimizer, [2, 5])], milestones=[6, 16])",
        0.1,
        30,
        CHAINED,
    ),
    (
        "SequentialLR(optimizer, [LambdaLR(optimizer, lambda t: 0.1 * (t + 1)),"
        " CosineAnnealingWarmRestarts(optimizer, 5, 2)], milestones=[9])",
        0.1,
        40,
        EXACT,
    ),
    (
        "SequentialLR(optimizer, [CyclicLR(optimizer, 0.01, 0.1, 5, cycle_momentum=False)], [])",
        0.1,
        25,
        EXACT,
    ),
    (
        "SequentialLR(optimizer, [StepLR(optimizer, 2), LinearLR(optimizer, 0.5), StepLR(optimizer, 3)], [0, 10])",
        0.1,
        30,
        EXACT,
    ),
    (
        "SequentialLR(optimizer, [MultiplicativeLR(optimizer, lambda e: 0.9), ExponentialLR(optimizer, 1.05)], [10])",
        0.1,
        30,
        CHAINED,
    ),
    (
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.5), LambdaLR(optimizer, lambda t: 1 / (t + 1))], [7])",
        0.1,
        30,
        EXACT,
    ),
    (
        "SequentialLR(optimizer, [CosineAnnealingLR(optimizer, 9, 0.3), CosineAnnealingLR(optimizer, 30, 0.01)], [9])",
        0.1,
        30,
        CHAINED,
    ),
    # The run ends before the last begins.
    ("SequentialLR(optimizer, [StepLR(optimizer, 5), ExponentialLR(optimizer, 0.5)], [50])", 0.1, 20, EXACT),
    (
        "ChainedScheduler([ConstantLR(optimizer, factor=0.1, total_iters=20), ExponentialLR(optimizer, gamma=0.9)])",
        0.05,
        40,
        EXACT,
    ),
    (
        "ChainedScheduler(schedulers=[LinearLR(optimizer, 0.25), StepLR(optimizer, 8, 0.5),"
        " MultiStepLR(optimizer, [3, 12], 0.7)], optimizer=optimizer)",
        0.1,
        30,
        EXACT,
    ),
    (
        "ChainedScheduler([CosineAnnealingLR(optimizer, 40), PolynomialLR(optimizer, 50), LinearLR(optimizer)])",
        0.1,
        41,
        CHAINED,
    ),
]

# Called once for each step of four in an epoch.
BY_STEP = [
    ("StepLR(optimizer, 9, gamma=0.6)", 0.1, 10, EXACT),
    ("LinearLR(optimizer, 0.01, total_iters=15)", 0.1, 6, EXACT),
    ("CosineAnnealingLR(optimizer, 40, 0.002)", 0.1, 10, CHAINED),
    ("LambdaLR(optimizer, lambda step: min(1, step / 10))", 0.1, 5, EXACT),
    ("MultiStepLR(optimizer, [5, 17])", 0.1, 6, EXACT),
    ("ExponentialLR(optimizer, 0.97)", 0.1, 12, EXACT),
    ("CosineAnnealingWarmRestarts(optimizer, 7, 2)", 0.1, 12, EXACT),
    ("PolynomialLR(optimizer, 33, 1.5)", 0.1, 9, CHAINED),
    (
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=6), CosineAnnealingLR(optimizer, 34)], [6])",
        0.2,
        10,
        CHAINED,
    ),
    (
        "ChainedScheduler([LinearLR(optimizer, 0.1, total_iters=6), ExponentialLR(optimizer, 0.95)])",
        0.2,
        8,
        EXACT,
    ),
    ("SWALR(optimizer, 0.05, 13)", 0.1, 6, CHAINED),
    ("ConstantLR(optimizer, 0.3, 6)", 0.1, 4, EXACT),
    ("MultiplicativeLR(optimizer, lambda step: 0.97)", 0.1, 8, EXACT),
    ("CosineAnnealingLR(optimizer, 32, eta_min=0.3)", 0.1, 8, CHAINED),
    ("StepLR(optimizer, 7, 1.5)", 0.1, 8, EXACT),
    (
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.1), CosineAnnealingWarmRestarts(optimizer, 3, 2)], [7])",
        0.2,
        10,
        EXACT,
    ),
]

# With momentum; by epoch and by step.
CYCLES = [
    ("CyclicLR(optimizer, 0.01, 0.1)", 20),
    ("CyclicLR(optimizer, 1e-4, 1e-2, 10, 15)", 60),
    ("CyclicLR(optimizer, base_lr=1e-4, max_lr=1e-2, step_size_up=20, mode='triangular2')", 80),
    ("CyclicLR(optimizer, 0.01, 0.1, 5, 13, 'exp_range', gamma=0.9, base_momentum=0.7, max_momentum=0.8)", 40),
    ("CyclicLR(optimizer, 0.01, 0.1, step_size_up=9, step_size_down=4, cycle_momentum=False)", 40),
    ("CyclicLR(optimizer, 0.01, 0.1, 6, mode='exp_range')", 30),
    ("OneCycleLR(optimizer, 0.01, 60)", 60),
    ("OneCycleLR(optimizer, max_lr=0.01, total_steps=40, pct_start=0.25, div_factor=10.0, final_div_factor=100.0)", 40),
    ("OneCycleLR(optimizer, max_lr=0.1, epochs=8, steps_per_epoch=5, anneal_strategy='linear')", 40),
    ("OneCycleLR(optimizer, 0.1, total_steps=60, three_phase=True)", 60),
    ("OneCycleLR(optimizer, 0.1, total_steps=55, three_phase=True, cycle_momentum=False)", 55),
    ("OneCycleLR(optimizer, 0.1, 56, pct_start=0.37, base_momentum=0.8, max_momentum=0.9, anneal_strategy='linear')", 56),
]


def stepped(torch, call, lr, ticks):
    """Rates and momenta as a training loop sees them."""
    optimizer = Optimizer(lr)
    scheduler = eval(call, vars(torch) | {"optimizer": optimizer})
    rates, momenta = [], []
    for tick in range(ticks):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if tick + 1 < ticks:
            scheduler.step()
    return rates, momenta


def write(rows, torch):
    warnings.simplefilter("ignore")

    def row(call, lr, epochs, steps_per_epoch, clock, tolerance, cycled=False):
        ticks = epochs if clock == "epoch" else epochs * steps_per_epoch
        rates, momenta = stepped(torch, call, lr, ticks)
        function = vars(torch)[call[: call.index("(")]]
        cycled = cycled and "cycle_momentum=False" not in call
        rows.call(
            "torch", call, function, rates, lr=lr, steps_per_epoch=steps_per_epoch, epochs=epochs, clock=clock,
            tolerance=tolerance, momenta=momenta if cycled else None,
        )  # fmt: skip

    for call, lr, epochs, tolerance in BY_EPOCH:
        row(call, lr, epochs, 3, "epoch", tolerance)
    for call, lr, epochs, tolerance in BY_STEP:
        row(call, lr, epochs, 4, "step", tolerance)
    for call, ticks in CYCLES:
        # A phase that ends within an epoch has its place there only where an epoch is a step.
        row(call, 0.1, ticks, 1 if call.startswith("One") else 3, "epoch", EXACT, cycled=True)
        if ticks % 5 == 0 and ticks <= 60:
            row(call, 0.1, ticks // 5, 5, "step", EXACT, cycled=True)
