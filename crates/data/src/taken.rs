//! Columns that are no features: taken out of a data set after it was read and joined, whatever it was read from.

use opportune_core::InputError;

use crate::block::Block;
use crate::dataset::{Dataset, Target};
use crate::number;
use crate::read::nearest_hint;

impl Dataset {
    /// The same data whose rows count as the numeric column `name` says, which is then no feature any more.
    ///
    /// # Errors
    /// No such column, one that is not numeric, and values that are missing, negative or all 0.
    pub fn with_weights(self, name: &str) -> Result<Dataset, InputError> {
        let (data, weights) = self.taken(name, "weight")?;
        let error = |what: String| InputError::new(what).at(format!("column '{name}'"));
        if let Some(weight) = weights.iter().find(|weight| **weight < 0.0) {
            return Err(error(format!("a weight of {} is below 0", number::text(*weight))));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(error("all weights are 0".into()));
        }
        Ok(Dataset { weights: Some(weights), ..data })
    }

    /// The same data with several labels to predict: the target and the numeric columns `others`, all of 0 and 1, which are
    /// then no features any more.
    ///
    /// # Errors
    /// No such column, one that is not numeric, and what is neither 0 nor 1 or is missing.
    pub fn with_labels(mut self, others: &[String]) -> Result<Dataset, InputError> {
        let first = self.layout.target.clone().unwrap_or_default();
        let error = |name: &str, what: &str| {
            InputError::new(format!("{what} is neither 0 nor 1"))
                .at(format!("column '{name}'"))
                .remedy("give columns of 0 and 1 as labels, or one column as --target")
        };
        let mut columns: Vec<Vec<f64>> = Vec::new();
        match &self.target {
            Target::Classes { codes, labels } => {
                let values = labels.iter().map(|label| match label.as_str() {
                    "0" => Ok(0.0),
                    "1" => Ok(1.0),
                    other => Err(error(&first, &format!("'{other}'"))),
                });
                let values = values.collect::<Result<Vec<f64>, _>>()?;
                columns.push(codes.iter().map(|&code| values[code as usize]).collect());
            }
            _ => return Err(error(&first, "a number in it")),
        }
        for name in others {
            let (data, column) = self.taken(name, "label")?;
            if let Some(value) = column.iter().find(|value| **value != 0.0 && **value != 1.0) {
                return Err(error(name, &number::text(*value)));
            }
            columns.push(column);
            self = data;
        }
        let values = (0..self.rows).flat_map(|row| columns.iter().map(move |column| column[row] as u8)).collect();
        let names = std::iter::once(&first).chain(others).cloned().collect();
        Ok(Dataset { target: Target::Labels { values, names }, ..self })
    }

    /// Takes the numbers of a column out of the features; `what` they are to be is for errors.
    fn taken(mut self, name: &str, what: &str) -> Result<(Dataset, Vec<f64>), InputError> {
        let Some(column) = self.numeric.iter().position(|column| column.name == name) else {
            return Err(match self.target_name() == Some(name) {
                true => InputError::new(format!("column '{name}' is the target")).remedy("name another"),
                false if self.categorical_columns().any(|column| column.name == name) => {
                    InputError::new(format!("column '{name}' holds texts, and a {what} is a number"))
                }
                false if self.layout.unused.iter().any(|unused| unused == name) => {
                    InputError::new(format!("column '{name}' was left out, see above"))
                        .remedy("it tells no rows apart: leave it out here too")
                }
                false => {
                    let names: Vec<String> = self.numeric_columns().map(|column| column.name.clone()).collect();
                    InputError::new(format!("there is no column '{name}'")).remedy(nearest_hint(name, &names))
                }
            });
        };
        let width = self.numeric.len();
        let (mut rest, mut taken) = (Block::empty(self.values.kind()), Vec::with_capacity(self.rows));
        for i in 0..self.values.len() {
            if i % width == column { taken.push(self.values.get(i)) } else { rest.push(self.values.get(i)) }
        }
        let missing = taken.iter().filter(|value| value.is_nan()).count();
        if missing > 0 {
            let rows = if missing == 1 { "1 row has".to_string() } else { format!("{missing} rows have") };
            return Err(InputError::new(format!("{rows} no {what}"))
                .at(format!("column '{name}'"))
                .remedy("fill it in, or leave those rows out"));
        }
        self.values = rest;
        // A file to predict may have it or not.
        self.layout.unused.push(self.numeric.remove(column).name);
        match self.features() {
            0 => Err(InputError::new("no column is left to predict from")),
            _ => Ok((self, taken)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Encoder;
    use crate::Target;
    use crate::testing::{all, bare, csv};

    #[test]
    fn weights_are_no_features() {
        let text = "a,w,c,y\n1,0.5,u,0\n2,0,v,1\n3,2,u,1\n";
        let (plain, data) = (csv(text), csv(text).with_weights("w").unwrap());
        assert_eq!((data.weights(), data.features()), (Some(&[0.5, 0.0, 2.0][..]), 2));
        assert_eq!(data.numeric_columns().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_ne!(data.key(), plain.key());
        assert_ne!(data.key(), csv(&text.replace("3,2,u", "3,4,u")).with_weights("w").unwrap().key());
        // Files to predict have it or not.
        let encoder = Encoder::fit(&data, &all(&data));
        for other in ["a,w,c\n1,7,u\n", "c,a\nu,1\n"] {
            assert_eq!(encoder.align(bare(other)).unwrap().1, [""; 0], "{other}");
        }
    }

    #[test]
    fn labels_are_no_features() {
        let text = "a,p,q,r\n1,0,1,1\n2,1,1,0\n3,1,0,0\n";
        let data = csv(text).with_labels(&["p".into(), "q".into()]).unwrap();
        let names = ["r", "p", "q"].map(String::from).to_vec();
        assert_eq!(data.target(), &Target::Labels { values: vec![1, 0, 1, 0, 1, 1, 0, 1, 0], names });
        assert_eq!((data.features(), data.task()), (1, Some(crate::Task::Classification)));
        assert_ne!(data.key(), csv(text).with_labels(&["q".into(), "p".into()]).unwrap().key());
        let encoder = Encoder::fit(&data, &all(&data));
        for other in ["a\n1\n", text] {
            assert_eq!(encoder.align(bare(other)).unwrap().1, [""; 0], "{other}");
        }
        for (text, others, part) in [
            (text, "s", "there is no column 's'"),
            (text, "r", "column 'r' is the target"),
            (text, "a", "column 'a': 2 is neither 0 nor 1; give columns of 0 and 1"),
            ("a,p,r\n1,0,2\n2,1,1\n3,1,2\n", "p", "column 'r': '2' is neither 0 nor 1"),
            ("a,p,r\n1,0,0.5\n2,1,1\n3,1,2\n", "p", "column 'r': a number in it is neither 0 nor 1"),
            ("a,p,r\n1,0,1\n2,,1\n3,1,0\n", "p", "column 'p': 1 row has no label"),
            ("a,p,r\n1,1,1\n2,1,1\n3,1,0\n", "p", "column 'p' was left out"),
        ] {
            let error = csv(text).with_labels(&[others.to_string()]).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_is_no_weight_is_refused() {
        let error = |text: &str, name: &str| csv(text).with_weights(name).unwrap_err().to_string();
        for (text, name, part) in [
            ("a,w,y\n1,1,0\n2,-2,1\n3,1,1\n", "w", "column 'w': a weight of -2 is below 0"),
            ("a,w,y\n1,1,0\n2,,1\n3,2,1\n", "w", "column 'w': 1 row has no weight; fill it in"),
            ("a,w,y\n1,x,0\n2,y,1\n3,x,1\n", "w", "column 'w' holds texts, and a weight is a number"),
            ("a,w,y\n1,5,0\n2,5,1\n3,5,1\n", "w", "column 'w' was left out, see above; it tells no rows apart"),
            ("a,w,y\n1,5,0\n2,6,1\n3,5,1\n", "y", "column 'y' is the target"),
            ("a,wide,y\n1,5,0\n2,6,1\n3,5,1\n", "wid", "there is no column 'wid'; did you mean 'wide'?"),
            ("w,y\n1,0\n2,1\n3,1\n", "w", "no column is left to predict from"),
        ] {
            let error = error(text, name);
            assert!(error.contains(part), "{error}");
        }
    }
}
