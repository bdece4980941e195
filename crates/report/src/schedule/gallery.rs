//! The gallery: a page with every kind of schedule and its picture.

use super::list::{clock, example, rates};
use super::picture::curve;
use crate::axes::{self, Names, axes, open_panel};
use crate::axis::Axis;
use crate::frame::Frame;
use crate::markdown::cell;
use crate::palette;
use crate::svg::Svg;
use opportune_core::schedule::{KINDS, Kind, RateSource};

/// A picture's size.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 186.0;

/// The files of `docs/` that show every kind: `schedules.md`, and `schedules/NAME.svg` for each. Pixels are rounded, so
/// that they are the same bytes on every machine.
pub fn gallery() -> Vec<(String, String)> {
    let pictures: Vec<(String, String)> = KINDS.iter().filter_map(|kind| Some((file(kind), picture(kind)?))).collect();
    let page = page(&pictures);
    std::iter::once(("schedules.md".to_string(), page)).chain(pictures).collect()
}

fn file(kind: &Kind) -> String {
    format!("schedules/{}.svg", kind.name)
}

/// A kind's example over its run.
fn picture(kind: &Kind) -> Option<String> {
    let course = example(kind).ok()?;
    let mut svg = Svg::new(WIDTH, HEIGHT, kind.example, kind.summary);
    let line = course.rate_line();
    let y = Axis::of_schedules(line.iter().map(|point| point.1), false);
    let x = Axis { low: 0.0, high: f64::from(course.epochs), log: false, clipped: false };
    let frame = Frame { left: 76.0, right: WIDTH - 14.0, top: 12.0, height: 128.0, x, y };
    open_panel(&mut svg, kind.name, &frame);
    let what = if matches!(kind.rate, RateSource::Own | RateSource::OfBase) { "learning rate" } else { "factor" };
    axes(&mut svg, &frame, &Names { x: Some("epochs passed"), y: what, whole: true, ticks: 7 });
    axes::clip(&mut svg, "clip", &frame);
    svg.tag("g").set("clip-path", "url(#clip)").set("fill", "none").open();
    curve(&mut svg, &frame, &line, (&course.text, &palette::kind(0), "", 2.2));
    svg.close("g");
    svg.close("g");
    Some(svg.finish())
}

fn page(pictures: &[(String, String)]) -> String {
    let mut page = "\
# Schedules

Every schedule that Opportune knows, as its text form, with its parameters and its names elsewhere. Written by
`cargo xtask gallery` from the code; `opportune schedule list` says the same in a terminal, and
`opportune schedule SPEC` draws one over your run.

The pictures show each example over 60 epochs of 10 steps. A schedule holds its rate within an epoch unless it changes at
every step by nature or is told `per=step`. Lengths are epochs unless they end in `steps` or `%` (of the run). `from`,
`to`, `floor`, `factor` and `gamma` multiply the learning rate; `base`, `max`, `min` and `rates` are rates themselves.
Past its end a schedule holds the value it has there.

| schedule | what it does |
|---|---|
"
    .to_string();
    for kind in KINDS {
        page += &format!("| [{name}](#{name}) | {} |\n", cell(kind.summary), name = kind.name);
    }
    for kind in KINDS {
        page += &format!("\n## {}\n\n{}\n\n", kind.name, kind.summary);
        let file = file(kind);
        if pictures.iter().any(|(name, _)| *name == file) {
            page += &format!("![The rate of {} over 60 epochs]({file})\n\n", kind.example.replace(['[', ']'], ""));
        }
        page += &format!("    {}\n\n`{}`: {}; {}.\n", kind.example, kind.formula, rates(kind), clock(kind));
        if !kind.keys.is_empty() {
            page += "\n| parameter | default | what it sets |\n|---|---|---|\n";
        }
        for key in kind.keys {
            let default = key.default.unwrap_or("(needed)");
            page += &format!("| `{}` | {} | {} |\n", key.name, cell(default), cell(key.meaning));
        }
        if !kind.upstream.is_empty() {
            page += &format!("\nElsewhere: {}.\n", kind.upstream.join(", "));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_kind_has_a_section_and_a_picture_that_can_be_read() {
        let files = gallery();
        assert_eq!(files.len(), 1 + KINDS.len());
        for kind in KINDS {
            let name = file(kind);
            let (_, svg) = files.iter().find(|(file, _)| *file == name).unwrap();
            let document = roxmltree::Document::parse(svg).unwrap();
            assert!(document.descendants().any(|node| node.attribute("class") == Some("curve")), "{}", kind.name);
            assert!(
                files[0].1.contains(&format!("\n## {}\n", kind.name)) && files[0].1.contains(&format!("]({name})"))
            );
            assert!(svg.len() < 20_000, "{}: {} bytes", kind.name, svg.len());
        }
    }

    #[test]
    fn the_files_in_docs_are_current() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let files = gallery();
        for (name, content) in &files {
            let there = std::fs::read_to_string(docs.join(name)).unwrap_or_default();
            assert!(there == *content, "docs/{name} is not current: run cargo xtask gallery");
        }
        for entry in std::fs::read_dir(docs.join("schedules")).unwrap() {
            let name = format!("schedules/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(files.iter().any(|(file, _)| *file == name), "docs/{name} belongs to no schedule");
        }
    }
}
