//! Matrix products, in registers.
//!
//! At the sizes that train here (64 to 784 inputs, 10 to 100 units, batches of 200) this is faster than the `gemm` crate,
//! allocates nothing, and needs no `unsafe`. `docs/kernels.md` says what was tried.
//!
//! Every element of a result is one chain of fused multiply-adds over the summed index in ascending order, whatever
//! the tiles: a row's result depends neither on the rows beside it, nor on the width of the registers, nor on blocking.

use crate::panels::{copy, pack, panels};
use crate::real::Real;
use crate::threads::spread;
use pulp::{Arch, Simd, WithSimd};

/// The two factors: rows x depth, and depth x columns.
pub enum Factors<'a, T> {
    /// Rows of the left one, and the right one in panels: a layer's inputs and its weights.
    RowsPanels {
        /// Rows of `stride` numbers.
        left: &'a [T],
        /// Numbers from one row of `left` to the next.
        stride: usize,
        /// As [`crate::panels::pack`] leaves them.
        right: &'a [T],
        /// What becomes of rows of the result, strides and all, while they are in the nearest cache: it is told the first one's
        /// number.
        after: Option<After<'a, T>>,
    },
    /// Columns of the left one, which are rows of its transpose, and rows of the right one: what two layers gave for the
    /// rows of a batch, over which is summed.
    ColumnsRows {
        /// Columns of `stride` numbers.
        left: &'a [T],
        /// Numbers from one column of `left` to the next.
        stride: usize,
        /// Rows of `right_stride` numbers, the columns padded to whole registers.
        right: &'a [T],
        /// Numbers from one row of `right` to the next, a multiple of the register's.
        right_stride: usize,
        /// Room for [`room`] numbers, where what lies far apart is brought together.
        near: &'a mut [T],
    },
}

/// Numbers that a product of two layers' outputs needs room for, with such rows, `right_stride` and so many threads.
pub fn room<T: Real>(rows: usize, depth: usize, right_stride: usize, threads: usize) -> usize {
    depth * (NEAR * threads + if panels_pay::<T>(rows, right_stride) { right_stride } else { 0 })
}

/// Whether a right factor that is given by its rows is brought into panels first: they are far from each other, or passed by
/// so many rows of the left one that the copy is paid back.
fn panels_pay<T: Real>(rows: usize, right_stride: usize) -> bool {
    right_stride > FAR || rows * T::BYTES >= MANY
}

/// Bytes of a left factor's column from which on a right factor's panels pay.
const MANY: usize = 512;

/// `out` = left · right + `start`.
pub struct Product<'a, T> {
    /// Rows of `out`, summed index, columns of `out`.
    pub sizes: (usize, usize, usize),
    /// What is multiplied.
    pub factors: Factors<'a, T>,
    /// A padded row to start each row of `out` from, such as a bias; zeros if there is none.
    pub start: Option<&'a [T]>,
    /// rows x columns. What `out_stride` leaves beyond the columns is not written.
    pub out: &'a mut [T],
    /// Numbers from one row of `out` to the next.
    pub out_stride: usize,
}

/// See [`Factors::RowsPanels`].
pub type After<'a, T> = &'a (dyn Fn(usize, &mut [T]) + Sync);

/// Rows of a left factor that pass all of `right` before the next ones do, so that they stay in the second cache and are not
/// read anew from behind it for each panel: as many as fit [`ROOM`] bytes, but not fewer than these.
const ROWS: usize = 24;

/// About half of a small second cache.
const ROOM: usize = 1 << 18;

/// The same, at most, and where the factor's columns are given.
const NEAR: usize = 96;

/// Numbers from one column of a left factor to the next above which each would lie on a page of memory of its own, and
/// addressing them would take longer than computing. Such columns are copied together.
const FAR: usize = 256;

/// Rows whose numbers lie side by side there: whole tiles of any height.
const BLOCK: usize = 12;

/// Operations below which another thread costs more than it takes off: some 40 microseconds' work.
const PART: usize = 1 << 22;

impl<T: Real> Product<'_, T> {
    /// Writes the product, spread over at most so many threads. Each row is the work of one, so that their number changes
    /// nothing in the result.
    pub fn run(self, arch: Arch, threads: usize) {
        let Product { sizes: (rows, depth, columns), factors, start, out, out_stride } = self;
        let parts = threads.min(2 * rows * depth * columns / PART).max(1);
        let each = rows.div_ceil(parts).next_multiple_of(BLOCK);
        let outs = out.chunks_mut(each * out_stride).enumerate();
        let sizes = |part: usize| (each.min(rows - part * each), depth, columns);
        match factors {
            Factors::RowsPanels { left, stride, right, after } => spread(outs, |(part, out)| {
                let left = Left::Rows { values: &left[part * each * stride..], stride };
                let (right, after) = (Right::Panels(right), after.map(|after| (part * each, after)));
                Work { sizes: sizes(part), left, right, start, out, out_stride, after }.run(arch);
            }),
            Factors::ColumnsRows { left, stride, right, right_stride, near } => {
                let packed = if panels_pay::<T>(rows, right_stride) { depth * right_stride } else { 0 };
                let (near, panels) = near.split_at_mut(near.len() - packed);
                let right = match panels.is_empty() {
                    true => Right::Rows { values: right, stride: right_stride },
                    false => {
                        pack(arch, right, right_stride, (depth, columns), false, panels, threads);
                        Right::Panels(panels)
                    }
                };
                let mut rooms = near.chunks_mut((depth * NEAR).max(1));
                spread(outs.map(|part| (part, rooms.next().unwrap_or_default())), |((part, out), near)| {
                    let left = Left::Columns { values: &left[part * each..], stride, near };
                    Work { sizes: sizes(part), left, right, start, out, out_stride, after: None }.run(arch);
                });
            }
        }
    }
}

/// One thread's rows of a product.
struct Work<'a, T> {
    sizes: (usize, usize, usize),
    left: Left<'a, T>,
    right: Right<'a, T>,
    start: Option<&'a [T]>,
    out: &'a mut [T],
    out_stride: usize,
    /// With the number of the first of these rows.
    after: Option<(usize, After<'a, T>)>,
}

enum Left<'a, T> {
    Rows { values: &'a [T], stride: usize },
    Columns { values: &'a [T], stride: usize, near: &'a mut [T] },
}

#[derive(Clone, Copy)]
enum Right<'a, T> {
    Rows { values: &'a [T], stride: usize },
    Panels(&'a [T]),
}

impl<T: Real> Work<'_, T> {
    /// Not inlined: with all its tiles this is a large function, to be compiled once.
    #[inline(never)]
    fn run(self, arch: Arch) {
        arch.dispatch(self);
    }
}

impl<T: Real> WithSimd for Work<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (rows, depth, columns) = self.sizes;
        let (right, right_stride) = match self.right {
            Right::Rows { values, stride } => (&values[..depth * stride], stride),
            Right::Panels(values) => (values, 0),
        };
        let all = Task::<T, S> {
            simd,
            depth,
            columns,
            left: &[],
            left_stride: 0,
            block: 0,
            right: T::split::<S>(right).0,
            right_stride: right_stride / T::lanes::<S>(),
            start: self.start.map(|row| T::split::<S>(row).0),
            out_stride: self.out_stride,
        };
        match self.left {
            Left::Rows { values, stride } => {
                let fit = ROOM / (depth * T::BYTES).max(1) / BLOCK * BLOCK;
                let at_once = if size_of_val(right) > ROOM { fit.clamp(ROWS, NEAR) } else { ROWS };
                for (block, out) in self.out.chunks_mut(at_once * self.out_stride).enumerate() {
                    let begin = block * at_once;
                    let task = Task { left: &values[begin * stride..], left_stride: stride, ..all };
                    let rows = at_once.min(rows - begin);
                    task.rows::<false, true>(rows, out);
                    if let Some((first, after)) = self.after {
                        after(first + begin, &mut out[..rows * self.out_stride]);
                    }
                }
            }
            Left::Columns { values, stride, near } => {
                for (block, out) in self.out.chunks_mut(NEAR * self.out_stride).enumerate() {
                    let left = &values[block * NEAR..];
                    let rows = NEAR.min(rows - block * NEAR);
                    let task = if stride > FAR {
                        bring_near(left, stride, depth, rows, near);
                        Task { left: &near[..], left_stride: BLOCK, block: BLOCK * depth, ..all }
                    } else {
                        Task { left, left_stride: stride, block: BLOCK, ..all }
                    };
                    match self.right {
                        Right::Rows { .. } => task.rows::<true, false>(rows, out),
                        Right::Panels(_) => task.rows::<true, true>(rows, out),
                    }
                }
            }
        }
    }
}

/// Copies columns so that the numbers of [`BLOCK`] rows lie side by side, and those of the next column behind them.
#[inline(always)]
fn bring_near<T: Real>(values: &[T], stride: usize, depth: usize, rows: usize, near: &mut [T]) {
    for (block, near) in near.chunks_exact_mut(depth * BLOCK).enumerate().take(rows.div_ceil(BLOCK)) {
        copy::<T, BLOCK>(&values[block * BLOCK..], stride, near);
    }
}

/// What all tiles of one block of rows have in common.
struct Task<'a, T: Real, S: Simd> {
    simd: S,
    depth: usize,
    columns: usize,
    left: &'a [T],
    /// Numbers from one row of `left` to the next, or, if its columns are given, from one column to the next.
    left_stride: usize,
    /// Numbers from [`BLOCK`] rows to the next ones, if its columns are given.
    block: usize,
    right: &'a [T::Lanes<S>],
    /// Registers from one row of `right` to the next, if it does not lie in panels.
    right_stride: usize,
    start: Option<&'a [T::Lanes<S>]>,
    out_stride: usize,
}

impl<T: Real, S: Simd> Task<'_, T, S> {
    /// Some rows, panel by panel.
    #[inline(always)]
    fn rows<const COLUMNS: bool, const PANELS: bool>(&self, rows: usize, out: &mut [T]) {
        let many = S::REGISTER_COUNT >= 32;
        for (at, width) in panels::<S>(self.columns.div_ceil(T::lanes::<S>())) {
            match (many, width) {
                (true, 4) => self.panel::<COLUMNS, PANELS, 6, 4>(rows, at, out),
                (true, 3) => self.panel::<COLUMNS, PANELS, 6, 3>(rows, at, out),
                (true, 2) => self.panel::<COLUMNS, PANELS, 12, 2>(rows, at, out),
                (true, _) => self.panel::<COLUMNS, PANELS, 12, 1>(rows, at, out),
                (false, 3) => self.panel::<COLUMNS, PANELS, 4, 3>(rows, at, out),
                (false, 2) => self.panel::<COLUMNS, PANELS, 6, 2>(rows, at, out),
                (false, _) => self.panel::<COLUMNS, PANELS, 12, 1>(rows, at, out),
            }
        }
    }

    /// All rows of the `N` registers from `at`.
    #[inline(always)]
    fn panel<const COLUMNS: bool, const PANELS: bool, const M: usize, const N: usize>(
        &self,
        rows: usize,
        at: usize,
        out: &mut [T],
    ) {
        let mut row = 0;
        // 8 rows at the end are two tiles of 4 rather than one of 6 and two of 1.
        while row + M <= rows && !(M == 6 && row + 8 == rows) {
            self.tile::<COLUMNS, PANELS, M, N>(row, at, out);
            row += M;
        }
        while M > 8 && row + 8 <= rows {
            self.tile::<COLUMNS, PANELS, 8, N>(row, at, out);
            row += 8;
        }
        while row + 4 <= rows {
            self.tile::<COLUMNS, PANELS, 4, N>(row, at, out);
            row += 4;
        }
        while row < rows {
            self.tile::<COLUMNS, PANELS, 1, N>(row, at, out);
            row += 1;
        }
    }

    /// `M` rows from `row` by `N` registers from `at`, summed in registers.
    // Counted loops over constants: the compiler unrolls them, and only then keeps all sums in registers. Iterators, and
    // a loop over `sums` in particular, put them in memory, at a third of the speed.
    #[allow(clippy::needless_range_loop, clippy::manual_memcpy)]
    #[inline(always)]
    fn tile<const COLUMNS: bool, const PANELS: bool, const M: usize, const N: usize>(
        &self,
        row: usize,
        at: usize,
        out: &mut [T],
    ) {
        let simd = self.simd;
        let sums = self.sums::<COLUMNS, PANELS, M, N>(row, at);
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
    fn sums<const COLUMNS: bool, const PANELS: bool, const M: usize, const N: usize>(
        &self,
        row: usize,
        at: usize,
    ) -> [[T::Lanes<S>; N]; M] {
        let first: [T::Lanes<S>; N] = match self.start {
            Some(start) => std::array::from_fn(|n| start[at + n]),
            None => [T::splat(self.simd, T::ZERO); N],
        };
        if PANELS {
            let panel = self.right[at * self.depth..][..self.depth * N].as_chunks::<N>().0;
            self.chains::<COLUMNS, M, N>(row, first, panel.iter())
        } else {
            let rights = self.right.chunks_exact(self.right_stride).map(|one| &one[at..at + N].as_chunks::<N>().0[0]);
            self.chains::<COLUMNS, M, N>(row, first, rights)
        }
    }

    /// Adds the products of `M` rows' numbers and the rows of `right` to `first`, one after another.
    #[inline(always)]
    fn chains<'r, const COLUMNS: bool, const M: usize, const N: usize>(
        &self,
        row: usize,
        first: [T::Lanes<S>; N],
        rights: impl Iterator<Item = &'r [T::Lanes<S>; N]>,
    ) -> [[T::Lanes<S>; N]; M]
    where
        T::Lanes<S>: 'r,
    {
        let mut sums = [first; M];
        if COLUMNS {
            let block = &self.left[row / BLOCK * self.block + row % BLOCK..];
            // Chunks of one length: a last one that could be shorter would have to be looked at in every turn, and the
            // sums would not all stay in registers.
            let (mut lefts, mut rights) = (block.chunks_exact(self.left_stride), rights);
            for (a, b) in lefts.by_ref().zip(rights.by_ref()) {
                let a = &a[..M];
                self.turn(|m| a[m], b, &mut sums);
            }
            if let Some(b) = rights.next() {
                let a = &lefts.remainder()[..M];
                self.turn(|m| a[m], b, &mut sums);
            }
        } else {
            let lefts: [&[T]; M] = std::array::from_fn(|m| &self.left[(row + m) * self.left_stride..][..self.depth]);
            for (k, b) in rights.enumerate().take(self.depth) {
                self.turn(|m| lefts[m][k], b, &mut sums);
            }
        }
        sums
    }

    /// One turn of the summed index.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn turn<const M: usize, const N: usize>(
        &self,
        left: impl Fn(usize) -> T,
        right: &[T::Lanes<S>; N],
        sums: &mut [[T::Lanes<S>; N]; M],
    ) {
        for m in 0..M {
            let a = T::splat(self.simd, left(m));
            for n in 0..N {
                sums[m][n] = T::mul_add(self.simd, a, right[n], sums[m][n]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::{pad, padded};
    use crate::testing::arches;
    use opportune_core::rng::{Purpose, Stream};

    fn numbers<T: Real>(n: usize, stream: &mut Stream) -> Vec<T> {
        (0..n).map(|_| T::of(stream.normal())).collect()
    }

    /// One product, with NaN wherever nothing should be read or written.
    fn product<T: Real>(arch: Arch, (rows, depth, columns): (usize, usize, usize), turned: bool, threads: usize) {
        let stream = &mut Stream::new(5, 0, None, Purpose::Split);
        let (stride, nan) = (padded::<T>(columns), T::of(f64::NAN));
        let (left, right) = (numbers(rows * depth, stream), numbers::<T>(depth * columns, stream));
        let mut padding = vec![nan; depth * stride];
        let mut near = vec![nan; room::<T>(rows, depth, stride, threads)];
        match turned {
            true => pad(arch, &right, columns, &mut padding, stride),
            false => pack(arch, &right, columns, (depth, columns), false, &mut padding, 1),
        }
        let start = numbers(stride, stream);
        let mut out = vec![nan; rows * (columns + 1)];
        Product {
            sizes: (rows, depth, columns),
            factors: match turned {
                true => Factors::ColumnsRows {
                    left: &left,
                    stride: rows,
                    right: &padding,
                    right_stride: stride,
                    near: &mut near,
                },
                false => Factors::RowsPanels { left: &left, stride: depth, right: &padding, after: None },
            },
            start: Some(&start),
            out: &mut out,
            out_stride: columns + 1,
        }
        .run(arch, threads);
        for (i, out) in out.chunks_exact(columns + 1).enumerate() {
            assert!(out[columns].wide().is_nan(), "written beyond the columns");
            for (j, &got) in out[..columns].iter().enumerate() {
                let at = |k: usize| left[if turned { k * rows + i } else { i * depth + k }];
                let sum = (0..depth).fold(start[j], |sum, k| at(k).fused(right[k * columns + j], sum));
                assert!(got == sum, "{rows}x{depth}x{columns} at {i},{j}: {got:?} is not {sum:?}");
            }
        }
    }

    fn all_forms(sizes: (usize, usize, usize)) {
        for arch in arches() {
            for turned in [false, true] {
                product::<f32>(arch, sizes, turned, 1);
                product::<f64>(arch, sizes, turned, 1);
            }
        }
    }

    #[test]
    fn every_element_is_one_chain_whatever_the_instruction_set() {
        for n in 1..=64 {
            all_forms((n, 1 + n % 5, 1 + n % 19));
            all_forms((1 + n % 13, n, 1 + n % 17));
            all_forms((1 + n % 14, 1 + n % 3, n));
        }
    }

    #[test]
    fn blocks_and_far_columns_change_nothing() {
        for sizes in [
            (FAR, 3, 10),
            (FAR + 1, 3, 10),
            (2 * FAR + 17, 5, 21),
            (NEAR + 7, 2, 100),
            (3, FAR + 9, 129),
            (FAR + 21, 7, FAR + 5),
        ] {
            all_forms(sizes);
        }
    }

    #[test]
    fn every_row_is_passed_on_once_it_is_computed() {
        // Enough work for three threads, and rows of 1.
        for (rows, depth) in [(7, 3), (601, PART / 64)] {
            let (left, panels) = (vec![1.0f32; rows * depth], vec![1.0; depth * 16]);
            let mut out = vec![0.0; rows * 17];
            let after = |first: usize, out: &mut [f32]| {
                for (row, out) in out.chunks_exact_mut(17).enumerate() {
                    assert_eq!(out[15], depth as f32);
                    out[16] += (first + row + 1) as f32;
                }
            };
            Product {
                sizes: (rows, depth, 16),
                factors: Factors::RowsPanels { left: &left, stride: depth, right: &panels, after: Some(&after) },
                start: None,
                out: &mut out,
                out_stride: 17,
            }
            .run(Arch::new(), 3);
            assert!(out.chunks_exact(17).enumerate().all(|(row, out)| out[16] == (row + 1) as f32));
        }
    }

    #[test]
    fn threads_change_nothing() {
        // Enough work for three, and rows that are not shared evenly.
        for sizes in [(FAR + 45, 211, 100), (NEAR - 1, 400, 173), (130, 120, FAR + 30)] {
            for turned in [false, true] {
                product::<f32>(Arch::new(), sizes, turned, 3);
                product::<f64>(Arch::new(), sizes, turned, 2);
            }
        }
    }
}
