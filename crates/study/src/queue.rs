//! Which stage is trained next, how far, and from where.

use crate::engine::EngineError;
use crate::session::{Running, Session, Taken};
use opportune_core::plan::Plan;
use opportune_core::ports::{Job, StageId, Start};
use std::sync::Arc;
use std::time::Instant;

impl Session<'_> {
    /// Up to which epoch a stage is to be trained now; `None` if nothing is needed of it.
    pub(crate) fn goal(&self, stage: StageId) -> Option<u32> {
        let lane = &self.tree.lanes[stage as usize];
        let granted = |view: &usize| self.granted(*view).min(self.tree.views[*view].until_in(stage));
        let open = lane.views.iter().filter(|view| self.tree.views[**view].ended.is_none());
        let asked = open.map(granted).max().filter(|goal| *goal > self.tree.trained(stage));
        asked.max(lane.wanted.last().copied())
    }

    pub(crate) fn enqueue(&mut self, stage: StageId) {
        let lane = &self.tree.lanes[stage as usize];
        if lane.job.is_some() || lane.queued || self.goal(stage).is_none() {
            return;
        }
        if self.where_from(stage).is_some() {
            self.tree.lanes[stage as usize].queued = true;
            let rate = if self.follows(stage) { 0.0 } else { self.next_rate(stage) };
            // The bits of numbers from 0 up are in their order.
            self.queue.insert((rate.max(0.0).to_bits(), self.queued), stage);
            self.queued += 1;
        }
    }

    /// The last epoch from which a stage's training may start.
    pub(crate) fn start_at_most(&self, stage: StageId) -> u32 {
        let trained = self.tree.trained(stage);
        self.tree.lanes[stage as usize].wanted.first().map_or(trained, |first| trained.min(*first))
    }

    /// The rate under which a stage would go on.
    fn next_rate(&self, stage: StageId) -> f64 {
        let lane = &self.tree.lanes[stage as usize];
        let rate = |plan: &Arc<Plan>| {
            let step = u64::from(self.tree.trained(stage)) * u64::from(plan.schedule.steps_per_epoch());
            plan.schedule.at(step).rate
        };
        lane.plan.as_ref().map_or(0.0, rate)
    }

    /// The saved state a stage's training starts from (`None` inside: from the initial weights). Where its parent
    /// must provide one first, that is seen to, and `None` given.
    fn where_from(&mut self, stage: StageId) -> Option<Option<(StageId, u32)>> {
        let lane = &self.tree.lanes[stage as usize];
        if let Some((epoch, _)) = lane.deepest(self.start_at_most(stage)) {
            return Some(Some((stage, epoch)));
        }
        let before = lane.before;
        let Some((parent, _)) = self.tree.memory.stages[stage as usize].parent else { return Some(None) };
        if self.tree.lanes[parent as usize].saved.contains_key(&before) {
            return Some(Some((parent, before)));
        }
        if self.tree.trained(parent) >= before {
            self.tree.lanes[parent as usize].wanted.insert(before);
            self.enqueue(parent);
        }
        None
    }

    pub fn take(&mut self) -> Taken {
        if self.stopping() {
            return Taken::Over;
        }
        self.look_ahead();
        while let Some((_, stage)) = self.queue.pop_first() {
            self.tree.lanes[stage as usize].queued = false;
            if let Some(job) = self.assign(stage) {
                return Taken::Job(Box::new(job));
            }
        }
        if self.over() {
            Taken::Over
        } else if self.jobs.is_empty() {
            // Nothing runs that could lead to more: better an error than a program that waits for ever.
            self.failure.get_or_insert(EngineError::Training("no run is left that could be trained".into()));
            Taken::Over
        } else {
            Taken::Wait
        }
    }

    fn assign(&mut self, stage: StageId) -> Option<Job> {
        self.goal(stage)?;
        let from = self.where_from(stage)?;
        let start = match from {
            None => Start::Fresh,
            Some((of, epoch)) => match self.fetch(of, epoch) {
                Some(state) => Start::Checkpoint { epoch, state },
                None => {
                    self.enqueue(stage);
                    return None;
                }
            },
        };
        let lane = &self.tree.lanes[stage as usize];
        // As far as the plan holds; how far the run may go for now is said after each epoch.
        let (plan, until) = (lane.plan.clone()?, lane.reach);
        let id = self.next_job;
        self.next_job += 1;
        let at = from.map_or(0, |(_, epoch)| epoch);
        self.jobs.insert(id, Running { stage, until, at, saved_at: at, start: from, seconds: 0.0 });
        let lane = &mut self.tree.lanes[stage as usize];
        lane.job = Some(id);
        lane.stored_at.get_or_insert_with(Instant::now);
        Some(Job { id, plan, start, until })
    }
}
