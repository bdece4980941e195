//! Carries out what a policy asks for: expands trials into runs, trains what they share once, pauses, resumes and
//! remembers. Knows no trainer and no data; both come through the ports of `opportune_core`.

mod ahead;
mod desk;
mod drafts;
mod engine;
mod failing;
mod following;
mod planning;
mod queue;
mod saving;
mod session;
pub mod store;
mod tree;
mod writer;

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod testing;

pub use ahead::{Foresight, Next};
pub use drafts::Drafts;
pub use engine::{Asked, Delivered, Engine, EngineError, Happening, Outcome, Progress, Totals, Watching};
