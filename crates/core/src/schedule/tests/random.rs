//! What holds for schedules of random values.

use super::*;
use crate::text::Length;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Numbers that are both plain and not.
fn factor() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(0.95), 0.0..=1.0]
}

fn gamma() -> impl Strategy<Value = f64> {
    factor().prop_filter("gamma is above 0", |gamma| *gamma > 0.0)
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1e-3), Just(10.0), (-30.0..10.0).prop_map(f64::exp2)]
}

/// A number above 0, often the default of 1.
fn above_zero() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(0.5), 0.01..5.0]
}

fn in_unit(unit: Unit) -> impl Fn(f64) -> Length + Clone {
    move |number| Length { number, unit }
}

/// Lengths that are a step at least in a run of 100 epochs or more.
fn length() -> impl Strategy<Value = Length> {
    prop_oneof![
        (1.0..300.0).prop_map(in_unit(Unit::Epochs)),
        (1..300).prop_map(|epochs| in_unit(Unit::Epochs)(f64::from(epochs))),
        (1..300).prop_map(|steps| in_unit(Unit::Steps)(f64::from(steps))),
        (1.0..=100.0).prop_map(in_unit(Unit::Percent)),
    ]
}

/// Places in order, the first maybe 0.
fn places() -> impl Strategy<Value = Vec<Length>> {
    let sorted = |mut places: Vec<f64>, unit| {
        places.sort_by(f64::total_cmp);
        places.into_iter().map(in_unit(unit)).collect::<Vec<_>>()
    };
    let steps = vec(0..300u32, 1..6).prop_map(|all| all.into_iter().map(f64::from).collect::<Vec<_>>());
    prop_oneof![
        steps.prop_map(move |places| sorted(places, Unit::Steps)),
        vec(prop_oneof![Just(0.0), 1.0..300.0], 1..6).prop_map(move |places| sorted(places, Unit::Epochs)),
        vec(prop_oneof![Just(0.0), 1.0..100.0], 1..6).prop_map(move |places| sorted(places, Unit::Percent)),
    ]
}

/// A share of a schedule that leaves as much for another.
fn part() -> impl Strategy<Value = Length> {
    prop_oneof![Just(0.0), Just(50.0), 0.0..=50.0].prop_map(in_unit(Unit::Percent))
}

fn per() -> impl Strategy<Value = Option<Per>> {
    prop_oneof![Just(None), Just(Some(Per::Epoch)), Just(Some(Per::Step))]
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![Just(Shape::Linear), Just(Shape::Cosine), Just(Shape::Sqrt)]
}

fn symmetric() -> impl Strategy<Value = Shape> {
    prop_oneof![Just(Shape::Linear), Just(Shape::Cosine)]
}

fn momentum() -> impl Strategy<Value = Option<(f64, f64)>> {
    of((0.0..0.9, 0.0..0.1).prop_map(|(low, span)| (low, low + span)))
}

/// A strategy for forms, made one for schedules by the timing.
macro_rules! kind {
    ($Kind:ident, $timing:expr, $forms:expr) => {
        ($forms, $timing.clone()).prop_map(|(form, timing)| Schedule::$Kind(form, timing)).boxed()
    };
}

/// Any kind that multiplies the base rate, cooldown excepted.
fn multiplying(timing: BoxedStrategy<Timing>) -> impl Strategy<Value = Schedule> {
    let periods = || (gamma(), length(), any::<bool>());
    let cosine = (factor(), above_zero(), above_zero(), prop_oneof![Just(0.5), 0.1..5.0]);
    let restarts = (length(), prop_oneof![Just(1.0), Just(2.0), 1.01..4.0], gamma(), of(1..100u32), factor());
    proptest::strategy::Union::new([
        kind!(Constant, timing, Just(Constant)),
        kind!(ConstantFactor, timing, (0.0..3.0).prop_map(|factor| ConstantFactor { factor })),
        kind!(Linear, timing, (0.0..5.0, 0.001..5.0).prop_map(|(from, to)| Linear { from, to })),
        kind!(Linear, timing, (0.001..5.0).prop_map(|from| Linear { from, to: 0.0 })),
        kind!(Step, timing, (gamma(), length()).prop_map(|(gamma, every)| Step { every, gamma })),
        kind!(MultiStep, timing, (vec(length(), 1..6), gamma()).prop_map(|(at, gamma)| MultiStep { at, gamma })),
        kind!(
            Piecewise,
            timing,
            (places(), 0.1..3.0, vec(0.0..3.0, 6)).prop_map(|(at, first, rest)| {
                let factors = std::iter::once(first).chain(rest).take(at.len() + 1).collect();
                Piecewise { at, factors }
            })
        ),
        kind!(
            Interpolate,
            timing,
            (places(), 0.1..3.0, vec(0.0..3.0, 6), symmetric()).prop_map(|(at, first, rest, shape)| {
                let factors = std::iter::once(first).chain(rest).take(at.len()).collect();
                Interpolate { at, factors, shape }
            })
        ),
        kind!(
            Exponential,
            timing,
            (periods(), factor())
                .prop_map(|((gamma, every, staircase), floor)| { Exponential { gamma, every, floor, staircase } })
        ),
        kind!(
            NaturalExponential,
            timing,
            periods().prop_map(|(gamma, every, staircase)| { NaturalExponential { gamma, every, staircase } })
        ),
        kind!(
            InverseTime,
            timing,
            periods().prop_map(|(gamma, every, staircase)| { InverseTime { gamma, every, staircase } })
        ),
        kind!(
            Polynomial,
            timing,
            (above_zero(), 0.0..3.0, of(length())).prop_map(|(power, to, cycle)| { Polynomial { power, to, cycle } })
        ),
        kind!(
            Cosine,
            timing,
            cosine.prop_map(|(floor, exponent, warp, cycles)| Cosine { floor, exponent, warp, cycles })
        ),
        kind!(
            CosineRestarts,
            timing,
            restarts.prop_map(|(period, mult, decay, cycles, floor)| {
                CosineRestarts { period: Some(period), mult, decay, cycles, floor }
            })
        ),
        kind!(
            Tanh,
            timing,
            (-9.0..0.0, 0.1..9.0, factor())
                .prop_map(|(lower, span, floor)| { Tanh { lower, upper: lower + span, floor } })
        ),
        kind!(Rex, timing, factor().prop_map(|floor| Rex { floor })),
        kind!(Power, timing, (above_zero(), length()).prop_map(|(exponent, after)| Power { exponent, after })),
        kind!(
            InverseScaling,
            timing,
            (above_zero(), 1..u32::MAX).prop_map(|(power, rows)| { InverseScaling { power, rows: Some(rows) } })
        ),
        kind!(Sawtooth, timing, (length(), 0.0..3.0).prop_map(|(every, to)| Sawtooth { every, to })),
        kind!(Noam, timing, (0.1..1000.0, length()).prop_map(|(width, warmup)| Noam { width, warmup })),
        kind!(
            InverseSqrt,
            timing,
            (prop_oneof![Just(in_unit(Unit::Epochs)(0.0)), length()], of(length()))
                .prop_map(|(warmup, timescale)| InverseSqrt { warmup, timescale })
        ),
        kind!(
            Wsd,
            timing,
            (part(), part(), shape(), shape(), factor()).prop_map(
                |(warmup, decay, warmup_shape, decay_shape, floor)| Wsd {
                    warmup,
                    decay,
                    warmup_shape,
                    decay_shape,
                    floor
                }
            )
        ),
        kind!(
            FlatCosine,
            timing,
            ((0.0..=100.0).prop_map(in_unit(Unit::Percent)), factor())
                .prop_map(|(flat, floor)| { FlatCosine { flat, floor } })
        ),
        kind!(
            Swalr,
            timing,
            (0.0..3.0, length(), symmetric()).prop_map(|(to, anneal, shape)| Swalr { to, anneal, shape })
        ),
        kind!(Formula, timing, (gamma(), 0..4usize).prop_map(|(gamma, text)| of_base(gamma, text))),
    ])
}

/// Formulas of the base rate that are rates wherever they are asked.
fn of_base(gamma: f64, text: usize) -> Formula {
    let texts = [
        format!("base * {gamma}**epoch"),
        format!("base * ({gamma} + step) / steps"),
        format!("min(base, {gamma} * base / (1 + epoch)) if epoch < epochs / 2 else base"),
        format!("base*{gamma} - base*{gamma}/2*sin(step)"),
    ];
    Formula::new(&texts[text]).unwrap()
}

/// Any kind with rates of its own.
fn owning(timing: BoxedStrategy<Timing>) -> impl Strategy<Value = Schedule> {
    let mode = prop_oneof![
        Just(Mode::Triangular),
        Just(Mode::Triangular2),
        (0.001..=1.0, length()).prop_map(|(gamma, every)| Mode::ExpRange { gamma, every }),
    ];
    let cyclic = (rate(), 1.0..100.0, length(), of(length()), mode, momentum());
    let ends = prop_oneof![Just(Ends::Last), Just(Ends::After)];
    let one_cycle = (rate(), above_zero(), above_zero(), part(), symmetric(), any::<bool>(), ends, momentum());
    proptest::strategy::Union::new([
        kind!(
            Cyclic,
            timing,
            cyclic.prop_map(|(base, ratio, up, down, mode, momentum)| {
                Cyclic { base, max: base * ratio, up, down, mode, momentum }
            })
        ),
        kind!(
            OneCycle,
            timing,
            one_cycle.prop_map(|(max, div, final_div, up, shape, three, ends, momentum)| {
                OneCycle { max, div, final_div, up, shape, three, ends, momentum }
            })
        ),
        kind!(
            Table,
            timing,
            (rate(), vec(prop_oneof![Just(0.0), rate()], 0..9), length()).prop_map(|(rate, mut rates, every)| {
                rates.push(rate);
                Table { rates, every }
            })
        ),
        kind!(Formula, timing, rate().prop_map(|rate| Formula::new(&format!("{rate} / (1 + step)")).unwrap())),
    ])
}

/// Cycles that fill a run, which only needs to be long enough.
fn filling() -> impl Strategy<Value = Schedule> {
    (1..20u32, prop_oneof![Just(1.0), 1.01..1.1], gamma(), factor(), per()).prop_map(
        |(cycles, mult, decay, floor, per)| {
            let form = CosineRestarts { period: None, mult, decay, cycles: Some(cycles), floor };
            Schedule::CosineRestarts(form, Timing { over: None, per })
        },
    )
}

fn cooldown(timing: BoxedStrategy<Timing>) -> impl Strategy<Value = Schedule> {
    (shape(), factor(), timing).prop_map(|(shape, floor, timing)| Schedule::Cooldown(Cooldown { shape, floor }, timing))
}

/// Timings that may have any length, none, and some of a run's length.
fn timings() -> [BoxedStrategy<Timing>; 3] {
    let some = (1.0..15.0, per()).prop_map(|(number, per)| (Some(in_unit(Unit::Percent)(number)), per));
    [
        (of(length()), per()).prop_map(|(over, per)| Timing { over, per }).boxed(),
        per().prop_map(|per| Timing { over: None, per }).boxed(),
        some.prop_map(|(over, per)| Timing { over, per }).boxed(),
    ]
}

fn sequence(open: BoxedStrategy<Schedule>) -> impl Strategy<Value = Schedule> {
    let [_, _, some] = timings();
    let before = vec(multiplying(some.clone()), 0..4);
    (before, open, of(cooldown(some))).prop_map(|(mut children, open, cooldown)| {
        children.push(open);
        children.extend(cooldown);
        Schedule::Sequence(children)
    })
}

/// Whether it can be a factor beside a schedule that gives rates.
fn is_factor(schedule: &Schedule) -> bool {
    match schedule {
        Schedule::Sequence(children) | Schedule::Chain(children) => children.iter().all(is_factor),
        _ => !matches!(schedule.rate(), RateSource::Own | RateSource::OfBase),
    }
}

fn chain() -> impl Strategy<Value = Schedule> {
    let [free, none, _] = timings();
    let factor = prop_oneof![
        3 => multiplying(free.clone()),
        1 => sequence(multiplying(none.clone()).boxed()),
        1 => filling(),
        1 => cooldown(none),
    ];
    let factor = factor.prop_filter("is a factor", is_factor);
    let chain = (of(prop_oneof![multiplying(free.clone()), owning(free)]), vec(factor, 1..4), any::<bool>());
    chain.prop_map(|(first, mut rest, nested)| {
        if nested && rest.len() > 1 {
            rest = vec![Schedule::Chain(rest)];
        }
        Schedule::Chain(first.into_iter().chain(rest).collect())
    })
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let [free, none, _] = timings();
    let with_chain = chain().prop_filter("multiplies", |chain| !chain.owns_rate()).boxed();
    prop_oneof![
        8 => multiplying(free.clone()),
        2 => super::rules::following(free.clone()),
        3 => owning(free),
        1 => filling(),
        1 => cooldown(none.clone()),
        2 => sequence(multiplying(none).boxed()),
        1 => sequence(with_chain),
        3 => chain(),
    ]
}

/// Whether it promises never to rise.
fn falls(schedule: &Schedule) -> bool {
    match schedule {
        Schedule::Constant(..)
        | Schedule::Step(..)
        | Schedule::MultiStep(..)
        | Schedule::Exponential(..)
        | Schedule::NaturalExponential(..)
        | Schedule::InverseTime(..)
        | Schedule::Tanh(..)
        | Schedule::Rex(..)
        | Schedule::Power(..)
        | Schedule::InverseScaling(..)
        | Schedule::FlatCosine(..)
        | Schedule::Cooldown(..) => true,
        Schedule::Linear(form, _) => form.to <= form.from,
        Schedule::Polynomial(form, _) => form.to <= 1.0 && form.cycle.is_none(),
        Schedule::Cosine(form, _) => form.cycles <= 0.5,
        Schedule::Swalr(form, _) => form.to <= 1.0,
        Schedule::InverseSqrt(form, _) => form.warmup.number == 0.0,
        Schedule::Chain(children) => children.iter().all(falls),
        _ => false,
    }
}

fn resolve(schedule: &Schedule, base: f64, steps_per_epoch: u32, epochs: u32) -> Result<Resolved, TestCaseError> {
    let resolved = schedule.resolve((!schedule.owns_rate()).then_some(base), steps_per_epoch, epochs);
    resolved.map_err(|error| TestCaseError::fail(format!("{schedule}: {error}")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn text_reads_back(schedule in any_schedule()) {
        prop_assert_eq!(schedule.to_string().parse::<Schedule>(), Ok(schedule));
    }

    #[test]
    fn rates_are_numbers_at_least_zero(
        schedule in any_schedule(),
        base in rate(),
        steps_per_epoch in 1..50u32,
        epochs in 100..400u32,
        places in vec(0.0..3.0, 20),
    ) {
        let resolved = resolve(&schedule, base, steps_per_epoch, epochs)?;
        let run = u64::from(steps_per_epoch * epochs);
        let mut steps: Vec<u64> = places.iter().map(|place| (place * run as f64) as u64).collect();
        steps.extend([0, 1, run - 1, run, run + 1, 1 << 53, u64::MAX]);
        steps.sort_unstable();
        let settings: Vec<Setting> = steps.iter().map(|step| resolved.at(*step)).collect();
        let highest = resolved.highest();
        for (step, setting) in steps.iter().zip(&settings) {
            prop_assert!(setting.rate.is_finite() && setting.rate >= 0.0, "{} at {}: {:?}", schedule, step, setting);
            prop_assert!(setting.momentum.is_none_or(|momentum| (0.0..1.0).contains(&momentum)), "{} {:?}", schedule, setting);
            // Formulas are looked at one by one instead.
            let bounded = setting.rate <= highest * (1.0 + 1e-12) || schedule.to_string().contains("formula");
            prop_assert!(bounded, "{} at {}: {:?} above {}", schedule, step, setting, highest);
        }
        // The cosine's last bits may rise where it is level.
        let fell = settings.windows(2).all(|pair| pair[1].rate <= pair[0].rate + 1e-15 * highest);
        prop_assert!(fell || !falls(&schedule), "{} rises", schedule);
        // The same whatever was asked before, and from whom; from here on as if it had never been put down.
        let again = resolve(&schedule, base, steps_per_epoch, epochs)?;
        let backwards: Vec<Setting> = steps.iter().rev().map(|step| again.at(*step)).collect();
        prop_assert!(settings.iter().rev().eq(backwards.iter()));
        let stored = serde_json::to_string(&resolved).unwrap();
        let loaded: Resolved = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(&loaded, &resolved);
        let resumed: Vec<Setting> = steps.iter().map(|step| loaded.at(*step)).collect();
        prop_assert_eq!(resumed, settings);
    }

    #[test]
    fn what_is_known_to_be_held_is(schedule in any_schedule(), steps_per_epoch in 1..9u32, epochs in 100..400u32) {
        let resolved = resolve(&schedule, 1.0, steps_per_epoch, epochs)?;
        let steps = u64::from(steps_per_epoch);
        for first in (0..u64::from(epochs) + 2).map(|epoch| epoch * steps) {
            let known = resolved.held_from(first);
            prop_assert!(known || !resolved.held_per_epoch(), "{} at {}", &schedule, first);
            let setting = resolved.at(first);
            let held = (first..first + steps).all(|step| resolved.at(step) == setting);
            prop_assert!(held || !known, "{} at {}", &schedule, first);
        }
    }

    #[test]
    fn the_end_is_held(schedule in any_schedule(), steps_per_epoch in 1..50u32, epochs in 100..400u32, past in 0..10_000u64) {
        let resolved = resolve(&schedule, 1.0, steps_per_epoch, epochs)?;
        let run = Run::new(steps_per_epoch, epochs).unwrap();
        let end = match (schedule.timing().over, schedule.needs_length()) {
            (Some(over), _) => run.steps_whole(&over).unwrap(),
            (None, true) => run.steps,
            (None, false) => return Ok(()),
        };
        // What holds per epoch has its end at the first epoch from there on.
        let end = end.next_multiple_of(u64::from(steps_per_epoch));
        prop_assert_eq!(resolved.at(end), resolved.at(end + past), "{}", &schedule);
        prop_assert_eq!(resolved.at(end), resolved.at(u64::MAX), "{}", &schedule);
    }

    #[test]
    fn a_product_is_one(
        factors in vec(multiplying(timings()[0].clone()).prop_filter("is a factor", is_factor), 1..4),
        steps in vec(0..50_000u64, 20),
    ) {
        let each = factors.iter().map(|factor| resolve(factor, 1.0, 20, 200)).collect::<Result<Vec<_>, _>>()?;
        let chain = resolve(&Schedule::Chain(factors), 0.5, 20, 200)?;
        for step in steps {
            let product: f64 = each.iter().map(|factor| factor.at(step).rate).product::<f64>() * 0.5;
            let got = chain.at(step).rate;
            prop_assert!((got - product).abs() <= 1e-14 * product.abs() + f64::MIN_POSITIVE, "{} at {}", got, step);
        }
    }
}

#[test]
fn every_kind_is_drawn() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = any_schedule();
    let drawn = (0..2000).map(|_| strategy.new_tree(&mut runner).unwrap().current().kind().name);
    let drawn: std::collections::HashSet<&str> = drawn.collect();
    for kind in KINDS {
        assert!(drawn.contains(kind.name), "{} is never drawn", kind.name);
    }
}
