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

/// The values a parameter may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// Exactly these, in the order given; at least one.
    Values(Vec<Value>),
    /// Any number from `low` to `high`, both included.
    Range {
        /// The smallest; above 0 where distances are those of logarithms.
        low: f64,
        /// The largest, not below `low`.
        high: f64,
        /// Whether distances are those of logarithms.
        log: bool,
        /// Whether only whole numbers count.
        whole: bool,
    },
}

impl Domain {
    /// The value at `place`, from 0 up and below 1: equal parts of that go to each value of a list, and to equal
    /// distances of a range.
    pub fn at(&self, place: f64) -> Value {
        let place = place.clamp(0.0, 1.0);
        match self {
            Domain::Values(values) => {
                let index = (place * values.len() as f64) as usize;
                values[index.min(values.len() - 1)].clone()
            }
            &Domain::Range { low, high, log, whole } => {
                // Whole numbers get equal parts too, the ends among them.
                let (from, to) = if whole { (low - 0.5, high + 0.5) } else { (low, high) };
                let number = match log {
                    true => (from.max(f64::MIN_POSITIVE).ln() * (1.0 - place) + to.ln() * place).exp(),
                    false => from * (1.0 - place) + to * place,
                };
                match whole {
                    true => Value::Count(number.round().clamp(low, high) as u32),
                    false => Value::Number(number.clamp(low, high)),
                }
            }
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Domain::Values(values) => f.write_str(&values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ")),
            Domain::Range { low, high, .. } => write!(f, "{} .. {}", Value::Number(*low), Value::Number(*high)),
        }
    }
}

/// A parameter that is searched over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// The setting's name, as its flag without the dashes.
    pub name: String,
    /// What it may be.
    pub domain: Domain,
}

impl Param {
    /// A parameter that is one of `values`.
    pub fn list(name: impl Into<String>, values: Vec<Value>) -> Param {
        Param { name: name.into(), domain: Domain::Values(values) }
    }

    /// Its values; none of a range.
    pub fn values(&self) -> &[Value] {
        match &self.domain {
            Domain::Values(values) => values,
            Domain::Range { .. } => &[],
        }
    }

    /// Whether it is a range.
    pub fn is_range(&self) -> bool {
        matches!(self.domain, Domain::Range { .. })
    }

    /// Whether there is a choice.
    pub fn varies(&self) -> bool {
        match &self.domain {
            Domain::Values(values) => values.len() > 1,
            Domain::Range { low, high, .. } => low < high,
        }
    }
}

/// Everything that is searched over, in the order in which it was given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Space(pub Vec<Param>);

impl Space {
    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.0.iter().find(|param| param.name == name)
    }

    /// The first parameter that is a range, which a grid cannot have.
    pub fn range(&self) -> Option<&Param> {
        self.0.iter().find(|param| param.is_range())
    }

    /// The space without the parameter of that name.
    pub fn without(&self, name: &str) -> Space {
        Space(self.0.iter().filter(|param| param.name != name).cloned().collect())
    }

    /// The space in which each range is a list of its two ends: if those can be trained, so can what lies between.
    pub fn with_ends(&self) -> Space {
        let ends = |param: &Param| match &param.domain {
            Domain::Range { low, high, .. } if low < high => {
                Param::list(&param.name, vec![param.domain.at(0.0), param.domain.at(1.0)])
            }
            Domain::Range { .. } => Param::list(&param.name, vec![param.domain.at(0.0)]),
            Domain::Values(_) => param.clone(),
        };
        Space(self.0.iter().map(ends).collect())
    }

    /// Number of points of the grid: the product of the numbers of values.
    pub fn size(&self) -> usize {
        self.lists().map(|param| param.values().len()).fold(1, usize::saturating_mul)
    }

    fn lists(&self) -> impl DoubleEndedIterator<Item = &Param> {
        self.0.iter().filter(|param| !param.is_range())
    }

    /// Every point of the grid; the last parameter changes fastest. Ranges have no part in it.
    pub fn grid(&self) -> impl Iterator<Item = Config> + '_ {
        (0..self.size()).map(|index| {
            let mut rest = index;
            let mut config = Config::default();
            for param in self.lists().rev() {
                let values = param.values();
                config.0.insert(param.name.clone(), values[rest % values.len()].clone());
                rest /= values.len();
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

    /// The same point with another value of that name.
    pub fn with(&self, name: &str, value: Value) -> Config {
        let mut config = self.clone();
        config.0.insert(name.to_string(), value);
        config
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
        let param = |name: &str, values: Vec<Value>| Param::list(name, values);
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
    fn a_range_is_drawn_by_its_distances_and_keeps_its_ends() {
        let range = |low: f64, high: f64, log: bool, whole: bool| Domain::Range { low, high, log, whole };
        let near = |value: Value, number: f64| assert!((value.number().unwrap() / number - 1.0).abs() < 1e-12);
        near(range(1e-4, 1e-2, true, false).at(0.5), 1e-3);
        near(range(1.0, 3.0, false, false).at(0.5), 2.0);
        let batch = range(16.0, 18.0, true, true);
        let counts: Vec<Value> = [0.0, 0.2, 0.5, 0.99, 1.0].map(|place| batch.at(place)).to_vec();
        assert_eq!(counts, [16, 16, 17, 18, 18].map(Value::Count));
        let list = Domain::Values(vec![Value::Count(1), Value::Count(2)]);
        assert_eq!([0.0, 0.49, 0.5, 0.999].map(|place| list.at(place)), [1, 1, 2, 2].map(Value::Count));
        let mut wide = space();
        wide.0.push(Param { name: "batch".into(), domain: batch });
        assert_eq!((wide.size(), wide.with_ends().size()), (12, 24));
        assert_eq!(wide.range().map(|param| param.name.as_str()), Some("batch"));
        assert!(wide.grid().all(|config| config.get("batch").is_none()));
        assert_eq!(wide.without("batch"), space());
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
