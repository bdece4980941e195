//! Which rows train and which judge: hold-out and folds, shuffled, and stratified where there are classes.

use opportune_core::InputError;
use opportune_core::rng::{Purpose, Stream};

use crate::dataset::{Dataset, Target};

/// Rows to train on and rows to validate on, both ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The rows trained on.
    pub train: Vec<u32>,
    /// The rows held back.
    pub validation: Vec<u32>,
}

/// Holds back a `share` of `rows`, above 0 and below 1, rounded up as scikit-learn does. Every class is held back in
/// proportion, to within one row; a class of one row is trained on.
///
/// # Errors
/// Where the share is out of range or leaves no row on either side.
///
/// # Panics
/// Where a row is outside the data.
pub fn hold_out(data: &Dataset, rows: &[u32], share: f64, seed: u64) -> Result<Split, InputError> {
    if !(share > 0.0 && share < 1.0) {
        return Err(InputError::new(format!("{share} is no share of the rows"))
            .remedy("give a number between 0 and 1, such as 0.2"));
    }
    // A share such as 0.1 is a little more than a tenth in binary, which must not cost a row.
    let held = (share * rows.len() as f64 - 1e-9).ceil() as usize;
    if held == 0 || held >= rows.len() {
        return Err(InputError::new(format!(
            "{share} of {} leaves no rows to train or to validate on",
            count(rows.len())
        ))
        .remedy("give more rows or another share"));
    }
    let groups = groups(data, rows, seed);
    let lone: usize = groups.iter().filter(|group| group.len() == 1).count();
    let spare_lone = data_has_classes(data) && rows.len() - lone > held;
    let ordered: Vec<u32> = groups.into_iter().filter(|group| !spare_lone || group.len() > 1).flatten().collect();
    // Evenly spaced along the rows sorted by class, so that each class has its share.
    let n = ordered.len();
    let chosen = |i: usize| (i + 1) * held / n > i * held / n;
    let validation = ordered.iter().enumerate().filter(|(i, _)| chosen(*i)).map(|(_, &row)| row).collect();
    Ok(split(rows, validation))
}

/// Partitions `rows` into `k` parts, each held back once. Parts differ by at most one row, and so do the rows that
/// each has of a class.
///
/// # Errors
/// Where `k` is below 2 or above the number of rows.
///
/// # Panics
/// Where a row is outside the data.
pub fn folds(data: &Dataset, rows: &[u32], k: usize, seed: u64) -> Result<Vec<Split>, InputError> {
    if k < 2 || k > rows.len() {
        return Err(InputError::new(format!("{} cannot be split into {k} folds", count(rows.len())))
            .remedy("give a number of folds from 2 to the number of rows"));
    }
    let ordered = groups(data, rows, seed).concat();
    Ok((0..k).map(|fold| split(rows, ordered.iter().copied().skip(fold).step_by(k).collect())).collect())
}

fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_string() } else { format!("{rows} rows") }
}

fn data_has_classes(data: &Dataset) -> bool {
    matches!(data.target(), Target::Classes { .. })
}

/// The rows of each class, shuffled; without classes, all rows as one.
fn groups(data: &Dataset, rows: &[u32], seed: u64) -> Vec<Vec<u32>> {
    let mut shuffled = rows.to_vec();
    // The order in which rows are given must not matter.
    shuffled.sort_unstable();
    Stream::new(seed, 0, None, Purpose::Split).shuffle(&mut shuffled);
    match data.target() {
        Target::Classes { codes, labels } => {
            let mut groups = vec![Vec::new(); labels.len()];
            for row in shuffled {
                groups[codes[row as usize] as usize].push(row);
            }
            groups
        }
        Target::Numbers(_) | Target::Labels { .. } | Target::None => vec![shuffled],
    }
}

/// All `rows` but those of validation train. Both come out ascending.
pub(crate) fn split(rows: &[u32], mut validation: Vec<u32>) -> Split {
    validation.sort_unstable();
    let mut train: Vec<u32> = rows.iter().copied().filter(|row| validation.binary_search(row).is_err()).collect();
    train.sort_unstable();
    Split { train, validation }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{all, csv};
    use proptest::prelude::*;

    /// `counts[i]` rows of class `i`.
    fn classes(counts: &[usize]) -> Dataset {
        let mut text = "x,y\n".to_string();
        for (class, &count) in counts.iter().enumerate() {
            for i in 0..count {
                text.push_str(&format!("{i},class{class:02}\n"));
            }
        }
        text.push_str("99,class00\n");
        csv(&text)
    }

    fn of_class(data: &Dataset, rows: &[u32], class: u32) -> usize {
        let Target::Classes { codes, .. } = data.target() else { panic!() };
        rows.iter().filter(|&&row| codes[row as usize] == class).count()
    }

    proptest! {
        #[test]
        fn folds_partition_and_stratify(counts in prop::collection::vec(2usize..30, 2..5), k in 2usize..6, seed: u64) {
            let data = classes(&counts);
            let rows: Vec<u32> = all(&data).into_iter().filter(|row| row % 7 != 3).collect();
            prop_assume!(rows.len() >= k);
            let folds = folds(&data, &rows, k, seed).unwrap();
            let mut seen: Vec<u32> = folds.iter().flat_map(|f| f.validation.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(&seen, &rows);
            for fold in &folds {
                let mut both = [fold.train.clone(), fold.validation.clone()].concat();
                both.sort_unstable();
                prop_assert_eq!(&both, &rows);
                prop_assert!(fold.train.is_sorted() && fold.validation.is_sorted());
            }
            for class in 0..counts.len() as u32 {
                let held: Vec<usize> = folds.iter().map(|f| of_class(&data, &f.validation, class)).collect();
                prop_assert!(held.iter().max().unwrap() - held.iter().min().unwrap() <= 1, "{:?}", held);
            }
        }

        #[test]
        fn a_hold_out_has_its_size_and_stratifies(
            counts in prop::collection::vec(2usize..30, 2..5), share in 0.05f64..0.9, seed: u64
        ) {
            let data = classes(&counts);
            let rows = all(&data);
            let held = (share * rows.len() as f64).ceil() as usize;
            prop_assume!(held < rows.len());
            let split = hold_out(&data, &rows, share, seed).unwrap();
            prop_assert_eq!(split.validation.len(), held);
            prop_assert_eq!(split.train.len() + held, rows.len());
            for class in 0..counts.len() as u32 {
                let ideal = of_class(&data, &rows, class) as f64 * held as f64 / rows.len() as f64;
                let got = of_class(&data, &split.validation, class) as f64;
                prop_assert!((got - ideal).abs() < 1.0 + 1e-9, "{} of {}", got, ideal);
            }
        }
    }

    #[test]
    fn the_seed_decides_and_the_order_of_rows_does_not() {
        let data = classes(&[20, 20]);
        let mut rows = all(&data);
        let first = folds(&data, &rows, 5, 0).unwrap();
        rows.reverse();
        assert_eq!(folds(&data, &rows, 5, 0).unwrap(), first);
        assert_ne!(folds(&data, &rows, 5, 1).unwrap(), first);
        assert_ne!(hold_out(&data, &rows, 0.5, 1).unwrap(), hold_out(&data, &rows, 0.5, 2).unwrap());
    }

    #[test]
    fn sizes_are_scikit_learns() {
        let text: String = (0..1797).map(|i| format!("{i},{}\n", f64::from(i) / 2.0)).collect();
        let data = csv(&format!("x,y\n{text}"));
        assert_eq!(hold_out(&data, &all(&data), 0.2, 0).unwrap().validation.len(), 360);
        assert_eq!(hold_out(&data, &all(&data)[..1000], 0.1, 0).unwrap().validation.len(), 100);
        assert_eq!(hold_out(&data, &all(&data)[..10], 0.7, 0).unwrap().validation.len(), 7);
    }

    #[test]
    fn a_class_of_one_row_is_trained_on() {
        let data = classes(&[30, 1]);
        for seed in 0..20 {
            assert_eq!(of_class(&data, &hold_out(&data, &all(&data), 0.5, seed).unwrap().train, 1), 1);
        }
    }

    #[test]
    fn impossible_splits_are_refused() {
        let data = classes(&[3, 3]);
        let rows = all(&data);
        for share in [0.0, 1.0, -0.1, f64::NAN, 0.95] {
            assert!(hold_out(&data, &rows, share, 0).is_err(), "{share}");
        }
        assert!(hold_out(&data, &rows[..1], 0.5, 0).is_err());
        for k in [0, 1, 8] {
            assert!(folds(&data, &rows, k, 0).is_err(), "{k}");
        }
        assert_eq!(folds(&data, &rows, 7, 0).unwrap().len(), 7);
    }
}
