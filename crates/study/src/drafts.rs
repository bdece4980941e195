//! Plans drawn up before a session asks for them: what a grid will have trained is known before its study is open, and most of
//! opening one is waiting for the disk.

use crate::tree::Already;
use opportune_core::InputError;
use opportune_core::plan::{LastKeys, Part, Plan, PrefixKey};
use opportune_core::ports::Planner;
use opportune_core::space::Config;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// Keys that are kept at the most, 16 bytes each; what comes after them is planned when it is asked for.
const KEYS: usize = if cfg!(test) { 1 << 6 } else { 1 << 16 };

/// A plan with its keys after 1, 2, … epochs, as many as it has, of a run that may be shared.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) plan: Arc<Plan>,
    pub(crate) keys: Vec<PrefixKey>,
}

/// The plans of settings in the order in which a policy will ask for them, and what they cost.
#[derive(Debug, Default)]
pub struct Drafts {
    /// The first of them, with their plans on all parts.
    trials: Vec<(Config, Vec<Draft>)>,
    epochs: u64,
    different: u64,
}

impl Drafts {
    /// Draws up the plans of these settings on all `parts`, until `going` says no: keys of many steps take seconds.
    ///
    /// # Errors
    /// Settings that cannot be planned.
    pub fn of(
        planner: &dyn Planner,
        settings: impl Iterator<Item = Config>,
        parts: &[Part],
        going: impl Fn() -> bool,
    ) -> Result<Drafts, InputError> {
        let mut drafts = Drafts::default();
        let mut last: HashMap<Part, LastKeys> = HashMap::new();
        let mut different: HashSet<PrefixKey, BuildHasherDefault<Already>> = HashSet::default();
        let mut room = KEYS;
        for config in settings {
            // The parts cost all the same, so one is enough to count.
            let drawn = if room > 0 { parts.len() } else { parts.len().min(1) };
            let mut trial = Vec::with_capacity(drawn);
            for part in &parts[..drawn] {
                let plan = Arc::new(planner.plan(&config, *part)?);
                let Some(keys) = last.entry(*part).or_default().of(&plan, None, plan.epochs, &going) else {
                    return Ok(drafts);
                };
                trial.push(Draft { plan, keys: keys.to_vec() });
            }
            let Some(first) = trial.first() else { return Ok(drafts) };
            different.extend(&first.keys);
            drafts.epochs += first.keys.len() as u64 * parts.len() as u64;
            drafts.different = different.len() as u64 * parts.len() as u64;
            if room > 0 {
                room = room.saturating_sub(trial.iter().map(|draft| draft.keys.len()).sum());
                drafts.trials.push((config, trial));
            }
        }
        Ok(drafts)
    }

    /// Epochs that the settings cost over all parts if no rule ends any, each by itself.
    pub fn epochs(&self) -> u64 {
        self.epochs
    }

    /// The same where what they have in common is trained once.
    pub fn different_epochs(&self) -> u64 {
        self.different
    }

    /// The plans of the `place`th settings, if those were drawn up and are these, in the order of the parts.
    pub(crate) fn get(&self, place: usize, config: &Config) -> Option<&[Draft]> {
        self.trials.get(place).filter(|(drawn, _)| drawn == config).map(|(_, trial)| &trial[..])
    }
}
