//! Models asked for predictions: of digits, words and numbers, of columns in another order, of files that lack, add or
//! spell something differently.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, Ran, colours, idx, numbers};

/// The fields of CSV lines; quoted ones may hold commas, but no line ends.
fn fields(line: &str) -> Vec<String> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    all.push(field);
    all
}

/// Columns of a table as it was printed: names and rows.
fn table(ran: &Ran) -> (Vec<String>, Vec<Vec<String>>) {
    let mut lines = ran.out.lines().map(fields);
    let names = lines.next().unwrap();
    let rows: Vec<_> = lines.collect();
    assert!(rows.iter().all(|row| row.len() == names.len()), "{}", ran.out);
    (names, rows)
}

/// The label of each row; panics unless it is the most probable class and the probabilities sum to 1.
fn labels(ran: &Ran) -> Vec<String> {
    let (names, rows) = table(ran);
    assert!(names[0] == "label" && names[1..].iter().all(|name| name.starts_with("p_")), "{names:?}");
    let label = |row: Vec<String>| {
        let chances: Vec<f64> = row[1..].iter().map(|field| field.parse().unwrap()).collect();
        assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{row:?}");
        let most = chances.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let class = names[1..].iter().position(|name| name[2..] == row[0]).unwrap();
        assert_eq!(chances[class], most, "{row:?}");
        row[0].clone()
    };
    rows.into_iter().map(label).collect()
}

/// The last fields of a table's rows.
fn last_fields(text: &str) -> Vec<String> {
    text.lines().skip(1).map(|line| fields(line).pop().unwrap()).collect()
}

fn agreement(labels: &[String], truth: &[String]) -> f64 {
    assert_eq!(labels.len(), truth.len());
    labels.iter().zip(truth).filter(|(label, truth)| label == truth).count() as f64 / truth.len() as f64
}

#[test]
fn digits_agree_with_the_test_score() {
    let place = Place::with_digits();
    let text = place.text("digits.csv");
    let (train, test): (Vec<_>, Vec<_>) = text.lines().skip(1).enumerate().partition(|(row, _)| row % 5 != 0);
    let file = |rows: &[(usize, &str)]| {
        let rows: Vec<&str> = rows.iter().map(|(_, line)| *line).collect();
        format!("{}\n{}\n", text.lines().next().unwrap(), rows.join("\n"))
    };
    place.write("train.csv", file(&train));
    place.write("test.csv", file(&test));
    let ran = place.run("fit train.csv --epochs 30 --lr 0.003 --hidden 30 --test test.csv --json").good();
    let score = ran.last()["test"]["accuracy"].as_f64().unwrap();
    assert!(score > 0.85, "{score}");

    let ran = place.run("predict opportune-out/train-fit test.csv").good();
    assert!(ran.warnings().is_empty(), "{ran:#?}");
    let said = labels(&ran);
    assert_eq!(agreement(&said, &last_fields(&place.text("test.csv"))), score);

    let json = place.run("predict opportune-out/train-fit/model.safetensors test.csv --json").good();
    let events = json.events();
    let (names, rows) = table(&ran);
    assert_eq!(events.len(), rows.len());
    for (event, row) in events.iter().zip(&rows) {
        assert_eq!(event["label"], row[0]);
        let chances = event["probabilities"].as_object().unwrap();
        assert!((chances.values().map(|p| p.as_f64().unwrap()).sum::<f64>() - 1.0).abs() < 1e-6, "{event}");
        for (name, field) in names.iter().zip(row).skip(1) {
            let chance = chances[&name[2..]].as_f64().unwrap();
            assert!((chance - field.parse::<f64>().unwrap()).abs() < 1e-6, "{event} {row:?}");
        }
    }
    let to_file = place.run("predict opportune-out/train-fit test.csv --out said.csv").good();
    assert_eq!((to_file.out.as_str(), place.text("said.csv")), ("", ran.out));
}

#[test]
fn words_with_commas_and_quotes_are_labels() {
    let place = Place::new();
    let text = colours(90).replace("red", "\"red, dark\"").replace("green", "\"a \"\"green\"\" one\"");
    place.write("x.csv", &text);
    place.run("fit x.csv --epochs 200 --lr 0.03 --hidden 8 --out m").good();
    let ran = place.run("predict m x.csv").good();
    assert_eq!(table(&ran).0, ["label", "p_a \"green\" one", "p_blue", "p_red, dark"]);
    assert!(agreement(&labels(&ran), &last_fields(&text)) > 0.8, "{}", ran.out);
    let labels: Vec<String> = labels(&ran);
    let json = place.run("predict m x.csv --json").good().events();
    assert!(json.iter().zip(&labels).all(|(event, label)| event["label"] == **label));
}

#[test]
fn two_classes_and_numbers() {
    let place = Place::new();
    let text: String =
        colours(120).lines().filter(|line| !line.ends_with("blue")).map(|line| format!("{line}\n")).collect();
    place.write("two.csv", &text);
    place.run("fit two.csv --epochs 150 --lr 0.03 --hidden 8 --out two").good();
    let ran = place.run("predict two two.csv").good();
    assert_eq!(table(&ran).0, ["label", "p_green", "p_red"]);
    assert!(agreement(&labels(&ran), &last_fields(&text)) > 0.9, "{}", ran.out);

    place.write("numbers.csv", numbers(120));
    let fit = place.run("fit numbers.csv --epochs 400 --lr 0.03 --hidden 8 --out n --score rmse --json").good();
    let ran = place.run("predict n numbers.csv").good();
    let (names, rows) = table(&ran);
    assert_eq!(names, ["prediction"]);
    let truth = last_fields(&place.text("numbers.csv"));
    let squares = rows
        .iter()
        .zip(&truth)
        .map(|(row, truth)| (row[0].parse::<f64>().unwrap() - truth.parse::<f64>().unwrap()).powi(2));
    // In the targets' own units, and as the training was scored.
    let rmse = (squares.sum::<f64>() / truth.len() as f64).sqrt();
    let told = fit.last()["score"]["mean"].as_f64().unwrap();
    assert!(rmse < 2.0 && (rmse - told).abs() < 1e-3, "{rmse} {told}");
    let json = place.run("predict n numbers.csv --json").good().events();
    assert!(json.iter().zip(&rows).all(|(event, row)| event["prediction"].as_f64() == row[0].parse().ok()));
}

/// A model of colours with a column of words and gaps.
fn mixed() -> Place {
    let place = Place::new();
    let place_of = |row: usize| ["town", "village", "", "sea"][row / 3 % 4];
    let line = |(row, line): (usize, &str)| format!("{},{line}\n", if row == 0 { "place" } else { place_of(row) });
    place.write("x.csv", colours(120).lines().enumerate().map(line).collect::<String>());
    place.run("fit x.csv --epochs 40 --lr 0.03 --hidden 8 --out m").good();
    place
}

#[test]
fn the_order_of_columns_does_not_matter_and_the_target_may_lack() {
    let place = mixed();
    let expected = place.run("predict m x.csv").good();
    assert_eq!(expected.warnings(), ["30 values are missing"]);
    let reordered = |order: &'static [usize]| {
        let text = place.text("x.csv");
        let line = |line: &str| {
            let fields = fields(line);
            order.iter().map(|at| fields[*at].clone()).collect::<Vec<_>>().join(",") + "\n"
        };
        text.lines().map(line).collect::<String>()
    };
    for order in [&[3, 2, 1, 0][..], &[2, 0, 1], &[0, 1, 2], &[1, 3, 0, 2]] {
        place.write("other.csv", reordered(order));
        let ran = place.run("predict m other.csv").good();
        assert_eq!(ran.out, expected.out, "{order:?}");
        assert_eq!(ran.warnings(), ["30 values are missing"], "{order:?}");
    }
    place.write("other.csv", place.text("x.csv").replace(',', ";").replace('\n', "\r\n"));
    assert_eq!(place.run("predict m other.csv").good().out, expected.out);
    // One row by itself is predicted as among others.
    let text = place.text("x.csv");
    place.write("one.csv", text.lines().take(2).collect::<Vec<_>>().join("\n"));
    let first: Vec<&str> = expected.out.lines().take(2).collect();
    assert_eq!(place.run("predict m one.csv").good().out, first.join("\n") + "\n");
}

#[test]
fn what_the_model_has_not_seen_is_told() {
    let place = mixed();
    let says = |text: &str, parts: &[&str]| {
        place.write("new.csv", text);
        let ran = place.run("predict m new.csv").good();
        assert_eq!(labels(&ran).len(), text.lines().count() - 1, "{ran:#?}");
        let told = ran.warnings();
        assert_eq!(told.len(), parts.len(), "{ran:#?}");
        for part in parts {
            assert!(told.iter().any(|text| text.contains(part)), "'{part}' is not in {told:?}");
        }
    };
    says("place,length,width\ntown,1,2\nsea,2,1\n", &[]);
    says("place,length,width\nmoon,1,2\nmars,2,1\n", &["column 'place': 2 categories not among those"]);
    says("place,length,width\n,,\nsea,,1\n", &["4 values are missing"]);
    says(
        "place,length,width\ntown,many,2\nsea,2,1\n",
        &["column 'length': 1 text where a number is wanted", "1 value is missing"],
    );
    says("place,length,width,weight\ntown,1,2,3\nsea,2,1,4\n", &["column 'weight' is not used"]);
    says("id,place,length,width,weight\n1,town,1,2,3\n2,sea,2,1,4\n", &["2 columns are not used: id, weight"]);
    says("place,length,width,kind\ntown,1e30,-1e30,red\nsea,inf,nan,violet\n", &["2 values are missing"]);
}

#[test]
fn values_beyond_the_arithmetic_have_no_prediction() {
    let place = mixed();
    place.write("far.csv", "place,length,width\ntown,1e300,-1e300\nsea,1,2\n");
    let ran = place.run("predict m far.csv").good();
    assert_eq!(ran.warnings(), ["1 row lies too far from the training data and has no prediction"]);
    let (_, rows) = table(&ran);
    assert!(rows[0].iter().all(String::is_empty) && !rows[1][0].is_empty(), "{ran:#?}");
    let json = place.run("predict m far.csv --json").good().events();
    assert!(json[0]["label"].is_null() && json[0]["probabilities"]["red"].is_null() && json[1]["label"].is_string());
    place.write("numbers.csv", numbers(60));
    place.run("fit numbers.csv --epochs 2 --hidden 4 --out n").good();
    place.write("far.csv", "a,b\n1e300,-1e300\n1,2\n");
    let ran = place.run("predict n far.csv").good();
    assert_eq!(ran.warnings(), ["1 row lies too far from the training data and has no prediction"]);
    assert!(place.run("predict n far.csv --json").good().events()[0]["prediction"].is_null());
    assert_eq!(table(&ran).1.len(), 2);
}

/// Images of 4 × 4: bright above or bright below.
fn images(count: usize) -> (Vec<u8>, Vec<u8>) {
    let labels: Vec<u8> = (0..count).map(|image| u8::from(image % 3 == 0)).collect();
    let pixel = |image: usize, at: usize| {
        let bright = (at < 8) == (labels[image] == 0);
        (if bright { 180 } else { 20 }) + ((image * 7 + at * 13) % 60) as u8
    };
    let pixels = (0..count).flat_map(|image| (0..16).map(move |at| pixel(image, at)).collect::<Vec<_>>()).collect();
    (pixels, labels)
}

#[test]
fn images_in_idx_files() {
    let place = Place::new();
    let (pixels, labels_train) = images(60);
    let (test_pixels, labels_test) = images(25);
    place.write("set/train-images-idx3-ubyte", idx(&[60, 4, 4], &pixels));
    place.write("set/train-labels-idx1-ubyte.gz", common::gzip(&idx(&[60], &labels_train)));
    place.write("set/t10k-images-idx3-ubyte", idx(&[25, 4, 4], &test_pixels));
    place.write("set/t10k-labels-idx1-ubyte", idx(&[25], &labels_test));
    let ran = place.run("fit set --epochs 20 --lr 0.03 --hidden 6 --json").good();
    assert_eq!((&ran.events()[0]["training_rows"], &ran.events()[0]["test_rows"]), (&60.into(), &25.into()));
    let score = ran.last()["test"]["accuracy"].as_f64().unwrap();
    let truth: Vec<String> = labels_test.iter().map(u8::to_string).collect();
    // Of a folder with a test set, that is what is new.
    let said = labels(&place.run("predict opportune-out/set-fit set").good());
    assert_eq!(agreement(&said, &truth), score);
    assert!(score > 0.9, "{score}");
    let file = place.run("predict opportune-out/set-fit set/t10k-images-idx3-ubyte").good();
    assert_eq!(labels(&file), said);
    let train = labels(&place.run("predict opportune-out/set-fit set/train-images-idx3-ubyte").good());
    assert_eq!(train.len(), 60);
}

#[test]
fn arrays_in_npy_files() {
    let place = Place::new();
    let npy = |columns: usize, values: &[f64]| {
        let shape = format!("({}, {columns})", values.len() / columns);
        let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.bytes());
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        file
    };
    let text = numbers(90);
    let values: Vec<f64> = text.lines().skip(1).flat_map(|line| line.split(',')).map(|f| f.parse().unwrap()).collect();
    place.write("all.npy", npy(3, &values));
    place.write("table.csv", &text);
    let features: Vec<f64> = values.chunks(3).flat_map(|row| [row[0], row[1]]).collect();
    place.write("new.npy", npy(2, &features));
    let array = place.run("fit all.npy --epochs 50 --lr 0.03 --hidden 6 --out a --json").good();
    let file = place.run("fit table.csv --epochs 50 --lr 0.03 --hidden 6 --out c --json").good();
    assert_eq!(array.last()["score"], file.last()["score"]);
    let expected = place.run("predict c table.csv").good().out;
    assert_eq!(expected.lines().count(), 91);
    for (model, data) in [("a", "all.npy"), ("a", "new.npy"), ("c", "all.npy"), ("c", "new.npy"), ("a", "table.csv")] {
        assert_eq!(place.run(&format!("predict {model} {data}")).good().out, expected, "{model} {data}");
    }
}
