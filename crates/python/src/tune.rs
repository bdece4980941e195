//! The program's search on arrays, and the program itself.

use crate::sklearn::{ASK, Numbers};
use crate::typed::{Typed, hinted};
use crate::value_error;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use opportune_cli::{Candidate, Ending, Folds, Found, Given, search_in_memory};
use opportune_core::InputError;
use opportune_core::memory::TrialResult;
use opportune_core::space::Config;
use opportune_data::{self as data, Dataset, Target};
use pyo3::IntoPyObject;
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

/// What the rows should give.
#[derive(FromPyObject)]
pub enum TargetItems<'py> {
    /// Positions in the classes' names.
    Classes(PyReadonlyArray1<'py, u32>, Vec<String>),
    /// 0 or 1, rows x labels, and the labels' names.
    Labels(PyReadonlyArray1<'py, u8>, Vec<String>),
    /// Numbers.
    Numbers(PyReadonlyArray1<'py, f64>),
}

/// Rows to search on.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct RowsItems<'py> {
    features: Numbers<'py>,
    columns: usize,
    target: TargetItems<'py>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    folds: Option<Vec<(PyReadonlyArray1<'py, u32>, PyReadonlyArray1<'py, u32>)>>,
}

impl RowsItems<'_> {
    /// The data set, and what a person should know of it.
    fn dataset(&self) -> PyResult<(Dataset, Vec<String>)> {
        let features = match &self.features {
            Numbers::F32(array) => data::Numbers::F32(array.as_slice()?.to_vec()),
            Numbers::F64(array) => data::Numbers::F64(array.as_slice()?.to_vec()),
        };
        let target = match &self.target {
            TargetItems::Classes(codes, labels) => {
                Target::Classes { codes: codes.as_slice()?.to_vec(), labels: labels.clone() }
            }
            TargetItems::Labels(values, names) => {
                Target::Labels { values: values.as_slice()?.to_vec(), names: names.clone() }
            }
            TargetItems::Numbers(values) => Target::Numbers(values.as_slice()?.to_vec()),
        };
        let weights = self.weights.as_ref().map(|weights| weights.as_slice().map(<[f64]>::to_vec)).transpose()?;
        let mut warnings = Vec::new();
        let data = Dataset::from_arrays(features, self.columns, target, weights, &mut warnings);
        Ok((data.map_err(value_error)?, warnings))
    }

    fn folds(&self) -> PyResult<Option<Folds>> {
        let rows = |array: &PyReadonlyArray1<'_, u32>| array.as_slice().map(<[u32]>::to_vec);
        let Some(folds) = &self.folds else { return Ok(None) };
        let folds = folds.iter().map(|(train, validation)| Ok((rows(train)?, rows(validation)?)));
        folds.collect::<PyResult<Folds>>().map(Some)
    }
}

/// Numbers for Python, in one row.
type Flat<'py> = Bound<'py, PyArray1<f64>>;

/// What a search found: a dictionary.
#[derive(IntoPyObject)]
pub struct Searched<'py> {
    /// JSON of the verdict, and its text.
    verdict: String,
    text: String,
    /// JSON: lists of objects with `config`, `epochs` and the folds' `scores`; of candidates with `until`, `score` and whether that is
    /// `confirmed` too.
    trials: String,
    candidates: String,
    /// Weights (inputs x outputs, flat) and biases of each layer on raw features; none without a final model.
    layers: Vec<(Flat<'py>, Flat<'py>)>,
    /// Training loss of each epoch of the final model, with its penalty.
    losses: Vec<f64>,
    warnings: Vec<String>,
}

/// What is called with each line.
#[derive(FromPyObject)]
pub struct Tell(Py<PyAny>);

hinted! {
    RowsItems<'_>: DICTIONARY,
    Searched<'_>: DICTIONARY,
    Tell: called_with!(STR),
}

/// Searches as the command line in `words` does, on these rows. `tell` is called with the lines that the program would print
/// meanwhile. A keyboard interrupt ends it within a second and leaves no thread.
#[pyfunction]
#[pyo3(signature = (words: "list[str]", rows, *, refit=true, tell=None))]
pub fn search<'py>(
    py: Python<'py>,
    words: Vec<String>,
    rows: Typed<RowsItems<'py>>,
    refit: bool,
    tell: Option<Typed<Tell>>,
) -> PyResult<Typed<Searched<'py>>> {
    let Typed(rows) = rows;
    let (data, warnings) = rows.dataset()?;
    let words = words.into_iter().map(OsString::from).collect();
    let given = Given { words, data, folds: rows.folds()?, refit };
    match py.detach(|| watched(given, tell.as_ref().map(|tell| &tell.0.0)))? {
        Ending::Found(found) => searched(py, *found, warnings).map(Typed),
        Ending::Nothing(why) => Err(PyValueError::new_err(format!("no result: {why}"))),
        Ending::Interrupted => Err(PyKeyboardInterrupt::new_err("search interrupted")),
    }
}

/// Runs the program with the words of a command line, its name first, and gives its exit code. It catches interrupts itself.
#[pyfunction]
#[pyo3(signature = (words: "list[str]"))]
pub fn program(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| opportune_cli::program(words))
}

/// Searches in a thread of its own, while this one hands lines to Python and asks it whether someone wants to stop.
fn watched(given: Given, tell: Option<&Py<PyAny>>) -> PyResult<Ending> {
    let interrupt = AtomicBool::new(false);
    let (sender, lines) = channel::<String>();
    std::thread::scope(|scope| {
        let interrupt = &interrupt;
        let worker = scope.spawn(move || {
            // Nobody who listens any more is no harm.
            let listener = Box::new(move |line: &str| drop(sender.send(line.to_string())));
            search_in_memory(given, listener, interrupt)
        });
        let (mut asked, mut raised) = (Instant::now(), None);
        loop {
            let line = match lines.recv_timeout(ASK) {
                Ok(line) => Some(line),
                Err(RecvTimeoutError::Timeout) => None,
                // The search is over, and its listener gone.
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if raised.is_some() || (line.is_none() || tell.is_none()) && asked.elapsed() < ASK {
                continue;
            }
            asked = Instant::now();
            let said = Python::attach(|py| {
                if let (Some(line), Some(tell)) = (line, tell) {
                    tell.call1(py, (line,))?;
                }
                py.check_signals()
            });
            raised = said.err();
            interrupt.store(raised.is_some(), Ordering::Relaxed);
        }
        let ending = worker.join();
        match (raised, ending) {
            (Some(error), _) => Err(error),
            (None, Ok(ending)) => ending.map_err(value_error),
            (None, Err(_)) => Err(PyRuntimeError::new_err("the search failed in a way it should not have")),
        }
    })
}

fn searched<'py>(py: Python<'py>, found: Found, warnings: Vec<String>) -> PyResult<Searched<'py>> {
    let (mut layers, mut losses) = (Vec::new(), Vec::new());
    if let Some((model, curve)) = &found.model {
        let plain = model.raw_layers().ok_or_else(|| {
            value_error(InputError::new("the network has layers that those of scikit-learn do not have"))
        })?;
        layers.extend(plain.into_iter().map(|one| (one.weights.into_pyarray(py), one.biases.into_pyarray(py))));
        let epochs = curve.folds.first().map(|fold| fold.curve.as_slice()).unwrap_or_default();
        losses.extend(epochs.iter().map(|epoch| epoch.train_loss + epoch.penalty));
    }
    let candidate = |one: &Candidate| {
        let mut item = trial(&one.config, &one.result);
        item["until"] = json!(one.until);
        item["score"] = json!(one.score);
        item["confirmed"] = json!(one.confirmed);
        item
    };
    Ok(Searched {
        verdict: found.verdict.to_string(),
        text: found.text,
        trials: Value::Array(found.trials.iter().map(|one| trial(&one.config, one)).collect()).to_string(),
        candidates: Value::Array(found.candidates.iter().map(candidate).collect()).to_string(),
        layers,
        losses,
        warnings,
    })
}

fn trial(config: &Config, result: &TrialResult) -> Value {
    let epochs = result.folds.iter().map(|fold| fold.ending.epochs).max();
    json!({"config": config, "epochs": epochs.unwrap_or(0), "scores": result.scores()})
}
