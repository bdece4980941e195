//! A panel's frame on the page: its group with the data attributes, grid, ticks and the names of its axes.

use crate::frame::Frame;
use crate::svg::{Svg, coordinate, push_coordinate};
use crate::thin::Point;

pub(crate) const AXIS: &str = "#888888";
pub(crate) const GRID: &str = "#e6e6e6";
pub(crate) const WORDS: &str = "#444444";
pub(crate) const NAMES: &str = "#222222";

/// What is written at the axes.
pub(crate) struct Names<'a> {
    /// Below the horizontal axis with its ticks; `None` if another panel below says both.
    pub(crate) x: Option<&'a str>,
    /// Beside the vertical axis.
    pub(crate) y: &'a str,
    /// Whether only whole numbers count on the horizontal axis.
    pub(crate) whole: bool,
    /// About how many ticks the horizontal axis has.
    pub(crate) ticks: usize,
}

/// Begins the group of a panel, which `svg.close("g")` ends: `class="panel"`, `data-panel`, the values `data-x0`,
/// `data-x1`, `data-y0`, `data-y1` at the edges `data-left`, `data-right`, `data-bottom`, `data-top` in pixels,
/// `data-log` (of the vertical axis), and `data-log-x` if the horizontal one is logarithmic.
pub(crate) fn open_panel(svg: &mut Svg, name: &str, frame: &Frame) {
    svg.tag("g")
        .set("class", "panel")
        .set("data-panel", name)
        .set("data-x0", &frame.x.low.to_string())
        .set("data-x1", &frame.x.high.to_string())
        .set("data-y0", &format!("{:?}", frame.y.low))
        .set("data-y1", &format!("{:?}", frame.y.high))
        .set("data-log", if frame.y.log { "true" } else { "false" })
        .maybe("data-log-x", frame.x.log.then_some("true"))
        .at("data-left", frame.left)
        .at("data-right", frame.right)
        .at("data-top", frame.top)
        .at("data-bottom", frame.bottom())
        .open();
}

/// A thin line.
pub(crate) fn line(svg: &mut Svg, from: Point, to: Point, colour: &str) {
    let tag = svg.tag("line").at("x1", from.0).at("y1", from.1).at("x2", to.0).at("y2", to.1);
    tag.set("stroke", colour).done();
}

/// Draws grid, ticks and names.
pub(crate) fn axes(svg: &mut Svg, frame: &Frame, names: &Names<'_>) {
    let (left, right, top, bottom) = (frame.left, frame.right, frame.top, frame.bottom());
    for (value, text) in frame.x.ticks(names.ticks) {
        if names.whole && value.fract() != 0.0 {
            continue;
        }
        let x = frame.pixel((value, frame.y.low)).0;
        line(svg, (x, top), (x, bottom), GRID);
        if names.x.is_some() {
            line(svg, (x, bottom), (x, bottom + 4.0), AXIS);
            let text = if names.whole { text.split('.').next().unwrap_or(&text) } else { &text };
            let tag = svg.tag("text").at("x", x).at("y", bottom + 18.0).set("text-anchor", "middle");
            tag.set("fill", WORDS).text(text);
        }
    }
    for (value, text) in frame.y.ticks((frame.height / 26.0).min(6.0) as usize) {
        let y = frame.pixel((frame.x.low, value)).1;
        line(svg, (left - 4.0, y), (left, y), AXIS);
        line(svg, (left, y), (right, y), GRID);
        let tag = svg.tag("text").at("x", left - 8.0).at("y", y + 4.0).set("text-anchor", "end");
        tag.set("fill", WORDS).text(&text);
    }
    line(svg, (left, top), (left, bottom), AXIS);
    line(svg, (left, bottom), (right, bottom), AXIS);
    let (x, y) = (left - 56.0, top + frame.height / 2.0);
    let turned = format!("rotate(-90 {} {})", coordinate(x), coordinate(y));
    let tag = svg.tag("text").at("x", x).at("y", y).set("transform", &turned).set("text-anchor", "middle");
    tag.set("font-size", "13").set("fill", NAMES).text(names.y);
    if let Some(name) = names.x {
        let tag = svg.tag("text").at("x", (left + right) / 2.0).at("y", bottom + 38.0).set("text-anchor", "middle");
        tag.set("font-size", "13").set("fill", NAMES).text(name);
    }
}

/// Defines the panel's area for clipping, which `clip-path="url(#id)"` refers to.
pub(crate) fn clip(svg: &mut Svg, id: &str, frame: &Frame) {
    svg.tag("clipPath").set("id", id).open();
    let area = svg.tag("rect").at("x", frame.left).at("y", frame.top);
    area.at("width", frame.right - frame.left).at("height", frame.height).done();
    svg.close("clipPath");
}

/// Pixels as SVG writes them; a single one twice, so that round ends draw it.
pub(crate) fn path(pixels: &[Point]) -> String {
    let twice = if pixels.len() == 1 { 2 } else { 1 };
    // A picture of a search has tens of thousands.
    let mut text = String::with_capacity(pixels.len() * twice * "123.4,123.4 ".len());
    for (x, y) in pixels.iter().cycle().take(pixels.len() * twice) {
        if !text.is_empty() {
            text.push(' ');
        }
        push_coordinate(&mut text, *x);
        text.push(',');
        push_coordinate(&mut text, *y);
    }
    text
}
