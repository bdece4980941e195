//! One training.

use super::{Action, Event, Policy};
use crate::space::Config;

/// Starts one point of the space: a fit, or the refit of a search's best.
#[derive(Debug, Clone)]
pub struct Single(Vec<Action>);

impl Single {
    /// `config` for `until` epochs at most; its schedule stays that of all the epochs it asks for.
    pub fn new(config: Config, until: u32) -> Single {
        Single(vec![Action::Start { config, until }, Action::Finish])
    }
}

impl Policy for Single {
    fn observe(&mut self, _event: &Event) {}

    fn next(&mut self, _free: usize) -> Vec<Action> {
        std::mem::take(&mut self.0)
    }
}
