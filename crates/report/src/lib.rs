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
mod markdown;
mod marks;
mod mean;
mod number;
mod optimizers;
mod palette;
mod range_test;
mod schedule;
mod search;
mod setting;
mod svg;
mod table;
mod terminal;
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
pub use optimizers::optimizers_page;
pub use range_test::{
    range_test_json, range_test_silent, range_test_svg, range_test_text, sweep_json, sweep_svg, sweep_text,
};
pub use schedule::{Course, gallery, kind_json, rates_svg, rates_table, rates_terminal, schedule_list};
pub use table::epochs_table;
pub use terminal::Look;
pub use trials::trials_table;
pub use verdict::{Cost, Finalist, Found, Verdict, overtaken, verdict_svg, verdict_text};
pub use warnings::{cut_off, diverged, edge_warnings, fit_remarks, not_converged};
