use super::super::sample::*;
use super::verdict_svg;

#[test]
fn show() {
    if let Some(folder) = std::env::var_os("DUMP") {
        let folder = std::path::Path::new(&folder);
        for (name, found) in [
            ("ordinary", ordinary()),
            ("single_split", single_split()),
            ("at_the_limit", at_the_limit()),
            ("edge", of_rates(&[0.001, 0.002, 0.004], 2)),
            ("overfitting", overfitting()),
            ("diverged", diverged_neighbour()),
            ("several", several_networks()),
            ("rmse", regression(opportune_core::score::Score::Rmse)),
            ("one", one_trial()),
            ("early", ended_early()),
            ("grid", grid()),
        ] {
            std::fs::write(folder.join(format!("{name}.svg")), verdict_svg(&found)).unwrap();
        }
    }
}
