//! What holds for all kinds, and one row or more for each.

use super::*;

mod mistakes;
mod random;
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
    let json = serde_json::to_string(&resolved("cosine", 1, 9)).unwrap();
    assert!(serde_json::from_str::<Resolved>(&json.replace("\"steps_per_epoch\":1", "\"steps_per_epoch\":0")).is_err());
    let damaged: Resolved = serde_json::from_str(&json.replace("\"length\":9", "\"length\":0")).unwrap();
    assert_eq!(damaged.at(5).rate, 0.0);
}
