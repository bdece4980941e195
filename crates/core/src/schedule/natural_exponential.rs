//! Exponential decay by a rate of decay.

use super::exponential::Periods;
use super::form::{CurveAt, EPOCH, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_positive};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};

/// `natural_exponential(gamma, every=1, staircase=false)`: `lr · e^(−gamma · t/every)`.
///
/// Clock: per epoch, so that by default epoch `e` (from 0) has the rate `lr · exp(−gamma · e)`. With `staircase=true` only
/// whole periods count. Begins at `lr`, and goes on for as long as it is asked unless `over` ends it; after that it holds the
/// value there.
///
/// As Paddle's `NaturalExpDecay`. The same curve as `exponential` with `e^−gamma` for its gamma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NaturalExponential {
    /// The rate of decay for each period, above 0.
    pub gamma: f64,
    /// The period; one epoch unless given.
    pub every: Length,
    /// Whether the rate holds within a period.
    pub staircase: bool,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    gamma: f64,
    periods: Periods,
}

impl Form for NaturalExponential {
    const KIND: Kind = Kind {
        name: "natural_exponential",
        summary: "Falls by a power of e in every period.",
        formula: "lr·e^(−gamma·t/every)",
        keys: &[
            Key::needed("gamma", "the rate of decay for each period, above 0"),
            Periods::EVERY,
            Periods::STAIRCASE,
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["paddle NaturalExpDecay"],
        example: "natural_exponential(gamma=0.05)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(NaturalExponential {
            gamma: args.need("gamma", args.number("gamma")?)?,
            every: args.length("every")?.unwrap_or(EPOCH),
            staircase: args.flag("staircase")?.unwrap_or(false),
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("gamma", number(self.gamma));
        Periods::write(self.every, self.staircase, text);
    }

    fn check(&self) -> Result<(), InputError> {
        check_positive("gamma", "natural_exponential", self.gamma)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.every)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { gamma: self.gamma, periods: Periods::new(&self.every, self.staircase, place)? })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        Setting::rate((-self.gamma * self.periods.at(t)).exp())
    }
}
