//! Marks on lines, and the values written beside the points that count.

use crate::curves::{Line, Panel, Shape};
use crate::frame::Frame;
use crate::number;
use crate::svg::{Svg, coordinate};
use crate::thin::Point;

/// The point of a line at an epoch; for a cross the last finite one up to it.
fn marked(panel: Panel, line: &Line, epoch: u32, shape: Shape) -> Option<Point> {
    let mut points = line.points[panel as usize].iter().filter(|point| point.1.is_finite());
    let epoch = f64::from(epoch);
    let point = match shape {
        Shape::Cross => points.rfind(|point| point.0 <= epoch),
        _ => points.find(|point| point.0 == epoch),
    };
    point.copied()
}

/// Draws the marks of a line.
pub(crate) fn marks(svg: &mut Svg, panel: Panel, frame: &Frame, line: &Line) {
    for mark in &line.marks {
        let Some(point) = marked(panel, line, mark.epoch, mark.shape) else { continue };
        let (x, y) = frame.pixel(point);
        if mark.shape != Shape::Cross && !frame.inside((x, y)) {
            continue;
        }
        // What diverged is marked at the border it left by.
        let y = y.clamp(frame.top, frame.bottom());
        shape(svg, mark.shape, (x, y), &line.colour, mark.trial);
    }
}

/// Draws a mark at a pixel.
pub(crate) fn shape(svg: &mut Svg, shape: Shape, (x, y): Point, colour: &str, trial: Option<u32>) {
    let trial = trial.map(|trial| trial.to_string());
    let (class, path) = match shape {
        Shape::End | Shape::Chosen => {
            let large = shape == Shape::Chosen;
            svg.tag("circle")
                .set("class", if large { "chosen" } else { "end" })
                .maybe("data-trial", trial.as_deref())
                .at("cx", x)
                .at("cy", y)
                .at("r", if large { 5.5 } else { 2.6 })
                .set("fill", colour)
                .set("stroke", "#ffffff")
                .at("stroke-width", if large { 1.8 } else { 0.6 })
                .done();
            return;
        }
        Shape::Stop => ("stop", [(0.0, -6.0), (0.0, 6.0), (0.0, 0.0), (0.0, 0.0)]),
        Shape::Cross => ("cross", [(-4.5, -4.5), (4.5, 4.5), (-4.5, 4.5), (4.5, -4.5)]),
    };
    let [a, b, c, d] = path.map(|(dx, dy)| format!("{} {}", coordinate(x + dx), coordinate(y + dy)));
    svg.tag("path")
        .set("class", class)
        .maybe("data-trial", trial.as_deref())
        .set("d", &format!("M{a} L{b} M{c} L{d}"))
        .set("stroke", colour)
        .set("stroke-width", "2")
        .done();
}

/// Writes the value beside the point that counts, where it covers the least of the lines.
pub(crate) fn values(svg: &mut Svg, panel: Panel, frame: &Frame, line: &Line, ink: &[Point]) {
    for mark in line.marks.iter().filter(|mark| mark.shape == Shape::Chosen) {
        let Some(point) = marked(panel, line, mark.epoch, mark.shape) else { continue };
        let pixel = frame.pixel(point);
        if !frame.inside(pixel) {
            continue;
        }
        let text = if panel == Panel::Loss { number::loss(point.1) } else { number::score(point.1) };
        let (x, y) = free_place(frame, pixel, text.chars().count() as f64 * 7.2, ink);
        let tag = |svg: &mut Svg, halo: bool| {
            let tag = svg.tag("text").at("x", x).at("y", y).set("text-anchor", "middle").set("font-weight", "600");
            let tag = tag.maybe("class", (!halo).then_some("value")).set("fill", &line.colour);
            let tag = tag.maybe("stroke", halo.then_some("#ffffff")).maybe("stroke-width", halo.then_some("4"));
            tag.maybe("aria-hidden", halo.then_some("true"))
                .maybe("stroke-linejoin", halo.then_some("round"))
                .text(&text);
        };
        // A white rim below the letters keeps them apart from lines; two elements, as not every viewer can order both.
        tag(svg, true);
        tag(svg, false);
    }
}

/// Middle of the baseline of a text of this width near `pixel`.
fn free_place(frame: &Frame, pixel: Point, width: f64, ink: &[Point]) -> Point {
    let (half, mut best) = (width / 2.0, (f64::INFINITY, pixel));
    for far in [1.0, 2.0, 3.0] {
        for (right, down) in [(0.0, -1.0), (0.0, 1.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 0.0)]
        {
            let x = (pixel.0 + right * (half + 8.0)).clamp(frame.left + half + 3.0, frame.right - half - 3.0);
            let y = pixel.1 + 4.0 + down * (1.0 + 12.0 * far);
            let (from, to) = ((x - half - 2.0, y - 9.5), (x + half + 2.0, y + 2.0));
            let within = |point: &Point| point.0 >= from.0 && point.0 <= to.0 && point.1 >= from.1 && point.1 <= to.1;
            let outside = from.1 < frame.top || to.1 > frame.bottom();
            let covered = ink.iter().filter(|point| within(point)).count() + usize::from(within(&pixel)) * 40;
            let cost = covered as f64 + far * 15.0 + if outside { 1e6 } else { 0.0 };
            if cost < best.0 {
                best = (cost, (x, y));
            }
        }
    }
    best.1
}
