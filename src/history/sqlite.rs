use std::path::Path;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::chunk::{HIGHEST_LEVEL, NewChunk};
use super::series_id::SeriesId;
use super::store::{CHUNKS_AT_ONCE, ChunkCursor, ChunkRow, HistoryStore, KIND, ROW_BYTES, ROWS_AT_ONCE, SeriesRow};
use crate::domain::Timestamp;
use crate::store::{SqliteStore, StoreError};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/history/migrations");

/// The most rows of one INSERT, well below SQLite's limit of 32,766 values.
const MAX_ROWS: usize = 256;

/// The archive in an SQLite file.
pub(super) struct SqliteHistory(SqliteStore);

impl SqliteHistory {
    /// The archive in that file. It is not checked as a whole, which would take long: each chunk has a checksum.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(SqliteStore::open_unchecked(path, KIND, &MIGRATIONS).await?))
    }

    async fn insert(&self, transaction: &mut Transaction<'_, Sqlite>, chunks: &[NewChunk]) -> Result<(), StoreError> {
        for some in chunks.chunks(MAX_ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO chunks (series, first, last, level, bytes, data) ");
            insert.push_values(some, |mut row, chunk| {
                row.push_bind(chunk.series).push_bind(chunk.first).push_bind(chunk.last).push_bind(chunk.level);
                row.push_bind(chunk.bytes()).push_bind(&chunk.data);
            });
            insert.push(" ON CONFLICT DO NOTHING");
            insert.build().execute(&mut **transaction).await.map_err(|error| self.0.query_failed(&error))?;
        }
        Ok(())
    }
}

#[async_trait]
impl HistoryStore for SqliteHistory {
    async fn append(&self, series: &[SeriesRow], chunks: &[NewChunk], now: Timestamp) -> Result<(), StoreError> {
        let failed = |error: sqlx::Error| self.0.query_failed(&error);
        let mut transaction = self.0.begin().await?;
        for row in series {
            let insert = sqlx::query(
                "INSERT INTO series (id, source, query, bindings, keep, seen) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET keep = excluded.keep, seen = excluded.seen",
            );
            let insert = insert.bind(row.id).bind(&row.source).bind(&row.query).bind(&row.bindings).bind(row.keep).bind(now);
            insert.execute(&mut *transaction).await.map_err(failed)?;
        }
        self.insert(&mut transaction, chunks).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn chunks(
        &self,
        series: SeriesId,
        from: Timestamp,
        to: Timestamp,
        after: Option<ChunkCursor>,
    ) -> Result<Vec<ChunkRow>, StoreError> {
        let after = after.unwrap_or(ChunkCursor { last: from, id: i64::MIN });
        let select = sqlx::query_as(
            "SELECT id, last, data FROM chunks
             WHERE series = ? AND last >= ? AND first <= ? AND (last, id) > (?, ?) ORDER BY last, id LIMIT ?",
        );
        self.0.fetch_all(select.bind(series).bind(from).bind(to).bind(after.last).bind(after.id).bind(CHUNKS_AT_ONCE)).await
    }

    async fn series_to_merge(&self, level: i64, chunks: i64) -> Result<Vec<SeriesId>, StoreError> {
        let select =
            sqlx::query_as("SELECT series FROM chunks WHERE level < 2 AND level = ? GROUP BY series HAVING count(*) >= ?");
        debug_assert_eq!(HIGHEST_LEVEL, 2, "as the index has it");
        let rows: Vec<(SeriesId,)> = self.0.fetch_all(select.bind(level).bind(chunks)).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn chunks_of_level(&self, series: SeriesId, level: i64) -> Result<Vec<ChunkRow>, StoreError> {
        let select =
            sqlx::query_as("SELECT id, last, data FROM chunks WHERE series = ? AND level < 2 AND level = ? ORDER BY last, id");
        self.0.fetch_all(select.bind(series).bind(level)).await
    }

    async fn replace(&self, ids: &[i64], chunks: &[NewChunk]) -> Result<bool, StoreError> {
        let failed = |error: sqlx::Error| self.0.query_failed(&error);
        let mut transaction = self.0.begin().await?;
        let mut deleted = 0;
        for some in ids.chunks(MAX_ROWS) {
            let mut delete = QueryBuilder::<Sqlite>::new("DELETE FROM chunks WHERE id IN (");
            let mut list = delete.separated(", ");
            for id in some {
                list.push_bind(*id);
            }
            delete.push(")");
            deleted += delete.build().execute(&mut *transaction).await.map_err(failed)?.rows_affected();
        }
        if deleted != ids.len() as u64 {
            transaction.rollback().await.map_err(failed)?;
            return Ok(false);
        }
        self.insert(&mut transaction, chunks).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn delete_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let delete = sqlx::query(
            "DELETE FROM chunks WHERE id IN (
                 SELECT chunks.id FROM series JOIN chunks ON chunks.series = series.id AND chunks.last < ? - series.keep LIMIT ?)",
        );
        self.0.execute(delete.bind(now).bind(ROWS_AT_ONCE)).await
    }

    async fn delete_forgotten(&self, until: Timestamp) -> Result<(), StoreError> {
        let delete = sqlx::query(
            "DELETE FROM series WHERE seen < ? AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.series = series.id)",
        );
        self.0.execute(delete.bind(until)).await.map(drop)
    }

    async fn bytes(&self) -> Result<u64, StoreError> {
        let sum = sqlx::query_as("SELECT coalesce(sum(bytes + ?), 0) FROM chunks INDEXED BY chunks_by_age").bind(ROW_BYTES);
        let (bytes,): (i64,) = self.0.fetch_one(sum).await?;
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    async fn oldest(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let select = sqlx::query_as("SELECT id, bytes + ? FROM chunks ORDER BY last LIMIT ?");
        self.0.fetch_all(select.bind(ROW_BYTES).bind(ROWS_AT_ONCE)).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
