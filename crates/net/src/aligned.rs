//! Numbers that begin with a line of memory.

use crate::passes::ROW_BYTES;
use crate::real::Real;
use std::ops::{Deref, DerefMut};

/// A slice of its own that begins with a line of memory, so that whole registers of padded rows never lie on two of them.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    /// With room for one line more.
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Real> Aligned<T> {
    /// So many zeros.
    pub(crate) fn zeros(len: usize) -> Aligned<T> {
        if len == 0 {
            return Aligned { values: Vec::new(), start: 0, len };
        }
        let values = vec![T::ZERO; len + ROW_BYTES / T::BYTES];
        // It is the largest number there is where no element begins a line: then any will do.
        let start = values.as_ptr().align_offset(ROW_BYTES).min(ROW_BYTES / T::BYTES);
        Aligned { values, start, len }
    }

    /// A copy of these.
    pub(crate) fn of(numbers: &[T]) -> Aligned<T> {
        let mut aligned = Aligned::zeros(numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values[self.start..][..self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_begins_a_line() {
        for len in [0, 1, 5, 64, 1000] {
            let (mut one, other) = (Aligned::<f32>::zeros(len), Aligned::<f64>::zeros(len));
            one.iter_mut().for_each(|number| *number += 1.0);
            assert!(one.len() == len && one.iter().all(|number| *number == 1.0) && *other == vec![0.0; len]);
            assert!(len == 0 || one.as_ptr().addr() % ROW_BYTES == 0 && other.as_ptr().addr() % ROW_BYTES == 0);
        }
    }
}
