//! The rows of one part of the data, with what preprocessing learnt from those it is trained on.

use opportune_core::InputError;
use opportune_core::plan::{Key, Loss, Part};
use opportune_data::{Dataset, Encoder, Target, TargetEncoder};
use std::sync::Arc;

/// Training and validation rows of a part, and how they are shown to a network.
#[derive(Debug, Clone)]
pub struct Samples {
    /// Which part.
    pub part: Part,
    /// Where the rows lie.
    pub data: Arc<Dataset>,
    /// Rows to train on, at least one.
    pub train: Vec<u32>,
    /// Rows to judge by; may be none.
    pub validation: Vec<u32>,
    /// Of features, fitted on the training rows.
    pub encoder: Encoder,
    /// Of targets, fitted on the training rows.
    pub target: TargetEncoder,
}

impl Samples {
    /// Fits the encoders on the training rows.
    ///
    /// # Errors
    /// No training rows, a row that the data do not have, or data without a target or features to learn from.
    pub fn new(data: Arc<Dataset>, part: Part, train: Vec<u32>, validation: Vec<u32>) -> Result<Samples, InputError> {
        let rows = data.rows();
        if train.is_empty() {
            return Err(InputError::new(format!("{part} has no rows to train on")));
        }
        if let Some(row) = train.iter().chain(&validation).find(|&&row| row as usize >= rows) {
            return Err(InputError::new(format!("{part} names row {row} of {rows} rows counted from 0")));
        }
        let encoder = Encoder::fit(&data, &train);
        let target = TargetEncoder::fit(&data, &train)?;
        Ok(Samples { part, data, train, validation, encoder, target })
    }

    /// What is minimised: softmax for three classes or more, logistic for two, squared for numbers.
    pub fn loss(&self) -> Loss {
        match &self.target {
            TargetEncoder::Classes { labels } if labels.len() == 2 => Loss::Logistic,
            TargetEncoder::Classes { .. } => Loss::Softmax,
            TargetEncoder::Numbers { .. } => Loss::Squared,
        }
    }

    /// Outputs of a network for this target: as many as classes, but one for two classes and for numbers.
    pub fn outputs(&self) -> u32 {
        match &self.target {
            TargetEncoder::Classes { labels } if labels.len() != 2 => labels.len() as u32,
            _ => 1,
        }
    }

    /// Hash of training and validation rows, in their order.
    pub fn key(&self) -> Key {
        let mut bytes = Vec::with_capacity(4 * (self.train.len() + self.validation.len() + 2));
        for rows in [&self.train, &self.validation] {
            bytes.extend_from_slice(&(rows.len() as u32).to_le_bytes());
            rows.iter().for_each(|row| bytes.extend_from_slice(&row.to_le_bytes()));
        }
        Key::of(&bytes)
    }

    /// Class of a row; 0 where the target is a number.
    #[inline]
    pub(crate) fn class(&self, row: u32) -> u32 {
        match self.data.target() {
            Target::Classes { codes, .. } => codes[row as usize],
            _ => 0,
        }
    }

    /// Number of a row in original units; NaN where the target is a class.
    #[inline]
    pub(crate) fn number(&self, row: u32) -> f64 {
        match self.data.target() {
            Target::Numbers(values) => values[row as usize],
            _ => f64::NAN,
        }
    }
}
