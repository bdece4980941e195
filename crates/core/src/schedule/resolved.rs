//! A schedule whose lengths are fixed: the rate at each step.

use super::form::Run;
use super::{Curve, Per, RateSource, Schedule};
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
    pub(super) fn new(curve: Curve, start: u64, length: Option<u64>, per: Per, scale: f64) -> Result<Self, InputError> {
        let part = Part { start, length, per, scale, curve };
        // No curve is higher between its ends than at them or, if it is cyclic, than rates that are numbers already.
        let ends = [part.value(0), part.value(length.unwrap_or(0))];
        if ends.iter().all(|setting| setting.rate.is_finite()) {
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
        let held = |part: &Part| part.per == Per::Epoch || matches!(part.curve, Curve::Constant(_));
        held(&self.first) && self.later.iter().all(|part| held(part) && part.start % spe == 0)
    }

    /// Optimizer steps in an epoch, at least 1.
    pub fn steps_per_epoch(&self) -> u32 {
        self.steps_per_epoch.get()
    }
}

/// Resolves a schedule that is not a sequence and has been checked.
pub(super) fn alone(schedule: &Schedule, base: Option<f64>, run: &Run) -> Result<Resolved, InputError> {
    let (kind, timing) = (schedule.kind(), schedule.timing());
    let length = match timing.over {
        Some(over) => Some(run.steps_whole(&over)?),
        None => kind.needs_length.then_some(run.steps),
    };
    if kind.rate == RateSource::Before && length.is_some_and(|length| length < run.steps) {
        return Err(InputError::new(format!("{schedule} alone ends before the run does"))
            .remedy(format!("write sequence(constant(), {schedule})")));
    }
    let part = Part::new(schedule.curve(run)?, 0, length, timing.per.unwrap_or(kind.clock), base.unwrap_or(1.0))?;
    Ok(Resolved::new(run, part, Vec::new()))
}
