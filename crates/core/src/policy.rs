//! Who proposes trials. A policy sees trials, not folds, and neither threads nor clocks.

mod grid;
mod single;

pub use grid::Grid;
pub use single::Single;

use crate::space::Config;

/// What a policy asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Take up a new trial and train it until its stop rules or its `until` epochs end it.
    Start {
        /// The point of the space.
        config: Config,
        /// Epochs granted, at most what `config` asks for.
        until: u32,
    },
    /// Nothing more will be asked for.
    Finish,
}

/// What a policy is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// All runs of a trial came to their end.
    Ended {
        /// Its number: trials count from 0 in the order of their [`Action::Start`].
        trial: u32,
        /// Mean score over folds; not finite where one diverged.
        score: f64,
    },
}

/// Proposes trials and grants them epochs. Deterministic: the same events give the same actions.
pub trait Policy: Send {
    /// Takes note of what happened.
    fn observe(&mut self, event: &Event);

    /// What to do next, with room for `free` more trials at once; nothing while it waits for events.
    fn next(&mut self, free: usize) -> Vec<Action>;
}
