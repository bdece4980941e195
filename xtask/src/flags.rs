//! Flags of a task: `--name value`, or `--name` alone for a switch.

use anyhow::{Context, Result, bail};
use std::str::FromStr;

/// What was given, by name; each at most once.
#[derive(Debug)]
pub struct Flags<'a> {
    given: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Flags<'a> {
    /// Reads `words`; a name that is in neither list is an error.
    pub fn parse(words: &[&'a str], with_value: &[&str], switches: &[&str]) -> Result<Self> {
        let mut given: Vec<(&str, Option<&str>)> = Vec::new();
        let mut words = words.iter().copied();
        while let Some(name) = words.next() {
            let value = if with_value.contains(&name) {
                Some(words.next().with_context(|| format!("{name} needs a value"))?)
            } else if switches.contains(&name) {
                None
            } else {
                bail!("{name}: not known here; see cargo xtask help");
            };
            if given.iter().any(|(earlier, _)| *earlier == name) {
                bail!("{name} is given twice");
            }
            given.push((name, value));
        }
        Ok(Flags { given })
    }

    /// Whether a switch is given.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// The text of a flag, if given.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.given.iter().find(|(given, _)| *given == name).and_then(|(_, value)| *value)
    }

    /// The number of a flag, at least 1.
    pub fn count(&self, name: &str, default: usize) -> Result<usize> {
        let Some(text) = self.text(name) else { return Ok(default) };
        match usize::from_str(text) {
            Ok(count) if count > 0 => Ok(count),
            _ => bail!("{name} {text}: not a whole number of at least 1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_and_switches() {
        let flags = Flags::parse(&["--runs", "3", "--quick"], &["--runs", "--out"], &["--quick"]).unwrap();
        assert_eq!(flags.count("--runs", 5).unwrap(), 3);
        assert!(flags.has("--quick"));
        assert_eq!(flags.text("--out"), None);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let parse = |words: &[&'static str]| Flags::parse(words, &["--runs"], &["--quick"]);
        assert!(parse(&["--fast"]).unwrap_err().to_string().starts_with("--fast: not known"));
        assert_eq!(parse(&["--runs"]).unwrap_err().to_string(), "--runs needs a value");
        assert_eq!(parse(&["--quick", "--quick"]).unwrap_err().to_string(), "--quick is given twice");
        assert!(parse(&["--runs", "0"]).unwrap().count("--runs", 1).is_err());
    }
}
