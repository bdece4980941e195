//! The base rate throughout.

use super::form::{CurveAt, Form, Kind, OVER_OPEN, PER, Place};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer};
use serde::{Deserialize, Serialize};

/// `constant`: the base rate at every step.
///
/// A length (`over`) has a meaning only in a sequence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {}

impl Form for Constant {
    const KIND: Kind = Kind {
        name: "constant",
        summary: "The base rate throughout.",
        formula: "lr",
        keys: &[OVER_OPEN, PER],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["optax constant_schedule", "transformers get_constant_schedule"],
        example: "constant",
    };

    type Curve = Curve;

    fn read(_: &Args<'_>) -> Result<Self, InputError> {
        Ok(Constant)
    }

    fn write(&self, _: &mut Writer) {}

    fn check(&self) -> Result<(), InputError> {
        Ok(())
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve {})
    }
}

impl CurveAt for Curve {
    fn at(&self, _: u64, _: u64) -> Setting {
        Setting::rate(1.0)
    }
}
