//! One optimizer step over a range of parameters, in one pass.
//!
//! Forms and constants are PyTorch's: Adam's ε stands outside the corrected root, and where a schedule cycles β1, the
//! correction is 1 − β1ᵗ with the β1 of the moment. Decoupled weight decay and the L2 penalty act on weights; biases
//! are free of both.

use crate::passes::vectorised;
use crate::real::Real;
use opportune_core::optimizer::Optimizer;
use opportune_core::schedule::Setting;
use pulp::{Arch, Simd, WithSimd};

/// Lanes of the sum of squares; see [`crate::passes`].
const LANES: usize = 16;

/// Numbers summed in their own width before they go to 64 bits.
const BLOCK: usize = 64 * LANES;

/// The constants of one step, in the width of the parameters.
#[derive(Debug, Clone, Copy)]
pub enum Step<T> {
    /// θ −= rate·g.
    Plain {
        /// The rate.
        rate: T,
    },
    /// v ← μv + g; θ −= rate·v, or rate·(g + μv).
    Momentum {
        /// The rate.
        rate: T,
        /// μ.
        momentum: T,
        /// Whether the step looks ahead.
        nesterov: bool,
    },
    /// m and v are running means; θ −= rate·m/(root·√v + ε).
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
    },
}

impl<T: Real> Step<T> {
    /// The constants of step `step`, counted from 1.
    pub fn new(optimizer: &Optimizer, setting: Setting, step: u64) -> Step<T> {
        match *optimizer {
            Optimizer::Sgd { momentum: 0.0, .. } => Step::Plain { rate: T::of(setting.rate) },
            Optimizer::Sgd { momentum, nesterov } => Step::Momentum {
                rate: T::of(setting.rate),
                momentum: T::of(setting.momentum.unwrap_or(momentum)),
                nesterov,
            },
            Optimizer::Adam(constants) | Optimizer::AdamW(constants) => {
                let beta1 = setting.momentum.unwrap_or(constants.beta1);
                Step::Adam {
                    rate: T::of(setting.rate / (1.0 - power(beta1, step))),
                    beta1: T::of(beta1),
                    beta2: T::of(constants.beta2),
                    root: T::of(1.0 / (1.0 - power(constants.beta2, step)).sqrt()),
                    eps: T::of(constants.eps),
                }
            }
        }
    }
}

/// `base` to the power of `n`, by squaring: the same bits everywhere, which a library's `pow` does not promise.
fn power(mut base: f64, mut n: u64) -> f64 {
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
}

impl<T: Real> Shrink<T> {
    /// Nothing, as for biases.
    pub const fn none() -> Shrink<T> {
        Shrink { l2: T::ZERO, keep: T::ONE }
    }
}

/// How many numbers an optimizer keeps for each parameter.
pub fn moments(optimizer: &Optimizer) -> usize {
    match *optimizer {
        Optimizer::Sgd { momentum, .. } => usize::from(momentum > 0.0),
        Optimizer::Adam(_) | Optimizer::AdamW(_) => 2,
    }
}

vectorised! {
    /// Steps `weights` and gives their sum of squares before the step. `first` and `second` are the moments, empty where
    /// there are none.
    fn sweep(
        step: Step<T>,
        shrink: Shrink<T>,
        weights: &'a mut [T],
        gradients: &'a [T],
        first: &'a mut [T],
        second: &'a mut [T],
    ) -> f64 {
        let Shrink { l2, keep } = shrink;
        match step {
            Step::Plain { rate } => over(weights, gradients, &mut [], &mut [], |w, g, _, _| {
                (-rate).fused(l2.fused(w, g), w * keep)
            }),
            Step::Momentum { rate, momentum, nesterov } => over(weights, gradients, first, &mut [], |w, g, v, _| {
                let g = l2.fused(w, g);
                *v = momentum.fused(*v, g);
                (-rate).fused(if nesterov { momentum.fused(*v, g) } else { *v }, w * keep)
            }),
            Step::Adam { rate, beta1, beta2, root, eps } => {
                let (rest1, rest2) = (T::ONE - beta1, T::ONE - beta2);
                over(weights, gradients, first, second, |w, g, m, v| {
                    let g = l2.fused(w, g);
                    *m = beta1.fused(*m, rest1 * g);
                    *v = beta2.fused(*v, rest2 * g * g);
                    w * keep - rate * *m / root.fused(v.root(), eps)
                })
            }
        }
    }
}

/// Applies `rule` (weight, gradient, moments: the new weight) to all, and sums the squares of the old weights.
#[inline(always)]
fn over<T: Real>(
    weights: &mut [T],
    gradients: &[T],
    first: &mut [T],
    second: &mut [T],
    rule: impl Fn(T, T, &mut T, &mut T) -> T + Copy,
) -> f64 {
    let mut total = 0.0;
    let (mut first, mut second) = (first.chunks_mut(BLOCK), second.chunks_mut(BLOCK));
    for (w, g) in weights.chunks_mut(BLOCK).zip(gradients.chunks(BLOCK)) {
        // Rules without moments get stand-ins, which the compiler removes.
        let mut none = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
        let n = w.len();
        let (m, v) = (first.next().unwrap_or(&mut none.0[..n]), second.next().unwrap_or(&mut none.1[..n]));
        total += block(w, g, m, v, rule);
    }
    total
}

#[inline(always)]
fn block<T: Real>(w: &mut [T], g: &[T], m: &mut [T], v: &mut [T], rule: impl Fn(T, T, &mut T, &mut T) -> T) -> f64 {
    let n = w.len();
    let (g, m, v) = (&g[..n], &mut m[..n], &mut v[..n]);
    let mut squares = [T::ZERO; LANES];
    let whole = n - n % LANES;
    for at in (0..whole).step_by(LANES) {
        let (w, g) = (&mut w[at..at + LANES], &g[at..at + LANES]);
        let (m, v) = (&mut m[at..at + LANES], &mut v[at..at + LANES]);
        for i in 0..LANES {
            squares[i] = w[i].fused(w[i], squares[i]);
            w[i] = rule(w[i], g[i], &mut m[i], &mut v[i]);
        }
    }
    for i in whole..n {
        squares[i % LANES] = w[i].fused(w[i], squares[i % LANES]);
        w[i] = rule(w[i], g[i], &mut m[i], &mut v[i]);
    }
    squares.iter().map(|square| square.wide()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::optimizer::AdamConstants;

    /// The textbook, one number at a time and nothing shared with the code above.
    fn by_hand(optimizer: Optimizer, settings: &[Setting], (l2, decay): (f64, f64), mut w: f64, g: &[f64]) -> f64 {
        let (mut m, mut v) = (0.0, 0.0);
        for (t, (setting, g)) in settings.iter().zip(g).enumerate() {
            let g = g + l2 * w;
            w -= setting.rate * decay * w;
            match optimizer {
                Optimizer::Sgd { momentum, nesterov } => {
                    let momentum = setting.momentum.unwrap_or(momentum);
                    v = momentum * v + g;
                    w -= setting.rate * if nesterov { g + momentum * v } else { v };
                }
                Optimizer::Adam(c) | Optimizer::AdamW(c) => {
                    let beta1 = setting.momentum.unwrap_or(c.beta1);
                    m = beta1 * m + (1.0 - beta1) * g;
                    v = c.beta2 * v + (1.0 - c.beta2) * g * g;
                    let t = t as i32 + 1;
                    let m_hat = m / (1.0 - beta1.powi(t));
                    let v_hat = v / (1.0 - c.beta2.powi(t));
                    w -= setting.rate * m_hat / (v_hat.sqrt() + c.eps);
                }
            }
        }
        w
    }

    fn optimizers() -> [Optimizer; 6] {
        let odd = AdamConstants { beta1: 0.8, beta2: 0.95, eps: 1e-3 };
        [
            Optimizer::Sgd { momentum: 0.0, nesterov: false },
            Optimizer::Sgd { momentum: 0.9, nesterov: false },
            Optimizer::Sgd { momentum: 0.9, nesterov: true },
            Optimizer::Adam(AdamConstants::default()),
            Optimizer::Adam(odd),
            Optimizer::AdamW(odd),
        ]
    }

    fn check<T: Real>(tolerance: f64) {
        // Longer than a block, with a rest behind the last whole lanes.
        let n = BLOCK + 37;
        let start: Vec<f64> = (0..n).map(|i| ((i * 37 % 101) as f64 - 50.0) / 50.0).collect();
        let gradient = |t: usize, i: usize| ((i * 13 + t * 29) % 97) as f64 / 97.0 - 0.4;
        for optimizer in optimizers() {
            for cycled in [false, true] {
                if cycled && !optimizer.has_momentum() {
                    continue;
                }
                let settings: Vec<Setting> = (0..5u32)
                    .map(|t| Setting {
                        rate: 0.1 / f64::from(t + 1),
                        momentum: cycled.then_some(0.5 + 0.05 * f64::from(t)),
                    })
                    .collect();
                let (l2, decay) = (0.01, 0.1);
                let mut w: Vec<T> = start.iter().map(|&w| T::of(w)).collect();
                let moments = moments(&optimizer);
                let mut m = vec![T::ZERO; if moments > 0 { n } else { 0 }];
                let mut v = vec![T::ZERO; if moments > 1 { n } else { 0 }];
                for (t, setting) in settings.iter().enumerate() {
                    let g: Vec<T> = (0..n).map(|i| T::of(gradient(t, i))).collect();
                    let step = Step::new(&optimizer, *setting, t as u64 + 1);
                    let shrink = Shrink { l2: T::of(l2), keep: T::of(1.0 - setting.rate * decay) };
                    let before: f64 = w.iter().map(|w| w.wide() * w.wide()).sum();
                    let squares = sweep(Arch::new(), step, shrink, &mut w, &g, &mut m, &mut v);
                    assert!((squares - before).abs() < tolerance * before.max(1.0), "{squares} is not {before}");
                }
                for i in 0..n {
                    let g: Vec<f64> = (0..settings.len()).map(|t| gradient(t, i)).collect();
                    let truth = by_hand(optimizer, &settings, (l2, decay), start[i], &g);
                    assert!((w[i].wide() - truth).abs() < tolerance, "{optimizer}: {:?} is not {truth}", w[i]);
                }
            }
        }
    }

    #[test]
    fn steps_are_those_of_the_textbook() {
        check::<f64>(1e-12);
        check::<f32>(1e-5);
    }

    #[test]
    fn powers_by_squaring() {
        for (base, n) in [(0.9, 1u64), (0.999, 1000), (0.5, 10), (0.0, 3), (0.999, 123_456_789)] {
            assert!((power(base, n) - f64::powf(base, n as f64)).abs() < 1e-12);
        }
        assert_eq!(power(0.3, 0), 1.0);
    }
}
