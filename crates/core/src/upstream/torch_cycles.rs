//! PyTorch's schedules that go up and down, and that of averaging.

use super::Import;
use super::bind::Bound;
use super::timeline::{General, Segment, Timeline};
use super::torch::from_the_beginning;
use crate::InputError;
use crate::text::{Writer, number};

type Read = Result<Timeline, InputError>;

/// `momentum=low..high`, where it is cycled.
fn momentum(bound: &Bound<'_>, low: f64, high: f64) -> Result<Option<String>, InputError> {
    let low = bound.rate("base_momentum")?.unwrap_or(low);
    let high = bound.rate("max_momentum")?.unwrap_or(high);
    let cycled = bound.flag("cycle_momentum")?.unwrap_or(true);
    Ok(cycled.then(|| format!("{}..{}", number(low), number(high))))
}

pub(super) fn cyclic_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    if bound.some("scale_fn").is_some() {
        return Err(bound
            .error_at("scale_fn", "scale_fn of CyclicLR is a function of its own, which no form of cyclic has")
            .remedy("take mode='triangular', 'triangular2' or 'exp_range'"));
    }
    bound.word("scale_mode", &["cycle", "iterations"])?;
    let base = bound.need("base_lr", bound.rate("base_lr")?)?;
    let max = bound.need("max_lr", bound.rate("max_lr")?)?;
    let up = bound.length("step_size_up")?.unwrap_or(2000);
    let mode = bound.word("mode", &["triangular", "triangular2", "exp_range"])?.unwrap_or("triangular");
    let gamma = bound.number("gamma")?.unwrap_or(1.0);
    let mut text = Writer::new("cyclic");
    text.key("base", number(base)).key("max", number(max)).key("up", import.length(up));
    if bound.some("step_size_down").is_some()
        && let Some(down) = bound.length("step_size_down")?
    {
        text.key("down", import.length(down));
    }
    text.key("mode", mode);
    if mode == "exp_range" {
        text.key("gamma", number(gamma)).key("every", import.length(1));
    }
    if let Some(momentum) = momentum(bound, 0.8, 0.9)? {
        text.key("momentum", momentum);
    }
    Ok(Segment::new(bound, None, text, General::Own).into())
}

pub(super) fn one_cycle_lr(_: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let max = bound.need("max_lr", bound.rate("max_lr")?)?;
    let length = |param| if bound.some(param).is_some() { bound.length(param) } else { Ok(None) };
    let total = match (length("total_steps")?, length("epochs")?, length("steps_per_epoch")?) {
        (Some(total), ..) => total,
        (None, Some(epochs), Some(steps)) => epochs.saturating_mul(steps),
        _ => {
            return Err(bound
                .error("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
                .remedy("write OneCycleLR(max_lr=…, total_steps=…)"));
        }
    };
    let share = bound.number("pct_start")?.unwrap_or(0.3);
    if !(0.0..=1.0).contains(&share) {
        return Err(bound
            .error_at("pct_start", format!("pct_start of OneCycleLR is {}", number(share)))
            .remedy("give a number from 0 to 1"));
    }
    let shape = match bound.word("anneal_strategy", &["cos", "linear"])? {
        Some("linear") => "linear",
        _ => "cosine",
    };
    let mut text = Writer::new("one_cycle");
    text.key("max", number(max))
        .key("div", number(bound.number("div_factor")?.unwrap_or(25.0)))
        .key("final_div", number(bound.number("final_div_factor")?.unwrap_or(1e4)))
        .key("up", percent(share))
        .key("shape", shape)
        .key("phases", if bound.flag("three_phase")?.unwrap_or(false) { "three" } else { "two" });
    if let Some(momentum) = momentum(bound, 0.85, 0.95)? {
        text.key("momentum", momentum);
    }
    Ok(Segment::new(bound, None, text, General::Own).per_step().over(total).into())
}

/// A share as `30%`, without the rounding of its product with 100 where a shorter number is as near.
fn percent(share: f64) -> String {
    let exact = share * 100.0;
    let short = (exact * 1e9).round() / 1e9;
    let percent = if short / 100.0 == share { short } else { exact };
    format!("{}%", number(percent))
}

pub(super) fn cosine_annealing_warm_restarts(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let period = bound.need("T_0", bound.length("T_0")?)?;
    let mult = bound.length("T_mult")?.unwrap_or(1);
    let lowest = bound.rate("eta_min")?.unwrap_or(0.0);
    let lr = import.lr(bound)?;
    if lowest > lr {
        return Err(bound
            .error_at(
                "eta_min",
                format!("eta_min of CosineAnnealingWarmRestarts is {}, above the rate", number(lowest)),
            )
            .remedy("give one of at most the learning rate"));
    }
    Ok(Segment::restarts(import, bound, lr, period, (mult as f64, 1.0), lowest / lr).into())
}

/// From the rate before it to one of its own; here the rate before it is the optimizer's.
pub(super) fn swa_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let to = bound.need("swa_lr", bound.rate("swa_lr")?)?;
    let over = bound.ticks("anneal_epochs", 0)?.unwrap_or(10).unsigned_abs();
    let linear = bound.word("anneal_strategy", &["cos", "linear"])? == Some("linear");
    let lr = import.lr(bound)?;
    if over == 0 {
        return Ok(Segment::constant(bound, to).into());
    }
    let mut text = Writer::new("swalr");
    text.key("to", number(to / lr)).key("anneal", import.length(over));
    text.key("shape", if linear { "linear" } else { "cosine" });
    let general = General::Points { at: vec![0, over], factors: vec![1.0, to / lr], cosine: !linear };
    Ok(Segment::new(bound, Some(lr), text, general).into())
}
