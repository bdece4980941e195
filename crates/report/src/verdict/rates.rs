//! Learning rates around the chosen one: which train, where training runs away, and what half and twice would cost.

use super::{Found, base};
use opportune_core::judged::{JudgedCurve, Paired};
use opportune_core::memory::TrialResult;
use opportune_core::space::Config;
use opportune_core::stop::Stopped;

/// A trained rate counts as half or twice another one if it is no further from it than this share.
const NEAR: f64 = 0.15;

/// What is known of learning rates around the chosen one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    /// The smallest and the largest rate known to train: of the range test from the lowest that learns up to the last
    /// below the edge; without one, of the trained rates around the best that did not diverge.
    pub stable: Option<(f64, f64)>,
    /// The lowest rate above the best one known to diverge.
    pub edge: Option<f64>,
    /// Whether that is known from a trial, not from the range test.
    pub edge_trained: bool,
    /// Optimizer steps of the range test that gave the stable range; `None` where trials did.
    pub steps: Option<u32>,
    /// Whether the range test was made with another network or optimizer than the chosen one.
    pub other_network: bool,
    /// The rate that half and twice are of: that of the run of constant rate where the delivered schedule has another.
    pub of: Option<f64>,
    /// What half the rate gave; `None`: not known, because none was trained.
    pub half: Option<Neighbour>,
    /// What twice the rate gave; `None`: not known, because none was trained.
    pub twice: Option<Neighbour>,
}

/// A trial that differs from the chosen one in nothing but its rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its rate.
    pub rate: f64,
    /// What it gave.
    pub outcome: Outcome,
}

/// What a neighbour gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// It diverged.
    Diverged {
        /// In this epoch.
        epoch: u32,
    },
    /// It was trained on.
    Trained {
        /// Both were trained for so many epochs, which they are compared at.
        epochs: u32,
        /// Its loss over that of the chosen rate, less 1: 0.04 is 4 % more.
        loss: f64,
        /// Its score less that of the chosen rate.
        score: f64,
        /// Whether the difference in loss is beyond its standard error, paired over folds or blocks; `None` where
        /// that is not known.
        beyond_chance: Option<bool>,
    },
}

/// The rate of a config.
pub(crate) fn rate_of(config: &Config) -> Option<f64> {
    config.get("lr").and_then(|value| value.number()).filter(|rate| rate.is_finite() && *rate > 0.0)
}

/// Whether two configs differ in nothing but what `free` names.
pub(crate) fn alike(a: &Config, b: &Config, free: &[&str]) -> bool {
    let rest = |config: &Config| {
        let kept = config.iter().filter(|(name, _)| !free.contains(name));
        kept.map(|(name, value)| (name.to_string(), value.clone())).collect::<Vec<_>>()
    };
    rest(a) == rest(b)
}

/// Trials that differ from `base` in their rates, and perhaps in epochs and schedule; all trials where there is no
/// other rate among those, as where every setting is drawn by chance.
pub(crate) fn of_one_kind<'a>(found: &'a Found, base: &Config) -> Vec<&'a TrialResult> {
    let alike = |one: &&TrialResult| alike(&one.config, base, &["lr", "epochs", "schedule"]);
    let kind: Vec<&TrialResult> = found.trials.iter().filter(alike).collect();
    let first = kind.first().and_then(|one| rate_of(&one.config));
    if kind.iter().any(|one| rate_of(&one.config) != first) { kind } else { found.trials.iter().collect() }
}

/// Rates ascending, each with whether any trial with it diverged.
pub(crate) fn tried(trials: &[&TrialResult]) -> Vec<(f64, bool)> {
    let gone = |one: &TrialResult| one.stopped() == Stopped::Diverged;
    let mut all: Vec<(f64, bool)> =
        trials.iter().filter_map(|one| rate_of(&one.config).map(|rate| (rate, gone(one)))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 |= same && next.1;
        same
    });
    all
}

impl Rates {
    pub(crate) fn of(found: &Found) -> Rates {
        let Some(base) = base(found) else { return Rates::default() };
        let Some(rate) = rate_of(&base.config) else { return Rates::default() };
        let tried = tried(&of_one_kind(found, &base.config));
        let mut rates = Rates { of: Some(rate), ..Rates::default() };
        let gone = tried.iter().find(|(other, gone)| *gone && *other > rate).map(|(other, _)| *other);
        let test = found.range_test.as_ref().and_then(|test| Some((test, test.lowest()?)));
        if let Some((test, low)) = test {
            // A rate that lasts the few steps of the test may still run away later.
            let edge = [test.edge(), gone].into_iter().flatten().fold(f64::INFINITY, f64::min);
            rates.edge_trained = gone == Some(edge);
            let below =
                test.points.iter().map(|point| point.rate).chain(tried.iter().filter(|one| !one.1).map(|one| one.0));
            let high = below.filter(|other| *other < edge).fold(f64::NEG_INFINITY, f64::max);
            rates.edge = Some(edge).filter(|edge| edge.is_finite());
            rates.stable = (low <= high).then_some((low, high));
            rates.steps = Some(test.steps);
            let first = |name: &str| found.space.param(name).and_then(|param| param.values().first());
            let differs = |name: &str| first(name).is_some_and(|value| base.config.get(name) != Some(value));
            rates.other_network = ["hidden", "optimizer", "activation", "layer-norm", "batch"].into_iter().any(differs);
        } else if let Some(place) = tried.iter().position(|(other, gone)| *other == rate && !gone) {
            let low = tried[..place].iter().rev().take_while(|one| !one.1).last().map_or(rate, |one| one.0);
            let high = tried[place..].iter().take_while(|one| !one.1).last().map_or(rate, |one| one.0);
            (rates.edge, rates.edge_trained) = (gone, gone.is_some());
            rates.stable = (low < high).then_some((low, high));
        }
        let epochs = super::epochs_of(found).unwrap_or(u32::MAX);
        rates.half = neighbour(&found.trials, base, rate * 0.5, epochs);
        rates.twice = neighbour(&found.trials, base, rate * 2.0, epochs);
        rates
    }
}

/// What the trial whose rate is nearest to `rate` gave, within `limit` epochs.
fn neighbour(trials: &[TrialResult], base: &TrialResult, rate: f64, limit: u32) -> Option<Neighbour> {
    let far = |one: &TrialResult| rate_of(&one.config).map_or(f64::INFINITY, |other| (other / rate - 1.0).abs());
    let near = |one: &&TrialResult| far(one) <= NEAR && alike(&one.config, &base.config, &["lr"]);
    let one = trials.iter().filter(near).min_by(|a, b| far(a).total_cmp(&far(b)))?;
    let its_rate = rate_of(&one.config)?;
    if one.stopped() == Stopped::Diverged {
        let gone = one.folds.iter().filter(|fold| fold.ending.stopped == Stopped::Diverged);
        let epoch = gone.map(|fold| fold.ending.epochs).min()?;
        return Some(Neighbour { rate: its_rate, outcome: Outcome::Diverged { epoch } });
    }
    let (its, chosen) = (JudgedCurve::of(one), JudgedCurve::of(base));
    let epochs = its.epochs().min(chosen.epochs()).min(limit);
    let (loss, reference) = (its.loss(epochs)?, chosen.loss(epochs)?);
    let outcome = Outcome::Trained {
        epochs,
        loss: above(loss, reference),
        score: its.score(epochs)? - chosen.score(epochs)?,
        beyond_chance: beyond_chance(its.units(epochs), chosen.units(epochs)).map(|(beyond, _)| beyond),
    };
    Some(Neighbour { rate: its_rate, outcome })
}

/// By which share of it a loss is above another; not finite where that means nothing.
pub(crate) fn above(loss: f64, reference: f64) -> f64 {
    if reference > 0.0 { loss / reference - 1.0 } else { f64::NAN }
}

/// Whether two losses differ by more than the standard error of their difference, and that error; `None` where it is
/// not known.
pub(crate) fn beyond_chance(a: Option<&[f64]>, b: Option<&[f64]>) -> Option<(bool, f64)> {
    let (a, b) = (a?, b?);
    if a.len() != b.len() {
        return None;
    }
    let paired = Paired::of(a, b);
    let known = paired.error.is_finite() && paired.mean.is_finite();
    known.then_some((paired.mean.abs() > paired.error, paired.error))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{SHAPE, diverged_neighbour, grid, of_rates, ordinary, settings};
    use super::*;

    #[test]
    fn neighbours_are_compared_where_both_were_trained() {
        let found = ordinary();
        let rates = Rates::of(&found);
        let (half, twice) = (rates.half.unwrap(), rates.twice.unwrap());
        assert_eq!((half.rate, twice.rate, rates.of), (0.002, 0.008, Some(0.004)));
        let (base, other) = (JudgedCurve::of(&found.trials[3]), JudgedCurve::of(&found.trials[4]));
        let Outcome::Trained { epochs, loss, score, .. } = twice.outcome else { panic!("{twice:?}") };
        assert_eq!(epochs, 21);
        assert_eq!(loss, other.loss(21).unwrap() / base.loss(21).unwrap() - 1.0);
        assert_eq!(score, other.score(21).unwrap() - base.score(21).unwrap());
        // Trained further than what is recommended, half is compared there.
        assert!(matches!(half.outcome, Outcome::Trained { epochs: 34, .. }));
    }

    #[test]
    fn what_was_not_trained_is_unknown() {
        let rates = Rates::of(&of_rates(&[0.001, 0.004, 0.016], 1));
        assert_eq!((rates.half, rates.twice, rates.edge), (None, None, None));
        assert_eq!(rates.stable, Some((0.001, 0.016)));
        let near = Rates::of(&of_rates(&[0.0023, 0.004, 0.0091], 1));
        assert_eq!((near.half.map(|one| one.rate), near.twice.map(|one| one.rate)), (Some(0.0023), Some(0.0091)));
        // Another network at half the rate says nothing.
        let mut found = of_rates(&[0.002, 0.004], 1);
        found.trials[0].config = found.trials[0].config.with("batch", opportune_core::space::Value::Count(32));
        assert_eq!(Rates::of(&found).half, None);
        assert_eq!(Rates::of(&grid()).half, None);
    }

    #[test]
    fn the_edge_is_the_lowest_rate_known_to_diverge() {
        let rates = Rates::of(&diverged_neighbour());
        assert_eq!((rates.edge, rates.edge_trained, rates.stable), (Some(0.008), true, Some((0.001, 0.004))));
        assert_eq!(rates.twice.map(|one| one.outcome), Some(Outcome::Diverged { epoch: 3 }));
        let mut found = ordinary();
        found.trials.pop();
        let rates = Rates::of(&found);
        assert_eq!((rates.edge, rates.edge_trained, rates.stable), (Some(1.0), false, Some((0.001, 0.3))));
        let mut found = of_rates(&[0.001, 0.002, 0.004, 0.008], 1);
        found.trials[3] = SHAPE.gone(3, &settings(0.008, 55), 0.008, 2);
        let rates = Rates::of(&found);
        assert_eq!((rates.edge, rates.stable, rates.steps), (Some(0.008), Some((0.001, 0.004)), None));
    }

    #[test]
    fn nothing_is_known_of_one_rate_or_none() {
        let rates = Rates::of(&of_rates(&[0.004], 0));
        assert_eq!(rates, Rates { of: Some(0.004), ..Rates::default() });
        let mut found = ordinary();
        found.finalists.clear();
        assert_eq!(Rates::of(&found), Rates::default());
        assert_eq!((beyond_chance(Some(&[1.0]), Some(&[2.0])), above(1.0, 0.0).is_nan()), (None, true));
    }
}
