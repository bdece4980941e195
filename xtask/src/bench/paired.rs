//! The mean of paired differences and how surely it is known.

use super::table::mean;
use std::fmt;

/// The 0.975 quantiles of Student's t distribution with 1 to 9 degrees of freedom.
const QUANTILES: [f64; 9] = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622];

/// What one side has more than the other, on average over pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The mean; NaN of no pairs.
    pub mean: f64,
    /// Half of the 95 % interval around it, from the t distribution; none of a single pair.
    pub margin: Option<f64>,
}

impl Difference {
    /// First less second of each pair.
    pub fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let differences: Vec<f64> = pairs.into_iter().map(|(first, second)| first - second).collect();
        let mean = mean(&differences);
        let freedom = differences.len().saturating_sub(1);
        let margin = (freedom > 0).then(|| {
            let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
            quantile(freedom) * (squares / freedom as f64 / differences.len() as f64).sqrt()
        });
        Difference { mean, margin }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.margin {
            None => write!(f, "{:+.4} (one split)", self.mean),
            Some(margin) => write!(f, "{:+.4} ({:+.4} to {:+.4})", self.mean, self.mean - margin, self.mean + margin),
        }
    }
}

/// The 0.975 quantile of Student's t distribution, to three decimals: the first terms of its expansion around the
/// normal distribution's (Abramowitz and Stegun 26.7.5), which are too coarse for few degrees of freedom.
fn quantile(freedom: usize) -> f64 {
    if let Some(quantile) = QUANTILES.get(freedom.wrapping_sub(1)) {
        return *quantile;
    }
    let (z, n) = (1.959_964_f64, freedom as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / n + second / n.powi(2) + third / n.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_tables() {
        for (freedom, expected) in [(1, 12.706), (2, 4.303), (9, 2.262), (10, 2.228), (19, 2.093), (30, 2.042)] {
            assert!((quantile(freedom) - expected).abs() < 1e-3, "{freedom}: {}", quantile(freedom));
        }
    }

    #[test]
    fn the_interval_of_pairs() {
        // Differences 1, 2, 3: mean 2, standard error 1/√3.
        let difference = Difference::of([(2.0, 1.0), (4.0, 2.0), (6.0, 3.0)]);
        assert_eq!(difference.mean, 2.0);
        assert!((difference.margin.unwrap() - 4.3027 / 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(difference.to_string(), "+2.0000 (-0.4842 to +4.4842)");
    }

    #[test]
    fn equal_pairs_and_a_single_one() {
        assert_eq!(Difference::of([(1.0, 1.0); 3]).margin, Some(0.0));
        assert_eq!(Difference::of([(0.5, 0.75)]).to_string(), "-0.2500 (one split)");
    }
}
