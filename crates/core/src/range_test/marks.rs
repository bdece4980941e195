//! The rates that a range test marks, and how far its repeats agree on them.

use super::RangeTest;
use serde::Serialize;

/// A rate that a range test marks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mark {
    /// By the mean of the losses over repeats.
    pub rate: f64,
    /// The lowest that a repeat by itself gives; `rate` if none gives one.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// Repeats that give one by themselves.
    pub repeats: usize,
}

/// What a range test is for: four rates with their spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Marks {
    /// The lowest rate that learns: [`RangeTest::lowest`].
    pub lowest: Mark,
    /// Where the loss falls fastest: [`RangeTest::steepest`]. `None` if no rate below the best one was tried.
    pub steepest: Option<Mark>,
    /// The rate with the lowest loss: [`RangeTest::minimum`].
    pub minimum: Mark,
    /// The edge of divergence: [`RangeTest::edge`]. `None` if no rate that was tried is beyond it.
    pub edge: Option<Mark>,
}

impl RangeTest {
    /// How often each rate was trained.
    pub fn repeats(&self) -> usize {
        self.points.iter().map(|point| point.losses.len()).max().unwrap_or(0)
    }

    /// One of the repeats, from 0, as a test of its own.
    pub fn repeat(&self, repeat: usize) -> RangeTest {
        let initial = match self.initials.get(repeat) {
            Some(initial) => initial.unwrap_or(f64::NAN),
            None => self.initial,
        };
        let mut one =
            RangeTest { initial, initials: vec![Some(initial).filter(|one| one.is_finite())], ..self.clone() };
        for point in &mut one.points {
            point.losses = vec![point.losses.get(repeat).copied().flatten()];
        }
        one
    }

    /// The four rates; `None` if the losses' mean over repeats tells nothing.
    pub fn marks(&self) -> Option<Marks> {
        let each: Vec<RangeTest> = (0..self.repeats()).map(|repeat| self.repeat(repeat)).collect();
        let mark = |of: &dyn Fn(&RangeTest) -> Option<f64>| {
            let rate = of(self)?;
            let given: Vec<f64> = each.iter().filter_map(of).collect();
            let low = given.iter().copied().reduce(f64::min).unwrap_or(rate);
            let high = given.iter().copied().reduce(f64::max).unwrap_or(rate);
            Some(Mark { rate, low, high, repeats: given.len() })
        };
        Some(Marks {
            lowest: mark(&RangeTest::lowest)?,
            steepest: mark(&RangeTest::steepest),
            minimum: mark(&|test| test.minimum().map(|(rate, _)| rate))?,
            edge: mark(&RangeTest::edge),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::RatePoint;
    use super::*;

    /// Of losses by rate, one list for each repeat.
    fn test(initials: &[f64], repeats: &[&[Option<f64>]]) -> RangeTest {
        let point = |(place, rate): (usize, f64)| {
            let losses = repeats.iter().map(|losses| losses.get(place).copied().flatten()).collect();
            RatePoint { rate, losses }
        };
        let finite = |one: &f64| Some(*one).filter(|one| one.is_finite());
        RangeTest {
            steps: 10,
            steps_per_epoch: 8,
            initial: initials.iter().sum::<f64>() / initials.len() as f64,
            initials: initials.iter().map(finite).collect(),
            points: RangeTest::rates().into_iter().enumerate().map(point).collect(),
        }
    }

    const A: [Option<f64>; 13] = [
        Some(2.3),
        Some(2.3),
        Some(2.2),
        Some(2.0),
        Some(1.5),
        Some(0.9),
        Some(0.5),
        Some(0.4),
        Some(0.8),
        Some(2.2),
        Some(5.0),
        None,
        None,
    ];
    const B: [Option<f64>; 13] = [
        Some(2.3),
        Some(2.3),
        Some(2.3),
        Some(2.25),
        Some(1.8),
        Some(0.7),
        Some(0.3),
        Some(0.5),
        Some(0.9),
        Some(4.0),
        None,
        None,
        None,
    ];

    #[test]
    fn each_repeat_is_judged_by_itself() {
        let one = test(&[2.3, 2.4], &[&A, &B]);
        let marks = one.marks().unwrap();
        assert_eq!(marks.minimum, Mark { rate: 0.01, low: 0.01, high: 0.03, repeats: 2 });
        assert_eq!(marks.lowest, Mark { rate: 3e-4, low: 3e-4, high: 1e-3, repeats: 2 });
        assert_eq!(marks.edge, Some(Mark { rate: 0.3, low: 0.3, high: 1.0, repeats: 2 }));
        assert_eq!(one.repeat(0).initial, 2.3);
        assert_eq!((one.repeats(), one.repeat(1).points[9].losses.as_slice()), (2, &[Some(4.0)][..]));
        assert_eq!(one.repeat(7).marks(), None);
    }

    #[test]
    fn a_repeat_that_tells_nothing_is_not_counted() {
        let marks = test(&[2.3, 2.3], &[&A, &[Some(2.3); 13]]).marks().unwrap();
        assert_eq!((marks.minimum.repeats, marks.minimum.low, marks.minimum.high), (1, 0.03, 0.03));
        // One that is nowhere a number leaves no mean.
        assert_eq!(test(&[2.3, f64::NAN], &[&A, &[None; 13]]).marks(), None);
        assert_eq!(test(&[2.3, f64::NAN], &[&A, &A]).marks(), None);
        assert_eq!(test(&[2.3], &[]).marks(), None);
    }

    #[test]
    fn negative_losses_are_losses() {
        let below = |losses: &[Option<f64>]| losses.iter().map(|loss| loss.map(|loss| loss - 10.0)).collect::<Vec<_>>();
        let (one, two) = (test(&[2.3], &[&A]), test(&[-7.7], &[&below(&A)]));
        let (one, two) = (one.marks().unwrap(), two.marks().unwrap());
        assert_eq!((one.lowest, one.minimum, one.edge), (two.lowest, two.minimum, two.edge));
        assert_eq!(one.steepest.map(|mark| mark.rate), two.steepest.map(|mark| mark.rate));
    }

    #[test]
    fn without_an_edge_there_is_none() {
        let marks = test(&[2.3], &[&A[..8]]).marks().unwrap();
        assert_eq!(marks.edge.map(|edge| edge.rate), Some(0.1));
        let calm: Vec<Option<f64>> = (0..13).map(|place| Some(2.0 - 0.1 * f64::from(place))).collect();
        assert_eq!(test(&[2.3], &[&calm]).marks().unwrap().edge, None);
        let first = test(&[2.3], &[&[Some(1.0); 13]]).marks().unwrap();
        assert_eq!((first.lowest.rate, first.minimum.rate, first.steepest), (1e-5, 1e-5, None));
    }
}
