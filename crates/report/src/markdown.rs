//! What pages in Markdown need.

/// The text of a table's cell.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
