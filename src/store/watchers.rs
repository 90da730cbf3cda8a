mod book;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::Notify;

use self::book::{Book, Next};
use super::StoreError;
use super::watch::{Post, Watch};
use crate::domain::{Clock, EndReason, Fingerprint, Person, Timestamp};

/// How a row stands that live connections hang on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is good until then, if nothing more is done.
    Lives {
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
pub trait Watched: Clone + Send + Sync + 'static {
    /// What a row is, in the log: `session`.
    const ROW: &'static str;

    /// Who listens to its rows.
    fn watchers(&self) -> &Watchers;

    /// What the time is.
    fn clock(&self) -> &dyn Clock;

    /// How these rows stand, in any order. One that is missing in the answer is over.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    async fn standings(&self, rows: &[i64]) -> Result<Vec<(i64, Standing)>, StoreError>;
}

/// Who listens to which row of a store. A row has an entry for as long as somebody does, so there are never more than live
/// connections; and one task looks after all of them, with one question for many rows, and one timer.
#[derive(Default)]
pub struct Watchers {
    shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    book: Mutex<Book>,
    /// Told when a look is due sooner than was planned.
    sooner: Notify,
}

impl Watchers {
    /// Watches over a row of `store` whose person is `known` so, for as long as the watch is kept.
    ///
    /// Nothing is missed: what came before the watch is found in the store, what comes later is told. Must be called within
    /// a Tokio runtime, which looks after the rows.
    pub fn watch<S: Watched>(store: &S, row: i64, known: &Person) -> Watch {
        let shared = &store.watchers().shared;
        let now = store.clock().now();
        // Rows are written so too. Of one that was not, whoever listens is told once what they know.
        let known = Fingerprint::of(known);
        let mut book = shared.book();
        let (post, heard) = book.listen(row, known, now);
        let begins = !std::mem::replace(&mut book.is_looked_after, true);
        drop(book);
        shared.sooner.notify_one();
        if begins {
            tokio::spawn(look_after(store.clone(), Arc::clone(shared)));
        }
        Watch::new(Arc::clone(shared), row, post, heard)
    }

    /// Tells everybody who listens that the row is over, and forgets them.
    pub fn tell_the_end(&self, row: i64, reason: EndReason) {
        if let Some(entry) = self.shared.book().remove(row) {
            entry.post.ends(reason);
        }
    }

    /// Has everybody who listens hear what the row says now.
    pub fn tell_of_change(&self, row: i64) {
        self.shared.book().plan(row, Timestamp::from_millis(0));
        self.shared.sooner.notify_one();
    }

    /// How many listen to this row.
    pub fn listeners(&self, row: i64) -> usize {
        self.shared.book().entries.get(&row).map_or(0, |entry| entry.listeners)
    }

    /// How many rows somebody listens to.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shared.book().entries.len()
    }

    /// Every row that somebody listens to.
    pub fn rows(&self) -> Vec<i64> {
        self.shared.book().entries.keys().copied().collect()
    }
}

/// Looks after the rows until nobody listens any more.
async fn look_after<S: Watched>(store: S, shared: Arc<Shared>) {
    loop {
        let next = shared.book().next(store.clock().now());
        match next {
            None => return,
            Some(Next::Look(look, rows)) => {
                let looked = async {
                    let standings = store.standings(&rows).await;
                    shared.book().take(S::ROW, look, &rows, standings, store.clock().now());
                };
                // Whoever listens must not be left deaf. The panic itself is in the log.
                if AssertUnwindSafe(looked).catch_unwind().await.is_err() {
                    let now = store.clock().now();
                    for row in &rows {
                        shared.book().puzzled(*row, S::ROW, now);
                    }
                }
            }
            Some(Next::Rest(length)) => tokio::select! {
                () = store.clock().sleep(length) => (),
                () = shared.sooner.notified() => (),
            },
        }
    }
}

impl Shared {
    /// A panic elsewhere leaves the book whole: nothing that changes it can panic in between.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One listener has left.
    pub(super) fn leave(&self, row: i64, post: &Arc<Post>) {
        let mut book = self.book();
        // A row that has ended is out of the book, and a later one may have its place.
        let Some(entry) = book.entries.get_mut(&row).filter(|entry| Arc::ptr_eq(&entry.post, post)) else { return };
        entry.listeners -= 1;
        if entry.listeners == 0 {
            book.remove(row);
            if book.entries.is_empty() {
                self.sooner.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests;
