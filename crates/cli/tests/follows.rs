//! Schedules whose rate follows the curve, and early stopping in full: what is trained, replayed and refused.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::{Place, Ran};
use serde_json::Value;

fn last(ran: &Ran) -> Value {
    ran.events().pop().unwrap()
}

/// Rates of a fit, epoch by epoch.
fn rates(ran: &Ran) -> Vec<f64> {
    let epochs = ran.events().into_iter().filter(|event| event["event"] == "epoch");
    epochs.map(|event| event["lr"].as_f64().unwrap()).collect()
}

#[test]
fn a_plateau_lowers_the_rate_of_a_fit_which_can_be_repeated() {
    let place = Place::with_few_digits(300);
    let flags = "--hidden 16 --batch 50 --lr 0.03 --epochs 40 --validation 0.3 --json";
    let one = place.run(&format!("fit digits.csv --schedule 'on_plateau(factor=0.3, patience=2)' {flags}")).good();
    let rates = rates(&one);
    assert_eq!((rates.len(), rates[0]), (40, 0.03));
    let mut changes = 0;
    for pair in rates.windows(2).filter(|pair| pair[0] != pair[1]) {
        assert!((pair[1] / pair[0] - 0.3).abs() < 1e-12, "{pair:?}");
        changes += 1;
    }
    assert!(changes >= 2, "{rates:?}");
    let model = place.bytes("opportune-out/digits-fit/model.safetensors");
    place.run("fit digits.csv --config opportune-out/digits-fit/best.toml --name again --fresh --quiet").good();
    assert_eq!(place.bytes("opportune-out/again/model.safetensors"), model);
    // A warm-up before it, and a cosine under it.
    for schedule in
        ["sequence(linear(from=0, to=1, over=3), on_plateau(patience=2))", "chain(cosine, on_plateau(patience=2))"]
    {
        place.run(&format!("fit digits.csv --schedule '{schedule}' {flags} --name other --fresh")).good();
    }
}

#[test]
fn folds_follow_their_mean_and_the_final_model_replays_it() {
    let place = Place::with_few_digits(250);
    let flags = "--hidden 12 --batch 50 --epochs 30 --folds 3 --json";
    place.run(&format!("fit digits.csv --schedule 'on_plateau(factor=0.5, patience=1)' --lr 0.05 {flags}")).good();
    let fitted = place.bytes("opportune-out/digits-fit/model.safetensors");
    place.run("fit digits.csv --config opportune-out/digits-fit/best.toml --name again --fresh --quiet").good();
    assert_eq!(place.bytes("opportune-out/again/model.safetensors"), fitted);
    for (strategy, name) in [
        ("--strategy grid --lr 0.05,0.01", "grid"),
        ("--lr 0.05,0.01", "found"),
        ("--strategy random --lr 0.05,0.01 --trials 3", "drawn"),
    ] {
        let schedules = "--schedule 'on_plateau(factor=0.5, patience=1)' --schedule 'greedy(patience=2)'";
        let ran = place.run(&format!("tune digits.csv {strategy} {schedules} {flags} --name {name}")).good();
        assert!(last(&ran)["score"]["mean"].as_f64().unwrap() > 0.5);
        // What is delivered is known ahead: the recorded rates, on all rows.
        let toml = place.text(&format!("opportune-out/{name}/best.toml"));
        assert!(!toml.contains("on_plateau") && !toml.contains("greedy"), "{toml}");
        let model = place.bytes(&format!("opportune-out/{name}/model.safetensors"));
        place
            .run(&format!("fit digits.csv --config opportune-out/{name}/best.toml --name again --fresh --quiet"))
            .good();
        assert_eq!(place.bytes("opportune-out/again/model.safetensors"), model, "{name}");
    }
}

#[test]
fn adaptive_goes_by_the_training_loss_and_ends_by_itself() {
    let place = Place::with_few_digits(200);
    let schedule = "--schedule 'adaptive(tol=0.05, patience=2, min=0.01)' --optimizer 'sgd(momentum=0.9)' --lr 0.2";
    let ran = place.run(&format!("fit digits.csv {schedule} --hidden 12 --epochs 200 --json")).good();
    assert_eq!(last(&ran)["stopped"], "converged");
    let rates = rates(&ran);
    assert!(rates.len() < 200 && (rates[rates.len() - 1] - 0.2 / 25.0).abs() < 1e-12, "{rates:?}");
    let flags = "--strategy grid --folds 3 --epochs 100,200 --hidden 12 --json";
    place.run(&format!("tune digits.csv {schedule} {flags}")).good();
    let model = place.bytes("opportune-out/digits/model.safetensors");
    place.run("fit digits.csv --config opportune-out/digits/best.toml --name again --quiet").good();
    assert_eq!(place.bytes("opportune-out/again/model.safetensors"), model);
}

#[test]
fn early_stopping_in_full() {
    let place = Place::with_few_digits(300);
    let fit = |flags: &str| {
        let flags = format!("--hidden 24 --batch 50 --lr 0.02 --epochs 120 --validation 0.3 --json {flags}");
        last(&place.run(&format!("fit digits.csv {flags} --fresh")).good())
    };
    let plain = fit("--patience 4");
    let (epochs, best) = (plain["epochs"].as_u64().unwrap(), plain["best_epoch"].as_u64().unwrap());
    assert_eq!((&plain["stopped"], epochs - best), (&"early".into(), 4));
    let late = fit(&format!("--patience 4 --start-from-epoch {}", epochs + 5));
    assert!(late["best_epoch"].as_u64().unwrap() > epochs + 5);
    let kept = fit("--patience 4 --keep-last");
    assert_eq!((&kept["epochs"], &kept["best_epoch"]), (&plain["epochs"], &plain["epochs"]));
    // What is never reached ends the wait at once.
    let unreached = fit("--patience 4 --baseline 1e-9");
    assert!(unreached["epochs"].as_u64().unwrap() < epochs, "{unreached}");
    let training = fit("--patience 2 --monitor training_loss --min-delta 0.05");
    assert_eq!(training["stopped"], "early");
    let score = fit("--tol 0.01 --tol-on score --n-iter-no-change 3");
    assert_eq!(score["stopped"], "early");
    assert!(score["best_epoch"].as_u64().unwrap() <= score["epochs"].as_u64().unwrap());
    place.run("fit digits.csv --config opportune-out/digits-fit/best.toml --name again --fresh --quiet").good();
    assert_eq!(
        place.bytes("opportune-out/again/model.safetensors"),
        place.bytes("opportune-out/digits-fit/model.safetensors")
    );
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let place = Place::with_few_digits(60);
    for (line, parts) in [
        ("fit digits.csv --schedule on_plateau", &["--schedule", "reads validation rows", "--validation 0.2"][..]),
        ("fit digits.csv --schedule 'on_plateau(monitor=score)'", &["reads validation rows"]),
        ("fit digits.csv --schedule adaptive --tol 1e-4", &["--tol", "adaptive(tol="]),
        ("fit digits.csv --tol 1e-4 --tol-on score", &["--tol", "reads validation rows"]),
        ("fit digits.csv --tol 1e-4 --tol-on scor", &["did you mean 'score'"]),
        ("fit digits.csv --validation 0.2 --baseline 1", &["--patience"]),
        ("fit digits.csv --validation 0.2 --patience 3 --baseline nan", &["--baseline"]),
        ("fit digits.csv --validation 0.2 --schedule 'sequence(on_plateau(over=3), greedy)'", &["two rules"]),
        ("fit digits.csv --validation 0.2 --schedule 'chain(on_plateau, greedy)'", &["two rules"]),
        ("fit digits.csv --validation 0.2 --schedule 'on_plateau(factor=2)'", &["factor of on_plateau is 2"]),
        ("fit digits.csv --validation 0.2 --schedule 'on_plateau(patience=2.5)'", &["patience", "2.5"]),
        ("fit digits.csv --validation 0.2 --schedule 'on_plateau(monitor=los)'", &["did you mean 'loss'"]),
        (
            "fit digits.csv --validation 0.2 --optimizer sgd --lr 0.1 --schedule 'one_cycle(max=0.1, momentum=0.85..0.95)'",
            &["--lr"],
        ),
        (
            "fit digits.csv --optimizer sgd --schedule 'one_cycle(max=0.1, momentum=0.85..0.95)'",
            &["cycles the momentum", "sgd has none"],
        ),
    ] {
        let ran = place.run(line);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert!(parts.iter().all(|part| ran.err.contains(part)) && ran.err.trim().lines().count() == 1, "{ran:#?}");
    }
}
