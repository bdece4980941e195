//! Answers of the other side that take too long to be asked for again.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Folders of JSON files, one for each set of rows, which hold answers by kind.
pub struct Cache {
    /// Where answers are kept.
    pub own: PathBuf,
    /// Where more answers may lie; they are read, and nothing is written there.
    pub other: Option<PathBuf>,
}

impl Cache {
    /// The answer on the rows of this name, if there is one and it says that they had this shape.
    pub fn find(&self, rows: &str, kind: &str, shape: &Value) -> Result<Option<Value>> {
        for folder in [Some(&self.own), self.other.as_ref()].into_iter().flatten() {
            let mut answers = answers(&file(folder, rows))?;
            match answers.remove(kind) {
                Some(answer) if answer["shape"] == *shape => return Ok(Some(answer)),
                Some(_) => eprintln!("  {kind} in {}: kept for other rows, not used", folder.display()),
                None => {}
            }
        }
        Ok(None)
    }

    /// Keeps an answer, in place of an earlier one.
    pub fn keep(&self, rows: &str, kind: &str, answer: &Value) -> Result<()> {
        let path = file(&self.own, rows);
        let mut answers = answers(&path)?;
        answers.insert(kind.into(), answer.clone());
        // Renamed when it is whole, so that an interruption costs no more than the run it interrupts.
        let part = path.with_extension("part");
        std::fs::write(&part, format!("{:#}\n", Value::Object(answers)))
            .and_then(|()| std::fs::rename(&part, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn file(folder: &Path, rows: &str) -> PathBuf {
    folder.join(format!("{rows}.json"))
}

/// The answers in a file; none if there is no file.
fn answers(path: &Path) -> Result<Map<String, Value>> {
    match std::fs::read(path) {
        Ok(content) => serde_json::from_slice(&content).with_context(|| format!("{} is damaged", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_kept_by_rows_and_kind() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let elsewhere = Cache { own: other.path().into(), other: None };
        let cache = Cache { own: own.path().into(), other: Some(other.path().into()) };
        let shape = json!({ "digest": "a" });
        let answer = |test: f64| json!({ "test": test, "shape": shape });
        let find = |rows: &str, kind: &str, shape: &Value| cache.find(rows, kind, shape).unwrap();
        elsewhere.keep("wine-0", "grid", &answer(0.5)).unwrap();
        assert_eq!(find("wine-0", "grid", &shape), Some(answer(0.5)));
        cache.keep("wine-0", "grid", &answer(0.75)).unwrap();
        cache.keep("wine-0", "default", &answer(0.25)).unwrap();
        assert_eq!(find("wine-0", "grid", &shape), Some(answer(0.75)));
        assert_eq!(find("wine-0", "default", &shape), Some(answer(0.25)));
        assert_eq!(find("wine-1", "grid", &shape), None);
        assert_eq!(find("wine-0", "halving", &shape), None);
        assert_eq!(find("wine-0", "grid", &json!({ "digest": "b" })), None);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let own = tempfile::tempdir().unwrap();
        std::fs::write(own.path().join("wine-0.json"), "{").unwrap();
        let cache = Cache { own: own.path().into(), other: None };
        assert!(cache.find("wine-0", "grid", &Value::Null).unwrap_err().to_string().ends_with("is damaged"));
    }
}
