//! `cargo xtask test`: every check of the project.

use crate::tidy;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// The workspace's tests, all of them even after a failure, then the tidy checks.
pub fn run(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tests = Command::new(cargo)
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    let tidied = tidy::run(root);
    if !tests.success() {
        // What tidy found is shown as well: one run tells all there is to mend.
        if let Err(error) = tidied {
            eprintln!("xtask: {error:#}");
        }
        bail!("cargo test --workspace failed");
    }
    tidied
}
