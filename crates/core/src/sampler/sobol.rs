//! Sobol's low-discrepancy sequence, scrambled.

use super::directions::{DIMENSIONS, coordinate};
use super::{Sampler, point};
use crate::rng::{Purpose, Stream};
use crate::space::{Config, Space};

/// Covers a space evenly: of the first 2^k points of any study, each parameter's range has one in each of 2^k equal
/// parts, and so have blocks of two and more parameters as far as Sobol's sequence (1967) promises it. Which point of
/// its part each one is, is random: Owen's scrambling (1995) by hashing, as Burley has it (2020, Practical Hash-based
/// Owen Scrambling) after Laine and Karras (2011), from the seed and the dimension.
///
/// Each parameter that varies is one dimension, in the order of the space. Beyond [`Sobol::DIMENSIONS`] of them, the
/// rest is drawn as [`super::Random`] does. A number of trials that is a power of two is covered most evenly.
#[derive(Debug, Clone)]
pub struct Sobol {
    seed: u64,
    scrambles: [u32; DIMENSIONS],
}

impl Sobol {
    /// Parameters that can vary at once in this way.
    pub const DIMENSIONS: usize = DIMENSIONS;

    /// `seed` is that of the study: another one scrambles otherwise.
    pub fn new(seed: u64) -> Sobol {
        let scramble = |dimension: usize| {
            let purpose = Purpose::Scramble { dimension: dimension as u32 };
            (Stream::new(seed, 0, None, purpose).uniform() * UNIT) as u32
        };
        Sobol { seed, scrambles: std::array::from_fn(scramble) }
    }
}

/// Coordinates are in parts of this: 2^32.
const UNIT: f64 = (1u64 << 32) as f64;

/// Flips each bit by a hash of those above it, so that halves, quarters and so on of the range stay whole. In the hash,
/// whose multiplications carry upwards only, bits are in reversed order.
fn scramble(coordinate: u32, seed: u32) -> u32 {
    let mut bits = coordinate.reverse_bits().wrapping_add(seed);
    // Even factors: no bit depends on itself but once.
    for factor in [0x6c50_b47c, 0xb82f_1e52, 0xc7af_e638, 0x8d22_f6e6] {
        bits ^= bits.wrapping_mul(factor);
    }
    bits.reverse_bits()
}

impl Sampler for Sobol {
    fn sample(&self, space: &Space, trial: u32) -> Config {
        let mut dimension = 0;
        let mut rest = None;
        point(space, || {
            let at = dimension;
            dimension += 1;
            match self.scrambles.get(at) {
                Some(seed) => f64::from(scramble(coordinate(trial, at), *seed)) / UNIT,
                None => {
                    let fresh = || Stream::new(self.seed, 0, None, Purpose::Sampler { trial });
                    rest.get_or_insert_with(fresh).uniform()
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::conformance::conforms;
    use crate::space::{Domain, Param};
    use std::collections::BTreeSet;

    /// Coordinates of the first `points` points, by dimension.
    fn places(seed: u64, dimensions: usize, points: u32) -> Vec<Vec<f64>> {
        let domain = Domain::Range { low: 0.0, high: 1.0, log: false, whole: false };
        let param = |dimension| Param { name: format!("p{dimension:02}"), domain: domain.clone() };
        let space = Space((0..dimensions).map(param).collect());
        let sobol = Sobol::new(seed);
        let configs: Vec<Config> = (0..points).map(|trial| sobol.sample(&space, trial)).collect();
        let place = |config: &Config, at: usize| config.get(&format!("p{at:02}")).unwrap().number().unwrap();
        (0..dimensions).map(|at| configs.iter().map(|config| place(config, at)).collect()).collect()
    }

    #[test]
    fn conforms_to_what_holds_for_samplers() {
        conforms(&|seed| Box::new(Sobol::new(seed)));
    }

    #[test]
    fn every_interval_of_a_dimension_has_one_point() {
        for seed in 0..5 {
            for one in places(seed, Sobol::DIMENSIONS, 1 << 8) {
                for power in 0..=8 {
                    let part = |place: &f64| (place * f64::from(1 << power)) as u32;
                    let seen: BTreeSet<u32> = one[..1 << power].iter().map(part).collect();
                    assert_eq!(seen.len(), 1 << power);
                }
            }
        }
    }

    #[test]
    fn every_box_of_the_first_two_dimensions_has_one_point() {
        for seed in 0..5 {
            let both = places(seed, 2, 1 << 10);
            for power in 0..=10 {
                for (wide, high) in (0..=power).map(|wide| (wide, power - wide)) {
                    let part = |place: f64, power: u32| (place * f64::from(1 << power)) as u32;
                    let cell = |(x, y): (&f64, &f64)| (part(*x, wide), part(*y, high));
                    let seen: BTreeSet<_> = both[0].iter().zip(&both[1]).take(1 << power).map(cell).collect();
                    assert_eq!(seen.len(), 1 << power, "{wide} {high}");
                }
            }
        }
    }

    #[test]
    fn scrambling_is_even_and_differs_by_dimension() {
        // Over many seeds, one point of the sequence comes to lie anywhere.
        let first: Vec<Vec<f64>> = (0..2000).map(|seed| places(seed, 2, 1).concat()).collect();
        let n = first.len() as f64;
        let mean = |value: &dyn Fn(&[f64]) -> f64| first.iter().map(|one| value(one)).sum::<f64>() / n;
        assert!((mean(&|one| one[0]) - 0.5).abs() < 0.03 && (mean(&|one| one[1]) - 0.5).abs() < 0.03);
        assert!((mean(&|one| (one[0] - 0.5) * (one[1] - 0.5))).abs() < 0.01);
        let scrambles = Sobol::new(1).scrambles;
        assert_eq!(BTreeSet::from(scrambles).len(), Sobol::DIMENSIONS);
    }

    #[test]
    fn more_parameters_than_dimensions_are_drawn_at_random() {
        let wide = places(7, Sobol::DIMENSIONS + 3, 1 << 6);
        let part = |place: &f64| (place * 64.0) as u32;
        let filled = |one: &Vec<f64>| one.iter().map(part).collect::<BTreeSet<_>>().len();
        assert!(wide[..Sobol::DIMENSIONS].iter().all(|one| filled(one) == 64));
        assert!(wide[Sobol::DIMENSIONS..].iter().all(|one| (25..60).contains(&filled(one))));
        assert_ne!(wide[Sobol::DIMENSIONS], wide[Sobol::DIMENSIONS + 1]);
    }
}
