//! The rows of one part of the data, with what preprocessing learnt from those it is trained on.

use opportune_core::InputError;
use opportune_core::class_weight::ClassWeight;
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
    /// How much the rows of each class count; `None` where all count alike.
    pub class_weights: Option<Vec<f64>>,
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
        let samples = Samples { part, data, train, validation, encoder, target, class_weights: None };
        samples.check_weights("--sample-weight")
    }

    /// Training rows, and validation rows if there are any, must count for something.
    fn check_weights(self, flag: &str) -> Result<Samples, InputError> {
        let none = |rows: &[u32]| !rows.is_empty() && rows.iter().all(|&row| self.weight(row) == 0.0);
        let part = self.part;
        match (none(&self.train), none(&self.validation)) {
            (false, false) => Ok(self),
            (true, _) => Err(InputError::new(format!("all rows that {part} trains on have weight 0")).at(flag)),
            _ => Err(InputError::new(format!("all rows that judge {part} have weight 0")).at(flag)),
        }
    }

    /// The same with rows that count by their class; what is balanced is so among the training rows.
    ///
    /// # Errors
    /// A class that there is not, another target than classes, and weights with which no training row counts.
    pub fn with_class_weight(self, by: &ClassWeight) -> Result<Samples, InputError> {
        let error = |what: String| InputError::new(what).at("--class-weight");
        if *by == ClassWeight::Alike {
            return Ok(self);
        }
        let TargetEncoder::Classes { labels } = &self.target else {
            let kind = if self.is_regression() { "numbers" } else { "several labels" };
            return Err(error(format!("is for classes, and the target is {kind}")).remedy("leave it out"));
        };
        let mut sums = vec![0.0; labels.len()];
        self.train.iter().for_each(|&row| sums[self.class(row) as usize] += self.weight(row));
        let class_weights = by.weights(labels, &sums)?;
        Samples { class_weights, ..self }.check_weights("--class-weight")
    }

    /// Whether rows count differently.
    pub(crate) fn weighted(&self) -> bool {
        self.class_weights.is_some() || self.data.weights().is_some()
    }

    /// How much a row counts in the loss: its own weight times that of its class.
    pub(crate) fn weight(&self, row: u32) -> f64 {
        let own = self.data.weights().map_or(1.0, |weights| weights[row as usize]);
        own * self.class_weights.as_ref().map_or(1.0, |weights| weights[self.class(row) as usize])
    }

    /// What is minimised: what is asked for if the target allows it; unless told softmax for three classes or more, logistic
    /// for two and for labels, squared for numbers.
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
            (false, _) => error(format!("for this target it is {usual}, not {loss}"), "leave it out"),
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
            TargetEncoder::Labels { .. } => Loss::Logistic,
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

    /// Outputs of a network for this target: as many as classes or labels, but one for two classes and for numbers.
    pub fn outputs(&self) -> u32 {
        match &self.target {
            TargetEncoder::Classes { labels } if labels.len() != 2 => labels.len() as u32,
            TargetEncoder::Labels { names } => names.len() as u32,
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

    /// Labels of a row, each 0 or 1; none where the target is another.
    #[inline]
    pub(crate) fn labels(&self, row: u32) -> &[u8] {
        match self.data.target() {
            Target::Labels { values, names } => &values[row as usize * names.len()..][..names.len()],
            _ => &[],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::testing::{csv, planned};
    use opportune_core::plan::Plan;
    use opportune_core::settings::{Precision, Settings};

    /// Three classes, with weights 1, 2, 0 and 1 in turns.
    fn data() -> Dataset {
        let row =
            |i: usize| format!("{},{},{},{}\n", i * 37 % 101, i * 59 % 97, [1, 2, 0, 1][i % 4], i * 37 % 101 / 34);
        csv(&("a,b,w,y\n".to_string() + &(0..80).map(row).collect::<String>()))
    }

    fn base(class_weight: &str) -> Settings {
        Settings {
            hidden: vec![5],
            batch: 1000,
            lr: Some(0.1),
            l2: 0.5,
            optimizer: "sgd(momentum=0.5)".parse().unwrap(),
            precision: Precision::F64,
            class_weight: class_weight.parse().unwrap(),
            ..Settings::default()
        }
    }

    /// A row of weight 2 does what it does twice in a batch, one of weight 0 what none does.
    #[test]
    fn a_weight_is_a_number_of_rows() {
        let unweighted = {
            // The same features without the column of weights.
            let (_, samples) = planned(data().with_weights("w").unwrap(), &base("none"));
            let text = (0..80).map(|i| format!("{},{},{}\n", i * 37 % 101, i * 59 % 97, i * 37 % 101 / 34));
            let data = csv(&("a,b,y\n".to_string() + &text.collect::<String>()));
            Samples { data: Arc::new(data), ..Samples::clone(&samples) }
        };
        for weight in ["none", "2=2"] {
            let (plan, samples) = planned(data().with_weights("w").unwrap(), &base(weight));
            let times = |row: u32| samples.weight(row) as usize;
            let repeat = |rows: &[u32]| rows.iter().flat_map(|&row| std::iter::repeat_n(row, times(row))).collect();
            let other = Samples {
                train: repeat(&samples.train),
                validation: repeat(&samples.validation),
                ..unweighted.clone()
            };
            let mut recipe = plan.recipe.clone();
            recipe.batch = other.train.len() as u32;
            let other_plan = Arc::new(Plan { recipe, ..Plan::clone(&plan) });
            let mut repeated = Run::<f64>::new(other_plan, Arc::new(other));
            let mut weighted = Run::<f64>::new(plan, samples.clone());
            for _ in 0..5 {
                let (a, b) = (weighted.epoch(&mut || false).unwrap(), repeated.epoch(&mut || false).unwrap());
                let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{weight}: {a} is not {b}");
                close(a.train_loss, b.train_loss);
                close(a.penalty, b.penalty);
                close(a.validation.unwrap().loss, b.validation.unwrap().loss);
                weighted.parameters().iter().zip(repeated.parameters()).for_each(|(a, b)| close(*a, *b));
            }
        }
    }

    #[test]
    fn classes_are_balanced_among_the_training_rows() {
        let (_, samples) = planned(csv("x,y\n1,a\n2,a\n3,a\n4,b\n5,b\n6,a\n7,a\n8,b\n"), &base("balanced"));
        // Rows 0 to 2 and 4 to 6 train: five of a, one of b.
        assert_eq!(samples.class_weights, Some(vec![0.6, 3.0]));
        // Weights of rows count: 8 of class 0, and so on.
        let (_, samples) = planned(data().with_weights("w").unwrap(), &base("balanced"));
        let mut sums = [0.0; 3];
        samples.train.iter().for_each(|&row| sums[samples.class(row) as usize] += samples.weight(row));
        assert!(sums.iter().all(|sum| (sum - sums[0]).abs() < 1e-12 && *sum > 0.0), "{sums:?}");
    }

    #[test]
    fn rows_that_all_count_nothing_are_refused() {
        let data = csv("x,w,y\n1,1,a\n2,1,b\n3,0,a\n4,0,b\n").with_weights("w").unwrap();
        let data = Arc::new(data);
        let new = |train: &[u32], validation: &[u32], weight: &str| {
            Samples::new(data.clone(), Part::Fold(1), train.to_vec(), validation.to_vec())
                .and_then(|samples| samples.with_class_weight(&weight.parse().unwrap()))
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        assert_eq!(new(&[0, 1], &[0, 2], "balanced"), Ok(()));
        for (train, validation, weight, says) in [
            (&[2, 3][..], &[0][..], "none", "--sample-weight: all rows that fold 1 trains on have weight 0"),
            (&[0, 1], &[2], "none", "--sample-weight: all rows that judge fold 1 have weight 0"),
            (&[0, 2], &[1], "a=0", "--class-weight: all rows that fold 1 trains on have weight 0"),
            (&[0, 1], &[1], "c=2", "--class-weight: there is no class 'c'; the classes are a, b"),
        ] {
            assert_eq!(new(train, validation, weight), Err(says.to_string()));
        }
    }

    /// A batch of rows without weight is a step without gradient or penalty, and no division by zero.
    #[test]
    fn a_batch_that_counts_nothing_does_no_harm() {
        let base = Settings { batch: 1, ..base("none") };
        let (plan, samples) = planned(data().with_weights("w").unwrap(), &base);
        let mut run = Run::<f64>::new(plan, samples);
        let one = run.epoch(&mut || false).unwrap();
        assert!(one.train_loss.is_finite() && one.penalty.is_finite() && one.validation.unwrap().loss.is_finite());
        assert!(run.parameters().iter().all(|parameter| parameter.is_finite()));
    }
}
