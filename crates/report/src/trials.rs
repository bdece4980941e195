//! A search as a table of trials.

use crate::columns::{Column, lay_out};
use crate::label;
use crate::number;
use crate::setting;
use opportune_core::memory::{TrialResult, mean_and_std};
use opportune_core::score::Score;
use opportune_core::stop::Stopped;
use std::cmp::Ordering;

/// Trials with their ranks, best first: equal scores share a rank and `best` stands first among them; then those whose
/// score is not defined and last those that diverged, without a rank.
pub(crate) fn ranked(results: &[TrialResult], score: Score, best: Option<u32>) -> Vec<(Option<usize>, &TrialResult)> {
    let mut order: Vec<(&TrialResult, f64)> = results.iter().map(|one| (one, one.score())).collect();
    let group = |one: &TrialResult, value: f64| match one.stopped() {
        Stopped::Diverged => 2,
        _ => u8::from(!value.is_finite()),
    };
    order.sort_by(|(a, x), (b, y)| {
        let better = if score.better(*x, *y) {
            Ordering::Less
        } else if score.better(*y, *x) {
            Ordering::Greater
        } else {
            Ordering::Equal
        };
        let first = |one: &TrialResult| (best != Some(one.trial), one.trial);
        group(a, *x).cmp(&group(b, *y)).then(better).then(first(a).cmp(&first(b)))
    });
    let rank = |&(_, value): &(&TrialResult, f64)| {
        let above = order.iter().filter(|(_, other)| score.better(*other, value)).count();
        value.is_finite().then_some(above + 1)
    };
    order.iter().map(|one| (rank(one), one.0)).collect()
}

/// The mean of scores with its standard deviation over folds, if there are several: `0.9774 ± 0.0063`.
fn spread(scores: &[f64]) -> String {
    let (mean, std) = mean_and_std(scores);
    match std.filter(|std| std.is_finite()) {
        Some(std) => format!("{} ± {}", number::score(mean), number::score(std)),
        None => number::score(mean),
    }
}

/// A search: its trials ranked by score, at most `limit` of them, `best` marked with `*` and always among them.
///
/// Columns: rank, trial, the settings that differ among `results` (long texts lose their middle, so that lines keep to
/// 110 characters where they can), epochs trained, the chosen epoch if it is another one for any trial, training loss
/// and score, validation loss and score ± sample standard deviation over folds, and how it ended. All but the last are
/// means over folds at the chosen epochs. Without validation the score is the training's. Diverged trials come last.
/// A last line says how many rows were left out. A number that is not finite is `-`. Lines end in line feeds.
pub fn trials_table(results: &[TrialResult], score: Score, best: Option<u32>, limit: usize) -> String {
    if results.is_empty() {
        return "no trials\n".to_string();
    }
    let order = ranked(results, score, best);
    let shows = |&(place, one): &(usize, &(Option<usize>, &TrialResult))| place < limit || best == Some(one.1.trial);
    let (shown, hidden): (Vec<_>, Vec<_>) = order.iter().enumerate().partition(shows);
    let cells =
        |text: &dyn Fn(&TrialResult) -> String| shown.iter().map(|(_, (_, one))| text(one)).collect::<Vec<String>>();
    let summary = |value: &dyn Fn(opportune_core::memory::Summary) -> f64| {
        cells(&|one| number::loss(one.summary().map_or(f64::NAN, value)))
    };
    let mean = |one: &TrialResult, value: &dyn Fn(&opportune_core::ports::Ending) -> u32| {
        one.folds.iter().map(|fold| f64::from(value(&fold.ending))).sum::<f64>() / one.folds.len() as f64
    };

    let rank = |(_, (rank, one)): &(usize, &(Option<usize>, &TrialResult))| {
        let mark = if best == Some(one.trial) { "*" } else { "" };
        format!("{mark}{}", rank.map_or(number::NONE.to_string(), |rank| rank.to_string()))
    };
    let mut columns = vec![
        Column::numbers("", "rank", shown.iter().map(rank).collect()),
        Column::numbers("", "trial", cells(&|one| one.trial.to_string())),
    ];
    for name in setting::varying(results) {
        let values = cells(&|one| Some(setting::brief(one, &name)).filter(|t| !t.is_empty()).unwrap_or("-".into()));
        let words = results.iter().any(|one| one.config.get(&name).is_some_and(|value| value.text().is_some()));
        columns.push(if words { Column::words(&name, values, true) } else { Column::numbers("", &name, values) });
    }
    columns.push(Column::numbers("epochs", "trained", cells(&|one| number::epochs(mean(one, &|e| e.epochs)))));
    if shown.iter().any(|(_, (_, one))| one.folds.iter().any(|fold| fold.ending.chosen != fold.ending.epochs)) {
        columns.push(Column::numbers("epoch", "chosen", cells(&|one| number::epochs(mean(one, &|e| e.chosen)))));
    }
    let name = label::score(score);
    let scores = cells(&|one| spread(&one.scores()));
    columns.push(Column::numbers("training", "loss", summary(&|s| s.train_loss)));
    if results.iter().any(|one| one.summary().is_some_and(|s| s.validation_score.is_some())) {
        let training = cells(&|one| number::score(one.summary().map_or(f64::NAN, |s| s.train_score)));
        columns.push(Column::numbers("training", name, training));
        columns.push(Column::numbers("validation", "loss", summary(&|s| s.validation_loss.unwrap_or(f64::NAN))));
        columns.push(Column::numbers("validation", name, scores));
    } else {
        columns.push(Column::numbers("training", name, scores));
    }
    columns.push(Column::words("ended", cells(&label::ended), false));

    let mut text = lay_out(columns);
    if !hidden.is_empty() {
        let diverged = hidden.iter().filter(|(_, (_, one))| one.stopped() == Stopped::Diverged).count();
        text += &format!("… and {} more trial{}", hidden.len(), if hidden.len() == 1 { "" } else { "s" });
        text += &if diverged > 0 { format!(", {diverged} of them diverged\n") } else { "\n".to_string() };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::WIDTH;
    use crate::sample::{count, fold, number, trial, unvalidated, word};
    use opportune_core::memory::FoldResult;
    use opportune_core::space::Value;

    fn folds(scores: &[f64], stopped: Stopped) -> Vec<FoldResult> {
        let one = |(index, score): (usize, &f64)| fold(index as u32, stopped, 2, &[(2.0, 0.1), (1.0 - score, *score)]);
        scores.iter().enumerate().map(one).collect()
    }

    fn search() -> Vec<TrialResult> {
        let config = |lr: f64, hidden: &[u32]| {
            [("lr", number(lr)), ("hidden", Value::Layers(hidden.to_vec())), ("batch", count(200))]
        };
        vec![
            trial(0, &config(0.01, &[100]), folds(&[0.75, 0.85], Stopped::Complete)),
            trial(1, &config(0.001, &[50, 50]), folds(&[0.9, 0.9], Stopped::Complete)),
            trial(2, &config(1e-4, &[100]), folds(&[0.9, 0.9], Stopped::Converged)),
            trial(
                3,
                &config(0.1, &[50, 50]),
                vec![
                    fold(0, Stopped::Diverged, 2, &[(2.0, 0.1), (f64::INFINITY, f64::NAN)]),
                    fold(1, Stopped::Complete, 3, &[(2.0, 0.1), (1.0, 0.1), (1.0, 0.2)]),
                ],
            ),
        ]
    }

    #[test]
    fn ranked_best_first_and_diverged_last() {
        let expected = "
                             epochs  training  training  validation       validation
rank  trial  hidden     lr  trained      loss  accuracy        loss         accuracy  ended
  *1      2     100   1e-4        2    0.1000    0.9000      0.1100  0.9000 ± 0.0000  converged
   1      1   50,50  0.001        2    0.1000    0.9000      0.1100  0.9000 ± 0.0000  complete
   3      0     100   0.01        2    0.2000    0.8000      0.2200  0.8000 ± 0.0707  complete
   -      3   50,50    0.1      2.5         -         -           -                -  1 diverged, 1 complete
";
        assert_eq!(format!("\n{}", trials_table(&search(), Score::Accuracy, Some(2), 9)), expected);
    }

    #[test]
    fn what_is_left_out_is_counted_and_the_best_is_not() {
        let text = trials_table(&search(), Score::Accuracy, Some(0), 1);
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(text.contains("\n  *3      0"), "{text}");
        assert!(text.ends_with("… and 2 more trials, 1 of them diverged\n"), "{text}");
        assert!(
            trials_table(&search(), Score::Accuracy, None, 3).ends_with("… and 1 more trial, 1 of them diverged\n")
        );
        assert!(trials_table(&search()[..2], Score::Accuracy, None, 1).ends_with("… and 1 more trial\n"));
        assert_eq!(trials_table(&[], Score::Accuracy, None, 5), "no trials\n");
    }

    #[test]
    fn lower_scores_win_where_they_should_and_undefined_ones_lose() {
        let of = |trial_number: u32, value: f64| trial(trial_number, &[], folds(&[value], Stopped::Complete));
        let results = [of(0, 3.0), of(1, f64::NAN), of(2, 1.0), of(3, 2.0)];
        let order = |score| ranked(&results, score, None).iter().map(|(_, one)| one.trial).collect::<Vec<_>>();
        assert_eq!(order(Score::Rmse), [2, 3, 0, 1]);
        assert_eq!(order(Score::R2), [0, 3, 2, 1]);
        assert_eq!(ranked(&results, Score::Rmse, None)[3].0, None);
    }

    #[test]
    fn without_validation_there_is_one_score() {
        let fold = || unvalidated(fold(0, Stopped::Early, 1, &[(0.5, 0.75), (0.25, 0.5)]));
        let results = [trial(7, &[("lr", number(0.5))], vec![fold()]), trial(9, &[("lr", number(0.25))], vec![fold()])];
        let text = trials_table(&results, Score::Accuracy, Some(7), 9);
        let head = text.lines().nth(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(head.as_deref(), Some("rank trial lr trained chosen loss accuracy ended"));
        assert!(text.contains("  *1      7   0.5        2       1    0.5000    0.7500  stopped early\n"), "{text}");
    }

    #[test]
    fn long_settings_do_not_widen_the_table() {
        let schedule = |n: u32| word(&format!("sequence(linear(from=0, to=1, over={n}), constant(), cooldown(20%))"));
        let of = |n: u32| trial(n, &[("schedule", schedule(n)), ("lr", number(0.1))], folds(&[0.5; 5], Stopped::Early));
        let text = trials_table(&[of(0), of(1)], Score::BalancedAccuracy, None, 5);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
