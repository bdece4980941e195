//! Bytes to text: byte order marks, UTF-16, and Windows-1252 where a file is not UTF-8.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use opportune_core::InputError;

/// The text of a file with line ends made `\n` and one at the end, and what had to be done to get it.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<(String, Vec<String>), InputError> {
    let mut warnings = Vec::new();
    let text = match Encoding::for_bom(&bytes) {
        Some((encoding, mark)) if encoding == UTF_16LE || encoding == UTF_16BE => {
            warnings.push(format!("the file is {}; it was converted", encoding.name()));
            other(encoding, &bytes[mark..])
        }
        Some((_, mark)) => utf8(bytes[mark..].to_vec(), &mut warnings),
        None => match unmarked_utf16(&bytes) {
            Some(encoding) => {
                warnings.push(format!("the file looks like {} without its mark; it was converted", encoding.name()));
                other(encoding, &bytes)
            }
            None => utf8(bytes, &mut warnings),
        },
    };
    if text.contains('\0') {
        return Err(InputError::new("this is a binary file, not a table of text")
            .remedy("give a CSV or TSV file, an NPY or NPZ file, or a folder with IDX files"));
    }
    let mut text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok((text, warnings))
}

fn other(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn utf8(bytes: Vec<u8>, warnings: &mut Vec<String>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let bytes = error.into_bytes();
        // With zero bytes it is not a text in any one-byte encoding, and the caller will say so.
        if !bytes.contains(&0) {
            warnings.push("the file is not UTF-8; it was read as Windows-1252 (Latin-1)".to_string());
        }
        other(WINDOWS_1252, &bytes)
    })
}

/// UTF-16 without its mark: in a table most characters are ASCII, so that every second byte is zero.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(4096) & !1];
    let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    if half > 0 && even == 0 && odd * 10 >= half * 9 {
        Some(UTF_16LE)
    } else if half > 0 && odd == 0 && even * 10 >= half * 9 {
        Some(UTF_16BE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
        let mark: &[u16] = if mark { &[0xfeff] } else { &[] };
        let units = mark.iter().copied().chain(text.encode_utf16());
        units.flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
    }

    #[test]
    fn utf8_with_and_without_its_mark() {
        assert_eq!(decode("a,é\n".into()).unwrap(), ("a,é\n".to_string(), vec![]));
        assert_eq!(decode(b"\xef\xbb\xbfa,b".to_vec()).unwrap(), ("a,b\n".to_string(), vec![]));
    }

    #[test]
    fn utf16_both_ways_is_converted_and_said() {
        for (little, name) in [(true, "UTF-16LE"), (false, "UTF-16BE")] {
            for mark in [true, false] {
                let (text, warnings) = decode(utf16("name,b\nü,2\n", little, mark)).unwrap();
                assert_eq!(text, "name,b\nü,2\n");
                assert!(warnings[0].contains(name), "{warnings:?}");
            }
        }
    }

    #[test]
    fn latin_1_is_converted_and_said() {
        let (text, warnings) = decode(b"caf\xe9,\x80\n".to_vec()).unwrap();
        assert_eq!(text, "café,€\n");
        assert!(warnings[0].contains("Windows-1252"), "{warnings:?}");
    }

    #[test]
    fn binary_is_refused() {
        for bytes in [&b"\x7fELF\x02\x01\x00\x00\x00"[..], b"a,b\n1,\x00\n", b"\xff\x00\x00\x12\x80\x00"] {
            assert!(decode(bytes.to_vec()).unwrap_err().to_string().contains("binary"));
        }
    }

    #[test]
    fn all_line_ends_become_one() {
        assert_eq!(decode(b"a\r\nb\rc\nd".to_vec()).unwrap().0, "a\nb\nc\nd\n");
    }
}
