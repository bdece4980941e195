//! From flags to work: the data, how they are split, the trainer, and the identity of the study.

use crate::flags;
use crate::values::{self, Epochs, Unsaid, list};
use opportune_core::InputError;
use opportune_core::plan::{Key, Part};
use opportune_core::ports::{Planner, StudyId};
use opportune_core::schedule::{RateRule, Schedule};
use opportune_core::score::Score;
use opportune_core::settings::Settings;
use opportune_core::space::{Config, Space, Value};
use opportune_core::stop::StopRule;
use opportune_data::{
    Dataset, Loaded, ReadOptions, Target, Task, folds, hold_out, join, join_file, read, read_fold_file,
};
use opportune_net::NativeTrainer;
use serde_json::json;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Below so many training rows `tune` cross-validates, from there on it holds rows out.
const FOLDS_BELOW_ROWS: usize = 10_000;
/// Folds unless told.
const FOLDS: usize = 5;
/// Share of rows held out unless told.
const HELD_OUT: f64 = 0.2;
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
        let Split { data: all, test, fit, validation, notes, warnings } = Split::new(data)?;
        let score = training.score.unwrap_or(match all.task() {
            Some(Task::Regression) => Score::R2,
            _ => Score::Accuracy,
        });
        let confirmation = match purpose {
            Purpose::Search { .. } => {
                let seed = data.split_seed.wrapping_add(1);
                judge(purpose, data, seed, &all, &fit, validation.clone())?.0
            }
            _ => Vec::new(),
        };
        let (folds, judged_by) = judge(purpose, data, data.split_seed, &all, &fit, validation)?;
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
        let threads = threads(study.threads)?;
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

/// The data with their test and validation rows told apart.
struct Split {
    data: Dataset,
    test: Vec<u32>,
    fit: Vec<u32>,
    /// Rows of a validation file.
    validation: Option<Vec<u32>>,
    notes: Vec<String>,
    warnings: Vec<String>,
}

impl Split {
    fn new(flags: &flags::Data) -> Result<Split, InputError> {
        // Several labels: the first is read as the target, the others are features until all files are joined.
        let mut labels = flags.target.iter().flat_map(|text| list(text)).map(String::from);
        let options = ReadOptions { target: labels.next(), task: flags.task, needs_target: true };
        let others: Vec<String> = labels.collect();
        let Loaded { mut data, test: own, mut warnings } = read(&flags.data, &options)?;
        let mut notes = Vec::new();
        if let Some(name) = data.target_name().filter(|_| flags.target.is_none() && !data.is_image()) {
            notes.push(format!("predicting the last column, '{name}' (--target names another)"));
        }
        let mut rows: Vec<u32> = (0..data.rows() as u32).collect();
        let mut test = Vec::new();
        let asked = share_or_file(flags.test.as_deref(), "--test")?;
        match (&asked, own) {
            (Some(_), Some(_)) => {
                return Err(InputError::new("the data come with a test set of their own")
                    .at("--test")
                    .remedy("leave --test out"));
            }
            (Some(Source::File(path)), None) => {
                let joined;
                (data, joined) = append(data, path, &mut warnings)?;
                test = joined.collect();
            }
            (None, Some(own)) => {
                let joined = join(data, own).map_err(|error| error.at(flags.data.display().to_string()))?;
                warnings.extend(joined.warnings);
                (data, test) = (joined.data, joined.rows.collect());
            }
            (Some(Source::Share(_)) | None, None) => {}
        }
        let mut validation = None;
        if let Some(Source::File(path)) = share_or_file(flags.validation.as_deref(), "--validation")? {
            let joined;
            (data, joined) = append(data, path, &mut warnings)?;
            validation = Some(joined.collect());
        }
        if !others.is_empty() {
            data = data.with_labels(&others).map_err(|error| error.at("--target"))?;
        }
        if let Some(column) = &flags.sample_weight {
            data = data.with_weights(column).map_err(|error| error.at("--sample-weight"))?;
        }
        if let Some(Source::Share(share)) = asked {
            let split = hold_out(&data, &rows, share, flags.split_seed).map_err(|error| error.at("--test"))?;
            (rows, test) = (split.train, split.validation);
        }
        Ok(Split { data, test, fit: rows, validation, notes, warnings })
    }
}

/// Refuses folds some of which would judge without the rarest class.
fn enough_of_each_class(data: &Dataset, rows: &[u32], folds: usize) -> Result<(), InputError> {
    let Target::Classes { codes, labels } = data.target() else { return Ok(()) };
    let mut counts = vec![0usize; labels.len()];
    rows.iter().for_each(|row| counts[codes[*row as usize] as usize] += 1);
    let present = counts.iter().zip(labels).filter(|(count, _)| **count > 0);
    match present.min_by_key(|(count, _)| **count) {
        Some((&count, label)) if count < folds => {
            let rows = if count == 1 { "1 row".to_string() } else { format!("{count} rows") };
            let fewer = if count > 1 { format!("give --folds {count}, or ") } else { "give ".into() };
            Err(InputError::new(format!("the class '{label}' has {rows}, fewer than the {folds} folds"))
                .at("--folds")
                .remedy(format!("{fewer}--validation 0.2, or leave those rows out")))
        }
        _ => Ok(()),
    }
}

enum Source<'a> {
    Share(f64),
    File(&'a Path),
}

fn share_or_file<'a>(text: Option<&'a str>, flag: &str) -> Result<Option<Source<'a>>, InputError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(Some(Source::Share(share))),
        Ok(share) => Err(InputError::new(format!("{share} is no share of the rows"))
            .at(flag)
            .remedy("give a number between 0 and 1, as 0.2, or a file")),
        Err(_) => Ok(Some(Source::File(Path::new(text)))),
    }
}

fn append(data: Dataset, path: &Path, warnings: &mut Vec<String>) -> Result<(Dataset, Range<u32>), InputError> {
    let joined = join_file(data, path)?;
    warnings.extend(joined.warnings);
    Ok((joined.data, joined.rows))
}

type Folds = Vec<(Vec<u32>, Vec<u32>)>;

/// The folds that judge, and what they are called.
fn judge(
    purpose: Purpose,
    flags: &flags::Data,
    seed: u64,
    data: &Dataset,
    rows: &[u32],
    file: Option<Vec<u32>>,
) -> Result<(Folds, String), InputError> {
    let pairs =
        |splits: Vec<opportune_data::Split>| splits.into_iter().map(|split| (split.train, split.validation)).collect();
    let cross = |k: usize| {
        let splits = folds(data, rows, k, seed).map_err(|error| error.at("--folds"))?;
        enough_of_each_class(data, rows, k)?;
        Ok((pairs(splits), format!("{k} folds")))
    };
    let held = |share: f64| {
        let split = hold_out(data, rows, share, seed).map_err(|error| error.at("--validation"))?;
        let name = format!("{} validation rows", split.validation.len());
        Ok((pairs(vec![split]), name))
    };
    if let Some(validation) = file {
        let name = format!("{} validation rows of a file", validation.len());
        return Ok((vec![(rows.to_vec(), validation)], name));
    }
    if let Some(path) = &flags.fold_file {
        let splits = read_fold_file(path, data, rows)?;
        let name = format!("{} folds of a file", splits.len());
        return Ok((pairs(splits), name));
    }
    match (flags.folds, share_or_file(flags.validation.as_deref(), "--validation")?, purpose) {
        (Some(k), _, _) => cross(k),
        (None, Some(Source::Share(share)), _) => held(share),
        (None, _, Purpose::Fit) => Ok((Vec::new(), "training rows".into())),
        (None, ..) if rows.len() < FOLDS_BELOW_ROWS => cross(FOLDS),
        (None, ..) => held(HELD_OUT),
    }
}
