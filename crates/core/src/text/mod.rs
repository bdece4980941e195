//! The one text form of settings with parameters: `name(key=value, …)`.
//!
//! Schedules and optimizers are written in it: `cosine`, `exponential(gamma=0.95)`, `sgd(momentum=0.9, nesterov=true)`,
//! `sequence(linear(from=0, to=1, over=5), cosine())`, `multi_step(at=[30, 60, 80%])`, `formula("0.1 * 0.9**epoch")`.
//! [`parse`] gives the tree, [`Args`] takes the arguments out of it by
//! key, and [`Writer`] prints them back. Every error says at which character (from 1) and names the nearest valid word.
//!
//! ```
//! use opportune_core::text::{parse, Args};
//!
//! let call = parse("optimizer", "sgd(momentum=0.9, nesterov=true)")?;
//! assert_eq!(call.choose(["adam", "sgd"])?, "sgd");
//! let args = Args::new(&call, &["momentum", "nesterov"])?;
//! assert_eq!(args.number("momentum")?, Some(0.9));
//! assert_eq!(args.flag("nesterov")?, Some(true));
//! # Ok::<(), opportune_core::InputError>(())
//! ```

mod args;
mod nearest;
mod parse;
mod write;

pub use args::Args;
pub use nearest::nearest;
pub use parse::{CHARACTERS_MAX, DEPTH_MAX, parse};
pub use write::{Writer, lengths, number, numbers, quoted};

use crate::InputError;
use std::fmt;

/// A name with its arguments. A bare word has none: `cosine` is `cosine()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What the whole text describes, as errors name it: `schedule`, `optimizer`.
    pub what: &'static str,
    /// The name before the bracket.
    pub name: String,
    /// The character at which the name begins, from 1.
    pub name_at: usize,
    /// The arguments in the order written.
    pub args: Vec<Arg>,
}

/// One argument of a [`Call`].
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// The key before `=`; none where the value stands alone.
    pub key: Option<String>,
    /// The character at which the argument begins, from 1.
    pub at: usize,
    /// What was given.
    pub value: Value,
    /// The character at which the value begins, from 1.
    pub value_at: usize,
}

/// The value of an argument.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number: `5`, `-0.5`, `1e-4`.
    Number(f64),
    /// A word: `triangular2`. Where a call is expected it is a call without arguments.
    Word(String),
    /// A number with a unit: `100 steps`, `20%`, `5 epochs`.
    Length(Length),
    /// Two numbers: `0.8..0.9`.
    Range(f64, f64),
    /// `true` or `false`.
    Bool(bool),
    /// Numbers and lengths: `[0.5, 1e-3, 100 steps]`; it may be empty.
    List(Vec<Item>),
    /// What stands between two quotes, as it is: `"0.1 * 0.9**epoch"`.
    Quoted(String),
    /// A nested call: `linear(from=0)`.
    Call(Call),
}

/// One item of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    /// What was given; a number alone is one of epochs where a length is asked for.
    pub value: Measure,
    /// The character at which it begins, from 1.
    pub at: usize,
}

/// A number, alone or with a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// `5`
    Number(f64),
    /// `100 steps`, `20%`, `5 epochs`
    Length(Length),
}

/// The unit of a [`Length`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Passes over the training rows; the unit where none is written.
    Epochs,
    /// Optimizer steps, written `steps`.
    Steps,
    /// Hundredths of the run, written `%`.
    Percent,
}

/// A stretch of a training run, such as `5` (epochs), `100 steps` or `20%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Length {
    /// How many of the unit.
    pub number: f64,
    /// What is counted.
    pub unit: Unit,
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = number(self.number);
        match self.unit {
            Unit::Epochs => write!(f, "{number}"),
            Unit::Steps if self.number == 1.0 => write!(f, "{number} step"),
            Unit::Steps => write!(f, "{number} steps"),
            Unit::Percent => write!(f, "{number}%"),
        }
    }
}

impl Call {
    /// A mistake at a character (from 1) of this call's text.
    pub fn error(&self, at: usize, what: impl Into<String>) -> InputError {
        InputError::new(what).at(format!("{}, character {at}", self.what))
    }

    /// The character at which the value of `key` begins, from 1; that of the name where it is left out.
    pub fn value_at(&self, key: &str) -> usize {
        self.args.iter().find(|arg| arg.key.as_deref() == Some(key)).map_or(self.name_at, |arg| arg.value_at)
    }

    /// The one of `names` that this call's name is.
    ///
    /// # Errors
    /// If it is none of them; the error names the nearest one and lists all.
    pub fn choose<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<&'n str, InputError> {
        let names: Vec<&str> = names.into_iter().collect();
        match names.iter().find(|name| **name == self.name) {
            Some(name) => Ok(name),
            None => Err(self.error(self.name_at, format!("unknown {} '{}'", self.what, self.name)).remedy(suggestion(
                &self.name,
                &names,
                &format!("{}s", self.what),
            ))),
        }
    }
}

impl Value {
    /// The value in words, for errors.
    fn describe(&self) -> String {
        match self {
            Value::Number(value) => format!("the number {}", number(*value)),
            Value::Word(word) => format!("the word '{word}'"),
            Value::Length(length) => format!("the length {length}"),
            Value::Range(low, high) => format!("the range {}..{}", number(*low), number(*high)),
            Value::Bool(value) => value.to_string(),
            Value::List(items) if items.is_empty() => "an empty list".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Quoted(_) => "a text in quotes".to_owned(),
            Value::Call(call) => format!("'{}(…)'", call.name),
        }
    }
}

/// `did you mean 'gamma'? (keys: gamma, over)`, or the list alone where nothing is near.
pub(crate) fn suggestion(word: &str, valid: &[&str], plural: &str) -> String {
    let list = format!("{plural}: {}", if valid.is_empty() { "none".to_owned() } else { valid.join(", ") });
    match nearest(word, valid.iter().copied()) {
        Some(near) => format!("did you mean '{near}'? ({list})"),
        None => list,
    }
}
