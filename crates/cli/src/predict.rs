//! `opportune predict`: labels and probabilities for new data.

use crate::flags::Predict;
use crate::work::Exit;
use opportune_core::InputError;
use opportune_core::score::arg_max;
use opportune_data::{Loaded, ReadOptions, read};
use opportune_net::{Model, Predictions};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};

pub fn run(flags: &Predict) -> Result<Exit, InputError> {
    let path = match flags.model.is_dir() {
        true => flags.model.join("model.safetensors"),
        false => flags.model.clone(),
    };
    let model = Model::load(&path)?;
    let options = ReadOptions { needs_target: false, ..ReadOptions::default() };
    let Loaded { data, test, warnings } = read(&flags.data, &options)?;
    // Of a folder with a test set, that is what is new.
    let (data, aligned) =
        model.encoder().align(test.unwrap_or(data)).map_err(|error| error.at(flags.data.display().to_string()))?;
    warnings.iter().chain(&aligned).for_each(|warning| crate::say(&format!("warning: {warning}")));
    let predictions = model.predict(&data);
    if let Some(warning) = undefined(&predictions) {
        crate::say(&format!("warning: {warning}"));
    }
    let write =
        |to: &mut dyn Write| if flags.json { write_json(&predictions, to) } else { write_csv(&predictions, to) };
    let cannot = |place: &str, error: std::io::Error| {
        InputError::new(format!("cannot be written ({error})")).at(place.to_string())
    };
    match &flags.out {
        Some(out) => {
            let place = out.display().to_string();
            let mut file = BufWriter::new(File::create(out).map_err(|error| cannot(&place, error))?);
            write(&mut file).and_then(|()| file.flush()).map_err(|error| cannot(&place, error))?;
        }
        None => match write(&mut BufWriter::new(std::io::stdout().lock())) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                return Err(cannot("standard output", error));
            }
            _ => {}
        },
    }
    Ok(Exit::Fine)
}

/// The class of a row of probabilities; `None` where they are not numbers.
fn label<'a>(labels: &'a [String], row: &[f64]) -> Option<&'a String> {
    row.iter().all(|p| p.is_finite()).then(|| labels.get(arg_max(row))).flatten()
}

/// How many rows have no prediction: their values are so far from those of training that the arithmetic overflows.
fn undefined(predictions: &Predictions) -> Option<String> {
    let count = match predictions {
        Predictions::Classes { labels, probabilities } => {
            probabilities.chunks(labels.len().max(1)).filter(|row| label(labels, row).is_none()).count()
        }
        Predictions::Labels { names, probabilities } => {
            probabilities.chunks(names.len().max(1)).filter(|row| row.iter().any(|p| !p.is_finite())).count()
        }
        Predictions::Numbers(values) => values.iter().filter(|value| !value.is_finite()).count(),
    };
    match count {
        0 => None,
        1 => Some("1 row lies too far from the training data and has no prediction".into()),
        _ => Some(format!("{count} rows lie too far from the training data and have no prediction")),
    }
}

fn write_csv(predictions: &Predictions, to: &mut dyn Write) -> std::io::Result<()> {
    let field = |text: &str| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_string(),
    };
    match predictions {
        Predictions::Classes { labels, probabilities } => {
            write!(to, "label")?;
            labels.iter().try_for_each(|label| write!(to, ",{}", field(&format!("p_{label}"))))?;
            writeln!(to)?;
            for row in probabilities.chunks(labels.len().max(1)) {
                match label(labels, row) {
                    Some(label) => {
                        write!(to, "{}", field(label))?;
                        row.iter().try_for_each(|p| write!(to, ",{p:.6}"))?;
                    }
                    None => row.iter().try_for_each(|_| write!(to, ","))?,
                }
                writeln!(to)?;
            }
        }
        Predictions::Labels { names, probabilities } => {
            let columns = names.iter().map(|name| field(name));
            let columns: Vec<String> = columns.chain(names.iter().map(|name| field(&format!("p_{name}")))).collect();
            writeln!(to, "{}", columns.join(","))?;
            for row in probabilities.chunks(names.len().max(1)) {
                // What is not a number tells neither the label nor its probability.
                let label = |p: &f64| if p.is_finite() { u32::from(*p > 0.5).to_string() } else { String::new() };
                let chance = |p: &f64| if p.is_finite() { format!("{p:.6}") } else { String::new() };
                let fields: Vec<String> = row.iter().map(label).chain(row.iter().map(chance)).collect();
                writeln!(to, "{}", fields.join(","))?;
            }
        }
        Predictions::Numbers(values) => {
            writeln!(to, "prediction")?;
            // One that is not a number reads NaN: a line without anything would be taken for no row.
            values.iter().try_for_each(|value| writeln!(to, "{value}"))?;
        }
    }
    to.flush()
}

fn write_json(predictions: &Predictions, to: &mut dyn Write) -> std::io::Result<()> {
    match predictions {
        Predictions::Classes { labels, probabilities } => {
            for row in probabilities.chunks(labels.len().max(1)) {
                let each: serde_json::Map<_, _> = labels.iter().cloned().zip(row.iter().map(|p| json!(p))).collect();
                writeln!(to, "{}", json!({"label": label(labels, row), "probabilities": each}))?;
            }
        }
        Predictions::Labels { names, probabilities } => {
            for row in probabilities.chunks(names.len().max(1)) {
                let each = |of: fn(&f64) -> serde_json::Value| -> serde_json::Map<_, _> {
                    names.iter().cloned().zip(row.iter().map(of)).collect()
                };
                let labels = each(|p| if p.is_finite() { json!(u32::from(*p > 0.5)) } else { json!(null) });
                writeln!(to, "{}", json!({"labels": labels, "probabilities": each(|p| json!(p))}))?;
            }
        }
        Predictions::Numbers(values) => {
            values.iter().try_for_each(|value| writeln!(to, "{}", json!({"prediction": value})))?;
        }
    }
    to.flush()
}
