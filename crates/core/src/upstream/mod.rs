//! Schedules as PyTorch, Keras and optax write them, read into ours.
//!
//! `OneCycleLR(max_lr=0.01, total_steps=60)` is read by [`import`] with the names, the order and the defaults of the
//! constructor it stands for, and becomes the [`Schedule`] that has its rates. The text is a Python expression; nothing is
//! run. Modules before names (`torch.optim.lr_scheduler.`) and the optimizer that PyTorch's constructors begin with are passed
//! over, and a lambda becomes a `formula`. Where upstream's rates are a mistake ours differ: `docs/schedule-differences.md`
//! lists every case.
//!
//! **Ticks.** Upstream counts calls of `scheduler.step()` or optimizer steps, whichever the training loop makes of it: a tick
//! here is an epoch or, if [`Given::ticks_per_epoch`] is more than 1, an optimizer step.
//!
//! ```
//! use opportune_core::upstream::{Given, Source, import};
//!
//! let given = Given { lr: Some(0.1), steps: 60, ticks_per_epoch: 1 };
//! let imported = import(Source::Torch, "StepLR(optimizer, step_size=30)", &given)?;
//! assert_eq!(imported.schedule.to_string(), "step(every=30)");
//! assert_eq!(imported.base, Some(0.1));
//! # Ok::<(), opportune_core::InputError>(())
//! ```

mod bind;
mod keras;
mod lambda;
mod optax;
mod plateau;
mod python;
mod shapes;
mod timeline;
mod tokens;
mod torch;
mod torch_cycles;
mod torch_several;

use crate::InputError;
use crate::schedule::Schedule;
use crate::text::{Length, Unit};
use bind::{Bound, suggestion};
use python::{Call, Expr, Kind};
use std::fmt;
use std::str::FromStr;
use timeline::Timeline;

/// Whose constructors a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `torch.optim.lr_scheduler` and `torch.optim.swa_utils.SWALR` of PyTorch 2.15.
    Torch,
    /// `keras.optimizers.schedules` and the callbacks that set the rate, of Keras 3.
    Keras,
    /// `optax.schedules`.
    Optax,
}

/// All sources.
pub const SOURCES: [Source; 3] = [Source::Torch, Source::Keras, Source::Optax];

impl Source {
    /// The name: `torch`, `keras`, `optax`.
    pub fn name(self) -> &'static str {
        match self {
            Source::Torch => "torch",
            Source::Keras => "keras",
            Source::Optax => "optax",
        }
    }

    /// The names of the constructors that [`import`] knows.
    pub fn constructors(self) -> impl Iterator<Item = &'static str> + Clone {
        self.list().iter().map(|constructor| constructor.name)
    }

    fn list(self) -> &'static [Constructor] {
        match self {
            Source::Torch => torch::CONSTRUCTORS,
            Source::Keras => keras::CONSTRUCTORS,
            Source::Optax => optax::CONSTRUCTORS,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Source {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        SOURCES.into_iter().find(|source| source.name() == text).ok_or_else(|| {
            InputError::new(format!("unknown source '{}' of schedules", text.escape_debug())).remedy(suggestion(
                text,
                SOURCES.into_iter().map(Source::name),
                "sources",
            ))
        })
    }
}

/// What a schedule is read for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given {
    /// The optimizer's learning rate, above 0. PyTorch's schedulers multiply it, except those with rates of their own, which
    /// overwrite it; Keras and optax name their rates themselves, and none is to be given.
    pub lr: Option<f64>,
    /// The length of the run in ticks, at least 1. What begins later is left out.
    pub steps: u64,
    /// Ticks in an epoch, at least 1. With 1 a tick is an epoch and lengths are of epochs; with more it is an optimizer step.
    pub ticks_per_epoch: u32,
}

/// A schedule of ours that has the rates of one upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The schedule. Where upstream cycles momentum it does too.
    pub schedule: Schedule,
    /// The base rate to resolve it with; none where it has rates of its own.
    pub base: Option<f64>,
}

/// Reads a constructor call of `source`.
///
/// # Errors
/// If the text is no call of a known constructor with arguments it takes, at the character of the mistake; if its rates are not
/// a function of the step (but of the rate before), or ours has no schedule with these rates; if a learning rate
/// is missing or not to be given.
pub fn import(source: Source, text: &str, given: &Given) -> Result<Imported, InputError> {
    let place = Place(source);
    if given.steps == 0 || given.ticks_per_epoch == 0 {
        return Err(InputError::new("the run has no ticks").at(place.to_string()).remedy("give it at least one epoch"));
    }
    let expr = python::parse(place, text)?;
    let import = Import { place, given };
    let timeline = import.timeline(&expr)?;
    let (text, base) = timeline.write(&import)?;
    // What stands there is ours, so its mistakes have no place in the text that was given.
    let schedule: Schedule = text.parse().map_err(|error: InputError| import.refused(&expr, &text, &error))?;
    Ok(Imported { schedule, base })
}

/// What errors say of where: the source, and the character of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(Source);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedule", self.0)
    }
}

impl Place {
    /// A mistake at a character, from 1.
    fn error(self, at: usize, what: impl Into<String>) -> InputError {
        InputError::new(what).at(format!("{self}, character {at}"))
    }
}

/// A constructor upstream.
struct Constructor {
    name: &'static str,
    /// Its parameters in order, the optimizer excepted where it is the first.
    params: &'static [&'static str],
    /// Whether the first argument is the optimizer.
    optimizer: bool,
    read: fn(&Import<'_>, &Bound<'_>) -> Result<Timeline, InputError>,
}

/// What every reader needs.
struct Import<'a> {
    place: Place,
    given: &'a Given,
}

impl Import<'_> {
    /// The schedule that an expression stands for.
    fn timeline(&self, expr: &Expr) -> Result<Timeline, InputError> {
        let Kind::Call(call) = &expr.kind else {
            let found = expr.kind.describe();
            return Err(self
                .place
                .error(expr.at, format!("{found}, where a schedule is expected"))
                .remedy(format!("such as {}", self.example())));
        };
        let constructor = self.constructor(call)?;
        let first = call.args.first().filter(|arg| arg.keyword.is_none());
        let named = first.is_some_and(|arg| matches!(arg.value.kind, Kind::Name(_)));
        let skipped = usize::from(constructor.optimizer && named);
        let bound = Bound::new(self.place, call, constructor.params, skipped)?;
        // Keras's callback lowers the optimizer's rate.
        let own = self.place.0 != Source::Torch && constructor.name != "ReduceLROnPlateau";
        if own && self.given.lr.is_some() {
            return Err(bound
                .error(format!("{} has a rate of its own, and a learning rate is given too", constructor.name))
                .remedy("leave the learning rate out"));
        }
        (constructor.read)(self, &bound)
    }

    fn constructor(&self, call: &Call) -> Result<&'static Constructor, InputError> {
        let (source, name) = (self.place.0, call.short_name());
        if let Some(constructor) = source.list().iter().find(|constructor| constructor.name == name) {
            return Ok(constructor);
        }
        let error = self.place.error(call.at, format!("unknown schedule '{name}' of {source}"));
        let elsewhere = SOURCES.into_iter().find(|other| other.constructors().any(|known| known == name));
        Err(match elsewhere {
            Some(other) => error.remedy(format!("it is one of {other}")),
            None => error.remedy(suggestion(name, source.constructors(), "schedules")),
        })
    }

    fn example(&self) -> &'static str {
        match self.place.0 {
            Source::Torch => "StepLR(step_size=30)",
            Source::Keras => "CosineDecay(0.1, decay_steps=60)",
            Source::Optax => "cosine_decay_schedule(0.1, decay_steps=60)",
        }
    }

    /// The optimizer's rate.
    fn lr(&self, bound: &Bound<'_>) -> Result<f64, InputError> {
        match self.given.lr {
            Some(lr) if lr.is_finite() && lr > 0.0 => Ok(lr),
            Some(lr) => Err(InputError::new(format!("the learning rate is {}", crate::text::number(lr)))
                .at(self.place.to_string())
                .remedy("give a number above 0")),
            None => Err(bound
                .error(format!("{} multiplies the optimizer's learning rate, and none is given", bound.name()))
                .remedy("give a learning rate")),
        }
    }

    /// Whether a tick is an epoch.
    fn by_epochs(&self) -> bool {
        self.given.ticks_per_epoch == 1
    }

    /// Ticks as a length.
    fn length(&self, ticks: u64) -> Length {
        let unit = if self.by_epochs() { Unit::Epochs } else { Unit::Steps };
        Length { number: ticks as f64, unit }
    }

    /// The clock that ticks are counted by, as `per` and as a name in formulas.
    fn clock(&self) -> &'static str {
        if self.by_epochs() { "epoch" } else { "step" }
    }

    /// The mistake that what was read cannot be written as a schedule of ours.
    fn refused(&self, expr: &Expr, text: &str, error: &InputError) -> InputError {
        let what = expr.kind.describe();
        self.place.error(expr.at, format!("{what} cannot be {text}: {}", error.bare()))
    }
}

#[cfg(test)]
mod tests;
