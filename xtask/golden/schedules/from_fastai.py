"""Opportune's own forms beside the curves of fastai's fit_… methods, asked before each batch as they are."""

import types

STEPS, MAX = 60, 0.01


class Learner:
    """Keeps the schedules that a fit_… method makes."""

    def __init__(self):
        self.opt = types.SimpleNamespace(set_hyper=self.set_hyper, hypers=[{}])
        self.moms, self.lr = (0.95, 0.85, 0.95), MAX

    def set_hyper(self, name, value):
        self.opt.hypers[0][name] = value

    def fit(self, epochs, cbs, **more):
        self.epochs, self.schedules = epochs, cbs.schedules


# The schedule, the method, its arguments.
FITS = [
    (f"one_cycle(max={MAX}, final_div=4000, up=25%, momentum=0.85..0.95, ends=after)", "fit_one_cycle", dict(n_epoch=12)),
    (
        f"one_cycle(max={MAX}, div=10, final_div=100, up=40%, momentum=0.8..0.9, ends=after)",
        "fit_one_cycle",
        dict(n_epoch=12, lr_max=MAX, div=10.0, div_final=1e3, pct_start=0.4, moms=(0.9, 0.8, 0.9)),
    ),
    ("flat_cosine", "fit_flat_cos", dict(n_epoch=12, lr=MAX)),
    ("flat_cosine(flat=50%, floor=0.001)", "fit_flat_cos", dict(n_epoch=12, lr=MAX, pct_start=0.5, div_final=1e3)),
    ("cosine_restarts(period=4, mult=2, per=step)", "fit_sgdr", dict(n_cycles=2, cycle_len=4, lr_max=MAX)),
    # Three cycles, for which a share of an epoch is one seventh: the last ends with the run.
    ("cosine_restarts(period=2, mult=3, per=step)", "fit_sgdr", dict(n_cycles=2, cycle_len=2, cycle_mult=3, lr_max=MAX)),
]


def write(rows, fastai):
    for text, name, arguments in FITS:
        learner = Learner()
        getattr(fastai, name)(learner, **arguments)
        steps_per_epoch = STEPS // learner.epochs
        steps = steps_per_epoch * learner.epochs
        shares = [step / steps for step in range(steps)]
        rates = [learner.schedules["lr"](share)[0] for share in shares]
        momenta = [learner.schedules["mom"](share) for share in shares] if "mom" in learner.schedules else None
        rows.text(
            text, f"fastai {name}", rates, base=None if "one_cycle" in text else MAX, steps_per_epoch=steps_per_epoch,
            epochs=learner.epochs, clock="step", momenta=momenta,
        )  # fmt: skip
    shares = [step / STEPS for step in range(STEPS)]
    for text, source, curve in [
        ("linear(from=1, to=0.25, per=step)", "SchedLin", fastai.SchedLin(MAX, MAX / 4)),
        ("cosine(floor=0.25, per=step)", "SchedCos", fastai.SchedCos(MAX, MAX / 4)),
        ("exponential(gamma=0.01, every=60 steps, per=step)", "SchedExp", fastai.SchedExp(MAX, MAX / 100)),
        ('formula("base * (1 - 0.75 * (step / steps)**3)")', "SchedPoly", fastai.SchedPoly(MAX, MAX / 4, 3)),
    ]:
        rates = [curve(share) for share in shares]
        rows.text(text, f"fastai {source}", rates, base=MAX, steps_per_epoch=5, epochs=12, clock="step")
