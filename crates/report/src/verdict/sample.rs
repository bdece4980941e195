//! Searches made up for tests: curves with the shape of real ones, from a formula.

use super::{Cost, Finalist, Found};
use crate::sample::{count, epoch, number, trial, word};
use opportune_core::epochs::{EpochsTable, ladder};
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::{FoldResult, TrialResult};
use opportune_core::observation::{BLOCKS, Observation, Scored};
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

pub(crate) const SHAPE: Shape = Shape { floor: 0.1, overfits: 1e-5, folds: 5, score: |loss| 1.0 - 0.3 * loss };

impl Shape {
    /// Loss after `epochs` at a constant rate, before noise.
    fn loss(&self, rate: f64, epochs: u32) -> f64 {
        let fallen = (1.0 + 250.0 * rate * f64::from(epochs)).powi(-2);
        self.floor + (2.3 - self.floor) * fallen + self.overfits * f64::from(epochs.saturating_sub(60))
    }

    /// An epoch at a rate; `noise` is the rate that keeps it from settling.
    fn at(&self, fold: u32, rate: f64, noise: f64, epochs: u32) -> Observation {
        // What folds do not agree on, so that differences have an error.
        let seed = (rate * 1e6 + (self.floor - 0.1) * 1e4).round() as u32;
        let mixed =
            epochs.wrapping_mul(2_654_435_761).wrapping_add(fold * 3_118_731).wrapping_add(seed.wrapping_mul(7919));
        let apart = f64::from(mixed >> 16 & 127) / 127.0;
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
        Finalist { result, confirmed: Vec::new(), whole: None, from: Some((trunk.trial, left)) }
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
        Finalist { result, confirmed: Vec::new(), whole: None, from: None }
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
    let losses = [2.299, 2.295, 2.28, 2.24, 2.1, 1.75, 1.1, 0.62, 0.7, 1.6, 3.9, 1e7];
    let point = |(rate, loss): (f64, f64)| RatePoint { rate, losses: vec![Some(loss)] };
    let mut points: Vec<RatePoint> = RangeTest::rates().into_iter().zip(losses).map(point).collect();
    points.push(RatePoint { rate: 10.0, losses: vec![None] });
    RangeTest { steps: 40, steps_per_epoch: 18, initial: 2.303, initials: vec![Some(2.303)], points }
}

pub(crate) fn table(trials: &[TrialResult], limit: u32) -> Option<EpochsTable> {
    let curves: Vec<(u32, JudgedCurve)> = trials.iter().map(|one| (one.trial, JudgedCurve::of(one))).collect();
    let curves: Vec<(u32, &JudgedCurve)> = curves.iter().map(|(trial, curve)| (*trial, curve)).collect();
    EpochsTable::of(&curves, &ladder(1, limit), 1)
}

/// The default search over rates of one network.
pub(crate) fn ordinary() -> Found {
    with_shape(SHAPE, 144, 34)
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
        divided_anew: true,
        training_rows: 1149,
        model_rows: Some(1437),
        test_rows: 360,
        test: Some(0.975),
        cost: Cost {
            range_test: 34,
            search: 1215,
            forks: 275,
            confirmation: 510,
            refit: 34,
            overtaken: 0,
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

/// Judged on one split, whose rows make blocks.
pub(crate) fn single_split() -> Found {
    let mut found = with_shape(Shape { folds: 1, ..SHAPE }, 144, 34);
    let spread = |loss: f64| std::array::from_fn(|block| (loss * (0.8 + 0.4 * block as f64 / 15.0)) as f32);
    for one in found.trials.iter_mut().flat_map(|one| &mut one.folds).flat_map(|fold| &mut fold.curve) {
        one.blocks = one.averaged.or(one.validation).map(|judged| spread(judged.loss));
    }
    for (place, one) in found.finalists.iter_mut().enumerate() {
        let mean = one.result.score() - 0.002 * (1 + place) as f64;
        one.confirmed = (0..BLOCKS).map(|block| mean + 0.01 * (block as f64 / 7.5 - 1.0)).collect();
    }
    found.epochs = table(&found.trials, 144);
    Found { judged_by: "2000 validation rows".into(), ..found }
}

/// The folds were given, and served for the confirmation as well.
pub(crate) fn given_folds() -> Found {
    Found { divided_anew: false, ..ordinary() }
}

/// More epochs than were allowed would be better.
pub(crate) fn at_the_limit() -> Found {
    let found = with_shape(Shape { overfits: 0.0, ..SHAPE }, 13, 13);
    Found { command: "opportune tune digits.csv --epochs=..13 --test 0.2".into(), ..found }
}

/// Only these rates were tried, without a range test; the first that is chosen is that of trial `best`.
pub(crate) fn of_rates(rates: &[f64], best: usize) -> Found {
    let trial = |(n, rate): (usize, &f64)| SHAPE.trunk(n as u32, &settings(*rate, 55), *rate, 55);
    let trials: Vec<TrialResult> = rates.iter().enumerate().map(trial).collect();
    let ordinary = ordinary();
    let finalists = vec![SHAPE.cooldown(50, &trials[best], rates[best], 34)];
    let rates: Vec<String> = rates.iter().map(f64::to_string).collect();
    Found {
        limit: 55,
        range_test: None,
        epochs: table(&trials, 55),
        trials,
        finalists,
        command: format!("opportune tune digits.csv --lr {} --test 0.2", rates.join(",")),
        ..ordinary
    }
}

/// Longer training makes it worse.
pub(crate) fn overfitting() -> Found {
    let mut found = with_shape(Shape { overfits: 2e-3, ..SHAPE }, 144, 34);
    for one in found.finalists.iter_mut().flat_map(|one| &mut one.result.folds).flat_map(|fold| &mut fold.curve) {
        one.train_loss *= 0.3;
    }
    found
}

/// The next larger rate diverges.
pub(crate) fn diverged_neighbour() -> Found {
    let mut found = ordinary();
    for (place, rate) in [(4, 0.008), (5, 0.016), (6, 0.032), (7, 0.064)] {
        found.trials[place] = SHAPE.gone(place as u32, &settings(rate, 144), rate, 3);
    }
    found.epochs = table(&found.trials, 144);
    found
}

/// Networks and batches searched as well.
pub(crate) fn several_networks() -> Found {
    let mut found = ordinary();
    let all = [(vec![100], 64u32, 0.02), (vec![50, 50], 64, 0.0), (vec![100], 128, 0.021), (vec![50, 50], 128, 0.0004)];
    found.trials.clear();
    for (widths, batch, above) in all {
        let shape = Shape { floor: SHAPE.floor + above, ..SHAPE };
        for (rate, epochs) in [(0.002, 8), (0.004, if above == 0.0 { 144 } else { 21 }), (0.008, 3)] {
            let number = found.trials.len() as u32;
            let mut one = shape.trunk(number, &settings(rate, 144), rate, epochs);
            one.config = one.config.with("hidden", layers(&widths)).with("batch", count(batch));
            found.trials.push(one);
        }
    }
    found.finalists =
        vec![SHAPE.cooldown(20, &found.trials[4], 0.004, 34), SHAPE.cosine(21, &found.trials[4], 0.006, 34)];
    let better: Vec<f64> = found.finalists[1].result.scores();
    found.finalists[0].confirmed = better.iter().map(|score| score - 0.003).collect();
    found.finalists[1].confirmed =
        better.iter().enumerate().map(|(fold, score)| score - 0.0035 + 0.0003 * fold as f64).collect();
    let hidden = Param::list("hidden", vec![layers(&[100]), layers(&[50, 50])]);
    found.space = Space(vec![hidden, Param::list("batch", vec![count(64), count(128)])]);
    found.epochs = table(&found.trials, 144);
    found
}

/// Numbers are predicted.
pub(crate) fn regression(score: Score) -> Found {
    let of: fn(f64) -> f64 = if score == Score::R2 { |loss| 1.0 - loss } else { |loss| 100.0 * loss.sqrt() };
    let mut found = with_shape(Shape { score: of, ..SHAPE }, 144, 34);
    for one in &mut found.finalists {
        one.confirmed = one.result.scores();
    }
    Found { score, largest_class: None, test: Some(of(0.1)), ..found }
}

/// One rate was given.
pub(crate) fn one_trial() -> Found {
    let mut found = of_rates(&[0.004], 0);
    found.cost = Cost { search: 275, forks: 35, refit: 34, full_grid: 275, seconds: 0.5, ..Cost::default() };
    Found {
        command: "opportune tune digits.csv --lr 0.004".into(),
        test: None,
        test_rows: 0,
        training_rows: 60,
        ..found
    }
}

/// Interrupted before anything was confirmed.
pub(crate) fn ended_early() -> Found {
    let mut found = ordinary();
    for one in &mut found.trials {
        one.folds.iter_mut().for_each(|fold| fold.curve.truncate(8));
    }
    found.epochs = table(&found.trials, 144);
    found.finalists = vec![SHAPE.cooldown(9, &found.trials[3], 0.004, 8)];
    found.cost = Cost { confirmation: 0, forks: 10, search: 205, refit: 0, ..found.cost };
    let warnings = vec!["2 rows had no label and were left out".to_string()];
    let found = Found { model_rows: None, test: None, ..found };
    Found { ended_early: Some("interrupted".into()), largest_class: Some(0.97), warnings, ..found }
}

/// The schedule that was trained from its start is delivered.
pub(crate) fn cosine_delivered() -> Found {
    let mut found = ordinary();
    found.finalists.swap(0, 1);
    found.finalists[0].confirmed.iter_mut().for_each(|score| *score += 0.004);
    found
}

/// A grid: no range test, no table of epochs, nothing confirmed.
pub(crate) fn grid() -> Found {
    let mut trials = Vec::new();
    for epochs in [50u32, 100] {
        for rate in [0.001, 0.01, 0.1] {
            let config =
                [("lr", number(rate)), ("epochs", count(epochs)), ("schedule", word("exponential(gamma=0.99)"))];
            trials.push(SHAPE.trunk(trials.len() as u32, &config, rate, epochs));
        }
    }
    let finalists = vec![Finalist { result: trials[4].clone(), confirmed: vec![], whole: None, from: None }];
    let rates = Param::list("lr", [0.001, 0.01, 0.1].map(number).to_vec());
    let ordinary = ordinary();
    Found {
        space: Space(vec![rates, Param::list("epochs", vec![count(50), count(100)])]),
        limit: 100,
        range_test: None,
        epochs: None,
        trials,
        finalists,
        cost: Cost { search: 1500, shared: 750, full_grid: 2250, refit: 100, seconds: 200.0, ..Cost::default() },
        command: "opportune tune digits.csv --strategy grid --lr 0.001,0.01,0.1 --epochs 50,100".into(),
        ..ordinary
    }
}
