//! A second file's rows under the first one's columns, so that raw data are held once.

use std::ops::Range;
use std::path::Path;

use opportune_core::InputError;

use crate::conform::{Conformed, Finder, Place, Wanted, codes_in, conform, text_at};
use crate::dataset::{Dataset, MISSING, Target, UNSEEN};
use crate::number::{Cell, cell};
use crate::read::{Loaded, Purpose, ReadOptions, nearest_hint_of, read_for};
use crate::table::tell_left_out;

/// Two data sets in one.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The first data set's rows, unchanged, and then the other's.
    pub data: Dataset,
    /// The other's rows.
    pub rows: Range<u32>,
    /// What a person should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Appends the rows of `other` (a test or validation set) to `train`.
///
/// `other` is a test set that came with the training data ([`crate::Loaded::test`]), or a table read with
/// `needs_target: false`, so that nothing in it was left out or inferred anew; its target is then found by the name of
/// `train`'s. A file is best left to [`join_file()`]. Columns are matched by name, or by position where a file has no names; categories that
/// `train` does not have count as none of its; rows without a target are left out and counted.
///
/// # Errors
/// Where a column is missing, `train` has several labels already ([`Dataset::with_labels`]), a class is not one of `train`'s, or no row has a target.
pub fn join(train: Dataset, mut other: Dataset) -> Result<Joined, InputError> {
    let mut warnings = Vec::new();
    let target = target(&train, &other)?;
    let wanted = Wanted {
        layout: &train.layout,
        kind: train.values.kind(),
        numeric: train.numeric.iter().collect(),
        categorical: train.categorical.iter().map(|c| (&c.column, &c.levels)).collect(),
    };
    let rows = other.rows;
    let Conformed { mut values, mut codes } = conform(&wanted, &mut other, &mut warnings)?;
    let there: Vec<bool> = match &target {
        Target::Classes { codes, .. } => codes.iter().map(|&code| code != MISSING).collect(),
        Target::Numbers(values) => values.iter().map(|v| !v.is_nan()).collect(),
        Target::Labels { .. } | Target::None => vec![true; rows],
    };
    let kept = there.iter().filter(|&&there| there).count();
    if kept == 0 {
        return Err(InputError::new("no row has a target").remedy("give a file with the target filled in"));
    }
    if kept < rows {
        tell_left_out(rows - kept, &mut warnings);
        values = values.filtered(train.numeric.len(), &there);
        codes = filtered(codes, train.categorical.len(), &there);
    }
    let start = train.rows as u32;
    let Some(end) = u32::try_from(train.rows + kept).ok().filter(|&end| end < UNSEEN) else {
        return Err(InputError::new("there are more than four billion rows"));
    };
    let mut data = train;
    data.rows = end as usize;
    data.values = data.values.append(values);
    data.codes.append(&mut codes);
    match (&mut data.target, target) {
        (Target::Classes { codes, .. }, Target::Classes { codes: more, .. }) => {
            codes.extend(more.into_iter().filter(|&code| code != MISSING));
        }
        (Target::Numbers(values), Target::Numbers(more)) => values.extend(more.into_iter().filter(|v| !v.is_nan())),
        _ => {}
    }
    Ok(Joined { data, rows: start..end, warnings })
}

/// Reads a second file (a test or validation set) on so many cores and appends its rows with [`join()`].
///
/// # Errors
/// Where the file cannot be read, or [`join()`] refuses it. Errors and warnings name the file.
pub fn join_file(train: Dataset, path: &Path, threads: usize) -> Result<Joined, InputError> {
    let options = ReadOptions { needs_target: false, threads, ..ReadOptions::default() };
    let purpose = train.task().map_or(Purpose::Predict, Purpose::Join);
    let Loaded { data, warnings, .. } = read_for(path, &options, purpose)?;
    let name = path.display().to_string();
    let mut joined = join(train, data).map_err(|error| error.at(name.clone()))?;
    joined.warnings.splice(0..0, warnings);
    joined.warnings.iter_mut().for_each(|warning| *warning = format!("{name}: {warning}"));
    Ok(joined)
}

fn filtered(codes: Vec<u32>, width: usize, keep: &[bool]) -> Vec<u32> {
    if width == 0 {
        return codes;
    }
    codes.chunks_exact(width).zip(keep).filter(|(_, keep)| **keep).flat_map(|(row, _)| row.iter().copied()).collect()
}

/// The other's target in the terms of `train`'s: codes of its labels, `MISSING` or NaN where there is none.
fn target(train: &Dataset, other: &Dataset) -> Result<Target, InputError> {
    let Some(name) = train.target_name() else { return Ok(Target::None) };
    let unknown = |label: &str, labels: &[String]| {
        InputError::new(format!("the class '{label}' is not one of the training data's"))
            .at(format!("column '{name}'"))
            .remedy(nearest_hint_of("classes", label, labels))
    };
    match (&train.target, &other.target) {
        (Target::None, _) => Ok(Target::None),
        (Target::Classes { labels, .. }, Target::Classes { codes, labels: others }) => {
            let map = others
                .iter()
                .map(|label| {
                    let code = labels.iter().position(|l| l == label);
                    code.map(|code| code as u32).ok_or_else(|| unknown(label, labels))
                })
                .collect::<Result<Vec<u32>, _>>()?;
            Ok(Target::Classes { codes: codes.iter().map(|&code| map[code as usize]).collect(), labels: vec![] })
        }
        (Target::Numbers(_), Target::Numbers(values)) => Ok(Target::Numbers(values.clone())),
        (Target::Classes { labels, .. }, Target::None) => {
            let place = place(train, other, name)?;
            let codes = codes_in(other, place, labels);
            match codes.iter().position(|&code| code == UNSEEN) {
                Some(row) => Err(unknown(&text_at(other, place, row), labels)),
                None => Ok(Target::Classes { codes, labels: vec![] }),
            }
        }
        (Target::Numbers(_), Target::None) => numbers(other, place(train, other, name)?, name).map(Target::Numbers),
        (Target::Labels { .. }, _) => Err(InputError::new("rows cannot be joined to data that have several labels")),
        _ => Err(InputError::new("one target is classes and the other is numbers").remedy("give --task")),
    }
}

fn place(train: &Dataset, other: &Dataset, name: &str) -> Result<Place, InputError> {
    Finder::new(&train.layout, other)?.find(name, train.layout.target_position).ok_or_else(|| {
        InputError::new(format!("there is no column '{name}', the target of the training data"))
            .remedy("give a file that has it")
    })
}

fn numbers(other: &Dataset, place: Place, name: &str) -> Result<Vec<f64>, InputError> {
    (0..other.rows)
        .map(|row| match place {
            Place::Numeric(i) => Ok(other.value(row, i)),
            Place::Categorical(_) => match text_at(other, place, row) {
                text if text.is_empty() => Ok(f64::NAN),
                text => match (cell(&text, false), cell(&text, other.decimal_comma)) {
                    (Cell::Number(value), _) | (_, Cell::Number(value)) => Ok(value),
                    (Cell::Infinite, _) => Ok(f64::NAN),
                    _ => Err(InputError::new(format!("'{text}' is not a number"))
                        .at(format!("column '{name}'"))
                        .remedy("mend it or leave it empty")),
                },
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;
    use crate::testing::{bare, csv};

    const TRAIN: &str = "x,c,y\n1,a,no\n2,b,yes\n4,a,no\n";

    fn error(train: &str, other: &str) -> String {
        join(csv(train), bare(other)).unwrap_err().to_string()
    }

    #[test]
    fn rows_are_appended_by_name() {
        let joined = join(csv(TRAIN), bare("z,y,c,x\n0,yes,b,0.1\n0,no,new,7\n0,,a,1\n")).unwrap();
        let (data, rows) = (joined.data, joined.rows);
        assert_eq!((data.rows(), rows), (5, 3..5));
        let Target::Classes { codes, labels } = data.target() else { panic!() };
        assert_eq!((&codes[..], &labels[..]), (&[0, 1, 0, 1, 0][..], &["no".to_string(), "yes".to_string()][..]));
        assert_eq!(data.values, Block::F64(vec![1.0, 2.0, 4.0, 0.1, 7.0]));
        assert_eq!(data.codes, [0, 1, 0, 1, UNSEEN]);
        assert_eq!(joined.warnings.len(), 3, "{:?}", joined.warnings);
        assert!(joined.warnings[0].contains("'z' is not used"));
        assert!(joined.warnings[1].contains("'c': 1 category not among"));
        assert!(joined.warnings[2].contains("1 row has no target"));
    }

    #[test]
    fn numeric_classes_are_found_by_value() {
        let data = join(csv("x,y\n1,0\n2,1\n3,1\n"), bare("x,y\n5,1.0\n6,0\n")).unwrap().data;
        let Target::Classes { codes, .. } = data.target() else { panic!() };
        assert_eq!(codes, &[0, 1, 1, 1, 0]);
    }

    #[test]
    fn regression_targets_are_read_as_numbers() {
        let data = join(csv("x,y\n1,0.5\n2,1.5\n"), bare("x,y\n5,7\n6,\n")).unwrap().data;
        assert_eq!(data.target(), &Target::Numbers(vec![0.5, 1.5, 7.0]));
    }

    #[test]
    fn files_without_names_are_matched_by_position() {
        let data = join(csv("1,0,5\n2,1,6\n3,1,7.5\n"), bare("8,9,10\n")).unwrap().data;
        assert_eq!(data.target(), &Target::Numbers(vec![5.0, 6.0, 7.5, 10.0]));
        assert!(error("1,0,5\n2,1,6\n3,1,7.5\n", "8,9\n").contains("no column 'column_3'"));
        assert!(error("1,0,5\n2,1,6\n3,1,7.5\n", "8\n").contains("1 columns where 3 (or 2 without"));
    }

    #[test]
    fn a_file_is_read_for_what_it_is_joined_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.csv");
        std::fs::write(&path, "x;c;y\n1;a;yes\n8;zz;no\n").unwrap();
        let joined = join_file(csv(TRAIN), &path, 1).unwrap();
        assert_eq!((joined.data.rows(), joined.rows), (5, 3..5));
        assert!(joined.warnings[0].contains("test.csv: column 'c': 1 category"), "{:?}", joined.warnings);
        std::fs::write(&path, "x;c;y\n1;a;yes\n8;zz\n").unwrap();
        let error = join_file(csv(TRAIN), &path, 1).unwrap_err().to_string();
        assert!(error.contains("test.csv: row 3: 2 fields"), "{error}");
        // A matrix, to a table without names: its target is the column in the same place.
        std::fs::write(&path, crate::npy::tests::npy("|u1", false, "(1, 2)", &[9, 30])).unwrap();
        let joined = join_file(csv("1,5.5\n2,6.5\n"), &path, 1).unwrap();
        assert_eq!(joined.data.target(), &Target::Numbers(vec![5.5, 6.5, 30.0]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(error(TRAIN, "x,c,y\n1,a,maybe\n").contains("'maybe' is not one of"));
        assert!(error(TRAIN, "x,c\n1,a\n").contains("no column 'y', the target"));
        assert!(error(TRAIN, "xx,c,y\n1,a,no\n").contains("no column 'x'"));
        assert!(error(TRAIN, "x,c,y\n1,a,\n").contains("no row has a target"));
        assert!(error("x,y\n1,0.5\n2,1.5\n", "x,y\n1,high\n").contains("'high' is not a number"));
    }
}
