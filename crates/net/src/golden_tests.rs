//! Networks beside PyTorch: what `xtask/golden/network.py` wrote.

use crate::activation::needs_sum;
use crate::losses::{Aim, Targets};
use crate::network::Net;
use crate::passes::{activate, blend, derive};
use crate::testing::arches;
use crate::update::clip;
use opportune_core::averaging::{Average, Averaging};
use opportune_core::clip::Clip;
use opportune_core::loss::Loss;
use opportune_core::plan::Network;
use opportune_core::settings::{Activation, Init};
use pulp::Arch;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    networks: Vec<Trained>,
    averages: Vec<Averaged>,
    activations: Vec<Activated>,
    clips: Vec<Clipped>,
}

#[derive(Deserialize)]
struct Activated {
    name: Activation,
    z: Vec<f64>,
    value: Vec<f64>,
    slope: Vec<f64>,
}

#[derive(Deserialize)]
struct Averaged {
    average: Average,
    weights: Vec<Vec<f64>>,
    averaged: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Trained {
    activation: Activation,
    layer_norm: bool,
    hidden: Vec<u32>,
    outputs: u32,
    inputs: Vec<f64>,
    labels: Vec<u32>,
    parameters: Vec<f64>,
    loss: f64,
    gradients: Vec<f64>,
}

#[derive(Deserialize)]
struct Clipped {
    #[serde(flatten)]
    clip: Clip,
    before: Vec<f64>,
    after: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../tests/golden/network.json")).unwrap()
}

#[track_caller]
fn close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (place, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{what}, {place}: {a} is not {b}");
    }
}

#[test]
fn activations_are_as_there() {
    let all = golden().activations;
    assert!(Activation::ALL.iter().all(|one| all.iter().any(|there| there.name == *one)));
    for one in all {
        // Whole registers are read; one place is left over.
        let mut z = one.z.clone();
        z.resize(136, 0.0);
        let (mut values, mut slopes) = (z.clone(), vec![1.0; z.len()]);
        activate(Arch::new(), one.name, &mut values);
        derive(Arch::new(), one.name, &mut slopes, if needs_sum(one.name) { &z } else { &values });
        close(&values[..one.z.len()], &one.value, &format!("{}", one.name));
        close(&slopes[..one.z.len()], &one.slope, &format!("slope of {}", one.name));
    }
}

#[test]
fn losses_and_gradients_are_as_there() {
    let all = golden().networks;
    assert!(Activation::ALL.iter().all(|one| all.iter().any(|there| there.activation == *one && there.layer_norm)));
    for one in all {
        let rows = one.labels.len();
        let network = Network {
            inputs: (one.inputs.len() / rows) as u32,
            hidden: one.hidden,
            outputs: one.outputs,
            activation: one.activation,
            init: Init::Glorot,
            layer_norm: one.layer_norm,
        };
        for arch in arches() {
            let mut net = Net::new(arch, &network, &one.parameters, rows);
            net.inputs.copy_from_slice(&one.inputs);
            net.forward(rows);
            let aim = Aim::new(Loss::Softmax, Targets::Classes(&one.labels));
            let loss = net.predict(&aim).loss / rows as f64;
            net.backward(rows, &aim, rows as f64);
            close(&[loss], &[one.loss], &network.to_string());
            close(&net.gradients, &one.gradients, &network.to_string());
        }
    }
}

#[test]
fn averages_are_as_there() {
    let all = golden().averages;
    assert!(all.iter().any(|one| matches!(one.average, Average::Swa { .. })));
    for one in all {
        // As there, each of the weights is taken in: as that of a step, and of an epoch of one step from the first on.
        let averaging = match one.average.resolve(100).unwrap() {
            Averaging::Swa { .. } => Averaging::Swa { from: 1 },
            other => other,
        };
        let mut average = vec![0.0; one.weights[0].len()];
        for ((step, weights), truth) in (1..).zip(&one.weights).zip(&one.averaged) {
            blend(Arch::new(), &mut average, weights, averaging.weight(step, 1).unwrap());
            close(&average, truth, &format!("{} at {step}", one.average));
        }
    }
}

#[test]
fn gradients_are_clipped_as_there() {
    let all = golden().clips;
    assert!(all.iter().any(|one| one.before == one.after) && all.iter().any(|one| one.before != one.after));
    for one in all {
        for arch in arches() {
            let mut gradients = one.before.clone();
            clip(arch, &mut gradients, one.clip);
            close(&gradients, &one.after, &format!("{:?}", one.clip));
        }
    }
}
