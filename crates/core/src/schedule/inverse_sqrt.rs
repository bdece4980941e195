//! Decay with one over the root of the steps.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER_STEP, Place};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Unit, Writer};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `inverse_sqrt(warmup=0, timescale)`: `lr · t/W` while `t < W`, then `lr / √((t − W + τ)/τ)`, in steps, with `W` those of
/// `warmup` and `τ` those of `timescale`.
///
/// Clock: per step. Rises from 0 to `lr` over the warm-up, is `lr` at its end, and falls from there; at `τ` steps after it the
/// factor is `1/√2`. `timescale` is the warm-up unless given, or 10,000 steps where there is none. It goes on for as long as
/// it is asked unless `over` ends it; after that it holds the value there.
///
/// As transformers' `get_inverse_sqrt_schedule` (`num_warmup_steps`, `timescale`). From Zhai et al., Scaling Vision
/// Transformers, arXiv:2106.04560, and with the warm-up as timescale from Vaswani et al., arXiv:1706.03762.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseSqrt {
    /// The length of the rise; 0 is none.
    pub warmup: Length,
    /// The length after which the factor is `1/√2`; the warm-up's, or 10,000 steps, if none.
    pub timescale: Option<Length>,
}

const NONE: Length = Length { number: 0.0, unit: Unit::Epochs };
/// The steps of the timescale where there is neither one nor a warm-up: transformers'.
const TIMESCALE: u64 = 10_000;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps.
    warmup: u64,
    timescale: NonZeroU64,
}

impl Form for InverseSqrt {
    const KIND: Kind = Kind {
        name: "inverse_sqrt",
        summary: "A line up to the base rate, then down with one over the root of the steps.",
        formula: "lr·t/warmup, then lr/√((t − warmup + timescale)/timescale)",
        keys: &[
            Key::optional("warmup", "0", "the rise: a length"),
            Key::optional(
                "timescale",
                "as warmup; 10000 steps without one",
                "where the factor is 1/√2, from the rise's end: a length",
            ),
            OVER_OPEN,
            PER_STEP,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Step,
        needs_length: false,
        upstream: &["transformers get_inverse_sqrt_schedule"],
        example: "inverse_sqrt(warmup=5)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(InverseSqrt { warmup: args.length("warmup")?.unwrap_or(NONE), timescale: args.length("timescale")? })
    }

    fn write(&self, text: &mut Writer) {
        if self.warmup != NONE {
            text.key("warmup", self.warmup);
        }
        if let Some(timescale) = self.timescale {
            text.key("timescale", timescale);
        }
    }

    fn check(&self) -> Result<(), InputError> {
        Ok(())
    }

    fn lengths(&self) -> Vec<Extent> {
        [Some(Extent::place(self.warmup)), self.timescale.map(Extent::period)].into_iter().flatten().collect()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let warmup = place.step(&self.warmup)?;
        let timescale = match self.timescale {
            Some(timescale) => Some(place.period(&timescale)?),
            None => NonZeroU64::new(warmup).or(NonZeroU64::new(TIMESCALE)),
        };
        Ok(Curve { warmup, timescale: timescale.unwrap_or(NonZeroU64::MIN) })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        Setting::rate(match t.checked_sub(self.warmup) {
            None => t as f64 / self.warmup as f64,
            Some(after) => {
                let timescale = self.timescale.get() as f64;
                1.0 / ((after as f64 + timescale) / timescale).sqrt()
            }
        })
    }

    fn highest(&self, _: u64) -> f64 {
        1.0
    }
}
