//! Muon (Jordan et al. 2024): for each layer's weights the momentum, made nearly orthogonal by a few Newton–Schulz steps.
//! Biases step as AdamW's.

use super::elementwise::{SLOTS, Shrink, Step, each, sweep};
use super::sums::dot;
use super::{At, pieces};
use crate::network::{Layout, Net};
use crate::panels::pack;
use crate::passes::{pad, padded, vectorised};
use crate::product::{Columns, Factors, Product, Right, Rows, room};
use crate::real::Real;
use crate::turn::turn;
use opportune_core::optimizer::{Adam, AdamW, Muon};
use opportune_core::schedule::Setting;
use opportune_data::Aligned;
use pulp::{Arch, Simd, WithSimd};

/// Jordan's coefficients of X, AX and A²X.
const COEFFICIENTS: (f64, f64, f64) = (3.4445, -4.7750, 2.0315);

/// Matrices of a step, with room for the largest layer's.
#[derive(Debug)]
pub(super) struct Room<T> {
    /// The momentum as it steps, in the order of the weights.
    way: Vec<T>,
    /// The matrix that is made orthogonal, and the next one: the longer side runs down, rows padded.
    tall: Vec<T>,
    next: Vec<T>,
    /// Its Gram matrix, and the polynomial of that; rows padded.
    gram: Vec<T>,
    mixed: Vec<T>,
    /// The polynomial in panels.
    panels: Vec<T>,
    /// Where products bring a left factor's columns together.
    near: Vec<T>,
}

impl<T: Real> Room<T> {
    pub(super) fn new(layout: &Layout) -> Room<T> {
        let sizes = || (0..layout.layers()).map(|layer| layout.sizes(layer));
        let zeros = |n: usize| vec![T::ZERO; n];
        let sides = || sizes().map(|(inputs, outputs)| (inputs.max(outputs), inputs.min(outputs)));
        let tall = sides().map(|(long, short)| long * padded::<T>(short)).max().unwrap_or(0);
        let gram = sides().map(|(_, short)| short * padded::<T>(short)).max().unwrap_or(0);
        Room {
            way: zeros(sizes().map(|(inputs, outputs)| inputs * outputs).max().unwrap_or(0)),
            tall: zeros(tall),
            next: zeros(tall),
            gram: zeros(gram),
            mixed: zeros(gram),
            panels: zeros(gram),
            near: zeros(sides().map(|(long, short)| room::<T>(short, long, padded::<T>(short), 1)).max().unwrap_or(0)),
        }
    }

    /// Makes `way` (rows of `outputs`) orthogonal, as rows of the longer side in `tall`.
    fn orthogonal(&mut self, arch: Arch, (inputs, outputs): (usize, usize), steps: u32, eps: f64) {
        let (long, short) = (inputs.max(outputs), inputs.min(outputs));
        let stride = padded::<T>(short);
        let (tall, gram) = (long * stride, short * stride);
        let way = &mut self.way[..inputs * outputs];
        let norm = dot(arch, way, way).sqrt();
        let norm = T::of(if norm > eps { norm } else { eps });
        way.iter_mut().for_each(|x| *x = *x / norm);
        match inputs < outputs {
            true => turn(arch, way, outputs, &mut self.tall[..tall], stride),
            false => pad(arch, way, outputs, &mut self.tall[..tall], stride),
        }
        let (a, b, c) = COEFFICIENTS;
        for _ in 0..steps {
            let (x, square) = (&self.tall[..tall], &mut self.gram[..gram]);
            inner(arch, (short, long), x, stride, square, &mut self.near);
            // The matrix is symmetric to the bit: its columns are its rows, and either side may be multiplied by it.
            let (square, mixed) = (&self.gram[..gram], &mut self.mixed[..gram]);
            inner(arch, (short, short), square, stride, mixed, &mut self.near);
            mix(arch, [a, b, c].map(T::of), square, mixed, stride);
            pack(arch, mixed, stride, (short, short), false, &mut self.panels, 1);
            Product {
                sizes: (long, short, short),
                factors: Factors::ByRows {
                    left: Rows::Lying { values: x, stride },
                    right: Right::Panels(&self.panels),
                    tail: &[],
                    near: &mut [],
                    after: None,
                },
                start: None,
                out: &mut self.next[..tall],
                out_stride: stride,
            }
            .run(arch, 1);
            std::mem::swap(&mut self.tall, &mut self.next);
        }
    }
}

/// `out` = `matrix`ᵀ · `matrix`, of depth x columns numbers; all rows are of `stride`.
fn inner<T: Real>(
    arch: Arch,
    (columns, depth): (usize, usize),
    matrix: &[T],
    stride: usize,
    out: &mut [T],
    near: &mut [T],
) {
    Product {
        sizes: (columns, depth, columns),
        factors: Factors::ByColumns {
            left: Columns::Lying { values: matrix, stride },
            right: matrix,
            right_stride: stride,
            near,
        },
        start: None,
        out,
        out_stride: stride,
    }
    .run(arch, 1);
}

vectorised! {
    /// `square` ← a·I + b·`gram` + c·`square`.
    fn mix(coefficients: [T; 3], gram: &'a [T], square: &'a mut [T], stride: usize) -> () {
        let [a, b, c] = coefficients;
        square.iter_mut().zip(gram).for_each(|(square, gram)| *square = c.fused(*square, b * *gram));
        square.iter_mut().step_by(stride + 1).for_each(|diagonal| *diagonal += a);
    }

    /// Takes gradients into the momentum and writes how it steps. Gives the squares of the weights.
    fn gather[simd](
        constants: (T, T, bool),
        weights: &'a mut [T],
        gradients: &'a [T],
        buffer: &'a mut [T],
        way: &'a mut [T],
    ) -> f64 {
        let (l2, momentum, nesterov) = constants;
        let rest = T::ONE - momentum;
        each(simd, weights, gradients, [buffer, way], |w, g, [buffer, way]| {
            let g = l2.fused(w, g);
            *buffer = momentum.fused(*buffer, rest * g);
            *way = if nesterov { momentum.fused(*buffer, rest * g) } else { *buffer };
            w
        })
    }

    /// θ ← keep·θ − rate·X, for X as [`Room::orthogonal`] leaves it.
    fn apply(rate: T, keep: T, weights: &'a mut [T], sizes: (usize, usize), tall: &'a [T], stride: usize) -> () {
        let (inputs, outputs) = sizes;
        for (row, weights) in weights.chunks_exact_mut(outputs).enumerate() {
            match inputs < outputs {
                true => weights.iter_mut().enumerate().for_each(|(column, w)| {
                    *w = (-rate).fused(tall[column * stride + row], *w * keep);
                }),
                false => weights.iter_mut().zip(&tall[row * stride..]).for_each(|(w, x)| {
                    *w = (-rate).fused(*x, *w * keep);
                }),
            }
        }
    }
}

/// One step. Gives the squares of the weights before it.
pub(super) fn step<T: Real>(c: Muon, net: &mut Net<T>, slots: &mut [Aligned<T>], room: &mut Room<T>, at: &At) -> f64 {
    let arch = net.arch();
    let momentum = T::of(at.momentum(c.momentum));
    let AdamW { beta1, beta2, eps, amsgrad } = AdamW::default();
    // A schedule cycles the momentum of the weights, and the biases' means stay what they are.
    let plain = At { setting: Setting { momentum: None, ..at.setting }, ..*at };
    let biases = Step::adam(Adam { beta1, beta2, eps, amsgrad }, &plain);
    let keep = Shrink::<T>::of(at, at.setting.rate).keep;
    let mut squares = 0.0;
    pieces(net, slots, |piece| {
        if !piece.weights {
            sweep(arch, biases, Shrink::none(), piece.parameters, piece.gradients, piece.slots);
            return;
        }
        let [buffer, ..]: [&mut [T]; SLOTS] = piece.slots;
        let (inputs, outputs) = piece.sizes;
        let way = &mut room.way[..inputs * outputs];
        let constants = (T::of(at.l2), momentum, c.nesterov);
        squares += gather(arch, constants, piece.parameters, piece.gradients, buffer, way);
        room.orthogonal(arch, piece.sizes, c.ns_steps, c.eps);
        let (inputs, outputs) = (inputs as f64, outputs as f64);
        let size = match c.match_rms_adamw {
            true => 0.2 * inputs.max(outputs).sqrt(),
            false => (outputs / inputs).max(1.0).sqrt(),
        };
        let stride = padded::<T>(piece.sizes.0.min(piece.sizes.1));
        apply(arch, T::of(at.setting.rate * size), keep, piece.parameters, piece.sizes, &room.tall, stride);
    });
    squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singular_values_come_near_one() {
        for (inputs, outputs) in [(3, 3), (7, 2), (2, 7), (20, 19), (1, 5), (5, 1)] {
            let layout = Layout::new(vec![inputs, outputs], false);
            let mut room = Room::<f64>::new(&layout);
            for (i, x) in room.way.iter_mut().enumerate() {
                *x = ((i * 37 % 101) as f64 / 101.0).sin() - 0.3;
            }
            room.orthogonal(Arch::new(), (inputs, outputs), 12, 1e-7);
            let (long, short) = (inputs.max(outputs), inputs.min(outputs));
            let stride = padded::<f64>(short);
            // The polynomial's fixed interval is about 0.7 to 1.2, so the squares' mean is near 1.
            let mean = (0..long * stride).map(|i| room.tall[i] * room.tall[i]).sum::<f64>() / short as f64;
            assert!((0.4..1.5).contains(&mean), "{inputs} {outputs}: {mean}");
        }
    }
}
