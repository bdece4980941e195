//! Bad input, and what must be said of it.

use super::{Place, Ran, colours, numbers};

/// No bad input takes longer to refuse (in a build without optimisation, beside other tests).
const SECONDS: f64 = 10.0;

/// One bad input: files beside those that are always there, the command, and what its error must say.
pub struct Case {
    pub files: Vec<(&'static str, Vec<u8>)>,
    pub command: &'static str,
    pub says: &'static [&'static str],
}

/// `command` is wrong by itself.
pub fn words(command: &'static str, says: &'static [&'static str]) -> Case {
    Case { files: Vec::new(), command, says }
}

/// `opportune fit x.csv` with that content.
pub fn table(content: impl AsRef<[u8]>, says: &'static [&'static str]) -> Case {
    file("x.csv", content, "fit x.csv --epochs 2", says)
}

pub fn file(
    name: &'static str,
    content: impl AsRef<[u8]>,
    command: &'static str,
    says: &'static [&'static str],
) -> Case {
    Case { files: vec![(name, content.as_ref().to_vec())], command, says }
}

/// The one line of an error; panics on anything that a refusal must not be.
pub fn refusal(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(!ran.err.contains("panicked") && !ran.err.contains("RUST_BACKTRACE"), "{ran:#?}");
    let lines: Vec<&str> = ran.err.lines().collect();
    let (error, before) = lines.split_last().unwrap_or_else(|| panic!("{ran:#?}"));
    let note = |line: &&str| line.starts_with("warning: ") || line.starts_with("predicting the last column");
    assert!(error.starts_with("error: ") && before.iter().all(note), "{ran:#?}");
    assert!(ran.seconds < SECONDS, "{ran:#?}");
    error.to_string()
}

/// Runs every case in a folder of its own that holds good data and what earlier studies left behind.
pub fn all(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for case in cases {
        let place = Place::new();
        place.write("good.csv", colours(60));
        place.write("numbers.csv", numbers(60));
        for study in ["x", "x-fit", "good", "good-fit", "numbers-fit"] {
            place.write(&format!("opportune-out/{study}/model.safetensors"), "of an earlier study");
        }
        case.files.iter().for_each(|(name, content)| place.write(name, content));
        let before = place.everything();
        let ran = place.run(case.command);
        let error = refusal(&ran);
        assert!(place.everything() == before, "something was written: {ran:#?}");
        assert!(!place.path("opportune.db").exists(), "a database was made: {ran:#?}");
        for part in case.says.iter().filter(|part| !error.contains(**part)) {
            wrong.push(format!("{}: '{part}' is not in: {error}", case.command));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
