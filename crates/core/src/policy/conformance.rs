//! What holds for every policy, and a row for each.

use super::simulator::{Outcome, Script, Simulator};
use super::{Asha, Auto, Grid, Halving, Limited, Policy, Sampled, Single, epochs_of, geometric_rungs};
use crate::epochs::ladder;
use crate::rng::{Purpose, Stream};
use crate::sampler::{Random, Sampler, Sobol};
use crate::score::Score;
use crate::space::{Config, Domain, Param, Space, Value};
use crate::stop::Stopped;

/// The most epochs that a point of [`space`] asks for.
const EPOCHS: u32 = 30;

/// Learning rates, and a list of epochs of which some are below some rungs.
fn space() -> Space {
    let domain = Domain::Range { low: 1e-4, high: 1.0, log: true, whole: false };
    let epochs = [30, 5, 30, 1, 17].map(Value::Count).to_vec();
    Space(vec![Param { name: "lr".into(), domain }, Param::list("epochs", epochs)])
}

fn rates(n: u32) -> Vec<Config> {
    (0..n).map(|trial| Sobol::new(4).sample(&space(), trial)).collect()
}

fn grid() -> Grid {
    let list = |name: &str, values: Vec<Value>| Param::list(name, values);
    let rates = [1e-3, 1e-2, 0.1, 0.5, 1.0].map(Value::Number).to_vec();
    Grid::new(&Space(vec![list("lr", rates), list("epochs", vec![Value::Count(9), Value::Count(30)])]), 1)
}

fn sobol() -> Sampled {
    Sampled::new(space(), Box::new(Sobol::new(4)), 32, EPOCHS)
}

fn halving() -> Halving {
    Halving::new(rates(40), geometric_rungs(1, EPOCHS, 3), 3)
}

fn asha() -> Asha {
    Asha::new(space(), Box::new(Sobol::new(4)), 40, geometric_rungs(1, EPOCHS, 3), 3)
}

fn auto() -> Auto {
    let rates = (0..9u32).map(|power| Value::Number(1e-3 * f64::from(2u32.pow(power))));
    let config = |rate| Config::from_iter([("lr".to_string(), rate), ("epochs".to_string(), Value::Count(EPOCHS))]);
    Auto::new(rates.map(config).collect(), Auto::rungs(&ladder(1, EPOCHS)), 5, Some((1e-6, 1.0)))
}

/// A policy, and whether what it grants is the same whatever ends first.
struct Row {
    name: &'static str,
    in_step: bool,
    new: fn() -> Box<dyn Policy>,
}

const TABLE: &[Row] = &[
    Row { name: "grid", in_step: true, new: || Box::new(grid()) },
    Row { name: "single", in_step: true, new: || Box::new(Single::new(rates(1).remove(0), 20)) },
    Row {
        name: "random",
        in_step: true,
        new: || Box::new(Sampled::new(space(), Box::new(Random { seed: 4 }), 32, EPOCHS)),
    },
    Row { name: "sobol", in_step: true, new: || Box::new(sobol()) },
    Row { name: "halving", in_step: true, new: || Box::new(halving()) },
    Row { name: "asha", in_step: false, new: || Box::new(asha()) },
    Row {
        name: "asha with far too many rungs",
        in_step: false,
        new: || Box::new(Asha::new(space(), Box::new(Random { seed: 4 }), 50, (1..=90).collect(), 2)),
    },
    Row { name: "auto", in_step: true, new: || Box::new(auto()) },
    Row { name: "limited auto", in_step: true, new: || Box::new(Limited::new(auto(), 5, Some(160), None)) },
    Row { name: "limited grid", in_step: true, new: || Box::new(Limited::new(grid(), 3, Some(200), None)) },
    Row { name: "limited sobol", in_step: true, new: || Box::new(Limited::new(sobol(), 5, Some(1234), None)) },
    Row { name: "limited halving", in_step: true, new: || Box::new(Limited::new(halving(), 2, Some(250), None)) },
    Row { name: "limited asha", in_step: false, new: || Box::new(Limited::new(asha(), 3, Some(250), None)) },
    Row {
        name: "asha with a target",
        in_step: false,
        new: || Box::new(Limited::new(asha(), 3, None, Some((Score::LogLoss, 0.5)))),
    },
    Row {
        name: "a target that nobody reaches",
        in_step: true,
        new: || Box::new(Limited::new(halving(), 3, None, Some((Score::Accuracy, 1e9)))),
    },
    Row {
        name: "limited twice, boxed",
        in_step: true,
        new: || {
            let inner: Box<dyn Policy> = Box::new(Limited::new(halving(), 1, Some(60), None));
            Box::new(Limited::new(inner, 1, Some(50), None))
        },
    },
];

/// Falls from above 1 to a floor that is lowest for a rate of 0.03; high rates diverge sooner or later, some others are
/// ended by a rule or fail.
fn script(config: &Config) -> Script {
    let rate = config.get("lr").and_then(Value::number).unwrap();
    let epochs = epochs_of(config).unwrap();
    let off = (rate / 0.03).log10();
    let mut noise = Stream::new(rate.to_bits(), 0, None, Purpose::Split);
    let mut loss = |epoch: u32| {
        let gone = rate > 0.3 && f64::from(epoch) > 3.0 / rate;
        let loss = 0.2 + 0.1 * off * off + 1.0 / (f64::from(epoch) * rate.sqrt() * 6.0) + 0.05 * noise.uniform();
        if gone { [f64::NAN, f64::INFINITY][epoch as usize % 2] } else { loss }
    };
    let losses = (1..=epochs).map(&mut loss).collect();
    let ends = match noise.below(6) {
        0 => Some((1 + noise.below(12), Stopped::Early)),
        1 => Some((1 + noise.below(20), Stopped::Converged)),
        2 => Some((1 + noise.below(20), Stopped::Failed)),
        _ => None,
    };
    Script { losses, ends }
}

fn simulate(policy: &mut dyn Policy, workers: usize, seed: u64, remembered: fn(u32) -> bool) -> Outcome {
    Simulator { workers, seed, remembered, script: &script }.run(policy)
}

/// Who is remembered: nobody, all, the first, every other one.
const REMEMBERED: [fn(u32) -> bool; 4] = [|_| false, |_| true, |trial| trial < 7, |trial| trial % 2 == 1];

#[test]
fn every_policy_keeps_its_contract_and_the_same_events_give_the_same_actions() {
    // What the contract is, the simulator says.
    for row in TABLE {
        for workers in [1, 2, 4, 64] {
            for seed in 0..4 {
                for remembered in REMEMBERED {
                    let run = || simulate(&mut *(row.new)(), workers, seed, remembered);
                    let outcome = run();
                    assert!(!outcome.grants.is_empty(), "{}", row.name);
                    assert_eq!(outcome, run(), "{}", row.name);
                }
            }
        }
    }
}

#[test]
fn who_ends_first_does_not_matter_to_policies_in_step() {
    for row in TABLE.iter().filter(|row| row.in_step) {
        let run = |workers, seed, remembered| {
            let mut outcome = simulate(&mut *(row.new)(), workers, seed, remembered);
            outcome.grants.sort_unstable();
            (outcome.grants, outcome.configs, outcome.trained)
        };
        let first = run(1, 0, REMEMBERED[0]);
        for (workers, seed) in [(1, 7), (2, 1), (4, 0), (4, 1), (4, 2), (64, 3)] {
            for remembered in REMEMBERED {
                assert_eq!(run(workers, seed, remembered), first, "{}, {workers} workers, seed {seed}", row.name);
            }
        }
    }
}

#[test]
fn everything_may_diverge_fail_or_end_early() {
    let scripts: [fn(&Config) -> Script; 5] = [
        |config| Script { losses: vec![f64::NAN; epochs_of(config).unwrap() as usize], ends: None },
        |config| Script { ends: Some((1, Stopped::Failed)), ..script(config) },
        |config| Script { ends: Some((1, Stopped::Early)), ..script(config) },
        |config| Script { losses: vec![0.25; epochs_of(config).unwrap() as usize], ends: None },
        |config| {
            let mut losses = vec![f64::INFINITY; epochs_of(config).unwrap() as usize];
            losses[0] = f64::MAX;
            Script { losses, ends: None }
        },
    ];
    for row in TABLE {
        for script in scripts {
            for remembered in REMEMBERED {
                let outcome = Simulator { workers: 3, seed: 1, remembered, script: &script }.run(&mut *(row.new)());
                assert!(!outcome.grants.is_empty(), "{}", row.name);
            }
        }
    }
}

#[test]
fn a_budget_is_an_upper_bound_and_used_up() {
    let policies: [fn() -> Box<dyn Policy>; 4] =
        [|| Box::new(grid()), || Box::new(sobol()), || Box::new(halving()), || Box::new(asha())];
    for new in policies {
        let whole = granted(&simulate(&mut *new(), 4, 0, REMEMBERED[0]));
        for (parts, budget) in [(1, 0), (1, 1), (1, 100), (3, 100), (3, 2), (5, 333), (2, 100_000)] {
            let outcome = simulate(&mut Limited::new(new(), parts, Some(budget), None), 4, 0, REMEMBERED[0]);
            assert_eq!(granted(&outcome), whole.min(budget / u64::from(parts)));
            assert!(outcome.executed <= granted(&outcome));
        }
    }
}

/// Epochs granted in all.
fn granted(outcome: &Outcome) -> u64 {
    outcome.grants.iter().map(|grant| u64::from(grant.until - grant.from)).sum()
}
