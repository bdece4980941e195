//! What holds for all kinds, and one row or more for each.

use super::*;

mod random;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The base rate that a schedule needs in tests: one where it multiplies one.
fn base(schedule: &Schedule) -> Option<f64> {
    (!schedule.owns_rate()).then_some(1.0)
}

fn resolved(text: &str, steps_per_epoch: u32, epochs: u32) -> Resolved {
    let schedule = schedule(text);
    schedule.resolve(base(&schedule), steps_per_epoch, epochs).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

/// A schedule, optimizer steps in an epoch, epochs of the run, and some steps with their rates worked out by hand: inside,
/// at the edges of epochs, at the end and after it. The base rate is 1 where there is one.
type Row = (&'static str, u32, u32, &'static [(u64, f64)]);

const TABLE: &[Row] = &[
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
        "sequence(constant(over=1 step), linear(from=0.5))",
        4,
        2,
        &[(0, 1.0), (1, 0.5), (3, 0.5), (4, 2.0 / 7.0), (8, 0.0)],
    ),
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

#[test]
fn every_kind_is_in_the_table() {
    for kind in KINDS {
        assert!(TABLE.iter().any(|(text, ..)| schedule(text).kind() == *kind), "{} has no row", kind.name);
        let sentence = kind.summary.ends_with('.') && kind.summary.matches('.').count() == 1;
        assert!(sentence, "{} has no plain sentence", kind.name);
        // What is shown of a kind holds it, and can be shown.
        let example = schedule(kind.example);
        let shown = example.to_string();
        assert!(shown.contains(kind.name), "{shown} is no example of {}", kind.name);
        example.resolve(base(&example), 10, 60).unwrap();
        let named = |key: &str| kind.keys.iter().filter(|other| other.name == key).count();
        assert!(kind.keys.iter().all(|key| named(key.name) == 1), "{} lists a key twice", kind.name);
        // Whatever runs from a beginning to an end, or can be put in a sequence, has a length and a clock.
        assert!(kind.name == "sequence" || (named("over") == 1 && named("per") == 1), "{}", kind.name);
    }
}

#[test]
fn holding_is_what_it_says() {
    for (text, steps_per_epoch, epochs, _) in TABLE {
        let resolved = resolved(text, *steps_per_epoch, *epochs);
        let epoch_of = |step: u64| step / u64::from(*steps_per_epoch) * u64::from(*steps_per_epoch);
        let held =
            (0..u64::from(steps_per_epoch * epochs)).all(|step| resolved.at(step) == resolved.at(epoch_of(step)));
        assert!(held || !resolved.held_per_epoch(), "{text}");
        let one = *steps_per_epoch == 1;
        assert!(!held || resolved.held_per_epoch() || one, "{text} holds but does not say so");
    }
}

#[test]
fn only_schedules_that_depend_on_the_epochs_change_with_them() {
    for (text, steps_per_epoch, epochs, _) in TABLE {
        let (short, long) = (resolved(text, *steps_per_epoch, *epochs), resolved(text, *steps_per_epoch, 2 * epochs));
        assert_eq!(schedule(text).depends_on_epochs(), short != long, "{text}");
    }
}

#[test]
fn momentum_runs_the_other_way() {
    let text = "cyclic(base=1, max=3, up=2, mode=triangular2, momentum=0.5..0.9)";
    let resolved = resolved(text, 1, 9);
    for (step, momentum) in [(0, 0.9), (1, 0.7), (2, 0.5), (4, 0.9), (6, 0.7)] {
        assert!(near(resolved.at(step).momentum.unwrap(), momentum), "step {step}");
    }
    assert!(schedule(text).cycles_momentum());
    assert!(schedule(&format!("sequence({text}, cooldown(1))")).cycles_momentum());
    assert!(!schedule("cyclic(base=1, max=3, up=2)").cycles_momentum());
    assert_eq!(self::resolved("cyclic(base=1, max=3, up=2)", 1, 9).at(1).momentum, None);
}

#[test]
fn prints_what_it_read() {
    for (written, printed) in [
        ("constant()", "constant"),
        (" exponential( gamma = 0.950 ) ", "exponential(gamma=0.95)"),
        ("exponential(over=5epochs,gamma=1e-5,every=1)", "exponential(gamma=1e-5, over=5)"),
        ("exponential(gamma=0.5, every=1 steps, per=step)", "exponential(gamma=0.5, every=1 step, per=step)"),
        ("step(every=30, gamma=0.1)", "step(every=30)"),
        ("linear(from=1, to=0)", "linear"),
        ("cosine(per=epoch, over=20 %, floor=0)", "cosine(over=20%, per=epoch)"),
        ("cyclic(base=1e-4, max=1e-2, up=20, down=20)", "cyclic(base=0.0001, max=0.01, up=20, down=20)"),
        (
            "cyclic(momentum=0.80..0.90, base=1, max=2, up=5, gamma=0.99, mode=exp_range, every=1)",
            "cyclic(base=1, max=2, up=5, mode=exp_range, gamma=0.99, momentum=0.8..0.9)",
        ),
        ("cooldown(over=20%)", "cooldown(20%)"),
        ("sequence(linear(from=0, to=1, over=5), cosine())", "sequence(linear(from=0, to=1, over=5), cosine)"),
        ("sequence(constant(), cooldown(20%))", "sequence(constant, cooldown(20%))"),
    ] {
        assert_eq!(schedule(written).to_string(), printed);
        assert_eq!(schedule(written), schedule(printed));
    }
}

#[test]
fn mistakes_in_text_are_named() {
    for (text, message) in [
        (
            "cosin",
            "schedule, character 1: unknown schedule 'cosin'; did you mean 'cosine'? (schedules: constant, exponential, \
             step, linear, cosine, cyclic, cooldown, sequence)",
        ),
        (
            "exponential(gama=0.95)",
            "schedule, character 13: unknown key 'gama' of exponential; did you mean 'gamma'? (keys: gamma, every, over, per)",
        ),
        ("exponential", "schedule, character 1: exponential needs gamma; write exponential(gamma=…)"),
        (
            "exponential(gamma=1.5)",
            "schedule, character 1: gamma of exponential is 1.5; give a number above 0 and at most 1",
        ),
        (
            "exponential(gamma=0)",
            "schedule, character 1: gamma of exponential is 0; give a number above 0 and at most 1",
        ),
        (
            "exponential(gamma=95%)",
            "schedule, character 19: gamma of exponential is the length 95%, where a number is expected",
        ),
        ("step(gamma=0.5)", "schedule, character 1: step needs every; write step(every=…)"),
        ("step(every=0)", "schedule, character 1: a length of step is 0; give one above 0"),
        ("step(every=-2)", "schedule, character 1: a length of step is -2; give one above 0"),
        (
            "cosine(over=2.5 steps)",
            "schedule, character 1: a length of cosine is 2.5 steps; give a whole number of steps",
        ),
        ("cosine(over=120%)", "schedule, character 1: a length of cosine is 120% of the run; give at most 100%"),
        ("cosine(floor=2)", "schedule, character 1: floor of cosine is 2; give a factor of the learning rate, 0 to 1"),
        (
            "cosine(per=epochs)",
            "schedule, character 12: unknown per 'epochs' of cosine; did you mean 'epoch'? (valid: epoch, step)",
        ),
        (
            "linear(from=-1)",
            "schedule, character 1: from of linear is -1; give a factor of the learning rate, at least 0",
        ),
        ("linear(from=0)", "schedule, character 1: linear goes from 0 to 0; for a warm-up write to=1"),
        ("cyclic(base=0, max=1, up=5)", "schedule, character 1: base of cyclic is 0; give a number above 0"),
        (
            "cyclic(base=2, max=1, up=5)",
            "schedule, character 1: max of cyclic is 1, below its base of 2; exchange them",
        ),
        ("cyclic(base=1, max=2)", "schedule, character 1: cyclic needs up; write cyclic(up=…)"),
        ("cyclic(base=1, max=2, up=0, down=0)", "schedule, character 1: a length of cyclic is 0; give one above 0"),
        (
            "cyclic(base=1, max=2, up=5, mode=triangle)",
            "schedule, character 34: unknown mode 'triangle' of cyclic; did you mean 'triangular'? \
             (valid: triangular, triangular2, exp_range)",
        ),
        (
            "cyclic(base=1, max=2, up=5, mode=exp_range)",
            "schedule, character 1: cyclic needs gamma; write cyclic(gamma=…)",
        ),
        (
            "cyclic(base=1, max=2, up=5, gamma=0.9)",
            "schedule, character 1: cyclic has gamma and every with mode=exp_range only; add the mode or leave them out",
        ),
        (
            "cyclic(base=1, max=2, up=5, momentum=0.9..0.8)",
            "schedule, character 1: momentum of cyclic is 0.9..0.8; give lowest..highest, at least 0 and below 1",
        ),
        (
            "cyclic(base=1, max=2, up=5, momentum=0.9..1)",
            "schedule, character 1: momentum of cyclic is 0.9..1; give lowest..highest, at least 0 and below 1",
        ),
        (
            "sequence()",
            "schedule, character 1: sequence is empty; name its schedules: sequence(constant(), cooldown(20%))",
        ),
        (
            "sequence(over=5)",
            "schedule, character 10: sequence has no keys, and 'over' is given; write its schedules one after another: \
             sequence(linear(from=0, to=1, over=5), cosine())",
        ),
        ("sequence(5)", "schedule, character 10: expected a schedule in sequence; such as cosine()"),
        (
            "sequence(constant, sequence(cosine))",
            "schedule, character 20: a sequence within a sequence; write its schedules in the outer one",
        ),
        (
            "sequence(linear(from=0, to=1, over=5), step(every=5), cosine)",
            "schedule, character 1: step in sequence has no length, and it is not the only one; give it one, such as \
             step(over=5); one schedule may leave it out",
        ),
        (
            "sequence(cooldown(20%), constant)",
            "schedule, character 1: a cooldown within sequence is not its last schedule; move it to the end",
        ),
        (
            "sequence(linear(over=5), cyclic(base=1, max=2, up=5))",
            "schedule, character 1: sequence holds cyclic, which has rates of its own, and linear, which multiplies a \
             learning rate; take schedules of one sort",
        ),
        (
            "sequence(linear(over=5), cosin)",
            "schedule, character 26: unknown schedule 'cosin'; did you mean 'cosine'? \
          (schedules: constant, exponential, step, linear, cosine, cyclic, cooldown, sequence)",
        ),
    ] {
        assert_eq!(text.parse::<Schedule>().unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn mistakes_in_a_run_are_named() {
    let warm_up = "sequence(linear(from=0, to=1, over=5), cosine)";
    for (text, base, steps_per_epoch, epochs, message) in [
        (
            "constant",
            None,
            1,
            1,
            "schedule: constant multiplies a learning rate, and none is given; give a learning rate",
        ),
        ("constant", Some(0.0), 1, 1, "schedule: the learning rate is 0; give a number above 0"),
        ("constant", Some(-1.0), 1, 1, "schedule: the learning rate is -1; give a number above 0"),
        ("constant", Some(f64::NAN), 1, 1, "schedule: the learning rate is NaN; give a number above 0"),
        ("constant", Some(f64::INFINITY), 1, 1, "schedule: the learning rate is inf; give a number above 0"),
        ("constant", Some(1.0), 0, 1, "schedule: an epoch of the run has no optimizer steps; give it training rows"),
        ("constant", Some(1.0), 1, 0, "schedule: the run has 0 epochs; give it at least 1"),
        (
            "constant",
            Some(1.0),
            u32::MAX,
            u32::MAX,
            "schedule: the run has 18446744065119617025 optimizer steps; give it at most 2^53",
        ),
        (
            "cyclic(base=1, max=2, up=5)",
            Some(1.0),
            1,
            1,
            "schedule: cyclic has rates of its own, and a learning rate is given too; leave the learning rate out",
        ),
        (
            "linear(to=1e300)",
            Some(1e300),
            1,
            1,
            "schedule: the learning rate becomes too large to be a number; give a smaller one",
        ),
        (
            "cosine(over=1%)",
            Some(1.0),
            4,
            10,
            "schedule: the length 1% is less than one optimizer step of this run (10 epochs of 4 steps); make it longer",
        ),
        ("cosine(over=1e300)", Some(1.0), 1, 1, "schedule: the length 1e300 is too long; give at most 2^53 steps"),
        (
            "cooldown(20%)",
            Some(1.0),
            1,
            10,
            "schedule: cooldown(20%) alone ends before the run does; write sequence(constant(), cooldown(20%))",
        ),
        (
            warm_up,
            Some(1.0),
            2,
            5,
            "schedule: the lengths in sequence add up to 5 epochs of the run's 5, which leaves nothing for the one without \
             a length; shorten them, write them in %, or give the run more epochs",
        ),
        (
            "sequence(constant(over=5), cosine(over=6))",
            Some(1.0),
            2,
            10,
            "schedule: the lengths in sequence add up to 11 epochs of the run's 10; shorten them, write them in %, or give \
             the run more epochs",
        ),
        (
            "sequence(constant(over=5), cooldown(20%))",
            Some(1.0),
            2,
            10,
            "schedule: the cooldown ends after 7 of the run's 10 epochs; leave the length of the schedule before it out",
        ),
        (
            "sequence(constant(over=1%), constant)",
            Some(1.0),
            2,
            10,
            "schedule: the length 1% is less than one optimizer step of this run (10 epochs of 2 steps); make it longer",
        ),
    ] {
        let error = schedule(text).resolve(base, steps_per_epoch, epochs).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
    resolved(warm_up, 2, 6);
    // Values that no text can hold are refused as well.
    let bad = Schedule::Exponential(Exponential { gamma: f64::NAN, every: exponential::EPOCH }, Timing::default());
    assert!(bad.resolve(Some(1.0), 1, 1).is_err());
    let nested = Schedule::Sequence(vec![Schedule::Sequence(vec![schedule("constant")])]);
    assert!(nested.resolve(Some(1.0), 1, 1).is_err());
}

#[test]
fn a_cooldown_begins_at_the_last_whole_epoch_that_leaves_its_length() {
    for tenths in 1..=900u32 {
        for epochs in [1, 7, 10, 30, 100, 1000] {
            let percent = f64::from(tenths) / 10.0;
            let resolved = resolved(&format!("sequence(constant, cooldown({percent}%))"), 2, epochs);
            let start = u64::from(epochs) * u64::from(1000 - tenths) / 1000;
            let rates = [2 * start, 2 * start + 1].map(|step| resolved.at(step).rate);
            assert!(rates[0] == 1.0 && rates[1] < 1.0, "{percent}% of {epochs} from {start}: {rates:?}");
        }
    }
}

#[test]
fn rates_above_one_are_fine() {
    assert_eq!(schedule("constant").resolve(Some(30.0), 1, 1).unwrap().at(0).rate, 30.0);
}

#[test]
fn is_stored_as_its_text_and_resolved_as_numbers() {
    for (text, steps_per_epoch, epochs, _) in TABLE {
        let written = schedule(text);
        let json = serde_json::to_string(&written).unwrap();
        assert_eq!(json, format!("\"{written}\""));
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), written);

        let resolved = resolved(text, *steps_per_epoch, *epochs);
        let json = serde_json::to_string(&resolved).unwrap();
        assert_eq!(serde_json::from_str::<Resolved>(&json).unwrap(), resolved, "{json}");
    }
    assert!(serde_json::from_str::<Schedule>("\"cosin\"").unwrap_err().to_string().contains("did you mean 'cosine'?"));
}

#[test]
fn a_damaged_record_cannot_divide_by_zero() {
    let json = serde_json::to_string(&resolved("cyclic(base=1, max=3, up=2, over=3)", 1, 9)).unwrap();
    let damaged = json.replace("\"length\":3", "\"length\":0").replace("\"cycle\":4", "\"cycle\":1");
    assert_ne!(damaged, json);
    let damaged: Resolved = serde_json::from_str(&damaged).unwrap();
    assert!((0..9).all(|step| damaged.at(step).rate.is_finite()));
    let json = serde_json::to_string(&resolved("cosine", 1, 9)).unwrap();
    assert!(serde_json::from_str::<Resolved>(&json.replace("\"steps_per_epoch\":1", "\"steps_per_epoch\":0")).is_err());
    let damaged: Resolved = serde_json::from_str(&json.replace("\"length\":9", "\"length\":0")).unwrap();
    assert_eq!(damaged.at(5).rate, 0.0);
}
