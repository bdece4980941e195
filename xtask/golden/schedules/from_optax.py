"""Constructor calls of optax's schedules, in 64 bits."""

from rows import EXACT

# Asked at each of 60 ticks: of 60 epochs, or of 12 epochs of 5 steps.
SCHEDULES = [
    "constant_schedule(0.1)",
    "constant_schedule(value=0.1)",
    "linear_schedule(0.1, 0.01, 40)",
    "linear_schedule(init_value=0.0, end_value=0.1, transition_steps=20, transition_begin=7)",
    "linear_schedule(0.1, 0.0, transition_steps=-3)",
    "polynomial_schedule(0.1, 0.001, 2.0, 40)",
    "polynomial_schedule(init_value=0.1, end_value=0.2, power=3, transition_steps=30, transition_begin=5)",
    "polynomial_schedule(0.0, 0.2, 0.5, 30)",
    "exponential_decay(0.1, 10, 0.9)",
    "exponential_decay(init_value=0.1, transition_steps=7, decay_rate=0.5, transition_begin=5, staircase=True, end_value=0.01)",
    "exponential_decay(0.001, 10, 2.0, end_value=0.01)",
    "exponential_decay(0.1, 10, 0.5, 0, False, 0.02)",
    "exponential_decay(0.1, 10, 0.5, end_value=0.2)",
    "exponential_decay(0.1, 10, 0.0)",
    "exponential_decay(0.1, 0, 0.5)",
    "exponential_decay(0.1, 10, 1.0, end_value=0.05)",
    "exponential_decay(0.1, 10, 1.5, transition_begin=-4, end_value=0.05)",
    "exponential_decay(0.1, 7, 1.2, transition_begin=9, staircase=True)",
    "linear_schedule(0.1, 0.1, 10)",
    "linear_schedule(0.02, 0.1, 10, -5)",
    "linear_onecycle_schedule(3, 0.1)",
    "piecewise_interpolate_schedule('linear', 0.1, {0: 2.0, 10: 0.0, 30: 5.0})",
    "piecewise_constant_schedule(0.1, {5: 0.0, 9: 3.0})",
    "warmup_exponential_decay_schedule(0.1, 0.1, 5, 20, 2.0, end_value=0.3)",
    "join_schedules([warmup_cosine_decay_schedule(0.0, 0.1, 5, 40, 0.01), cosine_decay_schedule(0.2, 90, exponent=2.0)], [25])",
    "join_schedules([linear_schedule(0.1, 0.0, 50), sgdr_schedule([dict(init_value=0.0, peak_value=0.1, warmup_steps=2,"
    " decay_steps=10), dict(init_value=0.0, peak_value=0.3, warmup_steps=2, decay_steps=10)])], [17])",
    "cosine_decay_schedule(0.1, 50)",
    "cosine_decay_schedule(0.1, 40, 0.05, 2.0)",
    "cosine_decay_schedule(init_value=0.1, decay_steps=40, alpha=0.1)",
    "cosine_decay_schedule(0.1, 40, alpha=1.5)",
    "cosine_onecycle_schedule(55, 0.1)",
    "cosine_onecycle_schedule(transition_steps=40, peak_value=0.1, pct_start=0.37, div_factor=10.0, final_div_factor=100.0)",
    "cosine_onecycle_schedule(50, 0.1, pct_start=0.0)",
    "linear_onecycle_schedule(55, 0.1)",
    "linear_onecycle_schedule(transition_steps=50, peak_value=0.1, pct_start=0.2, pct_final=0.7, div_factor=5.0)",
    "piecewise_constant_schedule(0.1, {10: 0.5, 30: 0.1})",
    "piecewise_constant_schedule(init_value=0.1, boundaries_and_scales={30: 0.1, 0: 2.0, 12: 0.3})",
    "piecewise_constant_schedule(0.1)",
    "piecewise_interpolate_schedule('linear', 0.1, {10: 2.0, 40: 0.1})",
    "piecewise_interpolate_schedule(interpolate_type='cosine', init_value=0.1, boundaries_and_scales={5: 3.0, 50: 0.01})",
    "piecewise_interpolate_schedule('cosine', 0.1)",
    "warmup_constant_schedule(0.0, 0.1, 12)",
    "warmup_constant_schedule(init_value=0.02, peak_value=0.1, warmup_steps=12)",
    "warmup_cosine_decay_schedule(0.0, 0.1, 10, 50)",
    "warmup_cosine_decay_schedule(init_value=0.01, peak_value=0.1, warmup_steps=7, decay_steps=60, end_value=0.001)",
    "warmup_cosine_decay_schedule(0.0, 0.1, 10, 50, exponent=2.0)",
    "warmup_cosine_decay_schedule(0.0, 0.1, 10, 90, 0.01)",
    "warmup_cosine_decay_schedule(0.0, 0.1, 0, 50)",
    "warmup_exponential_decay_schedule(0.0, 0.1, 10, 20, 0.5)",
    "warmup_exponential_decay_schedule(init_value=0.0, peak_value=0.1, warmup_steps=10, transition_steps=9, decay_rate=0.5,"
    " transition_begin=4, staircase=True, end_value=0.02)",
    "sgdr_schedule([dict(init_value=0.0, peak_value=0.1, warmup_steps=5, decay_steps=20, end_value=0.01),"
    " dict(init_value=0.01, peak_value=0.05, warmup_steps=10, decay_steps=40, end_value=0.0)])",
    "sgdr_schedule(cosine_kwargs=[{'init_value': 0.1, 'peak_value': 0.2, 'warmup_steps': 3, 'decay_steps': 15},"
    " {'init_value': 0.1, 'peak_value': 0.2, 'warmup_steps': 0, 'decay_steps': 25, 'exponent': 2.0}])",
    "join_schedules([linear_schedule(0.0, 0.1, 10), constant_schedule(0.1)], [10])",
    "join_schedules(schedules=[constant_schedule(0.02), exponential_decay(0.1, 5, 0.8), cosine_decay_schedule(0.05, 30)],"
    " boundaries=[6, 30])",
    "join_schedules([cosine_onecycle_schedule(20, 0.1), polynomial_schedule(0.05, 0.0, 2.0, 50)], [25])",
    "join_schedules([piecewise_constant_schedule(0.2, {5: 0.5}), join_schedules([constant_schedule(0.0),"
    " warmup_constant_schedule(0.0, 0.1, 5)], [4])], [20])",
]


def write(rows, optax):
    known = {name: getattr(optax, name) for name in dir(optax) if not name.startswith("_")}
    for number, call in enumerate(SCHEDULES):
        schedule = eval(call, dict(known))
        run = dict(steps_per_epoch=5, epochs=12, clock="step")
        if number % 2 == 0:
            run = dict(steps_per_epoch=3, epochs=60, clock="epoch")
        rates = [float(schedule(tick)) for tick in range(60)]
        if "onecycle" in call and run["clock"] == "epoch":
            run["steps_per_epoch"] = 1
        rows.call("optax", call, known[call[: call.index("(")]], rates, lr=None, tolerance=EXACT, **run)
