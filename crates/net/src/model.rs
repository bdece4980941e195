//! A trained network with its preprocessing: what predicts.

use crate::losses::{Aim, Targets};
use crate::network::Net;
use crate::passes;
use crate::real::Real;
use crate::samples::Samples;
use crate::state::saved_parameters;
use opportune_core::loss::Loss;
use opportune_core::plan::{Key, Network, Plan};
use opportune_core::score::Score;
use opportune_core::settings::Precision;
use opportune_data::{Dataset, Encoder, Target, TargetEncoder};
use pulp::Arch;

/// Rows predicted at once.
const CHUNK: usize = 256;

/// Predictions in the units of the target.
#[derive(Debug, Clone, PartialEq)]
pub enum Predictions {
    /// Of a classification.
    Classes {
        /// The classes' labels.
        labels: Vec<String>,
        /// Probability of each class for each row: n x classes, row-major.
        probabilities: Vec<f64>,
    },
    /// Of several labels.
    Labels {
        /// The labels' names.
        names: Vec<String>,
        /// Probability of each label for each row: n x labels, row-major. A row has a label from above one half on.
        probabilities: Vec<f64>,
    },
    /// Of a regression, one for each row, in original units.
    Numbers(Vec<f64>),
}

/// Parameters in the width in which they were trained.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parameters {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// A trained network, from a table of raw features to predictions.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) network: Network,
    pub(crate) loss: Loss,
    pub(crate) parameters: Parameters,
    pub(crate) encoder: Encoder,
    pub(crate) target: TargetEncoder,
}

impl Model {
    /// The model of a run that was saved ([`crate::Run::save`]); `samples` are those it was trained on.
    ///
    /// # Errors
    /// Bytes that are damaged, of another version, or of another training.
    pub fn from_state(plan: &Plan, state: &[u8], samples: &Samples) -> Result<Model, String> {
        Ok(Model {
            network: plan.recipe.network.clone(),
            loss: plan.recipe.loss,
            parameters: match plan.recipe.precision {
                Precision::F32 => Parameters::F32(saved_parameters(plan, state)?),
                Precision::F64 => Parameters::F64(saved_parameters(plan, state)?),
            },
            encoder: samples.encoder.clone(),
            target: samples.encoding(plan.recipe.loss),
        })
    }

    /// How features become inputs; [`Encoder::align`] makes of other data what [`Model::predict`] takes.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// How outputs become predictions.
    pub fn target(&self) -> &TargetEncoder {
        &self.target
    }

    /// The network's shape.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// A hash of shape and parameters.
    pub fn key(&self) -> Key {
        let mut bytes = format!("{} {}", self.network, self.loss).into_bytes();
        match &self.parameters {
            Parameters::F32(all) => all.iter().for_each(|one| one.put(&mut bytes)),
            Parameters::F64(all) => all.iter().for_each(|one| one.put(&mut bytes)),
        }
        Key::of(&bytes)
    }

    /// Predictions for all rows of `data`: the data the encoder was fitted on, or data it has aligned.
    pub fn predict(&self, data: &Dataset) -> Predictions {
        let rows: Vec<u32> = (0..data.rows() as u32).collect();
        let values = self.values(data, &rows);
        match &self.target {
            TargetEncoder::Classes { labels } => Predictions::Classes { labels: labels.clone(), probabilities: values },
            TargetEncoder::Labels { names } => Predictions::Labels { names: names.clone(), probabilities: values },
            TargetEncoder::Numbers { .. } => Predictions::Numbers(values),
        }
    }

    /// Score on some rows of data with a target. NaN where it is not defined: no rows, a class that the model does not
    /// know, a score for another kind of target.
    pub fn score(&self, data: &Dataset, rows: &[u32], score: Score) -> f64 {
        let values = || self.values(data, rows);
        match (data.target(), &self.target) {
            (Target::Numbers(truth), TargetEncoder::Numbers { .. }) => {
                let truth: Vec<f64> = rows.iter().map(|&row| truth[row as usize]).collect();
                score.of_numbers(&truth, &values())
            }
            (Target::Classes { codes, labels: theirs }, TargetEncoder::Classes { labels }) => {
                let class = |&row: &u32| {
                    let label = &theirs[codes[row as usize] as usize];
                    labels.iter().position(|known| known == label).map(|class| class as u32)
                };
                match rows.iter().map(class).collect::<Option<Vec<u32>>>() {
                    Some(truth) => score.of_classes(&truth, &values(), labels.len()),
                    None => f64::NAN,
                }
            }
            (Target::Labels { values: truth, names }, TargetEncoder::Labels { names: known }) if names == known => {
                let k = names.len();
                let labels = rows.iter().flat_map(|&row| &truth[row as usize * k..][..k]);
                score.of_labels(&labels.map(|&label| u32::from(label)).collect::<Vec<_>>(), &values(), k)
            }
            _ => f64::NAN,
        }
    }

    /// Probabilities (n x classes or labels) or numbers in original units.
    fn values(&self, data: &Dataset, rows: &[u32]) -> Vec<f64> {
        match &self.parameters {
            Parameters::F32(parameters) => self.run(parameters, data, rows),
            Parameters::F64(parameters) => self.run(parameters, data, rows),
        }
    }

    fn run<T: Real>(&self, parameters: &[T], data: &Dataset, rows: &[u32]) -> Vec<f64> {
        let room = rows.len().min(CHUNK);
        let mut net = Net::new(Arch::new(), &self.network, parameters, room);
        // What the targets are does not matter: only the predictions are looked at.
        let width = self.target.outputs();
        let (labels, numbers) = (vec![0; room * width], vec![T::ZERO; room]);
        let mut values = Vec::new();
        for rows in rows.chunks(CHUNK) {
            let (arch, inputs) = (net.arch(), &mut net.inputs[..rows.len() * self.encoder.inputs()]);
            passes::encode(arch, &self.encoder, data, rows, inputs);
            net.forward(rows.len());
            let targets = match self.target {
                TargetEncoder::Numbers { .. } => Targets::Numbers(&numbers[..rows.len()]),
                TargetEncoder::Classes { .. } => Targets::Classes(&labels[..rows.len()]),
                TargetEncoder::Labels { .. } => Targets::Labels(&labels[..rows.len() * width]),
            };
            net.predict(&Aim::new(self.loss, targets));
            for row in net.predictions(rows.len()) {
                match (self.loss, row) {
                    (loss, _) if loss.is_regression() => {
                        values.extend(row.iter().map(|z| self.target.original(z.wide())));
                    }
                    (Loss::Logistic, [p]) => values.extend([1.0 - p.wide(), p.wide()]),
                    _ => values.extend(row.iter().map(|p| p.wide())),
                }
            }
        }
        values
    }
}
