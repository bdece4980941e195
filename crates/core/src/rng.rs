//! Random streams. Every stream is derived from what it is for, never from the order of calls, so that a run
//! paused, moved or trained in other company draws the same numbers.

use rand_core::Rng as _;
use rand_pcg::Pcg64;

/// What a stream of random numbers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The initial weights of a network.
    Weights,
    /// The order of rows in one epoch (counted from 0): a fresh stream for each epoch, so no state is carried.
    BatchOrder {
        /// The epoch, from 0.
        epoch: u32,
    },
    /// Which units are dropped in one epoch (counted from 0), step by step.
    Dropout {
        /// The epoch, from 0.
        epoch: u32,
    },
    /// Drawing folds and splits (`--split-seed`).
    Split,
    /// Drawing the point of a space that a trial is: from its number alone, so that no other trial changes it.
    Sampler {
        /// Number of the trial among those that are drawn, from 0.
        trial: u32,
    },
    /// Scrambling one dimension of a low-discrepancy sequence.
    Scramble {
        /// The dimension, from 0.
        dimension: u32,
    },
}

/// A stream of random numbers (PCG-XSL-RR 128/64, O'Neill 2014), seeded by a hash of its purpose.
#[derive(Debug, Clone)]
pub struct Stream(Pcg64);

impl Stream {
    /// The stream of a study's `seed`, a `repeat`, a `fold` and a `purpose` (promise 3 of ARCHITECTURE.md).
    /// `fold` is `None` where all rows are trained together.
    pub fn new(seed: u64, repeat: u32, fold: Option<u32>, purpose: Purpose) -> Self {
        let (kind, extra) = match purpose {
            Purpose::Weights => (1u8, 0),
            Purpose::BatchOrder { epoch } => (2, epoch),
            Purpose::Split => (3, 0),
            Purpose::Sampler { trial } => (4, trial),
            Purpose::Scramble { dimension } => (5, dimension),
            Purpose::Dropout { epoch } => (6, epoch),
        };
        let mut hash = blake3::Hasher::new_derive_key("opportune 2026 random streams");
        hash.update(&seed.to_le_bytes()).update(&repeat.to_le_bytes());
        hash.update(&fold.map_or(u64::MAX, u64::from).to_le_bytes());
        hash.update(&[kind]).update(&extra.to_le_bytes());
        let mut word = [0u8; 16];
        let mut output = hash.finalize_xof();
        output.fill(&mut word);
        let state = u128::from_le_bytes(word);
        output.fill(&mut word);
        Stream(Pcg64::new(state, u128::from_le_bytes(word)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform on [0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal (Box and Muller 1958; the second value of a pair is not kept).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Uniform on 0..n without bias (Lemire 2019). `n` must be at least 1; 0 gives 0.
    pub fn below(&mut self, n: u32) -> u32 {
        let n = u64::from(n.max(1));
        let mut product = (self.0.next_u64() >> 32) * n;
        if (product as u32 as u64) < n {
            let threshold = (1u64 << 32) % n;
            while (product as u32 as u64) < threshold {
                product = (self.0.next_u64() >> 32) * n;
            }
        }
        (product >> 32) as u32
    }

    /// Shuffles in place (Fisher and Yates, in Durstenfeld's form).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_everything_they_are_named_by() {
        let draw = |mut s: Stream| s.uniform().to_bits();
        let all = [
            draw(Stream::new(0, 0, None, Purpose::Weights)),
            draw(Stream::new(1, 0, None, Purpose::Weights)),
            draw(Stream::new(0, 1, None, Purpose::Weights)),
            draw(Stream::new(0, 0, Some(0), Purpose::Weights)),
            draw(Stream::new(0, 0, Some(1), Purpose::Weights)),
            draw(Stream::new(0, 0, None, Purpose::BatchOrder { epoch: 0 })),
            draw(Stream::new(0, 0, None, Purpose::BatchOrder { epoch: 1 })),
            draw(Stream::new(0, 0, None, Purpose::Dropout { epoch: 0 })),
            draw(Stream::new(0, 0, None, Purpose::Dropout { epoch: 1 })),
            draw(Stream::new(0, 0, None, Purpose::Split)),
            draw(Stream::new(0, 0, None, Purpose::Sampler { trial: 0 })),
            draw(Stream::new(0, 0, None, Purpose::Sampler { trial: 1 })),
            draw(Stream::new(0, 0, None, Purpose::Scramble { dimension: 0 })),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
        assert_eq!(all[0], draw(Stream::new(0, 0, None, Purpose::Weights)));
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let mut stream = Stream::new(7, 0, None, Purpose::Weights);
        let n = 100_000;
        let (mut u, mut z, mut z2) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            u += stream.uniform();
            let x = stream.normal();
            z += x;
            z2 += x * x;
        }
        let n = f64::from(n);
        assert!((u / n - 0.5).abs() < 0.005 && (z / n).abs() < 0.015 && (z2 / n - 1.0).abs() < 0.03);
    }

    #[test]
    fn below_is_even_and_shuffle_keeps_everything() {
        let mut stream = Stream::new(1, 0, None, Purpose::Split);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| (9_500..10_500).contains(&c)), "{counts:?}");
        let mut items: Vec<u32> = (0..100).collect();
        stream.shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
