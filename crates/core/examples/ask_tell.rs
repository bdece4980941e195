//! What a policy itself costs: asking for trials and telling it of their ends, in memory, without any training.
//!
//! `cargo run --release -p opportune-core --example ask_tell [TRIALS [--json]]` prints trials per second of each policy;
//! as JSON, those of every run.

use opportune_core::judged::JudgedCurve;
use opportune_core::policy::{Action, Asha, Event, Halving, Policy, Sampled, geometric_rungs};
use opportune_core::sampler::{Random, Sampler, Sobol};
use opportune_core::space::{Domain, Param, Space, Value};
use opportune_core::stop::Stopped;
use std::collections::VecDeque;
use std::time::Instant;

const EPOCHS: u32 = 81;
/// Trials that are trained at once.
const ROOM: usize = 8;

fn space() -> Space {
    let range = |name: &str, low, high, log, whole| {
        let domain = Domain::Range { low, high, log, whole };
        Param { name: name.into(), domain }
    };
    let text = |text: &str| Value::Text(text.into());
    Space(vec![
        range("lr", 1e-5, 1.0, true, false),
        range("l2", 1e-7, 1e-2, true, false),
        range("batch", 16.0, 512.0, true, true),
        Param::list("optimizer", ["sgd", "momentum", "adam", "adamw"].map(text).to_vec()),
        Param::list("schedule", ["constant", "cosine", "step(every=20)"].map(text).to_vec()),
    ])
}

type New<'a> = &'a dyn Fn() -> Box<dyn Policy>;

/// Carries a policy out and gives the number of trials.
fn drive(mut policy: Box<dyn Policy>) -> usize {
    let mut running: VecDeque<(u32, u32)> = VecDeque::new();
    let mut rates = Vec::new();
    loop {
        loop {
            let actions = policy.next(ROOM.saturating_sub(running.len()));
            if actions.is_empty() {
                break;
            }
            for action in actions {
                match action {
                    Action::Start { config, until } => {
                        running.push_back((rates.len() as u32, until));
                        rates.push(config.get("lr").and_then(Value::number).unwrap_or(1.0));
                    }
                    Action::Resume { trial, until } => running.push_back((trial, until)),
                    Action::Finish | Action::Stop => return rates.len(),
                }
            }
        }
        let Some((trial, until)) = running.pop_front() else { return rates.len() };
        let off = (rates[trial as usize] / 0.01).ln().abs();
        let losses: Vec<[f64; 1]> = (1..=until).map(|epoch| [off + 1.0 / f64::from(epoch)]).collect();
        let curve = JudgedCurve::of_losses(&losses);
        policy.observe(&Event::Ended { trial, stopped: Stopped::Complete, curve });
    }
}

fn main() {
    let trials = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let rungs = || geometric_rungs(1, EPOCHS, 3);
    let population = || {
        let (sobol, space) = (Sobol::new(1), space());
        (0..trials).map(|trial| sobol.sample(&space, trial)).collect()
    };
    let policies: [(&str, New); 4] = [
        ("random", &|| Box::new(Sampled::new(space(), Box::new(Random { seed: 1 }), trials, EPOCHS))),
        ("sobol", &|| Box::new(Sampled::new(space(), Box::new(Sobol::new(1)), trials, EPOCHS))),
        ("halving", &|| Box::new(Halving::new(population(), rungs(), 3))),
        ("asha", &|| Box::new(Asha::new(space(), Box::new(Sobol::new(1)), trials, rungs(), 3))),
    ];
    let json = std::env::args().nth(2).is_some_and(|word| word == "--json");
    if !json {
        println!("{trials} trials of 5 parameters, up to {EPOCHS} epochs; the best of five runs");
    }
    let mut all = Vec::new();
    for (name, new) in policies {
        let run = |_| {
            let began = Instant::now();
            // Drawing the points counts, too.
            let driven = drive(new());
            driven as f64 / began.elapsed().as_secs_f64()
        };
        let rates: Vec<f64> = (0..5).map(run).collect();
        if !json {
            println!("{name:8} {:9.0} trials/s", rates.iter().copied().fold(0.0, f64::max));
        }
        all.push(format!("\"{name}\":{rates:?}"));
    }
    if json {
        println!("{{{}}}", all.join(","));
    }
}
