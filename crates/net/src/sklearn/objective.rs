//! Losses as scikit-learn's networks have them, with the activations of the last layer that belong to them.

use crate::passes::vectorised;
use crate::real::Real;
use crate::softmax::probabilities;
use opportune_core::settings::Activation;
use pulp::{Arch, Simd, WithSimd};

/// What is minimised, and what the last layer's activation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Cross-entropy of exclusive classes behind a softmax.
    Softmax,
    /// Cross-entropies of logistic outputs: two classes, or labels that do not exclude each other.
    Logistic,
    /// Half the squared error, averaged over outputs.
    Squared,
    /// Half the Poisson deviance of exponential outputs.
    Poisson,
}

/// What the rows should have given.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a, T> {
    /// The class of each row, for [`Objective::Softmax`].
    Classes(&'a [u32]),
    /// A number for each row and output, row-major; 0 or 1 for [`Objective::Logistic`].
    Numbers(&'a [T]),
}

vectorised! {
    /// e to the power of all of `values`.
    fn exponential(values: &'a mut [T]) -> () {
        values.iter_mut().for_each(|z| *z = z.exp());
    }

    /// Probabilities less 1 for each row's class, times the row's weight over `total`.
    fn class_slopes(
        values: &'a mut [T],
        stride: usize,
        width: usize,
        labels: &'a [u32],
        weights: Option<&'a [T]>,
        total: f64,
    ) -> () {
        let even = T::of(1.0 / total);
        for (row, (outputs, &label)) in values.chunks_exact_mut(stride).zip(labels).enumerate() {
            let share = weights.map_or(even, |weights| T::of(weights[row].wide() / total));
            let outputs = &mut outputs[..width];
            outputs[label as usize] = outputs[label as usize] - T::ONE;
            outputs.iter_mut().for_each(|p| *p = *p * share);
        }
    }
}

impl Objective {
    /// Replaces the sums of the last layer by its outputs. `values` are rows of `stride`, the first `width` of which count.
    pub(super) fn activate<T: Real>(self, arch: Arch, values: &mut [T], stride: usize, width: usize) {
        match self {
            Objective::Squared => {}
            Objective::Logistic => crate::passes::activate(arch, Activation::Logistic, values),
            Objective::Poisson => exponential(arch, values),
            Objective::Softmax => probabilities(arch, values, stride, width),
        }
    }

    /// Sum over rows of the losses of these outputs, each times the weight of its row.
    pub(super) fn loss<T: Real>(
        self,
        outputs: &[T],
        (stride, width): (usize, usize),
        targets: Targets<'_, T>,
        weights: Option<&[T]>,
    ) -> f64 {
        if let (Targets::Classes(labels), None) = (targets, weights) {
            return class_loss(outputs, stride, labels);
        }
        let one = |row: usize, outputs: &[T]| match (self, targets) {
            (_, Targets::Classes(labels)) => -clipped(outputs[labels[row] as usize]).ln(),
            (_, Targets::Numbers(numbers)) => {
                let terms = outputs.iter().zip(&numbers[row * width..]).map(|(p, y)| self.term(*p, *y));
                terms.sum::<f64>() / if self == Objective::Squared { width as f64 } else { 1.0 }
            }
        };
        let rows = outputs.chunks_exact(stride).enumerate();
        rows.map(|(row, outputs)| {
            let loss = one(row, &outputs[..width]);
            weights.map_or(loss, |weights| weights[row].wide() * loss)
        })
        .sum()
    }

    /// The loss of one output.
    fn term<T: Real>(self, p: T, y: T) -> f64 {
        match self {
            Objective::Squared => 0.5 * (y.wide() - p.wide()).powi(2),
            Objective::Poisson => {
                let (p, y) = (p.wide(), y.wide());
                let log = if y == 0.0 && !p.is_nan() { 0.0 } else { y * (y / p).ln() };
                log - y + p
            }
            Objective::Softmax | Objective::Logistic => {
                let p = clipped(p);
                let part = |share: f64, p: f64| if share == 0.0 { 0.0 } else { share * p.ln() };
                -(part(y.wide(), p) + part(1.0 - y.wide(), T::of(1.0 - p).wide()))
            }
        }
    }

    /// Replaces outputs by the derivatives of the weighted mean loss by the last layer's sums: distance from the target
    /// times the row's weight, over `total`, the sum of weights.
    pub(super) fn derive<T: Real>(
        self,
        arch: Arch,
        outputs: &mut [T],
        (stride, width): (usize, usize),
        targets: Targets<'_, T>,
        weights: Option<&[T]>,
        total: f64,
    ) {
        let numbers = match targets {
            Targets::Classes(labels) => return class_slopes(arch, outputs, stride, width, labels, weights, total),
            Targets::Numbers(numbers) => numbers,
        };
        let even = T::of(1.0 / total);
        for (row, outputs) in outputs.chunks_exact_mut(stride).enumerate() {
            let share = weights.map_or(even, |weights| T::of(weights[row].wide() / total));
            for (p, y) in outputs[..width].iter_mut().zip(&numbers[row * width..]) {
                *p = (*p - *y) * share;
            }
        }
    }
}

/// Rows whose probabilities are multiplied before one logarithm is taken: the product of so many that are clipped in 64 bits
/// is a normal number.
const FACTORS: usize = 16;

/// The sum of rows' −ln p of their classes.
fn class_loss<T: Real>(outputs: &[T], stride: usize, labels: &[u32]) -> f64 {
    let rows = outputs.chunks(FACTORS * stride).zip(labels.chunks(FACTORS));
    rows.map(|(outputs, labels)| {
        let shares = outputs.chunks_exact(stride).zip(labels).map(|(row, &label)| clipped(row[label as usize]));
        -shares.product::<f64>().ln()
    })
    .sum()
}

/// A probability away from 0 and 1 by the spacing of numbers at 1, in their own width.
fn clipped<T: Real>(p: T) -> f64 {
    let eps = match T::BYTES {
        4 => f64::from(f32::EPSILON),
        _ => f64::EPSILON,
    };
    let (low, high) = (T::of(eps), T::of(1.0 - eps));
    let p = if p < low { low } else { p };
    (if p > high { high } else { p }).wide()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_products_are_sums_of_logarithms() {
        // Probabilities as small as they are clipped to, all at once, and a last part of fewer rows.
        let labels: Vec<u32> = (0..FACTORS as u32 + 5).map(|row| row % 3).collect();
        for smallest in [0.0, 1e-9, 0.2] {
            let outputs: Vec<f64> = (0..labels.len() * 4).map(|place| smallest + (place % 4) as f64 / 5.0).collect();
            let one = |(row, label): (usize, &u32)| -clipped(outputs[row * 4 + *label as usize]).ln();
            let expected: f64 = labels.iter().enumerate().map(one).sum();
            let loss = Objective::Softmax.loss(&outputs, (4, 3), Targets::Classes(&labels), None);
            assert!((loss - expected).abs() <= 1e-14 * expected, "{loss} is not {expected}");
            let evenly = vec![1.0; labels.len()];
            assert_eq!(Objective::Softmax.loss(&outputs, (4, 3), Targets::Classes(&labels), Some(&evenly)), expected);
        }
        let lost = vec![0.0; FACTORS * 4];
        assert!(class_loss(&lost, 4, &labels[..FACTORS]).is_finite(), "no product is 0");
        assert!(class_loss(&[f64::NAN; 4], 4, &[0]).is_nan());
    }
}
