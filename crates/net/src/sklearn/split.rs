//! The rows that early stopping holds back, as `train_test_split` draws them.

use super::twister::Twister;
use opportune_core::InputError;

/// Training and validation rows of `rows` rows, a share of which (0 to 1) is held back; stratified where a class of two
/// is given for each row.
///
/// # Errors
/// A share that leaves one side without rows, or, of classes, one with a single row or a side with fewer rows than
/// classes.
pub(super) fn split(
    rows: u32,
    share: f64,
    classes: Option<&dyn Fn(u32) -> bool>,
    twister: &mut Twister,
) -> Result<(Vec<u32>, Vec<u32>), InputError> {
    let wrong = |what: String| Err(InputError::new(what).at("validation_fraction"));
    let held = (share * f64::from(rows)).ceil() as u32;
    if held == 0 || held >= rows {
        return wrong(format!("a test_size of {share} of {rows} rows leaves {held} for validation"));
    }
    let trained = rows - held;
    let Some(class) = classes else {
        let order = twister.permutation(rows);
        let (validation, train) = order.split_at(held as usize);
        return Ok((train.to_vec(), validation.to_vec()));
    };
    let (second, first): (Vec<u32>, Vec<u32>) = (0..rows).partition(|row| class(*row));
    // scikit-learn's name of a class that is told apart by one output.
    let single: Vec<&str> = [("'False'", &first), ("'True'", &second)]
        .iter()
        .filter(|(_, rows)| rows.len() == 1)
        .map(|(name, _)| *name)
        .collect();
    if !single.is_empty() {
        let what = "The least populated classes in y have only 1 member, too few to split them";
        return wrong(format!("{what}. Classes with too few members are: [{}]", single.join(", ")));
    }
    let classes: Vec<Vec<u32>> = [first, second].into_iter().filter(|rows| !rows.is_empty()).collect();
    for (side, count) in [("train_size", trained), ("test_size", held)] {
        if (count as usize) < classes.len() {
            return wrong(format!(
                "The {side} = {count} should be greater or equal to the number of classes = {}",
                classes.len()
            ));
        }
    }
    let sizes: Vec<u32> = classes.iter().map(|rows| rows.len() as u32).collect();
    let to_train = shares(&sizes, trained, twister);
    let left: Vec<u32> = sizes.iter().zip(&to_train).map(|(size, taken)| size - taken).collect();
    let to_validate = shares(&left, held, twister);
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for ((rows, to_train), to_validate) in classes.iter().zip(to_train).zip(to_validate) {
        let order = twister.permutation(rows.len() as u32);
        let mut rows = order.iter().map(|place| rows[*place as usize]);
        train.extend(rows.by_ref().take(to_train as usize));
        validation.extend(rows.take(to_validate as usize));
    }
    twister.shuffle(&mut train);
    twister.shuffle(&mut validation);
    Ok((train, validation))
}

/// `draws` items from groups of these sizes, in proportion. What rounding leaves over goes to the largest remainders,
/// by lot among equal ones.
fn shares(sizes: &[u32], draws: u32, twister: &mut Twister) -> Vec<u32> {
    let total: u32 = sizes.iter().sum();
    let exact: Vec<f64> = sizes.iter().map(|size| f64::from(*size) / f64::from(total) * f64::from(draws)).collect();
    let mut taken: Vec<u32> = exact.iter().map(|share| share.floor() as u32).collect();
    let remainders: Vec<f64> = exact.iter().map(|share| share - share.floor()).collect();
    let mut values = remainders.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    let mut missing = draws - taken.iter().sum::<u32>();
    for value in values {
        if missing == 0 {
            break;
        }
        let groups: Vec<usize> = (0..sizes.len()).filter(|group| remainders[*group] == value).collect();
        let lots = twister.permutation(groups.len() as u32);
        for lot in lots.iter().take(missing.min(groups.len() as u32) as usize) {
            taken[groups[*lot as usize]] += 1;
        }
        missing -= missing.min(groups.len() as u32);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_those_of_train_test_split() {
        // scikit-learn 1.9.1: train_test_split(np.arange(rows), test_size=share, stratify=y, random_state=state), then
        // state.randint(2**31).
        let of = |rows: u32, share: f64, class: Option<&dyn Fn(u32) -> bool>, seed: u32| {
            let mut twister = Twister::new(seed);
            (split(rows, share, class, &mut twister).unwrap(), twister.next_u32() & 0x7fff_ffff)
        };
        let plain = of(13, 0.3, None, 5);
        assert_eq!(plain, ((vec![9, 12, 10, 4, 8, 0, 11, 6, 3], vec![5, 1, 7, 2]), 2_108_059_852));
        let third = of(23, 0.2, Some(&|row| row % 3 == 0), 5);
        let train = vec![13, 18, 4, 6, 7, 22, 8, 15, 0, 1, 14, 11, 17, 16, 21, 9, 2, 19];
        assert_eq!(third, ((train, vec![3, 10, 5, 20, 12]), 2_130_256_166));
        // Rounding leaves a row over that both classes have the same right to.
        let even: Option<&dyn Fn(u32) -> bool> = Some(&|row| row % 2 == 0);
        assert_eq!(of(10, 0.3, even, 0), ((vec![0, 2, 8, 5, 3, 6, 9], vec![1, 7, 4]), 1_686_997_841));
        assert_eq!(of(10, 0.3, even, 3), ((vec![7, 6, 2, 4, 5, 8, 9], vec![1, 3, 0]), 836_761_236));
    }

    #[test]
    fn what_cannot_be_split_is_told() {
        let wrong = |rows, share, class: Option<&dyn Fn(u32) -> bool>| {
            split(rows, share, class, &mut Twister::new(0)).unwrap_err().to_string()
        };
        assert!(wrong(10, 0.0, None).contains("leaves 0 for validation"));
        assert!(wrong(10, 0.95, None).contains("leaves 10"));
        assert!(wrong(10, 0.3, Some(&|row| row == 4)).contains("['True']"));
        assert!(wrong(10, 0.1, Some(&|row| row < 4)).contains("test_size = 1 should be greater or equal"));
        assert!(wrong(10, 0.9, Some(&|row| row < 4)).contains("train_size = 1 should be greater or equal"));
    }
}
