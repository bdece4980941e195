//! Text columns: each distinct text once, a code for each row, and which columns are worth keeping.

use std::collections::HashMap;
use std::sync::Arc;

use crate::dataset::{Categories, Column, MISSING};
use crate::encode::MOST_LEVELS;
use crate::number;

/// A text column with more distinct values than this, in more than half of its rows, is an identifier.
const FEW_LEVELS: usize = 20;

/// Texts by order of appearance, and a code for each row.
#[derive(Default)]
pub(crate) struct Interned {
    known: HashMap<String, u32>,
    pub(crate) texts: Vec<String>,
    pub(crate) codes: Vec<u32>,
}

impl Interned {
    /// The next row's field.
    pub(crate) fn add(&mut self, field: &str) {
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

impl Interned {
    /// The fields of further rows.
    pub(crate) fn append(&mut self, more: Interned) {
        let codes: Vec<u32> = more
            .texts
            .into_iter()
            .map(|text| {
                let next = self.texts.len() as u32;
                *self.known.entry(text).or_insert_with_key(|text| {
                    self.texts.push(text.clone());
                    next
                })
            })
            .collect();
        self.codes
            .extend(more.codes.into_iter().map(|code| if code == MISSING { MISSING } else { codes[code as usize] }));
    }

    /// Why nothing can be learned from the column, if so.
    fn useless(&self) -> Option<String> {
        let distinct = self.texts.len();
        let present = self.codes.iter().filter(|&&code| code != MISSING).count();
        if distinct > FEW_LEVELS && distinct * 2 > present {
            Some(format!("has {distinct} different texts in {present} rows, as an identifier or free text has"))
        } else if distinct == 1 && present == self.codes.len() {
            Some("has one value only".to_string())
        } else {
            None
        }
    }

    /// The levels in lexicographic order, and the codes into them.
    fn sorted(mut self) -> (Vec<String>, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| self.texts[a as usize].cmp(&self.texts[b as usize]));
        let mut rank = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| rank[old as usize] = new as u32);
        for code in self.codes.iter_mut().filter(|code| **code != MISSING) {
            *code = rank[*code as usize];
        }
        let levels = order.iter().map(|&old| std::mem::take(&mut self.texts[old as usize])).collect();
        (levels, self.codes)
    }
}

/// The text columns, as categories and one row-major block of codes. Of a file to train on (`training`) the useless
/// ones are left out; what they are called goes to `left_out`.
pub(crate) fn categories(
    columns: Vec<(Column, Interned)>,
    training: bool,
    left_out: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> (Vec<Categories>, Vec<u32>) {
    let mut kept = Vec::new();
    let mut columns_of_codes = Vec::new();
    for (column, interned) in columns {
        let name = &column.name;
        if training {
            if let Some(why) = interned.useless() {
                warnings.push(format!("column '{name}' {why}, and is left out"));
                left_out.push(column.name);
                continue;
            }
            if interned.texts.len() > MOST_LEVELS {
                warnings.push(format!(
                    "column '{name}' has {} categories; the {MOST_LEVELS} most frequent ones in the training rows are \
                     used, the others count as none of them",
                    interned.texts.len()
                ));
            }
        }
        let (levels, codes) = interned.sorted();
        kept.push(Categories { column, levels: Arc::new(levels) });
        columns_of_codes.push(codes);
    }
    let (width, rows) = (kept.len(), columns_of_codes.first().map_or(0, Vec::len));
    let mut codes = vec![0; rows * width];
    for (i, column) in columns_of_codes.iter().enumerate() {
        column.iter().enumerate().for_each(|(row, &code)| codes[row * width + i] = code);
    }
    (kept, codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, fields: &[String]) -> (Column, Interned) {
        let mut interned = Interned::default();
        fields.iter().for_each(|field| interned.add(field));
        (Column { name: name.to_string(), position: 0 }, interned)
    }

    #[test]
    fn codes_are_in_lexicographic_order_and_row_major() {
        let fields = |texts: [&str; 4]| texts.map(String::from);
        let columns = vec![column("a", &fields(["z", "y", "", "z"])), column("b", &fields(["p", "q", "q", "NA"]))];
        let (kept, codes) = categories(columns, true, &mut vec![], &mut vec![]);
        assert_eq!(*kept[0].levels, ["y", "z"]);
        assert_eq!(codes, [1, 0, 0, 1, MISSING, 1, 1, MISSING]);
    }

    #[test]
    fn useless_columns_are_left_out_of_training_only() {
        let many: Vec<String> = (0..40).map(|i| format!("name {}", i.min(21))).collect();
        let few: Vec<String> = (0..40).map(|i| format!("name {}", i.min(19))).collect();
        let one = vec!["same".to_string(); 40];
        let half: Vec<String> = (0..40).map(|i| if i < 20 { "same".into() } else { String::new() }).collect();
        let columns = || vec![column("many", &many), column("few", &few), column("one", &one), column("half", &half)];
        let (mut left_out, mut warnings) = (vec![], vec![]);
        let (kept, _) = categories(columns(), true, &mut left_out, &mut warnings);
        assert_eq!(kept.iter().map(|c| c.column.name.as_str()).collect::<Vec<_>>(), ["few", "half"]);
        assert_eq!(left_out, ["many", "one"]);
        assert!(warnings[0].contains("'many' has 22 different texts in 40 rows"), "{warnings:?}");
        assert_eq!(categories(columns(), false, &mut vec![], &mut vec![]).0.len(), 4);
    }
}
