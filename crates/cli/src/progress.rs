//! Telling what happens while it does: a bar on a terminal, a calm line for each trial elsewhere, JSON lines if asked.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use opportune_core::InputError;
use opportune_core::memory::{TrialResult, mean_and_std};
use opportune_core::score::Score;
use opportune_core::stop::Stopped;
use opportune_study::{Happening, Progress};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Tells people on stderr and programs on stdout, or whoever calls the search.
pub struct Teller {
    score: Score,
    json: bool,
    quiet: bool,
    /// Names of the settings that differ among trials.
    varied: Vec<String>,
    /// A single training is told by its epochs, a search by its trials.
    single: bool,
    rungs: bool,
    bar: ProgressBar,
    final_model: AtomicBool,
    ended: AtomicUsize,
    trials: AtomicUsize,
    warnings: Mutex<Vec<String>>,
    /// Hears the lines for people in the place of stderr; warnings are then only kept.
    listener: Option<Listener>,
}

/// Hears lines, from any thread, while others wait: it must be quick.
pub type Listener = Box<dyn Fn(&str) + Send + Sync>;

impl Teller {
    /// `varied` names the settings that differ among trials; none is a single training.
    pub fn new(score: Score, json: bool, quiet: bool, varied: Vec<String>) -> Teller {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        // Epochs, never a clock: how long they take says little about how far the work is.
        let style = "{bar:30} {pos} of {len} epochs granted{msg}";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let single = varied.is_empty();
        let (ended, trials) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let final_model = AtomicBool::new(false);
        let rungs = false;
        Teller {
            score,
            json,
            quiet,
            varied,
            single,
            rungs,
            bar,
            final_model,
            ended,
            trials,
            warnings: Mutex::default(),
            listener: None,
        }
    }

    /// For a caller who hears what is told.
    pub fn to(self, listener: Listener) -> Teller {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        Teller { listener: Some(listener), ..self }
    }

    fn say(&self, text: &str) {
        match &self.listener {
            Some(listener) => listener(text),
            None => crate::say(text),
        }
    }

    /// For a search whose trials come to an end several times, each time after more epochs.
    pub fn by_rungs(self) -> Teller {
        Teller { rungs: true, ..self }
    }

    /// A line for programs.
    pub fn event(&self, event: &Value) -> Result<(), InputError> {
        if self.json { print_line(&event.to_string()) } else { Ok(()) }
    }

    /// A line for people, on stderr.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| self.say(text));
        }
    }

    /// The search is over: what is trained now is the final model, `begun` beside the last trials already or not.
    pub fn begin_final_model(&self, rows: usize, begun: bool) {
        self.final_model.store(true, Ordering::Relaxed);
        let begun = if begun { ", begun already" } else { "" };
        self.line(&format!("training the final model on all {rows} rows{begun}"));
    }

    /// What a person should know; shown at once, and kept for the end.
    pub fn warn(&self, text: String) {
        if self.listener.is_none() {
            self.bar.suspend(|| self.say(&format!("warning: {text}")));
        }
        self.warnings.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text);
    }

    /// All warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The work is done; the bar goes.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }

    /// Whether programs read stdout.
    pub fn is_json(&self) -> bool {
        self.json
    }

    fn trial(&self, result: &TrialResult) {
        let place = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        if self.single || self.quiet || self.final_model.load(Ordering::Relaxed) {
            return;
        }
        let settings = result.config.iter().filter(|(name, _)| self.varied.iter().any(|one| one == name));
        let settings: Vec<String> = settings.map(|(name, value)| format!("{name} {value}")).collect();
        let (mean, spread) = mean_and_std(&result.scores());
        let spread =
            spread.filter(|spread| spread.is_finite()).map(|spread| format!(" ± {spread:.4}")).unwrap_or_default();
        let what = match result.stopped() {
            Stopped::Diverged => "diverged".to_string(),
            Stopped::Failed => "failed".to_string(),
            _ => format!("{} {mean:.4}{spread}", self.score),
        };
        let trials = self.trials.load(Ordering::Relaxed).max(place);
        let line = match self.rungs {
            true => {
                let epochs = result.folds.iter().map(|fold| fold.ending.epochs).max().unwrap_or(0);
                format!("{}: {what} after {epochs} epoch{}", settings.join(", "), if epochs == 1 { "" } else { "s" })
            }
            false => format!("trial {place} of {trials}: {}: {what}", settings.join(", ")),
        };
        if self.bar.is_hidden() {
            self.say(&line);
        } else {
            self.bar.set_message(format!(" · {line}"));
        }
    }
}

impl Progress for Teller {
    fn happened(&self, what: &Happening) {
        match what {
            Happening::Totals(totals) => {
                self.trials.store(totals.trials, Ordering::Relaxed);
                self.bar.set_length(totals.granted);
                self.bar.set_position(totals.trained);
            }
            Happening::Ended(result) => {
                self.trial(result);
                if self.json && !self.final_model.load(Ordering::Relaxed) {
                    // The reader of our output may be gone; the training is not to suffer from it.
                    let _ = print_line(&trial_event(result, self.score).to_string());
                }
            }
            Happening::Epoch { trial, part, observation } => {
                if self.json {
                    let (validation_loss, validation_score) = observation.validation.map(|v| (v.loss, v.score)).unzip();
                    let event = EpochEvent {
                        epoch: observation.epoch,
                        event: "epoch",
                        fold: part.fold(),
                        lr: observation.rate,
                        train_loss: observation.train_loss,
                        train_score: observation.train_score,
                        trial: *trial,
                        validation_loss,
                        validation_score,
                    };
                    let _ = serde_json::to_string(&event).map(|line| print_line(&line));
                }
            }
            Happening::Warning(text) => self.warn(text.clone()),
        }
    }
}

/// An epoch as JSON, its fields in the order of the other events'. There are so many that each is written as it is.
#[derive(Serialize)]
struct EpochEvent {
    epoch: u32,
    event: &'static str,
    fold: Option<u32>,
    lr: f64,
    train_loss: f64,
    train_score: f64,
    trial: u32,
    validation_loss: Option<f64>,
    validation_score: Option<f64>,
}

/// A trial's result as JSON.
pub fn trial_event(result: &TrialResult, score: Score) -> Value {
    let scores = result.scores();
    let (mean, std) = mean_and_std(&scores);
    let epochs: Vec<u32> = result.folds.iter().map(|fold| fold.ending.epochs).collect();
    json!({
        "event": "trial",
        "trial": result.trial,
        "config": result.config,
        "score": {"name": score, "mean": mean, "std": std, "folds": scores},
        "epochs": epochs,
        "stopped": result.stopped(),
    })
}

/// Prints a line on stdout; a reader that has gone away is no error of ours.
pub fn print_line(text: &str) -> Result<(), InputError> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(InputError::new(format!("cannot be written ({error})")).at("standard output"))
        }
        _ => Ok(()),
    }
}
