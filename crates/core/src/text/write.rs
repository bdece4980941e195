//! From values back to text.

use super::Length;
use std::fmt::Display;

/// Builds `name(key=value, …)`; without arguments the bare name.
#[derive(Debug, Clone)]
pub struct Writer {
    name: &'static str,
    args: Vec<String>,
}

impl Writer {
    /// Begins a call.
    pub fn new(name: &'static str) -> Self {
        Writer { name, args: Vec::new() }
    }

    /// The name before the bracket.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Adds `key=value`.
    pub fn key(&mut self, key: &str, value: impl Display) -> &mut Self {
        self.args.push(format!("{key}={value}"));
        self
    }

    /// Adds `key=value` unless it is written as the usual one.
    pub fn unless(&mut self, key: &str, value: impl Display, usual: impl Display) -> &mut Self {
        let value = value.to_string();
        if value == usual.to_string() { self } else { self.key(key, value) }
    }

    /// Adds a value without a key.
    pub fn value(&mut self, value: impl Display) -> &mut Self {
        self.args.push(value.to_string());
        self
    }

    /// The text.
    pub fn finish(&self) -> String {
        match self.args.as_slice() {
            [] => self.name.to_owned(),
            args => format!("{}({})", self.name, args.join(", ")),
        }
    }
}

/// A number as short as reads back to the same bits: `0.001`, `1e-5`, `200`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e15).contains(&size) { format!("{value}") } else { format!("{value:e}") }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Numbers as a list: `[1, 0.5]`.
pub fn numbers(values: &[f64]) -> String {
    list(values.iter().map(|value| number(*value)))
}

/// Lengths as a list: `[30, 60%, 100 steps]`.
pub fn lengths(values: &[Length]) -> String {
    list(values.iter().map(Length::to_string))
}

/// A text between quotes that do not occur in it. A text that has both kinds cannot be written.
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('"') { '\'' } else { '"' };
    format!("{quote}{text}{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Item, Measure, Unit, Value, parse};
    use proptest::prelude::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.001, "0.001"), (1e-5, "1e-5"), (200.0, "200"), (0.0, "0"), (1e300, "1e300"), (-0.5, "-0.5")]
        {
            assert_eq!(number(value), text);
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let call = parse("schedule", &Writer::new("a").key("x", number(value)).finish()).unwrap();
            prop_assert_eq!(&call.args[0].value, &Value::Number(value));
        }

        #[test]
        fn lists_read_back(values in proptest::collection::vec((-1e9..1e9, 0..3usize), 0..20)) {
            let units = [Unit::Epochs, Unit::Steps, Unit::Percent];
            let given: Vec<Length> = values.iter().map(|(number, unit)| Length { number: *number, unit: units[*unit] }).collect();
            let call = parse("schedule", &Writer::new("a").key("x", lengths(&given)).finish()).unwrap();
            let Value::List(items) = &call.args[0].value else { panic!("{call:?}") };
            let read: Vec<Length> = items.iter().map(|item: &Item| match item.value {
                Measure::Number(number) => Length { number, unit: Unit::Epochs },
                Measure::Length(length) => length,
            }).collect();
            prop_assert_eq!(read, given);
        }

        #[test]
        fn quoted_texts_read_back(text in "[^\"\\p{Cc}]{0,40}", other in "[^'\\p{Cc}]{0,40}") {
            for text in [text, other] {
                let call = parse("schedule", &Writer::new("a").value(quoted(&text)).finish()).unwrap();
                prop_assert_eq!(&call.args[0].value, &Value::Quoted(text));
            }
        }
    }
}
