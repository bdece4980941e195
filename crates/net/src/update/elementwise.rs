//! Optimizers whose step looks at one parameter at a time: all of it in one pass.

use super::At;
use super::schedule_free::Share;
use crate::math::exp_f64;
use crate::passes::vectorised;
use crate::real::Real;
use opportune_core::optimizer::{Adagrad, Adam, Adamax, NAdam, RAdam, RMSprop, Sgd};
use pulp::{Arch, Simd, WithSimd};

/// Lanes of the sums; see [`crate::passes`].
const LANES: usize = 32;

/// Numbers summed in their own width before they go to 64 bits.
pub(super) const BLOCK: usize = 32 * LANES;

/// Numbers that a rule keeps for each parameter, at most.
pub const SLOTS: usize = 4;

/// ln 0.96, of NAdam's rising momentum.
const LN_096: f64 = -0.040_821_994_520_255_166;

/// The constants of one step, in the width of the parameters. Slots are in the order of each rule's pattern in [`sweep`].
#[derive(Debug, Clone, Copy)]
pub enum Step<T> {
    /// θ −= rate·g.
    Plain {
        /// The rate.
        rate: T,
    },
    /// v ← μv + share·g; θ −= rate·v, or rate·(g + μv).
    Momentum {
        /// The rate.
        rate: T,
        /// μ.
        momentum: T,
        /// 1 − dampening; 1 at the first step.
        share: T,
        /// Whether the step looks ahead.
        nesterov: bool,
    },
    /// v ← μv − rate·g; θ += v, or μv − rate·g: the rate is part of what is kept, as in scikit-learn.
    Velocity {
        /// The rate.
        rate: T,
        /// μ.
        momentum: T,
        /// Whether the step looks ahead.
        nesterov: bool,
    },
    /// m and v are running means; θ −= rate·m/(root·√v + ε). RAdam too: while it is not rectified, root is 0 and ε is 1.
    Adam {
        /// Rate over 1 − β1ᵗ.
        rate: T,
        /// β1.
        beta1: T,
        /// β2.
        beta2: T,
        /// 1/√(1 − β2ᵗ).
        root: T,
        /// ε.
        eps: T,
        /// Whether v is the largest so far.
        amsgrad: bool,
    },
    /// As Adam, with a share of the gradient itself.
    NAdam {
        /// What multiplies the gradient.
        ahead: T,
        /// What multiplies the mean gradient.
        rate: T,
        /// β1.
        beta1: T,
        /// β2.
        beta2: T,
        /// 1/√(1 − β2ᵗ).
        root: T,
        /// ε.
        eps: T,
    },
    /// u ← max(β2u, |g| + ε); θ −= rate·m/u.
    Adamax {
        /// Rate over 1 − β1ᵗ.
        rate: T,
        /// β1.
        beta1: T,
        /// β2.
        beta2: T,
        /// ε.
        eps: T,
    },
    /// v ← αv + (1−α)g²; b ← μb + g/(√v + ε); θ −= rate·b.
    RMSprop {
        /// The rate.
        rate: T,
        /// α.
        alpha: T,
        /// ε.
        eps: T,
        /// μ; there is no b where it is 0.
        momentum: T,
        /// Whether it is the variance's root that divides.
        centered: bool,
    },
    /// G ← G + g²; θ −= rate·g/(√G + ε).
    Adagrad {
        /// The rate.
        rate: T,
        /// ε.
        eps: T,
    },
    /// Δ = g·√(u + ε)/√(v + ε); θ −= rate·Δ.
    Adadelta {
        /// The rate.
        rate: T,
        /// ρ.
        rho: T,
        /// ε.
        eps: T,
    },
    /// θ −= rate·sign(β1m + (1−β1)g); m ← β2m + (1−β2)g.
    Lion {
        /// The rate.
        rate: T,
        /// β1.
        beta1: T,
        /// β2.
        beta2: T,
    },
    /// z −= rate·g; x goes a share of the way to z; θ is y, between them.
    ScheduleFree {
        /// What is the same for both kinds.
        share: Share<T>,
        /// β2, 1/√(1 − β2ᵗ) and ε where the gradient is divided as in Adam.
        adam: Option<(T, T, T)>,
    },
}

/// 1 − βᵗ.
pub(super) fn corrected(beta: f64, step: u64) -> f64 {
    1.0 - power(beta, step)
}

impl<T: Real> Step<T> {
    pub(super) fn sgd(c: Sgd, at: &At) -> Step<T> {
        let rate = T::of(at.setting.rate);
        if c.momentum == 0.0 {
            return Step::Plain { rate };
        }
        let share = if at.step == 1 { 1.0 } else { 1.0 - c.dampening };
        Step::Momentum { rate, momentum: T::of(at.momentum(c.momentum)), share: T::of(share), nesterov: c.nesterov }
    }

    pub(super) fn adam(c: Adam, at: &At) -> Step<T> {
        let beta1 = at.momentum(c.beta1);
        Step::Adam {
            rate: T::of(at.setting.rate / corrected(beta1, at.step)),
            beta1: T::of(beta1),
            beta2: T::of(c.beta2),
            root: T::of(1.0 / corrected(c.beta2, at.step).sqrt()),
            eps: T::of(c.eps),
            amsgrad: c.amsgrad,
        }
    }

    /// `product` is that of all momenta up to this step.
    pub(super) fn nadam(c: NAdam, at: &At, product: &mut f64) -> Step<T> {
        let beta1 = at.momentum(c.beta1);
        let momentum = |step: u64| beta1 * (1.0 - 0.5 * exp_f64(step as f64 * c.momentum_decay * LN_096));
        let (now, next) = (momentum(at.step), momentum(at.step + 1));
        *product *= now;
        Step::NAdam {
            ahead: T::of(at.setting.rate * (1.0 - now) / (1.0 - *product)),
            rate: T::of(at.setting.rate * next / (1.0 - *product * next)),
            beta1: T::of(beta1),
            beta2: T::of(c.beta2),
            root: T::of(1.0 / corrected(c.beta2, at.step).sqrt()),
            eps: T::of(c.eps),
        }
    }

    pub(super) fn radam(c: RAdam, at: &At) -> Step<T> {
        let beta1 = at.momentum(c.beta1);
        let correction = corrected(c.beta2, at.step);
        let longest = 2.0 / (1.0 - c.beta2) - 1.0;
        let length = longest - 2.0 * at.step as f64 * power(c.beta2, at.step) / correction;
        let rate = at.setting.rate / corrected(beta1, at.step);
        let (rate, root, eps) = if length > 5.0 {
            let square = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
            (rate * square.sqrt() * correction.sqrt(), 1.0, c.eps)
        } else {
            (rate, 0.0, 1.0)
        };
        Step::Adam {
            rate: T::of(rate),
            beta1: T::of(beta1),
            beta2: T::of(c.beta2),
            root: T::of(root),
            eps: T::of(eps),
            amsgrad: false,
        }
    }

    pub(super) fn adamax(c: Adamax, at: &At) -> Step<T> {
        let beta1 = at.momentum(c.beta1);
        Step::Adamax {
            rate: T::of(at.setting.rate / corrected(beta1, at.step)),
            beta1: T::of(beta1),
            beta2: T::of(c.beta2),
            eps: T::of(c.eps),
        }
    }

    pub(super) fn rmsprop(c: RMSprop, at: &At) -> Step<T> {
        Step::RMSprop {
            rate: T::of(at.setting.rate),
            alpha: T::of(c.alpha),
            eps: T::of(c.eps),
            momentum: T::of(if c.momentum > 0.0 { at.momentum(c.momentum) } else { 0.0 }),
            centered: c.centered,
        }
    }

    pub(super) fn adagrad(c: Adagrad, at: &At) -> Step<T> {
        let rate = at.setting.rate / (1.0 + (at.step - 1) as f64 * c.lr_decay);
        Step::Adagrad { rate: T::of(rate), eps: T::of(c.eps) }
    }
}

/// `base` to the power of `n`, by squaring: the same bits everywhere, which a library's `pow` does not promise.
pub(super) fn power(mut base: f64, mut n: u64) -> f64 {
    let mut result = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            result *= base;
        }
        base *= base;
        n >>= 1;
    }
    result
}

/// What draws a parameter towards 0, beside its gradient.
#[derive(Debug, Clone, Copy)]
pub struct Shrink<T> {
    /// Times the parameter, is added to its gradient.
    pub l2: T,
    /// By what the parameter is multiplied before the step.
    pub keep: T,
    /// λ, for rules that decay elsewhere than at the parameter.
    pub decay: T,
}

impl<T: Real> Shrink<T> {
    /// For weights, where the effective rate is `rate`.
    pub(super) fn of(at: &At, rate: f64) -> Shrink<T> {
        Shrink { l2: T::of(at.l2), keep: T::of(1.0 - rate * at.decay), decay: T::of(at.decay) }
    }

    /// Nothing, as for biases.
    pub const fn none() -> Shrink<T> {
        Shrink { l2: T::ZERO, keep: T::ONE, decay: T::ZERO }
    }
}

/// NaN stays NaN.
#[inline(always)]
pub(super) fn absolute<T: Real>(x: T) -> T {
    if x < T::ZERO { -x } else { x }
}

/// 0 and NaN stay what they are.
#[inline(always)]
fn sign<T: Real>(x: T) -> T {
    let below = if x < T::ZERO { -T::ONE } else { x };
    if x > T::ZERO { T::ONE } else { below }
}

/// The second where they cannot be compared.
#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// How RMSprop divides, given the mean square and, where it is taken off, the mean.
#[inline(always)]
fn divided<T: Real>(g: T, square: T, mean: Option<T>, eps: T) -> T {
    let square = mean.map_or(square, |mean| (-mean).fused(mean, square));
    g / (square.root() + eps)
}

vectorised! {
    /// Steps `weights` and gives their sum of squares before the step.
    fn sweep[simd](
        step: Step<T>,
        shrink: Shrink<T>,
        weights: &'a mut [T],
        gradients: &'a [T],
        slots: [&'a mut [T]; SLOTS],
    ) -> f64 {
        let Shrink { l2, keep, decay } = shrink;
        let [a, b, c, _] = slots;
        match step {
            Step::Plain { rate } => each(simd, weights, gradients, [], |w, g, _| {
                (-rate).fused(l2.fused(w, g), w * keep)
            }),
            Step::Momentum { rate, momentum, share, nesterov } => {
                each(simd, weights, gradients, [a], |w, g, [v]| {
                    let g = l2.fused(w, g);
                    *v = momentum.fused(*v, share * g);
                    (-rate).fused(if nesterov { momentum.fused(*v, g) } else { *v }, w * keep)
                })
            }
            Step::Velocity { rate, momentum, nesterov } => each(simd, weights, gradients, [a], |w, g, [v]| {
                let pull = -rate * l2.fused(w, g);
                *v = momentum.fused(*v, pull);
                w + if nesterov { momentum.fused(*v, pull) } else { *v }
            }),
            Step::Adam { rate, beta1, beta2, root, eps, amsgrad } => {
                let (rest1, rest2) = (T::ONE - beta1, T::ONE - beta2);
                if amsgrad {
                    each(simd, weights, gradients, [a, b, c], |w, g, [m, v, top]| {
                        let g = l2.fused(w, g);
                        *m = beta1.fused(*m, rest1 * g);
                        *v = beta2.fused(*v, rest2 * g * g);
                        *top = larger(*top, *v);
                        w * keep - rate * *m / root.fused(top.root(), eps)
                    })
                } else {
                    each(simd, weights, gradients, [a, b], |w, g, [m, v]| {
                        let g = l2.fused(w, g);
                        *m = beta1.fused(*m, rest1 * g);
                        *v = beta2.fused(*v, rest2 * g * g);
                        w * keep - rate * *m / root.fused(v.root(), eps)
                    })
                }
            }
            Step::NAdam { ahead, rate, beta1, beta2, root, eps } => {
                let (rest1, rest2) = (T::ONE - beta1, T::ONE - beta2);
                each(simd, weights, gradients, [a, b], |w, g, [m, v]| {
                    let g = l2.fused(w, g);
                    *m = beta1.fused(*m, rest1 * g);
                    *v = beta2.fused(*v, rest2 * g * g);
                    w * keep - rate.fused(*m, ahead * g) / root.fused(v.root(), eps)
                })
            }
            Step::Adamax { rate, beta1, beta2, eps } => {
                let rest1 = T::ONE - beta1;
                each(simd, weights, gradients, [a, b], |w, g, [m, u]| {
                    let g = l2.fused(w, g);
                    *m = beta1.fused(*m, rest1 * g);
                    *u = larger(beta2 * *u, absolute(g) + eps);
                    w * keep - rate * *m / *u
                })
            }
            Step::RMSprop { rate, alpha, eps, momentum, centered } => {
                let rest = T::ONE - alpha;
                // Which slots there are depends on the constants: v, then ḡ, then b.
                let buffered = if centered { !c.is_empty() } else { !b.is_empty() };
                match (centered, buffered) {
                    (false, false) => each(simd, weights, gradients, [a], |w, g, [v]| {
                        let g = l2.fused(w, g);
                        *v = alpha.fused(*v, rest * g * g);
                        (-rate).fused(divided(g, *v, None, eps), w * keep)
                    }),
                    (false, true) => each(simd, weights, gradients, [a, b], |w, g, [v, buffer]| {
                        let g = l2.fused(w, g);
                        *v = alpha.fused(*v, rest * g * g);
                        *buffer = momentum.fused(*buffer, divided(g, *v, None, eps));
                        (-rate).fused(*buffer, w * keep)
                    }),
                    (true, false) => each(simd, weights, gradients, [a, b], |w, g, [v, mean]| {
                        let g = l2.fused(w, g);
                        *v = alpha.fused(*v, rest * g * g);
                        *mean = alpha.fused(*mean, rest * g);
                        (-rate).fused(divided(g, *v, Some(*mean), eps), w * keep)
                    }),
                    (true, true) => each(simd, weights, gradients, [a, b, c], |w, g, [v, mean, buffer]| {
                        let g = l2.fused(w, g);
                        *v = alpha.fused(*v, rest * g * g);
                        *mean = alpha.fused(*mean, rest * g);
                        *buffer = momentum.fused(*buffer, divided(g, *v, Some(*mean), eps));
                        (-rate).fused(*buffer, w * keep)
                    }),
                }
            }
            Step::Adagrad { rate, eps } => each(simd, weights, gradients, [a], |w, g, [sum]| {
                let g = l2.fused(w, g);
                *sum = g.fused(g, *sum);
                w * keep - rate * g / (sum.root() + eps)
            }),
            Step::Adadelta { rate, rho, eps } => {
                let rest = T::ONE - rho;
                each(simd, weights, gradients, [a, b], |w, g, [v, u]| {
                    let g = l2.fused(w, g);
                    *v = rho.fused(*v, rest * g * g);
                    let delta = (*u + eps).root() / (*v + eps).root() * g;
                    *u = rho.fused(*u, rest * delta * delta);
                    (-rate).fused(delta, w * keep)
                })
            }
            Step::Lion { rate, beta1, beta2 } => {
                let (rest1, rest2) = (T::ONE - beta1, T::ONE - beta2);
                each(simd, weights, gradients, [a], |w, g, [m]| {
                    let g = l2.fused(w, g);
                    let way = sign(beta1.fused(*m, rest1 * g));
                    *m = beta2.fused(*m, rest2 * g);
                    (-rate).fused(way, w * keep)
                })
            }
            Step::ScheduleFree { share, adam: None } => {
                each(simd, weights, gradients, [a, b], |w, g, [z, x]| {
                    share.moved(decay.fused(w, l2.fused(w, g)), z, x)
                })
            }
            Step::ScheduleFree { share, adam: Some((beta2, root, eps)) } => {
                let rest2 = T::ONE - beta2;
                each(simd, weights, gradients, [a, b, c], |w, g, [z, x, v]| {
                    let g = l2.fused(w, g);
                    *v = beta2.fused(*v, rest2 * g * g);
                    share.moved(decay.fused(w, g / root.fused(v.root(), eps)), z, x)
                })
            }
        }
    }
}

/// Applies `rule` to all: weight, gradient and slots give the new weight. Gives the sum of the squares of the old weights.
#[inline(always)]
pub(super) fn each<T: Real, S: Simd, const N: usize>(
    simd: S,
    weights: &mut [T],
    gradients: &[T],
    slots: [&mut [T]; N],
    rule: impl Fn(T, T, &mut [T; N]) -> T,
) -> f64 {
    match LANES / T::lanes::<S>() {
        2 => each_in::<T, S, N, 2>(simd, weights, gradients, slots, rule),
        4 => each_in::<T, S, N, 4>(simd, weights, gradients, slots, rule),
        8 => each_in::<T, S, N, 8>(simd, weights, gradients, slots, rule),
        16 => each_in::<T, S, N, 16>(simd, weights, gradients, slots, rule),
        _ => each_in::<T, S, N, LANES>(simd, weights, gradients, slots, rule),
    }
}

/// The same, with the sums in `R` registers: named as such, or the compiler leaves them in memory, where each turn waits for what the one
/// before has written. In a loop of their own they would keep the divider waiting.
// Counted loops over constants, which the compiler unrolls.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn each_in<T: Real, S: Simd, const N: usize, const R: usize>(
    simd: S,
    weights: &mut [T],
    gradients: &[T],
    mut slots: [&mut [T]; N],
    rule: impl Fn(T, T, &mut [T; N]) -> T,
) -> f64 {
    let mut total = 0.0;
    for (from, w) in (0..).step_by(BLOCK).zip(weights.chunks_mut(BLOCK)) {
        let g = &gradients[from..from + w.len()];
        let mut slots = slots.each_mut().map(|slot| &mut slot[from..from + w.len()]);
        let whole = w.len() / LANES * LANES;
        let mut sums = [T::splat(simd, T::ZERO); R];
        for at in (0..whole).step_by(LANES) {
            let w = &mut w[at..at + LANES];
            let registers = T::split::<S>(w).0;
            for r in 0..R {
                sums[r] = T::mul_add(simd, registers[r], registers[r], sums[r]);
            }
            let slots = slots.each_mut().map(|slot| &mut slot[at..at + LANES]);
            apply(w, &g[at..at + LANES], slots, &rule);
        }
        total += added::<T, S, R>(sums, &w[whole..]);
        apply(&mut w[whole..], &g[whole..], slots.map(|slot| &mut slot[whole..]), &rule);
    }
    total
}

/// Applies `rule` to slices of one length.
// Counted loops, or it would not be vectorised.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn apply<T: Real, const N: usize>(
    weights: &mut [T],
    gradients: &[T],
    slots: [&mut [T]; N],
    rule: &impl Fn(T, T, &mut [T; N]) -> T,
) {
    for i in 0..weights.len() {
        let mut own = [T::ZERO; N];
        for k in 0..N {
            own[k] = slots[k][i];
        }
        weights[i] = rule(weights[i], gradients[i], &mut own);
        for k in 0..N {
            slots[k][i] = own[k];
        }
    }
}

/// The sum of the squares of a block, in [`LANES`] sums that are added in 64 bits.
#[inline(always)]
pub(super) fn squares<T: Real, S: Simd>(simd: S, block: &[T]) -> f64 {
    match LANES / T::lanes::<S>() {
        2 => squares_in::<T, S, 2>(simd, block),
        4 => squares_in::<T, S, 4>(simd, block),
        8 => squares_in::<T, S, 8>(simd, block),
        16 => squares_in::<T, S, 16>(simd, block),
        _ => squares_in::<T, S, LANES>(simd, block),
    }
}

/// The same in `R` registers.
#[inline(always)]
fn squares_in<T: Real, S: Simd, const R: usize>(simd: S, block: &[T]) -> f64 {
    let (whole, rest) = block.split_at(block.len() / LANES * LANES);
    let mut sums = [T::splat(simd, T::ZERO); R];
    for registers in T::split::<S>(whole).0.as_chunks::<R>().0 {
        for r in 0..R {
            sums[r] = T::mul_add(simd, registers[r], registers[r], sums[r]);
        }
    }
    added::<T, S, R>(sums, rest)
}

/// [`LANES`] sums of squares, those of the numbers that are left taken in.
#[inline(always)]
fn added<T: Real, S: Simd, const R: usize>(sums: [T::Lanes<S>; R], rest: &[T]) -> f64 {
    let mut parts = [T::ZERO; LANES];
    for (part, sum) in T::split_mut::<S>(&mut parts).0.iter_mut().zip(sums) {
        *part = sum;
    }
    for (part, value) in parts.iter_mut().zip(rest) {
        *part = value.fused(*value, *part);
    }
    parts.iter().map(|part| part.wide()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_by_squaring() {
        for (base, n) in [(0.9, 1u64), (0.999, 1000), (0.5, 10), (0.0, 3), (0.999, 123_456_789)] {
            assert!((power(base, n) - f64::powf(base, n as f64)).abs() < 1e-12);
        }
        assert_eq!(power(0.3, 0), 1.0);
    }

    #[test]
    fn what_is_no_number_stays_none() {
        assert!(sign(f64::NAN).is_nan() && absolute(f64::NAN).is_nan() && larger(1.0, f64::NAN).is_nan());
        assert_eq!((sign(0.0), sign(-3.0), sign(2.0), absolute(-2.0), larger(3.0, 2.0)), (0.0, -1.0, 1.0, 2.0, 3.0));
    }
}
