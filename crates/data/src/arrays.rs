//! Arrays without names to a data set. Constant columns are kept: they carry nothing, but they are part of a picture.

use opportune_core::InputError;

use crate::block::Block;
use crate::dataset::{Column, Dataset, Layout, Target, UNSEEN};
use crate::table::tell_left_out;
use crate::target::{self, Raw, Task};

/// An array in C order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values,
}

/// The elements of an array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    U8(Vec<u8>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Vec<String>),
}

impl Array {
    /// The first dimension, and the product of the others.
    pub(crate) fn rows_and_width(&self) -> (usize, usize) {
        let rows = self.shape.first().copied().unwrap_or(0);
        // The product was checked when the array was read.
        (rows, self.shape.iter().skip(1).product())
    }
}

/// A target that belongs to features, and what it is for.
pub(crate) enum Aim {
    /// To learn from, so it must be fit for it.
    Train(Raw, Option<Task>),
    /// To score with, in the training data's task.
    Test(Raw, Task),
}

/// An array as a target: numbers, or texts.
pub(crate) fn raw_target(array: Array) -> Result<Raw, InputError> {
    let (_, width) = array.rows_and_width();
    if width != 1 || array.shape.len() > 2 {
        return Err(InputError::new(format!(
            "a target must have one value for each row, its shape is {:?}",
            array.shape
        ))
        .remedy("give one column of labels or numbers"));
    }
    Ok(match array.values {
        Values::U8(v) => Raw::Numbers(v.into_iter().map(f64::from).collect()),
        Values::F32(v) => Raw::Numbers(v.into_iter().map(f64::from).collect()),
        Values::F64(v) => Raw::Numbers(v),
        Values::Text(texts) => {
            let mut distinct = texts.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let codes = texts.iter().map(|t| distinct.binary_search(t).unwrap_or(0) as u32).collect();
            Raw::Texts { codes, texts: distinct }
        }
    })
}

/// Takes column `position` out of a two-dimensional array, as a target.
pub(crate) fn take_column(array: Array, position: usize) -> Result<(Array, Raw), InputError> {
    let (rows, width) = array.rows_and_width();
    let block = block(array.values)?;
    let mut rest = Block::empty(block.kind());
    let mut target = Vec::with_capacity(rows);
    for i in 0..block.len() {
        if i % width == position { target.push(block.get(i)) } else { rest.push(block.get(i)) }
    }
    let values = match rest {
        Block::U8(v) => Values::U8(v),
        Block::F32(v) => Values::F32(v),
        Block::F64(v) => Values::F64(v),
    };
    Ok((Array { shape: vec![rows, width - 1], values }, Raw::Numbers(target)))
}

fn block(values: Values) -> Result<Block, InputError> {
    Ok(match values {
        Values::U8(v) => Block::U8(v),
        Values::F32(v) => Block::F32(v),
        Values::F64(v) => Block::F64(v),
        Values::Text(_) => {
            return Err(InputError::new("the features are texts").remedy("save them as numbers, or as a CSV file"));
        }
    })
}

/// Features, one row for each step of the first dimension, all other dimensions flattened, called `stem_1`, `stem_2`, …,
/// with a target of its own name. Bytes of three or more dimensions are images.
pub(crate) fn dataset(
    features: Array,
    stem: &str,
    target: Option<(&str, Aim)>,
    warnings: &mut Vec<String>,
) -> Result<Dataset, InputError> {
    let (rows, width) = features.rows_and_width();
    let image = features.shape.len() >= 3 && matches!(features.values, Values::U8(_));
    if rows == 0 || width == 0 {
        return Err(InputError::new(format!("there are no values, the shape is {:?}", features.shape))
            .remedy("give rows and columns"));
    }
    if rows >= UNSEEN as usize || width >= UNSEEN as usize {
        return Err(InputError::new("there are more than four billion rows or columns"));
    }
    let mut values = block(features.values)?;
    let infinite = remove_infinite(&mut values);
    if infinite > 0 {
        warnings.push(format!("{infinite} infinite values count as missing"));
    }
    let mut values = values.narrowed();
    let mut left_out = Vec::new();
    let (name, target) = match target {
        None => (None, Target::None),
        Some((name, aim)) => {
            let raw = match aim {
                Aim::Train(ref raw, _) | Aim::Test(ref raw, _) => raw,
            };
            let there: Vec<bool> = match raw {
                Raw::Numbers(values) => values.iter().map(|v| v.is_finite()).collect(),
                Raw::Texts { codes, .. } => vec![true; codes.len()],
            };
            if there.len() != rows {
                return Err(InputError::new(format!("there are {rows} rows of features and {} targets", there.len()))
                    .remedy("give one target for each row"));
            }
            left_out.extend((0..rows as u32).filter(|&row| !there[row as usize]));
            if !left_out.is_empty() {
                values = values.filtered(width, &there);
                tell_left_out(left_out.len(), warnings);
            }
            let present = |raw| match raw {
                Raw::Numbers(values) => Raw::Numbers(values.into_iter().filter(|v| v.is_finite()).collect()),
                texts => texts,
            };
            let target = match aim {
                Aim::Train(raw, task) => target::decide(present(raw), task, warnings)
                    .map_err(|error| error.at(format!("target '{name}'")))?,
                Aim::Test(raw, task) => target::plain(present(raw), Some(task)),
            };
            (Some(name.to_string()), target)
        }
    };
    Ok(Dataset {
        rows: rows - left_out.len(),
        numeric: (0..width as u32).map(|i| Column { name: format!("{stem}_{}", i + 1), position: i }).collect(),
        values,
        categorical: Vec::new(),
        codes: Vec::new(),
        target,
        weights: None,
        layout: Layout {
            named: false,
            width: width as u32,
            target: name,
            target_position: None,
            image,
            unused: Vec::new(),
        },
        left_out,
        file_rows: rows,
        decimal_comma: false,
    })
}

/// Makes infinities missing, and counts them.
fn remove_infinite(values: &mut Block) -> usize {
    let mut count = 0;
    match values {
        Block::U8(_) => {}
        Block::F32(v) => v.iter_mut().filter(|v| v.is_infinite()).for_each(|v| {
            *v = f32::NAN;
            count += 1;
        }),
        Block::F64(v) => v.iter_mut().filter(|v| v.is_infinite()).for_each(|v| {
            *v = f64::NAN;
            count += 1;
        }),
    }
    count
}

/// Gives features that were one matrix with their target the places they had there.
pub(crate) fn restore_positions(data: &mut Dataset, target: usize) {
    for column in data.numeric.iter_mut().skip(target) {
        column.position += 1;
        column.name = format!("column_{}", column.position + 1);
    }
    data.layout.width += 1;
    data.layout.target_position = Some(target as u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_targets_and_infinite_values() {
        let features =
            Array { shape: vec![4, 2], values: Values::F64(vec![1.0, 2.0, 3.0, f64::INFINITY, 5.0, 6.0, 7.0, 8.5]) };
        let target = Raw::Numbers(vec![0.5, f64::NAN, 1.5, f64::INFINITY]);
        let mut warnings = Vec::new();
        let data = dataset(features, "column", Some(("y", Aim::Train(target, None))), &mut warnings).unwrap();
        assert_eq!((data.rows(), &data.left_out[..]), (2, &[1, 3][..]));
        assert_eq!(data.values, Block::F32(vec![1.0, 2.0, 5.0, 6.0]));
        assert_eq!(warnings, ["1 infinite values count as missing", "2 rows have no target and are left out"]);
    }

    #[test]
    fn empty_shapes_and_texts_are_refused() {
        let error = |shape: Vec<usize>, values| dataset(Array { shape, values }, "c", None, &mut vec![]).unwrap_err();
        assert!(error(vec![0, 3], Values::U8(vec![])).to_string().contains("no values"));
        assert!(error(vec![3, 0], Values::U8(vec![])).to_string().contains("no values"));
        assert!(error(vec![], Values::U8(vec![7])).to_string().contains("no values"));
        assert!(error(vec![1, 1], Values::Text(vec!["a".into()])).to_string().contains("are texts"));
        let small = Array { shape: vec![1, 1], values: Values::F64(vec![3.0]) };
        assert_eq!(dataset(small, "c", None, &mut vec![]).unwrap().values, Block::U8(vec![3]));
    }
}
