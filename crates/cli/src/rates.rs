//! Schedules as they are given on the command line: their tables may name files.

use opportune_core::InputError;
use opportune_core::schedule::Schedule;
use std::io::Read;

/// Larger files are none of rates: ten thousand of them, in a table of several columns, are far smaller.
const BYTES_MAX: u64 = 8 << 20;

/// Reads a schedule; `table("rates.csv")` becomes the table of the file's rates.
///
/// # Errors
/// What is wrong with the text, at its character, and with the file, at its row.
pub fn schedule(text: &str) -> Result<Schedule, InputError> {
    Schedule::parse_with(text, &|file| load(file).map_err(|error| error.at(file)))
}

/// Losses from a file, for schedules that follow the curve; nan and inf are losses too.
///
/// # Errors
/// What is wrong with the file, at its row.
pub fn losses(file: &str) -> Result<Vec<f64>, InputError> {
    read(file).and_then(|text| numbers(&text, &LOSSES)).map_err(|error| error.at(file))
}

/// The rates of a file: one a line, or the last column of a table with commas, semicolons or tabs between its columns. A
/// header may come first.
fn load(file: &str) -> Result<Vec<f64>, InputError> {
    rates(&read(file)?)
}

fn read(file: &str) -> Result<String, InputError> {
    let unread = |error: std::io::Error| InputError::new(format!("cannot be read ({error})"));
    let mut bytes = Vec::new();
    std::fs::File::open(file).map_err(unread)?.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(InputError::new("is larger than 8 MiB").remedy("give a file with one rate a line"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| InputError::new("is no text in UTF-8").remedy("give a file with one rate a line"))?;
    Ok(text.trim_start_matches('\u{feff}').to_string())
}

fn rates(text: &str) -> Result<Vec<f64>, InputError> {
    numbers(text, &RATES)
}

/// What a file is to hold.
struct Sort {
    one: &'static str,
    many: &'static str,
    /// Which numbers may be given, in words and as a test.
    allowed: &'static str,
    fits: fn(&f64) -> bool,
}

const RATES: Sort = Sort {
    one: "rate",
    many: "rates",
    allowed: "numbers of at least 0",
    fits: |rate| rate.is_finite() && *rate >= 0.0,
};
const LOSSES: Sort = Sort { one: "loss", many: "losses", allowed: "numbers", fits: |_| true };

/// The numbers of a text.
fn numbers(text: &str, sort: &Sort) -> Result<Vec<f64>, InputError> {
    let Sort { one, many, allowed, fits } = sort;
    let mut rates = Vec::new();
    let mut header = true;
    for (row, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let last = last_column(line);
        let named = last.starts_with(|first: char| first.is_alphabetic() || first == '_');
        match last.parse::<f64>() {
            Ok(number) if fits(&number) => rates.push(number),
            Err(_) if header && named => {}
            _ => {
                return Err(InputError::new(format!("'{}' is no {one}", last.escape_debug()))
                    .at(format!("row {}", row + 1))
                    .remedy(format!("give {allowed}, with a decimal point")));
            }
        }
        header = false;
    }
    if rates.is_empty() {
        return Err(InputError::new(format!("holds no {many}")).remedy(format!("give a file with one {one} a line")));
    }
    Ok(rates)
}

/// What is behind the last separator. A comma is none where there are others.
fn last_column(line: &str) -> &str {
    let others = [';', '\t'];
    let last = if line.contains(others) { line.rsplit(others).next() } else { line.rsplit(',').next() };
    last.unwrap_or(line).trim().trim_matches('"').trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_lines_or_a_last_column() {
        for text in [
            "0.1\n0.01\n1e-3\n",
            "lr\n0.1\n0.01\n1e-3",
            "\n0.1\r\n\r\n0.01\r\n1e-3\r\n",
            "epoch,lr\n0,0.1\n1,0.01\n2,1e-3\n",
            "\"epoch\";\"lr\"\n0,5;0.1\n1,5;\"0.01\"\n2,5; 1e-3 \n",
            "0\t0.1\n1\t0.01\n2\t1e-3\n",
        ] {
            assert_eq!(rates(text).unwrap(), [0.1, 0.01, 1e-3], "{text:?}");
        }
    }

    #[test]
    fn mistakes_name_their_row() {
        for (text, message) in [
            ("0.1\n\nx\n", "row 3: 'x' is no rate; give numbers of at least 0, with a decimal point"),
            ("lr\nrate\n0.1", "row 2: 'rate' is no rate; give numbers of at least 0, with a decimal point"),
            ("-0.1", "row 1: '-0.1' is no rate; give numbers of at least 0, with a decimal point"),
            ("0.1x", "row 1: '0.1x' is no rate; give numbers of at least 0, with a decimal point"),
            ("0.1\ninf", "row 2: 'inf' is no rate; give numbers of at least 0, with a decimal point"),
            ("a;0,1\n0;0,1", "row 1: '0,1' is no rate; give numbers of at least 0, with a decimal point"),
            ("lr\n", "holds no rates; give a file with one rate a line"),
            ("", "holds no rates; give a file with one rate a line"),
        ] {
            assert_eq!(rates(text).unwrap_err().to_string(), message, "{text:?}");
        }
    }

    #[test]
    fn a_file_becomes_its_rates_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my rates.csv");
        std::fs::write(&file, "\u{feff}epoch,lr\n0,0.1\n1,0.01\n").unwrap();
        let file = file.display().to_string();
        assert_eq!(schedule(&format!("table('{file}')")).unwrap().to_string(), "table(rates=[0.1, 0.01])");
        assert_eq!(
            schedule(&format!("chain(table(rates='{file}', every=2), cosine)")).unwrap().to_string(),
            "chain(table(rates=[0.1, 0.01], every=2), cosine)"
        );
        let error = schedule("sequence(constant(over=5), table('nowhere.csv'))").unwrap_err().to_string();
        assert!(error.starts_with("schedule, character 34: nowhere.csv: cannot be read ("), "{error}");
        std::fs::write(folder.path().join("b"), [0xff, 0xfe]).unwrap();
        let error = schedule(&format!("table('{}')", folder.path().join("b").display())).unwrap_err().to_string();
        assert!(error.contains("is no text in UTF-8"), "{error}");
        let many = "0.125\n".repeat(10_001);
        std::fs::write(folder.path().join("c"), many).unwrap();
        let error = schedule(&format!("table('{}')", folder.path().join("c").display())).unwrap_err().to_string();
        assert!(error.contains("table has 10001 rates; give 1 to 10000"), "{error}");
    }
}
