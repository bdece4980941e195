//! Layer normalisation (Ba et al. 2016): a hidden layer's sums are brought, row by row, to mean 0 and variance 1 over its
//! units, then multiplied by a learned gain and moved by a learned bias. PyTorch's `LayerNorm` of one dimension.

use crate::passes::{LANES, sum_lanes, vectorised};
use crate::real::Real;
use pulp::{Arch, Simd, WithSimd};

/// Beside the variance, PyTorch's.
const EPS: f64 = 1e-5;

/// What a layer's normalisation is gone back by.
#[derive(Debug, Default)]
pub(crate) struct Normal<T> {
    /// Rows of mean 0 and variance 1, padded as the layer's; their padding means nothing.
    rows: Vec<T>,
    /// For each row, what it was multiplied by.
    scales: Vec<T>,
}

impl<T: Real> Normal<T> {
    /// With room for so many rows, which are `stride` numbers apart.
    pub(crate) fn new(rows: usize, stride: usize) -> Normal<T> {
        Normal { rows: vec![T::ZERO; rows * stride], scales: vec![T::ZERO; rows] }
    }

    /// Normalises rows of sums; gain and bias have as many numbers as there are units.
    pub(crate) fn forward(&mut self, arch: Arch, sums: &mut [T], stride: usize, (gain, bias): (&[T], &[T])) {
        normalise(arch, sums, stride, (gain, bias), &mut self.rows, &mut self.scales);
    }

    /// Turns derivatives by what [`Normal::forward`] gave into those by the sums it was given, and writes the gradients of
    /// gain and bias.
    pub(crate) fn backward(
        &self,
        arch: Arch,
        deltas: &mut [T],
        stride: usize,
        gain: &[T],
        gradients: (&mut [T], &mut [T]),
    ) {
        go_back(arch, deltas, stride, gain, (&self.rows, &self.scales), gradients);
    }
}

/// Sums `term` over pairs of equal place, in fixed lanes.
#[inline(always)]
fn summed<T: Real>(a: &[T], b: &[T], term: impl Fn(T, T, T) -> T) -> T {
    let mut parts = [T::ZERO; LANES];
    let (a_groups, b_groups) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_groups.remainder(), b_groups.remainder());
    for (a, b) in a_groups.zip(b_groups) {
        for i in 0..LANES {
            parts[i] = term(a[i], b[i], parts[i]);
        }
    }
    for (part, (a, b)) in parts.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *part = term(*a, *b, *part);
    }
    sum_lanes(parts)
}

vectorised! {
    fn normalise(
        sums: &'a mut [T],
        stride: usize,
        learned: (&'a [T], &'a [T]),
        normal: &'a mut [T],
        scales: &'a mut [T],
    ) -> () {
        let (gain, bias) = learned;
        let width = gain.len();
        let share = T::of(1.0 / width as f64);
        let rows = sums.chunks_exact_mut(stride).zip(normal.chunks_exact_mut(stride));
        for ((sums, normal), scale) in rows.zip(scales) {
            let (sums, normal) = (&mut sums[..width], &mut normal[..width]);
            let mean = summed(sums, sums, |z, _, sum| sum + z) * share;
            normal.iter_mut().zip(&*sums).for_each(|(normal, z)| *normal = *z - mean);
            let variance = summed(normal, normal, |a, b, sum| a.fused(b, sum)) * share;
            *scale = T::ONE / (variance + T::of(EPS)).root();
            for (i, (sum, normal)) in sums.iter_mut().zip(normal).enumerate() {
                *normal = *normal * *scale;
                *sum = normal.fused(gain[i], bias[i]);
            }
        }
    }

    fn go_back(
        deltas: &'a mut [T],
        stride: usize,
        gain: &'a [T],
        normal: (&'a [T], &'a [T]),
        gradients: (&'a mut [T], &'a mut [T]),
    ) -> () {
        let (normal, scales) = normal;
        let (by_gain, by_bias) = gradients;
        let width = gain.len();
        let share = T::of(1.0 / width as f64);
        by_gain.fill(T::ZERO);
        by_bias.fill(T::ZERO);
        let rows = deltas.chunks_exact_mut(stride).zip(normal.chunks_exact(stride));
        for ((deltas, normal), scale) in rows.zip(scales) {
            let (deltas, normal) = (&mut deltas[..width], &normal[..width]);
            for i in 0..width {
                by_gain[i] = deltas[i].fused(normal[i], by_gain[i]);
                by_bias[i] += deltas[i];
                deltas[i] = deltas[i] * gain[i];
            }
            let mean = summed(deltas, deltas, |d, _, sum| sum + d) * share;
            let along = summed(deltas, normal, |d, x, sum| d.fused(x, sum)) * share;
            for (delta, x) in deltas.iter_mut().zip(normal) {
                *delta = (*delta - mean - *x * along) * *scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::arches;

    #[test]
    fn rows_get_mean_and_variance_of_gain_and_bias() {
        let (rows, width, stride) = (3, 21, 24);
        let start: Vec<f64> = (0..rows * stride).map(|i| (i as f64 * 1.7).sin() * 40.0 + 1000.0).collect();
        let mut first = None;
        for arch in arches() {
            let mut sums = start.clone();
            Normal::new(rows, stride).forward(arch, &mut sums, stride, (&[2.0; 21], &[0.5; 21]));
            for (row, before) in sums.chunks(stride).zip(start.chunks(stride)) {
                let mean = row[..width].iter().sum::<f64>() / width as f64;
                let variance = row[..width].iter().map(|z| (z - mean).powi(2)).sum::<f64>() / width as f64;
                assert!((mean - 0.5).abs() < 1e-12 && (variance - 4.0).abs() < 1e-6, "{mean} {variance}");
                assert_eq!(row[width..], before[width..], "padding is left alone");
            }
            let bits: Vec<u64> = sums.iter().map(|z| z.to_bits()).collect();
            assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits, "{arch:?}");
        }
    }

    #[test]
    fn one_unit_becomes_its_bias_and_nan_stays() {
        let mut sums = [7.0, 0.0];
        Normal::new(1, 2).forward(Arch::new(), &mut sums, 2, (&[3.0], &[0.25]));
        assert_eq!(sums[0], 0.25);
        let mut sums = [f64::NAN, 1.0];
        Normal::new(1, 2).forward(Arch::new(), &mut sums, 2, (&[1.0; 2], &[0.0; 2]));
        assert!(sums.iter().all(|z| z.is_nan()));
    }
}
