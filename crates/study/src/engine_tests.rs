//! The engine with a trainer whose training is a chain of hashes: what is executed is counted, what is shared,
//! paused, resumed and damaged is compared with training everything alone.

use crate::store::MemoryStore;
use crate::testing::{ChainPlanner, ChainTrainer};
use crate::{Asked, Engine, EngineError, Happening, Outcome, Progress, Watching};
use opportune_core::InputError;
use opportune_core::memory::TrialResult;
use opportune_core::plan::{Part, Plan, PrefixKey};
use opportune_core::policy::Grid;
use opportune_core::ports::{Planner, Record, Store, StoreError};
use opportune_core::schedule::Ruled;
use opportune_core::score::Score;
use opportune_core::space::{Config, Param, Space, Value};
use opportune_core::stop::{Patience, StopRule, Stopped};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

mod ahead;
mod drafted;
mod durable;
mod rates;
mod searches;
mod spent;

#[derive(Default)]
struct Notes {
    warnings: Mutex<Vec<String>>,
}

impl Progress for Notes {
    fn happened(&self, what: &Happening) {
        if let Happening::Warning(text) = what {
            self.warnings.lock().unwrap().push(text.clone());
        }
    }
}

fn space(schedules: &[&str], rates: &[f64], epochs: &[u32]) -> Space {
    let text = |text: &&str| Value::Text(text.to_string());
    Space(vec![
        Param::list("schedule", schedules.iter().map(text).collect()),
        Param::list("lr", rates.iter().map(|rate| Value::Number(*rate)).collect()),
        Param::list("epochs", epochs.iter().map(|epochs| Value::Count(*epochs)).collect()),
    ])
}

fn asked() -> Asked {
    Asked {
        parts: ChainPlanner { folds: 3 }.parts(),
        rules: vec![],
        watching: Watching::EachFold,
        rules_stay: false,
        score: Score::R2,
        share: true,
        deliver: false,
        branches: vec![],
        abandon: false,
        deadline: None,
        ahead: None,
        drafts: None,
    }
}

fn run(engine: &mut Engine, asked: &Asked, space: &Space, trainer: &ChainTrainer) -> Result<Outcome, EngineError> {
    let planner = ChainPlanner { folds: asked.parts.len() as u32 };
    engine.run(asked, &mut Grid::new(space, 1), &planner, trainer, &Notes::default(), &trainer.interrupt)
}

fn fresh(asked: &Asked, space: &Space, threads: usize) -> (Vec<TrialResult>, u64) {
    let trainer = ChainTrainer::new(threads);
    let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
    let outcome = run(&mut engine, asked, space, &trainer).unwrap();
    assert!(!outcome.interrupted);
    (engine.memory().results(&asked.parts), trainer.count())
}

/// Why a run stopped, its epochs, the one that counts, and the bits of its losses.
type Ended = (Stopped, u32, u32, Vec<u64>);

/// Results without the numbers of their stages, which sharing changes.
fn bits(results: &[TrialResult]) -> Vec<(String, Vec<Ended>)> {
    let fold = |fold: &opportune_core::memory::FoldResult| {
        let curve = fold.curve.iter().map(|one| one.train_loss.to_bits()).collect();
        (fold.ending.stopped, fold.ending.epochs, fold.ending.chosen, curve)
    };
    results.iter().map(|one| (one.config.to_string(), one.folds.iter().map(fold).collect())).collect()
}

/// A store that the test can look into and hand to a second engine.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<MemoryStore>>);

impl Store for Shared {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.0.lock().unwrap().append(records)
    }
    fn load(&mut self) -> Result<opportune_core::memory::Remembered, StoreError> {
        self.0.lock().unwrap().load()
    }
    fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.0.lock().unwrap().state(key)
    }
}

const SCHEDULES: [&str; 3] = ["constant", "step(every=6, gamma=0.1)", "step(every=9, gamma=0.1)"];

#[test]
fn shared_epochs_are_executed_once_and_give_what_training_alone_gives() {
    let space = space(&SCHEDULES, &[0.1, 0.01], &[5, 10, 20]);
    let (alone, cost_alone) = fresh(&Asked { share: false, ..asked() }, &space, 2);
    let (shared, cost) = fresh(&asked(), &space, 2);
    assert_eq!(bits(&alone), bits(&shared));
    assert_eq!(cost_alone, 3 * 2 * 3 * (5 + 10 + 20));
    // Per fold and rate: 20 constant, 14 after the sixth epoch, 11 after the ninth.
    assert_eq!(cost, 3 * 2 * (20 + 14 + 11));
    let (single, cost_single) = fresh(&asked(), &space, 1);
    assert_eq!((bits(&single), cost_single), (bits(&shared), cost));
}

#[test]
fn rules_cut_views_out_of_shared_curves() {
    let rules = vec![StopRule::Patience(Patience::new(3)), StopRule::Tol { tol: 0.02, epochs: 2 }];
    let space = space(&SCHEDULES, &[0.1, 1e3], &[4, 30]);
    for watching in [Watching::EachFold, Watching::MeanOverFolds] {
        let with = Asked { rules: rules.clone(), watching, ..asked() };
        let (shared, cost) = fresh(&with, &space, 2);
        let (alone, more) = fresh(&Asked { share: false, ..with.clone() }, &space, 2);
        assert_eq!(bits(&alone), bits(&shared));
        assert!(cost < more, "{cost} {more}");
        let ends: Vec<Stopped> = shared.iter().map(TrialResult::stopped).collect();
        assert!(ends.contains(&Stopped::Converged) && ends.contains(&Stopped::Complete));
        assert!(ends.contains(&Stopped::Diverged));
        // No epoch is trained that no rule asked for: each lane ends with the last of its views.
        let used: u64 = shared.iter().flat_map(|one| &one.folds).map(|fold| u64::from(fold.ending.epochs)).sum();
        assert_eq!(used, more);
    }
}

/// Interrupts a grid after each of its epochs, and goes on in a fresh engine.
fn nothing_is_repeated_or_lost(asked: &Asked, space: &Space) {
    let (whole, cost) = fresh(asked, space, 1);
    for after in 1..cost {
        let store = Shared::default();
        let trainer = ChainTrainer::new(1);
        trainer.interrupt_after.store(after, Ordering::SeqCst);
        let mut engine = Engine::new(Box::new(store.clone())).unwrap();
        let first = run(&mut engine, asked, space, &trainer).unwrap();
        assert_eq!((first.interrupted, trainer.count()), (true, after));
        drop(engine);
        let again = ChainTrainer::new(1);
        let mut engine = Engine::new(Box::new(store)).unwrap();
        assert!(!run(&mut engine, asked, space, &again).unwrap().interrupted);
        assert_eq!(bits(&engine.memory().results(&asked.parts)), bits(&whole), "after {after}");
        assert_eq!(after + again.count(), cost, "an epoch was repeated or skipped after {after}");
    }
}

#[test]
fn interrupted_anywhere_and_resumed_nothing_is_repeated_or_lost() {
    let space = space(&SCHEDULES, &[0.1], &[5, 20]);
    for watching in [Watching::EachFold, Watching::MeanOverFolds] {
        nothing_is_repeated_or_lost(&Asked { watching, ..asked() }, &space);
    }
}

/// One that is interrupted while it plans the second fold of its third trial.
struct InterruptedPlanner<'a>(ChainPlanner, AtomicU32, &'a AtomicBool);

impl Planner for InterruptedPlanner<'_> {
    fn parts(&self) -> Vec<Part> {
        self.0.parts()
    }

    fn plan(&self, config: &Config, part: Part) -> Result<Plan, InputError> {
        if self.1.fetch_add(1, Ordering::SeqCst) == 7 {
            self.2.store(true, Ordering::SeqCst);
        }
        self.0.plan(config, part)
    }

    fn rate_rule(&self, config: &Config) -> Result<Option<Ruled>, InputError> {
        self.0.rate_rule(config)
    }
}

#[test]
fn interrupted_while_a_trial_is_planned_nothing_is_left_of_it() {
    let (asked, space) = (asked(), space(&SCHEDULES, &[0.1], &[5, 20]));
    let (whole, cost) = fresh(&asked, &space, 1);
    let store = Shared::default();
    let trainer = ChainTrainer::new(1);
    let planner = InterruptedPlanner(ChainPlanner { folds: 3 }, AtomicU32::new(0), &trainer.interrupt);
    let mut engine = Engine::new(Box::new(store.clone())).unwrap();
    let (mut grid, notes) = (Grid::new(&space, 1), Notes::default());
    let first = engine.run(&asked, &mut grid, &planner, &trainer, &notes, &trainer.interrupt).unwrap();
    assert!(first.interrupted);
    // Not planned to its third fold, nor any of those that came after it.
    assert_eq!((first.trials.len(), engine.memory().trials.len(), planner.1.into_inner()), (2, 2, 8));
    drop(engine);
    let again = ChainTrainer::new(1);
    let mut engine = Engine::new(Box::new(store)).unwrap();
    assert!(!run(&mut engine, &asked, &space, &again).unwrap().interrupted);
    assert_eq!((bits(&engine.memory().results(&asked.parts)), trainer.count() + again.count()), (bits(&whole), cost));
}

#[test]
fn a_finished_study_is_only_read_and_a_wider_one_trains_the_rest() {
    let store = Shared::default();
    let small = space(&SCHEDULES[..1], &[0.1], &[5, 10]);
    let wide = space(&SCHEDULES, &[0.1], &[5, 10, 20]);
    let mut engine = Engine::new(Box::new(store)).unwrap();
    let trainer = ChainTrainer::new(2);
    run(&mut engine, &asked(), &small, &trainer).unwrap();
    assert_eq!(trainer.count(), 30);
    let trials = run(&mut engine, &asked(), &small, &trainer).unwrap().trials;
    assert_eq!((trainer.count(), trials), (30, vec![0, 1]));
    run(&mut engine, &asked(), &wide, &trainer).unwrap();
    // The constant run goes on from its end; the others leave it where no state was kept, so those epochs are
    // trained again, once.
    let again = trainer.count() - 3 * (20 + 14 + 11);
    assert!(again <= 3 * 9, "{again} epochs repeated");
    let (whole, _) = fresh(&asked(), &wide, 1);
    let mut results = bits(&engine.memory().results(&asked().parts));
    let mut expected = bits(&whole);
    results.sort_by(|a, b| a.0.cmp(&b.0));
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(results, expected);
}

#[test]
fn damaged_states_are_passed_over_and_said() {
    let space = space(&["constant"], &[0.1], &[10]);
    let longer = super::engine_tests::space(&["constant"], &[0.1], &[20]);
    let store = Shared::default();
    let mut engine = Engine::new(Box::new(store.clone())).unwrap();
    run(&mut engine, &asked(), &space, &ChainTrainer::new(1)).unwrap();
    drop(engine);
    // Every state is replaced by one that no chain can read.
    let memory = store.clone().load().unwrap();
    for stage in &memory.stages {
        for (epoch, key) in &stage.checkpoints {
            let state: Arc<[u8]> = vec![1, 2, 3].into();
            store
                .0
                .lock()
                .unwrap()
                .append(&[Record::Checkpoint { stage: stage.stage, epoch: *epoch, key: *key, state }])
                .unwrap();
        }
    }
    let mut engine = Engine::new(Box::new(store)).unwrap();
    let (trainer, notes) = (ChainTrainer::new(1), Notes::default());
    let planner = ChainPlanner { folds: 3 };
    engine.run(&asked(), &mut Grid::new(&longer, 1), &planner, &trainer, &notes, &AtomicBool::new(false)).unwrap();
    assert_eq!(trainer.count(), 3 * 20, "trained again from the start");
    assert!(notes.warnings.lock().unwrap()[0].contains("cannot be used"));
    assert_eq!(bits(&engine.memory().results(&asked().parts))[1..], bits(&fresh(&asked(), &longer, 1).0));
}

#[test]
fn the_best_epochs_state_is_delivered_also_after_a_resume() {
    let rule = StopRule::Patience(Patience::new(4));
    let asked = Asked { rules: vec![rule], deliver: true, ..asked() };
    let space = space(&["constant"], &[0.1], &[40]);
    let store = Shared::default();
    let trainer = ChainTrainer::new(2);
    let mut engine = Engine::new(Box::new(store.clone())).unwrap();
    run(&mut engine, &asked, &space, &trainer).unwrap();
    let first = engine.delivered(0, Part::Fold(1)).unwrap();
    assert!((10..=14).contains(&first.epoch));
    drop(engine);
    let mut engine = Engine::new(Box::new(store)).unwrap();
    let again = ChainTrainer::new(2);
    run(&mut engine, &asked, &space, &again).unwrap();
    let second = engine.delivered(0, Part::Fold(1)).unwrap();
    assert_eq!((second.epoch, second.state), (first.epoch, first.state));
    assert_eq!(again.count(), 0, "read, not trained");
    // Other rules choose another epoch; its state was not kept and is trained again.
    let all = Asked { rules: vec![], ..asked };
    let shorter = super::engine_tests::space(&["constant"], &[0.1], &[7]);
    run(&mut engine, &all, &shorter, &again).unwrap();
    assert_eq!(engine.delivered(1, Part::Fold(0)).unwrap().epoch, 7);
    assert_eq!(again.count(), 3 * 7);
}

#[test]
fn a_failure_is_tried_once_more_then_recorded_and_ends_nothing_else() {
    let space = space(&["constant"], &[0.1], &[3]);
    let trainer = ChainTrainer::new(1);
    trainer.failures.store(1, Ordering::SeqCst);
    let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
    assert!(!run(&mut engine, &asked(), &space, &trainer).unwrap().interrupted);
    trainer.failures.store(2, Ordering::SeqCst);
    let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
    let one = Asked { parts: vec![Part::Fold(0)], ..asked() };
    let two = self::space(&["constant"], &[0.1, 0.2], &[3]);
    let (notes, planner) = (Notes::default(), ChainPlanner { folds: 1 });
    let run = |engine: &mut Engine, trainer: &ChainTrainer, notes: &Notes| {
        engine.run(&one, &mut Grid::new(&two, 1), &planner, trainer, notes, &trainer.interrupt).unwrap()
    };
    // The lower rate fails, is tried again at once, and fails again; the other one is trained.
    run(&mut engine, &trainer, &notes);
    assert!(notes.warnings.lock().unwrap().last().unwrap().contains("given up: the machine broke"));
    let ends =
        |engine: &Engine| engine.memory().results(&one.parts).iter().map(TrialResult::stopped).collect::<Vec<_>>();
    let mut stopped = ends(&engine);
    stopped.sort_by_key(|stopped| *stopped == Stopped::Complete);
    assert_eq!(stopped, [Stopped::Failed, Stopped::Complete]);
    assert_eq!(trainer.count(), 9 + 3);
    // The next session tries anew.
    run(&mut engine, &trainer, &notes);
    assert_eq!((ends(&engine), trainer.count()), (vec![Stopped::Complete; 2], 9 + 6));
}

#[test]
fn a_state_that_was_not_kept_is_trained_again_for_a_stage_that_leaves_there() {
    let store = Shared::default();
    let (trainer, step) = (ChainTrainer::new(1), "step(every=6, gamma=0.1)");
    let one = Asked { parts: vec![Part::Fold(0)], ..asked() };
    let mut engine = Engine::new(Box::new(store)).unwrap();
    for (schedule, epochs) in [("constant", 19), ("constant", 20), (step, 20), ("constant", 21)] {
        run(&mut engine, &one, &space(&[schedule], &[0.1], &[epochs]), &trainer).unwrap();
    }
    // The parent keeps the states of epochs 20 and 21 only, the child that of 20.
    let deliver = Asked { deliver: true, ..one };
    let (send, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let trials = run(&mut engine, &deliver, &space(&[step], &[0.1], &[10]), &trainer).unwrap().trials;
        send.send(engine.delivered(trials[0], Part::Fold(0)).map(|one| one.epoch)).unwrap();
    });
    let delivered = done.recv_timeout(std::time::Duration::from_secs(10)).expect("it never ends");
    assert_eq!(delivered, Some(10));
}

/// The first records of a study: as many as there are up to its `epochs`th epoch, as a killed process leaves them.
fn cut(records: &[Record], epochs: usize) -> Shared {
    let (store, mut seen) = (Shared::default(), 0);
    for record in records {
        seen += usize::from(matches!(record, Record::Epoch { .. }));
        if seen > epochs {
            break;
        }
        store.0.lock().unwrap().append(std::slice::from_ref(record)).unwrap();
    }
    store
}

/// Remembers the records themselves.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Record>>>);

impl Store for Log {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.0.lock().unwrap().extend_from_slice(records);
        Ok(())
    }
    fn load(&mut self) -> Result<opportune_core::memory::Remembered, StoreError> {
        Ok(Default::default())
    }
    fn state(&mut self, _: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        Ok(None)
    }
}

#[test]
fn a_killed_study_goes_on_with_another_space() {
    let log = Log::default();
    let one = Asked { parts: vec![Part::Fold(0)], ..asked() };
    let mut engine = Engine::new(Box::new(log.clone())).unwrap();
    run(&mut engine, &one, &space(&SCHEDULES, &[0.1], &[12]), &ChainTrainer::new(1)).unwrap();
    let records = log.0.lock().unwrap().clone();
    let others = ["step(every=2, gamma=0.3)", "step(every=6, gamma=0.1)", "step(every=9, gamma=0.1)", "constant"];
    for (killed, first) in (0..12).flat_map(|killed| (0..4).map(move |first| (killed, first))) {
        for second in (0..4).filter(|second| *second != first) {
            for third in [None, Some(0), Some(1), Some(2), Some(3)] {
                let store = cut(&records, killed);
                let mut schedules = vec![vec![others[first], others[second]]];
                schedules.extend(third.map(|third| vec![others[third]]));
                for schedules in &schedules {
                    let wide = space(schedules, &[0.1], &[12]);
                    let mut engine = Engine::new(Box::new(store.clone())).unwrap();
                    let what = format!("{killed} {schedules:?}");
                    let (send, done) = std::sync::mpsc::channel();
                    let (asked, space) = (one.clone(), wide.clone());
                    std::thread::spawn(move || {
                        let trials = run(&mut engine, &asked, &space, &ChainTrainer::new(1)).unwrap().trials;
                        let result = |trial: &u32| engine.memory().result(*trial, &asked.parts).unwrap();
                        let _ = send.send(trials.iter().map(result).collect::<Vec<_>>());
                    });
                    let results = done.recv_timeout(std::time::Duration::from_secs(5)).expect(&what);
                    assert_eq!(bits(&results), bits(&fresh(&one, &wide, 1).0), "{what}");
                }
            }
        }
    }
}

#[test]
fn states_that_nothing_needs_any_more_go() {
    let steps: Vec<String> = (2..12).map(|every| format!("step(every={every}, gamma=0.1)")).collect();
    let schedules: Vec<&str> = std::iter::once("constant").chain(steps.iter().map(String::as_str)).collect();
    for threads in [1, 3] {
        let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
        run(&mut engine, &asked(), &space(&schedules, &[0.1], &[20]), &ChainTrainer::new(threads)).unwrap();
        assert_eq!(engine.memory().stages.len(), 3 * schedules.len());
        let kept = engine.memory().stages.iter().map(|stage| stage.checkpoints.len()).max();
        assert!(kept <= Some(2), "on the disk: {kept:?} states of one stage");
        assert_eq!(engine.states_in_memory(), 0);
    }
}
