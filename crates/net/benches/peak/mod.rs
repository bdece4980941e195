//! What the processor can do at most: fused multiply-adds in registers.

use opportune_net::Real;
use pulp::{Simd, WithSimd};
use std::hint::black_box;

/// Chains of fused multiply-adds that depend on nothing but themselves: twelve are enough to fill the pipes. Gives the number of
/// operations, of which each is two.
pub struct Peak<T>(pub T);

const CHAINS: usize = 12;
const TURNS: usize = 1000;

impl<T: Real> WithSimd for Peak<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (factor, summand) = (T::splat(simd, black_box(self.0)), T::splat(simd, T::ONE));
        let mut chains = [T::splat(simd, T::ONE); CHAINS];
        for _ in 0..TURNS {
            for chain in &mut chains {
                *chain = T::mul_add(simd, *chain, factor, summand);
            }
        }
        black_box(chains);
        2 * CHAINS * TURNS * T::lanes::<S>()
    }
}
