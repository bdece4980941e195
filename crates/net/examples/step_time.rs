//! Time of one training step (gather, forward, backward, Adam) for three networks on one core, and for a large one on all,
//! against the machine's peak of fused multiply-adds. Run with `cargo run --release -p opportune-net --example step_time`; with `-- --json` it prints one line
//! of JSON, seconds a step by width and network. Networks that are named, as 64-100-10, are timed on one core in place of
//! those. `cargo xtask bench trainer` and `bench scale` put others beside it.

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

/// Classes that rows have.
const CLASSES: u32 = 10;

/// A network whose step is timed.
struct Shape {
    inputs: usize,
    hidden: Vec<u32>,
    batch: u32,
    /// Whether all cores share the work.
    spread: bool,
}

/// Three small ones and a large one.
fn usual() -> Vec<Shape> {
    let shape = |inputs, hidden: &[u32], batch, spread| Shape { inputs, hidden: hidden.to_vec(), batch, spread };
    vec![
        shape(64, &[100], 200, false),
        shape(64, &[50, 50], 200, false),
        shape(784, &[100], 200, false),
        shape(784, &[1024, 1024], 256, true),
    ]
}

/// A network as it is written, `64-100-10`; `None` if it is none, or its outputs are not [`CLASSES`].
fn written(word: &str) -> Option<Shape> {
    let units: Vec<u32> = word.split('-').map(|units| units.parse().ok()).collect::<Option<_>>()?;
    match &units[..] {
        [inputs, hidden @ .., CLASSES] if !units.contains(&0) => {
            Some(Shape { inputs: *inputs as usize, hidden: hidden.to_vec(), batch: 200, spread: false })
        }
        _ => None,
    }
}

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
        let _ = writeln!(text, "{}", stream.below(CLASSES));
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

fn measure<T: Real>(shape: &Shape, threads: usize, peak: f64) -> Measured {
    let Shape { inputs, hidden, batch, .. } = shape;
    let (inputs, batch) = (*inputs, *batch);
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
    let times = std::iter::once(2).chain(std::iter::repeat(3));
    let products: usize = widths.windows(2).zip(times).map(|(pair, times)| pair[0] * pair[1] * times).sum();
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
fn width<T: Real>(factor: T, shapes: &[Shape]) -> (f64, Vec<Measured>) {
    let rate = |_| {
        let begun = Instant::now();
        Arch::new().dispatch(Peak(factor)) as f64 / begun.elapsed().as_secs_f64()
    };
    let peak = (0..4000).map(rate).fold(0.0, f64::max);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = |shape: &Shape| if shape.spread { cores } else { 1 };
    (peak, shapes.iter().map(|shape| measure::<T>(shape, threads(shape), peak)).collect())
}

fn main() {
    let words = std::env::args().skip(1).filter(|word| word != "--json");
    let named: Option<Vec<Shape>> = words.map(|word| written(&word)).collect();
    let shapes = match named {
        Some(shapes) if shapes.is_empty() => usual(),
        Some(shapes) => shapes,
        None => {
            eprintln!("a network is written as 64-100-{CLASSES}");
            std::process::exit(2);
        }
    };
    let widths = [("f32", width(0.5f32, &shapes)), ("f64", width(0.5f64, &shapes))];
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
