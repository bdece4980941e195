//! NPZ, NumPy's archive of named arrays.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use opportune_core::InputError;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::arrays::{self, Aim, Array};
use crate::gz;
use crate::npy;
use crate::read::{Loaded, Purpose, ReadOptions, nearest_hint_of};
use crate::table::list;
use crate::target::Raw;

/// Names under which features and targets are looked for, in this order, whatever their case.
const FEATURES: [&str; 4] = ["x_train", "x", "data", "features"];
const TARGETS: [&str; 5] = ["y_train", "y", "target", "labels", "label"];

type Archive = ZipArchive<BufReader<File>>;

/// Reads `X` and `y`, `x_train`, `y_train`, `x_test` and `y_test`, or `data` and `target`.
pub(crate) fn read(path: &Path, options: &ReadOptions, purpose: Purpose) -> Result<Loaded, InputError> {
    let file = File::open(path).map_err(|error| gz::failed(&error))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
    let names: Vec<String> =
        archive.file_names().filter_map(|name| name.ok()?.strip_suffix(".npy").map(String::from)).collect();
    let find = |wanted: &[&str]| wanted.iter().find_map(|w| names.iter().find(|n| n.eq_ignore_ascii_case(w)));
    let missing = |what: &str, wanted: &str| {
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = if all.is_empty() { "no arrays".to_string() } else { list(&all) };
        InputError::new(format!("there is no array of {what}; the archive has {found}"))
            .remedy(format!("call it {wanted}"))
    };
    let mut warnings = Vec::new();
    // A lone array is what to predict.
    let lone = names.first().filter(|_| names.len() == 1 && matches!(purpose, Purpose::Predict));
    let x = find(&FEATURES).or(lone).ok_or_else(|| missing("features", "X, x_train or data"))?;
    let features = open(&mut archive, x)?;
    if matches!(purpose, Purpose::Predict) {
        return Ok(Loaded { data: arrays::dataset(features, "column", None, &mut warnings)?, test: None, warnings });
    }
    let y = match &options.target {
        None => find(&TARGETS).ok_or_else(|| missing("targets", "y, y_train or target"))?,
        Some(name) => names.iter().find(|n| *n == name).ok_or_else(|| {
            InputError::new(format!("there is no array '{name}'")).remedy(nearest_hint_of("arrays", name, &names))
        })?,
    };
    let aim = match (purpose, target(&mut archive, y)?) {
        (Purpose::Join(task), raw) => Aim::Test(raw, task),
        (_, raw) => Aim::Train(raw, options.task),
    };
    let data = arrays::dataset(features, "column", Some((y, aim)), &mut warnings)?;
    let test = match (find(&["x_test"]), find(&["y_test"]), data.task()) {
        (Some(x), Some(y), Some(task)) => {
            let aim = Aim::Test(target(&mut archive, y)?, task);
            Some(arrays::dataset(open(&mut archive, x)?, "column", Some((y, aim)), &mut warnings)?)
        }
        _ => None,
    };
    Ok(Loaded { data, test, warnings })
}

fn target(archive: &mut Archive, name: &str) -> Result<Raw, InputError> {
    arrays::raw_target(open(archive, name)?).map_err(|error| error.at(name))
}

fn open(archive: &mut Archive, name: &str) -> Result<Array, InputError> {
    let mut entry = archive.by_name(&format!("{name}.npy")).map_err(|error| damaged(&error).at(name))?;
    npy::array(&mut entry).map_err(|error| error.at(name))
}

fn damaged(error: &ZipError) -> InputError {
    InputError::new(format!("the archive cannot be read ({error})")).remedy("save or download it again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Target;
    use crate::npy::tests::npy;
    use crate::testing::load;
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;

    fn archive(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (i, (name, bytes)) in arrays.iter().enumerate() {
            let method = if i % 2 == 0 { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
            writer.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn read(arrays: &[(&str, Vec<u8>)], options: &ReadOptions) -> Result<Loaded, String> {
        load("a.npz", &archive(arrays), options).map_err(|error| error.to_string())
    }

    fn x() -> Vec<u8> {
        npy("|u1", false, "(3, 2)", &[1, 2, 3, 4, 5, 6])
    }

    fn y() -> Vec<u8> {
        npy("|S1", false, "(3,)", b"aba")
    }

    #[test]
    fn the_usual_names_are_found() {
        for (features, target) in [("X", "y"), ("data", "target"), ("x_train", "y_train")] {
            let data = read(&[(features, x()), (target, y())], &ReadOptions::default()).unwrap().data;
            assert_eq!((data.rows(), data.features(), data.target_name()), (3, 2, Some(target)));
            assert!(matches!(data.target(), Target::Classes { codes, .. } if codes[..] == [0, 1, 0]));
        }
        let bare = ReadOptions { needs_target: false, ..Default::default() };
        assert_eq!(read(&[("anything", x())], &bare).unwrap().data.target(), &Target::None);
    }

    #[test]
    fn a_test_set_comes_along_and_images_are_known() {
        let images = npy("|u1", false, "(3, 1, 2)", &[1, 2, 3, 4, 5, 6]);
        let image = npy("|u1", false, "(1, 1, 2)", &[9, 9]);
        let label = npy("|S1", false, "(1,)", b"b");
        let all = [("x_train", images), ("y_train", y()), ("x_test", image), ("y_test", label)];
        let loaded = read(&all, &ReadOptions::default()).unwrap();
        assert!(loaded.data.is_image());
        let joined = crate::join(loaded.data, loaded.test.unwrap()).unwrap();
        assert!(matches!(joined.data.target(), Target::Classes { codes, .. } if codes[..] == [0, 1, 0, 1]));
    }

    #[test]
    fn bad_archives_are_named() {
        let default = ReadOptions::default();
        let error = |arrays: &[(&str, Vec<u8>)]| read(arrays, &default).unwrap_err();
        assert!(error(&[]).contains("no array of features; the archive has no arrays"));
        assert!(error(&[("X", x())]).contains("no array of targets; the archive has X"));
        assert!(error(&[("X", x()), ("y", npy("|u1", false, "(2,)", &[1, 2]))]).contains("3 rows of features and 2"));
        assert!(error(&[("X", x()), ("y", x())]).contains("y: a target must have one value"));
        assert!(error(&[("X", y()), ("y", y())]).contains("the features are texts"));
        let asked = ReadOptions { target: Some("z".into()), ..Default::default() };
        assert!(read(&[("X", x()), ("y", y())], &asked).unwrap_err().contains("no array 'z'"));
        let mut bytes = archive(&[("X", x()), ("y", y())]);
        bytes.truncate(bytes.len() / 2);
        let error = load("a.npz", &bytes, &default).unwrap_err().to_string();
        assert!(error.contains("archive cannot be read"), "{error}");
    }
}
