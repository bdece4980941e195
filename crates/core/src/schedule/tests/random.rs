//! What holds for schedules of random values.

use super::*;
use proptest::prelude::*;

/// Numbers that are both plain and not.
fn factor() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(0.95), 0.0..=1.0]
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1e-3), Just(10.0), (-30.0..10.0).prop_map(f64::exp2)]
}

/// Lengths that are a step at least in a run of 100 epochs or more.
fn length() -> impl Strategy<Value = Length> {
    let of = |unit| move |number| Length { number, unit };
    prop_oneof![
        (1.0..300.0).prop_map(of(Unit::Epochs)),
        (1..300).prop_map(|epochs| Length { number: f64::from(epochs), unit: Unit::Epochs }),
        (1..300).prop_map(|steps| Length { number: f64::from(steps), unit: Unit::Steps }),
        (1.0..=100.0).prop_map(of(Unit::Percent)),
    ]
}

fn per() -> impl Strategy<Value = Option<Per>> {
    prop_oneof![Just(None), Just(Some(Per::Epoch)), Just(Some(Per::Step))]
}

/// Any kind that multiplies the base rate, cooldown excepted.
fn multiplying(timing: BoxedStrategy<Timing>) -> impl Strategy<Value = Schedule> {
    let gamma = || factor().prop_filter("gamma is above 0", |gamma| *gamma > 0.0);
    prop_oneof![
        timing.clone().prop_map(|timing| Schedule::Constant(Constant, timing)),
        (gamma(), length(), timing.clone())
            .prop_map(|(gamma, every, timing)| Schedule::Exponential(Exponential { gamma, every }, timing)),
        (gamma(), length(), timing.clone())
            .prop_map(|(gamma, every, timing)| Schedule::Step(Step { every, gamma }, timing)),
        (0.0..5.0, 0.001..5.0, timing.clone())
            .prop_map(|(from, to, timing)| Schedule::Linear(Linear { from, to }, timing)),
        (0.001..5.0, timing.clone()).prop_map(|(from, timing)| Schedule::Linear(Linear { from, to: 0.0 }, timing)),
        (factor(), timing).prop_map(|(floor, timing)| Schedule::Cosine(Cosine { floor }, timing)),
    ]
}

fn cyclic() -> impl Strategy<Value = Schedule> {
    let mode = prop_oneof![
        Just(Mode::Triangular),
        Just(Mode::Triangular2),
        (0.001..=1.0, length()).prop_map(|(gamma, every)| Mode::ExpRange { gamma, every }),
    ];
    let momentum = proptest::option::of((0.0..0.9, 0.0..0.1).prop_map(|(low, span)| (low, low + span)));
    let timing = (proptest::option::of(length()), per()).prop_map(|(over, per)| Timing { over, per });
    (rate(), 1.0..100.0, length(), proptest::option::of(length()), mode, momentum, timing).prop_map(
        |(base, ratio, up, down, mode, momentum, timing)| {
            Schedule::Cyclic(Cyclic { base, max: base * ratio, up, down, mode, momentum }, timing)
        },
    )
}

fn sequence() -> impl Strategy<Value = Schedule> {
    let some = (1.0..15.0, per())
        .prop_map(|(number, per)| Timing { over: Some(Length { number, unit: Unit::Percent }), per })
        .boxed();
    let none = per().prop_map(|per| Timing { over: None, per }).boxed();
    let cooldown = some.clone().prop_map(|timing| Schedule::Cooldown(Cooldown, timing));
    let before = proptest::collection::vec(multiplying(some), 0..4);
    (before, multiplying(none), proptest::option::of(cooldown)).prop_map(|(mut children, open, cooldown)| {
        children.push(open);
        children.extend(cooldown);
        Schedule::Sequence(children)
    })
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let timing = (proptest::option::of(length()), per()).prop_map(|(over, per)| Timing { over, per });
    let cooldown = per().prop_map(|per| Schedule::Cooldown(Cooldown, Timing { over: None, per }));
    prop_oneof![4 => multiplying(timing.boxed()), 2 => cyclic(), 1 => cooldown, 3 => sequence()]
}

proptest! {
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
        places in proptest::collection::vec(0.0..3.0, 20),
    ) {
        let resolved = schedule.resolve((!schedule.owns_rate()).then_some(base), steps_per_epoch, epochs);
        let resolved = resolved.map_err(|error| TestCaseError::fail(format!("{schedule}: {error}")))?;
        let run = u64::from(steps_per_epoch * epochs);
        let steps: Vec<u64> =
            places.iter().map(|place| (place * run as f64) as u64).chain([0, run - 1, run, u64::MAX]).collect();
        let settings: Vec<Setting> = steps.iter().map(|step| resolved.at(*step)).collect();
        for (step, setting) in steps.iter().zip(&settings) {
            prop_assert!(setting.rate.is_finite() && setting.rate >= 0.0, "{} at {}: {:?}", schedule, step, setting);
            prop_assert!(setting.momentum.is_none_or(|momentum| (0.0..1.0).contains(&momentum)), "{} {:?}", schedule, setting);
        }
        // The same whatever was asked before, and from whom.
        let again = schedule.resolve((!schedule.owns_rate()).then_some(base), steps_per_epoch, epochs);
        let again = again.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let backwards: Vec<Setting> = steps.iter().rev().map(|step| again.at(*step)).collect();
        prop_assert!(settings.iter().rev().eq(backwards.iter()));
    }
}
