//! Bounds on the gradients of a step.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What the gradients of a batch's loss are cut to before the optimizer sees them. The gradient of the L2 penalty, like
/// decoupled weight decay, is the optimizer's and is not cut, as PyTorch users know it, whose penalty is their optimizer's
/// `weight_decay`. Each number is cut first, then the norm of all. L-BFGS takes no cut gradients: it compares losses along
/// a line with their slopes. Default: neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// The most that the L2 norm of all gradients together may be, above 0: they are multiplied by
    /// norm/(their norm + 1e-6) where that is below 1 (Pascanu et al. 2013), as PyTorch's `clip_grad_norm_` and Keras's
    /// `global_clipnorm`.
    pub norm: Option<f64>,
    /// The most that each gradient may be, up and down, above 0: PyTorch's `clip_grad_value_`, Keras's `clipvalue`.
    pub value: Option<f64>,
}

impl Clip {
    /// Whether anything is cut.
    pub fn is_on(&self) -> bool {
        self.norm.is_some() || self.value.is_some()
    }
}

/// As it enters a key; empty where nothing is cut.
impl fmt::Display for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name: &str, bound: Option<f64>| bound.map(|bound| format!("; clip {name} {bound:?}"));
        f.write_str(&part("value", self.value).unwrap_or_default())?;
        f.write_str(&part("norm", self.norm).unwrap_or_default())
    }
}
