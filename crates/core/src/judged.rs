//! Curves as they are judged: which loss counts at which epoch, and its spread over folds or blocks of rows.

use crate::memory::TrialResult;
use crate::observation::{Observation, Scored};
use crate::stop::Stopped;

/// What a trial gave, epoch by epoch, as a search judges it: the validation loss of the averaged weights where they are
/// observed (from epoch [`crate::averaging::Averaging::FROM_EPOCH`] on), else of the weights themselves. `docs/judging.md`
/// says why.
///
/// Units are what paired comparisons are made over: the folds, or the blocks of validation rows of a single split.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JudgedCurve {
    units: usize,
    /// Epochs x units.
    losses: Vec<f64>,
    /// Mean over folds by epoch.
    means: Vec<f64>,
    scores: Vec<f64>,
}

/// Loss and score that count of an epoch.
fn judged(one: &Observation) -> Option<Scored> {
    one.averaged.or(one.validation)
}

impl JudgedCurve {
    /// Of the curves of all folds, as far as all have them and their losses are finite.
    pub fn of_folds(folds: &[&[Observation]]) -> JudgedCurve {
        let epochs = folds.iter().map(|curve| curve.len()).min().unwrap_or(0);
        let n = folds.len() as f64;
        let mut curve = JudgedCurve { units: folds.len(), ..JudgedCurve::default() };
        for epoch in 0..epochs {
            let Some(all) = folds.iter().map(|fold| judged(&fold[epoch])).collect::<Option<Vec<_>>>() else { break };
            if all.iter().any(|one| !one.loss.is_finite()) {
                break;
            }
            match folds {
                [one] if one[epoch].blocks.is_some_and(|blocks| blocks.iter().all(|loss| loss.is_finite())) => {
                    let blocks = one[epoch].blocks.unwrap_or_default();
                    curve.units = blocks.len();
                    curve.losses.extend(blocks.map(f64::from));
                }
                _ => curve.losses.extend(all.iter().map(|one| one.loss)),
            }
            curve.means.push(all.iter().map(|one| one.loss).sum::<f64>() / n);
            curve.scores.push(all.iter().map(|one| one.score).sum::<f64>() / n);
        }
        curve
    }

    /// Of a trial.
    pub fn of(result: &TrialResult) -> JudgedCurve {
        let folds: Vec<&[Observation]> = result.folds.iter().map(|fold| fold.curve.as_slice()).collect();
        let mut curve = JudgedCurve::of_folds(&folds);
        // The last epoch of a fold that exploded may still be finite.
        let gone = |fold: &&crate::memory::FoldResult| fold.ending.stopped == Stopped::Diverged;
        if let Some(end) = result.folds.iter().filter(gone).map(|fold| fold.curve.len()).min() {
            curve.cut(end.saturating_sub(1));
        }
        curve
    }

    /// Of losses that are given: for each epoch one for each unit; their mean is the score too.
    pub fn of_losses<const N: usize>(losses: &[[f64; N]]) -> JudgedCurve {
        let means: Vec<f64> = losses.iter().map(|units| units.iter().sum::<f64>() / N as f64).collect();
        JudgedCurve { units: N, losses: losses.concat(), scores: means.clone(), means }
    }

    fn cut(&mut self, epochs: usize) {
        self.losses.truncate(epochs * self.units);
        self.means.truncate(epochs);
        self.scores.truncate(epochs);
    }

    /// Epochs there are.
    pub fn epochs(&self) -> u32 {
        self.means.len() as u32
    }

    /// Mean loss after `epoch` epochs, from 1.
    pub fn loss(&self, epoch: u32) -> Option<f64> {
        self.means.get((epoch as usize).checked_sub(1)?).copied()
    }

    /// Mean score after `epoch` epochs; not finite where it is not defined.
    pub fn score(&self, epoch: u32) -> Option<f64> {
        self.scores.get((epoch as usize).checked_sub(1)?).copied()
    }

    /// Loss of each unit after `epoch` epochs.
    pub fn units(&self, epoch: u32) -> Option<&[f64]> {
        let end = epoch as usize * self.units;
        self.losses.get(end.checked_sub(self.units)?..end).filter(|units| !units.is_empty())
    }

    /// The epoch of the lowest mean loss among the first `until`, the first of equals, and that loss.
    pub fn best(&self, until: u32) -> Option<(u32, f64)> {
        let upto = &self.means[..self.means.len().min(until as usize)];
        let lowest = |best: (u32, f64), one: (u32, f64)| if one.1 < best.1 { one } else { best };
        (1..).zip(upto.iter().copied()).reduce(lowest)
    }
}

/// Mean of paired differences and its standard error; the latter is infinite of fewer than two pairs, because nothing
/// is known of it then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Mean of a − b.
    pub mean: f64,
    /// Sample standard deviation of the differences over the root of their number.
    pub error: f64,
}

impl Paired {
    /// Of `a` − `b`, which must be of one length.
    pub fn of(a: &[f64], b: &[f64]) -> Paired {
        debug_assert_eq!(a.len(), b.len());
        let n = a.len().min(b.len());
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let (mean, std) = crate::memory::mean_and_std(&differences);
        Paired { mean, error: std.map_or(f64::INFINITY, |std| std / (n as f64).sqrt()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(epoch: u32, loss: f64, averaged: Option<f64>) -> Observation {
        let scored = |loss: f64| Scored { loss, score: 1.0 - loss };
        Observation {
            epoch,
            step: u64::from(epoch),
            rate: 0.1,
            momentum: None,
            train_loss: loss,
            penalty: 0.0,
            train_score: 0.0,
            validation: Some(scored(loss)),
            averaged: averaged.map(scored),
            blocks: None,
            seconds: 0.0,
        }
    }

    #[test]
    fn averaged_weights_count_where_they_are_observed() {
        let one = [observation(1, 1.0, None), observation(2, 0.5, Some(0.25))];
        let other = [observation(1, 0.5, None), observation(2, 0.5, Some(0.75)), observation(3, 0.1, None)];
        let curve = JudgedCurve::of_folds(&[&one, &other]);
        assert_eq!((curve.epochs(), curve.loss(1), curve.loss(2), curve.loss(3)), (2, Some(0.75), Some(0.5), None));
        assert_eq!((curve.units(2), curve.score(2)), (Some(&[0.25, 0.75][..]), Some(0.5)));
        assert_eq!((curve.best(1), curve.best(9), curve.loss(0)), (Some((1, 0.75)), Some((2, 0.5)), None));
    }

    #[test]
    fn a_single_split_is_compared_over_its_blocks() {
        let mut one = observation(1, 0.5, None);
        one.blocks = Some(std::array::from_fn(|block| block as f32));
        let curve = JudgedCurve::of_folds(&[&[one]]);
        assert_eq!((curve.units(1).unwrap().len(), curve.units(1).unwrap()[15], curve.loss(1)), (16, 15.0, Some(0.5)));
    }

    #[test]
    fn what_is_not_finite_ends_a_curve() {
        let one = [observation(1, 1.0, None), observation(2, f64::NAN, None), observation(3, 0.1, None)];
        assert_eq!(JudgedCurve::of_folds(&[&one]).epochs(), 1);
        assert_eq!(JudgedCurve::of_folds(&[]).epochs(), 0);
        assert_eq!(JudgedCurve::default().best(5), None);
    }

    #[test]
    fn differences_are_paired() {
        let paired = Paired::of(&[1.0, 2.0, 3.0], &[0.5, 1.5, 2.5]);
        assert_eq!((paired.mean, paired.error), (0.5, 0.0));
        let paired = Paired::of(&[1.0, 3.0], &[0.0, 0.0]);
        assert!((paired.error - 1.0).abs() < 1e-12);
        assert!(Paired::of(&[1.0], &[0.0]).error.is_infinite());
    }
}
