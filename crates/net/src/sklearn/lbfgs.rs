//! L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995) where there are no bounds, as `scipy.optimize.minimize` runs it.
//!
//! Without bounds its direction is that of L-BFGS, −H·g. H is applied here by the two loops over the pairs (Nocedal 1980)
//! and there by a compact matrix; what is computed is the same, but for rounding.

use super::full::Minimised;
use super::line_search::{LONGEST, LineSearch, Next};
use crate::update::sums::{add, dot, largest};
use pulp::Arch;
use std::collections::VecDeque;

/// Pairs that are kept.
const HISTORY: usize = 10;
/// Relative decrease below which the search has converged: scipy's `ftol`.
const FTOL: f64 = 2.220446049250313e-09;
/// Evaluations in one line search; with more the history is forgotten.
const EVALUATIONS: u32 = 20;

/// Why a minimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The largest part of the gradient is at most the tolerance.
    Gradient,
    /// The function hardly falls any more.
    Decrease,
    /// The iterations that were granted are used up.
    Iterations,
    /// The evaluations that were granted are used up.
    Evaluations,
    /// The line search found no lower point, not even along the gradient.
    LineSearch,
    /// It was asked to leave.
    Dropped,
}

/// When to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Of the largest part of the gradient.
    pub(super) gradient: f64,
    pub(super) iterations: u64,
    /// More than these end the search after the iteration.
    pub(super) evaluations: u64,
}

/// A change of the parameters, the change of the gradient that came with it, and one over their product.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse: f64,
}

/// What stands at a point of the search.
#[derive(Clone)]
struct Point {
    x: Vec<f64>,
    g: Vec<f64>,
    f: f64,
}

/// Minimises from `x`. `evaluate` writes the gradient and gives the function, or `None` to leave at once; `seen` is told
/// iteration, point and function after every iteration.
pub(super) fn search_from(
    arch: Arch,
    x: Vec<f64>,
    limits: Limits,
    evaluate: &mut Evaluate<'_>,
    seen: &mut dyn FnMut(u64, &[f64], f64),
) -> Minimised {
    let now = Point { g: vec![0.0; x.len()], x, f: 0.0 };
    let mut search = Search { arch, limits, now, iterations: 0, evaluations: 0, evaluate };
    let ending = search.run(seen);
    Minimised { parameters: search.now.x, loss: search.now.f, iterations: search.iterations, ending }
}

/// Writes the gradient at a point and gives the function, or `None` to leave.
type Evaluate<'a> = dyn FnMut(&[f64], &mut [f64]) -> Option<f64> + 'a;

struct Search<'a, 'b> {
    arch: Arch,
    limits: Limits,
    now: Point,
    iterations: u64,
    evaluations: u64,
    evaluate: &'a mut Evaluate<'b>,
}

/// How a search along a line ended.
enum Line {
    /// At a step, where the slope is this.
    Found { step: f64, slope: f64 },
    /// Nowhere.
    Lost,
    /// It was asked to leave.
    Dropped,
}

impl Search<'_, '_> {
    /// Function and gradient at the point; whether to go on.
    fn look(&mut self) -> bool {
        self.evaluations += 1;
        let f = (self.evaluate)(&self.now.x, &mut self.now.g);
        self.now.f = f.unwrap_or(self.now.f);
        f.is_some()
    }

    fn flat(&self) -> bool {
        largest(self.arch, &self.now.g) <= self.limits.gradient
    }

    fn run(&mut self, seen: &mut dyn FnMut(u64, &[f64], f64)) -> Ending {
        if !self.look() {
            return Ending::Dropped;
        }
        if self.flat() {
            return Ending::Gradient;
        }
        let mut pairs: VecDeque<Pair> = VecDeque::with_capacity(HISTORY);
        let mut scale = 1.0;
        let mut direction = vec![0.0; self.now.x.len()];
        loop {
            descend(self.arch, &pairs, scale, &self.now, &mut direction);
            let start = self.now.clone();
            let slope = dot(self.arch, &start.g, &direction);
            let (step, slope_there) = match self.along(&start, slope, &direction) {
                Line::Found { step, slope } => (step, slope),
                Line::Dropped => return Ending::Dropped,
                Line::Lost => {
                    // Back to where the line began; once more along the gradient, if this was not along it.
                    self.now = start;
                    if pairs.is_empty() {
                        return Ending::LineSearch;
                    }
                    pairs.clear();
                    scale = 1.0;
                    continue;
                }
            };
            self.iterations += 1;
            seen(self.iterations, &self.now.x, self.now.f);
            if self.iterations >= self.limits.iterations {
                return Ending::Iterations;
            }
            if self.evaluations > self.limits.evaluations {
                return Ending::Evaluations;
            }
            if self.flat() {
                return Ending::Gradient;
            }
            if start.f - self.now.f <= FTOL * start.f.abs().max(self.now.f.abs()).max(1.0) {
                return Ending::Decrease;
            }
            let bent = (slope_there - slope) * step;
            if bent > f64::EPSILON * -slope * step {
                let change: Vec<f64> = self.now.g.iter().zip(&start.g).map(|(now, before)| now - before).collect();
                scale = bent / dot(self.arch, &change, &change);
                let taken = direction.iter().map(|way| step * way).collect();
                if pairs.len() == HISTORY {
                    pairs.pop_front();
                }
                pairs.push_back(Pair { step: taken, change, inverse: 1.0 / bent });
            }
        }
    }

    /// Searches from `start`, where the slope is `slope`, along a direction.
    fn along(&mut self, start: &Point, slope: f64, direction: &[f64]) -> Line {
        if slope >= 0.0 {
            return Line::Lost;
        }
        // The very first step is of length 1 at most.
        let length = dot(self.arch, direction, direction).sqrt();
        let mut step = if self.iterations > 0 { 1.0 } else { (1.0 / length).min(LONGEST) };
        let mut line = LineSearch::new(start.f, slope, step);
        for _ in 0..EVALUATIONS {
            for ((now, start), way) in self.now.x.iter_mut().zip(&start.x).zip(direction) {
                *now = if step == 1.0 { start + way } else { step * way + start };
            }
            if !self.look() {
                return Line::Dropped;
            }
            let slope = dot(self.arch, &self.now.g, direction);
            match line.next(self.now.f, slope) {
                Next::Taken => return Line::Found { step, slope },
                Next::Try(next) => step = next,
            }
        }
        Line::Lost
    }
}

/// −H·g, as it is once added to the point.
fn descend(arch: Arch, pairs: &VecDeque<Pair>, scale: f64, now: &Point, direction: &mut [f64]) {
    direction.iter_mut().zip(&now.g).for_each(|(way, g)| *way = -g);
    let mut taken = [0.0; HISTORY];
    for (pair, taken) in pairs.iter().zip(&mut taken).rev() {
        *taken = pair.inverse * dot(arch, &pair.step, direction);
        add(arch, -*taken, &pair.change, direction);
    }
    direction.iter_mut().for_each(|way| *way *= scale);
    for (pair, taken) in pairs.iter().zip(&taken) {
        let back = pair.inverse * dot(arch, &pair.change, direction);
        add(arch, taken - back, &pair.step, direction);
    }
    // L-BFGS-B adds it to the point and takes the point off again.
    direction.iter_mut().zip(&now.x).for_each(|(way, x)| *way = (x + *way) - x);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { gradient: 1e-5, iterations: 15_000, evaluations: 15_000 };

    /// What was found, the function after each iteration, and the evaluations.
    fn search(start: &[f64], limits: Limits, f: &dyn Fn(&[f64], &mut [f64]) -> f64) -> (Minimised, Vec<f64>, u32) {
        let (mut curve, mut count) = (Vec::new(), 0);
        let mut evaluate = |x: &[f64], gradient: &mut [f64]| {
            count += 1;
            Some(f(x, gradient))
        };
        let found = search_from(Arch::new(), start.to_vec(), limits, &mut evaluate, &mut |_, _, f| curve.push(f));
        (found, curve, count)
    }

    /// Rosenbrock's function of several variables.
    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let mut sum = 0.0;
        for i in 0..x.len() - 1 {
            let (a, b) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
            sum += 100.0 * a * a + b * b;
            gradient[i] += -400.0 * x[i] * a - 2.0 * b;
            gradient[i + 1] += 200.0 * a;
        }
        sum
    }

    #[test]
    fn rosenbrock_falls_as_in_scipy() {
        // scipy 1.17.1: minimize(rosen, x0, jac=rosen_der, method="L-BFGS-B", options={"gtol": 1e-5}).
        let start = [-1.2, 1.0, -1.2, 1.0, -1.2, 1.0];
        let (found, curve, count) = search(&start, LIMITS, &rosenbrock);
        assert_eq!((found.ending, found.iterations, count), (Ending::Decrease, 52, 63));
        let theirs = [265.6512379641681, 143.2964395524186, 64.41023925893238, 23.66233397391727, 11.495504645635238];
        for (ours, theirs) in curve.iter().zip(theirs).chain([(&curve[29], 0.7993596416066382)]) {
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{ours} {theirs}");
        }
        assert!(found.parameters.iter().all(|x| (x - 1.0).abs() < 1e-5) && found.loss < 1e-10);
    }

    #[test]
    fn it_ends_where_it_should() {
        let start = [-1.2, 1.0, -1.2, 1.0];
        let of = |limits: Limits| search(&start, limits, &rosenbrock).0;
        let some = of(Limits { iterations: 7, ..LIMITS });
        assert_eq!((some.ending, some.iterations), (Ending::Iterations, 7));
        assert_eq!(of(Limits { evaluations: 9, ..LIMITS }).ending, Ending::Evaluations);
        assert_eq!(of(Limits { gradient: 1e4, ..LIMITS }).iterations, 0);
        // A gradient of the wrong sign, as scipy ends with it: nowhere is lower, so nothing falls.
        let (lost, curve, count) = search(&[1.0, 2.0], LIMITS, &|x, gradient| {
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g = -2.0 * x);
            x.iter().map(|x| x * x).sum()
        });
        assert_eq!((lost.ending, lost.parameters, curve, count), (Ending::Decrease, vec![1.0, 2.0], vec![5.0], 21));
        // A function that is no number anywhere but at the start.
        let (lost, ..) = search(&[1.0, 2.0], LIMITS, &|x, gradient| {
            gradient.fill(1.0);
            if x == [1.0, 2.0] { 3.0 } else { f64::NAN }
        });
        assert_eq!((lost.ending, lost.parameters), (Ending::LineSearch, vec![1.0, 2.0]));
        let mut asked = 0;
        let mut evaluate = |x: &[f64], gradient: &mut [f64]| {
            asked += 1;
            (asked < 3).then(|| rosenbrock(x, gradient))
        };
        let dropped = search_from(Arch::new(), start.to_vec(), LIMITS, &mut evaluate, &mut |_, _, _| {});
        assert_eq!(dropped.ending, Ending::Dropped);
    }
}
