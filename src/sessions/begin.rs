use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::oneshot;

use super::session::{AuthenticationTimes, SessionTimes, StoredSession, columns};
use super::{EndReason, Reauthentication, Session, SessionOptions, SessionToken, Sessions};
use crate::domain::{Client, Person, PersonId, SessionId, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// The most sessions of one person; beyond it the oldest end, at the next sweep. Far more browsers than anybody has,
/// and few enough that a script that signs in again and again does not fill the disk.
const MAX_SESSIONS_PER_PERSON: i64 = 100;

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

/// A row to insert, as JSON for SQLite's `json_each`.
#[derive(Serialize)]
struct NewSession {
    id: SessionId,
    /// In hexadecimal.
    token_hash: String,
    person_id: String,
    /// JSON, as the row has it.
    person: String,
    at: i64,
    second_factor_at: Option<i64>,
    upkeep: &'static str,
    stays: bool,
    address: Option<String>,
    user_agent: Option<String>,
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
        let now = self.now();
        let SessionOptions { revalidation, second_factor, stay_signed_in } = options;
        let stay_signed_in = stay_signed_in && self.lifetimes().stay_allowed;
        let second_factor_at = second_factor.then_some(now);
        let id = new_id(now)?;
        let new = NewSession {
            id,
            token_hash: hex::encode(token.hash()),
            person_id: person.id.as_str().to_owned(),
            person: serde_json::to_string(person).map_err(|error| self.failed(&error))?,
            at: now.as_millis(),
            second_factor_at: second_factor_at.map(Timestamp::as_millis),
            upkeep: revalidation.as_str(),
            stays: stay_signed_in,
            address: client.address().map(|address| address.to_string()),
            user_agent: client.user_agent().map(str::to_owned),
        };
        self.insert(new).await?;
        let times = SessionTimes { created_at: now, last_seen_at: now, confirmed_at: now, revalidation, stay_signed_in };
        let authentication = AuthenticationTimes { authenticated_at: now, second_factor_at };
        Ok((
            token,
            Session::from_parts(id, person.clone(), times, authentication, client.without_device_cookie(), self.lifetimes()),
        ))
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
        let fresh = SessionToken::generate()?;
        let row: Option<StoredSession> = sqlx::query_as(concat!(
            "UPDATE sessions SET token_hash = ?1, proved_at = coalesce(?2, proved_at),
                 second_factor_at = coalesce(?3, second_factor_at)
             WHERE token_hash = ?4 AND person_id = ?5 AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(fresh.hash().to_vec())
        .bind(matches!(reauthentication, Reauthentication::Password | Reauthentication::Both).then(|| self.now().as_millis()))
        .bind(
            matches!(reauthentication, Reauthentication::SecondFactor | Reauthentication::Both).then(|| self.now().as_millis()),
        )
        .bind(token.hash().to_vec())
        .bind(person.as_str())
        .fetch_optional(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        self.cache().invalidate();
        let session = row.map(|row| self.decode(row)).transpose()?;
        Ok(session.filter(|session| self.now() < session.expires_at()).map(|session| (fresh, session)))
    }

    /// Ends the oldest sessions of everybody who has too many.
    pub(super) async fn end_surplus(&self) -> Result<(), StoreError> {
        let surplus: Vec<SessionId> = sqlx::query_scalar(
            "SELECT id FROM (
                 SELECT id, row_number() OVER (PARTITION BY person_id ORDER BY created_at DESC, id DESC) AS place
                 FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL AND person_id IN (
                     SELECT person_id FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL
                     GROUP BY person_id HAVING count(*) > ?1))
             WHERE place > ?1",
        )
        .bind(MAX_SESSIONS_PER_PERSON)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        for id in surplus {
            self.end(id, EndReason::Revoked).await?;
        }
        Ok(())
    }

    /// Inserts one row, together with whatever else waits to be inserted.
    async fn insert(&self, session: NewSession) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.insert_batcher().enqueue(PendingInsert { session, reply }) {
            // In a task of its own, so that a caller who is cancelled takes nobody else's session with them.
            tokio::spawn(self.clone().insert_batches());
        }
        answer.await.unwrap_or_else(|_| Err(self.failed(&"whoever wrote the session stopped")))
    }

    /// Inserts the rows that wait, until there are none.
    async fn insert_batches(self) {
        let guard = BatchGuard(&self);
        while let Some(batch) = self.insert_batcher().next_batch() {
            let written = self.insert_rows(batch.iter().map(|insert| &insert.session)).await;
            for PendingInsert { reply, .. } in batch {
                // The caller may have been cancelled; their session ends unused, like any other.
                let _ = reply.send(written.clone());
            }
        }
        mem::forget(guard);
    }

    /// Inserts rows in one statement.
    async fn insert_rows<'a>(&self, rows: impl Iterator<Item = &'a NewSession>) -> Result<(), StoreError> {
        let rows = serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|error| self.failed(&error))?;
        let mut connection = self.write_connection().await.map_err(|error| self.query_failed(&error))?;
        sqlx::query(
            "INSERT INTO sessions (id, token_hash, person_id, person, created_at, last_seen_at, confirmed_at, proved_at,
                 second_factor_at, upkeep, stays, address, user_agent)
             SELECT unhex(value ->> 'id', '-'), unhex(value ->> 'token_hash'), value ->> 'person_id', value ->> 'person',
                 value ->> 'at', value ->> 'at', value ->> 'at', value ->> 'at', value ->> 'second_factor_at',
                 value ->> 'upkeep', value ->> 'stays', value ->> 'address', value ->> 'user_agent' FROM json_each(?)",
        )
        .bind(rows)
        .execute(&mut *connection)
        .await
        .map_err(|error| self.query_failed(&error))?;
        connection.release();
        Ok(())
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
