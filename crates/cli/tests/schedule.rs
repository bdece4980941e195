//! `opportune schedule`: rates, tables, pictures and lists, without training.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, Ran, colours};
use serde_json::Value;
use std::f64::consts::PI;

fn numbers(ran: &Ran) -> Vec<f64> {
    assert_eq!(ran.out.lines().count(), 1, "{ran:#?}");
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
}

fn near(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (place, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= 1e-12 * expected.abs() + 1e-18, "at {place}: {got}, not {expected}");
    }
}

#[test]
fn json_is_one_array_with_a_rate_for_each_epoch_or_step() {
    let place = Place::new();
    let cosine = |t: f64| 0.1 * (1.0 + (PI * t).cos()) / 2.0;
    let by_epoch: Vec<f64> = (0..20).map(|epoch| cosine(f64::from(epoch) / 20.0)).collect();
    near(&numbers(&place.run("schedule cosine --lr 0.1 --epochs 20 --json").good()), &by_epoch);
    // Held within epochs, and changing at every step.
    let held: Vec<f64> = by_epoch.iter().flat_map(|rate| [*rate; 3]).collect();
    near(&numbers(&place.run("schedule cosine --lr 0.1 --epochs 20 --steps-per-epoch 3 --json").good()), &held);
    let by_step: Vec<f64> = (0..60).map(|step| cosine(f64::from(step) / 60.0)).collect();
    let ran = place.run("schedule 'cosine(per=step)' --lr 0.1 --epochs 20 --steps-per-epoch 3 --json").good();
    near(&numbers(&ran), &by_step);
    let both = place.run("schedule cosine 'cyclic(base=1e-3, max=0.1, up=2)' --epochs 4 --lr 1 --json").good();
    let both: Vec<Vec<f64>> = serde_json::from_str(&both.out).unwrap();
    assert_eq!((both.len(), both[0][0], both[1][0], both[1][2]), (2, 1.0, 1e-3, 0.1));
    // As in fit, the rate is 0.001 unless told, and there are 100 epochs.
    assert_eq!(numbers(&place.run("schedule constant --json").good()), [0.001; 100]);
    assert!(place.everything().is_empty());
}

#[test]
fn the_rates_are_those_of_a_training() {
    let place = Place::new();
    place.write("c.csv", colours(60));
    for flags in ["--schedule 'exponential(gamma=0.9)' --lr 0.02", "--schedule 'cyclic(base=1e-4, max=0.01, up=2)'"] {
        let fit = place.run(&format!("fit c.csv {flags} --epochs 6 --hidden 4 --json --fresh")).good();
        let epochs = fit.events().into_iter().filter(|event| event["event"] == "epoch");
        let trained: Vec<f64> = epochs.map(|event| event["lr"].as_f64().unwrap()).collect();
        let shown =
            place.run(&format!("schedule {} --epochs 6 --json", flags.trim_start_matches("--schedule "))).good();
        assert_eq!(numbers(&shown), trained, "{flags}");
    }
}

#[test]
fn other_libraries_schedules_are_shown_and_translated() {
    let place = Place::new();
    let command = |what: &str| format!("schedule --from torch 'OneCycleLR(max_lr=0.01, total_steps=60)' {what}");
    let rates = numbers(&place.run(&command("--lr 0.1 --epochs 60 --json")).good());
    assert_eq!(rates.len(), 60);
    // PyTorch's: from a 25th of the peak up to it at step 0.3 · 60 − 1, then down to a 10,000th of where it began.
    let phase = |from: f64, to: f64, q: f64| to + (from - to) * (1.0 + (PI * q).cos()) / 2.0;
    let expected = |t: f64| match t {
        t if t <= 17.0 => phase(4e-4, 0.01, t / 17.0),
        t => phase(0.01, 4e-8, (t - 17.0) / 42.0),
    };
    for (step, rate) in rates.iter().enumerate() {
        let expected = expected(step as f64);
        assert!((rate - expected).abs() < 1e-12 * 0.01 + 1e-9 * expected, "{step}: {rate} {expected}");
    }
    let print = place.run(&command("--epochs 60 --print")).good();
    let text = print.out.trim_end();
    assert!(text.starts_with("one_cycle(") && print.out.lines().count() == 1, "{text}");
    near(&numbers(&place.run(&format!("schedule '{text}' --epochs 60 --json")).good()), &rates);
    // With more steps in an epoch, ticks are steps.
    assert_eq!(numbers(&place.run(&command("--epochs 6 --steps-per-epoch 10 --json")).good()), rates);
    let said = place.run(&command("--epochs 60 --ascii")).good();
    assert!(said.out.starts_with("OneCycleLR(max_lr=0.01, total_steps=60) is here\n  one_cycle("), "{}", said.out);

    let keras = place.run("schedule --from keras 'ExponentialDecay(0.1, 10, 0.5)' --epochs 30 --json").good();
    let expected: Vec<f64> = (0..30).map(|t| 0.1 * 0.5f64.powf(f64::from(t) / 10.0)).collect();
    near(&numbers(&keras), &expected);
    let optax = place.run("schedule --from optax 'cosine_decay_schedule(0.1, 10)' --epochs 10 --json").good();
    assert_eq!(numbers(&optax)[0], 0.1);
    // PyTorch's multiply the optimizer's rate, here fit's unless told.
    let step = "schedule --from torch 'StepLR(optimizer, step_size=2)' --epochs 4 --json";
    near(&numbers(&place.run(step).good()), &[0.001, 0.001, 1e-4, 1e-4]);
    near(&numbers(&place.run(&format!("{step} --lr 1")).good()), &[1.0, 1.0, 0.1, 0.1]);
}

#[test]
fn tables_come_from_files_and_formulas_from_text() {
    let place = Place::new();
    place.write("rates.csv", "epoch,lr\n0,0.1\n1,0.05\n2,0.01\n");
    let table = place.run("schedule 'table(\"rates.csv\")' --epochs 4 --json").good();
    assert_eq!(numbers(&table), [0.1, 0.05, 0.01, 0.01]);
    let print = place.run("schedule 'table(\"rates.csv\")' --print").good();
    assert_eq!(print.out, "table(rates=[0.1, 0.05, 0.01])\n");
    let missing = place.run("schedule 'table(\"none.csv\")'");
    assert!(
        missing.code == Some(2) && missing.err.contains("schedule, character 7: none.csv: cannot be read"),
        "{missing:#?}"
    );
    let formula = "schedule 'formula(\"base * 0.5**epoch\")' --epochs 3 --json --lr 1";
    assert_eq!(numbers(&place.run(formula).good()), [1.0, 0.5, 0.25]);
}

#[test]
fn people_get_a_picture_and_a_table() {
    let place = Place::new();
    let one = place.shell("export LC_ALL=C; opportune schedule 'exponential(gamma=0.9)' --epochs 50").good();
    assert!(
        one.out.starts_with("exponential(gamma=0.9)\n50 epochs, learning rate 0.001 (as in fit; --lr names"),
        "{one:#?}"
    );
    let plain = |text: &str| text.lines().skip(2).all(|line| line.is_ascii());
    assert!(plain(&one.out) && one.out.contains('*') && one.out.contains("epochs passed"), "{one:#?}");
    let rows: Vec<Vec<&str>> = one.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.contains(&vec!["1", "0.001"]) && rows.contains(&vec!["50", "5.7264e-6"]), "{one:#?}");
    let dots = place.shell("export LC_ALL=C.UTF-8; opportune schedule cosine").good();
    assert!(dots.out.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{dots:#?}");
    let ascii = place.shell("export LC_ALL=C.UTF-8; opportune schedule cosine --ascii --log").good();
    assert!(plain(&ascii.out) && ascii.out.contains("logarithmic"), "{ascii:#?}");
    assert!(!dots.out.contains('\u{1b}'), "no colours where it is not a terminal");
    let cycled = place.run("schedule 'cyclic(base=1e-3, max=0.1, up=5, momentum=0.8..0.9)' cosine --epochs 10").good();
    assert!(
        cycled.out.contains("momentum") && cycled.out.contains("where a schedule has none of its own"),
        "{cycled:#?}"
    );
    let steps = place.run("schedule 'cosine(per=step)' --epochs 3 --steps-per-epoch 4").good();
    assert!(steps.out.contains("3 epochs of 4 steps") && steps.out.contains("epoch  step"), "{steps:#?}");
}

#[test]
fn pictures_are_written() {
    let place = Place::new();
    let command =
        "schedule cosine 'one_cycle(max=0.01, momentum=0.85..0.95)' 'step(every=30)' --steps-per-epoch 5 --svg a.svg";
    let ran = place.run(command).good();
    assert!(ran.out.ends_with("written: a.svg\n"), "{ran:#?}");
    let text = place.text("a.svg");
    let document = roxmltree::Document::parse(&text).unwrap();
    let series = |panel: &str| {
        let panel = document.descendants().find(|node| node.attribute("data-panel") == Some(panel)).unwrap();
        panel.descendants().filter_map(|node| node.attribute("data-series")).collect::<Vec<_>>()
    };
    assert_eq!(series("rate"), ["cosine", "one_cycle(max=0.01, momentum=0.85..0.95)", "step(every=30)"]);
    assert_eq!(series("momentum"), ["one_cycle(max=0.01, momentum=0.85..0.95)"]);
    // The same command draws the same bytes, beside JSON too.
    let ran = place.run(&format!("{command} --json").replace("a.svg", "b.svg")).good();
    assert_eq!((place.bytes("a.svg"), ran.out.lines().count()), (place.bytes("b.svg"), 1));
    assert_eq!(place.everything().len(), 2);
}

#[test]
fn what_there_is_is_listed() {
    let place = Place::new();
    let all = place.run("schedule list").good();
    let kinds = place.run("schedule list --json").good().events();
    place.write("losses.txt", "0.5\n".repeat(60));
    assert!(kinds.len() >= 30, "{} schedules", kinds.len());
    for kind in &kinds {
        let name = kind["name"].as_str().unwrap();
        assert!(all.out.lines().any(|line| line.split(' ').next() == Some(name)), "{name}");
        let one = place.run(&format!("schedule list {name}")).good();
        for key in kind["keys"].as_array().unwrap() {
            let key = key["name"].as_str().unwrap();
            assert!(one.out.lines().any(|line| line.trim_start().starts_with(key)), "{name}: {key}");
        }
        assert_eq!(kind["rates"].as_array().map(Vec::len), Some(60), "{name}");
        let example = kind["example"].as_str().unwrap();
        let follows = ["on_plateau", "greedy", "adaptive"].contains(&name);
        let run = if follows { "--losses losses.txt" } else { "--epochs 60" };
        let rates = numbers(&place.run(&format!("schedule '{example}' {run} --json")).good());
        assert_eq!(rates.len(), 60, "{example}");
        // The text form reads back to itself.
        let print = place.run(&format!("schedule '{example}' --print")).good().out;
        assert_eq!(place.run(&format!("schedule '{}' --print", print.trim_end())).good().out, print);
    }
    let torch: Vec<&Value> = kinds.iter().filter(|kind| kind["upstream"].to_string().contains("torch ")).collect();
    assert!(torch.len() >= 12, "{} of PyTorch", torch.len());
}

#[test]
fn bad_input_is_one_line() {
    let place = Place::new();
    for (command, says) in [
        ("schedule", "no schedule given; write one, as cosine, or see opportune schedule list"),
        ("schedule cosin", "schedule, character 1: unknown schedule 'cosin'; did you mean 'cosine'?"),
        ("schedule 'step(evry=3)'", "schedule, character 6: unknown key 'evry' of step; did you mean 'every'?"),
        ("schedule 'step(every=3'", "schedule, character 13: expected ',' or ')'"),
        ("schedule cosine 'step(evry=3)'", "'step(evry=3)': schedule, character 6: unknown key 'evry'"),
        (
            "schedule 'cyclic(base=1e-4, max=1e-2, up=20)' --lr 0.1",
            "--lr: the schedule cyclic(base=0.0001, max=0.01, up=20) has rates of its own; leave --lr out",
        ),
        ("schedule cosine --lr -1", "the learning rate is -1; give a number above 0"),
        ("schedule cosine --lr x", "--lr: 'x'"),
        ("schedule cosine --epochs 0", "the run has 0 epochs; give it at least 1"),
        ("schedule cosine --steps-per-epoch 0", "an epoch of the run has no optimizer steps"),
        (
            "schedule cosine --epochs 4000000000 --steps-per-epoch 4000000000",
            "more than can be shown; ask for at most 10000000",
        ),
        ("schedule 'cooldown(20%)'", "alone ends before the run does"),
        ("schedule cosine --svg none/a.svg", "none/a.svg: cannot be written"),
        ("schedule cosine --json --print", "--json cannot be given together with --print"),
        (
            "schedule cosine --epoch 3",
            "unknown flag '--epoch'; did you mean '--epochs'? (see opportune schedule --help)",
        ),
        ("schedule list cosin", "schedule list: there is no schedule 'cosin'; did you mean 'cosine'?"),
        ("schedule list --epochs 3", "unknown flag '--epochs'; see opportune schedule list --help"),
        (
            "schedule --from tourch cosine",
            "--from: 'tourch': unknown source 'tourch' of schedules; did you mean 'torch'?",
        ),
        ("schedule --from torch 'StepLR(stepsize=3)'", "torch schedule, character 8"),
        ("schedule --from torch cosine", "torch schedule, character 1"),
        ("schedule --from keras 'ExponentialDecay(0.1, 10, 0.5)' --lr 0.1", "leave the learning rate out"),
    ] {
        let ran = place.run(command);
        let lines: Vec<&str> = ran.err.lines().collect();
        assert!(ran.code == Some(2) && ran.out.is_empty() && lines.len() == 1, "{ran:#?}");
        assert!(lines[0].starts_with("error: ") && lines[0].contains(says), "'{says}' is not in: {}", lines[0]);
        assert!(place.everything().is_empty(), "{command} wrote something");
    }
}

#[test]
fn schedules_that_follow_the_curve_are_shown_on_one() {
    let place = Place::new();
    let losses: String = (0..12).map(|epoch| format!("{epoch},{}\n", if epoch < 4 { 4 - epoch } else { 1 })).collect();
    place.write("losses.csv", format!("epoch,loss\n{losses}"));
    let flags = "--lr 0.8 --losses losses.csv --json";
    let rates = numbers(&place.run(&format!("schedule 'on_plateau(factor=0.5, patience=2)' {flags}")).good());
    assert_eq!(rates, [0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2]);
    let torch = "schedule --from torch 'ReduceLROnPlateau(factor=0.5, patience=2)'";
    assert_eq!(numbers(&place.run(&format!("{torch} {flags}")).good()), rates);
    let keras = "schedule --from keras 'ReduceLROnPlateau(factor=0.5, patience=3)'";
    assert_eq!(numbers(&place.run(&format!("{keras} {flags}")).good()), rates);
    let printed = place.run(&format!("{torch} --print")).good();
    assert_eq!(printed.out.trim(), "on_plateau(factor=0.5, patience=2)");
    for (line, part) in [
        ("schedule on_plateau", "give --losses FILE"),
        ("schedule on_plateau --losses losses.csv --epochs 5", "--epochs"),
        ("schedule on_plateau --losses none.csv", "none.csv: cannot be read"),
    ] {
        let ran = place.run(line);
        assert!(ran.code == Some(2) && ran.err.contains(part) && ran.err.trim().lines().count() == 1, "{ran:#?}");
    }
    place.write("bad.csv", "loss\n1\nx\n");
    let ran = place.run("schedule on_plateau --losses bad.csv");
    assert!(ran.code == Some(2) && ran.err.contains("bad.csv: row 3: 'x' is no loss"), "{ran:#?}");
}
