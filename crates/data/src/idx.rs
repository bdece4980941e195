//! IDX files, the format of MNIST (<http://yann.lecun.com/exdb/mnist/>): big-endian counts, then bytes.

use std::io::Read;
use std::path::{Path, PathBuf};

use opportune_core::InputError;

use crate::arrays::{self, Aim, Array, Values};
use crate::dataset::Dataset;
use crate::gz;
use crate::read::{Loaded, Purpose, ReadOptions};
use crate::target::{Raw, Task};

/// Reads MNIST's files in a folder: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and where they are there,
/// the same for `t10k`, the test set. Each may end in `.gz`, and may have a point before `idx`.
pub(crate) fn folder(path: &Path, options: &ReadOptions, purpose: Purpose) -> Result<Loaded, InputError> {
    let mut warnings = Vec::new();
    let train = find(path, "train-images-idx3-ubyte").ok_or_else(|| {
        InputError::new("the folder has no file train-images-idx3-ubyte or train-images-idx3-ubyte.gz")
            .remedy("give a folder with IDX files, or a file")
    })?;
    let data = set(open(&train)?, &train, options, purpose, &mut warnings)?;
    let purpose = match (purpose, data.task()) {
        (Purpose::Train, Some(task)) => Purpose::Join(task),
        _ => purpose,
    };
    let test = match find(path, "t10k-images-idx3-ubyte") {
        Some(test) => Some(set(open(&test)?, &test, options, purpose, &mut warnings)?),
        None => None,
    };
    Ok(Loaded { data, test, warnings })
}

/// Reads one IDX file whose start was already looked at; its labels lie beside it.
pub(crate) fn file(
    path: &Path,
    reader: &mut dyn Read,
    options: &ReadOptions,
    purpose: Purpose,
) -> Result<Loaded, InputError> {
    let mut warnings = Vec::new();
    let data = set(array(reader)?, path, options, purpose, &mut warnings)?;
    Ok(Loaded { data, test: None, warnings })
}

/// The images of the file `path`, with the labels beside it unless they are to be predicted.
fn set(
    images: Array,
    path: &Path,
    options: &ReadOptions,
    purpose: Purpose,
    warnings: &mut Vec<String>,
) -> Result<Dataset, InputError> {
    if let Some(name) = options.target.as_deref().filter(|name| *name != "label") {
        return Err(InputError::new(format!("there is no column '{name}' in IDX files"))
            .remedy("leave --target out: the target is the labels file"));
    }
    let labels = || labels_of(open(&labels_beside(path)?)?);
    let aim = match purpose {
        Purpose::Predict => None,
        Purpose::Train => Some(Aim::Train(labels()?, Some(options.task.unwrap_or(Task::Classification)))),
        Purpose::Join(task) => Some(Aim::Test(labels()?, task)),
    };
    arrays::dataset(images, "pixel", aim.map(|aim| ("label", aim)), warnings)
}

fn labels_beside(images: &Path) -> Result<PathBuf, InputError> {
    let name = file_name(images);
    let stem = name.trim_end_matches(".gz");
    let labels = ["idx2", "idx3", "idx4"]
        .iter()
        .fold(stem.replace("images", "labels"), |labels, idx| labels.replace(idx, "idx1"));
    let beside = if labels == stem { None } else { find(images.parent().unwrap_or(Path::new("")), &labels) };
    beside.ok_or_else(|| {
        InputError::new(format!("the labels of '{name}' are not beside it"))
            .remedy("put the labels file (labels in its name in place of images) into the same folder")
    })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The file called `stem`, plain or compressed, with a point before `idx` or without.
fn find(folder: &Path, stem: &str) -> Option<PathBuf> {
    [stem.to_string(), stem.replace("-idx", ".idx")]
        .into_iter()
        .flat_map(|name| [name.clone(), format!("{name}.gz")])
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

fn open(path: &Path) -> Result<Array, InputError> {
    gz::open(path).and_then(|mut reader| array(&mut *reader)).map_err(|error| error.at(file_name(path)))
}

fn labels_of(labels: Array) -> Result<Raw, InputError> {
    if labels.shape.len() != 1 {
        return Err(InputError::new(format!("labels must have 1 dimension, these have {}", labels.shape.len()))
            .remedy("check that images and labels are not mixed up"));
    }
    arrays::raw_target(labels)
}

/// Reads one IDX file. No more memory is taken than the file has bytes.
fn array(reader: &mut dyn Read) -> Result<Array, InputError> {
    let mut magic = [0; 4];
    exact(reader, &mut magic)?;
    if magic[..2] != [0, 0] || magic[3] == 0 {
        return Err(InputError::new(format!("this is not an IDX file (it starts with {magic:02x?})"))
            .remedy("give the original file"));
    }
    if magic[2] != 8 {
        return Err(InputError::new(format!("IDX files of type {:#04x} are not read, only bytes (0x08)", magic[2]))
            .remedy("convert it to NPY"));
    }
    let mut shape = Vec::new();
    for _ in 0..magic[3] {
        let mut size = [0; 4];
        exact(reader, &mut size)?;
        shape.push(u32::from_be_bytes(size) as usize);
    }
    let dimensions = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    let Some(size) = shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n)) else {
        return Err(InputError::new(format!("the header promises {dimensions} bytes, more than there can be"))
            .remedy("download the file again"));
    };
    // One byte more than promised, to see whether there is more.
    let bytes = gz::rest(&mut reader.take(size as u64 + 1))?;
    if bytes.len() != size {
        let found = if bytes.len() > size { "more".to_string() } else { format!("only {}", bytes.len()) };
        return Err(InputError::new(format!("the header promises {dimensions} bytes, the file has {found}"))
            .remedy("download the file again"));
    }
    Ok(Array { shape, values: Values::U8(bytes) })
}

fn exact(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<(), InputError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]).map_err(|error| gz::failed(&error))? {
            0 => {
                return Err(InputError::new("the file ends within its IDX header").remedy("download the file again"));
            }
            n => filled += n,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Target;
    use crate::read;
    use crate::testing::gzip;

    fn idx(shape: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn files(files: &[(&str, Vec<u8>)], name: &str, options: &ReadOptions) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        read(&folder.path().join(name), options).map_err(|error| error.to_string())
    }

    fn images() -> (&'static str, Vec<u8>) {
        ("train-images-idx3-ubyte", idx(&[3, 2, 2], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]))
    }

    fn labels() -> (&'static str, Vec<u8>) {
        ("train-labels-idx1-ubyte", idx(&[3], &[1, 0, 1]))
    }

    #[test]
    fn a_folder_with_and_without_a_test_set() {
        let loaded = files(&[images(), labels()], "", &ReadOptions::default()).unwrap();
        assert!(loaded.test.is_none() && loaded.data.is_image());
        assert_eq!((loaded.data.rows(), loaded.data.features()), (3, 4));
        assert_eq!(loaded.data.numeric_columns().next().map(|c| c.name.as_str()), Some("pixel_1"));
        let Target::Classes { codes, labels: names } = loaded.data.target() else { panic!() };
        assert_eq!((&codes[..], names.len()), (&[1, 0, 1][..], 2));
        let test = [
            ("train-images-idx3-ubyte.gz", gzip(&images().1)),
            ("train-labels.idx1-ubyte", labels().1),
            ("t10k-images-idx3-ubyte", idx(&[1, 2, 2], &[1, 2, 3, 4])),
            ("t10k-labels-idx1-ubyte.gz", gzip(&idx(&[1], &[1]))),
        ];
        let loaded = files(&test, "", &ReadOptions::default()).unwrap();
        let joined = crate::join(loaded.data, loaded.test.unwrap()).unwrap();
        assert_eq!((joined.data.rows(), joined.rows, joined.warnings.len()), (4, 3..4, 0));
        assert_eq!(joined.data.memory_bytes(), 16 + 4 * 4);
        let bare = ReadOptions { needs_target: false, ..Default::default() };
        let loaded = files(&test, "", &bare).unwrap();
        assert!(loaded.data.task().is_none() && loaded.test.is_some_and(|test| test.task().is_none()));
    }

    #[test]
    fn one_file_by_itself() {
        let bare = ReadOptions { needs_target: false, ..Default::default() };
        assert_eq!(files(&[images()], images().0, &bare).unwrap().data.target(), &Target::None);
        assert_eq!(files(&[images(), labels()], images().0, &ReadOptions::default()).unwrap().data.rows(), 3);
        let error = files(&[images()], images().0, &ReadOptions::default()).unwrap_err();
        assert!(error.contains("labels of 'train-images-idx3-ubyte' are not beside it"), "{error}");
    }

    #[test]
    fn bad_files_are_named() {
        let default = ReadOptions::default();
        let with = |bytes: Vec<u8>| files(&[(images().0, bytes), labels()], "", &default).unwrap_err();
        assert!(files(&[labels()], "", &default).unwrap_err().contains("no file train-images"));
        assert!(with(vec![0, 0, 8]).contains("ends within its IDX header"));
        assert!(with(vec![1, 2, 3, 4, 5]).contains("not an IDX file"));
        assert!(with(vec![0, 0, 13, 1, 0, 0, 0, 0]).contains("type 0x0d"));
        assert!(with(idx(&[3, 2, 2], &[0; 11])).contains("3 x 2 x 2 bytes, the file has only 11"));
        assert!(with(idx(&[3, 2, 2], &[0; 13])).contains("the file has more"));
        assert!(with(idx(&[u32::MAX, u32::MAX, 9], &[0; 13])).contains("more than there can be"));
        // Promises 16 exabytes less a little: must fail quickly and without the memory.
        assert!(with(idx(&[u32::MAX, u32::MAX], &[0; 13])).contains("only 13"));
        assert!(with(idx(&[2, 2, 2], &[0; 8])).contains("2 rows of features and 3 targets"));
        let error = files(&[images(), (labels().0, images().1)], "", &default).unwrap_err();
        assert!(error.contains("must have 1 dimension"), "{error}");
        let cut = gzip(&images().1);
        let error = files(&[(images().0, cut[..cut.len() - 9].to_vec()), labels()], "", &default).unwrap_err();
        assert!(error.contains("train-images-idx3-ubyte: the compressed file ends too early"), "{error}");
    }
}
