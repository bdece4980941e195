//! Which of several settings mattered: the best that each value of a setting gave, after epochs that all were given.

use super::Found;
use super::rates::{above, beyond_chance};
use crate::number;
use opportune_core::judged::JudgedCurve;
use opportune_core::memory::TrialResult;
use opportune_core::space::{Domain, Param, Value};

/// A setting of which several values were tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Mattered {
    /// Its name.
    pub name: String,
    /// Epochs after which its values are compared: the most that some trial of each was trained for.
    pub epochs: u32,
    /// The best loss that each value gave within those, best first. A range counts as its two halves.
    pub values: Vec<(String, f64)>,
    /// Values none of whose trials got through an epoch.
    pub without: Vec<String>,
    /// Loss of the worst over that of the best, less 1.
    pub gap: f64,
    /// The standard error of that difference, likewise as a share of the best's loss; `None` where it is not known.
    pub error: Option<f64>,
    /// Whether the difference is beyond that error; `None` where it is not known.
    pub beyond_chance: Option<bool>,
}

/// Settings that say how long and how fast: they have an answer of their own.
const OTHERWISE: [&str; 3] = ["lr", "epochs", "schedule"];

/// All settings of which at least two values got through an epoch, those that mattered most first.
pub(crate) fn mattered(found: &Found) -> Vec<Mattered> {
    let curves: Vec<(&TrialResult, JudgedCurve)> = found.trials.iter().map(|one| (one, JudgedCurve::of(one))).collect();
    let params = found.space.0.iter().filter(|param| param.varies() && !OTHERWISE.contains(&param.name.as_str()));
    let mut all: Vec<Mattered> = params.filter_map(|param| of(param, &curves)).collect();
    all.sort_by(|a, b| {
        let beyond = |one: &Mattered| one.beyond_chance == Some(true);
        beyond(b).cmp(&beyond(a)).then(b.gap.total_cmp(&a.gap))
    });
    all
}

/// Whether a value belongs to those that are compared as one.
type Is = Box<dyn Fn(&Value) -> bool>;

/// The values of a parameter that are compared, each with its name.
fn groups(param: &Param) -> Vec<(String, Is)> {
    match &param.domain {
        Domain::Values(values) => {
            let one = |value: &Value| -> (String, Is) {
                let wanted = value.clone();
                (text(value), Box::new(move |other| *other == wanted))
            };
            values.iter().map(one).collect()
        }
        Domain::Range { .. } => {
            let Some(middle) = param.domain.at(0.5).number() else { return Vec::new() };
            let name = number::short(middle, 3);
            let below = move |value: &Value| value.number().is_some_and(|value| value < middle);
            let above = move |value: &Value| value.number().is_some_and(|value| value >= middle);
            vec![(format!("less than {name}"), Box::new(below)), (format!("{name} or more"), Box::new(above))]
        }
    }
}

/// A value for reading.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number::short(*number, 5),
        _ => value.to_string(),
    }
}

fn of(param: &Param, curves: &[(&TrialResult, JudgedCurve)]) -> Option<Mattered> {
    let has = |one: &TrialResult, is: &dyn Fn(&Value) -> bool| one.config.get(&param.name).is_some_and(is);
    let mut without = Vec::new();
    let mut tried: Vec<(String, Vec<&JudgedCurve>)> = Vec::new();
    for (name, is) in groups(param) {
        let its: Vec<&JudgedCurve> =
            curves.iter().filter(|(one, curve)| curve.epochs() > 0 && has(one, &is)).map(|one| &one.1).collect();
        if its.is_empty() {
            without.push(name);
        } else {
            tried.push((name, its));
        }
    }
    let longest = |its: &[&JudgedCurve]| its.iter().map(|curve| curve.epochs()).max().unwrap_or(0);
    let epochs = tried.iter().map(|(_, its)| longest(its)).min()?;
    let best = |its: &[&'_ JudgedCurve]| -> Option<(f64, Vec<f64>)> {
        let long = its.iter().filter(|curve| curve.epochs() >= epochs);
        let all = long.filter_map(|curve| curve.best(epochs).map(|best| (*curve, best)));
        let (curve, (at, loss)) = all.reduce(|best, one| if one.1.1 < best.1.1 { one } else { best })?;
        Some((loss, curve.units(at)?.to_vec()))
    };
    let mut values: Vec<(String, f64, Vec<f64>)> =
        tried.iter().filter_map(|(name, its)| best(its).map(|(loss, units)| (name.clone(), loss, units))).collect();
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    let [first, .., last] = values.as_slice() else { return None };
    let chance = beyond_chance(Some(&last.2), Some(&first.2));
    let gap = above(last.1, first.1);
    Some(Mattered {
        name: param.name.clone(),
        epochs,
        gap,
        error: chance.map(|(_, error)| error / first.1).filter(|error| error.is_finite() && gap.is_finite()),
        beyond_chance: chance.map(|(beyond, _)| beyond),
        values: values.iter().map(|(name, loss, _)| (name.clone(), *loss)).collect(),
        without,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{ordinary, several_networks};
    use super::*;
    use crate::sample::number;

    #[test]
    fn values_are_compared_where_each_was_trained() {
        let found = several_networks();
        let all = mattered(&found);
        assert_eq!(all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["hidden", "batch"]);
        let hidden = &all[0];
        assert_eq!((hidden.epochs, hidden.beyond_chance), (21, Some(true)));
        assert_eq!(hidden.values.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(), ["50,50", "100"]);
        // The only trials of each that lasted so long have the rate 0.004.
        let best = |trial: usize| JudgedCurve::of(&found.trials[trial]).best(21).unwrap().1;
        assert_eq!(hidden.values[0].1, best(4).min(best(10)));
        assert_eq!(hidden.gap, best(1).min(best(7)) / hidden.values[0].1 - 1.0);
    }

    #[test]
    fn a_value_without_an_epoch_is_said() {
        let mut found = several_networks();
        found.space.0[0] = Param::list("hidden", vec![Value::Layers(vec![9]), Value::Layers(vec![50, 50])]);
        assert_eq!(mattered(&found).len(), 1, "one value cannot be compared");
        found.space.0[0] = Param::list("hidden", [9, 100].map(|n| Value::Layers(vec![n])).to_vec());
        let Domain::Values(values) = &mut found.space.0[0].domain else { panic!() };
        values.push(Value::Layers(vec![50, 50]));
        assert_eq!(mattered(&found)[0].without, ["9"]);
    }

    #[test]
    fn ranges_are_compared_by_their_halves() {
        let mut found = ordinary();
        for (place, one) in found.trials.iter_mut().enumerate() {
            one.config = one.config.with("l2", number(1e-6 * 10f64.powi(place as i32 % 4)));
        }
        let domain = Domain::Range { low: 1e-6, high: 1e-2, log: true, whole: false };
        found.space.0.push(Param { name: "l2".into(), domain });
        let one = mattered(&found);
        let names: Vec<&str> = one[0].values.iter().map(|one| one.0.as_str()).collect();
        assert_eq!(names, ["1e-4 or more", "less than 1e-4"]);
        assert!(mattered(&ordinary()).is_empty());
    }
}
