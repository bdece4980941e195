//! Schedules multiplied with one another.

use super::form::{CurveAt, Kind, Place};
use super::resolved::{Resolved, within};
use super::{Per, RateSource, Schedule, Setting};
use crate::InputError;
use crate::text::Call;
use serde::{Deserialize, Serialize};

pub(super) const KIND: Kind = Kind {
    name: "chain",
    summary: "The product of its schedules, all from the same beginning.",
    formula: "the product of its schedules",
    keys: &[],
    positional: None,
    rate: RateSource::Base,
    clock: Per::Epoch,
    needs_length: false,
    upstream: &["torch ChainedScheduler", "burn ComposedLrScheduler"],
    example: "chain(cosine, step(every=20, gamma=0.5))",
};

/// The resolved form: its factors, of which one at most gives rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// The step of the run at which it starts.
    start: u64,
    factors: Vec<Resolved>,
}

pub(super) fn read(call: &Call) -> Result<Vec<Schedule>, InputError> {
    super::sequence::children(call, "chain(cosine(), step(every=20))")
}

/// Whether its values are rates already, so that the base rate is not to be multiplied in.
fn gives_rates(schedule: &Schedule) -> bool {
    match schedule {
        Schedule::Sequence(children) | Schedule::Chain(children) => children.iter().any(gives_rates),
        _ => matches!(schedule.rate(), RateSource::Own | RateSource::OfBase),
    }
}

/// What holds whatever the run.
pub(super) fn check(children: &[Schedule]) -> Result<(), InputError> {
    if children.is_empty() {
        return Err(InputError::new("chain is empty").remedy("name its schedules: chain(cosine(), step(every=20))"));
    }
    children.iter().try_for_each(Schedule::check)?;
    super::rule::check(KIND.name, children)?;
    let mut giving = children.iter().filter(|child| gives_rates(child)).map(|child| child.kind().name);
    if let (Some(one), Some(other)) = (giving.next(), giving.next()) {
        return Err(InputError::new(format!("chain holds {one} and {other}, and both give rates"))
            .remedy("multiply one of them with schedules that give factors"));
    }
    Ok(())
}

pub(super) fn curve(children: &[Schedule], place: &Place<'_>) -> Result<Curve, InputError> {
    // The base rate goes to the one that makes rates, or to the first; the others are factors.
    let bearer = children.iter().position(gives_rates).unwrap_or(0);
    let factors = children.iter().enumerate().map(|(index, child)| {
        let base = if index == bearer { place.base } else { Some(1.0) };
        within(child, base, place.run, place.start, place.whole())
    });
    Ok(Curve { start: place.start, factors: factors.collect::<Result<_, _>>()? })
}

impl Curve {
    pub(super) fn held_per_epoch(&self) -> bool {
        self.factors.iter().all(Resolved::held_per_epoch)
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let step = self.start.saturating_add(t);
        let mut product = Setting { rate: 1.0, momentum: None };
        for factor in &self.factors {
            let setting = factor.at(step);
            // The highest product is a number unless a formula has a part in it.
            product.rate = (product.rate * setting.rate).min(f64::MAX);
            product.momentum = product.momentum.or(setting.momentum);
        }
        product
    }

    fn highest(&self, _: u64) -> f64 {
        self.factors.iter().map(Resolved::highest).product::<f64>()
    }
}
