//! What a picture of learning curves shows: lines with their marks, and the legend. How it looks is in `draw`.

use crate::label;
use crate::legend::{Entry, Swatch};
use crate::mean::{chosen, mean_curve};
use crate::number;
use crate::palette;
use crate::thin::Point;
use opportune_core::memory::TrialResult;
use opportune_core::observation::Observation;
use opportune_core::score::Score;
use opportune_core::stop::Stopped;

/// A picture of learning curves: loss, score and learning rate by epoch, above one another. Made by
/// [`Curves::of_fit`] or [`Curves::of_search`], drawn by [`crate::curves_svg`].
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Beside the axes of loss and score.
    pub(crate) names: [String; 2],
    pub(crate) score: Score,
    /// Whether lines are compared by where they end.
    pub(crate) compare: bool,
    /// Drawn in this order, the last one on top.
    pub(crate) lines: Vec<Line>,
    /// The epoch that a vertical line marks.
    pub(crate) chosen: Option<u32>,
    pub(crate) legend: Vec<Entry>,
}

/// The panels, from above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panel {
    Loss,
    Score,
    Rate,
}

impl Panel {
    pub(crate) const ALL: [Panel; 3] = [Panel::Loss, Panel::Score, Panel::Rate];

    /// As it is named in the picture's data attributes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Panel::Loss => "loss",
            Panel::Score => "score",
            Panel::Rate => "rate",
        }
    }
}

/// A line in each of the panels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// `training`, `validation` or `rate`.
    pub(crate) series: &'static str,
    /// Whose: the longest of the trials that share it.
    pub(crate) trial: u32,
    /// Of one fold; `None` of the mean over folds.
    pub(crate) fold: Option<u32>,
    /// Epoch and value, in the order of [`Panel::ALL`]; empty where the line is not in a panel.
    pub(crate) points: [Vec<Point>; 3],
    pub(crate) colour: String,
    /// SVG's stroke-dasharray.
    pub(crate) dash: &'static str,
    /// Of the stroke, in pixels.
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    pub(crate) marks: Vec<Mark>,
}

/// Something at an epoch of a line, in the panels of loss and score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub(crate) epoch: u32,
    pub(crate) shape: Shape,
    /// The trial that ends here.
    pub(crate) trial: Option<u32>,
}

/// How a mark looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A small dot: a trial ends.
    End,
    /// A bar across the line: stopped before the last epoch.
    Stop,
    /// A cross at the last finite value: diverged.
    Cross,
    /// A large dot with its value: the epoch that counts.
    Chosen,
}

/// Which of an epoch's values a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Training,
    Validation,
}

impl Rows {
    /// The series' name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Rows::Training => "training",
            Rows::Validation => "validation",
        }
    }

    /// Loss and score by epoch, and no rate.
    pub(crate) fn points(self, curve: &[Observation]) -> [Vec<Point>; 3] {
        let values = |one: &Observation| match self {
            Rows::Training => (one.train_loss, one.train_score),
            Rows::Validation => one.validation.map_or((f64::NAN, f64::NAN), |v| (v.loss, v.score)),
        };
        let epoch = |one: &Observation| f64::from(one.epoch);
        let loss = curve.iter().map(|one| (epoch(one), values(one).0)).collect();
        let score = curve.iter().map(|one| (epoch(one), values(one).1)).collect();
        [loss, score, Vec::new()]
    }
}

/// The rate by epoch.
pub(crate) fn rates(curve: &[Observation]) -> Vec<Point> {
    curve.iter().map(|one| (f64::from(one.epoch), one.rate)).collect()
}

impl Curves {
    /// One training: lines for training and validation rows, faint ones for each fold if there are several, the rate,
    /// the chosen epoch, and where it stopped early or diverged. `title` and `subtitle` are cut if they are too long.
    pub fn of_fit(title: &str, subtitle: &str, score: Score, result: &TrialResult) -> Curves {
        let mean = mean_curve(result);
        let validated = mean.iter().any(|one| one.validation.is_some());
        let both = [(Rows::Training, palette::TRAINING), (Rows::Validation, palette::VALIDATION)];
        let shown = &both[..if validated { 2 } else { 1 }];
        let stopped = result.stopped();
        let end = match stopped {
            Stopped::Complete => None,
            Stopped::Diverged | Stopped::Failed => Some(Shape::Cross),
            Stopped::Early | Stopped::Converged => Some(Shape::Stop),
        };
        let last = mean.last().map(|one| one.epoch);
        let chosen = chosen(result).filter(|epoch| stopped != Stopped::Diverged && Some(*epoch) <= last);

        let line = |rows: Rows, colour: &str| Line {
            series: rows.name(),
            trial: result.trial,
            fold: None,
            points: rows.points(&mean),
            colour: colour.to_string(),
            dash: "",
            width: 2.0,
            opacity: 1.0,
            marks: Vec::new(),
        };
        let mut lines = Vec::new();
        let mut legend = Vec::new();
        if result.folds.len() > 1 {
            legend.push(Entry::heading("mean over folds"));
        }
        for (rows, colour) in shown {
            if result.folds.len() > 1 {
                lines.extend(result.folds.iter().enumerate().map(|(fold, one)| Line {
                    fold: Some(fold as u32),
                    points: rows.points(&one.curve),
                    width: 1.0,
                    opacity: 0.3,
                    ..line(*rows, colour)
                }));
            }
            legend.push(Entry::new(Swatch::Line(colour.to_string(), "", 2.0), rows.name()));
        }
        if result.folds.len() > 1 {
            let faint = Swatch::Line("#bbbbbb".to_string(), "", 1.0);
            legend.push(Entry::new(faint, format!("each of {} folds", result.folds.len())));
        }
        let count = shown.len();
        lines.extend(shown.iter().enumerate().map(|(index, (rows, colour))| {
            let mut marks: Vec<Mark> = Vec::new();
            marks.extend(end.zip(last).map(|(shape, epoch)| Mark { epoch, shape, trial: Some(result.trial) }));
            let counts = chosen.filter(|_| index + 1 == count);
            marks.extend(counts.map(|epoch| Mark { epoch, shape: Shape::Chosen, trial: None }));
            Line { marks, ..line(*rows, colour) }
        }));
        let rate =
            Line { series: "rate", points: [vec![], vec![], rates(&mean)], ..line(Rows::Training, palette::NEUTRAL) };
        lines.push(Line { width: 1.6, ..rate });

        legend.push(Entry::heading("epochs"));
        let at = |epoch: u32| mean.get((epoch as usize).wrapping_sub(1));
        if let Some(one) = chosen.and_then(at) {
            let what = if chosen == last { "last" } else { "chosen" };
            let swatch = Swatch::Chosen(shown[count - 1].1.to_string());
            legend.push(Entry::new(swatch, format!("{what}: epoch {}", one.epoch)));
            let value = one.validation.map_or(one.train_score, |v| v.score);
            legend.push(Entry::new(Swatch::None, format!("{} {}", label::score(score), number::score(value))));
        }
        if let (Some(shape), Some(last)) = (end, last) {
            legend.push(Entry::new(Swatch::End(shape), format!("{}: epoch {last}", label::stopped(stopped))));
        } else if let Some(last) = last.filter(|_| chosen != last) {
            legend.push(Entry::new(Swatch::None, format!("trained: {}", label::counted(last as usize, "epoch"))));
        }
        // At the axis's end the dot says it.
        let chosen = chosen.filter(|_| chosen != last);
        let names = ["loss".to_string(), label::score(score).to_string()];
        Curves { title: title.into(), subtitle: subtitle.into(), names, score, compare: false, lines, chosen, legend }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{falling, fold, trial, unvalidated};

    fn marks(curves: &Curves, series: &str) -> Vec<(u32, Shape)> {
        let lines = curves.lines.iter().filter(|line| line.series == series && line.fold.is_none());
        lines.flat_map(|line| &line.marks).map(|mark| (mark.epoch, mark.shape)).collect()
    }

    #[test]
    fn an_early_stop_marks_its_end_and_the_epoch_that_counts() {
        let result = trial(0, &[], vec![fold(0, Stopped::Early, 7, &falling(9, 0.1, 0.1))]);
        let curves = Curves::of_fit("t", "", Score::Accuracy, &result);
        assert_eq!(marks(&curves, "training"), [(9, Shape::Stop)]);
        assert_eq!(marks(&curves, "validation"), [(9, Shape::Stop), (7, Shape::Chosen)]);
        assert_eq!(curves.chosen, Some(7));
        let text = crate::curves_svg(&curves);
        assert!(text.contains(">chosen: epoch 7<") && text.contains(">stopped early: epoch 9<"));
    }

    #[test]
    fn a_complete_training_without_validation_marks_its_last_epoch() {
        let result = trial(0, &[], vec![unvalidated(fold(0, Stopped::Complete, 9, &falling(9, 0.1, 0.1)))]);
        let curves = Curves::of_fit("t", "", Score::Accuracy, &result);
        assert_eq!(marks(&curves, "training"), [(9, Shape::Chosen)]);
        assert_eq!((curves.chosen, curves.lines.len()), (None, 2));
        assert!(crate::curves_svg(&curves).contains(">last: epoch 9<"));
    }

    #[test]
    fn what_diverged_has_no_epoch_that_counts() {
        let mut curve = falling(3, 0.1, 0.1);
        curve.push((f64::NAN, f64::NAN));
        let result = trial(0, &[], vec![fold(0, Stopped::Diverged, 4, &curve)]);
        let curves = Curves::of_fit("t", "", Score::Accuracy, &result);
        assert_eq!(marks(&curves, "validation"), [(4, Shape::Cross)]);
        assert!(crate::curves_svg(&curves).contains(">diverged: epoch 4<"));
    }
}
