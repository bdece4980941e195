//! The Python package: its wheel, and its tests in an environment of their own.

use crate::bench::environment::{build, python_environment, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The types of the package's part in Rust, as they are committed.
const STUB: &str = "crates/python/python/opportune/_core.pyi";

/// Says where the stub comes from; the rest of it is maturin's.
const STUB_HEAD: &str = "# Written by `cargo xtask stub` from the signatures in crates/python/src.\n";

/// The profile of the tests of Rust, so that what both need is built once, with what the stub is made of kept in the library.
const BUILD: [&str; 4] = ["--profile", "dev", "--features", "stub"];

/// Builds the wheel, installs it into `target/python-env` and runs pytest.
pub fn test(root: &Path) -> Result<()> {
    let python = environment(root)?;
    let wheel = wheel(root, &python, &BUILD)?;
    let stub = stub(root, &python)?;
    run(pip_install(&python).args(["--force-reinstall"]).arg(wheel))?;
    // Studies of Python are shown by the program. Asked of the whole workspace it is the one that the tests of Rust have built;
    // of its package alone it would be another, with other features of what it stands on.
    let program = build(root, &["--workspace", "--bin", "opportune"])?;
    let mut tests = Command::new(&python);
    tests
        .args(["-m", "pytest", "--quiet"])
        .env("OPPORTUNE_PROGRAM", program)
        .env("OPPORTUNE_STUB", stub)
        .current_dir(root);
    run(&mut tests).context("the tests of Python failed")
}

/// Writes the stub anew.
pub fn write_stub(root: &Path) -> Result<()> {
    let made = stub(root, &environment(root)?)?;
    std::fs::copy(made, root.join(STUB)).with_context(|| format!("cannot write {STUB}"))?;
    Ok(())
}

/// The stub that the sources give, made from the library: after a wheel of the same build, nothing is compiled for it.
fn stub(root: &Path, python: &Path) -> Result<PathBuf> {
    let folder = root.join("target/stub");
    let mut generate = Command::new(python);
    generate
        .args(["-m", "maturin", "generate-stubs", "--quiet"])
        .args(BUILD)
        .arg("--out")
        .arg(&folder)
        .current_dir(root);
    run(&mut generate)?;
    let file = folder.join("opportune/_core.pyi");
    let made = std::fs::read_to_string(&file).with_context(|| format!("maturin left no {}", file.display()))?;
    std::fs::write(&file, format!("{STUB_HEAD}{made}"))?;
    Ok(file)
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
