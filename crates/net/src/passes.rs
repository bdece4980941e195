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

/// Virtual lanes of the sums below: partial sums are the same on every instruction set.
pub(crate) const LANES: usize = 8;

/// Numbers from one row of `width` to the next: whole registers.
pub fn padded<T: Real>(width: usize) -> usize {
    let lines = (width * T::BYTES).div_ceil(ROW_BYTES);
    // An even number of cache lines, from four on, would put a column of them into a part of the cache only.
    let lines = if lines >= 4 { lines | 1 } else { lines };
    lines * ROW_BYTES / T::BYTES
}

/// What an output pass sums over its rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// Loss without penalty.
    pub loss: f64,
    /// Rows whose class was the most probable one.
    pub hits: u32,
}

#[inline(always)]
pub(crate) fn sum_lanes<T: Real>(parts: [T; LANES]) -> T {
    let [a, b, c, d, e, f, g, h] = parts;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// The larger one; the second if either is no number.
#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

#[inline(always)]
fn top_lane<T: Real>(parts: [T; LANES]) -> T {
    let [a, b, c, d, e, f, g, h] = parts;
    larger(larger(larger(a, e), larger(c, g)), larger(larger(b, f), larger(d, h)))
}

/// Numbers that [`each`] and [`each_by`] take at a time: a padded row is a multiple of them.
const BLOCK: usize = 8;

/// Replaces all numbers, of which there are whole blocks. A block is written whole: where the compiler sees that some numbers
/// stay what they are, it writes the others one by one through masks, at a tenth of the speed.
#[inline(always)]
fn each<T: Real>(values: &mut [T], f: impl Fn(T) -> T) {
    for block in values.as_chunks_mut::<BLOCK>().0 {
        *block = std::array::from_fn(|i| f(block[i]));
    }
}

/// The same with another number beside each.
#[inline(always)]
fn each_by<T: Real>(values: &mut [T], others: &[T], f: impl Fn(T, T) -> T) {
    for (block, other) in values.as_chunks_mut::<BLOCK>().0.iter_mut().zip(others.as_chunks::<BLOCK>().0) {
        *block = std::array::from_fn(|i| f(block[i], other[i]));
    }
}

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
            Activation::Relu => each_by(deltas, activated, |d, a| if a > T::ZERO { d } else { T::ZERO }),
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

    /// Softmax cross-entropy of rows of `stride` logits, the first `classes` of which count. Each row becomes its
    /// probabilities, with zeros behind.
    fn softmax(logits: &'a mut [T], stride: usize, classes: usize, labels: &'a [u32]) -> Sums {
        let mut sums = Sums::default();
        let logits = &mut logits[..labels.len() * stride];
        for (row, &label) in logits.chunks_exact_mut(stride).zip(labels) {
            row[classes..].fill(T::of(f64::NEG_INFINITY));
            let label = label as usize;
            let truth = row[label];
            // The largest of the others: one comparison then tells hits, but for the rare ties.
            let mut tops = [T::of(f64::NEG_INFINITY); LANES];
            for (chunk, first) in row.as_chunks::<LANES>().0.iter().zip((0..).step_by(LANES)) {
                for lane in 0..LANES {
                    let z = if first + lane == label { tops[lane] } else { chunk[lane] };
                    tops[lane] = larger(z, tops[lane]);
                }
            }
            let other = top_lane(tops);
            // The first of equals is the prediction, as numpy's argmax has it.
            let hit = truth > other || (truth == other && row[..label].iter().all(|z| *z < truth));
            sums.hits += u32::from(hit);
            let top = larger(truth, other);
            sums.loss += top.wide() - truth.wide();
            row.iter_mut().for_each(|z| *z = *z - top);
        }
        // On its own and over all rows: in the middle of the other work it would not become vector code.
        logits.iter_mut().for_each(|z| *z = z.exp());
        // Logarithms are taken of the product of eight rows' sums, which is far from overflowing.
        let mut product = 1.0;
        for (index, row) in logits.chunks_exact_mut(stride).enumerate() {
            let mut parts = [T::ZERO; LANES];
            for chunk in row.chunks_exact(LANES) {
                for (part, p) in parts.iter_mut().zip(chunk) {
                    *part += *p;
                }
            }
            let total = sum_lanes(parts);
            product *= total.wide();
            if index % 8 == 7 {
                sums.loss += product.ln();
                product = 1.0;
            }
            let scale = T::ONE / total;
            row.iter_mut().for_each(|p| *p = *p * scale);
        }
        sums.loss += product.ln();
        sums
    }

    /// Cross-entropy of one logit a row, the first of its `stride`; `labels` are 0 or 1. The logit becomes the probability
    /// of class 1.
    fn binary(logits: &'a mut [T], stride: usize, labels: &'a [u32]) -> Sums {
        let mut sums = Sums::default();
        // Π(1 + e) − 1: losses far below the last place of 1 keep their digits, with one logarithm for many rows.
        let mut product = 0.0f64;
        for (index, (row, &label)) in logits.chunks_exact_mut(stride).zip(labels).enumerate() {
            let z = row[0];
            sums.hits += u32::from((z > T::ZERO) == (label == 1));
            let negative = z < T::ZERO;
            let small = (if negative { z } else { -z }).exp();
            // −ln p of the true class is ln(1 + e^−|z|), and |z| more where the logit has the wrong sign.
            sums.loss += if negative == (label == 1) { z.wide().abs() } else { 0.0 };
            product = (1.0 + product).mul_add(small.wide(), product);
            if index % 256 == 255 {
                sums.loss += product.ln_1p();
                product = 0.0;
            }
            row[0] = (if negative { small } else { T::ONE }) / (T::ONE + small);
        }
        sums.loss += product.ln_1p();
        sums
    }

    /// Half the squared error of one output a row, the first of its `stride`.
    fn squared(outputs: &'a [T], stride: usize, targets: &'a [T]) -> Sums {
        let mut sums = Sums::default();
        for (row, &target) in outputs.chunks_exact(stride).zip(targets) {
            let error = row[0].wide() - target.wide();
            sums.loss += 0.5 * error * error;
        }
        sums
    }

    /// Probabilities of classes become the derivative of softmax cross-entropy by the logits, times `share`.
    fn class_deltas(values: &'a mut [T], stride: usize, labels: &'a [u32], share: T) -> () {
        for (row, &label) in values.chunks_exact_mut(stride).zip(labels) {
            let truth = row[label as usize];
            row.iter_mut().for_each(|p| *p = *p * share);
            row[label as usize] = (truth - T::ONE) * share;
        }
    }

    /// The first of each row becomes its distance from the target, times `share`: the derivative of the logistic
    /// cross-entropy by the logit and of half the squared error by the output.
    fn number_deltas(values: &'a mut [T], stride: usize, targets: &'a [T], share: T) -> () {
        for (row, target) in values.chunks_exact_mut(stride).zip(targets) {
            row[0] = (row[0] - *target) * share;
        }
    }

    /// The same for classes 0 and 1.
    fn binary_deltas(values: &'a mut [T], stride: usize, labels: &'a [u32], share: T) -> () {
        for (row, &label) in values.chunks_exact_mut(stride).zip(labels) {
            let truth = if label == 1 { T::ONE } else { T::ZERO };
            row[0] = (row[0] - truth) * share;
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

    /// Transposes rows of `width` into rows of `stride`, one for each column.
    fn turn(matrix: &'a [T], width: usize, out: &'a mut [T], stride: usize) -> () {
        for (column, out) in out.chunks_exact_mut(stride).enumerate().take(width) {
            for (row, out) in matrix.chunks_exact(width).zip(out) {
                *out = row[column];
            }
        }
    }
}
