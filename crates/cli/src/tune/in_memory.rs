//! The search on data that are in memory, for programs that call it: the steps of `opportune tune`, without a store, files
//! or a terminal.

use super::finish::{Refit, event, why_nothing};
use super::search::{self, Came, Search, announce};
use super::strategy::Strategy;
use crate::arguments::{self, Asked};
use crate::flags;
use crate::progress::Listener;
use crate::split::{Folds, Rows};
use crate::work::Work;
use opportune_core::InputError;
use opportune_core::memory::TrialResult;
use opportune_core::space::Config;
use opportune_data::Dataset;
use opportune_net::Model;
use opportune_report::{Verdict, verdict_text};
use serde_json::Value;
use std::ffi::OsString;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What is searched, and how.
pub struct Given {
    /// The command line that would search in a file: `opportune tune DATA --epochs=100 …`. Its file is not read, and what it
    /// says of data, storage and output has no effect, but for `--folds`, `--validation` and `--split-seed`.
    pub words: Vec<OsString>,
    /// All rows.
    pub data: Dataset,
    /// Rows to train on and to judge by; `None` if the words are to make them.
    pub folds: Option<Folds>,
    /// Whether a final model is trained on all rows.
    pub refit: bool,
}

/// How a search ended.
pub enum Ending {
    /// With settings.
    Found(Box<Found>),
    /// With none, and why: every training diverged, or too little was allowed.
    Nothing(String),
    /// By an interruption.
    Interrupted,
}

/// What a search found.
pub struct Found {
    /// As the program's last event has it, but for what is of files: commands to go on with, and the folder.
    pub verdict: Value,
    /// As the terminal shows it, without those commands.
    pub text: String,
    /// The trials that were searched among, on each fold.
    pub trials: Vec<TrialResult>,
    /// Those that were compared for delivery, the one that is delivered first.
    pub candidates: Vec<Candidate>,
    /// The final model, and the curve of its training.
    pub model: Option<(Model, TrialResult)>,
}

/// Settings that were compared for delivery.
pub struct Candidate {
    /// The settings; the number of epochs in it is the one that the schedule is planned for.
    pub config: Config,
    /// Epochs that are trained of those.
    pub until: u32,
    /// On the folds of the search.
    pub result: TrialResult,
    /// Mean score of the confirmation, or of the search where nothing was confirmed.
    pub score: f64,
    /// Whether it was.
    pub confirmed: bool,
}

/// Searches as `opportune tune` does: the same rows, folds, seeds and settings give the same answer, bit for bit.
/// `listener` hears the lines that the program would print meanwhile; what it would warn of is in the verdict.
///
/// # Errors
/// What a person got wrong in the words, the folds or the data, in the words of the program, flags included.
pub fn search_in_memory(given: Given, listener: Listener, interrupt: &AtomicBool) -> Result<Ending, InputError> {
    let began = Instant::now();
    let Given { words, data, folds, refit } = given;
    let again = arguments::retyped(&words);
    let flags = match arguments::read(words)? {
        Asked::Run(program) => match program.command {
            flags::Command::Tune(flags) => flags,
            _ => return Err(InputError::new("only tune searches")),
        },
        Asked::Print(_) => return Err(InputError::new("only tune searches")),
    };
    let strategy = Strategy::of(&flags)?;
    if strategy == Strategy::Grid {
        return Err(InputError::new("a grid is not searched in memory").at("--strategy"));
    }
    let job = search::job(Rows::Given { data: Box::new(data), folds }, &flags, strategy)?;
    let teller = search::teller(&job, &flags).to(listener);
    announce(&job, &teller);
    let work = Work::in_memory(job, "search".into(), teller, interrupt, again)?;
    let mut search = Search::new(work, &flags, strategy, began)?;
    match search.carry_out(refit)? {
        Came::Interrupted => return Ok(Ending::Interrupted),
        Came::ToNothing => return Ok(Ending::Nothing(why_nothing(&search).1)),
        Came::Through => {}
    }
    found(&search, refit)
}

fn found(search: &Search<'_, '_>, refit: bool) -> Result<Ending, InputError> {
    let nothing = || Ok(Ending::Nothing(why_nothing(search).1));
    let Some(best) = search.candidates.first() else { return nothing() };
    let model = match refit {
        true => match Refit::of(search, best)? {
            Refit::Trained(model, curve) => Some((*model, curve)),
            Refit::Diverged => return Ok(Ending::Nothing(Refit::DIVERGED.into())),
        },
        false => None,
    };
    let found = search.found(model.as_ref().map(|(model, _)| model), None);
    let Some(mut verdict) = Verdict::of(&found) else { return nothing() };
    // They are of files, which there are none of.
    verdict.next.clear();
    let candidate = |one: &search::Candidate| Candidate {
        config: one.finalist.config.clone(),
        until: one.finalist.until,
        result: one.result.clone(),
        score: search.told_score(one).0,
        confirmed: !one.confirmed.is_empty(),
    };
    let mut fields = event(search, best, &found, &verdict);
    if let Value::Object(fields) = &mut fields {
        ["event", "study", "next", "out", "test"].into_iter().for_each(|name| drop(fields.remove(name)));
    }
    Ok(Ending::Found(Box::new(Found {
        text: verdict_text(&verdict),
        verdict: fields,
        trials: found.trials,
        candidates: search.candidates.iter().map(candidate).collect(),
        model,
    })))
}
