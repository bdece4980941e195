//! The end of a run, down to zero.

use super::form::{CurveAt, Form, Key, Kind, PER_STEP, Place, check_floor, share};
use super::shape::{SHAPES, Shape};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};

/// `cooldown(20%, shape=sqrt, floor=0)`: `r · (floor + (1 − floor) · (1 − √(t/over)))`, where `r` is the rate of the step
/// before it; `shape=linear` falls by `1 − t/over`, `shape=cosine` by `(1 + cos(π·t/over))/2`.
///
/// Clock: per step. It is the last child of a sequence, `sequence(constant(), cooldown(20%))`, and ends with the run: at its
/// first step the rate is still `r`, and the floor is what the step after the last would have. Where its length is in epochs or a
/// share of the run it begins at the last whole epoch that leaves it that length or more. Alone it takes the whole run and
/// `r` is the base rate.
///
/// From Hägele et al., Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations, arXiv:2405.18392; the
/// `1-sqrt` decay of transformers' `get_wsd_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cooldown {
    /// Sqrt unless given.
    pub shape: Shape,
    /// The factor of `r` at the end, 0 to 1.
    pub floor: f64,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    shape: Shape,
    floor: f64,
}

impl Form for Cooldown {
    const KIND: Kind = Kind {
        name: "cooldown",
        summary: "The end of a run: from the rate before it down to zero.",
        formula: "r·(floor + (1 − floor)·(1 − √(t/over))), r the rate before it",
        keys: &[
            Key::optional("over", "the run; in a sequence the remainder", "how long it lasts: a length"),
            Key::optional("shape", "sqrt", "linear, cosine or sqrt"),
            Key::optional("floor", "0", "the factor of the rate before it at the end, 0 to 1"),
            PER_STEP,
        ],
        positional: Some("over"),
        rate: RateSource::Before,
        clock: Per::Step,
        needs_length: true,
        upstream: &["transformers get_wsd_schedule (its 1-sqrt decay)"],
        example: "sequence(constant, cooldown(20%))",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let shape = Shape::read(args, "shape", SHAPES, Shape::Sqrt)?;
        Ok(Cooldown { shape, floor: args.number("floor")?.unwrap_or(0.0) })
    }

    fn write(&self, text: &mut Writer) {
        self.shape.write("shape", Shape::Sqrt, text);
        if self.floor != 0.0 {
            text.key("floor", number(self.floor));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_floor("cooldown", self.floor)
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { shape: self.shape, floor: self.floor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        Setting::rate(self.floor + (1.0 - self.floor) * self.shape.fall(share(t, length)))
    }
}
