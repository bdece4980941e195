//! What kinds of schedules there are.

use super::Course;
use crate::terminal::{Look, sparkline};
use crate::verdict::wrapped;
use opportune_core::InputError;
use opportune_core::schedule::{Kind, Per, RateSource, Schedule};
use serde_json::{Value, json};

/// Examples are shown over so many epochs of so many steps.
const EPOCHS: u32 = 60;
const STEPS_PER_EPOCH: u32 = 10;
/// Bars of a sparkline.
const BARS: usize = 30;
const WIDTH: usize = 100;

/// A loss that falls, stays where it is, falls again, and rises in the end: what rules that read the curve are shown on.
fn losses() -> Vec<f64> {
    let fallen = |epochs: f64| (-epochs / 4.0).exp();
    let loss = |epoch: u32| match epoch {
        0..16 => 1.0 + fallen(f64::from(epoch)),
        16..28 => 1.0 + fallen(16.0),
        28..42 => 0.5 + 0.5 * fallen(f64::from(epoch) - 28.0),
        _ => 0.5 + 0.01 * f64::from(epoch - 42),
    };
    (0..EPOCHS).map(loss).collect()
}

/// A kind's example over 60 epochs of 10 steps; factors where it multiplies a base rate.
pub(super) fn example(kind: &Kind) -> Result<Course, InputError> {
    let mut schedule: Schedule = kind.example.parse()?;
    let base = (!schedule.owns_rate()).then_some(1.0);
    if let Some(ruled) = schedule.ruled(STEPS_PER_EPOCH, EPOCHS)? {
        schedule = ruled.on(&losses(), base, STEPS_PER_EPOCH)?;
    }
    Ok(Course::new(&schedule, schedule.resolve(base, STEPS_PER_EPOCH, EPOCHS)?, EPOCHS))
}

/// In words: what the values are.
pub(super) fn rates(kind: &Kind) -> &'static str {
    match kind.rate {
        RateSource::Base => "multiplies the learning rate (--lr)",
        RateSource::Own if kind.name == "formula" => "gives rates, and takes --lr where it names base",
        RateSource::Own => "has rates of its own, and takes no --lr",
        RateSource::OfBase => "gives rates, worked out from the learning rate (--lr)",
        RateSource::Before => "multiplies the rate that is there when it begins",
    }
}

/// In words: when it changes.
pub(super) fn clock(kind: &Kind) -> &'static str {
    match kind.clock {
        Per::Epoch => "changes between epochs",
        Per::Step => "changes at every optimizer step",
    }
}

/// Each kind with its example as a line of bars over 60 epochs, what it does, its formula, its keys with their defaults,
/// and what others call it.
pub fn schedule_list(kinds: &[&Kind], look: Look) -> String {
    let mut text = String::new();
    for kind in kinds {
        if !text.is_empty() {
            text.push('\n');
        }
        let bars = example(kind).map(|course| sparkline(&course.rates().collect::<Vec<_>>(), BARS, look));
        text += &format!("{:20} {}\n", kind.name, bars.unwrap_or_default());
        let mut row = |name: &str, words: &str| {
            text += &format!("  {name:12}  {}\n", wrapped(words, WIDTH - 16, 16));
        };
        row("", kind.summary);
        row("rate", kind.formula);
        row("", &format!("{}; {}", rates(kind), clock(kind)));
        row("example", kind.example);
        if !kind.upstream.is_empty() {
            row("elsewhere", &kind.upstream.join(", "));
        }
        for key in kind.keys {
            let default = key.default.map_or("needed".to_string(), |default| format!("default: {default}"));
            row(key.name, &format!("{} [{default}]", key.meaning));
        }
    }
    text
}

/// The same for programs; `rates` are those of the example for each of 60 epochs of 10 steps, at its first step.
pub fn kind_json(kind: &Kind) -> Value {
    let keys = kind.keys.iter().map(|key| json!({"name": key.name, "default": key.default, "meaning": key.meaning}));
    let course = example(kind).ok();
    let rates = course.map(|course| course.rates().step_by(STEPS_PER_EPOCH as usize).collect::<Vec<f64>>());
    json!({
        "name": kind.name,
        "summary": kind.summary,
        "formula": kind.formula,
        "own_rates": kind.rate == RateSource::Own,
        "per": kind.clock,
        "keys": keys.collect::<Vec<_>>(),
        "example": kind.example,
        "rates": rates,
        "upstream": kind.upstream,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::schedule::KINDS;

    #[test]
    fn every_kind_is_told_in_full() {
        let text = schedule_list(KINDS, Look { unicode: true, colour: false });
        for kind in KINDS {
            let begins = text.lines().find(|line| line.split(' ').next() == Some(kind.name));
            let bars = begins.and_then(|line| line.split_whitespace().nth(1)).unwrap_or_default();
            assert_eq!(bars.chars().count(), BARS, "{}", kind.name);
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [kind.summary, kind.example].into_iter().chain(kind.keys.iter().map(|key| key.meaning)) {
                assert!(flat.contains(&part.split_whitespace().collect::<Vec<_>>().join(" ")), "{}: {part}", kind.name);
            }
            let json = kind_json(kind);
            assert_eq!(json["rates"].as_array().map(Vec::len), Some(60), "{}", kind.name);
            assert_eq!(json["keys"].as_array().map(Vec::len), Some(kind.keys.len()));
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && line.trim_end() == line), "{text}");
        assert_eq!(schedule_list(&[], Look::default()), "");
    }
}
