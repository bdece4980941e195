//! Whether longer training would overfit, or shorter training would have been too short.

use super::{Found, base, epochs_of};
use crate::mean::mean_curve;
use crate::trend::{Trend, trend};

/// A validation loss above the training loss by more than this factor is worth a word.
const GAP: f64 = 2.0;

/// What the validation loss says about the number of epochs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fitting {
    /// The validation loss rose again by more than 1 %, as means over a tenth of the epochs.
    Overfits {
        /// Where it turned.
        epoch: u32,
        /// Its lowest value.
        lowest: f64,
        /// Its value at the end.
        end: f64,
        /// Where that end is.
        until: u32,
    },
    /// It still fell at the limit of epochs.
    TooShort {
        /// The limit.
        epoch: u32,
    },
    /// Neither.
    Settled {
        /// About here it was for the first time as low as it got, within 1 %.
        epoch: u32,
    },
    /// There is too little to tell.
    Unknown {
        /// Where it still fell when its training was paused, before the limit.
        falling: Option<u32>,
    },
}

impl Fitting {
    pub(crate) fn of(found: &Found) -> Fitting {
        let unknown = Fitting::Unknown { falling: None };
        let Some(base) = base(found) else { return unknown };
        let curve = mean_curve(base);
        let Some(losses) = curve.iter().map(|one| one.validation.map(|v| v.loss)).collect::<Option<Vec<f64>>>() else {
            return unknown;
        };
        let until = losses.len() as u32;
        match trend(&losses) {
            Some(Trend::Rises(epoch)) => {
                let (lowest, end) = (losses[epoch as usize - 1], losses[losses.len() - 1]);
                Fitting::Overfits { epoch, lowest, end, until }
            }
            Some(Trend::Falls) if until >= found.limit => Fitting::TooShort { epoch: until },
            Some(Trend::Falls) => Fitting::Unknown { falling: Some(until) },
            Some(Trend::Settled(epoch)) => Fitting::Settled { epoch },
            None => unknown,
        }
    }
}

/// Mean training and validation loss of what is delivered, at its last epoch, where the latter is more than twice the
/// former: the network knows its training rows better than others.
pub(crate) fn gap(found: &Found) -> Option<(f64, f64)> {
    let curve = mean_curve(&found.finalists.first()?.result);
    let last = curve.get((epochs_of(found)? as usize).min(curve.len()).checked_sub(1)?)?;
    let (training, validation) = (last.train_loss, last.validation?.loss);
    (training > 0.0 && validation.is_finite() && validation > GAP * training).then_some((training, validation))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{SHAPE, at_the_limit, ended_early, ordinary, overfitting, settings};
    use super::*;
    use crate::sample::{epoch, fold, trial};
    use opportune_core::stop::Stopped;

    #[test]
    fn the_constant_run_tells() {
        assert!(matches!(Fitting::of(&ordinary()), Fitting::Settled { epoch: 20..80 }));
        let Fitting::Overfits { epoch, until, lowest, end } = Fitting::of(&overfitting()) else { panic!() };
        assert!((40..80).contains(&epoch) && until == 144 && end > 2.0 * lowest, "{epoch} {lowest} {end}");
        assert_eq!(Fitting::of(&ended_early()), Fitting::Unknown { falling: None });
    }

    #[test]
    fn still_falling_is_too_short_at_the_limit_only() {
        let mut found = at_the_limit();
        let falling: Vec<(f64, f64)> = (0..13).map(|n| (2.0 - 0.1 * f64::from(n), 0.5)).collect();
        found.trials[3].folds = vec![fold(0, Stopped::Complete, 13, &falling)];
        assert_eq!(Fitting::of(&found), Fitting::TooShort { epoch: 13 });
        found.limit = 50;
        assert_eq!(Fitting::of(&found), Fitting::Unknown { falling: Some(13) });
    }

    #[test]
    fn a_gap_is_of_what_is_delivered() {
        assert_eq!(gap(&ordinary()), None);
        let (training, validation) = gap(&overfitting()).unwrap();
        assert!(validation > 2.0 * training);
        let mut found = ordinary();
        found.finalists[0].result.folds.clear();
        assert_eq!(gap(&found), None);
        let mut without = ordinary();
        without.trials = vec![SHAPE.trunk(3, &settings(0.004, 144), 0.004, 20)];
        for one in &mut without.trials[0].folds {
            one.curve = (1..=20)
                .map(|n| opportune_core::observation::Observation { validation: None, ..epoch(n, 1.0, 0.5) })
                .collect();
        }
        assert_eq!(Fitting::of(&without), Fitting::Unknown { falling: None });
        let empty = trial(3, &[], vec![]);
        without.trials = vec![empty];
        assert_eq!(Fitting::of(&without), Fitting::Unknown { falling: None });
    }
}
