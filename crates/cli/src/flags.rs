//! The flags: one definition gives parsing, help and the keys of `--config`.

use clap::{Args, Parser, Subcommand};
use opportune_core::class_weight::ClassWeight;
use opportune_core::schedule::Schedule;
use opportune_core::score::Score;
use opportune_core::settings::{Init, Precision};
use opportune_core::stop::{Monitor, TolOn};
use opportune_core::upstream::Source;
use opportune_data::Task;
use std::path::PathBuf;

/// With which learning rate, which schedule and how many epochs does my neural network train best?
#[derive(Debug, Parser)]
#[command(name = "opportune", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Program {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find learning rate, schedule and number of epochs; train with the best; write model, settings and pictures
    Tune(Box<Tune>),
    /// Train once with the settings given
    Fit(Box<Fit>),
    /// Find which learning rates train at all, and from where on they diverge
    RangeTest(Box<RangeTest>),
    /// Label new data with a model
    Predict(Predict),
    /// Show schedules: the rate at each epoch or step as a table, a picture or JSON; list all there are
    Schedule(ScheduleOver),
    /// List the studies
    Studies(Studies),
    /// Show a study
    Show(Show),
}

/// Flags of `tune`.
#[derive(Debug, Args)]
pub struct Tune {
    #[command(flatten)]
    pub data: Data,
    #[command(flatten)]
    pub space: Space,
    #[command(flatten)]
    pub training: Training,
    #[command(flatten)]
    pub study: Study,
    #[command(flatten)]
    pub search: Search,
    /// Show what would be trained, and stop
    #[arg(long, help_heading = "Search")]
    pub dry_run: bool,
}

/// How is searched, and how long.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct Search {
    /// auto (halving over rates, epochs answered for every number, finalists confirmed), grid (every combination of the
    /// values given), random, sobol, halving or asha [default: auto]
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Points of the space to try at the most [default: 48 in auto, 20 for random and sobol, 27 for halving and asha]
    #[arg(long, value_name = "N")]
    pub trials: Option<u32>,
    /// Fold-epochs (one fold, one epoch) to train at the most, confirmation and final model included [default: no limit]
    #[arg(long, value_name = "N")]
    pub budget_epochs: Option<u64>,
    /// How long to search, as 30s, 10m or 2h; what follows is then kept short [default: no limit]
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Epochs that every trial gets before any is set aside [default: 1, or as many as have eight optimizer steps]
    #[arg(long, value_name = "N")]
    pub min_epochs: Option<u32>,
    /// Stop searching once the score is as good as this
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub target_score: Option<f64>,
}

/// Flags of `fit`.
#[derive(Debug, Args)]
pub struct Fit {
    #[command(flatten)]
    pub data: Data,
    #[command(flatten)]
    pub space: Space,
    #[command(flatten)]
    pub training: Training,
    #[command(flatten)]
    pub study: Study,
    /// End after so many of the --epochs; the schedule stays that of --epochs (written by tune into best.toml)
    #[arg(long, value_name = "N", help_heading = "Settings")]
    pub until: Option<u32>,
    /// Show what would be trained, and stop
    #[arg(long, help_heading = "Study")]
    pub dry_run: bool,
}

/// What is learned from, and what is set aside.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub struct Data {
    /// A .csv, .tsv, .npy or .npz file (.gz too), or a folder with IDX files
    pub data: PathBuf,
    /// The column to predict; several, as a,b,c, are labels of 0 and 1 that a row may have together [default: the last]
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// classification or regression [default: text, or at most 20 distinct integers, is classification]
    #[arg(long)]
    pub task: Option<Task>,
    /// A column that says how much each row counts in training, in the loss of the validation rows too; scores count rows
    /// alike [default: all alike]
    #[arg(long, value_name = "COLUMN")]
    pub sample_weight: Option<String>,
    /// How much rows count by their class: balanced, or as yes=3,no=1; in losses, not in scores [default: all alike]
    #[arg(long, value_name = "WEIGHTS")]
    pub class_weight: Option<ClassWeight>,
    /// Set aside before anything else and scored once at the end: a share, as 0.2, or a file [default: none]
    #[arg(long, value_name = "SHARE|FILE")]
    pub test: Option<String>,
    /// Judge by cross-validation over K folds [default in tune: 5 below 10,000 training rows]
    #[arg(long, value_name = "K", conflicts_with_all = ["validation", "fold_file"])]
    pub folds: Option<usize>,
    /// Judge by rows held out: a share, as 0.2, or a file [default in tune: 0.2 from 10,000 training rows up]
    #[arg(long, value_name = "SHARE|FILE", conflicts_with = "fold_file")]
    pub validation: Option<String>,
    /// Folds from a file: the fold of each row, one number a line, or JSON lists of row numbers
    #[arg(long, value_name = "FILE")]
    pub fold_file: Option<PathBuf>,
    /// Seed of folds and splits
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub split_seed: u64,
}

/// What is searched over: in `tune` a setting may be a list, in `fit` it is one value.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Settings (in tune: one value, a comma list or a range; --hidden and --schedule repeated)"
)]
pub struct Space {
    /// Learning rate: in tune also a range, as 1e-4..1e-1 [default in fit: the optimizer's, 0.001 for adam; in tune: a range
    /// test brackets it]
    #[arg(long, value_name = "RATE")]
    pub lr: Option<String>,
    /// Passes over the training rows: in tune the most there may be, a range, or a list of exactly those that may be
    /// recommended [default: 200]
    #[arg(long, value_name = "N")]
    pub epochs: Option<String>,
    /// How the rate changes, as exponential(gamma=0.95) or cyclic(base=1e-4, max=1e-2, up=20, down=20)
    /// [default in fit: constant; in tune: constant with a cooldown, and cosine]
    #[arg(long, value_name = "SPEC", value_parser = crate::rates::schedule)]
    pub schedule: Vec<Schedule>,
    /// An average of the weights that is judged and delivered in their place: ema(decay=0.999) of the steps,
    /// swa(from=75%) of the epochs from there on, or none [default: none]
    #[arg(long, value_name = "SPEC")]
    pub average: Option<String>,
    #[command(flatten)]
    pub network: Network,
}

/// The network and how it is optimized.
#[derive(Debug, Clone, Args)]
pub struct Network {
    /// Units of the hidden layers: 100, or 50,50 for two; none for a linear model [default: 100]
    #[arg(long, value_name = "UNITS")]
    pub hidden: Vec<String>,
    /// Rows of a minibatch [default: 200]
    #[arg(long, value_name = "ROWS")]
    pub batch: Option<String>,
    /// sgd, adam, adamw, nadam, radam, adamax, rmsprop, adagrad, adadelta, lion, muon (weights; biases by adamw),
    /// schedule_free_sgd, schedule_free_adamw, prodigy (finds its rate) or lbfgs (all rows at once), with constants as in
    /// sgd(momentum=0.9, nesterov=true) [default: adam]
    #[arg(long, value_name = "SPEC")]
    pub optimizer: Option<String>,
    /// relu, tanh, logistic, identity, leaky_relu, elu, silu, gelu, gelu_tanh or softplus [default: relu]
    #[arg(long, value_name = "NAME")]
    pub activation: Option<String>,
    /// What is minimised where numbers are predicted: squared, huber(delta=1) or absolute, all of standardised targets, or
    /// poisson (counts from 0 up, against e to the power of the output) [default: squared; cross-entropy for classes]
    #[arg(long, value_name = "SPEC")]
    pub loss: Option<String>,
    /// Share of each row's truth that is spread over all classes while training, against overconfidence [default: 0]
    #[arg(long, value_name = "SHARE")]
    pub label_smoothing: Option<String>,
    /// L2 penalty of scikit-learn's alpha [default: 1e-4]
    #[arg(long, value_name = "ALPHA")]
    pub l2: Option<String>,
    /// Decoupled weight decay [default: 0; 0.01 for adamw, 0.1 for muon]
    #[arg(long, value_name = "LAMBDA")]
    pub weight_decay: Option<String>,
    /// Normalise the sums of hidden layers before their activation; --layer-norm=off does not, and in tune
    /// --layer-norm=on,off tries both [default: off]
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub layer_norm: Option<String>,
    /// Share of each hidden layer's units that a training step leaves out at random, as 0.2 [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub dropout: Option<String>,
    /// The most that the L2 norm of a step's gradients may be, or none; the penalty's are not counted [default: none]
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    pub clip_norm: Option<String>,
    /// The most that each gradient may be, or none; before --clip-norm where both are given [default: none]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub clip_value: Option<String>,
}

/// How each run is trained and judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub struct Training {
    /// Stop when the validation has not become better for N epochs; the best epoch's weights count [default: off]
    #[arg(long, value_name = "N")]
    pub patience: Option<u32>,
    /// What patience takes for better [default: 0]
    #[arg(long, value_name = "AMOUNT", requires = "patience")]
    pub min_delta: Option<f64>,
    /// What patience watches: loss, score or training_loss [default: loss]
    #[arg(long, value_name = "NAME", requires = "patience")]
    pub monitor: Option<Monitor>,
    /// What patience wants to see reached: only what is better than this ends its wait [default: none]
    #[arg(long, value_name = "VALUE", requires = "patience", allow_negative_numbers = true)]
    pub baseline: Option<f64>,
    /// Epochs at the beginning that patience does not look at [default: 0]
    #[arg(long, value_name = "N", requires = "patience")]
    pub start_from_epoch: Option<u32>,
    /// With patience, deliver the last epoch's weights, not those of the best
    #[arg(long, requires = "patience")]
    pub keep_last: bool,
    /// scikit-learn's rule: stop when the training loss has not fallen by TOL for --n-iter-no-change epochs
    /// [default: off]
    #[arg(long, value_name = "TOL")]
    pub tol: Option<f64>,
    /// What --tol reads: training (the loss), or score (on validation rows; the best epoch's weights count)
    /// [default: training]
    #[arg(long, value_name = "NAME", requires = "tol")]
    pub tol_on: Option<TolOn>,
    /// See --tol [default: 10]
    #[arg(long, value_name = "N", requires = "tol")]
    pub n_iter_no_change: Option<u32>,
    /// accuracy, balanced_accuracy, f1, roc_auc, log_loss; r2, rmse, mae [default: accuracy; r2 for regression]
    #[arg(long, value_name = "NAME")]
    pub score: Option<Score>,
    /// f32 or f64
    #[arg(long, value_name = "BITS", default_value_t = Precision::F32)]
    pub precision: Precision,
    /// How weights start: glorot or he
    #[arg(long, value_name = "NAME", default_value_t = Init::Glorot)]
    pub init: Init,
    /// Seed of training
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// The study and its output.
#[derive(Debug, Args)]
#[command(next_help_heading = "Study")]
pub struct Study {
    /// Name of the study; the same name goes on where it was [default: from the file's]
    #[arg(long)]
    pub name: Option<String>,
    /// Where studies are remembered
    #[arg(long, value_name = "URL", default_value = "sqlite:///opportune.db")]
    pub storage: String,
    /// Forget what the study of that name had trained
    #[arg(long)]
    pub fresh: bool,
    /// Train every run by itself, for comparison
    #[arg(long)]
    pub no_share: bool,
    /// Runs trained at the same time [default: the number of cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Where model, settings and pictures go [default: opportune-out/NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Flags from a TOML file, by their names without dashes; those given here come before them
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// Print JSON lines instead of text
    #[arg(long)]
    pub json: bool,
    /// No progress, only the result
    #[arg(long)]
    pub quiet: bool,
    /// Append a line for every epoch really trained (for tests)
    #[arg(long, value_name = "FILE", hide = true)]
    pub trace: Option<PathBuf>,
}

/// Flags of `range-test`.
#[derive(Debug, Args)]
pub struct RangeTest {
    #[command(flatten)]
    pub data: Data,
    /// Learning rates to try: a range, as 1e-4..1, or a list [default: 1e-5..10, with --sweep 1e-7..10]
    #[arg(long, value_name = "LOW..HIGH", help_heading = "Range test")]
    pub lr: Option<String>,
    /// How many rates of the range are tried [default: 13]
    #[arg(long, value_name = "N", help_heading = "Range test", conflicts_with = "sweep")]
    pub points: Option<usize>,
    /// Optimizer steps for each rate [default: two epochs, from 12 to 48; with --sweep 100 in all]
    #[arg(long, value_name = "N", help_heading = "Range test")]
    pub steps: Option<u32>,
    /// How often each rate is trained, with other weights and another order of rows [default: 3]
    #[arg(long, value_name = "N", help_heading = "Range test", conflicts_with = "sweep")]
    pub repeats: Option<u32>,
    /// One run whose rate rises at every step, with fastai's suggestions valley, steep, minimum and slide
    #[arg(long, help_heading = "Range test")]
    pub sweep: bool,
    #[command(flatten, next_help_heading = "Settings")]
    pub network: Network,
    /// f32 or f64
    #[arg(long, value_name = "BITS", default_value_t = Precision::F32, help_heading = "Training")]
    pub precision: Precision,
    /// How weights start: glorot or he
    #[arg(long, value_name = "NAME", default_value_t = Init::Glorot, help_heading = "Training")]
    pub init: Init,
    /// Seed of training
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub seed: u64,
    /// Runs trained at the same time [default: the number of cores]
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub threads: Option<usize>,
    /// Where the picture goes [default: opportune-out/NAME-range-test, NAME from the file's]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Flags from a TOML file, by their names without dashes; those given here come before them
    #[arg(long, value_name = "FILE.toml", help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// Print one line of JSON instead of text
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Draw with ASCII characters only [default: where the locale is not UTF-8]
    #[arg(long, help_heading = "Output")]
    pub ascii: bool,
}

/// Flags of `schedule`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ScheduleOver {
    #[command(subcommand)]
    pub command: Option<ScheduleCommand>,
    /// How the rate changes, as exponential(gamma=0.95); several are drawn over one another
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
    /// The schedules are written as torch, keras or optax has them: 'OneCycleLR(max_lr=0.01, total_steps=60)'. What these
    /// count is epochs, or optimizer steps where --steps-per-epoch is above 1
    #[arg(long, value_name = "LIBRARY")]
    pub from: Option<Source>,
    /// Passes over the training rows
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub epochs: u32,
    /// Optimizer steps of an epoch: training rows / batch, rounded up
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub steps_per_epoch: u32,
    /// The learning rate, for schedules that multiply one [default: 0.001, as in fit]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub lr: Option<f64>,
    /// A loss for each epoch, one a line or the last column of a table: what schedules that follow the curve, such as
    /// on_plateau, are shown on; --epochs is then their number
    #[arg(long, value_name = "FILE", conflicts_with = "epochs")]
    pub losses: Option<PathBuf>,
    /// Show the rates by their logarithms
    #[arg(long)]
    pub log: bool,
    /// Write the picture as SVG
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print an array with the rate of each epoch, of each optimizer step where --steps-per-epoch is above 1; of several
    /// schedules an array of arrays
    #[arg(long, conflicts_with = "print")]
    pub json: bool,
    /// Print each schedule's text form, as --schedule takes it
    #[arg(long)]
    pub print: bool,
    /// Draw with ASCII characters only [default: where the locale is not UTF-8]
    #[arg(long)]
    pub ascii: bool,
}

/// Commands of `schedule`.
#[derive(Debug, Clone, Subcommand)]
pub enum ScheduleCommand {
    /// List the schedules: what each does, an example, its parameters, its names elsewhere
    List(ScheduleList),
}

/// Flags of `schedule list`.
#[derive(Debug, Clone, Args)]
pub struct ScheduleList {
    /// Only these
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print a JSON object for each schedule
    #[arg(long)]
    pub json: bool,
    /// Draw with ASCII characters only [default: where the locale is not UTF-8]
    #[arg(long)]
    pub ascii: bool,
}

/// Flags of `predict`.
#[derive(Debug, Args)]
pub struct Predict {
    /// model.safetensors, or the folder it is in
    pub model: PathBuf,
    /// Data with the columns the model was trained on
    pub data: PathBuf,
    /// Print a JSON object for each row instead of CSV
    #[arg(long)]
    pub json: bool,
    /// Write to a file instead of the terminal
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Flags of `studies`.
#[derive(Debug, Args)]
pub struct Studies {
    /// Where studies are remembered
    #[arg(long, value_name = "URL", default_value = "sqlite:///opportune.db")]
    pub storage: String,
    /// Print a JSON object for each study
    #[arg(long)]
    pub json: bool,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The study's name
    pub name: String,
    /// Where studies are remembered
    #[arg(long, value_name = "URL", default_value = "sqlite:///opportune.db")]
    pub storage: String,
    /// Print JSON: one object for each trial, then what the study ended with
    #[arg(long)]
    pub json: bool,
}
