//! `cargo xtask bench scale`: how seconds and memory grow with width, depth, rows, trials and folds, beside scikit-learn's.
//!
//! Width and depth are steps of one network on one core, measured as `bench trainer` measures them. The others are whole
//! processes that read a file: once with their memory watched, then once for the time.

use super::environment::{Environment, example, run as run_command};
use super::measure::{Measured, Program, measure};
use super::table::{Ratio, Table};
use super::{describe_machine, number, write_figures};
use crate::flags::Flags;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const SIDES: [&str; 2] = ["opportune", "scikit-learn"];
const COLUMNS: usize = 100;
/// Epochs of a single training; of each trial of a search.
const FIT_EPOCHS: usize = 2;
const SEARCH_EPOCHS: usize = 5;
/// Hidden layers of the networks whose steps are timed: a wide one, a deep one.
const WIDTHS: [usize; 6] = [16, 32, 64, 128, 256, 512];
const DEPTHS: [usize; 5] = [1, 2, 4, 8, 16];

/// One job for both sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Work {
    rows: usize,
    /// Learning rates and folds; one training on all rows if there are none.
    search: Option<(usize, usize)>,
    epochs: usize,
}

/// What grows in a table, and its lines.
struct Axis {
    title: String,
    name: &'static str,
    works: Vec<Work>,
    value: fn(&Work) -> usize,
}

/// A job with what each side took: with its memory watched, and timed.
struct Line {
    work: Work,
    sides: [[Measured; 2]; 2],
}

/// Runs the benchmark and prints its tables.
pub fn run(root: &Path, words: &[&str]) -> Result<()> {
    let flags = Flags::parse(words, &["--out"], &["--quick"])?;
    let environment = Environment::prepare(root)?;
    let steps = steps(&environment, &example(root, "opportune-net", "step_time")?)?;
    let mut tables = Vec::new();
    for axis in axes(flags.has("--quick")) {
        eprintln!("{}", axis.title);
        let lines = axis.works.iter().map(|work| line(&environment, *work)).collect::<Result<Vec<Line>>>()?;
        tables.push((axis, lines));
    }
    let machine = environment.describe()?;
    let versions = steps[1]["versions"].clone();
    println!("{}", describe_machine(&machine, &versions));
    print!("{}", steps_text(&steps)?);
    for (axis, lines) in &tables {
        print!("\n{}", text(axis, lines));
    }
    let results: Vec<Value> = tables.iter().map(|(axis, lines)| figures(axis, lines)).collect();
    let figures = json!({
        "benchmark": "scale", "machine": machine, "versions": versions, "steps": steps, "tables": results,
    });
    write_figures(flags.text("--out"), &figures)
}

fn axes(quick: bool) -> Vec<Axis> {
    let rows = |rows| Work { rows, search: None, epochs: FIT_EPOCHS };
    let search = |rows, trials, folds, epochs| Work { rows, search: Some((trials, folds)), epochs };
    let most = |all: &[usize], count: usize| all[..if quick { count } else { all.len() }].to_vec();
    let large = if quick { 10_000 } else { 100_000 };
    let mut axes = vec![
        Axis {
            title: format!("rows of {COLUMNS} columns: one network of 100 units, {FIT_EPOCHS} epochs"),
            name: "rows",
            works: most(&[1_000, 10_000, 100_000, 1_000_000], 2).into_iter().map(rows).collect(),
            value: |work| work.rows,
        },
        Axis {
            title: format!("trials: learning rates on 5 folds of 2,000 x {COLUMNS}, {SEARCH_EPOCHS} epochs each"),
            name: "trials",
            works: most(&[1, 10, 100, 1_000], 2)
                .into_iter()
                .map(|trials| search(2_000, trials, 5, SEARCH_EPOCHS))
                .collect(),
            value: |work| work.search.map_or(0, |(trials, _)| trials),
        },
        Axis {
            title: format!("folds of {large} x {COLUMNS}: one learning rate, {FIT_EPOCHS} epochs"),
            name: "folds",
            works: most(&[2, 5, 10, 20], 2).into_iter().map(|folds| search(large, 1, folds, FIT_EPOCHS)).collect(),
            value: |work| work.search.map_or(0, |(_, folds)| folds),
        },
    ];
    if !quick {
        axes.push(Axis {
            title: format!("all at once: trials on 5 folds of 1,000,000 x {COLUMNS}, 1 epoch"),
            name: "trials",
            works: vec![search(1_000_000, 4, 5, 1)],
            value: |work| work.search.map_or(0, |(trials, _)| trials),
        });
    }
    axes
}

/// The networks whose steps are timed: first ever wider ones, then ever deeper ones.
fn networks() -> Vec<String> {
    let wide = WIDTHS.iter().map(|width| format!("{COLUMNS}-{width}-10"));
    wide.chain(DEPTHS.iter().map(|depth| format!("{COLUMNS}{}-10", "-50".repeat(*depth)))).collect()
}

/// A network for people: many equal layers are counted.
fn label(network: &str) -> String {
    match network.matches("-50").count() {
        0 | 1 => network.into(),
        depth => format!("{COLUMNS}-50 x {depth}-10"),
    }
}

/// Seconds of a step as both sides print them.
fn steps(environment: &Environment, step_time: &Path) -> Result<[Value; 2]> {
    let ours = Program::new(SIDES[0], [step_time]).with(["--json"]);
    let peer = environment.script("trainer_peer.py");
    let theirs = Program::new(SIDES[1], [&environment.python]).with([peer]).with([SIDES[1]]);
    let answer =
        |program: Program| measure(environment, &program.with(networks()), false).map(|measured| measured.answer);
    Ok([answer(ours)?, answer(theirs)?])
}

fn steps_text(steps: &[Value; 2]) -> Result<String> {
    let mut table =
        Table::new(["network, batches of 200", "floor", "opportune", "of the peak", "scikit-learn", "ratio"]);
    for network in networks() {
        let [ours, theirs] = [0, 1].map(|side: usize| number(&steps[side], &format!("/steps/f32/{network}")));
        let (ours, theirs) = (ours?, theirs?);
        let floor = number(&steps[0], &format!("/floors/f32/{network}"))?;
        table.row([
            label(&network),
            format!("{:.1} µs", floor * 1e6),
            format!("{:.1} µs", ours * 1e6),
            format!("{:.0} %", 100.0 * floor / ours),
            format!("{:.1} µs", theirs * 1e6),
            format!("{:.1}x", theirs / ours),
        ]);
    }
    let peak = number(&steps[0], "/peak/f32")?;
    Ok(format!("one step on one core in 32 bits, peak {:.0} GFLOP/s\n{table}", peak / 1e9))
}

/// The file of so many rows, written when it is first asked for.
fn data(environment: &Environment, rows: usize) -> Result<PathBuf> {
    let file = environment.folder("scale")?.join(format!("{rows}x{COLUMNS}.npz"));
    if !file.is_file() {
        let part = file.with_extension("part.npz");
        let mut command = Command::new(&environment.python);
        let command = command.arg(environment.script("scale.py")).arg("write").arg(&part);
        run_command(command.args([rows.to_string(), COLUMNS.to_string()]))?;
        std::fs::rename(&part, &file).with_context(|| file.display().to_string())?;
    }
    Ok(file)
}

fn ours(environment: &Environment, file: &Path, work: Work) -> Program {
    let program = Program::new(SIDES[0], [&environment.opportune]);
    let program = match work.search {
        None => program.with(["fit".into(), file.to_path_buf()]),
        Some((trials, folds)) => program.with(["tune".into(), file.to_path_buf()]).with([
            "--strategy".into(),
            "grid".into(),
            "--folds".into(),
            folds.to_string(),
            "--lr".into(),
            rates(trials),
        ]),
    };
    let program = program.with(["--epochs".into(), work.epochs.to_string()]);
    program.with("--task classification --hidden 100 --batch 200 --fresh --json".split(' '))
}

/// So many learning rates, evenly spaced in their logarithms.
fn rates(count: usize) -> String {
    let rate = |place: usize| 1e-4 * 100f64.powf(place as f64 / (count - 1).max(1) as f64);
    (0..count).map(|place| format!("{:e}", rate(place))).collect::<Vec<_>>().join(",")
}

fn theirs(environment: &Environment, file: &Path, work: Work) -> Program {
    let program = Program::new(SIDES[1], [&environment.python]).with([environment.script("scale.py")]);
    match work.search {
        None => program.with(["fit".into(), file.to_path_buf()]),
        Some((trials, folds)) => {
            program.with(["search".into(), file.to_path_buf()]).with([trials.to_string(), folds.to_string()])
        }
    }
    .with([work.epochs.to_string()])
}

fn line(environment: &Environment, work: Work) -> Result<Line> {
    let file = data(environment, work.rows)?;
    let both = |program| -> Result<[Measured; 2]> {
        Ok([measure(environment, &program, true)?, measure(environment, &program, false)?])
    };
    Ok(Line { work, sides: [both(ours(environment, &file, work))?, both(theirs(environment, &file, work))?] })
}

/// Rows that networks learnt from, over all epochs, folds and trials, and in the last training on all.
fn trained(work: &Work) -> f64 {
    let searched = work.search.map_or(0.0, |(trials, folds)| (trials * (folds - 1)) as f64);
    work.rows as f64 * work.epochs as f64 * (1.0 + searched)
}

fn text(axis: &Axis, lines: &[Line]) -> String {
    let mut table = Table::new([
        axis.name,
        "data MiB",
        "seconds",
        "µs a row learnt",
        "peak MiB",
        "scikit-learn",
        "µs a row learnt",
        "peak MiB",
        "ratio",
    ]);
    for Line { work, sides } in lines {
        let cells = |side: usize| -> [String; 3] {
            let [watched, timed] = &sides[side];
            [
                format!("{:.2}", timed.wall),
                format!("{:.2}", timed.wall * 1e6 / trained(work)),
                watched.peak.map_or("not known".into(), |peak| format!("{peak:.0}")),
            ]
        };
        let ([seconds, each, peak], [their_seconds, their_each, their_peak]) = (cells(0), cells(1));
        let ratio = Ratio::of(&sides[0][1..], &sides[1][1..]).median();
        table.row([
            (axis.value)(work).to_string(),
            format!("{:.1}", (work.rows * COLUMNS * 4) as f64 / f64::from(1 << 20)),
            seconds,
            each,
            peak,
            their_seconds,
            their_each,
            their_peak,
            format!("{ratio:.1}x"),
        ]);
    }
    format!("{}\n{table}", axis.title)
}

fn figures(axis: &Axis, lines: &[Line]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|Line { work, sides }| {
            let sides: Vec<Value> = sides
                .iter()
                .zip(SIDES)
                .map(|([watched, timed], name)| {
                    json!({ "program": name, "watched": watched.figures(), "timed": timed.figures() })
                })
                .collect();
            json!({ axis.name: (axis.value)(work), "rows": work.rows, "epochs": work.epochs, "sides": sides })
        })
        .collect();
    json!({ "title": axis.title, "lines": lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_learnt_are_counted() {
        let single = Work { rows: 1_000, search: None, epochs: 2 };
        assert_eq!(trained(&single), 2_000.0);
        // Three rates on four fifths of the rows, five times, and the best on all of them.
        assert_eq!(trained(&Work { search: Some((3, 5)), ..single }), 2_000.0 * 13.0);
    }

    #[test]
    fn rates_are_spread_from_end_to_end() {
        assert_eq!((rates(1).as_str(), rates(3).as_str()), ("1e-4", "1e-4,1e-3,1e-2"));
        assert_eq!(rates(1_000).split(',').collect::<std::collections::BTreeSet<_>>().len(), 1_000);
    }

    #[test]
    fn a_table_has_both_sides() {
        let run = |wall: f64, peak: Option<f64>| Measured { wall, cpu: wall, peak, answer: Value::Null };
        let axis = axes(true).remove(0);
        // With its memory watched, which takes time that does not count, and timed.
        let side = |wall: f64, peak: Option<f64>| [run(9.0, peak), run(wall, None)];
        let sides = [side(1.0, Some(50.0)), side(4.0, Some(500.0))];
        let unknown = [side(2.0, None), side(1.0, Some(500.0))];
        let lines = [Line { work: axis.works[0], sides }, Line { work: axis.works[1], sides: unknown }];
        let text = text(&axis, &lines);
        let cells = |line: usize| text.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(cells(2), ["1000", "0.4", "1.00", "500.00", "50", "4.00", "2000.00", "500", "4.0x"]);
        assert_eq!(cells(3), ["10000", "3.8", "2.00", "100.00", "not", "known", "1.00", "50.00", "500", "0.5x"]);
    }
}
