//! How much the rows of each class count.

use crate::InputError;
use crate::text::{nearest, number};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much the rows of each class count in the loss, as scikit-learn's `class_weight`. Written `balanced` or `yes=3,no=1`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ClassWeight {
    /// All alike.
    #[default]
    Alike,
    /// So that all classes count alike: n/(k·n_c) for each of the n_c rows of a class, where n training rows have k classes.
    /// Where rows have weights, sums of those take the place of numbers of rows.
    Balanced,
    /// As given, by label: finite numbers from 0 up. Classes that are not named count 1.
    Given(Vec<(String, f64)>),
}

const ALIKE: &str = "none";
const BALANCED: &str = "balanced";

impl ClassWeight {
    /// A weight for each of the classes `labels`; `None` where all count alike. `sums` are the numbers of training rows of
    /// each class, or the sums of their weights. A class that no training row has counts 1 where they are to be balanced.
    ///
    /// # Errors
    /// A label that is none of the classes.
    pub fn weights(&self, labels: &[String], sums: &[f64]) -> Result<Option<Vec<f64>>, InputError> {
        match self {
            ClassWeight::Alike => Ok(None),
            ClassWeight::Balanced => {
                let present = sums.iter().filter(|sum| **sum > 0.0).count() as f64;
                let all: f64 = sums.iter().sum();
                Ok(Some(sums.iter().map(|sum| if *sum > 0.0 { all / (present * sum) } else { 1.0 }).collect()))
            }
            ClassWeight::Given(given) => {
                let mut weights = vec![1.0; labels.len()];
                for (label, weight) in given {
                    let Some(class) = labels.iter().position(|one| one == label) else {
                        return Err(InputError::new(format!("there is no class '{label}'"))
                            .at("--class-weight")
                            .remedy(match nearest(label, labels.iter().map(String::as_str)) {
                                Some(near) => format!("did you mean '{near}'?"),
                                None => format!("the classes are {}", labels.join(", ")),
                            }));
                    };
                    weights[class] = *weight;
                }
                Ok(Some(weights))
            }
        }
    }
}

impl fmt::Display for ClassWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClassWeight::Alike => f.write_str(ALIKE),
            ClassWeight::Balanced => f.write_str(BALANCED),
            ClassWeight::Given(given) => {
                let all: Vec<String> =
                    given.iter().map(|(label, weight)| format!("{label}={}", number(*weight))).collect();
                f.write_str(&all.join(","))
            }
        }
    }
}

impl FromStr for ClassWeight {
    type Err = InputError;

    fn from_str(text: &str) -> Result<ClassWeight, InputError> {
        match text.trim() {
            ALIKE => return Ok(ClassWeight::Alike),
            BALANCED => return Ok(ClassWeight::Balanced),
            _ => {}
        }
        let remedy = "write balanced, or LABEL=WEIGHT for some classes, as yes=3,no=1";
        let error = |what: String| InputError::new(what).remedy(remedy);
        let mut given: Vec<(String, f64)> = Vec::new();
        // A label may hold commas and equals signs: an entry ends with a number.
        let mut label = String::new();
        for piece in text.split(',') {
            let ended =
                piece.rsplit_once('=').and_then(|(name, weight)| Some((name, weight.trim().parse::<f64>().ok()?)));
            let Some((name, weight)) = ended else {
                label += piece;
                label.push(',');
                continue;
            };
            label += name;
            let name = std::mem::take(&mut label).trim().to_string();
            if !(weight.is_finite() && weight >= 0.0) {
                return Err(error(format!("a weight of {weight} for '{name}' is not a finite number from 0 up")));
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(error(format!("the class '{name}' is given twice")));
            }
            given.push((name, weight));
        }
        if given.is_empty() || !label.is_empty() {
            return Err(error(format!("'{}' has no weight", label.trim_end_matches(',').trim())));
        }
        Ok(ClassWeight::Given(given))
    }
}

impl From<ClassWeight> for String {
    fn from(weight: ClassWeight) -> String {
        weight.to_string()
    }
}

impl TryFrom<String> for ClassWeight {
    type Error = InputError;
    fn try_from(text: String) -> Result<Self, InputError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        for text in ["none", "balanced", "yes=3,no=1", "red, dark=0.5,a=b=2"] {
            assert_eq!(text.parse::<ClassWeight>().unwrap().to_string(), text);
        }
        let given = ClassWeight::Given(vec![("red, dark".into(), 0.5), ("a=b".into(), 2.0)]);
        assert_eq!("red, dark=0.5, a=b=2".parse::<ClassWeight>().unwrap(), given);
        for (text, part) in [
            ("balance", "'balance' has no weight; write balanced"),
            ("yes=3,no", "'no' has no weight"),
            ("yes=-1", "a weight of -1 for 'yes' is not a finite number from 0 up"),
            ("yes=inf", "a weight of inf"),
            ("yes=1,yes=2", "the class 'yes' is given twice"),
            ("", "'' has no weight"),
        ] {
            let error = text.parse::<ClassWeight>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    // Balanced weights from sklearn.utils.class_weight.compute_class_weight 1.9 (its own example, and with
    // sample_weight=[1, 2, 3, 0.5, 1, 1]).
    #[test]
    fn weights_are_those_of_scikit_learn() {
        let labels = ["0", "1", "2"].map(String::from);
        let balanced = |sums: &[f64]| ClassWeight::Balanced.weights(&labels[..sums.len()], sums).unwrap().unwrap();
        assert_eq!(balanced(&[2.0, 4.0]), [1.5, 0.75]);
        assert_eq!(balanced(&[2.0, 6.5]), [2.125, 0.653_846_153_846_153_9]);
        assert_eq!(balanced(&[2.0, 0.0, 4.0]), [1.5, 1.0, 0.75]);
        let given: ClassWeight = "2=5".parse().unwrap();
        assert_eq!(given.weights(&labels, &[1.0, 1.0, 1.0]).unwrap().unwrap(), [1.0, 1.0, 5.0]);
        assert_eq!(ClassWeight::Alike.weights(&labels, &[1.0; 3]).unwrap(), None);
        let unknown: ClassWeight = "x=5".parse().unwrap();
        let error = unknown.weights(&labels, &[1.0; 3]).unwrap_err().to_string();
        assert_eq!(error, "--class-weight: there is no class 'x'; the classes are 0, 1, 2");
    }
}
