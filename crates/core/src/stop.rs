//! Rules that only stop. They never enter a prefix key: they cut views out of a shared curve (promise 4).

use crate::observation::Observation;
use crate::score::Score;
use crate::settings::words;
use serde::{Deserialize, Serialize};

words!(
    /// What patience watches.
    Monitor, "monitor" {
        /// The validation loss.
        Loss = "loss",
        /// The validation score.
        Score = "score",
    }
);

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
    /// Keras's EarlyStopping: stop after `epochs` epochs in a row in which `monitor` did not become better than the
    /// best by more than `min_delta`. The best epoch's weights are the ones delivered.
    Patience {
        /// At least 1.
        epochs: u32,
        /// In the units of what is watched, from 0 up.
        min_delta: f64,
        /// What is watched.
        monitor: Monitor,
    },
    /// scikit-learn's rule: stop when the training loss with its penalty failed to fall by `tol` below the best in
    /// more than `epochs` epochs in a row.
    Tol {
        /// From 0 up.
        tol: f64,
        /// `--n-iter-no-change`, at least 1.
        epochs: u32,
    },
}

/// A loss this many times that of guessing has exploded, though it may still be finite.
const EXPLODED: f64 = 1e4;

/// What a rule reads of an epoch: one fold's values, or the mean over folds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From 1.
    pub epoch: u32,
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
        Some(Point {
            epoch: points.first()?.epoch,
            train_loss: mean(|p| p.train_loss),
            objective: mean(|p| p.objective),
            validation_loss: option(|p| p.validation_loss),
            score: option(|p| p.score),
        })
    }
}

/// The state of all rules that watch one curve. It is a function of the points seen, so a resumed run rebuilds it by
/// replaying what is stored.
#[derive(Debug, Clone)]
pub struct Watch {
    rules: Vec<StopRule>,
    score: Score,
    guessing: f64,
    epochs: u32,
    seen: u32,
    best: Option<(u32, f64)>,
    waited: u32,
    lowest: f64,
    flat: u32,
    ended: Option<Stopped>,
}

impl Watch {
    /// Watches a curve of at most `epochs` epochs. `guessing` is the loss of guessing without looking, against which
    /// an explosion is told.
    pub fn new(rules: &[StopRule], score: Score, guessing: f64, epochs: u32) -> Watch {
        Watch {
            rules: rules.to_vec(),
            score,
            guessing,
            epochs,
            seen: 0,
            best: None,
            waited: 0,
            lowest: f64::INFINITY,
            flat: 0,
            ended: None,
        }
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
        let mut ended = None;
        for rule in self.rules.clone() {
            match rule {
                StopRule::Tol { tol, epochs } => {
                    self.flat = if point.objective > self.lowest - tol { self.flat + 1 } else { 0 };
                    self.lowest = self.lowest.min(point.objective);
                    if self.flat > epochs {
                        ended = Some(Stopped::Converged);
                    }
                }
                StopRule::Patience { epochs, min_delta, monitor } => {
                    let (value, sign) = match monitor {
                        Monitor::Loss => (point.validation_loss, 1.0),
                        Monitor::Score => (point.score, if self.score.higher_is_better() { -1.0 } else { 1.0 }),
                    };
                    let value = value.filter(|value| value.is_finite()).map_or(f64::INFINITY, |value| sign * value);
                    if self.best.is_none_or(|(_, best)| value < best - min_delta) {
                        self.best = Some((point.epoch, value));
                        self.waited = 0;
                    } else {
                        self.waited += 1;
                        if self.waited >= epochs {
                            ended = Some(Stopped::Early);
                        }
                    }
                }
            }
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

    /// The epoch whose weights and score count: the best where patience watches, else the last.
    pub fn chosen(&self) -> u32 {
        self.best.map_or(self.seen, |(epoch, _)| epoch)
    }

    /// Whether the last point seen is the best so far, so that its weights must be kept.
    pub fn improved(&self) -> bool {
        self.best.is_some_and(|(epoch, _)| epoch == self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(epoch: u32, train: f64, validation: f64) -> Point {
        Point {
            epoch,
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
        let rule = |monitor| StopRule::Patience { epochs: 3, min_delta: 0.0, monitor };
        assert_eq!(run(&[rule(Monitor::Loss)], &curve), (Some(Stopped::Early), 5, 2));
        assert_eq!(run(&[rule(Monitor::Score)], &curve), (Some(Stopped::Early), 5, 2));
        let rule = StopRule::Patience { epochs: 4, min_delta: 0.0, monitor: Monitor::Loss };
        assert_eq!(run(&[rule], &curve), (Some(Stopped::Complete), 6, 6));
        let rule = StopRule::Patience { epochs: 1, min_delta: 0.45, monitor: Monitor::Loss };
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
}
