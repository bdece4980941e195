//! Columns that are no features: taken out of a data set after it was read and joined, whatever it was read from.

use opportune_core::InputError;

use crate::block::Block;
use crate::dataset::Dataset;
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
