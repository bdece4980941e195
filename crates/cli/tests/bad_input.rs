//! Whatever is wrong with flags, files or the place: exit code 2, one line that says what, where and what to do,
//! nothing written, nothing overwritten, no panic, at once.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::refused::{Case, all, file, refusal, table, words};
use common::{Place, colours, gzip, idx, numbers};
use std::process::{Command, Stdio};

#[test]
fn tables() {
    let changed = |row: usize, with: &str| {
        let text = numbers(120);
        text.lines()
            .enumerate()
            .map(|(at, line)| if at == row { with } else { line }.to_string() + "\n")
            .collect::<String>()
    };
    all(vec![
        words("fit none.csv", &["none.csv: there is no such file", "check the path"]),
        table("", &["x.csv: the file is empty", "give a table"]),
        table("\n \r\n", &["x.csv: the file is empty"]),
        table(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08", &["x.csv: this is a binary file", "give a CSV"]),
        table("a,b,y\n", &["x.csv: there are no rows below the header", "give at least two rows"]),
        table("a,b,y\n1,2,u\n3,4\n5,6,v\n", &["x.csv: row 3: 2 fields where the header has 3", "mend the row"]),
        table("a,b,y\n1,2,u\n3,4,v,v\n5,6,v\n", &["x.csv: row 3: 4 fields where the header has 3"]),
        table("a,b,y\n1,2,u\n3,\"4,v\n5,6,v\n", &["x.csv: row 3: a quote is opened here and never closed", "close it"]),
        table("y\n1\n2\n1\n", &["x.csv: there is only one column", "beside the target"]),
        table("a,y\n5,u\n5,v\n5,u\n", &["x.csv: no column is left to predict from", "'a' has one value only"]),
        table("a,y\n1,\n2,\n3,\n", &["x.csv", "no row has a target", "at least two are needed"]),
        table("a,y\n1,u\n2,\n3,\n", &["x.csv", "only one row has a target"]),
        table("a,y\n1,u\n2,u\n3,u\n", &["x.csv: column 'y': there is only one class, 'u'", "another --target"]),
        table("a,y\n1,u\n2,v\n3,w\n", &["x.csv: column 'y': there is a different class in every row", "--target"]),
        words("fit good.csv --target kin", &["good.csv: there is no column 'kin'", "did you mean 'kind'?"]),
        words("fit good.csv --target zzz", &["there is no column 'zzz'", "the columns are length, width, kind"]),
        file(
            "x.csv",
            "a,y,y\n1,u,v\n2,v,u\n",
            "fit x.csv --target y",
            &["x.csv: 2 columns are called 'y'", "rename all but the target"],
        ),
        file(
            "x.csv",
            "a,y\n1,2.5\n2,2.5\n3,2.5\n",
            "fit x.csv --task regression",
            &["x.csv: column 'y': the target is 2.5 in every row", "another --target"],
        ),
        file(
            "x.csv",
            changed(4, "1,2,abc"),
            "fit x.csv --task regression",
            &["x.csv: row 5, column 'y': 'abc' is not a number", "mend it"],
        ),
        file("x.csv", changed(4, "1,2,12O.5"), "fit x.csv", &["x.csv: row 5, column 'y': '12O.5' is not a number"]),
        words("fit good.csv --task ranking", &["--task", "'ranking' is no task", "classification or regression"]),
        file("x.csv.gz", &gzip(colours(60).as_bytes())[..200], "fit x.csv.gz", &["x.csv.gz: the compressed file ends"]),
        file("x.parquet", "PAR1....", "fit x.parquet", &["x.parquet: Parquet files cannot be read", "convert it"]),
    ]);
}

#[test]
fn arrays_and_images() {
    let images = "x/train-images-idx3-ubyte";
    let labels = ("x/train-labels-idx1-ubyte", idx(&[2], &[0, 1]));
    let folder = |content: Vec<u8>, says: &'static [&'static str]| Case {
        files: vec![(images, content), labels.clone()],
        command: "fit x",
        says,
    };
    let huge = [&[0, 0, 8, 3][..], &[255; 12][..], &[0; 16][..]].concat();
    let mut npy =
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 100), }".to_vec();
    npy.resize(10 + 0x76, b' ');
    all(vec![
        folder(b"P5 28 28 255 ....".to_vec(), &["train-images-idx3-ubyte: this is not an IDX file", "original file"]),
        folder(vec![0, 0, 8], &["train-images-idx3-ubyte: the file ends within its IDX header"]),
        folder(huge, &["train-images-idx3-ubyte: the header promises 4294967295 x 4294967295 x 4294967295 bytes"]),
        folder(
            idx(&[4_000_000_000, 1, 1], &[0; 20]),
            &["the header promises 4000000000 x 1 x 1 bytes, the file has only 20", "download the file again"],
        ),
        folder(idx(&[2, 2, 2], &[0; 9]), &["the header promises 2 x 2 x 2 bytes, the file has more"]),
        folder(
            idx(&[3, 2, 2], &[7; 12]),
            &["x: there are 3 rows of features and 2 targets", "one target for each row"],
        ),
        folder(idx(&[0, 2, 2], &[]), &["x: there are no values, the shape is [0, 2, 2]"]),
        file(images, idx(&[2, 1, 1], &[0, 1]), "fit x", &["labels of 'train-images-idx3-ubyte' are not beside it"]),
        file("x/readme.txt", "hello", "fit x", &["x: the folder has no file train-images-idx3-ubyte", "give a folder"]),
        file("x.npy", &npy, "fit x.npy", &["x.npy: the header promises 3200000000000 bytes", "the file has only 0"]),
        file("x.npy", b"\x93NUMPY\x01\x00\xff\xff{'descr'", "fit x.npy", &["x.npy: "]),
        file("x.npz", b"PK\x03\x04 and nothing more", "fit x.npz", &["x.npz: "]),
    ]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_header_that_promises_much_takes_no_memory() {
    let place = Place::new();
    place.write("x/train-images-idx3-ubyte", idx(&[4_000_000_000, 1, 1], &[0; 20]));
    place.write("x/train-labels-idx1-ubyte", idx(&[4_000_000_000], &[0; 20]));
    // Half a gigabyte of addresses: what is promised does not fit, the program does.
    let error = refusal(&place.shell("ulimit -v 500000; opportune fit x"));
    assert!(error.contains("4000000000"), "{error}");
}

#[test]
fn splits() {
    let few = "a,y\n1,u\n2,v\n3,u\n4,v\n";
    all(vec![
        file("x.csv", few, "fit x.csv --folds 5", &["--folds: 4 rows cannot be split into 5 folds", "from 2 to"]),
        file("x.csv", few, "fit x.csv --folds 1", &["--folds: 4 rows cannot be split into 1 folds"]),
        file(
            "x.csv",
            few,
            "fit x.csv --validation 0.9",
            &["--validation: 0.9 of 4 rows leaves no rows", "another share"],
        ),
        file("x.csv", few, "fit x.csv --test 0.9", &["--test: 0.9 of 4 rows leaves no rows"]),
        words("fit good.csv --test 1.5", &["--test: 1.5 is no share of the rows", "between 0 and 1"]),
        words("fit good.csv --test 0", &["--test: 0 is no share of the rows"]),
        words("fit good.csv --validation nan", &["--validation: NaN is no share"]),
        words("fit good.csv --validation none.csv", &["none.csv: there is no such file"]),
        words("fit good.csv --folds x", &["--folds: 'x'"]),
        words("fit good.csv --folds 3 --validation 0.2", &["--folds", "cannot be given together with --validation"]),
        words("fit good.csv --patience 3", &["--patience", "validation", "add --validation 0.2"]),
        words("fit good.csv --validation 0.2 --patience 0", &["--patience: 0 epochs", "at least 1"]),
        words("fit good.csv --fold-file none.txt", &["none.txt"]),
        file("x.txt", "0\n1\n", "fit good.csv --fold-file x.txt", &["x.txt"]),
        words("fit good.csv --score r2", &["--score: ", "r2", "accuracy"]),
        words("fit numbers.csv --score accuracy", &["--score: ", "accuracy", "r2"]),
        words("fit good.csv --score acuracy", &["--score", "'acuracy'", "did you mean 'accuracy'?"]),
        file(
            "new.csv",
            "length,kind\n1,red\n",
            "fit good.csv --validation new.csv",
            &["new.csv: there is no column 'width', which the training data have"],
        ),
        file(
            "new.csv",
            "length,width,kind\n1,2,violet\n",
            "fit good.csv --test new.csv",
            &["new.csv: column 'kind': ", "'violet'", "blue, green, red"],
        ),
    ]);
}

#[test]
fn places() {
    let config = |content: &'static str, says| file("best.toml", content, "fit good.csv --config best.toml", says);
    all(vec![
        words("fit good.csv --out good.csv", &["good.csv: cannot be written", "--out"]),
        words("fit good.csv --out good.csv/out", &["good.csv/out: cannot be written", "--out"]),
        words("fit good.csv --name a/b", &["--name: 'a/b' is no name for a study", "letters"]),
        words("fit good.csv --storage none/s.db --name new", &["none/s.db: there is no folder", "--storage"]),
        words(
            "fit good.csv --storage sqlite:////none/s.db --out a/b/c",
            &["/none/s.db: there is no folder", "--storage"],
        ),
        words(
            "fit good.csv --storage postgres://x/y",
            &["--storage: there is no storage of kind 'postgres'", "sqlite:///"],
        ),
        file(
            "x.db",
            "this is no database at all. ".repeat(99),
            "fit good.csv --storage x.db --name new",
            &["x.db: this is not a study file", "--storage"],
        ),
        words("studies", &["opportune.db: there is no such file", "opportune tune or fit"]),
        words("show good", &["opportune.db: there is no such file"]),
        words("studies --storage none.db", &["none.db: there is no such file"]),
        file(
            "x.db",
            "this is no database at all. ".repeat(99),
            "studies --storage x.db",
            &["x.db: this is not a study file"],
        ),
        words("fit good.csv --config none.toml", &["none.toml: cannot be read"]),
        config("lr = [", &["best.toml: line 1: is not TOML"]),
        config("lr = 0.1\n\u{1}\u{2}", &["best.toml: line 2: is not TOML"]),
        config("epoch = 3", &["best.toml: unknown key 'epoch'", "did you mean 'epochs'?"]),
        config("lr = {a = 1}", &["best.toml: key 'lr': is neither a number"]),
        config("epochs = 'x'", &["--epochs: 'x' is not a whole number"]),
    ]);
}

#[test]
fn models() {
    let model = |content: Vec<u8>, says| file("m/model.safetensors", content, "predict m good.csv", says);
    let json = |header: &str| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat();
    all(vec![
        words("predict none good.csv", &["none: cannot be read", "give the model.safetensors"]),
        words("predict opportune-out good.csv", &["opportune-out/model.safetensors: cannot be read"]),
        words("predict good.csv good.csv", &["good.csv: "]),
        model(Vec::new(), &["model.safetensors: "]),
        model(vec![255; 64], &["model.safetensors: "]),
        model(json("{}"), &["model.safetensors: "]),
        model(
            json(r#"{"a":{"dtype":"F32","shape":[4000000000,4000000000],"data_offsets":[0,8]}}"#),
            &["model.safetensors: "],
        ),
        words("predict", &["is missing", "opportune predict --help"]),
    ]);
}

/// A place where `good.csv` was fitted.
fn fitted() -> Place {
    let place = Place::new();
    place.write("good.csv", colours(60));
    place.run("fit good.csv --epochs 2 --hidden 4 --out m").good();
    place
}

#[test]
fn a_model_cut_anywhere_or_changed_is_refused_or_still_whole() {
    let place = fitted();
    let whole = place.bytes("m/model.safetensors");
    for length in (0..whole.len()).step_by(whole.len() / 23) {
        place.write("m/model.safetensors", &whole[..length]);
        let error = refusal(&place.run("predict m good.csv"));
        assert!(error.contains("m/model.safetensors"), "{error}");
    }
    let mut refused = 0;
    for at in (0..whole.len()).step_by(whole.len() / 61) {
        let mut changed = whole.clone();
        changed[at] ^= 0x15;
        place.write("m/model.safetensors", changed);
        let ran = place.run("predict m good.csv");
        // A digit of a mean or a bit of a weight makes another model, but a model.
        if ran.code != Some(0) {
            refusal(&ran);
            refused += 1;
        }
    }
    assert!(refused > 5, "{refused}");
}

#[test]
fn data_that_do_not_fit_the_model_are_refused() {
    let place = fitted();
    place.write("narrow.csv", "length,colour\n1,red\n");
    let error = refusal(&place.run("predict m narrow.csv"));
    assert!(error.contains("narrow.csv: there is no column 'width'"), "{error}");
    place.write("near.csv", "length,widht\n1,2\n");
    let error = refusal(&place.run("predict m near.csv"));
    assert!(error.contains("did you mean 'widht'?"), "{error}");
    place.write("empty.csv", "");
    assert!(refusal(&place.run("predict m empty.csv")).contains("empty.csv: the file is empty"));
    assert!(refusal(&place.run("predict m none.csv")).contains("none.csv: there is no such file"));
    let error = refusal(&place.run("predict m good.csv --out m"));
    assert!(error.contains("m: cannot be written"), "{error}");
}

#[test]
fn a_study_of_other_settings_is_left_alone() {
    let place = Place::new();
    place.write("good.csv", colours(60));
    let tune = "tune good.csv --strategy grid --lr 0.1,0.01 --epochs 2 --hidden 4";
    place.run(tune).good();
    let before = place.everything();
    let error = refusal(&place.run(&format!("{tune} --seed 1")));
    for part in ["the study 'good' was made with other settings", "seed 0, now 1", "--name", "--fresh"] {
        assert!(error.contains(part), "{error}");
    }
    let error = refusal(&place.run(&format!("{tune} --score f1 --split-seed 3 --folds 4")));
    assert!(error.contains("score accuracy, now f1") && error.contains("another split"), "{error}");
    place.write("good.csv", colours(63));
    assert!(refusal(&place.run(tune)).contains("other data"));
    place.write("good.csv", colours(60));
    assert!(place.everything() == before);
    // The study is whole, and --fresh does what the error says.
    place.run(tune).good();
    place.run(&format!("{tune} --seed 1 --fresh")).good();
}

#[test]
fn an_output_folder_that_cannot_be_made_is_found_before_training() {
    let place = Place::new();
    place.write("good.csv", colours(60));
    place.write("opportune-out", "a file");
    let error = refusal(&place.run("fit good.csv --trace trained.txt"));
    assert!(error.contains("opportune-out/good-fit: cannot be written") && error.contains("--out"), "{error}");
    assert_eq!(place.bytes("opportune-out"), b"a file");
    assert!(!place.path("trained.txt").exists() || place.bytes("trained.txt").is_empty(), "it trained");
}

/// A disk without room is imitated in two ways: `/dev/full`, on which every write fails as on a full disk, and a limit
/// on the size of files, at which writes fail in the midst of the work.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_harms_nothing() {
    let place = fitted();
    for command in ["predict m good.csv --out /dev/full", "predict m good.csv >/dev/full", "studies >/dev/full"] {
        let error = refusal(&place.shell(&format!("opportune {command}")));
        assert!(error.contains("cannot be written (No space left on device"), "{command}: {error}");
    }
    let ran = place.shell("opportune fit good.csv --epochs 2 --hidden 4 --quiet --out n >/dev/full");
    assert!(refusal(&ran).contains("standard output: cannot be written"), "{ran:#?}");

    // 512 bytes are a block: the epochs alone are more than 64 KiB of the study.
    let line = "tune good.csv --strategy grid --lr 0.1,0.01 --epochs 3,60 --hidden 600 --name wide --quiet";
    let limited = place.shell(&format!("trap '' XFSZ; ulimit -f 128; opportune {line}"));
    let error = refusal(&limited);
    assert!(error.contains("opportune.db") || error.contains("model.safetensors"), "{error}");
    assert!(!place.path("opportune-out/wide/model.safetensors").exists());
    let after = place.run(&format!("{line} --json")).good().last();
    let alone = Place::new();
    alone.write("good.csv", colours(60));
    let clean = alone.run(&format!("{line} --json")).good().last();
    assert_eq!((&after["best"], &after["score"]), (&clean["best"], &clean["score"]));
    let model = "opportune-out/wide/model.safetensors";
    assert!(common::model(&place.bytes(model)) == common::model(&alone.bytes(model)));
}

#[test]
fn a_reader_that_goes_away_does_no_harm() {
    let place = fitted();
    place.write("more.csv", colours(3000));
    for (command, name) in [
        ("predict m more.csv", None),
        ("predict m more.csv --json", None),
        ("--help", None),
        ("studies", None),
        ("show good-fit --json", None),
        ("fit more.csv --epochs 30 --json --name gone --hidden 4", Some("gone")),
    ] {
        let mut child = Command::new(common::PROGRAM);
        child.args(command.split(' ')).current_dir(place.folder()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("panicked") && !err.contains("error"), "{command}: {err}");
        assert_eq!(output.status.code(), Some(0), "{command}: {err}");
        if let Some(name) = name {
            assert!(place.path(&format!("opportune-out/{name}/model.safetensors")).exists(), "{command}");
        }
    }
    let ran = place.shell("opportune predict m more.csv | head -1").good();
    assert_eq!(ran.out, "label,p_blue,p_green,p_red\n");
}

#[test]
fn more_folds_than_rows_of_a_class() {
    let place = Place::new();
    let mut text = colours(30);
    text.push_str("1.5,0.5,violet\n2.5,0.5,violet\n");
    place.write("rare.csv", text);
    for line in ["fit rare.csv --folds 5 --epochs 2", "tune rare.csv --strategy grid --lr 0.1 --epochs 2"] {
        let ran = place.run(line);
        let last = ran.err.lines().last().unwrap_or_default();
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        let said = "error: --folds: the class 'violet' has 2 rows, fewer than the 5 folds; give --folds 2, or";
        assert!(last.starts_with(said), "{ran:#?}");
    }
    place.run("fit rare.csv --folds 2 --epochs 2").good();
}
