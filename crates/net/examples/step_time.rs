//! Time of one training step (gather, forward, backward, Adam) for three networks on one core, and for a large one on all,
//! against the machine's peak of fused multiply-adds. Run with `cargo run --release -p opportune-net --example step_time`; with `-- --json` it prints one line
//! of JSON, seconds a step by width and network. `cargo xtask bench trainer` puts others beside it.

#[path = "../benches/peak/mod.rs"]
mod peak;

use opportune_core::plan::{Part, Plan};
use opportune_core::ports::Planner;
use opportune_core::rng::{Purpose, Stream};
use opportune_core::score::Score;
use opportune_core::settings::{Precision, Settings};
use opportune_core::space::Config;
use opportune_data::{ReadOptions, read};
use opportune_net::kernels::encode;
use opportune_net::{NativeTrainer, Real, Run};
use peak::Peak;
use pulp::Arch;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const ROWS: u32 = 10_000;

/// Inputs, hidden layers, rows of a batch, and whether all cores share the work.
const NETWORKS: [(usize, &[u32], u32, bool); 4] =
    [(64, &[100], 200, false), (64, &[50, 50], 200, false), (784, &[100], 200, false), (784, &[1024, 1024], 256, true)];

fn trainer(inputs: usize, hidden: &[u32], batch: u32, precision: Precision) -> NativeTrainer {
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
    let base = Settings { hidden: hidden.to_vec(), batch, precision, ..Settings::default() };
    NativeTrainer::new(Arc::new(data), Vec::new(), (0..ROWS).collect(), base, Score::Accuracy, 1).expect("it fits")
}

/// What one step of a network took, in seconds.
struct Measured {
    network: String,
    step: f64,
    /// What its products take at the peak.
    floor: f64,
    gather: f64,
}

fn measure<T: Real>(inputs: usize, hidden: &[u32], batch: u32, threads: usize, peak: f64) -> Measured {
    let trainer = trainer(inputs, hidden, batch, T::PRECISION);
    let plan: Arc<Plan> = Arc::new(trainer.plan(&Config::default(), Part::Whole).expect("the settings are good"));
    let samples = trainer.samples(Part::Whole).expect("there is a whole");
    let mut run = Run::<T>::new(plan.clone(), samples.clone());
    run.spread(threads);
    let steps = f64::from(ROWS.div_ceil(batch));
    let epochs = if threads == 1 { 20 } else { 4 };
    let best =
        (0..epochs).filter_map(|_| run.epoch(&mut || false)).map(|one| one.seconds / steps).fold(f64::MAX, f64::min);
    // Two operations for each weight and row: forward, gradient, and, behind the first layer, the inputs' derivative.
    let widths = plan.recipe.network.widths();
    let products: usize = widths.windows(2).zip([2, 3, 3, 3]).map(|(pair, times)| pair[0] * pair[1] * times).sum();
    let floor = 2.0 * f64::from(ROWS) / steps * products as f64 / (peak * threads as f64);
    let mut inputs = vec![T::ZERO; batch as usize * samples.encoder.inputs()];
    let rows: Vec<u32> = (0..batch).collect();
    let gather = (0..50).map(|_| {
        let begun = Instant::now();
        encode(Arch::new(), &samples.encoder, &samples.data, &rows, &mut inputs);
        black_box(&inputs);
        begun.elapsed().as_secs_f64()
    });
    Measured {
        network: widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-"),
        step: best,
        floor,
        gather: gather.fold(f64::MAX, f64::min),
    }
}

/// The peak, in operations a second, and all networks.
fn width<T: Real>(factor: T) -> (f64, Vec<Measured>) {
    let rate = |_| {
        let begun = Instant::now();
        Arch::new().dispatch(Peak(factor)) as f64 / begun.elapsed().as_secs_f64()
    };
    let peak = (0..4000).map(rate).fold(0.0, f64::max);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let measured = NETWORKS
        .map(|(inputs, hidden, batch, all)| measure::<T>(inputs, hidden, batch, if all { cores } else { 1 }, peak));
    (peak, measured.into())
}

fn main() {
    let widths = [("f32", width(0.5f32)), ("f64", width(0.5f64))];
    if std::env::args().any(|word| word == "--json") {
        let by_width = |value: &dyn Fn(f64, &[Measured]) -> Value| -> Value {
            widths.iter().map(|(name, (peak, all))| ((*name).to_owned(), value(*peak, all))).collect()
        };
        let of_all = |all: &[Measured], value: &dyn Fn(&Measured) -> f64| -> Value {
            all.iter().map(|one| (one.network.clone(), json!(value(one)))).collect()
        };
        let answer = json!({
            "peak": by_width(&|peak, _| json!(peak)),
            "steps": by_width(&|_, all| of_all(all, &|one| one.step)),
            "floors": by_width(&|_, all| of_all(all, &|one| one.floor)),
        });
        println!("{answer}");
        return;
    }
    for (name, (peak, all)) in widths {
        println!("{name} peak {:.0} GFLOP/s", peak / 1e9);
        for Measured { network, step, floor, gather } in all {
            println!(
                "{name} {network:17} {:8.1} us a step, floor {:6.1} us, ratio {:.2}; of it gathering {:.1} us",
                step * 1e6,
                floor * 1e6,
                step / floor,
                gather * 1e6,
            );
        }
    }
}
