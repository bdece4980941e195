//! The right factor of a product as its inner loop reads it: panels of a few registers' width, the rows of each one behind
//! the other, so that it is read in one stream from few pages of memory.

use crate::real::Real;
use pulp::{Arch, Simd, WithSimd};

/// Registers of each panel, as their first and their number. Even ones: 7 registers are 4 and 3, not 4, 2 and 1. A product's
/// tile, a row of its right factor and one number of its left fill the register file.
#[inline(always)]
pub fn panels<S: Simd>(vectors: usize) -> impl Iterator<Item = (usize, usize)> {
    let panels = vectors.div_ceil(if S::REGISTER_COUNT >= 32 { 4 } else { 2 });
    let mut at = 0;
    (0..panels).map(move |panel| {
        let width = (vectors - at).div_ceil(panels - panel);
        at += width;
        (at - width, width)
    })
}

/// Writes a right factor, depth x columns, as panels: given by its rows, or, if `turned`, by its columns, each of `stride`
/// numbers. `out` holds depth padded rows ([`crate::passes::padded`]); what stands beyond the columns means nothing.
pub fn pack<T: Real>(
    arch: Arch,
    matrix: &[T],
    stride: usize,
    (depth, columns): (usize, usize),
    turned: bool,
    out: &mut [T],
) {
    arch.dispatch(Pack { matrix, stride, depth, columns, turned, out });
}

/// Numbers of a column that are turned at a time: a line of memory of 32-bit ones.
const TURNED: usize = 16;

struct Pack<'a, T> {
    matrix: &'a [T],
    stride: usize,
    depth: usize,
    columns: usize,
    turned: bool,
    out: &'a mut [T],
}

impl<T: Real> WithSimd for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let lanes = T::lanes::<S>();
        let Pack { matrix, stride, depth, .. } = self;
        for (at, width) in panels::<S>(self.columns.div_ceil(lanes)) {
            let begin = at * lanes;
            let panel = &mut self.out[begin * depth..][..width * lanes * depth];
            if self.turned {
                // A few numbers of each column at a time: whole lines of memory are read, and columns that fall into the same
                // part of the cache do not drive each other out.
                for (block, out) in panel.chunks_mut(TURNED * width * lanes).enumerate() {
                    for (column, row) in matrix[begin * stride..].chunks(stride).take(width * lanes).enumerate() {
                        let outs = out[column..].iter_mut().step_by(width * lanes);
                        outs.zip(&row[block * TURNED..depth]).for_each(|(out, number)| *out = *number);
                    }
                }
                continue;
            }
            let matrix = &matrix[begin..];
            // In registers, wherever the length is one that occurs.
            match width * lanes {
                4 => copy::<T, 4>(matrix, stride, panel),
                8 => copy::<T, 8>(matrix, stride, panel),
                16 => copy::<T, 16>(matrix, stride, panel),
                24 => copy::<T, 24>(matrix, stride, panel),
                32 => copy::<T, 32>(matrix, stride, panel),
                48 => copy::<T, 48>(matrix, stride, panel),
                64 => copy::<T, 64>(matrix, stride, panel),
                wide => {
                    for (out, row) in panel.chunks_exact_mut(wide).zip(matrix.chunks(stride)) {
                        let filled = wide.min(row.len());
                        out[..filled].copy_from_slice(&row[..filled]);
                    }
                }
            }
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

    #[test]
    fn a_factor_is_packed_from_its_rows_as_from_its_columns() {
        for (depth, columns) in [(1, 1), (3, 10), (7, 16), (5, 33), (2, 100), (4, 129)] {
            let at = |k: usize, column: usize| (k * columns + column) as f32;
            let rows: Vec<f32> = (0..depth).flat_map(|k| (0..columns).map(move |column| at(k, column))).collect();
            let turned: Vec<f32> = (0..columns).flat_map(|column| (0..depth).map(move |k| at(k, column))).collect();
            for arch in arches() {
                let packed = |matrix: &[f32], stride, turned| {
                    let mut out = vec![f32::NAN; depth * padded::<f32>(columns)];
                    pack(arch, matrix, stride, (depth, columns), turned, &mut out);
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
}
