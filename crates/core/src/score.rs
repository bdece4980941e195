//! Scores: how good predictions are, by name. Definitions are those of scikit-learn's metrics.

use crate::settings::words;

words!(
    /// What a study judges by.
    Score, "score" {
        /// Share of rows whose most probable class is the true one; of several labels, whose labels are all right.
        Accuracy = "accuracy",
        /// Mean over classes of the share of their rows that is found.
        BalancedAccuracy = "balanced_accuracy",
        /// Harmonic mean of precision and recall: of the second class where there are two, else the mean over classes, or
        /// over labels.
        F1 = "f1",
        /// Area under the ROC curve; more than two classes: mean of one class against the rest; labels: mean over them.
        RocAuc = "roc_auc",
        /// Mean of −ln of the true class's probability. Lower is better.
        LogLoss = "log_loss",
        /// 1 − squared error over the variance of the targets.
        R2 = "r2",
        /// Root of the mean squared error. Lower is better.
        Rmse = "rmse",
        /// Mean absolute error. Lower is better.
        Mae = "mae",
    }
);

impl Score {
    /// Whether a higher value is a better one.
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Score::LogLoss | Score::Rmse | Score::Mae)
    }

    /// Whether it judges numbers rather than classes.
    pub fn is_regression(self) -> bool {
        matches!(self, Score::R2 | Score::Rmse | Score::Mae)
    }

    /// Whether `a` is better than `b`; what is not finite is worse than anything.
    pub fn better(self, a: f64, b: f64) -> bool {
        match (a.is_finite(), b.is_finite()) {
            (true, true) => (a > b) == self.higher_is_better() && a != b,
            (a, _) => a && !b.is_finite(),
        }
    }

    /// Score of class probabilities. `labels`: n classes below `k`; `probabilities`: n x k, row-major.
    /// NaN where it is not defined (no rows, one class for `roc_auc`, a probability that is not finite) and for a
    /// score of numbers.
    pub fn of_classes(self, labels: &[u32], probabilities: &[f64], k: usize) -> f64 {
        if labels.is_empty() || k == 0 || probabilities.iter().any(|p| !p.is_finite()) {
            return f64::NAN;
        }
        let n = labels.len() as f64;
        let row = |i: usize| &probabilities[i * k..(i + 1) * k];
        match self {
            Score::Accuracy => (0..labels.len()).filter(|&i| arg_max(row(i)) == labels[i] as usize).count() as f64 / n,
            Score::BalancedAccuracy | Score::F1 => {
                let (mut hits, mut truth, mut said) = (vec![0.0; k], vec![0.0; k], vec![0.0; k]);
                for (i, &label) in labels.iter().enumerate() {
                    let best = arg_max(row(i));
                    truth[label as usize] += 1.0;
                    said[best] += 1.0;
                    hits[best] += f64::from(u8::from(best == label as usize));
                }
                if self == Score::BalancedAccuracy {
                    return mean((0..k).filter(|&c| truth[c] > 0.0).map(|c| hits[c] / truth[c]));
                }
                // A class neither present nor named counts for nothing; one of them without hits counts 0.
                let f1 = |c: usize| if hits[c] > 0.0 { 2.0 * hits[c] / (truth[c] + said[c]) } else { 0.0 };
                if k == 2 { f1(1) } else { mean((0..k).filter(|&c| truth[c] + said[c] > 0.0).map(f1)) }
            }
            Score::RocAuc if k == 2 => roc_auc(labels, 1, |i| probabilities[i * 2 + 1]),
            Score::RocAuc => mean((0..k).map(|c| roc_auc(labels, c as u32, |i| probabilities[i * k + c]))),
            Score::LogLoss => {
                let loss = |(i, &label): (usize, &u32)| -row(i)[label as usize].max(f64::EPSILON).ln();
                labels.iter().enumerate().map(loss).sum::<f64>() / n
            }
            Score::R2 | Score::Rmse | Score::Mae => f64::NAN,
        }
    }

    /// Whether it judges several labels of a row at once.
    pub fn is_for_labels(self) -> bool {
        matches!(self, Score::Accuracy | Score::F1 | Score::RocAuc)
    }

    /// Score of probabilities of labels that are each there or not. `labels` (0 or 1) and `probabilities`: n x k, row-major;
    /// a label is predicted from above one half on. A label neither present nor predicted has an F1 of 0. NaN where it is not
    /// defined: no rows, for `roc_auc` a label that all rows or none have, a probability that is not finite, and scores that
    /// are not for labels.
    pub fn of_labels(self, labels: &[u32], probabilities: &[f64], k: usize) -> f64 {
        if labels.is_empty() || k == 0 || probabilities.iter().any(|p| !p.is_finite()) {
            return f64::NAN;
        }
        let column = |label: usize| labels.iter().zip(probabilities).skip(label).step_by(k);
        match self {
            Score::Accuracy => {
                let right = |(labels, chances): (&[u32], &[f64])| {
                    labels.iter().zip(chances).all(|(label, p)| (*label == 1) == (*p > 0.5))
                };
                let hits = labels.chunks(k).zip(probabilities.chunks(k)).filter(|row| right(*row)).count();
                hits as f64 / (labels.len() / k) as f64
            }
            Score::F1 => {
                let f1 = |label: usize| {
                    let count = |of: fn(bool, bool) -> u32| -> f64 {
                        column(label).map(|(truth, p)| f64::from(of(*truth == 1, *p > 0.5))).sum()
                    };
                    let hits = count(|truth, said| u32::from(truth && said));
                    if hits > 0.0 { 2.0 * hits / count(|truth, said| u32::from(truth) + u32::from(said)) } else { 0.0 }
                };
                mean((0..k).map(f1))
            }
            Score::RocAuc => mean((0..k).map(|label| {
                let (truth, chances): (Vec<u32>, Vec<f64>) = column(label).map(|(truth, p)| (*truth, *p)).unzip();
                roc_auc(&truth, 1, |i| chances[i])
            })),
            _ => f64::NAN,
        }
    }

    /// Score of predicted numbers, both in original units. NaN where it is not defined and for a score of classes.
    pub fn of_numbers(self, targets: &[f64], predictions: &[f64]) -> f64 {
        if targets.is_empty() {
            return f64::NAN;
        }
        let n = targets.len() as f64;
        // Squares of values near 1e300 overflow, so all is counted in units of the largest target. A power of two
        // changes no digit.
        let largest = targets.iter().fold(0.0f64, |largest, t| largest.max(t.abs()));
        let unit = if largest.is_normal() { largest.log2().floor().exp2() } else { 1.0 };
        let errors = || targets.iter().zip(predictions).map(|(t, p)| t / unit - p / unit);
        let squares = || errors().map(|e| e * e).sum::<f64>();
        match self {
            Score::R2 => {
                let centre = targets.iter().map(|t| t / unit).sum::<f64>() / n;
                let spread = targets.iter().map(|t| (t / unit - centre) * (t / unit - centre)).sum::<f64>();
                if spread > 0.0 { 1.0 - squares() / spread } else { f64::NAN }
            }
            Score::Rmse => (squares() / n).sqrt() * unit,
            Score::Mae => errors().map(f64::abs).sum::<f64>() / n * unit,
            _ => f64::NAN,
        }
    }
}

/// Index of the largest, the first of equals, as numpy's argmax.
pub fn arg_max(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

/// Mann and Whitney's statistic: the chance that a row of the class outranks one of the others; ties count half.
fn roc_auc(labels: &[u32], class: u32, value: impl Fn(usize) -> f64) -> f64 {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
    let positives = labels.iter().filter(|&&label| label == class).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let (mut ranks, mut start) = (0.0, 0);
    while start < order.len() {
        let end = start + order[start..].iter().take_while(|&&i| value(i) == value(order[start])).count();
        let hits = order[start..end].iter().filter(|&&i| labels[i] == class).count() as f64;
        ranks += hits * (start + 1 + end) as f64 / 2.0;
        start = end;
    }
    (ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values from sklearn.metrics 1.9 on the same arrays (xtask/golden/scores.py).
    const LABELS: [u32; 6] = [0, 1, 2, 2, 1, 0];
    const P: [f64; 18] = [0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.2, 0.5, 0.3, 0.1, 0.1, 0.8, 0.25, 0.5, 0.25, 0.1, 0.6, 0.3];

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn classes_against_scikit_learn() {
        close(Score::Accuracy.of_classes(&LABELS, &P, 3), 4.0 / 6.0);
        close(Score::BalancedAccuracy.of_classes(&LABELS, &P, 3), 2.0 / 3.0);
        close(Score::F1.of_classes(&LABELS, &P, 3), 2.0 / 3.0);
        close(Score::LogLoss.of_classes(&LABELS, &P, 3), 0.949_302_384_167_837_4);
        close(Score::RocAuc.of_classes(&LABELS, &P, 3), 2.0 / 3.0);
    }

    #[test]
    fn two_classes_against_scikit_learn() {
        let labels = [0, 0, 1, 1, 1];
        let p = [0.9, 0.1, 0.4, 0.6, 0.65, 0.35, 0.2, 0.8, 0.4, 0.6];
        close(Score::F1.of_classes(&labels, &p, 2), 2.0 / 3.0);
        close(Score::RocAuc.of_classes(&labels, &p, 2), 4.5 / 6.0);
        assert!(Score::RocAuc.of_classes(&[1, 1], &p[..4], 2).is_nan());
    }

    #[test]
    fn labels_against_scikit_learn() {
        let labels = [1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1];
        let p = [0.9, 0.2, 0.7, 0.6, 0.7, 0.8, 0.4, 0.9, 0.1, 0.3, 0.6, 0.55];
        close(Score::Accuracy.of_labels(&labels, &p, 3), 0.25);
        close(Score::F1.of_labels(&labels, &p, 3), 0.766_666_666_666_666_6);
        close(Score::RocAuc.of_labels(&labels, &p, 3), 0.916_666_666_666_666_6);
        // The second label is never there nor said: 0.
        close(Score::F1.of_labels(&[1, 0, 1, 0], &[0.9, 0.1, 0.8, 0.2], 2), 0.5);
        assert!(Score::LogLoss.of_labels(&labels, &p, 3).is_nan());
        assert!(Score::RocAuc.of_labels(&[1, 0, 1, 1], &p[..4], 2).is_nan());
    }

    #[test]
    fn numbers_against_scikit_learn() {
        let (t, p) = ([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0]);
        close(Score::R2.of_numbers(&t, &p), 0.948_608_137_044_967_9);
        close(Score::Rmse.of_numbers(&t, &p), 0.375f64.sqrt());
        close(Score::Mae.of_numbers(&t, &p), 0.5);
        assert!(Score::R2.of_numbers(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
        let huge = |values: [f64; 4]| values.map(|value| value * 2f64.powi(995));
        assert_eq!(Score::R2.of_numbers(&huge(t), &huge(p)), Score::R2.of_numbers(&t, &p));
        assert_eq!(Score::Rmse.of_numbers(&huge(t), &huge(p)), Score::Rmse.of_numbers(&t, &p) * 2f64.powi(995));
    }

    #[test]
    fn what_is_not_finite_is_worst() {
        assert!(Score::Accuracy.better(0.1, f64::NAN) && !Score::Accuracy.better(f64::NAN, 0.1));
        assert!(Score::Rmse.better(0.1, 0.2) && !Score::Rmse.better(0.2, 0.2));
        assert!(!Score::Rmse.better(f64::NAN, f64::NAN));
    }
}
