//! Schedules for people: the rate over a run as a table and as pictures, what kinds there are, and the gallery.

mod gallery;
mod list;
mod picture;
mod table;

pub use gallery::gallery;
pub use list::{kind_json, schedule_list};
pub use picture::{rates_svg, rates_terminal};
pub use table::rates_table;

use crate::thin::{Point, level, thin};
use opportune_core::schedule::{Resolved, Schedule, Setting};

/// Up to so many ticks are drawn one by one, as stairs; of more, only ends and extremes of so many pieces.
const STAIRS: u64 = 4_000;
const PIECES: u64 = 1_000;

/// A schedule over one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    text: String,
    resolved: Resolved,
    epochs: u32,
    cycles_momentum: bool,
}

impl Course {
    /// `resolved` is `schedule` for a run of `epochs` epochs, at least 1.
    pub fn new(schedule: &Schedule, resolved: Resolved, epochs: u32) -> Course {
        let cycles_momentum = schedule.cycles_momentum();
        Course { text: schedule.brief(), resolved, epochs: epochs.max(1), cycles_momentum }
    }

    /// Optimizer steps of the run.
    pub fn steps(&self) -> u64 {
        u64::from(self.epochs) * u64::from(self.resolved.steps_per_epoch())
    }

    /// The rate of each optimizer step.
    pub fn rates(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.steps()).map(|step| self.resolved.at(step).rate)
    }

    /// How often the rate may change: as many times as there are epochs or steps.
    fn ticks(&self) -> u64 {
        if self.resolved.held_per_epoch() { u64::from(self.epochs) } else { self.steps() }
    }

    /// The setting of a tick.
    fn at_tick(&self, tick: u64) -> Setting {
        self.resolved.at(tick * (self.steps() / self.ticks()))
    }

    /// A value over the epochs passed, as a line: held from each tick to the next.
    fn line(&self, value: impl Fn(Setting) -> f64) -> Vec<Point> {
        let ticks = self.ticks();
        let at = |tick: u64| tick as f64 * f64::from(self.epochs) / ticks as f64;
        if ticks <= STAIRS {
            let stairs = (0..ticks).flat_map(|tick| {
                let value = value(self.at_tick(tick));
                [(at(tick), value), (at(tick + 1), value)]
            });
            return level(&stairs.collect::<Vec<_>>());
        }
        let size = ticks.div_ceil(PIECES);
        let pieces = (0..ticks).step_by(size as usize).flat_map(|first| {
            let piece = first..(first + size).min(ticks);
            thin(&piece.map(|tick| (at(tick), value(self.at_tick(tick)))).collect::<Vec<_>>(), 4)
        });
        level(&pieces.collect::<Vec<_>>())
    }

    fn rate_line(&self) -> Vec<Point> {
        self.line(|setting| setting.rate)
    }

    fn momentum_line(&self) -> Vec<Point> {
        self.line(|setting| setting.momentum.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
pub(crate) fn sample(text: &str, lr: Option<f64>, steps_per_epoch: u32, epochs: u32) -> Course {
    let schedule: Schedule = text.parse().unwrap();
    Course::new(&schedule, schedule.resolve(lr, steps_per_epoch, epochs).unwrap(), epochs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_held_until_the_next_tick() {
        let held = sample("step(every=2, gamma=0.5)", Some(1.0), 10, 5);
        assert_eq!((held.steps(), held.ticks()), (50, 5));
        assert_eq!(held.rate_line(), [(0.0, 1.0), (2.0, 1.0), (2.0, 0.5), (4.0, 0.5), (4.0, 0.25), (5.0, 0.25)]);
        let by_step = sample("linear(from=1, to=0, per=step)", Some(1.0), 4, 2);
        let line = by_step.rate_line();
        assert_eq!(
            (by_step.ticks(), line[0], line[2], *line.last().unwrap()),
            (8, (0.0, 1.0), (0.25, 0.875), (2.0, 0.125))
        );
        assert_eq!(by_step.rates().collect::<Vec<_>>()[7], 0.125);
    }

    #[test]
    fn a_long_run_keeps_ends_and_extremes() {
        let long = sample("cyclic(base=0.1, max=1, up=3333 steps, per=step)", None, 1000, 100);
        let line = long.rate_line();
        assert!(line.len() <= 4 * PIECES as usize + 4, "{}", line.len());
        let most = line.iter().map(|point| point.1).fold(0.0, f64::max);
        assert_eq!((line[0], most), ((0.0, 0.1), 1.0));
        assert!(line.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
