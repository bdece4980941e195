//! Level, then half a cosine down.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER, PER_STEP, Place, check_floor};
use super::shape::Shape;
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Unit, Writer, number};
use serde::{Deserialize, Serialize};

/// `flat_cosine(flat=75%, floor=1e-5)`: `lr` over `flat`, then half a cosine down to `lr · floor` over what is left of `over`.
///
/// Clock: per step. A share of `flat` is one of `over`. At `t = over` and after it the factor is `floor`, which the last step of
/// a run does not reach; with `flat=100%` it stays level.
///
/// As fastai's `fit_flat_cos` (`pct_start` is `flat`, `1 / div_final` is `floor`), which asks before each batch too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlatCosine {
    /// How long the rate is level; three quarters of the schedule unless given.
    pub flat: Length,
    /// The factor at the end, 0 to 1.
    pub floor: f64,
}

const FLAT: Length = Length { number: 75.0, unit: Unit::Percent };
const FLOOR: f64 = 1e-5;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps, not rounded.
    flat: f64,
    floor: f64,
}

impl Form for FlatCosine {
    const KIND: Kind = Kind {
        name: "flat_cosine",
        summary: "The base rate for most of its length, then half a cosine down.",
        formula: "lr while t < flat, then lr·(floor + (1 − floor)·(1 + cos πu)/2)",
        keys: &[
            Key::optional("flat", "75%", "how long it is level: a length, its shares of over"),
            Key::optional("floor", "1e-5", "the factor at the end, 0 to 1"),
            OVER,
            PER_STEP,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Step,
        needs_length: true,
        upstream: &["fastai fit_flat_cos"],
        example: "flat_cosine",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(FlatCosine { flat: args.length("flat")?.unwrap_or(FLAT), floor: args.number("floor")?.unwrap_or(FLOOR) })
    }

    fn write(&self, text: &mut Writer) {
        if self.flat != FLAT {
            text.key("flat", self.flat);
        }
        if self.floor != FLOOR {
            text.key("floor", number(self.floor));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_floor("flat_cosine", self.floor)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::part(self.flat)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let (flat, whole) = (place.part(&self.flat), place.whole() as f64);
        if flat > whole {
            return Err(InputError::new(format!(
                "flat of flat_cosine is {}, more than its {}",
                place.words(flat),
                place.words(whole)
            ))
            .remedy("shorten it"));
        }
        Ok(Curve { flat, floor: self.floor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let (passed, rest) = (t as f64 - self.flat, length as f64 - self.flat);
        if passed < 0.0 || rest <= 0.0 {
            return Setting::rate(1.0);
        }
        let height = Shape::Cosine.fall((passed / rest).min(1.0));
        Setting::rate(self.floor + (1.0 - self.floor) * height)
    }
}
