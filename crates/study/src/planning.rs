//! From what a policy asks for to planned views: trials are started and gone on with.

use crate::engine::{EngineError, Watching};
use crate::session::{Session, Trial};
use crate::tree::View;
use opportune_core::plan::{Plan, PrefixKey};
use opportune_core::policy::Action;
use opportune_core::ports::Record;
use opportune_core::space::Config;
use opportune_core::stop::Watch;
use std::collections::VecDeque;
use std::sync::Arc;

impl Session<'_> {
    /// Asks the policy until it has nothing more to ask for.
    pub(crate) fn ask(&mut self) {
        while !self.finished && self.failure.is_none() && !self.unplanned {
            let busy = self.own().count() - self.ended;
            let actions = self.policy.next(self.room.saturating_sub(busy));
            if actions.is_empty() {
                return;
            }
            for action in actions {
                // Not even that it finishes: something is missing.
                if self.unplanned {
                    return;
                }
                let done = match action {
                    Action::Start { config, until } => self.start(&config, until),
                    Action::Resume { trial, until } => self.resume(trial, until),
                    Action::Finish => {
                        self.finished = true;
                        Ok(())
                    }
                    Action::Stop => {
                        (self.finished, self.cut) = (true, true);
                        Ok(())
                    }
                };
                if let Err(error) = done {
                    self.failure = Some(error);
                    return;
                }
            }
        }
    }

    pub(crate) fn private(&self, number: u32) -> Option<u32> {
        (!self.asked.share).then_some(number)
    }

    fn start(&mut self, config: &Config, until: u32) -> Result<(), EngineError> {
        // In a new study there is nothing to look for.
        let remembered = match self.remembered.is_empty() {
            true => None,
            false => self.remembered.get_mut(&format!("{config:?}")).and_then(VecDeque::pop_front),
        };
        let number = remembered.unwrap_or_else(|| self.tree.memory.next_trial());
        let trial = self.trials.len();
        let mut placed = Vec::new();
        let mut shared_watch = None;
        let ruled = self.planner.rate_rule(config)?;
        let planned = ruled.as_ref().map(|ruled| ruled.config(config, &[]));
        // A run that is not shared has keys of its own, and one whose rate follows its curve is planned by that.
        let drafts = self.asked.drafts.as_ref().filter(|_| self.asked.share && ruled.is_none());
        let drawn = drafts.and_then(|drafts| drafts.get(trial, config));
        for (at, part) in self.asked.parts.iter().enumerate() {
            let draft = drawn.and_then(|trial| trial.get(at)).filter(|draft| draft.plan.recipe.part == *part);
            let plan = match draft {
                Some(draft) => draft.plan.clone(),
                None => Arc::new(self.planner.plan(planned.as_ref().unwrap_or(config), *part)?),
            };
            let granted = until.clamp(1, plan.epochs);
            let watch = Watch::new(&self.asked.rules, self.asked.score, plan.recipe.guessing(), granted)
                .with_rates(ruled.as_ref().map(|ruled| ruled.watch(self.asked.score)));
            let until = watch.certain();
            let keys = match draft.and_then(|draft| draft.keys.get(..until as usize)) {
                Some(keys) => Some(keys.to_vec()),
                None => self.keys(&plan, number, until),
            };
            let Some(keys) = keys else { return Ok(()) };
            let mut view = View::new(trial, number, *part, plan);
            match self.asked.watching {
                Watching::EachFold => view.watch = Some(watch),
                Watching::MeanOverFolds => shared_watch = Some(watch),
            }
            placed.push((view, keys));
        }
        let mut records = Vec::new();
        if remembered.is_none() {
            records.push(Record::Trial { trial: number, config: config.clone() });
            records.iter().for_each(|record| self.tree.memory.apply(record));
        }
        let mut views = Vec::new();
        for (view, keys) in placed {
            let (view, stages) = self.tree.place(view, &keys);
            records.extend(stages);
            views.push(view);
        }
        self.writer.append(records);
        self.trials.push(Trial {
            number,
            views: views.clone(),
            watch: shared_watch,
            ruled,
            ended: false,
            ahead: false,
        });
        self.consume(trial);
        views.into_iter().for_each(|view| self.poke(view));
        Ok(())
    }

    /// Goes on with a trial that waits, on all of its folds that no rule has ended.
    fn resume(&mut self, trial: u32, until: u32) -> Result<(), EngineError> {
        let index = trial as usize;
        let Some(one) = self.trials.get_mut(index).filter(|one| one.ended) else {
            return Err(EngineError::Incapable(format!("the policy goes on with trial {trial}, which does not wait")));
        };
        one.ended = false;
        self.ended -= 1;
        let views = one.views.clone();
        if let Some(watch) = &mut one.watch {
            watch.extend(until.min(self.tree.views[views[0]].plan.epochs));
        }
        let shared = one.watch.as_ref().map(|watch| watch.ended().is_none());
        for index in &views {
            let view = &mut self.tree.views[*index];
            if let Some(watch) = &mut view.watch {
                watch.extend(until.min(view.plan.epochs));
            }
            if !shared.unwrap_or(view.watch.as_ref().is_some_and(|watch| watch.ended().is_none())) {
                continue;
            }
            view.ended = None;
            self.lead_on(*index)?;
        }
        self.consume(index);
        views.into_iter().for_each(|view| self.poke(view));
        Ok(())
    }

    /// The keys of a plan of the trial with that number after 1, 2, … `until` epochs; none if someone wants to stop meanwhile.
    pub(crate) fn keys(&mut self, plan: &Plan, number: u32, until: u32) -> Option<Vec<PrefixKey>> {
        let (private, going) = (self.private(number), self.going());
        let last = self.last_keys.entry(plan.recipe.part).or_default();
        let keys = last.of(plan, private, until, going).map(<[PrefixKey]>::to_vec);
        self.unplanned |= keys.is_none();
        keys
    }

    /// Those after `epochs` + 1, + 2, … `until` epochs, where that after `epochs` epochs is `key`.
    pub(crate) fn keys_after(
        &mut self,
        plan: &Plan,
        epochs: u32,
        key: PrefixKey,
        until: u32,
    ) -> Option<Vec<PrefixKey>> {
        let going = self.going();
        let keys = plan.keys_after(epochs, key).take(until.saturating_sub(epochs) as usize);
        let keys: Option<Vec<PrefixKey>> = keys.map(|key| going().then_some(key)).collect();
        self.unplanned |= keys.is_none();
        keys
    }
}
