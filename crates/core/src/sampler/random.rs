//! Independent uniform points.

use super::{Sampler, point};
use crate::rng::{Purpose, Stream};
use crate::space::{Config, Space};

/// Draws every parameter independently and evenly (Bergstra & Bengio 2012, Random Search for Hyper-Parameter
/// Optimization). Points can come up again where a space is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    /// Of the study: another seed draws other points.
    pub seed: u64,
}

impl Sampler for Random {
    fn sample(&self, space: &Space, trial: u32) -> Config {
        let mut stream = Stream::new(self.seed, 0, None, Purpose::Sampler { trial });
        point(space, || stream.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::conformance::{conforms, space};

    #[test]
    fn conforms_to_what_holds_for_samplers() {
        conforms(&|seed| Box::new(Random { seed }));
    }

    #[test]
    fn parameters_are_independent() {
        let places = |trial: u32| {
            let config = Random { seed: 3 }.sample(&space(), trial);
            let place = |name: &str| config.get(name).and_then(|value| value.number()).unwrap();
            (place("lr").log10() + 3.0, place("dropout") - 0.25)
        };
        let products: f64 = (0..4000).map(places).map(|(a, b)| a * b).sum();
        // The standard error of the mean product is 0.0021.
        assert!((products / 4000.0).abs() < 0.01, "{products}");
    }
}
