//! Gradients cut to bounds before they are stepped along.

use super::sums::dot;
use crate::passes::vectorised;
use crate::real::Real;
use opportune_core::clip::Clip;
use pulp::{Arch, Simd, WithSimd};

/// PyTorch's, beside the norm that is divided by.
const TINY: f64 = 1e-6;

/// Cuts `gradients`, all of a network. A NaN among them stays, and where the norm is to be cut it makes NaN of all; so does
/// an infinite one of itself: a diverged run is not brought back to life.
pub(crate) fn clip<T: Real>(arch: Arch, gradients: &mut [T], clip: Clip) {
    if let Some(value) = clip.value {
        cut(arch, gradients, T::of(value));
    }
    if let Some(norm) = clip.norm {
        let factor = norm / (dot(arch, gradients, gradients).sqrt() + TINY);
        if factor < 1.0 || factor.is_nan() {
            shrink(arch, gradients, T::of(factor));
        }
    }
}

vectorised! {
    /// What is further from 0 than `most` comes to it.
    fn cut(gradients: &'a mut [T], most: T) -> () {
        for g in gradients.iter_mut() {
            let below = if *g > most { most } else { *g };
            *g = if below < -most { -most } else { below };
        }
    }

    /// Multiplies all.
    fn shrink(gradients: &'a mut [T], factor: T) -> () {
        gradients.iter_mut().for_each(|g| *g = *g * factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::arches;

    fn clipped<T: Real>(arch: Arch, gradients: &[T], norm: Option<f64>, value: Option<f64>) -> Vec<T> {
        let mut gradients = gradients.to_vec();
        clip(arch, &mut gradients, Clip { norm, value });
        gradients
    }

    #[test]
    fn values_are_cut_first_and_then_the_norm() {
        for arch in arches() {
            let g = [3.0, -4.0, 0.5];
            assert_eq!(clipped(arch, &g, None, Some(1.0)), [1.0, -1.0, 0.5]);
            // 1.5 is their norm then.
            let both = clipped(arch, &g, Some(0.75), Some(1.0));
            let factor = 0.75 / (1.5 + 1e-6);
            assert_eq!(both, [factor, -factor, 0.5 * factor]);
            assert_eq!(clipped(arch, &g, Some(6.0), Some(5.0)), g, "within the bounds nothing changes");
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits_and_great_gradients_do_not_overflow() {
        let g: Vec<f32> = (0..1003).map(|i| (i as f32 * 0.7).sin() * 1e30).collect();
        let narrow = clipped(Arch::Scalar, &g, Some(2.0), None);
        let norm = narrow.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!((norm - 2.0).abs() < 1e-6, "{norm}");
        for arch in arches() {
            let bits = |all: &[f32]| all.iter().map(|g| g.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&clipped(arch, &g, Some(2.0), None)), bits(&narrow));
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let arch = Arch::new();
        assert!(clipped(arch, &[1.0, f64::NAN], None, Some(0.5))[1].is_nan());
        assert!(clipped(arch, &[1.0, f64::NAN], Some(9.0), None).iter().all(|g| g.is_nan()));
        assert!(clipped(arch, &[1.0, f64::INFINITY], Some(9.0), None)[1].is_nan());
    }
}
