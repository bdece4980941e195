//! The settings of one training, typed, and how a point of the space changes them.

use crate::averaging::Average;
use crate::class_weight::ClassWeight;
use crate::clip::Clip;
use crate::error::InputError;
use crate::loss::Loss;
use crate::optimizer::Optimizer;
use crate::schedule::{Constant, Schedule, Timing};
use crate::space::{Config, Value};
use serde::{Deserialize, Serialize};

/// Declares an enum of plain words with `ALL`, `Display`, `FromStr` (errors name the nearest word) and serde as text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every one there is.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The word it is written as.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.word()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InputError;
            fn from_str(text: &str) -> Result<Self, $crate::InputError> {
                let words = Self::ALL.iter().map(|one| one.word());
                Self::ALL.iter().copied().find(|one| one.word() == text.trim()).ok_or_else(|| {
                    let all = words.clone().collect::<Vec<_>>().join(", ");
                    let hint = match $crate::text::nearest(text, words) {
                        Some(near) => format!("did you mean '{near}'? (there are: {all})"),
                        None => format!("there are: {all}"),
                    };
                    $crate::InputError::new(format!(concat!("unknown ", $what, " '{}'"), text)).remedy(hint)
                })
            }
        }

        impl From<$name> for String { fn from(one: $name) -> String { one.word().to_string() } }

        impl TryFrom<String> for $name {
            type Error = $crate::InputError;
            fn try_from(text: String) -> Result<Self, $crate::InputError> { text.parse() }
        }
    };
}
pub(crate) use words;

words!(
    /// What a hidden unit computes from its sum.
    Activation, "activation" {
        /// max(0, z).
        Relu = "relu",
        /// Hyperbolic tangent.
        Tanh = "tanh",
        /// 1/(1+e^-z).
        Logistic = "logistic",
        /// z itself.
        Identity = "identity",
        /// z, below 0 a hundredth of it (Maas et al. 2013), as PyTorch's LeakyReLU.
        LeakyRelu = "leaky_relu",
        /// z, below 0 e^z − 1 (Clevert et al. 2016): PyTorch's ELU with α = 1.
        Elu = "elu",
        /// z/(1+e^-z), also called swish (Elfwing et al. 2018).
        Silu = "silu",
        /// z·Φ(z) with the normal distribution's Φ(z) = (1 + erf(z/√2))/2 (Hendrycks and Gimpel 2016): PyTorch's GELU.
        Gelu = "gelu",
        /// Its first form, z·(1 + tanh(√(2/π)·(z + 0.044715 z³)))/2 (the same paper): PyTorch's GELU(approximate="tanh").
        GeluTanh = "gelu_tanh",
        /// ln(1+e^z) (Dugas et al. 2001).
        Softplus = "softplus",
    }
);

words!(
    /// How weights start.
    Init, "initialisation" {
        /// Uniform on ±√(6/(in+out)), ±√(2/(in+out)) for logistic; biases likewise, as scikit-learn does (Glorot and
        /// Bengio 2010).
        Glorot = "glorot",
        /// Normal with variance 2/in, biases zero (He et al. 2015).
        He = "he",
    }
);

words!(
    /// Width of the numbers a network is trained in.
    Precision, "precision" {
        /// 32 bits.
        F32 = "f32",
        /// 64 bits.
        F64 = "f64",
    }
);

/// One training, in full: the base that a [`Config`] changes. The defaults are those of scikit-learn's MLPClassifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Base rate; `None` where the schedule has rates of its own. Default 0.001.
    pub lr: Option<f64>,
    /// Default constant.
    pub schedule: Schedule,
    /// Passes over the training rows, 1 to 100,000. Default 200.
    pub epochs: u32,
    /// Units of each hidden layer; none is a linear model. Default 100.
    pub hidden: Vec<u32>,
    /// Of the hidden layers. Default relu.
    pub activation: Activation,
    /// Default Glorot's.
    pub init: Init,
    /// Whether the sums of hidden layers are normalised over their units before the activation, with a learned gain (at
    /// first 1) and bias (0) for each unit, both free of penalty and decay (Ba et al. 2016; PyTorch's LayerNorm). Default
    /// false.
    pub layer_norm: bool,
    /// Rows of a minibatch; a larger one than there are rows is cut to them. Default 200.
    pub batch: u32,
    /// Default Adam.
    pub optimizer: Optimizer,
    /// L2 penalty α of scikit-learn: ½α‖W‖²/batch rows is added to the loss. Default 1e-4.
    pub l2: f64,
    /// Decoupled weight decay λ: weights are multiplied by 1−rate·λ before each step (Loshchilov and Hutter 2019).
    /// Default 0.
    pub weight_decay: f64,
    /// What gradients are cut to. Default: nothing is cut.
    pub clip: Clip,
    /// Share of each hidden layer's units that is left out at random while training, from 0 up and below 1; what is kept is
    /// divided by 1 − it (Srivastava et al. 2014). Losses and scores of training rows are those of training, with units
    /// left out; validation and prediction leave none out. Default 0.
    pub dropout: f64,
    /// An average of the weights that is judged and delivered in their place. Default: none.
    pub average: Average,
    /// What is minimised; `None`, the default, is cross-entropy for classes and squared for numbers.
    pub loss: Option<Loss>,
    /// ε, from 0 up and below 1: each row's truth is 1−ε its class and ε all classes alike, so that networks do not grow
    /// overconfident (Szegedy et al. 2016), as PyTorch's CrossEntropyLoss(label_smoothing=ε). It changes what is trained, not
    /// how validation rows are judged. Default 0.
    pub label_smoothing: f64,
    /// How much rows count by their class. Default alike.
    pub class_weight: ClassWeight,
    /// Default f32.
    pub precision: Precision,
    /// Of training: initial weights and batch order. Default 0.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lr: Some(1e-3),
            schedule: Schedule::Constant(Constant, Timing::default()),
            epochs: 200,
            hidden: vec![100],
            activation: Activation::Relu,
            init: Init::Glorot,
            layer_norm: false,
            batch: 200,
            optimizer: Optimizer::default(),
            l2: 1e-4,
            weight_decay: 0.0,
            clip: Clip::default(),
            dropout: 0.0,
            average: Average::None,
            loss: None,
            label_smoothing: 0.0,
            class_weight: ClassWeight::Alike,
            precision: Precision::F32,
            seed: 0,
        }
    }
}

/// Hidden layers wider than this, or more of them, are taken for a slip of the keyboard.
const UNITS_MAX: u32 = 65_536;
const LAYERS_MAX: usize = 64;
/// So are more epochs; every epoch of a plan has a key in memory.
const EPOCHS_MAX: u32 = 100_000;

/// A number, or `none`.
fn bound(value: &Value) -> Result<Option<f64>, InputError> {
    match (value.number(), value.text()) {
        (Some(bound), _) => Ok(Some(bound)),
        (None, Some("none")) => Ok(None),
        _ => Err(InputError::new(format!("{value} is neither a number nor none"))),
    }
}

impl Settings {
    /// These settings with what `config` says in their place.
    ///
    /// # Errors
    /// A name that is no setting, or a value of the wrong kind or out of range.
    pub fn with(&self, config: &Config) -> Result<Settings, InputError> {
        let mut settings = self.clone();
        for (name, value) in config.iter() {
            settings.set(name, value).map_err(|error| error.at(format!("--{name}")))?;
        }
        settings.check()?;
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), InputError> {
        let kind = |expected: &str| InputError::new(format!("{value} is not {expected}"));
        match name {
            "lr" => self.lr = Some(value.number().ok_or_else(|| kind("a number"))?),
            "epochs" => self.epochs = value.count().ok_or_else(|| kind("a whole number"))?,
            "batch" => self.batch = value.count().ok_or_else(|| kind("a whole number"))?,
            "l2" => self.l2 = value.number().ok_or_else(|| kind("a number"))?,
            "weight-decay" => self.weight_decay = value.number().ok_or_else(|| kind("a number"))?,
            "dropout" => self.dropout = value.number().ok_or_else(|| kind("a number"))?,
            "layer-norm" => {
                self.layer_norm = match value.text() {
                    Some("on") => true,
                    Some("off") => false,
                    _ => return Err(kind("on or off")),
                }
            }
            "average" => self.average = value.text().ok_or_else(|| kind("an average"))?.parse()?,
            "clip-norm" => self.clip.norm = bound(value)?,
            "clip-value" => self.clip.value = bound(value)?,
            "label-smoothing" => self.label_smoothing = value.number().ok_or_else(|| kind("a number"))?,
            "hidden" => self.hidden = value.layers().ok_or_else(|| kind("a list of layer widths"))?.to_vec(),
            "schedule" => self.schedule = value.text().ok_or_else(|| kind("a schedule"))?.parse()?,
            "optimizer" => self.optimizer = value.text().ok_or_else(|| kind("an optimizer"))?.parse()?,
            "loss" => self.loss = Some(value.text().ok_or_else(|| kind("a loss"))?.parse()?),
            "activation" => self.activation = value.text().ok_or_else(|| kind("an activation"))?.parse()?,
            _ => return Err(InputError::new("no such setting")),
        }
        Ok(())
    }

    /// Ranges of all values, and that rate and schedule fit together.
    ///
    /// # Errors
    /// The first value out of range, with the flag that gives it.
    pub fn check(&self) -> Result<(), InputError> {
        let bad = |flag: &str, what: String| Err(InputError::new(what).at(flag));
        match self.lr {
            Some(lr) if !(lr.is_finite() && lr > 0.0) => {
                return bad("--lr", format!("a rate of {lr} is not above 0 and finite"));
            }
            Some(_) if self.schedule.owns_rate() => {
                return Err(InputError::new(format!("the schedule {} has rates of its own", self.schedule.brief()))
                    .at("--lr")
                    .remedy("leave --lr out, or choose a schedule that scales it"));
            }
            None if !self.schedule.owns_rate() => {
                return bad("--lr", format!("the schedule {} needs a rate", self.schedule.brief()));
            }
            _ => {}
        }
        if self.epochs == 0 {
            return bad("--epochs", "0 epochs train nothing; give at least 1".into());
        }
        if self.epochs > EPOCHS_MAX {
            return bad("--epochs", format!("{} epochs are more than can be planned, {EPOCHS_MAX}", self.epochs));
        }
        if self.batch == 0 {
            return bad("--batch", "a batch of 0 rows; give at least 1".into());
        }
        if self.hidden.len() > LAYERS_MAX || self.hidden.iter().any(|&units| units == 0 || units > UNITS_MAX) {
            return bad("--hidden", format!("at most {LAYERS_MAX} layers of 1 to {UNITS_MAX} units each"));
        }
        for (flag, value) in [("--l2", self.l2), ("--weight-decay", self.weight_decay)] {
            if !(value.is_finite() && value >= 0.0) {
                return bad(flag, format!("{value} is not a finite number from 0 up"));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return bad("--dropout", format!("{} is not from 0 up and below 1", self.dropout));
        }
        for (flag, bound) in [("--clip-norm", self.clip.norm), ("--clip-value", self.clip.value)] {
            let Some(bound) = bound else { continue };
            if !(bound.is_finite() && bound > 0.0) {
                return bad(flag, format!("{bound} is not a finite number above 0"));
            }
            if matches!(self.optimizer, Optimizer::Lbfgs(_)) {
                return Err(InputError::new(
                    "lbfgs compares losses along a line, whose slope cut gradients do not have",
                )
                .at(flag)
                .remedy("leave it out, or choose another --optimizer"));
            }
        }
        self.average.resolve(self.epochs)?;
        if self.average != Average::None && self.optimizer.averages() {
            return Err(InputError::new(format!("{} delivers an average of its own", self.optimizer.kind().name))
                .at("--average")
                .remedy("leave it out, or choose another --optimizer"));
        }
        if !(self.label_smoothing >= 0.0 && self.label_smoothing < 1.0) {
            return bad("--label-smoothing", format!("{} is not from 0 up and below 1", self.label_smoothing));
        }
        if self.schedule.cycles_momentum() && !self.optimizer.has_momentum() {
            return bad("--schedule", format!("it cycles the momentum, and {} has none", self.optimizer));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_changes_what_it_names_and_nothing_else() {
        let base = Settings::default();
        let config = Config::from_iter([
            ("lr".to_string(), Value::Number(0.01)),
            ("hidden".to_string(), Value::Layers(vec![50, 50])),
            ("epochs".to_string(), Value::Count(300)),
        ]);
        let changed = base.with(&config).unwrap();
        assert_eq!(changed, Settings { lr: Some(0.01), hidden: vec![50, 50], epochs: 300, ..base });
    }

    #[test]
    fn values_out_of_range_are_named_by_their_flag() {
        for (name, value, flag) in [
            ("lr", Value::Number(-1.0), "--lr"),
            ("lr", Value::Number(f64::NAN), "--lr"),
            ("epochs", Value::Count(0), "--epochs"),
            ("epochs", Value::Count(u32::MAX), "--epochs"),
            ("batch", Value::Count(0), "--batch"),
            ("hidden", Value::Layers(vec![0]), "--hidden"),
            ("l2", Value::Number(-1e-4), "--l2"),
            ("label-smoothing", Value::Number(1.0), "--label-smoothing"),
            ("label-smoothing", Value::Number(f64::NAN), "--label-smoothing"),
            ("colour", Value::Count(1), "--colour"),
        ] {
            let config = Config::from_iter([(name.to_string(), value)]);
            let error = Settings::default().with(&config).unwrap_err().to_string();
            assert!(error.starts_with(flag), "{error}");
        }
        assert_eq!(
            "rleu".parse::<Activation>().unwrap_err().to_string(),
            "unknown activation 'rleu'; did you mean 'relu'? (there are: relu, tanh, logistic, identity, leaky_relu, \
             elu, silu, gelu, gelu_tanh, softplus)"
        );
    }
}
