//! Pieces of sentences: schedules, shares, counts and times in words.

use crate::number;

/// A schedule as a person would say it; its text form where there is no better name.
pub(crate) fn schedule(text: &str) -> String {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let part = |text: &str| {
        let share = text.strip_prefix("cooldown(")?.strip_suffix(')')?;
        let share = share.strip_prefix("over=").unwrap_or(share);
        match share.strip_suffix('%') {
            Some(percent) => Some(format!("a {percent} % cooldown")),
            None => share.parse::<f64>().ok().map(|epochs| format!("a cooldown of {epochs} epochs")),
        }
    };
    let constant = ["sequence(constant(),", "sequence(constant,"].iter().find_map(|start| bare.strip_prefix(start));
    let cooldown = constant.and_then(|rest| rest.strip_suffix(')')).and_then(part);
    match (bare.as_str(), cooldown) {
        ("" | "constant" | "constant()", _) => "constant".to_string(),
        ("cosine" | "cosine()", _) => "cosine".to_string(),
        (_, Some(cooldown)) => format!("constant then {cooldown}"),
        _ => text.to_string(),
    }
}

/// A share in percent with two digits, without its sign: `4.2 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", number::short(100.0 * share.abs(), 2))
}

/// A whole number with its thousands apart: `12,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `1,200 rows`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    format!("{} {one}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// What the first finalist is: without a final model, trained on `rows`, nothing is delivered yet.
pub(crate) fn delivered(rows: Option<usize>) -> &'static str {
    if rows.is_some() { "delivered" } else { "chosen" }
}

/// A time in the unit that reads best.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() || s < 0.0 => number::NONE.to_string(),
        s if s < 120.0 => format!("{} s", number::short(s, if s < 10.0 { 2 } else { 3 })),
        s if s < 7200.0 => format!("{} min", number::short(s / 60.0, 2)),
        s => format!("{} h", number::short(s / 3600.0, 2)),
    }
}

/// With a capital letter at its beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// `text` in lines of at most `width` characters, all but the first after `indent` blanks more; words are kept whole.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines.push(line);
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_in_words() {
        let said = |text: &str| schedule(text);
        assert_eq!(said("sequence(constant(), cooldown(20%))"), "constant then a 20 % cooldown");
        assert_eq!(said("sequence(constant, cooldown(over=20%))"), "constant then a 20 % cooldown");
        assert_eq!(said("sequence(constant(), cooldown(5))"), "constant then a cooldown of 5 epochs");
        assert_eq!([said("constant"), said("constant()"), said(""), said("cosine()")].join(" "), {
            "constant constant constant cosine"
        });
        for text in ["cosine(floor=0.01)", "sequence(constant(), cosine())", "sequence(constant(), cooldown(3steps))"] {
            assert_eq!(said(text), text);
        }
    }

    #[test]
    fn numbers_in_words() {
        assert_eq!([percent(0.0421), percent(-1.234), percent(0.0003)], ["4.2 %", "123 %", "0.03 %"]);
        assert_eq!([0, 999, 1000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!((counted(1, "row"), counted(1437, "row")), ("1 row".to_string(), "1,437 rows".to_string()));
        let times = [0.923, 35.21, 119.0, 200.0, 9000.0, f64::NAN].map(duration);
        assert_eq!(times, ["0.92 s", "35.2 s", "119 s", "3.3 min", "2.5 h", "-"]);
        assert_eq!((capital("ä b"), capital("")), ("Ä b".to_string(), String::new()));
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrapped("unbreakable", 4, 2), "unbreakable");
        assert_eq!(wrapped("", 4, 2), "");
    }
}
