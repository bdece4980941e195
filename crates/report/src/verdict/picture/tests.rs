//! The page as a whole: what it shows is where the numbers say, and nothing lies on anything else.

use super::super::sample::*;
use super::super::{Cost, Found, Verdict};
use super::{HEIGHT, LETTER, WIDTH, verdict_svg};
use crate::thin::Point;
use opportune_core::judged::JudgedCurve;
use opportune_core::score::Score;
use opportune_core::stop::Stopped;
use roxmltree::{Document, Node};

fn parsed(found: &Found, test: impl FnOnce(&Document<'_>)) {
    let svg = verdict_svg(found);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    test(&Document::parse(&svg).unwrap());
}

fn number_of(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap_or_else(|| panic!("{name} of {node:?}")).parse().unwrap()
}

fn panel<'a>(document: &'a Document<'a>, name: &str) -> Node<'a, 'a> {
    document.descendants().find(|node| node.attribute("data-panel") == Some(name)).unwrap()
}

/// Half a pixel in the units of the axes (of their logarithms, where they have them), and the value at a pixel.
fn value_at(panel: Node<'_, '_>, (x, y): Point) -> (Point, Point) {
    let of = |name: &str| number_of(panel, name);
    let axis = |at: f64, log: bool, low: f64, high: f64, from: f64, to: f64| {
        let scale = |value: f64| if log { value.ln() } else { value };
        let (low, high) = (scale(low), scale(high));
        (low + (at - from) / (to - from) * (high - low), 0.1 * (high - low) / (to - from).abs())
    };
    let (log_x, log_y) = (panel.attribute("data-log-x").is_some(), panel.attribute("data-log") == Some("true"));
    let x = axis(x, log_x, of("data-x0"), of("data-x1"), of("data-left"), of("data-right"));
    let y = axis(y, log_y, of("data-y0"), of("data-y1"), of("data-bottom"), of("data-top"));
    ((x.0, y.0), (x.1, y.1))
}

fn compare(panel: Node<'_, '_>, pixels: &[Point], rows: &[Point]) {
    assert_eq!(pixels.len(), rows.len());
    let (log_x, log_y) = (panel.attribute("data-log-x").is_some(), panel.attribute("data-log") == Some("true"));
    for (pixel, row) in pixels.iter().zip(rows) {
        let (at, near) = value_at(panel, *pixel);
        let row = (if log_x { row.0.ln() } else { row.0 }, if log_y { row.1.ln() } else { row.1 });
        assert!((at.0 - row.0).abs() <= near.0 && (at.1 - row.1).abs() <= near.1, "{at:?} {row:?} {near:?}");
    }
}

fn dots(panel: Node<'_, '_>) -> Vec<Point> {
    let circles = panel.descendants().filter(|node| node.attribute("class") == Some("point"));
    circles.map(|node| (number_of(node, "cx"), number_of(node, "cy"))).collect()
}

fn line(panel: Node<'_, '_>, series: &str, trial: u32) -> Vec<Point> {
    let trial = trial.to_string();
    let is = |node: &Node<'_, '_>| {
        (node.attribute("data-series"), node.attribute("data-trial")) == (Some(series), Some(trial.as_str()))
    };
    let line = panel.descendants().find(is).unwrap_or_else(|| panic!("no {series} of {trial}"));
    let point = |text: &str| {
        let (x, y) = text.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    line.attribute("points").unwrap().split(' ').map(point).collect()
}

fn curve_of(found: &Found, place: usize) -> Vec<Point> {
    let curve = JudgedCurve::of(&found.trials[place]);
    (1..=curve.epochs()).map(|epoch| (f64::from(epoch), curve.loss(epoch).unwrap())).collect()
}

#[test]
fn the_range_test_is_drawn_where_its_points_are() {
    let found = ordinary();
    parsed(&found, |document| {
        let range = panel(document, "range");
        let test = found.range_test.as_ref().unwrap();
        let rows: Vec<Point> = test.points.iter().filter_map(|one| Some((one.rate, one.loss()?))).collect();
        compare(range, &dots(range), &rows[..10]);
        let crosses = range.descendants().filter(|node| node.attribute("class") == Some("cross")).count();
        assert_eq!(crosses, test.points.len() - 10);
        let stable = range.descendants().find(|node| node.attribute("class") == Some("stable")).unwrap();
        let (low, near) = value_at(range, (number_of(stable, "x"), 0.0));
        let (high, _) = value_at(range, (number_of(stable, "x") + number_of(stable, "width"), 0.0));
        assert!((low.0 - 1e-3f64.ln()).abs() < near.0 && (high.0 - 0.1f64.ln()).abs() < 2.0 * near.0);
        let marks = range.descendants().filter(|node| node.attribute("class") == Some("mark"));
        let rates: Vec<f64> = marks.map(|node| value_at(range, (number_of(node, "x1"), 0.0)).0.0.exp()).collect();
        assert!((rates[0] / 0.004 - 1.0).abs() < 0.01 && (rates[1] / 0.256 - 1.0).abs() < 0.01, "{rates:?}");
    });
}

#[test]
fn without_a_range_test_rates_are_compared_after_epochs_that_all_had() {
    let found = of_rates(&[0.001, 0.002, 0.004], 2);
    parsed(&found, |document| {
        let range = panel(document, "range");
        let rows = [0, 1, 2].map(|place| ([0.001, 0.002, 0.004][place], curve_of(&found, place)[54].1));
        compare(range, &dots(range), &rows);
        assert!(document.descendants().any(|node| node.text() == Some("Which rates learn: the loss after 55 epochs")));
    });
    let mut found = ordinary();
    found.range_test = None;
    parsed(&found, |document| {
        let range = panel(document, "range");
        assert_eq!((dots(range).len(), line_count(range, "cross")), (8, 1));
    });
}

fn line_count(panel: Node<'_, '_>, class: &str) -> usize {
    panel.descendants().filter(|node| node.attribute("class") == Some(class)).count()
}

#[test]
fn every_trial_and_finalist_has_its_line() {
    let found = ordinary();
    parsed(&found, |document| {
        let curves = panel(document, "curves");
        for (place, one) in found.trials.iter().enumerate().filter(|(place, _)| *place != 0 && *place != 8) {
            compare(curves, &line(curves, "trial", one.trial), &curve_of(&found, place));
        }
        let dashed = |trial: &str| {
            let mut lines = curves.descendants().filter(|node| node.has_tag_name("polyline"));
            lines
                .find(|node| node.attribute("data-trial") == Some(trial))
                .unwrap()
                .attribute("stroke-dasharray")
                .is_some()
        };
        assert_eq!([dashed("2"), dashed("3")], [true, false]);
        let raw = |place: usize, left: u32| -> Vec<Point> {
            let curve = crate::mean::mean_curve(&found.finalists[place].result);
            let later = curve.iter().filter(|one| one.epoch > left);
            later.map(|one| (f64::from(one.epoch), one.validation.unwrap().loss)).collect()
        };
        // The delivered one with the way there, the others from where they leave.
        compare(curves, &line(curves, "cooldown", 9), &[&curve_of(&found, 3)[..27], &raw(0, 27)].concat());
        compare(curves, &line(curves, "cooldown", 10), &[&curve_of(&found, 2)[26..27], &raw(2, 27)].concat());
        compare(curves, &line(curves, "schedule", 11), &raw(1, 0));
        assert_eq!((line_count(curves, "chosen"), line_count(curves, "cross")), (1, 1));
    });
}

#[test]
fn epochs_and_schedule_are_drawn_where_their_rows_say() {
    for found in [ordinary(), regression(Score::Rmse), several_networks()] {
        let verdict = Verdict::of(&found).unwrap();
        parsed(&found, |document| {
            let epochs = panel(document, "epochs");
            let rows: Vec<Point> = verdict.table.iter().map(|row| (f64::from(row.epochs), row.score)).collect();
            compare(epochs, &dots(epochs), &rows);
            let mark = epochs.descendants().find(|node| node.attribute("class") == Some("mark")).unwrap();
            let (at, near) = value_at(epochs, (number_of(mark, "x1"), 0.0));
            assert!((at.0 - 34f64.ln()).abs() <= near.0);
            let schedule = panel(document, "schedule");
            let curve = crate::mean::mean_curve(&found.finalists[0].result);
            let rates: Vec<Point> = curve.iter().map(|one| (f64::from(one.epoch), one.rate)).collect();
            let trial = found.finalists[0].result.trial;
            compare(schedule, &line(schedule, "rate", trial), &crate::thin::level(&rates));
        });
    }
    parsed(&grid(), |document| assert_eq!(dots(panel(document, "epochs")).len(), 6));
}

/// What a text covers, from its anchor and a width per character; `None` of one that is turned or a tooltip.
fn covered(node: Node<'_, '_>) -> Option<(f64, f64, f64, f64)> {
    if !node.has_tag_name("text") || node.attribute("transform").is_some() {
        return None;
    }
    let size: f64 = node.attribute("font-size").map_or(12.0, |size| size.parse().unwrap());
    let wide = node.text().unwrap_or("").chars().count() as f64 * size * LETTER;
    let (x, y) = (number_of(node, "x"), number_of(node, "y"));
    let left = match node.attribute("text-anchor") {
        Some("middle") => x - wide / 2.0,
        Some("end") => x - wide,
        _ => x,
    };
    Some((left, y - 0.75 * size, left + wide, y + 0.2 * size))
}

fn apart(found: &Found) {
    parsed(found, |document| {
        let texts: Vec<_> = document
            .descendants()
            .filter_map(|node| Some((covered(node)?, node.text().unwrap_or("").to_string())))
            .collect();
        for (place, (one, text)) in texts.iter().enumerate() {
            assert!(one.0 >= 0.0 && one.2 <= WIDTH && one.1 >= 0.0 && one.3 <= HEIGHT, "{text} {one:?}");
            for (other, second) in &texts[place + 1..] {
                let meet = one.0 < other.2 && other.0 < one.2 && one.1 < other.3 && other.1 < one.3;
                assert!(!meet, "{text} {one:?} and {second} {other:?}");
            }
        }
        let panels: Vec<_> = document.descendants().filter(|node| node.attribute("data-panel").is_some()).collect();
        assert_eq!(panels.len(), 4);
        let legends = document.descendants().filter(|node| node.attribute("class") == Some("legend"));
        for text in legends.flat_map(|legend| legend.descendants()).filter_map(covered) {
            assert!(panels.iter().all(|panel| text.0 > number_of(*panel, "data-right")), "{text:?}");
        }
    });
}

#[test]
fn words_lie_on_the_page_and_not_on_one_another() {
    let all = [
        ordinary(),
        single_split(),
        given_folds(),
        Found { divided_anew: false, ..single_split() },
        at_the_limit(),
        of_rates(&[0.001, 0.002, 0.004], 2),
        of_rates(&[0.001, 0.004, 0.016], 1),
        overfitting(),
        diverged_neighbour(),
        several_networks(),
        regression(Score::R2),
        regression(Score::Rmse),
        one_trial(),
        ended_early(),
        cosine_delivered(),
        grid(),
    ];
    all.iter().for_each(apart);
    // Many rates, and ones at either end of the range test.
    let rates: Vec<f64> = (0..40).map(|n| 1e-6 * 1.5f64.powi(n)).collect();
    for best in [0, 20, 39] {
        let mut found = of_rates(&rates, best);
        apart(&found);
        found.range_test = Some(range_test());
        apart(&found);
        found.trials[39].folds.iter_mut().for_each(|fold| fold.ending.stopped = Stopped::Diverged);
        apart(&found);
    }
}

#[test]
fn nothing_is_delivered_without_a_model() {
    let texts = |found: &Found| {
        let mut all = String::new();
        parsed(found, |document| {
            let texts = document.descendants().filter(|node| node.is_text()).filter_map(|node| node.text());
            all = texts.collect::<Vec<&str>>().join("\n");
        });
        all
    };
    let (whole, interrupted) = (texts(&ordinary()), texts(&ended_early()));
    assert!(whole.contains("What is delivered") && !whole.contains("no final model"), "{whole}");
    assert!(!interrupted.contains("delivered") && interrupted.contains("no final model was trained"), "{interrupted}");
}

#[test]
fn a_confirmation_on_the_same_folds_is_told() {
    let told = |found: &Found| {
        let svg = verdict_svg(found);
        (svg.contains("rows divided anew"), svg.contains("confirmed on the same folds with another seed"))
    };
    assert_eq!((told(&ordinary()), told(&given_folds())), ((true, false), (false, true)));
    assert_eq!(told(&ended_early()), (false, false));
}

#[test]
fn very_little_gives_a_picture() {
    let one = with_shape(SHAPE, 1, 1);
    apart(&one);
    let mut gone = ordinary();
    for place in (0..9).filter(|place| *place != 3) {
        gone.trials[place] = SHAPE.gone(place as u32, &settings(TRUNKS[place % 8].0, 144), TRUNKS[place % 8].0, 1);
    }
    gone.epochs = table(&gone.trials, 144);
    apart(&gone);
    let mut empty = Found { trials: vec![], finalists: vec![], epochs: None, cost: Cost::default(), ..ordinary() };
    apart(&empty);
    empty.range_test = None;
    apart(&empty);
    parsed(&empty, |document| {
        assert!(document.descendants().any(|node| node.text() == Some("digits: nothing can be delivered")));
        assert_eq!(
            document.descendants().filter(|node| node.is_text() && node.text() == Some("nothing to show")).count(),
            4
        );
    });
    let mut undefined = ordinary();
    let curves = undefined.trials.iter_mut().chain(undefined.finalists.iter_mut().map(|one| &mut one.result));
    for one in curves.flat_map(|one| &mut one.folds).flat_map(|fold| &mut fold.curve) {
        one.rate = f64::INFINITY;
        (one.validation, one.averaged) = (None, None);
        one.train_score = f64::NAN;
    }
    undefined.epochs = table(&undefined.trials, 144);
    apart(&undefined);
    assert!(super::super::verdict_text(&Verdict::of(&undefined).unwrap()).lines().count() > 10);
}

#[test]
fn nothing_that_is_missing_breaks_anything() {
    let changes: [fn(&mut Found); 7] = [
        |found| found.trials.iter_mut().for_each(|one| one.folds.clear()),
        |found| found.trials.clear(),
        |found| found.trials.iter_mut().flat_map(|one| &mut one.folds).for_each(|fold| fold.curve.clear()),
        |found| found.finalists.iter_mut().for_each(|one| one.result.folds.clear()),
        |found| found.finalists.iter_mut().for_each(|one| one.confirmed = vec![f64::NAN; 3]),
        |found| found.finalists.iter_mut().for_each(|one| one.from = Some((77, 1000))),
        |found| {
            let results = found.trials.iter_mut().chain(found.finalists.iter_mut().map(|one| &mut one.result));
            results.for_each(|one| one.config = opportune_core::space::Config::default());
        },
    ];
    for found in [ordinary(), several_networks(), grid(), one_trial()] {
        for change in changes {
            let mut found = found.clone();
            change(&mut found);
            parsed(&found, |document| assert!(document.root_element().has_tag_name("svg")));
            let verdict = Verdict::of(&found).unwrap();
            let text = super::super::verdict_text(&verdict);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            assert!(verdict.json()["headline"].is_string());
        }
    }
}
