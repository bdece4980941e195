//! Searches of the program: what they say, and what they really trained.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use super::{Begun, Place, Ran, table};
use serde_json::Value;
use std::collections::BTreeMap;

/// Those that are the same bytes whenever the search is: the pictures say how long it took.
pub const SAME: [&str; 3] = ["model.safetensors", "best.toml", "trials.csv"];

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

pub fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

pub fn numbers_of(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// Mean and sample standard deviation.
pub fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

pub fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

pub fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

/// Searches in `digits.csv`, told as JSON and traced.
pub fn search(place: &Place, flags: &str) -> Ran {
    place.run(&format!("tune digits.csv {flags} --json --trace trace"))
}

/// Of a search that is the first in its place: the last event, whose costs are what was trained.
pub fn found(place: &Place, flags: &str) -> Value {
    let last = search(place, flags).good().last();
    costs_are_what_was_trained(&last, &place.begun());
    last
}

pub fn parts(begun: &[Begun], is: impl Fn(&str) -> bool) -> u64 {
    begun.iter().filter(|one| is(&one.part)).count() as u64
}

pub fn on_folds(begun: &[Begun]) -> u64 {
    parts(begun, |part| part.starts_with("fold") && !part.ends_with("confirmation"))
}

pub fn costs_are_what_was_trained(last: &Value, begun: &[Begun]) {
    let cost = |name: &str| count(&last["cost"][name]);
    assert!(begun.iter().all(|one| one.whole));
    assert_eq!(cost("search") + cost("forks"), on_folds(begun), "{}", last["cost"]);
    assert_eq!(cost("confirmation"), parts(begun, |part| part.ends_with("confirmation")), "{}", last["cost"]);
    assert_eq!(cost("refit") + cost("overtaken"), parts(begun, |part| part == "all rows"), "{}", last["cost"]);
    assert_eq!(cost("epochs_trained") + cost("overtaken"), begun.len() as u64 + cost("range_test"), "{}", last["cost"]);
}

pub fn bytes(place: &Place, study: &str) -> BTreeMap<&'static str, Vec<u8>> {
    SAME.into_iter().map(|name| (name, place.bytes(&format!("opportune-out/{study}/{name}")))).collect()
}

/// Without what may differ between two studies that are the same: time and what comes of it, and the commands that go on
/// from there.
pub fn timeless(last: &Value) -> Value {
    let mut last = last.clone();
    for name in ["seconds", "overtaken"] {
        last["cost"].as_object_mut().unwrap().remove(name).unwrap();
    }
    last.as_object_mut().unwrap().remove("next");
    last
}

/// The runs of constant rate in a table of trials: their rates, hidden layers and fewest epochs of a fold.
pub fn trunks(place: &Place) -> Vec<(f64, String, u64)> {
    let mut trunks: BTreeMap<u64, (f64, String, u64)> = BTreeMap::new();
    for row in table(&place.text("opportune-out/digits/trials.csv")) {
        let epochs = row["epochs_trained"].parse().unwrap();
        if row["schedule"] == "constant" {
            let one = (row["lr"].parse().unwrap(), row["hidden"].clone(), epochs);
            let trunk = trunks.entry(row["trial"].parse().unwrap()).or_insert(one);
            trunk.2 = trunk.2.min(epochs);
        }
    }
    trunks.into_values().collect()
}

/// Trains what was delivered again, by `fit`: the same model.
pub fn delivered_can_be_trained_again(place: &Place) {
    place.run("fit digits.csv --config opportune-out/digits/best.toml --quiet").good();
    let [delivered, again] = ["digits", "digits-fit"].map(|name| format!("opportune-out/{name}/model.safetensors"));
    assert!(place.bytes(&delivered) == place.bytes(&again), "another model");
}
