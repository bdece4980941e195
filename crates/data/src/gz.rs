//! Opening a file whether it is compressed with gzip or not: the first bytes decide, not the name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use opportune_core::InputError;

/// Opens `path`, through gzip where its first two bytes are gzip's.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>, InputError> {
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut reader = BufReader::with_capacity(1 << 17, file);
    let head = reader.fill_buf().map_err(|error| failed(&error))?;
    if head.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(BufReader::with_capacity(1 << 17, MultiGzDecoder::new(reader))))
    } else {
        Ok(Box::new(reader))
    }
}

/// All bytes that are left, in as much memory as they need and no more than they turn out to be.
pub(crate) fn rest(reader: &mut dyn Read) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// What went wrong with a file, in plain words.
pub(crate) fn failed(error: &io::Error) -> InputError {
    match error.kind() {
        io::ErrorKind::NotFound => InputError::new("there is no such file").remedy("check the path"),
        io::ErrorKind::PermissionDenied => InputError::new("the file may not be read").remedy("check its permissions"),
        io::ErrorKind::UnexpectedEof => InputError::new("the compressed file ends too early, it is not complete")
            .remedy("copy or download it again"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            InputError::new(format!("the compressed file is damaged ({error})")).remedy("copy or download it again")
        }
        _ => InputError::new(format!("the file cannot be read ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::gzip;

    fn read(bytes: &[u8]) -> Result<Vec<u8>, InputError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.name");
        std::fs::write(&path, bytes).unwrap();
        rest(&mut *open(&path)?)
    }

    #[test]
    fn plain_and_gzip_by_content() {
        assert_eq!(read(b"hello").unwrap(), b"hello");
        assert_eq!(read(&gzip(b"hello")).unwrap(), b"hello");
        assert_eq!(read(b"").unwrap(), b"");
        let twice = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(read(&twice).unwrap(), b"one two");
    }

    #[test]
    fn a_truncated_stream_is_named() {
        let whole = gzip(&b"some text that goes on ".repeat(100));
        for length in [3, 12, whole.len() / 2, whole.len() - 3] {
            let error = read(&whole[..length]).unwrap_err().to_string();
            assert!(error.contains("ends too early"), "{length}: {error}");
        }
    }

    #[test]
    fn damage_and_absence_are_named() {
        let mut bytes = gzip(&b"some text that goes on ".repeat(100));
        let last = bytes.len() - 6;
        bytes[last] ^= 0xff;
        assert!(read(&bytes).unwrap_err().to_string().contains("damaged"));
        let error = open(Path::new("no/such/file.csv")).err().unwrap();
        assert_eq!(error.to_string(), "there is no such file; check the path");
    }
}
