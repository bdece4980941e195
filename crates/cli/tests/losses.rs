//! What is minimised: losses of numbers, smoothed labels, rows that count differently, and several labels, from the command line to the
//! predictions.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, colours, numbers, table};

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

/// Probabilities of the first class in a file's predictions.
fn chances(place: &Place, model: &str, data: &str) -> Vec<f64> {
    let said = place.run(&format!("predict {model} {data}")).good().out;
    said.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect()
}

#[test]
fn smoothed_labels_make_less_confident_networks() {
    let place = Place::new();
    place.write("x.csv", colours(120));
    let fit = "fit x.csv --validation 0.2 --epochs 60 --lr 0.05 --hidden 8";
    let most = |flags: &str, out: &str| {
        let ran = place.run(&format!("{fit} {flags} --out {out} --json")).good();
        let extreme = chances(&place, out, "x.csv").into_iter().map(|p| p.max(1.0 - p)).fold(0.0, f64::max);
        (extreme, ran.last())
    };
    let (plain, _) = most("", "plain");
    let (smooth, last) = most("--label-smoothing 0.3", "smooth");
    // The best there is for one class of three is 1 - 0.3 + 0.1, and 0.1 for each other.
    assert!(plain > 0.98 && smooth < 0.95, "{plain} {smooth}");
    assert_eq!(last["settings"]["label_smoothing"], 0.3);
    place.run("fit x.csv --config smooth/best.toml --fresh --out again").good();
    assert_eq!(place.bytes("smooth/model.safetensors"), place.bytes("again/model.safetensors"));
    // Of the two losses the training one is smoothed, that of the validation rows is not.
    let curves = place.run(&format!("{fit} --label-smoothing 0.9 --out strong")).good().out;
    let row = curves.lines().rfind(|line| line.trim_start().starts_with("60 ")).unwrap().to_string();
    let fields: Vec<f64> = row.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    let (training, validation) = (fields[2], fields[4]);
    assert!(training > 1.05 && validation < 1.0, "{curves}");
}

#[test]
fn smoothing_is_searched_over() {
    let place = Place::new();
    place.write("x.csv", colours(120));
    let grid = "--strategy grid --label-smoothing 0,0.1 --lr 0.01 --epochs 4 --hidden 4 --quiet";
    place.run(&format!("tune x.csv {grid}")).good();
    let trials = table(&place.text("opportune-out/x/trials.csv"));
    let mut tried: Vec<&str> = trials.iter().map(|row| row["label-smoothing"].as_str()).collect();
    tried.dedup();
    assert_eq!(tried, ["0", "0.1"]);
    let flags = "--name range --strategy random --trials 3 --label-smoothing 0.01..0.3 --epochs 3 --hidden 4 --json";
    let last = place.run(&format!("tune x.csv {flags}")).good().last();
    assert!((0.01..=0.3).contains(&last["best"]["label_smoothing"].as_f64().unwrap()), "{last}");
}

/// Two classes that the features do not tell apart, one three times as frequent as the other.
fn uneven() -> String {
    let row = |row: u32| {
        format!("{},{},{}\n", row * 37 % 101, 1 + row % 4 / 3 * 2, ["no", "no", "no", "yes"][row as usize % 4])
    };
    "a,w,y\n".to_string() + &(0..200).map(row).collect::<String>()
}

/// Of classes that cannot be told apart the probabilities are their shares of the weight.
#[test]
fn weights_shift_what_is_learnt() {
    let place = Place::new();
    place.write("x.csv", uneven());
    let cut =
        |line: &str| line.split(',').enumerate().filter(|(i, _)| *i != 1).map(|(_, f)| f).collect::<Vec<_>>().join(",");
    place.write("plain.csv", uneven().lines().map(|line| cut(line) + "\n").collect::<String>());
    for (file, flags, no) in [
        ("plain.csv", "", 0.75),
        ("plain.csv", "--class-weight balanced", 0.5),
        ("plain.csv", "--class-weight yes=9", 0.25),
        ("x.csv", "--sample-weight w", 0.5),
        ("x.csv", "--sample-weight w --class-weight no=3", 0.75),
    ] {
        let fit = format!("fit {file} {flags} --validation 0.2 --hidden none --epochs 200 --lr 0.02 --batch 40");
        let ran = place.run(&format!("{fit} --schedule linear --fresh --out m --json")).good();
        let said = chances(&place, "m", file);
        assert!(said.iter().all(|p| (p - no).abs() < 0.09), "{flags}: {said:?}");
        assert!(!ran.err.contains("column 'w'"), "{ran:#?}");
        place.run(&format!("fit {file} --config m/best.toml --fresh --out again")).good();
        assert_eq!(place.bytes("m/model.safetensors"), place.bytes("again/model.safetensors"), "{flags}");
    }
    // New data need no weights.
    place.write("new.csv", "a\n5\n50\n");
    assert_eq!(chances(&place, "m", "new.csv").len(), 2);
}

#[test]
fn a_search_with_weights_is_a_study_of_its_own() {
    let place = Place::new();
    place.write("x.csv", uneven());
    let tune = "tune x.csv --epochs 6 --hidden 4 --json";
    place.run(tune).good();
    let other = place.run(&format!("{tune} --class-weight balanced"));
    assert_eq!(other.code, Some(2), "{other:#?}");
    assert!(other.err.contains("class weight none, now balanced"), "{other:#?}");
    let last =
        place.run(&format!("{tune} --class-weight balanced --sample-weight w --name w --test 0.2")).good().last();
    assert!(last["test"]["accuracy"].is_f64(), "{last}");
    let toml = place.text("opportune-out/w/best.toml");
    assert!(toml.contains("class-weight = \"balanced\"\n") && toml.contains("sample-weight = \"w\"\n"), "{toml}");
    let test = place.run("range-test x.csv --class-weight balanced --sample-weight w --hidden 4 --steps 8").good();
    assert!(test.out.contains("--sample-weight w --class-weight balanced"), "{}", test.out);
}

/// Two features and three labels: of high a, of high b, of high a + b.
fn labels(rows: usize) -> String {
    let row = |row: usize| {
        let (a, b) = (row * 37 % 101, row * 59 % 97);
        format!("{a},{b},{},{},{}\n", u8::from(a > 50), u8::from(b > 30), u8::from(a + b > 120))
    };
    "a,b,big,wide,both\n".to_string() + &(0..rows).map(row).collect::<String>()
}

#[test]
fn several_labels_are_learnt_together() {
    let place = Place::new();
    place.write("x.csv", labels(200));
    let fit = "fit x.csv --target big,wide,both --epochs 150 --lr 0.02 --hidden 10";
    let last = place.run(&format!("{fit} --test 0.2 --out m --json")).good().last();
    let score = last["test"]["accuracy"].as_f64().unwrap();
    assert!(score > 0.7, "{last}");
    let said = place.run("predict m x.csv").good();
    assert!(said.warnings().is_empty(), "{said:#?}");
    let (said, truth) = (table(&said.out), table(&place.text("x.csv")));
    let right = |(said, truth): &(&_, &_)| {
        let (said, truth): (&std::collections::BTreeMap<String, String>, &std::collections::BTreeMap<String, String>) =
            (said, truth);
        ["big", "wide", "both"].iter().all(|name| said[*name] == truth[*name])
    };
    assert!(said.iter().zip(&truth).filter(right).count() > 160);
    for row in &said {
        for name in ["big", "wide", "both"] {
            assert_eq!(row[name] == "1", row[&format!("p_{name}")].parse::<f64>().unwrap() > 0.5, "{row:?}");
        }
    }
    place.write("new.csv", "b,a\n90,90\n");
    let json = place.run("predict m new.csv --json").good().last();
    assert_eq!(json["labels"], serde_json::json!({"big": 1, "wide": 1, "both": 1}), "{json}");
    assert!(json["probabilities"]["both"].as_f64().unwrap() > 0.5, "{json}");
    place.run("fit x.csv --config m/best.toml --fresh --out again").good();
    assert_eq!(place.bytes("m/model.safetensors"), place.bytes("again/model.safetensors"));
    let flags = "--target big,wide,both --score f1 --epochs 8 --hidden 4 --label-smoothing 0.05 --json";
    let tuned = place.run(&format!("tune x.csv {flags}")).good().last();
    assert!(tuned["best"]["label_smoothing"] == 0.05, "{tuned}");
}
