//! The way back through a network: from derivatives by the last layer's sums to the gradients.

use super::{Layout, Net};
use crate::panels::pack;
use crate::passes::{self, padded};
use crate::product::{After, Columns, Factors, Product, Right, Rows, made_columns, room};
use crate::real::Real;
use crate::threads::{parts, spread};
use crate::turn::turn;
use opportune_data::Aligned;
use pulp::Arch;
use std::ops::Range;

/// Whether the gradient of a layer's weights is computed transposed, since that takes clearly less arithmetic: with few
/// outputs, most of a register would be idle. Not of the first layer, whose inputs are not padded.
fn is_turned<T: Real>(layout: &Layout, layer: usize) -> bool {
    let (inputs, outputs) = layout.sizes(layer);
    let padded = |width: usize| width.next_multiple_of(64 / T::BYTES);
    layer > 0 && 5 * outputs * padded(inputs) < 4 * inputs * padded(outputs)
}

/// Whether a layer's inputs' derivative is computed transposed, from the weights as they lie. Its two other matrices are
/// turned for that at each step, but the weights are not: less to move where they are the larger ones.
fn is_beside(layout: &Layout, layer: usize, rows: usize) -> bool {
    let (inputs, outputs) = layout.sizes(layer);
    layer > 0 && inputs * outputs > rows * (inputs + outputs)
}

/// Numbers that the gradients' products need room for, where inputs are made for the first layer's or kept.
fn near<T: Real>(layout: &Layout, rows: usize, threads: usize, made: bool) -> usize {
    let each = |layer| match (layout.sizes(layer), is_turned::<T>(layout, layer)) {
        _ if layer == 0 && made => made_columns(rows, threads),
        ((inputs, outputs), true) => room::<T>(outputs, rows, padded::<T>(inputs), threads),
        ((inputs, outputs), false) => room::<T>(inputs, rows, padded::<T>(outputs), threads),
    };
    (0..layout.layers()).map(each).max().unwrap_or(0)
}

/// Numbers of the smallest part of a matrix that is worth being handed to another thread to be turned, or for its columns to
/// be added up.
const PART: usize = 1 << 16;

/// Columns that are added up together: whole registers of all kinds.
const STRIPE: usize = 128;

/// What the way back needs beside the network itself.
pub(super) struct Backward<T> {
    /// Transposed weights (out x in) in panels, by layer; empty for the first, whose inputs need no derivative, and for those
    /// that are read as they lie.
    turned: Vec<Aligned<T>>,
    /// Where products bring a left factor's columns together.
    near: Aligned<T>,
    /// A gradient of weights that comes transposed.
    gradient: Aligned<T>,
    /// Derivatives of a layer's sums, transposed and in panels, and those of its inputs, transposed, where weights are read as
    /// they lie.
    beside: [Aligned<T>; 2],
}

impl<T: Real> Backward<T> {
    /// For batches of up to `rows` rows.
    pub(super) fn new(layout: &Layout, rows: usize) -> Backward<T> {
        let zeros = Aligned::zeros;
        let all = || 0..layout.layers();
        let most = |sizes: &mut dyn Iterator<Item = usize>| zeros(sizes.max().unwrap_or(0));
        let turned = |layer| match layout.sizes(layer) {
            (inputs, outputs) if layer > 0 && !is_beside(layout, layer, rows) => outputs * padded::<T>(inputs),
            _ => 0,
        };
        let beside = || all().filter(|layer| is_beside(layout, *layer, rows)).map(|layer| layout.sizes(layer));
        Backward {
            turned: all().map(|layer| zeros(turned(layer))).collect(),
            near: zeros(near::<T>(layout, rows, 1, false)),
            gradient: most(
                &mut all().filter(|layer| is_turned::<T>(layout, *layer)).map(|layer| layout.weights(layer).len()),
            ),
            beside: [
                most(&mut beside().map(|(_, outputs)| outputs * padded::<T>(rows))),
                most(&mut beside().map(|(inputs, _)| inputs * padded::<T>(rows))),
            ],
        }
    }

    /// Makes room for so many threads, and for inputs that are made.
    pub(super) fn spread(&mut self, layout: &Layout, rows: usize, threads: usize, made: bool) {
        let room = near::<T>(layout, rows, threads, made);
        if room != self.near.len() {
            self.near = Aligned::zeros(room);
        }
    }

    /// Brings a layer's weights (`sizes`: inputs x outputs) into the form that is read here, if it is another one.
    pub(super) fn pack(
        &mut self,
        arch: Arch,
        layer: usize,
        weights: &[T],
        (inputs, outputs): (usize, usize),
        threads: usize,
    ) {
        let panels = &mut self.turned[layer];
        if !panels.is_empty() {
            pack(arch, weights, outputs, (outputs, inputs), true, panels, threads);
        }
    }

    /// Writes the gradient of a layer's weights from its inputs and the derivatives by its sums, these with the numbers from one
    /// row to the next.
    fn gradient(&mut self, at: At, values: Columns<'_, T>, deltas: (&[T], usize), out: &mut [T]) {
        let At { arch, threads, rows, inputs, outputs, .. } = at;
        let near = &mut self.near;
        let mut product = |sizes: (usize, usize), left: Columns<'_, T>, right: (&[T], usize), out: &mut [T]| {
            Product {
                sizes: (sizes.0, rows, sizes.1),
                factors: Factors::ByColumns { left, right: right.0, right_stride: right.1, near },
                start: None,
                out,
                out_stride: sizes.1,
            }
            .run(arch, threads);
        };
        match values {
            Columns::Lying { values, stride } if at.turned => {
                let turned = &mut self.gradient[..inputs * outputs];
                let deltas = Columns::Lying { values: deltas.0, stride: deltas.1 };
                product((outputs, inputs), deltas, (values, stride), turned);
                turn(arch, turned, inputs, out, outputs);
            }
            _ => product((inputs, outputs), values, deltas, out),
        }
    }

    /// Writes the derivatives by a layer's inputs, in padded rows, from those by its sums and its weights. `after` is called for
    /// all of them: see [`Factors::ByRows`].
    fn below(&mut self, at: At, weights: &[T], deltas: (&[T], usize), out: &mut [T], after: Option<After<'_, T>>) {
        let At { arch, threads, layer, rows, inputs, outputs, .. } = at;
        let out_stride = padded::<T>(inputs);
        let panels = &self.turned[layer];
        if !panels.is_empty() {
            Product {
                sizes: (rows, outputs, inputs),
                factors: Factors::ByRows {
                    left: Rows::Lying { values: deltas.0, stride: deltas.1 },
                    right: Right::Panels(panels),
                    tail: &[],
                    near: &mut [],
                    after,
                },
                start: None,
                out,
                out_stride,
            }
            .run(arch, threads);
            return;
        }
        let [panels, turned] = &mut self.beside;
        let stride = padded::<T>(rows);
        let turned = &mut turned[..inputs * stride];
        pack(arch, deltas.0, deltas.1, (outputs, rows), true, panels, threads);
        Product {
            sizes: (inputs, outputs, rows),
            factors: Factors::ByRows {
                left: Rows::Lying { values: weights, stride: outputs },
                right: Right::Panels(panels),
                tail: &[],
                near: &mut [],
                after: None,
            },
            start: None,
            out: turned,
            out_stride: stride,
        }
        .run(arch, threads);
        let each = rows.div_ceil(parts(threads, rows * inputs, PART));
        spread(out.chunks_mut(each * out_stride).enumerate(), |(part, out)| {
            turn(arch, &turned[part * each..], stride, out, out_stride);
            if let Some(after) = after {
                after(part * each, out);
            }
        });
    }
}

/// Where on the way back.
#[derive(Clone, Copy)]
struct At {
    arch: Arch,
    threads: usize,
    layer: usize,
    /// Of the batch.
    rows: usize,
    inputs: usize,
    outputs: usize,
    /// See [`is_turned`].
    turned: bool,
}

impl<T: Real> Net<T> {
    /// From derivatives by the last layer's sums, which stand in the place of its outputs, back to the gradients.
    pub(crate) fn propagate(&mut self, rows: usize) {
        let (arch, threads, activation) = (self.arch, self.threads, self.activation);
        let last = self.layout.layers() - 1;
        for layer in (0..=last).rev() {
            let (inputs, outputs) = self.layout.sizes(layer);
            let turned = is_turned::<T>(&self.layout, layer);
            let at = At { arch, threads, layer, rows, inputs, outputs, turned };
            let (stride, left_stride) = (padded::<T>(outputs), padded::<T>(inputs));
            let (below, above) = self.deltas.split_at_mut(layer);
            let deltas = if layer == last { &self.values[last] } else { &above[0] };
            let deltas = &deltas[..rows * stride];
            let made = self.source.as_ref().map(|source| {
                move |columns: Range<usize>, stride: usize, out: &mut [T]| source.columns(arch, columns, stride, out)
            });
            let values = match (layer, &made) {
                (0, Some(by)) => Columns::Made(by),
                (0, None) => Columns::Lying { values: &self.inputs, stride: inputs },
                _ => Columns::Lying { values: &self.values[layer - 1], stride: left_stride },
            };
            let weights = self.layout.weights(layer);
            self.back.gradient(at, values, (deltas, stride), &mut self.gradients[weights.clone()]);
            let sums = &mut self.gradients[self.layout.biases(layer)];
            let each = outputs.div_ceil(parts(threads, rows * outputs, PART)).next_multiple_of(STRIPE);
            spread(sums.chunks_mut(each).enumerate(), |(part, sums)| {
                passes::column_sums(arch, deltas, stride, part * each, sums);
            });
            let Some(out) = below.last_mut() else { continue };
            let out = &mut out[..rows * left_stride];
            let sums = &self.sums[layer - 1];
            let told_from = if sums.is_empty() { &self.values[layer - 1] } else { sums };
            let derive = |first: usize, out: &mut [T]| {
                passes::derive(arch, activation, out, &told_from[first * left_stride..]);
            };
            let at_once = !self.dropout.is_on();
            let after: Option<After<'_, T>> = if at_once { Some(&derive) } else { None };
            self.back.below(at, &self.parameters[weights], (deltas, stride), out, after);
            if !at_once {
                self.dropout.apply(arch, layer - 1, out);
                derive(0, out);
            }
            if let (Some(normal), Some([gain, _])) = (self.normal.get(layer - 1), self.layout.norm(layer - 1)) {
                let (by_gain, by_bias) = self.gradients[gain.start..gain.end + inputs].split_at_mut(inputs);
                normal.backward(arch, out, left_stride, &self.parameters[gain], (by_gain, by_bias));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initial;
    use crate::testing::arches;
    use opportune_core::plan::Network;
    use opportune_core::rng::{Purpose, Stream};
    use opportune_core::settings::{Activation, Init};

    #[test]
    fn weights_read_as_they_lie_give_the_same_bits() {
        // With room for so few rows, or so many, that layers of 40 and 30 units are read one way or the other.
        fn gradients<T: Real>(arch: Arch, room: usize, threads: usize) -> Vec<T> {
            let network = Network {
                inputs: 5,
                hidden: vec![40, 30, 35],
                outputs: 3,
                activation: Activation::Tanh,
                init: Init::Glorot,
                layer_norm: false,
            };
            let mut stream = Stream::new(1, 0, None, Purpose::Weights);
            let mut net = Net::<T>::new(arch, &network, &initial(&network, &mut stream), room);
            let beside = (0..4).filter(|layer| is_beside(&net.layout, *layer, room)).count();
            assert_eq!(beside, if room < 20 { 2 } else { 0 });
            net.spread(threads);
            net.inputs[..7 * 5].iter_mut().for_each(|x| *x = T::of(stream.normal()));
            net.forward(7);
            net.propagate(7);
            net.gradients.to_vec()
        }
        for arch in arches() {
            assert_eq!(gradients::<f32>(arch, 7, 1), gradients::<f32>(arch, 300, 3), "{arch:?}");
            assert_eq!(gradients::<f64>(arch, 7, 1), gradients::<f64>(arch, 300, 1), "{arch:?}");
        }
    }
}
