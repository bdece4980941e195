//! Rust files that belong to no crate. The compiler is silent about them: it never reads them.

use super::Finding;
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Files of a `src` or `tests` folder that no chain of `mod` lines leads to.
///
/// Modules are looked for where the compiler looks without a `path` attribute, which the project does not use.
pub fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<Finding>> {
    let known: HashSet<&Path> = files.iter().map(PathBuf::as_path).collect();
    let mut reached: HashSet<&Path> = HashSet::new();
    let mut next: Vec<&Path> = files.iter().map(PathBuf::as_path).filter(|file| is_crate_root(file)).collect();
    while let Some(file) = next.pop() {
        if !reached.insert(file) {
            continue;
        }
        let text = std::fs::read_to_string(root.join(file)).with_context(|| file.display().to_string())?;
        let folder = folder_of_modules(file);
        for name in text.lines().filter_map(declared) {
            let places = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
            next.extend(places.iter().filter_map(|place| known.get(place.as_path())).copied());
        }
    }
    let dead = files.iter().filter(|file| is_rust(file) && in_crate(file) && !reached.contains(file.as_path()));
    Ok(dead.map(|file| format!("{}: no `mod` line leads here", file.display())).collect())
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

fn in_crate(file: &Path) -> bool {
    file.iter().any(|part| part == "src" || part == "tests")
}

/// Whether the compiler begins here: `src/lib.rs`, `src/main.rs`, `src/bin/*.rs`, `tests/*.rs`, or a `main.rs` one
/// folder below the last two.
fn is_crate_root(file: &Path) -> bool {
    let folder = file.parent().unwrap_or(Path::new(""));
    let in_src = folder.ends_with("src") && (file.ends_with("lib.rs") || file.ends_with("main.rs"));
    let below_src = file.iter().any(|part| part == "src");
    let of_many = |folder: &Path| folder.ends_with("src/bin") || (folder.ends_with("tests") && !below_src);
    let in_own_folder = file.ends_with("main.rs") && folder.parent().is_some_and(of_many);
    is_rust(file) && (in_src || of_many(folder) || in_own_folder)
}

/// Where the modules that `file` declares lie.
fn folder_of_modules(file: &Path) -> PathBuf {
    if is_crate_root(file) || file.ends_with("mod.rs") {
        file.parent().unwrap_or(Path::new("")).to_path_buf()
    } else {
        file.with_extension("")
    }
}

/// The module that a line declares in a file of its own: `mod name;`, after any visibility.
fn declared(line: &str) -> Option<&str> {
    let (before, name) = line.trim().strip_suffix(';')?.rsplit_once("mod ")?;
    let visibility = before.trim();
    let plain =
        visibility.is_empty() || visibility == "pub" || (visibility.starts_with("pub(") && visibility.ends_with(')'));
    (plain && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_declarations() {
        assert_eq!(declared("mod a;"), Some("a"));
        assert_eq!(declared("    pub(crate) mod a_b;"), Some("a_b"));
        assert_eq!(declared("pub mod a;"), Some("a"));
        for line in ["// mod a;", "mod a {", "let x = \"mod a\";", "use mod_a;"] {
            assert_eq!(declared(line), None, "{line}");
        }
    }

    #[test]
    fn follows_chains() {
        let root = tempfile::tempdir().unwrap();
        let tree = [
            ("a/src/lib.rs", "pub mod one;\nmod two;\n"),
            ("a/src/one.rs", "mod deep;\n"),
            ("a/src/one/deep.rs", ""),
            ("a/src/two/mod.rs", "mod three;\n"),
            ("a/src/two/three.rs", ""),
            ("a/src/deep.rs", ""),
            ("a/src/circle.rs", "mod circle;\n"),
            ("a/src/bin/tool.rs", ""),
            ("a/src/tests/unit.rs", ""),
            ("a/tests/suite.rs", "mod common;\n"),
            ("a/tests/common/mod.rs", ""),
            ("a/tests/common/unused.rs", ""),
            ("a/build.rs", ""),
        ];
        for (path, text) in tree {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let files: Vec<PathBuf> = tree.iter().map(|(path, _)| PathBuf::from(path)).collect();
        let dead = ["a/src/deep.rs", "a/src/circle.rs", "a/src/tests/unit.rs", "a/tests/common/unused.rs"];
        assert_eq!(check(root.path(), &files).unwrap(), dead.map(|file| format!("{file}: no `mod` line leads here")));
    }
}
