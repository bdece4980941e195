//! Optimizers as data: their names, constants and text form. The arithmetic is the trainer's.

use crate::error::InputError;
use crate::text::{Args, Call, Writer, number, parse};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How gradients become steps. `θ −= rate·step`, with the step as each variant says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Optimizer {
    /// Stochastic gradient descent. v ← μv + g, step v; Nesterov: step g + μv (PyTorch's form, Sutskever et al. 2013).
    Sgd {
        /// μ in [0, 1). Default 0.
        momentum: f64,
        /// Default false.
        nesterov: bool,
    },
    /// Kingma and Ba 2015: step m̂/(√v̂+ε), hats corrected for the start (PyTorch's form).
    Adam(AdamConstants),
    /// Adam whose `weight_decay` is decoupled from the gradient (Loshchilov and Hutter 2019): before the step,
    /// θ ← (1 − rate·λ)θ. λ is `--weight-decay`, 0.01 unless given.
    AdamW(AdamConstants),
}

/// Constants of Adam and its kin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConstants {
    /// β1 in [0, 1), the memory of the mean gradient. Default 0.9.
    pub beta1: f64,
    /// β2 in [0, 1), the memory of the mean square. Default 0.999.
    pub beta2: f64,
    /// ε above 0. Default 1e-8.
    pub eps: f64,
}

impl Default for AdamConstants {
    fn default() -> Self {
        AdamConstants { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::Adam(AdamConstants::default())
    }
}

impl Optimizer {
    /// The names there are.
    pub const NAMES: &[&str] = &["adam", "adamw", "sgd"];

    /// Whether a schedule can cycle its momentum (or β1).
    pub fn has_momentum(&self) -> bool {
        match self {
            Optimizer::Sgd { momentum, .. } => *momentum > 0.0,
            Optimizer::Adam(_) | Optimizer::AdamW(_) => true,
        }
    }

    /// λ where `--weight-decay` is not given: 0.01 for AdamW, as in PyTorch, else 0.
    pub fn weight_decay_default(&self) -> f64 {
        if matches!(self, Optimizer::AdamW(_)) { 0.01 } else { 0.0 }
    }
}

impl From<Optimizer> for String {
    fn from(optimizer: Optimizer) -> String {
        optimizer.to_string()
    }
}

impl TryFrom<String> for Optimizer {
    type Error = InputError;
    fn try_from(text: String) -> Result<Self, InputError> {
        text.parse()
    }
}

impl AdamConstants {
    const KEYS: &[&str] = &["beta1", "beta2", "eps"];

    fn read(call: &Call) -> Result<AdamConstants, InputError> {
        let args = Args::new(call, Self::KEYS)?;
        let default = AdamConstants::default();
        let constants = AdamConstants {
            beta1: args.number("beta1")?.unwrap_or(default.beta1),
            beta2: args.number("beta2")?.unwrap_or(default.beta2),
            eps: args.number("eps")?.unwrap_or(default.eps),
        };
        for (key, value) in [("beta1", constants.beta1), ("beta2", constants.beta2)] {
            below_one(call, key, value)?;
        }
        if constants.eps <= 0.0 {
            return Err(call.error(call.name_at, format!("eps must be above 0, not {}", number(constants.eps))));
        }
        Ok(constants)
    }

    fn write(&self, name: &'static str) -> String {
        let mut writer = Writer::new(name);
        let default = AdamConstants::default();
        for (key, value, default) in
            [("beta1", self.beta1, default.beta1), ("beta2", self.beta2, default.beta2), ("eps", self.eps, default.eps)]
        {
            if value != default {
                writer.key(key, number(value));
            }
        }
        writer.finish()
    }
}

fn below_one(call: &Call, key: &str, value: f64) -> Result<(), InputError> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(call.error(call.name_at, format!("{key} must be from 0 up and below 1, not {}", number(value))))
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Optimizer::Adam(constants) => constants.write("adam"),
            Optimizer::AdamW(constants) => constants.write("adamw"),
            Optimizer::Sgd { momentum, nesterov } => {
                let mut writer = Writer::new("sgd");
                if *momentum != 0.0 {
                    writer.key("momentum", number(*momentum));
                }
                if *nesterov {
                    writer.key("nesterov", true);
                }
                writer.finish()
            }
        })
    }
}

impl FromStr for Optimizer {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Optimizer, InputError> {
        let call = parse("optimizer", text)?;
        match call.choose(Optimizer::NAMES.iter().copied())? {
            "adam" => Ok(Optimizer::Adam(AdamConstants::read(&call)?)),
            "adamw" => Ok(Optimizer::AdamW(AdamConstants::read(&call)?)),
            _ => {
                let args = Args::new(&call, &["momentum", "nesterov"])?;
                let momentum = args.number("momentum")?.unwrap_or(0.0);
                let nesterov = args.flag("nesterov")?.unwrap_or(false);
                below_one(&call, "momentum", momentum)?;
                if nesterov && momentum == 0.0 {
                    return Err(call.error(call.name_at, "nesterov needs a momentum").remedy("add momentum=0.9"));
                }
                Ok(Optimizer::Sgd { momentum, nesterov })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        for text in
            ["adam", "adam(beta1=0.8)", "adamw(beta2=0.99, eps=1e-7)", "sgd", "sgd(momentum=0.9, nesterov=true)"]
        {
            assert_eq!(text.parse::<Optimizer>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("adm", "did you mean 'adam'"),
            ("adam(beta=0.9)", "beta"),
            ("adam(beta1=1)", "beta1 must be"),
            ("adam(eps=0)", "eps must be above 0"),
            ("sgd(momentum=1.5)", "momentum must be"),
            ("sgd(nesterov=true)", "needs a momentum"),
        ] {
            let error = text.parse::<Optimizer>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
