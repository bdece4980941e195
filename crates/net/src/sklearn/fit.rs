//! A training by sgd or adam, epoch by epoch.

use super::pass::{Pass, predict};
use super::score::score;
use super::split::split;
use super::{Method, Objective, Rate, Shape, Table, Targets, Training, Twister};
use crate::real::Real;
use crate::update::{SLOTS, Shrink, Step, sweep};
use opportune_core::InputError;
use pulp::Arch;

/// Rows of a batch where none are asked for.
const AUTO: u64 = 200;
/// By what an adaptive rate is divided, and from where on training stops instead.
const ADAPTIVE: (f64, f64) = (5.0, 1e-6);

/// What lasts from one fit to the next (`warm_start`, `partial_fit`).
#[derive(Debug, Clone, PartialEq)]
pub struct Progress<T> {
    /// See [`Shape`].
    pub parameters: Vec<T>,
    /// Velocities of sgd; first and second moments of adam. Each is as long as the parameters.
    pub slots: Vec<Vec<T>>,
    /// Steps of adam.
    pub steps: u64,
    /// The rate of the next step; adam's before its correction.
    pub rate: f64,
    /// `t_`: rows learnt from.
    pub seen: u64,
    /// Epochs without progress.
    pub stale: u64,
    /// The best loss, or, with early stopping, validation score.
    pub best: f64,
    /// The parameters of the best validation score; `None` where they are those trained, as at the beginning of a second
    /// fit.
    pub best_parameters: Option<Vec<T>>,
}

impl<T: Real> Progress<T> {
    /// Before the first epoch.
    pub fn new(training: &Training, parameters: Vec<T>) -> Progress<T> {
        let stopping = training.early_stopping.is_some();
        let mut progress = Progress {
            best_parameters: stopping.then(|| parameters.clone()),
            parameters,
            slots: Vec::new(),
            steps: 0,
            rate: 0.0,
            seen: 0,
            stale: 0,
            best: if stopping { f64::NEG_INFINITY } else { f64::INFINITY },
        };
        progress.restart(training);
        progress
    }

    /// A fresh optimizer for the same parameters.
    pub fn restart(&mut self, training: &Training) {
        let slots = if matches!(training.method, Method::Adam { .. }) { 2 } else { 1 };
        self.slots = vec![vec![T::ZERO; self.parameters.len()]; slots];
        (self.steps, self.rate) = (0, training.rate);
    }
}

/// How training goes on after an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// As before.
    On,
    /// The rules would stop, but an adaptive rate has been lowered to this.
    Lowered(f64),
    /// The rules stop it; an adaptive rate is too small to be lowered.
    Stop,
}

/// What an epoch gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Mean over the rows of the batches' losses, penalty included.
    pub loss: f64,
    /// With early stopping: accuracy, or R²; NaN if not finite.
    pub validation_score: Option<f64>,
    /// What follows.
    pub turn: Turn,
}

/// A training in progress.
pub struct Fit<'a, T> {
    shape: &'a Shape,
    training: &'a Training,
    table: Table<'a, T>,
    progress: Progress<T>,
    pass: Pass<T>,
    twister: Twister,
    batch: usize,
    /// Training rows in the order of the last epoch.
    order: Vec<u32>,
    validation: Vec<u32>,
    predictions: Vec<T>,
}

impl<'a, T: Real> Fit<'a, T> {
    /// Splits validation rows off, if there are any. `twister` has drawn what comes before (initial parameters).
    ///
    /// # Errors
    /// Rows, parameters or slots that do not fit each other; a split that is not possible.
    pub fn new(
        shape: &'a Shape,
        training: &'a Training,
        table: Table<'a, T>,
        progress: Progress<T>,
        twister: Twister,
    ) -> Result<Fit<'a, T>, InputError> {
        Fit::on(Arch::new(), shape, training, table, progress, twister)
    }

    fn on(
        arch: Arch,
        shape: &'a Shape,
        training: &'a Training,
        table: Table<'a, T>,
        mut progress: Progress<T>,
        mut twister: Twister,
    ) -> Result<Fit<'a, T>, InputError> {
        let rows = table.rows(shape)?;
        let count = shape.parameters();
        let slots = if matches!(training.method, Method::Adam { .. }) { 2 } else { 1 };
        let best = progress.best_parameters.as_ref();
        if progress.parameters.len() != count
            || progress.slots.len() != slots
            || progress.slots.iter().chain(best).any(|all| all.len() != count)
        {
            return Err(InputError::new(format!(
                "what was trained before does not fit a network of {count} parameters"
            )));
        }
        let (train, validation) = match (training.early_stopping, table.targets) {
            (None, _) => ((0..rows).collect(), Vec::new()),
            // Stratified where one output tells two classes apart.
            (Some(share), Targets::Numbers(classes))
                if shape.objective == Objective::Logistic && shape.outputs == 1 =>
            {
                split(rows, share, Some(&|row| classes[row as usize] > T::ZERO), &mut twister)?
            }
            (Some(share), _) => split(rows, share, None, &mut twister)?,
        };
        if training.early_stopping.is_some() && validation.len() < 2 {
            return Err(InputError::new("The validation set is too small")
                .remedy("Increase 'validation_fraction' or the size of your dataset"));
        }
        let batch = training.batch.unwrap_or(AUTO).clamp(1, train.len() as u64) as usize;
        // A batch and a chunk of validation rows share the room.
        let room = batch.max(validation.len().min(AUTO as usize));
        let parameters = std::mem::take(&mut progress.parameters);
        Ok(Fit {
            pass: Pass::new(arch, shape, parameters, room),
            shape,
            training,
            table,
            progress,
            twister,
            batch,
            order: train,
            validation,
            predictions: Vec::new(),
        })
    }

    /// From now on large products are spread over so many threads, at least 1. Nothing computed depends on it.
    pub fn spread(&mut self, threads: usize) {
        self.pass.net.spread(threads);
    }

    /// Trains one epoch. `dropped` is asked before each step; if it says so, the epoch is left at once and `None` is
    /// returned; parameters stay what they are then.
    pub fn epoch(&mut self, dropped: &mut dyn FnMut() -> bool) -> Option<Epoch> {
        if self.training.shuffle {
            self.twister.shuffle(&mut self.order);
        }
        let rows = self.order.len();
        let crew = self.pass.net.crew();
        let mut loss = 0.0;
        for start in (0..rows).step_by(self.batch) {
            if dropped() {
                return None;
            }
            // Each step by itself: this thread may have to be the one that asks whether it is dropped.
            let end = (start + self.batch).min(rows);
            let (mean, squares) = crew.work(|| {
                self.pass.take(&self.table, &self.order[start..end]);
                let mean = self.pass.forward();
                self.pass.backward();
                (mean, self.step())
            });
            let penalty = 0.5 * self.training.alpha * squares / self.pass.total();
            loss += (mean + penalty) * (end - start) as f64;
        }
        let loss = loss / rows as f64;
        self.progress.seen += rows as u64;
        let validation_score = self.training.early_stopping.map(|_| crew.work(|| self.validate()));
        self.judge(loss, validation_score);
        if let Method::Sgd { rate: Rate::InvScaling { power }, .. } = self.training.method {
            self.progress.rate = self.training.rate / ((self.progress.seen + 1) as f64).powf(power);
        }
        Some(Epoch { loss, validation_score, turn: self.turn() })
    }

    /// Steps all parameters; gives the squares of the weights before.
    fn step(&mut self) -> f64 {
        let progress = &mut self.progress;
        let step = match self.training.method {
            Method::Sgd { momentum, nesterov, .. } => {
                Step::Velocity { rate: T::of(progress.rate), momentum: T::of(momentum), nesterov }
            }
            Method::Adam { beta1, beta2, eps } => {
                progress.steps += 1;
                let left = |beta: f64| 1.0 - beta.powf(progress.steps as f64);
                let rate = self.training.rate * left(beta2).sqrt() / left(beta1);
                Step::Adam {
                    rate: T::of(rate),
                    beta1: T::of(beta1),
                    beta2: T::of(beta2),
                    root: T::ONE,
                    eps: T::of(eps),
                    amsgrad: false,
                }
            }
        };
        let shrink = Shrink { l2: T::of(self.training.alpha / self.pass.total()), ..Shrink::none() };
        let net = &mut self.pass.net;
        let mut squares = 0.0;
        for layer in 0..net.layout().layers() {
            for (weights, range) in [(true, net.layout().weights(layer)), (false, net.layout().biases(layer))] {
                let mut slots: [&mut [T]; SLOTS] = Default::default();
                let kept = progress.slots.iter_mut();
                slots.iter_mut().zip(kept).for_each(|(own, slot)| *own = &mut slot[range.clone()]);
                let shrink = if weights { shrink } else { Shrink::none() };
                let (arch, parameters) = (net.arch(), &mut net.parameters[range.clone()]);
                let sum = sweep(arch, step, shrink, parameters, &net.gradients[range], slots);
                squares += if weights { sum } else { 0.0 };
            }
        }
        net.pack();
        squares
    }

    /// The score of the validation rows.
    fn validate(&mut self) -> f64 {
        let room = self.pass.net.room();
        self.predictions.clear();
        for rows in self.validation.chunks(room) {
            self.pass.take(&self.table, rows);
            predict(self.shape, &mut self.pass.net, rows.len(), &mut self.predictions);
        }
        let pick = |all: &[T], width: usize| -> Vec<T> {
            self.validation.iter().flat_map(|row| &all[*row as usize * width..][..width]).copied().collect()
        };
        let width = self.shape.outputs as usize;
        let weights = self.table.weights.map(|weights| pick(weights, 1));
        let weights = weights.as_deref();
        match self.table.targets {
            Targets::Classes(labels) => {
                let labels: Vec<u32> = self.validation.iter().map(|row| labels[*row as usize]).collect();
                score(self.shape.objective, &self.predictions, width, Targets::Classes(&labels), weights)
            }
            Targets::Numbers(numbers) => {
                let numbers = pick(numbers, width);
                score(self.shape.objective, &self.predictions, width, Targets::Numbers(&numbers), weights)
            }
        }
    }

    /// Counts epochs without progress, and keeps the best.
    fn judge(&mut self, loss: f64, validation_score: Option<f64>) {
        let (progress, tol) = (&mut self.progress, self.training.tol);
        // A score that is no number is neither worse nor better.
        let (stale, better) = match validation_score {
            Some(score) => (score < progress.best + tol, score > progress.best),
            None => (loss > progress.best - tol, loss < progress.best),
        };
        progress.stale = if stale { progress.stale + 1 } else { 0 };
        if better {
            progress.best = validation_score.unwrap_or(loss);
            if validation_score.is_some() {
                progress.best_parameters = Some(self.pass.net.parameters.to_vec());
            }
        }
    }

    fn turn(&mut self) -> Turn {
        if self.progress.stale as f64 <= self.training.patience {
            return Turn::On;
        }
        let (factor, least) = ADAPTIVE;
        match self.training.method {
            Method::Sgd { rate: Rate::Adaptive, .. } if self.progress.rate > least => {
                self.progress.rate /= factor;
                self.progress.stale = 0;
                Turn::Lowered(self.progress.rate)
            }
            _ => Turn::Stop,
        }
    }

    /// The parameters that a fit which ended here would have: the best, with early stopping.
    pub fn parameters(&self) -> &[T] {
        self.progress.best_parameters.as_deref().unwrap_or(&self.pass.net.parameters)
    }

    /// What lasts, with the parameters last trained, and the generator.
    pub fn finish(mut self) -> (Progress<T>, Twister) {
        self.progress.parameters = self.pass.net.parameters.to_vec();
        (self.progress, self.twister)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::arches;
    use opportune_core::settings::Activation;

    const ROWS: usize = 70;

    fn shape(objective: Objective, outputs: u32) -> Shape {
        Shape { inputs: 5, hidden: vec![9, 4], outputs, activation: Activation::Tanh, objective }
    }

    fn training(method: Method, early: bool) -> Training {
        Training {
            method,
            rate: 0.02,
            alpha: 0.1,
            batch: Some(16),
            shuffle: true,
            tol: 1e-4,
            patience: 10.0,
            early_stopping: early.then_some(0.2),
        }
    }

    fn sgd(rate: Rate) -> Method {
        Method::Sgd { rate, momentum: 0.9, nesterov: true }
    }

    /// Numbers that look random: inputs, then targets.
    fn numbers<T: Real>(count: usize) -> Vec<T> {
        let mut twister = Twister::new(11);
        (0..count).map(|_| T::of(twister.uniform(-1.0, 1.0))).collect()
    }

    fn epochs<T: Real>(
        arch: Arch,
        shape: &Shape,
        training: &Training,
        weighted: bool,
        threads: usize,
    ) -> (Vec<Epoch>, Progress<T>) {
        let width = shape.outputs as usize;
        let inputs = numbers::<T>(ROWS * 5);
        let weights: Vec<T> = numbers::<T>(ROWS).iter().map(|w| T::of(1.5 + w.wide())).collect();
        let labels: Vec<u32> = (0..ROWS as u32).map(|row| row * row % shape.outputs).collect();
        let bits = |x: &T| if x.wide() > 0.0 { T::ONE } else { T::ZERO };
        let targets: Vec<T> = match shape.objective {
            Objective::Squared => numbers(ROWS * width),
            _ => numbers(ROWS * width).iter().map(bits).collect(),
        };
        let table = Table {
            inputs: &inputs,
            targets: match shape.objective {
                Objective::Softmax => Targets::Classes(&labels),
                _ => Targets::Numbers(&targets),
            },
            weights: weighted.then_some(&weights[..]),
        };
        let mut twister = Twister::new(3);
        let progress = Progress::new(training, shape.initial(&mut twister));
        let mut fit = Fit::on(arch, shape, training, table, progress, twister).unwrap();
        fit.spread(threads);
        let epochs = (0..4).map(|_| fit.epoch(&mut || false).unwrap()).collect();
        (epochs, fit.finish().0)
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let adam = Method::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
        for (objective, outputs) in
            [(Objective::Softmax, 3), (Objective::Logistic, 2), (Objective::Squared, 2), (Objective::Poisson, 1)]
        {
            for method in [adam, sgd(Rate::InvScaling { power: 0.5 })] {
                let (shape, training) = (shape(objective, outputs), training(method, true));
                let narrow = epochs::<f32>(Arch::Scalar, &shape, &training, true, 1);
                let wide = epochs::<f64>(Arch::Scalar, &shape, &training, true, 1);
                for arch in arches() {
                    assert_eq!(
                        epochs::<f32>(arch, &shape, &training, true, 1),
                        narrow,
                        "{objective:?} {method:?} {arch:?}"
                    );
                    assert_eq!(
                        epochs::<f64>(arch, &shape, &training, true, 1),
                        wide,
                        "{objective:?} {method:?} {arch:?}"
                    );
                }
                for (narrow, wide) in narrow.0.iter().zip(&wide.0) {
                    assert!((narrow.loss / wide.loss - 1.0).abs() < 1e-3, "{narrow:?} {wide:?}");
                }
            }
        }
    }

    #[test]
    fn threads_change_nothing() {
        let adam = Method::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
        let (mut shape, training) = (shape(Objective::Softmax, 3), training(adam, true));
        shape.hidden = vec![600, 500];
        let alone = epochs::<f32>(Arch::new(), &shape, &training, false, 1);
        assert_eq!(epochs::<f32>(Arch::new(), &shape, &training, false, 3), alone);
    }

    #[test]
    fn equal_weights_are_none_but_for_the_penalty() {
        // Weights enter as shares of their sum, and the penalty is over that sum.
        let (shape, training) =
            (shape(Objective::Squared, 2), Training { alpha: 0.0, ..training(sgd(Rate::Constant), false) });
        let (inputs, targets) = (numbers::<f64>(ROWS * 5), numbers(ROWS * 2));
        let run = |weights: Option<&[f64]>| {
            let table = Table { inputs: &inputs, targets: Targets::Numbers(&targets), weights };
            let mut twister = Twister::new(3);
            let progress = Progress::new(&training, shape.initial(&mut twister));
            let mut fit = Fit::new(&shape, &training, table, progress, twister).unwrap();
            fit.epoch(&mut || false).unwrap().loss
        };
        assert!((run(None) / run(Some(&[4.0; ROWS])) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_adaptive_rate_is_lowered_until_it_is_too_small() {
        let training = Training { tol: 1e9, patience: 0.0, ..training(sgd(Rate::Adaptive), false) };
        let (shape, inputs, targets) = (shape(Objective::Squared, 1), numbers::<f64>(ROWS * 5), numbers(ROWS));
        let table = Table { inputs: &inputs, targets: Targets::Numbers(&targets), weights: None };
        let mut twister = Twister::new(3);
        let progress = Progress::new(&training, shape.initial(&mut twister));
        let mut fit = Fit::new(&shape, &training, table, progress, twister).unwrap();
        let turns: Vec<Turn> = (0..9).map(|_| fit.epoch(&mut || false).unwrap().turn).collect();
        // The first loss is better than none; then 0.02/5^7 is above 1e-7 and below 1e-6.
        assert_eq!(turns.iter().filter(|turn| matches!(turn, Turn::Lowered(_))).count(), 7, "{turns:?}");
        assert_eq!(turns[8], Turn::Stop, "{turns:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_an_epoch_can_be_dropped() {
        let (shape, training) = (shape(Objective::Squared, 1), training(sgd(Rate::Constant), false));
        let (inputs, targets) = (numbers::<f64>(ROWS * 5), numbers::<f64>(ROWS));
        let table = Table { inputs: &inputs, targets: Targets::Numbers(&targets), weights: None };
        let progress = || Progress::new(&training, shape.initial(&mut Twister::new(0)));
        let new = |table, progress| Fit::new(&shape, &training, table, progress, Twister::new(0)).map(drop);
        assert!(new(table, progress()).is_ok());
        assert!(new(Table { weights: Some(&inputs), ..table }, progress()).is_err());
        assert!(new(Table { inputs: &inputs[1..], ..table }, progress()).is_err());
        assert!(new(Table { inputs: &[], targets: Targets::Numbers(&[]), weights: None }, progress()).is_err());
        assert!(new(Table { targets: Targets::Classes(&[1; ROWS]), ..table }, progress()).is_err());
        assert!(new(table, Progress { parameters: vec![0.0; 3], ..progress() }).is_err());
        assert!(new(table, Progress { slots: Vec::new(), ..progress() }).is_err());
        let mut fit = Fit::new(&shape, &training, table, progress(), Twister::new(0)).unwrap();
        assert_eq!(fit.epoch(&mut || true), None);
    }
}
