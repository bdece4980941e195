//! Trainings that fail for another reason than their numbers: tried once more, then given up.

use crate::engine::Happening;
use crate::session::Session;
use opportune_core::ports::{JobError, StageId};

impl Session<'_> {
    pub fn failed(&mut self, job: u64, reason: JobError) {
        let Some(running) = self.jobs.remove(&job) else { return };
        let stage = running.stage;
        let lane = &mut self.tree.lanes[stage as usize];
        lane.job = None;
        match (reason, running.start) {
            (JobError::State(why), Some((of, epoch))) => self.forget(of, epoch, &format!("cannot be used ({why})")),
            (reason, _) => {
                lane.failures += 1;
                if lane.failures > 1 {
                    self.give_up(stage, &reason);
                    return;
                }
                self.progress.happened(&Happening::Warning(format!("a training failed and is tried again: {reason}")));
            }
        }
        self.enqueue(stage);
    }

    /// A stage that cannot be trained ends the trials that need it, and nothing else.
    fn give_up(&mut self, stage: StageId, reason: &JobError) {
        let part = self.tree.memory.stages[stage as usize].part;
        let what = format!("a training on {part} failed again and is given up: {reason}");
        self.progress.happened(&Happening::Warning(what));
        self.tree.lanes[stage as usize].wanted.clear();
        for view in self.tree.lanes[stage as usize].views.clone() {
            if self.tree.views[view].ended.is_some() {
                continue;
            }
            let trial = self.tree.views[view].trial;
            let own = self.tree.views[view].watch.is_some();
            let views = if own { vec![view] } else { self.trials[trial].views.clone() };
            let watch = self.tree.views[view].watch.as_mut().or(self.trials[trial].watch.as_mut());
            let Some(watch) = watch else { continue };
            watch.fail();
            let watch = watch.clone();
            views.into_iter().for_each(|view| self.took_in(view, &watch));
            self.end_trial(trial);
        }
        self.ask();
    }
}
