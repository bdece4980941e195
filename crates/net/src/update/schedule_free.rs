//! Schedule-Free learning (Defazio et al. 2024): plain steps of z, their running average x, and gradients at y between the
//! two.
//!
//! While an epoch is trained the network's parameters are y, and z and x are slots. What is judged, averaged and saved is
//! x: between epochs x and y change places, so that y is kept to the bit.

use super::At;
use super::elementwise::{Step, corrected, power};
use crate::real::Real;
use opportune_core::optimizer::{ScheduleFreeAdamW, ScheduleFreeSgd};

/// The slot of x while an epoch is trained, of y between epochs.
pub(super) const AVERAGE: usize = 1;

/// Sum of the weights of the average, and the largest rate so far.
pub(super) const SCALARS: usize = 2;

/// The constants of a step that both kinds have.
#[derive(Debug, Clone, Copy)]
pub struct Share<T> {
    rate: T,
    /// How far x goes to z, and what is left of it.
    share: T,
    rest: T,
    /// How near y is to x, and how near to z.
    beta: T,
    other: T,
}

impl<T: Real> Share<T> {
    fn new(at: &At, beta: f64, (r, weight_lr_power): (f64, f64), scalars: &mut [f64]) -> Share<T> {
        let [sum, largest] = scalars else { return Share::none() };
        *largest = largest.max(at.setting.rate);
        let weight = raised(at.step as f64, r) * raised(*largest, weight_lr_power);
        *sum += weight;
        // A warmup that begins at a rate of 0 has no weight yet.
        let share = if *sum > 0.0 { weight / *sum } else { 0.0 };
        Share {
            rate: T::of(at.setting.rate),
            share: T::of(share),
            rest: T::of(1.0 - share),
            beta: T::of(beta),
            other: T::of(1.0 - beta),
        }
    }

    const fn none() -> Share<T> {
        Share { rate: T::ZERO, share: T::ZERO, rest: T::ONE, beta: T::ONE, other: T::ZERO }
    }

    /// Moves z against `way` and x to z, and gives y.
    #[inline(always)]
    pub(super) fn moved(self, way: T, z: &mut T, x: &mut T) -> T {
        *z = (-self.rate).fused(way, *z);
        *x = self.share.fused(*z, self.rest * *x);
        self.beta.fused(*x, self.other * *z)
    }
}

/// `base` to the power of `exponent`; whole powers have the same bits everywhere.
fn raised(base: f64, exponent: f64) -> f64 {
    if exponent.fract() == 0.0 && exponent < 64.0 { power(base, exponent as u64) } else { base.powf(exponent) }
}

impl<T: Real> Step<T> {
    pub(super) fn schedule_free_sgd(c: ScheduleFreeSgd, at: &At, scalars: &mut [f64]) -> Step<T> {
        Step::ScheduleFree { share: Share::new(at, c.momentum, (c.r, c.weight_lr_power), scalars), adam: None }
    }

    pub(super) fn schedule_free_adamw(c: ScheduleFreeAdamW, at: &At, scalars: &mut [f64]) -> Step<T> {
        let root = 1.0 / corrected(c.beta2, at.step).sqrt();
        Step::ScheduleFree {
            share: Share::new(at, c.beta1, (c.r, c.weight_lr_power), scalars),
            adam: Some((T::of(c.beta2), T::of(root), T::of(c.eps))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::schedule::Setting;

    #[test]
    fn the_average_of_steps_of_one_rate_is_their_mean() {
        let (mut scalars, mut z, mut x) = ([0.0; 2], 1.0, 1.0);
        let mut all = Vec::new();
        for step in 1..=5 {
            let at = At { setting: Setting { rate: 0.1, momentum: None }, step, l2: 0.0, decay: 0.0, loss: 0.0 };
            let share = Share::<f64>::new(&at, 0.9, (0.0, 2.0), &mut scalars);
            let y = share.moved(step as f64, &mut z, &mut x);
            all.push(z);
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            assert!((x - mean).abs() < 1e-14 && (y - (0.1 * z + 0.9 * x)).abs() < 1e-14);
        }
        assert!((raised(2.0, 0.5) - 2f64.sqrt()).abs() < 1e-15 && raised(3.0, 2.0) == 9.0 && raised(0.0, 0.0) == 1.0);
    }
}
