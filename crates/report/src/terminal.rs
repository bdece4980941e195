//! Pictures for a terminal, of dots in braille characters or of plain ASCII.

use crate::axis::Axis;
use crate::thin::Point;

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Whether it understands UTF-8. If not, pictures are plain ASCII.
    pub unicode: bool,
    /// Whether it understands ANSI colours.
    pub colour: bool,
}

/// Columns and rows of the area that lines are drawn in.
const WIDTH: usize = 64;
const HEIGHT: usize = 15;
/// Dots of a braille character, across and down.
const ACROSS: usize = 2;
const DOWN: usize = 4;
/// The bit of each dot, row by row.
const BITS: [[u8; ACROSS]; DOWN] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// Lines without colours are told apart by characters.
const LETTERS: [char; 8] = ['*', 'o', '+', 'x', '#', '@', '%', '&'];
/// ANSI's blue, red, green, magenta, cyan, yellow.
const COLOURS: [u8; 6] = [34, 31, 32, 35, 36, 33];

/// What is drawn.
pub(crate) struct Plot<'a> {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) x_name: &'a str,
    pub(crate) y_name: &'a str,
    /// Whether only whole numbers count on the horizontal axis.
    pub(crate) whole: bool,
    /// Each in pieces that are not connected.
    pub(crate) lines: Vec<Vec<Vec<Point>>>,
    /// Upright lines with the letter above them.
    pub(crate) marks: Vec<(f64, char)>,
    /// Where on the horizontal axis something left the picture at the top.
    pub(crate) gone: Vec<f64>,
}

/// How the `index`th of `count` lines looks, for a legend.
pub(crate) fn sample(look: Look, index: usize, count: usize) -> String {
    match (look, count) {
        (Look { unicode: true, colour: true }, _) => coloured("⠒⠒⠒", index),
        (Look { unicode: true, .. }, 1) => "⠒⠒⠒".to_string(),
        _ => LETTERS[index % LETTERS.len()].to_string().repeat(3),
    }
}

fn coloured(text: &str, index: usize) -> String {
    format!("\u{1b}[{}m{text}\u{1b}[0m", COLOURS[index % COLOURS.len()])
}

/// A character's place and what is in it.
#[derive(Clone, Copy, Default)]
struct Cell {
    dots: u8,
    /// The line that came here first.
    line: Option<usize>,
    letter: Option<char>,
}

struct Canvas {
    cells: Vec<Cell>,
}

impl Canvas {
    /// Dots from the left and from the top; what lies outside is left out.
    fn dot(&mut self, (x, y): (i64, i64), line: usize) {
        let (width, height) = ((WIDTH * ACROSS) as i64, (HEIGHT * DOWN) as i64);
        if !(0..width).contains(&x) || !(0..height).contains(&y) {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        let cell = &mut self.cells[y / DOWN * WIDTH + x / ACROSS];
        cell.dots |= BITS[y % DOWN][x % ACROSS];
        cell.line.get_or_insert(line);
    }

    fn line(&mut self, from: Point, to: Point, line: usize) {
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().max(1.0);
        for step in 0..=steps as u32 {
            let part = f64::from(step) / steps;
            let at = |from: f64, to: f64| (from + part * (to - from)).round() as i64;
            self.dot((at(from.0, to.0), at(from.1, to.1)), line);
        }
    }

    /// Puts a letter where no line is.
    fn letter(&mut self, (column, row): (usize, usize), letter: char) {
        let cell = &mut self.cells[row * WIDTH + column];
        if cell.dots == 0 {
            cell.letter.get_or_insert(letter);
        }
    }

    /// A row of characters without blanks at its end.
    fn row(&self, row: usize, look: Look, lines: usize) -> String {
        let cells = &self.cells[row * WIDTH..(row + 1) * WIDTH];
        let used = cells.iter().rposition(|cell| cell.dots != 0 || cell.letter.is_some()).map_or(0, |last| last + 1);
        let text = |cell: &Cell| match (cell.line, cell.letter) {
            (Some(line), _) => {
                let braille = char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' ');
                match look {
                    Look { unicode: true, colour: true } => coloured(&braille.to_string(), line),
                    Look { unicode: true, .. } if lines == 1 => braille.to_string(),
                    _ => LETTERS[line % LETTERS.len()].to_string(),
                }
            }
            (None, Some(letter)) => letter.to_string(),
            (None, None) => " ".to_string(),
        };
        cells[..used].iter().map(text).collect()
    }
}

/// The picture, at most 78 characters wide, each line ending in a line feed: the vertical axis's name, the lines with the
/// values of both axes, the horizontal axis's name.
pub(crate) fn draw(plot: &Plot<'_>, look: Look) -> String {
    let mut canvas = Canvas { cells: vec![Cell::default(); WIDTH * HEIGHT] };
    let dot = |(x, y): Point| {
        let (right, bottom) = ((WIDTH * ACROSS - 1) as f64, (HEIGHT * DOWN - 1) as f64);
        (plot.x.place(x) * right, (1.0 - plot.y.place(y)) * bottom)
    };
    for (index, pieces) in plot.lines.iter().enumerate() {
        for piece in pieces {
            let dots: Vec<Point> = piece.iter().map(|point| dot(*point)).collect();
            match dots.as_slice() {
                [one] => canvas.line(*one, *one, index),
                _ => dots.windows(2).for_each(|pair| canvas.line(pair[0], pair[1], index)),
            }
        }
    }
    let column = |x: f64| {
        let place = plot.x.place(x);
        (0.0..=1.0).contains(&place).then(|| (place * (WIDTH - 1) as f64).round() as usize)
    };
    let upright = if look.unicode { '┊' } else { ':' };
    let mut letters = vec![' '; WIDTH];
    for (x, letter) in &plot.marks {
        if let Some(at) = column(*x) {
            // Marks at one place stand beside each other.
            let free = (at..WIDTH).chain((0..at).rev()).find(|place| letters[*place] == ' ').unwrap_or(at);
            letters[free] = *letter;
            (0..HEIGHT).for_each(|row| canvas.letter((at, row), upright));
        }
    }
    for at in plot.gone.iter().filter_map(|x| column(*x)) {
        let cell = &mut canvas.cells[at];
        (cell.letter, cell.line) = (Some(if look.unicode { '×' } else { 'X' }), None);
    }
    let mut labels = vec![String::new(); HEIGHT];
    for (value, text) in plot.y.ticks(4) {
        let row = (dot((plot.x.low, value)).1 / DOWN as f64) as usize;
        labels[row.min(HEIGHT - 1)] = text;
    }
    let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let [bar, tick, corner, across, down] =
        if look.unicode { ['│', '┤', '└', '─', '┬'] } else { ['|', '+', '+', '-', '+'] };
    let mut text = String::new();
    if !plot.y_name.is_empty() {
        text += &format!("{:margin$}{}\n", "", plot.y_name);
    }
    let above: String = letters.into_iter().collect();
    if !above.trim().is_empty() {
        text += &format!("{:margin$}  {}\n", "", above.trim_end());
    }
    for (row, label) in labels.iter().enumerate() {
        let edge = if label.is_empty() { bar } else { tick };
        text += &format!("{label:>margin$} {edge}{}\n", canvas.row(row, look, plot.lines.len()));
    }
    let mut axis = vec![across; WIDTH];
    let mut below = vec![' '; WIDTH + margin + 2];
    let mut free = 0;
    for (value, label) in plot.x.ticks(7) {
        let Some(at) = column(value).filter(|_| !plot.whole || value.fract() == 0.0) else { continue };
        let label = if plot.whole { label.split('.').next().unwrap_or(&label).to_string() } else { label };
        let long = label.chars().count();
        let begin = (margin + 2 + at).saturating_sub(long / 2).min(below.len().saturating_sub(long));
        if begin < free {
            continue;
        }
        axis[at] = down;
        below[begin..begin + long].iter_mut().zip(label.chars()).for_each(|(place, letter)| *place = letter);
        free = begin + long + 1;
    }
    text += &format!("{:margin$} {corner}{}\n", "", axis.into_iter().collect::<String>());
    text += &format!("{}\n", below.into_iter().collect::<String>().trim_end());
    let middle = margin + 2 + (WIDTH.saturating_sub(plot.x_name.chars().count())) / 2;
    text + &format!("{:middle$}{}\n", "", plot.x_name)
}

/// A line of bars, as many as `width`: the mean of each share of `values`, from 0 to the largest. What is not finite counts
/// as 0.
pub(crate) fn sparkline(values: &[f64], width: usize, look: Look) -> String {
    let bars: &[char] = if look.unicode {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &['_', '.', '-', '=', '*', '#']
    };
    let finite = |value: &f64| if value.is_finite() { *value } else { 0.0 };
    let means: Vec<f64> = (0..width.min(values.len()))
        .map(|place| {
            let count = width.min(values.len());
            let share = &values[place * values.len() / count..(place + 1) * values.len() / count];
            share.iter().map(finite).sum::<f64>() / share.len() as f64
        })
        .collect();
    let most = means.iter().copied().fold(0.0, f64::max);
    let bar = |mean: &f64| {
        let part = if most > 0.0 { (mean / most).clamp(0.0, 1.0) } else { 0.0 };
        bars[(part * (bars.len() - 1) as f64 + 1e-9).round() as usize]
    };
    means.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Look = Look { unicode: false, colour: false };
    const DOTS: Look = Look { unicode: true, colour: false };

    fn plot(lines: Vec<Vec<Vec<Point>>>) -> Plot<'static> {
        Plot {
            x: Axis::epochs(10),
            y: Axis::of_schedules([0.0, 1.0].into_iter(), false),
            x_name: "epoch",
            y_name: "rate",
            whole: true,
            lines,
            marks: Vec::new(),
            gone: Vec::new(),
        }
    }

    fn falling() -> Vec<Vec<Point>> {
        vec![(0..=10).map(|x| (f64::from(x), 1.0 - f64::from(x) / 10.0)).collect()]
    }

    /// Columns and rows of the characters of lines.
    fn drawn(text: &str, is: impl Fn(char) -> bool) -> Vec<(usize, usize)> {
        let rows = text.lines().enumerate().filter(|(_, line)| line.contains(['|', '+', '│', '┤']));
        let rows = rows.map(|(row, line)| (row, line.split_once(['|', '+', '│', '┤']).unwrap().1.to_string()));
        rows.flat_map(|(row, line)| {
            line.chars().enumerate().filter(|(_, c)| is(*c)).map(|(column, _)| (column, row)).collect::<Vec<_>>()
        })
        .collect()
    }

    #[test]
    fn a_line_is_where_its_values_are() {
        for (look, is) in
            [(PLAIN, Box::new(|c: char| c == '*') as Box<dyn Fn(char) -> bool>), (DOTS, Box::new(braille))]
        {
            let text = draw(&plot(vec![falling()]), look);
            let ink = drawn(&text, is);
            for column in 0..WIDTH {
                let rows: Vec<usize> = ink.iter().filter(|one| one.0 == column).map(|one| one.1).collect();
                assert!(!rows.is_empty(), "column {column}:\n{text}");
                // The value there, and the row it belongs to; the axis reaches 10 % above 1, the name is a line above.
                let value = 1.0 - column as f64 / (WIDTH - 1) as f64;
                let row = 1.0 + (1.0 - value / 1.1) * HEIGHT as f64;
                assert!(
                    rows.iter().all(|one| (*one as f64 + 0.5 - row).abs() < 1.6),
                    "column {column}: {rows:?} {row}"
                );
            }
        }
    }

    fn braille(c: char) -> bool {
        ('\u{2800}'..='\u{28ff}').contains(&c)
    }

    #[test]
    fn axes_are_labelled_and_lines_short() {
        for look in [PLAIN, DOTS] {
            let text = draw(&plot(vec![falling()]), look);
            assert_eq!(text.is_ascii(), look == PLAIN);
            assert!(text.lines().all(|line| line.chars().count() <= 78 && line.trim_end() == line), "{text}");
            for label in ["rate", "epoch", "0.5", "1.0", " 0 ", " 4 ", "10"] {
                assert!(text.contains(label), "{label}:\n{text}");
            }
        }
    }

    #[test]
    fn several_lines_stay_apart() {
        let constant = vec![vec![(0.0, 0.1), (10.0, 0.1)]];
        let text = draw(&plot(vec![falling(), constant.clone()]), DOTS);
        assert!(text.contains('*') && text.contains('o') && !text.chars().any(braille), "{text}");
        let text = draw(&plot(vec![falling(), constant]), Look { unicode: true, colour: true });
        assert!(text.contains("\u{1b}[34m") && text.contains("\u{1b}[31m"));
        assert_eq!((sample(PLAIN, 1, 2).as_str(), sample(DOTS, 0, 1).as_str()), ("ooo", "⠒⠒⠒"));
    }

    #[test]
    fn marks_and_what_is_gone() {
        let marked =
            Plot { marks: vec![(5.0, 'M'), (5.0, 'E'), (99.0, 'Z')], gone: vec![9.0], ..plot(vec![falling()]) };
        let text = draw(&marked, PLAIN);
        let above = text.lines().nth(1).unwrap();
        assert_eq!((above.find('M').map(|at| at + 1), above.contains('Z')), (above.find('E'), false), "{text}");
        assert!(text.lines().nth(2).unwrap().contains('X'), "{text}");
        assert!(drawn(&text, |c| c == ':').len() >= HEIGHT - 2, "{text}");
    }

    #[test]
    fn nothing_and_extremes_are_drawn() {
        for lines in [vec![], vec![vec![]], vec![vec![vec![]]], vec![vec![vec![(0.0, 1e300), (1e300, -1e300)]]]] {
            assert!(draw(&plot(lines), DOTS).contains("epoch"));
        }
        let one = draw(&plot(vec![vec![vec![(3.0, 0.5)]]]), DOTS);
        assert_eq!(drawn(&one, braille).len(), 1, "{one}");
    }

    #[test]
    fn a_sparkline_has_a_bar_for_each_share() {
        let values: Vec<f64> = (0..=7).map(f64::from).collect();
        assert_eq!(sparkline(&values, 8, DOTS), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[0.0, 2.0, 4.0, 4.0], 2, PLAIN), ".#");
        assert_eq!(sparkline(&[0.0; 3], 9, DOTS), "▁▁▁");
        assert_eq!((sparkline(&[], 9, DOTS).as_str(), sparkline(&[f64::NAN, 1.0], 2, DOTS).as_str()), ("", "▁█"));
    }
}
