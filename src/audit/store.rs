use async_trait::async_trait;

use super::fields::AuditFields;
use super::holder::EventHolder;
use super::{AuditCursor, AuditRecord, AuditSearch};
use crate::domain::Timestamp;
use crate::store::{StoreError, StoreKind};

pub(super) const KIND: StoreKind = StoreKind { name: "audit store", if_recreated: "the audit begins anew" };

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
    /// Whose place in the store it takes.
    pub holder: EventHolder,
    /// The number of its row among those of this process.
    pub sequence: u64,
}

/// Repeats of an event that was to be appended.
#[derive(Clone, Debug)]
pub struct Repeats {
    /// The first.
    pub first: AuditEntry,
    /// How many there are that the store has not been told of.
    pub added: u64,
    /// How often it was in all.
    pub count: u64,
    /// When it was the last time.
    pub last_at: Timestamp,
}

#[cfg(test)]
impl AuditEntry {
    /// An event for tests, with the number `sequence`.
    pub(super) fn for_test(at: Timestamp, event: &super::AuditEvent<'_>, address: Option<&str>, sequence: u64) -> Self {
        let fields = AuditFields::from_event(event);
        let holder = EventHolder::of(&fields, address.and_then(|address| address.parse().ok()));
        Self { at, fields, address: address.map(str::to_owned), user_agent: None, holder, sequence }
    }
}

/// Where audit events are kept. Every method fails with a [`StoreError`] when the store cannot be asked.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Appends all of `batch`, or nothing. May be called again after a failure that left open whether it was appended.
    async fn append(&self, batch: &[AuditEntry]) -> Result<(), StoreError>;

    /// Sets the count and the last time of events. Where a row is gone, as it could not be written or made room for others, it is
    /// appended anew: what is repeated does not vanish with the first.
    async fn set_repeats(&self, repeats: &[Repeats]) -> Result<(), StoreError>;

    /// The events that match, from behind `after` on: at most `limit`, the newest first. An export reads one such page after
    /// the other.
    async fn search(
        &self,
        search: &AuditSearch,
        after: Option<AuditCursor>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError>;

    /// The number of rows, whoever wrote them.
    async fn count(&self) -> Result<u64, StoreError>;

    /// Deletes the oldest events from before this moment, at most `limit`: how many those were.
    async fn delete_before(&self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;

    /// Deletes the events that are beyond `most_rows`, at most `limit`, and how many those were: refusals of strangers first, down
    /// to a quarter of all, and what admins did last. Within a class those holders lose their oldest events of a kind who have the
    /// most of it, so that nobody pushes out another's. Of two processes that do so at once, one does.
    async fn delete_surplus(&self, most_rows: u64, limit: u64) -> Result<u64, StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}

#[cfg(test)]
pub(super) mod tests;
