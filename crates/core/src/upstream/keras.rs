//! `keras.optimizers.schedules` and the callbacks that set the rate, of Keras 3.

use super::bind::Bound;
use super::lambda::{formula, uses};
use super::timeline::{General, Segment, Timeline};
use super::{Constructor, Import};
use crate::InputError;
use crate::text::{Writer, number, quoted};

type Read = Result<Timeline, InputError>;

pub(super) const CONSTRUCTORS: &[Constructor] = &[
    schedule(
        "ExponentialDecay",
        &["initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name"],
        exponential_decay,
    ),
    schedule("PiecewiseConstantDecay", &["boundaries", "values", "name"], piecewise_constant_decay),
    schedule(
        "PolynomialDecay",
        &["initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name"],
        polynomial_decay,
    ),
    schedule(
        "InverseTimeDecay",
        &["initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name"],
        inverse_time_decay,
    ),
    schedule(
        "CosineDecay",
        &["initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps"],
        cosine_decay,
    ),
    schedule(
        "CosineDecayRestarts",
        &["initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name"],
        cosine_decay_restarts,
    ),
    schedule("LearningRateScheduler", &["schedule", "verbose"], learning_rate_scheduler),
    schedule(
        "ReduceLROnPlateau",
        &["monitor", "factor", "patience", "verbose", "mode", "min_delta", "cooldown", "min_lr"],
        super::plateau::keras,
    ),
];

const fn schedule(
    name: &'static str,
    params: &'static [&'static str],
    read: fn(&Import<'_>, &Bound<'_>) -> Read,
) -> Constructor {
    Constructor { name, params, optimizer: false, read }
}

/// A parameter that has no default.
fn rate(bound: &Bound<'_>, param: &str) -> Result<f64, InputError> {
    bound.need(param, bound.rate(param)?)
}

fn length(bound: &Bound<'_>, param: &str) -> Result<u64, InputError> {
    bound.need(param, bound.length(param)?)
}

fn exponential_decay(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (initial, every) = (rate(bound, "initial_learning_rate")?, length(bound, "decay_steps")?);
    let gamma = rate(bound, "decay_rate")?;
    let staircase = bound.flag("staircase")?.unwrap_or(false);
    if gamma == 0.0 {
        return Err(bound
            .error_at("decay_rate", "decay_rate of ExponentialDecay is 0")
            .remedy("give a number above 0, the factor for each decay_steps"));
    }
    Ok(Segment::exponential(import, bound, initial, gamma, every, staircase, None).into())
}

/// Keras keeps a value up to and at its boundary.
fn piecewise_constant_decay(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let boundaries = bound.need("boundaries", bound.list("boundaries")?)?;
    let values = bound.need("values", bound.list("values")?)?;
    if values.len() != boundaries.len() + 1 {
        return Err(bound
            .error_at(
                "values",
                format!("PiecewiseConstantDecay has {} boundaries and {} values", boundaries.len(), values.len()),
            )
            .remedy("give one value more than boundaries"));
    }
    let mut at: Vec<u64> = Vec::new();
    for boundary in boundaries {
        let last = bound.read_number("boundaries", boundary)?.floor();
        let first_after = if last < 0.0 { 0 } else { (last as u64).saturating_add(1) };
        if at.last().is_some_and(|before| first_after < *before) {
            return Err(import
                .place
                .error(boundary.at, "boundaries of PiecewiseConstantDecay do not ascend")
                .remedy("sort them"));
        }
        at.push(first_after);
    }
    let rates: Vec<f64> = values.iter().map(|value| bound.read_number("values", value)).collect::<Result<_, _>>()?;
    let highest = rates.iter().fold(0.0f64, |a, b| a.max(*b));
    let base = if rates[0] > 0.0 { rates[0] } else { highest };
    let factors: Vec<f64> = rates.iter().map(|rate| rate / base).collect();
    Ok(Segment::steps(import, bound, base, &at, &factors).into())
}

fn polynomial_decay(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (initial, over) = (rate(bound, "initial_learning_rate")?, length(bound, "decay_steps")?);
    let end = bound.rate("end_learning_rate")?.unwrap_or(1e-4);
    let power = bound.number("power")?.unwrap_or(1.0);
    let cycle = bound.flag("cycle")?.unwrap_or(false);
    let (t, p) = (import.clock(), number(power));
    if initial == 0.0 {
        let passed = if cycle {
            format!("{t} / ({over} * max(1, ceil({t} / {over})))")
        } else {
            format!("min({t}, {over}) / {over}")
        };
        let general = General::formula(format!("1 - (1 - {passed})**{p}"));
        return Ok(Segment::general(import, bound, end, general).into());
    }
    let to = end / initial;
    if !cycle {
        return Ok(Segment::polynomial(import, bound, initial, power, to, over).into());
    }
    let mut text = Writer::new("polynomial");
    text.key("power", p.as_str()).key("to", number(to)).key("cycle", true).key("first", import.length(over));
    let low = number(to);
    let rest = format!("(1 - {t} / ({over} * max(1, ceil({t} / {over}))))**{p}");
    let general = General::formula(format!("{low} + (1 - {low}) * {rest}"));
    Ok(Segment::new(bound, Some(initial), text, general).into())
}

fn inverse_time_decay(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (initial, every) = (rate(bound, "initial_learning_rate")?, length(bound, "decay_steps")?);
    let gamma = rate(bound, "decay_rate")?;
    let staircase = bound.flag("staircase")?.unwrap_or(false);
    if gamma == 0.0 {
        return Ok(Segment::constant(bound, initial).into());
    }
    let mut text = Writer::new("inverse_time");
    text.key("gamma", number(gamma)).key("every", import.length(every)).key("staircase", staircase);
    let divided = if staircase { "//" } else { "/" };
    let general = General::formula(format!("1 / (1 + {} * ({} {divided} {every}))", number(gamma), import.clock()));
    Ok(Segment::new(bound, Some(initial), text, general).into())
}

fn cosine_decay(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (initial, over) = (rate(bound, "initial_learning_rate")?, length(bound, "decay_steps")?);
    let alpha = bound.rate("alpha")?.unwrap_or(0.0);
    let warmup = bound.ticks("warmup_steps", 0)?.unwrap_or(0).unsigned_abs();
    // Without a target Keras has no warm-up, whatever warmup_steps says.
    let target = if bound.some("warmup_target").is_some() { bound.rate("warmup_target")? } else { None };
    let Some(target) = target else {
        return Ok(Segment::half_cosine(import, bound, initial, alpha, 1.0, over).into());
    };
    let highest = initial.max(target);
    let decay = Segment::half_cosine(import, bound, target, alpha, 1.0, over);
    if warmup == 0 {
        return Ok(decay.into());
    }
    if highest == 0.0 {
        return Err(bound.error("every rate of CosineDecay is 0").remedy("give a rate above 0"));
    }
    let warm = Segment::line(bound, highest, initial / highest, target / highest, warmup);
    Ok(Timeline::join([(0, warm.into()), (warmup, decay.into())]))
}

/// The most cycles that are written out one by one.
const CYCLES_MAX: usize = 1000;

/// Cycles begin at `(1 − alpha)·m_mul^i + alpha`, which is no power where both say something, and need not begin at a tick.
fn cosine_decay_restarts(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (initial, period) = (rate(bound, "initial_learning_rate")?, length(bound, "first_decay_steps")?);
    let mult = bound.number("t_mul")?.unwrap_or(2.0);
    let decay = bound.rate("m_mul")?.unwrap_or(1.0);
    let alpha = bound.rate("alpha")?.unwrap_or(0.0);
    if mult < 1.0 {
        return Err(bound
            .error_at("t_mul", format!("t_mul of CosineDecayRestarts is {}", number(mult)))
            .remedy("give a number of at least 1"));
    }
    if mult.fract() == 0.0 && (decay == 1.0 || alpha == 0.0) {
        return Ok(Segment::restarts(import, bound, initial, period, (mult, decay), alpha).into());
    }
    let (a, t) = (number(alpha), import.clock());
    if mult == 1.0 {
        let height = format!("{}**({t} // {period}) * (1 + cos(pi * ({t} % {period}) / {period})) / 2", number(decay));
        let general = General::formula(format!("{a} + (1 - {a}) * {height}"));
        return Ok(Segment::general(import, bound, initial, general).into());
    }
    let (mut parts, mut start, mut length, mut height) = (Vec::new(), 0.0, period as f64, 1.0);
    while start < import.given.steps as f64 {
        if parts.len() == CYCLES_MAX {
            return Err(bound
                .error_at("t_mul", format!("the run has more than {CYCLES_MAX} cycles"))
                .remedy("give longer ones, or a whole t_mul"));
        }
        let first = start.ceil();
        let cycle = if first == start && length.fract() == 0.0 {
            let factors = vec![(1.0 - alpha) * height + alpha, alpha];
            Segment::points(import, bound, initial, vec![0, length as u64], factors, true)
        } else {
            let passed = format!("({t} + {}) / {}", number(first - start), number(length));
            let top = number((1.0 - alpha) * height);
            let general = General::formula(format!("{a} + {top} * (1 + cos(pi * {passed})) / 2"));
            Segment::general(import, bound, initial, general)
        };
        parts.push((first as u64, cycle.into()));
        start += length;
        length *= mult;
        height *= decay;
    }
    Ok(Timeline::join(parts))
}

/// Its function gives the rate itself, once for each epoch, whatever a tick is.
fn learning_rate_scheduler(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    let (params, body) = bound.need("schedule", bound.function("schedule")?)?;
    let epoch = match params {
        [epoch] => epoch,
        [epoch, lr] if !uses(body, lr) => epoch,
        [_, lr] => {
            return Err(bound
                .error_at(
                    "schedule",
                    format!("the lambda uses '{lr}', the rate before it, and is no function of the epoch"),
                )
                .remedy("write the rate as a function of the epoch alone, such as lambda epoch: 0.1 * 0.95 ** epoch"));
        }
        _ => {
            return Err(bound
                .error_at("schedule", "schedule has not one or two parameters")
                .remedy("write lambda epoch: …"));
        }
    };
    let mut text = Writer::new("formula");
    text.value(quoted(formula(import.place, body, epoch, "epoch")?.text()));
    Ok(Segment::new(bound, None, text, General::Own).into())
}
