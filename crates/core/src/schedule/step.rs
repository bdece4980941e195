//! Decay in steps.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_gamma};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `step(every, gamma=0.1)`: `lr · gamma^⌊t/every⌋`.
///
/// Clock: per epoch. With `every=30` the epochs 0 to 29 have the rate `lr`, epoch 30 is the first with `lr · gamma`. Goes on
/// for as long as it is asked unless `over` ends it; after that it holds the value there.
///
/// As PyTorch's `StepLR`, and Keras's `ExponentialDecay(staircase=True)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// How long each rate holds.
    pub every: Length,
    /// The factor from one rate to the next, above 0 and at most 1.
    pub gamma: f64,
}

/// The factor where none is given; PyTorch's.
const GAMMA: f64 = 0.1;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps.
    every: NonZeroU64,
    gamma: f64,
    /// The first powers of gamma, which most runs never get beyond: looking one up costs a quarter of raising it.
    powers: [f64; 8],
}

impl Form for Step {
    const KIND: Kind = Kind {
        name: "step",
        summary: "Falls by a factor at regular intervals.",
        formula: "lr·gamma^⌊t/every⌋",
        keys: &[
            Key::needed("every", "how long each rate holds: a length"),
            Key::optional("gamma", "0.1", "the factor from one rate to the next, above 0 and at most 1"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &[
            "torch StepLR",
            "paddle StepDecay",
            "timm StepLRScheduler",
            "mxnet FactorScheduler",
            "burn StepLrScheduler",
        ],
        example: "step(every=20, gamma=0.3)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Step { every: args.need("every", args.length("every")?)?, gamma: args.number("gamma")?.unwrap_or(GAMMA) })
    }

    fn write(&self, text: &mut Writer) {
        text.key("every", self.every);
        if self.gamma != GAMMA {
            text.key("gamma", number(self.gamma));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_gamma("step", self.gamma)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.every)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let powers = std::array::from_fn(|falls| self.gamma.powf(falls as f64));
        Ok(Curve { every: place.period(&self.every)?, gamma: self.gamma, powers })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let falls = t / self.every;
        let known = usize::try_from(falls).ok().and_then(|falls| self.powers.get(falls));
        Setting::rate(known.copied().unwrap_or_else(|| self.gamma.powf(falls as f64)))
    }
}
