//! Rules that read the curve do what those of PyTorch, Keras, transformers and scikit-learn do, epoch by epoch; see
//! xtask/golden/rules.py.

use opportune_core::schedule::Schedule;
use opportune_core::score::Score;
use opportune_core::stop::{Patience, Point, StopRule, Stopped, Watch};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    curves: BTreeMap<String, Vec<Option<f64>>>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    source: String,
    curve: String,
    /// The values are those of a score that is better when it is higher, with their sign turned.
    score: bool,
    base: Option<f64>,
    /// Epochs, from 0, from which a rate holds.
    rates: Option<Vec<(u32, f64)>>,
    stopped: Option<u32>,
    chosen: Option<u32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/rules.json")).expect("rows")
}

/// A training in which all that rules may read is the value.
fn point(epoch: u32, rate: f64, value: f64) -> Point {
    Point {
        epoch,
        rate,
        train_loss: 0.5,
        objective: if value.is_nan() { 0.5 } else { value },
        validation_loss: Some(value),
        score: Some(-value),
    }
}

#[test]
fn rates_are_lowered_when_upstream_lowers_them() {
    let golden = golden();
    let mut sources = BTreeMap::new();
    for row in &golden.rows {
        let (Some(base), Some(rates)) = (row.base, &row.rates) else { continue };
        let schedule: Schedule = row.text.parse().unwrap();
        let curve = &golden.curves[&row.curve];
        let ruled = schedule.ruled(7, 100).unwrap().unwrap();
        let mut watch = ruled.watch(Score::Accuracy);
        let mut stopped = None;
        let mut seen = 0;
        for (index, value) in curve.iter().enumerate() {
            let epoch = index as u32;
            let wanted = rates.iter().rev().find(|(from, _)| *from <= epoch).unwrap().1;
            let resolved = ruled.written_out(watch.changes()).resolve(Some(base), 7, 100).unwrap();
            let rate = resolved.at(u64::from(epoch) * 7).rate;
            // Keras keeps its rate in 32 bits.
            let tolerance = if row.source.starts_with("Keras") { 1e-6 } else { 1e-12 };
            let near = (rate - wanted).abs() <= tolerance * wanted;
            assert!(near, "{} ({}) on {}: {rate} in epoch {epoch}, not {wanted}", row.text, row.source, row.curve);
            assert!(watch.certain() > epoch, "{} does not say that it knows the rate of epoch {epoch}", row.text);
            seen = epoch + 1;
            stopped = watch.observe(&point(seen, rate, value.unwrap_or(f64::NAN)));
            if stopped.is_some() {
                break;
            }
        }
        assert_eq!(stopped, row.stopped.map(|_| Stopped::Converged), "{} on {}", row.text, row.curve);
        assert_eq!(row.stopped.unwrap_or(curve.len() as u32), seen, "{} on {}", row.text, row.curve);
        *sources.entry(row.source.clone()).or_insert(0) += usize::from(rates.len() > 1);
    }
    let names =
        ["Keras ReduceLROnPlateau", "scikit-learn adaptive", "torch ReduceLROnPlateau", "transformers GreedyLR"];
    for name in names {
        assert!(sources.get(name).is_some_and(|changed| *changed >= 10), "{name}: {sources:?}");
    }
}

/// A stop rule as the rows write it.
fn rule(row: &Row) -> StopRule {
    let words = row.text.split(", ").filter_map(|word| word.split_once('='));
    let words: BTreeMap<&str, &str> = words.collect();
    let number = |key: &str| words.get(key).map(|word| word.parse::<f64>().expect("a number"));
    let epochs = number("patience").expect("a patience") as u32;
    match (&row.source[..], number("tol")) {
        ("scikit-learn tol", Some(tol)) => StopRule::Tol { tol, epochs },
        ("scikit-learn early_stopping", Some(tol)) => StopRule::ScoreTol { tol, epochs },
        _ => StopRule::Patience(Patience {
            min_delta: number("min_delta").unwrap_or(0.0),
            baseline: number("baseline"),
            start: number("start_from_epoch").unwrap_or(0.0) as u32,
            last: words.get("restore_best_weights") == Some(&"false"),
            ..Patience::new(epochs)
        }),
    }
}

#[test]
fn trainings_stop_when_upstream_stops_them_and_deliver_the_same_epoch() {
    let golden = golden();
    let mut counted = 0;
    for row in golden.rows.iter().filter(|row| row.chosen.is_some()) {
        let curve = &golden.curves[&row.curve];
        let rule = rule(row);
        let mut watch = Watch::new(&[rule], Score::Accuracy, 1.0, curve.len() as u32);
        let mut stopped = None;
        for (value, epoch) in curve.iter().zip(1..) {
            // What is not a number would end the run as diverged where it is a loss.
            let value = value.unwrap_or(if row.score { f64::NAN } else { f64::MAX });
            let one = point(epoch, 0.1, value);
            stopped = watch.observe(&Point { validation_loss: one.validation_loss.filter(|_| !row.score), ..one });
            if stopped.is_some() {
                break;
            }
        }
        let name = format!("{} ({}) on {}", row.text, row.source, row.curve);
        assert_eq!(watch.seen(), row.stopped.unwrap_or(curve.len() as u32), "{name}");
        assert_eq!(stopped == Some(Stopped::Complete), row.stopped.is_none(), "{name}");
        // An upstream run that never got better than anything keeps its last weights.
        assert_eq!(watch.chosen(), row.chosen.unwrap(), "{name}");
        counted += 1;
    }
    assert!(counted >= 60, "{counted}");
}
