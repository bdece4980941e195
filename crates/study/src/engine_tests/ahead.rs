//! What follows a session, begun within it: nothing is trained twice, no bit and no result depends on it, and settings that
//! are overtaken leave nothing but epochs.

use super::*;
use crate::{Foresight, Next};
use opportune_core::policy::Single;
use std::time::{Duration, Instant};

const RATES: [f64; 4] = [0.1, 0.01, 0.001, 0.0001];

/// Foresees the settings with the highest rate of those that ended, or what it is told.
#[derive(Debug, Default)]
struct Highest {
    rates: Mutex<Vec<f64>>,
    /// Guesses this rate until all have ended, in the place of what led.
    wrong: Option<f64>,
    rules: Vec<StopRule>,
}

fn config(lr: f64) -> Config {
    space(&["constant"], &[lr], &[20]).grid().next().unwrap()
}

impl Foresight for Highest {
    fn ended(&self, result: TrialResult) {
        self.rates.lock().unwrap().push(result.config.get("lr").unwrap().number().unwrap());
    }

    fn next(&self) -> Option<Next> {
        let rates = self.rates.lock().unwrap();
        let highest = rates.iter().copied().reduce(f64::max)?;
        let lr = self.wrong.filter(|_| rates.len() < RATES.len()).unwrap_or(highest);
        Some(Next { config: config(lr), part: Part::Whole, until: 20, rules: self.rules.clone(), seconds: 1.0 })
    }
}

/// What was executed on the folds and on all rows, and the final training's losses and state.
type Done = (u64, u64, Vec<(String, Vec<Ended>)>, Vec<u64>, Vec<u8>);

/// A grid with what it foresees, and the session that follows.
fn search(ahead: Option<Highest>, rules: &[StopRule], trainer: &ChainTrainer, store: &Shared) -> Result<Done, Outcome> {
    let space = space(&["constant"], &RATES, &[20]);
    let mut engine = Engine::new(Box::new(store.clone())).unwrap();
    let ahead = ahead.map(|ahead| Arc::new(ahead) as Arc<dyn Foresight>);
    let outcome = run(&mut engine, &Asked { ahead, ..asked() }, &space, trainer).unwrap();
    if outcome.interrupted {
        return Err(outcome);
    }
    assert_eq!((outcome.trials, outcome.cut), (vec![0, 1, 2, 3], false));
    let results = bits(&engine.memory().results(&asked().parts));
    assert!(engine.memory().endings.iter().all(|one| one.part != Part::Whole), "only what follows ends a training");
    let after = Asked { parts: vec![Part::Whole], rules: rules.to_vec(), deliver: true, ..asked() };
    let mut single = Single::new(config(0.1), 20);
    let planner = ChainPlanner { folds: 3 };
    let outcome = engine.run(&after, &mut single, &planner, trainer, &Notes::default(), &trainer.interrupt).unwrap();
    if outcome.interrupted {
        return Err(outcome);
    }
    let last = engine.memory().result(outcome.trials[0], &[Part::Whole]).unwrap();
    let losses = last.folds[0].curve.iter().map(|one| one.train_loss.to_bits()).collect();
    let state = engine.delivered(outcome.trials[0], Part::Whole).unwrap().state.to_vec();
    let executed = trainer.executed.lock().unwrap();
    let whole = executed.iter().filter(|(part, _)| *part == Part::Whole).count() as u64;
    Ok((executed.len() as u64 - whole, whole, results, losses, state))
}

#[test]
fn what_follows_is_trained_once_within_the_session_and_gives_the_same() {
    for rules in [vec![], vec![StopRule::Tol { tol: 0.02, epochs: 2 }]] {
        let expected = search(None, &rules, &ChainTrainer::new(1), &Shared::default()).unwrap();
        assert_eq!((expected.0, expected.1 == 20), (4 * 3 * 20, rules.is_empty()));
        for threads in [1, 2, 5] {
            let ahead = Highest { wrong: Some(0.1), rules: rules.clone(), ..Highest::default() };
            let trainer = ChainTrainer::new(threads);
            assert_eq!(search(Some(ahead), &rules, &trainer, &Shared::default()).unwrap(), expected, "{threads}");
        }
    }
}

#[test]
fn one_that_is_overtaken_is_put_down_and_the_right_one_trained_at_once() {
    let expected = search(None, &[], &ChainTrainer::new(1), &Shared::default()).unwrap();
    for (wrong, threads) in [(Some(0.001), 2), (Some(0.001), 4), (None, 2), (None, 3)] {
        let trainer = ChainTrainer::new(threads);
        let ahead = Highest { wrong, ..Highest::default() };
        let (search, whole, results, losses, state) = search(Some(ahead), &[], &trainer, &Shared::default()).unwrap();
        assert_eq!((search, &results, &losses, &state), (expected.0, &expected.2, &expected.3, &expected.4));
        assert!((20..=4 * 20).contains(&whole), "{whole}");
    }
}

#[test]
fn one_core_waits_until_it_is_known_what_follows() {
    let trainer = ChainTrainer::new(1);
    let ahead = Highest { wrong: Some(0.001), ..Highest::default() };
    let (search, whole, ..) = search(Some(ahead), &[], &trainer, &Shared::default()).unwrap();
    assert_eq!((search, whole), (4 * 3 * 20, 20));
    let first = trainer.executed.lock().unwrap().iter().position(|(part, _)| *part == Part::Whole);
    assert_eq!(first, Some(4 * 3 * 20));
}

#[test]
fn interrupted_anywhere_it_goes_on() {
    let expected = search(None, &[], &ChainTrainer::new(1), &Shared::default()).unwrap();
    for after in 1..4 * 3 * 20 + 20 {
        let store = Shared::default();
        let first = ChainTrainer::new(1);
        first.interrupt_after.store(after, Ordering::SeqCst);
        assert!(search(Some(Highest::default()), &[], &first, &store).unwrap_err().interrupted, "{after}");
        let second = ChainTrainer::new(1);
        let done = search(Some(Highest::default()), &[], &second, &store).unwrap();
        assert_eq!((&done.2, &done.3, &done.4), (&expected.2, &expected.3, &expected.4), "{after}");
        assert_eq!(first.count() + second.count(), expected.0 + expected.1, "{after}");
    }
}

#[test]
fn the_deadline_of_a_session_is_not_that_of_what_follows() {
    let space = space(&["constant"], &RATES, &[20]);
    let trainer = ChainTrainer::new(1);
    let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
    // Trained before, so that it is done when it begins.
    run(&mut engine, &asked(), &space, &trainer).unwrap();
    let ahead = Arc::new(Highest::default()) as Arc<dyn Foresight>;
    let late = Instant::now().checked_sub(Duration::from_secs(1));
    let outcome = run(&mut engine, &Asked { ahead: Some(ahead), deadline: late, ..asked() }, &space, &trainer).unwrap();
    assert_eq!((outcome.cut, outcome.interrupted), (false, false));
    assert_eq!(trainer.count(), 4 * 3 * 20 + 20);
}

#[test]
fn a_failure_of_what_follows_is_no_failure_of_the_session() {
    let space = space(&["constant"], &RATES, &[20]);
    let trainer = ChainTrainer::new(2);
    let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
    run(&mut engine, &asked(), &space, &trainer).unwrap();
    let before = bits(&engine.memory().results(&asked().parts));
    trainer.failures.store(2, Ordering::SeqCst);
    let ahead = Arc::new(Highest::default()) as Arc<dyn Foresight>;
    let outcome = run(&mut engine, &Asked { ahead: Some(ahead), ..asked() }, &space, &trainer).unwrap();
    assert_eq!((outcome.trials, bits(&engine.memory().results(&asked().parts))), (vec![0, 1, 2, 3], before));
    assert_eq!((trainer.count(), trainer.failures.load(Ordering::SeqCst)), (4 * 3 * 20, 0));
    // Settings that are no trial of the study are left to the session that follows.
    #[derive(Debug)]
    struct Unknown;
    impl Foresight for Unknown {
        fn ended(&self, _: TrialResult) {}
        fn next(&self) -> Option<Next> {
            Some(Next { config: config(7.0), part: Part::Whole, until: 20, rules: vec![], seconds: 1.0 })
        }
    }
    run(&mut engine, &Asked { ahead: Some(Arc::new(Unknown)), ..asked() }, &space, &trainer).unwrap();
    assert_eq!((trainer.count(), engine.memory().trials.len()), (4 * 3 * 20, 4));
}
