//! `cargo xtask bench`: the program and the Python package against scikit-learn, and the store against Optuna's, on equal terms.
//!
//! Both sides are whole processes that start in an empty folder, read the same files and answer with one line of JSON.
//! Python measures both in the same way (`bench/measure.py`). Timed runs alternate; what a run is compared with is its
//! neighbour, so that a machine that slows down slows both.

mod cache;
pub mod environment;
pub mod judging;
mod measure;
pub mod mnist;
mod paired;
pub mod python;
pub mod scale;
pub mod seed;
pub mod study;
mod table;
pub mod trainer;
pub mod tune;

use anyhow::{Context, Result};
use serde_json::Value;

/// The number at `pointer` of an answer.
fn number(answer: &Value, pointer: &str) -> Result<f64> {
    answer.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no number at {pointer} of {answer}"))
}

/// The machine and the versions of both sides, for people.
fn describe_machine(machine: &Value, versions: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let versions: Vec<String> =
        versions.as_object().into_iter().flatten().map(|(name, version)| format!("{name} {}", text(version))).collect();
    format!(
        "{}, {} cores, {}; {}; {}",
        text(&machine["processor"]),
        machine["cores"],
        text(&machine["system"]),
        text(&machine["program"]),
        versions.join(", ")
    )
}

/// Writes all figures to the file that `--out` names, if it is given.
fn write_figures(out: Option<&str>, figures: &Value) -> Result<()> {
    let Some(out) = out else { return Ok(()) };
    std::fs::write(out, format!("{figures:#}\n")).with_context(|| format!("cannot write {out}"))?;
    println!("all figures: {out}");
    Ok(())
}
