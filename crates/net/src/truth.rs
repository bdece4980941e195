//! The rows in work: their inputs gathered, and what their outputs should be.

use crate::losses::{Aim, Targets};
use crate::network::Net;
use crate::real::Real;
use crate::samples::Samples;
use opportune_core::loss::Loss;
use opportune_data::TargetEncoder;
use std::sync::Arc;

/// Targets of some rows. Nothing here allocates after [`Truth::new`].
#[derive(Debug)]
pub(crate) struct Truth<T> {
    samples: Arc<Samples>,
    loss: Loss,
    /// How numbers are scaled for the loss.
    pub(crate) encoding: TargetEncoder,
    /// Classes, or rows x labels of 0 and 1; none of a regression.
    pub(crate) labels: Vec<u32>,
    /// In original units; none of a classification.
    pub(crate) numbers: Vec<f64>,
    scaled: Vec<T>,
    /// How much each row counts; none where all count 1.
    weights: Vec<T>,
    /// The sum of the rows' weights.
    pub(crate) total: f64,
}

impl<T: Real> Truth<T> {
    /// With room for so many rows.
    pub(crate) fn new(samples: Arc<Samples>, loss: Loss, room: usize) -> Truth<T> {
        let numbers = if loss.is_regression() { room } else { 0 };
        let encoding = samples.encoding(loss);
        let each = if let TargetEncoder::Labels { names } = &encoding { names.len() } else { 1 };
        Truth {
            encoding,
            labels: Vec::with_capacity((room - numbers) * each),
            numbers: Vec::with_capacity(numbers),
            scaled: Vec::with_capacity(numbers),
            weights: Vec::with_capacity(if samples.weighted() { room } else { 0 }),
            total: 0.0,
            samples,
            loss,
        }
    }

    /// Takes these rows, and their inputs to the network.
    pub(crate) fn gather(&mut self, rows: &[u32], net: &mut Net<T>) {
        net.take(&self.samples, rows);
        self.labels.clear();
        self.numbers.clear();
        self.scaled.clear();
        if self.loss.is_regression() {
            self.numbers.extend(rows.iter().map(|&row| self.samples.number(row)));
            self.scaled.extend(self.numbers.iter().map(|&number| T::of(self.encoding.scaled(number))));
        } else if let TargetEncoder::Labels { .. } = self.encoding {
            let labels = rows.iter().flat_map(|&row| self.samples.labels(row));
            self.labels.extend(labels.map(|&label| u32::from(label)));
        } else {
            self.labels.extend(rows.iter().map(|&row| self.samples.class(row)));
        }
        self.total = rows.len() as f64;
        if self.samples.weighted() {
            self.weights.clear();
            self.weights.extend(rows.iter().map(|&row| T::of(self.samples.weight(row))));
            self.total = self.weights.iter().map(|weight| weight.wide()).sum();
        }
    }

    /// What their outputs are to be brought to, with labels smoothed by so much.
    pub(crate) fn aim(&self, smoothing: f64) -> Aim<'_, T> {
        let targets = match self.encoding {
            TargetEncoder::Numbers { .. } => Targets::Numbers(&self.scaled),
            TargetEncoder::Classes { .. } => Targets::Classes(&self.labels),
            TargetEncoder::Labels { .. } => Targets::Labels(&self.labels),
        };
        let weights = self.samples.weighted().then_some(&self.weights[..]);
        Aim { loss: self.loss, targets, smoothing, weights }
    }
}
