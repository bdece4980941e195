//! Data to predict, brought into the shape that a model was trained with.

use opportune_core::InputError;

use crate::conform::{Conformed, Wanted, conform};
use crate::dataset::{Categories, Dataset, MISSING, Target};
use crate::encode::Encoder;

impl Encoder {
    /// Brings `table`, read with `needs_target: false`, into the columns of the training data, and says what a person
    /// should know about it.
    ///
    /// Columns are matched by name, or by position where either file has no names (then with or without the target
    /// column). Columns that were not trained on are ignored. Text in a numeric column counts as missing; categories
    /// that training did not see count as none; both are counted, and so are missing values.
    ///
    /// # Errors
    /// Where a column of the training data is missing.
    pub fn align(&self, mut table: Dataset) -> Result<(Dataset, Vec<String>), InputError> {
        let mut warnings = Vec::new();
        let stored = self.stored();
        let wanted = Wanted {
            layout: &stored.layout,
            kind: stored.kind,
            numeric: stored.numeric.iter().map(|c| &c.column).collect(),
            categorical: stored.categorical.iter().map(|c| (&c.column, &c.levels)).collect(),
        };
        let rows = table.rows;
        let Conformed { values, codes } = conform(&wanted, &mut table, &mut warnings)?;
        let data = Dataset {
            rows,
            numeric: stored.numeric.iter().map(|c| c.column.clone()).collect(),
            values,
            categorical: stored
                .categorical
                .iter()
                .map(|c| Categories { column: c.column.clone(), levels: c.levels.clone() })
                .collect(),
            codes,
            target: Target::None,
            weights: None,
            layout: stored.layout.clone(),
            left_out: table.left_out,
            file_rows: table.file_rows,
            decimal_comma: table.decimal_comma,
        };
        let numbers = match data.values.kind() {
            crate::block::Kind::U8 => 0,
            _ => (0..data.values.len()).filter(|&i| data.values.get(i).is_nan()).count(),
        };
        let missing = numbers + data.codes.iter().filter(|&&code| code == MISSING).count();
        if missing > 0 {
            let values = if missing == 1 { "value is" } else { "values are" };
            warnings.push(format!("{missing} {values} missing"));
        }
        Ok((data, warnings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{all, bare, csv, load};
    use crate::{ReadOptions, npy};

    const TRAIN: &str = "x,c,z,y\n1,a,5,no\n2,b,6,yes\n4,a,7.5,no\n";

    fn fitted(text: &str) -> Encoder {
        let data = csv(text);
        let encoder = Encoder::fit(&data, &all(&data));
        // As after loading a model.
        serde_json::from_str(&serde_json::to_string(&encoder).unwrap()).unwrap()
    }

    fn inputs(encoder: &Encoder, data: &Dataset) -> Vec<f64> {
        let mut out = vec![0.0; data.rows() * encoder.inputs()];
        encoder.encode(data, &all(data), &mut out);
        out
    }

    fn aligned(train: &str, table: &str) -> Result<(Vec<f64>, Vec<String>), String> {
        let encoder = fitted(train);
        let (data, warnings) = encoder.align(bare(table)).map_err(|error| error.to_string())?;
        Ok((inputs(&encoder, &data), warnings))
    }

    #[test]
    fn the_training_file_itself_gives_the_training_inputs() {
        let data = csv(TRAIN);
        let expected = inputs(&Encoder::fit(&data, &all(&data)), &data);
        assert_eq!(aligned(TRAIN, TRAIN).unwrap(), (expected.clone(), vec![]));
        let (swapped, warnings) = aligned(TRAIN, "extra,z,c,x\n9,5,a,1\n9,6,b,2\n9,7.5,a,4\n").unwrap();
        assert_eq!((swapped, warnings), (expected.clone(), vec!["column 'extra' is not used".to_string()]));
        // One row, whose columns are all constant.
        assert_eq!(aligned(TRAIN, "x,c,z\n1,a,5\n").unwrap(), (expected[..4].to_vec(), vec![]));
        // The encoder that was never stored takes aligned data too.
        let encoder = Encoder::fit(&data, &all(&data));
        let (again, _) = encoder.align(bare(TRAIN)).unwrap();
        assert_eq!(inputs(&encoder, &again), expected);
    }

    #[test]
    fn what_is_odd_is_counted() {
        let (out, warnings) = aligned(TRAIN, "x,c,z\noops,new,5\n2,,\n?,b,much\n").unwrap();
        assert!(out.iter().all(|v| v.is_finite()));
        let expected = [
            "column 'c': 1 category not among those of the training data, taken as none of them, first 'new'",
            "column 'x': 1 text where a number is wanted, taken as missing, first 'oops'",
            "column 'z': 1 text where a number is wanted, taken as missing, first 'much'",
            "5 values are missing",
        ];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn a_missing_column_is_named_with_its_nearest() {
        let error = aligned("width,height,y\n1,2,0\n2,3,1\n3,5,1\n", "widht,height\n1,2\n").unwrap_err();
        assert_eq!(error, "there is no column 'width', which the training data have; did you mean 'widht'?");
        assert!(aligned(TRAIN, "a,b\n1,2\n").unwrap_err().contains("no columns x, z, c, which"));
    }

    #[test]
    fn categories_that_look_like_numbers_are_found_by_value() {
        let train = "c,y\n1,0\n2,1\nx,1\nx,0\n";
        let encoder = fitted(train);
        assert_eq!(encoder.input_names(), ["c=1", "c=2", "c=x"]);
        assert_eq!(aligned(train, "c,d\n2.0,0\n1,0\n").unwrap().0, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn without_names_the_position_counts() {
        let train = "7,1,0.5\n7,2,1.5\n7,4,2.5\n";
        let expected = inputs(&fitted(train), &fitted(train).align(bare(train)).unwrap().0);
        // The target may be there or not; column 1 is constant and was left out of the training.
        assert_eq!(aligned(train, "7,1\n7,2\n7,4\n").unwrap().0, expected);
        assert!(aligned(train, "1\n2\n").unwrap_err().contains("1 columns where 3 (or 2 without the target)"));
        let first =
            load("t.csv", b"0,1,5\n1,2,6\n0,4,7.5\n", &ReadOptions { target: Some("1".into()), ..Default::default() });
        let first = first.unwrap().data;
        let encoder = Encoder::fit(&first, &all(&first));
        let (data, _) = encoder.align(bare("1,5\n2,6\n4,7.5\n")).unwrap();
        assert_eq!(inputs(&encoder, &data), inputs(&encoder, &first));
    }

    #[test]
    fn arrays_align_by_position() {
        let encoder = fitted("a,b,y\n1,2,0\n3,4,1\n5,7,1\n");
        let bytes = npy::tests::npy("|u1", false, "(1, 2)", &[3, 4]);
        let bare = load("x.npy", &bytes, &ReadOptions { needs_target: false, ..Default::default() }).unwrap().data;
        let (data, warnings) = encoder.align(bare).unwrap();
        assert!(warnings.is_empty());
        assert!(inputs(&encoder, &data)[0].abs() < 1e-15);
    }

    #[test]
    fn decimal_commas_are_read_in_a_column_with_odd_texts() {
        let (out, warnings) = aligned("a;b;y\n1,5;2;0\n2,5;3;1\n3,5;5;1\n", "a;b\n2,5;2\nnone at all;3\n").unwrap();
        assert_eq!((out[0], out[2]), (0.0, 0.0));
        assert!(warnings[0].contains("'none at all'"), "{warnings:?}");
    }
}
