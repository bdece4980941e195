//! Half a cosine from the base rate down.

use super::form::{CurveAt, Form, Key, Kind, OVER, PER, Place, check_floor, check_positive, share};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// `cosine(floor=0, exponent=1, warp=1, cycles=0.5)`: `lr · (floor + (1 − floor) · c^exponent)` with
/// `c = (1 + cos(2π · cycles · u^warp)) / 2` and `u = t/over`.
///
/// Clock: per epoch. Begins at `lr`; at `t = over` and after it the factor is that of `u = 1`, by default `floor`, which the
/// last epoch of a run does not reach. It falls throughout while `cycles` is at most 0.5; with more it rises again within
/// its length, as asked.
///
/// As PyTorch's `CosineAnnealingLR` up to its end (`over` is `T_max`, `floor` is `eta_min / lr`), but it does not rise again
/// after it; Keras's `CosineDecay` and optax's `cosine_decay_schedule` (`floor` is their `alpha`, `exponent` optax's); timm's
/// `CosineLRScheduler` of one cycle (`warp` is its `k_decay`); transformers' `get_cosine_schedule_with_warmup` after its
/// warm-up (`cycles` is its `num_cycles`). From Loshchilov and Hutter, SGDR, arXiv:1608.03983; the warp from Zhang and Li,
/// k-decay, arXiv:2004.05909.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    /// The lowest factor, 0 to 1.
    pub floor: f64,
    /// The power of the cosine, above 0.
    pub exponent: f64,
    /// The power of the passed share, above 0; above 1 it begins to fall later.
    pub warp: f64,
    /// How many times it goes down and up again, above 0; 0.5 is down only.
    pub cycles: f64,
}

const CYCLES: f64 = 0.5;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    floor: f64,
    exponent: f64,
    warp: f64,
    cycles: f64,
}

impl Form for Cosine {
    const KIND: Kind = Kind {
        name: "cosine",
        summary: "Half a cosine from the base rate down.",
        formula: "lr·(floor + (1 − floor)·((1 + cos(2π·cycles·(t/over)^warp))/2)^exponent)",
        keys: &[
            Key::optional("floor", "0", "the lowest factor, 0 to 1"),
            Key::optional("exponent", "1", "the power of the cosine, above 0"),
            Key::optional("warp", "1", "the power of t/over, above 0"),
            Key::optional("cycles", "0.5", "how many times down and up again, above 0"),
            OVER,
            PER,
        ],
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
        Ok(Cosine {
            floor: args.number("floor")?.unwrap_or(0.0),
            exponent: args.number("exponent")?.unwrap_or(1.0),
            warp: args.number("warp")?.unwrap_or(1.0),
            cycles: args.number("cycles")?.unwrap_or(CYCLES),
        })
    }

    fn write(&self, text: &mut Writer) {
        let keys = [
            ("floor", self.floor, 0.0),
            ("exponent", self.exponent, 1.0),
            ("warp", self.warp, 1.0),
            ("cycles", self.cycles, CYCLES),
        ];
        for (key, value, default) in keys {
            if value != default {
                text.key(key, number(value));
            }
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_floor("cosine", self.floor)?;
        let above_zero = [("exponent", self.exponent), ("warp", self.warp), ("cycles", self.cycles)];
        above_zero.iter().try_for_each(|(key, value)| check_positive(key, "cosine", *value))
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        let Cosine { floor, exponent, warp, cycles } = *self;
        Ok(Curve { floor, exponent, warp, cycles })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let passed = share(t, length);
        // Powers of one are spared: they cost as much as the cosine.
        let warped = if self.warp == 1.0 { passed } else { passed.powf(self.warp) };
        let height = (1.0 + (2.0 * self.cycles * PI * warped).cos()) / 2.0;
        let height = if self.exponent == 1.0 { height } else { height.powf(self.exponent) };
        Setting::rate(self.floor + (1.0 - self.floor) * height)
    }

    fn highest(&self, _: u64) -> f64 {
        1.0
    }
}
