//! What every kind of schedule says of itself, and the run that lengths are fixed for.

use super::Setting;
use crate::InputError;
use crate::text::{Args, Length, Unit, Writer, number};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

/// A kind of schedule, as lists and errors tell of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The name in text.
    pub name: &'static str,
    /// What it does, in one plain sentence.
    pub summary: &'static str,
    /// The rate at `t`, in short.
    pub formula: &'static str,
    /// The keys in the order they are printed.
    pub keys: &'static [Key],
    /// The key that a first value without one is given to.
    pub positional: Option<&'static str>,
    /// Where its rates come from.
    pub rate: RateSource,
    /// When its rate changes unless `per` says otherwise.
    pub clock: Per,
    /// Whether the curve runs from a beginning to an end, so that a length left out is the run's.
    pub needs_length: bool,
    /// What others call it, the library first: `torch StepLR`.
    pub upstream: &'static [&'static str],
    /// A text that shows it well over a run of 60 epochs.
    pub example: &'static str,
}

/// A key of a [`Kind`].
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// The name in text.
    pub name: &'static str,
    /// The value where it is left out, in words; none if it must be given.
    pub default: Option<&'static str>,
    /// What it sets, with its unit and range.
    pub meaning: &'static str,
}

impl Key {
    pub(super) const fn needed(name: &'static str, meaning: &'static str) -> Key {
        Key { name, default: None, meaning }
    }

    pub(super) const fn optional(name: &'static str, default: &'static str, meaning: &'static str) -> Key {
        Key { name, default: Some(default), meaning }
    }
}

/// `over` of a kind that runs from a beginning to an end.
pub(super) const OVER: Key =
    Key::optional("over", "the run; in a sequence the remainder", "how long it lasts: a length");
/// `over` of a kind that can go on for ever.
pub(super) const OVER_OPEN: Key =
    Key::optional("over", "without end; in a sequence the remainder", "how long it lasts: a length");
/// `per` of a kind that holds its rate within an epoch.
pub(super) const PER: Key = Key::optional("per", "epoch", "when the rate changes: epoch or step");

/// What the values of a schedule multiply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateSource {
    /// The base rate.
    Base,
    /// Nothing: they are rates.
    Own,
    /// The rate of the step before it; the base rate if there is none.
    Before,
}

/// When a rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Between epochs only.
    Epoch,
    /// At every optimizer step.
    Step,
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Per::Epoch => "epoch",
            Per::Step => "step",
        })
    }
}

/// The keys that all kinds have; none is what is usual for the kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timing {
    /// How long the schedule lasts.
    pub over: Option<Length>,
    /// When its rate changes.
    pub per: Option<Per>,
}

impl Timing {
    pub(super) fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let per = args.word("per", &["epoch", "step"])?.map(|per| if per == "step" { Per::Step } else { Per::Epoch });
        Ok(Timing { over: args.length("over")?, per })
    }

    pub(super) fn write(&self, kind: &Kind, text: &mut Writer) {
        match self.over {
            Some(over) if kind.positional == Some("over") => text.value(over),
            Some(over) => text.key("over", over),
            None => text,
        };
        if let Some(per) = self.per {
            text.key("per", per);
        }
    }
}

/// The parameters of one kind of schedule, without its [`Timing`].
pub(super) trait Form: Sized {
    const KIND: Kind;

    /// What is left of it when its lengths are fixed.
    type Curve: CurveAt;

    /// Takes the keys, `over` and `per` excepted. Ranges are left to [`Form::check`].
    fn read(args: &Args<'_>) -> Result<Self, InputError>;

    /// Adds the keys that differ from their defaults.
    fn write(&self, text: &mut Writer);

    /// Whether every value is in its range. Lengths are checked elsewhere.
    fn check(&self) -> Result<(), InputError>;

    /// The lengths among the keys, `over` excepted.
    fn lengths(&self) -> Vec<Length> {
        Vec::new()
    }

    fn cycles_momentum(&self) -> bool {
        false
    }

    fn curve(&self, run: &Run) -> Result<Self::Curve, InputError>;
}

/// A curve over its own steps.
pub(super) trait CurveAt {
    /// The value at step `t` (from 0, at most `length`) of `length` steps: a rate, or the factor of one as
    /// [`Kind::rate`] says. Without an end `length` is `u64::MAX`.
    fn at(&self, t: u64, length: u64) -> Setting;
}

/// `t` as a share of `length`, from 0 to 1.
pub(super) fn share(t: u64, length: u64) -> f64 {
    if t >= length { 1.0 } else { t as f64 / length as f64 }
}

/// The most steps that floating point counts exactly.
const STEPS_MAX: u64 = 1 << 53;

/// The run for which lengths are fixed.
pub(super) struct Run {
    pub(super) steps_per_epoch: NonZeroU32,
    pub(super) epochs: u32,
    /// All optimizer steps of the run.
    pub(super) steps: u64,
}

impl Run {
    pub(super) fn new(steps_per_epoch: u32, epochs: u32) -> Result<Self, InputError> {
        let steps = u64::from(steps_per_epoch) * u64::from(epochs);
        match NonZeroU32::new(steps_per_epoch) {
            None => Err(InputError::new("an epoch of the run has no optimizer steps").remedy("give it training rows")),
            Some(_) if epochs == 0 => Err(InputError::new("the run has 0 epochs").remedy("give it at least 1")),
            Some(_) if steps > STEPS_MAX => {
                Err(InputError::new(format!("the run has {steps} optimizer steps")).remedy("give it at most 2^53"))
            }
            Some(steps_per_epoch) => Ok(Run { steps_per_epoch, epochs, steps }),
        }
    }

    /// A length in steps, not yet rounded.
    pub(super) fn steps_exact(&self, length: &Length) -> f64 {
        match length.unit {
            Unit::Epochs => length.number * f64::from(self.steps_per_epoch.get()),
            Unit::Steps => length.number,
            Unit::Percent => length.number * self.steps as f64 / 100.0,
        }
    }

    /// A length in whole steps.
    ///
    /// # Errors
    /// If it is nearer to none than to one, or cannot be counted.
    pub(super) fn steps_whole(&self, length: &Length) -> Result<u64, InputError> {
        let steps = self.steps_exact(length).round();
        if steps < 1.0 {
            return Err(self.too_short(length));
        }
        if steps > STEPS_MAX as f64 {
            return Err(InputError::new(format!("the length {length} is too long")).remedy("give at most 2^53 steps"));
        }
        Ok(steps as u64)
    }

    /// A length in whole steps that is divided by.
    ///
    /// # Errors
    /// As [`Run::steps_whole`].
    pub(super) fn period(&self, length: &Length) -> Result<NonZeroU64, InputError> {
        NonZeroU64::new(self.steps_whole(length)?).ok_or_else(|| self.too_short(length))
    }

    pub(super) fn too_short(&self, length: &Length) -> InputError {
        InputError::new(format!(
            "the length {length} is less than one optimizer step of this run ({} epochs of {} steps)",
            self.epochs, self.steps_per_epoch
        ))
        .remedy("make it longer")
    }
}

/// Whether a length can be used, whatever the run.
pub(super) fn check_length(name: &str, length: &Length) -> Result<(), InputError> {
    let value = length.number;
    if !(value.is_finite() && value > 0.0) {
        return Err(InputError::new(format!("a length of {name} is {length}")).remedy("give one above 0"));
    }
    match length.unit {
        Unit::Steps if value.fract() != 0.0 => {
            Err(InputError::new(format!("a length of {name} is {length}")).remedy("give a whole number of steps"))
        }
        Unit::Percent if value > 100.0 => {
            Err(InputError::new(format!("a length of {name} is {length} of the run")).remedy("give at most 100%"))
        }
        _ => Ok(()),
    }
}

/// A rate above 0.
pub(super) fn check_rate(name: &str, rate: f64) -> Result<f64, InputError> {
    if rate.is_finite() && rate > 0.0 {
        return Ok(rate);
    }
    Err(InputError::new(format!("{name} is {}", number(rate))).remedy("give a number above 0"))
}

/// The factor of a decay: above 0, at most 1.
pub(super) fn check_gamma(name: &str, gamma: f64) -> Result<(), InputError> {
    if gamma > 0.0 && gamma <= 1.0 {
        return Ok(());
    }
    Err(InputError::new(format!("gamma of {name} is {}", number(gamma))).remedy("give a number above 0 and at most 1"))
}
