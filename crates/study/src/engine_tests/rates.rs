//! Schedules whose rate follows the curve: what they share, that they go on where they were, and that what they did can be
//! replayed.

use super::*;
use opportune_core::policy::{Halving, Policy};
use opportune_core::space::Config;
use opportune_core::stop::Point;
use std::collections::BTreeSet;

const FOLLOWING: [&str; 5] = [
    "constant",
    "on_plateau(factor=0.5, patience=3)",
    "on_plateau(factor=0.5, patience=5, cooldown=2)",
    "on_plateau(factor=0.5, patience=2, like=keras)",
    "greedy(factor=0.8, patience=4)",
];

fn rates(one: &TrialResult) -> Vec<Vec<u64>> {
    let rates = |curve: &[opportune_core::observation::Observation]| curve.iter().map(|o| o.rate.to_bits()).collect();
    one.folds.iter().map(|fold| rates(&fold.curve)).collect()
}

/// Epochs that must be executed: one for each different beginning of a history of rates, on each fold.
fn distinct(results: &[TrialResult]) -> u64 {
    let mut beginnings = BTreeSet::new();
    for result in results {
        for (fold, rates) in rates(result).into_iter().enumerate() {
            beginnings.extend((1..=rates.len()).map(|epochs| (fold, rates[..epochs].to_vec())));
        }
    }
    beginnings.len() as u64
}

#[test]
fn trials_share_epochs_until_their_rates_really_differ() {
    let space = space(&FOLLOWING, &[0.1, 0.01], &[20, 40]);
    for watching in [Watching::EachFold, Watching::MeanOverFolds] {
        let asked = Asked { watching, ..asked() };
        let (alone, cost_alone) = fresh(&Asked { share: false, ..asked.clone() }, &space, 2);
        let (shared, cost) = fresh(&asked, &space, 2);
        assert_eq!(bits(&alone), bits(&shared));
        assert_eq!(cost_alone, 3 * 2 * 5 * (20 + 40));
        assert_eq!(cost, distinct(&shared));
        assert!(cost < cost_alone * 3 / 4, "{cost} of {cost_alone}");
        let (single, cost_single) = fresh(&asked, &space, 1);
        assert_eq!((bits(&single), cost_single), (bits(&shared), cost));
        for one in &shared {
            let rates = rates(one);
            let follows = !one.config.to_string().contains("constant");
            assert_eq!(
                rates.iter().any(|fold| fold.windows(2).any(|pair| pair[0] != pair[1])),
                follows,
                "{}",
                one.config
            );
            if watching == Watching::MeanOverFolds {
                assert!(rates.iter().all(|fold| *fold == rates[0]), "one curve, one history of rates");
            }
        }
    }
}

#[test]
fn the_rate_falls_where_the_folds_own_curve_says_so() {
    let (results, _) = fresh(&asked(), &space(&["on_plateau(factor=0.5, patience=3)"], &[0.1], &[40]), 2);
    for fold in &results[0].folds {
        let (mut best, mut bad, mut rate) = (f64::INFINITY, 0, 0.1);
        for one in &fold.curve {
            assert_eq!(one.rate, rate, "epoch {}", one.epoch);
            let loss = one.validation.unwrap().loss;
            (best, bad) = if best.is_infinite() || loss < best - 1e-4 * best { (loss, 0) } else { (best, bad + 1) };
            if bad > 3 {
                (rate, bad) = (rate * 0.5, 0);
            }
        }
        assert!(rate < 0.01, "it fell several times");
    }
}

#[test]
fn counters_go_on_after_an_interruption_at_any_epoch() {
    let space =
        space(&["on_plateau(factor=0.5, patience=3)", "sequence(constant(over=6), greedy(patience=2))"], &[0.1], &[30]);
    for watching in [Watching::EachFold, Watching::MeanOverFolds] {
        let asked = Asked { watching, ..asked() };
        let (whole, cost) = fresh(&asked, &space, 1);
        for after in 1..cost {
            let store = Shared::default();
            let mut engine = Engine::new(Box::new(store.clone())).unwrap();
            let first = ChainTrainer::new(1);
            first.interrupt_after.store(after, Ordering::SeqCst);
            assert!(run(&mut engine, &asked, &space, &first).unwrap().interrupted);
            drop(engine);
            let mut engine = Engine::new(Box::new(store)).unwrap();
            let second = ChainTrainer::new(1);
            assert!(!run(&mut engine, &asked, &space, &second).unwrap().interrupted);
            assert_eq!(bits(&engine.memory().results(&asked.parts)), bits(&whole), "after {after}");
            assert_eq!(first.count() + second.count(), cost, "after {after}");
        }
    }
}

#[test]
fn what_was_recorded_is_the_same_training() {
    let space = space(&FOLLOWING[1..], &[0.1], &[40]);
    let asked = Asked { watching: Watching::MeanOverFolds, ..asked() };
    let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
    let trainer = ChainTrainer::new(2);
    run(&mut engine, &asked, &space, &trainer).unwrap();
    let planner = ChainPlanner { folds: 3 };
    let results = engine.memory().results(&asked.parts);
    let replay = |one: &TrialResult| -> (Config, u32) {
        let ruled = planner.rate_rule(&one.config).unwrap().unwrap();
        let mut watch = ruled.watch(Score::R2);
        for epoch in 0..39 {
            let points: Vec<Point> = one.folds.iter().map(|fold| Point::from(&fold.curve[epoch])).collect();
            watch.observe(&Point::mean(&points).unwrap());
        }
        (ruled.config(&one.config, watch.changes()), 40)
    };
    let recorded: Vec<(Config, u32)> = results.iter().map(replay).collect();
    assert!(recorded.iter().all(|(config, _)| config.to_string().contains("piecewise")), "{recorded:?}");
    let before = trainer.count();
    let again =
        engine.run(&asked, &mut Grid::of(recorded), &planner, &trainer, &Notes::default(), &trainer.interrupt).unwrap();
    assert_eq!(trainer.count(), before, "the recorded rates are the same rates");
    let curves = |one: &TrialResult| bits(std::slice::from_ref(one)).remove(0).1;
    for (one, trial) in results.iter().zip(again.trials) {
        assert_eq!(curves(one), curves(&engine.memory().result(trial, &asked.parts).unwrap()));
    }
}

#[test]
fn trials_that_wait_are_taken_up_again_with_their_rules() {
    let asked = Asked { watching: Watching::MeanOverFolds, ..asked() };
    let config = |schedule: &str| space(&[schedule], &[0.1], &[27]).grid().next().unwrap();
    let points: Vec<Config> = FOLLOWING.iter().map(|schedule| config(schedule)).collect();
    let (trainer, planner) = (ChainTrainer::new(2), ChainPlanner { folds: 3 });
    let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
    let mut halving: Box<dyn Policy> = Box::new(Halving::new(points, vec![3, 9, 27], 2));
    engine.run(&asked, &mut *halving, &planner, &trainer, &Notes::default(), &trainer.interrupt).unwrap();
    let results = engine.memory().results(&asked.parts);
    assert_eq!(trainer.count(), distinct(&results), "no epoch twice");
    assert!(results.iter().any(|one| one.folds[0].curve.len() == 27));
    for one in &results {
        let alone = fresh(&asked, &space(&[&one.config.get("schedule").unwrap().to_string()], &[0.1], &[27]), 1).0;
        for (fold, whole) in rates(one).iter().zip(rates(&alone[0])) {
            assert_eq!(fold[..], whole[..fold.len()], "{}", one.config);
        }
    }
}

#[test]
fn adaptive_stops_a_run_by_itself() {
    let asked = Asked { parts: vec![Part::Fold(0)], ..asked() };
    let (results, _) = fresh(&asked, &space(&["adaptive(tol=0.02, patience=2, min=0.01)"], &[0.1], &[60]), 1);
    let fold = &results[0].folds[0];
    assert_eq!(fold.ending.stopped, Stopped::Converged);
    let rates: BTreeSet<u64> = fold.curve.iter().map(|one| one.rate.to_bits()).collect();
    assert_eq!(rates.len(), 3, "0.1, 0.02, 0.004");
    assert!(fold.curve.len() < 40);
}
