//! What halving in step and out of step share: the rungs, how a trial that climbs them stands, and who is better.

use super::epochs_of;
use crate::judged::JudgedCurve;
use crate::space::Config;
use crate::stop::Stopped;
use std::cmp::Ordering;

/// Numbers of epochs after which trials are compared: `min` times the powers of `eta`, as far as they are below `limit`,
/// and `limit`. Counted in whole numbers: logarithms lose a rung now and then (ln 243 / ln 3 is below 5). `min` is at
/// least 1 and at most `limit`, which is at least 1; `eta` is at least 2; what is not is taken as the nearest that is.
pub fn geometric_rungs(min: u32, limit: u32, eta: u32) -> Vec<u32> {
    let limit = limit.max(1);
    let next = |rung: &u32| rung.checked_mul(eta.max(2));
    let below = std::iter::successors(Some(min.max(1)), next).take_while(|rung| *rung < limit);
    below.chain([limit]).collect()
}

/// The rungs as policies need them: ascending, without 0 and without equals.
pub(super) fn ascending(mut rungs: Vec<u32>) -> Vec<u32> {
    rungs.retain(|rung| *rung > 0);
    rungs.sort_unstable();
    rungs.dedup();
    rungs
}

/// Orders trials: a lower loss is better, of equals the one that came first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    /// Infinite for those that can never be better than another.
    pub loss: f64,
    pub trial: u32,
}

impl Ord for Rank {
    fn cmp(&self, other: &Rank) -> Ordering {
        // Both zeros are one.
        (self.loss + 0.0).total_cmp(&(other.loss + 0.0)).then(self.trial.cmp(&other.trial))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Rank) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Rank) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

/// How a trial stands that is granted its epochs in portions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Standing {
    /// It is being trained.
    Running,
    /// It has used up its epochs and can be given more. Its lowest loss so far.
    Waiting(f64),
    /// More epochs would give nothing new: it has all that its config asks for, or a rule ended it, or one of its folds,
    /// or the grant was cut by someone else. It counts as having come to every rung with its lowest loss so far.
    Settled(f64),
    /// It diverged or failed, or never gave a loss: it is never preferred to another.
    Gone,
}

impl Standing {
    /// Its lowest loss so far; infinite where that counts for nothing.
    pub fn loss(self) -> f64 {
        match self {
            Standing::Waiting(loss) | Standing::Settled(loss) => loss,
            Standing::Running | Standing::Gone => f64::INFINITY,
        }
    }
}

/// A trial that is granted its epochs in portions.
#[derive(Debug, Clone)]
pub(super) struct Climber {
    /// What its config asks for, at most the last rung.
    ceiling: u32,
    granted: u32,
    pub standing: Standing,
}

impl Climber {
    /// One that is not trained yet.
    pub fn new(config: &Config, last: u32) -> Climber {
        let ceiling = epochs_of(config).unwrap_or(last).min(last).max(1);
        Climber { ceiling, granted: 0, standing: Standing::Waiting(f64::INFINITY) }
    }

    /// Sends it to a rung and gives the epochs to be granted in all.
    pub fn send(&mut self, rung: u32) -> u32 {
        self.granted = rung.min(self.ceiling);
        self.standing = Standing::Running;
        self.granted
    }

    /// Takes note of its end; false if it was not being trained.
    pub fn ended(&mut self, stopped: Stopped, curve: &JudgedCurve) -> bool {
        if self.standing != Standing::Running {
            return false;
        }
        let gone = matches!(stopped, Stopped::Diverged | Stopped::Failed);
        // A complete end with fewer epochs than granted: a fold was ended by a rule, or the grant was cut.
        let more = stopped == Stopped::Complete && self.granted < self.ceiling && curve.epochs() >= self.granted;
        self.standing = match curve.best(self.granted) {
            Some((_, loss)) if !gone && more => Standing::Waiting(loss),
            Some((_, loss)) if !gone => Standing::Settled(loss),
            _ => Standing::Gone,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Value;

    #[test]
    fn rungs_are_counted_in_whole_numbers() {
        assert_eq!(geometric_rungs(1, 243, 3), [1, 3, 9, 27, 81, 243]);
        assert_eq!(geometric_rungs(1, 50, 4), [1, 4, 16, 50]);
        assert_eq!(geometric_rungs(3, 100, 3), [3, 9, 27, 81, 100]);
        assert_eq!(geometric_rungs(0, 1, 0), [1]);
        assert_eq!(geometric_rungs(7, 5, 2), [5]);
        assert_eq!(geometric_rungs(1, 5, 1), [1, 2, 4, 5]);
        assert_eq!(geometric_rungs(1, u32::MAX, 2).len(), 33);
        assert_eq!(ascending(vec![9, 0, 3, 3]), [3, 9]);
    }

    #[test]
    fn the_lower_loss_is_better_and_of_equals_the_first() {
        let rank = |loss, trial| Rank { loss, trial };
        assert!(rank(0.1, 9) < rank(0.2, 1) && rank(0.1, 1) < rank(0.1, 2) && rank(9.0, 9) < rank(f64::INFINITY, 0));
        assert!(rank(0.0, 1) < rank(-0.0, 2) && rank(-0.0, 1) < rank(0.0, 2));
    }

    #[test]
    fn who_can_go_on_waits() {
        let curve = JudgedCurve::of_losses(&[[0.5], [0.4], [0.6]]);
        let ended = |epochs: Option<u32>, rung: u32, stopped: Stopped| {
            let config = epochs.map(|epochs| ("epochs".to_string(), Value::Count(epochs)));
            let mut one = Climber::new(&config.into_iter().collect(), 9);
            let until = one.send(rung);
            assert!(one.ended(stopped, &curve) && !one.ended(stopped, &curve));
            (until, one.standing)
        };
        assert_eq!(ended(None, 3, Stopped::Complete), (3, Standing::Waiting(0.4)));
        assert_eq!(ended(Some(30), 3, Stopped::Complete), (3, Standing::Waiting(0.4)));
        assert_eq!(ended(Some(3), 9, Stopped::Complete), (3, Standing::Settled(0.4)));
        assert_eq!(ended(None, 1, Stopped::Early), (1, Standing::Settled(0.5)));
        assert_eq!(ended(None, 3, Stopped::Converged), (3, Standing::Settled(0.4)));
        assert_eq!(ended(None, 5, Stopped::Complete), (5, Standing::Settled(0.4)));
        assert_eq!(ended(None, 3, Stopped::Diverged), (3, Standing::Gone));
        assert_eq!(ended(None, 3, Stopped::Failed), (3, Standing::Gone));
        let mut one = Climber::new(&Config::default(), 9);
        one.send(1);
        assert!(one.ended(Stopped::Complete, &JudgedCurve::default()));
        assert_eq!((one.standing, one.standing.loss()), (Standing::Gone, f64::INFINITY));
    }
}
