//! The whole text of several verdicts, as it is shown.
//!
//! To write the files anew after a change that is meant: `OPPORTUNE_SNAPSHOTS=1 cargo test -p opportune-report`.

use super::sample;
use super::{Found, Verdict, verdict_text};
use opportune_core::score::Score;
use std::path::Path;

fn check(name: &str, found: &Found) {
    let text = verdict_text(&Verdict::of(found).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verdict/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("OPPORTUNE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{name}");
    let commands = text.find("\nNext\n").unwrap();
    for line in text[..commands].lines() {
        assert!(line.chars().count() <= 100 && line.trim_end() == line, "{name}: {line}");
    }
}

#[test]
fn verdicts_read_as_they_are_kept() {
    check("ordinary", &sample::ordinary());
    check("ended_by_itself", &Found { limit: 200, ..sample::ordinary() });
    check("single_split", &sample::single_split());
    check("given_folds", &sample::given_folds());
    check("given_split", &Found { divided_anew: false, ..sample::single_split() });
    check("at_the_limit", &sample::at_the_limit());
    check("edge_of_rates", &sample::of_rates(&[0.001, 0.002, 0.004], 2));
    check("overfitting", &sample::overfitting());
    check("diverged_neighbour", &sample::diverged_neighbour());
    check("unknown_neighbours", &sample::of_rates(&[0.001, 0.004, 0.016], 1));
    check("several_networks", &sample::several_networks());
    check("r2", &sample::regression(Score::R2));
    check("rmse", &sample::regression(Score::Rmse));
    check("one_trial", &sample::one_trial());
    check("ended_early", &sample::ended_early());
    check("cosine_delivered", &sample::cosine_delivered());
    check("grid", &sample::grid());
}
