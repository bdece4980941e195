//! A data set: raw values held once, and what its columns are called.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::target::Task;

/// The code of a missing category.
pub(crate) const MISSING: u32 = u32::MAX;
/// The code of a category that the levels do not have.
pub(crate) const UNSEEN: u32 = u32::MAX - 1;

/// A column's name and its place in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name, unique within its file; `column_1`, `column_2`, … where the file has none.
    pub name: String,
    /// The place among all columns of the file, from 0.
    pub position: u32,
}

/// A categorical column.
#[derive(Debug, Clone)]
pub(crate) struct Categories {
    pub(crate) column: Column,
    /// Texts in lexicographic order. Shared with encoders, which know by it which codes they are given.
    pub(crate) levels: Arc<Vec<String>>,
}

/// What is to be predicted, one entry per row.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A class for each row.
    Classes {
        /// Positions in `labels`.
        codes: Vec<u32>,
        /// The classes: integers in numeric order, texts in lexicographic order.
        labels: Vec<String>,
    },
    /// A number for each row, finite, in original units.
    Numbers(Vec<f64>),
    /// Several labels, each of which a row has or has not ([`Dataset::with_labels`]).
    Labels {
        /// 1 where the row has the label, else 0: rows × labels, row-major.
        values: Vec<u8>,
        /// The labels: names of columns.
        names: Vec<String>,
    },
    /// Not known, as in data to predict.
    None,
}

/// The columns of a file as a whole, by which another file is matched to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Whether the names are the file's own.
    pub(crate) named: bool,
    /// Columns in the file, with the target where that is one of them.
    pub(crate) width: u32,
    /// The target's name.
    pub(crate) target: Option<String>,
    /// The target's place, where it is one of the file's columns.
    pub(crate) target_position: Option<u32>,
    /// Whether all columns are pixels, which share one mean and one standard deviation.
    pub(crate) image: bool,
    /// Names of columns that the file has and that were left out, so that nobody is warned of them again.
    pub(crate) unused: Vec<String>,
}

/// Rows of features with, mostly, a target. Values are raw: as in the file, in the smallest type that loses nothing.
#[derive(Debug, Clone)]
pub struct Dataset {
    pub(crate) rows: usize,
    /// The numeric columns, and their values: rows × columns, row-major, NaN for missing.
    pub(crate) numeric: Vec<Column>,
    pub(crate) values: Block,
    /// The categorical columns, and their codes: rows × columns, row-major.
    pub(crate) categorical: Vec<Categories>,
    pub(crate) codes: Vec<u32>,
    pub(crate) target: Target,
    /// How much each row counts; `None` where all count alike.
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) layout: Layout,
    /// Rows of the file, from 0 and ascending, that were left out because their target is missing.
    pub(crate) left_out: Vec<u32>,
    /// Data rows of the file, with those left out and without any that were joined later.
    pub(crate) file_rows: usize,
    /// Whether texts of this file may be numbers with a decimal comma.
    pub(crate) decimal_comma: bool,
}

impl Dataset {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Where a row's numeric features lie, from the first byte to behind the last one: for asking the processor to bring them near.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn place_of(&self, row: usize) -> Range<*const u8> {
        fn of<N>(numbers: &[N], row: usize, count: usize) -> Range<*const u8> {
            let Range { start, end } = numbers[row * count..][..count].as_ptr_range();
            start.cast()..end.cast()
        }
        match &self.values {
            Block::U8(v) => of(v, row, self.numeric.len()),
            Block::F32(v) => of(v, row, self.numeric.len()),
            Block::F64(v) => of(v, row, self.numeric.len()),
        }
    }

    /// The number of feature columns, before encoding.
    pub fn features(&self) -> usize {
        self.numeric.len() + self.categorical.len()
    }

    /// The numeric feature columns, in the order of the encoder's inputs.
    pub fn numeric_columns(&self) -> impl Iterator<Item = &Column> {
        self.numeric.iter()
    }

    /// The categorical feature columns, in the order of the encoder's inputs, which follow the numeric ones.
    pub fn categorical_columns(&self) -> impl Iterator<Item = &Column> {
        self.categorical.iter().map(|c| &c.column)
    }

    /// The name of the target column, if there is a target.
    pub fn target_name(&self) -> Option<&str> {
        self.layout.target.as_deref()
    }

    /// The target's place among all columns of the file, from 0, unless it came as an array or file of its own.
    pub fn target_position(&self) -> Option<u32> {
        self.layout.target_position
    }

    /// What is to be predicted.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How much each row counts in training ([`Dataset::with_weights`]): finite numbers from 0 up, not all 0. `None` where
    /// all count alike.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Classification or regression, if there is a target.
    pub fn task(&self) -> Option<Task> {
        match self.target {
            Target::Classes { .. } | Target::Labels { .. } => Some(Task::Classification),
            Target::Numbers(_) => Some(Task::Regression),
            Target::None => None,
        }
    }

    /// Whether the columns are pixels of images.
    pub fn is_image(&self) -> bool {
        self.layout.image
    }

    /// How many rows of the file were left out because their target is missing.
    pub fn rows_left_out(&self) -> usize {
        self.left_out.len()
    }

    /// The row that is number `row` (from 0) of the file, unless it was left out or there is none such.
    pub(crate) fn row_of_file(&self, row: u64) -> Option<u32> {
        let row = u32::try_from(row).ok().filter(|&row| (row as usize) < self.file_rows)?;
        match self.left_out.binary_search(&row) {
            Ok(_) => None,
            Err(before) => Some(row - before as u32),
        }
    }

    /// A number of the block, NaN where missing.
    pub(crate) fn value(&self, row: usize, column: usize) -> f64 {
        self.values.get(row * self.numeric.len() + column)
    }

    /// Memory held by the values, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let target = match &self.target {
            Target::Classes { codes, .. } => 4 * codes.len(),
            Target::Numbers(values) => 8 * values.len(),
            Target::Labels { values, .. } => values.len(),
            Target::None => 0,
        };
        let levels: usize =
            self.categorical.iter().flat_map(|c| c.levels.iter()).map(|l| l.len() + size_of::<String>()).sum();
        let weights = 8 * self.weights.as_ref().map_or(0, Vec::len);
        self.values.bytes() + 4 * self.codes.len() + target + weights + levels
    }

    /// A hash of all that matters: values, types, names, levels and target. Two data sets with one key train alike.
    /// Reads everything (about a second per gigabyte), so keep the answer.
    pub fn key(&self) -> [u8; 16] {
        let mut hash = blake3::Hasher::new_derive_key("opportune 2026 data set");
        let number = |hash: &mut blake3::Hasher, n: usize| {
            hash.update(&(n as u64).to_le_bytes());
        };
        let text = |hash: &mut blake3::Hasher, text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        let words = |hash: &mut blake3::Hasher, words: &[u32]| {
            let mut buffer = Vec::with_capacity(1 << 16);
            for piece in words.chunks(1 << 14) {
                buffer.clear();
                buffer.extend(piece.iter().flat_map(|w| w.to_le_bytes()));
                hash.update(&buffer);
            }
        };
        number(&mut hash, self.rows);
        hash.update(&[u8::from(self.layout.image)]);
        number(&mut hash, self.numeric.len());
        self.numeric.iter().for_each(|c| text(&mut hash, &c.name));
        self.values.hash(&mut hash);
        number(&mut hash, self.categorical.len());
        for categories in &self.categorical {
            text(&mut hash, &categories.column.name);
            number(&mut hash, categories.levels.len());
            categories.levels.iter().for_each(|level| text(&mut hash, level));
        }
        words(&mut hash, &self.codes);
        text(&mut hash, self.target_name().unwrap_or_default());
        match &self.target {
            Target::Classes { codes, labels } => {
                hash.update(&[1]);
                number(&mut hash, labels.len());
                labels.iter().for_each(|label| text(&mut hash, label));
                words(&mut hash, codes);
            }
            Target::Numbers(values) => {
                hash.update(&[2]);
                values.iter().for_each(|v| {
                    hash.update(&v.to_le_bytes());
                });
            }
            Target::Labels { values, names } => {
                hash.update(&[3]);
                number(&mut hash, names.len());
                names.iter().for_each(|name| text(&mut hash, name));
                hash.update(values);
            }
            Target::None => {
                hash.update(&[0]);
            }
        }
        // Only where there are weights, so that keys of data without stay what they are.
        if let Some(weights) = &self.weights {
            hash.update(b"weights");
            weights.iter().for_each(|v| {
                hash.update(&v.to_le_bytes());
            });
        }
        let mut key = [0; 16];
        hash.finalize_xof().fill(&mut key);
        key
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::csv;

    #[test]
    fn the_key_sees_every_change() {
        let text = "x,c,y\n1,a,0\n2,b,1\n3,a,1\n";
        let key = csv(text).key();
        assert_eq!(csv(text).key(), key);
        for (from, to) in [("x,", "z,"), ("c,", "d,"), (",y", ",w"), ("3,", "4,"), ("2,b", "2,c"), ("3,a,1", "3,a,0")] {
            assert_ne!(csv(&text.replacen(from, to, 1)).key(), key, "{from}");
        }
    }

    #[test]
    fn rows_of_the_file_are_found_again() {
        let data = csv("x,y\n1,0\n2,\n3,1\n4,?\n5,0\n");
        assert_eq!((data.rows(), data.rows_left_out()), (3, 2));
        let found: Vec<_> = (0..7).map(|row| data.row_of_file(row)).collect();
        assert_eq!(found, [Some(0), None, Some(1), None, Some(2), None, None]);
    }

    #[test]
    fn memory_is_that_of_the_smallest_type() {
        let data = csv("a,b,y\n1,2,0\n3,4,1\n5,6,0\n");
        assert_eq!(data.memory_bytes(), 6 + 3 * 4);
        assert_eq!((data.features(), data.target_name(), data.target_position()), (2, Some("y"), Some(2)));
    }
}
