//! Rules that read the curve and change the rate: what they have in common, and their state while a run is trained.
//!
//! A rule never touches a run. The engine shows it each epoch; what it decides is written out as a schedule that is known
//! ahead ([`Ruled::written_out`]), under which the run goes on. So trials share epochs until their rates really
//! differ, a resumed run's counters are rebuilt from what is stored, and a refit replays the recorded rates.

use super::form::Run;
use super::{Adaptive, Greedy, OnPlateau, Schedule, sequence};
use crate::InputError;
use crate::score::Score;
use crate::space::{Config, Value};
use crate::stop::{Monitor, Point, Stopped};
use crate::text::{Args, Length, Unit, number};

/// A rule that reads the curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RateRule {
    /// See [`OnPlateau`].
    OnPlateau(OnPlateau),
    /// See [`Greedy`].
    Greedy(Greedy),
    /// See [`Adaptive`].
    Adaptive(Adaptive),
}

/// What a rule decides after an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Decision {
    /// The rate stays.
    Stay,
    /// The rate is multiplied.
    Times(f64),
    /// The rate goes back to what it was in the beginning.
    Restart,
    /// The training has converged.
    Stop,
}

/// The state of a rule. `value` is to be minimised, whatever the metric; it may be anything but a number.
pub(super) trait RuleState {
    /// Takes the next epoch's value, trained at `rate`.
    fn observe(&mut self, value: f64, rate: f64) -> Decision;

    /// After how many more epochs it may change the rate at the earliest, at least 1.
    fn quiet(&self) -> u32;
}

#[derive(Debug, Clone)]
enum State {
    OnPlateau(super::on_plateau::State),
    Greedy(super::greedy::State),
    Adaptive(super::adaptive::State),
}

impl State {
    fn rule(&self) -> &dyn RuleState {
        match self {
            State::OnPlateau(state) => state,
            State::Greedy(state) => state,
            State::Adaptive(state) => state,
        }
    }

    fn rule_mut(&mut self) -> &mut dyn RuleState {
        match self {
            State::OnPlateau(state) => state,
            State::Greedy(state) => state,
            State::Adaptive(state) => state,
        }
    }
}

impl RateRule {
    /// What it reads.
    pub fn monitor(&self) -> Monitor {
        match self {
            RateRule::OnPlateau(rule) => rule.monitor,
            RateRule::Greedy(rule) => rule.monitor,
            RateRule::Adaptive(rule) => rule.monitor,
        }
    }

    fn state(self) -> State {
        match self {
            RateRule::OnPlateau(rule) => State::OnPlateau(super::on_plateau::State::new(rule)),
            RateRule::Greedy(rule) => State::Greedy(super::greedy::State::new(rule)),
            RateRule::Adaptive(rule) => State::Adaptive(super::adaptive::State::new(rule)),
        }
    }
}

/// A rule at work on one curve. Its state is a function of the points seen, so a resumed run rebuilds it by showing it what
/// is stored.
#[derive(Debug, Clone)]
pub struct RateWatch {
    monitor: Monitor,
    score: Score,
    /// Epochs of the run before it begins to read.
    from: u32,
    seen: u32,
    changes: Vec<(u32, f64)>,
    state: State,
}

impl RateWatch {
    /// A rule that has seen nothing. `from`: epochs of the run before it begins to read. `score` says whether a higher
    /// score is better.
    pub fn new(rule: RateRule, from: u32, score: Score) -> RateWatch {
        let (monitor, state) = (rule.monitor(), rule.state());
        RateWatch { monitor, score, from, seen: 0, changes: Vec::new(), state }
    }

    /// Takes the next epoch's point; points must come in order. Gives why the run ends here, or `None` to go on.
    pub fn observe(&mut self, point: &Point) -> Option<Stopped> {
        self.seen = point.epoch;
        if point.epoch <= self.from {
            return None;
        }
        let value = point.minimised(self.monitor, self.score).unwrap_or(f64::NAN);
        let before = self.changes.last().map_or(1.0, |(_, factor)| *factor);
        let factor = match self.state.rule_mut().observe(value, point.rate) {
            Decision::Stay => return None,
            Decision::Stop => return Some(Stopped::Converged),
            Decision::Times(factor) => before * factor,
            Decision::Restart => 1.0,
        };
        if factor != before {
            self.changes.push((point.epoch, factor));
        }
        None
    }

    /// What was changed so far: after so many epochs of the run the rate is multiplied by this, in place of what was before.
    pub fn changes(&self) -> &[(u32, f64)] {
        &self.changes
    }

    /// Epochs of the run whose rates are known by now.
    pub fn certain(&self) -> u32 {
        self.seen.max(self.from).saturating_add(self.state.rule().quiet().max(1))
    }
}

/// By how much a value must be lower than the best one to count as better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Threshold {
    pub(super) amount: f64,
    /// Of the best value's size, not absolute.
    pub(super) relative: bool,
}

impl Threshold {
    /// Whether `value` is better than `best`, both to be minimised. A value that is not a number never is.
    pub(super) fn better(&self, value: f64, best: Option<f64>) -> bool {
        match best {
            None => !value.is_nan(),
            // Of the size, so that values below zero have to fall as well (upstream they may rise).
            Some(best) if self.relative => value < best - best.abs() * self.amount,
            Some(best) => value < best - self.amount,
        }
    }
}

/// What the rate is to be multiplied by so that it becomes `factor` times itself, but not lower than `min`; `None` if that
/// changes it by no more than `eps`.
pub(super) fn lowered(rate: f64, factor: f64, min: f64, eps: f64) -> Option<f64> {
    let times = if rate * factor >= min { factor } else { (min / rate).min(1.0) };
    (rate - rate * times > eps).then_some(times)
}

/// A schedule whose rate follows the curve, planned for one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruled {
    schedule: Schedule,
    rule: RateRule,
    /// Epochs of the run before the rule begins to read.
    from: f64,
}

impl Ruled {
    /// The rule at work on a curve of which nothing has been seen. `score` says whether a higher score is better.
    pub fn watch(&self, score: Score) -> RateWatch {
        // An epoch that the rule begins within is not its own.
        RateWatch::new(self.rule, self.from.ceil() as u32, score)
    }

    /// What it reads.
    pub fn monitor(&self) -> Monitor {
        self.rule.monitor()
    }

    /// The schedule with the rule's place taken by what it decided ([`RateWatch::changes`]): known ahead, and the same bits.
    pub fn written_out(&self, changes: &[(u32, f64)]) -> Schedule {
        written_out(&self.schedule, changes, self.from)
    }

    /// The schedule as it comes out on a curve that is known: `values`, to be minimised, one for each epoch. `base` and
    /// `steps_per_epoch` are those of [`Schedule::resolve`].
    ///
    /// # Errors
    /// As [`Schedule::resolve`].
    pub fn on(&self, values: &[f64], base: Option<f64>, steps_per_epoch: u32) -> Result<Schedule, InputError> {
        let epochs = values.len() as u32;
        let mut watch = self.watch(Score::LogLoss);
        let mut schedule = self.written_out(&[]);
        let mut resolved = schedule.resolve(base, steps_per_epoch, epochs)?;
        for (value, epoch) in values.iter().zip(1..) {
            let rate = resolved.at(u64::from(epoch) * u64::from(steps_per_epoch) - 1).rate;
            let (validation_loss, score) = (Some(*value), Some(*value));
            let before = watch.changes().len();
            let point = Point { epoch, rate, train_loss: *value, objective: *value, validation_loss, score };
            if watch.observe(&point).is_some() {
                break;
            }
            if watch.changes().len() > before {
                schedule = self.written_out(watch.changes());
                resolved = schedule.resolve(base, steps_per_epoch, epochs)?;
            }
        }
        Ok(schedule)
    }

    /// The point of the space with the schedule written out.
    pub fn config(&self, config: &Config, changes: &[(u32, f64)]) -> Config {
        config.with("schedule", Value::Text(self.written_out(changes).to_string()))
    }
}

impl Schedule {
    /// The rule among its parts that reads the curve; at most one.
    pub fn rate_rule(&self) -> Option<RateRule> {
        match self {
            Schedule::OnPlateau(rule, _) => Some(RateRule::OnPlateau(*rule)),
            Schedule::Greedy(rule, _) => Some(RateRule::Greedy(*rule)),
            Schedule::Adaptive(rule, _) => Some(RateRule::Adaptive(*rule)),
            Schedule::Sequence(children) | Schedule::Chain(children) => children.iter().find_map(Schedule::rate_rule),
            _ => None,
        }
    }

    /// The schedule with its rule, for a run of `epochs` epochs of `steps_per_epoch` optimizer steps; `None` where the rate
    /// is known ahead.
    ///
    /// # Errors
    /// As [`Schedule::resolve`], as far as lengths are concerned.
    pub fn ruled(&self, steps_per_epoch: u32, epochs: u32) -> Result<Option<Ruled>, InputError> {
        let Some(rule) = self.rate_rule() else { return Ok(None) };
        let run = Run::new(steps_per_epoch, epochs).map_err(|error| error.at("schedule"))?;
        let start = start(self, &run, 0, run.steps).map_err(|error| error.at("schedule"))?;
        let from = start as f64 / f64::from(steps_per_epoch);
        Ok(Some(Ruled { schedule: self.clone(), rule, from }))
    }
}

/// The step of the run at which the rule in a schedule that takes `steps` steps from `from` on begins.
fn start(schedule: &Schedule, run: &Run, from: u64, steps: u64) -> Result<u64, InputError> {
    let ruled = |children: &[Schedule]| children.iter().position(|child| child.rate_rule().is_some());
    match schedule {
        Schedule::Sequence(children) => match ruled(children) {
            Some(place) => {
                let starts = sequence::starts(children, run, from, steps)?;
                start(&children[place], run, starts[place], starts[place + 1] - starts[place])
            }
            None => Ok(from),
        },
        Schedule::Chain(children) => match ruled(children) {
            Some(place) => start(&children[place], run, from, steps),
            None => Ok(from),
        },
        _ => Ok(from),
    }
}

fn written_out(schedule: &Schedule, changes: &[(u32, f64)], from: f64) -> Schedule {
    let all = |children: &[Schedule]| children.iter().map(|child| written_out(child, changes, from)).collect();
    match schedule {
        Schedule::Sequence(children) => Schedule::Sequence(all(children)),
        Schedule::Chain(children) => Schedule::Chain(all(children)),
        _ if schedule.rate_rule().is_none() => schedule.clone(),
        _ => recorded(changes, from, schedule.timing()),
    }
}

/// What a rule decided, as a schedule that is known ahead.
fn recorded(changes: &[(u32, f64)], from: f64, timing: super::Timing) -> Schedule {
    if changes.is_empty() {
        return Schedule::Constant(super::Constant, timing);
    }
    // Where the rule begins within an epoch, its changes still come between epochs, whatever a part's steps.
    let early = if from.fract() == 0.0 { 0.0 } else { 0.5 };
    let at = changes.iter().map(|(epoch, _)| Length { number: f64::from(*epoch) - from - early, unit: Unit::Epochs });
    let factors = std::iter::once(1.0).chain(changes.iter().map(|(_, factor)| *factor));
    Schedule::Piecewise(super::Piecewise { at: at.collect(), factors: factors.collect() }, timing)
}

/// Refuses several rules among the children of a sequence or chain.
pub(super) fn check(name: &str, children: &[Schedule]) -> Result<(), InputError> {
    match children.iter().filter(|child| child.rate_rule().is_some()).count() {
        0 | 1 => Ok(()),
        _ => Err(InputError::new(format!("{name} holds two rules that read the curve")).remedy("leave one out")),
    }
}

/// `monitor` of a rule.
pub(super) fn monitor(args: &Args<'_>) -> Result<Option<Monitor>, InputError> {
    let words: Vec<&str> = Monitor::ALL.iter().map(|one| one.word()).collect();
    args.word("monitor", &words)?.map(str::parse).transpose()
}

/// What is said of it.
pub(super) const MONITOR: &str = "what is read: loss (validation), score or training_loss";

/// A number from 0 up, as a rule's key.
pub(super) fn from_zero(rule: &str, key: &str, value: f64) -> Result<(), InputError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(InputError::new(format!("{key} of {rule} is {}", number(value))).remedy("give a number from 0 up"))
}

/// A factor by which a rule lowers the rate.
pub(super) fn below_one(rule: &str, value: f64) -> Result<(), InputError> {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    Err(InputError::new(format!("factor of {rule} is {}", number(value))).remedy("give a number above 0 and below 1"))
}
