//! Where the panels lie, and how values become pixels.

use crate::axis::Axis;
use crate::curves::{Curves, Line, Panel};
use crate::legend;
use crate::thin::Point;

/// Of the picture.
pub(crate) const WIDTH: f64 = 900.0;
/// Edges of the panels of curves.
pub(crate) const LEFT: f64 = 78.0;
pub(crate) const RIGHT: f64 = WIDTH - legend::WIDTH - 34.0;
/// Of the first panel.
pub(crate) const TOP: f64 = 78.0;
/// Between two panels.
const GAP: f64 = 26.0;

/// Where a panel is, and which values it shows.
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) height: f64,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Frame {
    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(crate) fn pixel(&self, (x, y): Point) -> Point {
        (self.left + self.x.place(x) * (self.right - self.left), self.bottom() - self.y.place(y) * self.height)
    }

    pub(crate) fn inside(&self, (x, y): Point) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom()).contains(&y)
    }
}

/// The panels of a picture, from above.
pub(crate) fn frames(curves: &Curves) -> Vec<(Panel, Frame)> {
    let last = curves.lines.iter().flat_map(|line| &line.points).filter_map(|points| points.last());
    let last = last.map(|point| point.0 as u32).max().unwrap_or(1);
    let mut top = TOP;
    let frame = |panel: Panel| {
        let values = |line: &Line| line.points[panel as usize].iter().map(|point| point.1).collect::<Vec<f64>>();
        let values: Vec<Vec<f64>> = curves.lines.iter().map(values).collect();
        let (y, height) = match panel {
            Panel::Loss => (Axis::of_losses(&values), 226.0),
            Panel::Score => (Axis::of_scores(&values, curves.score, curves.compare), 226.0),
            Panel::Rate => (Axis::of_rates(&values), 104.0),
        };
        let frame = Frame { left: LEFT, right: RIGHT, top, height, x: Axis::epochs(last), y };
        top = frame.bottom() + GAP;
        (panel, frame)
    };
    Panel::ALL.into_iter().map(frame).collect()
}
