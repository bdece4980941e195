//! Lower the rate when the curve no longer falls.

use super::form::{Form, Key, Kind, OVER_OPEN, PER, Place};
use super::rule::{Decision, MONITOR, RuleState, Threshold, below_one, from_zero, lowered, monitor};
use super::{Per, RateSource};
use crate::InputError;
use crate::stop::Monitor;
use crate::text::{Args, Writer, number};

/// Before it has changed anything a rule multiplies by 1.
pub(super) use super::constant::Curve;

/// `on_plateau(factor=0.1, patience=10)`: the rate is multiplied by `factor` when `monitor` has not become better for a
/// while.
///
/// An epoch is *better* if its value is below the best one so far by more than `threshold`: by that share of the best one's
/// size (`relative`), or by that much (`absolute`). Values may be negative, and a score that is better when it is higher is
/// read the other way round. With `like=torch` (the default) the rate falls after more than `patience` epochs in a row
/// that were not better; for `cooldown` epochs after that none is counted. With `like=keras` it falls after `patience` of
/// them, and the last epoch of a cooldown is counted again. The rate does not fall below `min`, nor by `eps` or less.
///
/// It reads the curve and cannot be drawn ahead. Multiplies the learning rate, or in a chain what stands beside it; as
/// the last of a sequence it begins to read where it begins. Without changes the factor is 1, and a change holds from the
/// next epoch on. Over several folds it reads their mean. A refit replays the recorded rates.
///
/// As PyTorch's and Keras's `ReduceLROnPlateau`, whose relative threshold lets a negative metric rise
/// (<https://github.com/pytorch/pytorch/issues/47513>).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnPlateau {
    /// What the rate is multiplied by, above 0 and below 1.
    pub factor: f64,
    /// Epochs that may pass without getting better.
    pub patience: u32,
    /// What is read.
    pub monitor: Monitor,
    /// By how much an epoch must be better, from 0 up.
    pub threshold: f64,
    /// Whether the threshold is a share of the best value's size, not absolute.
    pub relative: bool,
    /// Epochs after a change that are not counted.
    pub cooldown: u32,
    /// The lowest rate, from 0 up.
    pub min: f64,
    /// A change of the rate by so little or less is not made, from 0 up.
    pub eps: f64,
    /// Whether it counts as Keras does.
    pub keras: bool,
}

impl Default for OnPlateau {
    fn default() -> Self {
        OnPlateau {
            factor: 0.1,
            patience: 10,
            monitor: Monitor::Loss,
            threshold: 1e-4,
            relative: true,
            cooldown: 0,
            min: 0.0,
            eps: 1e-8,
            keras: false,
        }
    }
}

impl Form for OnPlateau {
    const KIND: Kind = Kind {
        name: "on_plateau",
        formula: "lr·factor^n, n counted up when the curve has not fallen for more than patience epochs",
        summary: "Lowers the rate whenever the validation loss stops falling.",
        upstream: &[
            "torch ReduceLROnPlateau",
            "Keras ReduceLROnPlateau",
            "optax contrib.reduce_on_plateau",
            "timm PlateauLRScheduler",
            "Paddle ReduceOnPlateau",
        ],
        example: "on_plateau(factor=0.5, patience=5)",
        keys: &[
            Key::optional("factor", "0.1", "what the rate is multiplied by, above 0 and below 1"),
            Key::optional("patience", "10", "epochs that may pass without getting better"),
            Key::optional("monitor", "loss", MONITOR),
            Key::optional("threshold", "1e-4", "by how much an epoch must be better to count, from 0 up"),
            Key::optional("mode", "relative", "the threshold is relative to the best value, or absolute"),
            Key::optional("cooldown", "0", "epochs after a change that are not counted"),
            Key::optional("min", "0", "the lowest rate"),
            Key::optional("eps", "1e-8", "a change by so little is not made"),
            Key::optional("like", "torch", "count as torch or as keras"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let default = OnPlateau::default();
        Ok(OnPlateau {
            factor: args.number("factor")?.unwrap_or(default.factor),
            patience: args.count("patience")?.unwrap_or(default.patience),
            monitor: monitor(args)?.unwrap_or(default.monitor),
            threshold: args.number("threshold")?.unwrap_or(default.threshold),
            relative: args.word("mode", &["relative", "absolute"])? != Some("absolute"),
            cooldown: args.count("cooldown")?.unwrap_or(default.cooldown),
            min: args.number("min")?.unwrap_or(default.min),
            eps: args.number("eps")?.unwrap_or(default.eps),
            keras: args.word("like", &["torch", "keras"])? == Some("keras"),
        })
    }

    fn write(&self, text: &mut Writer) {
        let default = OnPlateau::default();
        text.unless("factor", number(self.factor), number(default.factor))
            .unless("patience", self.patience, default.patience)
            .unless("monitor", self.monitor, default.monitor)
            .unless("threshold", number(self.threshold), number(default.threshold));
        if !self.relative {
            text.key("mode", "absolute");
        }
        text.unless("cooldown", self.cooldown, default.cooldown)
            .unless("min", number(self.min), number(default.min))
            .unless("eps", number(self.eps), number(default.eps));
        if self.keras {
            text.key("like", "keras");
        }
    }

    fn check(&self) -> Result<(), InputError> {
        below_one("on_plateau", self.factor)?;
        for (key, value) in [("threshold", self.threshold), ("min", self.min), ("eps", self.eps)] {
            from_zero("on_plateau", key, value)?;
        }
        Ok(())
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve {})
    }
}

/// The rule at work.
#[derive(Debug, Clone)]
pub(super) struct State {
    rule: OnPlateau,
    best: Option<f64>,
    /// Epochs in a row that were not better.
    bad: u32,
    /// Epochs of the cooldown that are left.
    cooldown: u32,
}

impl State {
    pub(super) fn new(rule: OnPlateau) -> Self {
        State { rule, best: None, bad: 0, cooldown: 0 }
    }

    fn better(&mut self, value: f64) -> bool {
        let better = Threshold { amount: self.rule.threshold, relative: self.rule.relative }.better(value, self.best);
        if better {
            self.best = Some(value);
        }
        better
    }

    fn fire(&mut self, rate: f64) -> Decision {
        (self.cooldown, self.bad) = (self.rule.cooldown, 0);
        lowered(rate, self.rule.factor, self.rule.min, self.rule.eps).map_or(Decision::Stay, Decision::Times)
    }
}

impl RuleState for State {
    fn observe(&mut self, value: f64, rate: f64) -> Decision {
        if self.rule.keras {
            // A cooldown is counted down first, so that its last epoch counts again.
            if self.cooldown > 0 {
                self.cooldown -= 1;
                self.bad = 0;
            }
            if self.better(value) {
                self.bad = 0;
            } else if self.cooldown == 0 {
                self.bad = self.bad.saturating_add(1);
                if self.bad >= self.rule.patience {
                    return self.fire(rate);
                }
            }
            return Decision::Stay;
        }
        self.bad = if self.better(value) { 0 } else { self.bad.saturating_add(1) };
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.bad = 0;
        }
        if self.bad > self.rule.patience { self.fire(rate) } else { Decision::Stay }
    }

    fn quiet(&self) -> u32 {
        let bad = if self.cooldown > 0 { 0 } else { self.bad };
        let (cooldown, patience) = match self.rule.keras {
            true => (self.cooldown.saturating_sub(1), self.rule.patience),
            false => (self.cooldown, self.rule.patience.saturating_add(1)),
        };
        cooldown.saturating_add(patience.saturating_sub(bad))
    }
}
