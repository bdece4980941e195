//! Rules that only stop. They never enter a prefix key: they cut views out of a shared curve (promise 4).

use crate::observation::Observation;
use crate::schedule::RateWatch;
use crate::score::Score;
use crate::settings::words;
use serde::{Deserialize, Serialize};

words!(
    /// What a rule reads of a curve.
    Monitor, "monitor" {
        /// The validation loss.
        Loss = "loss",
        /// The validation score.
        Score = "score",
        /// The training loss with its penalty.
        TrainingLoss = "training_loss",
    }
);

words!(
    /// What scikit-learn's stop rule reads.
    TolOn, "value of tol-on" {
        /// The training loss with its penalty.
        Training = "training",
        /// The validation score, as with `early_stopping=True`.
        Score = "score",
    }
);

impl Monitor {
    /// Whether it is measured on validation rows.
    pub fn needs_validation(self) -> bool {
        self != Monitor::TrainingLoss
    }

    /// A value of it, turned so that lower is better.
    fn minimised(self, value: f64, score: Score) -> f64 {
        if self == Monitor::Score && score.higher_is_better() { -value } else { value }
    }
}

words!(
    /// Why a run ended.
    Stopped, "reason to stop" {
        /// All epochs granted were trained. Where the trial asks for more than that, it waits and can be taken up again.
        Complete = "complete",
        /// Patience ran out.
        Early = "early",
        /// The tol rule fired: the training loss no longer fell.
        Converged = "converged",
        /// The loss was not finite, or exploded.
        Diverged = "diverged",
        /// The training failed twice for another reason than its numbers.
        Failed = "failed",
    }
);

/// A rule that stops a run before its last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopRule {
    /// Keras's EarlyStopping.
    Patience(Patience),
    /// scikit-learn's rule: stop when the training loss with its penalty failed to fall by `tol` below the best in
    /// more than `epochs` epochs in a row.
    Tol {
        /// From 0 up.
        tol: f64,
        /// `--n-iter-no-change`, at least 1.
        epochs: u32,
    },
    /// scikit-learn's rule with `early_stopping=True`: stop when the validation score failed to rise by `tol` above the
    /// best in more than `epochs` epochs in a row. The best epoch's weights are the ones delivered. A score that is not a
    /// number starts the count anew.
    ScoreTol {
        /// From 0 up.
        tol: f64,
        /// `--n-iter-no-change`, at least 1.
        epochs: u32,
    },
}

/// Stop after `epochs` epochs in a row in which `monitor` did not become better than the best by more than `min_delta`.
///
/// With a `baseline` only an epoch that is better than that as well ends the wait, so that a run which never gets there
/// is stopped after its first `epochs` epochs. As Keras's `EarlyStopping`, which never stops after the first epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Patience {
    /// At least 1.
    pub epochs: u32,
    /// In the units of what is watched, from 0 up.
    pub min_delta: f64,
    /// What is watched.
    pub monitor: Monitor,
    /// What must be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// Epochs at the beginning that are not looked at.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub start: u32,
    /// Whether the last epoch's weights are delivered, not those of the best one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last: bool,
}

// Fields at their defaults are left out, so that a study of before keeps its hash.
fn is_zero(epochs: &u32) -> bool {
    *epochs == 0
}

fn is_false(set: &bool) -> bool {
    !set
}

impl Patience {
    /// Watches the validation loss, takes any fall for better, and delivers the best epoch.
    pub fn new(epochs: u32) -> Patience {
        Patience { epochs, min_delta: 0.0, monitor: Monitor::Loss, baseline: None, start: 0, last: false }
    }
}

impl StopRule {
    /// Whether it reads validation rows.
    pub fn needs_validation(&self) -> bool {
        match self {
            StopRule::Patience(patience) => patience.monitor.needs_validation(),
            StopRule::Tol { .. } => false,
            StopRule::ScoreTol { .. } => true,
        }
    }

    /// Whether folds are watched together by it, and a refit takes as many epochs as they found best.
    pub fn chooses_epoch(&self) -> bool {
        !matches!(self, StopRule::Tol { .. })
    }
}

/// A loss this many times that of guessing has exploded, though it may still be finite.
const EXPLODED: f64 = 1e4;

/// What a rule reads of an epoch: one fold's values, or the mean over folds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From 1.
    pub epoch: u32,
    /// Rate of the epoch's last step.
    pub rate: f64,
    /// Training loss without the penalty.
    pub train_loss: f64,
    /// Training loss with the penalty.
    pub objective: f64,
    /// Validation loss; `None` without validation rows.
    pub validation_loss: Option<f64>,
    /// Validation score; `None` without validation rows.
    pub score: Option<f64>,
}

impl From<&Observation> for Point {
    fn from(one: &Observation) -> Point {
        Point {
            epoch: one.epoch,
            rate: one.rate,
            train_loss: one.train_loss,
            objective: one.train_loss + one.penalty,
            validation_loss: one.validation.map(|v| v.loss),
            score: one.validation.map(|v| v.score),
        }
    }
}

impl Point {
    /// The mean curve at one epoch. `points` must be of the same epoch; `None` of none.
    pub fn mean(points: &[Point]) -> Option<Point> {
        let n = points.len() as f64;
        let mean = |value: fn(&Point) -> f64| points.iter().map(value).sum::<f64>() / n;
        let option =
            |value: fn(&Point) -> Option<f64>| points.iter().map(value).sum::<Option<f64>>().map(|sum| sum / n);
        let first = points.first()?;
        Some(Point {
            epoch: first.epoch,
            // Folds have the same rate; a mean could miss it by a rounding.
            rate: first.rate,
            train_loss: mean(|p| p.train_loss),
            objective: mean(|p| p.objective),
            validation_loss: option(|p| p.validation_loss),
            score: option(|p| p.score),
        })
    }

    /// What a rule reads, turned so that lower is better; `None` without the validation rows that it needs.
    pub fn minimised(&self, monitor: Monitor, score: Score) -> Option<f64> {
        match monitor {
            Monitor::Loss => self.validation_loss,
            Monitor::Score => self.score.map(|value| monitor.minimised(value, score)),
            Monitor::TrainingLoss => Some(self.objective),
        }
    }
}

/// The state of all rules that watch one curve. It is a function of the points seen, so a resumed run rebuilds it by
/// replaying what is stored.
#[derive(Debug, Clone)]
pub struct Watch {
    rules: Vec<Watched>,
    rates: Option<RateWatch>,
    score: Score,
    guessing: f64,
    epochs: u32,
    seen: u32,
    /// Whether the last point seen is one whose weights must be kept.
    improved: bool,
    ended: Option<Stopped>,
}

/// A rule and what it has seen.
#[derive(Debug, Clone)]
struct Watched {
    rule: StopRule,
    /// The best epoch and its value, turned so that lower is better.
    best: Option<(u32, f64)>,
    /// Epochs in a row without getting better.
    waited: u32,
}

impl Watch {
    /// Watches a curve of at most `epochs` epochs. `guessing` is the loss of guessing without looking, against which
    /// an explosion is told.
    pub fn new(rules: &[StopRule], score: Score, guessing: f64, epochs: u32) -> Watch {
        let rules = rules.iter().map(|rule| Watched { rule: *rule, best: None, waited: 0 }).collect();
        Watch { rules, rates: None, score, guessing, epochs, seen: 0, improved: false, ended: None }
    }

    /// Watched by a rule that changes the rate as well.
    pub fn with_rates(self, rates: Option<RateWatch>) -> Watch {
        Watch { rates, ..self }
    }

    /// Takes the next epoch's point; points must come in order. Gives why the run ends here, or `None` to go on.
    pub fn observe(&mut self, point: &Point) -> Option<Stopped> {
        debug_assert!(self.ended.is_none() && point.epoch == self.seen + 1);
        self.seen = point.epoch;
        let limit = EXPLODED * self.guessing.max(f64::MIN_POSITIVE);
        let gone = |loss: f64| !loss.is_finite() || loss > limit;
        if gone(point.train_loss) || point.validation_loss.is_some_and(|loss| !loss.is_finite()) {
            self.ended = Some(Stopped::Diverged);
            return self.ended;
        }
        let (score, mut ended) = (self.score, None);
        self.improved = false;
        for watched in &mut self.rules {
            let (stopped, improved) = watched.observe(point, score);
            ended = stopped.or(ended);
            self.improved |= improved;
        }
        if let Some(rates) = &mut self.rates {
            ended = rates.observe(point).or(ended);
        }
        self.ended = ended.or((point.epoch >= self.epochs).then_some(Stopped::Complete));
        self.ended
    }

    /// Watches on, up to `epochs` in all, after the granted epochs were used up; a rule that fired has the last word.
    pub fn extend(&mut self, epochs: u32) {
        self.epochs = self.epochs.max(epochs);
        if self.ended == Some(Stopped::Complete) && self.seen < self.epochs {
            self.ended = None;
        }
    }

    /// The training failed: no point will follow.
    pub fn fail(&mut self) {
        self.ended = Some(Stopped::Failed);
    }

    /// Why it ended, once it has.
    pub fn ended(&self) -> Option<Stopped> {
        self.ended
    }

    /// Epochs seen.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// The epoch whose weights and score count: the best where a rule asks for it, else the last.
    pub fn chosen(&self) -> u32 {
        self.rules.iter().find_map(Watched::delivers).unwrap_or(self.seen)
    }

    /// Whether the last point seen is the best so far, so that its weights must be kept.
    pub fn improved(&self) -> bool {
        self.improved
    }

    /// What a rule changed of the rate so far: see [`RateWatch::changes`].
    pub fn changes(&self) -> &[(u32, f64)] {
        self.rates.as_ref().map_or(&[], RateWatch::changes)
    }

    /// Epochs whose rates are known by now, at most those that may be trained.
    pub fn certain(&self) -> u32 {
        self.rates.as_ref().map_or(self.epochs, |rates| rates.certain().min(self.epochs))
    }

    /// Whether a rule reads the curve to change the rate.
    pub fn changes_rates(&self) -> bool {
        self.rates.is_some()
    }
}

impl Watched {
    /// Takes the next point. Gives why the run ends here, and whether this epoch's weights are to be kept.
    fn observe(&mut self, point: &Point, score: Score) -> (Option<Stopped>, bool) {
        match self.rule {
            StopRule::Tol { tol, epochs } => {
                let lowest = self.best.map_or(f64::INFINITY, |(_, lowest)| lowest);
                self.waited = if point.objective > lowest - tol { self.waited + 1 } else { 0 };
                self.best = Some((point.epoch, lowest.min(point.objective)));
                ((self.waited > epochs).then_some(Stopped::Converged), false)
            }
            StopRule::ScoreTol { tol, epochs } => {
                let value = point.minimised(Monitor::Score, score).unwrap_or(f64::NAN);
                let best = self.best.map_or(f64::INFINITY, |(_, best)| best);
                self.waited = if value > best - tol { self.waited + 1 } else { 0 };
                let improved = value < best;
                if improved || self.best.is_none() {
                    self.best = Some((point.epoch, value.min(best)));
                }
                ((self.waited > epochs).then_some(Stopped::Early), improved)
            }
            StopRule::Patience(patience) => self.patience(&patience, point, score),
        }
    }

    fn patience(&mut self, rule: &Patience, point: &Point, score: Score) -> (Option<Stopped>, bool) {
        if point.epoch <= rule.start {
            return (None, false);
        }
        let value = point.minimised(rule.monitor, score);
        let value = value.filter(|value| value.is_finite()).unwrap_or(f64::INFINITY);
        self.waited += 1;
        if self.best.is_none_or(|(_, best)| value < best - rule.min_delta) {
            self.best = Some((point.epoch, value));
            let baseline = rule.baseline.map(|baseline| rule.monitor.minimised(baseline, score));
            if baseline.is_none_or(|baseline| value < baseline - rule.min_delta) {
                self.waited = 0;
            }
            return (None, !rule.last);
        }
        // Never after the first epoch of all, as in Keras.
        ((self.waited >= rule.epochs && point.epoch > 1).then_some(Stopped::Early), false)
    }

    /// The epoch it wants delivered, where that need not be the last.
    fn delivers(&self) -> Option<u32> {
        let best = self.best.map(|(epoch, _)| epoch);
        match self.rule {
            StopRule::Tol { .. } => None,
            StopRule::ScoreTol { .. } => best,
            StopRule::Patience(patience) => best.filter(|_| !patience.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(epoch: u32, train: f64, validation: f64) -> Point {
        Point {
            epoch,
            rate: 0.1,
            train_loss: train,
            objective: train,
            validation_loss: Some(validation),
            score: Some(1.0 - validation),
        }
    }

    fn run(rules: &[StopRule], curve: &[(f64, f64)]) -> (Option<Stopped>, u32, u32) {
        let mut watch = Watch::new(rules, Score::Accuracy, 2.3, curve.len() as u32);
        for (index, (train, validation)) in curve.iter().enumerate() {
            if watch.observe(&point(index as u32 + 1, *train, *validation)).is_some() {
                break;
            }
        }
        (watch.ended(), watch.seen(), watch.chosen())
    }

    #[test]
    fn patience_stops_after_the_wait_and_remembers_the_best() {
        let curve = [(1.0, 0.9), (0.9, 0.5), (0.8, 0.6), (0.7, 0.55), (0.6, 0.52), (0.5, 0.1)];
        let rule = |monitor| StopRule::Patience(Patience { monitor, ..Patience::new(3) });
        assert_eq!(run(&[rule(Monitor::Loss)], &curve), (Some(Stopped::Early), 5, 2));
        assert_eq!(run(&[rule(Monitor::Score)], &curve), (Some(Stopped::Early), 5, 2));
        let rule = StopRule::Patience(Patience::new(4));
        assert_eq!(run(&[rule], &curve), (Some(Stopped::Complete), 6, 6));
        let rule = StopRule::Patience(Patience { min_delta: 0.45, ..Patience::new(1) });
        assert_eq!(run(&[rule], &curve), (Some(Stopped::Early), 2, 1));
    }

    #[test]
    fn tol_fires_after_more_than_n_flat_epochs() {
        let mut curve = vec![(1.0, 0.0)];
        curve.extend(std::iter::repeat_n((0.99995, 0.0), 20));
        let rule = StopRule::Tol { tol: 1e-4, epochs: 10 };
        // n + 2 epochs on a plateau, as in scikit-learn: the first sets the best, n + 1 fail.
        assert_eq!(run(&[rule], &curve), (Some(Stopped::Converged), 12, 12));
    }

    #[test]
    fn a_loss_that_is_not_finite_or_explodes_ends_as_diverged() {
        assert_eq!(run(&[], &[(1.0, 1.0), (f64::NAN, 1.0), (1.0, 1.0)]).0, Some(Stopped::Diverged));
        assert_eq!(run(&[], &[(1.0, 1.0), (1e6, 1.0)]), (Some(Stopped::Diverged), 2, 2));
        assert_eq!(run(&[], &[(1.0, f64::INFINITY)]).0, Some(Stopped::Diverged));
    }

    #[test]
    fn two_rules_watch_side_by_side_and_the_one_that_chooses_is_heard() {
        let curve = [(1.0, 0.9), (0.9, 0.5), (0.9, 0.6), (0.9, 0.7), (0.9, 0.8)];
        let rules = [StopRule::Patience(Patience::new(9)), StopRule::Tol { tol: 1e-4, epochs: 2 }];
        assert_eq!(run(&rules, &curve), (Some(Stopped::Converged), 5, 2));
        let last = StopRule::Patience(Patience { last: true, ..Patience::new(2) });
        assert_eq!(run(&[last], &curve), (Some(Stopped::Early), 4, 4));
    }

    #[test]
    fn rules_of_before_keep_their_text() {
        let rules = [StopRule::Patience(Patience::new(3)), StopRule::Tol { tol: 1e-4, epochs: 10 }];
        let text = serde_json::to_string(&rules).unwrap();
        assert_eq!(
            text,
            r#"[{"patience":{"epochs":3,"min_delta":0.0,"monitor":"loss"}},{"tol":{"tol":0.0001,"epochs":10}}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<StopRule>>(&text).unwrap(), rules);
    }
}
