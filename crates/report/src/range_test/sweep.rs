//! The rising sweep in words, characters, JSON and as SVG.

use super::{HIGH, around, bounded};
use crate::axes::{self, Names, axes, open_panel, path};
use crate::axis::Axis;
use crate::columns::{Column, lay_out};
use crate::draw::heading;
use crate::frame::{Frame, LEFT, RIGHT, TOP, WIDTH};
use crate::label::counted;
use crate::legend::{self, Entry, Swatch};
use crate::number;
use crate::palette;
use crate::svg::Svg;
use crate::terminal::{self, Look, Plot};
use crate::thin::{Point, thin};
use crate::verdict::upright;
use opportune_core::sweep::Sweep;
use serde_json::{Value, json};

const HEIGHT: f64 = 330.0;
/// Points of a line at most.
const MOST: usize = 2_000;

/// A suggestion with what it is, its letter in a terminal and its colour.
struct Named {
    name: &'static str,
    what: &'static str,
    letter: char,
    colour: &'static str,
    rate: Option<f64>,
}

/// fastai's four suggestions; without rates where the sweep tells nothing.
fn named(sweep: &Sweep) -> [Named; 4] {
    let found = if sweep.tells() { sweep.suggestions() } else { Default::default() };
    [
        ("valley", "halfway along the longest fall", 'V', "#0072b2", found.valley),
        ("steep", "where the loss falls fastest", 'S', "#e69f00", found.steep),
        ("minimum", "a tenth of the rate with the lowest loss", 'M', "#009e73", found.minimum),
        ("slide", "before the slope changes for good", 'L', "#cc79a7", found.slide),
    ]
    .map(|(name, what, letter, colour, rate)| Named { name, what, letter, colour, rate })
}

/// Why a sweep suggests nothing.
fn silent(sweep: &Sweep) -> Option<String> {
    if sweep.tells() {
        return None;
    }
    let steps = counted(sweep.losses().len(), "step");
    Some(if sweep.losses().first().is_none_or(|loss| !loss.is_finite()) {
        "the loss is not a number before the first step".to_string()
    } else if (sweep.losses().len() as u32) < sweep.steps() / 2 {
        format!("the loss ran away within {steps} before it fell")
    } else {
        format!("the loss did not fall, or by no more than it changes from batch to batch, within {steps}")
    })
}

/// The smoothed and the single losses that are numbers, over the rate.
fn lines(sweep: &Sweep) -> [Vec<Point>; 2] {
    [sweep.smoothed(), sweep.losses()].map(|losses| {
        let points = losses.iter().enumerate().map(|(step, loss)| (sweep.rate(step), *loss));
        points.filter(|point| point.1.is_finite()).collect()
    })
}

/// About the smoothed losses as far as they are not much higher than the first; single ones may lie outside.
fn y(smoothed: &[Point]) -> Axis {
    let first = smoothed.first().map_or(0.0, |point| point.1);
    let shown = smoothed.iter().map(|point| point.1).filter(|loss| *loss <= first + HIGH * first.abs());
    let values: Vec<f64> = shown.chain(around(first)).map(bounded).collect();
    Axis::of_losses(&[values])
}

fn ends(sweep: &Sweep) -> (f64, f64) {
    (sweep.rate(0), sweep.rate(sweep.losses().len().saturating_sub(1)))
}

/// What was swept, the smoothed loss over the rate as a picture, and fastai's four suggestions; or why there are none.
pub fn sweep_text(sweep: &Sweep, look: Look) -> String {
    let (low, high) = ends(sweep);
    let early =
        if sweep.ended_early() { format!(" of {}, where the loss ran away", sweep.steps()) } else { String::new() };
    let steps = counted(sweep.losses().len(), "step");
    let mut text =
        format!("one run whose rate rises from {} to {} in {steps}{early}\n\n", number::rate(low), number::rate(high));
    let [smoothed, _] = lines(sweep);
    let named = named(sweep);
    let plot = Plot {
        x: Axis::log_rates([low, high].into_iter()),
        y: y(&smoothed),
        x_name: "learning rate",
        y_name: "loss, smoothed",
        whole: false,
        marks: named.iter().filter_map(|one| Some((one.rate?, one.letter))).collect(),
        lines: vec![vec![smoothed]],
        gone: Vec::new(),
    };
    text += &terminal::draw(&plot, look);
    text.push('\n');
    if let Some(why) = silent(sweep) {
        return text + &format!("It cannot tell which rates train: {why}.\n");
    }
    let cells = |of: &dyn Fn(&Named) -> String| named.iter().map(of).collect::<Vec<String>>();
    text + &lay_out(vec![
        Column::words("", cells(&|one| one.name.to_string()), false),
        Column::words("", cells(&|one| one.letter.to_string()), false),
        Column::words("rate", cells(&|one| one.rate.map_or("too few steps".to_string(), number::rate)), false),
        Column::words("", cells(&|one| one.what.to_string()), false),
    ])
}

/// The same for programs: the loss of each step's batch, smoothed too, null where it is not finite, and the four
/// suggestions, null where there are none.
pub fn sweep_json(sweep: &Sweep) -> Value {
    let finite =
        |losses: &[f64]| losses.iter().map(|loss| Some(*loss).filter(|loss| loss.is_finite())).collect::<Vec<_>>();
    let suggestions = named(sweep).into_iter().map(|one| (one.name.to_string(), json!(one.rate)));
    json!({
        "steps": sweep.steps(),
        "steps_taken": sweep.losses().len(),
        "rates": (0..sweep.losses().len()).map(|step| sweep.rate(step)).collect::<Vec<_>>(),
        "losses": finite(sweep.losses()),
        "smoothed": finite(sweep.smoothed()),
        "tells": sweep.tells(),
        "why_not": silent(sweep),
        "suggestions": Value::Object(suggestions.collect()),
    })
}

/// The smoothed loss over the rate as an SVG document, 900 pixels wide, with the single losses behind it and upright lines at
/// the suggestions (`class="mark"`). The panel is named `sweep`; lines are `polyline`s with `class="curve"` and
/// `data-series`, `smoothed` or `losses`.
pub fn sweep_svg(sweep: &Sweep, title: &str, subtitle: &str) -> String {
    let named = named(sweep);
    let legend = legend(sweep, &named);
    let height = (TOP + HEIGHT + 50.0).max(TOP + legend::height(&legend) + 12.0);
    let mut svg = Svg::new(WIDTH, height, title, subtitle);
    heading(&mut svg, WIDTH, title, subtitle);
    let [smoothed, losses] = lines(sweep);
    let (low, high) = ends(sweep);
    let x = Axis::log_rates([low, high].into_iter());
    let frame = Frame { left: LEFT, right: RIGHT, top: TOP, height: HEIGHT, x, y: y(&smoothed) };
    open_panel(&mut svg, "sweep", &frame);
    axes(&mut svg, &frame, &Names { x: Some("learning rate"), y: "loss", whole: false, ticks: 9 });
    for (one, rate) in named.iter().filter_map(|one| Some((one, one.rate?))) {
        upright(&mut svg, &frame, frame.pixel((rate, frame.y.low)).0, Some("5 3"), one.colour);
    }
    axes::clip(&mut svg, "clip-sweep", &frame);
    svg.tag("g").set("clip-path", "url(#clip-sweep)").set("fill", "none").open();
    for (series, points, colour, width) in
        [("losses", losses, "#bbbbbb", 1.0), ("smoothed", smoothed, palette::NEUTRAL, 2.0)]
    {
        let pixels: Vec<Point> =
            thin(&points, MOST).iter().map(|(rate, loss)| frame.pixel((*rate, bounded(*loss)))).collect();
        if !pixels.is_empty() {
            let tag =
                svg.tag("polyline").set("class", "curve").set("data-series", series).set("points", &path(&pixels));
            tag.set("stroke", colour).at("stroke-width", width).set("stroke-linejoin", "round").done();
        }
    }
    svg.close("g");
    svg.close("g");
    legend::draw(&mut svg, &legend, (RIGHT + 22.0, TOP), legend::WIDTH);
    svg.finish()
}

fn legend(sweep: &Sweep, named: &[Named]) -> Vec<Entry> {
    let line = |colour: &str, dash, width| Swatch::Line(colour.to_string(), dash, width);
    let mut rows = vec![
        Entry::heading("one run"),
        Entry::new(line(palette::NEUTRAL, "", 2.0), "loss, smoothed"),
        Entry::new(line("#bbbbbb", "", 1.0), "loss of each batch"),
        Entry::heading("suggestions"),
    ];
    if let Some(why) = silent(sweep) {
        rows.extend(crate::verdict::wrapped(&why, 28, 0).lines().map(|line| Entry::new(Swatch::Text, line)));
        return rows;
    }
    rows.extend(named.iter().map(|one| match one.rate {
        Some(rate) => Entry::new(line(one.colour, "5 3", 1.5), format!("{} {}", one.name, number::rate(rate))),
        None => Entry::new(Swatch::None, format!("{}: too few steps", one.name)),
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    fn swept(loss: impl Fn(f64) -> f64) -> Sweep {
        let mut sweep = Sweep::new(1e-6, 10.0, 80);
        while sweep.push(loss(sweep.next_rate())) {}
        sweep
    }

    fn bowl() -> Sweep {
        swept(|rate| 0.3 + 2.0 / (1.0 + rate / 1e-3) + (rate / 0.3).powi(3))
    }

    #[test]
    fn suggestions_are_told_and_drawn_where_they_are() {
        let sweep = bowl();
        let found = sweep.suggestions();
        let text = sweep_text(&sweep, Look::default());
        assert!(text.starts_with("one run whose rate rises from 1e-6 to ") && text.contains("of 80, where"), "{text}");
        for (name, rate) in
            [("valley", found.valley), ("steep", found.steep), ("minimum", found.minimum), ("slide", found.slide)]
        {
            let row = text.lines().find(|line| line.starts_with(name)).unwrap();
            assert_eq!(row.split_whitespace().nth(2).unwrap(), number::rate(rate.unwrap()));
            assert_eq!(sweep_json(&sweep)["suggestions"][name], json!(rate));
        }
        let svg = sweep_svg(&sweep, "t", "s");
        let document = Document::parse(&svg).unwrap();
        let of_class =
            |class: &str| document.descendants().filter(move |node| node.attribute("class") == Some(class)).count();
        assert_eq!((of_class("mark"), of_class("curve")), (4, 2));
        assert!(svg.contains(&format!(">valley {}<", number::rate(found.valley.unwrap()))));
    }

    #[test]
    fn what_tells_nothing_says_why() {
        for (sweep, why) in [
            (swept(|_| f64::NAN), "the loss is not a number before the first step"),
            (swept(|rate| if rate < 1e-4 { 1.0 } else { 1e9 }), "the loss ran away within"),
            (swept(|_| 1.25), "the loss did not fall"),
            (swept(|_| -1e300), "the loss did not fall"),
        ] {
            let text = sweep_text(&sweep, Look::default());
            assert!(text.contains(&format!("It cannot tell which rates train: {why}")), "{text}");
            let json = sweep_json(&sweep);
            assert_eq!((&json["tells"], &json["suggestions"]["valley"]), (&json!(false), &Value::Null));
            let svg = sweep_svg(&sweep, "t", "s");
            assert!(Document::parse(&svg).is_ok() && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
