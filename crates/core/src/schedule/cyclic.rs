//! Up and down between two rates.

use super::form::{
    CurveAt, EPOCH, Extent, Form, Key, Kind, OVER_OPEN, PER, Place, check_gamma, check_momentum, check_rate,
    write_momentum,
};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `cyclic(base, max, up, down=up, mode=triangular)`: `base + (max − base) · s · k`.
///
/// In each cycle of `up + down` the height `s` rises from 0 to 1 over `up` and falls back to 0 over `down`. The scale `k` is
/// 1 (`triangular`), half of that of the cycle before (`triangular2`), or `gamma^(t/every)` (`exp_range`). The rates are the
/// schedule's own; there is no base rate to multiply. `momentum=0.8..0.9` cycles the momentum (β1 of Adam-like optimizers)
/// the other way: `high − (high − low) · s · k`.
///
/// Clock: per epoch, so that `up=20` means 20 epochs. With `per=step` the same lines are followed at every step. Begins at
/// `base`; reaches `max` at `t = up` exactly; goes on for as long as it is asked unless `over` ends it, after which it holds
/// the value there.
///
/// As PyTorch's `CyclicLR`, whose clock is that of its `step()` calls: `up`, `down` and `every=1 step` in steps together with
/// `per=step` for one call per batch. A length of 0 is refused for both. From Smith, Cyclical Learning Rates for Training
/// Neural Networks, arXiv:1506.01186.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cyclic {
    /// The lowest rate, above 0.
    pub base: f64,
    /// The highest rate of the first cycle, at least `base`.
    pub max: f64,
    /// The length of the rise.
    pub up: Length,
    /// The length of the fall; as `up` if none.
    pub down: Option<Length>,
    /// How the height changes from cycle to cycle.
    pub mode: Mode,
    /// The lowest and the highest momentum, at least 0 and below 1; none leaves it alone.
    pub momentum: Option<(f64, f64)>,
}

/// How the height of a [`Cyclic`] schedule changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// Not at all.
    Triangular,
    /// Each cycle has half the height of the one before.
    Triangular2,
    /// The height falls as `gamma^(t/every)`.
    ExpRange {
        /// The factor for each period, above 0 and at most 1.
        gamma: f64,
        /// The period; one epoch unless given.
        every: Length,
    },
}

/// The resolved form. Lengths are in steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    base: f64,
    max: f64,
    up: u64,
    cycle: NonZeroU64,
    scale: Scale,
    momentum: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scale {
    Same,
    Halved,
    Decayed { gamma: f64, every: NonZeroU64 },
}

const MODES: [&str; 3] = ["triangular", "triangular2", "exp_range"];

impl Form for Cyclic {
    const KIND: Kind = Kind {
        name: "cyclic",
        summary: "Up and down between two rates, again and again.",
        formula: "base + (max − base)·s·k, s up from 0 to 1 and down again, k = 1, 2^−cycle or gamma^(t/every)",
        keys: &[
            Key::needed("base", "the lowest rate, above 0"),
            Key::needed("max", "the highest rate, at least base"),
            Key::needed("up", "the rise: a length"),
            Key::optional("down", "as up", "the fall: a length"),
            Key::optional("mode", "triangular", "triangular, triangular2 or exp_range"),
            Key::optional("gamma", "needed by exp_range", "exp_range: the factor of the height for each period"),
            Key::optional("every", "1", "exp_range: the period, a length"),
            Key::optional("momentum", "left alone", "lowest..highest momentum (or β1), at least 0 and below 1"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Own,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["torch CyclicLR", "paddle CyclicLR"],
        example: "cyclic(base=1e-4, max=1e-2, up=10, mode=triangular2)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let (gamma, every) = (args.number("gamma")?, args.length("every")?);
        let mode = match args.word("mode", &MODES)? {
            Some("exp_range") => Mode::ExpRange { gamma: args.need("gamma", gamma)?, every: every.unwrap_or(EPOCH) },
            mode => {
                if gamma.is_some() || every.is_some() {
                    let call = args.call();
                    return Err(call
                        .error(call.name_at, "cyclic has gamma and every with mode=exp_range only")
                        .remedy("add the mode or leave them out"));
                }
                if mode == Some("triangular2") { Mode::Triangular2 } else { Mode::Triangular }
            }
        };
        Ok(Cyclic {
            base: args.need("base", args.number("base")?)?,
            max: args.need("max", args.number("max")?)?,
            up: args.need("up", args.length("up")?)?,
            down: args.length("down")?,
            mode,
            momentum: args.range("momentum")?,
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("base", number(self.base)).key("max", number(self.max)).key("up", self.up);
        if let Some(down) = self.down {
            text.key("down", down);
        }
        match self.mode {
            Mode::Triangular => {}
            Mode::Triangular2 => {
                text.key("mode", "triangular2");
            }
            Mode::ExpRange { gamma, every } => {
                text.key("mode", "exp_range").key("gamma", number(gamma));
                if every != EPOCH {
                    text.key("every", every);
                }
            }
        }
        write_momentum(self.momentum, text);
    }

    fn check(&self) -> Result<(), InputError> {
        check_rate("base of cyclic", self.base)?;
        check_rate("max of cyclic", self.max)?;
        if self.max < self.base {
            return Err(InputError::new(format!(
                "max of cyclic is {}, below its base of {}",
                number(self.max),
                number(self.base)
            ))
            .remedy("exchange them"));
        }
        if let Mode::ExpRange { gamma, .. } = self.mode {
            check_gamma("cyclic", gamma)?;
        }
        check_momentum("cyclic", self.momentum)
    }

    fn lengths(&self) -> Vec<Extent> {
        let every = match self.mode {
            Mode::ExpRange { every, .. } => Some(every),
            _ => None,
        };
        [Some(self.up), self.down, every].into_iter().flatten().map(Extent::period).collect()
    }

    fn cycles_momentum(&self) -> bool {
        self.momentum.is_some()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let up = place.period(&self.up)?;
        let down = place.period(&self.down.unwrap_or(self.up))?;
        let scale = match self.mode {
            Mode::Triangular => Scale::Same,
            Mode::Triangular2 => Scale::Halved,
            Mode::ExpRange { gamma, every } => Scale::Decayed { gamma, every: place.period(&every)? },
        };
        Ok(Curve {
            base: self.base,
            max: self.max,
            up: up.get(),
            cycle: up.saturating_add(down.get()),
            scale,
            momentum: self.momentum,
        })
    }
}

impl CurveAt for Curve {
    fn highest(&self, _: u64) -> f64 {
        self.max
    }

    fn at(&self, t: u64, _: u64) -> Setting {
        // Cycles are counted in whole steps: by fractions the last bits grow with the number of cycles.
        let (cycles, place) = (t / self.cycle, t % self.cycle);
        let height = if place < self.up {
            place as f64 / self.up as f64
        } else {
            let down = self.cycle.get().saturating_sub(self.up).max(1);
            self.cycle.get().saturating_sub(place) as f64 / down as f64
        };
        let scale = match self.scale {
            Scale::Same => 1.0,
            Scale::Halved => 0.5f64.powf(cycles as f64),
            Scale::Decayed { gamma, every } => gamma.powf(t as f64 / every.get() as f64),
        };
        let height = height * scale;
        Setting {
            rate: self.base + (self.max - self.base) * height,
            momentum: self.momentum.map(|(low, high)| high - (high - low) * height),
        }
    }
}
