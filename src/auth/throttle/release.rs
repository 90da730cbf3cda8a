use super::Throttle;
use super::store::{Release, ThrottleStore};
use crate::auth::Keys;
use crate::domain::{Realm, Username};
use crate::store::StoreError;

/// Forgets the failed sign-ins of a name, and of everybody it may be of, in every process that has this store.
///
/// # Errors
/// [`StoreError`] when the store cannot be asked: then nothing is forgotten.
pub async fn release_attempts(store: &dyn ThrottleStore, keys: &Keys, username: &Username) -> Result<Release, StoreError> {
    // Of everybody whose name has these letters, in whichever realm.
    store.release(keys.name_keys(username, &Realm::Default)).await
}

impl Throttle {
    /// Forgets the failed sign-ins of a name, and of everybody it may be of.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: then nothing is forgotten.
    pub(in crate::auth) async fn release(&self, username: &Username) -> Result<Release, StoreError> {
        self.counters.flush(true).await;
        let released = release_attempts(&*self.counters.store, &self.keys, username).await?;
        self.counters.apply_releases().await;
        Ok(released)
    }

    /// Writes down what has changed, if it should not wait for others: names and places of good sign-ins may.
    pub(in crate::auth) async fn flush_if_due(&self) {
        self.counters.flush(false).await;
    }

    /// Writes down what has changed. What cannot be written is logged.
    pub(in crate::auth) async fn flush(&self) {
        self.counters.flush(true).await;
    }

    /// Deletes from the store what holds no more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub(in crate::auth) async fn sweep(&self) -> Result<(), StoreError> {
        self.counters.store.sweep().await
    }
}
