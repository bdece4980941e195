//! Every point of a grid, each for as many epochs as it asks for.

use super::{Action, Event, Policy, epochs_of};
use crate::space::{Config, Space};

/// Starts every point of a space at once, so that all shared prefixes are known before training begins. A single
/// training is the grid of one point.
#[derive(Debug, Clone)]
pub struct Grid {
    configs: Vec<(Config, u32)>,
    asked: bool,
}

impl Grid {
    /// The grid of `space`; a point without `epochs` of its own is trained for `epochs`.
    pub fn new(space: &Space, epochs: u32) -> Grid {
        let with_epochs = |config: Config| {
            let until = epochs_of(&config).unwrap_or(epochs);
            (config, until)
        };
        Grid::of(space.grid().map(with_epochs).collect())
    }

    /// These points, each for so many epochs.
    pub fn of(configs: Vec<(Config, u32)>) -> Grid {
        Grid { configs, asked: false }
    }
}

impl Policy for Grid {
    fn observe(&mut self, _event: &Event) {}

    fn next(&mut self, _free: usize) -> Vec<Action> {
        if self.asked {
            return Vec::new();
        }
        self.asked = true;
        let starts = self.configs.iter().map(|(config, until)| Action::Start { config: config.clone(), until: *until });
        starts.chain([Action::Finish]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Param, Value};

    #[test]
    fn asks_for_every_point_once_with_its_own_epochs() {
        let epochs = Param::list("epochs", vec![Value::Count(2), Value::Count(5)]);
        let lr = Param::list("lr", vec![Value::Number(0.1), Value::Number(0.2)]);
        let mut grid = Grid::new(&Space(vec![lr, epochs]), 9);
        let actions = grid.next(1);
        let untils: Vec<u32> = actions
            .iter()
            .filter_map(|action| match action {
                Action::Start { until, .. } => Some(*until),
                _ => None,
            })
            .collect();
        assert_eq!((untils, actions.last()), (vec![2, 5, 2, 5], Some(&Action::Finish)));
        assert!(grid.next(1).is_empty());
        assert_eq!(Grid::new(&Space::default(), 9).next(1).len(), 2);
    }
}
