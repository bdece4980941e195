//! The shapes of rises and falls.

use crate::InputError;
use crate::text::{Args, Writer};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The shape of a curve between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Down `1 − u`, up `u`.
    Linear,
    /// Down `(1 + cos πu)/2`, up `(1 − cos πu)/2`.
    Cosine,
    /// Down `1 − √u`, up `1 − √(1 − u)`.
    Sqrt,
}

/// All of them by name.
pub(super) const SHAPES: &[&str] = &["linear", "cosine", "sqrt"];
/// Those that are alike from both ends.
pub(super) const SYMMETRIC: &[&str] = &["linear", "cosine"];

impl Shape {
    pub(super) fn name(self) -> &'static str {
        match self {
            Shape::Linear => "linear",
            Shape::Cosine => "cosine",
            Shape::Sqrt => "sqrt",
        }
    }

    /// The shape that a key names among `valid`.
    pub(super) fn read(args: &Args<'_>, key: &str, valid: &[&str], default: Shape) -> Result<Shape, InputError> {
        Ok(match args.word(key, valid)? {
            Some("linear") => Shape::Linear,
            Some("cosine") => Shape::Cosine,
            Some("sqrt") => Shape::Sqrt,
            _ => default,
        })
    }

    pub(super) fn write(self, key: &str, default: Shape, text: &mut Writer) {
        if self != default {
            text.key(key, self.name());
        }
    }

    /// Whether it is alike from both ends, as some kinds need it.
    pub(super) fn check_symmetric(self, name: &str) -> Result<(), InputError> {
        match self {
            Shape::Sqrt => {
                Err(InputError::new(format!("shape of {name} is sqrt")).remedy("choose one of linear, cosine"))
            }
            _ => Ok(()),
        }
    }

    /// From 1 at `u = 0` to 0 at `u = 1`, both exactly.
    pub(super) fn fall(self, u: f64) -> f64 {
        match self {
            Shape::Linear => 1.0 - u,
            Shape::Cosine => (1.0 + (PI * u).cos()) / 2.0,
            Shape::Sqrt => 1.0 - u.sqrt(),
        }
    }

    /// From 0 at `u = 0` to 1 at `u = 1`, both exactly.
    pub(super) fn rise(self, u: f64) -> f64 {
        match self {
            Shape::Linear => u,
            Shape::Cosine => (1.0 - (PI * u).cos()) / 2.0,
            Shape::Sqrt => 1.0 - (1.0 - u).sqrt(),
        }
    }

    /// From `from` at `u = 0` to `to` at `u = 1`, both exactly.
    pub(super) fn between(self, from: f64, to: f64, u: f64) -> f64 {
        if u >= 1.0 { to } else { from + (to - from) * self.rise(u) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact() {
        for shape in [Shape::Linear, Shape::Cosine, Shape::Sqrt] {
            assert_eq!((shape.fall(0.0), shape.fall(1.0), shape.rise(0.0), shape.rise(1.0)), (1.0, 0.0, 0.0, 1.0));
            assert_eq!((shape.between(0.3, 0.1, 0.0), shape.between(0.3, 0.1, 1.0)), (0.3, 0.1));
            assert!(SHAPES.contains(&shape.name()));
        }
        assert_eq!((Shape::Linear.fall(0.25), Shape::Linear.rise(0.25)), (0.75, 0.25));
        assert_eq!((Shape::Sqrt.fall(0.25), Shape::Sqrt.rise(0.75)), (0.5, 0.5));
        assert!((Shape::Cosine.fall(0.5) - 0.5).abs() < 1e-15 && (Shape::Cosine.rise(0.5) - 0.5).abs() < 1e-15);
    }
}
