//! What the store has when, and what is said where it fails.

use super::*;
use opportune_core::ports::{Capabilities, Desk, Trainer};

#[test]
fn a_store_that_fails_ends_the_session_with_its_words() {
    struct Full(MemoryStore);
    impl Store for Full {
        fn append(&mut self, _: &[Record]) -> Result<(), StoreError> {
            Err(StoreError("the disk is full".into()))
        }
        fn load(&mut self) -> Result<opportune_core::memory::Remembered, StoreError> {
            self.0.load()
        }
        fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
            self.0.state(key)
        }
    }
    assert_eq!(fault(Box::new(Full(MemoryStore::default()))), "the disk is full");
}

/// What a store's failure is told as: by the session, or by the first who waits for the store after it.
fn fault(store: Box<dyn Store>) -> String {
    let mut engine = Engine::new(store).unwrap();
    let ran = run(&mut engine, &asked(), &space(&["constant"], &[0.1], &[3]), &ChainTrainer::new(1));
    ran.map_or_else(|error| error.to_string(), |_| engine.flush().unwrap_err().to_string())
}

#[test]
fn what_a_session_ended_with_is_saved_before_the_next_one_trains() {
    /// A store that takes its time.
    #[derive(Clone, Default)]
    struct Slow(Shared);
    impl Store for Slow {
        fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
            std::thread::sleep(std::time::Duration::from_millis(50));
            self.0.append(records)
        }
        fn load(&mut self) -> Result<opportune_core::memory::Remembered, StoreError> {
            self.0.load()
        }
        fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
            self.0.state(key)
        }
    }
    impl Slow {
        fn epochs(&self) -> usize {
            self.0.0.lock().unwrap().load().unwrap().stages.iter().map(|stage| stage.epochs.len()).sum()
        }
    }
    /// Sees what is saved when its work begins.
    struct Watching(ChainTrainer, Slow, Mutex<Vec<usize>>);
    impl Trainer for Watching {
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
        fn work(&self, desk: &dyn Desk) {
            self.2.lock().unwrap().push(self.1.epochs());
            self.0.work(desk);
        }
    }
    let store = Slow::default();
    let mut engine = Engine::new(Box::new(store.clone())).unwrap();
    let trainer = Watching(ChainTrainer::new(2), store.clone(), Mutex::default());
    for rates in [&[0.1][..], &[0.1, 0.01], &[0.1, 0.01]] {
        let (space, interrupt) = (space(&["constant"], rates, &[3]), AtomicBool::new(false));
        let planner = ChainPlanner { folds: 3 };
        engine.run(&asked(), &mut Grid::new(&space, 1), &planner, &trainer, &Notes::default(), &interrupt).unwrap();
    }
    // Before the third there may be something on its way, because it trains nothing.
    assert_eq!(trainer.2.into_inner().unwrap()[..2], [0, 9]);
    engine.flush().unwrap();
    assert_eq!(store.epochs(), 18);
}

#[test]
fn a_store_that_breaks_down_is_no_success() {
    struct Broken;
    impl Store for Broken {
        fn append(&mut self, _: &[Record]) -> Result<(), StoreError> {
            std::panic::resume_unwind(Box::new("broken"))
        }
        fn load(&mut self) -> Result<opportune_core::memory::Remembered, StoreError> {
            Ok(Default::default())
        }
        fn state(&mut self, _: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
            Ok(None)
        }
    }
    assert_eq!(fault(Box::new(Broken)), "the store has stopped");
}
