//! Curves that more than one library has, as segments.

use super::Import;
use super::bind::Bound;
use super::timeline::{General, Segment};
use crate::text::{Writer, lengths, number};

impl Segment {
    /// One rate throughout.
    pub(super) fn constant(bound: &Bound<'_>, rate: f64) -> Self {
        let general = General::Steps { at: Vec::new(), factors: vec![1.0] };
        Segment::new(bound, Some(rate), Writer::new("constant"), general)
    }

    /// Factors that change at places in ascending order; of several at one place the last holds. `factors` has one more.
    pub(super) fn steps(import: &Import<'_>, bound: &Bound<'_>, rate: f64, at: &[u64], factors: &[f64]) -> Self {
        let (mut places, mut kept) = (Vec::new(), vec![factors.first().copied().unwrap_or(1.0)]);
        for (place, factor) in at.iter().zip(factors.iter().skip(1)) {
            if *place == 0 || places.last() == Some(place) {
                kept.pop();
            } else {
                places.push(*place);
            }
            kept.push(*factor);
        }
        Segment::general(import, bound, rate, General::Steps { at: places, factors: kept })
    }

    /// A line between two factors.
    pub(super) fn line(bound: &Bound<'_>, rate: f64, from: f64, to: f64, over: u64) -> Self {
        let mut text = Writer::new("linear");
        text.key("from", number(from)).key("to", number(to));
        let general = General::Points { at: vec![0, over], factors: vec![from, to], cosine: false };
        Segment::new(bound, Some(rate), text, general).over(over)
    }

    /// `to + (1 − to)·(1 − t/over)^power`.
    pub(super) fn polynomial(
        import: &Import<'_>,
        bound: &Bound<'_>,
        rate: f64,
        power: f64,
        to: f64,
        over: u64,
    ) -> Self {
        let mut text = Writer::new("polynomial");
        text.key("power", number(power)).key("to", number(to));
        let general = if power == 1.0 {
            General::Points { at: vec![0, over], factors: vec![1.0, to], cosine: false }
        } else {
            let (power, to, t) = (number(power), number(to), import.clock());
            General::formula(format!("{to} + (1 - {to}) * (1 - min({t}, {over}) / {over})**{power}"))
        };
        Segment::new(bound, Some(rate), text, general).over(over)
    }

    /// `floor + (1 − floor)·((1 + cos(π·t/over))/2)^exponent`; the floor may be above 1.
    pub(super) fn half_cosine(
        import: &Import<'_>,
        bound: &Bound<'_>,
        rate: f64,
        floor: f64,
        exponent: f64,
        over: u64,
    ) -> Self {
        let general = if exponent == 1.0 {
            General::Points { at: vec![0, over], factors: vec![1.0, floor], cosine: true }
        } else {
            let (exponent, low, t) = (number(exponent), number(floor), import.clock());
            let height = format!("((1 + cos(pi * min({t}, {over}) / {over})) / 2)**{exponent}");
            General::formula(format!("{low} + (1 - {low}) * {height}"))
        };
        if floor > 1.0 {
            return Segment::general(import, bound, rate, general);
        }
        let mut text = Writer::new("cosine");
        text.key("floor", number(floor)).key("exponent", number(exponent));
        Segment::new(bound, Some(rate), text, general).over(over)
    }

    /// Cosines one after another: the first has `period` ticks, each is longer and lower than the one before by two factors.
    pub(super) fn restarts(
        import: &Import<'_>,
        bound: &Bound<'_>,
        rate: f64,
        period: u64,
        (mult, decay): (f64, f64),
        floor: f64,
    ) -> Self {
        let mut text = Writer::new("cosine_restarts");
        text.key("period", import.length(period)).key("mult", number(mult));
        text.key("decay", number(decay)).key("floor", number(floor));
        let general = if mult == 1.0 {
            let (decay, low, t) = (number(decay), number(floor), import.clock());
            let top = if decay == "1" { decay } else { format!("{decay}**({t} // {period})") };
            General::formula(format!("{low} + ({top} - {low}) * (1 + cos(pi * ({t} % {period}) / {period})) / 2"))
        } else {
            General::Own
        };
        Segment::new(bound, Some(rate), text, general)
    }

    /// `gamma^(t/every)`, not below `floor`; `gamma` is above 0 and may be above 1, where `floor` is a bound from above.
    pub(super) fn exponential(
        import: &Import<'_>,
        bound: &Bound<'_>,
        rate: f64,
        gamma: f64,
        every: u64,
        staircase: bool,
        bound_by: Option<f64>,
    ) -> Self {
        let passed = match (every, staircase) {
            (1, _) => import.clock().to_owned(),
            (_, false) => format!("({} / {every})", import.clock()),
            (_, true) => format!("({} // {every})", import.clock()),
        };
        let power = format!("{}**{passed}", number(gamma));
        let general = General::formula(match bound_by {
            None => power,
            Some(limit) if gamma < 1.0 => format!("max({}, {power})", number(limit)),
            Some(limit) => format!("min({}, {power})", number(limit)),
        });
        if gamma > 1.0 {
            return Segment::general(import, bound, rate, general);
        }
        let mut text = Writer::new("exponential");
        text.key("gamma", number(gamma)).key("every", import.length(every));
        text.key("floor", number(bound_by.unwrap_or(0.0))).key("staircase", staircase);
        Segment::new(bound, Some(rate), text, general)
    }

    /// Points with lines or half cosines between them, places ascending.
    pub(super) fn points(
        import: &Import<'_>,
        bound: &Bound<'_>,
        rate: f64,
        at: Vec<u64>,
        factors: Vec<f64>,
        cosine: bool,
    ) -> Self {
        Segment::general(import, bound, rate, General::Points { at, factors, cosine })
    }
}

/// Ticks as a list of lengths.
pub(super) fn places(import: &Import<'_>, at: &[u64]) -> String {
    lengths(&at.iter().map(|ticks| import.length(*ticks)).collect::<Vec<_>>())
}
