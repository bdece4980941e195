//! What every optimizer says of itself, and the types and ranges of its constants.

use crate::InputError;
use crate::text::{Args, number};

/// An optimizer, as lists, help and errors tell of it.
#[derive(Debug, PartialEq)]
pub struct Kind {
    /// The name in text.
    pub name: &'static str,
    /// What it does, in one plain sentence.
    pub summary: &'static str,
    /// The step, in short: θ are the parameters, g their gradient, t the number of the step, from 1.
    pub update: &'static str,
    /// Its constants, in the order they are printed.
    pub keys: &'static [Key],
    /// The rate where none is given.
    pub rate: f64,
    /// λ of decoupled weight decay where none is given.
    pub weight_decay: f64,
    /// The constant that a schedule may cycle; one called `momentum` only where it is above 0.
    pub cycles: Option<&'static str>,
    /// What others call it, the library first: `torch AdamW`.
    pub upstream: &'static [&'static str],
    /// Where it is from.
    pub paper: &'static str,
    /// What differs from the first of [`Kind::upstream`], beside what holds for all; empty if nothing does.
    pub differs: &'static str,
}

/// A constant of a [`Kind`].
#[derive(Debug, PartialEq)]
pub struct Key {
    /// The name in text.
    pub name: &'static str,
    /// The value where it is left out, as written.
    pub default: &'static str,
    /// What is allowed.
    pub range: Range,
    /// What it is.
    pub meaning: &'static str,
}

/// What a constant may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// True or false.
    Flag,
    /// From 0 up and below 1.
    BelowOne,
    /// Above 0.
    Positive,
    /// From 0 up.
    NotNegative,
    /// A whole number from the first to the second.
    Whole(u32, u32),
}

impl Range {
    /// Whether a value lies in it.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Range::Flag => true,
            Range::BelowOne => (0.0..1.0).contains(&value),
            Range::Positive => value > 0.0,
            Range::NotNegative => value >= 0.0,
            Range::Whole(low, high) => (f64::from(low)..=f64::from(high)).contains(&value),
        }
    }

    /// In words that follow `must be`.
    pub fn words(self) -> String {
        match self {
            Range::Flag => "true or false".into(),
            Range::BelowOne => "from 0 up and below 1".into(),
            Range::Positive => "above 0".into(),
            Range::NotNegative => "from 0 up".into(),
            Range::Whole(low, high) => format!("from {low} to {high}"),
        }
    }
}

/// A type of constants.
pub(super) trait Constant: Copy + PartialEq {
    /// Takes it out of the arguments, if it is there.
    fn read(args: &Args<'_>, key: &str) -> Result<Option<Self>, InputError>;

    /// As it is written.
    fn text(self) -> String;

    /// As a number: 1 for true, 0 for false.
    fn value(self) -> f64;
}

impl Constant for f64 {
    fn read(args: &Args<'_>, key: &str) -> Result<Option<f64>, InputError> {
        args.number(key)
    }
    fn text(self) -> String {
        number(self)
    }
    fn value(self) -> f64 {
        self
    }
}

impl Constant for u32 {
    fn read(args: &Args<'_>, key: &str) -> Result<Option<u32>, InputError> {
        args.count(key)
    }
    fn text(self) -> String {
        self.to_string()
    }
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Constant for bool {
    fn read(args: &Args<'_>, key: &str) -> Result<Option<bool>, InputError> {
        args.flag(key)
    }
    fn text(self) -> String {
        self.to_string()
    }
    fn value(self) -> f64 {
        f64::from(u8::from(self))
    }
}

/// Takes one constant out of the arguments and looks at its range.
pub(super) fn take<C: Constant>(args: &Args<'_>, key: &Key, default: C) -> Result<C, InputError> {
    let Some(value) = C::read(args, key.name)? else { return Ok(default) };
    if key.range.holds(value.value()) {
        return Ok(value);
    }
    let (what, call) = (format!("{} must be {}, not {}", key.name, key.range.words(), value.text()), args.call());
    Err(call.error(call.value_at(key.name), what))
}

/// Declares the optimizers: for each a struct of its constants, its variant and its [`Kind`].
macro_rules! optimizers {
    ($(
        $(#[$doc:meta])*
        $Name:ident $name:literal {
            summary: $summary:literal,
            update: $update:literal,
            rate: $rate:literal,
            weight_decay: $decay:literal,
            cycles: $cycles:expr,
            upstream: $upstream:expr,
            paper: $paper:literal,
            differs: $differs:literal,
            constants: {$(
                $key:ident: $type:ty = $default:literal, $range:expr, $meaning:literal;
            )+}
        }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq)]
            pub struct $Name {$(
                #[doc = concat!($meaning, ". Default ", stringify!($default), "; `", stringify!($range), "`.")]
                pub $key: $type,
            )+}

            impl Default for $Name {
                fn default() -> $Name {
                    $Name { $($key: $default),+ }
                }
            }

            impl $Name {
                const KIND: Kind = Kind {
                    name: $name,
                    summary: $summary,
                    update: $update,
                    keys: &[$(Key {
                        name: stringify!($key),
                        default: stringify!($default),
                        range: $range,
                        meaning: $meaning,
                    }),+],
                    rate: $rate,
                    weight_decay: $decay,
                    cycles: $cycles,
                    upstream: &$upstream,
                    paper: $paper,
                    differs: $differs,
                };

                fn read(args: &Args<'_>) -> Result<$Name, InputError> {
                    let default = $Name::default();
                    let mut keys = $Name::KIND.keys.iter();
                    Ok($Name {$(
                        // As many as there are fields, and in their order: they are of the same list.
                        $key: match keys.next() {
                            Some(key) => take(args, key, default.$key)?,
                            None => default.$key,
                        },
                    )+})
                }

                fn write(&self, text: &mut Writer) {
                    let default = $Name::default();
                    $(if self.$key != default.$key {
                        text.key(stringify!($key), self.$key.text());
                    })+
                }

                fn constants(&self) -> Vec<(&'static str, f64)> {
                    vec![$((stringify!($key), self.$key.value())),+]
                }
            }
        )+

        /// How gradients become steps, with the constants of each. The text form leaves out constants that are the
        /// usual ones.
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Optimizer {$(
            $(#[$doc])*
            $Name($Name),
        )+}

        impl Optimizer {
            /// The names there are.
            pub const NAMES: &[&str] = &[$($name),+];

            /// All of them, in the order of [`Optimizer::NAMES`].
            pub const KINDS: &[Kind] = &[$($Name::KIND),+];

            /// What it says of itself.
            pub fn kind(&self) -> &'static Kind {
                match self {$(
                    Optimizer::$Name(_) => const { &$Name::KIND },
                )+}
            }

            /// Its constants by name; 1 for true, 0 for false.
            pub fn constants(&self) -> Vec<(&'static str, f64)> {
                match self {$(
                    Optimizer::$Name(one) => one.constants(),
                )+}
            }

            pub(super) fn read(name: &str, args: &Args<'_>) -> Result<Optimizer, InputError> {
                match name {
                    $($name => Ok(Optimizer::$Name($Name::read(args)?)),)+
                    // The caller has looked the name up.
                    _ => Ok(Optimizer::default()),
                }
            }

            pub(super) fn write(&self, text: &mut Writer) {
                match self {$(
                    Optimizer::$Name(one) => one.write(text),
                )+}
            }
        }
    };
}
pub(super) use optimizers;
