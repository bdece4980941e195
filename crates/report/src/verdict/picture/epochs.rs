//! The panel of epochs: the score that can be had within each number of them.

use super::super::{EpochsLine, Found, Verdict};
use super::{CHOSEN, Colours, LEFT, LOWER, STABLE, Stroke, caption, dot, frame, named_upright, nothing, width, words};
use crate::axes::{Names, axes, open_panel};
use crate::axis::Axis;
use crate::label;
use crate::number;
use crate::svg::Svg;
use crate::thin::Point;

/// Size of the rates that are written beside points.
const SIZE: f64 = 11.0;

pub(super) fn draw(svg: &mut Svg, found: &Found, verdict: Option<&Verdict>, colours: &Colours) {
    let name = label::score(found.score);
    let rows = verdict.map(|verdict| verdict.table.as_slice()).unwrap_or_default();
    let points: Vec<(Point, Option<f64>)> = match rows {
        [] => of_trials(found),
        rows => rows.iter().map(|row| ((f64::from(row.epochs), row.score), row.rate)).collect(),
    };
    let points: Vec<(Point, Option<f64>)> = points.into_iter().filter(|one| one.0.1.is_finite()).collect();
    let last = points.iter().map(|one| one.0.0 as u32).max().unwrap_or(1);
    let mut y = Axis::of_scores(&[points.iter().map(|one| one.0.1).collect()], found.score, false);
    if !y.log {
        // Room for words below the first point.
        y.low -= 0.08 * (y.high - y.low);
    }
    let frame = frame(LEFT, LOWER, Axis::log_epochs(last), y);
    open_panel(svg, "epochs", &frame);
    for (from, to) in good(rows) {
        let (from, to) = (frame.pixel((from, frame.y.low)).0 - 9.0, frame.pixel((to, frame.y.low)).0 + 9.0);
        let (from, to) = (from.max(frame.left), to.min(frame.right));
        let area = svg.tag("rect").set("class", "good").at("x", from).at("y", frame.top).at("width", to - from);
        area.at("height", frame.height).set("fill", STABLE).done();
    }
    axes(svg, &frame, &Names { x: Some("epochs"), y: name, whole: true, ticks: 8 });
    if rows.is_empty() {
        caption(svg, &frame, "How good every trial was at its end", "coloured by learning rate");
    } else {
        let note = "shaded: as good as the best; written: the rate that gives it";
        caption(svg, &frame, "How good it gets within so many epochs", note);
    }
    let higher = found.score.higher_is_better();
    if let Some(row) = rows.iter().find(|row| row.recommended) {
        let x = frame.pixel((f64::from(row.epochs), frame.y.low)).0;
        let y = if higher { frame.bottom() - 8.0 } else { frame.top + 14.0 };
        named_upright(svg, &frame, (x, y), CHOSEN, &format!("recommended {}", row.epochs));
    }
    if !rows.is_empty() {
        let pixels: Vec<Point> = points.iter().map(|one| frame.pixel(one.0)).collect();
        Stroke { series: "epochs", trial: None, colour: "#bbbbbb", dash: "", width: 1.5 }.draw(svg, &pixels);
    }
    for (point, rate) in &points {
        let row = rows.iter().find(|row| f64::from(row.epochs) == point.0);
        let recommended = row.is_some_and(|row| row.recommended);
        dot(svg, frame.pixel(*point), if recommended { 6.0 } else { 4.2 }, &colours.at(*rate), false);
    }
    if !rows.is_empty() {
        let line = rows.iter().find(|row| row.recommended).map(|row| f64::from(row.epochs));
        rates(svg, &frame, &points, (higher, line), colours);
    }
    if points.is_empty() {
        nothing(svg, &frame);
    }
    svg.close("g");
}

/// Without a table: epochs trained and score of every trial.
fn of_trials(found: &Found) -> Vec<(Point, Option<f64>)> {
    let one = |one: &opportune_core::memory::TrialResult| {
        let epochs = one.folds.iter().map(|fold| fold.ending.epochs).max()?;
        Some(((f64::from(epochs), one.score()), super::super::rates::rate_of(&one.config)))
    };
    found.trials.iter().filter_map(one).collect()
}

/// Runs of lines that are as good as the best: the first and the last number of epochs of each.
fn good(rows: &[EpochsLine]) -> Vec<Point> {
    let runs = rows.split(|row| !row.as_good).filter(|run| !run.is_empty());
    runs.filter_map(|run| Some((f64::from(run.first()?.epochs), f64::from(run.last()?.epochs)))).collect()
}

/// Writes the rate beside each point whose rate is another one than before, on the side where the line is not; where it
/// would cover the one written before or the mark of the recommended number, it is left out there.
fn rates(
    svg: &mut Svg,
    frame: &crate::frame::Frame,
    points: &[(Point, Option<f64>)],
    (higher, line): (bool, Option<f64>),
    colours: &Colours,
) {
    let (mut before, mut taken) = (None, Vec::<(Point, f64)>::new());
    for (point, rate) in points {
        let Some(rate) = rate.filter(|rate| before != Some(*rate)) else { continue };
        let text = number::rate(rate);
        let (x, y) = frame.pixel(*point);
        let at = (x + 5.0, if higher { y + 17.0 } else { y - 9.0 });
        let wide = width(&text, SIZE);
        let meets = |(other, long): &(Point, f64)| {
            at.0 < other.0 + long + 3.0 && other.0 < at.0 + wide + 3.0 && (at.1 - other.1).abs() < SIZE + 2.0
        };
        let crosses = line.map(|line| frame.pixel((line, 0.0)).0).is_some_and(|x| at.0 < x && x < at.0 + wide);
        if crosses || taken.iter().any(meets) || at.0 + wide > frame.right || at.1 + 4.0 > frame.bottom() {
            continue;
        }
        words(svg, at, "start", SIZE, &colours.at(Some(rate)), &text);
        taken.push((at, wide));
        before = Some(rate);
    }
}
