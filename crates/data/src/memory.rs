//! A data set of arrays that are in memory already, as programs that call this one have them.

use opportune_core::InputError;

use crate::arrays::{self, Array, Values};
use crate::dataset::{Dataset, Target};
use crate::target;

/// Numbers of either width.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// 32 bits.
    F32(Vec<f32>),
    /// 64 bits.
    F64(Vec<f64>),
}

impl Dataset {
    /// A data set of rows of `columns` features each, row-major, with a target and, where rows count differently, a weight for
    /// each row. It trains as the same arrays do in an NPZ file: columns that are constant are kept, NaN is a missing value.
    /// What a person should know of the target is added to `warnings`.
    ///
    /// # Errors
    /// No rows or columns, a target of another length, one that is missing or that nothing can be learned from, and weights
    /// that are not finite, below 0, or all 0.
    pub fn from_arrays(
        features: Numbers,
        columns: usize,
        target: Target,
        weights: Option<Vec<f64>>,
        warnings: &mut Vec<String>,
    ) -> Result<Dataset, InputError> {
        let (count, values) = match features {
            Numbers::F32(values) => (values.len(), Values::F32(values)),
            Numbers::F64(values) => (values.len(), Values::F64(values)),
        };
        let rows = count.checked_div(columns).unwrap_or(0);
        if rows * columns != count {
            return Err(InputError::new(format!("{count} values are no rows of {columns} columns")));
        }
        let data = arrays::dataset(Array { shape: vec![rows, columns], values }, "column", None, warnings)?;
        let targets = match &target {
            Target::Classes { codes, labels } => {
                if codes.iter().any(|&code| code as usize >= labels.len()) {
                    return Err(InputError::new("a target is none of the classes"));
                }
                codes.len()
            }
            Target::Numbers(values) => {
                if values.iter().any(|value| !value.is_finite()) {
                    return Err(InputError::new("a target is not finite"));
                }
                values.len()
            }
            Target::Labels { values, names } => {
                if values.iter().any(|&value| value > 1) {
                    return Err(InputError::new("a label is neither 0 nor 1"));
                }
                // Labels without rows of the same length are found below.
                if values.len() % names.len().max(1) == 0 { values.len() / names.len().max(1) } else { usize::MAX }
            }
            Target::None => 0,
        };
        if targets != rows {
            return Err(InputError::new(format!("the {rows} rows of features do not have one target each")));
        }
        if rows < 2 {
            return Err(InputError::new("there is only one row").remedy("at least two are needed"));
        }
        target::check(&target, rows, warnings)?;
        if let Some(weights) = &weights {
            check_weights(weights, rows).map_err(|error| error.at("--sample-weight"))?;
        }
        let mut data = Dataset { target, weights, ..data };
        data.layout.target = Some("y".into());
        Ok(data)
    }
}

fn check_weights(weights: &[f64], rows: usize) -> Result<(), InputError> {
    if weights.len() != rows {
        return Err(InputError::new(format!("there are {} weights for {rows} rows", weights.len())));
    }
    if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        return Err(InputError::new(format!("a weight of {weight} is not a finite number from 0 up")));
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(InputError::new("all weights are 0"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;

    fn classes(codes: &[u32]) -> Target {
        Target::Classes { codes: codes.to_vec(), labels: ["a", "b"].map(String::from).to_vec() }
    }

    fn made(values: Vec<f64>, columns: usize, target: Target, weights: Option<Vec<f64>>) -> Result<Dataset, String> {
        let made = Dataset::from_arrays(Numbers::F64(values), columns, target, weights, &mut Vec::new());
        made.map_err(|error| error.to_string())
    }

    #[test]
    fn arrays_are_held_as_those_of_a_file_are() {
        let data = made(vec![1.0, 7.0, 2.5, 7.0, 3.0, 7.0], 2, classes(&[0, 1, 0]), None).unwrap();
        assert_eq!((data.rows(), data.features(), data.target_name()), (3, 2, Some("y")));
        assert_eq!(data.values, Block::F32(vec![1.0, 7.0, 2.5, 7.0, 3.0, 7.0]));
        let weighted = made(vec![0.1, 0.2], 1, Target::Numbers(vec![1.0, 2.0]), Some(vec![1.0, 0.0])).unwrap();
        assert_eq!(weighted.weights(), Some(&[1.0, 0.0][..]));
        let names = ["p", "q"].map(String::from).to_vec();
        let labels = made(vec![0.1, 0.2], 1, Target::Labels { values: vec![0, 1, 1, 1], names }, None).unwrap();
        assert_eq!(labels.task(), Some(crate::Task::Classification));
    }

    #[test]
    fn what_cannot_be_learned_from_is_refused() {
        let numbers = |values: &[f64]| Target::Numbers(values.to_vec());
        let names = ["p", "q"].map(String::from).to_vec();
        for (values, columns, target, weights, part) in [
            (vec![], 1, numbers(&[]), None, "no values"),
            (vec![1.0, 2.0], 0, numbers(&[1.0, 2.0]), None, "no rows of 0 columns"),
            (vec![1.0, 2.0, 3.0], 2, numbers(&[1.0]), None, "no rows of 2 columns"),
            (vec![1.0, 2.0], 1, numbers(&[1.0]), None, "one target each"),
            (vec![1.0, 2.0], 1, numbers(&[1.0, f64::NAN]), None, "not finite"),
            (vec![1.0, 2.0], 1, numbers(&[1.0, 1.0]), None, "the target is 1 in every row"),
            (vec![1.0, 2.0], 1, classes(&[0, 2]), None, "none of the classes"),
            (vec![1.0, 2.0], 1, Target::Labels { values: vec![0, 2, 1, 1], names: names.clone() }, None, "neither 0"),
            (vec![1.0, 2.0], 1, Target::Labels { values: vec![0, 1, 1], names }, None, "one target each"),
            (vec![1.0], 1, numbers(&[1.0]), None, "only one row"),
            (vec![1.0, 2.0, 3.0], 1, classes(&[0, 1, 0]), Some(vec![1.0]), "--sample-weight: there are 1 weights"),
            (vec![1.0, 2.0, 3.0], 1, classes(&[0, 1, 0]), Some(vec![1.0, -1.0, 1.0]), "a weight of -1"),
            (vec![1.0, 2.0, 3.0], 1, classes(&[0, 1, 0]), Some(vec![0.0; 3]), "all weights are 0"),
        ] {
            let error = made(values, columns, target, weights).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
