//! Given factors between given places.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_factors};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, lengths, numbers};
use serde::{Deserialize, Serialize};

/// `piecewise(at=[30, 60], factors=[1, 0.5, 0.1])`: `lr · factors[#{m ≤ t}]`, the factor after the last place `m` behind.
///
/// Clock: per epoch. With `at=[30]` epoch 30 is the first with the second factor. Places are lengths from the schedule's
/// start, none before the one it follows. The last factor holds for as long as it is asked unless `over` ends it; after that
/// it holds the value there.
///
/// As Keras's `PiecewiseConstantDecay`, which keeps the factor before at the boundary itself (give each of its boundaries one
/// step more), Paddle's `PiecewiseDecay` and, with the products of its scales, optax's `piecewise_constant_schedule`.
#[derive(Debug, Clone, PartialEq)]
pub struct Piecewise {
    /// The places, one at least, ascending.
    pub at: Vec<Length>,
    /// One more than there are places, each at least 0 and one above it.
    pub factors: Vec<f64>,
}

/// The resolved form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps, ascending.
    at: Vec<u64>,
    factors: Vec<f64>,
}

impl Form for Piecewise {
    const KIND: Kind = Kind {
        name: "piecewise",
        summary: "Given factors of the base rate, each from one place to the next.",
        formula: "lr·factors[#{m ≤ t}], m the places",
        keys: &[
            Key::needed("at", "the places: a list of lengths from the start, ascending"),
            Key::needed("factors", "the factors, one more than places, each at least 0"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["keras PiecewiseConstantDecay", "paddle PiecewiseDecay", "optax piecewise_constant_schedule"],
        example: "piecewise(at=[10, 30, 50], factors=[0.5, 1, 0.3, 0.1])",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Piecewise {
            at: args.need("at", args.lengths("at")?)?,
            factors: args.need("factors", args.numbers("factors")?)?,
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("at", lengths(&self.at)).key("factors", numbers(&self.factors));
    }

    fn check(&self) -> Result<(), InputError> {
        if self.at.is_empty() {
            return Err(InputError::new("at of piecewise is empty").remedy("give a place: at=[30], factors=[1, 0.1]"));
        }
        if self.factors.len() != self.at.len() + 1 {
            return Err(InputError::new(format!(
                "piecewise has {} factors for {} places",
                self.factors.len(),
                self.at.len()
            ))
            .remedy("give one factor more than places"));
        }
        check_factors("factors", "piecewise", &self.factors)
    }

    fn lengths(&self) -> Vec<Extent> {
        self.at.iter().copied().map(Extent::place).collect()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { at: ascending("piecewise", &self.at, place)?, factors: self.factors.clone() })
    }
}

/// Places in steps, none before the one it follows.
pub(super) fn ascending(name: &str, at: &[Length], place: &Place<'_>) -> Result<Vec<u64>, InputError> {
    let steps = at.iter().map(|length| place.step(length)).collect::<Result<Vec<_>, _>>()?;
    match steps.windows(2).position(|pair| pair[0] > pair[1]) {
        None => Ok(steps),
        Some(first) => Err(InputError::new(format!(
            "at of {name} goes back from {} to {} in this run",
            place.words(steps[first] as f64),
            place.words(steps[first + 1] as f64)
        ))
        .remedy("put the places in order")),
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let behind = self.at.partition_point(|place| *place <= t);
        Setting::rate(self.factors.get(behind).or(self.factors.last()).copied().unwrap_or(0.0))
    }

    fn highest(&self, _: u64) -> f64 {
        self.factors.iter().copied().fold(0.0, f64::max)
    }
}
