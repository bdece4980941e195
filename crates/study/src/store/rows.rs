//! The tables of a study file: their layout, and records as rows.

use super::states;
use opportune_core::InputError;
use opportune_core::memory::{Remembered, RememberedStage};
use opportune_core::observation::{BLOCKS, Blocks, Observation, Scored};
use opportune_core::plan::{Key, Part, PrefixKey};
use opportune_core::ports::{Ending, Record};
use opportune_core::stop::Stopped;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use std::time::{SystemTime, UNIX_EPOCH};

/// Layout of the tables; another number is refused rather than guessed at.
pub const FORMAT: i64 = 3;

/// A saved state of at most so many bytes lies in its row, and is synced with it: a file of its own costs a sync of its
/// own, which for small ones is nearly all they cost. Larger ones would fill the log that every commit writes.
pub const IN_ROW: usize = 8 << 10;

/// What a file of format 1 lacks.
pub const FROM_FORMAT_1: &str = "
ALTER TABLE epoch ADD COLUMN averaged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE epoch ADD COLUMN averaged_loss REAL;
ALTER TABLE epoch ADD COLUMN averaged_score REAL;
ALTER TABLE epoch ADD COLUMN blocks BLOB;
";

/// What a file of format 2 lacks.
pub const FROM_FORMAT_2: &str = "
ALTER TABLE checkpoint ADD COLUMN state BLOB;
CREATE INDEX checkpoint_key ON checkpoint (study, key);
";

/// `fold` is NULL where all rows are trained together; folds of the confirmation count from -1 downwards. `blocks` are
/// 32-bit floats, the lowest byte first. Rows are only ever added; the one exception is `checkpoint`, the index of the
/// saved states that are there. `state` is one with its checksum, or NULL where it is a file.
pub const TABLES: &str = "
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

pub const TABLE_NAMES: [&str; 6] = ["trial", "stage", "epoch", "checkpoint", "ending", "note"];

/// The statements of a commit, looked up once.
pub struct Rows<'a> {
    trial: CachedStatement<'a>,
    stage: CachedStatement<'a>,
    epoch: CachedStatement<'a>,
    checkpoint: CachedStatement<'a>,
    dropped: CachedStatement<'a>,
    ending: CachedStatement<'a>,
    note: CachedStatement<'a>,
    /// Whether a file is named.
    pub named: CachedStatement<'a>,
}

impl<'a> Rows<'a> {
    /// Of an open transaction.
    pub fn of(to: &'a Connection) -> rusqlite::Result<Rows<'a>> {
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
    pub fn insert(&mut self, study: i64, record: &Record) -> rusqlite::Result<Option<PrefixKey>> {
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

/// Seconds since 1970.
pub fn now_unix() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

pub fn key(row: &Row, column: usize) -> rusqlite::Result<PrefixKey> {
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

/// Everything that the tables hold of a study.
pub fn load(from: &Connection, study: i64) -> rusqlite::Result<Remembered> {
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
