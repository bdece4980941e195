//! Schedules: their descriptions, their text form, and the rates of a run.

use crate::expression::{class_name, expression};
use crate::typed::{Typed, hinted};
use crate::value_error;
use opportune_core::InputError;
use opportune_core::schedule::{self, KINDS, Per, RateSource};
use opportune_core::text;
use opportune_core::upstream::{self, Given};
use pyo3::IntoPyObject;
use pyo3::prelude::*;

/// A parameter of a kind of schedule.
#[derive(IntoPyObject)]
pub struct Parameter {
    name: &'static str,
    default: Option<&'static str>,
    meaning: &'static str,
}

/// What is said of a kind of schedule.
#[derive(IntoPyObject)]
pub struct Kind {
    name: &'static str,
    class_name: String,
    summary: &'static str,
    formula: &'static str,
    parameters: Vec<Parameter>,
    positional: Option<&'static str>,
    own_rates: bool,
    per_step: bool,
    upstream: Vec<&'static str>,
    example: &'static str,
}

hinted!(Kind: ours("Kind"));

/// What is said of every kind of schedule, in the order of lists: a dictionary each.
#[pyfunction]
pub fn kinds() -> Vec<Typed<Kind>> {
    KINDS
        .iter()
        .map(|kind| Kind {
            name: kind.name,
            class_name: class_name(kind.name),
            summary: kind.summary,
            formula: kind.formula,
            parameters: (kind.keys.iter())
                .map(|key| Parameter { name: key.name, default: key.default, meaning: key.meaning })
                .collect(),
            positional: kind.positional,
            own_rates: kind.rate == RateSource::Own,
            per_step: kind.clock == Per::Step,
            upstream: kind.upstream.to_vec(),
            example: kind.example,
        })
        .map(Typed)
        .collect()
}

/// A learning-rate schedule as it is written, before its lengths are fixed.
#[pyclass(frozen, subclass, eq, hash, from_py_object, module = "opportune._core")]
#[derive(Clone)]
pub struct Schedule {
    schedule: schedule::Schedule,
    text: String,
}

// The text reads back to the same value, so that it stands for it.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl std::hash::Hash for Schedule {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl From<schedule::Schedule> for Schedule {
    fn from(schedule: schedule::Schedule) -> Self {
        let text = schedule.to_string();
        Schedule { schedule, text }
    }
}

impl Schedule {
    /// The core's.
    pub fn inner(&self) -> &schedule::Schedule {
        &self.schedule
    }
}

#[pymethods]
impl Schedule {
    /// Reads a text such as "cosine(floor=0.1)".
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        Ok(text.parse::<schedule::Schedule>().map_err(value_error)?.into())
    }

    /// The name of its kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.schedule.kind().name
    }

    /// The text that reads back to it.
    #[getter]
    fn text(&self) -> &str {
        &self.text
    }

    fn __str__(&self) -> &str {
        &self.text
    }

    /// Whether it has rates of its own, so that no learning rate is to be given.
    #[getter]
    fn owns_rate(&self) -> bool {
        self.schedule.owns_rate()
    }

    /// Whether it cycles the momentum (β1 of Adam-like optimizers) too.
    #[getter]
    fn cycles_momentum(&self) -> bool {
        self.schedule.cycles_momentum()
    }

    /// Whether it reads the curve of a training, so that its rates are not known ahead.
    #[getter]
    fn reads_curve(&self) -> bool {
        self.schedule.rate_rule().is_some()
    }

    /// Whether its rates depend on the number of epochs of the run.
    #[getter]
    fn depends_on_epochs(&self) -> bool {
        self.schedule.depends_on_epochs()
    }

    /// The Python expression that makes it.
    fn __repr__(&self) -> PyResult<String> {
        Ok(expression(&text::parse("schedule", &self.text).map_err(value_error)?))
    }

    /// Fixes its lengths for a run of so many epochs; they can be left out where nothing depends on them.
    #[pyo3(signature = (lr=None, *, epochs=None, steps_per_epoch=1))]
    fn resolve(&self, lr: Option<f64>, epochs: Option<u32>, steps_per_epoch: u32) -> PyResult<Resolved> {
        let resolved = match epochs {
            Some(epochs) => self.schedule.resolve(lr, steps_per_epoch, epochs),
            None if self.schedule.depends_on_epochs() => {
                Err(InputError::new(format!("the rates of {} depend on the number of epochs", self.schedule.brief()))
                    .remedy("give epochs"))
            }
            None => self.schedule.resolve(lr, steps_per_epoch, LONGEST_RUN / steps_per_epoch.max(1)),
        };
        let steps = epochs.map(|epochs| u64::from(epochs) * u64::from(steps_per_epoch));
        Ok(Resolved { resolved: resolved.map_err(value_error)?, steps })
    }

    /// The learning rate at an optimizer step, from 0.
    #[pyo3(signature = (step, lr=None, *, epochs=None, steps_per_epoch=1))]
    fn rate(&self, step: u64, lr: Option<f64>, epochs: Option<u32>, steps_per_epoch: u32) -> PyResult<f64> {
        Ok(self.resolve(lr, epochs, steps_per_epoch)?.rate(step))
    }

    /// The learning rates of all optimizer steps of a run.
    #[pyo3(signature = (lr=None, *, epochs, steps_per_epoch=1))]
    fn rates(&self, lr: Option<f64>, epochs: u32, steps_per_epoch: u32) -> PyResult<Vec<f64>> {
        self.resolve(lr, Some(epochs), steps_per_epoch)?.rates(0, None)
    }
}

/// Rates that are given at once, one gigabyte of them.
const RATES_MAX: u64 = 1 << 27;

/// Optimizer steps of a run whose number of epochs does not matter.
const LONGEST_RUN: u32 = u32::MAX;

/// A schedule for one training run: the rate at each optimizer step, from 0.
#[pyclass(frozen, module = "opportune._core")]
pub struct Resolved {
    resolved: schedule::Resolved,
    /// None where the number of epochs was left out.
    steps: Option<u64>,
}

#[pymethods]
impl Resolved {
    /// The optimizer steps of the run; None where its number of epochs was left out.
    #[getter]
    fn steps(&self) -> Option<u64> {
        self.steps
    }

    /// Whether all steps of an epoch have the same rate.
    #[getter]
    fn held_per_epoch(&self) -> bool {
        self.resolved.held_per_epoch()
    }

    /// The learning rate at a step; past the end it is that of the end.
    fn rate(&self, step: u64) -> f64 {
        self.resolved.at(step).rate
    }

    /// The momentum (β1 of Adam-like optimizers) at a step; None where it is not cycled.
    fn momentum(&self, step: u64) -> Option<f64> {
        self.resolved.at(step).momentum
    }

    /// The learning rates of all steps of the run, or of those from `start` to before `stop`.
    #[pyo3(signature = (start=0, stop=None))]
    fn rates(&self, start: u64, stop: Option<u64>) -> PyResult<Vec<f64>> {
        let stop = stop.or(self.steps).ok_or_else(|| {
            value_error(
                InputError::new("it is not known where the run ends").remedy("give stop, or resolve with epochs"),
            )
        })?;
        if stop.saturating_sub(start) > RATES_MAX {
            let asked = InputError::new(format!("{} rates are asked for at once", stop - start));
            return Err(value_error(asked.remedy(format!("ask for at most {RATES_MAX}, or for one by one with rate"))));
        }
        Ok((start..stop).map(|step| self.rate(step)).collect())
    }
}

/// A schedule written as "torch", "keras" or "optax" would construct it, with the learning rate to resolve it with.
///
/// A tick is a call of `scheduler.step()`; `ticks` is the length of the run. With `ticks_per_epoch` above 1 a tick is an
/// optimizer step, otherwise an epoch.
#[pyfunction]
#[pyo3(signature = (source, text, *, lr=None, ticks, ticks_per_epoch=1))]
pub fn import_schedule(
    source: &str,
    text: &str,
    lr: Option<f64>,
    ticks: u64,
    ticks_per_epoch: u32,
) -> PyResult<(Schedule, Option<f64>)> {
    let source = source.parse().map_err(value_error)?;
    let imported = upstream::import(source, text, &Given { lr, steps: ticks, ticks_per_epoch }).map_err(value_error)?;
    Ok((imported.schedule.into(), imported.base))
}
