use async_trait::async_trait;

use super::{CredentialRecord, EndSelection, PeopleBatch};
use crate::domain::{EndReason, Person, PersonId, Revalidation, Timestamp};
use crate::store::{Fence, StoreError};

/// Where the credentials of one kind are kept. Every method is one statement or one transaction, so that several servers may
/// call it at the same time: what it writes is written whole or not at all. What is "alive" has neither ended nor expired.
///
/// Every method fails with a [`StoreError`] when the store cannot be asked: that says nothing about a credential.
#[async_trait]
pub trait CredentialStore<R: CredentialRecord>: Send + Sync {
    /// The records with these ids, ended ones too, in any order.
    async fn by_ids(&self, ids: &[R::Id]) -> Result<Vec<R>, StoreError>;

    /// Those of these ids that have ended, each with why.
    async fn ended(&self, ids: &[R::Id]) -> Result<Vec<(R::Id, EndReason)>, StoreError>;

    /// The record whose token has this hash, an ended one too.
    async fn by_token(&self, token_hash: &[u8; 32]) -> Result<Option<R>, StoreError>;

    /// The records of a person that are alive, the newest first.
    async fn of_person(&self, person: &PersonId, lifetimes: R::Lifetimes, now: Timestamp) -> Result<Vec<R>, StoreError>;

    /// The next people, at most `limit`, with something alive that is revalidated, in the order of their ids from behind
    /// `after` on; each as described by the record that was confirmed last.
    async fn people(
        &self,
        after: Option<&PersonId>,
        limit: usize,
        lifetimes: R::Lifetimes,
        now: Timestamp,
    ) -> Result<PeopleBatch, StoreError>;

    /// The number of those people.
    async fn count_people(&self, lifetimes: R::Lifetimes, now: Timestamp) -> Result<usize, StoreError>;

    /// Everybody with something that has not ended.
    async fn everybody(&self) -> Result<Vec<Person>, StoreError>;

    /// Notes that these people were confirmed at `asked_at`, and describes them anew in what was not confirmed later; what was
    /// confirmed after `now` was so before the clock was set back, and counts as earlier. Returns the ids of what was described
    /// otherwise before. Refused where the fence is of a lease that another has begun since. One transaction.
    async fn confirm(
        &self,
        people: &[Person],
        asked_at: Timestamp,
        now: Timestamp,
        fence: Option<Fence>,
    ) -> Result<Vec<R::Id>, StoreError>;

    /// Sets whether these people's are revalidated, and returns the ids of those that were not so before.
    async fn set_revalidation(&self, people: &[&PersonId], revalidation: Revalidation) -> Result<Vec<R::Id>, StoreError>;

    /// Ends what is selected. Returns the records it ended: of several who end one at the same time, one gets it.
    async fn end(&self, selection: &EndSelection<R::Id>, reason: EndReason, at: Timestamp) -> Result<Vec<R>, StoreError>;

    /// Ends what has expired at `at`, and returns it, as [`Self::end`] does.
    async fn end_expired(&self, lifetimes: R::Lifetimes, at: Timestamp) -> Result<Vec<R>, StoreError>;

    /// Deletes what ended at `until` or before.
    async fn delete_ended(&self, until: Timestamp) -> Result<(), StoreError>;

    /// The error of an operation that failed for `reason`.
    fn failed(&self, reason: &str) -> StoreError;

    /// The error of a record that makes no sense, for `reason`.
    fn damaged(&self, reason: &str) -> StoreError;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
