//! The transformer's schedule.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER_STEP, Place, check_positive};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `noam(width, warmup)`: `lr · width^−½ · min(s^−½, s · W^−3/2)`, with `s = t + 1` optimizer steps and `W` those of `warmup`.
///
/// Clock: per step. Rises in a line, is highest at `s = W`, where it is `lr / √(width · W)`, and falls with one over the root
/// of the steps. It goes on for as long as it is asked unless `over` ends it; after that it holds the value there. The base
/// rate is a factor here: 1 is that of the paper.
///
/// As Paddle's `NoamDecay` and burn's `NoamLrScheduler` (`width` is `d_model`, `warmup` their `warmup_steps`). From Vaswani et
/// al., Attention Is All You Need, arXiv:1706.03762, section 5.3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noam {
    /// The width of the model, above 0.
    pub width: f64,
    /// The length of the rise.
    pub warmup: Length,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    width: f64,
    /// Steps.
    warmup: NonZeroU64,
}

impl Form for Noam {
    const KIND: Kind = Kind {
        name: "noam",
        summary: "The transformer's: a line up, then down with one over the root of the steps.",
        formula: "lr·width^−½·min(s^−½, s·warmup^−3/2), s = t + 1 steps",
        keys: &[
            Key::needed("width", "the width of the model, above 0"),
            Key::needed("warmup", "the rise: a length"),
            OVER_OPEN,
            PER_STEP,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Step,
        needs_length: false,
        upstream: &["paddle NoamDecay", "burn NoamLrScheduler"],
        example: "noam(width=64, warmup=10)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Noam {
            width: args.need("width", args.number("width")?)?,
            warmup: args.need("warmup", args.length("warmup")?)?,
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("width", number(self.width)).key("warmup", self.warmup);
    }

    fn check(&self) -> Result<(), InputError> {
        check_positive("width", "noam", self.width)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.warmup)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { width: self.width, warmup: place.period(&self.warmup)? })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let (step, warmup) = (t as f64 + 1.0, self.warmup.get() as f64);
        // Both are one over a root, and only one of them is needed.
        let height = if step < warmup { step / (warmup * warmup.sqrt()) } else { 1.0 / step.sqrt() };
        Setting::rate(height / self.width.sqrt())
    }

    fn highest(&self, _: u64) -> f64 {
        self.at(self.warmup.get() - 1, u64::MAX).rate
    }
}
