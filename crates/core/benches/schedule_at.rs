//! What it costs to ask a schedule for the rate at a step: once for each optimizer step of each run in training.
//!
//! `cargo bench -p opportune-core --bench schedule_at` prints nanoseconds for each kind, as its example over 60 epochs of 100
//! steps, and for the longest table; reading that table's text is timed as well.

use criterion::{Criterion, criterion_group, criterion_main};
use opportune_core::schedule::{KINDS, Schedule};
use std::hint::black_box;

const STEPS_PER_EPOCH: u32 = 100;
const EPOCHS: u32 = 60;

fn at(criterion: &mut Criterion, name: &str, text: &str) {
    let schedule: Schedule = text.parse().expect("a schedule");
    let base = (!schedule.owns_rate()).then_some(0.1);
    let resolved = schedule.resolve(base, STEPS_PER_EPOCH, EPOCHS).expect("a run");
    let steps = u64::from(STEPS_PER_EPOCH * EPOCHS);
    let mut step = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            // Every branch of a curve has its share, and none is foreseen.
            step = (step + 2_477) % steps;
            resolved.at(black_box(step))
        })
    });
}

fn schedules(criterion: &mut Criterion) {
    for kind in KINDS {
        at(criterion, kind.name, kind.example);
    }
    let rates: Vec<String> = (1..=10_000).map(|rate| (1.0 / f64::from(rate)).to_string()).collect();
    let table = format!("table(rates=[{}], every=1 step, per=step)", rates.join(", "));
    at(criterion, "table of 10,000 rates", &table);
    criterion.bench_function("reading a table of 10,000 rates", |bencher| {
        bencher.iter(|| black_box(&table).parse::<Schedule>())
    });
}

criterion_group!(benches, schedules);
criterion_main!(benches);
