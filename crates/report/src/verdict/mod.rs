//! The verdict of a search: what was found, and reasons to believe it.

mod command;
mod fitting;
mod json;
mod mattered;
mod picture;
mod rates;
mod reading;
mod text;
mod warn;
mod words;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod text_tests;

pub use fitting::Fitting;
pub use mattered::Mattered;
pub use picture::verdict_svg;
pub(crate) use picture::{dot, upright};
pub use rates::{Neighbour, Outcome, Rates};
pub use reading::{Compared, EpochsLine, Judged, Over, Verdict};
pub use text::{overtaken, verdict_text};
pub(crate) use words::wrapped;

use opportune_core::epochs::EpochsTable;
use opportune_core::memory::TrialResult;
use opportune_core::range_test::RangeTest;
use opportune_core::score::Score;
use opportune_core::space::{Config, Space};
use opportune_core::stop::Stopped;

/// Everything a verdict is read off: what a search found, as it is stored.
#[derive(Debug, Clone)]
pub struct Found {
    /// Name of the study.
    pub study: String,
    /// What is judged by.
    pub score: Score,
    /// In words: `5 folds`, or `2000 validation rows`.
    pub judged_by: String,
    /// What was searched over. A rate that the range test bracketed has no parameter there.
    pub space: Space,
    /// The largest number of epochs that was allowed.
    pub limit: u32,
    /// Of the first network and optimizer; `None` where the rates were given.
    pub range_test: Option<RangeTest>,
    /// The trials that were searched among: in the default search runs of constant rate, each as far as it was trained.
    /// Their configs ask for `limit` epochs; one that has fewer waits there, diverged or failed.
    pub trials: Vec<TrialResult>,
    /// The answer for every number of epochs, where the trials are runs of constant rate.
    pub epochs: Option<EpochsTable>,
    /// Best first: the one that is delivered, then the others.
    pub finalists: Vec<Finalist>,
    /// Whether the rows were divided anew for the confirmation. Folds and validation rows that are given serve for it as
    /// well, with another seed.
    pub divided_anew: bool,
    /// Rows of training in each fold, at least.
    pub training_rows: usize,
    /// Rows that the final model was trained on; `None` if there is none, as where the search was interrupted before.
    pub model_rows: Option<usize>,
    /// Rows of the test set; 0 if there is none.
    pub test_rows: usize,
    /// Score on the test rows.
    pub test: Option<f64>,
    /// What it took.
    pub cost: Cost,
    /// Largest share of rows with one label; `None` for numbers.
    pub largest_class: Option<f64>,
    /// Why it ended before its time, in words: `interrupted`, `the time was up`.
    pub ended_early: Option<String>,
    /// Warnings that were given while it was at work.
    pub warnings: Vec<String>,
    /// The command as typed, for those that go on from here.
    pub command: String,
    /// Where its files are.
    pub out: String,
}

/// A candidate for delivery: a schedule with its rate and number of epochs.
#[derive(Debug, Clone)]
pub struct Finalist {
    /// On the folds of the search: its whole curve; the last epoch counts.
    pub result: TrialResult,
    /// Scores of the confirmation, by fold (or by block of rows of a single split); empty if
    /// nothing was confirmed.
    pub confirmed: Vec<f64>,
    /// Where those are of blocks: the score of all their rows together.
    pub whole: Option<f64>,
    /// The trial that it left, and after how many epochs, where it is the cooldown of one.
    pub from: Option<(u32, u32)>,
}

/// What a search took, in fold-epochs (one fold, one epoch).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Of the range test.
    pub range_test: u64,
    /// Of the trials that were searched among.
    pub search: u64,
    /// Of finalists, beyond what they share with the search.
    pub forks: u64,
    /// Of the confirmation.
    pub confirmation: u64,
    /// Of the final model.
    pub refit: u64,
    /// Of final models of settings that did not keep the lead: begun before the last trials had ended, on a core that would
    /// have waited soon. How many depends on the machine, so they are told beside what the search itself took.
    pub overtaken: u64,
    /// More that were needed and came for nothing, because trials have them in common.
    pub shared: u64,
    /// What every candidate on every fold up to the limit of epochs would have cost.
    pub full_grid: u64,
    /// Wall-clock time.
    pub seconds: f64,
}

impl Cost {
    /// All that the search took: the same for the same study.
    pub fn trained(&self) -> u64 {
        self.range_test + self.search + self.forks + self.confirmation + self.refit
    }
}

impl Found {
    /// The one that is delivered.
    pub fn best(&self) -> Option<&Config> {
        self.finalists.first().map(|one| &one.result.config)
    }
}

/// The trial whose curve the reasons are read off: the run of constant rate that the delivered schedule left, or the
/// delivered trial itself as it was searched; of a schedule that was trained from its start, the run of constant rate
/// that the table of epochs recommends.
fn base(found: &Found) -> Option<&TrialResult> {
    let best = found.finalists.first()?;
    let trial = |number: u32| found.trials.iter().find(|one| one.trial == number);
    if let Some(trunk) = best.from.and_then(|(number, _)| trial(number)) {
        return Some(trunk);
    }
    // The same but for its epochs, of which only the best ones may be delivered.
    let alike = |one: &&TrialResult| match one.config.get("epochs") {
        Some(epochs) => one.config == best.result.config.with("epochs", epochs.clone()),
        None => one.config == best.result.config,
    };
    if let Some(same) = trial(best.result.trial).filter(alike) {
        return Some(same);
    }
    let recommended = found.epochs.as_ref().and_then(|table| table.rows.get(table.recommended));
    recommended.and_then(|row| trial(row.trial)).or(Some(&best.result))
}

/// The number of epochs that is delivered.
fn epochs_of(found: &Found) -> Option<u32> {
    found.finalists.first().map(|one| epochs_of_result(&one.result))
}

/// Epochs of a trial: those it asks for, or those it came to if it was put down before.
fn epochs_of_result(result: &TrialResult) -> u32 {
    let asked = result.config.get("epochs").and_then(|value| value.count());
    let cut = result.folds.iter().any(|fold| fold.ending.stopped != Stopped::Complete);
    match asked {
        Some(asked) if cut || trained(result) == 0 => asked,
        Some(asked) => asked.min(trained(result)),
        None => trained(result),
    }
}

/// The most epochs that a fold of a trial came to.
fn trained(result: &TrialResult) -> u32 {
    result.folds.iter().map(|fold| fold.ending.epochs).max().unwrap_or(0)
}
