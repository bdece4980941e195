//! The verdict as one page: which rates train, how every trial went, what how many epochs give, the schedule.

mod curves;
mod epochs;
mod range;
mod schedule;
#[cfg(test)]
mod tests;

use super::text::{score_and_spread, trained};
use super::words::{capital, delivered, schedule as in_words, wrapped};
use super::{Found, Verdict};
use crate::axes::{NAMES, WORDS, path};
use crate::axis::Axis;
use crate::columns::shortened;
use crate::draw::heading;
use crate::frame::Frame;
use crate::label;
use crate::legend::{self, Entry, Swatch};
use crate::number;
use crate::palette;
use crate::svg::Svg;
use crate::thin::Point;
use opportune_core::space::Config;

const WIDTH: f64 = 1100.0;
const HEIGHT: f64 = 856.0;
/// Edges of the panels on the left and on the right.
const LEFT: (f64, f64) = (82.0, 462.0);
const RIGHT: (f64, f64) = (552.0, 892.0);
/// Top edge and height of the upper and of the lower panels.
const UPPER: (f64, f64) = (152.0, 252.0);
const LOWER: (f64, f64) = (526.0, 270.0);
/// Of the legends beside the panels on the right.
const LEGEND: (f64, f64) = (912.0, 180.0);
/// Of a character, as a share of the size of the letters, on the wide side.
const LETTER: f64 = 0.56;
/// What is chosen, what trains, and where training runs away.
const CHOSEN: &str = "#0072b2";
const STABLE: &str = "#e3f3ec";
const EDGE: &str = "#d55e00";
/// Rows of the legend for rates at most.
const RATES: usize = 10;

/// One page for people: 1100 x 856 pixels, as an SVG document.
///
/// Above: the headline, how good it is, what it cost. Four panels: the loss after the few steps of the range test over
/// the learning rate (without a range test: the validation loss of the trials after epochs that all had), with the rates
/// that train shaded; the validation loss of all trials and finalists over epochs, as a search judges it; the score
/// within each number of epochs; the delivered learning rate over epochs.
///
/// Each panel is a `g` with `class="panel"` and `data-panel` (`range`, `curves`, `epochs`, `schedule`), and the values
/// and pixels of its edges as in [`crate::curves_svg`], with `data-log-x` where the horizontal axis is logarithmic.
/// Points are `circle`s with `class="point"`; lines `polyline`s with `class="curve"`, `data-series` and `data-trial`.
pub fn verdict_svg(found: &Found) -> String {
    let verdict = Verdict::of(found);
    let title = match &verdict {
        Some(verdict) => verdict.headline.clone(),
        None => format!("{}: nothing can be delivered", found.study),
    };
    let (subtitle, below) = match &verdict {
        Some(verdict) => (score_line(verdict), trained(&verdict.cost, "")),
        None => (format!("judged by {}", found.judged_by), String::new()),
    };
    let mut svg = Svg::new(WIDTH, HEIGHT, &title, &subtitle);
    heading(&mut svg, WIDTH, &title, &subtitle);
    let room = ((WIDTH - 48.0) / (13.0 * LETTER)) as usize;
    words(&mut svg, (24.0, 73.0), "start", 13.0, "#555555", &shortened(&below, room));
    let colours = Colours::of(found);
    range::draw(&mut svg, found, verdict.as_ref());
    curves::draw(&mut svg, found, &colours);
    epochs::draw(&mut svg, found, verdict.as_ref(), &colours);
    schedule::draw(&mut svg, found);
    legend::draw(&mut svg, &colours.legend(found), (LEGEND.0, UPPER.0 - 14.0), LEGEND.1);
    if let Some(verdict) = &verdict {
        legend::draw(&mut svg, &settings(verdict), (LEGEND.0, LOWER.0 - 14.0), LEGEND.1);
    }
    svg.finish()
}

fn score_line(verdict: &Verdict) -> String {
    let score = &verdict.score;
    let sure = match (score.confirmed, score.divided_anew) {
        (true, true) => "confirmed on rows divided anew".to_string(),
        (true, false) => format!("confirmed on {} with another seed", score.same_rows()),
        (false, _) => "as measured in the search, not confirmed".to_string(),
    };
    let test = verdict.test.map(|(rows, test)| format!("; {} on {rows} test rows", number::score(test)));
    let judged = format!("; judged by {}", verdict.judged_by);
    format!("{}, {sure}{}{judged}", capital(&score_and_spread(verdict)), test.unwrap_or_default())
}

/// The delivered settings and how good they are, for the margin.
fn settings(verdict: &Verdict) -> Vec<Entry> {
    let row = |text: String| Entry::new(Swatch::Text, text);
    let mut rows = vec![Entry::heading(delivered(verdict.model_rows))];
    let name = label::score(verdict.score.name);
    rows.push(row(format!("{name} {}", number::score(verdict.score.mean))));
    if let Some((_, test)) = verdict.test {
        rows.push(row(format!("on test rows {}", number::score(test))));
    }
    if verdict.model_rows.is_none() {
        rows.push(row("no final model was trained".to_string()));
    }
    rows.push(Entry::heading("settings"));
    rows.extend(verdict.rate.map(|rate| row(format!("learning rate {}", number::rate(rate)))));
    rows.extend(wrapped(&in_words(&verdict.schedule), 26, 0).lines().map(|line| row(line.to_string())));
    rows.push(row(label::counted(verdict.epochs as usize, "epoch")));
    let others = verdict.best.iter().filter(|(name, _)| !["lr", "schedule", "epochs"].contains(name));
    rows.extend(others.take(6).map(|(name, value)| row(format!("{name} {}", super::mattered::text(value)))));
    rows
}

/// Colours by learning rate.
struct Colours {
    /// Ascending.
    rates: Vec<f64>,
}

impl Colours {
    fn of(found: &Found) -> Colours {
        let finalists = found.finalists.iter().map(|one| &one.result.config);
        let configs = found.trials.iter().map(|one| &one.config).chain(finalists);
        let mut rates: Vec<f64> = configs.filter_map(super::rates::rate_of).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        Colours { rates }
    }

    fn at(&self, rate: Option<f64>) -> String {
        match (rate, self.rates.first(), self.rates.last()) {
            (Some(rate), Some(low), Some(high)) => palette::scale(rate, *low, *high),
            _ => palette::NEUTRAL.to_string(),
        }
    }

    fn config(&self, config: &Config) -> String {
        self.at(super::rates::rate_of(config))
    }

    /// Rates with their colours, and kinds of lines.
    fn legend(&self, found: &Found) -> Vec<Entry> {
        let mut rows = Vec::new();
        if !self.rates.is_empty() {
            rows.push(Entry::heading("learning rate"));
        }
        let every = self.rates.len().div_ceil(RATES).max(1);
        let best = found.best().and_then(super::rates::rate_of);
        for (place, rate) in self.rates.iter().enumerate() {
            let chosen = best == Some(*rate);
            if place % every == 0 || chosen {
                let (colour, rate) = (self.at(Some(*rate)), number::rate(*rate));
                let text = if chosen { format!("{rate}, {}", delivered(found.model_rows)) } else { rate };
                rows.push(Entry::new(Swatch::Line(colour, "", 3.0), text));
            }
        }
        rows.extend(curves::legend(found));
        rows
    }
}

fn frame((left, right): (f64, f64), (top, height): (f64, f64), x: Axis, y: Axis) -> Frame {
    Frame { left, right, top, height, x, y }
}

/// What a panel shows, above it: in one line, and smaller below that what is to be known to read it.
fn caption(svg: &mut Svg, frame: &Frame, what: &str, note: &str) {
    let room = |size: f64| ((frame.right - frame.left + 56.0) / (size * LETTER)) as usize;
    let tag = svg.tag("text").at("x", frame.left - 56.0).at("y", frame.top - 42.0).set("font-size", "14");
    tag.set("font-weight", "600").set("fill", NAMES).text(&shortened(what, room(14.5)));
    words(svg, (frame.left - 56.0, frame.top - 25.0), "start", 11.0, WORDS, &shortened(note, room(11.0)));
}

/// A text; `anchor` is SVG's text-anchor.
fn words(svg: &mut Svg, (x, y): Point, anchor: &str, size: f64, colour: &str, text: &str) {
    if !text.is_empty() {
        let tag = svg.tag("text").at("x", x).at("y", y).set("text-anchor", anchor).at("font-size", size);
        tag.set("fill", colour).text(text);
    }
}

/// Width of a text of this size, on the wide side.
fn width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
}

/// A vertical line over the whole panel.
pub(crate) fn upright(svg: &mut Svg, frame: &Frame, x: f64, dash: Option<&str>, colour: &str) {
    let tag = svg.tag("line").set("class", "mark").at("x1", x).at("x2", x).at("y1", frame.top).at("y2", frame.bottom());
    tag.set("stroke", colour).set("stroke-width", "1.5").maybe("stroke-dasharray", dash).done();
}

/// The same, named at this height within the panel, on the left where there is room.
fn named_upright(svg: &mut Svg, frame: &Frame, (x, y): Point, colour: &str, text: &str) {
    upright(svg, frame, x, Some("4 3"), colour);
    let room = x - width(text, 12.0) - 6.0 >= frame.left;
    let (at, anchor) = if room { (x - 6.0, "end") } else { (x + 6.0, "start") };
    words(svg, (at, y), anchor, 12.0, colour, text);
}

/// A line through pixels.
struct Stroke<'a> {
    series: &'a str,
    trial: Option<u32>,
    colour: &'a str,
    dash: &'a str,
    width: f64,
}

impl Stroke<'_> {
    fn draw(&self, svg: &mut Svg, pixels: &[Point]) {
        if pixels.is_empty() {
            return;
        }
        let trial = self.trial.map(|trial| trial.to_string());
        svg.tag("polyline")
            .set("class", "curve")
            .set("data-series", self.series)
            .maybe("data-trial", trial.as_deref())
            .set("points", &path(pixels))
            .set("fill", "none")
            .set("stroke", self.colour)
            .at("stroke-width", if pixels.len() == 1 { self.width + 3.0 } else { self.width })
            .maybe("stroke-dasharray", Some(self.dash).filter(|dash| !dash.is_empty()))
            .set("stroke-linejoin", "round")
            .set("stroke-linecap", if self.dash.is_empty() { "round" } else { "butt" })
            .done();
    }
}

/// A dot at a point's pixel; hollow ones are white inside.
pub(crate) fn dot(svg: &mut Svg, (x, y): Point, radius: f64, colour: &str, hollow: bool) {
    let tag = svg.tag("circle").set("class", "point").at("cx", x).at("cy", y).at("r", radius);
    let tag = tag.set("fill", if hollow { "#ffffff" } else { colour });
    tag.set("stroke", if hollow { colour } else { "#ffffff" })
        .at("stroke-width", if hollow { 1.6 } else { 0.8 })
        .done();
}

/// Said in the middle of a panel without anything to show.
fn nothing(svg: &mut Svg, frame: &Frame) {
    let middle = ((frame.left + frame.right) / 2.0, frame.top + frame.height / 2.0);
    words(svg, middle, "middle", 12.0, WORDS, "nothing to show");
}
