//! Rates held against those of PyTorch, transformers, timm, fastai and of plain Python.

mod golden_rows;

use golden_rows::{Clock, Run};
use opportune_core::schedule::{KINDS, Schedule};
use serde::Deserialize;

/// What one schedule gave elsewhere.
#[derive(Deserialize)]
struct Row {
    text: String,
    base: Option<f64>,
    #[serde(flatten)]
    run: Run,
}

fn rows() -> Vec<Row> {
    let read = |text: &str| serde_json::from_str::<Vec<Row>>(text).expect("golden rows");
    let mut rows = read(include_str!("golden/schedules.json"));
    rows.extend(read(include_str!("golden/schedules_text.json")));
    rows
}

#[test]
fn rates_are_those_of_other_libraries() {
    for row in &rows() {
        let schedule: Schedule = row.text.parse().unwrap_or_else(|error| panic!("{}: {error}", row.text));
        let resolved = schedule
            .resolve(row.base, row.run.steps_per_epoch, row.run.epochs)
            .unwrap_or_else(|error| panic!("{}: {error}", row.text));
        assert_eq!(resolved.held_per_epoch(), row.run.clock == Clock::Epoch, "{}", row.text);
        assert_eq!(schedule.cycles_momentum(), row.run.momenta.is_some(), "{}", row.text);
        row.run.compare(&row.text, &resolved);
    }
}

/// Every kind is told of by someone else than its own code.
#[test]
fn every_kind_has_a_row() {
    let rows = rows();
    // Rules that read a metric have no rates to be told ahead; they are tested where they are.
    let reads_a_metric = ["on_plateau", "greedy", "adaptive"];
    for kind in KINDS.iter().filter(|kind| !reads_a_metric.contains(&kind.name)) {
        let named = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == kind.name);
        let count = rows.iter().filter(|row| named(&row.text)).count();
        assert!(count > 0, "{} has no golden row", kind.name);
    }
}
