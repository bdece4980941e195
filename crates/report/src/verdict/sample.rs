//! Searches made up for tests: curves with the shape of real ones, from a formula.

use super::{Cost, Finalist, Found};
use crate::sample::{count, epoch, number, trial, word};
use opportune_core::epochs::{EpochsTable, ladder};
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::{FoldResult, TrialResult};
use opportune_core::observation::{Observation, Scored};
use opportune_core::plan::Part;
use opportune_core::ports::Ending;
use opportune_core::range_test::{RangeTest, RatePoint};
use opportune_core::score::Score;
use opportune_core::space::{Param, Space, Value};
use opportune_core::stop::Stopped;

pub(crate) const COOLDOWN: &str = "sequence(constant(), cooldown(20%))";
/// Rates of the trials, and how far each was trained.
pub(crate) const TRUNKS: [(f64, u32); 8] =
    [(0.0005, 1), (0.001, 8), (0.002, 55), (0.004, 144), (0.008, 21), (0.016, 8), (0.032, 3), (0.064, 3)];

/// How losses behave.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Of the loss, where it ends.
    pub(crate) floor: f64,
    /// How much the loss rises in each epoch past the 60th.
    pub(crate) overfits: f64,
    pub(crate) folds: u32,
    pub(crate) score: fn(f64) -> f64,
}

pub(crate) const SHAPE: Shape = Shape { floor: 0.1, overfits: 2e-5, folds: 5, score: |loss| 1.0 - 0.3 * loss };

impl Shape {
    /// Loss after `epochs` at a constant rate, before noise.
    fn loss(&self, rate: f64, epochs: u32) -> f64 {
        let fallen = (1.0 + 250.0 * rate * f64::from(epochs)).powi(-2);
        self.floor + (2.3 - self.floor) * fallen + self.overfits * f64::from(epochs.saturating_sub(60))
    }

    /// An epoch at a rate; `noise` is the rate that keeps it from settling.
    fn at(&self, fold: u32, rate: f64, noise: f64, epochs: u32) -> Observation {
        // What folds do not agree on, so that differences have an error.
        let apart = f64::from(epochs.wrapping_mul(2_654_435_761).wrapping_add(fold * 40_503 * 77) >> 16 & 127) / 127.0;
        let loss = self.loss(rate, epochs) + 0.004 * f64::from(fold) + 0.02 * apart;
        let of = |loss: f64| Scored { loss, score: (self.score)(loss) };
        Observation {
            rate,
            validation: Some(of(loss + 3.0 * noise * (1.0 + apart))),
            averaged: (epochs >= 4).then(|| of(loss + noise)),
            ..epoch(epochs, loss * 0.9, (self.score)(loss * 0.9))
        }
    }

    fn folds(&self, stopped: Stopped, curve: impl Fn(u32) -> Vec<Observation>) -> Vec<FoldResult> {
        let one = |number: u32| {
            let curve = curve(number);
            let epochs = curve.len() as u32;
            let part = Part::Fold(number);
            FoldResult { ending: Ending { trial: 0, part, stage: 0, stopped, epochs, chosen: epochs }, curve }
        };
        (0..self.folds).map(one).collect()
    }

    pub(crate) fn trunk(&self, number: u32, settings: &[(&str, Value)], rate: f64, epochs: u32) -> TrialResult {
        let curve = |fold: u32| (1..=epochs).map(|epoch| self.at(fold, rate, rate, epoch)).collect();
        trial(number, settings, self.folds(Stopped::Complete, curve))
    }

    /// A trunk that explodes after `epochs`.
    pub(crate) fn gone(&self, number: u32, settings: &[(&str, Value)], rate: f64, epochs: u32) -> TrialResult {
        let curve = |fold: u32| {
            let mut curve: Vec<Observation> = (1..=epochs).map(|one| self.at(fold, rate, rate, one)).collect();
            let last = curve.len() - 1;
            curve[last].validation = Some(Scored { loss: f64::NAN, score: f64::NAN });
            curve[last].averaged = None;
            curve
        };
        trial(number, settings, self.folds(Stopped::Diverged, curve))
    }

    /// The cooldown of a trunk within `epochs`.
    pub(crate) fn cooldown(&self, number: u32, trunk: &TrialResult, rate: f64, epochs: u32) -> Finalist {
        let left = epochs * 4 / 5;
        let curve = |fold: u32| {
            let mut curve = trunk.folds[fold as usize].curve[..left as usize].to_vec();
            for epoch in left + 1..=epochs {
                let share = f64::from(epoch - left) / f64::from(epochs - left);
                let now = rate * (1.0 - share.sqrt());
                let one = self.at(fold, rate, now * 0.5, epoch);
                curve.push(Observation { rate: now, averaged: None, ..one });
            }
            curve
        };
        let folds = self.folds(Stopped::Complete, curve);
        let mut result = trial(number, &[], folds);
        result.config = trunk.config.with("schedule", word(COOLDOWN)).with("epochs", count(epochs));
        Finalist { result, confirmed: Vec::new(), from: Some((trunk.trial, left)) }
    }

    pub(crate) fn cosine(&self, number: u32, trunk: &TrialResult, rate: f64, epochs: u32) -> Finalist {
        let curve = |fold: u32| {
            let at = |epoch: u32| {
                let share = f64::from(epoch) / f64::from(epochs);
                let now = rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
                Observation { rate: now, averaged: None, ..self.at(fold, rate * 0.6, now, epoch) }
            };
            (1..=epochs).map(at).collect()
        };
        let mut result = trial(number, &[], self.folds(Stopped::Complete, curve));
        let config = trunk.config.with("schedule", word("cosine()")).with("epochs", count(epochs));
        result.config = config.with("lr", Value::Number(rate));
        Finalist { result, confirmed: Vec::new(), from: None }
    }
}

pub(crate) fn settings(rate: f64, limit: u32) -> [(&'static str, Value); 5] {
    let batch = ("batch", count(64));
    [("lr", number(rate)), ("epochs", count(limit)), ("schedule", word("constant")), ("hidden", layers(&[100])), batch]
}

pub(crate) fn layers(widths: &[u32]) -> Value {
    Value::Layers(widths.to_vec())
}

pub(crate) fn range_test() -> RangeTest {
    let losses = [2.302, 2.301, 2.299, 2.295, 2.28, 2.24, 2.1, 1.75, 1.1, 0.62, 0.7, 1.6, 3.9, 1e7];
    let point = |(rate, loss): (f64, f64)| RatePoint { rate, losses: vec![Some(loss)] };
    let mut points: Vec<RatePoint> = RangeTest::rates().into_iter().zip(losses).map(point).collect();
    points.push(RatePoint { rate: 10.0, losses: vec![None] });
    RangeTest { steps: 40, steps_per_epoch: 18, initial: 2.303, points }
}

pub(crate) fn table(trials: &[TrialResult], limit: u32) -> Option<EpochsTable> {
    let curves: Vec<(u32, JudgedCurve)> = trials.iter().map(|one| (one.trial, JudgedCurve::of(one))).collect();
    let curves: Vec<(u32, &JudgedCurve)> = curves.iter().map(|(trial, curve)| (*trial, curve)).collect();
    EpochsTable::of(&curves, &ladder(1, limit))
}

/// The default search over rates of one network.
pub(crate) fn ordinary() -> Found {
    with_shape(SHAPE, 144, 55)
}

/// The same with other losses; what is delivered trains for `epochs`.
pub(crate) fn with_shape(shape: Shape, limit: u32, epochs: u32) -> Found {
    let trunk = |(n, (rate, epochs)): (usize, &(f64, u32))| {
        let until = if *epochs == 144 { limit } else { (*epochs).min(limit) };
        shape.trunk(n as u32, &settings(*rate, limit), *rate, until)
    };
    let mut trials: Vec<TrialResult> = TRUNKS.iter().enumerate().map(trunk).collect();
    trials.push(shape.gone(8, &settings(0.256, limit), 0.256, 2));
    let mut finalists = vec![
        shape.cooldown(9, &trials[3], 0.004, epochs),
        shape.cosine(11, &trials[3], 0.006, epochs),
        shape.cooldown(10, &trials[2], 0.002, epochs),
    ];
    for (place, one) in finalists.iter_mut().enumerate() {
        let change = |(fold, score): (usize, &f64)| {
            score - 0.002 - 0.0015 * place as f64 - 0.0004 * ((fold * (place + 2)) % 5) as f64
        };
        one.confirmed = one.result.scores().iter().enumerate().map(change).collect();
    }
    Found {
        study: "digits".into(),
        score: Score::Accuracy,
        judged_by: format!("{} folds", shape.folds),
        space: Space(vec![Param::list("hidden", vec![layers(&[100])])]),
        limit,
        range_test: Some(range_test()),
        epochs: table(&trials, limit),
        trials,
        finalists,
        training_rows: 1149,
        rows_in_all: 1437,
        test_rows: 360,
        test: Some(0.975),
        cost: Cost {
            range_test: 34,
            search: 1215,
            forks: 385,
            confirmation: 825,
            refit: 55,
            shared: 300,
            full_grid: 6480,
            seconds: 5.21,
        },
        largest_class: Some(0.102),
        ended_early: None,
        warnings: Vec::new(),
        command: "opportune tune digits.csv --test 0.2 --epochs ..144".into(),
        out: "opportune-out/digits".into(),
    }
}
