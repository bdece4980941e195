//! The native trainer: dense networks, losses, optimizers; many small networks side by side.

pub mod math;
mod model;
mod model_file;
mod network;
mod passes;
mod product;
mod real;
mod run;
mod samples;
mod state;
mod tally;
#[cfg(test)]
mod testing;
mod trace;
mod trainer;
mod update;

pub use model::{Model, Predictions};
pub use real::Real;
pub use run::Run;
pub use samples::Samples;
pub use trainer::NativeTrainer;
