//! Matrix products, in registers. All matrices are row-major.
//!
//! At the sizes that train here (64 to 784 inputs, 10 to 100 units, batches of 200) this is 5 to 25% faster than the
//! `gemm` crate, allocates nothing, and needs no `unsafe`.
//!
//! Every element of a result is one chain of fused multiply-adds over the summed index in ascending order, whatever
//! the tiles: a row's result depends neither on the rows beside it, nor on the width of the registers, nor on blocking.

use crate::real::Real;
use pulp::{Arch, Simd, WithSimd};

/// The left factor, as the inner loop reads it.
#[derive(Clone, Copy)]
pub struct Left<'a, T> {
    /// The numbers.
    pub values: &'a [T],
    /// Numbers from one row to the next.
    pub stride: usize,
    /// Whether rows of `values` run along the summed index (false), or across it (true: the factor is transposed).
    pub transposed: bool,
}

/// `out` = `left` · `right` + `start`.
pub struct Product<'a, T> {
    /// Rows of `out`, summed index, columns of `out`.
    pub sizes: (usize, usize, usize),
    /// rows x depth.
    pub left: Left<'a, T>,
    /// depth x columns, rows padded to whole registers.
    pub right: &'a [T],
    /// Numbers from one row of `right` to the next, a multiple of the register's.
    pub right_stride: usize,
    /// A padded row to start each row of `out` from, such as a bias; zeros if there is none.
    pub start: Option<&'a [T]>,
    /// rows x columns. What `out_stride` leaves beyond the columns is not written.
    pub out: &'a mut [T],
    /// Numbers from one row of `out` to the next.
    pub out_stride: usize,
}

/// Rows of a transposed left factor's product at a time: the columns of the factor that they need stay in the cache while
/// all of `right` passes by.
const BLOCK: usize = 96;

impl<T: Real> Product<'_, T> {
    /// Writes the product.
    pub fn run(self, arch: Arch) {
        let (rows, depth, columns) = self.sizes;
        if !self.left.transposed || rows <= BLOCK {
            return arch.dispatch(self);
        }
        for (block, out) in self.out.chunks_mut(BLOCK * self.out_stride).enumerate() {
            let begin = block * BLOCK;
            let left = Left { values: &self.left.values[begin..], ..self.left };
            arch.dispatch(Product { sizes: (BLOCK.min(rows - begin), depth, columns), left, out, ..self });
        }
    }
}

impl<T: Real> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (rows, depth, columns) = self.sizes;
        let lanes = T::lanes::<S>();
        let vectors = columns.div_ceil(lanes);
        let task = Task::<T, S> {
            simd,
            depth,
            columns,
            left: self.left,
            right: T::split::<S>(&self.right[..depth * self.right_stride]).0,
            stride: self.right_stride / lanes,
            start: self.start.map(|row| T::split::<S>(row).0),
            out_stride: self.out_stride,
        };
        // Even panels: 7 registers are 4 and 3, not 4, 2 and 1. A tile, a row of `right` and one number of `left` fill
        // the register file.
        let many = S::REGISTER_COUNT >= 32;
        let panels = vectors.div_ceil(if many { 4 } else { 2 });
        let mut at = 0;
        for panel in 0..panels {
            let width = (vectors - at).div_ceil(panels - panel);
            match (many, width) {
                (true, 4) => task.panel::<6, 4>(rows, at, self.out),
                (true, 3) => task.panel::<8, 3>(rows, at, self.out),
                (true, 2) => task.panel::<12, 2>(rows, at, self.out),
                (true, _) => task.panel::<14, 1>(rows, at, self.out),
                (false, 2) => task.panel::<6, 2>(rows, at, self.out),
                (false, _) => task.panel::<8, 1>(rows, at, self.out),
            }
            at += width;
        }
    }
}

/// What all tiles of one product have in common.
struct Task<'a, T: Real, S: Simd> {
    simd: S,
    depth: usize,
    columns: usize,
    left: Left<'a, T>,
    right: &'a [T::Lanes<S>],
    stride: usize,
    start: Option<&'a [T::Lanes<S>]>,
    out_stride: usize,
}

impl<T: Real, S: Simd> Task<'_, T, S> {
    /// All rows of the `N` registers from `at`.
    #[inline(always)]
    fn panel<const M: usize, const N: usize>(&self, rows: usize, at: usize, out: &mut [T]) {
        let mut row = 0;
        while row + M <= rows {
            self.tile::<M, N>(row, at, out);
            row += M;
        }
        while row + 4 <= rows {
            self.tile::<4, N>(row, at, out);
            row += 4;
        }
        while row < rows {
            self.tile::<1, N>(row, at, out);
            row += 1;
        }
    }

    /// `M` rows from `row` by `N` registers from `at`, summed in registers.
    // Counted loops over constants: the compiler unrolls them, and only then keeps all sums in registers. Iterators, and
    // a loop over `sums` in particular, put them in memory, at a third of the speed.
    #[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
    #[inline(always)]
    fn tile<const M: usize, const N: usize>(&self, row: usize, at: usize, out: &mut [T]) {
        let simd = self.simd;
        let sums = self.sums::<M, N>(row, at);
        let lanes = T::lanes::<S>();
        let (begin, end) = (at * lanes, ((at + N) * lanes).min(self.columns));
        if end - begin == N * lanes {
            for m in 0..M {
                let place = (row + m) * self.out_stride;
                let out = T::split_mut::<S>(&mut out[place + begin..place + end]).0;
                for n in 0..N {
                    out[n] = sums[m][n];
                }
            }
        } else {
            for m in 0..M {
                let place = (row + m) * self.out_stride;
                let (out, rest) = T::split_mut::<S>(&mut out[place + begin..place + end]);
                for n in 0..N - 1 {
                    out[n] = sums[m][n];
                }
                T::store(simd, rest, sums[m][N - 1]);
            }
        }
    }

    /// The same, before it is written.
    #[inline(always)]
    fn sums<const M: usize, const N: usize>(&self, row: usize, at: usize) -> [[T::Lanes<S>; N]; M] {
        let simd = self.simd;
        let first: [T::Lanes<S>; N] = match self.start {
            Some(start) => std::array::from_fn(|n| start[at + n]),
            None => [T::splat(simd, T::ZERO); N],
        };
        let mut sums = [first; M];
        let left = self.left;
        let rights = self.right.chunks_exact(self.stride).map(|one| &one[at..at + N]);
        if left.transposed {
            // The last of them may lack the columns before the block.
            let lefts = left.values.chunks(left.stride).map(|one| &one[row..row + M]);
            for (a, b) in lefts.zip(rights) {
                for m in 0..M {
                    let a = T::splat(simd, a[m]);
                    for n in 0..N {
                        sums[m][n] = T::mul_add(simd, a, b[n], sums[m][n]);
                    }
                }
            }
        } else {
            let lefts: [&[T]; M] = std::array::from_fn(|m| &left.values[(row + m) * left.stride..][..self.depth]);
            for (k, b) in rights.enumerate().take(self.depth) {
                for m in 0..M {
                    let a = T::splat(simd, lefts[m][k]);
                    for n in 0..N {
                        sums[m][n] = T::mul_add(simd, a, b[n], sums[m][n]);
                    }
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::padded;
    use crate::testing::arches;
    use opportune_core::rng::{Purpose, Stream};

    fn numbers<T: Real>(n: usize, stream: &mut Stream) -> Vec<T> {
        (0..n).map(|_| T::of(stream.normal())).collect()
    }

    /// One product, with NaN wherever nothing should be read or written.
    fn product<T: Real>(arch: Arch, (rows, depth, columns): (usize, usize, usize), transposed: bool) -> Vec<T> {
        let stream = &mut Stream::new(5, 0, None, Purpose::Split);
        let (stride, nan) = (padded::<T>(columns), T::of(f64::NAN));
        let left = numbers(rows * depth, stream);
        let mut right = vec![T::ZERO; depth * stride];
        for row in right.chunks_exact_mut(stride) {
            row[..columns].copy_from_slice(&numbers(columns, stream));
        }
        let mut start = numbers(stride, stream);
        start[columns..].fill(T::ZERO);
        let mut out = vec![nan; rows * (columns + 1)];
        Product {
            sizes: (rows, depth, columns),
            left: Left { values: &left, stride: if transposed { rows } else { depth }, transposed },
            right: &right,
            right_stride: stride,
            start: Some(&start),
            out: &mut out,
            out_stride: columns + 1,
        }
        .run(arch);
        for (i, out) in out.chunks_exact(columns + 1).enumerate() {
            assert!(out[columns].wide().is_nan(), "written beyond the columns");
            for (j, &got) in out[..columns].iter().enumerate() {
                let at = |k: usize| left[if transposed { k * rows + i } else { i * depth + k }];
                let sum = (0..depth).fold(start[j], |sum, k| at(k).fused(right[k * stride + j], sum));
                assert!(got == sum, "{rows}x{depth}x{columns} at {i},{j}: {got:?} is not {sum:?}");
            }
        }
        out.retain(|value| !value.wide().is_nan());
        out
    }

    #[test]
    fn every_element_is_one_chain_whatever_the_instruction_set() {
        let sizes = [1, 2, 5, 6, 8, 13, 17, BLOCK + 7].into_iter().flat_map(|rows| {
            [1, 7, 8, 10, 16, 33, 50, 64, 100].into_iter().map(move |columns| (rows, 1 + columns % 5, columns))
        });
        for sizes in sizes {
            for transposed in [false, true] {
                for arch in arches() {
                    product::<f32>(arch, sizes, transposed);
                    product::<f64>(arch, sizes, transposed);
                }
            }
        }
    }
}
