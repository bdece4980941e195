//! What a search leaves behind: files, the verdict, the last event.

use super::search::Search;
use super::strategy::Strategy;
use crate::flags::Tune;
use crate::job::Job;
use crate::progress::print_line;
use crate::work::{Exit, config_json};
use opportune_core::InputError;
use opportune_core::memory::mean_and_std;
use opportune_core::plan::Part;

pub fn dry_run(_flags: &Tune, _strategy: Strategy, _job: &Job, _name: &str) -> Result<Exit, InputError> {
    Ok(Exit::Fine)
}

pub fn interrupted(search: &mut Search<'_, '_>) -> Result<Exit, InputError> {
    search.work.interrupted()
}

pub fn nothing(_search: &Search<'_, '_>) -> Result<Exit, InputError> {
    Ok(Exit::Negative)
}

pub fn finish(search: &mut Search<'_, '_>) -> Result<Exit, InputError> {
    let (model, epochs) = search.work.model(search.candidates[0].trial, Part::Whole)?;
    let test = search.work.test(&model)?;
    let table = search.table();
    let memory = search.work.engine.memory();
    let parts = &search.work.job.parts;
    let finalists: Vec<u32> = search.candidates.iter().map(|one| one.trial).collect();
    let all: Vec<u32> = search.trials.iter().chain(&finalists).copied().collect();
    let trunks = memory.used(&search.trials, parts);
    let both = memory.used(&all, parts);
    let range: u64 = search.range_tests.iter().map(|(_, test)| test.cost()).sum();
    let confirmation = memory.used(&finalists, &search.work.job.confirmation());
    for result in search.results() {
        let curve = opportune_core::judged::JudgedCurve::of(&result);
        println!(
            "{} {:?} best {:?} epochs {}",
            result.trial,
            result.config.get("lr"),
            curve.best(9999),
            curve.epochs()
        );
    }
    if let Some(table) = table {
        for (i, row) in table.rows.iter().enumerate() {
            println!("{i} {row:?} {}", row.as_good());
        }
        println!("best {} recommended {}", table.best, table.recommended);
    }
    for one in &search.candidates {
        println!(
            "{} search {} confirmed {:?}",
            config_json(&one.finalist.config),
            one.result.score(),
            mean_and_std(&one.confirmed)
        );
    }
    println!(
        "range {range} search {} forks {} = {}; confirm {} refit {epochs} test {test:?} seconds {}",
        trunks.1,
        both.1 - trunks.1,
        range + both.1,
        confirmation.1,
        search.work.began.elapsed().as_secs_f64()
    );
    print_line("done")?;
    Ok(Exit::Fine)
}
