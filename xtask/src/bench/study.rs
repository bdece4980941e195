//! `cargo xtask bench study`: what the search, the engine and the store cost, where training costs nothing.
//!
//! The examples `ask_tell` and `store_speed` do the work and say how long it took; Optuna's SQLite storage is measured
//! beside ours, run by run, on the same disk. Where every report is a commit of its own, the disk decides: what is to be
//! compared is one run with its neighbour.

use super::environment::{Environment, example, output};
use super::measure::{Program, measure};
use super::table::{Table, median};
use super::{describe_machine, number, write_figures};
use crate::flags::Flags;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Reports of a trial.
const EPOCHS: &str = "30";
/// Trials that are asked for and told in memory.
const ASKED: &str = "1000";
/// Trials that the store takes in groups.
const GROUP: &str = "5000";
/// Trials where each report is a commit, which take longer: ours and Optuna's.
const EACH: [&str; 2] = ["100", "20"];
/// Trials of the large study.
const LARGE: &str = "10000";

/// One line of the table.
struct Line {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
    /// What it is to be: at least, or at most.
    aim: Option<Aim>,
}

#[derive(Clone, Copy)]
enum Aim {
    AtLeast(f64),
    Below(f64),
}

impl Line {
    fn new(what: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Line { what: what.into(), unit, values, aim: None }
    }

    fn aim(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn most(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether every run did what it is to do.
    fn met(&self) -> Option<bool> {
        self.aim.map(|aim| match aim {
            Aim::AtLeast(aim) => self.least() >= aim,
            Aim::Below(aim) => self.most() < aim,
        })
    }

    fn cells(&self) -> [String; 6] {
        let median = median(self.values.iter().copied());
        let aim = match self.aim {
            None => String::new(),
            Some(Aim::AtLeast(aim)) => format!("at least {aim}"),
            Some(Aim::Below(aim)) => format!("below {aim}"),
        };
        let missed = if self.met() == Some(false) { " (missed)" } else { "" };
        let range = format!("{} .. {}", figure(self.least()), figure(self.most()));
        [self.what.clone(), figure(median), range, self.unit.into(), self.values.len().to_string(), aim + missed]
    }

    fn figures(&self) -> Value {
        json!({ "what": self.what, "unit": self.unit, "runs": self.values, "met": self.met() })
    }
}

/// Three digits or more.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Runs the benchmark and prints its table.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--runs", "--out"], &[])?;
    let runs = flags.count("--runs", 3)?;
    let environment = Environment::with_peer(root, "bench-env-optuna", "optuna_requirements.txt")?;
    let speed = example(root, "opportune-study", "store_speed")?;
    let before = load();
    let mut lines =
        asked(&output(Command::new(example(root, "opportune-core", "ask_tell")?).args([ASKED, "--json"]))?)?;

    let ours = |what: &str, folder: &Path, trials: &str| {
        let program = Program::new(format!("opportune, {what}, {trials} trials"), [&speed]);
        let program = program.with([what.into(), folder.to_path_buf(), trials.into(), EPOCHS.into()]);
        measure(&environment, &program, false).map(|measured| measured.answer)
    };
    let memory = |trials: &str| -> Result<Line> {
        let rates = (0..runs).map(|_| number(&ours("memory", root, trials)?, "/trials_per_second"));
        Ok(Line::new(format!("engine, in memory, {trials} trials"), "trials/s", rates.collect::<Result<_>>()?))
    };
    lines.extend([memory(ASKED)?, memory(LARGE)?]);
    let group = (0..runs).map(|_| ours("group", &environment.empty_folder("study")?, GROUP));
    let group = group.collect::<Result<Vec<Value>>>()?;
    let all = |answers: &[Value], pointer: &str| answers.iter().map(|one| number(one, pointer)).collect::<Result<_>>();
    lines.push(
        Line::new(format!("engine and SQLite, {GROUP} trials"), "trials/s", all(&group, "/trials_per_second")?)
            .aim(Aim::AtLeast(3000.0)),
    );
    lines.push(
        Line::new("  longest wait until a report is durable", "s", all(&group, "/longest_wait")?).aim(Aim::Below(2.0)),
    );

    let (mut each, mut peers) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..runs {
        each.push(ours("each", &environment.empty_folder("study")?, EACH[0])?);
        for (wal, answers) in [false, true].into_iter().zip(&mut peers) {
            let label = format!("Optuna{}, {} trials", if wal { ", WAL" } else { "" }, EACH[1]);
            let folder = environment.empty_folder("study")?;
            let program = Program::new(label, [&environment.python])
                .with([environment.script("optuna_study.py"), folder, EACH[1].into(), EPOCHS.into()])
                .with(wal.then_some("--wal"));
            answers.push(measure(&environment, &program, false)?.answer);
        }
    }
    let versions = peers[0][0]["versions"].clone();
    let optuna = format!("Optuna {}", versions["optuna"].as_str().unwrap_or("?"));
    let rates: Vec<f64> = all(&each, "/trials_per_second")?;
    lines.push(Line::new("a commit for every report", "trials/s", rates.clone()));
    let journals = ["SQLite as it comes", "SQLite with a write-ahead log"];
    for (journal, answers) in journals.into_iter().zip(&peers) {
        let theirs: Vec<f64> = all(answers, "/trials_per_second")?;
        let times = rates.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        lines.push(Line::new(format!("{optuna}, {journal}"), "trials/s", theirs));
        lines.push(Line::new("  ours is faster by", "times", times));
    }

    let folder = environment.empty_folder("study")?;
    let made = ours("full", &folder, LARGE)?;
    let opened = (0..runs).map(|_| ours("open", &folder, "0")).collect::<Result<Vec<Value>>>()?;
    check_size(&made, &opened[0])?;
    let shown = (0..runs).map(|_| shown(&environment.opportune, &folder)).collect::<Result<_>>()?;
    for (what, seconds) in [
        ("opened by the engine", all(&opened, "/engine_seconds")?),
        ("read", all(&opened, "/read_seconds")?),
        ("opportune show, the whole process", shown),
    ] {
        lines.push(Line::new(format!("{LARGE} trials, {what}"), "s", seconds).aim(Aim::Below(1.0)));
    }

    let machine = environment.describe()?;
    println!("{}", describe_machine(&machine, &versions));
    println!("load average {before} before and {} after; {EPOCHS} reports for every trial", load());
    let mut table = Table::new(["", "median", "least .. most", "", "runs", ""]);
    lines.iter().for_each(|line| table.row(line.cells()));
    print!("{table}");
    let figures: Vec<Value> = lines.iter().map(Line::figures).collect();
    let peer = json!({ "settings": peers.each_ref().map(|answers| answers[0]["settings"].clone()) });
    write_figures(
        flags.text("--out"),
        &json!({ "benchmark": "study", "machine": machine, "versions": versions, "peer": peer, "results": figures }),
    )
}

/// The lines of the policies that are held to a speed, from what `ask_tell` prints.
fn asked(answer: &str) -> Result<Vec<Line>> {
    let rates: Map<String, Value> = serde_json::from_str(answer).context("ask_tell prints no JSON")?;
    let line = |policy: &str| {
        let rates = rates.get(policy).and_then(Value::as_array).with_context(|| format!("no {policy} in {answer}"))?;
        let rates = rates.iter().map(|rate| rate.as_f64().context("no rate")).collect::<Result<_>>()?;
        let line = Line::new(format!("ask and observe, {policy}, {ASKED} trials"), "trials/s", rates);
        Ok(line.aim(Aim::AtLeast(20_000.0)))
    };
    ["random", "sobol", "halving"].into_iter().map(line).collect()
}

/// Everything that was made must have been opened.
fn check_size(made: &Value, opened: &Value) -> Result<()> {
    let epochs = number(made, "/trials")? * number(made, "/epochs")?;
    if opened["trials"] != made["trials"] || number(opened, "/epochs")? != epochs {
        bail!("of {made} only {opened} was found");
    }
    Ok(())
}

/// Seconds that `opportune show` takes.
fn shown(opportune: &Path, folder: &Path) -> Result<f64> {
    let storage = format!("sqlite:///{}", folder.join("opportune.db").display());
    let began = Instant::now();
    let status = Command::new(opportune)
        .args(["show", "speed", "--storage", &storage])
        .stdout(Stdio::null())
        .status()
        .context("cannot start opportune")?;
    let seconds = began.elapsed().as_secs_f64();
    if !status.success() {
        bail!("opportune show: {status}");
    }
    Ok(seconds)
}

/// How many threads wanted to run in the last minute, where Linux tells it.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("not known").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_all_its_runs_and_whether_they_met_the_aim() {
        let line = Line::new("a", "trials/s", vec![3000.0, 2999.5, 4000.0]).aim(Aim::AtLeast(3000.0));
        let cells = ["a", "3000", "3000 .. 4000", "trials/s", "3", "at least 3000 (missed)"];
        assert_eq!((line.cells(), line.met()), (cells.map(str::to_owned), Some(false)));
        let line = Line::new("b", "s", vec![0.25, 0.5]).aim(Aim::Below(1.0));
        let cells = ["b", "0.375", "0.250 .. 0.500", "s", "2", "below 1"].map(str::to_owned);
        assert_eq!((line.cells(), line.met()), (cells, Some(true)));
        assert_eq!(Line::new("c", "s", vec![1.0]).met(), None);
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!([1234.5, 99.96, 12.34, 1.234, 0.0123].map(figure), ["1234", "100.0", "12.3", "1.23", "0.012"]);
    }

    #[test]
    fn the_policies_that_are_held_to_a_speed_must_be_there() {
        let lines = asked(r#"{"random":[1.0,2.0],"sobol":[3.0],"halving":[4.0],"asha":[5.0]}"#).unwrap();
        assert_eq!(lines.iter().map(Line::most).collect::<Vec<_>>(), [2.0, 3.0, 4.0]);
        assert!(asked(r#"{"random":[1.0]}"#).is_err_and(|error| error.to_string().starts_with("no sobol")));
    }

    #[test]
    fn what_was_not_found_again_is_an_error() {
        let made = json!({ "trials": 10, "epochs": 30 });
        check_size(&made, &json!({ "trials": 10, "epochs": 300 })).unwrap();
        assert!(check_size(&made, &json!({ "trials": 10, "epochs": 299 })).is_err());
    }
}
