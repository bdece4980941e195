//! The native trainer: dense networks, losses, optimizers; many small networks side by side.
//!
//! [`NativeTrainer`] plans and trains for a study, [`Run`] is one training, [`Model`] is what it leaves. [`sklearn`] trains as
//! scikit-learn does, number for number.
//!
//! Losses, weights, the L2 penalty and the activations relu, tanh, logistic and identity are those of scikit-learn's
//! `MLPClassifier` and `MLPRegressor`; other activations have PyTorch's form, optimizers that of PyTorch, or of their own
//! package where it lacks them. In detail:
//!
//! - The L2 penalty ½α‖W‖²/rows is part of each batch's gradient; decoupled weight decay multiplies weights by
//!   1 − rate·λ before the step. Both leave biases alone (PyTorch decays whatever it is given).
//! - Adam's ε stands outside the corrected root. Where a schedule cycles β1, the correction is 1 − β1ᵗ with the β1 of
//!   the moment, as in PyTorch.
//! - Gradients are clipped as by PyTorch's `clip_grad_value_` and `clip_grad_norm_`, before the penalty's are added.
//! - Dropout and layer normalisation are PyTorch's: activated values are dropped and the rest divided by the share that is
//!   kept; sums are normalised before the activation. With dropout, losses and scores of training rows are those of training.
//! - Averaged weights are those of PyTorch's `AveragedModel`, the exponential ones taken in at every step, the mean's at the
//!   ends of epochs.
//! - Targets of a regression are standardised, and its losses are of those; with the Poisson loss they are divided by
//!   their mean, which leaves that loss what it is but for a factor, and what the network gives is a logarithm. Scores are
//!   in original units.
//! - Rows may have weights, of their own and of their class: a batch's loss, gradient and share of the L2 penalty are
//!   divided by the sum of its weights, as in scikit-learn; so is the loss of an epoch, by that of all its rows.
//! - Of several labels the cross-entropies are added up for each row, and averaged over rows, as in scikit-learn.
//! - Smoothed labels are PyTorch's, for one logit those of two classes that differ by it.
//! - The order of rows is drawn afresh for each epoch from what it is for, so no state of a generator is carried.
//! - Sums over rows (losses, penalties) are in 64 bits, whatever the width of the network.
//!
//! The same plan gives the same bits: in one piece or many, alone or among others, on whatever instruction set. All
//! arithmetic is ordered by the code, never by the width of registers, and uses fused multiply-adds throughout (on a
//! processor without them these are emulated, which is slow).

mod activation;
mod ahead;
#[cfg(test)]
mod averaging_tests;
mod cores;
mod dropout;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod gradient_tests;
mod layer_norm;
mod losses;
pub mod math;
mod model;
mod model_file;
mod network;
mod panels;
mod passes;
mod product;
mod range_test;
mod raw;
mod real;
mod run;
mod samples;
pub mod sklearn;
mod softmax;
mod state;
mod sweep;
mod tally;
#[cfg(test)]
mod testing;
mod threads;
mod trace;
mod trainer;
mod truth;
mod turn;
mod update;

/// The inner loops, for benchmarks alone: their forms may change with any version.
#[doc(hidden)]
pub mod kernels {
    pub use crate::panels::pack;
    pub use crate::passes::{activate, column_sums, derive, encode, pad, padded};
    pub use crate::product::{Columns, Factors, Product, Right, Rows, made_columns, made_rows, pack_tail, room, tail};
    pub use crate::softmax::softmax;
    pub use crate::turn::turn;
    pub use crate::update::{Shrink, Step, sweep};
}

pub use cores::Busy;
pub use model::{Model, Predictions};
pub use raw::Layer;
pub use real::Real;
pub use run::Run;
pub use samples::Samples;
pub use trainer::NativeTrainer;
