//! What kind of column each is, from one pass over the text in which nothing but counts is kept.

use crate::block::Kind;
use crate::number::{Cell, cell};

/// From this many numbers on, a few odd texts do not make a column categorical.
const ENOUGH_NUMBERS: usize = 20;

/// Counts of one column under one reading of its numbers (decimal point or comma).
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    pub(crate) missing: usize,
    pub(crate) infinite: usize,
    pub(crate) numbers: usize,
    pub(crate) odd: usize,
    /// Row and text of the first field that is no number.
    pub(crate) first_odd: Option<(u64, String)>,
    least: f64,
    greatest: f64,
    kind: Kind,
    /// First and last number, as long as the column does nothing but count up by one.
    counting: Option<(f64, f64)>,
}

impl Tally {
    fn new() -> Tally {
        Tally {
            missing: 0,
            infinite: 0,
            numbers: 0,
            odd: 0,
            first_odd: None,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            kind: Kind::U8,
            counting: None,
        }
    }

    fn add(&mut self, row: u64, field: &str, decimal_comma: bool) {
        match cell(field, decimal_comma) {
            Cell::Missing => self.missing += 1,
            Cell::Infinite => self.infinite += 1,
            Cell::Number(value) => {
                self.counting = match self.counting {
                    None if self.numbers == 0 => Some((value, value)),
                    Some((first, before)) if value == before + 1.0 => Some((first, value)),
                    _ => None,
                };
                self.numbers += 1;
                self.least = self.least.min(value);
                self.greatest = self.greatest.max(value);
                self.kind = self.kind.max(Kind::of(value));
            }
            Cell::Text => {
                self.odd += 1;
                if self.first_odd.is_none() {
                    self.first_odd = Some((row, field.chars().take(40).collect()));
                }
            }
        }
    }

    /// Counts the fields of further rows in.
    fn append(&mut self, more: &Tally) {
        self.counting = match (self.counting, more.counting) {
            (_, counting) if self.numbers == 0 => counting,
            (counting, _) if more.numbers == 0 => counting,
            (Some((first, before)), Some((value, last))) if value == before + 1.0 => Some((first, last)),
            _ => None,
        };
        self.missing += more.missing;
        self.infinite += more.infinite;
        self.numbers += more.numbers;
        self.odd += more.odd;
        if self.first_odd.is_none() {
            self.first_odd.clone_from(&more.first_odd);
        }
        self.least = self.least.min(more.least);
        self.greatest = self.greatest.max(more.greatest);
        self.kind = self.kind.max(more.kind);
    }

    /// Whether no field is text.
    pub(crate) fn all_numbers(&self) -> bool {
        self.odd == 0
    }

    /// Whether at least 99% of what is not missing, and at least 20 values, are numbers.
    pub(crate) fn nearly_all_numbers(&self) -> bool {
        let numbers = self.numbers + self.infinite;
        numbers >= ENOUGH_NUMBERS && self.odd * 99 <= numbers
    }

    pub(crate) fn only_missing(&self) -> bool {
        self.numbers == 0 && self.odd == 0
    }

    /// Whether there is one number only. Missing values beside it would become the same number.
    pub(crate) fn constant(&self) -> bool {
        self.least == self.greatest && self.odd == 0
    }

    /// Whether the values number the rows from 0 or 1.
    pub(crate) fn counts_rows(&self) -> bool {
        let counts = self.counting.is_some_and(|(first, _)| first == 0.0 || first == 1.0);
        counts && self.numbers > 1 && self.missing + self.odd + self.infinite == 0
    }

    /// The narrowest block that holds the column as numbers, all else being missing.
    pub(crate) fn kind(&self) -> Kind {
        if self.missing + self.odd + self.infinite > 0 { self.kind.max(Kind::F32) } else { self.kind }
    }
}

/// Both readings of one column.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    point: Tally,
    comma: Option<Tally>,
}

impl Sketch {
    /// `decimal_comma` says whether numbers of this file may be written with a comma.
    pub(crate) fn new(decimal_comma: bool) -> Sketch {
        Sketch { point: Tally::new(), comma: decimal_comma.then(Tally::new) }
    }

    pub(crate) fn add(&mut self, row: u64, field: &str) {
        self.point.add(row, field, false);
        if let Some(comma) = &mut self.comma {
            comma.add(row, field, true);
        }
    }

    /// Counts the fields of further rows in.
    pub(crate) fn append(&mut self, more: &Sketch) {
        self.point.append(&more.point);
        if let (Some(comma), Some(more)) = (&mut self.comma, &more.comma) {
            comma.append(more);
        }
    }

    /// The reading that gives more numbers, and whether that is the one with the comma.
    pub(crate) fn best(&self) -> (&Tally, bool) {
        match &self.comma {
            Some(comma) if comma.numbers > self.point.numbers => (comma, true),
            _ => (&self.point, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(fields: &[&str], decimal_comma: bool) -> Sketch {
        let mut sketch = Sketch::new(decimal_comma);
        for (i, field) in fields.iter().enumerate() {
            sketch.add(i as u64 + 2, field);
        }
        // The same in two parts, wherever they meet.
        for middle in 0..=fields.len() {
            let mut parts = [Sketch::new(decimal_comma), Sketch::new(decimal_comma)];
            for (i, field) in fields.iter().enumerate() {
                parts[usize::from(i >= middle)].add(i as u64 + 2, field);
            }
            let [mut first, more] = parts;
            first.append(&more);
            assert_eq!(format!("{first:?}"), format!("{sketch:?}"), "{middle}");
        }
        sketch
    }

    #[test]
    fn the_comma_wins_only_where_it_gives_more_numbers() {
        assert!(sketch(&["1,5", "2", "3,25"], true).best().1);
        assert!(!sketch(&["1,5", "2", "3,25"], false).best().1);
        assert!(!sketch(&["1.5", "2.5", "3,25"], true).best().1);
        assert!(!sketch(&["1", "2"], true).best().1);
    }

    #[test]
    fn one_odd_text_among_a_hundred_is_let_pass() {
        let mut fields = vec!["1"; 99];
        fields.push("oops");
        let all = sketch(&fields, false);
        let (tally, _) = all.best();
        assert!(tally.nearly_all_numbers() && !tally.all_numbers());
        assert_eq!(tally.first_odd, Some((101, "oops".to_string())));
        fields.push("again");
        assert!(!sketch(&fields, false).best().0.nearly_all_numbers());
        assert!(!sketch(&["1", "2", "x"], false).best().0.nearly_all_numbers());
    }

    #[test]
    fn constant_missing_and_counting_columns_are_known() {
        assert!(sketch(&["3", "", "3.0"], false).best().0.constant());
        assert!(sketch(&["", "NA"], false).best().0.only_missing());
        assert!(sketch(&["0", "1", "2"], false).best().0.counts_rows());
        assert!(sketch(&["1", "2", "3"], false).best().0.counts_rows());
        assert!(!sketch(&["1", "3", "2"], false).best().0.counts_rows());
        assert!(!sketch(&["2", "3"], false).best().0.counts_rows());
        assert!(!sketch(&["0", "1", "7", "8"], false).best().0.counts_rows());
    }

    #[test]
    fn the_kind_is_the_narrowest() {
        assert_eq!(sketch(&["1", "255"], false).best().0.kind(), Kind::U8);
        assert_eq!(sketch(&["1", ""], false).best().0.kind(), Kind::F32);
        assert_eq!(sketch(&["1", "inf"], false).best().0.kind(), Kind::F32);
        assert_eq!(sketch(&["0.1"], false).best().0.kind(), Kind::F64);
    }
}
