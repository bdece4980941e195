//! The Python package: its wheel, and its tests in an environment of their own.

use crate::bench::environment::{build, python_environment, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the wheel, installs it into `target/python-env` and runs pytest.
pub fn test(root: &Path) -> Result<()> {
    let python = environment(root)?;
    // Built as the tests of Rust are built, so that what both need is built once.
    let wheel = wheel(root, &python, &["--profile", "dev"])?;
    run(pip_install(&python).args(["--force-reinstall"]).arg(wheel))?;
    // Studies of Python are shown by the program. Asked of the whole workspace it is the one that the tests of Rust have built;
    // of its package alone it would be another, with other features of what it stands on.
    let program = build(root, &["--workspace", "--bin", "opportune"])?;
    let mut tests = Command::new(&python);
    tests.args(["-m", "pytest", "--quiet"]).env("OPPORTUNE_PROGRAM", program).current_dir(root);
    run(&mut tests).context("the tests of Python failed")
}

/// Installs the wheel as it is released into `folder`, for those who have it in their PYTHONPATH.
pub fn install(root: &Path, python: &Path, folder: &Path) -> Result<()> {
    let wheel = wheel(root, python, &["--release"])?;
    run(pip_install(python).arg("--target").arg(folder).arg(wheel))
}

fn pip_install(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps"]);
    pip
}

/// The interpreter that has what the tests need. Dependencies are listed one by one, since PyTorch's are gigabytes that
/// only a GPU has a use for.
pub fn environment(root: &Path) -> Result<PathBuf> {
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

/// Builds the wheel. `profile` is given to maturin.
fn wheel(root: &Path, python: &Path, profile: &[&str]) -> Result<PathBuf> {
    let folder = root.join("target/wheel");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let mut build = Command::new(python);
    build.args(["-m", "maturin", "build", "--quiet"]).args(profile).arg("--out").arg(&folder).current_dir(root);
    run(&mut build)?;
    let mut wheels = std::fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    match wheels.pop() {
        Some(wheel) if wheels.is_empty() => Ok(wheel.path()),
        _ => bail!("maturin left no wheel, or several, in {}", folder.display()),
    }
}
