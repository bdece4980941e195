//! Studies in one SQLite file (WAL, typed append-only tables), their larger saved states in a folder beside it.

use super::rows::{self, FORMAT, FROM_FORMAT_1, FROM_FORMAT_2, IN_ROW, Rows, TABLE_NAMES, TABLES};
use super::states::{self, States};
use opportune_core::InputError;
use opportune_core::memory::Remembered;
use opportune_core::plan::PrefixKey;
use opportune_core::ports::{Record, Store, StoreError, StudyId};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long another program that has the file is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Tries again while another program has the file: SQLite does not wait by itself where two change its mode at once.
fn patiently<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let began = Instant::now();
    loop {
        match attempt() {
            Err(error) if busy(&error) && began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(2)),
            done => return done,
        }
    }
}

fn busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
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
        let empty = |of: &Connection| of.query_row("SELECT count(*) = 0 FROM sqlite_master", [], |row| row.get(0));
        let mode = |of: &Connection| of.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        let mut prepare = || {
            connection.busy_timeout(PATIENCE)?;
            let found = version(&connection)?;
            if (1..=FORMAT).contains(&found) || (found == 0 && empty(&connection)?) {
                // What makes a study need not be on the disk before the first that is trained.
                connection.pragma_update(None, "synchronous", "NORMAL")?;
                if found == 0 && mode(&connection)? != "wal" {
                    // Nor is there anything to go back to in a file that has nothing in it.
                    connection.pragma_update(None, "journal_mode", "MEMORY")?;
                }
                patiently(|| connection.pragma_update(None, "journal_mode", "WAL"))?;
            }
            if found == 0 {
                // Two programs may come at once, and one may be killed here: all of the tables or none.
                let new = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                if version(&new)? == 0 && empty(&new)? {
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
            found.map(|(id, settings): (i64, String)| Ok((settings, rows::load(&self.connection, id)?))).transpose()
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
        let mut forgotten = None;
        if let Some((old, hash, settings)) = &found {
            // The lock goes with the process, however it ends. Who had it before may have made the study anew.
            let Some(lock) = self.lock(*old)? else { return Ok(Opened::Busy) };
            if self.find(&id.name).map_err(fault)? != found {
                return Ok(Opened::Busy);
            }
            if !fresh {
                let same = *hash == id.hash.0;
                return if same { self.hold(*old, lock) } else { Ok(Opened::Other(settings.clone())) };
            }
            forgotten = Some((*old, lock));
        }
        // None inserted: another process was a moment earlier.
        let new = self.enter(id, forgotten.as_ref().map(|(old, _)| *old)).map_err(fault)?;
        let Some(new) = new else { return Ok(Opened::Busy) };
        match self.lock(new)? {
            Some(lock) => self.hold(new, lock),
            None => Ok(Opened::Busy),
        }
    }

    fn hold(self, study: i64, lock: File) -> Result<Opened, StoreError> {
        let folder = self.folder(study);
        let named = || {
            // From here on what is committed lasts.
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            self.named(study)
        };
        let named = named().map_err(|error| fault(&self.path, &error))?;
        let states = States::open(&folder, &named).map_err(|error| io_fault(&folder, &error))?;
        Ok(Opened::Study(Box::new(SqliteStore { storage: self, study, states, swept: false, _lock: lock })))
    }

    /// Number, hash and settings of the study of that name.
    fn find(&self, name: &str) -> rusqlite::Result<Option<(i64, Vec<u8>, String)>> {
        let query = "SELECT id, hash, settings FROM study WHERE name = ?";
        self.connection.query_row(query, [name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
    }

    /// Keys of a study's saved states that are files.
    fn named(&self, study: i64) -> rusqlite::Result<HashSet<PrefixKey>> {
        let mut query = self.connection.prepare("SELECT key FROM checkpoint WHERE study = ? AND state IS NULL")?;
        query.query_map([study], |row| rows::key(row, 0))?.collect()
    }

    /// A new study's number, in the place of one that is forgotten; `None` if there is one of that name.
    fn enter(&mut self, id: &StudyId, forgotten: Option<i64>) -> rusqlite::Result<Option<i64>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(old) = forgotten {
            for table in TABLE_NAMES {
                transaction.execute(&format!("DELETE FROM {table} WHERE study = ?"), [old])?;
            }
            transaction.execute("DELETE FROM study WHERE id = ?", [old])?;
        }
        let insert = "INSERT OR IGNORE INTO study (name, hash, settings, created_unix) VALUES (?, ?, ?, ?)";
        let values = params![id.name, id.hash.0, id.settings, rows::now_unix()];
        let new = (transaction.execute(insert, values)? > 0).then(|| transaction.last_insert_rowid());
        transaction.commit()?;
        Ok(new)
    }

    /// Removes the saved states of studies that were forgotten. No number is given twice, so one that cannot be removed
    /// harms nobody, and is tried again by the next study.
    fn sweep(&self) -> rusqlite::Result<()> {
        // Before the rows are looked at: a study's row is there before its folder is.
        let folders: Vec<PathBuf> = fs::read_dir(self.states_folder())
            .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
            .unwrap_or_default();
        let mut query = self.connection.prepare("SELECT 1 FROM study WHERE id = ?")?;
        for folder in folders {
            let study = folder.file_name().and_then(|name| name.to_str()?.parse::<i64>().ok());
            if let Some(study) = study
                && !query.exists([study])?
            {
                let _ = fs::remove_dir_all(&folder);
            }
        }
        Ok(())
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
    /// Nothing is left of studies that were forgotten.
    swept: bool,
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
            let mut into = Rows::of(&transaction)?;
            let mut gone = Vec::new();
            for record in records {
                gone.extend(into.insert(study, record)?);
            }
            for key in gone {
                // The same state can be kept for another stage, or have been saved again since.
                if !into.named.exists(params![study, key.0.0])? {
                    unnamed.push(key);
                }
            }
            drop(into);
            transaction.commit()?;
            Ok(unnamed)
        };
        let unnamed = commit().map_err(|error: rusqlite::Error| fault(&self.storage.path, &error))?;
        // Not when the study is opened: that it took the place of another one was not durable, and someone waited for it.
        if !std::mem::replace(&mut self.swept, true) {
            self.storage.sweep().map_err(|error| fault(&self.storage.path, &error))?;
        }
        unnamed
            .into_iter()
            .try_for_each(|key| self.states.remove(key))
            .map_err(|error| io_fault(&self.storage.path, &error))
    }

    fn load(&mut self) -> Result<Remembered, StoreError> {
        rows::load(&self.storage.connection, self.study).map_err(|error| fault(&self.storage.path, &error))
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

    fn settle(&mut self) {
        // Closing would copy the log into the file as well, and a long one takes long to remove.
        let _ = self.storage.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}
