//! A study as it is remembered, and what follows from it: the curve of a trial, its result, what sharing saved.

use crate::observation::Observation;
use crate::plan::{Part, PrefixKey};
use crate::ports::{Ending, Record, StageId};
use crate::space::Config;
use crate::stop::Stopped;
use std::collections::{BTreeMap, BTreeSet};

/// A study as it is remembered.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// Trials in order of their numbers.
    pub trials: Vec<(u32, Config)>,
    /// Stages in order of their numbers.
    pub stages: Vec<RememberedStage>,
    /// In the order in which they came.
    pub endings: Vec<Ending>,
    /// Kind and JSON, in the order in which they came.
    pub notes: Vec<(String, String)>,
}

/// A stage as it is remembered.
#[derive(Debug, Clone)]
pub struct RememberedStage {
    /// Its number.
    pub stage: StageId,
    /// On which rows.
    pub part: Part,
    /// The run it left, and after how many epochs.
    pub parent: Option<(StageId, u32)>,
    /// Key of its first epoch.
    pub first: PrefixKey,
    /// Its epochs in order, the first one after the parent's.
    pub epochs: Vec<(PrefixKey, Observation)>,
    /// Epochs at which its state is saved, ascending.
    pub checkpoints: Vec<(u32, PrefixKey)>,
}

impl Remembered {
    /// Takes note of a record. Every store keeps to this: what it loads is what applying its records gives.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Trial { trial, config } => self.trials.push((*trial, config.clone())),
            Record::Stage { stage, part, parent, first } => self.stages.push(RememberedStage {
                stage: *stage,
                part: *part,
                parent: *parent,
                first: *first,
                epochs: Vec::new(),
                checkpoints: Vec::new(),
            }),
            Record::Epoch { stage, key, observation } => {
                if let Some(stage) = self.stages.get_mut(*stage as usize) {
                    stage.epochs.push((*key, *observation));
                }
            }
            Record::Checkpoint { stage, epoch, key, .. } => {
                if let Some(stage) = self.stages.get_mut(*stage as usize) {
                    let place = stage.checkpoints.partition_point(|(saved, _)| saved < epoch);
                    if stage.checkpoints.get(place).is_none_or(|(saved, _)| saved != epoch) {
                        stage.checkpoints.insert(place, (*epoch, *key));
                    }
                }
            }
            Record::Dropped { stage, epoch } => {
                if let Some(stage) = self.stages.get_mut(*stage as usize) {
                    stage.checkpoints.retain(|(saved, _)| saved != epoch);
                }
            }
            Record::Ended(ending) => self.endings.push(*ending),
            Record::Note { kind, json } => self.notes.push((kind.clone(), json.clone())),
        }
    }

    /// The stages that lead to `stage`, itself last, each with the number of epochs up to which it counts.
    fn path(&self, stage: StageId, epochs: u32) -> Vec<(&RememberedStage, u32)> {
        let mut path = Vec::new();
        let mut at = Some((stage, epochs));
        while let Some((stage, epochs)) = at {
            let Some(one) = self.stages.get(stage as usize) else { break };
            path.push((one, epochs));
            at = one.parent.map(|(parent, left)| (parent, left.min(epochs)));
        }
        path.reverse();
        path
    }

    /// The first `epochs` epochs of the run that ends in `stage`.
    pub fn curve(&self, stage: StageId, epochs: u32) -> Vec<Observation> {
        let mut curve = Vec::new();
        for (one, until) in self.path(stage, epochs) {
            curve.extend(one.until(until).iter().map(|(_, observation)| *observation));
        }
        curve
    }

    /// The number that the next new trial gets.
    pub fn next_trial(&self) -> u32 {
        self.trials.last().map_or(0, |(number, _)| number + 1)
    }

    /// What a trial is.
    pub fn config(&self, trial: u32) -> Option<&Config> {
        let place = self.trials.binary_search_by_key(&trial, |(number, _)| *number).ok()?;
        Some(&self.trials[place].1)
    }

    /// The result of a trial, once it has ended on all `parts`.
    pub fn result(&self, trial: u32, parts: &[Part]) -> Option<TrialResult> {
        let last = |part: &Part| self.endings.iter().rev().find(|one| one.trial == trial && one.part == *part);
        self.result_of(trial, parts.iter().map(last))
    }

    /// The result of a trial that ended so, for those who know its last end on each part; `None` if one is missing or
    /// there is no such trial.
    pub fn result_of<'a>(&self, trial: u32, endings: impl Iterator<Item = Option<&'a Ending>>) -> Option<TrialResult> {
        let fold = |ending: Option<&Ending>| {
            let ending = *ending?;
            Some(FoldResult { ending, curve: self.curve(ending.stage, ending.epochs) })
        };
        let folds = endings.map(fold).collect::<Option<Vec<_>>>()?;
        Some(TrialResult { trial, config: self.config(trial)?.clone(), folds })
    }

    /// Results of the trials all of whose `parts` have ended, in order of their numbers.
    pub fn results(&self, parts: &[Part]) -> Vec<TrialResult> {
        // Of several ends the last one counts, and a study can have very many.
        let last: BTreeMap<(u32, Part), &Ending> =
            self.endings.iter().map(|one| ((one.trial, one.part), one)).collect();
        let result = |(trial, _): &(u32, Config)| {
            self.result_of(*trial, parts.iter().map(|part| last.get(&(*trial, *part)).copied()))
        };
        self.trials.iter().filter_map(result).collect()
    }

    /// Epochs that were trained on a part, for whatever trial.
    pub fn trained_on(&self, part: Part) -> u64 {
        self.stages.iter().filter(|stage| stage.part == part).map(|stage| stage.epochs.len() as u64).sum()
    }

    /// Fold-epochs that these trials used on these parts, and how many of them were different ones: what they would
    /// have cost apart, and what they did cost. Of a trial that ended anew under other rules, the last end counts.
    pub fn used(&self, trials: &[u32], parts: &[Part]) -> (u64, u64) {
        let trials: BTreeSet<u32> = trials.iter().copied().collect();
        let asked = |one: &&Ending| trials.contains(&one.trial) && parts.contains(&one.part);
        let last: BTreeMap<(u32, Part), &Ending> =
            self.endings.iter().filter(asked).map(|one| ((one.trial, one.part), one)).collect();
        // Of each stage, its own epochs that someone used: whoever passes through it has it from its first one on.
        let mut own: BTreeMap<StageId, u32> = BTreeMap::new();
        let mut total = 0;
        for ending in last.into_values() {
            total += u64::from(ending.epochs);
            for (stage, until) in self.path(ending.stage, ending.epochs) {
                let epochs = until.saturating_sub(stage.parent.map_or(0, |(_, left)| left));
                own.entry(stage.stage).and_modify(|most| *most = epochs.max(*most)).or_insert(epochs);
            }
        }
        (total, own.into_values().map(u64::from).sum())
    }
}

impl RememberedStage {
    /// Its own epochs up to epoch `until` of the run.
    fn until(&self, until: u32) -> &[(PrefixKey, Observation)] {
        let before = self.parent.map_or(0, |(_, left)| left);
        let own = (until.saturating_sub(before) as usize).min(self.epochs.len());
        &self.epochs[..own]
    }
}

/// How a trial went on one part.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldResult {
    /// How it ended.
    pub ending: Ending,
    /// Every epoch it saw.
    pub curve: Vec<Observation>,
}

impl FoldResult {
    /// The epoch that counts.
    pub fn chosen(&self) -> Option<&Observation> {
        self.curve.get((self.ending.chosen as usize).checked_sub(1)?)
    }
}

/// How a trial went.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialResult {
    /// Its number.
    pub trial: u32,
    /// What it was.
    pub config: Config,
    /// One for each part, in their order.
    pub folds: Vec<FoldResult>,
}

/// Mean over folds of what counts of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Training loss without the penalty.
    pub train_loss: f64,
    /// Training score, as met in training.
    pub train_score: f64,
    /// Validation loss; `None` without validation rows.
    pub validation_loss: Option<f64>,
    /// Validation score; `None` without validation rows.
    pub validation_score: Option<f64>,
    /// Epochs that count.
    pub epochs: f64,
}

impl TrialResult {
    /// Why it ended: failed or diverged if any fold did, complete if any fold was, else what the folds say.
    pub fn stopped(&self) -> Stopped {
        let any = |reason: Stopped| self.folds.iter().any(|fold| fold.ending.stopped == reason);
        let order = [Stopped::Failed, Stopped::Diverged, Stopped::Complete, Stopped::Early];
        order.into_iter().find(|&reason| any(reason)).unwrap_or(Stopped::Converged)
    }

    /// The score of each fold at the epoch that counts: on validation rows, or on training rows where there are
    /// none; not finite where it diverged or failed.
    pub fn scores(&self) -> Vec<f64> {
        let score = |fold: &FoldResult| match fold.chosen() {
            Some(one) if !matches!(fold.ending.stopped, Stopped::Diverged | Stopped::Failed) => {
                one.validation.map_or(one.train_score, |v| v.score)
            }
            _ => f64::NAN,
        };
        self.folds.iter().map(score).collect()
    }

    /// Mean of [`TrialResult::scores`].
    pub fn score(&self) -> f64 {
        let scores = self.scores();
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    /// Means over folds at the epochs that count; `None` before the first epoch.
    pub fn summary(&self) -> Option<Summary> {
        let chosen = self.folds.iter().map(FoldResult::chosen).collect::<Option<Vec<_>>>()?;
        let n = chosen.len() as f64;
        let mean = |value: &dyn Fn(&Observation) -> f64| chosen.iter().map(|one| value(one)).sum::<f64>() / n;
        let validated = chosen.iter().all(|one| one.validation.is_some());
        let validation = |value: fn(crate::observation::Scored) -> f64| {
            validated.then(|| mean(&|one| one.validation.map_or(f64::NAN, value)))
        };
        Some(Summary {
            train_loss: mean(&|one| one.train_loss),
            train_score: mean(&|one| one.train_score),
            validation_loss: validation(|v| v.loss),
            validation_score: validation(|v| v.score),
            epochs: mean(&|one| f64::from(one.epoch)),
        })
    }
}

/// Mean and sample standard deviation; the latter is `None` of fewer than two values.
pub fn mean_and_std(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Scored;
    use crate::plan::Key;

    fn observation(epoch: u32, score: f64) -> Observation {
        let validation = Some(Scored { loss: 1.0 - score, score });
        let (train_loss, train_score) = (0.5, score);
        Observation {
            epoch,
            step: 0,
            rate: 0.1,
            momentum: None,
            train_loss,
            penalty: 0.0,
            train_score,
            validation,
            averaged: None,
            blocks: None,
            seconds: 0.0,
        }
    }

    fn stage(stage: StageId, parent: Option<(StageId, u32)>, scores: &[f64]) -> RememberedStage {
        let before = parent.map_or(0, |(_, left)| left);
        let key = |epoch: u32| PrefixKey(Key::of(&[stage as u8, epoch as u8]));
        let epoch = |(i, score): (usize, &f64)| (key(i as u32), observation(before + i as u32 + 1, *score));
        let epochs = scores.iter().enumerate().map(epoch).collect();
        RememberedStage { stage, part: Part::Fold(0), parent, first: key(0), epochs, checkpoints: vec![] }
    }

    #[test]
    fn curves_walk_through_parents_and_shared_epochs_are_counted_once() {
        let ending = |trial, stage, epochs| Ending {
            trial,
            part: Part::Fold(0),
            stage,
            stopped: Stopped::Complete,
            epochs,
            chosen: epochs,
        };
        let memory = Remembered {
            trials: (0..3).map(|trial| (trial, Config::default())).collect(),
            stages: vec![stage(0, None, &[0.1, 0.2, 0.3, 0.4]), stage(1, Some((0, 2)), &[0.6, 0.7])],
            endings: vec![ending(2, 0, 3), ending(0, 0, 4), ending(1, 1, 4), ending(2, 0, 1)],
            notes: vec![],
        };
        let scores = |trial: usize| -> Vec<f64> {
            let results = memory.results(&[Part::Fold(0)]);
            results[trial].folds[0].curve.iter().map(|one| one.train_score).collect()
        };
        assert_eq!(scores(0), [0.1, 0.2, 0.3, 0.4]);
        assert_eq!(scores(1), [0.1, 0.2, 0.6, 0.7]);
        assert_eq!(scores(2), [0.1]);
        assert_eq!(memory.used(&[0, 1, 2], &[Part::Fold(0)]), (9, 6));
        assert_eq!(memory.used(&[1], &[Part::Fold(0)]), (4, 4));
        assert!(memory.results(&[Part::Fold(0), Part::Fold(1)]).is_empty());
    }

    #[test]
    fn spread_is_the_sample_deviation() {
        assert_eq!(mean_and_std(&[1.0, 3.0]), (2.0, Some(2f64.sqrt())));
        assert_eq!(mean_and_std(&[1.0]), (1.0, None));
    }
}
