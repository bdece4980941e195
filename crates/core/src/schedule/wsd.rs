//! Up, level, down.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER, PER_STEP, Place, check_floor};
use super::shape::{SHAPES, Shape};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};

/// `wsd(warmup, decay, warmup_shape=linear, decay_shape=linear, floor=0)`: warm-up, stable, decay. `lr · (floor + (1 − floor) · f)`,
/// where `f` rises from 0 to 1 over `warmup`, stays there, and falls to 0 over `decay`, which ends with `over`.
///
/// Clock: per step. The first step has `lr · floor`; at `t = over` and after it the factor is `floor` again. The stable part is
/// what is left of `over`. A share of `warmup` or `decay` is one of `over`, so that `decay=20%` is the last fifth wherever it
/// ends; without one (`decay=0`) it stays level.
///
/// As transformers' `get_wsd_schedule` (`num_warmup_steps`, `num_decay_steps`, `warmup_type`, `decay_type`, `min_lr_ratio`;
/// its `1-sqrt` is `sqrt`). From Hu et al., MiniCPM, arXiv:2404.06395.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wsd {
    /// The length of the rise; may be 0.
    pub warmup: Length,
    /// The length of the fall; may be 0.
    pub decay: Length,
    /// Linear unless given.
    pub warmup_shape: Shape,
    /// Linear unless given.
    pub decay_shape: Shape,
    /// The lowest factor, 0 to 1.
    pub floor: f64,
}

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// Steps, not rounded.
    warmup: f64,
    decay: f64,
    warmup_shape: Shape,
    decay_shape: Shape,
    floor: f64,
}

impl Form for Wsd {
    const KIND: Kind = Kind {
        name: "wsd",
        summary: "Warm-up, stable, decay: up to the base rate, level, and down at the end.",
        formula: "lr·(floor + (1 − floor)·f), f up over warmup, 1, down over decay",
        keys: &[
            Key::needed("warmup", "the rise: a length, its shares of over"),
            Key::needed("decay", "the fall: a length, its shares of over"),
            Key::optional("warmup_shape", "linear", "linear, cosine or sqrt"),
            Key::optional("decay_shape", "linear", "linear, cosine or sqrt"),
            Key::optional("floor", "0", "the lowest factor, 0 to 1"),
            OVER,
            PER_STEP,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Step,
        needs_length: true,
        upstream: &["transformers get_wsd_schedule"],
        example: "wsd(warmup=5, decay=20%)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(Wsd {
            warmup: args.need("warmup", args.length("warmup")?)?,
            decay: args.need("decay", args.length("decay")?)?,
            warmup_shape: Shape::read(args, "warmup_shape", SHAPES, Shape::Linear)?,
            decay_shape: Shape::read(args, "decay_shape", SHAPES, Shape::Linear)?,
            floor: args.number("floor")?.unwrap_or(0.0),
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("warmup", self.warmup).key("decay", self.decay);
        self.warmup_shape.write("warmup_shape", Shape::Linear, text);
        self.decay_shape.write("decay_shape", Shape::Linear, text);
        if self.floor != 0.0 {
            text.key("floor", number(self.floor));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_floor("wsd", self.floor)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::part(self.warmup), Extent::part(self.decay)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let (warmup, decay, whole) = (place.part(&self.warmup), place.part(&self.decay), place.whole() as f64);
        // Shares that make up the whole may miss it by a rounding.
        if warmup + decay > whole * (1.0 + 1e-12) {
            return Err(InputError::new(format!(
                "warmup and decay of wsd make up {}, more than its {}",
                place.words(warmup + decay),
                place.words(whole)
            ))
            .remedy("shorten them"));
        }
        let Wsd { warmup_shape, decay_shape, floor, .. } = *self;
        Ok(Curve { warmup, decay, warmup_shape, decay_shape, floor })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let (step, left) = (t as f64, length.saturating_sub(t) as f64);
        let height = if step < self.warmup {
            self.warmup_shape.rise(step / self.warmup)
        } else if left < self.decay {
            self.decay_shape.fall((1.0 - left / self.decay).max(0.0))
        } else {
            1.0
        };
        Setting::rate(self.floor + (1.0 - self.floor) * height)
    }

    fn highest(&self, _: u64) -> f64 {
        1.0
    }
}
