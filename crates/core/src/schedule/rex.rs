//! Falling ever faster.

use super::form::{CurveAt, Form, Key, Kind, OVER, PER, Place, check_floor, share};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};

/// `rex(floor=0)`: `lr · (floor + (1 − floor) · (1 − u)/(1 − u/2))`, `u = t/over`.
///
/// Clock: per epoch. Begins at `lr`; at `t = over` and after it the factor is `floor`. It lies above the line between the two
/// and falls steepest at its end.
///
/// From Chen, Wolfe and Kyrillidis, REX: Revisiting Budgeted Training with an Improved Schedule, arXiv:2107.04197.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rex {
    /// The factor at the end, 0 to 1.
    pub floor: f64,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    floor: f64,
}

impl Form for Rex {
    const KIND: Kind = Kind {
        name: "rex",
        summary: "Falls ever faster, steepest at the end.",
        formula: "lr·(floor + (1 − floor)·(1 − u)/(1 − u/2)), u = t/over",
        keys: &[Key::optional("floor", "0", "the factor at the end, 0 to 1"), OVER, PER],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: true,
        upstream: &[],
        example: "rex",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Rex { floor: args.number("floor")?.unwrap_or(0.0) })
    }

    fn write(&self, text: &mut Writer) {
        if self.floor != 0.0 {
            text.key("floor", number(self.floor));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_floor("rex", self.floor)
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { floor: self.floor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let passed = share(t, length);
        Setting::rate(self.floor + (1.0 - self.floor) * ((1.0 - passed) / (1.0 - passed / 2.0)))
    }
}
