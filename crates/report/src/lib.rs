//! What people look at: tables, pictures, exports and plain words, as functions of what is stored.
//!
//! Nothing here reads a file or a clock: the same results always give the same text, byte for byte.

mod axes;
mod axis;
mod columns;
mod csv;
mod curves;
mod draw;
mod frame;
mod label;
mod legend;
mod marks;
mod mean;
mod number;
mod palette;
mod search;
mod setting;
mod svg;
mod table;
mod thin;
mod trend;
mod trials;
pub mod verdict;
mod warnings;

#[cfg(test)]
mod sample;

pub use crate::csv::trials_csv;
pub use curves::Curves;
pub use draw::curves_svg;
pub use table::epochs_table;
pub use trials::trials_table;
pub use verdict::{Cost, Finalist, Found, Verdict, verdict_svg, verdict_text};
pub use warnings::{cut_off, diverged, edge_warnings, fit_remarks, not_converged};
