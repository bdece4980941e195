//! From what was searched to what is delivered: finalists, trained and confirmed.

use super::foresight::OfConfirmation;
use super::search::{Candidate, FINALISTS_TIME, Search, TIME_UP};
use opportune_core::InputError;
use opportune_core::epochs::EpochsTable;
use opportune_core::finalists::{CONFIRMED, Finalist, confirmed, finalists};
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::TrialResult;
use opportune_core::observation::BLOCKS;
use opportune_core::plan::Part;
use opportune_core::policy::Grid;
use opportune_core::schedule::Schedule;
use opportune_core::space::{Config, Value};
use opportune_core::stop::Stopped;
use opportune_study::{Asked, Foresight};
use std::sync::Arc;

impl Search<'_, '_> {
    /// Finds the finalists, the best first. Whether it was done, not interrupted.
    pub fn choose(&mut self) -> Result<bool, InputError> {
        let sound = self.sound();
        let done = match self.table(&sound) {
            Some(table) => self.train_finalists(&sound, &table)?,
            None => {
                self.candidates = sound.iter().filter_map(|(one, curve)| as_it_is(one, curve)).collect();
                true
            }
        };
        let score = self.work.job.score;
        self.candidates.sort_by(|a, b| {
            let (x, y) = (a.result.score(), b.result.score());
            let loss = |one: &Candidate| one.result.summary().and_then(|s| s.validation_loss).unwrap_or(f64::INFINITY);
            score.better(y, x).cmp(&score.better(x, y)).then(loss(a).total_cmp(&loss(b)))
        });
        // A small space may be drawn from more often than it has points; finalists differ in more than their epochs.
        let mut seen: Vec<Config> = Vec::new();
        self.candidates.retain(|one| {
            let config = one.finalist.config.with("epochs", Value::Count(0));
            let new = !seen.contains(&config);
            seen.extend(new.then_some(config));
            new
        });
        self.candidates.truncate(CONFIRMED);
        // What is confirmed and delivered is what was read off the folds of the search.
        for Candidate { finalist, result, .. } in &mut self.candidates {
            finalist.config = self.work.recorded(&finalist.config, result, finalist.until)?;
        }
        Ok(done)
    }

    /// Trains what is to be compared at the recommended number of epochs, on the folds of the search.
    fn train_finalists(
        &mut self,
        sound: &[(TrialResult, JudgedCurve)],
        table: &EpochsTable,
    ) -> Result<bool, InputError> {
        let trunks: Vec<_> = sound.iter().map(|(one, curve)| (one.trial, &one.config, curve)).collect();
        let mut all = finalists(table, &trunks, &self.schedules(), &|rate| self.nearest_rate(rate))?;
        if let Some(left) = self.budget_left() {
            let trained = |trial: u32| sound.iter().find(|(one, _)| one.trial == trial).map_or(0, |(_, c)| c.epochs());
            all.truncate(affordable(&all, self.work.job.parts.len() as u64, left, &trained));
        }
        let parts = self.work.job.parts.clone();
        let mut policy = Grid::of(all.iter().map(|one| (one.config.clone(), one.until)).collect());
        let asked = Asked { deadline: self.by(FINALISTS_TIME), ..self.work.asked(&parts, &[]) };
        let outcome = self.work.run(&mut policy, &asked)?;
        self.finalists = outcome.trials.clone();
        if outcome.interrupted {
            return Ok(false);
        }
        let memory = self.work.engine.memory();
        let candidate = |(finalist, trial): (Finalist, &u32)| {
            // One that the time was not enough for is no candidate.
            let result = memory.result(*trial, &parts)?;
            let whole = result.folds.iter().all(|fold| fold.curve.len() as u32 == finalist.until);
            whole.then(|| Candidate::new(finalist, result))
        };
        self.candidates = all.into_iter().zip(&outcome.trials).filter_map(candidate).collect();
        if self.candidates.is_empty() {
            // What is left is the run of constant rate itself, as far as it is trained.
            self.candidates = recommended(sound, table).into_iter().collect();
        }
        Ok(true)
    }

    /// What the search would deliver if it ended here, unconfirmed.
    pub fn choose_so_far(&mut self) {
        if !self.candidates.is_empty() {
            return;
        }
        let sound = self.sound();
        self.candidates = match self.table(&sound) {
            Some(table) => recommended(&sound, &table).into_iter().collect(),
            None => {
                let all = sound.iter().filter_map(|(one, curve)| as_it_is(one, curve));
                let score = self.work.job.score;
                let better =
                    |a: Candidate, b: Candidate| if score.better(b.result.score(), a.result.score()) { b } else { a };
                all.reduce(better).into_iter().collect()
            }
        };
    }

    /// Scores the finalists with a fresh seed, on a fresh partition unless that is given. Whether it was done, not
    /// interrupted. With `refit`, the final model is begun meanwhile.
    pub fn confirm(&mut self, refit: bool) -> Result<bool, InputError> {
        let parts = self.work.job.confirmation();
        let mut several: Vec<(Config, u32)> =
            self.candidates.iter().map(|one| (one.finalist.config.clone(), one.finalist.until)).collect();
        if let (Some(left), Some(best)) = (self.budget_left(), self.candidates.first()) {
            // The final model comes first.
            let each = u64::from(best.finalist.until) * parts.len().max(1) as u64;
            several.truncate((left.saturating_sub(u64::from(best.finalist.until)) / each.max(1)) as usize);
        }
        if parts.is_empty() || several.is_empty() || self.late(FINALISTS_TIME) {
            return Ok(true);
        }
        // A budget has no epoch to spare for a model that is overtaken.
        let ahead = (refit && self.flags.search.budget_epochs.is_none()).then(|| {
            let compared = self.candidates[..several.len()].iter();
            let compared = compared.map(|one| (&one.finalist.config, one.finalist.until, &one.result));
            Arc::new(OfConfirmation::new(&self.work.job, compared)) as Arc<dyn Foresight>
        });
        let mut policy = Grid::of(several);
        let deliver = parts.len() == 1;
        let asked = Asked { deliver, ahead, deadline: self.by(1.0), ..self.work.asked(&parts, &[]) };
        let outcome = self.work.run(&mut policy, &asked)?;
        if outcome.interrupted {
            return Ok(false);
        }
        if outcome.cut {
            self.ended_early = Some(TIME_UP.into());
            return Ok(true);
        }
        for (place, trial) in outcome.trials.iter().enumerate() {
            self.candidates[place].delivered = *trial;
            self.candidates[place].confirmed = match parts[..] {
                [part] => self.block_scores(*trial, part)?,
                _ => self.work.engine.memory().result(*trial, &parts).map(|one| one.scores()).unwrap_or_default(),
            };
        }
        let compared = &self.candidates[..outcome.trials.len()];
        let scores: Vec<Vec<f64>> = compared.iter().map(|one| one.confirmed.clone()).collect();
        let chosen = confirmed(self.work.job.score, &scores);
        self.candidates[..=chosen].rotate_right(1);
        Ok(true)
    }

    /// What each block of the validation rows of a single split contributes to a trial's score: the jackknife's
    /// pseudo-values (Tukey 1958), n·score of all rows − (n−1)·score of all but the block. Their mean is about the score,
    /// and their standard error its, also for scores that mean nothing on a few rows. For the share of hits they are each
    /// block's own.
    fn block_scores(&self, trial: u32, part: Part) -> Result<Vec<f64>, InputError> {
        let ended = self.work.engine.memory().result(trial, &[part]);
        let samples = self.work.job.trainer.samples(part);
        let (Some(ended), Some(samples)) = (ended.filter(|one| one.score().is_finite()), samples) else {
            return Ok(vec![f64::NAN; BLOCKS]);
        };
        let (model, _) = self.work.model(trial, part)?;
        let rows = &samples.validation;
        let n = BLOCKS.min(rows.len());
        let without = |block: usize| {
            let others = rows.iter().enumerate().filter(|(place, _)| place % n != block);
            let others: Vec<u32> = others.map(|(_, row)| *row).collect();
            model.score(&self.work.job.data, &others, self.work.job.score)
        };
        let (whole, n) = (ended.score(), n as f64);
        Ok((0..n as usize).map(|block| n * whole - (n - 1.0) * without(block)).collect())
    }
}

/// The run of constant rate that the table of epochs recommends, as it is.
fn recommended(sound: &[(TrialResult, JudgedCurve)], table: &EpochsTable) -> Option<Candidate> {
    let row = &table.rows[table.recommended];
    let (trunk, _) = sound.iter().find(|(one, _)| one.trial == row.trial)?;
    at(trunk, row.at)
}

/// A trial of a search without an epochs table: at its best epoch.
fn as_it_is(result: &TrialResult, curve: &JudgedCurve) -> Option<Candidate> {
    at(result, curve.best(u32::MAX)?.0)
}

/// A trial as it was after so many epochs.
fn at(result: &TrialResult, epochs: u32) -> Option<Candidate> {
    let mut result = result.clone();
    for fold in &mut result.folds {
        fold.curve.truncate(epochs as usize);
        (fold.ending.epochs, fold.ending.chosen, fold.ending.stopped) = (epochs, epochs, Stopped::Complete);
    }
    let until = result.folds.iter().map(|fold| fold.curve.len() as u32).min()?;
    // Where the schedule is the same for any number of epochs, these are the ones.
    let schedule = result.config.get("schedule").and_then(|value| value.text()?.parse::<Schedule>().ok());
    if schedule.is_some_and(|schedule| !schedule.depends_on_epochs()) {
        result.config = result.config.with("epochs", Value::Count(until));
    }
    let finalist = Finalist { config: result.config.clone(), until, from: None };
    Some(Candidate::new(finalist, result))
}

/// How many of the finalists can be trained on `parts` folds, if the final model and, for more than one, the
/// confirmation of all is to remain possible: at least one, the first.
fn affordable(all: &[Finalist], parts: u64, left: u64, trained: &dyn Fn(u32) -> u32) -> usize {
    let more = |one: &Finalist| {
        let shared = one.from.map_or(0, |(trial, epochs)| epochs.min(trained(trial)));
        u64::from(one.until.saturating_sub(shared)) * parts
    };
    let cost = |count: usize| {
        let several = &all[..count];
        let epochs = |one: &Finalist| u64::from(one.until);
        several.iter().map(|one| more(one) + epochs(one) * parts).sum::<u64>() + several.first().map_or(0, epochs)
    };
    let fits = (2..=all.len()).rev().find(|count| cost(*count) <= left);
    let alone = |one: &Finalist| more(one) + u64::from(one.until) <= left;
    fits.unwrap_or(usize::from(all.first().is_some_and(alone)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_leaves_room_for_confirmation_and_final_model() {
        let one = |until: u32, from: Option<(u32, u32)>| Finalist { config: Config::default(), until, from };
        let all = [one(50, Some((0, 40))), one(50, None), one(50, Some((1, 40)))];
        let trained = |_: u32| 45;
        let count = |left: u64| affordable(&all, 5, left, &trained);
        // 10, 50 and 10 more epochs on 5 folds, 50 each for the confirmation, and 50 for the final model.
        assert_eq!((count(50 + 70 * 5 + 150 * 5), count(50 + 70 * 5 + 150 * 5 - 1)), (3, 2));
        assert_eq!((count(50 + 60 * 5 + 100 * 5), count(50 + 60 * 5 + 100 * 5 - 1)), (2, 1));
        assert_eq!((count(100), count(99), count(0)), (1, 0, 0));
    }
}
