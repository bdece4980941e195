//! Reading: what a path holds decides how it is read, not what it is called.

use std::io::{Cursor, Read};
use std::path::Path;

use opportune_core::InputError;

use crate::dataset::Dataset;
use crate::delimited::Delimited;
use crate::target::Task;
use crate::{decode, gz, idx, npy, npz, table};

/// What to read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The target column: a name, or the number of a column (from 1) where the file has no names. Default: the last
    /// column, or the array `y` or `target` of an NPZ file.
    pub target: Option<String>,
    /// The task. Default: text and at most 20 distinct integers are classes, other numbers are regression.
    pub task: Option<Task>,
    /// Whether a target is needed: true for training. False for data to predict and for files that are matched to
    /// another with [`crate::join()`]; then every column is a feature and none is left out. Default: true.
    pub needs_target: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { target: None, task: None, needs_target: true }
    }
}

/// What was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The data to train on, or to predict.
    pub data: Dataset,
    /// The test set that came with them: the t10k files of an IDX folder, `x_test` and `y_test` of an NPZ file.
    /// [`crate::join()`] appends it to the data.
    pub test: Option<Dataset>,
    /// What a person should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Reads CSV or TSV (also through gzip), NPY, NPZ, a folder of IDX files or one IDX file. `path` is what errors name.
///
/// # Errors
/// Where the file cannot be read, is not what it seems, or has nothing to learn from.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded, InputError> {
    read_any(path, options).map_err(|error| error.at(path.display().to_string()))
}

fn read_any(path: &Path, options: &ReadOptions) -> Result<Loaded, InputError> {
    if path.is_dir() {
        return idx::folder(path, options);
    }
    let mut reader = gz::open(path)?;
    let mut head = Vec::new();
    (&mut reader).take(6).read_to_end(&mut head).map_err(|error| gz::failed(&error))?;
    let start = head.clone();
    let mut whole = Cursor::new(head).chain(reader);
    if start.starts_with(&[0, 0, 8]) {
        return idx::file(path, &mut whole, options);
    }
    if start == b"\x93NUMPY" {
        return npy::read(&mut whole, options);
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return npz::read(path, options);
    }
    if start.starts_with(b"PAR1") {
        return Err(InputError::new("Parquet files cannot be read").remedy("convert it to CSV or NPZ"));
    }
    let (text, mut warnings) = decode::decode(gz::rest(&mut whole)?)?;
    let name = path.to_string_lossy().to_ascii_lowercase();
    let prefer_tab = name.trim_end_matches(".gz").ends_with(".tsv");
    let delimited = Delimited::new(text, prefer_tab, &mut warnings)?;
    let data = table::dataset(&delimited, options, &mut warnings)?;
    Ok(Loaded { data, test: None, warnings })
}

/// What to do where `name` is none of the columns `names`.
pub(crate) fn nearest_hint(name: &str, names: &[String]) -> String {
    nearest_hint_of("columns", name, names)
}

/// The same for things of any `kind`.
pub(crate) fn nearest_hint_of(kind: &str, name: &str, names: &[String]) -> String {
    match opportune_core::text::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean '{near}'?"),
        None => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("the {kind} are {}", table::list(&names))
        }
    }
}
