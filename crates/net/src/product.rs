//! Matrix products, in registers.
//!
//! At the sizes that train here (64 to 784 inputs, 10 to 100 units, batches of 200) this is faster than the `gemm` crate,
//! allocates nothing where one thread does it, and is `unsafe` in one function, the inner loops of `tiles` where registers are
//! few. `docs/kernels.md` says what was tried.
//!
//! Every element of a result is one chain of fused multiply-adds over the summed index in ascending order, whatever
//! the tiles: a row's result depends neither on the rows beside it, nor on the width of the registers, nor on blocking. Only
//! the last columns may be summed otherwise: see [`tail()`].

mod rooms;
mod tail;
mod tiles;

pub use self::tail::{pack_tail, tail};

use self::rooms::Rooms;
use self::tail::Tail;
use self::tiles::{TURNS, Task};
use crate::ahead::Ahead;
use crate::panels::{copy, pack};
use crate::real::Real;
use crate::threads::{self, spread};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// The two factors: rows x depth, and depth x columns.
pub enum Factors<'a, T> {
    /// Rows of the left one: a layer's inputs and its weights.
    ByRows {
        /// The left one.
        left: Rows<'a, T>,
        /// The right one, but for the columns of the tail.
        right: Right<'a, T>,
        /// The last columns as [`pack_tail`] leaves them; none of them, or as many as [`tail()`] says.
        tail: &'a [T],
        /// Room for [`made_rows`] where they are made, else none.
        near: &'a mut [T],
        /// What becomes of rows of the result, strides and all, while they are in the nearest cache: it is told the first one's
        /// number.
        after: Option<After<'a, T>>,
    },
    /// Columns of the left one, which are rows of its transpose, and rows of the right one: what two layers gave for the
    /// rows of a batch, over which is summed.
    ByColumns {
        /// The left one.
        left: Columns<'a, T>,
        /// Rows of `right_stride` numbers, the columns padded to whole registers.
        right: &'a [T],
        /// Numbers from one row of `right` to the next, a multiple of the register's.
        right_stride: usize,
        /// Room for [`room`] numbers, where what lies far apart is brought together, or for [`made_columns`].
        near: &'a mut [T],
    },
}

/// Rows of a left factor.
#[derive(Clone, Copy)]
pub enum Rows<'a, T> {
    /// As they lie.
    Lying {
        /// Rows of `stride` numbers.
        values: &'a [T],
        /// Numbers from one row to the next.
        stride: usize,
    },
    /// Not kept.
    Made {
        /// Writes these rows, one behind the other, just before they are multiplied.
        by: MakeRows<'a, T>,
        /// Where lies what a row is made from, which is brought near before.
        from: &'a (dyn Fn(usize) -> Range<*const u8> + Sync),
    },
}

/// A right factor.
#[derive(Clone, Copy)]
pub enum Right<'a, T> {
    /// As [`crate::panels::pack`] leaves it.
    Panels(&'a [T]),
    /// As it lies. Whole registers are read of each row, so that numbers must stand behind the last one unless its columns fill
    /// such; they mean nothing.
    Rows {
        /// Rows of `stride` numbers.
        values: &'a [T],
        /// Numbers from one row to the next.
        stride: usize,
    },
}

/// Columns of a left factor.
#[derive(Clone, Copy)]
pub enum Columns<'a, T> {
    /// As they lie.
    Lying {
        /// Columns of `stride` numbers.
        values: &'a [T],
        /// Numbers from one column to the next.
        stride: usize,
    },
    /// Not kept: this writes these rows of the factor into columns of so many numbers, just before they are multiplied.
    Made(MakeColumns<'a, T>),
}

/// Numbers that a product of two layers' outputs needs room for, with such rows, `right_stride` and so many threads.
pub fn room<T: Real>(rows: usize, depth: usize, right_stride: usize, threads: usize) -> usize {
    depth * (NEAR * threads + if panels_pay::<T>(rows, right_stride) { right_stride } else { 0 })
}

/// Numbers that [`Rows::Made`] needs room for, with so many threads.
pub fn made_rows<T: Real>(depth: usize, columns: usize, threads: usize) -> usize {
    at_once::<T>(depth, columns, true) * depth * threads
}

/// Numbers that [`Columns::Made`] needs room for, with so many threads.
pub fn made_columns(depth: usize, threads: usize) -> usize {
    depth * MADE * threads
}

/// Whether a right factor that is given by its rows is brought into panels first: they are far from each other, or passed by
/// so many rows of the left one that the copy is paid back.
fn panels_pay<T: Real>(rows: usize, right_stride: usize) -> bool {
    right_stride > FAR || rows * T::BYTES >= MANY
}

/// Rows of a left factor that pass all of a right one before the next ones do: as many as fit [`ROOM`] where the right one is
/// larger than the second cache has room for, so that it is not read anew from behind it for so few, else [`ROWS`]. Of those
/// that are made [`BLOCK`]: they stay in the nearest cache from being written to being read.
fn at_once<T: Real>(depth: usize, columns: usize, made: bool) -> usize {
    let (room, few) = if made { (4 * ROOM, BLOCK) } else { (ROOM, ROWS) };
    let fit = ROOM / (depth * T::BYTES).max(1) / BLOCK * BLOCK;
    if depth * columns * T::BYTES > room { fit.clamp(ROWS, NEAR) } else { few }
}

/// Bytes of a left factor's column from which on a right factor's panels pay.
const MANY: usize = 2048;

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

/// See [`Rows::Made`].
pub type MakeRows<'a, T> = &'a (dyn Fn(Range<usize>, &mut [T]) + Sync);

/// See [`Columns::Made`].
pub type MakeColumns<'a, T> = &'a (dyn Fn(Range<usize>, usize, &mut [T]) + Sync);

/// See [`Factors::ByRows`].
pub type After<'a, T> = &'a (dyn Fn(usize, &mut [T]) + Sync);

/// Rows of a left factor that pass all of `right` before the next ones do, so that they stay in the second cache and are not
/// read anew from behind it for each panel; at least.
const ROWS: usize = 24;

/// About half of a small second cache.
const ROOM: usize = 1 << 18;

/// The same at most, and where the factor's columns are given.
const NEAR: usize = 96;

/// The same where the factor is made from its columns: with as many of 32 bits, and a batch of 200, they fit the nearest cache.
const MADE: usize = 48;

/// Numbers from one column of a left factor to the next above which each would lie on a page of memory of its own, and
/// addressing them would take longer than computing. Such columns are copied together.
pub const FAR: usize = 256;

/// Rows whose numbers lie side by side there: whole tiles of any height.
const BLOCK: usize = 12;

/// Rows of a product are shared by so many: whole tiles of some height.
const FEW: usize = 4;

/// Operations of the smallest part that is worth being handed to another thread: some 40 microseconds' work.
const PART: usize = 1 << 22;

/// Parts in which so many threads take a product of such sizes.
pub fn parts(threads: usize, (rows, depth, columns): (usize, usize, usize)) -> usize {
    threads::parts(threads, 2 * rows * depth * columns, PART)
}

impl<T: Real> Product<'_, T> {
    /// Writes the product, on so many threads at most, those of the crew that this is called on. Each row is the work of one,
    /// so that their number changes nothing in the result.
    pub fn run(self, arch: Arch, threads: usize) {
        let Product { sizes: (rows, depth, columns), factors, start, out, out_stride } = self;
        let parts = parts(threads, self.sizes);
        let (whole, most) = match &factors {
            Factors::ByRows { left: Rows::Lying { .. }, .. } => (FEW, rows),
            Factors::ByRows { left: Rows::Made { .. }, .. } => (BLOCK, rows),
            // The right factor is read anew for each block of them.
            Factors::ByColumns { left: Columns::Lying { .. }, .. } => (BLOCK, NEAR),
            Factors::ByColumns { left: Columns::Made(_), .. } => (MADE, rows),
        };
        let each = if parts == 1 { rows } else { rows.div_ceil(parts).next_multiple_of(whole).min(most) };
        let outs = out.chunks_mut((each * out_stride).max(1)).enumerate().take(rows.div_ceil(each.max(1)));
        let work = |part: usize, left, right, out| Work {
            sizes: (each.min(rows - part * each), depth, columns),
            first: part * each,
            left,
            right,
            tail: &[],
            near: &mut [],
            start,
            out,
            out_stride,
            after: None,
        };
        match factors {
            Factors::ByRows { left, right, tail, near, after } => {
                let rooms = Rooms::new(near, made_rows::<T>(depth, columns, 1), parts);
                spread(outs, |(part, out)| {
                    let work = work(part, Left::Rows(left), right, out);
                    rooms.with(|near| Work { tail, near, after, ..work }.run(arch));
                });
            }
            Factors::ByColumns { left, right, right_stride, near } => {
                let (pays, width) = match left {
                    Columns::Lying { .. } => (panels_pay::<T>(rows, right_stride), NEAR),
                    Columns::Made(_) => (false, MADE),
                };
                let (near, panels) = near.split_at_mut(near.len() - if pays { depth * right_stride } else { 0 });
                let right = match panels.is_empty() {
                    true => Right::Rows { values: &right[..depth * right_stride], stride: right_stride },
                    false => {
                        pack(arch, right, right_stride, (depth, columns), false, panels, threads);
                        Right::Panels(panels)
                    }
                };
                let rooms = Rooms::new(near, depth * width, parts);
                spread(outs, |(part, out)| {
                    let work = work(part, Left::Columns(left), right, out);
                    rooms.with(|near| Work { near, ..work }.run(arch));
                });
            }
        }
    }
}

/// Some rows of a product.
struct Work<'a, T> {
    /// With all columns.
    sizes: (usize, usize, usize),
    /// The first row's number in the whole product.
    first: usize,
    /// Of the whole product.
    left: Left<'a, T>,
    right: Right<'a, T>,
    tail: &'a [T],
    near: &'a mut [T],
    start: Option<&'a [T]>,
    out: &'a mut [T],
    out_stride: usize,
    after: Option<After<'a, T>>,
}

#[derive(Clone, Copy)]
enum Left<'a, T> {
    Rows(Rows<'a, T>),
    Columns(Columns<'a, T>),
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
        let Work { sizes: (rows, depth, columns), left, near, out_stride, .. } = self;
        let (right, right_stride) = match self.right {
            Right::Rows { values, stride } => (values, stride),
            Right::Panels(values) => (values, 0),
        };
        let main = columns - self.tail.len() / depth.max(1);
        let all = Task::<T, S> {
            simd,
            depth,
            columns: main,
            left: &[],
            left_stride: 0,
            block: BLOCK,
            right,
            right_stride,
            start: self.start.map(|row| T::split::<S>(row).0),
            out_stride,
            ahead: None,
        };
        // How often lines are asked for while so many rows are multiplied, at least: in tiles of at most 24 registers.
        let times = |rows: usize| rows * main.div_ceil(T::lanes::<S>()) / 24 * (depth / TURNS);
        let at_once = match left {
            Left::Rows(rows) => at_once::<T>(depth, columns, matches!(rows, Rows::Made { .. })),
            Left::Columns(Columns::Lying { .. }) => NEAR,
            Left::Columns(Columns::Made(_)) => MADE,
        };
        let end = self.first + rows;
        for (block, out) in self.out.chunks_mut(at_once * out_stride).enumerate() {
            let begin = self.first + block * at_once;
            let rows = at_once.min(end - begin);
            let numbers = begin..begin + rows;
            match left {
                Left::Rows(left) => {
                    let mut ahead = None;
                    let (left, left_stride) = match left {
                        Rows::Lying { values, stride } => (&values[begin * stride..], stride),
                        Rows::Made { by, from } => {
                            by(numbers, &mut near[..rows * depth]);
                            ahead = Some(Ahead::new((begin + rows..end).take(rows).map(from), times(rows)));
                            (&near[..], depth)
                        }
                    };
                    let ahead = ahead.as_ref();
                    let task = Task { left, left_stride, ahead, ..all };
                    match self.right {
                        Right::Rows { .. } => task.rows::<false, false>(rows, out),
                        Right::Panels(_) => task.rows::<false, true>(rows, out),
                    }
                    if main < columns {
                        let start = self.start.map(|start| &start[main..]);
                        let tail = Tail { simd, depth, left, left_stride, right: self.tail, start };
                        tail.rows(rows, &mut out[main..], out_stride);
                    }
                    if let Some(after) = self.after {
                        after(begin, &mut out[..rows * out_stride]);
                    }
                }
                Left::Columns(Columns::Made(by)) => {
                    by(numbers, MADE, near);
                    Task { left: &near[..depth * MADE], left_stride: MADE, ..all }.by_columns(rows, out);
                }
                Left::Columns(Columns::Lying { values, stride }) => {
                    let left = &values[begin..];
                    let task = if stride > FAR {
                        bring_near(left, stride, depth, rows, near);
                        Task { left: &near[..], left_stride: BLOCK, block: BLOCK * depth, ..all }
                    } else {
                        Task { left, left_stride: stride, ..all }
                    };
                    match self.right {
                        Right::Rows { .. } if stride > FAR => task.rows::<true, false>(rows, out),
                        Right::Rows { .. } => task.by_columns(rows, out),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::{pad, padded};
    use crate::testing::arches;
    use crate::threads::Crew;
    use crate::turn::turn;
    use opportune_core::rng::{Purpose, Stream};

    fn numbers<T: Real>(n: usize, stream: &mut Stream) -> Vec<T> {
        (0..n).map(|_| T::of(stream.normal())).collect()
    }

    /// How the left factor is given, and the right one to its rows.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Form {
        Rows,
        RowsLying,
        MadeRows,
        MadeRowsLying,
        Columns,
        MadeColumns,
    }

    const FORMS: [Form; 6] =
        [Form::Rows, Form::RowsLying, Form::MadeRows, Form::MadeRowsLying, Form::Columns, Form::MadeColumns];

    /// What an element should be, by its definition: columns of the tail in sums of their own.
    fn expected<T: Real>(terms: impl Iterator<Item = (T, T)>, start: T, in_tail: bool) -> T {
        if !in_tail {
            return terms.fold(start, |sum, (a, b)| a.fused(b, sum));
        }
        let mut sums = vec![T::ZERO; 64 / T::BYTES];
        let lanes = sums.len();
        terms.enumerate().for_each(|(k, (a, b))| sums[k % lanes] = a.fused(b, sums[k % lanes]));
        while sums.len() > 1 {
            let upper = sums.split_off(sums.len() / 2);
            sums.iter_mut().zip(upper).for_each(|(sum, upper)| *sum += upper);
        }
        sums[0] + start
    }

    /// One product, with NaN wherever nothing should be read or written.
    fn product<T: Real>(arch: Arch, (rows, depth, columns): (usize, usize, usize), form: Form, threads: usize) {
        let stream = &mut Stream::new(5, 0, None, Purpose::Split);
        let (stride, nan) = (padded::<T>(columns), T::of(f64::NAN));
        // Rows x depth.
        let (left, right) = (numbers::<T>(rows * depth, stream), numbers::<T>(depth * columns, stream));
        let mut turned = vec![nan; depth * rows];
        turn(arch, &left, depth, &mut turned, rows);
        let by_rows = !matches!(form, Form::Columns | Form::MadeColumns);
        let made = matches!(form, Form::MadeRows | Form::MadeRowsLying | Form::MadeColumns);
        let lying = matches!(form, Form::RowsLying | Form::MadeRowsLying);
        let in_tail = if by_rows { tail::<T>(depth, columns) } else { 0 };
        let (mut padding, mut last) = (vec![nan; depth * stride], vec![nan; depth * in_tail]);
        match by_rows {
            true => pack(arch, &right, columns, (depth, columns - in_tail), false, &mut padding, 1),
            false => pad(arch, &right, columns, &mut padding, stride),
        }
        pack_tail(arch, &right, columns, (depth, columns), &mut last);
        let room = match (by_rows, made) {
            (true, false) => 0,
            (true, true) => made_rows::<T>(depth, columns, threads),
            (false, false) => room::<T>(rows, depth, stride, threads),
            (false, true) => made_columns(depth, threads),
        };
        let mut room = vec![nan; room];
        let behind = [&right[..], &vec![nan; 64 / T::BYTES]].concat();
        let from = |row: usize| {
            let Range { start, end } = left[row * depth..][..depth].as_ptr_range();
            start.cast()..end.cast()
        };
        let some_rows = |rows: Range<usize>, out: &mut [T]| {
            out.copy_from_slice(&left[rows.start * depth..rows.end * depth]);
        };
        let some_columns = |columns: Range<usize>, stride: usize, out: &mut [T]| {
            for (out, left) in out.chunks_mut(stride).zip(turned.chunks_exact(rows)) {
                out[..columns.len()].copy_from_slice(&left[columns.clone()]);
            }
        };
        // Only without it are the last columns computed with rows in lanes.
        let start = (by_rows || columns % 2 == 0).then(|| numbers(stride, stream));
        let mut out = vec![nan; rows * (columns + 1)];
        let product = Product {
            sizes: (rows, depth, columns),
            factors: if by_rows {
                let left = match made {
                    false => Rows::Lying { values: &left, stride: depth },
                    true => Rows::Made { by: &some_rows, from: &from },
                };
                let right = match lying {
                    true => Right::Rows { values: &behind, stride: columns },
                    false => Right::Panels(&padding),
                };
                Factors::ByRows { left, right, tail: &last, near: &mut room, after: None }
            } else {
                let left = match made {
                    false => Columns::Lying { values: &turned, stride: rows },
                    true => Columns::Made(&some_columns),
                };
                Factors::ByColumns { left, right: &padding, right_stride: stride, near: &mut room }
            },
            start: start.as_deref(),
            out: &mut out,
            out_stride: columns + 1,
        };
        Crew::new(threads).work(|| product.run(arch, threads));
        for (i, out) in out.chunks_exact(columns + 1).enumerate() {
            assert!(out[columns].wide().is_nan(), "written beyond the columns");
            for (j, &got) in out[..columns].iter().enumerate() {
                let start = start.as_ref().map_or(T::ZERO, |start| start[j]);
                let terms = (0..depth).map(|k| (left[i * depth + k], right[k * columns + j]));
                let sum = expected(terms, start, j >= columns - in_tail);
                assert!(got == sum, "{form:?} {rows}x{depth}x{columns} at {i},{j}: {got:?} is not {sum:?}");
            }
        }
    }

    fn all_forms(sizes: (usize, usize, usize)) {
        for arch in arches() {
            for form in FORMS {
                product::<f32>(arch, sizes, form, 1);
                product::<f64>(arch, sizes, form, 1);
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
            (2 * MADE + 5, 3, 13),
        ] {
            all_forms(sizes);
        }
    }

    #[test]
    fn few_last_columns_of_deep_products_are_summed_along_the_depth() {
        assert_eq!(
            [tail::<f32>(784, 100), tail::<f64>(784, 100), tail::<f32>(64, 100), tail::<f32>(784, 1)],
            [4, 4, 0, 1]
        );
        assert_eq!(
            [tail::<f32>(784, 96), tail::<f32>(784, 10), tail::<f64>(784, 10), tail::<f32>(256, 3)],
            [0, 0, 2, 3]
        );
        for (rows, depth) in [(1, 256), (5, 259), (13, 271), (26, 300)] {
            for columns in [1, 2, 3, 4, 17, 19, 36, 100] {
                all_forms((rows, depth, columns));
            }
        }
        // A right factor that does not fit the second cache.
        product::<f32>(Arch::new(), (100, 300, 1025), Form::MadeRows, 2);
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
                factors: Factors::ByRows {
                    left: Rows::Lying { values: &left, stride: depth },
                    right: Right::Panels(&panels),
                    tail: &[],
                    near: &mut [],
                    after: Some(&after),
                },
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
        // Enough work for several parts, and rows that are not shared evenly.
        for sizes in [(FAR + 45, 211, 100), (NEAR - 1, 400, 173), (130, 220, FAR + 30)] {
            for form in FORMS {
                assert!(parts(2, sizes) > 2);
                product::<f32>(Arch::new(), sizes, form, 3);
                product::<f64>(Arch::new(), sizes, form, 2);
            }
        }
    }
}
