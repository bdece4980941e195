//! Rates worked out by hand, for every kind.

use super::*;

/// A schedule, optimizer steps in an epoch, epochs of the run, and some steps with their rates worked out by hand: inside,
/// at the edges of epochs, at the end and after it. The base rate is 1 where there is one.
pub(super) type Row = (&'static str, u32, u32, &'static [(u64, f64)]);

pub(super) const TABLE: &[Row] = &[
    ("constant", 3, 10, &[(0, 1.0), (29, 1.0), (1000, 1.0)]),
    ("exponential(gamma=0.5)", 3, 10, &[(0, 1.0), (2, 1.0), (3, 0.5), (5, 0.5), (6, 0.25), (30, 1.0 / 1024.0)]),
    ("exponential(gamma=0.25, every=2)", 3, 10, &[(0, 1.0), (3, 0.5), (6, 0.25)]),
    ("exponential(gamma=0.25, per=step)", 2, 10, &[(0, 1.0), (1, 0.5), (2, 0.25), (3, 0.125)]),
    ("exponential(gamma=0.5, every=1 step, per=step)", 7, 10, &[(0, 1.0), (1, 0.5), (10, 1.0 / 1024.0)]),
    ("exponential(gamma=0.5, over=2)", 3, 10, &[(5, 0.5), (6, 0.25), (9, 0.25), (90, 0.25)]),
    ("step(every=2)", 3, 10, &[(0, 1.0), (5, 1.0), (6, 0.1), (11, 0.1), (12, 0.01)]),
    ("step(every=20%, gamma=0.5)", 3, 10, &[(5, 1.0), (6, 0.5), (29, 0.0625)]),
    ("step(every=2 steps, gamma=0.5, per=step)", 3, 10, &[(1, 1.0), (2, 0.5), (4, 0.25)]),
    ("step(every=2 steps, gamma=0.5)", 3, 10, &[(2, 1.0), (3, 0.5), (6, 0.125)]),
    ("linear", 1, 4, &[(0, 1.0), (1, 0.75), (3, 0.25), (4, 0.0), (9, 0.0)]),
    ("linear(from=0, to=2, over=4)", 2, 10, &[(0, 0.0), (1, 0.0), (2, 0.5), (7, 1.5), (8, 2.0), (20, 2.0)]),
    ("linear(from=0, to=1, over=4 steps, per=step)", 2, 10, &[(0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (9, 1.0)]),
    ("cosine", 2, 4, &[(0, 1.0), (1, 1.0), (2, 0.853_553_390_593_273_8), (4, 0.5), (8, 0.0), (9, 0.0), (16, 0.0)]),
    ("cosine(floor=0.2, over=50%, per=step)", 2, 4, &[(0, 1.0), (2, 0.6), (4, 0.2), (7, 0.2)]),
    ("cyclic(base=1, max=3, up=2)", 2, 9, &[(0, 1.0), (1, 1.0), (2, 2.0), (4, 3.0), (6, 2.0), (8, 1.0), (12, 3.0)]),
    ("cyclic(base=1, max=5, up=1, down=4)", 1, 9, &[(0, 1.0), (1, 5.0), (2, 4.0), (4, 2.0), (5, 1.0), (6, 5.0)]),
    ("cyclic(base=1, max=3, up=2, per=step)", 2, 9, &[(0, 1.0), (1, 1.5), (4, 3.0), (5, 2.5)]),
    ("cyclic(base=1, max=5, up=1, mode=triangular2)", 1, 9, &[(1, 5.0), (2, 1.0), (3, 3.0), (4, 1.0), (5, 2.0)]),
    ("cyclic(base=1, max=5, up=1, mode=exp_range, gamma=0.5)", 1, 9, &[(0, 1.0), (1, 3.0), (2, 1.0), (3, 1.5)]),
    ("cyclic(base=1, max=3, up=2, over=3)", 1, 9, &[(2, 3.0), (3, 2.0), (4, 2.0), (9, 2.0)]),
    ("cooldown", 2, 2, &[(0, 1.0), (1, 0.5), (2, 1.0 - std::f64::consts::FRAC_1_SQRT_2), (4, 0.0), (8, 0.0)]),
    // A warm-up goes by steps, the cosine after it by epochs over the remainder, from its own start.
    (
        "sequence(linear(from=0, to=1, over=2), cosine)",
        2,
        4,
        &[(0, 0.0), (1, 0.25), (3, 0.75), (4, 1.0), (5, 1.0), (6, 0.5), (7, 0.5), (8, 0.0), (20, 0.0)],
    ),
    ("sequence(linear(from=0, to=1, over=2, per=epoch), cosine)", 2, 4, &[(0, 0.0), (1, 0.0), (2, 0.5), (3, 0.5)]),
    // Only a leading linear is a warm-up.
    (
        "sequence(constant(over=1), linear(over=2))",
        2,
        4,
        &[(1, 1.0), (2, 1.0), (3, 1.0), (4, 0.5), (5, 0.5), (6, 0.0), (7, 0.0)],
    ),
    // What holds per epoch but begins within one has its first value there, and goes by the run's epochs after that.
    (
        "sequence(linear(from=0, to=1, over=1 step), linear(over=8 steps))",
        4,
        3,
        &[(0, 0.0), (1, 1.0), (3, 1.0), (4, 0.625), (7, 0.625), (8, 0.125), (9, 0.125), (12, 0.0)],
    ),
    ("sequence(constant, cooldown(20%))", 2, 10, &[(15, 1.0), (16, 1.0), (17, 0.5), (20, 0.0), (30, 0.0)]),
    // 80 % of 7 epochs are 5.6: the cooldown begins at epoch 5.
    (
        "sequence(constant, cooldown(20%))",
        2,
        7,
        &[(9, 1.0), (10, 1.0), (11, 0.5), (12, 1.0 - std::f64::consts::FRAC_1_SQRT_2), (14, 0.0)],
    ),
    ("sequence(constant(over=80%), cooldown(20%))", 2, 7, &[(9, 1.0), (10, 1.0), (11, 0.5), (14, 0.0)]),
    // In a run of one epoch it takes the whole of it.
    ("sequence(constant, cooldown(20%))", 4, 1, &[(0, 1.0), (1, 0.5), (4, 0.0)]),
    // What is left no step at all still gives the rate that the cooldown begins with.
    ("sequence(linear(from=0.5, to=0.25), cooldown(20%))", 4, 1, &[(0, 0.5), (1, 0.25), (4, 0.0)]),
    (
        "sequence(constant(over=1 step), linear(from=0.5, to=0))",
        4,
        2,
        &[(0, 1.0), (1, 0.5), (3, 0.5), (4, 2.0 / 7.0), (8, 0.0)],
    ),
    // A line from below the base rate that does not say where it ends is a warm-up.
    ("sequence(linear(from=0.5, over=2 steps), constant)", 2, 2, &[(0, 0.5), (1, 0.75), (2, 1.0), (4, 1.0)]),
    ("linear(from=2)", 1, 2, &[(0, 2.0), (1, 1.0), (2, 0.0)]),
    // Lengths in steps are taken as they are.
    ("sequence(constant, cooldown(4 steps))", 3, 2, &[(1, 1.0), (2, 1.0), (3, 0.5), (6, 0.0)]),
    // A cooldown begins with the rate before it, also where that is not the base rate.
    ("sequence(exponential(gamma=0.5), cooldown(1))", 4, 3, &[(7, 0.5), (8, 0.5), (9, 0.25), (12, 0.0)]),
    (
        "sequence(cyclic(base=1, max=3, up=2), cooldown(1))",
        4,
        4,
        &[(0, 1.0), (8, 3.0), (12, 3.0), (13, 1.5), (16, 0.0)],
    ),
    ("constant_factor(factor=0.25, over=2)", 3, 10, &[(0, 0.25), (5, 0.25), (6, 1.0), (29, 1.0), (1000, 1.0)]),
    ("constant_factor", 1, 4, &[(0, 1.0 / 3.0), (3, 1.0 / 3.0), (4, 1.0), (9, 1.0)]),
    ("multi_step(at=[2, 4, 4], gamma=0.5)", 3, 10, &[(5, 1.0), (6, 0.5), (11, 0.5), (12, 0.125), (100, 0.125)]),
    ("multi_step(at=[50%, 20%])", 2, 10, &[(3, 1.0), (4, 0.1), (9, 0.1), (10, 0.01), (99, 0.01)]),
    ("multi_step(at=[0, 3 steps], gamma=0.5, per=step)", 2, 4, &[(0, 0.5), (2, 0.5), (3, 0.25), (8, 0.25)]),
    ("multi_step(at=[2], gamma=0.5, over=1)", 3, 10, &[(5, 1.0), (6, 1.0), (30, 1.0)]),
    ("piecewise(at=[2, 4], factors=[0.5, 2, 0])", 2, 6, &[(0, 0.5), (3, 0.5), (4, 2.0), (7, 2.0), (8, 0.0), (99, 0.0)]),
    ("piecewise(at=[3 steps], factors=[1, 0.5])", 2, 6, &[(2, 1.0), (3, 1.0), (4, 0.5), (12, 0.5)]),
    ("piecewise(at=[3 steps], factors=[1, 0.5], per=step)", 2, 6, &[(2, 1.0), (3, 0.5), (12, 0.5)]),
    (
        "interpolate(at=[0, 2, 6], factors=[0, 1, 0.2])",
        2,
        10,
        &[(0, 0.0), (1, 0.0), (2, 0.5), (4, 1.0), (8, 0.6), (12, 0.2), (99, 0.2)],
    ),
    (
        "interpolate(at=[1, 3], factors=[0.5, 1.5], shape=cosine)",
        2,
        10,
        &[(0, 0.5), (2, 0.5), (4, 1.0), (6, 1.5), (99, 1.5)],
    ),
    ("interpolate(at=[2, 2], factors=[1, 3])", 1, 5, &[(0, 1.0), (1, 1.0), (2, 3.0), (5, 3.0)]),
    ("exponential(gamma=0.5, floor=0.3)", 1, 4, &[(0, 1.0), (1, 0.5), (2, 0.3), (9, 0.3)]),
    ("exponential(gamma=0.25, every=2, staircase=true)", 3, 10, &[(0, 1.0), (5, 1.0), (6, 0.25), (12, 0.0625)]),
    ("natural_exponential(gamma=0.5)", 2, 10, &[(1, 1.0), (2, 0.606_530_659_712_633_4), (4, 0.367_879_441_171_442_33)]),
    (
        "natural_exponential(gamma=1, every=2, staircase=true, over=4)",
        1,
        10,
        &[(1, 1.0), (2, 0.367_879_441_171_442_33), (4, 0.135_335_283_236_612_7), (9, 0.135_335_283_236_612_7)],
    ),
    ("inverse_time(gamma=0.5)", 2, 10, &[(0, 1.0), (2, 1.0 / 1.5), (4, 0.5), (18, 1.0 / 5.5), (20, 1.0 / 6.0)]),
    ("inverse_time(gamma=1, every=3 steps, staircase=true, per=step)", 2, 10, &[(2, 1.0), (3, 0.5), (6, 1.0 / 3.0)]),
    ("polynomial(power=2, to=0.2)", 2, 4, &[(0, 1.0), (2, 0.65), (4, 0.4), (8, 0.2), (99, 0.2)]),
    ("polynomial", 1, 4, &[(0, 1.0), (1, 0.75), (4, 0.0), (9, 0.0)]),
    (
        "polynomial(to=0.5, cycle=true, first=2)",
        1,
        9,
        &[(0, 1.0), (1, 0.75), (2, 0.5), (3, 0.625), (4, 0.5), (5, 0.5 + 0.5 / 6.0), (8, 0.5), (10, 0.5)],
    ),
    ("cosine(exponent=2)", 1, 4, &[(0, 1.0), (1, 0.728_553_390_593_273_7), (2, 0.25), (4, 0.0), (9, 0.0)]),
    ("cosine(warp=2)", 1, 2, &[(0, 1.0), (1, 0.853_553_390_593_273_8), (2, 0.0), (9, 0.0)]),
    ("cosine(floor=0.2, cycles=1)", 1, 4, &[(0, 1.0), (1, 0.6), (2, 0.2), (3, 0.6), (4, 1.0), (9, 1.0)]),
    ("cosine_restarts(period=2)", 2, 6, &[(0, 1.0), (1, 1.0), (2, 0.5), (3, 0.5), (4, 1.0), (6, 0.5), (12, 1.0)]),
    (
        "cosine_restarts(period=2, mult=2, decay=0.5, floor=0.1)",
        1,
        14,
        &[(0, 1.0), (1, 0.55), (2, 0.5), (4, 0.3), (6, 0.25), (10, 0.175), (14, 0.125)],
    ),
    ("cosine_restarts(cycles=2)", 1, 4, &[(0, 1.0), (1, 0.5), (2, 1.0), (3, 0.5), (4, 0.0), (9, 0.0)]),
    ("cosine_restarts(mult=3, cycles=2)", 1, 4, &[(0, 1.0), (1, 1.0), (2, 0.75), (3, 0.25), (4, 0.0), (9, 0.0)]),
    ("cosine_restarts(period=2, cycles=1, floor=0.2)", 1, 6, &[(0, 1.0), (1, 0.6), (2, 0.2), (5, 0.2), (99, 0.2)]),
    ("cosine_restarts(period=2, over=4)", 1, 9, &[(2, 1.0), (3, 0.5), (4, 0.0), (5, 0.0), (9, 0.0)]),
    // The floor is above the second peak.
    ("cosine_restarts(period=1, decay=0.1, floor=0.5)", 1, 9, &[(0, 1.0), (1, 0.5), (2, 0.5), (9, 0.5)]),
    // The sums of powers of 3 and 10, at which a logarithm that is rounded down is one off here and there.
    ("cosine_restarts(period=1, mult=3)", 1, 4000, &[(40, 1.0), (121, 1.0), (364, 1.0), (1093, 1.0), (3280, 1.0)]),
    ("cosine_restarts(period=1, mult=10)", 1, 2000, &[(11, 1.0), (111, 1.0), (1111, 1.0), (6111, 0.5)]),
    ("tanh", 1, 2, &[(0, 0.999_999_168_471_971_6), (1, 0.982_013_790_037_908_5), (2, 0.0), (9, 0.0)]),
    ("tanh(lower=-1, upper=1, floor=0.5)", 1, 4, &[(2, 0.75), (4, 0.5), (9, 0.5)]),
    ("rex", 1, 4, &[(0, 1.0), (1, 6.0 / 7.0), (2, 2.0 / 3.0), (4, 0.0), (9, 0.0)]),
    ("rex(floor=0.5)", 1, 4, &[(0, 1.0), (2, 0.5 + 1.0 / 3.0), (4, 0.5), (9, 0.5)]),
    ("power", 2, 10, &[(0, 1.0), (1, 1.0), (2, 1.0), (8, 0.5), (9, 0.5), (18, 1.0 / 3.0), (200, 0.1)]),
    ("power(exponent=1, after=2, per=step, over=4)", 2, 10, &[(4, 1.0), (6, 4.0 / 6.0), (8, 0.5), (9, 0.5)]),
    ("inverse_scaling(rows=8)", 2, 10, &[(0, 1.0), (1, 1.0), (2, 1.0 / 3.0), (6, 0.2)]),
    ("inverse_scaling(power=1, rows=1, over=2)", 1, 9, &[(1, 0.5), (2, 1.0 / 3.0), (9, 1.0 / 3.0)]),
    ("sawtooth(every=2, to=0.2)", 2, 10, &[(0, 1.0), (1, 1.0), (2, 0.6), (3, 0.6), (4, 1.0), (6, 0.6), (20, 1.0)]),
    ("sawtooth(every=2, over=4)", 1, 9, &[(0, 1.0), (2, 1.0), (3, 0.5), (4, 0.0), (9, 0.0)]),
    ("sawtooth(every=4 steps, to=2, per=step)", 2, 9, &[(0, 1.0), (3, 1.75), (4, 1.0)]),
    ("noam(width=4, warmup=4 steps)", 2, 8, &[(0, 0.0625), (1, 0.125), (3, 0.25), (15, 0.125)]),
    ("noam(width=4, warmup=2, per=epoch)", 2, 8, &[(2, 0.1875), (3, 0.1875)]),
    (
        "inverse_sqrt(warmup=4 steps)",
        2,
        8,
        &[(0, 0.0), (2, 0.5), (4, 1.0), (8, std::f64::consts::FRAC_1_SQRT_2), (16, 0.5)],
    ),
    ("inverse_sqrt(timescale=3 steps)", 2, 8, &[(0, 1.0), (9, 0.5)]),
    ("inverse_sqrt", 2, 8, &[(0, 1.0), (30_000, 0.5)]),
    (
        "wsd(warmup=2, decay=50%)",
        2,
        8,
        &[(0, 0.0), (1, 0.25), (4, 1.0), (7, 1.0), (8, 1.0), (12, 0.5), (15, 0.125), (16, 0.0), (99, 0.0)],
    ),
    (
        "wsd(warmup=4 steps, decay=1, warmup_shape=cosine, decay_shape=sqrt, floor=0.2)",
        4,
        3,
        &[(0, 0.2), (2, 0.6), (4, 1.0), (8, 1.0), (9, 0.6), (12, 0.2)],
    ),
    ("wsd(warmup=50%, decay=50%)", 4, 1, &[(0, 0.0), (1, 0.5), (2, 1.0), (3, 0.5), (4, 0.0)]),
    // A share of a part is one of the schedule, not of the run.
    ("wsd(warmup=25%, decay=50%, over=1)", 4, 8, &[(0, 0.0), (1, 1.0), (2, 1.0), (3, 0.5), (4, 0.0), (5, 0.0)]),
    ("flat_cosine(flat=50%, floor=0.2)", 2, 4, &[(0, 1.0), (4, 1.0), (6, 0.6), (8, 0.2), (20, 0.2)]),
    ("flat_cosine", 4, 2, &[(5, 1.0), (6, 1.0), (7, 0.500_005), (8, 1e-5), (20, 1e-5)]),
    ("swalr(to=0.5, anneal=4)", 1, 9, &[(0, 1.0), (1, 0.926_776_695_296_636_9), (2, 0.75), (4, 0.5), (9, 0.5)]),
    ("swalr(to=3, anneal=2, shape=linear)", 2, 9, &[(0, 1.0), (1, 1.0), (2, 2.0), (4, 3.0), (50, 3.0)]),
    (
        "sequence(linear(to=0.5, over=2), swalr(to=0.2, anneal=2))",
        2,
        6,
        &[(3, 0.625), (4, 0.625), (6, 0.375), (8, 0.125), (50, 0.125)],
    ),
    ("cooldown(shape=linear, floor=0.2)", 2, 2, &[(0, 1.0), (1, 0.8), (2, 0.6), (4, 0.2), (8, 0.2)]),
    ("cooldown(shape=cosine)", 2, 2, &[(0, 1.0), (1, 0.853_553_390_593_273_8), (2, 0.5), (4, 0.0), (8, 0.0)]),
    (
        "one_cycle(max=1, div=10, final_div=10, up=50%, shape=linear)",
        5,
        2,
        &[(0, 0.1), (2, 0.55), (4, 1.0), (5, 0.802), (9, 0.01), (10, 0.01), (50, 0.01)],
    ),
    (
        "one_cycle(max=1, div=10, final_div=10, shape=linear, phases=three)",
        5,
        2,
        &[(0, 0.1), (1, 0.55), (2, 1.0), (3, 0.55), (4, 0.1), (5, 0.082), (9, 0.01), (10, 0.01)],
    ),
    (
        "one_cycle(max=1, div=10, final_div=10, up=50%, shape=linear, ends=after)",
        5,
        2,
        &[(0, 0.1), (1, 0.28), (5, 1.0), (6, 0.802), (9, 0.208), (10, 0.01), (50, 0.01)],
    ),
    ("one_cycle(max=1, up=50%)", 5, 2, &[(0, 0.04), (2, 0.52), (4, 1.0), (9, 4e-6), (10, 4e-6)]),
    // A phase of no width, in a run that has no room for the others either.
    ("one_cycle(max=1, up=0)", 3, 1, &[(0, 1.0), (1, 0.500_002), (2, 4e-6), (3, 4e-6)]),
    ("one_cycle(max=1, up=100%, shape=linear)", 3, 1, &[(0, 0.04), (1, 0.52), (2, 4e-6), (3, 4e-6)]),
    ("table([0.3, 0.2, 0.1])", 2, 9, &[(0, 0.3), (1, 0.3), (2, 0.2), (4, 0.1), (99, 0.1)]),
    ("table(rates=[1, 2], every=3 steps, per=step)", 2, 9, &[(2, 1.0), (3, 2.0), (18, 2.0)]),
    ("table(rates=[1, 2, 3], over=2)", 1, 9, &[(0, 1.0), (1, 2.0), (2, 3.0), (9, 3.0)]),
    ("formula(\"0.1 * 0.5**epoch\")", 2, 9, &[(0, 0.1), (1, 0.1), (2, 0.05), (4, 0.025), (18, 0.1 / 512.0)]),
    ("formula(\"base * (1 - step / steps)\")", 2, 2, &[(0, 1.0), (1, 0.75), (3, 0.25), (4, 0.0), (9, 0.0)]),
    ("formula('base / (1 + epoch)', over=2, per=step)", 2, 9, &[(1, 1.0 / 1.5), (4, 1.0 / 3.0), (9, 1.0 / 3.0)]),
    ("formula(\"0.5 if epoch < epochs / 2 else 0.1\")", 1, 4, &[(0, 0.5), (1, 0.5), (2, 0.1), (4, 0.1)]),
    // Beyond the run, where it is not looked at, no rate is 0.
    ("formula(\"8 - epoch\")", 1, 4, &[(0, 8.0), (3, 5.0), (8, 0.0), (9, 0.0)]),
    (
        "chain(linear, step(every=2, gamma=0.5))",
        1,
        4,
        &[(0, 1.0), (1, 0.75), (2, 0.25), (3, 0.125), (4, 0.0), (9, 0.0)],
    ),
    ("chain(cyclic(base=1, max=3, up=2), exponential(gamma=0.5))", 1, 9, &[(0, 1.0), (1, 1.0), (2, 0.75), (4, 0.0625)]),
    ("chain(formula(\"base * 0.5**epoch\"), linear(to=0.5))", 1, 4, &[(0, 1.0), (1, 0.4375), (4, 0.03125)]),
    ("chain(constant, exponential(gamma=0.5, every=1 step, per=step))", 2, 4, &[(0, 1.0), (1, 0.5), (3, 0.125)]),
    // Children that hold do so each by itself.
    (
        "chain(sequence(linear(from=0, to=1, over=2), constant), cosine)",
        2,
        4,
        &[(0, 0.0), (1, 0.25), (2, 0.5 * 0.853_553_390_593_273_8), (4, 0.5), (6, 0.146_446_609_406_726_2), (8, 0.0)],
    ),
    (
        "chain(chain(linear, linear), constant_factor(factor=0.5, over=2))",
        1,
        4,
        &[(0, 0.5), (1, 0.28125), (2, 0.25), (4, 0.0)],
    ),
    // A chain in a sequence has what the others leave, from its own start.
    (
        "sequence(linear(from=0, to=1, over=2), chain(cosine, step(every=1, gamma=0.5)))",
        2,
        4,
        &[(1, 0.25), (4, 1.0), (5, 1.0), (6, 0.25), (7, 0.25), (8, 0.0), (9, 0.0)],
    ),
    (
        "sequence(chain(constant, multi_step(at=[1], gamma=0.5)), cooldown(50%))",
        2,
        4,
        &[(0, 1.0), (2, 0.5), (3, 0.5), (4, 0.5), (5, 0.25), (8, 0.0)],
    ),
    (
        "sequence(chain(sequence(constant(over=1), linear), constant_factor(factor=0.5, over=1)), cooldown(1))",
        2,
        4,
        &[(0, 0.5), (1, 0.5), (2, 1.0), (4, 0.5), (6, 0.5), (7, 0.146_446_609_406_726_2), (8, 0.0)],
    ),
    // Before it has read anything, a rule leaves the rate alone.
    ("on_plateau(patience=3)", 3, 10, &[(0, 1.0), (29, 1.0), (1000, 1.0)]),
    ("greedy", 3, 10, &[(0, 1.0), (29, 1.0), (1000, 1.0)]),
    ("adaptive", 3, 10, &[(0, 1.0), (29, 1.0), (1000, 1.0)]),
    ("chain(step(every=2), on_plateau)", 3, 10, &[(5, 1.0), (6, 0.1), (11, 0.1), (12, 0.01)]),
];

#[test]
fn table() {
    for (text, steps_per_epoch, epochs, expected) in TABLE {
        let resolved = resolved(text, *steps_per_epoch, *epochs);
        for (step, rate) in *expected {
            let got = resolved.at(*step).rate;
            assert!(near(got, *rate), "{text} at step {step} of {steps_per_epoch}x{epochs}: {got} instead of {rate}");
        }
        assert_eq!(resolved.steps_per_epoch(), *steps_per_epoch);
    }
}
