//! Optimizers as data: their names, constants and text form. The arithmetic is the trainer's.

use crate::error::InputError;
use serde::{Deserialize, Serialize};

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
