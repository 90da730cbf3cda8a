mod postgres;
mod record;
mod sqlite;
mod store;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use postgres::{PostgresCredentials, PostgresRecord};
pub use record::{CredentialRecord, EndSelection, PeopleBatch};
pub use sqlite::{SqliteCredentials, SqliteRecord};
pub use store::CredentialStore;

use super::notifier::{Notifier, RowNews};
use super::{Fence, RowStatus, RowWatch, StoreError, WatchRegistry, WatchedStore};
use crate::domain::{Clock, EndReason, Person, PersonId, Revalidation, Timestamp};

/// The credentials of one kind, sessions or API tokens, as far as both are alike: they rest on a person, end, and are
/// watched. Cheap to clone; the clones are one.
pub struct Credentials<R: CredentialRecord> {
    inner: Arc<CredentialsInner<R>>,
}

struct CredentialsInner<R: CredentialRecord> {
    store: Arc<dyn CredentialStore<R>>,
    lifetimes: R::Lifetimes,
    clock: Arc<dyn Clock>,
    notifier: Arc<dyn Notifier<R::Id>>,
    watch_registry: WatchRegistry<R::Id>,
}

impl<R: CredentialRecord> Clone for Credentials<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<R: CredentialRecord> Credentials<R> {
    /// The credentials in a store. `notifier` brings the news of them to live connections.
    pub fn new(
        store: Arc<dyn CredentialStore<R>>,
        lifetimes: R::Lifetimes,
        clock: Arc<dyn Clock>,
        notifier: Arc<dyn Notifier<R::Id>>,
    ) -> Self {
        let watch_registry = WatchRegistry::default();
        watch_registry.follow(&*notifier);
        Self { inner: Arc::new(CredentialsInner { store, lifetimes, clock, notifier, watch_registry }) }
    }

    /// The next people, at most `limit`, whom the directory is to be asked about: each once, by their ids in order,
    /// from behind `after` on. Credentials that have expired, or whose people nobody can ask about, do not count. A
    /// person whose row cannot be read is passed over, and logged.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn people(&self, after: Option<&PersonId>, limit: usize) -> Result<PeopleBatch, StoreError> {
        self.inner.store.people(after, limit, self.lifetimes(), self.now()).await
    }

    /// How many people there are whom the directory is to be asked about.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn count_people(&self) -> Result<usize, StoreError> {
        self.inner.store.count_people(self.lifetimes(), self.now()).await
    }

    /// Confirms the credentials of these people, as they were described at `asked_at` by the directory or by their own
    /// sign-in. One whose person was described otherwise is updated, and its live connections are notified. One that
    /// was confirmed after `asked_at` knows better.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; then nothing is.
    pub async fn confirm(&self, people: &[Person], asked_at: Timestamp) -> Result<(), StoreError> {
        self.confirm_as_holder(people, asked_at, None).await
    }

    /// Likewise, as the holder of a lease: refused where another has begun it since.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn confirm_as_holder(
        &self,
        people: &[Person],
        asked_at: Timestamp,
        fence: Option<Fence>,
    ) -> Result<(), StoreError> {
        if !people.is_empty() {
            self.publish_changes(self.inner.store.confirm(people, asked_at, self.now(), fence).await?);
        }
        Ok(())
    }

    /// Ends every credential that a person had at `asked_at`, when the directory said that they may not be signed in any
    /// more (see [`EndSelection::known_by`]). Returns the ended ones.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the credentials then go on.
    pub async fn end_all_of(
        &self,
        person: &PersonId,
        asked_at: Timestamp,
        reason: EndReason,
    ) -> Result<Vec<R::Credential>, StoreError> {
        let theirs = EndSelection { person: Some(person.clone()), known_by: Some(asked_at), ..EndSelection::all() };
        self.end_selected(&theirs, reason).await
    }

    /// Ends the selected credentials, and notifies their live connections at once. Returns the ended ones; one whose
    /// row cannot be read has ended like the others, and is logged instead.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the credentials then go on.
    pub async fn end_selected(
        &self,
        selection: &EndSelection<R::Id>,
        reason: EndReason,
    ) -> Result<Vec<R::Credential>, StoreError> {
        let ended = self.inner.store.end(selection, reason, self.now()).await?;
        Ok(self.publish_ends(ended, reason))
    }

    /// Ends what has expired, and deletes what ended before `retained_from`. Returns what it ended, for the audit.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; what has expired grants nothing none the less.
    pub async fn end_expired(&self, retained_from: Timestamp) -> Result<Vec<R::Credential>, StoreError> {
        let ended = self.inner.store.end_expired(self.lifetimes(), self.now()).await?;
        let ended = self.publish_ends(ended, EndReason::Expired);
        self.inner.store.delete_ended(retained_from).await?;
        Ok(ended)
    }

    /// Updates for everybody whether they can be asked about, since the settings may have changed while the program was
    /// down. Who can be has to be confirmed as others are; what is whose nobody can is short from now on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written.
    pub async fn update_revalidation(&self, revalidation_of: impl Fn(&Person) -> Revalidation) -> Result<(), StoreError> {
        let everybody = self.inner.store.everybody().await?;
        for revalidation in [Revalidation::Refreshed, Revalidation::Unrefreshed] {
            let people = everybody.iter().filter(|person| revalidation_of(person) == revalidation);
            let people: Vec<&PersonId> = people.map(|person| &person.id).collect();
            self.publish_changes(self.inner.store.set_revalidation(&people, revalidation).await?);
        }
        Ok(())
    }

    /// A person's current credentials, the newest first. One whose row cannot be read is left out, and logged: it grants
    /// nothing, and must not hide the others.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn of_person(&self, person: &PersonId) -> Result<Vec<R::Credential>, StoreError> {
        Ok(self.decode_all(self.inner.store.of_person(person, self.lifetimes(), self.now()).await?))
    }

    /// Subscribes to a credential, whose person the caller takes to be `known`, until the watch is dropped. Must be
    /// called within a Tokio runtime.
    pub fn watch(&self, id: R::Id, known: &Person) -> RowWatch {
        WatchRegistry::watch(self, id, known)
    }

    /// The number of live connections that rest on a credential.
    pub fn live_connections(&self, id: R::Id) -> usize {
        self.inner.watch_registry.watch_count(id)
    }

    /// Looks up in the store whether watched credentials have ended, as another process may have written, and notifies
    /// their live connections.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn poll_ends(&self) -> Result<(), StoreError> {
        let watched = self.inner.watch_registry.watched_rows();
        if watched.is_empty() {
            return Ok(());
        }
        for (id, reason) in self.inner.store.ended(&watched).await? {
            self.inner.notifier.publish(RowNews::Ended(id, reason));
        }
        Ok(())
    }

    /// Notifies the live connections of a credential that it has ended, before that is written down.
    pub fn announce_end(&self, id: R::Id, reason: EndReason) {
        self.inner.notifier.publish(RowNews::Ended(id, reason));
    }

    /// Closes the store, when the program stops. Everything later fails.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// The lifetimes that today's settings give.
    pub fn lifetimes(&self) -> R::Lifetimes {
        self.inner.lifetimes
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The credential of a record.
    ///
    /// # Errors
    /// [`StoreError`] when the record makes no sense.
    pub fn decode(&self, record: R) -> Result<R::Credential, StoreError> {
        record.decode(self.lifetimes()).map_err(|reason| self.inner.store.damaged(&reason))
    }

    /// The credentials of these records; one that cannot be read is logged and left out.
    pub fn decode_all(&self, records: Vec<R>) -> Vec<R::Credential> {
        let decode = |record: R| {
            let id = record.id();
            let decoded = self.decode(record);
            decoded.inspect_err(|error| tracing::warn!(%id, %error, "a {} is left out of a list", R::NAME)).ok()
        };
        records.into_iter().filter_map(decode).collect()
    }

    /// Publishes that these have just ended, and decodes them.
    pub fn publish_ends(&self, records: Vec<R>, reason: EndReason) -> Vec<R::Credential> {
        for record in &records {
            self.inner.notifier.publish(RowNews::Ended(record.id(), reason));
        }
        self.decode_all(records)
    }

    /// Publishes that these say something else now.
    pub fn publish_changes(&self, ids: impl IntoIterator<Item = R::Id>) {
        for id in ids {
            self.inner.notifier.publish(RowNews::Changed(id));
        }
    }

    /// The status of a credential, by its record that was read at `asked_at`.
    fn status(&self, record: R, asked_at: Timestamp) -> RowStatus {
        if let Some(reason) = record.end_reason() {
            return RowStatus::Ended(reason);
        }
        let (end, stale_from) = record.expiry(self.lifetimes());
        if asked_at >= end {
            return RowStatus::Ended(EndReason::Expired);
        }
        match stale_from {
            Some(stale_from) if asked_at >= stale_from => RowStatus::Unconfirmed,
            stale_from => {
                let until = stale_from.map_or(end, |stale_from| end.min(stale_from));
                RowStatus::Valid { until, person: record.into_person() }
            }
        }
    }
}

#[async_trait]
impl<R: CredentialRecord> WatchedStore for Credentials<R> {
    type Id = R::Id;

    const ROW_NAME: &'static str = R::NAME;

    fn watch_registry(&self) -> &WatchRegistry<R::Id> {
        &self.inner.watch_registry
    }

    fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    fn outage_grace(&self) -> Duration {
        R::outage_grace(self.lifetimes())
    }

    async fn row_statuses(&self, rows: &[R::Id]) -> Result<Vec<(R::Id, RowStatus)>, StoreError> {
        let asked_at = self.now();
        let records = self.inner.store.by_ids(rows).await?;
        Ok(records.into_iter().map(|record| (record.id(), self.status(record, asked_at))).collect())
    }
}
