//! Runs that a rule ended, where all sessions have the same rules: nobody goes on from them, so no state is kept, and nothing
//! else changes.

use super::*;

fn rules() -> Vec<StopRule> {
    vec![StopRule::Tol { tol: 0.02, epochs: 2 }]
}

/// At the rate of 0.1 runs converge after ten epochs, at that of 1,000 they diverge.
fn grid(epochs: &[u32]) -> Space {
    space(&SCHEDULES, &[0.1, 1e3], epochs)
}

/// After how many epochs the store has states, of each stage that was trained.
fn states(store: &Shared) -> Vec<Vec<u32>> {
    let memory = store.0.lock().unwrap().load().unwrap();
    let trained = memory.stages.iter().filter(|stage| !stage.epochs.is_empty());
    trained.map(|stage| stage.checkpoints.iter().map(|(epoch, _)| *epoch).collect()).collect()
}

#[test]
fn their_states_are_not_kept_and_nothing_else_changes() {
    for (watching, epochs) in [(Watching::EachFold, 30), (Watching::MeanOverFolds, 30), (Watching::EachFold, 9)] {
        let kept = Asked { rules: rules(), watching, ..asked() };
        let asked = Asked { rules_stay: true, ..kept.clone() };
        let run = |asked: &Asked, threads| {
            let (store, trainer) = (Shared::default(), ChainTrainer::new(threads));
            let mut engine = Engine::new(Box::new(store.clone())).unwrap();
            run(&mut engine, asked, &grid(&[4, epochs]), &trainer).unwrap();
            engine.flush().unwrap();
            assert!(!asked.rules_stay || engine.states_in_memory() == 0);
            (bits(&engine.memory().results(&asked.parts)), trainer.count(), states(&store))
        };
        let (results, cost, all) = run(&kept, 1);
        assert!(all.iter().all(|states| !states.is_empty()), "{all:?}");
        for threads in [1, 3] {
            let (same, as_much, some) = run(&asked, threads);
            assert_eq!((&same, as_much), (&results, cost));
            let with_states = some.iter().filter(|states| !states.is_empty()).count();
            // Those of 9 epochs end there, on each fold: one goes on at its rate, and one leaves it after the sixth.
            assert_eq!(with_states, if epochs == 9 { 2 * 3 } else { 0 }, "{some:?}");
        }
    }
}

#[test]
fn interrupted_anywhere_and_resumed_nothing_is_repeated_or_lost() {
    for (watching, epochs) in [(Watching::EachFold, 30), (Watching::MeanOverFolds, 30), (Watching::EachFold, 9)] {
        let asked = Asked { rules: rules(), watching, rules_stay: true, ..asked() };
        nothing_is_repeated_or_lost(&asked, &grid(&[4, epochs]));
    }
}

/// Should someone want to go on from such a run all the same, it is trained again, to the same bits.
#[test]
fn without_the_rule_it_is_trained_again_to_the_same_bits() {
    let (store, space) = (Shared::default(), space(&["constant"], &[0.1], &[30]));
    let asked = Asked { rules: rules(), rules_stay: true, ..asked() };
    let mut engine = Engine::new(Box::new(store)).unwrap();
    let trainer = ChainTrainer::new(2);
    run(&mut engine, &asked, &space, &trainer).unwrap();
    let ended = trainer.count();
    assert!(ended < 3 * 30);
    let free = Asked { rules: vec![], rules_stay: false, ..asked };
    let trainer = ChainTrainer::new(2);
    run(&mut engine, &free, &space, &trainer).unwrap();
    assert_eq!(trainer.count(), 3 * 30);
    assert_eq!(bits(&engine.memory().results(&free.parts)), bits(&fresh(&free, &space, 1).0));
}
