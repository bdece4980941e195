//! What a person should know about a result besides its numbers, in plain sentences.

use crate::label::counted;
use crate::mean::mean_curve;
use crate::number;
use crate::trend::{Trend, trend};
use opportune_core::memory::TrialResult;
use opportune_core::space::Space;
use opportune_core::stop::{StopRule, Stopped};

/// Whether the best trial's rate or number of epochs is the smallest or the largest of at least two that were tried, so
/// that a better one may lie beyond; with values to try next. The number of epochs says nothing where a stop rule
/// ended some fold before it was reached.
pub fn edge_warnings(space: &Space, best: &TrialResult) -> Vec<String> {
    let edge = |name: &str| {
        let value = best.config.get(name)?.number()?;
        let values: Vec<f64> = space.param(name)?.values().iter().filter_map(|value| value.number()).collect();
        let smaller = values.iter().any(|other| *other < value);
        let larger = values.iter().any(|other| *other > value);
        (smaller != larger).then_some((value, smaller))
    };
    let mut warnings = Vec::new();
    if let Some((rate, largest)) = edge("lr") {
        let (which, what, by) =
            if largest { ("largest", "larger", [3.0, 10.0]) } else { ("smallest", "smaller", [0.3, 0.1]) };
        let next = by.map(|factor| number::short(rate * factor, 2)).join(",");
        let rate = number::rate(rate);
        warnings.push(format!("the best rate {rate} is the {which} of the grid: try {what} ones too, --lr {next}"));
    }
    let stopped = best.folds.iter().any(|fold| fold.ending.stopped != Stopped::Complete);
    if let Some((epochs, largest)) = edge("epochs").filter(|_| !stopped) {
        let (which, what) = if largest { ("largest", "more") } else { ("smallest", "fewer") };
        let next = if largest { epochs * 2.0 } else { (epochs / 2.0).floor() };
        let hint = if next >= 1.0 { format!(": try {what} too, --epochs {next}") } else { String::new() };
        warnings.push(format!("the best number of epochs, {epochs}, is the {which} of the grid{hint}"));
    }
    warnings
}

/// How many of several trainings were cut off by their number of epochs before the tol rule among `rules` found that
/// the training loss had settled (scikit-learn's ConvergenceWarning for each); `None` without such a rule.
pub fn cut_off(results: &[TrialResult], rules: &[StopRule]) -> Option<String> {
    let (tol, what) = tol_of(rules)?;
    let cut = results.iter().filter(|result| result.stopped() == Stopped::Complete).count();
    let of = results.len();
    (cut > 0).then(|| {
        let tol = number::rate(tol);
        format!("{cut} of {of} settings reached their last epoch before the {what} settled (tol {tol})")
    })
}

fn tol_of(rules: &[StopRule]) -> Option<(f64, &'static str)> {
    rules.iter().find_map(|rule| match rule {
        StopRule::Tol { tol, .. } => Some((*tol, "training loss")),
        StopRule::ScoreTol { tol, .. } => Some((*tol, "validation score")),
        StopRule::Patience(_) => None,
    })
}

/// Whether the training was cut off by its number of epochs before the tol rule among `rules` found that the training
/// loss had settled (scikit-learn's ConvergenceWarning); `None` without such a rule.
pub fn not_converged(result: &TrialResult, rules: &[StopRule]) -> Option<String> {
    let (tol, what) = tol_of(rules)?;
    let cut: Vec<u32> = result
        .folds
        .iter()
        .filter(|fold| fold.ending.stopped == Stopped::Complete)
        .map(|fold| fold.ending.epochs)
        .collect();
    let epochs = *cut.iter().max()?;
    let all = result.folds.len();
    let folds = if all > 1 { format!(" in {} of {all} folds", cut.len()) } else { String::new() };
    let (tol, limit, next) = (number::rate(tol), counted(epochs as usize, "epoch"), u64::from(epochs) * 2);
    Some(format!(
        "stopped at the limit of {limit} before the {what} settled (tol {tol}){folds}: \
         train longer, --epochs {next}"
    ))
}

/// How many trials diverged, in how many folds, and from which rate on; of one training, when. `None` if none did.
pub fn diverged(results: &[TrialResult]) -> Option<String> {
    let gone: Vec<&TrialResult> = results.iter().filter(|one| one.stopped() == Stopped::Diverged).collect();
    let rate = |one: &TrialResult| one.config.get("lr").and_then(|value| value.number());
    if let ([_], [one]) = (results, gone.as_slice()) {
        let first = one.folds.iter().filter(|fold| fold.ending.stopped == Stopped::Diverged);
        let first = first.min_by_key(|fold| fold.ending.epochs)?;
        let used = first.curve.last().map(|last| last.rate).filter(|rate| rate.is_finite() && *rate > 0.0);
        let at = used.map_or(String::new(), |rate| format!(" at a rate of {}", number::rate(rate)));
        let hint =
            rate(one).or(used).map_or(String::new(), |rate| format!(", such as {}", number::short(rate * 0.3, 2)));
        return Some(format!("the training diverged in epoch {}{at}: try smaller rates{hint}", first.ending.epochs));
    }
    let first = gone.first()?;
    let broken: usize =
        gone.iter().map(|one| one.folds.iter().filter(|fold| fold.ending.stopped == Stopped::Diverged).count()).sum();
    let all: usize = results.iter().map(|one| one.folds.len()).sum();
    let folds = if first.folds.len() > 1 { format!(" ({broken} of {all} folds)") } else { String::new() };
    let rates: Vec<f64> = gone.iter().filter_map(|one| rate(one)).collect();
    let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let well = |one: &&TrialResult| one.stopped() != Stopped::Diverged && rate(one).is_some_and(|rate| rate >= lowest);
    let from = match results.iter().filter(well).count() {
        _ if rates.len() < gone.len() => String::new(),
        0 => format!(", all those with a rate of {} or more", number::rate(lowest)),
        _ => format!(", the smallest rate among them {}", number::rate(lowest)),
    };
    let (count, total) = (gone.len(), counted(results.len(), "trial"));
    let all = if count == results.len() { ": try smaller rates" } else { "" };
    Some(format!("{count} of {total} diverged{folds}{from}{all}"))
}

/// Whether the mean validation loss of a training rose again from its lowest point (overfitting), or still fell at its
/// end (trained too short). It rose if its mean over the last tenth of the epochs is more than 1 % above the lowest such
/// mean before them; it still fell if that mean is more than 1 % below that of the tenth before. `None` for neither,
/// without validation, for fewer than 10 epochs and where the loss is not finite.
pub fn fit_remarks(result: &TrialResult) -> Option<String> {
    let curve = mean_curve(result);
    let losses = curve.iter().map(|one| one.validation.map(|v| v.loss)).collect::<Option<Vec<f64>>>()?;
    match trend(&losses)? {
        Trend::Rises(epoch) => {
            let (low, end) = (number::loss(losses[epoch as usize - 1]), number::loss(*losses.last()?));
            Some(format!(
                "the validation loss rose again after epoch {epoch} ({low}, at the end {end}): \
                 the network begins to overfit there"
            ))
        }
        Trend::Falls => {
            let (count, next) = (losses.len(), losses.len() * 2);
            Some(format!("the validation loss was still falling at epoch {count}: train longer, --epochs {next}"))
        }
        Trend::Settled(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{count, falling, fold, number, trial, unvalidated};
    use opportune_core::space::{Param, Value};

    fn space(rates: &[f64], epochs: &[u32]) -> Space {
        let values = rates.iter().map(|rate| number(*rate)).collect();
        let lr = Param::list("lr", values);
        let values = epochs.iter().map(|epochs| count(*epochs)).collect();
        Space(vec![lr, Param::list("epochs", values)])
    }

    fn best(rate: f64, epochs: u32, stopped: Stopped) -> TrialResult {
        let config = [("lr", number(rate)), ("epochs", count(epochs)), ("hidden", Value::Layers(vec![9]))];
        trial(0, &config, vec![fold(0, stopped, 1, &[(1.0, 0.5)])])
    }

    #[test]
    fn a_best_value_at_the_edge_says_what_to_try() {
        let space = space(&[0.01, 0.001, 1e-4], &[100, 200, 300]);
        assert!(edge_warnings(&space, &best(0.001, 200, Stopped::Complete)).is_empty());
        assert_eq!(
            edge_warnings(&space, &best(0.01, 300, Stopped::Complete)),
            [
                "the best rate 0.01 is the largest of the grid: try larger ones too, --lr 0.03,0.1",
                "the best number of epochs, 300, is the largest of the grid: try more too, --epochs 600",
            ]
        );
        assert_eq!(
            edge_warnings(&space, &best(1e-4, 100, Stopped::Complete)),
            [
                "the best rate 1e-4 is the smallest of the grid: try smaller ones too, --lr 3e-5,1e-5",
                "the best number of epochs, 100, is the smallest of the grid: try fewer too, --epochs 50",
            ]
        );
        assert!(edge_warnings(&space, &best(0.001, 100, Stopped::Converged)).is_empty());
    }

    #[test]
    fn one_value_has_no_edge() {
        assert!(edge_warnings(&space(&[0.01], &[7, 7]), &best(0.01, 7, Stopped::Complete)).is_empty());
        assert!(edge_warnings(&Space::default(), &best(0.01, 7, Stopped::Complete)).is_empty());
        let one = edge_warnings(&space(&[], &[1, 2]), &best(0.01, 1, Stopped::Complete));
        assert_eq!(one, ["the best number of epochs, 1, is the smallest of the grid"]);
    }

    #[test]
    fn trainings_that_were_cut_off_are_counted() {
        let ends = [Stopped::Complete, Stopped::Converged, Stopped::Complete, Stopped::Diverged];
        let result = |(at, end): (usize, &Stopped)| trial(at as u32, &[], vec![fold(0, *end, 1, &[(1.0, 0.5)])]);
        let results: Vec<TrialResult> = ends.iter().enumerate().map(result).collect();
        let tol = [StopRule::Tol { tol: 1e-4, epochs: 10 }];
        let said = "2 of 4 settings reached their last epoch before the training loss settled (tol 1e-4)";
        assert_eq!(cut_off(&results, &tol).as_deref(), Some(said));
        assert_eq!((cut_off(&results, &[]), cut_off(&results[1..2], &tol)), (None, None));
    }

    #[test]
    fn a_training_cut_off_by_its_epochs() {
        let rules = [StopRule::Tol { tol: 1e-4, epochs: 10 }];
        let ended = |ends: &[Stopped]| {
            let fold = |(n, end): (usize, &Stopped)| fold(n as u32, *end, 300, &falling(300, 0.01, 0.0));
            trial(0, &[], ends.iter().enumerate().map(fold).collect())
        };
        assert_eq!(
            not_converged(&ended(&[Stopped::Complete]), &rules).as_deref(),
            Some(
                "stopped at the limit of 300 epochs before the training loss settled (tol 1e-4): \
                 train longer, --epochs 600"
            )
        );
        let some = not_converged(&ended(&[Stopped::Complete, Stopped::Converged]), &rules);
        assert!(some.is_some_and(|text| text.contains("(tol 1e-4) in 1 of 2 folds: train")));
        assert_eq!(not_converged(&ended(&[Stopped::Converged]), &rules), None);
        assert_eq!(not_converged(&ended(&[Stopped::Complete]), &[]), None);
    }

    #[test]
    fn divergence_is_counted() {
        let of = |n: u32, rate: f64, gone: usize| {
            let end = |fold: usize| if fold < gone { Stopped::Diverged } else { Stopped::Complete };
            let folds = (0..2).map(|one| fold(one as u32, end(one), 1, &[(1.0, 0.5)])).collect();
            trial(n, &[("lr", number(rate))], folds)
        };
        let text = |results: &[TrialResult]| diverged(results).unwrap_or_default();
        assert_eq!(
            text(&[of(0, 0.01, 0), of(1, 0.1, 2), of(2, 1.0, 2)]),
            "2 of 3 trials diverged (4 of 6 folds), all those with a rate of 0.1 or more"
        );
        assert_eq!(
            text(&[of(0, 0.01, 1), of(1, 0.1, 0)]),
            "1 of 2 trials diverged (1 of 4 folds), the smallest rate among them 0.01"
        );
        assert_eq!(
            text(&[of(0, 0.1, 1), of(1, 0.2, 1)]),
            "2 of 2 trials diverged (2 of 4 folds), all those with a rate of 0.1 or more: try smaller rates"
        );
        assert_eq!(
            text(&[of(0, 0.1, 1)]),
            "the training diverged in epoch 1 at a rate of 0.01: try smaller rates, such as 0.03"
        );
        assert_eq!(diverged(&[of(0, 0.1, 0)]), None);
        assert_eq!(diverged(&[]), None);
    }

    #[test]
    fn the_validation_loss_tells_too_long_from_too_short() {
        let remark = |losses: &[f64]| {
            let curve: Vec<(f64, f64)> = losses.iter().map(|loss| (*loss, 0.5)).collect();
            fit_remarks(&trial(0, &[], vec![fold(0, Stopped::Complete, 1, &curve)]))
        };
        let bowl: Vec<f64> = (0..50).map(|epoch| 1.0 + 0.01 * f64::from(epoch - 20).powi(2)).collect();
        assert_eq!(
            remark(&bowl).as_deref(),
            Some(
                "the validation loss rose again after epoch 21 (1.100, at the end 10.35): \
                 the network begins to overfit there"
            )
        );
        let short: Vec<f64> = (0..50).map(|epoch| 2.0 - 0.03 * f64::from(epoch)).collect();
        assert_eq!(
            remark(&short).as_deref(),
            Some("the validation loss was still falling at epoch 50: train longer, --epochs 100")
        );
        let settled: Vec<f64> = (0..50).map(|epoch| 0.5 + (-0.5 * f64::from(epoch)).exp()).collect();
        assert_eq!(remark(&settled), None);
        assert_eq!(remark(&short[..9]), None);
        assert_eq!(remark(&[f64::NAN; 20]), None);
        let blind = unvalidated(fold(0, Stopped::Complete, 1, &falling(50, 0.1, 0.0)));
        assert_eq!(fit_remarks(&trial(0, &[], vec![blind])), None);
    }
}
