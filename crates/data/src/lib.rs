//! Files to a data set: CSV, IDX, NPY and NPZ; types, missing values, encoding, scaling, folds.
//!
//! [`read()`] turns a file or folder into a [`Dataset`], which holds the raw values once. Nothing is learned from the
//! data while reading, apart from what kind of column each is. What is learned (means, scales, levels) belongs to
//! an [`Encoder`], fitted on the training rows of one split and applied when a batch is gathered.
//!
//! Rows in messages are counted as an editor counts lines: the header is row 1, blank lines count, and so does a
//! line break within quotes. Arrays have no header: their first row is row 1.

mod align;
mod aligned;
mod arrays;
mod block;
mod conform;
mod dataset;
mod decode;
mod delimited;
mod encode;
mod fold_file;
mod gz;
mod idx;
mod infer;
mod join;
mod levels;
mod memory;
mod moments;
mod npy;
mod npz;
mod number;
mod passes;
mod quotes;
mod read;
mod split;
mod standardise;
mod table;
mod taken;
mod target;

pub use aligned::Aligned;
pub use dataset::{Column, Dataset, Target};
pub use encode::{Element, Encoder};
pub use fold_file::read_fold_file;
pub use join::{Joined, join, join_file};
pub use memory::Numbers;
pub use read::{Loaded, ReadOptions, read};
pub use split::{Split, folds, hold_out};
pub use target::{MOST_INTEGER_CLASSES, TargetEncoder, Task};

#[cfg(test)]
mod testing;
