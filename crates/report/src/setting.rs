//! The settings of trials: in which order they are shown, and which of them differ.

use crate::number;
use opportune_core::memory::TrialResult;
use opportune_core::space::Value;
use std::collections::BTreeSet;

/// From what shapes the network to what trains it; settings not named here follow by name.
const ORDER: &[&str] = &[
    "hidden",
    "activation",
    "layer-norm",
    "loss",
    "label-smoothing",
    "optimizer",
    "schedule",
    "lr",
    "epochs",
    "batch",
    "l2",
    "weight-decay",
    "dropout",
    "clip-norm",
    "clip-value",
    "average",
];

/// Names of all settings that any trial has, in the order in which they are shown.
pub(crate) fn names(results: &[TrialResult]) -> Vec<String> {
    let all: BTreeSet<&str> = results.iter().flat_map(|one| one.config.iter().map(|(name, _)| name)).collect();
    let known = ORDER.iter().filter(|name| all.contains(**name)).copied();
    let others = all.iter().filter(|name| !ORDER.contains(*name)).copied();
    known.chain(others).map(str::to_string).collect()
}

/// Those of [`names`] that do not have the same value in all trials.
pub(crate) fn varying(results: &[TrialResult]) -> Vec<String> {
    let mut names = names(results);
    names.retain(|name| results.iter().any(|one| one.config.get(name) != results[0].config.get(name)));
    names
}

/// A setting of a trial as it is written; empty where it has none.
pub(crate) fn text(result: &TrialResult, name: &str) -> String {
    result.config.get(name).map(ToString::to_string).unwrap_or_default()
}

/// The same with at most five digits of a number, for reading; two settings that are not equal may look equal.
pub(crate) fn brief(result: &TrialResult, name: &str) -> String {
    match result.config.get(name) {
        Some(Value::Number(value)) => number::short(*value, 5),
        _ => text(result, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{count, number, trial, word};

    #[test]
    fn what_differs_is_named_in_order() {
        let one = trial(0, &[("zeal", word("a")), ("lr", number(0.1)), ("epochs", count(5))], vec![]);
        let two = trial(1, &[("zeal", word("b")), ("lr", number(1e-4)), ("epochs", count(5))], vec![]);
        let three = trial(2, &[("hidden", word("x")), ("lr", number(0.1)), ("epochs", count(5))], vec![]);
        assert_eq!(names(&[one.clone(), three.clone()]), ["hidden", "lr", "epochs", "zeal"]);
        assert_eq!(varying(&[one.clone(), two.clone()]), ["lr", "zeal"]);
        assert_eq!(varying(&[one.clone(), three.clone()]), ["hidden", "zeal"]);
        assert!(varying(std::slice::from_ref(&one)).is_empty() && varying(&[]).is_empty());
        assert_eq!((text(&two, "lr").as_str(), text(&two, "hidden").as_str()), ("1e-4", ""));
        let long = trial(3, &[("lr", number(0.020309176209047347))], vec![]);
        assert_eq!((text(&long, "lr").as_str(), brief(&long, "lr").as_str()), ("0.020309176209047347", "0.020309"));
    }
}
