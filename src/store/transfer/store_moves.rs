use uuid::Uuid;

use super::postgres_table::PostgresTable;
use super::table::KIND;
use crate::store::{PostgresDatabase, PostgresStore, StoreError, fill_randomly};

/// A database's record of the moves into it and out of it, and the way to its tables.
pub struct StoreMoves(PostgresStore);

impl StoreMoves {
    /// Opens the record, and makes it where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be used.
    pub async fn open(database: &PostgresDatabase) -> Result<Self, StoreError> {
        let migrations = sqlx::migrate!("src/store/transfer/migrations_postgres");
        PostgresStore::open(database, KIND, "moves", migrations).await.map(Self)
    }

    /// A table of the database, whose migrations have been applied.
    pub fn table(&self, name: &'static str) -> PostgresTable {
        PostgresTable::new(&self.0, name)
    }

    /// A new id for a move.
    ///
    /// # Errors
    /// [`StoreError`] when the system has no randomness to give.
    pub fn new_id() -> Result<Uuid, StoreError> {
        let mut bytes = [0; 16];
        fill_randomly(&mut bytes)?;
        Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Notes that a move has begun, into the database or out of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub async fn begin(&self, id: Uuid, is_into_database: bool) -> Result<(), StoreError> {
        let note = sqlx::query("INSERT INTO store_moves (id, is_into_database) VALUES ($1, $2)");
        self.0.execute(note.bind(id).bind(is_into_database)).await.map(drop)
    }

    /// Notes that a move is over.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub async fn finish(&self, id: Uuid) -> Result<(), StoreError> {
        self.0.execute(sqlx::query("DELETE FROM store_moves WHERE id = $1").bind(id)).await.map(drop)
    }

    /// Whether a move was begun and is not over.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub async fn is_under_way(&self, id: Uuid) -> Result<bool, StoreError> {
        let query = sqlx::query_as("SELECT EXISTS (SELECT FROM store_moves WHERE id = $1)").bind(id);
        self.0.fetch_one(query).await.map(|(is_under_way,)| is_under_way)
    }

    /// Whether the database lacks what a move into it has not brought yet.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub async fn is_incomplete(&self) -> Result<bool, StoreError> {
        let query = sqlx::query_as("SELECT EXISTS (SELECT FROM store_moves WHERE is_into_database)");
        self.0.fetch_one(query).await.map(|(is_incomplete,)| is_incomplete)
    }
}
