//! The scores by which early stopping judges.

use super::objective::{Objective, Targets};
use crate::real::Real;

/// Weighted accuracy, or R² averaged over outputs, of predictions (rows x `width`). NaN where a number is not finite.
pub(super) fn score<T: Real>(
    objective: Objective,
    predictions: &[T],
    width: usize,
    targets: Targets<'_, T>,
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
            let rows = |all: &'_ [T]| all[row * width..][..width].iter().map(|p| *p > half).collect::<Vec<_>>();
            rows(predictions) == rows(numbers)
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
