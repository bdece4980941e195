//! A page with every optimizer.

use crate::markdown::cell;
use opportune_core::optimizer::{Kind, Optimizer};

/// `docs/optimizers.md`: every optimizer with its step, constants, origin, and what differs from upstream.
pub fn optimizers_page() -> String {
    let mut page = "\
# Optimizers

Every optimizer that Opportune knows, for `--optimizer`, with its constants and its names elsewhere. Written by
`cargo xtask gallery` from the code. Fifty steps of each, with constants of several kinds, changing rates and, where there is
one, a cycled momentum, are held against the first library named (`xtask/golden/optimizers`), in 64 bits to 1e-10; and all
solve one table of problems (`crates/net/src/update/golden.rs`).

In the formulas θ are the parameters, g is their gradient, t the number of the step from 1, λ the weight decay; m̂ and v̂ are
divided by 1−β1ᵗ and 1−β2ᵗ. What holds for all:

- `--l2 α` is part of the loss, ½α‖W‖²/rows, and so of g. `--weight-decay λ` is decoupled, times the rate of the step, also
  where upstream adds it to the gradient. Biases are free of both, and so are gain and bias of `--layer-norm`.
- `--clip-value` and then `--clip-norm` cut the gradient of the loss before that of `--l2` is added, as PyTorch's
  `clip_grad_value_` and `clip_grad_norm_` do where the penalty is the optimizer's `weight_decay`; not with lbfgs.
- A schedule may multiply any rate. One that cycles the momentum sets the constant named below at each step; with an optimizer
  that has none it is an error.
- The rate is the one below where `fit` is given none.
- Defaults are those of the first library named. Keras has others (ε is 1e-7, RMSprop's memory 0.9, Adadelta's 0.95, NAdam's
  momentum_decay 1), and puts ε inside RMSprop's root and outside Adam's correction.

| optimizer | what it does | rate | λ | cycled |
|---|---|---|---|---|
"
    .to_string();
    for kind in Optimizer::KINDS {
        page += &format!(
            "| [{name}](#{name}) | {} | {} | {} | {} |\n",
            cell(kind.summary),
            kind.rate,
            kind.weight_decay,
            cycled(kind),
            name = kind.name
        );
    }
    for kind in Optimizer::KINDS {
        page += &format!("\n## {}\n\n{}\n\n    {}\n", kind.name, kind.summary, kind.update);
        page += "\n| constant | default | range | what it is |\n|---|---|---|---|\n";
        for key in kind.keys {
            let (range, meaning) = (key.range.words(), cell(key.meaning));
            let default = key.default.trim_end_matches(".0");
            page += &format!("| `{}` | {default} | {range} | {meaning} |\n", key.name);
        }
        page += &format!("\nElsewhere: {}. From: {}.\n", kind.upstream.join(", "), kind.paper);
        if !kind.differs.is_empty() {
            page += &format!("\nDiffers: {}\n", kind.differs);
        }
    }
    page
}

/// The constant that a schedule may cycle.
fn cycled(kind: &Kind) -> String {
    match kind.cycles {
        None => "–".into(),
        // One that may be 0 is there only where it is not.
        Some("momentum") => "`momentum`, above 0".into(),
        Some(key) => format!("`{key}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_page_in_docs_names_all_and_is_current() {
        let page = optimizers_page();
        for name in Optimizer::NAMES {
            assert!(page.contains(&format!("\n## {name}\n")), "{name}");
        }
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/optimizers.md");
        let there = std::fs::read_to_string(docs).unwrap_or_default();
        assert!(there == page, "docs/optimizers.md is not current: run cargo xtask gallery");
    }
}
