//! Lower the rate where training would stop as converged.

use super::form::{Form, Key, Kind, OVER_OPEN, PER, Place};
use super::rule::{Decision, MONITOR, RuleState, below_one, from_zero, monitor};
use super::{Per, RateSource};
use crate::InputError;
use crate::stop::Monitor;
use crate::text::{Args, Writer, number};

/// Before it has changed anything a rule multiplies by 1.
pub(super) use super::constant::Curve;

/// `adaptive(factor=0.2, tol=1e-4, patience=10)`: scikit-learn's `learning_rate="adaptive"`.
///
/// When `monitor` has failed to fall by `tol` below the best so far in more than `patience` epochs in a row, the rate is
/// multiplied by `factor`; where it is `min` or lower already, training ends there as converged. By default the training
/// loss with its penalty is read, so that no validation rows are needed. It brings the rule of `--tol` with it.
///
/// It reads the curve and cannot be drawn ahead; a change holds from the next epoch on. In a grid each fold, and the
/// refit, adapts by itself when it reads the training loss, as scikit-learn does; else the mean over folds is read, and a
/// refit replays the recorded rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptive {
    /// What the rate is multiplied by, above 0 and below 1.
    pub factor: f64,
    /// By how much an epoch must be better to count, from 0 up.
    pub tol: f64,
    /// Epochs that may pass without getting better by that: scikit-learn's `n_iter_no_change`.
    pub patience: u32,
    /// The rate from which on training ends instead, from 0 up.
    pub min: f64,
    /// What is read.
    pub monitor: Monitor,
}

impl Default for Adaptive {
    fn default() -> Self {
        Adaptive { factor: 0.2, tol: 1e-4, patience: 10, min: 1e-6, monitor: Monitor::TrainingLoss }
    }
}

impl Form for Adaptive {
    const KIND: Kind = Kind {
        name: "adaptive",
        formula: "lr·factor^n, n counted up when the loss has not fallen by tol for more than patience epochs",
        summary: "Divides the rate by five whenever the training loss stops falling, until it is too low to go on.",
        upstream: &["scikit-learn learning_rate=\"adaptive\""],
        example: "adaptive(patience=5)",
        keys: &[
            Key::optional("factor", "0.2", "what the rate is multiplied by, above 0 and below 1"),
            Key::optional("tol", "1e-4", "by how much an epoch must be better to count, from 0 up"),
            Key::optional("patience", "10", "epochs that may pass without getting better"),
            Key::optional("min", "1e-6", "the rate from which on training ends instead"),
            Key::optional("monitor", "training_loss", MONITOR),
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
        let default = Adaptive::default();
        Ok(Adaptive {
            factor: args.number("factor")?.unwrap_or(default.factor),
            tol: args.number("tol")?.unwrap_or(default.tol),
            patience: args.count("patience")?.unwrap_or(default.patience),
            min: args.number("min")?.unwrap_or(default.min),
            monitor: monitor(args)?.unwrap_or(default.monitor),
        })
    }

    fn write(&self, text: &mut Writer) {
        let default = Adaptive::default();
        text.unless("factor", number(self.factor), number(default.factor))
            .unless("tol", number(self.tol), number(default.tol))
            .unless("min", number(self.min), number(default.min))
            .unless("patience", self.patience, default.patience)
            .unless("monitor", self.monitor, default.monitor);
    }

    fn check(&self) -> Result<(), InputError> {
        below_one("adaptive", self.factor)?;
        from_zero("adaptive", "tol", self.tol)?;
        from_zero("adaptive", "min", self.min)
    }

    fn curve(&self, _: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve {})
    }
}

/// The rule at work.
#[derive(Debug, Clone)]
pub(super) struct State {
    rule: Adaptive,
    best: f64,
    flat: u32,
}

impl State {
    pub(super) fn new(rule: Adaptive) -> Self {
        State { rule, best: f64::INFINITY, flat: 0 }
    }
}

impl RuleState for State {
    fn observe(&mut self, value: f64, rate: f64) -> Decision {
        // What is not a number resets the count, as in scikit-learn.
        self.flat = if value > self.best - self.rule.tol { self.flat.saturating_add(1) } else { 0 };
        self.best = self.best.min(value);
        if self.flat <= self.rule.patience {
            return Decision::Stay;
        }
        if rate <= self.rule.min {
            return Decision::Stop;
        }
        self.flat = 0;
        Decision::Times(self.rule.factor)
    }

    fn quiet(&self) -> u32 {
        self.rule.patience.saturating_add(1).saturating_sub(self.flat)
    }
}
