//! Settings as given on the command line: lists of values, and the space they span.

use crate::flags;
use opportune_core::InputError;
use opportune_core::optimizer::Optimizer;
use opportune_core::settings::{Activation, Settings};
use opportune_core::space::{Param, Space, Value};
use opportune_core::stop::{Monitor, StopRule};

/// Splits a comma list, but not within brackets.
fn list(text: &str) -> Vec<&str> {
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
    if text.contains("..") {
        return Err(InputError::new(format!("'{text}' is a range, and only lists can be searched yet"))
            .remedy("give the values, as 0.01,0.001,0.0001"));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Value::Number(number)),
        Ok(_) => Err(InputError::new(format!("'{text}' is not finite"))),
        Err(_) => Err(InputError::new(format!("'{text}' is not a number"))),
    }
}

fn count(text: &str) -> Result<Value, InputError> {
    if text.contains("..") {
        return number(text);
    }
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

/// The space that the flags span: a parameter for every setting, of one value or several. `Settings` that are not
/// given have their default as the only value; `lr` is left out where no schedule takes one.
pub fn space(given: &flags::Space) -> Result<Space, InputError> {
    let base = Settings::default();
    let mut params: Vec<Param> = Vec::new();
    let mut add = |name: &str, values: Vec<Value>| -> Result<(), InputError> {
        for (place, value) in values.iter().enumerate() {
            if values[..place].contains(value) {
                return Err(InputError::new(format!("{value} is given twice")).at(format!("--{name}")));
            }
        }
        params.push(Param::list(name, values));
        Ok(())
    };
    let each = |name: &str, text: &Option<String>, default: Value, read: &dyn Fn(&str) -> Result<Value, InputError>| {
        let Some(text) = text else { return Ok(vec![default]) };
        list(text).into_iter().map(read).collect::<Result<Vec<_>, _>>().map_err(|error| error.at(format!("--{name}")))
    };
    let word = |text: String| Value::Text(text);
    let layers: Vec<Value> = match given.hidden.is_empty() {
        true => vec![Value::Layers(base.hidden)],
        false => given
            .hidden
            .iter()
            .map(|text| hidden(text))
            .collect::<Result<_, _>>()
            .map_err(|error| error.at("--hidden"))?,
    };
    add("hidden", layers)?;
    let activation = |text: &str| text.parse::<Activation>().map(|one| word(one.to_string()));
    add("activation", each("activation", &given.activation, word(base.activation.to_string()), &activation)?)?;
    let optimizer = |text: &str| text.parse::<Optimizer>().map(|one| word(one.to_string()));
    let optimizers = each("optimizer", &given.optimizer, word(base.optimizer.to_string()), &optimizer)?;
    let decay =
        optimizers.iter().filter_map(|one| one.text()?.parse::<Optimizer>().ok()).map(|one| one.weight_decay_default());
    let decays: Vec<f64> = decay.collect();
    if given.weight_decay.is_none() && decays.iter().any(|one| *one != decays[0]) {
        return Err(InputError::new("adamw and other optimizers together need one said for all")
            .at("--weight-decay")
            .remedy("give --weight-decay 0.01, or 0"));
    }
    add("optimizer", optimizers)?;
    add("batch", each("batch", &given.batch, Value::Count(base.batch), &count)?)?;
    add("l2", each("l2", &given.l2, Value::Number(base.l2), &number)?)?;
    let decay = decays.first().copied().unwrap_or(base.weight_decay);
    add("weight-decay", each("weight-decay", &given.weight_decay, Value::Number(decay), &number)?)?;
    let schedules = match given.schedule.is_empty() {
        true => vec![word(base.schedule.to_string())],
        false => given.schedule.iter().map(|one| word(one.to_string())).collect(),
    };
    add("schedule", schedules)?;
    let own = given.schedule.iter().filter(|schedule| schedule.owns_rate()).count();
    if own == 0 {
        add("lr", each("lr", &given.lr, Value::Number(base.lr.unwrap_or(1e-3)), &number)?)?;
    } else if own < given.schedule.len() {
        return Err(InputError::new("some of these schedules have rates of their own and some take --lr")
            .at("--schedule")
            .remedy("search them in two studies, with --name"));
    } else if given.lr.is_some() {
        return Err(InputError::new(format!("the schedule {} has rates of its own", given.schedule[0]))
            .at("--lr")
            .remedy("leave --lr out, or choose a schedule that scales it"));
    }
    add("epochs", each("epochs", &given.epochs, Value::Count(base.epochs), &count)?)?;
    Ok(Space(params))
}

/// Settings that no parameter changes.
pub fn base(training: &flags::Training, space: &Space) -> Settings {
    let default = Settings::default();
    Settings {
        lr: default.lr.filter(|_| space.param("lr").is_some()),
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
        rules.push(StopRule::Patience {
            epochs: some("--patience", patience)?,
            min_delta: amount("--min-delta", training.min_delta.unwrap_or(0.0))?,
            monitor: training.monitor.unwrap_or(Monitor::Loss),
        });
    }
    if let Some(tol) = training.tol {
        rules.push(StopRule::Tol {
            tol: amount("--tol", tol)?,
            epochs: some("--n-iter-no-change", training.n_iter_no_change.unwrap_or(10))?,
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
        let space = space(&given("--hidden 100 --hidden 50,50 --lr 0.01,0.001,0.0001 --epochs 100,200,300")).unwrap();
        assert_eq!(space.size(), 18);
        assert_eq!(space.param("hidden").unwrap().values()[1], Value::Layers(vec![50, 50]));
    }

    #[test]
    fn lists_may_hold_brackets() {
        let space = space(&given("--optimizer sgd(momentum=0.9,nesterov=true),adam --hidden none")).unwrap();
        assert_eq!(space.param("optimizer").unwrap().values().len(), 2);
        assert_eq!(space.param("hidden").unwrap().values(), [Value::Layers(vec![])]);
    }

    #[test]
    fn mistakes_name_their_flag() {
        for (line, part) in [
            ("--lr 0.1,x", "--lr: 'x' is not a number"),
            ("--lr 1e-4..1", "--lr: '1e-4..1' is a range"),
            ("--lr inf", "--lr: 'inf' is not finite"),
            ("--epochs 1.5", "--epochs: '1.5' is not a whole number"),
            ("--hidden 5,,5", "--hidden: '' is not a number of units"),
            ("--lr 0.1,0.1", "--lr: 0.1 is given twice"),
            ("--optimizer adm", "did you mean 'adam'"),
            ("--optimizer adam,adamw", "--weight-decay"),
            ("--lr 0.1 --schedule cyclic(base=1e-4,max=1e-2,up=2)", "rates of its own"),
            ("--schedule cosine --schedule cyclic(base=1e-4,max=1e-2,up=2)", "in two studies"),
        ] {
            let error = space(&given(line)).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
