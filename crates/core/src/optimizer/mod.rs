//! Optimizers as data: their names, constants and text form. The arithmetic is the trainer's.

mod kind;
mod list;

pub use kind::{Key, Kind, Range};
pub use list::*;

use crate::error::InputError;
use crate::text::{Args, Call, Writer, parse};
use std::fmt;
use std::str::FromStr;

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::Adam(Adam::default())
    }
}

impl Optimizer {
    /// Whether a schedule can cycle its momentum (or β1).
    pub fn has_momentum(&self) -> bool {
        let Some(key) = self.kind().cycles else { return false };
        key != "momentum" || self.constants().iter().any(|(name, value)| *name == key && *value > 0.0)
    }

    /// Whether what it delivers is an average beside the weights that it steps: Schedule-Free.
    pub fn averages(&self) -> bool {
        matches!(self, Optimizer::ScheduleFreeSgd(_) | Optimizer::ScheduleFreeAdamW(_))
    }

    /// λ where `--weight-decay` is not given, as upstream: 0.01 for AdamW, 0.1 for Muon, else 0.
    pub fn weight_decay_default(&self) -> f64 {
        self.kind().weight_decay
    }

    /// The rate where none is given, as upstream.
    pub fn rate_default(&self) -> f64 {
        self.kind().rate
    }

    /// Rows of a batch, where `asked` are asked for and there are `rows`: L-BFGS, whose steps are compared with one
    /// another, takes all.
    pub fn batch(&self, asked: u32, rows: u32) -> u32 {
        if matches!(self, Optimizer::Lbfgs(_)) { rows } else { asked.min(rows) }
    }

    /// Whether the constants fit one another.
    fn check(&self, call: &Call) -> Result<(), InputError> {
        let at = call.value_at("nesterov");
        match self {
            Optimizer::Sgd(Sgd { nesterov: true, momentum: 0.0, .. }) => {
                Err(call.error(at, "nesterov needs a momentum").remedy("add momentum=0.9"))
            }
            Optimizer::Sgd(Sgd { nesterov: true, dampening, .. }) if *dampening > 0.0 => {
                Err(call.error(at, "nesterov and dampening exclude each other").remedy("leave one out"))
            }
            _ => Ok(()),
        }
    }
}

impl From<Optimizer> for String {
    fn from(optimizer: Optimizer) -> String {
        optimizer.to_string()
    }
}

impl TryFrom<String> for Optimizer {
    type Error = InputError;
    fn try_from(text: String) -> Result<Self, InputError> {
        text.parse()
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Writer::new(self.kind().name);
        self.write(&mut text);
        f.write_str(&text.finish())
    }
}

impl FromStr for Optimizer {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Optimizer, InputError> {
        let call = parse("optimizer", text)?;
        let name = call.choose(Optimizer::NAMES.iter().copied())?;
        let keys = Optimizer::KINDS.iter().filter(|kind| kind.name == name).flat_map(|kind| kind.keys);
        let keys: Vec<&str> = keys.map(|key| key.name).collect();
        let optimizer = Optimizer::read(name, &Args::new(&call, &keys)?)?;
        optimizer.check(&call)?;
        Ok(optimizer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_round_trips() {
        for text in [
            "adam",
            "adam(beta1=0.8)",
            "adamw(beta2=0.99, eps=1e-7, amsgrad=true)",
            "sgd",
            "sgd(momentum=0.9, nesterov=true)",
            "muon(nesterov=false, ns_steps=7)",
            "lbfgs(history_size=3)",
            "prodigy(d_coef=2, safeguard_warmup=true)",
        ] {
            assert_eq!(text.parse::<Optimizer>().unwrap().to_string(), text);
        }
        assert_eq!(Optimizer::default().to_string(), "adam");
    }

    #[test]
    fn every_description_is_whole_and_its_defaults_are_in_range() {
        for (kind, name) in Optimizer::KINDS.iter().zip(Optimizer::NAMES) {
            let optimizer: Optimizer = name.parse().unwrap();
            assert_eq!((optimizer.kind().name, optimizer.to_string().as_str()), (*name, *name));
            assert!(!kind.upstream.is_empty() && kind.summary.ends_with('.') && kind.rate > 0.0, "{name}");
            // Every constant as its default text says is the default, so it is left out again.
            let all: Vec<String> = kind.keys.iter().map(|key| format!("{}={}", key.name, key.default)).collect();
            assert_eq!(format!("{name}({})", all.join(", ")).parse::<Optimizer>().unwrap(), optimizer);
            assert!(optimizer.constants().iter().zip(kind.keys).all(|((_, value), key)| key.range.holds(*value)));
            assert!(kind.cycles.is_none_or(|cycled| kind.keys.iter().any(|key| key.name == cycled)), "{name}");
        }
    }

    #[test]
    fn momenta_that_a_schedule_may_cycle() {
        for (text, has) in [
            ("sgd", false),
            ("sgd(momentum=0.9)", true),
            ("adam", true),
            ("nadam", true),
            ("rmsprop", false),
            ("rmsprop(momentum=0.5)", true),
            ("adagrad", false),
            ("adadelta", false),
            ("lion", true),
            ("muon", true),
            ("muon(momentum=0)", false),
            ("schedule_free_sgd", false),
            ("schedule_free_adamw", false),
            ("prodigy", true),
            ("lbfgs", false),
        ] {
            assert_eq!(text.parse::<Optimizer>().unwrap().has_momentum(), has, "{text}");
        }
    }

    #[test]
    fn batches() {
        let rows = |text: &str| text.parse::<Optimizer>().unwrap().batch(200, 1000);
        assert_eq!((rows("adam"), rows("lbfgs")), (200, 1000));
        assert_eq!(Optimizer::default().batch(200, 50), 50);
    }

    #[test]
    fn mistakes_are_named_at_their_character() {
        for (text, part) in [
            ("adm", "character 1: unknown optimizer 'adm'; did you mean 'adam'"),
            ("adam(beta=0.9)", "character 6: unknown key 'beta'"),
            ("adam(beta1=1)", "character 12: beta1 must be from 0 up and below 1, not 1"),
            ("adam(beta1=0.9, eps=0)", "character 21: eps must be above 0, not 0"),
            ("sgd(momentum=1.5)", "character 14: momentum must be"),
            ("sgd(nesterov=true)", "character 14: nesterov needs a momentum; add momentum=0.9"),
            ("sgd(momentum=0.9, dampening=0.1, nesterov=true)", "exclude each other"),
            ("nadam(momentum_decay=-1)", "character 22: momentum_decay must be from 0 up, not -1"),
            ("muon(ns_steps=100)", "character 15: ns_steps must be from 1 to 99, not 100"),
            ("muon(ns_steps=2.5)", "a whole number from 0 up"),
            ("rmsprop(centered=1)", "where true or false is expected"),
            ("lbfgs(history_size=0)", "history_size must be from 1 to 100, not 0"),
        ] {
            let error = text.parse::<Optimizer>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
