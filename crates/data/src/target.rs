//! What is to be predicted: classes or numbers, inferred or asked for, and its scale.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use opportune_core::InputError;
use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Target};
use crate::infer::Tally;
use crate::moments::Moments;
use crate::number;

/// At most this many distinct integers are taken for classes, where nothing says whether they are.
pub const MOST_INTEGER_CLASSES: usize = 20;

/// What kind of thing is predicted (`--task`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One of a number of classes.
    Classification,
    /// A number.
    Regression,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Task::Classification => "classification",
            Task::Regression => "regression",
        })
    }
}

impl FromStr for Task {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Task, InputError> {
        match text {
            "classification" => Ok(Task::Classification),
            "regression" => Ok(Task::Regression),
            _ => Err(InputError::new(format!("'{text}' is no task")).remedy("use classification or regression")),
        }
    }
}

/// A target column as it was read, rows with missing values left out.
pub(crate) enum Raw {
    Numbers(Vec<f64>),
    /// Codes into texts in any order, each text used.
    Texts {
        codes: Vec<u32>,
        texts: Vec<String>,
    },
}

/// Whether a text column is too much like a number to be taken for classes; the error names the odd field. Called
/// with the column's counts and the number of distinct texts before classes are made of it.
pub(crate) fn check_texts(tally: &Tally, name: &str, distinct: usize, task: Option<Task>) -> Result<(), InputError> {
    let suspicious = match task {
        Some(Task::Regression) => true,
        Some(Task::Classification) => false,
        None => tally.nearly_all_numbers() && distinct > MOST_INTEGER_CLASSES,
    };
    match &tally.first_odd {
        Some((row, text)) if suspicious => {
            let remedy = match task {
                None => "mend it, leave it empty, or give --task classification",
                Some(_) => "mend it, leave it empty, or give --task classification if these are classes",
            };
            Err(InputError::new(format!("'{text}' is not a number"))
                .at(format!("row {row}, column '{name}'"))
                .remedy(remedy))
        }
        _ => Ok(()),
    }
}

/// Makes a target of a column; refuses one that nothing can be learned from.
pub(crate) fn decide(raw: Raw, task: Option<Task>, warnings: &mut Vec<String>) -> Result<Target, InputError> {
    let rows = match &raw {
        Raw::Numbers(values) => values.len(),
        Raw::Texts { codes, .. } => codes.len(),
    };
    if rows < 2 {
        return Err(InputError::new(match rows {
            0 => "no row has a target".to_string(),
            _ => "only one row has a target".to_string(),
        })
        .remedy("at least two are needed"));
    }
    let target = plain(raw, task);
    check(&target, rows, warnings)?;
    Ok(target)
}

/// Makes a target of a column that need not be fit to learn from, as that of a test set. Without a task it is inferred.
pub(crate) fn plain(raw: Raw, task: Option<Task>) -> Target {
    match raw {
        Raw::Numbers(values) => numbers(values, task),
        Raw::Texts { codes, texts } => {
            let mut order: Vec<u32> = (0..texts.len() as u32).collect();
            order.sort_unstable_by(|&a, &b| texts[a as usize].cmp(&texts[b as usize]));
            let mut rank = vec![0; texts.len()];
            for (new, &old) in order.iter().enumerate() {
                rank[old as usize] = new as u32;
            }
            let labels = order.iter().map(|&old| texts[old as usize].clone()).collect();
            Target::Classes { codes: codes.into_iter().map(|code| rank[code as usize]).collect(), labels }
        }
    }
}

fn numbers(values: Vec<f64>, task: Option<Task>) -> Target {
    let mut distinct = values.clone();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup_by(|a, b| a == b);
    let integers = distinct.iter().all(|v| v.fract() == 0.0);
    let classes = match task {
        Some(task) => task == Task::Classification,
        None => integers && distinct.len() <= MOST_INTEGER_CLASSES,
    };
    if !classes {
        return Target::Numbers(values);
    }
    let code: HashMap<u64, u32> = distinct.iter().enumerate().map(|(i, v)| ((v + 0.0).to_bits(), i as u32)).collect();
    let codes = values.iter().map(|v| code[&(v + 0.0).to_bits()]).collect();
    Target::Classes { codes, labels: distinct.into_iter().map(number::text).collect() }
}

/// Refuses a target that nothing can be learned from.
pub(crate) fn check(target: &Target, rows: usize, warnings: &mut Vec<String>) -> Result<(), InputError> {
    match target {
        Target::Classes { labels, .. } if labels.len() == 1 => {
            Err(InputError::new(format!("there is only one class, '{}'", labels[0]))
                .remedy("give data with at least two classes, or another --target"))
        }
        Target::Classes { labels, .. } if labels.len() == rows => {
            Err(InputError::new("there is a different class in every row, as in an identifier")
                .remedy("give another --target, or --task regression if it is a number"))
        }
        Target::Classes { labels, .. } if labels.len() > 20 && labels.len() * 2 > rows => {
            warnings.push(format!(
                "the target has {} classes in {rows} rows; is it an identifier, or a number (--task regression)?",
                labels.len()
            ));
            Ok(())
        }
        Target::Numbers(values) if values.iter().all(|v| *v == values[0]) => {
            Err(InputError::new(format!("the target is {} in every row", number::text(values[0])))
                .remedy("give another --target"))
        }
        _ => Ok(()),
    }
}

/// How targets are shown to the network, stored with a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetEncoder {
    /// Class codes are positions in `labels`.
    Classes {
        /// The classes' labels: integers in numeric order, texts in lexicographic order.
        labels: Vec<String>,
    },
    /// Numbers are standardised: `(value - mean) / scale`.
    Numbers {
        /// Mean over the training rows.
        mean: f64,
        /// Population standard deviation over the training rows, 1 where that is 0.
        scale: f64,
    },
    /// Several labels, each there or not.
    Labels {
        /// In the order of the outputs.
        names: Vec<String>,
    },
}

impl TargetEncoder {
    /// Learns from the training `rows`. Labels are those of the whole file, so that every fold has the same outputs.
    ///
    /// # Errors
    /// Where the data have no target.
    ///
    /// # Panics
    /// Where a row is outside the data.
    pub fn fit(data: &Dataset, rows: &[u32]) -> Result<TargetEncoder, InputError> {
        match data.target() {
            Target::Classes { labels, .. } => Ok(TargetEncoder::Classes { labels: labels.clone() }),
            Target::Numbers(values) => {
                let Moments { mean, scale } = Moments::of(rows.iter().map(|&row| values[row as usize]));
                Ok(TargetEncoder::Numbers { mean, scale })
            }
            Target::Labels { names, .. } => Ok(TargetEncoder::Labels { names: names.clone() }),
            Target::None => Err(InputError::new("the data have no target").remedy("give --target COLUMN")),
        }
    }

    /// The number of outputs of a network: the number of classes or labels, or 1.
    pub fn outputs(&self) -> usize {
        match self {
            TargetEncoder::Classes { labels } => labels.len(),
            TargetEncoder::Labels { names } => names.len(),
            TargetEncoder::Numbers { .. } => 1,
        }
    }

    /// A number in the target's units, standardised. Class codes stay as they are.
    pub fn scaled(&self, value: f64) -> f64 {
        match self {
            TargetEncoder::Classes { .. } | TargetEncoder::Labels { .. } => value,
            TargetEncoder::Numbers { mean, scale } => (value - mean) / scale,
        }
    }

    /// A standardised number back in the target's units. Class codes stay as they are.
    pub fn original(&self, value: f64) -> f64 {
        match self {
            TargetEncoder::Classes { .. } | TargetEncoder::Labels { .. } => value,
            TargetEncoder::Numbers { mean, scale } => value * scale + mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::csv;

    fn made(values: &[f64], task: Option<Task>) -> Result<Target, String> {
        decide(Raw::Numbers(values.to_vec()), task, &mut vec![]).map_err(|e| e.to_string())
    }

    #[test]
    fn few_integers_are_classes_in_numeric_order() {
        let target = made(&[10.0, 2.0, 2.0, -0.0, 0.0], None).unwrap();
        let labels = ["0", "2", "10"].map(String::from).to_vec();
        assert_eq!(target, Target::Classes { codes: vec![2, 1, 1, 0, 0], labels });
        assert!(matches!(made(&[0.5, 1.5, 0.5], None), Ok(Target::Numbers(_))));
        let many: Vec<f64> = (0..42).map(|i| f64::from(i / 2)).collect();
        assert!(matches!(made(&many, None), Ok(Target::Numbers(_))));
        assert!(matches!(made(&many, Some(Task::Classification)), Ok(Target::Classes { .. })));
        assert!(matches!(made(&[1.0, 2.0, 1.0], Some(Task::Regression)), Ok(Target::Numbers(_))));
        assert!(matches!(made(&[0.5, 1.5, 0.5], Some(Task::Classification)), Ok(Target::Classes { .. })));
    }

    #[test]
    fn hopeless_targets_are_refused() {
        for (values, task, part) in [
            (&[][..], None, "no row has a target"),
            (&[1.0], None, "only one row"),
            (&[1.0, 1.0], None, "only one class, '1'"),
            (&[1.0, 2.0, 3.0], None, "different class in every row"),
            (&[2.5, 2.5], None, "2.5 in every row"),
        ] {
            let error = made(values, task).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn texts_sort_lexicographically() {
        let texts = ["b", "a"].map(String::from).to_vec();
        let target = decide(Raw::Texts { codes: vec![0, 1, 0], texts }, None, &mut vec![]).unwrap();
        assert_eq!(target, Target::Classes { codes: vec![1, 0, 1], labels: vec!["a".into(), "b".into()] });
    }

    #[test]
    fn the_task_has_a_text_form() {
        for task in [Task::Classification, Task::Regression] {
            assert_eq!(task.to_string().parse(), Ok(task));
        }
        assert!("ranking".parse::<Task>().is_err());
    }

    #[test]
    fn numbers_are_standardised_on_the_training_rows_alone() {
        let data = csv("x,y\n1,0.5\n2,2.5\n3,1000.5\n");
        let encoder = TargetEncoder::fit(&data, &[0, 1]).unwrap();
        assert_eq!(encoder, TargetEncoder::Numbers { mean: 1.5, scale: 1.0 });
        assert_eq!(encoder.scaled(2.5), 1.0);
        assert_eq!(encoder.original(encoder.scaled(7.25)), 7.25);
        let json = serde_json::to_string(&encoder).unwrap();
        assert_eq!(json, r#"{"numbers":{"mean":1.5,"scale":1.0}}"#);
        let classes = csv("x,y\n1,a\n2,b\n3,a\n");
        assert_eq!(TargetEncoder::fit(&classes, &[0]).unwrap().outputs(), 2);
    }
}
