//! scikit-learn's `MLPClassifier` and `MLPRegressor`, number for number: the same weights, splits, orders of rows, losses,
//! steps and stops from the same `random_state`.
//!
//! It follows scikit-learn 1.9. What differs is rounding: sums here are chains of fused multiply-adds. In 64 bits loss
//! curves agree to about 1e-12 at first and part as training amplifies the difference
//! (`xtask/golden/sklearn/curves.py` writes the curves that a test compares). The house's own trainer, [`crate::Run`],
//! shares its network, products and sweeps with this one, and nothing else: it draws each epoch's order from a stream of its
//! own, and standardises the targets of a regression.
//!
//! [`Fit`] trains by sgd or adam, [`minimise`] by L-BFGS, [`outputs`] predicts.

mod fit;
mod full;
mod lbfgs;
mod line_search;
mod objective;
mod pass;
mod score;
mod split;
mod twister;

pub use fit::{Epoch, Fit, Progress, Turn};
pub use full::{Minimised, minimise};
pub use lbfgs::Ending;
pub use objective::{Objective, Targets};
pub use pass::outputs;
pub use twister::Twister;

use crate::network::Layout;
use crate::real::Real;
use opportune_core::InputError;
use opportune_core::plan::Network;
use opportune_core::settings::{Activation, Init};

/// A network as scikit-learn describes it. Parameters lie layer by layer, weights (in x out, row-major, as `coefs_`)
/// before biases (`intercepts_`).
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// `n_features_in_`, at least 1.
    pub inputs: u32,
    /// `hidden_layer_sizes`, each at least 1.
    pub hidden: Vec<u32>,
    /// `n_outputs_`, at least 1.
    pub outputs: u32,
    /// `activation`: relu, tanh, logistic or identity.
    pub activation: Activation,
    /// The loss, and with it the last layer's activation.
    pub objective: Objective,
}

impl Shape {
    fn network(&self) -> Network {
        Network {
            inputs: self.inputs,
            hidden: self.hidden.clone(),
            outputs: self.outputs,
            activation: self.activation,
            init: Init::Glorot,
            layer_norm: false,
        }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.network().widths(), false)
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.layout().parameters()
    }

    /// Initial parameters: uniform, in 64 bits, layer by layer (Glorot and Bengio 2010).
    pub fn initial<T: Real>(&self, twister: &mut Twister) -> Vec<T> {
        let factor = if self.activation == Activation::Logistic { 2.0 } else { 6.0 };
        let layout = self.layout();
        let mut parameters = Vec::with_capacity(layout.parameters());
        for (inputs, outputs) in (0..layout.layers()).map(|layer| layout.sizes(layer)) {
            let bound = f64::sqrt(factor / (inputs + outputs) as f64);
            let draw = || T::of(twister.uniform(-bound, bound));
            parameters.extend(std::iter::repeat_with(draw).take((inputs + 1) * outputs));
        }
        parameters
    }
}

/// Rows to learn from. Nothing of them is copied.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a, T> {
    /// Features, row-major.
    pub inputs: &'a [T],
    /// What the rows should give.
    pub targets: Targets<'a, T>,
    /// `sample_weight`.
    pub weights: Option<&'a [T]>,
}

impl<T: Real> Table<'_, T> {
    /// The number of rows.
    ///
    /// # Errors
    /// No rows, 2³² or more, or parts that do not fit the shape or each other.
    pub fn rows(&self, shape: &Shape) -> Result<u32, InputError> {
        let rows = self.inputs.len() / (shape.inputs as usize).max(1);
        let targets = match self.targets {
            Targets::Classes(labels) => {
                if labels.iter().any(|label| *label >= shape.outputs) {
                    return Err(InputError::new(format!("a class is beyond the {} outputs", shape.outputs)).at("y"));
                }
                labels.len()
            }
            Targets::Numbers(numbers) => numbers.len() / (shape.outputs as usize).max(1),
        };
        let whole = self.inputs.len() == rows * shape.inputs as usize;
        let weights = self.weights.map_or(rows, <[T]>::len);
        if !whole || targets != rows || weights != rows {
            let what = format!("{rows} rows of {} features, {targets} targets, {weights} weights", shape.inputs);
            return Err(InputError::new(what).at("X, y").remedy("give as many of each"));
        }
        u32::try_from(rows).ok().filter(|rows| *rows > 0).ok_or_else(|| {
            InputError::new(format!("{rows} rows: at least 1 and fewer than 2^32 can be learnt from")).at("X")
        })
    }
}

/// How the rate of [`Method::Sgd`] goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// It stays.
    Constant,
    /// After an epoch it is the first over (`t_` + 1)^`power_t`, where `t_` counts rows.
    InvScaling {
        /// `power_t`.
        power: f64,
    },
    /// It is divided by 5 where training would stop, until it is at most 1e-6.
    Adaptive,
}

/// Who steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// `solver="sgd"`.
    Sgd {
        /// `learning_rate`.
        rate: Rate,
        /// `momentum`.
        momentum: f64,
        /// `nesterovs_momentum`.
        nesterov: bool,
    },
    /// `solver="adam"`.
    Adam {
        /// `beta_1`.
        beta1: f64,
        /// `beta_2`.
        beta2: f64,
        /// `epsilon`, outside the correction.
        eps: f64,
    },
}

/// The parameters of a stochastic training, under scikit-learn's names.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// `solver` with what is its own.
    pub method: Method,
    /// `learning_rate_init`.
    pub rate: f64,
    /// `alpha`.
    pub alpha: f64,
    /// `batch_size`; `None` is `"auto"`, 200 rows. A larger one than there are rows is clipped.
    pub batch: Option<u64>,
    /// `shuffle`.
    pub shuffle: bool,
    /// `tol`.
    pub tol: f64,
    /// `n_iter_no_change`; may be infinite.
    pub patience: f64,
    /// `validation_fraction` where `early_stopping` is on.
    pub early_stopping: Option<f64>,
}
