//! `cargo xtask bench mnist`: one network of 100 units on 60,000 images for 20 epochs, against MLPClassifier.
//!
//! Both in single precision, batches of 200, pixels less their mean over their deviation, all 20 epochs, scored on the
//! 10,000 test images. Each pair of runs has a seed of its own.

use super::environment::Environment;
use super::measure::{Measured, Program, Tried, alternate, fastest, measure};
use super::table::{Ratio, Table, median};
use super::{describe_machine, number, write_figures};
use crate::flags::Flags;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const SIDES: [&str; 2] = ["opportune", "scikit-learn"];
/// Where each side says how many test images it names rightly.
const TEST_ACCURACY: [&str; 2] = ["/test/accuracy", "/test"];

/// The four files, by the names they were published under.
const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Runs the benchmark and prints its table.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--data", "--runs", "--out"], &[])?;
    let runs = flags.count("--runs", 3)?;
    let data = flags.text("--data").context("--data is missing: give the folder with the four IDX files")?;
    let data = std::path::absolute(data)?;
    check_files(&data)?;
    let environment = Environment::prepare(root)?;

    eprintln!("how scikit-learn uses the cores best");
    let (way, tried) = fastest(&environment, &theirs(&environment, &data, 0))?;
    let sides = |seed: usize| [ours(&environment, &data, seed), theirs(&environment, &data, seed)[way].clone()];
    eprintln!("warm-up");
    let [first, second] = sides(0);
    let warm_up = [measure(&environment, &first, true)?, measure(&environment, &second, true)?];
    eprintln!("timed runs");
    let timed = alternate(&environment, runs, sides)?;

    let machine = environment.describe()?;
    let versions = &warm_up[1].answer["versions"];
    println!("{}", describe_machine(&machine, versions));
    print!("{}", text(&warm_up, &timed, &tried[way], &tried)?);
    let mut results = Vec::new();
    for (side, label) in SIDES.iter().enumerate() {
        let runs: Vec<Value> = timed[side].iter().map(Measured::figures).collect();
        results.push(json!({
            "program": label, "warm_up": warm_up[side].figures(), "runs": runs,
            "test_accuracy_by_seed": accuracies(&timed[side], side)?,
        }));
    }
    let figures = json!({
        "benchmark": "mnist", "machine": machine, "versions": versions, "scikit_learn_way": tried[way].0,
        "sides": results, "ratio": Ratio::of(&timed[0], &timed[1]).median(),
    });
    write_figures(flags.text("--out"), &figures)
}

/// An error if one of the four files of MNIST is missing in `folder`.
pub fn check_files(folder: &Path) -> Result<()> {
    for name in FILES {
        let place = |ending: &str| folder.join(format!("{name}{ending}"));
        if !place("").is_file() && !place(".gz").is_file() {
            bail!("{}: no {name} or {name}.gz; put the four files of MNIST there", folder.display());
        }
    }
    Ok(())
}

fn ours(environment: &Environment, data: &Path, seed: usize) -> Program {
    Program::new(SIDES[0], [&environment.opportune])
        .with([PathBuf::from("fit"), data.to_path_buf()])
        .with("--hidden 100 --lr 0.001 --epochs 20 --batch 200 --precision f32 --fresh --json --seed".split(' '))
        .with([seed.to_string()])
}

/// scikit-learn with as many threads as its BLAS library takes by default, or one.
fn theirs(environment: &Environment, data: &Path, seed: usize) -> [Program; 2] {
    let program = Program::new(SIDES[1], [&environment.python])
        .with([environment.script("mnist.py"), data.to_path_buf()])
        .with([seed.to_string()]);
    let mut single = program.clone().variable("OMP_NUM_THREADS", "1").variable("OPENBLAS_NUM_THREADS", "1");
    single.label = format!("{}, OMP_NUM_THREADS=1", SIDES[1]);
    [program, single]
}

fn accuracies(runs: &[Measured], side: usize) -> Result<Vec<f64>> {
    runs.iter().map(|run| number(&run.answer, TEST_ACCURACY[side])).collect()
}

fn text(warm_up: &[Measured; 2], timed: &[Vec<Measured>; 2], way: &Tried, tried: &[Tried]) -> Result<String> {
    let mut table = Table::new(["", "seconds", "CPU seconds", "peak MiB", "test accuracy"]);
    for (side, label) in SIDES.iter().enumerate() {
        let runs = &timed[side];
        table.row([
            (*label).to_owned(),
            format!("{:.2}", median(runs.iter().map(|run| run.wall))),
            format!("{:.2}", median(runs.iter().map(|run| run.cpu))),
            warm_up[side].peak.map_or("not known".into(), |peak| format!("{peak:.1}")),
            format!("{:.4}", median(accuracies(runs, side)?)),
        ]);
    }
    let times: Vec<String> = tried.iter().map(|(way, seconds)| format!("{way}: {seconds:.1} s")).collect();
    let ratio = Ratio::of(&timed[0], &timed[1]);
    Ok(format!("{table}  faster by {ratio}, against {} ({})\n", way.0, times.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_missing_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in &FILES[..3] {
            std::fs::write(folder.path().join(format!("{name}.gz")), "").unwrap();
        }
        assert!(check_files(folder.path()).unwrap_err().to_string().contains("no t10k-labels-idx1-ubyte"));
        std::fs::write(folder.path().join(FILES[3]), "").unwrap();
        check_files(folder.path()).unwrap();
    }

    #[test]
    fn the_table_tells_all() {
        let run = |wall: f64, answer: Value| Measured { wall, cpu: wall, peak: None, answer };
        let (ours, theirs) = (json!({ "test": { "accuracy": 0.975 } }), json!({ "test": 0.97 }));
        let warm_up = [run(1.0, ours.clone()), run(1.0, theirs.clone())];
        let timed = [vec![run(2.0, ours)], vec![run(10.0, theirs)]];
        let tried = [("one".to_owned(), 9.0), ("two".to_owned(), 8.0)];
        let text = text(&warm_up, &timed, &tried[1], &tried).unwrap();
        for part in ["0.9750", "0.9700", "not known", "5.0x (one pair), against two (one: 9.0 s; two: 8.0 s)"] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }
}
