//! A line search until the strong Wolfe conditions hold, by cubic interpolation (Nocedal and Wright 2006, algorithms 3.5 and
//! 3.6), with PyTorch's safeguards.

/// Of sufficient decrease.
const C1: f64 = 1e-4;
/// Of curvature.
const C2: f64 = 0.9;
/// Evaluations at most.
const EVALUATIONS: u32 = 25;
/// Brackets narrower than this, times the largest part of the direction, are not divided further.
const NARROW: f64 = 1e-9;

/// A point along the direction: how far, the loss there, and its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    at: f64,
    loss: f64,
    slope: f64,
}

/// How far to go, from a first guess on. `start` is loss and slope at 0, `size` the largest part of the direction;
/// `evaluate` gives loss and slope at a distance. It ends whatever the numbers are, NaN included.
pub(super) fn strong_wolfe(
    first: f64,
    size: f64,
    (loss, slope): (f64, f64),
    evaluate: &mut dyn FnMut(f64) -> (f64, f64),
) -> f64 {
    let start = Point { at: 0.0, loss, slope };
    let flat = |point: Point| point.slope.abs() <= -C2 * slope;
    let mut look = |at: f64| {
        let (loss, slope) = evaluate(at);
        Point { at, loss, slope }
    };
    let (mut before, mut now) = (start, look(first));
    let mut rounds = 0;
    // Further and further, until a point is good enough or the best one lies behind.
    let mut bracket = loop {
        if rounds == EVALUATIONS {
            break [start, now];
        }
        if too_high(now, loss, slope) || (rounds > 1 && now.loss >= before.loss) {
            break [before, now];
        }
        if flat(now) {
            return now.at;
        }
        if now.slope >= 0.0 {
            break [before, now];
        }
        let bounds = (now.at + 0.01 * (now.at - before.at), now.at * 10.0);
        let next = cubic(before, now, bounds);
        before = now;
        now = look(next);
        rounds += 1;
    };
    // The place of the lower end of the bracket.
    let lower = |bracket: &[Point; 2]| if bracket[0].loss <= bracket[1].loss { 0 } else { 1 };
    let mut low = lower(&bracket);
    let mut stuck = false;
    while rounds < EVALUATIONS {
        let [left, right] = bracket;
        if (right.at - left.at).abs() * size < NARROW {
            break;
        }
        let (least, most) = (left.at.min(right.at), left.at.max(right.at));
        let mut at = cubic(left, right, (least, most));
        // Too near to an end twice in a row, or at it: a tenth of the bracket into it.
        let margin = 0.1 * (most - least);
        if (most - at).min(at - least) < margin {
            if stuck || at >= most || at <= least {
                at = if (at - most).abs() < (at - least).abs() { most - margin } else { least + margin };
                stuck = false;
            } else {
                stuck = true;
            }
        } else {
            stuck = false;
        }
        let now = look(at);
        rounds += 1;
        if too_high(now, loss, slope) || now.loss >= bracket[low].loss {
            bracket[1 - low] = now;
            low = lower(&bracket);
            continue;
        }
        let done = flat(now);
        if !done && now.slope * (bracket[1 - low].at - bracket[low].at) >= 0.0 {
            bracket[1 - low] = bracket[low];
        }
        bracket[low] = now;
        if done {
            break;
        }
    }
    bracket[low].at
}

/// Whether the loss has not fallen as much as the slope at the start promised.
fn too_high(point: Point, loss: f64, slope: f64) -> bool {
    point.loss > loss + C1 * point.at * slope
}

/// Where the cubic through both points, with their slopes, is lowest; within the bounds, or in their middle where the cubic
/// has no minimum.
fn cubic(one: Point, other: Point, (least, most): (f64, f64)) -> f64 {
    let d1 = one.slope + other.slope - 3.0 * (one.loss - other.loss) / (one.at - other.at);
    let square = d1 * d1 - one.slope * other.slope;
    if square < 0.0 || square.is_nan() {
        return (least + most) / 2.0;
    }
    let d2 = square.sqrt();
    let (left, right) = if one.at <= other.at { (one, other) } else { (other, one) };
    let share = (right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2);
    (right.at - (right.at - left.at) * share).max(least).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_are_good_enough() {
        // A parabola, a quartic, a wall that begins at 2, and one whose first guess is far too near or far.
        let functions: [&dyn Fn(f64) -> (f64, f64); 3] = [
            &|t| ((t - 3.0) * (t - 3.0), 2.0 * (t - 3.0)),
            &|t| ((t - 1.0).powi(4) - t, 4.0 * (t - 1.0).powi(3) - 1.0),
            &|t| if t > 2.0 { (f64::INFINITY, f64::INFINITY) } else { (-t, -1.0) },
        ];
        for (which, function) in functions.iter().enumerate() {
            for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
                let (loss, slope) = function(0.0);
                let mut count = 0;
                let at = strong_wolfe(first, 1.0, (loss, slope), &mut |t| {
                    count += 1;
                    function(t)
                });
                let found = function(at);
                assert!(found.0 <= loss + C1 * at * slope, "{which} {first}: {at}");
                assert!(which == 2 || found.1.abs() <= -C2 * slope, "{which} {first}: {at}");
                assert!(count <= EVALUATIONS + 1);
            }
        }
    }

    #[test]
    fn it_ends_where_there_are_no_numbers() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            strong_wolfe(1.0, 1.0, (1.0, -1.0), &mut |_| (bad, bad));
            strong_wolfe(1.0, bad, (bad, bad), &mut |t| (t, bad));
        }
    }
}
