//! Who proposes trials. A policy sees trials, not folds, and neither threads nor clocks.

mod asha;
mod auto;
#[cfg(test)]
mod conformance;
mod grid;
mod halving;
mod limited;
mod pruner;
mod rungs;
mod sampled;
#[cfg(test)]
mod simulator;
mod single;

pub use asha::Asha;
pub use auto::Auto;
pub use grid::Grid;
pub use halving::Halving;
pub use limited::Limited;
pub use pruner::Pruner;
pub use rungs::geometric_rungs;
pub use sampled::Sampled;
pub use single::Single;

use crate::judged::JudgedCurve;
use crate::space::Config;
use crate::stop::Stopped;

/// What a policy asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Take up a new trial and train it until its stop rules or its `until` epochs end it. Trials count from 0 in the
    /// order of their starts. Of a trial that has been trained already, or in part, what is there is used: two trials
    /// that agree in their first epochs share them, which makes a fork of a trial that differs from some epoch on.
    Start {
        /// The point of the space.
        config: Config,
        /// Epochs granted, at most what `config` asks for.
        until: u32,
    },
    /// Go on with a trial that used up its epochs.
    Resume {
        /// Its number.
        trial: u32,
        /// Epochs granted in all.
        until: u32,
    },
    /// Nothing more will be asked for. What was granted is trained.
    Finish,
    /// Nothing more is wanted: trials in work are put down after the epoch they are in.
    Stop,
}

/// What a policy is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// All runs of a trial came to the end of what they were granted, or of what their stop rules left them.
    Ended {
        /// Its number: trials count from 0 in the order of their [`Action::Start`].
        trial: u32,
        /// Why. [`Stopped::Complete`] can be resumed if its config asks for more epochs.
        stopped: Stopped,
        /// All of its epochs so far, as far as all folds have them.
        curve: JudgedCurve,
    },
}

/// Proposes trials and grants them epochs. Deterministic: the same events give the same actions.
pub trait Policy: Send {
    /// Takes note of what happened.
    fn observe(&mut self, event: &Event);

    /// What to do next, with room for `free` more trials at once; nothing while it waits for events.
    fn next(&mut self, free: usize) -> Vec<Action>;
}

impl<P: Policy + ?Sized> Policy for Box<P> {
    fn observe(&mut self, event: &Event) {
        (**self).observe(event);
    }

    fn next(&mut self, free: usize) -> Vec<Action> {
        (**self).next(free)
    }
}

/// The epochs that a point of a space asks for, if it says so itself.
fn epochs_of(config: &Config) -> Option<u32> {
    config.get("epochs").and_then(|value| value.count())
}
