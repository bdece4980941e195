//! One session of the engine: the trials a policy asked for, the views that follow them, and the runs in work.

use crate::ahead::Begun;
use crate::engine::{Asked, EngineError, Happening, Outcome, Progress, Totals, Watching};
use crate::tree::{Tree, View};
use crate::writer::Writer;
use opportune_core::judged::JudgedCurve;
use opportune_core::observation::Observation;
use opportune_core::plan::{LastKeys, Part};
use opportune_core::policy::{Event, Policy};
use opportune_core::ports::{Ending, Job, Planner, Record, StageId};
use opportune_core::schedule::Ruled;
use opportune_core::stop::{Point, Stopped, Watch};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A run in work goes to the store this often; with the store's own delay that keeps promise 6.
const STORE_EVERY: Duration = Duration::from_millis(500);
/// Bytes of states that are kept in memory for plans that may leave a run there; beyond that they go to the store.
pub(crate) const BRANCH_BYTES: usize = 256 << 20;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(50);

pub(crate) struct Trial {
    pub(crate) number: u32,
    pub(crate) views: Vec<usize>,
    /// The rules, where they watch the mean over folds.
    pub(crate) watch: Option<Watch>,
    /// Its schedule, where the rate follows the curve.
    pub(crate) ruled: Option<Ruled>,
    pub(crate) ended: bool,
    /// Follows the session: the policy did not ask for it.
    pub(crate) ahead: bool,
}

impl Trial {
    /// One that follows the session.
    pub(crate) fn ahead(number: u32, view: usize) -> Trial {
        Trial { number, views: vec![view], watch: None, ruled: None, ended: false, ahead: true }
    }
}

pub(crate) struct Running {
    pub(crate) stage: StageId,
    pub(crate) until: u32,
    /// Epochs done.
    pub(crate) at: u32,
    /// The last epoch whose state was saved; 0 is always at hand.
    pub(crate) saved_at: u32,
    /// The saved state it started from.
    pub(crate) start: Option<(StageId, u32)>,
    /// That it has been trained for.
    pub(crate) seconds: f64,
}

/// What becomes of a run after an epoch.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    pub save: bool,
    /// To the store, not only to memory.
    pub store: bool,
    pub leave: bool,
}

/// What a worker gets.
pub enum Taken {
    Job(Box<Job>),
    Wait,
    Over,
}

pub struct Session<'a> {
    pub(crate) tree: Tree,
    pub(crate) asked: &'a Asked,
    pub(crate) policy: &'a mut dyn Policy,
    pub(crate) planner: &'a dyn Planner,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) writer: &'a Writer,
    /// Runs that are trained at the same time.
    pub(crate) room: usize,
    /// Those of the policy in its order, then those that follow.
    pub(crate) trials: Vec<Trial>,
    /// Stages that wait for a worker. A low rate runs longest before a rule ends it, so it goes first: then no worker is
    /// left alone with a long run in the end. Beyond that, who came first.
    pub(crate) queue: BTreeMap<(u64, u64), StageId>,
    /// Stages ever queued.
    pub(crate) queued: u64,
    pub(crate) jobs: HashMap<u64, Running>,
    pub(crate) next_job: u64,
    /// Trials of the policy that ended.
    pub(crate) ended: usize,
    /// The policy asks for nothing more.
    pub(crate) finished: bool,
    /// Nothing more is wanted: by the policy, or because the time is up.
    pub(crate) cut: bool,
    /// Numbers of remembered trials that were not taken up yet, by what they are.
    pub(crate) remembered: HashMap<String, VecDeque<u32>>,
    /// The keys of the last plan on each part.
    pub(crate) last_keys: HashMap<Part, LastKeys>,
    /// Seconds of training whose outcome is in memory only, over all stages.
    pub(crate) unstored: f64,
    pub(crate) failure: Option<EngineError>,
    /// When progress is told again.
    tell_at: Instant,
    other_bits: bool,
    /// Set where someone wants to stop: then no trial is planned any more.
    pub(crate) interrupt: Option<&'a AtomicBool>,
    /// Something that the policy asked for was not planned, so that it is not asked again.
    pub(crate) unplanned: bool,
    /// What follows and was begun.
    pub(crate) begun: Option<Begun>,
    /// Seconds that the last run was trained for.
    pub(crate) recent: Option<f64>,
}

impl<'a> Session<'a> {
    pub fn new(
        tree: Tree,
        asked: &'a Asked,
        policy: &'a mut dyn Policy,
        planner: &'a dyn Planner,
        progress: &'a dyn Progress,
        writer: &'a Writer,
        room: usize,
    ) -> Session<'a> {
        let mut remembered: HashMap<String, VecDeque<u32>> = HashMap::new();
        for (number, config) in &tree.memory.trials {
            remembered.entry(format!("{config:?}")).or_default().push_back(*number);
        }
        Session {
            tree,
            asked,
            policy,
            planner,
            progress,
            writer,
            room,
            trials: Vec::new(),
            queue: BTreeMap::new(),
            queued: 0,
            jobs: HashMap::new(),
            next_job: 0,
            ended: 0,
            finished: false,
            cut: false,
            remembered,
            last_keys: HashMap::new(),
            unstored: 0.0,
            failure: None,
            tell_at: Instant::now(),
            other_bits: false,
            interrupt: None,
            unplanned: false,
            begun: None,
            recent: None,
        }
    }

    /// One that plans no trial once `interrupt` is set.
    pub fn heeding(self, interrupt: &'a AtomicBool) -> Session<'a> {
        Session { interrupt: Some(interrupt), ..self }
    }

    /// Whether nobody wants to stop.
    pub(crate) fn going(&self) -> impl Fn() -> bool + use<'a> {
        let interrupt = self.interrupt;
        move || !interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed))
    }

    pub fn open(&mut self) -> Result<(), EngineError> {
        self.ask();
        self.tell(true);
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    pub fn close(mut self, interrupted: bool) -> (Tree, Result<Outcome, EngineError>) {
        self.tell(true);
        let done = self.done();
        if self.cut && !interrupted {
            self.end_where_it_is();
        }
        self.store_rest(interrupted);
        let trials = self.own().map(|trial| trial.number).collect();
        let outcome = match self.failure.or(self.writer.fault().map(EngineError::Store)) {
            Some(failure) => Err(failure),
            None if done => Ok(Outcome { interrupted: false, cut: self.cut, trials }),
            None if interrupted => Ok(Outcome { interrupted: true, cut: self.cut, trials }),
            None if self.cut => Ok(Outcome { interrupted: false, cut: true, trials }),
            None => Err(EngineError::Training("the trainer went home before the work was done".into())),
        };
        (self.tree, outcome)
    }

    /// The trials that the policy asked for.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|trial| !trial.ahead)
    }

    /// Everything the policy asked for is done.
    fn done(&self) -> bool {
        self.finished && self.ended == self.own().count() && self.tree.lanes.iter().all(|lane| lane.wanted.is_empty())
    }

    /// Nothing is left to be trained.
    pub(crate) fn over(&self) -> bool {
        self.done() && self.through()
    }

    /// Shows a trial's rules what has been trained and not been seen by them.
    pub(crate) fn consume(&mut self, trial: usize) {
        let views = self.trials[trial].views.clone();
        match self.asked.watching {
            Watching::EachFold => views.iter().for_each(|view| self.catch_up(*view)),
            Watching::MeanOverFolds => {
                while let Some(watch) = self.trials[trial].watch.as_ref().filter(|watch| watch.ended().is_none()) {
                    let epoch = watch.seen() + 1;
                    let points = views.iter().map(|view| self.tree.seen(*view, epoch).map(Point::from));
                    let Some(mean) = points.collect::<Option<Vec<_>>>().and_then(|points| Point::mean(&points)) else {
                        break;
                    };
                    let Some(watch) = &mut self.trials[trial].watch else { break };
                    watch.observe(&mean);
                    let watch = watch.clone();
                    for view in &views {
                        self.took_in(*view, &watch);
                        self.follow(*view);
                    }
                }
            }
        }
        self.end_trial(trial);
    }

    /// Shows a view's own rules what has been trained and not been seen by them.
    pub(crate) fn catch_up(&mut self, view: usize) {
        while let Some(watch) = self.tree.views[view].watch.as_ref().filter(|watch| watch.ended().is_none()) {
            let Some(point) = self.tree.seen(view, watch.seen() + 1).map(Point::from) else { break };
            let Some(watch) = &mut self.tree.views[view].watch else { break };
            watch.observe(&point);
            if watch.improved() || watch.ended().is_some() {
                let watch = watch.clone();
                self.took_in(view, &watch);
            }
            self.follow(view);
        }
    }

    /// Tells the policy of a trial once all its views have ended.
    pub(crate) fn end_trial(&mut self, trial: usize) {
        let one = &mut self.trials[trial];
        if one.ahead || one.ended || one.views.iter().any(|view| self.tree.views[*view].ended.is_none()) {
            return;
        }
        one.ended = true;
        self.ended += 1;
        if let Some(result) = self.tree.result(one.number, &self.asked.parts) {
            self.progress.happened(&Happening::Ended(&result));
            let (stopped, curve) = (result.stopped(), JudgedCurve::of(&result));
            if let Some(foresight) = &self.asked.ahead {
                foresight.ended(result);
            }
            self.policy.observe(&Event::Ended { trial: trial as u32, stopped, curve });
        }
    }

    /// Trials that were put down keep what they came to.
    fn end_where_it_is(&mut self) {
        for view in 0..self.tree.views.len() {
            let one = &self.tree.views[view];
            let Some(watch) = one.watch.as_ref().or(self.trials[one.trial].watch.as_ref()) else { continue };
            if one.ended.is_none() && watch.seen() > 0 && !self.trials[one.trial].ahead {
                let (seen, chosen) = (watch.seen(), watch.chosen());
                self.end(view, Stopped::Complete, seen, chosen);
            }
        }
    }

    /// A view's rules have seen one more epoch.
    pub(crate) fn took_in(&mut self, view: usize, watch: &Watch) {
        if watch.improved() || watch.ended().is_some() {
            self.tree.views[view].chosen = Some(watch.chosen());
        }
        if let Some(stopped) = watch.ended() {
            self.end(view, stopped, watch.seen(), watch.chosen());
        }
    }

    fn end(&mut self, view: usize, stopped: Stopped, epochs: u32, chosen: u32) {
        let one = &mut self.tree.views[view];
        one.ended = Some(epochs);
        // The session that follows says that it ended, if it does follow.
        let Some(stage) = one.stage_of(epochs).filter(|_| !self.trials[one.trial].ahead) else { return };
        let ending = Ending { trial: one.number, part: one.part, stage, stopped, epochs, chosen };
        if self.tree.ending(ending.trial, ending.part) != Some(&ending) {
            let record = self.tree.end(ending);
            self.writer.append([record]);
        }
    }

    /// Epochs a view may be trained for now.
    pub(crate) fn granted(&self, view: usize) -> u32 {
        let one = &self.tree.views[view];
        match (one.ended, &self.trials[one.trial].watch) {
            (Some(epochs), _) => epochs,
            (None, Some(shared)) => one.until.min(shared.seen() + 1),
            (None, None) => one.until,
        }
    }

    /// Sees to it that what a view needs next is in the queue.
    pub(crate) fn poke(&mut self, view: usize) {
        let one = &self.tree.views[view];
        if one.ended.is_some() {
            if let Some(epoch) = one.chosen.filter(|_| self.asked.deliver) {
                self.want_delivered(view, epoch);
            }
            return;
        }
        let seen = one.watch.as_ref().or(self.trials[one.trial].watch.as_ref()).map_or(0, Watch::seen);
        let next = (seen + 1..=self.granted(view)).find(|epoch| self.tree.seen(view, *epoch).is_none());
        if let Some(stage) = next.and_then(|epoch| self.tree.views[view].stage_of(epoch)) {
            self.enqueue(stage);
        }
    }

    /// Whether nothing more is to be trained.
    pub(crate) fn stopping(&mut self) -> bool {
        self.cut |= self.asked.deadline.is_some_and(|deadline| Instant::now() >= deadline) && !self.done();
        self.cut || self.failure.is_some() || self.writer.fault().is_some()
    }

    /// Takes in an epoch and says what becomes of the run.
    pub fn epoch(&mut self, job: u64, observation: Observation, interrupted: bool) -> Verdict {
        let epoch = observation.epoch;
        let Some(running) = self.jobs.get_mut(&job) else {
            return Verdict { save: false, store: false, leave: true };
        };
        running.at = epoch;
        running.seconds += observation.seconds;
        let (stage, until) = (running.stage, running.until);
        if epoch > self.tree.trained(stage) {
            self.took_place(stage, observation);
        } else if !self.tree.observation(stage, epoch).is_some_and(|old| old.same_bits(&observation))
            && !self.other_bits
        {
            self.other_bits = true;
            let what = "training an epoch again gave other bits than before (another machine or program?); \
                        what was recorded first is kept";
            self.progress.happened(&Happening::Warning(what.into()));
        }
        self.tell(false);
        let stop = self.stopping() || interrupted;
        let lane = &self.tree.lanes[stage as usize];
        let wanted = lane.wanted.last().is_some_and(|last| *last > epoch);
        // Once the states that were wanted are there, what was trained before need not be trained through again.
        let skip = !wanted && lane.deepest(self.tree.trained(stage)).is_some_and(|(deepest, _)| deepest > epoch);
        let more = wanted || self.goal(stage).is_some_and(|goal| goal > epoch);
        let leave = stop || epoch >= until || skip || !more;
        let fork = self.forks(stage, epoch);
        let lane = &self.tree.lanes[stage as usize];
        let branch = self.branches(stage, epoch);
        let kept = fork || branch || self.delivers(stage, epoch) || lane.wanted.contains(&epoch);
        if leave && !kept && self.spent(stage) {
            self.unstored -= std::mem::take(&mut self.tree.lanes[stage as usize].unstored);
            self.prune(stage);
            self.spare_parent(stage);
            return Verdict { save: false, store: false, leave };
        }
        let lane = &self.tree.lanes[stage as usize];
        let due = lane.stored_at.is_some_and(|at| at.elapsed() >= STORE_EVERY);
        // Folds that wait for each other pause after every epoch, and trials after every grant: that is no reason to go
        // to the disk. But all together they must not lose more than one run would.
        let pause = lane.views.iter().any(|view| self.waits(*view, stage, epoch));
        let store = due
            || stop
            || fork
            || (leave && (!pause || self.unstored >= STORE_EVERY.as_secs_f64()))
            || (branch && self.tree.held() > BRANCH_BYTES);
        Verdict { save: kept || leave || store, store, leave }
    }

    /// Whether a rule that stays ended a view where the stage is now: whoever shares its epochs is ended there as well. One
    /// whose rate follows the curve can end where another one goes on.
    pub(crate) fn spent(&self, stage: StageId) -> bool {
        let trained = self.tree.trained(stage);
        let by_rule = |view: &View| {
            let trial = &self.trials[view.trial];
            let ended = view.watch.as_ref().or(trial.watch.as_ref()).and_then(Watch::ended);
            trial.ruled.is_none() && matches!(ended, Some(Stopped::Early | Stopped::Converged | Stopped::Diverged))
        };
        let mut views = self.tree.lanes[stage as usize].views.iter().map(|view| &self.tree.views[*view]);
        self.asked.rules_stay && views.any(|view| view.ended == Some(trained) && by_rule(view))
    }

    /// Whether a view that leaves its run here may well come back: its other folds are behind, or it has used up what it
    /// was granted and asks for more.
    fn waits(&self, view: usize, stage: StageId, epoch: u32) -> bool {
        let one = &self.tree.views[view];
        match one.ended {
            // One whose rate follows the curve is led on in a moment.
            None if self.trials[one.trial].ruled.is_some() => true,
            None => self.asked.watching == Watching::MeanOverFolds && one.until_in(stage) > epoch,
            Some(epochs) => epochs == epoch && one.until == epoch && epoch < one.plan.epochs,
        }
    }

    fn took_place(&mut self, stage: StageId, observation: Observation) {
        let Some(key) = self.tree.lanes[stage as usize].key(observation.epoch) else { return };
        self.tree.lanes[stage as usize].unstored += observation.seconds;
        self.unstored += observation.seconds;
        let record = Record::Epoch { stage, key, observation };
        self.tree.memory.apply(&record);
        self.writer.append([record]);
        let views = self.tree.lanes[stage as usize].views.clone();
        let mut all = views.iter().map(|view| &self.tree.views[*view]);
        // One that was overtaken in the midst of the epoch has ended.
        if let Some(first) = all.clone().find(|view| view.ended.is_none()).or(all.next()) {
            let (trial, part) = (first.number, first.part);
            self.progress.happened(&Happening::Epoch { trial, part, observation: &observation });
        }
        let before = self.ended;
        for view in views {
            let trial = self.tree.views[view].trial;
            if self.tree.views[view].watch.is_some() {
                // A stage can have thousands of views: no look at the other folds unless this one came to its end.
                if self.tree.views[view].ended.is_none() {
                    self.catch_up(view);
                    if self.tree.views[view].ended.is_some() {
                        self.end_trial(trial);
                    }
                }
                continue;
            }
            let shared = self.trials[trial].watch.as_ref().map(Watch::seen);
            self.consume(trial);
            // The other folds may go on now.
            if shared != self.trials[trial].watch.as_ref().map(Watch::seen) {
                self.trials[trial].views.clone().into_iter().for_each(|view| self.poke(view));
            }
        }
        if self.ended > before {
            self.ask();
            self.put_down_overtaken();
        }
    }

    /// A run was put down.
    pub fn leave(&mut self, job: u64) {
        let Some(running) = self.jobs.remove(&job) else { return };
        self.recent = Some(running.seconds);
        let stage = running.stage;
        let lane = &mut self.tree.lanes[stage as usize];
        lane.job = None;
        let views = lane.views.clone();
        self.release(stage);
        views.into_iter().for_each(|view| self.poke(view));
    }

    /// Whether a run can be put down in the middle of an epoch: what it did before is saved, or of no use to anyone.
    pub fn can_drop(&self, job: u64) -> bool {
        self.asked.abandon || self.jobs.get(&job).is_none_or(|running| running.saved_at == running.at)
    }

    fn tell(&mut self, now: bool) {
        let began = Instant::now();
        if !now && began < self.tell_at {
            return;
        }
        let mut totals = Totals { ended: self.ended, trials: self.own().count(), ..Totals::default() };
        for (stage, lane) in self.tree.lanes.iter().enumerate().filter(|(_, lane)| !lane.views.is_empty()) {
            let stage = stage as StageId;
            let trained = self.tree.trained(stage) - lane.before;
            let reach = lane.views.iter().map(|view| {
                let view = &self.tree.views[*view];
                view.ended.unwrap_or(view.until).min(view.until_in(stage))
            });
            totals.trained += u64::from(trained);
            totals.granted += u64::from(reach.max().unwrap_or(0).saturating_sub(lane.before).max(trained));
        }
        self.progress.happened(&Happening::Totals(totals));
        // Where there is much to count, it must not take more than a little of the time.
        self.tell_at = began + TELL_EVERY.max(50 * began.elapsed());
    }
}
