//! The three examples that the project grew from, exactly as its interface writes them, on the bundled digits.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, Ran, model};
use roxmltree::{Document, Node};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::OnceLock;

const EXPONENTIAL: &str =
    "fit digits.csv --optimizer adam --lr 0.001 --schedule 'exponential(gamma=0.95)' --epochs 100 --validation 0.2";
const CYCLIC: &str = "fit digits.csv --optimizer adam --schedule 'cyclic(base=1e-4, max=1e-2, up=20, down=20)' \
                      --epochs 100 --validation 0.2";
const GRID: &str = "tune digits.csv --strategy grid --hidden 100 --hidden 50,50 --lr 0.01,0.001,0.0001 \
                    --epochs 100,200,300 --folds 5 --tol 1e-4 --test 0.2";
/// A grid of a second.
const SMALL: &str = "tune digits.csv --strategy grid --hidden 20 --lr 0.01,0.001 --epochs 2,4 --folds 3";

const FILES: [&str; 4] = ["model.safetensors", "best.toml", "curves.svg", "trials.csv"];

/// Panics unless the four files are there and can be read by whom they are for.
fn files(place: &Place, out: &str) {
    for name in FILES {
        assert!(!place.bytes(&format!("{out}/{name}")).is_empty(), "{name}");
    }
    assert_eq!(std::fs::read_dir(place.path(out)).unwrap().count(), FILES.len(), "nothing else is left behind");
    model(&place.bytes(&format!("{out}/model.safetensors")));
    place.text(&format!("{out}/best.toml")).parse::<toml::Table>().unwrap();
    let picture = place.text(&format!("{out}/curves.svg"));
    let document = Document::parse(&picture).unwrap();
    assert!(document.descendants().any(|node| node.has_tag_name("polyline")));
    let trials = place.text(&format!("{out}/trials.csv"));
    let fields = |line: &str| line.split(',').count();
    let header = trials.lines().next().unwrap();
    assert!(trials.lines().count() > 1 && fields(header) > 5, "{trials}");
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn epochs(ran: &Ran) -> Vec<Value> {
    ran.events().into_iter().filter(|event| event["event"] == "epoch").collect()
}

/// The points of a picture's line as (epoch, value), and half a pixel in terms of the value; of the value's logarithm
/// where the axis has one.
fn drawn(panel: Node<'_, '_>, series: &str) -> (Vec<(f64, f64)>, f64, bool) {
    let of = |name: &str| panel.attribute(name).unwrap().parse::<f64>().unwrap();
    let log = panel.attribute("data-log") == Some("true");
    let scale = |value: f64| if log { value.ln() } else { value };
    let (low, high) = (scale(of("data-y0")), scale(of("data-y1")));
    let height = of("data-bottom") - of("data-top");
    let point = |text: &str| {
        let (x, y) = text.split_once(',').unwrap();
        let across = (x.parse::<f64>().unwrap() - of("data-left")) / (of("data-right") - of("data-left"));
        let up = (of("data-bottom") - y.parse::<f64>().unwrap()) / height;
        (of("data-x0") + across * (of("data-x1") - of("data-x0")), low + up * (high - low))
    };
    let lines = panel.descendants().filter(|node| node.attribute("data-series") == Some(series));
    let points = lines.flat_map(|line| line.attribute("points").unwrap().split(' ')).map(point).collect();
    (points, 0.5 * (high - low) / height, log)
}

/// Holds the picture of a training against what was told while it ran.
fn picture_shows(place: &Place, out: &str, epochs: &[Value]) {
    let text = place.text(&format!("{out}/curves.svg"));
    let document = Document::parse(&text).unwrap();
    let panels: Vec<Node> = document.descendants().filter(|node| node.attribute("class") == Some("panel")).collect();
    assert_eq!(panels.len(), 3);
    for (panel, series, field) in [
        (0, "training", "train_loss"),
        (0, "validation", "validation_loss"),
        (1, "training", "train_score"),
        (1, "validation", "validation_score"),
        (2, "rate", "lr"),
    ] {
        let (points, tolerance, log) = drawn(panels[panel], series);
        assert_eq!(points.len(), epochs.len(), "{field}");
        for (point, epoch) in points.iter().zip(epochs) {
            let value = number(&epoch[field]);
            let value = if log { value.ln() } else { value };
            assert!((point.0 - number(&epoch["epoch"])).abs() < 0.1, "{field}: {point:?} {epoch}");
            assert!((point.1 - value).abs() <= tolerance, "{field}: {point:?} {epoch}");
        }
    }
}

/// One of the two trainings: its tables, files, events, rates and picture.
fn training(line: &str, rate: impl Fn(u32) -> f64) {
    let place = Place::with_digits();
    let ran = place.run(line).good();
    for part in [
        "epoch",
        "rate",
        "training",
        "validation",
        "settings: ",
        "validation accuracy 0.9",
        "cost: 100 fold-epochs",
        "next: opportune predict opportune-out/digits-fit",
    ] {
        assert!(ran.out.contains(part), "'{part}' is not in\n{}", ran.out);
    }
    files(&place, "opportune-out/digits-fit");
    let first = model(&place.bytes("opportune-out/digits-fit/model.safetensors"));

    let place = Place::with_digits();
    let ran = place.run(&format!("{line} --json")).good();
    let told = epochs(&ran);
    assert_eq!(told.len(), 100);
    for (index, epoch) in told.iter().enumerate() {
        assert_eq!(epoch["epoch"], index + 1);
        let expected = rate(index as u32);
        let used = number(&epoch["lr"]);
        assert!((used - expected).abs() <= 1e-12 * expected, "epoch {}: {used} is not {expected}", index + 1);
    }
    picture_shows(&place, "opportune-out/digits-fit", &told);
    let last = ran.last();
    for key in ["event", "epochs", "stopped", "best_epoch", "score", "test"] {
        assert!(keys(&last).contains(key), "{key} is not in {last}");
    }
    assert_eq!(
        (&last["event"], &last["epochs"], &last["stopped"]),
        (&"finished".into(), &100.into(), &"complete".into())
    );
    assert_eq!(last["test"], Value::Null);
    assert_eq!((&last["score"]["name"], &last["score"]["std"]), (&"accuracy".into(), &Value::Null));
    let score = number(&last["score"]["mean"]);
    assert!(score > 0.9 && score <= 1.0, "{score}");
    assert_eq!(Some(score), told.last().unwrap()["validation_score"].as_f64());
    // Told otherwise, but the same training.
    assert!(first == model(&place.bytes("opportune-out/digits-fit/model.safetensors")));

    let other = Place::with_digits();
    let seeded = other.run(&format!("{line} --seed 1 --json")).good();
    assert!(first.1 != model(&other.bytes("opportune-out/digits-fit/model.safetensors")).1, "the seed changes nothing");
    assert_ne!(epochs(&seeded)[0]["train_loss"], told[0]["train_loss"]);
}

#[test]
fn adam_under_exponential_decay() {
    training(EXPONENTIAL, |epoch| 0.001 * 0.95f64.powi(epoch as i32));
}

#[test]
fn adam_under_a_cyclic_rate() {
    training(CYCLIC, |epoch| {
        let place = epoch % 40;
        let height = f64::from(if place < 20 { place } else { 40 - place }) / 20.0;
        1e-4 + (1e-2 - 1e-4) * height
    });
}

/// The grid, trained once for all tests: the place, the command as written, and once more with `--json`.
fn grid() -> &'static (Place, Ran, Ran) {
    static GRID_RAN: OnceLock<(Place, Ran, Ran)> = OnceLock::new();
    GRID_RAN.get_or_init(|| {
        let place = Place::with_digits();
        let text = place.run(GRID).good();
        let json = place.run(&format!("{GRID} --json")).good();
        (place, text, json)
    })
}

#[test]
fn the_grid_as_written() {
    let (place, text, json) = grid();
    let rows = text.out.lines().filter(|line| line.contains("0.9") && line.contains("±")).count();
    assert!(rows >= 18, "a row for each trial: {}", text.out);
    for part in [
        "rank",
        "best: lr ",
        "accuracy 0.9",
        "over 5 folds",
        "test accuracy 0.9",
        "on 360 rows set aside",
        "final model: ",
        "next: opportune predict opportune-out/digits",
    ] {
        assert!(text.out.contains(part), "'{part}' is not in\n{}", text.out);
    }
    files(place, "opportune-out/digits");
    let last = json.last();
    let expected = ["event", "best", "score", "search_score", "test", "cost", "trials", "stopped", "warnings", "out"];
    assert_eq!(keys(&last), BTreeSet::from(expected));
    assert_eq!(
        (&last["event"], &last["trials"], &last["stopped"]),
        (&"finished".into(), &18.into(), &"complete".into())
    );
    assert_eq!(last["out"], "opportune-out/digits");
    for key in ["lr", "schedule", "epochs", "hidden", "batch", "optimizer"] {
        assert!(keys(&last["best"]).contains(key), "{key} is not in {}", last["best"]);
    }
    assert_eq!(keys(&last["score"]), BTreeSet::from(["name", "mean", "std", "folds"]));
    let folds: Vec<f64> = last["score"]["folds"].as_array().unwrap().iter().map(number).collect();
    let mean = folds.iter().sum::<f64>() / 5.0;
    assert!((mean - number(&last["score"]["mean"])).abs() < 1e-12 && folds.len() == 5, "{last}");
    assert_eq!(last["score"]["mean"], last["search_score"]);
    assert!(mean > 0.95 && number(&last["score"]["std"]) < 0.02, "{last}");
    assert!(number(&last["test"]["accuracy"]) > 0.93, "{last}");
    let cost = &last["cost"];
    for key in ["epochs_trained", "epochs_shared", "seconds", "search", "refit"] {
        assert!(keys(cost).contains(key), "{key} is not in {cost}");
    }
    assert_eq!(number(&cost["epochs_trained"]), number(&cost["search"]) + number(&cost["refit"]));
    let trials: Vec<Value> = json.events().into_iter().filter(|event| event["event"] == "trial").collect();
    let shown: BTreeSet<u64> = trials.iter().filter_map(|trial| trial["trial"].as_u64()).collect();
    assert_eq!(shown.len(), 18, "one event for each trial");
    // A line of the table for each fold of each trial; the scores agree, and none is better than the best.
    let table = place.text("opportune-out/digits/trials.csv");
    let lines: Vec<&str> = table.lines().skip(1).collect();
    assert_eq!(lines.len(), 18 * 5, "{table}");
    for trial in &trials {
        let own = |line: &&&str| line.split(',').next() == Some(&trial["trial"].to_string());
        let score = |line: &&str| line.rsplit(',').next().unwrap().parse::<f64>().unwrap();
        let scores: Vec<f64> = lines.iter().filter(own).map(score).collect();
        assert_eq!(serde_json::json!(scores), trial["score"]["folds"], "{trial}");
        assert!(number(&trial["score"]["mean"]) <= mean, "{trial}");
    }
}

#[test]
fn the_same_grid_without_sharing() {
    let (place, _, json) = grid();
    let alone = Place::with_digits();
    let ran = alone.run(&format!("{GRID} --no-share --json")).good();
    let (with, without) = (json.last(), ran.last());
    for key in ["best", "score", "search_score", "test", "trials", "stopped"] {
        assert_eq!(with[key], without[key], "{key}");
    }
    let trials = "opportune-out/digits/trials.csv";
    assert_eq!(place.text(trials), alone.text(trials));
    let file = "opportune-out/digits/model.safetensors";
    assert!(model(&place.bytes(file)) == model(&alone.bytes(file)));
    let epochs = |last: &Value| number(&last["cost"]["epochs_trained"]);
    assert!(epochs(&with) < 0.75 * epochs(&without), "{} {}", with["cost"], without["cost"]);
    assert_eq!(epochs(&with) + number(&with["cost"]["epochs_shared"]), epochs(&without));
    assert_eq!(without["cost"]["epochs_shared"], 0);
}

#[test]
fn the_delivered_model_can_be_trained_again() {
    let (place, _, _) = grid();
    let again = Place::with_digits();
    again.write("opportune-out/digits/best.toml", place.bytes("opportune-out/digits/best.toml"));
    let ran = again.run("fit --config opportune-out/digits/best.toml digits.csv --json").good();
    let delivered = model(&place.bytes("opportune-out/digits/model.safetensors"));
    assert!(delivered == model(&again.bytes("opportune-out/digits-fit/model.safetensors")));
    assert_eq!(ran.last()["test"], grid().2.last()["test"]);
    again.run("fit --config opportune-out/digits/best.toml digits.csv --seed 1").good();
    assert!(delivered.1 != model(&again.bytes("opportune-out/digits-fit/model.safetensors")).1);
}

#[test]
fn a_grid_cut_short_says_what_is_wrong() {
    let place = Place::with_digits();
    let ran = place.run(&format!("{SMALL} --tol 1e-4")).good();
    for part in [
        "ConvergenceWarning: stopped at the limit of 4 epochs before the training loss settled (tol 1e-4)",
        "the best rate 0.01 is the largest of the grid: try larger ones too",
        "the best number of epochs, 4, is the largest of the grid: try more too, --epochs 8",
    ] {
        assert!(ran.warnings().iter().any(|text| text.contains(part)), "'{part}' is not in\n{}", ran.err);
    }
    let json = place.run(&format!("{SMALL} --tol 1e-4 --json")).good().last();
    assert_eq!(json["test"], Value::Null);
    let warnings = json["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|text| text.as_str().unwrap().starts_with("ConvergenceWarning: ")), "{json}");
    let ran = place.run("fit digits.csv --hidden 10 --epochs 3 --tol 1e-4 --json").good();
    assert_eq!((&ran.last()["epochs"], &ran.last()["stopped"]), (&3.into(), &"complete".into()));
    assert!(ran.err.contains("ConvergenceWarning"), "{}", ran.err);
    assert_eq!(ran.last()["score"]["on"], "training");
}

#[test]
fn every_trial_diverged_is_a_verdict() {
    let place = Place::with_digits();
    let line = "tune digits.csv --strategy grid --hidden 20 --lr 1e20,1e30 --optimizer sgd --epochs 3 --folds 2";
    let ran = place.run(&format!("{line} --json"));
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let last = ran.last();
    let expected = ["event", "best", "score", "search_score", "test", "cost", "trials", "stopped", "warnings", "out"];
    assert_eq!(keys(&last), BTreeSet::from(expected));
    assert_eq!((&last["best"], &last["stopped"]), (&Value::Null, &"diverged".into()));
    assert!(!place.path("opportune-out/digits/model.safetensors").exists());
    let ran = place.run("fit digits.csv --hidden 20 --lr 1e20 --optimizer sgd --epochs 3");
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.err.contains("diverged") && ran.out.contains("diverged"), "{ran:#?}");
}

#[test]
fn a_dry_run_trains_and_writes_nothing() {
    let place = Place::with_digits();
    let before = place.everything();
    for line in [GRID, EXPONENTIAL] {
        let ran = place.run(&format!("{line} --dry-run --trace trained.txt")).good();
        assert!(ran.out.contains("nothing was trained (--dry-run)"), "{ran:#?}");
        let ran = place.run(&format!("{line} --dry-run --json")).good();
        assert_eq!(ran.last()["event"], "dry_run");
    }
    let trained = place.path("trained.txt");
    assert!(!trained.exists() || std::fs::read(&trained).unwrap().is_empty());
    let _ = std::fs::remove_file(trained);
    assert!(place.everything() == before);
    assert!(!place.path("opportune.db").exists());
    let dry = place.run(&format!("{GRID} --dry-run --json")).good().last();
    assert_eq!(dry["trials"].as_array().unwrap().len(), 18);
    // Two networks and three rates to 100, 200 and 300 epochs, on five folds.
    assert_eq!((&dry["epochs_at_most"], &dry["epochs_at_most_shared"]), (&18_000.into(), &9_000.into()));
}

#[test]
fn studies_are_listed_and_shown() {
    let place = Place::with_digits();
    place.run(SMALL).good();
    place.run("fit digits.csv --hidden 10 --epochs 3 --validation 0.2").good();
    let list = place.run("studies").good().out;
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{list}"));
    assert!(line("digits ").contains("4 trials") && line("digits ").contains("accuracy 0."), "{list}");
    assert!(line("digits-fit ").contains("1 trials"), "{list}");
    let listed = place.run("studies --json").good().events();
    let names: BTreeSet<&str> = listed.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["digits", "digits-fit"]));

    let shown = place.run("show digits").good().out;
    for part in ["study 'digits' of digits.csv: 4 trials", "judged by 3 folds", "rank", "opportune-out/digits"] {
        assert!(shown.contains(part), "'{part}' is not in\n{shown}");
    }
    let ran = place.run("show digits --json").good();
    let trials = ran.events().iter().filter(|event| event["event"] == "trial").count();
    assert!(trials >= 4, "{ran:#?}");
    assert_eq!((&ran.last()["event"], &ran.last()["trials"]), (&"finished".into(), &4.into()));
    place.run("show digits-fit").good();

    let ran = place.run("show digit");
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.err.contains("there is no study 'digit'; did you mean 'digits'?"), "{}", ran.err);
}
