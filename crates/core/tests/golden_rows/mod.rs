//! What schedules gave elsewhere, as `xtask/golden/schedules/schedules.py` wrote it.

use opportune_core::schedule::Resolved;
use serde::Deserialize;

/// A run of a schedule elsewhere.
#[derive(Deserialize)]
pub struct Run {
    pub source: String,
    pub steps_per_epoch: u32,
    pub epochs: u32,
    pub clock: Clock,
    /// Relative. Wider than 1e-12 only where the rates were worked out one from another, or in 32 bits.
    pub tolerance: f64,
    pub rates: Vec<f64>,
    pub momenta: Option<Vec<f64>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    Epoch,
    Step,
}

impl Run {
    /// Holds the rates of a schedule, resolved for this run, against those that it had elsewhere; `what` names it.
    pub fn compare(&self, what: &str, resolved: &Resolved) {
        let largest = self.rates.iter().fold(0.0f64, |a, b| a.max(*b));
        for (tick, expected) in self.rates.iter().enumerate() {
            let steps_per_epoch = u64::from(self.steps_per_epoch);
            // By epochs, the first and the last step of each.
            let steps = match self.clock {
                Clock::Step => [tick as u64; 2],
                Clock::Epoch => [tick as u64 * steps_per_epoch, (tick as u64 + 1) * steps_per_epoch - 1],
            };
            for step in steps {
                let setting = resolved.at(step);
                self.same(&format!("{what}: rate at {tick}"), setting.rate, *expected, largest);
                match (&self.momenta, setting.momentum) {
                    (None, None) => {}
                    (Some(momenta), Some(momentum)) => {
                        self.same(&format!("{what}: momentum at {tick}"), momentum, momenta[tick], 1.0);
                    }
                    (momenta, momentum) => panic!("{what}: momentum {momentum:?} where {momenta:?} is"),
                }
            }
        }
    }

    /// `largest` is the largest of the row.
    fn same(&self, what: &str, got: f64, expected: f64, largest: f64) {
        // Where a value is the small difference of large ones, as at a cosine's end, no formula has more than the large
        // ones' last bits, in 64 or in 32 bits.
        let epsilon = if self.tolerance > 1e-9 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let allowed = self.tolerance * expected.abs() + 4.0 * epsilon * largest;
        let off = (got - expected).abs();
        assert!(off <= allowed, "{what} ({}): {got}, not {expected}: {off:e} off", self.source);
    }
}
