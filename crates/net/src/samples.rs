//! The rows of one part of the data, with what preprocessing learnt from those it is trained on.

use opportune_core::InputError;
use opportune_core::loss::Loss;
use opportune_core::plan::{Key, Part};
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
    /// Of targets, fitted on the training rows: numbers are standardised.
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

    /// What is minimised: what is asked for if the target allows it; unless told softmax for three classes or more, logistic
    /// for two, squared for numbers.
    ///
    /// # Errors
    /// A loss for another kind of target, and Poisson's where a target is negative.
    pub fn loss(&self, asked: Option<Loss>) -> Result<Loss, InputError> {
        let usual = self.usual_loss();
        let Some(loss) = asked else { return Ok(usual) };
        let error = |what: String, remedy: &str| Err(InputError::new(what).at("--loss").remedy(remedy));
        match (loss.is_regression(), self.data.target()) {
            (true, Target::Numbers(numbers)) => match numbers.iter().find(|number| **number < 0.0) {
                Some(number) if loss == Loss::Poisson => error(
                    format!("poisson is for counts, and the target is {number} in some row"),
                    "choose squared or huber",
                ),
                _ => Ok(loss),
            },
            (true, _) => error(
                format!("{loss} is for numbers, and the target is classes"),
                "leave it out: that of classes is cross-entropy; or give --task regression",
            ),
            (false, _) if loss == usual => Ok(loss),
            (false, Target::Numbers(_)) => error(
                format!("{loss} is for classes, and the target is numbers"),
                "choose squared, huber, absolute or poisson, or give --task classification",
            ),
            (false, _) => error(format!("with so many classes it is {usual}, not {loss}"), "leave it out"),
        }
    }

    /// Whether numbers are predicted.
    pub(crate) fn is_regression(&self) -> bool {
        matches!(self.target, TargetEncoder::Numbers { .. })
    }

    fn usual_loss(&self) -> Loss {
        match &self.target {
            TargetEncoder::Classes { labels } if labels.len() == 2 => Loss::Logistic,
            TargetEncoder::Classes { .. } => Loss::Softmax,
            TargetEncoder::Numbers { .. } => Loss::Squared,
        }
    }

    /// How targets are shown to a network under a loss. Poisson's are not moved, or counts would no longer be from 0 up, but
    /// divided by their mean: with outputs of 0 the network then predicts the mean.
    pub fn encoding(&self, loss: Loss) -> TargetEncoder {
        match (loss, &self.target) {
            (Loss::Poisson, &TargetEncoder::Numbers { mean, .. }) => {
                TargetEncoder::Numbers { mean: 0.0, scale: if mean > 0.0 { mean } else { 1.0 } }
            }
            _ => self.target.clone(),
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
