//! The range test: which learning rates train at all, and where they begin to diverge.
//!
//! A population of fixed rates, each trained for the same few steps from the same start (not one sweep of a rising rate,
//! whose every loss depends on all rates before it). It brackets the rate and never decides it: the rate that is best
//! after few steps is too large for a long run (Smith 2017, Cyclical Learning Rates for Training Neural Networks, for the
//! idea; `docs/judging.md` for how much too large).

mod marks;

pub use marks::{Mark, Marks};

use serde::{Deserialize, Serialize};

/// A rate that takes this share of the best rate's way down has learned something.
const LEARNS: f64 = 0.1;
/// One that takes this share of it is no worse for a rate above the edge that was luckier.
const MOST: f64 = 0.5;
/// A loss that no rate brings down by this share of it tells nothing.
const FALLS: f64 = 0.01;
/// Rates above the best one by more than this are not worth a longer run, nor those below it by more than the other.
const ABOVE: f64 = 2.0;
const BELOW: f64 = 64.0;
/// Those down to this share of it always are, though they may have learned little within the steps.
const SOMEWHAT_BELOW: f64 = 8.0;
/// The best rate after few steps is too large for a long run by about this factor (`docs/judging.md`).
const TOO_LARGE: f64 = 4.0;
/// Optimizer steps of a test: two epochs, but no fewer and no more than these.
const STEPS: (u32, u32) = (12, 48);
/// Rates of a search are this, times powers of two: half and twice the best rate are then among them.
const ANCHOR: f64 = 1e-3;

/// A rate and the loss after the steps, for each repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// The rate.
    pub rate: f64,
    /// Mean loss on the same training rows; `None` where it was not finite.
    pub losses: Vec<Option<f64>>,
}

impl RatePoint {
    /// Mean over repeats; `None` if any diverged.
    pub fn loss(&self) -> Option<f64> {
        let sum: Option<f64> = self.losses.iter().copied().sum();
        sum.map(|sum| sum / self.losses.len() as f64).filter(|loss| loss.is_finite())
    }
}

/// What a population of rates gave after the same steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RangeTest {
    /// Optimizer steps of each run.
    pub steps: u32,
    /// Optimizer steps of an epoch.
    pub steps_per_epoch: u32,
    /// Loss before the first step, mean over repeats.
    pub initial: f64,
    /// The same of each repeat; `None` where it was not finite. Empty in tests stored by earlier versions.
    #[serde(default)]
    pub initials: Vec<Option<f64>>,
    /// By ascending rate.
    pub points: Vec<RatePoint>,
}

impl RangeTest {
    /// The rates to try where nothing is known: two in each decade from 1e-5 to 10.
    pub fn rates() -> Vec<f64> {
        // Read from text: powers computed by the machine are not always the nearest numbers.
        let rate = |(mantissa, power): (&str, i32)| format!("{mantissa}e{power}").parse().unwrap_or(0.0);
        let decades = (-5..=0).flat_map(|power| [("1", power), ("3", power)]);
        decades.chain([("1", 1)]).map(rate).collect()
    }

    /// So many rates from `low` to `high`, the ends among them, each larger than the one before by the same factor.
    /// `points` is at least 2, and `0 < low < high`.
    pub fn rates_over(low: f64, high: f64, points: usize) -> Vec<f64> {
        let last = points.saturating_sub(1).max(1);
        let rate = |place: usize| match place {
            0 => low,
            place if place == last => high,
            place => low * (high / low).powf(place as f64 / last as f64),
        };
        (0..=last).map(rate).collect()
    }

    /// Optimizer steps for each rate unless told: two epochs, from 12 to 48.
    pub fn steps_for(steps_per_epoch: u32) -> u32 {
        steps_per_epoch.saturating_mul(2).clamp(STEPS.0, STEPS.1)
    }

    /// The rate with the lowest loss, and that loss; `None` if no loss fell enough to tell anything. Beyond a rate that
    /// diverged another one may be low by luck: where rates below it learn, those above do not count.
    pub fn minimum(&self) -> Option<(f64, f64)> {
        let lowest = |points: &[RatePoint]| {
            let losses = points.iter().filter_map(|point| Some((point.rate, point.loss()?)));
            let lowest = losses.reduce(|best, one| if one.1 < best.1 { one } else { best })?;
            (lowest.1 < self.initial - FALLS * self.initial.abs()).then_some(lowest)
        };
        let whole = lowest(&self.points)?;
        let gone = |point: &RatePoint| point.loss().is_none_or(|loss| loss > self.initial + self.initial.abs());
        let below = self.points.iter().position(gone).and_then(|end| lowest(&self.points[..end]));
        let learns = |below: &(f64, f64)| below.1 <= self.initial - MOST * (self.initial - whole.1);
        Some(below.filter(learns).unwrap_or(whole))
    }

    /// The lowest rate that learns: from there up every rate to the best one does.
    pub fn lowest(&self) -> Option<f64> {
        let (best, loss) = self.minimum()?;
        let enough = self.initial - LEARNS * (self.initial - loss);
        let learns = |point: &&RatePoint| point.loss().is_some_and(|loss| loss <= enough);
        let below = self.points.iter().rev().filter(|point| point.rate <= best);
        below.take_while(learns).last().map(|point| point.rate)
    }

    /// The edge of divergence: the lowest rate above the best one after which the loss is not finite, or higher than
    /// before the first step.
    pub fn edge(&self) -> Option<f64> {
        let (best, _) = self.minimum()?;
        let gone = |point: &&RatePoint| point.rate > best && point.loss().is_none_or(|loss| loss > self.initial);
        self.points.iter().find(gone).map(|point| point.rate)
    }

    /// The rate at which the loss falls fastest, by the logarithm of the rate.
    pub fn steepest(&self) -> Option<f64> {
        let (best, _) = self.minimum()?;
        let pairs = self.points.windows(2).filter(|pair| pair[1].rate <= best);
        let slope = |pair: &[RatePoint]| Some((pair[1].loss()? - pair[0].loss()?) / (pair[1].rate / pair[0].rate).ln());
        let slopes = pairs.filter_map(|pair| Some(((pair[0].rate * pair[1].rate).sqrt(), slope(pair)?)));
        slopes.reduce(|least, one| if one.1 < least.1 { one } else { least }).map(|(rate, _)| rate)
    }

    /// The rates that a search should begin with, ascending, each twice the one before: from the lowest that learns, but
    /// not far below the best one, to below the edge, but not far above the best one. Empty where nothing can be told.
    pub fn candidates(&self) -> Vec<f64> {
        let (Some((best, _)), Some(lowest)) = (self.minimum(), self.lowest()) else { return Vec::new() };
        let low = lowest.max(best / BELOW).min(best / SOMEWHAT_BELOW);
        let high = self.edge().map_or(best * ABOVE, |edge| edge.min(best * ABOVE));
        rates_between(low, high).into_iter().filter(|rate| *rate < high).collect()
    }

    /// A rate to begin a run of many epochs with: a quarter of the best one, which after few steps is too large by about
    /// that, but no lower than the lowest that learns.
    pub fn suggested(&self) -> Option<f64> {
        let ((best, _), lowest) = (self.minimum()?, self.lowest()?);
        Some((best / TOO_LARGE).max(lowest))
    }

    /// Fold-epochs that the test cost, rounded up.
    pub fn cost(&self) -> u64 {
        let steps = self.points.iter().map(|point| point.losses.len() as u64).sum::<u64>() * u64::from(self.steps);
        steps.div_ceil(u64::from(self.steps_per_epoch.max(1)))
    }
}

/// The powers of two, times 0.001, from `low` to `high`; the nearest to their middle if none lies there.
pub fn rates_between(low: f64, high: f64) -> Vec<f64> {
    let power = |rate: f64| (rate / ANCHOR).log2();
    let rate = |power: f64| ANCHOR * power.exp2();
    let (from, to) = ((power(low) - 1e-9).ceil(), (power(high) + 1e-9).floor());
    if from > to {
        return vec![rate(power((low * high).sqrt()).round())];
    }
    (0..=(to - from).min(100.0) as u32).map(|step| rate(from + f64::from(step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of losses from a rate of 1e-6 on, the first two of which are left out.
    fn test(initial: f64, losses: &[Option<f64>]) -> RangeTest {
        let point = |(rate, loss): (f64, &Option<f64>)| RatePoint { rate, losses: vec![*loss] };
        let rates = RangeTest::rates().into_iter();
        RangeTest {
            steps: 10,
            steps_per_epoch: 8,
            initial,
            initials: vec![Some(initial)],
            points: rates.zip(losses.get(2..).unwrap_or_default()).map(point).collect(),
        }
    }

    #[test]
    fn a_population_brackets_the_rate() {
        let fallen = [2.3, 2.3, 2.29, 2.28, 2.2, 2.0, 1.5, 0.9, 0.5, 0.4, 0.8, 2.2, 5.0, 1e9].map(Some);
        let one = test(2.3, &[&fallen[..], &[None]].concat());
        assert_eq!((one.minimum(), one.lowest(), one.edge()), (Some((0.03, 0.4)), Some(3e-4), Some(1.0)));
        assert_eq!(one.steepest(), Some((1e-3f64 * 3e-3).sqrt()));
        let rates = one.candidates();
        assert_eq!((rates[0], rates.last()), (0.0005, Some(&0.032)));
        assert!(rates.windows(2).all(|pair| pair[1] == 2.0 * pair[0]));
        assert_eq!((one.cost(), one.suggested()), (17, Some(0.03 / 4.0)));
    }

    #[test]
    fn rates_are_spread_by_their_logarithms() {
        let rates = RangeTest::rates_over(1e-3, 10.0, 5);
        assert_eq!((rates.len(), rates[0], rates[4]), (5, 1e-3, 10.0));
        assert!(rates.windows(2).all(|pair| (pair[1] / pair[0] - 10.0).abs() < 1e-9), "{rates:?}");
        assert_eq!(RangeTest::rates_over(0.1, 0.2, 2), [0.1, 0.2]);
        assert_eq!([1, 6, 20, 500, u32::MAX].map(RangeTest::steps_for), [12, 12, 40, 48, 48]);
    }

    #[test]
    fn where_nothing_is_learned_nothing_is_said() {
        for losses in [vec![Some(1.0); 15], vec![None; 15], vec![Some(0.995); 15], vec![]] {
            let one = test(1.0, &losses);
            assert_eq!((one.minimum(), one.lowest(), one.edge()), (None, None, None));
            assert!(one.candidates().is_empty() && one.steepest().is_none());
        }
    }

    #[test]
    fn an_early_spike_and_a_lucky_low_rate_do_not_mislead() {
        let mut losses: Vec<Option<f64>> = [2.3, 1.0, 2.3, 2.3, 2.2, 1.8, 1.0, 0.5, 0.3].map(Some).to_vec();
        losses.extend([None, Some(0.35), None, None, None, None]);
        let one = test(2.3, &losses);
        assert_eq!((one.lowest(), one.edge()), (Some(3e-4), Some(0.03)));
    }

    #[test]
    fn what_lies_beyond_divergence_does_not_count() {
        let fallen = [1.1, 1.1, 1.1, 1.09, 1.05, 0.9, 0.6, 0.3, 0.1, 0.05, 0.2, 0.9].map(Some);
        let beyond = [Some(5.0), None, Some(0.001)];
        let one = test(1.1, &[&fallen[..], &beyond].concat());
        assert_eq!((one.minimum(), one.edge()), (Some((0.03, 0.05)), Some(1.0)));
        // A spike below the rates that learn leaves them alone.
        let spike = [Some(1.1), Some(1.1), Some(9.0), Some(1.1), Some(1.1), Some(0.9), Some(0.5), Some(0.2)];
        let one = test(1.1, &spike);
        assert_eq!((one.minimum(), one.lowest()), (Some((0.003, 0.2)), Some(3e-4)));
    }

    #[test]
    fn rates_are_powers_of_two() {
        assert_eq!(rates_between(1e-3, 4e-3), [0.001, 0.002, 0.004]);
        assert_eq!(rates_between(0.0011, 0.0019), [0.002]);
        assert_eq!(rates_between(2.5e-4, 2.5e-4), [2.5e-4]);
        let text = serde_json::to_string(&test(1.0, &[None, None, None, Some(0.5)])).unwrap();
        assert_eq!(serde_json::from_str::<RangeTest>(&text).unwrap(), test(1.0, &[None, None, None, Some(0.5)]));
    }
}
