use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::oneshot;

use super::session::{AuthenticationTimes, SessionTimes, StoredSession, columns};
use super::{EndReason, Reauthentication, Session, SessionOptions, SessionToken, Sessions};
use crate::domain::{Client, Person, PersonId, SessionId, Timestamp};
use crate::store::StoreError;

/// How many sessions one person may have; beyond it the oldest end, at the next sweep. Far more browsers than anybody
/// has, and few enough that a script that signs in again and again does not fill the disk.
const MAX_SESSIONS_PER_PERSON: i64 = 100;

/// How many sessions begin in one statement: a statement of so many takes a few milliseconds, and others wait for it.
const MAX_BATCH: usize = 256;

/// The sessions that are about to begin. Whoever comes first writes them all in one statement; who comes meanwhile waits
/// for it, and one of them writes the next: under load a session costs a fraction of a write, and alone no more than one.
#[derive(Default)]
pub(super) struct InsertBatcher {
    queue: Mutex<InsertQueue>,
}

#[derive(Default)]
struct InsertQueue {
    waiting: Vec<PendingInsert>,
    /// Whether somebody is writing, who takes those who come meanwhile along.
    is_writing: bool,
}

struct PendingInsert {
    session: NewSession,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

/// A row to be, for SQLite to take apart.
#[derive(Serialize)]
struct NewSession {
    id: i64,
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

/// How sessions begin, and get a new token whenever their person has proved more.
impl Sessions {
    /// Begins a session for somebody who has just proved who they are, with a fresh token for their browser. The
    /// sign-in confirms it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept, or the system has no randomness to give.
    pub async fn begin(
        &self,
        person: &Person,
        client: &Client,
        beginning: SessionOptions,
    ) -> Result<(SessionToken, Session), StoreError> {
        let token = SessionToken::generate()?;
        let now = self.now();
        let SessionOptions { revalidation: upkeep, second_factor, stay_signed_in: stays } = beginning;
        let stays = stays && self.lifetimes().stay_allowed;
        let second_factor_at = second_factor.then_some(now);
        let id = self.next_id();
        let new = NewSession {
            id: id.as_i64(),
            token_hash: hex::encode(token.hash()),
            person_id: person.id.as_str().to_owned(),
            person: serde_json::to_string(person).map_err(|error| self.failed(&error))?,
            at: now.as_millis(),
            second_factor_at: second_factor_at.map(Timestamp::as_millis),
            upkeep: upkeep.as_str(),
            stays,
            address: client.address().map(|address| address.to_string()),
            user_agent: client.user_agent().map(str::to_owned),
        };
        self.insert(new).await?;
        let times = SessionTimes {
            created_at: now,
            last_seen_at: now,
            confirmed_at: now,
            revalidation: upkeep,
            stay_signed_in: stays,
        };
        let proofs = AuthenticationTimes { authenticated_at: now, second_factor_at };
        Ok((
            token,
            Session::from_parts(id, person.clone(), times, proofs, client.without_device_cookie(), self.lifetimes()),
        ))
    }

    /// Notes what `person` has proved anew in their session, whose `token` it is, and gives their browser another token. The old one
    /// opens nothing from now on; the session, its end and its live connections stay. `None` when there is no such
    /// session of theirs any more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written: the old token is good then, and nothing was noted.
    pub async fn reauthenticate(
        &self,
        token: &SessionToken,
        person: &PersonId,
        proved: Reauthentication,
    ) -> Result<Option<(SessionToken, Session)>, StoreError> {
        let fresh = SessionToken::generate()?;
        let row: Option<StoredSession> = sqlx::query_as(concat!(
            "UPDATE sessions SET token_hash = ?1, proved_at = coalesce(?2, proved_at),
                 second_factor_at = coalesce(?3, second_factor_at)
             WHERE token_hash = ?4 AND person_id = ?5 AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(fresh.hash().to_vec())
        .bind(matches!(proved, Reauthentication::Password | Reauthentication::Both).then(|| self.now().as_millis()))
        .bind(matches!(proved, Reauthentication::SecondFactor | Reauthentication::Both).then(|| self.now().as_millis()))
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
        let surplus: Vec<i64> = sqlx::query_scalar(
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
            self.end(SessionId::new(id), EndReason::Revoked).await?;
        }
        Ok(())
    }

    /// Writes one row, together with whatever else waits to be written.
    async fn insert(&self, session: NewSession) -> Result<(), StoreError> {
        let (begun, answer) = oneshot::channel();
        if self.insert_batcher().enqueue(PendingInsert { session, reply: begun }) {
            // On its own, so that whoever goes away takes nobody else's session with them.
            tokio::spawn(self.clone().insert_batches());
        }
        answer.await.unwrap_or_else(|_| Err(self.failed(&"whoever wrote the session stopped")))
    }

    /// Writes the rows that wait, until there are none.
    async fn insert_batches(self) {
        let turn = BatchGuard(&self);
        while let Some(waiting) = self.insert_batcher().next_batch() {
            let written = self.insert_rows(waiting.iter().map(|waiting| &waiting.session)).await;
            for PendingInsert { reply: begun, .. } in waiting {
                // Whoever waited may have gone away; their session ends unused, like any other.
                let _ = begun.send(written.clone());
            }
        }
        mem::forget(turn);
    }

    /// Writes rows in one statement.
    async fn insert_rows<'a>(&self, rows: impl Iterator<Item = &'a NewSession>) -> Result<(), StoreError> {
        let rows = serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|error| self.failed(&error))?;
        let mut pen = self.write_connection().await.map_err(|error| self.query_failed(&error))?;
        sqlx::query(
            "INSERT INTO sessions (id, token_hash, person_id, person, created_at, last_seen_at, confirmed_at, proved_at,
                 second_factor_at, upkeep, stays, address, user_agent)
             SELECT value ->> 'id', unhex(value ->> 'token_hash'), value ->> 'person_id', value ->> 'person',
                 value ->> 'at', value ->> 'at', value ->> 'at', value ->> 'at', value ->> 'second_factor_at',
                 value ->> 'upkeep', value ->> 'stays', value ->> 'address', value ->> 'user_agent' FROM json_each(?)",
        )
        .bind(rows)
        .execute(&mut *pen)
        .await
        .map_err(|error| self.query_failed(&error))?;
        pen.release();
        Ok(())
    }
}

impl InsertBatcher {
    /// Lets one more wait. `true` when nobody is writing, and whoever asks has to see to it.
    fn enqueue(&self, waiting: PendingInsert) -> bool {
        let mut line = self.line();
        line.waiting.push(waiting);
        !mem::replace(&mut line.is_writing, true)
    }

    /// The next who wait, as many as one statement takes. `None` when there are none, and nobody is writing any more.
    fn next_batch(&self) -> Option<Vec<PendingInsert>> {
        let mut line = self.line();
        let rest = line.waiting.len().min(MAX_BATCH);
        let rest = line.waiting.split_off(rest);
        let next = mem::replace(&mut line.waiting, rest);
        line.is_writing = !next.is_empty();
        line.is_writing.then_some(next)
    }

    /// A panic elsewhere leaves the line whole: every change to it is one call.
    fn line(&self) -> MutexGuard<'_, InsertQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever writes, should they stop in the middle: those who still wait hear that nothing was written, and the next
/// who comes writes again.
struct BatchGuard<'a>(&'a Sessions);

impl Drop for BatchGuard<'_> {
    fn drop(&mut self) {
        let mut line = self.0.insert_batcher().line();
        line.waiting.clear();
        line.is_writing = false;
    }
}
