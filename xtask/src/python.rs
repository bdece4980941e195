//! The Python package: its wheel, and its tests in an environment of their own.

use crate::bench::environment::{build, python_environment, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the wheel, installs it into `target/python-env` and runs pytest.
pub fn test(root: &Path) -> Result<()> {
    let python = environment(root)?;
    let wheel = wheel(root, &python)?;
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"];
    run(Command::new(&python).args(install).arg(wheel))?;
    // Studies of Python are shown by the program.
    let program = build(root, &["--package", "opportune"])?;
    let mut tests = Command::new(&python);
    tests.args(["-m", "pytest", "--quiet"]).env("OPPORTUNE_PROGRAM", program).current_dir(root);
    run(&mut tests).context("the tests of Python failed")
}

/// The interpreter that has what the tests need. Dependencies are listed one by one, since PyTorch's are gigabytes that
/// only a GPU has a use for.
fn environment(root: &Path) -> Result<PathBuf> {
    let new_enough = "import sys; sys.exit(sys.version_info < (3, 11))";
    if !Command::new("python3").args(["-c", new_enough]).status().is_ok_and(|status| status.success()) {
        bail!("the tests of the Python package need Python 3.11 or later as `python3`; install it and its venv module");
    }
    let files = root.join("xtask/python");
    let folder = root.join("target/python-env");
    let python = python_environment(&folder, &files.join("requirements.txt"), &["--no-deps"])?;
    run(Command::new(&python).arg(files.join("torch_on_cpu.py")))?;
    Ok(python)
}

/// Builds the wheel as the tests of Rust are built, so that what both need is built once.
fn wheel(root: &Path, python: &Path) -> Result<PathBuf> {
    let folder = root.join("target/wheel");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let build = ["-m", "maturin", "build", "--quiet", "--profile", "dev", "--out"];
    run(Command::new(python).args(build).arg(&folder).current_dir(root))?;
    let mut wheels = std::fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    match wheels.pop() {
        Some(wheel) if wheels.is_empty() => Ok(wheel.path()),
        _ => bail!("maturin left no wheel, or several, in {}", folder.display()),
    }
}
