//! Rates held against those of PyTorch 2.15.0 and of plain Python, as `xtask/golden/schedules/schedules.py` wrote them.

use opportune_core::schedule::Schedule;
use serde::Deserialize;

/// What one schedule gave elsewhere.
#[derive(Deserialize)]
struct Row {
    text: String,
    source: String,
    base: Option<f64>,
    steps_per_epoch: u32,
    epochs: u32,
    clock: Clock,
    /// Relative. Wider than 1e-12 only where the rates were worked out one from another.
    tolerance: f64,
    rates: Vec<f64>,
    momenta: Option<Vec<f64>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Clock {
    Epoch,
    Step,
}

impl Row {
    /// Compares one tick's value; `largest` is the largest of the row.
    fn compare(&self, what: &str, tick: usize, got: f64, expected: f64, largest: f64) {
        // Where a value is the small difference of large ones, as at a cosine's end, no formula has more than the large
        // ones' last bits.
        let allowed = self.tolerance * expected.abs() + 4.0 * f64::EPSILON * largest;
        let off = (got - expected).abs();
        assert!(off <= allowed, "{} ({}) {what} at {tick}: {got}, not {expected}: {off:e} off", self.text, self.source);
    }
}

#[test]
fn rates_are_those_of_other_libraries() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("golden/schedules.json")).unwrap();
    assert!(rows.len() >= 50, "{} rows", rows.len());
    for row in &rows {
        let schedule: Schedule = row.text.parse().unwrap();
        let resolved = schedule.resolve(row.base, row.steps_per_epoch, row.epochs).unwrap();
        assert_eq!(resolved.held_per_epoch(), row.clock == Clock::Epoch, "{}", row.text);
        assert_eq!(schedule.cycles_momentum(), row.momenta.is_some(), "{}", row.text);
        let largest = row.rates.iter().fold(0.0f64, |a, b| a.max(*b));
        for (tick, expected) in row.rates.iter().enumerate() {
            let steps_per_epoch = u64::from(row.steps_per_epoch);
            // By epochs, the first and the last step of each.
            let steps = match row.clock {
                Clock::Step => [tick as u64; 2],
                Clock::Epoch => [tick as u64 * steps_per_epoch, (tick as u64 + 1) * steps_per_epoch - 1],
            };
            for step in steps {
                let setting = resolved.at(step);
                row.compare("rate", tick, setting.rate, *expected, largest);
                if let Some(momenta) = &row.momenta {
                    row.compare("momentum", tick, setting.momentum.unwrap(), momenta[tick], 1.0);
                }
            }
        }
    }
}
