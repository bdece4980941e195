//! What every store must do, in one suite: a new store is one more line in `stores`.

use super::{MemoryStore, Opened, Storage};
use opportune_core::memory::Remembered;
use opportune_core::observation::{Observation, Scored};
use opportune_core::plan::{Key, Part, PrefixKey};
use opportune_core::ports::{Ending, Record, Store, StudyId};
use opportune_core::space::{Config, Value};
use opportune_core::stop::Stopped;
use std::path::Path;

fn id(name: &str, settings: &str) -> StudyId {
    StudyId { name: name.into(), hash: Key::of(settings.as_bytes()), settings: settings.into() }
}

fn sqlite(folder: &Path) -> Box<dyn Store> {
    match Storage::open(&folder.join("s.db")).unwrap().study(&id("a", "{}"), false).unwrap() {
        Opened::Study(store) => store,
        other => panic!("{other:?}"),
    }
}

fn stores(folder: &Path) -> Vec<Box<dyn Store>> {
    vec![Box::new(MemoryStore::default()), sqlite(folder)]
}

fn key(of: &str) -> PrefixKey {
    PrefixKey(Key::of(of.as_bytes()))
}

fn observation(epoch: u32) -> Observation {
    // Numbers that text would not carry exactly, and one that is not finite.
    let train_loss = if epoch == 3 { f64::NAN } else { 0.1 + 0.2 / f64::from(epoch) };
    Observation {
        epoch,
        step: u64::from(epoch) * 7,
        rate: 1e-3 / 3.0,
        momentum: (epoch == 2).then_some(0.85),
        train_loss,
        penalty: f64::MIN_POSITIVE,
        train_score: 1.0 / 3.0,
        validation: (epoch > 1).then_some(Scored { loss: 2.0 / 3.0, score: 1e300 }),
        averaged: (epoch > 2).then_some(Scored { loss: f64::NAN, score: 0.1 + 0.2 }),
        blocks: (epoch > 1).then(|| std::array::from_fn(|block| block as f32 / 3.0)),
        seconds: 0.25,
    }
}

fn records() -> Vec<Record> {
    let config = Config::from_iter([
        ("lr".to_string(), Value::Number(0.1 + 0.2)),
        ("hidden".to_string(), Value::Layers(vec![50, 50])),
        ("schedule".to_string(), Value::Text("cosine".into())),
        ("epochs".to_string(), Value::Count(3)),
    ]);
    let mut records = vec![
        Record::Trial { trial: 0, config },
        Record::Stage { stage: 0, part: Part::Fold(1), parent: None, first: key("0/1") },
        Record::Stage { stage: 1, part: Part::Whole, parent: Some((0, 2)), first: key("1/3") },
    ];
    let epoch = |epoch| Record::Epoch { stage: 0, key: key(&format!("0/{epoch}")), observation: observation(epoch) };
    records.extend((1..=3).map(epoch));
    for epoch in [1, 2, 3] {
        let state = vec![epoch as u8; 5].into();
        records.push(Record::Checkpoint { stage: 0, epoch, key: key(&format!("0/{epoch}")), state });
    }
    records.push(Record::Dropped { stage: 0, epoch: 2 });
    records.push(Record::Ended(Ending {
        trial: 0,
        part: Part::Fold(1),
        stage: 0,
        stopped: Stopped::Diverged,
        epochs: 3,
        chosen: 2,
    }));
    records.push(Record::Note { kind: "finished".into(), json: "{\"a\":1}".into() });
    records
}

/// Everything of a memory, with the bits of its numbers.
fn bits(memory: &Remembered) -> String {
    let mut memory = memory.clone();
    for (_, one) in memory.stages.iter_mut().flat_map(|stage| &mut stage.epochs) {
        assert!(one.same_bits(&observation(one.epoch)));
        one.train_loss = 0.0;
    }
    format!("{memory:?}")
}

#[test]
fn what_is_loaded_is_what_applying_the_records_gives() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Remembered::default();
    records().iter().for_each(|record| expected.apply(record));
    for mut store in stores(folder.path()) {
        // In groups of every size: all of a group is remembered.
        let records = records();
        let (first, rest) = records.split_at(4);
        store.append(first).unwrap();
        store.append(&[]).unwrap();
        store.settle();
        store.append(rest).unwrap();
        store.settle();
        assert_eq!(bits(&store.load().unwrap()), bits(&expected));
        assert_eq!(store.state(key("0/3")).unwrap().as_deref(), Some(&[3u8; 5][..]));
        assert_eq!(store.state(key("no such")).unwrap(), None);
    }
    // In a fresh process, so to speak.
    assert_eq!(bits(&sqlite(folder.path()).load().unwrap()), bits(&expected));
    assert_eq!(sqlite(folder.path()).state(key("0/3")).unwrap().as_deref(), Some(&[3u8; 5][..]));
}

/// Names of the files of saved states.
fn files(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("s.db-states/1")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "state")).count()
}

#[test]
fn saved_states_of_every_size_come_back_and_only_large_ones_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = [0usize, 1, 4000, 8192, 8193, 100_000];
    let saved = |stage: u32, epoch: u32, size: usize| {
        let key = key(&size.to_string());
        Record::Checkpoint { stage, epoch, key, state: vec![size as u8; size].into() }
    };
    let mut store = sqlite(folder.path());
    for stage in 0..2 {
        store.append(&[Record::Stage { stage, part: Part::Fold(0), parent: None, first: key("first") }]).unwrap();
        let states: Vec<Record> = (1..).zip(sizes).map(|(epoch, size)| saved(stage, epoch, size)).collect();
        store.append(&states).unwrap();
        store.append(&states).unwrap();
    }
    assert_eq!(files(folder.path()), 2);
    for (epoch, size) in (1..).zip(sizes) {
        let key = key(&size.to_string());
        for stage in 0..2 {
            let state = store.state(key).unwrap();
            assert!(state.is_some_and(|state| *state == vec![size as u8; size]), "{size}");
            store.append(&[Record::Dropped { stage, epoch }]).unwrap();
        }
        assert_eq!(store.state(key).unwrap(), None, "{size}");
    }
    assert_eq!(files(folder.path()), 0);
}

#[test]
fn damage_of_a_state_in_its_row_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.append(&records()).unwrap();
    let other = rusqlite::Connection::open(folder.path().join("s.db")).unwrap();
    other.execute("UPDATE checkpoint SET state = zeroblob(length(state))", []).unwrap();
    assert_eq!(store.state(key("0/3")).unwrap(), None);
}

/// Files of the formats before this one are brought up to it, and what they hold is read.
#[test]
fn an_earlier_format_is_read_with_its_states_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    let mut records = records();
    for record in &mut records {
        if let Record::Checkpoint { state, .. } = record {
            *state = vec![state[0]; 9000].into();
        }
    }
    store.append(&records).unwrap();
    let before = bits(&store.load().unwrap());
    drop(store);
    let old = rusqlite::Connection::open(folder.path().join("s.db")).unwrap();
    let back = "DROP INDEX checkpoint_key; ALTER TABLE checkpoint DROP COLUMN state; PRAGMA user_version = 2;";
    old.execute_batch(back).unwrap();
    drop(old);
    let mut store = sqlite(folder.path());
    assert_eq!(bits(&store.load().unwrap()), before);
    assert_eq!(store.state(key("0/3")).unwrap().as_deref(), Some(&[3u8; 9000][..]));
    store.append(&[Record::Dropped { stage: 0, epoch: 3 }]).unwrap();
    assert_eq!((store.state(key("0/3")).unwrap(), files(folder.path())), (None, 1));
}

#[test]
fn an_epoch_is_remembered_once_and_a_group_wholly_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.append(&records()).unwrap();
    let trial = Record::Trial { trial: 1, config: Config::default() };
    let again = Record::Epoch { stage: 0, key: key("0/1"), observation: observation(1) };
    assert!(store.append(&[trial, again]).is_err());
    assert_eq!(store.load().unwrap().trials.len(), 1, "nothing of the group that failed is there");
}

#[test]
fn a_dropped_state_goes_from_the_disk_unless_another_row_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.append(&records()).unwrap();
    assert_eq!(store.state(key("0/2")).unwrap(), None);
    let shared = Record::Checkpoint { stage: 1, epoch: 3, key: key("0/3"), state: vec![3; 5].into() };
    store.append(&[shared, Record::Dropped { stage: 0, epoch: 3 }]).unwrap();
    assert!(store.state(key("0/3")).unwrap().is_some());
}

#[test]
fn a_study_is_one_name_one_hash_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let open = |settings: &str, fresh: bool| {
        Storage::open(&folder.path().join("s.db")).unwrap().study(&id("a", settings), fresh).unwrap()
    };
    let Opened::Study(mut first) = open("{}", false) else { panic!("not opened") };
    first.append(&records()).unwrap();
    assert!(matches!(open("{}", false), Opened::Busy));
    assert!(matches!(open("{}", true), Opened::Busy), "nobody forgets what another one works on");
    drop(first);
    assert!(matches!(open("other", false), Opened::Other(settings) if settings == "{}"));
    let Opened::Study(mut again) = open("{}", false) else { panic!("not opened") };
    assert_eq!(again.load().unwrap().trials.len(), 1);
    drop(again);
    let Opened::Study(mut fresh) = open("other", true) else { panic!("not opened") };
    assert_eq!(fresh.load().unwrap().stages.len(), 0);
    assert_eq!(fresh.state(key("0/3")).unwrap(), None);
    // What was forgotten is removed with the first records, also after a process that was killed before; nothing else is.
    let states = folder.path().join("s.db-states");
    std::fs::create_dir_all(states.join("987/deep")).unwrap();
    std::fs::create_dir(states.join("notes")).unwrap();
    fresh.append(&records()).unwrap();
    let mut left: Vec<_> = std::fs::read_dir(&states).unwrap().map(|one| one.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["2", "notes"]);
    assert!(fresh.state(key("0/3")).unwrap().is_some());
}

/// As programs do that are started together, one of them makes the file and each gets its study.
#[test]
fn a_file_that_several_open_at_once_is_made_by_one_of_them() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let all_there = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let (path, all_there) = (&path, &all_there);
                scope.spawn(move || {
                    all_there.wait();
                    let opened = Storage::open(path).unwrap().study(&id(name, "{}"), false).unwrap();
                    let Opened::Study(mut store) = opened else { panic!("not opened") };
                    store.append(&records()).unwrap();
                });
            }
        });
        assert_eq!(Storage::open(&path).unwrap().list().unwrap().len(), 4);
    }
}

#[test]
fn studies_are_listed_and_read_beside_the_process_that_holds_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut held = sqlite(folder.path());
    held.append(&records()).unwrap();
    let storage = Storage::open(&folder.path().join("s.db")).unwrap();
    let listed = &storage.list().unwrap()[0];
    assert_eq!((listed.name.as_str(), listed.trials, listed.epochs), ("a", 1, 3));
    assert_eq!(listed.finished.as_deref(), Some("{\"a\":1}"));
    assert_eq!(storage.read("a").unwrap().unwrap().1.endings.len(), 1);
    assert!(storage.read("b").unwrap().is_none());
}

#[test]
fn what_is_no_study_file_is_said_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.db");
    std::fs::write(&path, "this is a text that is long enough not to be taken for an empty file\n".repeat(9)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Storage::open(&path).unwrap_err().to_string();
    assert!(error.contains("not a study file"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let error = Storage::open(&folder.path().join("no/such/folder.db")).unwrap_err().to_string();
    assert!(error.contains("there is no folder"), "{error}");
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(Storage::open(&foreign).unwrap_err().to_string().contains("another program"));
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
    let other = folder.path().join("newer.db");
    rusqlite::Connection::open(&other).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(Storage::open(&other).unwrap_err().to_string().contains("format 99"));
    assert_eq!(Storage::path_of("sqlite:///a/b.db").unwrap(), Path::new("a/b.db"));
    assert_eq!(Storage::path_of("sqlite:////a/b.db").unwrap(), Path::new("/a/b.db"));
    assert!(Storage::path_of("postgres://x").is_err());
}
