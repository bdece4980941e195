//! The rising sweep: one run whose rate grows at every step, and the rates that its loss suggests.
//!
//! Smith's learning-rate range test (2017, Cyclical Learning Rates for Training Neural Networks) as fastai runs it in
//! `Learner.lr_find`: the rate grows from a low to a high one by the same factor at each step, the loss of each batch is
//! smoothed, and the run ends where that has become much higher than it was. [`Sweep`] keeps the account of a run that
//! somebody else trains; [`Suggestions`] are fastai 2.8's four. Each loss depends on all rates before it, so that a
//! population of constant rates ([`crate::range_test`]) tells more; this is what many know, with the same numbers.
//!
//! Two things differ from fastai. It ends at the first step where the loss is negative (4 times a negative best is below
//! the best); here the loss may rise by three times the best's size. And where it trains on with a loss that is not a
//! number, whose steps are then left out, the run ends here.

/// Weight of what was before in the smoothed loss.
const BETA: f64 = 0.98;
/// The run ends where the smoothed loss has risen above the lowest by so many times its size.
const RISE: f64 = 3.0;
/// Steps at the end that no suggestion looks at: the loss runs away there.
const LAST: usize = 5;
/// Of the steps, those at the beginning that no suggestion looks at are one in so many.
const FIRST: u32 = 10;
/// Steps between the two slopes that `slide` compares, and the difference at which they part.
const APART: usize = 15;
const PARTED: f64 = 0.005;
/// A loss that falls by less than this share of it tells nothing.
const FALLS: f64 = 0.01;
/// Nor does one that falls by less than so many times its usual change from one batch to the next: medians of ten normal
/// numbers differ by as much by chance.
const NOISE: f64 = 1.5;
/// Whether it falls is seen in so many pieces, of so many steps at least.
const PIECES: usize = 8;
const FEW: usize = 5;

/// The account of a rising sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    low: f64,
    high: f64,
    steps: u32,
    losses: Vec<f64>,
    smoothed: Vec<f64>,
    average: f64,
    lowest: f64,
}

/// Rates that the smoothed loss of a sweep suggests, as fastai 2.8 defines them; `None` where too few steps were taken.
///
/// They look at the steps after the first tenth and before the last five, and no further than the loss is a number. They
/// are given for any course of the loss: whether it says anything is [`Sweep::tells`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Suggestions {
    /// Halfway along the longest fall. A fall is a subsequence of ever lower losses, not always of neighbours; it is taken
    /// to have begun as many steps before its end as it has members.
    pub valley: Option<f64>,
    /// Where the loss falls fastest by the logarithm of the rate.
    pub steep: Option<f64>,
    /// A tenth of the rate with the lowest loss.
    pub minimum: Option<f64>,
    /// From the end backwards, the first rate where the slope (per step) and that 15 steps later differ by no more than
    /// 0.005. The bound is not relative to the loss, so other units of the loss give another rate.
    pub slide: Option<f64>,
}

impl Sweep {
    /// The lowest rate unless told, fastai's.
    pub const LOW: f64 = 1e-7;
    /// The highest rate unless told, fastai's.
    pub const HIGH: f64 = 10.0;
    /// Optimizer steps unless told, fastai's.
    pub const STEPS: u32 = 100;
    /// Fewer steps leave `slide` nothing to compare.
    pub const STEPS_MIN: u32 = 25;

    /// Of rates from `low` to below `high`, above 0 and finite, in `steps` steps.
    pub const fn new(low: f64, high: f64, steps: u32) -> Sweep {
        Sweep { low, high, steps, losses: Vec::new(), smoothed: Vec::new(), average: 0.0, lowest: f64::INFINITY }
    }

    /// The rate of a step, from 0: `low · (high/low)^(step/steps)`.
    pub fn rate(&self, step: usize) -> f64 {
        self.low * (self.high / self.low).powf(step as f64 / f64::from(self.steps))
    }

    /// The rate for the step after those whose losses are known.
    pub fn next_rate(&self) -> f64 {
        self.rate(self.losses.len())
    }

    /// Takes in the loss of the next step's batch, before the step. Whether the run should go on: not if all steps are
    /// taken, the loss is not a number or infinite, or the smoothed loss is higher than the lowest by three times the
    /// lowest's size.
    pub fn push(&mut self, loss: f64) -> bool {
        self.losses.push(loss);
        self.average += (loss - self.average) * (1.0 - BETA);
        // Without the division the first losses would count as if others, all 0, had been before them.
        let smooth = self.average / (1.0 - BETA.powf(self.losses.len() as f64));
        self.smoothed.push(smooth);
        self.lowest = self.lowest.min(smooth);
        let calm = smooth.is_finite() && smooth <= self.lowest + RISE * self.lowest.abs();
        calm && self.losses.len() < self.steps as usize
    }

    /// Steps that were to be taken.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The loss of each step's batch.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Their exponential average with the weight 0.98, corrected for its beginning.
    pub fn smoothed(&self) -> &[f64] {
        &self.smoothed
    }

    /// Whether the run ended before its last step.
    pub fn ended_early(&self) -> bool {
        self.losses.len() < self.steps as usize
    }

    /// The first step that suggestions look at, and the smoothed losses from there.
    fn seen(&self) -> (usize, &[f64]) {
        let first = (self.steps / FIRST) as usize;
        let number = self.smoothed.iter().position(|loss| loss.is_nan());
        let end = match number {
            // As if the run had gone on to its end with it.
            Some(number) => number.min((self.steps as usize).saturating_sub(LAST)),
            None => self.smoothed.len().saturating_sub(LAST),
        };
        (first, self.smoothed.get(first..end).unwrap_or_default())
    }

    /// What fastai would suggest.
    pub fn suggestions(&self) -> Suggestions {
        let (first, losses) = self.seen();
        let rate = |place: usize| self.rate(first + place);
        Suggestions {
            valley: valley(losses).map(rate),
            steep: steep(losses, rate).map(rate),
            minimum: lowest(losses).map(|place| rate(place) / 10.0),
            slide: slide(losses).map(rate),
        }
    }

    /// Whether the loss fell by enough to suggest anything: the median loss of some neighbouring steps lies below that of
    /// the first ones by more than 1 % of it, and by more than losses differ from one batch to the next anyway. Medians, so
    /// that a spike does not count as a fall.
    pub fn tells(&self) -> bool {
        let (first, seen) = self.seen();
        let losses = &self.losses[first.min(self.losses.len())..][..seen.len()];
        let few = (losses.len() / PIECES).max(FEW);
        let medians: Vec<f64> = losses.chunks_exact(few).map(|piece| median(piece.to_vec())).collect();
        let Some(&begin) = medians.first() else { return false };
        let usual = median(losses.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect());
        let least = medians.into_iter().fold(f64::INFINITY, f64::min);
        begin - least > FALLS * begin.abs() && begin - least > NOISE * usual
    }
}

/// NaN of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The place of the lowest, the first of equals.
fn lowest(losses: &[f64]) -> Option<usize> {
    (0..losses.len()).reduce(|best, place| if losses[place] < losses[best] { place } else { best })
}

fn valley(losses: &[f64]) -> Option<usize> {
    if losses.is_empty() {
        return None;
    }
    // Of falls of each length so far, the highest last loss: those are the easiest to go on from, and they descend.
    let mut ends: Vec<f64> = Vec::new();
    let (mut longest, mut end) = (0, 0);
    for (place, &loss) in losses.iter().enumerate() {
        let before = ends.partition_point(|last| *last > loss);
        match ends.get_mut(before) {
            Some(last) => *last = last.max(loss),
            None => ends.push(loss),
        }
        if before + 1 > longest {
            (longest, end) = (before + 1, place);
        }
    }
    // A single loss is no fall, and begins where it is. Two ends of a fall lie before the first loss where all fall.
    let begin = if longest > 1 { end as i64 - longest as i64 } else { 0 };
    let third = (end as i64 - begin) as f64 / 3.0;
    Some((begin + third as i64 + (third / 2.0) as i64).max(0) as usize)
}

fn steep(losses: &[f64], rate: impl Fn(usize) -> f64) -> Option<usize> {
    let slope = |place: usize| (losses[place + 1] - losses[place]) / (rate(place + 1).ln() - rate(place).ln());
    let slopes = (0..losses.len().saturating_sub(1)).map(|place| (place, slope(place)));
    slopes.reduce(|least, one| if one.1 < least.1 { one } else { least }).map(|(place, _)| place)
}

fn slide(losses: &[f64]) -> Option<usize> {
    let last = losses.len().checked_sub(1)?;
    let mut left = last.checked_sub(APART)?;
    let slope = |place: usize| match place {
        0 => losses[1] - losses[0],
        place if place == last => losses[last] - losses[last - 1],
        place => (losses[place + 1] - losses[place - 1]) / 2.0,
    };
    let parted = |left: usize| (slope(left + APART) - slope(left)).abs() > PARTED;
    // The place kept is the last at which the slopes still differ; the first one if they never do.
    let mut found = left;
    while parted(left) {
        found = left;
        match left.checked_sub(1) {
            Some(next) => left = next,
            None => break,
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of these losses, as far as they are asked for.
    fn swept(losses: impl IntoIterator<Item = f64>) -> Sweep {
        let mut sweep = Sweep::new(1e-4, 1.0, 50);
        for loss in losses {
            if !sweep.push(loss) {
                break;
            }
        }
        sweep
    }

    #[test]
    fn rates_grow_by_a_factor() {
        let sweep = Sweep::new(1e-4, 1.0, 4);
        let rates: Vec<f64> = (0..4).map(|step| sweep.rate(step)).collect();
        for (rate, expected) in rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1]) {
            assert!((rate / expected - 1.0).abs() < 1e-12, "{rate}");
        }
        assert_eq!(sweep.next_rate(), 1e-4);
    }

    #[test]
    fn the_smoothed_loss_is_a_weighted_mean() {
        let sweep = swept([3.0, 5.0, 4.0]);
        let (a, b) = (0.98, 0.98 * 0.98);
        let expected = [3.0, (a * 3.0 + 5.0) / (1.0 + a), (b * 3.0 + a * 5.0 + 4.0) / (1.0 + a + b)];
        for (got, expected) in sweep.smoothed().iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
    }

    #[test]
    fn it_ends_where_the_loss_runs_away() {
        let steady = swept(std::iter::repeat(2.0));
        assert_eq!((steady.losses().len(), steady.ended_early()), (50, false));
        let jump = swept((0..50).map(|step| if step < 20 { 1.0 } else { 500.0 }));
        assert_eq!((jump.losses().len(), jump.ended_early()), (21, true));
        for bad in [f64::NAN, f64::INFINITY] {
            assert_eq!(swept([1.0, bad, 1.0]).losses().len(), 2);
        }
        // A negative loss may rise as a positive one may.
        let negative = swept((0..50).map(|step| if step < 20 { -1.0 } else { 500.0 }));
        assert_eq!(negative.losses().len(), 21);
        assert_eq!(swept((0..50).map(|step| -1.0 - f64::from(step))).losses().len(), 50);
    }

    #[test]
    fn what_tells_nothing_is_said() {
        assert!(!swept(std::iter::repeat(1.25)).tells());
        assert!(!swept((0..50).map(|step| 1.0 + f64::from(step) / 10.0)).tells());
        assert!(!swept([]).tells() && !swept([f64::NAN]).tells());
        assert!(!swept((0..50).map(|step| 1.0 + [0.1, -0.1, 0.05][step % 3])).tells());
        assert!(swept((0..50).map(|step| 2.0 - f64::from(step) / 50.0)).tells());
        assert!(swept((0..50).map(|step| -2.0 - f64::from(step) / 50.0)).tells());
        // A spike at the very beginning is no fall that the rates made.
        assert!(!swept((0..50).map(|step| if step == 0 { 9.0 } else { 1.0 })).tells());
    }

    #[test]
    fn too_few_steps_suggest_nothing() {
        assert_eq!(swept([]).suggestions(), Suggestions::default());
        assert_eq!(swept([1.0; 10]).suggestions(), Suggestions::default());
        let some = swept((0..20).map(|step| 2.0 - f64::from(step) / 20.0)).suggestions();
        assert!(some.valley.is_some() && some.minimum.is_some() && some.slide.is_none());
        // Losses that always fall have begun to before the first.
        assert_eq!((valley(&[2.0, 1.0]), valley(&[1.0]), valley(&[])), (Some(0), Some(0), None));
    }
}
