//! The project's own tasks, run as `cargo xtask TASK`.

mod bench;
mod flags;
mod gallery;
mod golden;
mod python;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  test                every check of the project: cargo test for the whole workspace, the tests of Python, then tidy
  test python         only those of Python: builds the wheel, installs it in target/python-env (a download of 700
                      megabytes the first time) and runs pytest
  tidy                rules that no compiler checks: file length, links, files that nothing declares, leftovers
  gallery             write docs/schedules.md with its pictures, and docs/optimizers.md, from the code
  stub                write _core.pyi, which says what the Rust part of the Python package has, from its signatures
  bench seed          the grid of examples/ against scikit-learn's GridSearchCV: seconds, memory, accuracy
      --data digits|breast_cancer|FILE.csv   rows, the label (integers) in the last column (digits)
      --precision f32|f64                    only this one (both)
      --runs N                               pairs of timed runs (5)
      --quick                                one pair, one seed, and scikit-learn's default way to use the cores
      --out FILE                             write all figures as JSON
  bench mnist         one training on MNIST against scikit-learn's MLPClassifier
      --data DIR                             folder with the four IDX files, plain or .gz
      --runs N                               pairs of timed runs (3)
      --out FILE                             write all figures as JSON
  bench tune          the search that needs no settings against scikit-learn's searches: score, seconds, epochs
      --data DIR                             folder with a folder for each data set
      --only NAME,...                        only these
      --splits N                             random splits of each (10, of large ones 3)
      --time N                               splits of each on which both sides are timed; of the others kept answers do (1)
      --peer-cache DIR                       where kept answers of scikit-learn may lie too
      --out FILE                             write all figures as JSON
  bench trainer       one training step on one core, of a large network on all, beside scikit-learn's, PyTorch's and the processor's peak
      --peers scikit-learn,torch             only these (both; PyTorch is a download of gigabytes, into target/torch-env)
      --runs N                               runs of each (3)
      --out FILE                             write all figures as JSON
  bench scale         how seconds and memory grow with width, depth, rows (to 1,000,000 x 100), trials (to 1,000) and folds,
                      beside scikit-learn's
      --quick                                only the small ones
      --out FILE                             write all figures as JSON
  bench python        the Python package beside scikit-learn: a grid, fits, memory, imports, what a call costs (in the
                      environment of `test python`)
      --data DIR                             folder with the four IDX files of MNIST (left out without)
      --runs N                               pairs of timed runs (3)
      --quick                                one pair, and scikit-learn's default way to use the cores
      --out FILE                             write all figures as JSON
  bench study         what search, engine and store cost, beside Optuna's SQLite storage: trials a second, seconds
      --runs N                               runs of each (3)
      --out FILE                             write all figures as JSON
  bench judging       how a learning rate is best judged after few epochs: the tables of docs/judging.md (no Python)
      --data DIR                             folder with a folder for each data set
      --only NAME,...                        only these
      --splits N                             random splits of each at most (10, of larger ones 3 or 2)
      --kept FILE                            the tables of what --out wrote before
      --out FILE                             write all losses as JSON
  golden schedules    writes the golden values of schedules anew: rates as PyTorch, Keras, optax, transformers, timm and
                      fastai have them (makes its own environment in target/golden-env; a download of one gigabyte)
  golden network      writes the golden values of activations, gradients, clipping and averages anew, from PyTorch
  golden optimizers   writes the golden values of optimizers anew: steps of PyTorch's, Schedule-Free's, Prodigy's and Lion's
                      packages (its environment is target/golden-optimizers-env; a download of three gigabytes)
  golden sklearn      writes the golden values of `opportune_net::sklearn` anew: loss curves of scikit-learn's networks
The other benchmarks need Python 3.11 or later as `python3`; they make their own environment in target/bench-env.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["test"] => test::run(&root()),
        ["test", "python"] => python::test(&root()),
        ["tidy"] => tidy::run(&root()),
        ["gallery"] => gallery::run(&root()),
        ["stub"] => python::write_stub(&root()),
        ["bench", "seed", ..] => bench::seed::run(&root(), &words[2..]),
        ["bench", "mnist", ..] => bench::mnist::run(&root(), &words[2..]),
        ["bench", "python", ..] => bench::python::run(&root(), &words[2..]),
        ["bench", "scale", ..] => bench::scale::run(&root(), &words[2..]),
        ["bench", "study", ..] => bench::study::run(&root(), &words[2..]),
        ["bench", "tune", ..] => bench::tune::run(&root(), &words[2..]),
        ["bench", "trainer", ..] => bench::trainer::run(&root(), &words[2..]),
        ["bench", "judging", ..] => bench::judging::run(&root(), &words[2..]),
        ["golden", "schedules"] => golden::schedules(&root()),
        ["golden", "network"] => golden::network(&root()),
        ["golden", "optimizers"] => golden::optimizers(&root()),
        ["golden", "sklearn"] => golden::sklearn(&root()),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
