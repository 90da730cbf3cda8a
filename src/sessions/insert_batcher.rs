use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::store::{NewSession, SessionStore};
use crate::store::StoreError;

/// The most sessions that one statement inserts: that takes a few milliseconds, and others wait for it.
const MAX_BATCH: usize = 256;

/// A batcher of session inserts. The first starts a task that inserts all that wait in one statement, and then those
/// that came meanwhile: under load a session costs a fraction of a write, and alone no more than one.
pub(super) struct InsertBatcher {
    store: Arc<dyn SessionStore>,
    queue: Mutex<InsertQueue>,
}

#[derive(Default)]
struct InsertQueue {
    waiting: Vec<PendingInsert>,
    /// Whether the task is running, which also inserts what comes meanwhile.
    is_writing: bool,
}

struct PendingInsert {
    session: NewSession,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl InsertBatcher {
    pub(super) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store, queue: Mutex::default() }
    }

    /// Inserts one session, together with whatever else waits to be inserted.
    pub(super) async fn insert(self: &Arc<Self>, session: NewSession) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.enqueue(PendingInsert { session, reply }) {
            // In a task of its own, so that a caller who is cancelled takes nobody else's session with them.
            tokio::spawn(Arc::clone(self).insert_batches());
        }
        answer.await.unwrap_or_else(|_| Err(self.store.failed("whoever wrote the session stopped")))
    }

    /// Inserts the sessions that wait, until there are none.
    async fn insert_batches(self: Arc<Self>) {
        let guard = BatchGuard(&self);
        while let Some(batch) = self.next_batch() {
            let (sessions, replies): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|PendingInsert { session, reply }| (session, reply)).unzip();
            let written = self.store.insert(&sessions).await;
            for reply in replies {
                // The caller may have been cancelled; their session ends unused, like any other.
                let _ = reply.send(written.clone());
            }
        }
        mem::forget(guard);
    }

    /// Adds a row to the queue. `true` when no task is running, and the caller has to start one.
    fn enqueue(&self, insert: PendingInsert) -> bool {
        let mut queue = self.lock();
        queue.waiting.push(insert);
        !mem::replace(&mut queue.is_writing, true)
    }

    /// The next rows, as many as one statement takes. `None` when there are none, and the task ends.
    fn next_batch(&self) -> Option<Vec<PendingInsert>> {
        let mut queue = self.lock();
        let rest = queue.waiting.len().min(MAX_BATCH);
        let rest = queue.waiting.split_off(rest);
        let next = mem::replace(&mut queue.waiting, rest);
        queue.is_writing = !next.is_empty();
        queue.is_writing.then_some(next)
    }

    /// A panic elsewhere leaves the queue consistent: every change to it is one call.
    fn lock(&self) -> MutexGuard<'_, InsertQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard for the case that the task panics: those who still wait get an error, and the next insert starts a new task.
struct BatchGuard<'a>(&'a InsertBatcher);

impl Drop for BatchGuard<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.waiting.clear();
        queue.is_writing = false;
    }
}
