//! Trains what `cargo xtask bench judging` reads its tables off: for each data set, optimizer and split, runs of constant
//! rate at many rates, with cooldowns that leave them at many lengths; then, about the best rate of each of some lengths,
//! cosine and cooldowns of other shares. Prints one line of JSON for each.
//!
//! Half of the rows train, a quarter judges, a quarter is the truth: what is judged by and what it is held against share
//! no rows.

use anyhow::{Context, Result, anyhow, bail};
use opportune_core::finalists::{COOLED, cooldown_begins};
use opportune_core::plan::{Part, Plan};
use opportune_core::ports::Planner;
use opportune_core::range_test::RangeTest;
use opportune_core::score::Score;
use opportune_core::settings::Settings;
use opportune_core::space::{Config, Value};
use opportune_data::{Dataset, ReadOptions, Task, hold_out, read};
use opportune_net::{Model, NativeTrainer, Run, Samples};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A data set, as it is used here.
struct Source {
    folder: &'static str,
    /// In that folder, if it is not the folder that is read.
    file: &'static str,
    /// Unless it is the last column.
    target: Option<&'static str>,
    /// The first rows are used, or, of a file in some order, rows evenly spaced.
    shuffled: bool,
    /// Where rows are few, what they say varies much.
    splits: u64,
}

const fn source(folder: &'static str, file: &'static str, splits: u64) -> Source {
    Source { folder, file, target: None, shuffled: true, splits }
}

const DATA: [Source; 6] = [
    source("breast_cancer", "breast_cancer.csv", 10),
    source("digits", "digits.csv", 10),
    Source { target: Some("median_house_value"), shuffled: false, ..source("california_housing", "housing.csv", 3) },
    source("adult", "adult-train.csv", 3),
    source("mnist", "", 2),
    source("fashion-mnist", "", 2),
];
/// Rows at most, training, judging and truth together.
const ROWS: usize = 10_000;
const OPTIMIZERS: [&str; 2] = ["adam", "sgd(momentum=0.9)"];
/// The horizon.
const EPOCHS: u32 = 64;
/// Lengths of runs with a cooldown.
const LADDER: [u32; 12] = [1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 40, 64];
/// Lengths at which cosine and other cooldowns are trained.
const LENGTHS: [u32; 5] = [5, 10, 20, 40, 64];
/// Rates, as powers of two of the range test's best one.
const POWERS: std::ops::RangeInclusive<i32> = -9..=2;
/// Rates of cosine and of the other cooldowns, as shares of the best one with the usual cooldown.
const COSINE: [f64; 5] = [0.5, 1.0, 1.5, 2.0, 3.0];
const OTHERS: [f64; 3] = [0.5, 1.0, 2.0];
/// Percent of a run that the other cooldowns take.
const SHARES: [u32; 2] = [10, 40];

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (mut folder, mut only, mut splits) = (None, None, u64::MAX);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--data" => folder = Some(PathBuf::from(value)),
            "--only" => only = Some(value),
            "--splits" => splits = value.parse().with_context(|| format!("--splits {value}"))?,
            _ => bail!("{word}: not known here"),
        }
    }
    let folder = folder.context("--data is missing")?;
    for source in DATA {
        let name = source.folder;
        if only.as_ref().is_some_and(|only| !only.split(',').any(|one| one == name)) {
            continue;
        }
        let options = ReadOptions { target: source.target.map(str::to_owned), task: None, ..ReadOptions::default() };
        let data = Arc::new(read(&folder.join(name).join(source.file), &options)?.data);
        let every = if source.shuffled { 1 } else { (data.rows() / ROWS).max(1) };
        let rows: Vec<u32> = (0..data.rows() as u32).step_by(every).take(ROWS).collect();
        for split in 0..source.splits.min(splits) {
            for optimizer in OPTIMIZERS {
                let began = std::time::Instant::now();
                let study = Study::new(data.clone(), &rows, optimizer, split)?;
                println!("{}", study.train(name, optimizer, split)?);
                eprintln!("{name} {optimizer} split {split}: {:.1} s", began.elapsed().as_secs_f64());
            }
        }
    }
    Ok(())
}

/// Loss on the rows that judge and on those of the truth.
type Ends = Option<(f64, f64)>;

/// A run of constant rate.
struct Trunk {
    rate: f64,
    /// Judged after each epoch, as far as losses were finite.
    raw: Vec<f64>,
    averaged: Vec<f64>,
    /// With a cooldown, by length.
    cooled: Vec<Ends>,
    /// Where cooldowns begin.
    states: BTreeMap<u32, Vec<u8>>,
}

/// One split of one data set under one optimizer.
struct Study {
    trainer: NativeTrainer,
    judge: Arc<Samples>,
    truth: Arc<Samples>,
}

impl Study {
    fn new(data: Arc<Dataset>, rows: &[u32], optimizer: &str, split: u64) -> Result<Study> {
        let outer = hold_out(&data, rows, 0.5, split)?;
        let inner = hold_out(&data, &outer.validation, 0.5, split)?;
        let score = if data.task() == Some(Task::Regression) { Score::Rmse } else { Score::LogLoss };
        let base = Settings { optimizer: optimizer.parse()?, epochs: EPOCHS, seed: split, ..Settings::default() };
        let threads = std::thread::available_parallelism()?.get();
        let truth = Samples::new(data.clone(), Part::Fold(0), outer.train.clone(), inner.validation)?;
        let folds = vec![(outer.train, inner.train)];
        let trainer = NativeTrainer::new(data, folds, rows.to_vec(), base, score, threads)?.with_averaging();
        let judge = trainer.samples(Part::Fold(0)).context("there is one fold")?.clone();
        Ok(Study { trainer, judge, truth: Arc::new(truth) })
    }

    fn plan(&self, rate: f64, schedule: &str, epochs: u32) -> Result<Arc<Plan>> {
        let config = Config::from_iter([
            ("lr".to_string(), Value::Number(rate)),
            ("schedule".to_string(), Value::Text(schedule.into())),
            ("epochs".to_string(), Value::Count(epochs)),
        ]);
        let mut plan = self.trainer.plan(&config, Part::Fold(0))?;
        plan.recipe.blocks = false;
        Ok(Arc::new(plan))
    }

    fn train(&self, name: &str, optimizer: &str, split: u64) -> Result<Json> {
        let steps = self.plan(1.0, "constant", EPOCHS)?.schedule.steps_per_epoch();
        let never = AtomicBool::new(false);
        let point = Config::default();
        let tested =
            self.trainer.range_test(&point, &RangeTest::rates(), (2 * steps).clamp(12, 48), 1, &never)?.context("")?;
        let (best, _) = tested.minimum().context("the range test tells nothing")?;
        let power = (best / 1e-3).log2().round();
        let rates: Vec<f64> = POWERS.map(|more| 1e-3 * (power + f64::from(more)).exp2()).collect();
        // The highest rates last: what diverges ends early.
        let trunks = side_by_side(&rates, |rate| self.trunk(*rate))?;

        let mut jobs = Vec::new();
        for length in LENGTHS {
            let place = LADDER.iter().position(|one| *one == length).context("no such length")?;
            let judged = |trunk: &&Trunk| trunk.cooled[place].map_or(f64::INFINITY, |(judged, _)| judged);
            let best = trunks.iter().min_by(|a, b| judged(a).total_cmp(&judged(b))).context("no rates")?;
            jobs.extend(COSINE.map(|factor| (length, best.rate * factor, 0)));
            for share in SHARES {
                jobs.extend(OTHERS.map(|factor| (length, best.rate * factor, share)));
            }
        }
        let ends = side_by_side(&jobs, |(length, rate, share)| match share {
            0 => self.end(&self.plan(*rate, "cosine", *length)?, None),
            _ => {
                let plan = self.plan(*rate, &format!("sequence(constant, cooldown({share}%))"), *length)?;
                let trunk = trunks.iter().find(|trunk| (trunk.rate / rate - 1.0).abs() < 1e-9);
                self.end(&plan, trunk.and_then(|trunk| trunk.states.get(&begins(*length, *share))).map(Vec::as_slice))
            }
        })?;
        let extra = |one: u32, what: u32| -> Vec<Json> {
            let fits = |((length, _, share), _): &(&(u32, f64, u32), &Ends)| *length == one && *share == what;
            jobs.iter().zip(&ends).filter(fits).map(|((_, rate, _), ends)| json!([rate, ends])).collect()
        };
        let schedules = |what: u32| LENGTHS.map(|length| extra(length, what));
        let trunks: Vec<Json> = trunks
            .iter()
            .map(|one| json!({ "rate": one.rate, "raw": one.raw, "averaged": one.averaged, "cooled": one.cooled }))
            .collect();
        Ok(json!({
            "data": name, "optimizer": optimizer, "split": split, "steps_per_epoch": steps, "range_test": best,
            "rows": [self.judge.train.len(), self.judge.validation.len(), self.truth.validation.len()],
            "ladder": LADDER, "trunks": trunks, "lengths": LENGTHS, "cosine": schedules(0),
            "cooldown_10": schedules(SHARES[0]), "cooldown_40": schedules(SHARES[1]),
        }))
    }

    fn trunk(&self, rate: f64) -> Result<Trunk> {
        let plan = self.plan(rate, "constant", EPOCHS)?;
        let mut run = Run::<f32>::new(plan.clone(), self.judge.clone());
        let mut trunk =
            Trunk { rate, raw: Vec::new(), averaged: Vec::new(), cooled: Vec::new(), states: BTreeMap::new() };
        let wanted = |epoch: u32| {
            LADDER.iter().any(|length| cooldown_begins(*length) == epoch)
                || LENGTHS.iter().any(|length| SHARES.iter().any(|share| begins(*length, *share) == epoch))
        };
        trunk.states.insert(0, run.save());
        for epoch in 1..=EPOCHS {
            let Some(seen) = run.epoch(&mut || false) else { break };
            let raw = seen.validation.map_or(f64::NAN, |one| one.loss);
            if !raw.is_finite() || !seen.train_loss.is_finite() {
                break;
            }
            let averaged = match seen.averaged {
                Some(averaged) => averaged.loss,
                None => self.averaged(&plan, &run)?,
            };
            trunk.raw.push(raw);
            trunk.averaged.push(averaged);
            if wanted(epoch) {
                trunk.states.insert(epoch, run.save());
            }
        }
        for length in LADDER {
            let state = trunk.states.get(&cooldown_begins(length));
            trunk.cooled.push(match state {
                Some(state) => self.end(&self.plan(rate, COOLED, length)?, Some(state))?,
                None => None,
            });
        }
        Ok(trunk)
    }

    /// Loss of the averaged weights at epochs where the trainer does not observe them. A saved state begins with the
    /// weights, after a header, and ends with their average.
    fn averaged(&self, plan: &Plan, run: &Run<f32>) -> Result<f64> {
        let mut state = run.save();
        let length = size_of_val(run.parameters());
        let average = state[state.len() - length..].to_vec();
        let header = state.len() % length;
        state[header..header + length].copy_from_slice(&average);
        let model = Model::from_state(plan, &state, &self.judge).map_err(|error| anyhow!(error))?;
        let score = model.score(&self.judge.data, &self.judge.validation, plan.recipe.score);
        let unit = self.judge.target.scaled(1.0) - self.judge.target.scaled(0.0);
        Ok(if plan.recipe.score == Score::Rmse { 0.5 * (score * unit).powi(2) } else { score })
    }

    /// Trains a plan to its end, from a state or from the start. The last epoch is trained twice, to be judged on the
    /// rows of either kind. `None` if it diverged.
    fn end(&self, plan: &Arc<Plan>, state: Option<&[u8]>) -> Result<Ends> {
        let load = |samples: &Arc<Samples>, state: &[u8]| {
            Run::<f32>::load(plan.clone(), samples.clone(), state).map_err(|error| anyhow!(error))
        };
        let mut run = match state {
            Some(state) => load(&self.judge, state)?,
            None => Run::new(plan.clone(), self.judge.clone()),
        };
        while run.epochs() + 1 < plan.epochs {
            if run.epoch(&mut || false).is_none_or(|seen| !seen.train_loss.is_finite()) {
                return Ok(None);
            }
        }
        let mut other = load(&self.truth, &run.save())?;
        let last = |run: &mut Run<f32>| Some(run.epoch(&mut || false)?.validation?.loss);
        let ends = (last(&mut run), last(&mut other));
        Ok(match ends {
            (Some(judged), Some(truth)) if judged.is_finite() && truth.is_finite() => Some((judged, truth)),
            _ => None,
        })
    }
}

/// Where a cooldown of so many percent begins.
fn begins(epochs: u32, share: u32) -> u32 {
    epochs * (100 - share) / 100
}

/// Does `work` on all of `jobs`, on all cores, and gives the results in their order.
fn side_by_side<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(place) else { return };
                    let result = work(job);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
