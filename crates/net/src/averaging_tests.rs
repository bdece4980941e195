//! Averaged weights, observed and delivered, and losses by block against plain `f64` arithmetic written independently of the trainer, and
//! against the same trainings without them.

use crate::real::Real;
use crate::run::Run;
use crate::samples::Samples;
use crate::state::saved_parameters;
use crate::testing::{Problem, table, trainer};
use crate::trainer::NativeTrainer;
use opportune_core::averaging::Averaging;
use opportune_core::observation::{BLOCKS, Observation};
use opportune_core::plan::{Part, Plan};
use opportune_core::ports::Planner;
use opportune_core::settings::{Precision, Settings};
use opportune_core::space::Config;
use opportune_data::Target;
use std::sync::Arc;

const EPOCHS: u32 = 6;
const HIDDEN: usize = 5;

fn base(optimizer: &str, batch: u32) -> Settings {
    Settings {
        optimizer: optimizer.parse().unwrap(),
        lr: Some(0.03),
        batch,
        hidden: vec![HIDDEN as u32],
        epochs: EPOCHS,
        precision: Precision::F64,
        ..Settings::default()
    }
}

/// A plan of the fold, and its samples.
fn planned(trainer: &NativeTrainer) -> (Arc<Plan>, Arc<Samples>) {
    let plan = trainer.plan(&Config::default(), Part::Fold(0)).unwrap();
    (Arc::new(plan), trainer.samples(Part::Fold(0)).unwrap().clone())
}

/// Of 153 training and 50 validation rows: with averaging and without.
fn both(base: &Settings, problem: Problem) -> [(Arc<Plan>, Arc<Samples>); 2] {
    let new = || trainer(table(203, 4, problem), base, 1);
    [planned(&new().with_averaging()), planned(&new())]
}

fn epochs<T: Real>(run: &mut Run<T>) -> Vec<Observation> {
    (0..EPOCHS).map(|_| run.epoch(&mut || false).unwrap()).collect()
}

/// The parameters after each of so many steps, each from a training of its own that averages nothing.
fn after_steps(plan: &Arc<Plan>, samples: &Arc<Samples>, steps: &[u64]) -> Vec<Vec<f64>> {
    let parameters = |&steps: &u64| {
        let mut run = Run::<f64>::new(plan.clone(), samples.clone());
        run.steps_and_loss(steps, &samples.validation);
        run.parameters().to_vec()
    };
    steps.iter().map(parameters).collect()
}

/// Polynomial-decay averaging with η = 8 in closed form: of n weights taken in, the kth counts in proportion to
/// k(k+1)…(k+7).
fn polynomial_decay(all: &[Vec<f64>]) -> Vec<f64> {
    let shares: Vec<f64> = (1..=all.len()).map(|k| (k..k + 8).map(|factor| factor as f64).product()).collect();
    let total: f64 = shares.iter().sum();
    (0..all[0].len()).map(|i| all.iter().zip(&shares).map(|(one, share)| one[i] * share / total).sum()).collect()
}

/// Loss of one row: softmax over classes, the logistic of one output, or half the squared error.
fn row_loss(parameters: &[f64], outputs: usize, samples: &Samples, row: u32) -> f64 {
    let mut inputs = vec![0.0; samples.encoder.inputs()];
    samples.encoder.encode::<f64>(&samples.data, &[row], &mut inputs);
    let (first, rest) = parameters.split_at(inputs.len() * HIDDEN);
    let (first_biases, rest) = rest.split_at(HIDDEN);
    let (second, second_biases) = rest.split_at(HIDDEN * outputs);
    let dense = |x: &[f64], weights: &[f64], biases: &[f64]| -> Vec<f64> {
        let unit = |j: usize| x.iter().enumerate().map(|(i, x)| x * weights[i * biases.len() + j]).sum::<f64>();
        (0..biases.len()).map(|j| unit(j) + biases[j]).collect()
    };
    let hidden: Vec<f64> = dense(&inputs, first, first_biases).iter().map(|z| z.max(0.0)).collect();
    let z = dense(&hidden, second, second_biases);
    match samples.data.target() {
        Target::Classes { codes, .. } if outputs == 1 => {
            (1.0 + if codes[row as usize] == 1 { (-z[0]).exp() } else { z[0].exp() }).ln()
        }
        Target::Classes { codes, .. } => z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[codes[row as usize] as usize],
        Target::Numbers(numbers) => 0.5 * (z[0] - samples.target.scaled(numbers[row as usize])).powi(2),
        Target::Labels { .. } | Target::None => f64::NAN,
    }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} is not {b}");
}

#[test]
fn averaged_losses_are_those_of_polynomial_decay_averaging() {
    for (problem, outputs) in [(Problem::Classes(3), 3), (Problem::Classes(2), 1), (Problem::Number, 1)] {
        // 16 steps an epoch of which every fourth counts, and 7 and 1 of which each does.
        for (optimizer, batch, every) in [("adam", 10, 4), ("sgd(momentum=0.9)", 24, 1), ("sgd", 200, 1)] {
            let [(plan, samples), (plain, _)] = both(&base(optimizer, batch), problem);
            let steps = u64::from(plan.schedule.steps_per_epoch());
            let taken: Vec<u64> = (1..=steps * u64::from(EPOCHS)).filter(|step| step % every == 0).collect();
            let weights = after_steps(&plain, &samples, &taken);
            for seen in epochs(&mut Run::<f64>::new(plan, samples.clone())) {
                let Some(averaged) = seen.averaged else {
                    assert!(seen.epoch < Averaging::FROM_EPOCH);
                    continue;
                };
                assert!(seen.epoch >= Averaging::FROM_EPOCH);
                let count = taken.iter().filter(|step| **step <= seen.step).count();
                let average = polynomial_decay(&weights[..count]);
                let of = |row: &u32| row_loss(&average, outputs, &samples, *row);
                let losses: Vec<f64> = samples.validation.iter().map(of).collect();
                close(averaged.loss, losses.iter().sum::<f64>() / losses.len() as f64);
                assert!((averaged.loss - seen.validation.unwrap().loss).abs() > 1e-6, "it is not the weights' own");
                // Blocks: every sixteenth row, of the averaged weights where they are observed.
                for (block, loss) in seen.blocks.unwrap().iter().enumerate() {
                    let rows: Vec<f64> = losses.iter().skip(block).step_by(BLOCKS).copied().collect();
                    assert!((f64::from(*loss) - rows.iter().sum::<f64>() / rows.len() as f64).abs() < 1e-6);
                }
            }
        }
    }
}

/// Every step's weights, each moving the average by 1 − decay of the way; the mean of the epochs' last weights.
#[test]
fn delivered_averages_are_those_of_their_definitions() {
    for (optimizer, average) in [("adam", "ema(decay=0.9)"), ("sgd(momentum=0.9)", "swa(from=4)"), ("sgd", "swa")] {
        let settings = Settings { average: average.parse().unwrap(), ..base(optimizer, 24) };
        // Where averages are observed as well, what is delivered comes before.
        let [(plan, samples), (same, _)] = both(&settings, Problem::Classes(3));
        assert!(plan.recipe.averaging == same.recipe.averaging && plan.recipe.blocks);
        let [_, (plain, _)] = both(&base(optimizer, 24), Problem::Classes(3));
        let mut run = Run::<f64>::new(same.clone(), samples.clone());
        let all = epochs(&mut run);
        let mut without = Run::<f64>::new(plain.clone(), samples.clone());
        // 153 rows in batches of 24 are 7 steps an epoch.
        let weights = after_steps(&plain, &samples, &(1..=7 * u64::from(EPOCHS)).collect::<Vec<_>>());
        let (mut average, mut state) = (Vec::new(), Run::<f64>::new(same.clone(), samples.clone()).save());
        assert_eq!(saved_parameters::<f64>(&same, &state).unwrap(), without.parameters(), "nothing is averaged yet");
        for seen in all {
            let ends: Vec<&Vec<f64>> = weights.chunks(7).take(seen.epoch as usize).map(|steps| &steps[6]).collect();
            let mean = |all: &[&Vec<f64>]| -> Vec<f64> {
                (0..all[0].len()).map(|i| all.iter().map(|one| one[i]).sum::<f64>() / all.len() as f64).collect()
            };
            average = match same.recipe.averaging {
                Averaging::Swa { from } if seen.epoch >= from => mean(&ends[from as usize - 1..]),
                Averaging::Swa { .. } => ends[ends.len() - 1].clone(),
                _ => weights[..7 * seen.epoch as usize].iter().skip(1).fold(weights[0].clone(), |average, now| {
                    average.iter().zip(now).map(|(average, now)| 0.9 * average + 0.1 * now).collect()
                }),
            };
            let losses: f64 = samples.validation.iter().map(|row| row_loss(&average, 3, &samples, *row)).sum();
            close(seen.validation.unwrap().loss, losses / samples.validation.len() as f64);
            assert!(seen.averaged.is_none());
            let own = without.epoch(&mut || false).unwrap();
            assert_eq!(seen.train_loss.to_bits(), own.train_loss.to_bits(), "what is trained is the same");
            let mut piece = Run::<f64>::load(same.clone(), samples.clone(), &state).unwrap();
            piece.epoch(&mut || false).unwrap();
            state = piece.save();
            saved_parameters::<f64>(&same, &state).unwrap().iter().zip(&average).for_each(|(a, b)| close(*a, *b));
        }
        assert!(run.parameters() == without.parameters() && state == run.save());
        assert!(average.iter().zip(run.parameters()).any(|(a, b)| (a - b).abs() > 1e-6), "it is not the weights");
    }
}

#[test]
fn averaging_changes_neither_weights_nor_raw_observations() {
    fn compare<T: Real>(optimizer: &str, problem: Problem) {
        let base = Settings { precision: T::PRECISION, ..base(optimizer, 10) };
        let [with, without] = both(&base, problem);
        let (mut with, mut without) = (Run::<T>::new(with.0, with.1), Run::<T>::new(without.0, without.1));
        for _ in 0..EPOCHS {
            let (a, b) = (with.epoch(&mut || false).unwrap(), without.epoch(&mut || false).unwrap());
            assert!(a.blocks.is_some() && b.blocks.is_none() && b.averaged.is_none());
            // Block by block, rows are summed in another order.
            let (raw, plain) = (a.validation.unwrap(), b.validation.unwrap());
            close(raw.loss, plain.loss);
            close(raw.score, plain.score);
            assert!(
                Observation { validation: b.validation, averaged: None, blocks: None, ..a }.same_bits(&b),
                "{a:?} {b:?}"
            );
            let same = |a: &[T], b: &[T]| a.iter().zip(b).all(|(a, b)| a.wide().to_bits() == b.wide().to_bits());
            assert!(same(with.parameters(), without.parameters()));
            for (with, without) in with.updater.slots.iter().zip(&without.updater.slots) {
                assert!(same(with, without));
            }
        }
    }
    for problem in [Problem::Classes(3), Problem::Classes(2), Problem::Number] {
        for optimizer in ["adam", "sgd(momentum=0.9)"] {
            compare::<f32>(optimizer, problem);
            compare::<f64>(optimizer, problem);
        }
    }
}

#[test]
fn without_blocks_raw_observations_keep_their_bits() {
    let [(plan, samples), (plain, _)] = both(&base("adam", 10), Problem::Classes(3));
    let mut unblocked = (*plan).clone();
    unblocked.recipe.blocks = false;
    let all = epochs(&mut Run::<f64>::new(Arc::new(unblocked), samples.clone()));
    for (a, b) in all.iter().zip(epochs(&mut Run::<f64>::new(plain, samples))) {
        assert!(Observation { averaged: None, ..*a }.same_bits(&b), "{a:?} {b:?}");
    }
}

#[test]
fn block_losses_average_to_the_validation_loss() {
    // 50 validation rows: two blocks of 4, the others of 3; and 45, 42, 37, 33.
    for rows in [203, 181, 169, 150, 135] {
        let trainer = trainer(table(rows, 4, Problem::Classes(3)), &base("adam", 20), 1).with_averaging();
        let (plan, samples) = planned(&trainer);
        assert!(plan.recipe.blocks);
        let judged = samples.validation.len();
        let sizes: Vec<usize> = (0..BLOCKS).map(|block| (block..judged).step_by(BLOCKS).count()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), judged);
        for seen in epochs(&mut Run::<f64>::new(plan, samples)) {
            let blocks = seen.blocks.unwrap();
            let sum: f64 = blocks.iter().zip(&sizes).map(|(loss, size)| f64::from(*loss) * *size as f64).sum();
            let loss = seen.averaged.or(seen.validation).unwrap().loss;
            assert!((sum / judged as f64 - loss).abs() < 1e-6 * loss, "{seen:?}");
        }
    }
}

#[test]
fn a_run_with_averages_goes_on_from_a_state_as_if_never_interrupted() {
    for optimizer in ["adam", "sgd(momentum=0.9)", "sgd"] {
        for schedule in ["constant", "sequence(constant, cooldown(20%))", "cosine"] {
            let base = Settings { schedule: schedule.parse().unwrap(), ..base(optimizer, 10) };
            let [(plan, samples), _] = both(&base, Problem::Classes(3));
            let mut whole = Run::<f64>::new(plan.clone(), samples.clone());
            let all = epochs(&mut whole);
            assert!(all.iter().all(|one| one.averaged.is_some() == (one.epoch >= Averaging::FROM_EPOCH)));
            let mut state = Run::<f64>::new(plan.clone(), samples.clone()).save();
            for one in &all {
                let mut piece = Run::<f64>::load(plan.clone(), samples.clone(), &state).unwrap();
                let seen = piece.epoch(&mut || false).unwrap();
                assert!(seen.same_bits(one), "{seen:?} {one:?}");
                state = piece.save();
            }
            assert_eq!(state, whole.save());
        }
    }
}
