//! What a range test is asked for, from its flags.

use crate::flags::{self, RangeTest as Flags};
use crate::job::Job;
use crate::values::{self, Unsaid};
use opportune_core::InputError;
use opportune_core::range_test::RangeTest;
use opportune_core::settings::{Init, Precision};
use opportune_core::space::{Config, Domain, Value};
use opportune_core::sweep::Sweep;

/// Rates of a range unless told, and at the most; repeats and steps at the most.
const POINTS: usize = 13;
const POINTS_MOST: usize = 200;
const REPEATS: u32 = 3;
const REPEATS_MOST: u32 = 100;
const STEPS_MOST: u32 = 100_000;

/// Which rates, how long, how often.
pub struct Asked {
    pub rates: Rates,
    /// For each rate; none is the default.
    pub steps: Option<u32>,
    pub repeats: u32,
}

/// The rates that are tried.
pub enum Rates {
    /// Each by itself, ascending.
    Each(Vec<f64>),
    /// In one run.
    Sweep(Sweep),
}

impl Asked {
    /// Reads the flags that data have no part in.
    ///
    /// # Errors
    /// Values that cannot be used, and flags that do not fit one another.
    pub fn read(flags: &Flags) -> Result<Asked, InputError> {
        let least = if flags.sweep { Sweep::STEPS_MIN } else { 1 };
        let steps = within("--steps", flags.steps, (least, STEPS_MOST))?;
        let repeats = within("--repeats", flags.repeats, (1, REPEATS_MOST))?.unwrap_or(REPEATS);
        let points = within("--points", flags.points, (2, POINTS_MOST))?;
        let space = values::space(&space(flags), Unsaid::Sought)?;
        let list = || InputError::new("these are single rates").at("--lr");
        let rates = match (space.param("lr").map(|param| &param.domain), flags.sweep) {
            (None, true) => Rates::Sweep(Sweep::new(Sweep::LOW, Sweep::HIGH, steps.unwrap_or(Sweep::STEPS))),
            (Some(&Domain::Range { low, high, .. }), true) => {
                Rates::Sweep(Sweep::new(low, high, steps.unwrap_or(Sweep::STEPS)))
            }
            (Some(Domain::Values(_)), true) => return Err(list().remedy("a sweep takes a range, LOW..HIGH")),
            (None, false) => Rates::Each(match points {
                None => RangeTest::rates(),
                Some(points) => {
                    let all = RangeTest::rates();
                    RangeTest::rates_over(all[0], all[all.len() - 1], points)
                }
            }),
            (Some(&Domain::Range { low, high, .. }), false) => {
                Rates::Each(RangeTest::rates_over(low, high, points.unwrap_or(POINTS)))
            }
            (Some(Domain::Values(_)), false) if points.is_some() => {
                return Err(list().remedy("leave --points out, or give a range, LOW..HIGH"));
            }
            (Some(Domain::Values(values)), false) => {
                let mut rates: Vec<f64> = values.iter().filter_map(Value::number).collect();
                rates.sort_by(f64::total_cmp);
                if rates.len() < 2 {
                    let error = InputError::new("one rate has nothing to be compared with").at("--lr");
                    return Err(error.remedy("give a range, LOW..HIGH, or several rates"));
                }
                Rates::Each(rates)
            }
        };
        Ok(Asked { rates, steps, repeats })
    }
}

/// The settings as a job takes them.
pub fn space(flags: &Flags) -> flags::Space {
    flags::Space {
        lr: flags.lr.clone(),
        epochs: None,
        schedule: Vec::new(),
        average: None,
        network: flags.network.clone(),
    }
}

fn within<T: PartialOrd + Copy + std::fmt::Display>(
    flag: &str,
    given: Option<T>,
    (least, most): (T, T),
) -> Result<Option<T>, InputError> {
    match given {
        Some(value) if value < least || value > most => {
            Err(InputError::new(format!("{value} is not from {least} to {most}")).at(flag))
        }
        given => Ok(given),
    }
}

/// How a job is told of training.
pub fn training(flags: &Flags) -> flags::Training {
    flags::Training {
        patience: None,
        min_delta: None,
        monitor: None,
        baseline: None,
        start_from_epoch: None,
        keep_last: false,
        tol: None,
        tol_on: None,
        n_iter_no_change: None,
        score: None,
        precision: flags.precision,
        init: flags.init,
        seed: flags.seed,
    }
}

/// How a job is told of a study, of which there is none.
pub fn study(flags: &Flags) -> flags::Study {
    flags::Study {
        name: None,
        storage: String::new(),
        fresh: false,
        no_share: false,
        threads: flags.threads,
        out: None,
        config: None,
        json: flags.json,
        quiet: false,
        trace: None,
    }
}

/// The settings beside the rate, of which each has one value.
///
/// # Errors
/// If one has several.
pub fn single(job: &Job) -> Result<Config, InputError> {
    let rest = job.space.without("lr");
    if let Some(param) = rest.0.iter().find(|param| param.varies()) {
        let given = if param.is_range() { "a range is".into() } else { format!("{} values are", param.values().len()) };
        return Err(InputError::new(format!("range-test compares rates, and {given} given"))
            .at(format!("--{}", param.name))
            .remedy("give one"));
    }
    Ok(rest.grid().next().unwrap_or_default())
}

/// A network in a few words, for the picture.
pub fn in_words(config: &Config) -> String {
    let part = |name: &str| config.get(name).map(|value| value.to_string()).unwrap_or_default();
    format!("{}, {} units, batches of {}", part("optimizer"), part("hidden"), part("batch"))
}

/// The words of another command on the same data and settings, without its rates.
pub fn again(flags: &Flags) -> Vec<String> {
    let mut words = vec![flags.data.data.display().to_string()];
    let mut add = |flag: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [flag.to_string(), value]));
    };
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let (data, network) = (&flags.data, &flags.network);
    add("--target", data.target.clone());
    add("--task", data.task.map(|task| task.to_string()));
    add("--sample-weight", data.sample_weight.clone());
    add("--class-weight", data.class_weight.as_ref().map(|weight| weight.to_string()));
    add("--test", data.test.clone());
    add("--folds", data.folds.map(|folds| folds.to_string()));
    add("--validation", data.validation.clone());
    add("--fold-file", path(&data.fold_file));
    add("--split-seed", Some(data.split_seed.to_string()).filter(|_| data.split_seed != 0));
    network.hidden.iter().for_each(|units| add("--hidden", Some(units.clone())));
    add("--batch", network.batch.clone());
    add("--optimizer", network.optimizer.clone());
    add("--activation", network.activation.clone());
    add("--loss", network.loss.clone());
    add("--label-smoothing", network.label_smoothing.clone());
    add("--l2", network.l2.clone());
    add("--weight-decay", network.weight_decay.clone());
    add("--dropout", network.dropout.clone());
    add("--clip-norm", network.clip_norm.clone());
    add("--clip-value", network.clip_value.clone());
    add("--precision", Some(flags.precision.to_string()).filter(|_| flags.precision != Precision::F32));
    add("--init", Some(flags.init.to_string()).filter(|_| flags.init != Init::Glorot));
    add("--seed", Some(flags.seed.to_string()).filter(|_| flags.seed != 0));
    words.extend(network.layer_norm.as_ref().map(|text| format!("--layer-norm={text}")));
    words
}
