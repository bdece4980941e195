//! What is done to every number of a layer between two products, in one pass each.

use crate::activation::{
    SLOPE, elu, gelu, gelu_slope, gelu_tanh, gelu_tanh_slope, leaky_relu, silu, silu_slope, softplus,
};
use crate::math::logistic;
use crate::real::Real;
use opportune_core::settings::Activation;
use opportune_data::{Dataset, Encoder};
use pulp::{Arch, Simd, WithSimd};

/// Declares functions whose bodies are compiled once for each instruction set, to be chosen by their first argument.
/// What they call must be inlined to be compiled with them.
macro_rules! vectorised {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),+ $(,)?) -> $out:ty $body:block)+) => {$(
        $(#[$doc])*
        pub fn $name<'a, T: Real>(arch: Arch, $($arg: $type),+) -> $out {
            struct Pass<'a, T> { $($arg: $type),+ }
            impl<'a, T: Real> WithSimd for Pass<'a, T> {
                type Output = $out;
                #[inline(always)]
                fn with_simd<S: Simd>(self, _: S) -> $out {
                    let Pass { $($arg),+ } = self;
                    $body
                }
            }
            arch.dispatch(Pass { $($arg),+ })
        }
    )+};
}
pub(crate) use vectorised;

/// Numbers to which rows are padded, in bytes: the widest register. The same on every machine, and so is what is
/// summed in which order.
const ROW_BYTES: usize = 64;

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

/// Replaces all numbers, of which there are whole padded rows. They are taken by blocks of 32 bytes, each written whole: where
/// the compiler sees that some numbers stay what they are, it writes the others one by one through masks, at a tenth of the
/// speed, and larger blocks it takes apart.
#[inline(always)]
fn each<T: Real>(values: &mut [T], f: impl Fn(T) -> T) {
    if T::BYTES == 4 { blocks::<T, 8>(values, f) } else { blocks::<T, 4>(values, f) }
}

#[inline(always)]
fn blocks<T: Real, const N: usize>(values: &mut [T], f: impl Fn(T) -> T) {
    for block in values.as_chunks_mut::<N>().0 {
        *block = std::array::from_fn(|i| f(block[i]));
    }
}

/// The same with another number beside each.
#[inline(always)]
fn each_by<T: Real>(values: &mut [T], others: &[T], f: impl Fn(T, T) -> T) {
    if T::BYTES == 4 { blocks_by::<T, 8>(values, others, f) } else { blocks_by::<T, 4>(values, others, f) }
}

#[inline(always)]
fn blocks_by<T: Real, const N: usize>(values: &mut [T], others: &[T], f: impl Fn(T, T) -> T) {
    for (block, other) in values.as_chunks_mut::<N>().0.iter_mut().zip(others.as_chunks::<N>().0) {
        *block = std::array::from_fn(|i| f(block[i], other[i]));
    }
}

/// Rows that are transposed at a time.
const TURNED: usize = 16;

vectorised! {
    /// Inputs of some rows, rows x inputs.
    fn encode(encoder: &'a Encoder, data: &'a Dataset, rows: &'a [u32], out: &'a mut [T]) -> () {
        T::encode(encoder, data, rows, out);
    }

    /// Applies the activation to all of `values`, which are padded rows.
    fn activate(activation: Activation, values: &'a mut [T]) -> () {
        match activation {
            // NaN must stay NaN, or a diverged run would look alive.
            // The sum with 0 makes 0 of −0, and keeps the compiler from what `each` says of numbers that stay.
            Activation::Relu => each(values, |z| (if z < T::ZERO { T::ZERO } else { z }) + T::ZERO),
            Activation::Tanh => each(values, T::tanh),
            Activation::Logistic => each(values, logistic),
            Activation::Identity => {}
            Activation::LeakyRelu => each(values, leaky_relu),
            Activation::Elu => each(values, elu),
            Activation::Silu => each(values, silu),
            Activation::Gelu => each(values, gelu),
            Activation::GeluTanh => each(values, gelu_tanh),
            Activation::Softplus => each(values, softplus),
        }
    }

    /// Multiplies `deltas` by the activation's derivative, told from the activated values, or from the sums before where
    /// `activation::needs_sum` says so; both are padded rows.
    fn derive(activation: Activation, deltas: &'a mut [T], activated: &'a [T]) -> () {
        match activation {
            // As above.
            Activation::Relu => each_by(deltas, activated, |d, a| (if a > T::ZERO { d } else { T::ZERO }) + T::ZERO),
            Activation::Tanh => each_by(deltas, activated, |d, a| d * (T::ONE - a * a)),
            Activation::Logistic => each_by(deltas, activated, |d, a| d * (a * (T::ONE - a))),
            Activation::Identity => {}
            Activation::LeakyRelu => each_by(deltas, activated, |d, a| if a > T::ZERO { d } else { d * T::of(SLOPE) }),
            Activation::Elu => each_by(deltas, activated, |d, a| if a > T::ZERO { d } else { d * (a + T::ONE) }),
            Activation::Silu => each_by(deltas, activated, |d, z| d * silu_slope(z)),
            Activation::Gelu => each_by(deltas, activated, |d, z| d * gelu_slope(z)),
            Activation::GeluTanh => each_by(deltas, activated, |d, z| d * gelu_tanh_slope(z)),
            Activation::Softplus => each_by(deltas, activated, |d, z| d * logistic(z)),
        }
    }

    /// Sums of the columns of `matrix` (rows of `stride`), as many as `sums` has.
    fn column_sums(matrix: &'a [T], stride: usize, sums: &'a mut [T]) -> () {
        sums.fill(T::ZERO);
        let width = sums.len();
        for row in matrix.chunks_exact(stride) {
            for (sum, value) in sums.iter_mut().zip(&row[..width]) {
                *sum += *value;
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

    /// Transposes rows of `stride` into rows of `out_stride`, one for each of the first columns, as many as there are such rows.
    fn turn(matrix: &'a [T], stride: usize, out: &'a mut [T], out_stride: usize) -> () {
        // So many rows at a time that their lines of memory stay near until all of their columns are read.
        for (block, rows) in matrix.chunks(TURNED * stride).enumerate() {
            for (column, out) in out.chunks_exact_mut(out_stride).enumerate().take(stride) {
                for (row, out) in rows.chunks(stride).zip(&mut out[block * TURNED..]) {
                    *out = row[column];
                }
            }
        }
    }
}
