//! Successive halving for trials that tell of each epoch and can be stopped, but not put down and taken up again.

/// At `min · eta^k` epochs a trial goes on only if it is among the ⌈n/eta⌉ best of the n that came so far, by their lowest
/// losses up to there; of equals, none is worse. The first to come goes on.
///
/// The stopping form of asynchronous successive halving (Li et al. 2020, A System for Massively Parallel Hyperparameter
/// Tuning): nobody waits, so that an early trial may go further than it would have with later ones beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruner {
    min: u32,
    eta: u32,
}

impl Pruner {
    /// The first epoch at which trials are compared, at least 1, and of how many one goes on, at least 2; what is less is
    /// taken as that.
    pub fn new(min: u32, eta: u32) -> Pruner {
        Pruner { min: min.max(1), eta: eta.max(2) }
    }

    /// Whether trials are compared after so many epochs.
    pub fn compares(&self, epochs: u32) -> bool {
        let mut rung = Some(self.min);
        while let Some(at) = rung.filter(|at| *at < epochs) {
            rung = at.checked_mul(self.eta);
        }
        rung == Some(epochs)
    }

    /// Whether a trial goes on after the epochs that its losses are of, beside the losses of all others. A loss that is not a
    /// number counts as infinite.
    pub fn keeps<'a>(&self, losses: &[f64], others: impl Iterator<Item = &'a [f64]>) -> bool {
        let epochs = losses.len();
        if !u32::try_from(epochs).is_ok_and(|epochs| self.compares(epochs)) {
            return true;
        }
        let lowest = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
        let own = lowest(losses);
        let (mut all, mut better) = (1_usize, 0);
        for other in others.filter_map(|other| other.get(..epochs)) {
            all += 1;
            better += usize::from(lowest(other) < own);
        }
        better < all.div_ceil(self.eta as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(own: &[f64], others: &[&[f64]]) -> bool {
        Pruner::new(2, 3).keeps(own, others.iter().copied())
    }

    #[test]
    fn trials_are_compared_at_the_powers() {
        let pruner = Pruner::new(2, 3);
        let at: Vec<u32> = (0..60).filter(|epochs| pruner.compares(*epochs)).collect();
        assert_eq!(at, [2, 6, 18, 54]);
        assert!(Pruner::new(0, 0).compares(4) && !pruner.compares(u32::MAX));
    }

    #[test]
    fn one_of_three_goes_on() {
        let (low, mid, high): (&[f64], &[f64], &[f64]) = (&[0.9, 0.1], &[0.2, 0.3], &[0.9, 0.8]);
        assert!(keeps(high, &[]) && keeps(low, &[high]) && !keeps(high, &[low]));
        assert!(keeps(low, &[mid, high]) && !keeps(mid, &[low, high]));
        // Of four the two best go on.
        assert!(keeps(mid, &[low, high, high]) && !keeps(high, &[low, mid, high]));
        // Nobody is worse than an equal.
        assert!(keeps(mid, &[mid, mid]));
    }

    #[test]
    fn who_is_not_there_yet_is_not_compared() {
        assert!(keeps(&[0.9], &[&[0.1], &[0.1]]));
        assert!(keeps(&[0.9, 0.9], &[&[0.1]]));
        assert!(!keeps(&[0.9, 0.9], &[&[0.1, 0.2, 0.3]]));
        // The lowest up to there counts, not what came later.
        assert!(keeps(&[0.9, 0.9], &[&[1.0, 1.0, 0.3]]));
    }

    #[test]
    fn a_loss_that_is_no_number_is_worse_than_any() {
        let nan = f64::NAN;
        assert!(!keeps(&[nan, nan], &[&[5.0, 5.0]]));
        assert!(keeps(&[5.0, nan], &[&[nan, nan]]));
    }
}
