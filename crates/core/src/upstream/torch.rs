//! `torch.optim.lr_scheduler`, of PyTorch 2.15.

use super::bind::{Bound, evaluate};
use super::lambda::{formula, uses};
use super::shapes::places;
use super::timeline::{General, Segment, Timeline};
use super::{Constructor, Import, torch_cycles, torch_several};
use crate::InputError;
use crate::text::{Writer, number};

type Read = Result<Timeline, InputError>;

/// In the order of their documentation. `optimizer` as a keyword is taken, and nothing made of it.
pub(super) const CONSTRUCTORS: &[Constructor] = &[
    scheduler("LambdaLR", &["lr_lambda", "last_epoch", "optimizer"], lambda_lr),
    scheduler("MultiplicativeLR", &["lr_lambda", "last_epoch", "optimizer"], multiplicative_lr),
    scheduler("StepLR", &["step_size", "gamma", "last_epoch", "optimizer"], step_lr),
    scheduler("MultiStepLR", &["milestones", "gamma", "last_epoch", "optimizer"], multi_step_lr),
    scheduler("ConstantLR", &["factor", "total_iters", "last_epoch", "optimizer"], constant_lr),
    scheduler("LinearLR", &["start_factor", "end_factor", "total_iters", "last_epoch", "optimizer"], linear_lr),
    scheduler("ExponentialLR", &["gamma", "last_epoch", "optimizer"], exponential_lr),
    scheduler("SequentialLR", &["schedulers", "milestones", "last_epoch", "optimizer"], torch_several::sequential_lr),
    scheduler("PolynomialLR", &["total_iters", "power", "last_epoch", "optimizer"], polynomial_lr),
    scheduler("CosineAnnealingLR", &["T_max", "eta_min", "last_epoch", "optimizer"], cosine_annealing_lr),
    Constructor {
        name: "ChainedScheduler",
        params: &["schedulers", "optimizer"],
        optimizer: false,
        read: torch_several::chained_scheduler,
    },
    scheduler(
        "ReduceLROnPlateau",
        &["mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps", "optimizer"],
        super::plateau::torch,
    ),
    scheduler(
        "CyclicLR",
        &[
            "base_lr",
            "max_lr",
            "step_size_up",
            "step_size_down",
            "mode",
            "gamma",
            "scale_fn",
            "scale_mode",
            "cycle_momentum",
            "base_momentum",
            "max_momentum",
            "last_epoch",
            "optimizer",
        ],
        torch_cycles::cyclic_lr,
    ),
    scheduler(
        "CosineAnnealingWarmRestarts",
        &["T_0", "T_mult", "eta_min", "last_epoch", "optimizer"],
        torch_cycles::cosine_annealing_warm_restarts,
    ),
    scheduler(
        "OneCycleLR",
        &[
            "max_lr",
            "total_steps",
            "epochs",
            "steps_per_epoch",
            "pct_start",
            "anneal_strategy",
            "cycle_momentum",
            "base_momentum",
            "max_momentum",
            "div_factor",
            "final_div_factor",
            "three_phase",
            "last_epoch",
            "optimizer",
        ],
        torch_cycles::one_cycle_lr,
    ),
    scheduler(
        "SWALR",
        &["swa_lr", "anneal_epochs", "anneal_strategy", "last_epoch", "optimizer"],
        torch_cycles::swa_lr,
    ),
];

const fn scheduler(
    name: &'static str,
    params: &'static [&'static str],
    read: fn(&Import<'_>, &Bound<'_>) -> Read,
) -> Constructor {
    Constructor { name, params, optimizer: true, read }
}

/// Refuses a schedule that is to go on from the middle.
pub(super) fn from_the_beginning(bound: &Bound<'_>) -> Result<(), InputError> {
    match bound.number("last_epoch")? {
        None | Some(-1.0) => Ok(()),
        Some(_) => Err(bound
            .error_at("last_epoch", format!("last_epoch of {} is given", bound.name()))
            .remedy("leave it out: rates are asked for by their step, so that nothing is to be resumed")),
    }
}

/// A factor that is multiplied again and again.
fn gamma(bound: &Bound<'_>, value: f64) -> Result<f64, InputError> {
    if value > 0.0 {
        return Ok(value);
    }
    Err(bound
        .error_at("gamma", format!("gamma of {} is {}", bound.name(), number(value)))
        .remedy("give a number above 0"))
}

/// A factor from 0 to 1, as PyTorch wants it too.
fn share(bound: &Bound<'_>, param: &str, default: f64, above_zero: bool) -> Result<f64, InputError> {
    let value = bound.number(param)?.unwrap_or(default);
    if (0.0..=1.0).contains(&value) && !(above_zero && value == 0.0) {
        return Ok(value);
    }
    let remedy = if above_zero { "give a number above 0 and at most 1" } else { "give a number from 0 to 1" };
    Err(bound.error_at(param, format!("{param} of {} is {}", bound.name(), number(value))).remedy(remedy))
}

fn lambda_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let (params, body) = bound.need("lr_lambda", bound.function("lr_lambda")?)?;
    let [param] = params else {
        return Err(bound
            .error_at("lr_lambda", "lr_lambda has not exactly one parameter")
            .remedy("write lambda epoch: …"));
    };
    let formula = formula(import.place, body, param, import.clock())?;
    Ok(Segment::general(import, bound, import.lr(bound)?, General::Formula(formula)).into())
}

fn multiplicative_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let (params, body) = bound.need("lr_lambda", bound.function("lr_lambda")?)?;
    let constant = if params.iter().any(|param| uses(body, param)) { None } else { evaluate(import.place, body)? };
    match constant {
        Some(factor) => exponential(import, bound, gamma(bound, factor)?),
        None => Err(bound
            .error_at(
                "lr_lambda",
                "MultiplicativeLR multiplies the rate before by a factor that changes, so that its rates are no function of the step",
            )
            .remedy("write LambdaLR with the product of the factors, or a factor that stays the same")),
    }
}

fn step_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let every = bound.need("step_size", bound.length("step_size")?)?;
    let gamma = gamma(bound, bound.number("gamma")?.unwrap_or(0.1))?;
    let lr = import.lr(bound)?;
    let general = format!("{}**({} // {every})", number(gamma), import.clock());
    if gamma > 1.0 {
        return Ok(Segment::general(import, bound, lr, General::formula(general)).into());
    }
    let mut text = Writer::new("step");
    text.key("every", import.length(every)).key("gamma", number(gamma));
    Ok(Segment::new(bound, Some(lr), text, General::formula(general)).into())
}

fn multi_step_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let milestones = bound.need("milestones", bound.list("milestones")?)?;
    let gamma = gamma(bound, bound.number("gamma")?.unwrap_or(0.1))?;
    let lr = import.lr(bound)?;
    let read = |value| bound.read_ticks("milestones", value, 0).map(i64::unsigned_abs);
    let mut at: Vec<u64> = milestones.iter().map(read).collect::<Result<_, _>>()?;
    if at.is_empty() {
        return Ok(Segment::constant(bound, lr).into());
    }
    // As PyTorch counts them: in any order, and one that is given twice counts twice.
    at.sort_unstable();
    let factors: Vec<f64> = (0..=at.len()).map(|passed| gamma.powf(passed as f64)).collect();
    let steps = Segment::steps(import, bound, lr, &at, &factors);
    if gamma > 1.0 {
        return Ok(steps.into());
    }
    let mut text = Writer::new("multi_step");
    text.key("at", places(import, &at)).key("gamma", number(gamma));
    Ok(steps.written(text).into())
}

fn constant_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let factor = share(bound, "factor", 1.0 / 3.0, false)?;
    let over = bound.length("total_iters")?.unwrap_or(5);
    let mut text = Writer::new("constant_factor");
    text.key("factor", number(factor));
    let steps = Segment::steps(import, bound, import.lr(bound)?, &[over], &[factor, 1.0]);
    Ok(steps.written(text).over(over).into())
}

fn linear_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let from = share(bound, "start_factor", 1.0 / 3.0, true)?;
    let to = share(bound, "end_factor", 1.0, false)?;
    let over = bound.length("total_iters")?.unwrap_or(5);
    Ok(Segment::line(bound, import.lr(bound)?, from, to, over).into())
}

fn exponential_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let value = bound.need("gamma", bound.number("gamma")?)?;
    exponential(import, bound, gamma(bound, value)?)
}

fn exponential(import: &Import<'_>, bound: &Bound<'_>, gamma: f64) -> Read {
    Ok(Segment::exponential(import, bound, import.lr(bound)?, gamma, 1, false, None).into())
}

fn polynomial_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let over = bound.length("total_iters")?.unwrap_or(5);
    let power = bound.number("power")?.unwrap_or(1.0);
    Ok(Segment::polynomial(import, bound, import.lr(bound)?, power, 0.0, over).into())
}

fn cosine_annealing_lr(import: &Import<'_>, bound: &Bound<'_>) -> Read {
    from_the_beginning(bound)?;
    let over = bound.need("T_max", bound.length("T_max")?)?;
    let lowest = bound.rate("eta_min")?.unwrap_or(0.0);
    let lr = import.lr(bound)?;
    Ok(Segment::half_cosine(import, bound, lr, lowest / lr, 1.0, over).into())
}
