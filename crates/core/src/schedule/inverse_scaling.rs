//! scikit-learn's decay with the rows seen.

use super::form::{CurveAt, Form, Key, Kind, OVER_OPEN, PER, Place, check_positive};
use super::{Per, RateSource, Setting};
use crate::InputError;
use crate::text::{Args, Writer, number};
use serde::{Deserialize, Serialize};

/// `inverse_scaling(power=0.5, rows)`: `lr · (e · rows + 1)^−power` in epoch `e` (from 0), with one for each training row seen.
///
/// Clock: per epoch. The first epoch has `lr`, the second is lower by the root of the rows: it falls steeply. `rows` are those
/// of the run where they are left out ([`Schedule::with_rows`](super::Schedule::with_rows)). It goes on for as long as it is
/// asked unless `over` ends it; after that it holds the value there.
///
/// As scikit-learn's `learning_rate="invscaling"` with its `power_t` for its multi-layer perceptrons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseScaling {
    /// The power, above 0.
    pub power: f64,
    /// Training rows, at least 1; those of the run if none.
    pub rows: Option<u32>,
}

const POWER: f64 = 0.5;

/// The resolved form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    power: f64,
    rows: f64,
    steps_per_epoch: f64,
}

impl Form for InverseScaling {
    const KIND: Kind = Kind {
        name: "inverse_scaling",
        summary: "Falls with a power of the training rows seen.",
        formula: "lr·(e·rows + 1)^−power in epoch e",
        keys: &[
            Key::optional("power", "0.5", "the power, above 0"),
            Key::optional("rows", "those of the run", "training rows, a whole number from 1 up"),
            OVER_OPEN,
            PER,
        ],
        positional: None,
        rate: RateSource::Base,
        clock: Per::Epoch,
        needs_length: false,
        upstream: &["sklearn learning_rate=invscaling"],
        example: "inverse_scaling(power=0.25, rows=1000)",
    };

    type Curve = Curve;

    fn read(args: &Args<'_>) -> Result<Self, InputError> {
        let rows = match args.number("rows")? {
            None => None,
            Some(rows) if rows.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&rows) => Some(rows as u32),
            Some(rows) => {
                let call = args.call();
                return Err(call
                    .error(call.name_at, format!("rows of inverse_scaling is {}", number(rows)))
                    .remedy("give a whole number from 1 to 4294967295"));
            }
        };
        Ok(InverseScaling { power: args.number("power")?.unwrap_or(POWER), rows })
    }

    fn write(&self, text: &mut Writer) {
        if self.power != POWER {
            text.key("power", number(self.power));
        }
        if let Some(rows) = self.rows {
            text.key("rows", rows);
        }
    }

    fn check(&self) -> Result<(), InputError> {
        if self.rows == Some(0) {
            return Err(
                InputError::new("rows of inverse_scaling is 0").remedy("give a whole number from 1 to 4294967295")
            );
        }
        check_positive("power", "inverse_scaling", self.power)
    }

    fn curve(&self, place: &Place<'_>) -> Result<Curve, InputError> {
        let rows = self.rows.ok_or_else(|| {
            InputError::new("inverse_scaling counts training rows, and their number is not known here")
                .remedy("give it: inverse_scaling(rows=1000)")
        })?;
        let steps_per_epoch = f64::from(place.run.steps_per_epoch.get());
        Ok(Curve { power: self.power, rows: f64::from(rows), steps_per_epoch })
    }
}

impl CurveAt for Curve {
    fn at(&self, t: u64, _: u64) -> Setting {
        let epoch = t as f64 / self.steps_per_epoch;
        Setting::rate((epoch * self.rows + 1.0).powf(-self.power))
    }
}
