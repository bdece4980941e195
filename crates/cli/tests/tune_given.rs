//! What is given holds: epochs, rates, trials and budgets, and what is said of them.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::Place;
use common::search::*;
use serde_json::json;

/// A table whose labels are by chance: the fewer epochs, the better.
fn by_chance() -> Place {
    let place = Place::new();
    let number = |row: u64, of: u64| (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ of).wrapping_mul(of) >> 40;
    let row = |row: u64| {
        format!("{},{},{}\n", number(row, 77), number(row, 991), ["yes", "no"][number(row, 12_345) as usize % 2])
    };
    place.write("digits.csv", "a,b,y\n".to_string() + &(1..=120).map(row).collect::<String>());
    place
}

/// A search does not end below the fewest epochs that are allowed.
#[test]
fn never_fewer_epochs_than_allowed() {
    let place = by_chance();
    let flags = "--hidden 32 --batch 20 --lr 0.3,0.1";
    let free = found(&place, &format!("{flags} --epochs 20 --name free"));
    assert!(count(&free["best"]["epochs"]) < 6, "the test would not notice anything");
    for epochs in ["10..20", "12,20"] {
        let last = found(&by_chance(), &format!("{flags} --epochs {epochs} --schedule cosine"));
        assert_eq!((&last["best"]["schedule"], &last["until"]), (&json!("cosine"), &last["best"]["epochs"]), "{last}");
        assert!(count(&last["until"]) >= 10, "{last}");
    }
}

/// The headline has the epochs that are trained, not those that were allowed.
#[test]
fn the_headline_has_the_epochs_of_the_final_model() {
    let place = Place::with_few_digits(200);
    let last = found(&place, "--strategy halving --hidden 8 --lr 0.3,0.1,0.03 --epochs 60 --min-epochs 3");
    let until = count(&last["until"]);
    assert!(until < 60, "the test would not notice anything");
    assert!(last["headline"].as_str().unwrap().contains(&format!(" {until} ")), "{}", last["headline"]);
}

/// Exactly the rates that are given are tried, under every schedule.
#[test]
fn a_list_of_rates_holds_for_every_schedule() {
    for flags in ["--lr 0.02", "--lr 0.05,0.02,0.01", "--lr 0.02 --schedule cosine"] {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("--hidden 8 --batch 50 --epochs 12 {flags}"));
        for one in last["finalists"].as_array().unwrap() {
            assert!(flags.contains(&one["lr"].to_string()), "{flags}: {one}");
        }
    }
}

/// Probes count as trials.
#[test]
fn no_more_trials_than_allowed() {
    for trials in 1..5 {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("--hidden 8 --batch 50 --epochs 12 --trials {trials}"));
        assert!(count(&last["trials"]) <= trials && trunks(&place).len() as u64 <= trials, "{trials}: {last}");
    }
}

/// A score of a single split is that of all its rows, whatever it would be on a few of them.
#[test]
fn every_score_is_confirmed_on_a_single_split() {
    for (score, lowest) in [("roc_auc", 0.8), ("f1", 0.6), ("balanced_accuracy", 0.6), ("accuracy", 0.6)] {
        let place = Place::with_few_digits(400);
        let last = found(&place, &format!("--hidden 16 --batch 50 --epochs 20 --validation 0.2 --score {score}"));
        let (mean, search) = (last["score"]["mean"].as_f64(), number(&last["search_score"]));
        assert!(search > lowest && mean.is_some_and(|mean| mean > lowest), "{score}: {last}");
    }
}

/// A budget that ends a search early is said.
#[test]
fn a_search_that_the_budget_ends_says_so() {
    let place = Place::with_few_digits(200);
    let flags = "--hidden 8 --batch 50 --epochs 20 --lr 0.1,0.03,0.01,0.003";
    assert_eq!(found(&place, &format!("{flags} --budget-epochs 90"))["stopped"], "budget");
    let place = Place::with_few_digits(200);
    assert_eq!(found(&place, &format!("{flags} --budget-epochs 100000"))["stopped"], "complete");
}
