//! Up to a high rate and down to a very low one, once.

use super::form::{
    CurveAt, Extent, Form, Key, Kind, OVER, PER_STEP, Place, check_momentum, check_positive, check_rate, write_momentum,
};
use super::shape::{SYMMETRIC, Shape};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Length, Unit, Writer, number};
use serde::{Deserialize, Serialize};

/// `one_cycle(max, div=25, final_div=1e4, up=30%, shape=cosine, phases=two, ends=last)`: from `max/div` up to `max` and down to
/// `max/(div · final_div)`. The rates are the schedule's own; there is no base rate to multiply.
///
/// With `phases=two` the fall goes from `max` to the end at once; with `phases=three` it goes to `max/div` over as long as the
/// rise took, and from there to the end. `ends=last` gives the last of `over`'s `N` steps the final rate, so that the phases end
/// at the steps `up · N − 1` (`2 · up · N − 2`) and `N − 1`; with `ends=after` the step after the last would have it, and they
/// end at `up · N` (`2 · up · N`) and `N`. `momentum=0.85..0.95` cycles the momentum (β1 of Adam-like optimizers) the other
/// way: from high to low, and back over the phase after that.
///
/// Clock: per step; `per=epoch` holds the same curve. A share of `up` is one of `over`. Where the end is reached, and after it,
/// the final rate holds, whatever the phases; a phase of no width is passed over, so that any `up` and any number of steps
/// will do: `up=0` begins at `max`, `up=100%` rises until the last step.
///
/// As PyTorch's `OneCycleLR` (`max_lr`, `div_factor`, `final_div_factor`, `pct_start`, `anneal_strategy`, `three_phase`), which
/// divides by zero at a phase of no width and refuses steps after the end; with `ends=after` as optax's
/// `cosine_onecycle_schedule` and fastai's `fit_one_cycle`. From Smith and Topin, Super-Convergence, arXiv:1708.07120.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycle {
    /// The highest rate, above 0.
    pub max: f64,
    /// The first rate is `max` divided by this; above 0.
    pub div: f64,
    /// The final rate is the first divided by this; above 0.
    pub final_div: f64,
    /// The length of the rise; may be 0.
    pub up: Length,
    /// Cosine unless given, or linear.
    pub shape: Shape,
    /// Whether it comes back to the first rate before it goes on to the final one.
    pub three: bool,
    /// Where the final rate is reached.
    pub ends: Ends,
    /// The lowest and the highest momentum, at least 0 and below 1; none leaves it alone.
    pub momentum: Option<(f64, f64)>,
}

/// Where the final rate is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// At the last step.
    Last,
    /// At the step after the last.
    After,
}

const DIV: f64 = 25.0;
const FINAL_DIV: f64 = 1e4;
const UP: Length = Length { number: 30.0, unit: Unit::Percent };

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    first: f64,
    max: f64,
    last: f64,
    /// Where the phases end, in steps, not rounded; none below 0, and each at least the one before. Of two phases the second
    /// has no width.
    ends: [f64; 3],
    shape: Shape,
    momentum: Option<(f64, f64)>,
}

impl Form for OneCycle {
    const KIND: Kind = Kind {
        name: "one_cycle",
        summary: "Once from a low rate up to the highest, and down to a very low one.",
        formula: "max/div up to max over up, then down to max/(div·final_div)",
        keys: &[
            Key::needed("max", "the highest rate, above 0"),
            Key::optional("div", "25", "max/div is the first rate; above 0"),
            Key::optional("final_div", "1e4", "the first rate divided by it is the final one; above 0"),
            Key::optional("up", "30%", "the rise: a length, its shares of over"),
            Key::optional("shape", "cosine", "cosine or linear"),
            Key::optional("phases", "two", "two, or three: back to the first rate, then on to the final one"),
            Key::optional("momentum", "left alone", "lowest..highest momentum (or β1), at least 0 and below 1"),
            Key::optional("ends", "last", "the step that has the final rate: last, or after the last"),
            OVER,
            PER_STEP,
        ],
        positional: None,
        rate: RateSource::Own,
        clock: Per::Step,
        needs_length: true,
        upstream: &["torch OneCycleLR", "fastai fit_one_cycle", "optax cosine_onecycle_schedule", "paddle OneCycleLR"],
        example: "one_cycle(max=0.1)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        Ok(OneCycle {
            max: args.need("max", args.number("max")?)?,
            div: args.number("div")?.unwrap_or(DIV),
            final_div: args.number("final_div")?.unwrap_or(FINAL_DIV),
            up: args.length("up")?.unwrap_or(UP),
            shape: Shape::read(args, "shape", SYMMETRIC, Shape::Cosine)?,
            three: args.word("phases", &["two", "three"])? == Some("three"),
            ends: if args.word("ends", &["last", "after"])? == Some("after") { Ends::After } else { Ends::Last },
            momentum: args.range("momentum")?,
        })
    }

    fn write(&self, text: &mut Writer) {
        text.key("max", number(self.max));
        for (key, value, default) in [("div", self.div, DIV), ("final_div", self.final_div, FINAL_DIV)] {
            if value != default {
                text.key(key, number(value));
            }
        }
        if self.up != UP {
            text.key("up", self.up);
        }
        self.shape.write("shape", Shape::Cosine, text);
        if self.three {
            text.key("phases", "three");
        }
        write_momentum(self.momentum, text);
        if self.ends == Ends::After {
            text.key("ends", "after");
        }
    }

    fn check(&self) -> Result<(), InputError> {
        check_rate("max of one_cycle", self.max)?;
        check_positive("div", "one_cycle", self.div)?;
        check_positive("final_div", "one_cycle", self.final_div)?;
        let (first, last) = self.low();
        if !(first.is_finite() && last.is_finite()) {
            return Err(InputError::new("the lowest rates of one_cycle are too large to be numbers")
                .remedy("give a larger div and final_div"));
        }
        self.shape.check_symmetric("one_cycle")?;
        check_momentum("one_cycle", self.momentum)
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::part(self.up)]
    }

    fn cycles_momentum(&self) -> bool {
        self.momentum.is_some()
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let (up, whole) = (place.part(&self.up), place.whole() as f64);
        let (most, half) = if self.three { (whole / 2.0, "half of ") } else { (whole, "") };
        if up > most {
            return Err(InputError::new(format!(
                "up of one_cycle is {}, more than {half}its {}",
                place.words(up),
                place.words(whole)
            ))
            .remedy("shorten it"));
        }
        let step = if self.ends == Ends::Last { 1.0 } else { 0.0 };
        let end = whole - step;
        let top = (up - step).clamp(0.0, end);
        let back = if self.three { (2.0 * up - 2.0 * step).clamp(top, end) } else { top };
        let (first, last) = self.low();
        Ok(Curve { first, max: self.max, last, ends: [top, back, end], shape: self.shape, momentum: self.momentum })
    }
}

impl OneCycle {
    /// The first rate and the final one.
    fn low(&self) -> (f64, f64) {
        let first = self.max / self.div;
        (first, first / self.final_div)
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let (step, [top, back, end]) = (t as f64, self.ends);
        let three = back > top;
        let (low, high) = self.momentum.unwrap_or((0.0, 0.0));
        let between = |start: f64, end: f64, rates: (f64, f64), momenta: (f64, f64)| {
            let passed = if end > start { ((step - start) / (end - start)).min(1.0) } else { 1.0 };
            (self.shape.between(rates.0, rates.1, passed), self.shape.between(momenta.0, momenta.1, passed))
        };
        let (rate, momentum) = if step >= end {
            (self.last, high)
        } else if step <= top {
            between(0.0, top, (self.first, self.max), (high, low))
        } else if three && step <= back {
            between(top, back, (self.max, self.first), (low, high))
        } else if three {
            between(back, end, (self.first, self.last), (high, high))
        } else {
            between(top, end, (self.max, self.last), (low, high))
        };
        Setting { rate, momentum: self.momentum.map(|_| momentum) }
    }

    fn highest(&self, _: u64) -> f64 {
        self.max.max(self.first).max(self.last)
    }
}
