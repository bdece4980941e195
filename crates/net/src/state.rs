//! A run as bytes: exact, so that a continued run has the bits of one never interrupted.

use crate::real::Real;
use crate::run::Run;
use crate::samples::Samples;
use crate::update;
use opportune_core::plan::{Key, Plan, Recipe};
use opportune_core::settings::Precision;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"oppstate";
const VERSION: u32 = 2;

/// Magic, version, precision, recipe, epoch, step, number of parameters.
const HEADER: usize = 8 + 4 + 4 + 16 + 4 + 8 + 8;

/// A saved run, checked against the plan it is to go on with, without its numbers.
struct Header {
    epoch: u32,
    step: u64,
}

/// Of everything but the instruction set: another machine may go on, though its bits may then differ.
fn identity(recipe: &Recipe) -> Key {
    Recipe { kernels: String::new(), ..recipe.clone() }.key(None).0
}

fn bits(precision: Precision) -> u32 {
    match precision {
        Precision::F32 => 32,
        Precision::F64 => 64,
    }
}

/// Reads the header and splits off the numbers. Nothing is allocated on what it says: all sizes come from the plan.
fn open<'a>(plan: &Plan, bytes: &'a [u8]) -> Result<(Header, &'a [u8]), String> {
    let Some((header, numbers)) = bytes.split_at_checked(HEADER) else {
        return Err(format!("{} bytes are too few for a saved state", bytes.len()));
    };
    let word = |at: usize| header[at..at + 4].iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    if &header[..8] != MAGIC {
        return Err("these bytes are not a saved state".into());
    }
    if word(8) != VERSION {
        return Err(format!("it has version {}, and this program reads version {VERSION}", word(8)));
    }
    let recipe = &plan.recipe;
    if word(12) != bits(recipe.precision) {
        return Err(format!("its numbers have {} bits, not those of {}", word(12), recipe.precision));
    }
    let expected = recipe.network.parameters();
    if long(44) != expected {
        return Err(format!("it has {} parameters, and the network {} has {expected}", long(44), recipe.network));
    }
    if header[16..32] != identity(recipe).0 {
        return Err("it is of another training: data, rows, network, optimizer or settings differ".into());
    }
    let (slots, scalars) = update::kept(&recipe.optimizer);
    let copies = 1 + slots as u64 + u64::from(recipe.averaging.is_on());
    let length = expected * copies * u64::from(bits(recipe.precision) / 8) + 8 * scalars as u64;
    if numbers.len() as u64 != length {
        return Err(format!("it holds {} bytes of numbers instead of {length}", numbers.len()));
    }
    let (epoch, step) = (word(32), long(36));
    if step != u64::from(epoch) * u64::from(plan.schedule.steps_per_epoch()) || epoch > plan.epochs {
        return Err(format!("epoch {epoch} with step {step} is no epoch of this training"));
    }
    Ok((Header { epoch, step }, numbers))
}

/// The parameters alone that a saved state delivers, its own or their average, for making a model of it; `T` is the plan's
/// precision.
///
/// # Errors
/// As [`Run::load`].
pub(crate) fn saved_parameters<T: Real>(plan: &Plan, bytes: &[u8]) -> Result<Vec<T>, String> {
    let (header, numbers) = open(plan, bytes)?;
    // The average stands behind what the optimizer keeps.
    let before = match plan.recipe.averaging.is_delivered(header.epoch) {
        true => 1 + update::kept(&plan.recipe.optimizer).0,
        false => 0,
    };
    let parameters = plan.recipe.network.parameters() as usize;
    Ok(numbers.chunks_exact(T::BYTES).skip(before * parameters).take(parameters).map(T::get).collect())
}

impl<T: Real> Run<T> {
    /// Everything that the next epoch depends on, exactly: parameters, the optimizer's state and the average, epoch and step.
    pub fn save(&self) -> Vec<u8> {
        let all = || std::iter::once(&self.net.parameters).chain(&self.updater.slots).chain([&self.average]);
        let count: usize = all().map(|numbers| numbers.len()).sum();
        let mut bytes = Vec::with_capacity(HEADER + count * T::BYTES + 8 * self.updater.scalars.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&bits(T::PRECISION).to_le_bytes());
        bytes.extend_from_slice(&identity(&self.plan.recipe).0);
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.step.to_le_bytes());
        bytes.extend_from_slice(&(self.net.parameters.len() as u64).to_le_bytes());
        all().for_each(|numbers| numbers.iter().for_each(|number| number.put(&mut bytes)));
        self.updater.scalars.iter().for_each(|scalar| scalar.put(&mut bytes));
        bytes
    }

    /// The run that was saved, to go on under `plan`: the same recipe, under whatever schedule.
    ///
    /// # Errors
    /// Bytes that are damaged, of another version, or of another training.
    pub fn load(plan: Arc<Plan>, samples: Arc<Samples>, bytes: &[u8]) -> Result<Run<T>, String> {
        let (header, numbers) = open(&plan, bytes)?;
        let mut run = Run::new(plan, samples);
        run.epoch = header.epoch;
        run.step = header.step;
        let (numbers, scalars) = numbers.split_at(numbers.len() - 8 * run.updater.scalars.len());
        let mut numbers = numbers.chunks_exact(T::BYTES).map(T::get);
        let slots = run.updater.slots.iter_mut();
        for all in std::iter::once(&mut run.net.parameters).chain(slots).chain([&mut run.average]) {
            all.iter_mut().zip(&mut numbers).for_each(|(one, saved)| *one = saved);
        }
        let saved = scalars.chunks_exact(8).map(f64::get);
        run.updater.scalars.iter_mut().zip(saved).for_each(|(one, saved)| *one = saved);
        run.net.pack();
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Problem, optimizers, planned, table, variants};
    use opportune_core::averaging::{Average, Averaging};
    use opportune_core::optimizer::Optimizer;
    use opportune_core::settings::{Activation, Settings};

    fn settings(schedule: &str, optimizer: &str) -> Settings {
        let schedule: opportune_core::schedule::Schedule = schedule.parse().unwrap();
        Settings {
            lr: (!schedule.owns_rate()).then_some(0.01),
            schedule,
            optimizer: optimizer.parse().unwrap(),
            hidden: vec![7, 5],
            epochs: 6,
            batch: 50,
            weight_decay: 0.01,
            ..Settings::default()
        }
    }

    fn interrupted_or_not<T: Real>(base: &Settings, observed: bool) {
        let base = Settings { precision: T::PRECISION, ..base.clone() };
        let (plan, samples) = planned(table(180, 6, Problem::Classes(3)), &base);
        let mut recipe = plan.recipe.clone();
        if observed {
            (recipe.averaging, recipe.blocks) = (Averaging::Observed, true);
        }
        let plan = Arc::new(Plan { recipe, ..(*plan).clone() });
        let mut whole = Run::<T>::new(plan.clone(), samples.clone());
        let mut state = Run::<T>::new(plan.clone(), samples.clone()).save();
        for epoch in 1..=Averaging::FROM_EPOCH + 1 {
            let mut piece = Run::<T>::load(plan.clone(), samples.clone(), &state).unwrap();
            let (a, b) = (whole.epoch(&mut || false).unwrap(), piece.epoch(&mut || false).unwrap());
            assert!(a.same_bits(&b) && a.epoch == epoch, "{a:?} {b:?}");
            assert_eq!(a.averaged.is_some(), observed && epoch >= Averaging::FROM_EPOCH);
            state = piece.save();
            assert_eq!(state, whole.save());
        }
    }

    #[test]
    fn a_run_through_bytes_has_the_bits_of_one_in_one_piece() {
        for optimizer in optimizers() {
            let cycled = "cyclic(base=0.001, max=0.1, up=4 steps, momentum=0.8..0.9, per=step)";
            let mut schedules = vec!["constant", "cyclic(base=0.001, max=0.1, up=4 steps, per=step)", "cosine"];
            let has_momentum = optimizer.parse::<Optimizer>().unwrap().has_momentum();
            schedules.extend(has_momentum.then_some(cycled));
            for schedule in schedules {
                let base = settings(schedule, &optimizer);
                for averaging in [false, true] {
                    interrupted_or_not::<f32>(&base, averaging);
                    interrupted_or_not::<f64>(&base, averaging);
                }
            }
        }
    }

    #[test]
    fn so_has_one_in_every_variant() {
        for optimizer in ["adam", "sgd(momentum=0.9)"] {
            for base in variants(&settings("cosine", optimizer)) {
                interrupted_or_not::<f32>(&base, false);
                interrupted_or_not::<f64>(&base, false);
            }
        }
        let average = Average::Ema { decay: 0.5 };
        let base = Settings { dropout: 0.3, layer_norm: true, average, ..settings("constant", "lbfgs") };
        interrupted_or_not::<f32>(&base, false);
        interrupted_or_not::<f64>(&base, false);
    }

    #[test]
    fn other_bytes_are_refused() {
        let (plan, samples) = planned(table(180, 6, Problem::Classes(3)), &settings("constant", "adam"));
        let load = |plan: &Arc<Plan>, bytes: &[u8]| match Run::<f32>::load(plan.clone(), samples.clone(), bytes) {
            Ok(_) => String::new(),
            Err(what) => what,
        };
        let mut run = Run::<f32>::new(plan.clone(), samples.clone());
        run.epoch(&mut || false).unwrap();
        let good = run.save();
        assert_eq!(load(&plan, &good), "");
        for length in [0, 7, HEADER - 1, HEADER, good.len() - 1] {
            assert_ne!(load(&plan, &good[..length]), "", "{length} bytes");
        }
        assert_ne!(load(&plan, &[&good[..], &[0]].concat()), "");
        for at in 0..HEADER {
            let mut bad = good.clone();
            bad[at] ^= 0x80;
            assert_ne!(load(&plan, &bad), "", "byte {at}");
        }
        let other = |base: Settings| planned(table(180, 6, Problem::Classes(3)), &base).0;
        let base = settings("constant", "adam");
        for (base, word) in [
            (Settings { hidden: vec![7, 6], ..base.clone() }, "parameters"),
            (Settings { activation: Activation::Tanh, ..base.clone() }, "another training"),
            (Settings { precision: Precision::F64, ..base.clone() }, "32 bits"),
            (Settings { seed: 1, ..base.clone() }, "another training"),
            (settings("constant", "sgd"), "another training"),
        ] {
            let error = load(&other(base), &good);
            assert!(error.contains(word), "{error}");
        }
        let averaging = Recipe { averaging: Averaging::Observed, ..plan.recipe.clone() };
        let averaging = Arc::new(Plan { recipe: averaging, ..(*plan).clone() });
        assert!(load(&averaging, &good).contains("another training"), "a state without an average");
        // Another schedule is another future of the same run.
        assert_eq!(load(&other(settings("cosine", "adam")), &good), "");
    }
}
