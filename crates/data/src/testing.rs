//! Small helpers that tests of several files share.

use std::io::Write;
use std::path::PathBuf;

use opportune_core::InputError;

use crate::{Dataset, Loaded, ReadOptions, read};

/// `bytes` compressed with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads `bytes` as the file `name`, which the errors are to mention.
pub(crate) fn load(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<Loaded, InputError> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read(&path, options)
}

/// A CSV text with its last column as the target.
pub(crate) fn csv(text: &str) -> Dataset {
    load("table.csv", text.as_bytes(), &ReadOptions::default()).unwrap().data
}

/// A CSV text as `predict` reads it: every column kept, no target.
pub(crate) fn bare(text: &str) -> Dataset {
    load("table.csv", text.as_bytes(), &ReadOptions { needs_target: false, ..Default::default() }).unwrap().data
}

/// All rows of a data set.
pub(crate) fn all(data: &Dataset) -> Vec<u32> {
    (0..data.rows() as u32).collect()
}
