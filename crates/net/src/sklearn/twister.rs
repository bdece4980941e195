//! numpy's `RandomState`: the generator behind every `random_state` of scikit-learn.

use opportune_core::InputError;

/// Words of the state.
const WORDS: usize = 624;
/// Distance of the words that are mixed.
const SHIFT: usize = 397;

/// The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) with the draws of numpy's legacy `RandomState`, bit for
/// bit.
#[derive(Clone, PartialEq, Eq)]
pub struct Twister {
    words: [u32; WORDS],
    /// Words of the state that are used up.
    used: usize,
}

impl std::fmt::Debug for Twister {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Twister at {} of {:08x}…", self.used, self.words[0])
    }
}

impl Twister {
    /// As `RandomState(seed)`.
    pub fn new(seed: u32) -> Twister {
        let mut words = [seed; WORDS];
        for i in 1..WORDS {
            let before = words[i - 1];
            words[i] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Twister { words, used: WORDS }
    }

    /// As `RandomState.set_state`: the 624 words, and how many of them are used up (0 to 624).
    ///
    /// # Errors
    /// Any other number of words, or a position beyond them.
    pub fn from_state(words: &[u32], used: usize) -> Result<Twister, InputError> {
        let words = words.try_into().ok().filter(|_| used <= WORDS);
        words.map(|words| Twister { words, used }).ok_or_else(|| {
            InputError::new(format!("the state of MT19937 has {WORDS} words and a position from 0 to {WORDS}"))
        })
    }

    /// The words of the state, and how many of them are used up; what [`Twister::from_state`] takes.
    pub fn state(&self) -> (&[u32], usize) {
        (&self.words, self.used)
    }

    fn refill(&mut self) {
        for i in 0..WORDS {
            let joined = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % WORDS] & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[i] = self.words[(i + SHIFT) % WORDS] ^ (joined >> 1) ^ twist;
        }
        self.used = 0;
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == WORDS {
            self.refill();
        }
        let mut word = self.words[self.used];
        self.used += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// Uniform on [low, high), as `RandomState.uniform`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let (a, b) = (f64::from(self.next_u32() >> 5), f64::from(self.next_u32() >> 6));
        low + (high - low) * ((a * 67_108_864.0 + b) / 9_007_199_254_740_992.0)
    }

    /// Uniform on 0..=`most`, by rejection of what a mask leaves above it.
    fn at_most(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let value = self.next_u32() & mask;
            if value <= most {
                return value;
            }
        }
    }

    /// Shuffles in place, as `RandomState.shuffle`. Shuffling places is the same as taking items at shuffled places, so
    /// this is `sklearn.utils.shuffle` as well. At most 2³² items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.at_most(last as u32) as usize);
        }
    }

    /// 0..n in random order, as `RandomState.permutation(n)`.
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n).collect();
        self.shuffle(&mut all);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_numpy() {
        // numpy 2.4.6: RandomState(seed).randint(0, 2**32, dtype=np.uint32), uniform(-0.5, 2), permutation(10).
        for (seed, words, uniforms, order) in GOLDEN {
            let mut twister = Twister::new(seed);
            assert_eq!(std::array::from_fn(|_| twister.next_u32()), words, "seed {seed}");
            assert_eq!(std::array::from_fn(|_| twister.uniform(-0.5, 2.0)), uniforms, "seed {seed}");
            assert_eq!(twister.permutation(10), order, "seed {seed}");
            (0..2000).for_each(|_| {
                twister.next_u32();
            });
            let (words, used) = twister.state();
            let mut copy = Twister::from_state(words, used).unwrap();
            assert_eq!((copy.next_u32(), copy), (twister.next_u32(), twister));
        }
        assert!(Twister::from_state(&[0; 623], 0).is_err() && Twister::from_state(&[0; 624], 625).is_err());
    }

    type Golden = (u32, [u32; 3], [f64; 3], [u32; 10]);

    #[rustfmt::skip]
    const GOLDEN: [Golden; 3] = [
        (0, [2357136044, 2546248239, 3071714933], [1.6106643714525433, 1.644864044056892, 1.6181293469603135], [9, 1, 7, 6, 8, 0, 4, 2, 5, 3]),
        (42, [1608637542, 3421126067, 4083286876], [-0.041413025334590514, 1.449227500681923, 0.9921253948662174], [0, 1, 5, 3, 4, 7, 8, 6, 2, 9]),
        (4294967295, [419326371, 479346978, 3918654476], [0.9067334456189591, 0.8158032815904095, 1.4265368397895186], [9, 4, 5, 1, 6, 8, 7, 3, 2, 0]),
    ];
}
