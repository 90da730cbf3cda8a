//! Copies tables between SQLite files and a PostgreSQL database, row by row and without interpreting them.
//!
//! A row is a list of texts, alike on both sides: numbers in decimal, bytes in hexadecimal. Rows go over in the order of their
//! primary keys, so that a copy which was interrupted goes on behind the last row that arrived. What was copied is read again on
//! both sides, and compared by number and hash.

mod copy;
mod postgres_table;
mod sqlite_table;
mod statement_parts;
mod store_moves;
mod table;

pub use copy::{TableDigest, copy_table, verify_copy};
pub use postgres_table::PostgresTable;
pub use sqlite_table::SqliteTable;
pub use store_moves::StoreMoves;
pub use table::{TransferColumn, TransferRow, TransferTable};
