//! What one epoch of one run gave.

use serde::{Deserialize, Serialize};

/// Loss and score on rows that were not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Mean loss over the rows, without penalties. Not finite where the run diverged.
    pub loss: f64,
    /// In the units of the study's score; not finite where it is not defined.
    pub score: f64,
}

/// Random parts of equal size into which the validation rows of a single split are divided, so that there is a spread
/// to compare by where there are no folds.
pub const BLOCKS: usize = 16;

/// Mean validation loss of each block.
pub type Blocks = [f32; BLOCKS];

/// What one epoch gave. A function of the prefix key alone, but for `seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Epochs done, from 1.
    pub epoch: u32,
    /// Optimizer steps done since the start of the run.
    pub step: u64,
    /// Rate of the epoch's last step.
    pub rate: f64,
    /// Momentum (or β1) of the epoch's last step, where the schedule cycles it.
    pub momentum: Option<f64>,
    /// Mean loss over the epoch's rows as met in training, without the penalty.
    pub train_loss: f64,
    /// Mean L2 penalty over the epoch's rows as met in training.
    pub penalty: f64,
    /// Score of the training rows as met in training.
    pub train_score: f64,
    /// On the validation rows after the epoch, of the average where one is delivered
    /// ([`crate::averaging::Averaging::is_delivered`]), else of the weights; `None` where there are no such rows.
    pub validation: Option<Scored>,
    /// The same of averaged weights that are observed beside them; `None` where none are kept, and before epoch
    /// [`crate::averaging::Averaging::FROM_EPOCH`].
    pub averaged: Option<Scored>,
    /// Validation loss by block, of the averaged weights where they are observed; only of a single split.
    pub blocks: Option<Blocks>,
    /// Time of this epoch's training and validation, on the thread that did it.
    pub seconds: f64,
}

impl Observation {
    /// Whether both say the same of the training, bit for bit; the time it took does not count.
    pub fn same_bits(&self, other: &Observation) -> bool {
        let bits = |one: &Observation| {
            let option = |value: Option<f64>| value.map(f64::to_bits);
            (
                (one.epoch, one.step, one.rate.to_bits(), option(one.momentum)),
                (canonical(one.train_loss), canonical(one.penalty), canonical(one.train_score)),
                [one.validation, one.averaged].map(|part| part.map(|v| (canonical(v.loss), canonical(v.score)))),
                one.blocks.map(|blocks| blocks.map(|loss| canonical(f64::from(loss)))),
            )
        };
        bits(self) == bits(other)
    }
}

/// Which NaN a NaN is, whether an overflow is inf or NaN, and the sign of 0 do not survive every store.
fn canonical(value: f64) -> u64 {
    if value.is_finite() { (value + 0.0).to_bits() } else { f64::NAN.to_bits() }
}
