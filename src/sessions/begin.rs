use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::oneshot;

use super::session::{Proofs, Row, Times, columns};
use super::{Beginning, EndReason, Proved, Session, SessionToken, Sessions};
use crate::domain::{Client, Person, PersonId, SessionId, Timestamp};
use crate::store::StoreError;

/// How many sessions one person may have; beyond it the oldest end, at the next sweep. Far more browsers than anybody
/// has, and few enough that a script that signs in again and again does not fill the disk.
const MOST_SESSIONS_OF_ONE: i64 = 100;

/// How many sessions begin in one statement: a statement of so many takes a few milliseconds, and others wait for it.
const MOST_AT_ONCE: usize = 256;

/// The sessions that are about to begin. Whoever comes first writes them all in one statement; who comes meanwhile waits
/// for it, and one of them writes the next: under load a session costs a fraction of a write, and alone no more than one.
#[derive(Default)]
pub(super) struct Beginnings {
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: Vec<Waiting>,
    /// Whether somebody is writing, who takes those who come meanwhile along.
    is_written: bool,
}

struct Waiting {
    session: NewSession,
    begun: oneshot::Sender<Result<(), StoreError>>,
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
        beginning: Beginning,
    ) -> Result<(SessionToken, Session), StoreError> {
        let token = SessionToken::generate()?;
        let now = self.now();
        let Beginning { upkeep, second_factor, stays } = beginning;
        let stays = stays && self.lifetimes().lets_stay;
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
        self.write(new).await?;
        let times = Times { created_at: now, last_seen_at: now, confirmed_at: now, upkeep, stays };
        let proofs = Proofs { proved_at: now, second_factor_at };
        Ok((token, Session::of(id, person.clone(), times, proofs, client.without_device_cookie(), self.lifetimes())))
    }

    /// Notes what `person` has proved anew in their session, whose `token` it is, and gives their browser another token. The old one
    /// opens nothing from now on; the session, its end and its live connections stay. `None` when there is no such
    /// session of theirs any more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written: the old token is good then, and nothing was noted.
    pub async fn prove(
        &self,
        token: &SessionToken,
        person: &PersonId,
        proved: Proved,
    ) -> Result<Option<(SessionToken, Session)>, StoreError> {
        let fresh = SessionToken::generate()?;
        let row: Option<Row> = sqlx::query_as(concat!(
            "UPDATE sessions SET token_hash = ?1, proved_at = coalesce(?2, proved_at),
                 second_factor_at = coalesce(?3, second_factor_at)
             WHERE token_hash = ?4 AND person_id = ?5 AND ended_at IS NULL RETURNING ",
            columns!()
        ))
        .bind(fresh.hash().to_vec())
        .bind(matches!(proved, Proved::Password | Proved::Both).then(|| self.now().as_millis()))
        .bind(matches!(proved, Proved::SecondFactor | Proved::Both).then(|| self.now().as_millis()))
        .bind(token.hash().to_vec())
        .bind(person.as_str())
        .fetch_optional(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        self.recent().turn_over();
        let session = row.map(|row| self.read(row)).transpose()?;
        Ok(session.filter(|session| self.now() < session.end()).map(|session| (fresh, session)))
    }

    /// Ends the oldest sessions of everybody who has too many.
    pub(super) async fn end_the_surplus(&self) -> Result<(), StoreError> {
        let surplus: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM (
                 SELECT id, row_number() OVER (PARTITION BY person_id ORDER BY created_at DESC, id DESC) AS place
                 FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL AND person_id IN (
                     SELECT person_id FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL
                     GROUP BY person_id HAVING count(*) > ?1))
             WHERE place > ?1",
        )
        .bind(MOST_SESSIONS_OF_ONE)
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        for id in surplus {
            self.end(SessionId::new(id), EndReason::Revoked).await?;
        }
        Ok(())
    }

    /// Writes one row, together with whatever else waits to be written.
    async fn write(&self, session: NewSession) -> Result<(), StoreError> {
        let (begun, answer) = oneshot::channel();
        if self.beginnings().join(Waiting { session, begun }) {
            // On its own, so that whoever goes away takes nobody else's session with them.
            tokio::spawn(self.clone().write_those_who_wait());
        }
        answer.await.unwrap_or_else(|_| Err(self.failed(&"whoever wrote the session stopped")))
    }

    /// Writes the rows that wait, until there are none.
    async fn write_those_who_wait(self) {
        let turn = Turn(&self);
        while let Some(waiting) = self.beginnings().next() {
            let written = self.write_rows(waiting.iter().map(|waiting| &waiting.session)).await;
            for Waiting { begun, .. } in waiting {
                // Whoever waited may have gone away; their session ends unused, like any other.
                let _ = begun.send(written.clone());
            }
        }
        mem::forget(turn);
    }

    /// Writes rows in one statement.
    async fn write_rows<'a>(&self, rows: impl Iterator<Item = &'a NewSession>) -> Result<(), StoreError> {
        let rows = serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|error| self.failed(&error))?;
        let mut pen = self.pen().await.map_err(|error| self.query_failed(&error))?;
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

impl Beginnings {
    /// Lets one more wait. `true` when nobody is writing, and whoever asks has to see to it.
    fn join(&self, waiting: Waiting) -> bool {
        let mut line = self.line();
        line.waiting.push(waiting);
        !mem::replace(&mut line.is_written, true)
    }

    /// The next who wait, as many as one statement takes. `None` when there are none, and nobody is writing any more.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut line = self.line();
        let rest = line.waiting.len().min(MOST_AT_ONCE);
        let rest = line.waiting.split_off(rest);
        let next = mem::replace(&mut line.waiting, rest);
        line.is_written = !next.is_empty();
        line.is_written.then_some(next)
    }

    /// A panic elsewhere leaves the line whole: every change to it is one call.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever writes, should they stop in the middle: those who still wait hear that nothing was written, and the next
/// who comes writes again.
struct Turn<'a>(&'a Sessions);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut line = self.0.beginnings().line();
        line.waiting.clear();
        line.is_written = false;
    }
}
