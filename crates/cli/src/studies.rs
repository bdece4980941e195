//! `opportune studies` and `opportune show`: what is remembered.

use crate::flags::{Show, Studies};
use crate::progress::{print_line, trial_event};
use crate::work::{Exit, outside, with_spread};
use opportune_core::InputError;
use opportune_core::memory::Remembered;
use opportune_core::plan::Part;
use opportune_core::score::Score;
use opportune_core::text::nearest;
use opportune_report::trials_table;
use opportune_study::store::{Listed, Storage};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Rows of the table; `--json` has all.
const TABLE_ROWS: usize = 50;

fn open(url: &str) -> Result<Storage, InputError> {
    let path = Storage::path_of(url)?;
    if !path.exists() {
        return Err(InputError::new("there is no such file; nothing has been trained here yet")
            .at(path.display().to_string())
            .remedy("train with opportune tune or fit, or name another file with --storage"));
    }
    Storage::open(&path).map_err(outside)
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

pub fn list(flags: &Studies) -> Result<Exit, InputError> {
    let studies = open(&flags.storage)?.list().map_err(outside)?;
    if flags.json {
        for one in &studies {
            let finished = one.finished.as_deref().map(json_of);
            let line = json!({
                "name": one.name, "trials": one.trials, "epochs_trained": one.epochs, "created_unix": one.created_unix,
                "settings": json_of(&one.settings), "finished": finished,
            });
            print_line(&line.to_string())?;
        }
        return Ok(Exit::Fine);
    }
    if studies.is_empty() {
        print_line("no studies yet")?;
    }
    let width = studies.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
    for one in &studies {
        print_line(&format!(
            "{:width$}  {:>4} trials  {:>8} fold-epochs  {}",
            one.name,
            one.trials,
            one.epochs,
            state(one)
        ))?;
    }
    Ok(Exit::Fine)
}

fn state(one: &Listed) -> String {
    let Some(finished) = one.finished.as_deref().map(json_of) else { return "not finished".into() };
    let score = &finished["score"];
    match (score["name"].as_str(), score["mean"].as_f64()) {
        (Some(name), Some(mean)) => format!("{name} {}", with_spread(mean, score["std"].as_f64())),
        _ => "every training diverged".into(),
    }
}

pub fn show(flags: &Show) -> Result<Exit, InputError> {
    let storage = open(&flags.storage)?;
    let Some((settings, memory)) = storage.read(&flags.name).map_err(outside)? else {
        let names: Vec<String> = storage.list().map_err(outside)?.into_iter().map(|one| one.name).collect();
        let near =
            nearest(&flags.name, names.iter().map(String::as_str)).map(|near| format!("did you mean '{near}'? "));
        let all = if names.is_empty() { "none".into() } else { names.join(", ") };
        return Err(InputError::new(format!("there is no study '{}'", flags.name))
            .remedy(format!("{}there are: {all}", near.unwrap_or_default())));
    };
    let settings = json_of(&settings);
    let finished = memory.notes.iter().rev().find(|(kind, _)| kind == "finished").map(|(_, json)| json_of(json));
    let score = finished.as_ref().and_then(|one| one["score"]["name"].as_str()).or(settings["score"].as_str());
    let score: Score = score.unwrap_or("accuracy").parse()?;
    let mut results = Vec::new();
    for parts in groups(&memory) {
        results.push((parts.clone(), memory.results(&parts)));
    }
    if flags.json {
        for (_, results) in &results {
            results.iter().try_for_each(|result| print_line(&trial_event(result, score).to_string()))?;
        }
        return print_line(&finished.unwrap_or(json!({"event": "unfinished", "settings": settings})).to_string())
            .map(|()| Exit::Fine);
    }
    let epochs: usize = memory.stages.iter().map(|stage| stage.epochs.len()).sum();
    let file = settings["file"].as_str().unwrap_or("?");
    print_line(&format!(
        "study '{}' of {file}: {} trials, {epochs} fold-epochs trained",
        flags.name,
        memory.trials.len()
    ))?;
    for (parts, results) in results.iter().filter(|(_, results)| !results.is_empty()) {
        let on = match parts[..] {
            [Part::Whole] => "trained on all rows (scores are those of the training rows)".to_string(),
            [Part::Confirmation(_)] => "judged again with another seed, by validation rows".to_string(),
            [Part::Confirmation(_), ..] => format!("judged again with another seed, by {} folds", parts.len()),
            [_] => "judged by validation rows".to_string(),
            _ => format!("judged by {} folds", parts.len()),
        };
        print_line(&format!("\n{on}:"))?;
        print_line(&trials_table(results, score, None, TABLE_ROWS))?;
    }
    match finished {
        None => print_line("not finished: the command that began it goes on with it"),
        Some(one) => {
            let (mean, std) = (one["score"]["mean"].as_f64().unwrap_or(f64::NAN), one["score"]["std"].as_f64());
            print_line(&format!(
                "{score} {}; files in {}",
                with_spread(mean, std),
                one["out"].as_str().unwrap_or("no folder")
            ))?;
            if let Some(test) = one["test"][score.word()].as_f64() {
                print_line(&format!("test {score} {}", with_spread(test, None)))?;
            }
            let tests = memory.notes.iter().filter(|(kind, _)| kind == "test").count();
            if tests > 0 {
                print_line(&format!("the test rows were scored for {tests} model(s)"))?;
            }
            Ok(())
        }
    }
    .map(|()| Exit::Fine)
}

/// The sets of parts on which trials ended: the folds, those of the confirmation, and all rows.
fn groups(memory: &Remembered) -> Vec<Vec<Part>> {
    let parts: BTreeSet<Part> = memory.endings.iter().map(|ending| ending.part).collect();
    let kinds: [fn(&Part) -> bool; 3] = [
        |part| matches!(part, Part::Fold(_)),
        |part| matches!(part, Part::Confirmation(_)),
        |part| matches!(part, Part::Whole),
    ];
    let of = |kind: fn(&Part) -> bool| parts.iter().copied().filter(kind).collect::<Vec<Part>>();
    kinds.into_iter().map(of).filter(|parts| !parts.is_empty()).collect()
}
