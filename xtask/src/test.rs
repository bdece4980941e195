//! `cargo xtask test`: every check of the project.

use crate::{python, tidy};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// The workspace's tests, all of them even after a failure, then those of Python and the tidy checks.
pub fn run(root: &Path) -> Result<()> {
    let checks = [rust(root), python::test(root), tidy::run(root)];
    // What each found is shown: one run tells all there is to mend.
    let failures: Vec<String> = checks.into_iter().filter_map(|check| Some(format!("{:#}", check.err()?))).collect();
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\nxtask: ")) }
}

fn rust(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tests = Command::new(cargo)
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    if !tests.success() {
        bail!("cargo test --workspace failed");
    }
    Ok(())
}
