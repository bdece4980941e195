//! Bringing one file's columns into the shape of another's: by name where both have names, else by position.

use std::collections::HashMap;
use std::sync::Arc;

use opportune_core::InputError;

use crate::block::{Block, Kind};
use crate::dataset::{Column, Dataset, Layout, MISSING, UNSEEN};
use crate::number::{self, Cell, cell};
use crate::read::nearest_hint;
use crate::table::list;

/// The shape wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) layout: &'a Layout,
    /// The narrowest kind of block to give.
    pub(crate) kind: Kind,
    pub(crate) numeric: Vec<&'a Column>,
    pub(crate) categorical: Vec<(&'a Column, &'a Arc<Vec<String>>)>,
}

/// A feature column of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Numeric(usize),
    Categorical(usize),
}

/// The wanted columns, taken from a table.
pub(crate) struct Conformed {
    pub(crate) values: Block,
    pub(crate) codes: Vec<u32>,
}

/// Takes the wanted columns out of `table`, whose own values are given up.
pub(crate) fn conform(
    wanted: &Wanted<'_>,
    table: &mut Dataset,
    warnings: &mut Vec<String>,
) -> Result<Conformed, InputError> {
    let finder = Finder::new(wanted.layout, table)?;
    let columns: Vec<&Column> = wanted.numeric.iter().copied().chain(wanted.categorical.iter().map(|w| w.0)).collect();
    let places = finder.all(&columns)?;
    if finder.by_name {
        let known = |name: &String| {
            columns.iter().any(|c| c.name == *name)
                || wanted.layout.target.as_ref() == Some(name)
                || wanted.layout.unused.contains(name)
        };
        let extra: Vec<&str> = names(table).filter(|name| !known(name)).map(String::as_str).collect();
        match extra[..] {
            [] => {}
            [name] => warnings.push(format!("column '{name}' is not used")),
            _ => warnings.push(format!("{} columns are not used: {}", extra.len(), list(&extra))),
        }
    }
    let (numeric, categorical) = places.split_at(wanted.numeric.len());
    let codes = codes(wanted, categorical, table, warnings);
    let values = values(wanted, numeric, table, warnings);
    Ok(Conformed { values, codes })
}

fn names(table: &Dataset) -> impl Iterator<Item = &String> {
    table.numeric_columns().chain(table.categorical_columns()).map(|c| &c.name)
}

/// Where a table has the columns of another file.
pub(crate) struct Finder {
    by_name: bool,
    /// The position of the other file's target, where this one lacks it and has no names.
    gap: Option<u32>,
    names: HashMap<String, Place>,
    positions: HashMap<u32, Place>,
    all_names: Vec<String>,
}

impl Finder {
    pub(crate) fn new(wanted: &Layout, table: &Dataset) -> Result<Finder, InputError> {
        let by_name = wanted.named && table.layout.named;
        let mut gap = None;
        if !by_name && table.layout.width != wanted.width {
            gap = wanted.target_position.filter(|_| table.layout.width + 1 == wanted.width);
            if gap.is_none() {
                let or = match wanted.target_position {
                    Some(_) => format!(" (or {} without the target)", wanted.width - 1),
                    None => String::new(),
                };
                return Err(InputError::new(format!(
                    "there are {} columns where {}{or} are wanted",
                    table.layout.width, wanted.width
                ))
                .remedy("give the columns of the training data, in the same order"));
            }
        }
        let numeric = table.numeric.iter().enumerate().map(|(i, c)| (c, Place::Numeric(i)));
        let categorical = table.categorical.iter().enumerate().map(|(i, c)| (&c.column, Place::Categorical(i)));
        let places: Vec<(&Column, Place)> = numeric.chain(categorical).collect();
        Ok(Finder {
            by_name,
            gap,
            names: places.iter().map(|(c, place)| (c.name.clone(), *place)).collect(),
            positions: places.iter().map(|(c, place)| (c.position, *place)).collect(),
            all_names: names(table).cloned().collect(),
        })
    }

    /// Where a column of the other file is, if it is.
    pub(crate) fn find(&self, name: &str, position: Option<u32>) -> Option<Place> {
        if self.by_name {
            return self.names.get(name).copied();
        }
        let position = position?;
        let shifted = match self.gap {
            Some(gap) if position == gap => return None,
            Some(gap) if position > gap => position - 1,
            _ => position,
        };
        self.positions.get(&shifted).copied()
    }

    fn all(&self, columns: &[&Column]) -> Result<Vec<Place>, InputError> {
        let found: Vec<Option<Place>> = columns.iter().map(|c| self.find(&c.name, Some(c.position))).collect();
        let missing: Vec<&str> =
            columns.iter().zip(&found).filter(|(_, place)| place.is_none()).map(|(c, _)| c.name.as_str()).collect();
        match missing[..] {
            [] => Ok(found.into_iter().flatten().collect()),
            [name] => Err(InputError::new(format!("there is no column '{name}', which the training data have"))
                .remedy(nearest_hint(name, &self.all_names))),
            _ => Err(InputError::new(format!("there are no columns {}, which the training data have", list(&missing)))
                .remedy(format!(
                    "the columns here are {}",
                    list(&self.all_names.iter().map(String::as_str).collect::<Vec<_>>())
                ))),
        }
    }
}

/// A count with its noun.
fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

fn values(wanted: &Wanted<'_>, places: &[Place], table: &mut Dataset, warnings: &mut Vec<String>) -> Block {
    let width = table.numeric.len();
    let in_order = places.len() == width && places.iter().enumerate().all(|(i, p)| *p == Place::Numeric(i));
    let block = if in_order {
        // Nothing to rearrange: images and arrays are not copied.
        std::mem::replace(&mut table.values, Block::empty(Kind::U8))
    } else {
        let texts: Vec<Option<Vec<f64>>> = places
            .iter()
            .zip(&wanted.numeric)
            .map(|(place, column)| match *place {
                Place::Numeric(_) => None,
                Place::Categorical(i) => Some(numbers_of(table, i, &column.name, warnings)),
            })
            .collect();
        let parsed = texts.iter().flatten().flatten().map(|&v| Kind::of(v)).max().unwrap_or(Kind::U8);
        let missing = if texts.iter().any(Option::is_some) { Kind::F32 } else { Kind::U8 };
        let mut block = Block::empty(table.values.kind().max(parsed).max(missing));
        for row in 0..table.rows {
            for (place, numbers) in places.iter().zip(&texts) {
                block.push(match (*place, numbers) {
                    (Place::Categorical(i), Some(numbers)) => {
                        let code = table.codes[row * table.categorical.len() + i];
                        numbers.get(code as usize).copied().unwrap_or(f64::NAN)
                    }
                    (Place::Numeric(i) | Place::Categorical(i), _) => table.value(row, i),
                });
            }
        }
        block
    };
    let wide = wanted.kind.max(block.kind());
    block.into_kind(wide)
}

/// The numbers that the levels of a text column stand for, NaN where they stand for none.
fn numbers_of(table: &Dataset, column: usize, name: &str, warnings: &mut Vec<String>) -> Vec<f64> {
    let levels = &table.categorical[column].levels;
    let parse = |comma| levels.iter().map(|level| cell(level, comma)).collect::<Vec<_>>();
    let count_numbers = |cells: &[Cell]| cells.iter().filter(|c| matches!(c, Cell::Number(_))).count();
    let mut cells = parse(false);
    if table.decimal_comma {
        let with_comma = parse(true);
        if count_numbers(&with_comma) > count_numbers(&cells) {
            cells = with_comma;
        }
    }
    let used = |code: u32| cells.get(code as usize) == Some(&Cell::Text);
    let mut codes = table.codes.iter().skip(column).step_by(table.categorical.len().max(1)).copied();
    if let Some(first) = codes.clone().find(|&code| used(code)) {
        let odd = codes.by_ref().filter(|&code| used(code)).count();
        warnings.push(format!(
            "column '{name}': {} where a number is wanted, taken as missing, first '{}'",
            count(odd, "text", "texts"),
            levels[first as usize].chars().take(40).collect::<String>()
        ));
    }
    cells
        .into_iter()
        .map(|cell| match cell {
            Cell::Number(value) => value,
            _ => f64::NAN,
        })
        .collect()
}

fn codes(wanted: &Wanted<'_>, places: &[Place], table: &Dataset, warnings: &mut Vec<String>) -> Vec<u32> {
    let width = places.len();
    let mut codes = vec![MISSING; table.rows * width];
    for (i, (place, (column, levels))) in places.iter().zip(&wanted.categorical).enumerate() {
        let mut unseen = Vec::new();
        let found = codes_in(table, *place, levels);
        for (row, code) in found.into_iter().enumerate() {
            codes[row * width + i] = code;
            if code == UNSEEN {
                unseen.push(row);
            }
        }
        if let Some(&first) = unseen.first() {
            warnings.push(format!(
                "column '{}': {} not among those of the training data, taken as none of them, first '{}'",
                column.name,
                count(unseen.len(), "category", "categories"),
                text_at(table, *place, first).chars().take(40).collect::<String>()
            ));
        }
    }
    codes
}

/// The text of a field, as far as the table still knows it.
pub(crate) fn text_at(table: &Dataset, place: Place, row: usize) -> String {
    match place {
        Place::Numeric(i) => number::text(table.value(row, i)),
        Place::Categorical(i) => {
            let code = table.codes[row * table.categorical.len() + i];
            table.categorical[i].levels.get(code as usize).cloned().unwrap_or_default()
        }
    }
}

/// A column as codes into `levels`. Where this table has numbers and the other had texts (all its numbers beside a
/// few words), numbers are found by value: 1 is `1`, `01` or `1.0`.
pub(crate) fn codes_in(table: &Dataset, place: Place, levels: &[String]) -> Vec<u32> {
    match place {
        Place::Categorical(i) => {
            let known: HashMap<&str, u32> = levels.iter().enumerate().map(|(i, l)| (l.as_str(), i as u32)).collect();
            let map: Vec<u32> = table.categorical[i]
                .levels
                .iter()
                .map(|level| known.get(level.as_str()).copied().unwrap_or(UNSEEN))
                .collect();
            let codes = table.codes.iter().skip(i).step_by(table.categorical.len());
            codes
                .map(|&code| if code == MISSING { MISSING } else { map.get(code as usize).copied().unwrap_or(UNSEEN) })
                .collect()
        }
        Place::Numeric(i) => {
            let mut known: HashMap<u64, u32> = HashMap::new();
            for (code, level) in levels.iter().enumerate() {
                if let Cell::Number(value) = cell(level, false) {
                    known.entry((value + 0.0).to_bits()).or_insert(code as u32);
                }
            }
            (0..table.rows)
                .map(|row| match table.value(row, i) {
                    value if value.is_nan() => MISSING,
                    value => known.get(&(value + 0.0).to_bits()).copied().unwrap_or(UNSEEN),
                })
                .collect()
        }
    }
}
