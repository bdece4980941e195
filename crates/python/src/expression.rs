//! The Python expression that makes a schedule: `Cosine(floor=0.01)`.

use opportune_core::text::{Arg, Call, Measure, Value, number};

/// The name of the class of a kind: `CosineRestarts` of `cosine_restarts`.
pub fn class_name(kind: &str) -> String {
    let mut name = String::new();
    let mut first = true;
    for character in kind.chars() {
        match character {
            '_' => first = true,
            _ if first => {
                name.push(character.to_ascii_uppercase());
                first = false;
            }
            _ => name.push(character),
        }
    }
    name
}

/// What makes the schedule that `call` stands for.
pub fn expression(call: &Call) -> String {
    let args: Vec<String> = call.args.iter().map(argument).collect();
    format!("{}({})", class_name(&call.name), args.join(", "))
}

fn argument(arg: &Arg) -> String {
    match (&arg.key, &arg.value) {
        // A word of Python's own.
        (Some(key), value) if key == "from" => format!("from_={}", written(value)),
        (Some(key), value) => format!("{key}={}", written(value)),
        // Without a key, a word is a schedule without parameters.
        (None, Value::Word(name)) => format!("{}()", class_name(name)),
        (None, value) => written(value),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Number(value) => number(*value),
        Value::Word(word) => format!("\"{word}\""),
        Value::Length(length) => format!("\"{length}\""),
        Value::Range(low, high) => format!("({}, {})", number(*low), number(*high)),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::List(items) => {
            let items: Vec<String> = (items.iter())
                .map(|item| match item.value {
                    Measure::Number(value) => number(value),
                    Measure::Length(length) => format!("\"{length}\""),
                })
                .collect();
            format!("[{}]", items.join(", "))
        }
        // It holds no quote of one of the two kinds; Python reads a backslash as more than itself.
        Value::Quoted(text) => {
            let quote = if text.contains('"') { '\'' } else { '"' };
            format!("{quote}{}{quote}", text.replace('\\', "\\\\"))
        }
        Value::Call(call) => expression(call),
    }
}
