//! The last columns of a deep product, where they would fill a small part of a register.

use crate::passes::ROW_BYTES;
use crate::real::Real;
use crate::turn::{SIDE, turn};
use pulp::{Arch, Simd};

/// Numbers of a line of memory, at most.
const LINE: usize = ROW_BYTES / 4;

/// Columns behind the last whole line of memory, at most.
const MOST: usize = 4;

/// Summed index from which on what it costs to add up the partial sums is paid back.
const DEEP: usize = 256;

/// How many of the columns of a product, the last ones, are summed along the depth, where the left factor is given by its rows:
/// a register then holds numbers of one row and not of one step. 100 columns of 32 bits fill six registers and a quarter; the
/// quarter takes as long as a whole one otherwise. An element is `ROW_BYTES` of partial sums, each the chain over every 16th
/// number (8th in 64 bits), which are added by halves; then what it starts from is added. So it is on every instruction set.
pub fn tail<T: Real>(depth: usize, columns: usize) -> usize {
    let behind = columns % (ROW_BYTES / T::BYTES);
    if depth >= DEEP && behind <= MOST { behind } else { 0 }
}

/// Writes the last columns of a right factor, depth x columns in rows of `stride`, one behind the other: as many as fill `out`.
pub fn pack_tail<T: Real>(arch: Arch, matrix: &[T], stride: usize, (depth, columns): (usize, usize), out: &mut [T]) {
    let tail = out.len() / depth.max(1);
    if tail > 0 {
        turn(arch, &matrix[columns - tail..(depth - 1) * stride + columns], stride, out, depth);
    }
}

/// What all rows have in common.
pub(super) struct Tail<'a, T, S> {
    pub(super) simd: S,
    pub(super) depth: usize,
    /// Rows of `left_stride` numbers.
    pub(super) left: &'a [T],
    pub(super) left_stride: usize,
    /// As [`pack_tail`] leaves it.
    pub(super) right: &'a [T],
    /// Of these columns.
    pub(super) start: Option<&'a [T]>,
}

impl<T: Real, S: Simd> Tail<'_, T, S> {
    /// Columns.
    #[inline(always)]
    fn columns(&self) -> usize {
        self.right.len() / self.depth
    }

    /// Some rows, at the beginning of rows of `out_stride`. Partial sums and what is multiplied fill the register file.
    #[inline(always)]
    pub(super) fn rows(&self, rows: usize, out: &mut [T], out_stride: usize) {
        match T::lanes::<S>() * T::BYTES {
            ROW_BYTES => self.tiles::<4, 4, 1>(rows, out, out_stride),
            32 => self.tiles::<2, 2, 2>(rows, out, out_stride),
            16 => self.tiles::<1, 2, 4>(rows, out, out_stride),
            8 => self.tiles::<1, 1, 8>(rows, out, out_stride),
            _ => self.tiles::<1, 1, 16>(rows, out, out_stride),
        }
    }

    #[inline(always)]
    fn tiles<const M: usize, const N: usize, const R: usize>(&self, rows: usize, out: &mut [T], out_stride: usize) {
        let columns = self.columns();
        let (mut column, mut row) = (0, 0);
        while row < rows {
            let high = row + M <= rows;
            while column < columns {
                let out = &mut out[row * out_stride + column..];
                match (high, column + N <= columns) {
                    (true, true) => self.tile::<M, N, R>(row, column, out, out_stride),
                    (true, false) => self.tile::<M, 1, R>(row, column, out, out_stride),
                    (false, _) => self.tile::<1, 1, R>(row, column, out, out_stride),
                }
                column += if high && column + N <= columns { N } else { 1 };
            }
            (column, row) = (0, row + if high { M } else { 1 });
        }
    }

    /// `M` rows by `N` columns, each in the `R` registers of a line.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn tile<const M: usize, const N: usize, const R: usize>(
        &self,
        row: usize,
        column: usize,
        out: &mut [T],
        out_stride: usize,
    ) {
        let (simd, depth, lanes) = (self.simd, self.depth, T::lanes::<S>());
        let left = |m: usize| &self.left[(row + m) * self.left_stride..][..depth];
        let right = |n: usize| &self.right[(column + n) * depth..][..depth];
        let whole = depth / (R * lanes);
        let lefts: [&[[T::Lanes<S>; R]]; M] =
            std::array::from_fn(|m| &T::split::<S>(left(m)).0.as_chunks::<R>().0[..whole]);
        let rights: [&[[T::Lanes<S>; R]]; N] =
            std::array::from_fn(|n| &T::split::<S>(right(n)).0.as_chunks::<R>().0[..whole]);
        let mut sums = [[[T::splat(simd, T::ZERO); R]; N]; M];
        for k in 0..whole {
            for m in 0..M {
                for n in 0..N {
                    for r in 0..R {
                        sums[m][n][r] = T::mul_add(simd, lefts[m][k][r], rights[n][k][r], sums[m][n][r]);
                    }
                }
            }
        }
        let done = whole * R * lanes;
        if done < depth {
            for m in 0..M {
                for n in 0..N {
                    for r in 0..R {
                        let of = |row: &[T]| {
                            let rest = &row[done..];
                            let begin = (r * lanes).min(rest.len());
                            T::load(simd, &rest[begin..(begin + lanes).min(rest.len())])
                        };
                        sums[m][n][r] = T::mul_add(simd, of(left(m)), of(right(n)), sums[m][n][r]);
                    }
                }
            }
        }
        let mut lines = Lines([[T::ZERO; LINE]; MOST * MOST]);
        for m in 0..M {
            for n in 0..N {
                let line = &mut lines.0[m * N + n];
                for (part, sum) in T::split_mut::<S>(&mut line[..R * lanes]).0.iter_mut().zip(sums[m][n]) {
                    *part = sum;
                }
            }
        }
        for from in (0..M * N).step_by(SIDE) {
            let totals = self.by_halves(&lines.0[from..from + SIDE], R * lanes);
            for (i, total) in totals.iter().enumerate().take(M * N - from) {
                let (m, n) = ((from + i) / N, (from + i) % N);
                out[m * out_stride + n] = *total + self.start.map_or(T::ZERO, |start| start[column + n]);
            }
        }
    }

    /// Sums of the first `count` numbers of eight lines.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn by_halves(&self, lines: &[[T; LINE]], count: usize) -> [T; SIDE] {
        let mut block = [[T::ZERO; SIDE]; SIDE];
        for i in 0..SIDE {
            for k in 0..SIDE {
                block[i][k] = if count == LINE { lines[i][k] + lines[i][k + SIDE] } else { lines[i][k] };
            }
        }
        let mut parts = T::turn(self.simd, block);
        let mut half = SIDE / 2;
        while half > 0 {
            for k in 0..half {
                for i in 0..SIDE {
                    parts[k][i] += parts[k + half][i];
                }
            }
            half /= 2;
        }
        parts[0]
    }
}

/// Partial sums, each in a line of memory.
#[repr(align(64))]
struct Lines<T>([[T; LINE]; MOST * MOST]);
