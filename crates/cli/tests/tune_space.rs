//! What a search is among, and what judges it: rates, epochs, schedules, kinds of targets, splits.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::search::*;
use common::{Begun, Place, numbers, repeated, table};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const COOLED: &str = "sequence(constant, cooldown(20%))";
/// Rates of a range test.
const TESTED: u64 = 13;

/// The rates that were really trained on the folds of the search, under a constant rate.
fn rates_trained(begun: &[Begun]) -> BTreeSet<String> {
    let folds = begun.iter().filter(|one| one.part.starts_with("fold") && !one.part.ends_with("confirmation"));
    folds.filter(|one| one.epoch == 1).map(|one| one.rate.to_string()).collect()
}

#[test]
fn a_list_of_rates_is_exactly_those() {
    let place = Place::with_few_digits(200);
    let ran = search(&place, "--hidden 8 --epochs 12 --lr 0.05,0.02,0.01 --schedule constant").good();
    let last = ran.last();
    costs_are_what_was_trained(&last, &place.begun());
    assert!(of(&ran.events(), "range_test").is_empty() && last["cost"]["range_test"] == 0);
    assert_eq!(rates_trained(&place.begun()), ["0.01", "0.02", "0.05"].map(String::from).into());
    assert_eq!(last["trials"], 3);
    assert!([0.05, 0.02, 0.01].contains(&number(&last["best"]["lr"])), "{last}");
}

#[test]
fn a_range_of_rates_is_not_left() {
    let place = Place::with_few_digits(200);
    let ran = search(&place, "--hidden 8 --epochs 12 --lr 0.006..0.05 --schedule 'exponential(gamma=0.97)'").good();
    let last = ran.last();
    costs_are_what_was_trained(&last, &place.begun());
    assert!(of(&ran.events(), "range_test").is_empty() && last["cost"]["range_test"] == 0);
    let rates: Vec<f64> = trunks(&place).into_iter().map(|trunk| trunk.0).collect();
    // The powers of two times 0.001 that lie within.
    assert!([0.008, 0.016, 0.032].iter().all(|rate| rates.contains(rate)), "{rates:?}");
    for rate in rates_trained(&place.begun()) {
        assert!((0.006..=0.05).contains(&rate.parse::<f64>().unwrap()), "{rate}");
    }
    assert_eq!(last["best"]["schedule"], "exponential(gamma=0.97)");
}

#[test]
fn the_range_test_brackets_the_rate_for_each_optimizer() {
    let place = Place::with_few_digits(200);
    let ran = search(&place, "--hidden 8 --epochs 5 --optimizer adam,sgd").good();
    let (events, last) = (ran.events(), ran.last());
    costs_are_what_was_trained(&last, &place.begun());
    let tests = of(&events, "range_test");
    assert_eq!(tests.len(), 2);
    let mut cost = 0;
    for test in &tests {
        // 160 rows are one step an epoch; the test has the fewest steps that one may have.
        assert_eq!((&test["test"]["steps"], &test["test"]["steps_per_epoch"]), (&json!(12), &json!(1)));
        cost += TESTED * 12;
        let points: Vec<f64> =
            test["test"]["points"].as_array().unwrap().iter().map(|point| number(&point["rate"])).collect();
        assert!(points.windows(2).all(|pair| pair[0] < pair[1]) && points[0] <= 1e-5 && points[12] >= 10.0);
    }
    assert_eq!(last["cost"]["range_test"], cost);
    let rows = table(&place.text("opportune-out/digits/trials.csv"));
    for (optimizer, test) in ["adam", "sgd"].iter().zip(&tests) {
        assert!(test["config"]["optimizer"].as_str().unwrap().starts_with(optimizer));
        let initial = number(&test["test"]["initial"]);
        let mut rates =
            rows.iter().filter(|row| row["optimizer"].starts_with(optimizer) && row["schedule"] == "constant");
        let lowest = |rate: f64| {
            let points = test["test"]["points"].as_array().unwrap().iter();
            points
                .filter(|point| number(&point["rate"]) >= rate)
                .filter_map(|point| point["losses"][0].as_f64())
                .fold(f64::INFINITY, f64::min)
        };
        let first: f64 = rates.next().unwrap_or_else(|| panic!("no trial of {optimizer}"))["lr"].parse().unwrap();
        assert!(lowest(first) < initial, "{optimizer}: rates from {first} up learn");
    }
}

#[test]
fn epochs_are_a_limit_a_range_or_a_list() {
    for (epochs, allowed) in [
        ("7,15,30", vec![7, 15, 30]),
        ("10..25", (10..=25).collect()),
        ("..9", (1..=9).collect()),
        ("12..12", vec![12]),
        ("1", vec![1]),
    ] {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("--hidden 8 --batch 50 --lr 0.1,0.03,0.01 --epochs {epochs}"));
        let limit = *allowed.last().unwrap();
        assert!(allowed.contains(&count(&last["best"]["epochs"])), "{epochs}: {}", last["best"]);
        assert_eq!((&last["limit"], &last["until"]), (&json!(limit), &last["best"]["epochs"]));
        let table = last["epochs_table"].as_array().unwrap();
        assert!(!table.is_empty() && table.iter().all(|line| allowed.contains(&count(&line["epochs"]))), "{table:?}");
        assert!(place.begun().iter().all(|one| one.epoch <= limit), "{epochs}");
    }
}

#[test]
fn a_schedule_that_is_given_is_what_is_delivered() {
    for (flags, schedule) in [
        ("--schedule cosine", "cosine"),
        ("--schedule 'step(every=4, gamma=0.5)'", "step(every=4, gamma=0.5)"),
        (
            "--schedule 'sequence(linear(from=0, to=1, over=2), cosine())'",
            "sequence(linear(from=0, to=1, over=2), cosine)",
        ),
    ] {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("--hidden 8 --epochs 15 --lr 0.1,0.02 {flags}"));
        assert_eq!(last["best"]["schedule"], schedule);
        let finalists = last["finalists"].as_array().unwrap();
        assert!(!finalists.is_empty() && finalists.iter().all(|one| one["schedule"] == schedule), "{finalists:?}");
    }
}

/// Numbers of epochs in which a schedule has no room are not recommended, however good they are.
#[test]
fn a_schedule_has_the_epochs_that_it_needs() {
    let schedule = "sequence(linear(from=0, to=1, over=5), cosine)";
    let place = Place::with_few_digits(200);
    let flags = format!("--hidden 8 --batch 50 --lr 0.1,0.03 --epochs 9 --schedule '{schedule}'");
    let last = found(&place, &flags);
    assert_eq!(last["best"]["schedule"], schedule, "{last}");
    let offered = last["epochs_table"].as_array().unwrap();
    assert!(!offered.is_empty() && offered.iter().all(|line| count(&line["epochs"]) > 5), "{offered:?}");
    // Where exactly these are asked for, one that is too few is refused.
    let ran = search(&place, &format!("--hidden 8 --epochs 3,20 --schedule '{schedule}'"));
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.err.lines().last().unwrap().starts_with("error: --epochs: schedule: the lengths"), "{ran:#?}");
}

#[test]
fn all_of_several_schedules_are_compared_and_paid_for() {
    let place = Place::with_few_digits(200);
    let schedules = ["constant", "cosine", "exponential(gamma=0.95)", COOLED, "step(every=3, gamma=0.7)"];
    let flags: Vec<String> = schedules.iter().map(|one| format!("--schedule '{one}'")).collect();
    let last = found(&place, &format!("--hidden 8 --batch 50 --epochs 15 --lr 0.1,0.05,0.02 {}", flags.join(" ")));
    assert!(schedules.contains(&last["best"]["schedule"].as_str().unwrap()), "{last}");
}

#[test]
fn numbers_are_predicted_by_r2() {
    let place = Place::new();
    place.write("numbers.csv", numbers(260));
    let all = place.text("numbers.csv");
    let lines: Vec<&str> = all.lines().collect();
    place.write("digits.csv", lines[..201].join("\n") + "\n");
    place.write("test.csv", format!("{}\n{}\n", lines[0], lines[201..].join("\n")));
    let last = found(&place, "--hidden 16 --batch 50 --epochs 60 --test test.csv");
    assert_eq!(last["score"]["name"], "r2");
    let folds = numbers_of(&last["score"]["folds"]);
    let (mean, std) = spread(&folds);
    assert!(folds.len() == 5 && near(mean, number(&last["score"]["mean"])) && near(std, number(&last["score"]["std"])));
    assert!(mean > 0.95 && mean < 1.0, "{last}");
    // R² of the predictions, computed here.
    let predicted = table(&place.run("predict opportune-out/digits test.csv").good().out);
    let truth: Vec<f64> = table(&place.text("test.csv")).iter().map(|row| row["y"].parse().unwrap()).collect();
    let wrong = |(row, truth): (&BTreeMap<String, String>, &f64)| {
        let value: f64 = row.values().next().unwrap().parse().unwrap();
        (value - truth).powi(2)
    };
    let (squares, center) = (predicted.iter().zip(&truth).map(wrong).sum::<f64>(), spread(&truth).0);
    let r2 = 1.0 - squares / truth.iter().map(|value| (value - center).powi(2)).sum::<f64>();
    assert_eq!((predicted.len(), truth.len()), (60, 60));
    assert!((r2 - number(&last["test"]["r2"])).abs() < 1e-4, "{r2} {}", last["test"]);
    delivered_can_be_trained_again(&place);
}

#[test]
fn the_test_score_is_that_of_the_predictions() {
    let place = Place::with_few_digits(240);
    let all = place.text("digits.csv");
    let lines: Vec<&str> = all.lines().collect();
    place.write("digits.csv", lines[..201].join("\n") + "\n");
    place.write("test.csv", format!("{}\n{}\n", lines[0], lines[201..].join("\n")));
    let last = found(&place, "--hidden 8 --batch 50 --epochs 20 --lr 0.1,0.03 --test test.csv");
    let predicted = table(&place.run("predict opportune-out/digits test.csv").good().out);
    let truth = table(&place.text("test.csv"));
    let right = predicted.iter().zip(&truth).filter(|(row, truth)| row["label"] == truth["label"]).count();
    assert_eq!(truth.len(), 40);
    assert!(near(right as f64 / 40.0, number(&last["test"]["accuracy"])), "{right} {}", last["test"]);
    // More epochs allowed: another model, and its scoring is the second.
    let line = "tune digits.csv --hidden 8 --batch 50 --epochs 8 --lr 0.05 --schedule constant --test test.csv";
    let ran = place.run(line).good();
    let warned = "the test rows have now been scored for 2 models of this study";
    assert!(ran.warnings().iter().any(|text| text.contains(warned)), "{ran:#?}");
    assert!(!place.run(line).good().err.contains("have now been scored"), "the same model is not scored again");
    assert!(place.run("show digits").good().out.contains("the test rows were scored for 2 model(s)"));
}

/// Batches of all rows: the first step of a cooldown is still that of its run of constant rate.
#[test]
fn epochs_of_one_step_are_trained_once_too() {
    let place = Place::with_few_digits(200);
    found(&place, "--hidden 8 --lr 0.1,0.03 --epochs 20");
    assert!(place.begun().iter().all(|one| one.steps == 1));
    assert_eq!(repeated(&place.begun()), Vec::<String>::new());
}

#[test]
fn a_single_split_judges_by_its_rows() {
    let place = Place::with_few_digits(400);
    let ran = search(&place, "--hidden 16 --batch 50 --epochs 30 --validation 0.2").good();
    let last = ran.last();
    costs_are_what_was_trained(&last, &place.begun());
    assert!(place.begun().iter().all(|one| ["fold 0", "fold 0 of the confirmation", "all rows"].contains(&&*one.part)));
    assert_eq!(last["judged_by"], "80 validation rows");
    // 80 rows divide into 16 blocks of five: the mean over blocks is the mean over rows, in eightieths.
    let right = number(&last["score"]["mean"]) * 80.0;
    assert!(right > 64.0 && (right - right.round()).abs() < 1e-6, "{last}");
    let alone = "fit digits.csv --config opportune-out/digits/best.toml --validation 0.2 --json --name alone";
    assert_eq!(place.run(alone).good().last()["score"]["mean"], last["search_score"]);
    delivered_can_be_trained_again(&place);
}

#[test]
fn a_validation_file_and_a_fold_file_judge_as_given() {
    let place = Place::with_few_digits(300);
    let all = place.text("digits.csv");
    let lines: Vec<&str> = all.lines().collect();
    place.write("digits.csv", lines[..201].join("\n") + "\n");
    place.write("judge.csv", format!("{}\n{}\n", lines[0], lines[201..].join("\n")));
    let last = found(&place, "--hidden 8 --batch 50 --lr 0.1,0.03 --epochs 15 --validation judge.csv");
    assert_eq!(last["judged_by"], "100 validation rows of a file");
    // Only the seed of the confirmation is fresh.
    assert_ne!(last["cost"]["confirmation"], 0);
    assert_eq!(last["confirmed_on"], "same_division");
    let alone = "fit digits.csv --config opportune-out/digits/best.toml --validation judge.csv --json --name alone";
    assert_eq!(place.run(alone).good().last()["score"]["mean"], last["search_score"]);
    // The file's rows stay out of the final model.
    delivered_can_be_trained_again(&place);

    let folds = Place::with_few_digits(200);
    let file: Vec<&str> = (0..200).map(|row| ["0", "1", "2", "-1"][row % 4]).collect();
    folds.write("folds.txt", file.join("\n") + "\n");
    let last = found(&folds, "--hidden 8 --batch 50 --lr 0.1,0.03 --epochs 15 --fold-file folds.txt");
    assert_eq!((numbers_of(&last["score"]["folds"]).len(), &last["judged_by"]), (3, &json!("3 folds of a file")));
    // 150 rows are in training on each fold, 200 for the final model.
    let steps = |part: &str| folds.begun().iter().find(|one| one.part == part).map(|one| one.steps);
    assert_eq!([steps("fold 0"), steps("fold 1 of the confirmation"), steps("all rows")], [Some(3), Some(3), Some(4)]);
}
