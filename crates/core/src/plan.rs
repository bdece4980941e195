//! A training, planned to the last bit, and the keys by which two trainings are found to agree.

use crate::averaging::Averaging;
use crate::class_weight::ClassWeight;
use crate::clip::Clip;
use crate::error::InputError;
use crate::loss::Loss;
use crate::optimizer::Optimizer;
use crate::schedule::Resolved;
use crate::score::Score;
use crate::settings::{Activation, Init, Precision};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Sixteen bytes of a hash, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Key(pub [u8; 16]);

impl Key {
    /// The hash of some bytes (BLAKE3, cut to 128 bits).
    pub fn of(bytes: &[u8]) -> Key {
        Key::cut(blake3::hash(bytes))
    }

    fn cut(hash: blake3::Hash) -> Key {
        let mut key = [0; 16];
        key.copy_from_slice(&hash.as_bytes()[..16]);
        Key(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = InputError;
    fn try_from(text: String) -> Result<Key, InputError> {
        let mut key = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(InputError::new(format!("'{text}' is not a key of 32 hexadecimal digits")));
        }
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or("");
            *byte = u8::from_str_radix(digits, 16)
                .map_err(|_| InputError::new(format!("'{text}' is not a key of 32 hexadecimal digits")))?;
        }
        Ok(Key(key))
    }
}

/// A dense network's shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Encoded features.
    pub inputs: u32,
    /// Units of each hidden layer.
    pub hidden: Vec<u32>,
    /// Classes for [`Loss::Softmax`], labels where there are several, else 1.
    pub outputs: u32,
    /// Of the hidden layers.
    pub activation: Activation,
    /// How weights start.
    pub init: Init,
    /// Whether the sums of hidden layers are normalised before their activation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub layer_norm: bool,
}

impl Network {
    /// Widths from inputs to outputs.
    pub fn widths(&self) -> Vec<usize> {
        let ends = |width: &u32| *width as usize;
        std::iter::once(&self.inputs).chain(&self.hidden).chain([&self.outputs]).map(ends).collect()
    }

    /// Number of all parameters: weights and biases, and gain and bias of each unit that is normalised.
    pub fn parameters(&self) -> u64 {
        let dense: u64 = self.widths().windows(2).map(|pair| (pair[0] as u64 + 1) * pair[1] as u64).sum();
        let normalised = if self.layer_norm { self.hidden.iter().map(|&units| 2 * u64::from(units)).sum() } else { 0 };
        dense + normalised
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<String> = self.widths().iter().map(usize::to_string).collect();
        write!(f, "{} {} {}", widths.join("-"), self.activation, self.init)?;
        f.write_str(if self.layer_norm { " layer_norm" } else { "" })
    }
}

/// Which rows a run trains on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The training rows of a fold, from 0, with its validation rows to judge by; one split is fold 0.
    Fold(u32),
    /// The same of the partition and the seed on which a search's finalists are judged once more.
    Confirmation(u32),
    /// All rows but the test's, with none to judge by: a refit, or a fit without validation.
    Whole,
}

impl Part {
    /// The fold, for deriving random streams.
    pub fn fold(self) -> Option<u32> {
        match self {
            Part::Fold(fold) | Part::Confirmation(fold) => Some(fold),
            Part::Whole => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Fold(fold) => write!(f, "fold {fold}"),
            Part::Confirmation(fold) => write!(f, "fold {fold} of the confirmation"),
            Part::Whole => f.write_str("all rows"),
        }
    }
}

/// Everything but the schedule that changes the bits of a training or of what is observed of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Hash of the data set.
    pub data: Key,
    /// Which rows are trained on.
    pub part: Part,
    /// Hash of the part's training and validation rows.
    pub rows: Key,
    /// The network.
    pub network: Network,
    /// What is minimised.
    pub loss: Loss,
    /// See [`crate::settings::Settings::label_smoothing`].
    pub label_smoothing: f64,
    /// See [`crate::settings::Settings::class_weight`].
    pub class_weight: ClassWeight,
    /// How.
    pub optimizer: Optimizer,
    /// See [`crate::settings::Settings::l2`].
    pub l2: f64,
    /// See [`crate::settings::Settings::weight_decay`].
    pub weight_decay: f64,
    /// What gradients are cut to.
    pub clip: Clip,
    /// See [`crate::settings::Settings::dropout`]; 0 without hidden layers.
    pub dropout: f64,
    /// Rows of a minibatch; the last one of an epoch may be smaller.
    pub batch: u32,
    /// Of the study.
    pub seed: u64,
    /// Trainings of the same that differ in nothing but their random streams, from 0.
    pub repeat: u32,
    /// Width of the numbers.
    pub precision: Precision,
    /// Instruction set, blocking and version of the trainer.
    pub kernels: String,
    /// What is observed.
    pub score: Score,
    /// What is averaged beside the weights.
    pub averaging: Averaging,
    /// Whether the validation loss is observed by block: where one split judges.
    pub blocks: bool,
}

impl Recipe {
    /// Loss of guessing without looking at the features: [`Loss::guessing`].
    pub fn guessing(&self) -> f64 {
        self.loss.guessing(self.network.outputs)
    }

    /// The key of a run that has not begun. `private` keeps a trial's runs apart from all others (`--no-share`).
    pub fn key(&self, private: Option<u32>) -> PrefixKey {
        // Text rather than bytes: floats print in their shortest exact form, and a key can be explained.
        let text = format!(
            "opportune prefix 1; data {}; {}; rows {}; network {}; loss {}; {}; l2 {:?}; weight decay {:?}; \
             batch {}; seed {}; repeat {}; {}; kernels {}; score {}; private {private:?}{}{}{}{}",
            self.data,
            self.part,
            self.rows,
            self.network,
            self.loss,
            self.optimizer,
            self.l2,
            self.weight_decay,
            self.batch,
            self.seed,
            self.repeat,
            self.precision,
            self.kernels,
            self.score,
            self.clip,
            if self.dropout > 0.0 { format!("; dropout {:?}", self.dropout) } else { String::new() },
            self.averaging,
            if self.blocks { "; blocks" } else { "" },
        );
        PrefixKey(Key::of((text + &self.unusual()).as_bytes()))
    }

    /// Settings that came later, where they are not as they were before them: keys of old studies stay what they are.
    fn unusual(&self) -> String {
        let mut text = String::new();
        if self.label_smoothing != 0.0 {
            text += &format!("; label smoothing {:?}", self.label_smoothing);
        }
        if self.class_weight != ClassWeight::Alike {
            text += &format!("; class weight {}", self.class_weight);
        }
        text
    }
}

/// The hash of a recipe and of all settings applied so far: two runs of equal key have equal bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrefixKey(pub Key);

/// One training: a recipe under a schedule for a number of epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is trained.
    pub recipe: Recipe,
    /// Under which rates; lengths are resolved.
    pub schedule: Resolved,
    /// At most so many; rules may stop before.
    pub epochs: u32,
}

impl Plan {
    /// Keys after 0, 1, … `epochs` epochs: `epochs + 1` of them.
    pub fn keys(&self, private: Option<u32>, epochs: u32) -> Vec<PrefixKey> {
        self.keys_in_turn(private).take(epochs as usize + 1).collect()
    }

    /// Keys after 0, 1, … epochs without end, each made when it is asked for: that of an epoch whose rate changes within it
    /// takes some ten nanoseconds for each of its steps.
    pub fn keys_in_turn(&self, private: Option<u32>) -> impl Iterator<Item = PrefixKey> {
        let start = self.recipe.key(private);
        std::iter::once(start).chain(self.keys_after(0, start))
    }

    /// Keys after `epochs` + 1, + 2, … epochs without end, where that after `epochs` epochs is `key`.
    pub fn keys_after(&self, epochs: u32, key: PrefixKey) -> impl Iterator<Item = PrefixKey> {
        let steps = u64::from(self.schedule.steps_per_epoch());
        let (mut before, mut first, mut bytes) = (key, u64::from(epochs) * steps, Vec::new());
        std::iter::from_fn(move || {
            // Equal settings in a row are told once, so that a schedule held within the epoch gives the same key
            // however it is written.
            let held = self.schedule.held_from(first) || {
                let setting = self.schedule.at(first);
                (1..steps).all(|step| self.schedule.at(first + step) == setting)
            };
            // Hashed at once: many small pieces take several times as long.
            bytes.clear();
            bytes.extend_from_slice(&before.0.0);
            for step in 0..if held { 1 } else { steps } {
                let setting = self.schedule.at(first + step);
                bytes.extend_from_slice(&setting.rate.to_bits().to_le_bytes());
                bytes.extend_from_slice(&setting.momentum.map_or(u64::MAX, f64::to_bits).to_le_bytes());
            }
            first += steps;
            before = PrefixKey(Key::of(&bytes));
            Some(before)
        })
    }
}

/// The keys of plans that are asked for one after the other. Those of a grid over the number of epochs go on from each other:
/// what a plan has in common with the one before is not made again.
#[derive(Debug, Clone, Default)]
pub struct LastKeys(Option<(PrefixKey, Resolved, Vec<PrefixKey>)>);

impl LastKeys {
    /// Keys of `plan` after 1, 2, … `until` epochs; `None` if `going` says no meanwhile, since those of many steps take
    /// seconds.
    pub fn of(
        &mut self,
        plan: &Plan,
        private: Option<u32>,
        until: u32,
        going: impl Fn() -> bool,
    ) -> Option<&[PrefixKey]> {
        let (start, until) = (plan.recipe.key(private), until as usize);
        let alike = |(last, schedule, _): &(PrefixKey, Resolved, _)| *last == start && *schedule == plan.schedule;
        let (.., keys) = match self.0.take().filter(alike) {
            Some(last) => self.0.insert(last),
            None => self.0.insert((start, plan.schedule.clone(), Vec::new())),
        };
        let mut more = plan.keys_after(keys.len() as u32, keys.last().copied().unwrap_or(start));
        keys.reserve(until.saturating_sub(keys.len()));
        while keys.len() < until && going() {
            keys.extend(more.next());
        }
        keys.get(..until).filter(|_| going())
    }
}
