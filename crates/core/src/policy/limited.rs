//! A policy that is held to a budget, or ended when a score is reached.

use super::{Action, Event, Policy};
use crate::score::Score;

/// Holds another policy to a budget of fold-epochs, and ends it when a score is reached.
///
/// Every grant costs the epochs it adds to those granted before, on each part; nothing is given back where a rule or a
/// divergence leaves some of them unused, so that what is affordable does not depend on who ends first. What shares
/// epochs with other trials is charged in full, too: the budget is an upper bound. A grant that does not fit is cut to
/// what does, or refused where not one epoch more fits; after that nothing does, and the policy is not asked again. A
/// trial whose grant was cut ends with fewer epochs than asked for, and is reported to the policy as it is.
///
/// The score is that of a trial's epochs as they are judged ([`crate::judged::JudgedCurve::score`]); any epoch of any
/// trial counts. It is seen when a trial uses up its grant.
#[derive(Debug, Clone)]
pub struct Limited<P> {
    policy: P,
    parts: u64,
    left: Option<u64>,
    target: Option<(Score, f64)>,
    /// Epochs granted to each trial.
    granted: Vec<u32>,
    /// Whether each trial is being trained.
    running: Vec<bool>,
    /// How many are.
    busy: usize,
    /// The target was reached.
    reached: bool,
    /// A grant was cut or refused for want of budget.
    used_up: bool,
    /// Nothing more is to be granted.
    closing: bool,
    over: bool,
}

impl<P: Policy> Limited<P> {
    /// `policy` with at most `budget` fold-epochs for trials of `parts` parts (folds) each, ended once a trial's score is
    /// `target` or better; `None` for no limit.
    pub fn new(policy: P, parts: u32, budget: Option<u64>, target: Option<(Score, f64)>) -> Limited<P> {
        Limited {
            policy,
            parts: u64::from(parts.max(1)),
            left: budget,
            target,
            granted: Vec::new(),
            running: Vec::new(),
            busy: 0,
            reached: false,
            used_up: false,
            closing: false,
            over: false,
        }
    }

    /// Whether the budget was not enough for all that was asked for.
    pub fn used_up(&self) -> bool {
        self.used_up
    }

    /// Pays for a grant: the epochs that can be had of `until`, of which `from` are granted already; `None` if no more.
    fn pay(&mut self, from: u32, until: u32) -> Option<u32> {
        let Some(left) = &mut self.left else { return Some(until) };
        let more = u64::from(until.saturating_sub(from));
        let fits = more.min(*left / self.parts);
        self.used_up |= fits < more;
        self.closing |= fits < more;
        *left -= fits * self.parts;
        (fits > 0 || more == 0).then_some(from + fits as u32)
    }

    /// The action as it can be afforded.
    fn afford(&mut self, action: Action) -> Option<Action> {
        match action {
            Action::Start { config, until } => {
                let until = self.pay(0, until)?;
                self.granted.push(until);
                self.running.push(true);
                self.busy += 1;
                Some(Action::Start { config, until })
            }
            Action::Resume { trial, until } => {
                let index = trial as usize;
                // Someone unknown is the engine's to refuse.
                let Some(from) = self.granted.get(index).copied() else { return Some(action) };
                let until = self.pay(from, until)?;
                self.granted[index] = until;
                self.busy += usize::from(!std::mem::replace(&mut self.running[index], true));
                Some(Action::Resume { trial, until })
            }
            Action::Finish => {
                self.closing = true;
                None
            }
            Action::Stop => {
                (self.closing, self.over) = (true, true);
                Some(Action::Stop)
            }
        }
    }
}

impl<P: Policy> Policy for Limited<P> {
    fn observe(&mut self, event: &Event) {
        let Event::Ended { trial, curve, .. } = event;
        if self.running.get_mut(*trial as usize).is_some_and(std::mem::take) {
            self.busy -= 1;
        }
        if let Some((score, target)) = self.target {
            let reaches = |value: f64| value.is_finite() && !score.better(target, value);
            self.reached |= (1..=curve.epochs()).filter_map(|epoch| curve.score(epoch)).any(reaches);
        }
        self.policy.observe(event);
    }

    fn next(&mut self, free: usize) -> Vec<Action> {
        if self.over {
            return Vec::new();
        }
        if self.reached {
            self.over = true;
            return vec![Action::Stop];
        }
        let mut actions = Vec::new();
        if !self.closing {
            for action in self.policy.next(free) {
                actions.extend(self.afford(action));
                if self.closing {
                    break;
                }
            }
        }
        // Who has finished is not asked again; but until all have ended, the target may still be reached.
        if actions.is_empty() && self.closing && self.busy == 0 {
            self.over = true;
            actions.push(Action::Finish);
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::JudgedCurve;
    use crate::policy::{Grid, Halving};
    use crate::space::{Config, Param, Space, Value};
    use crate::stop::Stopped;

    fn grid(points: u32) -> Grid {
        Grid::new(&Space(vec![Param::list("batch", (0..points).map(Value::Count).collect())]), 10)
    }

    fn end<P: Policy>(policy: &mut Limited<P>, trial: u32, scores: &[f64]) {
        let losses: Vec<[f64; 1]> = scores.iter().map(|loss| [*loss]).collect();
        let (stopped, curve) = (Stopped::Complete, JudgedCurve::of_losses(&losses));
        policy.observe(&Event::Ended { trial, stopped, curve });
    }

    fn untils(actions: &[Action]) -> Vec<u32> {
        let until = |action: &Action| match action {
            Action::Start { until, .. } | Action::Resume { until, .. } => *until,
            _ => 0,
        };
        actions.iter().map(until).collect()
    }

    #[test]
    fn a_budget_is_kept_to_the_epoch() {
        for (budget, expected) in [
            (0, vec![]),
            (2, vec![]),
            (3, vec![1]),
            (31, vec![10]),
            (33, vec![10, 1]),
            (89, vec![10, 10, 9]),
            (90, vec![10, 10, 10]),
            (900, vec![10, 10, 10]),
        ] {
            let mut policy = Limited::new(grid(3), 3, Some(budget), None);
            let actions = policy.next(1);
            if expected.is_empty() {
                assert_eq!(actions, [Action::Finish]);
                continue;
            }
            assert_eq!(untils(&actions), expected, "{budget}");
            for trial in 0..expected.len() as u32 {
                assert_eq!(policy.next(1), []);
                end(&mut policy, trial, &[1.0]);
            }
            assert_eq!(policy.next(1), [Action::Finish]);
            assert_eq!(policy.next(1), []);
        }
    }

    #[test]
    fn what_was_granted_before_is_not_paid_again() {
        let halving = Halving::new(vec![Config::default(); 4], vec![1, 5], 2);
        let mut policy = Limited::new(halving, 2, Some(4 * 2 + 7 * 2), None);
        assert_eq!(untils(&policy.next(4)), [1, 1, 1, 1]);
        (0..4).for_each(|trial| end(&mut policy, trial, &[f64::from(trial)]));
        assert_eq!(untils(&policy.next(4)), [5, 4]);
        end(&mut policy, 0, &[0.0; 5]);
        end(&mut policy, 1, &[1.0; 4]);
        assert_eq!(policy.next(1), [Action::Finish]);
    }

    #[test]
    fn a_target_stops_everything() {
        for (score, target, bad, good) in [(Score::Accuracy, 0.9, 0.89, 0.9), (Score::LogLoss, 0.1, 0.2, 0.05)] {
            let mut policy = Limited::new(grid(3), 1, None, Some((score, target)));
            assert_eq!(untils(&policy.next(1)), [10, 10, 10]);
            end(&mut policy, 1, &[bad, f64::NAN, bad]);
            assert_eq!(policy.next(1), []);
            // At any epoch.
            end(&mut policy, 0, &[bad, good, bad]);
            assert_eq!(policy.next(1), [Action::Stop]);
            assert_eq!(policy.next(1), []);
        }
        let mut policy = Limited::new(grid(1), 1, None, Some((Score::Accuracy, 0.9)));
        policy.next(1);
        end(&mut policy, 0, &[0.1]);
        assert_eq!(policy.next(1), [Action::Finish]);
    }
}
