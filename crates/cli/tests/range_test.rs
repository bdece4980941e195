//! `opportune range-test`: which rates train, with their spread; nothing is changed by it.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, Ran, colours, numbers};
use serde_json::Value;

const PICTURE: &str = "opportune-out/digits-range-test/range-test.svg";

fn mark(event: &Value, name: &str) -> [f64; 3] {
    ["rate", "low", "high"].map(|key| event[name][key].as_f64().unwrap_or_else(|| panic!("{name}: {event}")))
}

/// The only JSON line.
fn finished(ran: &Ran) -> Value {
    let events = ran.events();
    assert_eq!(events.len(), 1, "{ran:#?}");
    assert_eq!(events[0]["event"], "finished");
    events[0].clone()
}

#[test]
fn four_rates_are_told_with_their_spread() {
    let place = Place::with_few_digits(400);
    let ran = place.run("range-test digits.csv --ascii").good();
    assert!(ran.out.contains("13 rates from 1e-5 to 10, each trained 3 times for 12 steps"), "{ran:#?}");
    for what in ["lowest that learns  L", "steepest            S", "lowest loss         M", "edge of divergence  E"] {
        assert!(ran.out.contains(what), "{what}: {ran:#?}");
    }
    assert!(ran.out.contains("no model and no study was changed") && ran.out.contains(&format!("written: {PICTURE}")));
    let text = place.text(PICTURE);
    let document = roxmltree::Document::parse(&text).unwrap();
    let count = |class: &str| document.descendants().filter(|node| node.attribute("class") == Some(class)).count();
    assert_eq!((count("mark"), count("initial")), (4, 1));
    assert!(count("band") >= 1);

    let one = place.run("range-test digits.csv --json --threads 1 --out a").good();
    let event = finished(&one);
    let [lowest, steepest, minimum, edge] = ["lowest", "steepest", "minimum", "edge"].map(|name| mark(&event, name));
    assert!(lowest[0] < steepest[0] && steepest[0] < minimum[0] && minimum[0] < edge[0], "{event}");
    for [rate, low, high] in [lowest, minimum] {
        assert!(low <= high && (1e-5..=10.0).contains(&low) && (1e-5..=10.0).contains(&rate), "{event}");
    }
    assert_eq!(
        (&event["repeats"], &event["tells"], &event["minimum"]["repeats"]),
        (&3.into(), &true.into(), &3.into())
    );
    assert!(event["points"].as_array().unwrap().iter().all(|point| point["losses"].as_array().unwrap().len() == 3));
    // Neither threads nor the run's time change what is measured.
    let mut two = finished(&place.run("range-test digits.csv --json --threads 3 --out b").good());
    let mut one = event.clone();
    for event in [&mut one, &mut two] {
        event.as_object_mut().unwrap().retain(|key, _| key != "cost" && key != "out");
    }
    assert_eq!(one, two);
    assert_eq!((place.bytes("a/range-test.svg"), place.bytes("b/range-test.svg")), (text.clone().into(), text.into()));
}

#[test]
fn it_is_the_test_that_a_search_begins_with_and_changes_nothing_of_it() {
    let place = Place::with_few_digits(300);
    let tune = place.run("tune digits.csv --hidden 20 --epochs 2 --json").good();
    let searched = tune.events().into_iter().find(|event| event["event"] == "range_test").unwrap();
    let (before, database) = (place.everything(), place.bytes("opportune.db"));
    let ran = place.run("range-test digits.csv --hidden 20 --repeats 1 --json").good();
    let event = finished(&ran);
    let losses = |event: &Value| {
        let points = event["points"].as_array().unwrap();
        points.iter().map(|point| (point["rate"].clone(), point["losses"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(losses(&event), losses(&searched["test"]));
    assert_eq!((&event["steps"], &event["initial"]), (&searched["test"]["steps"], &searched["test"]["initial"]));
    let mut after = place.everything();
    assert!(after.remove(&place.path(PICTURE)).is_some());
    after.remove(&place.path("opportune-out/digits-range-test"));
    assert!(before == after && database == place.bytes("opportune.db"), "only the picture is new");
}

#[test]
fn rates_steps_and_repeats_are_as_asked_for() {
    let place = Place::new();
    place.write("n.csv", numbers(200));
    let test = |flags: &str| finished(&place.run(&format!("range-test n.csv --json {flags}")));
    let rates = |event: &Value| {
        event["points"].as_array().unwrap().iter().map(|point| point["rate"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let event = test("--lr 1e-3..1 --points 4 --steps 7 --repeats 2");
    let expected = [1e-3, 1e-2, 1e-1, 1.0];
    assert!(rates(&event).iter().zip(expected).all(|(rate, expected)| (rate / expected - 1.0).abs() < 1e-9), "{event}");
    assert_eq!((rates(&event).len(), &event["steps"], &event["repeats"]), (4, &7.into(), &2.into()));
    assert_eq!(rates(&test("--lr 0.1,0.001,0.01")), [0.001, 0.01, 0.1]);
    let few = rates(&test("--points 3"));
    assert_eq!((few.len(), few[0], few[2]), (3, 1e-5, 10.0));
    // Another seed is another start.
    assert_ne!(test("--seed 1")["initial"], test("")["initial"]);
    assert_eq!(test("--optimizer 'sgd(momentum=0.9)' --batch 32")["settings"]["batch"], 32);
}

#[test]
fn what_cannot_be_told_is_said_and_ends_with_1() {
    let place = Place::new();
    place.write("c.csv", colours(150));
    for (flags, why) in [
        ("--lr 1e-9..1e-8", "at no rate did the loss fall by 1 % within 12 steps"),
        ("--lr 1e15..1e30 --optimizer sgd", "the loss ran away at every rate within 12 steps"),
        ("--sweep --lr 1e-9..1e-8", "the loss did not fall"),
        ("--sweep --lr 1e15..1e30 --optimizer sgd", "the loss ran away within"),
    ] {
        let ran = place.run(&format!("range-test c.csv {flags} --ascii"));
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.out.contains(&format!("It cannot tell which rates train: {why}")), "{ran:#?}");
        assert!(ran.out.contains("next: opportune range-test c.csv") && !ran.out.contains(" fit "), "{ran:#?}");
        let text = place.text("opportune-out/c-range-test/range-test.svg");
        assert!(roxmltree::Document::parse(&text).is_ok() && !text.contains("NaN"));
        let json = place.run(&format!("range-test c.csv {flags} --json"));
        let event = finished(&json);
        assert_eq!((json.code, &event["tells"]), (Some(1), &Value::Bool(false)));
        assert!(event["why_not"].as_str().unwrap().starts_with(why), "{event}");
        assert!(event["suggestions"]["valley"].is_null() && event["minimum"].is_null());
    }
}

#[test]
fn the_rising_sweep_suggests_four_rates() {
    let place = Place::with_few_digits(400);
    let ran = place.run("range-test digits.csv --sweep --ascii").good();
    assert!(ran.out.starts_with("one run whose rate rises from 1e-7 to "), "{ran:#?}");
    let event = finished(&place.run("range-test digits.csv --sweep --json --out a").good());
    for name in ["valley", "steep", "minimum", "slide"] {
        let rate = event["suggestions"][name].as_f64().unwrap();
        assert!((1e-7..10.0).contains(&rate), "{event}");
        assert!(ran.out.lines().any(|line| line.starts_with(name)), "{name}: {ran:#?}");
    }
    let valley = event["suggestions"]["valley"].as_f64().unwrap();
    assert!((1e-4..0.1).contains(&valley), "{event}");
    let taken = event["steps_taken"].as_u64().unwrap() as usize;
    for list in ["rates", "losses", "smoothed"] {
        assert_eq!(event[list].as_array().unwrap().len(), taken, "{list}");
    }
    assert_eq!(event["steps"], 100);
    assert!(place.text("a/range-test.svg").contains("data-series=\"smoothed\""));
    let rates = event["rates"].as_array().unwrap();
    assert!((rates[1].as_f64().unwrap() / 1e-7 - 1e8f64.powf(0.01)).abs() < 1e-9);
    assert!(!place.path("opportune.db").exists());
}

#[test]
fn the_next_commands_work() {
    let place = Place::with_few_digits(300);
    for flags in ["", "--sweep"] {
        let command =
            format!("range-test digits.csv --hidden 20,10 --target label --optimizer 'sgd(momentum=0.9)' {flags}");
        let ran = place.run(&command).good();
        let said = ran.out.split("next: ").nth(1).unwrap();
        let mut tried = 0;
        for line in said.lines().map(str::trim) {
            let dry = if line.contains("range-test") { "" } else { " --dry-run" };
            assert!(line.contains("--hidden 20,10") && line.contains("'sgd(momentum=0.9)'"), "{line}");
            place.shell(&format!("{line}{dry}")).good();
            tried += 1;
        }
        assert_eq!(tried, 2, "{ran:#?}");
    }
}

#[test]
fn bad_input_is_one_line() {
    let place = Place::new();
    place.write("good.csv", colours(60));
    place.write("file", "");
    let before = place.everything();
    for (flags, says) in [
        ("none.csv", "none.csv: there is no such file"),
        ("good.csv --lr 0.1", "--lr: one rate has nothing to be compared with; give a range, LOW..HIGH"),
        ("good.csv --lr 0.1..0.01", "--lr: the range '0.1..0.01' is empty"),
        ("good.csv --lr 0..1", "--lr: the range '0..1' does not begin above 0"),
        ("good.csv --lr 0.1,-1", "-1"),
        ("good.csv --lr 0.1,0.1", "--lr: 0.1 is given twice"),
        ("good.csv --lr 0.1,0.2 --points 5", "--lr: these are single rates; leave --points out"),
        ("good.csv --points 1", "--points: 1 is not from 2 to 200"),
        ("good.csv --steps 0", "--steps: 0 is not from 1 to 100000"),
        ("good.csv --repeats 101", "--repeats: 101 is not from 1 to 100"),
        ("good.csv --sweep --repeats 2", "--repeats"),
        ("good.csv --sweep --steps 24", "--steps: 24 is not from 25 to 100000"),
        ("good.csv --sweep --lr 0.1,0.2", "--lr: these are single rates; a sweep takes a range, LOW..HIGH"),
        ("good.csv --hidden 5 --hidden 6", "--hidden: range-test compares rates, and 2 values are given; give one"),
        ("good.csv --batch 8..16", "--batch: range-test compares rates, and a range is given; give one"),
        ("good.csv --epochs 3", "unknown flag '--epochs'"),
        ("good.csv --schedule cosine", "unknown flag '--schedule'"),
        ("good.csv --threads 0", "--threads: 0 threads train nothing"),
        ("good.csv --out file/x", "cannot be written"),
    ] {
        let ran = place.run(&format!("range-test {flags}"));
        let error = ran.err.lines().last().unwrap_or_default();
        assert!(ran.code == Some(2) && ran.out.is_empty(), "{ran:#?}");
        assert!(error.starts_with("error: ") && error.contains(says), "'{says}' is not in: {error}");
        assert!(place.everything() == before && !place.path("opportune.db").exists(), "{flags} wrote something");
    }
}
