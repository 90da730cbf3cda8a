//! SQLite files, each with its migrations applied, readable by its owner alone.

mod store;
mod write_connection;

pub use store::SqliteStore;
