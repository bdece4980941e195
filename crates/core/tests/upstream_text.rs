//! Whatever text is given, importing it answers in one line.

use opportune_core::upstream::{Given, SOURCES, import};
use proptest::prelude::*;

/// Pieces that constructor calls are made of, so that texts get past the first word.
fn pieces() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = SOURCES.into_iter().flat_map(|source| source.constructors()).collect();
    let piece = prop_oneof![
        4 => proptest::sample::select(names).prop_map(|name| format!("{name}(")),
        6 => proptest::sample::select(vec![
            "optimizer, ", "0.1", "10", "1e-3", "1/3", "0", "-1", "1e300", "True", "None", "'cos'", "'linear'", "[", "]",
            "{", "}", "(", ")", ")", ")", ", ", ", ", ", ", "=", ":", "[5]", "[5, 20]", "{5: 0.5}", "0.1, 10, 0.5", "gamma=",
            "total_steps=60", "max_lr=0.1", "decay_steps=", "milestones=[3]", "schedulers=[", "init_value=", "end_value=",
            "lambda epoch: ", "lambda epoch, lr: ", "0.9 ** epoch", "epoch // 3", "1 if epoch < 5 else 0.1", "lr * 0.5",
            "math.exp(-epoch)", "dict(", "x.", "**", "//", "%", "not ", " and ", "\"", "#", "\n", "é",
        ]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Imports and, where that gives a schedule, resolves and asks it.
fn answered(text: &str, given: &Given) -> Result<(), TestCaseError> {
    for source in SOURCES {
        let outcome = import(source, text, given).and_then(|imported| {
            // What was read is written and read again.
            reads_back(&imported.schedule.to_string());
            let epochs = u32::try_from(given.steps / u64::from(given.ticks_per_epoch)).unwrap_or(u32::MAX).max(1);
            imported.schedule.resolve(imported.base, given.ticks_per_epoch, epochs)
        });
        match outcome {
            Ok(resolved) => {
                for step in [0, 1, given.steps - 1, given.steps, given.steps + 1000] {
                    let rate = resolved.at(step).rate;
                    prop_assert!(rate.is_finite() && rate >= 0.0, "{source} {text:?}: {rate} at {step}");
                }
            }
            Err(error) => {
                let line = error.to_string();
                prop_assert!(!line.is_empty() && line.lines().count() == 1, "{source} {text:?}: {line:?}");
            }
        }
    }
    Ok(())
}

fn reads_back(text: &str) {
    assert!(text.parse::<opportune_core::schedule::Schedule>().is_ok(), "{text}");
}

/// Calls that are fine, as their golden rows have them.
fn calls() -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Row {
        call: String,
    }
    let rows: Vec<Row> = serde_json::from_str(include_str!("golden/schedules_import.json")).expect("golden rows");
    rows.into_iter().map(|row| row.call).collect()
}

/// One of them with some characters replaced by others: near enough to being fine that much of it is read.
fn spoiled() -> impl Strategy<Value = String> {
    let with = proptest::sample::select(vec![
        "", "", "0", "1", "9", "-", ".", "e9", ",", "(", ")", "[]", "None", "x", "'", "*",
    ]);
    let one = (proptest::sample::select(calls()), 0.0..1.0f64, 0..4usize, with);
    one.prop_map(|(call, place, removed, with)| {
        let characters: Vec<char> = call.chars().collect();
        let begin = (place * characters.len() as f64) as usize;
        let end = (begin + removed).min(characters.len());
        let (before, after): (String, String) =
            (characters[..begin].iter().collect(), characters[end..].iter().collect());
        format!("{before}{with}{after}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,60}", lr in proptest::option::of(-1.0..2.0f64)) {
        answered(&text, &Given { lr, steps: 20, ticks_per_epoch: 1 })?;
    }

    #[test]
    fn calls_in_pieces_are_answered(
        text in pieces(),
        lr in proptest::option::of(0.001..2.0f64),
        epochs in 1..30u64,
        ticks_per_epoch in 1..5u32,
    ) {
        answered(&text, &Given { lr, steps: epochs * u64::from(ticks_per_epoch), ticks_per_epoch })?;
    }

    #[test]
    fn spoiled_calls_are_answered(text in spoiled(), lr in proptest::option::of(0.001..2.0f64), ticks_per_epoch in 1..5u32) {
        answered(&text, &Given { lr, steps: 20 * u64::from(ticks_per_epoch), ticks_per_epoch })?;
    }
}
