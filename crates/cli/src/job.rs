//! From flags to work: the data, how they are split, the trainer, and the identity of the study.

use crate::flags;
use crate::split::{Rows, Split};
use crate::values::{self, Epochs, Unsaid};
use opportune_core::InputError;
use opportune_core::plan::{Key, Part};
use opportune_core::ports::{Planner, StudyId};
use opportune_core::schedule::{RateRule, Schedule};
use opportune_core::score::Score;
use opportune_core::settings::Settings;
use opportune_core::space::{Config, Space, Value};
use opportune_core::stop::StopRule;
use opportune_data::{Dataset, Target, Task};
use opportune_net::NativeTrainer;
use serde_json::json;
use std::sync::Arc;

/// More is a slip of the keyboard.
const THREADS_MAX: usize = 1024;
/// Below so many training rows scores are little more than luck.
const FEW_ROWS: usize = 100;
const FEW_ROWS_SAID: &str = "rows to learn from: scores will vary much by chance";

/// Whether a warning is the one of few rows.
pub fn says_few_rows(warning: &str) -> bool {
    warning.ends_with(FEW_ROWS_SAID)
}

/// What `fit` and `tune` have in common once their data are there.
pub struct Job {
    /// All rows, with those of test and validation files.
    pub data: Arc<Dataset>,
    /// Trains and plans.
    pub trainer: NativeTrainer,
    /// The folds, or all rows where nothing judges.
    pub parts: Vec<Part>,
    /// Rows that are scored once, at the end.
    pub test: Vec<u32>,
    /// Rows of a part's training, for telling.
    pub training_rows: usize,
    /// What is searched over.
    pub space: Space,
    /// Numbers of epochs that a search may recommend; empty where they are part of the space.
    pub epochs: Epochs,
    /// What a point of the space changes.
    pub base: Settings,
    /// What is judged by.
    pub score: Score,
    /// What stops a run.
    pub rules: Vec<StopRule>,
    /// Whether the folds of a trial are watched together because a schedule's rate follows the mean of their curves.
    pub together: bool,
    /// In words: `5 folds`.
    pub judged_by: String,
    /// Whether the confirmation has another division of the rows than the search: it has the same where that is given.
    pub divided_anew: bool,
    /// What was decided for want of a flag.
    pub notes: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What trials must have in common to be compared.
    pub identity: serde_json::Value,
}

/// Which command asks, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// One training.
    Fit,
    /// Every combination of the values given.
    Grid,
    /// A search that finds what is not given. `trunks`: among runs of constant rate, judged by averaged weights.
    Search { trunks: bool },
    /// Which rates train: on the rows that a search would begin with.
    RangeTest,
}

impl Purpose {
    fn unsaid(self) -> Unsaid {
        if matches!(self, Purpose::Search { .. } | Purpose::RangeTest) { Unsaid::Sought } else { Unsaid::Default }
    }
}

impl Job {
    /// Reads and splits the data, and sets up the trainer.
    ///
    /// # Errors
    /// Everything a person can get wrong about data and settings.
    pub fn new(
        rows: Rows,
        purpose: Purpose,
        data: &flags::Data,
        space: &flags::Space,
        training: &flags::Training,
        study: &flags::Study,
    ) -> Result<Job, InputError> {
        // Settings first: a slip in a flag must not wait for a large file.
        let given = space;
        let owns_rate = given.schedule.iter().any(Schedule::owns_rate);
        let space = values::space(given, purpose.unsaid())?;
        let rules = values::rules(training)?;
        tol_is_given_once(&given.schedule, &rules)?;
        let mut base = values::base(training, owns_rate);
        base.class_weight = data.class_weight.clone().unwrap_or_default();
        let epochs = match purpose {
            Purpose::Search { .. } => values::epochs(given)?,
            _ => values::Epochs { ladder: Vec::new() },
        };
        if let Some(limit) = epochs.ladder.last() {
            base.epochs = *limit;
        }
        let ends = space.with_ends();
        for config in ends.grid() {
            base.with(&config)?;
        }
        let threads = threads(study.threads)?;
        let split = Split::new(rows, data, threads)?;
        let score = training.score.unwrap_or(match split.data.task() {
            Some(Task::Regression) => Score::R2,
            _ => Score::Accuracy,
        });
        let confirmation = match purpose {
            Purpose::Search { .. } => split.judge(purpose, data, data.split_seed.wrapping_add(1))?.0,
            _ => Vec::new(),
        };
        let (folds, judged_by) = split.judge(purpose, data, data.split_seed)?;
        let divided_anew = confirmation != folds;
        let Split { data: all, test, fit, notes, warnings, .. } = split;
        if folds.is_empty() {
            validation_not_needed(&given.schedule, &rules)?;
        }
        // In a grid each fold goes by itself, as in scikit-learn, where it can; and then the refit can as well.
        let follows = given.schedule.iter().filter_map(Schedule::rate_rule);
        let together =
            follows.map(|rule| rule.monitor()).any(|monitor| purpose != Purpose::Grid || monitor.needs_validation());
        let mut warnings = warnings;
        if fit.len() < FEW_ROWS {
            warnings.push(format!("only {} {FEW_ROWS_SAID}", fit.len()));
        }
        let parts =
            if folds.is_empty() { vec![Part::Whole] } else { (0..folds.len() as u32).map(Part::Fold).collect() };
        let identity = identity(data, training, &all, score, &rules, &folds, &test);
        let training_rows = folds.first().map_or(fit.len(), |(train, _)| train.len());
        let data = Arc::new(all);
        let mut trainer = NativeTrainer::new(data.clone(), folds, fit, base.clone(), score, threads)?;
        trainer = trainer.with_confirmation(confirmation)?;
        if purpose == (Purpose::Search { trunks: true }) {
            trainer = trainer.with_averaging();
        }
        if let Some(path) = &study.trace {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            let cannot = |error| InputError::new(format!("cannot be written ({error})")).at(path.display().to_string());
            trainer = trainer.with_trace(file.map_err(cannot)?);
        }
        let mut job = Job {
            data,
            trainer,
            parts,
            test,
            training_rows,
            space,
            epochs,
            base,
            score,
            rules,
            together,
            judged_by,
            divided_anew,
            notes,
            warnings,
            identity,
        };
        // Every point can be planned before anything is trained, or it is an error now.
        for config in ends.grid() {
            job.trainer.plan(&config, job.parts[0])?;
        }
        job.leave_out_too_few_epochs(given.epochs.as_deref().is_some_and(|text| text.contains(',')))?;
        Ok(job)
    }

    /// Numbers of epochs that a schedule cannot be planned for are not recommended. `exactly`: they are asked for.
    fn leave_out_too_few_epochs(&mut self, exactly: bool) -> Result<(), InputError> {
        let schedules = self.space.param("schedule").map(|param| param.values().to_vec()).unwrap_or_default();
        let ends = self.space.without("schedule").with_ends();
        let points: Vec<Config> = schedules
            .iter()
            .flat_map(|schedule| ends.grid().map(move |point| point.with("schedule", schedule.clone())))
            .collect();
        let planned = |epochs: u32| {
            let plan = |point: &Config| self.trainer.plan(&point.with("epochs", Value::Count(epochs)), self.parts[0]);
            points.iter().try_for_each(|point| plan(point).map(drop))
        };
        let mut ladder = Vec::new();
        for epochs in &self.epochs.ladder {
            match planned(*epochs) {
                Ok(()) => ladder.push(*epochs),
                Err(error) if exactly => return Err(error.at("--epochs")),
                Err(_) => {}
            }
        }
        self.epochs.ladder = ladder;
        Ok(())
    }

    /// The folds of the confirmation; none where nothing is confirmed.
    pub fn confirmation(&self) -> Vec<Part> {
        let parts = (0..self.parts.len() as u32).map(Part::Confirmation);
        parts.filter(|part| self.trainer.samples(*part).is_some()).collect()
    }

    /// Rows the final model is trained on: all but the test's.
    pub fn rows_in_all(&self) -> usize {
        self.trainer.samples(Part::Whole).map_or(0, |samples| samples.train.len())
    }

    /// The study of that name.
    pub fn study(&self, name: &str) -> StudyId {
        let settings = self.identity.to_string();
        StudyId { name: name.to_string(), hash: Key::of(settings.as_bytes()), settings }
    }
}

/// Refuses rules that read validation rows, where there are none.
fn validation_not_needed(schedules: &[Schedule], rules: &[StopRule]) -> Result<(), InputError> {
    let none = |what: &str| InputError::new(format!("{what} reads validation rows, and there are none"));
    if let Some(rule) = rules.iter().find(|rule| rule.needs_validation()) {
        let (what, flag) = if matches!(rule, StopRule::Patience(_)) {
            ("patience", "--patience")
        } else {
            ("--tol-on score", "--tol")
        };
        return Err(none(what).at(flag).remedy("add --validation 0.2 or --folds 5"));
    }
    let reads = |schedule: &&Schedule| schedule.rate_rule().is_some_and(|rule| rule.monitor().needs_validation());
    match schedules.iter().find(reads) {
        Some(schedule) => Err(none(&schedule.to_string())
            .at("--schedule")
            .remedy("add --validation 0.2 or --folds 5, or monitor=training_loss")),
        None => Ok(()),
    }
}

/// Refuses --tol beside a schedule that brings that rule with it.
fn tol_is_given_once(schedules: &[Schedule], rules: &[StopRule]) -> Result<(), InputError> {
    let adaptive = |schedule: &Schedule| matches!(schedule.rate_rule(), Some(RateRule::Adaptive(_)));
    if rules.iter().any(|rule| !matches!(rule, StopRule::Patience(_))) && schedules.iter().any(adaptive) {
        return Err(InputError::new(
            "the schedule adaptive has the rule of --tol in it, and lowers the rate before it stops",
        )
        .at("--tol")
        .remedy("write adaptive(tol=…, patience=…) instead"));
    }
    Ok(())
}

fn threads(asked: Option<usize>) -> Result<usize, InputError> {
    match asked {
        Some(0) => Err(InputError::new("0 threads train nothing").at("--threads").remedy("give at least 1")),
        Some(threads) if threads > THREADS_MAX => {
            Err(InputError::new(format!("{threads} threads are more than any machine has"))
                .at("--threads")
                .remedy(format!("give at most {THREADS_MAX}, or leave it out")))
        }
        Some(threads) => Ok(threads),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// What the study's hash is of: whatever changes what a trial's numbers mean. The space and the budget do not.
fn identity(
    flags: &flags::Data,
    training: &flags::Training,
    data: &Dataset,
    score: Score,
    rules: &[StopRule],
    folds: &[(Vec<u32>, Vec<u32>)],
    test: &[u32],
) -> serde_json::Value {
    let mut rows = Vec::new();
    for list in folds.iter().flat_map(|(train, validation)| [&train[..], &validation[..]]).chain([test]) {
        rows.extend((list.len() as u64).to_le_bytes());
        rows.extend(list.iter().flat_map(|row| row.to_le_bytes()));
    }
    let mut identity = json!({
        "data": Key(data.key()).to_string(),
        "file": flags.data.file_name().map(|name| name.to_string_lossy()),
        "target": data.target_name(),
        "folds": folds.len(),
        "test_rows": test.len(),
        "split": Key::of(&rows).to_string(),
        "score": score,
        "seed": training.seed,
        "precision": training.precision,
        "init": training.init,
        "rules": rules,
    });
    // Only what is given: studies from before these flags are still themselves.
    if let Target::Labels { names, .. } = data.target() {
        identity["target"] = json!(names);
    }
    if let Some(column) = &flags.sample_weight {
        identity["sample_weight"] = json!(column);
    }
    if let Some(weight) = &flags.class_weight {
        identity["class_weight"] = json!(weight);
    }
    identity
}
