//! Every fold of every trial as a row of a CSV file.

use crate::setting;
use opportune_core::memory::TrialResult;
use opportune_core::observation::Observation;
use opportune_core::score::Score;

/// One row for each trial and fold, after a row of names.
///
/// Columns: `trial`; one for each setting of any trial; `fold` (from 0; empty where there is no validation),
/// `epochs_trained`, `chosen_epoch` (the one that counts), `stopped` (why it ended), `score` (the score's name), and at the
/// chosen epoch `train_loss`, `train_score`, `validation_loss`, `validation_score`. Numbers have all their digits; what
/// is not finite or not there is an empty cell. RFC 4180 with line feeds.
pub fn trials_csv(results: &[TrialResult], score: Score) -> String {
    let names = setting::names(results);
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let header = ["fold", "epochs_trained", "chosen_epoch", "stopped", "score"];
    let values = ["train_loss", "train_score", "validation_loss", "validation_score"];
    let head = ["trial"].into_iter().chain(names.iter().map(String::as_str)).chain(header).chain(values);
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_string).collect()];
    for result in results {
        for fold in &result.folds {
            let at = |value: fn(&Observation) -> Option<f64>| {
                fold.chosen()
                    .and_then(value)
                    .filter(|value| value.is_finite())
                    .map_or(String::new(), |v| format!("{v:?}"))
            };
            let mut row = vec![result.trial.to_string()];
            row.extend(names.iter().map(|name| setting::text(result, name)));
            row.push(fold.ending.part.fold().map_or(String::new(), |fold| fold.to_string()));
            row.extend([fold.ending.epochs.to_string(), fold.ending.chosen.to_string()]);
            row.extend([fold.ending.stopped.to_string(), score.to_string()]);
            row.extend([at(|one| Some(one.train_loss)), at(|one| Some(one.train_score))]);
            row.extend([at(|one| one.validation.map(|v| v.loss)), at(|one| one.validation.map(|v| v.score))]);
            rows.push(row);
        }
    }
    let written = rows.iter().try_for_each(|row| writer.write_record(row));
    let bytes =
        written.map_err(|error| error.to_string()).and_then(|()| writer.into_inner().map_err(|e| e.to_string()));
    // Rows have equal lengths and memory takes every write, so neither step can fail.
    String::from_utf8_lossy(&bytes.expect("rows of equal length, written to memory")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{fold, number, trial, unvalidated, word};
    use opportune_core::space::Value;
    use opportune_core::stop::Stopped;

    #[test]
    fn one_row_for_each_fold() {
        let folds = vec![
            fold(0, Stopped::Complete, 1, &[(1e-7, 0.5), (0.25, 0.75)]),
            fold(1, Stopped::Diverged, 2, &[(1.0, 0.5), (f64::NAN, f64::NAN)]),
        ];
        let config = [("lr", number(1e-4)), ("hidden", Value::Layers(vec![50, 50])), ("optimizer", word("a \"b\", c"))];
        let results = [
            trial(0, &config, folds),
            trial(1, &[("lr", number(0.1))], vec![unvalidated(fold(0, Stopped::Early, 1, &[(0.5, 0.25)]))]),
        ];
        assert_eq!(
            trials_csv(&results, Score::Accuracy),
            "trial,hidden,optimizer,lr,fold,epochs_trained,chosen_epoch,stopped,score,train_loss,train_score,\
             validation_loss,validation_score\n\
             0,\"50,50\",\"a \"\"b\"\", c\",1e-4,0,2,1,complete,accuracy,1e-7,0.5,1.1e-7,0.5\n\
             0,\"50,50\",\"a \"\"b\"\", c\",1e-4,1,2,2,diverged,accuracy,,,,\n\
             1,,,0.1,,1,1,early,accuracy,0.5,0.25,,\n"
        );
    }

    #[test]
    fn no_trials_leave_the_names() {
        let text = trials_csv(&[], Score::Rmse);
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with("trial,fold,epochs_trained,"));
    }
}
