//! A store that forgets with the process: for trainings nobody asked to keep, and for tests.

use opportune_core::memory::Remembered;
use opportune_core::plan::PrefixKey;
use opportune_core::ports::{Record, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    remembered: Remembered,
    states: HashMap<PrefixKey, Arc<[u8]>>,
}

impl Store for MemoryStore {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        for record in records {
            if let Record::Checkpoint { key, state, .. } = record {
                self.states.insert(*key, state.clone());
            }
            self.remembered.apply(record);
        }
        Ok(())
    }

    fn load(&mut self) -> Result<Remembered, StoreError> {
        Ok(self.remembered.clone())
    }

    fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        Ok(self.states.get(&key).cloned())
    }
}
