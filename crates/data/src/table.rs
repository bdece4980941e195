//! A delimited text to a data set, in two passes: the first counts, the second fills ([`crate::passes`]). The text is held
//! once, and beside it nothing but the data set itself.

use opportune_core::InputError;

use crate::block::Kind;
use crate::dataset::{Column, Dataset, Layout, Target};
use crate::delimited::Delimited;
use crate::infer::{Sketch, Tally};
use crate::levels;
use crate::passes::{self, Filled, Plan, Survey};
use crate::read::{ReadOptions, nearest_hint};
use crate::target::{self, Raw};

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
    let pieces = table.pieces(options.threads);
    let survey = passes::survey(table, &pieces, target)?;
    let Survey { sketches, left_out, rows, .. } = &survey;
    let rows = *rows;
    if rows == 0 && left_out.is_empty() {
        return Err(InputError::new("there are no rows below the header").remedy("give at least two rows of data"));
    }
    let mut unused = Vec::new();
    let told = warnings.len();
    let plan = plan(table, sketches, target, &mut unused, warnings);
    let filled = passes::fill(table, &pieces, &survey, &plan, target)?;
    let texts = filled.texts.into_iter().map(|(position, interned)| (column(table, position), interned)).collect();
    let (categorical, codes) = levels::categories(texts, options.needs_target, &mut unused, warnings);
    // Should no column be left, this is why.
    let why = warnings[told..].join("; ");
    tell_left_out(left_out.len(), warnings);
    let target_values = match (target, filled.target) {
        (Some(position), Some(column)) => {
            decide(column, &table.names[position], sketches[position].best().0, options, warnings)?
        }
        _ => Target::None,
    };
    let data = Dataset {
        rows,
        numeric: plan.numeric.iter().map(|&(position, _)| column(table, position)).collect(),
        values: filled.values,
        categorical,
        codes,
        target: target_values,
        weights: None,
        layout: Layout {
            named: table.named,
            width: table.names.len() as u32,
            target: target.map(|position| table.names[position].clone()),
            target_position: target.map(|position| position as u32),
            image: false,
            unused,
        },
        file_rows: rows + left_out.len(),
        left_out: survey.left_out,
        decimal_comma: table.decimal_comma(),
    };
    if data.features() == 0 {
        return Err(InputError::new(match table.names.len() {
            1 => "there is only one column, so nothing to predict it from".to_string(),
            _ => format!("no column is left to predict from: {why}"),
        })
        .remedy("give a table with at least one column beside the target, delimited by , ; tab or |"));
    }
    Ok(data)
}

fn decide(
    column: Filled,
    name: &str,
    tally: &Tally,
    options: &ReadOptions,
    warnings: &mut Vec<String>,
) -> Result<Target, InputError> {
    let raw = match column {
        Filled::Numbers(values) => Raw::Numbers(values),
        Filled::Texts(interned) => {
            target::check_texts(tally, name, interned.texts.len(), options.task)?;
            Raw::Texts { codes: interned.codes, texts: interned.texts }
        }
    };
    target::decide(raw, options.task, warnings).map_err(|error| error.at(format!("column '{name}'")))
}

/// Says how many rows have no target.
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

fn plan(
    table: &Delimited,
    sketches: &[Sketch],
    target: Option<usize>,
    unused: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Plan {
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
                unused.push(name.to_string());
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
    unused.extend(empty.iter().chain(&constant).map(|name| name.to_string()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;
    use crate::dataset::MISSING;
    use crate::target::Task;
    use crate::testing::{bare, load};

    fn read(text: &str) -> (Dataset, Vec<String>) {
        let loaded = load("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
        (loaded.data, loaded.warnings)
    }

    fn with(text: &str, target: Option<&str>, task: Option<Task>) -> Result<Dataset, String> {
        let options = ReadOptions { target: target.map(String::from), task, ..Default::default() };
        load("t.csv", text.as_bytes(), &options).map(|loaded| loaded.data).map_err(|error| error.to_string())
    }

    /// A table of 120 rows: `x` from the function, `y` alternating.
    fn rows(x: impl Fn(usize) -> String) -> String {
        let rows: String = (0..120).map(|i| format!("{},{},{}\n", x(i), i % 7, i % 2)).collect();
        format!("x,z,y\n{rows}")
    }

    #[test]
    fn kinds_of_columns() {
        let (data, warnings) = read("n,c,b,y\n1,a,true,0\n2.5,?,false,1\n,b,true,1\n");
        assert_eq!(warnings, [""; 0]);
        assert_eq!(data.numeric.iter().map(|c| (&c.name[..], c.position)).collect::<Vec<_>>(), [("n", 0)]);
        let Block::F32(values) = &data.values else { panic!() };
        assert!(values[..2] == [1.0, 2.5] && values[2].is_nan());
        assert_eq!(*data.categorical[0].levels, ["a", "b"]);
        assert_eq!(data.codes, [0, 1, MISSING, 0, 1, 1]);
    }

    #[test]
    fn infinite_values_and_a_few_odd_texts_are_missing() {
        let odd = |i| match i {
            7 => "inf".to_string(),
            8 => "-Infinity".to_string(),
            9 => "unknown".to_string(),
            _ => format!("{i}.5"),
        };
        let (data, warnings) = read(&rows(odd));
        assert_eq!((0..120).filter(|&row| data.value(row, 0).is_nan()).collect::<Vec<_>>(), [7, 8, 9]);
        let expected = [
            "column 'x': 2 infinite values count as missing",
            "column 'x': 1 text among numbers counts as missing, first 'unknown' in row 11",
        ];
        assert_eq!(warnings, expected);
        // With more of them it is no column of numbers, and here an identifier.
        let (data, warnings) = read(&rows(|i| if i % 10 == 0 { format!("t{i}") } else { i.to_string() }));
        assert_eq!((data.features(), warnings.len()), (1, 1), "{warnings:?}");
    }

    #[test]
    fn huge_values_stay() {
        let (data, _) = read("x,y\n1e300,0\n-9.9e307,1\n2e-300,1\n");
        assert_eq!(data.values, Block::F64(vec![1e300, -9.9e307, 2e-300]));
    }

    #[test]
    fn empty_constant_and_counting_columns_are_left_out() {
        let (data, warnings) = read(",a,b,c,d,e,y\n0,,5,x,1,?,0\n1,NA,5.0,x,2,-,1\n2,,,x,3,,1\n");
        assert_eq!(data.numeric.iter().map(|c| &c.name[..]).collect::<Vec<_>>(), ["d"]);
        assert_eq!(data.features(), 1);
        let all = warnings.join("\n");
        for part in [
            "column 1 has no name and is called 'column_1'",
            "column 'column_1' only counts the rows and is left out",
            "2 columns have no values and are left out: a, e",
            "column 'b' has one value only and is left out",
            "column 'c' has one value only, and is left out",
        ] {
            assert!(all.contains(part), "{part}\n{all}");
        }
    }

    #[test]
    fn many_categories_are_told_and_identifiers_left_out() {
        let text: String = (0..600).map(|i| format!("c{},{}\n", i % 200, i % 2)).collect();
        let (data, warnings) = read(&format!("c,y\n{text}"));
        assert_eq!(data.categorical[0].levels.len(), 200);
        assert!(warnings[0].contains("200 categories; the 128 most frequent"), "{warnings:?}");
        let error = with(&rows(|i| format!("name {i}")).replace(",z,", ",").replace(",0,", ","), None, None);
        assert!(error.is_err());
        let (data, warnings) = read(&rows(|i| format!("name {i}")));
        assert_eq!(data.features(), 1);
        assert!(warnings[0].contains("'x' has 120 different texts in 120 rows"), "{warnings:?}");
        let kept = bare(&rows(|i| format!("name {i}")));
        assert_eq!(kept.features(), 3);
    }

    #[test]
    fn decimal_commas() {
        let (data, warnings) = read("a;b;y\n1,5;1.5;0\n2,25;2.5;1\n3;x;1\n");
        assert_eq!(data.values, Block::F32(vec![1.5, 2.25, 3.0]));
        assert_eq!(*data.categorical[0].levels, ["1.5", "2.5", "x"]);
        assert_eq!(warnings, ["column 'a' has decimal commas"]);
        let (data, _) = read("a;y\n1;1,5\n2;2,5\n3;2,5\n");
        assert_eq!(data.target(), &Target::Numbers(vec![1.5, 2.5, 2.5]));
    }

    #[test]
    fn the_target_is_the_last_named_column_or_the_one_asked_for() {
        let text = "a,b,c\n1,x,0\n2,y,1\n5,x,1\n";
        assert_eq!(with(text, None, None).unwrap().target_name(), Some("c"));
        let data = with(text, Some("b"), None).unwrap();
        assert_eq!((data.target_name(), data.features()), (Some("b"), 2));
        assert_eq!(with("a,b,\n1,x,\n2,y,\n3,x,\n", None, None).unwrap().target_name(), Some("b"));
        let error = with(&text.replace('c', "class"), Some("clas"), None).unwrap_err();
        assert!(error.ends_with("t.csv: there is no column 'clas'; did you mean 'class'?"), "{error}");
        assert!(with(text, Some("nothing"), None).unwrap_err().contains("the columns are a, b, c"));
        let twice = with("b,a,b\n1,2,0\n2,3,1\n3,4,1\n", Some("b"), None).unwrap_err();
        assert!(twice.contains("2 columns are called 'b'"), "{twice}");
        assert_eq!(with("1,0\n2,1\n3,1\n", Some("2"), None).unwrap().target_name(), Some("column_2"));
        assert_eq!(with("1,0\n2,1\n3,1\n", Some("column_1"), Some(Task::Regression)).unwrap().features(), 1);
    }

    #[test]
    fn rows_without_a_target_teach_nothing() {
        let (data, warnings) = read("x,c,y\n1,a,0.5\n2,b,\n300,zzz,inf\n3,b,1.5\n");
        assert_eq!((data.rows(), &data.left_out[..]), (2, &[1, 2][..]));
        assert_eq!(data.values, Block::U8(vec![1, 3]));
        assert_eq!(*data.categorical[0].levels, ["a", "b"]);
        assert_eq!(warnings, ["2 rows have no target and are left out"]);
    }

    #[test]
    fn hopeless_tables_are_refused() {
        for (text, part) in [
            ("", "the file is empty"),
            ("\n\n", "the file is empty"),
            ("a,b\n", "no rows below the header"),
            ("a,b\n1,\n2,\n", "column 'b': no row has a target"),
            ("a,b\n1,0\n", "only one row has a target"),
            ("a\n1\n2\n1\n", "only one column"),
            ("a,b\n5,0\n5,1\n5,1\n", "no column is left to predict from: column 'a' has one value only"),
            ("a,b\n1,x\n2,x\n", "only one class, 'x'"),
            ("a,b\n1,x\n2,y\n", "different class in every row"),
            ("a,b\n1,1.5\n2,1.5\n", "the target is 1.5 in every row"),
            ("a,b\n1,2,3\n", "row 2: 3 fields where the header has 2"),
            ("a,b\n1,\"x\n2,y\n", "row 2: a quote is opened here and never closed"),
            ("a,b\n1,\0\n", "binary file"),
        ] {
            let error = with(text, None, None).unwrap_err();
            assert!(error.contains(part) && error.contains("t.csv: "), "{text}: {error}");
        }
    }

    #[test]
    fn text_in_a_numeric_target_is_named() {
        let mut text = "x,y\n".to_string();
        (0..200).for_each(|i| text.push_str(&format!("{i},{}.5\n", i % 50)));
        text.push_str("7,many\n");
        for task in [None, Some(Task::Regression)] {
            let error = with(&text, None, task).unwrap_err();
            assert!(error.contains("row 202, column 'y': 'many' is not a number"), "{error}");
        }
        assert!(with(&text, None, Some(Task::Classification)).is_ok_and(|data| data.rows() == 201));
        assert!(with("x,y\n1,a\n2,b\n3,a\n", None, Some(Task::Regression)).unwrap_err().contains("row 2, column 'y'"));
        // A few distinct numbers beside a word are classes.
        let text: String =
            (0..300).map(|i| format!("{i},{}\n", if i == 9 { "x".into() } else { (i % 3).to_string() })).collect();
        assert!(with(&format!("x,y\n{text}"), None, None).is_ok_and(|data| data.task() == Some(Task::Classification)));
    }

    #[test]
    fn files_in_other_encodings_and_line_ends_are_the_same_data() {
        let text = "naïve,c,y\n1,é,0\n2,ü,1\n3,é,1\n";
        let key = read(text).0.key();
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let quoted = text.replace("é", "\"é\"");
        for bytes in [
            [b"\xff\xfe".to_vec(), utf16].concat(),
            [b"\xef\xbb\xbf".to_vec(), text.into()].concat(),
            latin,
            text.replace('\n', "\r\n").into_bytes(),
            text.replace('\n', "\r").into_bytes(),
            text.replace(',', "\t").into_bytes(),
            text.replace(',', " ; ").into_bytes(),
            text.replace(',', "|").trim_end().into(),
            text.replace('\n', "\n\n").into_bytes(),
            quoted.into_bytes(),
            crate::testing::gzip(text.as_bytes()),
        ] {
            let data = load("any", &bytes, &ReadOptions::default()).unwrap().data;
            assert_eq!(data.key(), key, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
