//! The trainer of `opportune.sklearn`: arrays in, arrays out, no copy of the rows, and no lock held while it works.

use crate::typed::{Typed, hinted};
use crate::value_error;
use numpy::{Element, IntoPyArray, PyArray1, PyReadonlyArray1};
use opportune_core::InputError;
use opportune_core::settings::Activation;
use opportune_net::sklearn::{
    Ending, Fit, Method, Objective, Progress, Rate, Shape, Table, Targets, Training, Turn, Twister, minimise, outputs,
};
use opportune_net::{Busy, Real};
use pyo3::IntoPyObject;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often Python is asked whether someone wants to stop.
pub const ASK: Duration = Duration::from_millis(100);

/// Ends trainings in other threads at their next step.
#[pyclass(frozen, module = "opportune._core")]
#[derive(Default)]
pub struct Interrupt(Arc<AtomicBool>);

#[pymethods]
impl Interrupt {
    #[new]
    fn new() -> Interrupt {
        Interrupt::default()
    }

    /// From now on every training that was given this ends.
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A network, as scikit-learn's attributes describe it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ShapeItems {
    inputs: u32,
    hidden: Vec<u32>,
    outputs: u32,
    activation: String,
    out_activation: String,
}

impl ShapeItems {
    fn shape(self) -> Result<Shape, InputError> {
        let wrong = |what: &str, name: &str| Err(InputError::new(format!("there is no {what} '{name}'")));
        let activation = match self.activation.as_str() {
            "relu" => Activation::Relu,
            "tanh" => Activation::Tanh,
            "logistic" => Activation::Logistic,
            "identity" => Activation::Identity,
            other => return wrong("activation", other),
        };
        let objective = match self.out_activation.as_str() {
            "softmax" => Objective::Softmax,
            "logistic" => Objective::Logistic,
            "identity" => Objective::Squared,
            "exp" => Objective::Poisson,
            other => return wrong("out_activation_", other),
        };
        let Self { inputs, hidden, outputs, .. } = self;
        Ok(Shape { inputs, hidden, outputs, activation, objective })
    }
}

/// The parameters of an estimator that a stochastic training needs, under their names.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct TrainingItems {
    solver: String,
    alpha: f64,
    batch_size: Option<u64>,
    learning_rate: String,
    learning_rate_init: f64,
    power_t: f64,
    max_iter: u64,
    shuffle: bool,
    tol: f64,
    momentum: f64,
    nesterovs_momentum: bool,
    validation_fraction: Option<f64>,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    n_iter_no_change: f64,
}

impl TrainingItems {
    fn training(&self) -> Result<Training, InputError> {
        let rate = match self.learning_rate.as_str() {
            "constant" => Rate::Constant,
            "invscaling" => Rate::InvScaling { power: self.power_t },
            "adaptive" => Rate::Adaptive,
            other => return Err(InputError::new(format!("there is no learning_rate '{other}'"))),
        };
        let method = match self.solver.as_str() {
            "sgd" => Method::Sgd { rate, momentum: self.momentum, nesterov: self.nesterovs_momentum },
            "adam" => Method::Adam { beta1: self.beta_1, beta2: self.beta_2, eps: self.epsilon },
            other => return Err(InputError::new(format!("the solver '{other}' is not stochastic"))),
        };
        Ok(Training {
            method,
            rate: self.learning_rate_init,
            alpha: self.alpha,
            batch: self.batch_size,
            shuffle: self.shuffle,
            tol: self.tol,
            patience: self.n_iter_no_change,
            early_stopping: self.validation_fraction,
        })
    }
}

/// Numbers of either width, flat.
#[derive(FromPyObject)]
pub enum Numbers<'py> {
    /// float32.
    F32(PyReadonlyArray1<'py, f32>),
    /// float64.
    F64(PyReadonlyArray1<'py, f64>),
}

/// What the rows should give: classes, or numbers.
#[derive(FromPyObject)]
pub enum Goals<'py> {
    /// Of exclusive classes.
    Classes(PyReadonlyArray1<'py, u32>),
    /// Rows x outputs.
    Numbers(Numbers<'py>),
}

/// Rows to learn from.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct TableItems<'py> {
    inputs: Numbers<'py>,
    targets: Goals<'py>,
    weights: Option<Numbers<'py>>,
}

/// One of the widths that [`Numbers`] come in.
trait Width: Real + Element {
    fn of_width<'a>(numbers: &'a Numbers<'_>) -> PyResult<&'a [Self]>;
}

fn other_width() -> PyErr {
    value_error(InputError::new("all arrays must be of one width, float32 or float64"))
}

impl Width for f32 {
    fn of_width<'a>(numbers: &'a Numbers<'_>) -> PyResult<&'a [f32]> {
        match numbers {
            Numbers::F32(array) => Ok(array.as_slice()?),
            Numbers::F64(_) => Err(other_width()),
        }
    }
}

impl Width for f64 {
    fn of_width<'a>(numbers: &'a Numbers<'_>) -> PyResult<&'a [f64]> {
        match numbers {
            Numbers::F64(array) => Ok(array.as_slice()?),
            Numbers::F32(_) => Err(other_width()),
        }
    }
}

impl TableItems<'_> {
    fn table<T: Width>(&self) -> PyResult<Table<'_, T>> {
        let targets = match &self.targets {
            Goals::Classes(labels) => Targets::Classes(labels.as_slice()?),
            Goals::Numbers(numbers) => Targets::Numbers(T::of_width(numbers)?),
        };
        let weights = self.weights.as_ref().map(T::of_width).transpose()?;
        Ok(Table { inputs: T::of_width(&self.inputs)?, targets, weights })
    }
}

/// What lasts from one fit to the next, and the state of numpy's generator.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ProgressItems<'py> {
    parameters: Numbers<'py>,
    slots: Vec<Numbers<'py>>,
    steps: u64,
    rate: f64,
    seen: u64,
    stale: u64,
    best: Option<f64>,
    best_parameters: Option<Numbers<'py>>,
    key: PyReadonlyArray1<'py, u32>,
    position: usize,
}

impl ProgressItems<'_> {
    fn progress<T: Width>(&self, training: &Training) -> PyResult<Progress<T>> {
        let copied = |numbers: &Numbers<'_>| T::of_width(numbers).map(<[T]>::to_vec);
        let mut progress = Progress::new(training, copied(&self.parameters)?);
        if !self.slots.is_empty() {
            progress.slots = self.slots.iter().map(copied).collect::<PyResult<_>>()?;
            (progress.steps, progress.rate) = (self.steps, self.rate);
        }
        (progress.seen, progress.stale) = (self.seen, self.stale);
        progress.best = self.best.unwrap_or(progress.best);
        progress.best_parameters = self.best_parameters.as_ref().map(copied).transpose()?;
        Ok(progress)
    }
}

/// What a stochastic training gave: a dictionary.
#[derive(IntoPyObject)]
pub struct Fitted<'py> {
    parameters: Bound<'py, PyAny>,
    slots: Vec<Bound<'py, PyAny>>,
    steps: u64,
    rate: f64,
    seen: u64,
    stale: u64,
    best: f64,
    losses: Vec<f64>,
    scores: Vec<f64>,
    stopped: bool,
    interrupted: bool,
    reads: Vec<(u64, Bound<'py, PyAny>)>,
    key: Bound<'py, PyArray1<u32>>,
    position: usize,
}

/// What is called after each epoch.
#[derive(FromPyObject)]
pub struct Report(Py<PyAny>);

/// Numbers of either width, for Python.
#[derive(IntoPyObject)]
pub struct Outputs<'py>(Bound<'py, PyAny>);

hinted! {
    ShapeItems: DICTIONARY,
    TrainingItems: DICTIONARY,
    TableItems<'_>: DICTIONARY,
    ProgressItems<'_>: DICTIONARY,
    Fitted<'_>: DICTIONARY,
    Found<'_>: DICTIONARY,
    PyReadonlyArray1<'_, f64>: FLOATS64,
    Numbers<'_>: type_hint_union!(FLOATS32, FLOATS64),
    Outputs<'_>: type_hint_union!(FLOATS32, FLOATS64),
    Report: called_with!(INT, FLOAT, type_hint_union!(FLOAT, NONE), STR, type_hint_union!(FLOAT, NONE)),
}

/// Whether to go on, told by Python's signals and an [`Interrupt`].
struct Watch {
    asked: Instant,
    flag: Option<Arc<AtomicBool>>,
    raised: Option<PyErr>,
    stop: bool,
}

impl Watch {
    fn new(flag: Option<&Interrupt>) -> Watch {
        Watch { asked: Instant::now(), flag: flag.map(|flag| flag.0.clone()), raised: None, stop: false }
    }

    fn dropped(&mut self) -> bool {
        if self.asked.elapsed() > ASK && !self.stop {
            self.asked = Instant::now();
            self.raised = Python::attach(|py| py.check_signals()).err();
            self.stop = self.raised.is_some() || self.flag.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
        }
        self.stop
    }

    /// Whether it was interrupted from the keyboard; another exception goes on its way.
    fn interrupted(self, py: Python<'_>) -> PyResult<bool> {
        match self.raised {
            Some(error) if !error.is_instance_of::<PyKeyboardInterrupt>(py) => Err(error),
            raised => Ok(raised.is_some()),
        }
    }
}

/// Trains by sgd or adam. `reads` are numbers of epochs after which the parameters are copied, as a fit of so many epochs
/// would have them; `report` is called after each epoch with its number, loss, validation score and rate, and with what
/// followed: 'on', 'lowered' or 'stop'.
#[pyfunction]
#[pyo3(signature = (table, shape, training, progress, *, reads: "list[int]", report=None, interrupt=None))]
#[allow(clippy::too_many_arguments)]
pub fn mlp_fit<'py>(
    py: Python<'py>,
    table: Typed<TableItems<'py>>,
    shape: Typed<ShapeItems>,
    training: Typed<TrainingItems>,
    progress: Typed<ProgressItems<'py>>,
    reads: Vec<u64>,
    report: Option<Typed<Report>>,
    interrupt: Option<&Interrupt>,
) -> PyResult<Typed<Fitted<'py>>> {
    let (Typed(table), Typed(training), Typed(progress)) = (table, training, progress);
    let shape = shape.0.shape().map_err(value_error)?;
    let report = report.map(|report| report.0.0);
    let watch = Watch::new(interrupt);
    let fitted = match table.inputs {
        Numbers::F32(_) => fit::<f32>(py, &table, &shape, &training, &progress, &reads, report, watch),
        Numbers::F64(_) => fit::<f64>(py, &table, &shape, &training, &progress, &reads, report, watch),
    };
    fitted.map(Typed)
}

#[allow(clippy::too_many_arguments)]
fn fit<'py, T: Width>(
    py: Python<'py>,
    table: &TableItems<'py>,
    shape: &Shape,
    items: &TrainingItems,
    progress: &ProgressItems<'py>,
    reads: &[u64],
    report: Option<Py<PyAny>>,
    mut watch: Watch,
) -> PyResult<Fitted<'py>> {
    let training = items.training().map_err(value_error)?;
    let table = table.table::<T>()?;
    let twister = Twister::from_state(progress.key.as_slice()?, progress.position).map_err(value_error)?;
    let progress = progress.progress::<T>(&training)?;
    let (mut losses, mut scores, mut copies, mut stopped) = (Vec::new(), Vec::new(), Vec::new(), false);
    let (progress, twister) = py.detach(|| {
        let mut fit = Fit::new(shape, &training, table, progress, twister).map_err(value_error)?;
        let busy = Busy::begin();
        while losses.len() < items.max_iter as usize && !stopped {
            fit.spread(busy.threads());
            let Some(epoch) = fit.epoch(&mut || watch.dropped()) else { break };
            losses.push(epoch.loss);
            scores.extend(epoch.validation_score);
            stopped = epoch.turn == Turn::Stop;
            let count = losses.len() as u64;
            if reads.contains(&count) {
                copies.push((count, fit.parameters().to_vec()));
            }
            if let Some(report) = &report {
                let (turn, rate) = match epoch.turn {
                    Turn::On => ("on", None),
                    Turn::Lowered(rate) => ("lowered", Some(rate)),
                    Turn::Stop => ("stop", None),
                };
                Python::attach(|py| report.call1(py, (count, epoch.loss, epoch.validation_score, turn, rate)))?;
            }
        }
        Ok::<_, PyErr>(fit.finish())
    })?;
    let array = |all: Vec<T>| all.into_pyarray(py).into_any();
    let (key, position) = twister.state();
    let best_parameters = progress.best_parameters.unwrap_or(progress.parameters);
    Ok(Fitted {
        parameters: array(best_parameters),
        slots: progress.slots.into_iter().map(array).collect(),
        steps: progress.steps,
        rate: progress.rate,
        seen: progress.seen,
        stale: progress.stale,
        best: progress.best,
        losses,
        scores,
        stopped,
        interrupted: watch.interrupted(py)?,
        reads: copies.into_iter().map(|(count, copy)| (count, array(copy))).collect(),
        key: key.to_vec().into_pyarray(py),
        position,
    })
}

/// What L-BFGS found: a dictionary.
#[derive(IntoPyObject)]
pub struct Found<'py> {
    parameters: Bound<'py, PyArray1<f64>>,
    loss: f64,
    iterations: u64,
    ending: &'static str,
    reads: Vec<(u64, f64, Bound<'py, PyArray1<f64>>)>,
}

/// Trains by L-BFGS, in 64 bits. `limits` are `max_iter` and `max_fun`; `reads` are numbers of iterations after which loss
/// and parameters are copied.
#[pyfunction]
#[pyo3(signature = (table, shape, parameters, *, alpha, tol, limits, reads: "list[int]", interrupt=None))]
#[allow(clippy::too_many_arguments)]
pub fn mlp_minimise<'py>(
    py: Python<'py>,
    table: Typed<TableItems<'py>>,
    shape: Typed<ShapeItems>,
    parameters: Typed<PyReadonlyArray1<'py, f64>>,
    alpha: f64,
    tol: f64,
    limits: (u64, u64),
    reads: Vec<u64>,
    interrupt: Option<&Interrupt>,
) -> PyResult<Typed<Found<'py>>> {
    let shape = shape.0.shape().map_err(value_error)?;
    let table = table.0.table::<f64>()?;
    let start = parameters.0.as_slice()?.to_vec();
    let mut watch = Watch::new(interrupt);
    let mut copies = Vec::new();
    let found = py
        .detach(|| {
            let mut seen = |count, x: &[f64], loss| {
                if reads.contains(&count) {
                    copies.push((count, loss, x.to_vec()));
                }
            };
            let busy = Busy::begin();
            let mut threads = || (!watch.dropped()).then(|| busy.threads());
            minimise(&shape, table, start, (alpha, tol), limits, &mut threads, &mut seen)
        })
        .map_err(value_error)?;
    if watch.interrupted(py)? {
        return Err(PyKeyboardInterrupt::new_err("training interrupted"));
    }
    Ok(Typed(Found {
        parameters: found.parameters.into_pyarray(py),
        loss: found.loss,
        iterations: found.iterations,
        ending: match found.ending {
            Ending::Gradient => "gradient",
            Ending::Decrease => "decrease",
            Ending::Iterations => "iterations",
            Ending::Evaluations => "evaluations",
            Ending::LineSearch => "line search",
            Ending::Dropped => "dropped",
        },
        reads: copies.into_iter().map(|(count, loss, copy)| (count, loss, copy.into_pyarray(py))).collect(),
    }))
}

/// What a network gives for rows of inputs: rows x outputs, flat.
#[pyfunction]
pub fn mlp_outputs<'py>(
    py: Python<'py>,
    inputs: Typed<Numbers<'py>>,
    shape: Typed<ShapeItems>,
    parameters: Typed<Numbers<'py>>,
) -> PyResult<Typed<Outputs<'py>>> {
    fn run<'py, T: Width>(
        py: Python<'py>,
        inputs: &Numbers<'py>,
        shape: &Shape,
        parameters: &Numbers<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (inputs, parameters) = (T::of_width(inputs)?, T::of_width(parameters)?);
        let all = py.detach(|| outputs(shape, parameters, inputs)).map_err(value_error)?;
        Ok(all.into_pyarray(py).into_any())
    }
    let (Typed(inputs), Typed(parameters)) = (inputs, parameters);
    let shape = shape.0.shape().map_err(value_error)?;
    let outputs = match inputs {
        Numbers::F32(_) => run::<f32>(py, &inputs, &shape, &parameters),
        Numbers::F64(_) => run::<f64>(py, &inputs, &shape, &parameters),
    };
    outputs.map(|outputs| Typed(Outputs(outputs)))
}
