//! The `opportune` program: flags, messages, exit codes. What it does is done by the crates beside it.
//!
//! It is a library so that other programs can have it whole ([`program`]), or its search on data that are in memory already
//! ([`search_in_memory`]): the package for Python does.

mod arguments;
mod fit;
mod flags;
mod job;
mod look;
mod output;
mod predict;
mod progress;
mod range_test;
mod rates;
mod schedule;
mod split;
mod studies;
mod tune;
mod values;
mod work;

use opportune_core::InputError;
use std::ffi::OsString;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use work::Exit;

pub use progress::Listener;
pub use split::Folds;
pub use tune::{Candidate, Ending, Found, Given, search_in_memory};

/// Set by Ctrl-C; everything is saved then.
static INTERRUPT: AtomicBool = AtomicBool::new(false);

/// Every trial diverged, or the verdict is negative.
const NEGATIVE: u8 = 1;
/// By usage, configuration or input.
const USAGE: u8 = 2;
/// By Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

/// A line for people on stderr; that nobody reads it is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Runs the program with the words of a command line, its name first, and gives its exit code: 0; 1 where the result is
/// negative; 2 where the words, the settings or the data are wrong, which it says on stderr; 130 after Ctrl-C, which it
/// catches from here on in the whole process.
pub fn program(words: Vec<OsString>) -> u8 {
    match run(words) {
        Ok(Exit::Fine) => 0,
        Ok(Exit::Negative) => NEGATIVE,
        Ok(Exit::Interrupted) => INTERRUPTED,
        Err(error) => {
            say(&format!("error: {}", error.to_string().replace(['\n', '\r'], " ")));
            USAGE
        }
    }
}

fn run(words: Vec<OsString>) -> Result<Exit, InputError> {
    let program = match arguments::read(words.clone())? {
        arguments::Asked::Print(text) => {
            progress::print_line(text.trim_end())?;
            return Ok(Exit::Fine);
        }
        arguments::Asked::Run(program) => program,
    };
    let again = arguments::retyped(&words);
    match program.command {
        flags::Command::Tune(flags) => {
            catch_interrupts("interrupted: saving (once more ends at once)")?;
            tune::run(&flags, again, &INTERRUPT)
        }
        flags::Command::Fit(flags) => {
            catch_interrupts("interrupted: saving (once more ends at once)")?;
            fit::run(&flags, again, &INTERRUPT)
        }
        flags::Command::RangeTest(flags) => {
            catch_interrupts("interrupted")?;
            range_test::run(&flags, &INTERRUPT)
        }
        flags::Command::Schedule(flags) => schedule::run(&flags),
        flags::Command::Predict(flags) => predict::run(&flags),
        flags::Command::Studies(flags) => studies::list(&flags),
        flags::Command::Show(flags) => studies::show(&flags),
    }
}

/// The first Ctrl-C asks for an orderly end, the second ends at once: the study survives that too.
fn catch_interrupts(said: &'static str) -> Result<(), InputError> {
    let caught = ctrlc::set_handler(|| {
        if INTERRUPT.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        say(said);
    });
    caught.map_err(|error| InputError::new(format!("Ctrl-C cannot be caught: {error}")))
}
