//! Rows that judge teach nothing: whatever is done to them, what was learned from the others stays the same bits.

mod common;

use common::{Place, model};
use serde_json::Value;

/// A table with numbers, categories and gaps, of which every third row judges; `tampered` changes those.
fn table(tampered: bool) -> (String, String) {
    let (mut text, mut folds) = ("a,b,c,y\n".to_string(), String::new());
    for row in 0..90 {
        let judges = row % 3 == 0;
        let value = |step: usize| ((row * step) % 53) as f64 / 9.0;
        let (mut a, mut b, mut c) = (format!("{:.3}", value(17)), format!("{:.3}", value(29)), ["x", "y"][row % 2]);
        if row % 7 == 0 {
            b.clear();
        }
        if judges && tampered {
            // Other numbers, none at all, and a category that training does not know.
            (a, b, c) = (format!("{:.1}", 1e6 * value(17)), String::new(), "unknown");
        }
        let class = if judges && tampered { row % 2 } else { usize::from(value(17) > 3.0) };
        text.push_str(&format!("{a},{b},{c},{}\n", ["no", "yes"][class]));
        folds.push_str(if judges { "0\n" } else { "-1\n" });
    }
    (text, folds)
}

/// What each epoch said of training, and of validation.
fn curves(events: &[Value]) -> (Vec<String>, Vec<String>) {
    let epochs = || events.iter().filter(|event| event["event"] == "epoch");
    let told =
        |names: [&'static str; 2]| epochs().map(|event| format!("{} {}", event[names[0]], event[names[1]])).collect();
    (told(["train_loss", "train_score"]), told(["validation_loss", "validation_score"]))
}

#[test]
fn rows_that_judge_teach_nothing() {
    let run = |tampered: bool| {
        let place = Place::new();
        let (text, folds) = table(tampered);
        place.write("t.csv", text);
        place.write("folds.txt", folds);
        let ran =
            place.run("fit t.csv --fold-file folds.txt --epochs 12 --hidden 8 --batch 10 --json --out out").good();
        (curves(&ran.events()), model(&place.bytes("out/model.safetensors")))
    };
    let ((train, validation), (head, weights)) = (run)(false);
    let ((other_train, other_validation), (other_head, other_weights)) = (run)(true);
    assert_eq!(train.len(), 12);
    assert_eq!(train, other_train);
    assert_eq!((head, weights), (other_head, other_weights), "weights, means, deviations and categories");
    assert_ne!(validation, other_validation, "the test would not notice anything");
}

#[test]
fn test_rows_neither_teach_nor_judge() {
    let run = |tampered: bool| {
        let place = Place::new();
        let (text, _) = table(false);
        place.write("t.csv", text);
        let mut test = "a,b,c,y\n".to_string();
        for row in 0..10 {
            test.push_str(&if tampered { format!("{row}e5,,unknown,no\n") } else { format!("{row},1.5,x,yes\n") });
        }
        place.write("test.csv", test);
        let line = "tune t.csv --strategy grid --lr 0.01,0.1 --epochs 3,6 --folds 3 --test test.csv --json --out out";
        let last = place.run(line).good().last();
        (last["score"].clone(), last["test"].clone(), model(&place.bytes("out/model.safetensors")))
    };
    let (score, test, trained) = (run)(false);
    let (other_score, other_test, other_trained) = (run)(true);
    assert_eq!((score, trained), (other_score, other_trained));
    assert_ne!(test, other_test);
}

/// Everything that a search says of what it tried and chose, without the time it took and what the test rows gave.
fn said(events: &[Value]) -> Vec<Value> {
    let mut said: Vec<Value> = events.iter().filter(|event| event["event"] != "epoch").cloned().collect();
    // Workers end in any order.
    said.sort_by_key(Value::to_string);
    for event in &mut said {
        event["cost"].as_object_mut().map(|cost| cost.remove("seconds"));
        // A warning may well be of a category that only test rows have.
        event["warnings"] = Value::Null;
        event["test"] = if event["event"] == "range_test" { event["test"].clone() } else { Value::Null };
    }
    said
}

#[test]
fn the_default_search_never_reads_test_rows() {
    let run = |tampered: bool| {
        let place = Place::new();
        let (text, _) = table(false);
        place.write("t.csv", text);
        let mut test = "a,b,c,y\n".to_string();
        for row in 0..10 {
            test.push_str(&if tampered { format!("{row}e5,,unknown,no\n") } else { format!("{row},1.5,x,yes\n") });
        }
        place.write("test.csv", test);
        let line = "tune t.csv --hidden 8 --batch 20 --epochs 12 --threads 1 --test test.csv --json --out out";
        let events = place.run(line).good().events();
        let test = events[events.len() - 1]["test"].clone();
        let files = ["best.toml", "trials.csv", "curves.svg"].map(|name| place.bytes(&format!("out/{name}")));
        (said(&events), curves(&events), test, files, model(&place.bytes("out/model.safetensors")))
    };
    let (said, curves, test, files, trained) = (run)(false);
    let (other_said, other_curves, other_test, other_files, other_trained) = (run)(true);
    assert!(curves.0.len() > 100 && said.iter().any(|event| event["event"] == "range_test"));
    assert_eq!(said, other_said);
    assert_eq!((curves, trained), (other_curves, other_trained));
    assert!(files == other_files);
    assert_ne!(test, other_test, "the test would not notice anything");
}

/// The same with rows of the one file, set aside by a share: which rows they are is what two models tell apart.
#[test]
fn a_test_share_is_set_aside_before_anything_else() {
    const ROWS: usize = 40;
    let run = |command: &str, changed: &dyn Fn(usize) -> bool| {
        let place = Place::new();
        let (text, _) = table(false);
        let line = |(line, text): (usize, &str)| match line.checked_sub(1) {
            // Another number: no category and no class comes or goes.
            Some(row) if changed(row) => format!("3.217,{}\n", text.split_once(',').unwrap_or_default().1),
            _ => text.to_string() + "\n",
        };
        place.write("t.csv", text.lines().take(1 + ROWS).enumerate().map(line).collect::<String>());
        place.run(&format!("{command} t.csv --hidden 4 --test 0.2 --split-seed 3 --out out --quiet")).good();
        model(&place.bytes("out/model.safetensors"))
    };
    let fit = "fit --epochs 1 --threads 1";
    let whole = run(fit, &|_| false);
    // A row belongs to those set aside if changing it leaves the model as it was.
    let aside: Vec<usize> = (0..ROWS).filter(|row| run(fit, &|one| one == *row) == whole).collect();
    assert_eq!(aside.len(), 8, "{aside:?}");
    let tune = "tune --lr 0.1 --epochs 3 --folds 3";
    let searched = run(tune, &|_| false);
    assert_eq!(run(tune, &|row| aside.contains(&row)), searched, "the search has seen test rows");
    let other = (0..ROWS).find(|row| !aside.contains(row));
    assert_ne!(run(tune, &|row| Some(row) == other), searched, "the test would not notice anything");
}

#[test]
fn validation_rows_judge_and_neither_train_nor_bracket_the_rate() {
    let run = |tampered: bool| {
        let place = Place::new();
        let (text, folds) = table(tampered);
        place.write("t.csv", text);
        place.write("folds.txt", folds);
        let line = "tune t.csv --fold-file folds.txt --epochs 10 --hidden 8 --batch 10 --threads 1 --json";
        let events = place.run(line).good().events();
        let bracket: Vec<Value> = events.iter().filter(|event| event["event"] == "range_test").cloned().collect();
        // The first rung: each candidate's first epoch, in the order of their rates, before any judgement.
        let first = |event: &&Value| event["event"] == "epoch" && event["epoch"] == 1 && event["fold"] == 0;
        let trained: Vec<String> = events
            .iter()
            .filter(first)
            .take(5)
            .map(|event| format!("{} {} {}", event["lr"], event["train_loss"], event["train_score"]))
            .collect();
        let judged: Vec<Value> =
            events.iter().filter(first).take(5).map(|event| event["validation_loss"].clone()).collect();
        (bracket, trained, judged)
    };
    let (bracket, trained, judged) = (run)(false);
    let (other_bracket, other_trained, other_judged) = (run)(true);
    assert_eq!((bracket.len(), trained.len()), (1, 5));
    assert_eq!(bracket, other_bracket, "the range test has seen validation rows");
    assert_eq!(trained, other_trained);
    assert!(judged.iter().zip(&other_judged).all(|(one, other)| one != other), "the test would not notice anything");
}
