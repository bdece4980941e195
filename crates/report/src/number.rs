//! Numbers as text: rates, losses and scores, each with the digits that are worth reading.

/// What stands where there is no finite number.
pub(crate) const NONE: &str = "-";

/// Exponent of the first of `digits` significant digits, after rounding to them.
fn exponent(value: f64, digits: usize) -> i32 {
    let text = format!("{:.*e}", digits - 1, value);
    text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// `text` without the zeros at the end of its fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `value` to at most `digits` significant digits and as short as it can be: 0.01, 1e-4, 3.16e-5, 1500.
pub(crate) fn short(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return NONE.to_string();
    }
    if value == 0.0 {
        return "0".to_string();
    }
    let exponent = exponent(value, digits);
    if (-3..6).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        return trimmed(&format!("{value:.decimals$}")).to_string();
    }
    let text = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{exponent}", trimmed(mantissa))
}

/// A learning rate: three significant digits.
pub(crate) fn rate(value: f64) -> String {
    short(value, 3)
}

/// A loss: four significant digits, zeros kept so that columns read well.
pub(crate) fn loss(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_string();
    }
    if value == 0.0 {
        return "0".to_string();
    }
    let exponent = exponent(value, 4);
    if (-5..6).contains(&exponent) {
        let decimals = (3 - exponent).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.3e}")
    }
}

/// A score: four decimals, fewer where the number itself is large.
pub(crate) fn score(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => NONE.to_string(),
        size if size < 100.0 => format!("{value:.4}"),
        size if size < 1e6 => format!("{value:.1}"),
        _ => format!("{value:.3e}"),
    }
}

/// A number of epochs, which a mean over folds may leave between two whole ones.
pub(crate) fn epochs(value: f64) -> String {
    if !value.is_finite() { NONE.to_string() } else { trimmed(&format!("{value:.1}")).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_short() {
        let rates = [1e-4, 0.001, 0.01, 0.1, 1.0, 0.000316227, 0.00099999, 0.0, f64::NAN, 1500.0, 2.5e-9];
        let texts = ["1e-4", "0.001", "0.01", "0.1", "1", "3.16e-4", "0.001", "0", "-", "1500", "2.5e-9"];
        assert_eq!(rates.map(rate), texts);
    }

    #[test]
    fn losses_have_four_digits() {
        let losses = [2.302485, 0.05, 0.00012344, 9.99999, 123456.0, 1.5e7, 3.3e-9, 0.0, f64::INFINITY];
        let texts = ["2.302", "0.05000", "0.0001234", "10.00", "123456", "1.500e7", "3.300e-9", "0", "-"];
        assert_eq!(losses.map(loss), texts);
    }

    #[test]
    fn scores_have_four_decimals() {
        let scores = [0.97714, 1.0, -0.25, 48123.25, -3e20, f64::NAN];
        assert_eq!(scores.map(score), ["0.9771", "1.0000", "-0.2500", "48123.2", "-3.000e20", "-"]);
        assert_eq!([200.0, 162.4, f64::NAN].map(epochs), ["200", "162.4", "-"]);
    }
}
