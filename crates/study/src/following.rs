//! Views that are led on: where they were granted more, or where their rate follows the curve and is known by now.

use crate::engine::EngineError;
use crate::session::Session;
use opportune_core::ports::{Record, StageId};
use std::sync::Arc;

/// Where a new stage leaves another one.
fn left_by(record: &Record) -> Option<(StageId, u32)> {
    match record {
        Record::Stage { parent, .. } => *parent,
        _ => None,
    }
}

impl Session<'_> {
    /// Leads a view whose rate follows the curve on as far as its rates are known by now.
    pub(crate) fn follow(&mut self, view: usize) {
        let one = &self.tree.views[view];
        if one.ended.is_none()
            && self.trials[one.trial].ruled.is_some()
            && let Err(error) = self.lead_on(view)
        {
            self.failure.get_or_insert(error);
        }
    }

    /// Plans a view up to the last epoch that is granted and whose rate is known.
    pub(crate) fn lead_on(&mut self, view: usize) -> Result<(), EngineError> {
        let one = &self.tree.views[view];
        let (trial, part) = (&self.trials[one.trial], one.part);
        let Some(watch) = one.watch.as_ref().or(trial.watch.as_ref()) else { return Ok(()) };
        let (reached, until) = (one.until, watch.certain());
        if until <= reached {
            return Ok(());
        }
        if let Some(ruled) = &trial.ruled
            && let Some(config) = self.tree.memory.config(trial.number)
        {
            let plan = self.planner.plan(&ruled.config(config, watch.changes()), part)?;
            if plan != *one.plan {
                self.tree.views[view].plan = Arc::new(plan);
            }
        }
        let (number, plan) = (trial.number, self.tree.views[view].plan.clone());
        let keys = match self.tree.key(view) {
            Some(key) => {
                // A rule changes nothing of what is behind.
                debug_assert_eq!(plan.keys(self.private(number), reached).last(), Some(&key));
                self.keys_after(&plan, reached, key, until)
            }
            None => self.keys(&plan, number, until),
        };
        let Some(keys) = keys else { return Ok(()) };
        let mut records = self.tree.reach(view, &keys);
        let left: Vec<(StageId, u32)> = records.iter().filter_map(left_by).collect();
        records.extend(left.into_iter().filter_map(|(stage, epoch)| self.unstored_fork(stage, epoch)));
        self.writer.append(records);
        Ok(())
    }
}
