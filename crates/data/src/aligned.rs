//! Numbers that begin with a line of memory.

use std::ops::{Deref, DerefMut};

/// Bytes of a line of memory, and of the widest register.
pub(crate) const LINE: usize = 64;

/// A slice of its own that begins with a line of memory, so that whole registers of it never lie on two.
#[derive(Debug)]
pub struct Aligned<T> {
    /// With room for one line more.
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// So many zeros.
    pub fn zeros(len: usize) -> Aligned<T> {
        if len == 0 {
            return Aligned { values: Vec::new(), start: 0, len };
        }
        let line = LINE / size_of::<T>();
        let values = vec![T::default(); len + line];
        // It is the largest number there is where no element begins a line: then any will do.
        let start = values.as_ptr().align_offset(LINE).min(line);
        Aligned { values, start, len }
    }

    /// A copy of these.
    pub fn of(numbers: &[T]) -> Aligned<T> {
        let mut aligned = Aligned::zeros(numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

impl<T: Copy + Default> Clone for Aligned<T> {
    fn clone(&self) -> Aligned<T> {
        Aligned::of(self)
    }
}

impl<T: Copy + Default> FromIterator<T> for Aligned<T> {
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Aligned<T> {
        Aligned::of(&numbers.into_iter().collect::<Vec<T>>())
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
        let begins = |place: usize| place.is_multiple_of(LINE);
        for len in [0, 1, 5, 64, 1000] {
            let (mut one, other) = (Aligned::<f32>::zeros(len), Aligned::<f64>::zeros(len));
            one.iter_mut().for_each(|number| *number += 1.0);
            assert!(one.len() == len && one.iter().all(|number| *number == 1.0) && *other == vec![0.0; len]);
            let copy: Aligned<f32> = one.clone().iter().copied().collect();
            assert_eq!(*copy, *one);
            let places = [one.as_ptr().addr(), copy.as_ptr().addr(), other.as_ptr().addr()];
            assert!(len == 0 || places.into_iter().all(begins));
        }
    }
}
