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
//! - Targets of a regression are standardised; its loss is half the squared error of those, its score in original
//!   units.
//! - The order of rows is drawn afresh for each epoch from what it is for, so no state of a generator is carried.
//! - Sums over rows (losses, penalties) are in 64 bits, whatever the width of the network.
//!
//! The same plan gives the same bits: in one piece or many, alone or among others, on whatever instruction set. All
//! arithmetic is ordered by the code, never by the width of registers, and uses fused multiply-adds throughout (on a
//! processor without them these are emulated, which is slow).

mod activation;
#[cfg(test)]
mod averaging_tests;
pub mod math;
mod model;
mod model_file;
mod network;
mod passes;
mod product;
mod range_test;
mod real;
mod run;
mod samples;
pub mod sklearn;
mod state;
mod sweep;
mod tally;
#[cfg(test)]
mod testing;
mod trace;
mod trainer;
mod update;

/// The inner loops, for benchmarks alone: their forms may change with any version.
#[doc(hidden)]
pub mod kernels {
    pub use crate::passes::{activate, column_sums, derive, pad, padded, softmax, turn};
    pub use crate::product::{Left, Product};
    pub use crate::update::{Shrink, Step, sweep};
}

pub use model::{Model, Predictions};
pub use real::Real;
pub use run::Run;
pub use samples::Samples;
pub use trainer::NativeTrainer;
