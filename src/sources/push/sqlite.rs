use async_trait::async_trait;

use super::store::{PushRow, PushStore, PushedDocument, ReplacedRow};
use crate::domain::{SourceName, Timestamp};
use crate::sources::SourceDocument;
use crate::store::{SqliteStore, StoreError};

/// The pushed documents in an SQLite file, which no other node reads.
pub(super) struct SqlitePushes(pub(super) SqliteStore);

#[async_trait]
impl PushStore for SqlitePushes {
    async fn replace(&self, source: &SourceName, document: &SourceDocument, at: Timestamp) -> Result<ReplacedRow, StoreError> {
        let replace = sqlx::query_as(
            "INSERT INTO pushed_documents (source, version, at, document) VALUES (?1, 1, ?2, ?3)
             ON CONFLICT (source) DO UPDATE SET version = version + 1, at = ?2, document = ?3 RETURNING 0 AS id, version",
        );
        self.0.fetch_one(replace.bind(source.as_str()).bind(at).bind(document.text())).await
    }

    async fn all(&self) -> Result<Vec<(SourceName, PushedDocument)>, StoreError> {
        let rows: Vec<PushRow> =
            self.0.fetch_all(sqlx::query_as("SELECT source, version, at, document FROM pushed_documents")).await?;
        Ok(rows.into_iter().filter_map(PushRow::into_document).collect())
    }

    async fn by_row(&self, _id: i64, _known: i64) -> Result<Option<(SourceName, PushedDocument)>, StoreError> {
        Ok(None)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
