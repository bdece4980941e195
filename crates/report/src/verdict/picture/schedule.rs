//! The panel of the schedule: the delivered learning rate by epoch.

use super::super::Found;
use super::super::reading::schedule_of;
use super::super::words::{delivered, schedule};
use super::{CHOSEN, LOWER, RIGHT, Stroke, caption, frame, named_upright, nothing};
use crate::axes::{Names, axes, open_panel};
use crate::axis::Axis;
use crate::curves::rates;
use crate::mean::mean_curve;
use crate::svg::Svg;
use crate::thin::{Point, level, thin};

/// Points of the line at most.
const MOST: usize = 2_000;

pub(super) fn draw(svg: &mut Svg, found: &Found) {
    let best = found.finalists.first();
    let curve = best.map(|one| mean_curve(&one.result)).unwrap_or_default();
    let points: Vec<Point> = rates(&curve).into_iter().filter(|point| point.1.is_finite()).collect();
    let last = points.last().map_or(1, |point| point.0 as u32);
    let y = Axis::from_zero(points.iter().map(|point| point.1));
    let frame = frame(RIGHT, LOWER, Axis::epochs(last), y);
    open_panel(svg, "schedule", &frame);
    axes(svg, &frame, &Names { x: Some("epoch"), y: "learning rate", whole: true, ticks: 6 });
    let words = best.map(|one| schedule(&schedule_of(&one.result.config))).unwrap_or_default();
    let what = format!("What is {}: the learning rate by epoch", delivered(found.model_rows));
    caption(svg, &frame, &what, &words);
    if let Some((_, left)) = best.and_then(|one| one.from).filter(|(_, left)| *left > 0 && *left < last) {
        let x = frame.pixel((f64::from(left), 0.0)).0;
        let text = format!("constant until epoch {left}");
        named_upright(svg, &frame, (x, frame.bottom() - 8.0), super::WORDS, &text);
    }
    let pixels: Vec<Point> = thin(&level(&points), MOST).iter().map(|point| frame.pixel(*point)).collect();
    let trial = best.map(|one| one.result.trial);
    Stroke { series: "rate", trial, colour: CHOSEN, dash: "", width: 2.4 }.draw(svg, &pixels);
    if points.is_empty() {
        nothing(svg, &frame);
    }
    svg.close("g");
}
