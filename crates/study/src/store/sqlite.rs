//! Studies in one SQLite file (WAL, typed append-only tables), their larger saved states in a folder beside it.

use super::states::{self, States};
use opportune_core::InputError;
use opportune_core::memory::{Remembered, RememberedStage};
use opportune_core::observation::{BLOCKS, Blocks, Observation, Scored};
use opportune_core::plan::{Key, Part, PrefixKey};
use opportune_core::ports::{Ending, Record, Store, StoreError, StudyId};
use opportune_core::stop::Stopped;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, TransactionBehavior, params};
use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Layout of the tables; another number is refused rather than guessed at.
const FORMAT: i64 = 3;

/// A saved state of at most so many bytes lies in its row, and is synced with it: a file of its own costs a sync of its
/// own, which for small ones is nearly all they cost. Larger ones would fill the log that every commit writes.
const IN_ROW: usize = 8 << 10;

/// What a file of format 1 lacks.
const FROM_FORMAT_1: &str = "
ALTER TABLE epoch ADD COLUMN averaged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE epoch ADD COLUMN averaged_loss REAL;
ALTER TABLE epoch ADD COLUMN averaged_score REAL;
ALTER TABLE epoch ADD COLUMN blocks BLOB;
";

/// What a file of format 2 lacks.
const FROM_FORMAT_2: &str = "
ALTER TABLE checkpoint ADD COLUMN state BLOB;
CREATE INDEX checkpoint_key ON checkpoint (study, key);
";

/// `fold` is NULL where all rows are trained together; folds of the confirmation count from -1 downwards. `blocks` are
/// 32-bit floats, the lowest byte first. Rows are only ever added; the one exception is `checkpoint`, the index of the
/// saved states that are there. `state` is one with its checksum, or NULL where it is a file.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS study (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, settings TEXT NOT NULL,
    created_unix INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS trial (
    study INTEGER NOT NULL, trial INTEGER NOT NULL, config TEXT NOT NULL, PRIMARY KEY (study, trial))
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stage (
    study INTEGER NOT NULL, stage INTEGER NOT NULL, fold INTEGER, parent INTEGER, parent_epochs INTEGER,
    first BLOB NOT NULL, PRIMARY KEY (study, stage)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epoch (
    study INTEGER NOT NULL, stage INTEGER NOT NULL, epoch INTEGER NOT NULL, key BLOB NOT NULL, step INTEGER NOT NULL,
    rate REAL NOT NULL, momentum REAL, train_loss REAL, penalty REAL, train_score REAL, validated INTEGER NOT NULL,
    validation_loss REAL, validation_score REAL, seconds REAL NOT NULL, averaged INTEGER NOT NULL DEFAULT 0,
    averaged_loss REAL, averaged_score REAL, blocks BLOB, PRIMARY KEY (study, stage, epoch))
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (
    study INTEGER NOT NULL, stage INTEGER NOT NULL, epoch INTEGER NOT NULL, key BLOB NOT NULL, state BLOB,
    PRIMARY KEY (study, stage, epoch)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS checkpoint_key ON checkpoint (study, key);
CREATE TABLE IF NOT EXISTS ending (
    id INTEGER PRIMARY KEY, study INTEGER NOT NULL, trial INTEGER NOT NULL, fold INTEGER, stage INTEGER NOT NULL,
    stopped TEXT NOT NULL, epochs INTEGER NOT NULL, chosen INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS ending_study ON ending (study);
CREATE TABLE IF NOT EXISTS note (
    id INTEGER PRIMARY KEY, study INTEGER NOT NULL, at_unix INTEGER NOT NULL, kind TEXT NOT NULL, json TEXT NOT NULL)
    STRICT;
CREATE INDEX IF NOT EXISTS note_study ON note (study);
";

const TABLE_NAMES: [&str; 6] = ["trial", "stage", "epoch", "checkpoint", "ending", "note"];

/// A SQLite file that holds studies.
#[derive(Debug)]
pub struct Storage {
    path: PathBuf,
    connection: Connection,
}

/// A study as `opportune studies` lists it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// JSON of what makes it this study.
    pub settings: String,
    /// Seconds since 1970.
    pub created_unix: i64,
    /// Points of the space taken up.
    pub trials: u32,
    /// Fold-epochs trained.
    pub epochs: u64,
    /// JSON of the last `finished` note, if it came to an end.
    pub finished: Option<String>,
}

/// What opening a study found.
#[derive(Debug)]
pub enum Opened {
    /// The study, new or to be continued.
    Study(Box<SqliteStore>),
    /// Another study of that name; JSON of what makes it that study.
    Other(String),
    /// Another process has it open.
    Busy,
}

fn fault(path: &Path, error: &rusqlite::Error) -> StoreError {
    let what = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => {
            "the disk is full; free some space and give the same command again".into()
        }
        Some(rusqlite::ErrorCode::NotADatabase) => "this is not a study file; name another one with --storage".into(),
        Some(
            rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::PermissionDenied,
        ) => {
            format!("cannot be written ({error}); name another file with --storage")
        }
        Some(rusqlite::ErrorCode::SystemIoFailure) => {
            format!(
                "cannot be written ({error}); see that the disk has room and is sound, then give the same command again"
            )
        }
        Some(rusqlite::ErrorCode::DatabaseBusy) => {
            "is in use by another program for too long; give the same command again".into()
        }
        _ => format!("{error}; name another file with --storage"),
    };
    StoreError(format!("{}: {what}", path.display()))
}

fn io_fault(path: &Path, error: &std::io::Error) -> StoreError {
    let what = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "the disk is full; free some space and give the same command again".to_string()
        }
        _ => format!("cannot be written ({error}); choose another place with --storage"),
    };
    StoreError(format!("{}: {what}", path.display()))
}

fn now_unix() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

impl Storage {
    /// The file a `--storage` URL names: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a plain path.
    ///
    /// # Errors
    /// Another scheme.
    pub fn path_of(url: &str) -> Result<PathBuf, InputError> {
        let path = match url.split_once("://") {
            Some(("sqlite", rest)) => rest.strip_prefix('/').unwrap_or(rest),
            Some((scheme, _)) => {
                return Err(InputError::new(format!("there is no storage of kind '{scheme}'"))
                    .at("--storage")
                    .remedy("give sqlite:///FILE"));
            }
            None => url,
        };
        if path.is_empty() {
            return Err(InputError::new("no file is named").at("--storage").remedy("give sqlite:///FILE"));
        }
        Ok(PathBuf::from(path))
    }

    /// Opens the file, making it if it is not there.
    ///
    /// # Errors
    /// The file cannot be made or is none of ours.
    pub fn open(path: &Path) -> Result<Storage, StoreError> {
        let refused =
            |what: String| StoreError(format!("{}: {what}; name another file with --storage", path.display()));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(refused(format!("there is no folder '{}'", folder.display())));
        }
        let fault = |error: rusqlite::Error| fault(path, &error);
        let mut connection = Connection::open(path).map_err(fault)?;
        let version = |of: &Connection| of.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        let mut prepare = || {
            connection.busy_timeout(Duration::from_secs(20))?;
            if version(&connection)? == 0 {
                // Two programs may come at once, and one may be killed here: all of the tables or none.
                let new = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let tables: i64 = new.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
                if version(&new)? == 0 && tables == 0 {
                    new.execute_batch(TABLES)?;
                    new.pragma_update(None, "user_version", FORMAT)?;
                }
                new.commit()?;
            }
            for (format, lacks) in [(1, FROM_FORMAT_1), (2, FROM_FORMAT_2)] {
                if version(&connection)? == format {
                    let old = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                    if version(&old)? == format {
                        old.execute_batch(lacks)?;
                        old.pragma_update(None, "user_version", format + 1)?;
                    }
                    old.commit()?;
                }
            }
            version(&connection)
        };
        match prepare().map_err(fault)? {
            FORMAT => {}
            0 => return Err(refused("this is a file of another program".into())),
            other => {
                return Err(refused(format!("made by another version (format {other}, this program's is {FORMAT})")));
            }
        }
        let mode = || {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")
        };
        mode().map_err(fault)?;
        Ok(Storage { path: path.to_path_buf(), connection })
    }

    /// The folder of all saved states.
    fn states_folder(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push("-states");
        PathBuf::from(name)
    }

    fn folder(&self, study: i64) -> PathBuf {
        self.states_folder().join(study.to_string())
    }

    /// All studies, by name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let query = "SELECT name, settings, created_unix,
            (SELECT count(*) FROM trial WHERE study = id), (SELECT count(*) FROM epoch WHERE study = id),
            (SELECT json FROM note WHERE study = s.id AND kind = 'finished' ORDER BY note.id DESC LIMIT 1)
            FROM study s ORDER BY name";
        let listed = |row: &Row| {
            Ok(Listed {
                name: row.get(0)?,
                settings: row.get(1)?,
                created_unix: row.get(2)?,
                trials: row.get(3)?,
                epochs: row.get::<_, i64>(4)? as u64,
                finished: row.get(5)?,
            })
        };
        let rows = || self.connection.prepare(query)?.query_map([], listed)?.collect::<rusqlite::Result<Vec<_>>>();
        rows().map_err(|error| fault(&self.path, &error))
    }

    /// Reads a study without taking hold of it; `None` if there is none of that name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<(String, Remembered)>, StoreError> {
        let found = || {
            let row = "SELECT id, settings FROM study WHERE name = ?";
            let found = self.connection.query_row(row, [name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            found.map(|(id, settings): (i64, String)| Ok((settings, load(&self.connection, id)?))).transpose()
        };
        found().map_err(|error| fault(&self.path, &error))
    }

    /// Takes hold of a study: the one of that name, or a new one. `fresh` forgets the one that is there.
    ///
    /// # Errors
    /// The file or the folder beside it cannot be written.
    pub fn study(mut self, id: &StudyId, fresh: bool) -> Result<Opened, StoreError> {
        let path = self.path.clone();
        let fault = |error: rusqlite::Error| fault(&path, &error);
        let found = self.find(&id.name).map_err(fault)?;
        let mut kept = None;
        if let Some((old, hash, settings)) = &found {
            // The lock goes with the process, however it ends. Who had it before may have made the study anew.
            let Some(lock) = self.lock(*old)? else { return Ok(Opened::Busy) };
            if self.find(&id.name).map_err(fault)? != found {
                return Ok(Opened::Busy);
            }
            if fresh {
                self.forget(*old).map_err(fault)?;
                drop(lock);
                let folder = self.folder(*old);
                fs::remove_dir_all(&folder).map_err(|error| io_fault(&folder, &error))?;
            } else if *hash != id.hash.0 {
                return Ok(Opened::Other(settings.clone()));
            } else {
                kept = Some((*old, lock));
            }
        }
        let (study, lock) = match kept {
            Some(kept) => kept,
            None => {
                let insert = "INSERT OR IGNORE INTO study (name, hash, settings, created_unix) VALUES (?, ?, ?, ?)";
                let values = params![id.name, id.hash.0, id.settings, now_unix()];
                // None inserted: another process was a moment earlier.
                if self.connection.execute(insert, values).map_err(fault)? == 0 {
                    return Ok(Opened::Busy);
                }
                let new = self.connection.last_insert_rowid();
                match self.lock(new)? {
                    Some(lock) => (new, lock),
                    None => return Ok(Opened::Busy),
                }
            }
        };
        let folder = self.folder(study);
        let named = self.named(study).map_err(fault)?;
        let states = States::open(&folder, &named).map_err(|error| io_fault(&folder, &error))?;
        Ok(Opened::Study(Box::new(SqliteStore { storage: self, study, states, _lock: lock })))
    }

    /// Number, hash and settings of the study of that name.
    fn find(&self, name: &str) -> rusqlite::Result<Option<(i64, Vec<u8>, String)>> {
        let query = "SELECT id, hash, settings FROM study WHERE name = ?";
        self.connection.query_row(query, [name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
    }

    /// Keys of a study's saved states that are files.
    fn named(&self, study: i64) -> rusqlite::Result<HashSet<PrefixKey>> {
        let mut query = self.connection.prepare("SELECT key FROM checkpoint WHERE study = ? AND state IS NULL")?;
        query.query_map([study], |row| key(row, 0))?.collect()
    }

    fn forget(&mut self, study: i64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for table in TABLE_NAMES {
            transaction.execute(&format!("DELETE FROM {table} WHERE study = ?"), [study])?;
        }
        transaction.execute("DELETE FROM study WHERE id = ?", [study])?;
        transaction.commit()
    }

    fn lock(&self, study: i64) -> Result<Option<File>, StoreError> {
        let folder = self.folder(study);
        let lock = || -> std::io::Result<Option<File>> {
            fs::create_dir_all(&folder)?;
            let file = File::create(folder.join("lock"))?;
            match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        lock().map_err(|error| io_fault(&folder, &error))
    }
}

/// One study of a [`Storage`], held by this process alone.
#[derive(Debug)]
pub struct SqliteStore {
    storage: Storage,
    study: i64,
    states: States,
    _lock: File,
}

impl Store for SqliteStore {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        // Files before the rows that name them, and rows that name them gone before files are.
        let states: Vec<(PrefixKey, Arc<[u8]>)> = records
            .iter()
            .filter_map(|record| match record {
                Record::Checkpoint { key, state, .. } if state.len() > IN_ROW => Some((*key, state.clone())),
                _ => None,
            })
            .collect();
        self.states.write(&states).map_err(|error| io_fault(&self.storage.path, &error))?;
        let study = self.study;
        let connection = &mut self.storage.connection;
        let mut commit = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut unnamed = Vec::new();
            let mut rows = Rows::of(&transaction)?;
            let mut gone = Vec::new();
            for record in records {
                gone.extend(rows.insert(study, record)?);
            }
            for key in gone {
                // The same state can be kept for another stage, or have been saved again since.
                if !rows.named.exists(params![study, key.0.0])? {
                    unnamed.push(key);
                }
            }
            drop(rows);
            transaction.commit()?;
            Ok(unnamed)
        };
        let unnamed = commit().map_err(|error: rusqlite::Error| fault(&self.storage.path, &error))?;
        unnamed
            .into_iter()
            .try_for_each(|key| self.states.remove(key))
            .map_err(|error| io_fault(&self.storage.path, &error))
    }

    fn load(&mut self) -> Result<Remembered, StoreError> {
        load(&self.storage.connection, self.study).map_err(|error| fault(&self.storage.path, &error))
    }

    fn state(&mut self, key: PrefixKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        let in_row = || {
            let query = "SELECT state FROM checkpoint WHERE study = ? AND key = ? AND state IS NOT NULL";
            let mut query = self.storage.connection.prepare_cached(query)?;
            query.query_row(params![self.study, key.0.0], |row| row.get::<_, Vec<u8>>(0)).optional()
        };
        match in_row().map_err(|error| fault(&self.storage.path, &error))? {
            Some(sealed) => Ok(states::opened(sealed)),
            None => self.states.read(key).map_err(|error| io_fault(&self.storage.path, &error)),
        }
    }
}

/// The statements of a commit, looked up once.
struct Rows<'a> {
    trial: CachedStatement<'a>,
    stage: CachedStatement<'a>,
    epoch: CachedStatement<'a>,
    checkpoint: CachedStatement<'a>,
    dropped: CachedStatement<'a>,
    ending: CachedStatement<'a>,
    note: CachedStatement<'a>,
    /// Whether a file is named.
    named: CachedStatement<'a>,
}

impl<'a> Rows<'a> {
    fn of(to: &'a Connection) -> rusqlite::Result<Rows<'a>> {
        Ok(Rows {
            trial: to.prepare_cached("INSERT INTO trial VALUES (?, ?, ?)")?,
            stage: to.prepare_cached("INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?)")?,
            epoch: to
                .prepare_cached("INSERT INTO epoch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?,
            checkpoint: to.prepare_cached("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?, ?)")?,
            dropped: to.prepare_cached(
                "DELETE FROM checkpoint WHERE study = ? AND stage = ? AND epoch = ? RETURNING key, state IS NULL",
            )?,
            ending: to.prepare_cached(
                "INSERT INTO ending (study, trial, fold, stage, stopped, epochs, chosen) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?,
            note: to.prepare_cached("INSERT INTO note (study, at_unix, kind, json) VALUES (?, ?, ?, ?)")?,
            named: to.prepare_cached("SELECT 1 FROM checkpoint WHERE study = ? AND key = ? AND state IS NULL")?,
        })
    }

    /// Appends one record; gives the key of a saved state whose file its row no longer names.
    fn insert(&mut self, study: i64, record: &Record) -> rusqlite::Result<Option<PrefixKey>> {
        match record {
            Record::Trial { trial, config } => {
                let json =
                    serde_json::to_string(config).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
                self.trial.execute(params![study, trial, json])?;
            }
            Record::Stage { stage, part, parent, first } => {
                let (parent, epochs) = parent.unzip();
                self.stage.execute(params![study, stage, fold_number(*part), parent, epochs, first.0.0])?;
            }
            Record::Epoch { stage, key, observation: o } => {
                let (loss, score) = o.validation.map(|v| (v.loss, v.score)).unzip();
                let (averaged_loss, averaged_score) = o.averaged.map(|v| (v.loss, v.score)).unzip();
                let blocks = o.blocks.map(|blocks| blocks.map(f32::to_le_bytes).concat());
                // A number that is not finite is stored as NULL and read as NaN.
                self.epoch.execute(params![
                    study,
                    stage,
                    o.epoch,
                    key.0.0,
                    o.step as i64,
                    o.rate,
                    o.momentum,
                    finite(o.train_loss),
                    finite(o.penalty),
                    finite(o.train_score),
                    o.validation.is_some(),
                    loss.and_then(finite),
                    score.and_then(finite),
                    o.seconds,
                    o.averaged.is_some(),
                    averaged_loss.and_then(finite),
                    averaged_score.and_then(finite),
                    blocks
                ])?;
            }
            Record::Checkpoint { stage, epoch, key, state } => {
                let sealed = (state.len() <= IN_ROW).then(|| states::sealed(state));
                self.checkpoint.execute(params![study, stage, epoch, key.0.0, sealed])?;
            }
            Record::Dropped { stage, epoch } => {
                let dropped = |row: &Row| Ok((key(row, 0)?, row.get::<_, bool>(1)?));
                let dropped = self.dropped.query_row(params![study, stage, epoch], dropped).optional()?;
                return Ok(dropped.and_then(|(key, file)| file.then_some(key)));
            }
            Record::Ended(one) => {
                self.ending.execute(params![
                    study,
                    one.trial,
                    fold_number(one.part),
                    one.stage,
                    one.stopped.word(),
                    one.epochs,
                    one.chosen
                ])?;
            }
            Record::Note { kind, json } => {
                self.note.execute(params![study, now_unix(), kind, json])?;
            }
        }
        Ok(None)
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn key(row: &Row, column: usize) -> rusqlite::Result<PrefixKey> {
    Ok(PrefixKey(Key(row.get(column)?)))
}

fn fold_number(part: Part) -> Option<i64> {
    match part {
        Part::Fold(fold) => Some(i64::from(fold)),
        Part::Confirmation(fold) => Some(-1 - i64::from(fold)),
        Part::Whole => None,
    }
}

fn part(fold: Option<i64>) -> Part {
    match fold {
        None => Part::Whole,
        Some(fold) if fold < 0 => Part::Confirmation((-1 - fold) as u32),
        Some(fold) => Part::Fold(fold as u32),
    }
}

fn blocks(bytes: Option<Vec<u8>>) -> Option<Blocks> {
    let bytes = bytes.filter(|bytes| bytes.len() == 4 * BLOCKS)?;
    let mut blocks = [0.0; BLOCKS];
    let numbers = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes);
    blocks.iter_mut().zip(numbers).for_each(|(block, number)| *block = number);
    Some(blocks)
}

fn load(from: &Connection, study: i64) -> rusqlite::Result<Remembered> {
    let bad = |column: usize, what: String| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into())
    };
    let mut memory = Remembered::default();
    let mut query = from.prepare("SELECT trial, config FROM trial WHERE study = ? ORDER BY trial")?;
    let mut rows = query.query([study])?;
    while let Some(row) = rows.next()? {
        let config = serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| bad(1, error.to_string()))?;
        memory.trials.push((row.get(0)?, config));
    }
    let stages = "SELECT stage, fold, parent, parent_epochs, first FROM stage WHERE study = ? ORDER BY stage";
    let mut query = from.prepare(stages)?;
    let mut rows = query.query([study])?;
    while let Some(row) = rows.next()? {
        let (parent, epochs): (Option<u32>, Option<u32>) = (row.get(2)?, row.get(3)?);
        let stage = row.get(0)?;
        if stage as usize != memory.stages.len() {
            return Err(bad(0, format!("stage {stage} is out of order")));
        }
        memory.stages.push(RememberedStage {
            stage,
            part: part(row.get(1)?),
            parent: parent.zip(epochs),
            first: key(row, 4)?,
            epochs: Vec::new(),
            checkpoints: Vec::new(),
        });
    }
    let epochs = "SELECT stage, epoch, key, step, rate, momentum, train_loss, penalty, train_score, validated,
        validation_loss, validation_score, seconds, averaged, averaged_loss, averaged_score, blocks FROM epoch WHERE study = ? ORDER BY stage, epoch";
    let mut query = from.prepare(epochs)?;
    let mut rows = query.query([study])?;
    while let Some(row) = rows.next()? {
        let number = |column: usize| row.get::<_, Option<f64>>(column).map(|value| value.unwrap_or(f64::NAN));
        let scored = |flag: usize| {
            let there: bool = row.get(flag)?;
            let (loss, score) = (flag + 1, flag + 2);
            Ok::<_, rusqlite::Error>(if there {
                Some(Scored { loss: number(loss)?, score: number(score)? })
            } else {
                None
            })
        };
        let observation = Observation {
            epoch: row.get(1)?,
            step: row.get::<_, i64>(3)? as u64,
            rate: row.get(4)?,
            momentum: row.get(5)?,
            train_loss: number(6)?,
            penalty: number(7)?,
            train_score: number(8)?,
            validation: scored(9)?,
            averaged: scored(13)?,
            blocks: blocks(row.get(16)?),
            seconds: row.get(12)?,
        };
        let stage: u32 = row.get(0)?;
        let Some(stage) = memory.stages.get_mut(stage as usize) else {
            return Err(bad(0, format!("an epoch of the unknown stage {stage}")));
        };
        stage.epochs.push((key(row, 2)?, observation));
    }
    let mut query = from.prepare("SELECT stage, epoch, key FROM checkpoint WHERE study = ? ORDER BY stage, epoch")?;
    let mut rows = query.query([study])?;
    while let Some(row) = rows.next()? {
        let stage: u32 = row.get(0)?;
        if let Some(stage) = memory.stages.get_mut(stage as usize) {
            stage.checkpoints.push((row.get(1)?, key(row, 2)?));
        }
    }
    let endings = "SELECT trial, fold, stage, stopped, epochs, chosen FROM ending WHERE study = ? ORDER BY id";
    let mut query = from.prepare(endings)?;
    let mut rows = query.query([study])?;
    while let Some(row) = rows.next()? {
        let stopped: Stopped =
            row.get_ref(3)?.as_str()?.parse().map_err(|error: InputError| bad(3, error.to_string()))?;
        memory.endings.push(Ending {
            trial: row.get(0)?,
            part: part(row.get(1)?),
            stage: row.get(2)?,
            stopped,
            epochs: row.get(4)?,
            chosen: row.get(5)?,
        });
    }
    let mut query = from.prepare("SELECT kind, json FROM note WHERE study = ? ORDER BY id")?;
    let notes = query.query_map([study], |row| Ok((row.get(0)?, row.get(1)?)))?;
    memory.notes = notes.collect::<rusqlite::Result<_>>()?;
    Ok(memory)
}
