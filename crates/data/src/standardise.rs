//! Raw numbers of some rows, standardised: the hot loop of training.

use std::ops::Range;

use crate::aligned::{Aligned, LINE};
use crate::block::Block;
use crate::dataset::Dataset;
use crate::encode::Encoder;

/// Of the numeric columns, in the width in which is computed.
#[derive(Debug, Clone)]
pub(crate) struct Constants<T: Copy + Default> {
    pub(crate) mean: Aligned<T>,
    /// 1 over the scale.
    pub(crate) inverse: Aligned<T>,
}

/// What the two types have in common, hidden so that there are no others.
pub trait Standardise: Copy {
    /// The input of a category that a row has not.
    const ABSENT: Self;
    /// That of one that it has.
    const PRESENT: Self;
    /// Writes the inputs that are wanted.
    fn standardise(encoder: &Encoder, data: &Dataset, part: &Part<'_>, out: &mut [Self]);
}

impl Standardise for f32 {
    const ABSENT: f32 = 0.0;
    const PRESENT: f32 = 1.0;

    #[inline(always)]
    fn standardise(encoder: &Encoder, data: &Dataset, part: &Part<'_>, out: &mut [f32]) {
        let wide = &encoder.wide;
        match (&data.values, &encoder.narrow) {
            (Block::U8(v), Some(narrow)) => part.gather(v, narrow, out, |x, m, s| (f32::from(x) - m) * s),
            (Block::F32(v), Some(narrow)) => part.gather(v, narrow, out, |x, m, s| or_0((x - m) * s)),
            (Block::U8(v), None) => part.gather(v, wide, out, |x, m, s| ((f64::from(x) - m) * s) as f32),
            (Block::F32(v), None) => part.gather(v, wide, out, |x, m, s| or_0(((f64::from(x) - m) * s) as f32)),
            (Block::F64(v), _) => part.gather(v, wide, out, |x, m, s| or_0(((x - m) * s) as f32)),
        }
    }
}

impl Standardise for f64 {
    const ABSENT: f64 = 0.0;
    const PRESENT: f64 = 1.0;

    #[inline(always)]
    fn standardise(encoder: &Encoder, data: &Dataset, part: &Part<'_>, out: &mut [f64]) {
        let wide = &encoder.wide;
        let or_0 = |x: f64| if x.is_nan() { 0.0 } else { x };
        match &data.values {
            Block::U8(v) => part.gather(v, wide, out, |x, m, s| (f64::from(x) - m) * s),
            Block::F32(v) => part.gather(v, wide, out, |x, m, s| or_0((f64::from(x) - m) * s)),
            Block::F64(v) => part.gather(v, wide, out, |x, m, s| or_0((x - m) * s)),
        }
    }
}

#[inline(always)]
fn or_0(x: f32) -> f32 {
    if x.is_nan() { 0.0 } else { x }
}

/// Bytes that are brought near before they are used: a part of the nearest cache.
const NEAR: usize = 1 << 14;

/// Numbers of a row of which [`Encoder::encode_some`] is asked for most often: a loop over so many, known when it is compiled, takes a
/// third of the time.
const SOME: usize = 48;

/// Which values are wanted, and where they go.
pub struct Part<'a> {
    pub(crate) rows: &'a [u32],
    /// Of the numeric ones.
    pub(crate) columns: Range<usize>,
    /// Each row's inputs are at the start of so many elements of the output.
    pub(crate) stride: usize,
}

impl Part<'_> {
    /// The hot loop of training. Rows lie anywhere in memory: a number of each line is looked at first, of some rows at a time,
    /// so that the processor waits for many lines at once instead of for each in turn. Not where a part of each is wanted: then
    /// they were wanted before.
    #[inline(always)]
    fn gather<S: Bits, C: Copy + Default, T>(
        &self,
        values: &[S],
        constants: &Constants<C>,
        out: &mut [T],
        standardise: impl Fn(S, C, C) -> T,
    ) {
        let (all, count) = (constants.mean.len(), self.columns.len());
        if count == 0 {
            return;
        }
        let (mean, inverse) = (&constants.mean[self.columns.clone()], &constants.inverse[self.columns.clone()]);
        let of = |row: u32| &values[row as usize * all..][self.columns.clone()];
        if let (Some(mean), Some(inverse)) = (mean.first_chunk::<SOME>(), inverse.first_chunk::<SOME>())
            && count == SOME
        {
            // Copies, which nothing written can change: they stay in registers.
            let (mean, inverse) = (*mean, *inverse);
            for (&row, out) in self.rows.iter().zip(out.chunks_mut(self.stride)) {
                let (values, out) = (&of(row)[..SOME], &mut out[..SOME]);
                for i in 0..SOME {
                    out[i] = standardise(values[i], mean[i], inverse[i]);
                }
            }
            return;
        }
        let at_once = (NEAR / (count * size_of::<S>())).max(1);
        for (rows, out) in self.rows.chunks(at_once).zip(out.chunks_mut(at_once * self.stride)) {
            if count == all {
                // Once for all of them, or each would wait for its own line.
                std::hint::black_box(rows.iter().fold(0, |seen, &row| touch(of(row), seen)));
            }
            for (&row, out) in rows.iter().zip(out.chunks_mut(self.stride)) {
                convert(of(row), mean, inverse, out, &standardise);
            }
        }
    }
}

/// Reads a number of each line.
#[inline(always)]
fn touch<S: Bits>(row: &[S], seen: u64) -> u64 {
    row.iter().step_by(LINE / size_of::<S>()).chain(row.last()).fold(seen, |seen, number| seen ^ number.bits())
}

/// What a number is stored as.
trait Bits: Copy {
    fn bits(self) -> u64;
}

impl Bits for u8 {
    #[inline(always)]
    fn bits(self) -> u64 {
        u64::from(self)
    }
}

impl Bits for f32 {
    #[inline(always)]
    fn bits(self) -> u64 {
        u64::from(self.to_bits())
    }
}

impl Bits for f64 {
    #[inline(always)]
    fn bits(self) -> u64 {
        self.to_bits()
    }
}

/// One row: slices of one length and no branch, so that it is vectorised.
#[inline(always)]
fn convert<S: Copy, C: Copy, T>(
    values: &[S],
    mean: &[C],
    inverse: &[C],
    out: &mut [T],
    standardise: &impl Fn(S, C, C) -> T,
) {
    let width = values.len();
    let (mean, inverse, out) = (&mean[..width], &inverse[..width], &mut out[..width]);
    for i in 0..width {
        out[i] = standardise(values[i], mean[i], inverse[i]);
    }
}
