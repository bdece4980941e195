//! Figures as text.

use super::measure::Measured;
use std::fmt;

/// Columns side by side, the first to the left, the others to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its line of titles.
    pub fn new<const N: usize>(titles: [&str; N]) -> Self {
        Table { rows: vec![titles.map(str::to_owned).to_vec()] }
    }

    /// One more line.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let length = |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
        let widths: Vec<usize> =
            (0..columns).map(|column| self.rows.iter().map(|row| length(row, column)).max().unwrap_or(0)).collect();
        for row in &self.rows {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "  {cell:<width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The middle one, or the mean of the two in the middle. NaN of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

/// The arithmetic mean. NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// How many times longer the second of two alternating programs took, pair by pair.
pub struct Ratio {
    pairs: Vec<f64>,
}

impl Ratio {
    /// From runs in the order in which they were made.
    pub fn of(short: &[Measured], long: &[Measured]) -> Self {
        Ratio { pairs: short.iter().zip(long).map(|(short, long)| long.wall / short.wall).collect() }
    }

    /// Median and range in words, to so many decimals.
    pub fn text(&self, decimals: usize) -> String {
        let least = self.pairs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.pairs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let median = self.median();
        match self.pairs.len() {
            1 => format!("{median:.decimals$}x (one pair)"),
            n => format!("{median:.decimals$}x (median of {n} pairs, {least:.decimals$} to {most:.decimals$})"),
        }
    }

    /// The middle one of the pairs.
    pub fn median(&self) -> f64 {
        median(self.pairs.iter().copied())
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["", "seconds"]);
        table.row(["a".into(), "1.25".into()]);
        table.row(["scikit".into(), "25.00".into()]);
        assert_eq!(table.to_string(), "          seconds\n  a          1.25\n  scikit    25.00\n");
    }

    #[test]
    fn medians() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn ratios_are_paired() {
        let runs = |walls: &[f64]| {
            walls.iter().map(|&wall| Measured { wall, cpu: 0.0, peak: None, answer: Value::Null }).collect()
        };
        let (short, long): (Vec<_>, Vec<_>) = (runs(&[1.0, 2.0, 1.0]), runs(&[10.0, 24.0, 11.0]));
        assert_eq!(Ratio::of(&short, &long).to_string(), "11.0x (median of 3 pairs, 10.0 to 12.0)");
        assert_eq!(Ratio::of(&short[..1], &long).to_string(), "10.0x (one pair)");
    }
}
