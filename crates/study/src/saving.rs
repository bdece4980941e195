//! Saved states of a session's runs: which are kept, where, and for how long.

use crate::engine::{EngineError, Happening};
use crate::session::{BRANCH_BYTES, Session, Verdict};
use crate::tree::{Saved, View};
use opportune_core::ports::{Record, StageId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// States of a paused run that stay in the store.
const KEPT: usize = 2;

impl Session<'_> {
    /// States of runs that were paused and not yet gone on with are in memory only, and so are some to be delivered. Where
    /// the session was interrupted, those that other plans may start from go to the store too: the next one will ask.
    pub(crate) fn store_rest(&mut self, interrupted: bool) {
        for stage in 0..self.tree.lanes.len() as StageId {
            let mut records = self.unstored_deliveries(stage, u32::MAX);
            if interrupted {
                records.extend(self.unstored_branches(stage));
            }
            // Folds that are watched together are paused when a rule ends them.
            if self.spent(stage) {
                self.prune(stage);
            }
            if let Some((&epoch, saved)) = self.tree.lanes[stage as usize].saved.iter_mut().next_back()
                && let (false, Some(state)) = (saved.stored, saved.state().cloned())
            {
                saved.stored = true;
                records.push(Record::Checkpoint { stage, epoch, key: saved.key, state });
            }
            records.iter().for_each(|record| self.tree.memory.apply(record));
            self.writer.append(records);
        }
    }

    fn unstored_branches(&mut self, stage: StageId) -> Vec<Record> {
        let branches = self.asked.branches.clone();
        let mut records = Vec::new();
        for (&epoch, saved) in &mut self.tree.lanes[stage as usize].saved {
            if let (false, true, Some(state)) = (saved.stored, branches.contains(&epoch), saved.state().cloned()) {
                saved.stored = true;
                records.push(Record::Checkpoint { stage, epoch, key: saved.key, state });
            }
        }
        records
    }

    /// The state that a view is to deliver must be in memory; it is read, or trained again.
    pub(crate) fn want_delivered(&mut self, view: usize, epoch: u32) {
        let Some(stage) = self.tree.views[view].stage_of(epoch) else { return };
        if self.fetch(stage, epoch).is_some() {
            return;
        }
        self.tree.lanes[stage as usize].wanted.insert(epoch);
        self.enqueue(stage);
    }

    /// A saved state, out of memory or the store; one that is missing or damaged is forgotten.
    pub(crate) fn fetch(&mut self, stage: StageId, epoch: u32) -> Option<Arc<[u8]>> {
        let saved = self.tree.lanes[stage as usize].saved.get(&epoch)?;
        if let Some(state) = saved.state() {
            return Some(state.clone());
        }
        match self.writer.state(saved.key) {
            Ok(Some(state)) => {
                self.tree.hold(stage, epoch, Some(state.clone()));
                Some(state)
            }
            Ok(None) => {
                self.forget(stage, epoch, "is missing or damaged");
                None
            }
            Err(fault) => {
                self.failure = Some(EngineError::Store(fault));
                None
            }
        }
    }

    pub(crate) fn forget(&mut self, stage: StageId, epoch: u32, why: &str) {
        let part = self.tree.memory.stages[stage as usize].part;
        let what = format!("the saved state of {part} after epoch {epoch} {why}; training goes on from an earlier one");
        self.progress.happened(&Happening::Warning(what));
        self.discard(stage, epoch);
    }

    pub(crate) fn discard(&mut self, stage: StageId, epoch: u32) {
        if self.tree.remove(stage, epoch).is_some_and(|saved| saved.stored) {
            let record = Record::Dropped { stage, epoch };
            self.tree.memory.apply(&record);
            self.writer.append([record]);
        }
    }

    /// Whether a stage leaves this one here that is in work and has no stored state of its own to go on from.
    pub(crate) fn forks(&self, stage: StageId, epoch: u32) -> bool {
        self.tree.lanes[stage as usize].children.iter().any(|child| {
            let lane = &self.tree.lanes[*child as usize];
            let own = || lane.saved.range(..=self.start_at_most(*child)).any(|(_, saved)| saved.stored);
            let active = || lane.views.iter().any(|view| self.tree.views[*view].ended.is_none());
            lane.before == epoch && (!lane.wanted.is_empty() || active()) && !own()
        })
    }

    /// Whether a view is to deliver this state.
    pub(crate) fn delivers(&self, stage: StageId, epoch: u32) -> bool {
        let lane = &self.tree.lanes[stage as usize];
        let asked = |view: &&View| self.asked.deliver || self.trials[view.trial].ahead;
        let mut views = lane.views.iter().map(|view| &self.tree.views[*view]).filter(asked);
        views.any(|view| view.chosen == Some(epoch) && view.stage_of(epoch) == Some(stage))
    }

    /// Whether another plan may leave the run here later, though none does yet.
    pub(crate) fn branches(&self, stage: StageId, epoch: u32) -> bool {
        self.asked.branches.contains(&epoch) && !self.tree.lanes[stage as usize].views.is_empty()
    }

    /// Keeps a run's state.
    pub(crate) fn keep(&mut self, job: u64, epoch: u32, state: Arc<[u8]>, verdict: Verdict) {
        let Some(running) = self.jobs.get_mut(&job) else { return };
        running.saved_at = epoch;
        let stage = running.stage;
        let lane = &mut self.tree.lanes[stage as usize];
        lane.wanted.remove(&epoch);
        let Some(key) = lane.key(epoch) else { return };
        let stored = verdict.store || lane.saved.get(&epoch).is_some_and(|saved| saved.stored);
        self.tree.keep(stage, epoch, Saved::new(key, state.clone(), stored));
        if verdict.store {
            let lane = &mut self.tree.lanes[stage as usize];
            lane.stored_at = Some(Instant::now());
            self.unstored -= std::mem::take(&mut lane.unstored);
            // A best epoch that is in memory only must outlive this process too.
            let mut records = self.unstored_deliveries(stage, epoch);
            records.push(Record::Checkpoint { stage, epoch, key, state });
            records.iter().for_each(|record| self.tree.memory.apply(record));
            self.writer.append(records);
        }
        self.prune(stage);
        if verdict.store {
            self.spare_parent(stage);
        }
        let children = self.tree.lanes[stage as usize].children.clone();
        for child in children {
            if self.tree.lanes[child as usize].before == epoch {
                self.enqueue(child);
            }
        }
    }

    /// What a run left its parent with may not be needed any more.
    pub(crate) fn spare_parent(&mut self, stage: StageId) {
        if let Some((parent, _)) = self.tree.memory.stages[stage as usize].parent {
            self.prune(parent);
            self.release(parent);
        }
    }

    /// A state that a new stage leaves from, where it is in memory only: its own run will go on and be stored further on.
    pub(crate) fn unstored_fork(&mut self, stage: StageId, epoch: u32) -> Option<Record> {
        let saved = self.tree.lanes[stage as usize].saved.get_mut(&epoch)?;
        let state = saved.state().filter(|_| !saved.stored)?.clone();
        saved.stored = true;
        let record = Record::Checkpoint { stage, epoch, key: saved.key, state };
        self.tree.memory.apply(&record);
        Some(record)
    }

    pub(crate) fn unstored_deliveries(&mut self, stage: StageId, before: u32) -> Vec<Record> {
        let epochs = self.tree.lanes[stage as usize].saved.range(..before).map(|(epoch, _)| *epoch);
        let epochs: Vec<u32> = epochs.filter(|epoch| self.delivers(stage, *epoch)).collect();
        let mut records = Vec::new();
        for epoch in epochs {
            let Some(saved) = self.tree.lanes[stage as usize].saved.get_mut(&epoch) else { continue };
            if let (false, Some(state)) = (saved.stored, saved.state()) {
                records.push(Record::Checkpoint { stage, epoch, key: saved.key, state: state.clone() });
                saved.stored = true;
            }
        }
        records
    }

    /// Lets the memory of a stage's stored states go where nothing is to be trained there now.
    pub(crate) fn release(&mut self, stage: StageId) {
        if self.tree.lanes[stage as usize].job.is_some() || self.goal(stage).is_some() {
            return;
        }
        for epoch in self.tree.lanes[stage as usize].saved.keys().copied().collect::<Vec<_>>() {
            let needed = self.forks(stage, epoch) || self.delivers(stage, epoch);
            let stored = self.tree.lanes[stage as usize].saved.get(&epoch).is_some_and(|saved| saved.stored);
            if stored && !needed {
                self.tree.hold(stage, epoch, None);
            }
        }
    }

    /// Lets go of states that nothing needs: all but the last two in the store, those that are to be delivered, those
    /// that another stage starts from, and those where one may start later. Of the latter, what is in the store from
    /// before is kept as well, so that little is trained again after a kill. Where a rule that stays has ended the run, its
    /// last ones are not needed either.
    pub(crate) fn prune(&mut self, stage: StageId) {
        let spent = self.tree.lanes[stage as usize].wanted.is_empty() && self.spent(stage);
        let kept = if spent { 0 } else { KEPT };
        let saved = &self.tree.lanes[stage as usize].saved;
        let newest = saved.keys().next_back().copied().filter(|_| !spent);
        let in_store = |(epoch, saved): (&u32, &Saved)| saved.stored.then_some(*epoch);
        let mut last: BTreeSet<u32> = saved.iter().rev().filter_map(in_store).take(kept).collect();
        let before = |branch: &u32| saved.range(..=branch).rev().find_map(in_store);
        last.extend(self.asked.branches.iter().filter_map(before));
        for epoch in saved.keys().copied().collect::<Vec<_>>() {
            let needed = self.forks(stage, epoch) || self.delivers(stage, epoch);
            let branch = self.branches(stage, epoch);
            if needed || Some(epoch) == newest {
                continue;
            }
            if !last.contains(&epoch) {
                if !branch {
                    self.discard(stage, epoch);
                }
                continue;
            }
            if !branch || self.tree.held() > BRANCH_BYTES {
                self.tree.hold(stage, epoch, None);
            }
        }
    }
}
