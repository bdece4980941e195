//! Dropout (Srivastava et al. 2014): while a network trains, hidden units are left out at random.
//!
//! Inverted, as PyTorch's `Dropout` and Keras's: what is kept is divided by the share that is kept, so that nothing changes
//! when the network predicts, with all of its units.

use crate::passes::scale_each;
use crate::real::Real;
use opportune_core::rng::Stream;
use pulp::Arch;

/// The masks of a network's hidden layers: for each row and unit 0, or 1/(1 − rate).
pub(crate) struct Dropout<T> {
    rate: f64,
    /// By layer, rows padded.
    masks: Vec<Vec<T>>,
}

impl<T: Real> Dropout<T> {
    /// With room for masks of these sizes; `rate` is the share of units that is dropped, from 0 (nothing is dropped, and
    /// nothing kept) to below 1.
    pub(crate) fn new(rate: f64, sizes: impl Iterator<Item = usize>) -> Dropout<T> {
        Dropout { rate, masks: if rate > 0.0 { sizes.map(|size| vec![T::ZERO; size]).collect() } else { Vec::new() } }
    }

    /// Whether anything is dropped.
    pub(crate) fn is_on(&self) -> bool {
        self.rate > 0.0
    }

    /// Draws the mask of a layer of `units`, whose rows are `stride` numbers apart: two units for each 64 bits, so that
    /// both widths of numbers drop the same.
    pub(crate) fn draw(&mut self, layer: usize, (rows, units, stride): (usize, usize, usize), stream: &mut Stream) {
        let dropped = (self.rate * 2f64.powi(32)) as u32;
        let kept = T::of(1.0 / (1.0 - self.rate));
        let value = |draw: u32| if draw < dropped { T::ZERO } else { kept };
        for row in self.masks[layer].chunks_exact_mut(stride).take(rows) {
            for pair in row[..units].chunks_mut(2) {
                let bits = stream.bits();
                pair.iter_mut().zip([bits as u32, (bits >> 32) as u32]).for_each(|(one, draw)| *one = value(draw));
            }
        }
    }

    /// Multiplies whole rows of a layer, activated values or derivatives by them, by its mask.
    pub(crate) fn apply(&self, arch: Arch, layer: usize, values: &mut [T]) {
        if let Some(mask) = self.masks.get(layer) {
            scale_each(arch, values, mask);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::rng::Purpose;

    fn drawn<T: Real>(rate: f64) -> Vec<f64> {
        let mut dropout = Dropout::<T>::new(rate, [300 * 48].into_iter());
        let mut stream = Stream::new(0, 0, None, Purpose::Dropout { epoch: 0 });
        dropout.draw(0, (300, 33, 48), &mut stream);
        let mut values = vec![T::ONE; 300 * 48];
        dropout.apply(Arch::new(), 0, &mut values);
        values.chunks(48).flat_map(|row| row[..33].to_vec()).map(|value| value.wide()).collect()
    }

    #[test]
    fn so_many_are_dropped_and_the_mean_stays() {
        for rate in [0.1, 0.5, 0.8] {
            let all = drawn::<f64>(rate);
            let (n, kept) = (all.len() as f64, 1.0 / (1.0 - rate));
            assert!(all.iter().all(|value| *value == 0.0 || *value == kept));
            let dropped = all.iter().filter(|value| **value == 0.0).count() as f64 / n;
            // Four standard deviations.
            assert!((dropped - rate).abs() < 4.0 * (rate * (1.0 - rate) / n).sqrt(), "{rate}: {dropped}");
            assert!((all.iter().sum::<f64>() / n - 1.0).abs() < 0.1);
            let narrow = drawn::<f32>(rate);
            assert!(all.iter().zip(&narrow).all(|(a, b)| (*a == 0.0) == (*b == 0.0)), "both widths drop the same");
        }
    }

    #[test]
    fn nothing_is_dropped_at_rate_0() {
        let dropout = Dropout::<f32>::new(0.0, [8].into_iter());
        let mut values = [3.0; 8];
        dropout.apply(Arch::new(), 0, &mut values);
        assert!(!dropout.is_on() && values == [3.0; 8]);
    }
}
