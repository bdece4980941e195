//! The losses: what outputs become, what they cost, and their derivatives by the sums of the last layer.

use crate::math::logistic;
use crate::passes::vectorised;
use crate::real::Real;
use crate::softmax::softmax;
use opportune_core::loss::Loss;
use pulp::{Arch, Simd, WithSimd};

/// What the outputs for the rows of a batch should have been.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Targets<'a, T> {
    /// A class for each row.
    Classes(&'a [u32]),
    /// Of each row and output 1 if the label is there, else 0: rows x width, row-major.
    Labels(&'a [u32]),
    /// A number for each row, as [`crate::Samples::encoding`] scales it for the loss.
    Numbers(&'a [T]),
}

/// By which loss they are brought there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim<'a, T> {
    /// A loss that is for such targets.
    pub(crate) loss: Loss,
    /// As many as there are rows.
    pub(crate) targets: Targets<'a, T>,
    /// Share of a row's truth that is spread over all classes alike: see `Settings::label_smoothing`.
    pub(crate) smoothing: f64,
    /// How much each row counts; none where all count 1.
    pub(crate) weights: Option<&'a [T]>,
}

/// The outputs of a batch: `width` to a row, the rows `stride` numbers apart.
#[derive(Debug)]
pub(crate) struct Outputs<'a, T> {
    pub(crate) arch: Arch,
    pub(crate) values: &'a mut [T],
    pub(crate) stride: usize,
    pub(crate) width: usize,
}

impl<'a, T: Real> Aim<'a, T> {
    /// Without smoothing or weights.
    pub(crate) fn new(loss: Loss, targets: Targets<'a, T>) -> Aim<'a, T> {
        Aim { loss, targets, smoothing: 0.0, weights: None }
    }

    /// Turns sums of the last layer into predictions (probabilities, or numbers as the targets are scaled), and sums the
    /// loss over the rows, each times its weight.
    pub(crate) fn predict(&self, outputs: Outputs<'_, T>) -> Sums {
        let Outputs { arch, values, stride, width } = outputs;
        let (smoothing, weights) = (self.smoothing, self.weights);
        let plain = smoothing == 0.0 && weights.is_none();
        match (self.targets, self.loss) {
            (Targets::Classes(labels), Loss::Softmax) if plain => softmax(arch, values, stride, width, labels),
            (Targets::Classes(labels), Loss::Softmax) => {
                let loss = cross_entropy(arch, values, stride, width, labels, smoothing, weights);
                Sums { loss, ..softmax(arch, values, stride, width, labels) }
            }
            (Targets::Classes(labels), _) if plain => binary(arch, values, stride, labels),
            (Targets::Classes(labels), _) => {
                let loss = logistic_loss(arch, values, stride, labels, smoothing, weights);
                Sums { loss, ..binary(arch, values, stride, labels) }
            }
            (Targets::Labels(labels), _) => label_loss(arch, values, stride, width, labels, smoothing, weights),
            (Targets::Numbers(targets), Loss::Huber { delta }) => huber(arch, values, stride, targets, weights, delta),
            (Targets::Numbers(targets), Loss::Absolute) => absolute(arch, values, stride, targets, weights),
            (Targets::Numbers(targets), Loss::Poisson) => poisson(arch, values, stride, targets, weights),
            (Targets::Numbers(targets), _) => squared(arch, values, stride, targets, weights),
        }
    }

    /// Turns predictions into the derivatives of the mean loss by the sums of the last layer. `total` is the sum of the
    /// rows' weights; where that is 0 so are they.
    pub(crate) fn derive(&self, outputs: Outputs<'_, T>, total: f64) {
        let Outputs { arch, values, stride, width } = outputs;
        let share = if total > 0.0 { T::of(1.0 / total) } else { T::ZERO };
        match (self.targets, self.loss) {
            (Targets::Classes(labels), Loss::Softmax) => class_deltas(arch, values, stride, labels, share),
            (Targets::Classes(labels), _) => binary_deltas(arch, values, stride, labels, share),
            (Targets::Labels(labels), _) => {
                label_deltas(arch, values, stride, width, labels, T::of(self.smoothing), share);
            }
            (Targets::Numbers(numbers), Loss::Huber { delta }) => {
                huber_deltas(arch, values, stride, numbers, T::of(delta), share);
            }
            (Targets::Numbers(numbers), Loss::Absolute) => absolute_deltas(arch, values, stride, numbers, share),
            (Targets::Numbers(numbers), _) => number_deltas(arch, values, stride, numbers, share),
        }
        if let (Targets::Classes(labels), true) = (self.targets, self.smoothing > 0.0) {
            smooth_deltas(arch, values, stride, width, labels, T::of(self.smoothing) * share);
        }
        if let Some(weights) = self.weights {
            weigh(arch, values, stride, weights);
        }
    }
}

/// What an output pass sums over its rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// Loss without penalty.
    pub loss: f64,
    /// Rows whose class was the most probable one.
    pub hits: u32,
}

/// Sums `loss(output, target)`, times the row's weight, over the first outputs of all rows.
#[inline(always)]
fn summed<T: Real>(
    outputs: &[T],
    stride: usize,
    targets: &[T],
    weights: Option<&[T]>,
    loss: impl Fn(T, T) -> f64,
) -> Sums {
    let mut sums = Sums::default();
    let rows = outputs.chunks_exact(stride).zip(targets);
    match weights {
        None => rows.for_each(|(row, target)| sums.loss += loss(row[0], *target)),
        Some(weights) => {
            rows.zip(weights).for_each(|((row, target), weight)| sums.loss += weight.wide() * loss(row[0], *target));
        }
    }
    sums
}

/// Replaces the first output of each row by `slope(output, target)`.
#[inline(always)]
fn replaced<T: Real>(values: &mut [T], stride: usize, targets: &[T], slope: impl Fn(T, T) -> T) {
    for (row, target) in values.chunks_exact_mut(stride).zip(targets) {
        row[0] = slope(row[0], *target);
    }
}

vectorised! {
    /// Cross-entropy of one logit a row, the first of its `stride`; `labels` are 0 or 1. The logit becomes the probability
    /// of class 1.
    fn binary(logits: &'a mut [T], stride: usize, labels: &'a [u32]) -> Sums {
        let mut sums = Sums::default();
        // Π(1 + e) − 1: losses far below the last place of 1 keep their digits, with one logarithm for many rows.
        let mut product = 0.0f64;
        for (index, (row, &label)) in logits.chunks_exact_mut(stride).zip(labels).enumerate() {
            let z = row[0];
            sums.hits += u32::from((z > T::ZERO) == (label == 1));
            let negative = z < T::ZERO;
            let small = (if negative { z } else { -z }).exp();
            // −ln p of the true class is ln(1 + e^−|z|), and |z| more where the logit has the wrong sign.
            sums.loss += if negative == (label == 1) { z.wide().abs() } else { 0.0 };
            product = (1.0 + product).mul_add(small.wide(), product);
            if index % 256 == 255 {
                sums.loss += product.ln_1p();
                product = 0.0;
            }
            row[0] = (if negative { small } else { T::ONE }) / (T::ONE + small);
        }
        sums.loss += product.ln_1p();
        sums
    }

    /// Sum over rows of the cross-entropy of `stride` logits, the first `width` of which count, where a share of each row's
    /// truth is spread over all classes: ln Σ e^z − (1−ε)·z of the class − ε·mean z. For rows that do not count alike, or
    /// with smoothing; [`softmax`] is the faster way without.
    fn cross_entropy(
        logits: &'a [T], stride: usize, width: usize, labels: &'a [u32], smoothing: f64, weights: Option<&'a [T]>,
    ) -> f64 {
        let mut loss = 0.0;
        for (index, (row, &label)) in logits.chunks_exact(stride).zip(labels).enumerate() {
            let row = &row[..width];
            let top = row.iter().fold(row[0], |a, b| if *b > a { *b } else { a });
            let (mut total, mut below) = (T::ZERO, 0.0);
            for z in row {
                total += (*z - top).exp();
                below += (top - *z).wide();
            }
            let truth = (top - row[label as usize]).wide();
            let one = total.wide().ln() + (1.0 - smoothing) * truth + smoothing * below / width as f64;
            loss += weights.map_or(1.0, |weights| weights[index].wide()) * one;
        }
        loss
    }

    /// The same of one logit a row, the first of its `stride`, as of two classes whose logits differ by it; `labels` are 0
    /// or 1.
    fn logistic_loss(
        logits: &'a [T], stride: usize, labels: &'a [u32], smoothing: f64, weights: Option<&'a [T]>,
    ) -> f64 {
        let mut loss = 0.0;
        for (index, (row, &label)) in logits.chunks_exact(stride).zip(labels).enumerate() {
            let z = row[0];
            let negative = z < T::ZERO;
            let (size, small) = if negative { (-z, z.exp()) } else { (z, (-z).exp()) };
            // |z| counts where the logit has the sign of the other class.
            let other = if negative == (label == 1) { 1.0 - 0.5 * smoothing } else { 0.5 * smoothing };
            let one = small.wide().ln_1p() + other * size.wide();
            loss += weights.map_or(1.0, |weights| weights[index].wide()) * one;
        }
        loss
    }

    /// The sum of such losses over `width` logits a row, one for each label, which become the labels' probabilities.
    fn label_loss(
        logits: &'a mut [T], stride: usize, width: usize, labels: &'a [u32], smoothing: f64, weights: Option<&'a [T]>,
    ) -> Sums {
        let mut sums = Sums::default();
        for (index, (row, labels)) in logits.chunks_exact_mut(stride).zip(labels.chunks_exact(width)).enumerate() {
            let (mut one, mut right) = (0.0, true);
            for (z, &label) in row.iter().zip(labels) {
                let negative = *z < T::ZERO;
                let (size, small) = if negative { (-*z, z.exp()) } else { (*z, (-*z).exp()) };
                let other = if negative == (label == 1) { 1.0 - 0.5 * smoothing } else { 0.5 * smoothing };
                one += small.wide().ln_1p() + other * size.wide();
                right &= (*z > T::ZERO) == (label == 1);
            }
            sums.hits += u32::from(right);
            sums.loss += weights.map_or(1.0, |weights| weights[index].wide()) * one;
            row[..width].iter_mut().for_each(|z| *z = logistic(*z));
        }
        sums
    }

    /// Half the squared error of one output a row, the first of its `stride`.
    fn squared(outputs: &'a [T], stride: usize, targets: &'a [T], weights: Option<&'a [T]>) -> Sums {
        summed(outputs, stride, targets, weights, |z, y| {
            let error = z.wide() - y.wide();
            0.5 * error * error
        })
    }

    /// The same up to a distance of `delta`, from there on a straight line.
    fn huber(outputs: &'a [T], stride: usize, targets: &'a [T], weights: Option<&'a [T]>, delta: f64) -> Sums {
        summed(outputs, stride, targets, weights, |z, y| {
            let error = (z.wide() - y.wide()).abs();
            // So written that NaN stays NaN.
            if error > delta { delta * (error - 0.5 * delta) } else { 0.5 * error * error }
        })
    }

    /// The distance.
    fn absolute(outputs: &'a [T], stride: usize, targets: &'a [T], weights: Option<&'a [T]>) -> Sums {
        summed(outputs, stride, targets, weights, |z, y| (z.wide() - y.wide()).abs())
    }

    /// Half the Poisson deviance of one logarithm a row, the first of its `stride`, which becomes the number itself.
    fn poisson(outputs: &'a mut [T], stride: usize, targets: &'a [T], weights: Option<&'a [T]>) -> Sums {
        let sums = summed(outputs, stride, targets, weights, |z, y| {
            let (p, z, y) = (z.exp().wide(), z.wide(), y.wide());
            let constant = if y > 0.0 { y * (y.ln() - 1.0) } else { 0.0 };
            constant - y * z + p
        });
        replaced(outputs, stride, targets, |z, _| z.exp());
        sums
    }

    /// Probabilities of classes become the derivative of softmax cross-entropy by the logits, times `share`.
    fn class_deltas(values: &'a mut [T], stride: usize, labels: &'a [u32], share: T) -> () {
        for (row, &label) in values.chunks_exact_mut(stride).zip(labels) {
            let truth = row[label as usize];
            row.iter_mut().for_each(|p| *p = *p * share);
            row[label as usize] = (truth - T::ONE) * share;
        }
    }

    /// The first of each row becomes its distance from the target, times `share`: the derivative of half the squared error
    /// by the output, and of the Poisson deviance by the logarithm.
    fn number_deltas(values: &'a mut [T], stride: usize, targets: &'a [T], share: T) -> () {
        replaced(values, stride, targets, |z, y| (z - y) * share);
    }

    /// The same, of distances up to `delta`.
    fn huber_deltas(values: &'a mut [T], stride: usize, targets: &'a [T], delta: T, share: T) -> () {
        replaced(values, stride, targets, |z, y| {
            let error = z - y;
            let error = if error > delta { delta } else { error };
            (if error < -delta { -delta } else { error }) * share
        });
    }

    /// The sign of the distance, times `share`; 0 of none.
    fn absolute_deltas(values: &'a mut [T], stride: usize, targets: &'a [T], share: T) -> () {
        replaced(values, stride, targets, |z, y| {
            let error = z - y;
            if error > T::ZERO { share } else if error < T::ZERO { -share } else { error }
        });
    }

    /// Probabilities of class 1 become the derivative of the logistic cross-entropy by the logit, times `share`.
    fn binary_deltas(values: &'a mut [T], stride: usize, labels: &'a [u32], share: T) -> () {
        for (row, &label) in values.chunks_exact_mut(stride).zip(labels) {
            let truth = if label == 1 { T::ONE } else { T::ZERO };
            row[0] = (row[0] - truth) * share;
        }
    }

    /// The first `width` of each row, probabilities of labels, become their distances from labels smoothed by ε, times
    /// `share`.
    fn label_deltas(
        values: &'a mut [T], stride: usize, width: usize, labels: &'a [u32], smoothing: T, share: T,
    ) -> () {
        let half = smoothing * T::of(0.5);
        for (row, labels) in values.chunks_exact_mut(stride).zip(labels.chunks_exact(width)) {
            for (p, &label) in row.iter_mut().zip(labels) {
                *p = (*p - if label == 1 { T::ONE - half } else { half }) * share;
            }
        }
    }

    /// What smoothing by ε adds to the derivatives of rows of `stride`, the first `width` of which count: `part` is ε times
    /// the share. One logit stands for two classes.
    fn smooth_deltas(values: &'a mut [T], stride: usize, width: usize, labels: &'a [u32], part: T) -> () {
        let each = part * T::of(if width > 1 { 1.0 / width as f64 } else { 0.5 });
        for (row, &label) in values.chunks_exact_mut(stride).zip(labels) {
            if width > 1 {
                row[..width].iter_mut().for_each(|value| *value = *value - each);
                row[label as usize] += part;
            } else {
                row[0] += if label == 1 { each } else { -each };
            }
        }
    }

    /// Multiplies rows of `stride` by their weights.
    fn weigh(values: &'a mut [T], stride: usize, weights: &'a [T]) -> () {
        for (row, weight) in values.chunks_exact_mut(stride).zip(weights) {
            row.iter_mut().for_each(|value| *value = *value * *weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::padded;
    use crate::run::Run;
    use crate::testing::{Problem, arches, labelled, planned, table};
    use opportune_core::settings::Settings;
    use serde::Deserialize;

    /// A case of `xtask/golden/losses.py`.
    #[derive(Clone, Deserialize)]
    struct Golden {
        loss: Loss,
        outputs: Vec<Vec<f64>>,
        /// With several outputs of the logistic loss rows x labels.
        targets: Vec<f64>,
        #[serde(default)]
        smoothing: f64,
        weights: Option<Vec<f64>>,
        mean: f64,
        gradient: Vec<Vec<f64>>,
    }

    /// Mean loss and gradient by the outputs.
    fn computed<T: Real>(arch: Arch, case: &Golden) -> (f64, Vec<Vec<f64>>) {
        let (rows, width) = (case.outputs.len(), case.outputs[0].len());
        let stride = padded::<T>(width);
        let mut values = vec![T::ZERO; rows * stride];
        for (row, outputs) in values.chunks_mut(stride).zip(&case.outputs) {
            row.iter_mut().zip(outputs).for_each(|(value, output)| *value = T::of(*output));
        }
        let labels: Vec<u32> = case.targets.iter().map(|target| *target as u32).collect();
        let numbers: Vec<T> = case.targets.iter().map(|target| T::of(*target)).collect();
        let targets = match case.loss.is_regression() {
            true => Targets::Numbers(&numbers),
            false if case.loss == Loss::Logistic && width > 1 => Targets::Labels(&labels),
            false => Targets::Classes(&labels),
        };
        let weights: Option<Vec<T>> = case.weights.as_ref().map(|all| all.iter().map(|one| T::of(*one)).collect());
        let total = case.weights.as_ref().map_or(rows as f64, |weights| weights.iter().sum());
        let aim = Aim { loss: case.loss, targets, smoothing: case.smoothing, weights: weights.as_deref() };
        let sums = aim.predict(Outputs { arch, values: &mut values, stride, width });
        aim.derive(Outputs { arch, values: &mut values, stride, width }, total);
        let gradient = values.chunks(stride).map(|row| row[..width].iter().map(|value| value.wide()).collect());
        (sums.loss / total, gradient.collect())
    }

    #[test]
    fn losses_and_gradients_are_those_of_upstream() {
        let cases: Vec<Golden> = serde_json::from_str(include_str!("../tests/golden/losses.json")).unwrap();
        let named = |name: &&str| cases.iter().any(|case| case.loss.to_string().starts_with(*name));
        assert!(Loss::NAMES.iter().all(named));
        for case in &cases {
            let close = |a: f64, b: f64, most: f64| {
                let what = (case.loss, case.smoothing, &case.weights);
                assert!((a - b).abs() <= most * b.abs().max(0.1), "{what:?}: {a} is not {b}");
            };
            // One for all rows is as good as none, though it goes another way.
            let alike = Golden { weights: Some(vec![1.0; case.outputs.len()]), ..case.clone() };
            if case.weights.is_none() {
                close(computed::<f64>(Arch::new(), &alike).0, case.mean, 1e-14);
            }
            for ((mean, gradient), most) in
                [(computed::<f64>(Arch::new(), case), 1e-14), (computed::<f32>(Arch::new(), case), 1e-6)]
            {
                close(mean, case.mean, most);
                for (a, b) in gradient.iter().flatten().zip(case.gradient.iter().flatten()) {
                    close(*a, *b, most);
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits_with_every_loss_of_numbers() {
        for loss in ["huber(delta=0.5)", "absolute", "poisson"] {
            let base =
                Settings { loss: Some(loss.parse().unwrap()), hidden: vec![21, 6], batch: 32, ..Settings::default() };
            let (plan, samples) = planned(table(203, 9, Problem::Number), &base);
            let train = |arch: Arch| {
                let mut run = Run::<f32>::on(arch, plan.clone(), samples.clone());
                let last = (0..3).map(|_| run.epoch(&mut || false).unwrap()).last().unwrap();
                assert!(last.train_loss.is_finite() && last.validation.unwrap().score.is_finite(), "{loss}");
                run.save()
            };
            let scalar = train(Arch::Scalar);
            assert!(arches().into_iter().all(|arch| train(arch) == scalar), "{loss}");
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits_with_several_labels_and_weights() {
        let base =
            Settings { lr: Some(0.02), label_smoothing: 0.1, hidden: vec![21, 6], batch: 32, ..Settings::default() };
        let weighted = labelled(203).with_weights("a").unwrap();
        for data in [labelled(203), weighted] {
            let (plan, samples) = planned(data, &base);
            let train = |arch: Arch| {
                let mut run = Run::<f32>::on(arch, plan.clone(), samples.clone());
                let last = (0..20).map(|_| run.epoch(&mut || false).unwrap()).last().unwrap();
                assert!(last.train_loss.is_finite() && last.validation.unwrap().score > 0.3, "{last:?}");
                run.save()
            };
            let scalar = train(Arch::Scalar);
            assert!(arches().into_iter().all(|arch| train(arch) == scalar));
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for loss in ["squared", "huber", "absolute", "poisson"] {
            let one = Golden {
                loss: loss.parse().unwrap(),
                outputs: vec![vec![f64::NAN]],
                targets: vec![1.0],
                smoothing: 0.0,
                weights: None,
                mean: 0.0,
                gradient: vec![],
            };
            let (mean, gradient) = computed::<f32>(Arch::new(), &one);
            assert!(mean.is_nan() && gradient[0][0].is_nan(), "{loss}");
        }
    }
}
