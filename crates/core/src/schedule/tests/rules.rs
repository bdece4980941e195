//! Rules that read the curve: what they decide on cases made by hand, and that they keep their word.

use super::*;
use crate::score::Score;
use crate::stop::{Monitor, Point, Stopped};
use proptest::prelude::*;

fn ruled(text: &str) -> Ruled {
    schedule(text).ruled(4, 100).unwrap().unwrap_or_else(|| panic!("{text} has no rule"))
}

fn point(epoch: u32, rate: f64, value: f64) -> Point {
    let (validation_loss, score) = (Some(value), Some(-value));
    Point { epoch, rate, train_loss: 0.5, objective: value, validation_loss, score }
}

/// The rate of each epoch of a run whose curve is `values`, and why it stopped.
fn follow(text: &str, base: Option<f64>, values: &[f64]) -> (Vec<f64>, Option<Stopped>) {
    let ruled = ruled(text);
    let mut watch = ruled.watch(Score::Accuracy);
    let mut rates = Vec::new();
    for (value, epoch) in values.iter().zip(1..) {
        let resolved = ruled.written_out(watch.changes()).resolve(base, 4, 100).unwrap();
        let rate = resolved.at(u64::from(epoch - 1) * 4).rate;
        rates.push(rate);
        if let Some(stopped) = watch.observe(&point(epoch, rate, *value)) {
            return (rates, Some(stopped));
        }
    }
    (rates, None)
}

/// Any kind whose rate follows the curve.
pub(super) fn following(timing: BoxedStrategy<Timing>) -> impl Strategy<Value = Schedule> {
    let monitor = || prop_oneof![Just(Monitor::Loss), Just(Monitor::Score), Just(Monitor::TrainingLoss)];
    let amounts = || (0.01..0.99f64, prop_oneof![Just(1e-4), 0.0..0.1], prop_oneof![Just(0.0), 0.0..1e-3]);
    let counts = || (0..20u32, 0..5u32, 0..5u32);
    let plateau = (amounts(), counts(), monitor(), any::<(bool, bool)>()).prop_map(
        |((factor, threshold, min), (patience, cooldown, _), monitor, (relative, keras))| {
            RateRule::OnPlateau(OnPlateau {
                factor,
                patience,
                monitor,
                threshold,
                relative,
                cooldown,
                min,
                eps: min,
                keras,
            })
        },
    );
    let greedy = (amounts(), counts(), monitor(), any::<(bool, bool)>(), 1..9u32).prop_map(
        |((factor, threshold, min), (patience, cooldown, warmup), monitor, (relative, limited), window)| {
            let (max, eps, reset) = (limited.then_some(min + 1.0), min, window * 100);
            RateRule::Greedy(Greedy {
                factor,
                patience,
                monitor,
                threshold,
                relative,
                cooldown,
                warmup,
                min,
                max,
                eps,
                window,
                reset,
            })
        },
    );
    let adaptive = (amounts(), counts(), monitor()).prop_map(|((factor, tol, min), (patience, ..), monitor)| {
        RateRule::Adaptive(Adaptive { factor, tol, patience, min, monitor })
    });
    (prop_oneof![plateau, greedy, adaptive], timing).prop_map(|(rule, timing)| match rule {
        RateRule::OnPlateau(rule) => Schedule::OnPlateau(rule, timing),
        RateRule::Greedy(rule) => Schedule::Greedy(rule, timing),
        RateRule::Adaptive(rule) => Schedule::Adaptive(rule, timing),
    })
}

const FLAT: [f64; 9] = [1.0; 9];

#[test]
fn a_plateau_lowers_the_rate_and_a_score_is_read_the_other_way_round() {
    let halves = |text: &str, values: &[f64]| -> Vec<i32> {
        follow(text, Some(8.0), values).0.iter().map(|rate| (8.0 / rate).log2().round() as i32).collect()
    };
    // The first sets the best; then patience + 1 epochs.
    assert_eq!(halves("on_plateau(factor=0.5, patience=1)", &FLAT), [0, 0, 0, 1, 1, 2, 2, 3, 3]);
    assert_eq!(halves("on_plateau(factor=0.5, patience=2, like=keras)", &FLAT), [0, 0, 0, 1, 1, 2, 2, 3, 3]);
    assert_eq!(halves("on_plateau(factor=0.5, patience=0, cooldown=2)", &FLAT), [0, 0, 1, 1, 1, 2, 2, 2, 3]);
    assert_eq!(halves("on_plateau(factor=0.5, patience=1, min=3)", &FLAT), [0, 0, 0, 1, 1, 1, 1, 1, 1]);
    let falling: Vec<f64> = (0..9).map(|epoch| -f64::from(epoch)).collect();
    let rising: Vec<f64> = falling.iter().map(|value| -value).collect();
    for text in ["on_plateau(factor=0.5, patience=1)", "on_plateau(factor=0.5, patience=1, monitor=score)"] {
        assert_eq!(halves(text, &falling), [0; 9]);
        assert_eq!(halves(text, &rising), [0, 0, 0, 1, 1, 2, 2, 3, 3]);
    }
}

#[test]
fn a_relative_threshold_is_right_below_zero() {
    // Each value is worse than the one before, by less than the threshold: upstream takes that for better.
    let values: Vec<f64> = (0..6).map(|epoch| -1.0 + 1e-3 * f64::from(epoch)).collect();
    let rates = follow("on_plateau(factor=0.5, patience=1, threshold=0.01)", Some(1.0), &values).0;
    assert_eq!(rates, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]);
    let better: Vec<f64> = (0..6).map(|epoch| -1.0 - 0.1 * f64::from(epoch)).collect();
    assert_eq!(follow("on_plateau(patience=0, threshold=0.01)", Some(1.0), &better).0, [1.0; 6]);
}

#[test]
fn rules_begin_where_they_stand() {
    let warm = "sequence(linear(from=0, to=1, over=3, per=epoch), on_plateau(factor=0.5, patience=1))";
    let rates = follow(warm, Some(3.0), &FLAT).0;
    assert_eq!(rates, [0.0, 1.0, 2.0, 3.0, 3.0, 3.0, 1.5, 1.5, 0.75]);
    // Within an epoch: the next whole one is the first that is read.
    let within = "sequence(linear(from=0, to=1, over=2.5), on_plateau(factor=0.5, patience=1))";
    let rates = follow(within, Some(4.0), &FLAT).0;
    assert_eq!(rates[3..], [4.0, 4.0, 4.0, 2.0, 2.0, 1.0]);
    let cooled = "sequence(on_plateau(factor=0.5, patience=1), cooldown(90))";
    assert_eq!(
        follow(cooled, Some(1.0), &[1.0; 12]).0[..11],
        [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625]
    );
    let chained = "chain(step(every=4, gamma=0.1), on_plateau(factor=0.5, patience=1))";
    let rates = follow(chained, Some(1.0), &FLAT).0;
    for (got, wanted) in rates.iter().zip([1.0, 1.0, 1.0, 0.5, 0.05, 0.025, 0.025, 0.0125, 0.00125]) {
        assert!(near(*got, wanted), "{rates:?}");
    }
    let own = "chain(cyclic(base=1, max=3, up=2), on_plateau(factor=0.5, patience=1))";
    assert_eq!(follow(own, None, &FLAT).0, [1.0, 2.0, 3.0, 1.0, 0.5, 0.5, 0.75, 0.25, 0.125]);
}

#[test]
fn adaptive_ends_a_run_whose_rate_is_too_low_to_go_on() {
    let (rates, stopped) = follow("adaptive(patience=0, min=0.05)", Some(1.0), &FLAT);
    assert_eq!(stopped, Some(Stopped::Converged));
    assert_eq!(rates.len(), 4);
    assert!(near(rates[2], 0.2) && near(rates[3], 0.04), "{rates:?}");
}

const RULES: [&str; 8] = [
    "on_plateau(patience=3)",
    "on_plateau(patience=0, cooldown=2)",
    "on_plateau(factor=0.5, patience=2, cooldown=3, like=keras)",
    "on_plateau(patience=1, mode=absolute, threshold=0.2, monitor=score)",
    "greedy(patience=2)",
    "greedy(factor=0.5, patience=0, warmup=2, cooldown=3, min=0.01, max=0.5, reset=2)",
    "greedy(patience=1, window=3)",
    "adaptive(patience=2, tol=0.1, min=0)",
];

proptest! {
    /// What is known ahead does not change, a restart rebuilds the counters, and no rate is wrong.
    #[test]
    fn rules_keep_their_word(values in prop::collection::vec(prop_oneof![
        8 => -1.0..2.0f64, 2 => Just(0.5), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)
    ], 40), which in 0..RULES.len()) {
        let ruled = ruled(RULES[which]);
        let factor = |changes: &[(u32, f64)], epoch: u32| {
            changes.iter().rev().find(|(after, _)| *after < epoch).map_or(1.0, |(_, factor)| *factor)
        };
        let mut watch = ruled.watch(Score::Accuracy);
        let mut promised: Vec<(u32, f64)> = Vec::new();
        for (value, epoch) in values.iter().zip(1u32..) {
            promised.extend((epoch..=watch.certain()).map(|ahead| (ahead, factor(watch.changes(), ahead))));
            let rate = 0.1 * factor(watch.changes(), epoch);
            prop_assert!(rate.is_finite() && rate >= 0.0);
            watch.observe(&point(epoch, rate, *value));
            // Shown all of it again, as after a restart.
            let mut again = ruled.watch(Score::Accuracy);
            for (value, epoch) in values.iter().zip(1..=epoch) {
                again.observe(&point(epoch, 0.1 * factor(again.changes(), epoch), *value));
            }
            prop_assert_eq!((again.changes(), again.certain()), (watch.changes(), watch.certain()));
        }
        for (epoch, promised) in promised.into_iter().filter(|(epoch, _)| *epoch <= 40) {
            prop_assert_eq!(factor(watch.changes(), epoch), promised, "epoch {}", epoch);
        }
    }
}
