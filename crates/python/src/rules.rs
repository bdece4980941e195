//! Rules that read the curve of a training: those that change the rate and the one that only stops.

use crate::schedule::Schedule;
use crate::value_error;
use opportune_core::InputError;
use opportune_core::schedule::{self, Ruled};
use opportune_core::score::Score;
use opportune_core::stop::{Monitor, Patience, Point, StopRule, Watch};
use pyo3::prelude::*;

/// A point of a curve of which one value is known, to be minimised.
fn point(epoch: u32, rate: f64, value: f64) -> Point {
    let known = Some(value);
    Point { epoch, rate, train_loss: 0.0, objective: value, validation_loss: known, score: known }
}

/// Whatever a rule monitors, lower is better.
const LOWER_IS_BETTER: Score = Score::LogLoss;

/// The rule of a schedule that reads the curve, at work on one training.
#[pyclass(module = "opportune._core")]
pub struct RateWatch {
    ruled: Ruled,
    watch: schedule::RateWatch,
    seen: u32,
}

#[pymethods]
impl RateWatch {
    /// That of a schedule with such a rule, for a run of so many epochs.
    #[new]
    #[pyo3(signature = (schedule, *, epochs, steps_per_epoch=1))]
    fn new(schedule: &Schedule, epochs: u32, steps_per_epoch: u32) -> PyResult<Self> {
        let ruled = schedule.inner().ruled(steps_per_epoch, epochs).map_err(value_error)?.ok_or_else(|| {
            let known = format!("the rates of {} are known ahead", schedule.inner().brief());
            value_error(InputError::new(known).remedy("only a rule such as on_plateau reads the curve"))
        })?;
        let watch = ruled.watch(LOWER_IS_BETTER);
        Ok(RateWatch { ruled, watch, seen: 0 })
    }

    /// Takes the value of the next epoch, lower being better, and the rate it was trained with. Whether the training has
    /// converged, so that it should end.
    fn observe(&mut self, value: f64, rate: f64) -> bool {
        self.seen = self.seen.saturating_add(1);
        self.watch.observe(&point(self.seen, rate, value)).is_some()
    }

    /// What the rule multiplies the rate by from now on.
    #[getter]
    fn factor(&self) -> f64 {
        self.watch.changes().last().map_or(1.0, |(_, factor)| *factor)
    }

    /// The schedule with the rule's place taken by what it decided so far, so that its rates are known.
    fn written_out(&self) -> Schedule {
        self.ruled.written_out(self.watch.changes()).into()
    }
}

/// Stops after some epochs in a row that were not better than the best, as Keras's EarlyStopping does.
#[pyclass(module = "opportune._core")]
pub struct PatienceWatch {
    watch: Watch,
    seen: u32,
}

#[pymethods]
impl PatienceWatch {
    /// `patience` epochs, of which each counts as better where its value is lower than the best by more than `min_delta`
    /// (and than `baseline`, where there is one). The first `start` epochs are not looked at.
    #[new]
    #[pyo3(signature = (patience, *, min_delta=0.0, baseline=None, start=0))]
    fn new(patience: i64, min_delta: f64, baseline: Option<f64>, start: i64) -> PyResult<Self> {
        let epochs = |name: &str, value: i64| {
            u32::try_from(value).map_err(|_| {
                value_error(InputError::new(format!("{name} is {value}")).remedy("give a number of epochs from 0 up"))
            })
        };
        let (patience, start) = (epochs("patience", patience)?, epochs("start", start)?);
        if !(min_delta.is_finite() && min_delta >= 0.0) {
            return Err(value_error(
                InputError::new(format!("min_delta is {min_delta}")).remedy("give a number from 0 up"),
            ));
        }
        if let Some(value) = baseline.filter(|value| !value.is_finite()) {
            return Err(value_error(
                InputError::new(format!("baseline is {value}")).remedy("give a finite number, or leave it out"),
            ));
        }
        let monitor = Monitor::TrainingLoss;
        let rule = StopRule::Patience(Patience { epochs: patience, min_delta, monitor, baseline, start, last: false });
        Ok(PatienceWatch { watch: Watch::new(&[rule], LOWER_IS_BETTER, f64::MAX, u32::MAX), seen: 0 })
    }

    /// Takes the value of the next epoch, lower being better. Whether the training should stop; once it should, it does.
    fn observe(&mut self, value: f64) -> bool {
        if self.watch.ended().is_none() {
            self.seen = self.seen.saturating_add(1);
            // Without a validation loss: one that is no number would end the training as diverged.
            self.watch.observe(&Point { validation_loss: None, score: None, ..point(self.seen, 0.0, value) });
        }
        self.watch.ended().is_some()
    }

    /// Whether the last value was the best so far.
    #[getter]
    fn improved(&self) -> bool {
        self.watch.improved()
    }
}
