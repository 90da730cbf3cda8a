use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;

use super::open::{explain, open};
use super::session::{Lifetimes, Row, StandingRow, Times};
use super::watch::Registry;
use super::{EndReason, Found, Session, SessionToken, SessionWatch, StoreError};
use crate::config::SessionSettings;
use crate::domain::{Client, Clock, Person, PersonId, SessionId, Timestamp, Upkeep};

/// A page view becomes a write at most this often, so that reading a page does not wait for the disk.
const TOUCH_AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// With a short idle time, "about a minute" would be too coarse: last use is then noted this many times within it.
const TOUCHES_WITHIN_IDLE: u32 = 4;

/// How many sessions one person may have; beyond it the oldest end. Far more browsers than anybody has, and few
/// enough that a script that signs in again and again does not fill the disk.
const MOST_SESSIONS_OF_ONE: i64 = 100;

/// How long an ended session's row stays to tell late connections why. A page that was asleep for longer is told
/// that the session has expired, which is what it looks like to its reader.
const ENDED_STAYS: Duration = Duration::from_hours(1);

/// Every session there is. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    pool: SqlitePool,
    path: PathBuf,
    lifetimes: Lifetimes,
    clock: Arc<dyn Clock>,
    watchers: Registry,
}

/// How a session stands, by its id.
pub(super) enum Standing {
    /// It has not ended.
    Lives {
        /// It is good until then, if nothing more is done; `None` when it has gone stale.
        until: Option<Timestamp>,
        /// Its person, as the row has them.
        person: Vec<u8>,
    },
    /// It is over.
    Ended(EndReason),
}

impl Sessions {
    /// Opens the store in the file `path`, which is made (mode 0600) when there is none; its folder must be there.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, settings: &SessionSettings, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let pool = open(path).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                pool,
                path: path.to_owned(),
                lifetimes: Lifetimes::new(settings),
                clock,
                watchers: Registry::default(),
            }),
        })
    }

    /// Begins a session for somebody who has just proved who they are, with a fresh token for their browser. The
    /// sign-in confirms it; `upkeep` says whether the directory can be asked about them again.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept, or the system has no randomness to give.
    pub async fn begin(
        &self,
        person: &Person,
        client: &Client,
        upkeep: Upkeep,
    ) -> Result<(SessionToken, Session), StoreError> {
        let token = SessionToken::generate()?;
        let now = self.now();
        let described = serde_json::to_string(person).map_err(|error| self.failed(&error))?;
        let written = sqlx::query(
            "INSERT INTO sessions
                 (token_hash, person_id, person, created_at, last_seen_at, confirmed_at, upkeep, address, user_agent)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(token.hash().to_vec())
        .bind(person.id.as_str())
        .bind(described)
        .bind(now.as_millis())
        .bind(now.as_millis())
        .bind(now.as_millis())
        .bind(upkeep.word())
        .bind(client.address().map(|address| address.to_string()))
        .bind(client.user_agent())
        .execute(&self.inner.pool)
        .await
        .map_err(|error| self.query_failed(&error))?;
        let id = SessionId::new(written.last_insert_rowid());
        let times = Times { created_at: now, last_seen_at: now, confirmed_at: now, upkeep };
        let session = Session::of(id, person.clone(), times, client.clone(), self.inner.lifetimes);
        self.end_the_oldest_of(&person.id).await?;
        Ok((token, session))
    }

    /// The session whose token this is, now used. [`Found::Nothing`] when there never was one, or it has ended, was idle
    /// too long, or is past its last hour; [`Found::Stale`] when the directory could not confirm it for too long.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the session.
    pub async fn find(&self, token: &SessionToken) -> Result<Found, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, person, created_at, last_seen_at, confirmed_at, upkeep, address, user_agent FROM sessions
             WHERE token_hash = ? AND ended_at IS NULL",
        )
        .bind(token.hash().to_vec())
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(|error| self.query_failed(&error))?;
        let Some(row) = row else { return Ok(Found::Nothing) };
        let session = self.read(row)?;
        let now = self.now();
        if now >= session.end() {
            return Ok(Found::Nothing);
        }
        // What opens nothing is not used either.
        if session.is_stale(now) {
            return Ok(Found::Stale(session));
        }
        Ok(Found::Good(self.touch(session).await))
    }

    /// Ends a session and tells its live connections at once. `false` when it had ended before, or never was.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the session then goes on.
    pub async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let written = sqlx::query("UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL")
            .bind(self.now().as_millis())
            .bind(reason.word())
            .bind(id.as_i64())
            .execute(&self.inner.pool)
            .await
            .map_err(|error| self.query_failed(&error))?;
        let ended = written.rows_affected() > 0;
        if ended {
            self.inner.watchers.tell(id, reason);
        }
        Ok(ended)
    }

    /// The sessions somebody has now, the newest first. One whose row cannot be read is left out, and logged: it
    /// opens nothing (see [`Self::find`]), and must not hide the others.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn of(&self, person: &PersonId) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, person, created_at, last_seen_at, confirmed_at, upkeep, address, user_agent FROM sessions
             WHERE person_id = ? AND ended_at IS NULL ORDER BY created_at DESC, id DESC",
        )
        .bind(person.as_str())
        .fetch_all(&self.inner.pool)
        .await
        .map_err(|error| self.query_failed(&error))?;
        let now = self.now();
        Ok(self.readable(rows).filter(|session| now < session.end()).collect())
    }

    /// Writes down the end of every session whose time is over, tells its live connections, and forgets those that
    /// ended a while ago. To be called every minute or so. Answers with the sessions that it ended, for the audit;
    /// one whose row cannot be read has ended like the others, and is logged instead.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; expired sessions are none the less no longer found.
    pub async fn sweep(&self) -> Result<Vec<Session>, StoreError> {
        let now = self.now();
        let lifetimes = self.inner.lifetimes;
        let rows: Vec<Row> = sqlx::query_as(
            "UPDATE sessions SET ended_at = ?, end_reason = ?
             WHERE ended_at IS NULL
                 AND (created_at <= ? OR last_seen_at <= ? OR (upkeep <> 'refreshed' AND created_at <= ?))
             RETURNING id, person, created_at, last_seen_at, confirmed_at, upkeep, address, user_agent",
        )
        .bind(now.as_millis())
        .bind(EndReason::Expired.word())
        .bind((now - lifetimes.absolute).as_millis())
        .bind((now - lifetimes.idle).as_millis())
        .bind((now - lifetimes.unrefreshed).as_millis())
        .fetch_all(&self.inner.pool)
        .await
        .map_err(|error| self.query_failed(&error))?;
        for row in &rows {
            self.inner.watchers.tell(row.id(), EndReason::Expired);
        }
        sqlx::query("DELETE FROM sessions WHERE ended_at <= ?")
            .bind((now - ENDED_STAYS).as_millis())
            .execute(&self.inner.pool)
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(self.readable(rows).collect())
    }

    /// Watches over a session whose person is `known` so, for as long as the watch is kept.
    pub fn watch(&self, id: SessionId, known: &Person) -> SessionWatch {
        SessionWatch::begin(self.clone(), id, known.clone())
    }

    /// Closes the file in good order, when the program stops. The store answers nothing after that.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// How a session stands, without using it.
    pub(super) async fn standing(&self, id: SessionId) -> Result<Standing, StoreError> {
        let row: Option<StandingRow> = sqlx::query_as(
            "SELECT created_at, last_seen_at, confirmed_at, upkeep, person, end_reason FROM sessions WHERE id = ?",
        )
        .bind(id.as_i64())
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(|error| self.query_failed(&error))?;
        let Some(StandingRow { created_at, last_seen_at, confirmed_at, upkeep, person, end_reason }) = row else {
            return Ok(Standing::Ended(EndReason::Expired));
        };
        if let Some(word) = end_reason {
            // A word that a later version wrote: it ended, and somebody else than this browser did it.
            return Ok(Standing::Ended(EndReason::from_word(&word).unwrap_or(EndReason::Revoked)));
        }
        let ends = self.inner.lifetimes.of(Times::read(created_at, last_seen_at, confirmed_at, &upkeep));
        let (now, end) = (self.now(), ends.idle.min(ends.absolute));
        if now >= end {
            return Ok(Standing::Ended(EndReason::Expired));
        }
        let until = match ends.stale_from {
            Some(stale_from) if now >= stale_from => None,
            Some(stale_from) => Some(end.min(stale_from)),
            None => Some(end),
        };
        Ok(Standing::Lives { until, person })
    }

    pub(super) fn watchers(&self) -> &Registry {
        &self.inner.watchers
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.inner.pool
    }

    pub(super) fn lifetimes(&self) -> Lifetimes {
        self.inner.lifetimes
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// Notes that the session is in use. A disk that refuses the note does not refuse the page: the session then
    /// ends a little early, and the log says why.
    async fn touch(&self, session: Session) -> Session {
        let now = self.now();
        let idle = self.inner.lifetimes.idle;
        if now.since(session.last_seen_at) < TOUCH_AT_MOST_EVERY.min(idle / TOUCHES_WITHIN_IDLE) {
            return session;
        }
        // Several requests of one browser come at once: the earlier ones must not set the time back.
        let noted =
            sqlx::query("UPDATE sessions SET last_seen_at = ? WHERE id = ? AND last_seen_at < ? AND ended_at IS NULL")
                .bind(now.as_millis())
                .bind(session.id.as_i64())
                .bind(now.as_millis())
                .execute(&self.inner.pool)
                .await;
        match noted {
            Ok(_) => Session { last_seen_at: now, idle_end: now + idle, ..session },
            Err(error) => {
                let error = self.query_failed(&error);
                tracing::warn!(session = %session.id, %error, "the use of a session could not be noted");
                session
            }
        }
    }

    async fn end_the_oldest_of(&self, person: &PersonId) -> Result<(), StoreError> {
        let surplus: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM sessions WHERE person_id = ? AND ended_at IS NULL
             ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?",
        )
        .bind(person.as_str())
        .bind(MOST_SESSIONS_OF_ONE)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(|error| self.query_failed(&error))?;
        for id in surplus {
            self.end(SessionId::new(id), EndReason::Revoked).await?;
        }
        Ok(())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The sessions of these rows; what cannot be read is logged and left out.
    pub(super) fn readable(&self, rows: Vec<Row>) -> impl Iterator<Item = Session> {
        rows.into_iter().filter_map(|row| {
            let session = row.id();
            self.read(row).inspect_err(|error| tracing::warn!(%session, %error, "a session is left out of a list")).ok()
        })
    }

    fn read(&self, row: Row) -> Result<Session, StoreError> {
        row.session(self.inner.lifetimes)
            .map_err(|reason| StoreError::Damaged { path: self.inner.path.clone(), reason })
    }

    pub(super) fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        explain(&self.inner.path, error, |_, error| self.failed(error))
    }

    pub(super) fn failed(&self, reason: &impl ToString) -> StoreError {
        StoreError::Query { path: self.inner.path.clone(), reason: reason.to_string() }
    }
}
