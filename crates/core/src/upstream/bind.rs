//! The arguments of a constructor, taken out by name as Python binds them.

use super::Place;
use super::python::{Arg, Call, Expr, Kind, short};
use crate::InputError;
use crate::text::{nearest, number};

/// The most ticks a length may have: what floating point counts exactly.
const TICKS_MAX: f64 = (1u64 << 53) as f64;

/// The arguments of a call, held against the parameters of what it calls.
///
/// The methods give none for what was left out, so that defaults stand where they are used.
#[derive(Debug, Clone)]
pub(super) struct Bound<'a> {
    pub(super) place: Place,
    pub(super) call: &'a Call,
    values: Vec<(&'static str, &'a Expr)>,
}

impl<'a> Bound<'a> {
    /// Binds positional arguments in order, then keywords. `skipped` of the first ones stand for something else.
    ///
    /// # Errors
    /// At one argument too many, an unknown keyword (the error names the nearest), or one given twice.
    pub(super) fn new(
        place: Place,
        call: &'a Call,
        params: &'static [&'static str],
        skipped: usize,
    ) -> Result<Self, InputError> {
        let mut bound = Bound { place, call, values: Vec::new() };
        let name = call.short_name();
        for (index, Arg { keyword, at, value }) in call.args.iter().skip(skipped).enumerate() {
            let param = match keyword {
                None if call.args.iter().take(skipped + index).any(|before| before.keyword.is_some()) => {
                    return Err(place
                        .error(*at, format!("an argument of {name} without its name after one with it"))
                        .remedy("write the name"));
                }
                None => params.get(index).copied().ok_or_else(|| {
                    place
                        .error(*at, format!("{name} has {} arguments, and more are given", params.len()))
                        .remedy(format!("arguments: {}", params.join(", ")))
                })?,
                Some(keyword) => params.iter().find(|param| *param == keyword).copied().ok_or_else(|| {
                    place.error(*at, format!("unknown argument '{keyword}' of {name}")).remedy(suggestion(
                        keyword,
                        params.iter().copied(),
                        "arguments",
                    ))
                })?,
            };
            if bound.find(param).is_some() {
                return Err(place.error(*at, format!("{param} of {name} is given twice")).remedy("leave one out"));
            }
            bound.values.push((param, value));
        }
        Ok(bound)
    }

    /// What was given for a parameter.
    pub(super) fn find(&self, param: &str) -> Option<&'a Expr> {
        self.values.iter().find(|(name, _)| *name == param).map(|(_, value)| *value)
    }

    /// What was given for a parameter whose default is `None`, unless it is that.
    pub(super) fn some(&self, param: &str) -> Option<&'a Expr> {
        self.find(param).filter(|value| value.kind != Kind::None)
    }

    /// The name of what is called, without its module.
    pub(super) fn name(&self) -> &'a str {
        self.call.short_name()
    }

    /// A mistake in the call as a whole.
    pub(super) fn error(&self, what: impl Into<String>) -> InputError {
        self.place.error(self.call.at, what)
    }

    /// A mistake in an argument, or in the call where it is left out.
    pub(super) fn error_at(&self, param: &str, what: impl Into<String>) -> InputError {
        self.place.error(self.find(param).map_or(self.call.at, |value| value.at), what)
    }

    /// The value of a parameter without a default: `bound.need("gamma", bound.number("gamma")?)?`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn need<T>(&self, param: &str, value: Option<T>) -> Result<T, InputError> {
        let name = self.name();
        value.ok_or_else(|| self.error(format!("{name} needs {param}")).remedy(format!("write {name}({param}=…)")))
    }

    fn wrong(&self, param: &str, value: &Expr, expected: &str) -> InputError {
        let name = self.name();
        let found = value.kind.describe();
        let error = self.place.error(value.at, format!("{param} of {name} is {found}, where {expected} is expected"));
        match &value.kind {
            Kind::Name(_) => error.remedy("write its value"),
            _ => error,
        }
    }

    /// A finite number.
    ///
    /// # Errors
    /// If something else was given.
    pub(super) fn number(&self, param: &str) -> Result<Option<f64>, InputError> {
        self.find(param).map(|value| self.read_number(param, value)).transpose()
    }

    /// A number that was given for `param`, or as one of several.
    pub(super) fn read_number(&self, param: &str, value: &Expr) -> Result<f64, InputError> {
        match value.kind {
            Kind::Bool(_) => Err(self.wrong(param, value, "a number")),
            _ => evaluate(self.place, value)?.ok_or_else(|| self.wrong(param, value, "a number")),
        }
    }

    /// What was given for a parameter; of a list of one, what it holds. Lists of several are for groups of parameters.
    fn single(&self, param: &str, plural: &str) -> Result<Option<&'a Expr>, InputError> {
        let Some(value) = self.find(param) else { return Ok(None) };
        match &value.kind {
            Kind::List(parts) => match parts.as_slice() {
                [one] => Ok(Some(one)),
                _ => Err(self
                    .place
                    .error(value.at, format!("{param} of {} is a list of {} {plural}", self.name(), parts.len()))
                    .remedy("give one; groups of parameters with rates of their own are not supported")),
            },
            _ => Ok(Some(value)),
        }
    }

    /// A finite number of at least 0, such as a rate; a list of one is taken for what it holds.
    ///
    /// # Errors
    /// If something else was given, or a list of several: they are the rates of groups of parameters.
    pub(super) fn rate(&self, param: &str) -> Result<Option<f64>, InputError> {
        let Some(value) = self.single(param, "values")? else { return Ok(None) };
        let rate = self.read_number(param, value)?;
        if rate < 0.0 {
            return Err(self
                .place
                .error(value.at, format!("{param} of {} is {}", self.name(), number(rate)))
                .remedy("give a number of at least 0"));
        }
        Ok(Some(rate))
    }

    /// A whole number of ticks, at least `least`.
    ///
    /// # Errors
    /// If something else was given.
    pub(super) fn ticks(&self, param: &str, least: i64) -> Result<Option<i64>, InputError> {
        self.find(param).map(|value| self.read_ticks(param, value, least)).transpose()
    }

    /// A whole number that was given for `param`, or as one of several.
    pub(super) fn read_ticks(&self, param: &str, value: &Expr, least: i64) -> Result<i64, InputError> {
        let ticks = self.read_number(param, value)?;
        if ticks.fract() != 0.0 || ticks < least as f64 || ticks > TICKS_MAX {
            let name = self.name();
            let bound = if least == i64::MIN { String::new() } else { format!(" of at least {least}") };
            return Err(self
                .place
                .error(value.at, format!("{param} of {name} is {}", number(ticks)))
                .remedy(format!("give a whole number{bound}")));
        }
        Ok(ticks as i64)
    }

    /// A length: a whole number of at least 1.
    ///
    /// # Errors
    /// As [`Bound::ticks`].
    pub(super) fn length(&self, param: &str) -> Result<Option<u64>, InputError> {
        Ok(self.ticks(param, 1)?.map(i64::unsigned_abs))
    }

    /// `True` or `False`.
    ///
    /// # Errors
    /// If something else was given.
    pub(super) fn flag(&self, param: &str) -> Result<Option<bool>, InputError> {
        self.find(param).map_or(Ok(None), |value| match value.kind {
            Kind::Bool(flag) => Ok(Some(flag)),
            _ => Err(self.wrong(param, value, "True or False")),
        })
    }

    /// One of some strings.
    ///
    /// # Errors
    /// If something else was given; the error names the nearest.
    pub(super) fn word(&self, param: &str, words: &[&'static str]) -> Result<Option<&'static str>, InputError> {
        let Some(value) = self.find(param) else { return Ok(None) };
        let Kind::Text(text) = &value.kind else {
            return Err(self.wrong(param, value, &format!("one of {}", words.join(", "))));
        };
        match words.iter().find(|word| *word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(self
                .place
                .error(value.at, format!("unknown {param} '{}' of {}", text.escape_debug(), self.name()))
                .remedy(suggestion(text, words.iter().copied(), "valid"))),
        }
    }

    /// A list or a tuple.
    ///
    /// # Errors
    /// If something else was given.
    pub(super) fn list(&self, param: &str) -> Result<Option<&'a [Expr]>, InputError> {
        self.find(param).map_or(Ok(None), |value| match &value.kind {
            Kind::List(parts) => Ok(Some(parts.as_slice())),
            _ => Err(self.wrong(param, value, "a list")),
        })
    }

    /// A dictionary.
    ///
    /// # Errors
    /// If something else was given.
    pub(super) fn dict(&self, param: &str) -> Result<Option<&'a [(Expr, Expr)]>, InputError> {
        self.find(param).map_or(Ok(None), |value| match &value.kind {
            Kind::Dict(entries) => Ok(Some(entries.as_slice())),
            _ => Err(self.wrong(param, value, "a dictionary")),
        })
    }

    /// A function of the named parameters; a list of one is taken for what it holds.
    ///
    /// # Errors
    /// If something else was given.
    pub(super) fn function(&self, param: &str) -> Result<Option<(&'a [String], &'a Expr)>, InputError> {
        let Some(value) = self.single(param, "functions")? else { return Ok(None) };
        match &value.kind {
            Kind::Lambda { params, body } => Ok(Some((params.as_slice(), body))),
            _ => Err(self.wrong(param, value, "a lambda, such as lambda epoch: 0.95 ** epoch,")),
        }
    }
}

/// The value of an expression of numbers: arithmetic, and `int`, `float`, `round`, `abs`, `min`, `max` and `pow` of them. None
/// if it is something else.
///
/// # Errors
/// If it has no finite value.
pub(super) fn evaluate(place: Place, expr: &Expr) -> Result<Option<f64>, InputError> {
    let value = match &expr.kind {
        Kind::Number(value) => Some(*value),
        Kind::Name(name) => match name.as_str() {
            "math.pi" | "np.pi" | "numpy.pi" | "jnp.pi" | "torch.pi" => Some(std::f64::consts::PI),
            "math.e" | "np.e" | "numpy.e" | "jnp.e" | "torch.e" => Some(std::f64::consts::E),
            _ => None,
        },
        Kind::Minus(inner) => evaluate(place, inner)?.map(|value| -value),
        Kind::Binary(operator, left, right) => match (evaluate(place, left)?, evaluate(place, right)?) {
            (Some(left), Some(right)) => Some(arithmetic(operator, left, right)),
            _ => None,
        },
        Kind::Call(call) if call.args.iter().all(|arg| arg.keyword.is_none()) => {
            let args: Option<Vec<f64>> =
                call.args.iter().map(|arg| evaluate(place, &arg.value)).collect::<Result<_, _>>()?;
            args.and_then(|args| function(short(&call.name), &args))
        }
        _ => None,
    };
    match value {
        Some(value) if !value.is_finite() => Err(place.error(expr.at, "an expression without a finite value")),
        value => Ok(value),
    }
}

/// Python's arithmetic.
fn arithmetic(operator: &str, a: f64, b: f64) -> f64 {
    let remainder = |a: f64, b: f64| {
        let rest = a % b;
        if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
    };
    match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        // By the exact remainder, as the quotient may be rounded up to a whole number.
        "//" => ((a - remainder(a, b)) / b).round(),
        "%" => remainder(a, b),
        _ => a.powf(b),
    }
}

fn function(name: &str, args: &[f64]) -> Option<f64> {
    match (name, args) {
        ("int", [x]) => Some(x.trunc()),
        ("float", [x]) => Some(*x),
        ("round", [x]) => Some(x.round_ties_even()),
        ("abs", [x]) => Some(x.abs()),
        ("sqrt", [x]) => Some(x.sqrt()),
        ("exp", [x]) => Some(x.exp()),
        ("floor", [x]) => Some(x.floor()),
        ("ceil", [x]) => Some(x.ceil()),
        ("pow", [x, y]) => Some(x.powf(*y)),
        ("min", [first, others @ ..]) if !others.is_empty() => Some(others.iter().fold(*first, |a, b| a.min(*b))),
        ("max", [first, others @ ..]) if !others.is_empty() => Some(others.iter().fold(*first, |a, b| a.max(*b))),
        _ => None,
    }
}

/// `did you mean 'gamma'? (arguments: step_size, gamma)`, or the list alone where nothing is near.
pub(super) fn suggestion<'n>(word: &str, valid: impl Iterator<Item = &'n str> + Clone, plural: &str) -> String {
    let list = format!("{plural}: {}", valid.clone().collect::<Vec<_>>().join(", "));
    match nearest(word, valid) {
        Some(near) => format!("did you mean '{near}'? ({list})"),
        None => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Source;
    use crate::upstream::python::parse;

    const PLACE: Place = Place(Source::Torch);

    fn with<T>(text: &str, read: impl Fn(&Bound<'_>) -> Result<T, InputError>) -> Result<T, String> {
        let expr = parse(PLACE, text).unwrap();
        let Kind::Call(call) = &expr.kind else { panic!("{text}") };
        let bound = Bound::new(PLACE, call, &["size", "gamma", "mode", "times"], 0);
        bound.and_then(|bound| read(&bound)).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_are_computed() {
        for (text, expected) in [
            ("1/3", 1.0 / 3.0),
            ("1e-3", 1e-3),
            ("-2 ** 2", -4.0),
            ("2 ** -1", 0.5),
            ("-7 // 2", -4.0),
            ("1 // 0.1", 9.0),
            ("-7 % 3", 2.0),
            ("30 * 100 + 5", 3005.0),
            ("int(0.3 * 55)", 16.0),
            ("min(3, max(1, 2)) + round(2.5)", 4.0),
            ("math.pi", std::f64::consts::PI),
        ] {
            let value = with(&format!("f({text})"), |bound| bound.number("size")).unwrap();
            assert_eq!(value, Some(expected), "{text}");
        }
    }

    #[test]
    fn arguments_are_found_by_place_and_by_name() {
        let read = |bound: &Bound<'_>| Ok((bound.length("size")?, bound.number("gamma")?, bound.number("mode")?));
        for text in ["f(30, 0.5)", "f(30, gamma=0.5)", "m.f(gamma=1/2, size=30.0)"] {
            assert_eq!(with(text, read).unwrap(), (Some(30), Some(0.5), None), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        let read = |bound: &Bound<'_>| {
            bound.need("size", bound.length("size")?)?;
            bound.number("gamma")?;
            bound.word("mode", &["cos", "linear"])?;
            bound.list("times")?;
            bound.rate("times")
        };
        for (text, message) in [
            ("f()", "character 1: f needs size; write f(size=…)"),
            (
                "f(siez=3)",
                "character 3: unknown argument 'siez' of f; did you mean 'size'? (arguments: size, gamma, mode, times)",
            ),
            ("f(3, size=3)", "character 6: size of f is given twice; leave one out"),
            ("f(size=3, 4)", "character 11: an argument of f without its name after one with it; write the name"),
            (
                "f(1, 2, 3, 4, 5)",
                "character 15: f has 4 arguments, and more are given; arguments: size, gamma, mode, times",
            ),
            ("f(2.5)", "character 3: size of f is 2.5; give a whole number of at least 1"),
            ("f(0)", "character 3: size of f is 0; give a whole number of at least 1"),
            ("f(n)", "character 3: size of f is the name 'n', where a number is expected; write its value"),
            ("f(3, None)", "character 6: gamma of f is None, where a number is expected"),
            ("f(3, True)", "character 6: gamma of f is True, where a number is expected"),
            ("f(3, 1/0)", "character 6: an expression without a finite value"),
            (
                "f(3, mode='linaer')",
                "character 11: unknown mode 'linaer' of f; did you mean 'linear'? (valid: cos, linear)",
            ),
            ("f(3, mode=1)", "character 11: mode of f is the number 1, where one of cos, linear is expected"),
            ("f(3, times=1)", "character 12: times of f is the number 1, where a list is expected"),
            (
                "f(3, times=[1, 2])",
                "character 12: times of f is a list of 2 values; give one; groups of parameters with rates of their own are not supported",
            ),
            ("f(3, times=[-1])", "character 13: times of f is -1; give a number of at least 0"),
        ] {
            assert_eq!(with(text, read).unwrap_err(), format!("torch schedule, {message}"), "{text}");
        }
    }
}
