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

#[test]
#[ignore = "a search that ends below the fewest epochs allowed delivers fewer, at a constant rate"]
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

#[test]
#[ignore = "the headline has the limit of epochs where a run counts at an earlier one"]
fn the_headline_has_the_epochs_of_the_final_model() {
    let place = Place::with_few_digits(200);
    let last = found(&place, "--strategy halving --hidden 8 --lr 0.3,0.1,0.03 --epochs 60 --min-epochs 3");
    let until = count(&last["until"]);
    assert!(until < 60, "the test would not notice anything");
    assert!(last["headline"].as_str().unwrap().contains(&format!(" {until} ")), "{}", last["headline"]);
}

#[test]
#[ignore = "cosine is trained at 1.5 times a rate that is given"]
fn a_list_of_rates_holds_for_every_schedule() {
    for flags in ["--lr 0.02", "--lr 0.05,0.02,0.01", "--lr 0.02 --schedule cosine"] {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("--hidden 8 --batch 50 --epochs 12 {flags}"));
        for one in last["finalists"].as_array().unwrap() {
            assert!(flags.contains(&one["lr"].to_string()), "{flags}: {one}");
        }
    }
}

#[test]
#[ignore = "rates below the winner's are probed beyond the number of trials allowed"]
fn no_more_trials_than_allowed() {
    for trials in 1..5 {
        let place = Place::with_few_digits(200);
        let last = found(&place, &format!("--hidden 8 --batch 50 --epochs 12 --trials {trials}"));
        assert!(count(&last["trials"]) <= trials && trunks(&place).len() as u64 <= trials, "{trials}: {last}");
    }
}

#[test]
#[ignore = "what a score is over few rows is not what it is over all: here roc_auc is null, though the search had one"]
fn every_score_is_confirmed_on_a_single_split() {
    for (score, lowest) in [("roc_auc", 0.8), ("f1", 0.6), ("balanced_accuracy", 0.6), ("accuracy", 0.6)] {
        let place = Place::with_few_digits(400);
        let last = found(&place, &format!("--hidden 16 --batch 50 --epochs 20 --validation 0.2 --score {score}"));
        let (mean, search) = (last["score"]["mean"].as_f64(), number(&last["search_score"]));
        assert!(search > lowest && mean.is_some_and(|mean| mean > lowest), "{score}: {last}");
    }
}

#[test]
#[ignore = "a budget that ends a search early is not said"]
fn a_search_that_the_budget_ends_says_so() {
    let place = Place::with_few_digits(200);
    let flags = "--hidden 8 --batch 50 --epochs 20 --lr 0.1,0.03,0.01,0.003";
    assert_eq!(found(&place, &format!("{flags} --budget-epochs 90"))["stopped"], "budget");
    let place = Place::with_few_digits(200);
    assert_eq!(found(&place, &format!("{flags} --budget-epochs 100000"))["stopped"], "complete");
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

/// Goes on with a study: the last event, and the epochs of that command only. No run of constant rate is trained again on
/// the folds of the search. (Other runs may have their first epochs in common with one that was not kept there.)
fn more(place: &Place, flags: &str) -> (Value, Vec<Begun>) {
    let before = place.begun().len();
    let last = search(place, flags).good().last();
    let begun = place.begun();
    let rates: BTreeSet<String> = trunks(place).into_iter().map(|trunk| trunk.0.to_string()).collect();
    let searched = |one: &&Begun| !one.part.ends_with("confirmation") && rates.contains(&one.rate.to_string());
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
        let (found, new) = more(&place, flags);
        let folds: Vec<&Begun> = new.iter().filter(|one| one.part.starts_with("fold")).collect();
        assert!(!folds.is_empty(), "{flags} trains nothing");
        assert!(folds.iter().any(|one| one.network.contains(of) || one.rate.to_string() == of), "{flags}");
        trained.push(on_folds(&new));
        last = found;
    }
    assert!(count(&last["best"]["epochs"]) > 8, "{}", last["best"]);
    // All in one go it is the same answer, and no more is trained than in a study of its own.
    let whole = Place::with_few_digits(200);
    let flags = "--hidden 8 --hidden 4,4 --batch 50 --lr 0.04,0.02,0.01 --epochs 40";
    let found = found(&whole, flags);
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
    let flags = "--hidden 8 --batch 50 --epochs 20 --lr 0.1,0.03,0.01";
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
    // All of it would take minutes.
    let ran = search(&place, "--hidden 200,200 --batch 20 --epochs 400 --time 2s").good();
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
