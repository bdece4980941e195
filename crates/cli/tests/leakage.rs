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
