//! What is minimised: losses of numbers, from the command line to the predictions.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, numbers};

/// Numbers of which every fifth is far from the others, without a hint in the features.
fn outliers() -> String {
    let row = |row: u32| {
        let y = if row % 5 == 4 { 1000.0 } else { 10.0 + f64::from(row % 7) / 10.0 };
        format!("{},{},{y}\n", row * 37 % 101, row * 59 % 97)
    };
    "a,b,y\n".to_string() + &(0..200).map(row).collect::<String>()
}

/// Predictions of a linear model trained under a loss.
fn predictions(place: &Place, loss: &str) -> Vec<f64> {
    let flags = "--hidden none --epochs 300 --lr 0.03 --batch 20 --schedule linear --fresh --quiet";
    place.run(&format!("fit x.csv --loss {loss} {flags} --out m")).good();
    let said = place.run("predict m x.csv").good().out;
    said.lines().skip(1).map(|line| line.parse().unwrap()).collect()
}

#[test]
fn each_loss_has_the_constant_it_is_least_at() {
    let place = Place::new();
    place.write("x.csv", outliers());
    for (loss, low, high) in [
        ("squared", 100.0, 320.0),
        ("poisson", 100.0, 320.0),
        ("absolute", 5.0, 20.0),
        ("huber(delta=0.01)", 5.0, 25.0),
    ] {
        let said = predictions(&place, loss);
        assert!(said.iter().all(|value| (low..high).contains(value)), "{loss}: {said:?}");
    }
}

#[test]
fn a_loss_is_among_the_settings_that_are_delivered() {
    let place = Place::new();
    place.write("x.csv", numbers(120));
    let fit = "fit x.csv --validation 0.2 --epochs 5 --hidden 6";
    let ran = place.run(&format!("{fit} --loss 'huber( delta=0.5 )' --out first --json")).good();
    assert_eq!(ran.last()["settings"]["loss"], "huber(delta=0.5)");
    assert!(place.text("first/best.toml").contains("loss = \"huber(delta=0.5)\"\n"));
    place.run("fit x.csv --config first/best.toml --fresh --out again").good();
    assert_eq!(place.bytes("first/model.safetensors"), place.bytes("again/model.safetensors"));
    // Without one it is another training, and no other study.
    let plain = place.run(&format!("{fit} --out plain --json")).good().last();
    assert!(plain["settings"]["loss"].is_null() && plain["cost"]["search"] == 5, "{plain}");
    assert_ne!(place.bytes("first/model.safetensors"), place.bytes("plain/model.safetensors"));
}

#[test]
fn a_grid_compares_losses_and_a_search_takes_one() {
    let place = Place::new();
    place.write("x.csv", numbers(120));
    let grid = "--strategy grid --loss squared,huber(delta=0.3),absolute --lr 0.01 --epochs 4 --hidden 4";
    place.run(&format!("tune x.csv {grid} --quiet")).good();
    let table = place.text("opportune-out/x/trials.csv");
    assert!(["squared", "huber(delta=0.3)", "absolute"].iter().all(|loss| table.contains(loss)), "{table}");
    let last = place.run("tune x.csv --name one --loss poisson --epochs 8 --hidden 4 --json").good().last();
    assert_eq!(last["best"]["loss"], "poisson", "{last}");
    let test = place.run("range-test x.csv --loss absolute --hidden 4 --steps 8").good();
    assert!(test.out.contains("--loss absolute"), "{}", test.out);
}
