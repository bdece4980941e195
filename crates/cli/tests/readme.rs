//! The README's commands, in order and in one folder with the examples, as somebody would try them.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::Place;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Command lines in the README's fenced blocks of a shell, without prompts and comments; lines that end in a
/// backslash go on.
fn commands(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut shell, mut going_on) = (false, false);
    for line in text.lines() {
        if let Some(kind) = line.trim().strip_prefix("```") {
            shell = matches!(kind.trim(), "sh" | "shell" | "bash" | "console");
            going_on = false;
        } else if shell {
            let line = line.trim();
            let line = line.strip_prefix("$ ").unwrap_or(line);
            let (line, more) = line.strip_suffix('\\').map_or((line, false), |line| (line.trim_end(), true));
            match found.last_mut().filter(|_| going_on) {
                Some(last) => *last = format!("{last} {line}"),
                None => found.push(line.to_string()),
            }
            going_on = more;
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn blocks_are_found() {
    let text = "```sh\nopportune a \\\n  b\n$ opportune c\n```\n```\nopportune no\n```\n```console\nopportune d\n```\n";
    assert_eq!(commands(text), ["opportune a b", "opportune c", "opportune d"]);
}

#[test]
fn every_command_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let place = Place::new();
    copy(&common::examples(), &place.path("examples"));
    let tasks = xtask_usage(&root);
    let mut ran = 0;
    for line in commands(&readme) {
        if let Some(task) = line.strip_prefix("cargo xtask ") {
            let name: Vec<&str> = task.split(' ').take_while(|word| !word.starts_with('-')).collect();
            let known = tasks.lines().any(|line| line.trim_start().starts_with(&format!("{} ", name.join(" "))));
            assert!(known, "'{line}' is in the README, and there is no such task:\n{tasks}");
            continue;
        }
        let command = match line.strip_prefix("cargo run --release -- ") {
            Some(words) => format!("opportune {words}"),
            None if line.starts_with("opportune ") => line.clone(),
            None => continue,
        };
        place.shell(&command).good();
        ran += 1;
    }
    assert!(ran >= 5, "only {ran} commands were found");
    // The picture at the front door is the one that the first command draws.
    let shown = fs::read_to_string(root.join("docs/verdict.svg")).unwrap();
    assert!(readme.contains("(docs/verdict.svg)") && place.text("opportune-out/digits/verdict.svg") == shown);
}

/// What `cargo xtask help` says there is. Nothing is run.
fn xtask_usage(root: &Path) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["xtask", "help"]).current_dir(root).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
