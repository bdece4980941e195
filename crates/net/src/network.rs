//! A dense network: its parameters, and what one batch does on its way forth and back.

mod backward;
mod source;

use self::backward::Backward;
use self::source::Source;
use crate::activation::needs_sum;
use crate::dropout::Dropout;
use crate::layer_norm::Normal;
use crate::losses::{Aim, Outputs, Sums};
use crate::panels::{HasMany, pack};
use crate::passes::{self, ROW_BYTES, padded};
use crate::product::{self, Factors, Product, Right, Rows, made_rows, pack_tail, tail};
use crate::real::Real;
use crate::samples::Samples;
use crate::threads::{self, Crew, spread};
use crate::update::SPREAD;
use opportune_core::plan::Network;
use opportune_core::rng::Stream;
use opportune_core::settings::{Activation, Init};
use opportune_data::Aligned;
use pulp::Arch;
use std::ops::Range;
use std::sync::Arc;

/// Where the parameters of each layer lie in the flat vector: weights (in x out, row-major, as scikit-learn's
/// `coefs_`), then biases; of a hidden layer that is normalised then gain and bias of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    widths: Vec<usize>,
    starts: Vec<usize>,
    normalised: bool,
}

impl Layout {
    /// Of a network with these widths, inputs and outputs included; `normalised` if its hidden layers are.
    pub(crate) fn new(widths: Vec<usize>, normalised: bool) -> Layout {
        let mut starts = vec![0];
        for (layer, pair) in widths.windows(2).enumerate() {
            let norm = if normalised && layer + 2 < widths.len() { 2 * pair[1] } else { 0 };
            starts.push(starts[starts.len() - 1] + (pair[0] + 1) * pair[1] + norm);
        }
        Layout { widths, starts, normalised }
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
        let weights = self.weights(layer);
        weights.end..weights.end + self.sizes(layer).1
    }

    /// Places of a normalised layer's gain and bias; `None` of one that is not.
    pub(crate) fn norm(&self, layer: usize) -> Option<[Range<usize>; 2]> {
        let (middle, end) = (self.starts[layer + 1] - self.sizes(layer).1, self.starts[layer + 1]);
        let there = self.normalised && layer + 1 < self.layers();
        there.then(|| [self.biases(layer).end..middle, middle..end])
    }

    /// Place of all of a layer that are no weights, and free of penalty and decay.
    pub(crate) fn free(&self, layer: usize) -> Range<usize> {
        self.weights(layer).end..self.starts[layer + 1]
    }
}

/// Initial parameters, drawn in 64 bits layer by layer, weights before biases.
pub(crate) fn initial<T: Real>(network: &Network, stream: &mut Stream) -> Vec<T> {
    let layout = Layout::new(network.widths(), network.layer_norm);
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
        if layout.norm(layer).is_some() {
            parameters.extend(std::iter::repeat_n(T::ONE, outputs).chain(std::iter::repeat_n(T::ZERO, outputs)));
        }
    }
    parameters
}

/// Numbers of inputs in the smallest part that is worth being handed to another thread to be encoded.
const ENCODED: usize = 1 << 15;

/// A network with room for a batch. Nothing here allocates after [`Net::new`].
pub(crate) struct Net<T> {
    arch: Arch,
    threads: usize,
    layout: Layout,
    activation: Activation,
    /// The flat vector; call [`Net::pack`] after changing it.
    pub(crate) parameters: Aligned<T>,
    /// Of the loss without penalty, in the order of `parameters`.
    pub(crate) gradients: Aligned<T>,
    /// Rows there is room for at once.
    rows: usize,
    /// Rows of inputs, as many as there is room for; empty where they are not kept.
    pub(crate) inputs: Aligned<T>,
    /// Where inputs are taken from that are not kept.
    source: Option<Source>,
    /// Where they are written to on the way forth.
    made: Aligned<T>,
    /// Weights in panels, by layer; none of those that are read as they lie.
    weights: Vec<Aligned<T>>,
    /// Those of the last units, where [`tail()`] says so; else empty.
    tails: Vec<Aligned<T>>,
    /// Padded biases, by layer.
    biases: Vec<Aligned<T>>,
    /// What each layer gives, rows padded; in the end the last one's derivatives.
    values: Vec<Aligned<T>>,
    /// What each hidden layer's derivative is told from, rows padded; empty where that is its values: the sums before the
    /// activation, or the values before units are dropped.
    sums: Vec<Aligned<T>>,
    dropout: Dropout<T>,
    /// Of each hidden layer, where they are normalised; else there are none.
    normal: Vec<Normal<T>>,
    /// Derivatives by the sums of each hidden layer, rows padded.
    deltas: Vec<Aligned<T>>,
    back: Backward<T>,
}

impl<T: Real> Net<T> {
    /// With these parameters, and room for `rows` rows at once.
    pub(crate) fn new(arch: Arch, network: &Network, parameters: &[T], rows: usize) -> Net<T> {
        let layout = Layout::new(network.widths(), network.layer_norm);
        let zeros = Aligned::zeros;
        let all = || (0..layout.layers()).map(|layer| layout.sizes(layer));
        let mut net = Net {
            arch,
            threads: 1,
            activation: network.activation,
            gradients: zeros(layout.parameters()),
            parameters: Aligned::of(parameters),
            rows,
            inputs: zeros(rows * layout.widths[0]),
            source: None,
            made: zeros(0),
            tails: all().map(|(inputs, outputs)| zeros(inputs * tail::<T>(inputs, outputs))).collect(),
            weights: all().map(|(inputs, outputs)| zeros(inputs * padded::<T>(outputs))).collect(),
            biases: all().map(|(_, outputs)| zeros(padded::<T>(outputs))).collect(),
            values: all().map(|(_, outputs)| zeros(rows * padded::<T>(outputs))).collect(),
            sums: all()
                .skip(1)
                .map(|(inputs, _)| zeros(if needs_sum(network.activation) { rows * padded::<T>(inputs) } else { 0 }))
                .collect(),
            dropout: Dropout::new(0.0, std::iter::empty()),
            normal: all()
                .skip(1)
                .filter(|_| network.layer_norm)
                .map(|(inputs, _)| Normal::new(rows, padded::<T>(inputs)))
                .collect(),
            deltas: all().skip(1).map(|(inputs, _)| zeros(rows * padded::<T>(inputs))).collect(),
            back: Backward::new(&layout, rows),
            layout,
        };
        net.pack();
        net
    }

    /// The same network for rows of these samples, to be given to [`Net::take`]; their inputs are kept only where that is better.
    pub(crate) fn taking(mut self, samples: Arc<Samples>) -> Net<T> {
        self.source = Source::new(samples, self.layout.sizes(0).1, self.rows);
        if self.source.is_some() {
            self.inputs = Aligned::zeros(0);
            // Their rows are short, and lie on few pages of memory: reading them as they lie takes no longer than reading panels, if
            // tiles have many registers; with few it takes a tenth longer.
            if self.ends_within(0) && self.arch.dispatch(HasMany) {
                self.weights[0] = Aligned::zeros(0);
            }
            self.spread(self.threads);
        }
        self
    }

    /// Whether whole registers can be read of each row of a layer's weights where they lie.
    fn ends_within(&self, layer: usize) -> bool {
        let (inputs, outputs) = self.layout.sizes(layer);
        let main = outputs - tail::<T>(inputs, outputs);
        let last = self.layout.weights(layer).end - outputs;
        last + main.next_multiple_of(ROW_BYTES / T::BYTES) <= self.parameters.len()
    }

    /// Takes the inputs of these rows of the samples, which are those of [`Net::taking`].
    pub(crate) fn take(&mut self, samples: &Samples, rows: &[u32]) {
        match &mut self.source {
            Some(source) => source.take(rows),
            None => {
                let (arch, width) = (self.arch, self.layout.widths[0]);
                let each = rows.len().div_ceil(threads::parts(self.threads, rows.len() * width, ENCODED)).max(1);
                let inputs = self.inputs.chunks_mut((each * width).max(1));
                spread(inputs.zip(rows.chunks(each)), |(inputs, rows)| {
                    let inputs = &mut inputs[..rows.len() * width];
                    passes::encode(arch, &samples.encoder, &samples.data, rows, inputs);
                });
            }
        }
    }

    /// The same network, which drops this share of its hidden units in [`Net::forward_dropped`].
    pub(crate) fn with_dropout(mut self, rate: f64) -> Net<T> {
        self.dropout = Dropout::new(rate, self.deltas.iter().map(|deltas| deltas.len()));
        if self.dropout.is_on() {
            self.sums.iter_mut().zip(&self.deltas).for_each(|(sums, deltas)| *sums = Aligned::zeros(deltas.len()));
        }
        self
    }

    /// Draws which units are dropped of `rows` rows, until it is called again.
    pub(crate) fn draw_dropped(&mut self, rows: usize, stream: &mut Stream) {
        for layer in 0..self.deltas.len() {
            let units = self.layout.sizes(layer).1;
            self.dropout.draw(layer, (rows, units, padded::<T>(units)), stream);
        }
    }

    /// Where the parameters lie.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Rows there is room for at once.
    pub(crate) fn room(&self) -> usize {
        self.rows
    }

    /// From now on large products are spread over so many threads, at least 1, where they are those of [`Net::crew`]. Nothing
    /// computed depends on it.
    pub(crate) fn spread(&mut self, threads: usize) {
        self.threads = threads;
        let made = self.source.is_some();
        self.back.spread(&self.layout, self.rows, threads, made);
        let (inputs, outputs) = self.layout.sizes(0);
        let room = if made { made_rows::<T>(inputs, outputs, threads) } else { 0 };
        if room != self.made.len() {
            self.made = Aligned::zeros(room);
        }
    }

    /// The threads that share the work: one where none of it is large enough to be shared.
    pub(crate) fn crew(&self) -> Crew {
        let shared = |layer| {
            let (inputs, outputs) = self.layout.sizes(layer);
            inputs * outputs >= SPREAD || product::parts(self.threads, (self.rows, inputs, outputs)) > 1
        };
        Crew::new(if (0..self.layout.layers()).any(shared) { self.threads } else { 1 })
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
            let (arch, threads, main) = (self.arch, self.threads, outputs - tail::<T>(inputs, outputs));
            let panels = &mut self.weights[layer];
            if !panels.is_empty() {
                pack(arch, weights, outputs, (inputs, main), false, panels, threads);
            }
            pack_tail(arch, weights, outputs, (inputs, outputs), &mut self.tails[layer]);
            self.biases[layer][..outputs].copy_from_slice(&self.parameters[self.layout.biases(layer)]);
            self.back.pack(arch, layer, weights, (inputs, outputs), threads);
        }
    }

    /// The first `rows` of [`Net::inputs`] through all layers; the outputs are sums, before softmax or logistic.
    pub(crate) fn forward(&mut self, rows: usize) {
        self.pass(rows, false);
    }

    /// The same without the units that were drawn to be dropped: what [`Net::backward`] goes back.
    pub(crate) fn forward_dropped(&mut self, rows: usize) {
        self.pass(rows, self.dropout.is_on());
    }

    fn pass(&mut self, rows: usize, dropping: bool) {
        let (layers, arch, activation) = (self.layout.layers(), self.arch, self.activation);
        // Where nothing comes between, rows are activated while they are near.
        let at_once = self.normal.is_empty() && !needs_sum(activation) && !dropping;
        let activate = |_: usize, out: &mut [T]| passes::activate(arch, activation, out);
        for layer in 0..layers {
            let hidden = layer + 1 < layers;
            let (inputs, outputs) = self.layout.sizes(layer);
            let (before, rest) = self.values.split_at_mut(layer);
            let stride = padded::<T>(outputs);
            let out = &mut rest[0][..rows * stride];
            let made = self.source.as_ref().map(|source| {
                let by = move |rows: Range<usize>, out: &mut [T]| source.rows(arch, rows, out);
                (by, move |row: usize| source.place(row))
            });
            let right = match &self.weights[layer][..] {
                // A row of them is not whole registers: what follows is read as well.
                [] => Right::Rows { values: &self.parameters[self.layout.weights(layer).start..], stride: outputs },
                panels => Right::Panels(panels),
            };
            let left = match (before.last(), &made) {
                (Some(values), _) => Rows::Lying { values, stride: padded::<T>(inputs) },
                (None, Some((by, from))) => Rows::Made { by, from },
                (None, None) => Rows::Lying { values: &self.inputs, stride: inputs },
            };
            Product {
                sizes: (rows, inputs, outputs),
                factors: Factors::ByRows {
                    left,
                    right,
                    tail: &self.tails[layer],
                    near: &mut self.made,
                    after: (hidden && at_once).then_some(&activate),
                },
                start: Some(&self.biases[layer]),
                out,
                out_stride: stride,
            }
            .run(arch, self.threads);
            if hidden && !at_once {
                if let (Some(normal), Some([gain, bias])) = (self.normal.get_mut(layer), self.layout.norm(layer)) {
                    let learned = (&self.parameters[gain], &self.parameters[bias]);
                    normal.forward(arch, out, stride, learned);
                }
                let before = needs_sum(activation);
                if before {
                    self.sums[layer][..out.len()].copy_from_slice(out);
                }
                activate(0, out);
                if dropping {
                    if !before {
                        self.sums[layer][..out.len()].copy_from_slice(out);
                    }
                    self.dropout.apply(arch, layer, out);
                }
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
        aim.derive(self.outputs(), total);
        self.propagate(rows);
    }

    /// What the last layer gave for the first `rows` rows, and the numbers from one row to the next.
    pub(crate) fn last_mut(&mut self, rows: usize) -> (&mut [T], usize) {
        let Outputs { values, stride, .. } = self.outputs();
        (&mut values[..rows * stride], stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::rng::Purpose;

    #[test]
    fn weights_start_as_they_should() {
        let network = |activation, init| Network {
            inputs: 60,
            hidden: vec![40],
            outputs: 10,
            activation,
            init,
            layer_norm: false,
        };
        let draw = |network: &Network| {
            let mut stream = Stream::new(0, 0, Some(0), Purpose::Weights);
            initial::<f64>(network, &mut stream)
        };
        let layout = Layout::new(vec![60, 40, 10], false);
        assert_eq!((layout.parameters(), layout.weights(1), layout.biases(1)), (2850, 2440..2840, 2840..2850));
        for (activation, factor) in [(Activation::Relu, 6.0f64), (Activation::Logistic, 2.0)] {
            let all = draw(&network(activation, Init::Glorot));
            let bound = (factor / 100.0).sqrt();
            let first = &all[..2440];
            assert!(first.iter().all(|w| w.abs() <= bound) && first.iter().any(|w| w.abs() > 0.99 * bound));
            assert!(all[layout.biases(1)].iter().all(|b| *b != 0.0));
        }
        let all = draw(&network(Activation::Relu, Init::He));
        let normalised = Network { layer_norm: true, ..network(Activation::Relu, Init::He) };
        let (with, places) = (draw(&normalised), Layout::new(vec![60, 40, 10], true));
        let [gain, bias] = places.norm(0).unwrap();
        assert!(with[gain.clone()].iter().all(|g| *g == 1.0) && with[bias.clone()].iter().all(|b| *b == 0.0));
        assert_eq!((with.len() as u64, places.parameters()), (normalised.parameters(), 2930));
        assert_eq!((gain, bias, places.free(0), places.norm(1)), (2440..2480, 2480..2520, 2400..2520, None));
        assert_eq!([&with[..2440], &with[2520..]].concat(), all, "all others are drawn alike");
        let mean_square = all[layout.weights(0)].iter().map(|w| w * w).sum::<f64>() / 2400.0;
        assert!((mean_square - 2.0 / 60.0).abs() < 0.003);
        assert!(all[layout.biases(0)].iter().all(|b| *b == 0.0));
        let narrow =
            initial::<f32>(&network(Activation::Relu, Init::He), &mut Stream::new(0, 0, Some(0), Purpose::Weights));
        assert!(all.iter().zip(&narrow).all(|(wide, narrow)| *wide as f32 == *narrow));
    }
}
