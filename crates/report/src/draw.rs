//! Learning curves as SVG: the panels, their axes, lines and marks.

use crate::axes::{self, Names, WORDS, open_panel, path};
use crate::columns::shortened;
use crate::curves::{Curves, Line, Panel};
use crate::frame::{Frame, LEFT, RIGHT, TOP, WIDTH, frames};
use crate::legend;
use crate::marks::{marks, values};
use crate::svg::Svg;
use crate::thin::{Point, level, thin};

const BOTTOM: f64 = 48.0;
/// Points of all lines together that keep the picture below about a megabyte, and the limits of one line.
const POINTS: usize = 60_000;
const FEWEST: usize = 200;
const MOST: usize = 2_000;

/// The picture as an SVG document, 900 pixels wide.
///
/// Three panels share the axis of epochs: loss (logarithmic if it spans more than a decade), score, and learning rate
/// (likewise). A few values far off all others are cut off at the panel's border, and in a search the scores of lines
/// that end far below the better half, which is said above the panel. Values that are not finite break a line. Lines
/// of more than 2,000 points, or fewer where there are many lines, keep their ends and extremes only.
///
/// Each panel is a `g` with `class="panel"`, `data-panel` (`loss`, `score`, `rate`), the values `data-x0`, `data-x1`,
/// `data-y0`, `data-y1` at the edges `data-left`, `data-right`, `data-bottom`, `data-top` in pixels, and `data-log` (of
/// the y axis); each line is one or more `polyline`s with `class="curve"`, `data-series`, `data-trial` and, if it is of
/// one fold, `data-fold`.
pub fn curves_svg(curves: &Curves) -> String {
    let frames = frames(curves);
    let plots = frames.last().map_or(TOP, |(_, frame)| frame.bottom());
    let height = (plots + BOTTOM).max(TOP + legend::height(&curves.legend) + 12.0);
    let mut svg = Svg::new(WIDTH, height, &curves.title, &curves.subtitle);
    heading(&mut svg, WIDTH, &curves.title, &curves.subtitle);
    for (kind, frame) in &frames {
        let name = match kind {
            Panel::Loss => curves.names[0].as_str(),
            Panel::Score => curves.names[1].as_str(),
            Panel::Rate => "learning rate",
        };
        panel(&mut svg, *kind, frame, name, curves);
    }
    legend::draw(&mut svg, &curves.legend, (RIGHT + 22.0, TOP), legend::WIDTH);
    svg.finish()
}

/// Title and subtitle of a picture this wide, cut if they are too long.
pub(crate) fn heading(svg: &mut Svg, width: f64, title: &str, subtitle: &str) {
    let lines = [(32.0, 18.0, "600", "#111111", title), (53.0, 13.0, "400", "#555555", subtitle)];
    for (y, size, weight, colour, text) in lines {
        let room = ((width - 2.0 * 24.0) / (size * 0.56)) as usize;
        let tag = svg.tag("text").at("x", 24.0).at("y", y).at("font-size", size).set("font-weight", weight);
        tag.set("fill", colour).text(&shortened(text, room));
    }
}

fn panel(svg: &mut Svg, kind: Panel, frame: &Frame, name: &str, curves: &Curves) {
    open_panel(svg, kind.name(), frame);
    let lowest = kind == Panel::Rate;
    axes::axes(svg, frame, &Names { x: lowest.then_some("epoch"), y: name, whole: true, ticks: 6 });
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
    let clip = format!("clip-{}", kind.name());
    if frame.y.clipped {
        axes::clip(svg, &clip, frame);
        let note = svg.tag("text").at("x", RIGHT).at("y", frame.top - 8.0).set("text-anchor", "end");
        note.set("font-size", "11")
            .set("font-style", "italic")
            .set("fill", WORDS)
            .text("clipped: some values lie outside");
    }
    let drawn: Vec<&Line> = curves.lines.iter().filter(|line| !line.points[kind as usize].is_empty()).collect();
    let lines = curves.lines.iter().flat_map(|line| &line.points).filter(|points| !points.is_empty()).count();
    let limit = (POINTS / lines.max(1)).clamp(FEWEST, MOST);
    svg.tag("g")
        .maybe("clip-path", frame.y.clipped.then(|| format!("url(#{clip})")).as_deref())
        .set("fill", "none")
        .open();
    let mut ink = Vec::new();
    for line in &drawn {
        ink.extend(polylines(svg, kind, frame, line, limit));
    }
    svg.close("g");
    if ink.is_empty() {
        let (x, y) = ((LEFT + RIGHT) / 2.0, frame.top + frame.height / 2.0);
        svg.tag("text").at("x", x).at("y", y).set("text-anchor", "middle").set("fill", WORDS).text("no finite values");
    }
    if kind != Panel::Rate {
        for line in &drawn {
            marks(svg, kind, frame, line);
        }
        for line in &drawn {
            values(svg, kind, frame, line, &ink);
        }
    }
    svg.close("g");
}

/// Draws a line, broken where it is not finite, and gives the pixels it went through.
fn polylines(svg: &mut Svg, kind: Panel, frame: &Frame, line: &Line, limit: usize) -> Vec<Point> {
    let points = &line.points[kind as usize];
    let mut ink = Vec::new();
    for run in points.split(|point| !point.1.is_finite()).filter(|run| !run.is_empty()) {
        let share = (limit * run.len()).div_ceil(points.len());
        let kept = if kind == Panel::Rate { thin(&level(run), share) } else { thin(run, share) };
        let pixels: Vec<Point> = kept.iter().map(|point| frame.pixel(*point)).collect();
        let fold = line.fold.map(|fold| fold.to_string());
        svg.tag("polyline")
            .set("class", "curve")
            .set("data-series", line.series)
            .set("data-trial", &line.trial.to_string())
            .maybe("data-fold", fold.as_deref())
            .set("points", &path(&pixels))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mean::mean_curve;
    use crate::number;
    use crate::sample::{count, falling, fold, number as rate, trial, unvalidated, word};
    use opportune_core::memory::TrialResult;
    use opportune_core::score::Score;
    use opportune_core::space::Value;
    use opportune_core::stop::Stopped;
    use roxmltree::{Document, Node};

    fn parsed(svg: &str, test: impl FnOnce(&Document<'_>)) {
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        test(&Document::parse(svg).unwrap());
    }

    fn number_of(node: Node<'_, '_>, name: &str) -> f64 {
        node.attribute(name).unwrap().parse().unwrap()
    }

    fn panels<'a>(document: &'a Document<'a>, name: &'a str) -> Node<'a, 'a> {
        document.descendants().find(|node| node.attribute("data-panel") == Some(name)).unwrap()
    }

    /// Epochs and values of the polylines of a panel that `chosen` picks, from their pixels, with half a pixel in units
    /// of the values' axis (of its logarithm, if it has one).
    fn drawn(panel: Node<'_, '_>, chosen: &dyn Fn(Node<'_, '_>) -> bool) -> (Vec<Point>, f64) {
        let of = |name: &str| number_of(panel, name);
        let log = panel.attribute("data-log") == Some("true");
        let scale = |value: f64| if log { value.ln() } else { value };
        let (low, high) = (scale(of("data-y0")), scale(of("data-y1")));
        let height = of("data-bottom") - of("data-top");
        let value = |text: &str| {
            let (x, y) = text.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            let across = (x - of("data-left")) / (of("data-right") - of("data-left"));
            let epoch = of("data-x0") + across * (of("data-x1") - of("data-x0"));
            (epoch, low + (of("data-bottom") - y) / height * (high - low))
        };
        let lines = panel.descendants().filter(|node| node.has_tag_name("polyline") && chosen(*node));
        let points = lines.flat_map(|line| line.attribute("points").unwrap().split(' ')).map(value).collect();
        (points, 0.5 * (high - low) / height)
    }

    /// Holds the drawn points against the rows they should show.
    fn compare(panel: Node<'_, '_>, chosen: &dyn Fn(Node<'_, '_>) -> bool, rows: &[Point]) {
        let (points, tolerance) = drawn(panel, chosen);
        let log = panel.attribute("data-log") == Some("true");
        assert_eq!(points.len(), rows.len());
        for (point, row) in points.iter().zip(rows) {
            let value = if log { row.1.ln() } else { row.1 };
            assert!((point.0 - row.0).abs() < 0.5, "{point:?} {row:?}");
            assert!((point.1 - value).abs() <= tolerance, "{point:?} {row:?}");
        }
    }

    fn series(name: &'static str) -> impl Fn(Node<'_, '_>) -> bool {
        move |node| node.attribute("data-series") == Some(name) && node.attribute("data-fold").is_none()
    }

    fn training(result: &TrialResult, validation: bool, score: bool) -> Vec<Point> {
        let value = |one: &opportune_core::observation::Observation| match (validation, score) {
            (false, false) => one.train_loss,
            (false, true) => one.train_score,
            (true, false) => one.validation.unwrap().loss,
            (true, true) => one.validation.unwrap().score,
        };
        mean_curve(result).iter().map(|one| (f64::from(one.epoch), value(one))).collect()
    }

    #[test]
    fn a_training_is_drawn_where_its_rows_say() {
        let folds = (0..3).map(|n| fold(n, Stopped::Early, 80, &falling(100, 0.03 + 0.01 * f64::from(n), 0.02)));
        let mut result = trial(4, &[], folds.collect());
        for one in result.folds.iter_mut().flat_map(|fold| &mut fold.curve) {
            one.rate = 0.1 * 0.9f64.powi(one.epoch as i32);
        }
        parsed(&curves_svg(&Curves::of_fit("t", "s", Score::Accuracy, &result)), |document| {
            let loss = panels(document, "loss");
            assert_eq!(loss.attribute("data-log"), Some("true"));
            compare(loss, &series("training"), &training(&result, false, false));
            compare(loss, &series("validation"), &training(&result, true, false));
            let score = panels(document, "score");
            assert_eq!(score.attribute("data-log"), Some("false"));
            compare(score, &series("training"), &training(&result, false, true));
            compare(score, &series("validation"), &training(&result, true, true));
            let rows: Vec<Point> =
                result.folds[1].curve.iter().map(|one| (f64::from(one.epoch), one.train_loss)).collect();
            let second = |node: Node<'_, '_>| {
                (node.attribute("data-fold"), node.attribute("data-series")) == (Some("1"), Some("training"))
            };
            compare(loss, &second, &rows);
            let rates: Vec<Point> = result.folds[0].curve.iter().map(|one| (f64::from(one.epoch), one.rate)).collect();
            let rate = panels(document, "rate");
            // Four decades of rates are shown, and these span 4.5.
            let shown = rates.iter().filter(|point| point.1 >= number_of(rate, "data-y0")).count();
            let (points, _) = drawn(rate, &series("rate"));
            assert_eq!((points.len(), shown < 100), (100, true));
            assert!(points.iter().zip(&rates).take(shown).all(|(a, b)| (a.1 - b.1.ln()).abs() < 0.05));
            let values = document.descendants().filter(|node| node.attribute("class") == Some("value"));
            let texts: Vec<&str> = values.filter_map(|node| node.text()).collect();
            let at = mean_curve(&result)[79];
            let expected = [number::loss(at.validation.unwrap().loss), number::score(at.validation.unwrap().score)];
            assert_eq!(texts, expected);
            let stops = document.descendants().filter(|node| node.attribute("class") == Some("stop")).count();
            assert_eq!(stops, 4 + 1);
        });
    }

    fn grid() -> Vec<TrialResult> {
        let mut results = Vec::new();
        for (hidden, speed) in [(vec![100], 1.0), (vec![50, 50], 2.0)] {
            for lr in [0.001, 0.01] {
                for epochs in [20u32, 40] {
                    let config =
                        [("lr", rate(lr)), ("hidden", Value::Layers(hidden.clone())), ("epochs", count(epochs))];
                    let folds =
                        (0..2).map(|n| fold(n, Stopped::Complete, epochs, &falling(epochs, lr * speed * 5.0, 0.1)));
                    let mut one = trial(results.len() as u32, &config, folds.collect());
                    one.folds.iter_mut().flat_map(|fold| &mut fold.curve).for_each(|epoch| epoch.rate = lr);
                    results.push(one);
                }
            }
        }
        let exploding: Vec<(f64, f64)> =
            (0..5).map(|n| (2.3 * 1e3f64.powi(n), 0.1)).chain([(f64::NAN, f64::NAN)]).collect();
        let folds = (0..2).map(|n| fold(n, Stopped::Diverged, 6, &exploding)).collect();
        results.push(trial(
            8,
            &[("lr", rate(1.0)), ("hidden", Value::Layers(vec![100])), ("epochs", count(20))],
            folds,
        ));
        results
    }

    #[test]
    fn a_search_draws_each_curve_once_and_cuts_off_what_explodes() {
        let results = grid();
        parsed(&curves_svg(&Curves::of_search("t", "s", Score::Accuracy, &results, Some(7))), |document| {
            let loss = panels(document, "loss");
            let lines: Vec<&str> = loss
                .descendants()
                .filter(|node| node.has_tag_name("polyline"))
                .filter_map(|node| node.attribute("data-trial"))
                .collect();
            assert_eq!(lines, ["1", "3", "5", "8", "7"]);
            for index in [1, 3, 5, 7] {
                let of = |node: Node<'_, '_>| node.attribute("data-trial") == Some(&index.to_string());
                compare(loss, &of, &training(&results[index], true, false));
            }
            assert!(number_of(loss, "data-y1") < 100.0);
            assert!(loss.descendants().any(|node| node.text() == Some("clipped: some values lie outside")));
            assert!(loss.descendants().any(|node| node.attribute("clip-path") == Some("url(#clip-loss)")));
            let marks = |class: &str| loss.descendants().filter(|node| node.attribute("class") == Some(class)).count();
            assert_eq!((marks("end"), marks("cross"), marks("chosen")), (8, 1, 1));
            let courses = panels(document, "rate").descendants().filter(|node| node.has_tag_name("polyline")).count();
            assert_eq!(courses, 3);
        });
    }

    #[test]
    fn values_that_are_not_finite_break_a_line() {
        let mut curve = falling(9, 0.1, 0.1);
        curve[3].0 = f64::NAN;
        curve[5].0 = f64::INFINITY;
        let result = trial(0, &[], vec![unvalidated(fold(0, Stopped::Complete, 9, &curve))]);
        parsed(&curves_svg(&Curves::of_fit("t", "", Score::R2, &result)), |document| {
            let lines = panels(document, "loss").descendants().filter(|node| node.has_tag_name("polyline"));
            let counts: Vec<usize> = lines.map(|line| line.attribute("points").unwrap().split(' ').count()).collect();
            assert_eq!(counts, [3, 2, 3], "a line of one point has it twice");
            assert!(!document.descendants().any(|node| node.text() == Some("validation")));
        });
    }

    #[test]
    fn empty_and_hopeless_results_give_a_picture() {
        let bad = vec![(f64::NAN, f64::NAN); 3];
        let one = trial(0, &[], vec![unvalidated(fold(0, Stopped::Complete, 1, &falling(1, 0.1, 0.1)))]);
        let gone = trial(1, &[("lr", rate(9.0))], vec![fold(0, Stopped::Diverged, 3, &bad)]);
        let nothing = trial(2, &[], vec![]);
        let search = |results: &[TrialResult]| Curves::of_search("t", "", Score::Rmse, results, Some(0));
        let fit = |result: &TrialResult| Curves::of_fit("t", "", Score::RocAuc, result);
        let all = [fit(&one), fit(&gone), fit(&nothing), search(&[]), search(&[gone, nothing]), search(&[one])];
        for (curves, empty) in all.iter().zip([0, 2, 3, 3, 2, 0]) {
            parsed(&curves_svg(curves), |document| {
                let said = document.descendants().filter(|node| node.text() == Some("no finite values")).count();
                assert_eq!(said, empty * 2, "element and text node");
            });
        }
    }

    #[test]
    fn any_words_are_shown_as_they_are() {
        let nasty = "<script>&\"'\u{1b}é";
        let mut results = grid();
        results.push(trial(9, &[("schedule", word(nasty)), ("lr", rate(0.1))], results[0].folds.clone()));
        parsed(&curves_svg(&Curves::of_search(nasty, nasty, Score::F1, &results, Some(9))), |document| {
            let clean = "<script>&\"'\u{fffd}é";
            assert_eq!(document.descendants().filter(|node| node.is_text() && node.text() == Some(clean)).count(), 4);
            assert!(!document.descendants().any(|node| node.has_tag_name("script")));
        });
    }

    #[test]
    fn many_long_lines_stay_below_a_megabyte_and_few_keep_their_points() {
        let of = |n: u32, epochs: u32| {
            let noise = |(index, (loss, score)): (usize, &(f64, f64))| {
                (loss + 0.1 * ((index * 7919 + n as usize * 31) % 97) as f64 / 97.0, *score)
            };
            let curve: Vec<_> = falling(epochs, 0.002 * f64::from(n + 1), 0.1).iter().enumerate().map(noise).collect();
            trial(n, &[("lr", rate(0.001 * f64::from(n + 1)))], vec![fold(0, Stopped::Complete, epochs, &curve)])
        };
        let many: Vec<TrialResult> = (0..60).map(|n| of(n, 4000)).collect();
        let svg = curves_svg(&Curves::of_search("t", "", Score::Accuracy, &many, Some(3)));
        assert!(svg.len() < 1_000_000, "{}", svg.len());
        let few = [of(0, 2000), of(1, 2000)];
        parsed(&curves_svg(&Curves::of_search("t", "", Score::Accuracy, &few, None)), |document| {
            let first = |node: Node<'_, '_>| node.attribute("data-trial") == Some("0");
            compare(panels(document, "loss"), &first, &training(&few[0], true, false));
        });
    }

    #[test]
    fn legend_and_panels_keep_apart_and_inside() {
        parsed(&curves_svg(&Curves::of_search("t", "s", Score::BalancedAccuracy, &grid(), Some(7))), |document| {
            let legend = document.descendants().find(|node| node.attribute("class") == Some("legend")).unwrap();
            let right = number_of(panels(document, "loss"), "data-right");
            let texts = legend.descendants().filter(|node| node.has_tag_name("text"));
            let height = number_of(document.root_element(), "height");
            for text in texts {
                let width = text.text().unwrap().chars().count() as f64 * 6.6;
                assert!(number_of(text, "x") > right && number_of(text, "x") + width <= WIDTH, "{text:?}");
                assert!(number_of(text, "y") < height);
            }
        });
    }
}
