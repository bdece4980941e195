//! Raise the rate while the curve falls, lower it when it does not.

use super::form::{Form, Key, Kind, OVER_OPEN, PER, Place};
use super::rule::{Decision, MONITOR, RuleState, Threshold, below_one, from_zero, lowered, monitor};
use super::{Per, RateSource};
use crate::InputError;
use crate::stop::Monitor;
use crate::text::{Args, Writer, number};
use std::collections::VecDeque;

/// Before it has changed anything a rule multiplies by 1.
pub(super) use super::constant::Curve;

/// `greedy(factor=0.95, patience=10)`: the rate is divided by `factor` after more than `patience` epochs in a row that
/// were better than the best before, and multiplied by it after more than `patience` that were not.
///
/// What counts as better is as for [`super::OnPlateau`], with an absolute threshold by default. After a rise `warmup`
/// epochs, after a fall `cooldown` epochs are not counted. The rate stays between `min` and `max`, and is not changed by
/// `eps` or less. Where it would fall again at `min` for the `reset`th time, everything begins anew at the first rate.
/// With `window` the mean of the last so many values is read.
///
/// It reads the curve and cannot be drawn ahead; a change holds from the next epoch on. Over several folds it reads their
/// mean. A refit replays the recorded rates.
///
/// As transformers' `GreedyLR`, whose limits are 1e-3 and 1 by default, which suits few optimizers: here there are none
/// unless given. From Subramanian and Ganapathiraman, Zeroth Order GreedyLR, 2023, and arXiv:2512.14527.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Greedy {
    /// What the rate is multiplied or divided by, above 0 and below 1.
    pub factor: f64,
    /// Epochs of one sort that may pass without a change.
    pub patience: u32,
    /// What is read.
    pub monitor: Monitor,
    /// By how much an epoch must be better, from 0 up.
    pub threshold: f64,
    /// Whether the threshold is a share of the best value's size, not absolute.
    pub relative: bool,
    /// Epochs after a fall that are not counted.
    pub cooldown: u32,
    /// Epochs after a rise that are not counted.
    pub warmup: u32,
    /// The lowest rate, from 0 up.
    pub min: f64,
    /// The highest rate; none has no limit.
    pub max: Option<f64>,
    /// A change of the rate by so little or less is not made, from 0 up.
    pub eps: f64,
    /// Values whose mean is read, at least 1.
    pub window: u32,
    /// Falls at the lowest rate after which it begins anew; 0 never.
    pub reset: u32,
}

impl Default for Greedy {
    fn default() -> Self {
        Greedy {
            factor: 0.95,
            patience: 10,
            monitor: Monitor::Loss,
            threshold: 1e-6,
            relative: false,
            cooldown: 0,
            warmup: 0,
            min: 0.0,
            max: None,
            eps: 1e-8,
            window: 1,
            reset: 500,
        }
    }
}

impl Form for Greedy {
    const KIND: Kind = Kind {
        name: "greedy",
        formula: "lr·factor^n, n counted down while the curve falls and up while it does not",
        summary: "Raises the rate as long as the validation loss falls, and lowers it when it does not.",
        upstream: &["transformers GreedyLR"],
        example: "greedy(factor=0.9, patience=3)",
        keys: &[
            Key::optional("factor", "0.95", "what the rate is multiplied or divided by, above 0 and below 1"),
            Key::optional("patience", "10", "epochs of one sort that may pass without a change"),
            Key::optional("monitor", "loss", MONITOR),
            Key::optional("threshold", "1e-6", "by how much an epoch must be better to count, from 0 up"),
            Key::optional("mode", "absolute", "the threshold is absolute, or relative to the best value"),
            Key::optional("cooldown", "0", "epochs after a fall that are not counted"),
            Key::optional("warmup", "0", "epochs after a rise that are not counted"),
            Key::optional("min", "0", "the lowest rate"),
            Key::optional("max", "no limit", "the highest rate"),
            Key::optional("eps", "1e-8", "a change by so little is not made"),
            Key::optional("window", "1", "values whose mean is read"),
            Key::optional("reset", "500", "falls at the lowest rate after which it begins anew; 0 never"),
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
        let default = Greedy::default();
        Ok(Greedy {
            factor: args.number("factor")?.unwrap_or(default.factor),
            patience: args.count("patience")?.unwrap_or(default.patience),
            monitor: monitor(args)?.unwrap_or(default.monitor),
            threshold: args.number("threshold")?.unwrap_or(default.threshold),
            relative: args.word("mode", &["absolute", "relative"])? == Some("relative"),
            cooldown: args.count("cooldown")?.unwrap_or(default.cooldown),
            warmup: args.count("warmup")?.unwrap_or(default.warmup),
            min: args.number("min")?.unwrap_or(default.min),
            max: args.number("max")?,
            eps: args.number("eps")?.unwrap_or(default.eps),
            window: args.count("window")?.unwrap_or(default.window),
            reset: args.count("reset")?.unwrap_or(default.reset),
        })
    }

    fn write(&self, text: &mut Writer) {
        let default = Greedy::default();
        text.unless("factor", number(self.factor), number(default.factor))
            .unless("patience", self.patience, default.patience)
            .unless("monitor", self.monitor, default.monitor)
            .unless("threshold", number(self.threshold), number(default.threshold));
        if self.relative {
            text.key("mode", "relative");
        }
        text.unless("cooldown", self.cooldown, default.cooldown).unless("warmup", self.warmup, default.warmup).unless(
            "min",
            number(self.min),
            number(default.min),
        );
        if let Some(max) = self.max {
            text.key("max", number(max));
        }
        text.unless("eps", number(self.eps), number(default.eps)).unless("window", self.window, default.window).unless(
            "reset",
            self.reset,
            default.reset,
        );
    }

    fn check(&self) -> Result<(), InputError> {
        below_one("greedy", self.factor)?;
        for (key, value) in [("threshold", self.threshold), ("min", self.min), ("eps", self.eps)] {
            from_zero("greedy", key, value)?;
        }
        if let Some(max) = self.max.filter(|max| !(max.is_finite() && *max >= self.min && *max > 0.0)) {
            return Err(InputError::new(format!("max of greedy is {}", number(max)))
                .remedy("give a rate above 0 and not below min"));
        }
        if self.window == 0 {
            return Err(InputError::new("window of greedy is 0").remedy("give at least 1"));
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
    rule: Greedy,
    best: Option<f64>,
    good: u32,
    bad: u32,
    /// Epochs that are not counted any more, after a change.
    pause: u32,
    /// Falls at the lowest rate so far.
    falls: u32,
    /// The last values, at most the window.
    values: VecDeque<f64>,
}

impl State {
    pub(super) fn new(rule: Greedy) -> Self {
        State { rule, best: None, good: 0, bad: 0, pause: 0, falls: 0, values: VecDeque::new() }
    }

    fn smoothed(&mut self, value: f64) -> f64 {
        if self.values.len() >= self.rule.window as usize {
            self.values.pop_front();
        }
        self.values.push_back(value);
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    fn raise(&mut self, rate: f64) -> Decision {
        (self.pause, self.good, self.falls) = (self.rule.warmup, 0, 0);
        let raised = rate / self.rule.factor;
        let times = match self.rule.max {
            Some(max) if raised > max => (max / rate).max(1.0),
            _ => 1.0 / self.rule.factor,
        };
        if rate * times - rate > self.rule.eps { Decision::Times(times) } else { Decision::Stay }
    }

    fn lower(&mut self, rate: f64) -> Decision {
        (self.pause, self.bad) = (self.rule.cooldown, 0);
        let times = lowered(rate, self.rule.factor, self.rule.min, self.rule.eps);
        if rate * times.unwrap_or(1.0) <= self.rule.min {
            self.falls += 1;
            if self.rule.reset > 0 && self.falls >= self.rule.reset {
                *self = State::new(self.rule);
                return Decision::Restart;
            }
        }
        times.map_or(Decision::Stay, Decision::Times)
    }
}

impl RuleState for State {
    fn observe(&mut self, value: f64, rate: f64) -> Decision {
        let value = self.smoothed(value);
        if self.pause > 0 {
            self.pause -= 1;
            (self.good, self.bad) = (0, 0);
            return Decision::Stay;
        }
        let threshold = Threshold { amount: self.rule.threshold, relative: self.rule.relative };
        if threshold.better(value, self.best) {
            self.best = Some(value);
            (self.good, self.bad) = (self.good.saturating_add(1), 0);
        } else {
            (self.good, self.bad) = (0, self.bad.saturating_add(1));
        }
        if self.good > self.rule.patience {
            self.raise(rate)
        } else if self.bad > self.rule.patience {
            self.lower(rate)
        } else {
            Decision::Stay
        }
    }

    fn quiet(&self) -> u32 {
        let counted = if self.pause > 0 { 0 } else { self.good.max(self.bad) };
        self.pause.saturating_add(self.rule.patience.saturating_add(1).saturating_sub(counted))
    }
}
