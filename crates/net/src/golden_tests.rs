//! Networks beside PyTorch: what `xtask/golden/network.py` wrote.

use crate::testing::arches;
use crate::update::clip;
use opportune_core::clip::Clip;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    clips: Vec<Clipped>,
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
