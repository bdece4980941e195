//! Asking a schedule for a rate allocates nothing, whatever its kind.

// A counting allocator cannot be written without it.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used)]

use opportune_core::schedule::{KINDS, Schedule};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn rates_do_not_allocate() {
    for kind in KINDS {
        let schedule: Schedule = kind.example.parse().unwrap();
        let before = COUNT.get();
        let resolved = schedule.resolve((!schedule.owns_rate()).then_some(0.1), 7, 60).unwrap();
        assert!(COUNT.get() > before || kind.name != "chain", "the allocator does not count");
        let before = COUNT.get();
        let sum: f64 = (0..1000).map(|step| resolved.at(step).rate).sum();
        assert!(sum > 0.0 && resolved.at(u64::MAX).rate >= 0.0, "{}", kind.name);
        assert_eq!(COUNT.get(), before, "{} allocates", kind.name);
    }
}
