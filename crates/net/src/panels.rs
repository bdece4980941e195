//! The right factor of a product as its inner loop reads it: panels of a few registers' width, the rows of each one behind
//! the other, so that it is read in one stream from few pages of memory.

use crate::product::FAR;
use crate::real::Real;
use crate::threads::{self, spread};
use crate::turn::turn_on;
use pulp::{Arch, Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::Range;

/// Registers of each panel, as their first and their number. A product's tile, a row of its right factor and one number of
/// its left fit the register file: up to 4 registers where there are 32, else 2, and 3 rather than one alone. Even ones: 7
/// registers are 4 and 3, or 2, 2 and 3.
#[inline(always)]
pub fn panels<S: Simd>(vectors: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    widths(has_many::<S>(), vectors)
}

/// The same where there are `many` registers for it, or not.
#[inline(always)]
pub fn widths(many: bool, vectors: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let panels = if many { vectors.div_ceil(4) } else { (vectors / 2).max(vectors.min(1)) };
    let mut at = 0;
    (0..panels).map(move |panel| {
        let (vectors, panels) = (vectors - at, panels - panel);
        let width = if many { vectors.div_ceil(panels) } else { vectors / panels };
        at += width;
        (at - width, width)
    })
}

/// Whether there are registers for tiles of 24 sums.
#[inline(always)]
pub fn has_many<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

/// Asks an instruction set whether it [`has_many`] registers.
pub struct HasMany;

impl WithSimd for HasMany {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        has_many::<S>()
    }
}

/// Numbers of the smallest part that is worth being handed to another thread.
const PART: usize = 1 << 17;

/// Writes a right factor, depth x columns, as panels: given by its rows, or, if `turned`, by its columns, each of `stride`
/// numbers. `out` holds depth padded rows ([`crate::passes::padded`]); what stands beyond the columns means nothing. At most so
/// many threads share the work, those of the crew that this is called on.
pub fn pack<T: Real>(
    arch: Arch,
    matrix: &[T],
    stride: usize,
    (depth, columns): (usize, usize),
    turned: bool,
    out: &mut [T],
    threads: usize,
) {
    let parts = threads::parts(threads, depth * columns, PART);
    let edge = |part| arch.dispatch(Edge::<T> { columns, part, parts, number: PhantomData });
    let (mut rest, mut part, mut begin) = (out, 0, 0);
    let shares = std::iter::from_fn(|| {
        part += 1;
        let end = if part < parts { edge(part) } else { columns };
        let place = if part < parts { (end - begin) * depth } else { rest.len() };
        let (out, behind) = std::mem::take(&mut rest).split_at_mut(place);
        rest = behind;
        Some((std::mem::replace(&mut begin, end), end, out))
    });
    spread(shares.take(parts), |(begin, end, out)| {
        arch.dispatch(Pack { matrix, stride, depth, columns, share: begin..end, turned, out });
    });
}

/// The first column of a part when all panels are shared by so many.
struct Edge<T> {
    columns: usize,
    part: usize,
    parts: usize,
    number: PhantomData<T>,
}

impl<T: Real> WithSimd for Edge<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        let lanes = T::lanes::<S>();
        let vectors = self.columns.div_ceil(lanes);
        let first = panels::<S>(vectors).count() * self.part / self.parts;
        panels::<S>(vectors).nth(first).map_or(self.columns, |(at, _)| at * lanes)
    }
}

struct Pack<'a, T> {
    matrix: &'a [T],
    stride: usize,
    depth: usize,
    columns: usize,
    /// Columns of those whose panels are written, from the beginning of `out`.
    share: Range<usize>,
    turned: bool,
    out: &'a mut [T],
}

impl<T: Real> WithSimd for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = T::lanes::<S>();
        let Pack { matrix, stride, depth, share, .. } = self;
        let all = panels::<S>(self.columns.div_ceil(lanes)).map(|(at, width)| (at * lanes, width * lanes));
        let mut all = all.filter(|(begin, _)| share.contains(begin));
        while let Some((begin, wide)) = all.next() {
            let out = &mut self.out[(begin - share.start) * depth..];
            if self.turned {
                let columns = wide.min(self.columns - begin);
                let matrix = &matrix[begin * stride..][..(columns - 1) * stride + depth];
                turn_on(simd, matrix, stride, &mut out[..wide * depth], wide);
                continue;
            }
            let matrix = &matrix[begin..];
            let whole = |(begin, other): &(usize, usize)| *other == wide && begin + wide <= self.columns;
            let beside = stride > FAR && all.clone().take(BESIDE - 1).filter(whole).count() == BESIDE - 1;
            if beside && copy_beside(matrix, stride, wide, &mut out[..BESIDE * wide * depth]) {
                all.nth(BESIDE - 2);
                continue;
            }
            let panel = &mut out[..wide * depth];
            // In registers, wherever the length is one that occurs.
            match wide {
                // All of its rows are shorter.
                wide if stride < wide => copy_some(simd, matrix, stride, wide, panel),
                4 => copy::<T, 4>(matrix, stride, panel),
                8 => copy::<T, 8>(matrix, stride, panel),
                16 => copy::<T, 16>(matrix, stride, panel),
                24 => copy::<T, 24>(matrix, stride, panel),
                32 => copy::<T, 32>(matrix, stride, panel),
                48 => copy::<T, 48>(matrix, stride, panel),
                64 => copy::<T, 64>(matrix, stride, panel),
                wide => copy_some(simd, matrix, stride, wide, panel),
            }
        }
    }
}

/// Panels that are copied at once of a matrix whose rows are [`FAR`] from each other: each then lies on a page of memory of its
/// own, and is read in longer pieces.
const BESIDE: usize = 4;

/// Copies [`BESIDE`] panels of `wide` numbers a row, where that is a number that occurs; whether it is.
#[inline(always)]
fn copy_beside<T: Real>(matrix: &[T], stride: usize, wide: usize, out: &mut [T]) -> bool {
    match wide {
        4 => some_beside::<T, 4>(matrix, stride, out),
        8 => some_beside::<T, 8>(matrix, stride, out),
        16 => some_beside::<T, 16>(matrix, stride, out),
        32 => some_beside::<T, 32>(matrix, stride, out),
        64 => some_beside::<T, 64>(matrix, stride, out),
        _ => return false,
    }
    true
}

#[inline(always)]
fn some_beside<T: Real, const W: usize>(matrix: &[T], stride: usize, out: &mut [T]) {
    let mut panels = out.as_chunks_mut::<W>().0;
    let depth = panels.len() / BESIDE;
    let mut panels: [&mut [[T; W]]; BESIDE] =
        std::array::from_fn(|_| panels.split_off_mut(..depth).unwrap_or_default());
    for (k, row) in matrix.chunks(stride).enumerate().take(depth) {
        let row = row[..BESIDE * W].as_chunks::<W>().0;
        for (panel, row) in panels.iter_mut().zip(row) {
            panel[k] = *row;
        }
    }
}

/// Copies up to `wide` numbers, whole registers, from the start of each `stride`, one behind the other.
#[inline(always)]
fn copy_some<T: Real, S: Simd>(simd: S, values: &[T], stride: usize, wide: usize, out: &mut [T]) {
    let lanes = T::lanes::<S>();
    for (out, row) in out.chunks_exact_mut(wide).zip(values.chunks(stride)) {
        for (n, out) in T::split_mut::<S>(out).0.iter_mut().enumerate() {
            let from = (n * lanes).min(row.len());
            *out = T::load(simd, &row[from..(from + lanes).min(row.len())]);
        }
    }
}

/// Copies `W` numbers from the start of each `stride`, of the last ones as many as there are, one behind the other.
#[inline(always)]
pub fn copy<T: Real, const W: usize>(values: &[T], stride: usize, out: &mut [T]) {
    for (out, row) in out.as_chunks_mut::<W>().0.iter_mut().zip(values.chunks(stride)) {
        match row.first_chunk::<W>() {
            Some(row) => *out = *row,
            None => out[..row.len()].copy_from_slice(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::padded;
    use crate::testing::arches;
    use crate::threads::Crew;

    #[test]
    fn a_factor_is_packed_from_its_rows_as_from_its_columns() {
        for (depth, columns) in [(1, 1), (3, 10), (7, 16), (5, 33), (2, 100), (4, 129), (3, 517), (2, 1040)] {
            let at = |k: usize, column: usize| (k * columns + column) as f32;
            let rows: Vec<f32> = (0..depth).flat_map(|k| (0..columns).map(move |column| at(k, column))).collect();
            let turned: Vec<f32> = (0..columns).flat_map(|column| (0..depth).map(move |k| at(k, column))).collect();
            for arch in arches() {
                let packed = |matrix: &[f32], stride, turned| {
                    let mut out = vec![f32::NAN; depth * padded::<f32>(columns)];
                    pack(arch, matrix, stride, (depth, columns), turned, &mut out, 1);
                    out
                };
                let (one, other) = (packed(&rows, columns, false), packed(&turned, depth, true));
                // Every number is there, in both at the same place.
                for number in &rows {
                    let place = one.iter().position(|one| one == number).expect("it was packed");
                    assert_eq!(other[place], *number, "{depth} x {columns}");
                }
            }
        }
    }

    #[test]
    fn threads_change_nothing() {
        for (depth, columns) in [(PART / 100, 521), (700, PART / 160)] {
            let matrix: Vec<f32> = (0..depth * columns).map(|number| number as f32).collect();
            for (arch, turned) in arches().into_iter().flat_map(|arch| [(arch, false), (arch, true)]) {
                let stride = if turned { depth } else { columns };
                let packed = |threads| {
                    let mut out = vec![-1.0; depth * padded::<f32>(columns)];
                    let mut pack = || pack(arch, &matrix, stride, (depth, columns), turned, &mut out, threads);
                    Crew::new(threads).work(&mut pack);
                    out
                };
                assert_eq!(packed(1), packed(3), "{depth} x {columns}, turned: {turned}");
            }
        }
    }
}
