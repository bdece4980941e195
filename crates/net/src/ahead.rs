//! Memory that is brought near while something else is computed.

use crate::passes::ROW_BYTES as LINE;
use std::cell::Cell;
use std::ops::Range;

/// Stretches that are asked for at once.
const MOST: usize = 12;

/// Stretches of memory that are asked for line by line, each time a few, so that asking does not wait: a processor keeps track of few
/// lines that are on their way.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// From the address of a line on; empty behind those that are asked for.
    stretches: [Range<usize>; MOST],
    /// The stretch that is next, and the bytes of it that have been asked for.
    next: Cell<(usize, usize)>,
    /// Lines of each time.
    each: usize,
}

impl Ahead {
    /// For these, [`MOST`] at most, where there will be so many times.
    pub(crate) fn new(stretches: impl Iterator<Item = Range<*const u8>>, times: usize) -> Ahead {
        let mut all = [const { 0..0 }; MOST];
        for (one, Range { start, end }) in all.iter_mut().zip(stretches) {
            *one = start.addr() / LINE * LINE..end.addr();
        }
        let lines: usize = all.iter().map(|one| one.len().div_ceil(LINE)).sum();
        Ahead { stretches: all, next: Cell::new((0, 0)), each: lines.div_ceil(times.max(1)) }
    }

    /// Asks for the next lines, which are then brought into the nearest cache.
    #[inline(always)]
    pub(crate) fn ask(&self) {
        let (mut stretch, mut byte) = self.next.get();
        for _ in 0..self.each {
            let Some(one) = self.stretches.get(stretch).filter(|one| !one.is_empty()) else { break };
            ask(one.start + byte);
            byte += LINE;
            if byte >= one.len() {
                (stretch, byte) = (stretch + 1, 0);
            }
        }
        self.next.set((stretch, byte));
    }
}

/// The processor may do it or not; nothing that is computed depends on it.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ask(place: usize) {
    use pulp::core_arch::x86::Sse;
    if let Some(sse) = Sse::try_new() {
        sse._mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(std::ptr::without_provenance(place));
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn ask(_: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_asked_for_in_time() {
        let numbers = opportune_data::Aligned::<f32>::zeros(1000);
        let place = |some: &[f32]| some.as_ptr_range().start.cast()..some.as_ptr_range().end.cast();
        let stretches = || numbers.chunks(300).map(place);
        // 300 numbers are 18.75 lines, and begin where a line does, a quarter before one, and in the middle of one; the last 100 take part of 7.
        for (times, each) in [(1, 66), (7, 10), (64, 2), (900, 1), (0, 66)] {
            let ahead = Ahead::new(stretches(), times);
            assert_eq!(ahead.each, each);
            let end = |ahead: &Ahead| ahead.stretches[ahead.next.get().0].is_empty();
            (1..66usize.div_ceil(each)).for_each(|_| ahead.ask());
            assert!(!end(&ahead), "{times}");
            (0..3).for_each(|_| ahead.ask());
            assert!(end(&ahead), "{times}");
        }
        Ahead::new(std::iter::empty(), 3).ask();
    }
}
