//! The training that follows a session, begun before the session's last runs are through: the final model of a search.
//!
//! Towards its end a search leaves core after core without a run, and then all of them but one while the final model is
//! trained. So that is begun for the settings that lead, at the moment from which it takes one core as long as what is left
//! of the search takes the others. Where other settings come to lead it is put down, with its state saved, and theirs is
//! begun. What is trained so is a stage like any other: the session that follows finds it by its keys, and goes on or has
//! nothing left to do. When it was begun changes no bit of it.

use crate::session::{Session, Trial};
use crate::tree::View;
use opportune_core::InputError;
use opportune_core::memory::TrialResult;
use opportune_core::plan::Part;
use opportune_core::ports::StageId;
use opportune_core::space::Config;
use opportune_core::stop::{StopRule, Watch};
use std::fmt::Debug;
use std::sync::Arc;

/// Knows what is trained when a session's trials have ended. Asked from any thread, under the engine's lock: it must be quick.
pub trait Foresight: Debug + Send + Sync {
    /// A trial of the session came to its end on all parts, here or in a session before: told once of each, and again where
    /// the policy went on with it.
    fn ended(&self, result: TrialResult);

    /// What follows, as far as can be told by now; `None` if nothing does, or if it cannot be told.
    fn next(&self) -> Option<Next>;
}

/// A training that follows: of settings that are a trial of the study already, on one part.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// The settings.
    pub config: Config,
    /// On which rows.
    pub part: Part,
    /// Epochs at the most.
    pub until: u32,
    /// Rules that may end it earlier.
    pub rules: Vec<StopRule>,
    /// About how long it takes on one core, in seconds. Decides when it is begun, nothing else.
    pub seconds: f64,
}

impl Next {
    fn is(&self, other: &Next) -> bool {
        let what = |one: &Next| (one.part, one.until);
        what(self) == what(other) && self.config == other.config && self.rules == other.rules
    }
}

/// What was begun.
pub(crate) struct Begun {
    next: Next,
    /// `None` if it cannot be planned here: the session that follows will say why.
    view: Option<usize>,
}

impl Session<'_> {
    /// Begins what follows, if it is time: asked when a core is free.
    pub(crate) fn look_ahead(&mut self) {
        self.put_down_overtaken();
        let Some(foresight) = self.asked.ahead.as_ref().filter(|_| self.finished && self.begun.is_none()) else {
            return;
        };
        let Some(next) = foresight.next().filter(|next| self.is_time_for(next)) else { return };
        let view = self.place_ahead(&next).unwrap_or_default();
        self.writer.end_is_near(true);
        self.begun = Some(Begun { next, view });
    }

    /// Has what was begun left after its epoch if other settings have come to lead.
    pub(crate) fn put_down_overtaken(&mut self) {
        let (Some(foresight), Some(begun)) = (&self.asked.ahead, &self.begun) else { return };
        if foresight.next().is_some_and(|next| next.is(&begun.next)) {
            return;
        }
        if let Some(view) = begun.view.map(|view| &mut self.tree.views[view]) {
            view.ended.get_or_insert(view.watch.as_ref().map_or(0, Watch::seen));
        }
        self.begun = None;
    }

    /// Whether what was begun is through; nothing else is to be trained then.
    pub(crate) fn through(&self) -> bool {
        let view = self.begun.as_ref().and_then(|begun| begun.view);
        view.is_none_or(|view| self.tree.views[view].ended.is_some())
    }

    /// Whether a stage is trained for what follows.
    pub(crate) fn follows(&self, stage: StageId) -> bool {
        self.tree.lanes[stage as usize].views.iter().any(|view| self.trials[self.tree.views[*view].trial].ahead)
    }

    /// Whether what is left of the session takes the other cores no longer than the training that follows takes one; or so
    /// little longer that it is too late when the next core is free. Runs that wait are taken to last as long as the last
    /// one that was done, and those in work half of that.
    fn is_time_for(&self, next: &Next) -> bool {
        if self.queue.is_empty() || self.room < 2 {
            return self.queue.is_empty();
        }
        let (room, run) = (self.room as f64, self.recent.unwrap_or(next.seconds));
        let left = run * (self.queue.len() as f64 + 0.5 * self.jobs.len() as f64);
        left <= (room - 1.0) * (next.seconds + run / room)
    }

    /// Takes the training that follows in as a trial that neither the policy nor whoever watches knows of, the first in the
    /// queue.
    fn place_ahead(&mut self, next: &Next) -> Result<Option<usize>, InputError> {
        let same = |(_, config): &&(u32, Config)| *config == next.config;
        let Some(&(number, _)) = self.tree.memory.trials.iter().find(same) else { return Ok(None) };
        let plan = Arc::new(self.planner.plan(&next.config, next.part)?);
        let until = next.until.clamp(1, plan.epochs);
        let watch = Watch::new(&next.rules, self.asked.score, plan.recipe.guessing(), until);
        let Some(keys) = self.keys(&plan, number, until) else { return Ok(None) };
        let trial = self.trials.len();
        let view = View { watch: Some(watch), ..View::new(trial, number, next.part, plan) };
        let (view, stages) = self.tree.place(view, &keys);
        self.writer.append(stages);
        self.trials.push(Trial::ahead(number, view));
        self.catch_up(view);
        self.poke(view);
        Ok(Some(view))
    }
}
