//! What the tests of this crate share: plans without data, and a trainer whose "training" is a chain of hashes, so
//! that equal settings give equal bits, and every epoch executed is counted.

use opportune_core::InputError;
use opportune_core::class_weight::ClassWeight;
use opportune_core::loss::Loss;
use opportune_core::memory::Remembered;
use opportune_core::observation::{Observation, Scored};
use opportune_core::optimizer::Optimizer;
use opportune_core::plan::{Key, Network, Part, Plan, Recipe};
use opportune_core::ports::{Capabilities, Desk, Go, Job, JobError, Planner, Record, Start, Trainer};
use opportune_core::schedule::{Ruled, Schedule};
use opportune_core::score::Score;
use opportune_core::settings::{Activation, Init, Precision, Settings};
use opportune_core::space::Config;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Steps of an epoch.
const STEPS: u32 = 4;

pub fn plan(part: Part, schedule: &Schedule, lr: f64, epochs: u32) -> Plan {
    let recipe = Recipe {
        data: Key([1; 16]),
        part,
        rows: Key([2; 16]),
        network: Network {
            inputs: 2,
            hidden: vec![],
            outputs: 1,
            activation: Activation::Relu,
            init: Init::Glorot,
            layer_norm: false,
        },
        loss: Loss::Squared,
        label_smoothing: 0.0,
        class_weight: ClassWeight::Alike,
        optimizer: Optimizer::default(),
        l2: 0.0,
        weight_decay: 0.0,
        clip: Default::default(),
        dropout: 0.0,
        batch: 1,
        seed: 0,
        repeat: 0,
        precision: Precision::F32,
        kernels: "chain".into(),
        score: Score::R2,
        averaging: Default::default(),
        blocks: false,
    };
    Plan { recipe, schedule: schedule.resolve(Some(lr), STEPS, epochs).unwrap(), epochs }
}

/// A constant run of five epochs with checkpoints at 2 and 4.
pub fn scripted() -> Remembered {
    let plan = plan(Part::Fold(0), &"constant".parse().unwrap(), 0.1, 5);
    let keys = plan.keys(None, plan.epochs);
    let mut memory = Remembered::default();
    memory.apply(&Record::Stage { stage: 0, part: Part::Fold(0), parent: None, first: keys[1] });
    let mut chain = Chain::fresh(&plan);
    for (epoch, &key) in (1..=5u32).zip(&keys[1..]) {
        let observation = chain.epoch(&plan);
        memory.apply(&Record::Epoch { stage: 0, key, observation });
        if epoch % 2 == 0 {
            memory.apply(&Record::Checkpoint { stage: 0, epoch, key, state: chain.save().into() });
        }
    }
    memory
}

pub struct ChainPlanner {
    pub folds: u32,
}

impl Planner for ChainPlanner {
    fn parts(&self) -> Vec<Part> {
        (0..self.folds).map(Part::Fold).collect()
    }

    fn plan(&self, config: &Config, part: Part) -> Result<Plan, InputError> {
        let settings = Settings::default().with(config)?;
        Ok(plan(part, &settings.schedule, settings.lr.unwrap_or(0.1), settings.epochs))
    }

    fn rate_rule(&self, config: &Config) -> Result<Option<Ruled>, InputError> {
        let settings = Settings::default().with(config)?;
        settings.schedule.ruled(STEPS, settings.epochs)
    }
}

/// The state of a chain: a hash of everything applied so far.
#[derive(Clone)]
pub struct Chain {
    epoch: u32,
    hash: [u8; 32],
}

impl Chain {
    fn fresh(plan: &Plan) -> Chain {
        Chain { epoch: 0, hash: *blake3::hash(format!("{}", plan.recipe.part).as_bytes()).as_bytes() }
    }

    fn save(&self) -> Vec<u8> {
        [&self.epoch.to_le_bytes()[..], &self.hash].concat()
    }

    fn load(bytes: &[u8]) -> Option<Chain> {
        let (epoch, hash) = bytes.split_at_checked(4)?;
        Some(Chain { epoch: u32::from_le_bytes(epoch.try_into().ok()?), hash: hash.try_into().ok()? })
    }

    /// The loss falls as the epochs go, a little differently for every state; the validation loss turns at epoch 12.
    fn epoch(&mut self, plan: &Plan) -> Observation {
        let first = u64::from(self.epoch * STEPS);
        let mut rate = 0.0;
        for step in first..first + u64::from(STEPS) {
            rate = plan.schedule.at(step).rate;
            self.hash = *blake3::hash(&[&self.hash[..], &rate.to_bits().to_le_bytes()].concat()).as_bytes();
        }
        self.epoch += 1;
        let jitter = f64::from(self.hash[0]) / 256.0 * 1e-3;
        let train_loss = if rate > 100.0 { f64::NAN } else { 1.0 / f64::from(self.epoch) + jitter };
        let loss = 0.2 + (f64::from(self.epoch) - 12.0).powi(2) / 100.0 + jitter;
        Observation {
            epoch: self.epoch,
            step: first + u64::from(STEPS),
            rate,
            momentum: None,
            train_loss,
            penalty: 0.0,
            train_score: 1.0 - train_loss,
            validation: plan.recipe.part.fold().map(|_| Scored { loss, score: 1.0 - loss }),
            averaged: None,
            blocks: None,
            seconds: 0.0,
        }
    }
}

/// Counts what it executes.
#[derive(Default)]
pub struct ChainTrainer {
    pub threads: usize,
    /// Epochs executed, by part and epoch.
    pub executed: Mutex<Vec<(Part, u32)>>,
    /// Sets `interrupt` after so many epochs in all; 0 never.
    pub interrupt_after: AtomicU64,
    pub interrupt: AtomicBool,
    /// Fails this many jobs at their start, as a broken machine would.
    pub failures: AtomicU64,
}

impl ChainTrainer {
    pub fn new(threads: usize) -> ChainTrainer {
        ChainTrainer { threads, ..ChainTrainer::default() }
    }

    pub fn count(&self) -> u64 {
        self.executed.lock().unwrap().len() as u64
    }

    fn train(&self, desk: &dyn Desk, job: &Job) {
        let mut chain = match &job.start {
            Start::Fresh => Chain::fresh(&job.plan),
            Start::Checkpoint { epoch, state } => match Chain::load(state).filter(|chain| chain.epoch == *epoch) {
                Some(chain) => chain,
                None => return desk.failed(job.id, JobError::State("not a chain".into())),
            },
        };
        if self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            return desk.failed(job.id, JobError::Training("the machine broke".into()));
        }
        loop {
            if desk.dropped(job.id) {
                return desk.put_down(job.id);
            }
            let observation = chain.epoch(&job.plan);
            assert!(observation.epoch <= job.until, "trained beyond the grant");
            let count = {
                let mut executed = self.executed.lock().unwrap();
                executed.push((job.plan.recipe.part, observation.epoch));
                executed.len() as u64
            };
            if count == self.interrupt_after.load(Ordering::SeqCst) {
                self.interrupt.store(true, Ordering::SeqCst);
            }
            if desk.epoch(job.id, observation, &mut || chain.save()) == Go::Leave {
                return;
            }
        }
    }
}

impl Trainer for ChainTrainer {
    fn capabilities(&self) -> Capabilities {
        Capabilities { pause: true, exact: true, runs: self.threads }
    }

    fn work(&self, desk: &dyn Desk) {
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    while let Some(job) = desk.take() {
                        self.train(desk, &job);
                    }
                });
            }
        });
    }
}
