//! A training by L-BFGS on all rows at once.

use super::lbfgs::{Ending, Limits, search_from};
use super::pass::Pass;
use super::{Shape, Table};
use crate::update::sums::{add, dot};
use opportune_core::InputError;
use pulp::Arch;

/// What L-BFGS found.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimised {
    /// See [`Shape`].
    pub parameters: Vec<f64>,
    /// Mean loss with penalty there.
    pub loss: f64,
    /// Iterations taken.
    pub iterations: u64,
    /// Why it ended.
    pub ending: Ending,
}

/// Trains by L-BFGS from these parameters. `alpha`, `tol` (of the gradient), `max_iter` and `max_fun` are scikit-learn's.
/// `threads` is asked before each evaluation over how many, at least 1, large products are spread, which changes nothing that is
/// computed; `None` ends the search. `seen` is told iteration, parameters and loss.
///
/// # Errors
/// Rows or parameters that do not fit the shape.
pub fn minimise(
    shape: &Shape,
    table: Table<'_, f64>,
    parameters: Vec<f64>,
    (alpha, tol): (f64, f64),
    (max_iter, max_fun): (u64, u64),
    threads: &mut dyn FnMut() -> Option<usize>,
    seen: &mut dyn FnMut(u64, &[f64], f64),
) -> Result<Minimised, InputError> {
    let rows = table.rows(shape)?;
    if parameters.len() != shape.parameters() {
        return Err(InputError::new(format!("{} parameters, not {}", parameters.len(), shape.parameters())));
    }
    let arch = Arch::new();
    let mut pass = Pass::new(arch, shape, parameters.clone(), rows as usize);
    pass.take(&table, &(0..rows).collect::<Vec<u32>>());
    let (layout, total) = (shape.layout(), pass.total());
    let mut evaluate = |x: &[f64], gradient: &mut [f64]| {
        pass.net.spread(threads()?);
        pass.net.parameters.copy_from_slice(x);
        let loss = pass.net.crew().work(|| {
            pass.net.pack();
            let loss = pass.forward();
            pass.backward();
            loss
        });
        gradient.copy_from_slice(&pass.net.gradients);
        let mut squares = 0.0;
        for layer in 0..layout.layers() {
            let weights = &x[layout.weights(layer)];
            squares += dot(arch, weights, weights);
            add(arch, alpha / total, weights, &mut gradient[layout.weights(layer)]);
        }
        Some(loss + 0.5 * alpha * squares / total)
    };
    let limits = Limits { gradient: tol, iterations: max_iter, evaluations: max_fun };
    Ok(search_from(arch, parameters, limits, &mut evaluate, seen))
}
