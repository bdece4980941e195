//! L-BFGS (Liu and Nocedal 1989) in PyTorch's form: one iteration for each step, its pairs kept from step to step.

use super::line_search::strong_wolfe;
use super::sums::{add, along, dot, largest, norm1, scale};
use super::{At, Evaluate};
use crate::network::Net;
use crate::real::Real;
use opportune_core::optimizer::Lbfgs;
use opportune_data::Aligned;

/// Below this largest part of the gradient there is nothing left to do.
const GRADIENT: f64 = 1e-7;
/// Nor where the loss falls by less than this along the direction.
const CHANGE: f64 = 1e-9;
/// Pairs of less curvature than this are not kept.
const CURVATURE: f64 = 1e-10;

/// Slots beside the pairs: the last direction and the last gradient.
const OWN: usize = 2;

/// Scalars beside the pairs': iterations, pairs taken so far, scale of the first inverse Hessian, length of the last step.
const NUMBERS: usize = 4;

/// Slots for a history of this length: for each pair the change of the gradient, then that of the parameters.
pub(super) fn slots(history: u32) -> usize {
    OWN + 2 * history as usize
}

/// Scalars for it: for each pair one over its curvature.
pub(super) fn scalars(history: u32) -> usize {
    NUMBERS + history as usize
}

/// What a step needs room for.
#[derive(Debug)]
pub(super) struct Room<T> {
    /// Parameters at the beginning of the step.
    start: Aligned<T>,
    /// For each pair, what the first pass over them took off.
    taken: Vec<f64>,
}

impl<T: Real> Room<T> {
    pub(super) fn new(history: u32, parameters: usize) -> Room<T> {
        Room { start: Aligned::zeros(parameters), taken: vec![0.0; history as usize] }
    }
}

/// Adds the penalty's gradient to that of the loss. Gives the squares of the weights.
fn penalise<T: Real>(net: &mut Net<T>, l2: f64) -> f64 {
    let arch = net.arch();
    let mut squares = 0.0;
    for layer in 0..net.layout().layers() {
        let range = net.layout().weights(layer);
        let weights = &net.parameters[range.clone()];
        squares += dot(arch, weights, weights);
        add(arch, T::of(l2), weights, &mut net.gradients[range]);
    }
    squares
}

/// One iteration. Gives the squares of the weights before it.
pub(super) fn step<T: Real>(
    c: Lbfgs,
    net: &mut Net<T>,
    slots: &mut [Aligned<T>],
    scalars: &mut [f64],
    room: &mut Room<T>,
    at: &At,
    evaluate: &mut Evaluate<'_, T>,
) -> f64 {
    let squares = penalise(net, at.l2);
    let arch = net.arch();
    let ([direction, last, pairs @ ..], [iterations, count, curvature, length, inverse @ ..]) = (slots, scalars) else {
        return squares;
    };
    if largest(arch, &net.gradients) <= GRADIENT {
        return squares;
    }
    let history = c.history_size as usize;
    let (changes, steps) = pairs.split_at_mut(history);
    *iterations += 1.0;
    if *iterations == 1.0 {
        scale(arch, -T::ONE, &net.gradients, direction);
        *curvature = 1.0;
    } else {
        // What has changed since the last step: of the gradient in `last`, of the parameters in `room.start`.
        last.iter_mut().zip(net.gradients.iter()).for_each(|(last, now)| *last = *now - *last);
        scale(arch, T::of(*length), direction, &mut room.start);
        let bent = dot(arch, last, &room.start);
        if bent > CURVATURE {
            // In the place of the oldest pair.
            let place = *count as usize % history;
            *curvature = bent / dot(arch, last, last);
            inverse[place] = 1.0 / bent;
            std::mem::swap(&mut changes[place], last);
            std::mem::swap(&mut steps[place], &mut room.start);
            *count += 1.0;
        }
        scale(arch, -T::ONE, &net.gradients, direction);
        let kept = (*count as usize).min(history);
        let places = |age: usize| (*count as usize - 1 - age) % history;
        for place in (0..kept).map(places) {
            room.taken[place] = dot(arch, &steps[place], direction) * inverse[place];
            add(arch, T::of(-room.taken[place]), &changes[place], direction);
        }
        direction.iter_mut().for_each(|d| *d = *d * T::of(*curvature));
        for place in (0..kept).rev().map(places) {
            let back = dot(arch, &changes[place], direction) * inverse[place];
            add(arch, T::of(room.taken[place] - back), &steps[place], direction);
        }
    }
    last.copy_from_slice(&net.gradients);
    let first = if *iterations == 1.0 { (1.0 / norm1(arch, last)).min(1.0) } else { 1.0 };
    *length = first * at.setting.rate;
    let slope = dot(arch, last, direction);
    if slope > -CHANGE {
        return squares;
    }
    room.start.copy_from_slice(&net.parameters);
    if c.strong_wolfe {
        let size = largest(arch, direction);
        let loss = at.loss + 0.5 * at.l2 * squares;
        *length = strong_wolfe(*length, size, (loss, slope), &mut |t| {
            along(arch, &room.start, T::of(t), direction, &mut net.parameters);
            let loss = evaluate(net);
            let loss = loss + 0.5 * at.l2 * penalise(net, at.l2);
            (loss, dot(arch, &net.gradients, direction))
        });
    }
    let keep = T::of(1.0 - *length * at.decay);
    for layer in 0..net.layout().layers() {
        room.start[net.layout().weights(layer)].iter_mut().for_each(|w| *w = *w * keep);
    }
    along(arch, &room.start, T::of(*length), direction, &mut net.parameters);
    squares
}
