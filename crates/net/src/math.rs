//! Exponential, hyperbolic tangent and logistic function, written so that loops over them become vector code.
//!
//! Branch-free, of fused multiply-adds only: the same bits on every instruction set. `exp` reduces by powers of two
//! and sums the Taylor series on ±ln 2/2 (Muller 2016, *Elementary Functions*, chapter 11), which there is exact to
//! a fraction of the last place with 7 terms for 32 bits and 13 for 64.

use crate::real::Real;

/// 1/(1+e^-x), from e^-|x|, so that small results keep their digits.
#[inline(always)]
pub fn logistic<T: Real>(x: T) -> T {
    let negative = x < T::ZERO;
    let small = (if negative { x } else { -x }).exp();
    (if negative { small } else { T::ONE }) / (T::ONE + small)
}

macro_rules! functions {
    ($exp:ident, $tanh:ident, $reduce:ident, $power:ident, $real:ident, $bits:ident, $int:ident,
     mantissa $mantissa:literal, bias $bias:literal, low $low:literal, high $high:literal,
     ln2 low $ln2_low:literal, terms [$($term:literal),+]) => {
        /// 2^n for n from 1-bias to bias.
        #[inline(always)]
        fn $power(n: $int) -> $real {
            $real::from_bits((n.wrapping_add($bias) as $bits) << $mantissa)
        }

        /// n and e^r − 1 where x = n·ln 2 + r and |r| is at most ln 2/2.
        #[inline(always)]
        fn $reduce(x: $real) -> ($int, $real) {
            // Adding 1.5·2^mantissa rounds to a whole number, which then stands in the lowest bits.
            const SHIFT: $real = 1.5 * (1u64 << $mantissa) as $real;
            let shifted = x.mul_add(std::$real::consts::LOG2_E, SHIFT);
            let n = (shifted.to_bits() as $int).wrapping_sub(SHIFT.to_bits() as $int);
            let whole = shifted - SHIFT;
            let r = whole.mul_add(-$ln2_low, whole.mul_add(-std::$real::consts::LN_2, x));
            let mut sum: $real = 0.0;
            $(sum = sum.mul_add(r, 1.0 / $term);)+
            (n, (sum * r).mul_add(r, r))
        }

        /// e to the power of `x`; 0, infinity and NaN where they belong, denormal results included.
        #[inline(always)]
        pub fn $exp(x: $real) -> $real {
            // Beyond these the result is 0 or infinite. Comparisons are so that NaN passes through.
            let x = if x < $low { $low } else { x };
            let x = if x > $high { $high } else { x };
            let (n, less_one) = $reduce(x);
            // 2^n itself may lie outside the normal numbers; its two halves never do.
            let half = n >> 1;
            (less_one + 1.0) * $power(half) * $power(n.wrapping_sub(half))
        }

        /// Hyperbolic tangent, from e^(−2|x|) − 1, so that small results keep their digits.
        #[inline(always)]
        pub fn $tanh(x: $real) -> $real {
            let twice = -2.0 * x.abs();
            let twice = if twice < -40.0 { -40.0 } else { twice };
            let (n, less_one) = $reduce(twice);
            let power = $power(n);
            let less_one = power.mul_add(less_one, power - 1.0);
            (-less_one / (2.0 + less_one)).copysign(x)
        }
    };
}

functions!(
    exp_f32, tanh_f32, reduce_f32, power_f32, f32, u32, i32, mantissa 23, bias 127, low -104.0, high 89.0,
    ln2 low -1.904_654_3e-9,
    terms [5040.0, 720.0, 120.0, 24.0, 6.0, 2.0]
);
functions!(
    exp_f64, tanh_f64, reduce_f64, power_f64, f64, u64, i64, mantissa 52, bias 1023, low -746.0, high 710.0,
    ln2 low 2.319_046_813_846_3e-17,
    terms [
        6_227_020_800.0, 479_001_600.0, 39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5040.0, 720.0, 120.0, 24.0,
        6.0, 2.0
    ]
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance from the true value in units of the last place of a 32-bit number of its size.
    fn ulps_f32(value: f32, truth: f64) -> f64 {
        let size = (truth.abs() as f32).max(f32::MIN_POSITIVE);
        (f64::from(value) - truth).abs() / f64::from(f32::from_bits(size.to_bits() + 1) - size)
    }

    fn ulps_f64(value: f64, truth: f64) -> f64 {
        let size = truth.abs().max(f64::MIN_POSITIVE);
        (value - truth).abs() / (f64::from_bits(size.to_bits() + 1) - size)
    }

    fn grid(low: f64, high: f64, n: u32) -> impl Iterator<Item = f64> {
        (0..=n).map(move |i| low + (high - low) * f64::from(i) / f64::from(n))
    }

    #[test]
    fn f32_is_within_two_places() {
        let mut worst = [0.0f64; 3];
        for x in grid(-110.0, 95.0, 400_000).chain(grid(-1.5, 1.5, 100_000)).chain(grid(-1e-6, 1e-6, 100)) {
            let x = x as f32;
            let wide = f64::from(x);
            if wide.exp() < f64::from(f32::MAX) {
                worst[0] = worst[0].max(ulps_f32(exp_f32(x), wide.exp()));
            } else {
                assert_eq!(exp_f32(x), f32::INFINITY, "{x}");
            }
            worst[1] = worst[1].max(ulps_f32(tanh_f32(x), wide.tanh()));
            worst[2] = worst[2].max(ulps_f32(logistic(x), wide.exp() / (1.0 + wide.exp())));
        }
        assert!(worst[0] <= 1.5 && worst[1] <= 2.5 && worst[2] <= 2.5, "{worst:?}");
    }

    #[test]
    fn f64_is_within_three_places_of_std() {
        let mut worst = [0.0f64; 3];
        for x in grid(-760.0, 715.0, 400_000).chain(grid(-1.5, 1.5, 100_000)).chain(grid(-1e-12, 1e-12, 100)) {
            if x.exp().is_finite() {
                worst[0] = worst[0].max(ulps_f64(exp_f64(x), x.exp()));
            } else {
                assert_eq!(exp_f64(x), f64::INFINITY, "{x}");
            }
            worst[1] = worst[1].max(ulps_f64(tanh_f64(x), x.tanh()));
            let truth = if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
            worst[2] = worst[2].max(ulps_f64(logistic(x), truth));
        }
        assert!(worst[0] <= 2.0 && worst[1] <= 3.5 && worst[2] <= 3.5, "{worst:?}");
    }

    #[test]
    fn the_ends_are_exact() {
        assert_eq!((exp_f32(0.0), exp_f64(0.0)), (1.0, 1.0));
        assert_eq!((exp_f32(f32::NEG_INFINITY), exp_f64(f64::NEG_INFINITY)), (0.0, 0.0));
        assert_eq!((exp_f32(f32::INFINITY), exp_f64(f64::INFINITY)), (f32::INFINITY, f64::INFINITY));
        assert!(exp_f32(f32::NAN).is_nan() && exp_f64(f64::NAN).is_nan());
        assert!(tanh_f32(f32::NAN).is_nan() && tanh_f64(f64::NAN).is_nan());
        assert!(logistic(f32::NAN).is_nan() && logistic(f64::NAN).is_nan());
        assert_eq!((tanh_f32(f32::INFINITY), tanh_f64(f64::NEG_INFINITY)), (1.0, -1.0));
        assert_eq!((logistic(f32::INFINITY), logistic(f64::NEG_INFINITY)), (1.0, 0.0));
        assert_eq!(tanh_f32(-0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(exp_f32(-103.0).to_bits(), 1, "the least number above 0");
    }
}
