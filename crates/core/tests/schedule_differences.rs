//! Where rates are meant to be others than upstream's: ours are pinned here, upstream's are golden values, and
//! `docs/schedule-differences.md` tells of each.

use opportune_core::InputError;
use opportune_core::schedule::{Resolved, Schedule};
use opportune_core::upstream::{Given, Source, import};
use serde::Deserialize;

/// What upstream gives at some ticks, or the name of the error it raises there.
#[derive(Deserialize)]
struct Upstream {
    name: String,
    what: String,
    ticks: Vec<u64>,
    upstream: Vec<serde_json::Value>,
}

/// How ours is written: as upstream writes it, or in its own form.
enum Written {
    Torch,
    Optax,
    Own(&'static str),
}

/// What ours has at the same ticks.
enum Ours {
    Rates(&'static [f64]),
    /// It is refused, with an error that holds these words.
    Refused(&'static str),
}

use Ours::{Rates, Refused};
use Written::{Optax, Own, Torch};

const EPOCHS: u32 = 200;

const DIFFERENCES: &[(&str, Written, Ours)] = &[
    ("cosine end", Torch, Rates(&[0.0, 0.0, 0.0])),
    ("one-cycle end", Torch, Rates(&[4e-7, 4e-7, 4e-7])),
    ("one-cycle width", Torch, Rates(&[0.1, 4e-7])),
    ("one-cycle begin", Torch, Rates(&[0.1, 4e-7])),
    ("one-cycle rise", Torch, Rates(&[0.004, 4e-7])),
    ("linear length", Torch, Refused("total_iters of LinearLR is 0; give a whole number of at least 1")),
    ("constant length", Torch, Refused("total_iters of ConstantLR is 0; give a whole number of at least 1")),
    ("polynomial length", Torch, Refused("total_iters of PolynomialLR is 0; give a whole number of at least 1")),
    ("chained lambda", Torch, Rates(&[0.09, 0.081, 0.0295245])),
    ("chained restarts", Torch, Rates(&[0.08779754323328192, 0.0295245])),
    ("chained sequence", Torch, Rates(&[0.0252, 0.059049, 0.043046721])),
    ("nested sequence", Torch, Rates(&[0.05, 0.05, 0.02])),
    ("nested sequence later", Torch, Rates(&[0.082, 0.05, 0.02])),
    ("nested chain", Torch, Rates(&[0.1, 0.05, 0.00125, 0.02])),
    ("multiplicative after", Torch, Refused("it goes on from the rate before it")),
    ("optax places", Optax, Refused("two places of cosine_onecycle_schedule are the same step of 4")),
    ("restarts by logarithm", Torch, Rates(&[0.1])),
    ("timm restarts", Own("cosine_restarts(period=1, mult=3, cycles=100)"), Rates(&[0.1])),
    ("timm milestones", Own("multi_step(at=[10], gamma=0.1)"), Rates(&[0.1, 0.01])),
    ("timm begin", Own("tanh(lower=-1, over=10)"), Rates(&[0.08807970779778824])),
    ("transformers end", Own("sequence(linear(from=0, to=1, over=2, per=epoch), cosine(over=8))"), Rates(&[0.0, 0.0])),
    ("fastai restarts", Own("cosine_restarts(period=1, cycles=3)"), Rates(&[0.1])),
];

fn upstream() -> Vec<Upstream> {
    serde_json::from_str(include_str!("golden/schedules_differences.json")).expect("golden rows")
}

fn resolved(written: &Written, call: &str) -> Result<Resolved, InputError> {
    let imported = |source, lr| {
        let given = Given { lr, steps: u64::from(EPOCHS), ticks_per_epoch: 1 };
        let imported = import(source, call, &given)?;
        imported.schedule.resolve(imported.base, 1, EPOCHS)
    };
    match written {
        Torch => imported(Source::Torch, Some(0.1)),
        Optax => imported(Source::Optax, None),
        Own(text) => text.parse::<Schedule>()?.resolve(Some(0.1), 1, EPOCHS),
    }
}

#[test]
fn ours_are_these_and_upstream_has_others() {
    let rows = upstream();
    assert_eq!(rows.len(), DIFFERENCES.len());
    for (name, written, ours) in DIFFERENCES {
        let row = rows.iter().find(|row| row.name == *name).unwrap_or_else(|| panic!("no golden row {name}"));
        let expected = match (ours, resolved(written, &row.what)) {
            (Refused(words), Err(error)) => {
                assert!(error.to_string().contains(words), "{name}: {error}");
                continue;
            }
            (Rates(rates), Ok(resolved)) => {
                assert_eq!(rates.len(), row.ticks.len(), "{name}");
                for (tick, rate) in row.ticks.iter().zip(*rates) {
                    let got = resolved.at(*tick).rate;
                    assert!((got - rate).abs() <= 1e-12 * rate, "{name}: {got}, not {rate} at {tick}");
                }
                rates
            }
            (_, outcome) => panic!("{name}: {outcome:?}"),
        };
        // It is no difference unless upstream fails or has another rate at one tick at least.
        let others = row.upstream.iter().zip(*expected).any(|(value, ours)| match value.as_f64() {
            Some(rate) => (rate - ours).abs() > 1e-9,
            None => value.is_string(),
        });
        assert!(others, "{name}: upstream has the same");
    }
}

#[test]
fn each_is_told_of() {
    let text = include_str!("../../../docs/schedule-differences.md");
    for row in upstream() {
        assert!(text.contains(&format!("`{}`", row.what)), "{} is not in docs/schedule-differences.md", row.what);
    }
}
