//! Searches that are interrupted and killed at any moment, and go on: the same bytes as one never interrupted.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Begun, Place, repeated};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs at the same time.
const THREADS: u64 = 2;

fn command(place: &Place, line: &str) -> Command {
    let mut command = Command::new(common::PROGRAM);
    command.current_dir(place.folder()).args(line.split_whitespace()).stdin(Stdio::null());
    command
}

/// The files that are the same bytes whenever the search is.
fn files(place: &Place) -> [Vec<u8>; 3] {
    ["model.safetensors", "best.toml", "trials.csv"].map(|name| place.bytes(&format!("opportune-out/digits/{name}")))
}

/// What an epoch is of, in the order in which a search comes to it: its folds, the confirmation, the final model.
fn phase(one: &Begun) -> usize {
    match one.part.as_str() {
        "all rows" => 2,
        part if part.ends_with("confirmation") => 1,
        _ => 0,
    }
}

/// What a step of a search ended with is saved before the next one begins, so no process ever goes back behind it. The final
/// model is begun beside the last runs of the step before.
fn never_goes_back(begun: &[Begun]) {
    let searched = begun.iter().rposition(|one| phase(one) == 0).unwrap();
    let confirmed = begun.iter().any(|one| phase(one) == 1);
    assert!(!confirmed || begun[..searched].iter().all(|one| phase(one) < 2), "a final model before the confirmation");
    let steps: Vec<&Begun> = begun.iter().filter(|one| phase(one) < 2).collect();
    let back = steps.windows(2).find(|pair| phase(pair[1]) < phase(pair[0]));
    assert_eq!(back, None, "trained again, though it had been done with");
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until so many epochs were begun, or the end.
fn wait_for(place: &Place, epochs: usize, child: &mut Child) {
    let began = Instant::now();
    while place.begun().len() < epochs && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is trained");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Interrupts a search that is told with `flags` once so many epochs were begun in all.
fn interrupt(place: &Place, line: &str, epochs: usize) -> Output {
    let mut child = command(place, line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(place, epochs, &mut child);
    if child.try_wait().unwrap().is_none() {
        send("-INT", &child);
    }
    child.wait_with_output().unwrap()
}

#[test]
fn ctrl_c_says_the_verdict_so_far_and_the_same_command_goes_on() {
    let line = "tune digits.csv --hidden 150 --batch 100 --folds 3 --epochs 30 --test 0.2 --threads 2 --trace trace";
    let whole = Place::with_digits();
    whole.run(line).good();
    let all = whole.begun();
    never_goes_back(&all);
    let first = |wanted: usize| all.iter().position(|one| phase(one) == wanted).unwrap();
    let place = Place::with_digits();
    let (mut verdicts, mut interrupted) = (0, 0);
    // At once, in the search, about where finalists are trained, in the confirmation, and in the final training.
    for (step, epochs) in [1, first(1) / 3, first(1) * 9 / 10, first(1) + 5, first(2) + 1].into_iter().enumerate() {
        // Every second one is told as JSON.
        let told = if step % 2 == 0 { "" } else { " --json" };
        let before = place.begun().len();
        let output = interrupt(&place, &format!("{line}{told}"), epochs.max(before + 1));
        let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8(text.clone()).unwrap());
        assert!(!err.contains("panicked"), "{err}");
        if output.status.code() == Some(0) {
            // It had ended before the signal came.
            continue;
        }
        assert_eq!(output.status.code(), Some(130), "{err}");
        interrupted += 1;
        let again = err.lines().last().unwrap();
        assert!(
            err.contains("everything is saved; to go on:\n") && again.contains("tune digits.csv --hidden 150"),
            "{err}"
        );
        // Once a candidate has come to the end of its first epochs there is a verdict.
        let ended = err.lines().any(|line| line.starts_with("lr ") && line.contains(" after "));
        let verdict = match told {
            "" => {
                assert!(!out.contains("the final model was trained") && !out.contains("opportune predict"), "{out}");
                out.contains("Train with learning rate ")
                    && out.contains("ended early (interrupted)")
                    && out.contains("no final model was trained")
            }
            _ => {
                let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                assert_eq!(events.last().unwrap()["event"], "interrupted");
                let so_far = events.iter().find(|event| event["event"] == "verdict_so_far");
                so_far.is_some_and(|event| {
                    assert!(
                        event["final_model"].is_null() && !event["next"].to_string().contains("predict"),
                        "{event}"
                    );
                    event["ended_early"] == "interrupted" && event["best"]["lr"].is_number()
                })
            }
        };
        assert_eq!(verdict, ended, "{out}\n{err}");
        verdicts += usize::from(verdict);
        assert!(!place.path("opportune-out/digits/model.safetensors").exists(), "a model before its time");
    }
    assert!(interrupted >= 3 && verdicts >= 2, "too fast for this test: {interrupted} {verdicts}");
    place.run(line).good();
    assert!(files(&place) == files(&whole));
    let begun = place.begun();
    never_goes_back(&begun);
    // Two runs at the most were broken off in the midst of an epoch.
    let broken_off = begun.iter().filter(|one| !one.whole).count() as u64;
    assert!(broken_off <= interrupted * THREADS, "{broken_off}");
    // What was finished is not trained again, but for runs of constant rate that a finalist leaves at an epoch whose state
    // had not come to the disk.
    let constant: BTreeSet<String> =
        all.iter().filter(|one| phase(one) == 0 && one.epoch == 1).map(|one| one.rate.to_string()).collect();
    let other = |one: &&Begun| phase(one) > 0 || !constant.contains(&one.rate.to_string());
    let others: Vec<Begun> = begun.iter().filter(other).cloned().collect();
    assert_eq!(repeated(&others), Vec::<String>::new());
    assert!(place.run("show digits").good().out.contains("the test rows were scored for 1 model(s)"));
}

/// Of a run that was killed, what it did until the promised two seconds before that (and one more, for a busy machine) is
/// not trained again.
#[test]
fn a_kill_costs_a_run_of_constant_rate_no_more_than_promised() {
    const REPEATED: Duration = Duration::from_secs(3);
    let line = "tune digits.csv --hidden 250,250 --batch 50 --lr 0.001 --schedule constant --epochs 9000 --min-epochs 9000 \
                --validation 0.2 --quiet --trace trace";
    let place = Place::with_digits();
    let start = || command(&place, line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = start();
    wait_for(&place, 1, &mut child);
    let began = Instant::now();
    let mut safe = 0;
    while began.elapsed() < REPEATED + Duration::from_millis(1500) {
        if began.elapsed() < Duration::from_millis(1500) {
            safe = place.begun().len();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let trained = place.begun().len();
    assert!(safe > 0 && trained > safe, "{safe} {trained}");
    let mut child = start();
    wait_for(&place, trained + 1, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    // One fold of one trial: its epochs are in a row.
    let begun = place.begun();
    assert!(begun[..trained].iter().zip(1..).all(|(one, epoch)| one.epoch == epoch), "{begun:?}");
    let next = begun[trained].epoch as usize;
    assert!(next > safe && next <= trained + 1, "goes on at epoch {next}; {safe} of {trained} had long been trained");
}

/// Numbers from 0 up to below 1 that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Small searches of several kinds, each started and killed again and again until one start gets through.
#[test]
fn two_hundred_kills_lose_nothing() {
    const KILLS: u32 = 200;
    let lines = [
        "--lr 0.1,0.03,0.01 --epochs 12",
        "--epochs 8 --validation 0.2",
        "--strategy halving --lr 0.01..0.2 --trials 6 --epochs 9 --folds 3",
        "--strategy grid --lr 0.1,0.01 --epochs 6,12 --folds 3",
    ]
    .map(|flags| format!("tune digits.csv {flags} --hidden 8 --batch 50 --threads 2 --test 0.2 --quiet --trace trace"));
    let mut expected = Vec::new();
    for line in &lines {
        let place = Place::with_few_digits(200);
        // One core begins no final model before it is known whose.
        let ran = place.run(&line.replace("--threads 2", "--threads 1")).good();
        never_goes_back(&place.begun());
        let names: BTreeSet<String> = place.begun().iter().map(Begun::name).collect();
        expected.push((files(&place), names, ran.seconds));
    }
    let mut dice = Dice(2024);
    let (mut kills, mut studies, mut repeats) = (0, 0, 0);
    while kills < KILLS {
        let kind = studies % lines.len();
        let (line, (whole, names, seconds)) = (&lines[kind], &expected[kind]);
        let place = Place::with_few_digits(200);
        let (mut own, mut ended) = (0, false);
        while !ended {
            assert!(own < 100, "it never gets through: {line}");
            let mut child = command(&place, line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            // From before anything is opened to after all is done.
            let moment = Duration::from_secs_f64(0.003 + dice.roll() * 1.1 * seconds);
            let began = Instant::now();
            while began.elapsed() < moment && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            ended = child.try_wait().unwrap().is_some();
            if !ended {
                child.kill().unwrap();
            }
            let output = child.wait_with_output().unwrap();
            // It may still have ended by itself.
            ended = output.status.code().is_some();
            let said = String::from_utf8(output.stderr).unwrap();
            if ended {
                assert_eq!(output.status.code(), Some(0), "{said}");
            } else {
                own += 1;
            }
            for part in ["panicked", "other bits", "missing or damaged", "cannot be"] {
                assert!(!said.contains(part), "{said}");
            }
            if own % 8 == 7 && place.path("opportune.db").exists() {
                let ran = place.run("studies --json");
                assert!(ran.code == Some(0) && !ran.err.contains("panicked"), "{ran:#?}");
            }
        }
        assert!(files(&place) == *whole, "other results after {own} kills: {line}");
        let begun = place.begun();
        never_goes_back(&begun);
        let trained: BTreeSet<String> = begun.iter().map(Begun::name).collect();
        assert!(trained.is_superset(names), "{line}");
        // A final model may have been begun for settings that were overtaken.
        let known = |one: &&Begun| phase(one) < 2;
        let on_folds: BTreeSet<String> = begun.iter().filter(known).map(Begun::name).collect();
        assert_eq!(json!(on_folds.difference(names).collect::<Vec<_>>()), json!([]), "what nobody asked for: {line}");
        repeats += begun.len() - trained.len();
        if studies < lines.len() {
            // Done is done.
            place.run(line).good();
            assert_eq!(place.begun().len(), begun.len());
        }
        kills += own;
        studies += 1;
    }
    assert!(studies >= lines.len() && repeats > 0, "{studies} studies, {repeats} epochs again");
}
