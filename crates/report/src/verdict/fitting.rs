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
