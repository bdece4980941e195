//! A dense network: its parameters, and what one batch does on its way forth and back.

use crate::activation::needs_sum;
use crate::losses::{Aim, Outputs, Sums};
use crate::passes::{self, padded};
use crate::product::{Left, Product};
use crate::real::Real;
use opportune_core::plan::Network;
use opportune_core::rng::Stream;
use opportune_core::settings::{Activation, Init};
use pulp::Arch;
use std::ops::Range;

/// Where the parameters of each layer lie in the flat vector: weights (in x out, row-major, as scikit-learn's
/// `coefs_`), then biases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    widths: Vec<usize>,
    starts: Vec<usize>,
}

impl Layout {
    /// Of a network with these widths, inputs and outputs included.
    pub(crate) fn new(widths: Vec<usize>) -> Layout {
        let mut starts = vec![0];
        for pair in widths.windows(2) {
            starts.push(starts[starts.len() - 1] + (pair[0] + 1) * pair[1]);
        }
        Layout { widths, starts }
    }

    /// Number of layers with weights.
    pub(crate) fn layers(&self) -> usize {
        self.widths.len() - 1
    }

    /// Number of all parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.starts[self.layers()]
    }

    /// Inputs and outputs of a layer.
    pub(crate) fn sizes(&self, layer: usize) -> (usize, usize) {
        (self.widths[layer], self.widths[layer + 1])
    }

    /// Place of a layer's weights.
    pub(crate) fn weights(&self, layer: usize) -> Range<usize> {
        let (inputs, outputs) = self.sizes(layer);
        self.starts[layer]..self.starts[layer] + inputs * outputs
    }

    /// Place of a layer's biases.
    pub(crate) fn biases(&self, layer: usize) -> Range<usize> {
        self.weights(layer).end..self.starts[layer + 1]
    }
}

/// Initial parameters, drawn in 64 bits layer by layer, weights before biases.
pub(crate) fn initial<T: Real>(network: &Network, stream: &mut Stream) -> Vec<T> {
    let layout = Layout::new(network.widths());
    let mut parameters = Vec::with_capacity(layout.parameters());
    for layer in 0..layout.layers() {
        let (inputs, outputs) = layout.sizes(layer);
        match network.init {
            Init::Glorot => {
                let factor = if network.activation == Activation::Logistic { 2.0 } else { 6.0 };
                let bound = (factor / (inputs + outputs) as f64).sqrt();
                let draw = || T::of((2.0 * stream.uniform() - 1.0) * bound);
                parameters.extend(std::iter::repeat_with(draw).take((inputs + 1) * outputs));
            }
            Init::He => {
                let deviation = (2.0 / inputs as f64).sqrt();
                parameters.extend((0..inputs * outputs).map(|_| T::of(stream.normal() * deviation)));
                parameters.extend(std::iter::repeat_n(T::ZERO, outputs));
            }
        }
    }
    parameters
}

/// A network with room for a batch. Nothing here allocates after [`Net::new`].
pub(crate) struct Net<T> {
    arch: Arch,
    layout: Layout,
    activation: Activation,
    /// The flat vector; call [`Net::pack`] after changing it.
    pub(crate) parameters: Vec<T>,
    /// Of the loss without penalty, in the order of `parameters`.
    pub(crate) gradients: Vec<T>,
    /// Rows of inputs, as many as there is room for.
    pub(crate) inputs: Vec<T>,
    /// Weights with padded rows, by layer.
    weights: Vec<Vec<T>>,
    /// Padded biases, by layer.
    biases: Vec<Vec<T>>,
    /// Transposed weights (out x in) with padded rows, by layer; none for the first, whose inputs need no derivative.
    turned: Vec<Vec<T>>,
    /// What each layer gives, rows padded; in the end the last one's derivatives.
    values: Vec<Vec<T>>,
    /// Sums of each hidden layer before its activation, rows padded; empty where the derivative does without.
    sums: Vec<Vec<T>>,
    /// Derivatives by the sums of each hidden layer, rows padded.
    deltas: Vec<Vec<T>>,
}

impl<T: Real> Net<T> {
    /// With these parameters, and room for `rows` rows at once.
    pub(crate) fn new(arch: Arch, network: &Network, parameters: Vec<T>, rows: usize) -> Net<T> {
        let layout = Layout::new(network.widths());
        let zeros = |n: usize| vec![T::ZERO; n];
        let all = || (0..layout.layers()).map(|layer| layout.sizes(layer));
        let mut net = Net {
            arch,
            activation: network.activation,
            gradients: zeros(layout.parameters()),
            parameters,
            inputs: zeros(rows * layout.widths[0]),
            weights: all().map(|(inputs, outputs)| zeros(inputs * padded::<T>(outputs))).collect(),
            biases: all().map(|(_, outputs)| zeros(padded::<T>(outputs))).collect(),
            turned: all().skip(1).map(|(inputs, outputs)| zeros(outputs * padded::<T>(inputs))).collect(),
            values: all().map(|(_, outputs)| zeros(rows * padded::<T>(outputs))).collect(),
            sums: all()
                .skip(1)
                .map(|(inputs, _)| zeros(if needs_sum(network.activation) { rows * padded::<T>(inputs) } else { 0 }))
                .collect(),
            deltas: all().skip(1).map(|(inputs, _)| zeros(rows * padded::<T>(inputs))).collect(),
            layout,
        };
        net.pack();
        net
    }

    /// Where the parameters lie.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Rows there is room for at once.
    pub(crate) fn room(&self) -> usize {
        self.inputs.len() / self.layout.widths[0]
    }

    /// The instruction set.
    pub(crate) fn arch(&self) -> Arch {
        self.arch
    }

    /// Brings the parameters into the form that the products read.
    pub(crate) fn pack(&mut self) {
        for layer in 0..self.layout.layers() {
            let (inputs, outputs) = self.layout.sizes(layer);
            let weights = &self.parameters[self.layout.weights(layer)];
            passes::pad(self.arch, weights, outputs, &mut self.weights[layer], padded::<T>(outputs));
            self.biases[layer][..outputs].copy_from_slice(&self.parameters[self.layout.biases(layer)]);
            if layer > 0 {
                passes::turn(self.arch, weights, outputs, &mut self.turned[layer - 1], padded::<T>(inputs));
            }
        }
    }

    /// The first `rows` of [`Net::inputs`] through all layers; the outputs are sums, before softmax or logistic.
    pub(crate) fn forward(&mut self, rows: usize) {
        let layers = self.layout.layers();
        for layer in 0..layers {
            let (inputs, outputs) = self.layout.sizes(layer);
            let (before, rest) = self.values.split_at_mut(layer);
            let stride = padded::<T>(outputs);
            let out = &mut rest[0][..rows * stride];
            Product {
                sizes: (rows, inputs, outputs),
                left: match before.last() {
                    None => Left { values: &self.inputs, stride: inputs, transposed: false },
                    Some(values) => Left { values, stride: padded::<T>(inputs), transposed: false },
                },
                right: &self.weights[layer],
                right_stride: stride,
                start: Some(&self.biases[layer]),
                out,
                out_stride: stride,
            }
            .run(self.arch);
            if layer + 1 < layers {
                if !self.sums[layer].is_empty() {
                    self.sums[layer][..out.len()].copy_from_slice(out);
                }
                passes::activate(self.arch, self.activation, out);
            }
        }
    }

    /// Turns the outputs of [`Net::forward`] into predictions and sums the loss over the rows: [`Aim::predict`].
    pub(crate) fn predict(&mut self, aim: &Aim<'_, T>) -> Sums {
        aim.predict(self.outputs())
    }

    fn outputs(&mut self) -> Outputs<'_, T> {
        let last = self.layout.layers() - 1;
        let width = self.layout.sizes(last).1;
        Outputs { arch: self.arch, values: &mut self.values[last], stride: padded::<T>(width), width }
    }

    /// Predictions of the first `rows` rows, one slice for each.
    pub(crate) fn predictions(&self, rows: usize) -> impl ExactSizeIterator<Item = &[T]> {
        let last = self.layout.layers() - 1;
        let outputs = self.layout.sizes(last).1;
        self.values[last].chunks_exact(padded::<T>(outputs)).take(rows).map(move |row| &row[..outputs])
    }

    /// From predictions back to the gradients of the mean loss over `rows` rows, as many as the aim has, whose weights have
    /// the sum `total`.
    pub(crate) fn backward(&mut self, rows: usize, aim: &Aim<'_, T>, total: f64) {
        let arch = self.arch;
        aim.derive(self.outputs(), total);
        let last = self.layout.layers() - 1;
        for layer in (0..=last).rev() {
            let (inputs, outputs) = self.layout.sizes(layer);
            let (stride, left_stride) = (padded::<T>(outputs), padded::<T>(inputs));
            let (below, above) = self.deltas.split_at_mut(layer);
            let deltas = if layer == last { &self.values[last] } else { &above[0] };
            let deltas = &deltas[..rows * stride];
            let left = match layer {
                0 => Left { values: &self.inputs, stride: inputs, transposed: true },
                _ => Left { values: &self.values[layer - 1], stride: left_stride, transposed: true },
            };
            Product {
                sizes: (inputs, rows, outputs),
                left,
                right: deltas,
                right_stride: stride,
                start: None,
                out: &mut self.gradients[self.layout.weights(layer)],
                out_stride: outputs,
            }
            .run(self.arch);
            let sums = &mut self.gradients[self.layout.biases(layer)];
            passes::column_sums(arch, deltas, stride, sums);
            if let Some(out) = below.last_mut() {
                let out = &mut out[..rows * left_stride];
                Product {
                    sizes: (rows, outputs, inputs),
                    left: Left { values: deltas, stride, transposed: false },
                    right: &self.turned[layer - 1],
                    right_stride: left_stride,
                    start: None,
                    out,
                    out_stride: left_stride,
                }
                .run(self.arch);
                let told_from = match self.sums[layer - 1].is_empty() {
                    true => &self.values[layer - 1],
                    false => &self.sums[layer - 1],
                };
                passes::derive(arch, self.activation, out, told_from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::Targets;
    use opportune_core::loss::Loss;
    use opportune_core::rng::Purpose;

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
        fn new(loss: Loss, activation: Activation, hidden: &[u32]) -> Case {
            Case::with(loss, activation, hidden, if loss == Loss::Softmax { 3 } else { 1 })
        }

        /// With several outputs the logistic loss is one of labels.
        fn with(loss: Loss, activation: Activation, hidden: &[u32], outputs: u32) -> Case {
            let network = Network { inputs: 4, hidden: hidden.to_vec(), outputs, activation, init: Init::Glorot };
            let mut stream = Stream::new(3, hidden.len() as u32, None, Purpose::Weights);
            let mut net = Net::new(Arch::new(), &network, initial(&network, &mut stream), ROWS);
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
            self.net.forward(ROWS);
            let loss = self.net.predict(&aim).loss / self.total();
            let layout = self.net.layout().clone();
            let weights = (0..layout.layers()).flat_map(|layer| layout.weights(layer));
            loss + weights.map(|i| 0.5 * self.l2 * self.net.parameters[i] * self.net.parameters[i]).sum::<f64>()
        }

        /// Its gradient.
        fn gradient(&mut self) -> Vec<f64> {
            let aim = self.aim();
            self.net.pack();
            self.net.forward(ROWS);
            self.net.predict(&aim);
            self.net.backward(ROWS, &aim, self.total());
            let (layout, mut gradient) = (self.net.layout(), self.net.gradients.clone());
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
                for hidden in [&[][..], &[5], &[4, 3], &[5, 17, 3]] {
                    compare(Case::new(loss, activation, hidden), &format!("{loss} {activation} {hidden:?}"));
                }
            }
        }
    }

    #[test]
    fn so_are_those_of_several_labels() {
        for smoothing in [0.0, 0.2] {
            for weights in [None, Some((0..ROWS).map(|row| [0.0, 0.5, 3.0][row % 3]).collect::<Vec<f64>>())] {
                for hidden in [&[][..], &[4, 3]] {
                    let case = Case::with(Loss::Logistic, Activation::Tanh, hidden, 3);
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
                    let case = Case::new(loss, Activation::Tanh, &[5]);
                    compare(Case { smoothing: *smoothing, weights, ..case }, &what);
                }
            }
        }
    }

    #[test]
    fn weights_start_as_they_should() {
        let network = |activation, init| Network { inputs: 60, hidden: vec![40], outputs: 10, activation, init };
        let draw = |network: &Network| {
            let mut stream = Stream::new(0, 0, Some(0), Purpose::Weights);
            initial::<f64>(network, &mut stream)
        };
        let layout = Layout::new(vec![60, 40, 10]);
        assert_eq!((layout.parameters(), layout.weights(1), layout.biases(1)), (2850, 2440..2840, 2840..2850));
        for (activation, factor) in [(Activation::Relu, 6.0f64), (Activation::Logistic, 2.0)] {
            let all = draw(&network(activation, Init::Glorot));
            let bound = (factor / 100.0).sqrt();
            let first = &all[..2440];
            assert!(first.iter().all(|w| w.abs() <= bound) && first.iter().any(|w| w.abs() > 0.99 * bound));
            assert!(all[layout.biases(1)].iter().all(|b| *b != 0.0));
        }
        let all = draw(&network(Activation::Relu, Init::He));
        let mean_square = all[layout.weights(0)].iter().map(|w| w * w).sum::<f64>() / 2400.0;
        assert!((mean_square - 2.0 / 60.0).abs() < 0.003);
        assert!(all[layout.biases(0)].iter().all(|b| *b == 0.0));
        let narrow =
            initial::<f32>(&network(Activation::Relu, Init::He), &mut Stream::new(0, 0, Some(0), Purpose::Weights));
        assert!(all.iter().zip(&narrow).all(|(wide, narrow)| *wide as f32 == *narrow));
    }
}
