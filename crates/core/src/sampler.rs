//! How points of a space are drawn. A sampler derives everything from the number of the trial: asked again, in another
//! order or by another thread, it gives the same point, so a study that goes on draws what it would have drawn.

#[cfg(test)]
mod conformance;
mod directions;
mod random;
mod sobol;

pub use random::Random;
pub use sobol::Sobol;

use crate::space::{Config, Space};

/// Draws points of a space.
pub trait Sampler: Send + Sync {
    /// The point that trial number `trial` (from 0) is: a value for every parameter of `space`, drawn by the distances
    /// of its domain (see [`crate::space::Domain::at`]). A function of its arguments and of the sampler's seed.
    fn sample(&self, space: &Space, trial: u32) -> Config;
}

/// The point of `space` whose parameters that vary are at the places (from 0 up, below 1) that `place` gives one after
/// the other.
fn point(space: &Space, mut place: impl FnMut() -> f64) -> Config {
    let value = |param: &crate::space::Param| {
        let place = if param.varies() { place() } else { 0.0 };
        (param.name.clone(), param.domain.at(place))
    };
    space.0.iter().map(value).collect()
}
