//! A search as a picture: which trials share a line, and how lines are told apart.

use crate::curves::{Curves, Line, Mark, Rows, Shape, rates};
use crate::label;
use crate::legend::{Entry, Swatch};
use crate::mean::{chosen, mean_curve};
use crate::number;
use crate::palette;
use crate::setting;
use opportune_core::memory::{TrialResult, mean_and_std};
use opportune_core::observation::Observation;
use opportune_core::score::Score;
use opportune_core::stop::Stopped;

/// So many rates, and so many networks, have rows of their own in the legend.
const ROWS: usize = 12;

/// Trials that lie on one line: the first is the longest.
struct Shared<'a> {
    trials: Vec<&'a TrialResult>,
    curve: Vec<Observation>,
}

/// Trials that differ in nothing but their epochs and agree in those they have in common, by the longest one's number.
fn shared(results: &[TrialResult]) -> Vec<Shared<'_>> {
    let mut order: Vec<(&TrialResult, Vec<Observation>)> = results.iter().map(|one| (one, mean_curve(one))).collect();
    order.retain(|(_, curve)| !curve.is_empty());
    order.sort_by_key(|(one, curve)| (std::cmp::Reverse(curve.len()), one.trial));
    let settings = |one: &TrialResult| -> Vec<(String, String)> {
        let all = one.config.iter().filter(|(name, _)| *name != "epochs");
        all.map(|(name, value)| (name.to_string(), value.to_string())).collect()
    };
    let mut lines: Vec<Shared<'_>> = Vec::new();
    for (trial, curve) in order {
        let fits = |line: &&mut Shared<'_>| {
            settings(line.trials[0]) == settings(trial) && curve.iter().zip(&line.curve).all(|(a, b)| agree(a, b))
        };
        match lines.iter_mut().find(fits) {
            Some(line) => line.trials.push(trial),
            None => lines.push(Shared { trials: vec![trial], curve }),
        }
    }
    lines.sort_by_key(|line| line.trials[0].trial);
    lines
}

/// Whether two mean epochs show the same numbers; those that are not finite are equal.
fn agree(a: &Observation, b: &Observation) -> bool {
    let values = |one: &Observation| {
        let (loss, score) = one.validation.map_or((f64::NAN, f64::NAN), |v| (v.loss, v.score));
        [one.train_loss, one.train_score, loss, score].map(|value| value.is_finite().then(|| value.to_bits()))
    };
    a.epoch == b.epoch && values(a) == values(b)
}

/// How lines are told apart: by colour if rates differ, and by dash, or by colour too if they do not.
struct Looks {
    rates: Vec<f64>,
    /// Settings other than rate and epochs that differ.
    names: Vec<String>,
    /// Their combinations, in the order of the lines.
    kinds: Vec<String>,
}

impl Looks {
    fn of(lines: &[Shared<'_>]) -> Looks {
        let firsts: Vec<TrialResult> = lines.iter().map(|line| line.trials[0].clone()).collect();
        let mut names = setting::varying(&firsts);
        names.retain(|name| name != "lr" && name != "epochs");
        let mut looks = Looks { rates: firsts.iter().filter_map(rate).collect(), names, kinds: Vec::new() };
        looks.rates.sort_by(f64::total_cmp);
        looks.rates.dedup();
        for one in &firsts {
            let kind = looks.kind(one);
            if !looks.kinds.contains(&kind) {
                looks.kinds.push(kind);
            }
        }
        looks
    }

    /// What a trial is besides its rate and epochs, in words.
    fn kind(&self, one: &TrialResult) -> String {
        match self.names.as_slice() {
            [only] => setting::brief(one, only),
            names => {
                let part = |name: &String| format!("{name} {}", setting::brief(one, name));
                names.iter().map(part).collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn place(&self, one: &TrialResult) -> usize {
        let kind = self.kind(one);
        self.kinds.iter().position(|other| *other == kind).unwrap_or(0)
    }

    fn by_rate(&self) -> bool {
        self.rates.len() > 1
    }

    fn colour(&self, one: &TrialResult) -> String {
        match rate(one) {
            _ if !self.by_rate() => palette::kind(self.place(one)),
            Some(rate) => palette::scale(rate, self.rates[0], self.rates[self.rates.len() - 1]),
            None => palette::NEUTRAL.to_string(),
        }
    }

    fn dash(&self, one: &TrialResult) -> &'static str {
        palette::dash(if self.by_rate() { self.place(one) } else { 0 })
    }

    fn legend(&self) -> Vec<Entry> {
        let mut legend = Vec::new();
        if self.by_rate() {
            let (low, high) = (self.rates[0], self.rates[self.rates.len() - 1]);
            let all = self.rates.len();
            let shown: Vec<f64> = if all <= ROWS {
                self.rates.clone()
            } else {
                (0..ROWS).map(|row| self.rates[row * (all - 1) / (ROWS - 1)]).collect()
            };
            let more = if all > ROWS { format!(" ({ROWS} of {all})") } else { String::new() };
            legend.push(Entry::heading(format!("learning rate{more}")));
            // Largest above, as on the axis.
            legend.extend(
                shown.iter().rev().map(|&rate| {
                    Entry::new(Swatch::Line(palette::scale(rate, low, high), "", 3.0), number::rate(rate))
                }),
            );
        }
        if self.kinds.len() > 1 {
            legend.push(Entry::heading(if self.names.len() == 1 { self.names[0].as_str() } else { "settings" }));
            legend.extend(self.kinds.iter().enumerate().take(ROWS).map(|(index, kind)| {
                let swatch = if self.by_rate() {
                    Swatch::Line(palette::NEUTRAL.to_string(), palette::dash(index), 1.6)
                } else {
                    Swatch::Line(palette::kind(index), "", 3.0)
                };
                Entry::new(swatch, if kind.is_empty() { number::NONE } else { kind.as_str() })
            }));
            if self.kinds.len() > ROWS {
                legend.push(Entry::new(Swatch::None, format!("… and {} more", self.kinds.len() - ROWS)));
            }
        }
        legend
    }
}

/// The rate a trial was given; `None` where its schedule has rates of its own.
fn rate(one: &TrialResult) -> Option<f64> {
    one.config.get("lr").and_then(|value| value.number()).filter(|rate| *rate > 0.0 && rate.is_finite())
}

impl Curves {
    /// A search: the mean curve over folds of each trial on validation rows (training rows if there are none), coloured
    /// by rate, other settings told apart by dash. Trials that differ only in their number of epochs and agree where
    /// they overlap are one line, with a dot where each ends; `best` is thick, its chosen epoch marked; what diverged
    /// ends in a cross. `title` and `subtitle` are cut if they are too long.
    pub fn of_search(title: &str, subtitle: &str, score: Score, results: &[TrialResult], best: Option<u32>) -> Curves {
        let mut lines = shared(results);
        let looks = Looks::of(&lines);
        let has_best = |line: &Shared<'_>| line.trials.iter().any(|one| Some(one.trial) == best);
        lines.sort_by_key(has_best);
        let validated = lines.iter().any(|line| line.curve.iter().any(|one| one.validation.is_some()));
        let rows = if validated { Rows::Validation } else { Rows::Training };
        let mut drawn: Vec<Line> = Vec::new();
        for line in &lines {
            let first = line.trials[0];
            drawn.push(Line {
                series: rows.name(),
                trial: first.trial,
                fold: None,
                points: rows.points(&line.curve),
                colour: looks.colour(first),
                dash: looks.dash(first),
                width: if has_best(line) { 3.2 } else { 1.3 },
                opacity: if has_best(line) { 1.0 } else { 0.85 },
                marks: marks(line, best),
            });
        }
        drawn.extend(courses(&lines, &drawn));

        let best_result = results.iter().find(|one| Some(one.trial) == best);
        let mut legend = looks.legend();
        if let Some(one) = best_result {
            legend.push(Entry::heading(format!("best: trial {}", one.trial)));
            let (colour, dash) = (looks.colour(one), looks.dash(one));
            let setting = |name: &String| format!("{name} {}", setting::brief(one, name));
            let mut texts: Vec<String> = setting::varying(results).iter().map(setting).collect();
            let (mean, std) = mean_and_std(&one.scores());
            texts.push(format!("{} {}", label::score(score), number::score(mean)));
            let folds = one.folds.len();
            texts.extend(std.map(|std| format!("± {} over {folds} folds", number::score(std))));
            let swatch = |index| if index == 0 { Swatch::Line(colour.clone(), dash, 3.2) } else { Swatch::None };
            legend.extend(texts.into_iter().enumerate().map(|(index, text)| Entry::new(swatch(index), text)));
        }
        let shown = |shape: Shape| drawn.iter().any(|line| line.marks.iter().any(|mark| mark.shape == shape));
        let all = [(Shape::Chosen, "epoch that counts"), (Shape::End, "end of a trial"), (Shape::Cross, "diverged")];
        let meanings: Vec<(Shape, &str)> = all.into_iter().filter(|(shape, _)| shown(*shape)).collect();
        if !meanings.is_empty() {
            legend.push(Entry::heading("marks"));
        }
        legend.extend(meanings.iter().map(|(shape, text)| {
            let colour = best_result.map_or(palette::NEUTRAL.to_string(), |one| looks.colour(one));
            let swatch = if *shape == Shape::Chosen { Swatch::Chosen(colour) } else { Swatch::End(*shape) };
            Entry::new(swatch, *text)
        }));
        let names = [format!("{} loss", rows.name()), format!("{} {}", rows.name(), label::score(score))];
        Curves {
            title: title.into(),
            subtitle: subtitle.into(),
            names,
            score,
            compare: true,
            lines: drawn,
            chosen: None,
            legend,
        }
    }
}

/// The courses of the rate, each once: of several lines on top of one another only the last would be seen. What the
/// trials of a course do not have in common, colour or dash, it does not show.
fn courses(lines: &[Shared<'_>], drawn: &[Line]) -> Vec<Line> {
    let mut courses: Vec<Line> = Vec::new();
    for (line, look) in lines.iter().zip(drawn) {
        let course = rates(&line.curve);
        match courses.iter_mut().find(|other| other.points[2] == course) {
            Some(other) => {
                if other.dash != look.dash {
                    other.dash = "";
                }
                if other.colour != look.colour {
                    other.colour = palette::NEUTRAL.to_string();
                }
                other.width = look.width;
            }
            None => {
                let points = [Vec::new(), Vec::new(), course];
                courses.push(Line { series: "rate", points, marks: Vec::new(), ..look.clone() });
            }
        }
    }
    courses
}

/// A dot or cross where each trial ends, and the epoch that counts of the best.
fn marks(line: &Shared<'_>, best: Option<u32>) -> Vec<Mark> {
    let mut marks = Vec::new();
    for one in &line.trials {
        let end = mean_curve(one).len() as u32;
        let diverged = one.stopped() == Stopped::Diverged;
        let shape = if diverged { Shape::Cross } else { Shape::End };
        marks.push(Mark { epoch: end, shape, trial: Some(one.trial) });
        if Some(one.trial) == best && !diverged {
            // Where folds chose different epochs, the mean curve has no epoch that counts but its end.
            let epoch = chosen(one).unwrap_or(end);
            marks.push(Mark { epoch, shape: Shape::Chosen, trial: Some(one.trial) });
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{count, falling, fold, number, trial};
    use opportune_core::space::Value;

    fn one(n: u32, rate: f64, hidden: &[u32], epochs: u32, stopped: Stopped) -> TrialResult {
        let config = [("lr", number(rate)), ("hidden", Value::Layers(hidden.to_vec())), ("epochs", count(epochs))];
        let mut curve = falling(epochs, rate * hidden.len() as f64, 0.1);
        if stopped == Stopped::Diverged {
            curve.push((f64::INFINITY, f64::NAN));
        }
        let end = curve.len() as u32;
        trial(n, &config, (0..2).map(|part| fold(part, stopped, end, &curve)).collect())
    }

    fn grid() -> Vec<TrialResult> {
        vec![
            one(0, 0.01, &[100], 10, Stopped::Complete),
            one(1, 0.01, &[100], 30, Stopped::Complete),
            one(2, 0.01, &[100], 20, Stopped::Complete),
            one(3, 0.1, &[100], 10, Stopped::Complete),
            one(4, 0.01, &[50, 50], 10, Stopped::Complete),
            one(5, 1.0, &[50, 50], 3, Stopped::Diverged),
        ]
    }

    #[test]
    fn trials_that_differ_in_epochs_only_share_a_line() {
        let results = grid();
        let lines = shared(&results);
        let trials: Vec<Vec<u32>> =
            lines.iter().map(|line| line.trials.iter().map(|one| one.trial).collect()).collect();
        assert_eq!(trials, [vec![1, 2, 0], vec![3], vec![4], vec![5]]);
        assert_eq!(lines[0].curve.len(), 30);
    }

    #[test]
    fn trials_that_do_not_agree_do_not_share_a_line() {
        let mut results = grid();
        results[2].folds[1].curve[4].train_loss += 1e-12;
        assert_eq!(shared(&results).len(), 5);
    }

    #[test]
    fn colours_follow_rates_and_dashes_the_rest() {
        let curves = Curves::of_search("t", "", Score::Accuracy, &grid(), Some(2));
        let line = |trial: u32| curves.lines.iter().find(|line| line.trial == trial).unwrap();
        assert_eq!(line(1).colour, line(4).colour);
        assert_ne!(line(1).colour, line(3).colour);
        assert_eq!(line(1).dash, line(3).dash);
        assert_ne!(line(1).dash, line(4).dash);
        let top = curves.lines.iter().rfind(|line| line.series == "validation");
        assert_eq!(top, Some(line(1)));
        assert!(line(1).width > line(3).width);
        let marks: Vec<(u32, Shape)> = line(1).marks.iter().map(|mark| (mark.epoch, mark.shape)).collect();
        assert_eq!(marks, [(30, Shape::End), (20, Shape::End), (20, Shape::Chosen), (10, Shape::End)]);
        assert_eq!(line(5).marks[0].shape, Shape::Cross);
    }

    #[test]
    fn kinds_without_rates_have_colours_of_their_own() {
        let results = [one(0, 0.01, &[10], 5, Stopped::Complete), one(1, 0.01, &[20], 5, Stopped::Complete)];
        let curves = Curves::of_search("t", "", Score::Accuracy, &results, None);
        assert_ne!(curves.lines[0].colour, curves.lines[1].colour);
        assert_eq!((curves.lines[0].dash, curves.lines[1].dash), ("", ""));
        let rates = curves.lines.iter().filter(|line| !line.points[2].is_empty()).count();
        assert_eq!(rates, 1);
    }
}
