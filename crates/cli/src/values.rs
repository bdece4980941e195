//! Settings as given on the command line: lists of values, and the space they span.

use crate::flags;
use opportune_core::InputError;
use opportune_core::averaging::Average;
use opportune_core::epochs::ladder;
use opportune_core::loss::Loss;
use opportune_core::optimizer::Optimizer;
use opportune_core::settings::{Activation, Settings};
use opportune_core::space::{Domain, Param, Space, Value};
use opportune_core::stop::{Monitor, Patience, StopRule, TolOn};

/// Splits a comma list, but not within brackets.
pub fn list(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).collect()
}

fn number(text: &str) -> Result<Value, InputError> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::Number(number)),
        Ok(_) => Err(InputError::new(format!("'{text}' is not finite"))),
        Err(_) => Err(InputError::new(format!("'{text}' is not a number"))),
    }
}

/// A number, or `none`.
fn bound(text: &str) -> Result<Value, InputError> {
    if text == "none" { Ok(Value::Text(text.into())) } else { number(text) }
}

/// `on` or `off`.
fn switch(text: &str) -> Result<Value, InputError> {
    match text {
        "on" | "off" => Ok(Value::Text(text.into())),
        _ => Err(InputError::new(format!("'{text}' is neither on nor off"))),
    }
}

fn count(text: &str) -> Result<Value, InputError> {
    text.parse().map(Value::Count).map_err(|_| InputError::new(format!("'{text}' is not a whole number from 0 up")))
}

fn hidden(text: &str) -> Result<Value, InputError> {
    if text == "none" {
        return Ok(Value::Layers(Vec::new()));
    }
    let widths = list(text).into_iter().map(|width| {
        width.parse().map_err(|_| {
            InputError::new(format!("'{width}' is not a number of units")).remedy("write 100, or 50,50 for two layers")
        })
    });
    Ok(Value::Layers(widths.collect::<Result<_, _>>()?))
}

/// `low..high`, drawn by its logarithm if `log`, else evenly.
fn range(text: &str, whole: bool, log: bool) -> Result<Domain, InputError> {
    let (low, high) = text.split_once("..").unwrap_or((text, ""));
    if low.trim().is_empty() || high.trim().is_empty() {
        return Err(InputError::new(format!("the range '{text}' has no end")).remedy("write LOW..HIGH"));
    }
    let end = |text: &str| if whole { count(text.trim()) } else { number(text.trim()) };
    let (low, high) = (end(low)?.number().unwrap_or(0.0), end(high)?.number().unwrap_or(0.0));
    if log && low <= 0.0 {
        return Err(InputError::new(format!("the range '{text}' does not begin above 0"))
            .remedy("ranges are drawn by their logarithms; give a list if 0 is to be among the values"));
    }
    if low >= high {
        return Err(InputError::new(format!("the range '{text}' is empty")).remedy("write LOW..HIGH"));
    }
    Ok(Domain::Range { low, high, log, whole })
}

/// What is made of settings that are not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaid {
    /// The default value.
    Default,
    /// The search finds the rate, compares schedules, and decides on the number of epochs.
    Sought,
}

/// The space that the flags span: a parameter for every setting, of one value, several or a range. `Settings` that are
/// not given have their default as the only value; `lr` is left out where no schedule takes one. Where they are sought,
/// `lr` and `schedule` are left out if they are not given, and `epochs` always: see [`epochs`].
pub fn space(given: &flags::Space, unsaid: Unsaid) -> Result<Space, InputError> {
    let base = Settings::default();
    let sought = unsaid == Unsaid::Sought;
    let mut params: Vec<Param> = Vec::new();
    let mut add = |name: &str, domain: Domain| -> Result<(), InputError> {
        if let Domain::Values(values) = &domain {
            for (place, value) in values.iter().enumerate() {
                if values[..place].contains(value) {
                    return Err(InputError::new(format!("{value} is given twice")).at(format!("--{name}")));
                }
            }
        }
        params.push(Param { name: name.into(), domain });
        Ok(())
    };
    let each = |name: &str, text: &Option<String>, default: Value, read: &dyn Fn(&str) -> Result<Value, InputError>| {
        let Some(text) = text else { return Ok(Domain::Values(vec![default])) };
        let ranges = ["lr", "l2", "weight-decay", "batch", "label-smoothing", "dropout", "clip-norm", "clip-value"];
        let domain = match ranges.contains(&name) && text.contains("..") {
            true => range(text, name == "batch", name != "dropout"),
            false => list(text).into_iter().map(read).collect::<Result<Vec<_>, _>>().map(Domain::Values),
        };
        domain.map_err(|error| error.at(format!("--{name}")))
    };
    let word = |text: String| Value::Text(text);
    let layers: Vec<Value> = match given.network.hidden.is_empty() {
        true => vec![Value::Layers(base.hidden)],
        false => given
            .network
            .hidden
            .iter()
            .map(|text| hidden(text))
            .collect::<Result<_, _>>()
            .map_err(|error| error.at("--hidden"))?,
    };
    add("hidden", Domain::Values(layers))?;
    let activation = |text: &str| text.parse::<Activation>().map(|one| word(one.to_string()));
    add("activation", each("activation", &given.network.activation, word(base.activation.to_string()), &activation)?)?;
    let optimizer = |text: &str| text.parse::<Optimizer>().map(|one| word(one.to_string()));
    let optimizers = each("optimizer", &given.network.optimizer, word(base.optimizer.to_string()), &optimizer)?;
    let Domain::Values(words) = &optimizers else { return Err(InputError::new("is no range").at("--optimizer")) };
    let kinds: Vec<Optimizer> = words.iter().filter_map(|one| one.text()?.parse().ok()).collect();
    let same = |of: fn(&Optimizer) -> f64| kinds.iter().all(|one| of(one) == of(&kinds[0]));
    if given.network.weight_decay.is_none() && !same(Optimizer::weight_decay_default) {
        return Err(InputError::new("these optimizers have different defaults, and together need one said for all")
            .at("--weight-decay")
            .remedy("give --weight-decay 0.01, or 0"));
    }
    let usual = kinds.first().copied().unwrap_or(base.optimizer);
    let one_rate = same(Optimizer::rate_default);
    add("optimizer", optimizers)?;
    add("batch", each("batch", &given.network.batch, Value::Count(base.batch), &count)?)?;
    add("l2", each("l2", &given.network.l2, Value::Number(base.l2), &number)?)?;
    let decay = Value::Number(usual.weight_decay_default());
    add("weight-decay", each("weight-decay", &given.network.weight_decay, decay, &number)?)?;
    // Those that are off unless given are parameters only where they are.
    let network = &given.network;
    type Read = fn(&str) -> Result<Value, InputError>;
    let average: Read = |text| text.parse::<Average>().map(|one| Value::Text(one.to_string()));
    let loss: Read = |text| text.parse::<Loss>().map(|one| Value::Text(one.to_string()));
    let more: &[(&str, &Option<String>, Read)] = &[
        ("loss", &network.loss, loss),
        ("label-smoothing", &network.label_smoothing, number),
        ("layer-norm", &network.layer_norm, switch),
        ("dropout", &network.dropout, number),
        ("clip-norm", &network.clip_norm, bound),
        ("clip-value", &network.clip_value, bound),
        ("average", &given.average, average),
    ];
    for (name, text, read) in more.iter().filter(|(_, text, _)| text.is_some()) {
        add(name, each(name, text, word("none".into()), read)?)?;
    }
    if !(sought && given.schedule.is_empty()) {
        let schedules = match given.schedule.is_empty() {
            true => vec![word(base.schedule.to_string())],
            false => given.schedule.iter().map(|one| word(one.to_string())).collect(),
        };
        add("schedule", Domain::Values(schedules))?;
    }
    let own = given.schedule.iter().filter(|schedule| schedule.owns_rate()).count();
    if own == 0 {
        if !sought || given.lr.is_some() {
            if given.lr.is_none() && !one_rate {
                return Err(InputError::new("these optimizers have different default rates")
                    .at("--lr")
                    .remedy("give one for all, or a list"));
            }
            add("lr", each("lr", &given.lr, Value::Number(usual.rate_default()), &number)?)?;
        }
    } else if own < given.schedule.len() {
        return Err(InputError::new("some of these schedules have rates of their own and some take --lr")
            .at("--schedule")
            .remedy("search them in two studies, with --name"));
    } else if given.lr.is_some() {
        return Err(InputError::new(format!("the schedule {} has rates of its own", given.schedule[0].brief()))
            .at("--lr")
            .remedy("leave --lr out, or choose a schedule that scales it"));
    }
    if !sought {
        add("epochs", each("epochs", &given.epochs, Value::Count(base.epochs), &count)?)?;
    }
    Ok(Space(params))
}

/// Numbers of epochs that a search may recommend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epochs {
    /// Ascending; the last one is the limit.
    pub ladder: Vec<u32>,
}

impl Epochs {
    /// The largest.
    pub fn limit(&self) -> u32 {
        self.ladder.last().copied().unwrap_or(1)
    }
}

/// What `--epochs` allows where it is sought: `..200` or `200` are all up to there, `10..200` from there on too, and a
/// list exactly those.
pub fn epochs(given: &flags::Space) -> Result<Epochs, InputError> {
    let read = |text: &str| -> Result<u32, InputError> {
        match count(text.trim())?.count() {
            Some(0) | None => Err(InputError::new("0 epochs train nothing; give at least 1")),
            Some(count) => Ok(count),
        }
    };
    let text = given.epochs.clone().unwrap_or_else(|| Settings::default().epochs.to_string());
    let ladder = || match (text.split_once(".."), list(&text).as_slice()) {
        (Some((_, high)), _) if high.trim().is_empty() => {
            Err(InputError::new(format!("the range '{text}' has no end")).remedy("write LOW..HIGH, or ..HIGH"))
        }
        (Some((low, high)), _) => {
            let (low, high) = (if low.trim().is_empty() { 1 } else { read(low)? }, read(high)?);
            match low <= high {
                true => Ok(ladder(low, high)),
                false => Err(InputError::new(format!("the range '{text}' is empty")).remedy("write LOW..HIGH")),
            }
        }
        (None, [limit]) => Ok(ladder(1, read(limit)?)),
        (None, all) => {
            let mut all = all.iter().map(|one| read(one)).collect::<Result<Vec<_>, _>>()?;
            all.sort_unstable();
            match all.windows(2).find(|pair| pair[0] == pair[1]) {
                Some(pair) => Err(InputError::new(format!("{} is given twice", pair[0]))),
                None => Ok(all),
            }
        }
    };
    ladder().map(|ladder| Epochs { ladder }).map_err(|error| error.at("--epochs"))
}

/// Settings that no parameter changes. `owns_rate`: the schedules have rates of their own.
pub fn base(training: &flags::Training, owns_rate: bool) -> Settings {
    let default = Settings::default();
    Settings {
        lr: default.lr.filter(|_| !owns_rate),
        init: training.init,
        precision: training.precision,
        seed: training.seed,
        ..default
    }
}

/// The stop rules that the flags ask for.
pub fn rules(training: &flags::Training) -> Result<Vec<StopRule>, InputError> {
    let mut rules = Vec::new();
    let amount = |flag: &str, value: f64| match value.is_finite() && value >= 0.0 {
        true => Ok(value),
        false => Err(InputError::new(format!("{value} is not a finite number from 0 up")).at(flag)),
    };
    let some = |flag: &str, epochs: u32| match epochs {
        0 => Err(InputError::new("0 epochs; give at least 1").at(flag)),
        epochs => Ok(epochs),
    };
    if let Some(patience) = training.patience {
        if training.baseline.is_some_and(|baseline| !baseline.is_finite()) {
            return Err(InputError::new("is not a finite number").at("--baseline"));
        }
        rules.push(StopRule::Patience(Patience {
            epochs: some("--patience", patience)?,
            min_delta: amount("--min-delta", training.min_delta.unwrap_or(0.0))?,
            monitor: training.monitor.unwrap_or(Monitor::Loss),
            baseline: training.baseline,
            start: training.start_from_epoch.unwrap_or(0),
            last: training.keep_last,
        }));
    }
    if let Some(tol) = training.tol {
        let tol = amount("--tol", tol)?;
        let epochs = some("--n-iter-no-change", training.n_iter_no_change.unwrap_or(10))?;
        rules.push(match training.tol_on.unwrap_or(TolOn::Training) {
            TolOn::Training => StopRule::Tol { tol, epochs },
            TolOn::Score => StopRule::ScoreTol { tol, epochs },
        });
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn given(line: &str) -> flags::Space {
        let words = ["opportune", "fit", "a.csv"].into_iter().chain(line.split(' ').filter(|word| !word.is_empty()));
        match flags::Program::try_parse_from(words).unwrap().command {
            flags::Command::Fit(fit) => fit.space,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_third_example_spans_eighteen_points() {
        let space =
            space(&given("--hidden 100 --hidden 50,50 --lr 0.01,0.001,0.0001 --epochs 100,200,300"), Unsaid::Default);
        let space = space.unwrap();
        assert_eq!(space.size(), 18);
        assert_eq!(space.param("hidden").unwrap().values()[1], Value::Layers(vec![50, 50]));
    }

    #[test]
    fn lists_may_hold_brackets() {
        let space =
            space(&given("--optimizer sgd(momentum=0.9,nesterov=true),adam --hidden none"), Unsaid::Default).unwrap();
        assert_eq!(space.param("optimizer").unwrap().values().len(), 2);
        assert_eq!(space.param("hidden").unwrap().values(), [Value::Layers(vec![])]);
    }

    #[test]
    fn rate_and_decay_left_out_are_the_optimizers() {
        for (optimizer, rate, decay) in [("adam", 1e-3, 0.0), ("prodigy", 1.0, 0.0), ("muon", 1e-3, 0.1)] {
            let space = space(&given(&format!("--optimizer {optimizer}")), Unsaid::Default).unwrap();
            let only = |name: &str| space.param(name).unwrap().values()[0].number();
            assert_eq!((only("lr"), only("weight-decay")), (Some(rate), Some(decay)), "{optimizer}");
        }
    }

    #[test]
    fn mistakes_name_their_flag() {
        for (line, part) in [
            ("--lr 0.1,x", "--lr: 'x' is not a number"),
            ("--lr 0..1", "--lr: the range '0..1' does not begin above 0"),
            ("--lr 1..0.1", "--lr: the range '1..0.1' is empty"),
            ("--lr 1..", "--lr: the range '1..' has no end"),
            ("--batch 1.5..3", "--batch: '1.5' is not a whole number"),
            ("--lr inf", "--lr: 'inf' is not finite"),
            ("--epochs 1.5", "--epochs: '1.5' is not a whole number"),
            ("--hidden 5,,5", "--hidden: '' is not a number of units"),
            ("--lr 0.1,0.1", "--lr: 0.1 is given twice"),
            ("--optimizer adm", "did you mean 'adam'"),
            ("--optimizer adam,adamw", "--weight-decay"),
            ("--optimizer adam,rmsprop", "--lr: these optimizers have different default rates; give one for all"),
            ("--lr 0.1 --schedule cyclic(base=1e-4,max=1e-2,up=2)", "rates of its own"),
            ("--schedule cosine --schedule cyclic(base=1e-4,max=1e-2,up=2)", "in two studies"),
        ] {
            let error = space(&given(line), Unsaid::Default).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn what_is_sought_is_left_open() {
        let open = |line: &str| space(&given(line), Unsaid::Sought).unwrap();
        let names = |space: &Space| space.0.iter().map(|param| param.name.clone()).collect::<Vec<_>>();
        let always = ["hidden", "activation", "optimizer", "batch", "l2", "weight-decay"];
        assert_eq!(names(&open("")), always);
        let more = open("--loss absolute --label-smoothing 0.01..0.2");
        assert_eq!(names(&more), [&always[..], &["loss", "label-smoothing"]].concat());
        let all = open("--lr 1e-4..1e-2 --schedule cosine --epochs 5 --batch 16..64");
        assert_eq!(names(&all), [&always[..], &["schedule", "lr"]].concat());
        assert_eq!(all.param("lr").unwrap().domain, Domain::Range { low: 1e-4, high: 1e-2, log: true, whole: false });
        assert_eq!(all.param("batch").unwrap().domain, Domain::Range { low: 16.0, high: 64.0, log: true, whole: true });
    }

    #[test]
    fn epochs_are_a_limit_a_range_or_a_list() {
        let ladder = |line: &str| epochs(&given(line)).map(|epochs| epochs.ladder);
        assert_eq!(ladder("--epochs 10").unwrap(), [1, 2, 3, 5, 8, 10]);
        assert_eq!(ladder("--epochs ..10").unwrap(), [1, 2, 3, 5, 8, 10]);
        assert_eq!(ladder("--epochs 6..10").unwrap(), [6, 8, 10]);
        assert_eq!(ladder("--epochs 10,5,20").unwrap(), [5, 10, 20]);
        assert_eq!(ladder("").unwrap().last(), Some(&200));
        for (line, part) in [
            ("--epochs 0", "--epochs: 0 epochs"),
            ("--epochs 5..", "--epochs: the range '5..' has no end"),
            ("--epochs 9..5", "--epochs: the range '9..5' is empty"),
            ("--epochs 5,5", "--epochs: 5 is given twice"),
            ("--epochs ..1e3", "--epochs: '1e3' is not"),
        ] {
            assert!(ladder(line).unwrap_err().to_string().starts_with(part), "{line}");
        }
    }
}
