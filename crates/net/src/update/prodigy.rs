//! Prodigy (Mishchenko and Defazio 2024): Adam whose rate is an estimate of the distance to the solution.

use super::elementwise::{SLOTS, Shrink, absolute, corrected, over};
use super::{At, pieces};
use crate::network::Net;
use crate::passes::vectorised;
use crate::real::Real;
use opportune_core::optimizer::Prodigy;
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
    fn gather(gather: Gather<T>, weights: &'a mut [T], gradients: &'a [T], slots: [&'a mut [T]; SLOTS]) -> [f64; 3] {
        let Gather { l2, beta1, beta2, beta3, shares: [first, second, third] } = gather;
        let (squares, [along, norm]) = over(weights, gradients, slots, |w, g, [m, v, s, start], [along, norm]| {
            let g = l2.fused(w, g);
            *m = beta1.fused(*m, first * g);
            *v = beta2.fused(*v, second * g * g);
            *s = beta3.fused(*s, third * g);
            *along = g.fused(*start - w, *along);
            *norm += absolute(*s);
            w
        });
        [squares, along, norm]
    }

    /// θ ← keep·θ − rate·m/(√v + ε).
    fn apply(rate: T, eps: T, keep: T, weights: &'a mut [T], gradients: &'a [T], slots: [&'a mut [T]; SLOTS]) -> () {
        let [m, v, _, _] = slots;
        over(weights, gradients, [m, v], |w, _, [m, v], _: &mut [T; 0]| w * keep - rate * *m / (v.root() + eps));
    }
}

/// One step. Gives the squares of the weights before it.
pub(super) fn step<T: Real>(c: Prodigy, net: &mut Net<T>, slots: &mut [Vec<T>], scalars: &mut [f64], at: &At) -> f64 {
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
        apply(arch, rate, eps, keep, piece.parameters, piece.gradients, piece.slots);
    });
    squares
}
