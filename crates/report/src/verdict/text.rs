//! The verdict as text for the terminal.

use super::Cost;
use super::fitting::Fitting;
use super::mattered::Mattered;
use super::rates::{Neighbour, Outcome};
use super::reading::{Over, Verdict};
use super::words::{capital, counted, delivered, duration, grouped, percent, schedule, wrapped};
use crate::columns::{Column, lay_out};
use crate::label;
use crate::number;

/// Of a line at most, but for commands and tables of long settings.
const WIDTH: usize = 100;

/// The verdict for the terminal: what to train with, how good that is, why this is believed, the table of epochs, what
/// it took, what to beware of, and what to do next.
///
/// Lines have at most 100 characters, except for commands (which are not broken, so that they can be copied) and long
/// settings in tables. Ends in a line feed. A number that is not finite is `-`.
pub fn verdict_text(verdict: &Verdict) -> String {
    let mut text = format!("{}\n\n", wrapped(&verdict.headline, WIDTH, 0));
    for sentence in score(verdict) {
        text += &format!("{}\n", wrapped(&sentence, WIDTH, 0));
    }
    let reasons = reasons(verdict);
    if !reasons.is_empty() {
        text += "\nWhy\n";
        let width = reasons.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, sentence) in reasons {
            text += &format!("  {label:<width$}  {}\n", wrapped(&sentence, WIDTH - width - 4, width + 4));
        }
    }
    text += &schedules(verdict);
    text += &epochs(verdict);
    text += "\nCost\n";
    for line in cost(verdict) {
        text += &format!("  {}\n", wrapped(&line, WIDTH - 2, 2));
    }
    if !verdict.warnings.is_empty() {
        text += "\nWarnings\n";
        for warning in &verdict.warnings {
            text += &format!("  - {}\n", wrapped(warning, WIDTH - 4, 4));
        }
    }
    if !verdict.next.is_empty() {
        text += "\nNext\n";
        for command in &verdict.next {
            text += &format!("  {command}\n");
        }
    }
    text
}

/// Mean and spread of the score, as far as there are: `0.9774 ± 0.0063 over 5 folds`.
pub(crate) fn score_and_spread(verdict: &Verdict) -> String {
    let score = &verdict.score;
    let spread = score.std.map_or(String::new(), |std| format!(" ± {}", number::score(std)));
    let over = match score.over {
        Over::Folds => format!(" over {}", counted(score.values.len(), "fold")),
        Over::Blocks => format!(" (standard error over {} blocks of rows)", score.values.len()),
        Over::One => String::new(),
    };
    format!("{} {}{spread}{over}", label::score(score.name), number::score(score.mean))
}

fn score(verdict: &Verdict) -> Vec<String> {
    let score = &verdict.score;
    let said = capital(&score_and_spread(verdict));
    let mut lines = vec![if score.confirmed {
        let search = number::score(score.search);
        let on = if score.divided_anew { "a new division of the rows" } else { score.same_rows() };
        format!("{said}, confirmed on {on} with another seed ({search} in the search).")
    } else {
        let flattered = if verdict.trials > 1 { "; the best of several looks better than it is" } else { "" };
        format!("{said}, measured in the search and not confirmed{flattered}.")
    }];
    if let Some((rows, test)) = verdict.test {
        let (name, test) = (label::score(score.name), number::score(test));
        let rows = counted(rows, "row");
        lines.push(format!("Test: {name} {test} on {rows} that were set aside and scored once."));
    }
    lines
}

fn reasons(verdict: &Verdict) -> Vec<(String, String)> {
    let mut reasons = Vec::new();
    let mut add = |label: &str, sentence: String| reasons.push((label.to_string(), sentence));
    let rates = &verdict.rates;
    if let Some(sentence) = stable(verdict) {
        add("stable rates", sentence);
    }
    if let Some(rate) = rates.of {
        let constant = verdict.rate.is_some_and(|delivered| delivered != rate);
        let of = if constant { format!("of the constant rate {}: ", number::rate(rate)) } else { String::new() };
        let said = |one: &Option<Neighbour>, rate: f64| format!("{of}{}", neighbour(verdict, one.as_ref(), rate));
        add("half the rate", said(&rates.half, rate * 0.5));
        add("twice the rate", said(&rates.twice, rate * 2.0));
    }
    add("epochs", fitting(verdict.fitting));
    if let Some((training, validation)) = verdict.gap {
        let (training, validation) = (number::loss(training), number::loss(validation));
        add(
            "training rows",
            format!(
                "the loss is {training} on training rows and {validation} on others: the network knows the former \
                 much better. More rows, --l2 or a smaller network may help."
            ),
        );
    }
    verdict.mattered.iter().for_each(|one| add(&one.name, mattered(one)));
    reasons
}

fn stable(verdict: &Verdict) -> Option<String> {
    let rates = &verdict.rates;
    let test = rates.steps.map(|steps| {
        let network = if rates.other_network { " with the first of the settings" } else { "" };
        format!(" (range test of {}{network})", counted(steps as usize, "step"))
    });
    let test = test.unwrap_or_default();
    let trained = rates.stable.map(|(low, high)| {
        let (low, high) = (number::rate(low), number::rate(high));
        if low == high { format!("only {low} trains{test}") } else { format!("{low} to {high} train{test}") }
    });
    let edge = match (rates.edge.map(number::rate), rates.edge_trained) {
        (Some(edge), true) => format!("a trial with {edge} diverged: its loss ran away"),
        (Some(edge), false) => format!("at {edge} the loss runs away"),
        (None, _) => "no larger rate that was tried diverged".to_string(),
    };
    match (trained, rates.edge) {
        (Some(trained), _) => Some(format!("{trained}; {edge}.")),
        (None, Some(_)) => Some(format!("{edge}.")),
        (None, None) => None,
    }
}

fn neighbour(verdict: &Verdict, one: Option<&Neighbour>, wanted: f64) -> String {
    let Some(Neighbour { rate, outcome }) = one else {
        return format!("unknown, as no rate near {} was trained.", number::rate(wanted));
    };
    let rate = number::rate(*rate);
    match *outcome {
        Outcome::Diverged { epoch } => format!("{rate} diverged in epoch {epoch}."),
        Outcome::Trained { epochs, loss, score, beyond_chance } => {
            let name = label::score(verdict.score.name);
            let after = match epochs < verdict.epochs {
                true => format!(" after {epochs} of the {}", counted(verdict.epochs as usize, "epoch")),
                false => format!(" after {}", counted(epochs as usize, "epoch")),
            };
            let loss = change(loss, 5e-4, percent(loss)).map(|text| format!("the loss is {text}{after}"));
            let score = change(score, 5e-5, number::score(score.abs()));
            let both = match (loss, score) {
                (Some(loss), Some(score)) => format!("{loss}, {name} {score}"),
                (Some(loss), None) => loss,
                (None, Some(score)) => format!("{name} is {score}{after}"),
                (None, None) => return "unknown, as its losses are not finite.".to_string(),
            };
            let chance = if beyond_chance == Some(false) { "; that may be chance" } else { "" };
            format!("with {rate} {both}{chance}.")
        }
    }
}

/// A difference in words, the same if it is below `least`; `None` where it is not finite.
fn change(value: f64, least: f64, text: String) -> Option<String> {
    match value {
        value if !value.is_finite() => None,
        value if value.abs() < least => Some("the same".to_string()),
        value => Some(format!("{text} {}", if value > 0.0 { "higher" } else { "lower" })),
    }
}

fn fitting(fitting: Fitting) -> String {
    match fitting {
        Fitting::Overfits { epoch, lowest, end, until } => {
            let (lowest, end) = (number::loss(lowest), number::loss(end));
            format!(
                "the validation loss rises again after epoch {epoch} (from {lowest} to {end} at epoch {until}): \
                 the network overfits from there."
            )
        }
        Fitting::TooShort { epoch } => {
            format!("the validation loss was still falling at epoch {epoch}, the limit: train longer.")
        }
        Fitting::Settled { epoch } => format!("the validation loss settled around epoch {epoch}; it does not overfit."),
        Fitting::Unknown { falling: Some(epoch) } => {
            format!("the validation loss was still falling at epoch {epoch}, where this rate was paused.")
        }
        Fitting::Unknown { falling: None } => "too few were trained to tell whether more would overfit.".to_string(),
    }
}

fn mattered(one: &Mattered) -> String {
    let (Some((best, _)), Some((worst, _))) = (one.values.first(), one.values.last()) else { return String::new() };
    let after = counted(one.epochs as usize, "epoch");
    let more = match one.gap.is_finite() {
        true => format!("{} more loss", percent(one.gap)),
        false => "more loss".to_string(),
    };
    let error = one.error.map_or(String::new(), |error| format!(" (± {})", percent(error)));
    let mut text = match one.beyond_chance {
        Some(true) => {
            format!("matters: after {after} the best with {worst} has {more} than the best with {best}{error}")
        }
        Some(false) => {
            format!("no difference beyond chance: after {after} {worst} has {more} than {best} at its best{error}")
        }
        None => format!("after {after} the best with {worst} has {more} than the best with {best}"),
    };
    if !one.without.is_empty() {
        text += &format!("; no trial with {} got through an epoch", one.without.join(", "));
    }
    text + "."
}

fn schedules(verdict: &Verdict) -> String {
    let all = &verdict.finalists;
    if all.len() < 2 {
        return String::new();
    }
    let cells = |text: &dyn Fn(&super::Compared) -> String| all.iter().map(text).collect::<Vec<String>>();
    let confirmed = |one: &super::Compared| match (one.score, one.std) {
        (Some(mean), Some(std)) => format!("{} ± {}", number::score(mean), number::score(std)),
        (Some(mean), None) => number::score(mean),
        _ => number::NONE.to_string(),
    };
    let mut columns = vec![Column::words("  schedule", cells(&|one| format!("  {}", schedule(&one.schedule))), true)];
    if all.iter().any(|one| !one.others.is_empty()) {
        columns.push(Column::words("settings", cells(&|one| one.others.clone()), true));
    }
    columns.push(Column::numbers("", "rate", cells(&|one| one.rate.map_or(number::NONE.to_string(), number::rate))));
    columns.push(Column::numbers("", "epochs", cells(&|one| one.epochs.to_string())));
    columns.push(Column::numbers("", "in the search", cells(&|one| number::score(one.search_score))));
    if all.iter().any(|one| one.score.is_some()) {
        columns.push(Column::numbers("", "confirmed", cells(&confirmed)));
    }
    let mut marks = vec![String::new(); all.len()];
    marks[0] = delivered(verdict.model_rows).to_string();
    columns.push(Column::words("", marks, false));
    format!("\nFinalists compared, by {}\n{}", label::score(verdict.score.name), lay_out(columns))
}

fn epochs(verdict: &Verdict) -> String {
    let rows = &verdict.table;
    if rows.is_empty() {
        return String::new();
    }
    let cells = |text: &dyn Fn(&super::EpochsLine) -> String| rows.iter().map(text).collect::<Vec<String>>();
    let mut columns = vec![Column::numbers("", "  epochs", cells(&|one| one.epochs.to_string()))];
    for (place, (name, _)) in rows[0].others.iter().enumerate() {
        let value = |one: &super::EpochsLine| one.others.get(place).map(|(_, v)| v.clone()).unwrap_or_default();
        columns.push(Column::words(name, cells(&value), true));
    }
    columns.push(Column::numbers("", "rate", cells(&|one| one.rate.map_or(number::NONE.to_string(), number::rate))));
    columns.push(Column::numbers("", "loss", cells(&|one| number::loss(one.loss))));
    columns.push(Column::numbers("", label::score(verdict.score.name), cells(&|one| number::score(one.score))));
    let mark = |one: &super::EpochsLine| match (one.recommended, one.best, one.as_good) {
        (true, true, _) => "recommended: the best".to_string(),
        (true, false, _) => "recommended: the fewest that are as good as the best".to_string(),
        (false, true, _) => "best".to_string(),
        (false, false, true) => "as good as the best".to_string(),
        (false, false, false) => String::new(),
    };
    columns.push(Column::words("", cells(&mark), false));
    let head = "What can be had within so many epochs, at a constant rate";
    let beyond = beyond(verdict).map_or(String::new(), |why| format!("  {}\n", wrapped(&why, WIDTH - 2, 2)));
    format!("\n{head}\n{}{beyond}", lay_out(columns))
}

/// Why the table ends before the limit of epochs.
fn beyond(verdict: &Verdict) -> Option<String> {
    let [.., before, last] = verdict.table.as_slice() else { return None };
    if last.epochs >= verdict.limit || verdict.ended_early.is_some() {
        return None;
    }
    let fell = 100.0 * (before.loss - last.loss) / before.loss.abs();
    let how = match number::short(fell, 2) {
        fell if fell == number::NONE || fell == "0" || fell.starts_with('-') => "did not fall any more".to_string(),
        fell => format!("fell by {fell} %, too little for what the next step would cost"),
    };
    Some(format!(
        "longer runs, up to {}, were not tried: from {} to {} epochs the lowest loss {how}",
        verdict.limit, before.epochs, last.epochs
    ))
}

/// What was trained, item by item: the same for the same study, however long it took.
pub(crate) fn trained(cost: &Cost, took: &str) -> String {
    let items = [
        ("range test", cost.range_test),
        ("search", cost.search),
        ("schedules", cost.forks),
        ("confirmation", cost.confirmation),
        ("final model", cost.refit),
    ];
    let items: Vec<String> =
        items.iter().filter(|item| item.1 > 0).map(|(name, count)| format!("{name} {}", grouped(*count))).collect();
    let each = if items.is_empty() { String::new() } else { format!(": {}", items.join(", ")) };
    format!("{} fold-epochs trained (one fold, one epoch){took}{each}", grouped(cost.trained()))
}

/// What was trained for final models that were not to be, in words; `None` for nothing.
pub fn overtaken(epochs: u64) -> Option<String> {
    (epochs > 0)
        .then(|| format!("{} more of final models whose settings were overtaken", counted(epochs as usize, "epoch")))
}

/// What was trained, in one line; what sharing saved; what trying everything would have cost.
fn cost(verdict: &Verdict) -> Vec<String> {
    let cost = &verdict.cost;
    let mut lines = vec![trained(cost, &format!(" in {}", duration(cost.seconds)))];
    if cost.shared > 0 {
        lines.push(format!("{} more came for nothing, as trials have them in common", grouped(cost.shared)));
    }
    lines.extend(overtaken(cost.overtaken));
    let trained = cost.trained();
    if cost.full_grid > trained && trained > 0 {
        let times = number::short(cost.full_grid as f64 / trained as f64, 2);
        lines.push(format!(
            "every candidate on every fold for all {} would have been {}: {times} times as many",
            counted(verdict.limit as usize, "epoch"),
            grouped(cost.full_grid)
        ));
    }
    lines.push(match verdict.model_rows {
        Some(rows) => format!("the final model was trained on {}", counted(rows, "row")),
        None => "no final model was trained".to_string(),
    });
    lines
}
