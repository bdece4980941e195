//! Gradients of whole networks beside finite differences: each loss and activation, smoothing, weights, dropped units,
//! normalised layers.

use crate::losses::{Aim, Targets};
use crate::network::{Net, initial};
use opportune_core::loss::Loss;
use opportune_core::plan::Network;
use opportune_core::rng::{Purpose, Stream};
use opportune_core::settings::{Activation, Init};
use pulp::Arch;

const ROWS: usize = 7;

struct Case {
    net: Net<f64>,
    labels: Vec<u32>,
    numbers: Vec<f64>,
    loss: Loss,
    l2: f64,
    smoothing: f64,
    weights: Option<Vec<f64>>,
}

impl Case {
    fn new(loss: Loss, activation: Activation, hidden: &[u32], more: (f64, bool)) -> Case {
        Case::with(loss, activation, hidden, if loss == Loss::Softmax { 3 } else { 1 }, more)
    }

    /// With several outputs the logistic loss is one of labels.
    fn with(
        loss: Loss,
        activation: Activation,
        hidden: &[u32],
        outputs: u32,
        (dropout, layer_norm): (f64, bool),
    ) -> Case {
        let network =
            Network { inputs: 4, hidden: hidden.to_vec(), outputs, activation, init: Init::Glorot, layer_norm };
        let mut stream = Stream::new(3, hidden.len() as u32, None, Purpose::Weights);
        let mut net = Net::new(Arch::new(), &network, &initial(&network, &mut stream), ROWS).with_dropout(dropout);
        if dropout > 0.0 {
            net.draw_dropped(ROWS, &mut stream);
        }
        net.inputs.iter_mut().for_each(|x| *x = stream.normal());
        Case {
            net,
            labels: (0..if loss == Loss::Logistic { ROWS * outputs as usize } else { ROWS })
                .map(|_| stream.below(if loss == Loss::Softmax { 3 } else { 2 }))
                .collect(),
            // Poisson's have a first row of 0.
            numbers: (0..ROWS)
                .map(|row| if loss == Loss::Poisson { (row as f64) * stream.uniform() } else { stream.normal() })
                .collect(),
            loss,
            l2: 0.3,
            smoothing: 0.0,
            weights: None,
        }
    }

    fn aim(&self) -> Aim<'static, f64> {
        let targets = match self.loss.is_regression() {
            true => Targets::Numbers(self.numbers.clone().leak()),
            false if self.labels.len() > ROWS => Targets::Labels(self.labels.clone().leak()),
            false => Targets::Classes(self.labels.clone().leak()),
        };
        let weights = self.weights.clone().map(|weights| &*weights.leak());
        Aim { loss: self.loss, targets, smoothing: self.smoothing, weights }
    }

    fn total(&self) -> f64 {
        self.weights.as_ref().map_or(ROWS as f64, |weights| weights.iter().sum())
    }

    /// Mean loss and penalty, the latter computed from the weights as a sum.
    fn objective(&mut self) -> f64 {
        let aim = self.aim();
        self.net.pack();
        self.net.forward_dropped(ROWS);
        let loss = self.net.predict(&aim).loss / self.total();
        let layout = self.net.layout().clone();
        let weights = (0..layout.layers()).flat_map(|layer| layout.weights(layer));
        loss + weights.map(|i| 0.5 * self.l2 * self.net.parameters[i] * self.net.parameters[i]).sum::<f64>()
    }

    /// Its gradient.
    fn gradient(&mut self) -> Vec<f64> {
        let aim = self.aim();
        self.net.pack();
        self.net.forward_dropped(ROWS);
        self.net.predict(&aim);
        self.net.backward(ROWS, &aim, self.total());
        let (layout, mut gradient) = (self.net.layout(), self.net.gradients.to_vec());
        for i in (0..layout.layers()).flat_map(|layer| layout.weights(layer)) {
            gradient[i] += self.l2 * self.net.parameters[i];
        }
        gradient
    }
}

/// The gradient of a case beside finite differences of its objective.
fn compare(mut case: Case, what: &str) {
    let gradient = case.gradient();
    for (i, &exact) in gradient.iter().enumerate() {
        let at = case.net.parameters[i];
        let h = 1e-5;
        case.net.parameters[i] = at + h;
        let above = case.objective();
        case.net.parameters[i] = at - h;
        let below = case.objective();
        case.net.parameters[i] = at;
        let difference = (above - below) / (2.0 * h);
        let error = (difference - exact).abs() / exact.abs().max(1e-2);
        assert!(error < 1e-6, "{what} {i}: {exact} or {difference}");
    }
}

const LOSSES: [Loss; 6] =
    [Loss::Softmax, Loss::Logistic, Loss::Squared, Loss::Huber { delta: 0.7 }, Loss::Absolute, Loss::Poisson];

#[test]
fn gradients_are_those_of_finite_differences() {
    assert_eq!(LOSSES.len(), Loss::NAMES.len());
    for loss in LOSSES {
        for &activation in Activation::ALL {
            for (hidden, more) in [
                (&[][..], (0.0, false)),
                (&[5], (0.0, false)),
                (&[4, 3], (0.0, false)),
                (&[5, 17, 3], (0.0, false)),
                (&[9, 17], (0.4, false)),
                (&[9, 17], (0.0, true)),
                (&[2, 8, 3], (0.3, true)),
            ] {
                let what = format!("{loss} {activation} {hidden:?} {more:?}");
                compare(Case::new(loss, activation, hidden, more), &what);
            }
        }
    }
}

#[test]
fn so_are_those_of_several_labels() {
    for smoothing in [0.0, 0.2] {
        for weights in [None, Some((0..ROWS).map(|row| [0.0, 0.5, 3.0][row % 3]).collect::<Vec<f64>>())] {
            for hidden in [&[][..], &[4, 3]] {
                let case = Case::with(Loss::Logistic, Activation::Tanh, hidden, 3, (0.0, false));
                compare(Case { smoothing, weights: weights.clone(), ..case }, &format!("{smoothing} {hidden:?}"));
            }
        }
    }
}

#[test]
fn so_are_those_of_smoothed_and_weighted_losses() {
    let weights = || Some((0..ROWS).map(|row| [0.0, 0.5, 1.0, 3.0][row % 4]).collect());
    for loss in LOSSES {
        for smoothing in if loss.is_regression() { &[0.0][..] } else { &[0.0, 0.1, 0.7] } {
            for weights in [None, weights()] {
                let what = format!("{loss} {smoothing} {weights:?}");
                let case = Case::new(loss, Activation::Tanh, &[5], (0.0, false));
                compare(Case { smoothing: *smoothing, weights, ..case }, &what);
            }
        }
    }
}

#[test]
fn units_stay_dropped_until_drawn_anew_and_a_prediction_drops_none() {
    fn outputs(net: &Net<f64>) -> Vec<f64> {
        net.predictions(ROWS).map(|row| row[0]).collect()
    }
    let Case { mut net, .. } = Case::new(Loss::Squared, Activation::Tanh, &[9, 17], (0.4, false));
    net.forward_dropped(ROWS);
    let first = outputs(&net);
    net.forward(ROWS);
    let whole = outputs(&net);
    net.forward_dropped(ROWS);
    assert!(outputs(&net) == first && whole != first);
    net.draw_dropped(ROWS, &mut Stream::new(4, 0, None, Purpose::Dropout { epoch: 0 }));
    net.forward_dropped(ROWS);
    assert!(outputs(&net) != first);
    let Case { net: mut plain, .. } = Case::new(Loss::Squared, Activation::Tanh, &[9, 17], (0.0, false));
    plain.inputs.copy_from_slice(&net.inputs);
    plain.forward(ROWS);
    assert_eq!(outputs(&plain), whole);
}
