//! The inner loops: tiles of a few rows by a few registers, summed in registers.

use super::BLOCK;
use crate::ahead::Ahead;
use crate::panels::{has_many, widths};
use crate::real::Real;
use pulp::Simd;
use std::hint::black_box;

/// Numbers of four registers, at most.
const MOST_TURNED: usize = 64;

/// Turns of the summed index after which lines of memory are asked for anew.
pub(super) const TURNS: usize = 64;

/// Turns of the summed index in one of the loop, where registers are few.
const UNROLLED: usize = 4;

/// What all tiles of one block of rows have in common.
pub(super) struct Task<'a, T: Real, S: Simd> {
    pub(super) simd: S,
    pub(super) depth: usize,
    pub(super) columns: usize,
    pub(super) left: &'a [T],
    /// Numbers from one row of `left` to the next, or, if its columns are given, from one column to the next.
    pub(super) left_stride: usize,
    /// Numbers from [`BLOCK`] rows to the next ones, if its columns are given.
    pub(super) block: usize,
    pub(super) right: &'a [T],
    /// Numbers from one row of `right` to the next, if it does not lie in panels.
    pub(super) right_stride: usize,
    pub(super) start: Option<&'a [T::Lanes<S>]>,
    pub(super) out_stride: usize,
    /// What is brought near meanwhile.
    pub(super) ahead: Option<&'a Ahead>,
}

impl<'a, T: Real, S: Simd> Task<'a, T, S> {
    /// Some rows of factors of which the left one is given by columns and the right one by rows. Those columns that would leave
    /// most of a register idle are computed transposed, with the rows in its lanes.
    #[inline(always)]
    pub(super) fn by_columns(&self, rows: usize, out: &mut [T]) {
        let lanes = T::lanes::<S>();
        let idle = self.columns % lanes;
        let pays = 2 * idle <= lanes && rows >= lanes && self.depth > 0 && self.start.is_none();
        let few = if pays { idle } else { 0 };
        let whole = self.columns - few;
        Task { columns: whole, ..*self }.rows::<true, false>(rows, out);
        let mut column = whole;
        while column < self.columns {
            // As many sums at a time as the multiplier takes steps.
            column += match self.columns - column {
                4.. => self.turned::<4, 2>(column, rows, out),
                2.. => self.turned::<2, 4>(column, rows, out),
                _ => self.turned::<1, 4>(column, rows, out),
            };
        }
    }

    /// `M` columns from `column` of all rows, these `N` registers at a time where there are as many. Gives `M`.
    #[inline(always)]
    fn turned<const M: usize, const N: usize>(&self, column: usize, rows: usize, out: &mut [T]) -> usize {
        let registers = rows.div_ceil(T::lanes::<S>());
        let mut at = 0;
        while at < registers {
            at += if at + N <= registers {
                self.turned_tile::<M, N>(column, at, rows, out)
            } else {
                self.turned_tile::<M, 1>(column, at, rows, out)
            };
        }
        M
    }

    /// The same for the rows of `N` registers from `at`. Gives `N`.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn turned_tile<const M: usize, const N: usize>(
        &self,
        column: usize,
        at: usize,
        rows: usize,
        out: &mut [T],
    ) -> usize {
        let (simd, lanes) = (self.simd, T::lanes::<S>());
        let mut sums = [[T::splat(simd, T::ZERO); N]; M];
        let begin = at * lanes;
        let right = |k: usize| &self.right[k * self.right_stride + column..][..M];
        // The last registers of a column of the left factor may end within the next one; that of the last column has none.
        for k in 0..self.depth - 1 {
            let left = T::split::<S>(&self.left[k * self.left_stride + begin..][..N * lanes]).0;
            let right = right(k);
            for m in 0..M {
                let factor = T::splat(simd, right[m]);
                for n in 0..N {
                    sums[m][n] = T::mul_add(simd, left[n], factor, sums[m][n]);
                }
            }
        }
        let (left, right) = (&self.left[(self.depth - 1) * self.left_stride..][..rows], right(self.depth - 1));
        for n in 0..N {
            let left = T::load(simd, &left[begin + n * lanes..rows.min(begin + (n + 1) * lanes)]);
            for m in 0..M {
                sums[m][n] = T::mul_add(simd, left, T::splat(simd, right[m]), sums[m][n]);
            }
        }
        let mut line = [T::ZERO; MOST_TURNED];
        for m in 0..M {
            let line = &mut line[..N * lanes];
            for (place, sum) in T::split_mut::<S>(line).0.iter_mut().zip(sums[m]) {
                *place = sum;
            }
            for (row, sum) in (begin..rows).zip(&*line) {
                out[row * self.out_stride + column + m] = *sum;
            }
        }
        N
    }

    /// Some rows, panel by panel.
    #[inline(always)]
    pub(super) fn rows<const COLUMNS: bool, const PANELS: bool>(&self, rows: usize, out: &mut [T]) {
        let many = has_many::<S>();
        // Where the right factor lies in rows it is read by pairs of registers: both factors then pass from the nearest cache.
        for (at, width) in widths(many && PANELS, self.columns.div_ceil(T::lanes::<S>())) {
            match (many, width) {
                // Of panels only; as one arm of all, it would be compiled for all.
                (true, 4) if PANELS => self.panel::<COLUMNS, PANELS, 6, 4>(rows, at, out),
                (true, 3) => self.panel::<COLUMNS, PANELS, 6, 3>(rows, at, out),
                (true, 2) => self.panel::<COLUMNS, PANELS, 12, 2>(rows, at, out),
                (true, _) => self.panel::<COLUMNS, PANELS, 12, 1>(rows, at, out),
                // Of 16 registers 4 rows by 3 would take all: some sums then go through memory, at half the speed.
                (false, 3) => self.panel::<COLUMNS, PANELS, 3, 3>(rows, at, out),
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
        while M > 4 && row + 4 <= rows {
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
        let mut lines = &mut out[row * self.out_stride..];
        for m in 0..M {
            // The last row need not be followed by anything.
            let stride = if m + 1 < M { self.out_stride } else { end };
            let (line, behind) = lines.split_at_mut(stride);
            lines = behind;
            let (place, rest) = T::split_mut::<S>(&mut line[begin..end]);
            if end - begin == N * lanes {
                for n in 0..N {
                    place[n] = sums[m][n];
                }
            } else {
                for n in 0..N - 1 {
                    place[n] = sums[m][n];
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
        let lanes = T::lanes::<S>();
        // Of one register alone there would be 12 rows, more than addresses fit registers.
        if !has_many::<S>() && N > 1 && (COLUMNS || PANELS) && self.depth > 0 {
            self.unrolled::<COLUMNS, PANELS, M, N>(row, at, first)
        } else if PANELS {
            let panel = &self.right[at * lanes * self.depth..][..self.depth * N * lanes];
            self.chains::<COLUMNS, M, N>(row, first, T::split::<S>(panel).0.as_chunks::<N>().0.iter())
        } else if COLUMNS {
            let rows = T::split::<S>(self.right).0.chunks_exact(self.right_stride / lanes);
            self.chains::<COLUMNS, M, N>(row, first, rows.map(|row| &row[at..at + N].as_chunks::<N>().0[0]))
        } else {
            // Whole registers of a row may end within the next one.
            let right = &self.right[at * lanes..];
            let rows = (0..self.depth).map(|k| &right[k * self.right_stride..][..N * lanes]);
            self.chains::<COLUMNS, M, N>(row, first, rows.map(|row| &T::split::<S>(row).0.as_chunks::<N>().0[0]))
        }
    }

    /// Adds the products of `M` rows' numbers and the rows of the right factor to `first`, one after another.
    #[inline(always)]
    fn chains<'r, const COLUMNS: bool, const M: usize, const N: usize>(
        &self,
        row: usize,
        first: [T::Lanes<S>; N],
        mut rights: impl Iterator<Item = &'r [T::Lanes<S>; N]>,
    ) -> [[T::Lanes<S>; N]; M]
    where
        T::Lanes<S>: 'r,
    {
        let mut sums = [first; M];
        if COLUMNS {
            let block = &self.left[row / BLOCK * self.block + row % BLOCK..];
            // Chunks of one length: a last one that could be shorter would have to be looked at in every turn, and the
            // sums would not all stay in registers.
            let mut lefts = block.chunks_exact(self.left_stride);
            for (a, b) in lefts.by_ref().zip(rights.by_ref()) {
                let a = &a[..M];
                self.turn(|m| a[m], b, &mut sums);
            }
            if let Some(b) = rights.next() {
                let a = &lefts.remainder()[..M];
                self.turn(|m| a[m], b, &mut sums);
            }
            return sums;
        }
        let lefts: [&[T]; M] = std::array::from_fn(|m| &self.left[(row + m) * self.left_stride..][..self.depth]);
        let Some(ahead) = self.ahead else {
            for (k, b) in rights.enumerate().take(self.depth) {
                self.turn(|m| lefts[m][k], b, &mut sums);
            }
            return sums;
        };
        for begin in (0..self.depth).step_by(TURNS) {
            ahead.ask();
            for (k, b) in (begin..self.depth.min(begin + TURNS)).zip(rights.by_ref()) {
                self.turn(|m| lefts[m][k], b, &mut sums);
            }
        }
        sums
    }

    /// The same as [`Task::chains`] by [`UNROLLED`] turns of the summed index at a time, whose addresses are counted once and not looked
    /// at: 21 instructions for 12 multiply-adds where there were 28 for columns and 34 for rows. Cores that start fewer at a time, as one
    /// of two threads on a core does, wait for instructions before they wait for the multiplier.
    #[allow(unsafe_code)]
    #[inline(always)]
    fn unrolled<const COLUMNS: bool, const PANELS: bool, const M: usize, const N: usize>(
        &self,
        row: usize,
        at: usize,
        first: [T::Lanes<S>; N],
    ) -> [[T::Lanes<S>; N]; M] {
        let (depth, lanes) = (self.depth, T::lanes::<S>());
        let groups = depth / UNROLLED;
        let mut sums = [first; M];
        // From one turn to the next: registers of the right factor, and numbers of the left one.
        let (right, step) = match PANELS {
            true => (&T::split::<S>(self.right).0[at * depth..], N),
            false => (&T::split::<S>(self.right).0[at..], self.right_stride / lanes),
        };
        if COLUMNS {
            let (left, stride) = (&self.left[row / BLOCK * self.block + row % BLOCK..], self.left_stride);
            assert!((depth - 1) * stride + M <= left.len() && (depth - 1) * step + N <= right.len());
            let (mut numbers, mut registers) = (left.as_ptr(), right.as_ptr());
            for _ in 0..groups {
                for turn in 0..UNROLLED {
                    // SAFETY: turn k is one of `depth`, reads `M` numbers from k · stride on and `N` registers from k · step on, and the
                    // last one's are there, as was asserted. A register is as many numbers, and so is an array of them.
                    let (numbers, registers) = unsafe {
                        let registers = registers.add(turn * step).cast::<[T::Lanes<S>; N]>();
                        (&*numbers.add(turn * stride).cast::<[T; M]>(), &*registers)
                    };
                    self.turn(|m| numbers[m], registers, &mut sums);
                }
                numbers = numbers.wrapping_add(UNROLLED * stride);
                registers = registers.wrapping_add(UNROLLED * step);
            }
            for k in groups * UNROLLED..depth {
                self.turn(|m| left[k * stride + m], &right[k * step..].as_chunks::<N>().0[0], &mut sums);
            }
            return sums;
        }
        let (left, stride) = (&self.left[row * self.left_stride..], self.left_stride);
        assert!((M - 1) * stride + depth <= left.len() && depth * N <= right.len());
        // As the compiler sees it they may lie anywhere: else it would add up one's address from that before at each turn.
        let lefts: [*const T; M] = std::array::from_fn(|m| black_box(left.as_ptr().wrapping_add(m * stride)));
        let registers = right.as_ptr().cast::<[T::Lanes<S>; N]>();
        for begin in (0..groups).step_by(TURNS / UNROLLED) {
            if let Some(ahead) = self.ahead {
                ahead.ask();
            }
            for group in begin..groups.min(begin + TURNS / UNROLLED) {
                for turn in 0..UNROLLED {
                    let k = group * UNROLLED + turn;
                    // SAFETY: turn k is one of `depth`, reads number k of each row and the k-th `N` registers, and the last row's last
                    // number and the last registers are there, as was asserted.
                    unsafe { self.turn(|m| *lefts[m].add(k), &*registers.add(k), &mut sums) };
                }
            }
        }
        for k in groups * UNROLLED..depth {
            // SAFETY: as above.
            unsafe { self.turn(|m| *lefts[m].add(k), &*registers.add(k), &mut sums) };
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
