use async_trait::async_trait;

use super::chunk::NewChunk;
use super::series_id::SeriesId;
use crate::domain::Timestamp;
use crate::store::{StoreError, StoreKind};

/// The kind of the archive, in errors.
pub(super) const KIND: StoreKind = StoreKind { name: "history", if_recreated: "charts begin anew" };

/// The chunks that are read at a time.
pub(super) const CHUNKS_AT_ONCE: i64 = 64;

/// The rows that are deleted at a time, so that no statement takes long.
pub(super) const ROWS_AT_ONCE: i64 = 1_000;

/// The bytes that a chunk takes beside its data, about: its row, and its places in the indexes. A chunk of one sample is little else.
pub(super) const ROW_BYTES: i64 = 200;

/// A series as it is kept.
#[derive(Clone, Debug)]
pub(super) struct SeriesRow {
    pub(super) id: SeriesId,
    pub(super) source: String,
    pub(super) query: String,
    /// A JSON object.
    pub(super) bindings: String,
    /// In milliseconds.
    pub(super) keep: i64,
}

/// The place of a chunk among all of its series.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkCursor {
    pub(super) last: Timestamp,
    pub(super) id: i64,
}

/// A chunk as it is kept.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct ChunkRow {
    pub(super) id: i64,
    pub(super) last: Timestamp,
    pub(super) data: Vec<u8>,
}

impl ChunkRow {
    pub(super) fn cursor(&self) -> ChunkCursor {
        ChunkCursor { last: self.last, id: self.id }
    }
}

/// Where chunks are kept.
#[async_trait]
pub(super) trait HistoryStore: Send + Sync {
    /// Writes chunks, and the series that are wanted kept as of `now`: all or nothing. A chunk that is there is not written again.
    async fn append(&self, series: &[SeriesRow], chunks: &[NewChunk], now: Timestamp) -> Result<(), StoreError>;

    /// The next chunks of a series, [`CHUNKS_AT_ONCE`] at most, that have samples between `from` and `to`, by their last sample's
    /// time.
    async fn chunks(
        &self,
        series: SeriesId,
        from: Timestamp,
        to: Timestamp,
        after: Option<ChunkCursor>,
    ) -> Result<Vec<ChunkRow>, StoreError>;

    /// The series that have so many chunks of a level that they are to be merged.
    async fn series_to_merge(&self, level: i64, chunks: i64) -> Result<Vec<SeriesId>, StoreError>;

    /// All chunks of a series of a level, by their last sample's time.
    async fn chunks_of_level(&self, series: SeriesId, level: i64) -> Result<Vec<ChunkRow>, StoreError>;

    /// Replaces chunks by others. Returns whether it did: not where another process was first.
    async fn replace(&self, ids: &[i64], chunks: &[NewChunk]) -> Result<bool, StoreError>;

    /// Deletes some of the chunks that are older than their series is kept for; returns how many.
    async fn delete_expired(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Deletes the series that have no chunk, and that nobody has wanted kept since `until`.
    async fn delete_forgotten(&self, until: Timestamp) -> Result<(), StoreError>;

    /// How many bytes all chunks take, with [`ROW_BYTES`] for each.
    async fn bytes(&self) -> Result<u64, StoreError>;

    /// The oldest chunks, each with its id and the bytes that it takes.
    async fn oldest(&self) -> Result<Vec<(i64, i64)>, StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
