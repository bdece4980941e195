//! A store that forgets with the process: for trainings nobody asked to keep, and for tests.

use opportune_core::memory::Remembered;
use opportune_core::plan::PrefixKey;
use opportune_core::ports::{Record, StageId, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    remembered: Remembered,
    states: HashMap<PrefixKey, Kept>,
}

#[derive(Debug)]
struct Kept {
    state: Arc<[u8]>,
    /// How many stages may still ask for it.
    named: usize,
}

impl MemoryStore {
    /// Key of the state that a stage has at an epoch.
    fn saved(&self, (stage, epoch): (StageId, u32)) -> Option<PrefixKey> {
        let checkpoints = &self.remembered.stages.get(stage as usize)?.checkpoints;
        let place = checkpoints.binary_search_by_key(&epoch, |(saved, _)| *saved).ok()?;
        Some(checkpoints[place].1)
    }

    fn name(&mut self, key: PrefixKey) {
        if let Some(kept) = self.states.get_mut(&key) {
            kept.named += 1;
        }
    }

    /// One stage less asks for it; the last one frees it.
    fn release(&mut self, key: PrefixKey) {
        let Some(kept) = self.states.get_mut(&key) else { return };
        kept.named = kept.named.saturating_sub(1);
        if kept.named == 0 {
            self.states.remove(&key);
        }
    }
}

impl Store for MemoryStore {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        for record in records {
            if let Record::Checkpoint { key, state, .. } = record {
                let kept = self.states.entry(*key).or_insert(Kept { state: state.clone(), named: 0 });
                kept.state = state.clone();
            }
            let place = match record {
                Record::Checkpoint { stage, epoch, .. } | Record::Dropped { stage, epoch } => Some((*stage, *epoch)),
                _ => None,
            };
            let before = place.and_then(|place| self.saved(place));
            self.remembered.apply(record);
            // An epoch that was saved before is not named once more.
            match (before, place.and_then(|place| self.saved(place))) {
                (None, Some(key)) => self.name(key),
                (Some(key), None) => self.release(key),
                _ => {}
            }
        }
        Ok(())
    }

    fn load(&mut self) -> Result<Remembered, StoreError> {
        Ok(self.remembered.clone())
    }

    fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        Ok(self.states.get(&key).map(|kept| kept.state.clone()))
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

    #[test]
    fn an_epoch_that_is_saved_or_dropped_twice_counts_once() {
        let key = PrefixKey(Key::of(b"a"));
        let stage = |stage| Record::Stage { stage, part: Part::Fold(0), parent: None, first: key };
        let saved = |stage, byte| Record::Checkpoint { stage, epoch: 3, key, state: vec![byte; 5].into() };
        let dropped = |stage| Record::Dropped { stage, epoch: 3 };
        let mut store = MemoryStore::default();
        store.append(&[stage(0), stage(1), saved(0, 1), saved(0, 2), saved(1, 2), dropped(0), dropped(0)]).unwrap();
        assert_eq!(store.state(key).unwrap().as_deref(), Some(&[2; 5][..]));
        store.append(&[dropped(1)]).unwrap();
        assert_eq!((store.state(key).unwrap(), store.states.len()), (None, 0));
        store.append(&[saved(0, 3)]).unwrap();
        assert_eq!(store.state(key).unwrap().as_deref(), Some(&[3; 5][..]), "it can be saved again");
    }
}
