//! The end of a run, down to zero.

use super::form::{CurveAt, Form, Key, Kind, Run, share};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer};
use serde::{Deserialize, Serialize};

/// `cooldown(20%)`: `r · (1 − √(t/over))`, where `r` is the rate of the step before it.
///
/// Clock: per step. It is the last child of a sequence, `sequence(constant(), cooldown(20%))`, and ends with the run: at its
/// first step the rate is still `r`, and zero is what the step after the last would have. Where its length is in epochs or a
/// share of the run it begins at the last whole epoch that leaves it that length or more. Alone it takes the whole run and
/// `r` is the base rate.
///
/// From Hägele et al., Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations, arXiv:2405.18392; the
/// `1-sqrt` decay of transformers' `get_wsd_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cooldown;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {}

impl Form for Cooldown {
    const KIND: Kind = Kind {
        name: "cooldown",
        summary: "The end of a run: from the rate before it down to zero.",
        formula: "r·(1 − √(t/over)), r the rate before it",
        keys: &[
            Key::optional("over", "the run; in a sequence the remainder", "how long it lasts: a length"),
            Key::optional("per", "step", "when the rate changes: epoch or step"),
        ],
        positional: Some("over"),
        rate: RateSource::Before,
        clock: Per::Step,
        needs_length: true,
        upstream: &["transformers get_wsd_schedule (its 1-sqrt decay)"],
        example: "sequence(constant, cooldown(20%))",
    };

    type Curve = Curve;

    fn read(_: &Args<'_>) -> Result<Self, InputError> {
        Ok(Cooldown)
    }

    fn write(&self, _: &mut Writer) {}

    fn check(&self) -> Result<(), InputError> {
        Ok(())
    }

    fn curve(&self, _: &Run) -> Result<Curve, InputError> {
        Ok(Curve {})
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        Setting::rate(1.0 - share(t, length).sqrt())
    }
}
