//! The inner loops of a training step, one by one, at the sizes of three networks with batches of 200.
//!
//! `cargo bench -p opportune-net --bench kernels` prints time and throughput: of products operations a second (a multiplication
//! and an addition are two), of passes numbers a second. `peak` is what the processor can do at most.

mod peak;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use opportune_core::settings::Activation;
use opportune_net::Real;
use opportune_net::kernels::{
    Columns, Factors, Product, Right, Rows, Shrink, Step, activate, column_sums, derive, pack, pack_tail, padded, room,
    softmax, sweep, tail,
};
use peak::Peak;
use pulp::Arch;

const BATCH: usize = 200;

fn numbers<T: Real>(count: usize) -> Vec<T> {
    (0..count).map(|index| T::of(((index * 37) % 101) as f64 / 101.0 - 0.5)).collect()
}

/// rows x depth by depth x columns. A gradient's left factor is given by its columns and its result is dense; other
/// products have weights in panels and padded results.
fn product<T: Real>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    (rows, depth, columns): (usize, usize, usize),
    gradient: bool,
) {
    let stride = padded::<T>(columns);
    let (left, right, start) = (numbers::<T>(rows * depth), numbers::<T>(depth * stride), numbers::<T>(stride));
    let out_stride = if gradient { columns } else { stride };
    let mut near = vec![T::ZERO; room::<T>(rows, depth, stride, 1)];
    let mut panels = vec![T::ZERO; depth * stride];
    let matrix = numbers::<T>(depth * columns);
    let last_columns = tail::<T>(depth, columns);
    let mut last = vec![T::ZERO; depth * last_columns];
    pack(Arch::new(), &matrix, columns, (depth, columns - last_columns), false, &mut panels, 1);
    pack_tail(Arch::new(), &matrix, columns, (depth, columns), &mut last);
    let mut out = vec![T::ZERO; rows * out_stride];
    group.throughput(Throughput::Elements(2 * (rows * depth * columns) as u64));
    group.bench_function(BenchmarkId::new(name, format!("{rows}x{depth}x{columns}")), |bencher| {
        bencher.iter(|| {
            Product {
                sizes: (rows, depth, columns),
                factors: match gradient {
                    true => Factors::ByColumns {
                        left: Columns::Lying { values: &left, stride: rows },
                        right: &right,
                        right_stride: stride,
                        near: &mut near,
                    },
                    false => Factors::ByRows {
                        left: Rows::Lying { values: &left, stride: depth },
                        right: Right::Panels(&panels),
                        tail: &last,
                        near: &mut [],
                        after: None,
                    },
                },
                start: Some(&start),
                out: &mut out,
                out_stride,
            }
            .run(Arch::new(), 1);
        })
    });
}

fn width<T: Real>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(T::PRECISION.to_string());
    let peak = || Arch::new().dispatch(Peak(T::of(0.5)));
    group.throughput(Throughput::Elements(peak() as u64));
    group.bench_function("peak", |bencher| bencher.iter(peak));
    for (inputs, outputs) in [(64, 100), (64, 50), (784, 100), (100, 10), (50, 50), (50, 10)] {
        product::<T>(&mut group, "forward", (BATCH, inputs, outputs), false);
        product::<T>(&mut group, "gradient", (inputs, BATCH, outputs), true);
        if ![64, 784].contains(&inputs) {
            product::<T>(&mut group, "backward", (BATCH, outputs, inputs), false);
        }
    }

    let arch = Arch::new();
    let stride = padded::<T>(100);
    let mut values = numbers::<T>(BATCH * stride);
    let other = numbers::<T>(BATCH * stride);
    group.throughput(Throughput::Elements(values.len() as u64));
    for &activation in Activation::ALL {
        group.bench_function(format!("{activation}"), |bencher| {
            bencher.iter(|| {
                values.copy_from_slice(&other);
                activate(arch, activation, &mut values)
            })
        });
        group.bench_function(format!("{activation}'s derivative"), |bencher| {
            bencher.iter(|| derive(arch, activation, &mut values, &other))
        });
    }
    let mut sums = vec![T::ZERO; 100];
    group.bench_function("column sums", |bencher| bencher.iter(|| column_sums(arch, &other, stride, 0, &mut sums)));
    let (mut logits, labels) = (numbers::<T>(BATCH * padded::<T>(10)), vec![3; BATCH]);
    group.throughput(Throughput::Elements(BATCH as u64));
    group
        .bench_function("softmax", |bencher| bencher.iter(|| softmax(arch, &mut logits, padded::<T>(10), 10, &labels)));
    for inputs in [64, 784] {
        let weights = numbers::<T>(inputs * 100);
        let mut panels = vec![T::ZERO; weights.len().max(inputs * stride).max(100 * padded::<T>(inputs))];
        group.throughput(Throughput::Elements(weights.len() as u64));
        group.bench_function(BenchmarkId::new("pack", inputs), |bencher| {
            bencher.iter(|| pack(arch, &weights, 100, (inputs, 100), false, &mut panels, 1))
        });
        group.bench_function(BenchmarkId::new("pack turned", inputs), |bencher| {
            bencher.iter(|| pack(arch, &weights, 100, (100, inputs), true, &mut panels, 1))
        });
        let (mut w, g) = (weights.clone(), weights.clone());
        let (mut m, mut v) = (vec![T::ZERO; w.len()], vec![T::ZERO; w.len()]);
        let step = Step::Adam {
            rate: T::of(1e-3),
            beta1: T::of(0.9),
            beta2: T::of(0.999),
            root: T::of(10.0),
            eps: T::of(1e-8),
            amsgrad: false,
        };
        group.bench_function(BenchmarkId::new("adam", inputs), |bencher| {
            bencher.iter(|| sweep(arch, step, Shrink::none(), &mut w, &g, [&mut m, &mut v, &mut [], &mut []]))
        });
    }
}

fn kernels(criterion: &mut Criterion) {
    width::<f32>(criterion);
    width::<f64>(criterion);
}

criterion_group!(benches, kernels);
criterion_main!(benches);
