//! Lambdas as formulas of ours.
//!
//! The language of `formula("…")` is Python's own for numbers, so this renames the parameter, drops the modules before
//! functions, and writes out what is Python's alone.

use super::Place;
use super::bind::suggestion;
use super::python::{Call, Expr, Kind, short};
use crate::InputError;
use crate::text::number;

// How strongly what is written binds, weakest first.
const CONDITION: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 3;
const NOT: u8 = 4;
const COMPARE: u8 = 5;
const SUM: u8 = 6;
const PRODUCT: u8 = 7;
const SIGN: u8 = 8;
const POWER: u8 = 9;
const ATOM: u8 = 10;

/// A formula and how strongly its outermost operator binds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Formula {
    text: String,
    binds: u8,
}

impl Formula {
    /// The text, in brackets where it would not bind at least so strongly.
    fn within(&self, least: u8) -> String {
        if self.binds >= least { self.text.clone() } else { format!("({})", self.text) }
    }

    /// The formula itself.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// `factor * formula`; the formula is computed first.
    pub(super) fn times(&self, factor: &str) -> Formula {
        Formula { text: format!("{factor} * {}", self.within(SIGN)), binds: PRODUCT }
    }

    /// A formula that was put together elsewhere, of which nothing is known.
    pub(super) fn new(text: String) -> Formula {
        Formula { text, binds: CONDITION }
    }
}

/// The body of a lambda, with `variable` in place of its parameter.
///
/// # Errors
/// If it holds something that formulas have not.
pub(super) fn formula(place: Place, body: &Expr, param: &str, variable: &str) -> Result<Formula, InputError> {
    Writer { place, param, variable }.write(body)
}

/// Whether a name occurs in an expression.
pub(super) fn uses(expr: &Expr, name: &str) -> bool {
    match &expr.kind {
        Kind::Name(written) => written == name,
        Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) | Kind::None => false,
        Kind::List(parts) => parts.iter().any(|part| uses(part, name)),
        Kind::Dict(entries) => entries.iter().any(|(key, value)| uses(key, name) || uses(value, name)),
        Kind::Call(call) => call.args.iter().any(|arg| uses(&arg.value, name)),
        Kind::Lambda { params, body } => !params.iter().any(|param| param == name) && uses(body, name),
        Kind::Minus(inner) | Kind::Not(inner) => uses(inner, name),
        Kind::Binary(_, left, right) | Kind::And(left, right) | Kind::Or(left, right) => {
            uses(left, name) || uses(right, name)
        }
        Kind::Compare(first, others) => uses(first, name) || others.iter().any(|(_, other)| uses(other, name)),
        Kind::If { condition, then, otherwise } => {
            [condition, then, otherwise].into_iter().any(|part| uses(part, name))
        }
    }
}

struct Writer<'a> {
    place: Place,
    param: &'a str,
    variable: &'a str,
}

/// Functions of one value that formulas have under the same name.
const SAME: [&str; 13] =
    ["sqrt", "exp", "log2", "log10", "cos", "sin", "tan", "tanh", "abs", "floor", "ceil", "round", "log"];

impl Writer<'_> {
    fn write(&self, expr: &Expr) -> Result<Formula, InputError> {
        let formula = |text: String, binds: u8| Ok(Formula { text, binds });
        match &expr.kind {
            Kind::Number(value) => formula(number(*value), ATOM),
            Kind::Bool(value) => formula(u8::from(*value).to_string(), ATOM),
            Kind::Name(name) if name == self.param => formula(self.variable.to_owned(), ATOM),
            Kind::Name(name) => match name.rsplit_once('.') {
                Some((_, constant @ ("pi" | "e"))) => formula(constant.to_owned(), ATOM),
                _ => Err(self
                    .place
                    .error(expr.at, format!("the name '{name}' has no value here"))
                    .remedy("write its value")),
            },
            Kind::Minus(inner) => formula(format!("-{}", self.write(inner)?.within(SIGN)), SIGN),
            Kind::Not(inner) => formula(format!("not {}", self.write(inner)?.within(NOT)), NOT),
            Kind::Binary(operator, left, right) => {
                let (left, right) = (self.write(left)?, self.write(right)?);
                match *operator {
                    "**" => formula(format!("{}**{}", left.within(ATOM), right.within(SIGN)), POWER),
                    "+" | "-" => formula(format!("{} {operator} {}", left.within(SUM), right.within(PRODUCT)), SUM),
                    _ => formula(format!("{} {operator} {}", left.within(PRODUCT), right.within(SIGN)), PRODUCT),
                }
            }
            Kind::Compare(first, others) => self.compare(first, others),
            Kind::And(left, right) => self.either(left, right, true),
            Kind::Or(left, right) => self.either(left, right, false),
            Kind::If { condition, then, otherwise } => {
                let (then, condition) = (self.write(then)?.within(OR), self.write(condition)?.within(OR));
                formula(format!("{then} if {condition} else {}", self.write(otherwise)?.within(CONDITION)), CONDITION)
            }
            Kind::Call(call) => self.call(call),
            other => Err(self.place.error(expr.at, format!("{} in a lambda", other.describe())).remedy("use numbers")),
        }
    }

    /// `a < b <= c` as `a < b and b <= c`.
    fn compare(&self, first: &Expr, others: &[(&'static str, Expr)]) -> Result<Formula, InputError> {
        let mut left = self.write(first)?.within(SUM);
        let mut parts = Vec::new();
        for (operator, other) in others {
            let right = self.write(other)?.within(SUM);
            parts.push(format!("{left} {operator} {right}"));
            left = right;
        }
        Ok(Formula { text: parts.join(" and "), binds: if parts.len() > 1 { AND } else { COMPARE } })
    }

    /// `and` and `or` give one of their values in Python, in a formula whether they hold: the same where they compare.
    fn either(&self, left: &Expr, right: &Expr, both: bool) -> Result<Formula, InputError> {
        let (a, b) = (self.write(left)?, self.write(right)?);
        let truths = [left, right].into_iter().all(is_truth);
        Ok(match (both, truths) {
            (true, true) => Formula { text: format!("{} and {}", a.within(AND), b.within(NOT)), binds: AND },
            (false, true) => Formula { text: format!("{} or {}", a.within(OR), b.within(AND)), binds: OR },
            (true, false) => Formula { text: format!("{} if {} else 0", b.within(OR), a.within(OR)), binds: CONDITION },
            (false, false) => {
                let a = a.within(OR);
                Formula { text: format!("{a} if {a} else {}", b.within(CONDITION)), binds: CONDITION }
            }
        })
    }

    fn call(&self, call: &Call) -> Result<Formula, InputError> {
        if let Some(arg) = call.args.iter().find(|arg| arg.keyword.is_some()) {
            return Err(self.place.error(arg.at, "an argument with a name in a lambda").remedy("leave the name out"));
        }
        let args: Vec<Formula> = call.args.iter().map(|arg| self.write(&arg.value)).collect::<Result<_, _>>()?;
        let called = |name: &str| {
            let args: Vec<&str> = args.iter().map(Formula::text).collect();
            Ok(Formula { text: format!("{name}({})", args.join(", ")), binds: ATOM })
        };
        match (short(&call.name), args.as_slice()) {
            (name, [_]) if SAME.contains(&name) => called(name),
            ("fabs", [_]) => called("abs"),
            ("float" | "float32" | "float64", [x]) => Ok(x.clone()),
            // Towards zero, which is down where the value cannot be negative.
            ("int" | "trunc", [x]) => {
                let inner = &call.args[0].value;
                if self.at_least_zero(inner) {
                    return called("floor");
                }
                let text = format!("floor({0}) if {1} >= 0 else ceil({0})", x.text, x.within(SUM));
                Ok(Formula { text, binds: CONDITION })
            }
            ("log", [x, base]) => Ok(Formula { text: format!("ln({}) / ln({})", x.text, base.text), binds: PRODUCT }),
            ("pow" | "power", [_, _]) => called("pow"),
            ("min" | "minimum", [_, _, ..]) => called("min"),
            ("max" | "maximum", [_, _, ..]) => called("max"),
            ("where", [_, _, _]) => called("if"),
            (name, _) => {
                let known = SAME.iter().copied().chain(["min", "max", "pow", "int", "float", "where"]);
                let what = if known.clone().any(|known| known == name) { "these arguments of" } else { "the function" };
                let error = self.place.error(call.at, format!("{what} {} in a lambda", call.name));
                Err(error.remedy(suggestion(name, known, "functions")))
            }
        }
    }

    /// Whether a value is at least 0 by its form.
    fn at_least_zero(&self, expr: &Expr) -> bool {
        match &expr.kind {
            Kind::Number(_) | Kind::Bool(_) => true,
            Kind::Name(name) => name == self.param,
            Kind::Binary("-", ..) => false,
            Kind::Binary(_, left, right) => self.at_least_zero(left) && self.at_least_zero(right),
            _ => false,
        }
    }
}

/// Whether an expression is 1 or 0 in a formula where it is `True` or `False` in Python.
fn is_truth(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Bool(_) | Kind::Compare(..) | Kind::Not(_) => true,
        Kind::And(left, right) | Kind::Or(left, right) => is_truth(left) && is_truth(right),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Source;
    use crate::upstream::python::parse;

    fn written(text: &str) -> Result<String, String> {
        let place = Place(Source::Torch);
        let expr = parse(place, text).unwrap();
        let Kind::Lambda { params, body } = &expr.kind else { panic!("{text}") };
        formula(place, body, &params[0], "epoch").map(|formula| formula.text).map_err(|error| error.to_string())
    }

    #[test]
    fn lambdas_become_formulas() {
        for (text, expected) in [
            ("lambda epoch: 0.95 ** epoch", "0.95**epoch"),
            ("lambda e: 0.001 * 0.95**e", "0.001 * 0.95**epoch"),
            ("lambda x: (1 + x) * -2", "(1 + epoch) * -2"),
            ("lambda x: 1 - (2 - x)", "1 - (2 - epoch)"),
            ("lambda x: (-x) ** 2", "(-epoch)**2"),
            ("lambda x: -x ** 2", "-epoch**2"),
            ("lambda x: 2 ** 3 ** x", "2**3**epoch"),
            ("lambda x: (2 ** 3) ** x", "(2**3)**epoch"),
            ("lambda x: x // 30", "epoch // 30"),
            (
                "lambda x: 0.1 if x < 10 else 0.01 if x < 20 else 1e-3",
                "0.1 if epoch < 10 else 0.01 if epoch < 20 else 0.001",
            ),
            ("lambda x: 0.1 if 3 <= x < 5 else 1", "0.1 if 3 <= epoch and epoch < 5 else 1"),
            ("lambda x: 0.1 ** (x >= 30 and x < 60)", "0.1**(epoch >= 30 and epoch < 60)"),
            ("lambda x: (x or 5) / 2", "(epoch if epoch else 5) / 2"),
            ("lambda x: math.exp(-0.1 * x)", "exp(-0.1 * epoch)"),
            ("lambda x: 0.5 * (1 + np.cos(math.pi * x / 60))", "0.5 * (1 + cos(pi * epoch / 60))"),
            ("lambda x: min(1, x / 5)", "min(1, epoch / 5)"),
            ("lambda x: int(x / 3)", "floor(epoch / 3)"),
            ("lambda x: int(x - 3)", "floor(epoch - 3) if epoch - 3 >= 0 else ceil(epoch - 3)"),
            ("lambda x: jnp.where(x < 3, 1, 0.5)", "if(epoch < 3, 1, 0.5)"),
            ("lambda x: math.log(x + 2, 3)", "ln(epoch + 2) / ln(3)"),
        ] {
            assert_eq!(written(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_formula_is_named_where_it_is() {
        for (text, message) in [
            ("lambda x: y * x", "character 11: the name 'y' has no value here; write its value"),
            ("lambda x: self.f(x)", "character 11: the function self.f in a lambda; functions: sqrt"),
            ("lambda x: sqr(x)", "character 11: the function sqr in a lambda; did you mean 'sqrt'?"),
            ("lambda x: round(x, 3)", "character 11: these arguments of round in a lambda"),
            ("lambda x: [x]", "character 11: a list in a lambda; use numbers"),
            ("lambda x: max(x, key=3)", "character 18: an argument with a name in a lambda; leave the name out"),
        ] {
            let error = written(text).unwrap_err();
            assert!(error.starts_with(&format!("torch schedule, {message}")), "{text}: {error}");
        }
    }

    #[test]
    fn occurrences_are_found() {
        let place = Place(Source::Keras);
        for (text, uses_it) in
            [("lr * 2", true), ("f(1, g=lr)", true), ("epoch if a < lr else 3", true), ("lrs + 1", false)]
        {
            assert_eq!(uses(&parse(place, text).unwrap(), "lr"), uses_it, "{text}");
        }
    }
}
