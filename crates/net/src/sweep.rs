//! The rising sweep's training: one run whose rate grows at every step.

use crate::real::Real;
use crate::run::Run;
use crate::trainer::{NativeTrainer, guarded};
use opportune_core::InputError;
use opportune_core::averaging::Averaging;
use opportune_core::plan::{Part, Plan};
use opportune_core::ports::Planner;
use opportune_core::schedule::{Constant, Schedule, Timing};
use opportune_core::settings::Precision;
use opportune_core::space::{Config, Value};
use opportune_core::sweep::Sweep;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl NativeTrainer {
    /// Trains `config` on the training rows of the first fold, from `sweep`'s low rate on, until the sweep has seen enough.
    /// `sweep` must not have begun. Nothing is kept of the run; validation and test rows have no part in it. `None` if it
    /// was interrupted.
    ///
    /// # Errors
    /// Settings that cannot be trained.
    pub fn sweep(
        &self,
        config: &Config,
        mut sweep: Sweep,
        interrupt: &AtomicBool,
    ) -> Result<Option<Sweep>, InputError> {
        let constant = Schedule::Constant(Constant, Timing::default()).to_string();
        let config = config.with("schedule", Value::Text(constant)).with("lr", Value::Number(sweep.next_rate()));
        let mut plan = self.plan(&config, Part::Fold(0))?;
        (plan.recipe.averaging, plan.recipe.blocks) = (Averaging::None, false);
        let plan = Arc::new(plan);
        let whole = match plan.recipe.precision {
            Precision::F32 => self.swept::<f32>(&plan, &mut sweep, interrupt),
            Precision::F64 => self.swept::<f64>(&plan, &mut sweep, interrupt),
        };
        Ok(whole.then_some(sweep))
    }

    /// Whether it was not interrupted. A training that fails in its arithmetic ends there, as one whose loss is no number.
    fn swept<T: Real>(&self, plan: &Arc<Plan>, sweep: &mut Sweep, interrupt: &AtomicBool) -> bool {
        let Some(samples) = self.samples(Part::Fold(0)) else { return true };
        let dropped = || interrupt.load(Ordering::Relaxed);
        guarded(|| Run::<T>::new(plan.clone(), samples.clone()).sweep(sweep, &dropped)).unwrap_or_else(|_| {
            sweep.push(f64::NAN);
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::run::Run;
    use crate::testing::{Problem, table, trainer};
    use opportune_core::plan::Part;
    use opportune_core::ports::Planner;
    use opportune_core::settings::{Precision, Settings};
    use opportune_core::space::Config;
    use opportune_core::sweep::Sweep;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    const SIMPLE: Sweep = Sweep::new(Sweep::LOW, Sweep::HIGH, Sweep::STEPS);

    fn base(precision: Precision) -> Settings {
        let optimizer = "sgd(momentum=0.9)".parse().unwrap();
        Settings { hidden: vec![16], batch: 50, optimizer, precision, ..Settings::default() }
    }

    #[test]
    fn a_rising_rate_learns_and_then_runs_away() {
        for problem in [Problem::Classes(3), Problem::Number] {
            for precision in [Precision::F32, Precision::F64] {
                let trainer = trainer(table(300, 6, problem), &base(precision), 1);
                let go = || trainer.sweep(&Config::default(), SIMPLE, &AtomicBool::new(false)).unwrap().unwrap();
                let one = go();
                assert_eq!(one, go(), "the same again");
                assert!(one.tells(), "{one:?}");
                let found = one.suggestions();
                let (valley, minimum) = (found.valley.unwrap(), found.minimum.unwrap());
                assert!((1e-4..1.0).contains(&valley) && (1e-4..1.0).contains(&minimum), "{found:?}");
            }
        }
    }

    #[test]
    fn its_first_losses_are_those_of_an_ordinary_run() {
        // Over one epoch whose rates hardly differ, the mean of the batches' losses is the epoch's.
        let settings = Settings { lr: Some(1e-3), ..base(Precision::F64) };
        let trainer = trainer(table(200, 5, Problem::Classes(3)), &settings, 1);
        let plan = Arc::new(trainer.plan(&Config::default(), Part::Fold(0)).unwrap());
        let samples = trainer.samples(Part::Fold(0)).unwrap().clone();
        let epoch = Run::<f64>::new(plan, samples).epoch(&mut || false).unwrap();
        let swept =
            trainer.sweep(&Config::default(), Sweep::new(1e-3, 1e-3 * (1.0 + 1e-12), 3), &AtomicBool::new(false));
        let losses = swept.unwrap().unwrap().losses().to_vec();
        // 150 rows in batches of 50.
        let mean = losses.iter().sum::<f64>() / 3.0;
        assert!((mean - epoch.train_loss).abs() < 1e-9, "{mean} {}", epoch.train_loss);
    }

    #[test]
    fn it_can_be_interrupted() {
        let trainer = trainer(table(60, 3, Problem::Number), &Settings::default(), 1);
        assert_eq!(trainer.sweep(&Config::default(), SIMPLE, &AtomicBool::new(true)).unwrap(), None);
    }
}
