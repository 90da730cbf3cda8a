use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::account_attempts::{AccountAttempts, FailedAttempt};
use super::account_counters::AccountCounters;
use super::account_key::{AccountKey, NameKeys};
use super::store::{AccountScope, Decision, Release, ThrottleStore};
use super::throttle_change::ThrottleChange;
use super::throttle_file::ThrottleFile;
use crate::domain::{Clock, Timestamp};
use crate::store::StoreError;

/// One server's own counters: in memory, and written down in an SQLite file, by which failures outlive a restart.
pub struct SqliteThrottleStore {
    clock: Arc<dyn Clock>,
    counters: Mutex<AccountCounters>,
    file: ThrottleFile,
    /// The number of the last release by hand that has been taken in.
    last_release: AtomicI64,
    /// Held while changes are written down.
    writing: tokio::sync::Mutex<()>,
}

impl SqliteThrottleStore {
    /// Opens the file, and takes in what was written down before a restart. Its folder must exist.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened or read.
    pub async fn open(file: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let file = ThrottleFile::open(file).await?;
        let now = clock.now();
        let stored = file.load(now).await?;
        let mut counters = AccountCounters::new();
        for change in stored.changes {
            restore(&mut counters, change, now);
        }
        Ok(Self {
            clock,
            counters: Mutex::new(counters),
            file,
            last_release: AtomicI64::new(stored.last_release),
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// Locks the counters. A panic elsewhere leaves them whole: at worst one attempt is counted that was not made.
    pub(super) fn counters(&self) -> MutexGuard<'_, AccountCounters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ThrottleStore for SqliteThrottleStore {
    async fn step(&self, _scope: &AccountScope, decide: Decision<'_>) -> Result<(), StoreError> {
        let now = self.clock.now();
        decide(&mut self.counters(), now);
        Ok(())
    }

    fn is_shared(&self) -> bool {
        false
    }

    /// What cannot be written is logged, and lost at a restart.
    async fn flush(&self, all: bool) {
        let is_due = |counters: &AccountCounters| if all { !counters.changes.is_empty() } else { counters.changes.is_due() };
        if !is_due(&self.counters()) {
            return;
        }
        // One at a time, so that an older state of an account is not written over a newer one.
        let _writing = self.writing.lock().await;
        let changes = self.counters().changes.take();
        if !changes.is_empty()
            && let Err(error) = self.file.save(changes).await
        {
            tracing::error!(%error, "failed sign-ins could not be written down: after a restart they do not count");
        }
    }

    async fn release(&self, name: NameKeys) -> Result<Release, StoreError> {
        self.flush(true).await;
        self.file.release(name, self.clock.now()).await
    }

    async fn take_releases(&self) -> Result<Vec<AccountKey>, StoreError> {
        let last = self.last_release.load(Ordering::Relaxed);
        let (released, last) = self.file.released_after(last).await?;
        // Two who read the same releases at once apply them once.
        if self.last_release.fetch_max(last, Ordering::Relaxed) >= last {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let mut counters = self.counters();
        for account in &released {
            counters.release(*account, now);
        }
        Ok(released)
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        self.flush(true).await;
        self.file.sweep(self.clock.now()).await
    }

    async fn close(&self) {
        self.file.close().await;
    }
}

/// Takes in a change as it was written down.
fn restore(counters: &mut AccountCounters, change: ThrottleChange, now: Timestamp) {
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
