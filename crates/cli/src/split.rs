//! The rows: read or given, and which of them train, judge and test.

use crate::flags;
use crate::job::Purpose;
use crate::values::list;
use opportune_core::InputError;
use opportune_data::{Dataset, Loaded, ReadOptions, Target, folds, hold_out, join, join_file, read, read_fold_file};
use std::ops::Range;
use std::path::Path;

/// Below so many training rows `tune` cross-validates, from there on it holds rows out.
const FOLDS_BELOW_ROWS: usize = 10_000;
/// Folds unless told.
const FOLDS: usize = 5;
/// Share of rows held out unless told.
const HELD_OUT: f64 = 0.2;

/// Rows to train on and rows to judge by, for each fold.
pub type Folds = Vec<(Vec<u32>, Vec<u32>)>;

/// Where the rows come from.
pub enum Rows {
    /// From the files that the flags name.
    Files,
    /// From memory, and with them the folds unless the flags are to make them.
    Given { data: Box<Dataset>, folds: Option<Folds> },
}

/// The data with their test and validation rows told apart.
pub struct Split {
    pub data: Dataset,
    pub test: Vec<u32>,
    pub fit: Vec<u32>,
    /// Rows of a validation file.
    pub validation: Option<Vec<u32>>,
    /// Folds that are given.
    pub folds: Option<Folds>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

impl Split {
    /// Reads the rows on so many cores, if they are files, and divides them.
    pub fn new(rows: Rows, flags: &flags::Data, threads: usize) -> Result<Split, InputError> {
        match rows {
            Rows::Files => Split::read(flags, threads),
            Rows::Given { data, folds } => {
                let fit = (0..data.rows() as u32).collect();
                let (test, validation) = (Vec::new(), None);
                Ok(Split { data: *data, test, fit, validation, folds, notes: Vec::new(), warnings: Vec::new() })
            }
        }
    }

    fn read(flags: &flags::Data, threads: usize) -> Result<Split, InputError> {
        // Several labels: the first is read as the target, the others are features until all files are joined.
        let mut labels = flags.target.iter().flat_map(|text| list(text)).map(String::from);
        let options = ReadOptions { target: labels.next(), task: flags.task, needs_target: true, threads };
        let others: Vec<String> = labels.collect();
        let Loaded { mut data, test: own, mut warnings } = read(&flags.data, &options)?;
        let mut notes = Vec::new();
        if let Some(name) = data.target_name().filter(|_| flags.target.is_none() && !data.is_image()) {
            notes.push(format!("predicting the last column, '{name}' (--target names another)"));
        }
        let mut rows: Vec<u32> = (0..data.rows() as u32).collect();
        let mut test = Vec::new();
        let asked = share_or_file(flags.test.as_deref(), "--test")?;
        match (&asked, own) {
            (Some(_), Some(_)) => {
                return Err(InputError::new("the data come with a test set of their own")
                    .at("--test")
                    .remedy("leave --test out"));
            }
            (Some(Source::File(path)), None) => {
                let joined;
                (data, joined) = append(data, path, threads, &mut warnings)?;
                test = joined.collect();
            }
            (None, Some(own)) => {
                let joined = join(data, own).map_err(|error| error.at(flags.data.display().to_string()))?;
                warnings.extend(joined.warnings);
                (data, test) = (joined.data, joined.rows.collect());
            }
            (Some(Source::Share(_)) | None, None) => {}
        }
        let mut validation = None;
        if let Some(Source::File(path)) = share_or_file(flags.validation.as_deref(), "--validation")? {
            let joined;
            (data, joined) = append(data, path, threads, &mut warnings)?;
            validation = Some(joined.collect());
        }
        if !others.is_empty() {
            data = data.with_labels(&others).map_err(|error| error.at("--target"))?;
        }
        if let Some(column) = &flags.sample_weight {
            data = data.with_weights(column).map_err(|error| error.at("--sample-weight"))?;
        }
        if let Some(Source::Share(share)) = asked {
            let split = hold_out(&data, &rows, share, flags.split_seed).map_err(|error| error.at("--test"))?;
            (rows, test) = (split.train, split.validation);
        }
        Ok(Split { data, test, fit: rows, validation, folds: None, notes, warnings })
    }

    /// The folds that judge, and what they are called; `seed` is that of the split.
    pub fn judge(&self, purpose: Purpose, flags: &flags::Data, seed: u64) -> Result<(Folds, String), InputError> {
        let (data, rows) = (&self.data, &self.fit);
        let pairs = |splits: Vec<opportune_data::Split>| {
            splits.into_iter().map(|split| (split.train, split.validation)).collect()
        };
        let cross = |k: usize| {
            let splits = folds(data, rows, k, seed).map_err(|error| error.at("--folds"))?;
            enough_of_each_class(data, rows, k)?;
            Ok((pairs(splits), format!("{k} folds")))
        };
        let held = |share: f64| {
            let split = hold_out(data, rows, share, seed).map_err(|error| error.at("--validation"))?;
            let name = format!("{} validation rows", split.validation.len());
            Ok((pairs(vec![split]), name))
        };
        if let Some(folds) = &self.folds {
            return given(folds);
        }
        if let Some(validation) = &self.validation {
            let name = format!("{} validation rows of a file", validation.len());
            return Ok((vec![(rows.clone(), validation.clone())], name));
        }
        if let Some(path) = &flags.fold_file {
            let splits = read_fold_file(path, data, rows)?;
            let name = format!("{} folds of a file", splits.len());
            return Ok((pairs(splits), name));
        }
        match (flags.folds, share_or_file(flags.validation.as_deref(), "--validation")?, purpose) {
            (Some(k), _, _) => cross(k),
            (None, Some(Source::Share(share)), _) => held(share),
            (None, _, Purpose::Fit) => Ok((Vec::new(), "training rows".into())),
            (None, ..) if rows.len() < FOLDS_BELOW_ROWS => cross(FOLDS),
            (None, ..) => held(HELD_OUT),
        }
    }
}

/// Folds that are given, and what they are called.
fn given(folds: &Folds) -> Result<(Folds, String), InputError> {
    let error = |what: String| Err(InputError::new(what).at("--folds"));
    if let Some(fold) = folds.iter().position(|(train, validation)| train.is_empty() || validation.is_empty()) {
        return error(format!("fold {fold} has no rows to train or to validate on"));
    }
    let name = match folds.as_slice() {
        [] => return error("there are no folds".into()),
        [(_, validation)] => format!("{} validation rows", validation.len()),
        several => format!("{} folds", several.len()),
    };
    Ok((folds.clone(), name))
}

/// Refuses folds some of which would judge without the rarest class.
fn enough_of_each_class(data: &Dataset, rows: &[u32], folds: usize) -> Result<(), InputError> {
    let Target::Classes { codes, labels } = data.target() else { return Ok(()) };
    let mut counts = vec![0usize; labels.len()];
    rows.iter().for_each(|row| counts[codes[*row as usize] as usize] += 1);
    let present = counts.iter().zip(labels).filter(|(count, _)| **count > 0);
    match present.min_by_key(|(count, _)| **count) {
        Some((&count, label)) if count < folds => {
            let rows = if count == 1 { "1 row".to_string() } else { format!("{count} rows") };
            let fewer = if count > 1 { format!("give --folds {count}, or ") } else { "give ".into() };
            Err(InputError::new(format!("the class '{label}' has {rows}, fewer than the {folds} folds"))
                .at("--folds")
                .remedy(format!("{fewer}--validation 0.2, or leave those rows out")))
        }
        _ => Ok(()),
    }
}

enum Source<'a> {
    Share(f64),
    File(&'a Path),
}

fn share_or_file<'a>(text: Option<&'a str>, flag: &str) -> Result<Option<Source<'a>>, InputError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(Some(Source::Share(share))),
        Ok(share) => Err(InputError::new(format!("{share} is no share of the rows"))
            .at(flag)
            .remedy("give a number between 0 and 1, as 0.2, or a file")),
        Err(_) => Ok(Some(Source::File(Path::new(text)))),
    }
}

fn append(
    data: Dataset,
    path: &Path,
    threads: usize,
    warnings: &mut Vec<String>,
) -> Result<(Dataset, Range<u32>), InputError> {
    let joined = join_file(data, path, threads)?;
    warnings.extend(joined.warnings);
    Ok((joined.data, joined.rows))
}
