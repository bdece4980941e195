//! Learning-rate schedules: the rate at each optimizer step, as a pure function of the step.
//!
//! A [`Schedule`] is data with one text form that reads back to the same value: `exponential(gamma=0.95)`.
//! [`Schedule::resolve`] fixes its lengths for one training run, and [`Resolved::at`] then answers for any step, so that a
//! run stopped and continued cannot go wrong.
//!
//! What holds for every kind:
//! - **Clock.** A schedule holds its rate within an epoch, as Keras callbacks and one `scheduler.step()` of PyTorch per
//!   epoch do; `per=step` evaluates the same curve at every optimizer step. A cooldown and a linear warm-up (one that
//!   leads a sequence) are per step by nature, and `per=epoch` holds them. A schedule that holds has the value that it
//!   has at the first step of the epoch.
//! - **Lengths** are epochs unless they end in `steps` or `%` of the run. They become whole optimizer steps when the
//!   schedule is resolved. `over` is how long a schedule lasts; left out, it is the run, in a sequence the remainder.
//!   Constant, exponential, step and cyclic need no length and go on for as long as they are asked.
//! - **Rates.** `from`, `to`, `floor`, `gamma` multiply the base rate; `base` and `max` are rates of the schedule's own.
//! - **The end.** Past its length a schedule holds the value it has there: it never rises again nor goes below zero.
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

mod constant;
mod cooldown;
mod cosine;
mod cyclic;
mod exponential;
mod form;
mod linear;
mod resolved;
mod sequence;
mod step;

pub use constant::Constant;
pub use cooldown::Cooldown;
pub use cosine::Cosine;
pub use cyclic::{Cyclic, Mode};
pub use exponential::Exponential;
pub use form::{Key, Kind, Per, RateSource, Timing};
pub use linear::Linear;
pub use resolved::{Resolved, Setting};
pub use step::Step;

use crate::InputError;
use crate::text::{Args, Call, Length, Unit, Writer, parse};
use form::{CurveAt, Form, Run};
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
        }

        /// All kinds of schedules, with their keys.
        pub const KINDS: &[&Kind] = &[$(&<$Kind as Form>::KIND,)* &sequence::KIND];

        /// The part of a resolved schedule that is particular to its kind.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Curve {
            $($Kind($module::Curve),)*
        }

        impl Curve {
            /// The value at `t` of `length` steps, before it is multiplied by the base rate.
            fn at(&self, t: u64, length: u64) -> Setting {
                match self {
                    $(Curve::$Kind(curve) => curve.at(t, length),)*
                }
            }
        }

        impl Schedule {
            /// The kind: its name, keys and what is said of it.
            pub fn kind(&self) -> &'static Kind {
                match self {
                    $(Schedule::$Kind(..) => &<$Kind as Form>::KIND,)*
                    Schedule::Sequence(_) => &sequence::KIND,
                }
            }

            fn timing(&self) -> Timing {
                match self {
                    $(Schedule::$Kind(_, timing) => *timing,)*
                    Schedule::Sequence(_) => Timing::default(),
                }
            }

            /// Every length written in it, its children's among them.
            fn lengths(&self) -> Vec<Length> {
                let mut lengths: Vec<Length> = match self {
                    $(Schedule::$Kind(form, _) => form.lengths(),)*
                    Schedule::Sequence(children) => children.iter().flat_map(Schedule::lengths).collect(),
                };
                lengths.extend(self.timing().over);
                lengths
            }

            /// Whether momentum (or β1 of Adam-like optimizers) is cycled too.
            pub fn cycles_momentum(&self) -> bool {
                match self {
                    $(Schedule::$Kind(form, _) => form.cycles_momentum(),)*
                    Schedule::Sequence(children) => children.iter().any(Schedule::cycles_momentum),
                }
            }

            /// Whether the values can be used, whatever the run.
            fn check(&self) -> Result<(), InputError> {
                match self {
                    $(Schedule::$Kind(form, _) => form.check()?,)*
                    Schedule::Sequence(children) => sequence::check(children)?,
                }
                self.lengths().iter().try_for_each(|length| form::check_length(self.kind().name, length))
            }

            fn curve(&self, run: &Run) -> Result<Curve, InputError> {
                match self {
                    $(Schedule::$Kind(form, _) => form.curve(run).map(Curve::$Kind),)*
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
                Schedule::Sequence(sequence::read(call)?).checked(call)
            }
        }

        impl fmt::Display for Schedule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = Writer::new(self.kind().name);
                match self {
                    $(Schedule::$Kind(form, timing) => {
                        form.write(&mut text);
                        timing.write(&<$Kind as Form>::KIND, &mut text);
                    })*
                    Schedule::Sequence(children) => children.iter().for_each(|child| {
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
    exponential::Exponential,
    step::Step,
    linear::Linear,
    cosine::Cosine,
    cyclic::Cyclic,
    cooldown::Cooldown,
}

impl Schedule {
    /// Whether the schedule has rates of its own, so that a base rate cannot be given.
    pub fn owns_rate(&self) -> bool {
        match self {
            Schedule::Sequence(children) => children.iter().any(Schedule::owns_rate),
            _ => self.kind().rate == RateSource::Own,
        }
    }

    /// Whether the rates depend on the number of epochs of the run. If not, a run over fewer epochs has the same rates
    /// as the beginning of a longer one.
    pub fn depends_on_epochs(&self) -> bool {
        if self.lengths().iter().any(|length| length.unit == Unit::Percent) {
            return true;
        }
        let open = |schedule: &Schedule| schedule.timing().over.is_none();
        match self {
            Schedule::Sequence(children) => match children.split_last() {
                Some((last, before)) => before.iter().any(open) || (last.kind().needs_length && open(last)),
                None => false,
            },
            _ => self.kind().needs_length && open(self),
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
        match self {
            Schedule::Sequence(children) => sequence::resolve(children, base, &run),
            _ => resolved::alone(self, base, &run),
        }
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
