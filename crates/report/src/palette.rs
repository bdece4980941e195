//! Colours and dashes that stay apart for people who see colours differently, and in print.

/// Of training rows (Okabe and Ito's blue).
pub(crate) const TRAINING: &str = "#0072b2";
/// Of validation rows (Okabe and Ito's vermilion).
pub(crate) const VALIDATION: &str = "#d55e00";
/// Of what belongs to neither.
pub(crate) const NEUTRAL: &str = "#444444";

/// Okabe and Ito's colours for kinds without an order, without yellow, which is lost on white.
const KINDS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444"];

/// Lines of different kinds in one colour; the first is solid.
const DASHES: [&str; 6] = ["", "7 3", "2 2.5", "9 3 2 3", "14 4", "4 2 1 2 1 2"];

/// The colour of the `index`th of kinds without an order; they come round again.
pub(crate) fn kind(index: usize) -> String {
    KINDS[index % KINDS.len()].to_string()
}

/// The dash of the `index`th kind, as SVG's stroke-dasharray; they come round again.
pub(crate) fn dash(index: usize) -> &'static str {
    DASHES[index % DASHES.len()]
}

/// The colour of `value` between `low` and `high` (above 0) on a logarithmic scale, small ones dark and cold. The ends
/// of matplotlib's plasma are left out: its yellow is lost on white.
pub(crate) fn scale(value: f64, low: f64, high: f64) -> String {
    let place = if high > low { (value / low).ln() / (high / low).ln() } else { 0.5 };
    format!("#{:x}", colorous::PLASMA.eval_continuous(0.02 + 0.74 * place.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_runs_from_dark_to_light() {
        let light = |colour: &str| -> u32 {
            assert_eq!(colour.len(), 7, "{colour}");
            (1..7).step_by(2).map(|at| u32::from_str_radix(&colour[at..at + 2], 16).unwrap()).sum()
        };
        let colours = [1e-4, 1e-3, 1e-2, 1e-1].map(|rate| scale(rate, 1e-4, 1e-1));
        assert!(colours.windows(2).all(|pair| light(&pair[0]) != light(&pair[1]) && pair[0] != pair[1]));
        assert_eq!(scale(0.5, 0.1, 0.1), scale(0.1, 0.1, 0.1));
        assert_ne!(kind(0), kind(6));
        assert_eq!((kind(7), dash(6)), (kind(0), ""));
    }
}
