//! A schedule whose lengths are fixed: the rate at each step.

use super::form::{Place, Run};
use super::{Curve, Per, RateSource, Schedule, sequence};
use crate::InputError;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// What an optimizer step is done with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The learning rate; finite, at least 0, and 0 only where the schedule says so.
    pub rate: f64,
    /// Momentum of SGD or β1 of Adam-like optimizers where it is cycled, at least 0 and below 1; none where the
    /// optimizer's own is left alone.
    pub momentum: Option<f64>,
}

impl Setting {
    pub(super) fn rate(rate: f64) -> Self {
        Setting { rate, momentum: None }
    }
}

/// A schedule for one training run: all lengths are fixed, in optimizer steps.
///
/// Equal values give equal rates. A schedule that does not depend on the number of epochs
/// ([`Schedule::depends_on_epochs`]) resolves to equal values whatever that number is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    steps_per_epoch: NonZeroU32,
    first: Part,
    /// The rest of a sequence, in order of their starts.
    later: Vec<Part>,
}

/// One curve and the steps it holds for: from its start to the start of the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    start: u64,
    /// In steps; the value there is held after it. None has no end.
    length: Option<u64>,
    per: Per,
    /// What the curve's values are multiplied by: the base rate, or 1 where they are rates.
    scale: f64,
    curve: Curve,
}

impl Part {
    /// # Errors
    /// If the rates are too large to be numbers.
    fn new(curve: Curve, place: &Place<'_>, scale: f64) -> Result<Self, InputError> {
        let part = Part { start: place.start, length: place.length, per: place.per, scale, curve };
        if part.highest().is_finite() {
            return Ok(part);
        }
        Err(InputError::new("the learning rate becomes too large to be a number").remedy("give a smaller one"))
    }

    /// The setting at a step of the run that is not before the start.
    pub(super) fn at(&self, step: u64, steps_per_epoch: NonZeroU32) -> Setting {
        let steps_per_epoch = u64::from(steps_per_epoch.get());
        let read_at = match self.per {
            Per::Step => step,
            // A part that starts within an epoch has only its start to go by there.
            Per::Epoch => (step - step % steps_per_epoch).max(self.start),
        };
        self.value(read_at.saturating_sub(self.start))
    }

    /// No rate is above this.
    fn highest(&self) -> f64 {
        self.scale * self.curve.highest(self.length.unwrap_or(u64::MAX))
    }

    /// Whether all steps of an epoch that is wholly its own have the same setting.
    fn held(&self) -> bool {
        match &self.curve {
            Curve::Chain(chain) => chain.held_per_epoch(),
            Curve::Constant(_) => true,
            _ => self.per == Per::Epoch,
        }
    }

    /// The setting `t` steps after the start.
    fn value(&self, t: u64) -> Setting {
        let length = self.length.unwrap_or(u64::MAX);
        let setting = self.curve.at(t.min(length), length);
        Setting { rate: self.scale * setting.rate, ..setting }
    }
}

impl Resolved {
    pub(super) fn new(run: &Run, first: Part, later: Vec<Part>) -> Self {
        Resolved { steps_per_epoch: run.steps_per_epoch, first, later }
    }

    /// The setting at an optimizer step, from 0. It depends on nothing else, and any step may be asked for.
    pub fn at(&self, step: u64) -> Setting {
        let part = self.later.iter().rev().find(|part| part.start <= step).unwrap_or(&self.first);
        part.at(step, self.steps_per_epoch)
    }

    /// Whether all steps of an epoch have the same setting, so that it is enough to ask once for each epoch.
    pub fn held_per_epoch(&self) -> bool {
        let spe = u64::from(self.steps_per_epoch.get());
        self.first.held() && self.later.iter().all(|part| part.held() && part.start % spe == 0)
    }

    /// Whether the epoch that begins at a step is known to have one setting without a look at each of its steps; where it is
    /// not known, it may have one all the same.
    pub fn held_from(&self, step: u64) -> bool {
        let steps_per_epoch = u64::from(self.steps_per_epoch.get());
        let end = step.saturating_add(steps_per_epoch);
        let (mut holding, mut until) = (&self.first, u64::MAX);
        for part in self.later.iter().rev() {
            if part.start <= step {
                holding = part;
                break;
            }
            until = part.start;
        }
        let over = holding.length.is_some_and(|length| step - holding.start >= length);
        // The factors of a chain count epochs from its start.
        let aligned = holding.start.is_multiple_of(steps_per_epoch) || !matches!(holding.curve, Curve::Chain(_));
        until >= end && (over || aligned && holding.held())
    }

    /// No rate is above this.
    pub(super) fn highest(&self) -> f64 {
        self.later.iter().map(Part::highest).fold(self.first.highest(), f64::max)
    }

    /// Optimizer steps in an epoch, at least 1.
    pub fn steps_per_epoch(&self) -> u32 {
        self.steps_per_epoch.get()
    }
}

/// Resolves a schedule that has been checked, over `steps` steps of a run from `start` on.
pub(super) fn within(
    schedule: &Schedule,
    base: Option<f64>,
    run: &Run,
    start: u64,
    steps: u64,
) -> Result<Resolved, InputError> {
    if let Schedule::Sequence(children) = schedule {
        return sequence::resolve(children, base, run, start, steps);
    }
    let timing = schedule.timing();
    let length = match timing.over {
        Some(over) => Some(run.steps_whole(&over)?),
        None => schedule.needs_length().then_some(steps),
    };
    if matches!(schedule, Schedule::Cooldown(..)) && length.is_some_and(|length| length < steps) {
        return Err(InputError::new(format!("{schedule} alone ends before the run does"))
            .remedy(format!("write sequence(constant(), {schedule})")));
    }
    let per = timing.per.unwrap_or(schedule.clock());
    let part = part(schedule, &Place { run, start, steps, length, per, base }, base)?;
    Ok(Resolved::new(run, part, Vec::new()))
}

/// The curve of a schedule that is no sequence, in its place. `before` is the rate of the step before it.
pub(super) fn part(schedule: &Schedule, place: &Place<'_>, before: Option<f64>) -> Result<Part, InputError> {
    let scale = match schedule.rate() {
        RateSource::Base => place.base,
        RateSource::Before => before,
        RateSource::Own | RateSource::OfBase => None,
    };
    Part::new(schedule.curve(place)?, place, scale.unwrap_or(1.0))
}
