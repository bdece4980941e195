//! Learning curves as SVG: the panels, their axes, lines and marks.

use crate::axis::Axis;
use crate::columns::shortened;
use crate::curves::{Curves, Line, Panel, Shape};
use crate::legend;
use crate::number;
use crate::svg::{Svg, coordinate};
use crate::thin::{Point, level, thin};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = WIDTH - legend::WIDTH - 34.0;
const TOP: f64 = 78.0;
const GAP: f64 = 26.0;
const BOTTOM: f64 = 48.0;
const AXIS: &str = "#888888";
const GRID: &str = "#e6e6e6";
const WORDS: &str = "#444444";

/// Points of all lines together that keep the picture below about a megabyte, and the limits of one line.
const POINTS: usize = 60_000;
const FEWEST: usize = 200;
const MOST: usize = 2_000;

/// Where a panel is, and what it shows.
struct Frame {
    panel: Panel,
    top: f64,
    height: f64,
    x: Axis,
    y: Axis,
}

impl Frame {
    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn pixel(&self, (epoch, value): Point) -> Point {
        (LEFT + self.x.place(epoch) * (RIGHT - LEFT), self.bottom() - self.y.place(value) * self.height)
    }

    fn inside(&self, (x, y): Point) -> bool {
        (LEFT..=RIGHT).contains(&x) && (self.top..=self.bottom()).contains(&y)
    }
}

/// The picture as an SVG document, 900 pixels wide.
///
/// Three panels share the axis of epochs: loss (logarithmic if it spans more than a decade), score, and learning rate
/// (likewise). A few values far off all others are cut off at the panel's border, which is said above it; values that
/// are not finite break a line. Lines of more than 2,000 points, or fewer where there are many lines, keep their ends
/// and extremes only. Each panel is a `g` with `class="panel"`, `data-panel` (`loss`, `score`, `rate`), the values
/// `data-x0`, `data-x1`, `data-y0`, `data-y1` at the edges `data-left`, `data-right`, `data-bottom`, `data-top` in
/// pixels, and `data-log` (of the y axis); each line is one or more `polyline`s with `class="curve"`, `data-series`,
/// `data-trial` and, if it is of one fold, `data-fold`.
pub fn curves_svg(curves: &Curves) -> String {
    let frames = frames(curves);
    let plots = frames.last().map_or(TOP, Frame::bottom);
    let height = (plots + BOTTOM).max(TOP + legend::height(&curves.legend) + 12.0);
    let mut svg = Svg::new(WIDTH, height, &curves.title, &curves.subtitle);
    let heading = |svg: &mut Svg, y: f64, size: f64, weight: &str, colour: &str, text: &str| {
        let room = ((WIDTH - 2.0 * 24.0) / (size * 0.56)) as usize;
        let tag = svg.tag("text").at("x", 24.0).at("y", y).at("font-size", size).set("font-weight", weight);
        tag.set("fill", colour).text(&shortened(text, room));
    };
    heading(&mut svg, 32.0, 18.0, "600", "#111111", &curves.title);
    heading(&mut svg, 53.0, 13.0, "400", "#555555", &curves.subtitle);
    for frame in &frames {
        let name = match frame.panel {
            Panel::Loss => curves.names[0].as_str(),
            Panel::Score => curves.names[1].as_str(),
            Panel::Rate => "learning rate",
        };
        panel(&mut svg, frame, name, curves, frame.panel == Panel::Rate);
    }
    legend::draw(&mut svg, &curves.legend, RIGHT + 22.0, TOP);
    svg.finish()
}

fn frames(curves: &Curves) -> Vec<Frame> {
    let last = curves.lines.iter().flat_map(|line| &line.points).filter_map(|points| points.last());
    let last = last.map(|point| point.0 as u32).max().unwrap_or(1);
    let mut top = TOP;
    let frame = |panel: Panel| {
        let values = |line: &Line| line.points[panel as usize].iter().map(|point| point.1).collect::<Vec<f64>>();
        let values: Vec<Vec<f64>> = curves.lines.iter().map(values).collect();
        let (y, height) = match panel {
            Panel::Loss => (Axis::of_losses(&values), 226.0),
            Panel::Score => (Axis::of_scores(&values, curves.score), 226.0),
            Panel::Rate => (Axis::of_rates(&values), 104.0),
        };
        let frame = Frame { panel, top, height, x: Axis::epochs(last), y };
        top = frame.bottom() + GAP;
        frame
    };
    Panel::ALL.into_iter().map(frame).collect()
}

fn panel(svg: &mut Svg, frame: &Frame, name: &str, curves: &Curves, lowest: bool) {
    svg.tag("g")
        .set("class", "panel")
        .set("data-panel", frame.panel.name())
        .set("data-x0", &frame.x.low.to_string())
        .set("data-x1", &frame.x.high.to_string())
        .set("data-y0", &format!("{:?}", frame.y.low))
        .set("data-y1", &format!("{:?}", frame.y.high))
        .set("data-log", if frame.y.log { "true" } else { "false" })
        .at("data-left", LEFT)
        .at("data-right", RIGHT)
        .at("data-top", frame.top)
        .at("data-bottom", frame.bottom())
        .open();
    axes(svg, frame, name, lowest);
    if let Some(chosen) = curves.chosen {
        let x = frame.pixel((f64::from(chosen), frame.y.low)).0;
        svg.tag("line")
            .set("class", "chosen")
            .at("x1", x)
            .at("x2", x)
            .at("y1", frame.top)
            .at("y2", frame.bottom())
            .set("stroke", "#999999")
            .set("stroke-dasharray", "4 3")
            .done();
    }
    let clip = format!("clip-{}", frame.panel.name());
    if frame.y.clipped {
        svg.tag("clipPath").set("id", &clip).open();
        let area = svg.tag("rect").at("x", LEFT).at("y", frame.top);
        area.at("width", RIGHT - LEFT).at("height", frame.height).done();
        svg.close("clipPath");
        let note = svg.tag("text").at("x", RIGHT).at("y", frame.top - 6.0).set("text-anchor", "end");
        note.set("font-size", "11")
            .set("font-style", "italic")
            .set("fill", WORDS)
            .text("clipped: some values lie outside");
    }
    let drawn: Vec<&Line> = curves.lines.iter().filter(|line| !line.points[frame.panel as usize].is_empty()).collect();
    let limit = (POINTS / (3 * curves.lines.len()).max(1)).clamp(FEWEST, MOST);
    svg.tag("g")
        .maybe("clip-path", frame.y.clipped.then(|| format!("url(#{clip})")).as_deref())
        .set("fill", "none")
        .open();
    let mut ink = Vec::new();
    for line in &drawn {
        ink.extend(polylines(svg, frame, line, limit));
    }
    svg.close("g");
    if ink.is_empty() {
        let (x, y) = ((LEFT + RIGHT) / 2.0, frame.top + frame.height / 2.0);
        svg.tag("text").at("x", x).at("y", y).set("text-anchor", "middle").set("fill", WORDS).text("no finite values");
    }
    if frame.panel != Panel::Rate {
        for line in &drawn {
            marks(svg, frame, line);
        }
        for line in &drawn {
            values(svg, frame, line, &ink);
        }
    }
    svg.close("g");
}

fn axes(svg: &mut Svg, frame: &Frame, name: &str, lowest: bool) {
    let (top, bottom) = (frame.top, frame.bottom());
    let line = |svg: &mut Svg, from: Point, to: Point, colour: &str| {
        let tag = svg.tag("line").at("x1", from.0).at("y1", from.1).at("x2", to.0).at("y2", to.1);
        tag.set("stroke", colour).done();
    };
    for (epoch, text) in frame.x.ticks(6) {
        if epoch.fract() != 0.0 {
            continue;
        }
        let x = frame.pixel((epoch, frame.y.low)).0;
        line(svg, (x, top), (x, bottom), GRID);
        if lowest {
            line(svg, (x, bottom), (x, bottom + 4.0), AXIS);
            let whole = text.split('.').next().unwrap_or(&text);
            let tag = svg.tag("text").at("x", x).at("y", bottom + 18.0).set("text-anchor", "middle");
            tag.set("fill", WORDS).text(whole);
        }
    }
    for (value, text) in frame.y.ticks((frame.height / 34.0) as usize) {
        let y = frame.pixel((0.0, value)).1;
        line(svg, (LEFT - 4.0, y), (LEFT, y), AXIS);
        line(svg, (LEFT, y), (RIGHT, y), GRID);
        let tag = svg.tag("text").at("x", LEFT - 8.0).at("y", y + 4.0).set("text-anchor", "end");
        tag.set("fill", WORDS).text(&text);
    }
    line(svg, (LEFT, top), (LEFT, bottom), AXIS);
    line(svg, (LEFT, bottom), (RIGHT, bottom), AXIS);
    let (x, y) = (22.0, top + frame.height / 2.0);
    let turned = format!("rotate(-90 {} {})", coordinate(x), coordinate(y));
    let tag = svg.tag("text").at("x", x).at("y", y).set("transform", &turned).set("text-anchor", "middle");
    tag.set("font-size", "13").set("fill", "#222222").text(name);
    if lowest {
        let tag = svg.tag("text").at("x", (LEFT + RIGHT) / 2.0).at("y", bottom + 38.0).set("text-anchor", "middle");
        tag.set("font-size", "13").set("fill", "#222222").text("epoch");
    }
}

/// Draws a line, broken where it is not finite, and gives the pixels it went through.
fn polylines(svg: &mut Svg, frame: &Frame, line: &Line, limit: usize) -> Vec<Point> {
    let points = &line.points[frame.panel as usize];
    let mut ink = Vec::new();
    for run in points.split(|point| !point.1.is_finite()).filter(|run| !run.is_empty()) {
        let share = (limit * run.len()).div_ceil(points.len());
        let kept = if frame.panel == Panel::Rate { thin(&level(run), share) } else { thin(run, share) };
        let pixels: Vec<Point> = kept.iter().map(|point| frame.pixel(*point)).collect();
        let text = pixels.iter().map(|(x, y)| format!("{},{}", coordinate(*x), coordinate(*y)));
        let fold = line.fold.map(|fold| fold.to_string());
        // A line of one point is drawn by its round ends.
        let text = match pixels.as_slice() {
            [(x, y)] => format!("{x},{y} {x},{y}", x = coordinate(*x), y = coordinate(*y)),
            _ => text.collect::<Vec<_>>().join(" "),
        };
        svg.tag("polyline")
            .set("class", "curve")
            .set("data-series", if frame.panel == Panel::Rate { "rate" } else { line.series })
            .set("data-trial", &line.trial.to_string())
            .maybe("data-fold", fold.as_deref())
            .set("points", &text)
            .set("stroke", &line.colour)
            .at("stroke-width", if pixels.len() == 1 { line.width + 3.0 } else { line.width })
            .maybe("stroke-dasharray", Some(line.dash).filter(|dash| !dash.is_empty()))
            .maybe("stroke-opacity", (line.opacity < 1.0).then(|| line.opacity.to_string()).as_deref())
            .set("stroke-linejoin", "round")
            .set("stroke-linecap", if line.dash.is_empty() { "round" } else { "butt" })
            .done();
        ink.extend(pixels.windows(2).flat_map(|pair| between(pair[0], pair[1])));
        ink.extend(pixels.last());
    }
    ink
}

/// Pixels on the way from one point to another, so close that a text cannot lie between two.
fn between(from: Point, to: Point) -> impl Iterator<Item = Point> {
    let steps = ((to.0 - from.0).abs().max((to.1 - from.1).abs()) / 4.0).ceil().clamp(1.0, 500.0);
    (0..steps as u32).map(move |step| {
        let part = f64::from(step) / steps;
        (from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1))
    })
}

/// The point of a line at an epoch; for a cross the last finite one up to it.
fn marked(frame: &Frame, line: &Line, epoch: u32, shape: Shape) -> Option<Point> {
    let points = line.points[frame.panel as usize].iter().filter(|point| point.1.is_finite());
    let epoch = f64::from(epoch);
    let point = match shape {
        Shape::Cross => points.filter(|point| point.0 <= epoch).max_by(|a, b| a.0.total_cmp(&b.0)),
        _ => points.filter(|point| point.0 == epoch).next_back(),
    };
    point.copied()
}

fn marks(svg: &mut Svg, frame: &Frame, line: &Line) {
    for mark in &line.marks {
        let Some(point) = marked(frame, line, mark.epoch, mark.shape) else { continue };
        let (x, y) = frame.pixel(point);
        // What lies outside is marked at the border it left by.
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
        Shape::Stop => ("stop", [(0.0, -7.0), (0.0, 7.0), (0.0, 0.0), (0.0, 0.0)]),
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
fn values(svg: &mut Svg, frame: &Frame, line: &Line, ink: &[Point]) {
    for mark in line.marks.iter().filter(|mark| mark.shape == Shape::Chosen) {
        let Some(point) = marked(frame, line, mark.epoch, mark.shape) else { continue };
        let pixel = frame.pixel(point);
        if !frame.inside(pixel) {
            continue;
        }
        let text = if frame.panel == Panel::Loss { number::loss(point.1) } else { number::score(point.1) };
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
            let x = (pixel.0 + right * (half + 8.0)).clamp(LEFT + half + 3.0, RIGHT - half - 3.0);
            let y = pixel.1 + 4.0 + down * (2.0 + 12.0 * far);
            let (from, to) = ((x - half - 2.0, y - 12.0), (x + half + 2.0, y + 4.0));
            let within = |point: &Point| point.0 >= from.0 && point.0 <= to.0 && point.1 >= from.1 && point.1 <= to.1;
            let outside = from.1 < frame.top || to.1 > frame.bottom();
            let covered = ink.iter().filter(|point| within(point)).count() + usize::from(within(&pixel)) * 40;
            let cost = covered as f64 + far * 0.5 + if outside { 1e6 } else { 0.0 };
            if cost < best.0 {
                best = (cost, (x, y));
            }
        }
    }
    best.1
}
