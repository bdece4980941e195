//! The tree of stages: which epochs trials have in common, found by their keys.
//!
//! A **stage** is one run as far as it is trained without leaving another; its runtime side is a [`Lane`]. A **view**
//! is one trial on one part: a path through stages, cut short by its stop rules. A view that agrees with what is
//! there joins it; one that goes on where a stage ends extends it; one that differs from some epoch on gets a stage
//! that leaves the other one there, and starts from its state.

use opportune_core::memory::{Remembered, TrialResult};
use opportune_core::observation::Observation;
use opportune_core::plan::{Part, Plan, PrefixKey};
use opportune_core::ports::{Ending, Record, StageId};
use opportune_core::stop::Watch;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// A saved state of a lane.
#[derive(Debug, Clone)]
pub struct Saved {
    pub key: PrefixKey,
    /// Held in memory; else it is in the store. Changed by the tree, which counts.
    state: Option<Arc<[u8]>>,
    /// In the store, or on its way.
    pub stored: bool,
}

impl Saved {
    /// One that is held in memory.
    pub fn new(key: PrefixKey, state: Arc<[u8]>, stored: bool) -> Saved {
        Saved { key, state: Some(state), stored }
    }

    /// If it is held in memory.
    pub fn state(&self) -> Option<&Arc<[u8]>> {
        self.state.as_ref()
    }

    fn bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.len())
    }
}

/// Hashes a key, which is a hash already, by its first bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Already(u64);

impl Hasher for Already {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte));
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The runtime side of a stage.
#[derive(Debug, Default)]
pub struct Lane {
    /// Epochs of the run before its first one.
    pub before: u32,
    /// The plan it is trained under; none while no view has joined a remembered stage.
    pub plan: Option<Arc<Plan>>,
    /// Epochs of the run up to which that plan is this lane's: as far as it is planned, once a view has joined.
    pub reach: u32,
    /// Keys after its planned epochs, from `before + 1` on.
    pub keys: Vec<PrefixKey>,
    /// By number of epochs.
    pub saved: BTreeMap<u32, Saved>,
    /// Epochs whose state is needed and must be trained again for it.
    pub wanted: BTreeSet<u32>,
    /// Being trained.
    pub job: Option<u64>,
    /// Waiting for a worker.
    pub queued: bool,
    /// When a state of it last went to the store, or its training began.
    pub stored_at: Option<Instant>,
    /// Seconds trained since then.
    pub unstored: f64,
    /// Trainings that failed for another reason than their numbers.
    pub failures: u32,
    /// Views whose path passes here.
    pub views: Vec<usize>,
    /// Stages that leave this one.
    pub children: Vec<StageId>,
}

impl Lane {
    /// Epochs of the run up to which it is planned.
    pub fn planned(&self) -> u32 {
        self.before + self.keys.len() as u32
    }

    /// The key after `epoch` epochs.
    pub fn key(&self, epoch: u32) -> Option<PrefixKey> {
        self.keys.get((epoch as usize).checked_sub(self.before as usize + 1)?).copied()
    }

    /// The deepest saved state after at most `limit` epochs.
    pub fn deepest(&self, limit: u32) -> Option<(u32, &Saved)> {
        self.saved.range(..=limit).next_back().map(|(epoch, saved)| (*epoch, saved))
    }
}

/// One trial on one part.
#[derive(Debug)]
pub struct View {
    /// Index among the trials of this session.
    pub trial: usize,
    /// The trial's number in the study.
    pub number: u32,
    pub part: Part,
    pub plan: Arc<Plan>,
    /// Stages from the first epoch on, each with the number of epochs of the run up to which it is this view's; both
    /// ascend, and paths can be long, so they are searched by halving.
    pub path: Vec<(StageId, u32)>,
    /// Its rules; where the mean over folds is watched, the trial has them.
    pub watch: Option<Watch>,
    /// Epochs granted at the most.
    pub until: u32,
    /// After how many epochs its rules, or its last epoch, ended it.
    pub ended: Option<u32>,
    /// The epoch whose state is to be delivered, so far.
    pub chosen: Option<u32>,
}

impl View {
    /// A view that has no place yet.
    pub fn new(trial: usize, number: u32, part: Part, plan: Arc<Plan>) -> View {
        View { trial, number, part, plan, path: Vec::new(), watch: None, until: 0, ended: None, chosen: None }
    }

    /// The stage of an epoch.
    pub fn stage_of(&self, epoch: u32) -> Option<StageId> {
        self.path.get(self.path.partition_point(|(_, until)| *until < epoch)).map(|(stage, _)| *stage)
    }

    /// Up to which epoch of the run a stage is this view's.
    pub fn until_in(&self, stage: StageId) -> u32 {
        self.path.binary_search_by_key(&stage, |(one, _)| *one).map_or(0, |at| self.path[at].1)
    }
}

/// All stages of a study, remembered and planned.
#[derive(Debug)]
pub struct Tree {
    pub memory: Remembered,
    pub lanes: Vec<Lane>,
    pub views: Vec<View>,
    known: HashMap<PrefixKey, StageId, BuildHasherDefault<Already>>,
    /// Where the last end of each trial on each part is among all endings.
    last: HashMap<(u32, Part), usize>,
    /// Bytes of the states held in memory.
    held: usize,
}

impl Tree {
    pub fn new(memory: Remembered) -> Tree {
        let epochs: usize = memory.stages.iter().map(|stage| stage.epochs.len()).sum();
        let mut known = HashMap::with_capacity_and_hasher(epochs, BuildHasherDefault::default());
        let mut lanes: Vec<Lane> = Vec::with_capacity(memory.stages.len());
        for stage in &memory.stages {
            // A stage that was planned and never trained is still found by its first epoch.
            let mut keys: Vec<PrefixKey> = stage.epochs.iter().map(|(key, _)| *key).collect();
            known.extend(keys.iter().map(|key| (*key, stage.stage)));
            if keys.is_empty() {
                known.entry(stage.first).or_insert(stage.stage);
                keys.push(stage.first);
            }
            let saved = |(epoch, key): &(u32, PrefixKey)| (*epoch, Saved { key: *key, state: None, stored: true });
            lanes.push(Lane {
                before: stage.parent.map_or(0, |(_, left)| left),
                keys,
                saved: stage.checkpoints.iter().map(saved).collect(),
                ..Lane::default()
            });
            if let Some((parent, _)) = stage.parent {
                lanes[parent as usize].children.push(stage.stage);
            }
        }
        let last = memory.endings.iter().enumerate().map(|(at, one)| ((one.trial, one.part), at)).collect();
        Tree { memory, lanes, views: Vec::new(), known, last, held: 0 }
    }

    /// Takes over the states that an earlier tree of the same study knew.
    pub fn adopt(&mut self, old: &mut Tree) {
        for (lane, old) in self.lanes.iter_mut().zip(&mut old.lanes) {
            lane.saved.append(&mut old.saved);
        }
        self.held = self.lanes.iter().flat_map(|lane| lane.saved.values()).map(Saved::bytes).sum();
    }

    /// Keeps a stage's state after `epoch` epochs, in place of one from before.
    pub fn keep(&mut self, stage: StageId, epoch: u32, saved: Saved) {
        self.held += saved.bytes();
        let old = self.lanes[stage as usize].saved.insert(epoch, saved);
        self.held -= old.map_or(0, |old| old.bytes());
    }

    /// Forgets a saved state.
    pub fn remove(&mut self, stage: StageId, epoch: u32) -> Option<Saved> {
        let old = self.lanes[stage as usize].saved.remove(&epoch)?;
        self.held -= old.bytes();
        Some(old)
    }

    /// Holds a saved state that is known in memory, or no longer.
    pub fn hold(&mut self, stage: StageId, epoch: u32, state: Option<Arc<[u8]>>) {
        if let Some(saved) = self.lanes[stage as usize].saved.get_mut(&epoch) {
            self.held -= saved.bytes();
            saved.state = state;
            self.held += saved.bytes();
        }
    }

    /// Bytes of the states held in memory.
    pub fn held(&self) -> usize {
        self.held
    }

    /// How a trial ended on a part the last time.
    pub fn ending(&self, trial: u32, part: Part) -> Option<&Ending> {
        self.memory.endings.get(*self.last.get(&(trial, part))?)
    }

    /// Takes note of an end; gives the record.
    pub fn end(&mut self, ending: Ending) -> Record {
        self.last.insert((ending.trial, ending.part), self.memory.endings.len());
        let record = Record::Ended(ending);
        self.memory.apply(&record);
        record
    }

    /// The result of a trial, once it has ended on all `parts`.
    pub fn result(&self, trial: u32, parts: &[Part]) -> Option<TrialResult> {
        self.memory.result_of(trial, parts.iter().map(|part| self.ending(trial, *part)))
    }

    /// Epochs of the run trained and remembered in a stage.
    pub fn trained(&self, stage: StageId) -> u32 {
        self.lanes[stage as usize].before + self.memory.stages[stage as usize].epochs.len() as u32
    }

    /// What a stage gave after `epoch` epochs of the run.
    pub fn observation(&self, stage: StageId, epoch: u32) -> Option<&Observation> {
        let index = epoch.checked_sub(self.lanes[stage as usize].before + 1)?;
        self.memory.stages[stage as usize].epochs.get(index as usize).map(|(_, observation)| observation)
    }

    /// What a view's epoch gave, if it has been trained.
    pub fn seen(&self, view: usize, epoch: u32) -> Option<&Observation> {
        let view = &self.views[view];
        if epoch > view.until { None } else { self.observation(view.stage_of(epoch)?, epoch) }
    }

    /// The key after the last epoch that a view reaches; `None` where it reaches none.
    pub fn key(&self, view: usize) -> Option<PrefixKey> {
        let (stage, until) = *self.views[view].path.last()?;
        self.lanes[stage as usize].key(until)
    }

    /// Takes a view in and finds it its place; gives the records of what is new. `keys` are those of its plan after
    /// 1, 2, … epochs, as many as are granted to it.
    pub fn place(&mut self, view: View, keys: &[PrefixKey]) -> (usize, Vec<Record>) {
        let index = self.views.len();
        self.views.push(view);
        (index, self.reach(index, keys))
    }

    /// Leads a view's path on by as many epochs as there are `keys`, of its plan after each of them; they are granted to it
    /// then. Gives the records of what is new.
    pub fn reach(&mut self, index: usize, keys: &[PrefixKey]) -> Vec<Record> {
        let view = &mut self.views[index];
        let (part, plan, mut path) = (view.part, view.plan.clone(), std::mem::take(&mut view.path));
        let (old, reached) = (path.len(), path.last().map_or(0, |(_, left)| *left));
        let until = reached + keys.len() as u32;
        for (epoch, key) in (reached + 1..).zip(keys) {
            let Some(&stage) = self.known.get(key) else { break };
            match path.last_mut() {
                Some((last, left)) if *last == stage => *left = epoch,
                // A stage may have been planned to leave epochs that its parent never came to, and then did not
                // come to: the session was ended, and another plan took the parent on. Nothing joins it any more.
                last if self.memory.stages[stage as usize].parent != last.as_deref().copied() => break,
                _ => path.push((stage, epoch)),
            }
        }
        let common = path.last().map_or(0, |(_, left)| *left);
        let mut records = Vec::new();
        if common < until {
            let rest = &keys[(common - reached) as usize..];
            let stage = match path.last() {
                Some(&(stage, _)) if self.lanes[stage as usize].planned() == common => {
                    let last = path.len() - 1;
                    path[last].1 = until;
                    stage
                }
                last => {
                    let stage = self.lanes.len() as StageId;
                    let parent = last.copied();
                    let record = Record::Stage { stage, part, parent, first: rest[0] };
                    self.memory.apply(&record);
                    records.push(record);
                    self.lanes.push(Lane { before: common, ..Lane::default() });
                    if let Some((parent, _)) = parent {
                        self.lanes[parent as usize].children.push(stage);
                    }
                    path.push((stage, until));
                    stage
                }
            };
            self.lanes[stage as usize].keys.extend_from_slice(rest);
            self.known.extend(rest.iter().map(|key| (*key, stage)));
        }
        for (at, (stage, upto)) in path.iter().enumerate().skip(old.saturating_sub(1)) {
            let lane = &mut self.lanes[*stage as usize];
            if at >= old {
                lane.views.push(index);
            }
            if lane.reach < *upto {
                (lane.plan, lane.reach) = (Some(plan.clone()), *upto);
            }
        }
        let view = &mut self.views[index];
        (view.path, view.until) = (path, until);
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{plan, scripted};
    use opportune_core::schedule::Schedule;

    fn place(tree: &mut Tree, schedule: &str, epochs: u32) -> Vec<(StageId, u32)> {
        let plan = Arc::new(plan(Part::Fold(0), &schedule.parse::<Schedule>().unwrap(), 0.1, epochs));
        let keys = plan.keys(None, epochs);
        let index = tree.place(View::new(0, 0, Part::Fold(0), plan), &keys[1..]).0;
        tree.views[index].path.clone()
    }

    #[test]
    fn a_view_that_is_granted_more_goes_on_where_it_was() {
        let mut tree = Tree::new(Remembered::default());
        let plan = Arc::new(plan(Part::Fold(0), &"constant".parse().unwrap(), 0.1, 10));
        let keys = plan.keys(None, 10);
        let (index, new) = tree.place(View::new(0, 0, Part::Fold(0), plan), &keys[1..=3]);
        assert_eq!((tree.views[index].path.clone(), new.len()), (vec![(0, 3)], 1));
        assert_eq!(place(&mut tree, "step(every=2, gamma=0.1)", 4), [(0, 2), (1, 4)]);
        assert_eq!(tree.key(index), Some(keys[3]));
        assert!(tree.reach(index, &keys[4..=8]).is_empty());
        assert_eq!(tree.key(index), Some(keys[8]));
        assert_eq!((tree.views[index].path.clone(), tree.views[index].until), (vec![(0, 8)], 8));
        assert_eq!((tree.lanes[0].views.len(), tree.lanes[0].reach, tree.lanes[0].planned()), (2, 8, 8));
    }

    #[test]
    fn keys_are_hashes_of_the_rates_of_their_epochs() {
        use opportune_core::plan::{Key, PrefixKey};
        for text in ["constant", "cosine", "cosine(per=step)", "sequence(linear(from=0, over=3 steps), constant)"] {
            let plan = plan(Part::Fold(0), &text.parse::<Schedule>().unwrap(), 0.1, 4);
            let steps = u64::from(plan.schedule.steps_per_epoch());
            let mut key = plan.recipe.key(Some(7));
            let mut expected = vec![key];
            for epoch in 0..4 {
                let mut rates: Vec<f64> = (0..steps).map(|step| plan.schedule.at(epoch * steps + step).rate).collect();
                if rates.iter().all(|rate| *rate == rates[0]) {
                    rates.truncate(1);
                }
                let told = rates.iter().flat_map(|rate| [rate.to_bits(), u64::MAX]).flat_map(u64::to_le_bytes);
                key = PrefixKey(Key::of(&key.0.0.into_iter().chain(told).collect::<Vec<u8>>()));
                expected.push(key);
            }
            assert_eq!(plan.keys(Some(7), 4), expected, "{text}");
        }
    }

    #[test]
    fn keys_that_the_last_plan_has_are_those_that_are_made_anew() {
        use opportune_core::plan::LastKeys;
        let mut last = LastKeys::default();
        for (text, lr, epochs) in [
            ("constant", 0.1, 3),
            ("constant", 0.1, 7),
            ("constant", 0.1, 5),
            ("constant", 0.2, 5),
            ("cosine", 0.2, 4),
            ("cosine", 0.2, 6),
        ] {
            let plan = plan(Part::Fold(0), &text.parse::<Schedule>().unwrap(), lr, epochs);
            for private in [None, Some(7), Some(8)] {
                let keys = last.of(&plan, private, epochs, || true).unwrap();
                assert_eq!(keys, &plan.keys(private, epochs)[1..], "{text} {lr} {epochs}");
            }
            assert_eq!(last.of(&plan, None, epochs, || false), None);
            assert_eq!(last.of(&plan, None, epochs, || true).unwrap(), &plan.keys(None, epochs)[1..]);
        }
    }

    #[test]
    fn what_agrees_is_shared_and_what_differs_leaves_at_the_last_common_epoch() {
        let mut tree = Tree::new(Remembered::default());
        assert_eq!(place(&mut tree, "constant", 10), [(0, 10)]);
        assert_eq!(place(&mut tree, "constant", 4), [(0, 4)]);
        assert_eq!(place(&mut tree, "constant", 20), [(0, 20)], "a longer one extends");
        assert_eq!(place(&mut tree, "step(every=6, gamma=0.1)", 12), [(0, 6), (1, 12)]);
        assert_eq!(place(&mut tree, "step(every=6, gamma=0.1)", 20), [(0, 6), (1, 20)]);
        assert_eq!(place(&mut tree, "exponential(gamma=0.5)", 3), [(0, 1), (2, 3)]);
        assert_eq!(place(&mut tree, "linear(from=0.5, to=1)", 3), [(3, 3)], "nothing in common");
        assert_eq!((tree.lanes[0].reach, tree.lanes[0].plan.as_ref().unwrap().epochs), (20, 20));
        assert_eq!((tree.lanes[0].planned(), tree.lanes[1].planned(), tree.lanes[1].before), (20, 20, 6));
        assert_eq!(tree.lanes[0].children, [1, 2]);
        assert_eq!(tree.lanes[0].views.len(), 6);
    }

    #[test]
    fn a_remembered_tree_is_found_again() {
        let mut tree = Tree::new(scripted());
        assert_eq!(place(&mut tree, "constant", 10), [(0, 10)]);
        assert_eq!((tree.trained(0), tree.lanes.len()), (5, 1));
        assert_eq!(place(&mut tree, "step(every=3, gamma=0.1)", 6), [(0, 3), (1, 6)]);
    }
}
