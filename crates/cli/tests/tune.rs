//! `opportune tune DATA`: the default search and the others from end to end. What was really trained is counted by
//! `--trace`; scores and costs are computed again from what the program leaves behind.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Begun, Place, Ran, model, numbers, repeated, table};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const FILES: [&str; 5] = ["model.safetensors", "best.toml", "verdict.svg", "curves.svg", "trials.csv"];
/// Those that are the same bytes whenever the search is: the pictures say how long it took.
const SAME: [&str; 3] = ["model.safetensors", "best.toml", "trials.csv"];
const COOLED: &str = "sequence(constant, cooldown(20%))";
/// Rates of a range test.
const TESTED: u64 = 13;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

fn numbers_of(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// Mean and sample standard deviation.
fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

/// Searches in `digits.csv`, told as JSON and traced.
fn search(place: &Place, flags: &str) -> Ran {
    place.run(&format!("tune digits.csv {flags} --json --trace trace"))
}

/// Of a search that is the first in its place: the last event, whose costs are what was trained.
fn found(place: &Place, flags: &str) -> Value {
    let last = search(place, flags).good().last();
    costs_are_what_was_trained(&last, &place.begun());
    last
}

fn parts(begun: &[Begun], is: impl Fn(&str) -> bool) -> u64 {
    begun.iter().filter(|one| is(&one.part)).count() as u64
}

fn on_folds(begun: &[Begun]) -> u64 {
    parts(begun, |part| part.starts_with("fold") && !part.ends_with("confirmation"))
}

fn costs_are_what_was_trained(last: &Value, begun: &[Begun]) {
    let cost = |name: &str| count(&last["cost"][name]);
    assert!(begun.iter().all(|one| one.whole));
    assert_eq!(cost("search") + cost("forks"), on_folds(begun), "{}", last["cost"]);
    assert_eq!(cost("confirmation"), parts(begun, |part| part.ends_with("confirmation")), "{}", last["cost"]);
    assert_eq!(cost("refit"), parts(begun, |part| part == "all rows"), "{}", last["cost"]);
    assert_eq!(cost("epochs_trained"), begun.len() as u64 + cost("range_test"), "{}", last["cost"]);
}

fn bytes(place: &Place, study: &str) -> BTreeMap<&'static str, Vec<u8>> {
    SAME.into_iter().map(|name| (name, place.bytes(&format!("opportune-out/{study}/{name}")))).collect()
}

/// Without what may differ between two studies that are the same: time, and the commands that go on from there.
fn timeless(last: &Value) -> Value {
    let mut last = last.clone();
    last["cost"].as_object_mut().unwrap().remove("seconds");
    last.as_object_mut().unwrap().remove("next");
    last
}

/// The runs of constant rate in a table of trials: their rates, hidden layers and fewest epochs of a fold.
fn trunks(place: &Place) -> Vec<(f64, String, u64)> {
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
fn delivered_can_be_trained_again(place: &Place) {
    place.run("fit digits.csv --config opportune-out/digits/best.toml --quiet").good();
    let [delivered, again] = ["digits", "digits-fit"].map(|name| format!("opportune-out/{name}/model.safetensors"));
    assert!(place.bytes(&delivered) == place.bytes(&again), "another model");
}

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
        "\nSchedules compared, by accuracy\n".into(),
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
    assert!(place.run("show digits").good().out.contains("the test rows were scored for 1 model(s)"));
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
