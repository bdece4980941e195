//! The rising sweep: the rates of its steps, and what its losses suggest.

use crate::typed::{Typed, hinted};
use crate::value_error;
use opportune_core::InputError;
use opportune_core::sweep;
use pyo3::IntoPyObject;
use pyo3::prelude::*;

/// The rates that the smoothed loss suggests; None where too few steps were taken.
#[derive(IntoPyObject)]
pub struct Suggestions {
    valley: Option<f64>,
    steep: Option<f64>,
    minimum: Option<f64>,
    slide: Option<f64>,
}

hinted!(Suggestions: ours("Suggestions"));

/// The account of a sweep whose rate grows at every step.
#[pyclass(module = "opportune._core")]
pub struct Sweep(sweep::Sweep);

#[pymethods]
impl Sweep {
    /// Of rates from `low` to below `high` in `steps` steps.
    #[new]
    #[pyo3(signature = (low=sweep::Sweep::LOW, high=sweep::Sweep::HIGH, steps=sweep::Sweep::STEPS))]
    fn new(low: f64, high: f64, steps: u32) -> PyResult<Self> {
        let refuse = |what: String, remedy: String| Err(value_error(InputError::new(what).remedy(remedy)));
        if !(low.is_finite() && high.is_finite() && low > 0.0 && low < high) {
            let what = format!("the sweep goes from {low} to {high}");
            return refuse(what, "give two rates above 0, the lower one first".into());
        }
        if steps < sweep::Sweep::STEPS_MIN {
            let least = sweep::Sweep::STEPS_MIN;
            return refuse(format!("the sweep has {steps} steps"), format!("give at least {least}"));
        }
        Ok(Sweep(sweep::Sweep::new(low, high, steps)))
    }

    /// The rate for the next step.
    #[getter]
    fn next_rate(&self) -> f64 {
        self.0.next_rate()
    }

    /// Takes the loss of the next step's batch. Whether the sweep should go on.
    fn push(&mut self, loss: f64) -> bool {
        self.0.push(loss)
    }

    /// The rates of the steps taken.
    #[getter]
    fn rates(&self) -> Vec<f64> {
        (0..self.0.losses().len()).map(|step| self.0.rate(step)).collect()
    }

    /// The loss of each step's batch.
    #[getter]
    fn losses(&self) -> Vec<f64> {
        self.0.losses().to_vec()
    }

    /// Their average over the steps before, with falling weights.
    #[getter]
    fn smoothed(&self) -> Vec<f64> {
        self.0.smoothed().to_vec()
    }

    /// Whether the loss ran away before the last step.
    #[getter]
    fn ended_early(&self) -> bool {
        self.0.ended_early()
    }

    /// Whether the loss fell by enough to suggest anything.
    #[getter]
    fn tells(&self) -> bool {
        self.0.tells()
    }

    /// The rates that fastai would suggest, by name.
    #[getter]
    fn suggestions(&self) -> Typed<Suggestions> {
        let sweep::Suggestions { valley, steep, minimum, slide } = self.0.suggestions();
        Typed(Suggestions { valley, steep, minimum, slide })
    }
}
