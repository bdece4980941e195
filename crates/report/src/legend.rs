//! The legend: samples of lines and marks with words beside them, to the right of the panels.

use crate::columns::shortened;
use crate::curves::Shape;
use crate::marks::shape;
use crate::palette;
use crate::svg::Svg;
use crate::thin::Point;

/// A row of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    swatch: Swatch,
    text: String,
}

/// What stands before the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Swatch {
    /// The row begins a section.
    Heading,
    /// A line of this colour, dash and width.
    Line(String, &'static str, f64),
    /// The mark of the chosen epoch, in this colour.
    Chosen(String),
    /// A mark at the end of a line.
    End(Shape),
    /// Nothing: the row belongs to the one before it.
    None,
    /// Nothing, and no room for it.
    Text,
}

impl Entry {
    pub(crate) fn new(swatch: Swatch, text: impl Into<String>) -> Entry {
        Entry { swatch, text: text.into() }
    }

    pub(crate) fn heading(text: impl Into<String>) -> Entry {
        Entry::new(Swatch::Heading, text)
    }

    fn height(&self) -> f64 {
        if self.swatch == Swatch::Heading { 28.0 } else { 18.0 }
    }
}

/// Width of a row beside curves, in pixels.
pub(crate) const WIDTH: f64 = 200.0;
const SAMPLE: f64 = 28.0;
/// Of a character of 12 px, on the wide side.
const LETTER: f64 = 6.6;

/// Height of all rows.
pub(crate) fn height(entries: &[Entry]) -> f64 {
    entries.iter().map(Entry::height).sum()
}

/// Draws the rows from `(x, y)` downwards. Texts that do not fit into `width` are cut; whole ones are in the tooltip.
pub(crate) fn draw(svg: &mut Svg, entries: &[Entry], (x, y): Point, width: f64) {
    svg.tag("g").set("class", "legend").open();
    let mut bottom = y;
    for (index, entry) in entries.iter().enumerate() {
        // The first heading needs no room above it.
        bottom += if index == 0 { 14.0 } else { entry.height() };
        let middle = bottom - 4.0;
        let left = if matches!(entry.swatch, Swatch::Heading | Swatch::Text) { x } else { x + SAMPLE + 8.0 };
        match &entry.swatch {
            Swatch::Heading | Swatch::None | Swatch::Text => {}
            Swatch::Line(colour, dash, width) => svg
                .tag("line")
                .at("x1", x)
                .at("x2", x + SAMPLE)
                .at("y1", middle)
                .at("y2", middle)
                .set("stroke", colour)
                .at("stroke-width", *width)
                .maybe("stroke-dasharray", Some(*dash).filter(|dash| !dash.is_empty()))
                .done(),
            Swatch::Chosen(colour) => shape(svg, Shape::Chosen, (x + SAMPLE / 2.0, middle), colour, None),
            Swatch::End(end) => shape(svg, *end, (x + SAMPLE / 2.0, middle), palette::NEUTRAL, None),
        }
        let room = ((x + width - left) / LETTER) as usize;
        let heading = entry.swatch == Swatch::Heading;
        if entry.text.chars().count() > room {
            svg.tag("g").open();
            svg.tag("title").text(&entry.text);
        }
        svg.tag("text")
            .at("x", left)
            .at("y", bottom)
            .set("fill", if heading { "#222222" } else { "#333333" })
            .maybe("font-weight", heading.then_some("600"))
            .text(&shortened(&entry.text, room));
        if entry.text.chars().count() > room {
            svg.close("g");
        }
    }
    svg.close("g");
}
