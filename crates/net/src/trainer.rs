//! Many runs side by side: each on one thread, each thread fetching its next run from the desk.

use crate::real::Real;
use crate::run::Run;
use crate::samples::Samples;
use crate::threads::share;
use crate::trace::Trace;
use crate::update;
use opportune_core::InputError;
use opportune_core::averaging::{Average, Averaging};
use opportune_core::observation::BLOCKS;
use opportune_core::plan::{Key, Network, Part, Plan, Recipe};
use opportune_core::ports::{Capabilities, Desk, Go, Job, JobError, Planner, Start, Trainer};
use opportune_core::schedule::Ruled;
use opportune_core::score::Score;
use opportune_core::settings::{Precision, Settings};
use opportune_core::space::Config;
use opportune_data::{Dataset, TargetEncoder};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Version of the arithmetic, to be counted up with every change to it. It enters the keys of runs with the system, whose
/// logarithm and cosine draw weights and rates; instruction sets do not, because all give the same bits (a test compares
/// them).
const VERSION: u32 = 4;

/// Runs that need more numbers than this are taken for a slip of the keyboard: 4 GiB in 32 bits.
const NUMBERS_MAX: u64 = 1 << 30;

/// Plans and trains dense networks on one data set, in this process.
///
/// Each run is one thread's; threads without a run take rows of the large products of the others. Results depend neither on
/// the number of threads nor on what runs beside.
#[derive(Debug)]
pub struct NativeTrainer {
    folds: Vec<Arc<Samples>>,
    confirmation: Vec<Arc<Samples>>,
    averaging: bool,
    whole: Arc<Samples>,
    key: Key,
    base: Settings,
    score: Score,
    threads: usize,
    /// Runs in work.
    busy: AtomicUsize,
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
        let samples = |part, train, validation| {
            Samples::new(data.clone(), part, train, validation)?.with_class_weight(&base.class_weight).map(Arc::new)
        };
        let whole = samples(Part::Whole, whole, Vec::new())?;
        let regression = whole.is_regression();
        if score.is_regression() != regression {
            let (target, fitting) = match regression {
                true => ("numbers", "r2, rmse or mae"),
                false => ("classes", "accuracy, balanced_accuracy, f1, roc_auc or log_loss"),
            };
            return Err(InputError::new(format!("{score} cannot judge {target}"))
                .at("--score")
                .remedy(format!("choose {fitting}")));
        }
        if matches!(whole.target, TargetEncoder::Labels { .. }) && !score.is_for_labels() {
            return Err(InputError::new(format!("{score} cannot judge several labels"))
                .at("--score")
                .remedy("choose accuracy, f1 or roc_auc"));
        }
        let folds =
            folds.into_iter().zip(0..).map(|((train, validation), fold)| samples(Part::Fold(fold), train, validation));
        Ok(NativeTrainer {
            folds: folds.collect::<Result<_, _>>()?,
            confirmation: Vec::new(),
            averaging: false,
            whole,
            key: Key(data.key()),
            base,
            score,
            threads: threads.max(1),
            busy: AtomicUsize::new(0),
            trace: None,
        })
    }

    /// Keeps averaged weights beside those of every fold's runs, and observes them
    /// ([`Averaging::Observed`]); runs that deliver another average keep that alone.
    pub fn with_averaging(self) -> NativeTrainer {
        NativeTrainer { averaging: true, ..self }
    }

    /// Rows of another partition, on which finalists are trained anew with a seed of their own.
    ///
    /// # Errors
    /// As for the folds of [`NativeTrainer::new`].
    pub fn with_confirmation(self, folds: Vec<(Vec<u32>, Vec<u32>)>) -> Result<NativeTrainer, InputError> {
        let data = &self.whole.data;
        let samples = |((train, validation), fold): ((Vec<u32>, Vec<u32>), u32)| {
            let samples = Samples::new(data.clone(), Part::Confirmation(fold), train, validation)?;
            samples.with_class_weight(&self.base.class_weight).map(Arc::new)
        };
        let confirmation = folds.into_iter().zip(0..).map(samples).collect::<Result<_, _>>()?;
        Ok(NativeTrainer { confirmation, ..self })
    }

    /// Writes a line of JSON to `file` for every epoch that is really trained: part, job, network, rate, epoch, and
    /// the steps that were taken.
    pub fn with_trace(self, file: File) -> NativeTrainer {
        NativeTrainer { trace: Some(Trace::new(file)), ..self }
    }

    /// Runs at the same time.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// The rows of a part and what was fitted on them; `None` if there is no such fold.
    pub fn samples(&self, part: Part) -> Option<&Arc<Samples>> {
        match part {
            Part::Fold(fold) => self.folds.get(fold as usize),
            Part::Confirmation(fold) => self.confirmation.get(fold as usize),
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
            // Threads that have no run of their own share the work of those that are there.
            run.spread(share(self.threads, self.busy.load(Ordering::Relaxed)));
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
            && recipe.class_weight == self.base.class_weight
            && samples.loss(Some(recipe.loss)).is_ok();
        if fits { Ok(samples) } else { Err(other()) }
    }

    fn note<T: Real>(&self, job: &Job, run: &Run<T>, before: u64, whole: bool) {
        if let Some(trace) = &self.trace {
            let epoch = if whole { run.epochs() } else { run.epochs() + 1 };
            trace.epoch(job, epoch, run.steps() - before, whole);
        }
    }
}

/// About how many numbers a run holds: parameters with gradients, an average, what the optimizer keeps and two forms for the
/// products; and for each row of a batch what every unit gives and its derivative, with dropout a mask and the values before
/// it, with layer normalisation what it is gone back by.
fn numbers(network: &Network, settings: &Settings, batch: u32) -> u64 {
    let units: u64 = network.widths().iter().map(|&width| width as u64).sum();
    let copies = 4 + update::kept(&settings.optimizer).0 as u64 + u64::from(settings.average != Average::None);
    let values = 2 + 2 * u64::from(settings.dropout > 0.0) + u64::from(network.layer_norm);
    copies * network.parameters() + values * u64::from(batch) * units
}

/// A panic in the arithmetic ends one job, not the study.
pub(crate) fn guarded<R>(work: impl FnOnce() -> R) -> Result<R, JobError> {
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
                        self.busy.fetch_add(1, Ordering::Relaxed);
                        self.job(desk, &job);
                        self.busy.fetch_sub(1, Ordering::Relaxed);
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
            layer_norm: settings.layer_norm && !settings.hidden.is_empty(),
        };
        let rows = u32::try_from(samples.train.len()).map_err(|_| InputError::new("more than 2^32 rows"))?;
        let batch = settings.optimizer.batch(settings.batch, rows);
        let searched = matches!(part, Part::Fold(_));
        let numbers = numbers(&network, &settings, batch);
        if numbers > NUMBERS_MAX {
            let size =
                numbers as f64 * if settings.precision == Precision::F32 { 4.0 } else { 8.0 } / f64::from(1u32 << 30);
            return Err(InputError::new(format!(
                "the network {network} needs {size:.0} GiB with batches of {batch} rows"
            ))
            .at("--hidden")
            .remedy("use fewer or narrower layers, or a smaller --batch (lbfgs takes all rows: another optimizer)"));
        }
        let loss = samples.loss(settings.loss)?;
        if settings.label_smoothing > 0.0 && loss.is_regression() {
            return Err(InputError::new("is for classes, and the target is numbers")
                .at("--label-smoothing")
                .remedy("leave it out"));
        }
        Ok(Plan {
            schedule: settings.schedule.with_rows(rows).resolve(settings.lr, rows.div_ceil(batch), settings.epochs)?,
            epochs: settings.epochs,
            recipe: Recipe {
                data: self.key,
                part,
                rows: samples.key(),
                network,
                loss,
                label_smoothing: settings.label_smoothing,
                class_weight: settings.class_weight,
                optimizer: settings.optimizer,
                l2: settings.l2,
                weight_decay: settings.weight_decay,
                clip: settings.clip,
                dropout: if settings.hidden.is_empty() { 0.0 } else { settings.dropout },
                batch,
                seed: settings.seed,
                repeat: u32::from(matches!(part, Part::Confirmation(_))),
                precision: settings.precision,
                kernels: format!("native {VERSION}, {} {}", std::env::consts::OS, std::env::consts::ARCH),
                score: self.score,
                averaging: match settings.average.resolve(settings.epochs)? {
                    Averaging::None if self.averaging && searched => Averaging::Observed,
                    delivered => delivered,
                },
                blocks: self.averaging && searched && self.folds.len() == 1 && samples.validation.len() >= 2 * BLOCKS,
            },
        })
    }

    fn rate_rule(&self, config: &Config) -> Result<Option<Ruled>, InputError> {
        let settings = self.base.with(config)?;
        let rows = self.folds.first().unwrap_or(&self.whole).train.len() as u32;
        settings.schedule.ruled(rows.div_ceil(settings.optimizer.batch(settings.batch, rows)), settings.epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Problem, planned, table, trainer, variants};
    use opportune_core::loss::Loss;
    use opportune_core::observation::Observation;
    use opportune_core::space::Value;
    use std::collections::{BTreeMap, VecDeque};
    use std::sync::Mutex;

    /// What one epoch gave, and the state after it.
    type Seen = (Observation, Vec<u8>);

    /// A desk that hands out what it is given and keeps what it is told.
    #[derive(Default)]
    struct Tray {
        jobs: Mutex<VecDeque<Job>>,
        seen: Mutex<BTreeMap<u64, Vec<Seen>>>,
        failed: Mutex<Vec<(u64, JobError)>>,
        put_down: Mutex<Vec<u64>>,
        drop: bool,
    }

    impl Tray {
        fn with(jobs: impl IntoIterator<Item = Job>) -> Tray {
            Tray { jobs: Mutex::new(jobs.into_iter().collect()), ..Tray::default() }
        }
    }

    impl Desk for Tray {
        fn take(&self) -> Option<Job> {
            self.jobs.lock().unwrap().pop_front()
        }
        fn epoch(&self, job: u64, observation: Observation, save: &mut dyn FnMut() -> Vec<u8>) -> Go {
            let mut seen = self.seen.lock().unwrap();
            let all = seen.entry(job).or_default();
            all.push((observation, save()));
            if job == 2 && all.len() == 2 { Go::Leave } else { Go::On }
        }
        fn dropped(&self, _: u64) -> bool {
            self.drop
        }
        fn put_down(&self, job: u64) {
            self.put_down.lock().unwrap().push(job);
        }
        fn failed(&self, job: u64, reason: JobError) {
            self.failed.lock().unwrap().push((job, reason));
        }
    }

    fn base() -> Settings {
        Settings { epochs: 4, hidden: vec![6], batch: 20, ..Settings::default() }
    }

    fn job(trainer: &NativeTrainer, id: u64, lr: f64) -> Job {
        let config = Config::from_iter([("lr".to_string(), Value::Number(lr))]);
        let part = if id == 1 { Part::Whole } else { Part::Fold(0) };
        Job { id, plan: Arc::new(trainer.plan(&config, part).unwrap()), start: Start::Fresh, until: 3 }
    }

    #[test]
    fn threads_and_company_change_nothing() {
        let work = |threads: usize, ids: std::ops::Range<u64>| {
            let trainer = trainer(table(90, 5, Problem::Classes(3)), &base(), threads);
            let tray = Tray::with(ids.map(|id| job(&trainer, id, 0.001 * (id + 1) as f64)));
            trainer.work(&tray);
            assert!(tray.failed.into_inner().unwrap().is_empty());
            tray.seen.into_inner().unwrap()
        };
        let alone = work(1, 0..6);
        assert_eq!(alone.values().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2, 3, 3, 3]);
        assert!(alone[&1][0].0.validation.is_none() && alone[&0][0].0.validation.is_some());
        for other in [work(2, 0..6), work(5, 0..6), work(1, 3..6)] {
            for (id, all) in &other {
                for ((one, state), (other, same)) in alone[id].iter().zip(all) {
                    assert!(one.same_bits(other) && state == same, "job {id}");
                }
            }
        }
    }

    #[test]
    fn lbfgs_takes_all_rows_as_one_batch() {
        let base = Settings { optimizer: "lbfgs".parse().unwrap(), lr: Some(1.0), ..base() };
        let trainer = trainer(table(90, 5, Problem::Classes(3)), &base, 1);
        for (part, rows) in [(Part::Fold(0), 68), (Part::Whole, 90)] {
            let plan = trainer.plan(&Config::default(), part).unwrap();
            assert_eq!((plan.recipe.batch, plan.schedule.steps_per_epoch()), (rows, 1));
        }
    }

    #[test]
    fn a_job_goes_on_from_a_state_and_bad_ones_are_reported() {
        let trainer = trainer(table(90, 5, Problem::Classes(3)), &base(), 2);
        let first = Tray::with([job(&trainer, 0, 0.01)]);
        trainer.work(&first);
        let all = first.seen.into_inner().unwrap().remove(&0).unwrap();
        let from = |id, epoch, state: &[u8]| Job {
            start: Start::Checkpoint { epoch, state: state.into() },
            ..job(&trainer, id, 0.01)
        };
        let second = Tray::with([from(5, 1, &all[0].1), from(6, 2, &all[0].1), from(7, 1, b"nonsense")]);
        trainer.work(&second);
        let seen = second.seen.into_inner().unwrap().remove(&5).unwrap();
        assert!(seen.iter().zip(&all[1..]).all(|(a, b)| a.0.same_bits(&b.0) && a.1 == b.1) && seen.len() == 2);
        let mut failed = second.failed.into_inner().unwrap();
        failed.sort_by_key(|(id, _)| *id);
        assert!(matches!(&failed[..], [(6, JobError::State(_)), (7, JobError::State(_))]), "{failed:?}");
    }

    #[test]
    fn a_plan_for_other_data_fails_and_a_dropped_job_is_put_down() {
        let other = trainer(table(80, 5, Problem::Classes(3)), &base(), 1);
        let trainer = trainer(table(90, 5, Problem::Classes(3)), &base(), 1);
        let tray = Tray { drop: true, ..Tray::with([job(&other, 3, 0.1), job(&trainer, 4, 0.1)]) };
        trainer.work(&tray);
        assert!(matches!(&tray.failed.into_inner().unwrap()[..], [(3, JobError::Training(_))]));
        assert_eq!(tray.put_down.into_inner().unwrap(), [4]);
        assert!(tray.seen.into_inner().unwrap().is_empty());
    }

    #[test]
    fn the_trace_counts_the_steps_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace");
        let traced = trainer(table(90, 5, Problem::Classes(3)), &base(), 2).with_trace(File::create(&path).unwrap());
        traced.work(&Tray::with([job(&traced, 0, 0.25), job(&traced, 2, 0.25)]));
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 5);
        // 68 training rows in batches of 20.
        assert!(lines.iter().all(|line| line["steps"] == 4 && line["rate"] == 0.25 && line["whole"] == true));
        assert_eq!(lines.iter().filter(|line| line["job"] == 0 && line["part"] == "fold 0").count(), 3);
    }

    #[test]
    fn plans_say_what_is_trained() {
        let make = |problem| trainer(table(90, 5, problem), &base(), 1);
        for (problem, loss, outputs) in [
            (Problem::Classes(2), Loss::Logistic, 1),
            (Problem::Classes(4), Loss::Softmax, 4),
            (Problem::Number, Loss::Squared, 1),
        ] {
            let plan = make(problem).plan(&Config::default(), Part::Fold(0)).unwrap();
            assert_eq!((plan.recipe.loss, plan.recipe.network.outputs), (loss, outputs));
            assert_eq!((plan.recipe.batch, plan.schedule.steps_per_epoch(), plan.epochs), (20, 4, 4));
        }
        let trainer = make(Problem::Number);
        // A schedule that counts rows is told the part's: here 68 for training.
        let text = |text: &str| Config::from_iter([("schedule".to_string(), Value::Text(text.into()))]);
        let plan = |schedule: &str, part| trainer.plan(&text(schedule), part).unwrap().schedule;
        assert_eq!(plan("inverse_scaling", Part::Fold(0)), plan("inverse_scaling(rows=68)", Part::Fold(0)));
        assert_eq!(plan("inverse_scaling", Part::Whole), plan("inverse_scaling(rows=90)", Part::Whole));
        let huge = Config::from_iter([("hidden".to_string(), Value::Layers(vec![65_536; 3]))]);
        let error = trainer.plan(&huge, Part::Whole).unwrap_err().to_string();
        assert!(error.starts_with("--hidden: the network 5-65536-65536-65536-1") && error.contains("GiB"), "{error}");
        assert!(trainer.plan(&Config::default(), Part::Fold(1)).is_err());
        assert_eq!((trainer.parts(), trainer.samples(Part::Fold(1)).is_none()), (vec![Part::Fold(0)], true));
        let whole = trainer.plan(&Config::default(), Part::Whole).unwrap();
        assert_ne!(whole.recipe.rows, trainer.plan(&Config::default(), Part::Fold(0)).unwrap().recipe.rows);
    }

    #[test]
    fn what_changes_bits_changes_the_key_and_what_is_off_leaves_no_trace() {
        let recipe = |base: &Settings| planned(table(90, 5, Problem::Classes(3)), base).0.recipe.clone();
        let mut keys = vec![recipe(&base()).key(None)];
        keys.extend(variants(&base()).iter().map(|base| recipe(base).key(None)));
        assert!((1..keys.len()).all(|place| !keys[..place].contains(&keys[place])));
        // Without hidden layers there is nothing to normalise or to drop.
        let linear = Settings { hidden: vec![], ..base() };
        let more = Settings { layer_norm: true, dropout: 0.5, ..linear.clone() };
        assert_eq!(recipe(&more).key(None), recipe(&linear).key(None));
        let plain = recipe(&base());
        assert_eq!(plain.network.to_string(), "5-6-3 relu glorot");
        assert_eq!((plain.clip.to_string(), plain.averaging.to_string()), (String::new(), String::new()));
        assert_eq!(Averaging::Observed.to_string(), "; averaging");
    }

    #[test]
    fn a_loss_is_one_for_the_target() {
        let plan = |problem, loss: &str| {
            let config = Config::from_iter([("loss".to_string(), Value::Text(loss.into()))]);
            let plan = trainer(table(90, 5, problem), &base(), 1).plan(&config, Part::Fold(0));
            plan.map(|plan| plan.recipe.loss).map_err(|error| error.to_string())
        };
        assert_eq!(plan(Problem::Number, "huber(delta=2)"), Ok(Loss::Huber { delta: 2.0 }));
        assert_eq!(plan(Problem::Classes(3), "softmax"), Ok(Loss::Softmax));
        for (problem, loss, part) in [
            (Problem::Classes(2), "huber", "--loss: huber is for numbers, and the target is classes"),
            (Problem::Classes(2), "softmax", "--loss: for this target it is logistic, not softmax"),
            (Problem::Number, "logistic", "--loss: logistic is for classes, and the target is numbers"),
        ] {
            let error = plan(problem, loss).unwrap_err();
            assert!(error.starts_with(part), "{error}");
        }
    }

    #[test]
    fn what_does_not_fit_the_data_is_refused() {
        let data = || Arc::new(table(20, 2, Problem::Number));
        let new =
            |folds, whole, score| NativeTrainer::new(data(), folds, whole, base(), score, 1).unwrap_err().to_string();
        assert!(new(vec![], (0..20).collect(), Score::F1).starts_with("--score: f1 cannot judge numbers"));
        assert!(new(vec![], vec![], Score::R2).contains("no rows"));
        assert!(new(vec![(vec![0], vec![20])], vec![0], Score::R2).contains("row 20"));
    }
}
