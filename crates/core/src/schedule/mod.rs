//! Learning-rate schedules: the rate at each optimizer step, as a pure function of the step.
//!
//! A [`Schedule`] is data with one text form that reads back to the same value: `exponential(gamma=0.95)`.
//! [`Schedule::resolve`] fixes its lengths for one training run, and [`Resolved::at`] then answers for any step, so that a
//! run stopped and continued cannot go wrong.
//!
//! What holds for every kind:
//! - **Clock.** A schedule holds its rate within an epoch, as Keras callbacks and one `scheduler.step()` of PyTorch per
//!   epoch do; `per=step` evaluates the same curve at every optimizer step. A cooldown, a linear warm-up (one that
//!   leads a sequence), noam, inverse_sqrt, wsd, flat_cosine and one_cycle are per step by nature, and `per=epoch` holds them. A schedule that holds has the value that it
//!   has at the first step of the epoch.
//! - **Lengths** are epochs unless they end in `steps` or `%` of the run. They become whole optimizer steps when the
//!   schedule is resolved. `over` is how long a schedule lasts; left out, it is the run, in a sequence the remainder.
//!   Kinds that do not run from a beginning to an end (constant, exponential, step, cyclic, …) need no length and go on
//!   for as long as they are asked. Parts of a schedule with an end (`up`, `flat`, `warmup` and `decay` of wsd) may be
//!   shares of its own length, which is the run's where `over` is left out.
//! - **Rates.** `from`, `to`, `floor`, `factor`, `factors` and `gamma` multiply the base rate; `base`, `max`, `rates` and
//!   what a formula gives are rates of the schedule's own.
//! - **The end.** Past its length a schedule holds the value it has there: it never rises again nor goes below zero.
//! - **Composition.** `sequence` puts schedules one after another, `chain` multiplies them; a chain may hold sequences and
//!   chains, a sequence chains.
//!
//! ```
//! use opportune_core::schedule::Schedule;
//!
//! let schedule: Schedule = "exponential(gamma=0.95)".parse()?;
//! let steps_per_epoch = 10;
//! let resolved = schedule.resolve(Some(0.001), steps_per_epoch, 100)?;
//! assert_eq!(resolved.at(0).rate, 0.001);
//! assert_eq!(resolved.at(29).rate, 0.001 * 0.95f64.powf(2.0));
//! # Ok::<(), opportune_core::InputError>(())
//! ```
//!
//! A new kind is one file here, its `mod` and `use` lines, one line in the list below and one row in the table test.

mod chain;
mod constant;
mod constant_factor;
mod cooldown;
mod cosine;
mod cosine_restarts;
mod cyclic;
mod exponential;
mod flat_cosine;
mod form;
mod formula;
mod interpolate;
mod inverse_scaling;
mod inverse_sqrt;
mod inverse_time;
mod linear;
mod multi_step;
mod natural_exponential;
mod noam;
mod one_cycle;
mod piecewise;
mod polynomial;
mod power;
mod resolved;
mod rex;
mod sawtooth;
mod sequence;
mod shape;
mod step;
mod swalr;
mod table;
mod tanh;
mod wsd;

pub use constant::Constant;
pub use constant_factor::ConstantFactor;
pub use cooldown::Cooldown;
pub use cosine::Cosine;
pub use cosine_restarts::CosineRestarts;
pub use cyclic::{Cyclic, Mode};
pub use exponential::Exponential;
pub use flat_cosine::FlatCosine;
pub use form::{Key, Kind, Per, RateSource, Timing};
pub use formula::Formula;
pub use interpolate::Interpolate;
pub use inverse_scaling::InverseScaling;
pub use inverse_sqrt::InverseSqrt;
pub use inverse_time::InverseTime;
pub use linear::Linear;
pub use multi_step::MultiStep;
pub use natural_exponential::NaturalExponential;
pub use noam::Noam;
pub use one_cycle::{Ends, OneCycle};
pub use piecewise::Piecewise;
pub use polynomial::Polynomial;
pub use power::Power;
pub use resolved::{Resolved, Setting};
pub use rex::Rex;
pub use sawtooth::Sawtooth;
pub use shape::Shape;
pub use step::Step;
pub use swalr::Swalr;
pub use table::Table;
pub use tanh::Tanh;
pub use wsd::Wsd;

use crate::InputError;
use crate::text::{Args, Call, Unit, Writer, parse};
use form::{CurveAt, Extent, Form, Place, Run};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

macro_rules! schedules {
    ($($module:ident::$Kind:ident),* $(,)?) => {
        /// A learning-rate schedule as it is written, before its lengths are fixed.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Schedule {
            $(#[doc = concat!("See [`", stringify!($Kind), "`].")] $Kind($Kind, Timing),)*
            /// One schedule after another: `sequence(linear(from=0, to=1, over=5), cosine())`.
            ///
            /// A child's clock begins at its own start. At most one child may leave its length out; it gets what the
            /// others leave of the run. A leading linear is a warm-up and changes at every step. A cooldown can only be
            /// the last child. As PyTorch's SequentialLR and optax's `join_schedules`, but as one pure function.
            Sequence(Vec<Schedule>),
            /// The product of schedules, all from the same beginning: `chain(cosine, step(every=20, gamma=0.5))`.
            ///
            /// Each is read as if it stood alone, so that what has no length has that of the chain: the run, or in a
            /// sequence what the others leave, which is what a chain takes there. One child may have rates of its own, or
            /// be a formula with `base`; the others are factors of it, each by its own clock. Children may be chains and
            /// sequences. As PyTorch's ChainedScheduler, but as one pure function.
            Chain(Vec<Schedule>),
        }

        /// All kinds of schedules, with their keys.
        pub const KINDS: &[&Kind] = &[$(&<$Kind as Form>::KIND,)* &sequence::KIND, &chain::KIND];

        /// The part of a resolved schedule that is particular to its kind.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Curve {
            $($Kind($module::Curve),)*
            Chain(chain::Curve),
        }

        impl Curve {
            /// The value at `t` of `length` steps, before it is multiplied by the base rate.
            fn at(&self, t: u64, length: u64) -> Setting {
                match self {
                    $(Curve::$Kind(curve) => curve.at(t, length),)*
                    Curve::Chain(curve) => curve.at(t, length),
                }
            }

            /// No value is above this.
            fn highest(&self, length: u64) -> f64 {
                match self {
                    $(Curve::$Kind(curve) => curve.highest(length),)*
                    Curve::Chain(curve) => curve.highest(length),
                }
            }
        }

        impl Schedule {
            /// The kind: its name, keys and what is said of it.
            pub fn kind(&self) -> &'static Kind {
                match self {
                    $(Schedule::$Kind(..) => &<$Kind as Form>::KIND,)*
                    Schedule::Sequence(_) => &sequence::KIND,
                    Schedule::Chain(_) => &chain::KIND,
                }
            }

            fn rate(&self) -> RateSource {
                match self {
                    $(Schedule::$Kind(form, _) => form.rate(),)*
                    // They hand the base rate on.
                    _ if self.owns_rate() => RateSource::Own,
                    _ => RateSource::OfBase,
                }
            }

            fn clock(&self) -> Per {
                match self {
                    $(Schedule::$Kind(form, _) => form.clock(),)*
                    // Their children hold, each for itself.
                    Schedule::Sequence(_) | Schedule::Chain(_) => Per::Step,
                }
            }

            fn needs_length(&self) -> bool {
                match self {
                    $(Schedule::$Kind(form, _) => form.needs_length(),)*
                    Schedule::Sequence(_) | Schedule::Chain(_) => false,
                }
            }

            fn timing(&self) -> Timing {
                match self {
                    $(Schedule::$Kind(_, timing) => *timing,)*
                    Schedule::Sequence(_) | Schedule::Chain(_) => Timing::default(),
                }
            }

            /// Every length written in it; of its children there are none.
            fn lengths(&self) -> Vec<Extent> {
                let mut lengths: Vec<Extent> = match self {
                    $(Schedule::$Kind(form, _) => form.lengths(),)*
                    Schedule::Sequence(_) | Schedule::Chain(_) => Vec::new(),
                };
                lengths.extend(self.timing().over.map(Extent::period));
                lengths
            }

            /// Whether momentum (or β1 of Adam-like optimizers) is cycled too.
            pub fn cycles_momentum(&self) -> bool {
                match self {
                    $(Schedule::$Kind(form, _) => form.cycles_momentum(),)*
                    Schedule::Sequence(children) | Schedule::Chain(children) => {
                        children.iter().any(Schedule::cycles_momentum)
                    }
                }
            }

            /// Whether the values can be used, whatever the run.
            fn check(&self) -> Result<(), InputError> {
                match self {
                    $(Schedule::$Kind(form, _) => form.check()?,)*
                    Schedule::Sequence(children) => sequence::check(children)?,
                    Schedule::Chain(children) => chain::check(children)?,
                }
                self.lengths().iter().try_for_each(|length| form::check_length(self.kind().name, length))
            }

            fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
                match self {
                    $(Schedule::$Kind(form, _) => form.curve(place).map(Curve::$Kind),)*
                    Schedule::Chain(children) => chain::curve(children, place).map(Curve::Chain),
                    Schedule::Sequence(_) => Err(sequence::nested()),
                }
            }

            /// The schedule that a parsed call stands for.
            ///
            /// # Errors
            /// If it is none: an unknown name or key, a value of the wrong kind or out of its range.
            pub fn from_call(call: &Call) -> Result<Self, InputError> {
                let name = call.choose(KINDS.iter().map(|kind| kind.name))?;
                $(if name == <$Kind as Form>::KIND.name {
                    let kind = &<$Kind as Form>::KIND;
                    let keys: Vec<&str> = kind.keys.iter().map(|key| key.name).collect();
                    let args = Args::with_positional(call, &keys, kind.positional)?;
                    return Schedule::$Kind(<$Kind>::read(&args)?, Timing::read(&args)?).checked(call);
                })*
                let composed = if name == chain::KIND.name {
                    Schedule::Chain(chain::read(call)?)
                } else {
                    Schedule::Sequence(sequence::read(call)?)
                };
                composed.checked(call)
            }
        }

        impl fmt::Display for Schedule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = Writer::new(self.kind().name);
                match self {
                    $(Schedule::$Kind(form, timing) => {
                        timing.write_first(&<$Kind as Form>::KIND, &mut text);
                        form.write(&mut text);
                        timing.write(&<$Kind as Form>::KIND, &mut text);
                    })*
                    Schedule::Sequence(children) | Schedule::Chain(children) => children.iter().for_each(|child| {
                        text.value(child);
                    }),
                }
                f.write_str(&text.finish())
            }
        }
    };
}

// The order is that of lists and messages.
schedules! {
    constant::Constant,
    constant_factor::ConstantFactor,
    linear::Linear,
    step::Step,
    multi_step::MultiStep,
    piecewise::Piecewise,
    interpolate::Interpolate,
    exponential::Exponential,
    natural_exponential::NaturalExponential,
    inverse_time::InverseTime,
    polynomial::Polynomial,
    cosine::Cosine,
    cosine_restarts::CosineRestarts,
    tanh::Tanh,
    rex::Rex,
    power::Power,
    inverse_scaling::InverseScaling,
    sawtooth::Sawtooth,
    noam::Noam,
    inverse_sqrt::InverseSqrt,
    wsd::Wsd,
    flat_cosine::FlatCosine,
    swalr::Swalr,
    cooldown::Cooldown,
    cyclic::Cyclic,
    one_cycle::OneCycle,
    table::Table,
    formula::Formula,
}

impl Schedule {
    /// Reads a schedule whose tables may name files: `load` gives the rates of `table("rates.csv")`, which is then
    /// `table(rates=[…])`, so that what is stored needs no file.
    ///
    /// # Errors
    /// As reading a text has them, and those of `load`, each at the character of the file's name.
    pub fn parse_with(text: &str, load: &dyn Fn(&str) -> Result<Vec<f64>, InputError>) -> Result<Schedule, InputError> {
        let mut call = parse("schedule", text)?;
        table::read_files(&mut call, load)?;
        let schedule = Schedule::from_call(&call)?;
        // It is stored as text, and must be read again.
        parse("schedule", &schedule.to_string()).map(|_| schedule)
    }

    /// The schedule with the run's number of training rows wherever one is counted and none is given.
    #[must_use]
    pub fn with_rows(self, rows: u32) -> Schedule {
        let all = |children: Vec<Schedule>| children.into_iter().map(|child| child.with_rows(rows)).collect();
        match self {
            Schedule::InverseScaling(form, timing) => {
                Schedule::InverseScaling(InverseScaling { rows: form.rows.or(Some(rows)), ..form }, timing)
            }
            Schedule::Sequence(children) => Schedule::Sequence(all(children)),
            Schedule::Chain(children) => Schedule::Chain(all(children)),
            other => other,
        }
    }

    /// The text, cut where it is too long for a line of a message.
    pub fn brief(&self) -> String {
        const CHARACTERS: usize = 80;
        let text = self.to_string();
        match text.char_indices().nth(CHARACTERS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    /// Whether the schedule has rates of its own, so that a base rate cannot be given.
    pub fn owns_rate(&self) -> bool {
        match self {
            Schedule::Sequence(children) | Schedule::Chain(children) => children.iter().any(Schedule::owns_rate),
            _ => self.rate() == RateSource::Own,
        }
    }

    /// Whether the rates depend on the number of epochs of the run. If not, a run over fewer epochs has the same rates
    /// as the beginning of a longer one.
    pub fn depends_on_epochs(&self) -> bool {
        if self.lengths().iter().any(|extent| extent.length.unit == Unit::Percent && !extent.of_own) {
            return true;
        }
        let open = |schedule: &Schedule| schedule.timing().over.is_none();
        match self {
            Schedule::Sequence(children) => match children.split_last() {
                Some((last, before)) => {
                    before.iter().any(|child| open(child) || child.depends_on_epochs()) || last.depends_on_epochs()
                }
                None => false,
            },
            Schedule::Chain(children) => children.iter().any(Schedule::depends_on_epochs),
            _ => self.needs_length() && open(self),
        }
    }

    /// Fixes all lengths for a run of `epochs` epochs of `steps_per_epoch` optimizer steps each.
    ///
    /// `base` is the base learning rate, above 0; none exactly where the schedule has rates of its own
    /// ([`Schedule::owns_rate`]).
    ///
    /// # Errors
    /// If the base rate is missing, not to be given, or not a positive number; if a value of the schedule is out of its
    /// range; if the run has no steps; if a length is shorter than one step or, in a sequence, does not fit in the run.
    pub fn resolve(&self, base: Option<f64>, steps_per_epoch: u32, epochs: u32) -> Result<Resolved, InputError> {
        self.resolve_unplaced(base, steps_per_epoch, epochs).map_err(|error| error.at("schedule"))
    }

    fn resolve_unplaced(&self, base: Option<f64>, steps_per_epoch: u32, epochs: u32) -> Result<Resolved, InputError> {
        self.check()?;
        let run = Run::new(steps_per_epoch, epochs)?;
        let name = self.kind().name;
        let base = match (base, self.owns_rate()) {
            (Some(_), true) => {
                return Err(InputError::new(format!("{name} has rates of its own, and a learning rate is given too"))
                    .remedy("leave the learning rate out"));
            }
            (None, true) => None,
            (None, false) => {
                return Err(InputError::new(format!("{name} multiplies a learning rate, and none is given"))
                    .remedy("give a learning rate"));
            }
            (Some(rate), false) => Some(form::check_rate("the learning rate", rate)?),
        };
        resolved::within(self, base, &run, 0, run.steps)
    }

    fn checked(self, call: &Call) -> Result<Self, InputError> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(error) => Err(error.at(format!("{}, character {}", call.what, call.name_at))),
        }
    }
}

impl FromStr for Schedule {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        Schedule::from_call(&parse("schedule", text)?)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
