use async_trait::async_trait;

use crate::domain::{Person, PersonId, Revalidation, Timestamp};
use crate::store::{PeopleBatch, StoreError};

/// Where the people are kept who have proved themselves by a password. Each method is atomic, so that several servers may share
/// them. It fails with a [`StoreError`] when the store cannot be asked.
#[async_trait]
pub(super) trait PasswordSubjectStore: Send + Sync {
    /// Adds somebody, or lets what they have last as long as this proof. Who is there stays as described.
    async fn extend(&self, person: &Person, proof: Proof, now: Timestamp) -> Result<(), StoreError>;

    /// The person as described last, while something of theirs lasts.
    async fn get(&self, person: &PersonId, now: Timestamp) -> Result<Option<Person>, StoreError>;

    /// Removes somebody. `false` when nothing of theirs lasted.
    async fn remove(&self, person: &PersonId, now: Timestamp) -> Result<bool, StoreError>;

    /// Describes those of these people anew who are among them.
    async fn describe(&self, people: &[Person]) -> Result<(), StoreError>;

    /// The next people, at most `limit`, whom the directory is to be asked about, by their ids in order from behind `after` on.
    async fn people(&self, after: Option<&PersonId>, limit: usize, now: Timestamp) -> Result<PeopleBatch, StoreError>;

    /// The number of people, at most: some may have nothing any more.
    async fn count(&self) -> Result<usize, StoreError>;
}

/// How long a proof lasts, and whether its person can be asked about meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Proof {
    pub(super) revalidation: Revalidation,
    pub(super) until: Timestamp,
}
