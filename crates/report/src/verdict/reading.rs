//! The verdict as plain values: everything that is said of a search, in words or as a picture.

use super::fitting::{Fitting, gap};
use super::mattered::{Mattered, mattered, text};
use super::rates::{Rates, rate_of};
use super::{Cost, Finalist, Found, epochs_of_result as epochs_of, trained, warn, words};
use crate::label;
use crate::number;
use opportune_core::memory::{TrialResult, mean_and_std};
use opportune_core::score::Score;
use opportune_core::space::Config;
use opportune_core::stop::Stopped;

/// Everything that is said of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Name of the study.
    pub study: String,
    /// In one sentence: with which learning rate, schedule and number of epochs to train.
    pub headline: String,
    /// The settings that are delivered.
    pub best: Config,
    /// Their learning rate; `None` where the schedule has rates of its own.
    pub rate: Option<f64>,
    /// Their schedule, as text.
    pub schedule: String,
    /// Their number of epochs.
    pub epochs: u32,
    /// The largest number of epochs that was allowed.
    pub limit: u32,
    /// Number of trials that were searched among.
    pub trials: usize,
    /// How good they are.
    pub score: Judged,
    /// In words: `5 folds`, or `2000 validation rows`.
    pub judged_by: String,
    /// Rows that the final model was trained on; `None` if there is none.
    pub model_rows: Option<usize>,
    /// Rows of the test set, and the score on them.
    pub test: Option<(usize, f64)>,
    /// Which learning rates train, and what others than the chosen one would cost.
    pub rates: Rates,
    /// Whether more epochs overfit, or fewer would have been too few.
    pub fitting: Fitting,
    /// Training and validation loss of what is delivered, where they are more than a factor of 2 apart.
    pub gap: Option<(f64, f64)>,
    /// Which of several settings mattered, those that did most first.
    pub mattered: Vec<Mattered>,
    /// The candidates for delivery: the delivered one, then the others.
    pub finalists: Vec<Compared>,
    /// What can be had within a number of epochs, where that was asked.
    pub table: Vec<EpochsLine>,
    /// What it took.
    pub cost: Cost,
    /// Why it ended before its time.
    pub ended_early: Option<String>,
    /// In plain sentences.
    pub warnings: Vec<String>,
    /// Commands to go on with, the likeliest first.
    pub next: Vec<String>,
}

/// How good the delivered settings are.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What is judged by.
    pub name: Score,
    /// Mean over folds, or the score of all rows of a single split; not finite where it is not defined.
    pub mean: f64,
    /// Sample standard deviation over folds, or standard error over blocks of rows; `None` of a single value.
    pub std: Option<f64>,
    /// Each of them.
    pub values: Vec<f64>,
    /// What they are.
    pub over: Over,
    /// Whether they were measured again, with a seed that the search did not see.
    pub confirmed: bool,
    /// Whether the rows were divided anew for that; else on the folds or validation rows of the search.
    pub divided_anew: bool,
    /// The mean on the folds of the search.
    pub search: f64,
}

/// What scores are a mean over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Folds.
    Folds,
    /// Blocks of the rows of a single split.
    Blocks,
    /// All rows of a single split.
    One,
}

/// A candidate for delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Number of its trial.
    pub trial: u32,
    /// Its schedule, as text.
    pub schedule: String,
    /// Its learning rate; `None` where the schedule has rates of its own.
    pub rate: Option<f64>,
    /// Its epochs.
    pub epochs: u32,
    /// Its other settings that differ among the candidates, in words.
    pub others: String,
    /// Mean score on the folds of the search.
    pub search_score: f64,
    /// Mean score of the confirmation; `None` without one.
    pub score: Option<f64>,
    /// Its standard deviation over folds or blocks.
    pub std: Option<f64>,
}

/// What can be had within a number of epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochsLine {
    /// Within so many.
    pub epochs: u32,
    /// The trial with the lowest loss.
    pub trial: u32,
    /// Its learning rate.
    pub rate: Option<f64>,
    /// Its other settings that differ among the lines, as name and value.
    pub others: Vec<(String, String)>,
    /// Its loss.
    pub loss: f64,
    /// Its score.
    pub score: f64,
    /// Whether it is as good as the best line, as far as can be told.
    pub as_good: bool,
    /// Whether it is the first of those.
    pub recommended: bool,
    /// Whether its loss is the lowest.
    pub best: bool,
}

/// The schedule of a config as text.
pub(crate) fn schedule_of(config: &Config) -> String {
    config.get("schedule").and_then(|value| value.text()).unwrap_or("constant").to_string()
}

impl Verdict {
    /// Reads the verdict off what was found; `None` if nothing can be delivered.
    pub fn of(found: &Found) -> Option<Verdict> {
        let best = found.finalists.first()?;
        let config = &best.result.config;
        let rates = Rates::of(found);
        let fitting = Fitting::of(found);
        let (warnings, next) = warn::all(found, &rates, fitting);
        Some(Verdict {
            study: found.study.clone(),
            headline: headline(found, &best.result),
            best: config.clone(),
            rate: rate_of(config),
            schedule: schedule_of(config),
            epochs: super::epochs_of(found)?,
            limit: found.limit,
            trials: found.trials.len(),
            score: Judged::of(best, found),
            judged_by: found.judged_by.clone(),
            model_rows: found.model_rows,
            test: found.test.map(|score| (found.test_rows, score)),
            rates,
            fitting,
            gap: gap(found),
            mattered: mattered(found),
            finalists: compared(found),
            table: table(found),
            cost: found.cost,
            ended_early: found.ended_early.clone(),
            warnings,
            next,
        })
    }
}

/// Mean and spread of a finalist's scores, and what they are over: the sample standard deviation over folds, or the
/// standard error over blocks of the rows of a single split, whose own spread would say little.
fn spread(finalist: &Finalist) -> (f64, Option<f64>, Vec<f64>, Over) {
    let confirmed = !finalist.confirmed.is_empty();
    let values = if confirmed { finalist.confirmed.clone() } else { finalist.result.scores() };
    let over = match (finalist.result.folds.len(), values.len()) {
        (_, 1) => Over::One,
        (1, _) => Over::Blocks,
        _ => Over::Folds,
    };
    let (mean, std) = mean_and_std(&values);
    let n = (values.len() as f64).sqrt();
    let std = std.filter(|std| std.is_finite()).map(|std| if over == Over::Blocks { std / n } else { std });
    (finalist.whole.filter(|_| confirmed).unwrap_or(mean), std, values, over)
}

impl Judged {
    fn of(best: &Finalist, found: &Found) -> Judged {
        let (mean, std, values, over) = spread(best);
        let (confirmed, search) = (!best.confirmed.is_empty(), best.result.score());
        let divided_anew = confirmed && found.divided_anew;
        Judged { name: found.score, mean, std, values, over, confirmed, divided_anew, search }
    }

    /// What it was confirmed on where the rows were not divided anew.
    pub(crate) fn same_rows(&self) -> &'static str {
        if self.over == Over::Folds { "the same folds" } else { "the same validation rows" }
    }
}

/// The settings besides rate, schedule and epochs of which there was a choice, as they were chosen: `hidden 50,50`.
fn choices(found: &Found, config: &Config) -> Vec<String> {
    let params = found.space.0.iter().filter(|param| param.varies());
    let others = params.filter(|param| !["lr", "schedule", "epochs"].contains(&param.name.as_str()));
    others.filter_map(|param| config.get(&param.name).map(|value| format!("{} {}", param.name, text(value)))).collect()
}

fn headline(found: &Found, best: &TrialResult) -> String {
    let config = &best.config;
    let mut parts = choices(found, config);
    parts.extend(rate_of(config).map(|rate| format!("learning rate {}", number::rate(rate))));
    let schedule = words::schedule(&schedule_of(config));
    let plain = schedule.starts_with("constant") || schedule == "cosine";
    parts.push(if plain { schedule } else { format!("schedule {schedule}") });
    let epochs = label::counted(epochs_of(best) as usize, "epoch");
    let cut = best.folds.iter().any(|fold| matches!(fold.ending.stopped, Stopped::Early | Stopped::Converged));
    let whole = best.config.get("epochs").and_then(|value| value.count()).filter(|whole| *whole > trained(best));
    let of = match whole.filter(|_| !cut) {
        Some(whole) => format!(" of the {whole} that the schedule is made for"),
        None => String::new(),
    };
    format!("Train with {}, for {}{epochs}{of}.", parts.join(", "), if cut { "at most " } else { "" })
}

fn compared(found: &Found) -> Vec<Compared> {
    let results: Vec<TrialResult> = found.finalists.iter().map(|one| one.result.clone()).collect();
    let varying: Vec<String> = match results.as_slice() {
        [] => Vec::new(),
        all => crate::setting::varying(all).into_iter().filter(|name| !KNOWN.contains(&name.as_str())).collect(),
    };
    let one = |finalist: &Finalist| {
        let result = &finalist.result;
        let confirmed = Some(spread(finalist)).filter(|_| !finalist.confirmed.is_empty());
        let other = |name: &String| result.config.get(name).map(|value| format!("{name} {}", text(value)));
        Compared {
            trial: result.trial,
            schedule: schedule_of(&result.config),
            rate: rate_of(&result.config),
            epochs: epochs_of(result),
            others: varying.iter().filter_map(other).collect::<Vec<_>>().join(", "),
            search_score: result.score(),
            score: confirmed.as_ref().map(|(mean, ..)| *mean),
            std: confirmed.and_then(|(_, std, ..)| std),
        }
    };
    found.finalists.iter().map(one).collect()
}

/// Settings that tables have columns of their own for.
const KNOWN: [&str; 3] = ["lr", "epochs", "schedule"];

fn table(found: &Found) -> Vec<EpochsLine> {
    let Some(table) = &found.epochs else { return Vec::new() };
    let trial = |number: u32| found.trials.iter().find(|one| one.trial == number);
    let winners: Vec<TrialResult> = table.rows.iter().filter_map(|row| trial(row.trial).cloned()).collect();
    let varying = if winners.is_empty() { Vec::new() } else { crate::setting::varying(&winners) };
    let names: Vec<String> = varying.into_iter().filter(|name| !KNOWN.contains(&name.as_str())).collect();
    let line = |(place, row): (usize, &opportune_core::epochs::EpochsRow)| {
        let config = trial(row.trial).map(|one| &one.config);
        let other = |name: &String| (name.clone(), config.and_then(|one| one.get(name)).map(text).unwrap_or_default());
        EpochsLine {
            epochs: row.epochs,
            trial: row.trial,
            rate: config.and_then(rate_of),
            others: names.iter().map(other).collect(),
            loss: row.loss,
            score: row.score,
            as_good: row.as_good(),
            recommended: place == table.recommended,
            best: place == table.best,
        }
    };
    table.rows.iter().enumerate().map(line).collect()
}
