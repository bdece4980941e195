//! The panel of learning rates: what each gave after the same few steps, or after the same epochs.

use super::super::rates::{of_one_kind, rate_of};
use super::super::{Found, Verdict, base};
use super::{CHOSEN, EDGE, LEFT, STABLE, Stroke, UPPER, caption, dot, frame, nothing, upright, width, words};
use crate::axes::{self, AXIS, Names, axes, open_panel};
use crate::axis::Axis;
use crate::curves::Shape;
use crate::frame::Frame;
use crate::label;
use crate::marks::shape;
use crate::number;
use crate::palette;
use crate::svg::Svg;
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::TrialResult;
use opportune_core::range_test::RangeTest;
use opportune_core::stop::Stopped;

/// Losses above that of the start by more than this factor are not worth room.
const HIGH: f64 = 1.3;

/// Rates with the loss that each gave; `None` where it diverged.
struct Rates {
    points: Vec<(f64, Option<f64>)>,
    /// Before the first step.
    initial: Option<f64>,
    what: String,
    axis: String,
}

impl Rates {
    fn of(found: &Found) -> Rates {
        match &found.range_test {
            Some(test) => Rates::of_test(test),
            None => Rates::of_trials(found),
        }
    }

    fn of_test(test: &RangeTest) -> Rates {
        let steps = label::counted(test.steps as usize, "step");
        Rates {
            points: test.points.iter().map(|point| (point.rate, point.loss())).collect(),
            initial: Some(test.initial).filter(|initial| initial.is_finite()),
            what: format!("Which rates learn: the loss after {steps}"),
            axis: format!("loss after {steps}"),
        }
    }

    /// After as many epochs as all that did not diverge were trained for.
    fn of_trials(found: &Found) -> Rates {
        let trials: Vec<&TrialResult> = match base(found) {
            Some(base) => of_one_kind(found, &base.config),
            None => found.trials.iter().collect(),
        };
        let curves: Vec<(f64, bool, JudgedCurve)> = trials
            .iter()
            .filter_map(|one| Some((rate_of(&one.config)?, one.stopped() == Stopped::Diverged, JudgedCurve::of(one))))
            .collect();
        let trained = curves.iter().filter(|(_, gone, curve)| !gone && curve.epochs() > 0);
        let epochs = trained.map(|(_, _, curve)| curve.epochs()).min().unwrap_or(0);
        let mut points: Vec<(f64, Option<f64>)> =
            curves.iter().map(|(rate, gone, curve)| (*rate, curve.loss(epochs).filter(|_| !gone))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(lowest(a.1).total_cmp(&lowest(b.1))));
        points.dedup_by(|next, kept| next.0 == kept.0);
        let after = label::counted(epochs as usize, "epoch");
        Rates {
            points,
            initial: None,
            what: format!("Which rates learn: the loss after {after}"),
            axis: "validation loss".to_string(),
        }
    }
}

fn lowest(loss: Option<f64>) -> f64 {
    loss.unwrap_or(f64::INFINITY)
}

pub(super) fn draw(svg: &mut Svg, found: &Found, verdict: Option<&Verdict>) {
    let rates = Rates::of(found);
    let most = rates.initial.map_or(f64::INFINITY, |initial| HIGH * initial.abs());
    let shown = |loss: &Option<f64>| loss.filter(|loss| loss.is_finite() && *loss <= most);
    let losses: Vec<f64> =
        rates.initial.into_iter().chain(rates.points.iter().filter_map(|one| shown(&one.1))).collect();
    let known = verdict.map(|verdict| &verdict.rates);
    let chosen = verdict.and_then(|verdict| verdict.rate);
    let marked = chosen.into_iter().chain(known.and_then(|known| known.edge));
    let x = Axis::log_rates(rates.points.iter().map(|one| one.0).chain(marked));
    let frame = frame(LEFT, UPPER, x, Axis::of_losses(&[losses]));
    open_panel(svg, "range", &frame);
    if let Some((low, high)) = known.and_then(|known| known.stable) {
        let (from, to) = (frame.pixel((low, frame.y.low)).0, frame.pixel((high, frame.y.low)).0);
        let area = svg.tag("rect").set("class", "stable").at("x", from).at("y", frame.top).at("width", to - from);
        area.at("height", frame.height).set("fill", STABLE).done();
    }
    let names = Names { x: Some("learning rate"), y: &rates.axis, whole: false, ticks: 7 };
    axes(svg, &frame, &names);
    let crosses = if rates.points.iter().any(|one| shown(&one.1).is_none()) { "; crosses: ran away" } else { "" };
    let band = known
        .and_then(|known| known.stable)
        .map(|(low, high)| format!("shaded: {} to {} train{crosses}", number::rate(low), number::rate(high)));
    let start = if rates.initial.is_some() { "; dotted: the start" } else { "" };
    let note = format!("{}{start}", band.unwrap_or_else(|| crosses.to_string()));
    caption(svg, &frame, &rates.what, note.trim_start_matches("; "));
    if let Some(initial) = rates.initial {
        let y = frame.pixel((frame.x.low, initial)).1;
        let tag = svg.tag("line").set("class", "initial").at("x1", frame.left).at("x2", frame.right).at("y1", y);
        tag.at("y2", y).set("stroke", AXIS).set("stroke-dasharray", "2 3").done();
    }
    let edge = known.and_then(|known| known.edge);
    let trained = known.is_some_and(|known| known.edge_trained);
    marks(svg, &frame, chosen, edge.map(|edge| (edge, if trained { "diverged" } else { "diverges" })));
    axes::clip(svg, "clip-range", &frame);
    svg.tag("g").set("clip-path", "url(#clip-range)").open();
    for run in rates.points.split(|one| one.1.is_none()).filter(|run| !run.is_empty()) {
        let pixels: Vec<_> = run.iter().map(|one| frame.pixel((one.0, lowest(one.1).min(f64::MAX / 8.0)))).collect();
        let stroke = Stroke { series: "rates", trial: None, colour: palette::NEUTRAL, dash: "", width: 1.5 };
        stroke.draw(svg, &pixels);
    }
    svg.close("g");
    for (rate, loss) in &rates.points {
        match shown(loss) {
            Some(loss) => dot(svg, frame.pixel((*rate, loss)), 3.4, palette::NEUTRAL, false),
            None => shape(svg, Shape::Cross, (frame.pixel((*rate, frame.y.low)).0, frame.top + 8.0), EDGE, None),
        }
    }
    if rates.points.is_empty() {
        nothing(svg, &frame);
    }
    svg.close("g");
}

/// The chosen rate and the edge as vertical lines, named above the panel so that no line runs through the words: the
/// first to the left of its line and the second to the right, moved where they would meet or leave the panel.
fn marks(svg: &mut Svg, frame: &Frame, chosen: Option<f64>, edge: Option<(f64, &str)>) {
    let mark = |rate: Option<f64>, text: &dyn Fn(String) -> String| {
        rate.map(|rate| (frame.pixel((rate, frame.y.low)).0, text(number::rate(rate))))
    };
    let chosen = mark(chosen, &|rate| format!("chosen {rate}"));
    let what = edge.map_or("", |(_, what)| what);
    let edge = mark(edge.map(|(rate, _)| rate), &|rate| format!("{rate} {what}"));
    let long = |mark: &Option<(f64, String)>| mark.as_ref().map_or(0.0, |(_, text)| width(text, 12.0));
    let right = frame.right + 14.0;
    let mut second = edge.as_ref().map_or(right, |(x, _)| (x - 2.0).min(right - long(&edge)));
    let mut first = chosen.as_ref().map_or(0.0, |(x, _)| (x + 2.0).min(second - 8.0) - long(&chosen));
    first = first.max(frame.left - 56.0);
    if chosen.is_some() {
        second = second.max(first + long(&chosen) + 8.0);
    }
    let y = frame.top - 6.0;
    for (mark, at, colour, dash) in [(chosen, first, CHOSEN, None), (edge, second, EDGE, Some("5 3"))] {
        if let Some((x, text)) = mark {
            upright(svg, frame, x, dash, colour);
            words(svg, (at, y), "start", 12.0, colour, &text);
        }
    }
}
