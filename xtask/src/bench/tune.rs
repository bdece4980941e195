//! `cargo xtask bench tune`: the search that needs no settings, against scikit-learn with its own searches.
//!
//! Each data set is split at random several times; the split's number is the seed of both sides. What is compared is
//! the score on rows that neither search has seen, the time and the epochs. The full grid takes scikit-learn many
//! minutes on a split, so what it answers is kept, file by file, and only `--time` splits of each data set are timed: on
//! all cores, one side right after the other, on a machine that should have nothing else to do. On the other splits what
//! the grid finds is worked out with each network trained once, which gives the same answer in half the time.

use super::cache::Cache;
use super::environment::{Environment, output};
use super::measure::{Measured, Program, Tried, fastest, measure};
use super::paired::Difference;
use super::table::{Table, mean, median};
use super::{describe_machine, number, write_figures};
use crate::flags::Flags;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The data sets, by the names of their folders, and how often each is split.
const DATA: [(&str, usize); 7] = [
    ("wine", 10),
    ("breast_cancer", 10),
    ("digits", 10),
    ("california_housing", 3),
    ("mnist", 3),
    ("fashion-mnist", 3),
    ("adult", 3),
];

const GRID: &str = "grid";
/// What the grid finds, with each network trained once: where no time is taken.
const SHARED_GRID: &str = "shared_grid";

/// What scikit-learn does, as tune_peer.py calls it, and as the table does. The grid is the first.
const KINDS: [(&str, &str); 4] = [
    (GRID, "GridSearchCV, 18 candidates"),
    ("exhaust", "HalvingGridSearchCV, to 300 epochs"),
    ("halving", "HalvingGridSearchCV, from 10 epochs"),
    ("default", "its defaults, no search"),
];

/// The kind by which it is found out how scikit-learn uses the cores best: a grid would take too long to.
const TRIED: &str = "exhaust";

/// joblib's kinds of workers: processes, which cost a start, or threads, which wait for each other in Python.
const WAYS: [&str; 2] = ["loky", "threading"];

/// Parts of our cost that are the search; what comes after them trains what it chose.
const SEARCH: [&str; 3] = ["/cost/range_test", "/cost/search", "/cost/forks"];
/// The search is to train at most this share of the epochs that the grid does.
const SHARE: f64 = 0.1;

/// The files of one split of a data set.
struct Rows {
    data: &'static str,
    /// Its number, the seed of everything.
    split: usize,
    folder: PathBuf,
    /// What tune_prepare.py tells of them.
    shape: Value,
}

/// What was found out on one split.
struct Split {
    ours: Measured,
    /// In the order of `KINDS`.
    peers: Vec<Peer>,
}

/// One answer of scikit-learn.
struct Peer {
    answer: Value,
    /// Seconds of the whole process, where it was timed beside ours.
    wall: Option<f64>,
}

/// A data set and everything that was found out on it.
struct Outcome {
    name: &'static str,
    /// That of the first split; the others differ in their digests only.
    shape: Value,
    /// How scikit-learn used the cores, and what its ways took where they were tried.
    way: &'static str,
    tried: Vec<Tried>,
    splits: Vec<Split>,
}

/// Runs the benchmark and prints its tables.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--data", "--only", "--splits", "--time", "--peer-cache", "--out"], &[])?;
    let data = flags.text("--data").context("--data is missing: give the folder that holds the data sets' folders")?;
    let data = std::path::absolute(data)?;
    let chosen = chosen(flags.text("--only"), flags.text("--splits").map(|_| flags.count("--splits", 1)).transpose()?)?;
    let timed = flags.count("--time", 1)?;
    if let Some((name, _)) = chosen.iter().find(|(name, _)| !data.join(name).is_dir()) {
        bail!("{}: there is no folder {name}; leave it out with --only", data.display());
    }
    let environment = Environment::prepare(root)?;
    let cache = Cache {
        own: environment.folder("tune/results")?,
        other: flags.text("--peer-cache").map(std::path::absolute).transpose()?,
    };
    let machine = environment.describe()?;
    let mut results = Vec::new();
    for (name, count) in chosen {
        let outcome = compare(&environment, &cache, &data, name, count, timed)?;
        let versions = &outcome.splits[0].peers[0].answer["versions"];
        if results.is_empty() {
            println!("{}", describe_machine(&machine, versions));
        }
        print!("\n{}", outcome.text()?);
        results.push(outcome.figures()?);
    }
    write_figures(flags.text("--out"), &json!({ "benchmark": "tune", "machine": machine, "results": results }))
}

/// The data sets that `only` names, or all, and how often each is split.
fn chosen(only: Option<&str>, splits: Option<usize>) -> Result<Vec<(&'static str, usize)>> {
    let names: Vec<&str> = only.map_or_else(|| DATA.map(|(name, _)| name).to_vec(), |only| only.split(',').collect());
    let find = |name: &str| {
        let found = DATA.iter().find(|(known, _)| *known == name);
        let &(name, count) = found.with_context(|| {
            format!("--only {name}: not one of the data sets, {}", DATA.map(|(name, _)| name).join(", "))
        })?;
        Ok((name, splits.unwrap_or(count)))
    };
    names.into_iter().map(find).collect()
}

/// Both sides on all splits of one data set.
fn compare(
    environment: &Environment,
    cache: &Cache,
    data: &Path,
    name: &'static str,
    count: usize,
    timed: usize,
) -> Result<Outcome> {
    let rows: Vec<Rows> =
        (0..count).map(|split| prepare(environment, &data.join(name), name, split)).collect::<Result<_>>()?;
    eprintln!("{name}: how scikit-learn uses the cores best");
    let (way, tried) = fastest(environment, &WAYS.map(|way| theirs(environment, &rows[0], TRIED, way)))?;
    let way = WAYS[way];
    let mut splits = Vec::new();
    for rows in &rows {
        eprintln!("{name}, split {} of {count}", rows.split + 1);
        let ours = measure(environment, &ours(environment, rows)?, false)?;
        let mut peers = Vec::new();
        for (kind, _) in KINDS {
            let known = cache.find(&rows.name(), kind, &rows.shape)?.filter(|_| rows.split >= timed);
            peers.push(match known {
                Some(answer) => Peer { answer, wall: None },
                None => {
                    let asked = if rows.split >= timed && kind == GRID { SHARED_GRID } else { kind };
                    let run = measure(environment, &theirs(environment, rows, asked, way), false)?;
                    cache.keep(&rows.name(), kind, &run.answer)?;
                    Peer { answer: run.answer, wall: (rows.split < timed).then_some(run.wall) }
                }
            });
        }
        splits.push(Split { ours, peers });
    }
    Ok(Outcome { name, shape: rows[0].shape.clone(), way, tried, splits })
}

/// Writes the rows of one split.
fn prepare(environment: &Environment, source: &Path, name: &'static str, split: usize) -> Result<Rows> {
    let folder = environment.folder(&format!("tune/{name}/{split}"))?;
    let mut command = Command::new(&environment.python);
    command.arg(environment.script("tune_prepare.py")).args([source, &folder]).arg(split.to_string());
    let shape = serde_json::from_str(&output(&mut command)?).context("tune_prepare.py prints no JSON")?;
    Ok(Rows { data: name, split, folder, shape })
}

fn ours(environment: &Environment, rows: &Rows) -> Result<Program> {
    let task = rows.shape["task"].as_str().context("tune_prepare.py names no task")?;
    Ok(Program::new("opportune", [&environment.opportune])
        .with(["tune".into(), rows.folder.join("train.csv")])
        .with(["--test".into(), rows.folder.join("test.csv")])
        .with(["--task", task, "--json", "--seed", &rows.split.to_string()]))
}

/// As many fits at a time as there are cores, each on one core; joblib sees to that in processes, not in threads.
fn theirs(environment: &Environment, rows: &Rows, kind: &str, way: &'static str) -> Program {
    let program = Program::new(format!("scikit-learn, {kind}, {way}"), [&environment.python])
        .with([environment.script("tune_peer.py"), rows.folder.clone()])
        .with(["--what", kind, "--seed", &rows.split.to_string(), "--jobs", "-1", "--workers", way]);
    match way {
        "threading" => program.variable("OMP_NUM_THREADS", "1").variable("OPENBLAS_NUM_THREADS", "1"),
        _ => program,
    }
}

impl Rows {
    /// The name that answers on them are kept under.
    fn name(&self) -> String {
        format!("{}-{}", self.data, self.split)
    }
}

impl Split {
    /// Epochs of our search alone.
    fn search(&self) -> Result<f64> {
        SEARCH.iter().map(|part| number(&self.ours.answer, part)).sum()
    }

    /// Epochs of the grid without its last training, on all rows.
    fn grid(&self) -> Result<f64> {
        let answer = &self.peers[0].answer;
        Ok(number(answer, "/epochs_trained")? - number(answer, "/epochs_refit")?)
    }
}

impl Outcome {
    fn score(&self) -> &'static str {
        if self.shape["task"] == "regression" { "r2" } else { "accuracy" }
    }

    /// A number of our answers, split by split.
    fn ours(&self, pointer: &str) -> Result<Vec<f64>> {
        self.splits.iter().map(|split| number(&split.ours.answer, pointer)).collect()
    }

    /// A number of scikit-learn's answers of one kind, split by split.
    fn theirs(&self, kind: usize, pointer: &str) -> Result<Vec<f64>> {
        self.splits.iter().map(|split| number(&split.peers[kind].answer, pointer)).collect()
    }

    /// Our seconds and theirs, split by split as far as they were timed.
    fn walls(&self, kind: usize) -> Vec<(f64, f64)> {
        self.splits.iter().filter_map(|split| Some((split.ours.wall, split.peers[kind].wall?))).collect()
    }

    fn difference(&self, kind: usize) -> Result<Difference> {
        let ours = self.ours(&format!("/test/{}", self.score()))?;
        Ok(Difference::of(ours.into_iter().zip(self.theirs(kind, "/test")?)))
    }

    /// Epochs of our search as a share of the grid's: over all splits, and where it is largest.
    fn shares(&self) -> Result<(f64, f64)> {
        let (mut search, mut grid, mut most) = (0.0, 0.0, 0f64);
        for split in &self.splits {
            search += split.search()?;
            grid += split.grid()?;
            most = most.max(split.search()? / split.grid()?);
        }
        Ok((search / grid, most))
    }

    fn text(&self) -> Result<String> {
        let epochs = mean(&self.ours("/cost/epochs_trained")?);
        let title = format!("test {}", self.score());
        let mut table =
            Table::new(["", &title, "ours less theirs, 95 %", "seconds", "faster by", "epochs", "ours of them"]);
        table.row([
            "opportune".into(),
            format!("{:.4}", mean(&self.ours(&format!("/test/{}", self.score()))?)),
            String::new(),
            format!("{:.2}", median(self.walls(0).iter().map(|(ours, _)| *ours))),
            String::new(),
            format!("{epochs:.0}"),
            String::new(),
        ]);
        for (kind, (_, label)) in KINDS.iter().enumerate() {
            let their_epochs = mean(&self.theirs(kind, "/epochs_trained")?);
            table.row([
                (*label).to_owned(),
                format!("{:.4}", mean(&self.theirs(kind, "/test")?)),
                self.difference(kind)?.to_string(),
                format!("{:.2}", median(self.walls(kind).iter().map(|(_, theirs)| *theirs))),
                format!("{:.1}x", median(self.walls(kind).iter().map(|(ours, theirs)| theirs / ours))),
                format!("{their_epochs:.0}"),
                format!("{:.1}%", epochs / their_epochs * 100.0),
            ]);
        }
        let (share, most) = self.shares()?;
        let verdict = if share > SHARE { "; MORE THAN A TENTH" } else { "" };
        let times: Vec<String> = self.tried.iter().map(|(way, seconds)| format!("{way}: {seconds:.1} s")).collect();
        Ok(format!(
            "{}\n{table}  scikit-learn's workers: {} ({})\n  \
             our search alone, without confirmation and last training: {:.1}% of the grid's epochs without its last \
             training (most in one split: {:.1}%){verdict}\n",
            self.describe(),
            self.way,
            times.join("; "),
            share * 100.0,
            most * 100.0,
        ))
    }

    fn describe(&self) -> String {
        let count = |name: &str| &self.shape[name];
        let classes = count("classes").as_u64().map_or(String::new(), |classes| format!(", {classes} classes"));
        format!(
            "{}: {} rows to train on, {} to test, {} columns{classes}; {} splits, {} of them timed",
            self.name,
            count("train_rows"),
            count("test_rows"),
            count("columns"),
            self.splits.len(),
            self.walls(0).len(),
        )
    }

    /// As it is written with `--out`.
    fn figures(&self) -> Result<Value> {
        let splits = self.splits.iter().map(|split| {
            let peers = KINDS.iter().zip(&split.peers);
            let peers = peers
                .map(|((kind, _), peer)| ((*kind).to_owned(), json!({ "seconds": peer.wall, "answer": peer.answer })));
            json!({ "opportune": split.ours.figures(), "scikit-learn": peers.collect::<Map<_, _>>() })
        });
        let difference = self.difference(0)?;
        let (share, most) = self.shares()?;
        let tried = self.tried.iter().map(|(way, seconds)| json!({ "way": way, "seconds": seconds }));
        Ok(json!({
            "data": self.name, "shape": self.shape, "scikit_learn_way": self.way,
            "ways_tried": tried.collect::<Vec<_>>(),
            "splits": splits.collect::<Vec<_>>(),
            "difference_to_grid": difference.mean, "margin": difference.margin,
            "ratio": median(self.walls(0).iter().map(|(ours, theirs)| theirs / ours)),
            "search_share": share, "largest_search_share": most,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(search: u32) -> Outcome {
        let split = |ours: f64, theirs: f64, wall: Option<f64>| Split {
            ours: Measured {
                wall: 2.0,
                cpu: 2.0,
                peak: None,
                answer: json!({ "test": { "accuracy": ours }, "cost": { "epochs_trained": search + 150,
                    "range_test": 10, "search": search - 30, "forks": 20, "confirmation": 100, "refit": 50 } }),
            },
            peers: KINDS
                .map(|_| {
                    let answer = json!({ "test": theirs, "epochs_trained": 10_200, "epochs_refit": 200 });
                    Peer { answer, wall }
                })
                .into(),
        };
        let shape = json!({ "task": "classification", "train_rows": 80, "test_rows": 20, "columns": 4, "classes": 3 });
        Outcome {
            name: "iris",
            shape,
            way: "loky",
            tried: vec![("a way".into(), 1.25)],
            splits: vec![split(0.97, 0.95, Some(30.0)), split(0.95, 0.95, None)],
        }
    }

    #[test]
    fn the_table_tells_all() {
        let text = outcome(850).text().unwrap();
        for part in [
            "iris: 80 rows to train on, 20 to test, 4 columns, 3 classes; 2 splits, 1 of them timed",
            "0.9600",
            "+0.0100 (-0.1171 to +0.1371)",
            "15.0x",
            "10200",
            "9.8%",
            "workers: loky (a way: 1.2 s)",
            "8.5% of the grid's epochs without its last training (most in one split: 8.5%)\n",
        ] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }

    #[test]
    fn a_search_that_trains_too_much_is_shown_up() {
        assert!(outcome(1001).text().unwrap().ends_with("(most in one split: 10.0%); MORE THAN A TENTH\n"));
        assert!(!outcome(1000).text().unwrap().contains("MORE"));
    }

    #[test]
    fn figures_hold_everything() {
        let figures = outcome(850).figures().unwrap();
        assert_eq!(figures["splits"][0]["scikit-learn"]["default"]["seconds"], 30.0);
        assert_eq!((&figures["ratio"], &figures["search_share"]), (&json!(15.0), &json!(0.085)));
    }

    #[test]
    fn data_sets_are_chosen_by_name() {
        assert_eq!(chosen(None, None).unwrap(), DATA);
        assert_eq!(chosen(Some("adult,wine"), None).unwrap(), [("adult", 3), ("wine", 10)]);
        assert_eq!(chosen(Some("wine"), Some(2)).unwrap(), [("wine", 2)]);
        assert!(chosen(Some("wine,iris"), None).unwrap_err().to_string().starts_with("--only iris: not one of"));
    }
}
