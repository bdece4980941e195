//! The grid: every combination of the values given, and the final model of the best.

use super::foresight::OfGrid;
use crate::flags::Tune;
use crate::job::{Job, Purpose};
use crate::output::File;
use crate::progress::{Teller, print_line};
use crate::split::Rows;
use crate::work::{self, Exit, Place, Work, best_of, config_json, epochs_of, name_of, with_spread};
use opportune_core::InputError;
use opportune_core::memory::{TrialResult, mean_and_std};
use opportune_core::plan::Part;
use opportune_core::policy::{Grid, Single};
use opportune_core::score::Score;
use opportune_core::space::Config;
use opportune_core::stop::StopRule;
use opportune_net::Model;
use opportune_report::{
    Curves, curves_svg, cut_off, diverged, edge_warnings, not_converged, overtaken, trials_csv, trials_table,
};
use opportune_study::{Asked, Drafts, Foresight};
use serde_json::json;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows of the table on the terminal; trials.csv has all.
const TABLE_ROWS: usize = 30;

pub fn run(flags: &Tune, again: String, interrupt: &AtomicBool) -> Result<Exit, InputError> {
    let name = name_of(flags.study.name.as_deref(), &flags.data.data, "")?;
    let job = Job::new(Rows::Files, Purpose::Grid, &flags.data, &flags.space, &flags.training, &flags.study)?;
    let varied = job.space.0.iter().filter(|param| param.varies()).map(|param| param.name.clone()).collect();
    let teller = Teller::new(job.score, flags.study.json, flags.study.quiet, varied);
    // Where someone wants to stop, the search that follows says so.
    let going = || !interrupt.load(Ordering::Relaxed);
    let drafts = || Drafts::of(&job.trainer, job.space.grid(), &job.parts, going);
    if flags.dry_run {
        let drafts = drafts()?;
        return if going() { dry_run(flags, &job, &name, &drafts) } else { Ok(Exit::Interrupted) };
    }
    job.notes.iter().for_each(|note| teller.line(note));
    job.warnings.iter().for_each(|warning| teller.warn(warning.clone()));
    let (drafts, place) = std::thread::scope(|scope| {
        let drafts = scope.spawn(drafts);
        let place = Place::open(&job, &name, &flags.study);
        (drafts.join().unwrap_or_else(|panic| resume_unwind(panic)), place)
    });
    let (place, drafts) = (place?, drafts?);
    let (alone, shared) = (drafts.epochs(), drafts.different_epochs());
    let mut work = Work::begin(place, job, name, teller, interrupt, again);
    work.teller.event(&json!({
        "event": "started", "command": "tune", "study": work.name, "strategy": "grid", "trials": work.job.space.size(),
        "parts": work.job.parts.len(), "training_rows": work.job.training_rows, "test_rows": work.job.test.len(),
        "score": work.job.score, "seed": work.job.base.seed, "epochs_at_most": alone, "epochs_at_most_shared": shared,
    }))?;
    work.teller.line(&format!(
        "grid of {} settings, judged by {} ({} training rows each): at most {alone} fold-epochs, {shared} when what \
         they share is trained once",
        work.job.space.size(),
        work.job.judged_by,
        work.job.training_rows
    ));
    let (parts, rules) = (work.job.parts.clone(), work.job.rules.clone());
    let mut grid = Grid::new(&work.job.space, work.job.base.epochs);
    let came = Arc::new(OfGrid::new(&work.job));
    // The rules are the study's: that of a name has the same ones.
    let (ahead, drafts): (Option<Arc<dyn Foresight>>, _) = (Some(came.clone()), Some(Arc::new(drafts)));
    let asked = Asked { ahead, drafts, rules_stay: true, ..work.asked(&parts, &rules) };
    let search = work.run(&mut grid, &asked)?;
    if search.interrupted {
        return work.interrupted();
    }
    let results = came.results(&search.trials);
    let Some(best) = best_of(&results, work.job.score).cloned() else {
        return nothing(&work, &results);
    };
    let (until, refit_rules) = refit_of(&best, &rules, work.job.base.epochs);
    // Where the folds' curve moved the rate, what it did is replayed; else the refit's own does, as the folds' did.
    let delivered = match work.job.together {
        true => work.recorded(&best.config, &best, until)?,
        false => best.config.clone(),
    };
    work.begin_final_model();
    let title = format!("{}: {} settings", work.name, results.len());
    let (subtitle, score) = (format!("validation, mean over {}", work.job.judged_by), work.job.score);
    let (refit, files) = std::thread::scope(|scope| {
        // Nobody needs to wait for the picture.
        let files = scope.spawn(|| pictured((&title, &subtitle), score, &results, best.trial));
        let refit = Refit::train(&mut work, &best, delivered, until, refit_rules);
        (refit, files.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    match refit? {
        Some(refit) => finish(flags, &mut work, &results, &best, &refit, files),
        None => work.interrupted(),
    }
}

/// What is told of the grid beside its best; the picture has these words above it.
fn pictured((title, subtitle): (&str, &str), score: Score, results: &[TrialResult], best: u32) -> Vec<File> {
    let curves = Curves::of_search(title, subtitle, score, results, Some(best));
    vec![("trials.csv", trials_csv(results, score)), ("curves.svg", curves_svg(&curves))]
}

/// The final model and its training.
struct Refit {
    result: TrialResult,
    model: Model,
    /// The settings it was trained with: the best ones, with rates as they were recorded.
    delivered: Config,
    until: u32,
    epochs: u32,
    rules: Vec<StopRule>,
    test: Option<f64>,
}

impl Refit {
    /// Trained and scored; `None` where it was interrupted.
    fn train(
        work: &mut Work,
        best: &TrialResult,
        delivered: Config,
        until: u32,
        rules: Vec<StopRule>,
    ) -> Result<Option<Refit>, InputError> {
        let asked = Asked { deliver: true, ..work.asked(&[Part::Whole], &rules) };
        let refit = work.run(&mut Single::new(delivered.clone(), until), &asked)?;
        if refit.interrupted {
            return Ok(None);
        }
        let trial = refit.trials.first().copied().unwrap_or(best.trial);
        let (model, epochs) = work.model(trial, Part::Whole)?;
        let test = work.test(&model)?;
        let Some(result) = work.engine.memory().result(trial, &[Part::Whole]) else {
            return Err(InputError::new("the final training was not remembered").remedy("give the same command again"));
        };
        Ok(Some(Refit { result, model, delivered, until, epochs, rules, test }))
    }
}

fn dry_run(flags: &Tune, job: &Job, name: &str, drafts: &Drafts) -> Result<Exit, InputError> {
    let (alone, shared) = (drafts.epochs(), drafts.different_epochs());
    job.warnings.iter().for_each(|warning| crate::say(&format!("warning: {warning}")));
    if flags.study.json {
        let configs: Vec<_> = job.space.grid().map(|config| config_json(&config)).collect();
        let event = json!({
            "event": "dry_run", "study": name, "trials": configs, "parts": job.parts.len(),
            "training_rows": job.training_rows, "test_rows": job.test.len(), "epochs_at_most": alone,
            "epochs_at_most_shared": shared,
        });
        print_line(&event.to_string())?;
        return Ok(Exit::Fine);
    }
    print_line(&format!("study '{name}', {} settings judged by {}:", job.space.size(), job.judged_by))?;
    for param in &job.space.0 {
        print_line(&format!("  {}: {}", param.name, param.domain))?;
    }
    print_line(&format!("  at most {alone} fold-epochs, {shared} when what they share is trained once"))?;
    print_line("nothing was trained (--dry-run)")?;
    Ok(Exit::Fine)
}

fn nothing(work: &Work, results: &[TrialResult]) -> Result<Exit, InputError> {
    work.saved()?;
    let why = diverged(results).unwrap_or_else(|| "no setting has a score".into());
    let cost = cost_json(work, results, 0);
    let event = json!({
        "event": "finished", "best": null, "score": null, "search_score": null, "test": null, "cost": cost,
        "trials": results.len(), "stopped": "diverged", "warnings": [why], "out": null,
    });
    work.teller.event(&event)?;
    if !work.teller.is_json() {
        print_line(&trials_table(results, work.job.score, None, TABLE_ROWS))?;
    }
    let lowest = results.iter().filter_map(|one| one.config.get("lr")?.number()).fold(f64::INFINITY, f64::min);
    let next =
        if lowest.is_finite() { format!(", --lr {:e},{:e}", lowest / 10.0, lowest / 100.0) } else { String::new() };
    crate::say(&format!("no result: {why}{next}"));
    Ok(Exit::Negative)
}

/// For how many epochs a grid's best is trained on all rows, and what may end that earlier. Where early stopping chose an
/// epoch in each fold it is their median: on all rows there is nothing to watch.
pub fn refit_of(best: &TrialResult, rules: &[StopRule], epochs: u32) -> (u32, Vec<StopRule>) {
    match rules.iter().any(StopRule::chooses_epoch) {
        true => (median_epochs(best), Vec::new()),
        false => (epochs_of(&best.config, epochs), rules.to_vec()),
    }
}

/// Median over folds of the epoch that counts; of an even number the lower of the middle two.
fn median_epochs(best: &TrialResult) -> u32 {
    let mut chosen: Vec<u32> = best.folds.iter().map(|fold| fold.ending.chosen).collect();
    chosen.sort_unstable();
    chosen.get((chosen.len().max(1) - 1) / 2).copied().unwrap_or(1)
}

fn cost_json(work: &Work, results: &[TrialResult], refit: u64) -> serde_json::Value {
    let trials: Vec<u32> = results.iter().map(|result| result.trial).collect();
    let memory = work.engine.memory();
    let (total, distinct) = memory.used(&trials, &work.job.parts);
    json!({
        "epochs_trained": distinct + refit, "epochs_shared": total - distinct,
        "seconds": (work.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        "search": distinct, "refit": refit, "overtaken": memory.trained_on(Part::Whole).saturating_sub(refit),
    })
}

fn finish(
    flags: &Tune,
    work: &mut Work,
    results: &[TrialResult],
    best: &TrialResult,
    refit: &Refit,
    mut files: Vec<File>,
) -> Result<Exit, InputError> {
    let score = work.job.score;
    let mut warnings = edge_warnings(&work.job.space, best);
    warnings.extend(not_converged(&refit.result, &refit.rules).map(|text| format!("ConvergenceWarning: {text}")));
    warnings.extend(cut_off(results, &work.job.rules).map(|text| format!("ConvergenceWarning: {text}")));
    warnings.extend(diverged(results));
    let (mean, std) = mean_and_std(&best.scores());
    let cost = cost_json(work, results, refit.result.folds.iter().map(|fold| u64::from(fold.ending.epochs)).sum());

    let mut toml = work.best_settings((mean, std), &refit.delivered, refit.until, &flags.data);
    work::set_rules(&mut toml, &refit.rules);
    files.push(("best.toml", toml.text().into()));

    let out = work.output.folder();
    // Null where a number is not finite: serde_json writes it so.
    let mut event = json!({
        "event": "finished", "best": config_json(&best.config),
        "score": {"name": score, "mean": mean, "std": std, "folds": best.scores()}, "search_score": mean,
        "test": refit.test.map(|test| json!({score.word(): test})), "cost": cost, "trials": results.len(),
        "stopped": "complete", "warnings": null, "out": out,
    });
    let all: Vec<String> = work.teller.warnings().into_iter().chain(warnings.iter().cloned()).collect();
    event["warnings"] = json!(all);
    work.deliver(Some(&refit.model), &files, &event)?;
    if work.teller.is_json() {
        warnings.into_iter().for_each(|warning| work.teller.warn(warning));
        work.teller.event(&event)?;
        return Ok(Exit::Fine);
    }
    print_line(&trials_table(results, score, Some(best.trial), TABLE_ROWS))?;
    print_line(&format!("best: {}", settings_in_words(&best.config)))?;
    print_line(&format!("{score} {} over {}", with_spread(mean, std), work.job.judged_by))?;
    let rows = work.job.rows_in_all();
    print_line(&format!("final model: {} epochs on all {rows} training rows", refit.epochs))?;
    if let Some(test) = refit.test {
        print_line(&format!("test {score} {} on {} rows set aside", with_spread(test, None), work.job.test.len()))?;
    }
    print_line(&format!(
        "cost: {} fold-epochs trained ({} search, {} final model), {} more shared; {:.1} s",
        cost["epochs_trained"],
        cost["search"],
        cost["refit"],
        cost["epochs_shared"],
        work.began.elapsed().as_secs_f64()
    ))?;
    if let Some(line) = overtaken(cost["overtaken"].as_u64().unwrap_or(0)) {
        print_line(&line)?;
    }
    print_line(&format!("written: {out}/ model.safetensors, best.toml, curves.svg, trials.csv"))?;
    warnings.into_iter().for_each(|warning| work.teller.warn(warning));
    print_line(&format!("next: opportune predict {out} NEW_DATA.csv"))?;
    Ok(Exit::Fine)
}

/// The settings of a point, the searched ones first.
fn settings_in_words(config: &Config) -> String {
    const FIRST: [&str; 4] = ["lr", "schedule", "epochs", "hidden"];
    let value = |name: &str| config.get(name).map(|value| format!("{name} {value}"));
    let first = FIRST.iter().filter_map(|name| value(name));
    let rest = config.iter().filter(|(name, _)| !FIRST.contains(name)).map(|(name, value)| format!("{name} {value}"));
    first.chain(rest).collect::<Vec<_>>().join(", ")
}
