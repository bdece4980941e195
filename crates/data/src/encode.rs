//! From raw values to a network's inputs: standardised numbers, then one input for each category.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::Kind;
use crate::dataset::{Column, Dataset, Layout, MISSING};
use crate::moments::{self, Moments};
use crate::standardise::{Constants, Part, Standardise};

/// At most this many categories of a column have an input of their own.
pub(crate) const MOST_LEVELS: usize = 128;

/// The slot of a category without an input.
const NONE: u32 = u32::MAX;

/// What was learned from training rows: how each column becomes inputs. Stored with a model, as JSON.
///
/// Inputs are first the numeric columns, `(value - mean) / scale` with a missing value at the mean (0), then for
/// each categorical column one input for each category, 1 where the row has it and else 0. Population standard
/// deviation, 1 in place of 0, as scikit-learn's StandardScaler. Images have one mean and one deviation for all pixels.
/// A category not seen in training, or beyond the 128 most frequent, has all its column's inputs 0; a missing one has
/// an input of its own if one was missing in training, and else 0 too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Encoder {
    stored: Stored,
    /// Where codes of the data set that this was fitted on go. Not part of what was learned.
    bound: Vec<Bound>,
    pub(crate) wide: Constants<f64>,
    /// The same in 32 bits, unless they are too large or small for it.
    pub(crate) narrow: Option<Constants<f32>>,
}

/// The part of an encoder that is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) layout: Layout,
    /// The type the training values were held in: data to predict are held in no narrower one, so that they are
    /// computed with the same precision.
    pub(crate) kind: Kind,
    pub(crate) numeric: Vec<Numeric>,
    pub(crate) categorical: Vec<Categorical>,
}

/// A numeric column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numeric {
    #[serde(flatten)]
    pub(crate) column: Column,
    mean: f64,
    scale: f64,
}

/// A categorical column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Categorical {
    #[serde(flatten)]
    pub(crate) column: Column,
    /// The categories with an input, in lexicographic order.
    pub(crate) levels: Arc<Vec<String>>,
    /// Whether a missing value has an input, after those of the levels.
    missing: bool,
}

impl Categorical {
    fn inputs(&self) -> usize {
        self.levels.len() + usize::from(self.missing)
    }
}

#[derive(Debug, Clone)]
struct Bound {
    levels: Arc<Vec<String>>,
    slots: Vec<u32>,
}

impl PartialEq for Encoder {
    fn eq(&self, other: &Encoder) -> bool {
        self.stored == other.stored
    }
}

impl From<Encoder> for Stored {
    fn from(encoder: Encoder) -> Stored {
        encoder.stored
    }
}

impl From<Stored> for Encoder {
    fn from(stored: Stored) -> Encoder {
        Encoder::new(stored, Vec::new())
    }
}

impl Encoder {
    /// Learns from the training `rows` of `data`, and from nothing else.
    ///
    /// # Panics
    /// Where a row is outside the data.
    pub fn fit(data: &Dataset, rows: &[u32]) -> Encoder {
        let width = data.numeric.len();
        let moments = match data.layout.image {
            true => vec![moments::pooled(&data.values, width, rows); width],
            false => moments::columns(&data.values, width, rows),
        };
        let numeric = data.numeric.iter().zip(moments);
        let numeric =
            numeric.map(|(column, Moments { mean, scale })| Numeric { column: column.clone(), mean, scale }).collect();
        let mut categorical = Vec::new();
        let mut bound = Vec::new();
        for (i, categories) in data.categorical.iter().enumerate() {
            let mut counts = vec![0u32; categories.levels.len()];
            let mut missing = false;
            for &row in rows {
                match data.codes[row as usize * data.categorical.len() + i] {
                    MISSING => missing = true,
                    code => {
                        if let Some(count) = counts.get_mut(code as usize) {
                            *count += 1;
                        }
                    }
                }
            }
            let mut seen: Vec<usize> = (0..counts.len()).filter(|&code| counts[code] > 0).collect();
            // Stable: of equally frequent ones the first in the alphabet.
            seen.sort_by_key(|&code| std::cmp::Reverse(counts[code]));
            seen.truncate(MOST_LEVELS);
            seen.sort_unstable();
            let mut slots = vec![NONE; counts.len()];
            seen.iter().enumerate().for_each(|(slot, &code)| slots[code] = slot as u32);
            let levels = Arc::new(seen.iter().map(|&code| categories.levels[code].clone()).collect());
            categorical.push(Categorical { column: categories.column.clone(), levels, missing });
            bound.push(Bound { levels: categories.levels.clone(), slots });
        }
        Encoder::new(Stored { layout: data.layout.clone(), kind: data.values.kind(), numeric, categorical }, bound)
    }

    fn new(stored: Stored, bound: Vec<Bound>) -> Encoder {
        let wide = Constants {
            mean: stored.numeric.iter().map(|c| c.mean).collect(),
            inverse: stored.numeric.iter().map(|c| c.scale.recip()).collect(),
        };
        // Between these a difference or a product of 32-bit numbers stays finite.
        let fits = |c: &Numeric| c.mean.abs() < 1e37 && c.scale < 1e37 && c.scale > 1e-37;
        let narrow = stored.numeric.iter().all(fits).then(|| Constants {
            mean: wide.mean.iter().map(|&v| v as f32).collect(),
            inverse: wide.inverse.iter().map(|&v| v as f32).collect(),
        });
        Encoder { stored, bound, wide, narrow }
    }

    pub(crate) fn stored(&self) -> &Stored {
        &self.stored
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.stored.numeric.len() + self.stored.categorical.iter().map(Categorical::inputs).sum::<usize>()
    }

    /// Mean and scale of each input, which is `(value - mean) / scale` of its column; `None` where there are categories.
    pub fn moments(&self) -> Option<Vec<(f64, f64)>> {
        let moments = self.stored.numeric.iter().map(|c| (c.mean, c.scale)).collect();
        self.stored.categorical.is_empty().then_some(moments)
    }

    /// The inputs' names: a column's own, or `column=category`.
    pub fn input_names(&self) -> Vec<String> {
        let numeric = self.stored.numeric.iter().map(|c| c.column.name.clone());
        let categorical = self.stored.categorical.iter().flat_map(|c| {
            let missing = c.missing.then(|| format!("{}=missing", c.column.name));
            c.levels.iter().map(|level| format!("{}={level}", c.column.name)).chain(missing)
        });
        numeric.chain(categorical).collect()
    }

    /// Writes the inputs of `rows` into `out`, rows × inputs, row-major. `data` is the data set that this was fitted
    /// on, one made of it with [`crate::join()`], or one that [`Encoder::align`] gave.
    ///
    /// Bytes and 32-bit values are computed in 32 bits for 32-bit inputs, everything else in 64. Allocates nothing. Inlined,
    /// so that a caller that is compiled for wider registers has it in them.
    ///
    /// # Panics
    /// Where a row is outside the data, `out` is not rows × inputs long, or the columns are not those of the encoder.
    #[inline(always)]
    pub fn encode<T: Element>(&self, data: &Dataset, rows: &[u32], out: &mut [T]) {
        self.check(data);
        assert_eq!(out.len(), rows.len() * self.inputs(), "the output has not rows x inputs elements");
        if out.is_empty() {
            return;
        }
        T::standardise(self, data, &Part { rows, columns: 0..self.stored.numeric.len(), stride: self.inputs() }, out);
        if !self.stored.categorical.is_empty() {
            self.encode_categories(data, rows, out);
        }
    }

    /// Some of the inputs of `rows`, those of numeric columns `columns`, each row's at the start of `stride` elements of `out`; what
    /// is between them stays. The same numbers as [`Encoder::encode`] writes.
    ///
    /// # Panics
    /// Where a row is outside the data, a column is not numeric, `stride` is 0 or less than the columns, or the columns are not
    /// those of the encoder.
    #[inline(always)]
    pub fn encode_some<T: Element>(
        &self,
        data: &Dataset,
        rows: &[u32],
        columns: Range<usize>,
        stride: usize,
        out: &mut [T],
    ) {
        self.check(data);
        T::standardise(self, data, &Part { rows, columns, stride }, out);
    }

    #[inline(always)]
    fn check(&self, data: &Dataset) {
        assert!(
            data.numeric.len() == self.stored.numeric.len() && data.categorical.len() == self.stored.categorical.len(),
            "the columns are not those of the encoder"
        );
    }

    fn encode_categories<T: Element>(&self, data: &Dataset, rows: &[u32], out: &mut [T]) {
        let numeric = self.stored.numeric.len();
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(self.inputs())) {
            out[numeric..].fill(T::ABSENT);
            let codes = &data.codes[row as usize * data.categorical.len()..][..data.categorical.len()];
            let mut start = numeric;
            for (i, (categorical, &code)) in self.stored.categorical.iter().zip(codes).enumerate() {
                if let Some(slot) = self.slot(data, i, code) {
                    out[start + slot] = T::PRESENT;
                }
                start += categorical.inputs();
            }
        }
    }

    /// The input of a code, counted within its column.
    fn slot(&self, data: &Dataset, column: usize, code: u32) -> Option<usize> {
        let categorical = &self.stored.categorical[column];
        if code == MISSING {
            return categorical.missing.then_some(categorical.levels.len());
        }
        let levels = &data.categorical[column].levels;
        let code = code as usize;
        if Arc::ptr_eq(levels, &categorical.levels) {
            return (code < levels.len()).then_some(code);
        }
        match self.bound.get(column).filter(|bound| Arc::ptr_eq(levels, &bound.levels)) {
            Some(bound) => bound.slots.get(code).filter(|&&slot| slot != NONE).map(|&slot| slot as usize),
            // Another data set of the same columns: by the text itself, which is slower but always right.
            None => levels.get(code).and_then(|level| categorical.levels.binary_search(level).ok()),
        }
    }
}

/// An input's type: `f32` or `f64`.
pub trait Element: Copy + 'static + Standardise {}

impl Element for f32 {}
impl Element for f64 {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{all, csv};
    use proptest::prelude::*;

    fn encoded<T: Element>(encoder: &Encoder, data: &Dataset, rows: &[u32]) -> Vec<T> {
        // Old contents must be overwritten.
        let mut out = vec![T::PRESENT; rows.len() * encoder.inputs()];
        encoder.encode(data, rows, &mut out);
        out
    }

    #[test]
    fn numbers_categories_and_missing_values() {
        let data = csv("n,c,m,y\n1,a,u,0\n3,b,,1\n,c,v,1\n5,,u,0\n");
        let encoder = Encoder::fit(&data, &[0, 1]);
        assert_eq!(encoder.input_names(), ["n", "c=a", "c=b", "m=u", "m=missing"]);
        let out: Vec<f32> = encoded(&encoder, &data, &[0, 1, 2, 3]);
        let expected = [
            [-1.0, 1.0, 0.0, 1.0, 0.0],
            [1.0, 0.0, 1.0, 0.0, 1.0],
            // n is missing: its mean. c is not seen and v is not seen: zeros.
            [0.0, 0.0, 0.0, 0.0, 0.0],
            // c is missing, which was never so in training.
            [3.0, 0.0, 0.0, 1.0, 0.0],
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn some_inputs_are_those_of_all() {
        // More numbers than are converted at once, of each type.
        let cells: [fn(usize) -> String; 3] =
            [|i| format!("{}", i % 256), |i| format!("{}.5", i % 97), |i| format!("{}", (i as f64).sin())];
        for cell in cells {
            let header: String = (0..60).map(|j| format!("x{j},")).collect();
            let row = |i: usize| (0..60).map(|j| cell(i * 7 + j * i) + ",").collect::<String>();
            let rows: String = (0..9).map(|i| format!("{}{}\n", row(i), i % 2)).collect();
            let data = csv(&format!("{header}y\n{rows}"));
            let (encoder, rows) = (Encoder::fit(&data, &[0, 2, 3, 5]), [8, 1, 1, 4]);
            let all: Vec<f32> = encoded(&encoder, &data, &rows);
            for (columns, stride) in [(0..60, 60), (5..53, 48), (12..60, 50), (7..9, 3), (4..4, 1)] {
                let mut some = vec![-9f32; rows.len() * stride];
                encoder.encode_some(&data, &rows, columns.clone(), stride, &mut some);
                for (some, all) in some.chunks_exact(stride).zip(all.chunks_exact(60)) {
                    assert_eq!(some[..columns.len()], all[columns.clone()]);
                    assert!(some[columns.len()..].iter().all(|other| *other == -9.0));
                }
            }
            assert!(encoded::<f32>(&encoder, &data, &[]).is_empty());
        }
    }

    #[test]
    fn validation_rows_teach_nothing() {
        let before = csv("n,c,y\n1,a,0\n3,b,1\n7,a,1\n9,b,0\n");
        let after = csv("n,c,y\n1,a,0\n3,b,1\n1e6,z,1\n,,0\n");
        let rows = [0, 1];
        let (first, second) = (Encoder::fit(&before, &rows), Encoder::fit(&after, &rows));
        assert_eq!(first.stored.numeric, second.stored.numeric);
        assert_eq!(first.stored.categorical, second.stored.categorical);
        assert_eq!(encoded::<f64>(&first, &before, &rows), encoded::<f64>(&second, &after, &rows));
    }

    #[test]
    fn only_the_most_frequent_categories_have_inputs() {
        let mut text = "c,y\n".to_string();
        for i in 0..150 {
            // The first 30 levels occur twice, the rest three times.
            for j in 0..if i < 30 { 2 } else { 3 } {
                text.push_str(&format!("level{i:03},{}\n", j % 2));
            }
        }
        let data = csv(&text);
        let encoder = Encoder::fit(&data, &all(&data));
        assert_eq!(encoder.inputs(), 128);
        assert_eq!(encoder.input_names()[0], "c=level000");
        assert_eq!(encoder.input_names()[8], "c=level030");
        let out: Vec<f32> = encoded(&encoder, &data, &[0, 16]);
        assert_eq!(out[0], 1.0);
        assert!(out[128..].iter().all(|&v| v == 0.0));
    }

    #[test]
    fn images_have_one_mean_and_deviation() {
        let mut data = csv("a,b,y\n0,2,0\n4,6,1\n8,9,1\n");
        data.layout.image = true;
        let encoder = Encoder::fit(&data, &[0, 1]);
        let spread = 5f64.sqrt();
        let out: Vec<f64> = encoded(&encoder, &data, &[0]);
        assert!((out[0] + 3.0 / spread).abs() < 1e-15 && (out[1] + 1.0 / spread).abs() < 1e-15);
    }

    #[test]
    fn json_gives_the_same_bits_back() {
        let data = csv("n,c,y\n0.1,a,0\n0.2,b,1\n0.7,a,1\n1e300,,0\n");
        let encoder = Encoder::fit(&data, &all(&data));
        let again: Encoder = serde_json::from_str(&serde_json::to_string(&encoder).unwrap()).unwrap();
        assert_eq!(again, encoder);
        assert_eq!(encoded::<f64>(&again, &data, &all(&data)), encoded::<f64>(&encoder, &data, &all(&data)));
    }

    #[test]
    fn extreme_values_give_finite_inputs() {
        for text in
            ["x,y\n1e300,0\n-1e300,1\n3e299,1\n", "x,y\n1e-40,0\n2e-40,1\n3e-40,1\n", "x,y\n3e38,0\n-3e38,1\n0,1\n"]
        {
            let data = csv(text);
            let encoder = Encoder::fit(&data, &all(&data));
            let out: Vec<f32> = encoded(&encoder, &data, &all(&data));
            assert!(out.iter().all(|v| v.is_finite() && v.abs() < 2.0), "{text}: {out:?}");
            assert!(out.iter().any(|v| v.abs() > 0.5), "{text}: {out:?}");
        }
    }

    #[test]
    #[should_panic(expected = "rows x inputs")]
    fn a_wrong_output_length_is_a_mistake_of_the_caller() {
        let data = csv("n,y\n1,0\n3,1\n7,1\n");
        Encoder::fit(&data, &[0, 1]).encode(&data, &[0], &mut [0f32; 2]);
    }

    /// One value of a random table: small integers, fractions, or missing.
    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            (0u8..9).prop_map(|v| v.to_string()),
            (-40i32..40).prop_map(|v| (f64::from(v) / 8.0).to_string()),
            (-1e3f64..1e3).prop_map(|v| v.to_string()),
            Just(String::new())
        ]
    }

    proptest! {
        #[test]
        fn encoding_agrees_with_a_plain_reference(
            cells in prop::collection::vec((number(), number(), "[abc?]"), 4..30),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
            half: bool,
        ) {
            let mut text = "p,q,c,y\n".to_string();
            for (i, (p, q, c)) in cells.iter().enumerate() {
                text.push_str(&format!("{p},{q},{c},{}\n", i % 2));
            }
            // Columns that are constant or empty are left out, and nothing may be left; the reader says so.
            let Ok(loaded) = crate::testing::load("t.csv", text.as_bytes(), &crate::ReadOptions::default()) else {
                return Ok(());
            };
            let data = loaded.data;
            let train: Vec<u32> = (0..cells.len() as u32 / if half { 2 } else { 1 }).collect();
            let encoder = Encoder::fit(&data, &train);
            let rows: Vec<u32> = picks.iter().map(|i| i.index(cells.len()) as u32).collect();
            let field = |row: u32, name: &str| {
                let (p, q, c) = &cells[row as usize];
                match name { "p" => p.clone(), "q" => q.clone(), _ => c.replace('?', "") }
            };
            let mut expected: Vec<f64> = Vec::new();
            for &row in &rows {
                for column in &data.numeric {
                    let parse = |row: u32| field(row, &column.name).parse::<f64>().ok();
                    let known: Vec<f64> = train.iter().filter_map(|&r| parse(r)).collect();
                    let n = known.len().max(1) as f64;
                    let mean = known.iter().sum::<f64>() / n;
                    let std = (known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
                    let scale = if std < 1e-12 { 1.0 } else { std };
                    expected.push(parse(row).map_or(0.0, |v| (v - mean) / scale));
                }
                for categories in &data.categorical {
                    let name = &categories.column.name;
                    let mut levels: Vec<String> = train.iter().map(|&r| field(r, name)).filter(|l| !l.is_empty()).collect();
                    levels.sort();
                    levels.dedup();
                    if train.iter().any(|&r| field(r, name).is_empty()) {
                        levels.push(String::new());
                    }
                    expected.extend(levels.iter().map(|l| f64::from(u8::from(*l == field(row, name)))));
                }
            }
            let wide: Vec<f64> = encoded(&encoder, &data, &rows);
            let narrow: Vec<f32> = encoded(&encoder, &data, &rows);
            prop_assert_eq!(wide.len(), expected.len());
            for ((w, n), e) in wide.iter().zip(&narrow).zip(&expected) {
                prop_assert!((w - e).abs() <= 1e-9 * e.abs().max(1.0), "{} {}", w, e);
                prop_assert!((f64::from(*n) - e).abs() <= 1e-4 * e.abs().max(1.0), "{} {}", n, e);
            }
        }
    }
}
