use async_trait::async_trait;

use super::fields::AuditFields;
use super::{AuditCursor, AuditRecord, AuditSearch};
use crate::domain::Timestamp;
use crate::store::StoreError;

/// An event to be kept.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// When it was.
    pub at: Timestamp,
    /// The event.
    pub fields: AuditFields,
    /// The client's address.
    pub address: Option<String>,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
}

/// Where audit events are kept. Every method fails with a [`StoreError`] when the store cannot be asked.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Appends all of `batch`, or nothing.
    async fn append(&self, batch: &[AuditEntry]) -> Result<(), StoreError>;

    /// The events that match, from behind `after` on: at most `limit`, the newest first. An export reads one such page after
    /// the other.
    async fn search(
        &self,
        search: &AuditSearch,
        after: Option<AuditCursor>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// The number of events.
    fn count(&self) -> u64;

    /// Deletes the oldest events from before this moment, at most `limit`: how many those were.
    async fn delete_before(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;

    /// Deletes as many of the oldest events, and how many those were. What was refused goes first: strangers can cause as much
    /// of that as they like, and must not be able to push out who came in and what the admins did.
    async fn delete_surplus(&self, surplus: u64) -> Result<u64, StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
