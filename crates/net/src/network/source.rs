//! Inputs that are not kept, but taken from the data when they are multiplied.

use crate::passes;
use crate::product::FAR;
use crate::real::Real;
use crate::samples::Samples;
use pulp::Arch;
use std::ops::Range;
use std::sync::Arc;

/// Rows of data. Where they have many inputs, a batch of them would neither stay in the second cache nor be cheap to read by
/// its columns. So few of its rows are encoded just before they are multiplied on the way forth, and few of its columns on the
/// way back.
pub(crate) struct Source {
    samples: Arc<Samples>,
    rows: Vec<u32>,
}

impl Source {
    /// For a layer of so many units, with room for so many rows. `None` where inputs are better kept: they are few, there are
    /// categories among them, or units are so many that the products take most of the time anyway.
    pub(super) fn new(samples: Arc<Samples>, units: usize, room: usize) -> Option<Source> {
        let many = samples.encoder.inputs() > FAR && samples.encoder.moments().is_some();
        (many && units <= FAR).then(|| Source { samples, rows: Vec::with_capacity(room) })
    }

    /// These rows from now on.
    pub(super) fn take(&mut self, rows: &[u32]) {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
    }

    /// Writes all inputs of some of the rows.
    pub(super) fn rows<T: Real>(&self, arch: Arch, rows: Range<usize>, out: &mut [T]) {
        let Samples { encoder, data, .. } = &*self.samples;
        passes::encode(arch, encoder, data, &self.rows[rows], out);
    }

    /// Where lies what a row's inputs are encoded from.
    pub(super) fn place(&self, row: usize) -> Range<*const u8> {
        self.samples.data.place_of(self.rows[row] as usize)
    }

    /// Writes some inputs of all rows, in rows of `stride`.
    pub(super) fn columns<T: Real>(&self, arch: Arch, columns: Range<usize>, stride: usize, out: &mut [T]) {
        let Samples { encoder, data, .. } = &*self.samples;
        passes::encode_some(arch, encoder, data, &self.rows, columns, stride, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Net, initial};
    use crate::panels::HasMany;
    use crate::testing::{Problem, arches, csv, planned, table};
    use opportune_core::plan::Network;
    use opportune_core::rng::{Purpose, Stream};
    use opportune_core::settings::{Precision, Settings};
    use opportune_data::Dataset;

    /// Outputs and gradients for 150 rows, of a network that takes inputs and of one that keeps them. Whether the one reads its first weights
    /// as they lie.
    fn both<T: Real>(arch: Arch, data: Dataset, hidden: &[u32], threads: usize) -> bool {
        let settings = Settings { hidden: hidden.to_vec(), precision: T::PRECISION, ..Settings::default() };
        let (plan, samples) = planned(data, &settings);
        let network: &Network = &plan.recipe.network;
        let rows: Vec<u32> = samples.train.iter().rev().copied().take(150).collect();
        let mut lying = false;
        let results = [true, false].map(|taking| {
            let parameters = initial(network, &mut Stream::new(1, 0, None, Purpose::Weights));
            let mut net = Net::<T>::new(arch, network, &parameters, rows.len());
            if taking {
                net = net.taking(samples.clone());
                assert!(net.source.is_some() && net.inputs.is_empty());
                lying = net.weights[0].is_empty();
            }
            net.spread(threads);
            // Twice: nothing of the first may be left.
            for rows in [&rows[20..90], &rows] {
                net.crew().work(|| {
                    net.take(&samples, rows);
                    net.forward(rows.len());
                    net.propagate(rows.len());
                });
            }
            let outputs: Vec<T> = net.predictions(rows.len()).flatten().copied().collect();
            (outputs, net.gradients.to_vec())
        });
        assert!(results[0] == results[1], "{arch:?}, {threads} threads");
        assert!(results[0].1.iter().any(|gradient| *gradient != T::ZERO));
        lying
    }

    #[test]
    fn inputs_that_are_taken_give_the_bits_of_those_that_are_kept() {
        // Numbers of 64 bits, and bytes.
        let real = table(240, 259, Problem::Classes(3));
        let row = |i: usize| (0..270).map(|j| format!("{},", (i * 37 + j * 59 + i * j % 11) % 256)).collect::<String>();
        let text: String = (0..240).map(|i| format!("{}{}\n", row(i), i % 2)).collect();
        let header: String = (0..270).map(|j| format!("x{j},")).collect();
        let bytes = csv(&format!("{header}y\n{text}"));
        // Weights are read as they lie where tiles have many registers.
        let many = |arch: Arch| arch.dispatch(HasMany);
        for arch in arches() {
            for data in [&real, &bytes] {
                let lying = [both::<f32>(arch, data.clone(), &[100], 1), both::<f64>(arch, data.clone(), &[100], 1)];
                assert_eq!(lying, [many(arch); 2], "{arch:?}");
            }
        }
        let arch = Arch::new();
        // Wide enough to be shared.
        assert_eq!(both::<f32>(arch, bytes, &[200], 3), many(arch));
        // A register of 7 numbers of 32 bits would end behind all parameters.
        let seven = table(240, 259, Problem::Classes(7));
        assert!(!both::<f32>(arch, seven.clone(), &[], 1));
        assert_eq!(both::<f64>(arch, seven, &[], 1), many(arch));
    }

    #[test]
    fn few_inputs_categories_and_those_of_many_units_are_kept() {
        let source = |data: Dataset| {
            let (_, samples) = planned(data, &Settings { precision: Precision::F32, ..Settings::default() });
            Source::new(samples, FAR, 10).is_some()
        };
        assert!(!source(table(40, FAR, Problem::Number)) && source(table(40, FAR + 1, Problem::Number)));
        let (_, samples) = planned(table(40, FAR + 1, Problem::Number), &Settings::default());
        assert!(Source::new(samples, FAR + 1, 10).is_none());
        let header: String = (0..FAR + 1).map(|j| format!("x{j},")).collect();
        let row = |i: usize| (0..FAR + 1).map(|j| format!("{},", i * j)).collect::<String>();
        let text: String = (0..40).map(|i| format!("{}{},{}\n", row(i), ["a", "b"][i % 2], i % 3)).collect();
        assert!(!source(csv(&format!("{header}kind,y\n{text}"))));
    }
}
