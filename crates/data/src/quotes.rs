//! A look at the quotes of a delimited text before it is parsed: is every one closed, and do any follow a space?

/// The text with spaces before an opening quote taken out (`1, "a, b"` would otherwise not count as quoted), or
/// `None` where there are none. The error is the line on which a quote opens that nothing closes.
///
/// Quotes mean here what they mean to the `csv` crate: they open only at the start of a field, a doubled one within
/// quotes is a quote, and after the closing one the field goes on unquoted.
pub(crate) fn tidy(text: &str, delimiter: u8) -> Result<Option<String>, u64> {
    let bytes = text.as_bytes();
    let mut tidied: Option<String> = None;
    // Everything before `kept` is already in `tidied`, or left out of it.
    let mut kept = 0;
    let (mut line, mut at) = (1, 0);
    let mut field_starts = true;
    while at < bytes.len() {
        let byte = bytes[at];
        if field_starts && byte == b' ' {
            let spaces = bytes[at..].iter().take_while(|&&b| b == b' ').count();
            if bytes.get(at + spaces) == Some(&b'"') {
                tidied.get_or_insert_with(String::new).push_str(&text[kept..at]);
                kept = at + spaces;
            } else {
                field_starts = false;
            }
            at += spaces;
        } else if field_starts && byte == b'"' {
            let opened = line;
            at += 1;
            loop {
                match bytes.get(at) {
                    None => return Err(opened),
                    Some(b'"') if bytes.get(at + 1) == Some(&b'"') => at += 1,
                    Some(b'"') => break,
                    Some(b'\n') => line += 1,
                    Some(_) => {}
                }
                at += 1;
            }
            at += 1;
            field_starts = false;
        } else {
            field_starts = byte == delimiter || byte == b'\n';
            line += u64::from(byte == b'\n');
            at += 1;
        }
    }
    Ok(tidied.map(|mut tidied| {
        tidied.push_str(&text[kept..]);
        tidied
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_quotes_are_left_alone() {
        for text in ["a,b\n", "\"a\",\"b\nc\"\n", "\"a\"\"b\",c\n", "it\"s,1\n", "a , b\n", "\"a\"b\"c\n"] {
            assert_eq!(tidy(text, b','), Ok(None), "{text}");
        }
    }

    #[test]
    fn an_unclosed_quote_is_found_where_it_opens() {
        assert_eq!(tidy("a,b\n\"x\ny\",\"z\nw\n", b','), Err(3));
        assert_eq!(tidy("\"a\"\"\n", b','), Err(1));
    }

    #[test]
    fn spaces_before_quotes_go() {
        assert_eq!(
            tidy("\"M\",  \"19, 58\", 3\nx, \"y\"\n", b','),
            Ok(Some("\"M\",\"19, 58\", 3\nx,\"y\"\n".to_string()))
        );
        assert_eq!(tidy("\"a, \"\"b\"\"\",1\n", b','), Ok(None));
    }
}
