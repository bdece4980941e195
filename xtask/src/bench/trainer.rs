//! `cargo xtask bench trainer`: one training step on one core, and of a large network on all, beside scikit-learn's and PyTorch's
//! and beside what the processor can do at most.
//!
//! Each program measures itself, the fastest of many epochs, and all are started in turn, so that a machine that slows down
//! slows all.

use super::environment::{Interpreter, example, python_environment};
use super::measure::{Program, measure};
use super::table::{Table, median};
use super::{describe_machine, number, write_figures};
use crate::flags::Flags;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::Path;

const PEERS: [&str; 2] = ["scikit-learn", "torch"];

/// One program and its answers, run by run.
struct Side {
    program: Program,
    answers: Vec<Value>,
}

impl Side {
    /// Seconds a step, the median of the runs.
    fn step(&self, width: &str, network: &str) -> Result<f64> {
        self.numbers(&format!("/steps/{width}/{network}"))
    }

    fn numbers(&self, pointer: &str) -> Result<f64> {
        let numbers: Result<Vec<f64>> = self.answers.iter().map(|answer| number(answer, pointer)).collect();
        Ok(median(numbers?))
    }
}

/// Runs the benchmark and prints its table.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--runs", "--peers", "--out"], &[])?;
    let runs = flags.count("--runs", 3)?;
    let peers: Vec<&str> = flags.text("--peers").map_or_else(|| PEERS.to_vec(), |names| names.split(',').collect());
    if let Some(name) = peers.iter().find(|name| !PEERS.contains(name)) {
        bail!("--peers {name}: not one of {}", PEERS.join(", "));
    }
    let environment = Interpreter::prepare(root)?;
    let mut sides = vec![Program::new("opportune", [example(root, "opportune-net", "step_time")?]).with(["--json"])];
    for name in peers {
        let python = match name {
            "torch" => {
                let requirements = environment.script("torch_requirements.txt");
                python_environment(&root.join("target/torch-env"), &requirements, &[])?
            }
            _ => environment.python.clone(),
        };
        sides.push(Program::new(name, [python]).with([environment.script("trainer_peer.py")]).with([name]));
    }
    let mut sides: Vec<Side> = sides.into_iter().map(|program| Side { program, answers: Vec::new() }).collect();
    for _ in 0..runs {
        for side in &mut sides {
            side.answers.push(measure(&environment, &side.program, false)?.answer);
        }
    }
    let machine = environment.describe()?;
    let versions: Value =
        sides.iter().filter_map(|side| side.answers[0]["versions"].as_object().cloned()).flatten().collect();
    println!("{}", describe_machine(&machine, &versions));
    print!("{}", text(&sides)?);
    let results: Vec<Value> =
        sides.iter().map(|side| json!({ "program": side.program.label, "runs": side.answers })).collect();
    let figures = json!({ "benchmark": "trainer", "machine": machine, "versions": versions, "sides": results });
    write_figures(flags.text("--out"), &figures)
}

fn text(sides: &[Side]) -> Result<String> {
    let ours = &sides[0];
    let mut text = String::new();
    for width in ["f32", "f64"] {
        let peak = ours.numbers(&format!("/peak/{width}"))?;
        text += &format!(
            "{width}, peak {:.0} GFLOP/s; microseconds a step, median of {}\n",
            peak / 1e9,
            ours.answers.len()
        );
        let mut table = Table::new([
            "network",
            "floor",
            "opportune",
            "of the peak",
            "scikit-learn",
            "slower by",
            "torch",
            "slower by",
        ]);
        let networks = ours.answers[0]["steps"][width].as_object().context("step_time names no networks")?;
        for network in networks.keys() {
            let step = ours.step(width, network)?;
            let floor = ours.numbers(&format!("/floors/{width}/{network}"))?;
            let peer = |name: &str| -> Result<[String; 2]> {
                let Some(side) = sides.iter().find(|side| side.program.label == name) else {
                    return Ok(["left out".into(), String::new()]);
                };
                let theirs = side.step(width, network)?;
                Ok([format!("{:.0}", theirs * 1e6), format!("{:.1}x", theirs / step)])
            };
            let ([first, first_ratio], [second, second_ratio]) = (peer(PEERS[0])?, peer(PEERS[1])?);
            table.row([
                network.clone(),
                format!("{:.0}", floor * 1e6),
                format!("{:.0}", step * 1e6),
                format!("{:.0} %", 100.0 * floor / step),
                first,
                first_ratio,
                second,
                second_ratio,
            ]);
        }
        text += &table.to_string();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_stand_beside_ours() {
        let steps = |step: f64| json!({ "f32": { "64-10": step }, "f64": { "64-10": 2.0 * step } });
        let floors = json!({ "f32": { "64-10": 5e-5 }, "f64": { "64-10": 1e-4 } });
        let ours = json!({ "steps": steps(1e-4), "floors": floors, "peak": { "f32": 1e11, "f64": 5e10 } });
        let side = |name: &str, answers| Side { program: Program::new(name, [name]), answers };
        let sides = [
            side("opportune", vec![ours]),
            side("scikit-learn", vec![json!({ "steps": steps(3e-4) }), json!({ "steps": steps(5e-4) })]),
        ];
        let text = text(&sides).unwrap();
        let line = text.lines().find(|line| line.trim_start().starts_with("64-10")).unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells, ["64-10", "50", "100", "50", "%", "400", "4.0x", "left", "out"]);
    }
}
