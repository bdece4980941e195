//! Data as they come: whatever encoding, delimiter and gaps they have, they train, and what had to be done about it is
//! said. Where only the writing differs, the scores are those of the clean file to the last bit.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, Ran, colours, gzip, numbers};
use serde_json::Value;

const SETTINGS: &str = "--epochs 3 --hidden 5 --validation 0.25 --json";

/// Trains on a file of that name and content.
fn train(name: &str, content: impl AsRef<[u8]>) -> Ran {
    let place = Place::new();
    place.write(name, content);
    place.run(&format!("fit {name} {SETTINGS}")).good()
}

/// The score, with every fold's, and the test of its being one.
fn score(ran: &Ran) -> Value {
    let score = ran.last()["score"].clone();
    assert!(score["mean"].as_f64().is_some_and(f64::is_finite), "{ran:#?}");
    score
}

/// What is told beside what every small file is told.
fn told(ran: &Ran) -> Vec<&str> {
    ran.warnings().into_iter().filter(|text| !text.contains("rows to learn from")).collect()
}

/// Two hundred rows with a text that is not ASCII.
fn clean() -> String {
    colours(200).replace("green", "grün")
}

/// The clean table with each field changed by `change`.
fn each_field(change: impl Fn(&str) -> String, delimiter: &str) -> String {
    let row = |line: &str| line.split(',').map(&change).collect::<Vec<_>>().join(delimiter) + "\n";
    clean().lines().map(row).collect()
}

/// The clean table with columns put before its own: a name and a field for each row.
fn with_columns(columns: &[(&str, &dyn Fn(usize) -> String)]) -> String {
    let mut text = String::new();
    for (row, line) in clean().lines().enumerate() {
        for (name, field) in columns {
            text += &if row == 0 { name.to_string() } else { field(row) };
            text.push(',');
        }
        text += line;
        text.push('\n');
    }
    text
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn ways_of_writing_the_same() {
    let clean = clean();
    let expected = train("x.csv", &clean);
    assert!(told(&expected).is_empty(), "{expected:#?}");
    let expected = score(&expected);
    let latin: Vec<u8> = clean.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let comma = |field: &str| field.replace('.', ",");
    let spaced = |field: &str| format!("  {field} ");
    let quoted = |field: &str| format!("\"{field}\"");
    let same = |field: &str| field.to_string();
    let blank_lines = clean.replace('\n', "\n\n");
    let cases: Vec<(&str, &str, Vec<u8>, &[&str])> = vec![
        ("byte order mark", "x.csv", format!("\u{feff}{clean}").into(), &[]),
        ("CRLF", "x.csv", clean.replace('\n', "\r\n").into(), &[]),
        ("CR", "x.csv", clean.replace('\n', "\r").into(), &[]),
        ("no line end at the end", "x.csv", clean.trim_end().into(), &[]),
        ("blank lines", "x.csv", blank_lines.into(), &[]),
        ("UTF-16 LE", "x.csv", utf16(&clean, u16::to_le_bytes, true), &["the file is UTF-16LE; it was converted"]),
        ("UTF-16 BE", "x.csv", utf16(&clean, u16::to_be_bytes, true), &["the file is UTF-16BE; it was converted"]),
        ("UTF-16 without mark", "x.csv", utf16(&clean, u16::to_le_bytes, false), &["looks like UTF-16LE"]),
        ("Latin-1", "x.csv", latin, &["not UTF-8; it was read as Windows-1252 (Latin-1)"]),
        ("quotes", "x.csv", each_field(quoted, ",").into(), &[]),
        ("spaces", "x.csv", each_field(spaced, ",").into(), &[]),
        ("semicolons", "x.csv", each_field(same, ";").into(), &[]),
        ("tabs", "x.csv", each_field(same, "\t").into(), &[]),
        ("tabs in .tsv", "x.tsv", each_field(same, "\t").into(), &[]),
        ("bars", "x.csv", each_field(same, "|").into(), &[]),
        ("decimal commas", "x.csv", each_field(comma, ";").into(), &["have decimal commas: length, width"]),
        ("gzip", "x.csv.gz", gzip(clean.as_bytes()), &[]),
        ("gzip without its suffix", "x.csv", gzip(clean.as_bytes()), &[]),
        ("gzip in two members", "x.csv", [gzip(&clean.as_bytes()[..99]), gzip(&clean.as_bytes()[99..])].concat(), &[]),
    ];
    for (what, name, content, says) in cases {
        let ran = train(name, content);
        assert_eq!(score(&ran), expected, "{what}");
        let told = told(&ran);
        let said = told.len() == says.len() && told.iter().zip(says).all(|(text, part)| text.contains(part));
        assert!(said, "{what}: {told:?}");
    }
}

#[test]
fn line_ends_in_quotes_are_part_of_the_text() {
    let place = |row: usize| ["\"to\nwn\"", "village", "\"a \"\"b\"\", c\""][row / 2 % 3].to_string();
    let other = |row: usize| ["to wn", "village", "a b c"][row / 2 % 3].to_string();
    let ran = train("x.csv", with_columns(&[("place", &place)]));
    assert!(told(&ran).is_empty(), "{ran:#?}");
    assert_eq!(score(&ran), score(&train("x.csv", with_columns(&[("place", &other)]))));
}

#[test]
fn columns_that_say_nothing_are_left_out() {
    let constant = |_: usize| "5".to_string();
    let word = |_: usize| "same".to_string();
    let missing = |row: usize| ["", "NA", "?", "NaN", "null"][row % 5].to_string();
    let counting = |row: usize| row.to_string();
    let expected = score(&train("x.csv", clean()));
    let ran = train("x.csv", with_columns(&[("", &counting), ("c", &constant), ("w", &word), ("m", &missing)]));
    assert_eq!(score(&ran), expected);
    for part in ["only counts the rows", "'c' has one value only", "'w' has one value only", "'m' has no values"] {
        assert!(told(&ran).iter().any(|text| text.contains(part)), "{part}: {:?}", told(&ran));
    }
}

#[test]
fn names_that_repeat_or_lack_get_others() {
    let expected = score(&train("x.csv", clean()));
    for (header, says) in [
        ("size,size,kind", "the name 'size' occurs again in column 2, which is called 'size_2'"),
        ("length,,kind", "column 2 has no name and is called 'column_2'"),
        (" , ,kind", "column 1 has no name and is called 'column_1'; column 2"),
    ] {
        let ran = train("x.csv", clean().replace("length,width,kind", header));
        assert_eq!(score(&ran), expected, "{header}");
        assert!(told(&ran).len() == 1 && told(&ran)[0].starts_with(says), "{header}: {:?}", told(&ran));
    }
    // Without a header it is a table too.
    let digits = |row: &str| row.replace("red", "0").replace("grün", "1").replace("blue", "2") + "\n";
    let ran = train("x.csv", clean().lines().skip(1).map(digits).collect::<String>());
    assert!(told(&ran)[0].contains("the file has no header; its columns are called column_1 to column_3"), "{ran:#?}");
    score(&ran);
}

#[test]
fn gaps_and_infinities_train() {
    let number = |row: usize| match row % 20 {
        3 => "inf".to_string(),
        7 => "-Infinity".into(),
        11 => "NaN".into(),
        15 => String::new(),
        row => format!("0.{row}"),
    };
    let gaps = |row: usize| match row % 20 {
        3 | 7 | 11 | 15 => String::new(),
        row => format!("0.{row}"),
    };
    let ran = train("x.csv", with_columns(&[("n", &number)]));
    assert_eq!(told(&ran), ["column 'n': 20 infinite values count as missing"]);
    let with_gaps = train("x.csv", with_columns(&[("n", &gaps)]));
    assert_eq!(score(&ran), score(&with_gaps));
    let odd = |row: usize| if row == 150 { "l0".to_string() } else { gaps(row) };
    let ran = train("x.csv", with_columns(&[("n", &odd)]));
    assert_eq!(told(&ran), ["column 'n': 1 text among numbers counts as missing, first 'l0' in row 151"]);
}

#[test]
fn rows_without_target_are_left_out_and_counted() {
    let broken = |row: usize| row % 50 == 7;
    let lines = |with: bool| {
        let change = |(row, line): (usize, &str)| match broken(row) {
            true if with => {
                Some(line[..=line.rfind(',').unwrap()].to_string() + if row == 57 { "NA" } else { "" } + "\n")
            }
            true => None,
            false => Some(format!("{line}\n")),
        };
        clean().lines().enumerate().filter_map(change).collect::<String>()
    };
    let ran = train("x.csv", lines(true));
    assert_eq!(told(&ran), ["4 rows have no target and are left out"]);
    assert_eq!(score(&ran), score(&train("x.csv", lines(false))));
    let inf = numbers(60).replacen("\n0,0,", "\n0,0,inf\n0,0,", 1);
    let ran = train("x.csv", inf);
    assert_eq!(told(&ran), ["1 row has no target and is left out"]);
    score(&ran);
}

#[test]
fn very_large_and_very_small_numbers_train() {
    let large = |row: usize| format!("{}e300", row % 7);
    let huge = |row: usize| format!("{}1.7e308", if row % 2 == 1 { "-" } else { "" });
    let small = |row: usize| format!("{}e-300", row % 7);
    let offset = |row: usize| format!("1000000000000000{}", row % 3);
    let ran = train("x.csv", with_columns(&[("l", &large), ("h", &huge), ("s", &small), ("o", &offset)]));
    score(&ran);
    for event in ran.events().iter().filter(|event| event["event"] == "epoch") {
        for name in ["train_loss", "train_score", "validation_loss", "validation_score"] {
            assert!(event[name].as_f64().is_some_and(f64::is_finite), "{event}");
        }
    }
    // A power of ten changes nothing for the network but the rounding.
    let times = |power: &str| {
        let row = |row: usize| format!("{}{power},{}{power}\n", row % 10, row % 10 * 2 + row % 3);
        train("x.csv", format!("a,y\n{}", (0..100).map(row).collect::<String>()))
    };
    let r2 = |ran: &Ran| score(ran)["mean"].as_f64().unwrap();
    let (plain, scaled) = (times(""), times("e150"));
    assert_eq!(plain.last()["score"]["name"], "r2");
    assert!((r2(&plain) - r2(&scaled)).abs() < 1e-3, "{} {}", r2(&plain), r2(&scaled));
    // Errors of this size have no square in 64 bits; the training goes on all the same.
    let losses = |ran: &Ran| {
        let loss = |event: Value| event["validation_loss"].as_f64();
        ran.events().into_iter().filter_map(loss).collect::<Vec<f64>>()
    };
    let (plain, scaled) = (losses(&plain), losses(&times("e300")));
    assert!(plain.len() == 3 && plain.iter().zip(&scaled).all(|(a, b)| (a - b).abs() < 1e-3), "{plain:?} {scaled:?}");
}
