//! Settings of networks and their steps that are off unless given: they change what is trained, are searched over, and come
//! back from `best.toml`.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, model};

const FIT: &str = "fit digits.csv --hidden 12 --lr 0.01 --batch 50 --epochs 4 --validation 0.25";
const MODEL: &str = "opportune-out/digits-fit/model.safetensors";
const BEST: &str = "opportune-out/digits-fit/best.toml";

/// Trains with `flags`, finds `said` in `best.toml`, and from that trains the same model again, which differs from the one
/// without.
fn round_trip(flags: &str, said: &[&str]) {
    let place = Place::with_few_digits(300);
    place.run(FIT).good();
    let plain = model(&place.bytes(MODEL));
    place.run(&format!("{FIT} {flags}")).good();
    let with = model(&place.bytes(MODEL));
    assert!(with.1 != plain.1, "{flags} changes nothing");
    let best = place.text(BEST);
    said.iter().for_each(|line| assert!(best.lines().any(|one| one == *line), "{line}: {best}"));
    place.write("best.toml", best);
    place.run("fit digits.csv --config best.toml --name again").good();
    assert!(model(&place.bytes("opportune-out/again/model.safetensors")) == with, "{flags}");
}

/// Searches with `flags`, and finds each of `values` of a setting among the trials, and in no others.
fn searched(flags: &str, setting: &str, values: &[&str]) {
    let place = Place::with_few_digits(200);
    place.run(&format!("tune digits.csv --hidden 8 --batch 50 --epochs 3 --lr 0.01 {flags} --quiet")).good();
    let trials = common::table(&place.text("opportune-out/digits/trials.csv"));
    let seen: std::collections::BTreeSet<&str> = trials.iter().map(|row| row[setting].as_str()).collect();
    assert_eq!(seen, values.iter().copied().collect(), "{flags}");
}

/// One line that begins with the flag and says what is wrong; nothing is trained.
fn refused(cases: &[(&str, &str)]) {
    let place = Place::with_few_digits(60);
    for (line, part) in cases {
        let ran = place.run(line);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        let error = ran.err.lines().last().unwrap();
        assert!(error.starts_with("error: ") && error.contains(part), "{line}: {}", ran.err);
        assert!(!place.path("opportune.db").exists() && !ran.err.contains("panicked"), "{ran:#?}");
    }
}

#[test]
fn layers_are_normalised() {
    round_trip("--layer-norm", &["layer-norm = \"on\""]);
    round_trip("--layer-norm=on --dropout 0.2 --optimizer muon", &["layer-norm = \"on\"", "dropout = 0.2"]);
    searched("--layer-norm=on,off", "layer-norm", &["off", "on"]);
    let place = Place::with_few_digits(300);
    place.run(&format!("{FIT} --layer-norm=off")).good();
    let off = model(&place.bytes(MODEL));
    place.run(FIT).good();
    assert!(model(&place.bytes(MODEL)) == off);
    place.write("on.toml", "layer-norm = true\n");
    place.run(&format!("{FIT} --config on.toml")).good();
    let on = model(&place.bytes(MODEL));
    place.run(&format!("{FIT} --layer-norm")).good();
    assert!(on != off && model(&place.bytes(MODEL)) == on);
    refused(&[
        ("fit digits.csv --layer-norm=yes", "--layer-norm: 'yes' is neither on nor off"),
        ("fit digits.csv --layer-norm=on,off", "--layer-norm: fit trains once, and 2 values are given"),
        ("fit digits.csv --layer-norm=on,on", "--layer-norm: on is given twice"),
    ]);
}

#[test]
fn units_are_dropped() {
    round_trip("--dropout 0.3", &["dropout = 0.3"]);
    searched("--dropout 0,0.2", "dropout", &["0", "0.2"]);
    let place = Place::with_few_digits(200);
    let search = "tune digits.csv --hidden 8 --epochs 3 --dropout 0..0.5 --strategy random --trials 5 --quiet";
    place.run(search).good();
    let trials = common::table(&place.text("opportune-out/digits/trials.csv"));
    let rates: Vec<f64> = trials.iter().map(|row| row["dropout"].parse().unwrap()).collect();
    assert!(rates.iter().all(|rate| (0.0..=0.5).contains(rate)) && rates.iter().any(|rate| *rate > 0.1), "{rates:?}");
    refused(&[
        ("fit digits.csv --dropout 1", "--dropout: 1 is not from 0 up and below 1"),
        ("fit digits.csv --dropout -0.1", "--dropout: -0.1 is not from 0 up"),
        ("fit digits.csv --dropout x", "--dropout: 'x' is not a number"),
        ("tune digits.csv --dropout 0.5..1.5", "--dropout: 1.5 is not from 0 up and below 1"),
        ("tune digits.csv --dropout 0.5..0.1", "--dropout: the range '0.5..0.1' is empty"),
        ("fit digits.csv --dropout 0..0.5", "--dropout: fit trains once, and a range is given"),
    ]);
}

#[test]
fn averages_are_delivered() {
    round_trip("--average ema(decay=0.9)", &["average = \"ema(decay=0.9)\""]);
    round_trip("--average swa(from=2)", &["average = \"swa(from=2)\""]);
    searched("--strategy halving --average none,ema(decay=0.5),swa", "average", &["none", "ema(decay=0.5)", "swa"]);
    // The score that is told is that of the model that is delivered.
    let place = Place::with_few_digits(300);
    for flags in ["", "--average ema(decay=0.95)", "--patience 2 --monitor loss --average swa(from=3)"] {
        let line = format!("fit digits.csv --hidden 12 --lr 0.05 --epochs 6 --validation part.csv --json {flags}");
        place.write("part.csv", place.bytes("digits.csv"));
        let told = place.run(&line).good().last();
        let predicted = place.run("predict opportune-out/digits-fit part.csv").good();
        let labels: Vec<String> = common::table(&predicted.out).iter().map(|row| row["label"].clone()).collect();
        let truth = common::table(&place.text("part.csv"));
        let target = place.text("part.csv").lines().next().unwrap().split(',').next_back().unwrap().to_string();
        let hits = labels.iter().zip(&truth).filter(|(label, row)| **label == row[&target]).count();
        let score = told["score"]["mean"].as_f64().unwrap();
        assert!((score - hits as f64 / truth.len() as f64).abs() < 1e-9, "{flags}: {score} {hits} of {}", truth.len());
    }
    refused(&[
        ("fit digits.csv --average emma", "--average: average, character 1: unknown average 'emma'"),
        ("fit digits.csv --average ema(decay=1)", "--average: average, character 11: decay must be"),
        ("fit digits.csv --epochs 5 --average swa(from=6)", "--average: swa begins with epoch 6, and there are 5"),
        ("fit digits.csv --average ema,swa", "--average: fit trains once, and 2 values are given"),
        (
            "fit digits.csv --optimizer schedule_free_sgd --average ema",
            "--average: schedule_free_sgd delivers an average",
        ),
        ("tune digits.csv --average ema", "--average: the default search judges by an average of its own"),
        ("range-test digits.csv --average ema", "--average"),
    ]);
}

#[test]
fn gradients_are_clipped() {
    round_trip("--clip-norm 0.05", &["clip-norm = 0.05"]);
    round_trip("--clip-value 0.002 --clip-norm 0.1", &["clip-norm = 0.1", "clip-value = 0.002"]);
    searched("--clip-norm none,0.1,1", "clip-norm", &["none", "0.1", "1"]);
    refused(&[
        ("fit digits.csv --clip-norm 0", "--clip-norm: 0 is not a finite number above 0"),
        ("fit digits.csv --clip-norm -1", "--clip-norm: -1 is not"),
        ("fit digits.csv --clip-value nan", "--clip-value: 'nan' is not finite"),
        ("fit digits.csv --clip-value non", "--clip-value: 'non' is not a number"),
        ("fit digits.csv --clip-value 1,2", "--clip-value: fit trains once, and 2 values are given"),
        ("fit digits.csv --optimizer lbfgs --clip-norm 1", "--clip-norm: lbfgs compares losses along a line"),
        ("tune digits.csv --clip-norm 0..1", "--clip-norm: the range '0..1' does not begin above 0"),
        ("tune digits.csv --strategy grid --lr 0.1 --epochs 5 --clip-norm 0.1..1", "--clip-norm: '0.1..1' is a range"),
    ]);
}
