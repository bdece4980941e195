//! `opportune fit`: one training with the settings given.

use crate::flags::Fit;
use crate::job::{Job, Purpose};
use crate::progress::{Teller, print_line};
use crate::split::Rows;
use crate::work::{self, Exit, Place, Work, config_json, epochs_of, name_of, with_spread};
use opportune_core::InputError;
use opportune_core::memory::{TrialResult, mean_and_std};
use opportune_core::plan::Part;
use opportune_core::policy::Single;
use opportune_core::space::Config;
use opportune_core::stop::{StopRule, Stopped};
use opportune_net::Model;
use opportune_report::{Curves, curves_svg, diverged, epochs_table, fit_remarks, not_converged, trials_csv};
use opportune_study::{Asked, Watching};
use serde_json::json;
use std::sync::atomic::AtomicBool;

pub fn run(flags: &Fit, again: String, interrupt: &AtomicBool) -> Result<Exit, InputError> {
    let name = name_of(flags.study.name.as_deref(), &flags.data.data, "-fit")?;
    let mut job = Job::new(Rows::Files, Purpose::Fit, &flags.data, &flags.space, &flags.training, &flags.study)?;
    if let Some(param) = job.space.0.iter().find(|param| param.varies()) {
        let given = if param.is_range() { "a range is".into() } else { format!("{} values are", param.values().len()) };
        return Err(InputError::new(format!("fit trains once, and {given} given"))
            .at(format!("--{}", param.name))
            .remedy("give one, or search with opportune tune"));
    }
    let config = job.space.grid().next().unwrap_or_default();
    let epochs = epochs_of(&config, job.base.epochs);
    if flags.until.is_some_and(|until| until == 0 || until > epochs) {
        return Err(InputError::new(format!("not from 1 to --epochs {epochs}")).at("--until"));
    }
    // Single trainings need not be comparable with each other: any settings continue the study of these data, and
    // the keys of their runs tell what they can share.
    job.identity = json!({"command": "fit", "data": job.identity["data"], "file": job.identity["file"]});
    let teller = Teller::new(job.score, flags.study.json, flags.study.quiet, Vec::new());
    if flags.dry_run {
        return dry_run(flags, &job, &name, &config);
    }
    job.notes.iter().for_each(|note| teller.line(note));
    job.warnings.iter().for_each(|warning| teller.warn(warning.clone()));
    let place = Place::open(&job, &name, &flags.study)?;
    let mut work = Work::begin(place, job, name, teller, interrupt, again);
    work.teller.event(&json!({
        "event": "started", "command": "fit", "study": work.name, "parts": work.job.parts.len(),
        "training_rows": work.job.training_rows, "test_rows": work.job.test.len(), "score": work.job.score,
        "seed": work.job.base.seed, "settings": config_json(&config),
    }))?;
    let judged = match work.job.parts[..] {
        [Part::Whole] => "judged by the training rows themselves (--validation 0.2 holds some out)".to_string(),
        _ => format!("judged by {}", work.job.judged_by),
    };
    work.teller.line(&format!("training on {} rows, {judged}", work.job.training_rows));
    let until = flags.until.unwrap_or(epochs);
    let (parts, rules) = (work.job.parts.clone(), work.job.rules.clone());
    // With patience the folds are judged together, and stop together.
    let chooses = rules.iter().any(StopRule::chooses_epoch);
    let mut asked = Asked { deliver: parts.len() == 1, ..work.asked(&parts, &rules) };
    if parts.len() > 1 && chooses {
        asked.watching = Watching::MeanOverFolds;
    }
    let together = asked.watching == Watching::MeanOverFolds;
    let outcome = work.run(&mut Single::new(config.clone(), until), &asked)?;
    if outcome.interrupted {
        return work.interrupted();
    }
    let mut trial = outcome.trials.first().copied().unwrap_or(0);
    let lost = || InputError::new("the training was not remembered").remedy("give the same command again");
    let result = work.engine.memory().result(trial, &parts).ok_or_else(lost)?;
    let mut refit = 0;
    // Several folds judge; the model is then trained on all rows, as long as they found best.
    let part = match parts[..] {
        [part] => part,
        _ if matches!(result.stopped(), Stopped::Diverged | Stopped::Failed) => parts[0],
        _ => {
            let chosen = if together { result.folds[0].ending.chosen } else { until };
            let rules = if together { Vec::new() } else { rules.clone() };
            let rows = work.job.rows_in_all();
            work.teller.begin_final_model(rows, false);
            let asked = Asked { deliver: true, ..work.asked(&[Part::Whole], &rules) };
            let recorded = work.recorded(&config, &result, chosen)?;
            let outcome = work.run(&mut Single::new(recorded, chosen), &asked)?;
            if outcome.interrupted {
                return work.interrupted();
            }
            trial = outcome.trials.first().copied().unwrap_or(trial);
            refit = work.engine.memory().used(&[trial], &[Part::Whole]).0;
            Part::Whole
        }
    };
    if matches!(result.stopped(), Stopped::Diverged | Stopped::Failed) {
        return finish(flags, &mut work, &config, &result, None, refit);
    }
    let (model, epoch) = work.model(trial, part)?;
    finish(flags, &mut work, &config, &result, Some((model, epoch)), refit)
}

fn dry_run(flags: &Fit, job: &Job, name: &str, config: &Config) -> Result<Exit, InputError> {
    job.warnings.iter().for_each(|warning| crate::say(&format!("warning: {warning}")));
    let epochs = u64::from(flags.until.unwrap_or(epochs_of(config, job.base.epochs))) * job.parts.len() as u64;
    if flags.study.json {
        let event = json!({
            "event": "dry_run", "study": name, "settings": config_json(config), "parts": job.parts.len(),
            "training_rows": job.training_rows, "test_rows": job.test.len(), "epochs_at_most": epochs,
        });
        print_line(&event.to_string())?;
    } else {
        print_line(&format!("study '{name}', judged by {}: {config}", job.judged_by))?;
        print_line(&format!("at most {epochs} fold-epochs; nothing was trained (--dry-run)"))?;
    }
    Ok(Exit::Fine)
}

fn finish(
    flags: &Fit,
    work: &mut Work,
    config: &Config,
    result: &TrialResult,
    model: Option<(Model, u32)>,
    refit: u64,
) -> Result<Exit, InputError> {
    let score = work.job.score;
    let mut warnings: Vec<String> = Vec::new();
    warnings.extend(not_converged(result, &work.job.rules).map(|text| format!("ConvergenceWarning: {text}")));
    warnings.extend(diverged(std::slice::from_ref(result)));
    warnings.extend(fit_remarks(result));
    let scores = result.scores();
    let (mean, std) = mean_and_std(&scores);
    let ending = result.folds.iter().map(|fold| fold.ending).max_by_key(|ending| ending.epochs);
    let (epochs, chosen) = ending.map_or((0, 0), |ending| (ending.epochs, ending.chosen));
    let trained: u64 = result.folds.iter().map(|fold| u64::from(fold.ending.epochs)).sum();

    let title = format!("{}: {}", work.name, label(config));
    let subtitle = format!("judged by {}", work.job.judged_by);
    let mut files = vec![
        ("trials.csv", trials_csv(std::slice::from_ref(result), score)),
        ("curves.svg", curves_svg(&Curves::of_fit(&title, &subtitle, score, result))),
    ];
    let mut test = None;
    if let Some((model, _)) = &model {
        test = work.test(model)?;
        let comment = [format!(
            "Settings of the study '{}': opportune fit {} --config best.toml",
            work.name,
            flags.data.data.display()
        )];
        let mut toml = work.settings(&comment, config, &flags.data);
        if let Some(until) = flags.until {
            toml.set("until", i64::from(until));
        }
        if let Some(folds) = flags.data.folds {
            toml.set("folds", folds as i64);
        }
        if let Some(validation) = &flags.data.validation {
            toml.set("validation", validation.clone());
        }
        if let Some(file) = &flags.data.fold_file {
            toml.set("fold-file", file.display().to_string());
        }
        work::set_rules(&mut toml, &work.job.rules);
        files.push(("best.toml", toml.text().into()));
    }
    let out = work.output.folder();
    let seconds = (work.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    let on = if work.job.parts == [Part::Whole] { "training" } else { "validation" };
    let all: Vec<String> = work.teller.warnings().into_iter().chain(warnings.iter().cloned()).collect();
    let event = json!({
        "event": "finished", "settings": config_json(config), "epochs": epochs, "stopped": result.stopped(),
        "best_epoch": chosen, "score": {"name": score, "mean": mean, "std": std, "folds": scores, "on": on},
        "test": test.map(|test| json!({score.word(): test})),
        "cost": {"epochs_trained": trained + refit, "epochs_shared": 0, "seconds": seconds, "search": trained, "refit": refit},
        "warnings": all, "out": out,
    });
    work.deliver(model.as_ref().map(|(model, _)| model), &files, &event)?;
    let exit = if model.is_none() { Exit::Negative } else { Exit::Fine };
    if work.teller.is_json() {
        warnings.into_iter().for_each(|warning| work.teller.warn(warning));
        work.teller.event(&event)?;
        return Ok(exit);
    }
    print_line(&epochs_table(result, score))?;
    print_line(&format!("settings: {config}"))?;
    let why = match result.stopped() {
        Stopped::Complete => "all epochs trained".to_string(),
        Stopped::Early => format!("stopped early after epoch {epochs}; epoch {chosen} was the best and counts"),
        Stopped::Converged => format!("converged after {epochs} epochs"),
        Stopped::Diverged => format!("diverged in epoch {epochs}"),
        Stopped::Failed => "it failed".to_string(),
    };
    print_line(&format!("{on} {score} {}; {why}", with_spread(mean, std)))?;
    if let Some(test) = test {
        print_line(&format!("test {score} {} on {} rows set aside", with_spread(test, None), work.job.test.len()))?;
    }
    if refit > 0 {
        print_line(&format!("final model: {refit} epochs on the rows of all folds"))?;
    }
    print_line(&format!("cost: {} fold-epochs; {seconds:.1} s", trained + refit))?;
    let files =
        if model.is_some() { "model.safetensors, best.toml, curves.svg, trials.csv" } else { "curves.svg, trials.csv" };
    print_line(&format!("written: {out}/ {files}"))?;
    warnings.into_iter().for_each(|warning| work.teller.warn(warning));
    let next = match (&model, work.job.parts[..] == [Part::Whole]) {
        (None, _) => "a lower --lr; the loss must not explode".to_string(),
        (Some(_), true) => format!(
            "opportune fit {} --validation 0.2 shows how it does on rows it has not seen",
            flags.data.data.display()
        ),
        (Some(_), false) => format!("opportune predict {out} NEW_DATA.csv"),
    };
    print_line(&format!("next: {next}"))?;
    Ok(exit)
}

/// A fit in a few words, for the picture's title.
fn label(config: &Config) -> String {
    let part = |name: &str| config.get(name).map(|value| value.to_string());
    let rate = part("lr").map(|rate| format!(", rate {rate}")).unwrap_or_default();
    format!("{}, {}{rate}", part("optimizer").unwrap_or_default(), part("schedule").unwrap_or_default())
}
