//! Commands that go on from one that was typed: the same words with other values of a flag.

use std::ops::Range;

/// A word of a command and where it stands; quotes keep blanks together, as shells do.
fn words(command: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut quote) = (None, None);
    for (at, letter) in command.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => {
                quote = Some(letter);
                start = start.or(Some(at));
            }
            (None, _) if letter.is_whitespace() => words.extend(start.take().map(|from| from..at)),
            _ => start = start.or(Some(at)),
        }
    }
    words.extend(start.map(|from| from..command.len()));
    words
}

/// A word as it is typed: in quotes if it has blanks.
pub(crate) fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) { format!("'{word}'") } else { word.to_string() }
}

/// Where the values of a flag stand, each with the whole of what names it: `--flag value` or `--flag=value`.
fn places(command: &str, flag: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let words = words(command);
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let text = &command[word.clone()];
        if text == flag {
            if let Some(next) = words.get(index + 1) {
                found.push((word.start..next.end, next.clone()));
            }
        } else if let Some(value) = text.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
            found.push((word.clone(), word.end - value.len()..word.end));
        }
    }
    found
}

/// The values that a command gives to a flag, without quotes, separated by commas; `None` if it does not name it.
pub(crate) fn value(command: &str, flag: &str) -> Option<String> {
    let found = places(command, flag);
    let one = |(_, value): &(Range<usize>, Range<usize>)| command[value.clone()].trim_matches(['\'', '"']).to_string();
    (!found.is_empty()).then(|| found.iter().map(one).collect::<Vec<_>>().join(","))
}

/// The command with this value of a flag: in the place of its first one, or at the end.
pub(crate) fn with(command: &str, flag: &str, value: &str) -> String {
    let found = places(command, flag);
    let Some((_, first)) = found.first() else { return format!("{} {flag} {value}", command.trim_end()) };
    let mut text = command.to_string();
    for (whole, _) in found[1..].iter().rev() {
        text.replace_range(whole.clone(), "");
        // Not two blanks where one flag less stands.
        if text[..whole.start].ends_with(' ') {
            text.remove(whole.start - 1);
        }
    }
    text.replace_range(first.clone(), value);
    text
}

/// The values of `--epochs` that reach twice as far as `limit`, in the form in which they were given.
pub(crate) fn more_epochs(command: &str, limit: u32) -> String {
    let twice = u64::from(limit) * 2;
    match value(command, "--epochs") {
        None => format!("..{twice}"),
        Some(text) => match text.split_once("..") {
            Some((low, _)) => format!("{low}..{twice}"),
            None if text.contains(',') => format!("{text},{twice}"),
            None => twice.to_string(),
        },
    }
}

/// The values of `--lr` that reach further up or down than `rate`, in the form in which they were given.
pub(crate) fn more_rates(command: &str, rate: f64, up: bool) -> String {
    let short = |value: f64| crate::number::short(value, 2);
    let by = if up { [3.0, 10.0] } else { [0.3, 0.1] };
    match value(command, "--lr") {
        None if up => format!("{}..{}", short(rate / 4.0), short(rate * 10.0)),
        None => format!("{}..{}", short(rate / 10.0), short(rate * 4.0)),
        Some(text) => match text.split_once("..") {
            Some((low, _)) if up => format!("{low}..{}", short(rate * 10.0)),
            Some((_, high)) => format!("{}..{high}", short(rate / 10.0)),
            None => format!("{text},{},{}", short(rate * by[0]), short(rate * by[1])),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_in_every_form() {
        let command =
            "opportune tune 'my data.csv' --epochs=..200 --optimizer 'sgd(momentum=0.9, nesterov=true)' --lr 0.1,1";
        assert_eq!(value(command, "--epochs").as_deref(), Some("..200"));
        assert_eq!(value(command, "--optimizer").as_deref(), Some("sgd(momentum=0.9, nesterov=true)"));
        assert_eq!((value(command, "--lr").as_deref(), value(command, "--batch")), (Some("0.1,1"), None));
        assert_eq!(value("x --hidden 1,2 --hidden 3", "--hidden").as_deref(), Some("1,2,3"));
        assert_eq!((value("x --lr", "--lr"), value("", "--lr")), (None, None));
    }

    #[test]
    fn values_are_replaced_where_they_stand() {
        assert_eq!(with("a --epochs ..200 --lr 1", "--epochs", "..400"), "a --epochs ..400 --lr 1");
        assert_eq!(with("a --epochs=200 b", "--epochs", "400"), "a --epochs=400 b");
        assert_eq!(with("a --epochs 1 --epochs 2 b", "--epochs", "1,2,4"), "a --epochs 1,2,4 b");
        assert_eq!(with("a é ", "--epochs", "..4"), "a é --epochs ..4");
        assert_eq!((quoted("a b"), quoted("a/b")), ("'a b'".to_string(), "a/b".to_string()));
        assert_eq!(with("a 'b --lr 3' --lr 2", "--lr", "9"), "a 'b --lr 3' --lr 9");
    }

    #[test]
    fn more_keeps_the_form() {
        let epochs = |command: &str| more_epochs(command, 200);
        assert_eq!([epochs("t"), epochs("t --epochs 200"), epochs("t --epochs ..200")].join(" "), "..400 400 ..400");
        assert_eq!([epochs("t --epochs 5..200"), epochs("t --epochs 100,200")].join(" "), "5..400 100,200,400");
        assert_eq!(more_rates("t", 0.008, true), "0.002..0.08");
        assert_eq!(more_rates("t", 0.008, false), "8e-4..0.032");
        assert_eq!(more_rates("t --lr 0.1,0.01", 0.1, true), "0.1,0.01,0.3,1");
        assert_eq!(more_rates("t --lr 0.1", 0.1, false), "0.1,0.03,0.01");
        assert_eq!(more_rates("t --lr 1e-4..0.1", 0.1, true), "1e-4..1");
        assert_eq!(more_rates("t --lr 1e-4..0.1", 1e-4, false), "1e-5..0.1");
    }
}
