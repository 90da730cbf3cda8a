use async_trait::async_trait;

use super::store::{PushRow, PushStore, PushedDocument, ReplacedRow};
use crate::domain::{SourceName, Timestamp};
use crate::sources::SourceDocument;
use crate::store::{PostgresStore, StoreError};

/// The pushed documents in a PostgreSQL database, which several nodes share.
pub(super) struct PostgresPushes(pub(super) PostgresStore);

#[async_trait]
impl PushStore for PostgresPushes {
    async fn replace(&self, source: &SourceName, document: &SourceDocument, at: Timestamp) -> Result<ReplacedRow, StoreError> {
        let replace = sqlx::query_as(
            "INSERT INTO pushed_documents (source, version, at, document) VALUES ($1, 1, $2, $3)
             ON CONFLICT (source) DO UPDATE
             SET version = pushed_documents.version + 1, at = excluded.at, document = excluded.document RETURNING id, version",
        );
        self.0.fetch_one(replace.bind(source.as_str()).bind(at).bind(document.text())).await
    }

    async fn all(&self) -> Result<Vec<(SourceName, PushedDocument)>, StoreError> {
        let rows: Vec<PushRow> =
            self.0.fetch_all(sqlx::query_as("SELECT source, version, at, document FROM pushed_documents")).await?;
        Ok(rows.into_iter().filter_map(PushRow::into_document).collect())
    }

    async fn by_row(&self, id: i64, known: i64) -> Result<Option<(SourceName, PushedDocument)>, StoreError> {
        let select =
            sqlx::query_as("SELECT source, version, at, document FROM pushed_documents WHERE id = $1 AND version > $2");
        let row: Option<PushRow> = self.0.fetch_optional(select.bind(id).bind(known)).await?;
        Ok(row.and_then(PushRow::into_document))
    }

    async fn close(&self) {
        self.0.close();
    }
}
