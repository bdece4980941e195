//! The numeric part of a data set: rows × columns, row-major, in the smallest type that loses nothing.

use serde::{Deserialize, Serialize};

/// The type a block of numbers is held in, from the narrowest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    U8,
    F32,
    F64,
}

impl Kind {
    /// The narrowest kind that holds `value` exactly. NaN (missing) needs a floating-point kind.
    pub(crate) fn of(value: f64) -> Kind {
        if (0.0..=255.0).contains(&value) && f64::from(value as u8) == value {
            Kind::U8
        } else if value.is_nan() || f64::from(value as f32) == value {
            Kind::F32
        } else {
            Kind::F64
        }
    }
}

/// Numbers in one of three types. NaN is missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    U8(Vec<u8>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// A part of a block, to be filled.
pub(crate) enum Places<'a> {
    U8(&'a mut [u8]),
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
}

impl Places<'_> {
    /// Puts a value that the block's kind holds exactly (see [`Kind::of`]) at a place of this part.
    pub(crate) fn put(&mut self, place: usize, value: f64) {
        match self {
            Places::U8(v) => v[place] = value as u8,
            Places::F32(v) => v[place] = value as f32,
            Places::F64(v) => v[place] = value,
        }
    }
}

impl Block {
    pub(crate) fn zeros(kind: Kind, len: usize) -> Block {
        match kind {
            Kind::U8 => Block::U8(vec![0; len]),
            Kind::F32 => Block::F32(vec![0.0; len]),
            Kind::F64 => Block::F64(vec![0.0; len]),
        }
    }

    /// One part after another, of these lengths.
    pub(crate) fn places(&mut self, lengths: &[usize]) -> Vec<Places<'_>> {
        fn parts<'a, S>(mut rest: &'a mut [S], lengths: &[usize]) -> Vec<&'a mut [S]> {
            lengths.iter().map(|length| rest.split_off_mut(..*length).unwrap_or_default()).collect()
        }
        match self {
            Block::U8(v) => parts(v, lengths).into_iter().map(Places::U8).collect(),
            Block::F32(v) => parts(v, lengths).into_iter().map(Places::F32).collect(),
            Block::F64(v) => parts(v, lengths).into_iter().map(Places::F64).collect(),
        }
    }

    pub(crate) fn empty(kind: Kind) -> Block {
        match kind {
            Kind::U8 => Block::U8(Vec::new()),
            Kind::F32 => Block::F32(Vec::new()),
            Kind::F64 => Block::F64(Vec::new()),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Block::U8(_) => Kind::U8,
            Block::F32(_) => Kind::F32,
            Block::F64(_) => Kind::F64,
        }
    }

    pub(crate) fn get(&self, index: usize) -> f64 {
        match self {
            Block::U8(v) => f64::from(v[index]),
            Block::F32(v) => f64::from(v[index]),
            Block::F64(v) => v[index],
        }
    }

    /// Appends a value that this block's kind holds exactly (see [`Kind::of`]).
    pub(crate) fn push(&mut self, value: f64) {
        match self {
            Block::U8(v) => v.push(value as u8),
            Block::F32(v) => v.push(value as f32),
            Block::F64(v) => v.push(value),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Block::U8(v) => v.len(),
            Block::F32(v) => v.len(),
            Block::F64(v) => v.len(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Block::U8(v) => v.len(),
            Block::F32(v) => 4 * v.len(),
            Block::F64(v) => 8 * v.len(),
        }
    }

    /// The same values in `kind`, which must hold them exactly.
    pub(crate) fn into_kind(self, kind: Kind) -> Block {
        if self.kind() == kind {
            return self;
        }
        let mut block = Block::empty(kind);
        match &mut block {
            Block::U8(v) => v.extend((0..self.len()).map(|i| self.get(i) as u8)),
            Block::F32(v) => v.extend((0..self.len()).map(|i| self.get(i) as f32)),
            Block::F64(v) => v.extend((0..self.len()).map(|i| self.get(i))),
        }
        block
    }

    /// The same values in the narrowest kind that holds them all.
    pub(crate) fn narrowed(self) -> Block {
        let mut kind = Kind::U8;
        for i in 0..self.len() {
            kind = kind.max(Kind::of(self.get(i)));
            if kind == self.kind() {
                return self;
            }
        }
        self.into_kind(kind)
    }

    /// Appends another block, widening whichever is narrower.
    pub(crate) fn append(self, other: Block) -> Block {
        let kind = self.kind().max(other.kind());
        match (self.into_kind(kind), other.into_kind(kind)) {
            (Block::U8(mut a), Block::U8(b)) => {
                a.extend_from_slice(&b);
                Block::U8(a)
            }
            (Block::F32(mut a), Block::F32(b)) => {
                a.extend_from_slice(&b);
                Block::F32(a)
            }
            (Block::F64(mut a), Block::F64(b)) => {
                a.extend_from_slice(&b);
                Block::F64(a)
            }
            _ => unreachable!("both were brought to one kind"),
        }
    }

    /// The rows of `width` values that are to be kept.
    pub(crate) fn filtered(self, width: usize, keep: &[bool]) -> Block {
        fn rows<S: Copy>(values: &[S], width: usize, keep: &[bool]) -> Vec<S> {
            let rows = values.chunks_exact(width.max(1)).zip(keep);
            rows.filter(|(_, keep)| **keep).flat_map(|(row, _)| row.iter().copied()).collect()
        }
        match self {
            Block::U8(v) => Block::U8(rows(&v, width, keep)),
            Block::F32(v) => Block::F32(rows(&v, width, keep)),
            Block::F64(v) => Block::F64(rows(&v, width, keep)),
        }
    }

    /// Feeds the values to a hash, little endian, in pieces so that no copy of the block is made.
    pub(crate) fn hash(&self, hash: &mut blake3::Hasher) {
        hash.update(&[self.kind() as u8]);
        let mut buffer = Vec::with_capacity(1 << 16);
        match self {
            Block::U8(v) => {
                hash.update(v);
            }
            Block::F32(v) => {
                for piece in v.chunks(1 << 14) {
                    buffer.clear();
                    buffer.extend(piece.iter().flat_map(|x| x.to_le_bytes()));
                    hash.update(&buffer);
                }
            }
            Block::F64(v) => {
                for piece in v.chunks(1 << 13) {
                    buffer.clear();
                    buffer.extend(piece.iter().flat_map(|x| x.to_le_bytes()));
                    hash.update(&buffer);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_kind_loses_nothing() {
        assert_eq!(Kind::of(0.0), Kind::U8);
        assert_eq!(Kind::of(255.0), Kind::U8);
        assert_eq!(Kind::of(256.0), Kind::F32);
        assert_eq!(Kind::of(-1.0), Kind::F32);
        assert_eq!(Kind::of(0.5), Kind::F32);
        assert_eq!(Kind::of(f64::NAN), Kind::F32);
        assert_eq!(Kind::of(0.1), Kind::F64);
        assert_eq!(Kind::of(1e300), Kind::F64);
    }

    #[test]
    fn narrowing_and_appending_keep_values() {
        let block = Block::F64(vec![1.0, 2.0, 255.0]).narrowed();
        assert_eq!(block, Block::U8(vec![1, 2, 255]));
        let joined = block.append(Block::F64(vec![0.1]));
        assert_eq!(joined, Block::F64(vec![1.0, 2.0, 255.0, 0.1]));
        assert_eq!(Block::F64(vec![1.0, 0.5]).narrowed(), Block::F32(vec![1.0, 0.5]));
        assert!(matches!(Block::F64(vec![1.0, f64::NAN]).narrowed(), Block::F32(_)));
    }

    #[test]
    fn the_hash_sees_every_value_and_the_kind() {
        let hash = |block: &Block| {
            let mut hash = blake3::Hasher::new();
            block.hash(&mut hash);
            hash.finalize()
        };
        let long: Vec<f64> = (0..100_000).map(f64::from).collect();
        let mut other = long.clone();
        other[99_999] += 1.0;
        assert_eq!(hash(&Block::F64(long.clone())), hash(&Block::F64(long.clone())));
        assert_ne!(hash(&Block::F64(long)), hash(&Block::F64(other)));
        assert_ne!(hash(&Block::U8(vec![])), hash(&Block::F32(vec![])));
    }
}
