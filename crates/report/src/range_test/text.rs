//! A range test in words, characters and JSON.

use super::{Named, around, named, range_test_silent, shown, spread};
use crate::axis::Axis;
use crate::columns::{Column, lay_out};
use crate::label::counted;
use crate::number;
use crate::terminal::{self, Look, Plot};
use crate::thin::Point;
use opportune_core::range_test::{RangeTest, RatePoint};
use serde_json::{Value, json};

/// What was tried, the mean loss over the rates as a picture, and the four rates with their spread over repeats; or why it
/// tells nothing.
pub fn range_test_text(test: &RangeTest, look: Look) -> String {
    let repeats = test.repeats();
    let rate = |point: Option<&RatePoint>| point.map_or(String::new(), |one| number::rate(one.rate));
    let times = match repeats {
        1 => "once".to_string(),
        repeats => format!("{repeats} times"),
    };
    let epochs = number::short(f64::from(test.steps) / f64::from(test.steps_per_epoch.max(1)), 2);
    let mut text = format!(
        "{} from {} to {}, each trained {times} for {} ({epochs} epochs) from the same start\n\n",
        counted(test.points.len(), "rate"),
        rate(test.points.first()),
        rate(test.points.last()),
        counted(test.steps as usize, "step"),
    );
    text += &picture(test, look);
    text.push('\n');
    let marks = named(test);
    if let Some(why) = range_test_silent(test) {
        return text + &format!("It cannot tell which rates train: {why}.\n");
    }
    let cells = |of: &dyn Fn(&Named) -> String| marks.iter().map(of).collect::<Vec<String>>();
    let none = format!("none up to {}", rate(test.points.last()));
    let columns = vec![
        Column::words("", cells(&|one| one.what.to_string()), false),
        Column::words("", cells(&|one| one.mark.map_or(String::new(), |_| one.letter.to_string())), false),
        Column::words("rate", cells(&|one| one.mark.map_or(none.clone(), |mark| number::rate(mark.rate))), false),
        Column::words(
            if repeats > 1 { "each repeat by itself" } else { "" },
            cells(&|one| one.mark.map_or(String::new(), |mark| spread(&mark, repeats))),
            false,
        ),
    ];
    text + &lay_out(columns)
}

/// The mean loss over the rates.
fn picture(test: &RangeTest, look: Look) -> String {
    let points: Vec<(f64, Option<f64>)> =
        test.points.iter().map(|point| (point.rate, shown(test, point.loss()))).collect();
    let losses = points.iter().filter_map(|point| point.1).chain(around(test.initial));
    let pieces = points.split(|point| point.1.is_none()).filter(|piece| !piece.is_empty());
    let piece = |piece: &[(f64, Option<f64>)]| -> Vec<Point> {
        piece.iter().filter_map(|(rate, loss)| Some((*rate, (*loss)?))).collect()
    };
    let plot = Plot {
        x: Axis::log_rates(test.points.iter().map(|point| point.rate)),
        y: Axis::of_losses(&[losses.collect()]),
        x_name: "learning rate",
        y_name: "loss, mean over repeats",
        whole: false,
        lines: vec![pieces.map(piece).collect()],
        marks: named(test).iter().filter_map(|named| Some((named.mark?.rate, named.letter))).collect(),
        gone: points.iter().filter(|point| point.1.is_none()).map(|point| point.0).collect(),
    };
    terminal::draw(&plot, look)
}

/// The same for programs. A mark has the `rate` by the mean over repeats, `low` and `high` of the repeats by themselves, and
/// how many of those give one; it is null where there is none. `loss` is null where it is not finite in some repeat.
/// `candidates` are the rates that a search should begin with, `suggested` is one for a single long run.
pub fn range_test_json(test: &RangeTest) -> Value {
    let marks = test.marks();
    let finite = |loss: f64| Some(loss).filter(|loss| loss.is_finite());
    let point = |point: &RatePoint| json!({"rate": point.rate, "loss": point.loss(), "losses": point.losses});
    json!({
        "steps": test.steps,
        "steps_per_epoch": test.steps_per_epoch,
        "repeats": test.repeats(),
        "initial": finite(test.initial),
        "points": test.points.iter().map(point).collect::<Vec<_>>(),
        "tells": marks.is_some(),
        "why_not": range_test_silent(test),
        "lowest": marks.map(|marks| marks.lowest),
        "steepest": marks.and_then(|marks| marks.steepest),
        "minimum": marks.map(|marks| marks.minimum),
        "edge": marks.and_then(|marks| marks.edge),
        "candidates": test.candidates(),
        "suggested": test.suggested(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{sample, samples};
    use super::*;

    #[test]
    fn the_four_rates_are_told_with_their_spread() {
        let text = range_test_text(&samples(), Look::default());
        assert!(text.starts_with(
            "13 rates from 1e-5 to 10, each trained 2 times for 16 steps (2 epochs) from the same start\n"
        ));
        let expected = "
                       rate      each repeat by itself
lowest that learns  L  3e-4      3e-4 to 0.001
steepest            S  0.0173    0.00548 to 0.0173
lowest loss         M  0.1       0.03 to 0.1
edge of divergence  E  1         1
";
        let table: String =
            text.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev().map(|l| format!("{l}\n")).collect();
        let same = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(same(&table), same(expected), "{text}");
        assert!(text.lines().any(|line| line.contains('X')) && text.is_ascii(), "{text}");
    }

    #[test]
    fn without_an_edge_or_without_repeats() {
        let calm: Vec<Option<f64>> = (0..13).map(|place| Some(2.2 - 0.1 * f64::from(place))).collect();
        let text = range_test_text(&sample(&[calm.try_into().unwrap()]), Look::default());
        assert!(
            text.contains("none up to 10") && text.contains("trained once") && !text.contains("by itself"),
            "{text}"
        );
        let flat = range_test_text(&sample(&[[Some(2.3); 13]]), Look::default());
        assert!(
            flat.ends_with("It cannot tell which rates train: at no rate did the loss fall by 1 % within 16 steps.\n")
        );
    }

    #[test]
    fn programs_get_the_same() {
        let json = range_test_json(&samples());
        assert_eq!(json["lowest"], json!({"rate": 3e-4, "low": 3e-4, "high": 0.001, "repeats": 2}));
        assert_eq!(
            (&json["edge"]["rate"], &json["points"][12]["loss"], &json["tells"]),
            (&json!(1.0), &Value::Null, &json!(true))
        );
        assert_eq!(json["candidates"].as_array().map(Vec::len), Some(samples().candidates().len()));
        let silent = range_test_json(&RangeTest { initial: f64::NAN, ..sample(&[[None; 13]]) });
        assert_eq!(
            (&silent["minimum"], &silent["initial"], &silent["tells"]),
            (&Value::Null, &Value::Null, &json!(false))
        );
    }
}
