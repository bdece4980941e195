//! Mean and standard deviation of columns, over chosen rows, missing values ignored.

use crate::block::Block;

/// How a column is standardised: `(value - mean) / scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    /// The mean; 0 where there is no value.
    pub(crate) mean: f64,
    /// The population standard deviation; 1 where it is 0, or too small to be told from the rounding of the mean
    /// (scikit-learn's StandardScaler does both).
    pub(crate) scale: f64,
}

impl Moments {
    /// From a count and sums of `x·s` and of squared distances from a first estimate of the mean of `x·s`.
    fn new(count: f64, first: f64, distance: f64, squares: f64, unit: f64) -> Moments {
        if count == 0.0 {
            return Moments { mean: 0.0, scale: 1.0 };
        }
        let correction = distance / count;
        let mean = first + correction;
        let variance = (squares / count - correction * correction).max(0.0);
        let rounding = count * mean * f64::EPSILON;
        let scale = variance.sqrt() / unit;
        let constant = variance <= count * f64::EPSILON * variance + rounding * rounding;
        let usable = !constant && scale.recip().is_finite() && scale.recip() > 0.0;
        Moments { mean: mean / unit, scale: if usable { scale } else { 1.0 } }
    }

    /// Of numbers without missing values.
    pub(crate) fn of(values: impl Iterator<Item = f64> + Clone) -> Moments {
        let unit = unit(values.clone().fold(0.0, |most: f64, v| most.max(v.abs())));
        let (count, sum) = values.clone().fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v * unit));
        let first = if count > 0.0 { sum / count } else { 0.0 };
        let (distance, squares) = values.fold((0.0, 0.0), |(distance, squares), v| {
            let d = v * unit - first;
            (distance + d, squares + d * d)
        });
        Moments::new(count, first, distance, squares, unit)
    }
}

/// A power of two that brings numbers up to `most` near 1, so that squares neither overflow nor vanish and scaling is
/// exact.
fn unit(most: f64) -> f64 {
    let exponent = (most.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    2f64.powi(-exponent.clamp(-1000, 1000))
}

/// The moments of each of `width` columns over `rows`.
///
/// # Panics
/// Where a row is outside the block.
pub(crate) fn columns(block: &Block, width: usize, rows: &[u32]) -> Vec<Moments> {
    match block {
        Block::U8(values) => bytes(values, width, rows).into_iter().map(|sums| sums.moments()).collect(),
        Block::F32(values) => floats(values, width, rows, f64::from),
        Block::F64(values) => floats(values, width, rows, |v| v),
    }
}

/// One mean and one standard deviation over all values of `rows`, as for the pixels of images. The block has no
/// missing values.
pub(crate) fn pooled(block: &Block, width: usize, rows: &[u32]) -> Moments {
    match block {
        Block::U8(values) => bytes(values, width, rows)
            .into_iter()
            .fold(Sums::default(), |a, b| Sums {
                count: a.count + b.count,
                sum: a.sum + b.sum,
                squares: a.squares + b.squares,
            })
            .moments(),
        _ => {
            let cells = rows.iter().flat_map(|&row| row as usize * width..(row as usize + 1) * width);
            Moments::of(cells.map(|i| block.get(i)).filter(|v| !v.is_nan()))
        }
    }
}

/// Exact sums of bytes.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: u64,
    sum: u64,
    squares: u64,
}

impl Sums {
    fn moments(self) -> Moments {
        let count = self.count as f64;
        let first = if self.count > 0 { self.sum as f64 / count } else { 0.0 };
        // n Σx² − (Σx)² is exact in integers, so nothing cancels.
        let spread = u128::from(self.count) * u128::from(self.squares) - u128::from(self.sum) * u128::from(self.sum);
        Moments::new(count, first, 0.0, spread as f64 / count.max(1.0), 1.0)
    }
}

fn bytes(values: &[u8], width: usize, rows: &[u32]) -> Vec<Sums> {
    let mut sums = vec![Sums { count: rows.len() as u64, ..Sums::default() }; width];
    // 32-bit sums of at most 65,536 squares of bytes cannot overflow, and are quicker to add.
    let mut partial = vec![(0u32, 0u32); width];
    for piece in rows.chunks(1 << 16) {
        partial.fill((0, 0));
        for &row in piece {
            let row = &values[row as usize * width..(row as usize + 1) * width];
            for ((sum, squares), &x) in partial.iter_mut().zip(row) {
                let x = u32::from(x);
                *sum += x;
                *squares += x * x;
            }
        }
        for (total, &(sum, squares)) in sums.iter_mut().zip(&partial) {
            total.sum += u64::from(sum);
            total.squares += u64::from(squares);
        }
    }
    sums
}

fn floats<S: Copy>(values: &[S], width: usize, rows: &[u32], wide: impl Fn(S) -> f64 + Copy) -> Vec<Moments> {
    let row = |row: u32| values[row as usize * width..(row as usize + 1) * width].iter().map(move |&x| wide(x));
    let mut units = vec![0f64; width];
    for &r in rows {
        // max ignores NaN.
        units.iter_mut().zip(row(r)).for_each(|(most, x)| *most = most.max(x.abs()));
    }
    units.iter_mut().for_each(|most| *most = unit(*most));
    let mut counts = vec![0f64; width];
    let mut first = vec![0f64; width];
    for &r in rows {
        for (((count, sum), unit), x) in counts.iter_mut().zip(&mut first).zip(&units).zip(row(r)) {
            let there = !x.is_nan();
            *count += if there { 1.0 } else { 0.0 };
            *sum += if there { x * unit } else { 0.0 };
        }
    }
    first.iter_mut().zip(&counts).for_each(|(sum, count)| *sum /= count.max(1.0));
    let mut distances = vec![(0f64, 0f64); width];
    for &r in rows {
        for ((((distance, squares), mean), unit), x) in distances.iter_mut().zip(&first).zip(&units).zip(row(r)) {
            let d = if x.is_nan() { 0.0 } else { x * unit - mean };
            *distance += d;
            *squares += d * d;
        }
    }
    (0..width).map(|i| Moments::new(counts[i], first[i], distances[i].0, distances[i].1, units[i])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs().max(1e-300)
    }

    #[test]
    fn plain_moments() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, population standard deviation 2.
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let rows: Vec<u32> = (0..8).collect();
        let expected = Moments { mean: 5.0, scale: 2.0 };
        assert_eq!(Moments::of(values.iter().copied()), expected);
        assert_eq!(columns(&Block::F64(values.to_vec()), 1, &rows), [expected]);
        assert_eq!(columns(&Block::F32(values.map(|v| v as f32).to_vec()), 1, &rows), [expected]);
        assert_eq!(columns(&Block::U8(values.map(|v| v as u8).to_vec()), 1, &rows), [expected]);
        assert_eq!(pooled(&Block::U8(values.map(|v| v as u8).to_vec()), 2, &rows[..4]), expected);
        assert_eq!(pooled(&Block::F32(values.map(|v| v as f32).to_vec()), 4, &rows[..2]), expected);
    }

    #[test]
    fn missing_constant_and_empty_columns() {
        let block = Block::F64(vec![1.0, f64::NAN, 7.3, f64::NAN, f64::NAN, 7.3, 3.0, f64::NAN, 7.3]);
        let moments = columns(&block, 3, &[0, 1, 2]);
        assert_eq!(moments[0], Moments { mean: 2.0, scale: 1.0 });
        assert_eq!(moments[1], Moments { mean: 0.0, scale: 1.0 });
        assert!(close(moments[2].mean, 7.3) && moments[2].scale == 1.0);
        assert_eq!(columns(&block, 3, &[]), [Moments { mean: 0.0, scale: 1.0 }; 3]);
    }

    #[test]
    fn huge_tiny_and_distant_values_stay_finite_and_exact() {
        for factor in [1e300, 1e-300, 1.7e308 / 9.0, 5e-310] {
            let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].map(|v| v * factor);
            let rows: Vec<u32> = (0..8).collect();
            let [moments] = columns(&Block::F64(values.to_vec()), 1, &rows)[..] else { panic!() };
            assert!(moments.mean.is_finite() && moments.scale.is_finite() && moments.scale.recip().is_finite());
            if factor > 1e-305 {
                assert!(close(moments.mean, 5.0 * factor) && close(moments.scale, 2.0 * factor), "{moments:?}");
            }
        }
        let distant = [1e9 + 2.0, 1e9 + 4.0, 1e9 + 6.0, 1e9 + 8.0];
        let moments = Moments::of(distant.into_iter());
        assert_eq!(moments, Moments { mean: 1e9 + 5.0, scale: 5f64.sqrt() });
    }
}
