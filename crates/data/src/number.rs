//! What one field of a text file says: a number, nothing, or text.

/// A field, read as a number where that can be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    /// Empty, or one of the usual words for nothing.
    Missing,
    /// A finite number.
    Number(f64),
    /// An infinity in words, or a number too large for 64 bits.
    Infinite,
    /// Anything else.
    Text,
}

/// Words for a missing value, whatever their case.
const MISSING: [&str; 8] = ["na", "n/a", "nan", "null", "none", "#n/a", "<na>", "-nan"];

/// Whether a trimmed field stands for a missing value.
pub(crate) fn is_missing(field: &str) -> bool {
    matches!(field, "" | "?" | "-" | ".")
        || (field.len() <= 4 && MISSING.iter().any(|word| word.eq_ignore_ascii_case(field)))
}

/// Reads a trimmed field. With `decimal_comma`, `1,5` is a number and `1.5` is not: the point would be a thousands
/// separator.
pub(crate) fn cell(field: &str, decimal_comma: bool) -> Cell {
    // No word for nothing begins with a digit, and most fields do.
    if !field.starts_with(|c: char| c.is_ascii_digit()) && is_missing(field) {
        return Cell::Missing;
    }
    if let Some(value) = whole(field) {
        return Cell::Number(value);
    }
    let parsed = if !decimal_comma {
        field.parse::<f64>()
    } else if field.contains('.') {
        return Cell::Text;
    } else if field.contains(',') {
        field.replacen(',', ".", 1).parse()
    } else {
        field.parse()
    };
    match parsed {
        Ok(value) if value.is_finite() => Cell::Number(value),
        Ok(value) if value.is_nan() => Cell::Missing,
        Ok(_) => Cell::Infinite,
        Err(_) => Cell::Text,
    }
}

/// Digits and nothing else, few enough that a 64-bit float holds every such number: what codes, counts and pixels are
/// written as, read in a third of the time.
fn whole(field: &str) -> Option<f64> {
    let digits = |value: u64, byte: &u8| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0'));
    let fits = (1..=15).contains(&field.len());
    fits.then(|| field.as_bytes().iter().try_fold(0, digits)).flatten().map(|value| value as f64)
}

/// A number as short text: integers without a decimal point, so that the label 3.0 reads `3`.
pub(crate) fn text(value: f64) -> String {
    // Adding 0 turns -0 into 0.
    format!("{}", value + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_nothing_is_missing() {
        for word in ["", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-", ".", "#N/A", "<NA>", "-nan"] {
            assert_eq!(cell(word, false), Cell::Missing, "{word}");
            assert_eq!(cell(word, true), Cell::Missing, "{word}");
        }
        assert_eq!(cell("nothing", false), Cell::Text);
    }

    #[test]
    fn numbers_of_all_shapes() {
        for (field, value) in
            [("1", 1.0), ("-2.5", -2.5), ("+3", 3.0), (".5", 0.5), ("5.", 5.0), ("1e300", 1e300), ("-1E-5", -1e-5)]
        {
            assert_eq!(cell(field, false), Cell::Number(value));
        }
        for field in ["inf", "-inf", "Infinity", "1e999"] {
            assert_eq!(cell(field, false), Cell::Infinite);
        }
        for field in ["1,5", "0x10", "1 000", "1_000", "12%", "e", "--1"] {
            assert_eq!(cell(field, false), Cell::Text);
        }
    }

    #[test]
    fn whole_numbers_are_what_the_library_reads() {
        let mut value: u64 = 7;
        for length in 1..25 {
            for _ in 0..200 {
                value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let digits: String = value.to_string().chars().rev().cycle().take(length).collect();
                let expected: f64 = digits.parse().unwrap();
                assert_eq!(cell(&digits, value.is_multiple_of(2)), Cell::Number(expected), "{digits}");
            }
        }
        assert_eq!(cell("999999999999999", false), Cell::Number(999_999_999_999_999.0));
        assert_eq!(cell("١٢", false), Cell::Text, "digits of other scripts are none");
    }

    #[test]
    fn a_decimal_comma_excludes_the_point() {
        assert_eq!(cell("1,5", true), Cell::Number(1.5));
        assert_eq!(cell("-,5", true), Cell::Number(-0.5));
        assert_eq!(cell("7", true), Cell::Number(7.0));
        assert_eq!(cell("1.5", true), Cell::Text);
        assert_eq!(cell("1,234,5", true), Cell::Text);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(text(3.0), "3");
        assert_eq!(text(-0.0), "0");
        assert_eq!(text(1.5), "1.5");
    }
}
