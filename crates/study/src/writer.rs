//! Remembers in the background: records are committed in groups by a thread of its own, so that training never waits
//! for the disk.

use opportune_core::plan::PrefixKey;
use opportune_core::ports::{Record, Store, StoreError};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Records wait at most so long before they are committed: half of what promise 6 leaves, the rest being the age of
/// the newest saved state.
const COMMIT_EVERY: Duration = Duration::from_millis(500);

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
}

impl Writer {
    /// Takes the store to a thread of its own.
    pub fn new(mut store: Box<dyn Store>) -> Writer {
        let (sender, receiver) = channel();
        let fault = Arc::new(Mutex::new(None));
        let slot = fault.clone();
        let thread = std::thread::spawn(move || {
            serve(store.as_mut(), &receiver, &slot);
        });
        Writer { sender: Some(sender), thread: Some(thread), fault }
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

fn serve(store: &mut dyn Store, receiver: &Receiver<Message>, fault: &Mutex<Option<StoreError>>) {
    let mut waiting: Vec<Record> = Vec::new();
    let mut since = Instant::now();
    let mut failed = false;
    let mut commit = |store: &mut dyn Store, waiting: &mut Vec<Record>| {
        if !failed
            && !waiting.is_empty()
            && let Err(error) = store.append(waiting)
        {
            failed = true;
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        waiting.clear();
    };
    loop {
        let message = if waiting.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(COMMIT_EVERY.saturating_sub(since.elapsed()))
        };
        match message {
            Ok(Message::Append(records)) => {
                if waiting.is_empty() {
                    since = Instant::now();
                }
                waiting.extend(records);
                if since.elapsed() >= COMMIT_EVERY {
                    commit(store, &mut waiting);
                }
            }
            Ok(Message::Flush(done)) => {
                commit(store, &mut waiting);
                let _ = done.send(());
            }
            Ok(Message::State(key, done)) => {
                commit(store, &mut waiting);
                let _ = done.send(store.state(key));
            }
            Err(RecvTimeoutError::Timeout) => commit(store, &mut waiting),
            Err(RecvTimeoutError::Disconnected) => {
                commit(store, &mut waiting);
                return;
            }
        }
    }
}
