//! NPY, NumPy's format for one array
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>), in pure reading: nothing is unpickled,
//! and a header's word is never taken for memory.
//!
//! Read here rather than with a crate because those at hand allocate what a header asks for, and may panic on a shape
//! whose product overflows.

use std::io::Read;

use opportune_core::InputError;

use crate::arrays::{self, Aim, Array, Values};
use crate::gz;
use crate::read::{Loaded, Purpose, ReadOptions};

/// Headers are some hundred bytes; one longer than this is not read.
const LONGEST_HEADER: u32 = 1 << 16;
/// Texts longer than this are no labels.
const LONGEST_TEXT: usize = 1 << 16;

/// Reads a matrix; its last column, or column number `target` (from 1), is the target.
pub(crate) fn read(reader: &mut dyn Read, options: &ReadOptions, purpose: Purpose) -> Result<Loaded, InputError> {
    let mut warnings = Vec::new();
    let array = array(reader)?;
    // A file to be joined has its target at its place among the columns.
    if !matches!(purpose, Purpose::Train) {
        return Ok(Loaded { data: arrays::dataset(array, "column", None, &mut warnings)?, test: None, warnings });
    }
    let (_, width) = array.rows_and_width();
    if array.shape.len() != 2 || width < 2 {
        return Err(InputError::new(format!(
            "features and target are wanted as one matrix, this array has the shape {:?}",
            array.shape
        ))
        .remedy("give a matrix of at least two columns, or an NPZ file with X and y"));
    }
    let position = match options.target.as_deref() {
        None => width - 1,
        Some(text) => {
            let number = text.strip_prefix("column_").unwrap_or(text).parse::<usize>();
            number.ok().filter(|n| (1..=width).contains(n)).map(|n| n - 1).ok_or_else(|| {
                InputError::new(format!("there is no column '{text}'"))
                    .remedy(format!("columns have no names here: give a number from 1 to {width}"))
            })?
        }
    };
    let (features, target) = arrays::take_column(array, position)?;
    let name = format!("column_{}", position + 1);
    let target = Some((name.as_str(), Aim::Train(target, options.task)));
    let mut data = arrays::dataset(features, "column", target, &mut warnings)?;
    arrays::restore_positions(&mut data, position);
    Ok(Loaded { data, test: None, warnings })
}

/// Reads one array.
pub(crate) fn array(reader: &mut dyn Read) -> Result<Array, InputError> {
    let header = header(reader)?;
    let shape = header.shape;
    let too_large = || {
        InputError::new(format!("the header promises an array of shape {shape:?}, more than there can be"))
            .remedy("save the file again")
    };
    // All dimensions but the first must multiply without overflow too, even if the first is 0.
    let width = shape.iter().skip(1).try_fold(1usize, |size, &n| size.checked_mul(n.max(1))).ok_or_else(too_large)?;
    width.checked_mul(shape.first().copied().unwrap_or(1).max(1)).ok_or_else(too_large)?;
    let count: usize = shape.iter().product();
    let total = count.checked_mul(header.item).ok_or_else(too_large)?;
    let mut source = Source { reader, total, read: 0, item: header.item };
    let little = header.little;
    macro_rules! numbers {
        ($kind:ty, $wide:ty, $to:expr) => {
            source.items(|bytes| {
                let mut word = [0; size_of::<$kind>()];
                word.copy_from_slice(bytes);
                let value = if little { <$kind>::from_le_bytes(word) } else { <$kind>::from_be_bytes(word) };
                let to: fn($kind) -> $wide = $to;
                to(value)
            })?
        };
    }
    let values = match (header.kind, header.item) {
        ('u' | 'b', 1) => Values::U8(source.items(|bytes| bytes[0])?),
        ('i', 1) => Values::F64(numbers!(i8, f64, f64::from)),
        ('u', 2) => Values::F32(numbers!(u16, f32, f32::from)),
        ('i', 2) => Values::F32(numbers!(i16, f32, f32::from)),
        ('u', 4) => Values::F64(numbers!(u32, f64, f64::from)),
        ('i', 4) => Values::F64(numbers!(i32, f64, f64::from)),
        ('u', 8) => Values::F64(numbers!(u64, f64, |v| v as f64)),
        ('i', 8) => Values::F64(numbers!(i64, f64, |v| v as f64)),
        ('f', 2) => Values::F32(numbers!(u16, f32, half)),
        ('f', 4) => Values::F32(numbers!(f32, f32, |v| v)),
        ('f', 8) => Values::F64(numbers!(f64, f64, |v| v)),
        ('U', n) if n > 0 && n <= LONGEST_TEXT => Values::Text(source.items(|bytes| {
            let letters = bytes.chunks_exact(4).map(|b| {
                let word = [b[0], b[1], b[2], b[3]];
                if little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
            });
            let letters = letters.take_while(|&c| c != 0);
            letters.map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        })?),
        ('S', n) if n > 0 && n <= LONGEST_TEXT => Values::Text(source.items(|bytes| {
            let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        })?),
        (kind, item) => {
            return Err(InputError::new(format!("arrays of type {kind}{item} are not read"))
                .remedy("save numbers (integers, float32, float64) or short texts"));
        }
    };
    let values = if header.fortran { reordered(values, &shape) } else { values };
    Ok(Array { shape, values })
}

/// The elements of an array, in pieces.
struct Source<'a> {
    reader: &'a mut dyn Read,
    total: usize,
    read: usize,
    item: usize,
}

impl Source<'_> {
    fn items<T>(&mut self, convert: impl Fn(&[u8]) -> T) -> Result<Vec<T>, InputError> {
        let mut items = Vec::new();
        let piece = (1 << 16) / self.item * self.item;
        let mut buffer = Vec::with_capacity(piece);
        while self.read < self.total {
            buffer.clear();
            let wanted = piece.max(self.item).min(self.total - self.read);
            let got =
                (&mut *self.reader).take(wanted as u64).read_to_end(&mut buffer).map_err(|error| gz::failed(&error))?;
            self.read += got;
            if got < wanted {
                return Err(InputError::new(format!(
                    "the header promises {} bytes of values, the file has only {}",
                    self.total, self.read
                ))
                .remedy("save or download the file again"));
            }
            items.extend(buffer.chunks_exact(self.item).map(&convert));
        }
        Ok(items)
    }
}

struct Header {
    kind: char,
    /// Bytes in one element.
    item: usize,
    little: bool,
    fortran: bool,
    shape: Vec<usize>,
}

fn header(reader: &mut dyn Read) -> Result<Header, InputError> {
    let bad = |what: &str| InputError::new(format!("the NPY header {what}")).remedy("save the file again");
    let mut start = Vec::new();
    reader.take(8).read_to_end(&mut start).map_err(|error| gz::failed(&error))?;
    if start.len() < 8 || start[..6] != *b"\x93NUMPY" {
        return Err(bad("is missing"));
    }
    let width = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(bad(&format!("has the unknown version {version}"))),
    };
    let mut length = Vec::new();
    reader.take(width).read_to_end(&mut length).map_err(|error| gz::failed(&error))?;
    if length.len() < width as usize {
        return Err(bad("ends too early"));
    }
    let length = length.iter().rev().fold(0u32, |n, &b| n << 8 | u32::from(b));
    if length > LONGEST_HEADER {
        return Err(bad(&format!("is {length} bytes long")));
    }
    let mut text = Vec::new();
    reader.take(u64::from(length)).read_to_end(&mut text).map_err(|error| gz::failed(&error))?;
    if text.len() < length as usize {
        return Err(bad("ends too early"));
    }
    let text = String::from_utf8_lossy(&text);
    let after = |key: &str| {
        let found = ['\'', '"'].iter().find_map(|quote| text.split_once(&format!("{quote}{key}{quote}")));
        found.and_then(|(_, rest)| rest.trim_start().strip_prefix(':')).map(str::trim_start)
    };
    let descr = after("descr").ok_or_else(|| bad("does not say the type"))?;
    let descr = descr
        .strip_prefix(['\'', '"'])
        .and_then(|rest| rest.split(['\'', '"']).next())
        .ok_or_else(|| InputError::new("the array has named fields").remedy("save a plain array of numbers"))?;
    let mut letters = descr.chars();
    let mut kind = letters.next().unwrap_or(' ');
    let little = kind != '>';
    if matches!(kind, '<' | '>' | '|' | '=') {
        kind = letters.next().unwrap_or(' ');
    }
    if kind == 'O' {
        return Err(InputError::new("the array holds Python objects, which are not read")
            .remedy("save it as numbers, for instance with .astype('float64')"));
    }
    let size: Option<usize> = letters.as_str().parse().ok();
    let item = size.and_then(|size| if kind == 'U' { size.checked_mul(4) } else { Some(size) });
    let item = item.filter(|&item| item > 0).ok_or_else(|| bad(&format!("has the unknown type '{descr}'")))?;
    let fortran = after("fortran_order").ok_or_else(|| bad("does not say the order"))?.starts_with("True");
    let shape = after("shape")
        .and_then(|rest| rest.strip_prefix('('))
        .and_then(|rest| rest.split_once(')'))
        .ok_or_else(|| bad("does not say the shape"))?
        .0
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().map_err(|_| bad(&format!("has the unknown size '{size}'"))))
        .collect::<Result<Vec<usize>, _>>()?;
    Ok(Header { kind, item, little, fortran, shape })
}

/// From Fortran order (the first dimension varies fastest) to C order (the last one does).
fn reordered(values: Values, shape: &[usize]) -> Values {
    fn turn<T: Clone>(values: &[T], shape: &[usize]) -> Vec<T> {
        let mut strides = Vec::with_capacity(shape.len());
        let mut stride = 1;
        for &size in shape {
            strides.push(stride);
            stride *= size;
        }
        let mut index = vec![0; shape.len()];
        let mut at = 0;
        let mut turned = Vec::with_capacity(values.len());
        for _ in 0..values.len() {
            turned.push(values[at].clone());
            for dimension in (0..shape.len()).rev() {
                index[dimension] += 1;
                at += strides[dimension];
                if index[dimension] < shape[dimension] {
                    break;
                }
                at -= strides[dimension] * shape[dimension];
                index[dimension] = 0;
            }
        }
        turned
    }
    match values {
        Values::U8(v) => Values::U8(turn(&v, shape)),
        Values::F32(v) => Values::F32(turn(&v, shape)),
        Values::F64(v) => Values::F64(turn(&v, shape)),
        Values::Text(v) => Values::Text(turn(&v, shape)),
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::dataset::Target;
    use crate::testing::load;
    use proptest::prelude::*;

    /// A file of version 1.
    pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values);
        bytes
    }

    fn parsed(bytes: &[u8]) -> Result<Array, String> {
        array(&mut &bytes[..]).map_err(|error| error.to_string())
    }

    fn values(descr: &str, bytes: &[u8]) -> Values {
        parsed(&npy(descr, false, "(2,)", bytes)).unwrap().values
    }

    #[test]
    fn every_type_of_number() {
        assert_eq!(values("|u1", &[1, 200]), Values::U8(vec![1, 200]));
        assert_eq!(values("|b1", &[0, 1]), Values::U8(vec![0, 1]));
        assert_eq!(values("|i1", &[255, 1]), Values::F64(vec![-1.0, 1.0]));
        assert_eq!(values("<i2", &[255, 255, 1, 0]), Values::F32(vec![-1.0, 1.0]));
        assert_eq!(values(">u2", &[1, 0, 0, 1]), Values::F32(vec![256.0, 1.0]));
        assert_eq!(values("<i4", &[1, 0, 0, 0, 255, 255, 255, 255]), Values::F64(vec![1.0, -1.0]));
        assert_eq!(values(">i8", &[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2]), Values::F64(vec![256.0, 2.0]));
        assert_eq!(values("<f2", &[0, 0x3c, 0, 0xc1]), Values::F32(vec![1.0, -2.5]));
        let floats: Vec<u8> = [0.5f32, -1.25].iter().flat_map(|v| v.to_be_bytes()).collect();
        assert_eq!(values(">f4", &floats), Values::F32(vec![0.5, -1.25]));
        let doubles: Vec<u8> = [0.1f64, 1e300].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(values("<f8", &doubles), Values::F64(vec![0.1, 1e300]));
        assert_eq!(values("|S3", b"ab\0xyz"), Values::Text(vec!["ab".into(), "xyz".into()]));
        let letters: Vec<u8> = ['é' as u32, 0, 'a' as u32, 'b' as u32].iter().flat_map(|c| c.to_le_bytes()).collect();
        assert_eq!(values("<U2", &letters), Values::Text(vec!["é".into(), "ab".into()]));
    }

    #[test]
    fn half_precision_at_its_edges() {
        for (bits, value) in [(1, 5.960_464_5e-8), (0x7bff, 65504.0), (0x8000, -0.0), (0x7c00, f32::INFINITY)] {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn fortran_order_is_turned() {
        // [[1, 2, 3], [4, 5, 6]] lies as 1 4 2 5 3 6.
        let array = parsed(&npy("|u1", true, "(2, 3)", &[1, 4, 2, 5, 3, 6])).unwrap();
        assert_eq!(array.values, Values::U8(vec![1, 2, 3, 4, 5, 6]));
        // The element at [i, j, k] of a 2 x 2 x 2 array is 100 i + 10 j + k; k varies slowest in the file.
        let array = parsed(&npy("|u1", true, "(2, 2, 2)", &[0, 100, 10, 110, 1, 101, 11, 111])).unwrap();
        assert_eq!(array.values, Values::U8(vec![0, 1, 10, 11, 100, 101, 110, 111]));
    }

    #[test]
    fn a_matrix_has_its_target_in_a_column() {
        let bytes = npy("|u1", false, "(3, 3)", &[1, 0, 7, 2, 1, 8, 4, 1, 9]);
        let read = |target: Option<&str>| {
            let options = ReadOptions { target: target.map(String::from), ..Default::default() };
            load("m.npy", &bytes, &options).map(|loaded| loaded.data).map_err(|error| error.to_string())
        };
        let data = read(Some("2")).unwrap();
        assert_eq!(data.target_name(), Some("column_2"));
        assert!(matches!(data.target(), Target::Classes { codes, .. } if codes[..] == [0, 1, 1]));
        assert_eq!(data.numeric_columns().map(|c| &c.name[..]).collect::<Vec<_>>(), ["column_1", "column_3"]);
        assert_eq!(data.values, crate::block::Block::U8(vec![1, 7, 2, 8, 4, 9]));
        assert!(read(None).unwrap_err().contains("different class in every row"));
        assert!(read(Some("4")).unwrap_err().contains("a number from 1 to 3"));
        assert!(read(Some("0")).is_err());
    }

    #[test]
    fn bad_files_are_named() {
        for (bytes, part) in [
            (npy("|O", false, "(2,)", &[0; 16]), "Python objects"),
            (npy("<c8", false, "(2,)", &[0; 16]), "type c8"),
            (npy("<f16", false, "(2,)", &[0; 32]), "type f16"),
            (npy("|S0", false, "(9999999999,)", &[]), "unknown type '|S0'"),
            (npy("<f8", false, "(3,)", &[0; 16]), "promises 24 bytes of values, the file has only 16"),
            (npy("<f8", false, "(99999999999,)", &[0; 16]), "has only 16"),
            (npy("<f8", false, "(4294967295, 4294967295, 4294967295)", &[]), "more than there can be"),
            (npy("<f8", false, "(0, 4294967295, 4294967295, 9)", &[]), "more than there can be"),
            (npy("<f8", false, "(-1,)", &[]), "unknown size"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "4294967295 bytes long"),
            (b"\x93NUMPY\x01\x00\xff\x00{".to_vec(), "ends too early"),
            (b"\x93NUMPY\x07\x00\xff\x00{".to_vec(), "unknown version 7"),
            (npy("<f8", false, "nothing", &[]), "does not say the shape"),
        ] {
            let error = parsed(&bytes).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let record = {
            let header = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }";
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.bytes());
            bytes
        };
        assert!(parsed(&record).unwrap_err().contains("named fields"));
        let error = load("v.npy", &npy("|u1", false, "(2,)", &[1, 2]), &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains("one matrix"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_headers_never_panic(descr in "[<>|]?[a-zA-Z][0-9]{0,3}", shape in "[0-9, ()]{0,12}", rest in prop::collection::vec(any::<u8>(), 0..40), fortran: bool) {
            let _ = parsed(&npy(&descr, fortran, &shape, &rest));
        }
    }
}
