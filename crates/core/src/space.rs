//! What is searched over: named parameters with the values they may take, and one choice of them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One value of a parameter. In JSON: a number, a string or a list of whole numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number from 0 up: epochs, rows of a batch.
    Count(u32),
    /// A number: a rate, a penalty.
    Number(f64),
    /// A word or a text form: an optimizer, a schedule.
    Text(String),
    /// Widths of hidden layers.
    Layers(Vec<u32>),
}

impl Value {
    /// As a number, whole or not.
    pub fn number(&self) -> Option<f64> {
        match *self {
            Value::Number(number) => Some(number),
            Value::Count(count) => Some(f64::from(count)),
            _ => None,
        }
    }

    /// As a whole number.
    pub fn count(&self) -> Option<u32> {
        match *self {
            Value::Count(count) => Some(count),
            _ => None,
        }
    }

    /// As a text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As widths of hidden layers.
    pub fn layers(&self) -> Option<&[u32]> {
        match self {
            Value::Layers(widths) => Some(widths),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) if *number != 0.0 && number.abs() < 1e-3 => write!(f, "{number:e}"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Count(count) => write!(f, "{count}"),
            Value::Text(text) => f.write_str(text),
            Value::Layers(widths) if widths.is_empty() => f.write_str("none"),
            Value::Layers(widths) => f.write_str(&widths.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

/// A parameter that is searched over: exactly these values, in the order given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// The setting's name, as its flag without the dashes.
    pub name: String,
    /// At least one value.
    pub values: Vec<Value>,
}

/// Everything that is searched over, in the order in which it was given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Space(pub Vec<Param>);

impl Space {
    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.0.iter().find(|param| param.name == name)
    }

    /// Number of points of the grid: the product of the numbers of values.
    pub fn size(&self) -> usize {
        self.0.iter().map(|param| param.values.len()).product()
    }

    /// Every point of the grid; the last parameter changes fastest.
    pub fn grid(&self) -> impl Iterator<Item = Config> + '_ {
        (0..self.size()).map(|index| {
            let mut rest = index;
            let mut config = Config::default();
            for param in self.0.iter().rev() {
                config.0.insert(param.name.clone(), param.values[rest % param.values.len()].clone());
                rest /= param.values.len();
            }
            config
        })
    }
}

/// One point of a space: a value for each of its parameters, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Config(BTreeMap<String, Value>);

impl Config {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl FromIterator<(String, Value)> for Config {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(items: I) -> Self {
        Config(items.into_iter().collect())
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name} {value}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let param = |name: &str, values: Vec<Value>| Param { name: name.into(), values };
        Space(vec![
            param("hidden", vec![Value::Layers(vec![100]), Value::Layers(vec![50, 50])]),
            param("lr", vec![Value::Number(0.01), Value::Number(1e-4)]),
            param("epochs", vec![Value::Count(100), Value::Count(200), Value::Count(300)]),
        ])
    }

    #[test]
    fn a_grid_is_the_product_and_the_last_parameter_is_fastest() {
        let all: Vec<String> = space().grid().map(|config| config.to_string()).collect();
        assert_eq!(all.len(), 12);
        assert_eq!(all[0], "epochs 100, hidden 100, lr 0.01");
        assert_eq!(all[1], "epochs 200, hidden 100, lr 0.01");
        assert_eq!(all[11], "epochs 300, hidden 50,50, lr 1e-4");
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 12);
    }

    #[test]
    fn a_config_round_trips_through_json() {
        for config in space().grid() {
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
        }
        let whole = Config::from_iter([("lr".to_string(), Value::Number(1.0))]);
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), whole);
    }
}
