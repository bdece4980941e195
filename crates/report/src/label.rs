//! Words for scores and endings, as they are shown.

use opportune_core::memory::{FoldResult, TrialResult};
use opportune_core::score::Score;
use opportune_core::stop::Stopped;

/// The score's name for reading.
pub(crate) fn score(score: Score) -> &'static str {
    match score {
        Score::Accuracy => "accuracy",
        Score::BalancedAccuracy => "balanced accuracy",
        Score::F1 => "F1",
        Score::RocAuc => "ROC AUC",
        Score::LogLoss => "log loss",
        Score::R2 => "R²",
        Score::Rmse => "RMSE",
        Score::Mae => "MAE",
    }
}

/// Why a run ended, for reading.
pub(crate) fn stopped(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::Complete => "complete",
        Stopped::Early => "stopped early",
        Stopped::Converged => "converged",
        Stopped::Diverged => "diverged",
        Stopped::Failed => "failed",
    }
}

/// Whether a trial waits for more epochs: all that were granted were trained, and it asks for more.
pub(crate) fn paused(result: &TrialResult) -> bool {
    let asked = result.config.get("epochs").and_then(|value| value.count());
    let waits = |fold: &FoldResult| {
        fold.ending.stopped == Stopped::Complete && asked.is_some_and(|asked| fold.ending.epochs < asked)
    };
    !result.folds.is_empty() && result.folds.iter().all(waits)
}

/// How a trial ended: in one word if its folds agree, else how many ended how. One that waits for more epochs is
/// `paused`.
pub(crate) fn ended(result: &TrialResult) -> String {
    if paused(result) {
        return "paused".to_string();
    }
    let order = [Stopped::Failed, Stopped::Diverged, Stopped::Complete, Stopped::Early, Stopped::Converged];
    let count = |reason: &Stopped| result.folds.iter().filter(|fold| fold.ending.stopped == *reason).count();
    let parts: Vec<(usize, Stopped)> =
        order.iter().map(|reason| (count(reason), *reason)).filter(|(count, _)| *count > 0).collect();
    match parts.as_slice() {
        [(_, only)] => stopped(*only).to_string(),
        _ => {
            let part = |(count, reason): &(usize, Stopped)| format!("{count} {}", stopped(*reason));
            parts.iter().map(part).collect::<Vec<_>>().join(", ")
        }
    }
}

/// `1 fold`, `2 folds`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{count, fold, trial};

    #[test]
    fn folds_that_end_differently_are_counted() {
        let of = |reasons: &[Stopped]| {
            let folds = reasons.iter().map(|reason| fold(0, *reason, 1, &[(1.0, 0.5)])).collect();
            ended(&trial(0, &[], folds))
        };
        assert_eq!(of(&[Stopped::Early, Stopped::Early]), "stopped early");
        assert_eq!(of(&[Stopped::Converged, Stopped::Complete, Stopped::Converged]), "1 complete, 2 converged");
        assert_eq!(of(&[]), "");
        let asked = |epochs: u32| {
            let folds = vec![fold(0, Stopped::Complete, 1, &[(1.0, 0.5)]); 2];
            ended(&trial(0, &[("epochs", count(epochs))], folds))
        };
        assert_eq!((asked(1), asked(2)), ("complete".to_string(), "paused".to_string()));
        assert_eq!((counted(1, "fold"), counted(3, "trial")), ("1 fold".to_string(), "3 trials".to_string()));
    }
}
