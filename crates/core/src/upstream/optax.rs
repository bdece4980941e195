//! `optax.schedules`.

use super::bind::Bound;
use super::python::{Arg, Call, Expr, Kind};
use super::timeline::{General, Segment, Timeline};
use super::{Constructor, Import};
use crate::InputError;
use crate::text::{Writer, number};

type Read = Result<Timeline, InputError>;

pub(super) const CONSTRUCTORS: &[Constructor] = &[
    schedule("constant_schedule", &["value"], constant_schedule),
    schedule(
        "linear_schedule",
        &["init_value", "end_value", "transition_steps", "transition_begin"],
        |import, bound| polynomial(import, bound, 1.0),
    ),
    schedule(
        "polynomial_schedule",
        &["init_value", "end_value", "power", "transition_steps", "transition_begin"],
        |import, bound| polynomial(import, bound, bound.need("power", bound.number("power")?)?),
    ),
    schedule(
        "exponential_decay",
        &["init_value", "transition_steps", "decay_rate", "transition_begin", "staircase", "end_value"],
        |import, bound| exponential(import, bound, rate(bound, "init_value")?),
    ),
    schedule("cosine_decay_schedule", &["init_value", "decay_steps", "alpha", "exponent"], cosine_decay_schedule),
    schedule(
        "cosine_onecycle_schedule",
        &["transition_steps", "peak_value", "pct_start", "div_factor", "final_div_factor"],
        cosine_onecycle_schedule,
    ),
    schedule(
        "linear_onecycle_schedule",
        &["transition_steps", "peak_value", "pct_start", "pct_final", "div_factor", "final_div_factor"],
        linear_onecycle_schedule,
    ),
    schedule("piecewise_constant_schedule", &["init_value", "boundaries_and_scales"], piecewise_constant_schedule),
    schedule(
        "piecewise_interpolate_schedule",
        &["interpolate_type", "init_value", "boundaries_and_scales"],
        piecewise_interpolate_schedule,
    ),
    schedule("warmup_constant_schedule", &["init_value", "peak_value", "warmup_steps"], warmup_constant_schedule),
    schedule("warmup_cosine_decay_schedule", WARMUP_COSINE, warmup_cosine_decay_schedule),
    schedule(
        "warmup_exponential_decay_schedule",
        &[
            "init_value",
            "peak_value",
            "warmup_steps",
            "transition_steps",
            "decay_rate",
            "transition_begin",
            "staircase",
            "end_value",
        ],
        warmup_exponential_decay_schedule,
    ),
    schedule("sgdr_schedule", &["cosine_kwargs"], sgdr_schedule),
    schedule("join_schedules", &["schedules", "boundaries"], join_schedules),
];

const WARMUP_COSINE: &[&str] = &["init_value", "peak_value", "warmup_steps", "decay_steps", "end_value", "exponent"];

const fn schedule(
    name: &'static str,
    params: &'static [&'static str],
    read: fn(&Import<'_>, &Bound<'_>) -> Read,
) -> Constructor {
    Constructor { name, params, optimizer: false, read }
}

fn rate(bound: &Bound<'_>, param: &str) -> Result<f64, InputError> {
    bound.need(param, bound.rate(param)?)
}

/// A number of ticks of which optax makes nothing where it is not above 0.
fn ticks(bound: &Bound<'_>, param: &str) -> Result<u64, InputError> {
    Ok(bound.need(param, bound.ticks(param, i64::MIN)?)?.max(0).unsigned_abs())
}

fn ticks_or_0(bound: &Bound<'_>, param: &str) -> Result<u64, InputError> {
    Ok(bound.ticks(param, i64::MIN)?.unwrap_or(0).max(0).unsigned_abs())
}

fn constant_schedule(_: &Import<'_>, bound: &Bound<'_>) -> Read {
    Ok(Segment::constant(bound, rate(bound, "value")?).into())
}

fn polynomial(import: &Import<'_>, bound: &Bound<'_>, power: f64) -> Read {
    let (init, end) = (rate(bound, "init_value")?, rate(bound, "end_value")?);
    let (over, begin) = (ticks(bound, "transition_steps")?, ticks_or_0(bound, "transition_begin")?);
    if over == 0 || init == end {
        return Ok(Segment::constant(bound, init).into());
    }
    if power == 1.0 {
        return Ok(line(import, bound, (init, end), over, begin).into());
    }
    let segment = if init > 0.0 {
        Segment::polynomial(import, bound, init, power, end / init, over)
    } else {
        let t = import.clock();
        let general = General::formula(format!("1 - (1 - min({t}, {over}) / {over})**{}", number(power)));
        Segment::general(import, bound, end, general)
    };
    Ok(after(bound, init, begin, segment.into()))
}

/// A line between two rates, of which one is above 0; before `begin` the first holds.
fn line(import: &Import<'_>, bound: &Bound<'_>, (init, end): (f64, f64), over: u64, begin: u64) -> Segment {
    let highest = init.max(end);
    let (from, to) = (init / highest, end / highest);
    if begin == 0 {
        return Segment::line(bound, highest, from, to, over);
    }
    Segment::points(import, bound, highest, vec![begin, begin.saturating_add(over)], vec![from, to], false)
}

/// A schedule that begins later, and one rate before it.
fn after(bound: &Bound<'_>, before: f64, begin: u64, schedule: Timeline) -> Timeline {
    Timeline::join([(0, Segment::constant(bound, before).into()), (begin, schedule)])
}

fn exponential(import: &Import<'_>, bound: &Bound<'_>, init: f64) -> Read {
    let (every, begin) = (ticks(bound, "transition_steps")?, ticks_or_0(bound, "transition_begin")?);
    let gamma = bound.need("decay_rate", bound.rate("decay_rate")?)?;
    let staircase = bound.flag("staircase")?.unwrap_or(false);
    let end = if bound.some("end_value").is_some() { bound.rate("end_value")? } else { None };
    if every == 0 || gamma == 0.0 || init == 0.0 {
        return Ok(Segment::constant(bound, init).into());
    }
    // The end is a bound from the side that the rates go to, and holds for all of them.
    if let Some(end) = end.filter(|end| if gamma < 1.0 { *end >= init } else { *end <= init }) {
        return Ok(Segment::constant(bound, end).into());
    }
    let limit = end.map(|end| end / init).filter(|_| gamma != 1.0);
    let segment = Segment::exponential(import, bound, init, gamma, every, staircase, limit);
    Ok(after(bound, init, begin, segment.into()))
}

fn cosine_decay_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let init = rate(bound, "init_value")?;
    let over = bound.need("decay_steps", bound.length("decay_steps")?)?;
    let alpha = bound.rate("alpha")?.unwrap_or(0.0);
    let exponent = bound.number("exponent")?.unwrap_or(1.0);
    Ok(Segment::half_cosine(import, bound, init, alpha, exponent, over).into())
}

/// The place of a share of the steps, as optax cuts it off.
fn place(bound: &Bound<'_>, param: &str, default: f64, steps: u64) -> Result<u64, InputError> {
    let share = bound.number(param)?.unwrap_or(default);
    if !(0.0..=1.0).contains(&share) {
        return Err(bound
            .error_at(param, format!("{param} of {} is {}", bound.name(), number(share)))
            .remedy("give a number from 0 to 1"));
    }
    Ok((share * steps as f64) as u64)
}

/// What a one-cycle is divided by.
fn divisor(bound: &Bound<'_>, param: &str, default: f64) -> Result<f64, InputError> {
    let divisor = bound.number(param)?.unwrap_or(default);
    if divisor > 0.0 {
        return Ok(divisor);
    }
    Err(bound
        .error_at(param, format!("{param} of {} is {}", bound.name(), number(divisor)))
        .remedy("give a number above 0"))
}

/// The mistake of shares so near to each other that their steps are one; optax's own places overwrite each other then.
fn no_room(bound: &Bound<'_>, steps: u64) -> InputError {
    bound
        .error(format!("two places of {} are the same step of {steps}", bound.name()))
        .remedy("give it more steps, or shares further apart")
}

fn cosine_onecycle_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let steps = bound.need("transition_steps", bound.length("transition_steps")?)?;
    let peak = rate(bound, "peak_value")?;
    let up = place(bound, "pct_start", 0.3, steps)?;
    let (div, last) = (divisor(bound, "div_factor", 25.0)?, divisor(bound, "final_div_factor", 1e4)?);
    if up >= steps {
        return Err(no_room(bound, steps));
    }
    if up == 0 {
        let factors = vec![1.0, 1.0 / (div * last)];
        return Ok(Segment::points(import, bound, peak, vec![0, steps], factors, true).into());
    }
    let mut text = Writer::new("one_cycle");
    text.key("max", number(peak)).key("div", number(div)).key("final_div", number(last));
    text.key("up", import.length(up)).key("ends", "after");
    let general =
        General::Points { at: vec![0, up, steps], factors: vec![1.0 / div, 1.0, 1.0 / (div * last)], cosine: true };
    Ok(Segment::new(bound, Some(peak), text, general).owning().per_step().over(steps).into())
}

fn linear_onecycle_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let steps = bound.need("transition_steps", bound.length("transition_steps")?)?;
    let peak = rate(bound, "peak_value")?;
    let (up, down) = (place(bound, "pct_start", 0.3, steps)?, place(bound, "pct_final", 0.85, steps)?);
    let (div, last) = (divisor(bound, "div_factor", 25.0)?, divisor(bound, "final_div_factor", 1e4)?);
    if !(up < down && down < steps) {
        return Err(no_room(bound, steps));
    }
    let factors = vec![1.0 / div, 1.0, 1.0 / div, 1.0 / (div * last)];
    Ok(Segment::points(import, bound, peak, vec![0, up, down, steps], factors, false).into())
}

/// Places, ascending, and the products of the scales up to each. 1 is the factor before the first.
fn scales(bound: &Bound<'_>) -> Result<(Vec<u64>, Vec<f64>), InputError> {
    let mut entries: Vec<(u64, f64)> = Vec::new();
    if bound.some("boundaries_and_scales").is_some() {
        for (place, scale) in bound.dict("boundaries_and_scales")?.unwrap_or_default() {
            let at = bound.read_ticks("boundaries_and_scales", place, 0)?.unsigned_abs();
            let factor = bound.read_number("boundaries_and_scales", scale)?;
            if factor < 0.0 {
                return Err(bound
                    .place
                    .error(scale.at, format!("a scale of {} is {}", bound.name(), number(factor)))
                    .remedy("give a number of at least 0"));
            }
            // As in Python, the later of two equal keys.
            entries.retain(|(before, _)| *before != at);
            entries.push((at, factor));
        }
    }
    entries.sort_by_key(|(at, _)| *at);
    let mut factors = vec![1.0];
    for (_, scale) in &entries {
        factors.push(factors[factors.len() - 1] * scale);
    }
    Ok((entries.iter().map(|(at, _)| *at).collect(), factors))
}

fn piecewise_constant_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let init = rate(bound, "init_value")?;
    let (at, factors) = scales(bound)?;
    Ok(Segment::steps(import, bound, init, &at, &factors).into())
}

fn piecewise_interpolate_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let shape = bound.need("interpolate_type", bound.word("interpolate_type", &["linear", "cosine"])?)?;
    let init = rate(bound, "init_value")?;
    let (mut at, factors) = scales(bound)?;
    if at.is_empty() {
        return Ok(Segment::constant(bound, init).into());
    }
    at.insert(0, 0);
    Ok(Segment::points(import, bound, init, at, factors, shape == "cosine").into())
}

/// The way up from one rate to another; none where it takes no steps.
fn warmup(import: &Import<'_>, bound: &Bound<'_>) -> Result<(f64, u64, Timeline), InputError> {
    let (init, peak) = (rate(bound, "init_value")?, rate(bound, "peak_value")?);
    let over = ticks(bound, "warmup_steps")?;
    let timeline = if over == 0 || init == peak {
        Segment::constant(bound, init).into()
    } else {
        line(import, bound, (init, peak), over, 0).into()
    };
    Ok((peak, over, timeline))
}

fn warmup_constant_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    Ok(warmup(import, bound)?.2)
}

fn warmup_cosine_decay_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (peak, start, up) = warmup(import, bound)?;
    let total = bound.need("decay_steps", bound.length("decay_steps")?)?;
    let end = bound.rate("end_value")?.unwrap_or(0.0);
    let exponent = bound.number("exponent")?.unwrap_or(1.0);
    if start >= total {
        return Err(bound
            .error_at("decay_steps", format!("decay_steps of {} is not above warmup_steps", bound.name()))
            .remedy("give the length of both together"));
    }
    let alpha = if peak == 0.0 { 0.0 } else { end / peak };
    let decay = Segment::half_cosine(import, bound, peak, alpha, exponent, total - start);
    Ok(Timeline::join([(0, up), (start, decay.into())]))
}

fn warmup_exponential_decay_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (peak, start, up) = warmup(import, bound)?;
    Ok(Timeline::join([(0, up), (start, exponential(import, bound, peak)?)]))
}

/// A list of the arguments of `warmup_cosine_decay_schedule`, one for each cycle.
fn sgdr_schedule(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let cycles = bound.need("cosine_kwargs", bound.list("cosine_kwargs")?)?;
    if cycles.is_empty() {
        return Err(bound.error_at("cosine_kwargs", "sgdr_schedule has no cycles").remedy("name at least one"));
    }
    let (mut parts, mut start) = (Vec::new(), 0u64);
    for cycle in cycles {
        let call = keywords(bound, cycle)?;
        let cycle = Bound::new(bound.place, &call, WARMUP_COSINE, 0)?;
        parts.push((start, warmup_cosine_decay_schedule(import, &cycle)?));
        start = start.saturating_add(cycle.length("decay_steps")?.unwrap_or(0));
    }
    Ok(Timeline::join(parts))
}

/// `{"init_value": 0.0}` or `dict(init_value=0.0)` as a call with these keywords.
fn keywords(bound: &Bound<'_>, expr: &Expr) -> Result<Call, InputError> {
    let name = "warmup_cosine_decay_schedule".to_owned();
    match &expr.kind {
        Kind::Call(call) if call.name == "dict" => Ok(Call { name, at: expr.at, args: call.args.clone() }),
        Kind::Dict(entries) => {
            let arg = |(key, value): &(Expr, Expr)| match &key.kind {
                Kind::Text(keyword) => Ok(Arg { keyword: Some(keyword.clone()), at: key.at, value: value.clone() }),
                other => {
                    Err(bound.place.error(key.at, format!("{}, where a name in quotes is expected", other.describe())))
                }
            };
            Ok(Call { name, at: expr.at, args: entries.iter().map(arg).collect::<Result<_, _>>()? })
        }
        other => Err(bound.place.error(expr.at, format!("{}, where a dictionary is expected", other.describe()))),
    }
}

fn join_schedules(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let children = bound.need("schedules", bound.list("schedules")?)?;
    let boundaries = bound.need("boundaries", bound.list("boundaries")?)?;
    if children.is_empty() || boundaries.len() + 1 != children.len() {
        return Err(bound
            .error_at(
                "boundaries",
                format!("join_schedules has {} schedules and {} boundaries", children.len(), boundaries.len()),
            )
            .remedy("give one boundary between each two schedules"));
    }
    let mut parts = vec![(0, import.timeline(&children[0])?)];
    for (child, boundary) in children[1..].iter().zip(boundaries) {
        let start = bound.read_ticks("boundaries", boundary, 0)?.unsigned_abs();
        if parts.last().is_some_and(|(before, _)| start < *before) {
            return Err(import
                .place
                .error(boundary.at, "boundaries of join_schedules do not ascend")
                .remedy("sort them"));
        }
        parts.push((start, import.timeline(child)?));
    }
    Ok(Timeline::join(parts))
}
