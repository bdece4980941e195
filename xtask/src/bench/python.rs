//! `cargo xtask bench python`: the Python package beside scikit-learn, from inside Python.
//!
//! The wheel as released, in a folder of its own, in the environment of the package's tests. Each side is a process that
//! times what it calls, after a call that starts what a process starts once: threads, workers, imports. Timed runs
//! alternate, and scikit-learn has its fastest setting of workers and threads.

use super::environment::Interpreter;
use super::measure::{Measured, Program, Tried, measure};
use super::table::{Ratio, Table, median};
use super::{describe_machine, mnist, number, write_figures};
use crate::flags::Flags;
use crate::python;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const SIDES: [&str; 2] = ["opportune", "scikit-learn"];
const WIDTHS: [&str; 2] = ["f64", "f32"];

/// Python with both packages.
struct Bench {
    environment: Interpreter,
    /// Where the released wheel is installed.
    package: PathBuf,
    runs: usize,
    /// Whether scikit-learn's ways to use the cores are tried; else it has the first.
    tries: bool,
}

/// How scikit-learn uses the cores: joblib's workers, if it has any, and products on one core each or on as many as the BLAS
/// library takes (joblib limits it in processes).
#[derive(Clone, Copy)]
struct Way {
    workers: &'static str,
    one_thread: bool,
}

/// One thing that both sides do, timed.
struct Compared {
    title: String,
    /// How scikit-learn uses the cores.
    way: String,
    /// What its ways took, where they were tried.
    tried: Vec<Tried>,
    /// Run by run; `wall` is what the process says of itself.
    timed: [Vec<Measured>; 2],
}

/// Runs the benchmark and prints its tables.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--data", "--runs", "--out"], &["--quick"])?;
    let quick = flags.has("--quick");
    let runs = flags.count("--runs", if quick { 1 } else { 3 })?;
    let images = flags.text("--data").map(std::path::absolute).transpose()?;
    if let Some(folder) = &images {
        mnist::check_files(folder)?;
    }
    let environment = Interpreter::new(root, python::environment(root)?);
    let package = environment.empty_folder("python-package")?;
    python::install(root, &environment.python, &package)?;
    let bench = Bench { environment, package, runs, tries: !quick };

    let grids = WIDTHS.iter().map(|width| bench.grid(width)).collect::<Result<Vec<_>>>()?;
    let mut fits = Vec::new();
    for data in ["digits", "mnist", "rows"].into_iter().filter(|data| *data != "mnist" || images.is_some()) {
        for width in WIDTHS {
            fits.push(bench.fit(data, width, images.as_deref())?);
        }
    }
    let call = bench.compare("call", &[Way::ONE], |side, _| vec!["call".into(), SIDES[side].into()])?;
    let imports = measure(&bench.environment, &bench.program("imports", ["imports"]), false)?.answer;

    let machine = bench.environment.describe()?;
    let versions = &imports["versions"];
    println!("{}", describe_machine(&machine, versions));
    print!("\n{}\n{}\n{}\n{}", grid_text(&grids)?, fit_text(&fits)?, call_text(&call)?, import_text(&imports)?);
    if images.is_none() {
        println!("MNIST is left out: give --data DIR, a folder with its four IDX files");
    }
    let all = |compared: &[Compared]| compared.iter().map(Compared::figures).collect::<Vec<_>>();
    let figures = json!({
        "benchmark": "python", "machine": machine, "versions": versions, "grids": all(&grids), "fits": all(&fits),
        "call": call.figures(), "imports": imports["modules"],
    });
    write_figures(flags.text("--out"), &figures)
}

impl Way {
    const ONE: Way = Way { workers: "", one_thread: true };

    fn label(self) -> String {
        let parts = [SIDES[1], self.workers, if self.one_thread { "OMP_NUM_THREADS=1" } else { "" }];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

impl Bench {
    fn program(&self, label: &str, words: impl IntoIterator<Item = impl Into<OsString>>) -> Program {
        Program::new(label, [&self.environment.python])
            .with([self.environment.script("python_numbers.py")])
            .with(words)
            .variable("PYTHONPATH", self.package.to_string_lossy())
    }

    /// The third example's grid.
    fn grid(&self, width: &str) -> Result<Compared> {
        let ways = ["loky", "threading"].map(|workers| [false, true].map(|one_thread| Way { workers, one_thread }));
        self.compare(&format!("digits {width}"), ways.as_flattened(), |side, way| {
            ["grid", SIDES[side], width, way.workers].map(OsString::from).into()
        })
    }

    /// One network on `data`.
    fn fit(&self, data: &str, width: &str, images: Option<&Path>) -> Result<Compared> {
        let ways = [false, true].map(|one_thread| Way { workers: "", one_thread });
        self.compare(&format!("{data} {width}"), &ways, |side, _| {
            let folder = images.filter(|_| data == "mnist").map(OsString::from);
            ["fit", SIDES[side], data, width].map(OsString::from).into_iter().chain(folder).collect()
        })
    }

    /// Both sides in turn, after scikit-learn's ways to use the cores. `words` are the arguments of a side in one of them.
    fn compare(&self, title: &str, ways: &[Way], words: impl Fn(usize, Way) -> Vec<OsString>) -> Result<Compared> {
        let theirs = |way: &Way| {
            let program = self.program(&way.label(), words(1, *way));
            let limits = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"];
            limits.iter().filter(|_| way.one_thread).fold(program, |program, name| program.variable(name, "1"))
        };
        eprintln!("{title}");
        let mut tried = Vec::new();
        if self.tries && ways.len() > 1 {
            for way in ways {
                tried.push((way.label(), self.timed(&theirs(way))?.wall));
            }
        }
        let best = (0..tried.len()).min_by(|&a, &b| tried[a].1.total_cmp(&tried[b].1)).unwrap_or(0);
        let sides = [self.program(SIDES[0], words(0, ways[best])), theirs(&ways[best])];
        let mut timed = [Vec::new(), Vec::new()];
        for _ in 0..self.runs {
            for (program, runs) in sides.iter().zip(&mut timed) {
                runs.push(self.timed(program)?);
            }
        }
        Ok(Compared { title: title.into(), way: ways[best].label(), tried, timed })
    }

    /// One run; its seconds are those of the call, as the process tells them.
    fn timed(&self, program: &Program) -> Result<Measured> {
        let mut measured = measure(&self.environment, program, false)?;
        measured.wall = number(&measured.answer, "/seconds")?;
        Ok(measured)
    }
}

impl Compared {
    fn seconds(&self, side: usize) -> f64 {
        median(self.timed[side].iter().map(|run| run.wall))
    }

    fn ratio(&self) -> Ratio {
        Ratio::of(&self.timed[0], &self.timed[1])
    }

    /// What a side says of itself, which is the same in all its runs.
    fn answer(&self, side: usize) -> &Value {
        &self.timed[side][0].answer
    }

    fn figures(&self) -> Value {
        let side = |side: usize| {
            let runs: Vec<Value> = self.timed[side].iter().map(|run| run.answer.clone()).collect();
            json!({ "program": SIDES[side], "runs": runs })
        };
        json!({
            "what": self.title, "scikit_learn_way": self.way, "tried": self.tried, "sides": [side(0), side(1)],
            "ratio": self.ratio().median(),
        })
    }

    /// The way it was compared with, and what all took.
    fn ways(&self) -> String {
        let times: Vec<String> = self.tried.iter().map(|(way, seconds)| format!("{way}: {seconds:.2} s")).collect();
        let times = if times.is_empty() { String::new() } else { format!(" ({})", times.join("; ")) };
        format!("  {}: against {}{times}\n", self.title, self.way)
    }
}

/// How many scores of folds there are, and how many of them differ.
fn differing(compared: &Compared) -> Result<(usize, usize)> {
    let scores = |side: usize| -> Result<Vec<&Value>> {
        let folds = compared.answer(side)["folds"].as_array().context("a grid names no folds")?;
        Ok(folds.iter().filter_map(Value::as_array).flatten().collect())
    };
    let (ours, theirs) = (scores(0)?, scores(1)?);
    if ours.is_empty() || ours.len() != theirs.len() {
        bail!("{}: the grids have {} and {} scores", compared.title, ours.len(), theirs.len());
    }
    Ok((ours.len(), ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count()))
}

fn grid_text(grids: &[Compared]) -> Result<String> {
    let mut table =
        Table::new(["GridSearchCV.fit", SIDES[0], SIDES[1], "faster by", "best parameters", "fold scores that differ"]);
    for grid in grids {
        let (all, differ) = differing(grid)?;
        let same = grid.answer(0)["best"] == grid.answer(1)["best"];
        table.row([
            grid.title.clone(),
            format!("{:.2} s", grid.seconds(0)),
            format!("{:.2} s", grid.seconds(1)),
            grid.ratio().to_string(),
            if same { "the same" } else { "others" }.into(),
            format!("{differ} of {all}"),
        ]);
    }
    Ok(format!("{table}{}", grids.iter().map(Compared::ways).collect::<String>()))
}

fn fit_text(fits: &[Compared]) -> Result<String> {
    let mut table = Table::new([
        "MLPClassifier.fit",
        SIDES[0],
        SIDES[1],
        "faster by",
        "peak memory beyond the rows",
        "epochs",
        "accuracy on its rows",
    ]);
    for fit in fits {
        let both =
            |text: &dyn Fn(usize) -> Result<String>| Ok::<_, anyhow::Error>(format!("{} | {}", text(0)?, text(1)?));
        let peak = |side: usize| -> Result<String> {
            let peaks: Vec<f64> = fit.timed[side].iter().filter_map(|run| run.answer["peak_mib"].as_f64()).collect();
            Ok(if peaks.is_empty() { "not known".into() } else { format!("{:.1} MiB", median(peaks)) })
        };
        table.row([
            fit.title.clone(),
            format!("{:.2} s", fit.seconds(0)),
            format!("{:.2} s", fit.seconds(1)),
            fit.ratio().to_string(),
            both(&peak)?,
            both(&|side| Ok(number(fit.answer(side), "/epochs")?.to_string()))?,
            both(&|side| Ok(format!("{:.4}", number(fit.answer(side), "/score")?)))?,
        ]);
    }
    Ok(format!("{table}{}", fits.iter().map(Compared::ways).collect::<String>()))
}

/// A fit that trains next to nothing.
fn call_text(call: &Compared) -> Result<String> {
    let mut table =
        Table::new(["fit of one step on 10 rows", "milliseconds", "training", "this package", "scikit-learn's checks"]);
    for (side, label) in SIDES.iter().enumerate() {
        let part = |pointer: &str| -> Result<String> {
            let seconds: Result<Vec<f64>> = call.timed[side].iter().map(|run| number(&run.answer, pointer)).collect();
            Ok(format!("{:.3}", median(seconds?) * 1e3))
        };
        let [whole, training, package, checks] = ["/seconds", "/training", "/package", "/checks"].map(part);
        table.row([(*label).to_owned(), whole?, training?, package?, checks?]);
    }
    Ok(table.to_string())
}

fn import_text(imports: &Value) -> Result<String> {
    let mut table = Table::new(["import", "milliseconds", "least", "most", "beyond"]);
    for (name, import) in imports["modules"].as_object().context("no module was imported")? {
        let time = |pointer: &str| Ok::<_, anyhow::Error>(format!("{:.0}", number(import, pointer)? * 1e3));
        let beyond = import["beyond"].as_str().unwrap_or_default().to_owned();
        table.row([name.clone(), time("/seconds")?, time("/least")?, time("/most")?, beyond]);
    }
    Ok(table.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(ours: Value, theirs: Value) -> Compared {
        let run = |answer: Value| Measured { wall: answer["seconds"].as_f64().unwrap(), cpu: 0.0, peak: None, answer };
        Compared {
            title: "digits f64".into(),
            way: "scikit-learn, loky".into(),
            tried: vec![("scikit-learn, loky".into(), 9.0)],
            timed: [vec![run(ours)], vec![run(theirs)]],
        }
    }

    #[test]
    fn scores_that_differ_are_counted() {
        let answer = |seconds: f64, best: &str, last: f64| json!({ "seconds": seconds, "best": best, "folds": [[0.5, 0.25], [1.0, last]] });
        let text = grid_text(&[compared(answer(2.0, "a", 0.5), answer(18.0, "b", 0.25))]).unwrap();
        for part in ["9.0x (one pair)", "others", "1 of 4", "against scikit-learn, loky (scikit-learn, loky: 9.00 s)"] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
        let short = json!({ "seconds": 1.0, "folds": [[0.5]] });
        assert!(grid_text(&[compared(short, answer(1.0, "a", 1.0))]).is_err());
    }

    #[test]
    fn what_is_around_the_training_is_told() {
        let answer = |seconds: f64, package: f64| json!({ "seconds": seconds, "training": 0.0005, "package": package, "checks": 0.002 });
        let text = call_text(&compared(answer(0.00275, 0.00025), answer(0.0025, 0.0))).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["opportune", "2.750", "0.500", "0.250", "2.000"]);
        assert_eq!(rows[2], ["scikit-learn", "2.500", "0.500", "0.000", "2.000"]);
    }

    #[test]
    fn memory_that_is_not_known_is_said() {
        let answer = |peak: Value| json!({ "seconds": 1.0, "peak_mib": peak, "epochs": 2, "score": 0.75 });
        let text = fit_text(&[compared(answer(json!(1.25)), answer(Value::Null))]).unwrap();
        for part in ["1.2 MiB | not known", "2 | 2", "0.7500 | 0.7500"] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }
}
