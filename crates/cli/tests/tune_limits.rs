//! Strategies, what limits them, and studies that go on with more.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::search::*;
use common::{Begun, Place, Ran, repeated, table};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All finalists are runs of constant rate with a cooldown, so that a rate tells whose epoch it is: one of cosine can come
/// by the same.
const COOLED: &str = "--schedule 'sequence(constant, cooldown(20%))'";

/// Goes on with a study: the last event, and the epochs of that command only. No run of constant rate is trained again on
/// the folds of the search. (Other runs may have their first epochs in common with one that was not kept there.)
fn more(place: &Place, flags: &str) -> (Value, Vec<Begun>) {
    let before = place.begun().len();
    let last = search(place, flags).good().last();
    let begun = place.begun();
    let rates: BTreeSet<String> = trunks(place).into_iter().map(|trunk| trunk.0.to_string()).collect();
    let on_folds = |one: &Begun| one.part.starts_with("fold") && !one.part.ends_with("confirmation");
    let searched = |one: &&Begun| on_folds(one) && rates.contains(&one.rate.to_string());
    let searched: Vec<Begun> = begun.iter().filter(searched).cloned().collect();
    assert!(!searched.is_empty());
    assert_eq!(repeated(&searched), Vec::<String>::new(), "{flags}");
    (last, begun[before..].to_vec())
}

#[test]
fn a_finished_study_goes_on_with_more() {
    let place = Place::with_few_digits(200);
    let mut trained = Vec::new();
    let mut last = Value::Null;
    for (flags, of) in [
        ("--hidden 8 --batch 50 --lr 0.02,0.01 --epochs 8", "8"),
        // The same runs of constant rate go on.
        ("--hidden 8 --batch 50 --lr 0.02,0.01 --epochs 40", "8"),
        ("--hidden 8 --hidden 4,4 --batch 50 --lr 0.02,0.01 --epochs 40", "4-4"),
        ("--hidden 8 --hidden 4,4 --batch 50 --lr 0.04,0.02,0.01 --epochs 40", "0.04"),
    ] {
        let (found, new) = more(&place, &format!("{flags} {COOLED}"));
        let folds: Vec<&Begun> = new.iter().filter(|one| one.part.starts_with("fold")).collect();
        assert!(!folds.is_empty(), "{flags} trains nothing");
        assert!(folds.iter().any(|one| one.network.contains(of) || one.rate.to_string() == of), "{flags}");
        trained.push(on_folds(&new));
        last = found;
    }
    assert!(count(&last["best"]["epochs"]) > 8, "{}", last["best"]);
    // All in one go it is the same answer, and no more is trained than in a study of its own.
    let whole = Place::with_few_digits(200);
    let flags = format!("--hidden 8 --hidden 4,4 --batch 50 --lr 0.04,0.02,0.01 --epochs 40 {COOLED}");
    let found = found(&whole, &flags);
    for key in ["best", "until", "score", "search_score", "epochs_table"] {
        let untold = |value: &Value| {
            // Trials have other numbers where others came before them.
            let mut lines = value.clone();
            lines
                .as_array_mut()
                .into_iter()
                .flatten()
                .for_each(|line| _ = line.as_object_mut().map(|o| o.remove("trial")));
            lines
        };
        assert_eq!(untold(&last[key]), untold(&found[key]), "{key}");
    }
    let file = |place: &Place, name: &str| place.bytes(&format!("opportune-out/digits/{name}"));
    for name in ["model.safetensors", "best.toml"] {
        assert!(file(&place, name) == file(&whole, name), "{name}");
    }
    assert!(trained[3] < on_folds(&whole.begun()), "what was trained before is not used: {trained:?}");
}

#[test]
fn a_wider_range_of_rates_trains_the_rest() {
    let place = Place::with_few_digits(200);
    let flags = "--hidden 8 --batch 50 --epochs 15 --schedule constant";
    let (_, first) = more(&place, &format!("{flags} --lr 0.004..0.02"));
    let (last, then) = more(&place, &format!("{flags} --lr 0.004..0.1"));
    let highest = |begun: &[Begun]| begun.iter().map(|one| one.rate).fold(0.0, f64::max);
    assert!(
        highest(&first) <= 0.02 && (0.05..=0.1).contains(&highest(&then)),
        "{} {}",
        highest(&first),
        highest(&then)
    );
    assert!(number(&last["best"]["lr"]) <= 0.1);
}

#[test]
fn every_strategy_comes_to_a_verdict() {
    for strategy in ["random", "sobol", "halving", "asha"] {
        let flags =
            format!("--strategy {strategy} --hidden 8 --batch 50 --epochs 12 --trials 7 --threads 2 --test 0.2");
        let place = Place::with_few_digits(250);
        let ran = search(&place, &flags).good();
        let last = ran.last();
        costs_are_what_was_trained(&last, &place.begun());
        assert_eq!(
            (&last["strategy"], &last["trials"], &last["stopped"]),
            (&json!(strategy), &json!(7), &json!("complete"))
        );
        let rates: Vec<f64> = trunks(&place).into_iter().map(|trunk| trunk.0).collect();
        assert_eq!(rates.iter().map(f64::to_string).collect::<BTreeSet<_>>().len(), 7, "{rates:?}");
        assert!(rates.contains(&number(&last["best"]["lr"])), "{rates:?} {last}");
        let (mean, std) = spread(&numbers_of(&last["score"]["folds"]));
        assert!(near(mean, number(&last["score"]["mean"])) && near(std, number(&last["score"]["std"])), "{last}");
        let epochs: Vec<u64> = trunks(&place).into_iter().map(|trunk| trunk.2).collect();
        match strategy {
            "random" | "sobol" => assert_eq!(epochs, [12; 7]),
            // Rungs after 1, 3, 9 and 12 epochs: of seven, three go on, and one of these.
            "halving" => {
                let mut epochs = epochs;
                epochs.sort_unstable();
                assert_eq!(epochs, [1, 1, 1, 1, 3, 3, 12]);
            }
            // Who comes first goes on, if it is among the best third of those that are there.
            _ => {
                let beyond = |rung: u64| epochs.iter().filter(|epochs| **epochs > rung).count();
                assert!(epochs.iter().all(|epochs| [1, 3, 9, 12].contains(epochs)), "{epochs:?}");
                assert!((1..=4).contains(&beyond(1)) && beyond(3) <= 2, "{epochs:?}");
            }
        }
        delivered_can_be_trained_again(&place);
        if strategy != "asha" {
            let alone = Place::with_few_digits(250);
            search(&alone, &flags.replace("--threads 2", "--threads 1")).good();
            assert!(bytes(&alone, "digits") == bytes(&place, "digits"), "{strategy}");
        }
    }
}

#[test]
fn what_is_drawn_twice_is_no_finalist_twice() {
    for strategy in ["random", "asha"] {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("--strategy {strategy} --hidden 8 --batch 50 --epochs 4 --lr 0.1,0.03"));
        let finalists = last["finalists"].as_array().unwrap();
        let rates: BTreeSet<String> = finalists.iter().map(|one| one["lr"].to_string()).collect();
        assert_eq!((finalists.len(), rates.len()), (2, 2), "{finalists:?}");
    }
}

#[test]
fn a_schedule_with_rates_of_its_own_is_searched_by_halving() {
    let place = Place::with_few_digits(200);
    let flags = "--hidden 8 --hidden 4 --batch 50 --epochs 12 --schedule 'cyclic(base=1e-3, max=0.1, up=3, down=3)'";
    let ran = search(&place, flags).good();
    let (events, last) = (ran.events(), ran.last());
    costs_are_what_was_trained(&last, &place.begun());
    let why = "strategy halving, because a schedule with rates of its own has no constant rate to search over";
    assert_eq!(ran.err.lines().filter(|line| *line == why).count(), 1, "{}", ran.err);
    assert_eq!((&last["strategy"], &last["best"]["lr"]), (&json!("halving"), &Value::Null));
    assert!(of(&events, "range_test").is_empty());
    let both: BTreeSet<&str> =
        of(&events, "trial").iter().map(|event| event["config"]["schedule"].as_str().unwrap()).collect();
    assert_eq!(both, BTreeSet::from(["cyclic(base=0.001, max=0.1, up=3, down=3)"]));
}

#[test]
fn limits_are_kept() {
    let rows = |place: &Place| table(&place.text("opportune-out/digits/trials.csv"));
    // Points to try, drawn among all rates and networks.
    let place = Place::with_few_digits(200);
    let last = found(&place, "--strategy random --hidden 8 --hidden 4 --batch 50 --epochs 6 --trials 3");
    assert_eq!(last["trials"], 3);
    assert_eq!(trunks(&place).len(), 3);
    // Epochs that everyone gets.
    let place = Place::with_few_digits(200);
    let last = found(&place, "--hidden 8 --batch 50 --epochs 20 --lr 1e-5,1e-4,0.01,0.1 --min-epochs 7");
    assert_eq!(last["trials"], 4);
    assert!(trunks(&place).iter().all(|trunk| trunk.2 >= 7), "{:?}", trunks(&place));
    let place = Place::with_few_digits(200);
    found(&place, "--strategy halving --hidden 8 --batch 50 --epochs 20 --lr 1e-5,1e-4,0.01,0.1 --min-epochs 7");
    let epochs: BTreeSet<String> = rows(&place).into_iter().map(|row| row["epochs_trained"].clone()).collect();
    assert_eq!(epochs, ["7", "20"].map(String::from).into());
    // A score that is good enough ends the search; one that is out of reach does not.
    let flags =
        "--strategy random --hidden 8 --batch 50 --epochs 10 --lr 0.05,0.02 --l2 1e-5,1e-4,1e-3,1e-2 --trials 8";
    let trained = |target: &str| {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("{flags} --threads 1 {target}"));
        (on_folds(&place.begun()), last)
    };
    let (whole, last) = trained("--target-score 1.5");
    assert_eq!((&last["stopped"], &last["ended_early"]), (&json!("complete"), &Value::Null));
    let (less, last) = trained("--target-score 0.5");
    assert!(less < whole && less > 0, "{less} {whole}");
    assert_eq!((&last["stopped"], &last["ended_early"]), (&json!("target"), &json!("the target score was reached")));
}

/// Fold-epochs that were really trained, those of the range test among them.
fn spent(place: &Place, ran: &Ran) -> u64 {
    let tests: Vec<Value> = ran.events().into_iter().filter(|event| event["event"] == "range_test").collect();
    let cost = |test: &Value| {
        let points = test["points"].as_array().unwrap().len() as u64;
        (points * count(&test["steps"])).div_ceil(count(&test["steps_per_epoch"]))
    };
    place.begun().len() as u64 + tests.iter().map(|event| cost(&event["test"])).sum::<u64>()
}

#[test]
fn a_budget_is_kept_to_the_epoch() {
    let mut exits = BTreeSet::new();
    for flags in [
        "--lr 0.1,0.03,0.01",
        "",
        "--strategy random --trials 5",
        "--strategy halving --lr 0.001..0.1",
        "--schedule 'cyclic(base=1e-3, max=0.1, up=3, down=3)'",
        "--lr 0.1,0.03 --schedule constant --schedule cosine --schedule 'step(every=3, gamma=0.7)' --schedule \
         'exponential(gamma=0.9)'",
    ] {
        for budget in [1, 10, 50, 170, 333, 1000] {
            let place = Place::with_few_digits(200);
            let ran = search(&place, &format!("{flags} --hidden 8 --batch 50 --epochs 20 --budget-epochs {budget}"));
            let said = format!("{flags} {budget}: {ran:#?}");
            assert!(!ran.err.contains("panicked"), "{said}");
            assert!(spent(&place, &ran) <= budget, "{} {said}", spent(&place, &ran));
            match ran.code {
                Some(0) => {
                    let last = ran.last();
                    assert!(count(&last["cost"]["epochs_trained"]) <= budget, "{said}");
                    costs_are_what_was_trained(&last, &place.begun());
                }
                // Too little for anything: said as such.
                Some(1 | 2) => {
                    assert!(budget < 170, "{said}");
                    let reason = ran.err.lines().last().unwrap_or_default();
                    assert!(reason.contains("budget"), "{said}");
                    assert!(!place.path("opportune-out/digits/model.safetensors").exists());
                }
                _ => panic!("{said}"),
            }
            exits.insert(ran.code);
        }
    }
    assert!(exits.contains(&Some(0)) && exits.len() > 1, "{exits:?}");
}

#[test]
fn a_larger_budget_goes_on() {
    let place = Place::with_few_digits(200);
    let flags = &format!("--hidden 8 --batch 50 --epochs 20 --lr 0.1,0.03,0.01 {COOLED}");
    let first = search(&place, &format!("{flags} --budget-epochs 120")).good().last();
    let (last, new) = more(&place, flags);
    assert!(count(&first["cost"]["epochs_trained"]) <= 120 && !new.is_empty());
    let whole = Place::with_few_digits(200);
    assert_eq!(found(&whole, flags)["score"], last["score"]);
    let file = "opportune-out/digits/model.safetensors";
    assert!(place.bytes(file) == whole.bytes(file));
}

#[test]
fn the_time_that_is_allowed_is_enough_for_a_verdict() {
    let place = Place::with_digits();
    // One candidate takes a fraction of that even beside other tests, and the first rung, 12 epochs of each of 18, several
    // times as long even on a fast machine.
    let widths = "--hidden 200,200 --hidden 200,190 --hidden 190,200";
    let ran = search(&place, &format!("{widths} --batch 20 --epochs 400 --min-epochs 12 --time 2s")).good();
    let last = ran.last();
    costs_are_what_was_trained(&last, &place.begun());
    assert_eq!((&last["stopped"], &last["ended_early"]), (&json!("time"), &json!("the time was up")));
    let warned = |text: &Value| text.as_str().unwrap().starts_with("ended early (the time was up)");
    assert!(last["warnings"].as_array().unwrap().iter().any(warned), "{last}");
    assert!(number(&last["search_score"]) > 0.5, "{last}");
    delivered_can_be_trained_again(&place);
    // Not enough for anything is no divergence.
    let place = Place::with_few_digits(200);
    let ran = search(&place, "--hidden 8 --lr 0.1 --time 0.000001s");
    assert_eq!(
        (ran.code, &ran.last()["stopped"], &ran.last()["best"]),
        (Some(1), &json!("time"), &Value::Null),
        "{ran:#?}"
    );
    assert!(ran.err.lines().last().unwrap().contains("time"), "{ran:#?}");
}

#[test]
fn every_rate_diverging_is_a_verdict_of_the_default_search() {
    let place = Place::with_few_digits(200);
    let ran = search(&place, "--hidden 8 --epochs 10 --lr 1e20,1e30 --optimizer sgd");
    let last = ran.last();
    assert_eq!((ran.code, &last["best"], &last["stopped"]), (Some(1), &Value::Null, &json!("diverged")), "{ran:#?}");
    assert_eq!((&last["trials"], &last["score"], &last["out"]), (&json!(2), &Value::Null, &Value::Null));
    assert_eq!(count(&last["cost"]["search"]), place.begun().len() as u64);
    assert!(ran.err.lines().last().unwrap().starts_with("no result: 2 of 2 trials diverged"), "{ran:#?}");
    assert!(!place.path("opportune-out/digits/model.safetensors").exists());
}
