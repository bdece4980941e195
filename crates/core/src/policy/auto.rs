//! The default search: successive halving with resume over runs of constant rate, that ends itself.

use super::{Action, Event, Policy};
use crate::averaging::Averaging;
use crate::judged::{JudgedCurve, Paired};
use crate::space::{Config, Value};
use crate::stop::Stopped;

/// From one rung to the next the better half stays while weights are judged raw (early rungs prefer rates that are too
/// large, so they had better be generous), then the better third; at least so many, if they may still win.
const EARLY_SHARE: usize = 2;
const LATER_SHARE: usize = 3;
const LEAST: usize = 2;
/// Steps of a ladder of which every second one is a rung.
const WIDE_STEPS: usize = 4;
/// A loss that falls by less than this share of it has stopped improving. It has also if it falls by a smaller share than
/// the next rung takes of the epochs of all candidates up to the limit, of which there are taken to be at least so many.
const GAIN: f64 = 0.01;
const CANDIDATES_LEAST: usize = 8;
/// By so many times that share, over so many folds: where one split judges, an epoch costs a fifth.
const PRICE: f64 = 3.0;
const FOLDS: f64 = 5.0;
/// A probe is trained until the winner was within this share of its lowest loss.
const ABOUT: f64 = 0.03;
/// A probe that ends further above the winner than this share of its loss says that lower rates need no probe.
const WORSE: f64 = 0.02;
/// Rates below the winner's that are probed, as shares of it: what is best for a long run lies lower than what was best
/// early on.
const PROBES: [f64; 2] = [0.5, 0.25];
/// Two rates closer than this share are one.
const SAME: f64 = 0.15;

/// Synchronous successive halving (Jamieson and Talwalkar 2016) over a population of runs of constant rate, with epochs
/// as the resource. A trial that is not promoted waits with its state saved, and can be taken up again.
///
/// Rungs are opened one after the other. No further one opens once the lowest loss so far has stopped improving: over the
/// last rung it fell by less than its paired standard error, by less than 1 %, or by a smaller share than the next rung
/// takes of what a full grid would cost; and no other trial would come that far below it by falling once more as it did.
/// Then the rates at a half and a quarter of the winner's are trained as far as it was, unless the
/// half is clearly worse; if one of them wins, the search goes on from there. And where the highest rate leads, twice that
/// rate joins the race.
///
/// The measurements behind this are in `docs/judging.md`. What is recommended is not decided here, but read off the
/// curves by [`crate::epochs::EpochsTable`].
#[derive(Debug, Clone)]
pub struct Auto {
    trials: Vec<Taken>,
    /// Trials to begin with.
    candidates: usize,
    /// Trials there may be.
    most: usize,
    parts: u32,
    rungs: Vec<u32>,
    rung: usize,
    /// In the race for the next rung.
    active: Vec<usize>,
    /// Trials whose end has not been told.
    waiting: usize,
    phase: Phase,
    /// Lowest and highest rate that may be probed; `None`: exactly the rates of the population.
    probe: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Begin,
    Rungs,
    Probes,
    Over,
}

#[derive(Debug, Clone)]
struct Taken {
    config: Config,
    /// Epochs granted.
    until: u32,
    curve: JudgedCurve,
    /// Neither diverged nor failed nor ended by a rule.
    alive: bool,
    /// Neither diverged nor failed.
    sound: bool,
}

impl Taken {
    fn new(config: Config) -> Taken {
        Taken { config, until: 0, curve: JudgedCurve::default(), alive: true, sound: true }
    }
}

impl Auto {
    /// Searches among `population`, whose configs ask for the limit of epochs under a constant schedule. `rungs` ascend
    /// and end with that limit. `parts`: folds that each trial is trained on. `probe`: the rates between which others than
    /// those of the population may be tried.
    pub fn new(population: Vec<Config>, rungs: Vec<u32>, parts: u32, probe: Option<(f64, f64)>) -> Auto {
        let trials: Vec<Taken> = population.into_iter().map(Taken::new).collect();
        let active = (0..trials.len()).collect();
        Auto {
            candidates: trials.len(),
            most: usize::MAX,
            parts,
            trials,
            rungs,
            rung: 0,
            active,
            waiting: 0,
            phase: Phase::Begin,
            probe,
        }
    }

    /// The same with so many trials at the most: what is probed is then what waits.
    pub fn at_most(self, trials: usize) -> Auto {
        Auto { most: trials, ..self }
    }

    /// The rungs of a ladder of epochs: every second step while many trials are in the race, then every one, so that it
    /// can end soon after there is nothing more to win.
    pub fn rungs(ladder: &[u32]) -> Vec<u32> {
        let last = ladder.len().saturating_sub(1);
        let kept =
            |(place, epochs): (usize, &u32)| (place == last || place % 2 == 0 || place > WIDE_STEPS).then_some(*epochs);
        ladder.iter().enumerate().filter_map(kept).collect()
    }

    /// The share of its loss that the lowest must fall by for the next rung to be worth its epochs.
    fn price(&self) -> f64 {
        let Some(next) = self.rungs.get(self.rung + 1) else { return GAIN };
        let limit = self.rungs.last().copied().unwrap_or(1);
        let cost = LEAST as f64 * f64::from(next - self.epochs()) * f64::from(self.parts);
        let full = self.candidates.max(CANDIDATES_LEAST) as f64 * f64::from(limit) * FOLDS;
        GAIN.max(PRICE * cost / full)
    }

    fn epochs(&self) -> u32 {
        self.rungs.get(self.rung).copied().unwrap_or(0)
    }

    /// Epoch and loss of a trial's best within `until` epochs; none if it diverged or failed.
    fn best(&self, trial: usize, until: u32) -> Option<(u32, f64)> {
        let one = self.trials.get(trial).filter(|one| one.sound)?;
        one.curve.best(until)
    }

    /// The lowest loss of all within `until` epochs: trial, epoch, loss.
    fn lowest(&self, until: u32) -> Option<(usize, u32, f64)> {
        let all =
            (0..self.trials.len()).filter_map(|trial| self.best(trial, until).map(|(at, loss)| (trial, at, loss)));
        all.reduce(|best, one| if one.2 < best.2 { one } else { best })
    }

    /// Whether more epochs may bring a lower loss.
    fn promising(&self) -> bool {
        let Some(before) = self.rung.checked_sub(1).map(|rung| self.rungs[rung]) else { return true };
        let now = self.epochs();
        let (Some(old), Some(new)) = (self.lowest(before), self.lowest(now)) else { return false };
        let gain = self.price() * new.2.abs();
        let units = |(trial, at, _): (usize, u32, f64)| self.trials[trial].curve.units(at).unwrap_or_default();
        let (a, b) = (units(old), units(new));
        if a.len() == b.len() {
            let fell = Paired::of(a, b);
            let error = if fell.error.is_finite() { fell.error } else { 0.0 };
            if fell.mean > error && fell.mean > gain {
                return true;
            }
        }
        self.active.iter().filter(|trial| **trial != new.0).any(|trial| self.may_come_below(*trial, now, new.2 - gain))
    }

    /// Whether a trial would come below `loss` by falling once more as it did over the rung that ends with `epochs`.
    fn may_come_below(&self, trial: usize, epochs: u32, loss: f64) -> bool {
        let before = self.rungs.iter().rev().find(|rung| **rung < epochs).copied().unwrap_or(0);
        match (self.best(trial, before), self.best(trial, epochs)) {
            (Some((_, then)), Some((at, now))) => self.trials[trial].alive && at > before && now - (then - now) < loss,
            _ => false,
        }
    }

    /// The trials in the race by their losses, the lowest first.
    fn ranked(&self, among: impl Iterator<Item = usize>) -> Vec<usize> {
        let loss = |trial: usize| self.best(trial, self.epochs()).map(|(_, loss)| loss);
        let mut order: Vec<(f64, usize)> =
            among.filter(|trial| self.trials[*trial].alive).filter_map(|trial| Some((loss(trial)?, trial))).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|(_, trial)| trial).collect()
    }

    /// Opens the next rung for the best of `ranked`. Once weights are judged averaged, only those stay beside the first
    /// that may come below it.
    fn open(&mut self, mut ranked: Vec<usize>) -> Vec<Action> {
        let early = self.epochs() < Averaging::FROM_EPOCH;
        let share = if early { EARLY_SHARE } else { LATER_SHARE };
        ranked.truncate(ranked.len().div_ceil(share).max(LEAST));
        let first = ranked.first().and_then(|first| self.best(*first, self.epochs()));
        if let (false, Some((_, loss))) = (early, first) {
            let epochs = self.epochs();
            let mut place = 0;
            ranked.retain(|trial| {
                place += 1;
                place == 1 || self.may_come_below(*trial, epochs, loss)
            });
        }
        self.phase = Phase::Rungs;
        self.rung += 1;
        self.active = ranked;
        let until = self.epochs();
        self.active.clone().into_iter().filter_map(|trial| self.grant(trial, until)).collect()
    }

    fn grant(&mut self, trial: usize, until: u32) -> Option<Action> {
        let one = &mut self.trials[trial];
        let new = one.until == 0;
        if !one.alive || one.until >= until {
            return None;
        }
        one.until = until;
        self.waiting += 1;
        Some(match new {
            true => Action::Start { config: one.config.clone(), until },
            false => Action::Resume { trial: trial as u32, until },
        })
    }

    /// Where the highest rate of its kind leads, there may be a better one above: twice the rate, trained as far.
    fn above(&mut self) -> Option<Action> {
        let (_, high) = self.probe?;
        let (leader, ..) = self.lowest(self.epochs())?;
        let config = self.trials[leader].config.clone();
        let rate = 2.0 * config.get("lr")?.number()?;
        if rate > high || self.find(&config, rate).is_some() {
            return None;
        }
        let trial = self.alike(&config, rate)?;
        self.active.push(trial);
        self.grant(trial, self.epochs())
    }

    /// The next epochs for a rate below the winner's: as many as the winner needed to be about as good as it is, and more
    /// where that promises to beat it.
    fn next_probe(&mut self) -> Option<Action> {
        let (low, high) = self.probe?;
        let (winner, _, loss) = self.lowest(self.epochs())?;
        let gain = self.price() * loss.abs();
        let config = self.trials[winner].config.clone();
        let best = config.get("lr")?.number()?;
        let enough = |rung: &&u32| self.best(winner, **rung).is_some_and(|(_, then)| then <= loss + ABOUT * loss.abs());
        let enough = self.rungs.iter().find(enough).copied()?;
        for rate in PROBES.map(|share| best * share).into_iter().filter(|rate| (low..=high).contains(rate)) {
            let Some(trial) = self.alike(&config, rate) else { continue };
            if let Some(action) = self.grant(trial, enough) {
                return Some(action);
            }
            let until = self.trials[trial].until;
            if self.may_come_below(trial, until, loss - gain)
                && let Some(action) = self.grant(trial, self.epochs())
            {
                return Some(action);
            }
            if self.best(trial, until).is_none_or(|(_, probe)| probe > loss + WORSE * loss.abs()) {
                return None;
            }
        }
        None
    }

    /// The trial that differs from `config` in its rate only, which is about `rate`; a new one if there is none and there
    /// may be more.
    fn alike(&mut self, config: &Config, rate: f64) -> Option<usize> {
        let found = self.find(config, rate);
        if found.is_none() && self.trials.len() < self.most {
            self.trials.push(Taken::new(config.with("lr", Value::Number(rate))));
            return Some(self.trials.len() - 1);
        }
        found
    }

    fn find(&self, config: &Config, rate: f64) -> Option<usize> {
        let config = config.with("lr", Value::Number(rate));
        let fits = |one: &Taken| {
            let other = one.config.get("lr").and_then(Value::number);
            other.is_some_and(|other| (other / rate).ln().abs() < SAME)
                && one.config.with("lr", Value::Number(rate)) == config
        };
        self.trials.iter().position(fits)
    }

    /// Where nobody in the race is left because all diverged, the best of those that wait take their places.
    fn replace_lost(&mut self) -> Vec<Action> {
        let until = self.epochs();
        let waiting = self.ranked(0..self.trials.len()).into_iter().filter(|trial| self.trials[*trial].until < until);
        let waiting: Vec<usize> = waiting.take(LEAST).collect();
        self.active.extend(&waiting);
        waiting.into_iter().filter_map(|trial| self.grant(trial, until)).collect()
    }

    /// All that was granted has been trained: what now?
    fn decide(&mut self) -> Vec<Action> {
        let last = self.rung + 1 >= self.rungs.len();
        if self.phase == Phase::Rungs {
            let ranked = self.ranked(self.active.clone().into_iter());
            let more = if ranked.is_empty() { self.replace_lost() } else { Vec::new() };
            if !more.is_empty() {
                return more;
            }
            if let Some(action) = self.above() {
                return vec![action];
            }
            if !last && !ranked.is_empty() && self.promising() {
                return self.open(ranked);
            }
            self.phase = Phase::Probes;
            self.active = self.lowest(self.epochs()).map(|(trial, ..)| trial).into_iter().collect();
        }
        // A probe that won is the new winner: it may want more epochs, and has rates below it in turn.
        let winner = self.lowest(self.epochs()).map(|(trial, ..)| trial);
        if let Some(winner) = winner.filter(|winner| !self.active.contains(winner)) {
            let ranked = self.ranked(0..self.trials.len());
            self.active = vec![winner];
            if !last && self.promising_for(winner) {
                return self.open(ranked.into_iter().take(LEAST).collect());
            }
        }
        match self.next_probe() {
            Some(action) => vec![action],
            None => {
                self.phase = Phase::Over;
                vec![Action::Finish]
            }
        }
    }

    /// Whether one trial still fell over the last rung by more than is worth nothing.
    fn promising_for(&self, trial: usize) -> bool {
        let before = self.rung.checked_sub(1).map_or(0, |rung| self.rungs[rung]);
        match (self.best(trial, before), self.best(trial, self.epochs())) {
            (Some((_, then)), Some((_, now))) => then - now > self.price() * now.abs(),
            (None, now) => now.is_some(),
            _ => false,
        }
    }
}

impl Policy for Auto {
    fn observe(&mut self, event: &Event) {
        let Event::Ended { trial, stopped, curve } = event;
        if let Some(one) = self.trials.get_mut(*trial as usize) {
            one.curve = curve.clone();
            // One that has less than it was granted was cut, and cannot go on.
            one.alive = *stopped == Stopped::Complete && curve.epochs() >= one.until;
            one.sound = !matches!(stopped, Stopped::Diverged | Stopped::Failed);
            self.waiting = self.waiting.saturating_sub(1);
        }
    }

    fn next(&mut self, _free: usize) -> Vec<Action> {
        match self.phase {
            Phase::Over => Vec::new(),
            Phase::Begin => {
                self.phase = Phase::Rungs;
                let until = self.epochs();
                let starts: Vec<Action> = (0..self.trials.len()).filter_map(|trial| self.grant(trial, until)).collect();
                if starts.is_empty() { self.decide() } else { starts }
            }
            Phase::Rungs | Phase::Probes if self.waiting > 0 => Vec::new(),
            Phase::Rungs | Phase::Probes => self.decide(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Trains what a policy asks for on curves made up by `loss` (rate, epoch; of two folds), and gives the epochs each
    /// rate was trained for.
    fn play(auto: &mut Auto, loss: impl Fn(f64, u32) -> f64) -> BTreeMap<String, u32> {
        let (mut rates, mut trained): (Vec<f64>, Vec<u32>) = (Vec::new(), Vec::new());
        loop {
            let actions = auto.next(1);
            assert!(!actions.is_empty(), "it waits for nothing");
            for action in actions {
                let (trial, until) = match action {
                    Action::Start { config, until } => {
                        rates.push(config.get("lr").unwrap().number().unwrap());
                        trained.push(0);
                        (rates.len() - 1, until)
                    }
                    Action::Resume { trial, until } => (trial as usize, until),
                    Action::Finish | Action::Stop => {
                        return rates.iter().zip(&trained).map(|(rate, epochs)| (rate.to_string(), *epochs)).collect();
                    }
                };
                assert!(until > trained[trial], "no epoch twice");
                trained[trial] = until;
                let losses: Vec<[f64; 2]> =
                    (1..=until).map(|epoch| [0.0, 1e-3].map(|fold| loss(rates[trial], epoch) + fold)).collect();
                let gone = losses.iter().position(|all| all[0].is_nan());
                let stopped = if gone.is_some() { Stopped::Diverged } else { Stopped::Complete };
                let curve = JudgedCurve::of_losses(&losses[..gone.unwrap_or(losses.len())]);
                auto.observe(&Event::Ended { trial: trial as u32, stopped, curve });
            }
        }
    }

    fn population(rates: &[f64]) -> Vec<Config> {
        rates.iter().map(|rate| Config::from_iter([("lr".to_string(), Value::Number(*rate))])).collect()
    }

    const RATES: [f64; 6] = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032];
    const RUNGS: [u32; 10] = [1, 3, 8, 13, 21, 34, 55, 89, 144, 200];
    const ANY: Option<(f64, f64)> = Some((1e-6, 1.0));

    /// A loss that falls the faster the larger the rate, to a floor that is the lower the nearer the rate is to 0.004.
    fn falls(rate: f64, epoch: u32) -> f64 {
        0.1 + 0.05 * (rate / 0.004).ln().abs() + (-rate * 50.0 * f64::from(epoch)).exp()
    }

    #[test]
    fn rungs_are_every_second_of_the_ladder() {
        assert_eq!(Auto::rungs(&crate::epochs::ladder(1, 200)), RUNGS);
        assert_eq!(Auto::rungs(&crate::epochs::ladder(1, 1)), [1]);
        assert_eq!(Auto::rungs(&crate::epochs::ladder(10, 40)), [10, 21, 40]);
    }

    #[test]
    fn early_winners_that_are_too_large_do_not_win() {
        let trained = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, ANY), falls);
        let best = trained.iter().max_by_key(|(_, epochs)| **epochs).unwrap();
        let at = |rate: f64| trained[&rate.to_string()];
        // After one epoch 0.032 leads; what is best at 55 epochs is 0.004, found although it was behind.
        assert!(at(0.004) >= 21, "{trained:?}");
        assert!(at(0.032) <= 21 && *best.1 < 200, "{trained:?}");
        let cost: u32 = trained.values().sum();
        assert!(cost < 300, "{trained:?}");
    }

    #[test]
    fn no_rung_opens_once_nothing_improves() {
        let flat = |rate: f64, epoch: u32| (rate - 0.004).abs() + if epoch < 3 { 1.0 } else { 0.5 };
        let trained = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, ANY), flat);
        // Rung 8 improves nothing over rung 3; then the half of the winner's rate is probed as far.
        assert_eq!(trained.values().max(), Some(&8));
        assert_eq!((trained["0.004"], trained["0.002"]), (8, 8));
    }

    #[test]
    fn a_probe_below_the_population_can_win_and_go_on() {
        let low = |rate: f64, epoch: u32| (rate / 0.0005).ln().powi(2) / 10.0 + 1.0 / f64::from(epoch);
        let trained = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, ANY), low);
        assert_eq!(trained["0.0005"], 200);
        assert!(trained.contains_key("0.00025"), "{trained:?}");
        let exactly = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, None), low);
        assert_eq!(exactly.len(), RATES.len());
        let counted = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, ANY).at_most(7), low);
        assert_eq!(counted.len(), 7, "{counted:?}");
        let bounded = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, Some((0.0008, 1.0))), low);
        assert_eq!(bounded.len(), RATES.len());
    }

    #[test]
    fn the_highest_rate_does_not_lead_unchallenged() {
        let high = |rate: f64, epoch: u32| (rate / 0.12).ln().powi(2) / 10.0 + 1.0 / f64::from(epoch);
        let trained = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, ANY), high);
        assert!(trained["0.128"] >= 55 && trained["0.256"] <= 8, "{trained:?}");
        let bounded = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, Some((1e-6, 0.1))), high);
        assert!(!bounded.contains_key("0.128") && bounded["0.064"] >= 55, "{bounded:?}");
    }

    #[test]
    fn what_diverges_never_wins_and_never_stops_the_search() {
        let some = |rate: f64, epoch: u32| if rate > 0.005 && epoch > 2 { f64::NAN } else { falls(rate, epoch) };
        let trained = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, ANY), some);
        assert!(trained["0.004"] >= 21 && trained["0.008"] == 3, "{trained:?}");
        let all = play(&mut Auto::new(population(&RATES), RUNGS.to_vec(), 5, ANY), |_, _| f64::NAN);
        assert!(all.values().all(|epochs| *epochs == 1));
        assert!(play(&mut Auto::new(Vec::new(), RUNGS.to_vec(), 5, ANY), falls).is_empty());
    }
}
