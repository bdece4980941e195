//! Which way a validation loss goes at its end.

/// Fewer epochs than this show no trend.
const TREND: usize = 10;
/// A change of the validation loss by less than this share of it is none.
const CHANGE: f64 = 0.01;
/// Differences of means below so many standard errors are scatter: the lowest of many means is low by chance too.
const SCATTER: f64 = 3.0;

/// Which way a loss goes at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trend {
    /// It rose again after its lowest point, at this epoch.
    Rises(u32),
    /// It still fell at its end.
    Falls,
    /// Neither; about here it was within 1 % of its lowest for the first time.
    Settled(u32),
}

/// The trend of a loss by epoch, from 1, read off its means over a tenth of the epochs (3 at least), so that one lucky
/// epoch counts for little. It rose if the last of these is more than 1 % above the lowest and that one ends before the
/// last begins; it still fell if the last is more than 1 % below the one before; either by more than epochs scatter.
/// `None` for fewer than 10 epochs and where a loss is not finite.
pub(crate) fn trend(losses: &[f64]) -> Option<Trend> {
    if losses.len() < TREND || losses.iter().any(|loss| !loss.is_finite()) {
        return None;
    }
    let tenth = (losses.len() / 10).max(3);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let means: Vec<f64> = losses.windows(tenth).map(mean).collect();
    let last = *means.last()?;
    let (place, lowest) = means.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let near = lowest + CHANGE * lowest.abs();
    let begin = losses.len() - tenth;
    let scatter = SCATTER * scatter(&losses[losses.len() / 2..]) * (2.0 / tenth as f64).sqrt();
    if place + tenth <= begin && last > near.max(lowest + scatter) {
        let lowest = (place..place + tenth).min_by(|a, b| losses[*a].total_cmp(&losses[*b]))?;
        return Some(Trend::Rises(lowest as u32 + 1));
    }
    let recent = means[begin - tenth];
    if last < recent - scatter.max(CHANGE * recent.abs()) {
        return Some(Trend::Falls);
    }
    let settled = means.iter().position(|mean| *mean <= near).unwrap_or(place);
    Some(Trend::Settled((settled + tenth.div_ceil(2)) as u32))
}

/// Standard deviation of what is left of a loss when it is taken to bend little: of its second differences.
fn scatter(losses: &[f64]) -> f64 {
    let bends = losses.windows(3).map(|three| (three[2] - 2.0 * three[1] + three[0]).powi(2));
    let count = losses.len().saturating_sub(2).max(1);
    (bends.sum::<f64>() / (6.0 * count as f64)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rising_falling_and_settled() {
        let bowl: Vec<f64> = (0..50).map(|epoch| 1.0 + 0.01 * f64::from(epoch - 20).powi(2)).collect();
        assert_eq!(trend(&bowl), Some(Trend::Rises(21)));
        let short: Vec<f64> = (0..50).map(|epoch| 2.0 - 0.03 * f64::from(epoch)).collect();
        assert_eq!(trend(&short), Some(Trend::Falls));
        let settled: Vec<f64> = (0..50).map(|epoch| 0.5 + (-0.5 * f64::from(epoch)).exp()).collect();
        assert_eq!(trend(&settled), Some(Trend::Settled(13)));
        let noise = |epoch: u32| 0.05 * f64::from(epoch.wrapping_mul(2_654_435_761) >> 24) / 256.0;
        let noisy: Vec<f64> = (0..50).map(|epoch| 0.5 + (-0.5 * f64::from(epoch)).exp() + noise(epoch)).collect();
        assert!(matches!(trend(&noisy), Some(Trend::Settled(_))));
        assert_eq!((trend(&short[..9]), trend(&[f64::NAN; 20]), trend(&[])), (None, None, None));
    }
}
