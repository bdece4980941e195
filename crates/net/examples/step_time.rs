//! Time of one training step (gather, forward, backward, Adam) for three networks, against the machine's peak of fused
//! multiply-adds. Run with `cargo run --release -p opportune-net --example step_time`.

use opportune_core::plan::{Part, Plan};
use opportune_core::ports::Planner;
use opportune_core::rng::{Purpose, Stream};
use opportune_core::score::Score;
use opportune_core::settings::{Precision, Settings};
use opportune_core::space::Config;
use opportune_data::{ReadOptions, read};
use opportune_net::{NativeTrainer, Real, Run};
use pulp::{Arch, Simd, WithSimd};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const ROWS: u32 = 10_000;
const BATCH: u32 = 200;

/// Chains of fused multiply-adds that depend on nothing but themselves: twelve are enough to fill the pipes.
struct Peak<T>(T);

impl<T: Real> WithSimd for Peak<T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        const CHAINS: usize = 12;
        const TURNS: u32 = 200_000;
        let (factor, summand) = (T::splat(simd, black_box(self.0)), T::splat(simd, T::ONE));
        let begun = Instant::now();
        let mut chains = [T::splat(simd, T::ONE); CHAINS];
        for _ in 0..TURNS {
            for chain in &mut chains {
                *chain = T::mul_add(simd, *chain, factor, summand);
            }
        }
        black_box(chains);
        let operations = f64::from(TURNS) * (CHAINS * 2 * T::lanes::<S>()) as f64;
        operations / begun.elapsed().as_secs_f64()
    }
}

fn trainer(inputs: usize, hidden: &[u32], precision: Precision) -> NativeTrainer {
    let mut stream = Stream::new(1, 0, None, Purpose::Split);
    let mut text = String::new();
    for column in 0..inputs {
        let _ = write!(text, "x{column},");
    }
    text.push_str("y\n");
    for _ in 0..ROWS {
        for _ in 0..inputs {
            let _ = write!(text, "{},", stream.below(256));
        }
        let _ = writeln!(text, "{}", stream.below(10));
    }
    let path = std::env::temp_dir().join(format!("step_time_{inputs}_{}.csv", std::process::id()));
    std::fs::write(&path, text).expect("the folder for temporary files can be written");
    let data = read(&path, &ReadOptions::default()).expect("the data can be read").data;
    let _ = std::fs::remove_file(&path);
    let base = Settings { hidden: hidden.to_vec(), batch: BATCH, precision, ..Settings::default() };
    NativeTrainer::new(Arc::new(data), Vec::new(), (0..ROWS).collect(), base, Score::Accuracy, 1).expect("it fits")
}

fn measure<T: Real>(inputs: usize, hidden: &[u32], peak: f64) {
    let trainer = trainer(inputs, hidden, T::PRECISION);
    let plan: Arc<Plan> = Arc::new(trainer.plan(&Config::default(), Part::Whole).expect("the settings are good"));
    let samples = trainer.samples(Part::Whole).expect("there is a whole");
    let mut run = Run::<T>::new(plan.clone(), samples.clone());
    let steps = f64::from(ROWS / BATCH);
    let best = (0..20).filter_map(|_| run.epoch(&mut || false)).map(|one| one.seconds / steps).fold(f64::MAX, f64::min);
    // Two operations for each weight and row: forward, gradient, and, behind the first layer, the inputs' derivative.
    let widths = plan.recipe.network.widths();
    let products: usize = widths.windows(2).zip([2, 3, 3, 3]).map(|(pair, times)| pair[0] * pair[1] * times).sum();
    let floor = 2.0 * f64::from(BATCH) * products as f64 / peak;
    let mut inputs = vec![T::ZERO; BATCH as usize * samples.encoder.inputs()];
    let rows: Vec<u32> = (0..BATCH).collect();
    let gather = (0..50).map(|_| {
        let begun = Instant::now();
        T::encode(&samples.encoder, &samples.data, &rows, &mut inputs);
        black_box(&inputs);
        begun.elapsed().as_secs_f64()
    });
    println!(
        "{:?} {:16} {:8.1} us a step, floor {:6.1} us, ratio {:.2}; of it gathering {:.1} us",
        T::PRECISION,
        widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-"),
        best * 1e6,
        floor * 1e6,
        best / floor,
        gather.fold(f64::MAX, f64::min) * 1e6,
    );
}

fn width<T: Real>(factor: T) {
    let peak = (0..20).map(|_| Arch::new().dispatch(Peak(factor))).fold(0.0, f64::max);
    println!("{:?} peak {:.0} GFLOP/s", T::PRECISION, peak / 1e9);
    for (inputs, hidden) in [(64, &[100][..]), (64, &[50, 50]), (784, &[100])] {
        measure::<T>(inputs, hidden, peak);
    }
}

fn main() {
    width(0.5f32);
    width(0.5f64);
}
