//! Searches: halving and its kin, with limits around them.

use super::*;
use opportune_core::policy::{Asha, Halving, Limited, Policy, geometric_rungs};
use opportune_core::sampler::{Sampler, Sobol};
use opportune_core::space::{Config, Domain};

fn rates() -> Space {
    let domain = Domain::Range { low: 1e-3, high: 1e3, log: true, whole: false };
    Space(vec![Param { name: "lr".into(), domain }, Param::list("epochs", vec![Value::Count(20), Value::Count(6)])])
}

fn halving() -> Halving {
    let population: Vec<Config> = (0..16).map(|trial| Sobol::new(1).sample(&rates(), trial)).collect();
    Halving::new(population, geometric_rungs(1, 20, 3), 3)
}

fn asha() -> Asha {
    Asha::new(rates(), Box::new(Sobol::new(1)), 16, geometric_rungs(1, 20, 3), 3)
}

fn search(engine: &mut Engine, asked: &Asked, policy: &mut dyn Policy, trainer: &ChainTrainer) -> Outcome {
    let planner = ChainPlanner { folds: asked.parts.len() as u32 };
    engine.run(asked, policy, &planner, trainer, &Notes::default(), &trainer.interrupt).unwrap()
}

#[test]
fn searches_train_no_epoch_twice_and_go_on_where_they_were() {
    let rules = vec![StopRule::Patience(Patience { min_delta: 0.3, ..Patience::new(2) })];
    for with in [
        asked(),
        Asked { rules: rules.clone(), ..asked() },
        Asked { rules, watching: Watching::MeanOverFolds, ..asked() },
    ] {
        let new: [fn() -> Box<dyn Policy>; 5] = [
            || Box::new(halving()),
            || Box::new(asha()),
            || Box::new(Limited::new(halving(), 3, Some(70), None)),
            || Box::new(Limited::new(asha(), 3, Some(70), None)),
            || Box::new(Limited::new(asha(), 3, None, Some((Score::R2, 0.6)))),
        ];
        for (which, new) in new.into_iter().enumerate() {
            let whole = |threads| {
                let trainer = ChainTrainer::new(threads);
                let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
                search(&mut engine, &with, &mut *new(), &trainer);
                let results = engine.memory().results(&with.parts);
                let executed: usize = results.iter().flat_map(|one| &one.folds).map(|fold| fold.curve.len()).sum();
                if which < 4 {
                    assert_eq!(trainer.count(), executed as u64, "an epoch was trained twice");
                }
                (bits(&results), trainer.count())
            };
            let (results, cost) = whole(1);
            assert!(!(2..4).contains(&which) || cost <= 70, "{cost}");
            if which == 0 || which == 2 {
                assert_eq!(whole(3), (results.clone(), cost));
            }
            whole(3);
            for after in (1..cost).step_by(7) {
                let store = Shared::default();
                let trainer = ChainTrainer::new(1);
                trainer.interrupt_after.store(after, Ordering::SeqCst);
                let mut engine = Engine::new(Box::new(store.clone())).unwrap();
                assert!(search(&mut engine, &with, &mut *new(), &trainer).interrupted);
                drop(engine);
                let again = ChainTrainer::new(1);
                let mut engine = Engine::new(Box::new(store)).unwrap();
                search(&mut engine, &with, &mut *new(), &again);
                if which < 4 && which % 2 == 0 {
                    assert_eq!(bits(&engine.memory().results(&with.parts)), results, "after {after}");
                    assert_eq!(after + again.count(), cost);
                }
                println!("{which} {after}: {} of {cost}", after + again.count());
            }
        }
    }
}
