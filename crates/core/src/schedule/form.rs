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
    /// Where its rates come from; a formula that names `base` has [`RateSource::OfBase`] all the same.
    pub rate: RateSource,
    /// When its rate changes unless `per` says otherwise; a formula that names `step` goes by it.
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
/// One epoch, the period where none is given.
pub(super) const EPOCH: Length = Length { number: 1.0, unit: Unit::Epochs };

/// `over` of a kind that can go on for ever.
pub(super) const OVER_OPEN: Key =
    Key::optional("over", "without end; in a sequence the remainder", "how long it lasts: a length");
/// `per` of a kind that holds its rate within an epoch.
pub(super) const PER: Key = Key::optional("per", "epoch", "when the rate changes: epoch or step");

/// `per` of a kind that goes by steps.
pub(super) const PER_STEP: Key = Key::optional("per", "step", "when the rate changes: epoch or step");

/// What the values of a schedule multiply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateSource {
    /// The base rate.
    Base,
    /// Nothing: they are rates of the schedule's own.
    Own,
    /// Nothing: they are rates that the schedule works out from the base rate itself.
    OfBase,
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

    /// Writes `over` where it stands without its key, which is before all others.
    pub(super) fn write_first(&self, kind: &Kind, text: &mut Writer) {
        if let (Some(over), Some("over")) = (self.over, kind.positional) {
            text.value(over);
        }
    }

    /// Writes what [`Timing::write_first`] does not.
    pub(super) fn write(&self, kind: &Kind, text: &mut Writer) {
        match self.over {
            Some(over) if kind.positional != Some("over") => text.key("over", over),
            _ => text,
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
    fn lengths(&self) -> Vec<Extent> {
        Vec::new()
    }

    fn cycles_momentum(&self) -> bool {
        false
    }

    /// [`Kind::rate`], where it depends on the values.
    fn rate(&self) -> RateSource {
        Self::KIND.rate
    }

    /// [`Kind::clock`], where it depends on the values.
    fn clock(&self) -> Per {
        Self::KIND.clock
    }

    /// [`Kind::needs_length`], where it depends on the values.
    fn needs_length(&self) -> bool {
        Self::KIND.needs_length
    }

    fn curve(&self, place: &Place<'_>) -> Result<Self::Curve, InputError>;
}

/// A length among the keys, and what it may be.
pub(super) struct Extent {
    pub(super) length: Length,
    /// Whether it may be 0.
    pub(super) zero: bool,
    /// Whether a share is one of the schedule's own length. It is one of the run otherwise.
    pub(super) of_own: bool,
}

impl Extent {
    /// A stretch that is divided by, or a place that cannot be the beginning.
    pub(super) fn period(length: Length) -> Self {
        Extent { length, zero: false, of_own: false }
    }

    /// A place, from the schedule's start on.
    pub(super) fn place(length: Length) -> Self {
        Extent { length, zero: true, of_own: false }
    }

    /// A part of the schedule, whose shares are of its own length.
    pub(super) fn part(length: Length) -> Self {
        Extent { length, zero: true, of_own: true }
    }
}

/// A curve over its own steps.
pub(super) trait CurveAt {
    /// The value at step `t` (from 0, at most `length`) of `length` steps: a rate, or the factor of one as
    /// [`Kind::rate`] says. Without an end `length` is `u64::MAX`.
    fn at(&self, t: u64, length: u64) -> Setting;

    /// No value is above this. A curve that is higher between its ends than at them says so itself.
    fn highest(&self, length: u64) -> f64 {
        self.at(0, length).rate.max(self.at(length, length).rate)
    }
}

/// `t` as a share of `length`, from 0 to 1.
pub(super) fn share(t: u64, length: u64) -> f64 {
    if t >= length { 1.0 } else { t as f64 / length as f64 }
}

/// The most steps that floating point counts exactly.
pub(super) const STEPS_MAX: u64 = 1 << 53;

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

/// Where in a run a curve stands.
pub(super) struct Place<'r> {
    pub(super) run: &'r Run,
    /// The step at which it starts.
    pub(super) start: u64,
    /// What it may fill of the run, in steps.
    pub(super) steps: u64,
    /// Its own length; none if it goes on for as long as it is asked.
    pub(super) length: Option<u64>,
    pub(super) per: Per,
    /// The base rate; none where the schedule has rates of its own.
    pub(super) base: Option<f64>,
}

impl Place<'_> {
    /// Its length, or what it may fill.
    pub(super) fn whole(&self) -> u64 {
        self.length.unwrap_or(self.steps)
    }

    /// A length in whole steps that is divided by.
    ///
    /// # Errors
    /// As [`Run::steps_whole`].
    pub(super) fn period(&self, length: &Length) -> Result<NonZeroU64, InputError> {
        self.run.period(length)
    }

    /// A place in whole steps from the start; 0 only if it is written so.
    ///
    /// # Errors
    /// As [`Run::steps_whole`].
    pub(super) fn step(&self, length: &Length) -> Result<u64, InputError> {
        if length.number == 0.0 { Ok(0) } else { self.run.steps_whole(length) }
    }

    /// A part of the schedule in steps, not rounded; a share is one of its own length.
    pub(super) fn part(&self, length: &Length) -> f64 {
        match length.unit {
            Unit::Percent => length.number * self.whole() as f64 / 100.0,
            _ => self.run.steps_exact(length),
        }
    }

    /// Steps in words: in epochs where the schedule is written so.
    pub(super) fn words(&self, steps: f64) -> String {
        let epochs = steps / f64::from(self.run.steps_per_epoch.get());
        format!("{} epochs ({} steps)", number(epochs), number(steps))
    }
}

/// Whether a length can be used, whatever the run.
pub(super) fn check_length(name: &str, extent: &Extent) -> Result<(), InputError> {
    let length = &extent.length;
    let value = length.number;
    if !(value.is_finite() && (value > 0.0 || (value == 0.0 && extent.zero))) {
        let remedy = if extent.zero { "give one of at least 0" } else { "give one above 0" };
        return Err(InputError::new(format!("a length of {name} is {length}")).remedy(remedy));
    }
    match length.unit {
        Unit::Steps if value.fract() != 0.0 => {
            Err(InputError::new(format!("a length of {name} is {length}")).remedy("give a whole number of steps"))
        }
        Unit::Percent if value > 100.0 => {
            let whole = if extent.of_own { "its own" } else { "the run" };
            Err(InputError::new(format!("a length of {name} is {length} of {whole}")).remedy("give at most 100%"))
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

/// A number above 0.
pub(super) fn check_positive(key: &str, name: &str, value: f64) -> Result<(), InputError> {
    check_rate(&format!("{key} of {name}"), value).map(|_| ())
}

/// A factor of the base rate, at least 0.
pub(super) fn check_factor(key: &str, name: &str, factor: f64) -> Result<(), InputError> {
    if factor.is_finite() && factor >= 0.0 {
        return Ok(());
    }
    Err(InputError::new(format!("{key} of {name} is {}", number(factor)))
        .remedy("give a factor of the learning rate, at least 0"))
}

/// Factors of the base rate: at least one, each at least 0 and one above it.
pub(super) fn check_factors(key: &str, name: &str, factors: &[f64]) -> Result<(), InputError> {
    factors.iter().try_for_each(|factor| check_factor(key, name, *factor))?;
    if factors.iter().any(|factor| *factor > 0.0) {
        return Ok(());
    }
    Err(InputError::new(format!("{key} of {name} holds no factor above 0")).remedy("give one at least"))
}

/// The factor below which a curve does not go, 0 to 1.
pub(super) fn check_floor(name: &str, floor: f64) -> Result<(), InputError> {
    if (0.0..=1.0).contains(&floor) {
        return Ok(());
    }
    Err(InputError::new(format!("floor of {name} is {}", number(floor)))
        .remedy("give a factor of the learning rate, 0 to 1"))
}

/// The lowest and the highest momentum.
pub(super) fn check_momentum(name: &str, momentum: Option<(f64, f64)>) -> Result<(), InputError> {
    match momentum {
        Some((low, high)) if !(0.0 <= low && low <= high && high < 1.0) => {
            Err(InputError::new(format!("momentum of {name} is {}..{}", number(low), number(high)))
                .remedy("give lowest..highest, at least 0 and below 1"))
        }
        _ => Ok(()),
    }
}

/// Writes `momentum=low..high` where there is one.
pub(super) fn write_momentum(momentum: Option<(f64, f64)>, text: &mut Writer) {
    if let Some((low, high)) = momentum {
        text.key("momentum", format!("{}..{}", number(low), number(high)));
    }
}

/// The factor of a decay: above 0, at most 1.
pub(super) fn check_gamma(name: &str, gamma: f64) -> Result<(), InputError> {
    if gamma > 0.0 && gamma <= 1.0 {
        return Ok(());
    }
    Err(InputError::new(format!("gamma of {name} is {}", number(gamma))).remedy("give a number above 0 and at most 1"))
}
