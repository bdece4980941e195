//! `cargo xtask tidy`: rules that neither the compiler nor clippy checks.
//!
//! - Source files stay short, and nothing in them is left for later or switched off.
//! - Text files end with a newline and name no path of somebody's machine; Rust has no tabs and no trailing blanks.
//! - Every relative link in a Markdown file leads to a file that exists.
//! - Every Rust file in `src` and `tests` is part of a crate: declared by a `mod` line of a file that is.

mod lines;
mod links;
mod modules;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// What is built or made by running the program; never part of the sources.
const SKIPPED_FOLDERS: [&str; 6] = [".git", ".venv", "target", "__pycache__", "node_modules", "opportune-out"];

/// One broken rule, as shown.
type Finding = String;

/// Checks the whole tree and prints what is wrong.
pub fn run(root: &Path) -> Result<()> {
    let files = files_below(root)?;
    let findings = check(root, &files)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files, nothing to mend", files.len()),
        1 => bail!("tidy: 1 thing to mend"),
        several => bail!("tidy: {several} things to mend"),
    }
    Ok(())
}

/// All findings in `files`, paths relative to `root`.
fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| lines::is_text(file)) {
        let bytes = std::fs::read(root.join(file)).with_context(|| file.display().to_string())?;
        let Ok(text) = String::from_utf8(bytes) else {
            findings.push(format!("{}: not UTF-8", file.display()));
            continue;
        };
        findings.extend(lines::check(file, &text));
        if file.extension().is_some_and(|extension| extension == "md") {
            findings.extend(links::check(root, file, &text));
        }
    }
    findings.extend(modules::check(root, files)?);
    Ok(findings)
}

/// Every file of the project, relative to `root`, in order.
fn files_below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            // A link is not followed: what it points to is checked where it is, or is none of ours.
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED_FOLDERS.iter().any(|skipped| entry.file_name() == *skipped) {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path().strip_prefix(root)?.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
        let root = tree(files);
        check(root.path(), &files_below(root.path()).unwrap()).unwrap()
    }

    #[test]
    fn a_clean_tree_passes() {
        let root = tree(&[
            ("src/main.rs", "mod part;\nfn main() {}\n"),
            ("src/part.rs", "\n"),
            ("README.md", "[part](src/part.rs)\n"),
            ("target/built.rs", "\tfn broken"),
        ]);
        assert_eq!(files_below(root.path()).unwrap().len(), 3);
        run(root.path()).unwrap();
    }

    #[test]
    fn every_rule_is_applied() {
        let found =
            findings(&[("src/lib.rs", "//! Nothing.\t\n"), ("src/dead.rs", "\n"), ("README.md", "[gone](gone.md)\n")]);
        assert_eq!(
            found,
            [
                "README.md:1: link to gone.md, which does not exist",
                "src/lib.rs:1: a tab",
                "src/lib.rs:1: blanks at the end",
                "src/dead.rs: no `mod` line leads here",
            ]
        );
    }

    #[test]
    fn what_is_no_text_is_said() {
        let root = tree(&[]);
        std::fs::write(root.path().join("a.toml"), [0xff, 0xfe]).unwrap();
        assert_eq!(check(root.path(), &files_below(root.path()).unwrap()).unwrap(), ["a.toml: not UTF-8"]);
    }

    #[test]
    fn the_failure_counts() {
        let root = tree(&[("a.rs", "fn a() {}")]);
        assert_eq!(run(root.path()).unwrap_err().to_string(), "tidy: 1 thing to mend");
    }
}
