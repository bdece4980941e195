//! SVG as text: tags, attributes, escaping.
//!
//! Written by hand because the plotting libraries at hand do not serve: plotters (0.3) places everything on whole
//! pixels and cannot name what it draws, kuva (0.6) does not bring panels above one another to one pixel scale of
//! epochs, cannot name lines either, and lets control characters through, which makes the file unreadable.

use std::fmt::Write;

/// A picture being written.
pub(crate) struct Svg(String);

impl Svg {
    /// Of this size in pixels, named and described for readers that do not see it.
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str) -> Svg {
        let mut svg = Svg(String::new());
        svg.tag("svg")
            .set("xmlns", "http://www.w3.org/2000/svg")
            .at("width", width)
            .at("height", height)
            .set("viewBox", &format!("0 0 {} {}", coordinate(width), coordinate(height)))
            .set("role", "img")
            .set("font-family", "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif")
            .set("font-size", "12")
            .open();
        svg.tag("title").text(title);
        svg.tag("desc").text(description);
        svg.tag("rect").at("width", width).at("height", height).set("fill", "#ffffff").done();
        svg
    }

    /// Begins a tag; it must be ended by one of [`Tag::done`], [`Tag::open`] and [`Tag::text`].
    pub(crate) fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.0.push('<');
        self.0.push_str(name);
        Tag { out: &mut self.0, name }
    }

    /// Closes a tag that was left open.
    pub(crate) fn close(&mut self, name: &str) {
        self.0 += &format!("</{name}>\n");
    }

    /// The picture.
    pub(crate) fn finish(mut self) -> String {
        self.close("svg");
        self.0
    }
}

/// A tag being written.
#[must_use]
pub(crate) struct Tag<'a> {
    out: &'a mut String,
    name: &'static str,
}

impl Tag<'_> {
    /// An attribute.
    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        let _ = write!(self.out, " {name}=\"{}\"", escaped(value));
        self
    }

    /// An attribute, if there is something to say.
    pub(crate) fn maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// A coordinate or length in pixels.
    pub(crate) fn at(self, name: &str, value: f64) -> Self {
        let value = coordinate(value);
        self.set(name, &value)
    }

    /// Ends an element without content.
    pub(crate) fn done(self) {
        self.out.push_str("/>\n");
    }

    /// Leaves the element open for others; [`Svg::close`] ends it.
    pub(crate) fn open(self) {
        self.out.push_str(">\n");
    }

    /// Ends an element with a text.
    pub(crate) fn text(self, text: &str) {
        let _ = writeln!(self.out, ">{}</{}>", escaped(text), self.name);
    }
}

/// A coordinate to a tenth of a pixel.
pub(crate) fn coordinate(value: f64) -> String {
    let mut text = String::new();
    push_coordinate(&mut text, value);
    text
}

/// The same, behind what is there.
pub(crate) fn push_coordinate(text: &mut String, value: f64) {
    let begin = text.len();
    // Writing to a string does not fail.
    let _ = write!(text, "{value:.1}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    if &text[begin..] == "-0" {
        text.replace_range(begin.., "0");
    }
}

/// `text` for a text node or an attribute. Characters that XML 1.0 does not allow become `�`, line breaks spaces.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            one if one.is_control() || matches!(one, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            one => out.push(one),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_as_well_formed_xml() {
        let nasty = "a <b> & \"c\" 'd' \u{0}\u{1b}\u{fffe}\u{85} é±\n]]>";
        let mut svg = Svg::new(10.0, 20.5, nasty, "");
        svg.tag("g").set("data-name", nasty).maybe("data-not", None).open();
        svg.close("g");
        let text = svg.finish();
        let document = roxmltree::Document::parse(&text).unwrap();
        let clean = "a <b> & \"c\" 'd' \u{fffd}\u{fffd}\u{fffd}\u{fffd} é± ]]>";
        let find = |name: &str| document.descendants().find(|node| node.has_tag_name(name)).unwrap();
        assert_eq!(find("title").text(), Some(clean));
        assert_eq!(find("g").attribute("data-name"), Some(clean));
        assert_eq!(document.root_element().attribute("viewBox"), Some("0 0 10 20.5"));
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!([1.0, 1.25, -0.01, 99.96, -3.04].map(coordinate), ["1", "1.2", "0", "100", "-3"]);
    }
}
