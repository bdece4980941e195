//! Successive halving out of step: whoever is among the best of those that came so far goes on at once.

use super::rungs::{Climber, Rank, Standing, ascending};
use super::{Action, Event, Policy};
use crate::sampler::Sampler;
use crate::space::Space;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Asynchronous successive halving (Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning), with trials
/// that go on where they waited.
///
/// Whenever there is room, the rungs are looked at from the last but one down to the first: the best trial that is among
/// the ⌊n/eta⌋ best of the n that came to the rung so far, by their lowest loss up to it
/// ([`crate::judged::JudgedCurve::best`], of equals the lower number), and has not been sent on, is trained up to the next
/// rung. If there is none, a new trial is started, as long as there are any. Those that diverged or failed count among
/// the n and are never sent on. A trial that a stop rule ended, or whose config asks for no more epochs, is sent on
/// without training: it comes to the next rung with the loss it has. It ends when all trials have and nobody can be sent
/// on; fewer than `eta` trials stay on the first rung.
///
/// What it does depends on the order in which trials end.
pub struct Asha {
    space: Space,
    sampler: Box<dyn Sampler>,
    /// Trials that are still to be started.
    fresh: u32,
    epochs: Vec<u32>,
    /// By number: how it stands, and the rung it was sent to last.
    trials: Vec<(Climber, usize)>,
    /// All but the last, from which nobody is sent on.
    rungs: Vec<Rung>,
    running: usize,
    finished: bool,
}

impl Asha {
    /// The first `trials` points of `space` that `sampler` draws; `rungs` and `eta` as in [`super::Halving::new`].
    pub fn new(space: Space, sampler: Box<dyn Sampler>, trials: u32, rungs: Vec<u32>, eta: u32) -> Asha {
        let epochs = ascending(rungs);
        let rung = |_: &[u32]| Rung { eta: eta.max(2) as usize, ..Rung::default() };
        let rungs = epochs.windows(2).map(rung).collect();
        let fresh = if epochs.is_empty() { 0 } else { trials };
        Asha { space, sampler, fresh, epochs, trials: Vec::new(), rungs, running: 0, finished: false }
    }

    /// A trial has come to a rung.
    fn came(&mut self, trial: u32, rung: usize) {
        self.trials[trial as usize].1 = rung;
        let standing = self.trials[trial as usize].0.standing;
        if let Some(rung) = self.rungs.get_mut(rung) {
            rung.insert(Rank { loss: standing.loss(), trial }, standing != Standing::Gone);
        }
    }

    /// Sends the next trial on, if there is one.
    fn promote(&mut self) -> Option<Action> {
        // Who comes to a rung without training may be sent on again, and push others up.
        while let Some((rung, trial)) = (0..self.rungs.len()).rev().find_map(|at| Some((at, self.rungs[at].take()?))) {
            let (one, to) = &mut self.trials[trial as usize];
            if let Standing::Waiting(_) = one.standing {
                *to = rung + 1;
                return Some(Action::Resume { trial, until: one.send(self.epochs[rung + 1]) });
            }
            self.came(trial, rung + 1);
        }
        None
    }

    fn start(&mut self) -> Option<Action> {
        let (first, last) = (*self.epochs.first()?, *self.epochs.last()?);
        self.fresh = self.fresh.checked_sub(1)?;
        let config = self.sampler.sample(&self.space, self.trials.len() as u32);
        let mut trial = Climber::new(&config, last);
        let until = trial.send(first);
        self.trials.push((trial, 0));
        Some(Action::Start { config, until })
    }
}

impl Policy for Asha {
    fn observe(&mut self, event: &Event) {
        let Event::Ended { trial, stopped, curve } = event;
        let Some((one, rung)) = self.trials.get_mut(*trial as usize) else { return };
        if one.ended(*stopped, curve) {
            self.running -= 1;
            let rung = *rung;
            self.came(*trial, rung);
        }
    }

    fn next(&mut self, free: usize) -> Vec<Action> {
        if self.finished {
            return Vec::new();
        }
        let mut actions = Vec::new();
        while actions.len() < free {
            let Some(action) = self.promote().or_else(|| self.start()) else { break };
            actions.push(action);
        }
        self.running += actions.len();
        // With room and nothing to do, only what is being trained could lead to more.
        if free > 0 && self.running == 0 {
            self.finished = true;
            actions.push(Action::Finish);
        }
        actions
    }
}

/// Who came to a rung. Everything takes the logarithm of their number.
#[derive(Debug, Default)]
struct Rung {
    eta: usize,
    /// The ⌊n/eta⌋ best, the worst of them first.
    top: BinaryHeap<Rank>,
    /// The others, the best of them first.
    rest: BinaryHeap<Reverse<Rank>>,
    /// Those not yet sent on, of both, the best first.
    waiting: BinaryHeap<Reverse<Rank>>,
}

impl Rung {
    /// Takes in one that came; `fit` if it may be sent on.
    fn insert(&mut self, rank: Rank, fit: bool) {
        if fit {
            self.waiting.push(Reverse(rank));
        }
        if self.top.peek().is_some_and(|worst| rank < *worst) {
            self.top.push(rank);
        } else {
            self.rest.push(Reverse(rank));
        }
        let best = (self.top.len() + self.rest.len()) / self.eta;
        if self.top.len() > best {
            self.rest.extend(self.top.pop().map(Reverse));
        } else if self.top.len() < best {
            self.top.extend(self.rest.pop().map(|Reverse(rank)| rank));
        }
    }

    /// Takes the best that may be sent on now.
    fn take(&mut self) -> Option<u32> {
        let Reverse(best) = *self.waiting.peek()?;
        let among = self.top.peek().is_some_and(|worst| best <= *worst);
        if among {
            self.waiting.pop();
        }
        among.then_some(best.trial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::JudgedCurve;
    use crate::sampler::Random;
    use crate::space::{Param, Value};
    use crate::stop::Stopped;

    fn asha(trials: u32, rungs: &[u32], eta: u32) -> Asha {
        Asha::new(Space::default(), Box::new(Random { seed: 0 }), trials, rungs.to_vec(), eta)
    }

    fn end(policy: &mut Asha, trial: u32, stopped: Stopped, losses: &[f64]) {
        let losses: Vec<[f64; 1]> = losses.iter().map(|loss| [*loss]).collect();
        policy.observe(&Event::Ended { trial, stopped, curve: JudgedCurve::of_losses(&losses) });
    }

    fn resume(trial: u32, until: u32) -> Action {
        Action::Resume { trial, until }
    }

    #[test]
    fn the_best_so_far_go_on_at_once_from_the_top_down() {
        let mut policy = asha(6, &[1, 2, 3], 2);
        let start = || Action::Start { config: crate::space::Config::default(), until: 1 };
        let complete = Stopped::Complete;
        assert_eq!(policy.next(2), [start(), start()]);
        end(&mut policy, 1, complete, &[0.5]);
        assert_eq!(policy.next(1), [start()], "⌊1/2⌋ = 0");
        end(&mut policy, 0, complete, &[0.6]);
        assert_eq!(policy.next(1), [resume(1, 2)]);
        end(&mut policy, 2, complete, &[0.4]);
        assert_eq!(policy.next(1), [resume(2, 2)]);
        end(&mut policy, 1, complete, &[0.5, 0.45]);
        assert_eq!(policy.next(1), [start()], "2 has gone on already");
        end(&mut policy, 3, complete, &[0.1]);
        end(&mut policy, 2, complete, &[0.4, 0.5]);
        assert_eq!(policy.next(3), [resume(2, 3), resume(3, 2), start()], "the lowest so far counts");
        end(&mut policy, 3, complete, &[0.1, 0.1]);
        assert_eq!(policy.next(3), [resume(3, 3), start()], "no more trials are left");
    }

    #[test]
    fn a_rung_knows_its_best() {
        // Against counting anew after each arrival.
        let mut stream = crate::rng::Stream::new(3, 0, None, crate::rng::Purpose::Split);
        for eta in 2..6 {
            let mut rung = Rung { eta, ..Rung::default() };
            let (mut all, mut sent): (Vec<(Rank, bool)>, Vec<u32>) = (Vec::new(), Vec::new());
            for trial in 0..300 {
                let rank = Rank { loss: f64::from(stream.below(50)), trial };
                let fit = stream.below(5) > 0;
                all.push((rank, fit));
                rung.insert(rank, fit);
                all.sort_by_key(|(rank, _)| *rank);
                let best = || all[..all.len() / eta].iter().filter(|(_, fit)| *fit).map(|(rank, _)| rank.trial);
                let expected = best().find(|trial| !sent.contains(trial));
                assert_eq!(rung.take(), expected);
                sent.extend(expected);
            }
        }
    }

    #[test]
    fn who_cannot_go_on_comes_up_untrained_and_the_diverged_stay() {
        let mut policy = asha(4, &[1, 2, 3, 4], 2);
        assert_eq!(policy.next(4).len(), 4);
        end(&mut policy, 0, Stopped::Diverged, &[0.01, 0.01]);
        end(&mut policy, 1, Stopped::Early, &[0.1]);
        end(&mut policy, 2, Stopped::Complete, &[0.3]);
        assert_eq!(policy.next(1), []);
        end(&mut policy, 3, Stopped::Complete, &[0.2]);
        // 1 and 3 are the best two of four. 1 comes to the second rung as it is.
        assert_eq!(policy.next(4), [resume(3, 2)]);
        end(&mut policy, 3, Stopped::Complete, &[0.2, 0.05]);
        assert_eq!(policy.next(1), [resume(3, 3)]);
        end(&mut policy, 3, Stopped::Complete, &[0.2, 0.05, 0.05]);
        assert_eq!(policy.next(1), [Action::Finish]);
        assert_eq!(policy.next(1), []);
    }

    #[test]
    fn it_ends_with_nothing_to_do() {
        assert_eq!(asha(0, &[1, 2], 2).next(1), [Action::Finish]);
        assert_eq!(asha(9, &[], 2).next(1), [Action::Finish]);
        let mut policy = asha(1, &[5], 2);
        assert_eq!(policy.next(0), []);
        assert!(matches!(policy.next(3)[..], [Action::Start { until: 5, .. }]));
        end(&mut policy, 0, Stopped::Failed, &[]);
        assert_eq!(policy.next(3), [Action::Finish]);
    }

    #[test]
    fn nobody_gets_more_than_its_config_asks_for() {
        let space = Space(vec![Param::list("epochs", vec![Value::Count(3)])]);
        let mut policy = Asha::new(space, Box::new(Random { seed: 0 }), 2, vec![2, 4, 8], 2);
        assert_eq!(policy.next(2).len(), 2);
        end(&mut policy, 0, Stopped::Complete, &[0.1, 0.1]);
        end(&mut policy, 1, Stopped::Complete, &[0.2, 0.2]);
        assert_eq!(policy.next(2), [resume(0, 3)]);
        end(&mut policy, 0, Stopped::Complete, &[0.1, 0.1, 0.1]);
        assert_eq!(policy.next(2), [Action::Finish]);
    }
}
