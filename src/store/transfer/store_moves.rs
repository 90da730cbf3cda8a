use uuid::Uuid;

use super::postgres_table::PostgresTable;
use super::table::KIND;
use crate::store::{PostgresDatabase, PostgresStore, StoreError};

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

    /// Notes that a move has begun, into the database or out of it. `false` when another is under way.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub async fn begin(&self, id: Uuid, is_into_database: bool) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await?;
        // One after another: of two the second sees the first.
        transaction.execute(sqlx::query("LOCK TABLE store_moves IN SHARE ROW EXCLUSIVE MODE")).await?;
        let note = sqlx::query(
            "INSERT INTO store_moves (id, is_into_database)
             SELECT $1::uuid, $2::boolean WHERE NOT EXISTS (SELECT FROM store_moves)",
        );
        let noted = transaction.execute(note.bind(id).bind(is_into_database)).await?;
        transaction.commit().await?;
        Ok(noted > 0)
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

    /// Whether the move that is under way leads into the database, which then lacks what has not been brought yet, or out of it;
    /// `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub async fn is_into_database(&self) -> Result<Option<bool>, StoreError> {
        let query = sqlx::query_as("SELECT is_into_database FROM store_moves ORDER BY is_into_database DESC LIMIT 1");
        let found: Option<(bool,)> = self.0.fetch_optional(query).await?;
        Ok(found.map(|(is_into_database,)| is_into_database))
    }
}
