//! Some rows through the network, forth and back.

use super::{Shape, Table, Targets};
use crate::network::Net;
use crate::real::Real;
use opportune_core::InputError;
use pulp::Arch;

/// Rows predicted at once.
const CHUNK: usize = 256;

/// A network with the rows of a batch and what they should have given.
pub(super) struct Pass<T> {
    pub(super) net: Net<T>,
    shape: Shape,
    rows: usize,
    labels: Vec<u32>,
    numbers: Vec<T>,
    weights: Vec<T>,
    weighted: bool,
    total: f64,
}

impl<T: Real> Pass<T> {
    /// With room for so many rows.
    pub(super) fn new(arch: Arch, shape: &Shape, parameters: Vec<T>, room: usize) -> Pass<T> {
        Pass {
            net: Net::new(arch, &shape.network(), &parameters, room),
            shape: shape.clone(),
            rows: 0,
            labels: Vec::new(),
            numbers: Vec::new(),
            weights: Vec::new(),
            weighted: false,
            total: 0.0,
        }
    }

    /// Takes these rows of a table.
    pub(super) fn take(&mut self, table: &Table<'_, T>, rows: &[u32]) {
        let (features, outputs) = (self.shape.inputs as usize, self.shape.outputs as usize);
        self.rows = rows.len();
        for (place, row) in self.net.inputs.chunks_exact_mut(features).zip(rows) {
            place.copy_from_slice(&table.inputs[*row as usize * features..][..features]);
        }
        self.labels.clear();
        self.numbers.clear();
        match table.targets {
            Targets::Classes(labels) => self.labels.extend(rows.iter().map(|row| labels[*row as usize])),
            Targets::Numbers(numbers) => {
                rows.iter().for_each(|row| self.numbers.extend(&numbers[*row as usize * outputs..][..outputs]));
            }
        }
        self.weights.clear();
        self.weighted = table.weights.is_some();
        if let Some(weights) = table.weights {
            self.weights.extend(rows.iter().map(|row| weights[*row as usize]));
        }
        self.total = match self.weighted {
            true => self.weights.iter().map(|weight| weight.wide()).sum(),
            false => rows.len() as f64,
        };
    }

    /// The sum of the rows' weights, or their number.
    pub(super) fn total(&self) -> f64 {
        self.total
    }

    /// Forth: the mean loss of the rows, without penalty. Then [`Pass::outputs`] are predictions.
    pub(super) fn forward(&mut self) -> f64 {
        let (arch, objective, width) = (self.net.arch(), self.shape.objective, self.shape.outputs as usize);
        self.net.forward(self.rows);
        let (values, stride) = self.net.last_mut(self.rows);
        objective.activate(arch, values, stride, width);
        let targets = targets(&self.labels, &self.numbers);
        objective.loss(values, (stride, width), targets, self.weighted.then_some(&self.weights)) / self.total
    }

    /// Back, after [`Pass::forward`]: gradients of the mean loss, without penalty.
    pub(super) fn backward(&mut self) {
        let (arch, objective, width) = (self.net.arch(), self.shape.objective, self.shape.outputs as usize);
        let (values, stride) = self.net.last_mut(self.rows);
        let targets = targets(&self.labels, &self.numbers);
        objective.derive(arch, values, (stride, width), targets, self.weighted.then_some(&self.weights), self.total);
        self.net.propagate(self.rows);
    }
}

/// What was taken of a table's targets: one of the two is empty.
fn targets<'a, T>(labels: &'a [u32], numbers: &'a [T]) -> Targets<'a, T> {
    if labels.is_empty() { Targets::Numbers(numbers) } else { Targets::Classes(labels) }
}

/// What a network gives: probabilities, or numbers; rows x outputs. `inputs` are rows of features.
///
/// # Errors
/// Parameters or inputs that do not fit the shape.
pub fn outputs<T: Real>(shape: &Shape, parameters: &[T], inputs: &[T]) -> Result<Vec<T>, InputError> {
    let (features, width) = (shape.inputs as usize, shape.outputs as usize);
    if parameters.len() != shape.parameters() || features == 0 || !inputs.len().is_multiple_of(features) {
        return Err(InputError::new("parameters or inputs do not fit the network").at("X"));
    }
    let rows = inputs.len() / features;
    let arch = Arch::new();
    let mut net = Net::new(arch, &shape.network(), parameters, rows.min(CHUNK));
    let mut all = Vec::with_capacity(rows * width);
    for chunk in inputs.chunks(CHUNK * features) {
        let rows = chunk.len() / features;
        net.inputs[..chunk.len()].copy_from_slice(chunk);
        predict(shape, &mut net, rows, &mut all);
    }
    Ok(all)
}

/// Appends what the first rows of the network's inputs give.
pub(super) fn predict<T: Real>(shape: &Shape, net: &mut Net<T>, rows: usize, out: &mut Vec<T>) {
    let (arch, width) = (net.arch(), shape.outputs as usize);
    net.forward(rows);
    let (values, stride) = net.last_mut(rows);
    shape.objective.activate(arch, values, stride, width);
    values.chunks_exact(stride).for_each(|row| out.extend(&row[..width]));
}
