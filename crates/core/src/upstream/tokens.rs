//! The words of a Python expression.

use super::Place;
use crate::InputError;
use crate::text::CHARACTERS_MAX;

/// A word and the character at which it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) at: usize,
    pub(super) token: Token,
}

/// A kind of word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A finite number that is not negative.
    Number(f64),
    /// What stands between quotation marks.
    Text(String),
    /// A name or a keyword.
    Name(String),
    /// A bracket, comma or operator.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

impl Token {
    /// The word, for errors.
    pub(super) fn describe(&self) -> String {
        match self {
            Token::Number(value) => format!("'{}'", crate::text::number(*value)),
            Token::Text(_) => "a string".into(),
            Token::Name(name) => format!("'{}'", name.escape_debug()),
            Token::Symbol(symbol) => format!("'{symbol}'"),
            Token::End => "the end".into(),
        }
    }
}

/// Longer ones before their beginnings.
const SYMBOLS: [&str; 24] = [
    "**", "//", "<=", ">=", "==", "!=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "+", "-", "*", "/", "%", "<",
    ">", "|",
];

/// Takes a text apart. The last word is [`Token::End`].
///
/// # Errors
/// If the text is longer than [`CHARACTERS_MAX`], or holds a character or a number that Python would not read there.
pub(super) fn words(place: Place, text: &str) -> Result<Vec<Word>, InputError> {
    // Counted only so far as needed: the text may be of any length.
    let characters: Vec<char> = text.chars().take(CHARACTERS_MAX + 1).collect();
    if characters.len() > CHARACTERS_MAX {
        return Err(place.error(CHARACTERS_MAX + 1, format!("longer than {CHARACTERS_MAX} characters")));
    }
    let mut words = Vec::new();
    let mut next = 0;
    while let Some(&first) = characters.get(next) {
        let rest = &characters[next..];
        let (token, length) = if first.is_whitespace() {
            next += 1;
            continue;
        } else if first == '#' {
            next += rest.iter().position(|character| *character == '\n').unwrap_or(rest.len());
            continue;
        } else if first.is_alphabetic() || first == '_' {
            let length = run(rest, |character| character.is_alphanumeric() || character == '_');
            (Token::Name(rest[..length].iter().collect()), length)
        } else if first.is_ascii_digit() || (first == '.' && rest.get(1).is_some_and(char::is_ascii_digit)) {
            number(place, next + 1, rest)?
        } else if first == '"' || first == '\'' {
            string(place, next + 1, rest)?
        } else {
            let begins = |symbol: &&&str| symbol.chars().zip(rest).filter(|(a, b)| a == *b).count() == symbol.len();
            let Some(symbol) = SYMBOLS.iter().find(begins) else {
                return Err(place.error(next + 1, format!("unexpected '{}'", first.escape_debug())));
            };
            (Token::Symbol(symbol), symbol.len())
        };
        words.push(Word { at: next + 1, token });
        next += length;
    }
    words.push(Word { at: characters.len() + 1, token: Token::End });
    Ok(words)
}

/// How many characters fit from the first on.
fn run(characters: &[char], fits: impl Fn(char) -> bool) -> usize {
    characters.iter().position(|&character| !fits(character)).unwrap_or(characters.len())
}

/// Digits with at most one point and an exponent; underscores may stand between digits.
fn number(place: Place, at: usize, rest: &[char]) -> Result<(Token, usize), InputError> {
    let digit = |character: char| character.is_ascii_digit() || character == '_';
    let mut length = run(rest, digit);
    if rest.get(length) == Some(&'.') {
        length += 1;
        length += run(&rest[length..], digit);
    }
    if matches!(rest.get(length), Some('e' | 'E')) {
        let signed = matches!(rest.get(length + 1), Some('-' | '+'));
        let first = length + 1 + usize::from(signed);
        if rest.get(first).is_some_and(char::is_ascii_digit) {
            length = first + run(&rest[first..], digit);
        }
    }
    let written: String = rest[..length].iter().filter(|character| **character != '_').collect();
    let follows = rest.get(length).is_some_and(|next| next.is_alphanumeric() || *next == '_');
    match written.parse::<f64>() {
        Ok(value) if value.is_finite() && !follows => Ok((Token::Number(value), length)),
        Ok(value) if !value.is_finite() => Err(place.error(at, format!("the number {written} is too large"))),
        _ => Err(place.error(at, format!("{written}… is not a number"))),
    }
}

/// What stands between two quotation marks of one kind.
fn string(place: Place, at: usize, rest: &[char]) -> Result<(Token, usize), InputError> {
    let mut text = String::new();
    let mut next = 1;
    while let Some(&character) = rest.get(next) {
        next += 1;
        match character {
            '\\' => {
                text.extend(rest.get(next));
                next += 1;
            }
            '\n' => break,
            _ if character == rest[0] => return Ok((Token::Text(text), next)),
            _ => text.push(character),
        }
    }
    Err(place.error(at, "a string without an end").remedy(format!("close it with {}", rest[0])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Source;

    fn tokens(text: &str) -> Result<Vec<Token>, String> {
        let words = words(Place(Source::Torch), text).map_err(|error| error.to_string())?;
        Ok(words.into_iter().map(|word| word.token).collect())
    }

    #[test]
    fn numbers_are_read_as_python_writes_them() {
        for (text, value) in
            [("1_000", 1000.0), ("5.", 5.0), (".5", 0.5), ("1e-3", 1e-3), ("2.5E2", 250.0), ("007", 7.0)]
        {
            assert_eq!(tokens(text).unwrap(), [Token::Number(value), Token::End], "{text}");
        }
    }

    #[test]
    fn words_and_symbols() {
        let symbol = Token::Symbol;
        let name = |name: &str| Token::Name(name.into());
        assert_eq!(
            tokens("a.b(2**-x, 'y\\'z') # said aside").unwrap(),
            [
                name("a"),
                symbol("."),
                name("b"),
                symbol("("),
                Token::Number(2.0),
                symbol("**"),
                symbol("-"),
                name("x"),
                symbol(","),
                Token::Text("y'z".into()),
                symbol(")"),
                Token::End,
            ]
        );
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        for (text, message) in [
            ("f(1x)", "torch schedule, character 3: 1… is not a number"),
            ("f(1e999)", "torch schedule, character 3: the number 1e999 is too large"),
            ("f('a", "torch schedule, character 3: a string without an end; close it with '"),
            ("f(\u{7})", "torch schedule, character 3: unexpected '\\u{7}'"),
            ("f(a; b)", "torch schedule, character 4: unexpected ';'"),
        ] {
            assert_eq!(tokens(text).unwrap_err(), message);
        }
        let error = tokens(&"a".repeat(CHARACTERS_MAX + 1)).unwrap_err();
        assert!(error.contains(&format!("longer than {CHARACTERS_MAX} characters")), "{error}");
    }
}
