//! Softmax and its cross-entropy.

use crate::losses::Sums;
use crate::passes::{LANES, sum_lanes};
use crate::real::Real;
use crate::turn::{SIDE, turn_on};
use pulp::{Arch, Simd, WithSimd};

/// Classes up to which rows are worked on side by side, each in a lane of its own.
const FEW: usize = 64;

/// Columns of [`LANES`] rows that there is room for: 128 rows of 10 classes.
const ROOM: usize = 256;

/// Softmax cross-entropy of rows of `stride` logits ([`crate::passes::padded`]), the first `classes` of which count. Each row becomes its
/// probabilities, with zeros behind.
pub fn softmax<T: Real>(arch: Arch, logits: &mut [T], stride: usize, classes: usize, labels: &[u32]) -> Sums {
    arch.dispatch(Softmax { logits: &mut logits[..labels.len() * stride], stride, classes, labels })
}

struct Softmax<'a, T> {
    logits: &'a mut [T],
    stride: usize,
    classes: usize,
    labels: &'a [u32],
}

impl<T: Real> WithSimd for Softmax<'_, T> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let Softmax { logits, stride, classes, labels } = self;
        if classes <= FEW {
            side_by_side(simd, logits, stride, classes, labels)
        } else {
            row_by_row(logits, stride, classes, labels)
        }
    }
}

/// The probabilities alone, each divided by its row's sum, which is one chain from the first class to the last: to the
/// last bit what this says of one row.
pub fn probabilities<T: Real>(arch: Arch, logits: &mut [T], stride: usize, classes: usize) {
    arch.dispatch(Probabilities { logits, stride, classes });
}

struct Probabilities<'a, T> {
    logits: &'a mut [T],
    stride: usize,
    classes: usize,
}

impl<T: Real> WithSimd for Probabilities<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Probabilities { logits, stride, classes } = self;
        if classes <= FEW {
            let mut room = [[T::ZERO; LANES]; ROOM];
            for rows in logits.chunks_mut(at_once(classes) * stride) {
                stand(simd, rows, stride, classes, &mut room);
                let blocks = rows.len().div_ceil(LANES * stride);
                for columns in room.chunks_exact_mut(whole(classes)).take(blocks) {
                    Block::of(&mut columns[..classes], |p, total| p / total);
                }
                lie(simd, &room, rows, stride, classes);
            }
        } else {
            for row in logits.chunks_exact_mut(stride) {
                let (row, behind) = row.split_at_mut(classes);
                let top = row.iter().fold(T::of(f64::NEG_INFINITY), |top, z| larger(*z, top));
                row.iter_mut().for_each(|z| *z = (*z - top).exp());
                let total = row.iter().fold(T::ZERO, |total, p| total + *p);
                row.iter_mut().for_each(|p| *p = *p / total);
                behind.fill(T::ZERO);
            }
        }
    }
}

/// What became of the logits of up to [`LANES`] rows, a lane for each.
struct Block<T> {
    /// The largest.
    tops: [T; LANES],
    /// Its class, the first of equals, as numpy's argmax has it.
    predicted: [T; LANES],
    /// Sums of the exponentials of what is left without the largest.
    totals: [T; LANES],
}

impl<T: Real> Block<T> {
    /// Replaces columns, one for each class, by `share` of exponentials and their sum. No register is partly idle, and nothing is
    /// summed across one.
    #[inline(always)]
    fn of(columns: &mut [[T; LANES]], share: impl Fn(T, T) -> T) -> Block<T> {
        let (mut tops, mut predicted) = ([T::of(f64::NEG_INFINITY); LANES], [T::ZERO; LANES]);
        for (class, column) in columns.iter().enumerate() {
            let class = T::of(class as f64);
            for lane in 0..LANES {
                let more = column[lane] > tops[lane];
                tops[lane] = if more { column[lane] } else { tops[lane] };
                predicted[lane] = if more { class } else { predicted[lane] };
            }
        }
        for column in columns.iter_mut() {
            for lane in 0..LANES {
                column[lane] = column[lane] - tops[lane];
            }
        }
        // On its own: in the middle of the other work it would not become vector code.
        columns.as_flattened_mut().iter_mut().for_each(|z| *z = z.exp());
        let mut totals = [T::ZERO; LANES];
        for column in columns.iter() {
            for lane in 0..LANES {
                totals[lane] += column[lane];
            }
        }
        for column in columns.iter_mut() {
            for lane in 0..LANES {
                column[lane] = share(column[lane], totals[lane]);
            }
        }
        Block { tops, predicted, totals }
    }
}

/// Rows that are worked on before the next ones. Many, for numbers that are read in another width than they were just written
/// in are waited for.
fn at_once(classes: usize) -> usize {
    ROOM / whole(classes) * LANES
}

/// Columns of a block: those of the classes, and what else is turned with them.
fn whole(classes: usize) -> usize {
    classes.next_multiple_of(SIDE)
}

/// Turns rows into columns, block by block. What stands in the lanes of rows that are not there stays.
#[inline(always)]
fn stand<T: Real, S: Simd>(simd: S, rows: &[T], stride: usize, classes: usize, room: &mut [[T; LANES]]) {
    for (rows, columns) in rows.chunks(LANES * stride).zip(room.chunks_exact_mut(whole(classes))) {
        turn_on(simd, rows, stride, columns.as_flattened_mut(), LANES);
    }
}

/// Turns columns back into rows, with zeros behind.
#[inline(always)]
fn lie<T: Real, S: Simd>(simd: S, room: &[[T; LANES]], rows: &mut [T], stride: usize, classes: usize) {
    for (rows, columns) in rows.chunks_mut(LANES * stride).zip(room.chunks_exact(whole(classes))) {
        turn_on(simd, columns.as_flattened(), LANES, rows, stride);
        rows.chunks_exact_mut(stride).for_each(|row| row[classes..].fill(T::ZERO));
    }
}

/// Some rows at a time, for few classes.
#[inline(always)]
fn side_by_side<T: Real, S: Simd>(simd: S, logits: &mut [T], stride: usize, classes: usize, labels: &[u32]) -> Sums {
    let mut sums = Sums::default();
    let mut room = [[T::ZERO; LANES]; ROOM];
    let at_once = at_once(classes);
    for (rows, labels) in logits.chunks_mut(at_once * stride).zip(labels.chunks(at_once)) {
        stand(simd, rows, stride, classes, &mut room);
        for (columns, labels) in room.chunks_exact_mut(whole(classes)).zip(labels.chunks(LANES)) {
            let columns = &mut columns[..classes];
            let mut truths = [T::ZERO; LANES];
            for (lane, &label) in labels.iter().enumerate() {
                truths[lane] = columns[label as usize][lane];
            }
            // A product by the inverse: the compiler takes it once for all classes.
            let Block { tops, predicted, totals } = Block::of(columns, |p, total| p * (T::ONE / total));
            for (lane, &label) in labels.iter().enumerate() {
                sums.loss += tops[lane].wide() - truths[lane].wide();
                sums.hits += u32::from(predicted[lane] == T::of(f64::from(label)));
            }
            // One logarithm for eight rows: the product of their sums is far from overflowing.
            sums.loss += totals[..labels.len()].iter().map(|total| total.wide()).product::<f64>().ln();
        }
        lie(simd, &room, rows, stride, classes);
    }
    sums
}

/// Row by row, for many classes.
#[inline(always)]
fn row_by_row<T: Real>(logits: &mut [T], stride: usize, classes: usize, labels: &[u32]) -> Sums {
    let mut sums = Sums::default();
    for (row, &label) in logits.chunks_exact_mut(stride).zip(labels) {
        row[classes..].fill(T::of(f64::NEG_INFINITY));
        let label = label as usize;
        let truth = row[label];
        // The largest of the others: one comparison then tells hits, but for the rare ties.
        let mut tops = [T::of(f64::NEG_INFINITY); LANES];
        for (chunk, first) in row.as_chunks::<LANES>().0.iter().zip((0..).step_by(LANES)) {
            for lane in 0..LANES {
                let z = if first + lane == label { tops[lane] } else { chunk[lane] };
                tops[lane] = larger(z, tops[lane]);
            }
        }
        let other = top_lane(tops);
        // The first of equals is the prediction, as numpy's argmax has it.
        let hit = truth > other || (truth == other && row[..label].iter().all(|z| *z < truth));
        sums.hits += u32::from(hit);
        let top = larger(truth, other);
        sums.loss += top.wide() - truth.wide();
        row.iter_mut().for_each(|z| *z = *z - top);
    }
    // On its own and over all rows: in the middle of the other work it would not become vector code.
    logits.iter_mut().for_each(|z| *z = z.exp());
    // Logarithms are taken of the product of eight rows' sums, which is far from overflowing.
    let mut product = 1.0;
    for (index, row) in logits.chunks_exact_mut(stride).enumerate() {
        let mut parts = [T::ZERO; LANES];
        for chunk in row.chunks_exact(LANES) {
            for (part, p) in parts.iter_mut().zip(chunk) {
                *part += *p;
            }
        }
        let total = sum_lanes(parts);
        product *= total.wide();
        if index % 8 == 7 {
            sums.loss += product.ln();
            product = 1.0;
        }
        let scale = T::ONE / total;
        row.iter_mut().for_each(|p| *p = *p * scale);
    }
    sums.loss += product.ln();
    sums
}

/// The larger one; the second if either is no number.
#[inline(always)]
fn larger<T: Real>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

#[inline(always)]
fn top_lane<T: Real>(parts: [T; LANES]) -> T {
    let [a, b, c, d, e, f, g, h] = parts;
    larger(larger(larger(a, e), larger(c, g)), larger(larger(b, f), larger(d, h)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::padded;
    use crate::testing::arches;
    use opportune_core::rng::{Purpose, Stream};

    /// Loss, hits and probabilities, term by term in 64 bits.
    fn plain(logits: &[f64], classes: usize, labels: &[u32]) -> (f64, u32, Vec<f64>) {
        let (mut loss, mut hits, mut all) = (0.0, 0, Vec::new());
        for (row, &label) in logits.chunks_exact(classes).zip(labels) {
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = row.iter().map(|z| (z - top).exp()).sum();
            loss += total.ln() + top - row[label as usize];
            hits += u32::from(row.iter().position(|z| *z == top) == Some(label as usize));
            all.extend(row.iter().map(|z| (z - top).exp() / total));
        }
        (loss, hits, all)
    }

    fn check<T: Real>(arch: Arch, rows: usize, classes: usize, tolerance: f64) {
        let stream = &mut Stream::new(3, 0, None, Purpose::Split);
        // Whole numbers: many rows have several largest ones.
        let logits: Vec<f64> = (0..rows * classes).map(|_| (2.0 * stream.normal()).round()).collect();
        let labels: Vec<u32> = (0..rows).map(|_| stream.below(classes as u32)).collect();
        let stride = padded::<T>(classes) + LANES;
        let mut values = vec![T::of(f64::NAN); rows * stride];
        for (row, logits) in values.chunks_exact_mut(stride).zip(logits.chunks_exact(classes)) {
            row.iter_mut().zip(logits).for_each(|(value, logit)| *value = T::of(*logit));
        }
        let sums = softmax(arch, &mut values, stride, classes, &labels);
        let (loss, hits, all) = plain(&logits, classes, &labels);
        assert!((sums.loss - loss).abs() < tolerance * loss, "{rows} x {classes}: {} is not {loss}", sums.loss);
        assert_eq!(sums.hits, hits, "{rows} x {classes}");
        for (row, expected) in values.chunks_exact(stride).zip(all.chunks_exact(classes)) {
            row.iter().zip(expected).for_each(|(got, p)| assert!((got.wide() - p).abs() < tolerance));
            assert!(row[classes..].iter().all(|behind| *behind == T::ZERO));
        }
    }

    #[test]
    fn few_classes_and_many_are_as_defined() {
        for arch in arches() {
            for (rows, classes) in [(1, 2), (8, 3), (203, 10), (21, FEW), (21, FEW + 1), (9, 300)] {
                check::<f32>(arch, rows, classes, 1e-5);
                check::<f64>(arch, rows, classes, 1e-13);
            }
        }
    }

    #[test]
    fn probabilities_are_those_of_one_row_to_the_last_bit() {
        for (arch, classes) in
            arches().into_iter().flat_map(|arch| [2, 10, FEW, FEW + 1].map(|classes| (arch, classes)))
        {
            let stream = &mut Stream::new(4, 0, None, Purpose::Split);
            let stride = padded::<f64>(classes);
            let logits: Vec<f64> = (0..21 * stride).map(|_| 3.0 * stream.normal()).collect();
            let mut all = logits.clone();
            probabilities(arch, &mut all, stride, classes);
            for (row, logits) in all.chunks_exact(stride).zip(logits.chunks_exact(stride)) {
                let top = logits[..classes].iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let exponentials: Vec<f64> = logits[..classes].iter().map(|z| Real::exp(z - top)).collect();
                let total = exponentials.iter().fold(0.0, |total, p| total + p);
                let expected: Vec<f64> = exponentials.iter().map(|p| p / total).collect();
                assert_eq!(row[..classes], expected);
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_so() {
        for classes in [4, FEW + 4] {
            let stride = padded::<f32>(classes);
            let mut logits = vec![0.0f32; 2 * stride];
            logits[1] = f32::NAN;
            let sums = softmax(Arch::new(), &mut logits, stride, classes, &[0, 0]);
            assert!(sums.loss.is_nan() && logits[..classes].iter().all(|p| p.is_nan()));
            assert!(logits[stride..][..classes].iter().all(|p| *p == 1.0 / classes as f32));
        }
    }
}
