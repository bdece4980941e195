//! One training: batches, steps, epochs, and what is observed of them.

use crate::network::{Net, Targets, initial};
use crate::real::Real;
use crate::samples::Samples;
use crate::tally::Tally;
use crate::update::{self, Step};
use opportune_core::observation::Observation;
use opportune_core::plan::{Loss, Plan};
use opportune_core::rng::{Purpose, Stream};
use opportune_core::schedule::Setting;
use pulp::Arch;
use std::sync::Arc;
use std::time::Instant;

/// Rows that are predicted at once, at least: enough to keep the products busy where batches are small.
const CHUNK: usize = 256;

/// One training of one plan. The same plan gives the same bits, whatever else runs and however often it is saved,
/// loaded and continued.
pub struct Run<T> {
    pub(crate) plan: Arc<Plan>,
    samples: Arc<Samples>,
    pub(crate) net: Net<T>,
    /// Moments of the optimizer, as long as the parameters or empty.
    pub(crate) first: Vec<T>,
    pub(crate) second: Vec<T>,
    /// Epochs done.
    pub(crate) epoch: u32,
    /// Optimizer steps done.
    pub(crate) step: u64,
    batch: usize,
    /// Training rows in this epoch's order.
    order: Vec<u32>,
    labels: Vec<u32>,
    numbers: Vec<f64>,
    scaled: Vec<T>,
    training: Tally,
    validation: Tally,
}

impl<T: Real> Run<T> {
    /// A run that has not begun, from initial weights. `plan` must be one for `samples`; [`crate::NativeTrainer`]
    /// makes such plans.
    pub fn new(plan: Arc<Plan>, samples: Arc<Samples>) -> Run<T> {
        Run::on(Arch::new(), plan, samples)
    }

    /// The same, on a given instruction set.
    pub(crate) fn on(arch: Arch, plan: Arc<Plan>, samples: Arc<Samples>) -> Run<T> {
        let recipe = &plan.recipe;
        let fold = recipe.part.fold();
        let parameters = initial(&recipe.network, &mut Stream::new(recipe.seed, recipe.repeat, fold, Purpose::Weights));
        let (train, validation) = (samples.train.len(), samples.validation.len());
        let batch = (recipe.batch as usize).min(train);
        let room = batch.max(validation.min(CHUNK));
        let outputs = recipe.network.outputs as usize;
        let moments = update::moments(&recipe.optimizer);
        let moment = |which: usize| vec![T::ZERO; if moments >= which { parameters.len() } else { 0 }];
        Run {
            first: moment(1),
            second: moment(2),
            epoch: 0,
            step: 0,
            batch,
            order: samples.train.clone(),
            labels: Vec::with_capacity(room),
            numbers: Vec::with_capacity(room),
            scaled: Vec::with_capacity(room),
            training: Tally::new(recipe.score, train, outputs),
            validation: Tally::new(recipe.score, validation, outputs),
            net: Net::new(arch, &recipe.network, parameters, room),
            plan: plan.clone(),
            samples,
        }
    }

    /// Epochs done.
    pub fn epochs(&self) -> u32 {
        self.epoch
    }

    /// Optimizer steps done.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The parameters: for each layer weights (in x out, row-major, as scikit-learn's `coefs_`), then biases.
    pub fn parameters(&self) -> &[T] {
        &self.net.parameters
    }

    /// Trains one epoch and validates. `dropped` is asked before each step; if it says so, the epoch is left at once,
    /// `None` is returned, and the run is of no more use than for its last saved state.
    pub fn epoch(&mut self, dropped: &mut dyn FnMut() -> bool) -> Option<Observation> {
        let begun = Instant::now();
        let recipe = &self.plan.recipe;
        // From the rows' own order, so that no epoch depends on the one before.
        self.order.copy_from_slice(&self.samples.train);
        let purpose = Purpose::BatchOrder { epoch: self.epoch };
        Stream::new(recipe.seed, recipe.repeat, recipe.part.fold(), purpose).shuffle(&mut self.order);
        self.training.clear();
        let mut penalty = 0.0;
        let held = self.plan.schedule.held_per_epoch();
        let mut setting = self.plan.schedule.at(self.step);
        for start in (0..self.order.len()).step_by(self.batch) {
            if dropped() {
                return None;
            }
            if !held {
                setting = self.plan.schedule.at(self.step);
            }
            penalty += self.step(start..(start + self.batch).min(self.order.len()), setting);
        }
        self.epoch += 1;
        let trained = self.training.scored();
        let validation = self.validate();
        Some(Observation {
            epoch: self.epoch,
            step: self.step,
            rate: setting.rate,
            momentum: setting.momentum,
            train_loss: trained.loss,
            penalty: penalty / self.order.len() as f64,
            train_score: trained.score,
            validation,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// One step on these places of the order. Gives the batch's penalty times its rows.
    fn step(&mut self, places: std::ops::Range<usize>, setting: Setting) -> f64 {
        let rows = places.len();
        gather(
            &self.samples,
            &self.order[places],
            self.net.inputs.as_mut_slice(),
            &mut self.labels,
            &mut self.numbers,
            &mut self.scaled,
        );
        let targets = targets(self.plan.recipe.loss, &self.labels, &self.scaled);
        self.net.forward(rows);
        let sums = self.net.predict(targets);
        self.training.add(sums, &self.samples.target, self.net.predictions(rows), &self.labels, &self.numbers);
        self.net.backward(rows, targets);
        self.step += 1;
        self.update(rows, setting)
    }

    /// Steps all parameters. Gives half the penalty's constant times the squares of the weights before.
    fn update(&mut self, rows: usize, setting: Setting) -> f64 {
        let recipe = &self.plan.recipe;
        let step = Step::<T>::new(&recipe.optimizer, setting, self.step);
        let l2 = T::of(recipe.l2 / rows as f64);
        let keep = T::of(1.0 - setting.rate * recipe.weight_decay);
        let arch = self.net.arch();
        let mut squares = 0.0;
        for layer in 0..self.net.layout().layers() {
            let (weights, biases) = (self.net.layout().weights(layer), self.net.layout().biases(layer));
            for (range, shrink) in [(weights, Some((l2, keep))), (biases, None)] {
                let w = &mut self.net.parameters[range.clone()];
                let g = &self.net.gradients[range.clone()];
                let m = self.first.get_mut(range.clone()).unwrap_or_default();
                let v = self.second.get_mut(range).unwrap_or_default();
                let (l2, keep) = shrink.unwrap_or((T::ZERO, T::ONE));
                let sum = update::sweep(arch, step, l2, keep, w, g, m, v);
                squares += if shrink.is_some() { sum } else { 0.0 };
            }
        }
        self.net.pack();
        0.5 * recipe.l2 * squares
    }

    fn validate(&mut self) -> Option<opportune_core::observation::Scored> {
        if self.samples.validation.is_empty() {
            return None;
        }
        self.validation.clear();
        let room = self.net.room();
        for rows in self.samples.validation.chunks(room) {
            gather(
                &self.samples,
                rows,
                self.net.inputs.as_mut_slice(),
                &mut self.labels,
                &mut self.numbers,
                &mut self.scaled,
            );
            self.net.forward(rows.len());
            let sums = self.net.predict(targets(self.plan.recipe.loss, &self.labels, &self.scaled));
            let predictions = self.net.predictions(rows.len());
            self.validation.add(sums, &self.samples.target, predictions, &self.labels, &self.numbers);
        }
        Some(self.validation.scored())
    }
}

/// Inputs and targets of some rows.
fn gather<T: Real>(
    samples: &Samples,
    rows: &[u32],
    inputs: &mut [T],
    labels: &mut Vec<u32>,
    numbers: &mut Vec<f64>,
    scaled: &mut Vec<T>,
) {
    T::encode(&samples.encoder, &samples.data, rows, &mut inputs[..rows.len() * samples.encoder.inputs()]);
    labels.clear();
    numbers.clear();
    scaled.clear();
    if samples.loss() == Loss::Squared {
        numbers.extend(rows.iter().map(|&row| samples.number(row)));
        scaled.extend(numbers.iter().map(|&number| T::of(samples.target.scaled(number))));
    } else {
        labels.extend(rows.iter().map(|&row| samples.class(row)));
    }
}

fn targets<'a, T>(loss: Loss, labels: &'a [u32], scaled: &'a [T]) -> Targets<'a, T> {
    match loss {
        Loss::Squared => Targets::Numbers(scaled),
        Loss::Softmax | Loss::Logistic => Targets::Classes(labels),
    }
}
