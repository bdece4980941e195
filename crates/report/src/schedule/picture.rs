//! The rate over a run as a picture: SVG, and characters of a terminal.

use super::Course;
use crate::axes::{self, Names, axes, open_panel, path};
use crate::axis::Axis;
use crate::draw::heading;
use crate::frame::Frame;
use crate::legend::{self, Entry, Swatch};
use crate::palette;
use crate::svg::Svg;
use crate::terminal::{self, Look, Plot};
use crate::thin::{Point, level, thin};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 872.0;
const TOP: f64 = 78.0;
/// Of the panel of rates and that of momentum, and what is between them.
const HEIGHT: f64 = 300.0;
const MOMENTUM: f64 = 96.0;
const GAP: f64 = 28.0;
/// Below the panels, for the horizontal axis.
const BELOW: f64 = 54.0;
/// Points of a line at most.
const MOST: usize = 2_000;

/// The rates of some schedules over one run, one above the other, as an SVG document of 900 pixels' width; below them the
/// momentum where one cycles it, and a legend of several. `log`: by the logarithms of the rates. `subtitle` says what the
/// rates are of.
///
/// Panels are `g`s as in [`crate::curves_svg`], named `rate` and `momentum`; lines are `polyline`s with `class="curve"`
/// and the schedule in `data-series`. They are stairs: a rate holds until the next one.
pub fn rates_svg(courses: &[Course], log: bool, subtitle: &str) -> String {
    let title = match courses {
        [one] => one.text.clone(),
        several => format!("{} learning-rate schedules", several.len()),
    };
    let momentum = courses.iter().any(|course| course.cycles_momentum);
    let bottom = TOP + HEIGHT + if momentum { GAP + MOMENTUM } else { 0.0 };
    let legend = legend(courses);
    let height = bottom + BELOW + if legend.is_empty() { 0.0 } else { legend::height(&legend) + 18.0 };
    let mut svg = Svg::new(WIDTH, height, &title, subtitle);
    heading(&mut svg, WIDTH, &title, subtitle);
    let lines: Vec<Vec<Point>> = courses.iter().map(Course::rate_line).collect();
    let y = Axis::of_schedules(lines.iter().flatten().map(|point| point.1), log);
    let frame = |top: f64, height: f64, y: Axis| Frame { left: LEFT, right: RIGHT, top, height, x: x(courses), y };
    let names = Names { x: (!momentum).then_some("epochs passed"), y: "learning rate", whole: true, ticks: 10 };
    panel(&mut svg, "rate", &frame(TOP, HEIGHT, y), &names, courses, &lines);
    if momentum {
        let lines: Vec<Vec<Point>> =
            courses.iter().map(|one| if one.cycles_momentum { one.momentum_line() } else { Vec::new() }).collect();
        let values: Vec<f64> = lines.iter().flatten().map(|point| point.1).collect();
        let frame = frame(TOP + HEIGHT + GAP, MOMENTUM, Axis::of_values(&values));
        let names = Names { x: Some("epochs passed"), y: "momentum", whole: true, ticks: 10 };
        panel(&mut svg, "momentum", &frame, &names, courses, &lines);
    }
    legend::draw(&mut svg, &legend, (LEFT, bottom + BELOW + 4.0), RIGHT - LEFT);
    svg.finish()
}

fn x(courses: &[Course]) -> Axis {
    let last = courses.iter().map(|course| course.epochs).max().unwrap_or(1);
    Axis { low: 0.0, high: f64::from(last), log: false, clipped: false }
}

fn legend(courses: &[Course]) -> Vec<Entry> {
    if courses.len() < 2 {
        return Vec::new();
    }
    let row = |(index, course): (usize, &Course)| {
        Entry::new(Swatch::Line(palette::kind(index), palette::dash(index / 7), 2.0), course.text.clone())
    };
    courses.iter().enumerate().map(row).collect()
}

fn panel(svg: &mut Svg, name: &str, frame: &Frame, names: &Names<'_>, courses: &[Course], lines: &[Vec<Point>]) {
    open_panel(svg, name, frame);
    axes(svg, frame, names);
    let clip = format!("clip-{name}");
    axes::clip(svg, &clip, frame);
    svg.tag("g").set("clip-path", &format!("url(#{clip})")).set("fill", "none").open();
    for (index, (course, line)) in courses.iter().zip(lines).enumerate() {
        let width = if courses.len() == 1 { 2.2 } else { 1.8 };
        curve(svg, frame, line, (&course.text, &palette::kind(index), palette::dash(index / 7), width));
    }
    svg.close("g");
    svg.close("g");
}

/// To a tenth of a pixel, so that the last bits of a machine's cosine change nothing; those in the middle between two are
/// moved off it.
fn settled((x, y): Point) -> Point {
    let settle = |pixel: f64| ((pixel + 1e-6) * 10.0).round() / 10.0;
    (settle(x), settle(y))
}

/// Draws a line: its series, colour, dash and width.
pub(super) fn curve(
    svg: &mut Svg,
    frame: &Frame,
    line: &[Point],
    (series, colour, dash, width): (&str, &str, &str, f64),
) {
    for run in line.split(|point| !point.1.is_finite()).filter(|run| !run.is_empty()) {
        let pixels: Vec<Point> = thin(run, MOST).iter().map(|point| settled(frame.pixel(*point))).collect();
        let mut pixels = level(&pixels);
        pixels.dedup();
        svg.tag("polyline")
            .set("class", "curve")
            .set("data-series", series)
            .set("points", &path(&pixels))
            .set("stroke", colour)
            .at("stroke-width", width)
            .maybe("stroke-dasharray", Some(dash).filter(|dash| !dash.is_empty()))
            .set("stroke-linejoin", "round")
            .done();
    }
}

/// The same for a terminal, with the schedules' names below where there are several; momentum is left to the table.
pub fn rates_terminal(courses: &[Course], log: bool, look: Look) -> String {
    let lines: Vec<Vec<Point>> = courses.iter().map(Course::rate_line).collect();
    let plot = Plot {
        x: x(courses),
        y: Axis::of_schedules(lines.iter().flatten().map(|point| point.1), log),
        x_name: "epochs passed",
        y_name: if log { "learning rate, logarithmic" } else { "learning rate" },
        whole: true,
        lines: lines.into_iter().map(|line| vec![line]).collect(),
        marks: Vec::new(),
        gone: Vec::new(),
    };
    let mut text = terminal::draw(&plot, look);
    if courses.len() > 1 {
        for (index, course) in courses.iter().enumerate() {
            text += &format!("  {} {}\n", terminal::sample(look, index, courses.len()), course.text);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use roxmltree::{Document, Node};

    fn points<'a>(document: &'a Document<'a>, panel: &str, series: &str) -> Vec<(f64, f64)> {
        let panel = document.descendants().find(|node| node.attribute("data-panel") == Some(panel)).unwrap();
        let of = |name: &str| panel.attribute(name).unwrap().parse::<f64>().unwrap();
        let (left, right, top, bottom) = (of("data-left"), of("data-right"), of("data-top"), of("data-bottom"));
        let value = |text: &str| {
            let (x, y) = text.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            let x = of("data-x0") + (x - left) / (right - left) * (of("data-x1") - of("data-x0"));
            let part = (bottom - y) / (bottom - top);
            let (low, high) = (of("data-y0"), of("data-y1"));
            let log = panel.attribute("data-log") == Some("true");
            (x, if log { low * (high / low).powf(part) } else { low + part * (high - low) })
        };
        let is = |node: &Node<'_, '_>| node.has_tag_name("polyline") && node.attribute("data-series") == Some(series);
        panel
            .descendants()
            .filter(is)
            .flat_map(|node| node.attribute("points").unwrap().split(' '))
            .map(value)
            .collect()
    }

    #[test]
    fn rates_are_drawn_where_they_are() {
        for log in [false, true] {
            let courses = [
                sample("exponential(gamma=0.9)", Some(0.01), 1, 40),
                sample("cyclic(base=1e-4, max=1e-2, up=10, momentum=0.8..0.95)", None, 1, 40),
            ];
            let text = rates_svg(&courses, log, "40 epochs");
            assert!(!text.contains("NaN"));
            let document = Document::parse(&text).unwrap();
            for course in &courses {
                let drawn = points(&document, "rate", &course.text);
                let line = course.rate_line();
                // Where two rates lie in the same tenth of a pixel, the points between are left out.
                assert!(drawn.len() > 60 && drawn.len() <= line.len(), "{} {}", drawn.len(), line.len());
                for drawn in &drawn {
                    let far = |point: &&Point| (point.0 - drawn.0).abs() + 100.0 * (point.1 - drawn.1).abs();
                    let point = line.iter().min_by(|a, b| far(a).total_cmp(&far(b))).unwrap();
                    let near =
                        if log { (drawn.1 / point.1).ln().abs() < 0.02 } else { (drawn.1 - point.1).abs() < 2e-5 };
                    assert!((drawn.0 - point.0).abs() < 0.01 && near, "{drawn:?} {point:?}");
                }
            }
            let momenta = points(&document, "momentum", &courses[1].text);
            let (low, high) = momenta.iter().fold((1.0f64, 0.0f64), |ends, one| (ends.0.min(one.1), ends.1.max(one.1)));
            assert!((low - 0.8).abs() < 2e-3 && (high - 0.95).abs() < 2e-3, "{low} {high}");
            assert!(points(&document, "momentum", &courses[0].text).is_empty());
            let words = |text: &str| document.descendants().any(|node| node.text() == Some(text));
            assert!(words("2 learning-rate schedules") && words("exponential(gamma=0.9)") && words("momentum"));
        }
    }

    #[test]
    fn one_schedule_is_the_title_and_needs_no_legend() {
        let one = [sample("linear(to=0.5)", Some(0.1), 1, 10)];
        let text = rates_svg(&one, true, "");
        let document = Document::parse(&text).unwrap();
        assert_eq!(
            document.descendants().filter(|node| node.is_text() && node.text() == Some("linear(to=0.5)")).count(),
            2
        );
        assert!(Document::parse(&rates_svg(&[], false, "")).is_ok());
    }

    #[test]
    fn a_terminal_shows_the_same() {
        let plain = Look::default();
        let one = [sample("cosine", Some(0.1), 1, 50)];
        let text = rates_terminal(&one, false, plain);
        assert!(text.starts_with("    learning rate\n") || text.contains("learning rate"), "{text}");
        assert!(text.contains('*') && !text.contains("cosine"), "{text}");
        let two = [one[0].clone(), sample("constant", Some(0.05), 1, 50)];
        let text = rates_terminal(&two, true, plain);
        assert!(text.contains("\n  *** cosine\n  ooo constant\n") && text.contains("logarithmic"), "{text}");
    }
}
