//! The arguments of a call, taken out by key.

use super::{Arg, Call, Item, Length, Measure, Unit, Value, suggestion};
use crate::InputError;

/// The arguments of a [`Call`], held against the keys it may have.
///
/// The methods give none for a key that was left out, so that defaults stand where they are used.
/// A value of the wrong kind is an error that points at it.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    call: &'a Call,
    /// The key that an argument without one is given to.
    positional: Option<&'a str>,
}

impl<'a> Args<'a> {
    /// The arguments of a call whose keys are `keys`.
    ///
    /// # Errors
    /// At an unknown key, a key given twice, or a value without a key.
    pub fn new(call: &'a Call, keys: &[&str]) -> Result<Self, InputError> {
        Args::with_positional(call, keys, None)
    }

    /// Like [`Args::new`]; the first argument may stand without its key, which is then `positional`.
    ///
    /// # Errors
    /// As [`Args::new`].
    pub fn with_positional(call: &'a Call, keys: &[&str], positional: Option<&'a str>) -> Result<Self, InputError> {
        let mut seen: Vec<&str> = Vec::new();
        for (index, arg) in call.args.iter().enumerate() {
            let key = match (&arg.key, positional) {
                (Some(key), _) => key,
                (None, Some(key)) if index == 0 => key,
                (None, _) => return Err(without_key(call, arg, keys)),
            };
            if !keys.contains(&key) {
                return Err(call
                    .error(arg.at, format!("unknown key '{key}' of {}", call.name))
                    .remedy(suggestion(key, keys, "keys")));
            }
            if seen.contains(&key) {
                return Err(call
                    .error(arg.at, format!("{key} of {} is given twice", call.name))
                    .remedy("leave one out"));
            }
            seen.push(key);
        }
        Ok(Args { call, positional })
    }

    /// The call these are the arguments of.
    pub fn call(&self) -> &'a Call {
        self.call
    }

    fn find(&self, key: &str) -> Option<&'a Arg> {
        self.call.args.iter().find(|arg| arg.key.as_deref().or(self.positional) == Some(key))
    }

    /// The mistake that a key's value is not of the kind expected.
    fn wrong(&self, key: &str, arg: &Arg, expected: &str) -> InputError {
        self.call.error(
            arg.value_at,
            format!("{key} of {} is {}, where {expected} is expected", self.call.name, arg.value.describe()),
        )
    }

    /// A finite number: `gamma=0.95`.
    ///
    /// # Errors
    /// If something else was given.
    pub fn number(&self, key: &str) -> Result<Option<f64>, InputError> {
        self.find(key).map_or(Ok(None), |arg| match arg.value {
            Value::Number(value) => Ok(Some(value)),
            _ => Err(self.wrong(key, arg, "a number")),
        })
    }

    /// `true` or `false`: `nesterov=true`.
    ///
    /// # Errors
    /// If something else was given.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, InputError> {
        self.find(key).map_or(Ok(None), |arg| match arg.value {
            Value::Bool(value) => Ok(Some(value)),
            _ => Err(self.wrong(key, arg, "true or false")),
        })
    }

    /// A length: `over=5` (epochs), `over=100 steps`, `over=20%`.
    ///
    /// # Errors
    /// If something else was given.
    pub fn length(&self, key: &str) -> Result<Option<Length>, InputError> {
        self.find(key).map_or(Ok(None), |arg| match arg.value {
            Value::Number(number) => Ok(Some(Length { number, unit: Unit::Epochs })),
            Value::Length(length) => Ok(Some(length)),
            _ => Err(self.wrong(key, arg, "a length (5, 100 steps, 20%)")),
        })
    }

    fn list(&self, key: &str, expected: &str) -> Result<Option<&'a [Item]>, InputError> {
        self.find(key).map_or(Ok(None), |arg| match &arg.value {
            Value::List(items) => Ok(Some(items.as_slice())),
            _ => Err(self.wrong(key, arg, expected)),
        })
    }

    /// A list of finite numbers: `factors=[1, 0.5, 0.1]`.
    ///
    /// # Errors
    /// If something else was given; the error points at the item.
    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, InputError> {
        let Some(items) = self.list(key, "a list of numbers ([1, 0.5])")? else { return Ok(None) };
        let number = |item: &Item| match item.value {
            Measure::Number(number) => Ok(number),
            Measure::Length(length) => Err(self.call.error(
                item.at,
                format!("{key} of {} holds the length {length}, where a number is expected", self.call.name),
            )),
        };
        items.iter().map(number).collect::<Result<_, _>>().map(Some)
    }

    /// A list of lengths: `at=[30, 60%, 100 steps]`.
    ///
    /// # Errors
    /// If something else was given.
    pub fn lengths(&self, key: &str) -> Result<Option<Vec<Length>>, InputError> {
        let items = self.list(key, "a list of lengths ([30, 60%, 100 steps])")?;
        let length = |item: &Item| match item.value {
            Measure::Number(number) => Length { number, unit: Unit::Epochs },
            Measure::Length(length) => length,
        };
        Ok(items.map(|items| items.iter().map(length).collect()))
    }

    /// A text in quotes, and the character at which what is in the quotes begins, from 1.
    ///
    /// # Errors
    /// If something else was given.
    pub fn string(&self, key: &str) -> Result<Option<(&'a str, usize)>, InputError> {
        self.find(key).map_or(Ok(None), |arg| match &arg.value {
            Value::Quoted(text) => Ok(Some((text.as_str(), arg.value_at + 1))),
            _ => Err(self.wrong(key, arg, "a text in quotes (\"…\")")),
        })
    }

    /// Two numbers: `momentum=0.8..0.9`.
    ///
    /// # Errors
    /// If something else was given.
    pub fn range(&self, key: &str) -> Result<Option<(f64, f64)>, InputError> {
        self.find(key).map_or(Ok(None), |arg| match arg.value {
            Value::Range(low, high) => Ok(Some((low, high))),
            _ => Err(self.wrong(key, arg, "a range (0.8..0.9)")),
        })
    }

    /// One of `words`: `mode=triangular2`.
    ///
    /// # Errors
    /// If something else was given; the error names the nearest of them.
    pub fn word<'n>(&self, key: &str, words: &[&'n str]) -> Result<Option<&'n str>, InputError> {
        self.find(key).map_or(Ok(None), |arg| {
            let Value::Word(word) = &arg.value else {
                return Err(self.wrong(key, arg, &format!("one of {}", words.join(", "))));
            };
            match words.iter().find(|valid| *valid == word) {
                Some(valid) => Ok(Some(valid)),
                None => Err(self
                    .call
                    .error(arg.value_at, format!("unknown {key} '{word}' of {}", self.call.name))
                    .remedy(suggestion(word, words, "valid"))),
            }
        })
    }

    /// The value of a key that may not be left out: `args.need("gamma", args.number("gamma")?)?`.
    ///
    /// # Errors
    /// If there is none.
    pub fn need<T>(&self, key: &str, value: Option<T>) -> Result<T, InputError> {
        value.ok_or_else(|| {
            let name = &self.call.name;
            self.call.error(self.call.name_at, format!("{name} needs {key}")).remedy(format!("write {name}({key}=…)"))
        })
    }
}

/// The mistake that a value stands without a key.
fn without_key(call: &Call, arg: &Arg, keys: &[&str]) -> InputError {
    let what = format!("{} in {} has no key", arg.value.describe(), call.name);
    let remedy = match keys {
        [] => format!("{} takes no arguments", call.name),
        _ => format!("write key=value (keys: {})", keys.join(", ")),
    };
    call.error(arg.at, what).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;

    const KEYS: [&str; 3] = ["momentum", "nesterov", "mode"];

    fn message(text: &str) -> String {
        let call = parse("optimizer", text).unwrap();
        let read = || -> Result<(), InputError> {
            call.choose(["adam", "sgd"])?;
            let args = Args::new(&call, &KEYS)?;
            args.need("momentum", args.number("momentum")?)?;
            args.flag("nesterov")?;
            args.word("mode", &["one", "three"])?;
            Ok(())
        };
        read().unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        for (text, expected) in [
            ("sdg", "optimizer, character 1: unknown optimizer 'sdg'; did you mean 'sgd'? (optimizers: adam, sgd)"),
            ("sgd", "optimizer, character 1: sgd needs momentum; write sgd(momentum=…)"),
            (
                "sgd(momentun=1)",
                "optimizer, character 5: unknown key 'momentun' of sgd; did you mean 'momentum'? (keys: momentum, nesterov, mode)",
            ),
            (
                "sgd(0.9)",
                "optimizer, character 5: the number 0.9 in sgd has no key; write key=value (keys: momentum, nesterov, mode)",
            ),
            ("sgd(momentum=1, momentum=2)", "optimizer, character 17: momentum of sgd is given twice; leave one out"),
            (
                "sgd(momentum=20%)",
                "optimizer, character 14: momentum of sgd is the length 20%, where a number is expected",
            ),
            (
                "sgd(momentum=1, nesterov=yes)",
                "optimizer, character 26: nesterov of sgd is the word 'yes', where true or false is expected",
            ),
            (
                "sgd(momentum=1, mode=tree)",
                "optimizer, character 22: unknown mode 'tree' of sgd; did you mean 'three'? (valid: one, three)",
            ),
            (
                "sgd(momentum=1, mode=1..2)",
                "optimizer, character 22: mode of sgd is the range 1..2, where one of one, three is expected",
            ),
        ] {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn lengths_and_positions() {
        let call = parse("schedule", "cooldown(20%, x=5, y=3 steps, z=0.8..0.9)").unwrap();
        let keys = ["over", "x", "y", "z"];
        let args = Args::with_positional(&call, &keys, Some("over")).unwrap();
        let length = |key| args.length(key).unwrap().map(|length| length.to_string());
        assert_eq!(length("over").as_deref(), Some("20%"));
        assert_eq!(length("x").as_deref(), Some("5"));
        assert_eq!(length("y").as_deref(), Some("3 steps"));
        assert_eq!(args.range("z").unwrap(), Some((0.8, 0.9)));
        assert_eq!(args.length("absent").unwrap(), None);

        let lists = parse("schedule", "multi(at=[30, 2 steps, 50%], f=[1, 0.5], g=[1, 5%], t='a b')").unwrap();
        let args = Args::new(&lists, &["at", "f", "g", "t"]).unwrap();
        assert_eq!(crate::text::lengths(&args.lengths("at").unwrap().unwrap()), "[30, 2 steps, 50%]");
        assert_eq!(args.numbers("f").unwrap(), Some(vec![1.0, 0.5]));
        assert_eq!(args.string("t").unwrap(), Some(("a b", 56)));
        assert_eq!(
            (args.numbers("h").unwrap(), args.lengths("h").unwrap(), args.string("h").unwrap()),
            (None, None, None)
        );
        for (error, message) in [
            (
                args.numbers("g").unwrap_err(),
                "character 48: g of multi holds the length 5%, where a number is expected",
            ),
            (
                args.numbers("t").unwrap_err(),
                "character 55: t of multi is a text in quotes, where a list of numbers ([1, 0.5]) is expected",
            ),
            (
                args.lengths("t").unwrap_err(),
                "character 55: t of multi is a text in quotes, where a list of lengths ([30, 60%, 100 steps]) is expected",
            ),
            (
                args.string("f").unwrap_err(),
                "character 32: f of multi is a list, where a text in quotes (\"…\") is expected",
            ),
        ] {
            assert_eq!(error.to_string(), format!("schedule, {message}"));
        }
        let args = Args::with_positional(&call, &keys, Some("over")).unwrap();
        assert!(args.length("z").is_err());

        let twice = parse("schedule", "cooldown(20%, over=5)").unwrap();
        let error = Args::with_positional(&twice, &keys, Some("over")).unwrap_err();
        assert_eq!(error.to_string(), "schedule, character 15: over of cooldown is given twice; leave one out");
        let second = parse("schedule", "cooldown(x=1, 20%)").unwrap();
        assert!(Args::with_positional(&second, &keys, Some("over")).is_err());
    }
}
