mod watch_table;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Notify;

use self::watch_table::{NextStep, WatchTable};
use super::StoreError;
use super::row_watch::{Mailbox, RowWatch};
use crate::domain::{Clock, EndReason, Fingerprint, Person, Timestamp};

/// How a row stands that live connections hang on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowStatus {
    /// It is good until then, if nothing more is done.
    Valid {
        /// The first moment at which it is not.
        until: Timestamp,
        /// Its person, as the row has them: JSON.
        person: Vec<u8>,
    },
    /// It opens nothing for now: nobody could confirm its person for too long.
    Unconfirmed,
    /// It is over, and why.
    Ended(EndReason),
}

/// A store with rows that live connections hang on.
#[async_trait]
pub trait WatchedStore: Clone + Send + Sync + 'static {
    /// What a row is, in the log: `session`.
    const ROW_NAME: &'static str;

    /// Who listens to its rows.
    fn watch_registry(&self) -> &WatchRegistry;

    /// What the time is.
    fn clock(&self) -> &dyn Clock;

    /// How these rows stand, in any order. One that is missing in the answer is over.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    async fn row_statuses(&self, rows: &[i64]) -> Result<Vec<(i64, RowStatus)>, StoreError>;
}

/// Who listens to which row of a store. A row has an entry for as long as somebody does, so there are never more than live
/// connections; and one task looks after all of them, with one question for many rows, and one timer.
#[derive(Default)]
pub struct WatchRegistry {
    shared: Arc<SharedWatchTable>,
}

#[derive(Default)]
pub(super) struct SharedWatchTable {
    table: Mutex<WatchTable>,
    /// Told when a look is due sooner than was planned.
    rescheduled: Notify,
}

impl WatchRegistry {
    /// Watches over a row of `store` whose person is `known` so, for as long as the watch is kept.
    ///
    /// Nothing is missed: what came before the watch is found in the store, what comes later is told. Must be called within
    /// a Tokio runtime, which looks after the rows.
    pub fn watch<S: WatchedStore>(store: &S, row: i64, known: &Person) -> RowWatch {
        let shared = &store.watch_registry().shared;
        let now = store.clock().now();
        // Rows are written so too. Of one that was not, whoever listens is told once what they know.
        let known = Fingerprint::of(known);
        let mut book = shared.book();
        let (post, heard) = book.subscribe(row, known, now);
        let begins = !std::mem::replace(&mut book.is_task_running, true);
        drop(book);
        shared.rescheduled.notify_one();
        if begins {
            tokio::spawn(run_checks(store.clone(), Arc::clone(shared)));
        }
        RowWatch::new(Arc::clone(shared), row, post, heard)
    }

    /// Tells everybody who listens that the row is over, and forgets them.
    pub fn notify_ended(&self, row: i64, reason: EndReason) {
        if let Some(entry) = self.shared.book().remove(row) {
            entry.mailbox.set_ended(reason);
        }
    }

    /// Has everybody who listens hear what the row says now.
    pub fn notify_changed(&self, row: i64) {
        self.shared.book().reschedule(row, Timestamp::from_millis(0));
        self.shared.rescheduled.notify_one();
    }

    /// How many listen to this row.
    pub fn watch_count(&self, row: i64) -> usize {
        self.shared.book().entries.get(&row).map_or(0, |entry| entry.watches)
    }

    /// How many rows somebody listens to.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shared.book().entries.len()
    }

    /// Every row that somebody listens to.
    pub fn watched_rows(&self) -> Vec<i64> {
        self.shared.book().entries.keys().copied().collect()
    }
}

/// Looks after the rows until nobody listens any more.
async fn run_checks<S: WatchedStore>(store: S, shared: Arc<SharedWatchTable>) {
    loop {
        let next = shared.book().next(store.clock().now());
        match next {
            None => return,
            Some(NextStep::Check(look, rows)) => {
                let looked = async {
                    let standings = store.row_statuses(&rows).await;
                    shared.book().apply_check(S::ROW_NAME, look, &rows, standings, store.clock().now());
                };
                // Whoever listens must not be left deaf. The panic itself is in the log.
                if AssertUnwindSafe(looked).catch_unwind().await.is_err() {
                    let now = store.clock().now();
                    for row in &rows {
                        shared.book().check_failed(*row, S::ROW_NAME, now);
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

impl SharedWatchTable {
    /// A panic elsewhere leaves the book whole: nothing that changes it can panic in between.
    fn book(&self) -> MutexGuard<'_, WatchTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One listener has left.
    pub(super) fn unsubscribe(&self, row: i64, post: &Arc<Mailbox>) {
        let mut book = self.book();
        // A row that has ended is out of the book, and a later one may have its place.
        let Some(entry) = book.entries.get_mut(&row).filter(|entry| Arc::ptr_eq(&entry.mailbox, post)) else { return };
        entry.watches -= 1;
        if entry.watches == 0 {
            book.remove(row);
            if book.entries.is_empty() {
                self.rescheduled.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests;
