//! One training as a table of epochs.

use crate::columns::{Column, lay_out};
use crate::label;
use crate::mean::{chosen, mean_curve};
use crate::number;
use opportune_core::memory::TrialResult;
use opportune_core::observation::Observation;
use opportune_core::score::Score;
use std::collections::BTreeSet;

/// A training at epochs 1, 2, 5, 10, 20, 50, …, at the chosen one and at the last, the latter two marked.
///
/// Columns: epoch, learning rate (of the epoch's last step), loss and score of the training rows as met in training and,
/// if there are any, of the validation rows; means over folds, where a fold that ended earlier than others counts on
/// with its last epoch. Where folds chose different epochs, a last line says which. A number that is not finite is `-`.
/// Lines end in line feeds.
pub fn epochs_table(result: &TrialResult, score: Score) -> String {
    let curve = mean_curve(result);
    let Some(last) = curve.last().map(|one| one.epoch) else { return "no epochs\n".to_string() };
    let chosen = chosen(result);
    let decades = (0..10).map(|power| 10u64.pow(power));
    let round = decades.flat_map(|ten| [ten, 2 * ten, 5 * ten]).filter(|&epoch| epoch < u64::from(last));
    let shown: BTreeSet<u64> = round.chain([u64::from(last)]).chain(chosen.map(u64::from)).collect();
    let rows: Vec<&Observation> = curve.iter().filter(|one| shown.contains(&u64::from(one.epoch))).collect();

    let cells = |text: &dyn Fn(&Observation) -> String| rows.iter().map(|one| text(one)).collect::<Vec<_>>();
    let name = label::score(score);
    let mut columns = vec![
        Column::numbers("", "epoch", cells(&|one| one.epoch.to_string())),
        Column::numbers("", "rate", cells(&|one| number::rate(one.rate))),
        Column::numbers("training", "loss", cells(&|one| number::loss(one.train_loss))),
        Column::numbers("training", name, cells(&|one| number::score(one.train_score))),
    ];
    if curve.iter().any(|one| one.validation.is_some()) {
        let nan = f64::NAN;
        let loss = cells(&|one| number::loss(one.validation.map_or(nan, |v| v.loss)));
        let score = cells(&|one| number::score(one.validation.map_or(nan, |v| v.score)));
        columns.push(Column::numbers("validation", "loss", loss));
        columns.push(Column::numbers("validation", name, score));
    }
    let mark = |one: &Observation| {
        let mut marks = Vec::new();
        if chosen == Some(one.epoch) {
            marks.push("chosen".to_string());
        }
        if one.epoch == last {
            marks.push(format!("last ({})", label::ended(result)));
        }
        marks.join(", ")
    };
    columns.push(Column::words("", cells(&mark), false));
    let mut text = lay_out(columns);
    if chosen.is_none() {
        let each = result.folds.iter().map(|fold| fold.ending.chosen.to_string()).collect::<Vec<_>>().join(", ");
        text += &format!("chosen epoch of each fold: {each}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{fold, trial, unvalidated};
    use opportune_core::stop::Stopped;

    fn curve(epochs: u32) -> Vec<(f64, f64)> {
        (1..=epochs).map(|epoch| (2.0 / f64::from(epoch), 1.0 - 0.5 / f64::from(epoch))).collect()
    }

    #[test]
    fn a_training_with_validation() {
        let result = trial(0, &[], vec![fold(0, Stopped::Early, 12, &curve(23))]);
        let expected = "
             training  training  validation  validation
epoch  rate      loss  accuracy        loss    accuracy
    1  0.01     2.000    0.5000       2.200      0.5000
    2  0.01     1.000    0.7500       1.100      0.7500
    5  0.01    0.4000    0.9000      0.4400      0.9000
   10  0.01    0.2000    0.9500      0.2200      0.9500
   12  0.01    0.1667    0.9583      0.1833      0.9583  chosen
   20  0.01    0.1000    0.9750      0.1100      0.9750
   23  0.01   0.08696    0.9783     0.09565      0.9783  last (stopped early)
";
        assert_eq!(format!("\n{}", epochs_table(&result, Score::Accuracy)), expected);
    }

    #[test]
    fn a_training_without_validation_that_diverged() {
        let fold = fold(0, Stopped::Diverged, 3, &[(2.0, 0.25), (3e9, -40.0), (f64::NAN, f64::NAN)]);
        let expected = "
             training  training
epoch  rate      loss        R²
    1  0.01     2.000    0.2500
    2  0.01   3.000e9  -40.0000
    3  0.01         -         -  chosen, last (diverged)
";
        let text = epochs_table(&trial(0, &[], vec![unvalidated(fold)]), Score::R2);
        assert_eq!(format!("\n{text}"), expected);
    }

    #[test]
    fn folds_that_chose_differently_and_extremes() {
        let folds = vec![fold(0, Stopped::Early, 1, &curve(2)), fold(1, Stopped::Early, 2, &curve(3))];
        let text = epochs_table(&trial(0, &[], folds), Score::F1);
        assert!(text.ends_with("last (stopped early)\nchosen epoch of each fold: 1, 2\n"), "{text}");
        assert_eq!(epochs_table(&trial(0, &[], vec![]), Score::F1), "no epochs\n");
        let one = trial(0, &[], vec![fold(0, Stopped::Complete, 1, &curve(1))]);
        assert!(epochs_table(&one, Score::F1).ends_with("0.5000  chosen, last (complete)\n"));
        let long = trial(0, &[], vec![fold(0, Stopped::Complete, 5000, &curve(5000))]);
        assert_eq!(epochs_table(&long, Score::BalancedAccuracy).lines().count(), 2 + 12);
    }
}
