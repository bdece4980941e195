//! Half a cosine from the base rate down.

use super::form::{CurveAt, Form, Key, Kind, OVER, PER, Run, share};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// `cosine(floor=0)`: `lr · (floor + (1 − floor) · (1 + cos(π·t/over)) / 2)`.
///
/// Clock: per epoch. Begins at `lr`; at `t = over` and after it is `lr · floor`, which the last epoch of a run does not
/// reach.
///
/// As PyTorch's `CosineAnnealingLR` up to its end (`over` is `T_max`, `floor` is `eta_min / lr`), but it does not rise again
/// after it; Keras's `CosineDecay` and optax's `cosine_decay_schedule` (`floor` is their `alpha`). From Loshchilov and
/// Hutter, SGDR, arXiv:1608.03983.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    /// The factor at the end, 0 to 1.
    pub floor: f64,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    floor: f64,
}

impl Form for Cosine {
    const KIND: Kind = Kind {
        name: "cosine",
        summary: "Half a cosine from the base rate down.",
        formula: "lr·(floor + (1 − floor)·(1 + cos(π·t/over))/2)",
        keys: &[Key::optional("floor", "0", "the factor at the end, 0 to 1"), OVER, PER],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: true,
        upstream: &[
            "torch CosineAnnealingLR",
            "keras CosineDecay",
            "optax cosine_decay_schedule",
            "paddle CosineAnnealingDecay",
            "timm CosineLRScheduler",
            "transformers get_cosine_schedule_with_warmup",
            "burn CosineAnnealingLrScheduler",
        ],
        example: "cosine(floor=0.01)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Cosine { floor: args.number("floor")?.unwrap_or(0.0) })
    }

    fn write(&self, text: &mut Writer) {
        if self.floor != 0.0 {
            text.key("floor", number(self.floor));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        if (0.0..=1.0).contains(&self.floor) {
            return Ok(());
        }
        Err(InputError::new(format!("floor of cosine is {}", number(self.floor)))
            .remedy("give a factor of the learning rate, 0 to 1"))
    }

    fn curve(&self, _: &Run) -> Result<Curve, InputError> {
        Ok(Curve { floor: self.floor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let height = (1.0 + (PI * share(t, length)).cos()) / 2.0;
        Setting::rate(self.floor + (1.0 - self.floor) * height)
    }
}
