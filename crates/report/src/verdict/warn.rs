//! What a person should beware of, in plain sentences, and the commands to go on with.

use super::fitting::Fitting;
use super::rates::{Rates, of_one_kind, rate_of, tried};
use super::reading::schedule_of;
use super::{Finalist, Found, base, command, epochs_of, words};
use crate::label;
use crate::number;
use crate::warnings::diverged;
use opportune_core::judged::Paired;
use opportune_core::memory::mean_and_std;
use opportune_core::score::Score;
use opportune_core::stop::Stopped;

/// Fewer rows of training than this leave much to chance.
const FEW: usize = 100;
/// A class with a larger share than this is guessed by networks that learned nothing.
const LARGE: f64 = 0.8;
/// Where training runs away within this factor above the rate, the rate is not safe; room for rounding.
const CLOSE: f64 = 2.0 * 1.0001;

/// Warnings, and commands to go on with.
pub(crate) fn all(found: &Found, rates: &Rates, fitting: Fitting) -> (Vec<String>, Vec<String>) {
    let (mut warnings, mut next) = (Vec::new(), Vec::new());
    if found.model_rows.is_some() {
        next.push(format!("opportune predict {} NEW_DATA.csv", command::quoted(&found.out)));
    }
    let mut again = found.command.clone();
    if let Some(why) = &found.ended_early {
        warnings.push(format!("ended early ({why}): the answer rests on what was trained until then"));
    }
    if limit_reached(found, fitting) {
        let more = command::more_epochs(&found.command, found.limit);
        warnings.push(format!(
            "the best is at the limit of {}: more may be better still, --epochs {more}",
            label::counted(found.limit as usize, "epoch")
        ));
        again = command::with(&again, "--epochs", &more);
    }
    if let Some((rate, up)) = edge_reached(found, rates) {
        let more = command::more_rates(&found.command, rate, up);
        let (which, what) = if up { ("largest", "larger") } else { ("smallest", "smaller") };
        let rate = number::rate(rate);
        warnings.push(format!("the best rate {rate} is the {which} that was tried: try {what} ones too, --lr {more}"));
        again = command::with(&again, "--lr", &more);
    }
    if !found.command.is_empty() && (again != found.command || found.ended_early.is_some()) {
        next.push(again);
    }
    warnings.extend(unstable(found, rates));
    warnings.extend(challengers(found));
    if found.trials.len() > 1 {
        warnings.extend(diverged(&found.trials));
    }
    let failed = found.trials.iter().filter(|one| one.stopped() == Stopped::Failed).count();
    if failed > 0 {
        warnings.push(format!("{failed} of {} failed", label::counted(found.trials.len(), "trial")));
    }
    if found.training_rows < FEW {
        warnings.push(format!(
            "only {} to train on: scores of so few vary by chance, and so does which settings are best",
            label::counted(found.training_rows, "row")
        ));
    }
    warnings.extend(imbalance(found));
    warnings.extend(found.warnings.iter().cloned());
    (warnings, next)
}

/// Whether the lowest loss is at the largest number of epochs that was allowed.
fn limit_reached(found: &Found, fitting: Fitting) -> bool {
    if let Some(row) = found.epochs.as_ref().and_then(|table| table.rows.get(table.best)) {
        return row.epochs >= found.limit;
    }
    let several = found.space.param("epochs").is_some_and(|param| param.varies());
    let stopped = |found: &Found| {
        let folds = found.finalists.first().map(|one| one.result.folds.as_slice()).unwrap_or_default();
        folds.iter().any(|fold| fold.ending.stopped != Stopped::Complete)
    };
    epochs_of(found).is_some_and(|epochs| epochs >= found.limit)
        && !stopped(found)
        && (several || matches!(fitting, Fitting::TooShort { .. }))
}

/// The best rate, if it is the largest (`true`) or smallest of at least two that were tried and one beyond could train.
fn edge_reached(found: &Found, rates: &Rates) -> Option<(f64, bool)> {
    let base = base(found)?;
    let rate = rate_of(&base.config)?;
    let tried = tried(&of_one_kind(found, &base.config));
    let [first, .., last] = tried.as_slice() else { return None };
    // The next rate that would be tried is about twice this one.
    let room = rates.edge.is_none_or(|edge| edge > CLOSE * rate);
    if rate >= last.0 && room {
        return Some((rate, true));
    }
    (rate <= first.0).then_some((rate, false))
}

fn unstable(found: &Found, rates: &Rates) -> Option<String> {
    let rate = rate_of(&found.finalists.first()?.result.config)?;
    // It is above the rate of the constant run; that of another schedule may lie even above the edge.
    let edge = rates.edge.filter(|edge| *edge <= CLOSE * rate)?;
    let (rate, edge) = (number::rate(rate), number::rate(edge));
    Some(format!("the rate {rate} is close to where training runs away: {edge} diverged. A smaller one is safer"))
}

/// Candidates that are as good as the delivered one as far as can be told.
fn challengers(found: &Found) -> Vec<String> {
    let Some((best, others)) = found.finalists.split_first() else { return Vec::new() };
    let scores = |one: &Finalist| if one.confirmed.is_empty() { one.result.scores() } else { one.confirmed.clone() };
    let own = scores(best);
    let close = |other: &&Finalist| {
        let its = scores(other);
        if its.len() != own.len() || best.confirmed.is_empty() != other.confirmed.is_empty() {
            return false;
        }
        let paired = Paired::of(&own, &its);
        let ahead = if found.score.higher_is_better() { paired.mean } else { -paired.mean };
        paired.error.is_finite() && ahead <= paired.error
    };
    let said = |other: &Finalist| {
        let config = &other.result.config;
        let rate = rate_of(config).map_or(String::new(), |rate| format!(" with rate {}", number::rate(rate)));
        let mean = |one: &Finalist| number::score(mean_and_std(&scores(one)).0);
        format!(
            "{}{rate} is as good as far as can be told: {} {} against {}",
            words::schedule(&schedule_of(config)),
            label::score(found.score),
            mean(other),
            mean(best)
        )
    };
    others.iter().filter(close).map(said).collect()
}

fn imbalance(found: &Found) -> Option<String> {
    let share = found.largest_class.filter(|share| *share > LARGE && found.score == Score::Accuracy)?;
    let mean = mean_and_std(&match found.finalists.first()? {
        one if one.confirmed.is_empty() => one.result.scores(),
        one => one.confirmed.clone(),
    });
    let no_better = if mean.0 <= share { ", which is no worse than this network" } else { "" };
    Some(format!(
        "{} of the rows have the same label: always guessing it gives an accuracy of {}{no_better}. \
         Judge all labels alike with --score balanced_accuracy",
        number::short(100.0 * share, 3) + " %",
        number::score(share)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::super::{Fitting, Rates};
    use super::*;

    fn said(found: &Found) -> (Vec<String>, Vec<String>) {
        all(found, &Rates::of(found), Fitting::of(found))
    }

    fn has(found: &Found, text: &str) -> bool {
        said(found).0.iter().any(|one| one.contains(text))
    }

    #[test]
    fn the_limit_counts_where_the_best_row_is() {
        let mut found = at_the_limit();
        assert!(has(&found, "at the limit of 13 epochs"));
        assert_eq!(said(&found).1[1], "opportune tune digits.csv --epochs=..26 --test 0.2");
        found.limit = 14;
        assert!(!has(&found, "at the limit") && said(&found).1.len() == 1);
        assert!(has(&grid(), "--epochs 50,100,200"));
    }

    #[test]
    fn nothing_is_predicted_without_a_model() {
        let again = "opportune tune digits.csv --test 0.2 --epochs ..144".to_string();
        let late = Found { ended_early: Some("the time was up".into()), ..ordinary() };
        assert_eq!(said(&late).1, ["opportune predict opportune-out/digits NEW_DATA.csv".to_string(), again.clone()]);
        assert_eq!(said(&ended_early()).1, [again]);
    }

    #[test]
    fn the_edge_counts_unless_training_runs_away_beyond_it() {
        assert!(has(&of_rates(&[0.001, 0.002, 0.004], 2), "the largest that was tried"));
        assert!(has(&of_rates(&[0.004, 0.008, 0.016], 0), "the smallest that was tried"));
        assert!(!has(&of_rates(&[0.002, 0.004, 0.008], 1), "that was tried"));
        assert!(!has(&of_rates(&[0.004], 0), "that was tried"));
        let mut found = of_rates(&[0.001, 0.002, 0.004, 0.008], 2);
        found.trials[3] = SHAPE.gone(3, &settings(0.008, 55), 0.008, 2);
        assert!(!has(&found, "that was tried") && has(&found, "close to where training runs away: 0.008"));
    }

    #[test]
    fn challengers_failures_and_imbalance() {
        let mut found = ordinary();
        assert!(has(&found, "cosine with rate 0.006 is as good") && !has(&found, "rate 0.002"));
        found.finalists[1].confirmed.iter_mut().for_each(|score| *score -= 0.1);
        assert!(!has(&found, "cosine"));
        found.trials[0].folds[0].ending.stopped = Stopped::Failed;
        assert!(has(&found, "1 of 9 trials failed") && has(&found, "1 of 9 trials diverged"));
        found.largest_class = Some(0.85);
        assert!(has(&found, "85 % of the rows have the same label") && !has(&found, "no worse"));
        found.score = Score::BalancedAccuracy;
        assert!(!has(&found, "same label"));
        found.training_rows = 99;
        assert!(has(&found, "only 99 rows"));
    }

    #[test]
    fn a_schedule_above_the_edge_is_not_safe() {
        let mut found = diverged_neighbour();
        found.finalists.swap(0, 1);
        assert!(has(&found, "the rate 0.006 is close to where training runs away: 0.008 diverged"));
        found.trials[4] = SHAPE.gone(4, &settings(0.005, 144), 0.005, 3);
        assert!(has(&found, "the rate 0.006 is close to where training runs away: 0.005 diverged"));
    }

    #[test]
    fn without_anything_there_is_nothing_to_say() {
        let empty = Found { trials: vec![], finalists: vec![], epochs: None, range_test: None, ..ordinary() };
        assert_eq!(said(&empty), (vec![], vec!["opportune predict opportune-out/digits NEW_DATA.csv".to_string()]));
    }
}
