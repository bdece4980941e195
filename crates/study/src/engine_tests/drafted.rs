//! What was drawn up before the session is not planned again, and nothing else depends on it.

use super::*;
use crate::Drafts;
use std::collections::HashSet;

const EPOCHS: [u32; 2] = [10, 20];

/// Six trials, each on three folds, which reach 10 or 20 epochs.
fn grid() -> Space {
    space(&["constant", "step(every=6, gamma=0.1)", "cosine"], &[0.1], &EPOCHS)
}

fn drafts_on(of: &Space, parts: &[Part]) -> Drafts {
    Drafts::of(&ChainPlanner { folds: 3 }, of.grid(), parts, || true).unwrap()
}

fn drafts(of: &Space) -> Drafts {
    drafts_on(of, &asked().parts)
}

/// Counts the plans it is asked for.
#[derive(Default)]
struct Counting(AtomicU32);

impl Planner for Counting {
    fn parts(&self) -> Vec<Part> {
        ChainPlanner { folds: 3 }.parts()
    }
    fn plan(&self, config: &Config, part: Part) -> Result<Plan, InputError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        ChainPlanner { folds: 3 }.plan(config, part)
    }
    fn rate_rule(&self, config: &Config) -> Result<Option<Ruled>, InputError> {
        ChainPlanner { folds: 3 }.rate_rule(config)
    }
}

#[test]
fn the_cost_counts_what_is_common_once() {
    let (space, drafts) = (grid(), drafts(&grid()));
    let plans: Vec<Plan> =
        space.grid().map(|config| ChainPlanner { folds: 3 }.plan(&config, Part::Fold(0)).unwrap()).collect();
    let keys = plans.iter().flat_map(|plan| plan.keys(None, plan.epochs).split_off(1)).collect::<HashSet<PrefixKey>>();
    assert_eq!((drafts.epochs(), drafts.different_epochs()), (3 * 90, 3 * keys.len() as u64));
    assert!(keys.len() < 90);
    let left = AtomicU32::new(100);
    let going = || left.fetch_sub(1, Ordering::SeqCst) > 1;
    let planner = ChainPlanner { folds: 3 };
    // Whoever wants to stop is not kept waiting for the rest.
    let some = Drafts::of(&planner, space.grid(), &planner.parts(), going).unwrap();
    assert!(some.epochs() > 0 && some.epochs() < drafts.epochs(), "{}", some.epochs());
    assert_eq!(drafts_on(&space, &[]).epochs(), 0);
}

#[test]
fn they_are_the_session_s_own_plans() {
    let of = drafts(&grid());
    for (place, config) in grid().grid().enumerate() {
        let drawn = of.get(place, &config);
        // More are not kept than there is room for.
        assert_eq!(drawn.is_some(), place < 2, "{place}");
        for (draft, part) in drawn.into_iter().flatten().zip(asked().parts) {
            let plan = ChainPlanner { folds: 3 }.plan(&config, part).unwrap();
            assert_eq!((&*draft.plan, &draft.keys[..]), (&plan, &plan.keys(None, plan.epochs)[1..]));
        }
        assert!(of.get(place + 1, &config).is_none());
    }
}

#[test]
fn a_session_has_the_same_results_with_them_and_plans_less() {
    let other = space(&["constant"], &[0.2], &EPOCHS);
    for (share, rules) in [(true, vec![]), (true, vec![StopRule::Tol { tol: 0.02, epochs: 2 }]), (false, vec![])] {
        let done = |drafts: Option<Drafts>| {
            let (planner, trainer) = (Counting::default(), ChainTrainer::new(2));
            let mut engine = Engine::new(Box::new(MemoryStore::default())).unwrap();
            let asked = Asked { share, rules: rules.clone(), drafts: drafts.map(Arc::new), ..asked() };
            let mut policy = Grid::new(&grid(), 1);
            let never = AtomicBool::new(false);
            engine.run(&asked, &mut policy, &planner, &trainer, &Notes::default(), &never).unwrap();
            let memory = engine.memory();
            let stages: Vec<_> = memory.stages.iter().map(|one| (one.stage, one.part, one.parent, one.first)).collect();
            let done = (bits(&memory.results(&asked.parts)), trainer.count(), stages);
            (done, planner.0.load(Ordering::SeqCst))
        };
        let (alone, plans) = done(None);
        assert_eq!(plans, 6 * 3);
        // Two trials are drawn up, and only runs that are shared are.
        assert_eq!(done(Some(drafts(&grid()))), (alone.clone(), plans - if share { 2 * 3 } else { 0 }));
        assert_eq!(done(Some(drafts(&other))), (alone.clone(), plans));
        let turned: Vec<Part> = asked().parts.into_iter().rev().collect();
        // The middle one is where it was.
        assert_eq!(done(Some(drafts_on(&grid(), &turned))), (alone, plans - if share { 2 } else { 0 }));
    }
}
