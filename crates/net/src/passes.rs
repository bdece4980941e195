//! What is done to every number of a layer between two products, in one pass each.

use crate::activation::{
    SLOPE, elu, gelu, gelu_slope, gelu_tanh, gelu_tanh_slope, leaky_relu, silu, silu_slope, softplus,
};
use crate::math::logistic;
use crate::real::Real;
use opportune_core::settings::Activation;
use opportune_data::{Dataset, Encoder};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Declares functions whose bodies are compiled once for each instruction set `S`, to be chosen by their first argument.
/// What they call must be inlined to be compiled with them. Those that use registers name the set behind their own name.
macro_rules! vectorised {
    ($($(#[$doc:meta])* fn $name:ident $([$simd:ident])? ($($arg:ident: $type:ty),+ $(,)?) -> $out:ty $body:block)+) => {$(
        $(#[$doc])*
        pub fn $name<'a, T: Real>(arch: Arch, $($arg: $type),+) -> $out {
            struct Pass<'a, T> { $($arg: $type),+ }
            impl<'a, T: Real> WithSimd for Pass<'a, T> {
                type Output = $out;
                #[inline(always)]
                fn with_simd<S: Simd>(self, _simd: S) -> $out {
                    $(let $simd = _simd;)?
                    let Pass { $($arg),+ } = self;
                    $body
                }
            }
            arch.dispatch(Pass { $($arg),+ })
        }
    )+};
}
pub(crate) use vectorised;

/// Numbers to which rows are padded, in bytes: the widest register, and a line of memory. The same on every machine, and so is what is
/// summed in which order.
pub(crate) const ROW_BYTES: usize = 64;

/// Numbers from one row of `width` to the next: whole registers.
pub fn padded<T: Real>(width: usize) -> usize {
    let lines = (width * T::BYTES).div_ceil(ROW_BYTES);
    // An even number of cache lines, from four on, would put a column of them into a part of the cache only.
    let lines = if lines >= 4 { lines | 1 } else { lines };
    lines * ROW_BYTES / T::BYTES
}

/// Virtual lanes of sums: partial sums are the same on every instruction set.
pub(crate) const LANES: usize = 8;

#[inline(always)]
pub(crate) fn sum_lanes<T: Real>(parts: [T; LANES]) -> T {
    let [a, b, c, d, e, f, g, h] = parts;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Replaces all numbers. A loop and nothing around it, here and below: what is called from within a closure of the standard library's is not
/// sure to be compiled for the instruction set, and then calls a function for each fused multiply-add, at a fiftieth of the speed.
/// A number that may stay what it is has a factor that may be 1, or 0 added: else the compiler writes through a mask those that
/// change, at a tenth of the speed where there is no AVX-512.
#[inline(always)]
fn each<T: Real>(values: &mut [T], f: impl Fn(T) -> T) {
    for value in values {
        *value = f(*value);
    }
}

/// The same with another number beside each.
#[inline(always)]
fn each_by<T: Real>(values: &mut [T], others: &[T], f: impl Fn(T, T) -> T) {
    for (value, other) in values.iter_mut().zip(others) {
        *value = f(*value, *other);
    }
}

/// What is negative becomes 0, −0 too. What is no number stays so, or a diverged run would look alive.
#[inline(always)]
fn relu<T: Real, S: Simd>(simd: S, values: &mut [T]) {
    let (zero, one) = (T::splat(simd, T::ZERO), T::splat(simd, T::ONE));
    for value in T::split_mut::<S>(values).0 {
        *value = T::mul_add(simd, T::select_less(simd, *value, zero, zero, *value), one, zero);
    }
}

/// Derivatives where the activated value is positive, elsewhere 0.
#[inline(always)]
fn relu_slope<T: Real, S: Simd>(simd: S, deltas: &mut [T], activated: &[T]) {
    let (zero, one) = (T::splat(simd, T::ZERO), T::splat(simd, T::ONE));
    for (delta, value) in T::split_mut::<S>(deltas).0.iter_mut().zip(T::split::<S>(activated).0) {
        *delta = T::mul_add(simd, T::select_less(simd, zero, *value, *delta, zero), one, zero);
    }
}

vectorised! {
    /// Inputs of some rows, rows x inputs.
    fn encode(encoder: &'a Encoder, data: &'a Dataset, rows: &'a [u32], out: &'a mut [T]) -> () {
        encoder.encode(data, rows, out);
    }

    /// Some of their inputs, in rows of `stride`.
    fn encode_some(
        encoder: &'a Encoder,
        data: &'a Dataset,
        rows: &'a [u32],
        columns: Range<usize>,
        stride: usize,
        out: &'a mut [T],
    ) -> () {
        encoder.encode_some(data, rows, columns, stride, out);
    }

    /// Applies the activation to all of `values`, which are padded rows.
    fn activate[simd](activation: Activation, values: &'a mut [T]) -> () {
        match activation {
            Activation::Relu => relu::<T, S>(simd, values),
            Activation::Tanh => each(values, T::tanh),
            Activation::Logistic => each(values, logistic),
            Activation::Identity => {}
            Activation::LeakyRelu => each(values, leaky_relu),
            // −0 becomes 0.
            Activation::Elu => each(values, |z| elu(z).fused(T::ONE, T::ZERO)),
            Activation::Silu => each(values, silu),
            Activation::Gelu => each(values, gelu),
            Activation::GeluTanh => each(values, gelu_tanh),
            Activation::Softplus => each(values, softplus),
        }
    }

    /// Multiplies `deltas` by the activation's derivative, told from the activated values, or from the sums before where
    /// `activation::needs_sum` says so; both are padded rows.
    fn derive[simd](activation: Activation, deltas: &'a mut [T], activated: &'a [T]) -> () {
        match activation {
            Activation::Relu => relu_slope::<T, S>(simd, deltas, activated),
            Activation::Tanh => each_by(deltas, activated, |d, a| d * (T::ONE - a * a)),
            Activation::Logistic => each_by(deltas, activated, |d, a| d * (a * (T::ONE - a))),
            Activation::Identity => {}
            Activation::LeakyRelu => {
                each_by(deltas, activated, |d, a| d * if a > T::ZERO { T::ONE } else { T::of(SLOPE) });
            }
            Activation::Elu => {
                each_by(deltas, activated, |d, a| d * if a > T::ZERO { T::ONE } else { a + T::ONE });
            }
            Activation::Silu => each_by(deltas, activated, |d, z| d * silu_slope(z)),
            Activation::Gelu => each_by(deltas, activated, |d, z| d * gelu_slope(z)),
            Activation::GeluTanh => each_by(deltas, activated, |d, z| d * gelu_tanh_slope(z)),
            Activation::Softplus => each_by(deltas, activated, |d, z| d * logistic(z)),
        }
    }

    /// Sums of the columns of `matrix`, padded rows of `stride` ([`padded`]), as many as `sums` has, from `first`, which is whole
    /// registers.
    fn column_sums[simd](matrix: &'a [T], stride: usize, first: usize, sums: &'a mut [T]) -> () {
        let lanes = T::lanes::<S>();
        let (matrix, stride) = (T::split::<S>(matrix).0, stride / lanes);
        // As many registers at a time as a processor has to wait for the sum before.
        for (begin, sums) in (first / lanes..).step_by(8).zip(sums.chunks_mut(8 * lanes)) {
            match sums.len().div_ceil(lanes) {
                1 => register_sums::<T, S, 1>(simd, matrix, stride, begin, sums),
                2 => register_sums::<T, S, 2>(simd, matrix, stride, begin, sums),
                3 => register_sums::<T, S, 3>(simd, matrix, stride, begin, sums),
                4 => register_sums::<T, S, 4>(simd, matrix, stride, begin, sums),
                5 => register_sums::<T, S, 5>(simd, matrix, stride, begin, sums),
                6 => register_sums::<T, S, 6>(simd, matrix, stride, begin, sums),
                7 => register_sums::<T, S, 7>(simd, matrix, stride, begin, sums),
                _ => register_sums::<T, S, 8>(simd, matrix, stride, begin, sums),
            }
        }
    }

    /// Multiplies each of `values`, which are padded rows, by the factor of its place.
    fn scale_each(values: &'a mut [T], factors: &'a [T]) -> () {
        each_by(values, factors, |value, factor| value * factor);
    }

    /// Moves `average` by `weight` of the way to `values`.
    fn blend(average: &'a mut [T], values: &'a [T], weight: T) -> () {
        for (average, value) in average.iter_mut().zip(values) {
            *average = weight.fused(*value - *average, *average);
        }
    }

    /// Copies rows of `width` into rows of `stride`.
    fn pad(matrix: &'a [T], width: usize, out: &'a mut [T], stride: usize) -> () {
        for (row, out) in matrix.chunks_exact(width).zip(out.chunks_exact_mut(stride)) {
            for (value, out) in row.iter().zip(out) {
                *out = *value;
            }
        }
    }
}

/// Sums of the `N` registers from `begin` of each row of `stride` of them, kept in registers.
#[inline(always)]
fn register_sums<T: Real, S: Simd, const N: usize>(
    simd: S,
    matrix: &[T::Lanes<S>],
    stride: usize,
    begin: usize,
    sums: &mut [T],
) {
    // Once each of them, rounded once, is its sum.
    let one = T::splat(simd, T::ONE);
    let mut all = [T::splat(simd, T::ZERO); N];
    for row in matrix.chunks_exact(stride) {
        let row = &row[begin..][..N];
        for n in 0..N {
            all[n] = T::mul_add(simd, one, row[n], all[n]);
        }
    }
    for (sums, all) in sums.chunks_mut(T::lanes::<S>()).zip(all) {
        T::store(simd, sums, all);
    }
}
