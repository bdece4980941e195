//! The two widths of numbers a network is trained in, and their vectors.

use crate::turn::SIDE;
use opportune_core::settings::Precision;
use opportune_data::Element;
use pulp::Simd;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// `f32` or `f64`: arithmetic, exact bytes, and the vector operations that the products need.
pub trait Real:
    Element
    + Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// Its name in settings.
    const PRECISION: Precision;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Bytes of one number.
    const BYTES: usize;

    /// The nearest number of this width.
    fn of(value: f64) -> Self;
    /// The same number in 64 bits.
    fn wide(self) -> f64;
    /// a·b + c, rounded once.
    fn fused(self, b: Self, c: Self) -> Self;
    /// Square root, correctly rounded.
    fn root(self) -> Self;
    /// e to the power of it; see [`crate::math`].
    fn exp(self) -> Self;
    /// ln(1 + it), of numbers from 0 to 1; see [`crate::math`].
    fn ln_1p(self) -> Self;
    /// Distribution function and density of the standard normal distribution at it; see [`crate::math`].
    fn normal(self) -> (Self, Self);
    /// Hyperbolic tangent; see [`crate::math`].
    fn tanh(self) -> Self;
    /// Appends its bits, least significant byte first.
    fn put(self, bytes: &mut Vec<u8>);
    /// Reads what [`Real::put`] wrote; `bytes` holds [`Real::BYTES`] of them.
    fn get(bytes: &[u8]) -> Self;

    /// A register full of them.
    type Lanes<S: Simd>: Copy;
    /// How many fit a register.
    fn lanes<S: Simd>() -> usize;
    /// The same number in every lane.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Lanes<S>;
    /// a·b + c in each lane, rounded once.
    fn mul_add<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>, c: Self::Lanes<S>) -> Self::Lanes<S>;
    /// In each lane `yes` where a < b, else `no`.
    fn select_less<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        yes: Self::Lanes<S>,
        no: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    /// Whole registers, and the rest.
    fn split<S: Simd>(slice: &[Self]) -> (&[Self::Lanes<S>], &[Self]);
    /// Whole registers, and the rest.
    fn split_mut<S: Simd>(slice: &mut [Self]) -> (&mut [Self::Lanes<S>], &mut [Self]);
    /// As many as `slice` has, then zeros.
    fn load<S: Simd>(simd: S, slice: &[Self]) -> Self::Lanes<S>;
    /// As many as fit `slice`.
    fn store<S: Simd>(simd: S, slice: &mut [Self], value: Self::Lanes<S>);
    /// Transposes a block of eight rows by eight columns.
    fn turn<S: Simd>(simd: S, block: [[Self; SIDE]; SIDE]) -> [[Self; SIDE]; SIDE];
}

/// Both widths differ in nothing but names.
macro_rules! real {
    ($real:ident, $precision:ident, $lanes:ident, $count:ident, $splat:ident, $mul_add:ident, $less_than:ident, $select:ident, $split:ident,
     $split_mut:ident, $load:ident, $store:ident, $exp:ident, $tanh:ident,
     $ln_1p:ident, $normal:ident, $turn:ident) => {
        impl Real for $real {
            const PRECISION: Precision = Precision::$precision;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const BYTES: usize = size_of::<$real>();

            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $real
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn fused(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
            #[inline(always)]
            fn root(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                crate::math::$ln_1p(self)
            }
            #[inline(always)]
            fn normal(self) -> (Self, Self) {
                crate::math::$normal(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                crate::math::$exp(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                crate::math::$tanh(self)
            }
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Self {
                let mut word = [0; size_of::<$real>()];
                word.copy_from_slice(bytes);
                $real::from_le_bytes(word)
            }

            type Lanes<S: Simd> = S::$lanes;
            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$count
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$lanes {
                simd.$splat(value)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, c: S::$lanes) -> S::$lanes {
                simd.$mul_add(a, b, c)
            }
            #[inline(always)]
            fn select_less<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, yes: S::$lanes, no: S::$lanes) -> S::$lanes {
                simd.$select(simd.$less_than(a, b), yes, no)
            }
            #[inline(always)]
            fn split<S: Simd>(slice: &[Self]) -> (&[S::$lanes], &[Self]) {
                S::$split(slice)
            }
            #[inline(always)]
            fn split_mut<S: Simd>(slice: &mut [Self]) -> (&mut [S::$lanes], &mut [Self]) {
                S::$split_mut(slice)
            }
            #[inline(always)]
            fn load<S: Simd>(simd: S, slice: &[Self]) -> S::$lanes {
                simd.$load(slice)
            }
            #[inline(always)]
            fn store<S: Simd>(simd: S, slice: &mut [Self], value: S::$lanes) {
                simd.$store(slice, value);
            }
            #[inline(always)]
            fn turn<S: Simd>(simd: S, block: [[Self; SIDE]; SIDE]) -> [[Self; SIDE]; SIDE] {
                crate::turn::$turn(simd, block)
            }
        }
    };
}

real!(
    f32,
    F32,
    f32s,
    F32_LANES,
    splat_f32s,
    mul_add_f32s,
    less_than_f32s,
    select_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    partial_load_f32s,
    partial_store_f32s,
    exp_f32,
    tanh_f32,
    ln_1p_f32,
    normal_f32,
    turn_f32
);
real!(
    f64,
    F64,
    f64s,
    F64_LANES,
    splat_f64s,
    mul_add_f64s,
    less_than_f64s,
    select_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    partial_load_f64s,
    partial_store_f64s,
    exp_f64,
    tanh_f64,
    ln_1p_f64,
    normal_f64,
    turn_f64
);
