//! Which final model a search will train, as far as can be told before the last of its trials has ended.

use super::grid::refit_of;
use crate::job::Job;
use opportune_core::finalists::confirmed;
use opportune_core::memory::TrialResult;
use opportune_core::plan::Part;
use opportune_core::ports::Trainer;
use opportune_core::score::Score;
use opportune_core::space::Config;
use opportune_core::stop::StopRule;
use opportune_study::{Foresight, Next};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds that a fold's run took up to there, in the mean.
fn seconds(result: &TrialResult, until: u32) -> f64 {
    let epochs = result.folds.iter().flat_map(|fold| fold.curve.iter().take(until as usize));
    epochs.map(|epoch| epoch.seconds).sum::<f64>() / result.folds.len().max(1) as f64
}

/// How many times as many rows the final model is trained on as a fold's run.
fn growth(job: &Job) -> f64 {
    job.rows_in_all() as f64 / job.training_rows.max(1) as f64
}

/// Of a grid: the final model of the settings that lead. It also keeps the results as they come: they are the grid's, and at
/// its end nobody waits for them.
///
/// Of n cores one is given to it. If the settings keep the lead, that saves (n−1)/n of the time that the model takes, else it
/// costs 1/n of it. Whoever leads k settings out of m leads all of them with a probability of k/m, if they end in any
/// order: so the model is worth its core as soon as k/m > 1/n.
#[derive(Debug)]
pub struct OfGrid {
    score: Score,
    rules: Vec<StopRule>,
    /// Of settings that say nothing of it.
    epochs: u32,
    growth: f64,
    settings: usize,
    cores: usize,
    /// Where the folds' curve moves the rate, the final model replays what is only known in the end.
    foresees: bool,
    came: Mutex<Came>,
}

#[derive(Debug, Default)]
struct Came {
    results: Vec<TrialResult>,
    leader: Option<Leader>,
}

#[derive(Debug)]
struct Leader {
    score: f64,
    trial: u32,
    model: Next,
}

impl OfGrid {
    /// Of a grid that has ended nowhere yet.
    pub fn new(job: &Job) -> OfGrid {
        OfGrid {
            score: job.score,
            rules: job.rules.clone(),
            epochs: job.base.epochs,
            growth: growth(job),
            settings: job.space.size(),
            cores: job.trainer.capabilities().runs,
            foresees: !job.together,
            came: Mutex::default(),
        }
    }

    /// The results of these trials that have ended, in their order; they are taken out.
    pub fn results(&self, trials: &[u32]) -> Vec<TrialResult> {
        let places: HashMap<u32, usize> = trials.iter().copied().zip(0..).collect();
        let mut results = std::mem::take(&mut locked(&self.came).results);
        results.retain(|result| places.contains_key(&result.trial));
        results.sort_by_key(|result| places[&result.trial]);
        results
    }

    /// The first of equals leads in the order of the settings, whenever it came.
    fn leads(&self, result: &TrialResult, leader: &Leader) -> bool {
        let score = result.score();
        self.score.better(score, leader.score) || (score == leader.score && result.trial < leader.trial)
    }
}

impl Foresight for OfGrid {
    fn ended(&self, result: TrialResult) {
        let mut came = locked(&self.came);
        if result.score().is_finite() && came.leader.as_ref().is_none_or(|leader| self.leads(&result, leader)) {
            let (until, rules) = refit_of(&result, &self.rules, self.epochs);
            let seconds = seconds(&result, until) * self.growth;
            let model = Next { config: result.config.clone(), part: Part::Whole, until, rules, seconds };
            came.leader = Some(Leader { score: result.score(), trial: result.trial, model });
        }
        came.results.push(result);
    }

    fn next(&self) -> Option<Next> {
        let came = locked(&self.came);
        let ended = came.results.len();
        let likely = ended * self.cores > self.settings || ended == self.settings;
        came.leader.as_ref().filter(|_| self.foresees && likely).map(|leader| leader.model.clone())
    }
}

/// Of a confirmation: the final model of the search's winner, until the scores of all say otherwise.
#[derive(Debug)]
pub struct OfConfirmation {
    score: Score,
    models: Vec<Next>,
    /// The scores of each by fold, once it has ended.
    scores: Mutex<Vec<Option<Vec<f64>>>>,
    /// One split is judged by blocks of its rows, for which models must be made first.
    blocks: bool,
}

impl OfConfirmation {
    /// Of these settings and epochs with what they came to in the search, the winner first.
    pub fn new<'a>(job: &Job, several: impl Iterator<Item = (&'a Config, u32, &'a TrialResult)>) -> OfConfirmation {
        let model = |(config, until, result): (&Config, u32, &TrialResult)| Next {
            config: config.clone(),
            part: Part::Whole,
            until,
            rules: Vec::new(),
            seconds: seconds(result, until) * growth(job),
        };
        let models: Vec<Next> = several.map(model).collect();
        let scores = Mutex::new(vec![None; models.len()]);
        OfConfirmation { score: job.score, models, scores, blocks: job.confirmation().len() == 1 }
    }
}

impl Foresight for OfConfirmation {
    fn ended(&self, result: TrialResult) {
        let mut scores = locked(&self.scores);
        let mut places = self.models.iter().zip(scores.iter_mut());
        if let Some((_, place)) = places.find(|(model, place)| model.config == result.config && place.is_none()) {
            *place = Some(result.scores());
        }
    }

    fn next(&self) -> Option<Next> {
        let scores: Option<Vec<Vec<f64>>> = locked(&self.scores).iter().cloned().collect();
        let place = match scores {
            None => 0,
            Some(_) if self.blocks && self.models.len() > 1 => return None,
            Some(scores) => confirmed(self.score, &scores),
        };
        self.models.get(place).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::memory::FoldResult;
    use opportune_core::observation::{Observation, Scored};
    use opportune_core::ports::Ending;
    use opportune_core::space::Value;
    use opportune_core::stop::{Patience, Stopped};

    const EPOCHS: u32 = 4;

    fn config(trial: u32) -> Config {
        Config::from_iter([("lr".to_string(), Value::Number(0.1 / f64::from(trial + 1)))])
    }

    /// A trial that came to these scores on its folds, each in four epochs of half a second, the third of which counts.
    fn result(trial: u32, scores: &[f64]) -> TrialResult {
        let fold = |(fold, score): (u32, &f64)| FoldResult {
            ending: Ending {
                trial,
                part: Part::Fold(fold),
                stage: 0,
                stopped: Stopped::Complete,
                epochs: EPOCHS,
                chosen: EPOCHS - 1,
            },
            curve: (1..=EPOCHS)
                .map(|epoch| Observation {
                    epoch,
                    step: 0,
                    rate: 0.1,
                    momentum: None,
                    train_loss: 1.0,
                    penalty: 0.0,
                    train_score: 0.5,
                    validation: Some(Scored { loss: 1.0, score: *score }),
                    averaged: None,
                    blocks: None,
                    seconds: 0.5,
                })
                .collect(),
        };
        TrialResult { trial, config: config(trial), folds: (0..).zip(scores).map(fold).collect() }
    }

    fn grid(cores: usize, rules: &[StopRule]) -> OfGrid {
        OfGrid {
            score: Score::Accuracy,
            rules: rules.to_vec(),
            epochs: EPOCHS,
            growth: 1.5,
            settings: 6,
            cores,
            foresees: true,
            came: Mutex::default(),
        }
    }

    #[test]
    fn of_a_grid_who_leads_is_foreseen_once_that_is_likely() {
        let grid = grid(2, &[]);
        let led = [0.7, f64::NAN, 0.8, 0.8, 0.75, 0.9].into_iter().zip(0..).map(|(score, place)| {
            // The settings end in another order than theirs.
            grid.ended(result([3, 0, 5, 2, 4, 1][place], &[score, score]));
            grid.next().map(|next| next.config)
        });
        let led: Vec<Option<Config>> = led.collect();
        let of = |trial| Some(config(trial));
        // Of equals the first in the grid leads.
        assert_eq!(led, [None, None, None, of(2), of(2), of(1)]);
        // The results are in the order that is asked for, whatever that in which they came.
        let results = grid.results(&[2, 0, 1, 9, 3]);
        assert_eq!(results.iter().map(|result| result.trial).collect::<Vec<_>>(), [2, 0, 1, 3]);
        assert_eq!(results[0], result(2, &[0.8, 0.8]));
    }

    #[test]
    fn where_the_curve_moves_the_rate_nothing_is_foreseen_and_all_is_kept() {
        let grid = OfGrid { foresees: false, ..grid(7, &[]) };
        (0..6).for_each(|trial| grid.ended(result(trial, &[0.5])));
        assert_eq!((grid.next(), grid.results(&[0, 1, 2, 3, 4, 5]).len()), (None, 6));
    }

    #[test]
    fn with_more_cores_it_is_worth_one_sooner_and_one_core_waits_for_all() {
        let after = |cores| {
            let grid = grid(cores, &[]);
            (0..6).position(|trial| {
                grid.ended(result(trial, &[0.5]));
                grid.next().is_some()
            })
        };
        assert_eq!([1, 2, 3, 7].map(after), [Some(5), Some(3), Some(2), Some(0)]);
    }

    #[test]
    fn it_is_trained_as_the_refit_will_be() {
        let tol = StopRule::Tol { tol: 1e-4, epochs: 3 };
        let foreseen = |rules: &[StopRule]| {
            let grid = grid(7, rules);
            grid.ended(result(0, &[0.5, 0.5]));
            grid.next().map(|next| (next.until, next.rules, next.seconds))
        };
        assert_eq!(foreseen(&[tol]), Some((4, vec![tol], 4.0 * 0.5 * 1.5)));
        assert_eq!(foreseen(&[tol, StopRule::Patience(Patience::new(2))]), Some((3, vec![], 3.0 * 0.5 * 1.5)));
    }

    #[test]
    fn of_a_confirmation_the_winner_is_foreseen_until_all_have_ended() {
        let scores: [&[f64]; 3] = [&[0.8, 0.81, 0.8], &[0.9, 0.91, 0.9], &[0.7, 0.7, 0.7]];
        for (blocks, last) in [(false, Some(config(1))), (true, None)] {
            let model =
                |trial| Next { config: config(trial), part: Part::Whole, until: 3, rules: vec![], seconds: 1.0 };
            let models: Vec<Next> = (0..3).map(model).collect();
            let scored = Mutex::new(vec![None; 3]);
            let of = OfConfirmation { score: Score::Accuracy, models, scores: scored, blocks };
            let led = [1, 2, 0].map(|trial| {
                let before = of.next().map(|next| next.config);
                of.ended(result(trial, scores[trial as usize]));
                before
            });
            assert_eq!(led, [0, 0, 0].map(|trial| Some(config(trial))));
            assert_eq!(of.next().map(|next| next.config), last);
        }
    }
}
