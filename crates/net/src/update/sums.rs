//! Sums over whole vectors, in one order on every instruction set.

use crate::passes::vectorised;
use crate::real::Real;
use pulp::{Arch, Simd, WithSimd};

/// Partial sums, each in 64 bits.
const LANES: usize = 16;

/// Sums `term` over pairs of equal place.
#[inline(always)]
fn summed<T: Real>(a: &[T], b: &[T], term: impl Fn(T, T, f64) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_groups, b_groups) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_groups.remainder(), b_groups.remainder());
    for (a, b) in a_groups.zip(b_groups) {
        for i in 0..LANES {
            sums[i] = term(a[i], b[i], sums[i]);
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum = term(*a, *b, *sum);
    }
    sums.iter().sum()
}

vectorised! {
    /// ⟨a, b⟩.
    fn dot(a: &'a [T], b: &'a [T]) -> f64 {
        summed(a, b, |a, b, sum| a.wide().mul_add(b.wide(), sum))
    }

    /// ‖a‖₁.
    fn norm1(a: &'a [T]) -> f64 {
        summed(a, a, |a, _, sum| sum + a.wide().abs())
    }

    /// The largest |a|; NaN where there is one.
    fn largest(a: &'a [T]) -> f64 {
        a.iter().map(|a| a.wide().abs()).fold(0.0, |top: f64, a| if a > top || a.is_nan() { a } else { top })
    }

    /// `to` += factor·`from`.
    fn add(factor: T, from: &'a [T], to: &'a mut [T]) -> () {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = factor.fused(*from, *to));
    }

    /// `to` = factor·`from`.
    fn scale(factor: T, from: &'a [T], to: &'a mut [T]) -> () {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = factor * *from);
    }

    /// `to` = `from` + factor·`way`.
    fn along(from: &'a [T], factor: T, way: &'a [T], to: &'a mut [T]) -> () {
        for ((to, from), way) in to.iter_mut().zip(from).zip(way) {
            *to = factor.fused(*way, *from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::arches;

    #[test]
    fn sums_are_sums() {
        let a: Vec<f32> = (0..37).map(|i| i as f32 - 20.0).collect();
        let b: Vec<f32> = (0..37).map(|i| (i % 5) as f32).collect();
        let truth: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(a * b)).sum();
        for arch in arches() {
            assert_eq!((dot(arch, &a, &b), norm1(arch, &a), largest(arch, &a)), (truth, 346.0, 20.0));
        }
        let (arch, mut to) = (Arch::new(), b.clone());
        add(arch, 2.0, &a, &mut to);
        assert_eq!((to[0], to[36]), (-40.0, 33.0));
        along(arch, &a, -1.0, &b, &mut to);
        assert_eq!((to[0], to[36]), (-20.0, 15.0));
        scale(arch, 3.0, &a, &mut to);
        assert_eq!((to[0], to[36]), (-60.0, 48.0));
        assert!(largest(arch, &[1.0, f64::NAN, 2.0]).is_nan());
    }
}
