//! A formula for the rate.

use super::form::{CurveAt, Form, Key, Kind, OVER_OPEN, PER, Place};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::expression::Expression;
use crate::text::{Args, Writer, number, quoted};
use serde::{Deserialize, Serialize};

/// `formula("0.1 * 0.95**epoch")`: the rate, not a factor, is what the formula gives.
///
/// It may name `epoch` (the epochs since the schedule's start, from 0, in parts where the rate changes within them; `floor(epoch)`
/// is always whole), `step` (the optimizer steps since its start, from 0), `epochs` and `steps` (its length: `over`, the run, or
/// what a sequence leaves), `base` (the base rate, which is given only if it is named), `pi` and `e`. Python's operators and
/// comparisons mean what they do there: `**` (or `^`), `//`, `%`, `and`, `or`, `not`, `a if c else b` (or `if(c, a, b)`).
/// Functions: min, max, pow, sqrt, exp, ln, log (natural), log2, log10, cos, sin, tan, tanh, abs, floor, ceil, round.
///
/// Clock: per epoch, or per step if it names `step`. It goes on for as long as it is asked unless `over` ends it; after that it
/// holds the value there. If it gives no rate, because it is negative or no finite number, it is refused for that run: at any
/// of its epochs, or at any of its steps, of which a million are looked at, evenly spread, where there are more. What is
/// not looked at, beyond the run too, counts as 0 where it is no rate.
///
/// As PyTorch's `LambdaLR` with `base * …`, Keras's `LearningRateScheduler`, Paddle's `LambdaDecay`.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    text: String,
    expression: Expression,
}

const VARIABLES: [&str; 5] = ["epoch", "step", "base", "epochs", "steps"];
const STEP: usize = 1;
const BASE: usize = 2;
const EPOCHS: usize = 3;
const STEPS: usize = 4;

/// How many steps are looked at before a run, at the most.
const LOOKS_MAX: u64 = 1_000_000;

/// The resolved form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    formula: Formula,
    steps_per_epoch: f64,
    /// Of these, what is not named is 0, so that equal rates have equal forms.
    base: f64,
    steps: f64,
}

impl Formula {
    /// A formula from its text.
    ///
    /// # Errors
    /// If it is none; the error says at which character (from 1).
    pub fn new(text: &str) -> Result<Self, InputError> {
        Formula::read_at(text, |at, what| InputError::new(what).at(format!("formula, character {}", at + 1)))
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn read_at(text: &str, error: impl Fn(usize, String) -> InputError) -> Result<Self, InputError> {
        match Expression::parse(text, &VARIABLES) {
            Ok(expression) => Ok(Formula { text: text.to_owned(), expression }),
            Err(mistake) => {
                let found = error(mistake.at, mistake.what);
                Err(match mistake.remedy {
                    Some(remedy) => found.remedy(remedy),
                    None => found,
                })
            }
        }
    }
}

impl Serialize for Formula {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Formula {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Formula::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Form for Formula {
    const KIND: Kind = Kind {
        name: "formula",
        summary: "A formula for the rate in the epoch, the step and the base rate.",
        formula: "what it says",
        keys: &[
            Key::needed(
                "text",
                "in quotes, in epoch, step, base, epochs, steps; Python's operators: \"base * 0.9**epoch\"",
            ),
            OVER_OPEN,
            PER,
        ],
        positional: Some("text"),
        rate: RateSource::Own,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["torch LambdaLR", "keras LearningRateScheduler", "paddle LambdaDecay"],
        example: "formula(\"0.1 * 0.95**epoch if epoch < 40 else 0.001\")",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let (text, at) = args.need("text", args.string("text")?)?;
        Formula::read_at(text, |place, what| args.call().error(at + place, what))
    }

    fn write(&self, text: &mut Writer) {
        text.value(quoted(&self.text));
    }

    fn check(&self) -> Result<(), InputError> {
        Ok(())
    }

    fn rate(&self) -> RateSource {
        if self.expression.uses(BASE) { RateSource::OfBase } else { RateSource::Own }
    }

    fn clock(&self) -> Per {
        if self.expression.uses(STEP) { Per::Step } else { Per::Epoch }
    }

    fn needs_length(&self) -> bool {
        self.expression.uses(EPOCHS) || self.expression.uses(STEPS)
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let curve = Curve {
            formula: self.clone(),
            steps_per_epoch: f64::from(place.run.steps_per_epoch.get()),
            base: place.base.filter(|_| self.expression.uses(BASE)).unwrap_or(0.0),
            steps: if self.needs_length() { place.whole() as f64 } else { 0.0 },
        };
        // Every step it is asked at in this run, or a million of them.
        let (first, tick) = match place.per {
            Per::Step => (1, 1),
            Per::Epoch => {
                let steps_per_epoch = u64::from(place.run.steps_per_epoch.get());
                (steps_per_epoch - place.start % steps_per_epoch, steps_per_epoch)
            }
        };
        // Where it ends within the run, the value at its end is held.
        let after = place.length.filter(|length| *length < place.steps);
        let last = after.unwrap_or(place.steps.saturating_sub(1));
        let ticks = last.saturating_sub(first) / tick + 1;
        let looks = ticks.min(LOOKS_MAX);
        let at = |look: u64| {
            first + (u128::from(look) * u128::from(ticks - 1) / u128::from((looks - 1).max(1))) as u64 * tick
        };
        for t in std::iter::once(0).chain((0..looks).map(at)).filter(|t| *t <= last).chain(after) {
            let rate = curve.value(t);
            if !(rate.is_finite() && rate >= 0.0) {
                let step = place.start + t;
                let epoch = step / u64::from(place.run.steps_per_epoch.get());
                return Err(InputError::new(format!(
                    "formula(\"{}\") gives {} at step {step} of the run, in epoch {epoch} (both from 0)",
                    self.text,
                    number(rate)
                ))
                .remedy("a rate is a finite number of at least 0; max(0, …) keeps it from falling below"));
            }
        }
        Ok(curve)
    }
}

impl Curve {
    fn value(&self, t: u64) -> f64 {
        let step = t as f64;
        let epochs = self.steps / self.steps_per_epoch;
        self.formula.expression.value(&[step / self.steps_per_epoch, step, self.base, epochs, self.steps])
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let rate = self.value(t);
        Setting::rate(if rate.is_finite() { rate.max(0.0) } else { 0.0 })
    }

    /// Each of its rates has been looked at.
    fn highest(&self, _: u64) -> f64 {
        0.0
    }
}
