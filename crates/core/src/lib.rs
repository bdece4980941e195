//! What is asked, chosen and promised: schedules, plans, policies, stop rules, scores, and the ports of the outside.
//!
//! Pure: no files, threads, clocks or global randomness. Everything here can be used from any training loop.

pub mod averaging;
pub mod class_weight;
pub mod clip;
pub mod epochs;
pub mod error;
mod expression;
pub mod finalists;
pub mod judged;
pub mod loss;
pub mod memory;
pub mod observation;
pub mod optimizer;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod range_test;
pub mod rng;
pub mod sampler;
pub mod schedule;
pub mod score;
pub mod settings;
pub mod space;
pub mod stop;
pub mod sweep;
pub mod text;
pub mod upstream;

pub use error::InputError;

// So that what tests share can be written once: tests inside and outside of the crate name it alike.
#[cfg(test)]
extern crate self as opportune_core;
