//! Prodigy (Mishchenko and Defazio 2024): Adam whose rate is an estimate of the distance to the solution.

use super::elementwise::{BLOCK, SLOTS, Shrink, absolute, corrected, squares};
use super::{At, pieces};
use crate::network::Net;
use crate::passes::vectorised;
use crate::real::Real;
use opportune_core::optimizer::Prodigy;
use opportune_data::Aligned;
use pulp::{Arch, Simd, WithSimd};

/// d, and the estimate's numerator.
pub(super) const SCALARS: usize = 2;

/// The slot of θ₀; before it are m, v and s.
pub(super) const START: usize = 3;

/// The constants of the pass that takes gradients in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gather<T> {
    l2: T,
    beta1: T,
    beta2: T,
    beta3: T,
    /// What multiplies the gradient in m, its square in v, and the gradient in s.
    shares: [T; 3],
}

vectorised! {
    /// Takes gradients into m, v and s. Gives the squares of the weights, ⟨g, θ₀−θ⟩ and ‖s‖₁.
    fn gather[simd](gather: Gather<T>, weights: &'a mut [T], gradients: &'a [T], slots: [&'a mut [T]; SLOTS]) -> [f64; 3] {
        let Gather { l2, beta1, beta2, beta3, shares: [first, second, third] } = gather;
        let (square, [along, norm]) = summed(simd, weights, gradients, slots, |w, g, [m, v, s, start], [along, norm]| {
            let g = l2.fused(w, g);
            *m = beta1.fused(*m, first * g);
            *v = beta2.fused(*v, second * g * g);
            *s = beta3.fused(*s, third * g);
            *along = g.fused(*start - w, *along);
            *norm += absolute(*s);
            w
        });
        [square, along, norm]
    }

    /// θ ← keep·θ − rate·m/(√v + ε).
    fn apply(rate: T, eps: T, keep: T, weights: &'a mut [T], m: &'a [T], v: &'a [T]) -> () {
        for ((w, m), v) in weights.iter_mut().zip(m).zip(v) {
            *w = *w * keep - rate * *m / (v.root() + eps);
        }
    }
}

/// Lanes of the sums; see [`crate::passes`].
const LANES: usize = 16;

/// Applies `rule` to all: weight, gradient, slots and running sums give the new weight. Gives the sum of the squares of the old
/// weights, and the sums.
// Counted loops over constants, which the compiler unrolls.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn summed<T: Real, S: Simd, const N: usize, const M: usize>(
    simd: S,
    weights: &mut [T],
    gradients: &[T],
    slots: [&mut [T]; N],
    rule: impl Fn(T, T, &mut [T; N], &mut [T; M]) -> T,
) -> (f64, [f64; M]) {
    let (mut square, mut totals) = (0.0, [0.0; M]);
    for (from, w) in (0..).step_by(BLOCK).zip(weights.chunks_mut(BLOCK)) {
        square += squares(simd, w);
        let (count, mut sums) = (w.len(), [[T::ZERO; LANES]; M]);
        let mut one = |i: usize, lane: usize| {
            let (mut own, mut part) = ([T::ZERO; N], [T::ZERO; M]);
            for k in 0..N {
                own[k] = slots[k][from + i];
            }
            for k in 0..M {
                part[k] = sums[k][lane];
            }
            w[i] = rule(w[i], gradients[from + i], &mut own, &mut part);
            for k in 0..N {
                slots[k][from + i] = own[k];
            }
            for k in 0..M {
                sums[k][lane] = part[k];
            }
        };
        let whole = count - count % LANES;
        for at in (0..whole).step_by(LANES) {
            for i in 0..LANES {
                one(at + i, i);
            }
        }
        for i in whole..count {
            one(i, i % LANES);
        }
        for k in 0..M {
            totals[k] += sums[k].iter().map(|sum| sum.wide()).sum::<f64>();
        }
    }
    (square, totals)
}

/// One step. Gives the squares of the weights before it.
pub(super) fn step<T: Real>(
    c: Prodigy,
    net: &mut Net<T>,
    slots: &mut [Aligned<T>],
    scalars: &mut [f64],
    at: &At,
) -> f64 {
    let [d, numerator] = scalars else { return 0.0 };
    let beta1 = at.momentum(c.beta1);
    let beta3 = c.beta2.sqrt();
    let correction = match c.use_bias_correction {
        true => corrected(c.beta2, at.step).sqrt() / corrected(beta1, at.step),
        false => 1.0,
    };
    let rate = *d * at.setting.rate * correction;
    let of_sum = *d / c.d0 * if c.safeguard_warmup { *d } else { rate };
    let shares = [*d * (1.0 - beta1), *d * *d * (1.0 - c.beta2), of_sum].map(T::of);
    let arch = net.arch();
    let (mut squares, mut along, mut norm) = (0.0, 0.0, 0.0);
    pieces(net, slots, |piece| {
        let l2 = if piece.weights { T::of(at.l2) } else { T::ZERO };
        let gathered = Gather { l2, beta1: T::of(beta1), beta2: T::of(c.beta2), beta3: T::of(beta3), shares };
        let sums = gather(arch, gathered, piece.parameters, piece.gradients, piece.slots);
        squares += if piece.weights { sums[0] } else { 0.0 };
        along += sums[1];
        norm += sums[2];
    });
    // A rate of 0 tells nothing of the distance.
    if at.setting.rate > 0.0 {
        *numerator = beta3 * *numerator + *d / c.d0 * rate * along;
        let estimate = c.d_coef * *numerator / norm;
        // No estimate (0/0, NaN) leaves it as it is.
        if estimate > *d {
            *d = estimate;
        }
    }
    let (rate, eps, keep) = (T::of(rate), T::of(*d * c.eps), Shrink::<T>::of(at, rate).keep);
    pieces(net, slots, |piece| {
        let keep = if piece.weights { keep } else { T::ONE };
        let [m, v, ..] = piece.slots;
        apply(arch, rate, eps, keep, piece.parameters, m, v);
    });
    squares
}
