//! What was trained on one split, as the example tells it.

use super::task::order;
use anyhow::{Context, Result};
use serde_json::Value;

/// A rate, its loss on the rows that judge, and on those of the truth; infinite where it diverged.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The rate.
    pub rate: f64,
    /// On the rows that judge.
    pub judged: f64,
    /// On those of the truth.
    pub truth: f64,
}

/// One split of one data set under one optimizer.
pub struct Study {
    pub data: String,
    pub optimizer: String,
    pub rates: Vec<f64>,
    /// By rate, then epoch.
    pub raw: Vec<Vec<f64>>,
    pub averaged: Vec<Vec<f64>>,
    /// Lengths of runs with a cooldown, and these by length, then rate.
    pub ladder: Vec<usize>,
    pub cooled: Vec<Vec<Ends>>,
    /// Some of the lengths, and what else was trained there.
    pub lengths: Vec<usize>,
    pub cosine: Vec<Vec<Ends>>,
    pub shorter: Vec<Vec<Ends>>,
    pub longer: Vec<Vec<Ends>>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().map(|one| one.as_f64().unwrap_or(f64::INFINITY)).collect()
}

fn ends(rate: f64, value: &Value) -> Ends {
    let pair = numbers(value);
    let at = |place: usize| pair.get(place).copied().unwrap_or(f64::INFINITY);
    Ends { rate, judged: at(0), truth: at(1) }
}

impl Study {
    /// From a line that the example prints.
    pub fn read(value: &Value) -> Result<Study> {
        let list = |name: &str| value[name].as_array().with_context(|| format!("no {name} in a study"));
        let text = |name: &str| value[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        let counts = |name: &str| numbers(&value[name]).into_iter().map(|one| one as usize).collect::<Vec<_>>();
        let trunks = list("trunks")?;
        let rates: Vec<f64> = trunks.iter().filter_map(|one| one["rate"].as_f64()).collect();
        let ladder = counts("ladder");
        let cooled = |place: usize| {
            let pairs = trunks.iter().zip(&rates);
            pairs.map(|(one, rate)| ends(*rate, &one["cooled"][place])).collect()
        };
        let other = |name: &str| -> Result<Vec<Vec<Ends>>> {
            let one = |one: &Value| ends(one[0].as_f64().unwrap_or(f64::NAN), &one[1]);
            Ok(list(name)?.iter().map(|all| all.as_array().into_iter().flatten().map(one).collect()).collect())
        };
        Ok(Study {
            data: text("data")?,
            optimizer: text("optimizer")?,
            raw: trunks.iter().map(|one| numbers(&one["raw"])).collect(),
            averaged: trunks.iter().map(|one| numbers(&one["averaged"])).collect(),
            cooled: (0..ladder.len()).map(cooled).collect(),
            rates,
            ladder,
            lengths: counts("lengths"),
            cosine: other("cosine")?,
            shorter: other("cooldown_10")?,
            longer: other("cooldown_40")?,
        })
    }

    /// With a cooldown, by rate, at one of the ladder's lengths; empty at others.
    pub fn cooled_at(&self, epochs: usize) -> &[Ends] {
        self.ladder.iter().position(|one| *one == epochs).map_or(&[], |place| &self.cooled[place])
    }
}

/// The one that judging would choose.
pub fn chosen(all: &[Ends]) -> Ends {
    let none = Ends { rate: f64::NAN, judged: f64::INFINITY, truth: f64::INFINITY };
    all.iter().copied().reduce(|best, one| if one.judged < best.judged { one } else { best }).unwrap_or(none)
}

/// The best rate, between those tried: the lowest point of the parabola through the lowest loss and its neighbours, by
/// the logarithm of the rate.
pub fn best_rate(all: &[Ends]) -> f64 {
    let place = order(&all.iter().map(|one| one.judged).collect::<Vec<_>>())[0];
    let Some([a, b, c]) = place.checked_sub(1).and_then(|from| all.get(from..from + 3)) else { return all[place].rate };
    let (x, y) = ([a, b, c].map(|one| one.rate.ln()), [a, b, c].map(|one| one.judged.ln()));
    let (left, right) = ((y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1]));
    if !(left.is_finite() && right.is_finite() && right > left) {
        return b.rate;
    }
    // The slope is `left` midway to the one neighbour and `right` midway to the other.
    let (from, to) = ((x[0] + x[1]) / 2.0, (x[1] + x[2]) / 2.0);
    (from - left * (to - from) / (right - left)).clamp(x[0], x[2]).exp()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// Three rates, four epochs; the highest is best early, the middle one best in the end, the lowest is slow.
    pub fn study() -> Study {
        let curve = |losses: [f64; 4]| json!(losses);
        let trunk = |rate: f64, raw: [f64; 4], cooled: [[f64; 2]; 2]| json!({ "rate": rate, "raw": curve(raw), "averaged": curve(raw.map(|loss| loss - 0.1)), "cooled": cooled });
        let near = json!([[[0.01, [0.5, 0.5]], [0.02, [0.3, 0.3]], [0.03, null], [0.04, null], [0.06, null]]]);
        Study::read(&json!({
            "data": "made", "optimizer": "adam", "ladder": [1, 4], "lengths": [4],
            "trunks": [
                trunk(0.01, [4.0, 3.0, 2.0, 1.5], [[4.0, 4.0], [1.4, 1.5]]),
                trunk(0.02, [3.0, 2.0, 1.0, 1.2], [[3.0, 3.0], [0.8, 1.0]]),
                trunk(0.04, [2.0, 1.5, 1.4, 1.3], [[2.0, 2.0], [1.2, 1.1]]),
            ],
            "cosine": near, "cooldown_10": near, "cooldown_40": near,
        }))
        .unwrap()
    }

    #[test]
    fn the_best_rate_is_found_between_those_tried() {
        let at = |rate: f64| Ends { rate, judged: (rate / 0.012f64).ln().powi(2).exp(), truth: 1.0 };
        let rate = best_rate(&[0.0025, 0.005, 0.01, 0.02, 0.04].map(at));
        assert!((rate / 0.012 - 1.0).abs() < 1e-9, "{rate}");
        assert_eq!(best_rate(&[0.02, 0.04].map(at)), 0.02);
    }
}
