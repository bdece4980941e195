//! The engine: takes a policy's trials to a trainer and back.

use crate::ahead::Foresight;
use crate::desk::Counter;
use crate::drafts::Drafts;
use crate::session::Session;
use crate::tree::Tree;
use crate::writer::Writer;
use opportune_core::InputError;
use opportune_core::memory::{Remembered, TrialResult};
use opportune_core::observation::Observation;
use opportune_core::plan::{Part, Plan};
use opportune_core::policy::Policy;
use opportune_core::ports::{Planner, Record, Store, StoreError, Trainer};
use opportune_core::score::Score;
use opportune_core::stop::StopRule;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Which curve the stop rules watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    /// Each fold's own: each stops by itself.
    EachFold,
    /// The mean over folds, which advance together.
    MeanOverFolds,
}

/// What is asked of the engine beside the policy.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The parts each trial is trained on.
    pub parts: Vec<Part>,
    /// Rules that stop a run.
    pub rules: Vec<StopRule>,
    /// What they watch.
    pub watching: Watching,
    /// Whether all sessions of the study have these rules. Then nobody goes on from where a rule ended a run, and its state
    /// is not kept.
    pub rules_stay: bool,
    /// The study's score.
    pub score: Score,
    /// Train what trials have in common once.
    pub share: bool,
    /// Keep the state of each run's chosen epoch, to be fetched with [`Engine::delivered`].
    pub deliver: bool,
    /// Epochs at which states are kept because other plans may leave a run there later: where cooldowns begin.
    pub branches: Vec<u32>,
    /// Whether an interruption ends runs in the middle of an epoch although what they did before is not saved: where nobody
    /// will go on from here.
    pub abandon: bool,
    /// When to put everything down, whatever the policy still wants.
    pub deadline: Option<Instant>,
    /// Knows what is trained after this session, so that it is begun within it once cores would wait, and brought to its
    /// end; the deadline does not count for it.
    pub ahead: Option<Arc<dyn Foresight>>,
    /// What the policy will ask for, if that was drawn up before: by the planner that the session is given, on its parts.
    pub drafts: Option<Arc<Drafts>>,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it was interrupted; everything is saved then, and the same call goes on.
    pub interrupted: bool,
    /// Whether it was ended before all that was granted had been trained: the policy said so, or the time was up.
    pub cut: bool,
    /// Numbers of the trials the policy asked for, in its order.
    pub trials: Vec<u32>,
}

/// The state of a run at the epoch that counts.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// What was trained.
    pub plan: Arc<Plan>,
    /// Epochs done.
    pub epoch: u32,
    /// What the trainer saved.
    pub state: Arc<[u8]>,
}

/// What happens while the engine works; told in order, from any thread, under the engine's lock: be quick.
#[derive(Debug)]
pub enum Happening<'a> {
    /// An epoch was trained.
    Epoch {
        /// The first of the trials it was trained for.
        trial: u32,
        /// Where.
        part: Part,
        /// What it gave.
        observation: &'a Observation,
    },
    /// A trial came to its end on all parts.
    Ended(&'a TrialResult),
    /// How far everything is; now and then.
    Totals(Totals),
    /// Something a person should know.
    Warning(String),
}

/// How far a session is, in fold-epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Trained, those remembered from before among them.
    pub trained: u64,
    /// Granted and not given back by a stop rule.
    pub granted: u64,
    /// Trials that ended.
    pub ended: usize,
    /// Trials taken up.
    pub trials: usize,
}

/// Watches the engine.
pub trait Progress: Sync {
    /// Something happened.
    fn happened(&self, what: &Happening);
}

/// Why a session could not go on. What was trained before is remembered.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What was asked cannot be planned.
    #[error("{0}")]
    Input(#[from] InputError),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The trainer stopped working.
    #[error("training failed: {0}")]
    Training(String),
    /// The trainer cannot do what is needed.
    #[error("{0}")]
    Incapable(String),
}

/// Carries out policies on one study.
pub struct Engine {
    writer: Writer,
    tree: Tree,
    /// The last session may not be durable yet.
    unsaved: bool,
}

impl Engine {
    /// Takes over a store and all it remembers.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn new(mut store: Box<dyn Store>) -> Result<Engine, StoreError> {
        let memory = store.load()?;
        Ok(Engine { writer: Writer::new(store), tree: Tree::new(memory), unsaved: false })
    }

    /// What is remembered, as of now.
    pub fn memory(&self) -> &Remembered {
        &self.tree.memory
    }

    /// Remembers something said of the study as a whole; durable after the next [`Engine::flush`], or soon.
    pub fn note(&mut self, kind: &str, json: String) {
        let record = Record::Note { kind: kind.to_string(), json };
        self.tree.memory.apply(&record);
        self.writer.append([record]);
        self.writer.hasten();
    }

    /// Returns when everything remembered so far is durable.
    ///
    /// # Errors
    /// The store failed.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.writer.flush()
    }

    /// Nothing is trained any more: the store gets ready to be closed while something else is done.
    pub fn settle(&self) {
        self.writer.settle();
    }

    /// Lets `policy` have its trials trained until it is finished, or until `interrupt` is set. What was trained is durable
    /// when another session trains on top of it, after [`Engine::flush`], and where this was interrupted or failed when it
    /// returns.
    ///
    /// # Errors
    /// See [`EngineError`]; what was trained before is remembered.
    pub fn run(
        &mut self,
        asked: &Asked,
        policy: &mut dyn Policy,
        planner: &dyn Planner,
        trainer: &dyn Trainer,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<Outcome, EngineError> {
        if !trainer.capabilities().pause {
            return Err(EngineError::Incapable("this trainer cannot save a run and go on from it".into()));
        }
        self.writer.end_is_near(false);
        let memory = std::mem::take(&mut self.tree.memory);
        let mut tree = Tree::new(memory);
        // States that are in memory only, or on their way to the store, stay known.
        tree.adopt(&mut self.tree);
        let room = trainer.capabilities().runs;
        let session = Session::new(tree, asked, policy, planner, progress, &self.writer, room).heeding(interrupt);
        let counter = Counter::new(session, interrupt);
        let planned = counter.open();
        // Where nothing is left to be trained, nobody waits for the disk.
        let saved = if self.unsaved && !counter.over() { self.writer.flush() } else { Ok(()) };
        if planned.is_ok() && saved.is_ok() {
            trainer.work(&counter);
        }
        let (tree, outcome) = counter.close();
        self.tree = tree;
        // What is remembered counts before what went wrong.
        saved?;
        self.unsaved = planned.is_ok() && outcome.as_ref().is_ok_and(|outcome| !outcome.interrupted);
        match self.unsaved {
            true => self.writer.hasten(),
            false => self.writer.flush()?,
        }
        planned?;
        outcome
    }

    /// The state of a trial's run at the epoch that counts, if the last session was asked to deliver it and the run
    /// came to its end.
    pub fn delivered(&self, trial: u32, part: Part) -> Option<Delivered> {
        let view = self.tree.views.iter().find(|view| view.number == trial && view.part == part)?;
        view.ended?;
        let epoch = view.chosen?;
        let saved = self.tree.lanes[view.stage_of(epoch)? as usize].saved.get(&epoch)?;
        Some(Delivered { plan: view.plan.clone(), epoch, state: saved.state()?.clone() })
    }

    /// States held in memory, for tests.
    #[cfg(test)]
    pub(crate) fn states_in_memory(&self) -> usize {
        self.tree.lanes.iter().flat_map(|lane| lane.saved.values()).filter(|saved| saved.state().is_some()).count()
    }
}
