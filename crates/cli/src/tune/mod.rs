//! `opportune tune`: search, train again with the best, score the test rows, say what came of it.

mod choice;
mod finish;
mod foresight;
mod grid;
mod in_memory;
mod population;
mod search;
mod strategy;

use crate::flags::Tune;
use crate::work::Exit;
use opportune_core::InputError;
use std::sync::atomic::AtomicBool;
use strategy::Strategy;

pub use in_memory::{Candidate, Ending, Found, Given, search_in_memory};

pub fn run(flags: &Tune, again: String, interrupt: &AtomicBool) -> Result<Exit, InputError> {
    match Strategy::of(flags)? {
        Strategy::Grid => grid::run(flags, again, interrupt),
        strategy => search::run(flags, strategy, again, interrupt),
    }
}
