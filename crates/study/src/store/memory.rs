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

impl MemoryStore {
    /// Key of the state that a record drops.
    fn dropped(&self, record: &Record) -> Option<PrefixKey> {
        let Record::Dropped { stage, epoch } = record else { return None };
        let checkpoints = &self.remembered.stages.get(*stage as usize)?.checkpoints;
        checkpoints.iter().find(|(saved, _)| saved == epoch).map(|(_, key)| *key)
    }

    /// Whether a stage may still ask for a state.
    fn is_named(&self, key: PrefixKey) -> bool {
        self.remembered.stages.iter().any(|stage| stage.checkpoints.iter().any(|(_, named)| *named == key))
    }
}

impl Store for MemoryStore {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        for record in records {
            if let Record::Checkpoint { key, state, .. } = record {
                self.states.insert(*key, state.clone());
            }
            let dropped = self.dropped(record);
            self.remembered.apply(record);
            if let Some(key) = dropped.filter(|key| !self.is_named(*key)) {
                self.states.remove(&key);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::plan::{Key, Part};

    #[test]
    fn a_dropped_state_is_freed_unless_another_stage_names_it() {
        let key = PrefixKey(Key::of(b"a"));
        let stage = |stage| Record::Stage { stage, part: Part::Fold(0), parent: None, first: key };
        let saved = |stage| Record::Checkpoint { stage, epoch: 3, key, state: vec![1; 5].into() };
        let mut store = MemoryStore::default();
        store.append(&[stage(0), stage(1), saved(0), saved(1), Record::Dropped { stage: 0, epoch: 3 }]).unwrap();
        assert!(store.state(key).unwrap().is_some());
        store.append(&[Record::Dropped { stage: 1, epoch: 3 }]).unwrap();
        assert_eq!((store.state(key).unwrap(), store.states.len()), (None, 0));
    }
}
