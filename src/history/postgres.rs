use async_trait::async_trait;

use super::chunk::NewChunk;
use super::series_id::SeriesId;
use super::store::{CHUNKS_AT_ONCE, ChunkCursor, ChunkRow, HistoryStore, KIND, ROW_BYTES, ROWS_AT_ONCE, SeriesRow};
use crate::domain::Timestamp;
use crate::store::{PostgresDatabase, PostgresStore, PostgresTransaction, StoreError};

/// The archive in a PostgreSQL database, which several servers share.
pub(super) struct PostgresHistory(PostgresStore);

impl PostgresHistory {
    pub(super) async fn open(database: &PostgresDatabase) -> Result<Self, StoreError> {
        let migrations = sqlx::migrate!("src/history/migrations_postgres");
        Ok(Self(PostgresStore::open(database, KIND, "history", migrations).await?))
    }
}

#[async_trait]
impl HistoryStore for PostgresHistory {
    async fn append(&self, series: &[SeriesRow], chunks: &[NewChunk], now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.0.begin().await?;
        if !series.is_empty() {
            // In one order, so that of two servers that do so at once none waits for the other in a circle.
            let insert = sqlx::query(
                "INSERT INTO history_series (id, source, query, bindings, keep, seen)
                 SELECT new.*, $6 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[])
                     AS new (id, source, query, bindings, keep) ORDER BY new.id
                 ON CONFLICT (id) DO UPDATE SET keep = excluded.keep, seen = excluded.seen",
            );
            let insert = insert
                .bind(series.iter().map(|row| row.id).collect::<Vec<_>>())
                .bind(series.iter().map(|row| row.source.clone()).collect::<Vec<_>>())
                .bind(series.iter().map(|row| row.query.clone()).collect::<Vec<_>>())
                .bind(series.iter().map(|row| row.bindings.clone()).collect::<Vec<_>>())
                .bind(series.iter().map(|row| row.keep).collect::<Vec<_>>())
                .bind(now);
            transaction.execute(insert).await?;
        }
        insert(&mut transaction, chunks).await?;
        transaction.commit().await
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
            "SELECT id, last, data FROM history_chunks
             WHERE series = $1 AND last >= $2 AND first <= $3 AND (last, id) > ($4, $5) ORDER BY last, id LIMIT $6",
        );
        self.0.fetch_all(select.bind(series).bind(from).bind(to).bind(after.last).bind(after.id).bind(CHUNKS_AT_ONCE)).await
    }

    async fn series_to_merge(&self, level: i64, chunks: i64) -> Result<Vec<SeriesId>, StoreError> {
        let select = sqlx::query_as(
            "SELECT series FROM history_chunks WHERE level < 2 AND level = $1 GROUP BY series HAVING count(*) >= $2",
        );
        let rows: Vec<(SeriesId,)> = self.0.fetch_all(select.bind(level).bind(chunks)).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn chunks_of_level(&self, series: SeriesId, level: i64) -> Result<Vec<ChunkRow>, StoreError> {
        let select = sqlx::query_as(
            "SELECT id, last, data FROM history_chunks WHERE series = $1 AND level < 2 AND level = $2 ORDER BY last, id",
        );
        self.0.fetch_all(select.bind(series).bind(level)).await
    }

    async fn replace(&self, ids: &[i64], chunks: &[NewChunk]) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await?;
        let delete = sqlx::query("DELETE FROM history_chunks WHERE id = ANY ($1)").bind(ids.to_vec());
        if transaction.execute(delete).await? != ids.len() as u64 {
            transaction.rollback().await?;
            return Ok(false);
        }
        insert(&mut transaction, chunks).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn delete_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let delete = sqlx::query(
            "DELETE FROM history_chunks WHERE id = ANY (ARRAY(
                 SELECT chunks.id FROM history_series AS series
                 JOIN history_chunks AS chunks ON chunks.series = series.id AND chunks.last < $1 - series.keep LIMIT $2))",
        );
        self.0.execute(delete.bind(now).bind(ROWS_AT_ONCE)).await
    }

    async fn delete_forgotten(&self, until: Timestamp) -> Result<(), StoreError> {
        let delete = sqlx::query(
            "DELETE FROM history_series AS series WHERE seen < $1
             AND NOT EXISTS (SELECT 1 FROM history_chunks AS chunks WHERE chunks.series = series.id)",
        );
        self.0.execute(delete.bind(until)).await.map(drop)
    }

    async fn bytes(&self) -> Result<u64, StoreError> {
        let sum = sqlx::query_as("SELECT coalesce(sum(bytes + $1), 0)::bigint FROM history_chunks").bind(ROW_BYTES);
        let (bytes,): (i64,) = self.0.fetch_one(sum).await?;
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    async fn oldest(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let select = sqlx::query_as("SELECT id, bytes + $1 FROM history_chunks ORDER BY last LIMIT $2");
        self.0.fetch_all(select.bind(ROW_BYTES).bind(ROWS_AT_ONCE)).await
    }

    async fn close(&self) {
        self.0.close();
    }
}

async fn insert(transaction: &mut PostgresTransaction, chunks: &[NewChunk]) -> Result<(), StoreError> {
    if chunks.is_empty() {
        return Ok(());
    }
    let insert = sqlx::query(
        "INSERT INTO history_chunks (series, first, last, level, bytes, data)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
         ON CONFLICT DO NOTHING",
    );
    let insert = insert
        .bind(chunks.iter().map(|chunk| chunk.series).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.first).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.last).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.level).collect::<Vec<_>>())
        .bind(chunks.iter().map(NewChunk::bytes).collect::<Vec<_>>())
        .bind(chunks.iter().map(|chunk| chunk.data.clone()).collect::<Vec<_>>());
    transaction.execute(insert).await.map(drop)
}
