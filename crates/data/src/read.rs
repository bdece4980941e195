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
    /// Whether a target is needed: true for training. False for data to predict; then every column is a feature, none
    /// is left out, and labels beside the features are not read. Default: true.
    pub needs_target: bool,
    /// Cores that read a table of text, at least 1; what is read does not depend on them. Default: all there are.
    pub threads: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        ReadOptions { target: None, task: None, needs_target: true, threads }
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

/// Reads a file or folder, which is what errors name:
///
/// - CSV and its relatives, with `,` `;` tab or `|`, in UTF-8, UTF-16 or Windows-1252. Columns of numbers are numeric,
///   others categorical; columns that nothing can be learned from are left out with a warning.
/// - NPY: a matrix with the target in a column. NPZ: `X` and `y`, or `data` and `target`, or `x_train` and `y_train`,
///   then with a test set where there are `x_test` and `y_test`.
/// - IDX: a folder with MNIST's files (the t10k files are the test set), or one images file with its labels beside it.
///
/// What the bytes are decides, not the name. All but NPZ may be compressed with gzip.
///
/// # Errors
/// Where the file cannot be read, is not what it seems, or has nothing to learn from.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded, InputError> {
    let purpose = if options.needs_target { Purpose::Train } else { Purpose::Predict };
    read_for(path, options, purpose)
}

/// What a file is read for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// To learn from.
    Train,
    /// To predict; a target is of no interest.
    Predict,
    /// To be joined to training data of this task.
    Join(Task),
}

/// Reads a file for a purpose that agrees with `options.needs_target`, which is false for all but training.
pub(crate) fn read_for(path: &Path, options: &ReadOptions, purpose: Purpose) -> Result<Loaded, InputError> {
    read_any(path, options, purpose).map_err(|error| error.at(path.display().to_string()))
}

fn read_any(path: &Path, options: &ReadOptions, purpose: Purpose) -> Result<Loaded, InputError> {
    if path.is_dir() {
        return idx::folder(path, options, purpose);
    }
    let mut reader = gz::open(path)?;
    let mut head = Vec::new();
    (&mut reader).take(6).read_to_end(&mut head).map_err(|error| gz::failed(&error))?;
    let start = head.clone();
    let mut whole = Cursor::new(head).chain(reader);
    if start.starts_with(&[0, 0, 8]) {
        return idx::file(path, &mut whole, options, purpose);
    }
    if start == b"\x93NUMPY" {
        return npy::read(&mut whole, options, purpose);
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return npz::read(path, options, purpose);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{all, load};
    use crate::{Encoder, folds};
    use proptest::prelude::*;

    /// Whatever is read must be usable.
    fn use_all(name: &str, bytes: &[u8]) {
        for needs_target in [true, false] {
            let read = |threads| load(name, bytes, &ReadOptions { needs_target, threads, ..Default::default() });
            // The folder is another one each time.
            let told = |loaded: &Result<Loaded, InputError>| match loaded {
                Ok(loaded) => format!("{loaded:?}"),
                Err(error) => error.to_string().split(name).skip(1).collect(),
            };
            let loaded = read(1);
            for threads in [2, 5] {
                assert_eq!(told(&read(threads)), told(&loaded), "{threads}");
            }
            match loaded {
                Err(error) => assert!(error.to_string().contains(name), "{error}"),
                Ok(Loaded { data, .. }) => {
                    let rows = all(&data);
                    let encoder = Encoder::fit(&data, &rows);
                    let mut out = vec![0f32; rows.len() * encoder.inputs()];
                    encoder.encode(&data, &rows, &mut out);
                    assert!(out.iter().all(|v| v.is_finite()));
                    assert!(data.key() != [0; 16]);
                    if let Ok(folds) = folds(&data, &rows, 2, 0) {
                        assert_eq!(folds.len(), 2);
                    }
                    encoder.align(data).unwrap();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            use_all("bytes", &bytes);
        }

        #[test]
        fn arbitrary_tables_never_panic(text in "([-a,;\t|\"\n\r .0-9eé?]{1,12}){1,12}") {
            use_all("table.csv", text.as_bytes());
        }

        #[test]
        fn arbitrary_rows_never_panic(rows in prop::collection::vec("([0-9.]{0,3}|[ab?]|1e30[0-9]|inf),[ab]?,[0-3]?", 1..20)) {
            use_all("rows.csv", format!("p,q,r\n{}", rows.join("\n")).as_bytes());
        }

        #[test]
        fn arbitrary_binary_files_never_panic(
            start in prop_oneof![
                Just(&b"\x93NUMPY\x01\x00"[..]), Just(&b"PK\x03\x04"[..]), Just(&[0, 0, 8, 2, 0, 0, 0][..]), Just(&[0x1f, 0x8b, 8][..])
            ],
            rest in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            use_all("binary", &[start, &rest].concat());
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = read(Path::new("no/such.csv"), &ReadOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "no/such.csv: there is no such file; check the path");
        let error = load("a.parquet", b"PAR1xxxx", &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains("a.parquet: Parquet files cannot be read"), "{error}");
    }
}
