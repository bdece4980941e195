//! From curves to what is delivered: finalists at the recommended number of epochs, and their confirmation.

use crate::InputError;
use crate::epochs::EpochsTable;
use crate::judged::{JudgedCurve, Paired};
use crate::schedule::Schedule;
use crate::score::Score;
use crate::space::{Config, Value};

/// The share of a run that a cooldown takes, and the schedule it is written as.
const COOLDOWN: f64 = 0.2;
/// Constant rate with a cooldown at the end: what a trunk is delivered with.
pub const COOLED: &str = "sequence(constant, cooldown(20%))";
/// What is compared where no schedule is asked for.
pub const SCHEDULES: [&str; 2] = [COOLED, "cosine"];
/// A schedule that falls from the start wants a rate this many times the trunk's best.
const FALLING_RATE: f64 = 1.5;
/// So many are confirmed.
pub const CONFIRMED: usize = 3;

/// The epoch at which the cooldown of a run of so many epochs begins: where it leaves its trunk.
pub fn cooldown_begins(epochs: u32) -> u32 {
    // The margin is for shares that have no exact binary form, as in the schedule itself.
    (f64::from(epochs) * (1.0 - COOLDOWN) + 1e-9).floor() as u32
}

/// A candidate for delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Finalist {
    /// The point of the space; its epochs are those of its schedule.
    pub config: Config,
    /// Epochs it is trained for.
    pub until: u32,
    /// The trial that it leaves, and after how many epochs, where it is the cooldown of one.
    pub from: Option<(u32, u32)>,
}

/// A trial of constant rate: number, config and curve.
pub type Trunk<'a> = (u32, &'a Config, &'a JudgedCurve);

/// Candidates at the recommended number of epochs: each of `schedules` on the best trunk's rate (on one above it, where
/// the schedule falls from the start), and then the best other trunk under the first schedule that suits trunks. At least
/// one, the best trunk's own schedule first. `nearest` gives the nearest rate that may be tried to one that may not.
///
/// # Errors
/// A schedule that cannot be read.
pub fn finalists(
    table: &EpochsTable,
    trunks: &[Trunk<'_>],
    schedules: &[String],
    nearest: &dyn Fn(f64) -> f64,
) -> Result<Vec<Finalist>, InputError> {
    let row = &table.rows[table.recommended];
    let epochs = row.epochs;
    let within = |trunk: &&Trunk<'_>| trunk.2.best(epochs).is_some();
    let mut order: Vec<&Trunk<'_>> = trunks.iter().filter(within).collect();
    let loss = |trunk: &Trunk<'_>| trunk.2.best(epochs).map_or(f64::INFINITY, |(_, loss)| loss);
    order.sort_by(|a, b| {
        let first = |trunk: &Trunk<'_>| (trunk.0 != row.trial, trunk.0);
        (first(a).0).cmp(&first(b).0).then(loss(a).total_cmp(&loss(b))).then(first(a).cmp(&first(b)))
    });
    let of = |trunk: &Trunk<'_>, schedule: &str, factor: f64| {
        let config = trunk.1.with("schedule", Value::Text(schedule.to_string())).with("epochs", Value::Count(epochs));
        let rate = config.get("lr").and_then(Value::number);
        let config = match rate {
            Some(rate) if factor != 1.0 => config.with("lr", Value::Number(nearest(rounded(rate * factor)))),
            _ => config,
        };
        let from = (schedule == COOLED).then(|| (trunk.0, cooldown_begins(epochs)));
        Finalist { config, until: epochs, from }
    };
    let Some(best) = order.first() else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    let mut trunk_like = None;
    for text in schedules {
        let schedule: Schedule = text.parse()?;
        let suits = text == COOLED || !schedule.depends_on_epochs();
        if suits {
            trunk_like = trunk_like.or(Some(text));
        }
        all.push(of(best, text, if suits { 1.0 } else { FALLING_RATE }));
    }
    all.sort_by_key(|finalist| finalist.from.is_none());
    match (order.get(1), trunk_like, schedules.first()) {
        (Some(other), Some(schedule), _) => all.push(of(other, schedule, 1.0)),
        // Only schedules that fall from the start: the trunk's own rate is another candidate.
        (_, None, Some(schedule)) => all.push(of(best, schedule, 1.0)),
        _ => {}
    }
    // The only rate that may be tried is every schedule's.
    let mut seen: Vec<Config> = Vec::new();
    all.retain(|one| {
        !seen.contains(&one.config) && {
            seen.push(one.config.clone());
            true
        }
    });
    Ok(all)
}

/// To three significant digits: a rate that is computed need not look like it.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

/// Which of several candidates is delivered. `scores` are those of the confirmation, for each candidate by fold (or by
/// block of rows), the search's winner first. A challenger takes its place only if it is better by one paired standard
/// error; of several that are, the best one does.
pub fn confirmed(score: Score, scores: &[Vec<f64>]) -> usize {
    let Some(winner) = scores.first() else { return 0 };
    let sign = if score.higher_is_better() { 1.0 } else { -1.0 };
    let finite = |scores: &[f64]| !scores.is_empty() && scores.iter().all(|score| score.is_finite());
    let lead = |challenger: &Vec<f64>| {
        if !finite(challenger) || challenger.len() != winner.len() {
            return None;
        }
        if !finite(winner) {
            return Some(f64::MAX);
        }
        let Paired { mean, error } = Paired::of(challenger, winner);
        (sign * mean > error && mean != 0.0).then_some(sign * mean)
    };
    let leads = scores.iter().enumerate().skip(1).filter_map(|(place, one)| Some((place, lead(one)?)));
    leads.reduce(|best, one| if one.1 > best.1 { one } else { best }).map_or(0, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(rate: f64) -> Config {
        Config::from_iter([
            ("lr".to_string(), Value::Number(rate)),
            ("epochs".to_string(), Value::Count(200)),
            ("schedule".to_string(), Value::Text("constant".into())),
        ])
    }

    fn words(all: &[Finalist]) -> Vec<String> {
        all.iter().map(|one| format!("{} from {:?}", one.config, one.from)).collect()
    }

    fn chosen(schedules: &[&str]) -> Vec<String> {
        among(schedules, |rate| rate)
    }

    fn among(schedules: &[&str], nearest: fn(f64) -> f64) -> Vec<String> {
        let fast = JudgedCurve::of_losses(&[[0.5, 0.5], [0.4, 0.4], [0.6, 0.6], [0.6, 0.6], [0.6, 0.6]]);
        let slow = JudgedCurve::of_losses(&[[0.9, 0.9], [0.6, 0.6], [0.3, 0.3], [0.2, 0.2], [0.1, 0.1]]);
        let (a, b) = (config(0.02), config(0.01));
        let table = EpochsTable::of(&[(4, &fast), (7, &slow)], &[1, 2, 3, 5], 1).unwrap();
        let schedules: Vec<String> = schedules.iter().map(|text| text.to_string()).collect();
        words(&finalists(&table, &[(4, &a, &fast), (7, &b, &slow)], &schedules, &nearest).unwrap())
    }

    #[test]
    fn finalists_are_the_trunks_with_cooldowns_and_cosine_above_the_rate() {
        assert_eq!(
            chosen(&SCHEDULES),
            [
                "epochs 5, lr 0.01, schedule sequence(constant, cooldown(20%)) from Some((7, 4))",
                "epochs 5, lr 0.015, schedule cosine from None",
                "epochs 5, lr 0.02, schedule sequence(constant, cooldown(20%)) from Some((4, 4))",
            ]
        );
        let only = chosen(&["cosine"]);
        assert_eq!(
            only,
            ["epochs 5, lr 0.015, schedule cosine from None", "epochs 5, lr 0.01, schedule cosine from None"]
        );
        let only = among(&["cosine"], |_| 0.01);
        assert_eq!(only, ["epochs 5, lr 0.01, schedule cosine from None"], "no other rate is allowed");
        assert_eq!(chosen(&["constant"])[0], "epochs 5, lr 0.01, schedule constant from None");
    }

    #[test]
    fn schedules_are_written_as_they_print() {
        for text in SCHEDULES {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_cooldown_leaves_the_trunk_where_its_schedule_does() {
        for epochs in 1..300 {
            let schedule: Schedule = COOLED.parse().unwrap();
            let resolved = schedule.resolve(Some(1.0), 7, epochs).unwrap();
            let begins = u64::from(cooldown_begins(epochs)) * 7;
            assert!((0..=begins).all(|step| resolved.at(step).rate == 1.0), "{epochs}");
            assert!(resolved.at(begins + 1).rate < 1.0, "{epochs}");
        }
    }

    #[test]
    fn a_challenger_must_be_better_by_a_standard_error() {
        let winner = vec![0.90, 0.92, 0.94];
        let lucky = vec![0.99, 0.90, 0.90];
        let better = vec![0.91, 0.93, 0.96];
        let best = vec![0.95, 0.96, 0.99];
        assert_eq!(confirmed(Score::Accuracy, &[winner.clone(), lucky.clone()]), 0, "a higher mean is not enough");
        assert_eq!(confirmed(Score::Accuracy, &[winner.clone(), better.clone()]), 1);
        assert_eq!(confirmed(Score::Accuracy, &[winner.clone(), better.clone(), best.clone()]), 2);
        assert_eq!(confirmed(Score::Rmse, &[winner.clone(), best.clone()]), 0, "lower is better");
        assert_eq!(confirmed(Score::Rmse, &[best, winner.clone()]), 1);
        assert_eq!(confirmed(Score::Accuracy, &[winner.clone(), winner.clone()]), 0);
        assert_eq!(confirmed(Score::Accuracy, &[vec![f64::NAN; 3], lucky]), 1, "what diverged gives way");
        assert_eq!(confirmed(Score::Accuracy, &[winner, vec![f64::NAN; 3]]), 0);
        assert_eq!(confirmed(Score::Accuracy, &[vec![0.5], vec![0.6]]), 0, "of one pair nothing is known");
        assert_eq!(confirmed(Score::Accuracy, &[]), 0);
    }
}
