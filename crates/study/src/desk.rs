//! The desk at which a trainer fetches runs and reports epochs.

use crate::engine::{EngineError, Outcome};
use crate::session::{Session, Taken};
use crate::tree::Tree;
use opportune_core::observation::Observation;
use opportune_core::ports::{Desk, Go, Job, JobError};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How soon a waiting worker notices an interruption.
const LOOK_UP_EVERY: Duration = Duration::from_millis(50);

/// A session behind a lock, as the trainer's threads see it.
pub struct Counter<'a> {
    session: Mutex<Session<'a>>,
    changed: Condvar,
    /// Workers that wait for a change; counted under the session's lock.
    waiting: AtomicUsize,
    interrupt: &'a AtomicBool,
}

impl<'a> Counter<'a> {
    pub fn new(session: Session<'a>, interrupt: &'a AtomicBool) -> Counter<'a> {
        Counter { session: Mutex::new(session), changed: Condvar::new(), waiting: AtomicUsize::new(0), interrupt }
    }

    fn lock(&self) -> MutexGuard<'_, Session<'a>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those who wait. Nobody does most of the time, and waking nobody is a call to the system all the same.
    fn wake(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.changed.notify_all();
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// Asks the policy for its first trials.
    pub fn open(&self) -> Result<(), EngineError> {
        self.lock().open()
    }

    /// Whether nothing is left to be trained.
    pub fn over(&self) -> bool {
        self.lock().over()
    }

    /// The tree as it is now, and how the session went.
    pub fn close(self) -> (Tree, Result<Outcome, EngineError>) {
        let interrupted = self.interrupted();
        self.session.into_inner().unwrap_or_else(PoisonError::into_inner).close(interrupted)
    }
}

impl Desk for Counter<'_> {
    fn take(&self) -> Option<Job> {
        let mut session = self.lock();
        loop {
            if self.interrupted() {
                return None;
            }
            match session.take() {
                Taken::Job(job) => return Some(*job),
                Taken::Over => {
                    self.wake();
                    return None;
                }
                Taken::Wait => {
                    self.waiting.fetch_add(1, Ordering::Relaxed);
                    let waited = self.changed.wait_timeout(session, LOOK_UP_EVERY);
                    session = waited.unwrap_or_else(PoisonError::into_inner).0;
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn epoch(&self, job: u64, observation: Observation, save: &mut dyn FnMut() -> Vec<u8>) -> Go {
        let interrupted = self.interrupted();
        let mut session = self.lock();
        let verdict = session.epoch(job, observation, interrupted);
        if verdict.save {
            // Copying a large state must not keep the other workers waiting.
            drop(session);
            let state = save().into();
            session = self.lock();
            session.keep(job, observation.epoch, state, verdict);
        }
        if verdict.leave {
            session.leave(job);
        }
        drop(session);
        self.wake();
        if verdict.leave { Go::Leave } else { Go::On }
    }

    fn dropped(&self, job: u64) -> bool {
        self.interrupted() && self.lock().can_drop(job)
    }

    fn put_down(&self, job: u64) {
        self.lock().leave(job);
        self.wake();
    }

    fn failed(&self, job: u64, reason: JobError) {
        self.lock().failed(job, reason);
        self.wake();
    }
}
