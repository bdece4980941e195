//! The range test and the rising sweep for people and programs.

mod picture;
mod sweep;
mod text;

pub use picture::range_test_svg;
pub use sweep::{sweep_json, sweep_svg, sweep_text};
pub use text::{range_test_json, range_test_text};

use crate::number;
use opportune_core::range_test::{Mark, RangeTest};

/// Losses above that of the start by more than this share of it are not worth room.
const HIGH: f64 = 0.3;
/// Losses this share of it above and below are always shown.
const AROUND: f64 = 0.05;

/// A mark with what it is called, its letter in a terminal and its colour.
struct Named {
    what: &'static str,
    letter: char,
    colour: &'static str,
    mark: Option<Mark>,
}

/// The four marks; none where the test tells nothing.
fn named(test: &RangeTest) -> Vec<Named> {
    let Some(marks) = test.marks() else { return Vec::new() };
    let one = |what, letter, colour, mark| Named { what, letter, colour, mark };
    vec![
        one("lowest that learns", 'L', "#009e73", Some(marks.lowest)),
        one("steepest", 'S', "#e69f00", marks.steepest),
        one("lowest loss", 'M', "#0072b2", Some(marks.minimum)),
        one("edge of divergence", 'E', "#d55e00", marks.edge),
    ]
}

/// Between which rates the repeats by themselves lie; empty for a single one.
fn spread(mark: &Mark, repeats: usize) -> String {
    if repeats < 2 {
        return String::new();
    }
    let (low, high) = (number::rate(mark.low), number::rate(mark.high));
    let counted =
        if mark.repeats < repeats { format!(" ({} of {repeats} repeats)", mark.repeats) } else { String::new() };
    match (mark.repeats, low == high) {
        (0, _) => "in no repeat by itself".to_string(),
        (_, true) => format!("{low}{counted}"),
        (_, false) => format!("{low} to {high}{counted}"),
    }
}

/// A loss that is worth room in a picture.
fn shown(test: &RangeTest, loss: Option<f64>) -> Option<f64> {
    let most = if test.initial.is_finite() { test.initial + HIGH * test.initial.abs() } else { f64::INFINITY };
    loss.filter(|loss| loss.is_finite() && *loss <= most)
}

/// Losses that an axis always shows: those about the loss before the first step, so that a flat course looks flat.
fn around(initial: f64) -> impl Iterator<Item = f64> {
    let room = AROUND * initial.abs();
    [initial - room, initial, initial + room].into_iter().filter(|loss| loss.is_finite())
}

/// What has pixels.
fn bounded(loss: f64) -> f64 {
    loss.clamp(f64::MIN / 8.0, f64::MAX / 8.0)
}

/// Why a test tells nothing.
pub fn range_test_silent(test: &RangeTest) -> Option<String> {
    if test.minimum().is_some() {
        return None;
    }
    let steps = crate::label::counted(test.steps as usize, "step");
    let losses: Vec<f64> = test.points.iter().filter_map(|point| point.loss()).collect();
    Some(if !test.initial.is_finite() {
        "the loss is not a number before the first step".to_string()
    } else if losses.is_empty() {
        format!("the loss ran away at every rate within {steps}")
    } else if losses.iter().all(|loss| *loss > test.initial + 0.01 * test.initial.abs()) {
        format!("at every rate the loss is higher after {steps} than before")
    } else {
        format!("at no rate did the loss fall by 1 % within {steps}")
    })
}

#[cfg(test)]
pub(crate) fn sample(repeats: &[[Option<f64>; 13]]) -> RangeTest {
    use opportune_core::range_test::RatePoint;
    let point =
        |(place, rate): (usize, f64)| RatePoint { rate, losses: repeats.iter().map(|losses| losses[place]).collect() };
    RangeTest {
        steps: 16,
        steps_per_epoch: 8,
        initial: 2.3,
        initials: vec![Some(2.3); repeats.len()],
        points: RangeTest::rates().into_iter().enumerate().map(point).collect(),
    }
}

#[cfg(test)]
pub(crate) fn samples() -> RangeTest {
    let learns = |shift: f64| {
        let fallen = [2.3, 2.3, 2.28, 2.2, 2.0, 1.6, 1.1, 0.7, 0.45, 0.9, 2.9].map(|loss| Some(loss + shift));
        let mut all = [None; 13];
        all[..11].copy_from_slice(&fallen);
        all
    };
    let mut second = learns(-0.1);
    (second[3], second[7]) = (Some(2.0), Some(0.2));
    sample(&[learns(0.0), second])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_nothing_says_why() {
        let why = |losses: [Option<f64>; 13]| range_test_silent(&sample(&[losses]));
        assert!(range_test_silent(&samples()).is_none());
        assert_eq!(why([None; 13]).as_deref(), Some("the loss ran away at every rate within 16 steps"));
        assert_eq!(why([Some(2.3); 13]).as_deref(), Some("at no rate did the loss fall by 1 % within 16 steps"));
        let higher = why([Some(2.5); 13]);
        assert_eq!(higher.as_deref(), Some("at every rate the loss is higher after 16 steps than before"));
        let lost = RangeTest { initial: f64::NAN, ..samples() };
        assert_eq!(range_test_silent(&lost).as_deref(), Some("the loss is not a number before the first step"));
    }

    #[test]
    fn repeats_that_agree_are_one_number() {
        let mark = Mark { rate: 0.1, low: 0.1, high: 0.3, repeats: 3 };
        assert_eq!(spread(&mark, 3), "0.1 to 0.3");
        assert_eq!(spread(&Mark { high: 0.1, ..mark }, 4), "0.1 (3 of 4 repeats)");
        assert_eq!(
            (spread(&mark, 1).as_str(), spread(&Mark { repeats: 0, ..mark }, 2).as_str()),
            ("", "in no repeat by itself")
        );
    }
}
