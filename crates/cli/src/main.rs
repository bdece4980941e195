//! The `opportune` program, which is all in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(opportune_cli::program(std::env::args_os().collect()))
}
