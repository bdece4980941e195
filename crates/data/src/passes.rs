//! The two passes over a delimited text: the first counts what is in the columns, the second fills the data set. Several
//! cores take a piece of the text each; what comes of it does not depend on how many.

use opportune_core::InputError;

use crate::block::{Block, Kind, Places};
use crate::dataset::UNSEEN;
use crate::delimited::{Delimited, Fields, Piece};
use crate::infer::Sketch;
use crate::levels::Interned;
use crate::number::{Cell, cell};

/// What the first pass counted, over the rows that have a target.
pub(crate) struct Survey {
    /// Of every column.
    pub(crate) sketches: Vec<Sketch>,
    /// Rows that have no target, from 0.
    pub(crate) left_out: Vec<u32>,
    /// Rows that have one.
    pub(crate) rows: usize,
    /// Rows of each piece that have one.
    of_pieces: Vec<usize>,
}

/// What the second pass is to do with each column.
pub(crate) struct Plan {
    /// Position, and whether numbers have a decimal comma.
    pub(crate) numeric: Vec<(usize, bool)>,
    /// Positions.
    pub(crate) categorical: Vec<usize>,
    /// Whether the target is numeric, and then whether with a decimal comma.
    pub(crate) target: Option<bool>,
    /// What holds all numbers.
    pub(crate) kind: Kind,
}

/// A column as it was filled.
pub(crate) enum Filled {
    /// NaN where there is none.
    Numbers(Vec<f64>),
    Texts(Interned),
}

pub(crate) struct Contents {
    /// Row-major.
    pub(crate) values: Block,
    pub(crate) texts: Vec<(usize, Interned)>,
    pub(crate) target: Option<Filled>,
}

/// Does the work of each piece on a core of its own; what came of it, in their order, or the first error.
fn each<W: Send, R: Send>(
    pieces: Vec<W>,
    work: impl Fn(W) -> Result<R, InputError> + Sync,
) -> Result<Vec<R>, InputError> {
    let work = &work;
    let mut pieces = pieces.into_iter();
    let Some(first) = pieces.next() else { return Ok(Vec::new()) };
    std::thread::scope(|scope| {
        let others: Vec<_> = pieces.map(|piece| scope.spawn(move || work(piece))).collect();
        let first = work(first);
        let others =
            others.into_iter().map(|other| other.join().unwrap_or_else(|gone| std::panic::resume_unwind(gone)));
        std::iter::once(first).chain(others).collect()
    })
}

/// Whether a row has no target and cannot be used.
fn no_target(field: &str) -> bool {
    matches!(cell(field, false), Cell::Missing | Cell::Infinite)
}

/// First pass. `target` is the position of the target, if rows need one.
pub(crate) fn survey(table: &Delimited, pieces: &[Piece], target: Option<usize>) -> Result<Survey, InputError> {
    let surveyed = each(pieces.iter().collect(), |piece| {
        let mut sketches = vec![Sketch::new(table.decimal_comma()); table.names.len()];
        let mut left_out = Vec::new();
        let mut all: u32 = 0;
        table.each_row(piece, |row, fields| {
            if all >= UNSEEN {
                return Err(InputError::new(TOO_MANY));
            }
            if target.is_some_and(|position| no_target(fields.get(position))) {
                left_out.push(all);
            } else {
                sketches.iter_mut().enumerate().for_each(|(i, sketch)| sketch.add(row, fields.get(i)));
            }
            all += 1;
            Ok(())
        })?;
        Ok((sketches, left_out, all))
    })?;
    let mut survey = Survey { sketches: Vec::new(), left_out: Vec::new(), rows: 0, of_pieces: Vec::new() };
    let mut before: u32 = 0;
    for (sketches, left_out, all) in surveyed {
        match survey.sketches.is_empty() {
            true => survey.sketches = sketches,
            false => survey.sketches.iter_mut().zip(&sketches).for_each(|(first, more)| first.append(more)),
        }
        survey.of_pieces.push(all as usize - left_out.len());
        survey.left_out.extend(left_out.iter().map(|row| before + row));
        before = before.checked_add(all).filter(|all| *all <= UNSEEN).ok_or_else(|| InputError::new(TOO_MANY))?;
    }
    survey.rows = survey.of_pieces.iter().sum();
    Ok(survey)
}

const TOO_MANY: &str = "there are more than four billion rows";

/// The number in a field; whatever else is there is missing.
fn number_or_missing(field: &str, comma: bool) -> f64 {
    match cell(field, comma) {
        Cell::Number(value) => value,
        _ => f64::NAN,
    }
}

/// Where a piece's rows go.
struct Share<'a> {
    piece: &'a Piece<'a>,
    values: Places<'a>,
    target: &'a mut [f64],
}

/// Second pass: into memory that is as long as what is to come.
pub(crate) fn fill(
    table: &Delimited,
    pieces: &[Piece],
    survey: &Survey,
    plan: &Plan,
    target: Option<usize>,
) -> Result<Contents, InputError> {
    let mut values = Block::zeros(plan.kind, survey.rows * plan.numeric.len());
    let mut numbers = vec![0.0; if plan.target.is_some() { survey.rows } else { 0 }];
    let lengths: Vec<usize> = survey.of_pieces.iter().map(|rows| rows * plan.numeric.len()).collect();
    let mut rest = &mut numbers[..];
    let targets = survey.of_pieces.iter().map(|rows| {
        let rows = if plan.target.is_some() { *rows } else { 0 };
        rest.split_off_mut(..rows).unwrap_or_default()
    });
    let shares = pieces.iter().zip(values.places(&lengths)).zip(targets);
    let shares = shares.map(|((piece, values), target)| Share { piece, values, target }).collect();
    let texts = each(shares, |share| share.fill(table, plan, target))?;
    let positions = plan.categorical.iter().copied().chain(target.filter(|_| plan.target.is_none()));
    let texts = texts.into_iter().reduce(|mut first, more| {
        first.iter_mut().zip(more).for_each(|(first, more)| first.append(more));
        first
    });
    let mut texts: Vec<(usize, Interned)> = positions.zip(texts.unwrap_or_default()).collect();
    let target = match (target, plan.target) {
        (None, _) => None,
        (Some(_), Some(_)) => Some(Filled::Numbers(numbers)),
        (Some(_), None) => texts.pop().map(|(_, texts)| Filled::Texts(texts)),
    };
    Ok(Contents { values, texts, target })
}

impl Share<'_> {
    /// Fills the numbers in; gives the texts of the categorical columns and of a target that is text, which is the last.
    fn fill(mut self, table: &Delimited, plan: &Plan, target: Option<usize>) -> Result<Vec<Interned>, InputError> {
        let texts = plan.categorical.len() + usize::from(target.is_some() && plan.target.is_none());
        let mut texts: Vec<Interned> = (0..texts).map(|_| Interned::default()).collect();
        let (mut row, mut place) = (0, 0);
        table.each_row(self.piece, |_, fields: Fields| {
            if target.is_some_and(|position| no_target(fields.get(position))) {
                return Ok(());
            }
            for &(position, comma) in &plan.numeric {
                self.values.put(place, number_or_missing(fields.get(position), comma));
                place += 1;
            }
            let all = plan.categorical.iter().copied().chain(target);
            texts.iter_mut().zip(all).for_each(|(texts, position)| texts.add(fields.get(position)));
            if let (Some(position), Some(comma)) = (target, plan.target) {
                self.target[row] = number_or_missing(fields.get(position), comma);
            }
            row += 1;
            Ok(())
        })?;
        Ok(texts)
    }
}
