//! One schedule after another.

use super::form::{Kind, Place, Run};
use super::resolved::{self, Part, Resolved};
use super::{Per, RateSource, Schedule};
use crate::InputError;
use crate::text::{Arg, Call, Unit, Value, number};

pub(super) const KIND: Kind = Kind {
    name: "sequence",
    summary: "One schedule after another.",
    formula: "its schedules one after another, each from its own t = 0",
    keys: &[],
    positional: None,
    rate: RateSource::Base,
    clock: Per::Epoch,
    needs_length: false,
    upstream: &["torch SequentialLR", "optax join_schedules"],
    example: "sequence(linear(from=0, to=1, over=5), cosine)",
};

pub(super) fn read(call: &Call) -> Result<Vec<Schedule>, InputError> {
    let schedules = children(call, "sequence(linear(from=0, to=1, over=5), cosine())")?;
    match schedules.iter().position(|child| matches!(child, Schedule::Sequence(_))) {
        Some(child) => Err(call.error(call.args[child].value_at, "a sequence within a sequence").remedy(FLATTEN)),
        None => Ok(schedules),
    }
}

/// The schedules that a call holds, and nothing else. `example` shows how.
pub(super) fn children(call: &Call, example: &str) -> Result<Vec<Schedule>, InputError> {
    let name = &call.name;
    let child = |arg: &Arg| {
        if let Some(key) = &arg.key {
            return Err(call
                .error(arg.at, format!("{name} has no keys, and '{key}' is given"))
                .remedy(format!("write its schedules one after another: {example}")));
        }
        match &arg.value {
            Value::Call(child) => Schedule::from_call(child),
            Value::Word(name) => {
                let child = Call { what: call.what, name: name.clone(), name_at: arg.value_at, args: Vec::new() };
                Schedule::from_call(&child)
            }
            _ => Err(call.error(arg.value_at, format!("expected a schedule in {name}")).remedy("such as cosine()")),
        }
    };
    call.args.iter().map(child).collect()
}

const FLATTEN: &str = "write its schedules in the outer one";

/// The mistake of a sequence as a child.
pub(super) fn nested() -> InputError {
    InputError::new("a sequence within a sequence").remedy(FLATTEN)
}

/// What holds whatever the run.
pub(super) fn check(children: &[Schedule]) -> Result<(), InputError> {
    let Some((_, before)) = children.split_last() else {
        return Err(
            InputError::new("sequence is empty").remedy("name its schedules: sequence(constant(), cooldown(20%))")
        );
    };
    for child in children {
        if matches!(child, Schedule::Sequence(_)) {
            return Err(nested());
        }
        child.check()?;
    }
    if before.iter().any(|child| matches!(child, Schedule::Cooldown(..))) {
        return Err(InputError::new("a cooldown within sequence is not its last schedule").remedy("move it to the end"));
    }
    let named =
        |sources: &[RateSource]| children.iter().find(|child| sources.contains(&child.rate())).map(Schedule::kind);
    let of_base = [RateSource::Base, RateSource::OfBase];
    if let (Some(own), Some(other)) = (named(&[RateSource::Own]), named(&of_base)) {
        return Err(InputError::new(format!(
            "sequence holds {}, which has rates of its own, and {}, which multiplies a learning rate",
            own.name, other.name
        ))
        .remedy("take schedules of one sort"));
    }
    let open: Vec<&Schedule> = children.iter().filter(|child| child.timing().over.is_none()).collect();
    if open.len() > 1 {
        // The last may well take the remainder, so the one to mend is the first; a chain cannot be given a length.
        let chain = |child: &Schedule| matches!(child, Schedule::Chain(_));
        let Some(first) = open.iter().find(|child| !chain(child)).map(|child| child.kind().name) else {
            return Err(InputError::new("sequence holds more than one chain, and a chain takes what the others leave")
                .remedy("write one chain of sequences"));
        };
        return Err(InputError::new(format!("{first} in sequence has no length, and it is not the only one"))
            .remedy(format!("give it one, such as {first}(over=5); one schedule may leave it out")));
    }
    Ok(())
}

/// Resolves a sequence that has been checked, over `steps` steps of a run from `start` on.
pub(super) fn resolve(
    children: &[Schedule],
    base: Option<f64>,
    run: &Run,
    start: u64,
    steps: u64,
) -> Result<Resolved, InputError> {
    let starts = starts(children, run, start, steps)?;
    let mut parts: Vec<Part> = Vec::new();
    let mut before: Option<f64> = base;
    for (index, child) in children.iter().enumerate() {
        let timing = child.timing();
        let (start, end) = (starts[index], starts[index + 1]);
        let leads = index == 0 && matches!(child, Schedule::Linear(..));
        let clock = if leads { Per::Step } else { child.clock() };
        // Only the last can be without an end; an emptied one is still asked for its first rate below.
        let last = index + 1 == children.len();
        let steps = (end - start).max(1);
        let length = (!last || child.needs_length() || timing.over.is_some()).then_some(steps);
        let place = Place { run, start, steps, length, per: timing.per.unwrap_or(clock), base };
        let part = resolved::part(child, &place, before)?;
        before = Some(part.at(end.saturating_sub(1).max(start), run.steps_per_epoch).rate);
        if start < end || last {
            parts.push(part);
        }
    }
    let first = parts.remove(0);
    Ok(Resolved::new(run, first, parts))
}

/// The steps at which the children start, and at which the last one ends.
///
/// Sums are rounded, not the lengths, so that shares which make up the run do so in steps too.
fn starts(children: &[Schedule], run: &Run, start: u64, steps: u64) -> Result<Vec<u64>, InputError> {
    let lengths: Vec<Option<f64>> =
        children.iter().map(|child| child.timing().over.map(|over| run.steps_exact(&over))).collect();
    let given: f64 = lengths.iter().flatten().sum();
    let (total, open) = (steps as f64, lengths.contains(&None));
    let steps_per_epoch = f64::from(run.steps_per_epoch.get());
    let whole = if steps == run.steps { "the run's" } else { "its" };
    let epochs = number(total / steps_per_epoch);
    // Half a step may be rounding; a remainder must be there, however short.
    if given >= if open { total } else { total + 0.5 } {
        let rest = if open { ", which leaves nothing for the one without a length" } else { "" };
        return Err(InputError::new(format!(
            "the lengths in sequence add up to {} epochs of {whole} {epochs}{rest}",
            number(given / steps_per_epoch),
        ))
        .remedy("shorten them, write them in %, or give the run more epochs"));
    }
    let mut sum = 0.0;
    let mut starts = vec![start];
    for length in &lengths {
        sum += length.unwrap_or(total - given);
        starts.push(start + (sum.round() as u64).min(steps));
    }
    let last = children.len() - 1;
    let cooldown = matches!(children[last], Schedule::Cooldown(..));
    if cooldown {
        if starts[last + 1] < start + steps {
            return Err(InputError::new(format!(
                "the cooldown ends after {} of {whole} {epochs} epochs",
                number(sum / steps_per_epoch),
            ))
            .remedy("leave the length of the schedule before it out"));
        }
        if last > 0 && children[last].timing().over.is_some_and(|over| over.unit != Unit::Steps) {
            let exact = (start as f64 + total - lengths[last].unwrap_or(0.0)) / steps_per_epoch;
            // The margin is for shares such as 30% that have no exact binary form.
            let epoch = (exact + 1e-9).floor();
            starts[last] = ((epoch * steps_per_epoch) as u64).max(starts[last - 1]);
        }
    }
    for (index, child) in children.iter().enumerate() {
        // What stands before a cooldown may give way to it in a run of very few epochs.
        let gives_way = cooldown && index + 1 == last;
        if starts[index] == starts[index + 1] && !gives_way {
            return Err(match child.timing().over {
                Some(over) => run.too_short(&over),
                None => InputError::new("the lengths in sequence leave less than one step").remedy("shorten them"),
            });
        }
    }
    Ok(starts)
}
