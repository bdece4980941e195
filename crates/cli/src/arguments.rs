//! From the words of the command line, and of a `--config` file below them, to flags; mistakes in one line.

use crate::flags::Program;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use opportune_core::InputError;
use opportune_core::text::nearest;
use std::ffi::OsString;
use std::path::Path;

/// What the words ask for.
pub enum Asked {
    /// A command.
    Run(Box<Program>),
    /// Help or the version: a text for stdout.
    Print(String),
}

/// Reads the words; the first is the program's name.
pub fn read(words: Vec<OsString>) -> Result<Asked, InputError> {
    let command = Program::command();
    let matches = match command.clone().try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Asked::Print(error.to_string()));
        }
        Err(error) => return Err(one_line(&command, &words, &error)),
    };
    let words = match with_config(&command, &matches, &words)? {
        Some(more) => more,
        None => words,
    };
    let matches = command.clone().try_get_matches_from(&words).map_err(|error| one_line(&command, &words, &error))?;
    let program = Program::from_arg_matches(&matches).map_err(|error| one_line(&command, &words, &error))?;
    Ok(Asked::Run(Box::new(program)))
}

/// The words with the flags of `--config` that they do not give themselves; `None` without `--config`.
fn with_config(
    command: &Command,
    matches: &ArgMatches,
    words: &[OsString],
) -> Result<Option<Vec<OsString>>, InputError> {
    let Some((name, given)) = matches.subcommand() else { return Ok(None) };
    let Some(path) = given.try_get_one::<std::path::PathBuf>("config").ok().flatten() else { return Ok(None) };
    let Some(command) = command.find_subcommand(name) else { return Ok(None) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| InputError::new(format!("cannot be read ({error})")).at(path.display().to_string()))?;
    let place = |error: InputError| error.at(path.display().to_string());
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| place(toml_error(&text, &error)))?;
    let mut words = words.to_vec();
    for (key, value) in &table {
        let flags = || command.get_arguments().filter(|flag| flag.get_long().is_some() && flag.get_id() != "config");
        let found = flags().find(|flag| flag.get_long() == Some(key.as_str()));
        let Some(flag) = found else {
            let names = flags().filter(|flag| !flag.is_hide_set()).filter_map(|flag| flag.get_long());
            let near = nearest(key, names).map(|near| format!("did you mean '{near}'?"));
            let remedy = near.unwrap_or_else(|| format!("see opportune {name} --help"));
            return Err(place(InputError::new(format!("unknown key '{key}'")).remedy(remedy)));
        };
        let here = given.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine);
        // A flag given on the command line also stands before those that exclude it.
        let excluded = command
            .get_arg_conflicts_with(flag)
            .iter()
            .any(|other| given.value_source(other.get_id().as_str()) == Some(ValueSource::CommandLine));
        if here || excluded {
            continue;
        }
        let repeats = matches!(flag.get_action(), ArgAction::Append);
        let switch = matches!(flag.get_action(), ArgAction::SetTrue);
        words.extend(as_words(key, value, repeats, switch).map_err(place)?.into_iter().map(OsString::from));
    }
    Ok(Some(words))
}

fn toml_error(text: &str, error: &toml::de::Error) -> InputError {
    let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
    let mistake = InputError::new(format!("is not TOML: {}", error.message().replace('\n', " ")));
    match line {
        Some(line) => mistake.at(format!("line {line}")),
        None => mistake,
    }
}

/// A key and its value as words of the command line. A list is a comma list; for a flag that repeats, a list of lists
/// or of texts is one flag each.
fn as_words(key: &str, value: &toml::Value, repeats: bool, switch: bool) -> Result<Vec<String>, InputError> {
    let bad = || {
        InputError::new("is neither a number, a text, true or false, nor a list of those").at(format!("key '{key}'"))
    };
    let one = |value: &toml::Value| match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        // Of a flag that takes a value, as --layer-norm does.
        toml::Value::Boolean(set) => Ok(if *set { "on" } else { "off" }.into()),
        _ => Err(bad()),
    };
    let list = |values: &[toml::Value]| Ok(values.iter().map(one).collect::<Result<Vec<_>, InputError>>()?.join(","));
    let texts = match value {
        toml::Value::Boolean(set) if switch => return Ok(set.then(|| format!("--{key}")).into_iter().collect()),
        _ if switch => return Err(InputError::new("is not true or false").at(format!("key '{key}'"))),
        toml::Value::Array(values) if repeats && values.iter().all(|value| value.is_array() || value.is_str()) => {
            let each = |value: &toml::Value| value.as_array().map_or_else(|| one(value), |values| list(values));
            values.iter().map(each).collect::<Result<Vec<_>, _>>()?
        }
        toml::Value::Array(values) => vec![list(values)?],
        value => vec![one(value)?],
    };
    Ok(texts.into_iter().map(|text| format!("--{key}={text}")).collect())
}

/// What is wrong with the words, on one line.
fn one_line(command: &Command, words: &[OsString], error: &clap::Error) -> InputError {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        Some(ContextValue::StyledStrs(texts)) => texts.first().map(|text| text.to_string()),
        _ => None,
    };
    let mut named = None;
    let mut name = String::new();
    for word in words.iter().skip(1).map_while(|word| word.to_str()) {
        let Some(one) = named.unwrap_or(command).find_subcommand(word) else { break };
        name = format!("{name}{} ", one.get_name());
        named = Some(one);
    }
    let help = format!("see opportune {name}--help");
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let flag = argument.split([' ', '=']).next().unwrap_or_default().to_string();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let near = match named {
                Some(one) => nearest_flag(one, &flag),
                None => None,
            };
            let hint = near.map(|near| format!("did you mean '{near}'? ({help})")).unwrap_or(help);
            let what = if flag.starts_with('-') { "unknown flag" } else { "one argument too many:" };
            InputError::new(format!("{what} '{flag}'")).remedy(hint)
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let hint = match nearest(&word, names.iter().copied()) {
                Some(near) => format!("did you mean '{near}'? (there are: {})", names.join(", ")),
                None => format!("there are: {}", names.join(", ")),
            };
            InputError::new(format!("unknown command '{word}'")).remedy(hint)
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let value = text(ContextKind::InvalidValue).unwrap_or_default();
            let why = std::error::Error::source(error).map(|why| why.to_string().replace('\n', " "));
            match why {
                Some(why) => InputError::new(format!("'{}': {why}", cut(&value))).at(flag),
                None => InputError::new(format!("'{value}' is no value for it")).at(flag).remedy(help),
            }
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            InputError::new(format!("no command given: {}", names.join(", "))).remedy(help)
        }
        ErrorKind::MissingRequiredArgument => InputError::new(format!("{argument} is missing")).remedy(help),
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_else(|| "another flag".into());
            InputError::new(format!("{argument} cannot be given together with {other}")).remedy("leave one of them out")
        }
        _ => {
            let whole = error.to_string();
            let first = whole.lines().next().unwrap_or_default();
            InputError::new(first.trim_start_matches("error: ").to_string()).remedy(help)
        }
    }
}

/// What was typed, cut where it is too long for a line of a message.
fn cut(value: &str) -> String {
    const CHARACTERS: usize = 200;
    match value.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_string(),
    }
}

fn nearest_flag(command: &Command, flag: &str) -> Option<String> {
    let names = command.get_arguments().filter(|one| !one.is_hide_set()).filter_map(|one| one.get_long());
    nearest(flag.trim_start_matches('-'), names).map(|near| format!("--{near}"))
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words as a person would type them again, without `--fresh`.
pub fn retyped(words: &[OsString]) -> String {
    let program = words.first().map_or("opportune".into(), |word| Path::new(word).to_string_lossy().into_owned());
    let rest = words.iter().skip(1).filter(|word| *word != "--fresh").map(|word| quoted(&word.to_string_lossy()));
    std::iter::once(quoted(&program)).chain(rest).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn error(line: &str) -> String {
        match read(words(line)) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("'{line}' was taken"),
        }
    }

    #[test]
    fn mistakes_are_one_line_and_name_the_nearest() {
        for (line, part) in [
            ("opportune tun a.csv", "unknown command 'tun'; did you mean 'tune'?"),
            ("opportune fit a.csv --epoch 3", "unknown flag '--epoch'; did you mean '--epochs'?"),
            ("opportune fit", "<DATA> is missing; see opportune fit --help"),
            ("opportune fit a.csv --schedule cosin", "--schedule: 'cosin': "),
            ("opportune fit a.csv --schedule cosin", "did you mean 'cosine'?"),
            (
                "opportune fit a.csv --folds 3 --validation 0.2",
                "--folds <K> cannot be given together with --validation",
            ),
            ("opportune fit a.csv --score acuracy", "did you mean 'accuracy'?"),
            ("opportune fit a.csv --seed x", "--seed: 'x': "),
            ("opportune fit a.csv b.csv", "one argument too many"),
            ("opportune fit a.csv --min-delta 1", "--patience"),
            ("opportune schedule list --jsn", "'--jsn'; did you mean '--json'? (see opportune schedule list --help)"),
            ("opportune schedule list --epochs 3", "unknown flag '--epochs'; see opportune schedule list --help"),
            ("opportune schedule cosine --epoch 3", "did you mean '--epochs'? (see opportune schedule --help)"),
            ("opportune range-test", "<DATA> is missing; see opportune range-test --help"),
            ("opportune", "no command given"),
        ] {
            let error = error(line);
            assert!(error.contains(part) && !error.contains('\n'), "{line}: {error}");
        }
    }

    fn fit(line: &str) -> flags::Fit {
        match read(words(line)) {
            Ok(Asked::Run(program)) => match program.command {
                flags::Command::Fit(fit) => *fit,
                other => panic!("{other:?}"),
            },
            Ok(Asked::Print(text)) => panic!("{text}"),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_config_file_stands_below_the_flags() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.toml");
        std::fs::write(&path, "lr = 0.01\nhidden = [50, 50]\nfolds = 3\nseed = 7\nfresh = true\nschedule = 'cosine'\n")
            .unwrap();
        let line = format!("opportune fit a.csv --lr 0.5 --validation 0.2 --config {}", path.display());
        let fit = fit(&line);
        assert_eq!(fit.space.lr.as_deref(), Some("0.5"));
        assert_eq!(fit.space.network.hidden, ["50,50"]);
        assert_eq!((fit.data.folds, fit.training.seed, fit.study.fresh), (None, 7, true));
        assert_eq!(fit.space.schedule[0].to_string(), "cosine");
        for (text, part) in [
            ("epoch = 3", "best.toml: unknown key 'epoch'; did you mean 'epochs'?"),
            ("lr = [", "line 1: is not TOML"),
            ("fresh = 3", "key 'fresh': is not true or false"),
            ("folds = 'x'", "--folds: 'x'"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = error(&format!("opportune fit a.csv --config {}", path.display()));
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_command_can_be_typed_again() {
        let words: Vec<OsString> =
            ["opportune", "fit", "my data.csv", "--fresh", "--schedule", "step(every=3)"].map(OsString::from).into();
        assert_eq!(retyped(&words), "opportune fit 'my data.csv' --schedule 'step(every=3)'");
    }
}
