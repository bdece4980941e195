//! A number of points that a sampler draws, each for as many epochs as it asks for.

use super::{Action, Event, Policy, epochs_of};
use crate::sampler::Sampler;
use crate::space::Space;

/// Starts the points of a sampler one after the other, as there is room: random search, Sobol's sequence. None is cut
/// short; a point that comes up again costs nothing where shared epochs are trained once.
pub struct Sampled {
    space: Space,
    sampler: Box<dyn Sampler>,
    trials: u32,
    epochs: u32,
    started: u32,
    finished: bool,
}

impl Sampled {
    /// The first `trials` points of `space` that `sampler` draws; one without `epochs` of its own is trained for
    /// `epochs`.
    pub fn new(space: Space, sampler: Box<dyn Sampler>, trials: u32, epochs: u32) -> Sampled {
        Sampled { space, sampler, trials, epochs, started: 0, finished: false }
    }
}

impl Policy for Sampled {
    fn observe(&mut self, _event: &Event) {}

    fn next(&mut self, free: usize) -> Vec<Action> {
        if self.finished {
            return Vec::new();
        }
        let from = self.started;
        let room = u32::try_from(free).unwrap_or(u32::MAX);
        self.started = self.trials.min(from.saturating_add(room));
        let start = |trial: u32| {
            let config = self.sampler.sample(&self.space, trial);
            let until = epochs_of(&config).unwrap_or(self.epochs);
            Action::Start { config, until }
        };
        let mut actions: Vec<Action> = (from..self.started).map(start).collect();
        if self.started == self.trials {
            self.finished = true;
            actions.push(Action::Finish);
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::{Random, Sobol};
    use crate::space::{Param, Value};

    #[test]
    fn starts_as_there_is_room_and_draws_by_number() {
        let space = Space(vec![Param::list("epochs", (1..=8).map(Value::Count).collect())]);
        let sampler = Random { seed: 1 };
        let mut policy = Sampled::new(space.clone(), Box::new(sampler), 5, 9);
        let start = |trial: u32| {
            let config = sampler.sample(&space, trial);
            let until = config.get("epochs").and_then(Value::count).unwrap();
            Action::Start { config, until }
        };
        assert_eq!(policy.next(2), [start(0), start(1)]);
        assert_eq!(policy.next(0), []);
        assert_eq!(policy.next(9), [start(2), start(3), start(4), Action::Finish]);
        assert_eq!(policy.next(9), []);
    }

    #[test]
    fn a_point_without_epochs_gets_those_of_the_study() {
        let mut policy = Sampled::new(Space::default(), Box::new(Sobol::new(1)), 1, 9);
        assert!(matches!(policy.next(1)[..], [Action::Start { until: 9, .. }, Action::Finish]));
        assert_eq!(Sampled::new(Space::default(), Box::new(Sobol::new(1)), 0, 9).next(1), [Action::Finish]);
    }
}
