//! Axes: which range is shown, where a value lies in it, and which round numbers are written beside it.

use crate::number;
use opportune_core::score::Score;
use std::f64::consts::LN_10;

/// A range of values, drawn linearly or by its logarithm.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// Value at the low end.
    pub(crate) low: f64,
    /// Value at the high end, above `low`.
    pub(crate) high: f64,
    /// Whether distances are those of logarithms; `low` is above 0 then.
    pub(crate) log: bool,
    /// Whether some values lie outside.
    pub(crate) clipped: bool,
}

/// Room left free above and below the values, as a share of the range.
const ROOM: f64 = 0.05;
/// A logarithmic axis of losses reaches at most so many decades up or down from where half of the lines start.
const DECADES: f64 = 8.0;
/// A logarithmic axis of rates reaches at most so many decades down from the largest.
const RATE_DECADES: f64 = 4.0;
/// Comparing scores, the axis shows at least this share of what all values span.
const ZOOM: f64 = 0.1;
/// Logarithms of about the smallest and the largest number there is.
const LEAST: f64 = -744.0;
const MOST: f64 = 709.0;

impl Axis {
    /// Of epochs up to `last`.
    pub(crate) fn epochs(last: u32) -> Axis {
        Axis { low: 0.0, high: f64::from(last.max(2)), log: false, clipped: false }
    }

    /// Of epochs from the first to `last`, by their logarithms: early ones are kept apart.
    pub(crate) fn log_epochs(last: u32) -> Axis {
        Axis { low: 0.9, high: f64::from(last.max(2)) * 1.1, log: true, clipped: false }
    }

    /// Of these positive rates, by their logarithms, with some room on both sides.
    pub(crate) fn log_rates(rates: impl Iterator<Item = f64>) -> Axis {
        let all = sorted(rates.filter(|rate| *rate > 0.0));
        let (low, high) = all.first().copied().zip(all.last().copied()).unwrap_or((1e-4, 1.0));
        let room = if high > low { 1.6 } else { 4.0 };
        Axis { low: (low / room).max(1e-300), high: high.min(1e300) * room, log: true, clipped: false }
    }

    /// From 0 to a little above the largest of these.
    pub(crate) fn from_zero(values: impl Iterator<Item = f64>) -> Axis {
        let most = sorted(values).last().copied().filter(|most| *most > 0.0).unwrap_or(1.0);
        Axis { low: 0.0, high: most.min(f64::MAX / 8.0) * (1.0 + 2.0 * ROOM), log: false, clipped: false }
    }

    /// Of the values of some lines, each in order of its epochs: losses, and scores like them. Logarithmic if the
    /// positive ones span more than a decade. It shows what most lines do: a few values far above those do not stretch
    /// it, and count as clipped.
    pub(crate) fn of_losses(lines: &[Vec<f64>]) -> Axis {
        let all = sorted(lines.iter().flatten().copied());
        let Some((least, most)) = decades(&all) else { return Axis::of_all(&all) };
        let positive = sorted(all.iter().copied().filter(|value| *value > 0.0));
        let (few, many) = (quantile(&positive, 0.025).ln(), quantile(&positive, 0.975).ln());
        // Where most values lie close together, the way there still belongs to the picture.
        let first = |line: &Vec<f64>| line.iter().copied().find(|value| value.is_finite() && *value > 0.0);
        let start = quantile(&sorted(lines.iter().filter_map(first)), 0.5).ln();
        let high = (many + 0.5 * (many - few)).max(start).min(most.ln());
        let reach = DECADES * LN_10;
        Axis::between(least.ln().max(start - reach), high.min(start + reach)).clipping(&all)
    }

    /// Of scores; `compare` where lines are compared by where they end. Those between 0 and 1 are shown in full; of R²,
    /// which has no lower bound, what lies above -1 (nothing is explained below 0), unless all lies below; those that
    /// are losses as losses. To compare, the lower half of the ends and the way up to them may be cut off.
    pub(crate) fn of_scores(lines: &[Vec<f64>], score: Score, compare: bool) -> Axis {
        if matches!(score, Score::LogLoss | Score::Rmse | Score::Mae) {
            return Axis::of_losses(lines);
        }
        let all = sorted(lines.iter().flatten().copied());
        let above = sorted(all.iter().copied().filter(|value| *value >= -1.0));
        let mut shown = if above.is_empty() { all.clone() } else { above };
        let ends = sorted(lines.iter().filter_map(|line| line.iter().rfind(|value| value.is_finite())).copied());
        if let (true, [_, .., best], Some(least), Some(most)) = (compare, ends.as_slice(), shown.first(), shown.last())
        {
            let middle = quantile(&ends, 0.5);
            let floor = (middle - 2.0 * (best - middle)).min(most - ZOOM * (most - least));
            shown.retain(|value| *value >= floor);
        }
        Axis::of_all(&shown).clipping(&all)
    }

    /// Of these values, linear.
    pub(crate) fn of_values(values: &[f64]) -> Axis {
        Axis::of_all(&sorted(values.iter().copied()))
    }

    /// Of the rates of schedules, finite and from 0 up: from 0 on, or by their logarithms, as far as eight decades down from
    /// the largest. Where none is above 0 there are no logarithms.
    pub(crate) fn of_schedules(rates: impl Iterator<Item = f64>, log: bool) -> Axis {
        let all = sorted(rates);
        let positive: Vec<f64> = all.iter().copied().filter(|rate| *rate > 0.0).collect();
        match (log, positive.first(), positive.last()) {
            (true, Some(least), Some(most)) => {
                let (low, high) = (least.ln().max(most.ln() - DECADES * LN_10), most.ln());
                let (low, high) = if high > low { (low, high) } else { (low - LN_10 / 2.0, high + LN_10 / 2.0) };
                Axis::between(low, high).clipping(&all)
            }
            _ => Axis::from_zero(all.into_iter()),
        }
    }

    /// Of learning rates: logarithmic if they span more than a decade, else from 0.
    pub(crate) fn of_rates(lines: &[Vec<f64>]) -> Axis {
        let all = sorted(lines.iter().flatten().copied());
        match (decades(&all), all.last()) {
            (Some((least, most)), _) => {
                Axis::between(least.ln().max(most.ln() - RATE_DECADES * LN_10), most.ln()).clipping(&all)
            }
            (None, Some(&most)) if most > 0.0 => {
                Axis { low: 0.0, high: most * (1.0 + 2.0 * ROOM), log: false, clipped: false }
            }
            _ => Axis::of_all(&all),
        }
    }

    /// Logarithmic, between these logarithms and some room; more below, where the best losses are and their labels.
    fn between(low: f64, high: f64) -> Axis {
        let room = ROOM * (high - low);
        let (low, high) = ((low - 2.0 * room).max(LEAST), (high + room).min(MOST));
        Axis { low: low.exp(), high: high.exp(), log: true, clipped: false }
    }

    /// Of all of these finite, ascending values, linear; more room above, where the best scores are and their labels.
    fn of_all(values: &[f64]) -> Axis {
        let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
            return Axis { low: 0.0, high: 1.0, log: false, clipped: false };
        };
        // The span of the largest numbers there are is not a number.
        let bound = |value: f64| value.clamp(f64::MIN / 8.0, f64::MAX / 8.0);
        let (least, most) = (bound(least), bound(most));
        let size = least.abs().max(most.abs());
        let room = if most - least > size * 1e-9 { ROOM * (most - least) } else { (size * ROOM).max(1e-9) };
        Axis { low: least - room, high: most + 2.0 * room, log: false, clipped: false }
    }

    fn clipping(self, values: &[f64]) -> Axis {
        let clipped = values.iter().any(|value| *value < self.low || *value > self.high);
        Axis { clipped, ..self }
    }

    /// Where a finite value lies: 0 at the low end, 1 at the high end, outside of both at most by 1.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let place = if self.log {
            if value > 0.0 { (value / self.low).ln() / (self.high / self.low).ln() } else { -1.0 }
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(-1.0, 2.0)
    }

    /// Round values within the range, ascending, about `about` of them, with their texts.
    pub(crate) fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        if self.log { self.log_ticks(about) } else { self.linear_ticks(about) }
    }

    fn linear_ticks(&self, about: usize) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / about.max(1) as f64;
        let ten = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * ten).into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(rough);
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        let decimals = (-(step * 1.001).log10().floor()).max(0.0);
        let most = self.low.abs().max(self.high.abs());
        let text = |value: f64| {
            if (1e-3..1e6).contains(&most) && decimals <= 5.0 {
                format!("{value:.*}", decimals as usize)
            } else {
                number::short(value, 6)
            }
        };
        let count = (last - first).clamp(0.0, 50.0) as usize;
        (0..=count).map(|index| (first + index as f64) * step + 0.0).map(|value| (value, text(value))).collect()
    }

    fn log_ticks(&self, about: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let sets: [(&[f64], usize); 5] =
            [(&[1.0, 2.0, 5.0], 1), (&[1.0, 3.0], 1), (&[1.0], 1), (&[1.0], 2), (&[1.0], 4)];
        let ticks = |parts: &[f64], every: usize| -> Vec<f64> {
            let decades = (first..=last).filter(|power| power.rem_euclid(every as i32) == 0);
            let values = decades.flat_map(|power| parts.iter().map(move |part| (*part, power)));
            // Read from text: the powers of ten computed by the machine are not always the nearest numbers.
            let values = values.filter_map(|(part, power)| format!("{part}e{power}").parse::<f64>().ok());
            values.filter(|value| *value >= self.low && *value <= self.high).collect()
        };
        let all = sets.map(|(parts, every)| ticks(parts, every));
        let fits = all.iter().find(|ticks| ticks.len() <= about + 1).unwrap_or(&all[4]);
        fits.iter().map(|value| (*value, number::rate(*value))).collect()
    }
}

/// The least and the most of the positive ones of these ascending values, if they span more than a decade.
fn decades(sorted: &[f64]) -> Option<(f64, f64)> {
    let least = *sorted.iter().find(|value| **value > 0.0)?;
    let most = *sorted.last()?;
    (most / least > 10.0).then_some((least, most))
}

/// The finite ones, ascending.
fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The value below which `share` of these ascending values lie.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, about: usize) -> Vec<String> {
        axis.ticks(about).into_iter().map(|tick| tick.1).collect()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn a_decade_decides_between_linear_and_log() {
        let narrow = Axis::of_losses(&[vec![2.0, 1.0, 0.25]]);
        assert!(!narrow.log && !narrow.clipped && narrow.low < 0.25 && narrow.high > 2.0);
        assert_eq!(texts(&narrow, 5), ["0.5", "1.0", "1.5", "2.0"]);
        let wide = Axis::of_losses(&[vec![2.0, 1.0, 0.02]]);
        assert!(wide.log && !wide.clipped);
        assert_eq!(texts(&wide, 6), ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]);
        assert!(near(wide.place(wide.low) + 1.0, 1.0) && near(wide.place(wide.high), 1.0));
        assert!(near(wide.place((wide.low * wide.high).sqrt()), 0.5));
    }

    #[test]
    fn schedules_are_shown_from_zero_or_by_their_logarithms() {
        let rates = || [0.01, 1e-4, 0.0].into_iter();
        let linear = Axis::of_schedules(rates(), false);
        assert!(!linear.log && linear.low == 0.0 && linear.high > 0.01 && linear.high < 0.012);
        let log = Axis::of_schedules(rates(), true);
        assert!(log.log && log.clipped && log.low < 1e-4 && log.low > 1e-5 && log.high > 0.01);
        assert_eq!(log.place(0.0), -1.0);
        let constant = Axis::of_schedules([0.1].into_iter(), true);
        assert!(constant.log && (0.3..0.7).contains(&constant.place(0.1)));
        assert!(!Axis::of_schedules([0.0].into_iter(), true).log);
        let deep = Axis::of_schedules([1.0, 1e-20].into_iter(), true);
        assert!(deep.low > 1e-10 && deep.clipped);
    }

    #[test]
    fn one_exploding_line_does_not_stretch_the_axis() {
        let calm = |end: f64| (0..100).map(|epoch| 2.3 * (end / 2.3).powf(f64::from(epoch) / 99.0)).collect();
        let mut lines: Vec<Vec<f64>> = (1..6).map(|n| calm(0.05 * f64::from(n))).collect();
        lines.push(vec![2.3, 1e6, 1e30, f64::INFINITY]);
        let axis = Axis::of_losses(&lines);
        assert!(axis.log && axis.clipped, "{axis:?}");
        assert!(axis.high < 100.0 && axis.low > 0.01, "{axis:?}");
    }

    #[test]
    fn a_normal_start_is_not_clipped() {
        let line: Vec<f64> = (0..3000).map(|epoch| 0.1 + 2.2 * (-f64::from(epoch)).exp()).collect();
        let axis = Axis::of_losses(&[line.clone(), line]);
        assert!(axis.high > 2.3 && !axis.clipped, "{axis:?}");
    }

    #[test]
    fn scores_by_their_kind() {
        let accuracy = Axis::of_scores(&[vec![0.1, 0.9, f64::NAN]], Score::Accuracy, false);
        assert!(!accuracy.log && !accuracy.clipped && accuracy.low < 0.1 && accuracy.high > 0.9);
        let r2 = Axis::of_scores(&[vec![-1e9, -0.5, 0.9]], Score::R2, false);
        assert!(r2.clipped && r2.low > -1.1 && r2.high > 0.9);
        assert!(Axis::of_scores(&[vec![-30.0, -20.0]], Score::R2, false).low < -30.0);
        assert!(Axis::of_scores(&[vec![0.1, 30.0]], Score::Rmse, false).log);
    }

    #[test]
    fn compared_scores_are_shown_where_they_end() {
        let rising = |end: f64| (0..50).map(|n| end - 0.9 * (-f64::from(n)).exp()).collect::<Vec<f64>>();
        let lines: Vec<Vec<f64>> = [0.98, 0.97, 0.96, 0.95, 0.3].iter().map(|end| rising(*end)).collect();
        let axis = Axis::of_scores(&lines, Score::Accuracy, true);
        assert!(axis.clipped && axis.low > 0.8 && axis.low < 0.92, "{axis:?}");
        assert!(!Axis::of_scores(&lines, Score::Accuracy, false).clipped);
        let same = Axis::of_scores(&[vec![0.1, 0.5], vec![0.1, 0.5]], Score::Accuracy, true);
        assert!(same.low < 0.5 && same.high > 0.5, "{same:?}");
        assert!(Axis::of_scores(&[vec![0.1, 0.5]], Score::Accuracy, true).low < 0.1);
    }

    #[test]
    fn rates_from_zero_or_by_decades() {
        let constant = Axis::of_rates(&[vec![0.001; 5]]);
        assert_eq!((constant.low, constant.log), (0.0, false));
        assert_eq!(texts(&constant, 3), ["0.0000", "0.0005", "0.0010"].map(|text| text.to_string()));
        let cyclic = Axis::of_rates(&[vec![1e-4, 1e-2]]);
        assert!(cyclic.log);
        assert_eq!(texts(&cyclic, 3), ["1e-4", "0.001", "0.01"]);
        assert_eq!(Axis::of_rates(&[vec![0.0, 0.5, 1.0]]).low, 0.0);
    }

    #[test]
    fn axes_of_a_verdict() {
        let epochs = Axis::log_epochs(100);
        assert!(epochs.log && epochs.place(1.0) > 0.0 && epochs.place(100.0) < 1.0);
        assert_eq!(texts(&epochs, 6), ["1", "2", "5", "10", "20", "50", "100"]);
        let rates = Axis::log_rates([0.1, f64::NAN, 0.0, 1e-3].into_iter());
        assert!(rates.log && rates.low < 1e-3 && rates.high > 0.1);
        let one = Axis::log_rates([0.01].into_iter());
        assert!(near(one.place(0.01), 0.5) && Axis::log_rates([].into_iter()).low > 0.0);
        assert_eq!(Axis::from_zero([0.5, f64::INFINITY].into_iter()).low, 0.0);
        assert_eq!(Axis::from_zero([].into_iter()).high, 1.1);
    }

    #[test]
    fn ticks_are_round_at_any_size() {
        let of = |low: f64, high: f64, log: bool| Axis { low, high, log, clipped: false };
        assert_eq!(texts(&Axis::epochs(300), 6), ["0", "50", "100", "150", "200", "250", "300"]);
        assert_eq!(texts(&Axis::epochs(1), 2), ["0", "1", "2"]);
        assert_eq!(texts(&of(0.951, 0.984, false), 4), ["0.96", "0.97", "0.98"]);
        assert_eq!(texts(&of(-2e7, 2e7, false), 4), ["-2e7", "-1e7", "0", "1e7", "2e7"]);
        assert_eq!(texts(&of(0.0, 4e-5, false), 4), ["0", "1e-5", "2e-5", "3e-5", "4e-5"]);
        assert_eq!(texts(&of(1e-12, 1.0, true), 5), ["1e-12", "1e-8", "1e-4", "1"]);
        assert!(!of(-f64::MAX / 4.0, f64::MAX / 4.0, false).ticks(5).is_empty());
    }

    #[test]
    fn nothing_to_show_and_extremes_have_a_range() {
        for lines in [vec![], vec![vec![]], vec![vec![f64::NAN, f64::INFINITY]]] {
            let axis = Axis::of_losses(&lines);
            assert_eq!((axis.low, axis.high), (0.0, 1.0));
        }
        for value in [0.0, 1.0, -3.5, 1e300, 1e-300, f64::MAX, f64::MIN] {
            let axis = Axis::of_losses(&[vec![value]]);
            assert!(axis.low < axis.high && axis.place(value).is_finite(), "{value} {axis:?}");
        }
        for axis in [Axis::of_losses(&[vec![0.0, 1e-320, 1.0, f64::MAX]]), Axis::of_rates(&[vec![1e-320, f64::MAX]])] {
            assert!(axis.log && axis.low > 0.0 && axis.high.is_finite() && axis.place(0.0) == -1.0, "{axis:?}");
        }
    }
}
