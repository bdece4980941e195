//! Every strategy but the grid: a range test, a search, finalists, their confirmation, the final model.

use super::finish;
use super::strategy::{self, Strategy};
use crate::flags::Tune;
use crate::job::{Job, Purpose};
use crate::progress::Teller;
use crate::work::{self, Exit, Work, name_of};
use opportune_core::InputError;
use opportune_core::epochs::{EpochsTable, ladder};
use opportune_core::finalists::{CONFIRMED, Finalist, SCHEDULES, confirmed, cooldown_begins, finalists};
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::TrialResult;
use opportune_core::observation::BLOCKS;
use opportune_core::plan::Part;
use opportune_core::policy::{Auto, Grid, Single};
use opportune_core::ports::Planner;
use opportune_core::range_test::{RangeTest, rates_between};
use opportune_core::schedule::{Constant, Schedule, Timing};
use opportune_core::space::{Config, Domain, Space, Value};
use opportune_study::Asked;
use serde_json::json;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Where a range test tells nothing, these rates are tried.
const UNKNOWN_RATES: (f64, f64) = (1e-4, 0.1);
/// Optimizer steps of a range test: two epochs, but no fewer and no more than these.
const RANGE_STEPS: (u32, u32) = (12, 48);
/// The first rung has at least so many optimizer steps: after fewer, every rate looks alike.
const FIRST_STEPS: u32 = 8;
/// Rates of a list or a range that is given, at the most.
const RATES_MOST: usize = 14;
/// Of the time that is allowed, the search takes so much, and the finalists may go on up to so much.
const SEARCH_TIME: f64 = 0.6;
const FINALISTS_TIME: f64 = 0.85;

/// A candidate for delivery, in work.
pub struct Candidate {
    pub finalist: Finalist,
    /// Its number in the study.
    pub trial: u32,
    /// On the folds of the search.
    pub result: TrialResult,
    /// Scores of the confirmation by fold or block; empty if there was none.
    pub confirmed: Vec<f64>,
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
    /// Best first.
    pub candidates: Vec<Candidate>,
    /// Why the search ended before its time.
    pub ended_early: Option<String>,
    deadline: Option<(Instant, Duration)>,
}

pub fn run(flags: &Tune, strategy: Strategy, again: String, interrupt: &AtomicBool) -> Result<Exit, InputError> {
    let began = Instant::now();
    let name = name_of(flags.study.name.as_deref(), &flags.data.data, "")?;
    let purpose = Purpose::Search { trunks: strategy == Strategy::Auto };
    let job = Job::new(purpose, &flags.data, &flags.space, &flags.training, &flags.study)?;
    let mut varied: Vec<String> =
        job.space.0.iter().filter(|param| param.varies()).map(|param| param.name.clone()).collect();
    varied.push("lr".into());
    let teller = Teller::new(job.score, flags.study.json, flags.study.quiet, varied);
    if flags.dry_run {
        return finish::dry_run(flags, strategy, &job, &name);
    }
    job.notes.iter().for_each(|note| teller.line(note));
    job.warnings.iter().for_each(|warning| teller.warn(warning.clone()));
    let work = Work::open(job, name, &flags.study, teller, interrupt, again)?;
    let deadline = strategy::time(flags.search.time.as_deref())?.map(|time| (began, time));
    let mut search = Search {
        work,
        flags,
        strategy,
        range_tests: Vec::new(),
        trials: Vec::new(),
        candidates: Vec::new(),
        ended_early: None,
        deadline,
    };
    search.begin()?;
    // Each step looks at what is remembered first: a search that was interrupted passes through what it has done.
    if !(search.range_test()? && search.explore()?) {
        return finish::interrupted(&mut search);
    }
    let Some(table) = search.table() else {
        return finish::nothing(&search);
    };
    if !(search.train_finalists(&table)? && search.confirm()? && search.refit()?) {
        return finish::interrupted(&mut search);
    }
    finish::finish(&mut search)
}

impl Search<'_, '_> {
    fn begin(&self) -> Result<(), InputError> {
        let job = &self.work.job;
        self.work.teller.event(&json!({
            "event": "started", "command": "tune", "study": self.work.name, "strategy": self.strategy.name(),
            "parts": job.parts.len(), "training_rows": job.training_rows, "test_rows": job.test.len(),
            "score": job.score, "seed": job.base.seed, "epochs_limit": job.epochs.limit(),
        }))?;
        self.strategy.explained(self.flags).into_iter().for_each(|why| self.work.teller.line(&why));
        let words = format!(
            "up to {} epochs, judged by {} ({} training rows each)",
            job.epochs.limit(),
            job.judged_by,
            job.training_rows
        );
        self.work.teller.line(&words);
        Ok(())
    }

    /// When a part of the allowed time will be over.
    fn by(&self, share: f64) -> Option<Instant> {
        self.deadline.map(|(began, time)| began + time.mul_f64(share))
    }

    fn late(&self, share: f64) -> bool {
        self.by(share).is_some_and(|by| Instant::now() >= by)
    }

    /// Points of the space without rate, schedule and epochs; a range is left at its middle.
    fn points(&self) -> Vec<Config> {
        let space = self.work.job.space.without("lr").without("schedule");
        let middle = |mut config: Config| {
            for param in space.0.iter().filter(|param| param.is_range()) {
                config = config.with(&param.name, param.domain.at(0.5));
            }
            config
        };
        space.grid().map(middle).collect()
    }

    /// Brackets the rate for each optimizer, where it is not given. Whether it was done, not interrupted.
    fn range_test(&mut self) -> Result<bool, InputError> {
        let space = &self.work.job.space;
        let own = |param: &opportune_core::space::Param| {
            let schedule = |value: &Value| value.text().and_then(|text| text.parse::<Schedule>().ok());
            param.values().iter().filter_map(schedule).any(|schedule| schedule.owns_rate())
        };
        if space.param("lr").is_some() || space.param("schedule").is_some_and(own) {
            return Ok(true);
        }
        let mut firsts: Vec<Config> = Vec::new();
        for point in self.points() {
            if firsts.iter().all(|first| first.get("optimizer") != point.get("optimizer")) {
                firsts.push(point);
            }
        }
        for point in firsts {
            let test = match self.remembered_test(&point) {
                Some(test) => test,
                None => {
                    let plan = self.work.job.trainer.plan(&point, self.work.job.parts[0])?;
                    let steps = (2 * plan.schedule.steps_per_epoch()).clamp(RANGE_STEPS.0, RANGE_STEPS.1);
                    let rates = RangeTest::rates();
                    let tested = self.work.job.trainer.range_test(&point, &rates, steps, 1, self.work.interrupt)?;
                    let Some(test) = tested else { return Ok(false) };
                    let note = json!({"config": point, "test": test});
                    self.work.engine.note("range_test", note.to_string()).map_err(work::outside)?;
                    test
                }
            };
            self.work.teller.line(&bracket_in_words(&point, &test));
            self.work.teller.event(&json!({"event": "range_test", "config": point, "test": test}))?;
            if test.candidates().is_empty() {
                self.work.teller.warn(
                    "the range test cannot tell which rates train: no loss fell within its steps; rates from 1e-4 to \
                     0.1 are tried"
                        .into(),
                );
            }
            self.range_tests.push((point, test));
        }
        Ok(true)
    }

    fn remembered_test(&self, point: &Config) -> Option<RangeTest> {
        let notes = self.work.engine.memory().notes.iter().filter(|(kind, _)| kind == "range_test");
        let parsed = notes.filter_map(|(_, text)| serde_json::from_str::<serde_json::Value>(text).ok());
        let mut fits = parsed.filter(|note| note["config"] == json!(point));
        fits.find_map(|note| serde_json::from_value(note["test"].clone()).ok())
    }

    /// Rates to begin with at a point, ascending; `None` where its schedules have rates of their own.
    fn rates(&self, point: &Config) -> Vec<f64> {
        match self.work.job.space.param("lr").map(|param| &param.domain) {
            Some(Domain::Values(values)) => values.iter().filter_map(Value::number).collect(),
            Some(&Domain::Range { low, high, .. }) => {
                let rates = rates_between(low, high);
                let every = rates.len().div_ceil(RATES_MOST);
                rates.into_iter().step_by(every.max(1)).collect()
            }
            None => {
                let fits = |(first, _): &&(Config, RangeTest)| first.get("optimizer") == point.get("optimizer");
                let rates = self.range_tests.iter().find(fits).map(|(_, test)| test.candidates()).unwrap_or_default();
                if rates.is_empty() { rates_between(UNKNOWN_RATES.0, UNKNOWN_RATES.1) } else { rates }
            }
        }
    }

    /// Has the trials trained. Whether it was done, not interrupted.
    fn explore(&mut self) -> Result<bool, InputError> {
        let limit = self.work.job.epochs.limit();
        let constant = Schedule::Constant(Constant, Timing::default()).to_string();
        let mut population = Vec::new();
        for point in self.points() {
            for rate in self.rates(&point) {
                let config = point.with("lr", Value::Number(rate)).with("schedule", Value::Text(constant.clone()));
                population.push(config.with("epochs", Value::Count(limit)));
            }
        }
        let probe = match self.work.job.space.param("lr").map(|param| &param.domain) {
            Some(Domain::Values(_)) => None,
            Some(&Domain::Range { low, high, .. }) => Some((low, high)),
            None => Some((0.0, f64::INFINITY)),
        };
        let rungs = Auto::rungs(&ladder(self.first_rung(&population)?, limit));
        self.work.teller.line(&format!("halving over {} candidates, first rung {} epochs", population.len(), rungs[0]));
        let mut policy = Auto::new(population, rungs, self.work.job.parts.len() as u32, probe);
        let branches: Vec<u32> = self.work.job.epochs.ladder.iter().map(|epochs| cooldown_begins(*epochs)).collect();
        let (parts, rules) = (self.work.job.parts.clone(), self.work.job.rules.clone());
        let deadline = self.by(SEARCH_TIME);
        let asked = Asked { branches, deadline, ..self.work.asked(&parts, &rules) };
        let outcome = self.work.run(&mut policy, &asked)?;
        self.trials = outcome.trials;
        if outcome.cut {
            self.ended_early = Some(if self.late(SEARCH_TIME) { "the time was up" } else { "enough was found" }.into());
        }
        Ok(!outcome.interrupted)
    }

    fn first_rung(&self, population: &[Config]) -> Result<u32, InputError> {
        if let Some(epochs) = self.flags.search.min_epochs {
            return Ok(epochs);
        }
        let Some(first) = population.first() else { return Ok(1) };
        let steps = self.work.job.trainer.plan(first, self.work.job.parts[0])?.schedule.steps_per_epoch();
        Ok(FIRST_STEPS.div_ceil(steps))
    }

    /// Results of the trials that have any, those that diverged among them.
    pub fn results(&self) -> Vec<TrialResult> {
        let result = |trial: &u32| self.work.engine.memory().result(*trial, &self.work.job.parts);
        self.trials.iter().filter_map(result).collect()
    }

    /// The answer for every number of epochs; `None` if every trial diverged.
    pub fn table(&self) -> Option<EpochsTable> {
        let results = self.results();
        let curves: Vec<(u32, JudgedCurve)> = sound(&results).map(|one| (one.trial, JudgedCurve::of(one))).collect();
        let curves: Vec<(u32, &JudgedCurve)> = curves.iter().map(|(trial, curve)| (*trial, curve)).collect();
        EpochsTable::of(&curves, &self.work.job.epochs.ladder)
    }

    /// Trains the finalists on the folds of the search. Whether it was done, not interrupted.
    fn train_finalists(&mut self, table: &EpochsTable) -> Result<bool, InputError> {
        let results = self.results();
        let curves: Vec<JudgedCurve> = sound(&results).map(JudgedCurve::of).collect();
        let trunks: Vec<_> = sound(&results).zip(&curves).map(|(one, curve)| (one.trial, &one.config, curve)).collect();
        let schedules: Vec<String> = match self.work.job.space.param("schedule") {
            Some(param) => param.values().iter().map(|value| value.to_string()).collect(),
            None => SCHEDULES.map(String::from).to_vec(),
        };
        let all = finalists(table, &trunks, &schedules)?;
        let parts = self.work.job.parts.clone();
        let mut policy = Grid::of(all.iter().map(|one| (one.config.clone(), one.until)).collect());
        let asked = Asked { deadline: self.by(FINALISTS_TIME), ..self.work.asked(&parts, &[]) };
        let outcome = self.work.run(&mut policy, &asked)?;
        if outcome.interrupted {
            return Ok(false);
        }
        let memory = self.work.engine.memory();
        let candidate = |(finalist, trial): (Finalist, &u32)| {
            let result = memory.result(*trial, &parts)?;
            Some(Candidate { finalist, trial: *trial, result, confirmed: Vec::new() })
        };
        self.candidates = all.into_iter().zip(&outcome.trials).filter_map(candidate).collect();
        let score = self.work.job.score;
        self.candidates.sort_by(|a, b| {
            let (x, y) = (a.result.score(), b.result.score());
            let loss = |one: &Candidate| one.result.summary().and_then(|s| s.validation_loss).unwrap_or(f64::INFINITY);
            score.better(y, x).cmp(&score.better(x, y)).then(loss(a).total_cmp(&loss(b)))
        });
        Ok(true)
    }

    /// Scores the best finalists on a fresh partition with a fresh seed. Whether it was done, not interrupted.
    fn confirm(&mut self) -> Result<bool, InputError> {
        let parts = self.work.job.confirmation();
        let several: Vec<(Config, u32)> = self
            .candidates
            .iter()
            .take(CONFIRMED)
            .map(|one| (one.finalist.config.clone(), one.finalist.until))
            .collect();
        if parts.is_empty() || self.late(FINALISTS_TIME) {
            return Ok(true);
        }
        let mut policy = Grid::of(several);
        let deliver = parts.len() == 1;
        let asked = Asked { deliver, deadline: self.by(1.0), ..self.work.asked(&parts, &[]) };
        let outcome = self.work.run(&mut policy, &asked)?;
        if outcome.interrupted {
            return Ok(false);
        }
        if outcome.cut {
            self.ended_early = Some("the time was up".into());
            return Ok(true);
        }
        for place in 0..outcome.trials.len() {
            let trial = outcome.trials[place];
            self.candidates[place].confirmed = match parts[..] {
                [part] => self.block_scores(trial, part)?,
                _ => self.work.engine.memory().result(trial, &parts).map(|one| one.scores()).unwrap_or_default(),
            };
        }
        let scores: Vec<Vec<f64>> =
            self.candidates.iter().take(outcome.trials.len()).map(|one| one.confirmed.clone()).collect();
        let chosen = confirmed(self.work.job.score, &scores);
        self.candidates[..=chosen].rotate_right(1);
        Ok(true)
    }

    /// Scores of a trial on blocks of the validation rows of a single split.
    fn block_scores(&self, trial: u32, part: Part) -> Result<Vec<f64>, InputError> {
        let diverged = || vec![f64::NAN; BLOCKS];
        let ended = self.work.engine.memory().result(trial, &[part]);
        if ended.is_none_or(|one| !one.score().is_finite()) {
            return Ok(diverged());
        }
        let (model, _) = self.work.model(trial, part)?;
        let Some(samples) = self.work.job.trainer.samples(part) else { return Ok(diverged()) };
        let rows = |block: usize| samples.validation.iter().skip(block).step_by(BLOCKS).copied().collect::<Vec<u32>>();
        let blocks = (0..BLOCKS.min(samples.validation.len())).map(rows);
        Ok(blocks.map(|rows| model.score(&self.work.job.data, &rows, self.work.job.score)).collect())
    }

    /// Trains the final model. Whether it was done, not interrupted.
    fn refit(&mut self) -> Result<bool, InputError> {
        let Some(best) = self.candidates.first() else { return Ok(true) };
        let mut single = Single::new(best.finalist.config.clone(), best.finalist.until);
        self.work.teller.begin_final_model(self.work.job.rows_in_all());
        let asked = Asked { deliver: true, ..self.work.asked(&[Part::Whole], &[]) };
        Ok(!self.work.run(&mut single, &asked)?.interrupted)
    }
}

/// Those that neither diverged nor failed.
fn sound(results: &[TrialResult]) -> impl Iterator<Item = &TrialResult> {
    use opportune_core::stop::Stopped;
    results.iter().filter(|one| !matches!(one.stopped(), Stopped::Diverged | Stopped::Failed))
}

fn bracket_in_words(point: &Config, test: &RangeTest) -> String {
    let of = point.get("optimizer").map(|value| value.to_string()).unwrap_or_default();
    match (test.lowest(), test.edge()) {
        (Some(low), Some(edge)) => {
            format!("range test ({of}, {} steps): learns from {low:e} up, diverges from {edge:e} on", test.steps)
        }
        (Some(low), None) => {
            format!("range test ({of}, {} steps): learns from {low:e} up, nothing tried diverges", test.steps)
        }
        _ => format!("range test ({of}, {} steps): nothing learned", test.steps),
    }
}

/// For the space's parameters, with a rate where the range test brackets it.
pub fn searched_space(search: &Search<'_, '_>) -> Space {
    search.work.job.space.clone()
}
