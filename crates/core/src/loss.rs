//! What is minimised: the losses, which targets they are for, and their text form.

use crate::InputError;
use crate::text::{Args, Writer, number, parse};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is minimised: its mean over the rows of a batch. Written `squared`, `huber(delta=0.5)`.
///
/// Below, `z` is an output of the network and `y` the target. Targets of [`Loss::Squared`], [`Loss::Huber`] and
/// [`Loss::Absolute`] are standardised, so their errors count in standard deviations of the training rows' targets;
/// those of [`Loss::Poisson`] are divided by the training rows' mean. Predictions are in the target's own units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Loss {
    /// Cross-entropy over classes behind a softmax.
    Softmax,
    /// Cross-entropy of logistic outputs: one for two classes, or one for each of several labels, added up.
    Logistic,
    /// ½(z−y)², as scikit-learn's `squared_error`.
    Squared,
    /// ½(z−y)² up to a distance of δ, from there on δ(|z−y|−½δ), which outliers move less (Huber 1964): PyTorch's HuberLoss.
    Huber {
        /// δ, above 0, in standard deviations of the target. Default 1.
        delta: f64,
    },
    /// |z−y|, which is least at the median: PyTorch's L1Loss.
    Absolute,
    /// Half the Poisson deviance y·ln(y/e^z) − y + e^z of targets from 0 up, as scikit-learn's `poisson`.
    Poisson,
}

const DELTA: f64 = 1.0;

impl Loss {
    /// The names, in the order of the variants.
    pub const NAMES: [&str; 6] = ["softmax", "logistic", "squared", "huber", "absolute", "poisson"];

    /// Whether it is for numbers rather than classes.
    pub fn is_regression(self) -> bool {
        !matches!(self, Loss::Softmax | Loss::Logistic)
    }

    /// About the loss of guessing without looking at the features, for a network of so many outputs: the entropy of
    /// equally frequent classes, half the variance of standardised targets, and for the others a bound or a usual size of
    /// the loss at the mean.
    pub fn guessing(self, outputs: u32) -> f64 {
        match self {
            Loss::Softmax => f64::from(outputs).ln(),
            Loss::Logistic => f64::from(outputs) * 2f64.ln(),
            Loss::Squared => 0.5,
            Loss::Huber { delta } => delta.min(0.5),
            Loss::Absolute | Loss::Poisson => 1.0,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Softmax => f.write_str("softmax"),
            Loss::Logistic => f.write_str("logistic"),
            Loss::Squared => f.write_str("squared"),
            Loss::Huber { delta } => {
                let mut text = Writer::new("huber");
                f.write_str(&text.unless("delta", number(*delta), number(DELTA)).finish())
            }
            Loss::Absolute => f.write_str("absolute"),
            Loss::Poisson => f.write_str("poisson"),
        }
    }
}

impl FromStr for Loss {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Loss, InputError> {
        let call = parse("loss", text)?;
        let name = call.choose(Loss::NAMES)?;
        let keys: &[&str] = if name == "huber" { &["delta"] } else { &[] };
        let args = Args::new(&call, keys)?;
        Ok(match name {
            "softmax" => Loss::Softmax,
            "logistic" => Loss::Logistic,
            "squared" => Loss::Squared,
            "absolute" => Loss::Absolute,
            "poisson" => Loss::Poisson,
            _ => match args.number("delta")?.unwrap_or(DELTA) {
                delta if delta > 0.0 => Loss::Huber { delta },
                delta => return Err(call.error(call.value_at("delta"), format!("delta must be above 0, not {delta}"))),
            },
        })
    }
}

impl From<Loss> for String {
    fn from(loss: Loss) -> String {
        loss.to_string()
    }
}

impl TryFrom<String> for Loss {
    type Error = InputError;
    fn try_from(text: String) -> Result<Self, InputError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        for name in Loss::NAMES {
            assert_eq!(name.parse::<Loss>().unwrap().to_string(), name);
        }
        for (text, loss, again) in [
            ("huber(delta=0.5)", Loss::Huber { delta: 0.5 }, "huber(delta=0.5)"),
            ("huber( delta = 1 )", Loss::Huber { delta: 1.0 }, "huber"),
            ("squared()", Loss::Squared, "squared"),
        ] {
            assert_eq!((text.parse::<Loss>().unwrap(), loss.to_string().as_str()), (loss, again));
        }
    }

    #[test]
    fn mistakes_are_named_at_their_character() {
        for (text, part) in [
            ("hubr", "unknown loss 'hubr'; did you mean 'huber'?"),
            ("huber(delta=0)", "character 13: delta must be above 0, not 0"),
            ("huber(delta=-1)", "delta must be above 0, not -1"),
            ("huber(d=1)", "unknown key 'd' of huber"),
            ("absolute(delta=1)", "unknown key 'delta' of absolute"),
            ("huber(delta=x)", "delta of huber is the word 'x', where a number is expected"),
        ] {
            let error = text.parse::<Loss>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
