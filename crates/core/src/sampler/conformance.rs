//! What holds for every sampler.

use super::Sampler;
use crate::space::{Config, Domain, Param, Space, Value};
use std::collections::BTreeSet;

/// Points that are drawn of a space, a power of two.
const POINTS: u32 = 4096;

/// A parameter of each kind.
pub(super) fn space() -> Space {
    let range = |name: &str, low: f64, high: f64, log: bool, whole: bool| Param {
        name: name.to_string(),
        domain: Domain::Range { low, high, log, whole },
    };
    let text = |text: &str| Value::Text(text.to_string());
    Space(vec![
        range("lr", 1e-5, 1e-1, true, false),
        range("dropout", 0.0, 0.5, false, false),
        range("batch", 8.0, 512.0, true, true),
        range("epochs", 1.0, 9.0, false, true),
        Param::list("optimizer", ["sgd", "adam", "adamw", "rmsprop", "lion"].map(text).to_vec()),
        Param::list("hidden", vec![Value::Layers(vec![64]), Value::Layers(vec![]), Value::Layers(vec![9, 9])]),
        Param::list("momentum", vec![Value::Number(0.9)]),
        range("l2", 1e-4, 1e-4, true, false),
    ])
}

fn within(param: &Param, value: &Value) -> bool {
    match &param.domain {
        Domain::Values(values) => values.contains(value),
        Domain::Range { low, high, whole, .. } => {
            let number = value.number().unwrap();
            value.count().is_some() == *whole && (*low..=*high).contains(&number)
        }
    }
}

/// How far the empirical distribution of `places` is from the even one on 0 to 1 (Kolmogorov and Smirnov).
fn unevenness(mut places: Vec<f64>) -> f64 {
    places.sort_by(f64::total_cmp);
    let n = places.len() as f64;
    let off = |(rank, place): (usize, &f64)| (place - rank as f64 / n).abs().max((place - (rank + 1) as f64 / n).abs());
    places.iter().enumerate().map(off).fold(0.0, f64::max)
}

/// Panics unless the samplers that `new` makes of seeds keep to what every sampler must.
pub(super) fn conforms(new: &dyn Fn(u64) -> Box<dyn Sampler>) {
    let (space, sampler) = (space(), new(5));
    let draw = |trial: u32| sampler.sample(&space, trial);
    let all: Vec<Config> = (0..POINTS).map(draw).collect();

    // A value in its domain for each parameter, and no other.
    for config in &all {
        assert_eq!(config.iter().count(), space.0.len());
        assert!(space.0.iter().all(|param| within(param, config.get(&param.name).unwrap())), "{config}");
    }

    // The number of the trial decides alone: neither the order of calls nor the instance.
    let again = new(5);
    for trial in (0..POINTS).rev().step_by(97) {
        assert_eq!(again.sample(&space, trial), all[trial as usize]);
    }
    sampler.sample(&space, u32::MAX);
    assert_eq!(draw(17), all[17]);
    let places: BTreeSet<u64> = all.iter().map(|one| one.get("lr").unwrap().number().unwrap().to_bits()).collect();
    assert_eq!(places.len(), all.len(), "trials differ");
    assert_ne!(new(6).sample(&space, 17), all[17], "seeds differ");

    // Every value of a list, and every whole number of a small range, comes up about as often as the others.
    for name in ["optimizer", "hidden", "epochs"] {
        let drawn: Vec<String> = all.iter().map(|config| config.get(name).unwrap().to_string()).collect();
        let values: BTreeSet<&String> = drawn.iter().collect();
        let expected = match name {
            "optimizer" => 5,
            "hidden" => 3,
            _ => 9,
        };
        assert_eq!(values.len(), expected, "{name}");
        for value in values {
            let share = drawn.iter().filter(|one| *one == value).count() as f64 / f64::from(POINTS);
            assert!((share * expected as f64 - 1.0).abs() < 0.25, "{name} {value}: {share}");
        }
    }

    // Ranges are drawn by their distances. 1.63 / sqrt(n) is exceeded by chance once in a hundred times.
    let number = |config: &Config, name: &str| config.get(name).unwrap().number().unwrap();
    let rates = all.iter().map(|config| (number(config, "lr").log10() + 5.0) / 4.0).collect();
    let dropouts = all.iter().map(|config| number(config, "dropout") / 0.5).collect();
    assert!(unevenness(rates) < 0.0255);
    assert!(unevenness(dropouts) < 0.0255);

    // What does not vary takes no dimension.
    let narrow = Space(space.0.iter().rev().cloned().collect()).without("batch");
    let only = Space(vec![space.0[0].clone()]);
    let led = Space(vec![space.0[6].clone(), space.0[7].clone(), space.0[0].clone()]);
    assert_eq!(sampler.sample(&only, 9).get("lr"), sampler.sample(&led, 9).get("lr"));
    assert_eq!(sampler.sample(&narrow, 9).iter().count(), 7);
    assert_eq!(sampler.sample(&Space::default(), 9), Config::default());
}
