//! A PostgreSQL database, which several servers share.
//!
//! A [`PostgresDatabase`] has one pool of connections for all rooms. Each room opens a [`PostgresStore`] on it, which has its
//! migrations applied; several statements that belong together are a [`PostgresTransaction`]. No statement waits without a
//! limit. Nothing depends on a session: where the pool leads through PgBouncer in transaction mode, each statement is a
//! transaction, and no prepared statement has a name. What needs a session is done on a direct connection.
//!
//! What nodes tell each other of changed rows goes through a table, which triggers fill and [`PostgresNews`] reads.
//!
//! A connection that died while it was idle is replaced before it is used. A statement that failed is never repeated, since
//! nobody knows whether it was executed.

mod connection_manager;
mod database;
mod failure;
mod news;
mod ping;
mod store;
#[cfg(test)]
mod tests;
mod transaction;

pub use connection_manager::postgres_options;
pub use database::PostgresDatabase;
pub use failure::PostgresFailure;
pub use news::PostgresNews;
pub use store::PostgresStore;
pub use transaction::PostgresTransaction;
