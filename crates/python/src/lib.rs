//! The Python module `opportune._core`.
//!
//! It hands over what `opportune-core` knows, in plain values; the classes that people use are Python's
//! (`python/opportune/`). Whatever a person gets wrong is a `ValueError` with the line that the program would print.

mod expression;
mod rules;
mod schedule;
mod sklearn;
mod study;
mod sweep;
mod tune;
mod typed;

use opportune_core::InputError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A mistake of a person as Python's exception.
fn value_error(error: InputError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// What the Python classes of opportune are made of.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::rules::{PatienceWatch, RateWatch};
    #[pymodule_export]
    use super::schedule::{Resolved, Schedule, import_schedule, kinds};
    #[pymodule_export]
    use super::sklearn::{Interrupt, mlp_fit, mlp_minimise, mlp_outputs};
    #[pymodule_export]
    use super::study::Study;
    #[pymodule_export]
    use super::sweep::Sweep;
    #[pymodule_export]
    use super::tune::{program, search};
    #[pymodule_export]
    const MOST_INTEGER_CLASSES: usize = opportune_data::MOST_INTEGER_CLASSES;
}
