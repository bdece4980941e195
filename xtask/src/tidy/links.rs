//! Links from Markdown to files of the project.

use super::Finding;
use std::path::Path;

/// Links in `text` (the content of `file`) to files that do not exist.
pub fn check(root: &Path, file: &Path, text: &str) -> Vec<Finding> {
    let folder = root.join(file).parent().unwrap_or(root).to_path_buf();
    let mut findings = Vec::new();
    let mut fence = None;
    for (number, line) in text.lines().enumerate() {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                for target in targets(&without_code(line)).filter(|target| !folder.join(target).exists()) {
                    let place = format!("{}:{}", file.display(), number + 1);
                    findings.push(format!("{place}: link to {target}, which does not exist"));
                }
            }
            _ => {}
        }
    }
    findings
}

/// The line with what stands between backticks taken out.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Files that a line links to: `[text](file)`, `[name]: file`, `src="file"`, `href="file"`; addresses and places within
/// the same file are left out.
fn targets(line: &str) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    for (start, ends) in [("](", &[')', ' '][..]), ("]: ", &[' ']), ("src=\"", &['"']), ("href=\"", &['"'])] {
        for (at, _) in line.match_indices(start) {
            if start == "]: " && !line.starts_with('[') {
                continue;
            }
            let rest = &line[at + start.len()..];
            let target = &rest[..rest.find(ends).unwrap_or(rest.len())];
            found.push(target.split('#').next().unwrap_or_default().to_owned());
        }
    }
    found.into_iter().filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        targets(line).collect()
    }

    #[test]
    fn finds_targets() {
        assert_eq!(of("see [a](a.md) and [b](docs/b.md#part \"title\")"), ["a.md", "docs/b.md"]);
        assert_eq!(of("[a]: a.md"), ["a.md"]);
        assert_eq!(of("<img src=\"a.svg\"> <a href=\"b.md\">"), ["a.svg", "b.md"]);
        assert!(of("[a](https://example.org/a.md) [b](#part) [c](mailto:a@b.c)").is_empty());
        assert!(of("an array[0]: 1").is_empty());
    }

    #[test]
    fn code_holds_no_links() {
        let text = "`[a](b.md)`\n```\n[a](b.md)\n~~~\n[a](b.md)\n```\n[a](b.md)\n";
        let found = check(Path::new("no-such-folder"), Path::new("a.md"), text);
        assert_eq!(found, ["a.md:7: link to b.md, which does not exist"]);
    }

    #[test]
    fn relative_to_the_file() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("docs/b.md"), "").unwrap();
        assert!(check(root.path(), Path::new("docs/a.md"), "[b](b.md) [b](../docs/b.md) [d](./)\n").is_empty());
        assert_eq!(check(root.path(), Path::new("a.md"), "[b](b.md)\n").len(), 1);
    }
}
