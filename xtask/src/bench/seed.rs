//! `cargo xtask bench seed`: 18 candidates on 5 folds, a refit and a test score, against GridSearchCV(MLPClassifier).
//!
//! Same rows, same folds, same networks, rates, numbers of epochs and stop rule. scikit-learn gets all cores, in the
//! fastest of the ways there are; which epochs it trains is counted in a run that is not timed. `--no-share` is the
//! program without its saving of what candidates have in common: then both sides train the same epochs. Besides, the program
//! on one thread and on all, and as many of one thread side by side, which shows what the machine allows.

use super::environment::{Environment, output};
use super::measure::{Measured, Program, Tried, alternate, fastest, measure};
use super::table::{Ratio, Table, mean, median};
use super::{describe_machine, number, write_figures};
use crate::flags::Flags;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Numbers of epochs further apart than this share are not the same training.
const EPOCHS_AGREE: f64 = 0.05;
/// Seeds whose accuracies are compared.
const SEEDS: usize = 3;
/// Pairs of one thread and all, for each pair of timed runs: they are short, and what is told of them is small.
const THREAD_PAIRS: usize = 4;

/// Where the rows are.
struct Data {
    folder: PathBuf,
    name: String,
    shape: Value,
}

/// The programs that are compared, in this order everywhere.
const SIDES: [&str; 3] = ["opportune", "opportune --no-share", "scikit-learn"];

/// Everything that was measured at one precision.
struct Outcome {
    precision: &'static str,
    /// How scikit-learn uses the cores.
    way: String,
    /// What its ways took, where they were tried.
    tried: Vec<Tried>,
    /// Not timed: memory is watched, and scikit-learn counts its epochs.
    warm_up: [Measured; 3],
    /// With seed 0.
    timed: [Vec<Measured>; 3],
    /// With the other seeds.
    others: [Vec<Measured>; 3],
    /// Our side on all cores, on one thread, and a program of one thread for each core, side by side.
    threads: [Vec<Measured>; 3],
    /// As many as those are.
    cores: usize,
}

/// Runs the benchmark and prints its tables.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--data", "--precision", "--runs", "--out"], &["--quick"])?;
    let quick = flags.has("--quick");
    let runs = flags.count("--runs", if quick { 1 } else { 5 })?;
    let precisions: &[&'static str] = match flags.text("--precision") {
        None => &["f32", "f64"],
        Some("f32") => &["f32"],
        Some("f64") => &["f64"],
        Some(other) => bail!("--precision {other}: give f32 or f64"),
    };
    let source = source(root, flags.text("--data").unwrap_or("digits"))?;
    let environment = Environment::prepare(root)?;
    let data = prepare(&environment, &source)?;
    let outcomes: Vec<Outcome> = precisions
        .iter()
        .map(|precision| compare(&environment, &data, precision, runs, quick))
        .collect::<Result<_>>()?;

    let machine = environment.describe()?;
    let versions = &outcomes[0].warm_up[2].answer["versions"];
    println!("{}", data.describe());
    println!("{}", describe_machine(&machine, versions));
    for outcome in &outcomes {
        print!("\n{}", outcome.text()?);
    }
    let results: Vec<Value> = outcomes.iter().map(Outcome::figures).collect::<Result<_>>()?;
    let figures = json!({
        "benchmark": "seed", "data": data.name, "shape": data.shape, "machine": machine, "versions": versions,
        "results": results,
    });
    write_figures(flags.text("--out"), &figures)
}

/// What prepare.py is to read: a file, or the name of a data set that scikit-learn brings along.
fn source(root: &Path, name: &str) -> Result<PathBuf> {
    match name {
        "digits" => Ok(root.join("examples/data/digits.csv")),
        "breast_cancer" => Ok(name.into()),
        file if file.ends_with(".csv") && Path::new(file).is_file() => Ok(std::path::absolute(file)?),
        file if file.ends_with(".csv") => bail!("--data {file}: there is no such file"),
        other => bail!("--data {other}: give digits, breast_cancer or a .csv file"),
    }
}

/// Puts the rows aside once: training, test, folds.
fn prepare(environment: &Environment, source: &Path) -> Result<Data> {
    let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = environment.folder(&name)?;
    let mut command = Command::new(&environment.python);
    let shape = output(command.arg(environment.script("prepare.py")).arg(source).arg(&folder))?;
    Ok(Data { folder, name, shape: serde_json::from_str(&shape).context("prepare.py prints no JSON")? })
}

impl Data {
    fn describe(&self) -> String {
        let count = |name: &str| &self.shape[name];
        format!(
            "{}: {} rows to train on in {} folds, {} to test, {} features, {} classes",
            self.name,
            count("train_rows"),
            count("folds"),
            count("test_rows"),
            count("features"),
            count("classes")
        )
    }
}

/// Our side, with sharing.
fn ours(environment: &Environment, data: &Data, precision: &str, seed: usize) -> Program {
    Program::new(SIDES[0], [&environment.opportune])
        .with(["tune".into(), data.folder.join("train.csv")])
        .with(["--test".into(), data.folder.join("test.csv")])
        .with(["--fold-file".into(), data.folder.join("folds.txt")])
        .with("--task classification --strategy grid --hidden 100 --hidden 50,50".split(' '))
        .with("--lr 0.01,0.001,0.0001 --epochs 100,200,300 --tol 1e-4".split(' '))
        .with(["--precision", precision, "--seed", &seed.to_string(), "--fresh", "--json"])
}

/// scikit-learn's side in the ways in which it can use the cores: processes or threads as workers, whose products
/// use one core each or what the BLAS library takes by default (joblib limits it in processes).
fn theirs(environment: &Environment, data: &Data, precision: &str, seed: usize) -> [Program; 4] {
    [("loky", false), ("loky", true), ("threading", false), ("threading", true)].map(|(workers, one)| {
        let label = format!("{}, {workers}{}", SIDES[2], if one { ", OMP_NUM_THREADS=1" } else { "" });
        let program = Program::new(label, [&environment.python])
            .with([environment.script("grid_search.py")])
            .with(["train.csv", "test.csv", "folds.txt"].map(|file| data.folder.join(file)))
            .with(["--precision", precision, "--seed", &seed.to_string(), "--workers", workers]);
        if one { program.variable("OMP_NUM_THREADS", "1").variable("OPENBLAS_NUM_THREADS", "1") } else { program }
    })
}

fn compare(
    environment: &Environment,
    data: &Data,
    precision: &'static str,
    runs: usize,
    quick: bool,
) -> Result<Outcome> {
    let (way, tried) = if quick {
        (0, Vec::new())
    } else {
        eprintln!("{precision}: how scikit-learn uses the cores best");
        fastest(environment, &theirs(environment, data, precision, 0))?
    };
    let sides = |seed: usize| {
        let shared = ours(environment, data, precision, seed);
        let mut unshared = shared.clone().with(["--no-share"]);
        unshared.label = SIDES[1].into();
        [shared, unshared, theirs(environment, data, precision, seed)[way].clone()]
    };
    eprintln!("{precision}: warm-up");
    let [shared, unshared, counting] = sides(0);
    let way = counting.label.clone();
    let warm_up = [
        measure(environment, &shared, true)?,
        measure(environment, &unshared, true)?,
        measure(environment, &counting.with(["--count"]), true)?,
    ];
    eprintln!("{precision}: timed runs");
    let timed = alternate(environment, runs, |_| sides(0))?;
    eprintln!("{precision}: other seeds");
    let others = alternate(environment, if quick { 0 } else { SEEDS - 1 }, |round| sides(round + 1))?;
    eprintln!("{precision}: one thread and all");
    let [shared, ..] = sides(0);
    let cores = std::thread::available_parallelism()?.get();
    let threads = alternate(environment, THREAD_PAIRS * runs, |_| {
        let one = shared.clone().with(["--threads", "1"]);
        [shared.clone(), one.clone(), one.side_by_side(cores)]
    })?;
    Ok(Outcome { precision, way, tried, warm_up, timed, others, threads, cores })
}

impl Outcome {
    /// The best candidate's accuracy over the folds, seed by seed.
    fn accuracies(&self, side: usize) -> Result<Vec<f64>> {
        let pointer = if side == 2 { "/score" } else { "/score/mean" };
        let runs = self.timed[side].iter().take(1).chain(&self.others[side]);
        runs.map(|run| number(&run.answer, pointer)).collect()
    }

    fn test_accuracy(&self, side: usize) -> Result<f64> {
        number(&self.timed[side][0].answer, if side == 2 { "/test" } else { "/test/accuracy" })
    }

    fn epochs(&self, side: usize) -> Result<f64> {
        number(&self.warm_up[side].answer, if side == 2 { "/epochs_trained" } else { "/cost/epochs_trained" })
    }

    /// How many more epochs our side trains without sharing than scikit-learn, as a share of its own.
    fn surplus(&self) -> Result<f64> {
        Ok(self.epochs(1)? / self.epochs(2)? - 1.0)
    }

    fn text(&self) -> Result<String> {
        let mut table =
            Table::new(["", "seconds", "CPU seconds", "peak MiB", "epochs", "CV accuracy", "test accuracy"]);
        for (side, label) in SIDES.iter().enumerate() {
            let runs = &self.timed[side];
            table.row([
                (*label).to_owned(),
                format!("{:.2}", median(runs.iter().map(|run| run.wall))),
                format!("{:.2}", median(runs.iter().map(|run| run.cpu))),
                self.warm_up[side].peak.map_or("not known".into(), |peak| format!("{peak:.1}")),
                format!("{:.0}", self.epochs(side)?),
                format!("{:.4}", self.accuracies(side)?[0]),
                format!("{:.4}", self.test_accuracy(side)?),
            ]);
        }
        let [shared, unshared, theirs] = &self.timed;
        let (ours, others) = (mean(&self.accuracies(0)?), mean(&self.accuracies(2)?));
        let seeds: Vec<String> = (0..=self.others[0].len()).map(|seed| seed.to_string()).collect();
        let surplus = self.surplus()?;
        let verdict = if surplus.abs() > EPOCHS_AGREE { "; NOT THE SAME TRAINING" } else { "" };
        Ok(format!(
            "{}, {}{}\n{table}  faster by {}; without sharing by {}\n  \
             epochs without sharing against scikit-learn's: {:+.1}%{verdict}\n  \
             CV accuracy over seeds {}: {ours:.4} against {others:.4}, {:+.2} points\n  \
             on all cores faster than on one by {}; a program of one thread for each core, side by side, by {}\n",
            self.precision,
            self.way,
            self.tried_text(),
            Ratio::of(shared, theirs),
            Ratio::of(unshared, theirs),
            surplus * 100.0,
            seeds.join(", "),
            (ours - others) * 100.0,
            Ratio::of(&self.threads[0], &self.threads[1]).text(2),
            self.limit().text(2),
        ))
    }

    /// How much more all cores do than one where they share nothing: what the machine allows.
    fn limit(&self) -> Ratio {
        let each = |run: &Measured| Measured { wall: run.wall / self.cores as f64, ..run.clone() };
        Ratio::of(&self.threads[2].iter().map(each).collect::<Vec<_>>(), &self.threads[1])
    }

    fn tried_text(&self) -> String {
        if self.tried.is_empty() {
            return " (the only way tried)".into();
        }
        let times: Vec<String> = self.tried.iter().map(|(way, seconds)| format!("{way}: {seconds:.1} s")).collect();
        format!(" (the fastest of {})", times.join("; "))
    }

    /// As it is written with `--out`.
    fn figures(&self) -> Result<Value> {
        let mut sides = Vec::new();
        for (side, label) in SIDES.iter().enumerate() {
            sides.push(json!({
                "program": label,
                "warm_up": self.warm_up[side].figures(),
                "runs": self.timed[side].iter().map(Measured::figures).collect::<Vec<_>>(),
                "epochs": self.epochs(side)?,
                "cv_accuracy_by_seed": self.accuracies(side)?,
                "test_accuracy": self.test_accuracy(side)?,
            }));
        }
        let [shared, unshared, theirs] = &self.timed;
        Ok(json!({
            "precision": self.precision,
            "scikit_learn_way": self.way,
            "ways_tried": self.tried.iter().map(|(way, seconds)| json!({ "way": way, "seconds": seconds })).collect::<Vec<_>>(),
            "sides": sides,
            "ratio": Ratio::of(shared, theirs).median(),
            "ratio_without_sharing": Ratio::of(unshared, theirs).median(),
            "epochs_surplus": self.surplus()?,
            "threads": self.threads.iter().map(|runs| runs.iter().map(Measured::figures).collect::<Vec<_>>()).collect::<Vec<_>>(),
            "ratio_of_threads": Ratio::of(&self.threads[0], &self.threads[1]).median(),
            "ratio_side_by_side": self.limit().median(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_of(wall: f64, answer: Value) -> Measured {
        Measured { wall, cpu: wall, peak: Some(10.0), answer }
    }

    fn outcome(epochs: u32) -> Outcome {
        let ours = |epochs: u32| json!({ "score": { "mean": 0.97 }, "test": { "accuracy": 0.96 }, "cost": { "epochs_trained": epochs } });
        let answers = [ours(50), ours(epochs), json!({ "score": 0.96, "test": 0.95, "epochs_trained": 100 })];
        let runs = |wall: f64| answers.clone().map(|answer| vec![run_of(wall, answer)]);
        let mut timed = runs(1.0);
        timed[2][0].wall = 20.0;
        Outcome {
            precision: "f32",
            way: "loky".into(),
            tried: Vec::new(),
            warm_up: answers.clone().map(|answer| run_of(1.0, answer)),
            timed,
            others: runs(1.0),
            threads: [1.0, 1.912, 2.0].map(|wall| vec![run_of(wall, ours(50))]),
            cores: 2,
        }
    }

    #[test]
    fn the_table_tells_all() {
        let text = outcome(102).text().unwrap();
        for part in [
            "20.0x (one pair)",
            "+2.0%\n",
            "over seeds 0, 1: 0.9700 against 0.9600, +1.00 points",
            "0.9500",
            "than on one by 1.91x (one pair); a program of one thread for each core, side by side, by 1.91x",
        ] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }

    #[test]
    fn other_training_is_shown_up() {
        assert!(outcome(106).text().unwrap().contains("+6.0%; NOT THE SAME TRAINING"));
        assert!(outcome(94).text().unwrap().contains("-6.0%; NOT THE SAME TRAINING"));
    }

    #[test]
    fn sources() {
        let root = Path::new("root");
        assert_eq!(source(root, "digits").unwrap(), Path::new("root/examples/data/digits.csv"));
        assert_eq!(source(root, "breast_cancer").unwrap(), Path::new("breast_cancer"));
        assert!(source(root, "none.csv").unwrap_err().to_string().contains("no such file"));
        assert!(source(root, "iris").unwrap_err().to_string().contains("give digits"));
    }

    #[test]
    fn a_figure_that_is_missing_is_an_error() {
        let mut broken = outcome(100);
        broken.timed[0][0].answer = json!({ "test": null });
        assert!(broken.figures().unwrap_err().to_string().starts_with("no number at /score/mean"));
    }
}
