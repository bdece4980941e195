//! A line down, again and again.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_factor};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `sawtooth(every, to=0)`: `lr · (1 − (1 − to) · (t mod every)/every)`.
///
/// Clock: per epoch. Begins at `lr` and is there again at every multiple of `every`; comes within one tick of `lr · to` before
/// it. Goes on for as long as it is asked unless `over` ends it; after that it holds the value there, which is `lr · to` where
/// a tooth ends with it.
///
/// The linear counterpart of `cosine_restarts`, and the falling half of a `cyclic` schedule without a rise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sawtooth {
    /// The length of a tooth.
    pub every: Length,
    /// The factor at its end, at least 0.
    pub to: f64,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps.
    every: NonZeroU64,
    to: f64,
}

impl Form for Sawtooth {
    const KIND: Kind = Kind {
        name: "sawtooth",
        summary: "A line down, then up at once and down again.",
        formula: "lr·(1 − (1 − to)·(t mod every)/every)",
        keys: &[
            Key::needed("every", "a tooth: a length"),
            Key::optional("to", "0", "the factor at its end, at least 0"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &[],
        example: "sawtooth(every=15, to=0.1)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Sawtooth { every: args.need("every", args.length("every")?)?, to: args.number("to")?.unwrap_or(0.0) })
    }

    fn write(&self, text: &mut Writer) {
        text.key("every", self.every);
        if self.to != 0.0 {
            text.key("to", number(self.to));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_factor("to", "sawtooth", self.to)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.every)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { every: place.period(&self.every)?, to: self.to })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let passed = t % self.every.get();
        // Where the schedule ends with a tooth it does not begin another.
        if passed == 0 && t >= length && t > 0 {
            return Setting::rate(self.to);
        }
        Setting::rate(1.0 - (1.0 - self.to) * (passed as f64 / self.every.get() as f64))
    }

    fn highest(&self, _: u64) -> f64 {
        self.to.max(1.0)
    }
}
