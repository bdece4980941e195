//! The search on rows in memory: the program's own, with the same answer, and nothing left behind.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod common;

use common::Place;
use opportune_cli::{Ending, Found, Given, search_in_memory};
use opportune_data::{Dataset, ReadOptions, read};
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn rows(path: &Path) -> Dataset {
    read(path, &ReadOptions { target: None, task: None, ..ReadOptions::default() }).unwrap().data
}

fn given(data: Dataset, flags: &str) -> Given {
    let words = format!("opportune tune DATA {flags}");
    Given { words: words.split(' ').map(OsString::from).collect(), data, folds: None, refit: true }
}

fn found(given: Given) -> Box<Found> {
    match search_in_memory(given, Box::new(|_| {}), &AtomicBool::new(false)).unwrap() {
        Ending::Found(found) => found,
        Ending::Nothing(why) => panic!("{why}"),
        Ending::Interrupted => panic!("nobody interrupted it"),
    }
}

/// What is said of a search wherever its rows are.
fn everywhere(event: &Value) -> Value {
    let mut event = event.clone();
    let fields = event.as_object_mut().unwrap();
    ["event", "study", "next", "out", "test"].into_iter().for_each(|name| drop(fields.remove(name)));
    assert!(fields["cost"].as_object_mut().unwrap().remove("seconds").is_some());
    // What is said of the file itself.
    fields["warnings"].as_array_mut().unwrap().retain(|one| !one.as_str().unwrap().contains("are left out"));
    event
}

#[test]
fn it_finds_what_the_program_finds() {
    let place = Place::with_few_digits(300);
    let flags = "--epochs 6 --hidden 12 --quiet";
    let last = place.run(&format!("tune digits.csv {flags} --json")).good().last();
    let found = found(given(rows(&place.path("digits.csv")), flags));
    assert_eq!(everywhere(&found.verdict), everywhere(&last));
    assert!(found.text.replace('\n', " ").contains("confirmed on a new division of the rows with another seed"));
    assert_eq!(found.verdict["confirmed_on"], "new_division");
    assert!(found.text.starts_with("Train with ") && !found.text.contains("Next"));
    assert!(found.text.contains("the final model was trained on 300 rows") && last["final_model"]["rows"] == 300);
    let (model, curve) = found.model.unwrap();
    let saved = opportune_net::Model::load(&place.path("opportune-out/digits/model.safetensors")).unwrap();
    assert_eq!(model.key(), saved.key());
    assert_eq!(curve.folds[0].curve.len(), found.candidates[0].until as usize);
    assert_eq!(found.candidates[0].score, last["score"]["mean"].as_f64().unwrap());
    assert!(found.candidates[0].confirmed && found.trials.len() as u64 == last["trials"].as_u64().unwrap());
}

#[test]
fn folds_that_are_given_are_those_of_a_fold_file() {
    let place = Place::with_few_digits(200);
    let numbers: Vec<String> = (0..200).map(|row| (row % 2).to_string()).collect();
    place.write("folds.txt", numbers.join("\n"));
    let last = place.run("tune digits.csv --epochs 4 --hidden 8 --fold-file folds.txt --quiet --json").good().last();
    let even: Vec<u32> = (0..200).step_by(2).collect();
    let odd: Vec<u32> = (1..200).step_by(2).collect();
    let folds = Some(vec![(odd.clone(), even.clone()), (even, odd)]);
    let given = given(rows(&place.path("digits.csv")), "--epochs 4 --hidden 8 --quiet");
    let found = found(Given { folds, refit: false, ..given });
    assert_eq!(found.verdict["score"]["folds"], last["score"]["folds"]);
    assert_eq!([&found.verdict["confirmed_on"], &last["confirmed_on"]], ["same_division"; 2]);
    assert!(found.text.replace('\n', " ").contains("confirmed on the same folds with another seed"), "{}", found.text);
    assert!(found.model.is_none() && found.verdict["cost"]["refit"] == 0 && found.verdict["final_model"].is_null());
    assert!(found.text.contains("no final model was trained") && !found.text.contains("delivered"));
}

#[test]
fn what_it_tells_is_heard() {
    let place = Place::with_few_digits(60);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listening = heard.clone();
    let listener = Box::new(move |line: &str| listening.lock().unwrap().push(line.to_string()));
    let given = given(rows(&place.path("digits.csv")), "--epochs 2 --hidden 4 --folds 2");
    search_in_memory(given, listener, &AtomicBool::new(false)).unwrap();
    let heard = heard.lock().unwrap();
    assert!(heard.iter().any(|line| line.contains("judged by 2 folds")), "{heard:?}");
    assert!(heard.iter().any(|line| line.contains("training the final model")), "{heard:?}");
}

#[test]
fn mistakes_interruptions_and_divergence_are_told_apart() {
    let place = Place::with_few_digits(100);
    let data = rows(&place.path("digits.csv"));
    let ended = |flags: &str, interrupt: bool| {
        search_in_memory(given(data.clone(), flags), Box::new(|_| {}), &AtomicBool::new(interrupt))
    };
    for (flags, part) in [
        ("--epochs 0", "--epochs: 0 epochs"),
        ("--folds 1", "--folds: "),
        ("--help", "only tune searches"),
        ("--strategy grid --lr 0.1 --epochs 3", "--strategy: "),
    ] {
        let Err(error) = ended(flags, false) else { panic!("'{flags}' was taken") };
        assert!(error.to_string().contains(part), "{error}");
    }
    for folds in [vec![], vec![(vec![0, 1], vec![])], vec![(vec![0, 1], vec![100])]] {
        let given = Given { folds: Some(folds), ..given(data.clone(), "--epochs 2") };
        assert!(search_in_memory(given, Box::new(|_| {}), &AtomicBool::new(false)).is_err());
    }
    assert!(matches!(ended("--epochs 2", true), Ok(Ending::Interrupted)));
    let diverging = "--epochs 3 --optimizer sgd --lr 1e30,1e31 --activation identity --quiet";
    match ended(diverging, false).unwrap() {
        Ending::Nothing(why) => assert!(why.contains("diverged"), "{why}"),
        _ => panic!("it found something"),
    }
}

/// An epoch that takes long is not waited for, although nothing of it is saved.
#[test]
fn an_interruption_does_not_wait_for_an_epoch() {
    let place = Place::with_few_digits(300);
    let interrupt = AtomicBool::new(false);
    let begun = std::sync::mpsc::channel();
    let listener = Box::new(move |_: &str| {
        let _ = begun.0.send(());
    });
    // Thousands of steps of a large network each epoch.
    let flags = "--epochs 50 --hidden 2000,2000 --batch 1 --lr 1e-6,2e-6 --folds 2 --threads 2";
    let given = given(rows(&place.path("digits.csv")), flags);
    std::thread::scope(|scope| {
        let search = scope.spawn(|| search_in_memory(given, listener, &interrupt));
        begun.1.recv().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let asked = std::time::Instant::now();
        interrupt.store(true, Ordering::SeqCst);
        assert!(matches!(search.join().unwrap(), Ok(Ending::Interrupted)));
        assert!(asked.elapsed().as_secs_f64() < 1.0, "{:?}", asked.elapsed());
    });
}
