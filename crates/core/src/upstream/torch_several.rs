//! PyTorch's schedulers of schedulers.

use super::Import;
use super::bind::Bound;
use super::python::{Expr, Kind};
use super::timeline::{General, Segment, Timeline};
use super::torch::from_the_beginning;
use crate::InputError;
use crate::text::Writer;

type Read = Result<Timeline, InputError>;

/// PyTorch refuses it there too: neither hands the metric on.
const ON_PLATEAU: &str = "PyTorch refuses it there; write it in this project's own form, such as \
                          sequence(linear(from=0.1, over=5), on_plateau(factor=0.1, patience=10))";

/// The schedulers in a list, at least one.
fn schedulers<'a>(bound: &Bound<'a>) -> Result<&'a [Expr], InputError> {
    let children = bound.need("schedulers", bound.list("schedulers")?)?;
    if children.is_empty() {
        return Err(bound
            .error_at("schedulers", format!("{} has no schedulers", bound.name()))
            .remedy("name at least one"));
    }
    Ok(children)
}

/// The constructor that an expression calls.
fn called(expr: &Expr) -> &str {
    match &expr.kind {
        Kind::Call(call) => call.short_name(),
        _ => "",
    }
}

pub(super) fn sequential_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let children = schedulers(bound)?;
    let milestones = bound.need("milestones", bound.list("milestones")?)?;
    if milestones.len() + 1 != children.len() {
        return Err(bound
            .error_at(
                "milestones",
                format!("SequentialLR has {} schedulers and {} milestones", children.len(), milestones.len()),
            )
            .remedy("give one milestone between each two schedulers"));
    }
    let mut starts = vec![0];
    for milestone in milestones {
        let start = bound.read_ticks("milestones", milestone, 0)?.unsigned_abs();
        if starts.last().is_some_and(|before| start < *before) {
            return Err(import
                .place
                .error(milestone.at, "milestones of SequentialLR do not ascend")
                .remedy("sort them"));
        }
        starts.push(start);
    }
    let mut parts = Vec::new();
    for (index, (child, start)) in children.iter().zip(starts).enumerate() {
        let refused = match called(child) {
            "ChainedScheduler" if holds_sequences(child) => "take a chain of schedulers that are no sequences",
            "SWALR" => {
                "it goes on from the rate before it; write LinearLR or CosineAnnealingLR with the rate it ends at"
            }
            "ReduceLROnPlateau" => ON_PLATEAU,
            "MultiplicativeLR" if index > 0 => "it goes on from the rate before it; write ExponentialLR",
            _ => "",
        };
        if !refused.is_empty() {
            return Err(import.place.error(child.at, format!("{} within SequentialLR", called(child))).remedy(refused));
        }
        parts.push((start, import.timeline(child)?));
    }
    Ok(Timeline::join(parts))
}

pub(super) fn chained_scheduler(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let children = schedulers(bound)?;
    let mut text = Writer::new("chain");
    let mut owned = false;
    for child in children {
        let refused = match called(child) {
            "ReduceLROnPlateau" => Some(ON_PLATEAU),
            "SWALR" => Some("it goes on from the rate before it, whatever the others make of it"),
            "CosineAnnealingLR" | "CosineAnnealingWarmRestarts" if has_eta_min(child) => {
                Some("with eta_min its value is no factor of the others' but depends on their order; leave eta_min out")
            }
            _ => None,
        };
        if let Some(reason) = refused {
            return Err(import
                .place
                .error(child.at, format!("{} within ChainedScheduler", called(child)))
                .remedy(reason));
        }
        let timeline = import.timeline(child)?;
        owned |= timeline.owns_rate();
        text.value(timeline.write(import)?.0);
    }
    let rate = if owned { None } else { Some(import.lr(bound)?) };
    Ok(Segment::new(bound, rate, text, General::Own).into())
}

/// Whether there are sequences among what is chained: they would have to end with the chain, of which they know nothing.
fn holds_sequences(chain: &Expr) -> bool {
    let Kind::Call(call) = &chain.kind else { return false };
    call.args.iter().any(|arg| match &arg.value.kind {
        Kind::List(parts) => parts.iter().any(|part| called(part) == "SequentialLR" || holds_sequences(part)),
        _ => false,
    })
}

/// Whether a lowest rate other than 0 is given to an annealing.
fn has_eta_min(child: &Expr) -> bool {
    let Kind::Call(call) = &child.kind else { return false };
    let optimizer = call.args.first().is_some_and(|arg| matches!(arg.value.kind, Kind::Name(_)));
    // The place of eta_min among the arguments without names.
    let place = usize::from(optimizer) + if call.short_name() == "CosineAnnealingLR" { 1 } else { 2 };
    call.args.iter().enumerate().any(|(index, arg)| {
        let named = arg.keyword.as_deref() == Some("eta_min");
        (named || (arg.keyword.is_none() && index == place)) && arg.value.kind != Kind::Number(0.0)
    })
}
