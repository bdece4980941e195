//! What holds for all kinds, and one row or more for each.

use super::*;

mod mistakes;
mod random;
mod rules;
mod table;

use table::TABLE;

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
        assert!(
            ["sequence", "chain"].contains(&kind.name) || (named("over") == 1 && named("per") == 1),
            "{}",
            kind.name
        );
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
fn momentum_goes_down_and_up_once() {
    let two = "one_cycle(max=1, up=50%, shape=linear, momentum=0.5..0.9)";
    let three = "one_cycle(max=1, shape=linear, phases=three, momentum=0.5..0.9)";
    let cosine = "one_cycle(max=1, up=50%, momentum=0.5..0.9)";
    for (text, expected) in [
        (two, [(0, 0.9), (2, 0.7), (4, 0.5), (9, 0.9), (10, 0.9), (99, 0.9)]),
        (three, [(0, 0.9), (1, 0.7), (2, 0.5), (3, 0.7), (4, 0.9), (8, 0.9)]),
        (cosine, [(0, 0.9), (2, 0.7), (4, 0.5), (9, 0.9), (10, 0.9), (99, 0.9)]),
    ] {
        let resolved = resolved(text, 5, 2);
        for (step, momentum) in expected {
            let got = resolved.at(step).momentum.unwrap();
            assert!(near(got, momentum), "{text} at {step}: {got}");
        }
        let chain = format!("chain({text}, exponential(gamma=0.5))");
        assert!(schedule(text).cycles_momentum() && schedule(&chain).cycles_momentum());
        assert_eq!(self::resolved(&chain, 5, 2).at(2).momentum, resolved.at(2).momentum);
    }
}

#[test]
fn one_cycle_fits_into_any_run() {
    for up in ["0", "1 step", "1%", "30%", "50%", "99%", "100%"] {
        for phases in ["two", "three"] {
            for ends in ["last", "after"] {
                for steps in 1..=12 {
                    let text = format!("one_cycle(max=1, up={up}, phases={phases}, ends={ends}, momentum=0.8..0.9)");
                    let Ok(resolved) = schedule(&text).resolve(None, steps, 1) else {
                        // The rise may be longer than the run, or than half of it.
                        let half = ["99%", "100%"].contains(&up) && phases == "three";
                        assert!(half || (up == "1 step" && steps == 1 && phases == "three"), "{text} of {steps}");
                        continue;
                    };
                    for step in 0..=u64::from(steps) + 3 {
                        let setting = resolved.at(step);
                        let momentum = setting.momentum.unwrap();
                        let within = (4e-6..=1.0).contains(&setting.rate) && (0.8..=0.9).contains(&momentum);
                        assert!(within, "{text} at {step} of {steps}: {setting:?}");
                    }
                    let last = if ends == "last" { steps - 1 } else { steps };
                    assert_eq!(resolved.at(u64::from(last)).rate, 1.0 / 25.0 / 1e4, "{text} of {steps}");
                }
            }
        }
    }
}

#[test]
fn parts_of_no_length_are_passed_over() {
    for (text, expected) in [
        ("wsd(warmup=0, decay=0)", [(0, 1.0), (3, 1.0), (4, 1.0), (99, 1.0)]),
        ("wsd(warmup=0, decay=100%)", [(0, 1.0), (3, 0.25), (4, 0.0), (99, 0.0)]),
        ("wsd(warmup=100%, decay=0)", [(0, 0.0), (3, 0.75), (4, 1.0), (99, 1.0)]),
        ("flat_cosine(flat=0)", [(0, 1.0), (2, 0.500_005), (4, 1e-5), (99, 1e-5)]),
        ("flat_cosine(flat=100%)", [(0, 1.0), (3, 1.0), (4, 1.0), (99, 1.0)]),
        ("inverse_sqrt(warmup=0, timescale=1 step)", [(0, 1.0), (3, 0.5), (8, 1.0 / 3.0), (99, 0.1)]),
        ("interpolate(at=[0], factors=[0.5])", [(0, 0.5), (1, 0.5), (4, 0.5), (99, 0.5)]),
    ] {
        let resolved = resolved(text, 4, 1);
        for (step, rate) in expected {
            assert!(near(resolved.at(step).rate, rate), "{text} at {step}: {}", resolved.at(step).rate);
        }
    }
}

#[test]
fn formulas_of_long_runs_are_looked_at_evenly() {
    // Fifty million steps, of which the last is looked at, and one in fifty before it.
    let last = "formula(\"1 if step < 50000000 - 1 else 0 - 1\")";
    let error = schedule(last).resolve(None, 50_000, 1000).unwrap_err().to_string();
    assert!(error.contains("gives -1 at step 49999999 of the run, in epoch 999 (both from 0)"), "{error}");
    // Per epoch every epoch is.
    let error = schedule("formula(\"777 - epoch\")").resolve(None, 50_000, 1000).unwrap_err().to_string();
    assert!(error.contains("gives -1 at step 38900000 of the run, in epoch 778"), "{error}");
    assert!(schedule("formula(\"999 - epoch\")").resolve(None, 50_000, 1000).is_ok());
}

#[test]
fn files_and_rows_are_filled_in() {
    let load = |file: &str| match file {
        "a b.csv" => Ok(vec![0.5, 0.25]),
        "bad" => Ok(vec![-1.0]),
        _ => Err(InputError::new("cannot be read").at(file.to_string())),
    };
    for (given, read) in [
        ("table('a b.csv')", "table(rates=[0.5, 0.25])"),
        (
            "sequence(table(rates=\"a b.csv\", over=5), table([1]))",
            "sequence(table(rates=[0.5, 0.25], over=5), table(rates=[1]))",
        ),
        ("chain(table(every=2, rates='a b.csv'), cosine)", "chain(table(rates=[0.5, 0.25], every=2), cosine)"),
        ("formula('0.1')", "formula(\"0.1\")"),
    ] {
        let schedule = Schedule::parse_with(given, &load).unwrap();
        assert_eq!(schedule.to_string(), read);
        assert_eq!(read.parse::<Schedule>().unwrap(), schedule);
    }
    for (given, message) in [
        ("table('x')", "schedule, character 7: x: cannot be read"),
        ("chain(cosine, table(rates='x'))", "schedule, character 27: x: cannot be read"),
        ("table('bad')", "schedule, character 1: rate 1 of table is -1; give numbers of at least 0"),
    ] {
        assert_eq!(Schedule::parse_with(given, &load).unwrap_err().to_string(), message);
    }
    let long = "formula(\"1\", over=5), ".repeat(5000);
    let error = Schedule::parse_with(&format!("sequence({})", long.repeat(4)), &load).unwrap_err().to_string();
    assert!(error.contains("longer than 256000 characters"), "{error}");
    // Two tables that are not too long each.
    let many = |_: &str| Ok(vec![0.123_456_789_012_345_67; 9_000]);
    let error = Schedule::parse_with("sequence(table('a', over=5), table('b'))", &many).unwrap_err().to_string();
    assert!(error.contains("longer than 256000 characters"), "{error}");

    let counted =
        schedule("chain(sequence(inverse_scaling(over=2), inverse_scaling(rows=5)), inverse_scaling)").with_rows(8);
    let filled = "chain(sequence(inverse_scaling(rows=8, over=2), inverse_scaling(rows=5)), inverse_scaling(rows=8))";
    assert_eq!(counted.to_string(), filled);

    assert_eq!(counted.brief().chars().count(), 81);
    assert_eq!(schedule("cosine").brief(), "cosine");
}

#[test]
fn formulas_are_read_by_themselves() {
    assert_eq!(Formula::new("0.1 * epoch").unwrap().text(), "0.1 * epoch");
    let error = Formula::new("0.1 * epoh").unwrap_err().to_string();
    assert!(error.starts_with("formula, character 7: unknown name 'epoh'; did you mean 'epoch'?"), "{error}");
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
        ("cooldown(shape=linear, over=20%, floor=0)", "cooldown(20%, shape=linear)"),
        ("multi_step( at = [ 30,60 epochs, 80 %,] )", "multi_step(at=[30, 60, 80%])"),
        ("cosine(cycles=0.5, warp=1, exponent=2)", "cosine(exponent=2)"),
        ("polynomial(cycle=false, power=2)", "polynomial(power=2)"),
        ("one_cycle(phases=two, ends=last, div=25, max=0.1, up=30%)", "one_cycle(max=0.1)"),
        ("table([0.1, 1e-9], every=1)", "table(rates=[0.1, 1e-9])"),
        ("formula(text='0.1 * (epoch < 5)')", "formula(\"0.1 * (epoch < 5)\")"),
        ("chain(cosine(), chain(linear()))", "chain(cosine, chain(linear))"),
        ("sequence(linear(from=0, to=1, over=5), cosine())", "sequence(linear(from=0, to=1, over=5), cosine)"),
        ("sequence(constant(), cooldown(20%))", "sequence(constant, cooldown(20%))"),
    ] {
        assert_eq!(schedule(written).to_string(), printed);
        assert_eq!(schedule(written), schedule(printed));
    }
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
        assert_eq!(json, serde_json::to_string(&written.to_string()).unwrap());
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
    for (text, part, other) in [
        ("interpolate(at=[2, 4], factors=[1, 0])", "[2,4]", "[4,2]"),
        ("interpolate(at=[2, 4], factors=[1, 0])", "[1.0,0.0]", "[]"),
        ("piecewise(at=[2], factors=[1, 0.5])", "[1.0,0.5]", "[]"),
        ("table([1, 0.5])", "[1.0,0.5]", "[]"),
        ("cosine_restarts(period=1, mult=2, cycles=2)", "[[1,1.0],[3,1.0]]", "[[3,1.0],[1,1.0]]"),
        ("polynomial(cycle=true, first=2)", "\"length\":null", "\"length\":0"),
        ("chain(cosine, linear)", "\"length\":9", "\"length\":0"),
    ] {
        let json = serde_json::to_string(&resolved(text, 1, 9)).unwrap();
        let damaged = json.replace(part, other);
        assert_ne!(damaged, json, "{json}");
        let damaged: Resolved = serde_json::from_str(&damaged).unwrap();
        assert!((0..9).all(|step| damaged.at(step).rate.is_finite()), "{text}");
    }
    let json = serde_json::to_string(&resolved("formula(\"0.1\")", 1, 9)).unwrap();
    assert!(serde_json::from_str::<Resolved>(&json.replace("0.1", "0.1 *")).is_err());
    let json = serde_json::to_string(&resolved("cosine", 1, 9)).unwrap();
    assert!(serde_json::from_str::<Resolved>(&json.replace("\"steps_per_epoch\":1", "\"steps_per_epoch\":0")).is_err());
    let damaged: Resolved = serde_json::from_str(&json.replace("\"length\":9", "\"length\":0")).unwrap();
    assert_eq!(damaged.at(5).rate, 0.0);
}
