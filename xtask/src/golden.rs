//! Golden values, made anew by the scripts in `xtask/golden/`.

use crate::bench::environment::{python_environment, run};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Rates of schedules, from the libraries that have them.
///
/// What the libraries depend on is left out but for what their schedules need: the rest is gigabytes.
pub fn schedules(root: &Path) -> Result<()> {
    let scripts = root.join("xtask/golden/schedules");
    let requirements = scripts.join("requirements.txt");
    let python = python_environment(&root.join("target/golden-env"), &requirements, &["--no-deps"])?;
    run(Command::new(python).arg(scripts.join("schedules.py")))
}
