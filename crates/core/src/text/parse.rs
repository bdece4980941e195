//! From text to the tree.

use super::{Arg, Call, Item, Length, Measure, Unit, Value, suggestion};
use crate::InputError;

/// The longest text that is read, in characters: a table of ten thousand rates with all their digits. Every character is
/// looked at a fixed number of times and nothing is nested deeper than [`DEPTH_MAX`], so that a text of this length is read
/// in milliseconds; what is longer is no text that a person or program meant to give.
pub const CHARACTERS_MAX: usize = 256_000;

/// How deep calls may be nested; the parser recurses, so this also bounds its stack.
pub const DEPTH_MAX: usize = 8;

/// Reads `name(key=value, …)` or a bare `name`. Values may be lists of numbers and lengths, `[1, 20%]`, and texts in quotes
/// (`"…"` or `'…'`), which hold no control characters and no quote of their own kind. Space between the parts means nothing; a comma may follow the last argument or item.
///
/// `what` is what the text describes, for errors: `schedule, character 8: …`.
///
/// # Errors
/// If the text is not of this form, is longer than [`CHARACTERS_MAX`] or nested deeper than [`DEPTH_MAX`].
pub fn parse(what: &'static str, text: &str) -> Result<Call, InputError> {
    // Counted only so far as needed: the text may be of any length.
    let characters: Vec<char> = text.chars().take(CHARACTERS_MAX + 1).collect();
    let mut parser = Parser { what, characters, next: 0 };
    if parser.characters.len() > CHARACTERS_MAX {
        return Err(parser.error(CHARACTERS_MAX + 1, format!("longer than {CHARACTERS_MAX} characters")));
    }
    let call = parser.call(1)?;
    match parser.peek() {
        None => Ok(call),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    what: &'static str,
    characters: Vec<char>,
    /// Index of the next character, from 0.
    next: usize,
}

impl Parser {
    fn error(&self, at: usize, what: impl Into<String>) -> InputError {
        InputError::new(what).at(format!("{}, character {at}", self.what))
    }

    /// The mistake that something other than `expected` is next.
    fn unexpected(&mut self, expected: &str) -> InputError {
        let found = match self.peek() {
            Some(character) => format!("'{}'", character.escape_debug()),
            None => "the end".to_owned(),
        };
        self.error(self.next + 1, format!("expected {expected}, found {found}"))
    }

    /// The next character that is not space, and moves to it.
    fn peek(&mut self) -> Option<char> {
        while self.characters.get(self.next).is_some_and(|character| character.is_whitespace()) {
            self.next += 1;
        }
        self.characters.get(self.next).copied()
    }

    /// Whether the next character is this one; if so, moves past it.
    fn take(&mut self, character: char) -> bool {
        let taken = self.peek() == Some(character);
        if taken {
            self.next += 1;
        }
        taken
    }

    /// Moves past characters as long as they fit.
    fn skip(&mut self, fits: impl Fn(char) -> bool) {
        while self.characters.get(self.next).is_some_and(|&character| fits(character)) {
            self.next += 1;
        }
    }

    fn slice(&self, from: usize) -> String {
        self.characters[from..self.next].iter().collect()
    }

    /// A word and the character at which it begins, from 1.
    fn word(&mut self, expected: &str) -> Result<(String, usize), InputError> {
        match self.peek() {
            Some(first) if first.is_alphabetic() || first == '_' => {}
            _ => return Err(self.unexpected(expected)),
        }
        let begin = self.next;
        self.skip(|character| character.is_alphanumeric() || character == '_' || character == '-');
        Ok((self.slice(begin), begin + 1))
    }

    fn call(&mut self, depth: usize) -> Result<Call, InputError> {
        let (name, name_at) = self.word("a name")?;
        let args = if self.peek() == Some('(') { self.args(depth)? } else { Vec::new() };
        Ok(Call { what: self.what, name, name_at, args })
    }

    /// The bracket and what is in it.
    fn args(&mut self, depth: usize) -> Result<Vec<Arg>, InputError> {
        if depth > DEPTH_MAX {
            return Err(self.error(self.next + 1, format!("nested more than {DEPTH_MAX} deep")));
        }
        self.next += 1;
        let mut args = Vec::new();
        while !self.take(')') {
            args.push(self.arg(depth)?);
            if !self.take(',') && self.peek() != Some(')') {
                return Err(self.unexpected("',' or ')'"));
            }
        }
        Ok(args)
    }

    fn arg(&mut self, depth: usize) -> Result<Arg, InputError> {
        self.peek();
        let at = self.next + 1;
        let (mut value, mut value_at) = (self.value(depth)?, at);
        let mut key = None;
        if self.peek() == Some('=') {
            let Value::Word(word) = value else {
                return Err(self.error(at, format!("expected a key before '=', found {}", value.describe())));
            };
            self.next += 1;
            key = Some(word);
            self.peek();
            value_at = self.next + 1;
            value = self.value(depth)?;
        }
        Ok(Arg { key, at, value, value_at })
    }

    fn value(&mut self, depth: usize) -> Result<Value, InputError> {
        match self.peek() {
            Some(first) if first.is_ascii_digit() || ['.', '-', '+'].contains(&first) => self.measure(),
            Some('[') => self.list(),
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => {
                let (word, at) = self.word("a value")?;
                if self.peek() == Some('(') {
                    let args = self.args(depth + 1)?;
                    return Ok(Value::Call(Call { what: self.what, name: word, name_at: at, args }));
                }
                Ok(match word.as_str() {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    _ => Value::Word(word),
                })
            }
        }
    }

    /// Numbers and lengths between brackets.
    fn list(&mut self) -> Result<Value, InputError> {
        self.next += 1;
        let mut items = Vec::new();
        while !self.take(']') {
            self.peek();
            let at = self.next + 1;
            let value = match self.measure()? {
                Value::Number(number) => Measure::Number(number),
                Value::Length(length) => Measure::Length(length),
                other => return Err(self.error(at, format!("{} in a list", other.describe()))),
            };
            items.push(Item { value, at });
            if !self.take(',') && self.peek() != Some(']') {
                return Err(self.unexpected("',' or ']'"));
            }
        }
        Ok(Value::List(items))
    }

    /// Everything up to the next quote of the same kind.
    fn quoted(&mut self, quote: char) -> Result<Value, InputError> {
        let begin = self.next;
        self.next += 1;
        self.skip(|character| character != quote && !character.is_control());
        let text = self.slice(begin + 1);
        match self.characters.get(self.next) {
            Some(character) if *character == quote => {
                self.next += 1;
                Ok(Value::Quoted(text))
            }
            Some(_) => Err(self.error(self.next + 1, "a control character in a text in quotes")),
            None => {
                Err(self.error(begin + 1, "a text in quotes without an end").remedy(format!("close it with {quote}")))
            }
        }
    }

    /// A number, alone, with a unit, or with a second one to a range.
    fn measure(&mut self) -> Result<Value, InputError> {
        let number = self.number()?;
        match self.peek() {
            Some('%') => {
                self.next += 1;
                Ok(Value::Length(Length { number, unit: Unit::Percent }))
            }
            Some('.') if self.characters.get(self.next + 1) == Some(&'.') => {
                self.next += 2;
                Ok(Value::Range(number, self.number()?))
            }
            Some(first) if first.is_alphabetic() => {
                let (word, at) = self.word("a unit")?;
                let unit = match word.as_str() {
                    "epoch" | "epochs" => Unit::Epochs,
                    "step" | "steps" => Unit::Steps,
                    _ => {
                        return Err(self.error(at, format!("unknown unit '{word}'")).remedy(suggestion(
                            &word,
                            &["epochs", "steps", "%"],
                            "units",
                        )));
                    }
                };
                Ok(Value::Length(Length { number, unit }))
            }
            _ => Ok(Value::Number(number)),
        }
    }

    /// Digits with at most one point and an exponent. A point followed by another belongs to a range.
    fn number(&mut self) -> Result<f64, InputError> {
        self.peek();
        let begin = self.next;
        let digit = |character: char| character.is_ascii_digit();
        if matches!(self.characters.get(begin), Some('-' | '+')) {
            self.next += 1;
        }
        self.skip(digit);
        if self.characters.get(self.next) == Some(&'.') && self.characters.get(self.next + 1) != Some(&'.') {
            self.next += 1;
            self.skip(digit);
        }
        if matches!(self.characters.get(self.next), Some('e' | 'E')) {
            let signed = matches!(self.characters.get(self.next + 1), Some('-' | '+'));
            let first = self.next + 1 + usize::from(signed);
            if self.characters.get(first).is_some_and(char::is_ascii_digit) {
                self.next = first;
                self.skip(digit);
            }
        }
        let written = self.slice(begin);
        match written.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(self.error(begin + 1, format!("the number {written} is too large"))),
            Err(_) => {
                self.next = begin;
                Err(self.unexpected("a number"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fails(text: &str, message: &str) {
        assert_eq!(parse("schedule", text).unwrap_err().to_string(), message, "{text:?}");
    }

    #[test]
    fn reads_every_kind_of_value() {
        let text = " all ( a = 5, b=.5,c=-1e-4 , d=true,e=false, f=word_2, g=0.8..0.9, h=20%, i=100 steps, j=1step,
                    k=2.5 epochs, l=1..2, m=5., inner(x=1), bare, one-cycle, n=[1, 20%,3 steps,], o=[ ], p='it\"s (',
                    \"a, 'b' = é\", ) ";
        let call = parse("schedule", text).unwrap();
        assert_eq!((call.name.as_str(), call.name_at, call.what), ("all", 2, "schedule"));
        let length = |number, unit| Value::Length(Length { number, unit });
        let inner = parse("schedule", &format!("{}inner(x=1)", " ".repeat(text.find("inner").unwrap()))).unwrap();
        let list_at = text.find("[1").unwrap() + 2;
        let item = |value, after| Item { value, at: list_at + after };
        let share = Measure::Length(Length { number: 20.0, unit: Unit::Percent });
        let steps = Measure::Length(Length { number: 3.0, unit: Unit::Steps });
        let expected = [
            Value::Number(5.0),
            Value::Number(0.5),
            Value::Number(-1e-4),
            Value::Bool(true),
            Value::Bool(false),
            Value::Word("word_2".into()),
            Value::Range(0.8, 0.9),
            length(20.0, Unit::Percent),
            length(100.0, Unit::Steps),
            length(1.0, Unit::Steps),
            length(2.5, Unit::Epochs),
            Value::Range(1.0, 2.0),
            Value::Number(5.0),
            Value::Call(inner),
            Value::Word("bare".into()),
            Value::Word("one-cycle".into()),
            Value::List(vec![item(Measure::Number(1.0), 0), item(share, 3), item(steps, 7)]),
            Value::List(vec![]),
            Value::Quoted("it\"s (".into()),
            Value::Quoted("a, 'b' = é".into()),
        ];
        assert_eq!(call.args.iter().map(|arg| arg.value.clone()).collect::<Vec<_>>(), expected);
        let keys: String = call.args.iter().filter_map(|arg| arg.key.as_deref()).collect();
        assert_eq!(keys, "abcdefghijklmnop");
        assert_eq!((call.args[0].at, call.args[0].value_at), (8, 12));
        assert_eq!(parse("schedule", "cosine()").unwrap(), parse("schedule", "cosine").unwrap());
    }

    #[test]
    fn errors_point_at_the_character() {
        fails("", "schedule, character 1: expected a name, found the end");
        fails("5", "schedule, character 1: expected a name, found '5'");
        fails("a b", "schedule, character 3: expected the end, found 'b'");
        fails("a(", "schedule, character 3: expected a value, found the end");
        fails("a(x", "schedule, character 4: expected ',' or ')', found the end");
        fails("a(x=1 y=2)", "schedule, character 7: unknown unit 'y'; units: epochs, steps, %");
        fails(
            "a(x=1 stpes)",
            "schedule, character 7: unknown unit 'stpes'; did you mean 'steps'? (units: epochs, steps, %)",
        );
        fails("a(,)", "schedule, character 3: expected a value, found ','");
        fails("a(5=3)", "schedule, character 3: expected a key before '=', found the number 5");
        fails("a(x=-)", "schedule, character 5: expected a number, found '-'");
        fails("a(x=1..)", "schedule, character 8: expected a number, found ')'");
        fails("a(x=1.2.3)", "schedule, character 8: expected ',' or ')', found '.'");
        fails("a(x=1e999)", "schedule, character 5: the number 1e999 is too large");
        fails("é(ü=\u{7})", "schedule, character 5: expected a value, found '\\u{7}'");
        fails("a([", "schedule, character 4: expected a number, found the end");
        fails("a([1 2])", "schedule, character 6: expected ',' or ']', found '2'");
        fails("a([1, x])", "schedule, character 7: expected a number, found 'x'");
        fails("a([1, [2]])", "schedule, character 7: expected a number, found '['");
        fails("a([1..2])", "schedule, character 4: the range 1..2 in a list");
        fails("a(x=[1, 2 days])", "schedule, character 11: unknown unit 'days'; units: epochs, steps, %");
        fails("a(x='b\")", "schedule, character 5: a text in quotes without an end; close it with '");
        fails("a(\"b\u{7}\")", "schedule, character 5: a control character in a text in quotes");
        fails("a)", "schedule, character 2: expected the end, found ')'");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        fails(&"(".repeat(1_000_000), "schedule, character 256001: longer than 256000 characters");
        fails(&"a(".repeat(2000), "schedule, character 18: nested more than 8 deep");
        fails(&"(".repeat(2000), "schedule, character 1: expected a name, found '('");
        // A table of thousands of rates with all their digits.
        let rates: Vec<f64> = (1..=10_000).map(|place| std::f64::consts::PI * 1e-9 / f64::from(place)).collect();
        let table = format!("table(rates={})", crate::text::numbers(&rates));
        assert!(table.len() > CHARACTERS_MAX * 3 / 4);
        parse("schedule", &table).unwrap();
        let deepest = format!("{}a{}", "a(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX));
        parse("schedule", &deepest).unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,60}", pieces in "[a-z(),=.%0-9e \\-\\[\\]'\"]{0,60}") {
            for text in [text, pieces] {
                if let Err(error) = parse("schedule", &text) {
                    prop_assert!(error.to_string().starts_with("schedule, character "));
                }
            }
        }
    }
}
