//! The program, run in a fresh folder of its own.
#![allow(dead_code, reason = "every test file uses some of these")]

pub mod refused;
pub mod search;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_opportune");
/// No command of these tests takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder of its own, gone in the end.
pub struct Place(TempDir);

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub command: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub seconds: f64,
}

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().expect("a temporary folder"))
    }

    /// With `digits.csv` in it.
    pub fn with_digits() -> Place {
        let place = Place::new();
        place.write("digits.csv", fs::read(digits()).expect("examples/data/digits.csv"));
        place
    }

    /// With so many rows of the digits as `digits.csv`: enough to search in, and quick.
    pub fn with_few_digits(rows: usize) -> Place {
        let place = Place::new();
        let text = fs::read_to_string(digits()).expect("examples/data/digits.csv");
        let few: Vec<&str> = text.lines().take(1 + rows).collect();
        place.write("digits.csv", few.join("\n") + "\n");
        place
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Every epoch begun so far by commands with `--trace trace`; a line that is being written is not there yet.
    pub fn begun(&self) -> Vec<Begun> {
        let text = fs::read_to_string(self.path("trace")).unwrap_or_default();
        text.lines().filter_map(Begun::read).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("its folder");
        fs::write(path, content).expect("a file");
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("UTF-8")
    }

    /// Runs the program; words are split at spaces, but not within single quotes.
    pub fn run(&self, line: &str) -> Ran {
        let mut command = Command::new(PROGRAM);
        command.args(words(line));
        self.finish(command, line)
    }

    /// Runs a shell command in which `opportune` is the program.
    pub fn shell(&self, line: &str) -> Ran {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("opportune() {{ \"$OPPORTUNE\" \"$@\"; }}; {line}"));
        command.env("OPPORTUNE", PROGRAM);
        self.finish(command, line)
    }

    fn finish(&self, mut command: Command, line: &str) -> Ran {
        command.current_dir(self.folder()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let output = wait(command.spawn().expect("the program starts"), line);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Ran {
            command: line.to_string(),
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            seconds: began.elapsed().as_secs_f64(),
        }
    }

    /// Every file and folder here with its content, without the studies' database.
    pub fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                if path.is_dir() {
                    found.insert(path.clone(), Vec::new());
                    folders.push(path);
                } else if !name.starts_with("opportune.db") {
                    found.insert(path.clone(), fs::read(&path).expect("a file"));
                }
            }
        }
        found
    }
}

impl Ran {
    /// Panics with all that was said unless it ended well.
    pub fn good(self) -> Ran {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }

    /// All JSON lines.
    pub fn events(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(parse).collect()
    }

    /// The last JSON line.
    pub fn last(&self) -> Value {
        self.events().pop().unwrap_or_else(|| panic!("{self:#?}"))
    }

    /// Lines on stderr that are warnings.
    pub fn warnings(&self) -> Vec<&str> {
        self.err.lines().filter_map(|line| line.strip_prefix("warning: ")).collect()
    }
}

/// An epoch that was begun, as `--trace` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    pub part: String,
    pub network: String,
    /// Of its last step.
    pub rate: f64,
    pub epoch: u64,
    /// Optimizer steps taken.
    pub steps: u64,
    /// Whether it came to its end.
    pub whole: bool,
}

impl Begun {
    fn read(line: &str) -> Option<Begun> {
        let one: Value = serde_json::from_str(line).ok()?;
        Some(Begun {
            part: one["part"].as_str()?.into(),
            network: one["network"].as_str()?.into(),
            rate: one["rate"].as_f64()?,
            epoch: one["epoch"].as_u64()?,
            steps: one["steps"].as_u64()?,
            whole: one["whole"].as_bool()?,
        })
    }

    /// What tells it from others, as far as networks and rates differ.
    pub fn name(&self) -> String {
        format!("{} {} {} {}", self.part, self.network, self.rate, self.epoch)
    }
}

/// Names of epochs that were trained more than once.
pub fn repeated(begun: &[Begun]) -> Vec<String> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    begun.iter().filter(|one| one.whole).for_each(|one| *counts.entry(one.name()).or_default() += 1);
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

/// The rows of a CSV file by the names of its columns.
pub fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let fields = |line: &str| {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' if quoted && letters.peek() == Some(&'"') => {
                    letters.next();
                    fields.last_mut().expect("a field").push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                letter => fields.last_mut().expect("a field").push(letter),
            }
        }
        fields
    };
    let mut lines = text.lines();
    let head = fields(lines.next().expect("a header"));
    let row = |line: &str| {
        let fields = fields(line);
        assert_eq!(fields.len(), head.len(), "{line}");
        head.iter().cloned().zip(fields).collect()
    };
    lines.map(row).collect()
}

/// Waits for a command to end, but not for ever.
fn wait(mut child: Child, line: &str) -> Output {
    let drain = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).expect("its output");
            bytes
        })
    };
    let out = drain(Box::new(child.stdout.take().expect("stdout")));
    let err = drain(Box::new(child.stderr.take().expect("stderr")));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("its status") {
            break status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().expect("it can be ended");
            panic!("still at work after {PATIENCE:?}: {line}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Output { status, stdout: out.join().expect("stdout"), stderr: err.join().expect("stderr") }
}

/// The words of a line, split at spaces but not within single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut any) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, any) = (!quoted, true),
            ' ' if !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    words
}

/// The folder with the examples.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The bundled digits.
pub fn digits() -> PathBuf {
    examples().join("data/digits.csv")
}

/// A table of three colours that can be told apart by length and width: `length,width,kind`.
pub fn colours(rows: usize) -> String {
    let mut text = "length,width,kind\n".to_string();
    for row in 0..rows {
        let noise = |step: usize| ((row * step) % 97) as f64 / 50.0;
        let (length, width) = (noise(31) + 2.0 * (row % 3) as f64, noise(53) - (row % 3) as f64);
        text.push_str(&format!("{length:.2},{width:.2},{}\n", ["red", "green", "blue"][row % 3]));
    }
    text
}

/// A table with a number to predict: `a,b,y`, y about 3a − 2b.
pub fn numbers(rows: usize) -> String {
    let mut text = "a,b,y\n".to_string();
    for row in 0..rows {
        let value = |step: usize| ((row * step) % 101) as f64 / 25.0;
        let (a, b) = (value(37), value(59));
        text.push_str(&format!("{a},{b},{:.3}\n", 100.0 + 3.0 * a - 2.0 * b + value(13) / 10.0));
    }
    text
}

/// Compressed with gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

/// An IDX file of bytes.
pub fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    file.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(bytes);
    file
}

/// A safetensors file: its metadata, and type, shape and bytes of each tensor by name.
pub type Model = (Value, BTreeMap<String, (Value, Vec<u8>)>);

/// Reads a safetensors file, whatever the order of the entries in its header.
pub fn model(file: &[u8]) -> Model {
    let length = u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&file[8..8 + length]).expect("a JSON header");
    let data = &file[8 + length..];
    let mut found = BTreeMap::new();
    for (name, tensor) in header.as_object().expect("an object").iter().filter(|(name, _)| *name != "__metadata__") {
        let at = |end: usize| tensor["data_offsets"][end].as_u64().expect("an offset") as usize;
        let kind = serde_json::json!([tensor["dtype"], tensor["shape"]]);
        found.insert(name.clone(), (kind, data[at(0)..at(1)].to_vec()));
    }
    assert!(!found.is_empty(), "no tensors");
    (header["__metadata__"].clone(), found)
}
