//! Decay with one over the time.

use super::exponential::Periods;
use super::form::{CurveAt, EPOCH, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_positive};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};

/// `inverse_time(gamma, every=1, staircase=false)`: `lr / (1 + gamma · t/every)`.
///
/// Clock: per epoch. With `staircase=true` only whole periods count. Begins at `lr`, and goes on for as long as it is asked
/// unless `over` ends it; after that it holds the value there.
///
/// As Keras's `InverseTimeDecay` (`gamma` is its `decay_rate`, `every` its `decay_steps`) and Paddle's `InverseTimeDecay`,
/// whose period is one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseTime {
    /// What is added to the divisor in each period, above 0.
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

impl Form for InverseTime {
    const KIND: Kind = Kind {
        name: "inverse_time",
        summary: "Falls with one over the time.",
        formula: "lr/(1 + gamma·t/every)",
        keys: &[
            Key::needed("gamma", "what is added to the divisor in each period, above 0"),
            Periods::EVERY,
            Periods::STAIRCASE,
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["keras InverseTimeDecay", "paddle InverseTimeDecay"],
        example: "inverse_time(gamma=0.2)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(InverseTime {
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
        check_positive("gamma", "inverse_time", self.gamma)
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
        Setting::rate(1.0 / (1.0 + self.gamma * self.periods.at(t)))
    }
}
