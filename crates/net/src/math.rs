//! Exponential, logarithm, hyperbolic tangent, logistic function and normal distribution, written so that loops over them become vector code.
//!
//! Branch-free, of fused multiply-adds only: the same bits on every instruction set. `exp` reduces by powers of two
//! and sums the Taylor series on ±ln 2/2 (Muller 2016, *Elementary Functions*, chapter 11), which there is exact to
//! a fraction of the last place with 7 terms for 32 bits and 13 for 64.
//!
//! `ln_1p` sums the series of 2·artanh(x/(2 + x)), whose argument is at most 1/3. The normal distribution is that of its
//! tail, e^(−x²/2) times a function that falls smoothly from ½ like 1/x: times x + 4 it is a polynomial in
//! (x − 4)/(x + 4), to within 4e-9 for 32 bits and 2e-17 for 64 (interpolated at Chebyshev's points by
//! `xtask/golden/normal.py`).

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
     ln2 low $ln2_low:literal, terms [$($term:literal),+],
     $ln_1p:ident odd [$($odd:literal),+],
     $normal:ident far $far:literal tail [$($tail:literal),+]) => {
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

        /// ln(1 + x), for x from 0 to 1.
        #[inline(always)]
        pub fn $ln_1p(x: $real) -> $real {
            let s = x / (2.0 + x);
            let square = s * s;
            let mut sum: $real = 0.0;
            $(sum = sum.mul_add(square, 1.0 / $odd);)+
            // 2s is x − x·s: what was rounded in s counts little.
            (-s).mul_add(x - (sum + sum) * square, x)
        }

        /// The standard normal distribution at `x`: its function Φ = ½(1 + erf(x/√2)), whose small values keep their digits,
        /// and its density.
        #[inline(always)]
        pub fn $normal(x: $real) -> ($real, $real) {
            // Beyond this there is nothing left of the tail. NaN passes through.
            let size = x.abs();
            let size = if size > $far { $far } else { size };
            // What is lost of the square would be magnified by the exponential.
            let square = size * size;
            let lost = size.mul_add(size, -square);
            let power = $exp(-0.5 * square);
            let power = (-0.5 * lost).mul_add(power, power);
            let place = (size - 4.0) / (size + 4.0);
            let mut sum: $real = 0.0;
            $(sum = sum.mul_add(place, $tail);)+
            let tail = sum / (size + 4.0) * power;
            // 1/√(2π).
            const SCALE: $real = 0.398_942_280_401_432_7_f64 as $real;
            (if x < 0.0 { tail } else { 1.0 - tail }, power * SCALE)
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
    terms [5040.0, 720.0, 120.0, 24.0, 6.0, 2.0],
    ln_1p_f32 odd [17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0],
    normal_f32 far 15.0 tail [
        2.197_904_4e-5, -1.725_992_3e-6, -0.000_217_771_07, 0.000_133_640_42, 0.001_624_247_6, -0.003_479_943,
        -0.007_538_689, 0.060_396_645, -0.186_521_99, 0.387_137_38, -0.607_896_6, 0.755_285_14
    ]
);
functions!(
    exp_f64, tanh_f64, reduce_f64, power_f64, f64, u64, i64, mantissa 52, bias 1023, low -746.0, high 710.0,
    ln2 low 2.319_046_813_846_3e-17,
    terms [
        6_227_020_800.0, 479_001_600.0, 39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5040.0, 720.0, 120.0, 24.0,
        6.0, 2.0
    ],
    ln_1p_f64 odd [
        35.0, 33.0, 31.0, 29.0, 27.0, 25.0, 23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0
    ],
    normal_f64 far 39.0 tail [
        3.515_692_426_680_93e-10, -1.174_210_753_924_706_5e-10, -3.798_041_859_957_449e-9,
        -6.021_003_727_951_476e-10, 2.160_442_684_272_040_4e-8, 1.788_187_240_950_341_5e-8,
        -8.713_294_621_467_491e-8, -1.598_267_661_043_867_7e-7, 2.727_176_083_262_385e-7, 1.024_832_506_094_632_3e-6,
        -6.299_974_265_164_222e-7, -5.921_638_801_978_817e-6, 7.167_263_978_705_016e-7, 3.514_512_256_012_581_5e-5,
        -1.908_265_085_342_679e-6, -0.000_231_095_019_992_006_49, 0.000_133_344_312_700_307_84,
        0.001_630_818_467_806_444_4, -0.003_479_692_367_388_415_6, -0.007_540_188_967_419_565,
        0.060_396_574_890_936_07, -0.186_521_857_959_635_33, 0.387_137_400_742_214_53, -0.607_896_641_971_892_3,
        0.755_285_130_415_751_5
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
    fn logarithms_are_within_two_places() {
        let mut worst = [0.0f64; 2];
        for x in grid(0.0, 1.0, 400_000).chain(grid(0.0, 1e-6, 100)).chain(grid(0.0, 1e-300, 10)) {
            worst[0] = worst[0].max(ulps_f32(ln_1p_f32(x as f32), f64::from(x as f32).ln_1p()));
            worst[1] = worst[1].max(ulps_f64(ln_1p_f64(x), x.ln_1p()));
        }
        assert!(worst[0] <= 1.5 && worst[1] <= 1.5, "{worst:?}");
        assert!(ln_1p_f32(f32::NAN).is_nan() && ln_1p_f64(f64::NAN).is_nan());
    }

    /// Against 60 digits, written by `xtask/golden/normal.py`.
    #[test]
    fn the_normal_distribution_is_within_three_places() {
        #[derive(serde::Deserialize)]
        struct Golden {
            places: Vec<f64>,
            below: Vec<f64>,
            density: Vec<f64>,
        }
        let golden: Golden = serde_json::from_str(include_str!("../tests/golden/normal.json")).unwrap();
        let mut worst = [0.0f64; 4];
        for ((x, below), density) in golden.places.iter().zip(&golden.below).zip(&golden.density) {
            let (narrow, wide) = (normal_f32(*x as f32), normal_f64(*x));
            assert_eq!(f64::from(*x as f32), *x, "it is the same place in both widths");
            for (worst, ulps) in worst.iter_mut().zip([
                ulps_f32(narrow.0, *below),
                ulps_f32(narrow.1, *density),
                ulps_f64(wide.0, *below),
                ulps_f64(wide.1, *density),
            ]) {
                *worst = worst.max(ulps);
            }
        }
        assert!(golden.places.len() > 1000 && worst.iter().all(|ulps| *ulps <= 4.0), "{worst:?}");
        assert_eq!((normal_f64(f64::NEG_INFINITY), normal_f32(f32::INFINITY)), ((0.0, 0.0), (1.0, 0.0)));
        assert!(normal_f32(f32::NAN).0.is_nan() && normal_f64(f64::NAN).0.is_nan());
        assert_eq!(normal_f64(0.0).0, 0.5);
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
