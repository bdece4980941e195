//! What is left behind: the output folder with model, settings and pictures, each file whole or not there.

use opportune_core::InputError;
use opportune_core::space::{Config, Value};
use opportune_net::Model;
use std::fs;
use std::io::Write;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

/// What a file is called, and what is in it.
pub type File = (&'static str, String);

/// A folder that can be written, or none: then nothing is.
pub struct Output {
    folder: Option<PathBuf>,
    /// Folders that were not there before, the deepest first.
    made: Vec<PathBuf>,
}

impl Output {
    /// Makes the folder, or finds that it cannot be written: before anything is trained.
    pub fn open(folder: PathBuf) -> Result<Output, InputError> {
        let absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = folder.ancestors().take_while(absent).map(Path::to_path_buf).collect();
        let output = Output { folder: Some(folder.clone()), made };
        let probe = folder.join(".opportune-probe");
        let made =
            fs::create_dir_all(&folder).and_then(|()| fs::write(&probe, b"")).and_then(|()| fs::remove_file(&probe));
        if let Err(error) = made {
            output.withdraw();
            return Err(cannot(&folder, &error));
        }
        Ok(output)
    }

    /// No folder: what is written goes nowhere.
    pub fn nowhere() -> Output {
        Output { folder: None, made: Vec::new() }
    }

    /// Removes the folders that it made, where nothing was put into them.
    pub fn withdraw(&self) {
        // One that is in use by now stays; nothing else can be done about it, and something else is the error.
        self.made.iter().for_each(|folder| drop(fs::remove_dir(folder)));
    }

    /// The folder as it was given; empty if there is none.
    pub fn folder(&self) -> String {
        self.folder.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default()
    }

    /// Writes the model, if there is one, and the files, beside each other: each waits for the disk.
    pub fn write_all(&self, model: Option<&Model>, files: &[File]) -> Result<(), InputError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        std::thread::scope(|scope| {
            let others: Vec<_> =
                files.iter().map(|(name, content)| scope.spawn(move || self.write(name, content))).collect();
            let written = model.map_or(Ok(()), |model| model.save(&folder.join("model.safetensors")));
            let others = others.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)));
            others.fold(written, Result::and)
        })
    }

    /// Writes a file aside and puts it in its place once it is whole.
    pub fn write(&self, name: &str, content: &str) -> Result<(), InputError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let (path, aside) = (folder.join(name), folder.join(format!(".{name}.part")));
        let write = || {
            let mut file = fs::File::create(&aside)?;
            file.write_all(content.as_bytes())?;
            file.sync_all()?;
            fs::rename(&aside, &path)
        };
        write().map_err(|error| {
            // Half a file is of no use; that it cannot be removed either adds nothing to the error.
            let _ = fs::remove_file(&aside);
            cannot(&path, &error)
        })
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> InputError {
    InputError::new(format!("cannot be written ({error})"))
        .at(path.display().to_string())
        .remedy("free some space or choose another folder with --out; the same command goes on from what is saved")
}

/// Settings as `--config` reads them: one line for each flag.
pub struct Toml(String);

impl Toml {
    /// Begins with a comment.
    pub fn new(comment: &[String]) -> Toml {
        Toml(comment.iter().map(|line| format!("# {}\n", line.replace(['\n', '\r'], " "))).collect())
    }

    /// Adds `key = value`.
    pub fn set(&mut self, key: &str, value: impl Into<toml::Value>) -> &mut Toml {
        let mut table = toml::Table::new();
        table.insert(key.to_string(), value.into());
        self.0.push_str(&table.to_string());
        self
    }

    /// Adds every setting of a point of the space.
    pub fn config(&mut self, config: &Config) -> &mut Toml {
        for (name, value) in config.iter() {
            match value {
                Value::Count(count) => self.set(name, i64::from(*count)),
                Value::Number(number) => self.set(name, *number),
                Value::Text(text) => self.set(name, text.clone()),
                Value::Layers(widths) if widths.is_empty() => self.set(name, "none"),
                Value::Layers(widths) => {
                    self.set(name, widths.iter().map(|width| toml::Value::Integer((*width).into())).collect::<Vec<_>>())
                }
            };
        }
        self
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_is_an_error_before_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Output::open(file.join("out")).err().unwrap().to_string();
        assert!(error.contains("cannot be written") && error.contains("--out"), "{error}");
        let output = Output::open(folder.path().join("a/b")).unwrap();
        output.write("x.txt", "1").unwrap();
        output.write("x.txt", "22").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a/b/x.txt")).unwrap(), "22");
        assert_eq!(fs::read_dir(folder.path().join("a/b")).unwrap().count(), 1);
        Output::nowhere().write("x.txt", "1").unwrap();
        assert_eq!(Output::nowhere().folder(), "");
    }

    #[test]
    fn files_are_written_beside_each_other_and_one_that_cannot_be_keeps_none_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let output = Output::open(folder.path().to_path_buf()).unwrap();
        let file = |name| (name, format!("in {name}"));
        output.write_all(None, &[file("a"), file("b")]).unwrap();
        fs::create_dir(path("c")).unwrap();
        let error = output.write_all(None, &["b", "c", "d", "e"].map(file)).unwrap_err().to_string();
        assert!(error.contains("cannot be written") && error.contains("c: "), "{error}");
        for name in ["a", "b", "d", "e"] {
            assert_eq!(fs::read_to_string(path(name)).unwrap(), format!("in {name}"));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        Output::nowhere().write_all(None, &[file("x")]).unwrap();
    }

    #[test]
    fn only_what_was_made_and_is_empty_is_withdrawn() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        Output::open(path("a/b/c")).unwrap().withdraw();
        assert!(!path("a").exists());
        assert!(Output::open(path(&format!("a/{}", "long".repeat(100)))).is_err());
        assert!(!path("a").exists());
        fs::create_dir(path("a")).unwrap();
        Output::open(path("a")).unwrap().withdraw();
        assert!(path("a").exists());
        let output = Output::open(path("a/b")).unwrap();
        output.write("x.txt", "1").unwrap();
        output.withdraw();
        assert!(path("a/b/x.txt").exists());
    }

    #[test]
    fn settings_read_back_exactly() {
        let config = Config::from_iter([
            ("lr".to_string(), Value::Number(1e-5)),
            ("epochs".to_string(), Value::Count(3)),
            ("hidden".to_string(), Value::Layers(vec![50, 50])),
            ("schedule".to_string(), Value::Text("step(every=3)".into())),
        ]);
        let mut toml = Toml::new(&["two\nlines".into()]);
        toml.config(&config);
        let table: toml::Table = toml.text().parse().unwrap();
        assert_eq!(table["lr"].as_float(), Some(1e-5));
        assert_eq!(table["hidden"].as_array().unwrap().len(), 2);
        assert_eq!((table["epochs"].as_integer(), table["schedule"].as_str()), (Some(3), Some("step(every=3)")));
    }
}
