//! A hyperbolic tangent down.

use super::form::{CurveAt, Form, Key, Kind, OVER, PER, Place, check_floor, share};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};

/// `tanh(lower=-7, upper=3, floor=0)`: `lr · (floor + (1 − floor) · (1 − tanh(lower · (1 − u) + upper · u)) / 2)`, `u = t/over`.
///
/// Clock: per epoch. Begins within a hair of `lr` (by default a millionth below it) and stays near it until the argument
/// passes zero. At `t = over` and after it the factor is `floor`, to which the tangent by then has come near: by default to
/// 0.0025.
///
/// As timm's `TanhLRScheduler` of one cycle (`lb`, `ub`, `lr_min / lr`), at its end too. From Hsueh, Li and Wu, Stochastic
/// Gradient Descent with Hyperbolic-Tangent Decay on Classification, arXiv:1806.01593.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tanh {
    /// The argument at the beginning.
    pub lower: f64,
    /// The argument at the end, above `lower`.
    pub upper: f64,
    /// The factor at the end, 0 to 1.
    pub floor: f64,
}

const LOWER: f64 = -7.0;
const UPPER: f64 = 3.0;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    lower: f64,
    upper: f64,
    floor: f64,
}

impl Form for Tanh {
    const KIND: Kind = Kind {
        name: "tanh",
        summary: "Near the base rate for long, then down by a hyperbolic tangent.",
        formula: "lr·(floor + (1 − floor)·(1 − tanh(lower·(1 − t/over) + upper·t/over))/2)",
        keys: &[
            Key::optional("lower", "-7", "the tangent's argument at the beginning"),
            Key::optional("upper", "3", "the tangent's argument at the end, above lower"),
            Key::optional("floor", "0", "the factor at the end, 0 to 1"),
            OVER,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: true,
        upstream: &["timm TanhLRScheduler"],
        example: "tanh",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Tanh {
            lower: args.number("lower")?.unwrap_or(LOWER),
            upper: args.number("upper")?.unwrap_or(UPPER),
            floor: args.number("floor")?.unwrap_or(0.0),
        })
    }

    fn write(&self, text: &mut Writer) {
        for (key, value, default) in
            [("lower", self.lower, LOWER), ("upper", self.upper, UPPER), ("floor", self.floor, 0.0)]
        {
            if value != default {
                text.key(key, number(value));
            }
        }
    }

    fn check(&self) -> Result<(), InputError> {
        if !(self.lower.is_finite() && self.upper.is_finite() && self.lower < self.upper) {
            return Err(InputError::new(format!(
                "tanh goes from lower={} to upper={}",
                number(self.lower),
                number(self.upper)
            ))
            .remedy("give an upper above the lower"));
        }
        check_floor("tanh", self.floor)
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { lower: self.lower, upper: self.upper, floor: self.floor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        if t >= length {
            return Setting::rate(self.floor);
        }
        let passed = share(t, length);
        // (1 − tanh x)/2, without the difference of near numbers and at half the cost.
        let height = 1.0 / (1.0 + (2.0 * (self.lower * (1.0 - passed) + self.upper * passed)).exp());
        Setting::rate(self.floor + (1.0 - self.floor) * height)
    }
}
