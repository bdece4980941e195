//! Which strategy searches, and within which limits.

use crate::flags::Tune;
use crate::values::list;
use opportune_core::InputError;
use opportune_core::schedule::Schedule;
use opportune_core::text::nearest;
use std::time::Duration;

/// How is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    Auto,
    Grid,
    Random,
    Sobol,
    Halving,
    Asha,
}

const STRATEGIES: [(&str, Strategy); 6] = [
    ("auto", Strategy::Auto),
    ("grid", Strategy::Grid),
    ("random", Strategy::Random),
    ("sobol", Strategy::Sobol),
    ("halving", Strategy::Halving),
    ("asha", Strategy::Asha),
];

impl Strategy {
    /// The one that the flags ask for, before any file is opened.
    pub fn of(flags: &Tune) -> Result<Strategy, InputError> {
        let named = flags.search.strategy.as_deref();
        let strategy = match named {
            None => Strategy::Auto,
            Some(name) => STRATEGIES.iter().find(|one| one.0 == name).map(|one| one.1).ok_or_else(|| unknown(name))?,
        };
        let limits = &flags.search;
        let given = [
            ("--trials", limits.trials.is_some()),
            ("--budget-epochs", limits.budget_epochs.is_some()),
            ("--time", limits.time.is_some()),
            ("--min-epochs", limits.min_epochs.is_some()),
            ("--target-score", limits.target_score.is_some()),
        ];
        if strategy == Strategy::Grid {
            if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
                return Err(InputError::new("a grid trains all of its points, and nothing limits it")
                    .at(*flag)
                    .remedy("leave it out, or choose another --strategy"));
            }
            return grid(flags).map(|()| strategy);
        }
        if flags.space.network.loss.as_deref().is_some_and(|text| list(text).len() > 1) {
            return Err(InputError::new(
                "trials are compared by their validation loss, which must be the same one for all",
            )
            .at("--loss")
            .remedy("give one, or compare by score with --strategy grid"));
        }
        let own = flags.space.schedule.iter().any(|schedule| schedule.owns_rate());
        let rules = [("--patience", flags.training.patience.is_some()), ("--tol", flags.training.tol.is_some())];
        // Runs of constant rate tell nothing of a schedule that has rates of its own, or whose rate follows the curve.
        let follows = flags.space.schedule.iter().any(|schedule| schedule.rate_rule().is_some());
        let strategy = match strategy {
            Strategy::Auto if own || follows => Strategy::Halving,
            strategy => strategy,
        };
        if let (Strategy::Auto, Some((flag, _))) = (strategy, rules.iter().find(|(_, given)| *given)) {
            return Err(InputError::new("the default search decides itself when to stop, for every number of epochs")
                .at(*flag)
                .remedy("leave it out, or choose another --strategy, such as halving"));
        }
        if strategy == Strategy::Auto && flags.space.average.as_ref().is_some_and(|text| text != "none") {
            return Err(InputError::new("the default search judges by an average of its own, and cools down instead")
                .at("--average")
                .remedy("leave it out, or choose another --strategy, such as halving"));
        }
        for (flag, zero) in [
            ("--trials", limits.trials == Some(0)),
            ("--budget-epochs", limits.budget_epochs == Some(0)),
            ("--min-epochs", limits.min_epochs == Some(0)),
        ] {
            if zero {
                return Err(InputError::new("0 is nothing to search with; give at least 1").at(flag));
            }
        }
        if limits.target_score.is_some_and(|target| !target.is_finite()) {
            return Err(InputError::new("is not a finite number").at("--target-score"));
        }
        time(limits.time.as_deref())?;
        Ok(strategy)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        STRATEGIES.iter().find(|one| one.1 == self).map_or("", |one| one.0)
    }

    /// Why it was chosen, where it was not asked for.
    pub fn explained(self, flags: &Tune) -> Option<String> {
        let why = match (flags.search.strategy.as_deref(), self) {
            (None | Some("auto"), Strategy::Halving) if flags.space.schedule.iter().any(Schedule::owns_rate) => {
                "halving, because a schedule with rates of its own has no constant rate to search over"
            }
            (None | Some("auto"), Strategy::Halving) => {
                "halving, because runs of constant rate tell nothing of a rate that follows the curve"
            }
            (None, Strategy::Auto) => {
                "auto: halving over runs of constant rate, because they answer for every number of epochs at once"
            }
            _ => return None,
        };
        Some(format!("strategy {why}"))
    }
}

fn unknown(name: &str) -> InputError {
    let names = STRATEGIES.map(|one| one.0);
    let near = nearest(name, names).map(|near| format!("did you mean '{near}'? "));
    InputError::new(format!("unknown strategy '{name}'")).at("--strategy").remedy(format!(
        "{}there are: {}",
        near.unwrap_or_default(),
        names.join(", ")
    ))
}

/// What a grid needs.
fn grid(flags: &Tune) -> Result<(), InputError> {
    let own = flags.space.schedule.iter().any(|schedule| schedule.owns_rate());
    for (flag, given) in [("--lr", flags.space.lr.is_some() || own), ("--epochs", flags.space.epochs.is_some())] {
        if !given {
            return Err(InputError::new("a grid needs the values to try")
                .at(flag)
                .remedy(format!("give a list, as {flag} {}", if flag == "--lr" { "0.01,0.001" } else { "100,200" })));
        }
    }
    let ranges = [
        ("--lr", &flags.space.lr),
        ("--epochs", &flags.space.epochs),
        ("--batch", &flags.space.network.batch),
        ("--l2", &flags.space.network.l2),
        ("--label-smoothing", &flags.space.network.label_smoothing),
        ("--weight-decay", &flags.space.network.weight_decay),
        ("--dropout", &flags.space.network.dropout),
        ("--clip-norm", &flags.space.network.clip_norm),
        ("--clip-value", &flags.space.network.clip_value),
    ];
    match ranges.iter().find(|(_, text)| text.as_deref().is_some_and(|text| text.contains(".."))) {
        Some((flag, Some(text))) => Err(InputError::new(format!("'{text}' is a range, and a grid takes lists"))
            .at(*flag)
            .remedy("give the values, as 0.01,0.001, or choose another --strategy")),
        _ => Ok(()),
    }
}

/// A time as `--time` has it.
pub fn time(text: Option<&str>) -> Result<Option<Duration>, InputError> {
    let Some(text) = text else { return Ok(None) };
    let bad = || InputError::new(format!("'{text}' is no time")).at("--time").remedy("write it as 30s, 10m or 2h");
    let (digits, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let seconds = match unit {
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(bad()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| bad())?;
    let seconds = number * seconds;
    if !(seconds > 0.0 && seconds < 1e9) {
        return Err(bad());
    }
    Ok(Some(Duration::from_secs_f64(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text: &str| time(Some(text)).map(|time| time.map(|time| time.as_secs_f64()));
        for (text, expected) in [("30s", 30.0), ("10m", 600.0), ("1.5h", 5400.0), ("45", 45.0), ("2min", 120.0)] {
            assert_eq!(seconds(text).ok().flatten(), Some(expected), "{text}");
        }
        for text in ["", "m", "-3s", "0s", "3d", "1e99h", "nan"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(time(None).ok(), Some(None));
    }
}
