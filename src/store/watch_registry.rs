mod watch_table;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Notify;

use self::watch_table::{NextStep, WatchTable};
use super::notifier::{Notifier, RowNews};
use super::row_watch::{Mailbox, RowWatch};
use super::{RowId, RowStatus, StoreError};
use crate::domain::{Clock, Fingerprint, Person, Timestamp};

/// A store with rows that live connections depend on.
#[async_trait]
pub trait WatchedStore: Clone + Send + Sync + 'static {
    /// The id of a row.
    type Id: RowId;

    /// The word for a row in the log: `session`.
    const ROW_NAME: &'static str;

    /// The registry of its watched rows.
    fn watch_registry(&self) -> &WatchRegistry<Self::Id>;

    /// The clock by which rows are checked.
    fn clock(&self) -> &dyn Clock;

    /// How long a row that was valid is trusted, at most, while the store cannot be asked.
    fn outage_grace(&self) -> Duration;

    /// The status of each of these rows, in any order. One that is missing in the answer has ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    async fn row_statuses(&self, rows: &[Self::Id]) -> Result<Vec<(Self::Id, RowStatus)>, StoreError>;
}

/// The watched rows of a store. A row has an entry for as long as somebody watches it, so there are never more than
/// live connections; and one task checks all of them, with one query for many rows, and one timer.
pub struct WatchRegistry<Id> {
    shared: Arc<SharedWatchTable<Id>>,
}

struct SharedWatchTable<Id> {
    table: Mutex<WatchTable<Id>>,
    /// Notified when a check is due sooner than was planned.
    rescheduled: Notify,
}

/// One watch's part in the entry of its row, which it gives back when dropped.
struct TableSubscription<Id: RowId> {
    shared: Arc<SharedWatchTable<Id>>,
    row: Id,
    mailbox: Arc<Mailbox>,
}

impl<Id> Default for WatchRegistry<Id> {
    fn default() -> Self {
        Self { shared: Arc::new(SharedWatchTable { table: Mutex::default(), rescheduled: Notify::new() }) }
    }
}

impl<Id: RowId> WatchRegistry<Id> {
    /// Subscribes to a row of `store`, whose person the caller takes to be `known`, until the watch is dropped.
    ///
    /// Nothing is missed: changes before the subscription are found in the store, later ones are notified. Must be
    /// called within a Tokio runtime, where the task that checks the rows is spawned.
    pub fn watch<S: WatchedStore<Id = Id>>(store: &S, row: Id, known: &Person) -> RowWatch {
        let shared = &store.watch_registry().shared;
        let now = store.clock().now();
        // Rows are written in this form too. Of one that is not, the watch receives once what it knows already.
        let known = Fingerprint::of(known);
        let mut table = shared.lock();
        let (mailbox, seen_check) = table.subscribe(row, known, now);
        let starts_task = !std::mem::replace(&mut table.is_task_running, true);
        drop(table);
        shared.rescheduled.notify_one();
        if starts_task {
            tokio::spawn(run_checks(store.clone(), Arc::clone(shared)));
        }
        let subscription = TableSubscription { shared: Arc::clone(shared), row, mailbox: Arc::clone(&mailbox) };
        RowWatch::new(mailbox, seen_check, subscription)
    }

    /// Has the watches of a row hear the news of it.
    pub fn follow(&self, notifier: &dyn Notifier<Id>) {
        let shared = Arc::clone(&self.shared);
        notifier.subscribe(Box::new(move |news| shared.hear(news)));
    }

    /// The number of watches of a row.
    pub fn watch_count(&self, row: Id) -> usize {
        self.shared.lock().entries.get(&row).map_or(0, |entry| entry.watches)
    }

    /// The number of rows that are watched.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shared.lock().entries.len()
    }

    /// The ids of all rows that are watched.
    pub fn watched_rows(&self) -> Vec<Id> {
        self.shared.lock().entries.keys().copied().collect()
    }
}

/// Checks the rows as they become due, until none is watched any more.
async fn run_checks<S: WatchedStore>(store: S, shared: Arc<SharedWatchTable<S::Id>>) {
    loop {
        let next = shared.lock().next(store.clock().now());
        match next {
            None => return,
            Some(NextStep::Check(check, rows)) => {
                let checked = async {
                    let statuses = store.row_statuses(&rows).await;
                    let now = store.clock().now();
                    shared.lock().apply_check(S::ROW_NAME, check, &rows, statuses, store.outage_grace(), now);
                };
                // A watch must not be left without events. The panic itself is in the log.
                if AssertUnwindSafe(checked).catch_unwind().await.is_err() {
                    let now = store.clock().now();
                    for row in &rows {
                        shared.lock().check_failed(*row, S::ROW_NAME, check, false, now);
                    }
                }
            }
            Some(NextStep::Wait(length)) => tokio::select! {
                () = store.clock().sleep(length) => (),
                () = shared.rescheduled.notified() => (),
            },
        }
    }
}

impl<Id: RowId> SharedWatchTable<Id> {
    /// Notifies all watches of a row that has ended, and removes its entry; has one that changed checked at once, and all where
    /// it may be any.
    fn hear(&self, news: RowNews<Id>) {
        match news {
            RowNews::Ended(row, reason) => {
                if let Some(entry) = self.lock().remove(row) {
                    entry.mailbox.set_ended(reason);
                }
            }
            RowNews::Changed(row) => {
                self.lock().reschedule(row, Timestamp::from_millis(0));
                self.rescheduled.notify_one();
            }
            RowNews::Missed => {
                self.lock().reschedule_all(Timestamp::from_millis(0));
                self.rescheduled.notify_one();
            }
        }
    }

    /// A panic elsewhere leaves the table consistent: nothing that changes it can panic in between.
    fn lock(&self) -> MutexGuard<'_, WatchTable<Id>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Id: RowId> Drop for TableSubscription<Id> {
    fn drop(&mut self) {
        let mut table = self.shared.lock();
        // A row that has ended is out of the table, and a later entry may have its place.
        let Some(entry) = table.entries.get_mut(&self.row).filter(|entry| Arc::ptr_eq(&entry.mailbox, &self.mailbox)) else {
            return;
        };
        entry.watches -= 1;
        if entry.watches == 0 {
            table.remove(self.row);
            if table.entries.is_empty() {
                self.shared.rescheduled.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests;
