use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlitePool};

use super::statement_parts::{key_columns, key_list, list, names, on_conflict_update};
use super::table::{KIND, TransferColumn, TransferRow, TransferTable, decode, encode};
use crate::store::StoreError;

/// A table in an SQLite file whose migrations have been applied.
pub struct SqliteTable {
    pool: SqlitePool,
    file: PathBuf,
    table: &'static str,
}

impl SqliteTable {
    /// The table in this file.
    pub fn new(file: &Path, table: &'static str) -> Self {
        let options = SqliteConnectOptions::new().filename(file).foreign_keys(true);
        Self { pool: SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options), file: file.to_owned(), table }
    }

    fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.failed(&error.to_string())
    }

    async fn rows(&self, statement: String, after: Option<String>) -> Result<Vec<TransferRow>, StoreError> {
        let query = sqlx::query_as(AssertSqlSafe(statement));
        let query = if let Some(after) = after { query.bind(after) } else { query };
        let rows = query.fetch_all(&self.pool).await.map_err(|error| self.query_failed(&error))?;
        decode(self, &rows)
    }

    /// The largest key, where it is a number.
    async fn largest_number(&self, columns: &[TransferColumn]) -> Result<Option<i64>, StoreError> {
        let key = key_columns(columns);
        let [(_, number)] = key[..] else { return Ok(None) };
        if number.data_type != "INTEGER" {
            return Ok(None);
        }
        let select = sqlx::query_scalar(AssertSqlSafe(format!("SELECT max({}) FROM {}", number.name, self.table)));
        select.fetch_one(&self.pool).await.map_err(|error| self.query_failed(&error))
    }

    /// A column's value as text.
    fn value(column: &TransferColumn) -> String {
        let name = &column.name;
        match column.data_type.as_str() {
            "INTEGER" => format!("CAST({name} AS TEXT)"),
            // hex() makes an empty text of nothing.
            "BLOB" => format!("iif({name} IS NULL, NULL, lower(hex({name})))"),
            _ => name.clone(),
        }
    }

    /// The value that is written as `text`.
    fn typed(column: &TransferColumn, text: &str) -> String {
        match column.data_type.as_str() {
            "INTEGER" => format!("CAST({text} AS INTEGER)"),
            "BLOB" => format!("unhex({text})"),
            _ => text.to_owned(),
        }
    }
}

#[async_trait]
impl TransferTable for SqliteTable {
    async fn columns(&self) -> Result<Vec<TransferColumn>, StoreError> {
        let query = sqlx::query_as("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid").bind(self.table);
        let columns: Vec<(String, String, i64)> =
            query.fetch_all(&self.pool).await.map_err(|error| self.query_failed(&error))?;
        Ok(columns.into_iter().map(|(name, data_type, key_place)| TransferColumn { name, data_type, key_place }).collect())
    }

    async fn page(
        &self,
        columns: &[TransferColumn],
        after: Option<&TransferRow>,
        limit: i64,
    ) -> Result<Vec<TransferRow>, StoreError> {
        let (row, key) = (list(columns, |_, column| Self::value(column)), key_list(columns, |_, column| column.name.clone()));
        let select = format!("SELECT json_array({row}) FROM {}", self.table);
        let Some(after) = after else {
            return self.rows(format!("{select} ORDER BY {key} LIMIT {limit}"), None).await;
        };
        let last = key_list(columns, |place, column| Self::typed(column, &format!("(?1 ->> {place})")));
        let statement = format!("{select} WHERE ({key}) > ({last}) ORDER BY {key} LIMIT {limit}");
        self.rows(statement, Some(encode(self, after)?)).await
    }

    async fn last_key(&self, columns: &[TransferColumn]) -> Result<Option<TransferRow>, StoreError> {
        let statement = format!(
            "SELECT json_array({}) FROM {} ORDER BY {} LIMIT 1",
            key_list(columns, |_, column| Self::value(column)),
            self.table,
            key_list(columns, |_, column| format!("{} DESC", column.name)),
        );
        Ok(self.rows(statement, None).await?.pop())
    }

    async fn insert(&self, columns: &[TransferColumn], rows: &[TransferRow]) -> Result<(), StoreError> {
        let statement = format!(
            "INSERT INTO {} ({}) SELECT {} FROM json_each(?1) WHERE true {}",
            self.table,
            names(columns),
            list(columns, |index, column| Self::typed(column, &format!("(value ->> {index})"))),
            on_conflict_update(columns),
        );
        let insert = sqlx::query(AssertSqlSafe(statement)).bind(encode(self, &rows)?);
        insert.execute(&self.pool).await.map(drop).map_err(|error| self.query_failed(&error))
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("SELECT count(*) FROM {}", self.table)));
        let count = query.fetch_one(&self.pool).await.map_err(|error| self.query_failed(&error))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn last_number(&self, columns: &[TransferColumn]) -> Result<Option<i64>, StoreError> {
        let number = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = ?").bind(self.table);
        match number.fetch_optional(&self.pool).await {
            // There is no such table where nothing is numbered but by the largest that is there.
            Err(sqlx::Error::Database(error)) if error.message().contains("sqlite_sequence") => {
                self.largest_number(columns).await
            }
            found => found.map_err(|error| self.query_failed(&error)),
        }
    }

    async fn set_last_number(&self, _columns: &[TransferColumn], number: i64) -> Result<(), StoreError> {
        for statement in [
            "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
            "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1",
        ] {
            let set = sqlx::query(statement).bind(self.table).bind(number);
            match set.execute(&self.pool).await {
                // The largest that is there counts.
                Err(sqlx::Error::Database(error)) if error.message().contains("sqlite_sequence") => return Ok(()),
                set => set.map_err(|error| self.query_failed(&error))?,
            };
        }
        Ok(())
    }

    fn failed(&self, reason: &str) -> StoreError {
        StoreError::Query { kind: KIND, path: self.file.clone(), reason: format!("{}: {reason}", self.table) }
    }
}
