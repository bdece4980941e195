//! Plain text in columns.

/// Lines are kept to this width where cells can be cut.
pub(crate) const WIDTH: usize = 110;
/// Cells are not cut shorter than this.
const SHORTEST: usize = 10;
const GAP: &str = "  ";

/// A column: up to two lines of heading, and its cells.
#[derive(Debug, Default)]
pub(crate) struct Column {
    head: [String; 2],
    cells: Vec<String>,
    left: bool,
    cut: bool,
}

impl Column {
    /// Of numbers, flush right.
    pub(crate) fn numbers(upper: &str, lower: &str, cells: Vec<String>) -> Column {
        Column { head: [upper.to_string(), lower.to_string()], cells, ..Column::default() }
    }

    /// Of words, flush left; `cut` if long ones may be shortened where the table gets too wide.
    pub(crate) fn words(lower: &str, cells: Vec<String>, cut: bool) -> Column {
        Column { head: [String::new(), lower.to_string()], cells, left: true, cut }
    }

    fn width(&self) -> usize {
        self.head.iter().chain(&self.cells).map(|text| text.chars().count()).max().unwrap_or(0)
    }

    fn padded(&self, text: &str, width: usize) -> String {
        if self.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
    }
}

/// `text` with its middle left out so that it has at most `width` characters; what differs is often at the end.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_string();
    }
    let tail = width.saturating_sub(1) / 3;
    let head = width.saturating_sub(1) - tail;
    text.chars().take(head).chain(['…']).chain(text.chars().skip(length - tail)).collect()
}

/// The columns beside one another, each line ending in a line feed and without spaces before it.
pub(crate) fn lay_out(mut columns: Vec<Column>) -> String {
    columns.retain(|column| column.width() > 0);
    loop {
        let total: usize = columns.iter().map(|column| column.width() + GAP.len()).sum::<usize>();
        let widest = columns.iter_mut().filter(|column| column.cut).max_by_key(|column| column.width());
        let Some(widest) = widest.filter(|one| total > WIDTH + GAP.len() && one.width() > SHORTEST) else { break };
        let width = widest.width() - 1;
        widest.cells.iter_mut().for_each(|cell| *cell = shortened(cell, width));
        widest.head.iter_mut().for_each(|head| *head = shortened(head, width));
    }
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let line = |text: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().zip(&widths).map(|(column, width)| column.padded(&text(column), *width));
        let line = cells.collect::<Vec<_>>().join(GAP);
        format!("{}\n", line.trim_end())
    };
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let mut text = String::new();
    if columns.iter().any(|column| !column.head[0].is_empty()) {
        text += &line(&|column| column.head[0].clone());
    }
    text += &line(&|column| column.head[1].clone());
    for row in 0..rows {
        text += &line(&|column| column.cells.get(row).cloned().unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn numbers_stand_right_and_words_left() {
        let columns = vec![
            Column::numbers("", "n", cells(&["1", "20"])),
            Column::numbers("training", "loss", cells(&["0.5", "12.25"])),
            Column::words("", cells(&["", ""]), false),
            Column::words("ended", cells(&["well", "±"]), false),
        ];
        let text = "    training\n n      loss  ended\n 1       0.5  well\n20     12.25  ±\n";
        assert_eq!(lay_out(columns), text);
    }

    #[test]
    fn long_words_lose_their_middle() {
        assert_eq!(shortened("sequence(constant(), cooldown(20%))", 16), "sequence(c…20%))");
        assert_eq!(shortened("±±±±", 4), "±±±±");
        let long = "x".repeat(200);
        let columns = || vec![Column::words("a", cells(&[&long]), true), Column::words("b", cells(&[&long]), true)];
        let text = lay_out(columns());
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().any(|line| line.chars().count() == WIDTH), "{text}");
        let mut fixed = columns();
        fixed.iter_mut().for_each(|column| column.cut = false);
        assert_eq!(lay_out(fixed).lines().last().map(|line| line.chars().count()), Some(402));
    }
}
