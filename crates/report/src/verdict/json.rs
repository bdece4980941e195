//! The verdict as JSON, for programs.

use super::fitting::Fitting;
use super::rates::{Neighbour, Outcome};
use super::reading::{Over, Verdict};
use serde_json::{Map, Value, json};

impl Verdict {
    /// As JSON. A value that is not finite or not known is null.
    ///
    /// `headline`; `best` (settings by name); `score` (`name`, `mean`, `std`, `values`, `over`, `confirmed`) and
    /// `search_score`; `confirmed_on` (`new_division` or `same_division` of the rows; null if not confirmed); `final_model`
    /// (`rows`; null if there is none); `test` (`rows`, `score`); `rate` (`best`, `stable`, `edge`, `of`, `half`, `twice`);
    /// `fitting`
    /// (`kind`: `overfits`, `too_short`, `settled` or `unknown`; `epoch`); `mattered`; `epochs_table`; `finalists`;
    /// `cost` in fold-epochs and seconds; `ended_early`; `warnings`; `next`.
    pub fn json(&self) -> Value {
        let score = &self.score;
        let over = match score.over {
            Over::Folds => "folds",
            Over::Blocks => "blocks",
            Over::One => "rows",
        };
        let division = if score.divided_anew { "new_division" } else { "same_division" };
        let rates = &self.rates;
        let mattered = self.mattered.iter().map(|one| {
            let value = |(value, loss): &(String, f64)| json!({"value": value, "loss": loss});
            json!({
                "name": one.name, "epochs": one.epochs, "values": one.values.iter().map(value).collect::<Vec<_>>(),
                "without": one.without, "gap": one.gap, "error": one.error, "beyond_chance": one.beyond_chance,
            })
        });
        let line = self.table.iter().map(|one| {
            let settings: Map<String, Value> =
                one.others.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({
                "epochs": one.epochs, "trial": one.trial, "lr": one.rate, "settings": settings, "loss": one.loss,
                "score": one.score, "as_good": one.as_good, "recommended": one.recommended, "best": one.best,
            })
        });
        let finalist = self.finalists.iter().map(|one| {
            json!({
                "trial": one.trial, "schedule": one.schedule, "lr": one.rate, "epochs": one.epochs,
                "search_score": one.search_score, "score": one.score, "std": one.std,
            })
        });
        let cost = &self.cost;
        json!({
            "study": self.study,
            "headline": self.headline,
            "best": serde_json::to_value(&self.best).unwrap_or(Value::Null),
            "epochs": self.epochs,
            "limit": self.limit,
            "judged_by": self.judged_by,
            "score": {
                "name": score.name.word(), "mean": score.mean, "std": score.std.filter(|_| score.over == Over::Folds),
                "standard_error": score.std.filter(|_| score.over == Over::Blocks), "values": score.values, "over": over,
                "confirmed": score.confirmed,
            },
            "search_score": score.search,
            "confirmed_on": Some(division).filter(|_| score.confirmed),
            "final_model": self.model_rows.map(|rows| json!({"rows": rows})),
            "test": self.test.map(|(rows, score)| json!({"rows": rows, "score": score})),
            "rate": {
                "best": self.rate, "stable": rates.stable.map(|(low, high)| [low, high]), "edge": rates.edge,
                "edge_trained": rates.edge_trained,
                "of": rates.of, "half": rates.half.map(neighbour), "twice": rates.twice.map(neighbour),
            },
            "fitting": fitting(self.fitting),
            "gap": self.gap.map(|(training, validation)| json!({"training": training, "validation": validation})),
            "mattered": mattered.collect::<Vec<_>>(),
            "epochs_table": line.collect::<Vec<_>>(),
            "finalists": finalist.collect::<Vec<_>>(),
            "cost": {
                "epochs_trained": cost.trained(), "range_test": cost.range_test, "search": cost.search,
                "forks": cost.forks, "confirmation": cost.confirmation, "refit": cost.refit,
                "overtaken": cost.overtaken,
                "epochs_shared": cost.shared, "full_grid": cost.full_grid, "seconds": cost.seconds,
            },
            "ended_early": self.ended_early,
            "warnings": self.warnings,
            "next": self.next,
        })
    }
}

fn neighbour(one: Neighbour) -> Value {
    match one.outcome {
        Outcome::Diverged { epoch } => json!({"lr": one.rate, "diverged": true, "epoch": epoch}),
        Outcome::Trained { epochs, loss, score, beyond_chance } => json!({
            "lr": one.rate, "diverged": false, "epochs": epochs, "loss": loss, "score": score,
            "beyond_chance": beyond_chance,
        }),
    }
}

fn fitting(one: Fitting) -> Value {
    let (kind, epoch) = match one {
        Fitting::Overfits { epoch, .. } => ("overfits", Some(epoch)),
        Fitting::TooShort { epoch } => ("too_short", Some(epoch)),
        Fitting::Settled { epoch } => ("settled", Some(epoch)),
        Fitting::Unknown { .. } => ("unknown", None),
    };
    json!({"kind": kind, "epoch": epoch})
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::sample::{
        diverged_neighbour, ended_early, given_folds, grid, ordinary, overfitting, several_networks,
    };
    use serde_json::json;

    #[test]
    fn a_verdict_as_json() {
        let value = Verdict::of(&ordinary()).unwrap().json();
        assert_eq!(value["best"]["schedule"], json!("sequence(constant(), cooldown(20%))"));
        assert_eq!(value["rate"]["best"], json!(0.004));
        assert_eq!((&value["rate"]["stable"], &value["rate"]["edge"]), (&json!([0.001, 0.1]), &json!(0.256)));
        assert_eq!(value["rate"]["half"]["lr"], json!(0.002));
        assert_eq!(value["rate"]["twice"]["epochs"], json!(21));
        assert_eq!(value["fitting"]["kind"], json!("settled"));
        let table = value["epochs_table"].as_array().unwrap();
        let recommended: Vec<_> = table.iter().filter(|row| row["recommended"] == json!(true)).collect();
        assert_eq!(
            (recommended.len(), &recommended[0]["epochs"], &recommended[0]["lr"]),
            (1, &json!(34), &json!(0.004))
        );
        assert_eq!(value["finalists"][1]["schedule"], json!("cosine()"));
        assert_eq!((&value["score"]["confirmed"], &value["score"]["over"]), (&json!(true), &json!("folds")));
        assert_eq!(value["cost"]["epochs_trained"], json!(34 + 1215 + 275 + 510 + 34));
        assert_eq!((&value["final_model"], &value["confirmed_on"]), (&json!({"rows": 1437}), &json!("new_division")));
        let early = Verdict::of(&ended_early()).unwrap().json();
        assert!(early["final_model"].is_null() && early["confirmed_on"].is_null(), "{early}");
        assert_eq!(Verdict::of(&given_folds()).unwrap().json()["confirmed_on"], json!("same_division"));
    }

    #[test]
    fn what_is_unknown_or_not_finite_is_null() {
        let mut found = grid();
        found.finalists[0].result.folds[0].ending.stopped = opportune_core::stop::Stopped::Diverged;
        found.cost.seconds = f64::INFINITY;
        let value = Verdict::of(&found).unwrap().json();
        for null in [&value["score"]["mean"], &value["rate"]["half"], &value["rate"]["edge"], &value["cost"]["seconds"]]
        {
            assert!(null.is_null(), "{value}");
        }
        assert_eq!(value["epochs_table"], json!([]));
        let diverged = Verdict::of(&diverged_neighbour()).unwrap().json();
        assert_eq!(diverged["rate"]["twice"], json!({"lr": 0.008, "diverged": true, "epoch": 3}));
        assert_eq!(Verdict::of(&overfitting()).unwrap().json()["fitting"]["kind"], json!("overfits"));
        let several = Verdict::of(&several_networks()).unwrap().json();
        assert_eq!(several["mattered"][0]["name"], json!("hidden"));
    }
}
