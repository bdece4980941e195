//! Through given points.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_factors};
use super::piecewise::ascending;
use super::shape::{SYMMETRIC, Shape};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, lengths, numbers};
use serde::{Deserialize, Serialize};

/// `interpolate(at=[0, 10, 50], factors=[0, 1, 0.1], shape=linear)`: `lr` times the factors at their places, and between two
/// of them a line, or half a cosine with `shape=cosine`.
///
/// Clock: per epoch. Places are lengths from the schedule's start, none before the one it follows; at a place the factor is
/// the one given for it exactly, at two equal places the later. Before the first place the first factor holds, after the
/// last place the last, for as long as it is asked unless `over` ends it.
///
/// As optax's `piecewise_interpolate_schedule`, whose scales multiply one another while these are factors of the base rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpolate {
    /// The places, one at least, ascending; the first may be 0.
    pub at: Vec<Length>,
    /// As many factors, each at least 0 and one above it.
    pub factors: Vec<f64>,
    /// Linear or cosine.
    pub shape: Shape,
}

/// The resolved form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps, ascending.
    at: Vec<u64>,
    factors: Vec<f64>,
    shape: Shape,
}

impl Form for Interpolate {
    const KIND: Kind = Kind {
        name: "interpolate",
        summary: "Through given factors at given places, in lines or half cosines.",
        formula: "lr·(f + (g − f)·rise(u)) between neighbours f and g, rise u or (1 − cos πu)/2",
        keys: &[
            Key::needed("at", "the places: a list of lengths from the start, ascending; the first may be 0"),
            Key::needed("factors", "the factors at these places, each at least 0"),
            Key::optional("shape", "linear", "linear or cosine"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["optax piecewise_interpolate_schedule"],
        example: "interpolate(at=[0, 10, 40, 60], factors=[0.1, 1, 0.5, 0.01])",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Interpolate {
            at: args.need("at", args.lengths("at")?)?,
            factors: args.need("factors", args.numbers("factors")?)?,
            shape: Shape::read(args, "shape", SYMMETRIC, Shape::Linear)?,
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("at", lengths(&self.at)).key("factors", numbers(&self.factors));
        self.shape.write("shape", Shape::Linear, text);
    }

    fn check(&self) -> Result<(), InputError> {
        if self.at.is_empty() {
            return Err(
                InputError::new("at of interpolate is empty").remedy("give places: at=[0, 30], factors=[1, 0.1]")
            );
        }
        if self.factors.len() != self.at.len() {
            return Err(InputError::new(format!(
                "interpolate has {} factors for {} places",
                self.factors.len(),
                self.at.len()
            ))
            .remedy("give as many factors as places"));
        }
        self.shape.check_symmetric("interpolate")?;
        check_factors("factors", "interpolate", &self.factors)
    }

    fn lengths(&self) -> Vec<Extent> {
        self.at.iter().copied().map(Extent::place).collect()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let at = ascending("interpolate", &self.at, place)?;
        Ok(Curve { at, factors: self.factors.clone(), shape: self.shape })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let behind = self.at.partition_point(|place| *place <= t);
        let factor = |place: usize| self.factors.get(place).copied().unwrap_or(0.0);
        // The places around: there is a step between them at least, because one is behind and the other is not.
        Setting::rate(match (behind.checked_sub(1), self.at.get(behind)) {
            (None, _) => factor(0),
            (Some(last), None) => factor(last),
            (Some(last), Some(next)) => {
                let start = self.at.get(last).copied().unwrap_or(0);
                let passed = t.saturating_sub(start) as f64 / next.saturating_sub(start).max(1) as f64;
                self.shape.between(factor(last), factor(behind), passed)
            }
        })
    }

    fn highest(&self, _: u64) -> f64 {
        self.factors.iter().copied().fold(0.0, f64::max)
    }
}
