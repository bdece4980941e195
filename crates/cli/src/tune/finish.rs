//! What a search leaves behind: files, the verdict, the last event.

use super::search::{BUDGET_USED, Candidate, Search, TARGET_REACHED, TIME_UP, epochs_in_words};
use super::strategy::Strategy;
use crate::flags::Tune;
use crate::job::{self, Job};
use crate::progress::print_line;
use crate::work::{Exit, config_json};
use opportune_core::InputError;
use opportune_core::memory::{TrialResult, mean_and_std};
use opportune_core::plan::Part;
use opportune_data::Target;
use opportune_net::Model;
use opportune_report::{
    Cost, Curves, Finalist, Found, Verdict, curves_svg, diverged, trials_csv, trials_table, verdict_svg, verdict_text,
};
use serde_json::{Value, json};

/// Rows of a table on the terminal; trials.csv has all.
const TABLE_ROWS: usize = 30;

impl Search<'_, '_> {
    /// What was trained so far, in fold-epochs.
    pub fn cost(&self) -> Cost {
        let memory = self.work.engine.memory();
        let job = &self.work.job;
        let both: Vec<u32> = self.trials.iter().chain(&self.finalists).copied().collect();
        let ((_, search), (all, distinct)) = (memory.used(&self.trials, &job.parts), memory.used(&both, &job.parts));
        let delivered: Vec<u32> = self.candidates.iter().map(|one| one.delivered).collect();
        let (again, confirmation) = memory.used(&delivered, &job.confirmation());
        let refit = memory.used(&delivered[..delivered.len().min(1)], &[Part::Whole]).1;
        let full = self.trials.len() as u64 * job.parts.len() as u64;
        Cost {
            range_test: self.range_tests.iter().map(|(_, test)| test.cost()).sum(),
            search,
            forks: distinct - search,
            confirmation,
            refit,
            overtaken: memory.trained_on(Part::Whole).saturating_sub(refit),
            shared: (all - distinct) + (again - confirmation),
            full_grid: full * u64::from(job.epochs.limit()),
            seconds: self.work.began.elapsed().as_secs_f64(),
        }
    }

    /// Where one split judges: the score of the confirmation on all of its rows.
    fn whole_score(&self, one: &Candidate) -> Option<f64> {
        let parts = self.work.job.confirmation();
        let single = parts.len() == 1 && !one.confirmed.is_empty();
        Some(self.work.engine.memory().result(one.delivered, &parts)?.score()).filter(|_| single)
    }

    /// What is told as a finalist's score: mean, standard deviation and each fold's; those of the confirmation if there was
    /// one.
    pub fn told_score(&self, one: &Candidate) -> (f64, Option<f64>, Vec<f64>) {
        let scores = match self.whole_score(one) {
            Some(whole) => vec![whole],
            None if one.confirmed.is_empty() => one.result.scores(),
            None => one.confirmed.clone(),
        };
        let (mean, std) = mean_and_std(&scores);
        (mean, std, scores)
    }

    /// Everything the verdict is read off. `model`: the final one, if there is one; `test`: its score on the test rows.
    pub fn found(&self, model: Option<&Model>, test: Option<f64>) -> Found {
        let job = &self.work.job;
        let finalist = |one: &Candidate| Finalist {
            result: one.result.clone(),
            confirmed: one.confirmed.clone(),
            whole: self.whole_score(one),
            from: one.finalist.from,
        };
        Found {
            study: self.work.name.clone(),
            score: job.score,
            judged_by: job.judged_by.clone(),
            space: job.space.clone(),
            limit: job.epochs.limit(),
            range_test: self.range_tests.first().map(|(_, test)| test.clone()),
            trials: self.results(),
            epochs: self.table(&self.sound()),
            finalists: self.candidates.iter().map(finalist).collect(),
            divided_anew: job.divided_anew,
            training_rows: job.training_rows,
            model_rows: model.map(|_| job.rows_in_all()),
            test_rows: job.test.len(),
            test,
            cost: self.cost(),
            largest_class: largest_class(job),
            ended_early: self.ended_early.clone(),
            // That there are few rows the verdict says itself.
            warnings: self.work.teller.warnings().into_iter().filter(|one| !job::says_few_rows(one)).collect(),
            command: self.work.again.clone(),
            out: self.work.output.folder(),
        }
    }
}

/// Share of the most frequent class among the rows of the final model.
fn largest_class(job: &Job) -> Option<f64> {
    let Target::Classes { codes, labels } = job.data.target() else { return None };
    let samples = job.trainer.samples(Part::Whole)?;
    let mut counts = vec![0u32; labels.len()];
    samples.train.iter().for_each(|row| counts[codes[*row as usize] as usize] += 1);
    counts.iter().max().map(|most| f64::from(*most) / samples.train.len() as f64)
}

fn cost_json(cost: &Cost) -> Value {
    json!({
        "epochs_trained": cost.trained(), "epochs_shared": cost.shared,
        "seconds": (cost.seconds * 1000.0).round() / 1000.0, "range_test": cost.range_test, "search": cost.search,
        "forks": cost.forks, "confirmation": cost.confirmation, "refit": cost.refit, "overtaken": cost.overtaken,
        "full_grid": cost.full_grid,
    })
}

/// The final model as it was trained.
pub enum Refit {
    /// The model, and the curve of its training.
    Trained(Box<Model>, TrialResult),
    /// It has none.
    Diverged,
}

impl Refit {
    /// Why there is no model then.
    pub const DIVERGED: &str = "no model: the final training diverged, though those of the folds did not";

    /// That of the first candidate.
    pub fn of(search: &Search<'_, '_>, best: &Candidate) -> Result<Refit, InputError> {
        let refit = search.work.engine.memory().result(best.delivered, &[Part::Whole]);
        let Some(refit) = refit.filter(|refit| refit.score().is_finite()) else { return Ok(Refit::Diverged) };
        let (model, _) = search.work.model(best.delivered, Part::Whole)?;
        Ok(Refit::Trained(Box::new(model), refit))
    }
}

/// Writes files and says the verdict.
pub fn finish(search: &mut Search<'_, '_>) -> Result<Exit, InputError> {
    let Some(best) = search.candidates.first() else { return nothing(search) };
    let Refit::Trained(model, _) = Refit::of(search, best)? else {
        crate::say(Refit::DIVERGED);
        return nothing(search);
    };
    let test = search.work.test(&model)?;
    let found = search.found(Some(&model), test);
    let Some(verdict) = Verdict::of(&found) else { return nothing(search) };
    let event = event(search, &search.candidates[0], &found, &verdict);
    deliver(search, &found, &model, &event)?;
    if search.work.teller.is_json() {
        search.work.teller.event(&event)?;
        return Ok(Exit::Fine);
    }
    print_line(verdict_text(&verdict).trim_end())?;
    print_line("")?;
    print_line(&format!(
        "Written to {}/: model.safetensors, best.toml, verdict.svg, curves.svg, trials.csv",
        found.out
    ))?;
    Ok(Exit::Fine)
}

/// The verdict as the last event has it: with the settings that are delivered.
pub fn event(search: &Search<'_, '_>, best: &Candidate, found: &Found, verdict: &Verdict) -> Value {
    let (mean, std, scores) = search.told_score(best);
    let score = found.score;
    let mut event = verdict.json();
    let told = json!({
        "event": "finished", "best": config_json(&best.finalist.config), "until": best.finalist.until,
        "score": {"name": score, "mean": mean, "std": std, "folds": scores}, "search_score": best.result.score(),
        "test": found.test.map(|test| json!({score.word(): test})), "cost": cost_json(&found.cost),
        "trials": search.trials.len(), "strategy": search.strategy.name(),
        "stopped": stopped(found.ended_early.as_deref()), "out": found.out,
    });
    if let (Value::Object(event), Value::Object(told)) = (&mut event, told) {
        event.extend(told);
    }
    event
}

fn stopped(ended_early: Option<&str>) -> &'static str {
    match ended_early {
        None => "complete",
        Some(TIME_UP) => "time",
        Some(TARGET_REACHED) => "target",
        Some(BUDGET_USED) => "budget",
        Some(_) => "interrupted",
    }
}

fn deliver(search: &mut Search<'_, '_>, found: &Found, model: &Model, event: &Value) -> Result<(), InputError> {
    let (work, best) = (&search.work, &search.candidates[0]);
    let score = work.job.score;
    let (mean, std, _) = search.told_score(best);
    let toml = work.best_settings((mean, std), &best.finalist.config, best.finalist.until, &search.flags.data);
    let mut all = found.trials.clone();
    let new = |one: &&Finalist| found.trials.iter().all(|trial| trial.trial != one.result.trial);
    all.extend(found.finalists.iter().filter(new).map(|one| one.result.clone()));
    let title = format!("{}: {} trials", work.name, all.len());
    let subtitle = format!("validation, mean over {}", work.job.judged_by);
    let curves = curves_svg(&Curves::of_search(&title, &subtitle, score, &all, Some(best.trial)));
    let files = [
        ("best.toml", toml.text().into()),
        ("trials.csv", trials_csv(&all, score)),
        ("curves.svg", curves),
        ("verdict.svg", verdict_svg(found)),
    ];
    search.work.deliver(Some(model), &files, event)
}

/// Says the verdict so far, and how to go on.
pub fn interrupted(search: &mut Search<'_, '_>) -> Result<Exit, InputError> {
    search.ended_early = Some("interrupted".into());
    search.choose_so_far();
    let found = search.found(None, None);
    if let Some(verdict) = Verdict::of(&found) {
        if search.work.teller.is_json() {
            let mut event = verdict.json();
            event["event"] = json!("verdict_so_far");
            search.work.teller.event(&event)?;
        } else {
            print_line(verdict_text(&verdict).trim_end())?;
        }
    }
    search.work.interrupted()
}

/// Why nothing can be delivered, in a word and in words: every training diverged, or there was not enough of what is
/// allowed for any.
pub fn why_nothing(search: &Search<'_, '_>) -> (&'static str, String) {
    let results = search.results();
    let ended = if results.is_empty() { search.ended_early.as_deref() } else { None };
    match (ended, search.flags.search.budget_epochs) {
        (Some(why), _) => {
            (stopped(Some(why)), format!("{why} before any setting was trained on every fold: allow more"))
        }
        (None, Some(budget)) if results.is_empty() => {
            ("budget", format!("the budget of {budget} fold-epochs is too small to train any setting on every fold"))
        }
        _ => ("diverged", diverged(&results).unwrap_or_else(|| "no setting has a score".into())),
    }
}

/// Says that nothing can be delivered, and why.
pub fn nothing(search: &Search<'_, '_>) -> Result<Exit, InputError> {
    search.work.saved()?;
    let results = search.results();
    let (stopped, why) = why_nothing(search);
    let event = json!({
        "event": "finished", "best": null, "score": null, "search_score": null, "test": null,
        "cost": cost_json(&search.cost()), "trials": results.len(), "stopped": stopped, "warnings": [why],
        "out": null,
    });
    search.work.teller.event(&event)?;
    if !search.work.teller.is_json() {
        print_line(&trials_table(&results, search.work.job.score, None, TABLE_ROWS))?;
    }
    let rate = |one: &TrialResult| one.config.get("lr").and_then(|value| value.number());
    let lowest = results.iter().filter_map(rate).fold(f64::INFINITY, f64::min);
    let next =
        if lowest.is_finite() { format!(", --lr {:e}..{:e}", lowest / 100.0, lowest / 2.0) } else { String::new() };
    crate::say(&format!("no result: {why}{next}"));
    Ok(Exit::Negative)
}

/// Says what would be searched.
pub fn dry_run(flags: &Tune, strategy: Strategy, job: &Job, name: &str) -> Result<Exit, InputError> {
    job.warnings.iter().for_each(|warning| crate::say(&format!("warning: {warning}")));
    let limit = job.epochs.limit();
    if flags.study.json {
        let event = json!({
            "event": "dry_run", "study": name, "strategy": strategy.name(), "space": job.space, "parts": job.parts.len(),
            "training_rows": job.training_rows, "test_rows": job.test.len(), "epochs": job.epochs.ladder,
        });
        print_line(&event.to_string())?;
        return Ok(Exit::Fine);
    }
    let name = format!("study '{name}', strategy {}, up to {}", strategy.name(), epochs_in_words(limit));
    print_line(&format!("{name}, judged by {}:", job.judged_by))?;
    for param in &job.space.0 {
        print_line(&format!("  {}: {}", param.name, param.domain))?;
    }
    if job.space.param("lr").is_none() && !flags.space.schedule.iter().any(|schedule| schedule.owns_rate()) {
        print_line("  lr: bracketed by a range test")?;
    }
    if job.space.param("schedule").is_none() && strategy == Strategy::Auto {
        print_line("  schedule: constant with a cooldown, and cosine")?;
    }
    print_line("nothing was trained (--dry-run)")?;
    Ok(Exit::Fine)
}
