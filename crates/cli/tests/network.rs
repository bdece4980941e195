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
