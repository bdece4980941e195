//! Remembers in the background: records are committed in groups by a thread of its own, so that training does not wait
//! for the disk unless it is far ahead of it.

use opportune_core::plan::PrefixKey;
use opportune_core::ports::{Record, Store, StoreError};
use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one commit to the next. Records that come later than that after one are committed at once, so that of a run
/// with long epochs nothing waits.
const COMMIT_EVERY: Duration = Duration::from_millis(250);
/// The same where the end is near: what is left to be committed then is waited for.
const LAST_COMMITS_EVERY: Duration = Duration::from_millis(25);
/// Bytes of saved states that may wait in memory, beside as many that are being written; beyond that training waits for
/// the disk.
const WAITING_BYTES: usize = if cfg!(test) { 1 << 20 } else { 128 << 20 };
/// Records that may wait; beyond that training waits for the disk. A few tenths of a second of committing, so that
/// however fast training is, what it reports is durable soon.
const WAITING_RECORDS: usize = 1 << 15;
/// Records that a large saved state counts as at the most: those that are committed while it is synced.
const STATE_RECORDS: usize = 128;

type Read = Result<Option<Arc<[u8]>>, StoreError>;

enum Request {
    Flush(Sender<()>),
    State(PrefixKey, Sender<Read>),
    Settle,
}

/// What the thread is to do.
#[derive(Default)]
struct Waiting {
    records: Vec<Record>,
    /// How many they count as.
    weight: usize,
    /// Bytes of the saved states among them.
    bytes: usize,
    /// To be answered once the records are durable.
    requests: Vec<Request>,
    /// Soon nothing more will come.
    ending: bool,
    /// Nothing more will come.
    closed: bool,
    /// The thread has ended, and nothing will be answered.
    gone: bool,
    /// What went wrong outside.
    fault: Option<StoreError>,
}

impl Waiting {
    fn full(&self) -> bool {
        self.weight >= WAITING_RECORDS || self.bytes > WAITING_BYTES
    }
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is something to do for the thread.
    filled: Condvar,
    /// The thread has taken what was waiting, or is gone.
    taken: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next group and what is asked for after it, when it is time; and whether it is the last one.
    fn next(&self, committed: Option<Instant>) -> (Vec<Record>, Vec<Request>, bool) {
        let mut waiting = self.lock();
        while waiting.requests.is_empty() && !waiting.closed && !waiting.full() {
            // Whoever appends more does not wake this thread before the time.
            let every = if waiting.ending { LAST_COMMITS_EVERY } else { COMMIT_EVERY };
            let rest = committed.map_or(Duration::ZERO, |at| every.saturating_sub(at.elapsed()));
            waiting = match (waiting.records.is_empty(), rest.is_zero()) {
                (true, _) => self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                (false, true) => break,
                (false, false) => self.filled.wait_timeout(waiting, rest).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        (waiting.weight, waiting.bytes) = (0, 0);
        let next = (std::mem::take(&mut waiting.records), std::mem::take(&mut waiting.requests), waiting.closed);
        drop(waiting);
        self.taken.notify_all();
        next
    }
}

/// A store behind a thread.
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Bytes of the saved state of a record.
fn bytes(record: &Record) -> usize {
    if let Record::Checkpoint { state, .. } = record { state.len() } else { 0 }
}

/// How many records one counts as.
fn weight(record: &Record) -> usize {
    1 + (bytes(record) / 64).min(STATE_RECORDS)
}

/// Without the states that are dropped again before they were ever written.
fn settled(records: &mut Vec<Record>) {
    let name = |record: &Record| match record {
        Record::Checkpoint { stage, epoch, .. } | Record::Dropped { stage, epoch } => Some((*stage, *epoch)),
        _ => None,
    };
    let mut saved = HashMap::new();
    let mut gone = HashSet::new();
    for (at, record) in records.iter().enumerate() {
        match record {
            Record::Checkpoint { .. } => {
                saved.insert(name(record), at);
            }
            Record::Dropped { .. } => {
                gone.extend(saved.remove(&name(record)).map(|first| [first, at]).into_iter().flatten())
            }
            _ => {}
        }
    }
    let mut at = 0;
    records.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
}

impl Writer {
    /// Takes the store to a thread of its own.
    pub fn new(mut store: Box<dyn Store>) -> Writer {
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let thread = std::thread::spawn(move || {
            let leaving = Leaving(&of_thread);
            serve(store.as_mut(), leaving.0);
        });
        Writer { shared, thread: Some(thread) }
    }

    /// Takes records in; they are durable after the next [`Writer::flush`], or after a while.
    pub fn append(&self, records: impl IntoIterator<Item = Record>) {
        let mut waiting = self.shared.lock();
        let nothing = waiting.records.is_empty();
        for record in records {
            waiting.weight += weight(&record);
            waiting.bytes += bytes(&record);
            waiting.records.push(record);
        }
        if nothing && !waiting.records.is_empty() {
            self.shared.filled.notify_all();
        }
        while waiting.full() && !waiting.gone {
            self.shared.filled.notify_all();
            waiting = self.shared.taken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What went wrong outside, if anything did: from then on nothing is remembered.
    pub fn fault(&self) -> Option<StoreError> {
        self.shared.lock().fault.clone()
    }

    /// Hands a request over; `false` if nobody will answer it.
    fn request(&self, request: Request) -> bool {
        let mut waiting = self.shared.lock();
        if !waiting.gone {
            waiting.requests.push(request);
            self.shared.filled.notify_all();
        }
        !waiting.gone
    }

    /// From here on until it is told otherwise, what comes is committed sooner, so that in the end little is left of it; and
    /// the store settles.
    pub fn end_is_near(&self, near: bool) {
        self.shared.lock().ending = near;
        if near {
            self.hasten();
            self.settle();
        }
    }

    /// Has everything taken in so far committed now, and waits for nothing.
    pub fn hasten(&self) {
        self.request(Request::Flush(channel().0));
    }

    /// Returns when everything taken in so far is durable.
    pub fn flush(&self) -> Result<(), StoreError> {
        let (done, wait) = channel();
        let gone = !self.request(Request::Flush(done)) || wait.recv().is_err();
        match self.fault() {
            Some(fault) => Err(fault),
            None if gone => Err(StoreError("the store has stopped".into())),
            None => Ok(()),
        }
    }

    /// Lets the store settle while nobody waits for it.
    pub fn settle(&self) {
        self.request(Request::Settle);
    }

    /// A saved state, one still in the queue among them.
    pub fn state(&self, key: PrefixKey) -> Read {
        let (done, wait) = channel();
        let stopped = || Err(StoreError("the store has stopped".into()));
        if !self.request(Request::State(key, done)) {
            return stopped();
        }
        wait.recv().unwrap_or_else(|_| stopped())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Says that the thread is gone, also where the store broke down, so that nobody waits for it.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.gone = true;
        waiting.requests.clear();
        drop(waiting);
        self.0.taken.notify_all();
    }
}

fn serve(store: &mut dyn Store, shared: &Shared) {
    let mut committed: Option<Instant> = None;
    let mut failed = false;
    loop {
        let (mut records, requests, last) = shared.next(committed);
        settled(&mut records);
        if !failed
            && !records.is_empty()
            && let Err(error) = store.append(&records)
        {
            failed = true;
            shared.lock().fault = Some(error);
        }
        committed = Some(Instant::now());
        for request in requests {
            match request {
                Request::Flush(done) => drop(done.send(())),
                Request::State(key, done) => drop(done.send(store.state(key))),
                Request::Settle => store.settle(),
            }
        }
        if last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use opportune_core::plan::{Key, PrefixKey};

    fn key(epoch: u32) -> PrefixKey {
        PrefixKey(Key::of(&epoch.to_le_bytes()))
    }

    fn saved(epoch: u32, size: usize) -> Record {
        Record::Checkpoint { stage: 0, epoch, key: key(epoch), state: vec![7; size].into() }
    }

    #[test]
    fn what_is_slow_to_write_counts_for_more() {
        let weights = [0, 64, 640, 1 << 13, 1 << 20].map(|size| weight(&saved(1, size)));
        assert_eq!(weights, [1, 2, 11, 129, 129]);
    }

    #[test]
    fn a_state_dropped_before_it_is_written_is_never_written() {
        let dropped = |epoch| Record::Dropped { stage: 0, epoch };
        let mut records = vec![saved(1, 1), saved(2, 1), dropped(1), dropped(9), saved(1, 2)];
        settled(&mut records);
        assert_eq!(records, [saved(2, 1), dropped(9), saved(1, 2)]);
    }

    #[test]
    fn where_the_end_is_near_the_store_settles_and_everything_is_still_durable() {
        #[derive(Clone, Default)]
        struct Told(Arc<Mutex<Vec<&'static str>>>);
        impl Store for Told {
            fn append(&mut self, _: &[Record]) -> Result<(), StoreError> {
                self.0.lock().unwrap().push("commit");
                Ok(())
            }
            fn load(&mut self) -> Result<opportune_core::memory::Remembered, StoreError> {
                Ok(Default::default())
            }
            fn state(&mut self, _: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
                Ok(None)
            }
            fn settle(&mut self) {
                self.0.lock().unwrap().push("settle");
            }
        }
        let store = Told::default();
        let writer = Writer::new(Box::new(store.clone()));
        writer.end_is_near(false);
        writer.append([saved(1, 1)]);
        writer.flush().unwrap();
        writer.append([saved(2, 1)]);
        writer.end_is_near(true);
        writer.flush().unwrap();
        let told = store.0.lock().unwrap().clone();
        assert_eq!((told.last(), told.iter().filter(|what| **what == "settle").count()), (Some(&"settle"), 1));
        assert!(writer.shared.lock().ending);
        // Who goes on goes on as before.
        writer.end_is_near(false);
        assert!(!writer.shared.lock().ending);
        writer.append([saved(3, 1)]);
        writer.flush().unwrap();
        let told = store.0.lock().unwrap().clone();
        assert_eq!((told.last(), told.iter().filter(|what| **what == "settle").count()), (Some(&"commit"), 1));
    }

    /// A store that takes its time: what has been taken in is counted, and never more than the limit waits.
    #[test]
    fn everything_is_durable_after_a_flush_and_memory_stays_bounded() {
        struct Slow(MemoryStore);
        impl Store for Slow {
            fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
                std::thread::sleep(Duration::from_millis(30));
                self.0.append(records)
            }
            fn load(&mut self) -> Result<opportune_core::memory::Remembered, StoreError> {
                self.0.load()
            }
            fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
                self.0.state(key)
            }
        }
        let writer = Writer::new(Box::new(Slow(MemoryStore::default())));
        for epoch in 0..12 {
            writer.append(vec![saved(epoch, WAITING_BYTES / 4)]);
            assert!(writer.shared.lock().bytes <= WAITING_BYTES);
        }
        writer.flush().unwrap();
        assert_eq!(writer.shared.lock().bytes, 0);
        let dropped = |epoch: usize| Record::Dropped { stage: 0, epoch: epoch as u32 };
        for group in 0..30 {
            writer.append((group..group + WAITING_RECORDS / 10).map(dropped));
            assert!(writer.shared.lock().records.len() < WAITING_RECORDS);
        }
        writer.flush().unwrap();
        assert!((0..12).all(|epoch| writer.state(key(epoch)).unwrap().is_some()));
    }
}
