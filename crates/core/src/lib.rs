//! What is asked, chosen and promised: schedules, plans, policies, stop rules and the ports of the outside. Pure: no files, threads, clocks or global randomness.

pub mod error;
pub mod rng;

pub use error::InputError;
