//! One optimizer step over all parameters.
//!
//! Forms and constants are PyTorch's where it has the optimizer: Adam's ε stands outside the corrected root, and where a
//! schedule cycles β1, the correction is 1 − β1ᵗ with the β1 of the moment. Decoupled weight decay (times the effective
//! rate) and the L2 penalty (in the gradient) act on weights; biases are free of both, and so are gain and
//! bias of a normalisation.
//!
//! Nothing here allocates in a step, and all instruction sets give the same bits: arithmetic is plain or fused, and sums
//! run in fixed lanes.

mod clip;
mod elementwise;
#[cfg(test)]
mod golden;
mod lbfgs;
mod line_search;
mod muon;
mod prodigy;
mod schedule_free;
pub(crate) mod sums;

use crate::network::{Layout, Net};
use crate::real::Real;
use crate::threads::both;
pub(crate) use clip::clip;
pub use elementwise::{SLOTS, Shrink, Step, sweep};
use opportune_core::optimizer::{Adam, AdamW, Optimizer};
use opportune_core::schedule::Setting;
use opportune_data::Aligned;
use pulp::Arch;
use std::ops::Range;

/// What a step knows beside gradients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    /// Rate, and momentum where a schedule cycles it.
    pub(crate) setting: Setting,
    /// Number of the step, from 1.
    pub(crate) step: u64,
    /// What multiplies weights in the penalty's gradient: α over the rows of the batch.
    pub(crate) l2: f64,
    /// λ of decoupled weight decay.
    pub(crate) decay: f64,
    /// Mean loss of the batch, without penalty.
    pub(crate) loss: f64,
}

impl At {
    /// The momentum of this step, where the optimizer's is `own`.
    fn momentum(&self, own: f64) -> f64 {
        self.setting.momentum.unwrap_or(own)
    }
}

/// Makes gradients of the batch for other parameters, and gives its mean loss; both without penalty.
pub(crate) type Evaluate<'a, T> = dyn FnMut(&mut Net<T>) -> f64 + 'a;

/// Vectors as long as the parameters, and scalars, that an optimizer keeps.
pub(crate) fn kept(optimizer: &Optimizer) -> (usize, usize) {
    match *optimizer {
        Optimizer::Sgd(c) => (usize::from(c.momentum > 0.0), 0),
        Optimizer::Adam(Adam { amsgrad, .. }) | Optimizer::AdamW(AdamW { amsgrad, .. }) => {
            (2 + usize::from(amsgrad), 0)
        }
        Optimizer::NAdam(_) => (2, 1),
        Optimizer::RAdam(_) | Optimizer::Adamax(_) | Optimizer::Adadelta(_) | Optimizer::Muon(_) => (2, 0),
        Optimizer::RMSprop(c) => (1 + usize::from(c.centered) + usize::from(c.momentum > 0.0), 0),
        Optimizer::Adagrad(_) | Optimizer::Lion(_) => (1, 0),
        Optimizer::ScheduleFreeSgd(_) => (2, schedule_free::SCALARS),
        Optimizer::ScheduleFreeAdamW(_) => (3, schedule_free::SCALARS),
        Optimizer::Prodigy(_) => (SLOTS, prodigy::SCALARS),
        Optimizer::Lbfgs(c) => (lbfgs::slots(c.history_size), lbfgs::scalars(c.history_size)),
    }
}

/// Room that some optimizers need within a step; nothing of it lasts.
#[derive(Debug)]
enum Room<T> {
    None,
    Muon(muon::Room<T>),
    Lbfgs(lbfgs::Room<T>),
}

/// An optimizer with its state.
#[derive(Debug)]
pub(crate) struct Updater<T> {
    optimizer: Optimizer,
    /// Each as long as the parameters; as many as [`kept`] says.
    pub(crate) slots: Vec<Aligned<T>>,
    /// As many as [`kept`] says.
    pub(crate) scalars: Vec<f64>,
    room: Room<T>,
}

impl<T: Real> Updater<T> {
    /// Before the first step from these parameters.
    pub(crate) fn new(optimizer: Optimizer, layout: &Layout, parameters: &[T]) -> Updater<T> {
        let (slots, scalars) = kept(&optimizer);
        let mut slots: Vec<_> = (0..slots).map(|_| Aligned::zeros(parameters.len())).collect();
        let mut scalars = vec![0.0; scalars];
        let mut room = Room::None;
        match optimizer {
            Optimizer::NAdam(_) => scalars.fill(1.0),
            Optimizer::Adagrad(c) => slots[0].fill(T::of(c.initial_accumulator_value)),
            Optimizer::ScheduleFreeSgd(_) | Optimizer::ScheduleFreeAdamW(_) => {
                slots[..2].iter_mut().for_each(|slot| slot.copy_from_slice(parameters));
            }
            Optimizer::Prodigy(c) => {
                slots[prodigy::START].copy_from_slice(parameters);
                scalars[0] = c.d0;
            }
            Optimizer::Muon(_) => room = Room::Muon(muon::Room::new(layout)),
            Optimizer::Lbfgs(c) => room = Room::Lbfgs(lbfgs::Room::new(c.history_size, parameters.len())),
            _ => {}
        }
        Updater { optimizer, slots, scalars, room }
    }

    /// Steps the parameters of `net`, whose gradients are those of the batch without penalty; the products' forms of the
    /// parameters ([`Net::pack`]) are left to the caller. Gives the squares of the weights before.
    pub(crate) fn step(&mut self, net: &mut Net<T>, at: &At, evaluate: &mut Evaluate<'_, T>) -> f64 {
        let rate = T::of(at.setting.rate);
        let step = match (self.optimizer, &mut self.room) {
            (Optimizer::Muon(c), Room::Muon(room)) => return muon::step(c, net, &mut self.slots, room, at),
            (Optimizer::Lbfgs(c), Room::Lbfgs(room)) => {
                return lbfgs::step(c, net, &mut self.slots, &mut self.scalars, room, at, evaluate);
            }
            (Optimizer::Prodigy(c), _) => return prodigy::step(c, net, &mut self.slots, &mut self.scalars, at),
            (Optimizer::Sgd(c), _) => Step::sgd(c, at),
            (Optimizer::Adam(c), _) => Step::adam(c, at),
            (Optimizer::AdamW(AdamW { beta1, beta2, eps, amsgrad }), _) => {
                Step::adam(Adam { beta1, beta2, eps, amsgrad }, at)
            }
            (Optimizer::NAdam(c), _) => Step::nadam(c, at, &mut self.scalars[0]),
            (Optimizer::RAdam(c), _) => Step::radam(c, at),
            (Optimizer::Adamax(c), _) => Step::adamax(c, at),
            (Optimizer::RMSprop(c), _) => Step::rmsprop(c, at),
            (Optimizer::Adagrad(c), _) => Step::adagrad(c, at),
            (Optimizer::Adadelta(c), _) => Step::Adadelta { rate, rho: T::of(c.rho), eps: T::of(c.eps) },
            (Optimizer::Lion(c), _) => Step::Lion { rate, beta1: T::of(at.momentum(c.beta1)), beta2: T::of(c.beta2) },
            (Optimizer::ScheduleFreeSgd(c), _) => Step::schedule_free_sgd(c, at, &mut self.scalars),
            (Optimizer::ScheduleFreeAdamW(c), _) => Step::schedule_free_adamw(c, at, &mut self.scalars),
            // Their room was made with them.
            (Optimizer::Muon(_) | Optimizer::Lbfgs(_), _) => return 0.0,
        };
        let (arch, shrink) = (net.arch(), Shrink::of(at, at.setting.rate));
        let mut squares = 0.0;
        pieces(net, &mut self.slots, |piece| {
            let shrink = if piece.weights { shrink } else { Shrink::none() };
            let weights = piece.weights;
            let sum = swept(arch, step, shrink, piece);
            squares += if weights { sum } else { 0.0 };
        });
        squares
    }

    /// The parameters that are judged, averaged and delivered, while `stepped` are those of the network.
    pub(crate) fn judged<'a>(&'a self, stepped: &'a [T]) -> &'a [T] {
        if self.optimizer.averages() { &self.slots[schedule_free::AVERAGE] } else { stepped }
    }

    /// Between two epochs a network has the parameters that are judged. This puts those in that are stepped, before an epoch,
    /// and takes them out after it.
    pub(crate) fn exchange(&mut self, net: &mut Net<T>) {
        if self.optimizer.averages() {
            std::mem::swap(&mut net.parameters, &mut self.slots[schedule_free::AVERAGE]);
            net.pack();
        }
    }
}

/// The weights of a layer, or all else of it, with what belongs to them.
struct Piece<'a, T> {
    /// Whether they are weights.
    weights: bool,
    /// Inputs and outputs of the layer.
    sizes: (usize, usize),
    parameters: &'a mut [T],
    gradients: &'a [T],
    /// Empty beyond those that the optimizer keeps.
    slots: [&'a mut [T]; SLOTS],
}

impl<'a, T> Piece<'a, T> {
    fn split_at(self, at: usize) -> (Piece<'a, T>, Piece<'a, T>) {
        let Piece { weights, sizes, parameters, gradients, slots } = self;
        let (first, second) = parameters.split_at_mut(at);
        let (mut firsts, mut seconds): ([&mut [T]; SLOTS], [&mut [T]; SLOTS]) = Default::default();
        for ((slot, first), second) in slots.into_iter().zip(&mut firsts).zip(&mut seconds) {
            (*first, *second) = slot.split_at_mut(at.min(slot.len()));
        }
        let (one, other) = gradients.split_at(at);
        (
            Piece { weights, sizes, parameters: first, gradients: one, slots: firsts },
            Piece { weights, sizes, parameters: second, gradients: other, slots: seconds },
        )
    }
}

/// Parameters that are swept in one piece; the squares of more are added up by halves, whatever the number of threads.
const SHARE: usize = 1 << 14;

/// Parameters of which another thread may take half.
pub(crate) const SPREAD: usize = 1 << 17;

/// [`sweep`], with the halves of a large piece on any thread of the crew that this is called on.
fn swept<T: Real>(arch: Arch, step: Step<T>, shrink: Shrink<T>, piece: Piece<'_, T>) -> f64 {
    let count = piece.parameters.len();
    if count <= SHARE {
        return sweep(arch, step, shrink, piece.parameters, piece.gradients, piece.slots);
    }
    let (one, other) = piece.split_at((count / 2).next_multiple_of(SHARE));
    let swept = move |piece| swept(arch, step, shrink, piece);
    if count < SPREAD {
        return swept(one) + swept(other);
    }
    let (one, other) = both(move || swept(one), move || swept(other));
    one + other
}

/// Does something with each piece of a network.
fn pieces<T: Real>(net: &mut Net<T>, slots: &mut [Aligned<T>], mut act: impl FnMut(Piece<'_, T>)) {
    for layer in 0..net.layout().layers() {
        let (layout, sizes) = (net.layout(), net.layout().sizes(layer));
        let each: [(bool, Range<usize>); 2] = [(true, layout.weights(layer)), (false, layout.free(layer))];
        for (weights, range) in each {
            let mut own: [&mut [T]; SLOTS] = Default::default();
            own.iter_mut().zip(slots.iter_mut()).for_each(|(own, slot)| *own = &mut slot[range.clone()]);
            let parameters = &mut net.parameters[range.clone()];
            act(Piece { weights, sizes, parameters, gradients: &net.gradients[range], slots: own });
        }
    }
}
