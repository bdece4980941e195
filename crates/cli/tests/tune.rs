//! `opportune tune DATA`: the default search from end to end. What was really trained is counted by `--trace`; scores and
//! costs are computed again from what the program leaves behind.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::search::*;
use common::{Place, Ran, model, repeated, table};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const FILES: [&str; 5] = ["model.safetensors", "best.toml", "verdict.svg", "curves.svg", "trials.csv"];
const COOLED: &str = "sequence(constant, cooldown(20%))";
/// Rates of a range test.
const TESTED: u64 = 13;

/// The default search, trained once for several tests: told as JSON, then again for people.
fn default() -> &'static (Place, Ran, Ran) {
    static SEARCHED: OnceLock<(Place, Ran, Ran)> = OnceLock::new();
    SEARCHED.get_or_init(|| {
        let place = Place::with_few_digits(400);
        let ran = search(&place, "--hidden 16 --epochs 40 --test 0.2").good();
        let begun = place.begun();
        let before = bytes(&place, "digits");
        let again = search(&place, "--hidden 16 --epochs 40 --test 0.2").good();
        assert_eq!(timeless(&again.last()), timeless(&ran.last()), "the same command says the same");
        let text = place.run("tune digits.csv --hidden 16 --epochs 40 --test 0.2 --trace trace").good();
        assert_eq!(place.begun(), begun, "a finished search trains nothing");
        assert!(bytes(&place, "digits") == before);
        (place, ran, text)
    })
}

#[test]
fn the_default_search_leaves_files_and_a_verdict() {
    let (place, ran, text) = default();
    for name in FILES {
        assert!(!place.bytes(&format!("opportune-out/digits/{name}")).is_empty(), "{name}");
    }
    let folder = std::fs::read_dir(place.path("opportune-out/digits")).unwrap();
    assert_eq!(folder.count(), FILES.len(), "nothing else is left behind");
    model(&place.bytes("opportune-out/digits/model.safetensors"));
    for picture in ["verdict.svg", "curves.svg"] {
        let picture = place.text(&format!("opportune-out/digits/{picture}"));
        let document = roxmltree::Document::parse(&picture).unwrap();
        assert!(document.descendants().any(|node| node.has_tag_name("polyline") || node.has_tag_name("path")));
    }
    let last = ran.last();
    let best = &last["best"];
    let toml: toml::Table = place.text("opportune-out/digits/best.toml").parse().unwrap();
    for (name, value) in best.as_object().unwrap() {
        assert_eq!(json!(toml[&name.replace('_', "-")]), *value, "{name}");
    }
    let headline = format!("Train with learning rate {}, ", best["lr"]);
    assert!(text.out.starts_with(&headline), "{headline}: {}", text.out);
    for part in [
        format!(" for {} epochs.\n", best["epochs"]),
        format!("Accuracy {:.4} ± {:.4} over 5 folds", number(&last["score"]["mean"]), number(&last["score"]["std"])),
        format!(
            "Test: accuracy {:.4} on 80 rows that were set aside and scored once",
            number(&last["test"]["accuracy"])
        ),
        "\nWhy\n  stable rates ".into(),
        "\n  half the rate ".into(),
        "\n  twice the rate ".into(),
        "\n  epochs ".into(),
        "\nFinalists compared, by accuracy\n".into(),
        "\nWhat can be had within so many epochs, at a constant rate\n".into(),
        "\nCost\n".into(),
        format!("range test {}, search {}, ", last["cost"]["range_test"], last["cost"]["search"]),
        "\nNext\n  opportune predict opportune-out/digits ".into(),
        "\nWritten to opportune-out/digits/: ".into(),
    ] {
        assert!(text.out.contains(&part), "'{part}' is not in\n{}", text.out);
    }
    let listed = place.run("studies --json").good().last();
    assert_eq!(listed["name"], "digits");
    let shown = place.run("show digits").good().out;
    for part in ["judged by 5 folds:", "judged again with another seed, by 5 folds:", "scored for 1 model(s)"] {
        assert!(shown.contains(part), "'{part}' is not in\n{shown}");
    }
    // Candidates and finalists; finalists; the final model.
    let tables: Vec<usize> = shown
        .split("\n\n")
        .filter(|text| text.contains("rank"))
        .map(|text| text.lines().filter(|line| line.ends_with("  complete") || line.ends_with("  paused")).count())
        .collect();
    assert_eq!(tables, [count(&last["trials"]) as usize + 3, 3, 1], "{shown}");
}

#[test]
fn the_last_event_of_a_search_is_as_the_interface_writes_it() {
    let (place, ran, _) = default();
    let events = ran.events();
    let last = ran.last();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let has = |value: &Value, names: &[&str]| {
        let lacks: Vec<&&str> = names.iter().filter(|name| !keys(value).contains(**name)).collect();
        assert!(lacks.is_empty(), "{lacks:?} are not in {value}");
    };
    has(&last, &["event", "best", "score", "search_score", "test", "cost", "trials", "stopped", "warnings", "out"]);
    has(&last["best"], &["lr", "schedule", "epochs", "hidden", "batch", "optimizer"]);
    has(
        &last["cost"],
        &["epochs_trained", "epochs_shared", "seconds", "range_test", "search", "forks", "confirmation", "refit"],
    );
    assert_eq!(keys(&last["score"]), ["name", "mean", "std", "folds"].map(String::from).into());
    assert_eq!(keys(&last["test"]), ["accuracy".to_string()].into());
    assert_eq!((&last["event"], &last["stopped"]), (&json!("finished"), &json!("complete")));
    assert_eq!((&last["score"]["name"], &last["out"]), (&json!("accuracy"), &json!("opportune-out/digits")));
    let folds = numbers_of(&last["score"]["folds"]);
    let (mean, std) = spread(&folds);
    assert_eq!(folds.len(), 5);
    assert!(near(mean, number(&last["score"]["mean"])) && near(std, number(&last["score"]["std"])), "{last}");
    assert!(mean > 0.9 && number(&last["test"]["accuracy"]) > 0.8, "{last}");
    for event in &events {
        assert!(event["event"].is_string(), "{event}");
    }
    assert_eq!((events[0]["event"].as_str(), &events[0]["strategy"]), (Some("started"), &json!("auto")));
    assert!(place.run("show digits --json").good().last()["best"] == last["best"]);
}

#[test]
fn a_search_costs_what_was_trained_and_trains_nothing_twice() {
    let (place, ran, _) = default();
    let (events, last, begun) = (ran.events(), ran.last(), place.begun());
    costs_are_what_was_trained(&last, &begun);
    assert_eq!(repeated(&begun), Vec::<String>::new());
    assert_eq!(of(&events, "epoch").len(), begun.len(), "every epoch is told once");
    // 320 rows without those of the test: 256 in training on a fold, in batches of 200.
    assert!(begun.iter().all(|one| one.steps == 2), "two batches of at most 200 rows");
    let cost = |name: &str| count(&last["cost"][name]);
    let [test] = of(&events, "range_test")[..] else { panic!("one range test") };
    assert_eq!(test["test"]["points"].as_array().unwrap().len() as u64, TESTED);
    assert_eq!(cost("range_test"), (TESTED * count(&test["test"]["steps"])).div_ceil(2));
    // Each of three finalists on five folds; the final model once.
    let until = count(&last["until"]);
    assert_eq!((cost("confirmation"), cost("refit")), (3 * 5 * until, until));
    assert_eq!(cost("full_grid"), count(&last["trials"]) * 5 * 40);
    assert!(cost("search") < cost("full_grid"));
    // Two finalists leave a run of constant rate where the cooldown begins, after the last whole epoch before 80 %.
    let cooled = last["finalists"].as_array().unwrap().iter().filter(|one| one["schedule"] == COOLED).count() as u64;
    let shared = cooled * 5 * (until * 4 / 5);
    assert!(cooled >= 1 && cost("epochs_shared") == shared, "{}", last["cost"]);
    assert_eq!(cost("forks"), 3 * 5 * until - shared);
}

#[test]
fn scores_of_a_search_are_those_of_its_trials() {
    let (place, ran, _) = default();
    let last = ran.last();
    let rows = table(&place.text("opportune-out/digits/trials.csv"));
    // The search's own score: the last epoch of the delivered schedule on each fold.
    let best = |row: &&BTreeMap<String, String>| {
        let same = |name: &str| row[name].parse::<f64>().unwrap() == number(&last["best"][name]);
        same("lr") && same("epochs") && row["schedule"] == last["best"]["schedule"].as_str().unwrap()
    };
    let scores: Vec<f64> = rows.iter().filter(best).map(|row| row["validation_score"].parse().unwrap()).collect();
    assert_eq!(scores.len(), 5);
    assert!(near(spread(&scores).0, number(&last["search_score"])), "{scores:?} {last}");
    // The same training by itself judges the same.
    let alone =
        place.run("fit digits.csv --config opportune-out/digits/best.toml --folds 5 --json --name alone").good();
    assert_eq!(numbers_of(&alone.last()["score"]["folds"]), scores);
    // The delivered one leads the finalists, and all of them have the same number of epochs.
    let finalists = last["finalists"].as_array().unwrap();
    assert_eq!(finalists.len(), 3);
    assert_eq!((&finalists[0]["score"], &finalists[0]["lr"]), (&last["score"]["mean"], &last["best"]["lr"]));
    assert!(finalists.iter().all(|one| one["epochs"] == last["best"]["epochs"]), "{finalists:?}");
    // More epochs never cost loss in the table, and the recommendation is a row of it.
    let lines = last["epochs_table"].as_array().unwrap();
    let losses: Vec<f64> = lines.iter().map(|line| number(&line["loss"])).collect();
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0]), "{losses:?}");
    let lowest = lines.iter().position(|line| line["best"] == true).unwrap();
    assert!(losses.iter().position(|loss| *loss == losses[losses.len() - 1]) == Some(lowest), "{losses:?}");
    let recommended: Vec<&Value> = lines.iter().filter(|line| line["recommended"] == true).collect();
    assert_eq!(recommended.len(), 1);
    assert_eq!((&recommended[0]["epochs"], &recommended[0]["as_good"]), (&last["best"]["epochs"], &json!(true)));
}

#[test]
fn the_delivered_model_of_a_search_can_be_trained_again() {
    let (place, _, _) = default();
    delivered_can_be_trained_again(place);
    for flags in [
        "--schedule cosine --lr 0.05,0.02 --epochs 12",
        "--schedule 'cyclic(base=1e-3, max=0.1, up=3, down=3)' --epochs 20",
        "--strategy halving --lr 0.1,0.03 --optimizer 'sgd(momentum=0.9)' --epochs 20",
    ] {
        let place = Place::with_few_digits(200);
        search(&place, &format!("{flags} --hidden 8")).good();
        delivered_can_be_trained_again(&place);
    }
}

#[test]
fn threads_and_sharing_change_no_bit_of_a_search() {
    let (place, ran, _) = default();
    let (files, last) = (bytes(place, "digits"), timeless(&ran.last()));
    for flags in ["--threads 1", "--threads 2"] {
        let other = Place::with_few_digits(400);
        let same = found(&other, &format!("--hidden 16 --epochs 40 --test 0.2 {flags}"));
        assert_eq!(timeless(&same), last, "{flags}");
        assert!(bytes(&other, "digits") == files, "{flags}");
    }
    let alone = Place::with_few_digits(400);
    let same = found(&alone, "--hidden 16 --epochs 40 --test 0.2 --no-share");
    assert!(bytes(&alone, "digits") == files);
    let cost = |last: &Value, name: &str| count(&last["cost"][name]);
    assert_eq!(cost(&same, "epochs_trained"), cost(&last, "epochs_trained") + cost(&last, "epochs_shared"));
    let (mut same, mut last) = (timeless(&same), last);
    for one in [&mut same, &mut last] {
        one.as_object_mut().unwrap().remove("cost");
    }
    assert_eq!(same, last);
    let other = Place::with_few_digits(400);
    found(&other, "--hidden 16 --epochs 40 --test 0.2 --seed 1");
    assert!(bytes(&other, "digits")["model.safetensors"] != files["model.safetensors"], "the seed changes nothing");
}
