//! Averages of a run's weights: what enters them with which share, and what they are for.

use crate::error::InputError;
use crate::text::{Args, Length, Unit, Writer, parse};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An average of the weights that is delivered in their place, as it is asked for: `none`, `ema(decay=0.999)`,
/// `swa(from=75%)`. Whatever is said of validation rows (losses, scores, and what stops a run by them) is then said of the
/// averaged weights, as soon as there are any; training losses are those of the weights that are trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Average {
    /// The weights themselves.
    #[default]
    None,
    /// The exponential moving average (Polyak and Juditsky 1992): it begins with the weights after the first step, and
    /// with each further step moves by 1 − `decay` of the way to them. PyTorch's `AveragedModel` with
    /// `get_ema_multi_avg_fn`, updated at every step.
    Ema {
        /// From 0 up and below 1. Default 0.999: about the last thousand steps count.
        decay: f64,
    },
    /// Stochastic weight averaging (Izmailov et al. 2018): the mean of the weights at the ends of epochs, each counting the
    /// same, from one epoch on. PyTorch's `AveragedModel` as it is; it has no schedule of its own (there is `swalr`).
    Swa {
        /// The first epoch whose weights count: a number from 1, or a share of the epochs planned, rounded to whole ones.
        /// Default 75 %.
        from: Length,
    },
}

const DECAY: f64 = 0.999;
const FROM: Length = Length { number: 75.0, unit: Unit::Percent };

impl Average {
    /// For a run that is planned for so many epochs.
    ///
    /// # Errors
    /// If it would begin after the last of them.
    pub fn resolve(self, epochs: u32) -> Result<Averaging, InputError> {
        match self {
            Average::None => Ok(Averaging::None),
            Average::Ema { decay } => Ok(Averaging::Ema { decay }),
            Average::Swa { from } => {
                let first = match from.unit {
                    Unit::Percent => (from.number / 100.0 * f64::from(epochs)).round().max(1.0),
                    _ => from.number,
                };
                if first > f64::from(epochs) {
                    return Err(InputError::new(format!("swa begins with epoch {first}, and there are {epochs}"))
                        .at("--average")
                        .remedy("begin earlier, as swa(from=75%)"));
                }
                Ok(Averaging::Swa { from: first as u32 })
            }
        }
    }
}

impl fmt::Display for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Average::None => "none".into(),
            Average::Ema { decay } => Writer::new("ema").unless("decay", decay, DECAY).finish(),
            Average::Swa { from } => Writer::new("swa").unless("from", from, FROM).finish(),
        };
        f.write_str(&text)
    }
}

impl FromStr for Average {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Average, InputError> {
        let call = parse("average", text)?;
        match call.choose(["none", "ema", "swa"])? {
            "ema" => {
                let decay = Args::new(&call, &["decay"])?.number("decay")?.unwrap_or(DECAY);
                match (0.0..1.0).contains(&decay) {
                    true => Ok(Average::Ema { decay }),
                    false => {
                        Err(call
                            .error(call.value_at("decay"), format!("decay must be from 0 up and below 1, not {decay}")))
                    }
                }
            }
            "swa" => {
                let from = Args::new(&call, &["from"])?.length("from")?.unwrap_or(FROM);
                let fits = match from.unit {
                    Unit::Percent => (0.0..=100.0).contains(&from.number),
                    Unit::Epochs => from.number >= 1.0 && from.number.fract() == 0.0,
                    Unit::Steps => false,
                };
                match fits {
                    true => Ok(Average::Swa { from }),
                    false => Err(call
                        .error(call.value_at("from"), format!("from must be an epoch or a share of them, not {from}"))
                        .remedy("write swa(from=30), or swa(from=75%)")),
                }
            }
            _ => Args::new(&call, &[]).map(|_| Average::None),
        }
    }
}

impl From<Average> for String {
    fn from(average: Average) -> String {
        average.to_string()
    }
}

impl TryFrom<String> for Average {
    type Error = InputError;
    fn try_from(text: String) -> Result<Average, InputError> {
        text.parse()
    }
}

/// What a run averages beside its weights. There is one average at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Averaging {
    /// Nothing.
    #[default]
    None,
    /// Polynomial-decay averaging (Shamir and Zhang 2013), observed beside the weights and not delivered: the `n`th weights
    /// taken in move the average by (η+1)/(n+η) of the way, so that about the last 1/(η+1) of a run counts. On a trunk of
    /// constant rate it shows, at no cost of epochs, what a cooldown would give.
    Observed,
    /// [`Average::Ema`], delivered in the place of the weights.
    Ema {
        /// What is kept of it at each step.
        decay: f64,
    },
    /// [`Average::Swa`], delivered in the place of the weights from its first epoch on.
    Swa {
        /// That epoch, from 1.
        from: u32,
    },
}

impl Averaging {
    /// η.
    pub const DECAY: f64 = 8.0;
    /// Steps from one taking in to the next, where an epoch has twice as many or more; else every step counts.
    pub const EVERY: u64 = 4;
    /// Before this epoch the average that is observed is no better a judge than the weights themselves.
    pub const FROM_EPOCH: u32 = 4;

    /// Whether there is an average.
    pub fn is_on(self) -> bool {
        self != Averaging::None
    }

    /// Whether it is observed beside the weights after so many epochs.
    pub fn is_observed(self, epoch: u32) -> bool {
        self == Averaging::Observed && epoch >= Self::FROM_EPOCH
    }

    /// Whether it stands in the place of the weights after so many epochs: it is validated, and delivered.
    pub fn is_delivered(self, epoch: u32) -> bool {
        match self {
            Averaging::None | Averaging::Observed => false,
            Averaging::Ema { .. } => epoch > 0,
            Averaging::Swa { from } => epoch >= from,
        }
    }

    /// How far the average moves to the parameters after `step` steps (from 1); `None` if it does not.
    pub fn weight(self, step: u64, steps_per_epoch: u32) -> Option<f64> {
        match self {
            Averaging::None => None,
            Averaging::Observed => {
                let every = if u64::from(steps_per_epoch) >= 2 * Self::EVERY { Self::EVERY } else { 1 };
                let n = (step / every) as f64;
                step.is_multiple_of(every).then(|| (Self::DECAY + 1.0) / (n + Self::DECAY))
            }
            Averaging::Ema { decay } => Some(if step == 1 { 1.0 } else { 1.0 - decay }),
            Averaging::Swa { from } => {
                let (epoch, steps) = (step / u64::from(steps_per_epoch), u64::from(steps_per_epoch));
                let first = u64::from(from);
                (step.is_multiple_of(steps) && epoch >= first).then(|| 1.0 / (epoch - first + 1) as f64)
            }
        }
    }
}

/// As it enters a key; empty where nothing is averaged.
impl fmt::Display for Averaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Averaging::None => Ok(()),
            Averaging::Observed => f.write_str("; averaging"),
            Averaging::Ema { decay } => write!(f, "; ema {decay:?}"),
            Averaging::Swa { from } => write!(f, "; swa from epoch {from}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips_and_mistakes_are_named() {
        for text in ["none", "ema", "ema(decay=0.99)", "swa", "swa(from=30)", "swa(from=50%)"] {
            assert_eq!(text.parse::<Average>().unwrap().to_string(), text);
        }
        assert_eq!("ema(decay=0.999)".parse::<Average>().unwrap(), "ema".parse().unwrap());
        for (text, part) in [
            ("emma", "character 1: unknown average 'emma'; did you mean 'ema'? (averages: none, ema, swa)"),
            ("ema(decay=1)", "character 11: decay must be from 0 up and below 1, not 1"),
            ("ema(from=3)", "character 5: unknown key 'from' of ema"),
            ("swa(from=0)", "character 10: from must be an epoch or a share of them, not 0; write swa(from=30)"),
            ("swa(from=2.5)", "from must be an epoch"),
            ("swa(from=10 steps)", "from must be an epoch or a share of them, not 10 steps"),
            ("swa(from=101%)", "not 101%"),
            ("none(decay=1)", "unknown key 'decay' of none"),
        ] {
            let error = text.parse::<Average>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn shares_of_the_run_become_epochs() {
        let from = |text: &str, epochs| text.parse::<Average>().unwrap().resolve(epochs);
        for (text, epochs, first) in [("swa", 100, 75), ("swa", 10, 8), ("swa(from=0%)", 10, 1), ("swa(from=7)", 7, 7)]
        {
            assert_eq!(from(text, epochs).unwrap(), Averaging::Swa { from: first }, "{text}");
        }
        let error = from("swa(from=8)", 7).unwrap_err().to_string();
        assert_eq!(error, "--average: swa begins with epoch 8, and there are 7; begin earlier, as swa(from=75%)");
    }

    #[test]
    fn each_enters_when_it_should() {
        let swa = Averaging::Swa { from: 3 };
        let weights: Vec<Option<f64>> = (1..=10).map(|step| swa.weight(step, 2)).collect();
        let (one, half, third) = (Some(1.0), Some(0.5), Some(1.0 / 3.0));
        assert_eq!(weights, [None, None, None, None, None, one, None, half, None, third]);
        assert_eq!([2, 3, 9].map(|epoch| swa.is_delivered(epoch)), [false, true, true]);
        let ema = Averaging::Ema { decay: 0.75 };
        assert_eq!([1, 2, 9].map(|step| ema.weight(step, 5)), [Some(1.0), Some(0.25), Some(0.25)]);
        assert!(ema.is_delivered(1) && !ema.is_observed(9));
        let observed = Averaging::Observed;
        assert!(observed.is_observed(4) && !observed.is_observed(3) && !observed.is_delivered(9));
        assert_eq!((observed.weight(4, 8), observed.weight(5, 8), observed.weight(1, 7)), (Some(1.0), None, Some(1.0)));
    }
}
