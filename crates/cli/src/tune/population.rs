//! What a search begins with: which rates, at which points of the space.

use super::search::Search;
use crate::work;
use opportune_core::InputError;
use opportune_core::ports::Planner;
use opportune_core::range_test::{RangeTest, rates_between};
use opportune_core::sampler::{Sampler, Sobol};
use opportune_core::schedule::{Constant, Schedule, Timing};
use opportune_core::space::{Config, Domain, Param, Space, Value};
use serde_json::json;

/// Where a range test tells nothing, these rates are tried.
const UNKNOWN_RATES: (f64, f64) = (1e-4, 0.1);
/// The first rung has at least so many optimizer steps: after fewer, every rate looks alike.
const FIRST_STEPS: u32 = 8;
/// Rates of a range that is given, at the most.
const RATES_MOST: usize = 14;
/// Candidates of the default search unless told.
const TRUNKS_MOST: u32 = 48;

impl Search<'_, '_> {
    fn owns_rate(&self) -> bool {
        let schedule = |value: &Value| value.text().and_then(|text| text.parse::<Schedule>().ok());
        let schedules = self.work.job.space.param("schedule").into_iter().flat_map(|param| param.values());
        schedules.filter_map(schedule).any(|schedule| schedule.owns_rate())
    }

    /// The space without rate and schedule.
    fn rest(&self) -> Space {
        self.work.job.space.without("lr").without("schedule")
    }

    /// Brackets the rate for each optimizer, where it is not given. Whether it was done, not interrupted.
    pub fn range_test(&mut self) -> Result<bool, InputError> {
        if self.work.job.space.param("lr").is_some() || self.owns_rate() {
            return Ok(true);
        }
        let rest = self.rest();
        let middle = |config: Config| {
            let ranges = rest.0.iter().filter(|param| param.is_range());
            ranges.fold(config, |config, param| config.with(&param.name, param.domain.at(0.5)))
        };
        let mut firsts: Vec<Config> = Vec::new();
        for point in rest.grid() {
            if firsts.iter().all(|first| first.get("optimizer") != point.get("optimizer")) {
                firsts.push(middle(point));
            }
        }
        for point in firsts {
            let Some(test) = self.test_at(&point)? else { return Ok(false) };
            self.work.teller.line(&in_words(&point, &test));
            self.work.teller.event(&json!({"event": "range_test", "config": point, "test": test}))?;
            if test.candidates().is_empty() {
                self.work.teller.warn(format!(
                    "the range test cannot tell which rates train, as no loss fell within its {} steps: rates from \
                     1e-4 to 0.1 are tried",
                    test.steps
                ));
            }
            self.range_tests.push((point, test));
        }
        Ok(true)
    }

    /// The range test of a point, remembered or trained; `None` if it was interrupted.
    fn test_at(&mut self, point: &Config) -> Result<Option<RangeTest>, InputError> {
        let notes = self.work.engine.memory().notes.iter().filter(|(kind, _)| kind == "range_test");
        let parsed = notes.filter_map(|(_, text)| serde_json::from_str::<serde_json::Value>(text).ok());
        let mut fits = parsed.filter(|note| note["config"] == json!(point));
        if let Some(test) = fits.find_map(|note| serde_json::from_value(note["test"].clone()).ok()) {
            return Ok(Some(test));
        }
        let job = &self.work.job;
        let plan = job.trainer.plan(point, job.parts[0])?;
        let steps = RangeTest::steps_for(plan.schedule.steps_per_epoch());
        let takes =
            (RangeTest::rates().len() as u64 * u64::from(steps)).div_ceil(u64::from(plan.schedule.steps_per_epoch()));
        if let Some(left) = self.budget_left().filter(|left| takes > *left) {
            self.work.output.withdraw();
            return Err(InputError::new(format!(
                "a range test takes {takes} fold-epochs, and the budget leaves {left}"
            ))
            .at("--budget-epochs")
            .remedy("allow more, or give the rates with --lr"));
        }
        let test = job.trainer.range_test(point, &RangeTest::rates(), steps, 1, self.work.interrupt)?;
        if let Some(test) = &test {
            let note = json!({"config": point, "test": test});
            self.work.engine.note("range_test", note.to_string());
            self.work.engine.flush().map_err(work::outside)?;
        }
        Ok(test)
    }

    /// Rates to begin with at a point, ascending.
    fn rates(&self, point: &Config) -> Vec<f64> {
        match self.work.job.space.param("lr").map(|param| &param.domain) {
            Some(Domain::Values(values)) => values.iter().filter_map(Value::number).collect(),
            Some(&Domain::Range { low, high, .. }) => {
                let rates = rates_between(low, high);
                let every = rates.len().div_ceil(RATES_MOST).max(1);
                rates.into_iter().step_by(every).collect()
            }
            None => {
                let fits = |(first, _): &&(Config, RangeTest)| first.get("optimizer") == point.get("optimizer");
                let rates = self.range_tests.iter().find(fits).map(|(_, test)| test.candidates()).unwrap_or_default();
                if rates.is_empty() { rates_between(UNKNOWN_RATES.0, UNKNOWN_RATES.1) } else { rates }
            }
        }
    }

    /// Lowest and highest rate that may be tried beside those; `None`: no others.
    pub fn rates_to_probe(&self) -> Option<(f64, f64)> {
        match self.work.job.space.param("lr").map(|param| &param.domain) {
            Some(Domain::Values(_)) => None,
            Some(&Domain::Range { low, high, .. }) => Some((low, high)),
            // Below the lowest edge of divergence that a range test found.
            None => {
                let edges = self.range_tests.iter().filter_map(|(_, test)| test.edge());
                Some((0.0, edges.fold(f64::INFINITY, f64::min) * (1.0 - 1e-9)))
            }
        }
    }

    /// The nearest rate to this one that may be tried.
    pub fn nearest_rate(&self, rate: f64) -> f64 {
        match self.work.job.space.param("lr").map(|param| &param.domain) {
            Some(Domain::Values(values)) => {
                let far = |other: &f64| (other / rate).ln().abs();
                values.iter().filter_map(Value::number).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(rate)
            }
            Some(&Domain::Range { low, high, .. }) => rate.clamp(low, high),
            None => rate,
        }
    }

    /// The runs of constant rate that the default search begins with: every rate at every point of the space, or as many
    /// drawn among them as are allowed.
    pub fn trunks(&self) -> Vec<Config> {
        let limit = self.work.job.epochs.limit();
        let constant = Schedule::Constant(Constant, Timing::default()).to_string();
        let trunk = |point: &Config, rate: f64| {
            let config = point.with("lr", Value::Number(rate)).with("schedule", Value::Text(constant.clone()));
            config.with("epochs", Value::Count(limit))
        };
        let most = self.flags.search.trials.unwrap_or(TRUNKS_MOST) as usize;
        let mut rest = self.rest();
        let all =
            || rest.grid().flat_map(|point| self.rates(&point).into_iter().map(move |rate| (point.clone(), rate)));
        if rest.range().is_none() && rest.size() <= most && all().count() <= most {
            return all().map(|(point, rate)| trunk(&point, rate)).collect();
        }
        // Rates differ by optimizer, so it is their place among them that is drawn.
        rest.0
            .push(Param { name: "lr".into(), domain: Domain::Range { low: 0.0, high: 1.0, log: false, whole: false } });
        let drawn = |point: Config| {
            let rates = self.rates(&point);
            let place = point.get("lr").and_then(Value::number).unwrap_or(0.0);
            trunk(&point, rates[((place * rates.len() as f64) as usize).min(rates.len() - 1)])
        };
        self.draw(&rest, most).into_iter().map(drawn).fold(Vec::new(), distinct)
    }

    fn draw(&self, space: &Space, count: usize) -> Vec<Config> {
        let sampler = Sobol::new(self.work.job.base.seed);
        (0..count as u32).map(|trial| sampler.sample(space, trial)).collect()
    }

    /// The space with rates and schedules, where the range test and the defaults have filled in what is not given.
    pub fn full_space(&self) -> Space {
        let mut space = self.work.job.space.clone();
        if space.param("schedule").is_none() {
            let constant = Schedule::Constant(Constant, Timing::default()).to_string();
            space.0.push(Param::list("schedule", vec![Value::Text(constant)]));
        }
        if space.param("lr").is_none() && !self.owns_rate() {
            let tested = self.range_tests.iter().flat_map(|(point, _)| self.rates(point));
            let (low, high) = tested.fold((f64::INFINITY, 0.0f64), |ends, rate| (ends.0.min(rate), ends.1.max(rate)));
            let domain = Domain::Range { low, high, log: true, whole: false };
            space.0.push(Param { name: "lr".into(), domain });
        }
        let limit = Value::Count(self.work.job.epochs.limit());
        space.0.push(Param::list("epochs", vec![limit]));
        space
    }

    /// So many points of the full space: its grid if that has no more, else drawn from it.
    pub fn samples(&self, count: u32) -> Vec<Config> {
        let space = self.full_space();
        if space.range().is_none() && space.size() <= count as usize {
            return space.grid().collect();
        }
        self.draw(&space, count as usize).into_iter().fold(Vec::new(), distinct)
    }

    /// Epochs after which candidates are first compared.
    pub fn first_rung(&self, population: &[Config]) -> Result<u32, InputError> {
        if let Some(epochs) = self.flags.search.min_epochs {
            return Ok(epochs);
        }
        let Some(first) = population.first() else { return Ok(1) };
        let plan = self.work.job.trainer.plan(first, self.work.job.parts[0])?;
        // No fewer than the fewest that may be recommended.
        let least = self.work.job.epochs.ladder.first().copied().unwrap_or(1);
        Ok(FIRST_STEPS.div_ceil(plan.schedule.steps_per_epoch()).max(least))
    }
}

/// Takes in a point that is not there yet.
fn distinct(mut all: Vec<Config>, one: Config) -> Vec<Config> {
    if !all.contains(&one) {
        all.push(one);
    }
    all
}

fn in_words(point: &Config, test: &RangeTest) -> String {
    let of = point.get("optimizer").map(|value| value.to_string()).unwrap_or_default();
    let found = match (test.lowest(), test.edge()) {
        (Some(low), Some(edge)) => format!("rates from {low} up learn, from {edge} on they diverge"),
        (Some(low), None) => format!("rates from {low} up learn, and none that was tried diverges"),
        _ => "no rate learned anything".to_string(),
    };
    format!("range test ({of}, {} steps): {found}", test.steps)
}
