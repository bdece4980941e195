//! A delimited text to a data set, in two passes: the first counts, the second fills. The text is held once, and
//! beside it nothing but the data set itself.

use std::collections::HashMap;
use std::sync::Arc;

use opportune_core::InputError;

use crate::block::{Block, Kind};
use crate::dataset::{Categories, Column, Dataset, Layout, MISSING, Target, UNSEEN};
use crate::delimited::Delimited;
use crate::encode::MOST_LEVELS;
use crate::infer::{Sketch, Tally};
use crate::number::{self, Cell, cell};
use crate::read::{ReadOptions, nearest_hint};
use crate::target::{self, Raw};

/// A text column with more distinct values than this, in more than half of its rows, is an identifier.
const FEW_LEVELS: usize = 20;

/// Reads a table. Without `options.needs_target` every column is kept, whatever is in it.
pub(crate) fn dataset(
    table: &Delimited,
    options: &ReadOptions,
    warnings: &mut Vec<String>,
) -> Result<Dataset, InputError> {
    let target = match options.needs_target {
        true => Some(target_column(table, options.target.as_deref())?),
        false => None,
    };
    let (sketches, left_out, rows) = survey(table, target)?;
    if rows == 0 && left_out.is_empty() {
        return Err(InputError::new("there are no rows below the header").remedy("give at least two rows of data"));
    }
    let plan = plan(table, &sketches, target, warnings);
    let mut filled = fill(table, &plan, target)?;
    let kept = categories(table, &mut filled, options.needs_target, warnings);
    tell_left_out(left_out.len(), warnings);
    let target_values = match (target, filled.target) {
        (Some(position), Some(column)) => {
            let name = &table.names[position];
            let (tally, _) = sketches[position].best();
            let raw = match column {
                Filled::Numbers(values) => Raw::Numbers(values),
                Filled::Texts(interned) => {
                    target::check_texts(tally, name, interned.texts.len(), options.task)?;
                    Raw::Texts { codes: interned.codes, texts: interned.texts }
                }
            };
            target::decide(raw, options.task, warnings).map_err(|error| error.at(format!("column '{name}'")))?
        }
        _ => Target::None,
    };
    let (categorical, codes) = interleave(kept, rows);
    let data = Dataset {
        rows,
        numeric: plan.numeric.iter().map(|&(position, _)| column(table, position)).collect(),
        values: filled.values,
        categorical,
        codes,
        target: target_values,
        layout: Layout {
            named: table.named,
            width: table.names.len() as u32,
            target: target.map(|position| table.names[position].clone()),
            target_position: target.map(|position| position as u32),
            image: false,
        },
        file_rows: rows + left_out.len(),
        left_out,
        decimal_comma: table.decimal_comma(),
    };
    if data.features() == 0 {
        return Err(InputError::new(match table.names.len() {
            1 => "there is only one column, so nothing to predict it from".to_string(),
            _ => "no column is left to predict from".to_string(),
        })
        .remedy("give a table with at least one column beside the target, delimited by , ; tab or |"));
    }
    Ok(data)
}

pub(crate) fn tell_left_out(count: usize, warnings: &mut Vec<String>) {
    match count {
        0 => {}
        1 => warnings.push("1 row has no target and is left out".to_string()),
        _ => warnings.push(format!("{count} rows have no target and are left out")),
    }
}

fn column(table: &Delimited, position: usize) -> Column {
    Column { name: table.names[position].clone(), position: position as u32 }
}

/// The position of the target: the column asked for, else the last that has a name.
fn target_column(table: &Delimited, asked: Option<&str>) -> Result<usize, InputError> {
    let Some(asked) = asked.map(str::trim) else {
        // A delimiter at the end of every row makes a nameless last column.
        return Ok(table.raw_names.iter().rposition(|name| !name.is_empty()).unwrap_or(table.names.len() - 1));
    };
    let same = table.raw_names.iter().filter(|name| *name == asked).count();
    if same > 1 {
        return Err(InputError::new(format!("{same} columns are called '{asked}'"))
            .remedy("rename all but the target in the file's header"));
    }
    if let Some(position) = table.names.iter().position(|name| name == asked) {
        return Ok(position);
    }
    match asked.parse::<usize>() {
        Ok(number) if !table.named && (1..=table.names.len()).contains(&number) => Ok(number - 1),
        _ => Err(InputError::new(format!("there is no column '{asked}'")).remedy(nearest_hint(asked, &table.names))),
    }
}

/// Whether a row has no target and cannot be used.
fn no_target(field: &str) -> bool {
    matches!(cell(field, false), Cell::Missing | Cell::Infinite)
}

/// First pass: counts of all columns over the rows that have a target, the rows that have none, and how many have.
fn survey(table: &Delimited, target: Option<usize>) -> Result<(Vec<Sketch>, Vec<u32>, usize), InputError> {
    let mut sketches = vec![Sketch::new(table.decimal_comma()); table.names.len()];
    let mut left_out = Vec::new();
    let mut all: u32 = 0;
    table.each_row(|row, fields| {
        if all >= UNSEEN {
            return Err(InputError::new("there are more than four billion rows"));
        }
        if target.is_some_and(|position| no_target(fields.get(position))) {
            left_out.push(all);
        } else {
            sketches.iter_mut().enumerate().for_each(|(i, sketch)| sketch.add(row, fields.get(i)));
        }
        all += 1;
        Ok(())
    })?;
    let rows = all as usize - left_out.len();
    Ok((sketches, left_out, rows))
}

/// What the second pass is to do with each column.
struct Plan {
    /// Position, and whether numbers have a decimal comma.
    numeric: Vec<(usize, bool)>,
    categorical: Vec<usize>,
    /// Whether the target is numeric, and then whether with a decimal comma.
    target: Option<bool>,
    kind: Kind,
}

fn plan(table: &Delimited, sketches: &[Sketch], target: Option<usize>, warnings: &mut Vec<String>) -> Plan {
    let mut plan = Plan { numeric: Vec::new(), categorical: Vec::new(), target: None, kind: Kind::U8 };
    let (mut empty, mut constant, mut commas) = (Vec::new(), Vec::new(), Vec::new());
    for (position, sketch) in sketches.iter().enumerate() {
        let name = table.names[position].as_str();
        let (tally, comma) = sketch.best();
        if target == Some(position) {
            plan.target = tally.all_numbers().then_some(comma);
            if comma && tally.all_numbers() {
                commas.push(name);
            }
            continue;
        }
        let numeric = match target {
            // A file to be matched to another is taken as it is; what is odd in it is the other's to say.
            None => tally.all_numbers(),
            Some(_) if tally.only_missing() => {
                empty.push(name);
                continue;
            }
            Some(_) if tally.constant() => {
                constant.push(name);
                continue;
            }
            Some(_) if tally.counts_rows() && matches!(table.raw_names[position].as_str(), "" | "Unnamed: 0") => {
                warnings.push(format!("column '{name}' only counts the rows and is left out"));
                continue;
            }
            Some(_) => tally.all_numbers() || tally.nearly_all_numbers(),
        };
        if !numeric {
            plan.categorical.push(position);
            continue;
        }
        if comma {
            commas.push(name);
        }
        if target.is_some() {
            warn_numeric(name, tally, warnings);
        }
        plan.kind = plan.kind.max(tally.kind());
        plan.numeric.push((position, comma));
    }
    let mut tell = |names: &[&str], one: &str, many: &str| match names {
        [] => {}
        [name] => warnings.push(format!("column '{name}' {one}")),
        _ => warnings.push(format!("{} columns {many}: {}", names.len(), list(names))),
    };
    tell(&empty, "has no values and is left out", "have no values and are left out");
    tell(&constant, "has one value only and is left out", "have one value only and are left out");
    tell(&commas, "has decimal commas", "have decimal commas");
    plan
}

fn warn_numeric(name: &str, tally: &Tally, warnings: &mut Vec<String>) {
    if tally.infinite > 0 {
        let values = if tally.infinite == 1 { "1 infinite value counts" } else { "infinite values count" };
        let count = if tally.infinite == 1 { String::new() } else { format!("{} ", tally.infinite) };
        warnings.push(format!("column '{name}': {count}{values} as missing"));
    }
    if let Some((row, text)) = &tally.first_odd {
        let texts = if tally.odd == 1 {
            "1 text among numbers counts".into()
        } else {
            format!("{} texts among numbers count", tally.odd)
        };
        warnings.push(format!("column '{name}': {texts} as missing, first '{text}' in row {row}"));
    }
}

/// At most eight names, and how many more there are.
pub(crate) fn list(names: &[&str]) -> String {
    let shown = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown} and {} more", names.len() - 8) } else { shown }
}

/// The number in a field; whatever else is there is missing.
fn number_or_missing(field: &str, comma: bool) -> f64 {
    match cell(field, comma) {
        Cell::Number(value) => value,
        _ => f64::NAN,
    }
}

/// Texts by order of appearance, and a code for each row.
#[derive(Default)]
struct Interned {
    known: HashMap<String, u32>,
    texts: Vec<String>,
    codes: Vec<u32>,
}

impl Interned {
    fn add(&mut self, field: &str) {
        let code = match self.known.get(field) {
            Some(&code) => code,
            None if number::is_missing(field) => MISSING,
            None => {
                let code = self.texts.len() as u32;
                self.known.insert(field.to_string(), code);
                self.texts.push(field.to_string());
                code
            }
        };
        self.codes.push(code);
    }
}

enum Filled {
    Numbers(Vec<f64>),
    Texts(Interned),
}

struct Contents {
    values: Block,
    texts: Vec<(usize, Interned)>,
    target: Option<Filled>,
}

/// Second pass.
fn fill(table: &Delimited, plan: &Plan, target: Option<usize>) -> Result<Contents, InputError> {
    let mut contents = Contents {
        values: Block::empty(plan.kind),
        texts: plan.categorical.iter().map(|&position| (position, Interned::default())).collect(),
        target: target.map(|_| match plan.target {
            Some(_) => Filled::Numbers(Vec::new()),
            None => Filled::Texts(Interned::default()),
        }),
    };
    table.each_row(|_, fields| {
        if target.is_some_and(|position| no_target(fields.get(position))) {
            return Ok(());
        }
        for &(position, comma) in &plan.numeric {
            contents.values.push(number_or_missing(fields.get(position), comma));
        }
        for (position, interned) in &mut contents.texts {
            interned.add(fields.get(*position));
        }
        if let (Some(position), Some(filled)) = (target, &mut contents.target) {
            match filled {
                Filled::Numbers(values) => {
                    values.push(number_or_missing(fields.get(position), plan.target == Some(true)));
                }
                Filled::Texts(interned) => interned.add(fields.get(position)),
            }
        }
        Ok(())
    })?;
    Ok(contents)
}

/// The text columns that are kept, with levels in lexicographic order.
fn categories(
    table: &Delimited,
    contents: &mut Contents,
    training: bool,
    warnings: &mut Vec<String>,
) -> Vec<(Categories, Vec<u32>)> {
    let mut kept = Vec::new();
    for (position, interned) in contents.texts.drain(..) {
        let name = &table.names[position];
        let distinct = interned.texts.len();
        let present = interned.codes.iter().filter(|&&code| code != MISSING).count();
        if training {
            if distinct > FEW_LEVELS && distinct * 2 > present {
                warnings.push(format!(
                    "column '{name}' has {distinct} different texts in {present} rows, as an identifier or free text \
                     has, and is left out"
                ));
                continue;
            }
            if distinct == 1 && present == interned.codes.len() {
                warnings.push(format!("column '{name}' has one value only and is left out"));
                continue;
            }
            if distinct > MOST_LEVELS {
                warnings.push(format!(
                    "column '{name}' has {distinct} categories; the {MOST_LEVELS} most frequent ones in the training \
                     rows are used, the others count as none of them"
                ));
            }
        }
        let mut order: Vec<u32> = (0..distinct as u32).collect();
        order.sort_unstable_by(|&a, &b| interned.texts[a as usize].cmp(&interned.texts[b as usize]));
        let mut rank = vec![0; distinct];
        order.iter().enumerate().for_each(|(new, &old)| rank[old as usize] = new as u32);
        let mut texts = interned.texts;
        let levels: Vec<String> = order.iter().map(|&old| std::mem::take(&mut texts[old as usize])).collect();
        let mut codes = interned.codes;
        for code in codes.iter_mut().filter(|code| **code != MISSING) {
            *code = rank[*code as usize];
        }
        kept.push((Categories { column: column(table, position), levels: Arc::new(levels) }, codes));
    }
    kept
}

/// Columns of codes to one row-major block.
fn interleave(columns: Vec<(Categories, Vec<u32>)>, rows: usize) -> (Vec<Categories>, Vec<u32>) {
    let mut codes = vec![0; rows * columns.len()];
    let width = columns.len();
    for (i, (_, column)) in columns.iter().enumerate() {
        column.iter().enumerate().for_each(|(row, &code)| codes[row * width + i] = code);
    }
    (columns.into_iter().map(|(categories, _)| categories).collect(), codes)
}
