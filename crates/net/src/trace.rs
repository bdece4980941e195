//! A record of the work really done, so that tests can tell whether shared epochs were trained once.

use opportune_core::ports::Job;
use serde_json::json;
use std::fs::File;
use std::io::Write;

/// Appends lines of JSON to a file.
#[derive(Debug)]
pub(crate) struct Trace(File);

impl Trace {
    pub(crate) fn new(file: File) -> Trace {
        Trace(file)
    }

    /// Notes an epoch: its number from 1, the steps taken in it, and whether it came to its end.
    pub(crate) fn epoch(&self, job: &Job, epoch: u32, steps: u64, whole: bool) {
        let plan = &job.plan;
        let last = (u64::from(epoch) * u64::from(plan.schedule.steps_per_epoch())).saturating_sub(1);
        let line = json!({
            "part": plan.recipe.part.to_string(),
            "job": job.id,
            "network": plan.recipe.network.to_string(),
            "rate": plan.schedule.at(last).rate,
            "epoch": epoch,
            "steps": steps,
            "whole": whole,
        });
        // One write for the line, so that lines of several threads do not mix. A trace that cannot be written (a full
        // disk) must not end the training; the test that reads it will miss the line.
        let _ = (&self.0).write_all(format!("{line}\n").as_bytes());
    }
}
