//! Activations that are more than a comparison: each number's value and derivative, to be inlined into vector code.
//!
//! Branch-free but for selections, and of the functions in [`crate::math`]: the same bits on every instruction set. NaN
//! stays NaN throughout.

use crate::math::logistic;
use crate::real::Real;
use opportune_core::settings::Activation;

/// Slope of leaky relu below 0, as PyTorch's default.
pub(crate) const SLOPE: f64 = 0.01;

/// √(8/π): twice the factor inside the hyperbolic tangent, as (1 + tanh u)/2 is the logistic function of 2u.
const GELU: f64 = 1.595_769_121_605_730_8;
const GELU_CUBE: f64 = 0.044715;

/// Whether the derivative cannot be told from the activated value, so that the sums before are kept for it: gelu and silu
/// are not monotonic, and softplus rounds its derivative away where it is small.
pub(crate) fn needs_sum(activation: Activation) -> bool {
    matches!(activation, Activation::Gelu | Activation::GeluTanh | Activation::Silu | Activation::Softplus)
}

/// z where it is positive, else a hundredth of it.
// By a factor that is chosen: see `passes::each`.
#[inline(always)]
pub(crate) fn leaky_relu<T: Real>(z: T) -> T {
    z * if z < T::ZERO { T::of(SLOPE) } else { T::ONE }
}

/// e^z − 1 below 0, else z. From the hyperbolic tangent of half of z, so that small results keep their digits.
#[inline(always)]
pub(crate) fn elu<T: Real>(z: T) -> T {
    let t = (z * T::of(0.5)).tanh();
    let below = (t + t) / (T::ONE - t);
    if z > T::ZERO { z } else { below }
}

/// z/(1 + e^−z).
#[inline(always)]
pub(crate) fn silu<T: Real>(z: T) -> T {
    z * logistic(z)
}

/// Its derivative.
#[inline(always)]
pub(crate) fn silu_slope<T: Real>(z: T) -> T {
    let s = logistic(z);
    (z * s).fused(T::ONE - s, s)
}

/// z·Φ(z), with the normal distribution's Φ.
#[inline(always)]
pub(crate) fn gelu<T: Real>(z: T) -> T {
    z * z.normal().0
}

/// Its derivative.
#[inline(always)]
pub(crate) fn gelu_slope<T: Real>(z: T) -> T {
    let (below, density) = z.normal();
    z.fused(density, below)
}

/// z·(1 + tanh(√(2/π)·(z + 0.044715 z³)))/2.
#[inline(always)]
pub(crate) fn gelu_tanh<T: Real>(z: T) -> T {
    let inner = (z * z).fused(T::of(GELU * GELU_CUBE), T::of(GELU));
    z * logistic(z * inner)
}

/// Its derivative.
#[inline(always)]
pub(crate) fn gelu_tanh_slope<T: Real>(z: T) -> T {
    let square = z * z;
    let s = logistic(z * square.fused(T::of(GELU * GELU_CUBE), T::of(GELU)));
    let slope = square.fused(T::of(3.0 * GELU * GELU_CUBE), T::of(GELU));
    (z * s * (T::ONE - s)).fused(slope, s)
}

/// ln(1 + e^z), from e^−|z|.
#[inline(always)]
pub(crate) fn softplus<T: Real>(z: T) -> T {
    let negative = z < T::ZERO;
    let small = (if negative { z } else { -z }).exp();
    (if negative { T::ZERO } else { z }) + small.ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value and slope by finite differences against formulas written out plainly.
    #[test]
    fn values_are_those_of_the_formulas() {
        for step in -80..=80 {
            let z = f64::from(step) / 8.0;
            let close = |a: f64, b: f64, what: &str| {
                assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{what}({z}) is {a}, not {b}");
            };
            close(leaky_relu(z), z.max(0.01 * z), "leaky_relu");
            close(elu(z), if z > 0.0 { z } else { z.exp_m1() }, "elu");
            close(silu(z), z / (1.0 + (-z).exp()), "silu");
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (z + 0.044715 * z.powi(3));
            close(gelu_tanh(z), 0.5 * z * (1.0 + inner.tanh()), "gelu_tanh");
            close(softplus(z), (1.0 + z.exp()).ln(), "softplus");
            for (f, slope) in [
                (silu::<f64> as fn(f64) -> f64, silu_slope::<f64> as fn(f64) -> f64),
                (gelu, gelu_slope),
                (gelu_tanh, gelu_tanh_slope),
                (softplus, logistic),
            ] {
                let difference = (f(z + 1e-5) - f(z - 1e-5)) / 2e-5;
                assert!((difference - slope(z)).abs() < 1e-9, "{z}: {difference} {}", slope(z));
            }
        }
    }

    #[test]
    fn small_results_keep_their_digits_and_nan_stays() {
        let relative = |a: f64, b: f64| (a / b - 1.0).abs();
        assert!(relative(elu(-1e-12), (-1e-12f64).exp_m1()) < 1e-14);
        assert!(relative(softplus(-40.0), (-40.0f64).exp()) < 1e-14);
        // −z is nearly the reciprocal of this tail's width: Φ(−30) = 4.906713927148187e-198.
        assert!(relative(gelu(-30.0), -30.0 * 4.906_713_927_148_187e-198) < 1e-14);
        assert_eq!((elu(f64::NEG_INFINITY), elu(900.0), softplus(900.0)), (-1.0, 900.0, 900.0));
        for f in [leaky_relu::<f32>, elu, silu, gelu, gelu_tanh, softplus, silu_slope, gelu_slope, gelu_tanh_slope] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}
