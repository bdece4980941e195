//! Many runs side by side: each on one thread, each thread fetching its next run from the desk.

use crate::real::Real;
use crate::run::Run;
use crate::samples::Samples;
use crate::trace::Trace;
use opportune_core::InputError;
use opportune_core::plan::{Key, Loss, Network, Part, Plan, Recipe};
use opportune_core::ports::{Capabilities, Desk, Go, Job, JobError, Planner, Start, Trainer};
use opportune_core::score::Score;
use opportune_core::settings::{Precision, Settings};
use opportune_core::space::Config;
use opportune_data::Dataset;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What enters the keys of runs. It names no instruction set, because all give the same bits (a test compares them).
/// To be counted up with every change to the arithmetic.
const KERNELS: &str = "native 1";

/// Larger networks are taken for a slip of the keyboard: with Adam, 2^28 parameters of 32 bits are 4 GiB a run.
const PARAMETERS_MAX: u64 = 1 << 28;

/// Plans and trains dense networks on one data set, in this process.
///
/// Each run has one thread, so that results depend neither on the number of threads nor on what runs beside.
#[derive(Debug)]
pub struct NativeTrainer {
    folds: Vec<Arc<Samples>>,
    whole: Arc<Samples>,
    key: Key,
    base: Settings,
    score: Score,
    threads: usize,
    trace: Option<Trace>,
}

impl NativeTrainer {
    /// `folds` are training and validation rows; `whole` is all rows but the test's. `base` is what a point of the
    /// space changes. `threads`: runs at the same time, at least 1.
    ///
    /// # Errors
    /// Settings out of range, a score that does not fit the target, folds without training rows, rows that the data do
    /// not have.
    pub fn new(
        data: Arc<Dataset>,
        folds: Vec<(Vec<u32>, Vec<u32>)>,
        whole: Vec<u32>,
        base: Settings,
        score: Score,
        threads: usize,
    ) -> Result<NativeTrainer, InputError> {
        let samples = |part, train, validation| Samples::new(data.clone(), part, train, validation).map(Arc::new);
        let whole = samples(Part::Whole, whole, Vec::new())?;
        if score.is_regression() != (whole.loss() == Loss::Squared) {
            let (target, fitting) = match whole.loss() {
                Loss::Squared => ("numbers", "r2, rmse or mae"),
                _ => ("classes", "accuracy, balanced_accuracy, f1, roc_auc or log_loss"),
            };
            return Err(InputError::new(format!("{score} cannot judge {target}"))
                .at("--score")
                .remedy(format!("choose {fitting}")));
        }
        let folds =
            folds.into_iter().zip(0..).map(|((train, validation), fold)| samples(Part::Fold(fold), train, validation));
        Ok(NativeTrainer {
            folds: folds.collect::<Result<_, _>>()?,
            whole,
            key: Key(data.key()),
            base,
            score,
            threads: threads.max(1),
            trace: None,
        })
    }

    /// Writes a line of JSON to `file` for every epoch that is really trained: part, job, network, rate, epoch, and
    /// the steps that were taken.
    pub fn with_trace(self, file: File) -> NativeTrainer {
        NativeTrainer { trace: Some(Trace::new(file)), ..self }
    }

    /// The rows of a part and what was fitted on them; `None` if there is no such fold.
    pub fn samples(&self, part: Part) -> Option<&Arc<Samples>> {
        match part {
            Part::Fold(fold) => self.folds.get(fold as usize),
            Part::Whole => Some(&self.whole),
        }
    }

    fn job(&self, desk: &dyn Desk, job: &Job) {
        let result = match job.plan.recipe.precision {
            Precision::F32 => self.train::<f32>(desk, job),
            Precision::F64 => self.train::<f64>(desk, job),
        };
        if let Err(reason) = result {
            desk.failed(job.id, reason);
        }
    }

    fn train<T: Real>(&self, desk: &dyn Desk, job: &Job) -> Result<(), JobError> {
        let samples = self.fitting(&job.plan)?;
        let mut run = match &job.start {
            Start::Fresh => guarded(|| Run::<T>::new(job.plan.clone(), samples.clone()))?,
            Start::Checkpoint { epoch, state } => {
                let run = guarded(|| Run::load(job.plan.clone(), samples.clone(), state))?.map_err(JobError::State)?;
                if run.epochs() != *epoch {
                    return Err(JobError::State(format!("it is of epoch {}, not {epoch}", run.epochs())));
                }
                run
            }
        };
        while run.epochs() < job.until.min(job.plan.epochs) {
            let before = run.steps();
            let trained = guarded(|| run.epoch(&mut || desk.dropped(job.id)));
            self.note(job, &run, before, matches!(trained, Ok(Some(_))));
            let Some(observation) = trained? else {
                desk.put_down(job.id);
                return Ok(());
            };
            if desk.epoch(job.id, observation, &mut || run.save()) == Go::Leave {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The samples for a plan, which must have been made for these data.
    fn fitting(&self, plan: &Plan) -> Result<&Arc<Samples>, JobError> {
        let recipe = &plan.recipe;
        let other = || JobError::Training(format!("the plan for {} is one for other data", recipe.part));
        let samples = self.samples(recipe.part).ok_or_else(other)?;
        let fits = recipe.data == self.key
            && recipe.rows == samples.key()
            && recipe.network.inputs as usize == samples.encoder.inputs()
            && recipe.network.outputs == samples.outputs()
            && recipe.loss == samples.loss();
        if fits { Ok(samples) } else { Err(other()) }
    }

    fn note<T: Real>(&self, job: &Job, run: &Run<T>, before: u64, whole: bool) {
        if let Some(trace) = &self.trace {
            let epoch = if whole { run.epochs() } else { run.epochs() + 1 };
            trace.epoch(job, epoch, run.steps() - before, whole);
        }
    }
}

/// A panic in the arithmetic ends one job, not the study.
fn guarded<R>(work: impl FnOnce() -> R) -> Result<R, JobError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        JobError::Training(format!("the trainer failed: {}", text.unwrap_or("for an unknown reason")))
    })
}

impl Trainer for NativeTrainer {
    fn capabilities(&self) -> Capabilities {
        Capabilities { pause: true, exact: true, runs: self.threads }
    }

    fn work(&self, desk: &dyn Desk) {
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    while let Some(job) = desk.take() {
                        self.job(desk, &job);
                    }
                });
            }
        });
    }
}

impl Planner for NativeTrainer {
    fn parts(&self) -> Vec<Part> {
        self.folds.iter().map(|samples| samples.part).collect()
    }

    fn plan(&self, config: &Config, part: Part) -> Result<Plan, InputError> {
        let settings = self.base.with(config)?;
        let samples = self.samples(part).ok_or_else(|| InputError::new(format!("there is no {part}")))?;
        let network = Network {
            inputs: u32::try_from(samples.encoder.inputs())
                .map_err(|_| InputError::new("the encoded data have more than 2^32 columns"))?,
            hidden: settings.hidden.clone(),
            outputs: samples.outputs(),
            activation: settings.activation,
            init: settings.init,
        };
        let parameters: u64 = network.widths().windows(2).map(|pair| (pair[0] as u64 + 1) * pair[1] as u64).sum();
        if parameters > PARAMETERS_MAX {
            return Err(InputError::new(format!("the network {network} has {parameters} parameters"))
                .at("--hidden")
                .remedy(format!("use fewer or narrower layers; at most {PARAMETERS_MAX} parameters are trained")));
        }
        let rows = u32::try_from(samples.train.len()).map_err(|_| InputError::new("more than 2^32 rows"))?;
        let batch = settings.batch.min(rows);
        Ok(Plan {
            schedule: settings.schedule.resolve(settings.lr, rows.div_ceil(batch), settings.epochs)?,
            epochs: settings.epochs,
            recipe: Recipe {
                data: self.key,
                part,
                rows: samples.key(),
                network,
                loss: samples.loss(),
                optimizer: settings.optimizer,
                l2: settings.l2,
                weight_decay: settings.weight_decay,
                batch,
                seed: settings.seed,
                repeat: 0,
                precision: settings.precision,
                kernels: KERNELS.into(),
                score: self.score,
            },
        })
    }
}
