use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::session::{AuthenticationTimes, SessionTimes};
use super::store::NewSession;
use super::{Reauthentication, Session, SessionOptions, SessionToken, Sessions};
use crate::domain::{Client, Person, PersonId, SessionId, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// The most sessions that one statement inserts: that takes a few milliseconds, and others wait for it.
const MAX_BATCH: usize = 256;

/// A batcher of session inserts. The first starts a task that inserts all that wait in one statement, and then those
/// that came meanwhile: under load a session costs a fraction of a write, and alone no more than one.
#[derive(Default)]
pub(super) struct InsertBatcher {
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

/// The start of sessions, and their re-authentication.
impl Sessions {
    /// Begins a session for a person who has just authenticated, with a new token for their browser. The sign-in counts
    /// as the directory's confirmation.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written, or the system has no randomness to give.
    pub async fn begin(
        &self,
        person: &Person,
        client: &Client,
        options: SessionOptions,
    ) -> Result<(SessionToken, Session), StoreError> {
        let token = SessionToken::generate()?;
        let (now, lifetimes) = (self.now(), self.lifetimes());
        let SessionOptions { revalidation, second_factor, stay_signed_in } = options;
        let stay_signed_in = stay_signed_in && lifetimes.stay_allowed;
        let times = SessionTimes { created_at: now, last_seen_at: now, confirmed_at: now, revalidation, stay_signed_in };
        let authentication = AuthenticationTimes { authenticated_at: now, second_factor_at: second_factor.then_some(now) };
        let client = client.without_device_cookie();
        let session = Session::from_parts(new_id(now)?, person.clone(), times, authentication, client, lifetimes);
        self.insert(NewSession { token_hash: token.hash(), session: session.clone() }).await?;
        Ok((token, session))
    }

    /// Notes that `person` has re-authenticated in the session of `token`, and gives their browser a new token. The old
    /// one is invalid from now on; the session, its end and its live connections stay. `None` when there is no such
    /// session of theirs any more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written: the old token is still valid then, and nothing was noted.
    pub async fn reauthenticate(
        &self,
        token: &SessionToken,
        person: &PersonId,
        reauthentication: Reauthentication,
    ) -> Result<Option<(SessionToken, Session)>, StoreError> {
        let (fresh, now) = (SessionToken::generate()?, self.now());
        let record = self.store().replace_token(&token.hash(), &fresh.hash(), person, reauthentication, now).await?;
        self.publish_changes(record.as_ref().map(|record| record.id));
        let session = record.map(|record| self.decode(record)).transpose()?;
        Ok(session.filter(|session| self.now() < session.expires_at()).map(|session| (fresh, session)))
    }

    /// Inserts one session, together with whatever else waits to be inserted.
    async fn insert(&self, session: NewSession) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.insert_batcher().enqueue(PendingInsert { session, reply }) {
            // In a task of its own, so that a caller who is cancelled takes nobody else's session with them.
            tokio::spawn(self.clone().insert_batches());
        }
        answer.await.unwrap_or_else(|_| Err(self.store().failed("whoever wrote the session stopped")))
    }

    /// Inserts the sessions that wait, until there are none.
    async fn insert_batches(self) {
        let guard = BatchGuard(&self);
        while let Some(batch) = self.insert_batcher().next_batch() {
            let (sessions, replies): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|PendingInsert { session, reply }| (session, reply)).unzip();
            let written = self.store().insert(&sessions).await;
            for reply in replies {
                // The caller may have been cancelled; their session ends unused, like any other.
                let _ = reply.send(written.clone());
            }
        }
        mem::forget(guard);
    }
}

/// A new id, which no other server gives: a UUIDv7 (RFC 9562, 5.7), so that ids are in the order of sign-ins.
fn new_id(now: Timestamp) -> Result<SessionId, StoreError> {
    let mut random = [0; 10];
    fill_randomly(&mut random)?;
    let millis = u64::try_from(now.as_millis()).unwrap_or_default();
    Ok(SessionId::new(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_u128()))
}

impl InsertBatcher {
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
struct BatchGuard<'a>(&'a Sessions);

impl Drop for BatchGuard<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.insert_batcher().lock();
        queue.waiting.clear();
        queue.is_writing = false;
    }
}
