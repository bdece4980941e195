//! Rates one by one.

use super::form::{CurveAt, EPOCH, Extent, Form, Key, Kind, OVER_OPEN, PER, Place};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Call, Item, Length, Measure, Value, Writer, number, numbers};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// `table(rates=[0.1, 0.05, 0.01], every=1)`: the rate `rates[⌊t/every⌋]`. The rates are the schedule's own; there is no base
/// rate to multiply.
///
/// Clock: per epoch. With the default `every` each rate holds for an epoch; `every=1 step, per=step` has one for each step.
/// After them the last holds. `over` ends it sooner; after that it holds the value there.
///
/// `table("rates.csv")` is what people write: [`Schedule::parse_with`](super::Schedule::parse_with) puts the file's rates in
/// its place before anything is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Rates, 1 to 10,000; each at least 0 and one above it.
    pub rates: Vec<f64>,
    /// How long each holds; one epoch unless given.
    pub every: Length,
}

/// So many have room in the longest text ([`crate::text::CHARACTERS_MAX`]) with all their digits.
const RATES_MAX: usize = 10_000;

/// The resolved form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    rates: Vec<f64>,
    /// Steps.
    every: NonZeroU64,
}

/// Puts the rates of files in the place of their names, in tables wherever they stand.
pub(super) fn read_files(
    call: &mut Call,
    load: &dyn Fn(&str) -> Result<Vec<f64>, InputError>,
) -> Result<(), InputError> {
    let table = call.name == Table::KIND.name;
    for (index, arg) in call.args.iter_mut().enumerate() {
        let named = arg.key.as_deref().map_or(index == 0, |key| key == "rates");
        match &mut arg.value {
            Value::Call(inner) => read_files(inner, load)?,
            Value::Quoted(file) if table && named => {
                let at = arg.value_at;
                let rates = load(file).map_err(|error| error.at(format!("{}, character {at}", call.what)))?;
                let item = |rate: f64| Item { value: Measure::Number(rate), at };
                arg.value = Value::List(rates.into_iter().map(item).collect());
            }
            _ => {}
        }
    }
    Ok(())
}

impl Form for Table {
    const KIND: Kind = Kind {
        name: "table",
        summary: "Rates one by one, from a list or a file.",
        formula: "rates[⌊t/every⌋], the last one held",
        keys: &[
            Key::needed(
                "rates",
                "a list of rates, each at least 0; or a file in quotes: a rate a line, or a CSV's last column",
            ),
            Key::optional("every", "1", "how long each holds: a length"),
            OVER_OPEN,
            PER,
        ],
        positional: Some("rates"),
        rate: RateSource::Own,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["torch LambdaLR", "keras LearningRateScheduler", "paddle LambdaDecay"],
        example: "table(rates=[0.001, 0.003, 0.01, 0.003, 0.001, 0.0003], every=10)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        if let Ok(Some((file, at))) = args.string("rates") {
            return Err(args
                .call()
                .error(at - 1, format!("table names the file \"{file}\", and files are not read here"))
                .remedy("write its rates: table(rates=[0.1, 0.01])"));
        }
        Ok(Table { rates: args.need("rates", args.numbers("rates")?)?, every: args.length("every")?.unwrap_or(EPOCH) })
    }

    fn write(&self, text: &mut Writer) {
        text.key("rates", numbers(&self.rates));
        if self.every != EPOCH {
            text.key("every", self.every);
        }
    }

    fn check(&self) -> Result<(), InputError> {
        if !(1..=RATES_MAX).contains(&self.rates.len()) {
            return Err(InputError::new(format!("table has {} rates", self.rates.len()))
                .remedy(format!("give 1 to {RATES_MAX}; with every=5 each holds for five epochs")));
        }
        if let Some((place, rate)) =
            self.rates.iter().enumerate().find(|(_, rate)| !(rate.is_finite() && **rate >= 0.0))
        {
            return Err(InputError::new(format!("rate {} of table is {}", place + 1, number(*rate)))
                .remedy("give numbers of at least 0"));
        }
        if self.rates.iter().all(|rate| *rate == 0.0) {
            return Err(InputError::new("every rate of table is 0").remedy("give one above 0"));
        }
        Ok(())
    }

    fn lengths(&self) -> Vec<Extent> {
        vec![Extent::period(self.every)]
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        Ok(Curve { rates: self.rates.clone(), every: place.period(&self.every)? })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let place = usize::try_from(t / self.every.get()).unwrap_or(usize::MAX);
        Setting::rate(self.rates.get(place).or(self.rates.last()).copied().unwrap_or(0.0))
    }

    fn highest(&self, _: u64) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }
}
