//! What a sweep suggests, held against fastai 2.8.5's `lr_find`, as `xtask/golden/sweep/sweep.py` wrote it.

use opportune_core::sweep::Sweep;
use serde::Deserialize;

/// A course of the loss, and what fastai makes of it.
#[derive(Deserialize)]
struct Row {
    name: String,
    low: f64,
    high: f64,
    steps: u32,
    /// One for each step; a text where it is not finite.
    losses: Vec<Loss>,
    rates: Vec<f64>,
    /// Those that are finite.
    smoothed: Vec<f64>,
    valley: f64,
    steep: f64,
    minimum: f64,
    slide: f64,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Loss {
    Finite(f64),
    Not(String),
}

fn near(what: &str, got: f64, expected: f64) {
    assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{what}: {got}, not {expected}");
}

#[test]
fn suggestions_are_those_of_fastai() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("golden/sweep.json")).unwrap();
    assert!(rows.len() >= 13, "{} rows", rows.len());
    for row in &rows {
        let name = &row.name;
        let mut sweep = Sweep::new(row.low, row.high, row.steps);
        for (step, (loss, rate)) in row.losses.iter().zip(&row.rates).enumerate() {
            near(&format!("{name}: rate"), sweep.next_rate(), *rate);
            let loss = match loss {
                Loss::Finite(loss) => *loss,
                Loss::Not(text) => text.parse().unwrap(),
            };
            let on = sweep.push(loss);
            assert_eq!(on, step + 1 < row.losses.len(), "{name}: goes on after step {step}");
        }
        let finite: Vec<f64> = sweep.smoothed().iter().copied().filter(|loss| loss.is_finite()).collect();
        assert_eq!(finite.len(), row.smoothed.len(), "{name}");
        finite
            .iter()
            .zip(&row.smoothed)
            .for_each(|(got, expected)| near(&format!("{name}: smoothed"), *got, *expected));
        let got = sweep.suggestions();
        for (what, got, expected) in [
            ("valley", got.valley, row.valley),
            ("steep", got.steep, row.steep),
            ("minimum", got.minimum, row.minimum),
            ("slide", got.slide, row.slide),
        ] {
            near(&format!("{name}: {what}"), got.unwrap(), expected);
        }
        assert_eq!(sweep.tells(), !["flat", "noise"].contains(&name.as_str()), "{name}");
    }
}
