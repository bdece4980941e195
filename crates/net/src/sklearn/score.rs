//! The scores by which early stopping judges.

use super::objective::{Objective, Targets};
use crate::real::Real;

/// Weighted accuracy, or R² averaged over outputs, of predictions (rows x `width`). NaN where a number is not finite.
pub(super) fn score<'a, T: Real>(
    objective: Objective,
    predictions: &'a [T],
    width: usize,
    targets: Targets<'a, T>,
    weights: Option<&[T]>,
) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row].wide());
    let rows = predictions.len() / width;
    let numbers = match targets {
        Targets::Classes(labels) => {
            let hit = |row: &usize| largest(&predictions[row * width..][..width]) == labels[*row] as usize;
            return (0..rows).filter(hit).map(weight).sum::<f64>() / (0..rows).map(weight).sum::<f64>();
        }
        Targets::Numbers(numbers) => numbers,
    };
    if objective == Objective::Logistic {
        let half = T::of(0.5);
        let hit = |row: &usize| {
            let of_row = |all: &'a [T]| all[row * width..][..width].iter().map(|p| *p > half);
            of_row(predictions).eq(of_row(numbers))
        };
        return (0..rows).filter(hit).map(weight).sum::<f64>() / (0..rows).map(weight).sum::<f64>();
    }
    if predictions.iter().any(|p| !p.wide().is_finite()) {
        return f64::NAN;
    }
    let total: f64 = (0..rows).map(weight).sum();
    let of_output = |output: usize| {
        let all = |values: &[T]| (0..rows).map(|row| values[row * width + output].wide()).collect::<Vec<f64>>();
        let (truth, predicted) = (all(numbers), all(predictions));
        let mean = truth.iter().enumerate().map(|(row, y)| weight(row) * y).sum::<f64>() / total;
        let unexplained: f64 =
            truth.iter().zip(&predicted).enumerate().map(|(row, (y, p))| weight(row) * (y - p) * (y - p)).sum();
        let variance: f64 = truth.iter().enumerate().map(|(row, y)| weight(row) * (y - mean) * (y - mean)).sum();
        match (unexplained == 0.0, variance == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => 1.0 - unexplained / variance,
        }
    };
    (0..width).map(of_output).sum::<f64>() / width as f64
}

/// The place of the largest, the first of equals; that of the first NaN, if there is one.
fn largest<T: Real>(row: &[T]) -> usize {
    let nan = row.iter().position(|p| p.wide().is_nan());
    nan.unwrap_or_else(|| (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_scikit_learn() {
        // accuracy_score and r2_score of scikit-learn 1.9.1 on the same numbers.
        let of = |objective, predictions: &[f64], width, targets, weights: Option<&[f64]>| {
            score(objective, predictions, width, targets, weights)
        };
        let probabilities = [0.2, 0.5, 0.3, 0.4, 0.4, 0.2, 0.1, 0.1, 0.8];
        let labels = Targets::Classes(&[1, 1, 2]);
        assert_eq!(of(Objective::Softmax, &probabilities, 3, labels, None), 2.0 / 3.0);
        assert_eq!(of(Objective::Softmax, &probabilities, 3, labels, Some(&[1.0, 3.0, 1.0])), 0.4);
        // Labels that do not exclude each other count where all are right; NaN is no label.
        let bits = Targets::Numbers(&[1.0, 0.0, 0.0, 0.0]);
        assert_eq!(of(Objective::Logistic, &[0.9, 0.5, 0.6, 0.1], 2, bits, None), 0.5);
        assert_eq!(of(Objective::Logistic, &[0.9, f64::NAN, 0.6, 0.1], 2, bits, None), 0.5);
        let truth = Targets::Numbers(&[3.0, -0.5, 2.0, 7.0]);
        let r2 = of(Objective::Squared, &[2.5, 0.0, 2.0, 8.0], 1, truth, None);
        assert!((r2 - 0.948_608_137_044_967_9).abs() < 1e-15);
        let weighted = of(Objective::Squared, &[2.5, 0.0, 2.0, 8.0], 1, truth, Some(&[1.0, 2.0, 1.0, 0.5]));
        assert!((weighted - 0.950_980_392_156_862_7).abs() < 1e-12, "{weighted}");
        let flat = Targets::Numbers(&[1.0, 1.0]);
        assert_eq!(of(Objective::Squared, &[1.0, 1.0], 1, flat, None), 1.0);
        assert_eq!(of(Objective::Squared, &[1.0, 2.0], 1, flat, None), 0.0);
        assert!(of(Objective::Squared, &[1.0, f64::INFINITY], 1, flat, None).is_nan());
    }
}
