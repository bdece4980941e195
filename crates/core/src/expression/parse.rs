//! From a formula's text to its program, by binding powers (Pratt, Top down operator precedence, 1973).

use super::{CHARACTERS_MAX, CONSTANTS, Expression, FUNCTIONS, Function, One, Op, STACK_MAX, Two};
use crate::text::suggestion;

/// What is wrong with a formula.
#[derive(Debug)]
pub(crate) struct Mistake {
    /// The character at which it is, from 0.
    pub(crate) at: usize,
    pub(crate) what: String,
    pub(crate) remedy: Option<String>,
}

/// How deep a formula may be nested; the parser recurses.
const DEPTH_MAX: usize = 24;

// How strongly operators bind, weakest first.
const CONDITION: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 3;
const NOT: u8 = 4;
const COMPARE: u8 = 5;
const SUM: u8 = 6;
const PRODUCT: u8 = 7;
const POWER: u8 = 8;

/// Operators of signs, the longer before those they begin with.
const SIGNS: &[(&str, u8, Two)] = &[
    ("**", POWER, Two::Power),
    ("//", PRODUCT, Two::FloorDivide),
    ("<=", COMPARE, Two::LessOrEqual),
    (">=", COMPARE, Two::GreaterOrEqual),
    ("==", COMPARE, Two::Equal),
    ("!=", COMPARE, Two::NotEqual),
    ("^", POWER, Two::Power),
    ("*", PRODUCT, Two::Multiply),
    ("/", PRODUCT, Two::Divide),
    ("%", PRODUCT, Two::Remainder),
    ("+", SUM, Two::Add),
    ("-", SUM, Two::Subtract),
    ("<", COMPARE, Two::Less),
    (">", COMPARE, Two::Greater),
];

/// Operators that are words.
const WORDS: &[(&str, u8, Two)] = &[("and", AND, Two::And), ("or", OR, Two::Or)];

pub(super) fn parse(text: &str, variables: &[&str]) -> Result<Expression, Mistake> {
    let characters: Vec<char> = text.chars().take(CHARACTERS_MAX + 1).collect();
    let mut parser = Parser { characters, variables, next: 0, program: Vec::new(), waiting: 0 };
    if parser.characters.len() > CHARACTERS_MAX {
        return Err(mistake(CHARACTERS_MAX, format!("a formula longer than {CHARACTERS_MAX} characters")));
    }
    parser.expression(CONDITION, 1)?;
    match parser.peek() {
        None => Ok(Expression { program: parser.program }),
        Some(_) => Err(parser.unexpected("an operator or the end")),
    }
}

fn mistake(at: usize, what: impl Into<String>) -> Mistake {
    Mistake { at, what: what.into(), remedy: None }
}

struct Parser<'v> {
    characters: Vec<char>,
    variables: &'v [&'v str],
    next: usize,
    program: Vec<Op>,
    /// Values that wait on the stack after what is written so far.
    waiting: usize,
}

impl Parser<'_> {
    /// The next character that is not space, and moves to it.
    fn peek(&mut self) -> Option<char> {
        while self.characters.get(self.next).is_some_and(|character| character.is_whitespace()) {
            self.next += 1;
        }
        self.characters.get(self.next).copied()
    }

    fn unexpected(&mut self, expected: &str) -> Mistake {
        let found = match self.peek() {
            Some(character) => format!("'{}'", character.escape_debug()),
            None => "the end".to_owned(),
        };
        mistake(self.next, format!("expected {expected}, found {found}"))
    }

    fn take(&mut self, sign: &str) -> bool {
        self.peek();
        let taken = sign.chars().enumerate().all(|(place, one)| self.characters.get(self.next + place) == Some(&one));
        if taken {
            self.next += sign.chars().count();
        }
        taken
    }

    /// The word that is next, without moving past it; empty if there is none.
    fn word(&mut self) -> String {
        match self.peek() {
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {}
            _ => return String::new(),
        }
        let rest = self.characters[self.next..].iter();
        rest.take_while(|character| character.is_ascii_alphanumeric() || **character == '_').collect()
    }

    fn take_word(&mut self, word: &str) -> bool {
        let taken = self.word() == word;
        if taken {
            self.next += word.len();
        }
        taken
    }

    /// Writes what is done next. `at` is where it is said if too much waits.
    fn emit(&mut self, op: Op, at: usize) -> Result<(), Mistake> {
        let taken = match op {
            Op::Number(_) | Op::Variable(_) => 0,
            Op::One(_) => 1,
            Op::Two(_) => 2,
            Op::If | Op::IfElse => 3,
        };
        self.waiting = self.waiting + 1 - taken;
        if self.waiting > STACK_MAX {
            return Err(mistake(at, "the formula is nested too deep"));
        }
        self.program.push(op);
        Ok(())
    }

    /// Everything that binds at least as strongly as `least`.
    fn expression(&mut self, least: u8, depth: usize) -> Result<(), Mistake> {
        if depth > DEPTH_MAX {
            return Err(mistake(self.next, format!("a formula nested more than {DEPTH_MAX} deep")));
        }
        self.operand(depth)?;
        let mut compared = false;
        loop {
            self.peek();
            let at = self.next;
            if least <= CONDITION && self.take_word("if") {
                self.expression(OR, depth + 1)?;
                if !self.take_word("else") {
                    return Err(self.unexpected("else"));
                }
                self.expression(CONDITION, depth + 1)?;
                self.emit(Op::IfElse, at)?;
                continue;
            }
            let word = self.word();
            let sign =
                SIGNS.iter().find(|(sign, ..)| self.take(sign)).or(WORDS.iter().find(|(name, ..)| *name == word));
            let Some((name, power, two)) = sign else { return Ok(()) };
            if *power < least {
                self.next = at;
                return Ok(());
            }
            self.next = at + name.len();
            if *power == COMPARE && std::mem::replace(&mut compared, true) {
                return Err(Mistake {
                    remedy: Some("write a < b and b < c".into()),
                    ..mistake(at, "a comparison after another")
                });
            }
            // A power binds to the right: 2**3**2 is 2**9.
            self.expression(if *power == POWER { POWER } else { power + 1 }, depth + 1)?;
            self.emit(Op::Two(*two), at)?;
        }
    }

    fn operand(&mut self, depth: usize) -> Result<(), Mistake> {
        let first = self.peek();
        let at = self.next;
        match first {
            Some('-') => {
                self.next += 1;
                self.expression(POWER, depth + 1)?;
                self.emit(Op::One(One::Negate), at)
            }
            Some('+') => {
                self.next += 1;
                self.expression(POWER, depth + 1)
            }
            Some('(') => {
                self.next += 1;
                self.expression(CONDITION, depth + 1)?;
                if self.take(")") { Ok(()) } else { Err(self.unexpected("')'")) }
            }
            Some(first) if first.is_ascii_digit() || first == '.' => {
                let number = self.number()?;
                self.emit(Op::Number(number), at)
            }
            _ => self.named(at, depth),
        }
    }

    /// A variable, a constant, a function with its arguments, or `not`.
    fn named(&mut self, at: usize, depth: usize) -> Result<(), Mistake> {
        let word = self.word();
        if word.is_empty() {
            return Err(self.unexpected("a number, a name or '('"));
        }
        self.next += word.len();
        if word == "not" {
            self.expression(NOT, depth + 1)?;
            return self.emit(Op::One(One::Not), at);
        }
        if let Some(place) = self.variables.iter().position(|name| *name == word) {
            return self.emit(Op::Variable(place), at);
        }
        if let Some((_, value)) = CONSTANTS.iter().find(|(name, _)| *name == word) {
            return self.emit(Op::Number(*value), at);
        }
        let function = FUNCTIONS.iter().find(|(name, ..)| *name == word);
        match (function, self.take("(")) {
            (Some(function), true) => self.call(function, at, depth),
            (Some((name, ..)), false) => Err(Mistake {
                remedy: Some(format!("write {name}(…)")),
                ..mistake(at, format!("{name} is a function"))
            }),
            (None, called) => {
                let functions = || FUNCTIONS.iter().map(|(name, ..)| *name);
                let names = || self.variables.iter().copied().chain(CONSTANTS.iter().map(|(name, _)| *name));
                let (what, valid): (_, Vec<&str>) =
                    if called { ("function", functions().collect()) } else { ("name", names().collect()) };
                let remedy = suggestion(&word, &valid, &format!("{what}s"));
                Err(Mistake { remedy: Some(remedy), ..mistake(at, format!("unknown {what} '{word}'")) })
            }
        }
    }

    /// The arguments of a function, whose bracket is open.
    fn call(&mut self, (name, least, most, op): &Function, at: usize, depth: usize) -> Result<(), Mistake> {
        let mut given = 0;
        while !(given == 0 && self.take(")")) {
            self.expression(CONDITION, depth + 1)?;
            given += 1;
            // One with more than two arguments, such as min, is done as soon as there are two.
            if given > 1 && given <= *most && matches!(op, Op::Two(_)) {
                self.emit(*op, at)?;
            }
            if self.take(")") {
                break;
            }
            if !self.take(",") {
                return Err(self.unexpected("',' or ')'"));
            }
        }
        if !(*least..=*most).contains(&given) {
            let counted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            let plural = if *most == 1 { "argument" } else { "arguments" };
            let are = if given == 1 { "is" } else { "are" };
            return Err(mistake(at, format!("{name} takes {counted} {plural}, and {given} {are} given")));
        }
        if matches!(op, Op::Two(_)) { Ok(()) } else { self.emit(*op, at) }
    }

    fn number(&mut self) -> Result<f64, Mistake> {
        let begin = self.next;
        let digits = |from: usize| self.characters[from..].iter().take_while(|one| one.is_ascii_digit()).count();
        let mut end = begin + digits(begin);
        if self.characters.get(end) == Some(&'.') {
            end += 1;
            end += digits(end);
        }
        if matches!(self.characters.get(end), Some('e' | 'E')) {
            let signed = matches!(self.characters.get(end + 1), Some('-' | '+'));
            let first = end + 1 + usize::from(signed);
            // An e without digits is Euler's number, or the mistake of one.
            if self.characters.get(first).is_some_and(char::is_ascii_digit) {
                end = first + digits(first);
            }
        }
        let written: String = self.characters[begin..end].iter().collect();
        match written.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.next = end;
                Ok(number)
            }
            Ok(_) => Err(mistake(begin, format!("the number {written} is too large"))),
            Err(_) => Err(self.unexpected("a number")),
        }
    }
}
