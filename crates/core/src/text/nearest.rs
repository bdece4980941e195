//! The valid word nearest to a mistyped one.

/// The longest word that is compared; nobody mistypes a longer one into a valid one.
const WORD_CHARACTERS_MAX: usize = 64;

/// The candidate that `word` was most likely meant to be, or none if nothing is near.
///
/// Near means: at most a third of the longer word's characters (but always one) inserted, deleted, replaced or swapped
/// with a neighbour (optimal string alignment distance), upper and lower case alike; or the word is a beginning of at
/// least three characters of the candidate, as `exp` is of `exponential`. The first of equally near candidates is given.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    if word.is_empty() || word.len() > WORD_CHARACTERS_MAX {
        return None;
    }
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        let letters: Vec<char> = candidate.to_lowercase().chars().collect();
        let allowed = (word.len().max(letters.len()) / 3).max(1);
        let mut edits = distance(&word, &letters);
        if word.len() >= 3 && letters.starts_with(&word) {
            edits = edits.min(1);
        }
        if edits <= allowed && edits < letters.len() && best.is_none_or(|(fewest, _)| edits < fewest) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours, each costing one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["constant", "cosine", "exponential", "step"];

    #[test]
    fn finds_what_was_meant() {
        for (word, meant) in [
            ("cosin", Some("cosine")),
            ("cosnie", Some("cosine")),
            ("COSINE", Some("cosine")),
            ("exp", Some("exponential")),
            ("setp", Some("step")),
            ("steps", Some("step")),
            ("plateau", None),
            ("s", None),
            ("", None),
            ("日本", None),
        ] {
            assert_eq!(nearest(word, WORDS), meant, "{word}");
        }
        assert_eq!(nearest(&"c".repeat(100_000), WORDS), None);
        assert_eq!(nearest("cosine", []), None);
    }

    #[test]
    fn one_letter_is_not_mistaken_for_another() {
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn counts_edits() {
        for (a, b, edits) in [("", "abc", 3), ("abc", "acb", 1), ("kitten", "sitting", 3), ("abc", "abc", 0)] {
            let letters = |word: &str| word.chars().collect::<Vec<_>>();
            assert_eq!(distance(&letters(a), &letters(b)), edits, "{a} {b}");
            assert_eq!(distance(&letters(b), &letters(a)), edits, "{b} {a}");
        }
    }
}
