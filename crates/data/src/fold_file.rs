//! Folds given in a file, for when rows belong together or a partition is to be repeated.

use std::path::Path;

use opportune_core::InputError;
use serde::Deserialize;

use crate::dataset::Dataset;
use crate::split::{Split, split};
use crate::{decode, gz};

/// Reads folds from a file (`--fold-file`) in one of two formats:
///
/// - One integer per line, with or without a header line: the fold in which that row is held back. Rows with -1 are
///   never held back. Every number that occurs is a fold, in ascending order.
/// - JSON: `[{"train": [0, 2], "validation": [1]}, …]`, one entry for each fold.
///
/// Rows are those of the data file, counted from 0 after its header, blank lines aside; rows that were left out for
/// want of a target keep their number. Rows outside `rows` (set aside for the test) are in none of them.
///
/// # Errors
/// Where the file cannot be read, does not have one line for each row of the data file, names a row that there is
/// not or twice, or leaves a fold without rows to train or to validate on.
pub fn read_fold_file(path: &Path, data: &Dataset, rows: &[u32]) -> Result<Vec<Split>, InputError> {
    let read =
        || {
            let mut reader = gz::open(path)?;
            let (text, _) = decode::decode(gz::rest(&mut *reader)?)?;
            let splits = match text.trim_start().starts_with('[') {
                true => lists(&text, data, rows)?,
                false => column(&text, data, rows)?,
            };
            match splits.iter().position(|s| s.train.is_empty() || s.validation.is_empty()) {
                Some(fold) => Err(InputError::new(format!("fold {fold} has no rows to train or to validate on"))
                    .remedy("mend the file")),
                None if splits.is_empty() => Err(InputError::new("there are no folds").remedy("mend the file")),
                None => Ok(splits),
            }
        };
    read().map_err(|error: InputError| error.at(path.display().to_string()))
}

fn column(text: &str, data: &Dataset, rows: &[u32]) -> Result<Vec<Split>, InputError> {
    let mut folds: Vec<i64> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim().trim_matches('"').trim();
        match line.parse::<i64>() {
            _ if line.is_empty() => {}
            Ok(fold) if fold >= -1 => folds.push(fold),
            Err(_) if folds.is_empty() && i == 0 => {}
            _ => {
                return Err(InputError::new(format!("'{line}' is no number of a fold"))
                    .at(format!("row {}", i + 1))
                    .remedy("give an integer from 0, or -1 for a row that is never held back"));
            }
        }
    }
    let in_file = data.file_rows;
    if folds.len() != in_file {
        return Err(InputError::new(format!("there are {} fold numbers for {in_file} rows of data", folds.len()))
            .remedy("give one for each row of the data file"));
    }
    let mut parts = std::collections::BTreeMap::<i64, Vec<u32>>::new();
    let chosen = Chosen::new(data, rows);
    for (row, &fold) in folds.iter().enumerate() {
        if fold >= 0 {
            let part = parts.entry(fold).or_default();
            part.extend(data.row_of_file(row as u64).filter(|&row| chosen.has(row)));
        }
    }
    Ok(parts.into_values().map(|validation| split(rows, validation)).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    train: Vec<u64>,
    validation: Vec<u64>,
}

fn lists(text: &str, data: &Dataset, rows: &[u32]) -> Result<Vec<Split>, InputError> {
    let lists: Vec<Lists> = serde_json::from_str(text).map_err(|error| {
        InputError::new(format!("this is not a list of folds ({error})"))
            .remedy(r#"write [{"train": [0, 2], "validation": [1]}, …]"#)
    })?;
    let chosen = Chosen::new(data, rows);
    let in_file = data.file_rows;
    lists
        .into_iter()
        .enumerate()
        .map(|(fold, lists)| {
            let mut seen = vec![false; in_file];
            let mut take = |list: Vec<u64>| {
                let mut taken = Vec::with_capacity(list.len());
                for row in list {
                    match seen.get_mut(usize::try_from(row).unwrap_or(usize::MAX)) {
                        None => {
                            return Err(InputError::new(format!("there is no row {row} in {in_file} rows of data"))
                                .at(format!("fold {fold}"))
                                .remedy("count rows from 0"));
                        }
                        Some(true) => {
                            return Err(InputError::new(format!("row {row} is named twice"))
                                .at(format!("fold {fold}"))
                                .remedy("name it once, to train or to validate on"));
                        }
                        Some(seen) => *seen = true,
                    }
                    taken.extend(data.row_of_file(row).filter(|&row| chosen.has(row)));
                }
                taken.sort_unstable();
                Ok(taken)
            };
            Ok(Split { train: take(lists.train)?, validation: take(lists.validation)? })
        })
        .collect()
}

/// Which rows may be used.
struct Chosen(Vec<bool>);

impl Chosen {
    fn new(data: &Dataset, rows: &[u32]) -> Chosen {
        let mut chosen = vec![false; data.rows()];
        rows.iter().for_each(|&row| chosen[row as usize] = true);
        Chosen(chosen)
    }

    fn has(&self, row: u32) -> bool {
        self.0[row as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{all, csv};

    fn read(text: &str, data: &Dataset, rows: &[u32]) -> Result<Vec<Split>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folds.txt");
        std::fs::write(&path, text).unwrap();
        read_fold_file(&path, data, rows).map_err(|error| error.to_string())
    }

    /// Row 1 of the file has no target.
    fn data() -> Dataset {
        csv("x,y\n1,0\n2,\n3,1\n4,1\n5,0\n")
    }

    #[test]
    fn a_column_of_numbers() {
        let data = data();
        let rows = all(&data);
        let expected =
            [Split { train: vec![1, 2, 3], validation: vec![0] }, Split { train: vec![0, 3], validation: vec![1, 2] }];
        assert_eq!(read("0\n0\n7\n7\n-1\n", &data, &rows).unwrap(), expected);
        assert_eq!(read("fold\r\n0\r\n0\r\n7\r\n7\r\n-1", &data, &rows).unwrap(), expected);
        // Row 2 of the data set is set aside.
        let fewer = read("0\n0\n7\n7\n-1\n", &data, &[0, 1, 3]).unwrap();
        assert_eq!(fewer[1], Split { train: vec![0, 3], validation: vec![1] });
    }

    #[test]
    fn lists_in_json() {
        let data = data();
        let text = r#"[{"train": [4, 0, 1], "validation": [3, 2]}]"#;
        let expected = [Split { train: vec![0, 3], validation: vec![1, 2] }];
        assert_eq!(read(text, &data, &all(&data)).unwrap(), expected);
    }

    #[test]
    fn rows_joined_later_are_in_no_fold() {
        let joined = crate::join(data(), crate::testing::bare("x,y\n9,1\n")).unwrap().data;
        let folds = read("0\n0\n7\n7\n-1\n", &joined, &[0, 1, 2, 3]).unwrap();
        assert_eq!(folds[1], Split { train: vec![0, 3], validation: vec![1, 2] });
    }

    #[test]
    fn bad_files_are_named() {
        let data = data();
        let rows = all(&data);
        for (text, part) in [
            ("0\n1\n0\n", "3 fold numbers for 5 rows"),
            ("0\n1\nx\n0\n1\n", "row 3: 'x' is no number"),
            ("0\n1\n-2\n0\n1\n", "'-2' is no number"),
            ("0\n0\n0\n0\n0\n", "fold 0 has no rows"),
            ("-1\n-1\n-1\n-1\n-1\n", "there are no folds"),
            ("-1\n0\n-1\n-1\n-1\n", "fold 0 has no rows"),
            ("[{\"train\": [0], \"validation\": [5]}]", "no row 5 in 5 rows"),
            ("[{\"train\": [0], \"validation\": [0]}]", "row 0 is named twice"),
            ("[{\"train\": [0], \"validation\": []}]", "fold 0 has no rows"),
            ("[{\"train\": [0]}]", "not a list of folds"),
            ("[]", "there are no folds"),
        ] {
            let error = read(text, &data, &rows).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(read_fold_file(Path::new("no/such"), &data, &rows).is_err());
    }
}
