//! A factor of the base rate for a while.

use super::form::{CurveAt, Form, Key, Kind, OVER, PER, Place, check_factor};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};

/// `constant_factor(factor=1/3, over)`: `lr · factor` while `t < over`, then `lr`.
///
/// Clock: per epoch. With `over=5` the epochs 0 to 4 have the rate `lr · factor`, epoch 5 is the first with `lr`, which holds
/// from there on. A length left out is the run's, which then has `lr · factor` throughout.
///
/// As PyTorch's `ConstantLR`, whose `total_iters` is `over` and 5 where it is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConstantFactor {
    /// The factor, at least 0; PyTorch's 1/3 unless given.
    pub factor: f64,
}

const FACTOR: f64 = 1.0 / 3.0;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    factor: f64,
}

impl Form for ConstantFactor {
    const KIND: Kind = Kind {
        name: "constant_factor",
        summary: "A factor of the base rate for a while, then the base rate.",
        formula: "lr·factor while t < over, then lr",
        keys: &[Key::optional("factor", "1/3", "the factor, at least 0"), OVER, PER],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: true,
        upstream: &["torch ConstantLR"],
        example: "constant_factor(factor=0.1, over=10)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(ConstantFactor { factor: args.number("factor")?.unwrap_or(FACTOR) })
    }

    fn write(&self, text: &mut Writer) {
        if self.factor != FACTOR {
            text.key("factor", number(self.factor));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_factor("factor", "constant_factor", self.factor)
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { factor: self.factor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        Setting::rate(if t < length { self.factor } else { 1.0 })
    }
}
