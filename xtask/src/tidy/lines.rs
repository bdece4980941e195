//! Rules for single files and their lines.

use super::Finding;
use std::path::Path;

/// Lines of a source file at most; a longer one holds more than one concept. What a script wrote, as its first line says,
/// is not read from end to end.
const LONGEST: usize = 600;
const WRITTEN_BY: &str = "Written by `";

/// Kinds of text, of which the first are code.
const TEXT: [&str; 16] =
    ["rs", "py", "pyi", "sh", "toml", "yml", "yaml", "md", "txt", "csv", "tsv", "json", "html", "css", "js", "svg"];
const CODE: &[&str] = TEXT.split_at(7).0;

// Written in two parts so that this file does not break its own rules.
const LEFTOVERS: [&str; 5] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("#[ig", "nore"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Use", "rs/"),
    concat!("/wo", "rk/"),
    concat!("/tmp/", "bash"),
];

/// The extension; the scripts in `.ci` have none and are for the shell.
fn kind(file: &Path) -> &str {
    let in_ci = file.parent() == Some(Path::new(".ci"));
    file.extension().and_then(|extension| extension.to_str()).unwrap_or(if in_ci { "sh" } else { "" })
}

/// Whether the rules for text apply.
pub fn is_text(file: &Path) -> bool {
    TEXT.contains(&kind(file))
}

/// Findings in one file.
pub fn check(file: &Path, text: &str) -> Vec<Finding> {
    let code = CODE.contains(&kind(file));
    let rust = kind(file) == "rs";
    let mut findings = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(format!("{}: no newline at the end", file.display()));
    }
    let count = text.lines().count();
    let written_by = text.lines().next().is_some_and(|first| first.contains(WRITTEN_BY));
    if matches!(kind(file), "rs" | "py") && count > LONGEST && !written_by {
        findings.push(format!("{}: {count} lines, more than {LONGEST}; split it", file.display()));
    }
    for (number, line) in text.lines().enumerate() {
        let mut add = |what: String| findings.push(format!("{}:{}: {what}", file.display(), number + 1));
        // The first that fits: two of the words overlap.
        if let Some(leftover) = LEFTOVERS.iter().find(|leftover| code && line.contains(**leftover)) {
            add(format!("`{leftover}` in code"));
        }
        if let Some(path) = MACHINE_PATHS.iter().find(|path| names_path(line, path)) {
            add(format!("a path of one machine: {path}…"));
        }
        if rust && line.contains('\t') {
            add("a tab".into());
        }
        if rust && line.ends_with([' ', '\t']) {
            add("blanks at the end".into());
        }
    }
    findings
}

/// Whether `line` holds an absolute path that begins with `start`; the same letters inside a longer path or an address
/// do not count.
fn names_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '~' | '}' | '*'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<Finding> {
        check(Path::new(file), text)
    }

    #[test]
    fn length() {
        assert!(found("a.rs", &"x\n".repeat(LONGEST)).is_empty());
        assert_eq!(found("a.py", &"x\n".repeat(601)), ["a.py: 601 lines, more than 600; split it"]);
        assert!(found("a.csv", &"x\n".repeat(601)).is_empty());
        let of_a_script = format!("{WRITTEN_BY}a.py`\n{}", "x\n".repeat(601));
        assert!(found("b.py", &of_a_script).is_empty());
    }

    #[test]
    fn leftovers() {
        for leftover in LEFTOVERS {
            assert_eq!(found("a.rs", &format!("x {leftover}\n")), [format!("a.rs:1: `{leftover}` in code")]);
            assert!(found("a.md", &format!("x {leftover}\n")).is_empty());
        }
    }

    #[test]
    fn paths_of_a_machine() {
        let home = MACHINE_PATHS[0];
        for line in [format!("{home}me\n"), format!("see `{home}me`\n"), format!("\"{home}me\"\n")] {
            assert_eq!(found("a.md", &line), [format!("a.md:1: a path of one machine: {home}…")]);
        }
        assert!(found("a.md", &format!("https://example.org{home}me and src{home}x\n")).is_empty());
    }

    #[test]
    fn ends_and_blanks() {
        assert_eq!(found("a.toml", "x"), ["a.toml: no newline at the end"]);
        assert!(found("a.toml", "").is_empty());
        assert_eq!(found("a.rs", "x \n"), ["a.rs:1: blanks at the end"]);
        assert!(found("a.md", "x  \n").is_empty());
    }

    #[test]
    fn scripts_without_extension_are_text() {
        assert!(is_text(Path::new(".ci/run")) && is_text(Path::new("a/b.toml")));
        assert!(!is_text(Path::new("Cargo.lock")) && !is_text(Path::new("LICENSE")));
    }
}
