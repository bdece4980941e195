//! One run of a program, measured from outside.

use super::environment::{Interpreter, output};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::process::Command;

/// A command whose last line of output is its answer, in JSON.
#[derive(Clone)]
pub struct Program {
    /// As it is called in tables.
    pub label: String,
    command: Vec<OsString>,
    variables: Vec<(&'static str, String)>,
    copies: usize,
}

impl Program {
    /// A command and its arguments.
    pub fn new(label: impl Into<String>, command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let command = command.into_iter().map(Into::into).collect();
        Program { label: label.into(), command, variables: Vec::new(), copies: 1 }
    }

    /// The same command with more arguments.
    pub fn with<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.command.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The same command in an environment where `name` is `value`.
    pub fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// So many of it side by side, each in a folder of its own: what is measured is until the last one has ended.
    pub fn side_by_side(self, copies: usize) -> Self {
        Program { copies, ..self }
    }
}

/// What a run took and what it said.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Seconds of the whole process, from before it starts until it has ended.
    pub wall: f64,
    /// Seconds of computing, over all its threads and processes.
    pub cpu: f64,
    /// Largest memory of the whole process tree in MiB, where it was watched.
    pub peak: Option<f64>,
    /// The last line it printed.
    pub answer: Value,
}

impl Measured {
    /// As it is written with `--out`.
    pub fn figures(&self) -> Value {
        json!({ "seconds": self.wall, "cpu_seconds": self.cpu, "peak_mib": self.peak, "answer": self.answer })
    }
}

/// Runs `program` in an empty folder. Watching its memory takes time of its own, and is only for one alone: such a run is no timing.
pub fn measure(environment: &Interpreter, program: &Program, memory: bool) -> Result<Measured> {
    eprint!("  {}{} … ", program.label, if memory { ", watching its memory" } else { "" });
    let mut command = Command::new(&environment.python);
    command.arg(environment.script("measure.py")).args(memory.then_some("--memory"));
    if program.copies > 1 {
        command.args(["--copies", &program.copies.to_string()]);
    }
    command.args(&program.command);
    command.envs(program.variables.iter().cloned()).current_dir(environment.empty_folder("run")?);
    let report: Value = serde_json::from_str(&output(&mut command)?).context("measure.py prints no JSON")?;
    let measured = read(&report).with_context(|| format!("{}: {:?}", program.label, program.command))?;
    eprintln!("{:.2} s", measured.wall);
    Ok(measured)
}

/// What measure.py reports of a run, which must have succeeded.
fn read(report: &Value) -> Result<Measured> {
    let text = |name: &str| report[name].as_str().unwrap_or_default();
    if report["status"] != 0 {
        bail!("exit status {}; it says: {}", report["status"], text("stderr").trim_end());
    }
    let last = text("stdout").lines().next_back().context("it prints nothing")?;
    let answer = serde_json::from_str(last).with_context(|| format!("its last line is not JSON: {last}"))?;
    Ok(Measured {
        wall: super::number(report, "/wall")?,
        cpu: super::number(report, "/cpu")?,
        peak: report["peak_bytes"].as_f64().map(|bytes| bytes / f64::from(1 << 20)),
        answer,
    })
}

/// Runs the programs of each round one after the other, and returns the runs program by program.
pub fn alternate<const N: usize>(
    environment: &Interpreter,
    rounds: usize,
    programs: impl Fn(usize) -> [Program; N],
) -> Result<[Vec<Measured>; N]> {
    let mut runs = std::array::from_fn(|_| Vec::new());
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for (program, runs) in programs(round).iter().zip(&mut runs) {
            runs.push(measure(environment, program, false)?);
        }
    }
    Ok(runs)
}

/// A way in which a program can use the cores, and the seconds it took.
pub type Tried = (String, f64);

/// Runs a program once in each of the ways there are. Returns the fastest one's place and what each took.
pub fn fastest(environment: &Interpreter, ways: &[Program]) -> Result<(usize, Vec<Tried>)> {
    let mut tried: Vec<Tried> = Vec::new();
    for way in ways {
        tried.push((way.label.clone(), measure(environment, way, false)?.wall));
    }
    let best = (0..tried.len()).min_by(|&a, &b| tried[a].1.total_cmp(&tried[b].1));
    Ok((best.context("there is no way to run the program")?, tried))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_answer() {
        let report = json!({ "wall": 1.5, "cpu": 2.0, "peak_bytes": 3 << 20, "status": 0, "stdout": "x\n{\"a\":1}\n" });
        let measured = read(&report).unwrap();
        assert_eq!((measured.wall, measured.cpu, measured.peak), (1.5, 2.0, Some(3.0)));
        assert_eq!(measured.answer, json!({ "a": 1 }));
    }

    #[test]
    fn a_failure_is_told_in_its_own_words() {
        let report = json!({ "status": 2, "stdout": "", "stderr": "no such file\n" });
        assert_eq!(read(&report).unwrap_err().to_string(), "exit status 2; it says: no such file");
        let report = json!({ "status": 0, "stdout": "hello\n", "stderr": "" });
        assert_eq!(read(&report).unwrap_err().to_string(), "its last line is not JSON: hello");
    }
}
