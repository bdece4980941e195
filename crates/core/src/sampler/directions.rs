//! Sobol's sequence, unscrambled, by its direction numbers.
//!
//! The numbers are the first ones of `new-joe-kuo-6.21201` (S. Joe and F. Y. Kuo 2008, Constructing Sobol sequences with
//! better two-dimensional projections, SIAM J. Sci. Comput. 30), under the licence in `LICENCE-joe-kuo.txt`. The order of
//! points is that of Antonov and Saleev (1979), by Gray code.

/// Dimensions there are.
pub(super) const DIMENSIONS: usize = TABLE.len() + 1;

/// Bits of a coordinate.
const BITS: usize = 32;

/// From the second dimension on: a primitive polynomial over the field of two, without its first and last coefficient
/// as the bits of a number, and the first direction numbers, as many as its degree.
const TABLE: [(u32, &[u32]); 31] = [
    (0, &[1]),
    (1, &[1, 3]),
    (1, &[1, 3, 1]),
    (2, &[1, 1, 1]),
    (1, &[1, 1, 3, 3]),
    (4, &[1, 3, 5, 13]),
    (2, &[1, 1, 5, 5, 17]),
    (4, &[1, 1, 5, 5, 5]),
    (7, &[1, 1, 7, 11, 19]),
    (11, &[1, 1, 5, 1, 1]),
    (13, &[1, 1, 1, 3, 11]),
    (14, &[1, 3, 5, 5, 31]),
    (1, &[1, 3, 3, 9, 7, 49]),
    (13, &[1, 1, 1, 15, 21, 21]),
    (16, &[1, 3, 1, 13, 27, 49]),
    (19, &[1, 1, 1, 15, 7, 5]),
    (22, &[1, 3, 1, 15, 13, 25]),
    (25, &[1, 1, 5, 5, 19, 61]),
    (1, &[1, 3, 7, 11, 23, 15, 103]),
    (4, &[1, 3, 7, 13, 13, 15, 69]),
    (7, &[1, 1, 3, 13, 7, 35, 63]),
    (8, &[1, 3, 5, 9, 1, 25, 53]),
    (14, &[1, 3, 1, 13, 9, 35, 107]),
    (19, &[1, 3, 1, 5, 27, 61, 31]),
    (21, &[1, 1, 5, 11, 19, 41, 61]),
    (28, &[1, 3, 5, 3, 3, 13, 69]),
    (31, &[1, 1, 7, 13, 1, 19, 1]),
    (32, &[1, 3, 7, 5, 13, 19, 59]),
    (37, &[1, 1, 3, 9, 25, 29, 41]),
    (41, &[1, 3, 5, 13, 23, 1, 55]),
    (42, &[1, 3, 7, 3, 13, 59, 17]),
];

static DIRECTIONS: [[u32; BITS]; DIMENSIONS] = directions();

const fn directions() -> [[u32; BITS]; DIMENSIONS] {
    let mut all = [[0; BITS]; DIMENSIONS];
    let mut bit = 0;
    // The first dimension is van der Corput's sequence.
    while bit < BITS {
        all[0][bit] = 1 << (BITS - 1 - bit);
        bit += 1;
    }
    let mut dimension = 1;
    while dimension < DIMENSIONS {
        let (coefficients, first) = TABLE[dimension - 1];
        all[dimension] = dimension_of(coefficients, first);
        dimension += 1;
    }
    all
}

/// The recurrence of Bratley and Fox (1988): v_k = a_1 v_{k-1} ⊕ … ⊕ a_{s-1} v_{k-s+1} ⊕ v_{k-s} ⊕ v_{k-s} / 2^s.
const fn dimension_of(coefficients: u32, first: &[u32]) -> [u32; BITS] {
    let degree = first.len();
    let mut numbers = [0; BITS];
    let mut k = 0;
    while k < BITS {
        if k < degree {
            numbers[k] = first[k] << (BITS - 1 - k);
        } else {
            let mut number = numbers[k - degree] ^ (numbers[k - degree] >> degree);
            let mut back = 1;
            while back < degree {
                if (coefficients >> (degree - 1 - back)) & 1 == 1 {
                    number ^= numbers[k - back];
                }
                back += 1;
            }
            numbers[k] = number;
        }
        k += 1;
    }
    numbers
}

/// A coordinate of point `index`, in units of 2^-32. `dimension` is below [`DIMENSIONS`].
pub(super) fn coordinate(index: u32, dimension: usize) -> u32 {
    let gray = index ^ (index >> 1);
    let bit = |(place, number): (usize, &u32)| if (gray >> place) & 1 == 1 { *number } else { 0 };
    DIRECTIONS[dimension].iter().enumerate().map(bit).fold(0, |all, one| all ^ one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// Made by `xtask/golden/sobol.py`.
    const GOLDEN: &str = include_str!("../../tests/golden/sobol.json");

    #[derive(Deserialize)]
    struct Golden {
        /// Coordinates are in units of two to the minus this.
        bits: u32,
        /// Number of a point and its coordinates.
        points: Vec<(u32, Vec<u32>)>,
    }

    #[test]
    fn points_are_those_of_scipy() {
        let golden: Golden = serde_json::from_str(GOLDEN).unwrap();
        assert!(golden.points.len() >= 40);
        for (index, expected) in &golden.points {
            let got: Vec<u32> = (0..DIMENSIONS).map(|dimension| coordinate(*index, dimension)).collect();
            let expected: Vec<u32> = expected.iter().map(|one| one << (32 - golden.bits)).collect();
            assert_eq!(got, expected, "point {index}");
        }
    }

    #[test]
    fn every_dimension_stratifies_by_itself() {
        for dimension in 0..DIMENSIONS {
            let mut seen: Vec<u32> = (0..1024).map(|index| coordinate(index, dimension) >> 22).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..1024), "dimension {dimension}");
        }
    }
}
