//! Exponential decay.

use super::form::{CurveAt, Form, Key, Kind, OVER_OPEN, PER, Run, check_gamma};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Unit, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `exponential(gamma, every=1)`: `lr · gamma^(t/every)`.
///
/// Clock: per epoch, so that by default epoch `e` (from 0) has the rate `lr · gamma^e`. With `per=step` the same curve is
/// followed at every step; `every=1 step, per=step` multiplies by gamma at each one. Begins at `lr`, and goes on for as long
/// as it is asked unless `over` ends it; after that it holds the value there.
///
/// As PyTorch's `ExponentialLR`, and Keras's `LearningRateScheduler(lambda epoch: lr * gamma**epoch)` and, with `every` as
/// its `decay_steps`, `ExponentialDecay`. Computed with one power, not step by step, so that it has no growing error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    /// The factor for each period, above 0 and at most 1.
    pub gamma: f64,
    /// The period; one epoch unless given.
    pub every: Length,
}

/// One epoch, the period where none is given.
pub(super) const EPOCH: Length = Length { number: 1.0, unit: Unit::Epochs };

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    gamma: f64,
    /// Steps.
    every: NonZeroU64,
}

impl Form for Exponential {
    const KIND: Kind = Kind {
        name: "exponential",
        summary: "Falls by the same factor in every period.",
        formula: "lr·gamma^(t/every)",
        keys: &[
            Key::needed("gamma", "the factor for each period, above 0 and at most 1"),
            Key::optional("every", "1", "the period: a length"),
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
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("gamma", number(self.gamma));
        if self.every != EPOCH {
            text.key("every", self.every);
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_gamma("exponential", self.gamma)
    }

    fn lengths(&self) -> Vec<Length> {
        vec![self.every]
    }

    fn curve(&self, run: &Run) -> Result<Curve, InputError> {
        Ok(Curve { gamma: self.gamma, every: run.period(&self.every)? })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        // The library's pow, as Python's ** has it: powi multiplies and ends in other last bits.
        Setting::rate(self.gamma.powf(t as f64 / self.every.get() as f64))
    }
}
