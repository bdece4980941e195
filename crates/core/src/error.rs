//! One error for everything a person can get wrong: what, where, what to do.

use std::fmt;

/// A mistake in what was given to the program: an argument, a file, a setting.
///
/// Printed on one line as `where: what; what to do`. The program ends with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    what: String,
    place: Option<String>,
    remedy: Option<String>,
}

impl InputError {
    /// `what` is wrong, in words a person understands, without a final stop.
    pub fn new(what: impl Into<String>) -> Self {
        InputError { what: what.into(), place: None, remedy: None }
    }

    /// Where it is: a file with its row and column, a flag, a character of a text.
    /// Said twice, the later place comes first: `digits.csv: row 7: …`.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = place.into();
        self.place = Some(match self.place {
            Some(inner) => format!("{place}: {inner}"),
            None => place,
        });
        self
    }

    /// What to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What is wrong and what to do, without where.
    pub(crate) fn bare(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}; {remedy}", self.what),
            None => self.what.clone(),
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.bare())
    }
}

impl std::error::Error for InputError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_what_and_remedy() {
        let error = InputError::new("3 fields instead of 4").at("row 7").at("a.csv").remedy("mend the row");
        assert_eq!(error.to_string(), "a.csv: row 7: 3 fields instead of 4; mend the row");
    }
}
