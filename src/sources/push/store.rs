use async_trait::async_trait;

use crate::domain::{SourceName, Timestamp};
use crate::sources::SourceDocument;
use crate::store::StoreError;

/// A document that was pushed to a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PushedDocument {
    /// How many there were, this one too.
    pub(super) version: i64,
    /// When it was pushed.
    pub(super) at: Timestamp,
    /// The document: JSON.
    pub(super) document: SourceDocument,
}

/// The store of what was pushed last to each source.
#[async_trait]
pub(super) trait PushStore: Send + Sync {
    /// Replaces what was pushed last to the source.
    async fn replace(&self, source: &SourceName, document: &SourceDocument, at: Timestamp) -> Result<ReplacedRow, StoreError>;

    /// What was pushed last to each source.
    async fn all(&self) -> Result<Vec<(SourceName, PushedDocument)>, StoreError>;

    /// What was pushed last to the source whose row has this id, as news bring it, if it is of a later version than `known`.
    async fn by_row(&self, id: i64, known: i64) -> Result<Option<(SourceName, PushedDocument)>, StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}

/// A row that has another document now.
#[derive(sqlx::FromRow)]
pub(super) struct ReplacedRow {
    /// The id by which news name it; 0 where there are none.
    pub(super) id: i64,
    /// The document's version.
    pub(super) version: i64,
}

/// A row of the store, to be read.
#[derive(sqlx::FromRow)]
pub(super) struct PushRow {
    source: String,
    version: i64,
    at: Timestamp,
    document: Vec<u8>,
}

impl PushRow {
    /// The source and its document; `None` for a name that no source can have.
    pub(super) fn into_document(self) -> Option<(SourceName, PushedDocument)> {
        let Self { source, version, at, document } = self;
        Some((source.parse().ok()?, PushedDocument { version, at, document: SourceDocument::new(document) }))
    }
}
