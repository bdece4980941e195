//! `cargo xtask bench judging`: how a learning rate is judged best after few epochs, and what is held against it later.
//!
//! The example `judging` of the program's package trains; here its losses become tables. `docs/judging.md` says what
//! follows from them.

mod study;
mod task;

use self::study::{Ends, Study, best_rate, chosen};
use self::task::{Goal, Judgement, RULES, Rule, Task, geometric, lowest, mean, order, tasks};
use super::environment::output;
use super::table::{Table, median};
use super::write_figures;
use crate::flags::Flags;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Epochs after which rates are judged.
const RUNGS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Runs the benchmark and prints its tables.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--data", "--only", "--splits", "--kept", "--out"], &[])?;
    let studies = match flags.text("--kept") {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
            let figures: Value = serde_json::from_str(&text).with_context(|| format!("{file} is no JSON"))?;
            figures["studies"].as_array().with_context(|| format!("{file} holds no studies"))?.clone()
        }
        None => train(root, &flags)?,
    };
    let read: Vec<Study> = studies.iter().map(Study::read).collect::<Result<_>>()?;
    if read.is_empty() {
        bail!("nothing was trained");
    }
    print!("{}", text(&read));
    write_figures(flags.text("--out"), &json!({ "benchmark": "judging", "studies": studies }))
}

fn train(root: &Path, flags: &Flags) -> Result<Vec<Value>> {
    let data = flags.text("--data").context("--data is missing: give the folder that holds the data sets' folders")?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["run", "--release", "--quiet", "--package", "opportune", "--example", "judging", "--", "--data"]);
    command.arg(std::path::absolute(data)?).current_dir(root);
    for name in ["--only", "--splits"] {
        command.args(flags.text(name).into_iter().flat_map(|value| [name, value]));
    }
    let lines = output(&mut command)?;
    lines.lines().map(|line| serde_json::from_str(line).context("the example prints no JSON")).collect()
}

/// Geometric mean over tasks of that over their splits.
fn over(tasks: &[Task], of: impl Fn(&Study) -> f64) -> f64 {
    geometric(tasks.iter().map(|task| geometric(task.studies.iter().map(|study| of(study)))))
}

/// Median over tasks of that over their splits: what diverged is infinite.
fn middle(tasks: &[Task], of: impl Fn(&Study) -> f64) -> f64 {
    median(tasks.iter().map(|task| median(task.studies.iter().map(|study| of(study)))))
}

fn percent(share: f64) -> String {
    if share < 10.0 { format!("{:.1}%", 100.0 * share) } else { ">999%".into() }
}

/// Mean (that of the ratios, geometric) and median.
fn shares_text(all: &[f64]) -> String {
    let ratios = geometric(all.iter().map(|one| 1.0 + one));
    format!("{} ({})", percent(ratios - 1.0), percent(median(all.iter().copied())))
}

/// Of all the tasks, one figure for each rule and rung.
fn rules(title: &str, tasks: &[&Task], goal: Goal, cell: impl Fn(&[Judgement]) -> String) -> String {
    let rungs = RUNGS.map(|rung| rung.to_string());
    let mut titles = [""; RUNGS.len() + 1];
    titles[1..].iter_mut().zip(&rungs).for_each(|(title, rung)| *title = rung);
    let mut table = Table::new(titles);
    for (rule, name) in RULES {
        let mut row = std::array::from_fn::<String, { RUNGS.len() + 1 }, _>(|_| String::new());
        row[0] = name.to_owned();
        for (place, epochs) in RUNGS.into_iter().enumerate() {
            if rule != Rule::Truth || place == 0 {
                row[place + 1] = cell(&tasks.iter().map(|task| task.judge(rule, epochs, goal)).collect::<Vec<_>>());
            }
        }
        table.row(row);
    }
    format!("\n{title}\n{table}")
}

fn regrets(all: &[Judgement], of: fn(&Judgement) -> f64) -> String {
    shares_text(&all.iter().map(of).collect::<Vec<_>>())
}

/// Each once, in the order in which they come first.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The same of each data set: where they differ.
fn by_data(tasks: &[&Task], goal: Goal) -> String {
    let figures = |all: &[Judgement]| {
        let regret = geometric(all.iter().map(|one| 1.0 + one.regret)) - 1.0;
        format!("{} {:.1}x", percent(regret), geometric(all.iter().map(|one| one.ratio)))
    };
    let table = |name: &str| {
        let some: Vec<&Task> = tasks.iter().filter(|task| task.data == name).copied().collect();
        rules(&format!("{name}: mean regret, and the picked rate over the best"), &some, goal, figures)
    };
    distinct(tasks.iter().map(|task| task.data)).into_iter().map(table).collect()
}

/// Raw and averaged loss over the cooled one of the same length: at its best rate and the two beside it.
fn averages(tasks: &[Task], ladder: &[usize]) -> String {
    let mut table = Table::new(["epochs", "raw/cooled", "averaged/cooled", "lowest averaged/lowest cooled"]);
    for (place, &epochs) in ladder.iter().enumerate() {
        let near = |study: &Study, curves: &[Vec<f64>]| {
            let cooled = &study.cooled[place];
            let best = order(&cooled.iter().map(|one| one.judged).collect::<Vec<_>>())[0];
            let near = best.saturating_sub(1)..(best + 2).min(cooled.len());
            let ratio = |rate: usize| Some(curves[rate].get(epochs - 1)? / cooled[rate].judged);
            geometric(near.filter_map(ratio).filter(|ratio| *ratio > 0.0 && ratio.is_finite()))
        };
        let lowest_of = |study: &Study| {
            let averaged = study.averaged.iter().filter_map(|curve| curve.get(epochs - 1)).copied();
            lowest(averaged) / lowest(study.cooled[place].iter().map(|one| one.judged))
        };
        table.row([
            epochs.to_string(),
            format!("{:.3}", over(tasks, |study| near(study, &study.raw))),
            format!("{:.3}", over(tasks, |study| near(study, &study.averaged))),
            format!("{:.3}", over(tasks, lowest_of)),
        ]);
    }
    format!("\nLoss of a trunk over that of the trunk with a cooldown, on the rows that judge\n{table}")
}

/// Cosine against a trunk with a cooldown.
fn cosine(tasks: &[Task], lengths: &[usize]) -> String {
    let mut table =
        Table::new(["epochs", "cosine/cooled", "rate of cosine/cooled", "at 0.5x", "1x", "1.5x", "2x", "3x"]);
    for (place, &epochs) in lengths.iter().enumerate() {
        let cooled = |study: &Study| chosen(study.cooled_at(epochs)).truth;
        let pair = |study: &Study| chosen(&study.cosine[place]).truth / cooled(study);
        let rates = |study: &Study| best_rate(&study.cosine[place]) / best_rate(study.cooled_at(epochs));
        let at =
            |factor: usize| format!("{:.3}", middle(tasks, |study| study.cosine[place][factor].truth / cooled(study)));
        let (pair, rates) = (format!("{:.3}", over(tasks, pair)), format!("{:.2}", over(tasks, rates)));
        table.row([epochs.to_string(), pair, rates, at(0), at(1), at(2), at(3), at(4)]);
    }
    format!(
        "\nCosine against the trunk with a cooldown, each at the rate chosen by the rows that judge: ratio of losses and of \
         rates; then cosine at the trunk's best rate times a factor (median)\n{table}"
    )
}

/// Cooldowns of other shares against that of 20%.
fn shares(tasks: &[Task], lengths: &[usize]) -> String {
    let mut table = Table::new(["epochs", "10%/20%", "40%/20%"]);
    for (place, &epochs) in lengths.iter().enumerate() {
        let ratio = |others: fn(&Study) -> &[Vec<Ends>]| {
            let of = |study: &Study| {
                let others = &others(study)[place];
                let tried = |one: &&Ends| others.iter().any(|other| (other.rate / one.rate - 1.0).abs() < 1e-9);
                let usual: Vec<Ends> = study.cooled_at(epochs).iter().filter(tried).copied().collect();
                chosen(others).truth / chosen(&usual).truth
            };
            format!("{:.3}", over(tasks, of))
        };
        table.row([epochs.to_string(), ratio(|study| &study.shorter), ratio(|study| &study.longer)]);
    }
    format!("\nLoss with a cooldown of another share over that with 20%, each at its best of three rates\n{table}")
}

/// What rates below the picked one are worth, and where the best one lies.
fn probes(tasks: &[&Task], goal: Goal, title: &str) -> String {
    let mut table = Table::new([
        "judged after",
        "picked",
        "and half",
        "and quarter",
        "and eighth",
        "picked and twice",
        "best: higher",
        "same",
        "half",
        "quarter",
        "lower",
    ]);
    for epochs in RUNGS {
        let regret = |below: usize, above: usize| {
            let of = |task: &&Task| {
                task.regret(Rule::Program, epochs, goal, |order| {
                    (order[0].saturating_sub(below)..(order[0] + above + 1).min(order.len())).collect()
                })
            };
            shares_text(&tasks.iter().map(of).collect::<Vec<_>>())
        };
        // Each task counts alike, however many splits it has.
        let share = |fits: fn(f64) -> bool| {
            let of = |task: &&Task| {
                let steps = task.steps(Rule::Program, epochs, goal);
                steps.iter().filter(|steps| fits(steps.round())).count() as f64 / steps.len() as f64
            };
            format!("{:.0}%", 100.0 * mean(tasks.iter().map(of)))
        };
        table.row([
            epochs.to_string(),
            regret(0, 0),
            regret(1, 0),
            regret(2, 0),
            regret(3, 0),
            regret(0, 1),
            share(|steps| steps < 0.0),
            share(|steps| steps == 0.0),
            share(|steps| steps == 1.0),
            share(|steps| steps == 2.0),
            share(|steps| steps > 2.0),
        ]);
    }
    format!("\n{title}\n{table}")
}

fn text(all: &[Study]) -> String {
    let tasks = tasks(all);
    let name = |task: &Task| format!("{} {} x{}", task.data, task.optimizer, task.studies.len());
    let mut text = format!("Splits of each: {}\n", tasks.iter().map(name).collect::<Vec<_>>().join(", "));
    let each: Vec<&Task> = tasks.iter().collect();
    for (goal, name) in [(Goal::Any, "any number of epochs may win"), (Goal::Horizon, "the horizon is fixed")] {
        let correlations = |all: &[Judgement]| format!("{:.2}", mean(all.iter().map(|one| one.correlation)));
        let ratios = |all: &[Judgement]| format!("{:.1}x", geometric(all.iter().map(|one| one.ratio)));
        let title = |what: &str| format!("{what}, by rule and epochs; {name}");
        text += &rules(&title("Rank correlation with the truth"), &each, goal, correlations);
        let regret = |all: &[Judgement]| regrets(all, |one| one.regret);
        text += &rules(&title("Regret of the picked rate, mean (median)"), &each, goal, regret);
        text += &rules(&title("The picked rate over the best, geometric mean"), &each, goal, ratios);
        let half = |all: &[Judgement]| regrets(all, |one| one.half);
        text += &rules(&title("Regret of the best in the better half"), &each, goal, half);
        let third = |all: &[Judgement]| regrets(all, |one| one.third);
        text += &rules(&title("Regret of the best in the better third"), &each, goal, third);
        let what = "Regret of the best of the picked rate and others, mean (median), and where the best rate lies";
        text += &probes(&each, goal, &format!("{what}; {name}"));
        text += &by_data(&each, goal);
    }
    text + &averages(&tasks, &all[0].ladder) + &cosine(&tasks, &all[0].lengths) + &shares(&tasks, &all[0].lengths)
}

#[cfg(test)]
mod tests {
    use super::study::tests::study;
    use super::*;

    #[test]
    fn all_tables_are_printed() {
        let mut one = study();
        one.ladder = vec![1, 2, 4];
        one.cooled.insert(1, one.cooled[0].clone());
        let text = text(&[one]);
        for part in ["the horizon is fixed", "made: mean regret", "averaged/cooled", "cosine/cooled", "40%/20%"] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }
}
