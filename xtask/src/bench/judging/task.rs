//! Rules by which rates are compared after some epochs, and how well they do on a task.

use super::study::{Ends, Study};

/// From this epoch on the program judges by averaged weights.
const AVERAGED_FROM: usize = 4;

/// What rates are compared by after some epochs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    Raw,
    RawBest,
    Averaged,
    /// The lowest so far of what the program judges by: raw, then averaged.
    Program,
    Cooled,
    /// The final truth itself, on the rows that judge: what is left is the rows' doing.
    Truth,
}

pub const RULES: [(Rule, &str); 6] = [
    (Rule::Raw, "raw"),
    (Rule::RawBest, "raw, best so far"),
    (Rule::Averaged, "averaged"),
    (Rule::Program, "as the program"),
    (Rule::Cooled, "cooled (20% more epochs)"),
    (Rule::Truth, "the truth, other rows"),
];

/// What is to be found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The best loss within the horizon: any number of epochs, then cooled.
    Any,
    /// The loss at the horizon, cooled.
    Horizon,
}

impl Goal {
    /// By rate: loss on the rows that judge, which choose the epochs, and on those of the truth.
    pub fn ends(self, study: &Study) -> Vec<Ends> {
        let last = study.cooled.len().saturating_sub(1);
        let from = if self == Goal::Any { 0 } else { last };
        let best = |rate: usize| {
            let all = study.cooled[from..].iter().map(|all| all[rate]);
            all.reduce(|best, one| if one.judged < best.judged { one } else { best })
        };
        (0..study.rates.len()).filter_map(best).collect()
    }
}

pub fn lowest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

impl Rule {
    /// By rate, after so many epochs; infinite where a run did not get there.
    pub fn losses(self, study: &Study, epochs: usize, goal: Goal) -> Vec<f64> {
        let of = |rate: usize| {
            let (raw, averaged) = (&study.raw[rate], &study.averaged[rate]);
            let at = |curve: &[f64]| curve.get(epochs - 1).copied().unwrap_or(f64::INFINITY);
            match self {
                Rule::Raw => at(raw),
                Rule::Averaged => at(averaged),
                // What diverged is out, however good it was before.
                _ if self != Rule::Cooled && raw.len() < epochs => f64::INFINITY,
                Rule::RawBest => lowest(raw.iter().take(epochs).copied()),
                Rule::Program => {
                    let early = raw.iter().take(epochs.min(AVERAGED_FROM - 1));
                    lowest(early.chain(averaged.iter().take(epochs).skip(AVERAGED_FROM - 1)).copied())
                }
                Rule::Cooled => study.cooled_at(epochs).get(rate).map_or(f64::INFINITY, |one| one.judged),
                Rule::Truth => f64::INFINITY,
            }
        };
        match self {
            Rule::Truth => goal.ends(study).iter().map(|one| one.judged).collect(),
            _ => (0..study.rates.len()).map(of).collect(),
        }
    }
}

/// Places by value, those of equals shared.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |one: &f64| {
        let below = values.iter().filter(|other| *other < one).count();
        let equal = values.iter().filter(|other| *other == one).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

/// Spearman's rank correlation.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// Places of the lowest, the lowest first.
pub fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
    sum / count
}

pub fn geometric(values: impl Iterator<Item = f64>) -> f64 {
    mean(values.map(f64::ln)).exp()
}

/// The splits of one data set under one optimizer.
pub struct Task<'a> {
    pub data: &'a str,
    pub optimizer: &'a str,
    pub studies: Vec<&'a Study>,
}

/// How well a rule did on one task. Each split picks by the rows that judge and is scored by those of its own truth.
pub struct Judgement {
    /// Mean over splits.
    pub correlation: f64,
    /// Loss of the picked rates above that of the one best rate, as a share of it.
    pub regret: f64,
    /// The picked rate over the best one, geometric mean over splits.
    pub ratio: f64,
    /// Regret of the best of the better half, and of the better third.
    pub half: f64,
    pub third: f64,
}

impl Task<'_> {
    /// Loss at the truth by split and rate, and by rate the mean over splits; infinite where a split has not that rate.
    fn truth(&self, goal: Goal) -> (Vec<Vec<f64>>, impl Fn(f64) -> f64) {
        let by_split: Vec<Vec<f64>> =
            self.studies.iter().map(|study| goal.ends(study).iter().map(|one| one.truth).collect()).collect();
        let means = by_split.clone();
        let mean = move |rate: f64| {
            let of = |(study, truth): (&&Study, &Vec<f64>)| {
                let place = study.rates.iter().position(|one| (one / rate - 1.0).abs() < 1e-9);
                place.map_or(f64::INFINITY, |place| truth[place])
            };
            mean(self.studies.iter().zip(&means).map(of))
        };
        (by_split, mean)
    }

    /// The best rate of all splits together, and its loss.
    fn best(&self, goal: Goal) -> (f64, f64) {
        let (_, mean) = self.truth(goal);
        let rates = &self.studies[0].rates;
        let losses: Vec<f64> = rates.iter().map(|rate| mean(*rate)).collect();
        let best = order(&losses)[0];
        (rates[best], losses[best])
    }

    /// Regret where each split keeps some of its rates (of which it is given the order as judged), and the best of these
    /// by the mean of all splits counts.
    pub fn regret(&self, rule: Rule, epochs: usize, goal: Goal, kept: impl Fn(&[usize]) -> Vec<usize>) -> f64 {
        let ((truth, mean_of), (_, best)) = (self.truth(goal), self.best(goal));
        let loss = |(study, truth): (&&Study, &Vec<f64>)| {
            let kept = kept(&order(&rule.losses(study, epochs, goal)));
            let means: Vec<f64> = kept.iter().map(|place| mean_of(study.rates[*place])).collect();
            truth[kept[order(&means)[0]]]
        };
        mean(self.studies.iter().zip(&truth).map(loss)) / best - 1.0
    }

    /// How many steps of the rates each split's picked rate lies above the best one.
    pub fn steps(&self, rule: Rule, epochs: usize, goal: Goal) -> Vec<f64> {
        let (best, _) = self.best(goal);
        let of = |study: &&Study| (study.rates[order(&rule.losses(study, epochs, goal))[0]] / best).log2();
        self.studies.iter().map(of).collect()
    }

    pub fn judge(&self, rule: Rule, epochs: usize, goal: Goal) -> Judgement {
        let (truth, _) = self.truth(goal);
        let share =
            |share: usize| self.regret(rule, epochs, goal, |order| order[..order.len().div_ceil(share)].to_vec());
        let alike = |(study, truth): (&&Study, &Vec<f64>)| correlation(&rule.losses(study, epochs, goal), truth);
        Judgement {
            correlation: mean(self.studies.iter().zip(&truth).map(alike)),
            regret: self.regret(rule, epochs, goal, |order| order[..1].to_vec()),
            ratio: mean(self.steps(rule, epochs, goal).into_iter()).exp2(),
            half: share(2),
            third: share(3),
        }
    }
}

/// The studies by data set and optimizer.
pub fn tasks(all: &[Study]) -> Vec<Task<'_>> {
    let mut tasks: Vec<Task> = Vec::new();
    for study in all {
        match tasks.iter_mut().find(|task| task.data == study.data && task.optimizer == study.optimizer) {
            Some(task) => task.studies.push(study),
            None => tasks.push(Task { data: &study.data, optimizer: &study.optimizer, studies: vec![study] }),
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::super::study::tests::study;
    use super::*;

    #[test]
    fn rules_pick_what_they_should() {
        let study = study();
        let one = tasks(std::slice::from_ref(&study));
        let judge = |rule, epochs, goal| one[0].judge(rule, epochs, goal);
        let early = judge(Rule::Raw, 1, Goal::Any);
        assert!((early.regret - 0.1).abs() < 1e-9 && early.ratio == 2.0 && early.correlation == 0.5);
        assert!(early.half < 1e-9 && (early.third - 0.1).abs() < 1e-9, "two of three stay, or one");
        let late = judge(Rule::RawBest, 4, Goal::Horizon);
        assert_eq!((late.regret, late.ratio, late.correlation), (0.0, 1.0, 1.0));
        // Raw until the third epoch, averaged from the fourth.
        assert_eq!(Rule::Program.losses(&study, 4, Goal::Any), [1.4, 1.0, 1.2]);
        assert_eq!(Rule::Cooled.losses(&study, 4, Goal::Any), [1.4, 0.8, 1.2]);
        assert!(Rule::Raw.losses(&study, 5, Goal::Any).iter().all(|loss| loss.is_infinite()));
    }

    #[test]
    fn correlations_share_ranks_of_equals() {
        assert_eq!(ranks(&[1.0, f64::INFINITY, 0.5, f64::INFINITY]), [1.0, 2.5, 0.0, 2.5]);
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]), 1.0);
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
    }
}
