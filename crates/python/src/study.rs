//! A study whose trials somebody else trains: points to try, what they gave, and who should stop.

use crate::value_error;
use opportune_core::InputError;
use opportune_core::memory::Remembered;
use opportune_core::observation::{Observation, Scored};
use opportune_core::plan::{Key, Part, PrefixKey};
use opportune_core::policy::Pruner;
use opportune_core::ports::{Ending, Record, StageId, Store, StoreError, StudyId};
use opportune_core::sampler::{Random, Sampler, Sobol};
use opportune_core::space::{Domain, Space};
use opportune_core::stop::Stopped;
use opportune_study::store::{MemoryStore, Opened, Storage};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All trials are judged on one part.
const PART: Part = Part::Fold(0);

/// A study: trials are asked for, tell of each epoch, and end.
#[pyclass(frozen, module = "opportune._core")]
pub struct Study(Mutex<Inner>);

struct Inner {
    store: Box<dyn Store>,
    memory: Remembered,
    space: Space,
    sampler: Box<dyn Sampler>,
    pruner: Option<Pruner>,
    /// Trials in work, and the stage of each.
    running: BTreeMap<u32, StageId>,
}

fn outside(error: StoreError) -> PyErr {
    PyOSError::new_err(error.to_string())
}

#[pymethods]
impl Study {
    /// The study of that name: the one that is remembered, if it has these settings (JSON), or a new one. `space` is JSON of
    /// the core's; without `storage` it is forgotten with the process. `pruning`: the first epoch at which trials are compared,
    /// and of how many one goes on.
    #[new]
    #[pyo3(signature = (name, settings, space, *, storage=None, sampler="sobol", seed=0, pruning=None))]
    fn new(
        name: &str,
        settings: &str,
        space: &str,
        storage: Option<&str>,
        sampler: &str,
        seed: u64,
        pruning: Option<(u32, u32)>,
    ) -> PyResult<Self> {
        let space: Space =
            serde_json::from_str(space).map_err(|error| value_error(InputError::new(error.to_string()).at("space")))?;
        check(&space).map_err(|error| value_error(error.at("space")))?;
        let sampler: Box<dyn Sampler> = match sampler {
            "sobol" => Box::new(Sobol::new(seed)),
            "random" => Box::new(Random { seed }),
            other => {
                let unknown = InputError::new(format!("unknown sampler '{}'", other.escape_debug()));
                return Err(value_error(unknown.remedy("give 'sobol' or 'random'")));
            }
        };
        let mut store = match storage {
            None => Box::<MemoryStore>::default(),
            Some(url) => stored(name, settings, url)?,
        };
        let memory = store.load().map_err(outside)?;
        let pruner = pruning.map(|(min, eta)| Pruner::new(min, eta));
        Ok(Study(Mutex::new(Inner { store, memory, space, sampler, pruner, running: BTreeMap::new() })))
    }

    /// The next trial, and JSON of its point: one that a process before began and did not end, from its beginning, or a new
    /// one.
    fn ask(&self) -> PyResult<(u32, String)> {
        let mut study = self.lock();
        let left = study.memory.trials.iter().map(|(trial, _)| *trial).find(|trial| {
            !study.running.contains_key(trial) && study.memory.endings.iter().all(|ending| ending.trial != *trial)
        });
        let trial = left.unwrap_or_else(|| study.memory.next_trial());
        let stage = study.memory.stages.len() as StageId;
        let mut records = Vec::new();
        if left.is_none() {
            let config = study.sampler.sample(&study.space, trial);
            records.push(Record::Trial { trial, config });
        }
        records.push(Record::Stage { stage, part: PART, parent: None, first: key(stage, 1) });
        study.append(&records)?;
        study.running.insert(trial, stage);
        let config = study.memory.config(trial).map(|config| json!(config).to_string());
        Ok((trial, config.unwrap_or_default()))
    }

    /// Takes what an epoch of a trial gave; epochs count from 1 and come one after the other.
    #[pyo3(signature = (trial, epoch, loss, *, score, train_loss, train_score, rate, step, seconds))]
    #[expect(clippy::too_many_arguments, reason = "by name, from one place in Python")]
    fn report(
        &self,
        trial: u32,
        epoch: i64,
        loss: f64,
        score: f64,
        train_loss: f64,
        train_score: f64,
        rate: f64,
        step: u64,
        seconds: f64,
    ) -> PyResult<()> {
        let mut study = self.lock();
        let stage = study.stage(trial)?;
        let next = study.losses(stage).len() as u32 + 1;
        if epoch != i64::from(next) {
            let wrong = InputError::new(format!("epoch {epoch} of trial {trial} is reported, where {next} is next"));
            return Err(value_error(wrong.remedy("report each epoch once, from 1")));
        }
        let observation = Observation {
            epoch: next,
            step,
            rate: if rate.is_finite() { rate } else { 0.0 },
            momentum: None,
            train_loss,
            penalty: 0.0,
            train_score,
            validation: Some(Scored { loss, score }),
            averaged: None,
            blocks: None,
            seconds: if seconds.is_finite() { seconds } else { 0.0 },
        };
        study.append(&[Record::Epoch { stage, key: key(stage, next), observation }])
    }

    /// Whether a trial should stop: its last loss is no finite number, or others are better where they are compared.
    fn should_stop(&self, trial: u32) -> PyResult<bool> {
        let study = self.lock();
        let own = study.stage(trial)?;
        let losses = study.losses(own);
        if losses.last().is_some_and(|loss| !loss.is_finite()) {
            return Ok(true);
        }
        let Some(pruner) = study.pruner else { return Ok(false) };
        let others: Vec<Vec<f64>> =
            study.counting().filter(|stage| *stage != own).map(|one| study.losses(one)).collect();
        Ok(!pruner.keeps(&losses, others.iter().map(Vec::as_slice)))
    }

    /// The trial came to its end: "complete", "early", "diverged" or "failed". The epoch with its lowest loss counts.
    fn end(&self, trial: u32, stopped: &str) -> PyResult<()> {
        let mut study = self.lock();
        let stage = study.stage(trial)?;
        let stopped: Stopped = stopped.parse().map_err(value_error)?;
        let losses = study.losses(stage);
        let ranked = losses.iter().copied().map(|loss| if loss.is_finite() { loss } else { f64::INFINITY });
        let best = ranked.zip(1..).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, epoch)| epoch);
        let ending = Ending { trial, part: PART, stage, stopped, epochs: losses.len() as u32, chosen: best };
        study.append(&[Record::Ended(ending)])?;
        study.running.remove(&trial);
        Ok(())
    }

    /// JSON of every trial that has ended: number, config, how it ended, the epoch that counts, and its epochs.
    fn results(&self) -> String {
        let study = self.lock();
        let results = study.memory.results(&[PART]);
        let finite = |value: f64| value.is_finite().then_some(value);
        let one = |result: &opportune_core::memory::TrialResult| {
            let fold = result.folds.first()?;
            let epochs: Vec<_> = (fold.curve.iter())
                .map(|one| {
                    let (loss, score) = one.validation.map_or((f64::NAN, f64::NAN), |v| (v.loss, v.score));
                    json!({
                        "epoch": one.epoch, "loss": finite(loss), "score": finite(score), "rate": one.rate,
                        "train_loss": finite(one.train_loss), "train_score": finite(one.train_score),
                        "seconds": one.seconds,
                    })
                })
                .collect();
            Some(json!({
                "number": result.trial, "config": result.config, "stopped": fold.ending.stopped.word(),
                "best_epoch": fold.ending.chosen, "epochs": epochs,
            }))
        };
        json!(results.iter().filter_map(one).collect::<Vec<_>>()).to_string()
    }
}

impl Study {
    /// What a panic elsewhere left is whole: records are applied only once they are stored.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn append(&mut self, records: &[Record]) -> PyResult<()> {
        self.store.append(records).map_err(outside)?;
        records.iter().for_each(|record| self.memory.apply(record));
        Ok(())
    }

    fn stage(&self, trial: u32) -> PyResult<StageId> {
        self.running.get(&trial).copied().ok_or_else(|| {
            value_error(InputError::new(format!("trial {trial} is not in work")).remedy("ask for one first"))
        })
    }

    fn losses(&self, stage: StageId) -> Vec<f64> {
        let epochs = self.memory.stages.get(stage as usize).map_or(&[][..], |stage| &stage.epochs);
        epochs.iter().filter_map(|(_, one)| Some(one.validation?.loss)).collect()
    }

    /// The stages of trials that ended or are in work; what a process left unfinished does not count.
    fn counting(&self) -> impl Iterator<Item = StageId> {
        self.memory.endings.iter().map(|ending| ending.stage).chain(self.running.values().copied())
    }
}

/// Stages are never shared, so that their number stands for what was trained.
fn key(stage: StageId, epoch: u32) -> PrefixKey {
    PrefixKey(Key::of(format!("stage {stage} epoch {epoch}").as_bytes()))
}

fn stored(name: &str, settings: &str, url: &str) -> PyResult<Box<dyn Store>> {
    let path = Storage::path_of(url).map_err(value_error)?;
    let id = StudyId { name: name.into(), hash: Key::of(settings.as_bytes()), settings: settings.into() };
    match Storage::open(&path).map_err(outside)?.study(&id, false).map_err(outside)? {
        Opened::Study(store) => Ok(store),
        Opened::Busy => Err(PyOSError::new_err(
            InputError::new(format!("the study '{name}' is in work in another process"))
                .remedy("wait for it, or give this one another name")
                .to_string(),
        )),
        Opened::Other(_) => Err(value_error(
            InputError::new(format!("the study '{name}' was made with other settings"))
                .remedy("give another name, or the settings that it was made with"),
        )),
    }
}

/// Whether points can be drawn.
fn check(space: &Space) -> Result<(), InputError> {
    if space.0.is_empty() {
        return Err(InputError::new("there are no parameters").remedy("name at least one"));
    }
    for param in &space.0 {
        let refuse = |what: &str, remedy: &str| Err(InputError::new(format!("{} {what}", param.name)).remedy(remedy));
        match &param.domain {
            Domain::Values(values) if values.is_empty() => return refuse("has no values", "list at least one")?,
            Domain::Values(_) => {}
            &Domain::Range { low, high, log, whole } => {
                if !(low.is_finite() && high.is_finite() && low <= high) {
                    return refuse("is no range", "give two finite numbers, the lower one first")?;
                }
                if log && low <= 0.0 {
                    return refuse("has a range of logarithms from 0 or below", "begin it above 0, or give log=False")?;
                }
                let counts = |value: f64| value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
                if whole && !(counts(low) && counts(high)) {
                    return refuse("has a range of whole numbers with other ends", "give whole numbers from 0 up")?;
                }
            }
        }
    }
    Ok(())
}
