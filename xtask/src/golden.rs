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

/// Activations, gradients, clipping and averages, from PyTorch; in the environment of the optimizers.
pub fn network(root: &Path) -> Result<()> {
    let requirements = root.join("xtask/golden/optimizers/requirements.txt");
    let python = python_environment(&root.join("target/golden-optimizers-env"), &requirements, &[])?;
    run(Command::new(python).arg(root.join("xtask/golden/network.py")))
}

/// Steps of optimizers, from PyTorch and from the packages of those that it lacks.
pub fn optimizers(root: &Path) -> Result<()> {
    let scripts = root.join("xtask/golden/optimizers");
    let python =
        python_environment(&root.join("target/golden-optimizers-env"), &scripts.join("requirements.txt"), &[])?;
    run(Command::new(python).arg(scripts.join("optimizers.py")))
}

/// Loss curves of scikit-learn's networks, and two of its data sets.
pub fn sklearn(root: &Path) -> Result<()> {
    let scripts = root.join("xtask/golden/sklearn");
    let python = python_environment(&root.join("target/golden-sklearn-env"), &scripts.join("requirements.txt"), &[])?;
    run(Command::new(python).arg(scripts.join("curves.py")))
}
