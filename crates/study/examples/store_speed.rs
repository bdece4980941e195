//! What the engine and its store cost: trials whose training costs nothing, through the real engine.
//!
//! `cargo run --release -p opportune-study --example store_speed -- WHAT FOLDER TRIALS [EPOCHS [BYTES]]` prints one
//! line of JSON. BYTES is the size of a saved state (64). FOLDER must be there. WHAT is
//!
//! - `memory`: in memory alone;
//! - `group`: into SQLite as always, in groups; the clock stops when everything is durable, and `longest_wait` is the
//!   longest time from a report to its being durable;
//! - `full`: the same with all that a report can hold: averaged weights and the losses of blocks of rows;
//! - `each`: every report is a transaction of its own, synced;
//! - `open`: takes hold of the study that is in the folder, and reads it as `opportune show` does.

use opportune_core::InputError;
use opportune_core::class_weight::ClassWeight;
use opportune_core::loss::Loss;
use opportune_core::memory::Remembered;
use opportune_core::observation::{Observation, Scored};
use opportune_core::optimizer::Optimizer;
use opportune_core::plan::{Key, Network, Part, Plan, PrefixKey, Recipe};
use opportune_core::policy::Sampled;
use opportune_core::ports::{Capabilities, Desk, Go, Job, Planner, Record, Start, Store, StoreError, StudyId, Trainer};
use opportune_core::sampler::Random;
use opportune_core::schedule::Ruled;
use opportune_core::score::Score;
use opportune_core::settings::{Activation, Init, Precision, Settings};
use opportune_core::space::{Config, Domain, Param, Space};
use opportune_study::store::{MemoryStore, Opened, Storage};
use opportune_study::{Asked, Engine, Happening, Progress, Watching};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

const STEPS: u32 = 10;
const NAME: &str = "speed";
const SETTINGS: &str = r#"{"file":"none","score":"r2"}"#;

struct Nothing {
    state: usize,
    full: bool,
    /// When each report was made that is not durable yet.
    reported: Arc<Mutex<VecDeque<Instant>>>,
}

impl Nothing {
    fn observation(&self, job: &Job, epoch: u32) -> Observation {
        let step = u64::from(epoch) * u64::from(STEPS);
        let rate = job.plan.schedule.at(step - 1).rate;
        let loss = (rate / 0.01).ln().abs() + 1.0 / f64::from(epoch);
        Observation {
            epoch,
            step,
            rate,
            momentum: None,
            train_loss: loss,
            penalty: job.plan.recipe.l2,
            train_score: 1.0 - loss,
            validation: Some(Scored { loss: loss + 0.1, score: 0.9 - loss }),
            averaged: self.full.then_some(Scored { loss: loss + 0.05, score: 0.95 - loss }),
            blocks: self.full.then(|| std::array::from_fn(|block| (loss + block as f64 / 100.0) as f32)),
            seconds: 0.0,
        }
    }
}

impl Trainer for Nothing {
    fn capabilities(&self) -> Capabilities {
        Capabilities { pause: true, exact: true, runs: 1 }
    }

    fn work(&self, desk: &dyn Desk) {
        while let Some(job) = desk.take() {
            let done = match &job.start {
                Start::Fresh => 0,
                Start::Checkpoint { epoch, .. } => *epoch,
            };
            for epoch in done + 1..=job.until {
                let observation = self.observation(&job, epoch);
                self.reported.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
                if desk.epoch(job.id, observation, &mut || vec![epoch as u8; self.state]) == Go::Leave {
                    break;
                }
            }
        }
    }
}

struct Plans {
    epochs: u32,
}

impl Planner for Plans {
    fn parts(&self) -> Vec<Part> {
        vec![Part::Fold(0)]
    }

    fn rate_rule(&self, _: &Config) -> Result<Option<Ruled>, InputError> {
        Ok(None)
    }

    fn plan(&self, config: &Config, part: Part) -> Result<Plan, InputError> {
        let settings = Settings::default().with(config)?;
        let network = Network {
            inputs: 2,
            hidden: vec![],
            outputs: 1,
            activation: Activation::Relu,
            init: Init::Glorot,
            layer_norm: false,
        };
        let recipe = Recipe {
            data: Key([1; 16]),
            part,
            rows: Key([2; 16]),
            network,
            loss: Loss::Squared,
            label_smoothing: 0.0,
            class_weight: ClassWeight::Alike,
            optimizer: Optimizer::default(),
            l2: settings.l2,
            weight_decay: 0.0,
            clip: Default::default(),
            dropout: 0.0,
            batch: 1,
            seed: 0,
            repeat: 0,
            precision: Precision::F32,
            kernels: "none".into(),
            score: Score::R2,
            averaging: Default::default(),
            blocks: false,
        };
        let schedule = settings.schedule.resolve(settings.lr, STEPS, self.epochs)?;
        Ok(Plan { recipe, schedule, epochs: self.epochs })
    }
}

struct Silent;

impl Progress for Silent {
    fn happened(&self, _: &Happening) {}
}

/// Another store, watched.
struct Watched {
    store: Box<dyn Store>,
    /// Commit after every report.
    each: bool,
    reported: Arc<Mutex<VecDeque<Instant>>>,
    /// Nanoseconds.
    longest_wait: Arc<AtomicU64>,
}

fn is_report(record: &Record) -> bool {
    matches!(record, Record::Epoch { .. })
}

impl Watched {
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.store.append(records)?;
        // Reports come in the order in which they were made: one thread makes them all.
        let reports = records.iter().filter(|record| is_report(record)).count();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = reported.drain(..reports).next() {
            self.longest_wait.fetch_max(first.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Store for Watched {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        match self.each {
            true => records.split_inclusive(is_report).try_for_each(|records| self.commit(records)),
            false => self.commit(records),
        }
    }

    fn load(&mut self) -> Result<Remembered, StoreError> {
        self.store.load()
    }

    fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.store.state(key)
    }
}

/// Takes hold of the study in `folder`, the one that is there or a new one.
fn store(folder: &Path) -> Result<Box<dyn Store>, Box<dyn Error>> {
    let id = StudyId { name: NAME.into(), hash: Key::of(SETTINGS.as_bytes()), settings: SETTINGS.into() };
    match Storage::open(&folder.join("opportune.db"))?.study(&id, false)? {
        Opened::Study(store) => Ok(store),
        other => Err(format!("the study cannot be had: {other:?}").into()),
    }
}

/// From the start until everything is durable.
fn run(what: &str, store: Box<dyn Store>, trials: u32, epochs: u32, state: usize) -> Result<Value, Box<dyn Error>> {
    let range = |name: &str, low, high| {
        let domain = Domain::Range { low, high, log: true, whole: false };
        Param { name: name.into(), domain }
    };
    let space = Space(vec![range("lr", 1e-5, 1.0), range("l2", 1e-7, 1e-2)]);
    let planner = Plans { epochs };
    let asked = Asked {
        parts: planner.parts(),
        rules: vec![],
        watching: Watching::EachFold,
        rules_stay: false,
        score: Score::R2,
        share: true,
        deliver: false,
        branches: vec![],
        abandon: false,
        deadline: None,
        ahead: None,
        drafts: None,
    };
    let reported = Arc::new(Mutex::new(VecDeque::new()));
    let longest_wait = Arc::new(AtomicU64::new(0));
    let trainer = Nothing { state, full: what == "full", reported: reported.clone() };
    let store = Watched { store, each: what == "each", reported, longest_wait: longest_wait.clone() };
    let began = Instant::now();
    let mut engine = Engine::new(Box::new(store))?;
    let mut policy = Sampled::new(space, Box::new(Random { seed: 1 }), trials, epochs);
    engine.run(&asked, &mut policy, &planner, &trainer, &Silent, &AtomicBool::new(false))?;
    let seconds = began.elapsed().as_secs_f64();
    let ended = engine.memory().endings.len();
    if ended != trials as usize {
        return Err(format!("{ended} of {trials} trials ended").into());
    }
    Ok(json!({
        "trials": trials, "epochs": epochs, "seconds": seconds, "trials_per_second": f64::from(trials) / seconds,
        "longest_wait": longest_wait.load(Ordering::Relaxed) as f64 / 1e9,
    }))
}

/// Seconds until the engine has a study, and until it is read without taking hold of it.
fn open(folder: &Path) -> Result<Value, Box<dyn Error>> {
    let began = Instant::now();
    let engine = Engine::new(store(folder)?)?;
    let engine_seconds = began.elapsed().as_secs_f64();
    let trials = engine.memory().trials.len();
    drop(engine);
    let began = Instant::now();
    let read = Storage::open(&folder.join("opportune.db"))?.read(NAME)?.ok_or("there is no study")?;
    let read_seconds = began.elapsed().as_secs_f64();
    let epochs: usize = read.1.stages.iter().map(|stage| stage.epochs.len()).sum();
    Ok(json!({ "trials": trials, "epochs": epochs, "engine_seconds": engine_seconds, "read_seconds": read_seconds }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: store_speed memory|group|full|each|open FOLDER TRIALS [EPOCHS [BYTES]]";
    let (Some(what), Some(folder)) = (words.first(), words.get(1).map(Path::new)) else { return Err(usage.into()) };
    let number = |at: usize, default| words.get(at).map_or(Ok(default), |word| word.parse::<u32>());
    let (trials, epochs, state) = (number(2, 1000)?, number(3, 30)?, number(4, 64)? as usize);
    let answer = match what.as_str() {
        "memory" => run(what, Box::new(MemoryStore::default()), trials, epochs, state)?,
        "group" | "full" | "each" => run(what, store(folder)?, trials, epochs, state)?,
        "open" => open(folder)?,
        _ => return Err(usage.into()),
    };
    println!("{answer}");
    Ok(())
}
