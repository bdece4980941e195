//! A straight line.

use super::form::{CurveAt, Form, Key, Kind, OVER, PER, Place, check_factor, share};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};

/// `linear(from, to)`: `lr · (from + (to − from) · t/over)`.
///
/// Clock: per epoch; as the first child of a sequence it is a warm-up and goes per step. At `t = 0` the factor is `from`, so
/// that `from=0` trains its first step (per epoch: its first epoch) with rate 0; at `t = over` and after it is `to`.
///
/// By default from 1 to 0, the decay that others call linear; from a factor below 1 it goes to 1, a warm-up. PyTorch's
/// `LinearLR` (its `start_factor`, `end_factor`, `total_iters`) is by default a warm-up from 1/3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// The factor at the beginning, at least 0.
    pub from: f64,
    /// The factor at the end, at least 0.
    pub to: f64,
}

const FROM: f64 = 1.0;

/// Where a line ends that does not say so: one from below the base rate is meant as a warm-up.
fn end_after(from: f64) -> f64 {
    if from < FROM { 1.0 } else { 0.0 }
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    from: f64,
    to: f64,
}

impl Form for Linear {
    const KIND: Kind = Kind {
        name: "linear",
        summary: "A straight line from one factor of the base rate to another.",
        formula: "lr·(from + (to − from)·t/over)",
        keys: &[
            Key::optional("from", "1", "the factor at the beginning, at least 0"),
            Key::optional("to", "1 from below 1, otherwise 0", "the factor at the end, at least 0"),
            OVER,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: true,
        upstream: &["torch LinearLR", "optax linear_schedule", "paddle LinearLR", "burn LinearLrScheduler"],
        example: "linear(to=0.1)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let from = args.number("from")?.unwrap_or(FROM);
        Ok(Linear { from, to: args.number("to")?.unwrap_or(end_after(from)) })
    }

    fn write(&self, text: &mut Writer) {
        // Both are written unless both are the defaults: a line is understood from its two ends.
        if self.from != FROM {
            text.key("from", number(self.from));
        }
        if self.from != FROM || self.to != end_after(self.from) {
            text.key("to", number(self.to));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        for (key, factor) in [("from", self.from), ("to", self.to)] {
            check_factor(key, "linear", factor)?;
        }
        if self.from == 0.0 && self.to == 0.0 {
            return Err(InputError::new("linear goes from 0 to 0").remedy("for a warm-up write to=1"));
        }
        Ok(())
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { from: self.from, to: self.to })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let passed = share(t, length);
        // The end is given as written: the sum may miss it by a rounding.
        Setting::rate(if passed == 1.0 { self.to } else { self.from + (self.to - self.from) * passed })
    }
}
