//! `cargo xtask bench judging`: how a learning rate is judged best after few epochs, and what is held against it later.
//!
//! The example `judging` of the program's package trains; here its losses become tables. `docs/judging.md` says what
//! follows from them.

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
/// From this epoch on the program judges by averaged weights.
const AVERAGED_FROM: usize = 4;

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

/// A rate, its loss on the rows that judge, and on those of the truth; infinite where it diverged.
#[derive(Debug, Clone, Copy)]
struct Ends {
    rate: f64,
    judged: f64,
    truth: f64,
}

/// One split of one data set under one optimizer.
struct Study {
    data: String,
    optimizer: String,
    rates: Vec<f64>,
    /// By rate, then epoch.
    raw: Vec<Vec<f64>>,
    averaged: Vec<Vec<f64>>,
    /// Lengths of runs with a cooldown, and these by length, then rate.
    ladder: Vec<usize>,
    cooled: Vec<Vec<Ends>>,
    /// Some of the lengths, and what else was trained there.
    lengths: Vec<usize>,
    cosine: Vec<Vec<Ends>>,
    shorter: Vec<Vec<Ends>>,
    longer: Vec<Vec<Ends>>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().map(|one| one.as_f64().unwrap_or(f64::INFINITY)).collect()
}

fn ends(rate: f64, value: &Value) -> Ends {
    let pair = numbers(value);
    let at = |place: usize| pair.get(place).copied().unwrap_or(f64::INFINITY);
    Ends { rate, judged: at(0), truth: at(1) }
}

impl Study {
    fn read(value: &Value) -> Result<Study> {
        let list = |name: &str| value[name].as_array().with_context(|| format!("no {name} in a study"));
        let text = |name: &str| value[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        let counts = |name: &str| numbers(&value[name]).into_iter().map(|one| one as usize).collect::<Vec<_>>();
        let trunks = list("trunks")?;
        let rates: Vec<f64> = trunks.iter().filter_map(|one| one["rate"].as_f64()).collect();
        let ladder = counts("ladder");
        let cooled = |place: usize| {
            let pairs = trunks.iter().zip(&rates);
            pairs.map(|(one, rate)| ends(*rate, &one["cooled"][place])).collect()
        };
        let other = |name: &str| -> Result<Vec<Vec<Ends>>> {
            let one = |one: &Value| ends(one[0].as_f64().unwrap_or(f64::NAN), &one[1]);
            Ok(list(name)?.iter().map(|all| all.as_array().into_iter().flatten().map(one).collect()).collect())
        };
        Ok(Study {
            data: text("data")?,
            optimizer: text("optimizer")?,
            raw: trunks.iter().map(|one| numbers(&one["raw"])).collect(),
            averaged: trunks.iter().map(|one| numbers(&one["averaged"])).collect(),
            cooled: (0..ladder.len()).map(cooled).collect(),
            rates,
            ladder,
            lengths: counts("lengths"),
            cosine: other("cosine")?,
            shorter: other("cooldown_10")?,
            longer: other("cooldown_40")?,
        })
    }

    fn cooled_at(&self, epochs: usize) -> &[Ends] {
        self.ladder.iter().position(|one| *one == epochs).map_or(&[], |place| &self.cooled[place])
    }
}

/// What rates are compared by after some epochs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Raw,
    RawBest,
    Averaged,
    /// The lowest so far of what the program judges by: raw, then averaged.
    Program,
    Cooled,
    /// The final truth itself, on the rows that judge: what is left is the rows' doing.
    Truth,
}

const RULES: [(Rule, &str); 6] = [
    (Rule::Raw, "raw"),
    (Rule::RawBest, "raw, best so far"),
    (Rule::Averaged, "averaged"),
    (Rule::Program, "as the program"),
    (Rule::Cooled, "cooled (20% more epochs)"),
    (Rule::Truth, "the truth, other rows"),
];

/// What is to be found.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Goal {
    /// The best loss within the horizon: any number of epochs, then cooled.
    Any,
    /// The loss at the horizon, cooled.
    Horizon,
}

impl Goal {
    /// By rate: loss on the rows that judge, which choose the epochs, and on those of the truth.
    fn ends(self, study: &Study) -> Vec<Ends> {
        let last = study.cooled.len().saturating_sub(1);
        let from = if self == Goal::Any { 0 } else { last };
        let best = |rate: usize| {
            let all = study.cooled[from..].iter().map(|all| all[rate]);
            all.reduce(|best, one| if one.judged < best.judged { one } else { best })
        };
        (0..study.rates.len()).filter_map(best).collect()
    }
}

fn lowest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

impl Rule {
    /// By rate, after so many epochs; infinite where a run did not get there.
    fn losses(self, study: &Study, epochs: usize, goal: Goal) -> Vec<f64> {
        let of = |rate: usize| {
            let (raw, averaged) = (&study.raw[rate], &study.averaged[rate]);
            let at = |curve: &[f64]| curve.get(epochs - 1).copied().unwrap_or(f64::INFINITY);
            match self {
                Rule::Raw => at(raw),
                Rule::Averaged => at(averaged),
                // What diverged is out, however good it was before.
                _ if self != Rule::Cooled && raw.len() < epochs => f64::INFINITY,
                Rule::RawBest => lowest(raw.iter().take(epochs).copied()),
                Rule::Program => {
                    let early = raw.iter().take(epochs.min(AVERAGED_FROM - 1));
                    lowest(early.chain(averaged.iter().take(epochs).skip(AVERAGED_FROM - 1)).copied())
                }
                Rule::Cooled => study.cooled_at(epochs).get(rate).map_or(f64::INFINITY, |one| one.judged),
                Rule::Truth => f64::INFINITY,
            }
        };
        match self {
            Rule::Truth => goal.ends(study).iter().map(|one| one.judged).collect(),
            _ => (0..study.rates.len()).map(of).collect(),
        }
    }
}

/// Places by value, those of equals shared.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |one: &f64| {
        let below = values.iter().filter(|other| *other < one).count();
        let equal = values.iter().filter(|other| *other == one).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// Spearman's rank correlation.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// Places of the lowest, the lowest first.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

/// How well a rule did on one study.
struct Judgement {
    correlation: f64,
    /// Loss of the picked rate above the best one, as a share of it.
    regret: f64,
    /// The picked rate over the best one.
    ratio: f64,
    /// Regret of the best of the better half, and of the better third.
    half: f64,
    third: f64,
}

fn judge(study: &Study, rule: Rule, epochs: usize, goal: Goal) -> Judgement {
    let losses = rule.losses(study, epochs, goal);
    let truth: Vec<f64> = goal.ends(study).iter().map(|one| one.truth).collect();
    let (order, best) = (order(&losses), order(&truth)[0]);
    let regret = |share: usize| {
        let kept = &order[..order.len().div_ceil(share).max(1)];
        lowest(kept.iter().map(|place| truth[*place])) / truth[best] - 1.0
    };
    Judgement {
        correlation: correlation(&losses, &truth),
        regret: regret(order.len()),
        ratio: study.rates[order[0]] / study.rates[best],
        half: regret(2),
        third: regret(3),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
    sum / count
}

fn geometric(values: impl Iterator<Item = f64>) -> f64 {
    mean(values.map(f64::ln)).exp()
}

fn percent(share: f64) -> String {
    if share < 9.995 { format!("{:.1}%", 100.0 * share) } else { format!("{:.0}%", 100.0 * share) }
}

/// Of all the studies, one figure for each rule and rung.
fn rules(title: &str, studies: &[&Study], goal: Goal, cell: impl Fn(&[Judgement]) -> String) -> String {
    let rungs = RUNGS.map(|rung| rung.to_string());
    let mut titles = [""; RUNGS.len() + 1];
    titles[1..].iter_mut().zip(&rungs).for_each(|(title, rung)| *title = rung);
    let mut table = Table::new(titles);
    for (rule, name) in RULES {
        let mut row = std::array::from_fn::<String, { RUNGS.len() + 1 }, _>(|_| String::new());
        row[0] = name.to_owned();
        for (place, epochs) in RUNGS.into_iter().enumerate() {
            if rule != Rule::Truth || place == 0 {
                let all: Vec<Judgement> = studies.iter().map(|study| judge(study, rule, epochs, goal)).collect();
                row[place + 1] = cell(&all);
            }
        }
        table.row(row);
    }
    format!("\n{title}\n{table}")
}

fn regrets(all: &[Judgement]) -> String {
    let regrets = || all.iter().map(|one| one.regret);
    format!("{} ({})", percent(mean(regrets())), percent(median(regrets())))
}

/// Each once, in the order in which they come first.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The same of each data set: where they differ.
fn by_data(studies: &[&Study], goal: Goal) -> String {
    let mut text = String::new();
    for name in distinct(studies.iter().map(|study| study.data.clone())) {
        let some: Vec<&Study> = studies.iter().filter(|study| study.data == name).copied().collect();
        let figures = |all: &[Judgement]| {
            let ratio = geometric(all.iter().map(|one| one.ratio));
            format!("{} {ratio:.1}x", percent(mean(all.iter().map(|one| one.regret))))
        };
        text += &rules(&format!("{name}: mean regret, and the picked rate over the best"), &some, goal, figures);
    }
    text
}

/// Raw and averaged loss over the cooled one of the same length: at its best rate and the two beside it.
fn averages(studies: &[&Study]) -> String {
    let mut table = Table::new(["epochs", "raw/cooled", "averaged/cooled", "lowest averaged/lowest cooled"]);
    for (place, &epochs) in studies[0].ladder.iter().enumerate() {
        let ratios = |curves: fn(&Study) -> &[Vec<f64>]| {
            let of = |study: &&Study| {
                let cooled = &study.cooled[place];
                let best = order(&cooled.iter().map(|one| one.judged).collect::<Vec<_>>())[0];
                let near = best.saturating_sub(1)..(best + 2).min(cooled.len());
                let ratio = |rate: usize| Some(curves(study)[rate].get(epochs - 1)? / cooled[rate].judged);
                near.filter_map(ratio).filter(|ratio| *ratio > 0.0 && ratio.is_finite()).collect::<Vec<_>>()
            };
            geometric(studies.iter().flat_map(of))
        };
        let lowest_of = |study: &&Study| {
            let averaged = study.averaged.iter().filter_map(|curve| curve.get(epochs - 1)).copied();
            lowest(averaged) / lowest(study.cooled[place].iter().map(|one| one.judged))
        };
        table.row([
            epochs.to_string(),
            format!("{:.3}", ratios(|study| &study.raw)),
            format!("{:.3}", ratios(|study| &study.averaged)),
            format!("{:.3}", geometric(studies.iter().map(lowest_of))),
        ]);
    }
    format!("\nLoss of a trunk over that of the trunk with a cooldown, on the rows that judge\n{table}")
}

/// The one that judging would choose.
fn chosen(all: &[Ends]) -> Ends {
    let none = Ends { rate: f64::NAN, judged: f64::INFINITY, truth: f64::INFINITY };
    all.iter().copied().reduce(|best, one| if one.judged < best.judged { one } else { best }).unwrap_or(none)
}

/// The best rate, between those tried: the lowest point of the parabola through the lowest loss and its neighbours, by
/// the logarithm of the rate.
fn best_rate(all: &[Ends]) -> f64 {
    let place = order(&all.iter().map(|one| one.judged).collect::<Vec<_>>())[0];
    let Some([a, b, c]) = place.checked_sub(1).and_then(|from| all.get(from..from + 3)) else { return all[place].rate };
    let (x, y) = ([a, b, c].map(|one| one.rate.ln()), [a, b, c].map(|one| one.judged.ln()));
    let (left, right) = ((y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1]));
    if !(left.is_finite() && right.is_finite() && right > left) {
        return b.rate;
    }
    // The slope is `left` midway to the one neighbour and `right` midway to the other.
    let (from, to) = ((x[0] + x[1]) / 2.0, (x[1] + x[2]) / 2.0);
    (from - left * (to - from) / (right - left)).clamp(x[0], x[2]).exp()
}

/// Cosine against a trunk with a cooldown.
fn cosine(studies: &[&Study]) -> String {
    let mut table =
        Table::new(["epochs", "cosine/cooled", "rate of cosine/cooled", "at 0.5x", "1x", "1.5x", "2x", "3x"]);
    for (place, &epochs) in studies[0].lengths.iter().enumerate() {
        let pair = |study: &Study| chosen(&study.cosine[place]).truth / chosen(study.cooled_at(epochs)).truth;
        let rates = |study: &Study| best_rate(&study.cosine[place]) / best_rate(study.cooled_at(epochs));
        let at = |factor: usize| {
            let ratio = |study: &&Study| study.cosine[place][factor].truth / chosen(study.cooled_at(epochs)).truth;
            format!("{:.3}", geometric(studies.iter().map(ratio)))
        };
        table.row([
            epochs.to_string(),
            format!("{:.3}", geometric(studies.iter().map(|study| pair(study)))),
            format!("{:.2}", geometric(studies.iter().map(|study| rates(study)))),
            at(0),
            at(1),
            at(2),
            at(3),
            at(4),
        ]);
    }
    format!(
        "\nCosine against the trunk with a cooldown, each at the rate chosen by the rows that judge: ratio of losses and of \
         rates; then cosine at the trunk's best rate times a factor\n{table}"
    )
}

/// Cooldowns of other shares against that of 20%.
fn shares(studies: &[&Study]) -> String {
    let mut table = Table::new(["epochs", "10%/20%", "40%/20%"]);
    for (place, &epochs) in studies[0].lengths.iter().enumerate() {
        let ratio = |others: fn(&Study) -> &[Vec<Ends>]| {
            let of = |study: &&Study| {
                let others = &others(study)[place];
                let tried = |one: &&Ends| others.iter().any(|other| (other.rate / one.rate - 1.0).abs() < 1e-9);
                let usual: Vec<Ends> = study.cooled_at(epochs).iter().filter(tried).copied().collect();
                chosen(others).truth / chosen(&usual).truth
            };
            format!("{:.3}", geometric(studies.iter().map(of)))
        };
        table.row([epochs.to_string(), ratio(|study| &study.shorter), ratio(|study| &study.longer)]);
    }
    format!("\nLoss with a cooldown of another share over that with 20%, each at its best of three rates\n{table}")
}

/// What rates below the picked one are worth, and where the best one lies.
fn probes(studies: &[&Study], goal: Goal, title: &str) -> String {
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
        let found = |study: &Study| {
            let order_of = order(&Rule::Program.losses(study, epochs, goal));
            let truth: Vec<f64> = goal.ends(study).iter().map(|one| one.truth).collect();
            (order_of[0], order(&truth)[0], truth)
        };
        let regret = |below: usize, above: usize| {
            let of = |study: &&Study| {
                let (picked, best, truth) = found(study);
                let near = picked.saturating_sub(below)..(picked + above + 1).min(truth.len());
                lowest(truth[near].iter().copied()) / truth[best] - 1.0
            };
            let all: Vec<f64> = studies.iter().map(of).collect();
            format!("{} ({})", percent(mean(all.iter().copied())), percent(median(all)))
        };
        let count = |fits: fn(isize) -> bool| {
            let steps = |study: &&&Study| {
                let (picked, best, _) = found(study);
                fits(picked as isize - best as isize)
            };
            studies.iter().filter(steps).count().to_string()
        };
        table.row([
            epochs.to_string(),
            regret(0, 0),
            regret(1, 0),
            regret(2, 0),
            regret(3, 0),
            regret(0, 1),
            count(|steps| steps < 0),
            count(|steps| steps == 0),
            count(|steps| steps == 1),
            count(|steps| steps == 2),
            count(|steps| steps > 2),
        ]);
    }
    format!("\n{title}\n{table}")
}

fn text(all: &[Study]) -> String {
    let studies: Vec<&Study> = all.iter().collect();
    let tasks = distinct(all.iter().map(|study| format!("{} {}", study.data, study.optimizer)));
    let mut text = format!("{} studies: {}\n", all.len(), tasks.join(", "));
    for (goal, name) in [(Goal::Any, "any number of epochs may win"), (Goal::Horizon, "the horizon is fixed")] {
        let correlations = |all: &[Judgement]| format!("{:.2}", mean(all.iter().map(|one| one.correlation)));
        let ratios = |all: &[Judgement]| format!("{:.1}x", geometric(all.iter().map(|one| one.ratio)));
        let halves = |all: &[Judgement]| percent(mean(all.iter().map(|one| one.half)));
        let thirds = |all: &[Judgement]| percent(mean(all.iter().map(|one| one.third)));
        let title = |what: &str| format!("{what}, by rule and epochs; {name}");
        text += &rules(&title("Rank correlation with the truth"), &studies, goal, correlations);
        text += &rules(&title("Regret of the picked rate, mean (median)"), &studies, goal, regrets);
        text += &rules(&title("The picked rate over the best, geometric mean"), &studies, goal, ratios);
        text += &rules(&title("Regret of the best in the better half"), &studies, goal, halves);
        text += &rules(&title("Regret of the best in the better third"), &studies, goal, thirds);
        let what = "Regret of the best of the picked rate and others, mean (median), and where the best rate lies";
        text += &probes(&studies, goal, &format!("{what}; {name}"));
        text += &by_data(&studies, goal);
    }
    text + &averages(&studies) + &cosine(&studies) + &shares(&studies)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three rates, four epochs; the highest is best early, the middle one best in the end, the lowest is slow.
    fn study() -> Study {
        let curve = |losses: [f64; 4]| json!(losses);
        let trunk = |rate: f64, raw: [f64; 4], cooled: [[f64; 2]; 2]| json!({ "rate": rate, "raw": curve(raw), "averaged": curve(raw.map(|loss| loss - 0.1)), "cooled": cooled });
        let near = json!([[[0.01, [0.5, 0.5]], [0.02, [0.3, 0.3]], [0.03, null], [0.04, null], [0.06, null]]]);
        Study::read(&json!({
            "data": "made", "optimizer": "adam", "ladder": [1, 4], "lengths": [4],
            "trunks": [
                trunk(0.01, [4.0, 3.0, 2.0, 1.5], [[4.0, 4.0], [1.4, 1.5]]),
                trunk(0.02, [3.0, 2.0, 1.0, 1.2], [[3.0, 3.0], [0.8, 1.0]]),
                trunk(0.04, [2.0, 1.5, 1.4, 1.3], [[2.0, 2.0], [1.2, 1.1]]),
            ],
            "cosine": near, "cooldown_10": near, "cooldown_40": near,
        }))
        .unwrap()
    }

    #[test]
    fn rules_pick_what_they_should() {
        let study = study();
        let early = judge(&study, Rule::Raw, 1, Goal::Any);
        assert!((early.regret - 0.1).abs() < 1e-9 && early.ratio == 2.0 && early.correlation == 0.5);
        assert!(early.half < 1e-9 && (early.third - 0.1).abs() < 1e-9, "two of three stay, or one");
        let late = judge(&study, Rule::RawBest, 4, Goal::Horizon);
        assert_eq!((late.regret, late.ratio, late.correlation), (0.0, 1.0, 1.0));
        // Raw until the third epoch, averaged from the fourth.
        assert_eq!(Rule::Program.losses(&study, 4, Goal::Any), [1.4, 1.0, 1.2]);
        assert_eq!(Rule::Cooled.losses(&study, 4, Goal::Any), [1.4, 0.8, 1.2]);
        assert!(Rule::Raw.losses(&study, 5, Goal::Any).iter().all(|loss| loss.is_infinite()));
    }

    #[test]
    fn correlations_share_ranks_of_equals() {
        assert_eq!(ranks(&[1.0, f64::INFINITY, 0.5, f64::INFINITY]), [1.0, 2.5, 0.0, 2.5]);
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]), 1.0);
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
    }

    #[test]
    fn the_best_rate_is_found_between_those_tried() {
        let at = |rate: f64| Ends { rate, judged: (rate / 0.012f64).ln().powi(2).exp(), truth: 1.0 };
        let rate = best_rate(&[0.0025, 0.005, 0.01, 0.02, 0.04].map(at));
        assert!((rate / 0.012 - 1.0).abs() < 1e-9, "{rate}");
        assert_eq!(best_rate(&[0.02, 0.04].map(at)), 0.02);
    }

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
