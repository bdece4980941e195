//! Remembers in the background: records are committed in groups by a thread of its own, so that training never waits
//! for the disk.

use opportune_core::plan::PrefixKey;
use opportune_core::ports::{Record, Store, StoreError};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one commit to the next. Records that come later than that after one are committed at once, so that of a run
/// with long epochs nothing waits.
const COMMIT_EVERY: Duration = Duration::from_millis(250);
/// Saved states that may wait in memory; beyond that training waits for the disk.
const WAITING_BYTES: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };

type Read = Result<Option<Arc<[u8]>>, StoreError>;

enum Message {
    Append(Vec<Record>),
    Flush(Sender<()>),
    State(PrefixKey, Sender<Read>),
}

/// A store behind a thread.
pub struct Writer {
    sender: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    fault: Arc<Mutex<Option<StoreError>>>,
    /// Bytes of saved states taken in and not yet written.
    waiting: Arc<AtomicUsize>,
}

/// Bytes of the saved states among some records.
fn bytes(records: &[Record]) -> usize {
    let size = |record: &Record| if let Record::Checkpoint { state, .. } = record { state.len() } else { 0 };
    records.iter().map(size).sum()
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
        let (sender, receiver) = channel();
        let fault = Arc::new(Mutex::new(None));
        let waiting = Arc::new(AtomicUsize::new(0));
        let (slot, count) = (fault.clone(), waiting.clone());
        let thread = std::thread::spawn(move || {
            serve(store.as_mut(), &receiver, &slot, &count);
        });
        Writer { sender: Some(sender), thread: Some(thread), fault, waiting }
    }

    fn send(&self, message: Message) {
        if let Some(sender) = &self.sender {
            // A thread that is gone has left a fault or a panic; both are seen at close.
            let _ = sender.send(message);
        }
    }

    /// Takes records in; they are durable after the next [`Writer::flush`], or after a while.
    pub fn append(&self, records: Vec<Record>) {
        if !records.is_empty() {
            let new = bytes(&records);
            if new > 0 && self.waiting.fetch_add(new, Ordering::Relaxed) > WAITING_BYTES {
                // What goes wrong is in the fault, where everyone looks.
                let _ = self.flush();
            }
            self.send(Message::Append(records));
        }
    }

    /// What went wrong outside, if anything did: from then on nothing is remembered.
    pub fn fault(&self) -> Option<StoreError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns when everything taken in so far is durable.
    pub fn flush(&self) -> Result<(), StoreError> {
        let (done, wait) = channel();
        self.send(Message::Flush(done));
        let gone = wait.recv().is_err();
        match self.fault() {
            Some(fault) => Err(fault),
            None if gone => Err(StoreError("the store has stopped".into())),
            None => Ok(()),
        }
    }

    /// A saved state, one still in the queue among them.
    pub fn state(&self, key: PrefixKey) -> Read {
        let (done, wait) = channel();
        self.send(Message::State(key, done));
        wait.recv().unwrap_or_else(|_| Err(StoreError("the store has stopped".into())))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(store: &mut dyn Store, receiver: &Receiver<Message>, fault: &Mutex<Option<StoreError>>, count: &AtomicUsize) {
    let mut waiting: Vec<Record> = Vec::new();
    let mut committed: Option<Instant> = None;
    let mut failed = false;
    let rest =
        |committed: Option<Instant>| committed.map_or(Duration::ZERO, |at| COMMIT_EVERY.saturating_sub(at.elapsed()));
    let mut commit = |store: &mut dyn Store, waiting: &mut Vec<Record>| {
        count.fetch_sub(bytes(waiting), Ordering::Relaxed);
        settled(waiting);
        if !failed
            && !waiting.is_empty()
            && let Err(error) = store.append(waiting)
        {
            failed = true;
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        waiting.clear();
        Some(Instant::now())
    };
    loop {
        let message = if waiting.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(rest(committed))
        };
        match message {
            Ok(Message::Append(records)) => {
                waiting.extend(records);
                if rest(committed).is_zero() {
                    committed = commit(store, &mut waiting);
                }
            }
            Ok(Message::Flush(done)) => {
                committed = commit(store, &mut waiting);
                let _ = done.send(());
            }
            Ok(Message::State(key, done)) => {
                committed = commit(store, &mut waiting);
                let _ = done.send(store.state(key));
            }
            Err(RecvTimeoutError::Timeout) => committed = commit(store, &mut waiting),
            Err(RecvTimeoutError::Disconnected) => {
                commit(store, &mut waiting);
                return;
            }
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
    fn a_state_dropped_before_it_is_written_is_never_written() {
        let dropped = |epoch| Record::Dropped { stage: 0, epoch };
        let mut records = vec![saved(1, 1), saved(2, 1), dropped(1), dropped(9), saved(1, 2)];
        settled(&mut records);
        assert_eq!(records, [saved(2, 1), dropped(9), saved(1, 2)]);
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
            assert!(writer.waiting.load(Ordering::Relaxed) <= 2 * WAITING_BYTES);
        }
        writer.flush().unwrap();
        assert_eq!(writer.waiting.load(Ordering::Relaxed), 0);
        assert!((0..12).all(|epoch| writer.state(key(epoch)).unwrap().is_some()));
    }
}
