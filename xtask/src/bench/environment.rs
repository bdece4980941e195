//! What a benchmark needs: the program built for speed, and Python with scikit-learn.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program as this workspace has it: all of its packages have one version.
const PROGRAM: &str = concat!("opportune ", env!("CARGO_PKG_VERSION"));

/// Both sides, ready to run.
pub struct Environment {
    interpreter: Interpreter,
    /// The program, as released.
    pub opportune: PathBuf,
}

/// Python, and the folders of a benchmark.
pub struct Interpreter {
    /// Where the Python programs of this task lie.
    scripts: PathBuf,
    /// Where data sets and runs are put.
    work: PathBuf,
    /// The interpreter that has the other side.
    pub python: PathBuf,
}

impl Environment {
    /// Builds the program and, unless it is there already, the Python environment.
    pub fn prepare(root: &Path) -> Result<Self> {
        Environment::with(root, Interpreter::prepare(root)?)
    }

    /// The same with another peer: the folder of its environment and the list of its packages.
    pub fn with_peer(root: &Path, folder: &str, requirements: &str) -> Result<Self> {
        Environment::with(root, Interpreter::with_packages(root, folder, requirements)?)
    }

    fn with(root: &Path, interpreter: Interpreter) -> Result<Self> {
        Ok(Environment { interpreter, opportune: build(root, &["--release", "--package", "opportune"])? })
    }
}

impl Deref for Environment {
    type Target = Interpreter;

    fn deref(&self) -> &Interpreter {
        &self.interpreter
    }
}

impl Interpreter {
    /// Makes the environment with scikit-learn, unless it is there already.
    pub fn prepare(root: &Path) -> Result<Self> {
        Interpreter::with_packages(root, "bench-env", "requirements.txt")
    }

    fn with_packages(root: &Path, folder: &str, requirements: &str) -> Result<Self> {
        let requirements = root.join("xtask/bench").join(requirements);
        Ok(Interpreter::new(root, python_environment(&root.join("target").join(folder), &requirements, &[])?))
    }

    /// One that is there.
    pub fn new(root: &Path, python: PathBuf) -> Self {
        Interpreter { scripts: root.join("xtask/bench"), work: root.join("target/bench"), python }
    }

    /// Path of one of the Python programs.
    pub fn script(&self, name: &str) -> PathBuf {
        self.scripts.join(name)
    }

    /// A folder to put files in, made if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// A folder that is empty now.
    pub fn empty_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder(name)?;
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        self.folder(name)
    }

    /// The processor, its cores as far as this process may use them, the system, and the program's version.
    pub fn describe(&self) -> Result<Value> {
        let cores = std::thread::available_parallelism()?.get();
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        Ok(json!({ "processor": processor(), "cores": cores, "system": system, "program": PROGRAM }))
    }
}

/// The processor's name where Linux tells it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or("processor not known".into(), |(_, name)| name.trim().to_owned())
}

/// The interpreter in `folder`, which is made anew when its list of packages is another one. `more` is given to pip.
pub fn python_environment(folder: &Path, requirements: &Path, more: &[&str]) -> Result<PathBuf> {
    let wanted = std::fs::read_to_string(requirements).with_context(|| requirements.display().to_string())?;
    let python = folder.join("bin/python");
    // Written last, so that an environment left half made is not taken for a whole one.
    let stamp = folder.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    eprintln!("making a Python environment in {}", folder.display());
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))
        .context("this needs Python 3.11 or later with venv, as `python3`")?;
    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
    run(Command::new(&python).args(install).arg(requirements).args(more))?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(python)
}

/// Builds an example in release mode and says where it is.
pub fn example(root: &Path, package: &str, name: &str) -> Result<PathBuf> {
    build(root, &["--release", "--package", package, "--example", name])
}

/// Builds a program, the last of the words, and says where it is.
pub fn build(root: &Path, what: &[&str]) -> Result<PathBuf> {
    eprintln!("building {}", what.last().copied().unwrap_or_default());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let messages = output(
        Command::new(cargo).args(["build", "--message-format", "json-render-diagnostics"]).args(what).current_dir(root),
    )?;
    let executable = messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executable.with_context(|| format!("cargo names no executable of {}", what.join(" ")))
}

/// Runs a command to its end; its output is shown.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", text(command.get_program())))?;
    if !status.success() {
        bail!("{}: {status}", text(command.get_program()));
    }
    Ok(())
}

/// Standard output of a command that must succeed; its standard error is shown.
pub fn output(command: &mut Command) -> Result<String> {
    let name = text(command.get_program());
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{name} prints what is not UTF-8"))
}

fn text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_with_the_same_packages_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let requirements = folder.path().join("wanted.txt");
        std::fs::write(&requirements, "a==1\n").unwrap();
        std::fs::write(folder.path().join("requirements.txt"), "a==1\n").unwrap();
        let python = python_environment(folder.path(), &requirements, &[]).unwrap();
        assert_eq!(python, folder.path().join("bin/python"));
    }

    #[test]
    fn the_version_is_the_programs() {
        let packages = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).unwrap();
        let (_, of_program) = packages.split_once("name = \"opportune\"\n").unwrap();
        let version = of_program.lines().next().unwrap();
        assert_eq!(version, format!("version = \"{}\"", PROGRAM.strip_prefix("opportune ").unwrap()));
    }

    #[test]
    fn what_cannot_start_or_fails_is_named() {
        let error = output(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start no-such-program");
        let error = output(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "sh: exit status: 3");
    }
}
