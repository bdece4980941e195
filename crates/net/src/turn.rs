//! Transposition, eight rows by eight columns at a time in registers.

use crate::passes::vectorised;
use crate::real::Real;
use pulp::{Arch, Simd, WithSimd};

/// Rows and columns of a block.
pub(crate) const SIDE: usize = 8;

vectorised! {
    /// Transposes rows of `stride` numbers into rows of `out_stride`, one for each of the first columns, as many as there are such
    /// rows.
    fn turn[simd](matrix: &'a [T], stride: usize, out: &'a mut [T], out_stride: usize) -> () {
        turn_on(simd, matrix, stride, out, out_stride);
    }
}

/// The same, to be compiled with what calls it.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
pub(crate) fn turn_on<T: Real, S: Simd>(simd: S, matrix: &[T], stride: usize, out: &mut [T], out_stride: usize) {
    let (rows, columns) = (matrix.len().div_ceil(stride), out.len().div_ceil(out_stride).min(stride));
    // Two blocks of rows before the next columns: whole lines of memory are written, and columns that fall into the same part of
    // the cache do not drive each other out.
    for pair in (0..rows).step_by(2 * SIDE) {
        for column in (0..columns).step_by(SIDE) {
            for row in (pair..rows.min(pair + 2 * SIDE)).step_by(SIDE) {
                let from = &matrix[row * stride + column..];
                let to = &mut out[column * out_stride + row..];
                let (rows, columns) = (SIDE.min(rows - row), SIDE.min(columns - column));
                // Of too few columns those behind are read as well, if there is anything, and not written.
                if rows == SIDE && from.len() >= (SIDE - 1) * stride + SIDE {
                    // Loops: made by `from_fn`, the block may become a call that copies it.
                    let mut block = [[T::ZERO; SIDE]; SIDE];
                    for row in 0..SIDE {
                        block[row].copy_from_slice(&from[row * stride..][..SIDE]);
                    }
                    let turned = T::turn(simd, block);
                    for column in 0..columns {
                        to[column * out_stride..][..SIDE].copy_from_slice(&turned[column]);
                    }
                } else {
                    for column in 0..columns {
                        for row in 0..rows {
                            to[column * out_stride + row] = from[row * stride + column];
                        }
                    }
                }
            }
        }
    }
}

/// One number after another, where there is no instruction for it.
#[inline(always)]
fn one_by_one<T: Copy>(block: [[T; SIDE]; SIDE]) -> [[T; SIDE]; SIDE] {
    std::array::from_fn(|column| std::array::from_fn(|row| block[row][column]))
}

#[cfg(not(target_arch = "x86_64"))]
mod by_width {
    use super::{SIDE, one_by_one};
    use pulp::Simd;

    #[inline(always)]
    pub(crate) fn turn_f32<S: Simd>(_: S, block: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
        one_by_one(block)
    }

    #[inline(always)]
    pub(crate) fn turn_f64<S: Simd>(_: S, block: [[f64; SIDE]; SIDE]) -> [[f64; SIDE]; SIDE] {
        one_by_one(block)
    }
}

/// Compilers make of a transposition one move for each number; these are 24 and 32 for all 64.
#[cfg(target_arch = "x86_64")]
mod by_width {
    use super::{SIDE, one_by_one};
    use pulp::core_arch::x86::Avx;
    use pulp::x86::{V3, V4};
    use pulp::{Simd, cast};
    use std::any::Any;
    use std::arch::x86_64::{__m256, __m256d};

    /// Known when it is compiled.
    #[inline(always)]
    fn avx<S: Simd>(simd: S) -> Option<Avx> {
        let simd: &dyn Any = &simd;
        if let Some(v3) = simd.downcast_ref::<V3>() {
            return Some(v3.avx);
        }
        simd.downcast_ref().map(|v4: &V4| v4.avx)
    }

    // No closures from here on: they would not be compiled for the instructions that they call.

    #[inline(always)]
    pub(crate) fn turn_f32<S: Simd>(simd: S, block: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
        let Some(avx) = avx(simd) else { return one_by_one(block) };
        let [a, b, c, d, e, f, g, h] = block;
        let upper = fours_f32(avx, cast(a), cast(b), cast(c), cast(d));
        let lower = fours_f32(avx, cast(e), cast(f), cast(g), cast(h));
        [
            cast(avx._mm256_permute2f128_ps::<0x20>(upper[0], lower[0])),
            cast(avx._mm256_permute2f128_ps::<0x20>(upper[1], lower[1])),
            cast(avx._mm256_permute2f128_ps::<0x20>(upper[2], lower[2])),
            cast(avx._mm256_permute2f128_ps::<0x20>(upper[3], lower[3])),
            cast(avx._mm256_permute2f128_ps::<0x31>(upper[0], lower[0])),
            cast(avx._mm256_permute2f128_ps::<0x31>(upper[1], lower[1])),
            cast(avx._mm256_permute2f128_ps::<0x31>(upper[2], lower[2])),
            cast(avx._mm256_permute2f128_ps::<0x31>(upper[3], lower[3])),
        ]
    }

    /// Of four rows, those columns that are in the same half of a register.
    #[inline(always)]
    fn fours_f32(avx: Avx, a: __m256, b: __m256, c: __m256, d: __m256) -> [__m256; 4] {
        let (ab, ab2) = (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
        let (cd, cd2) = (avx._mm256_unpacklo_ps(c, d), avx._mm256_unpackhi_ps(c, d));
        [
            avx._mm256_shuffle_ps::<0x44>(ab, cd),
            avx._mm256_shuffle_ps::<0xEE>(ab, cd),
            avx._mm256_shuffle_ps::<0x44>(ab2, cd2),
            avx._mm256_shuffle_ps::<0xEE>(ab2, cd2),
        ]
    }

    #[inline(always)]
    pub(crate) fn turn_f64<S: Simd>(simd: S, block: [[f64; SIDE]; SIDE]) -> [[f64; SIDE]; SIDE] {
        let Some(avx) = avx(simd) else { return one_by_one(block) };
        let [[a, a2], [b, b2], [c, c2], [d, d2], [e, e2], [f, f2], [g, g2], [h, h2]]: [[[f64; 4]; 2]; SIDE] =
            cast(block);
        let (one, two) = (fours_f64(avx, a, b, c, d), fours_f64(avx, e, f, g, h));
        let (three, four) = (fours_f64(avx, a2, b2, c2, d2), fours_f64(avx, e2, f2, g2, h2));
        cast([
            [one[0], two[0]],
            [one[1], two[1]],
            [one[2], two[2]],
            [one[3], two[3]],
            [three[0], four[0]],
            [three[1], four[1]],
            [three[2], four[2]],
            [three[3], four[3]],
        ])
    }

    #[inline(always)]
    fn fours_f64(avx: Avx, a: [f64; 4], b: [f64; 4], c: [f64; 4], d: [f64; 4]) -> [[f64; 4]; 4] {
        let (a, b, c, d): (__m256d, __m256d, __m256d, __m256d) = (cast(a), cast(b), cast(c), cast(d));
        let (ab, ab2) = (avx._mm256_unpacklo_pd(a, b), avx._mm256_unpackhi_pd(a, b));
        let (cd, cd2) = (avx._mm256_unpacklo_pd(c, d), avx._mm256_unpackhi_pd(c, d));
        [
            cast(avx._mm256_permute2f128_pd::<0x20>(ab, cd)),
            cast(avx._mm256_permute2f128_pd::<0x20>(ab2, cd2)),
            cast(avx._mm256_permute2f128_pd::<0x31>(ab, cd)),
            cast(avx._mm256_permute2f128_pd::<0x31>(ab2, cd2)),
        ]
    }
}
pub(crate) use by_width::{turn_f32, turn_f64};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::arches;

    fn check<T: Real>(arch: Arch, rows: usize, columns: usize) {
        let stride = columns + 3;
        let at = |row: usize, column: usize| T::of((row * stride + column) as f64);
        let matrix: Vec<T> = (0..rows * stride).map(|number| T::of(number as f64)).collect();
        let out_stride = rows + 2;
        let mut out = vec![T::of(-1.0); columns * out_stride];
        turn(arch, &matrix, stride, &mut out, out_stride);
        for (column, out) in out.chunks(out_stride).enumerate() {
            let expected: Vec<T> = (0..rows).map(|row| at(row, column)).chain([T::of(-1.0); 2]).collect();
            assert!(out == expected, "{rows} x {columns}, column {column}: {out:?}");
        }
    }

    #[test]
    fn every_number_is_where_it_should_be() {
        for arch in arches() {
            for rows in (1..=20).chain([64, 101]) {
                for columns in (1..=20).chain([64, 101]) {
                    check::<f32>(arch, rows, columns);
                    check::<f64>(arch, rows, columns);
                }
            }
        }
    }
}
