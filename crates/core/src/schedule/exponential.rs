//! Exponential decay.

use super::form::{CurveAt, EPOCH, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_floor, check_gamma};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `exponential(gamma, every=1, floor=0, staircase=false)`: `lr · max(floor, gamma^(t/every))`.
///
/// Clock: per epoch, so that by default epoch `e` (from 0) has the rate `lr · gamma^e`. With `per=step` the same curve is
/// followed at every step; `every=1 step, per=step` multiplies by gamma at each one. With `staircase=true` only whole periods
/// count: `gamma^⌊t/every⌋`. Begins at `lr`, and goes on for as long as it is asked unless `over` ends it; after that it holds
/// the value there.
///
/// As PyTorch's `ExponentialLR`, and Keras's `LearningRateScheduler(lambda epoch: lr * gamma**epoch)` and, with `every` as
/// its `decay_steps`, `ExponentialDecay`; optax's `exponential_decay` (`floor` is its `end_value / init_value`). Computed with
/// one power, not step by step, so that it has no growing error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    /// The factor for each period, above 0 and at most 1.
    pub gamma: f64,
    /// The period; one epoch unless given.
    pub every: Length,
    /// The lowest factor, 0 to 1.
    pub floor: f64,
    /// Whether the rate holds within a period.
    pub staircase: bool,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    gamma: f64,
    periods: Periods,
    floor: f64,
}

/// Periods, counted with their fractions or without.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Periods {
    /// Steps.
    every: NonZeroU64,
    staircase: bool,
}

impl Periods {
    pub(super) const EVERY: Key = Key::optional("every", "1", "the period: a length");
    pub(super) const STAIRCASE: Key =
        Key::optional("staircase", "false", "whether the rate holds within a period: true or false");

    pub(super) fn new(every: &Length, staircase: bool, place: &Place<'_>) -> Result<Self, InputError> {
        Ok(Periods { every: place.period(every)?, staircase })
    }

    /// Adds the keys that differ from their defaults.
    pub(super) fn write(every: Length, staircase: bool, text: &mut Writer) {
        if every != EPOCH {
            text.key("every", every);
        }
        if staircase {
            text.key("staircase", staircase);
        }
    }

    /// How many have passed at `t`.
    pub(super) fn at(self, t: u64) -> f64 {
        if self.staircase { (t / self.every) as f64 } else { t as f64 / self.every.get() as f64 }
    }
}

impl Form for Exponential {
    const KIND: Kind = Kind {
        name: "exponential",
        summary: "Falls by the same factor in every period.",
        formula: "lr·max(floor, gamma^(t/every))",
        keys: &[
            Key::needed("gamma", "the factor for each period, above 0 and at most 1"),
            Periods::EVERY,
            Key::optional("floor", "0", "the lowest factor, 0 to 1"),
            Periods::STAIRCASE,
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &[
            "torch ExponentialLR",
            "keras ExponentialDecay",
            "optax exponential_decay",
            "paddle ExponentialDecay",
            "burn ExponentialLrScheduler",
        ],
        example: "exponential(gamma=0.95)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Exponential {
            gamma: args.need("gamma", args.number("gamma")?)?,
            every: args.length("every")?.unwrap_or(EPOCH),
            floor: args.number("floor")?.unwrap_or(0.0),
            staircase: args.flag("staircase")?.unwrap_or(false),
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("gamma", number(self.gamma));
        Periods::write(self.every, false, text);
        if self.floor != 0.0 {
            text.key("floor", number(self.floor));
        }
        Periods::write(EPOCH, self.staircase, text);
    }

    fn check(&self) -> Result<(), InputError> {
        check_gamma("exponential", self.gamma)?;
        check_floor("exponential", self.floor)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.every)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let periods = Periods::new(&self.every, self.staircase, place)?;
        Ok(Curve { gamma: self.gamma, periods, floor: self.floor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        // The library's pow, as Python's ** has it: powi multiplies and ends in other last bits.
        Setting::rate(self.gamma.powf(self.periods.at(t)).max(self.floor))
    }
}
