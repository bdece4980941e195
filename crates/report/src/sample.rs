//! Results made up for tests.

use opportune_core::memory::{FoldResult, TrialResult};
use opportune_core::observation::{Observation, Scored};
use opportune_core::plan::Part;
use opportune_core::ports::Ending;
use opportune_core::space::{Config, Value};
use opportune_core::stop::Stopped;

/// An epoch with a loss and a score; validation is a little worse than training.
pub(crate) fn epoch(epoch: u32, loss: f64, score: f64) -> Observation {
    Observation {
        epoch,
        step: u64::from(epoch) * 7,
        rate: 0.01,
        momentum: None,
        train_loss: loss,
        penalty: 0.0,
        train_score: score,
        validation: Some(Scored { loss: loss * 1.1, score }),
        averaged: None,
        blocks: None,
        seconds: 0.5,
    }
}

/// A fold that went through these losses and scores.
pub(crate) fn fold(number: u32, stopped: Stopped, chosen: u32, curve: &[(f64, f64)]) -> FoldResult {
    let observe = |(index, (loss, score)): (usize, &(f64, f64))| epoch(index as u32 + 1, *loss, *score);
    let curve: Vec<Observation> = curve.iter().enumerate().map(observe).collect();
    let epochs = curve.len() as u32;
    FoldResult { ending: Ending { trial: 0, part: Part::Fold(number), stage: 0, stopped, epochs, chosen }, curve }
}

/// The same without validation rows.
pub(crate) fn unvalidated(mut fold: FoldResult) -> FoldResult {
    fold.ending.part = Part::Whole;
    fold.curve.iter_mut().for_each(|one| one.validation = None);
    fold
}

/// A trial with these settings and folds.
pub(crate) fn trial(trial: u32, config: &[(&str, Value)], mut folds: Vec<FoldResult>) -> TrialResult {
    folds.iter_mut().for_each(|fold| fold.ending.trial = trial);
    let config = Config::from_iter(config.iter().map(|(name, value)| (name.to_string(), value.clone())));
    TrialResult { trial, config, folds }
}

/// A value.
pub(crate) fn number(value: f64) -> Value {
    Value::Number(value)
}

/// A value.
pub(crate) fn count(value: u32) -> Value {
    Value::Count(value)
}

/// A value.
pub(crate) fn word(value: &str) -> Value {
    Value::Text(value.to_string())
}

/// A smooth curve of `epochs` epochs that falls from 2.3 by `speed` an epoch towards `floor`.
pub(crate) fn falling(epochs: u32, speed: f64, floor: f64) -> Vec<(f64, f64)> {
    let at = |epoch: u32| {
        let left = (-speed * f64::from(epoch)).exp();
        (floor + (2.3 - floor) * left, 1.0 - floor - (0.9 - floor) * left)
    };
    (1..=epochs).map(at).collect()
}
