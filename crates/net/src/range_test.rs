//! The range test's trainings: a population of rates from one start, for the same few steps.

use crate::real::Real;
use crate::run::Run;
use crate::trainer::{NativeTrainer, guarded};
use opportune_core::InputError;
use opportune_core::averaging::Averaging;
use opportune_core::plan::{Part, Plan};
use opportune_core::ports::Planner;
use opportune_core::range_test::{RangeTest, RatePoint};
use opportune_core::schedule::{Constant, Schedule, Timing};
use opportune_core::settings::Precision;
use opportune_core::space::{Config, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Training rows on which the loss is measured, at most.
const ROWS: usize = 1000;

impl NativeTrainer {
    /// Trains `config` at each of `rates`, constant, for `steps` steps on the training rows of the first fold, and measures
    /// the loss on the same of those rows. Repeats differ in weights and order of rows. Nothing is kept of the runs;
    /// validation and test rows have no part in it. `None` if it was interrupted.
    ///
    /// # Errors
    /// Settings that cannot be trained.
    pub fn range_test(
        &self,
        config: &Config,
        rates: &[f64],
        steps: u32,
        repeats: u32,
        interrupt: &AtomicBool,
    ) -> Result<Option<RangeTest>, InputError> {
        let constant = Schedule::Constant(Constant, Timing::default()).to_string();
        let config = config.with("schedule", Value::Text(constant));
        let plans = |rate: f64| {
            let plan = self.plan(&config.with("lr", Value::Number(rate)), Part::Fold(0))?;
            let repeated = |repeat| {
                let mut plan = plan.clone();
                (plan.recipe.repeat, plan.recipe.averaging, plan.recipe.blocks) = (repeat, Averaging::None, false);
                Arc::new(plan)
            };
            Ok((0..repeats.max(1)).map(repeated).collect::<Vec<_>>())
        };
        let all = rates.iter().map(|rate| plans(*rate)).collect::<Result<Vec<_>, InputError>>()?;
        let Some(first) = all.first().map(|plans| plans[0].clone()) else {
            return Err(InputError::new("a range test needs rates to try"));
        };
        // What is measured before the first step depends on the repeat alone.
        let mut jobs: Vec<(Arc<Plan>, u32)> = all[0].iter().map(|plan| (plan.clone(), 0)).collect();
        jobs.extend(all.iter().flatten().map(|plan| (plan.clone(), steps)));
        let losses = Mutex::new(vec![None; jobs.len()]);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.threads() {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some((plan, steps)) = jobs.get(place) else { return };
                        if interrupt.load(Ordering::Relaxed) {
                            return;
                        }
                        let loss = match plan.recipe.precision {
                            Precision::F32 => self.loss_after::<f32>(plan, *steps),
                            Precision::F64 => self.loss_after::<f64>(plan, *steps),
                        };
                        losses.lock().unwrap_or_else(PoisonError::into_inner)[place] = loss;
                    }
                });
            }
        });
        if interrupt.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let losses = losses.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (before, after) = losses.split_at(all[0].len());
        let initial = before.iter().map(|loss| loss.unwrap_or(f64::NAN)).sum::<f64>() / before.len() as f64;
        let points = rates.iter().zip(after.chunks(all[0].len()));
        Ok(Some(RangeTest {
            steps,
            steps_per_epoch: first.schedule.steps_per_epoch(),
            initial,
            initials: before.to_vec(),
            points: points.map(|(rate, losses)| RatePoint { rate: *rate, losses: losses.to_vec() }).collect(),
        }))
    }

    /// `None` where it is not finite; a training that fails otherwise tells nothing either.
    fn loss_after<T: Real>(&self, plan: &Arc<Plan>, steps: u32) -> Option<f64> {
        let samples = self.samples(Part::Fold(0))?;
        let every = samples.train.len().div_ceil(ROWS);
        let rows: Vec<u32> = samples.train.iter().step_by(every).copied().collect();
        let run = || Run::<T>::new(plan.clone(), samples.clone()).steps_and_loss(u64::from(steps), &rows);
        guarded(run).ok().filter(|loss| loss.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use crate::run::Run;
    use crate::testing::{Problem, table, trainer};
    use crate::trainer::NativeTrainer;
    use opportune_core::plan::Part;
    use opportune_core::ports::Planner;
    use opportune_core::range_test::RangeTest;
    use opportune_core::settings::Settings;
    use opportune_core::space::Config;
    use std::fs::File;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn rates_that_learn_and_rates_that_diverge_are_told_apart() {
        for problem in [Problem::Classes(3), Problem::Number] {
            let base =
                Settings { hidden: vec![16], optimizer: "sgd(momentum=0.9)".parse().unwrap(), ..Settings::default() };
            let data = || table(300, 6, problem);
            let test = |threads: usize, steps: u32, repeats: u32| {
                let trainer = trainer(data(), &base, threads);
                let rates = RangeTest::rates();
                trainer
                    .range_test(&Config::default(), &rates, steps, repeats, &AtomicBool::new(false))
                    .unwrap()
                    .unwrap()
            };
            let one = test(1, 40, 2);
            assert_eq!(one, test(3, 40, 2), "threads change nothing");
            assert_eq!((one.points.len(), one.points[0].losses.len(), one.steps_per_epoch), (13, 2, 2));
            assert_eq!(one.initials.iter().copied().flatten().sum::<f64>() / 2.0, one.initial);
            assert!(one.edge().is_some_and(|edge| edge >= 0.1), "{one:?}");
            let (lowest, (best, loss)) = (one.lowest().unwrap(), one.minimum().unwrap());
            assert!(lowest < best && loss < one.initial && (0.003..=1.0).contains(&best), "{one:?}");
            assert!(one.candidates().len() >= 3, "{one:?}");
            // Without steps every rate is where it started.
            let none = test(2, 0, 1);
            assert!(none.points.iter().all(|point| point.loss() == Some(none.initial)) && none.minimum().is_none());
        }
    }

    #[test]
    fn it_changes_nothing_that_can_be_observed_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace");
        let base = Settings { hidden: vec![8], batch: 50, epochs: 6, ..Settings::default() };
        let make = || trainer(table(300, 5, Problem::Classes(3)), &base, 2).with_averaging();
        let tested = make().with_trace(File::create(&path).unwrap());
        let test = || {
            let rates = RangeTest::rates();
            tested.range_test(&Config::default(), &rates, 20, 2, &AtomicBool::new(false)).unwrap().unwrap()
        };
        let run = |trainer: &NativeTrainer| {
            let samples = trainer.samples(Part::Fold(0)).unwrap();
            let plan = Arc::new(trainer.plan(&Config::default(), Part::Fold(0)).unwrap());
            (plan.clone(), Run::<f32>::new(plan, samples.clone()))
        };
        let first = test();
        let ((plan, mut other), (same, mut run)) = (run(&make()), run(&tested));
        assert_eq!((&plan, plan.keys(None, 6)), (&same, same.keys(None, 6)));
        for _ in 0..6 {
            assert!(other.epoch(&mut || false).unwrap().same_bits(&run.epoch(&mut || false).unwrap()));
            assert_eq!(other.save(), run.save());
            // In the middle of a training it does not show either.
            assert_eq!(test(), first);
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"", "no epoch was trained");
    }

    #[test]
    fn it_can_be_interrupted() {
        let trainer = trainer(table(60, 3, Problem::Number), &Settings::default(), 1);
        let set = AtomicBool::new(true);
        assert_eq!(trainer.range_test(&Config::default(), &[0.1], 5, 1, &set).unwrap(), None);
    }
}
