//! Saved states as files, each named by its key: written aside, checksummed, synced and renamed, so that a file
//! under its final name is whole, whatever happened in between.

use opportune_core::plan::PrefixKey;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of the checksum (BLAKE3) behind the state.
const CHECKSUM: usize = 32;
/// Files that are written before the first of them is synced: the disk has them at once, and none is left open for long.
const TOGETHER: usize = 32;

/// A state with its checksum behind it.
pub fn sealed(state: &[u8]) -> Vec<u8> {
    [state, blake3::hash(state).as_bytes()].concat()
}

/// The state of [`sealed`] bytes; `None` if the checksum is wrong.
pub fn opened(mut sealed: Vec<u8>) -> Option<Arc<[u8]>> {
    let end = sealed.len().checked_sub(CHECKSUM)?;
    let whole = blake3::hash(&sealed[..end]).as_bytes() == &sealed[end..];
    sealed.truncate(end);
    whole.then(|| sealed.into())
}

/// A folder of saved states.
#[derive(Debug)]
pub struct States {
    folder: PathBuf,
}

impl States {
    /// The folder, made if it is not there. What an interrupted write left in it is removed, and so is a state that is
    /// not among the `named` ones: a process that was killed between file and row can leave one.
    pub fn open(folder: &Path, named: &HashSet<PrefixKey>) -> io::Result<States> {
        fs::create_dir_all(folder)?;
        let named: HashSet<String> = named.iter().map(|key| key.0.to_string()).collect();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is = |end: &str| path.extension().is_some_and(|found| found == end);
            let known = || path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| named.contains(stem));
            if is("part") || (is("state") && !known()) {
                fs::remove_file(&path)?;
            }
        }
        Ok(States { folder: folder.to_path_buf() })
    }

    fn path(&self, key: PrefixKey) -> PathBuf {
        self.folder.join(format!("{}.state", key.0))
    }

    /// Writes states so that each is whole under its name and on the disk when this returns. A failure leaves files
    /// ending in `.part` at the most.
    pub fn write(&self, states: &[(PrefixKey, Arc<[u8]>)]) -> io::Result<()> {
        // Two stages can come to the same state at once.
        let states: BTreeMap<PrefixKey, &[u8]> = states.iter().map(|(key, state)| (*key, &**state)).collect();
        let states: Vec<(PrefixKey, &[u8])> = states.into_iter().collect();
        for together in states.chunks(TOGETHER) {
            let mut written = Vec::with_capacity(together.len());
            for (key, state) in together {
                let aside = self.folder.join(format!("{}.part", key.0));
                let mut file = File::create(&aside)?;
                file.write_all(state)?;
                file.write_all(blake3::hash(state).as_bytes())?;
                written.push((file, aside, self.path(*key)));
            }
            for (file, aside, whole) in written {
                file.sync_all()?;
                fs::rename(aside, whole)?;
            }
        }
        // A rename is on the disk only when its folder is.
        if states.is_empty() { Ok(()) } else { File::open(&self.folder)?.sync_all() }
    }

    /// The state of that key; `None` if there is no such file or its checksum is wrong.
    pub fn read(&self, key: PrefixKey) -> io::Result<Option<Arc<[u8]>>> {
        let mut bytes = Vec::new();
        match File::open(self.path(key)) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(opened(bytes))
    }

    /// Removes a state that no row names any more.
    pub fn remove(&self, key: PrefixKey) -> io::Result<()> {
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opportune_core::plan::Key;

    #[test]
    fn a_state_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let states = States::open(folder.path(), &HashSet::new()).unwrap();
        let key = PrefixKey(Key::of(b"a"));
        assert_eq!(states.read(key).unwrap(), None);
        let other = |n: u8| (PrefixKey(Key::of(&[n])), vec![n; 9].into());
        let mut written = vec![(key, vec![1, 2, 3].into())];
        written.extend((0..=TOGETHER as u8).map(other));
        written.push((key, vec![1, 2, 3].into()));
        states.write(&written).unwrap();
        assert!(written.iter().all(|(key, state)| states.read(*key).unwrap().as_ref() == Some(state)));
        assert_eq!(states.read(key).unwrap().as_deref(), Some(&[1u8, 2, 3][..]));
        let path = states.path(key);
        for damage in [vec![], vec![7; 10], vec![7; 50]] {
            fs::write(&path, damage).unwrap();
            assert_eq!(states.read(key).unwrap(), None);
        }
        states.remove(key).unwrap();
        states.remove(key).unwrap();
    }

    #[test]
    fn opening_clears_what_an_interrupted_write_left() {
        let folder = tempfile::tempdir().unwrap();
        let (named, lost) = (PrefixKey(Key::of(b"named")), PrefixKey(Key::of(b"lost")));
        let states = States::open(folder.path(), &HashSet::new()).unwrap();
        states.write(&[(named, vec![1].into()), (lost, vec![2].into())]).unwrap();
        fs::write(folder.path().join("x.part"), b"half").unwrap();
        fs::write(folder.path().join("lock"), b"").unwrap();
        let states = States::open(folder.path(), &HashSet::from([named])).unwrap();
        assert_eq!((states.read(named).unwrap().is_some(), states.read(lost).unwrap()), (true, None));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "the state and the lock");
    }
}
