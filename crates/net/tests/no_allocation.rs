//! An epoch allocates nothing once the run is made.

// A counting allocator cannot be written without it.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used)]

use opportune_core::averaging::Average;
use opportune_core::clip::Clip;
use opportune_core::plan::Part;
use opportune_core::ports::Planner;
use opportune_core::score::Score;
use opportune_core::settings::{Precision, Settings};
use opportune_core::space::Config;
use opportune_data::{ReadOptions, read};
use opportune_net::{NativeTrainer, Real, Run};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

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

fn allocations<T: Real>(trainer: &NativeTrainer) -> usize {
    let plan = trainer.plan(&Config::default(), Part::Fold(0)).unwrap();
    let samples = trainer.samples(Part::Fold(0)).unwrap().clone();
    let mut run = Run::<T>::new(Arc::new(plan), samples);
    run.epoch(&mut || false).unwrap();
    let before = COUNT.get();
    run.epoch(&mut || false).unwrap();
    run.epoch(&mut || false).unwrap();
    COUNT.get() - before
}

#[test]
fn steps_do_not_allocate() {
    let average = Average::Ema { decay: 0.99 };
    let clip = Clip { norm: Some(1.0), value: Some(0.1) };
    let base = |text: &str| Settings { optimizer: text.parse().unwrap(), hidden: vec![50, 50], ..Settings::default() };
    for base in [
        base("adam"),
        base("sgd(momentum=0.9)"),
        Settings { clip, dropout: 0.2, layer_norm: true, average, ..base("adam") },
    ] {
        none(base);
    }
}

fn none(base: Settings) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/digits.csv");
    let data = Arc::new(read(&path, &ReadOptions::default()).unwrap().data);
    let folds = vec![((0..1400).collect(), (1400..1797).collect())];
    for precision in [Precision::F32, Precision::F64] {
        let base = Settings { precision, ..base.clone() };
        let whole = (0..1797).collect();
        let trainer = NativeTrainer::new(data.clone(), folds.clone(), whole, base.clone(), Score::Accuracy, 1).unwrap();
        let count = match precision {
            Precision::F32 => allocations::<f32>(&trainer),
            Precision::F64 => allocations::<f64>(&trainer),
        };
        assert_eq!(count, 0, "{base:?}");
    }
}
