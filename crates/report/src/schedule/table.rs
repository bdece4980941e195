//! The rate over a run as a table.

use super::Course;
use crate::columns::{Column, WIDTH, lay_out, shortened};
use crate::number;

/// Up to so many rows all are shown; of longer runs about so many, and the highest and lowest rates.
const ALL: u64 = 24;
const ROWS: u64 = 20;
/// Significant digits.
const DIGITS: usize = 5;

/// Rates, and momentum where it is cycled, by epoch; by optimizer step where a rate changes within epochs. Both are
/// counted from 1. Of long runs the first, the last, the extremes and some between them.
pub fn rates_table(courses: &[Course]) -> String {
    let Some(first) = courses.first() else { return String::new() };
    let steps_per_epoch = u64::from(first.resolved.steps_per_epoch());
    let by_step = steps_per_epoch > 1 && courses.iter().any(|course| !course.resolved.held_per_epoch());
    let (total, each) = if by_step { (first.steps(), 1) } else { (u64::from(first.epochs), steps_per_epoch) };
    let places = places(total, &mut courses.iter().flat_map(|course| extremes(course, total, each)));
    let texts = |of: &dyn Fn(u64) -> String| places.iter().map(|place| of(*place)).collect::<Vec<_>>();
    let epoch = |place: u64| place * each / steps_per_epoch + 1;
    let mut columns = vec![Column::numbers("", "epoch", texts(&|place| epoch(place).to_string()))];
    if by_step {
        columns.push(Column::numbers("", "step", texts(&|place| (place + 1).to_string())));
    }
    let values: usize = courses.iter().map(|course| 1 + usize::from(course.cycles_momentum)).sum();
    let room = (WIDTH.saturating_sub(14) / values).saturating_sub(2).clamp(10, 34);
    for course in courses {
        let upper = if courses.len() == 1 { String::new() } else { shortened(&course.text, room) };
        let at = |place: u64| course.resolved.at(place * each);
        columns.push(Column::numbers(&upper, "rate", texts(&|place| number::short(at(place).rate, DIGITS))));
        if course.cycles_momentum {
            let momentum = |place: u64| at(place).momentum.map_or(String::new(), |value| number::short(value, DIGITS));
            columns.push(Column::numbers("", "momentum", texts(&momentum)));
        }
    }
    lay_out(columns)
}

/// The places of the first highest and the first lowest rate.
fn extremes(course: &Course, total: u64, each: u64) -> [u64; 2] {
    if total <= ALL {
        return [0, 0];
    }
    let (mut highest, mut lowest) = ((0, f64::NEG_INFINITY), (0, f64::INFINITY));
    for place in 0..total {
        let rate = course.resolved.at(place * each).rate;
        if rate > highest.1 {
            highest = (place, rate);
        }
        if rate < lowest.1 {
            lowest = (place, rate);
        }
    }
    [highest.0, lowest.0]
}

/// Which of `total` places are shown, ascending, `more` among them.
fn places(total: u64, more: &mut dyn Iterator<Item = u64>) -> Vec<u64> {
    if total <= ALL {
        return (0..total).collect();
    }
    let mut tens = std::iter::successors(Some(1u64), |ten| ten.checked_mul(10));
    let stride =
        tens.find_map(|ten| [1, 2, 5].map(|part| part * ten).into_iter().find(|stride| total / stride <= ROWS));
    let stride = stride.unwrap_or(total);
    // Round numbers where counted from 1.
    let mut places: Vec<u64> =
        (1..=total / stride).map(|row| row * stride - 1).chain([0, total - 1]).chain(more).collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_short_run_is_shown_in_full() {
        let text = rates_table(&[sample("exponential(gamma=0.5)", Some(0.01), 7, 4)]);
        assert_eq!(
            format!("\n{text}"),
            "
epoch     rate
    1     0.01
    2    0.005
    3   0.0025
    4  0.00125
"
        );
    }

    #[test]
    fn a_long_run_keeps_ends_and_extremes() {
        let text = rates_table(&[sample("cyclic(base=1e-3, max=0.1, up=33, momentum=0.8..0.9)", None, 1, 101)]);
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        let epochs: Vec<&str> = rows.iter().map(|row| row[0]).collect();
        assert_eq!((epochs[0], *epochs.last().unwrap(), rows.len()), ("1", "101", 23), "{text}");
        assert!(rows.iter().any(|row| row[..] == ["34", "0.1", "0.8"]), "{text}");
        assert!(epochs.contains(&"5") && epochs.contains(&"100"));
    }

    #[test]
    fn steps_are_shown_where_rates_change_within_epochs() {
        let both = [sample("linear(from=1, to=0.4, per=step)", Some(1.0), 4, 3), sample("constant", Some(1.0), 4, 3)];
        let text = rates_table(&both);
        assert!(text.starts_with("             linear(to=0.4, per=step)  constant\nepoch  step"), "{text}");
        let row: Vec<&str> = text.lines().nth(6).unwrap().split_whitespace().collect();
        assert_eq!((row, text.lines().count()), (vec!["2", "5", "0.8", "1"], 14));
        assert_eq!(rates_table(&both[1..]).lines().count(), 4);
        assert_eq!(rates_table(&[]), "");
    }

    #[test]
    fn strides_are_round() {
        for (total, stride) in [(25, 2), (100, 5), (101, 5), (481, 50), (1000, 50), (1_000_000, 50_000)] {
            let places = places(total, &mut std::iter::empty());
            assert_eq!((places[0], places[1], *places.last().unwrap()), (0, stride - 1, total - 1), "{total}");
            assert!(places.len() <= 22);
        }
    }
}
