//! A power of what is left.

use super::form::{CurveAt, Extent, Form, Key, Kind, OVER, PER, Place, check_factor, check_positive, share};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Writer, number};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `polynomial(power=1, to=0)`: `lr · (to + (1 − to) · (1 − t/over)^power)`.
///
/// Clock: per epoch. Begins at `lr`; at `t = over` and after it the factor is `to`.
///
/// With `cycle=true, first=10` it begins again whenever it has come down: the decay is stretched to the next whole multiple
/// of `first`, `N = first · max(1, ⌈t/first⌉)`, and `over` only says how long that goes on (without end unless given). It
/// comes down to `to` at every multiple of `first` and is higher right after it.
///
/// As PyTorch's `PolynomialLR`, Keras's `PolynomialDecay` (`cycle` is its own, `first` its `decay_steps`), Paddle's
/// `PolynomialDecay`, optax's `polynomial_schedule`, transformers' `get_polynomial_decay_schedule_with_warmup` after its
/// warm-up, timm's `PolyLRScheduler`, MXNet's `PolyScheduler` (power 2). A length of 0 is refused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    /// The power, above 0.
    pub power: f64,
    /// The factor at the end, at least 0.
    pub to: f64,
    /// The first length of a decay that begins again; none if it does not.
    pub cycle: Option<Length>,
}

const POWER: f64 = 1.0;
const TO: f64 = 0.0;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    power: f64,
    to: f64,
    /// Steps.
    cycle: Option<NonZeroU64>,
}

impl Form for Polynomial {
    const KIND: Kind = Kind {
        name: "polynomial",
        summary: "A power of the share that is left, down to a factor of the base rate.",
        formula: "lr·(to + (1 − to)·(1 − t/over)^power)",
        keys: &[
            Key::optional("power", "1", "the power, above 0"),
            Key::optional("to", "0", "the factor at the end, at least 0"),
            Key::optional("cycle", "false", "whether it begins again, each time stretched by first: true or false"),
            Key::optional("first", "needed by cycle", "cycle: the first length"),
            OVER,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: true,
        upstream: &[
            "torch PolynomialLR",
            "keras PolynomialDecay",
            "paddle PolynomialDecay",
            "optax polynomial_schedule",
            "transformers get_polynomial_decay_schedule_with_warmup",
            "timm PolyLRScheduler",
            "mxnet PolyScheduler",
        ],
        example: "polynomial(power=2, to=0.01)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let first = args.length("first")?;
        let cycle = match args.flag("cycle")? {
            Some(true) => Some(args.need("first", first)?),
            _ if first.is_some() => {
                let call = args.call();
                return Err(call
                    .error(call.name_at, "polynomial has first with cycle=true only")
                    .remedy("add cycle=true, or give the length as over"));
            }
            _ => None,
        };
        Ok(Polynomial { power: args.number("power")?.unwrap_or(POWER), to: args.number("to")?.unwrap_or(TO), cycle })
    }

    fn write(&self, text: &mut Writer) {
        if self.power != POWER {
            text.key("power", number(self.power));
        }
        if self.to != TO {
            text.key("to", number(self.to));
        }
        if let Some(first) = self.cycle {
            text.key("cycle", true).key("first", first);
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_positive("power", "polynomial", self.power)?;
        check_factor("to", "polynomial", self.to)
    }

    fn lengths(&self) -> Vec<Extent> {
        self.cycle.into_iter().map(Extent::period).collect()
    }

    fn needs_length(&self) -> bool {
        self.cycle.is_none()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let cycle = self.cycle.map(|first| place.period(&first)).transpose()?;
        Ok(Curve { power: self.power, to: self.to, cycle })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, length: u64) -> Setting {
        let passed = match self.cycle {
            None => share(t, length),
            // Whole cycles are counted in integers: at a multiple of the first length it is down exactly.
            Some(first) => (t as f64 / (t.div_ceil(first.get()).max(1) as f64 * first.get() as f64)).min(1.0),
        };
        let left = 1.0 - passed;
        let left = if self.power == 1.0 { left } else { left.powf(self.power) };
        Setting::rate(if passed == 1.0 { self.to } else { self.to + (1.0 - self.to) * left })
    }

    fn highest(&self, _: u64) -> f64 {
        self.to.max(1.0)
    }
}
