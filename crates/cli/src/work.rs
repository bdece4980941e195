//! What `fit` and `tune` do alike: open the study, run the engine, make the model, score the test rows, say it.

use crate::flags;
use crate::job::Job;
use crate::output::{self, Output, Toml};
use crate::progress::Teller;
use opportune_core::InputError;
use opportune_core::memory::TrialResult;
use opportune_core::plan::Part;
use opportune_core::policy::Policy;
use opportune_core::ports::Planner;
use opportune_core::score::Score;
use opportune_core::space::{Config, Value};
use opportune_core::stop::{Patience, Point, StopRule};
use opportune_net::Model;
use opportune_study::store::{MemoryStore, Opened, Storage};
use opportune_study::{Asked, Engine, EngineError, Outcome, Watching};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// How a command ends, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Fine,
    /// Every trial diverged, or the verdict is negative.
    Negative,
    /// By Ctrl-C, with everything saved.
    Interrupted,
}

/// What a study needs outside, ready for work.
pub struct Place {
    output: Output,
    engine: Engine,
    began: Instant,
    share: bool,
}

impl Place {
    /// Opens output and study. The job's identity is what a study of that name must have in common with this one.
    pub fn open(job: &Job, name: &str, study: &flags::Study) -> Result<Place, InputError> {
        let began = Instant::now();
        let output = Output::open(folder_of(study.out.as_ref(), name))?;
        match open_study(job, name, study) {
            Ok(engine) => Ok(Place { output, engine, began, share: !study.no_share }),
            Err(error) => {
                output.withdraw();
                Err(error)
            }
        }
    }
}

/// A study in work.
pub struct Work<'a> {
    pub job: Job,
    pub name: String,
    pub output: Output,
    pub engine: Engine,
    pub teller: Teller,
    pub interrupt: &'a AtomicBool,
    pub began: Instant,
    /// The command as typed, for going on.
    pub again: String,
    share: bool,
    /// Nothing is left behind.
    forgets: bool,
}

/// The study of that name, made if there is none, unless it is of other settings or in other hands.
fn open_study(job: &Job, name: &str, study: &flags::Study) -> Result<Engine, InputError> {
    let storage = Storage::open(&Storage::path_of(&study.storage)?).map_err(outside)?;
    match storage.study(&job.study(name), study.fresh).map_err(outside)? {
        Opened::Study(store) => Engine::new(store).map_err(outside),
        Opened::Busy => Err(InputError::new(format!("the study '{name}' is in work in another process"))
            .remedy("wait for it, or give this one another --name")),
        Opened::Other(settings) => {
            let differs = differences(&settings, &job.identity);
            Err(InputError::new(format!("the study '{name}' was made with other settings ({differs})"))
                .remedy("give another --name, or --fresh to forget what it trained"))
        }
    }
}

/// The study's name: as given, or that of the file, with what `suffix` adds.
pub fn name_of(given: Option<&str>, data: &Path, suffix: &str) -> Result<String, InputError> {
    let name = match given {
        Some(name) => name.to_string(),
        None => {
            let file = data.file_name().or_else(|| data.parent()?.file_name()).unwrap_or_default().to_string_lossy();
            let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("study");
            format!("{stem}{suffix}")
        }
    };
    let odd = |c: char| c.is_control() || c == '/' || c == '\\';
    if name.is_empty() || name.starts_with('.') || name.chars().any(odd) {
        return Err(InputError::new(format!("'{}' is no name for a study", name.escape_debug()))
            .at("--name")
            .remedy("use letters, digits, dots and dashes"));
    }
    Ok(name)
}

/// The folder for a study's files.
pub fn folder_of(given: Option<&PathBuf>, name: &str) -> PathBuf {
    given.cloned().unwrap_or_else(|| Path::new("opportune-out").join(name))
}

impl<'a> Work<'a> {
    /// Begins in a place that was opened for this job and name.
    pub fn begin(
        place: Place,
        job: Job,
        name: String,
        teller: Teller,
        interrupt: &'a AtomicBool,
        again: String,
    ) -> Work<'a> {
        let Place { output, engine, began, share } = place;
        Work { job, name, output, engine, teller, interrupt, began, again, share, forgets: false }
    }

    /// Of a study that is forgotten with this, and writes nothing.
    pub fn in_memory(
        job: Job,
        name: String,
        teller: Teller,
        interrupt: &'a AtomicBool,
        again: String,
    ) -> Result<Work<'a>, InputError> {
        let engine = Engine::new(Box::new(MemoryStore::default())).map_err(outside)?;
        let (output, began) = (Output::nowhere(), Instant::now());
        Ok(Work { job, name, output, engine, teller, interrupt, began, again, share: true, forgets: true })
    }

    /// What is asked of the engine for trials on `parts` under `rules`, each fold by itself unless a schedule reads the
    /// curve of all, nothing delivered.
    pub fn asked(&self, parts: &[Part], rules: &[StopRule]) -> Asked {
        let together = self.job.together && parts.len() > 1;
        Asked {
            parts: parts.to_vec(),
            rules: rules.to_vec(),
            watching: if together { Watching::MeanOverFolds } else { Watching::EachFold },
            rules_stay: false,
            score: self.job.score,
            share: self.share,
            deliver: false,
            branches: Vec::new(),
            abandon: self.forgets,
            deadline: None,
            ahead: None,
            drafts: None,
        }
    }

    /// The point with its schedule as it was recorded, where its rate followed the curve: what a refit replays for `until`
    /// epochs. `result` is what was read.
    pub fn recorded(&self, config: &Config, result: &TrialResult, until: u32) -> Result<Config, InputError> {
        let Some(ruled) = self.job.trainer.rate_rule(config)? else { return Ok(config.clone()) };
        let mut watch = ruled.watch(self.job.score);
        // After the last epoch nothing is decided any more.
        for epoch in 1..until as usize {
            let points = result.folds.iter().map(|fold| fold.curve.get(epoch - 1).map(Point::from));
            let Some(mean) = points.collect::<Option<Vec<_>>>().and_then(|points| Point::mean(&points)) else { break };
            watch.observe(&mean);
        }
        Ok(ruled.config(config, watch.changes()))
    }

    /// Has a policy's trials trained.
    pub fn run(&mut self, policy: &mut dyn Policy, asked: &Asked) -> Result<Outcome, InputError> {
        let trainer = &self.job.trainer;
        let outcome = self.engine.run(asked, policy, trainer, trainer, &self.teller, self.interrupt);
        self.teller.done();
        outcome.map_err(|error| match error {
            EngineError::Input(error) => error,
            other => InputError::new(other.to_string()),
        })
    }

    /// Says that what is trained from here on is the final model, or was begun already.
    pub fn begin_final_model(&self) {
        let begun = self.engine.memory().trained_on(Part::Whole) > 0;
        self.teller.begin_final_model(self.job.rows_in_all(), begun);
    }

    /// The model of a trial that was trained to its end and delivered.
    pub fn model(&self, trial: u32, part: Part) -> Result<(Model, u32), InputError> {
        let delivered = self.engine.delivered(trial, part);
        let samples = self.job.trainer.samples(part);
        let (Some(one), Some(samples)) = (delivered, samples) else {
            return Err(
                InputError::new(format!("the trained state on {part} is lost")).remedy("train again with --fresh")
            );
        };
        let model = Model::from_state(&one.plan, &one.state, samples).map_err(InputError::new)?;
        Ok((model, one.epoch))
    }

    /// Writes the model, if there is one, and the other files, once what was trained is durable; and remembers how it ended.
    /// That is durable as well when this returns: only then it is told.
    pub fn deliver(
        &mut self,
        model: Option<&Model>,
        files: &[output::File],
        event: &serde_json::Value,
    ) -> Result<(), InputError> {
        self.saved()?;
        self.engine.note("finished", event.to_string());
        self.engine.settle();
        self.output.write_all(model, files)?;
        self.saved()
    }

    /// Waits until what was trained is durable: only then anything is told of it.
    pub fn saved(&self) -> Result<(), InputError> {
        self.engine.flush().map_err(outside)
    }

    /// Scores the test rows, and remembers that it was done; `None` without test rows. The same model is looked up,
    /// not scored again.
    pub fn test(&mut self, model: &Model) -> Result<Option<f64>, InputError> {
        if self.job.test.is_empty() {
            return Ok(None);
        }
        let key = model.key().to_string();
        let parse = |text: &String| serde_json::from_str::<serde_json::Value>(text).ok();
        let tests: Vec<_> = self.engine.memory().notes.iter().filter(|(kind, _)| kind == "test").collect();
        let known = tests.iter().filter_map(|(_, text)| parse(text)).find(|note| note["model"] == json!(key));
        if let Some(score) = known.and_then(|note| note["score"].as_f64()) {
            return Ok(Some(score));
        }
        let before = tests.len();
        let score = model.score(&self.job.data, &self.job.test, self.job.score);
        let note = json!({"model": key, "score": score, "rows": self.job.test.len(), "name": self.job.score});
        self.engine.note("test", note.to_string());
        if before > 0 {
            self.teller.warn(format!(
                "the test rows have now been scored for {} models of this study: choosing among them by that score \
                 would make it too good",
                before + 1
            ));
        }
        Ok(Some(score))
    }

    /// Says that it was interrupted and how to go on.
    pub fn interrupted(&self) -> Result<Exit, InputError> {
        let memory = self.engine.memory();
        let ended = memory.results(&self.job.parts).len();
        let epochs: usize = memory.stages.iter().map(|stage| stage.epochs.len()).sum();
        self.teller.event(&json!({"event": "interrupted", "trials_ended": ended, "epochs_trained": epochs}))?;
        crate::say(&format!(
            "interrupted: {ended} of {} trials ended, {epochs} epochs trained, everything is saved; to go on:\n  {}",
            memory.trials.len(),
            self.again
        ));
        Ok(Exit::Interrupted)
    }

    /// `best.toml` of a search: the settings that are delivered, trained for `until` epochs, and the score they came to.
    pub fn best_settings(
        &self,
        (mean, std): (f64, Option<f64>),
        config: &Config,
        until: u32,
        data: &flags::Data,
    ) -> Toml {
        let comment = [
            format!(
                "Best settings of the study '{}': {} {} over {}",
                self.name,
                self.job.score,
                with_spread(mean, std),
                self.job.judged_by
            ),
            format!(
                "To train the delivered model again, bit for bit: opportune fit {} --config best.toml",
                data.data.display()
            ),
        ];
        let mut toml = self.settings(&comment, config, data);
        if until < epochs_of(config, self.job.base.epochs) {
            toml.set("until", i64::from(until));
        }
        toml
    }

    /// `best.toml`, without what says how the search judged.
    pub fn settings(&self, comment: &[String], config: &Config, data: &flags::Data) -> Toml {
        let mut toml = Toml::new(comment);
        toml.config(config);
        toml.set("init", self.job.base.init.word());
        toml.set("precision", self.job.base.precision.word());
        toml.set("seed", i64::try_from(self.job.base.seed).unwrap_or(i64::MAX));
        toml.set("score", self.job.score.word());
        toml.set("split-seed", i64::try_from(data.split_seed).unwrap_or(i64::MAX));
        if let Some(name) = &data.target {
            toml.set("target", name.clone());
        }
        if let Some(task) = data.task {
            toml.set("task", task.to_string());
        }
        if let Some(column) = &data.sample_weight {
            toml.set("sample-weight", column.clone());
        }
        if let Some(weight) = &data.class_weight {
            toml.set("class-weight", weight.to_string());
        }
        if let Some(test) = &data.test {
            toml.set("test", test.clone());
        }
        toml
    }
}

/// Adds stop rules as their flags.
pub fn set_rules(toml: &mut Toml, rules: &[StopRule]) {
    for rule in rules {
        match rule {
            StopRule::Patience(Patience { epochs, min_delta, monitor, baseline, start, last }) => {
                toml.set("patience", i64::from(*epochs)).set("min-delta", *min_delta).set("monitor", monitor.word());
                if let Some(baseline) = baseline {
                    toml.set("baseline", *baseline);
                }
                if *start > 0 {
                    toml.set("start-from-epoch", i64::from(*start));
                }
                if *last {
                    toml.set("keep-last", true);
                }
            }
            StopRule::Tol { tol, epochs } => {
                toml.set("tol", *tol).set("n-iter-no-change", i64::from(*epochs));
            }
            StopRule::ScoreTol { tol, epochs } => {
                toml.set("tol", *tol).set("n-iter-no-change", i64::from(*epochs)).set("tol-on", "score");
            }
        }
    }
}

/// A failure outside: a disk, a file.
pub fn outside(error: impl std::fmt::Display) -> InputError {
    InputError::new(error.to_string())
}

/// Which settings of two studies differ, in words.
fn differences(old: &str, new: &serde_json::Value) -> String {
    let old: serde_json::Value = serde_json::from_str(old).unwrap_or_default();
    let empty = serde_json::Map::new();
    let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    let short = |value: Option<&serde_json::Value>| match value {
        None | Some(serde_json::Value::Null) => "none".to_string(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let names = new.iter().filter(|(name, value)| old.get(*name) != Some(value)).map(|(name, _)| name.as_str());
    let words = names.map(|name| match name {
        "data" => "other data".to_string(),
        "split" => "another split".to_string(),
        name => format!("{} {}, now {}", name.replace('_', " "), short(old.get(name)), short(new.get(name))),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "of another kind".into() } else { words.join("; ") }
}

/// A point of the space as the interface writes it: the rate is null where the schedule owns it.
pub fn config_json(config: &Config) -> serde_json::Value {
    let mut value = json!({"lr": null});
    if let Some(fields) = value.as_object_mut() {
        fields.extend(config.iter().map(|(name, value)| (name.replace('-', "_"), json!(value))));
    }
    value
}

/// `0.9763 ± 0.0062`, or one number where there is no spread.
pub fn with_spread(mean: f64, std: Option<f64>) -> String {
    match std {
        _ if !mean.is_finite() => "not defined".into(),
        Some(std) if std.is_finite() => format!("{mean:.4} ± {std:.4}"),
        _ => format!("{mean:.4}"),
    }
}

/// The epochs a config asks for.
pub fn epochs_of(config: &Config, default: u32) -> u32 {
    config.get("epochs").and_then(Value::count).unwrap_or(default)
}

/// The best of the trials by mean score, the first of equals; `None` where all diverged.
pub fn best_of(results: &[TrialResult], score: Score) -> Option<&TrialResult> {
    let finite = results.iter().filter(|result| result.score().is_finite());
    finite.reduce(|best, one| if score.better(one.score(), best.score()) { one } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_is_named_after_its_file() {
        let name = |path: &str| name_of(None, Path::new(path), "").unwrap();
        assert_eq!(name("data/digits.csv.gz"), "digits");
        assert_eq!(name("data/mnist"), "mnist");
        assert_eq!(name_of(None, Path::new("a.csv"), "-fit").unwrap(), "a-fit");
        for bad in ["", "a/b", "../x", "a\nb"] {
            assert!(name_of(Some(bad), Path::new("a.csv"), "").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_differs_is_said() {
        let words = differences(r#"{"seed":0,"folds":5,"data":"a"}"#, &json!({"seed": 1, "folds": 5, "data": "b"}));
        assert_eq!(words, "other data; seed 0, now 1");
    }
}
