//! Every strategy but the grid, step by step: range test, search, finalists, their confirmation, the final model. Each
//! step looks at what is remembered first, so a search that was interrupted passes quickly through what it has done.

use super::finish;
use super::strategy::{self, Strategy};
use crate::flags::Tune;
use crate::job::{Job, Purpose};
use crate::progress::Teller;
use crate::split::Rows;
use crate::work::{Exit, Place, Work, name_of};
use opportune_core::InputError;
use opportune_core::epochs::{EpochsTable, ladder};
use opportune_core::finalists::{Finalist, SCHEDULES};
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::TrialResult;
use opportune_core::plan::Part;
use opportune_core::policy::{Asha, Auto, Halving, Limited, Policy, Sampled, Single, geometric_rungs};
use opportune_core::ports::Planner;
use opportune_core::range_test::RangeTest;
use opportune_core::sampler::{Random, Sampler, Sobol};
use opportune_core::space::{Config, Value};
use opportune_core::stop::Stopped;
use opportune_study::Asked;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Of the time that is allowed, the search takes so much, and the finalists may go on up to so much.
const SEARCH_TIME: f64 = 0.6;
pub const FINALISTS_TIME: f64 = 0.85;
/// Of the epochs that are allowed, the search takes so much; the rest is for finalists, confirmation and final model.
const SEARCH_EPOCHS: f64 = 0.5;
/// Why a search can end before its time.
pub const TIME_UP: &str = "the time was up";
pub const TARGET_REACHED: &str = "the target score was reached";
pub const BUDGET_USED: &str = "the budget was used up";
/// Trials unless told.
const SAMPLES: u32 = 20;
const HALVED: u32 = 27;
/// Of the strategies that are asked for by their names; the default search has a rule of its own.
const ETA: u32 = 3;

/// A candidate for delivery, in work.
pub struct Candidate {
    pub finalist: Finalist,
    /// The number under which it was searched.
    pub trial: u32,
    /// The number under which it is confirmed and delivered: another one where it keeps fewer epochs.
    pub delivered: u32,
    /// On the folds of the search; the last epoch counts.
    pub result: TrialResult,
    /// Scores of the confirmation by fold or block; empty if there was none.
    pub confirmed: Vec<f64>,
}

impl Candidate {
    pub fn new(finalist: Finalist, result: TrialResult) -> Candidate {
        Candidate { finalist, trial: result.trial, delivered: result.trial, result, confirmed: Vec::new() }
    }
}

/// A search in work; what it came to so far.
pub struct Search<'a, 'f> {
    pub work: Work<'a>,
    pub flags: &'f Tune,
    pub strategy: Strategy,
    /// For each optimizer: its first point, and what came of it.
    pub range_tests: Vec<(Config, RangeTest)>,
    /// Numbers of the trials that are searched among.
    pub trials: Vec<u32>,
    /// Numbers of all that were trained at the recommended number of epochs, where any were.
    pub finalists: Vec<u32>,
    /// Best first.
    pub candidates: Vec<Candidate>,
    /// Why the search ended before its time.
    pub ended_early: Option<String>,
    /// Epochs after which trials are first compared; fewer are not recommended.
    first_rung: u32,
    began: Instant,
    time: Option<Duration>,
}

pub fn run(flags: &Tune, strategy: Strategy, again: String, interrupt: &AtomicBool) -> Result<Exit, InputError> {
    let began = Instant::now();
    let name = name_of(flags.study.name.as_deref(), &flags.data.data, "")?;
    let job = job(Rows::Files, flags, strategy)?;
    let teller = teller(&job, flags);
    if flags.dry_run {
        return finish::dry_run(flags, strategy, &job, &name);
    }
    announce(&job, &teller);
    let place = Place::open(&job, &name, &flags.study)?;
    let mut search = Search::new(Work::begin(place, job, name, teller, interrupt, again), flags, strategy, began)?;
    match search.carry_out(true)? {
        Came::Through => finish::finish(&mut search),
        Came::ToNothing => finish::nothing(&search),
        Came::Interrupted => finish::interrupted(&mut search),
    }
}

/// The job of a search.
pub fn job(rows: Rows, flags: &Tune, strategy: Strategy) -> Result<Job, InputError> {
    let purpose = Purpose::Search { trunks: strategy == Strategy::Auto };
    Job::new(rows, purpose, &flags.data, &flags.space, &flags.training, &flags.study)
}

/// Who tells of it.
pub fn teller(job: &Job, flags: &Tune) -> Teller {
    let mut varied: Vec<String> =
        job.space.0.iter().filter(|param| param.varies()).map(|param| param.name.clone()).collect();
    varied.push("lr".into());
    Teller::new(job.score, flags.study.json, flags.study.quiet, varied).by_rungs()
}

/// Tells what was decided, and what to know, before anything is trained.
pub fn announce(job: &Job, teller: &Teller) {
    job.notes.iter().for_each(|note| teller.line(note));
    job.warnings.iter().for_each(|warning| teller.warn(warning.clone()));
}

/// How far a search came.
pub enum Came {
    /// To settings that can be delivered.
    Through,
    /// To no setting that can be.
    ToNothing,
    /// To an interruption.
    Interrupted,
}

impl<'a, 'f> Search<'a, 'f> {
    /// A search that has done nothing yet. `began`: its time counts from then.
    pub fn new(
        work: Work<'a>,
        flags: &'f Tune,
        strategy: Strategy,
        began: Instant,
    ) -> Result<Search<'a, 'f>, InputError> {
        Ok(Search {
            work,
            flags,
            strategy,
            range_tests: Vec::new(),
            trials: Vec::new(),
            finalists: Vec::new(),
            candidates: Vec::new(),
            ended_early: None,
            first_rung: 1,
            began,
            time: strategy::time(flags.search.time.as_deref())?,
        })
    }

    /// Takes all steps, the final model among them if `refit`.
    pub fn carry_out(&mut self, refit: bool) -> Result<Came, InputError> {
        self.begin()?;
        if !(self.range_test()? && self.explore()?) {
            return Ok(Came::Interrupted);
        }
        if self.sound().is_empty() {
            return Ok(Came::ToNothing);
        }
        let done = self.choose()? && self.confirm(refit)? && (!refit || self.refit()?);
        Ok(if done { Came::Through } else { Came::Interrupted })
    }

    fn begin(&self) -> Result<(), InputError> {
        let job = &self.work.job;
        self.work.teller.event(&json!({
            "event": "started", "command": "tune", "study": self.work.name, "strategy": self.strategy.name(),
            "parts": job.parts.len(), "training_rows": job.training_rows, "test_rows": job.test.len(),
            "score": job.score, "seed": job.base.seed, "epochs_limit": job.epochs.limit(),
        }))?;
        self.strategy.explained(self.flags).into_iter().for_each(|why| self.work.teller.line(&why));
        self.work.teller.line(&format!(
            "up to {} epochs, judged by {} ({} training rows each)",
            job.epochs.limit(),
            job.judged_by,
            job.training_rows
        ));
        Ok(())
    }

    /// When a share of the allowed time will be over.
    pub fn by(&self, share: f64) -> Option<Instant> {
        self.time.map(|time| self.began + time.mul_f64(share))
    }

    /// Whether it is.
    pub fn late(&self, share: f64) -> bool {
        self.by(share).is_some_and(|by| Instant::now() >= by)
    }

    /// Fold-epochs that may still be trained; `None` without a budget.
    pub fn budget_left(&self) -> Option<u64> {
        let budget = self.flags.search.budget_epochs?;
        Some(budget.saturating_sub(self.cost().trained()))
    }

    /// Has the trials trained. Whether it was done, not interrupted.
    fn explore(&mut self) -> Result<bool, InputError> {
        let job = &self.work.job;
        let parts = job.parts.len() as u32;
        let target = self.flags.search.target_score.map(|target| (job.score, target));
        let budget = self.budget_left().map(|left| (left as f64 * SEARCH_EPOCHS) as u64);
        let population = if self.strategy == Strategy::Auto { self.trunks() } else { Vec::new() };
        self.first_rung = self.first_rung(&population)?.min(job.epochs.limit());
        let job = &self.work.job;
        let mut policy = Limited::new(self.policy(population), parts, budget, target);
        let branches = match self.strategy {
            Strategy::Auto => self.branches()?,
            _ => Vec::new(),
        };
        let (parts, rules, deadline) = (job.parts.clone(), job.rules.clone(), self.by(SEARCH_TIME));
        let asked = Asked { branches, deadline, ..self.work.asked(&parts, &rules) };
        let outcome = self.work.run(&mut policy, &asked)?;
        self.trials = outcome.trials;
        if outcome.cut && !outcome.interrupted {
            let late = self.late(SEARCH_TIME);
            self.ended_early = Some(if late { TIME_UP } else { TARGET_REACHED }.into());
        } else if policy.used_up() {
            self.ended_early = Some(BUDGET_USED.into());
        }
        Ok(!outcome.interrupted)
    }

    /// Epochs after which finalists may leave their runs of constant rate: where what they have in common ends.
    fn branches(&self) -> Result<Vec<u32>, InputError> {
        let job = &self.work.job;
        let mut first: Vec<Config> = Vec::new();
        for trunk in self.trunks() {
            if first.iter().all(|one| one.get("batch") != trunk.get("batch")) {
                first.push(trunk);
            }
        }
        let mut branches = BTreeSet::new();
        for trunk in first {
            let keys = job.trainer.plan(&trunk, job.parts[0])?.keys(None, job.epochs.limit());
            for (schedule, epochs) in
                self.schedules().iter().flat_map(|one| job.epochs.ladder.iter().map(move |n| (one, n)))
            {
                let config =
                    trunk.with("schedule", Value::Text(schedule.clone())).with("epochs", Value::Count(*epochs));
                // There are schedules that so few epochs are not enough for.
                let Ok(plan) = job.trainer.plan(&config, job.parts[0]) else { continue };
                // Only as far as they have something in common: where each step has its own rate, keys take long.
                let other = plan.keys_in_turn(None).take(*epochs as usize + 1);
                let going = |_: &_| !self.work.interrupt.load(Ordering::Relaxed);
                let common = keys.iter().zip(other).take_while(going).take_while(|(a, b)| *a == b).count() as u32;
                branches.extend(common.checked_sub(1));
            }
        }
        Ok(branches.into_iter().filter(|epoch| *epoch > 0).collect())
    }

    /// The schedules that finalists are compared under.
    pub fn schedules(&self) -> Vec<String> {
        match self.work.job.space.param("schedule") {
            Some(param) => param.values().iter().map(|value| value.to_string()).collect(),
            None => SCHEDULES.map(String::from).to_vec(),
        }
    }

    fn policy(&self, population: Vec<Config>) -> Box<dyn Policy> {
        let job = &self.work.job;
        let (limit, seed) = (job.epochs.limit(), job.base.seed);
        let trials = |default: u32| self.flags.search.trials.unwrap_or(default);
        let least = self.first_rung;
        match self.strategy {
            Strategy::Auto | Strategy::Grid => {
                let rungs = Auto::rungs(&ladder(least, limit));
                let words = format!("{} candidates, at first for {}", population.len(), epochs_in_words(rungs[0]));
                self.work.teller.line(&words);
                let auto = Auto::new(population, rungs, job.parts.len() as u32, self.rates_to_probe());
                Box::new(auto.at_most(self.flags.search.trials.map_or(usize::MAX, |trials| trials as usize)))
            }
            Strategy::Random | Strategy::Sobol => {
                let sampler: Box<dyn Sampler> = match self.strategy {
                    Strategy::Random => Box::new(Random { seed }),
                    _ => Box::new(Sobol::new(seed)),
                };
                Box::new(Sampled::new(self.full_space(), sampler, trials(SAMPLES), limit))
            }
            Strategy::Halving => {
                Box::new(Halving::new(self.samples(trials(HALVED)), geometric_rungs(least, limit, ETA), ETA))
            }
            Strategy::Asha => {
                let rungs = geometric_rungs(least, limit, ETA);
                Box::new(Asha::new(self.full_space(), Box::new(Sobol::new(seed)), trials(HALVED), rungs, ETA))
            }
        }
    }

    /// Results of the trials that have any, those that diverged among them.
    pub fn results(&self) -> Vec<TrialResult> {
        let result = |trial: &u32| self.work.engine.memory().result(*trial, &self.work.job.parts);
        self.trials.iter().filter_map(result).collect()
    }

    /// Those that neither diverged nor failed, with their curves; without an epoch they tell nothing.
    pub fn sound(&self) -> Vec<(TrialResult, JudgedCurve)> {
        let sound = |one: &TrialResult| !matches!(one.stopped(), Stopped::Diverged | Stopped::Failed);
        let results = self.results().into_iter().filter(sound);
        let curved = results.map(|one| {
            let curve = JudgedCurve::of(&one);
            (one, curve)
        });
        curved.filter(|(_, curve)| curve.epochs() > 0).collect()
    }

    /// The answer for every number of epochs, where trials are runs of constant rate; `None` if every trial diverged.
    pub fn table(&self, sound: &[(TrialResult, JudgedCurve)]) -> Option<EpochsTable> {
        let curves: Vec<(u32, &JudgedCurve)> = sound.iter().map(|(one, curve)| (one.trial, curve)).collect();
        let table = EpochsTable::of(&curves, &self.work.job.epochs.ladder, self.first_rung);
        table.filter(|_| self.strategy == Strategy::Auto)
    }

    /// Trains the final model. Whether it was done, not interrupted.
    fn refit(&mut self) -> Result<bool, InputError> {
        let Some(best) = self.candidates.first() else { return Ok(true) };
        let mut single = Single::new(best.finalist.config.clone(), best.finalist.until);
        self.work.begin_final_model();
        let asked = Asked { deliver: true, ..self.work.asked(&[Part::Whole], &[]) };
        let outcome = self.work.run(&mut single, &asked)?;
        if let (Some(best), Some(trial)) = (self.candidates.first_mut(), outcome.trials.first()) {
            best.delivered = *trial;
        }
        Ok(!outcome.interrupted)
    }
}

pub fn epochs_in_words(epochs: u32) -> String {
    if epochs == 1 { "1 epoch".into() } else { format!("{epochs} epochs") }
}
