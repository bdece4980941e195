//! Where studies are remembered: SQLite for rows, files for saved states; or the memory of this process.

#[cfg(test)]
mod conformance;
mod memory;
mod rows;
mod sqlite;
mod states;

pub use memory::MemoryStore;
pub use sqlite::{Listed, Opened, SqliteStore, Storage};
