//! A model as a plain network on raw features, its preprocessing folded into the weights: what other libraries can hold.

use crate::model::{Model, Parameters};
use crate::network::Layout;
use crate::real::Real;
use opportune_core::loss::Loss;
use opportune_data::TargetEncoder;

/// One layer of a plain network: outputs are inputs times weights plus biases.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Inputs x outputs, row-major.
    pub weights: Vec<f64>,
    /// One for each output.
    pub biases: Vec<f64>,
}

impl Model {
    /// The layers of a network that takes features as they are in the data, and whose last layer's sums are in the target's
    /// units (of Poisson's loss: the logarithm of what is predicted; of classes: what softmax or the logistic function is
    /// applied to). The activation between them is the model's. Folded in 64 bits, so that rounding apart it predicts what
    /// the model does, wherever no value is missing. `None` where a network has more than such layers: categories among the
    /// features, or layers that are normalised.
    pub fn raw_layers(&self) -> Option<Vec<Layer>> {
        let moments = self.encoder.moments().filter(|_| !self.network.layer_norm)?;
        let mut layers = match &self.parameters {
            Parameters::F32(all) => layers(&Layout::new(self.network.widths(), false), all),
            Parameters::F64(all) => layers(&Layout::new(self.network.widths(), false), all),
        };
        let first = layers.first_mut()?;
        let width = first.biases.len();
        for (weights, (mean, scale)) in first.weights.chunks_mut(width).zip(moments) {
            for (weight, bias) in weights.iter_mut().zip(&mut first.biases) {
                *weight /= scale;
                *bias -= mean * *weight;
            }
        }
        if let (TargetEncoder::Numbers { mean, scale }, Some(last)) = (&self.target, layers.last_mut()) {
            if self.loss == Loss::Poisson {
                last.biases.iter_mut().for_each(|bias| *bias += scale.ln());
            } else {
                last.weights.iter_mut().for_each(|weight| *weight *= scale);
                last.biases.iter_mut().for_each(|bias| *bias = *bias * scale + mean);
            }
        }
        Some(layers)
    }
}

fn layers<T: Real>(layout: &Layout, parameters: &[T]) -> Vec<Layer> {
    let wide = |numbers: &[T]| numbers.iter().map(|number| number.wide()).collect();
    let layer = |layer| Layer {
        weights: wide(&parameters[layout.weights(layer)]),
        biases: wide(&parameters[layout.biases(layer)]),
    };
    (0..layout.layers()).map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Predictions;
    use crate::run::Run;
    use crate::testing::{csv, planned};
    use opportune_core::settings::{Precision, Settings};

    /// Sums of a plain network of tanh units for one row.
    fn sums(layers: &[Layer], row: &[f64]) -> Vec<f64> {
        let mut values = row.to_vec();
        for (place, layer) in layers.iter().enumerate() {
            let sum = |unit: usize| {
                let weights = layer.weights.iter().skip(unit).step_by(layer.biases.len());
                layer.biases[unit] + values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>()
            };
            let next: Vec<f64> = (0..layer.biases.len()).map(sum).collect();
            values = if place + 1 < layers.len() { next.iter().map(|sum| sum.tanh()).collect() } else { next };
        }
        values
    }

    fn trained(
        header: &str,
        target: &dyn Fn(usize) -> String,
        settings: &Settings,
    ) -> (Model, Vec<Vec<f64>>, Vec<f64>) {
        let features = |i: usize| vec![(i * 37 % 101) as f64 / 8.0, 1e3 + (i * 59 % 97) as f64, 5.0 - (i % 7) as f64];
        let line = |i: usize| format!("{:?},{}\n", features(i), target(i)).replace(['[', ']', ' '], "");
        let data = csv(&(header.to_string() + &(0..80).map(line).collect::<String>()));
        let (plan, samples) = planned(data.clone(), settings);
        let mut run = Run::<f64>::new(plan.clone(), samples.clone());
        for _ in 0..20 {
            let _ = run.epoch(&mut || false);
        }
        let model = Model::from_state(&plan, &run.save(), &samples).unwrap();
        let predictions = match model.predict(&data) {
            Predictions::Numbers(values) => values,
            Predictions::Classes { probabilities, .. } | Predictions::Labels { probabilities, .. } => probabilities,
        };
        (model, (0..80).map(features).collect(), predictions)
    }

    #[test]
    fn a_plain_network_predicts_what_the_model_does() {
        let settings = Settings {
            hidden: vec![6, 5],
            activation: "tanh".parse().unwrap(),
            lr: Some(0.02),
            batch: 16,
            precision: Precision::F64,
            ..Settings::default()
        };
        let number = |i: usize| format!("{}", 300.5 + (i * 37 % 101) as f64 * 4.0);
        let class = |i: usize| ["x", "y", "z"][i * 37 % 101 / 34].to_string();
        let poisson = Settings { loss: Some(Loss::Poisson), ..settings.clone() };
        let linear = Settings { hidden: Vec::new(), ..settings.clone() };
        let softmax = |sums: Vec<f64>| {
            let all: f64 = sums.iter().map(|sum| sum.exp()).sum();
            sums.iter().map(|sum| sum.exp() / all).collect()
        };
        type Output<'a> = &'a dyn Fn(Vec<f64>) -> Vec<f64>;
        type Target<'a> = &'a dyn Fn(usize) -> String;
        let cases: [(Target<'_>, &Settings, Output<'_>); 4] = [
            (&number, &settings, &|sums| sums),
            (&number, &linear, &|sums| sums),
            (&number, &poisson, &|sums| sums.iter().map(|sum| sum.exp()).collect()),
            (&class, &settings, &softmax),
        ];
        for (target, settings, output) in cases {
            let (model, rows, expected) = trained("a,b,c,y\n", target, settings);
            let layers = model.raw_layers().unwrap();
            let found: Vec<f64> = rows.iter().flat_map(|row| output(sums(&layers, row))).collect();
            assert_eq!(found.len(), expected.len());
            for (one, other) in found.iter().zip(&expected) {
                assert!((one - other).abs() < 1e-11 * other.abs().max(1.0), "{one} is not {other}");
            }
            assert!(expected.iter().any(|value| (value - expected[0]).abs() > 1e-3), "it learned something");
        }
    }

    #[test]
    fn what_is_no_plain_network_is_none() {
        let normalised = Settings { layer_norm: true, precision: Precision::F64, ..Settings::default() };
        let (model, ..) = trained("a,b,c,y\n", &|i| (i % 2).to_string(), &normalised);
        assert_eq!(model.raw_layers(), None);
    }
}
