use std::sync::atomic::Ordering;

use super::Throttle;
use super::account_attempts::{AccountAttempts, FailedAttempt};
use super::account_key::AccountKey;
use super::store::{ThrottleChange, ThrottleStore};
use crate::auth::Keys;
use crate::domain::{Realm, Timestamp, Username};
use crate::store::StoreError;

/// The outcome of a release by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Whether there were failures that counted.
    pub had_failures: bool,
    /// Whether the name is known to be somebody's.
    pub is_known: bool,
}

/// Forgets the failed sign-ins of a name, and of everybody it may be of, in this process and in every other that has the same
/// store.
///
/// # Errors
/// [`StoreError`] when the store cannot be asked: then nothing is forgotten.
pub async fn release_attempts(
    store: &dyn ThrottleStore,
    keys: &Keys,
    username: &Username,
    now: Timestamp,
) -> Result<Release, StoreError> {
    // Of everybody whose name has these letters, in whichever realm.
    let name = keys.name_keys(username, &Realm::Default);
    let (people, waiting) = store.accounts_of([name.typed, name.skeleton], now).await?;
    let accounts = people.iter().map(|person| AccountKey::Person(*person)).chain([AccountKey::Name(name.skeleton)]);
    store.release(&accounts.collect::<Vec<_>>(), now).await?;
    Ok(Release { had_failures: !waiting.is_empty(), is_known: !people.is_empty() })
}

impl Throttle {
    /// Takes in what was written down before a restart.
    pub(in crate::auth) async fn restore(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let memory = self.store.load(now).await?;
        self.last_release.store(memory.last_release, Ordering::Relaxed);
        let mut counters = self.counters();
        for change in memory.changes {
            match change {
                ThrottleChange::Name(known) => counters.known.restore_name(known, now),
                ThrottleChange::Person(known) => {
                    counters.known.record_person(known, now);
                }
                ThrottleChange::Failures { account, failures, window } => {
                    let failed = failures.into_iter().map(|(at, place)| FailedAttempt {
                        sequence: counters.next_sequence(),
                        at,
                        place,
                        password: None,
                        is_wrong: true,
                        judge: None,
                    });
                    let attempts = AccountAttempts::restored(failed.collect(), window);
                    counters.replace(account, attempts, now);
                }
            }
        }
        Ok(())
    }

    /// Writes down what has changed, if it should not wait for others: names and places of good sign-ins may.
    pub(in crate::auth) async fn flush_if_due(&self) {
        let is_due = self.counters().changes.is_due();
        if is_due {
            self.flush().await;
        }
    }

    /// Writes down what has changed. What cannot be written is logged, and lost at a restart.
    pub(in crate::auth) async fn flush(&self) {
        if self.counters().changes.is_empty() {
            return;
        }
        // One at a time, so that an older state of an account is not written over a newer one.
        let _writing = self.writing.lock().await;
        let changes = self.counters().changes.take();
        if !changes.is_empty()
            && let Err(error) = self.store.save(changes).await
        {
            tracing::error!(%error, "failed sign-ins could not be written down: after a restart they do not count");
        }
    }

    /// Forgets the failed sign-ins of a name, and of everybody it may be of.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: then nothing is forgotten.
    pub(in crate::auth) async fn release(&self, username: &Username) -> Result<Release, StoreError> {
        self.flush().await;
        let released = release_attempts(&*self.store, &self.keys, username, self.clock.now()).await?;
        self.apply_releases().await;
        Ok(released)
    }

    /// Takes in what was released since, by this process or another; whether there was anything.
    pub(super) async fn apply_releases(&self) -> bool {
        let last = self.last_release.load(Ordering::Relaxed);
        let (released, last) = match self.store.released_after(last).await {
            Ok(released) => released,
            Err(error) => {
                tracing::error!(%error, "it could not be read which failed sign-ins were released by hand");
                return false;
            }
        };
        // Two who read the same releases at once apply them once.
        if self.last_release.fetch_max(last, Ordering::Relaxed) >= last {
            return false;
        }
        let now = self.clock.now();
        let mut counters = self.counters();
        for account in released {
            counters.release(account, now);
        }
        true
    }

    /// Deletes from the store what holds no more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub(in crate::auth) async fn sweep(&self) -> Result<(), StoreError> {
        self.flush().await;
        self.store.sweep(self.clock.now()).await
    }
}
