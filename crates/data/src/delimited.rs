//! CSV and its relatives: which delimiter, which header, and the records one by one.

use csv::StringRecord;
use opportune_core::InputError;

use crate::number::{Cell, cell};
use crate::quotes;

/// Delimiters in the order in which they are preferred.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Bytes of a text that are worth a core of their own: half a millisecond of reading or more.
const PIECE: usize = if cfg!(test) { 64 } else { 24 << 10 };

/// Rows of a text, one after another.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    text: &'a str,
    /// Lines of the file before it.
    lines: u64,
}

/// A delimited text whose header has been read.
#[derive(Debug)]
pub(crate) struct Delimited {
    text: String,
    delimiter: u8,
    quoted: bool,
    /// Column names, unique and not empty.
    pub(crate) names: Vec<String>,
    /// Names as they stand in the file, trimmed.
    pub(crate) raw_names: Vec<String>,
    /// Whether the file has a header.
    pub(crate) named: bool,
    /// Where the text's first row of data begins, in bytes.
    body: usize,
}

impl Delimited {
    /// Finds delimiter and header of `text`, whose lines end in `\n`. `prefer_tab` is for files called .tsv.
    pub(crate) fn new(mut text: String, prefer_tab: bool, warnings: &mut Vec<String>) -> Result<Delimited, InputError> {
        let delimiter = detect(&text, prefer_tab);
        let quoted = text.contains('"');
        if quoted {
            match quotes::tidy(&text, delimiter) {
                Ok(None) => {}
                Ok(Some(tidied)) => text = tidied,
                Err(line) => {
                    return Err(InputError::new("a quote is opened here and never closed")
                        .at(format!("row {line}"))
                        .remedy("close it, or double it where it is part of the text"));
                }
            }
        }
        let mut table =
            Delimited { text, delimiter, quoted, names: Vec::new(), raw_names: Vec::new(), named: false, body: 0 };
        let (first, end) = table.first_record().ok_or_else(|| {
            InputError::new("the file is empty").remedy("give a table with a header and at least two rows")
        })?;
        let comma = table.decimal_comma();
        let numbers = first.iter().filter(|f| matches!(cell(f, comma), Cell::Number(_))).count();
        let texts = first.iter().filter(|f| cell(f, comma) == Cell::Text).count();
        table.named = texts > 0 || numbers == 0;
        if !table.named {
            warnings.push(format!(
                "the first row holds only numbers, so the file has no header; its columns are called column_1 to \
                 column_{}",
                first.len()
            ));
            table.names = (1..=first.len()).map(|i| format!("column_{i}")).collect();
            table.raw_names.clone_from(&table.names);
            return Ok(table);
        }
        if numbers > 0 && numbers * 2 >= first.len() {
            warnings.push(format!(
                "the first row is taken for the header although {numbers} of its {} fields are numbers; add a header \
                 if it is data",
                first.len()
            ));
        }
        table.body = end;
        table.names = unique(&first, warnings);
        table.raw_names = first;
        Ok(table)
    }

    /// Whether numbers may be written with a decimal comma.
    pub(crate) fn decimal_comma(&self) -> bool {
        self.delimiter != b','
    }

    /// The text in at most as many pieces, of whole rows each and not too short to be worth a core of its own. Where there
    /// are quotes it stays in one piece: a row may hold line breaks then.
    pub(crate) fn pieces(&self, most: usize) -> Vec<Piece<'_>> {
        let (head, mut rest) = self.text.split_at(self.body);
        let most = if self.quoted { 1 } else { most.clamp(1, (rest.len() / PIECE).max(1)) };
        let breaks = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count() as u64;
        let (mut pieces, mut lines) = (Vec::with_capacity(most), breaks(head));
        for left in (1..=most).rev() {
            // Line breaks are single bytes wherever they are.
            let about = rest.len() / left;
            let end =
                rest.as_bytes()[about..].iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| about + at + 1);
            let (text, after) = if left == 1 { (rest, "") } else { rest.split_at(end) };
            pieces.push(Piece { text, lines });
            lines += breaks(text);
            rest = after;
        }
        pieces
    }

    /// Calls `visit` with the row number and the fields of every data row of a piece.
    pub(crate) fn each_row(
        &self,
        piece: &Piece,
        mut visit: impl FnMut(u64, Fields<'_>) -> Result<(), InputError>,
    ) -> Result<(), InputError> {
        let mut records = self.records(piece.text);
        while let Some(row) = records.advance() {
            let row = piece.lines + row;
            let found = records.record.len();
            if found != self.names.len() {
                let what = if found == 1 { "1 field".to_string() } else { format!("{found} fields") };
                let first = if self.named { "header" } else { "first row" };
                return Err(InputError::new(format!("{what} where the {first} has {}", self.names.len()))
                    .at(format!("row {row}"))
                    .remedy("mend the row, or quote fields that hold the delimiter"));
            }
            visit(row, Fields(&records.record))?;
        }
        Ok(())
    }

    fn records<'a>(&self, text: &'a str) -> Records<'a> {
        let reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        Records { reader, record: StringRecord::new(), quoted: self.quoted }
    }

    /// The first row, and where it ends.
    fn first_record(&self) -> Option<(Vec<String>, usize)> {
        let mut records = self.records(&self.text);
        records.advance()?;
        let end = records.reader.position().byte() as usize;
        Some((records.record.iter().map(|f| f.trim().to_string()).collect(), end))
    }
}

/// The fields of one row, one for each name.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a StringRecord);

impl<'a> Fields<'a> {
    /// A field without the spaces around it.
    pub(crate) fn get(&self, position: usize) -> &'a str {
        self.0[position].trim()
    }
}

struct Records<'a> {
    reader: csv::Reader<&'a [u8]>,
    record: StringRecord,
    quoted: bool,
}

impl Records<'_> {
    /// Reads the next record that is not blank and gives the line it begins on, from 1.
    fn advance(&mut self) -> Option<u64> {
        loop {
            // Reading from memory, in UTF-8 and with rows of any length allowed, cannot fail.
            if !self.reader.read_record(&mut self.record).unwrap_or(false) {
                return None;
            }
            if self.record.len() == 1 && self.record.get(0).is_some_and(|f| f.trim().is_empty()) {
                continue;
            }
            // The parser skips blank lines before a record, so only the line after it is certain.
            let inner = match self.quoted {
                true => self.record.iter().map(|f| f.bytes().filter(|&b| b == b'\n').count() as u64).sum(),
                false => 0,
            };
            return Some((self.reader.position().line() - 1).saturating_sub(inner));
        }
    }
}

/// The delimiter under which the first rows have most often as many fields as the header, at least two. Where
/// several do equally well: the one that gives more numbers, then the one preferred.
fn detect(text: &str, prefer_tab: bool) -> u8 {
    let mut end = text.len().min(1 << 16);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let whole = end == text.len();
    let head = &text[..end];
    let mut best = (b',', (0.0, 0.0));
    let order = if prefer_tab { *b"\t,;|" } else { DELIMITERS };
    for delimiter in order {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(head.as_bytes());
        let mut records: Vec<StringRecord> = reader.records().take(100).flatten().collect();
        if !whole && records.len() > 1 && records.len() < 100 {
            records.pop();
        }
        let width = records.first().map_or(0, StringRecord::len);
        if width < 2 {
            continue;
        }
        let rows: Vec<_> = records.iter().filter(|r| r.len() > 1 || !r.iter().all(|f| f.trim().is_empty())).collect();
        let even = rows.iter().filter(|r| r.len() == width).count() as f64 / rows.len() as f64;
        let fields = rows.iter().map(|r| r.len()).sum::<usize>() as f64;
        let number =
            |f: &&str| matches!(cell(f.trim(), delimiter != b','), Cell::Number(_)) || f.parse::<f64>().is_ok();
        let numbers = rows.iter().map(|r| r.iter().filter(number).count()).sum::<usize>() as f64 / fields;
        if (even, numbers) > best.1 {
            best = (delimiter, (even, numbers));
        }
    }
    best.0
}

/// Names without gaps and repetitions.
fn unique(raw: &[String], warnings: &mut Vec<String>) -> Vec<String> {
    let mut taken: std::collections::HashSet<String> = raw.iter().cloned().collect();
    let mut seen = std::collections::HashSet::new();
    let mut changes = Vec::new();
    let mut names = Vec::with_capacity(raw.len());
    for (i, name) in raw.iter().enumerate() {
        if !name.is_empty() && seen.insert(name.as_str()) {
            names.push(name.clone());
            continue;
        }
        let stem = if name.is_empty() { format!("column_{}", i + 1) } else { name.clone() };
        let mut number = 1;
        let mut fresh = stem.clone();
        while taken.contains(&fresh) {
            number += 1;
            fresh = format!("{stem}_{number}");
        }
        taken.insert(fresh.clone());
        changes.push(match name.is_empty() {
            true => format!("column {} has no name and is called '{fresh}'", i + 1),
            false => format!("the name '{name}' occurs again in column {}, which is called '{fresh}'", i + 1),
        });
        names.push(fresh);
    }
    if changes.len() > 3 {
        let more = changes.len() - 2;
        changes.truncate(2);
        changes.push(format!("and {more} more"));
    }
    if !changes.is_empty() {
        warnings.push(changes.join("; "));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> (Delimited, Vec<String>) {
        let mut warnings = Vec::new();
        (Delimited::new(text.to_string(), false, &mut warnings).unwrap(), warnings)
    }

    fn rows(table: &Delimited) -> Vec<(u64, Vec<String>)> {
        let pieces = |most: usize| {
            let mut all = Vec::new();
            for piece in table.pieces(most) {
                let mut row = |row, fields: Fields| {
                    all.push((row, (0..table.names.len()).map(|i| fields.get(i).to_string()).collect()));
                    Ok(())
                };
                table.each_row(&piece, &mut row).unwrap();
            }
            all
        };
        let all = pieces(1);
        for most in [2, 3, 8] {
            assert_eq!(pieces(most), all, "{most} pieces");
        }
        all
    }

    #[test]
    fn pieces_are_whole_rows_that_are_counted_from_the_top() {
        let text: String = (0..100).map(|i| format!("{i},{}\n{}", "x".repeat(i % 50), "\n".repeat(i % 3))).collect();
        let (table, _) = parse(&format!("\n\na,b\n\n{text}"));
        let found = rows(&table);
        assert_eq!((found.len(), found[0].0, &found[0].1[0][..]), (100, 5, "0"));
        assert_eq!(table.pieces(8).len(), 8);
        assert!(table.pieces(8).iter().all(|piece| piece.text.ends_with('\n') && piece.text.len() > 200));
        assert_eq!(table.pieces(1000).len(), (text.len() + 1) / PIECE);
        // A quoted field may hold a line break.
        assert_eq!(parse(&format!("a,b\n{text}1,\"x\ny\"\n")).0.pieces(8).len(), 1);
    }

    #[test]
    fn delimiters_are_found() {
        for (text, delimiter) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n", b';'),
            ("1,5;2,5;3,5\n1,5;2,5;3,5\n", b';'),
            ("a\tb\n1\tx, y\n", b'\t'),
            ("a|b\n1|2\n", b'|'),
            ("a b\n1 2\n", b','),
            ("a;x,b\n1;y,3\n", b','),
            ("a,b,c\n1,2\n1,2,3\n", b','),
            ("\"a;b\";c\n1;2\n", b';'),
        ] {
            assert_eq!(char::from(detect(text, false)), char::from(delimiter), "{text}");
        }
        assert_eq!(detect("a\tb,c\n1\t2,3\n", true), b'\t');
    }

    #[test]
    fn blank_lines_are_skipped_and_counted() {
        let (table, _) = parse("\na,b\n\n1,2\n   \n\"x\ny\",3\n4,5\n");
        assert_eq!(table.names, ["a", "b"]);
        let rows = rows(&table);
        assert_eq!(rows.iter().map(|r| r.0).collect::<Vec<_>>(), [4, 6, 8]);
        assert_eq!(rows[1].1, ["x\ny", "3"]);
    }

    #[test]
    fn spaces_around_fields_go() {
        let (table, _) = parse("\"a b\", \"c, d\"\n 1 ,  x\n");
        assert_eq!(table.names, ["a b", "c, d"]);
        assert_eq!(rows(&table)[0].1, ["1", "x"]);
    }

    #[test]
    fn ragged_rows_and_open_quotes_are_errors() {
        let (table, _) = parse("a,b\n1,2\n1,2,3\n");
        let error = table.each_row(&table.pieces(1)[0], |_, _| Ok(())).unwrap_err().to_string();
        assert!(error.starts_with("row 3: 3 fields where the header has 2"), "{error}");
        let error = Delimited::new("a,b\n1,\"x\n".into(), false, &mut vec![]).unwrap_err().to_string();
        assert!(error.starts_with("row 2: a quote is opened here"), "{error}");
        let error = Delimited::new("\n \n".into(), false, &mut vec![]).unwrap_err().to_string();
        assert!(error.contains("empty"), "{error}");
    }

    #[test]
    fn headers() {
        let (table, warnings) = parse("1,2\n3,4\n");
        assert_eq!(table.names, ["column_1", "column_2"]);
        assert_eq!(rows(&table).len(), 2);
        assert!(warnings[0].contains("no header"));
        let (table, warnings) = parse("a,a,,a_2,column_3\n1,2,3,4,5\n");
        assert_eq!(table.names, ["a", "a_3", "column_3_2", "a_2", "column_3"]);
        assert!(warnings[0].contains("'a' occurs again"), "{warnings:?}");
        let (table, warnings) = parse("5.1,3.5,setosa\n4.9,3.0,setosa\n");
        assert!(table.named && warnings[0].contains("2 of its 3 fields are numbers"), "{warnings:?}");
    }

    proptest! {
        #[test]
        fn what_the_csv_writer_wrote_is_read_back(
            table in (2usize..5).prop_flat_map(|width| {
                prop::collection::vec(prop::collection::vec("[ a-c0-9,;\\t|\"\n.é-]{0,6}", width), 1..8)
            })
        ) {
            let width = table[0].len();
            let mut writer = csv::Writer::from_writer(Vec::new());
            let header: Vec<String> = (0..width).map(|i| format!("h{i}")).collect();
            writer.write_record(&header).unwrap();
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let (read, _) = parse(&text);
            let fields: Vec<_> = rows(&read).into_iter().map(|r| r.1).collect();
            let trimmed = |row: &Vec<String>| row.iter().map(|f| f.trim().to_string()).collect::<Vec<_>>();
            prop_assert_eq!(fields, table.iter().map(trimmed).collect::<Vec<_>>());
        }
    }
}
