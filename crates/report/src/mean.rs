//! The mean curve of a trial whose folds may have ended at different epochs.

use opportune_core::memory::TrialResult;
use opportune_core::observation::{Observation, Scored};
use opportune_core::stop::Stopped;

/// Mean over folds at each epoch. A fold that a stop rule ended earlier than others counts on with its last epoch, so
/// that the curve at epoch n is what the same trial would give if it were asked for n epochs. Where folds diverge, the
/// curve ends with the first that does. The rate is that of a fold that is still training.
pub(crate) fn mean_curve(result: &TrialResult) -> Vec<Observation> {
    let folds: Vec<&[Observation]> = result.folds.iter().map(|fold| fold.curve.as_slice()).collect();
    if folds.iter().any(|curve| curve.is_empty()) {
        return Vec::new();
    }
    let diverged = result.folds.iter().filter(|fold| fold.ending.stopped == Stopped::Diverged);
    let length = diverged
        .map(|fold| fold.curve.len())
        .min()
        .or_else(|| folds.iter().map(|curve| curve.len()).max())
        .unwrap_or(0);
    let Some(longest) = folds.iter().max_by_key(|curve| curve.len()) else { return Vec::new() };
    let n = folds.len() as f64;
    let at = |index: usize| {
        let each = || folds.iter().map(|curve| &curve[index.min(curve.len() - 1)]);
        let mean = |value: &dyn Fn(&Observation) -> f64| each().map(value).sum::<f64>() / n;
        let validated = each().all(|one| one.validation.is_some());
        let validation = |value: fn(Scored) -> f64| mean(&|one| one.validation.map_or(f64::NAN, value));
        Observation {
            train_loss: mean(&|one| one.train_loss),
            penalty: mean(&|one| one.penalty),
            train_score: mean(&|one| one.train_score),
            validation: validated.then(|| Scored { loss: validation(|v| v.loss), score: validation(|v| v.score) }),
            ..longest[index]
        }
    };
    (0..length).map(at).collect()
}

/// The epoch that counts, if all folds agree on it.
pub(crate) fn chosen(result: &TrialResult) -> Option<u32> {
    let mut epochs = result.folds.iter().map(|fold| fold.ending.chosen);
    let first = epochs.next()?;
    epochs.all(|epoch| epoch == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{fold, trial};

    #[test]
    fn an_ended_fold_counts_on_with_its_last_epoch() {
        let folds = vec![
            fold(0, Stopped::Converged, 2, &[(1.0, 0.2), (0.5, 0.6)]),
            fold(1, Stopped::Complete, 3, &[(2.0, 0.4), (1.5, 0.8), (1.0, 0.9)]),
        ];
        let result = trial(0, &[], folds);
        let mean = mean_curve(&result);
        let losses: Vec<f64> = mean.iter().map(|one| one.train_loss).collect();
        assert_eq!(losses, [1.5, 1.0, 0.75]);
        assert_eq!(mean.iter().map(|one| one.epoch).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(mean[2].validation.map(|v| v.score), Some(result.score()));
        assert_eq!(chosen(&result), None);
    }

    #[test]
    fn a_diverged_fold_ends_the_curve() {
        let folds = vec![
            fold(0, Stopped::Diverged, 2, &[(1.0, 0.2), (f64::NAN, f64::NAN)]),
            fold(1, Stopped::Complete, 3, &[(2.0, 0.4), (1.5, 0.8), (1.0, 0.9)]),
        ];
        let mean = mean_curve(&trial(0, &[], folds));
        assert_eq!(mean.len(), 2);
        assert!(mean[1].train_loss.is_nan());
        assert!(mean_curve(&trial(0, &[], vec![])).is_empty());
    }
}
