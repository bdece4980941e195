//! How many epochs: what can be had after every number of them, and the fewest that are as good as the best.

use crate::judged::{JudgedCurve, Paired};

/// The numbers of epochs that are looked at: 1, 2, 3, 5, 8, … (each the sum of the two before it), from `least` up to
/// `limit`, which are among them.
pub fn ladder(least: u32, limit: u32) -> Vec<u32> {
    let (mut steps, mut pair) = (Vec::new(), (1u32, 2u32));
    while pair.0 < limit {
        if pair.0 > least {
            steps.push(pair.0);
        }
        pair = (pair.1, pair.0.saturating_add(pair.1));
    }
    let mut all = vec![least.min(limit)];
    all.append(&mut steps);
    all.push(limit);
    all.dedup();
    all
}

/// What can be had within a number of epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochsRow {
    /// Within so many.
    pub epochs: u32,
    /// The trial that gave the lowest loss, by its number.
    pub trial: u32,
    /// The epoch at which it did.
    pub at: u32,
    /// That loss, mean over folds.
    pub loss: f64,
    /// Its score.
    pub score: f64,
    /// Loss above that of the best row, paired over folds (or blocks of rows of a single split).
    pub above: Paired,
}

impl EpochsRow {
    /// Whether it is as good as the best, as far as can be told: the difference is within its standard error.
    pub fn as_good(&self) -> bool {
        let error = if self.above.error.is_finite() { self.above.error } else { 0.0 };
        self.above.mean <= error
    }
}

/// The answer for every number of epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochsTable {
    /// By ascending epochs.
    pub rows: Vec<EpochsRow>,
    /// The row of the lowest loss, the first of equals.
    pub best: usize,
    /// The first row of enough epochs that is as good as the best.
    pub recommended: usize,
}

impl EpochsTable {
    /// Reads the table off curves (trial number and curve each), at these ascending numbers of epochs; those that no
    /// trial was trained for are left out. Fewer than `least` epochs are not recommended unless they are the best. `None`
    /// if no trial has an epoch.
    pub fn of(curves: &[(u32, &JudgedCurve)], ladder: &[u32], least: u32) -> Option<EpochsTable> {
        let longest = curves.iter().map(|(_, curve)| curve.epochs()).max()?;
        let best_at = |epochs: u32| {
            let all = curves.iter().filter_map(|(trial, curve)| curve.best(epochs).map(|best| (*trial, *curve, best)));
            all.reduce(|best, one| if one.2.1 < best.2.1 { one } else { best })
        };
        let cells: Vec<_> = ladder
            .iter()
            .filter(|epochs| **epochs <= longest)
            .filter_map(|epochs| best_at(*epochs).map(|best| (*epochs, best)))
            .collect();
        let lowest = |a: &usize, b: &usize| cells[*a].1.2.1.total_cmp(&cells[*b].1.2.1);
        let best = (0..cells.len()).min_by(lowest)?;
        let (_, curve, (at, _)) = cells[best].1;
        let reference = curve.units(at)?;
        let row = |&(epochs, (trial, curve, (at, loss))): &(u32, (u32, &JudgedCurve, (u32, f64)))| {
            Some(EpochsRow {
                epochs,
                trial,
                at,
                loss,
                score: curve.score(at)?,
                above: Paired::of(curve.units(at)?, reference),
            })
        };
        let rows = cells.iter().map(row).collect::<Option<Vec<_>>>()?;
        let recommended = rows.iter().position(|row| row.epochs >= least && row.as_good()).unwrap_or(best);
        Some(EpochsTable { rows, best, recommended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_has_both_ends() {
        assert_eq!(ladder(1, 100), [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 100]);
        assert_eq!(ladder(4, 13), [4, 5, 8, 13]);
        assert_eq!(ladder(1, 1), [1]);
        assert_eq!(ladder(9, 5), [5]);
        assert_eq!(ladder(1, 3), [1, 2, 3]);
    }

    #[test]
    fn the_fewest_epochs_within_the_error_are_recommended_not_the_lowest_loss() {
        // From epoch 2 on, what is gained is less than its spread over folds.
        let curve = JudgedCurve::of_losses(&[[1.0, 1.2], [0.50, 0.70], [0.52, 0.66], [0.54, 0.62], [0.55, 0.61]]);
        let table = EpochsTable::of(&[(7, &curve)], &[1, 2, 3, 5], 1).unwrap();
        assert_eq!((table.best, table.recommended), (3, 1));
        // Fewer epochs than anything was compared at are no recommendation.
        assert_eq!(EpochsTable::of(&[(7, &curve)], &[1, 2, 3, 5], 3).unwrap().recommended, 2);
        assert_eq!(EpochsTable::of(&[(7, &curve)], &[1, 2, 3, 5], 9).unwrap().recommended, 3);
        assert_eq!((table.rows[3].at, table.rows[1].trial), (4, 7));
        // The same means with a gain that every fold agrees on.
        let curve = JudgedCurve::of_losses(&[[1.0, 1.2], [0.50, 0.70], [0.49, 0.69], [0.48, 0.68], [0.48, 0.68]]);
        let table = EpochsTable::of(&[(7, &curve)], &[1, 2, 3, 5], 1).unwrap();
        assert_eq!((table.best, table.recommended), (3, 3));
    }

    #[test]
    fn every_number_of_epochs_has_its_own_best_trial() {
        let fast = JudgedCurve::of_losses(&[[0.5, 0.5], [0.4, 0.4], [0.6, 0.6]]);
        let slow = JudgedCurve::of_losses(&[[0.9, 0.9], [0.6, 0.6], [0.3, 0.3]]);
        let table = EpochsTable::of(&[(0, &fast), (1, &slow)], &[1, 2, 3, 5], 1).unwrap();
        assert_eq!(table.rows.iter().map(|row| (row.epochs, row.trial)).collect::<Vec<_>>(), [(1, 0), (2, 0), (3, 1)]);
        assert_eq!(table.recommended, 2);
        assert_eq!(EpochsTable::of(&[], &[1], 1), None);
    }

    #[test]
    fn with_one_pair_nothing_but_the_best_is_as_good() {
        let curve = JudgedCurve::of_losses(&[[1.0], [0.5], [0.499]]);
        assert_eq!(EpochsTable::of(&[(0, &curve)], &[1, 2, 3], 1).unwrap().recommended, 2);
    }
}
