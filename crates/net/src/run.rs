//! One training: batches, steps, epochs, and what is observed of them.

use crate::network::{Layout, Net, initial};
use crate::passes;
use crate::real::Real;
use crate::samples::Samples;
use crate::tally::Tally;
use crate::truth::Truth;
use crate::update::{At, Updater, clip};
use opportune_core::observation::{BLOCKS, Blocks, Observation, Scored};
use opportune_core::plan::Plan;
use opportune_core::rng::{Purpose, Stream};
use opportune_core::schedule::Setting;
use opportune_core::sweep::Sweep;
use opportune_data::Aligned;
use pulp::Arch;
use std::ops::Range;
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
    /// The optimizer with its state.
    pub(crate) updater: Updater<T>,
    /// Average of the parameters, as long as they are or empty.
    pub(crate) average: Aligned<T>,
    /// Epochs done.
    pub(crate) epoch: u32,
    /// Optimizer steps done.
    pub(crate) step: u64,
    batch: usize,
    /// Training rows in this epoch's order.
    order: Vec<u32>,
    /// Which units are dropped, epoch by epoch; none where none are.
    dropping: Option<Stream>,
    /// Validation rows, block by block where there are blocks.
    judged: Vec<u32>,
    truth: Truth<T>,
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
        let updater = Updater::new(
            recipe.optimizer,
            &Layout::new(recipe.network.widths(), recipe.network.layer_norm),
            &parameters,
        );
        Run {
            updater,
            average: Aligned::zeros(if recipe.averaging.is_on() { parameters.len() } else { 0 }),
            epoch: 0,
            step: 0,
            batch,
            order: samples.train.clone(),
            dropping: None,
            judged: judged(&samples.validation, recipe.blocks),
            truth: Truth::new(samples.clone(), recipe.loss, room),
            training: Tally::new(recipe.score, train, outputs),
            validation: Tally::new(recipe.score, validation, outputs),
            net: Net::new(arch, &recipe.network, &parameters, room)
                .with_dropout(recipe.dropout)
                .taking(samples.clone()),
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

    /// From now on epochs spread large products over so many threads, at least 1. Nothing computed depends on it.
    pub fn spread(&mut self, threads: usize) {
        self.net.spread(threads);
    }

    /// The parameters that are trained, whatever is averaged beside them: for each layer weights (in x out, row-major, as
    /// scikit-learn's `coefs_`), then biases, then gain and bias of its normalisation where it has one.
    pub fn parameters(&self) -> &[T] {
        &self.net.parameters
    }

    /// Trains one epoch and validates. `dropped` is asked before each step; if it says so, the epoch is left at once,
    /// `None` is returned, and the run is of no more use than for its last saved state.
    pub fn epoch(&mut self, dropped: &mut (dyn FnMut() -> bool + Send)) -> Option<Observation> {
        self.net.crew().work(|| self.next(dropped))
    }

    fn next(&mut self, dropped: &mut dyn FnMut() -> bool) -> Option<Observation> {
        let begun = Instant::now();
        self.shuffle(self.epoch);
        self.training.clear();
        self.updater.exchange(&mut self.net);
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
        self.updater.exchange(&mut self.net);
        self.epoch += 1;
        let trained = self.training.scored();
        let averaging = self.plan.recipe.averaging;
        let (validation, mut blocks) = match averaging.is_delivered(self.epoch) {
            true => self.averaged(Run::validate),
            false => self.validate(),
        };
        let mut averaged = None;
        if averaging.is_observed(self.epoch) {
            (averaged, blocks) = self.averaged(Run::validate);
        }
        Some(Observation {
            epoch: self.epoch,
            step: self.step,
            rate: setting.rate,
            momentum: setting.momentum,
            train_loss: trained.loss,
            penalty: penalty / self.training.weight(),
            train_score: trained.score,
            validation,
            averaged,
            blocks,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// Puts the training rows into the order of an epoch, and begins to draw what it drops.
    fn shuffle(&mut self, epoch: u32) {
        let recipe = &self.plan.recipe;
        // From the rows' own order, so that no epoch depends on the one before.
        self.order.copy_from_slice(&self.samples.train);
        let stream = |purpose| Stream::new(recipe.seed, recipe.repeat, recipe.part.fold(), purpose);
        stream(Purpose::BatchOrder { epoch }).shuffle(&mut self.order);
        self.dropping = (recipe.dropout > 0.0).then(|| stream(Purpose::Dropout { epoch }));
    }

    /// One step on these places of the order. Gives the batch's penalty times the weight of its rows.
    fn step(&mut self, places: Range<usize>, setting: Setting) -> f64 {
        let rows = places.len();
        self.truth.gather(&self.order[places], &mut self.net);
        if let Some(stream) = &mut self.dropping {
            self.net.draw_dropped(rows, stream);
        }
        self.net.forward_dropped(rows);
        let aim = self.truth.aim(self.plan.recipe.label_smoothing);
        let sums = self.net.predict(&aim);
        self.training.add(sums, &self.truth, self.net.predictions(rows));
        self.net.backward(rows, &aim, self.truth.total);
        clip(self.net.arch(), &mut self.net.gradients, self.plan.recipe.clip);
        self.step += 1;
        self.update(rows, setting, mean(sums.loss, self.truth.total))
    }

    /// Steps all parameters, from the gradients of a batch of this mean loss. Gives half the penalty's constant times the
    /// squares of the weights before.
    fn update(&mut self, rows: usize, setting: Setting, loss: f64) -> f64 {
        let recipe = &self.plan.recipe;
        // A batch of rows that do not count has no gradient, nor a share of the penalty.
        let total = self.truth.total;
        let l2 = mean(recipe.l2, total);
        let at = At { setting, step: self.step, l2, decay: recipe.weight_decay, loss };
        let aim = self.truth.aim(recipe.label_smoothing);
        // The same batch, without the same units, at other parameters, for optimizers that search along a line.
        let mut evaluate = |net: &mut Net<T>| {
            net.pack();
            net.forward_dropped(rows);
            let sums = net.predict(&aim);
            net.backward(rows, &aim, total);
            mean(sums.loss, total)
        };
        let squares = self.updater.step(&mut self.net, &at, &mut evaluate);
        if let Some(weight) = recipe.averaging.weight(self.step, self.plan.schedule.steps_per_epoch()) {
            let judged = self.updater.judged(&self.net.parameters);
            passes::blend(self.net.arch(), &mut self.average, judged, T::of(weight));
        }
        self.net.pack();
        0.5 * recipe.l2 * squares
    }

    /// Does something with the averaged weights in the place of the weights.
    fn averaged<R>(&mut self, act: impl FnOnce(&mut Self) -> R) -> R {
        std::mem::swap(&mut self.net.parameters, &mut self.average);
        self.net.pack();
        let result = act(self);
        std::mem::swap(&mut self.net.parameters, &mut self.average);
        self.net.pack();
        result
    }

    /// Loss and score of the validation rows, and the loss of each block if there are blocks.
    fn validate(&mut self) -> (Option<Scored>, Option<Blocks>) {
        let rows = self.judged.len();
        if rows == 0 {
            return (None, None);
        }
        self.validation.clear();
        let mut blocks = self.plan.recipe.blocks.then_some([0.0; BLOCKS]);
        match &mut blocks {
            None => drop(self.add_validation(0..rows)),
            Some(blocks) => {
                let mut start = 0;
                for (block, loss) in blocks.iter_mut().enumerate() {
                    let end = start + block_rows(rows, block);
                    *loss = self.add_validation(start..end) as f32;
                    start = end;
                }
            }
        }
        (Some(self.validation.scored()), blocks)
    }

    /// Predicts these of the validation rows, and gives their mean loss.
    fn add_validation(&mut self, places: Range<usize>) -> f64 {
        let room = self.net.room();
        let (mut loss, mut weight) = (0.0, 0.0);
        for start in places.clone().step_by(room) {
            let rows = &self.judged[start..(start + room).min(places.end)];
            self.truth.gather(rows, &mut self.net);
            self.net.forward(rows.len());
            let sums = self.net.predict(&self.truth.aim(0.0));
            self.validation.add(sums, &self.truth, self.net.predictions(rows.len()));
            loss += sums.loss;
            weight += self.truth.total;
        }
        mean(loss, weight)
    }

    /// Takes so many steps of a run that has not begun, and gives the mean loss on these rows: what a range test wants to
    /// know. The run is of no use after it.
    pub(crate) fn steps_and_loss(&mut self, steps: u64, rows: &[u32]) -> f64 {
        let target = self.step + steps;
        self.updater.exchange(&mut self.net);
        while self.step < target {
            self.shuffle((self.step / u64::from(self.plan.schedule.steps_per_epoch())) as u32);
            self.training.clear();
            for start in (0..self.order.len()).step_by(self.batch).take((target - self.step) as usize) {
                let setting = self.plan.schedule.at(self.step);
                self.step(start..(start + self.batch).min(self.order.len()), setting);
            }
        }
        self.updater.exchange(&mut self.net);
        self.judged.clear();
        self.judged.extend_from_slice(rows);
        self.validation.clear();
        self.add_validation(0..rows.len())
    }

    /// Takes steps of a run that has not begun, each at the rate that the sweep says, for as long as it wants to go on.
    /// `dropped` is asked before each; whether it never said so. The run is of no use after it.
    pub(crate) fn sweep(&mut self, sweep: &mut Sweep, dropped: &dyn Fn() -> bool) -> bool {
        self.updater.exchange(&mut self.net);
        for epoch in 0.. {
            self.shuffle(epoch);
            for start in (0..self.order.len()).step_by(self.batch) {
                if dropped() {
                    return false;
                }
                self.training.clear();
                let setting = Setting { rate: sweep.next_rate(), momentum: None };
                self.step(start..(start + self.batch).min(self.order.len()), setting);
                if !sweep.push(self.training.loss()) {
                    return true;
                }
            }
        }
        true
    }
}

/// A mean of losses whose weights have the sum `weight`; of rows that do not count it is 0.
fn mean(loss: f64, weight: f64) -> f64 {
    if weight > 0.0 { loss / weight } else { 0.0 }
}

/// Rows of a block: each gets its share, the first ones what is left over.
fn block_rows(rows: usize, block: usize) -> usize {
    rows / BLOCKS + usize::from(block < rows % BLOCKS)
}

/// The rows in the order in which they are predicted. Every sixteenth goes to the same block, so that rows that lie
/// together, and may be alike, are spread over all.
fn judged(rows: &[u32], blocks: bool) -> Vec<u32> {
    match blocks {
        true => (0..BLOCKS).flat_map(|block| rows.iter().skip(block).step_by(BLOCKS).copied()).collect(),
        false => rows.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Problem, arches, optimizers, planned, table, variants};
    use opportune_core::settings::{Activation, Init, Settings};

    fn settings(text: &str, hidden: &[u32]) -> Settings {
        Settings {
            lr: Some(0.01),
            hidden: hidden.to_vec(),
            optimizer: text.parse().unwrap(),
            batch: 32,
            epochs: 5,
            weight_decay: 0.01,
            ..Settings::default()
        }
    }

    fn train<T: Real>(arch: Arch, base: &Settings, problem: Problem) -> (Vec<Observation>, Vec<u8>) {
        let (plan, samples) = planned(table(203, 9, problem), base);
        let mut run = Run::<T>::on(arch, plan, samples);
        let all = (0..3).map(|_| run.epoch(&mut || false).unwrap()).collect();
        (all, run.save())
    }

    #[test]
    fn threads_that_share_a_run_change_nothing() {
        let base = settings("adam", &[600, 500]);
        let (plan, samples) = planned(table(150, 9, Problem::Classes(3)), &base);
        let train = |threads: usize| {
            let mut run = Run::<f32>::new(plan.clone(), samples.clone());
            run.spread(threads);
            let penalties: Vec<u64> = (0..2).map(|_| run.epoch(&mut || false).unwrap().penalty.to_bits()).collect();
            (penalties, run.save())
        };
        let alone = train(1);
        assert!(train(2) == alone && train(3) == alone);
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for problem in [Problem::Classes(2), Problem::Classes(11), Problem::Number] {
            for &activation in Activation::ALL {
                for optimizer in ["adam", "sgd(momentum=0.9)"] {
                    let base = Settings { activation, init: Init::He, ..settings(optimizer, &[21, 6]) };
                    let narrow = train::<f32>(Arch::Scalar, &base, problem);
                    let wide = train::<f64>(Arch::Scalar, &base, problem);
                    for arch in arches() {
                        for (one, all) in
                            [(&narrow, train::<f32>(arch, &base, problem)), (&wide, train::<f64>(arch, &base, problem))]
                        {
                            assert_eq!(one.1, all.1, "{problem:?} {activation} on {arch:?}");
                            assert!(one.0.iter().zip(&all.0).all(|(a, b)| a.same_bits(b)), "{:?} {:?}", one.0, all.0);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits_with_every_optimizer() {
        for optimizer in optimizers() {
            let base = settings(&optimizer, &[21, 6]);
            let narrow = train::<f32>(Arch::Scalar, &base, Problem::Classes(3));
            let wide = train::<f64>(Arch::Scalar, &base, Problem::Classes(3));
            for arch in arches() {
                assert_eq!(narrow.1, train::<f32>(arch, &base, Problem::Classes(3)).1, "{optimizer} on {arch:?}");
                assert_eq!(wide.1, train::<f64>(arch, &base, Problem::Classes(3)).1, "{optimizer} on {arch:?}");
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits_in_every_variant() {
        let base = settings("sgd(momentum=0.9)", &[21, 6]);
        let plain = train::<f64>(Arch::Scalar, &base, Problem::Classes(3));
        for base in variants(&base) {
            let narrow = train::<f32>(Arch::Scalar, &base, Problem::Classes(3));
            let wide = train::<f64>(Arch::Scalar, &base, Problem::Classes(3));
            assert!(wide.0.last().unwrap().train_loss.is_finite() && !wide.0[2].same_bits(&plain.0[2]), "{base:?}");
            for arch in arches() {
                assert_eq!(narrow.1, train::<f32>(arch, &base, Problem::Classes(3)).1, "{base:?} on {arch:?}");
                let (seen, state) = train::<f64>(arch, &base, Problem::Classes(3));
                assert!(
                    state == wide.1 && seen.iter().zip(&wide.0).all(|(a, b)| a.same_bits(b)),
                    "{base:?} on {arch:?}"
                );
            }
        }
    }

    #[test]
    fn both_widths_agree_for_some_epochs() {
        for problem in [Problem::Classes(2), Problem::Classes(4), Problem::Number] {
            let base = settings("adam", &[16]);
            let (narrow, _) = train::<f32>(Arch::new(), &base, problem);
            let (wide, _) = train::<f64>(Arch::new(), &base, problem);
            for (narrow, wide) in narrow.iter().zip(&wide) {
                let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} is not {b}");
                close(narrow.train_loss, wide.train_loss);
                close(narrow.penalty, wide.penalty);
                close(narrow.validation.unwrap().loss, wide.validation.unwrap().loss);
            }
        }
    }

    #[test]
    fn observations_say_what_they_should() {
        let base = settings("sgd", &[]);
        let (plan, samples) = planned(table(203, 9, Problem::Classes(3)), &base);
        let mut run = Run::<f64>::new(plan.clone(), samples);
        let before = run.parameters().to_vec();
        let first = run.epoch(&mut || false).unwrap();
        assert_eq!((first.epoch, first.step, first.rate, first.momentum), (1, 5, 0.01, None));
        assert_eq!(plan.schedule.steps_per_epoch(), 5);
        assert!(first.train_loss > 0.5 && first.train_loss < 3.0 && (0.0..=1.0).contains(&first.train_score));
        // 153 rows in 5 steps: the penalty of nearly the same weights, five times, over the rows.
        let squares: f64 = before[..27].iter().map(|w| w * w).sum();
        let about = 5.0 * 0.5 * 1e-4 * squares / 153.0;
        assert!((first.penalty / about - 1.0).abs() < 0.1, "{} {about}", first.penalty);
    }

    #[test]
    fn schedule_free_is_judged_and_delivered_by_its_average() {
        for text in ["schedule_free_sgd(momentum=0.7)", "schedule_free_adamw(beta1=0.7)"] {
            let base = Settings { precision: opportune_core::settings::Precision::F64, ..settings(text, &[6]) };
            let (plan, samples) = planned(table(203, 9, Problem::Classes(3)), &base);
            let mut run = Run::<f64>::new(plan.clone(), samples);
            let observed = run.epoch(&mut || false).unwrap();
            let (x, slots) = (run.parameters().to_vec(), &run.updater.slots);
            for ((x, z), y) in x.iter().zip(slots[0].iter()).zip(slots[1].iter()) {
                assert!((y - (0.3 * z + 0.7 * x)).abs() < 1e-12, "{text}");
            }
            assert!(x.iter().zip(slots[1].iter()).any(|(x, y)| x != y), "{text}");
            assert_eq!(crate::state::saved_parameters::<f64>(&plan, &run.save()).unwrap(), x);
            let (validation, _) = run.validate();
            assert_eq!(validation.unwrap().loss.to_bits(), observed.validation.unwrap().loss.to_bits());
        }
    }

    #[test]
    fn scores_that_need_predictions_agree_with_hits() {
        let base = settings("adam", &[8]);
        for problem in [Problem::Classes(2), Problem::Classes(4)] {
            let (plan, samples) = planned(table(203, 9, problem), &base);
            let mut recipe = plan.recipe.clone();
            recipe.score = opportune_core::score::Score::LogLoss;
            let other = Arc::new(Plan { recipe, ..(*plan).clone() });
            let (mut hits, mut logs) = (Run::<f64>::new(plan, samples.clone()), Run::<f64>::new(other, samples));
            for _ in 0..2 {
                let (a, b) = (hits.epoch(&mut || false).unwrap(), logs.epoch(&mut || false).unwrap());
                assert_eq!(a.train_loss.to_bits(), b.train_loss.to_bits());
                assert!((b.train_score - b.train_loss).abs() < 1e-9, "{} {}", b.train_score, b.train_loss);
                let b = b.validation.unwrap();
                assert!((b.score - b.loss).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn no_rate_makes_any_optimizer_panic() {
        for optimizer in optimizers() {
            for (lr, l2, weight_decay) in [(1e30, 1e-4, 0.01), (1e6, 1e30, 0.0), (1e-30, 0.0, 0.0)] {
                let base = Settings { lr: Some(lr), l2, weight_decay, ..settings(&optimizer, &[16, 16]) };
                let (plan, samples) = planned(table(203, 9, Problem::Number), &base);
                let mut run = Run::<f32>::new(plan.clone(), samples.clone());
                (0..4).for_each(|_| assert!(run.epoch(&mut || false).is_some(), "{optimizer}"));
                assert!(Run::<f32>::load(plan, samples, &run.save()).is_ok(), "{optimizer}");
            }
        }
    }

    #[test]
    fn a_rate_too_large_diverges_without_panic() {
        for problem in [Problem::Classes(2), Problem::Classes(4), Problem::Number] {
            let base = Settings { lr: Some(1e6), ..settings("sgd(momentum=0.9)", &[16, 16]) };
            let (plan, samples) = planned(table(203, 9, problem), &base);
            let mut run = Run::<f32>::new(plan, samples);
            let last = (0..5).map(|_| run.epoch(&mut || false).unwrap()).last().unwrap();
            assert!(!last.train_loss.is_finite() && !last.train_score.is_finite(), "{last:?}");
            assert!(!last.validation.unwrap().loss.is_finite() && !last.validation.unwrap().score.is_finite());
        }
    }

    #[test]
    fn tiny_shapes_train() {
        for problem in [Problem::Classes(2), Problem::Classes(3), Problem::Number] {
            for hidden in [&[][..], &[1], &[1, 1]] {
                for batch in [1, 1000] {
                    let base = Settings { batch, ..settings("adam", hidden) };
                    let (plan, samples) = planned(table(5, 1, problem), &base);
                    let mut run = Run::<f32>::new(plan.clone(), samples);
                    let one = run.epoch(&mut || false).unwrap();
                    assert_eq!(one.step, if batch == 1 { 4 } else { 1 });
                    assert!(one.train_loss.is_finite() && one.validation.unwrap().loss.is_finite());
                }
            }
        }
    }

    #[test]
    fn each_validation_row_is_in_one_block() {
        for count in [2 * BLOCKS, 33, 45, 47, 48, 1000] {
            let rows: Vec<u32> = (0..count as u32).map(|row| 3 * row).collect();
            let order = judged(&rows, true);
            let mut start = 0;
            for block in 0..BLOCKS {
                let end = start + block_rows(count, block);
                assert!(order[start..end].iter().all(|row| row / 3 % BLOCKS as u32 == block as u32), "{count} rows");
                start = end;
            }
            let sorted = |mut rows: Vec<u32>| {
                rows.sort_unstable();
                rows
            };
            assert_eq!((start, sorted(order)), (count, rows.clone()));
            assert_eq!(judged(&rows, false), rows);
        }
    }

    #[test]
    fn an_epoch_can_be_dropped_between_steps() {
        let (plan, samples) = planned(table(203, 9, Problem::Number), &settings("adam", &[4]));
        let mut run = Run::<f32>::new(plan, samples);
        let mut asked = 0;
        let mut dropped = || {
            asked += 1;
            asked == 3
        };
        assert_eq!((run.epoch(&mut dropped), run.epochs(), run.steps()), (None, 0, 2));
    }
}
