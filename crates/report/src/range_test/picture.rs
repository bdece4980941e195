//! A range test as SVG.

use super::{Named, around, bounded, named, range_test_silent, shown};
use crate::axes::{self, AXIS, Names, axes, open_panel, path};
use crate::axis::Axis;
use crate::curves::Shape;
use crate::draw::heading;
use crate::frame::{Frame, LEFT, RIGHT, TOP, WIDTH};
use crate::label::counted;
use crate::legend::{self, Entry, Swatch};
use crate::marks::shape;
use crate::number;
use crate::palette;
use crate::svg::Svg;
use crate::thin::Point;
use crate::verdict::{dot, upright};
use opportune_core::range_test::RangeTest;

const HEIGHT: f64 = 330.0;
/// Between the bars that show the marks' spread.
const BAR: f64 = 7.0;

/// The loss over the learning rate as an SVG document, 900 pixels wide: the mean over repeats as a line with its points, the
/// lowest to the highest repeat as a band, crosses where a repeat ran away, the loss before the first step dotted, and the
/// four rates that are marked, with bars over what the repeats say by themselves.
///
/// The panel is a `g` as in [`crate::verdict_svg`], named `range`; the band is a `polygon` with `class="band"`, a mark's line
/// has `class="mark"`, its bar `class="spread"`.
pub fn range_test_svg(test: &RangeTest, title: &str, subtitle: &str) -> String {
    let marks = named(test);
    let legend = legend(test, &marks);
    let height = (TOP + HEIGHT + 50.0).max(TOP + legend::height(&legend) + 12.0);
    let mut svg = Svg::new(WIDTH, height, title, subtitle);
    heading(&mut svg, WIDTH, title, subtitle);
    let all = test.points.iter().flat_map(|point| point.losses.iter().map(|loss| shown(test, *loss)));
    let losses: Vec<f64> = all.flatten().chain(around(test.initial)).collect();
    let x = Axis::log_rates(test.points.iter().map(|point| point.rate));
    let frame = Frame { left: LEFT, right: RIGHT, top: TOP, height: HEIGHT, x, y: Axis::of_losses(&[losses]) };
    open_panel(&mut svg, "range", &frame);
    let name = format!("loss after {}", counted(test.steps as usize, "step"));
    axes(&mut svg, &frame, &Names { x: Some("learning rate"), y: &name, whole: false, ticks: 9 });
    if test.initial.is_finite() {
        let y = frame.pixel((frame.x.low, test.initial)).1;
        let tag = svg.tag("line").set("class", "initial").at("x1", frame.left).at("x2", frame.right).at("y1", y);
        tag.at("y2", y).set("stroke", AXIS).set("stroke-dasharray", "2 3").done();
    }
    axes::clip(&mut svg, "clip-range", &frame);
    svg.tag("g").set("clip-path", "url(#clip-range)").open();
    bands(&mut svg, test, &frame);
    svg.close("g");
    for (place, one) in marks.iter().enumerate() {
        mark(&mut svg, &frame, one, place);
    }
    svg.tag("g").set("clip-path", "url(#clip-range)").open();
    for run in test.points.split(|point| point.loss().is_none()).filter(|run| !run.is_empty()) {
        let pixel = |(rate, loss): (f64, f64)| frame.pixel((rate, bounded(loss)));
        let points = run.iter().filter_map(|point| Some((point.rate, point.loss()?)));
        let pixels: Vec<Point> = points.map(pixel).collect();
        let tag = svg.tag("polyline").set("class", "curve").set("data-series", "rates").set("points", &path(&pixels));
        tag.set("fill", "none").set("stroke", palette::NEUTRAL).set("stroke-width", "1.8").done();
    }
    svg.close("g");
    for point in &test.points {
        match shown(test, point.loss()) {
            Some(loss) => dot(&mut svg, frame.pixel((point.rate, loss)), 3.4, palette::NEUTRAL, false),
            None => {
                let x = frame.pixel((point.rate, frame.y.low)).0;
                shape(&mut svg, Shape::Cross, (x, frame.top - 8.0), "#d55e00", None);
            }
        }
    }
    svg.close("g");
    legend::draw(&mut svg, &legend, (RIGHT + 22.0, TOP), legend::WIDTH);
    svg.finish()
}

/// From the lowest to the highest repeat, where every repeat has a finite loss.
fn bands(svg: &mut Svg, test: &RangeTest, frame: &Frame) {
    if test.repeats() < 2 {
        return;
    }
    for run in test.points.split(|point| point.loss().is_none()).filter(|run| run.len() > 1) {
        let ends = |of: fn(f64, f64) -> f64| {
            let end = move |losses: &[Option<f64>]| losses.iter().copied().flatten().reduce(of);
            run.iter().filter_map(move |point| Some((point.rate, bounded(end(&point.losses)?))))
        };
        let below: Vec<Point> = ends(f64::min).map(|point| frame.pixel(point)).collect();
        let above = ends(f64::max).map(|point| frame.pixel(point));
        let pixels: Vec<Point> = above.chain(below.into_iter().rev()).collect();
        let tag = svg.tag("polygon").set("class", "band").set("points", &path(&pixels));
        tag.set("fill", palette::NEUTRAL).set("fill-opacity", "0.16").done();
    }
}

/// An upright line, and at the panel's lower end a bar over what the repeats say.
fn mark(svg: &mut Svg, frame: &Frame, named: &Named, place: usize) {
    let Some(mark) = named.mark else { return };
    let x = |rate: f64| frame.pixel((rate, frame.y.low)).0;
    upright(svg, frame, x(mark.rate), Some("5 3"), named.colour);
    if mark.repeats == 0 || mark.low == mark.high {
        return;
    }
    let y = frame.bottom() - BAR * (4 - place.min(3)) as f64;
    let tag =
        svg.tag("line").set("class", "spread").at("x1", x(mark.low)).at("x2", x(mark.high)).at("y1", y).at("y2", y);
    tag.set("stroke", named.colour).set("stroke-width", "4").set("stroke-linecap", "round").done();
}

fn legend(test: &RangeTest, marks: &[Named]) -> Vec<Entry> {
    let repeats = test.repeats();
    let mut rows =
        vec![Entry::heading(if repeats > 1 { format!("{repeats} repeats") } else { "one repeat".to_string() })];
    let line = |colour: &str, dash, width| Swatch::Line(colour.to_string(), dash, width);
    rows.push(Entry::new(line(palette::NEUTRAL, "", 1.8), if repeats > 1 { "mean loss" } else { "loss" }));
    if repeats > 1 {
        rows.push(Entry::new(line("#dddddd", "", 9.0), "lowest to highest"));
    }
    if test.initial.is_finite() {
        rows.push(Entry::new(line(AXIS, "2 3", 1.0), format!("at the start: {}", number::loss(test.initial))));
    }
    if test.points.iter().any(|point| shown(test, point.loss()).is_none()) {
        rows.push(Entry::new(Swatch::End(Shape::Cross), "ran away"));
    }
    rows.push(Entry::heading("learning rates"));
    if let Some(why) = range_test_silent(test) {
        rows.extend(crate::verdict::wrapped(&why, 28, 0).lines().map(|line| Entry::new(Swatch::Text, line)));
    }
    for named in marks {
        match named.mark {
            None => rows.push(Entry::new(Swatch::None, format!("no {} found", named.what))),
            Some(mark) => {
                rows.push(Entry::new(line(named.colour, "5 3", 1.5), named.what));
                rows.push(Entry::new(Swatch::None, number::rate(mark.rate)));
                if repeats > 1 && (mark.low != mark.high || mark.repeats < repeats) {
                    let counted = Entry::new(Swatch::None, format!("in {} of {repeats} repeats", mark.repeats));
                    rows.extend((mark.repeats < repeats).then_some(counted));
                    let between = format!("{} to {}", number::rate(mark.low), number::rate(mark.high));
                    rows.extend((mark.low != mark.high).then(|| Entry::new(Swatch::None, between)));
                }
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::{sample, samples};
    use super::*;
    use roxmltree::Document;

    #[test]
    fn points_band_and_marks_are_where_they_belong() {
        let test = samples();
        let text = range_test_svg(&test, "title", "subtitle");
        assert!(!text.contains("NaN") && !text.contains("inf"));
        let document = Document::parse(&text).unwrap();
        let of_class = |class: &str| {
            document.descendants().filter(move |node| node.attribute("class") == Some(class)).collect::<Vec<_>>()
        };
        let panel = of_class("panel")[0];
        let edge = |name: &str| panel.attribute(name).unwrap().parse::<f64>().unwrap();
        let rate = |x: f64| {
            let part = (x - edge("data-left")) / (edge("data-right") - edge("data-left"));
            edge("data-x0") * (edge("data-x1") / edge("data-x0")).powf(part)
        };
        // Eleven of the thirteen rates have a mean that is worth room; the third cross is the legend's.
        assert_eq!((of_class("point").len(), of_class("cross").len(), of_class("band").len()), (11, 3, 1));
        let marks: Vec<f64> =
            of_class("mark").iter().map(|node| rate(node.attribute("x1").unwrap().parse().unwrap())).collect();
        let expected = test.marks().unwrap();
        let expected = [expected.lowest, expected.steepest.unwrap(), expected.minimum, expected.edge.unwrap()];
        for (got, mark) in marks.iter().zip(expected) {
            assert!((got / mark.rate).ln().abs() < 0.01, "{got} {mark:?}");
        }
        let spread = of_class("spread");
        let ends = |name: &str| rate(spread[0].attribute(name).unwrap().parse().unwrap());
        assert!((ends("x1") / 3e-4).ln().abs() < 0.01 && (ends("x2") / 1e-3).ln().abs() < 0.01);
        assert!(text.contains(">3e-4<") && text.contains(">3e-4 to 0.001<"), "{text}");
    }

    #[test]
    fn what_tells_nothing_is_drawn_too() {
        for losses in [[None; 13], [Some(2.3); 13], [Some(-1e300); 13], [Some(f64::MAX); 13]] {
            for initial in [2.3, f64::NAN, -5.0, 0.0] {
                let text = range_test_svg(&RangeTest { initial, ..sample(&[losses, losses]) }, "t", "s");
                assert!(Document::parse(&text).is_ok() && !text.contains("NaN") && !text.contains("inf"), "{text}");
            }
        }
    }
}
