//! Studies that are interrupted, killed and continued: the same bits as one never interrupted, and no epoch trained
//! twice in secret. What was really executed is counted by `--trace`, a line for every epoch, across processes.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Of epochs executed before a kill, only those of this long before it may be executed again: the promise of two
/// seconds, and one more for a busy machine.
const REPEATED: Duration = Duration::from_secs(3);

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/digits.csv");
        fs::copy(data, folder.path().join("digits.csv")).unwrap();
        Place(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opportune"));
        command.current_dir(self.0.path()).args(line.split_whitespace());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Started with its output thrown away, so that no full pipe stops it.
    fn start(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Every epoch begun so far, and whether it was finished: where, of what, under which rate, which one, how many
    /// steps. A line that is being written is not there yet.
    fn begun(&self) -> Vec<(String, u64, bool)> {
        let text = fs::read_to_string(self.path("trace")).unwrap_or_default();
        let line = |line: &str| {
            let one: serde_json::Value = serde_json::from_str(line).ok()?;
            let name = format!("{} {} {} {}", one["part"], one["network"], one["rate"], one["epoch"]);
            Some((name, one["steps"].as_u64()?, one["whole"].as_bool()?))
        };
        text.lines().filter_map(line).collect()
    }

    fn executed(&self) -> Vec<(String, u64)> {
        self.begun().into_iter().filter(|(_, _, whole)| *whole).map(|(name, steps, _)| (name, steps)).collect()
    }

    fn steps(&self) -> u64 {
        self.executed().iter().map(|(_, steps)| steps).sum()
    }

    /// Steps of epochs that an interruption broke off; only these may be executed again.
    fn steps_broken_off(&self) -> u64 {
        self.begun().iter().filter(|(_, _, whole)| !whole).map(|(_, steps, _)| steps).sum()
    }

    fn repeated(&self) -> Vec<String> {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for (name, _) in self.executed() {
            *counts.entry(name).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
    }

    /// What a search leaves: its table and the weights of its model.
    fn results(&self, name: &str) -> (String, Vec<u8>) {
        let folder = self.path("opportune-out").join(name);
        (fs::read_to_string(folder.join("trials.csv")).unwrap(), weights(&folder.join("model.safetensors")))
    }
}

/// The numbers of a safetensors file, behind its header.
fn weights(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

/// The last event of a run that must have gone well.
fn ok(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}{text}", String::from_utf8_lossy(&output.stderr));
    text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default()
}

/// Waits until so many epochs have been executed.
fn wait_for(place: &Place, epochs: usize, child: &mut Child) {
    let began = Instant::now();
    while place.executed().len() < epochs {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is trained");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

const GRID: &str = "tune digits.csv --strategy grid --hidden 30 --hidden 20,20 --lr 0.01,0.001 --epochs 12,24,36 \
                    --folds 3 --test 0.2 --tol 1e-4 --quiet --trace trace";
/// Rows of a fold's training over the batch, rounded up; and of the final model's.
const STEPS: (u64, u64) = (5, 8);

#[test]
fn the_steps_executed_are_those_of_the_tree_of_stages() {
    let shared = Place::new();
    let event = ok(&shared.run(&format!("{GRID} --json")));
    let cost = |event: &Value, name: &str| event["cost"][name].as_u64().unwrap();
    let all_rows = |event: &Value| cost(event, "refit") + cost(event, "overtaken");
    let search = cost(&event, "search");
    assert_eq!(shared.steps(), search * STEPS.0 + all_rows(&event) * STEPS.1);
    assert_eq!(shared.repeated(), Vec::<String>::new());
    // Two networks, two rates, three folds: one run of at most 36 epochs each.
    assert!(search <= 2 * 2 * 3 * 36, "{search}");
    let alone = Place::new();
    let event = ok(&alone.run(&format!("{GRID} --json --no-share")));
    let apart = cost(&event, "search");
    assert_eq!(alone.steps(), apart * STEPS.0 + all_rows(&event) * STEPS.1);
    assert!(apart > search + search / 2, "{apart} {search}");
    assert_eq!(alone.results("digits"), shared.results("digits"));
    // A finished study is only read.
    let before = shared.steps();
    ok(&shared.run(GRID));
    assert_eq!(shared.steps(), before);
}

#[test]
fn one_thread_and_many_give_the_same_bits() {
    let (one, many) = (Place::new(), Place::new());
    ok(&one.run(&format!("{GRID} --threads 1")));
    ok(&many.run(&format!("{GRID} --threads 3")));
    assert_eq!(one.results("digits"), many.results("digits"));
}

#[test]
fn ctrl_c_saves_everything_and_the_same_command_goes_on() {
    // A model of settings that were overtaken is begun or not as the cores happen to be free.
    let asked_for = |place: &Place, flags: &str| {
        let event = ok(&place.run(&format!("{GRID} --json {flags}")));
        place.steps() - event["cost"]["overtaken"].as_u64().unwrap() * STEPS.1
    };
    let whole = Place::new();
    let steps = asked_for(&whole, "--threads 2");
    let place = Place::new();
    for epochs in [1, 30, 30] {
        // More than there were: before it trains, a program does not listen to Ctrl-C yet.
        let before = place.executed().len();
        let mut child = place.command(&format!("{GRID} --threads 2")).spawn().unwrap();
        wait_for(&place, before + epochs, &mut child);
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("to go on:") && said.contains("tune digits.csv --strategy grid"), "{said}");
    }
    assert_eq!((asked_for(&place, ""), whole.steps_broken_off()), (steps, 0));
    assert_eq!(place.results("digits"), whole.results("digits"));
    assert_eq!(place.repeated(), Vec::<String>::new(), "no finished epoch is trained again after an orderly end");
    // Three interruptions of two runs at the most, each in the middle of an epoch.
    assert!(place.steps_broken_off() <= 3 * 2 * STEPS.1, "{}", place.steps_broken_off());
}

#[test]
fn a_fit_goes_on_bit_for_bit_with_patience_momentum_and_folds() {
    for flags in [
        "--schedule cyclic(base=1e-4,max=1e-2,up=7,down=5,momentum=0.8..0.9) --validation 0.2 --patience 200",
        "--schedule sequence(linear(from=0,to=1,over=10),cosine()) --folds 3 --patience 200 --optimizer adamw",
        "--optimizer sgd(momentum=0.9,nesterov=true) --lr 0.01 --precision f64",
    ] {
        let line = format!("fit digits.csv --epochs 120 --hidden 60 --quiet --trace trace {flags}");
        let whole = Place::new();
        ok(&whole.run(&line));
        let place = Place::new();
        let mut child = place.start(&line);
        wait_for(&place, 25, &mut child);
        interrupt(&child);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        ok(&place.run(&line));
        assert_eq!(place.results("digits-fit"), whole.results("digits-fit"), "{flags}");
        assert_eq!(place.steps(), whole.steps(), "{flags}");
    }
}

/// What all of the work takes at least where processes are killed in it, other tests beside it.
const LASTS: Duration = Duration::from_secs(12);

/// Killed at moments that differ, most of them after enough work that something must have been saved.
#[test]
fn kill_9_loses_no_study_and_repeats_little() {
    let line = |times: u32| {
        format!(
            "tune digits.csv --strategy grid --hidden 250,250 --hidden 300 --lr 0.003,0.001 --epochs {},{} \
             --folds 3 --quiet --trace trace --threads 2",
            60 * times,
            120 * times
        )
    };
    let whole = Place::new();
    let begun = Instant::now();
    ok(&whole.run(&line(1)));
    // So many times the work that it is still going on at most of these moments, however fast the machine is.
    let times = (LASTS.as_secs_f64() / begun.elapsed().as_secs_f64()).ceil().clamp(1.0, 32.0) as u32;
    let line = &line(times);
    let whole = if times == 1 { whole } else { Place::new() };
    ok(&whole.run(line));
    let place = Place::new();
    // Epochs that were executed so long before a kill that they must have been saved, and where the next process began.
    let mut safe: Vec<(Vec<String>, usize)> = Vec::new();
    for moment_ms in [4000, 50, 700, 4500, 1500] {
        let mut child = place.start(line);
        let (began, first) = (Instant::now(), place.executed().len());
        let mut seen = vec![(Duration::ZERO, first)];
        while began.elapsed() < Duration::from_millis(moment_ms) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(20));
            seen.push((began.elapsed(), place.executed().len()));
        }
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        let end = began.elapsed();
        child.wait().unwrap();
        let executed = place.executed();
        let until = seen.iter().rev().find(|(at, _)| *at + REPEATED <= end).map_or(first, |(_, count)| *count);
        safe.push((executed[first..until].iter().map(|(name, _)| name.clone()).collect(), executed.len()));
    }
    assert!(safe.iter().any(|(names, _)| !names.is_empty()), "too fast for this test: nothing was long enough in work");
    ok(&place.run(line));
    assert_eq!(place.results("digits"), whole.results("digits"));
    let executed = place.executed();
    for (names, next) in &safe {
        let again: Vec<&String> =
            executed[*next..].iter().map(|(name, _)| name).filter(|name| names.contains(name)).collect();
        assert!(again.is_empty(), "executed again, though long saved: {again:?}");
    }
    assert!(executed.len() > whole.executed().len(), "kills repeat something, or the trace does not count");
    assert!(executed.len() < 2 * whole.executed().len());
}

/// Damaged saved states are found by their checksums and passed over.
#[test]
fn damaged_states_are_said_and_trained_again() {
    let place = Place::new();
    let line = "fit digits.csv --epochs 20 --hidden 20 --validation 0.2 --quiet --trace trace";
    ok(&place.run(line));
    let mut damaged = 0;
    for folder in fs::read_dir(place.path("opportune.db-states")).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "state") {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(&path, bytes).unwrap();
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0);
    let before = place.results("digits-fit");
    let output = place.run(line);
    ok(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing or damaged"));
    assert_eq!(place.results("digits-fit"), before);
    assert_eq!(place.executed().len(), 40, "trained again from the start");
}
