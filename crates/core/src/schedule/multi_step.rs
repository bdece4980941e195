//! A factor at each of several places.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_gamma};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, lengths, number};
use serde::{Deserialize, Serialize};

/// `multi_step(at=[30, 60, 80%], gamma=0.1)`: `lr · gamma^#{m ≤ t}`, with as many gammas as places `m` are behind.
///
/// Clock: per epoch. With `at=[30]` epoch 30 is the first with `lr · gamma`. Places are lengths from the schedule's start, in
/// any order; one that is given twice counts twice, and one of 0 counts from the beginning. Goes on for as long as it is
/// asked unless `over` ends it; after that it holds the value there.
///
/// As PyTorch's `MultiStepLR` (its milestones are counted with repetition), Paddle's `MultiStepDecay`, MXNet's
/// `MultiFactorScheduler`. timm's `MultiStepLRScheduler` falls one tick earlier than each of its own `decay_t`.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStep {
    /// The places, one at least.
    pub at: Vec<Length>,
    /// The factor at each, above 0 and at most 1.
    pub gamma: f64,
}

const GAMMA: f64 = 0.1;

/// The resolved form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps, ascending.
    at: Vec<u64>,
    gamma: f64,
}

impl Form for MultiStep {
    const KIND: Kind = Kind {
        name: "multi_step",
        summary: "Falls by a factor at each of the places given.",
        formula: "lr·gamma^#{m ≤ t}, m the places",
        keys: &[
            Key::needed("at", "the places: a list of lengths from the start"),
            Key::optional("gamma", "0.1", "the factor at each, above 0 and at most 1"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &[
            "torch MultiStepLR",
            "paddle MultiStepDecay",
            "timm MultiStepLRScheduler",
            "mxnet MultiFactorScheduler",
            "optax piecewise_constant_schedule",
        ],
        example: "multi_step(at=[30, 45, 55], gamma=0.3)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(MultiStep { at: args.need("at", args.lengths("at")?)?, gamma: args.number("gamma")?.unwrap_or(GAMMA) })
    }

    fn write(&self, text: &mut Writer) {
        text.key("at", lengths(&self.at));
        if self.gamma != GAMMA {
            text.key("gamma", number(self.gamma));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        if self.at.is_empty() {
            return Err(InputError::new("at of multi_step is empty").remedy("give a place: at=[30]"));
        }
        check_gamma("multi_step", self.gamma)
    }

    fn lengths(&self) -> Vec<Extent> {
        self.at.iter().copied().map(Extent::place).collect()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let mut at = self.at.iter().map(|length| place.step(length)).collect::<Result<Vec<_>, _>>()?;
        at.sort_unstable();
        Ok(Curve { at, gamma: self.gamma })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let behind = self.at.partition_point(|place| *place <= t);
        Setting::rate(self.gamma.powf(behind as f64))
    }
}
