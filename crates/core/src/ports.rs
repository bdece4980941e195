//! The outside, as core sees it: who trains, who plans, who remembers.

use crate::error::InputError;
use crate::memory::Remembered;
use crate::observation::Observation;
use crate::plan::{Key, Part, Plan, PrefixKey};
use crate::schedule::Ruled;
use crate::space::Config;
use crate::stop::Stopped;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a trainer can do; held against what a study needs before anything starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Can save a run after any epoch and go on from it.
    pub pause: bool,
    /// The same plan gives the same bits.
    pub exact: bool,
    /// Runs it trains at the same time.
    pub runs: usize,
}

/// A piece of a run to train.
#[derive(Debug, Clone)]
pub struct Job {
    /// The caller's name for it.
    pub id: u64,
    /// What is trained.
    pub plan: Arc<Plan>,
    /// From where.
    pub start: Start,
    /// Up to so many epochs in all, at most the plan's.
    pub until: u32,
}

/// Where a job starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// From the initial weights.
    Fresh,
    /// From a saved state after `epoch` epochs.
    Checkpoint {
        /// Epochs done.
        epoch: u32,
        /// What the trainer saved.
        state: Arc<[u8]>,
    },
}

/// What a trainer does with a run after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Train the next epoch.
    On,
    /// Put the run down; what is needed of it has been saved.
    Leave,
}

/// Trains runs. An implementation owns its threads or machines and fetches work from the desk.
pub trait Trainer: Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Takes jobs from the desk until it gives no more. A job whose `start` cannot be read, or whose training fails
    /// for another reason than the numbers (which are a result), is reported to [`Desk::failed`].
    fn work(&self, desk: &dyn Desk);
}

/// The side of the engine that a trainer sees. All methods may be called from any thread.
pub trait Desk: Sync {
    /// The next job; waits for one as long as running jobs may still lead to more. `None`: go home.
    fn take(&self) -> Option<Job>;

    /// After each epoch of a job. `save` gives the run's state as of now; it is called at most once, before this
    /// returns, and only if the state is needed.
    fn epoch(&self, job: u64, observation: Observation, save: &mut dyn FnMut() -> Vec<u8>) -> Go;

    /// Asked between the steps of an epoch: whether to drop the epoch and the job at once. True only while the study
    /// is being interrupted, and only for a job whose state at the epoch's start is saved.
    fn dropped(&self, job: u64) -> bool;

    /// The job was put down in the middle of an epoch, because [`Desk::dropped`] said so.
    fn put_down(&self, job: u64);

    /// The job could not be done, and why.
    fn failed(&self, job: u64, reason: JobError);
}

/// Why a job could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The saved state cannot be read: damaged, or from another version.
    #[error("the saved state cannot be used: {0}")]
    State(String),
    /// The training itself failed.
    #[error("{0}")]
    Training(String),
}

/// Turns a point of the space into trainings.
pub trait Planner: Sync {
    /// The parts on which every trial is judged: its folds.
    fn parts(&self) -> Vec<Part>;

    /// The training of `config` on a part.
    ///
    /// # Errors
    /// Settings that are out of range or do not fit together or the data.
    fn plan(&self, config: &Config, part: Part) -> Result<Plan, InputError>;

    /// The rule by which the rate of `config` follows the curve; `None` where it is known ahead.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    fn rate_rule(&self, config: &Config) -> Result<Option<Ruled>, InputError>;
}

/// Number of a stage: a run as far as one plan reaches, from where it left its parent.
pub type StageId = u32;

/// What is remembered. Records are only ever appended.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A point of the space was taken up.
    Trial {
        /// From 0, in the order of the policy.
        trial: u32,
        /// What it is.
        config: Config,
    },
    /// A run began, or left another one.
    Stage {
        /// Its number.
        stage: StageId,
        /// On which rows.
        part: Part,
        /// The run it left, and after how many epochs.
        parent: Option<(StageId, u32)>,
        /// Key of its first epoch.
        first: PrefixKey,
    },
    /// One epoch of a stage.
    Epoch {
        /// Of this stage.
        stage: StageId,
        /// Key after it.
        key: PrefixKey,
        /// What it gave.
        observation: Observation,
    },
    /// A saved state. The file exists, whole and synced, before this row does.
    Checkpoint {
        /// Of this stage.
        stage: StageId,
        /// After so many epochs.
        epoch: u32,
        /// Key at that point.
        key: PrefixKey,
        /// What the trainer saved.
        state: Arc<[u8]>,
    },
    /// A saved state that nothing can need any more.
    Dropped {
        /// Of this stage.
        stage: StageId,
        /// After so many epochs.
        epoch: u32,
    },
    /// A trial's run on one part came to its end.
    Ended(Ending),
    /// The study came to an end, or was scored on test rows: JSON of the program that ran it, kept for showing.
    Note {
        /// What it is: `finished`, `test`.
        kind: String,
        /// A JSON object.
        json: String,
    },
}

/// How a trial's run on one part ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// The trial.
    pub trial: u32,
    /// Where.
    pub part: Part,
    /// The stage in which it ended; earlier epochs may lie in the stages it left.
    pub stage: StageId,
    /// Why.
    pub stopped: Stopped,
    /// Epochs seen.
    pub epochs: u32,
    /// The epoch that counts.
    pub chosen: u32,
}

/// Remembers one study.
pub trait Store: Send {
    /// Remembers all of `records` or none of them, durably when it returns.
    ///
    /// # Errors
    /// What went wrong outside: no space, no permission, a locked or damaged file.
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// Everything remembered, without the saved states.
    ///
    /// # Errors
    /// As for [`Store::append`].
    fn load(&mut self) -> Result<Remembered, StoreError>;

    /// A saved state; `None` if its file is missing or damaged.
    ///
    /// # Errors
    /// As for [`Store::append`].
    fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError>;

    /// There is time now for what would have to be done when the store is closed. What fails is left to that.
    fn settle(&mut self) {}
}

/// The store could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// The identity of a study: everything that its trials must have in common to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyId {
    /// Its name.
    pub name: String,
    /// Hash of `settings`.
    pub hash: Key,
    /// JSON of what the hash is of, to say what differs.
    pub settings: String,
}
