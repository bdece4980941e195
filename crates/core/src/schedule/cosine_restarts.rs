//! Half a cosine down, again and again.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, STEPS_MAX, check_floor};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::num::NonZeroU64;

/// `cosine_restarts(period, mult=1, decay=1, cycles, floor=0)`: in cycle `i` (from 0), `u` of it passed,
/// `lr · (floor + (decay^i − floor) · (1 + cos πu) / 2)`.
///
/// Clock: per epoch. Each cycle is `mult` times as long as the one before, and begins `decay` times as high. A cycle that would
/// begin below the floor is held at it. Goes on for as long as it is asked; with `cycles` the floor is held after so many.
/// `over` ends it too: the value there is held, and where that is the end of a cycle it is the floor. Without `period`, `cycles`
/// are needed and fill the length, which is then `over`, the run, or what a sequence leaves. Cycles are counted in whole
/// steps.
///
/// As PyTorch's `CosineAnnealingWarmRestarts` (`T_0`, `T_mult`), Keras's `CosineDecayRestarts` (`t_mul`, `m_mul` is `decay`,
/// `alpha` is `floor`), timm's `CosineLRScheduler` (`cycle_mul`, `cycle_decay`, `cycle_limit`), transformers'
/// `get_cosine_with_hard_restarts_schedule_with_warmup` after its warm-up (`cycles` is its `num_cycles`), optax's
/// `sgdr_schedule`. From Loshchilov and Hutter, SGDR, arXiv:1608.03983.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineRestarts {
    /// The length of the first cycle; if none, the cycles fill the schedule's length.
    pub period: Option<Length>,
    /// How much longer each cycle is than the one before: 1, or from 1.01 up.
    pub mult: f64,
    /// How high each begins, in parts of the one before; above 0 and at most 1.
    pub decay: f64,
    /// How many cycles there are, 1 to 100,000; none is no limit.
    pub cycles: Option<u32>,
    /// The lowest factor, 0 to 1.
    pub floor: f64,
}

const CYCLES_MAX: u32 = 100_000;
/// Every end of a cycle that grows is kept; with this there are at most four thousand.
const MULT_MIN: f64 = 1.01;

/// The resolved form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    cycles: Cycles,
    decay: f64,
    floor: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cycles {
    Even {
        period: NonZeroU64,
        cycles: Option<u32>,
    },
    /// The steps at which they end, ascending, and the factors with which they begin; after the last there is none.
    Ends(Vec<(u64, f64)>),
}

/// So many ends are looked at in turn.
const FEW: usize = 16;

impl Form for CosineRestarts {
    const KIND: Kind = Kind {
        name: "cosine_restarts",
        summary: "Half a cosine down, then up at once and down again.",
        formula: "lr·(floor + (decay^i − floor)·(1 + cos πu)/2), u passed of cycle i",
        keys: &[
            Key::optional("period", "over/cycles", "the first cycle: a length"),
            Key::optional("mult", "1", "how much longer each cycle is than the one before: 1, or from 1.01 up"),
            Key::optional("decay", "1", "how high each begins, in parts of the one before: above 0 and at most 1"),
            Key::optional("cycles", "no limit", "after how many cycles the floor is held, 1 to 100000"),
            Key::optional("floor", "0", "the lowest factor, 0 to 1"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &[
            "torch CosineAnnealingWarmRestarts",
            "keras CosineDecayRestarts",
            "timm CosineLRScheduler",
            "transformers get_cosine_with_hard_restarts_schedule_with_warmup",
            "optax sgdr_schedule",
            "paddle CosineAnnealingWarmRestarts",
        ],
        example: "cosine_restarts(period=8, mult=2, decay=0.7)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let call = args.call();
        let cycles = match args.number("cycles")? {
            None => None,
            Some(count) if count.fract() == 0.0 && (1.0..=f64::from(CYCLES_MAX)).contains(&count) => Some(count as u32),
            Some(count) => {
                return Err(call
                    .error(call.name_at, format!("cycles of cosine_restarts is {}", number(count)))
                    .remedy(format!("give a whole number from 1 to {CYCLES_MAX}")));
            }
        };
        Ok(CosineRestarts {
            period: args.length("period")?,
            mult: args.number("mult")?.unwrap_or(1.0),
            decay: args.number("decay")?.unwrap_or(1.0),
            cycles,
            floor: args.number("floor")?.unwrap_or(0.0),
        })
    }

    fn write(&self, text: &mut Writer) {
        if let Some(period) = self.period {
            text.key("period", period);
        }
        for (key, value) in [("mult", self.mult), ("decay", self.decay)] {
            if value != 1.0 {
                text.key(key, number(value));
            }
        }
        if let Some(cycles) = self.cycles {
            text.key("cycles", cycles);
        }
        if self.floor != 0.0 {
            text.key("floor", number(self.floor));
        }
    }

    fn check(&self) -> Result<(), InputError> {
        if self.period.is_none() && self.cycles.is_none() {
            return Err(InputError::new("cosine_restarts has neither a period nor a number of cycles")
                .remedy("give period=10, or cycles=3"));
        }
        if !(self.mult.is_finite() && (self.mult == 1.0 || self.mult >= MULT_MIN)) {
            return Err(InputError::new(format!("mult of cosine_restarts is {}", number(self.mult)))
                .remedy(format!("give 1, or a number from {MULT_MIN} up")));
        }
        if !(self.decay > 0.0 && self.decay <= 1.0) {
            return Err(InputError::new(format!("decay of cosine_restarts is {}", number(self.decay)))
                .remedy("give a number above 0 and at most 1"));
        }
        if let Some(cycles) = self.cycles.filter(|cycles| !(1..=CYCLES_MAX).contains(cycles)) {
            return Err(InputError::new(format!("cycles of cosine_restarts is {cycles}"))
                .remedy(format!("give a whole number from 1 to {CYCLES_MAX}")));
        }
        check_floor("cosine_restarts", self.floor)
    }

    fn lengths(&self) -> Vec<Extent> {
        self.period.into_iter().map(Extent::period).collect()
    }

    fn needs_length(&self) -> bool {
        self.period.is_none()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let cycles = match (self.period, self.cycles) {
            (Some(period), cycles) => {
                let period = place.period(&period)?;
                if self.mult == 1.0 {
                    Cycles::Even { period, cycles }
                } else {
                    self.ending(self.growing(period, cycles))
                }
            }
            (None, cycles) => self.ending(self.filling(cycles.unwrap_or(1), place.whole())?),
        };
        Ok(Curve { cycles, decay: self.decay, floor: self.floor })
    }
}

impl CosineRestarts {
    fn ending(&self, ends: Vec<u64>) -> Cycles {
        let peak = |cycle: usize| self.decay.powf(cycle as f64);
        Cycles::Ends(ends.into_iter().enumerate().map(|(cycle, end)| (end, peak(cycle))).collect())
    }

    /// The ends of cycles of which the first is given.
    fn growing(&self, period: NonZeroU64, cycles: Option<u32>) -> Vec<u64> {
        let (mut ends, mut end, mut length) = (Vec::new(), 0.0, period.get() as f64);
        while ends.len() < cycles.unwrap_or(u32::MAX) as usize && end < STEPS_MAX as f64 {
            end += length;
            length *= self.mult;
            ends.push(end.min(STEPS_MAX as f64).round() as u64);
        }
        ends
    }

    /// The ends of cycles that fill a number of steps.
    fn filling(&self, cycles: u32, steps: u64) -> Result<Vec<u64>, InputError> {
        // In parts of the last cycle, so that none is too large to be a number.
        let parts = (0..cycles).map(|cycle| self.mult.powf(-f64::from(cycles - 1 - cycle)));
        let sums: Vec<f64> = parts.scan(0.0, |sum, part| Some(std::mem::replace(sum, *sum + part) + part)).collect();
        let all = sums.last().copied().unwrap_or(1.0);
        let ends: Vec<u64> = sums.iter().map(|sum| (steps as f64 * sum / all).round() as u64).collect();
        if ends.first() == Some(&0) || ends.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(InputError::new(format!(
                "one of the {cycles} cycles has less than one of {steps} optimizer steps"
            ))
            .remedy("give fewer cycles"));
        }
        Ok(ends)
    }
}

impl Curve {
    /// The factor with which the cycle that `t` is in begins, and how much of it has passed; none after the last.
    fn cycle(&self, t: u64, length: u64) -> Option<(f64, f64)> {
        match &self.cycles {
            Cycles::Even { period, cycles } => {
                let (mut cycle, mut passed) = (t / period.get(), t % period.get());
                // Where the schedule ends with a cycle it does not begin another.
                if t >= length && passed == 0 && cycle > 0 {
                    (cycle, passed) = (cycle - 1, period.get());
                }
                let within = cycles.is_none_or(|cycles| cycle < u64::from(cycles));
                let peak = || if self.decay == 1.0 { 1.0 } else { self.decay.powf(cycle as f64) };
                within.then(|| (peak(), passed as f64 / period.get() as f64))
            }
            Cycles::Ends(ends) => {
                // Few ends are ever behind a run: looking at them in turn is mostly faster than halving them all.
                let mut behind = ends.iter().take(FEW).position(|(end, _)| t < *end).unwrap_or(FEW.min(ends.len()));
                if behind == FEW {
                    behind += ends[FEW..].partition_point(|(end, _)| *end <= t);
                }
                let (end, peak) = *ends.get(behind)?;
                let start = behind.checked_sub(1).map_or(0, |last| ends[last].0);
                (t < length || t > start).then(|| (peak, (t - start) as f64 / (end - start) as f64))
            }
        }
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let Some((peak, passed)) = self.cycle(t, length) else { return Setting::rate(self.floor) };
        let height = (1.0 + (PI * passed).cos()) / 2.0;
        Setting::rate(self.floor + (peak - self.floor).max(0.0) * height)
    }
}
