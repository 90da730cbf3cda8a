use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

use super::begin::InsertBatcher;
use super::cache::SessionCache;
use super::session::{SessionLifetimes, StoredSession, columns};
use super::{EndReason, Session, SessionLookup, SessionToken};
use crate::config::SessionSettings;
use crate::domain::{Clock, SessionId, Timestamp};
use crate::store::{Store, StoreError, StoreKind, WatchRegistry, WriteConnectionGuard};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/sessions/migrations");

const KIND: StoreKind = StoreKind { name: "session store", if_recreated: "everybody signs in again" };

/// How often the last use of a session is written at most, so that reading a page does not wait for the disk.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

/// The least number of times that last use is written within the idle time: for a short one, "about a minute" is too coarse.
const TOUCHES_WITHIN_IDLE: u32 = 4;

/// How long an ended session's row is kept, to give late connections its end reason. A page that was asleep for longer
/// is told that the session has expired, which is what it looks like to its reader.
const ENDED_RETENTION: Duration = Duration::from_hours(1);

/// The store of all sessions. Cheap to clone; the clones are one store.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<SessionsInner>,
}

struct SessionsInner {
    store: Store,
    lifetimes: SessionLifetimes,
    clock: Arc<dyn Clock>,
    watch_registry: WatchRegistry<SessionId>,
    cache: SessionCache,
    insert_batcher: InsertBatcher,
}

impl Sessions {
    /// Opens the store in the file `path`, created with mode 0600 when there is none. Its folder must exist.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, settings: &SessionSettings, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = Store::open(path, KIND, &MIGRATIONS).await?;
        Ok(Self {
            inner: Arc::new(SessionsInner {
                store,
                lifetimes: SessionLifetimes::new(settings),
                clock,
                watch_registry: WatchRegistry::default(),
                cache: SessionCache::new(),
                insert_batcher: InsertBatcher::default(),
            }),
        })
    }

    /// Looks up the session of a token, and notes its use. [`SessionLookup::NotFound`] when there never was one, or it
    /// has ended, was idle too long, or is past its absolute end; [`SessionLookup::Stale`] when the directory could not
    /// confirm it for too long.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that says nothing about the session.
    pub async fn find(&self, token: &SessionToken) -> Result<SessionLookup, StoreError> {
        let hash = token.hash();
        let now = self.now();
        if let Some(session) = self.cache().get(&hash, now)
            && now < session.expires_at()
            && !session.is_stale(now)
            && !self.needs_touch(&session, now)
        {
            return Ok(SessionLookup::Valid(session));
        }
        let generation = self.cache().generation();
        let row: Option<StoredSession> =
            sqlx::query_as(concat!("SELECT ", columns!(), " FROM sessions WHERE token_hash = ? AND ended_at IS NULL"))
                .bind(hash.to_vec())
                .fetch_optional(self.pool())
                .await
                .map_err(|error| self.query_failed(&error))?;
        let Some(row) = row else { return Ok(SessionLookup::NotFound) };
        let session = self.decode(row)?;
        let now = self.now();
        if now >= session.expires_at() {
            return Ok(SessionLookup::NotFound);
        }
        // A session that grants nothing is not used either.
        if session.is_stale(now) {
            return Ok(SessionLookup::Stale(session));
        }
        let session = self.touch(session).await;
        self.cache().insert(hash, session.clone(), now, generation);
        Ok(SessionLookup::Valid(session))
    }

    /// Ends a session and notifies its live connections at once. `false` when it had ended before, or never was.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the session then goes on.
    pub async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        let written = sqlx::query("UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL")
            .bind(self.now().as_millis())
            .bind(reason.as_str())
            .bind(id)
            .execute(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        let ended = written.rows_affected() > 0;
        if ended {
            self.cache().invalidate();
            self.inner.watch_registry.notify_ended(id, reason);
        }
        Ok(ended)
    }

    /// Ends every expired session, notifies its live connections, and deletes those that ended a while ago. To be
    /// called every minute or so. Returns the sessions that it ended, for the audit; one whose row cannot be read has
    /// ended like the others, and is logged instead.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; expired sessions are none the less no longer found.
    pub async fn sweep(&self) -> Result<Vec<Session>, StoreError> {
        let now = self.now();
        let lifetimes = self.inner.lifetimes;
        // All columns of the condition are in the index: the rows of sessions that go on are not read.
        let rows: Vec<StoredSession> = sqlx::query_as(concat!(
            "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id IN (
                 SELECT id FROM sessions INDEXED BY sessions_alive WHERE ended_at IS NULL AND (
                     created_at <= CASE WHEN upkeep <> 'refreshed' THEN ? WHEN stays THEN ? ELSE ? END
                     OR last_seen_at <= CASE WHEN stays THEN ? ELSE ? END))
             RETURNING ",
            columns!()
        ))
        .bind(now.as_millis())
        .bind(EndReason::Expired.as_str())
        .bind((now - lifetimes.unrefreshed).as_millis())
        .bind((now - lifetimes.stay).as_millis())
        .bind((now - lifetimes.absolute).as_millis())
        .bind((now - lifetimes.idle_for(true)).as_millis())
        .bind((now - lifetimes.idle).as_millis())
        .fetch_all(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        let ended = self.notify_ended(rows, EndReason::Expired);
        self.end_surplus().await?;
        sqlx::query("DELETE FROM sessions WHERE ended_at <= ?")
            .bind((now - ENDED_RETENTION).as_millis())
            .execute(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(ended)
    }

    /// Closes the file, when the program stops. Every later query fails.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    pub(super) fn watch_registry(&self) -> &WatchRegistry<SessionId> {
        &self.inner.watch_registry
    }

    pub(super) fn cache(&self) -> &SessionCache {
        &self.inner.cache
    }

    pub(super) fn insert_batcher(&self) -> &InsertBatcher {
        &self.inner.insert_batcher
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        self.inner.store.pool()
    }

    /// The connection for the most frequent writes: see [`Store::write_connection`].
    pub(super) async fn write_connection(&self) -> Result<WriteConnectionGuard<'_>, sqlx::Error> {
        self.inner.store.write_connection().await
    }

    pub(super) fn lifetimes(&self) -> SessionLifetimes {
        self.inner.lifetimes
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// Writes down the use of a session. A failing disk does not refuse the page: the session then ends a little early,
    /// and the log says why.
    async fn touch(&self, session: Session) -> Session {
        let now = self.now();
        if !self.needs_touch(&session, now) {
            return session;
        }
        let idle = self.inner.lifetimes.idle_for(session.stay_signed_in);
        // Several requests of one browser come at once: the earlier ones must not set the time back.
        let noted = sqlx::query("UPDATE sessions SET last_seen_at = ? WHERE id = ? AND last_seen_at < ? AND ended_at IS NULL")
            .bind(now.as_millis())
            .bind(session.id)
            .bind(now.as_millis())
            .execute(self.pool())
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

    /// Whether its last written use is so long ago that this one is to be written.
    fn needs_touch(&self, session: &Session, now: Timestamp) -> bool {
        let idle = self.inner.lifetimes.idle_for(session.stay_signed_in);
        now.since(session.last_seen_at) >= TOUCH_INTERVAL.min(idle / TOUCHES_WITHIN_IDLE)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The sessions of these rows; a row that cannot be read is logged and left out.
    pub(super) fn decode_all(&self, rows: Vec<StoredSession>) -> impl Iterator<Item = Session> {
        rows.into_iter().filter_map(|row| {
            let session = row.id;
            self.decode(row).inspect_err(|error| tracing::warn!(%session, %error, "a session is left out of a list")).ok()
        })
    }

    pub(super) fn decode(&self, row: StoredSession) -> Result<Session, StoreError> {
        row.into_session(self.inner.lifetimes).map_err(|reason| self.inner.store.damaged(&reason))
    }

    pub(super) fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        self.inner.store.query_failed(error)
    }

    pub(super) fn failed(&self, reason: &impl ToString) -> StoreError {
        self.inner.store.failed(reason)
    }
}
