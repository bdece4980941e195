//! Python expressions, as far as constructors of schedules need them.
//!
//! Numbers and arithmetic, strings, `True`, `False`, `None`, lists, tuples, dictionaries, calls with positional and keyword
//! arguments, conditions and lambdas. Nothing is run: the tree is read by [`super::bind`] and [`super::lambda`].

use super::Place;
use super::tokens::{Token, Word, words};
use crate::InputError;

/// An expression and the character at which it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expr {
    pub(super) at: usize,
    /// How deep it is: 1 for a number, one more than its deepest part otherwise. Bounds what recursions need.
    height: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Number(f64),
    Text(String),
    Bool(bool),
    None,
    /// With its dots: `math.pi`.
    Name(String),
    /// A list or a tuple.
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Call(Call),
    Lambda {
        params: Vec<String>,
        body: Box<Expr>,
    },
    Minus(Box<Expr>),
    Not(Box<Expr>),
    /// Arithmetic: `+ - * / // % **`.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// `a < b <= c`: the first and what it is compared with.
    Compare(Box<Expr>, Vec<(&'static str, Expr)>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// `then if condition else otherwise`.
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
}

/// A call, the name with its dots.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    /// Where the name begins.
    pub(super) at: usize,
    pub(super) args: Vec<Arg>,
}

/// An argument, and the keyword it is given by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arg {
    pub(super) keyword: Option<String>,
    /// Where the argument begins.
    pub(super) at: usize,
    pub(super) value: Expr,
}

impl Call {
    /// The name without the modules before it.
    pub(super) fn short_name(&self) -> &str {
        short(&self.name)
    }
}

/// A name without the modules before it.
pub(super) fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl Kind {
    /// What it is, for errors.
    pub(super) fn describe(&self) -> String {
        match self {
            Kind::Number(value) => format!("the number {}", crate::text::number(*value)),
            Kind::Text(text) => format!("the string '{}'", text.escape_debug()),
            Kind::Bool(true) => "True".into(),
            Kind::Bool(false) => "False".into(),
            Kind::None => "None".into(),
            Kind::Name(name) => format!("the name '{name}'"),
            Kind::List(_) => "a list".into(),
            Kind::Dict(_) => "a dictionary".into(),
            Kind::Call(call) => format!("'{}(…)'", call.short_name()),
            Kind::Lambda { .. } => "a lambda".into(),
            _ => "an expression".into(),
        }
    }
}

/// How deep expressions may be; parser and readers recurse, so this bounds their stacks too.
const DEPTH_MAX: usize = 48;

/// Words that cannot be names.
const KEYWORDS: [&str; 9] = ["lambda", "if", "else", "and", "or", "not", "in", "is", "for"];

/// Reads one expression. An assignment before it, as in `scheduler = StepLR(…)`, is passed over.
///
/// # Errors
/// If it is none, is nested too deeply, or goes on after its end.
pub(super) fn parse(place: Place, text: &str) -> Result<Expr, InputError> {
    let mut parser = Parser { place, words: words(place, text)?, next: 0, depth: 0 };
    if matches!(parser.token(), Token::Name(_)) && parser.words.get(1).map(|w| &w.token) == Some(&Token::Symbol("=")) {
        parser.next = 2;
    }
    let expr = parser.expression()?;
    match parser.token() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    place: Place,
    /// Never empty; the last is the end.
    words: Vec<Word>,
    next: usize,
    depth: usize,
}

type Read = Result<Expr, InputError>;

impl Parser {
    fn word(&self) -> &Word {
        &self.words[self.next.min(self.words.len() - 1)]
    }

    fn token(&self) -> &Token {
        &self.word().token
    }

    fn unexpected(&self, expected: &str) -> InputError {
        self.place.error(self.word().at, format!("expected {expected}, found {}", self.token().describe()))
    }

    /// Whether this symbol is next; if so, moves past it.
    fn take(&mut self, symbol: &str) -> bool {
        let taken = matches!(self.token(), Token::Symbol(next) if *next == symbol);
        self.next += usize::from(taken);
        taken
    }

    fn expect(&mut self, symbol: &str) -> Result<(), InputError> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(&format!("'{symbol}'"))) }
    }

    /// Whether this keyword is next; if so, moves past it.
    fn keyword(&mut self, keyword: &str) -> bool {
        let taken = matches!(self.token(), Token::Name(next) if next == keyword);
        self.next += usize::from(taken);
        taken
    }

    fn take_one_of(&mut self, symbols: &[&'static str]) -> Option<&'static str> {
        symbols.iter().find(|symbol| self.take(symbol)).copied()
    }

    /// An expression whose deepest part is of this height, unless it is too deep.
    fn node(&self, at: usize, deepest: usize, kind: Kind) -> Read {
        if deepest >= DEPTH_MAX { Err(self.too_deep(at)) } else { Ok(Expr { at, height: deepest + 1, kind }) }
    }

    fn too_deep(&self, at: usize) -> InputError {
        self.place
            .error(at, format!("nested more than {DEPTH_MAX} deep"))
            .remedy("write it with fewer brackets and operators")
    }

    fn pair(&self, left: Expr, right: Expr, kind: impl FnOnce(Box<Expr>, Box<Expr>) -> Kind) -> Read {
        let (at, deepest) = (left.at, left.height.max(right.height));
        self.node(at, deepest, kind(Box::new(left), Box::new(right)))
    }

    fn binary(&self, operator: &'static str, left: Expr, right: Expr) -> Read {
        self.pair(left, right, |left, right| Kind::Binary(operator, left, right))
    }

    /// Reads a part that may hold others of its own kind.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Read) -> Read {
        if self.depth >= DEPTH_MAX {
            return Err(self.too_deep(self.word().at));
        }
        self.depth += 1;
        let expr = read(self);
        self.depth -= 1;
        expr
    }

    fn expression(&mut self) -> Read {
        self.deeper(|parser| {
            let at = parser.word().at;
            if parser.keyword("lambda") {
                return parser.lambda(at);
            }
            let then = parser.or()?;
            if !parser.keyword("if") {
                return Ok(then);
            }
            let condition = parser.or()?;
            if !parser.keyword("else") {
                return Err(parser.unexpected("'else'"));
            }
            let otherwise = parser.expression()?;
            let deepest = then.height.max(condition.height).max(otherwise.height);
            let (condition, then, otherwise) = (Box::new(condition), Box::new(then), Box::new(otherwise));
            parser.node(at, deepest, Kind::If { condition, then, otherwise })
        })
    }

    fn lambda(&mut self, at: usize) -> Read {
        let mut params = Vec::new();
        while !self.take(":") {
            params.push(self.name("a parameter")?);
            if !self.take(",") && *self.token() != Token::Symbol(":") {
                return Err(self.unexpected("',' or ':'"));
            }
        }
        let body = self.expression()?;
        self.node(at, body.height, Kind::Lambda { params, body: Box::new(body) })
    }

    fn name(&mut self, expected: &str) -> Result<String, InputError> {
        match self.token() {
            Token::Name(name) if !KEYWORDS.contains(&name.as_str()) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn or(&mut self) -> Read {
        let mut left = self.and()?;
        while self.keyword("or") {
            let right = self.and()?;
            left = self.pair(left, right, Kind::Or)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Read {
        let mut left = self.not()?;
        while self.keyword("and") {
            let right = self.not()?;
            left = self.pair(left, right, Kind::And)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Read {
        let at = self.word().at;
        if !self.keyword("not") {
            return self.comparison();
        }
        self.deeper(|parser| {
            let inner = parser.not()?;
            parser.node(at, inner.height, Kind::Not(Box::new(inner)))
        })
    }

    fn comparison(&mut self) -> Read {
        let first = self.sum()?;
        let mut others = Vec::new();
        while let Some(operator) = self.take_one_of(&["<=", ">=", "==", "!=", "<", ">"]) {
            others.push((operator, self.sum()?));
        }
        if others.is_empty() {
            return Ok(first);
        }
        let deepest = others.iter().map(|(_, other)| other.height).fold(first.height, usize::max);
        self.node(first.at, deepest, Kind::Compare(Box::new(first), others))
    }

    fn sum(&mut self) -> Read {
        let mut left = self.product()?;
        while let Some(operator) = self.take_one_of(&["+", "-"]) {
            let right = self.product()?;
            left = self.binary(operator, left, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Read {
        let mut left = self.signed()?;
        while let Some(operator) = self.take_one_of(&["*", "//", "/", "%"]) {
            let right = self.signed()?;
            left = self.binary(operator, left, right)?;
        }
        Ok(left)
    }

    fn signed(&mut self) -> Read {
        let at = self.word().at;
        let Some(sign) = self.take_one_of(&["+", "-"]) else {
            return self.power();
        };
        self.deeper(|parser| {
            let inner = parser.signed()?;
            if sign == "+" {
                return Ok(inner);
            }
            parser.node(at, inner.height, Kind::Minus(Box::new(inner)))
        })
    }

    /// `**` binds to the right, and more tightly than a sign before it.
    fn power(&mut self) -> Read {
        let base = self.primary()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = self.deeper(Parser::signed)?;
        self.binary("**", base, exponent)
    }

    fn primary(&mut self) -> Read {
        let Word { at, token } = self.word().clone();
        match token {
            Token::Number(value) => self.leaf(at, Kind::Number(value)),
            Token::Text(text) => self.leaf(at, Kind::Text(text)),
            Token::Name(name) => match name.as_str() {
                "True" => self.leaf(at, Kind::Bool(true)),
                "False" => self.leaf(at, Kind::Bool(false)),
                "None" => self.leaf(at, Kind::None),
                _ => self.named(at),
            },
            Token::Symbol("(") => {
                self.next += 1;
                let (mut parts, comma) = self.parts(")")?;
                match (parts.len(), comma) {
                    // Brackets around one expression are no tuple.
                    (1, false) => Ok(parts.remove(0)),
                    _ => self.list(at, parts),
                }
            }
            Token::Symbol("[") => {
                self.next += 1;
                let (parts, _) = self.parts("]")?;
                self.list(at, parts)
            }
            Token::Symbol("{") => {
                self.next += 1;
                self.dict(at)
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn leaf(&mut self, at: usize, kind: Kind) -> Read {
        self.next += 1;
        self.node(at, 0, kind)
    }

    fn list(&self, at: usize, parts: Vec<Expr>) -> Read {
        let deepest = parts.iter().map(|part| part.height).max().unwrap_or(0);
        self.node(at, deepest, Kind::List(parts))
    }

    /// Expressions up to a bracket, and whether a comma stood among or after them.
    fn parts(&mut self, close: &'static str) -> Result<(Vec<Expr>, bool), InputError> {
        let (mut parts, mut comma) = (Vec::new(), false);
        while !self.take(close) {
            parts.push(self.expression()?);
            if self.take(",") {
                comma = true;
            } else if *self.token() != Token::Symbol(close) {
                return Err(self.unexpected(&format!("',' or '{close}'")));
            }
        }
        Ok((parts, comma))
    }

    fn dict(&mut self, at: usize) -> Read {
        let (mut entries, mut deepest) = (Vec::new(), 0);
        while !self.take("}") {
            let key = self.expression()?;
            self.expect(":")?;
            let value = self.expression()?;
            deepest = key.height.max(value.height).max(deepest);
            entries.push((key, value));
            if !self.take(",") && *self.token() != Token::Symbol("}") {
                return Err(self.unexpected("',' or '}'"));
            }
        }
        self.node(at, deepest, Kind::Dict(entries))
    }

    /// A name with its dots, or a call of one.
    fn named(&mut self, at: usize) -> Read {
        let mut name = self.name("a value")?;
        loop {
            if self.take(".") {
                name = format!("{name}.{}", self.name("a name")?);
            } else if self.take("(") {
                let (args, deepest) = self.args()?;
                if matches!(self.token(), Token::Symbol("." | "(" | "[")) {
                    return Err(self.unexpected("the end of the call"));
                }
                return self.node(at, deepest, Kind::Call(Call { name, at, args }));
            } else if *self.token() == Token::Symbol("[") {
                return Err(self.unexpected("no index"));
            } else {
                return self.node(at, 0, Kind::Name(name));
            }
        }
    }

    /// The arguments of a call, and the height of the deepest.
    fn args(&mut self) -> Result<(Vec<Arg>, usize), InputError> {
        let (mut args, mut deepest) = (Vec::new(), 0);
        while !self.take(")") {
            let at = self.word().at;
            let following = self.words.get(self.next + 1).map(|word| &word.token);
            let keyword = match (self.token(), following) {
                (Token::Name(name), Some(Token::Symbol("="))) => {
                    let name = name.clone();
                    self.next += 2;
                    Some(name)
                }
                (Token::Symbol("*" | "**"), _) => {
                    return Err(self.unexpected("an argument").remedy("write the arguments out"));
                }
                _ => None,
            };
            let value = self.expression()?;
            deepest = value.height.max(deepest);
            args.push(Arg { keyword, at, value });
            if !self.take(",") && *self.token() != Token::Symbol(")") {
                return Err(self.unexpected("',' or ')'"));
            }
        }
        Ok((args, deepest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Source;

    fn read(text: &str) -> Result<Expr, String> {
        parse(Place(Source::Torch), text).map_err(|error| error.to_string())
    }

    /// The tree with every bracket written.
    fn shown(expr: &Expr) -> String {
        match &expr.kind {
            Kind::Number(value) => crate::text::number(*value),
            Kind::Name(name) => name.clone(),
            Kind::Minus(inner) => format!("(-{})", shown(inner)),
            Kind::Not(inner) => format!("(not {})", shown(inner)),
            Kind::Binary(operator, left, right) => format!("({}{operator}{})", shown(left), shown(right)),
            Kind::And(left, right) => format!("({} and {})", shown(left), shown(right)),
            Kind::Or(left, right) => format!("({} or {})", shown(left), shown(right)),
            Kind::Compare(first, others) => {
                let others: String =
                    others.iter().map(|(operator, other)| format!("{operator}{}", shown(other))).collect();
                format!("({}{others})", shown(first))
            }
            Kind::If { condition, then, otherwise } => {
                format!("({} if {} else {})", shown(then), shown(condition), shown(otherwise))
            }
            Kind::Lambda { params, body } => format!("lambda {}: {}", params.join(", "), shown(body)),
            Kind::List(parts) => format!("[{}]", parts.iter().map(shown).collect::<Vec<_>>().join(", ")),
            Kind::Call(call) => {
                let args = call.args.iter().map(|arg| match &arg.keyword {
                    Some(keyword) => format!("{keyword}={}", shown(&arg.value)),
                    None => shown(&arg.value),
                });
                format!("{}({})", call.name, args.collect::<Vec<_>>().join(", "))
            }
            other => other.describe(),
        }
    }

    #[test]
    fn binds_as_python_does() {
        for (text, expected) in [
            ("1+2*3", "(1+(2*3))"),
            ("1-2-3", "((1-2)-3)"),
            ("-2**2", "(-(2**2))"),
            ("2**-1", "(2**(-1))"),
            ("2**3**2", "(2**(3**2))"),
            ("a//b%c/d", "(((a//b)%c)/d)"),
            ("a if b < c <= d else e if f else g", "(a if (b<c<=d) else (e if f else g))"),
            ("a or b and not c == d", "(a or (b and (not (c==d))))"),
            ("lambda epoch, lr: 0.5 ** (epoch // 3)", "lambda epoch, lr: (0.5**(epoch//3))"),
            ("(1, 2,)", "[1, 2]"),
            ("(1,)", "[1]"),
            ("(1)", "1"),
            ("()", "[]"),
            ("scheduler = optim.StepLR(opt, gamma=.5)", "optim.StepLR(opt, gamma=0.5)"),
            ("{30: 0.1,}", "a dictionary"),
        ] {
            assert_eq!(shown(&read(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        for (text, message) in [
            ("", "torch schedule, character 1: expected a value, found the end"),
            ("f(", "torch schedule, character 3: expected a value, found the end"),
            ("f(1 2)", "torch schedule, character 5: expected ',' or ')', found '2'"),
            ("f(1) g", "torch schedule, character 6: expected the end, found 'g'"),
            ("f(*a)", "torch schedule, character 3: expected an argument, found '*'; write the arguments out"),
            ("f(a[0])", "torch schedule, character 4: expected no index, found '['"),
            ("f(1 if 2)", "torch schedule, character 9: expected 'else', found ')'"),
            ("lambda 3: 4", "torch schedule, character 8: expected a parameter, found '3'"),
            ("{1, 2}", "torch schedule, character 3: expected ':', found ','"),
            ("f()()", "torch schedule, character 4: expected the end of the call, found '('"),
            ("if", "torch schedule, character 1: expected a value, found 'if'"),
        ] {
            assert_eq!(read(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_however_it_comes_about() {
        for piece in ["(", "f(", "[", "{1:", "-", "not ", "2**", "lambda x: ", "1 if 2 else "] {
            let error = read(&piece.repeat(3900 / piece.len())).unwrap_err();
            assert!(error.contains("nested more than 48 deep"), "{piece}: {error}");
        }
        for (first, piece) in [("1", "+1"), ("1", "/1"), ("1", " or 1"), ("1", " and 1")] {
            let error = read(&format!("{first}{}", piece.repeat(600))).unwrap_err();
            assert!(error.contains("nested more than 48 deep"), "{piece}: {error}");
        }
        read(&format!("1{}", "<1".repeat(1900))).unwrap();
    }
}
