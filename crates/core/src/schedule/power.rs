//! A power of the time.

use super::form::{CurveAt, EPOCH, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_positive};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `power(exponent=0.5, after=1)`: `lr` while `t < after`, then `lr · (t/after)^−exponent`.
///
/// Clock: per epoch. `after` in epochs counts passes over the rows, so that the curve over the rows seen is the same whatever
/// the batch and however long the run. It goes on for as long as it is asked unless `over` ends it; after that it holds the
/// value there.
///
/// The decay of Shen et al., Power Scheduler: A Batch Size and Token Number Agnostic Learning Rate Scheduler,
/// arXiv:2408.13359, level up to where its power law begins; with exponent 0.5 the decay of `inverse_sqrt` without its shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// The power, above 0.
    pub exponent: f64,
    /// Where the fall begins; one epoch unless given.
    pub after: Length,
}

const EXPONENT: f64 = 0.5;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    exponent: f64,
    /// Steps.
    after: NonZeroU64,
}

impl Form for Power {
    const KIND: Kind = Kind {
        name: "power",
        summary: "Level at first, then down with a power of the time.",
        formula: "lr while t < after, then lr·(t/after)^−exponent",
        keys: &[
            Key::optional("exponent", "0.5", "the power, above 0"),
            Key::optional("after", "1", "where the fall begins: a length"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &[],
        example: "power(exponent=0.5, after=5)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Power {
            exponent: args.number("exponent")?.unwrap_or(EXPONENT),
            after: args.length("after")?.unwrap_or(EPOCH),
        })
    }

    fn write(&self, text: &mut Writer) {
        if self.exponent != EXPONENT {
            text.key("exponent", number(self.exponent));
        }
        if self.after != EPOCH {
            text.key("after", self.after);
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_positive("exponent", "power", self.exponent)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.after)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { exponent: self.exponent, after: place.period(&self.after)? })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let after = self.after.get();
        Setting::rate(if t <= after { 1.0 } else { (t as f64 / after as f64).powf(-self.exponent) })
    }
}
