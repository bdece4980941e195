//! The panel of learning curves: every trial as far as it was trained, and the schedules that were tried at the end.

use super::super::words::delivered;
use super::super::{Finalist, Found};
use super::{Colours, RIGHT, Stroke, UPPER, caption, frame, nothing};
use crate::axes::{self, Names, axes, open_panel};
use crate::axis::Axis;
use crate::curves::Shape;
use crate::label::paused;
use crate::legend::{Entry, Swatch};
use crate::marks::shape;
use crate::mean::mean_curve;
use crate::palette;
use crate::svg::Svg;
use crate::thin::{Point, thin};
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::TrialResult;
use opportune_core::stop::Stopped;

/// Of a trial that was paused before its last epoch.
const PAUSED: &str = "5 3";
/// Points of all lines together, and the limits of one line.
const POINTS: usize = 40_000;
const FEWEST: usize = 100;
const MOST: usize = 2_000;

/// A line of the panel.
struct Drawn {
    series: &'static str,
    trial: u32,
    points: Vec<Point>,
    colour: String,
    dash: &'static str,
    width: f64,
    end: Shape,
}

fn of_trial(one: &TrialResult, colours: &Colours) -> Drawn {
    let curve = JudgedCurve::of(one);
    let point = |epoch: u32| curve.loss(epoch).map(|loss| (f64::from(epoch), loss));
    Drawn {
        series: "trial",
        trial: one.trial,
        points: (1..=curve.epochs()).filter_map(point).collect(),
        colour: colours.config(&one.config),
        dash: if paused(one) { PAUSED } else { "" },
        width: 1.3,
        end: if matches!(one.stopped(), Stopped::Diverged | Stopped::Failed) { Shape::Cross } else { Shape::End },
    }
}

/// What a finalist adds to the trial it left: its validation loss from there on; of the delivered one the way there as
/// well. The weights that count at its end are its own, not their average.
fn of_finalist(found: &Found, one: &Finalist, colours: &Colours, delivered: bool) -> Drawn {
    let trunk = one.from.and_then(|(number, left)| Some((found.trials.iter().find(|one| one.trial == number)?, left)));
    let searched =
        found.trials.iter().find(|other| other.trial == one.result.trial && other.config == one.result.config);
    let mut points: Vec<Point> = Vec::new();
    if let Some(searched) = searched {
        points = of_trial(searched, colours).points;
    } else {
        let left = trunk.map_or(0, |(_, left)| left);
        if let Some((trunk, left)) = trunk {
            let before = of_trial(trunk, colours).points;
            let shown = |point: &Point| point.0 <= f64::from(left) && (delivered || point.0 == f64::from(left));
            points.extend(before.into_iter().filter(shown));
        }
        let later = mean_curve(&one.result).into_iter().filter(|one| one.epoch > left);
        let point = later.filter_map(|one| one.validation.map(|v| (f64::from(one.epoch), v.loss)));
        points.extend(point.filter(|point| point.1.is_finite()));
    }
    Drawn {
        series: if trunk.is_some() { "cooldown" } else { "schedule" },
        trial: one.result.trial,
        points,
        colour: colours.config(&one.result.config),
        dash: "",
        width: if delivered { 3.4 } else { 2.2 },
        end: if delivered { Shape::Chosen } else { Shape::End },
    }
}

/// Kinds of lines there are, for the legend.
pub(super) fn legend(found: &Found) -> Vec<Entry> {
    let line = |dash: &'static str, width: f64| Swatch::Line(palette::NEUTRAL.to_string(), dash, width);
    let mut rows = vec![Entry::heading("lines")];
    let full = |one: &TrialResult| !paused(one) && one.stopped() != Stopped::Diverged;
    if found.trials.iter().any(full) {
        rows.push(Entry::new(line("", 1.3), "trained to its end"));
    }
    if found.trials.iter().any(paused) {
        rows.push(Entry::new(line(PAUSED, 1.3), "paused"));
    }
    if found.finalists.len() > 1 {
        rows.push(Entry::new(line("", 2.2), "schedules compared"));
    }
    if !found.finalists.is_empty() {
        rows.push(Entry::new(Swatch::Chosen(palette::NEUTRAL.to_string()), delivered(found.model_rows)));
    }
    if found.trials.iter().any(|one| one.stopped() == Stopped::Diverged) {
        rows.push(Entry::new(Swatch::End(Shape::Cross), "diverged"));
    }
    rows
}

pub(super) fn draw(svg: &mut Svg, found: &Found, colours: &Colours) {
    let mut lines: Vec<Drawn> = found.trials.iter().map(|one| of_trial(one, colours)).collect();
    // The delivered one comes last and lies on top.
    let finalists = found.finalists.iter().enumerate().rev();
    lines.extend(finalists.map(|(place, one)| of_finalist(found, one, colours, place == 0)));
    let last = lines.iter().filter_map(|line| line.points.last()).map(|point| point.0 as u32).max().unwrap_or(1);
    let values: Vec<Vec<f64>> = lines.iter().map(|line| line.points.iter().map(|point| point.1).collect()).collect();
    let frame = frame(RIGHT, UPPER, Axis::log_epochs(last), Axis::of_losses(&values));
    open_panel(svg, "curves", &frame);
    axes(svg, &frame, &Names { x: Some("epoch"), y: "validation loss", whole: true, ticks: 8 });
    let clipped = if frame.y.clipped { "; some values lie outside" } else { "" };
    caption(svg, &frame, "How every trial went, by epoch", &format!("loss on rows not trained on{clipped}"));
    axes::clip(svg, "clip-curves", &frame);
    svg.tag("g").set("clip-path", "url(#clip-curves)").open();
    let limit = (POINTS / lines.len().max(1)).clamp(FEWEST, MOST);
    for line in &lines {
        let pixels: Vec<Point> = thin(&line.points, limit).iter().map(|point| frame.pixel(*point)).collect();
        let stroke = Stroke {
            series: line.series,
            trial: Some(line.trial),
            colour: &line.colour,
            dash: line.dash,
            width: line.width,
        };
        stroke.draw(svg, &pixels);
    }
    svg.close("g");
    for line in &lines {
        // What was gone in its first epoch has its cross above that.
        let gone = (line.end == Shape::Cross).then(|| frame.pixel((1.0, f64::MAX / 8.0)));
        let Some((x, y)) = line.points.last().map(|point| frame.pixel(*point)).or(gone) else { continue };
        shape(svg, line.end, (x, y.clamp(frame.top, frame.bottom())), &line.colour, Some(line.trial));
    }
    if lines.is_empty() {
        nothing(svg, &frame);
    }
    svg.close("g");
}
