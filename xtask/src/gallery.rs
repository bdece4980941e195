//! `cargo xtask gallery`: the pictures and pages of docs/ that show every schedule and optimizer, written from the code.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Writes docs/schedules.md, docs/schedules/ and docs/optimizers.md. A test of the package of reports holds what is there against the code.
pub fn run(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let written = Command::new(cargo)
        .args(["run", "--quiet", "--package", "opportune-report", "--example", "gallery", "--", "docs"])
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    if !written.success() {
        bail!("the gallery could not be written");
    }
    Ok(())
}
