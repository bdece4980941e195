//! Every optimizer beside its upstream: fifty steps of `xtask/golden/optimizers`, and one table of problems that all solve.

use super::{At, Updater};
use crate::losses::{Aim, Targets};
use crate::network::Net;
use crate::real::Real;
use crate::run::Run;
use crate::testing::{Problem, planned, table};
use opportune_core::loss::Loss;
use opportune_core::optimizer::Optimizer;
use opportune_core::plan::Network;
use opportune_core::schedule::Setting;
use opportune_core::settings::{Activation, Init, Precision, Settings};
use pulp::Arch;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    problem: Given,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Given {
    inputs: u32,
    hidden: u32,
    outputs: u32,
    rows: usize,
    batch: usize,
    data: Vec<f64>,
    labels: Vec<u32>,
    start: Vec<f64>,
    rates: Vec<f64>,
    momenta: Vec<f64>,
}

#[derive(Deserialize)]
struct Case {
    optimizer: String,
    source: String,
    base: f64,
    l2: f64,
    decay: f64,
    cycled: bool,
    steps: Vec<u64>,
    parameters: Vec<Vec<f64>>,
}

fn golden() -> Golden {
    let text = include_str!("../../tests/golden/optimizers.json");
    serde_json::from_str(text).expect("the golden values are of this form")
}

/// A network of one layer more than `hidden`, with these parameters.
fn net<T: Real>(inputs: u32, hidden: &[u32], outputs: u32, start: &[f64], rows: usize) -> Net<T> {
    let (activation, init) = (Activation::Tanh, Init::Glorot);
    let network = Network { inputs, hidden: hidden.to_vec(), outputs, activation, init, layer_norm: false };
    let start: Vec<T> = start.iter().map(|x| T::of(*x)).collect();
    Net::new(Arch::new(), &network, &start, rows)
}

/// The furthest that a parameter is from upstream's after each of the case's steps, relative to its size where that is
/// above 1.
fn errors<T: Real>(given: &Given, case: &Case) -> Vec<f64> {
    let optimizer: Optimizer = case.optimizer.parse().expect("the case names an optimizer");
    let mut net = net::<T>(given.inputs, &[given.hidden], given.outputs, &given.start, given.rows);
    let mut updater = Updater::new(optimizer, &net.layout().clone(), &net.parameters);
    let batch = optimizer.batch(given.batch as u32, given.rows as u32) as usize;
    let inputs = given.inputs as usize;
    let mut seen = Vec::new();
    for step in 0..given.rates.len() {
        let rows: Vec<usize> = (0..batch).map(|i| (step * batch + i) % given.rows).collect();
        let labels: Vec<u32> = rows.iter().map(|row| given.labels[*row]).collect();
        let mut values = rows.iter().flat_map(|row| &given.data[row * inputs..(row + 1) * inputs]);
        net.inputs.iter_mut().zip(&mut values).for_each(|(input, value)| *input = T::of(*value));
        let mut evaluate = |net: &mut Net<T>| {
            net.pack();
            net.forward(batch);
            let aim = Aim::new(Loss::Softmax, Targets::Classes(&labels));
            let loss = net.predict(&aim).loss / batch as f64;
            net.backward(batch, &aim, batch as f64);
            loss
        };
        let loss = evaluate(&mut net);
        let momentum = case.cycled.then_some(given.momenta[step]);
        let setting = Setting { rate: case.base * given.rates[step], momentum };
        let at = At { setting, step: step as u64 + 1, l2: case.l2 / batch as f64, decay: case.decay, loss };
        let before: f64 = (0..net.layout().layers())
            .flat_map(|layer| net.layout().weights(layer))
            .map(|i| net.parameters[i].wide() * net.parameters[i].wide())
            .sum();
        let squares = updater.step(&mut net, &at, &mut evaluate);
        assert!((squares - before).abs() <= 1e-5 * before, "{}: {squares} is not {before}", case.optimizer);
        if let Some(place) = case.steps.iter().position(|shown| *shown == at.step) {
            let pairs = updater.judged(&net.parameters).iter().zip(&case.parameters[place]);
            seen.push(pairs.map(|(x, truth)| (x.wide() - truth).abs() / truth.abs().max(1.0)).fold(0.0, f64::max));
        }
    }
    seen
}

#[test]
fn fifty_steps_are_those_of_upstream() {
    let Golden { problem, cases } = golden();
    for name in Optimizer::NAMES {
        let of = |case: &&Case| case.optimizer.split('(').next() == Some(name);
        assert!(cases.iter().filter(of).count() >= 2, "{name} has no golden values");
    }
    let mut bad = Vec::new();
    for case in &cases {
        let (wide, narrow) = (errors::<f64>(&problem, case), errors::<f32>(&problem, case));
        // These make decisions of small differences: in 32 bits they come to the same place on another way.
        let follows = matches!(case.source.as_str(), "prodigyopt Prodigy" | "torch LBFGS");
        let allowed = |place: usize| if follows && case.steps[place] > 10 { 2e-2 } else { 1e-4 };
        if !(wide.iter().all(|error| *error < 1e-10) && (0..narrow.len()).all(|place| narrow[place] < allowed(place))) {
            bad.push(format!("{} ({}, cycled {}): {wide:?}, {narrow:?}", case.optimizer, case.source, case.cycled));
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Steps from `start` on parameters that only `loss` knows, which gives the loss and writes the gradient. Gives the last loss.
fn descend(text: &str, rate: f64, steps: u64, start: &[f64], loss: impl Fn(&[f64], &mut [f64]) -> f64) -> f64 {
    let optimizer: Optimizer = text.parse().expect("an optimizer");
    // One input and one output for each weight: a matrix of one row, and biases that nothing asks for.
    let width = start.len() as u32;
    let all: Vec<f64> = start.iter().copied().chain(start.iter().map(|_| 0.0)).collect();
    let mut net = net::<f64>(1, &[], width, &all, 1);
    let mut updater = Updater::new(optimizer, &net.layout().clone(), &net.parameters);
    let mut evaluate = |net: &mut Net<f64>| {
        net.gradients.fill(0.0);
        loss(&net.parameters[..start.len()], &mut net.gradients[..start.len()])
    };
    updater.exchange(&mut net);
    for step in 1..=steps {
        let loss = evaluate(&mut net);
        // A line to a tenth, so that what goes a fixed length ends near the place.
        let rate = rate * (1.0 - 0.9 * step as f64 / steps as f64);
        let at = At { setting: Setting { rate, momentum: None }, step, l2: 0.0, decay: 0.0, loss };
        updater.step(&mut net, &at, &mut evaluate);
    }
    updater.exchange(&mut net);
    evaluate(&mut net)
}

fn parabola(x: &[f64], g: &mut [f64]) -> f64 {
    let curvatures = [1.0, 4.0, 0.5];
    (0..3).for_each(|i| g[i] = curvatures[i] * (x[i] - 1.0));
    (0..3).map(|i| 0.5 * curvatures[i] * (x[i] - 1.0) * (x[i] - 1.0)).sum()
}

fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
    let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    g[0] = -2.0 * a - 400.0 * x[0] * b;
    g[1] = 200.0 * b;
    a * a + 100.0 * b * b
}

/// Rates on the parabola, on Rosenbrock's valley, and for the classification.
const RATES: [(&str, f64, f64, f64); 17] = [
    ("sgd", 0.3, 1e-3, 0.5),
    ("sgd(momentum=0.9)", 0.05, 3e-4, 0.05),
    ("sgd(momentum=0.9, nesterov=true)", 0.05, 3e-4, 0.05),
    ("adam", 0.1, 0.02, 0.02),
    ("adamw", 0.1, 0.02, 0.02),
    ("nadam", 0.1, 0.02, 0.02),
    ("radam", 0.1, 5e-3, 0.02),
    ("adamax", 0.1, 0.05, 0.02),
    ("rmsprop", 0.02, 2e-3, 0.01),
    ("adagrad", 0.5, 0.5, 0.2),
    ("adadelta", 10.0, 10.0, 5.0),
    ("lion", 0.02, 2e-3, 2e-3),
    ("muon", 0.02, 2e-3, 0.02),
    ("schedule_free_sgd", 0.3, 1e-3, 1.0),
    ("schedule_free_adamw", 0.5, 0.05, 0.02),
    ("prodigy", 1.0, 1.0, 1.0),
    ("lbfgs", 1.0, 1.0, 1.0),
];

#[test]
fn every_optimizer_solves_the_same_problems() {
    for name in Optimizer::NAMES {
        assert!(RATES.iter().any(|row| row.0 == *name), "{name} has no row");
    }
    let mut bad = Vec::new();
    for (text, on_parabola, in_valley, for_classes) in RATES {
        // From losses of 31.6 and 24.2.
        let parabola = descend(text, on_parabola, 500, &[-2.0, 4.0, 3.0], parabola);
        let valley = descend(text, in_valley, 5000, &[-1.2, 1.0], rosenbrock);
        let settings = Settings {
            lr: Some(for_classes),
            optimizer: text.parse().expect("an optimizer"),
            hidden: vec![24],
            batch: 20,
            epochs: 200,
            weight_decay: 0.0,
            precision: Precision::F64,
            ..Settings::default()
        };
        // Three classes of which guessing has a loss of 1.1.
        let (plan, samples) = planned(table(120, 3, Problem::Classes(3)), &settings);
        let mut run = Run::<f64>::new(plan, samples);
        let classes = (0..200).filter_map(|_| run.epoch(&mut || false)).last().map_or(f64::NAN, |last| last.train_loss);
        if !(parabola < 1e-2 && valley < 0.2 && classes < 0.6) {
            bad.push(format!("{text}: {parabola:e}, {valley:e}, {classes}"));
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}
