//! Softmax and its cross-entropy.

use crate::losses::Sums;
use crate::passes::{LANES, sum_lanes, vectorised};
use crate::real::Real;
use crate::turn::{SIDE, turn_on};
use pulp::{Arch, Simd, WithSimd};

/// Classes up to which rows are worked on side by side, each in a lane of its own.
const FEW: usize = 64;

/// Numbers that there is room for.
const ROOM: usize = 4096;

/// Rows that stand side by side at most; fewer where there are many classes.
const MOST: usize = 256;

/// What their number is a multiple of, so that loops over them are of whole registers on every processor.
const WHOLE: usize = 16;

/// Rows whose sums are multiplied before one logarithm is taken: the product is at most [`FEW`] to the power of their number.
const FACTORS: usize = 32;

vectorised! {
    /// Softmax cross-entropy of rows of `stride` logits ([`crate::passes::padded`]), the first `classes` of which count. Each row
    /// becomes its probabilities, with zeros behind.
    fn softmax[simd](logits: &'a mut [T], stride: usize, classes: usize, labels: &'a [u32]) -> Sums {
        let logits = &mut logits[..labels.len() * stride];
        if classes <= FEW {
            side_by_side(simd, logits, stride, classes, labels)
        } else {
            row_by_row(logits, stride, classes, labels)
        }
    }

    /// The probabilities alone, each divided by its row's sum, which is one chain from the first class to the last: to the
    /// last bit what this says of one row.
    fn probabilities[simd](logits: &'a mut [T], stride: usize, classes: usize) -> () {
        if classes <= FEW {
            let mut side = Side::new(classes);
            for rows in logits.chunks_mut(side.at_once() * stride) {
                side.stand(simd, rows, stride);
                side.exponentials(simd);
                side.share(|p, total| p / total);
                side.lie(simd, rows, stride);
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

/// The logits of some rows, transposed: a lane for each row and a column for each class. No register is partly idle, and nothing is
/// summed across one.
// Arrays begin with a line of memory: a register is as wide, and else would lie on two.
#[repr(C, align(64))]
struct Side<T> {
    columns: [T; ROOM],
    /// The largest of each row.
    tops: [T; MOST],
    /// Its class, the first of equals, as numpy's argmax has it.
    predicted: [T; MOST],
    /// Sums of the exponentials of what is left without the largest.
    totals: [T; MOST],
    classes: usize,
    /// Lanes of each column, a multiple of [`WHOLE`]. What stands in those of rows that are not there means nothing.
    lanes: usize,
}

impl<T: Real> Side<T> {
    #[inline(always)]
    fn new(classes: usize) -> Side<T> {
        let none = [T::ZERO; MOST];
        Side { classes, lanes: 0, columns: [T::ZERO; ROOM], tops: none, predicted: none, totals: none }
    }

    /// Columns that are turned: those of the classes, and what is turned with them.
    fn turned(&self) -> usize {
        self.classes.next_multiple_of(SIDE)
    }

    /// Rows that there is room for.
    fn at_once(&self) -> usize {
        (ROOM / self.turned() / WHOLE * WHOLE).min(MOST)
    }

    /// Takes rows.
    #[inline(always)]
    fn stand<S: Simd>(&mut self, simd: S, rows: &[T], stride: usize) {
        self.lanes = (rows.len() / stride).next_multiple_of(WHOLE);
        let turned = self.turned();
        turn_on(simd, rows, stride, &mut self.columns[..turned * self.lanes], self.lanes);
    }

    /// Gives them back, with zeros behind.
    #[inline(always)]
    fn lie<S: Simd>(&mut self, simd: S, rows: &mut [T], stride: usize) {
        let turned = self.turned();
        let columns = &mut self.columns[..turned * self.lanes];
        columns[self.classes * self.lanes..].fill(T::ZERO);
        for (eight, rows) in rows.chunks_mut(SIDE * stride).enumerate() {
            turn_on(simd, &columns[eight * SIDE..], self.lanes, rows, stride);
            if turned < stride {
                rows.chunks_exact_mut(stride).for_each(|row| row[turned..].fill(T::ZERO));
            }
        }
    }

    /// Finds the largest of each row.
    // In registers from the first class to the last: of numbers in memory of which some change and some do not, the compiler writes
    // those that do through a mask, which with AVX2 alone took some twenty cycles.
    #[inline(always)]
    fn largest<S: Simd>(&mut self, simd: S) {
        let registers = T::split::<S>(&self.columns[..self.classes * self.lanes]).0;
        let tops = T::split_mut::<S>(&mut self.tops[..self.lanes]).0;
        let predicted = T::split_mut::<S>(&mut self.predicted[..self.lanes]).0;
        let every = tops.len();
        for (at, (place, predicted)) in tops.iter_mut().zip(predicted).enumerate() {
            let (mut top, mut first) = (T::splat(simd, T::of(f64::NEG_INFINITY)), T::splat(simd, T::ZERO));
            for (class, z) in registers[at..].iter().step_by(every).enumerate() {
                first = T::select_less(simd, top, *z, T::splat(simd, T::of(class as f64)), first);
                top = T::select_less(simd, top, *z, *z, top);
            }
            (*place, *predicted) = (top, first);
        }
    }

    /// Replaces logits by exponentials of what is left without the largest, and sums these.
    // Loops over lanes, whose number is not known before: they become vector code as they stand, where those over a known number
    // are taken apart.
    #[inline(always)]
    fn exponentials<S: Simd>(&mut self, simd: S) {
        self.largest(simd);
        let columns = &mut self.columns[..self.classes * self.lanes];
        let (tops, totals) = (&self.tops[..self.lanes], &mut self.totals[..self.lanes]);
        totals.fill(T::ZERO);
        for column in columns.chunks_exact_mut(self.lanes) {
            for ((z, top), total) in column.iter_mut().zip(tops).zip(&mut *totals) {
                *z = (*z - *top).exp();
                *total += *z;
            }
        }
    }

    /// Replaces exponentials by `share` of them and their sum.
    #[inline(always)]
    fn share(&mut self, share: impl Fn(T, T) -> T) {
        for column in self.columns[..self.classes * self.lanes].chunks_exact_mut(self.lanes) {
            column.iter_mut().zip(&self.totals).for_each(|(p, total)| *p = share(*p, *total));
        }
    }
}

/// Some rows at a time, for few classes.
#[inline(always)]
fn side_by_side<T: Real, S: Simd>(simd: S, logits: &mut [T], stride: usize, classes: usize, labels: &[u32]) -> Sums {
    let mut sums = Sums::default();
    let mut side = Side::new(classes);
    let at_once = side.at_once();
    for (rows, labels) in logits.chunks_mut(at_once * stride).zip(labels.chunks(at_once)) {
        side.stand(simd, rows, stride);
        let mut truths = [T::ZERO; MOST];
        for ((truth, row), &label) in truths.iter_mut().zip(rows.chunks_exact(stride)).zip(labels) {
            *truth = row[label as usize];
        }
        side.exponentials(simd);
        for (begin, labels) in (0..).step_by(FACTORS).zip(labels.chunks(FACTORS)) {
            let mut product = 1.0;
            for (lane, &label) in (begin..).zip(labels) {
                sums.loss += side.tops[lane].wide() - truths[lane].wide();
                sums.hits += u32::from(side.predicted[lane] == T::of(f64::from(label)));
                product *= side.totals[lane].wide();
            }
            sums.loss += product.ln();
        }
        // A product by the inverse.
        side.totals.iter_mut().for_each(|total| *total = T::ONE / *total);
        side.share(|p, inverse| p * inverse);
        side.lie(simd, rows, stride);
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
