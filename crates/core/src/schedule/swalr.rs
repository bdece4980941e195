//! The rate for averaging weights.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_factor, share};
use super::shape::{SYMMETRIC, Shape};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Unit, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `swalr(to, anneal=10, shape=cosine)`: from `r`, the rate of the step before it, to `r · to` over `anneal`, and level after it.
///
/// Clock: per epoch. At its first step the rate is still `r`. In a sequence it follows whatever comes before it:
/// `sequence(cosine(over=75%), swalr(to=0.5))`. Alone `r` is the base rate. It goes on for as long as it is asked unless `over`
/// ends it; after that it holds the value there.
///
/// As PyTorch's `SWALR` (`anneal_epochs`, `anneal_strategy`; its `swa_lr` is `r · to`), whose recursive form is the closed one
/// given here. From Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, arXiv:1803.05407.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swalr {
    /// The factor of the rate before it, at least 0.
    pub to: f64,
    /// The length of the way there; ten epochs unless given.
    pub anneal: Length,
    /// Cosine unless given, or linear.
    pub shape: Shape,
}

const ANNEAL: Length = Length { number: 10.0, unit: Unit::Epochs };

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    to: f64,
    /// Steps.
    anneal: NonZeroU64,
    shape: Shape,
}

impl Form for Swalr {
    const KIND: Kind = Kind {
        name: "swalr",
        summary: "For averaging weights: from the rate before it to a factor of that, then level.",
        formula: "r·((1 − α) + to·α), r the rate before it, α from 0 to 1 over anneal",
        keys: &[
            Key::needed("to", "the factor of the rate before it, at least 0"),
            Key::optional("anneal", "10", "the way there: a length"),
            Key::optional("shape", "cosine", "cosine or linear"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Before,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["torch SWALR"],
        example: "sequence(cosine(floor=0.2, over=40), swalr(to=2, anneal=5))",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Swalr {
            to: args.need("to", args.number("to")?)?,
            anneal: args.length("anneal")?.unwrap_or(ANNEAL),
            shape: Shape::read(args, "shape", SYMMETRIC, Shape::Cosine)?,
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("to", number(self.to));
        if self.anneal != ANNEAL {
            text.key("anneal", self.anneal);
        }
        self.shape.write("shape", Shape::Cosine, text);
    }

    fn check(&self) -> Result<(), InputError> {
        self.shape.check_symmetric("swalr")?;
        check_factor("to", "swalr", self.to)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.anneal)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { to: self.to, anneal: place.period(&self.anneal)?, shape: self.shape })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        Setting::rate(self.shape.between(1.0, self.to, share(t, self.anneal.get())))
    }

    fn highest(&self, _: u64) -> f64 {
        self.to.max(1.0)
    }
}
