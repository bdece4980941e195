//! Successive halving in step: all for few epochs, the best of them for more, and so on.

use super::rungs::{Climber, Rank, Standing, ascending};
use super::{Action, Event, Policy};
use crate::space::Config;

/// Synchronous successive halving (Jamieson & Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter
/// Optimization). Trials go on where they waited, so no epoch is trained twice.
///
/// The whole population is trained up to the first rung. Of the n trials of a rung, once all have come to it, the
/// ⌈n/eta⌉ with the lowest loss so far ([`crate::judged::JudgedCurve::best`]) are trained up to the next one; of equal
/// losses the lower number counts. Those that diverged or failed are among the n but never among the best, so that fewer
/// may go on. A trial that a stop rule ended, or whose config asks for no more epochs, is not resumed: it would give the
/// same again. It keeps its place among the best of the next rung with the loss it has. It ends when the last rung is
/// done or nobody is left.
///
/// What it does depends on what the trials gave, not on when: any number of workers leads to the same grants.
#[derive(Debug, Clone)]
pub struct Halving {
    population: Vec<Config>,
    rungs: Vec<u32>,
    eta: usize,
    /// By number, those that were started.
    trials: Vec<Climber>,
    /// The trials of the current rung.
    field: Vec<u32>,
    rung: usize,
    running: usize,
    finished: bool,
}

impl Halving {
    /// `population` are the trials of the first rung; `rungs` the numbers of epochs after which they are compared,
    /// ascending (see [`super::geometric_rungs`]), of which the last is the most any trial is trained; one of every
    /// `eta` (at least 2) goes on. Without rungs or trials there is nothing to do.
    pub fn new(population: Vec<Config>, rungs: Vec<u32>, eta: u32) -> Halving {
        let (trials, field) = (Vec::new(), Vec::new());
        let (rungs, eta) = (ascending(rungs), eta.max(2) as usize);
        Halving { population, rungs, eta, trials, field, rung: 0, running: 0, finished: false }
    }

    fn start(&mut self) -> Vec<Action> {
        let (Some(&first), Some(&last)) = (self.rungs.first(), self.rungs.last()) else { return Vec::new() };
        let population = std::mem::take(&mut self.population);
        let start = |(number, config): (usize, Config)| {
            let mut trial = Climber::new(&config, last);
            let until = trial.send(first);
            self.trials.push(trial);
            self.field.push(number as u32);
            Action::Start { config, until }
        };
        population.into_iter().enumerate().map(start).collect()
    }

    /// The best of the current rung, best first.
    fn best(&self) -> Vec<u32> {
        let rank = |trial: &u32| Rank { loss: self.trials[*trial as usize].standing.loss(), trial: *trial };
        let mut ranks: Vec<Rank> = self.field.iter().map(rank).collect();
        ranks.sort_unstable();
        ranks.truncate(self.field.len().div_ceil(self.eta));
        let fit = |rank: &Rank| self.trials[rank.trial as usize].standing != Standing::Gone;
        ranks.into_iter().filter(fit).map(|rank| rank.trial).collect()
    }

    /// Sends the best of the current rung to the next one.
    fn climb(&mut self) -> Vec<Action> {
        self.field = self.best();
        self.rung += 1;
        let mut actions = Vec::new();
        for &trial in &self.field {
            let one = &mut self.trials[trial as usize];
            if matches!(one.standing, Standing::Waiting(_)) {
                let until = one.send(self.rungs[self.rung]);
                actions.push(Action::Resume { trial, until });
            }
        }
        actions
    }
}

impl Policy for Halving {
    fn observe(&mut self, event: &Event) {
        let Event::Ended { trial, stopped, curve } = event;
        if self.trials.get_mut(*trial as usize).is_some_and(|one| one.ended(*stopped, curve)) {
            self.running -= 1;
        }
    }

    fn next(&mut self, _free: usize) -> Vec<Action> {
        if self.finished || self.running > 0 {
            return Vec::new();
        }
        let mut actions = if self.trials.is_empty() { self.start() } else { Vec::new() };
        while actions.is_empty() && !self.field.is_empty() && self.rung + 1 < self.rungs.len() {
            actions = self.climb();
        }
        self.running = actions.len();
        if actions.is_empty() {
            self.finished = true;
            actions.push(Action::Finish);
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::JudgedCurve;
    use crate::space::Value;
    use crate::stop::Stopped;

    fn ended(trial: u32, stopped: Stopped, losses: &[f64]) -> Event {
        let losses: Vec<[f64; 1]> = losses.iter().map(|loss| [*loss]).collect();
        Event::Ended { trial, stopped, curve: JudgedCurve::of_losses(&losses) }
    }

    fn resumed(actions: &[Action]) -> Vec<(u32, u32)> {
        let resume = |action: &Action| match action {
            Action::Resume { trial, until } => Some((*trial, *until)),
            _ => None,
        };
        actions.iter().filter_map(resume).collect()
    }

    #[test]
    fn the_best_of_each_rung_go_on_with_ties_by_number() {
        let mut policy = Halving::new(vec![Config::default(); 7], vec![1, 3, 9], 3);
        let starts = policy.next(2);
        assert!(starts.len() == 7 && starts.iter().all(|one| matches!(one, Action::Start { until: 1, .. })));
        let complete = Stopped::Complete;
        for (trial, loss) in [(6, 0.5), (0, 0.9), (4, 0.5), (1, 0.5), (2, 0.7), (3, 0.8)] {
            assert!(policy.next(2).is_empty());
            policy.observe(&ended(trial, complete, &[loss]));
        }
        policy.observe(&ended(5, complete, &[0.4]));
        // ⌈7/3⌉ = 3, best first.
        assert_eq!(resumed(&policy.next(9)), [(5, 3), (1, 3), (4, 3)]);
        // The lowest so far counts, not the last.
        policy.observe(&ended(5, complete, &[0.4, 0.5, 0.6]));
        policy.observe(&ended(4, complete, &[0.5, 0.45, 0.45]));
        policy.observe(&ended(1, complete, &[0.5, 0.3, 0.9]));
        assert_eq!(policy.next(1), [Action::Resume { trial: 1, until: 9 }]);
        policy.observe(&ended(1, complete, &[0.5, 0.3, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]));
        assert_eq!(policy.next(1), [Action::Finish]);
        assert_eq!(policy.next(1), []);
    }

    #[test]
    fn who_cannot_go_on_keeps_its_place_and_the_diverged_have_none() {
        let short = Config::default().with("epochs", Value::Count(2));
        let population = vec![short, Config::default(), Config::default(), Config::default()];
        let mut policy = Halving::new(population, vec![2, 4, 8], 2);
        assert_eq!(policy.next(4).len(), 4);
        // Told anew or of someone unknown, it does not count.
        policy.observe(&ended(9, Stopped::Complete, &[0.0]));
        policy.observe(&ended(3, Stopped::Diverged, &[0.01]));
        policy.observe(&ended(3, Stopped::Complete, &[0.01, 0.01]));
        policy.observe(&ended(0, Stopped::Complete, &[0.1, 0.1]));
        policy.observe(&ended(1, Stopped::Early, &[0.3]));
        assert!(policy.next(4).is_empty());
        policy.observe(&ended(2, Stopped::Complete, &[0.2, 0.2]));
        // Of 0, 2 and 1, in this order, 0 has all its epochs.
        assert_eq!(policy.next(4), [Action::Resume { trial: 2, until: 4 }]);
        policy.observe(&ended(2, Stopped::Complete, &[0.2, 0.2, 0.2, 0.15]));
        assert_eq!(policy.next(4), [Action::Finish], "0 is the best of both and cannot go on");
    }

    #[test]
    fn it_ends_where_nobody_is_left() {
        let mut policy = Halving::new(vec![Config::default(); 2], vec![1, 2], 2);
        policy.next(1);
        policy.observe(&ended(0, Stopped::Failed, &[]));
        policy.observe(&ended(1, Stopped::Diverged, &[]));
        assert_eq!(policy.next(1), [Action::Finish]);
        assert_eq!(Halving::new(vec![], vec![1], 2).next(1), [Action::Finish]);
        assert_eq!(Halving::new(vec![Config::default()], vec![], 2).next(1), [Action::Finish]);
    }
}
