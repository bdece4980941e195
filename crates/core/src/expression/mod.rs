//! Formulas in named values, read once and computed for many: `0.1 * 0.95**(epoch // 2)`.
//!
//! The language is that of Python's expressions in numbers, so that a formula can be taken over as it is: `**` (also `^`),
//! `//` and `%` as in Python, comparisons (1 where they hold, 0 where not), `and`, `or`, `not`, `a if c else b`; and the
//! functions of [`FUNCTIONS`]. There are no loops, no names but those given and no way to fail: what has no value, such as
//! `1/0`, is infinite or not a number, and the caller looks at it. Reading is linear in the text; computing allocates
//! nothing and visits each part once (both branches of an `if` too).
//!
//! It is written here because the crates at hand cannot say at which character a mistake is, and read `1e-4`, nested `min`
//! and `max`, or three arguments wrongly or not at all.

mod parse;

pub(crate) use parse::Mistake;

/// The most characters of a formula; it is computed for every step of a run before the run begins.
pub(crate) const CHARACTERS_MAX: usize = 500;

/// The most values that wait while a formula is computed.
const STACK_MAX: usize = 24;

/// A function: its name, how many arguments it takes at least, and at most.
type Function = (&'static str, usize, usize, Op);

/// The functions, all of real numbers. `log` is the natural logarithm; `round` goes to the even neighbour, as Python's.
const FUNCTIONS: &[Function] = &[
    ("min", 2, 8, Op::Two(Two::Min)),
    ("max", 2, 8, Op::Two(Two::Max)),
    ("pow", 2, 2, Op::Two(Two::Power)),
    ("if", 3, 3, Op::If),
    ("sqrt", 1, 1, Op::One(One::Sqrt)),
    ("exp", 1, 1, Op::One(One::Exp)),
    ("ln", 1, 1, Op::One(One::Ln)),
    ("log", 1, 1, Op::One(One::Ln)),
    ("log2", 1, 1, Op::One(One::Log2)),
    ("log10", 1, 1, Op::One(One::Log10)),
    ("cos", 1, 1, Op::One(One::Cos)),
    ("sin", 1, 1, Op::One(One::Sin)),
    ("tan", 1, 1, Op::One(One::Tan)),
    ("tanh", 1, 1, Op::One(One::Tanh)),
    ("abs", 1, 1, Op::One(One::Abs)),
    ("floor", 1, 1, Op::One(One::Floor)),
    ("ceil", 1, 1, Op::One(One::Ceil)),
    ("round", 1, 1, Op::One(One::Round)),
];

const CONSTANTS: &[(&str, f64)] = &[("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

/// A formula that has been read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expression {
    /// In the order of computing: operands before what is done with them. Never more than [`STACK_MAX`] wait.
    program: Vec<Op>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Number(f64),
    /// The place of its value.
    Variable(usize),
    One(One),
    Two(Two),
    /// Condition, then, else.
    If,
    /// Then, condition, else: the order in which Python writes them.
    IfElse,
}

/// What is done with one value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum One {
    Negate,
    Not,
    Sqrt,
    Exp,
    Ln,
    Log2,
    Log10,
    Cos,
    Sin,
    Tan,
    Tanh,
    Abs,
    Floor,
    Ceil,
    Round,
}

/// What is done with two.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Two {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Min,
    Max,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

impl Expression {
    /// Reads a formula in which the names of `variables` stand for values.
    ///
    /// # Errors
    /// If it is none; the mistake has its character.
    pub(crate) fn parse(text: &str, variables: &[&str]) -> Result<Self, Mistake> {
        parse::parse(text, variables)
    }

    /// Whether the variable in this place occurs.
    pub(crate) fn uses(&self, variable: usize) -> bool {
        self.program.contains(&Op::Variable(variable))
    }

    /// The value, with those of the variables in their places. It may be infinite or not a number.
    pub(crate) fn value(&self, variables: &[f64]) -> f64 {
        let mut stack = [0.0; STACK_MAX];
        let mut top = 0;
        for op in &self.program {
            // How many operands it takes and what it makes of them; the parser has seen that they are there.
            let (taken, value) = match *op {
                Op::Number(number) => (0, number),
                Op::Variable(place) => (0, variables.get(place).copied().unwrap_or(f64::NAN)),
                Op::One(one) => (1, one.of(stack[top - 1])),
                Op::Two(two) => (2, two.of(stack[top - 2], stack[top - 1])),
                Op::If => (3, if holds(stack[top - 3]) { stack[top - 2] } else { stack[top - 1] }),
                Op::IfElse => (3, if holds(stack[top - 2]) { stack[top - 3] } else { stack[top - 1] }),
            };
            top -= taken;
            stack[top] = value;
            top += 1;
        }
        stack[0]
    }
}

/// Python's truth of a number.
fn holds(value: f64) -> bool {
    value != 0.0
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

impl One {
    fn of(self, x: f64) -> f64 {
        match self {
            One::Negate => -x,
            One::Not => truth(!holds(x)),
            One::Sqrt => x.sqrt(),
            One::Exp => x.exp(),
            One::Ln => x.ln(),
            One::Log2 => x.log2(),
            One::Log10 => x.log10(),
            One::Cos => x.cos(),
            One::Sin => x.sin(),
            One::Tan => x.tan(),
            One::Tanh => x.tanh(),
            One::Abs => x.abs(),
            One::Floor => x.floor(),
            One::Ceil => x.ceil(),
            One::Round => x.round_ties_even(),
        }
    }
}

impl Two {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Two::Add => a + b,
            Two::Subtract => a - b,
            Two::Multiply => a * b,
            Two::Divide => a / b,
            // By the exact remainder: (a/b).floor() is one too many where the quotient rounds up to a whole number.
            Two::FloorDivide => ((a - remainder(a, b)) / b).round(),
            Two::Remainder => remainder(a, b),
            Two::Power => a.powf(b),
            Two::Min => a.min(b),
            Two::Max => a.max(b),
            Two::Less => truth(a < b),
            Two::LessOrEqual => truth(a <= b),
            Two::Greater => truth(a > b),
            Two::GreaterOrEqual => truth(a >= b),
            Two::Equal => truth(a == b),
            Two::NotEqual => truth(a != b),
            Two::And => truth(holds(a) && holds(b)),
            Two::Or => truth(holds(a) || holds(b)),
        }
    }
}

/// The remainder that has the divisor's sign.
fn remainder(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VARIABLES: [&str; 2] = ["epoch", "base"];

    fn value(text: &str) -> f64 {
        let expression = Expression::parse(text, &VARIABLES).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
        expression.value(&[7.0, 0.5])
    }

    #[test]
    fn values_are_those_of_python() {
        // With epoch = 7 and base = 0.5, as Python 3 prints them.
        for (text, expected) in [
            ("1", 1.0),
            (" 1 + 2 * 3 ", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("10 - 4 - 3", 3.0),
            ("24 / 4 / 2", 3.0),
            ("2 ** 3 ** 2", 512.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("-2 ** 2", -4.0),
            ("(-2) ** 2", 4.0),
            ("2 ** -1", 0.5),
            ("2 * -3", -6.0),
            ("--3", 3.0),
            ("+3 - +4", -1.0),
            ("-3 % 5", 2.0),
            ("3 % -5", -2.0),
            ("7 // 2", 3.0),
            ("-7 // 2", -4.0),
            ("1 // 0.1", 9.0),
            ("6 % 4 * 2", 4.0),
            ("1e-4 * 1E2", 1e-2),
            (".5 + 5.", 5.5),
            ("epoch", 7.0),
            ("base * 0.9 ** (epoch // 2)", 0.5 * 0.9f64.powf(3.0)),
            ("1 < 2", 1.0),
            ("1 + 1 == 2", 1.0),
            ("2 <= 1", 0.0),
            ("2 >= 1", 1.0),
            ("2 != 2", 0.0),
            ("1 > 2 or 2 > 1 and 3 > 2", 1.0),
            ("not 1 > 2", 1.0),
            ("not 0 and 0", 0.0),
            ("0.1 if epoch < 5 else 0.01", 0.01),
            ("0.1 if epoch < 5 else 0.01 if epoch < 8 else 0.001", 0.01),
            ("1 + (2 if epoch else 3)", 3.0),
            ("if(epoch < 5, 0.1, 0.01)", 0.01),
            ("if(epoch > 5, 1/0, 2) > 1", 1.0),
            ("min(3, max(1, 2), 4)", 2.0),
            ("max(1, 2) * 3", 6.0),
            ("pow(2, 10)", 1024.0),
            ("sqrt(16) + abs(-3)", 7.0),
            ("log(e) + ln(e) + log2(8) + log10(1000)", 8.0),
            ("cos(pi)", -1.0),
            ("exp(0) + sin(0) + tan(0) + tanh(0)", 1.0),
            ("floor(2.7) + ceil(2.1)", 5.0),
            ("round(2.5) + round(3.5)", 6.0),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
        assert!(value("1/0").is_infinite() && value("sqrt(-1)").is_nan() && value("0 // 0").is_nan());
    }

    #[test]
    fn says_what_it_uses() {
        let expression = Expression::parse("base * 2", &VARIABLES).unwrap();
        assert_eq!((expression.uses(0), expression.uses(1)), (false, true));
    }

    #[test]
    fn mistakes_have_their_character() {
        for (text, at, what, remedy) in [
            ("", 0, "expected a number, a name or '(', found the end", ""),
            ("1 +", 3, "expected a number, a name or '(', found the end", ""),
            ("1 + )", 4, "expected a number, a name or '(', found ')'", ""),
            ("(1", 2, "expected ')', found the end", ""),
            ("1 2", 2, "expected an operator or the end, found '2'", ""),
            ("2epoch", 1, "expected an operator or the end, found 'e'", ""),
            ("1e400", 0, "the number 1e400 is too large", ""),
            ("1.2.3", 3, "expected an operator or the end, found '.'", ""),
            (".", 0, "expected a number, found '.'", ""),
            ("epoh * 2", 0, "unknown name 'epoh'", "did you mean 'epoch'"),
            ("math.cos(1)", 0, "unknown name 'math'", "names: epoch, base, pi, e"),
            ("cosh(1)", 0, "unknown function 'cosh'", "did you mean 'cos'"),
            ("cos", 0, "cos is a function", "write cos(…)"),
            ("pi(1)", 2, "expected an operator or the end, found '('", ""),
            ("cos(1, 2)", 0, "cos takes 1 argument, and 2 are given", ""),
            ("min(1)", 0, "min takes 2 to 8 arguments, and 1 is given", ""),
            ("if(1, 2)", 0, "if takes 3 arguments, and 2 are given", ""),
            ("1 < 2 < 3", 6, "a comparison after another", "write a < b and b < c"),
            ("1 if 2", 6, "expected else, found the end", ""),
            ("1 = 2", 2, "expected an operator or the end, found '='", ""),
            ("é", 0, "expected a number, a name or '(', found 'é'", ""),
        ] {
            let mistake = Expression::parse(text, &VARIABLES).unwrap_err();
            assert_eq!((mistake.at, mistake.what.as_str()), (at, what), "{text}");
            assert!(mistake.remedy.unwrap_or_default().contains(remedy), "{text}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = |open: &str| Expression::parse(&open.repeat(CHARACTERS_MAX / open.len()), &[]).unwrap_err().what;
        for open in ["(", "-", "not ", "2**", "abs(", "1+(", "1 if 1 else ", "min(1,"] {
            assert!(deep(open).contains("deep"), "{open}: {}", deep(open));
        }
        let long = vec!["1"; CHARACTERS_MAX / 2].join("+");
        assert_eq!(Expression::parse(&long, &[]).unwrap().value(&[]), (CHARACTERS_MAX / 2) as f64);
        let long = vec!["1"; CHARACTERS_MAX].join("+");
        assert!(Expression::parse(&long, &[]).unwrap_err().what.contains("longer than 500 characters"));
    }

    /// Formulas with the value that plain arithmetic gives them.
    fn sums() -> impl Strategy<Value = (String, f64)> {
        let leaf = (0..100u32).prop_map(|number| (number.to_string(), f64::from(number)));
        leaf.prop_recursive(4, 40, 2, |inner| {
            (inner.clone(), 0..4usize, inner).prop_map(|((a, x), kind, (b, y))| match kind {
                0 => (format!("({a} + {b})"), x + y),
                1 => (format!("(({a})-({b}))"), x - y),
                2 => (format!("max({a}, -({b}))"), x.max(-y)),
                _ => (format!("(({a}) if ({a}) < ({b}) else ({b})*2)"), if x < y { x } else { y * 2.0 }),
            })
        })
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}", pieces in "(epoch|base|min|if|else|and|not|[0-9.e+*/^%<>=(), -]){0,40}") {
            for text in [text, pieces] {
                match Expression::parse(&text, &VARIABLES) {
                    Ok(expression) => {
                        expression.value(&[1.0, 2.0]);
                    }
                    Err(mistake) => prop_assert!(mistake.at <= text.chars().count()),
                }
            }
        }

        #[test]
        fn nested_formulas_have_their_values((text, expected) in sums()) {
            prop_assume!(text.chars().count() <= CHARACTERS_MAX);
            prop_assert_eq!(value(&text), expected, "{}", text);
        }
    }
}
