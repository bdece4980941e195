//! Trainings beside scikit-learn's, from the same `random_state`: the curves of `xtask/golden/sklearn/curves.py`.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

use opportune_core::settings::Activation;
use opportune_net::sklearn::{
    Fit, Method, Objective, Progress, Rate, Shape, Table, Targets, Training, Turn, Twister, minimise,
};
use serde::Deserialize;

/// Relative.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize, Debug)]
struct Case {
    data: String,
    objective: String,
    solver: String,
    activation: Activation,
    early: bool,
    weighted: bool,
    shuffle: bool,
    seed: u32,
    losses: Vec<f64>,
    scores: Option<Vec<f64>>,
}

/// Features, targets, and outputs for each row.
struct Data {
    inputs: Vec<f64>,
    features: usize,
    targets: Vec<f64>,
    outputs: usize,
}

fn read(name: &str) -> Data {
    let (file, header) = match name.split(' ').next().unwrap() {
        "digits" => ("../../examples/data/digits.csv".to_string(), 1),
        other => (format!("tests/data/{other}.csv"), 0),
    };
    let text = std::fs::read_to_string(file).unwrap();
    let rows: Vec<Vec<f64>> =
        text.lines().skip(header).map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    let features = rows[0].len() - 1;
    let top: Vec<f64> = (0..features).map(|column| rows.iter().map(|row| row[column]).fold(1e-300, f64::max)).collect();
    let inputs: Vec<f64> =
        rows.iter().flat_map(|row| row[..features].iter().zip(&top).map(|(x, top)| x / top)).collect();
    let target = |row: usize| rows[row][features];
    let of = |row: usize| match name {
        "digits labels" => vec![f64::from(target(row) > 4.0), f64::from(target(row) % 2.0 == 0.0)],
        "diabetes" => vec![target(row) / 100.0],
        "diabetes paired" => vec![target(row) / 100.0, inputs[row * features + 2]],
        _ => vec![target(row)],
    };
    let targets: Vec<Vec<f64>> = (0..rows.len()).map(of).collect();
    Data { outputs: targets[0].len(), targets: targets.concat(), inputs, features }
}

fn training(case: &Case) -> Training {
    let sgd = |rate, momentum, nesterov| Method::Sgd { rate, momentum, nesterov };
    let (method, rate) = match case.solver.as_str() {
        "adam" => (Method::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }, 0.001),
        "sgd constant" => (sgd(Rate::Constant, 0.9, true), 0.01),
        "sgd invscaling" => (sgd(Rate::InvScaling { power: 0.3 }, 0.9, false), 0.02),
        "sgd adaptive" => (sgd(Rate::Adaptive, 0.5, true), 0.02),
        other => panic!("{other}"),
    };
    // Exponential outputs run away at the others' rates.
    let rate = if case.objective == "poisson" && case.solver != "adam" { rate / 10.0 } else { rate };
    let adaptive = case.solver == "sgd adaptive";
    Training {
        method,
        rate,
        alpha: 0.01,
        batch: None,
        shuffle: case.shuffle,
        tol: if adaptive { 0.01 } else { 1e-4 },
        patience: if adaptive { 1.0 } else { 10.0 },
        early_stopping: case.early.then_some(0.1),
    }
}

/// The largest relative error of the losses, and whether an adaptive rate was lowered.
fn compare(case: &Case) -> (f64, bool) {
    let data = read(&case.data);
    let objective = match case.objective.as_str() {
        "softmax" => Objective::Softmax,
        "logistic" => Objective::Logistic,
        "squared" => Objective::Squared,
        "poisson" => Objective::Poisson,
        other => panic!("{other}"),
    };
    let labels: Vec<u32> = data.targets.iter().map(|y| *y as u32).collect();
    let softmax = objective == Objective::Softmax;
    let rows = data.inputs.len() / data.features;
    let weights: Vec<f64> = (0..rows).map(|row| (row * 7 % 5) as f64 / 2.0 + 0.25).collect();
    let table = Table {
        inputs: &data.inputs,
        targets: if softmax { Targets::Classes(&labels) } else { Targets::Numbers(&data.targets) },
        weights: case.weighted.then_some(&weights),
    };
    let shape = Shape {
        inputs: data.features as u32,
        hidden: vec![12, 7],
        outputs: if softmax { 10 } else { data.outputs as u32 },
        activation: case.activation,
        objective,
    };
    let mut twister = Twister::new(case.seed);
    let parameters = shape.initial(&mut twister);
    let (mut losses, mut lowered) = (Vec::new(), false);
    if case.solver == "lbfgs" {
        let limits = (case.losses.len() as u64, 15_000);
        let mut seen = |_: u64, _: &[f64], loss| losses.push(loss);
        minimise(&shape, table, parameters, (0.01, 1e-9), limits, &mut || Some(1), &mut seen).unwrap();
    } else {
        let training = training(case);
        let progress = Progress::new(&training, parameters);
        let mut fit = Fit::new(&shape, &training, table, progress, twister).unwrap();
        let mut scores = Vec::new();
        for _ in 0..20 {
            let epoch = fit.epoch(&mut || false).unwrap();
            losses.push(epoch.loss);
            scores.extend(epoch.validation_score);
            lowered |= matches!(epoch.turn, Turn::Lowered(_));
            if epoch.turn == Turn::Stop {
                break;
            }
        }
        for (ours, theirs) in scores.iter().zip(case.scores.iter().flatten()) {
            assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0), "{case:?}: {ours} {theirs}");
        }
        assert_eq!(scores.len(), case.scores.as_ref().map_or(0, Vec::len), "{case:?}");
    }
    assert_eq!(losses.len(), case.losses.len(), "{case:?}");
    let errors = losses.iter().zip(&case.losses).map(|(ours, theirs)| ((ours - theirs) / theirs).abs());
    (errors.fold(0.0, |a: f64, b| if b > a || b.is_nan() { b } else { a }), lowered)
}

#[test]
fn twenty_epochs_have_the_losses_of_scikit_learn() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/sklearn.json")).unwrap();
    assert!(cases.len() > 200);
    let (mut wrong, mut lowered) = (Vec::new(), 0);
    for case in &cases {
        let (error, by_rule) = compare(case);
        lowered += u32::from(by_rule);
        if error.is_nan() || error > TOLERANCE {
            let Case { data, objective, solver, activation, early, .. } = case;
            wrong.push(format!("{error:.1e}: {data} {objective} {solver} {activation} early {early}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(lowered > 10, "{lowered} runs lowered their rate");
}
